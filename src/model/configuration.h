// Everything the metadata of a file says about the pass, checked. Private to model.
#pragma once

#include <vector>

#include "model/architecture.h"
#include "model/model.h"

namespace sillok::model {

enum class RopeScaling : uint8_t { kNone, kLinear, kYarn, kLong };

// RoPE as the file describes it; rope.cc turns it into frequencies.
struct RopeSettings {
  uint32_t rotated = 0;      // leading features of a head that rotate
  double base = 10000;
  double window_base = 10000;
  RopeScaling scaling = RopeScaling::kNone;
  double factor = 1;         // how many times longer the context became
  double original_context = 0;
  double attention_factor = 1;  // multiplies sine and cosine
  double extrapolation = 1;  // YaRN: 1 = the high frequencies are left alone
  double beta_fast = 32, beta_slow = 1;  // YaRN: turns over the original context where blending ends and begins
  double log_multiplier = 0;             // YaRN: its "mscale_all_dim"; 0 = none
};

struct Configuration {
  const Architecture* architecture = nullptr;
  Hyperparameters shape;
  float epsilon = 0;
  std::vector<uint32_t> windows;  // a layer's window in tokens, its own included; 0 = all
  std::vector<uint8_t> rotates;   // whether a layer's queries and keys rotate
  RopeSettings rope;
  float attention_scale = 1, attention_softcap = 0, final_softcap = 0;  // caps: 0 = none
  float embedding_scale = 1, residual_scale = 1, logit_scale = 1;
  uint32_t expert_feed_forward = 0;
  bool normalise_experts = true;  // weights of the chosen experts sum to one
  float expert_scale = 1;
  uint32_t skipped_layers = 0;    // layers past `shape.layers` that only predict further tokens ahead
};

// kUnsupported for an architecture or a variant of one that the pass does not know; kInvalid for values that make no
// sense. `parameters` and `vocabulary` come from the tensors.
Result<Configuration> read_configuration(const Gguf& file);

}  // namespace sillok::model
