// engine: many requests over one model: a queue, a batch that changes every step, shared prefixes, sampling,
// constrained output.
//
// Contents: sampling | constraint | request and events | the engine
//
// Main path: Engine::submit -> queue -> (every step) admit, find the cached prefix, pick rows, Model::forward, sample
// under the constraint, deliver -> finish, give pages back to the radix tree.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"
#include "model/model.h"

namespace sillok::engine {

using model::Token;

// ---------------------------------------------------------------------------------------------
// Sampling

struct Sampling {
  float temperature = 0;        // 0: greedy
  uint32_t top_k = 0;           // 0: all
  float top_p = 1, min_p = 0;
  float repeat_penalty = 1;     // 1: none; over the last repeat_window tokens
  float presence_penalty = 0, frequency_penalty = 0;
  uint32_t repeat_window = 64;
  float dry_multiplier = 0, dry_base = 1.75F;  // DRY: 0 = off
  uint32_t dry_allowed_length = 2;
  std::vector<Token> dry_breakers;  // a repetition is not followed over these (line ends, quotes, marks of turns)
  std::vector<std::pair<Token, float>> logit_bias;
  uint64_t seed = 0;            // the draw of token i depends on seed and i alone
};
struct TokenChance {
  Token token = 0;
  float log_probability = 0;  // of the model's own distribution, before penalties and cuts
};

// Chooses tokens of one request. Not thread-safe.
class Sampler {
 public:
  explicit Sampler(Sampling options);
  // `logits` [V] may be changed. `history`: prompt and output so far. `index`: number of this output token.
  // `allowed`: one bit a token, empty = all; at least one bit is set. Ties go to the lower token.
  Token choose(std::span<float> logits, std::span<const Token> history, uint64_t index,
               std::span<const uint64_t> allowed);

 private:
  Sampling options_;
};
// `token` itself first, then the `count` likeliest in order (which may name it again).
std::vector<TokenChance> log_probabilities(std::span<const float> logits, Token token, size_t count);

// ---------------------------------------------------------------------------------------------
// Constrained output: which tokens may come next.

// A grammar compiled for one tokenizer; shared by requests, immutable, thread-safe.
class Grammar {
 public:
  // GBNF text (the notation of llama.cpp's grammars). kInvalid with line and column; left recursion is refused.
  static Result<std::shared_ptr<const Grammar>> from_gbnf(std::string_view text, const model::Tokenizer& tokenizer);
  // JSON Schema (2020-12, the part that has a context-free form; kUnsupported names what has not).
  static Result<std::shared_ptr<const Grammar>> from_json_schema(std::string_view schema,
                                                                 const model::Tokenizer& tokenizer);
  struct Rules;
  explicit Grammar(std::shared_ptr<const Rules> rules);
  const Rules& rules() const { return *rules_; }

 private:
  std::shared_ptr<const Rules> rules_;
};

// Where one request stands in its grammar.
class Constraint {
 public:
  explicit Constraint(std::shared_ptr<const Grammar> grammar);
  Constraint(Constraint&&) noexcept;
  Constraint& operator=(Constraint&&) noexcept;
  ~Constraint();
  // Sets the bit of each token that may come next (end tokens when the text may end here). `bits`: (V + 63) / 64.
  void allowed(std::span<uint64_t> bits) const;
  // Takes the token; false if the grammar does not allow it (state unchanged).
  bool accept(Token token);
  bool complete() const;  // the text may end here
  Constraint copy() const;  // one that goes on from here by itself

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// ---------------------------------------------------------------------------------------------
// Requests

struct GenerateRequest {
  std::vector<Token> prompt;
  uint32_t max_tokens = 256;
  Sampling sampling;
  std::vector<std::string> stop;               // stop strings; not part of the text given
  std::shared_ptr<const Grammar> grammar;      // may be null
  std::string adapter;                         // name of a loaded adapter; "" = none
  float adapter_scale = 1;
  int priority = 0;                            // higher first
  std::string client;                          // who asks: clients of one priority take turns
  uint32_t log_probabilities = 0;              // so many alternatives a token; 0 = none
  bool ignore_end = false;                     // go on after an end token (benchmarks)
  bool speculate = true;                       // guesses: prompt look-up, draft model; they never change the tokens
};

enum class Finish : uint8_t { kEnd, kStop, kLength, kCancelled, kError };
std::string_view to_string(Finish finish);

struct Generated {
  std::string text;
  std::vector<Token> tokens;
  std::vector<std::vector<TokenChance>> chances;
  Finish finish = Finish::kEnd;
  std::string error;               // for kError
  uint32_t prompt_tokens = 0, cached_tokens = 0;
  uint32_t drafted = 0, accepted = 0;  // tokens guessed, and how many of them came true
  double queue_s = 0, prefill_s = 0, decode_s = 0;  // prefill: admission to first token
};

struct Events {
  // Whole characters of new text, in order; from the engine's thread, must not block.
  std::function<void(std::string_view text)> on_text;
  std::function<void(Generated result)> on_done;  // exactly once
};
using RequestId = uint64_t;

struct EngineOptions {
  uint32_t context_tokens = 8192;     // the KV store's size, in tokens, shared by all
  tensor::Type kv_type = tensor::Type::kF16;
  uint32_t max_batch = 32;            // sequences decoding at once
  uint32_t max_queue = 256;           // waiting requests; one more is refused with kLimit
  uint32_t prefill_rows = 512;        // prompt rows of a step while nobody is decoding
  uint32_t prefill_rows_shared = 64;  // and while somebody is: what a running stream waits for at most
  bool prefix_cache = true;
};

struct EngineCounts {
  uint64_t steps = 0, rows = 0, prompt_tokens = 0, cached_tokens = 0, generated_tokens = 0, drafted = 0, accepted = 0;
  uint32_t queued = 0, running = 0, free_pages = 0, cached_pages = 0;
};

class Engine {
 public:
  // The models and their backend belong to the engine's thread from here on. `draft`: a smaller model that guesses what the
  // model will say, with a KV store of its own for as many tokens; null: none. kInvalid if it has another vocabulary.
  static Result<std::unique_ptr<Engine>> start(std::unique_ptr<model::Model> model, tensor::Backend& backend,
                                               const EngineOptions& options, std::unique_ptr<model::Model> draft = nullptr);
  virtual ~Engine() = default;  // cancels what runs

  // kLimit if the queue is full or the prompt cannot fit; kNotFound for an adapter that is not loaded. Thread-safe.
  virtual Result<RequestId> submit(GenerateRequest request, Events events) = 0;
  virtual void cancel(RequestId id) = 0;          // at once; on_done follows with kCancelled
  virtual Result<Generated> generate(GenerateRequest request) = 0;  // submit and wait

  virtual Status load_adapter(const std::string& name, const fs::path& path) = 0;
  virtual Status unload_adapter(const std::string& name) = 0;

  // Pooled vectors of length 1, one per text, pooled as the model says (a decoder that says nothing: the last token's).
  virtual Result<std::vector<std::vector<float>>> embed(const std::vector<std::vector<Token>>& texts) = 0;
  // A reranker's score of each pair of a question and a document (Tokenizer::encode_pair): the higher, the better the document
  // answers. Only scores of one model compare. kUnsupported for a model that is no reranker.
  virtual Result<std::vector<float>> score(const std::vector<std::vector<Token>>& pairs) = 0;
  virtual EngineCounts counts() const = 0;
  virtual const model::Model& model() const = 0;
};

}  // namespace sillok::engine
