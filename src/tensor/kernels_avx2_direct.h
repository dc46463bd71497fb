// Dot products straight from packed weights, for one or two rows of x: without the detour over unpacked bytes, which pays
// only when several tiles use them. Part of kernels_avx2.h. Arithmetic and bits are those of kernels.h.
#pragma once

namespace sillok::tensor {
namespace {

// Adds one block of 32 columns to y. sum: its integers; offset: null for none, else of the block or of its two halves.
template <DotKind kKind, size_t kRows>
inline void add_block(const ActivationChunk* x, size_t block, const __m256i* sum, __m256 d, const __m256* offset, __m256* y) {
#pragma GCC unroll 2
  for (size_t t = 0; t < kRows; ++t) {
    const __m256 both = _mm256_mul_ps(d, _mm256_set1_ps(x[t].d[block]));
    y[t] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum[t]), both, y[t]);
    if constexpr (has_halves(kKind)) {
      y[t] = _mm256_fmadd_ps(offset[0], _mm256_set1_ps(x[t].half_sum[2 * block]), y[t]);
      y[t] = _mm256_fmadd_ps(offset[1], _mm256_set1_ps(x[t].half_sum[2 * block + 1]), y[t]);
    } else {
      y[t] = _mm256_fmadd_ps(offset[0], _mm256_set1_ps(x[t].sum[block]), y[t]);
    }
  }
}

// The 16-bit sums of some groups of a block, per row.
template <size_t kRows>
struct Narrow {
  __m256i sum[kRows];
  // first: start anew.
  void add(__m256i weights, const ActivationChunk* x, size_t block, size_t group, bool first) {
#pragma GCC unroll 2
    for (size_t t = 0; t < kRows; ++t) {
      const __m256i product = _mm256_maddubs_epi16(weights, splat_columns(x[t].q + block * kBlock + group * 4));
      sum[t] = first ? product : _mm256_add_epi16(sum[t], product);
      keep(sum[t]);
    }
  }
  void widen(__m256i scale, __m256i* wide, bool first) const {
#pragma GCC unroll 2
    for (size_t t = 0; t < kRows; ++t) {
      const __m256i part = _mm256_madd_epi16(sum[t], scale);
      wide[t] = first ? part : _mm256_add_epi32(wide[t], part);
    }
  }
};

inline __m256i masked(__m256i words, uint32_t mask) {
  return _mm256_and_si256(words, _mm256_set1_epi32(static_cast<int32_t>(mask)));
}
// Words of the panel's vector v.
inline __m256i load_packed(const uint8_t* words, size_t word, size_t v) { return load_int(words + word * kWordBytes + 32 * v); }

inline __m256i look_up_table(const int8_t* table) {
  return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table)));
}

}  // namespace
}  // namespace sillok::tensor

// Each struct there adds kBlocks blocks, those of `unit`, for vector v of the panel.
#include "tensor/kernels_avx2_direct_k.h"
#include "tensor/kernels_avx2_direct_small.h"

namespace sillok::tensor {
namespace {

template <typename Direct, size_t kRows>
inline void dot_direct_tile(const uint8_t* from, size_t blocks, const ActivationChunk* x, const Tile& tile) {
  __m256 y[2][kRows];
#pragma GCC unroll 2
  for (size_t v = 0; v < 2; ++v) {
    for (size_t t = 0; t < kRows; ++t) y[v][t] = tile.start ? _mm256_setzero_ps() : _mm256_loadu_ps(tile.y + t * tile.stride + 8 * v);
  }
  constexpr size_t kBlocks = Direct::kBlocks;
  const uint8_t* ahead = tile.ahead;
  for (size_t unit = 0; unit < blocks / kBlocks; ++unit, ahead += kBlocks * tile.ahead_step) {
    // In two parts: the core tracks 24 lines on their way, and a Q6_K unit has 27.
    const size_t part = kBlocks * tile.ahead_step / 2;
#pragma GCC unroll 2
    for (size_t v = 0; v < 2; ++v) {
      for (size_t line = 0; line < part; line += 64) {
        _mm_prefetch(reinterpret_cast<const char*>(ahead + v * part + line), _MM_HINT_T0);
      }
      Direct::template add<kRows>(from, unit, x, v, y[v]);
    }
  }
#pragma GCC unroll 2
  for (size_t v = 0; v < 2; ++v) {
    for (size_t t = 0; t < kRows; ++t) _mm256_storeu_ps(tile.y + t * tile.stride + 8 * v, y[v][t]);
  }
}

template <typename Direct>
inline bool dot_direct_rows(const uint8_t* from, size_t blocks, const ActivationChunk* x, const Tile& tile) {
  if (tile.rows == 1) {
    dot_direct_tile<Direct, 1>(from, blocks, x, tile);
  } else {
    dot_direct_tile<Direct, 2>(from, blocks, x, tile);
  }
  return true;
}

bool dot_direct_avx2(Type type, const uint8_t* from, size_t blocks, const ActivationChunk* x, Tile tile) {
  if (tile.rows > 2) return false;
  switch (type) {
    case Type::kQ4_0: return dot_direct_rows<DirectQ4<false>>(from, blocks, x, tile);
    case Type::kQ4_1: return dot_direct_rows<DirectQ4<true>>(from, blocks, x, tile);
    case Type::kQ4_K: return dot_direct_rows<DirectQ4K<false>>(from, blocks, x, tile);
    case Type::kQ5_K: return dot_direct_rows<DirectQ4K<true>>(from, blocks, x, tile);
    case Type::kQ6_K: return dot_direct_rows<DirectQ6>(from, blocks, x, tile);
    case Type::kQ5_0: return dot_direct_rows<DirectQ5<false>>(from, blocks, x, tile);
    case Type::kQ5_1: return dot_direct_rows<DirectQ5<true>>(from, blocks, x, tile);
    case Type::kQ8_0: return dot_direct_rows<DirectQ8>(from, blocks, x, tile);
    case Type::kIQ4_NL: return dot_direct_rows<DirectIq4>(from, blocks, x, tile);
    case Type::kMXFP4: return dot_direct_rows<DirectMxfp4>(from, blocks, x, tile);
    case Type::kQ2_K: return dot_direct_rows<DirectQ2K<false>>(from, blocks, x, tile);
    case Type::kQ3_K: return dot_direct_rows<DirectQ2K<true>>(from, blocks, x, tile);
    default: return false;
  }
}

}  // namespace
}  // namespace sillok::tensor
