#include "train/autograd_attention.h"

#include <algorithm>
#include <vector>

#include "train/autograd_exponential.h"
#include "train/autograd_matrix.h"

namespace sillok::train {
namespace {

// 128 queries by 8,192 keys are 4 MB of scores; a block of 128 keeps the GEMM near its speed.
constexpr size_t kQueryBlock = 128;

// One query head over one block of queries of one document.
template <typename T>
struct Block {
  size_t first = 0;            // the document's first row
  size_t row = 0, rows = 0;    // the queries
  size_t keys = 0;             // rows from `first` that any of them sees
  size_t head = 0, kv_head = 0;
};

template <typename T>
class Heads {
 public:
  explicit Heads(const AttentionShape<T>& shape)
      : s_(shape), q_stride_(shape.heads * shape.key_size), k_stride_(shape.kv_heads * shape.key_size),
        v_stride_(shape.kv_heads * shape.value_size), o_stride_(shape.heads * shape.value_size) {}

  size_t q(const Block<T>& b) const { return b.row * q_stride_ + b.head * s_.key_size; }
  size_t o(const Block<T>& b) const { return b.row * o_stride_ + b.head * s_.value_size; }
  size_t k(const Block<T>& b) const { return b.first * k_stride_ + b.kv_head * s_.key_size; }
  size_t v(const Block<T>& b) const { return b.first * v_stride_ + b.kv_head * s_.value_size; }

  // p[rows, keys] = softmax of the scores, 0 where a query does not see the key.
  void probabilities(const Block<T>& b, const T* queries, const T* key_rows, T* p) const {
    gemm<T>({b.rows, b.keys, s_.key_size}, s_.scale, {queries + q(b), q_stride_}, {key_rows + k(b), k_stride_, Op::kTransposed},
            T(0), p, b.keys);
    for (size_t i = 0; i < b.rows; ++i) {
      T* row = p + i * b.keys;
      const size_t seen = b.row + i - b.first + 1;
      const T best = *std::max_element(row, row + seen);
      for (size_t j = 0; j < seen; ++j) row[j] = fast_exp(row[j] - best);
      double sum = 0;
      for (size_t j = 0; j < seen; ++j) sum += static_cast<double>(row[j]);
      const T inverse = static_cast<T>(1 / sum);
      for (size_t j = 0; j < seen; ++j) row[j] *= inverse;
      std::fill(row + seen, row + b.keys, T(0));
    }
  }

  const AttentionShape<T>& s_;
  size_t q_stride_, k_stride_, v_stride_, o_stride_;
};

// Calls f for every block of one document's key/value head, heads and rows ascending.
template <typename T, typename F>
void for_blocks(const AttentionShape<T>& shape, std::span<const uint32_t> begins, size_t n, size_t task, F f) {
  const size_t document = task / shape.kv_heads, group = shape.heads / shape.kv_heads;
  Block<T> b;
  b.first = begins[document];
  b.kv_head = task % shape.kv_heads;
  const size_t end = document + 1 < begins.size() ? begins[document + 1] : n;
  for (b.head = b.kv_head * group; b.head < (b.kv_head + 1) * group; ++b.head) {
    for (b.row = b.first; b.row < end; b.row += kQueryBlock) {
      b.rows = std::min(kQueryBlock, end - b.row);
      b.keys = b.row + b.rows - b.first;
      f(b);
    }
  }
}

template <typename T>
std::vector<T>& scores_room(size_t size, int which) {
  thread_local std::vector<T> rooms[2];
  if (rooms[which].size() < size) rooms[which].resize(size);
  return rooms[which];
}

}  // namespace

template <typename T>
void attend(Workers& workers, const AttentionShape<T>& shape, std::span<const uint32_t> begins, size_t n, const T* q, const T* k,
            const T* v, T* out) {
  const Heads<T> heads(shape);
  workers.run(begins.size() * shape.kv_heads, [&](size_t task, uint32_t) {
    for_blocks(shape, begins, n, task, [&](const Block<T>& b) {
      T* p = scores_room<T>(b.rows * b.keys, 0).data();
      heads.probabilities(b, q, k, p);
      gemm<T>({b.rows, shape.value_size, b.keys}, T(1), {p, b.keys}, {v + heads.v(b), heads.v_stride_}, T(0), out + heads.o(b),
              heads.o_stride_);
    });
  });
}

// With P the probabilities: dV = Pᵀ dO;  dP = dO Vᵀ;  dS = P * (dP - rowsum(dO * O));  dQ = scale dS K;  dK = scale dSᵀ Q.
template <typename T>
void attend_gradient(Workers& workers, const AttentionShape<T>& shape, std::span<const uint32_t> begins, size_t n, const T* q,
                     const T* k, const T* v, const T* out, const T* dout, T* dq, T* dk, T* dv) {
  const Heads<T> heads(shape);
  std::fill_n(dk, n * heads.k_stride_, T(0));
  std::fill_n(dv, n * heads.v_stride_, T(0));
  workers.run(begins.size() * shape.kv_heads, [&](size_t task, uint32_t) {
    for_blocks(shape, begins, n, task, [&](const Block<T>& b) {
      T* p = scores_room<T>(b.rows * b.keys, 0).data();
      T* ds = scores_room<T>(b.rows * b.keys, 1).data();
      heads.probabilities(b, q, k, p);
      gemm<T>({b.keys, shape.value_size, b.rows}, T(1), {p, b.keys, Op::kTransposed}, {dout + heads.o(b), heads.o_stride_}, T(1),
              dv + heads.v(b), heads.v_stride_);
      gemm<T>({b.rows, b.keys, shape.value_size}, T(1), {dout + heads.o(b), heads.o_stride_},
              {v + heads.v(b), heads.v_stride_, Op::kTransposed}, T(0), ds, b.keys);
      for (size_t i = 0; i < b.rows; ++i) {
        const T* o = out + heads.o(b) + i * heads.o_stride_;
        const T* d = dout + heads.o(b) + i * heads.o_stride_;
        double whole = 0;
        for (size_t c = 0; c < shape.value_size; ++c) whole += static_cast<double>(o[c]) * static_cast<double>(d[c]);
        for (size_t j = 0; j < b.keys; ++j) ds[i * b.keys + j] = p[i * b.keys + j] * (ds[i * b.keys + j] - static_cast<T>(whole));
      }
      gemm<T>({b.rows, shape.key_size, b.keys}, shape.scale, {ds, b.keys}, {k + heads.k(b), heads.k_stride_}, T(0), dq + heads.q(b),
              heads.q_stride_);
      gemm<T>({b.keys, shape.key_size, b.rows}, shape.scale, {ds, b.keys, Op::kTransposed}, {q + heads.q(b), heads.q_stride_}, T(1),
              dk + heads.k(b), heads.k_stride_);
    });
  });
}

#define SILLOK_ATTENTION(T)                                                                                             \
  template void attend(Workers&, const AttentionShape<T>&, std::span<const uint32_t>, size_t, const T*, const T*,      \
                       const T*, T*);                                                                                  \
  template void attend_gradient(Workers&, const AttentionShape<T>&, std::span<const uint32_t>, size_t, const T*,       \
                                const T*, const T*, const T*, const T*, T*, T*, T*);
SILLOK_ATTENTION(float)
SILLOK_ATTENTION(double)

}  // namespace sillok::train
