// Private to govern: the text that personal data is looked for in, and the finders.
//
// Finders look at code points as people mean them: full-width digits are digits, every dash is '-'. `offset` leads back.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "govern/govern.h"

namespace sillok::govern {

struct PlainText {
  explicit PlainText(std::string_view text);
  std::u32string points;
  std::vector<uint32_t> offset;  // of each code point in the text; one more for its end

  size_t size() const { return points.size(); }
  char32_t at(size_t i) const { return i < points.size() ? points[i] : 0; }
  bool digit(size_t i) const { return at(i) >= U'0' && at(i) <= U'9'; }
};

// A find in code points. Where two overlap, the one with the lower rank stands.
struct Found {
  PersonalKind kind{};
  size_t begin = 0, end = 0;
  int rank = 0;
};

// Numbers: resident registration, phone, card, account, passport, driver licence.
void find_numbers(const PlainText& text, std::vector<Found>& out);
// E-mail and postal addresses.
void find_words(const PlainText& text, std::vector<Found>& out);

bool is_hangul(char32_t c);
bool is_letter_or_digit(char32_t c);  // of any script that matters here
// Whether one of the words stands in the text before `begin`, at most `reach` code points away, in the same line.
bool stands_before(const PlainText& text, size_t begin, size_t reach, const std::vector<std::u32string_view>& words);

}  // namespace sillok::govern
