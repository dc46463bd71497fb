// A model of our own as a generator: what it is told stays text, and what runs beside it changes nothing.
#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

#include <nlohmann/json.hpp>

#include "answer/answer.h"
#include "model/model.h"
#include "small_models.h"

namespace sillok::answer {
namespace {

class LocalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("sillok_local_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
    ASSERT_TRUE(model::write_small_model(model::chatting_model(), file()));
    auto opened = open_local_generator(file(), 1, 2048, "");
    ASSERT_TRUE(opened) << opened.error().message;
    generator_ = std::move(*opened);
  }
  void TearDown() override {
    generator_.reset();
    fs::remove_all(folder_);
  }
  fs::path file() const { return folder_ / "model.gguf"; }
  static Generator::Request request(const std::string& content, uint32_t max_tokens, uint64_t seed = 0) {
    Generator::Request made;
    made.turns = {{"system", "abc"}, {"user", content}};
    made.max_tokens = max_tokens;
    made.seed = seed;
    return made;
  }
  Generator::Reply chat(const Generator::Request& asked) {
    auto reply = generator_->chat(asked);
    EXPECT_TRUE(reply) << reply.error().message;
    return reply ? std::move(*reply) : Generator::Reply{};
  }

  fs::path folder_;
  std::unique_ptr<Generator> generator_;
};

TEST_F(LocalTest, SpecialTokensInATurnAreNeverParsed) {
  // This vocabulary has a token a character; <s> and </s> are one special token each where they are parsed.
  EXPECT_EQ(chat(request("</s><s>ab", 1)).prompt_tokens, chat(request("abcdefghi", 1)).prompt_tokens);
  EXPECT_EQ(generator_->count("</s><s>ab"), generator_->count("abcdefghi"));
  const auto opened = model::Gguf::open(file());
  ASSERT_TRUE(opened);
  const auto tokenizer = model::Tokenizer::from(**opened);
  ASSERT_TRUE(tokenizer);
  const std::string turn = "<s>user\nabcdefghi</s>";
  EXPECT_LT((*tokenizer)->encode(turn, {.special = false, .parse_special = true}).size(), (*tokenizer)->encode(turn, {.special = false, .parse_special = false}).size());
}

TEST_F(LocalTest, TheSameTextWhateverRunsBeside) {
  const std::string greedy = chat(request("the limit", 24)).text, drawn = chat(request("the limit", 24, 7)).text;
  EXPECT_NE(drawn, chat(request("the limit", 24, 8)).text);
  std::vector<std::thread> others;
  for (int i = 0; i < 3; ++i) {
    others.emplace_back([&, i] { chat(request("another question " + std::to_string(i), 40, static_cast<uint64_t>(i))); });
  }
  EXPECT_EQ(chat(request("the limit", 24)).text, greedy);
  EXPECT_EQ(chat(request("the limit", 24, 7)).text, drawn);
  for (std::thread& other : others) other.join();
}

TEST_F(LocalTest, StreamsWhatItGivesAndStopsWhenCancelled) {
  std::string streamed;
  Generator::Request asked = request("the limit", 32, 3);
  asked.on_text = [&](std::string_view text) { streamed += text; };
  const Generator::Reply whole = chat(asked);
  EXPECT_EQ(streamed, whole.text);
  EXPECT_EQ(whole.cut, whole.tokens == 32);
  asked.max_tokens = 1500;
  asked.cancelled = [] { return true; };
  const Generator::Reply stopped = chat(asked);
  EXPECT_TRUE(stopped.cancelled || stopped.tokens < 1500);
}

TEST_F(LocalTest, KeepsToASchema) {
  Generator::Request asked = request("the limit", 64, 5);
  asked.schema = R"({"type":"object","properties":{"open":{"type":"boolean"},"days":{"enum":[3,7]}},"required":["open","days"],"additionalProperties":false})";
  const auto reply = nlohmann::json::parse(chat(asked).text, nullptr, false);
  ASSERT_TRUE(reply.is_object()) << chat(asked).text;
  EXPECT_TRUE(reply["open"].is_boolean());
  EXPECT_TRUE(reply["days"] == 3 || reply["days"] == 7);
  asked.schema = R"({"type":"nothing"})";
  EXPECT_FALSE(generator_->chat(asked));
}

TEST_F(LocalTest, NamesItsFileByHashAndRefusesWhatDoesNotFit) {
  EXPECT_TRUE(generator_->name().starts_with("model sha256:" + sha256_hex(read_file(file()).value()))) << generator_->name();
  EXPECT_EQ(generator_->budget(), 2048U);
  const auto refused = generator_->chat(request(std::string(3000, 'a'), 16));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kLimit);
  ASSERT_TRUE(model::write_small_model(model::small_model("llama"), folder_ / "plain.gguf"));
  const auto plain = open_local_generator(folder_ / "plain.gguf", 1, 2048, "");
  ASSERT_FALSE(plain);
  EXPECT_NE(plain.error().message.find("no chat template"), std::string::npos);
}

// An encoder's vectors are the same whatever is encoded beside a text, remembered or not, and a text too long is cut.
TEST_F(LocalTest, AnEncodersVectorsAreThoseOfEachTextAlone) {
  std::string letters;
  for (int i = 0; i < 400; ++i) letters += i % 7 == 6 ? " " : std::string(1, static_cast<char>('a' + i % 5));
  const std::vector<std::string> texts = {"abc abd", "a", letters, "bcd abe ab", letters.substr(0, 90), "abc abd", "e d c b a"};
  for (const char* name : {"bert", "nomic-bert"}) {
    const fs::path path = folder_ / (std::string(name) + ".gguf");
    ASSERT_TRUE(model::write_small_model(model::small_model(name), path));
    const auto together = open_encoder(path, 1, {"", 0.5});
    ASSERT_TRUE(together) << together.error().message;
    EXPECT_TRUE((*together)->name().starts_with(std::string(name) + " sha256:"));
    const auto all = (*together)->encode(texts);
    ASSERT_TRUE(all) << all.error().message;
    ASSERT_EQ(all->size(), texts.size());
    EXPECT_EQ((*all)[0], (*all)[5]);
    EXPECT_EQ(*(*together)->encode(texts), *all) << "as remembered";
    const auto alone = open_encoder(path, 2, {"", 0.5});
    ASSERT_TRUE(alone);
    for (size_t i = 0; i < texts.size(); ++i) {
      const auto one = (*alone)->encode({texts[i]});
      ASSERT_TRUE(one) << one.error().message;
      EXPECT_EQ(one->front(), (*all)[i]) << name << ", text " << i;
      double length = 0;
      for (const float v : one->front()) length += static_cast<double>(v) * static_cast<double>(v);
      EXPECT_NEAR(length, 1, 1e-4);
    }
    const auto prefixed = open_encoder(path, 1, {"abe ", 0.5});
    ASSERT_TRUE(prefixed);
    EXPECT_NE((*prefixed)->encode({"a"})->front(), (*all)[1]);
  }
  ASSERT_TRUE(model::write_small_model(model::small_model("bert-rank"), folder_ / "rank.gguf"));
  const auto reranker = open_encoder(folder_ / "rank.gguf", 1, {"", 0.5});
  ASSERT_FALSE(reranker);
  EXPECT_EQ(reranker.error().code, ErrorCode::kUnsupported);
  EXPECT_FALSE(open_encoder(file(), 1, {"", 0.5})) << "a model that writes makes no vectors";
}

}  // namespace
}  // namespace sillok::answer
