#include "govern/audit_line.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace sillok::govern {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kHashDigits = 64, kSignatureDigits = 128;
constexpr size_t kMaxKind = 32;
constexpr std::string_view kHash = ",\"hash\":\"", kSignature = ",\"signature\":\"", kPruned = "\"pruned\":\"";

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool good_kind(std::string_view kind) {
  return !kind.empty() && kind.size() <= kMaxKind &&
         std::all_of(kind.begin(), kind.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.'; });
}

// Takes `expected` from the front of `rest`.
bool take(std::string_view& rest, std::string_view expected) {
  if (!rest.starts_with(expected)) return false;
  rest.remove_prefix(expected.size());
  return true;
}

bool take_number(std::string_view& rest, size_t digits, int& out) {
  if (rest.size() < digits) return false;
  out = 0;
  for (size_t i = 0; i < digits; ++i) {
    if (rest[i] < '0' || rest[i] > '9') return false;
    out = out * 10 + (rest[i] - '0');
  }
  rest.remove_prefix(digits);
  return true;
}

bool take_id(std::string_view& rest, uint64_t& id) {
  const size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
  if (digits == 0 || digits > 18 || rest[0] == '0') return false;
  id = 0;
  for (size_t i = 0; i < digits; ++i) id = id * 10 + static_cast<uint64_t>(rest[i] - '0');
  rest.remove_prefix(digits);
  return true;
}

bool take_time(std::string_view& rest, Micros& time) {
  const std::string_view written = rest.substr(0, 27);
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, micros = 0;
  if (!take_number(rest, 4, year) || !take(rest, "-") || !take_number(rest, 2, month) || !take(rest, "-") ||
      !take_number(rest, 2, day) || !take(rest, "T") || !take_number(rest, 2, hour) || !take(rest, ":") ||
      !take_number(rest, 2, minute) || !take(rest, ":") || !take_number(rest, 2, second) || !take(rest, ".") ||
      !take_number(rest, 6, micros) || !take(rest, "Z") || month < 1 || month > 12 || day < 1 || day > 31) {
    return false;
  }
  const Micros days = day_from_civil(year, static_cast<unsigned>(month), static_cast<unsigned>(day));
  time = (((days * 24 + hour) * 60 + minute) * 60 + second) * 1'000'000 + micros;
  return format_time(time) == written;
}

}  // namespace

std::string format_time(Micros time) {
  Micros rest = time % 1'000'000;
  if (rest < 0) rest += 1'000'000;
  std::string out = format_micros(time - rest);  // "...:00Z"
  out.pop_back();
  char micros[16];
  std::snprintf(micros, sizeof micros, ".%06dZ", static_cast<int>(rest));
  return out + micros;
}

std::string line_header(uint64_t id, Micros time, std::string_view kind) {
  return "{\"id\":" + std::to_string(id) + ",\"time\":\"" + format_time(time) + "\",\"kind\":\"" + std::string(kind) + "\",";
}

Result<std::string> line_content(const Event& event) {
  if (!good_kind(event.kind)) {
    return fail(ErrorCode::kInvalid, "'" + shorten(clean_utf8(event.kind), 40) + "' is no kind of audit entry");
  }
  const Json details = event.details.empty() ? Json::object() : Json::parse(event.details, nullptr, false);
  if (!details.is_object()) return fail(ErrorCode::kInvalid, "the details of an audit entry must be a JSON object");
  std::string out = "\"person\":" + json_quote(event.person) + ",\"how\":" + json_quote(event.how) +
                    ",\"label\":" + json_quote(event.label) + ",\"subject\":" + json_quote(event.subject) +
                    ",\"details\":" + details.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (out.size() > kMaxLineBytes - 1024) {
    return fail(ErrorCode::kLimit, "an audit entry of " + std::to_string(out.size()) + " bytes is over the limit of 512 KiB");
  }
  return out;
}

std::string line_hash(std::string_view hash_before, std::string_view signature_before, std::string_view header,
                      std::string_view of_content) {
  std::string bytes;
  for (const std::string_view part : {hash_before, signature_before, header, of_content}) {
    bytes += part;
    bytes += '\n';
  }
  return sha256_hex(bytes);
}

std::string head_statement(uint64_t id, std::string_view hash) {
  return "sillok audit head\n" + std::to_string(id) + "\n" + std::string(hash) + "\n";
}

std::optional<AuditLine> parse_line(std::string_view line) {
  AuditLine out;
  std::string_view rest = line;
  if (!take(rest, "{\"id\":") || !take_id(rest, out.id) || !take(rest, ",\"time\":\"") || !take_time(rest, out.time) ||
      !take(rest, "\",\"kind\":\"")) {
    return std::nullopt;
  }
  const size_t quote = rest.find('"');
  if (quote == rest.npos) return std::nullopt;
  out.kind = rest.substr(0, quote);
  rest.remove_prefix(quote);
  if (!good_kind(out.kind) || !take(rest, "\",")) return std::nullopt;
  out.header = line.substr(0, line.size() - rest.size());

  if (!rest.ends_with("\"}")) return std::nullopt;
  rest.remove_suffix(2);
  const auto take_digits = [&](std::string_view name, size_t digits) -> std::string_view {
    if (rest.size() < name.size() + digits) return {};
    const std::string_view tail = rest.substr(rest.size() - name.size() - digits);
    if (!tail.starts_with(name) || !is_hex(tail.substr(name.size()))) return {};
    rest.remove_suffix(tail.size());
    return tail.substr(name.size());
  };
  out.signature = take_digits(kSignature, kSignatureDigits);
  if (!out.signature.empty() && !rest.ends_with('"')) return std::nullopt;
  if (!out.signature.empty()) rest.remove_suffix(1);  // the quote that ends the hash
  out.hash = take_digits(kHash, kHashDigits);
  if (out.hash.empty()) return std::nullopt;
  out.content = rest;
  if (rest.starts_with(kPruned)) {
    if (rest.size() != kPruned.size() + kHashDigits + 1 || !rest.ends_with('"')) return std::nullopt;
    out.pruned = rest.substr(kPruned.size(), kHashDigits);
    if (!is_hex(out.pruned)) return std::nullopt;
  }
  return out;
}

std::string content_hash(const AuditLine& line) {
  return line.pruned.empty() ? sha256_hex(line.content) : std::string(line.pruned);
}

Entry to_entry(const AuditLine& line) {
  Entry entry;
  entry.id = line.id;
  entry.time = line.time;
  entry.event.kind = line.kind;
  entry.hash = line.hash;
  if (!line.pruned.empty()) {
    entry.event.details = "{\"pruned\":true}";
    return entry;
  }
  const Json json = Json::parse("{" + std::string(line.content) + "}", nullptr, false);
  if (!json.is_object()) return entry;
  const auto text = [&](const char* name) {
    const auto at = json.find(name);
    return at != json.end() && at->is_string() ? at->get<std::string>() : std::string();
  };
  entry.event.person = text("person");
  entry.event.how = text("how");
  entry.event.label = text("label");
  entry.event.subject = text("subject");
  const auto details = json.find("details");
  entry.event.details = details != json.end() ? details->dump(-1, ' ', false, Json::error_handler_t::replace) : "{}";
  return entry;
}

}  // namespace sillok::govern
