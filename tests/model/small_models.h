// Small model files with random weights, one for each architecture, variant and weight type. They are the same on every
// machine: golden logits from a reference engine (tests/model/golden) belong to them.
#pragma once

#include <string>
#include <vector>

#include "model/model.h"

namespace sillok::model {

struct SmallModel {
  std::string name;  // of the golden file; "llama-Q4_K"
  GgufOut file;
  float query_gain = 1.7F;          // of queries and keys: sharp attention, where every position counts
  size_t distinct_rows = SIZE_MAX;  // of a matrix; then they repeat, where only the size of the file matters
};

std::vector<SmallModel> small_models();
const SmallModel& small_model(std::string_view name);
Status write_small_model(const SmallModel& model, const fs::path& path);

// A LoRA adapter for the small model "llama": rank 4 in attention, 6 in one feed-forward, alpha 8; and another of rank 2.
std::vector<SmallModel> small_adapters();

// The small model "llama" with a chat template and a context that evidence fits into: it speaks nonsense, in turns.
SmallModel chatting_model();

// A llama of 1.24 B parameters (16 layers, 2048 wide, 32 heads of which 8 for keys, 8192 feed-forward, 128,256 tokens)
// with every matrix of `type`: for measuring speed.
SmallModel measured_model(tensor::Type type);

}  // namespace sillok::model
