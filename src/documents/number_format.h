// Private to documents: spreadsheet number formats (ECMA-376 part 1, 18.8.30 and 18.8.31).
#pragma once

#include "base/base.h"

namespace sillok::documents {

// The code of a built-in format id ("0.00%" for 10), "General" for ids unknown. Dates by locale are
// given ISO style, as a Korean installation shows them.
std::string_view builtin_number_format(int64_t id);
// A number as a person sees it in the cell. Dates count days from 1899-12-30, or 1904-01-01 where
// date1904.
std::string format_number(double value, std::string_view code, bool date1904);
// A text cell under a format with an "@" section; the text itself otherwise.
std::string format_text(std::string_view text, std::string_view code);
// Without a format: 15 significant digits, no exponent where avoidable.
std::string general_number(double value);

}  // namespace sillok::documents
