// A model that is nothing but memory: its keys are the tokens themselves, read back through the pages, and its logits a
// hash of all the tokens so read. Any page lost, shared wrongly or overwritten changes what it says.
#pragma once

#include <mutex>

#include "engine/engine.h"

namespace sillok::engine {

inline constexpr Token kVocabulary = 260;
inline constexpr Token kEnd = 256;

// Bytes are tokens; 256 is the end.
class FakeTokenizer final : public model::Tokenizer {
 public:
  std::vector<Token> encode(std::string_view text, Encode) const override {
    return {reinterpret_cast<const uint8_t*>(text.data()), reinterpret_cast<const uint8_t*>(text.data()) + text.size()};
  }
  std::vector<Token> encode_pair(std::string_view first, std::string_view second) const override {
    return encode(std::string(first) + std::string(second), {});
  }
  std::string piece(Token token, bool) const override {
    return token < 256 ? std::string(1, static_cast<char>(token)) : std::string();
  }
  size_t size() const override { return kVocabulary; }
  std::optional<Token> find(std::string_view) const override { return std::nullopt; }
  bool is_special(Token token) const override { return token >= 256; }
  bool is_end(Token token) const override { return token == kEnd; }
  std::optional<Token> bos() const override { return std::nullopt; }
  std::optional<Token> eos() const override { return kEnd; }
};

struct FakeStore final : tensor::KvStore {
  explicit FakeStore(uint32_t pages) : tokens(size_t{pages} * tensor::kPageTokens, -1) { of.pages = pages; }
  const tensor::KvShape& shape() const override { return of; }
  size_t bytes() const override { return tokens.size() * sizeof(Token); }
  tensor::KvShape of;
  std::vector<Token> tokens;
};

// How the fake continues a text.
enum class Habit : uint8_t {
  kHash,    // any byte, decided by every token before it
  kRepeat,  // the token that stood nine places before: what prompt look-up guesses right
  kOften,   // as kHash two times of three: a draft model that is often right
};

inline Token continuation(std::span<const Token> tokens, Habit habit, float adapter) {
  if (habit == Habit::kRepeat && tokens.size() >= 9) return tokens[tokens.size() - 9];
  const uint64_t hash = hash64({reinterpret_cast<const char*>(tokens.data()), tokens.size_bytes()},
                               static_cast<uint64_t>(adapter * 1000));
  const uint64_t wrong = habit == Habit::kOften && hash / 26 % 3 == 0 ? 1 : 0;
  return static_cast<Token>('a' + (hash + wrong) % 26);
}

class FakeModel final : public model::Model {
 public:
  // Watched from the test while the engine's thread writes.
  struct Log {
    std::mutex mutex;
    std::vector<size_t> step_rows;
    std::vector<size_t> step_sequences;
    std::string fail_with;                   // not empty: forward fails so
    std::function<void()> before_step;       // called without the lock
  };
  FakeModel(Log& log, Habit habit) : log_(log), habit_(habit) {
    of_.architecture = "fake";
    of_.vocabulary = kVocabulary;
    of_.context = 4096;
    of_.width = 3;
  }
  const model::Hyperparameters& hyperparameters() const override { return of_; }
  const model::Gguf& file() const override { std::abort(); }  // the engine has no business there
  const model::Tokenizer& tokenizer() const override { return tokenizer_; }
  tensor::KvShape kv_shape(tensor::Type type, uint32_t pages) const override { return {{}, type, pages}; }
  uint32_t max_rows() const override { return 512; }

  Result<std::vector<float>> forward(const model::Batch& batch, tensor::KvStore& kv, Output what) override {
    auto& store = static_cast<FakeStore&>(kv);
    if (log_.before_step) log_.before_step();
    {
      const std::lock_guard lock(log_.mutex);
      log_.step_rows.push_back(batch.rows.size());
      log_.step_sequences.push_back(batch.tables.size());
      if (!log_.fail_with.empty()) return fail(ErrorCode::kIo, log_.fail_with);
    }
    for (const model::Row& row : batch.rows) store.tokens[place(batch, row.table, row.position)] = row.token;
    std::vector<float> out;
    for (const model::Row& row : batch.rows) {
      if (!row.output) continue;
      std::vector<Token> tokens;
      for (uint32_t i = 0; i <= row.position; ++i) tokens.push_back(store.tokens[place(batch, row.table, i)]);
      if (what == Output::kHidden) {
        for (const float value : {1.0F, static_cast<float>(tokens.size()), static_cast<float>(tokens.back())}) out.push_back(value);
        continue;
      }
      const float adapter = row.adapter == 0 ? 0 : batch.adapters[row.adapter - 1].second;
      const Token next = continuation(tokens, habit_, adapter);
      for (Token token = 0; token < kVocabulary; ++token) out.push_back(token == next ? 5.0F : -static_cast<float>(token % 7));
    }
    return out;
  }

 private:
  static size_t place(const model::Batch& batch, uint32_t table, uint32_t position) {
    return size_t{batch.tables[table][position / tensor::kPageTokens]} * tensor::kPageTokens + position % tensor::kPageTokens;
  }
  Log& log_;
  Habit habit_;
  model::Hyperparameters of_;
  FakeTokenizer tokenizer_;
};

// What a request must give, computed without an engine.
inline std::string expected_text(std::vector<Token> tokens, size_t count, Habit habit = Habit::kHash, float adapter = 0) {
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    tokens.push_back(continuation(tokens, habit, adapter));
    text += static_cast<char>(tokens.back());
  }
  return text;
}

}  // namespace sillok::engine
