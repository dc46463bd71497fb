#include <array>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include "text/text.h"

namespace sillok::text {
namespace {

bool is_ascii(std::string_view text) {
  for (char c : text) {
    if (static_cast<uint8_t>(c) >= 0x80) return false;
  }
  return true;
}

std::string normalize(const icu::Normalizer2& form, const icu::UnicodeString& text) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::UnicodeString normal = form.normalize(text, status);
  std::string out;
  (U_SUCCESS(status) ? normal : text).toUTF8String(out);
  return out;
}

// Marks a reader takes as optional; vowel signs of Indic and South-East Asian scripts are letters in effect.
bool is_optional_mark(char32_t c) {
  return (c >= 0x0300 && c <= 0x036F) || (c >= 0x064B && c <= 0x065F) || c == 0x0670 || c == 0x0640;
}

const icu::Normalizer2& form(const icu::Normalizer2* (*get)(UErrorCode&)) {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* const instance = get(status);
  SILLOK_CHECK(U_SUCCESS(status) && instance != nullptr);  // ICU's data is linked in or ICU is broken.
  return *instance;
}

}  // namespace

std::string nfc(std::string_view text) {
  if (is_ascii(text)) return std::string(text);
  static const icu::Normalizer2& composed = form(icu::Normalizer2::getNFCInstance);
  const auto size = static_cast<int32_t>(text.size());
  return normalize(composed, icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), size)));
}

namespace {

std::string fold_through_icu(std::string_view text) {
  static const icu::Normalizer2& folded = form(icu::Normalizer2::getNFKCCasefoldInstance);
  const auto size = static_cast<int32_t>(text.size());
  const std::string composed =
      normalize(folded, icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), size)));
  // Accents only come apart where a letter of an alphabet carries one; Hangul and Han pass untouched.
  bool accented = false;
  for (size_t i = 0; i < composed.size() && !accented;) {
    const char32_t c = decode_utf8(composed, i);
    accented = (c >= 0xC0 && c < 0x700) || (c >= 0x1E00 && c < 0x2000);
  }
  if (!accented) return composed;
  static const icu::Normalizer2& apart = form(icu::Normalizer2::getNFDInstance);
  const std::string decomposed = normalize(
      apart, icu::UnicodeString::fromUTF8(
                 icu::StringPiece(composed.data(), static_cast<int32_t>(composed.size()))));
  std::string stripped;
  for (size_t i = 0; i < decomposed.size();) {
    const char32_t c = decode_utf8(decomposed, i);
    if (is_optional_mark(c)) continue;
    append_utf8(stripped, c == 0x131 ? 'i' : c);  // Turkish dotless i is written both ways.
  }
  return nfc(stripped);
}

// Latin, Greek, Cyrillic, Armenian and Hebrew letters folded by themselves, through ICU, once; 0 where a letter
// becomes several. Marks are left out: they join the letter before them.
constexpr char32_t kTableSize = 0x600;
std::array<char16_t, kTableSize> make_letter_table() {
  std::array<char16_t, kTableSize> table{};
  for (char32_t c = 0x80; c < kTableSize; ++c) {
    if ((U_GET_GC_MASK(static_cast<UChar32>(c)) & U_GC_L_MASK) == 0) continue;
    std::string letter;
    append_utf8(letter, c);
    const std::u32string folded = to_utf32(fold_through_icu(letter));
    if (folded.size() == 1 && folded[0] < 0xFFFF) table[c] = static_cast<char16_t>(folded[0]);
  }
  return table;
}

}  // namespace

char32_t fold_simple(char32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
  if (c < kTableSize) {
    static const std::array<char16_t, kTableSize> kLetters = make_letter_table();
    if (kLetters[c] != 0) return kLetters[c];
  }
  const bool itself = (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3041 && c <= 0x3096) ||
                      (c >= 0x30A1 && c <= 0x30FA) || c == 0x2018 || c == 0x2019 || c == 0x201C || c == 0x201D ||
                      c == 0x3001 || c == 0x3002 || c == 0xB7;
  return itself ? c : 0;
}

std::string fold(std::string_view text) {
  // Most text is of simple characters: an order of magnitude faster than through ICU.
  std::string simple;
  simple.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const char32_t c = fold_simple(decode_utf8(text, i));
    if (c == 0) return fold_through_icu(text);
    append_utf8(simple, c);
  }
  return simple;
}

}  // namespace sillok::text
