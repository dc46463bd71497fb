// Questions that need a second record: what the first names leads there, within the clearance and the day asked about.
#include "program.h"

namespace sillok::system_test {
namespace {

const std::string kQuestion = "감속기 플랜지 토크가 낮았던 부적합에 쓴 토크렌치는 유효기간이 언제까지였나?";

class SecondRecordTest : public SystemTest {
 protected:
  void SetUp() override {
    SystemTest::SetUp();
    const std::vector<Json> lines = {
        {{"id", "NCR-2025-001"}, {"title", "부적합 보고서"}, {"label", "O"},
         {"text", "감속기 플랜지의 체결 토크가 기준보다 낮았다.\n토크렌치 TW-06을 썼는데 유효기간이 지나 있었다."}},
        {{"id", "교정대장"}, {"title", "교정대장"}, {"label", "S"}, {"date", "2024-03-01"},
         {"text", "TW-03의 유효기간은 2025-12-10이다.\nTW-06의 유효기간은 2025-02-19이다.\nTW-09의 유효기간은 2026-01-21이다."}},
        {{"id", "공지"}, {"title", "식당 공지"}, {"label", "O"}, {"text", "식당은 11시 30분에 연다.\n메뉴는 매주 바뀐다."}}};
    std::string all;
    for (const Json& line : lines) all += line.dump() + "\n";
    json({"add", write("records.jsonl", all).string()});
  }

  Json ask(const std::string& question, std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"ask", question, "--threshold", "0"});
    return json(more);
  }

  static size_t place(const Json& answer, const std::string& words) {
    for (size_t i = 0; i < answer["quotes"].size(); ++i) {
      if (answer["quotes"][i]["text"].get<std::string>().find(words) != std::string::npos) return i;
    }
    return answer["quotes"].size();
  }
};

TEST_F(SecondRecordTest, WhatTheFirstNamesLeadsToTheSecond) {
  const Json answer = ask(kQuestion);
  const size_t names = place(answer, "TW-06을 썼는데"), says = place(answer, "2025-02-19");
  ASSERT_LT(says, answer["quotes"].size()) << answer;
  EXPECT_LT(names, says) << "the record that names it comes first";
  EXPECT_EQ(answer["quotes"][says]["record"], "교정대장");
  EXPECT_NE(answer["quotes"][says]["n"], answer["quotes"][names]["n"]);
  EXPECT_EQ(answer["answer"], "2025-02-19");
}

TEST_F(SecondRecordTest, NotBeyondTheClearance) {
  const Json answer = ask(kQuestion, {"--labels", "O"});
  EXPECT_EQ(place(answer, "2025-02-19"), answer["quotes"].size()) << answer;
}

TEST_F(SecondRecordTest, NotOnADayWhenItWasNotInForce) {
  const Json answer = ask(kQuestion, {"--as-of", "2023-01-01"});
  EXPECT_EQ(place(answer, "2025-02-19"), answer["quotes"].size()) << answer;
}

TEST_F(SecondRecordTest, NoStepWhereOneRecordSuffices) {
  const Json answer = ask("식당은 몇 시에 여나?");
  ASSERT_FALSE(answer["quotes"].empty());
  EXPECT_EQ(answer["quotes"][0]["record"], "공지");
  EXPECT_EQ(place(answer, "TW-06"), answer["quotes"].size());
}

TEST_F(SecondRecordTest, AnIdentifierThatNoRecordHasLowersTheConfidence) {
  const double held = ask("TW-09의 유효기간은 언제까지인가?")["confidence"], absent = ask("TW-15의 유효기간은 언제까지인가?")["confidence"];
  EXPECT_LT(absent, held / 2);
}

}  // namespace
}  // namespace sillok::system_test
