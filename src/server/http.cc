#include "server/http.h"

#include <charconv>
#include <ctime>

namespace sillok::server {

// ---------------------------------------------------------------------------------------------
// Streams

bool Stream::write(std::string bytes) {
  std::function<void()> wake;
  {
    const std::lock_guard guard(mutex_);
    if (closed_ || gone()) return false;
    if (waiting_.size() + bytes.size() > kMaxWaiting) {
      gone_ = true;
    } else if (waiting_.empty()) {
      waiting_ = std::move(bytes);
    } else {
      waiting_ += bytes;
    }
    wake = wake_;
  }
  if (wake) wake();
  return !gone();
}

void Stream::close() {
  std::function<void()> wake;
  {
    const std::lock_guard guard(mutex_);
    closed_ = true;
    wake = wake_;
    on_gone_ = nullptr;
  }
  if (wake) wake();
}

void Stream::on_wake(std::function<void()> wake) {
  const std::lock_guard guard(mutex_);
  wake_ = std::move(wake);
}

Stream::Taken Stream::take() {
  const std::lock_guard guard(mutex_);
  Taken taken;
  taken.bytes = std::move(waiting_);
  waiting_.clear();
  taken.closed = closed_ || gone();
  return taken;
}

void Stream::leave() {
  std::function<void()> call;
  {
    const std::lock_guard guard(mutex_);
    wake_ = nullptr;
    if (!closed_) {
      gone_ = true;
      call = std::move(on_gone_);
    }
    on_gone_ = nullptr;
    waiting_.clear();
  }
  if (call) call();
}

void Stream::on_gone(std::function<void()> call) {
  {
    const std::lock_guard guard(mutex_);
    if (!gone()) {
      on_gone_ = std::move(call);
      return;
    }
  }
  call();
}

std::string sse_event(std::string_view event, std::string_view data) {
  std::string out;
  if (!event.empty()) out.append("event: ").append(event).append("\n");
  for (const std::string_view line : split(data, '\n')) out.append("data: ").append(line).append("\n");
  out += "\n";
  return out;
}

// ---------------------------------------------------------------------------------------------
// Requests

namespace {

std::string_view find(const Fields& fields, std::string_view name) {
  for (const auto& [key, value] : fields) {
    if (key == name) return value;
  }
  return {};
}

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string_view Request::header(std::string_view name) const { return find(headers, name); }
std::string_view Request::argument(std::string_view name) const { return find(query, name); }
bool Request::has_argument(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return true;
  }
  return false;
}

Result<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const int high = i + 2 < text.size() ? hex(text[i + 1]) : -1, low = i + 2 < text.size() ? hex(text[i + 2]) : -1;
      if (high < 0 || low < 0) return fail(ErrorCode::kInvalid, "the address has a % that two hexadecimal digits do not follow");
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus_is_space) {
      c = ' ';
    }
    if (c == '\0') return fail(ErrorCode::kInvalid, "the address holds a NUL");
    out += c;
  }
  if (!is_valid_utf8(out)) return fail(ErrorCode::kInvalid, "the address is not UTF-8");
  return out;
}

std::string percent_encode(std::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
                       c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += kDigits[u >> 4];
      out += kDigits[u & 15];
    }
  }
  return out;
}

Status parse_target(Request& request) {
  const std::string_view target = request.target;
  if (target.empty() || target[0] != '/') {
    return fail(ErrorCode::kInvalid, "the address must begin with /");
  }
  for (const char c : target) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7F) return fail(ErrorCode::kInvalid, "the address holds control characters or spaces");
  }
  const size_t question = target.find('?');
  request.path = target.substr(0, question);
  if (question == target.npos) return {};
  for (const std::string_view pair : split(target.substr(question + 1), '&')) {
    if (pair.empty()) continue;
    const size_t equals = pair.find('=');
    SILLOK_ASSIGN(std::string name, percent_decode(pair.substr(0, equals), true));
    SILLOK_ASSIGN(std::string value, percent_decode(equals == pair.npos ? std::string_view() : pair.substr(equals + 1), true));
    request.query.emplace_back(std::move(name), std::move(value));
  }
  return {};
}

std::string_view cookie(const Request& request, std::string_view name) {
  for (const auto& [key, value] : request.headers) {
    if (key != "cookie") continue;
    for (std::string_view pair : split(value, ';')) {
      pair = trim(pair);
      const size_t equals = pair.find('=');
      if (equals != pair.npos && pair.substr(0, equals) == name) return pair.substr(equals + 1);
    }
  }
  return {};
}

// ---------------------------------------------------------------------------------------------
// Responses

std::string_view reason(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 302: return "Found";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 411: return "Length Required";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "Unknown";
  }
}

std::string response_head(const Response& response, std::optional<uint64_t> length, bool keep_alive, bool secure) {
  std::string head = "HTTP/1.1 " + std::to_string(response.status) + " ";
  head += reason(response.status);
  head += "\r\n";
  const auto add = [&head](std::string_view name, std::string_view value) {
    head.append(name).append(": ");
    // A line end in a value would begin another header.
    for (const char c : value) head += c == '\r' || c == '\n' || c == '\0' ? ' ' : c;
    head += "\r\n";
  };
  const auto has = [&](std::string_view name) {
    for (const auto& [key, value] : response.headers) {
      if (key == name) return true;
    }
    return false;
  };
  for (const auto& [name, value] : response.headers) add(name, value);
  char date[40];
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &utc);
  add("Date", date);
  // Nothing but what this program sends may run, be framed or be fetched in the browser.
  if (!has("Content-Security-Policy")) {
    add("Content-Security-Policy",
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'");
  }
  if (!has("X-Frame-Options")) add("X-Frame-Options", "DENY");
  add("X-Content-Type-Options", "nosniff");
  add("Referrer-Policy", "no-referrer");
  add("Cross-Origin-Opener-Policy", "same-origin");
  add("Cross-Origin-Resource-Policy", "same-origin");
  add("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()");
  if (secure) add("Strict-Transport-Security", "max-age=31536000");
  if (!has("Cache-Control")) add("Cache-Control", "no-store");
  if (length) {
    if (response.status != 204 && response.status != 304) add("Content-Length", std::to_string(*length));
  } else {
    add("Transfer-Encoding", "chunked");
  }
  add("Connection", keep_alive ? "keep-alive" : "close");
  head += "\r\n";
  return head;
}

// ---------------------------------------------------------------------------------------------
// JSON

namespace {

bool too_deep(std::string_view text) {
  size_t depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      else if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxJsonDepth) return true;
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return false;
}

tl::unexpected<Error> wrong_kind(const char* name, std::string_view kind) {
  return fail(ErrorCode::kInvalid, "\"" + std::string(name) + "\" must be " + std::string(kind));
}

const Json* present(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found == json.end() || found->is_null() ? nullptr : &*found;
}

}  // namespace

Result<Json> parse_json(std::string_view text) {
  if (too_deep(text)) return fail(ErrorCode::kInvalid, "the body nests more than " + std::to_string(kMaxJsonDepth) + " deep");
  try {
    Json json = Json::parse(text);
    if (!json.is_object()) return fail(ErrorCode::kInvalid, "the body must be a JSON object");
    return json;
  } catch (const Json::parse_error& error) {
    return fail(ErrorCode::kInvalid, "the body is not JSON: it goes wrong at byte " + std::to_string(error.byte));
  } catch (const Json::exception&) {
    return fail(ErrorCode::kInvalid, "the body is not JSON: it holds a number that is out of range");
  }
}

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Response json_response(Json json, int status) {
  Response response;
  response.status = status;
  response.headers.emplace_back("Content-Type", "application/json; charset=utf-8");
  response.body = dump(json);
  return response;
}

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid: return 400;
    case ErrorCode::kNotFound: return 404;
    case ErrorCode::kUnsupported: return 400;
    case ErrorCode::kProtected: return 422;
    case ErrorCode::kDenied: return 403;
    case ErrorCode::kLimit: return 429;
    case ErrorCode::kConflict: return 409;
    case ErrorCode::kIo: return 503;
    default: return 500;
  }
}

std::string_view code_of(int status) {
  switch (status) {
    case 400: return "invalid";
    case 401: return "unauthorized";
    case 403: return "forbidden";
    case 404: return "not_found";
    case 405: return "method_not_allowed";
    case 406: return "not_acceptable";
    case 408: return "timeout";
    case 409: return "conflict";
    case 413: return "too_large";
    case 414: return "uri_too_long";
    case 415: return "unsupported_media_type";
    case 422: return "unreadable";
    case 429: return "too_many_requests";
    case 431: return "headers_too_large";
    case 501: return "not_implemented";
    case 503: return "unavailable";
    case 505: return "http_version";
    case 507: return "disk_full";
    default: return "internal";
  }
}

Response error_response(Surface surface, int status, std::string_view code, std::string_view message, std::string_view param) {
  Json json;
  switch (surface) {
    case Surface::kOpenAi: {
      const char* type = status == 401   ? "authentication_error"
                         : status == 403 ? "permission_error"
                         : status == 429 ? "rate_limit_error"
                         : status >= 500 ? "server_error"
                                         : "invalid_request_error";
      json["error"] = {{"message", message}, {"type", type}, {"param", param.empty() ? Json() : Json(param)}, {"code", code}};
      break;
    }
    case Surface::kMcp:
      json = {{"jsonrpc", "2.0"}, {"id", nullptr}, {"error", {{"code", status == 400 ? -32600 : -32000}, {"message", message}}}};
      break;
    default:
      json["error"] = {{"code", code}, {"message", message}};
  }
  Response response = json_response(std::move(json), status);
  if (status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"sillok\"");
  if (status == 429 || status == 503) response.headers.emplace_back("Retry-After", "2");
  return response;
}

Response error_response(Surface surface, const Error& error) {
  const int status = status_of(error.code);
  return error_response(surface, status, code_of(status), error.message);
}

Result<std::optional<std::string>> text_field(const Json& json, const char* name) {
  const Json* value = present(json, name);
  if (value == nullptr) return std::optional<std::string>();
  if (!value->is_string()) return wrong_kind(name, "a string");
  return std::optional<std::string>(value->get<std::string>());
}

Result<std::string> required_text(const Json& json, const char* name) {
  SILLOK_ASSIGN(auto value, text_field(json, name));
  if (!value || trim(*value).empty()) return fail(ErrorCode::kInvalid, "\"" + std::string(name) + "\" is missing");
  return std::move(*value);
}

Result<std::optional<double>> number_field(const Json& json, const char* name) {
  const Json* value = present(json, name);
  if (value == nullptr) return std::optional<double>();
  if (!value->is_number()) return wrong_kind(name, "a number");
  return std::optional<double>(value->get<double>());
}

Result<std::optional<int64_t>> integer_field(const Json& json, const char* name, int64_t least, int64_t most) {
  const Json* value = present(json, name);
  if (value == nullptr) return std::optional<int64_t>();
  const std::string kind = "an integer from " + std::to_string(least) + " to " + std::to_string(most);
  if (!value->is_number_integer()) return wrong_kind(name, kind);
  if (value->is_number_unsigned() && value->get<uint64_t>() > static_cast<uint64_t>(INT64_MAX)) return wrong_kind(name, kind);
  const auto number = value->get<int64_t>();
  if (number < least || number > most) return wrong_kind(name, kind);
  return std::optional<int64_t>(number);
}

Result<std::optional<bool>> flag_field(const Json& json, const char* name) {
  const Json* value = present(json, name);
  if (value == nullptr) return std::optional<bool>();
  if (!value->is_boolean()) return wrong_kind(name, "true or false");
  return std::optional<bool>(value->get<bool>());
}

Result<uint64_t> integer_argument(const Request& request, std::string_view name, uint64_t otherwise, uint64_t most) {
  const std::string_view text = request.argument(name);
  if (text.empty()) return otherwise;
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > most) {
    return fail(ErrorCode::kInvalid, std::string(name) + " must be an integer from 0 to " + std::to_string(most));
  }
  return value;
}

size_t utf16_offset(std::string_view text, size_t offset) {
  size_t units = 0, at = 0;
  while (at < offset && at < text.size()) units += decode_utf8(text, at) > 0xFFFF ? 2 : 1;
  return units;
}

}  // namespace sillok::server
