// The scheduler over a model that is nothing but memory: whatever happens around a request, it gets its own tokens.
#include <gtest/gtest.h>

#include <condition_variable>

#include "tests/engine/running.h"

namespace sillok::engine {
namespace {

// Holds the engine before its next step until let go, so that requests meet in one batch.
class Gate {
 public:
  explicit Gate(FakeModel::Log& log) {
    log.before_step = [this] {
      std::unique_lock lock(mutex_);
      ++arrived_;
      changed_.notify_all();
      changed_.wait(lock, [this] { return open_; });
    };
  }
  void wait_for_step() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return arrived_ > 0; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t arrived_ = 0;
  bool open_ = false;
};

TEST(Engine, OneRequestGivesItsTokens) {
  Running running;
  const auto prompt = prompt_of(100, 1);
  const auto result = running.engine->generate(request_of(prompt, 40));
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->text, expected_text(prompt, 40));
  EXPECT_EQ(result->tokens.size(), 40U);
  EXPECT_EQ(result->prompt_tokens, 100U);
  EXPECT_EQ(result->cached_tokens, 0U);
  EXPECT_EQ(result->finish, Finish::kLength);
}

TEST(Engine, TheSameTokensInABatchOfEightColdAndFromTheCache) {
  Running running;
  for (int round = 0; round < 2; ++round) {
    std::vector<std::future<Generated>> results;
    for (uint32_t i = 0; i < 8; ++i) results.push_back(submit(*running.engine, request_of(prompt_of(50 + 17 * i, i), 30)));
    for (uint32_t i = 0; i < 8; ++i) {
      const Generated result = results[i].get();
      EXPECT_EQ(result.text, expected_text(prompt_of(50 + 17 * i, i), 30)) << "request " << i << " of round " << round;
      // All but the last token, as far as whole pages of prompt and answer (whose last token was not computed) reach.
      const uint32_t known = std::min((50 + 17 * i + 29) / 32 * 32, 50 + 17 * i - 1);
      const uint32_t cached = known % 32 < 4 ? known / 32 * 32 : known;  // for less than four tokens no page is copied
      EXPECT_EQ(result.cached_tokens, round == 0 ? 0U : cached);
    }
  }
}

TEST(Engine, FourOfFourHitAWarmPrefix) {
  Running running;
  const auto evidence = prompt_of(320, 7);
  ASSERT_TRUE(running.engine->generate(request_of(evidence, 1)));
  std::vector<std::future<Generated>> results;
  for (Token i = 0; i < 4; ++i) {
    auto prompt = evidence;
    prompt.push_back(i);
    results.push_back(submit(*running.engine, request_of(prompt, 5)));
  }
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(results[i].get().cached_tokens, 320U) << "request " << i;
}

// Evidence of 330 tokens ends within a page: of that page too only what differs is computed.
TEST(Engine, APrefixThatEndsWithinAPageIsCopiedUpToThere) {
  Running running;
  const auto evidence = prompt_of(330, 7);
  const auto asked = [&](Token question) {
    auto prompt = evidence;
    prompt.insert(prompt.end(), 3, question);
    return request_of(prompt, 40);
  };
  const auto first = running.engine->generate(asked(1));
  ASSERT_TRUE(first);
  std::vector<std::future<Generated>> results;
  for (Token question = 1; question < 6; ++question) results.push_back(submit(*running.engine, asked(question)));
  for (Token question = 1; question < 6; ++question) {
    const Generated result = results[static_cast<size_t>(question - 1)].get();
    EXPECT_EQ(result.cached_tokens, question == 1 ? 332U : 330U) << "question " << question;
    EXPECT_EQ(result.text, expected_text(asked(question).prompt, 40)) << "question " << question;
  }
  EXPECT_EQ(running.engine->generate(asked(1))->tokens, first->tokens) << "the page that was copied has not changed";
  const EngineCounts counts = running.engine->counts();
  EXPECT_EQ(counts.free_pages + counts.cached_pages, 8192U / tensor::kPageTokens);
}

TEST(Engine, RequestsThatMeetOnAColdPrefixComputeItOnce) {
  Running running;
  Gate gate(running.log);
  const auto first = submit(*running.engine, request_of(prompt_of(5, 99), 1)).share();
  gate.wait_for_step();  // the four arrive while the engine is busy
  const auto evidence = prompt_of(320, 7);
  std::vector<std::future<Generated>> results;
  for (Token i = 0; i < 4; ++i) {
    auto prompt = evidence;
    prompt.push_back(i);
    results.push_back(submit(*running.engine, request_of(prompt, 5)));
  }
  gate.open();
  uint32_t cached = 0;
  for (Token i = 0; i < 4; ++i) {
    auto prompt = evidence;
    prompt.push_back(i);
    const Generated result = results[static_cast<size_t>(i)].get();
    EXPECT_EQ(result.text, expected_text(prompt, 5));
    cached += result.cached_tokens;
  }
  EXPECT_EQ(cached, 3 * 320U);
}

TEST(Engine, WhatDoesNotFitWaitsOrIsPutBackAndStillGetsItsTokens) {
  EngineOptions options;
  options.context_tokens = 12 * tensor::kPageTokens;
  options.max_batch = 6;
  Running running(options);
  std::vector<std::future<Generated>> results;
  for (uint32_t i = 0; i < 12; ++i) results.push_back(submit(*running.engine, request_of(prompt_of(40 + i, i), 150)));
  for (uint32_t i = 0; i < 12; ++i) EXPECT_EQ(results[i].get().text, expected_text(prompt_of(40 + i, i), 150)) << i;
  const EngineCounts counts = running.engine->counts();
  EXPECT_EQ(counts.free_pages + counts.cached_pages, 12U);
}

TEST(Engine, AFullQueueRefusesAndSaysSo) {
  EngineOptions options;
  options.max_queue = 3;
  options.max_batch = 1;
  Running running(options);
  Gate gate(running.log);
  auto first = submit(*running.engine, request_of(prompt_of(10, 0), 2));
  gate.wait_for_step();
  std::vector<std::future<Generated>> waiting;
  for (uint32_t i = 1; i <= 3; ++i) waiting.push_back(submit(*running.engine, request_of(prompt_of(10, i), 2)));
  const auto refused = running.engine->submit(request_of(prompt_of(10, 4), 2), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kLimit);
  EXPECT_NE(refused.error().message.find("queue is full"), std::string::npos);
  gate.open();
  EXPECT_EQ(first.get().finish, Finish::kLength);
  for (auto& result : waiting) EXPECT_EQ(result.get().finish, Finish::kLength);
}

TEST(Engine, RefusesWhatCannotBe) {
  Running running;
  const auto refusal = [&](GenerateRequest request) { return running.engine->submit(std::move(request), {}).error(); };
  EXPECT_EQ(refusal(request_of({}, 5)).code, ErrorCode::kInvalid);
  EXPECT_EQ(refusal(request_of({1}, 0)).code, ErrorCode::kInvalid);
  EXPECT_EQ(refusal(request_of({kVocabulary}, 5)).code, ErrorCode::kInvalid);
  EXPECT_EQ(refusal(request_of({-1}, 5)).code, ErrorCode::kInvalid);
  EXPECT_EQ(refusal(request_of(prompt_of(5000, 1), 5)).code, ErrorCode::kLimit);
  GenerateRequest adapted = request_of({1}, 5);
  adapted.adapter = "absent";
  EXPECT_EQ(refusal(adapted).code, ErrorCode::kNotFound);
}

TEST(Engine, CancellingEndsWhatWaitsAndWhatRuns) {
  EngineOptions options;
  options.max_batch = 1;
  Running running(options);
  Gate gate(running.log);
  RequestId first_id = 0, second_id = 0;
  auto first = submit(*running.engine, request_of(prompt_of(10, 0), 1000), &first_id);
  auto second = submit(*running.engine, request_of(prompt_of(10, 1), 1000), &second_id);
  auto third = submit(*running.engine, request_of(prompt_of(10, 2), 3));
  gate.wait_for_step();
  running.engine->cancel(second_id);
  running.engine->cancel(first_id);
  gate.open();
  EXPECT_EQ(first.get().finish, Finish::kCancelled);
  EXPECT_EQ(second.get().finish, Finish::kCancelled);
  EXPECT_EQ(third.get().text, expected_text(prompt_of(10, 2), 3));
}

TEST(Engine, StoppingTheEngineEndsEveryRequestOnce) {
  std::vector<std::future<Generated>> results;
  {
    Running running;
    for (uint32_t i = 0; i < 40; ++i) results.push_back(submit(*running.engine, request_of(prompt_of(30, i), 3000)));
  }
  for (auto& result : results) {
    const Finish finish = result.get().finish;
    EXPECT_TRUE(finish == Finish::kCancelled || finish == Finish::kLength);
  }
}

TEST(Engine, StopsBeforeAStopStringAndStreamsTheSameText) {
  Running running;
  const auto prompt = prompt_of(20, 3);
  const std::string whole = expected_text(prompt, 60);
  const std::string stop = whole.substr(31, 4);
  GenerateRequest request = request_of(prompt, 60);
  request.stop = {"!!", stop, ""};
  std::string streamed;
  std::promise<Generated> done;
  Events events;
  events.on_text = [&](std::string_view text) { streamed += text; };
  events.on_done = [&](Generated result) { done.set_value(std::move(result)); };
  ASSERT_TRUE(running.engine->submit(std::move(request), std::move(events)));
  const Generated result = done.get_future().get();
  EXPECT_EQ(result.finish, Finish::kStop);
  EXPECT_EQ(result.text, whole.substr(0, whole.find(stop)));
  EXPECT_EQ(streamed, result.text);
}

TEST(Engine, LookingUpThePromptChangesNothingButTheSteps) {
  Running running({}, Habit::kRepeat);
  const auto prompt = prompt_of(64, 5);
  GenerateRequest plain = request_of(prompt, 200), guessing = plain;
  plain.speculate = false;
  const auto without = running.engine->generate(plain);
  const uint64_t steps = running.engine->counts().steps;
  const auto with = running.engine->generate(guessing);
  ASSERT_TRUE(without && with);
  EXPECT_EQ(without->text, expected_text(prompt, 200, Habit::kRepeat));
  EXPECT_EQ(with->tokens, without->tokens);
  EXPECT_EQ(with->tokens.size(), 200U);
  EXPECT_GT(running.engine->counts().accepted, 100U);
  EXPECT_LT(running.engine->counts().steps - steps, 100U);
}

TEST(Engine, ALongPromptDoesNotHoldUpARunningStream) {
  EngineOptions options;
  options.prefill_rows_shared = 24;
  Running running(options);
  Gate gate(running.log);
  auto stream = submit(*running.engine, request_of(prompt_of(10, 0), 100));
  gate.wait_for_step();
  auto late = submit(*running.engine, request_of(prompt_of(1000, 1), 2));
  gate.open();
  EXPECT_EQ(stream.get().text, expected_text(prompt_of(10, 0), 100));
  EXPECT_EQ(late.get().text, expected_text(prompt_of(1000, 1), 2));
  const std::lock_guard lock(running.log.mutex);
  size_t shared = 0;
  for (size_t i = 0; i < running.log.step_rows.size(); ++i) {
    if (running.log.step_sequences[i] < 2) continue;
    ++shared;
    EXPECT_LE(running.log.step_rows[i], 24U + 8U);
  }
  EXPECT_GT(shared, 30U);
}

TEST(Engine, AShortQuestionDoesNotWaitForALongDocument) {
  Running running;
  Gate gate(running.log);
  auto busy = submit(*running.engine, request_of(prompt_of(5, 0), 1));
  gate.wait_for_step();
  std::vector<int> order;
  std::mutex mutex;
  const auto submit_named = [&](int name, size_t size) {
    Events events;
    auto promise = std::make_shared<std::promise<void>>();
    events.on_done = [&, name, promise](Generated) {
      {
        const std::lock_guard lock(mutex);
        order.push_back(name);
      }
      promise->set_value();
    };
    EXPECT_TRUE(running.engine->submit(request_of(prompt_of(size, static_cast<uint32_t>(name)), 1), std::move(events)));
    return promise->get_future();
  };
  auto documents = submit_named(1, 3000);
  auto question = submit_named(2, 40);
  gate.open();
  documents.get();
  question.get();
  EXPECT_EQ(order, (std::vector<int>{2, 1}));
}

TEST(Engine, AFailedStepEndsItsRequestsWithTheReasonAndLosesNoPage) {
  Running running;
  running.log.fail_with = "the disk is on fire";
  const auto failed = running.engine->generate(request_of(prompt_of(10, 1), 5));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "the disk is on fire");
  {
    const std::lock_guard lock(running.log.mutex);
    running.log.fail_with.clear();
  }
  const auto next = running.engine->generate(request_of(prompt_of(10, 1), 5));
  ASSERT_TRUE(next);
  EXPECT_EQ(next->text, expected_text(prompt_of(10, 1), 5));
}

TEST(Engine, EmbedsTextsLongerThanABatch) {
  Running running;
  const auto vectors = running.engine->embed({prompt_of(10, 1), prompt_of(1300, 2)});
  ASSERT_TRUE(vectors) << vectors.error().message;
  ASSERT_EQ(vectors->size(), 2U);
  // The fake's last hidden state is (1, tokens, last token).
  EXPECT_NEAR((*vectors)[1][1] / (*vectors)[1][0], 1300, 0.01);
  // Short ones are computed together, in their order, among them one that fills a batch by itself.
  std::vector<std::vector<Token>> many;
  for (uint32_t i = 0; i < 60; ++i) many.push_back(prompt_of(i % 9 == 8 ? 900 : 1 + i % 23, i));
  const auto together = running.engine->embed(many);
  ASSERT_TRUE(together) << together.error().message;
  ASSERT_EQ(together->size(), many.size());
  for (size_t i = 0; i < many.size(); ++i) {
    const auto alone = running.engine->embed({many[i]});
    ASSERT_TRUE(alone);
    EXPECT_EQ(alone->front(), (*together)[i]) << i;
  }
  const auto nothing = running.engine->embed({{}});
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code, ErrorCode::kInvalid);
}

// Requests of every size over few pages, cancelled at random, sharing prefixes at random.
TEST(Engine, RandomTrafficGivesEveryRequestItsOwnTokens) {
  EngineOptions options;
  options.context_tokens = 24 * tensor::kPageTokens;
  options.max_batch = 7;
  options.prefill_rows = 70;
  options.prefill_rows_shared = 33;
  options.max_queue = 1000;
  for (const Habit habit : {Habit::kHash, Habit::kRepeat}) {
    Running running(options, habit);
    std::mt19937 random(42);
    struct Asked {
      GenerateRequest request;
      std::future<Generated> result;
    };
    std::vector<Asked> asked;
    for (int i = 0; i < 300; ++i) {
      std::vector<Token> prompt = prompt_of(1 + random() % 300, static_cast<uint32_t>(random() % 4));
      prompt.push_back(static_cast<Token>(random() % 3));
      GenerateRequest request = request_of(prompt, static_cast<uint32_t>(1 + random() % 120));
      request.priority = static_cast<int>(random() % 3);
      request.client = std::string(1, static_cast<char>('a' + random() % 3));
      RequestId id = 0;
      asked.push_back({request, submit(*running.engine, request, &id)});
      if (random() % 5 == 0) running.engine->cancel(id - random() % 3);
    }
    for (Asked& one : asked) {
      const Generated result = one.result.get();
      const std::string whole = expected_text(one.request.prompt, one.request.max_tokens, habit);
      if (result.finish == Finish::kCancelled) {
        EXPECT_EQ(result.text, whole.substr(0, result.text.size()));
      } else {
        EXPECT_EQ(result.finish, Finish::kLength);
        EXPECT_EQ(result.text, whole);
      }
    }
    const EngineCounts counts = running.engine->counts();
    EXPECT_EQ(counts.free_pages + counts.cached_pages, 24U) << "a page was lost";
  }
}

}  // namespace
}  // namespace sillok::engine
