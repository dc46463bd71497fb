#include <algorithm>
#include <array>

#include "text/text.h"

namespace sillok::text {
namespace {

struct Character {
  char32_t value;
  size_t begin;  // byte offset
};

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

class Splitter {
 public:
  explicit Splitter(std::string_view text) : text_(text) {
    for (size_t i = 0; i < text.size();) {
      const size_t begin = i;
      const char32_t c = decode_utf8(text, i);
      characters_.push_back({c, begin});
    }
    characters_.push_back({'\n', text.size()});  // Every text ends as a line does.
  }

  std::vector<Span> run() {
    size_t start = 0;
    int depth = 0;
    bool quoted = false;  // inside straight quotation marks
    for (size_t i = 0; i < characters_.size(); ++i) {
      const char32_t c = characters_[i].value;
      if (c == '\n') {
        give(start, i);
        start = i + 1;
        depth = 0;
        quoted = false;
        continue;
      }
      if (c == '"') {
        depth = quoted ? std::max(0, depth - 1) : depth + 1;
        quoted = !quoted;
      }
      depth = std::max(0, depth + bracket(c));
      if (depth > 0 && i - start < kLongestBracket) continue;
      if (!ends_sentence(i, start)) continue;
      size_t end = i + 1;
      while (is_stop(at(end)) || is_closing(at(end))) ++end;
      give(start, end);
      start = end;
      i = end - 1;
      depth = 0;
      quoted = false;
    }
    return std::move(spans_);
  }

 private:
  // A bracket or quotation longer than this does not hold a sentence together (it may never be closed).
  static constexpr size_t kLongestBracket = 200;

  char32_t at(size_t i) const { return i < characters_.size() ? characters_[i].value : U'\n'; }

  bool ends_sentence(size_t i, size_t start) const {
    const char32_t c = at(i);
    if (is_hard_stop(c)) return true;
    if (!is_stop(c)) return false;
    size_t next = i + 1;
    while (is_stop(at(next)) || is_closing(at(next))) ++next;
    const char32_t previous = i > start ? at(i - 1) : U' ';
    // "했다.그는": the space was forgotten.
    if (is_hangul(at(next)) && next == i + 1) return c == '.' && (previous == U'다' || previous == U'요');
    if (!is_space(at(next)) && at(next) != '\n') return false;
    if (c != '.') return true;
    return !is_numbering(i, start) && !is_date_part(i, next) && !is_abbreviation(i, start);
  }

  // "1." or "가." or "(1)." with nothing before it in the sentence.
  bool is_numbering(size_t i, size_t start) const {
    size_t length = 0;
    for (size_t k = start; k < i; ++k) {
      if (!is_space(at(k))) ++length;
    }
    if (length == 0 || length > 3) return false;
    return is_digit(at(i - 1)) || length == 1 || at(i - 1) == ')';
  }

  // "2024. 3. 1.": a number, a stop, and another number; or the last of such a row.
  bool is_date_part(size_t i, size_t next) const {
    if (i == 0 || !is_digit(at(i - 1))) return false;
    while (is_space(at(next))) ++next;
    if (is_digit(at(next))) return true;
    size_t before = i;
    while (before > 0 && is_digit(at(before - 1))) --before;
    while (before > 0 && is_space(at(before - 1))) --before;
    return before >= 2 && at(before - 1) == '.' && is_digit(at(before - 2));
  }

  bool is_abbreviation(size_t i, size_t start) const {
    size_t begin = i;
    while (begin > start && !is_space(at(begin - 1)) && at(begin - 1) != '(') --begin;
    if (begin == i) return false;
    const std::string word =
        ascii_lower(text_.substr(characters_[begin].begin, characters_[i].begin - characters_[begin].begin));
    const char32_t first = at(begin);
    const bool latin = (first >= 'A' && first <= 'Z') || (first >= 'a' && first <= 'z');
    // Initials (J.) and dotted abbreviations (U.S., e.g.); "I." and "A." at the end are rarer than initials.
    if (latin && (word.size() == 1 || (word.size() <= 5 && word.find('.') != std::string::npos))) return true;
    return std::find(kAbbreviations.begin(), kAbbreviations.end(), word) != kAbbreviations.end();
  }

  void give(size_t begin, size_t end) {
    while (begin < end && is_space(at(begin))) ++begin;
    while (end > begin && is_space(at(end - 1))) --end;
    if (begin < end) spans_.push_back({characters_[begin].begin, characters_[end].begin});
  }

  std::string_view text_;
  std::vector<Character> characters_;
  std::vector<Span> spans_;
};

}  // namespace

std::vector<Span> sentences(std::string_view text) { return Splitter(text).run(); }

}  // namespace sillok::text
