// Private to answer: what a text states exactly, in a form that two ways of writing it share.
//
// Contents: facts | comparing | negation and limits
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "search/search.h"

namespace sillok::answer {

// How an amount bounds what it speaks of: "30 이하" and "at most 30" are kAtMost.
enum class Limit : uint8_t { kNone, kAtLeast, kAtMost, kMoreThan, kLessThan };

struct Fact {
  enum class Type : uint8_t { kDate, kTime, kNumber, kIdentifier };
  Type type = Type::kNumber;
  search::Match span;
  int year = 0, month = 0, day = 0;  // of a date; 0: not said
  int minutes = 0;                   // of a time, since midnight
  bool half_day = false;             // the time says morning or afternoon, or leaves no doubt
  double value = 0;                  // of a number, scales counted in: 2천만 is 20000000
  std::string digits;                // as written, without separators of thousands
  std::string unit;                  // one spelling for all ways to write it; "" = none, or none that is known
  bool known_unit = false;           // in the table of units: two different ones are two different things
  int direction = 0;                 // -1: "3일 전", 1: "3일 후"
  enum class Role : uint8_t { kNone, kFrom, kTo };
  Role role = Role::kNone;           // "6명에서 8명으로"
  Limit limit = Limit::kNone;
  std::string text;                  // of an identifier, folded: "ws-102"
};

// In order. In a table row ("토크(N·m): 206 | ...") a bare number has the unit of its column.
std::vector<Fact> facts_in(std::string_view text);

// Whether `known` says what `said` says: a date may be said less exactly than it is known, a unit must be the same.
bool says(const Fact& known, const Fact& said);

// Whether both are amounts of one kind of thing (days and years, mm and m), or dates, or times of day.
bool one_dimension(const Fact& a, const Fact& b);

}  // namespace sillok::answer
