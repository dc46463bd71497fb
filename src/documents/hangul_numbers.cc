// Numbers as Hangul writes them: 1, ①, Ⅰ, A, ⓐ, 가, ㄱ, 일, 一, 갑, 甲.
#include "documents/hangul.h"

namespace sillok::documents::hangul {
namespace {

std::string one(char32_t code_point) {
  std::string out;
  append_utf8(out, code_point);
  return out;
}

std::string roman(uint32_t number, bool capital) {
  // The letters, not the Unicode numerals: they are what people type when they search.
  static constexpr std::array<std::pair<uint32_t, std::string_view>, 13> kParts{{
      {1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"}, {90, "XC"}, {50, "L"}, {40, "XL"},
      {10, "X"}, {9, "IX"}, {5, "V"}, {4, "IV"}, {1, "I"}}};
  if (number >= 4000) return std::to_string(number);
  std::string out;
  for (const auto& [value, letters] : kParts) {
    for (; number >= value; number -= value) out += letters;
  }
  return capital ? out : ascii_lower(out);
}

// A..Z, then AA, BB, ... as Hangul counts.
std::string latin(uint32_t number, char first) {
  uint32_t repeat = (number - 1) / 26 + 1;
  if (repeat > 8) return std::to_string(number);  // nobody writes nine letters
  return std::string(repeat, static_cast<char>(first + static_cast<char>((number - 1) % 26)));
}

std::string circled_digit(uint32_t number) {
  if (number <= 20) return one(0x2460 + number - 1);
  if (number <= 35) return one(0x3251 + number - 21);
  if (number <= 50) return one(0x32B1 + number - 36);
  return std::to_string(number);
}

std::string from(std::u32string_view signs, uint32_t number) {
  return number <= signs.size() ? one(signs[number - 1]) : std::to_string(number);
}

// 일, 십이, 백이십삼: `digits` for 1..9, `tens` for 10, 100, 1000.
std::string counted(uint32_t number, std::u32string_view digits, std::u32string_view tens) {
  if (number >= 10000) return std::to_string(number);
  std::string out;
  uint32_t unit = 1000;
  for (size_t place = 4; place-- > 0; unit /= 10) {
    uint32_t digit = number / unit % 10;
    if (digit == 0) continue;
    if (digit > 1 || place == 0) append_utf8(out, digits[digit - 1]);
    if (place > 0) append_utf8(out, tens[place - 1]);
  }
  return out;
}

constexpr std::u32string_view kSyllables = U"가나다라마바사아자차카타파하거너더러머버서어저처커터퍼허고노도로모보소오조초코토포호"
                                           U"구누두루무부수우주추쿠투푸후그느드르므브스으즈츠크트프흐기니디리미비시이지치키티피히";
constexpr std::u32string_view kJamo = U"ㄱㄴㄷㄹㅁㅂㅅㅇㅈㅊㅋㅌㅍㅎ";

}  // namespace

std::string format_number(uint32_t number, NumberFormat format) {
  if (number == 0) return "0";
  switch (format) {
    case NumberFormat::kDigit: return std::to_string(number);
    case NumberFormat::kCircledDigit: return circled_digit(number);
    case NumberFormat::kRomanCapital: return roman(number, true);
    case NumberFormat::kRomanSmall: return roman(number, false);
    case NumberFormat::kLatinCapital: return latin(number, 'A');
    case NumberFormat::kLatinSmall: return latin(number, 'a');
    case NumberFormat::kCircledLatinCapital: return number <= 26 ? one(0x24B6 + number - 1) : latin(number, 'A');
    case NumberFormat::kCircledLatinSmall: return number <= 26 ? one(0x24D0 + number - 1) : latin(number, 'a');
    case NumberFormat::kHangulSyllable: return from(kSyllables, number);
    case NumberFormat::kCircledHangulSyllable: return number <= 14 ? one(0x326E + number - 1) : from(kSyllables, number);
    case NumberFormat::kHangulJamo: return from(kJamo, number);
    case NumberFormat::kCircledHangulJamo: return number <= 14 ? one(0x3260 + number - 1) : from(kJamo, number);
    case NumberFormat::kHangulPhonetic: return counted(number, U"일이삼사오육칠팔구", U"십백천");
    case NumberFormat::kIdeograph: return counted(number, U"一二三四五六七八九", U"十百千");
    case NumberFormat::kCircledIdeograph:
      return number <= 10 ? one(0x3280 + number - 1) : counted(number, U"一二三四五六七八九", U"十百千");
    case NumberFormat::kDecagon: return from(U"갑을병정무기경신임계", number);
    case NumberFormat::kDecagonHanja: return from(U"甲乙丙丁戊己庚辛壬癸", number);
  }
  return std::to_string(number);
}

}  // namespace sillok::documents::hangul
