#include "train/autograd_head.h"

#include <algorithm>
#include <cmath>

#include "train/autograd_exponential.h"

namespace sillok::train {
namespace {

// One row of W x: gives its loss, and leaves weight * factor * (p - [target]) in it.
template <typename T>
double softmax_row(T* row, size_t size, T factor, size_t target, T weight) {
  T best = row[0];
  for (size_t j = 1; j < size; ++j) best = row[j] > best ? row[j] : best;
  const T wanted = row[target];
  double sum = 0;
  constexpr size_t kRun = 512;  // summed in T, the runs in double: a vocabulary of 256,000 loses nothing
  for (size_t j = 0; j < size; j += kRun) {
    const size_t end = std::min(size, j + kRun);
    for (size_t i = j; i < end; ++i) row[i] = fast_exp(factor * (row[i] - best));
    T part = 0;
    for (size_t i = j; i < end; ++i) part += row[i];
    sum += static_cast<double>(part);
  }
  const T share = static_cast<T>(static_cast<double>(weight * factor) / sum);
  for (size_t j = 0; j < size; ++j) row[j] *= share;
  row[target] -= weight * factor;
  return std::log(sum) - static_cast<double>(factor * (wanted - best));
}

}  // namespace

// `factor` is positive (1, or Granite's), so the largest logit is the largest before it is applied.
template <typename T>
std::vector<double> cross_entropy(Workers& workers, const Linear<T>& output, T factor, const T* x, std::span<const model::Token> targets,
                                  std::span<const T> weights, std::vector<T>& room, T* dx) {
  const size_t vocabulary = output.weight.rows, width = output.weight.columns;
  const size_t at_once = std::clamp<size_t>(kLogitFloats / vocabulary, 1, std::max<size_t>(1, targets.size()));
  if (room.size() < at_once * vocabulary) room.resize(at_once * vocabulary);
  T* logits = room.data();
  std::vector<double> losses(targets.size());
  for (size_t first = 0; first < targets.size(); first += at_once) {
    const size_t count = std::min(at_once, targets.size() - first);
    forward(workers, output, x + first * width, count, logits);
    workers.run(count, [&](size_t i, uint32_t) {
      const T weight = dx != nullptr ? weights[first + i] : T(0);
      losses[first + i] = softmax_row(logits + i * vocabulary, vocabulary, factor, static_cast<size_t>(targets[first + i]), weight);
    });
    if (dx != nullptr) backward(workers, output, x + first * width, count, logits, dx + first * width, Into::kSet);
  }
  return losses;
}

#define SILLOK_CROSS_ENTROPY(T)                                                                                          \
  template std::vector<double> cross_entropy(Workers&, const Linear<T>&, T, const T*, std::span<const model::Token>,      \
                                             std::span<const T>, std::vector<T>&, T*);
SILLOK_CROSS_ENTROPY(float)
SILLOK_CROSS_ENTROPY(double)

}  // namespace sillok::train
