// What the forward pass must know of an architecture: a row of traits. Private to model.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tensor/tensor.h"

namespace sillok::model {

enum class Norm : uint8_t { kRms, kLayer };
// Where a branch f (attention or feed-forward) is normalised, x being the residual stream.
enum class NormPlace : uint8_t {
  kBefore,          // x + f(norm(x)): Llama, Qwen, Phi-3
  kBeforeAndAfter,  // x + norm(f(norm(x))): Gemma 2 and 3
  kAfterBranch,     // x + norm(f(x)): OLMo 2, EXAONE 4
  kAfterSum,        // norm(x + f(x)): BERT
};
// Normalisation of queries and keys before they rotate.
enum class HeadNorm : uint8_t { kNone, kEachHead, kWholeRow };
enum class Positions : uint8_t {
  kLearned,     // a table of position vectors is added to the embedding
  kNeighbours,  // RoPE that pairs neighbouring features
  kHalves,      // RoPE that pairs feature i with i + half
};
// What layers with a sliding window do about positions.
enum class WindowRope : uint8_t {
  kSame,         // as the other layers
  kUnscaled,     // the same base frequency without the scaling of the other layers: OLMo 3
  kOwn,          // a base frequency of their own (10000 if the file names none) without scaling: Gemma 3
  kOnlyThere,    // they rotate and the other layers do not: EXAONE 4
};

struct Architecture {
  std::string_view name;  // general.architecture
  Norm norm = Norm::kRms;
  NormPlace norm_place = NormPlace::kBefore;
  HeadNorm head_norm = HeadNorm::kNone;
  Positions positions = Positions::kHalves;
  tensor::Activation activation = tensor::Activation::kSilu;
  bool gated = true;            // down(f(gate x) * up x); else down(f(up x))
  bool causal = true;
  bool embedding_norm = false;  // the sum of embeddings is normalised
  bool width_scales_embedding = false;  // embeddings are multiplied by sqrt(C): Gemma
  bool file_scales = false;     // embedding_scale, residual_scale, logit_scale, attention.scale are read: Granite
  bool experts = false;         // may have a mixture of experts
  bool softcaps = false;        // attention and final logits may be capped: by these unless the file says otherwise
  float attention_softcap = 0, final_softcap = 0;
  // Sliding windows: every `window_period`-th layer sees everything, the others a window; 1: every layer has the
  // window; 0: the architecture has none. The file may give its own period or one flag a layer.
  uint32_t window_period = 0;
  uint32_t default_window = 0;  // where the file does not give its size; 0 = then there are no windows
  WindowRope window_rope = WindowRope::kSame;
  // With this many layers, queries are scaled by 1/sqrt(C / H) instead of 1/sqrt(D): the 27 B sizes of Gemma.
  uint32_t layers_scaled_by_width = 0;
};

const Architecture* find_architecture(std::string_view name);  // nullptr if it is not in the table
std::string known_architectures();                             // "llama, qwen2, ..."

}  // namespace sillok::model
