// Reads GBNF: `name ::= alternatives`, "literals", [classes], (groups), * + ? {m,n}, `.`, # comments. A rule goes on
// over line ends until the next `name ::=`.
#include <algorithm>
#include <unordered_map>

#include "engine/grammar_form.h"

namespace sillok::engine {
namespace {

constexpr size_t kMaxTextBytes = 1 << 20;
constexpr uint32_t kMaxDepth = 200;         // of groups
constexpr uint32_t kMaxRepeat = 100'000;    // the compiler limits what the copies add up to
constexpr size_t kMaxRules = 20'000;

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

class GbnfReader {
 public:
  explicit GbnfReader(std::string_view text) : text_(text) {}

  Result<RuleSet> run() {
    for (skip(true); at_ < text_.size(); skip(true)) SILLOK_TRY(read_rule());
    for (const auto& [rule, offset] : references_) {
      if (!set_.rules[rule].form) return refuse(offset, "there is no rule '" + set_.rules[rule].name + "'");
    }
    const auto root = numbers_.find("root");
    if (root == numbers_.end()) return fail(ErrorCode::kInvalid, "grammar: there is no rule 'root' to start from");
    set_.root = root->second;
    return std::move(set_);
  }

 private:
  tl::unexpected<Error> refuse(size_t offset, const std::string& what, ErrorCode code = ErrorCode::kInvalid) const {
    const std::string_view before = text_.substr(0, offset);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const size_t newline = before.rfind('\n');
    const std::string_view in_line = before.substr(newline == std::string_view::npos ? 0 : newline + 1);
    return fail(code, "grammar, line " + std::to_string(line) + ", column " +
                          std::to_string(to_utf32(in_line).size() + 1) + ": " + what);
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  // Past blanks and comments, and past line ends if they do not end the rule.
  void skip(bool lines) {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == ' ' || c == '\t') ++at_;
      else if (c == '#') at_ = std::min(text_.find('\n', at_), text_.size());
      else if ((c == '\n' || c == '\r') && lines) ++at_;
      else break;
    }
  }

  bool at_rule_head() const {
    size_t i = at_;
    while (i < text_.size() && is_name_char(text_[i])) ++i;
    if (i == at_) return false;
    while (i < text_.size() && (text_[i] == ' ' || text_[i] == '\t')) ++i;
    return text_.substr(i, 3) == "::=";
  }

  std::string_view take_name() {
    const size_t start = at_;
    while (at_ < text_.size() && is_name_char(text_[at_])) ++at_;
    return text_.substr(start, at_ - start);
  }

  uint32_t number_of(std::string_view name) {
    const auto [found, added] = numbers_.emplace(name, static_cast<uint32_t>(set_.rules.size()));
    if (added) set_.rules.push_back({std::string(name), nullptr});
    return found->second;
  }

  Status read_rule() {
    const size_t start = at_;
    if (!at_rule_head()) return refuse(at_, "expected a rule, 'name ::= ...'");
    const uint32_t rule = number_of(take_name());
    if (set_.rules.size() > kMaxRules) return refuse(start, "more than 20000 rules", ErrorCode::kLimit);
    if (set_.rules[rule].form) return refuse(start, "rule '" + set_.rules[rule].name + "' is defined twice");
    at_ = text_.find("::=", at_) + 3;
    SILLOK_ASSIGN(FormPtr form, read_choice(0));
    set_.rules[rule].form = std::move(form);
    skip(true);
    if (at_ < text_.size() && !at_rule_head()) return refuse(at_, "unexpected '" + shorten(text_.substr(at_), 1) + "'");
    return {};
  }

  Result<FormPtr> read_choice(uint32_t depth) {
    if (depth > kMaxDepth) return refuse(at_, "groups nested more than 200 deep", ErrorCode::kLimit);
    std::vector<FormPtr> alternatives;
    do {
      SILLOK_ASSIGN(FormPtr one, read_sequence(depth));
      alternatives.push_back(std::move(one));
      skip(true);
    } while (peek() == '|' && ++at_);
    return choice(std::move(alternatives));
  }

  Result<FormPtr> read_sequence(uint32_t depth) {
    std::vector<FormPtr> parts;
    while (true) {
      skip(true);
      const char c = peek();
      if (c == '\0' || c == '|' || c == ')' || (is_name_char(c) && at_rule_head())) break;
      SILLOK_ASSIGN(FormPtr item, read_item(depth));
      SILLOK_ASSIGN(item, read_repeats(std::move(item)));
      parts.push_back(std::move(item));
    }
    return sequence(std::move(parts));
  }

  Result<FormPtr> read_item(uint32_t depth) {
    const size_t start = at_;
    const char c = peek();
    if (c == '"') return read_literal();
    if (c == '[') return read_class();
    if (c == '.') {
      ++at_;
      return none_of({});
    }
    if (c == '(') {
      ++at_;
      SILLOK_ASSIGN(FormPtr inner, read_choice(depth + 1));
      if (peek() != ')') return refuse(start, "this group is not closed by ')'");
      ++at_;
      return inner;
    }
    if (is_name_char(c)) {
      const uint32_t rule = number_of(take_name());
      references_.emplace_back(rule, start);
      return rule_form(rule);
    }
    if (c == '<' || c == '!') {
      return refuse(start, "references to tokens are not read; write the text of the token", ErrorCode::kUnsupported);
    }
    return refuse(start, "unexpected '" + shorten(text_.substr(start), 1) + "'");
  }

  // Any of * + ? {m} {m,} {m,n} after an item.
  Result<FormPtr> read_repeats(FormPtr item) {
    for (int chained = 0;; ++chained) {
      skip(false);
      const char c = peek();
      if (chained > 8) return refuse(at_, "more than 8 repetitions of one item", ErrorCode::kLimit);
      if (c == '*') { ++at_; item = repeat(std::move(item), 0); }
      else if (c == '+') { ++at_; item = repeat(std::move(item), 1); }
      else if (c == '?') { ++at_; item = optional(std::move(item)); }
      else if (c == '{') {
        SILLOK_ASSIGN(item, read_counts(std::move(item)));
      } else return item;
    }
  }

  Result<FormPtr> read_counts(FormPtr item) {
    const size_t start = at_++;
    skip(false);
    SILLOK_ASSIGN(const uint32_t low, read_count(start));
    uint32_t high = low;
    skip(false);
    if (peek() == ',') {
      ++at_;
      skip(false);
      high = kUnbounded;
      if (peek() != '}') {
        SILLOK_ASSIGN(high, read_count(start));
      }
      skip(false);
    }
    if (peek() != '}') return refuse(start, "this repetition is not closed by '}'");
    ++at_;
    if (low > high) return refuse(start, "the repetition's least count exceeds its greatest");
    return repeat(std::move(item), low, high);
  }

  Result<uint32_t> read_count(size_t start) {
    uint32_t value = 0;
    const size_t first = at_;
    for (; peek() >= '0' && peek() <= '9'; ++at_) {
      value = value * 10 + static_cast<uint32_t>(peek() - '0');
      if (value > kMaxRepeat) return refuse(start, "a repetition of more than 100000", ErrorCode::kLimit);
    }
    if (at_ == first) return refuse(start, "expected a count in '{'");
    return value;
  }

  Result<FormPtr> read_literal() {
    const size_t start = at_++;
    std::string text;
    while (peek() != '"') {
      if (at_ >= text_.size() || peek() == '\n') return refuse(start, "this literal is not closed by '\"'");
      SILLOK_ASSIGN(const char32_t c, read_character());
      append_utf8(text, c);
    }
    ++at_;
    return literal(text);
  }

  Result<FormPtr> read_class() {
    const size_t start = at_++;
    const bool negated = peek() == '^' && ++at_;
    std::vector<CodePointRange> ranges;
    while (peek() != ']') {
      if (at_ >= text_.size()) return refuse(start, "this class is not closed by ']'");
      SILLOK_ASSIGN(const char32_t low, read_character());
      char32_t high = low;
      if (peek() == '-' && at_ + 1 < text_.size() && text_[at_ + 1] != ']') {
        ++at_;
        SILLOK_ASSIGN(high, read_character());
        if (high < low) return refuse(start, "a range in this class runs backwards");
      }
      ranges.push_back({low, high});
    }
    ++at_;
    return negated ? none_of(std::move(ranges)) : one_of(std::move(ranges));
  }

  Result<char32_t> read_character() {
    const size_t start = at_;
    if (peek() != '\\') {
      const char32_t c = decode_utf8(text_, at_);
      return c;
    }
    ++at_;
    const char c = peek();
    if (at_ >= text_.size()) return refuse(start, "an escape without a character");
    ++at_;
    switch (c) {
      case 'n': return U'\n';
      case 'r': return U'\r';
      case 't': return U'\t';
      case '\\': case '"': case '[': case ']': case '-': case '^': return static_cast<char32_t>(c);
      case 'x': return read_hex(start, 2);
      case 'u': return read_hex(start, 4);
      case 'U': return read_hex(start, 8);
      default: return refuse(start, std::string("unknown escape '\\") + c + "'");
    }
  }

  Result<char32_t> read_hex(size_t start, int digits) {
    char32_t value = 0;
    for (int i = 0; i < digits; ++i, ++at_) {
      const char c = peek(), letter = static_cast<char>(c | 0x20);
      if (c >= '0' && c <= '9') value = value * 16 + static_cast<char32_t>(c - '0');
      else if (letter >= 'a' && letter <= 'f') value = value * 16 + static_cast<char32_t>(letter - 'a' + 10);
      else return refuse(start, "this escape needs " + std::to_string(digits) + " hexadecimal digits");
    }
    if (value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return refuse(start, "this escape is no character");
    return value;
  }

  std::string_view text_;
  size_t at_ = 0;
  RuleSet set_;
  std::unordered_map<std::string, uint32_t> numbers_;
  std::vector<std::pair<uint32_t, size_t>> references_;
};

}  // namespace

Result<RuleSet> read_gbnf(std::string_view text) {
  if (text.size() > kMaxTextBytes) return fail(ErrorCode::kLimit, "grammar: larger than 1 MiB");
  if (!is_valid_utf8(text)) return fail(ErrorCode::kInvalid, "grammar: not UTF-8");
  return GbnfReader(text).run();
}

}  // namespace sillok::engine
