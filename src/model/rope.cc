// RoPE turns pair i of a head at position p by the angle p * w_i. Without scaling w_i = base^(-2i / d), d = rotated.
//
//   factors    w_i / f_i: Llama 3's smoothed bands (rope_freqs) and LongRoPE's searched ones come as tensors
//   linear     w_i / s: position interpolation (Chen et al. 2023, arXiv:2306.15595)
//   YaRN       w_i ((1 - g_i) / s + g_i), where g_i falls from 1 for pairs that turn often over the original context
//              (extrapolated as they are) to 0 for pairs that turn seldom (interpolated); sine and cosine times
//              1 + 0.1 ln s (Peng et al. 2023, arXiv:2309.00071, section 3)
//   LongRoPE   short factors up to the original context, long ones beyond (Ding et al. 2024, arXiv:2402.13753)
#include "model/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace sillok::model {
namespace {

// The pair that makes `turns` full turns over the original context.
double pair_that_turns(const RopeSettings& r, double turns) {
  return r.rotated * std::log(r.original_context / (turns * 2 * std::numbers::pi)) / (2 * std::log(r.base));
}

// g_i of YaRN.
double extrapolated_share(const RopeSettings& r, size_t pair) {
  const double first = std::max(0.0, std::floor(pair_that_turns(r, r.beta_fast)));
  const double last = std::min(r.rotated - 1.0, std::ceil(pair_that_turns(r, r.beta_slow)));
  const double along = (static_cast<double>(pair) - first) / std::max(0.001, last - first);
  return (1 - std::clamp(along, 0.0, 1.0)) * r.extrapolation;
}

double yarn_magnitude(const RopeSettings& r) {
  const double log_factor = r.factor <= 1 ? 0 : 0.1 * std::log(r.factor);
  if (r.log_multiplier == 0) return 1 + log_factor;
  return (1 + log_factor) / (1 + r.log_multiplier * log_factor);
}

tensor::Rope unscaled(const Configuration& c, double base) {
  tensor::Rope rope;
  rope.head_size = c.shape.key_size;
  rope.rotated = c.rope.rotated;
  rope.halves = c.architecture->positions == Positions::kHalves;
  for (size_t i = 0; i < c.rope.rotated / 2; ++i) {
    rope.frequency.push_back(static_cast<float>(std::pow(base, -2.0 * static_cast<double>(i) / c.rope.rotated)));
  }
  return rope;
}

tensor::Rope scaled(const Configuration& c, const Weights& weights, double base, uint32_t context) {
  const RopeSettings& r = c.rope;
  tensor::Rope rope = unscaled(c, base);
  const std::vector<float>* factors = &weights.rope_factors;
  if (factors->empty()) factors = context > r.original_context ? &weights.rope_long : &weights.rope_short;
  for (size_t i = 0; i < rope.frequency.size(); ++i) {
    double frequency = std::pow(base, -2.0 * static_cast<double>(i) / r.rotated);
    if (!factors->empty()) frequency /= (*factors)[i];
    const double kept = r.scaling == RopeScaling::kYarn ? extrapolated_share(r, i) : 0;
    const double factor = r.scaling == RopeScaling::kNone ? 1 : r.factor;
    rope.frequency[i] = static_cast<float>(frequency * ((1 - kept) / factor + kept));
  }
  rope.magnitude = static_cast<float>(r.attention_factor * (r.scaling == RopeScaling::kYarn ? yarn_magnitude(r) : 1));
  return rope;
}

}  // namespace

tensor::Rope make_rope(const Configuration& configuration, const Weights& weights, uint32_t context) {
  return scaled(configuration, weights, configuration.rope.base, context);
}

tensor::Rope make_window_rope(const Configuration& configuration, const Weights& weights, uint32_t context) {
  const double base = configuration.rope.window_base;
  switch (configuration.architecture->window_rope) {
    case WindowRope::kSame:
    case WindowRope::kOnlyThere: return scaled(configuration, weights, base, context);
    case WindowRope::kUnscaled:
    case WindowRope::kOwn: return unscaled(configuration, base);
  }
  return {};
}

}  // namespace sillok::model
