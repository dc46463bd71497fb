// Products with a matrix that is frozen, in whatever type the file has it, or trained in T. Private to train.
//
// A frozen matrix is never held whole as floats: a block of it is dequantised, multiplied by OpenBLAS and dropped.
//
// Legend: n rows of activations (tokens), R rows of the matrix (outputs), K its columns (inputs). T is float; double where
// tests compare gradients with finite differences.
#pragma once

#include "tensor/tensor.h"
#include "train/autograd_workers.h"

namespace sillok::train {

template <typename T>
struct Matrix {
  size_t rows = 0, columns = 0;
  tensor::Type type = tensor::Type::kF32;
  const void* stored = nullptr;  // frozen: as in the file, which outlives it
  const T* values = nullptr;     // trained: [R, K]
};

// y[n, R] = x[n, K] wᵀ.
template <typename T>
void multiply(Workers& workers, const Matrix<T>& w, const T* x, size_t n, T* y);

// dx[n, K] = dy[n, R] w, or added to it. A task owns a slice of columns and adds the blocks of rows up in ascending order.
enum class Into : uint8_t { kSet, kAdd };
template <typename T>
void multiply_transposed(Workers& workers, const Matrix<T>& w, const T* dy, size_t n, T* dx, Into into);

// Row `row` of the matrix, K values.
template <typename T>
void read_row(const Matrix<T>& w, size_t row, T* out);

// C = alpha op(A) op(B) + beta C, all row-major: op(A) [m, k], op(B) [k, n]. One thread.
enum class Op : uint8_t { kPlain, kTransposed };
template <typename T>
struct Operand {
  const T* data = nullptr;
  size_t stride = 0;  // values from row to row, as it lies in memory
  Op op = Op::kPlain;
};
struct GemmSize {
  size_t m = 0, n = 0, k = 0;
};
template <typename T>
void gemm(GemmSize size, T alpha, Operand<T> a, Operand<T> b, T beta, T* c, size_t c_stride);

// Rows are shared out in blocks of so many: enough to keep a core busy, few enough for every core to get some.
inline constexpr size_t kTokenBlock = 64;
inline constexpr size_t blocks_of(size_t count, size_t block) { return (count + block - 1) / block; }

}  // namespace sillok::train
