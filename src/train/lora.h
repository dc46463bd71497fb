// Low-rank pairs beside frozen matrices (LoRA: Hu et al. 2021, arXiv:2106.09685). Private to train.
#pragma once

#include "train/autograd_decoder.h"
#include "train/train.h"

namespace sillok::train {

// Puts a pair beside every matrix that `settings` names: A uniform within 1/sqrt(K), as PEFT draws it, B zero, so that the
// network computes at first what it did. Draws depend on the seed and the matrix's name alone. kInvalid names a target that
// there is not.
template <typename T>
Status add_adapters(Network<T>& network, const LoraSettings& settings, uint64_t seed);

// Writes adapter.gguf, adapter_config.json and adapter_model.safetensors into `folder`; the last two not for an architecture
// that Hugging Face's files have no names for: then `peft_refusal` says why.
struct SavedAdapter {
  std::string peft_refusal;
};
Result<SavedAdapter> save_adapters(const Network<float>& network, const LoraSettings& settings, const std::string& base_model,
                                   const fs::path& folder);

}  // namespace sillok::train
