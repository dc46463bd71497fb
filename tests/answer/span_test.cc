#include "answer/span.h"

#include <gtest/gtest.h>

namespace sillok::answer {
namespace {

QuestionForm form(std::string_view question) { return question_form(question, kind_of(question)); }

TEST(Question, WhatIsAskedFor) {
  EXPECT_EQ(form("어느 나라가 이겼나?").head, U"나라");
  EXPECT_EQ(form("대회를 개최한 나라는?").head, U"나라");
  EXPECT_EQ(form("Which city hosted it?").head, U"city");
  EXPECT_EQ(form("대회를 개최한 나라는?").asked, Asked::kPlace);
  EXPECT_EQ(form("몇 년도에 시작했나?").asked, Asked::kYear);
  EXPECT_EQ(form("배터리 용량은?").asked, Asked::kNumber);
  EXPECT_EQ(form("기사의 제목은 무엇인가?").asked, Asked::kTitle);
}

TEST(Question, TheWordBesideWhatIsAsked) {
  EXPECT_TRUE(form("정도전이 유배당한 곳은?").keys[0].starts_with(U"유배"));
  EXPECT_EQ(form("Who designed the garden?").keys[0], U"designed");
  EXPECT_EQ(form("谁设计了花园？").keys[1], U"设计了花园?");
}

TEST(Question, WhatIsCountedInTheWaysItIsWritten) {
  const auto counts = [](std::string_view question, std::string_view unit) { return holds_any(unit, form(question).counters); };
  EXPECT_TRUE(counts("몇 달에 한 번 받나?", "6개월"));
  EXPECT_TRUE(counts("몇 퍼센트인가?", "0.075 %"));
  EXPECT_TRUE(counts("How long does it take?", "6 weeks"));
  EXPECT_TRUE(counts("토크는 몇 N·m인가?", "118 N·m"));
  EXPECT_FALSE(counts("몇 명인가?", "6개월"));
  EXPECT_TRUE(form("얼마인가?").counters.empty());
}

TEST(Values, ByHowTheyAreWritten) {
  const auto types = [](std::string_view text) {
    std::string out;
    for (const Value& value : values_in(text, {})) {
      constexpr std::string_view kLetters = "YDFABL";
      out += kLetters[static_cast<size_t>(value.type)];
    }
    return out;
  };
  EXPECT_EQ(types("2024년 3월 1일에 2019년의 12명이"), "FYA");
  EXPECT_EQ(types("WS-102, 제12조"), "LL");
  EXPECT_EQ(types("Am 15. März 1989, в 3 марта 2001"), "FF");
  EXPECT_EQ(types("다섯 바늘을 꿰맸다"), "A");
}

TEST(Marks, TheTableIsOfThisVersion) {
  const auto& names = mark_names();
  const auto weighted = weighted_marks();
  ASSERT_EQ(names.size(), weighted.size());
  for (size_t i = 0; i < names.size(); ++i) EXPECT_EQ(names[i], weighted[i]);
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

TEST(Span, NamesWithoutTheirParticles) {
  EXPECT_EQ(span("1929년에 다나카의 후임으로 지명된 사람은 누구인가?", "1929년에 다나카의 후임으로 하마구치를 지명했다."), "하마구치");
  EXPECT_EQ(span("영화의 제목은 무엇인가?", "이듬해 영화 《퀴즈쇼》에 출연하였다."), "퀴즈쇼");
  EXPECT_EQ(span("Who designed the garden?", "The garden was designed by Anna Keller in the north."), "Anna Keller");
}

TEST(Span, CellsByTheirHeader) {
  const std::string_view row = "기기번호: TW-06 | 교정일: 2024-02-19 | 유효기간: 2025-02-19 | 비고: 2025-04-23 사용 중지";
  EXPECT_EQ(span("TW-06의 유효기간은 언제까지인가?", row), "2025-02-19");
  EXPECT_EQ(span("TW-06의 교정일은 언제인가?", row), "2024-02-19");
  EXPECT_EQ(span("TW-06은 무슨 색인가?", row), "");
  EXPECT_EQ(span("How long must we wait for the 7014?", "Item: 7014 | Quantity: 8 | Lead time: 6 weeks"), "6 weeks");
}

TEST(Span, WhyAndHowHaveNone) {
  EXPECT_EQ(span("왜 반품했나?", "탄소가 규격보다 높아 반품했다."), "");
  EXPECT_EQ(span("How do I reset it?", "Press the red button twice."), "");
}

}  // namespace
}  // namespace sillok::answer
