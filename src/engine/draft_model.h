// Private to engine: a small model that guesses what the large one will say (Leviathan et al. 2023, "Fast inference from
// transformers via speculative decoding"). A guess is what the request's own sampler makes of the small model's logits, with
// the draw and the grammar of that place; it counts only where the large model then chooses the same token, so guesses change
// the speed alone. Keys and values of the draft model are kept as those of the large one are: in pages, shared by prefix.
// One thread.
#pragma once

#include "engine/pages.h"
#include "engine/sequence.h"

namespace sillok::engine {

// kInvalid if the two models do not number the same tokens alike. One may have a few tokens more: files pad their tables.
Status check_same_vocabulary(const model::Tokenizer& draft, const model::Tokenizer& large);

class DraftModel {
 public:
  // `pages`: of the draft's own store.
  static Result<std::unique_ptr<DraftModel>> make(std::unique_ptr<model::Model> model, const model::Model& large,
                                                  tensor::Backend& backend, const EngineOptions& options, uint32_t pages);

  struct Asker {
    Sequence* sequence = nullptr;  // decoding
    size_t most = 0;               // guesses
  };
  // Fills the draft of each asker's sequence. What the draft model has not read of a sequence it reads first, at most `rows`
  // tokens of all together a call; who needs more, or for whom there is no page, gets no guess this time.
  Status guess(std::span<const Asker> askers, size_t rows);
  // How many of the guesses came true: the next ones become more or fewer.
  static void learn(Sequence& sequence, size_t guessed, size_t accepted);
  // Gives the sequence's pages back.
  void drop(Sequence& sequence);

 private:
  struct Guessing;
  DraftModel(std::unique_ptr<model::Model> model, std::unique_ptr<tensor::KvStore> store, bool prefix_cache, size_t vocabulary)
      : model_(std::move(model)), store_(std::move(store)), tree_(store_->shape().pages), prefix_cache_(prefix_cache),
        vocabulary_(vocabulary) {}
  void rewind(Sequence& sequence);
  bool give_pages(Sequence& sequence, size_t tokens);
  bool add_rows(Guessing& one, size_t& rows, model::Batch& batch);
  bool take_guess(Guessing& one, std::span<const float> logits);

  std::unique_ptr<model::Model> model_;
  std::unique_ptr<tensor::KvStore> store_;
  PrefixTree tree_;
  const bool prefix_cache_;
  const size_t vocabulary_;  // the large model's
};

}  // namespace sillok::engine
