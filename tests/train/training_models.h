// What the tests of training share: small models opened as networks, sequences of numbers, differences.
#pragma once

#include <cmath>
#include <functional>

#include "files.h"
#include "small_models.h"
#include "train/autograd_decoder.h"
#include "train/autograd_random.h"
#include "train/lora.h"

namespace sillok::train {

inline fs::path write_model(const model::Folder& folder, std::string_view name) {
  const fs::path path = folder.path / "model.gguf";
  const auto written = model::write_small_model(model::small_model(name), path);
  EXPECT_TRUE(written) << written.error().message;
  return path;
}

template <typename T>
Network<T> open_network(const fs::path& path) {
  auto file = model::Gguf::open(path);
  EXPECT_TRUE(file) << file.error().message;
  auto network = read_network<T>(*file, 0);
  EXPECT_TRUE(network) << network.error().message;
  return std::move(*network);
}

template <typename T>
void fill(std::vector<T>& values, uint64_t seed, double size = 1) {
  Random random(seed);
  for (T& value : values) value = static_cast<T>(size * (2 * random.uniform() - 1));
}
template <typename T>
std::vector<T> random_values(size_t count, uint64_t seed, double size = 1) {
  std::vector<T> values(count);
  fill(values, seed, size);
  return values;
}

// Documents of these lengths; every third token asks nothing.
inline Sequence make_sequence(const std::vector<size_t>& lengths, size_t vocabulary, uint64_t seed = 7, bool all_targets = false) {
  Sequence s;
  Random random(seed);
  for (const size_t length : lengths) {
    s.begins.push_back(static_cast<uint32_t>(s.tokens.size()));
    for (size_t i = 0; i < length; ++i) {
      s.tokens.push_back(static_cast<model::Token>(3 + random.below(vocabulary - 3)));
      s.positions.push_back(static_cast<int32_t>(i));
      s.targets.push_back(i % 3 == 2 && !all_targets ? kNoTarget : static_cast<model::Token>(3 + random.below(vocabulary - 3)));
    }
  }
  return s;
}

// (f(x + h) - f(x - h)) / 2h for values[i], by central differences in double.
inline double slope(std::vector<double>& values, size_t i, const std::function<double()>& f) {
  constexpr double kStep = 1e-5;
  const double was = values[i];
  values[i] = was + kStep;
  const double above = f();
  values[i] = was - kStep;
  const double below = f();
  values[i] = was;
  return (above - below) / (2 * kStep);
}

// Some or all of the gradient against differences: error within 1e-6 of the gradient's largest value.
inline void expect_gradient(std::vector<double>& values, const std::vector<double>& gradient, const std::function<double()>& f,
                            const std::string& what, size_t samples = SIZE_MAX) {
  double largest = 0;
  for (const double g : gradient) largest = std::max(largest, std::abs(g));
  EXPECT_GT(largest, 0) << what << ": the gradient is zero everywhere";
  Random random(3);
  const bool all = samples >= values.size();
  for (size_t s = 0; s < std::min(samples, values.size()); ++s) {
    const size_t i = all ? s : random.below(values.size());
    EXPECT_NEAR(gradient[i], slope(values, i, f), 1e-6 * largest + 1e-9) << what << "[" << i << "]";
  }
}

}  // namespace sillok::train
