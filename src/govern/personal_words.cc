// E-mail addresses, and postal addresses as Korea writes them (도로명주소법; 지번).
#include <algorithm>

#include "govern/personal.h"

namespace sillok::govern {
namespace {

bool is_latin_or_digit(char32_t c) {
  return (c >= U'0' && c <= U'9') || (c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z');
}

// RFC 5322's dot-atom, as far as it is used; the domain must have a dot and end in letters.
void find_email(const PlainText& text, size_t sign, std::vector<Found>& out) {
  const auto is_local = [](char32_t c) { return is_latin_or_digit(c) || c == U'.' || c == U'_' || c == U'%' || c == U'+' || c == U'-'; };
  size_t begin = sign, end = sign + 1;
  while (begin > 0 && is_local(text.at(begin - 1))) --begin;
  while (begin < sign && text.at(begin) == U'.') ++begin;
  while (is_latin_or_digit(text.at(end)) || text.at(end) == U'.' || text.at(end) == U'-') ++end;
  while (end > sign + 1 && !is_latin_or_digit(text.at(end - 1))) --end;
  const std::u32string_view domain = std::u32string_view(text.points).substr(sign + 1, end - sign - 1);
  const size_t dot = domain.rfind(U'.');
  if (begin == sign || dot == domain.npos || dot == 0 || domain.size() - dot < 3) return;
  const bool letters = std::none_of(domain.begin() + static_cast<std::ptrdiff_t>(dot) + 1, domain.end(), [](char32_t c) { return c >= U'0' && c <= U'9'; });
  if (letters) out.push_back({PersonalKind::kEmail, begin, end, 0});
}

// The word that ends before `end`, Hangul and digits ("테헤란로", "3가", "중앙로12번길"): where it begins.
size_t word_begin(const PlainText& text, size_t end) {
  size_t begin = end;
  while (begin > 0 && (is_hangul(text.at(begin - 1)) || text.digit(begin - 1) || text.at(begin - 1) == U'·')) --begin;
  return begin;
}

bool ends_in(const PlainText& text, size_t begin, size_t end, std::u32string_view last) {
  return end - begin >= 2 && last.find(text.at(end - 1)) != last.npos;
}

// "12", "12-3", "산 5-1": the end of the house number at `i`, `i` if there is none.
size_t house_number(const PlainText& text, size_t i) {
  const size_t start = i;
  if (text.at(i) == U'산' && (text.digit(i + 1) || text.at(i + 1) == U' ')) i += text.digit(i + 1) ? 1 : 2;
  if (!text.digit(i)) return start;
  size_t digits = 0;
  for (; text.digit(i); ++i) ++digits;
  if (digits > 5) return start;
  if (text.at(i) == U'-' && text.digit(i + 1)) {
    for (++i; text.digit(i); ++i) {
    }
  }
  return i;
}

// ", 101동 1203호", " 3층", "번지": what belongs to the address behind the number.
size_t details_end(const PlainText& text, size_t i) {
  const std::u32string_view whole(text.points);
  if (whole.substr(i, 2) == U"번지") i += 2;
  for (int parts = 0; parts < 4; ++parts) {
    size_t next = i;
    while (text.at(next) == U' ' || text.at(next) == U',') ++next;
    if (next == i || next - i > 2) break;
    size_t end = next;
    while (text.digit(end) || (text.at(end) == U'-' && text.digit(end + 1))) ++end;
    if (end == next) {
      // A building's name, if a part with a number follows: "한빛아파트 101동".
      while (is_hangul(text.at(end)) && end - next < 16) ++end;
      if (end == next || text.at(end) != U' ' || !text.digit(end + 1)) break;
      size_t unit = end + 1;
      while (text.digit(unit)) ++unit;
      if (text.at(unit) != U'동' && text.at(unit) != U'호' && text.at(unit) != U'층') break;
      i = unit + 1;
      continue;
    }
    if (text.at(end) != U'동' && text.at(end) != U'호' && text.at(end) != U'층') break;
    i = end + 1;
  }
  return i;
}

// At a word's end: a road (로, 길) or quarter (동, 리, 가, 읍, 면) before a number, with a town or district before it.
void find_address(const PlainText& text, size_t end, std::vector<Found>& out) {
  const size_t begin = word_begin(text, end);
  const bool road = ends_in(text, begin, end, U"로길");
  if (!road && !ends_in(text, begin, end, U"동리가")) return;
  size_t number = end;
  while (text.at(number) == U' ' && number < end + 2) ++number;
  const size_t after = house_number(text, number);
  if (after == number || (number == end && !road)) return;
  // What follows a house number is no unit of measure: "회의로 3개월", "서울로 12명" are no addresses.
  const char32_t follows = text.at(after);
  if (is_hangul(follows) && std::u32string_view(text.points).substr(after, 2) != U"번지" && follows != U'에' && follows != U'의' &&
      follows != U'으' && follows != U'로') {
    return;
  }
  // The words before it, outwards: at least one must be a city, county, district or town.
  size_t first = begin;
  bool located = false;
  for (int words = 0; words < 4 && first > 0 && text.at(first - 1) == U' '; ++words) {
    const size_t word = word_begin(text, first - 1);
    if (!ends_in(text, word, first - 1, U"시도군구읍면동리")) break;
    located |= ends_in(text, word, first - 1, U"시군구읍면");
    first = word;
  }
  if (!located) return;
  out.push_back({PersonalKind::kAddress, first, details_end(text, after), 2});
}

}  // namespace

void find_words(const PlainText& text, std::vector<Found>& out) {
  for (size_t i = 0; i < text.size(); ++i) {
    const char32_t c = text.at(i);
    if (c == U'@') {
      find_email(text, i, out);
    } else if (c == U'로' || c == U'길' || c == U'동' || c == U'리' || c == U'가') {
      find_address(text, i + 1, out);
    }
  }
}

}  // namespace sillok::govern
