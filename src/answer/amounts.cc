#include "answer/amounts.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <unordered_map>

#include "base/base.h"
#include "text/text.h"

namespace sillok::answer {
namespace {

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

}  // namespace

size_t skip_spaces(std::string_view text, size_t at) {
  while (at < text.size() && text[at] == ' ') ++at;
  return at;
}

bool is_unit(std::string_view text) { return unit_table().contains(plain_unit(text)); }

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

UnitAt currency_before(std::string_view text, size_t at) {
  size_t begin = at;
  if (begin > 0 && text[begin - 1] == ' ') --begin;
  for (std::string_view sign : {"EUR", "USD", "KRW", "JPY", "$", "€", "₩", "¥"}) {
    if (text.substr(0, begin).ends_with(sign)) return {unit_table().at(text::fold(sign)), true, at};
  }
  return {"", false, at};
}

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

size_t digits_end(std::string_view text, size_t at) {
  while (at < text.size() && (is_digit(text[at]) || ((text[at] == ',' || text[at] == '.') && at + 1 < text.size() && is_digit(text[at + 1]) && at > 0 && is_digit(text[at - 1])))) ++at;
  return at;
}

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

}  // namespace sillok::answer
