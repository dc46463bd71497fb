// Private to train: SentencePiece models, and the GGUF files by which the engine reads them.
#pragma once

#include "model/model.h"
#include "train/train.h"

namespace sillok::train {

// The bytes of a SentencePiece model of at most `vocabulary` pieces. `kind`: "unigram" or "bpe". The same texts give the same bytes.
Result<std::string> train_pieces(const std::vector<std::string>& texts, const std::string& kind, uint32_t vocabulary);
// A GGUF file that holds the tokenizer alone.
Status write_tokenizer_gguf(const fs::path& path, std::string_view model, std::string_view kind);

// The tokenizer of a pretraining run: of `given`, a GGUF file; without one, OUT/tokenizer.gguf, trained (BPE) on the texts of `data`
// if it is not there yet.
Result<std::shared_ptr<const model::Gguf>> tokenizer_of_run(const PretrainOptions& options, uint32_t vocabulary);

}  // namespace sillok::train
