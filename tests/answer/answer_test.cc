#include "answer/answer.h"

#include <gtest/gtest.h>

#include "answer/parts.h"
#include "answer/span.h"

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
  EXPECT_EQ(kind_of("토크 렌치 교정"), Kind::kAny);
  EXPECT_EQ(kind_of("Whoever wins"), Kind::kAny);
}

std::string span(std::string_view question, std::string_view unit) {
  const Kind kind = kind_of(question);
  const auto found = find_span(question_form(question, kind), kind, unit);
  return found ? std::string(unit.substr(found->span.begin, found->span.end - found->span.begin)) : "";
}

TEST(Span, Dates) {
  EXPECT_EQ(span("규정은 언제 개정되었나?", "이 규정은 2024년 3월 1일 개정되었다."), "2024년 3월 1일");
  EXPECT_EQ(span("몇 년에 개정되었나?", "이 규정은 2024년 3월 1일 개정되었다."), "2024년");
  EXPECT_EQ(span("언제 시행되나?", "시행일: 2024-07-01"), "2024-07-01");
  EXPECT_EQ(span("언제 시행되나?", "2024. 7. 1. 시행"), "2024. 7. 1");
  EXPECT_EQ(span("When was it signed?", "It was signed on 15 March 1989 in Seoul."), "15 March 1989");
  EXPECT_EQ(span("When was it signed?", "It was signed on March 15, 1989 in Seoul."), "March 15, 1989");
  EXPECT_EQ(span("2019년에 시작된 일은 언제 끝났나?", "2019년에 시작해 2021년에 끝났다."), "2021년");
}

TEST(Span, Amounts) {
  EXPECT_EQ(span("몇 명이 참석했는가?", "3층 회의실에 12명이 참석했다."), "12명");
  EXPECT_EQ(span("한도는 얼마인가?", "한도는 3만 5천 원으로 한다."), "3만 5천 원");
  EXPECT_EQ(span("How many were rejected?", "In all 17 parts were rejected."), "17");
  EXPECT_EQ(span("토크는 얼마인가?", "조임 토크는 35N이다."), "35N");
}

TEST(Span, NumbersThatNameAreNotAmounts) {
  EXPECT_EQ(span("드레싱 절입량은 얼마인가?", "4.2 드레싱 절입량은 0.010 mm로 한다."), "0.010 mm");
  EXPECT_EQ(span("소음은 몇 dB로 나왔나?", "GR-02 앞에서 2회 재어 91 dB로 나왔다."), "91 dB");
  EXPECT_EQ(span("몇 분 돌리나?", "MC-05에서 8분 돌린다."), "8분");
  EXPECT_EQ(span("얼마인가?", "WS-102와 M12, 제12조제3항"), "");
}

TEST(Span, TheColumnSaysWhatANumberCounts) {
  EXPECT_EQ(span("M16 볼트는 몇 N·m로 조이나?", "호칭: M16 | 토크(N·m): 206 | 허용차: ±5 %"), "206");
  EXPECT_EQ(span("보증은 몇 년인가?", "하자보증 기간은 납품일부터 3년이다."), "3년");
}

TEST(Span, NothingToMark) {
  EXPECT_EQ(span("토크 렌치 교정", "교정은 6개월마다 한다."), "");
  EXPECT_EQ(span("언제인가?", "날짜는 정해지지 않았다."), "");
  for (std::string_view bad : {"\xFF\x80 3\xE1", "년 월 일", "1", "2024년", "《", "9999999999999999999999999"}) {
    for (Kind kind : {Kind::kDate, Kind::kNumber, Kind::kPerson, Kind::kPlace, Kind::kWhich}) {
      const auto found = find_span(question_form("q", kind), kind, bad);
      EXPECT_TRUE(!found || found->span.end <= bad.size());
    }
  }
}

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
  const auto conflicts = find_conflicts({a, b}, Kind::kNumber);
  ASSERT_EQ(conflicts.size(), 1u);
  EXPECT_EQ(conflicts[0].newer, 1u);
  b.record = "A";
  EXPECT_TRUE(find_conflicts({a, b}, Kind::kNumber).empty());
}

}  // namespace
}  // namespace sillok::answer
