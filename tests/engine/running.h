// An engine over the fake model, and what is asked of it.
#pragma once

#include <gtest/gtest.h>

#include <future>
#include <random>

#include "tests/engine/fake_backend.h"

namespace sillok::engine {

struct Running {
  FakeModel::Log log;
  FakeBackend backend;
  std::unique_ptr<Engine> engine;
  explicit Running(EngineOptions options = {}, Habit habit = Habit::kHash, std::unique_ptr<model::Model> draft = nullptr) {
    auto started = Engine::start(std::make_unique<FakeModel>(log, habit), backend, options, std::move(draft));
    EXPECT_TRUE(started) << started.error().message;
    engine = std::move(*started);
  }
  ~Running() { engine.reset(); }
};

inline std::vector<Token> prompt_of(size_t size, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<Token> tokens(size);
  for (Token& token : tokens) token = static_cast<Token>(random() % 100);
  return tokens;
}

inline GenerateRequest request_of(std::vector<Token> prompt, uint32_t count) {
  GenerateRequest request;
  request.prompt = std::move(prompt);
  request.max_tokens = count;
  return request;
}

inline std::future<Generated> submit(Engine& engine, GenerateRequest request, RequestId* id = nullptr) {
  auto promise = std::make_shared<std::promise<Generated>>();
  Events events;
  events.on_done = [promise](Generated result) { promise->set_value(std::move(result)); };
  auto submitted = engine.submit(std::move(request), std::move(events));
  EXPECT_TRUE(submitted) << submitted.error().message;
  if (id != nullptr && submitted) *id = *submitted;
  return promise->get_future();
}

}  // namespace sillok::engine
