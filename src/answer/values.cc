// Dates and amounts in a text, by how they are written.
#include <algorithm>

#include "answer/span.h"
#include "text/text.h"

namespace sillok::answer {
namespace {

using search::Match;

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

// English, German, Turkish and Russian (in the genitive, as dates have it); folded as far as ASCII goes.
constexpr std::array<std::string_view, 40> kMonths = {
    "january", "february", "march",   "april",  "may",     "june",   "july",    "august",   "september", "october",
    "november", "december", "januar", "februar", "märz",   "mai",    "juni",    "juli",     "oktober",   "dezember",
    "ocak",    "şubat",    "mart",    "nisan",  "mayıs",   "haziran", "temmuz", "ağustos",  "eylül",     "ekim",
    "kasım",   "aralık",   "января",  "февраля", "марта",  "апреля", "мая",     "июня",     "июля",      "августа"};
constexpr std::array<std::string_view, 4> kMoreMonths = {"сентября", "октября", "ноября", "декабря"};

bool is_month_at(std::string_view lower, size_t at, size_t& end) {
  size_t longest = 0;
  const auto look = [&](std::string_view month) {
    if (lower.substr(at).starts_with(month)) longest = std::max(longest, month.size());
  };
  for (std::string_view month : kMonths) look(month);
  for (std::string_view month : kMoreMonths) look(month);
  end = at + longest;
  return longest > 0;
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
  const size_t dot = after(text, all[n].end, {"."});  // 15. März
  if (digits(n) <= 2 && is_month_at(lower, skip_spaces(text, dot != 0 ? dot : all[n].end), end)) {
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

// A number written in words before what it counts: "다섯 바늘", "두 명".
constexpr std::array<std::string_view, 21> kNumerals = {"한",   "두",   "세",   "네",   "석",   "넉",   "다섯", "여섯", "일곱", "여덟", "아홉",
                                                        "열",   "스무", "하나", "둘",   "셋",   "넷",   "서른", "마흔", "쉰",   "수십"};

// The counter that follows a numeral in words, up to its particle; 0 if the word is none.
size_t numeral_end(std::string_view text, size_t at) {
  for (std::string_view numeral : kNumerals) {
    if (!text.substr(at).starts_with(numeral)) continue;
    const size_t space = at + numeral.size();
    if (space >= text.size() || text[space] != ' ') continue;
    for (std::string_view counter : {"바늘", "사람", "가지", "차례", "개월", "시간", "번째", "번", "명", "개", "권", "곳", "달", "해", "살", "대", "장", "배", "건",
                                     "마리", "척", "군데", "단계", "종류", "쪽", "팀", "편", "잔", "줄", "자루", "켤레"}) {
      if (text.substr(space + 1).starts_with(counter)) return space + 1 + counter.size();
    }
  }
  return 0;
}

constexpr size_t kNextWord = 24;  // bytes looked at behind a number
constexpr size_t kCurrency = 4;   // and before it: "EUR 412"

bool begins_any(std::string_view text, const std::vector<std::string>& words) {
  return std::any_of(words.begin(), words.end(), [&](const std::string& word) { return text.starts_with(word); });
}

Value::Type type_of(const DateSpan& date) {
  if (date.year.end == date.year.begin) return Value::Type::kDay;
  return date.parts <= 1 ? Value::Type::kYear : Value::Type::kFullDate;
}

}  // namespace

bool holds_any(std::string_view text, const std::vector<std::string>& words) {
  return std::any_of(words.begin(), words.end(), [&](const std::string& word) { return text.find(word) != text.npos; });
}

std::vector<Value> values_in(std::string_view unit, const std::vector<std::string>& counters) {
  std::vector<Value> values;
  const std::vector<DateSpan> days = dates(unit);
  for (const DateSpan& date : days) {
    // "3년" and "12월" count if the question counts years or months; "2024년" names one.
    values.push_back({date.span, type_of(date), date.year, false, date.parts});
  }
  for (const Number& number : numbers(unit)) {
    const bool dated = std::any_of(days.begin(), days.end(), [&](const DateSpan& d) {
      return d.span.begin <= number.begin && number.end <= d.span.end;
    });
    if (dated) continue;
    Value value;
    value.span = {number.begin, amount_end(unit, number.end)};
    value.type = value.span.end > number.end ? Value::Type::kAmount : Value::Type::kBareNumber;
    if (is_label(unit, number)) value.type = Value::Type::kLabel;
    const std::string_view said = unit.substr(number.end, value.span.end - number.end);
    // The unit, or the word after it ("6 weeks" is an amount with its unit, "17 parts" is not).
    const std::string_view next = unit.substr(value.span.end, std::min<size_t>(unit.size() - value.span.end, kNextWord));
    value.counts = value.type != Value::Type::kLabel &&
                   (holds_any(said, counters) || holds_any(column_of(unit, number), counters) || begins_any(trim(next), counters) ||
                    (number.begin > 0 && holds_any(unit.substr(number.begin - std::min(number.begin, kCurrency), std::min(number.begin, kCurrency)), counters)));
    values.push_back(value);
  }
  for (size_t i = 0; i < unit.size(); ++i) {
    if (i > 0 && unit[i - 1] != ' ') continue;
    const size_t end = numeral_end(unit, i);
    if (end == 0) continue;
    Value value;
    value.span = {i, end};
    value.type = Value::Type::kAmount;
    value.counts = holds_any(unit.substr(i, end - i), counters);
    values.push_back(value);
  }
  std::sort(values.begin(), values.end(), [](const Value& a, const Value& b) { return a.span.begin < b.span.begin; });
  // A longer amount ("3만 5천 원") covers the numbers inside it.
  std::vector<Value> apart;
  for (const Value& value : values) {
    if (!apart.empty() && value.span.begin < apart.back().span.end) continue;
    apart.push_back(value);
  }
  return apart;
}

}  // namespace sillok::answer
