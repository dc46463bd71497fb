#include "train/autograd_linear.h"

#include <algorithm>

#include "train/autograd_operations.h"

namespace sillok::train {
namespace {

constexpr size_t kOutputBlock = 256;  // rows or columns of a gradient that a task owns

// Calls f(first, count) for blocks of `block` out of `whole`.
template <typename F>
void in_blocks(Workers& workers, size_t whole, size_t block, F f) {
  workers.run(blocks_of(whole, block), [&](size_t task, uint32_t) { f(task * block, std::min(block, whole - task * block)); });
}

// low[n, rank] = x Aᵀ.
template <typename T>
std::vector<T> project(Workers& workers, const Linear<T>& linear, const T* x, size_t n) {
  const Parameter<T>& a = *linear.a;
  std::vector<T> low(n * a.rows);
  in_blocks(workers, n, kTokenBlock, [&](size_t first, size_t count) {
    gemm<T>({count, a.rows, a.columns}, T(1), {x + first * a.columns, a.columns}, {a.value.data(), a.columns, Op::kTransposed}, T(0),
            low.data() + first * a.rows, a.rows);
  });
  return low;
}

// With low = x Aᵀ and dlow = scale dy B:  dB += scale dyᵀ low;  dA += dlowᵀ x;  dx += dlow A.
template <typename T>
void low_rank_backward(Workers& workers, const Linear<T>& linear, const T* x, size_t n, const T* dy, T* dx) {
  Parameter<T>&a = *linear.a, &b = *linear.b;
  const size_t rank = a.rows, rows = b.rows, columns = a.columns;
  const std::vector<T> low = project(workers, linear, x, n);
  std::vector<T> dlow(n * rank);
  in_blocks(workers, n, kTokenBlock, [&](size_t first, size_t count) {
    gemm<T>({count, rank, rows}, linear.scale, {dy + first * rows, rows}, {b.value.data(), rank}, T(0), dlow.data() + first * rank, rank);
    if (dx == nullptr) return;
    gemm<T>({count, columns, rank}, T(1), {dlow.data() + first * rank, rank}, {a.value.data(), columns}, T(1), dx + first * columns, columns);
  });
  in_blocks(workers, rows, kOutputBlock, [&](size_t first, size_t count) {
    gemm<T>({count, rank, n}, linear.scale, {dy + first, rows, Op::kTransposed}, {low.data(), rank}, T(1), b.gradient.data() + first * rank, rank);
  });
  in_blocks(workers, columns, kOutputBlock, [&](size_t first, size_t count) {
    gemm<T>({rank, count, n}, T(1), {dlow.data(), rank, Op::kTransposed}, {x + first, columns}, T(1), a.gradient.data() + first, columns);
  });
}

}  // namespace

template <typename T>
void forward(Workers& workers, const Linear<T>& linear, const T* x, size_t n, T* y) {
  multiply(workers, linear.weight, x, n, y);
  if (!linear.bias.empty()) add_bias(workers, linear.bias.data(), n, linear.weight.rows, y);
  if (linear.a == nullptr) return;
  const std::vector<T> low = project(workers, linear, x, n);
  const size_t rank = linear.a->rows, rows = linear.weight.rows;
  in_blocks(workers, n, kTokenBlock, [&](size_t first, size_t count) {
    gemm<T>({count, rows, rank}, linear.scale, {low.data() + first * rank, rank}, {linear.b->value.data(), rank, Op::kTransposed}, T(1),
            y + first * rows, rows);
  });
}

template <typename T>
void backward(Workers& workers, const Linear<T>& linear, const T* x, size_t n, const T* dy, T* dx, Into into) {
  const size_t rows = linear.weight.rows, columns = linear.weight.columns;
  if (dx != nullptr) multiply_transposed(workers, linear.weight, dy, n, dx, into);
  if (linear.a != nullptr) low_rank_backward(workers, linear, x, n, dy, dx);
  if (linear.trained == nullptr) return;
  in_blocks(workers, rows, kOutputBlock, [&](size_t first, size_t count) {
    gemm<T>({count, columns, n}, T(1), {dy + first, rows, Op::kTransposed}, {x, columns}, T(1),
            linear.trained->gradient.data() + first * columns, columns);
  });
}

template void forward(Workers&, const Linear<float>&, const float*, size_t, float*);
template void forward(Workers&, const Linear<double>&, const double*, size_t, double*);
template void backward(Workers&, const Linear<float>&, const float*, size_t, const float*, float*, Into);
template void backward(Workers&, const Linear<double>&, const double*, size_t, const double*, double*, Into);

}  // namespace sillok::train
