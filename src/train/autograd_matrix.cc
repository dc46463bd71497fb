#include "train/autograd_matrix.h"

#include <cblas.h>

#include <algorithm>

namespace sillok::train {
namespace {

// 256 rows of 2,048 columns are 2 MB of floats: they stay in the cache between being dequantised and being packed by the
// GEMM, and packing the activations once more for every block costs 1/256 of the work.
constexpr size_t kRowBlock = 256;
// Columns of dx that a task owns: a multiple of every block of a type.
constexpr size_t kColumnSlice = 512;

// Room of the calling thread.
template <typename T>
T* room(size_t size) {
  thread_local std::vector<T> values;
  if (values.size() < size) values.resize(size);
  return values.data();
}

// Rows [row, row + rows) and columns [column, column + columns) into out, packed. `column` begins a block of the type.
template <typename T>
void dequantize_part(const Matrix<T>& w, size_t row, size_t rows, size_t column, size_t columns, T* out) {
  const size_t row_bytes = tensor::row_bytes(w.type, w.columns), skipped = tensor::row_bytes(w.type, column);
  const auto* from = static_cast<const std::byte*>(w.stored) + row * row_bytes + skipped;
  for (size_t r = 0; r < rows; ++r, from += row_bytes) {
    if constexpr (std::is_same_v<T, float>) {
      tensor::dequantize(w.type, from, out + r * columns, columns);
    } else {
      std::vector<float> narrow(columns);
      tensor::dequantize(w.type, from, narrow.data(), columns);
      std::copy(narrow.begin(), narrow.end(), out + r * columns);
    }
  }
}

// A part of the matrix as an operand: in place, or dequantised into `space`.
template <typename T>
Operand<T> part(const Matrix<T>& w, size_t row, size_t rows, size_t column, size_t columns) {
  if (w.values != nullptr) return {w.values + row * w.columns + column, w.columns, Op::kPlain};
  T* space = room<T>(rows * columns);
  dequantize_part(w, row, rows, column, columns, space);
  return {space, columns, Op::kPlain};
}

int blas_int(size_t value) { return static_cast<int>(value); }
CBLAS_TRANSPOSE blas_op(Op op) { return op == Op::kPlain ? CblasNoTrans : CblasTrans; }

}  // namespace

template <>
void gemm<float>(GemmSize s, float alpha, Operand<float> a, Operand<float> b, float beta, float* c, size_t c_stride) {
  cblas_sgemm(CblasRowMajor, blas_op(a.op), blas_op(b.op), blas_int(s.m), blas_int(s.n), blas_int(s.k), alpha, a.data,
              blas_int(a.stride), b.data, blas_int(b.stride), beta, c, blas_int(c_stride));
}
template <>
void gemm<double>(GemmSize s, double alpha, Operand<double> a, Operand<double> b, double beta, double* c, size_t c_stride) {
  cblas_dgemm(CblasRowMajor, blas_op(a.op), blas_op(b.op), blas_int(s.m), blas_int(s.n), blas_int(s.k), alpha, a.data,
              blas_int(a.stride), b.data, blas_int(b.stride), beta, c, blas_int(c_stride));
}

template <typename T>
void multiply(Workers& workers, const Matrix<T>& w, const T* x, size_t n, T* y) {
  if (n == 0) return;
  workers.run(blocks_of(w.rows, kRowBlock), [&](size_t task, uint32_t) {
    const size_t row = task * kRowBlock, rows = std::min(kRowBlock, w.rows - row);
    Operand<T> block = part(w, row, rows, 0, w.columns);
    block.op = Op::kTransposed;
    gemm<T>({n, rows, w.columns}, T(1), {x, w.columns}, block, T(0), y + row, w.rows);
  });
}

template <typename T>
void multiply_transposed(Workers& workers, const Matrix<T>& w, const T* dy, size_t n, T* dx, Into into) {
  if (n == 0) return;
  workers.run(blocks_of(w.columns, kColumnSlice), [&](size_t task, uint32_t) {
    const size_t column = task * kColumnSlice, columns = std::min(kColumnSlice, w.columns - column);
    for (size_t row = 0; row < w.rows; row += kColumnSlice) {
      const size_t rows = std::min(kColumnSlice, w.rows - row);
      const T beta = row == 0 && into == Into::kSet ? T(0) : T(1);
      gemm<T>({n, columns, rows}, T(1), {dy + row, w.rows}, part(w, row, rows, column, columns), beta, dx + column, w.columns);
    }
  });
}

template <typename T>
void read_row(const Matrix<T>& w, size_t row, T* out) {
  if (w.values != nullptr) std::copy_n(w.values + row * w.columns, w.columns, out);
  else dequantize_part(w, row, 1, 0, w.columns, out);
}

template void multiply(Workers&, const Matrix<float>&, const float*, size_t, float*);
template void multiply(Workers&, const Matrix<double>&, const double*, size_t, double*);
template void multiply_transposed(Workers&, const Matrix<float>&, const float*, size_t, float*, Into);
template void multiply_transposed(Workers&, const Matrix<double>&, const double*, size_t, double*, Into);
template void read_row(const Matrix<float>&, size_t, float*);
template void read_row(const Matrix<double>&, size_t, double*);

}  // namespace sillok::train
