// The mixture of experts in place of a layer's feed-forward.
#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "model/pass.h"

namespace sillok::model {

using tensor::View;

// branch = sum over the chosen experts e, in ascending e, of weight_e * down_e(f(gate_e x) * up_e x). Every expert runs
// once, over the rows that chose it.
void Pass::experts(const Layer& layer, View x) {
  const size_t inner = c_.expert_feed_forward;
  const View router = view(parts_.scratch.wide, s_.experts);
  multiply(x, {{layer.router, router}});
  std::vector<float> logits(rows_.count * s_.experts);
  backend_.read(router, logits.data());

  std::vector<std::vector<uint32_t>> rows(s_.experts);
  std::vector<std::vector<float>> weights(s_.experts);
  for (uint32_t r = 0; r < rows_.count; ++r) {
    const std::span<const float> row(logits.data() + r * s_.experts, s_.experts);
    const Choice choice = choose_experts(row, s_.experts_used, c_.normalise_experts, c_.expert_scale);
    for (size_t i = 0; i < choice.experts.size(); ++i) {
      rows[choice.experts[i]].push_back(r);
      weights[choice.experts[i]].push_back(choice.weights[i]);
    }
  }

  const View branch = view(parts_.scratch.branch, s_.width);
  backend_.copy(view(parts_.scratch.zeros, s_.width), branch);
  for (size_t e = 0; e < s_.experts; ++e) {
    if (rows[e].empty()) continue;
    const size_t n = rows[e].size();
    const Expert& expert = layer.experts[e];
    const View gathered = view(parts_.scratch.gathered, s_.width).row_range(0, n);
    const View out = view(parts_.scratch.expert_out, s_.width).row_range(0, n);
    const View wide = view(parts_.scratch.wide, 2 * inner).row_range(0, n);
    const View gate = wide.slice(0, inner), up = wide.slice(inner, inner);
    backend_.gather_rows(x, rows[e], gathered);
    backend_.multiply(gathered, std::array<tensor::Product, 2>{{{expert.gate.get(), gate}, {expert.up.get(), up}}});
    backend_.activate_and_multiply(c_.architecture->activation, gate, up);
    backend_.multiply(up, std::array<tensor::Product, 1>{{{expert.down.get(), out}}});
    backend_.scatter_add(out, rows[e], weights[e], branch);
  }
}

Choice choose_experts(std::span<const float> logits, uint32_t count, bool normalise, float scale) {
  std::vector<uint32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0U);
  std::partial_sort(order.begin(), order.begin() + count, order.end(), [&](uint32_t a, uint32_t b) {
    return logits[a] > logits[b] || (logits[a] == logits[b] && a < b);
  });
  const float best = logits[order.front()];
  float whole = 0;
  for (const float logit : logits) whole += std::exp(logit - best);
  Choice choice;
  float chosen = 0;
  for (uint32_t i = 0; i < count; ++i) {
    choice.experts.push_back(order[i]);
    choice.weights.push_back(std::exp(logits[order[i]] - best) / whole);
    chosen += choice.weights.back();
  }
  for (float& weight : choice.weights) weight *= normalise ? scale / chosen : scale;
  return choice;
}

}  // namespace sillok::model
