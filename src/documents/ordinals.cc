#include "documents/ordinals.h"

#include <array>

namespace sillok::documents {
namespace {

std::string roman(int64_t number, bool upper) {
  constexpr std::array<std::pair<int, std::string_view>, 13> kDigits{{{1000, "m"},
                                                                      {900, "cm"},
                                                                      {500, "d"},
                                                                      {400, "cd"},
                                                                      {100, "c"},
                                                                      {90, "xc"},
                                                                      {50, "l"},
                                                                      {40, "xl"},
                                                                      {10, "x"},
                                                                      {9, "ix"},
                                                                      {5, "v"},
                                                                      {4, "iv"},
                                                                      {1, "i"}}};
  if (number < 1 || number > 3999) return std::to_string(number);
  std::string out;
  for (const auto& [value, digits] : kDigits) {
    for (; number >= value; number -= value) out += digits;
  }
  if (upper) {
    for (char& letter : out) letter = static_cast<char>(letter - 'a' + 'A');
  }
  return out;
}

// 1 → first sign, wrapping as Word does: 27 → "aa", 28 → "bb".
std::string repeated(int64_t number, std::u32string_view signs) {
  const auto count = static_cast<int64_t>(signs.size());
  const int64_t times = (number - 1) / count + 1;
  if (number < 1 || times > 16) return std::to_string(number);
  std::string out;
  for (int64_t i = 0; i < times; ++i)
    append_utf8(out, signs[static_cast<size_t>((number - 1) % count)]);
  return out;
}

// Positional names with powers of ten: 23 → 二十三, 이십삼.
std::string counted(int64_t number, std::u32string_view digits, std::u32string_view powers,
                    bool say_one) {
  if (number < 1 || number > 9999) return std::to_string(number);
  std::string out;
  int64_t unit = 1000;
  for (size_t power = 3; power + 1 > 0; --power, unit /= 10) {
    const int64_t digit = number / unit % 10;
    if (digit != 0 && (digit != 1 || power == 0 || say_one)) {
      append_utf8(out, digits[static_cast<size_t>(digit - 1)]);
    }
    if (digit != 0 && power > 0) append_utf8(out, powers[power - 1]);
    if (power == 0) break;
  }
  return out;
}

std::string native_korean(int64_t number) {
  constexpr std::array<std::string_view, 9> kOnes{"하나", "둘",   "셋",   "넷",  "다섯",
                                                  "여섯", "일곱", "여덟", "아홉"};
  constexpr std::array<std::string_view, 9> kTens{"열",   "스물", "서른", "마흔", "쉰",
                                                  "예순", "일흔", "여든", "아흔"};
  if (number < 1 || number > 99) return std::to_string(number);
  std::string out;
  if (number >= 10) out += kTens[static_cast<size_t>(number / 10 - 1)];
  if (number % 10 != 0) out += kOnes[static_cast<size_t>(number % 10 - 1)];
  return out;
}

// Signs that stand in a row in Unicode, each number its own; plain digits beyond.
std::string in_row(int64_t number, char32_t first, int64_t count) {
  if (number < 1 || number > count) return std::to_string(number);
  std::string out;
  append_utf8(out, first + static_cast<char32_t>(number - 1));
  return out;
}

std::string english_ordinal(int64_t number) {
  const int64_t tens = number % 100;
  const char* ending = "th";
  if (tens < 11 || tens > 13) {
    if (number % 10 == 1) ending = "st";
    if (number % 10 == 2) ending = "nd";
    if (number % 10 == 3) ending = "rd";
  }
  return std::to_string(number) + ending;
}

std::string circled(int64_t number) {
  if (number <= 20) return in_row(number, U'①', 20);
  if (number <= 35) return in_row(number - 20, U'㉑', 15);
  return number <= 50 ? in_row(number - 35, U'㊱', 15) : std::to_string(number);
}

constexpr std::u32string_view kHanDigits = U"一二三四五六七八九";
constexpr std::u32string_view kHanPowers = U"十百千";

// East Asian formats; false if `format` is none of them.
bool east_asian(int64_t n, std::string_view format, std::string& out) {
  if (format == "ganada")
    out = repeated(n, U"가나다라마바사아자차카타파하");
  else if (format == "chosung")
    out = repeated(n, U"ㄱㄴㄷㄹㅁㅂㅅㅇㅈㅊㅋㅌㅍㅎ");
  else if (format == "koreanDigital" || format == "koreanCounting")
    out = counted(n, U"일이삼사오육칠팔구", U"십백천", false);
  else if (format == "koreanLegal")
    out = native_korean(n);
  else if (format == "koreanDigital2" || format == "japaneseCounting" ||
           format == "chineseCounting" || format == "ideographDigital" ||
           format == "taiwaneseCounting" || format == "taiwaneseDigital")
    out = counted(n, kHanDigits, kHanPowers, false);
  else if (format == "chineseCountingThousand" || format == "taiwaneseCountingThousand")
    out = counted(n, kHanDigits, kHanPowers, n >= 20);
  else if (format == "japaneseLegal" || format == "chineseLegalSimplified" ||
           format == "ideographLegalTraditional")
    out = counted(n, U"壹貳參四五六七八九", U"拾百千", true);
  else if (format == "ideographTraditional")
    out = repeated(n, U"甲乙丙丁戊己庚辛壬癸");
  else if (format == "ideographZodiac")
    out = repeated(n, U"子丑寅卯辰巳午未申酉戌亥");
  else if (format == "aiueo" || format == "aiueoFullWidth")
    out = repeated(n,
                   U"アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラ"
                   U"リルレロワヲン");
  else if (format == "iroha" || format == "irohaFullWidth")
    out = repeated(n,
                   U"イロハニホヘトチリヌルヲワカヨタレソツネナラムウヰノオクヤマケフコエテアサキユ"
                   U"メミシヱヒモセス");
  else
    return false;
  return true;
}

}  // namespace

std::string ordinal(int64_t number, std::string_view format) {
  std::string out;
  if (format == "none" || format == "bullet") return out;
  if (east_asian(number, format, out)) return out;
  if (format == "lowerRoman" || format == "upperRoman")
    return roman(number, format == "upperRoman");
  if (format == "lowerLetter") return repeated(number, U"abcdefghijklmnopqrstuvwxyz");
  if (format == "upperLetter") return repeated(number, U"ABCDEFGHIJKLMNOPQRSTUVWXYZ");
  if (format == "russianLower") return repeated(number, U"абвгдежзиклмнопрстуфхцчшщыэюя");
  if (format == "russianUpper") return repeated(number, U"АБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЫЭЮЯ");
  if (format == "decimalZero")
    return (number >= 0 && number < 10 ? "0" : "") + std::to_string(number);
  if (format == "decimalEnclosedCircle" || format == "decimalEnclosedCircleChinese")
    return circled(number);
  if (format == "decimalEnclosedParen") return in_row(number, U'⑴', 20);
  if (format == "decimalEnclosedFullstop") return in_row(number, U'⒈', 20);
  if (format == "ideographEnclosedCircle") return in_row(number, U'㊀', 10);
  if (format == "numberInDash") return "- " + std::to_string(number) + " -";
  if (format == "ordinal") return english_ordinal(number);
  return std::to_string(number);
}

char32_t symbol_character(uint32_t code) {
  // Symbol fonts sit at U+F000 to U+F0FF. These are the Wingdings and Symbol characters forms use
  // most.
  switch (code) {
    case 0xF0FC:
      return U'✓';
    case 0xF0FB:
      return U'✗';
    case 0xF0FE:
      return U'☑';
    case 0xF0FD:
      return U'☒';
    case 0xF0A8:
    case 0xF06F:
    case 0xF071:
      return U'□';
    case 0xF06E:
    case 0xF0A7:
      return U'■';
    case 0xF06C:
      return U'●';
    case 0xF0E0:
    case 0xF0AE:
      return U'→';
    case 0xF0B0:
      return U'°';
    case 0xF0B1:
      return U'±';
    case 0xF0B4:
      return U'×';
    case 0xF0A3:
      return U'≤';
    case 0xF0B3:
      return U'≥';
    default:
      return code >= 0xE000 && code <= 0xF8FF ? U'•' : static_cast<char32_t>(code);
  }
}

std::string bullet_text(std::string_view symbol) {
  std::string out;
  for (size_t offset = 0; offset < symbol.size();) {
    append_utf8(out, symbol_character(decode_utf8(symbol, offset)));
  }
  return out;
}

}  // namespace sillok::documents
