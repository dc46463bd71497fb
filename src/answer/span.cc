#include <algorithm>
#include <array>
#include <cmath>

#include "answer/parts.h"
#include "text/text.h"

namespace sillok::answer {
namespace {

using search::Match;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// ---- Numbers and dates

struct Number {
  size_t begin = 0, end = 0;  // digits with separators: "10,000", "0.05"
};

std::vector<Number> numbers(std::string_view text) {
  std::vector<Number> found;
  for (size_t i = 0; i < text.size();) {
    if (!is_digit(text[i])) {
      ++i;
      continue;
    }
    size_t end = i;
    while (end < text.size() && (is_digit(text[end]) || ((text[end] == ',' || text[end] == '.') &&
                                                         end + 1 < text.size() && is_digit(text[end + 1])))) {
      ++end;
    }
    found.push_back({i, end});
    i = end;
  }
  return found;
}

size_t skip_spaces(std::string_view text, size_t at) {
  while (at < text.size() && text[at] == ' ') ++at;
  return at;
}

// The end of `word` if it stands at `at` (after spaces), else 0.
size_t after(std::string_view text, size_t at, std::initializer_list<std::string_view> words) {
  at = skip_spaces(text, at);
  for (std::string_view word : words) {
    if (text.substr(at).starts_with(word)) return at + word.size();
  }
  return 0;
}

constexpr std::array<std::string_view, 12> kMonths = {"january", "february", "march", "april", "may", "june",
                                                      "july", "august", "september", "october", "november", "december"};

bool is_month_at(std::string_view lower, size_t at, size_t& end) {
  for (std::string_view month : kMonths) {
    if (lower.substr(at).starts_with(month)) {
      end = at + month.size();
      return true;
    }
  }
  return false;
}

struct DateSpan {
  Match span;
  Match year;  // empty if it has none
  int parts = 0;
};

// A date that begins with the number n: 1989년 2월 15일, 2월 15일, 1989-02-15, 2024. 3. 1., 1989年2月, 15 March 1989, 1989.
std::optional<DateSpan> date_at(std::string_view text, std::string_view lower, const std::vector<Number>& all, size_t n) {
  const auto digits = [&](size_t i) { return all[i].end - all[i].begin; };
  const auto number_at = [&](size_t at) {
    at = skip_spaces(text, at);
    for (size_t i = n; i < all.size(); ++i) {
      if (all[i].begin == at) return i;
    }
    return all.size();
  };
  DateSpan date;
  date.span.begin = all[n].begin;
  size_t at = 0;
  if (digits(n) == 4 && (at = after(text, all[n].end, {"년대", "년", "年代", "年"})) != 0) {
    date.span.end = at;
    date.year = {all[n].begin, at};
    date.parts = 1;
    const size_t month = number_at(at);
    if (month < all.size() && (at = after(text, all[month].end, {"월", "月"})) != 0) {
      date.span.end = at;
      date.parts = 2;
      const size_t day = number_at(at);
      if (day < all.size() && (at = after(text, all[day].end, {"일", "日"})) != 0) {
        date.span.end = at;
        date.parts = 3;
      }
    }
    return date;
  }
  if (digits(n) <= 2 && (at = after(text, all[n].end, {"월", "月"})) != 0) {
    date.span.end = at;
    date.parts = 1;
    const size_t day = number_at(at);
    if (day < all.size() && (at = after(text, all[day].end, {"일", "日"})) != 0) {
      date.span.end = at;
      date.parts = 2;
    }
    return date;
  }
  if (digits(n) == 4 && all[n].end < text.size() && (text[all[n].end] == '-' || text[all[n].end] == '/') &&
      n + 1 < all.size() && all[n + 1].begin == all[n].end + 1) {
    date.year = {all[n].begin, all[n].end};
    date.span.end = all[n + 1].end;
    date.parts = 2;
    if (n + 2 < all.size() && all[n + 2].begin == all[n + 1].end + 1) {
      date.span.end = all[n + 2].end;
      date.parts = 3;
    }
    return date;
  }
  // "2024. 3. 1." and "2024.3.1"
  if (digits(n) >= 8 && std::count(text.begin() + static_cast<std::ptrdiff_t>(all[n].begin),
                                   text.begin() + static_cast<std::ptrdiff_t>(all[n].end), '.') == 2) {
    date.span.end = all[n].end;
    date.year = {all[n].begin, all[n].begin + 4};
    date.parts = 3;
    return date;
  }
  if (digits(n) == 4 && after(text, all[n].end, {". "}) != 0 && n + 2 < all.size() &&
      skip_spaces(text, all[n].end + 1) == all[n + 1].begin && digits(n + 1) <= 2 &&
      skip_spaces(text, all[n + 1].end + 1) == all[n + 2].begin && digits(n + 2) <= 2) {
    date.span.end = all[n + 2].end;
    date.year = {all[n].begin, all[n].end};
    date.parts = 3;
    return date;
  }
  // 15 March 1989
  size_t end = 0;
  if (digits(n) <= 2 && is_month_at(lower, skip_spaces(text, all[n].end), end)) {
    date.span.end = end;
    date.parts = 2;
    const size_t year = number_at(after(text, end, {","}) != 0 ? after(text, end, {","}) : end);
    if (year < all.size() && digits(year) == 4) {
      date.span.end = all[year].end;
      date.year = {all[year].begin, all[year].end};
      date.parts = 3;
    }
    return date;
  }
  // A bare year.
  if (digits(n) == 4 && (text[all[n].begin] == '1' || text[all[n].begin] == '2') &&
      (all[n].end >= text.size() || static_cast<uint8_t>(text[all[n].end]) < 0x80)) {
    date.span.end = all[n].end;
    date.year = {all[n].begin, all[n].end};
    date.parts = 1;
    return date;
  }
  return std::nullopt;
}

// "March 15, 1989" begins with letters: extend a date leftwards over the month before it.
void extend_over_month(std::string_view lower, DateSpan& date, const std::vector<Number>& all, size_t n) {
  for (std::string_view month : kMonths) {
    size_t at = date.span.begin;
    while (at > 0 && lower[at - 1] == ' ') --at;
    if (at >= month.size() && lower.substr(at - month.size(), month.size()) == month) {
      date.span.begin = at - month.size();
      ++date.parts;
      if (date.span.end == all[n].end && n + 1 < all.size() && all[n + 1].end - all[n + 1].begin == 4 &&
          all[n + 1].begin - all[n].end <= 2) {
        date.span.end = all[n + 1].end;
        date.year = {all[n + 1].begin, all[n + 1].end};
        ++date.parts;
      }
    }
  }
}

std::vector<DateSpan> dates(std::string_view text) {
  const std::string lower = ascii_lower(text);
  const std::vector<Number> all = numbers(text);
  std::vector<DateSpan> found;
  size_t covered = 0;
  for (size_t n = 0; n < all.size(); ++n) {
    if (all[n].begin < covered) continue;
    auto date = date_at(text, lower, all, n);
    if (!date && all[n].end - all[n].begin <= 2) {
      DateSpan day{{all[n].begin, all[n].end}, {}, 0};
      extend_over_month(lower, day, all, n);
      if (day.parts > 0) date = day;
    } else if (date) {
      extend_over_month(lower, *date, all, n);
    }
    if (!date) continue;
    covered = date->span.end;
    found.push_back(*date);
  }
  return found;
}

bool asks_for_year(std::string_view question) {
  for (std::string_view cue : {"몇 년", "몇년", "년도", "연도", "해는", "어느 해", "what year", "which year", "哪一年", "哪年"}) {
    if (question.find(cue) != question.npos) return true;
  }
  return false;
}

std::string_view slice(std::string_view text, const Match& m) { return text.substr(m.begin, m.end - m.begin); }

std::optional<Match> find_date(std::string_view question, std::string_view unit) {
  std::optional<DateSpan> best;
  for (const DateSpan& date : dates(unit)) {
    if (question.find(slice(unit, date.span)) != question.npos) continue;
    if (!best || date.parts > best->parts) best = date;
  }
  if (!best) return std::nullopt;
  if (asks_for_year(question) && best->year.end > best->year.begin) return best->year;
  return best->span;
}

// ---- Amounts

// The unit after a number: "명", "만 원", "mm", "%"; without its particles.
size_t amount_end(std::string_view text, size_t end) {
  constexpr std::array<std::string_view, 6> kScales = {"만", "억", "조", "천", "백", "여"};
  size_t at = end;
  for (bool more = true; more;) {
    more = false;
    for (std::string_view scale : kScales) {
      const size_t next = after(text, at, {scale});
      if (next != 0) {
        at = next;
        more = true;
      }
    }
    const size_t digits = skip_spaces(text, at);
    if (more && digits < text.size() && is_digit(text[digits])) {
      at = digits;
      while (at < text.size() && (is_digit(text[at]) || text[at] == ',')) ++at;
    }
  }
  // One word directly behind, up to where its script changes (35N이다); or behind one space a known counter.
  std::u32string unit;
  for (size_t word = at; word < text.size();) {
    const char32_t c = decode_utf8(text, word);
    const bool symbol = c == '%' || c == 0x2103 || c == 0xB0;
    if (!symbol && text::script_of(c) == text::Script::kNone) break;
    if (!unit.empty() && text::script_of(c) != text::script_of(unit[0]) && text::script_of(c) == text::Script::kHangul) break;
    unit.push_back(c);
  }
  if (unit.empty()) {
    const size_t counter = after(text, at, {"원", "명", "개", "일", "년", "회", "건", "시간", "분", "초", "대", "장", "권", "쪽",
                                            "점", "달러", "퍼센트", "톤", "미터", "킬로", "km", "mm", "cm", "kg", "dB", "kW", "MPa", "N·m", "rpm", "°C", "℃", "%", "m "});
    return counter != 0 && at < text.size() && text[at] == ' ' ? counter : at;
  }
  const size_t kept = unit.size() > 2 ? text::stem_length(unit) : unit.size();
  size_t stop = at;
  for (size_t i = 0; i < kept; ++i) decode_utf8(text, stop);
  // 명이, 개를: a counter of one syllable with a particle of one.
  constexpr std::u32string_view kParticles = U"이가을를은는의에로도";
  if (kept == 2 && kParticles.find(unit[1]) != kParticles.npos) {
    stop = at;
    decode_utf8(text, stop);
  }
  return stop;
}

// What is counted: the word after 몇, without its particles: a counter's syllable, or a unit in Latin letters.
std::string counted(std::string_view question) {
  const size_t at = question.find("몇");
  if (at == question.npos) return "";
  const size_t begin = skip_spaces(question, at + std::string_view("몇").size());
  size_t end = begin;
  while (end < question.size()) {
    size_t next = end;
    const text::Script script = text::script_of(decode_utf8(question, next));
    if (script == text::Script::kHangul && end == begin) return std::string(question.substr(begin, next - begin));
    if (script != text::Script::kAlphabet) break;
    end = next;
  }
  return std::string(question.substr(begin, end - begin));
}

// Digits that name or number something instead of counting it: WS-102, M12, 제12조, "4.2 드레싱", "1. 목적".
bool is_label(std::string_view unit, const Number& number) {
  if (unit.substr(0, number.begin).ends_with("제")) return true;  // 제12조, 제3판
  if (number.begin > 0) {
    const char before = unit[number.begin - 1];
    const bool letter = (before >= 'A' && before <= 'Z') || (before >= 'a' && before <= 'z');
    const bool joined = number.begin > 1 && (before == '-' || before == '_' || before == '/') &&
                        static_cast<uint8_t>(unit[number.begin - 2]) < 0x80 && unit[number.begin - 2] != ' ';
    if (letter || joined) return true;
  }
  if (number.end < unit.size() && unit[number.end] == '-' && number.end + 1 < unit.size() && is_digit(unit[number.end + 1])) {
    return true;
  }
  const bool starts = number.begin == 0;
  const bool dotted = unit.substr(number.begin, number.end - number.begin).find('.') != std::string_view::npos ||
                      (number.end < unit.size() && (unit[number.end] == '.' || unit[number.end] == ')'));
  return starts && dotted && number.end < unit.size();
}

// The name of the column that a number in a table row stands under: "토크(N·m)" in "... | 토크(N·m): 206 | ...".
std::string_view column_of(std::string_view unit, const Number& number) {
  const std::string_view before = unit.substr(0, number.begin);
  const size_t bar = before.rfind(" | ");
  const std::string_view cell = bar == before.npos ? before : before.substr(bar + 3);
  const size_t colon = cell.find(": ");
  return colon == cell.npos ? std::string_view() : cell.substr(0, colon);
}

struct Amount {
  Match span;
  bool expected = false;  // followed by what the question counts
};

std::optional<Amount> find_amount(std::string_view question, std::string_view unit) {
  const std::string expected = counted(question);
  std::optional<Amount> best;
  int best_score = -1;
  for (const Number& number : numbers(unit)) {
    if (is_label(unit, number)) continue;
    const Match span{number.begin, amount_end(unit, number.end)};
    if (question.find(slice(unit, {number.begin, number.end})) != question.npos) continue;
    const bool counts = !expected.empty() &&
                        (slice(unit, {number.end, span.end}).find(expected) != std::string_view::npos ||
                         column_of(unit, number).find(expected) != std::string_view::npos);
    const int score = (span.end > number.end ? 1 : 0) + (counts ? 2 : 0);
    if (score > best_score) {
      best = Amount{span, counts || expected.empty()};
      best_score = score;
    }
  }
  return best;
}

// ---- Names: words the question does not have, near words it has

struct Word {
  size_t begin = 0, end = 0;  // bytes, without surrounding punctuation and particles
  bool known = false;         // in the question
  bool cut = false;           // a particle was cut off
  bool capital = false;       // begins with a capital letter
  bool broken = false;        // punctuation stands between it and the next word
};

std::vector<Word> words_of(std::string_view question, std::string_view unit) {
  const std::string asked = text::fold(question);
  std::vector<Word> words;
  for (size_t i = 0; i < unit.size();) {
    size_t next = i;
    char32_t c = decode_utf8(unit, next);
    if (text::script_of(c) == text::Script::kNone) {
      if (c != ' ' && !words.empty()) words.back().broken = true;
      i = next;
      continue;
    }
    Word word;
    word.begin = i;
    word.capital = (c >= 'A' && c <= 'Z') || (c >= 0x410 && c <= 0x42F) || (c >= 0xC0 && c <= 0xDE);
    size_t end = i;
    while (end < unit.size()) {
      size_t after_it = end;
      c = decode_utf8(unit, after_it);
      if (text::script_of(c) == text::Script::kNone) break;
      end = after_it;
    }
    const std::u32string letters = to_utf32(unit.substr(i, end - i));
    const size_t stem = text::stem_length(letters);
    word.cut = stem < letters.size();
    word.end = i + to_utf8(letters.substr(0, stem)).size();
    word.known = asked.find(text::fold(unit.substr(word.begin, word.end - word.begin))) != asked.npos;
    words.push_back(word);
    i = end;
  }
  return words;
}

// 《…》, ‘…’, “…”: titles and names are set off so.
std::optional<Match> find_quoted(std::string_view question, std::string_view unit) {
  struct Pair {
    std::string_view open, close;
  };
  constexpr std::array<Pair, 8> kPairs = {{{"《", "》"}, {"〈", "〉"}, {"「", "」"}, {"『", "』"}, {"‘", "’"}, {"“", "”"}, {"\"", "\""}, {"<", ">"}}};
  for (const Pair& pair : kPairs) {
    size_t at = 0;
    while ((at = unit.find(pair.open, at)) != unit.npos) {
      const size_t begin = at + pair.open.size();
      const size_t end = unit.find(pair.close, begin);
      if (end == unit.npos) break;
      const Match span{begin, end};
      constexpr size_t kLongest = 90;  // bytes: thirty syllables; longer is a quotation, not a name
      if (end > begin && end - begin <= kLongest && question.find(slice(unit, span)) == question.npos) return span;
      at = end + pair.close.size();
    }
  }
  return std::nullopt;
}

std::optional<Match> find_name(std::string_view question, Kind kind, std::string_view unit) {
  const std::vector<Word> words = words_of(question, unit);
  const bool hangul = std::any_of(unit.begin(), unit.end(), [](char c) { return static_cast<uint8_t>(c) >= 0xEA; });
  double best_score = 0;
  std::optional<Match> best;
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i].known || is_digit(unit[words[i].begin])) continue;
    if (!hangul && !words[i].capital) continue;
    if (hangul && !words[i].cut && !words[i].capital && !words[i].broken) continue;  // a noun carries a particle
    double near = 0;
    for (size_t k = 0; k < words.size(); ++k) {
      if (words[k].known) near += 1.0 / (1.0 + std::abs(static_cast<double>(i) - static_cast<double>(k)));
    }
    const size_t syllables = to_utf32(slice(unit, {words[i].begin, words[i].end})).size();
    if (kind == Kind::kPerson && hangul && syllables >= 2 && syllables <= 4) near *= 1.5;
    if (near <= best_score) continue;
    best_score = near;
    // The name's earlier words: bare nouns or capitals directly before, none of them in the question.
    size_t first = i;
    while (first > 0 && !words[first - 1].known && !words[first - 1].cut && !words[first - 1].broken &&
           (hangul || words[first - 1].capital) && i - first < 3) {
      --first;
    }
    size_t last = i;
    while (!hangul && last + 1 < words.size() && words[last + 1].capital && !words[last].broken && !words[last + 1].known) ++last;
    best = Match{words[first].begin, words[last].end};
  }
  return best;
}

}  // namespace

bool holds_kind(std::string_view question, Kind kind, std::string_view unit) {
  if (kind == Kind::kDate) return find_date(question, unit).has_value();
  if (kind == Kind::kNumber) {
    const auto amount = find_amount(question, unit);
    return amount && amount->expected;
  }
  return false;
}

std::optional<Match> find_span(std::string_view question, Kind kind, std::string_view unit) {
  switch (kind) {
    case Kind::kAny: return std::nullopt;
    case Kind::kDate: return find_date(question, unit);
    case Kind::kNumber: {
      const auto amount = find_amount(question, unit);
      return amount ? std::optional<Match>(amount->span) : std::nullopt;
    }
    case Kind::kWhich:
      if (auto quoted = find_quoted(question, unit)) return quoted;
      return find_name(question, kind, unit);
    case Kind::kPerson:
    case Kind::kPlace: return find_name(question, kind, unit);
  }
  return std::nullopt;
}

}  // namespace sillok::answer
