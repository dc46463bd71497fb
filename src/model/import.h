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

// What GGUF files of an architecture call a Hugging Face tensor: "model.layers.3.self_attn.q_proj.weight" is
// "blk.3.attn_q.weight". kUnsupported if it has no place there.
Result<std::string> gguf_name(std::string_view hugging_face, std::string_view gguf_architecture);
// Row `row` of a matrix whose heads pair neighbouring rows is this row of one whose heads pair halves.
uint64_t interleaved_row(uint64_t row, uint64_t rows, uint64_t heads);

}  // namespace sillok::model
