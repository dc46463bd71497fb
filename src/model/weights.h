// The tensors of a model: found by name, their shapes checked, then loaded into the backend. Private to model.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model/configuration.h"

namespace sillok::model {

inline constexpr size_t kNoTarget = SIZE_MAX;

// y = W x + b. `target` numbers the matrices that an adapter may add to.
struct Linear {
  std::unique_ptr<tensor::Weight> weight, bias;  // null where the model has none
  size_t target = kNoTarget;
  explicit operator bool() const { return weight != nullptr; }
};
struct NormWeights {
  std::unique_ptr<tensor::Weight> weight, bias;
};
struct Expert {
  std::unique_ptr<tensor::Weight> gate, up, down;
};
struct Layer {
  NormWeights before_attention, after_attention, before_feed_forward, after_feed_forward, query, key;
  Linear q, k, v;
  Linear qkv;     // in place of the three where the file has them in one
  Linear attention_out;
  Linear gate, up, down;  // a gated model without `gate` has both in `up`, gate first
  Linear router;
  std::vector<Expert> experts;  // in place of gate, up and down
};
struct AdapterTarget {
  std::string name;  // of the tensor
  size_t rows = 0, columns = 0;
};
struct Weights {
  std::unique_ptr<tensor::Weight> embedding;    // [V, C]
  std::unique_ptr<tensor::Weight> positions;    // [context, C] or null
  std::unique_ptr<tensor::Weight> token_type;   // [1, C], of type 0, or null
  NormWeights embedding_norm, final_norm;
  std::vector<Layer> layers;
  Linear output;                                // empty: the embedding serves
  Linear classifier, classifier_out;            // score = out(tanh(dense(x))); either may be empty
  std::vector<float> rope_factors, rope_long, rope_short;  // divide the frequencies; empty = none
  std::vector<AdapterTarget> targets;
};

// Checks every tensor against `configuration` and fills its vocabulary, feed-forward size where absent and parameter
// count. kInvalid names the tensor that is missing, misshapen or of a type that cannot be computed with;
// kUnsupported one that this architecture's pass would leave out. Gives the weights without their data.
Result<Weights> check_tensors(const Gguf& file, Configuration& configuration);
// Loads what check_tensors has passed.
Result<Weights> load_weights(const std::shared_ptr<const Gguf>& file, const Configuration& configuration,
                             tensor::Backend& backend);

}  // namespace sillok::model
