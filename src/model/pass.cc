// The layers, in the order a transformer's paper gives them.
#include "model/pass.h"

#include <algorithm>
#include <array>
#include <utility>

namespace sillok::model {

using tensor::View;

Pass::Pass(Parts parts, RowSet rows)
    : parts_(parts), c_(parts.configuration), s_(c_.shape), backend_(parts.backend), rows_(std::move(rows)),
      hidden_(view(parts_.scratch.hidden, s_.width)), spare_(view(parts_.scratch.normed, s_.width)) {}

std::vector<float> Pass::run(Model::Output what) {
  embed();
  for (size_t l = 0; l < s_.layers; ++l) {
    attention(l);
    if (rows_.count == 0) return {};  // keys and values are stored; nothing was to be put out
    feed_forward(l);
  }
  if (what == Model::Output::kHidden) return hidden_states();
  return s_.pooling == Pooling::kRank ? scores() : logits();
}

// x = E[token] (+ P[position] + type), scaled or normalised as the architecture does.
void Pass::embed() {
  std::vector<int32_t> tokens;
  for (const Row& row : parts_.batch.rows) tokens.push_back(row.token);
  backend_.gather(*parts_.weights.embedding, tokens, hidden_);
  if (c_.embedding_scale != 1) backend_.scale(hidden_, c_.embedding_scale);
  if (parts_.weights.token_type) backend_.add_vector(*parts_.weights.token_type, hidden_);
  if (parts_.weights.positions) {
    backend_.gather(*parts_.weights.positions, rows_.positions, spare_);
    backend_.add(spare_, hidden_);
  }
  if (c_.architecture->embedding_norm) normalise(hidden_, parts_.weights.embedding_norm, hidden_);
}

void Pass::attention(size_t l) {
  const Layer& layer = parts_.weights.layers[l];
  const size_t q_size = size_t{s_.heads} * s_.key_size, k_size = size_t{s_.kv_heads} * s_.key_size;
  const size_t v_size = size_t{s_.kv_heads} * s_.value_size;
  const View qkv = view(parts_.scratch.qkv, q_size + k_size + v_size);
  View q = qkv.slice(0, q_size);
  const View k = qkv.slice(q_size, k_size), v = qkv.slice(q_size + k_size, v_size);
  const bool windowed = c_.windows[l] != 0;

  const View x = norm_before(layer.before_attention);
  if (layer.qkv) multiply(x, {{layer.qkv, qkv}});
  else multiply(x, {{layer.q, q}, {layer.k, k}, {layer.v, v}});
  normalise_heads(layer, q, k);
  if (c_.rotates[l] != 0) {
    const tensor::Rope& rope = windowed ? parts_.window_rope : parts_.rope;
    backend_.rotate(q, rope, rows_.positions);
    backend_.rotate(k, rope, rows_.positions);
  }
  backend_.store(parts_.store, static_cast<uint32_t>(l), k, v, rows_.slots);

  if (l + 1 == s_.layers) keep_outputs(q);
  if (rows_.count == 0) return;
  const View attended = view(parts_.scratch.attended, size_t{s_.heads} * s_.value_size);
  backend_.attend({.query = q, .out = attended, .store = &parts_.store, .layer = static_cast<uint32_t>(l),
                   .heads = s_.heads, .scale = c_.attention_scale, .softcap = c_.attention_softcap, .sinks = {},
                   .keys = windowed ? rows_.window_keys : rows_.keys, .tables = parts_.batch.tables});
  multiply(attended, {{layer.attention_out, view(parts_.scratch.branch, s_.width)}});
  add_branch(layer.after_attention);
}

void Pass::feed_forward(size_t l) {
  const Layer& layer = parts_.weights.layers[l];
  const View x = norm_before(layer.before_feed_forward);
  if (layer.experts.empty()) dense(layer, x);
  else experts(layer, x);
  add_branch(layer.after_feed_forward);
}

// branch = down(f(gate x) * up x), or down(f(up x)).
void Pass::dense(const Layer& layer, View x) {
  const size_t inner = s_.feed_forward;
  const View wide = view(parts_.scratch.wide, c_.architecture->gated ? 2 * inner : inner);
  View up = wide;
  if (c_.architecture->gated) {
    const View gate = wide.slice(0, inner);
    up = wide.slice(inner, inner);
    if (layer.gate) multiply(x, {{layer.gate, gate}, {layer.up, up}});
    else multiply(x, {{layer.up, wide}});
    backend_.activate_and_multiply(c_.architecture->activation, gate, up);
  } else {
    multiply(x, {{layer.up, up}});
    backend_.activate(c_.architecture->activation, up);
  }
  multiply(up, {{layer.down, view(parts_.scratch.branch, s_.width)}});
}

std::vector<float> Pass::hidden_states() {
  if (parts_.weights.final_norm.weight) normalise(hidden_, parts_.weights.final_norm, hidden_);
  std::vector<float> out(rows_.count * s_.width);
  backend_.read(hidden_, out.data());
  return out;
}

// out(tanh(dense(x))) of a classifier, or out(x) where the file has no dense layer.
std::vector<float> Pass::scores() {
  const Linear& dense_layer = parts_.weights.classifier;
  const Linear& out_layer = parts_.weights.classifier_out;
  if (parts_.weights.final_norm.weight) normalise(hidden_, parts_.weights.final_norm, hidden_);
  View x = hidden_;
  if (dense_layer) {
    multiply(x, {{dense_layer, spare_}});
    backend_.softcap(spare_, 1);  // 1 * tanh(y / 1)
    x = spare_;
  }
  if (out_layer) {
    const View out = view(parts_.scratch.wide, out_layer.weight->rows());
    multiply(x, {{out_layer, out}});
    x = out;
  }
  std::vector<float> scores(rows_.count * x.columns);
  backend_.read(x, scores.data());
  return scores;
}

std::vector<float> Pass::logits() {
  if (parts_.weights.final_norm.weight) normalise(hidden_, parts_.weights.final_norm, hidden_);
  std::vector<float> out(rows_.count * s_.vocabulary);
  const View room{parts_.scratch.logits.get(), 0, kLogitRows, s_.vocabulary, s_.vocabulary};
  const Linear& output = parts_.weights.output;
  for (size_t first = 0; first < rows_.count; first += kLogitRows) {
    const size_t n = std::min(kLogitRows, rows_.count - first);
    const View x = hidden_.row_range(first, n), y = room.row_range(0, n);
    const tensor::Weight* matrix = output ? output.weight.get() : parts_.weights.embedding.get();
    backend_.multiply(x, std::array<tensor::Product, 1>{{{matrix, y}}});
    if (output) add_rest(x, {output, y}, first);
    if (c_.logit_scale != 1) backend_.scale(y, c_.logit_scale);
    if (c_.final_softcap > 0) backend_.softcap(y, c_.final_softcap);
    backend_.read(y, out.data() + first * s_.vocabulary);
  }
  return out;
}

// ---------------------------------------------------------------------------------------------
// Parts of a layer

void Pass::normalise_heads(const Layer& layer, View q, View k) {
  if (c_.architecture->head_norm == HeadNorm::kNone) return;
  const size_t group = c_.architecture->head_norm == HeadNorm::kEachHead ? s_.key_size : 0;
  backend_.rms_norm(q, layer.query.weight.get(), c_.epsilon, group, q);
  backend_.rms_norm(k, layer.key.weight.get(), c_.epsilon, group, k);
}

// In the last layer only rows whose output is wanted go on: the others were needed for their keys and values alone.
void Pass::keep_outputs(View& query) {
  if (rows_.outputs.size() == rows_.count) return;
  const std::vector<uint32_t> kept = std::move(rows_.outputs);
  const auto keep = [&kept](auto& values) {
    for (size_t i = 0; i < kept.size(); ++i) values[i] = values[kept[i]];
    values.resize(kept.size());
  };
  keep(rows_.positions);
  keep(rows_.keys);
  keep(rows_.window_keys);
  for (RowSet::Group& group : rows_.groups) {
    std::vector<uint32_t> rows;
    for (uint32_t i = 0; i < kept.size(); ++i) {
      if (std::binary_search(group.rows.begin(), group.rows.end(), kept[i])) rows.push_back(i);
    }
    group.rows = std::move(rows);
  }
  std::erase_if(rows_.groups, [](const RowSet::Group& group) { return group.rows.empty(); });
  rows_.count = kept.size();
  if (kept.empty()) return;
  const View narrow_query = view(parts_.scratch.wide, query.columns);
  backend_.gather_rows(query, kept, narrow_query);
  query = narrow_query;
  spare_ = spare_.row_range(0, kept.size());
  backend_.gather_rows(hidden_, kept, spare_);
  std::swap(hidden_, spare_);
  spare_ = spare_.row_range(0, kept.size());
}

// What a branch reads: the residual stream, normalised where the architecture does that first.
View Pass::norm_before(const NormWeights& norm) {
  if (!norm.weight) return hidden_;
  normalise(hidden_, norm, spare_);
  return spare_;
}

// x += branch, normalised where the architecture does that.
void Pass::add_branch(const NormWeights& norm) {
  const View branch = view(parts_.scratch.branch, s_.width);
  const bool after_sum = c_.architecture->norm_place == NormPlace::kAfterSum;
  if (norm.weight && !after_sum) normalise(branch, norm, branch);
  if (c_.residual_scale != 1) backend_.scale(branch, c_.residual_scale);
  backend_.add(branch, hidden_);
  if (after_sum) normalise(hidden_, norm, hidden_);
}

void Pass::normalise(View x, const NormWeights& norm, View y) {
  if (c_.architecture->norm == Norm::kRms) backend_.rms_norm(x, norm.weight.get(), c_.epsilon, 0, y);
  else backend_.layer_norm(x, norm.weight.get(), norm.bias.get(), c_.epsilon, y);
}

void Pass::multiply(View x, std::initializer_list<Target> targets) {
  std::vector<tensor::Product> products;
  for (const Target& target : targets) products.push_back({target.linear.weight.get(), target.y});
  backend_.multiply(x, products);
  for (const Target& target : targets) add_rest(x, target, 0);
}

// What W x lacks: the bias and the adapters. `first` is the number of x's first row in the batch.
void Pass::add_rest(View x, const Target& target, size_t first) {
  if (target.linear.bias) backend_.add_vector(*target.linear.bias, target.y);
  for (const RowSet::Group& group : rows_.groups) {
    const AdapterPair& pair = group.adapter->pairs_[target.linear.target];
    if (!pair.a) continue;
    std::vector<uint32_t> rows;
    for (const uint32_t row : group.rows) {
      if (row >= first && row < first + x.rows) rows.push_back(static_cast<uint32_t>(row - first));
    }
    if (rows.empty()) continue;
    if (rows.size() == x.rows) rows.clear();  // all
    backend_.add_low_rank(x, target.y, {.a = pair.a.get(), .b = pair.b.get(), .scale = group.scale * pair.scale, .rows = rows});
  }
}

View Pass::view(const std::unique_ptr<tensor::Buffer>& buffer, size_t columns) const {
  return {buffer.get(), 0, rows_.count, columns, columns};
}

}  // namespace sillok::model
