// Tokenizers trained here: the engine splits text as SentencePiece itself does, and gives it back.
#include "train/tokenizer.h"

#include <gtest/gtest.h>
#include <sentencepiece_processor.h>
#include <unistd.h>

namespace sillok::train {
namespace {

std::vector<std::string> texts() {
  std::vector<std::string> all;
  for (int i = 0; i < 200; ++i) {
    all.push_back("제" + std::to_string(i) + "조 밸브는 " + std::to_string(i % 7 + 2) + "개월마다 교정하고 결과를 설비 일지에 적는다.");
    all.push_back("The pump of line " + std::to_string(i) + " is inspected every " + std::to_string(i % 5) + " months and the result is logged.");
  }
  return all;
}

class TrainedTokenizer : public ::testing::TestWithParam<const char*> {};

TEST_P(TrainedTokenizer, SplitsAsItsMakerDoesAndComesBack) {
  const auto model = train_pieces(texts(), GetParam(), 400);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(*model, *train_pieces(texts(), GetParam(), 400));
  sentencepiece::SentencePieceProcessor theirs;
  ASSERT_TRUE(theirs.LoadFromSerializedProto(*model).ok());
  const fs::path path = fs::temp_directory_path() / ("sillok-tokenizer-" + std::to_string(::getpid()) + "-" + GetParam() + ".gguf");
  ASSERT_TRUE(write_tokenizer_gguf(path, *model, GetParam()));
  const auto file = model::Gguf::open(path);
  fs::remove(path);
  ASSERT_TRUE(file) << file.error().message;
  const auto ours = model::Tokenizer::from(**file);
  ASSERT_TRUE(ours) << ours.error().message;
  EXPECT_EQ((*ours)->size(), static_cast<size_t>(theirs.GetPieceSize()));
  EXPECT_EQ((*ours)->bos(), model::Token(theirs.bos_id()));
  EXPECT_TRUE((*ours)->is_end(model::Token(theirs.eos_id())));
  for (const std::string text : {"밸브는 12개월마다 교정한다.", "The pump is  inspected 2024-05-06.", "漢字와 이모지 🙂, 없던 글자 뷁", "줄\n바꿈\t탭", " 앞의 공백", "a", ""}) {
    std::vector<model::Token> expected;
    for (const int id : theirs.EncodeAsIds(text)) expected.push_back(model::Token(id));
    const auto found = (*ours)->encode(text, {false, false});
    EXPECT_EQ(found, expected) << text;
    const std::string back = (*ours)->decode(found);
    EXPECT_EQ(back.empty() || text.empty() ? back : back.substr(back.size() - text.size()), text);
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, TrainedTokenizer, ::testing::Values("bpe", "unigram"));

}  // namespace
}  // namespace sillok::train
