// Least-squares searches for the scale (and offset) of a block.
//
// For given integers q the best scale is sum(w x q) / sum(w q q), and what it leaves of the squared error is
// sum(w x x) - sum(w x q)^2 / sum(w q q). So a search tries inverse scales, rounds, and keeps the q with the largest
// sum(w x q)^2 / sum(w q q).
#include <algorithm>
#include <cmath>

#include "tensor/convert.h"

namespace sillok::tensor {

int nearest(float value, int low, int high) {
  if (!(value > static_cast<float>(low))) return low;  // also NaN
  if (value >= static_cast<float>(high)) return high;
  return static_cast<int>(std::nearbyint(value));
}

bool all_finite(const float* x, size_t count) {
  return std::all_of(x, x + count, [](float value) { return std::isfinite(value); });
}

float search_scale(const float* x, const float* w, size_t count, int low, int high) {
  float extreme = 0;  // the value of largest magnitude, with its sign
  for (size_t i = 0; i < count; ++i) {
    if (std::fabs(x[i]) > std::fabs(extreme)) extreme = x[i];
  }
  // A reciprocal must stay finite; a block this small is zero in half precision anyway.
  if (std::fabs(extreme) < 0x1p-120f) return 0;
  float best_scale = 0;
  double best = -1;
  // Either end of the range may carry the extreme (the scale is then negative for one of them). Half a step beyond the
  // end clips the extreme in favour of the rest; 9 steps of 1/8 either way find all but 1e-3 of what a finer search does.
  for (const int end : {low, high}) {
    for (int step = -9; step <= 9; ++step) {
      const float target = static_cast<float>(end) + 0.125f * static_cast<float>(step);
      if (target == 0 || (target < 0) != (end < 0)) continue;
      const float inverse = target / extreme;
      double xq = 0, qq = 0;
      for (size_t i = 0; i < count; ++i) {
        const auto q = static_cast<float>(nearest(x[i] * inverse, low, high));
        xq += static_cast<double>(w[i] * x[i] * q);
        qq += static_cast<double>(w[i] * q * q);
      }
      if (qq > 0 && xq * xq > best * qq) {
        best = xq * xq / qq;
        best_scale = static_cast<float>(xq / qq);
      }
    }
  }
  return best_scale;
}

ScaleOffset search_scale_offset(const float* x, const float* w, size_t count, int high, OffsetSign sign) {
  float smallest = x[0], largest = x[0];
  double sum_w = 0, sum_x = 0, sum_xx = 0;
  for (size_t i = 0; i < count; ++i) {
    smallest = std::min(smallest, x[i]);
    largest = std::max(largest, x[i]);
    sum_w += static_cast<double>(w[i]);
    sum_x += static_cast<double>(w[i]) * static_cast<double>(x[i]);
    sum_xx += static_cast<double>(w[i]) * static_cast<double>(x[i]) * static_cast<double>(x[i]);
  }
  if (sign == OffsetSign::kNonPositive) smallest = std::min(smallest, 0.0f);
  if (largest - smallest < 0x1p-120f) return {0, smallest};
  ScaleOffset best{(largest - smallest) / static_cast<float>(high), smallest};
  double best_error = -1;
  for (int step = -5; step <= 10; ++step) {
    const float inverse = (static_cast<float>(high) + 0.1f * static_cast<float>(step)) / (largest - smallest);
    double q_sum = 0, qq = 0, xq = 0;
    for (size_t i = 0; i < count; ++i) {
      const auto q = static_cast<double>(nearest((x[i] - smallest) * inverse, 0, high));
      const auto weight = static_cast<double>(w[i]);
      q_sum += weight * q;
      qq += weight * q * q;
      xq += weight * q * static_cast<double>(x[i]);
    }
    // Normal equations of x ~ scale * q + offset.
    const double determinant = sum_w * qq - q_sum * q_sum;
    if (determinant <= 0) continue;
    double scale = (sum_w * xq - sum_x * q_sum) / determinant;
    double offset = (qq * sum_x - q_sum * xq) / determinant;
    if (sign == OffsetSign::kNonPositive && offset > 0) {
      offset = 0;
      scale = xq / qq;
    }
    const double error = sum_xx + scale * scale * qq + offset * offset * sum_w - 2 * scale * xq - 2 * offset * sum_x +
                         2 * scale * offset * q_sum;
    if (scale > 0 && (best_error < 0 || error < best_error)) {
      best_error = error;
      best = {static_cast<float>(scale), static_cast<float>(offset)};
    }
  }
  return best;
}

}  // namespace sillok::tensor
