#include <algorithm>
#include <array>

#include "text/text.h"

namespace sillok::text {
namespace {

bool is_space(char32_t c) { return c == ' ' || c == '\t' || c == 0xA0 || c == 0x3000 || c == '\r'; }
bool is_digit(char32_t c) { return c >= '0' && c <= '9'; }
bool is_hangul(char32_t c) { return c >= 0xAC00 && c <= 0xD7A3; }
bool is_stop(char32_t c) { return c == '.' || c == '!' || c == '?' || c == 0x2026; }
// Ends a sentence with or without a space after it: ideographic, fullwidth, Devanagari, Arabic, Urdu, Khmer.
bool is_hard_stop(char32_t c) {
  return c == 0x3002 || c == 0xFF01 || c == 0xFF1F || c == 0x0964 || c == 0x061F || c == 0x06D4 || c == 0x17D4;
}
bool is_closing(char32_t c) {
  return c == '"' || c == '\'' || c == ')' || c == ']' || c == 0x201D || c == 0x2019 || c == 0x300D ||
         c == 0x300F || c == 0xFF09 || c == 0x300B || c == 0xBB;
}
int bracket(char32_t c) {
  if (c == '(' || c == '[' || c == 0x201C || c == 0x300C || c == 0x300E || c == 0xFF08) return 1;
  if (c == ')' || c == ']' || c == 0x201D || c == 0x300D || c == 0x300F || c == 0xFF09) return -1;
  return 0;
}

// Words whose full stop does not end a sentence, folded to lower case.
constexpr std::array<std::string_view, 40> kAbbreviations = {
    "mr", "mrs", "ms", "dr", "prof", "st", "jr", "sr", "vs", "etc", "no", "nos", "fig", "figs", "eq", "inc",
    "ltd", "co", "corp", "approx", "dept", "est", "gen", "col", "sgt", "capt", "lt", "rev", "hon", "vol", "ca",
    "cf", "al", "art", "sec", "ref", "bzw", "usw", "z.b", "ca"};

// Bytes that may begin a character that splits, brackets or quotes: the scan passes over all others.
constexpr std::array<bool, 256> make_telling() {
  std::array<bool, 256> telling{};
  for (const char c : {'\n', '.', '!', '?', '"', '(', ')', '[', ']'}) telling[static_cast<uint8_t>(c)] = true;
  for (const int lead : {0xD8, 0xDB, 0xE0, 0xE1, 0xE2, 0xE3, 0xEF}) telling[static_cast<size_t>(lead)] = true;
  return telling;
}
constexpr std::array<bool, 256> kTelling = make_telling();

// All positions are byte offsets of whole characters.
class Splitter {
 public:
  explicit Splitter(std::string_view text) : text_(text) {}

  std::vector<Span> run() {
    size_t start = 0;
    int depth = 0;
    bool quoted = false;  // inside straight quotation marks
    for (size_t i = 0; i < text_.size();) {
      if (!kTelling[static_cast<uint8_t>(text_[i])]) {
        ++i;
        continue;
      }
      size_t after = i;
      const char32_t c = decode_utf8(text_, after);
      if (c == '\n') {
        give(start, i);
        start = i = after;
        depth = 0;
        quoted = false;
        continue;
      }
      if (c == '"') {
        depth = quoted ? std::max(0, depth - 1) : depth + 1;
        quoted = !quoted;
      }
      depth = std::max(0, depth + bracket(c));
      if ((depth > 0 && !longer_than_a_bracket(start, i)) || !ends_sentence(c, i, after, start)) {
        i = after;
        continue;
      }
      const size_t end = pass_closing(after);
      give(start, end);
      start = i = end;
      depth = 0;
      quoted = false;
    }
    give(start, text_.size());
    return std::move(spans_);
  }

 private:
  // A bracket or quotation longer than this does not hold a sentence together (it may never be closed).
  static constexpr size_t kLongestBracket = 200;

  // Every text ends as a line does.
  char32_t at(size_t i) const { return i < text_.size() ? decode_utf8(text_, i) : U'\n'; }

  // The character before `i`, and moves `i` to it. Requires i > 0.
  char32_t step_back(size_t& i) const {
    size_t begin = i - 1;
    while (begin > 0 && i - begin < 4 && (static_cast<uint8_t>(text_[begin]) & 0xC0) == 0x80) --begin;
    size_t end = begin;
    const char32_t c = decode_utf8(text_, end);
    if (end == i) {
      i = begin;
      return c;
    }
    --i;  // A malformed byte stands for itself.
    return kReplacement;
  }
  char32_t before(size_t i) const { return i > 0 ? step_back(i) : U'\n'; }

  bool longer_than_a_bracket(size_t start, size_t i) const {
    if (i - start < kLongestBracket) return false;
    size_t characters = 0;
    for (size_t k = start; k < i; ++k) characters += (static_cast<uint8_t>(text_[k]) & 0xC0) != 0x80 ? 1 : 0;
    return characters >= kLongestBracket;
  }

  // After the further stops, closing quotation marks and brackets that follow.
  size_t pass_closing(size_t i) const {
    for (size_t next = i; i < text_.size(); i = next) {
      const char32_t c = decode_utf8(text_, next);
      if (!is_stop(c) && !is_closing(c)) break;
    }
    return i;
  }

  // c at i, the next character at `after`.
  bool ends_sentence(char32_t c, size_t i, size_t after, size_t start) const {
    if (is_hard_stop(c)) return true;
    if (!is_stop(c)) return false;
    const size_t next = pass_closing(after);
    const char32_t following = at(next);
    // "했다.그는": the space was forgotten.
    if (is_hangul(following) && next == after) {
      const char32_t previous = i > start ? before(i) : U' ';
      return c == '.' && (previous == U'다' || previous == U'요');
    }
    if (!is_space(following) && following != '\n') return false;
    if (c != '.') return true;
    return !is_numbering(i, start) && !is_date_part(i, next) && !is_abbreviation(i, start);
  }

  // "1." or "가." or "(1)." with nothing before it in the sentence.
  bool is_numbering(size_t i, size_t start) const {
    size_t length = 0;
    for (size_t k = start; k < i && length <= 3;) {
      if (!is_space(decode_utf8(text_, k))) ++length;
    }
    if (length == 0 || length > 3) return false;
    return is_digit(before(i)) || length == 1 || before(i) == ')';
  }

  // "2024. 3. 1.": a number, a stop, and another number; or the last of such a row.
  bool is_date_part(size_t i, size_t next) const {
    if (!is_digit(before(i))) return false;
    while (is_space(at(next))) decode_utf8(text_, next);
    if (is_digit(at(next))) return true;
    size_t k = i;
    while (k > 0 && is_digit(static_cast<uint8_t>(text_[k - 1]))) --k;
    while (k > 0 && is_space(before(k))) step_back(k);
    return k >= 2 && text_[k - 1] == '.' && is_digit(static_cast<uint8_t>(text_[k - 2]));
  }

  bool is_abbreviation(size_t i, size_t start) const {
    size_t begin = i;
    while (begin > start && !is_space(before(begin)) && before(begin) != '(') step_back(begin);
    if (begin == i) return false;
    const std::string word = ascii_lower(text_.substr(begin, i - begin));
    const char32_t first = at(begin);
    const bool latin = (first >= 'A' && first <= 'Z') || (first >= 'a' && first <= 'z');
    // Initials (J.) and dotted abbreviations (U.S., e.g.); "I." and "A." at the end are rarer than initials.
    if (latin && (word.size() == 1 || (word.size() <= 5 && word.find('.') != std::string::npos))) return true;
    return std::find(kAbbreviations.begin(), kAbbreviations.end(), word) != kAbbreviations.end();
  }

  void give(size_t begin, size_t end) {
    while (begin < end && is_space(at(begin))) decode_utf8(text_, begin);
    while (end > begin && is_space(before(end))) step_back(end);
    if (begin < end) spans_.push_back({begin, end});
  }

  std::string_view text_;
  std::vector<Span> spans_;
};

}  // namespace

std::vector<Span> sentences(std::string_view text) { return Splitter(text).run(); }

}  // namespace sillok::text
