#include <unicode/uchar.h>
#include <unicode/uscript.h>

#include "text/text.h"

namespace sillok::text {

Script script_of(char32_t c) {
  if (c < 0x80) {
    if (c >= '0' && c <= '9') return Script::kDigit;
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ? Script::kAlphabet : Script::kNone;
  }
  if ((c >= 0xAC00 && c <= 0xD7A3) || (c >= 0x3131 && c <= 0x318E) || (c >= 0x1100 && c <= 0x11FF)) {
    return Script::kHangul;
  }
  const auto point = static_cast<UChar32>(c);
  if ((c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF)) return Script::kHan;
  if (u_isdigit(point)) return Script::kDigit;
  const auto mask = U_GET_GC_MASK(point);
  if ((mask & (U_GC_L_MASK | U_GC_M_MASK | U_GC_NL_MASK)) == 0) return Script::kNone;
  UErrorCode status = U_ZERO_ERROR;
  switch (uscript_getScript(point, &status)) {
    case USCRIPT_HAN:
    case USCRIPT_HIRAGANA:
    case USCRIPT_KATAKANA: return Script::kHan;
    case USCRIPT_HANGUL: return Script::kHangul;
    case USCRIPT_THAI:
    case USCRIPT_LAO:
    case USCRIPT_KHMER:
    case USCRIPT_MYANMAR: return Script::kBare;
    default: return c == 0x30FC ? Script::kHan : Script::kAlphabet;
  }
}

}  // namespace sillok::text
