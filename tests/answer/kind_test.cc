#include <gtest/gtest.h>

#include "answer/answer.h"

namespace sillok::answer {
namespace {

TEST(Kind, ByItsWords) {
  EXPECT_EQ(kind_of("구매규정은 언제 개정되었나?"), Kind::kDate);
  EXPECT_EQ(kind_of("몇 명이 참석했는가?"), Kind::kNumber);
  EXPECT_EQ(kind_of("검사 책임자는 누구인가?"), Kind::kPerson);
  EXPECT_EQ(kind_of("회의는 어디에서 열렸나?"), Kind::kPlace);
  EXPECT_EQ(kind_of("When did it start?"), Kind::kDate);
  EXPECT_EQ(kind_of("How many parts were rejected?"), Kind::kNumber);
  EXPECT_EQ(kind_of("Who signed?"), Kind::kPerson);
  EXPECT_EQ(kind_of("How soon must it be reported?"), Kind::kNumber);
  EXPECT_EQ(kind_of("Кого назначили?"), Kind::kPerson);
  EXPECT_EQ(kind_of("Hangi parça reddedildi?"), Kind::kWhich);
  EXPECT_EQ(kind_of("토크 렌치 교정"), Kind::kAny);
  EXPECT_EQ(kind_of("Whoever wins"), Kind::kAny);
}

}  // namespace
}  // namespace sillok::answer
