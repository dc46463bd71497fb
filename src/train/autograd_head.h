// The loss: cross-entropy of the next token. Private to train.
#pragma once

#include <span>

#include "model/model.h"
#include "train/autograd_linear.h"

namespace sillok::train {

// -log softmax(factor * (W x_i))[targets[i]] for every row, computed for as many rows at once as kLogitFloats allows.
// `room` holds the logits and is kept by the caller. If dx is not null, sets it to the gradient of the sum of weights[i] times
// row i's loss, and adds to the gradients of what is trained; without it `weights` may be empty.
template <typename T>
std::vector<double> cross_entropy(Workers& workers, const Linear<T>& output, T factor, const T* x, std::span<const model::Token> targets,
                                  std::span<const T> weights, std::vector<T>& room, T* dx);

// 256 MB: 512 rows of a vocabulary of 128,000, so that the output matrix is dequantised once for a context of 512.
inline constexpr size_t kLogitFloats = size_t{64} << 20;

}  // namespace sillok::train
