// The organisation's own OpenAI-compatible server. One peer, named by an administrator, is all that is ever contacted: no
// proxy, no redirect, no other protocol, certificates always checked.
#include <curl/curl.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "answer/remote.h"
#include "text/text.h"

namespace sillok::answer {
namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr size_t kLongestReply = size_t{8} << 20;  // bytes of a stream
constexpr size_t kLongestLine = size_t{1} << 20;
constexpr size_t kLongestRefusal = size_t{64} << 10;
constexpr double kTemperature = 0.7, kTopP = 0.95;  // of a draw; with seed 0 the likeliest token is asked for

// CURL and CURLM are both void: each needs a closer of its own.
struct EasyCloser {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct MultiCloser {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct ListCloser {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Headers = std::unique_ptr<curl_slist, ListCloser>;

// Server-sent events to the text of a chat completion.
class Stream {
 public:
  explicit Stream(const std::function<void(std::string_view)>& on_text) : on_text_(on_text) {}

  void take(std::string_view bytes) {
    for (const char c : bytes) {
      if (c != '\n') {
        line_ += c;
        if (line_.size() > kLongestLine) error_ = "it sent a line of more than a megabyte";
      } else {
        if (line_.ends_with('\r')) line_.pop_back();
        if (error_.empty() && !done_) read_line();
        line_.clear();
      }
    }
  }
  const std::string& error() const { return error_; }
  bool done() const { return done_; }
  bool finished() const { return done_ || finished_; }  // it said why it ended
  Generator::Reply reply;

 private:
  void read_line() {
    if (!std::string_view(line_).starts_with("data:")) return;
    const std::string_view data = trim(std::string_view(line_).substr(5));
    if (data == "[DONE]") {
      done_ = true;
      return;
    }
    const Json event = Json::parse(data, nullptr, false);
    if (!event.is_object()) {
      error_ = "it sent what is no JSON: " + shorten(clean_utf8(data), 80);
      return;
    }
    if (event.contains("error") && !event["error"].is_null()) {
      const Json& error = event["error"];
      error_ = "it reports: " + shorten(clean_utf8(error.is_object() && error.contains("message") && error["message"].is_string() ? error["message"].get<std::string>() : error.dump()), 200);
      return;
    }
    if (const auto usage = event.find("usage"); usage != event.end() && usage->is_object()) {
      const auto number = [&](const char* name) {
        const auto found = usage->find(name);
        return found != usage->end() && found->is_number_unsigned() ? found->get<uint32_t>() : 0U;
      };
      reply.prompt_tokens = number("prompt_tokens");
      reply.tokens = number("completion_tokens");
    }
    const auto choices = event.find("choices");
    if (choices == event.end() || !choices->is_array() || choices->empty() || !(*choices)[0].is_object()) return;
    const Json& choice = (*choices)[0];
    if (const auto delta = choice.find("delta"); delta != choice.end() && delta->is_object()) {
      const auto content = delta->find("content");
      if (content != delta->end() && content->is_string()) {
        const std::string text = content->get<std::string>();
        reply.text += text;
        if (on_text_ && !text.empty()) on_text_(text);
      }
    }
    if (const auto reason = choice.find("finish_reason"); reason != choice.end() && reason->is_string()) {
      finished_ = true;
      reply.cut = *reason == "length";
    }
  }

  const std::function<void(std::string_view)>& on_text_;
  std::string line_, error_;
  bool done_ = false, finished_ = false;
};

// One request as it runs.
struct Transfer {
  CURL* easy = nullptr;
  Stream* stream = nullptr;
  std::string refusal;  // the body of an answer that is no stream
  size_t bytes = 0;
  Clock::time_point last = Clock::now();
  std::string retry_after, type;

  bool is_stream() const {
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    return status == 200 && type.starts_with("text/event-stream");
  }
};

size_t on_body(char* data, size_t, size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  transfer.last = Clock::now();
  transfer.bytes += size;
  if (!transfer.is_stream()) {
    if (transfer.refusal.size() < kLongestRefusal) transfer.refusal.append(data, std::min(size, kLongestRefusal - transfer.refusal.size()));
    return transfer.bytes > kLongestRefusal ? 0 : size;
  }
  if (transfer.bytes > kLongestReply) return 0;
  transfer.stream->take({data, size});
  return transfer.stream->error().empty() ? size : 0;
}

size_t on_header(char* data, size_t, size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  transfer.last = Clock::now();
  const std::string_view line(data, size);
  const size_t colon = line.find(':');
  if (colon == line.npos) return size;
  const std::string name = ascii_lower(line.substr(0, colon)), value(trim(line.substr(colon + 1)));
  if (name == "content-type") transfer.type = ascii_lower(value);
  if (name == "retry-after") transfer.retry_after = value;
  return size;
}

class RemoteGenerator final : public Generator {
 public:
  RemoteGenerator(RemoteOptions options, std::string key, std::string peer)
      : options_(std::move(options)), key_(std::move(key)), peer_(std::move(peer)) {}

  std::string name() const override { return options_.model + " at " + peer_; }
  size_t budget() const override { return options_.context; }
  // Its tokenizer is not here: a Hangul or Han character counts as a token and a half, three letters as one, which is more
  // than the tokenizers of today's models make of them.
  size_t count(std::string_view text) const override {
    size_t thirds = 0;
    for (size_t i = 0; i < text.size();) {
      const char32_t c = decode_utf8(text, i);
      const text::Script script = text::script_of(c);
      thirds += script == text::Script::kAlphabet && c < 0x80 ? 1 : c == U' ' ? 1 : c < 0x80 ? 3 : script == text::Script::kHangul || script == text::Script::kHan ? 4 : 5;
    }
    return thirds / 3 + 4;
  }

  Result<Reply> chat(const Request& request) override {
    const std::unique_ptr<CURL, EasyCloser> easy(curl_easy_init());
    const std::unique_ptr<CURLM, MultiCloser> multi(curl_multi_init());
    if (!easy || !multi) return fail(ErrorCode::kLimit, "no memory for a request to " + peer_);
    Stream stream(request.on_text);
    Transfer transfer;
    transfer.easy = easy.get();
    transfer.stream = &stream;
    const std::string body = body_of(request);
    const auto headers = set_up(easy.get(), transfer, body);
    curl_multi_add_handle(multi.get(), easy.get());
    CURLcode code = CURLE_OK;
    Stop stop = Stop::kNone;
    for (int running = 1; running > 0 && stop == Stop::kNone;) {
      constexpr int kAskAgainMs = 50;
      if (curl_multi_perform(multi.get(), &running) != CURLM_OK) return fail(ErrorCode::kInternal, "the request to " + peer_ + " failed");
      int left = 0;
      for (const CURLMsg* message = curl_multi_info_read(multi.get(), &left); message != nullptr; message = curl_multi_info_read(multi.get(), &left)) {
        if (message->msg == CURLMSG_DONE) code = message->data.result;
      }
      if (running == 0 || stream.done()) break;
      const auto idle = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - transfer.last).count();
      if (request.cancelled && request.cancelled()) stop = Stop::kCancelled;
      else if (idle > static_cast<int64_t>(options_.idle_ms)) stop = Stop::kIdle;
      else curl_multi_poll(multi.get(), nullptr, 0, kAskAgainMs, nullptr);
    }
    const auto result = outcome(transfer, stream, code, stop);
    curl_multi_remove_handle(multi.get(), easy.get());
    return result;
  }

 private:
  enum class Stop : uint8_t { kNone, kCancelled, kIdle };

  std::string body_of(const Request& request) const {
    Json body = {{"model", options_.model}, {"stream", true}, {"max_tokens", request.max_tokens}, {"stream_options", {{"include_usage", true}}}};
    body["messages"] = Json::array();
    for (const ChatTurn& turn : request.turns) body["messages"].push_back({{"role", turn.role}, {"content", turn.content}});
    body["seed"] = request.seed;
    body["temperature"] = request.seed == 0 ? 0.0 : kTemperature;
    if (request.seed != 0) body["top_p"] = kTopP;
    if (!request.schema.empty()) {
      body["response_format"] = {{"type", "json_schema"}, {"json_schema", {{"name", "reply"}, {"strict", true}, {"schema", Json::parse(request.schema)}}}};
    }
    return body.dump(-1, ' ', false, Json::error_handler_t::replace);
  }

  Headers set_up(CURL* easy, Transfer& transfer, const std::string& body) const {
    curl_slist* headers = curl_slist_append(nullptr, "Content-Type: application/json");
    headers = curl_slist_append(headers, "Accept: text/event-stream");
    headers = curl_slist_append(headers, "Expect:");
    if (!key_.empty()) headers = curl_slist_append(headers, ("Authorization: Bearer " + key_).c_str());
    curl_easy_setopt(easy, CURLOPT_URL, (options_.base_url + "/chat/completions").c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.data());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_ms));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(options_.total_ms));
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
    return Headers(headers);
  }

  tl::unexpected<Error> refused(ErrorCode code, const std::string& what) const { return fail(code, "the model server " + peer_ + " " + what); }

  Result<Reply> outcome(Transfer& transfer, Stream& stream, CURLcode code, Stop stop) const {
    long status = 0;
    curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
    if (stop == Stop::kCancelled) {
      stream.reply.cancelled = true;
      return std::move(stream.reply);
    }
    if (stop == Stop::kIdle) return refused(ErrorCode::kLimit, "sent nothing for " + std::to_string(options_.idle_ms / 1000) + " s; it is overloaded or stuck");
    if (status != 0 && status != 200) return refused_by_status(transfer, status);
    if (!stream.error().empty()) return refused(ErrorCode::kInvalid, "broke off: " + stream.error());
    if (status == 200 && !transfer.is_stream()) return refused(ErrorCode::kUnsupported, "did not stream (it answered with '" + shorten(clean_utf8(transfer.type), 60) + "'); it must offer streamed chat completions");
    if (stream.finished() && (code == CURLE_OK || stream.done())) return std::move(stream.reply);
    if (code == CURLE_OPERATION_TIMEDOUT) return refused(ErrorCode::kLimit, status == 0 ? "did not answer in time; see that it runs and can be reached" : "did not finish in time");
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE) {
      return refused(ErrorCode::kProtected, "has a certificate that this machine does not trust; add its authority with update-ca-certificates");
    }
    if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST) {
      return refused(ErrorCode::kIo, std::string("cannot be reached (") + curl_easy_strerror(code) + "); see that it runs and that [answer] remote is right");
    }
    if (transfer.bytes > kLongestReply) return refused(ErrorCode::kLimit, "sent more than 8 MB");
    if (code != CURLE_OK && status == 0) return refused(ErrorCode::kIo, std::string("failed: ") + curl_easy_strerror(code));
    return refused(ErrorCode::kIo, "broke off in the middle of its answer");
  }

  tl::unexpected<Error> refused_by_status(const Transfer& transfer, long status) const {
    // What it says itself, if it says it as OpenAI does.
    std::string said;
    const Json body = Json::parse(transfer.refusal, nullptr, false);
    if (body.is_object() && body.contains("error")) {
      const Json& error = body["error"];
      if (error.is_object() && error.contains("message") && error["message"].is_string()) said = ": " + shorten(collapse_spaces(clean_utf8(error["message"].get<std::string>())), 200);
    }
    const std::string number = std::to_string(status);
    switch (status) {
      case 401:
      case 403: return refused(ErrorCode::kProtected, "refuses the key (" + number + ")" + said + "; see [answer] key_file");
      case 404: return refused(ErrorCode::kNotFound, "knows no model '" + options_.model + "' at this address (404)" + said + "; see [answer] remote and model");
      case 429: return refused(ErrorCode::kLimit, "is busy (429)" + said + "; ask again " + (transfer.retry_after.empty() ? "later" : "after " + shorten(clean_utf8(transfer.retry_after), 40) + " s"));
      default: break;
    }
    if (status >= 300 && status < 400) return refused(ErrorCode::kUnsupported, "redirects (" + number + "), which is not followed: only the peer configured is contacted");
    if (status >= 500) return refused(ErrorCode::kIo, "failed (" + number + ")" + said);
    return refused(ErrorCode::kInvalid, "refuses the request (" + number + ")" + said);
  }

  RemoteOptions options_;
  std::string key_, peer_;
};

Result<std::string> read_key(const fs::path& file) {
  constexpr uint64_t kLongestKey = 4096;
  struct stat info {};
  if (::stat(file.c_str(), &info) == 0 && (info.st_mode & S_IROTH) != 0) {
    return fail(ErrorCode::kProtected, file.string() + ": everyone on this machine can read the key; chmod o-r it");
  }
  SILLOK_ASSIGN(const std::string bytes, read_file(file, kLongestKey));
  std::string key(trim(bytes));
  const bool plain = std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < 0x7F; });
  if (key.empty() || !plain) return fail(ErrorCode::kInvalid, file.string() + ": this is no key; it must be one line of plain characters");
  return key;
}

struct UrlParts {
  std::string scheme, host, port;
};

Result<UrlParts> parse_url(const std::string& url) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), curl_url_cleanup);
  const auto wrong = [&](const std::string& what) {
    return fail(ErrorCode::kInvalid, "'" + shorten(clean_utf8(url), 80) + "' " + what + "; write it as https://llm.agency.example/v1");
  };
  if (!parsed || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK) return wrong("is no address");
  const auto part = [&](CURLUPart which) {
    char* text = nullptr;
    std::string found;
    if (curl_url_get(parsed.get(), which, &text, 0) == CURLUE_OK) found = text;
    curl_free(text);
    return found;
  };
  UrlParts parts{part(CURLUPART_SCHEME), part(CURLUPART_HOST), part(CURLUPART_PORT)};
  if (parts.scheme != "https" && parts.scheme != "http") return wrong("is neither http nor https");
  if (!part(CURLUPART_USER).empty() || !part(CURLUPART_PASSWORD).empty() || !part(CURLUPART_QUERY).empty() || !part(CURLUPART_FRAGMENT).empty()) {
    return wrong("has a name, password or query in it");
  }
  return parts;
}

bool is_this_machine(const std::string& host) { return host == "localhost" || host.starts_with("127.") || host == "[::1]"; }

}  // namespace

Result<std::unique_ptr<Generator>> open_remote_generator(const RemoteOptions& options) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (ready != CURLE_OK) return fail(ErrorCode::kInternal, std::string("libcurl does not start: ") + curl_easy_strerror(ready));
  RemoteOptions kept = options;
  while (kept.base_url.ends_with('/')) kept.base_url.pop_back();
  SILLOK_ASSIGN(const UrlParts url, parse_url(kept.base_url));
  if (kept.model.empty()) return fail(ErrorCode::kInvalid, "[answer] remote needs the model's name there; set [answer] model");
  std::string key;
  if (!kept.key_file.empty()) {
    SILLOK_ASSIGN(key, read_key(kept.key_file));
    if (url.scheme == "http" && !is_this_machine(url.host)) {
      return fail(ErrorCode::kProtected, "a key is sent over https alone, or to this machine; write the address of " + url.host + " with https");
    }
  }
  std::string peer = url.host + (url.port.empty() ? "" : ":" + url.port);
  return std::make_unique<RemoteGenerator>(std::move(kept), std::move(key), std::move(peer));
}

Result<std::unique_ptr<Generator>> open_remote_generator(const std::string& base_url, const std::string& model, const fs::path& key_file, uint32_t context) {
  RemoteOptions options;
  options.base_url = base_url;
  options.model = model;
  options.key_file = key_file;
  options.context = context;
  return open_remote_generator(options);
}

}  // namespace sillok::answer
