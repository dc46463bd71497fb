// Private to documents: numbers of lists as a reader sees them.
#pragma once

#include "base/base.h"

namespace sillok::documents {

// 3 in an OOXML number format (ST_NumberFormat): "3", "iii", "c", "다", "③", ...; decimal for
// formats unknown.
std::string ordinal(int64_t number, std::string_view format);
// Bullets are often private-use code points of symbol fonts: shown as what they look like, "•" at
// least.
std::string bullet_text(std::string_view symbol);
// A character of a symbol font (w:sym); `code` as in the file.
char32_t symbol_character(uint32_t code);

}  // namespace sillok::documents
