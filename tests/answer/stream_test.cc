#include "answer/stream.h"

#include <gtest/gtest.h>

#include "answer/facts.h"

namespace sillok::answer {
namespace {

std::string cut(const std::string& text, size_t step = 1) {
  std::string out;
  SentenceStream stream([&](const DraftSentence& s) {
    out += (s.new_line ? "/" : "|") + s.text + "{";
    for (const uint32_t n : s.cites) out += std::to_string(n) + ",";
    out += "}";
  });
  for (size_t at = 0; at < text.size(); at += step) stream.feed(std::string_view(text).substr(at, step));
  stream.finish();
  return out;
}

TEST(Stream, MarksGoWithTheirSentence) {
  EXPECT_EQ(cut("하나다 [1]. 둘이다 [2]."), "/하나다.{1,}|둘이다.{2,}");
  EXPECT_EQ(cut("하나다. [1] 둘이다. [2][3]"), "/하나다.{1,}|둘이다.{2,3,}");
  EXPECT_EQ(cut("하나다.[1] 둘이다.[2, 4]"), "/하나다.{1,}|둘이다.{2,4,}");
  EXPECT_EQ(cut("[1] One is here.\n[2] Two is there."), "/One is here.{1,}/Two is there.{2,}");
  EXPECT_EQ(cut("The limit is 2.5 mm [1]. See Fig. 3 [12]."), "/The limit is 2.5 mm.{1,}|See Fig. 3.{12,}");
  EXPECT_EQ(cut("[2024] and [a] [99999] stay"), "/and [a] [99999] stay{2024,}");
}

TEST(Stream, MarkdownAndThinkingAreTakenOff) {
  EXPECT_EQ(cut("## 답\n- **2천만원**이다 [1]\n* `RP-9`를 쓴다"), "/답{}/- 2천만원이다{1,}/- RP-9를 쓴다{}");
  EXPECT_EQ(cut("<think>\nhm. [1]\n</think>\n\nYes."), "/Yes.{}");
  EXPECT_EQ(cut("<think> never ends. "), "");
  EXPECT_EQ(cut(""), "");
  EXPECT_EQ(cut("[1] [2]\n"), "");
}

TEST(Stream, TheCutDoesNotDependOnThePieces) {
  const std::string text = "2024. 3. 1. 시행한다 [1]. Mr. Kim signed it. [2] 끝.\n1. 첫째다.\n2. 둘째다 [3]\n";
  const std::string whole = cut(text, text.size());
  for (size_t step = 1; step < 9; ++step) EXPECT_EQ(cut(text, step), whole) << step;
}

bool alike(const char* known, const char* said) {
  const auto a = facts_in(known), b = facts_in(said);
  EXPECT_FALSE(a.empty()) << known;
  EXPECT_FALSE(b.empty()) << said;
  return std::all_of(b.begin(), b.end(), [&](const Fact& s) { return std::any_of(a.begin(), a.end(), [&](const Fact& k) { return says(k, s); }); });
}

TEST(Facts, TwoWaysToWriteTheSame) {
  for (const auto& [known, said] : std::vector<std::pair<const char*, const char*>>{
           {"2천만원 이하", "20,000,000원 이하"}, {"1억 2천만 원", "1억2천만원"}, {"2024-08-19", "2024년 8월 19일"}, {"2024-08-19", "2024년 8월"}, {"15 March 2024", "2024년 3월 15일"},
           {"0.075 %", "0.075퍼센트"}, {"토크(N·m): 206 | x: 1", "206 N·m"}, {"금액(천원): 5,000 |", "500만원"}, {"다섯 바늘을", "5바늘"}, {"04:50", "4시 50분"}, {"15:00", "오후 3시"},
           {"6 weeks", "six weeks"}, {"33 °C", "33도"}, {"EUR 412.00", "412유로"}, {"must not exceed 650 kg", "650 kg 이하"}, {"월요일", "Monday"}, {"3 million won", "300만원"}}) {
    EXPECT_TRUE(alike(known, said)) << known << " / " << said;
  }
}

TEST(Facts, DifferentThingsAreNotTheSame) {
  for (const auto& [known, said] : std::vector<std::pair<const char*, const char*>>{
           {"2천만원", "2천5백만원"}, {"2024년 8월", "2024-08-19"}, {"2024-08-19", "2024-08-20"}, {"5 mm", "5 cm"}, {"3일 전", "3일 후"}, {"30 이상", "30 이하"}, {"WS-102", "WS-105"},
           {"6명에서 8명으로", "8명에서 6명으로"}, {"04:50", "16:50"}, {"10.9", "9.10"}, {"12개월", "12주"}, {"3공장 201호", "3대"}}) {
    EXPECT_FALSE(alike(known, said)) << known << " / " << said;
  }
}

}  // namespace
}  // namespace sillok::answer
