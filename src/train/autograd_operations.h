// The operations of a layer that are no products of matrices, each with its gradient. Private to train.
//
// A gradient function gets the inputs of its operation and d loss / d output (dy), and gives d loss / d input; where it says
// "adds", to what is there. Sums over a row are made in double, in ascending order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tensor/tensor.h"
#include "train/autograd_workers.h"

namespace sillok::train {

// y = x / sqrt(mean(x²) + epsilon) * w for every one of `n` rows of `columns` values. x and y may be the same.
template <typename T>
void rms_norm(Workers& workers, const T* x, size_t n, size_t columns, const T* w, T epsilon, T* y);
// Adds to dx, and to dw where that is not null. With s = 1 / sqrt(mean(x²) + epsilon), K columns:
// dx_i = s w_i dy_i - s³ x_i / K * sum_j w_j dy_j x_j;  dw_i = sum over rows of s x_i dy_i.
template <typename T>
void rms_norm_gradient(Workers& workers, const T* x, size_t n, size_t columns, const T* w, T epsilon, const T* dy, T* dx, T* dw);

// Sine and cosine of every pair of features at every position of a sequence.
template <typename T>
struct RopeTable {
  RopeTable(const tensor::Rope& rope, std::span<const int32_t> positions);
  size_t head_size = 0, rotated = 0;
  bool halves = false;
  std::vector<T> sine, cosine;  // [positions, rotated / 2], the magnitude in them
};
// Turns the pairs of x[n, heads * head_size] in place. Backward, the transposed matrix: its gradient.
enum class Turn : uint8_t { kForward, kBackward };
template <typename T>
void rotate(Workers& workers, const RopeTable<T>& table, T* x, size_t heads, Turn turn);

// y = silu(gate) * up, silu(g) = g / (1 + exp(-g)), over `count` values. y may be neither.
template <typename T>
void swiglu(Workers& workers, const T* gate, const T* up, size_t count, T* y);
// Sets dgate and dup; either may be dy's own memory but not both.
template <typename T>
void swiglu_gradient(Workers& workers, const T* gate, const T* up, const T* dy, size_t count, T* dgate, T* dup);

// y += factor * x.
template <typename T>
void add_scaled(Workers& workers, const T* x, size_t count, T factor, T* y);
// y[n, columns] += bias on every row.
template <typename T>
void add_bias(Workers& workers, const T* bias, size_t n, size_t columns, T* y);


}  // namespace sillok::train
