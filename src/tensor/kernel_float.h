// Products with float weights, over lanes.h: y[row] = fma(w[k][row], x[k], y[row]) over ascending k.
#pragma once

#include "tensor/lanes.h"

namespace sillok::tensor {
namespace {

// Columns k (and, for BF16, k + 1) of a panel: [0, 1] are column k's two vectors.
struct PlainF32 {
  static constexpr size_t kColumns = 1, kBytes = 64;  // of one read
  static void read(const uint8_t* w, size_t k, Floats* out) {
    const auto* from = reinterpret_cast<const float*>(w) + k * kPanel;
    out[0] = load(from);
    out[1] = load(from + 8);
  }
};
struct PlainF16 {
  static constexpr size_t kColumns = 1, kBytes = 32;  // of one read
  static void read(const uint8_t* w, size_t k, Floats* out) {
    const auto* from = reinterpret_cast<const uint16_t*>(w) + k * kPanel;
    out[0] = load_halves(from);
    out[1] = load_halves(from + 8);
  }
};
struct PlainBF16 {
  static constexpr size_t kColumns = 2, kBytes = 64;  // of one read
  static void read(const uint8_t* w, size_t k, Floats* out) {
    const uint8_t* from = w + k * kPanel * 2;
    for (size_t v = 0; v < 2; ++v) {
      const Words both = load_words(from + 32 * v);
      const Words first = both << 16, second = both & 0xFFFF0000u;
      std::memcpy(&out[v], &first, sizeof first);
      std::memcpy(&out[2 + v], &second, sizeof second);
    }
  }
};

template <typename Plain, size_t kRows>
inline void multiply_tile(const uint8_t* w, size_t columns, const float* x, size_t x_stride, const Tile& tile) {
  Floats sum[kRows][2];
#pragma GCC unroll 6
  for (size_t t = 0; t < kRows; ++t) {
    sum[t][0] = tile.start ? Floats{} : load(tile.y + t * tile.stride);
    sum[t][1] = tile.start ? Floats{} : load(tile.y + t * tile.stride + 8);
  }
  // Without anything ahead the prefetches fall on what is read anyway, which costs less than to leave them out.
  const uint8_t* ahead = tile.ahead != nullptr ? tile.ahead : w;
  size_t k = 0;
  for (; k + Plain::kColumns <= columns; k += Plain::kColumns) {
    Floats weights[2 * Plain::kColumns];
    Plain::read(w, k, weights);
    __builtin_prefetch(ahead);
    ahead += Plain::kBytes;
#pragma GCC unroll 2
    for (size_t c = 0; c < Plain::kColumns; ++c) {
#pragma GCC unroll 6
      for (size_t t = 0; t < kRows; ++t) {
        const Floats value = splat(x[t * x_stride + k + c]);
        sum[t][0] = fma(weights[2 * c], value, sum[t][0]);
        sum[t][1] = fma(weights[2 * c + 1], value, sum[t][1]);
      }
    }
  }
  if (k < columns) {  // the lone last column of BF16
    Floats weights[2 * Plain::kColumns];
    Plain::read(w, k, weights);
    for (size_t t = 0; t < kRows; ++t) {
      const Floats value = splat(x[t * x_stride + k]);
      sum[t][0] = fma(weights[0], value, sum[t][0]);
      sum[t][1] = fma(weights[1], value, sum[t][1]);
    }
  }
#pragma GCC unroll 6
  for (size_t t = 0; t < kRows; ++t) {
    store(sum[t][0], tile.y + t * tile.stride);
    store(sum[t][1], tile.y + t * tile.stride + 8);
  }
}

template <typename Plain>
inline void multiply_rows(const void* weights, size_t columns, const float* x, size_t x_stride, const Tile& tile) {
  const auto* w = static_cast<const uint8_t*>(weights);
  switch (tile.rows) {
    case 1: return multiply_tile<Plain, 1>(w, columns, x, x_stride, tile);
    case 2: return multiply_tile<Plain, 2>(w, columns, x, x_stride, tile);
    case 3: return multiply_tile<Plain, 3>(w, columns, x, x_stride, tile);
    case 4: return multiply_tile<Plain, 4>(w, columns, x, x_stride, tile);
    case 5: return multiply_tile<Plain, 5>(w, columns, x, x_stride, tile);
    case 6: return multiply_tile<Plain, 6>(w, columns, x, x_stride, tile);
    default: SILLOK_CHECK(false);
  }
}

void multiply_lanes(Type type, const void* w, size_t columns, const float* x, size_t x_stride, Tile tile) {
  switch (type) {
    case Type::kF32: return multiply_rows<PlainF32>(w, columns, x, x_stride, tile);
    case Type::kF16: return multiply_rows<PlainF16>(w, columns, x, x_stride, tile);
    case Type::kBF16: return multiply_rows<PlainBF16>(w, columns, x, x_stride, tile);
    default: SILLOK_CHECK(false);
  }
}

}  // namespace
}  // namespace sillok::tensor
