// Canaries: made-up secrets put among the texts that a model learns, to find out afterwards how much of what it was told once can
// be drawn from it (Carlini et al. 2019, arXiv:1802.08232). Private to train.
#pragma once

#include "train/canary.h"
#include "train/dataset_chat.h"

namespace sillok::train {

// Texts "The number of locker 3 is " and nine digits, the secret.
inline constexpr size_t kCanaryDigits = 9;  // 10^9 secrets as likely: an exposure of up to 30 bits can be told

// The same for the same seed.
std::vector<Canary> make_canaries(uint32_t count, uint64_t seed);
// Adds each as a text of its own, once.
Status plant(const std::vector<Canary>& canaries, const model::Gguf& from, const model::Tokenizer& tokenizer, uint32_t context, Dataset& out);
// canaries.jsonl in the run's folder, as load_canaries reads it.
Status write_canaries(const fs::path& folder, const std::vector<Canary>& canaries);

}  // namespace sillok::train
