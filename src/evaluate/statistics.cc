#include "evaluate/statistics.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace sillok::evaluate {
namespace {

// SplitMix64 (Steele, Lea, Flood 2014): one stream, the same everywhere.
class Draws {
 public:
  size_t below(size_t count) {
    state_ += 0x9E3779B97F4A7C15U;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    z ^= z >> 31;
    // Of the upper 32 bits, which count < 2^32 cannot overflow.
    return static_cast<size_t>(((z >> 32) * count) >> 32);
  }

 private:
  uint64_t state_ = 0x5111'0C00;
};

}  // namespace

Interval bootstrap_mean(std::span<const double> values) {
  if (values.empty()) return {};
  const auto count = static_cast<double>(values.size());
  double sum = 0;
  for (const double value : values) sum += value;
  std::vector<double> means(kResamples);
  Draws draws;
  for (double& mean : means) {
    double total = 0;
    for (size_t i = 0; i < values.size(); ++i) total += values[draws.below(values.size())];
    mean = total / count;
  }
  std::sort(means.begin(), means.end());
  // The 2.5th and the 97.5th percentile.
  return {sum / count, means[kResamples / 40 - 1], means[kResamples - kResamples / 40]};
}

Interval share(size_t right, size_t count) {
  if (count == 0) return {};
  constexpr double z = 1.959963985;  // of the normal distribution's 97.5th percentile
  const auto n = static_cast<double>(count);
  const double p = static_cast<double>(right) / n;
  const double middle = (p + z * z / (2 * n)) / (1 + z * z / n);
  const double half = z / (1 + z * z / n) * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  return {100 * p, 100 * std::max(0.0, middle - half), 100 * std::min(1.0, middle + half)};
}

double mcnemar(size_t worse, size_t better) {
  const size_t count = worse + better, fewer = std::min(worse, better);
  if (count == 0) return 1;
  // Sum over i <= fewer of C(count, i) / 2^count, twice; logarithms, since the coefficients overflow.
  const auto log_factorial = [](size_t n) { return std::lgamma(static_cast<double>(n) + 1); };
  double tail = 0;
  for (size_t i = 0; i <= fewer; ++i) {
    tail += std::exp(log_factorial(count) - log_factorial(i) - log_factorial(count - i) -
                     static_cast<double>(count) * std::log(2.0));
  }
  return std::min(1.0, 2 * tail);
}

}  // namespace sillok::evaluate
