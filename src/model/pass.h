// One run of the layers over one batch. Private to model.
//
// Legend: B rows of the batch, C width, H heads, K key/value heads, D key size, E value size, F feed-forward size,
// V vocabulary.
#pragma once

#include <initializer_list>

#include "model/forward.h"

namespace sillok::model {

// Logits are computed this many rows at a time: enough to read the output matrix once for many rows, few enough that a
// vocabulary of 256,000 takes 33 MB.
inline constexpr size_t kLogitRows = 32;

class Pass {
 public:
  struct Parts {
    const Configuration& configuration;
    const Weights& weights;
    tensor::Backend& backend;
    const tensor::Rope& rope;
    const tensor::Rope& window_rope;
    Scratch& scratch;
    tensor::KvStore& store;
    const Batch& batch;
  };
  Pass(Parts parts, RowSet rows);

  std::vector<float> run(Model::Output what);

 private:
  struct Target {
    const Linear& linear;
    tensor::View y;
  };

  void embed();
  void attention(size_t l);
  void feed_forward(size_t l);
  void dense(const Layer& layer, tensor::View x);
  void experts(const Layer& layer, tensor::View x);
  std::vector<float> hidden_states();
  std::vector<float> scores();
  std::vector<float> logits();

  void normalise_heads(const Layer& layer, tensor::View q, tensor::View k);
  void keep_outputs(tensor::View& query);
  tensor::View norm_before(const NormWeights& norm);
  void add_branch(const NormWeights& norm);
  void normalise(tensor::View x, const NormWeights& norm, tensor::View y);
  // y = W x + b + adapters, for every target at once.
  void multiply(tensor::View x, std::initializer_list<Target> targets);
  void add_rest(tensor::View x, const Target& target, size_t first);
  tensor::View view(const std::unique_ptr<tensor::Buffer>& buffer, size_t columns) const;

  Parts parts_;
  const Configuration& c_;
  const Hyperparameters& s_;
  tensor::Backend& backend_;
  RowSet rows_;
  tensor::View hidden_, spare_;  // [B, C]: the residual stream, and room of the same shape
};

// Which experts a row of router logits chooses, best first; ties go to the lower number. `weights` are the softmax over
// all experts, renormalised over the chosen ones where `normalise`, times `scale`.
struct Choice {
  std::vector<uint32_t> experts;
  std::vector<float> weights;
};
Choice choose_experts(std::span<const float> logits, uint32_t count, bool normalise, float scale);

}  // namespace sillok::model
