// What the importers share: arrays for GGUF metadata, a tokenizer from a folder.
#pragma once

#include "model/model.h"

namespace sillok::model {

GgufValue array_of(std::vector<std::string> values);
GgufValue array_of(std::vector<double> values);
GgufValue array_of(std::vector<int64_t> values);

// The tokenizer of a Hugging Face folder (tokenizer.json or tokenizer.model, tokenizer_config.json, chat template) as
// tokenizer.* metadata. `vocabulary_size`: the rows of the embedding; unused numbers are filled up.
Status import_tokenizer(const fs::path& folder, size_t vocabulary_size,
                        std::vector<std::pair<std::string, GgufValue>>& metadata);

}  // namespace sillok::model
