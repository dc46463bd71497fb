// A draft model changes how many steps a request takes, never its tokens.
#include "tests/engine/running.h"

namespace sillok::engine {
namespace {

// The large model always says what its hash of the text says; the draft model with one habit or another.
struct Drafted {
  FakeModel::Log draft_log;
  Running running;
  explicit Drafted(Habit habit, const EngineOptions& options = {})
      : running(options, Habit::kHash, std::make_unique<FakeModel>(draft_log, habit)) {}
  Generated generate(const GenerateRequest& request) {
    auto result = running.engine->generate(request);
    EXPECT_TRUE(result) << result.error().message;
    return result ? *std::move(result) : Generated{};
  }
};

// The fake's words do not repeat by themselves, but its prompts may.
std::vector<Token> fresh_prompt(size_t size, Token first = 0) {
  std::vector<Token> tokens;
  for (size_t i = 0; i < size; ++i) tokens.push_back(static_cast<Token>((static_cast<size_t>(first) + i * i) % 97));
  return tokens;
}

GenerateRequest sampled(GenerateRequest request, uint64_t seed) {
  request.sampling.temperature = 1.5F;
  request.sampling.seed = seed;
  request.ignore_end = true;
  return request;
}

TEST(DraftModel, ChangesNoTokenWhateverItGuesses) {
  Running alone;
  for (const Habit habit : {Habit::kHash, Habit::kOften, Habit::kRepeat}) {
    Drafted drafted(habit);
    for (const uint32_t size : {1U, 31U, 32U, 33U, 700U}) {
      for (uint64_t seed = 0; seed < 3; ++seed) {
        GenerateRequest request = request_of(fresh_prompt(size), 90);
        if (seed > 0) request = sampled(request, seed);
        const auto without = alone.engine->generate(request);
        ASSERT_TRUE(without);
        EXPECT_EQ(drafted.generate(request).tokens, without->tokens) << "prompt of " << size << ", seed " << seed;
      }
    }
  }
}

// A draft model that is the model itself is always right, greedy or drawn: it reads what was said from its own pages, and
// draws with the request's own numbers. One page of it lost or stale, and it would not be.
TEST(DraftModel, WhoKnowsEverythingIsAlwaysRight) {
  Drafted drafted(Habit::kHash);
  for (uint64_t seed = 0; seed < 4; ++seed) {
    GenerateRequest request = request_of(fresh_prompt(100), 200);
    if (seed > 0) request = sampled(request, seed);
    const uint64_t steps = drafted.running.engine->counts().steps;
    const Generated result = drafted.generate(request);
    EXPECT_GT(result.drafted, 150U);
    EXPECT_GE(result.accepted + 5, result.drafted) << "look-up may err now and then";
    EXPECT_LT(drafted.running.engine->counts().steps - steps, 45U);
  }
  EXPECT_GT(drafted.running.engine->counts().accepted, 600U);
}

TEST(DraftModel, WhoIsOftenRightSavesStepsAndWhoIsNeverRightGuessesLittle) {
  const GenerateRequest request = request_of(fresh_prompt(50), 300);
  Drafted often(Habit::kOften), never(Habit::kRepeat);
  const Generated some = often.generate(request), none = never.generate(request);
  EXPECT_EQ(some.text, expected_text(request.prompt, 300));
  EXPECT_EQ(none.text, some.text);
  EXPECT_GT(some.accepted, 100U);
  EXPECT_LT(often.running.engine->counts().steps, 220U);
  EXPECT_LT(none.accepted, 60U);
  EXPECT_LT(none.drafted, 400U) << "one guess a token once it is known to be wrong";
  const std::lock_guard lock(never.draft_log.mutex);
  EXPECT_LE(never.draft_log.step_rows.size(), 330U);
}

TEST(DraftModel, AsksForNoGuessWhereNoneIsWanted) {
  Drafted drafted(Habit::kHash);
  GenerateRequest plain = request_of(fresh_prompt(50), 40);
  plain.speculate = false;
  EXPECT_EQ(drafted.generate(plain).drafted, 0U);
  GenerateRequest one = request_of(fresh_prompt(50), 1);
  EXPECT_EQ(drafted.generate(one).drafted, 0U);
  EXPECT_TRUE(drafted.draft_log.step_rows.empty());
}

TEST(DraftModel, KnowsTheGrammar) {
  Running alone;
  Drafted drafted(Habit::kHash);
  const auto grammar = Grammar::from_gbnf("root ::= (\"{\" [a-f]+ \":\" [0-9]+ \"}\")+", FakeTokenizer());
  ASSERT_TRUE(grammar) << grammar.error().message;
  for (uint64_t seed = 0; seed < 3; ++seed) {
    GenerateRequest request = request_of(fresh_prompt(40), 120);
    if (seed > 0) request = sampled(request, seed);
    request.grammar = *grammar;
    const auto without = alone.engine->generate(request);
    ASSERT_TRUE(without) << without.error().message;
    const Generated with = drafted.generate(request);
    EXPECT_EQ(with.tokens, without->tokens) << seed;
    EXPECT_GT(3 * with.accepted, 2 * with.drafted) << "guesses against the grammar are never right";
  }
}

TEST(DraftModel, EndsWhereTheRequestEnds) {
  Drafted drafted(Habit::kHash);
  const auto prompt = fresh_prompt(20);
  const std::string whole = expected_text(prompt, 60);
  GenerateRequest request = request_of(prompt, 60);
  request.stop = {whole.substr(31, 4)};
  const Generated stopped = drafted.generate(request);
  EXPECT_EQ(stopped.finish, Finish::kStop);
  EXPECT_EQ(stopped.text, whole.substr(0, whole.find(whole.substr(31, 4))));
  for (uint32_t count = 1; count < 20; ++count) EXPECT_EQ(drafted.generate(request_of(prompt, count)).tokens.size(), count);
}

TEST(DraftModel, ReadsASharedPromptOnce) {
  Drafted drafted(Habit::kHash);
  const auto prompt = fresh_prompt(640);
  drafted.generate(request_of(prompt, 20));
  size_t before = 0;
  {
    const std::lock_guard lock(drafted.draft_log.mutex);
    for (const size_t rows : drafted.draft_log.step_rows) before += rows;
    drafted.draft_log.step_rows.clear();
  }
  EXPECT_GT(before, 640U);
  const Generated again = drafted.generate(request_of(prompt, 20));
  EXPECT_EQ(again.text, expected_text(prompt, 20));
  const std::lock_guard lock(drafted.draft_log.mutex);
  size_t rows_again = 0;
  for (const size_t rows : drafted.draft_log.step_rows) rows_again += rows;
  EXPECT_LT(rows_again, 60U);
}

// While somebody else is served, the draft model reads a long prompt a little at a time, as the model does.
TEST(DraftModel, DoesNotHoldUpARunningStream) {
  EngineOptions options;
  options.prefill_rows_shared = 24;
  Drafted drafted(Habit::kHash, options);
  auto one = submit(*drafted.running.engine, request_of(fresh_prompt(900, 1), 200));
  auto two = submit(*drafted.running.engine, request_of(fresh_prompt(900, 2), 200));
  EXPECT_EQ(one.get().text, expected_text(fresh_prompt(900, 1), 200));
  EXPECT_EQ(two.get().text, expected_text(fresh_prompt(900, 2), 200));
  const std::lock_guard lock(drafted.draft_log.mutex);
  size_t both = 0;
  for (size_t i = 0; i < drafted.draft_log.step_rows.size(); ++i) {
    if (drafted.draft_log.step_sequences[i] < 2) continue;
    ++both;
    EXPECT_LE(drafted.draft_log.step_rows[i], 24U);
  }
  EXPECT_GT(both, 5U);
}

TEST(DraftModel, AFailureOfItsOwnIsTheRequestsAndLosesNoPage) {
  Drafted drafted(Habit::kHash);
  drafted.draft_log.fail_with = "the disk is on fire";
  const auto failed = drafted.running.engine->generate(request_of(fresh_prompt(40), 30));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "the draft model: the disk is on fire");
  {
    const std::lock_guard lock(drafted.draft_log.mutex);
    drafted.draft_log.fail_with.clear();
  }
  EXPECT_EQ(drafted.generate(request_of(fresh_prompt(40), 30)).text, expected_text(fresh_prompt(40), 30));
}

// Few pages, many requests, some cancelled: put back, taken up again, with and without guesses.
TEST(DraftModel, RandomTrafficGivesEveryRequestItsOwnTokens) {
  EngineOptions options;
  options.context_tokens = 24 * tensor::kPageTokens;
  options.max_batch = 3;
  options.prefill_rows = 70;
  options.prefill_rows_shared = 33;
  options.max_queue = 1000;
  for (const Habit habit : {Habit::kHash, Habit::kOften}) {
    Drafted drafted(habit, options);
    std::mt19937 random(7);
    struct Asked {
      GenerateRequest request;
      std::future<Generated> result;
    };
    std::vector<Asked> asked;
    for (int i = 0; i < 200; ++i) {
      GenerateRequest request = request_of(prompt_of(1 + random() % 300, static_cast<uint32_t>(random() % 4)),
                                           static_cast<uint32_t>(1 + random() % 200));
      request.priority = static_cast<int>(random() % 3);
      request.speculate = random() % 4 != 0;
      RequestId id = 0;
      asked.push_back({request, submit(*drafted.running.engine, request, &id)});
      if (random() % 6 == 0) drafted.running.engine->cancel(id - random() % 3);
    }
    for (Asked& one : asked) {
      const Generated result = one.result.get();
      const std::string whole = expected_text(one.request.prompt, one.request.max_tokens);
      EXPECT_EQ(result.text, result.finish == Finish::kCancelled ? whole.substr(0, result.text.size()) : whole);
    }
    const EngineCounts counts = drafted.running.engine->counts();
    EXPECT_EQ(counts.free_pages + counts.cached_pages, 24U) << "a page was lost";
    EXPECT_GT(counts.accepted, 500U);
  }
}

// ---------------------------------------------------------------------------------------------
// Vocabularies

class OtherTokenizer final : public model::Tokenizer {
 public:
  OtherTokenizer(size_t size, Token changed, Token end) : size_(size), changed_(changed), end_(end) {}
  std::vector<Token> encode(std::string_view, Encode) const override { return {}; }
  std::vector<Token> encode_pair(std::string_view, std::string_view) const override { return {}; }
  std::string piece(Token token, bool) const override {
    if (token == changed_) return "other";
    return token < 256 ? std::string(1, static_cast<char>(token)) : std::string();
  }
  size_t size() const override { return size_; }
  std::optional<Token> find(std::string_view) const override { return std::nullopt; }
  bool is_special(Token token) const override { return token >= 256; }
  bool is_end(Token token) const override { return token == end_; }
  std::optional<Token> bos() const override { return std::nullopt; }
  std::optional<Token> eos() const override { return end_; }

 private:
  size_t size_;
  Token changed_, end_;
};

class OtherModel final : public model::Model {
 public:
  explicit OtherModel(OtherTokenizer tokenizer, bool causal = true) : tokenizer_(std::move(tokenizer)) {
    of_.architecture = "other";
    of_.causal = causal;
    of_.vocabulary = static_cast<uint32_t>(tokenizer_.size());
    of_.context = 4096;
  }
  const model::Hyperparameters& hyperparameters() const override { return of_; }
  const model::Gguf& file() const override { std::abort(); }
  const model::Tokenizer& tokenizer() const override { return tokenizer_; }
  tensor::KvShape kv_shape(tensor::Type type, uint32_t pages) const override { return {{}, type, pages}; }
  uint32_t max_rows() const override { return 512; }
  // Likes the highest token it knows best, then 'a'.
  Result<std::vector<float>> forward(const model::Batch& batch, tensor::KvStore&, Output) override {
    std::vector<float> out;
    for (const model::Row& row : batch.rows) {
      if (!row.output) continue;
      out.resize(out.size() + of_.vocabulary);
      out.back() = 9;
      out[out.size() - of_.vocabulary + 'a'] = 5;
    }
    return out;
  }

 private:
  model::Hyperparameters of_;
  OtherTokenizer tokenizer_;
};

TEST(DraftModel, RefusesAnotherVocabularyAndNamesTheToken) {
  const auto refusal = [](OtherTokenizer tokenizer, bool causal = true) {
    FakeModel::Log log;
    FakeBackend backend;
    auto started = Engine::start(std::make_unique<FakeModel>(log, Habit::kHash), backend, {},
                                 std::make_unique<OtherModel>(std::move(tokenizer), causal));
    EXPECT_FALSE(started);
    EXPECT_TRUE(started || started.error().code == ErrorCode::kInvalid);
    return started ? std::string() : started.error().message;
  };
  EXPECT_NE(refusal({kVocabulary, 'q', kEnd}).find("token 113 is \"other\" there and \"q\" in the model"), std::string::npos);
  EXPECT_NE(refusal({kVocabulary, -1, 257}).find("token 256 is \"\" there and \"\" (an end) in the model"), std::string::npos);
  EXPECT_NE(refusal({kVocabulary + 257, -1, kEnd}).find("517 tokens, the model has 260"), std::string::npos);
  EXPECT_NE(refusal({kVocabulary, -1, kEnd}, false).find("encoder"), std::string::npos);
}

// Families pad their tables differently. What only the draft has is never guessed; what only the model has ends its reading.
TEST(DraftModel, AVocabularyMayBePadded) {
  for (const size_t size : {size_t{kVocabulary} + 200, size_t{kVocabulary} - 2}) {
    FakeModel::Log log;
    FakeBackend backend;
    auto started = Engine::start(std::make_unique<FakeModel>(log, Habit::kHash), backend, {},
                                 std::make_unique<OtherModel>(OtherTokenizer(size, -1, kEnd)));
    ASSERT_TRUE(started) << started.error().message;
    for (const Token last : {Token{5}, Token{259}}) {
      const auto result = (*started)->generate(request_of({1, 2, last}, 60));
      ASSERT_TRUE(result) << result.error().message;
      EXPECT_EQ(result->text, expected_text({1, 2, last}, 60));
      EXPECT_GE(result->drafted, size < kVocabulary && last == 5 ? 10U : 0U);
    }
  }
}

}  // namespace
}  // namespace sillok::engine
