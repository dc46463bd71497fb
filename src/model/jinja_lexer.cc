// Text, tags and the tokens inside them. Rules of white space: the newline after a tag `%}` or a comment goes; blanks
// between the start of a line and a tag go; `-` takes all white space on its side, `+` keeps it.
#include <algorithm>
#include <array>

#include "model/jinja_syntax.h"
#include "model/jinja_text.h"

namespace sillok::model::jinja {

std::string normalize_source(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      out += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      out += source[i];
    }
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

std::string place(std::string_view source, size_t offset) {
  const std::string_view before = source.substr(0, std::min(offset, source.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t start = before.rfind('\n');
  const size_t column = 1 + code_points(before.substr(start == std::string_view::npos ? 0 : start + 1));
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

namespace {

constexpr std::array<std::string_view, 27> kOperators = {  // longest first
    "==", "!=", ">=", "<=", "//", "**", "+", "-", "/", "*", "%", "~", "[", "]",
    "(",  ")",  "{",  "}",  ">",  "<",  "=", ".", ":", "|", ",", ";", "!"};

bool is_name_byte(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80) != 0;
}
int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  const char lower_case = static_cast<char>(c | 0x20);
  return lower_case >= 'a' && lower_case <= 'f' ? lower_case - 'a' + 10 : -1;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  Result<std::vector<Token>> run() {
    while (at_ < source_.size()) {
      const size_t tag = find_tag();
      if (tag == std::string_view::npos) {
        add_text(source_.substr(at_), at_);
        break;
      }
      SILLOK_TRY(take_tag(tag));
    }
    tokens_.push_back({Token::Kind::kEnd, "", source_.size()});
    return std::move(tokens_);
  }

 private:
  tl::unexpected<Error> refuse(size_t offset, std::string_view what) const {
    return fail(ErrorCode::kInvalid, "template, " + place(source_, offset) + ": " + std::string(what));
  }

  size_t find_tag() const {
    for (size_t i = at_; (i = source_.find('{', i)) != std::string_view::npos; ++i) {
      const char next = i + 1 < source_.size() ? source_[i + 1] : '\0';
      if (next == '{' || next == '%' || next == '#') return i;
    }
    return std::string_view::npos;
  }

  void add_text(std::string_view text, size_t offset) {
    if (!text.empty()) tokens_.push_back({Token::Kind::kText, std::string(text), offset});
  }

  char sign_at(size_t at) const {
    const char c = at < source_.size() ? source_[at] : '\0';
    return c == '-' || c == '+' ? c : '\0';
  }

  // The text before a tag, less what the tag's sign or lstrip_blocks takes.
  std::string_view text_before(size_t tag, char sign, bool variable) const {
    const std::string_view text = source_.substr(at_, tag - at_);
    if (sign == '-') return strip_right(text);
    if (sign == '+' || variable) return text;
    const size_t newline = text.rfind('\n');
    const size_t line = newline == std::string_view::npos ? 0 : newline + 1;
    const bool starts_line = line > 0 || at_line_start_;
    return starts_line && strip_left(text.substr(line)).empty() ? text.substr(0, line) : text;
  }

  // After a tag's end: what its sign or trim_blocks takes.
  void skip_after(char sign, bool variable) {
    const size_t from = at_;
    if (sign == '-') {
      at_ = source_.size() - strip_left(source_.substr(at_)).size();
    } else if (sign != '+' && !variable && at_ < source_.size() && source_[at_] == '\n') {
      ++at_;
    }
    at_line_start_ = at_ > from && source_[at_ - 1] == '\n';
  }

  Status take_tag(size_t tag) {
    const char type = source_[tag + 1];
    const char sign = sign_at(tag + 2);
    add_text(text_before(tag, sign, type == '{'), at_);
    at_ = tag + 2 + (sign ? 1 : 0);
    if (type == '#') return take_comment(tag);
    if (type == '%' && take_word("raw")) return take_raw(tag);
    // `{{+` is a variable with a plus sign before it.
    if (type == '{' && sign == '+') at_ = tag + 2;
    tokens_.push_back({type == '%' ? Token::Kind::kBlockBegin : Token::Kind::kVariableBegin, "", tag});
    return take_expression(tag, type == '%' ? "%}" : "}}", type == '{');
  }

  Status take_comment(size_t tag) {
    const size_t end = source_.find("#}", at_);
    if (end == std::string_view::npos) return refuse(tag, "this comment is not closed by #}");
    const char sign = end > at_ ? sign_at(end - 1) : '\0';
    at_ = end + 2;
    skip_after(sign, false);
    return {};
  }

  // Moves past `word` and a tag end if they come next (after white space); else stays.
  bool take_word(std::string_view word) {
    size_t i = skip_space(at_);
    if (source_.substr(i, word.size()) != word) return false;
    i = skip_space(i + word.size());
    const char sign = sign_at(i);
    if (sign) ++i;
    if (source_.substr(i, 2) != "%}") return false;
    at_ = i + 2;
    end_sign_ = sign;
    return true;
  }

  size_t skip_space(size_t i) const {
    while (i < source_.size() && is_space(static_cast<unsigned char>(source_[i]))) ++i;
    return i;
  }

  Status take_raw(size_t tag) {
    // The newline after {% raw %} stays: only `-` takes it.
    skip_after(end_sign_ == '-' ? '-' : '+', false);
    const size_t start = at_;
    for (size_t i = start; (i = source_.find("{%", i)) != std::string_view::npos; i += 2) {
      const char sign = sign_at(i + 2);
      const size_t resume = at_;
      at_ = i + 2 + (sign ? 1 : 0);
      if (take_word("endraw")) {
        const size_t after = at_;
        at_ = start;
        const std::string_view text = text_before(i, sign, false);
        at_ = after;
        add_text(text, start);
        skip_after(end_sign_, false);
        return {};
      }
      at_ = resume;
    }
    return refuse(tag, "this raw block is not closed by {% endraw %}");
  }

  Status take_expression(size_t tag, std::string_view end, bool variable) {
    std::string open;  // the brackets that are open: inside them }} and %} close nothing
    while (true) {
      at_ = skip_space(at_);
      if (at_ >= source_.size()) return refuse(tag, "this tag is not closed by " + std::string(end));
      if (open.empty()) {
        const char sign = sign_at(at_);
        const size_t end_at = at_ + (sign && !(variable && sign == '+') ? 1 : 0);
        if (source_.substr(end_at, 2) == end) {
          tokens_.push_back({variable ? Token::Kind::kVariableEnd : Token::Kind::kBlockEnd, "", at_});
          at_ = end_at + 2;
          skip_after(end_at > tokens_.back().offset ? sign : '\0', variable);
          return {};
        }
      }
      SILLOK_TRY(take_token(open));
    }
  }

  Status take_token(std::string& open) {
    const size_t start = at_;
    const char c = source_[at_];
    if (c == '"' || c == '\'') return take_string(c);
    if (is_digit(c)) return take_number();
    if (is_name_byte(c)) {
      while (at_ < source_.size() && is_name_byte(source_[at_])) ++at_;
      tokens_.push_back({Token::Kind::kName, std::string(source_.substr(start, at_ - start)), start});
      return {};
    }
    for (const std::string_view op : kOperators) {
      if (source_.substr(at_, op.size()) != op) continue;
      if (op == "!") break;
      if (op == "(" || op == "[" || op == "{") open += op == "(" ? ')' : op == "[" ? ']' : '}';
      if (op == ")" || op == "]" || op == "}") {
        if (open.empty() || open.back() != op[0]) return refuse(start, "unexpected '" + std::string(op) + "'");
        open.pop_back();
      }
      tokens_.push_back({Token::Kind::kOperator, std::string(op), start});
      at_ += op.size();
      return {};
    }
    return refuse(start, "unexpected character '" + shorten(source_.substr(start), 1).substr(0, 4) + "'");
  }

  // Decimal with `_` between digits, 0x, 0o, 0b; a fraction or exponent makes it a float.
  Status take_number() {
    const size_t start = at_;
    const auto digits = [this] {
      while (at_ < source_.size() && (is_digit(source_[at_]) || (source_[at_] == '_' && at_ + 1 < source_.size() &&
                                                                 is_digit(source_[at_ + 1])))) ++at_;
    };
    const bool after_dot = start > 0 && source_[start - 1] == '.';  // a.0.1 is two subscripts
    Token::Kind kind = Token::Kind::kInteger;
    const char second = start + 1 < source_.size() ? static_cast<char>(source_[start + 1] | 0x20) : '\0';
    if (source_[start] == '0' && (second == 'x' || second == 'o' || second == 'b')) {
      at_ += 2;
      while (at_ < source_.size() && (hex_digit(source_[at_]) >= 0 || source_[at_] == '_')) ++at_;
    } else {
      digits();
      if (!after_dot && at_ + 1 < source_.size() && source_[at_] == '.' && is_digit(source_[at_ + 1])) {
        kind = Token::Kind::kFloat;
        ++at_;
        digits();
      }
      size_t e = at_ + 1;
      if (!after_dot && at_ < source_.size() && (source_[at_] | 0x20) == 'e') {
        if (e < source_.size() && (source_[e] == '+' || source_[e] == '-')) ++e;
        if (e < source_.size() && is_digit(source_[e])) {
          kind = Token::Kind::kFloat;
          at_ = e;
          digits();
        }
      }
    }
    std::string text(source_.substr(start, at_ - start));
    text.erase(std::remove(text.begin(), text.end(), '_'), text.end());
    tokens_.push_back({kind, std::move(text), start});
    return {};
  }

  Status take_string(char quote) {
    const size_t start = at_++;
    std::string out;
    while (true) {
      if (at_ >= source_.size()) return refuse(start, "this string is not closed");
      const char c = source_[at_++];
      if (c == quote) break;
      if (c != '\\') {
        out += c;
        continue;
      }
      if (at_ >= source_.size()) return refuse(start, "this string is not closed");
      SILLOK_TRY(take_escape(out));
    }
    tokens_.push_back({Token::Kind::kString, std::move(out), start});
    return {};
  }

  Status take_escape(std::string& out) {
    const size_t start = at_ - 1;
    const char c = source_[at_++];
    switch (c) {
      case '\n': return {};  // a line that goes on
      case '\\': case '\'': case '"': out += c; return {};
      case 'n': out += '\n'; return {};
      case 't': out += '\t'; return {};
      case 'r': out += '\r'; return {};
      case 'a': out += '\a'; return {};
      case 'b': out += '\b'; return {};
      case 'f': out += '\f'; return {};
      case 'v': out += '\v'; return {};
      case 'x': return take_code_point(out, start, 2);
      case 'u': return take_code_point(out, start, 4);
      case 'U': return take_code_point(out, start, 8);
      case 'N': return refuse(start, "\\N{name} escapes are not read; write \\u and the number");
      default: break;
    }
    if (c >= '0' && c <= '7') {
      char32_t value = static_cast<char32_t>(c - '0');
      for (int i = 1; i < 3 && at_ < source_.size() && source_[at_] >= '0' && source_[at_] <= '7'; ++i) {
        value = value * 8 + static_cast<char32_t>(source_[at_++] - '0');
      }
      append_utf8(out, value);
      return {};
    }
    out += '\\';  // Any other backslash stands for itself, as in Python.
    out += c;
    return {};
  }

  Status take_code_point(std::string& out, size_t start, int digits) {
    char32_t value = 0;
    for (int i = 0; i < digits; ++i, ++at_) {
      const int digit = at_ < source_.size() ? hex_digit(source_[at_]) : -1;
      if (digit < 0) return refuse(start, "this escape needs " + std::to_string(digits) + " hexadecimal digits");
      value = value * 16 + static_cast<char32_t>(digit);
    }
    if (value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return refuse(start, "this escape is no character");
    append_utf8(out, value);
    return {};
  }

  std::string_view source_;
  size_t at_ = 0;
  bool at_line_start_ = true;
  char end_sign_ = '\0';
  std::vector<Token> tokens_;
};

}  // namespace

Result<std::vector<Token>> tokenize(std::string_view source) { return Lexer(source).run(); }

}  // namespace sillok::model::jinja
