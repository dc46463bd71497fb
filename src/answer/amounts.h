// Private to answer: amounts as texts write them: digits with their scale, units in all their spellings.
#pragma once

#include <string>
#include <string_view>

namespace sillok::answer {

struct UnitAt {
  std::string unit;    // one spelling for all ways to write it; "" if there is none
  bool known = false;  // in the table; else what is glued to a number ("3공장")
  size_t end = 0;      // bytes: where the unit ends
};
// The unit that begins at `at`, or after one space.
UnitAt unit_at(std::string_view text, size_t at);
// "EUR 412", "$5": the currency that stands before `at`.
UnitAt currency_before(std::string_view text, size_t at);
// Whether the text, dots and stars between letters aside, is a unit that is known: N·m, Nm.
bool is_unit(std::string_view text);

struct ColumnUnit {
  std::string unit;
  double scale = 1;
};
// What a row's column says its numbers are: 토크(N·m), 금액(천원). `at`: where the number begins.
ColumnUnit column_unit(std::string_view text, size_t at);

struct Scaled {
  double value = 0;
  size_t end = 0;  // bytes
};
// The number whose digits begin at `at`, with what scales it: 1억 2천만, 3 million.
Scaled scaled_number(std::string_view text, size_t at);
// Where the digits at `at` end, separators among them.
size_t digits_end(std::string_view text, size_t at);
size_t skip_spaces(std::string_view text, size_t at);

}  // namespace sillok::answer
