// The pass. Compare model/pass.cc, of which this is the plain-numbers form, and gradients in reverse order below it.
#include "train/autograd_decoder.h"

#include <algorithm>
#include <utility>

#include "train/autograd_head.h"

namespace sillok::train {

template <typename T>
DecoderPass<T>::DecoderPass(Network<T>& network, Workers& workers, const PassOptions& options)
    : net_(network), s_(network.decoder.shape), workers_(workers), options_(options),
      attention_{s_.heads, s_.kv_heads, s_.key_size, s_.value_size, static_cast<T>(network.decoder.attention_scale)},
      inputs_(s_.layers + 1) {}

template <typename T>
void DecoderPass<T>::Kept::resize(const model::Hyperparameters& s, size_t n) {
  q.resize(n * s.heads * s.key_size);
  k.resize(n * s.kv_heads * s.key_size);
  v.resize(n * s.kv_heads * s.value_size);
  attended.resize(n * s.heads * s.value_size);
  middle.resize(n * s.width);
  gate.resize(n * s.feed_forward);
  up.resize(n * s.feed_forward);
}

// The rows that are asked for something, as the head sees them.
template <typename T>
struct DecoderPass<T>::Asked {
  std::vector<size_t> rows, documents;
  std::vector<model::Token> targets;
  std::vector<T> x, normed;  // the last layer's output, and that after the norm
};

namespace {
double sum_of(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum;
}
}  // namespace

template <typename T>
double DecoderPass<T>::loss(const Sequence& sequence) {
  begin(sequence);
  run_all(false);
  return sum_of(row_losses(ask()));
}

template <typename T>
double DecoderPass<T>::loss_and_gradient(const Sequence& sequence, T weight) {
  begin(sequence);
  run_all(true);
  const Asked asked = ask();
  const std::vector<double> losses = row_losses_and_gradient(asked, std::vector<T>(asked.rows.size(), weight));
  backward_from_head();
  return sum_of(losses);
}

template <typename T>
std::vector<double> DecoderPass<T>::losses(const Sequence& sequence) {
  begin(sequence);
  run_all(false);
  const Asked asked = ask();
  return by_document(asked, row_losses(asked));
}

template <typename T>
std::vector<double> DecoderPass<T>::losses_of_base(const Sequence& sequence) {
  std::vector<Linear<T>*> matrices = net_.matrices();
  matrices.push_back(&net_.output);
  std::vector<Parameter<T>*> pairs;
  for (Linear<T>* linear : matrices) pairs.push_back(std::exchange(linear->a, nullptr));
  const std::vector<double> sums = losses(sequence);
  for (size_t i = 0; i < matrices.size(); ++i) matrices[i]->a = pairs[i];
  return sums;
}

// The head runs twice: what a document weighs is known only when the losses are.
template <typename T>
std::vector<double> DecoderPass<T>::losses_and_gradient(const Sequence& sequence, const Weigh& weigh) {
  begin(sequence);
  run_all(true);
  const Asked asked = ask();
  const std::vector<double> sums = by_document(asked, row_losses(asked));
  const std::vector<T> document_weights = weigh(sums);
  std::vector<T> weights;
  for (const size_t document : asked.documents) weights.push_back(document_weights[document]);
  row_losses_and_gradient(asked, weights);
  backward_from_head();
  return sums;
}

template <typename T>
void DecoderPass<T>::backward_from_head() {
  for (size_t l = s_.layers; l-- > 0;) {
    if (l + kept_layers_ >= s_.layers) {
      layer_gradient(l, kept_[l + kept_layers_ - s_.layers]);
    } else {
      run_layer(l, spare_, Extent::kWithoutDown);
      layer_gradient(l, spare_);
    }
  }
  embedding_gradient();
}

template <typename T>
void DecoderPass<T>::begin(const Sequence& sequence) {
  sequence_ = &sequence;
  n_ = sequence.tokens.size();
  rope_.emplace(net_.decoder.rope, sequence.positions);
  const size_t layer_floats = n_ * (size_t{s_.heads} * (s_.key_size + s_.value_size) + size_t{s_.kv_heads} * (s_.key_size + s_.value_size) +
                                    s_.width + 2 * size_t{s_.feed_forward});
  kept_layers_ = n_ == 0 ? 0 : std::min<size_t>(s_.layers, options_.kept_bytes / (layer_floats * sizeof(T)));
  for (std::vector<T>& input : inputs_) input.resize(n_ * s_.width);
  kept_.resize(std::max(kept_.size(), kept_layers_));
  spare_.resize(s_, n_);
  turned_q_.resize(spare_.q.size());
  turned_k_.resize(spare_.k.size());
  normed_.resize(n_ * s_.width);
  branch_.resize(n_ * s_.width);
  wide_.resize(n_ * s_.feed_forward);
}

template <typename T>
void DecoderPass<T>::run_all(bool keep) {
  embed();
  for (size_t l = 0; l < s_.layers; ++l) {
    Kept* kept = &spare_;
    if (keep && l + kept_layers_ >= s_.layers) {
      kept = &kept_[l + kept_layers_ - s_.layers];
      kept->resize(s_, n_);
    }
    run_layer(l, *kept, Extent::kWhole);
  }
}

template <typename T>
void DecoderPass<T>::embed() {
  const T scale = static_cast<T>(net_.decoder.embedding_scale);
  workers_.run(n_, [&](size_t i, uint32_t) {
    T* row = inputs_[0].data() + i * s_.width;
    read_row(net_.embedding.weight, static_cast<size_t>(sequence_->tokens[i]), row);
    for (size_t c = 0; c < s_.width; ++c) row[c] *= scale;
  });
}

// Queries and keys as attention sees them, into turned_q_ and turned_k_.
template <typename T>
void DecoderPass<T>::turn_heads(const TrainedLayer<T>& layer, const Kept& kept) {
  const T epsilon = static_cast<T>(net_.decoder.epsilon);
  if (net_.decoder.head_norm) {
    rms_norm(workers_, kept.q.data(), n_ * s_.heads, s_.key_size, layer.query_norm.values(), epsilon, turned_q_.data());
    rms_norm(workers_, kept.k.data(), n_ * s_.kv_heads, s_.key_size, layer.key_norm.values(), epsilon, turned_k_.data());
  } else {
    std::copy(kept.q.begin(), kept.q.end(), turned_q_.begin());
    std::copy(kept.k.begin(), kept.k.end(), turned_k_.begin());
  }
  rotate(workers_, *rope_, turned_q_.data(), s_.heads, Turn::kForward);
  rotate(workers_, *rope_, turned_k_.data(), s_.kv_heads, Turn::kForward);
}

// middle = x + r out(attention(norm(x)));  x' = middle + r down(silu(gate m) * up m), m = norm(middle).
template <typename T>
void DecoderPass<T>::run_layer(size_t l, Kept& kept, Extent extent) {
  const TrainedLayer<T>& layer = net_.layers[l];
  const T epsilon = static_cast<T>(net_.decoder.epsilon), residual = static_cast<T>(net_.decoder.residual_scale);
  const std::vector<T>& x = inputs_[l];

  rms_norm(workers_, x.data(), n_, s_.width, layer.attention_norm.values(), epsilon, normed_.data());
  forward(workers_, layer.q, normed_.data(), n_, kept.q.data());
  forward(workers_, layer.k, normed_.data(), n_, kept.k.data());
  forward(workers_, layer.v, normed_.data(), n_, kept.v.data());
  turn_heads(layer, kept);
  attend(workers_, attention_, std::span<const uint32_t>(sequence_->begins), n_, turned_q_.data(), turned_k_.data(), kept.v.data(),
         kept.attended.data());
  forward(workers_, layer.out, kept.attended.data(), n_, branch_.data());
  std::copy(x.begin(), x.end(), kept.middle.begin());
  add_scaled(workers_, branch_.data(), n_ * s_.width, residual, kept.middle.data());

  rms_norm(workers_, kept.middle.data(), n_, s_.width, layer.feed_forward_norm.values(), epsilon, normed_.data());
  forward(workers_, layer.gate, normed_.data(), n_, kept.gate.data());
  forward(workers_, layer.up, normed_.data(), n_, kept.up.data());
  if (extent == Extent::kWithoutDown) return;
  swiglu(workers_, kept.gate.data(), kept.up.data(), n_ * s_.feed_forward, wide_.data());
  forward(workers_, layer.down, wide_.data(), n_, branch_.data());
  std::vector<T>& next = inputs_[l + 1];
  std::copy(kept.middle.begin(), kept.middle.end(), next.begin());
  add_scaled(workers_, branch_.data(), n_ * s_.width, residual, next.data());
}

template <typename T>
typename DecoderPass<T>::Asked DecoderPass<T>::ask() const {
  Asked asked;
  size_t document = 0;
  for (size_t i = 0; i < n_; ++i) {
    while (document + 1 < sequence_->begins.size() && sequence_->begins[document + 1] <= i) ++document;
    if (sequence_->targets[i] == kNoTarget) continue;
    asked.rows.push_back(i);
    asked.documents.push_back(document);
    asked.targets.push_back(sequence_->targets[i]);
  }
  const size_t width = s_.width;
  asked.x.resize(asked.rows.size() * width);
  asked.normed.resize(asked.x.size());
  for (size_t i = 0; i < asked.rows.size(); ++i) {
    std::copy_n(inputs_[s_.layers].data() + asked.rows[i] * width, width, asked.x.data() + i * width);
  }
  rms_norm(workers_, asked.x.data(), asked.rows.size(), width, net_.final_norm.values(), static_cast<T>(net_.decoder.epsilon),
           asked.normed.data());
  return asked;
}

template <typename T>
std::vector<double> DecoderPass<T>::by_document(const Asked& asked, std::span<const double> losses) const {
  std::vector<double> sums(sequence_->begins.size());
  for (size_t i = 0; i < losses.size(); ++i) sums[asked.documents[i]] += losses[i];
  return sums;
}

template <typename T>
std::vector<double> DecoderPass<T>::row_losses(const Asked& asked) {
  return cross_entropy<T>(workers_, net_.output, static_cast<T>(net_.decoder.logit_scale), asked.normed.data(), asked.targets, {}, logits_, nullptr);
}

// dx_ becomes d weighted loss / d of the last layer's output.
template <typename T>
std::vector<double> DecoderPass<T>::row_losses_and_gradient(const Asked& asked, std::span<const T> weights) {
  const size_t width = s_.width;
  std::vector<T> dnormed(asked.x.size()), dx(asked.x.size());
  const std::vector<double> losses = cross_entropy<T>(workers_, net_.output, static_cast<T>(net_.decoder.logit_scale), asked.normed.data(),
                                                      asked.targets, weights, logits_, dnormed.data());
  rms_norm_gradient(workers_, asked.x.data(), asked.rows.size(), width, net_.final_norm.values(), static_cast<T>(net_.decoder.epsilon),
                    dnormed.data(), dx.data(), net_.final_norm.gradient());
  dx_.assign(n_ * width, T(0));
  for (size_t i = 0; i < asked.rows.size(); ++i) std::copy_n(dx.data() + i * width, width, dx_.data() + asked.rows[i] * width);
  return losses;
}

// From d loss / d output of the layer in dx_ to d loss / d input in its place.
template <typename T>
void DecoderPass<T>::layer_gradient(size_t l, const Kept& kept) {
  const TrainedLayer<T>& layer = net_.layers[l];
  const T epsilon = static_cast<T>(net_.decoder.epsilon), residual = static_cast<T>(net_.decoder.residual_scale);
  dnormed_.resize(n_ * s_.width);
  dgate_.resize(n_ * s_.feed_forward);
  dup_.resize(dgate_.size());

  branch_.assign(n_ * s_.width, T(0));  // r dx: what reaches a branch
  add_scaled(workers_, dx_.data(), dx_.size(), residual, branch_.data());
  swiglu(workers_, kept.gate.data(), kept.up.data(), n_ * s_.feed_forward, wide_.data());
  backward(workers_, layer.down, wide_.data(), n_, branch_.data(), dgate_.data(), Into::kSet);
  swiglu_gradient(workers_, kept.gate.data(), kept.up.data(), dgate_.data(), dgate_.size(), dgate_.data(), dup_.data());
  rms_norm(workers_, kept.middle.data(), n_, s_.width, layer.feed_forward_norm.values(), epsilon, normed_.data());
  backward(workers_, layer.gate, normed_.data(), n_, dgate_.data(), dnormed_.data(), Into::kSet);
  backward(workers_, layer.up, normed_.data(), n_, dup_.data(), dnormed_.data(), Into::kAdd);
  rms_norm_gradient(workers_, kept.middle.data(), n_, s_.width, layer.feed_forward_norm.values(), epsilon, dnormed_.data(), dx_.data(),
                    layer.feed_forward_norm.gradient());
  attention_gradient(l, kept);
}

template <typename T>
void DecoderPass<T>::attention_gradient(size_t l, const Kept& kept) {
  const TrainedLayer<T>& layer = net_.layers[l];
  const T epsilon = static_cast<T>(net_.decoder.epsilon), residual = static_cast<T>(net_.decoder.residual_scale);
  dattended_.resize(kept.attended.size());
  dq_.resize(kept.q.size());
  dk_.resize(kept.k.size());
  dv_.resize(kept.v.size());

  branch_.assign(n_ * s_.width, T(0));
  add_scaled(workers_, dx_.data(), dx_.size(), residual, branch_.data());
  backward(workers_, layer.out, kept.attended.data(), n_, branch_.data(), dattended_.data(), Into::kSet);
  turn_heads(layer, kept);
  attend_gradient(workers_, attention_, std::span<const uint32_t>(sequence_->begins), n_, turned_q_.data(), turned_k_.data(),
                  kept.v.data(), kept.attended.data(), dattended_.data(), dq_.data(), dk_.data(), dv_.data());
  rotate(workers_, *rope_, dq_.data(), s_.heads, Turn::kBackward);
  rotate(workers_, *rope_, dk_.data(), s_.kv_heads, Turn::kBackward);
  if (net_.decoder.head_norm) {
    std::fill(turned_q_.begin(), turned_q_.end(), T(0));
    std::fill(turned_k_.begin(), turned_k_.end(), T(0));
    rms_norm_gradient(workers_, kept.q.data(), n_ * s_.heads, s_.key_size, layer.query_norm.values(), epsilon, dq_.data(),
                      turned_q_.data(), layer.query_norm.gradient());
    rms_norm_gradient(workers_, kept.k.data(), n_ * s_.kv_heads, s_.key_size, layer.key_norm.values(), epsilon, dk_.data(),
                      turned_k_.data(), layer.key_norm.gradient());
    std::swap(dq_, turned_q_);
    std::swap(dk_, turned_k_);
  }
  const bool wanted = l > 0 || net_.embedding.trained != nullptr;  // below the first layer nothing may be trained
  T* dnormed = wanted ? dnormed_.data() : nullptr;
  rms_norm(workers_, inputs_[l].data(), n_, s_.width, layer.attention_norm.values(), epsilon, normed_.data());
  backward(workers_, layer.q, normed_.data(), n_, dq_.data(), dnormed, Into::kSet);
  backward(workers_, layer.k, normed_.data(), n_, dk_.data(), dnormed, Into::kAdd);
  backward(workers_, layer.v, normed_.data(), n_, dv_.data(), dnormed, Into::kAdd);
  if (!wanted) return;
  rms_norm_gradient(workers_, inputs_[l].data(), n_, s_.width, layer.attention_norm.values(), epsilon, dnormed_.data(), dx_.data(),
                    layer.attention_norm.gradient());
}

// dE[token] += scale dx, rows ascending; a task owns a run of columns.
template <typename T>
void DecoderPass<T>::embedding_gradient() {
  if (net_.embedding.trained == nullptr) return;
  const T scale = static_cast<T>(net_.decoder.embedding_scale);
  std::vector<T>& gradient = net_.embedding.trained->gradient;
  workers_.run(blocks_of(s_.width, kTokenBlock), [&](size_t task, uint32_t) {
    const size_t end = std::min<size_t>(s_.width, (task + 1) * kTokenBlock);
    for (size_t i = 0; i < n_; ++i) {
      T* row = gradient.data() + static_cast<size_t>(sequence_->tokens[i]) * s_.width;
      for (size_t c = task * kTokenBlock; c < end; ++c) row[c] += scale * dx_[i * s_.width + c];
    }
  });
}

template class DecoderPass<float>;
template class DecoderPass<double>;

}  // namespace sillok::train
