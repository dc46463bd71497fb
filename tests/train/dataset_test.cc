// Conversations and texts to tokens, what is asked of them, packing, and complaints that name the line.
#include <set>

#include "train/dataset_chat.h"
#include "training_models.h"

namespace sillok::train {
namespace {

constexpr const char* kTemplate =
    "{{ bos_token }}{% for message in messages %}[{{ message.role }}]\n{{ message.content | trim }}"
    "{% if message.role == 'assistant' %}{{ eos_token }}{% endif %}\n{% endfor %}"
    "{% if add_generation_prompt %}[assistant]\n{% endif %}";

class DatasetTest : public testing::Test {
 protected:
  void open(const char* chat_template = kTemplate) {
    model::SmallModel small = model::small_model("llama");
    if (chat_template != nullptr) small.file.metadata.emplace_back("tokenizer.chat_template", std::string(chat_template));
    ASSERT_TRUE(model::write_small_model(small, folder_.path / "model.gguf"));
    file_ = *model::Gguf::open(folder_.path / "model.gguf");
    tokenizer_ = *model::Tokenizer::from(*file_);
  }
  Result<Dataset> read(const std::string& lines, uint32_t context = 256, const char* name = "data.jsonl") {
    std::ofstream(folder_.path / name, std::ios::binary) << lines;
    return read_dataset(folder_.path / name, *file_, *tokenizer_, context);
  }
  std::string asked_text(const Example& example) const {
    std::vector<model::Token> asked;
    for (size_t i = 0; i < example.tokens.size(); ++i) {
      if (example.asked[i] != 0) asked.push_back(example.tokens[i]);
    }
    return tokenizer_->decode(asked, true);
  }
  void expect_complaint(const std::string& lines, const std::string& what, uint32_t context = 256) {
    const auto got = read(lines, context);
    ASSERT_FALSE(got) << lines;
    EXPECT_NE(got.error().message.find("data.jsonl, line "), std::string::npos) << got.error().message;
    EXPECT_NE(got.error().message.find(what), std::string::npos) << got.error().message;
  }

  model::Folder folder_;
  std::shared_ptr<const model::Gguf> file_;
  std::shared_ptr<const model::Tokenizer> tokenizer_;
};

TEST_F(DatasetTest, AsksOnlyWhatTheAssistantWrites) {
  open();
  const auto data = read(R"({"messages":[{"role":"system","content":"be brief"},{"role":"user","content":"one?"},)"
                         R"({"role":"assistant","content":" two. "},{"role":"user","content":"two."},{"role":"assistant","content":"three"}]})" "\n");
  ASSERT_TRUE(data) << data.error().message;
  ASSERT_EQ(data->examples.size(), 1U);
  const Example& example = data->examples[0];
  EXPECT_EQ(asked_text(example), "two.</s>three</s>");
  std::string whole = tokenizer_->decode(example.tokens, true);  // with SentencePiece's sign for the space it adds behind special tokens
  for (size_t at = 0; (at = whole.find("\xE2\x96\x81", at)) != whole.npos;) whole.erase(at, 3);
  // A line end behind a block tag is no part of the text (trim_blocks, as chat templates are written for).
  EXPECT_NE(whole.find("[assistant]\ntwo.</s>[user]\ntwo.[assistant]\nthree</s>"), std::string::npos) << whole;
  EXPECT_EQ(example.tokens.front(), *tokenizer_->bos());
  EXPECT_EQ(data->targets, 11U);  // a token a letter: "two.", "three", and two ends
}

TEST_F(DatasetTest, TheStretchBeginsWhereTheGenerationPromptEnds) {
  // As some models do, the template writes a block before what was said that is no part of the prompt: the model writes it.
  open("{% for m in messages %}[{{ m.role }}]{% if m.role == 'assistant' %}<think></think>{{ m.content }}{{ eos_token }}{% else %}{{ m.content }}"
       "{% endif %}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}");
  const auto data = read(R"({"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]})");
  ASSERT_TRUE(data) << data.error().message;
  EXPECT_EQ(asked_text(data->examples[0]), "<think></think>b</s>");
}

TEST_F(DatasetTest, TextIsAskedWholeAndCutAtTheContext) {
  open();
  const auto data = read("{\"text\":\"abcdefghijklmnopqrst\"}\n\n{\"text\":\"xyz\"}\n", 10);
  ASSERT_TRUE(data) << data.error().message;
  const size_t first = tokenizer_->encode("abcdefghijklmnopqrst", {.special = true, .parse_special = false}).size() + 1;
  EXPECT_EQ(data->examples.size(), (first - 2) / 10 + 2);
  EXPECT_EQ(data->examples[0].tokens.size(), 11U);
  EXPECT_EQ(data->examples[0].tokens.back(), data->examples[1].tokens.front());  // asked once, in the first
  EXPECT_EQ(data->examples.back().tokens.back(), *tokenizer_->eos());
  EXPECT_EQ(data->examples.back().line, 3U);
}

TEST_F(DatasetTest, PlainTextFileIsOneDocument) {
  open();
  const auto data = read("one\ntwo\n", 100, "page.txt");
  ASSERT_TRUE(data) << data.error().message;
  EXPECT_EQ(data->examples.size(), 1U);
}

TEST_F(DatasetTest, LongConversationsLoseTheirEndAndAreCounted) {
  open();
  const std::string line = R"({"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}]})";
  const auto data = read(line + "\n" + line + "\n", 40);
  ASSERT_TRUE(data) << data.error().message;
  EXPECT_EQ(data->cut, 2U);
  EXPECT_EQ(data->first_cut_line, 1U);
  EXPECT_EQ(data->examples[0].tokens.size(), 41U);
  expect_complaint(line, "behind the context of 10 tokens", 10);
}

TEST_F(DatasetTest, ComplaintsNameFileAndLine) {
  open();
  expect_complaint("{\"text\":\"a\"}\n{oops\n", "line 2: is no JSON");
  expect_complaint("[1]", "line 1: is not {\"messages\"");
  expect_complaint("{\"text\":3}", "is no string");
  expect_complaint("{\"text\":\" \"}", "empty text");
  expect_complaint(R"({"messages":[]})", "no list of messages");
  expect_complaint(R"({"messages":[{"content":"a"}]})", "message 1 has no role");
  expect_complaint(R"({"messages":[{"role":"user","content":null}]})", "no content that is a string");
  expect_complaint(R"({"messages":[{"role":"user","content":"a"}]})", "nothing to learn");
  expect_complaint(R"({"messages":[{"role":"user","content":"a"},{"role":"assistant","content":""}]})", "is empty");
  const auto nothing = read("\n");
  ASSERT_FALSE(nothing);
  EXPECT_NE(nothing.error().message.find("holds no example"), std::string::npos);
  open(nullptr);
  expect_complaint(R"({"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]})", "no chat template");
}

TEST(SequenceStreamTest, PacksEveryExampleOnceAnEpochInAnOrderOfTheSeed) {
  Dataset dataset;
  Random random(9);
  for (model::Token i = 0; i < 100; ++i) {
    Example example;
    example.tokens.assign(2 + random.below(15), i);
    example.asked.assign(example.tokens.size(), 1);
    dataset.examples.push_back(example);
  }
  const auto epoch = [](SequenceStream& stream, uint64_t count) {
    std::vector<model::Token> order;
    for (uint64_t n = 0; n < count; ++n) {
      const Sequence s = stream.next();
      EXPECT_LE(s.tokens.size(), 32U);
      for (const uint32_t begin : s.begins) {
        order.push_back(s.tokens[begin]);
        EXPECT_EQ(s.positions[begin], 0);
      }
    }
    return order;
  };
  SequenceStream stream(dataset, 32, 1), again(dataset, 32, 1), other(dataset, 32, 2), skipped(dataset, 32, 1);
  const uint64_t count = stream.count(1);
  EXPECT_LT(count, 40U);  // 9 tokens on average: three or four examples a sequence
  const auto first = epoch(stream, count), second = epoch(stream, stream.count(2) - count);
  EXPECT_EQ(std::set<model::Token>(first.begin(), first.end()).size(), 100U);
  EXPECT_EQ(std::set<model::Token>(second.begin(), second.end()).size(), 100U);
  EXPECT_NE(first, second);
  EXPECT_EQ(first, epoch(again, count));
  EXPECT_NE(first, epoch(other, other.count(1)));
  skipped.skip(count + 3);
  EXPECT_EQ(skipped.next().tokens, [&] {
    for (int i = 0; i < 3; ++i) again.next();
    return again.next().tokens;
  }());
}

}  // namespace
}  // namespace sillok::train
