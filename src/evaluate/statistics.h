// Private to evaluate: how sure a figure or a difference is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "evaluate/evaluate.h"

namespace sillok::evaluate {

// Mean of `values` with its 95 % bootstrap percentile interval (Efron 1979): kResamples draws with replacement, from a fixed seed, so
// that the same values give the same interval. Zero for no values.
inline constexpr size_t kResamples = 10000;
Interval bootstrap_mean(std::span<const double> values);

// Share of `right` of `count` in percent with its 95 % Wilson score interval (1927), which stays honest for few questions and at 0 and
// 100 %, where resampling shows no spread.
Interval share(size_t right, size_t count);

}  // namespace sillok::evaluate
