// Regular expressions of JSON Schema (ECMA-262) as forms over the inside of a JSON string. Read: alternation, groups,
// classes, quantifiers, anchors at the ends. Not read, because they are not regular or depend on context: look-around,
// back references, word boundaries, anchors elsewhere.
#include <algorithm>

#include "engine/grammar_form.h"

namespace sillok::engine {

std::string json_escaped(std::string_view utf8) {
  const std::string quoted = json_quote(utf8);
  return quoted.substr(1, quoted.size() - 2);
}

FormPtr json_character(const std::vector<CodePointRange>& ranges) {
  std::vector<CodePointRange> plain;
  std::vector<FormPtr> forms;
  for (const CodePointRange& r : normalized(ranges)) {
    char32_t next = r.low;
    const auto escape = [&](char32_t c) {
      if (c < r.low || c > r.high) return;
      if (c > next) plain.push_back({next, c - 1});
      next = c + 1;
      constexpr char kDigits[] = "0123456789abcdef";
      switch (c) {
        case '"': forms.push_back(literal("\\\"")); break;
        case '\\': forms.push_back(literal("\\\\")); break;
        case '\n': forms.push_back(literal("\\n")); break;
        case '\r': forms.push_back(literal("\\r")); break;
        case '\t': forms.push_back(literal("\\t")); break;
        case '\b': forms.push_back(literal("\\b")); break;
        case '\f': forms.push_back(literal("\\f")); break;
        default: forms.push_back(literal(std::string("\\u00") + kDigits[c >> 4] + kDigits[c & 15]));
      }
    };
    for (char32_t c = 0; c < 0x20; ++c) escape(c);
    escape('"');
    escape('\\');
    if (next <= r.high) plain.push_back({next, r.high});
  }
  forms.insert(forms.begin(), one_of(std::move(plain)));
  return choice(std::move(forms));
}

namespace {

constexpr uint32_t kMaxDepth = 100;      // of groups
constexpr uint32_t kMaxRepeat = 10'000;

using Ranges = std::vector<CodePointRange>;

Ranges inverted(const Ranges& ranges) {
  const FormPtr rest = none_of(ranges);
  return rest->ranges;
}
Ranges digits() { return {{'0', '9'}}; }
Ranges word() { return {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}; }
Ranges space() {
  return {{9, 13}, {32, 32}, {0xA0, 0xA0}, {0x1680, 0x1680}, {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F},
          {0x205F, 0x205F}, {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
}

class PatternReader {
 public:
  PatternReader(std::string_view pattern, std::string_view where) : text_(to_utf32(pattern)), where_(where) {}

  Result<FormPtr> run() {
    SILLOK_ASSIGN(FormPtr form, read_choice(0));
    if (at_ < text_.size()) return refuse("an unmatched ')'");
    return form;
  }

 private:
  tl::unexpected<Error> refuse(std::string_view what, ErrorCode code = ErrorCode::kInvalid) const {
    return fail(code, "schema, " + where_ + ", pattern, character " + std::to_string(at_ + 1) + ": " + std::string(what));
  }
  tl::unexpected<Error> unsupported(std::string_view what) const {
    return refuse(std::string(what) + " is not read in patterns", ErrorCode::kUnsupported);
  }
  char32_t peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : 0; }
  bool more() const { return at_ < text_.size(); }

  // Alternatives; those of the whole pattern match anywhere in the string unless anchored.
  Result<FormPtr> read_choice(uint32_t depth) {
    if (depth > kMaxDepth) return refuse("groups nested more than 100 deep", ErrorCode::kLimit);
    std::vector<FormPtr> alternatives;
    while (true) {
      const FormPtr anything = repeat(json_character({{0, 0x10FFFF}}), 0);
      std::vector<FormPtr> parts;
      if (depth == 0) {
        if (peek() == '^') ++at_;
        else parts.push_back(anything);
      }
      SILLOK_ASSIGN(FormPtr body, read_sequence(depth));
      parts.push_back(std::move(body));
      if (depth == 0) {
        if (more() && peek() == '$') ++at_;
        else parts.push_back(anything);
        if (more() && peek() != '|' && peek() != ')') return unsupported("'$' inside an alternative");
      }
      alternatives.push_back(sequence(std::move(parts)));
      if (!more() || peek() != '|') break;
      ++at_;
    }
    return choice(std::move(alternatives));
  }

  Result<FormPtr> read_sequence(uint32_t depth) {
    std::vector<FormPtr> parts;
    while (more() && peek() != '|' && peek() != ')') {
      if (peek() == '$') {
        if (depth == 0) break;
        return unsupported("'$' inside a group");
      }
      if (peek() == '^') return unsupported("'^' inside a pattern");
      SILLOK_ASSIGN(FormPtr atom, read_atom(depth));
      SILLOK_ASSIGN(atom, read_quantifier(std::move(atom)));
      parts.push_back(std::move(atom));
    }
    return sequence(std::move(parts));
  }

  Result<FormPtr> read_atom(uint32_t depth) {
    const char32_t c = peek();
    switch (c) {
      case '(': return read_group(depth);
      case '[': return read_class();
      case '.': ++at_; return json_character(inverted({{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}));
      case '\\': {
        SILLOK_ASSIGN(const Ranges ranges, read_escape(false));
        return json_character(ranges);
      }
      case '*': case '+': case '?': return refuse("nothing to repeat");
      case '{': case '}': case ']':
        if (c == '{') return refuse("nothing to repeat");
        [[fallthrough]];
      default: ++at_; return json_character({{c, c}});
    }
  }

  Result<FormPtr> read_group(uint32_t depth) {
    ++at_;
    if (peek() == '?') {
      if (peek(1) == ':') {
        at_ += 2;
      } else if (peek(1) == '<' && peek(2) != '=' && peek(2) != '!') {
        while (more() && peek() != '>') ++at_;
        if (!more()) return refuse("a group's name is not closed by '>'");
        ++at_;
      } else {
        return unsupported("look-around");
      }
    }
    SILLOK_ASSIGN(FormPtr inner, read_choice(depth + 1));
    if (!more() || peek() != ')') return refuse("a group is not closed by ')'");
    ++at_;
    return inner;
  }

  Result<FormPtr> read_quantifier(FormPtr atom) {
    const char32_t c = more() ? peek() : 0;
    uint32_t low = 0, high = kUnbounded;
    if (c == '*') ++at_;
    else if (c == '+') { ++at_; low = 1; }
    else if (c == '?') { ++at_; high = 1; }
    else if (c == '{') {
      ++at_;
      SILLOK_ASSIGN(low, read_count());
      high = low;
      if (peek() == ',') {
        ++at_;
        high = kUnbounded;
        if (peek() != '}') {
          SILLOK_ASSIGN(high, read_count());
        }
      }
      if (peek() != '}') return refuse("a repetition is not closed by '}'");
      if (low > high) return refuse("a repetition's least count exceeds its greatest");
      ++at_;
    } else {
      return atom;
    }
    if (peek() == '?') ++at_;  // a lazy repetition matches the same strings
    return repeat(std::move(atom), low, high);
  }

  Result<uint32_t> read_count() {
    uint32_t value = 0;
    const size_t start = at_;
    for (; peek() >= '0' && peek() <= '9'; ++at_) {
      value = value * 10 + (peek() - '0');
      if (value > kMaxRepeat) return refuse("a repetition of more than 10000", ErrorCode::kLimit);
    }
    if (at_ == start) return refuse("expected a count");
    return value;
  }

  Result<FormPtr> read_class() {
    ++at_;
    const bool negated = peek() == '^' && ++at_;
    Ranges ranges;
    while (peek() != ']' || !more()) {
      if (!more()) return refuse("a class is not closed by ']'");
      SILLOK_ASSIGN(const Ranges low, read_class_member());
      const bool single = low.size() == 1 && low[0].low == low[0].high;
      if (peek() == '-' && at_ + 1 < text_.size() && peek(1) != ']' && single) {
        ++at_;
        SILLOK_ASSIGN(const Ranges high, read_class_member());
        if (high.size() != 1 || high[0].low != high[0].high || high[0].low < low[0].low) {
          return refuse("a range in this class is malformed");
        }
        ranges.push_back({low[0].low, high[0].low});
      } else {
        ranges.insert(ranges.end(), low.begin(), low.end());
      }
    }
    ++at_;
    ranges = normalized(std::move(ranges));
    return json_character(negated ? inverted(ranges) : ranges);
  }

  Result<Ranges> read_class_member() {
    if (peek() == '\\') return read_escape(true);
    const char32_t c = peek();
    ++at_;
    return Ranges{{c, c}};
  }

  Result<Ranges> read_escape(bool in_class) {
    ++at_;
    if (!more()) return refuse("an escape without a character");
    const char32_t c = peek();
    ++at_;
    const auto one = [](char32_t x) { return Ranges{{x, x}}; };
    switch (c) {
      case 'd': return digits();
      case 'D': return inverted(digits());
      case 'w': return word();
      case 'W': return inverted(word());
      case 's': return space();
      case 'S': return inverted(space());
      case 'n': return one('\n');
      case 'r': return one('\r');
      case 't': return one('\t');
      case 'f': return one('\f');
      case 'v': return one('\v');
      case '0': return one(0);
      case 'b':
        if (in_class) return one('\b');
        return unsupported("a word boundary");
      case 'x': return read_hex(2);
      case 'u': return read_hex(4);
      default: break;
    }
    if (c >= '1' && c <= '9') return unsupported("a back reference");
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      return unsupported("'\\" + to_utf8(std::u32string(1, c)) + "'");
    }
    return one(c);
  }

  Result<Ranges> read_hex(int count) {
    char32_t value = 0;
    for (int i = 0; i < count; ++i, ++at_) {
      const char32_t c = peek(), letter = c | 0x20;
      if (c >= '0' && c <= '9') value = value * 16 + (c - '0');
      else if (letter >= 'a' && letter <= 'f') value = value * 16 + (letter - 'a' + 10);
      else return refuse("an escape is short of hexadecimal digits");
    }
    if (value >= 0xD800 && value < 0xE000) return unsupported("half of a surrogate pair");
    return Ranges{{value, value}};
  }

  std::u32string text_;
  std::string where_;
  size_t at_ = 0;
};

}  // namespace

Result<FormPtr> json_pattern(std::string_view pattern, std::string_view where) {
  return PatternReader(pattern, where).run();
}

// ---- Integers by their digits

namespace {

FormPtr digit(char low, char high) { return one_of({{static_cast<char32_t>(low), static_cast<char32_t>(high)}}); }

// The texts of one length between two: by the first digit, and then what is left.
FormPtr digits_between(std::string_view low, std::string_view high) {
  if (low.empty()) return empty_form();
  const auto all = [](std::string_view text, char c) { return text.find_first_not_of(c) == std::string_view::npos; };
  if (all(low, '0') && all(high, '9')) {
    const auto count = static_cast<uint32_t>(low.size());
    return repeat(digit('0', '9'), count, count);
  }
  if (low[0] == high[0]) {
    return sequence({literal(low.substr(0, 1)), digits_between(low.substr(1), high.substr(1))});
  }
  const std::string nines(low.size() - 1, '9'), zeros(low.size() - 1, '0');
  char first = low[0], last = high[0];
  std::vector<FormPtr> parts;
  if (!all(low.substr(1), '0')) {
    parts.push_back(sequence({literal(low.substr(0, 1)), digits_between(low.substr(1), nines)}));
    ++first;
  }
  if (!all(high.substr(1), '9')) {
    parts.push_back(sequence({literal(high.substr(0, 1)), digits_between(zeros, high.substr(1))}));
    --last;
  }
  if (first <= last) parts.push_back(sequence({digit(first, last), digits_between(zeros, nines)}));
  return choice(std::move(parts));
}

FormPtr natural_range(uint64_t low, uint64_t high) {
  std::vector<FormPtr> parts;
  for (uint64_t first = 0, next = 10;; first = next, next *= 10) {  // one number of digits after the other
    const uint64_t from = std::max(low, first), to = std::min(high, next - 1);
    if (from <= to) parts.push_back(digits_between(std::to_string(from), std::to_string(to)));
    if (high < next || next > UINT64_MAX / 10) break;
  }
  return choice(std::move(parts));
}

}  // namespace

FormPtr integer_range(int64_t low, int64_t high) {
  std::vector<FormPtr> parts;
  if (low > high) return never_form();
  if (low < 0) {
    const uint64_t least = high < 0 ? 0 - static_cast<uint64_t>(high) : 1;
    parts.push_back(sequence({literal("-"), natural_range(least, 0 - static_cast<uint64_t>(low))}));
  }
  if (high >= 0) parts.push_back(natural_range(low < 0 ? 0 : static_cast<uint64_t>(low), static_cast<uint64_t>(high)));
  return choice(std::move(parts));
}

}  // namespace sillok::engine
