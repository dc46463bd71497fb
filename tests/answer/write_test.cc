// Written answers from question to checked sentences, with a generator that follows a script.
#include <gtest/gtest.h>

#include "answer/prompts.h"
#include "tests/answer/concepts.h"
#include "tests/answer/scripted.h"

namespace sillok::answer {
namespace {

constexpr const char* kRecords =
    "구매규정\t2024-07-01\tO\t건당 2천만원 이하의 구매는 수의계약으로 할 수 있다. 같은 업체와 한 해에 5회를 넘게 계약하려면 감사담당의 사전 검토를 받는다.\n"
    "입찰전략\t2024-01-01\tC\t노을수문 입찰의 기본안 투찰률은 89.5 %로 한다.\n"
    "토크 작업표준\t2025-06-01\tO\t토크렌치는 6개월마다 교정한다. 교정 기한이 지난 토크렌치는 쓰지 않는다.\n";
constexpr const char* kQuestion = "수의계약으로 할 수 있는 구매는 건당 얼마 이하인가?";

TEST_F(WritingTest, CheckedSentencesAreShownWithTheirCitations) {
  open_home(kRecords);
  Scripted model("수의계약은 건당 2천만원 이하의 구매에 할 수 있습니다 [1]. 한도는 해마다 5억원씩 오릅니다 [1].");
  std::string streamed;
  size_t evidence = 0;
  WriteRequest request;
  request.on_text = [&](std::string_view text) { streamed += text; };
  request.on_evidence = [&](const Answer& answer) { evidence = answer.quotes.size(); };
  const Written written = ask(kQuestion, model, request);
  ASSERT_TRUE(written.written) << written.why;
  EXPECT_EQ(written.text, "수의계약은 건당 2천만원 이하의 구매에 할 수 있습니다. [1]");
  EXPECT_EQ(streamed, written.text);
  EXPECT_GT(evidence, 0U);
  ASSERT_EQ(written.sentences.size(), 2U);
  EXPECT_TRUE(written.sentences[0].supported);
  EXPECT_FALSE(written.sentences[1].supported);
  EXPECT_EQ(written.sentences[0].cites, std::vector<uint32_t>{1});
  ASSERT_FALSE(written.answer.quotes.empty());
  EXPECT_EQ(written.answer.quotes[0].n, 1U);
  EXPECT_EQ(written.answer.quotes[0].record, "구매규정");
  EXPECT_EQ(written.model, "scripted");
}

TEST_F(WritingTest, TheWordsThatProveASentenceAreQuoted) {
  open_home(kRecords);
  Scripted model("같은 업체와 한 해에 5회를 넘게 계약하려면 감사담당의 사전 검토를 받아야 합니다 [1].");
  WriteRequest request;
  request.ask.quotes = 1;
  const Written written = ask(kQuestion, model, request);
  ASSERT_TRUE(written.written) << written.why;
  bool proved = false;
  for (const Quote& quote : written.answer.quotes) proved |= quote.n == 1 && quote.text.find("5회를 넘게") != std::string::npos && !quote.anchor.empty();
  EXPECT_TRUE(proved);
}

TEST_F(WritingTest, UnsupportedSentencesAreMarkedWhereThePolicySaysSo) {
  open_home(kRecords);
  Scripted model("한도는 해마다 5억원씩 오릅니다. 수의계약은 건당 2천만원 이하의 구매에 할 수 있습니다 [1].");
  WriteRequest request;
  request.unsupported = Unsupported::kMark;
  const Written written = ask(kQuestion, model, request);
  EXPECT_EQ(written.text, "한도는 해마다 5억원씩 오릅니다. (기록에서 확인되지 않음) 수의계약은 건당 2천만원 이하의 구매에 할 수 있습니다. [1]");
  Scripted nonsense("한도는 해마다 5억원씩 오릅니다.");
  std::string streamed;
  request.on_text = [&](std::string_view text) { streamed += text; };
  const Written none = ask(kQuestion, nonsense, request);
  EXPECT_FALSE(none.written) << "marked sentences alone are no answer";
  EXPECT_EQ(streamed, "");
}

TEST_F(WritingTest, WhatIsNotWrittenIsQuotedAsWithoutAModel) {
  open_home(kRecords);
  AskRequest plain;
  plain.question = kQuestion;
  plain.as_of = *parse_day("2026-03-01");
  plain.threshold = 0.1;
  const Answer alone = *answerer_->ask(plain);
  ASSERT_TRUE(alone.answerable);
  for (const auto& [said, why] : std::vector<std::pair<std::string, std::string>>{
           {"NO_ANSWER", "the model found no answer in the evidence"}, {"", "the model wrote nothing"}, {"quux fnord blorp.", "nothing the model wrote is said by the evidence"}}) {
    Scripted model(said);
    const Written written = ask(kQuestion, model);
    EXPECT_FALSE(written.written);
    EXPECT_EQ(written.why, why);
    EXPECT_EQ(written.text, "");
    ASSERT_EQ(written.answer.quotes.size(), alone.quotes.size());
    for (size_t i = 0; i < alone.quotes.size(); ++i) {
      EXPECT_EQ(written.answer.quotes[i].text, alone.quotes[i].text);
      EXPECT_EQ(written.answer.quotes[i].n, alone.quotes[i].n);
    }
    EXPECT_EQ(written.answer.text, alone.text);
    EXPECT_DOUBLE_EQ(written.answer.confidence, alone.confidence);
  }
  Scripted broken("");
  broken.error = "the model server fell over";
  EXPECT_EQ(ask(kQuestion, broken).why, "the model could not answer: the model server fell over");
}

TEST_F(WritingTest, WeakEvidenceIsNotWrittenFrom) {
  open_home(kRecords);
  Scripted model("수의계약은 건당 2천만원 이하의 구매에 할 수 있습니다 [1].");
  WriteRequest request;
  request.ask.threshold = 0.999;
  const Written written = ask(kQuestion, model, request);
  EXPECT_FALSE(written.written);
  EXPECT_FALSE(written.answer.answerable);
  EXPECT_EQ(written.why, "the evidence is too weak to answer from");
  EXPECT_TRUE(model.requests.empty()) << "the model is not even asked";
}

TEST_F(WritingTest, TheStreamsPiecesDoNotMatter) {
  open_home(kRecords);
  const std::string said = "수의계약은 건당 2천만원 이하의 구매에 할 수 있습니다. [1]\n- 같은 업체와 한 해에 5회를 넘게 계약하려면 감사담당의 사전 검토를 받습니다. [1]";
  std::string first;
  for (const size_t step : {1, 3, 10, 1000}) {
    Scripted model(said, step);
    const Written written = ask(kQuestion, model);
    EXPECT_TRUE(written.written);
    if (first.empty()) first = written.text;
    EXPECT_EQ(written.text, first);
  }
  EXPECT_NE(first.find("\n- 같은"), std::string::npos) << first;
}

TEST_F(WritingTest, CancellingEndsAtOnceAndKeepsWhatWasShown) {
  open_home(kRecords);
  Scripted model("수의계약은 건당 2천만원 이하의 구매에 할 수 있습니다 [1]. 같은 업체와 한 해에 5회를 넘게 계약하려면 감사담당의 사전 검토를 받습니다 [1].", 4);
  WriteRequest request;
  bool stop = false;
  request.on_text = [&](std::string_view) { stop = true; };
  request.cancelled = [&] { return stop; };
  const Written written = ask(kQuestion, model, request);
  EXPECT_TRUE(written.cancelled);
  EXPECT_EQ(written.text, "수의계약은 건당 2천만원 이하의 구매에 할 수 있습니다. [1]");
  EXPECT_EQ(written.sentences.size(), 1U);
}

TEST_F(WritingTest, ASentenceThatIsCutOffIsNotShown) {
  open_home(kRecords);
  Scripted model("수의계약은 건당 2천만원 이하의 구매에 할 수 있습니다 [1]. 같은 업체와 한 해에 5회를");
  model.cut = true;
  const Written written = ask(kQuestion, model);
  EXPECT_EQ(written.text, "수의계약은 건당 2천만원 이하의 구매에 할 수 있습니다. [1]");
  EXPECT_EQ(written.why, "the answer reached its longest and was cut");
}

TEST_F(WritingTest, AMissingOrWrongCitationIsMended) {
  open_home(kRecords);
  for (const char* mark : {"", " [7]", " [2]"}) {
    Scripted model("수의계약은 건당 2천만원 이하의 구매에 할 수 있습니다" + std::string(mark) + ".");
    EXPECT_EQ(ask(kQuestion, model).text, "수의계약은 건당 2천만원 이하의 구매에 할 수 있습니다. [1]") << mark;
  }
}

TEST_F(WritingTest, NothingReachesTheModelThatTheAskerMayNotSee) {
  open_home(kRecords);
  Scripted model("노을수문 입찰의 기본안 투찰률은 89.5 %로 합니다 [1].");
  WriteRequest request;
  request.ask.labels = std::vector<std::string>{"O"};
  request.ask.threshold = 0.0;
  const Written written = ask("노을수문 입찰의 기본안 투찰률은?", model, request);
  EXPECT_EQ(model.prompt().find("89.5"), std::string::npos);
  EXPECT_EQ(written.text, "") << "known to the model, but not from the evidence";
  request.ask.labels.reset();
  EXPECT_NE(ask("노을수문 입찰의 기본안 투찰률은?", model, request).text, "");
}

TEST_F(WritingTest, WhatIsThoughtAloudIsLeftOut) {
  open_home(kRecords);
  Scripted model("<think>수의계약은 건당 2천만원 이하의 구매에 할 수 있습니다 [1]. 음.</think>\n\n건당 2천만원 이하의 구매는 수의계약으로 할 수 있습니다 [1].");
  EXPECT_EQ(ask(kQuestion, model).text, "건당 2천만원 이하의 구매는 수의계약으로 할 수 있습니다. [1]");
}

TEST_F(WritingTest, MaskingReachesEverythingShown) {
  open_home("연락망\t2024-01-01\tO\t정비 담당자의 연락처는 010-1234-5678이다.\n");
  Scripted model("정비 담당자의 연락처는 010-1234-5678입니다 [1].");
  WriteRequest request;
  request.ask.threshold = 0;
  request.mask = [](std::string_view text) {
    std::string out(text);
    for (size_t at = out.find("1234-5678"); at != std::string::npos; at = out.find("1234-5678")) out.replace(at, 9, "****-****");
    return out;
  };
  std::string streamed;
  request.on_text = [&](std::string_view text) { streamed += text; };
  const Written written = ask("정비 담당자의 연락처는?", model, request);
  ASSERT_TRUE(written.written) << written.why;
  EXPECT_EQ(streamed, "정비 담당자의 연락처는 010-****-****입니다. [1]");
  for (const Quote& quote : written.answer.quotes) EXPECT_EQ(quote.text.find("1234-5678"), std::string::npos);
  EXPECT_EQ(written.answer.text.find("1234-5678"), std::string::npos);
}

TEST_F(WritingTest, EvidenceKeepsToTheBudget) {
  std::string longest = "긴 규정\t2024-01-01\tO\t";
  for (int i = 0; i < 60; ++i) longest += "제" + std::to_string(i) + "호 창고의 적재 높이 한도는 " + std::to_string(100 + i) + " cm로 하고 매월 점검한다. ";
  open_home(longest + "\n");
  Scripted model("NO_ANSWER");
  model.context = 1600;
  WriteRequest request;
  request.max_tokens = 200;
  request.ask.threshold = 0;
  ask("제37호 창고의 적재 높이 한도는?", model, request);
  ASSERT_EQ(model.requests.size(), 1U);
  size_t tokens = 0;
  for (const ChatTurn& turn : model.requests[0].turns) tokens += model.count(turn.content);
  EXPECT_LE(tokens + request.max_tokens, model.context);
  EXPECT_NE(model.prompt().find("137 cm"), std::string::npos) << "the sentences around the quote stay";
  model.context = 300;
  request.ask.question = "제37호 창고의 적재 높이 한도는?";
  const auto refused = answer::write(*answerer_, model, request);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kLimit);
}

TEST_F(WritingTest, AnAnswerInAnotherLanguageStandsWithAnEncoder) {
  open_home(kRecords);
  constexpr const char* kAsked = "How often is a 토크렌치 교정 needed?";
  Scripted model("Torque wrenches are calibrated every 6 months [1]. Torque wrenches are calibrated every 12 months [1].");
  EXPECT_FALSE(ask(kAsked, model).written);
  Concepts encoder(0.5);
  WriteRequest request;
  request.encoder = &encoder;
  const Written written = ask(kAsked, model, request);
  ASSERT_TRUE(written.written) << written.why;
  EXPECT_EQ(written.text, "Torque wrenches are calibrated every 6 months. [1]");
  ASSERT_EQ(written.sentences.size(), 2U);
  EXPECT_TRUE(written.sentences[0].by_meaning);
  EXPECT_FALSE(written.sentences[1].supported);
  EXPECT_FALSE(written.sentences[1].by_meaning);
  EXPECT_EQ(written.model, "scripted, checked by concepts");
  bool proved = false;
  for (const Quote& quote : written.answer.quotes) proved |= quote.n == 1 && quote.text.find("6개월마다 교정한다") != std::string::npos;
  EXPECT_TRUE(proved) << "the record's own words stand beside it";
}

TEST_F(WritingTest, AnEncoderThatFailsIsNamed) {
  open_home(kRecords);
  Scripted model("수의계약은 건당 2천만원 이하의 구매에 할 수 있습니다 [1]. Private contracts need no tender [1]. Nor a committee [1].");
  Concepts encoder;
  encoder.error = "out of memory";
  WriteRequest request;
  request.encoder = &encoder;
  const Written written = ask(kQuestion, model, request);
  EXPECT_EQ(written.text, "수의계약은 건당 2천만원 이하의 구매에 할 수 있습니다. [1]");
  ASSERT_EQ(written.answer.notes.size(), 1U) << "once";
  EXPECT_NE(written.answer.notes[0].find("out of memory"), std::string::npos) << written.answer.notes[0];
}

}  // namespace
}  // namespace sillok::answer
