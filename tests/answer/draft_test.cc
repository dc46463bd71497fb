// Drafted questions: what is made of a model's reply, and where the passage says the answer.
#include <nlohmann/json.hpp>

#include "tests/answer/scripted.h"

namespace sillok::answer {
namespace {

search::PassageResult passage(const std::string& text, const std::string& title = "교정 절차서") {
  search::PassageResult out;
  out.record = "WS-1", out.title = title, out.text = text;
  return out;
}
const std::string kText = "토크 렌치는 6개월마다 교정한다. 게이지는 6개월마다 눈금을 맞춘다. 교정은 바깥 기관에 맡기지 않는다.";

Draft draft(const std::string& said) {
  Scripted generator(said);
  const auto drafted = draft_question(generator, passage(kText));
  EXPECT_TRUE(drafted);
  return drafted ? *drafted : Draft{};
}
std::string said_by(const std::string& question, const std::string& answer, const std::string& text = kText) {
  const auto unit = saying_unit(passage(text), question, answer);
  return unit ? text.substr(unit->begin, unit->end - unit->begin) : "(none)";
}

TEST(DraftTest, AReplyIsOneObjectWithTwoLines) {
  const Draft good = draft("```json\n{\"question\": \"토크 렌치는\\n얼마마다 교정합니까?\", \"answer\": \" 6개월마다 \"}\n```");
  EXPECT_EQ(good.state, Draft::State::kDrafted);
  EXPECT_EQ(good.question, "토크 렌치는 얼마마다 교정합니까?");
  EXPECT_EQ(good.answer, "6개월마다");
  for (const char* said : {"", "모르겠습니다.", "{\"question\":\"왜?\"}", "{\"question\":[\"왜?\"],\"answer\":\"그래서\"}", "{\"question\":\"왜?\",\"answer\":\"...\"}",
                           "{\"question\":\"왜?\",\"answer\":\"그래", "}{", "[]"}) {
    EXPECT_EQ(draft(said).state, Draft::State::kMalformed) << said;
  }
}

TEST(DraftTest, ThePromptSpeaksThePassagesLanguageAndNamesTheRecord) {
  Scripted generator("{}");
  ASSERT_TRUE(draft_question(generator, passage(kText)));
  EXPECT_NE(generator.prompt().find("⟦기록 1⟧ 교정 절차서 (WS-1"), std::string::npos) << generator.prompt();
  ASSERT_TRUE(draft_question(generator, passage("Torque wrenches are calibrated every six months by Kim Minsu (김민수).", "Calibration")));
  EXPECT_NE(generator.prompt().find("⟦record 1⟧ Calibration"), std::string::npos) << generator.prompt();
  EXPECT_FALSE(generator.requests.back().schema.empty());
  EXPECT_EQ(generator.requests.back().seed, 0u);
}

TEST(DraftTest, WhatDoesNotFitIsNotAsked) {
  Scripted generator("{}");
  generator.context = 500;
  const auto drafted = draft_question(generator, passage(kText));
  ASSERT_TRUE(drafted);
  EXPECT_EQ(drafted->state, Draft::State::kTooLong);
  EXPECT_TRUE(generator.requests.empty());
}

TEST(DraftTest, TheUnitThatSaysTheAnswer) {
  // Of two that hold the words, the one that the question is about.
  EXPECT_EQ(said_by("토크 렌치는 얼마마다 교정합니까?", "6개월마다"), "토크 렌치는 6개월마다 교정한다.");
  EXPECT_EQ(said_by("게이지는 얼마마다 눈금을 맞춥니까?", "6개월마다"), "게이지는 6개월마다 눈금을 맞춘다.");
  EXPECT_EQ(said_by("토크 렌치는 얼마마다 교정합니까?", "6  개월마다", "토크 렌치는 6 개월마다 교정한다."), "토크 렌치는 6 개월마다 교정한다.");
  // In other words, by the rules for written answers.
  EXPECT_EQ(said_by("토크 렌치는 얼마마다 교정합니까?", "토크 렌치의 교정은 6개월마다 한다."), "토크 렌치는 6개월마다 교정한다.");
  // What it does not say, or says otherwise.
  for (const char* answer : {"12개월마다", "토크 렌치는 교정하지 않는다.", "교정은 바깥 기관에 맡긴다.", "예", "?", "", "아무도 모른다"}) {
    EXPECT_EQ(said_by("토크 렌치는 얼마마다 교정합니까?", answer), "(none)") << answer;
  }
}

}  // namespace
}  // namespace sillok::answer
