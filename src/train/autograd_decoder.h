// A decoder that can be trained: its weights, and one pass forward and backward over a packed sequence. Private to train.
//
// Legend: n rows of the sequence (tokens), C width, H heads, G key/value heads, D key size, E value size, F feed-forward, V vocabulary.
//
// The pass is model's (model/pass.cc) for the architectures that model::describe_decoder knows, with float32 activations that
// are not quantised. What backward needs is kept for as many layers as PassOptions allows, and computed again for the others: same bits.
#pragma once

#include <functional>
#include <optional>

#include "model/model.h"
#include "train/autograd_attention.h"
#include "train/autograd_linear.h"
#include "train/autograd_operations.h"

namespace sillok::train {

template <typename T>
struct Norm {
  std::vector<T> weight;            // frozen
  Parameter<T>* trained = nullptr;  // or trained
  const T* values() const { return trained != nullptr ? trained->value.data() : weight.data(); }
  T* gradient() const { return trained != nullptr ? trained->gradient.data() : nullptr; }
  bool empty() const { return weight.empty() && trained == nullptr; }
};
template <typename T>
struct TrainedLayer {
  Norm<T> attention_norm, feed_forward_norm, query_norm, key_norm;  // the last two may be empty
  Linear<T> q, k, v, out, gate, up, down;
};
template <typename T>
struct Network {
  model::Decoder decoder;
  std::shared_ptr<const model::Gguf> file;  // owns what is frozen; null where everything is trained
  Linear<T> embedding;                      // [V, C]
  Linear<T> output;                         // its weight is the embedding's where they are tied
  Norm<T> final_norm;
  std::vector<TrainedLayer<T>> layers;
  std::vector<std::unique_ptr<Parameter<T>>> parameters;  // in the order in which they are saved

  // The matrices of the layers, in the order of the layers.
  std::vector<Linear<T>*> matrices();
  Parameter<T>* add(std::string name, size_t rows, size_t columns, bool decays);
  void zero_gradients();
};

// Everything frozen. kUnsupported and kInvalid as model::describe_decoder.
template <typename T>
Result<Network<T>> read_network(std::shared_ptr<const model::Gguf> file, uint32_t context);

// A sequence of documents, one after the other.
struct Sequence {
  std::vector<model::Token> tokens;
  std::vector<model::Token> targets;   // what should follow each token; kNoTarget: nothing is asked
  std::vector<int32_t> positions;      // within the document
  std::vector<uint32_t> begins;        // the documents' first rows
};
inline constexpr model::Token kNoTarget = -1;

struct PassOptions {
  size_t kept_bytes = size_t{1} << 30;  // activations kept for backward, beyond what every layer keeps of its input
};

template <typename T>
class DecoderPass {
 public:
  DecoderPass(Network<T>& network, Workers& workers, const PassOptions& options = {});

  // Sum of the cross-entropy over the targets.
  double loss(const Sequence& sequence);
  // The same; adds weight * its gradient to the gradients of every parameter.
  double loss_and_gradient(const Sequence& sequence, T weight);

  // The sums of every document.
  std::vector<double> losses(const Sequence& sequence);
  // The same of the frozen model, as if there were no low-rank pairs.
  std::vector<double> losses_of_base(const Sequence& sequence);
  // The documents' sums; adds weighed(sums)[d] times the gradient of document d's to the gradients of every parameter.
  using Weigh = std::function<std::vector<T>(std::span<const double> losses)>;
  std::vector<double> losses_and_gradient(const Sequence& sequence, const Weigh& weigh);

 private:
  // What backward needs of a layer besides its input.
  struct Kept {
    std::vector<T> q, k, v, attended, middle, gate, up;  // q and k before their norm and rotation
    void resize(const model::Hyperparameters& s, size_t n);
  };
  enum class Extent : uint8_t { kWhole, kWithoutDown };

  void begin(const Sequence& sequence);
  void embed();
  void run_layer(size_t l, Kept& kept, Extent extent);
  void layer_gradient(size_t l, const Kept& kept);
  void attention_gradient(size_t l, const Kept& kept);
  struct Asked;  // the rows with a target
  Asked ask() const;
  std::vector<double> row_losses(const Asked& asked);
  std::vector<double> row_losses_and_gradient(const Asked& asked, std::span<const T> weights);
  std::vector<double> by_document(const Asked& asked, std::span<const double> row_losses) const;
  void backward_from_head();
  void embedding_gradient();
  void turn_heads(const TrainedLayer<T>& layer, const Kept& kept);
  void run_all(bool keep);

  Network<T>& net_;
  const model::Hyperparameters& s_;
  Workers& workers_;
  PassOptions options_;
  AttentionShape<T> attention_;

  const Sequence* sequence_ = nullptr;
  size_t n_ = 0, kept_layers_ = 0;
  std::optional<RopeTable<T>> rope_;
  std::vector<std::vector<T>> inputs_;  // [layers + 1] of [n, C]: the residual stream before each layer, and at the end
  std::vector<Kept> kept_;              // of the last layers
  Kept spare_;
  std::vector<T> turned_q_, turned_k_, normed_, wide_, wide2_, branch_;
  std::vector<T> dx_, dnormed_, dq_, dk_, dv_, dattended_, dgate_, dup_, logits_;
};

}  // namespace sillok::train
