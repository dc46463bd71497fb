#include "documents/front_matter.h"

#include <algorithm>

namespace sillok::documents {
namespace {

constexpr size_t kMaxFrontMatter = 1 << 20;  // bytes; a longer head is a document that starts with a rule
constexpr size_t kMaxEntries = 500;

std::string unquote(std::string_view value) {
  value = trim(value);
  if (value.size() >= 2 && value.front() == '\'' && value.back() == '\'') {
    std::string out;
    for (size_t i = 1; i + 1 < value.size(); ++i) {
      out += value[i];
      if (value[i] == '\'' && i + 2 < value.size() && value[i + 1] == '\'') ++i;
    }
    return out;
  }
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
    std::string out;
    for (size_t i = 1; i + 1 < value.size(); ++i) {
      if (value[i] != '\\' || i + 2 >= value.size()) {
        out += value[i];
        continue;
      }
      ++i;
      out += value[i] == 'n' ? '\n' : value[i] == 't' ? '\t' : value[i];
    }
    return out;
  }
  const size_t comment = value.find(" #");
  return std::string(trim(value.substr(0, comment)));
}

// "[a, 'b']" as "a, b".
std::string inline_list(std::string_view value) {
  std::string out;
  for (const std::string_view item : split(value.substr(1, value.size() - 2), ',')) {
    const std::string text = unquote(item);
    if (text.empty()) continue;
    if (!out.empty()) out += ", ";
    out += text;
  }
  return out;
}

std::string scalar(std::string_view value) {
  value = trim(value);
  if (value.size() >= 2 && value.front() == '[' && value.back() == ']') return inline_list(value);
  return unquote(value);
}

enum class Target : uint8_t {
  kOther, kTitle, kAuthor, kNumber, kRevision, kFrom, kDate, kTo, kCreated, kModified, kIdentity, kLawIdentity, kLabel, kUrl,
};

Target target_of(std::string_view key) {
  struct Name {
    std::string_view key;
    Target target;
  };
  static constexpr Name kNames[] = {
      {"title", Target::kTitle},          {"제목", Target::kTitle},          {"author", Target::kAuthor},
      {"authors", Target::kAuthor},       {"작성자", Target::kAuthor},       {"저자", Target::kAuthor},
      {"문서번호", Target::kNumber},      {"document_number", Target::kNumber}, {"doc_no", Target::kNumber},
      {"개정번호", Target::kRevision},    {"revision", Target::kRevision},   {"rev", Target::kRevision},
      {"시행일자", Target::kFrom},        {"시행일", Target::kFrom},         {"effective", Target::kFrom},
      {"effective_from", Target::kFrom},  {"effective_date", Target::kFrom}, {"적용일", Target::kFrom},
      {"date", Target::kDate},            {"날짜", Target::kDate},           {"일자", Target::kDate},
      {"effective_to", Target::kTo},      {"폐지일자", Target::kTo},         {"expires", Target::kTo},
      {"created", Target::kCreated},      {"작성일", Target::kCreated},      {"작성일자", Target::kCreated},
      {"modified", Target::kModified},    {"updated", Target::kModified},    {"수정일", Target::kModified},
      {"id", Target::kIdentity},          {"법령id", Target::kLawIdentity},  {"label", Target::kLabel},
      {"보안등급", Target::kLabel},       {"등급", Target::kLabel},          {"url", Target::kUrl},
      {"출처", Target::kUrl},             {"source", Target::kUrl},
  };
  const std::string lower = ascii_lower(key);
  for (const Name& name : kNames) {
    if (name.key == lower) return name.target;
  }
  return Target::kOther;
}

void set_if_empty(std::string& field, std::string_view value) {
  if (field.empty()) field = value;
}

// The date, or "" with the text kept under its own key: an unreadable date is no date.
std::string date_or_other(const std::string& key, const std::string& value, Metadata& meta) {
  const auto day = parse_day(value);
  if (day) return format_day(*day);
  meta.other.emplace(key, value);
  return {};
}

class Reader {
 public:
  explicit Reader(Metadata& meta) : meta_(meta) {}

  void line(std::string_view line) {
    const size_t indent = std::min(line.find_first_not_of(' '), line.size());
    const std::string_view text = trim(line);
    const bool item = text.starts_with("- ") || text == "-";
    if (text.empty() || (indent == 0 && !item && text[0] == '#')) return;
    if (!key_.empty() && (indent > 0 || item)) return continuation(text, item);
    entry();
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    key_ = unquote(line.substr(0, colon));
    value_ = scalar(line.substr(colon + 1));
    if (value_ == "|" || value_ == ">" || value_ == "|-" || value_ == ">-") value_.clear();
  }

  // Stores the key and value gathered so far.
  void entry() {
    if (!key_.empty() && !value_.empty() && ++entries_ <= kMaxEntries) store();
    key_.clear();
    value_.clear();
  }

  void finish() {
    entry();
    set_if_empty(meta_.effective_from, date_);
  }

 private:
  void continuation(std::string_view text, bool item) {
    if (item) text = trim(text.substr(1));
    const bool map = text.find(": ") != std::string_view::npos;
    if (!value_.empty()) value_ += item && !map ? ", " : "\n";
    value_ += map ? std::string(text) : scalar(text);
  }

  void store() {
    switch (target_of(key_)) {
      case Target::kTitle: set_if_empty(meta_.title, value_); return;
      case Target::kAuthor: set_if_empty(meta_.author, value_); return;
      case Target::kNumber: set_if_empty(meta_.document_number, value_); return;
      case Target::kRevision: set_if_empty(meta_.revision, value_); return;
      case Target::kFrom: set_if_empty(meta_.effective_from, date_or_other(key_, value_, meta_)); return;
      case Target::kDate: set_if_empty(date_, date_or_other(key_, value_, meta_)); return;
      case Target::kTo: set_if_empty(meta_.effective_to, date_or_other(key_, value_, meta_)); return;
      case Target::kCreated: set_if_empty(meta_.created, value_); return;
      case Target::kModified: set_if_empty(meta_.modified, value_); return;
      case Target::kIdentity: meta_.identity = value_; return;
      case Target::kLawIdentity: set_if_empty(meta_.identity, key_ + ":" + value_); return;
      case Target::kLabel: set_if_empty(meta_.label, value_); return;
      case Target::kUrl:
        if (value_.find("://") != std::string::npos) {
          set_if_empty(meta_.url, value_);
        } else {
          meta_.other.emplace(key_, value_);
        }
        return;
      case Target::kOther: meta_.other.emplace(key_, value_); return;
    }
  }

  Metadata& meta_;
  std::string key_, value_, date_;
  size_t entries_ = 0;
};

// The inner lines of the front matter; false if it does not look like one.
bool is_delimiter(std::string_view line) { return trim(line) == "---"; }

}  // namespace

size_t front_matter_size(std::string_view text) {
  if (!text.starts_with("---")) return 0;
  size_t start = text.find('\n');
  if (start == std::string_view::npos || !is_delimiter(text.substr(0, start))) return 0;
  bool keys = false;
  while (start != std::string_view::npos && start < kMaxFrontMatter) {
    const size_t end = std::min(text.find('\n', start + 1), text.size());
    const std::string_view line = text.substr(start + 1, end - start - 1);
    if (is_delimiter(line) || trim(line) == "...") return keys ? std::min(end + 1, text.size()) : 0;
    keys |= line.find(':') != std::string_view::npos;
    start = end < text.size() ? end : std::string_view::npos;
  }
  return 0;
}

void read_front_matter(std::string_view text, Metadata& meta) {
  Reader reader(meta);
  for (const std::string_view line : split(text, '\n')) {
    if (!is_delimiter(line)) reader.line(line);
  }
  reader.finish();
}

}  // namespace sillok::documents
