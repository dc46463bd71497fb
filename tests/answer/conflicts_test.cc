#include <gtest/gtest.h>

#include "answer/parts.h"

namespace sillok::answer {
namespace {

TEST(Conflicts, DifferentRecordsDifferentAmounts) {
  Quote a, b;
  a.record = "A";
  a.text = "한도는 500만 원";
  a.span = search::Match{a.text.find("500"), a.text.size()};
  a.valid_from = *parse_day("2020-01-01");
  b = a;
  b.record = "B";
  b.text = "한도는 700만 원";
  b.valid_from = *parse_day("2024-01-01");
  const auto conflicts = find_conflicts({a, b}, {{3, 1}, {3, 1}}, Kind::kNumber);
  ASSERT_EQ(conflicts.size(), 1u);
  EXPECT_EQ(conflicts[0].newer, 1u);
  EXPECT_TRUE(find_conflicts({a, b}, {{3, 1}, {0, 1}}, Kind::kNumber).empty()) << "one matches the rare word, the other does not";
  b.record = "A";
  EXPECT_TRUE(find_conflicts({a, b}, {{3, 1}, {3, 1}}, Kind::kNumber).empty());
}

}  // namespace
}  // namespace sillok::answer
