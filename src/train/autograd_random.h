// Numbers that look random and are the same everywhere: SplitMix64 (Steele, Lea, Flood 2014). Private to train.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace sillok::train {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t bits() {
    uint64_t z = state_ += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }
  double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }  // [0, 1)
  // Below `count`; the bias is under count / 2^64.
  size_t below(size_t count) { return static_cast<size_t>(bits() % count); }

 private:
  uint64_t state_;
};

// A permutation drawn by Fisher and Yates' method.
template <typename T>
void shuffle(std::vector<T>& values, Random& random) {
  for (size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[random.below(i)]);
}

}  // namespace sillok::train
