#include "train/autograd_operations.h"

#include <algorithm>
#include <cmath>

#include "train/autograd_exponential.h"
#include "train/autograd_matrix.h"

namespace sillok::train {
namespace {

constexpr size_t kValueBlock = 1 << 14;  // values of a task: far more work than handing it out

template <typename F>
void for_rows(Workers& workers, size_t n, F f) {
  workers.run(blocks_of(n, kTokenBlock), [&](size_t task, uint32_t) {
    const size_t end = std::min(n, (task + 1) * kTokenBlock);
    for (size_t row = task * kTokenBlock; row < end; ++row) f(row);
  });
}

template <typename F>
void for_values(Workers& workers, size_t count, F f) {
  workers.run(blocks_of(count, kValueBlock), [&](size_t task, uint32_t) {
    f(task * kValueBlock, std::min(count, (task + 1) * kValueBlock));
  });
}

template <typename T>
T inverse_root_mean_square(const T* x, size_t columns, T epsilon) {
  double sum = 0;
  for (size_t i = 0; i < columns; ++i) sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return static_cast<T>(1 / std::sqrt(sum / static_cast<double>(columns) + static_cast<double>(epsilon)));
}

}  // namespace

template <typename T>
void rms_norm(Workers& workers, const T* x, size_t n, size_t columns, const T* w, T epsilon, T* y) {
  for_rows(workers, n, [&](size_t row) {
    const T* in = x + row * columns;
    T* out = y + row * columns;
    const T s = inverse_root_mean_square(in, columns, epsilon);
    for (size_t i = 0; i < columns; ++i) out[i] = in[i] * s * w[i];
  });
}

template <typename T>
void rms_norm_gradient(Workers& workers, const T* x, size_t n, size_t columns, const T* w, T epsilon, const T* dy, T* dx, T* dw) {
  std::vector<T> inverse(n);
  for_rows(workers, n, [&](size_t row) {
    const T* in = x + row * columns;
    const T* d = dy + row * columns;
    T* out = dx + row * columns;
    const T s = inverse[row] = inverse_root_mean_square(in, columns, epsilon);
    double sum = 0;
    for (size_t i = 0; i < columns; ++i) sum += static_cast<double>(w[i] * d[i]) * static_cast<double>(in[i]);
    const T pull = s * s * s * static_cast<T>(sum / static_cast<double>(columns));
    for (size_t i = 0; i < columns; ++i) out[i] += s * w[i] * d[i] - pull * in[i];
  });
  if (dw == nullptr) return;
  workers.run(blocks_of(columns, kTokenBlock), [&](size_t task, uint32_t) {
    const size_t end = std::min(columns, (task + 1) * kTokenBlock);
    for (size_t row = 0; row < n; ++row) {
      for (size_t i = task * kTokenBlock; i < end; ++i) dw[i] += dy[row * columns + i] * x[row * columns + i] * inverse[row];
    }
  });
}

template <typename T>
RopeTable<T>::RopeTable(const tensor::Rope& rope, std::span<const int32_t> positions)
    : head_size(rope.head_size), rotated(rope.rotated), halves(rope.halves) {
  for (const int32_t position : positions) {
    for (const float frequency : rope.frequency) {
      const double angle = static_cast<double>(position) * static_cast<double>(frequency);
      sine.push_back(static_cast<T>(std::sin(angle) * static_cast<double>(rope.magnitude)));
      cosine.push_back(static_cast<T>(std::cos(angle) * static_cast<double>(rope.magnitude)));
    }
  }
}

template <typename T>
void rotate(Workers& workers, const RopeTable<T>& table, T* x, size_t heads, Turn turn) {
  const size_t pairs = table.rotated / 2;
  if (pairs == 0) return;
  const T sign = turn == Turn::kForward ? T(1) : T(-1);
  for_rows(workers, table.sine.size() / pairs, [&](size_t row) {
    const T* sine = table.sine.data() + row * pairs;
    const T* cosine = table.cosine.data() + row * pairs;
    for (size_t h = 0; h < heads; ++h) {
      T* head = x + (row * heads + h) * table.head_size;
      for (size_t i = 0; i < pairs; ++i) {
        T& first = table.halves ? head[i] : head[2 * i];
        T& second = table.halves ? head[i + pairs] : head[2 * i + 1];
        const T a = first, b = second;
        first = a * cosine[i] - sign * b * sine[i];
        second = b * cosine[i] + sign * a * sine[i];
      }
    }
  });
}

template <typename T>
void swiglu(Workers& workers, const T* gate, const T* up, size_t count, T* y) {
  for_values(workers, count, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) y[i] = gate[i] / (T(1) + fast_exp(-gate[i])) * up[i];
  });
}

// With p = 1 / (1 + exp(-g)): silu'(g) = p (1 + g (1 - p)).
template <typename T>
void swiglu_gradient(Workers& workers, const T* gate, const T* up, const T* dy, size_t count, T* dgate, T* dup) {
  for_values(workers, count, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      const T p = T(1) / (T(1) + fast_exp(-gate[i])), d = dy[i], u = up[i], g = gate[i];
      dgate[i] = d * u * p * (T(1) + g * (T(1) - p));
      dup[i] = d * g * p;
    }
  });
}

template <typename T>
void add_scaled(Workers& workers, const T* x, size_t count, T factor, T* y) {
  for_values(workers, count, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) y[i] += factor * x[i];
  });
}

template <typename T>
void add_bias(Workers& workers, const T* bias, size_t n, size_t columns, T* y) {
  for_rows(workers, n, [&](size_t row) {
    for (size_t i = 0; i < columns; ++i) y[row * columns + i] += bias[i];
  });
}


template struct RopeTable<float>;
template struct RopeTable<double>;
#define SILLOK_OPERATIONS(T)                                                                                        \
  template void rms_norm(Workers&, const T*, size_t, size_t, const T*, T, T*);                                     \
  template void rms_norm_gradient(Workers&, const T*, size_t, size_t, const T*, T, const T*, T*, T*);              \
  template void rotate(Workers&, const RopeTable<T>&, T*, size_t, Turn);                                           \
  template void swiglu(Workers&, const T*, const T*, size_t, T*);                                                  \
  template void swiglu_gradient(Workers&, const T*, const T*, const T*, size_t, T*, T*);                           \
  template void add_scaled(Workers&, const T*, size_t, T, T*);                                                     \
  template void add_bias(Workers&, const T*, size_t, size_t, T*);
SILLOK_OPERATIONS(float)
SILLOK_OPERATIONS(double)

}  // namespace sillok::train
