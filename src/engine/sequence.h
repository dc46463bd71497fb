// Private to engine: one request from admission to its end.
#pragma once

#include <chrono>
#include <optional>

#include "engine/draft.h"
#include "engine/engine.h"
#include "engine/pages.h"
#include "engine/text_stream.h"

namespace sillok::engine {

using Clock = std::chrono::steady_clock;

struct Sequence {
  Sequence(RequestId number, GenerateRequest asked, Events told)
      : id(number), request(std::move(asked)), events(std::move(told)), tokens(request.prompt),
        sampler(request.sampling), stream(request.stop) {
    result.prompt_tokens = static_cast<uint32_t>(tokens.size());
    if (request.grammar != nullptr) constraint.emplace(request.grammar);
  }
  bool decoding() const { return computed + 1 == tokens.size() && started; }
  size_t remaining() const { return tokens.size() - computed; }  // tokens whose keys are still to be computed

  RequestId id;
  GenerateRequest request;
  Events events;
  std::shared_ptr<const model::Adapter> adapter;  // shared: it may be unloaded while we run
  uint64_t salt = 0;          // of the adapter, for the prefix tree

  std::vector<Token> tokens;  // prompt and output
  size_t computed = 0;        // of these, how many have their keys and values in `pages`
  std::vector<Page> pages;    // held; page i holds tokens [i, i + 1) * kPageTokens
  size_t kept = 0;            // pages given to the prefix tree
  std::vector<Token> draft;   // guessed tokens in the step under way
  // What the draft model, if there is one, has of this sequence.
  struct Drafting {
    std::vector<Token> tokens;            // whose keys and values are in `pages`: of the sequence, then guesses
    std::vector<Page> pages;              // held, of the draft's own store
    size_t kept = 0;                      // pages given to the draft's prefix tree
    size_t length = kDraftTokens / 2 + 1;  // so many guesses are worth making
    bool guessed = false;                 // the guesses of the step under way are the draft model's
  };
  Drafting drafting;
  bool planned = false;       // has rows in the step under way
  bool started = false;       // has been admitted and computed its prompt once

  Sampler sampler;
  std::optional<Constraint> constraint;
  TextStream stream;
  Generated result;
  Clock::time_point submitted = Clock::now(), admitted{}, first_token{};
};

}  // namespace sillok::engine
