#include "train/curate.h"

#include <gtest/gtest.h>

#include <random>

namespace sillok::train {
namespace {

std::string random_text(std::mt19937& random, size_t words) {
  std::string out;
  for (size_t i = 0; i < words; ++i) out += "w" + std::to_string(random() % 5000) + " ";
  return out;
}

TEST(Curate, JudgesLettersScriptAndRepetition) {
  const TextQuality korean = judge("토크 렌치는 여섯 달마다 교정한다.");
  EXPECT_EQ(korean.script, "hangul");
  EXPECT_EQ(korean.characters, 15u);
  EXPECT_GT(korean.letters, 0.9);
  EXPECT_EQ(judge("The valve is closed.").script, "latin");
  EXPECT_EQ(judge("Клапан закрыт").script, "cyrillic");
  EXPECT_EQ(judge("阀门关闭").script, "han");
  EXPECT_EQ(judge("12.5 | 13.1 | 990").letters, 0);
  EXPECT_EQ(judge("").characters, 0u);
  EXPECT_DOUBLE_EQ(judge("page of the manual\nother text here\npage of the manual\npage of the manual").repeated_lines, 0.5);
}

TEST(Curate, EstimatesSimilarity) {
  std::mt19937 random(1);
  const std::string text = random_text(random, 300);
  const std::string half = random_text(random, 300);
  EXPECT_EQ(similarity(sign(text), sign(text)), 1);
  EXPECT_LT(similarity(sign(text), sign(half)), 0.25);
  // Two texts of which each has a third of its own: Jaccard 1/2 of the shingles, but for chance ones.
  const std::string shared = random_text(random, 400), a = shared + random_text(random, 200), b = shared + random_text(random, 200);
  EXPECT_NEAR(similarity(sign(a), sign(b)), 0.5, 0.15);
  EXPECT_EQ(similarity(sign("ab"), sign("ab")), 0) << "too short to tell";
}

TEST(Curate, NearCopiesAreFoundAndOthersAreNot) {
  std::mt19937 random(2);
  NearCopies seen(0.8);
  std::vector<std::string> texts;
  for (int i = 0; i < 300; ++i) {
    texts.push_back(random_text(random, 80));
    EXPECT_FALSE(seen.has(sign(texts.back())));
    seen.add(sign(texts.back()));
  }
  for (const std::string& text : texts) EXPECT_TRUE(seen.has(sign("  " + text + "w1 w2")));
}

TEST(Curate, GoldQuestionsAreRecognisedThroughSpacingAndCase) {
  GoldCopies gold;
  gold.add("토크 렌치의 교정 주기는 몇 개월인가?");
  gold.add("How often is the torque wrench calibrated?");
  EXPECT_TRUE(gold.in("자주 묻는 질문: 토크렌치의 교정주기는 몇 개월인가? 여섯 달이다."));
  EXPECT_TRUE(gold.in("HOW OFTEN IS THE TORQUE WRENCH CALIBRATED"));
  EXPECT_FALSE(gold.in("토크 렌치는 여섯 달마다 교정한다. 교정 주기는 담당자가 정한다."));
  EXPECT_FALSE(gold.in(""));
}

TEST(Curate, AShortGoldQuestionIsRecognisedWhereNothingElseIsSaid) {
  GoldCopies gold;
  gold.add("휴가는 며칠?");
  EXPECT_TRUE(gold.in("휴가는  며칠"));
  EXPECT_FALSE(gold.in("휴가는 언제?"));
  EXPECT_FALSE(gold.in("연차 휴가는 며칠인지 취업규칙이 정한다."));
  gold.add("?");
  EXPECT_FALSE(gold.in("!"));
}

}  // namespace
}  // namespace sillok::train
