// What the two forms of adapter files give. Private to model.
#pragma once

#include <map>

#include "model/forward.h"

namespace sillok::model {

struct StoredMatrix {
  std::string name;  // in the file, for messages
  tensor::Type type = tensor::Type::kF32;
  uint64_t rows = 0, columns = 0;
  const void* data = nullptr;
};
struct StoredPair {
  std::optional<StoredMatrix> a, b;
};
struct StoredAdapter {
  std::map<std::string, StoredPair> pairs;  // by the name of the model's tensor
  double alpha = 0;                         // 0: the pairs are added as they are
  bool by_root_of_rank = false;             // scale is alpha / sqrt(rank), not alpha / rank
  std::shared_ptr<const void> keep_alive;   // owns the data
};

Result<StoredAdapter> read_gguf_adapter(const fs::path& path, const Hyperparameters& model);
// `path`: the folder, or its adapter_model.safetensors.
Result<StoredAdapter> read_peft_adapter(const fs::path& path, const Hyperparameters& model);

}  // namespace sillok::model
