// Dates, times, amounts and identifiers of a text. What counts as a date is decided by values.cc, which also marks answers.
#include "answer/facts.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <unordered_map>

#include "answer/span.h"
#include "text/text.h"

namespace sillok::answer {
namespace {

using search::Match;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
size_t skip_spaces(std::string_view text, size_t at) {
  while (at < text.size() && text[at] == ' ') ++at;
  return at;
}

// ---- Units

// One unit a row: its spelling here, and all ways to write it, folded, without dots and stars between.
constexpr auto kUnits = std::to_array<std::string_view>({
    "mm 밀리미터 밀리", "cm 센티미터 센티", "m 미터 metre metres meter meters", "km 킬로미터", "um μm 마이크로미터 마이크론", "nm nm",
    "kg 킬로그램 킬로 kilograms kilogram", "g 그램 grams gram", "t 톤 ton tons tonne tonnes", "mg 밀리그램", "l 리터 litres litre liters liter", "ml 밀리리터",
    "m2 제곱미터 평방미터", "m3 세제곱미터", "% 퍼센트 percent 프로", "원 won krw ₩", "달러 usd $ dollars dollar", "유로 eur € euros euro", "엔 jpy ¥ yen",
    "년 years year yr 년간 개년", "개월 달 months month 개월간", "주 주일 주간 weeks week", "일 days day 일간", "시간 hours hour h hr hrs", "분 minutes minute min mins",
    "초 seconds second sec s", "명 사람 people persons person employees workers", "개 pieces piece pcs ea items item", "회 번 차례 times", "대 units sets", "건 cases",
    "권 volumes books notebooks", "장 sheets", "점 points", "배 fold", "도 °c ℃ degrees", "바늘 stitches", "층 floors floor storey", "쪽 pages page", "세 살", "분기 quarter",
    "조 article", "항 paragraph", "호", "판 edition revision", "차", "급", "칸", "곳 군데 개소", "가지 종류 종", "자루", "마리", "척", "병", "통", "상자", "매", "부", "팀", "단계", "번째", "등급", "mpa", "kpa", "pa", "bar", "n", "kn", "rpm", "kw", "w", "db", "m/min", "mm/rev", "m/s"});
// More that have one spelling only.
constexpr std::string_view kPlainUnits = "psi hz khz mhz kwh v kv a ma ppm kgf kgfcm mm/min m/s2 gb mb tb kb ms hb hrc hv m3/h l/min ℃";

const std::unordered_map<std::string, std::string>& unit_table() {
  static const auto table = [] {
    std::unordered_map<std::string, std::string> made;
    for (std::string_view row : kUnits) {
      const auto names = split(row, ' ');
      for (std::string_view name : names) made.emplace(text::fold(name), names[0]);
    }
    for (std::string_view name : split(kPlainUnits, ' ')) made.emplace(text::fold(name), text::fold(name));
    return made;
  }();
  return table;
}

// N·m, N-m and Nm are one.
std::string plain_unit(std::string_view written) {
  std::string plain;
  const std::string folded = text::fold(written);
  for (size_t i = 0; i < folded.size();) {
    const char32_t c = decode_utf8(folded, i);
    if (c != U'·' && c != U'⋅' && c != U'*' && c != U'-' && c != U' ') append_utf8(plain, c);
  }
  return plain;
}

struct UnitAt {
  std::string unit;  // canonical; "" if none is known
  bool known = false;
  size_t end = 0;    // bytes: where the unit ends
};

// The longest unit of the table that the Hangul at `at` begins with: 개월 of 개월마다.
UnitAt hangul_unit(std::string_view text, size_t at) {
  constexpr size_t kLongest = 5;
  UnitAt best{"", false, at};
  std::string word;
  size_t count = 0;
  for (size_t i = at; i < text.size() && count < kLongest; ++count) {
    const char32_t c = decode_utf8(text, i);
    if (text::script_of(c) != text::Script::kHangul) break;
    append_utf8(word, c);
    const auto found = unit_table().find(word);
    if (found != unit_table().end()) best = {found->second, true, i};
  }
  return best;
}

UnitAt latin_unit(std::string_view text, size_t at, bool glued) {
  size_t end = at;
  while (end < text.size()) {
    size_t next = end;
    const char32_t c = decode_utf8(text, next);
    const bool sign = c == '%' || c == U'°' || c == U'℃' || c == U'％' || c == U'·' || c == U'⋅' || c == '/' || c == U'㎜' || c == U'㎏' || c == U'㎡' || c == U'²' || c == U'³';
    const bool digit = c >= '0' && c <= '9' && end > at;  // m2
    if (!sign && !digit && text::script_of(c) != text::Script::kAlphabet) break;
    end = next;
    if (c == '%' || c == U'％' || c == U'℃') break;
  }
  const std::string plain = plain_unit(text.substr(at, end - at));
  const auto found = unit_table().find(plain);
  const bool word = !glued && plain == "a";  // "2024 a new rule" has no ampere
  if (found == unit_table().end() || word) return {"", false, at};
  return {found->second, true, end};
}

UnitAt unit_at(std::string_view text, size_t at) {
  const size_t begin = skip_spaces(text, at);
  if (begin >= text.size() || begin - at > 1) return {"", false, at};
  size_t next = begin;
  const char32_t c = decode_utf8(text, next);
  if (text::script_of(c) != text::Script::kHangul) return latin_unit(text, begin, begin == at);
  UnitAt found = hangul_unit(text, begin);
  // "3공장" counts nothing: what is glued to a number and no unit, particle or copula is its own thing.
  constexpr std::u32string_view kParticles = U"은는이가을를의에로도만과와입인일였까부마으여씩쯤정짜";
  if (!found.known && begin == at && kParticles.find(c) == kParticles.npos) append_utf8(found.unit, c);
  return found;
}

// "EUR 412", "$5": the currency stands before.
UnitAt currency_before(std::string_view text, size_t at) {
  size_t begin = at;
  if (begin > 0 && text[begin - 1] == ' ') --begin;
  for (std::string_view sign : {"EUR", "USD", "KRW", "JPY", "$", "€", "₩", "¥"}) {
    if (text.substr(0, begin).ends_with(sign)) return {unit_table().at(text::fold(sign)), true, at};
  }
  return {"", false, at};
}

struct ColumnUnit {
  std::string unit;
  double scale = 1;
};

// What a row's column says its numbers are: 토크(N·m), 금액(천원). `at`: where the number begins.
ColumnUnit column_unit(std::string_view text, size_t at) {
  const std::string_view before = text.substr(0, at);
  const size_t bar = before.rfind(" | ");
  const std::string_view cell = bar == before.npos ? before : before.substr(bar + 3);
  const size_t colon = cell.find(": ");
  if (colon == cell.npos || colon == 0) return {};
  std::string_view name = cell.substr(0, colon);
  const size_t open = name.rfind('('), close = name.rfind(')');
  if (open == name.npos || close == name.npos || close < open) return {};
  std::string_view inside = name.substr(open + 1, close - open - 1);
  ColumnUnit column;
  for (const auto& [word, scale] : std::initializer_list<std::pair<std::string_view, double>>{{"백만", 1e6}, {"천", 1e3}, {"만", 1e4}, {"억", 1e8}}) {
    if (inside.starts_with(word) && inside.size() > word.size()) {
      column.scale = scale;
      inside.remove_prefix(word.size());
      break;
    }
  }
  const auto found = unit_table().find(plain_unit(inside));
  if (found == unit_table().end()) return {};
  column.unit = found->second;
  return column;
}

// ---- Numbers

// The value of digits with separators: 1,234.5; 0,05; 1.234.567.
double value_of(std::string_view written) {
  const auto commas = std::count(written.begin(), written.end(), ',');
  const auto dots = std::count(written.begin(), written.end(), '.');
  std::string plain(written);
  const size_t comma = plain.find(',');
  const bool thousands = commas > 0 && (commas > 1 || plain.size() - comma - 1 == 3 || (dots == 1 && plain.find('.') - comma - 1 == 3));
  if (thousands) std::erase(plain, ',');
  else std::replace(plain.begin(), plain.end(), ',', '.');
  if (dots > 1) std::erase(plain, '.');
  return std::strtod(plain.c_str(), nullptr);
}

struct Scaled {
  double value = 0;
  size_t end = 0;
};

double scale_at(std::string_view text, size_t& at) {
  double scale = 1;
  for (bool more = true; more;) {
    more = false;
    for (const auto& [word, factor] : std::initializer_list<std::pair<std::string_view, double>>{
             {"십", 10}, {"백", 100}, {"천", 1e3}, {"만", 1e4}, {"억", 1e8}, {"조", 1e12}, {"万", 1e4}, {"亿", 1e8}, {"億", 1e8}, {"여", 1}}) {
      if (!text.substr(at).starts_with(word)) continue;
      // 제3조 is an article, 3조 won are money: the scale is followed by another or by won.
      if (word == "조" && !text.substr(at + word.size()).starts_with("원") && !text.substr(at + word.size()).starts_with(" 원")) continue;
      at += word.size();
      scale *= factor;
      more = true;
    }
  }
  return scale;
}

size_t digits_end(std::string_view text, size_t at) {
  while (at < text.size() && (is_digit(text[at]) || ((text[at] == ',' || text[at] == '.') && at + 1 < text.size() && is_digit(text[at + 1]) && at > 0 && is_digit(text[at - 1])))) ++at;
  return at;
}

// The number whose digits begin at `at`, with what scales it: 1억 2천만, 3 million.
Scaled scaled_number(std::string_view text, size_t at) {
  size_t end = digits_end(text, at);
  Scaled number{value_of(text.substr(at, end - at)), end};
  size_t after = text.substr(end).starts_with(" ") ? end + 1 : end;
  const double scale = scale_at(text, after);
  if (scale > 1) {
    number.value *= scale;
    number.end = after;
    const size_t next = skip_spaces(text, after);
    if (next < text.size() && is_digit(text[next])) {
      size_t more = digits_end(text, next);
      const double rest = value_of(text.substr(next, more - next));
      const double smaller = scale_at(text, more);
      if (rest * smaller < scale && (smaller > 1 || next == after)) {
        number.value += rest * smaller;
        number.end = more;
      }
    }
    return number;
  }
  const std::string lower = ascii_lower(text.substr(end, 10));
  for (const auto& [word, factor] : std::initializer_list<std::pair<std::string_view, double>>{{" thousand", 1e3}, {" million", 1e6}, {" billion", 1e9}}) {
    if (lower.starts_with(word)) return {number.value * factor, end + word.size()};
  }
  return number;
}

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
    const std::string plain = plain_unit(run);
    const bool glued_unit = letter > 0 && unit_table().contains(plain_unit(run.substr(letter)));  // 5m2
    if (named && !glued_unit && !unit_table().contains(plain)) found.push_back({i, stop});
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
