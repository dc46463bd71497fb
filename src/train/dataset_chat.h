// Lines of JSON to sequences of tokens with a question at each: what comes next? Private to train.
//
// {"messages": [{"role", "content"}, ...]}  rendered by the model's own chat template. Only what the assistant says is asked:
//     from where the template's generation prompt ends to the mark that ends the turn, that included, as `sillok chat`
//     would have the model write them.
// {"text": "..."}                           continued pretraining: every token is asked, the end-of-text token too. A text
//     longer than the context becomes several examples, which share one token at their seams.
//
// Preferences, two answers to one prompt, of which one is chosen:
// {"prompt": "...", "chosen": "...", "rejected": "..."}     plain text behind plain text, no template
// {"prompt" or "messages": [...], "chosen": ..., "rejected": ...}   by the chat template; an answer is the assistant's words, its
//     message, or a list of messages. Without a prompt each answer is a whole conversation, its last message asked.
#pragma once

#include "model/model.h"
#include "train/autograd_decoder.h"
#include "train/autograd_random.h"
#include "train/train.h"

namespace sillok::train {

struct Example {
  std::vector<model::Token> tokens;
  std::vector<uint8_t> asked;  // by token: whether it is to be predicted from those before it
  size_t line = 0;
};
struct Dataset {
  std::vector<Example> examples;  // each of 2 to context + 1 tokens, at least one of them asked
  size_t group = 1;               // examples that stay together: 2 where they are pairs, the chosen answer first
  size_t cut = 0, first_cut_line = 0;  // conversations longer than the context: their ends are left out
  size_t tokens = 0, targets = 0;
  std::string digest;             // SHA-256 of the file
};

// kInvalid with file, line and what is wrong there; nothing is skipped. `from` has the tokenizer and the chat template.
// Of a preference both answers fit into the context together.
enum class Lines : uint8_t { kExamples, kPreferences };
Result<Dataset> read_dataset(const fs::path& path, const model::Gguf& from, const model::Tokenizer& tokenizer, uint32_t context,
                             Lines kind = Lines::kExamples);

// What the report of a run says of its data.
void describe(const Dataset& dataset, RunReport& report);

// Adds one text, as a line {"text"} would.
Status add_text(const std::string& text, const model::Gguf& from, const model::Tokenizer& tokenizer, uint32_t context, Dataset& out);

// The examples, or pairs of them, in a new order each epoch, drawn from the seed, packed into sequences of at most `context` tokens.
class SequenceStream {
 public:
  SequenceStream(const Dataset& dataset, uint32_t context, uint64_t seed);  // dataset outlives it
  Sequence next();
  void skip(uint64_t sequences);
  // Sequences of the first `epochs` passes over the data.
  uint64_t count(double epochs) const;

 private:
  std::vector<std::vector<uint32_t>> pack(uint64_t epoch) const;  // numbers of groups by sequence

  const Dataset& dataset_;
  uint32_t context_;
  uint64_t seed_, epoch_ = 0;
  std::vector<std::vector<uint32_t>> packed_;
  size_t at_ = 0;
};

}  // namespace sillok::train
