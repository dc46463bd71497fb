// Questions that lean on the conversation.
#include "answer/follow_up.h"

#include <gtest/gtest.h>

#include "tests/answer/scripted.h"

namespace sillok::answer {
namespace {

std::string after(const std::string& last, const std::string& answer, const std::string& question) {
  return whole_question(question, {{last, answer}});
}

TEST(FollowUp, AYearAnIdentifierOrATopicIsPutIntoTheLastQuestion) {
  EXPECT_EQ(after("2021년 수의계약 한도는 얼마인가?", "", "그럼 2022년에는?"), "2022년 수의계약 한도는 얼마인가?");
  EXPECT_EQ(after("수의계약 한도는 얼마인가?", "", "그럼 2022년에는?"), "2022년에 수의계약 한도는 얼마인가?");
  EXPECT_EQ(after("MC-05 베어링은 언제 갈았나?", "", "MC-07은?"), "MC-07 베어링은 언제 갈았나?");
  EXPECT_EQ(after("When was WS-301 revised?", "", "And WS-118?"), "When was WS-118 revised?");
  EXPECT_EQ(after("직원의 숙박비 한도는 얼마인가?", "", "그럼 임원은?"), "임원은 직원의 숙박비 한도는 얼마인가?");
}

TEST(FollowUp, PronounsTakeAlongWhatWasSpokenOf) {
  const std::string signedby = after("When was the crane inspection report issued?", "It was issued on 3 May 2024.", "Who signed it?");
  EXPECT_TRUE(signedby.starts_with("Who signed it? (")) << signedby;
  for (const char* word : {"crane", "inspection", "report"}) EXPECT_NE(signedby.find(word), std::string::npos) << signedby;
  const std::string person = after("돌샘수문 납품 문의는 누구에게 하나?", "문의는 이나래 과장입니다.", "그 사람 내선 번호는?");
  EXPECT_NE(person.find("이나래"), std::string::npos) << person;
  EXPECT_NE(person.find("돌샘수문"), std::string::npos) << person;
}

TEST(FollowUp, AQuestionThatStandsByItselfStays) {
  for (const char* question : {"토크렌치 교정은 몇 달에 한 번 받나?", "How heavy may one export crate be?", "공단 입회검사 서류는 며칠 전까지 내야 하나요?"}) {
    EXPECT_EQ(after("수의계약 한도는 얼마인가?", "2천만원입니다.", question), question);
    EXPECT_EQ(whole_question(question, {}), question);
  }
}

TEST(FollowUp, SeveralInARowAreResolvedFromTheFirst) {
  const std::vector<Exchange> talk = {{"2020년 수의계약 한도는 얼마인가?", ""}, {"그럼 2021년에는?", ""}};
  EXPECT_EQ(whole_question("2022년에는?", talk), "2022년 수의계약 한도는 얼마인가?");
}

TEST(FollowUp, TheModelsReadingIsTakenOnlyIfItBringsNothingNew) {
  const std::vector<Exchange> talk = {{"MC-05 스핀들 베어링은 언제 교체했나?", "2024년 8월 19일입니다."}};
  WriteRequest request;
  Scripted good("MC-07 스핀들 베어링은 언제 교체했나?");
  EXPECT_EQ(whole_question("그럼 MC-07은?", talk, good, request), "MC-07 스핀들 베어링은 언제 교체했나?");
  const std::string ruled = whole_question("그럼 MC-07은?", talk);
  for (const char* said : {"MC-07의 관리자 암호는 무엇인가?", "MC-05 스핀들 베어링은 언제 교체했나?", "", "MC-09 스핀들 베어링은 언제 교체했나?"}) {
    Scripted bad(said);
    EXPECT_EQ(whole_question("그럼 MC-07은?", talk, bad, request), ruled) << said;
  }
  Scripted unasked("anything");
  EXPECT_EQ(whole_question("토크렌치 교정은 몇 달에 한 번 받나?", talk, unasked, request), "토크렌치 교정은 몇 달에 한 번 받나?");
  EXPECT_TRUE(unasked.requests.empty());
}

TEST_F(WritingTest, AFollowUpIsAnsweredFromItsOwnRecord) {
  open_home("MC-05 정비\t2024-01-01\tO\tMC-05 스핀들 베어링은 2024년 8월 19일에 교체했다.\nMC-07 정비\t2024-01-01\tO\tMC-07 스핀들 베어링은 2023년 2월 3일에 교체했다.\n");
  Scripted model("MC-07 스핀들 베어링은 2023년 2월 3일에 교체했습니다 [1].");
  WriteRequest request;
  request.conversation = {{"MC-05 스핀들 베어링은 언제 교체했나?", "2024년 8월 19일입니다. [1]"}};
  request.ask.threshold = 0;
  const Written written = ask("그럼 MC-07은?", model, request);
  EXPECT_EQ(written.question, "MC-07 스핀들 베어링은 언제 교체했나?");
  EXPECT_TRUE(written.written) << written.why;
}

}  // namespace
}  // namespace sillok::answer
