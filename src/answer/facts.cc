// Dates, times, amounts and identifiers of a text. What counts as a date is decided by values.cc, which also marks answers.
#include "answer/facts.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "answer/amounts.h"
#include "answer/span.h"
#include "text/text.h"

namespace sillok::answer {
namespace {

using search::Match;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// ---- What stands beside an amount

bool begins_any(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) { return text.starts_with(word); });
}

bool ends_any(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) { return text.ends_with(word); });
}

void read_surroundings(std::string_view text, Fact& fact) {
  constexpr size_t kLooked = 40;  // bytes
  const size_t end = skip_spaces(text, fact.span.end);
  std::string after = ascii_lower(text.substr(end, std::min(kLooked, text.size() - end)));
  for (std::string_view particle : {"를 ", "을 ", "가 ", "이 "}) {  // 5회를 넘게
    if (after.starts_with(particle)) after.erase(0, particle.size());
  }
  const size_t from = fact.span.begin - std::min(kLooked, fact.span.begin);
  const std::string before = ascii_lower(trim(text.substr(from, fact.span.begin - from)));
  const bool negated = after.find("지 않") != after.npos || after.find("지 못") != after.npos || after.find("수 없") != after.npos || after.find("안 된") != after.npos ||
                       after.find("안 되") != after.npos || after.find("아니") != after.npos || after.find("말") != after.npos;
  if (begins_any(after, {"이상"})) fact.limit = Limit::kAtLeast;
  else if (begins_any(after, {"이하", "이내", "or less", "or under"})) fact.limit = Limit::kAtMost;
  else if (begins_any(after, {"초과", "넘"})) fact.limit = negated ? Limit::kAtMost : Limit::kMoreThan;
  else if (begins_any(after, {"미만", "밑"})) fact.limit = Limit::kLessThan;
  else if (begins_any(after, {"or more", "or above"})) fact.limit = Limit::kAtLeast;
  else if (ends_any(before, {"not exceed", "no more than", "not more than", "at most", "up to", "maximum of", "within"})) fact.limit = Limit::kAtMost;
  else if (ends_any(before, {"at least", "no less than", "not less than", "minimum of"})) fact.limit = Limit::kAtLeast;
  else if (ends_any(before, {"more than", "over", "exceeding", "exceeds", "exceed", "above"})) fact.limit = Limit::kMoreThan;
  else if (ends_any(before, {"less than", "under", "below"})) fact.limit = Limit::kLessThan;
  if (begins_any(after, {"에서"}) || ends_any(before, {"from"})) fact.role = Fact::Role::kFrom;
  if (begins_any(after, {"으로", "로"}) || ends_any(before, {" to"})) fact.role = Fact::Role::kTo;
  if (begins_any(after, {"전체", "전원", "전부", "전수", "전량", "후보", "후임", "뒤집"})) return;
  if (begins_any(after, {"전", "before", "prior", "ago", "in advance"})) fact.direction = -1;
  if (begins_any(after, {"후", "뒤", "이후", "after", "later"})) fact.direction = 1;
}

// ---- Dates

std::optional<int> month_named(std::string_view lower) {
  constexpr std::array<std::string_view, 12> kNames = {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"};
  for (size_t i = 0; i < lower.size(); ++i) {
    if (!is_letter(lower[i]) || (i > 0 && is_letter(lower[i - 1]))) continue;
    for (size_t m = 0; m < kNames.size(); ++m) {
      if (lower.substr(i).starts_with(kNames[m])) return static_cast<int>(m + 1);
    }
  }
  return std::nullopt;
}

std::optional<Fact> date_fact(std::string_view text, const Value& value) {
  const std::string_view written = text.substr(value.span.begin, value.span.end - value.span.begin);
  // A bare four-digit number may be a year or an amount, and "10.9" is none of the two: they stay numbers.
  if (written.size() == 4 && std::all_of(written.begin(), written.end(), [](char c) { return is_digit(c) || c == '.' || c == ','; })) return std::nullopt;
  std::vector<int> parts;
  for (size_t i = 0; i < written.size();) {
    if (!is_digit(written[i])) {
      ++i;
      continue;
    }
    size_t end = i;
    while (end < written.size() && is_digit(written[end])) ++end;
    if (end - i > 4) return std::nullopt;
    parts.push_back(std::atoi(std::string(written.substr(i, end - i)).c_str()));
    i = end;
  }
  if (parts.empty()) return std::nullopt;
  Fact fact;
  fact.type = Fact::Type::kDate;
  fact.span = value.span;
  const auto named = month_named(ascii_lower(written));
  const bool has_year = value.year.end > value.year.begin;
  if (named) {
    fact.month = *named;
    for (const int part : parts) (part > 31 ? fact.year : fact.day) = part;
  } else {
    size_t i = 0;
    if (has_year) fact.year = parts[i++];
    if (i < parts.size()) fact.month = parts[i++];
    if (i < parts.size()) fact.day = parts[i];
  }
  if (fact.month > 12 || fact.day > 31) return std::nullopt;
  return fact;
}

// "04:50", "4시 50분", "오후 3시".
std::optional<Fact> time_at(std::string_view text, size_t at, size_t end) {
  if (end - at > 2) return std::nullopt;
  const int hour = std::atoi(std::string(text.substr(at, end - at)).c_str());
  if (hour > 24) return std::nullopt;
  Fact fact;
  fact.type = Fact::Type::kTime;
  fact.span = {at, end};
  fact.minutes = hour * 60;
  if (end + 2 < text.size() && text[end] == ':' && is_digit(text[end + 1]) && is_digit(text[end + 2])) {
    fact.minutes += std::atoi(std::string(text.substr(end + 1, 2)).c_str());
    fact.span.end = end + 3;
    fact.half_day = true;
  } else if (const size_t word = skip_spaces(text, end); text.substr(word).starts_with("시") && !text.substr(word).starts_with("시간")) {
    fact.span.end = word + std::string_view("시").size();
    const size_t next = skip_spaces(text, fact.span.end);
    size_t stop = next;
    while (stop < text.size() && is_digit(text[stop])) ++stop;
    if (stop > next && stop - next <= 2 && text.substr(skip_spaces(text, stop)).starts_with("분")) {
      fact.minutes += std::atoi(std::string(text.substr(next, stop - next)).c_str());
      fact.span.end = skip_spaces(text, stop) + std::string_view("분").size();
    }
    fact.half_day = hour > 12 || text[at] == '0';
  } else {
    return std::nullopt;
  }
  const std::string_view before = trim(text.substr(0, at));
  const std::string behind = ascii_lower(trim(text.substr(fact.span.end, 4)));
  const bool afternoon = before.ends_with("오후") || before.ends_with("저녁") || behind.starts_with("pm") || behind.starts_with("p.m");
  const bool morning = before.ends_with("오전") || before.ends_with("새벽") || behind.starts_with("am") || behind.starts_with("a.m");
  if (afternoon && hour < 12) fact.minutes += 12 * 60;
  fact.half_day |= afternoon || morning;
  return fact;
}

// ---- Identifiers and numbers in words

bool in_identifier(char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '_' || c == '/' || c == '.'; }

// WS-102, M16, S2510-06: a letter, and a digit somewhere behind it.
std::vector<Match> identifiers(std::string_view text) {
  std::vector<Match> found;
  for (size_t i = 0; i < text.size();) {
    if (!in_identifier(text[i])) {
      ++i;
      continue;
    }
    size_t end = i;
    while (end < text.size() && in_identifier(text[end])) ++end;
    size_t stop = end;
    while (stop > i && !is_letter(text[stop - 1]) && !is_digit(text[stop - 1])) --stop;
    const std::string_view run = text.substr(i, stop - i);
    const size_t letter = static_cast<size_t>(std::find_if(run.begin(), run.end(), is_letter) - run.begin());
    const bool named = letter < run.size() && std::any_of(run.begin() + static_cast<std::ptrdiff_t>(letter), run.end(), is_digit);
    const bool glued_unit = letter > 0 && is_unit(run.substr(letter));  // 5m2
    if (named && !glued_unit && !is_unit(run)) found.push_back({i, stop});
    i = end;
  }
  return found;
}

constexpr auto kNumerals = std::to_array<std::pair<std::string_view, int>>({
    {"한", 1}, {"두", 2}, {"세", 3}, {"네", 4}, {"석", 3}, {"넉", 4}, {"다섯", 5}, {"여섯", 6}, {"일곱", 7}, {"여덟", 8}, {"아홉", 9}, {"열", 10},
    {"스무", 20}, {"two", 2}, {"three", 3}, {"four", 4}, {"five", 5}, {"six", 6}, {"seven", 7}, {"eight", 8}, {"nine", 9}, {"ten", 10},
    {"eleven", 11}, {"twelve", 12}, {"twenty", 20}, {"thirty", 30}, {"zwei", 2}, {"drei", 3}, {"vier", 4}, {"fünf", 5}, {"sechs", 6}, {"sieben", 7}, {"acht", 8}});

constexpr auto kOrdinals = std::to_array<std::string_view>({"first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"});

Fact whole_number(size_t begin, size_t end, int value, std::string unit) {
  Fact fact;
  fact.span = {begin, end};
  fact.value = value;
  fact.digits = std::to_string(value);
  fact.known_unit = !unit.empty();
  fact.unit = std::move(unit);
  return fact;
}

// "the second floor" is 2층, the fifth edition 5판, twice 두 번.
std::optional<Fact> ordinal_at(std::string_view text, std::string_view word, size_t at, size_t end) {
  if (word == "twice" || word == "thrice") return whole_number(at, end, word == "twice" ? 2 : 3, "회");
  const auto found = std::find(kOrdinals.begin(), kOrdinals.end(), word);
  if (found == kOrdinals.end()) return std::nullopt;
  const UnitAt unit = unit_at(text, end);
  constexpr auto kCounted = std::to_array<std::string_view>({"층", "판", "분기", "조", "항"});
  if (std::find(kCounted.begin(), kCounted.end(), unit.unit) == kCounted.end()) return std::nullopt;
  return whole_number(at, unit.end, static_cast<int>(found - kOrdinals.begin()) + 1, unit.unit);
}

// "다섯 바늘", "six weeks".
std::optional<Fact> numeral_at(std::string_view text, size_t at) {
  size_t end = at;
  while (end < text.size() && static_cast<uint8_t>(text[end]) > ' ' && std::string_view(".,;:!?)").find(text[end]) == std::string_view::npos) ++end;
  const std::string word = text::fold(text.substr(at, end - at));
  if (auto ordinal = ordinal_at(text, word, at, end)) return ordinal;
  const auto found = std::find_if(kNumerals.begin(), kNumerals.end(), [&](const auto& n) { return n.first == word; });
  if (found == kNumerals.end() || end >= text.size()) return std::nullopt;
  const UnitAt unit = unit_at(text, end);
  const bool korean = static_cast<uint8_t>(text[at]) >= 0x80;
  if (korean && !unit.known) return std::nullopt;             // 한 is more often an ending than one,
  if (found->second == 1 && unit.unit == "회") return std::nullopt;  // and "6달에 한 번" counts nothing
  Fact fact = whole_number(at, unit.known ? unit.end : end, found->second, unit.unit);
  fact.known_unit = unit.known;
  return fact;
}

Fact number_at(std::string_view text, size_t at) {
  Fact fact;
  const size_t end = digits_end(text, at);
  fact.digits = std::string(text.substr(at, end - at));
  std::erase(fact.digits, ',');
  const Scaled number = scaled_number(text, at);
  fact.value = number.value;
  UnitAt unit = unit_at(text, number.end);
  fact.span = {at, unit.unit.empty() ? number.end : unit.end};
  if (unit.unit.empty()) unit = currency_before(text, at);
  fact.unit = unit.unit;
  fact.known_unit = unit.known;
  if (fact.unit.empty()) {
    const ColumnUnit column = column_unit(text, at);
    fact.unit = column.unit;
    fact.known_unit = !column.unit.empty();
    fact.value *= column.scale;
  }
  return fact;
}

// The end of "4.1 " or "3. " or "2) " at the front: the number of the paragraph, which says nothing.
size_t numbering_end(std::string_view text) {
  size_t end = 0;
  while (end < text.size() && (is_digit(text[end]) || (text[end] == '.' && end > 0))) ++end;
  if (end == 0 || end >= text.size()) return 0;
  const std::string_view number = text.substr(0, end);
  const bool dotted = number.find('.') != number.npos && text[end] == ' ' && number[0] != '0' && unit_at(text, end).unit.empty();
  return dotted || text[end] == ')' ? end : 0;
}

// "10/16" of a log: the sixteenth of October. A fraction reads so too, on both sides alike.
std::optional<Fact> month_and_day(std::string_view text, size_t at, size_t end) {
  if (end - at > 2 || end >= text.size() || text[end] != '/' || (at > 0 && text[at - 1] == '/')) return std::nullopt;
  const size_t stop = digits_end(text, end + 1);
  if (stop == end + 1 || stop - end > 3 || (stop < text.size() && text[stop] == '/')) return std::nullopt;
  Fact fact;
  fact.type = Fact::Type::kDate;
  fact.span = {at, stop};
  fact.month = std::atoi(std::string(text.substr(at, end - at)).c_str());
  fact.day = std::atoi(std::string(text.substr(end + 1, stop - end - 1)).c_str());
  if (fact.month < 1 || fact.month > 12 || fact.day < 1 || fact.day > 31) return std::nullopt;
  return fact;
}

// Days of the week, in one spelling.
void add_weekdays(std::string_view text, std::vector<Fact>& facts) {
  constexpr auto kDays = std::to_array<std::pair<std::string_view, std::string_view>>({
      {"월요일", "monday"}, {"화요일", "tuesday"}, {"수요일", "wednesday"}, {"목요일", "thursday"}, {"금요일", "friday"}, {"토요일", "saturday"}, {"일요일", "sunday"}});
  const std::string lower = ascii_lower(text);
  for (const auto& [korean, english] : kDays) {
    for (const std::string_view name : {korean, english}) {
      const size_t at = lower.find(name);
      if (at == lower.npos) continue;
      Fact fact;
      fact.type = Fact::Type::kIdentifier;
      fact.span = {at, at + name.size()};
      fact.text = std::string(english);
      facts.push_back(std::move(fact));
    }
  }
}

bool inside(const std::vector<Match>& spans, size_t at) {
  return std::any_of(spans.begin(), spans.end(), [&](const Match& m) { return m.begin <= at && at < m.end; });
}

bool same_value(const Fact& a, const Fact& b) {
  return a.digits == b.digits ? a.value == b.value || a.unit.empty() || b.unit.empty()
                              : std::abs(a.value - b.value) <= 1e-9 * std::max(std::abs(a.value), std::abs(b.value));
}

bool limits_agree(Limit known, Limit said) {
  if (said == Limit::kNone || said == known) return true;
  // "up to" is said of many bounds that are written without such a word.
  return known == Limit::kNone && said == Limit::kAtMost;
}

bool number_says(const Fact& known, const Fact& said) {
  if (!same_value(known, said) || !limits_agree(known.limit, said.limit)) return false;
  if (said.role != Fact::Role::kNone && known.role != Fact::Role::kNone && said.role != known.role) return false;
  if (said.direction != 0 && known.direction != said.direction) return false;
  if (said.unit.empty() || said.unit == known.unit) return true;
  // A counter ("30개") may be said of a bare number in a list; a unit of measure may not. Two scripts may have two words.
  if (known.unit.empty()) return !said.known_unit || static_cast<uint8_t>(said.unit[0]) >= 0x80;
  return false;
}

bool time_says(const Fact& known, const Fact& said) {
  constexpr int kHalfDay = 12 * 60;
  if (known.minutes == said.minutes) return true;
  return (!known.half_day || !said.half_day) && known.minutes % kHalfDay == said.minutes % kHalfDay;
}

}  // namespace

bool one_dimension(const Fact& a, const Fact& b) {
  if (a.type != b.type || a.type == Fact::Type::kIdentifier) return false;
  if (a.type != Fact::Type::kNumber || a.unit == b.unit) return true;
  constexpr auto kDimensions = std::to_array<std::string_view>({" 초 분 시간 일 주 개월 년 ms ", " 원 달러 유로 엔 ", " um mm cm m km ", " mg g kg t ", " ml l ", " pa kpa mpa bar psi ", " w kw "});
  return std::any_of(kDimensions.begin(), kDimensions.end(), [&](std::string_view units) {
    return !a.unit.empty() && !b.unit.empty() && units.find(" " + a.unit + " ") != units.npos && units.find(" " + b.unit + " ") != units.npos;
  });
}

std::vector<Fact> facts_in(std::string_view text) {
  std::vector<Fact> facts;
  std::vector<Match> taken = identifiers(text);
  if (const size_t end = numbering_end(text); end > 0) taken.push_back({0, end});
  for (const Match& name : identifiers(text)) {
    Fact fact;
    fact.type = Fact::Type::kIdentifier;
    fact.span = name;
    fact.text = text::fold(text.substr(name.begin, name.end - name.begin));
    facts.push_back(std::move(fact));
  }
  for (const Value& value : values_in(text, {})) {
    if (value.type != Value::Type::kYear && value.type != Value::Type::kDay && value.type != Value::Type::kFullDate) continue;
    if (inside(taken, value.span.begin)) continue;
    auto fact = date_fact(text, value);
    if (!fact) continue;
    taken.push_back(fact->span);
    facts.push_back(std::move(*fact));
  }
  for (size_t i = 0; i < text.size(); ++i) {
    if (inside(taken, i)) continue;
    if (is_digit(text[i]) && (i == 0 || !is_digit(text[i - 1]))) {
      auto fact = time_at(text, i, digits_end(text, i));
      if (!fact) fact = month_and_day(text, i, digits_end(text, i));
      if (!fact) {
        fact = number_at(text, i);
        read_surroundings(text, *fact);
      }
      i = std::max(i, fact->span.end - 1);
      facts.push_back(std::move(*fact));
    } else if (!is_digit(text[i]) && (i == 0 || text[i - 1] == ' ') && text[i] != ' ') {
      if (auto fact = numeral_at(text, i)) {
        read_surroundings(text, *fact);
        facts.push_back(std::move(*fact));
      }
    }
  }
  add_weekdays(text, facts);
  std::sort(facts.begin(), facts.end(), [](const Fact& a, const Fact& b) { return a.span.begin < b.span.begin; });
  return facts;
}

bool says(const Fact& known, const Fact& said) {
  using Type = Fact::Type;
  if (said.type == Type::kDate && known.type == Type::kDate) {
    const auto part = [](int k, int s) { return s == 0 || s == k; };
    return part(known.year, said.year) && part(known.month, said.month) && part(known.day, said.day);
  }
  if (said.type == Type::kTime && known.type == Type::kTime) return time_says(known, said);
  if (said.type == Type::kIdentifier) return known.type == Type::kIdentifier && known.text == said.text;
  if (said.type == Type::kNumber && known.type == Type::kNumber) return number_says(known, said);
  // 2024 of 2024-08-19, the 14th of 3월 14일.
  if (said.type == Type::kNumber && known.type == Type::kDate) {
    return (said.unit.empty() && said.value == known.year) || (said.unit == "일" && said.value == known.day);
  }
  if (said.type == Type::kDate && known.type == Type::kNumber) return said.month == 0 && said.value == 0 && known.unit.empty() && known.value == said.year;
  return false;
}

}  // namespace sillok::answer
