#include "text/text.h"

#include <gtest/gtest.h>

namespace sillok::text {
namespace {

TEST(Fold, MakesEqualWhatReadersTakeAsEqual) {
  EXPECT_EQ(fold("ＡＢＣ①"), "abc1");
  EXPECT_EQ(fold("Café"), "cafe");
  EXPECT_EQ(fold("가A나 “x”·ぷ漢"), "가a나 “x”·ぷ漢");
  EXPECT_EQ(fold("가\u11A8"), "각");  // a syllable takes up the jamo behind it
  EXPECT_EQ(fold(""), "");
  EXPECT_EQ(fold("\u1112\u1161\u11AB\u1100\u1173\u11AF"), "한글");
}

}  // namespace
}  // namespace sillok::text

namespace sillok::text {
namespace {

std::vector<std::string> split_sentences(std::string_view text) {
  std::vector<std::string> out;
  for (const Span span : sentences(text)) out.emplace_back(text.substr(span.begin, span.end - span.begin));
  return out;
}

TEST(Sentences, KoreanAndOthers) {
  using List = std::vector<std::string>;
  EXPECT_EQ(split_sentences("첫째 문장이다. 둘째 문장이다! 셋째?"), (List{"첫째 문장이다.", "둘째 문장이다!", "셋째?"}));
  EXPECT_EQ(split_sentences("시행일은 2024. 3. 1. 이다. 값은 0.05mm이다."), (List{"시행일은 2024. 3. 1. 이다.", "값은 0.05mm이다."}));
  EXPECT_EQ(split_sentences("1. 목적\n가. 범위는 다음과 같다."), (List{"1. 목적", "가. 범위는 다음과 같다."}));
  EXPECT_EQ(split_sentences("그는 갔다.그녀는 남았다."), (List{"그는 갔다.", "그녀는 남았다."}));
  EXPECT_EQ(split_sentences("Dr. J. Kim of the U.S. army came. He left."), (List{"Dr. J. Kim of the U.S. army came.", "He left."}));
  EXPECT_EQ(split_sentences("第一句。第二句！"), (List{"第一句。", "第二句！"}));
  EXPECT_EQ(split_sentences("그는 \"간다. 꼭 간다.\"라고 말했다. 끝."), (List{"그는 \"간다. 꼭 간다.\"라고 말했다.", "끝."}));
  EXPECT_TRUE(split_sentences(" \n ").empty());
}

TEST(Sentences, CoverEverythingButSpace) {
  const std::string text = "가(나. 다) 라.\n마. ...바 \xFF\xC3 사。아\n\n";
  std::string joined, bare;
  for (const Span span : sentences(text)) joined += text.substr(span.begin, span.end - span.begin);
  for (std::string* s : {&joined}) std::erase_if(*s, [](char c) { return c == ' ' || c == '\n'; });
  bare = text;
  std::erase_if(bare, [](char c) { return c == ' ' || c == '\n'; });
  EXPECT_EQ(joined, bare);
}

}  // namespace
}  // namespace sillok::text
