// AVX-512 (F, BW, VL) with VNNI: a panel's sixteen rows are one vector, and vpdpbusd adds four products of bytes to each at once.
// What is elementwise, attention, and products of one or two rows, which memory bounds, are the 256-bit code of kernels_avx2.h
// compiled with these flags. This file alone is.
#if defined(SILLOK_EMULATE_AVX512)
// Tests on machines without it: the same code over SIMDe's emulation.
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
#endif
#include <immintrin.h>

#include "tensor/kernels_avx2.h"

namespace sillok::tensor {
namespace {

inline __m512 load_wide(const float* from) { return _mm512_loadu_ps(from); }
inline __m512i load_wide_int(const void* from) { return _mm512_loadu_si512(from); }
inline __m512i splat_wide(const int8_t* from) {
  int32_t four;
  std::memcpy(&four, from, sizeof four);
  return _mm512_set1_epi32(four);
}

// What SIMDe 0.7 lacks is written with the compiler's vectors.
typedef int32_t WideInts __attribute__((vector_size(64)));
inline __m512 to_floats_wide(__m512i value) { return __builtin_convertvector(reinterpret_cast<WideInts>(value), __m512); }
inline __m512 widen_halves(__m256i halves) {
#if defined(SILLOK_EMULATE_AVX512)  // SIMDe 0.7 has no vcvtph2ps of this width
  const __m256 part[2] = {_mm256_cvtph_ps(_mm256_castsi256_si128(halves)), _mm256_cvtph_ps(_mm256_extracti128_si256(halves, 1))};
  return load_wide(reinterpret_cast<const float*>(part));
#else
  return _mm512_cvtph_ps(halves);
#endif
}

// The integers of one block for kRows rows of x, exact as kernels.h asks: nothing here saturates.
template <DotKind kKind, size_t kRows>
inline void sum_block_wide(const Chunk& chunk, size_t block, const ActivationChunk* x, __m512i* sum) {
  const uint8_t* q = chunk.q + block * chunk.stride;
  const __m512i zero = _mm512_setzero_si512();
  if constexpr (has_halves(kKind)) {
    for (size_t t = 0; t < kRows; ++t) sum[t] = zero;
#pragma GCC unroll 2
    for (size_t half = 0; half < 2; ++half) {
      __m512i part[kRows];
      for (size_t t = 0; t < kRows; ++t) part[t] = zero;
#pragma GCC unroll 4
      for (size_t group = 4 * half; group < 4 * half + 4; ++group) {
        const __m512i weights = load_wide_int(q + group * 64);
#pragma GCC unroll 4
        for (size_t t = 0; t < kRows; ++t) {
          part[t] = _mm512_dpbusd_epi32(part[t], weights, splat_wide(x[t].q + block * kBlock + group * 4));
        }
      }
      // The scale stands twice in its 32 bits.
      const __m512i scale = reinterpret_cast<__m512i>(reinterpret_cast<WideInts>(load_wide_int(&chunk.scale[2 * block + half][0][0])) >> 16);
#pragma GCC unroll 4
      for (size_t t = 0; t < kRows; ++t) sum[t] = _mm512_add_epi32(sum[t], _mm512_mullo_epi32(part[t], scale));
    }
  } else {
    constexpr bool kSigned = kKind == DotKind::kSigned8;
    const __m512i flip = _mm512_set1_epi8(static_cast<char>(-128));
    __m512i excess[kRows];  // of signed bytes raised by 128: 128 times the sum of x, the same in every lane
#pragma GCC unroll 4
    for (size_t t = 0; t < kRows; ++t) sum[t] = excess[t] = zero;
#pragma GCC unroll 8
    for (size_t group = 0; group < 8; ++group) {
      __m512i weights = load_wide_int(q + group * 64);
      if constexpr (kSigned) weights = _mm512_xor_si512(weights, flip);
#pragma GCC unroll 4
      for (size_t t = 0; t < kRows; ++t) {
        const __m512i columns = splat_wide(x[t].q + block * kBlock + group * 4);
        sum[t] = _mm512_dpbusd_epi32(sum[t], weights, columns);
        if constexpr (kSigned) excess[t] = _mm512_dpbusd_epi32(excess[t], flip, columns);
      }
    }
    if constexpr (kSigned) {
#pragma GCC unroll 4
      for (size_t t = 0; t < kRows; ++t) sum[t] = _mm512_sub_epi32(sum[t], excess[t]);
    }
  }
}

template <DotKind kKind, size_t kRows>
inline void dot_tile_wide(const Chunk& chunk, size_t blocks, const ActivationChunk* x, const Tile& tile) {
  __m512 y[kRows];
#pragma GCC unroll 4
  for (size_t t = 0; t < kRows; ++t) y[t] = tile.start ? _mm512_setzero_ps() : load_wide(tile.y + t * tile.stride);
  for (size_t block = 0; block < blocks; ++block) {
    if (tile.ahead != nullptr) {
      for (size_t line = 0; line < tile.ahead_step; line += 64) {
        _mm_prefetch(reinterpret_cast<const char*>(tile.ahead + block * tile.ahead_step + line), _MM_HINT_T0);
      }
    }
    __m512i sum[kRows];
    sum_block_wide<kKind, kRows>(chunk, block, x, sum);
#pragma GCC unroll 4
    for (size_t t = 0; t < kRows; ++t) {
      const __m512 both = _mm512_mul_ps(load_wide(chunk.d[block]), _mm512_set1_ps(x[t].d[block]));
      y[t] = _mm512_fmadd_ps(to_floats_wide(sum[t]), both, y[t]);
      if constexpr (has_halves(kKind)) {
        y[t] = _mm512_fmadd_ps(load_wide(chunk.offset[2 * block]), _mm512_set1_ps(x[t].half_sum[2 * block]), y[t]);
        y[t] = _mm512_fmadd_ps(load_wide(chunk.offset[2 * block + 1]), _mm512_set1_ps(x[t].half_sum[2 * block + 1]), y[t]);
      } else if constexpr (kKind != DotKind::kSigned8) {
        y[t] = _mm512_fmadd_ps(load_wide(chunk.offset[block]), _mm512_set1_ps(x[t].sum[block]), y[t]);
      }
    }
  }
#pragma GCC unroll 4
  for (size_t t = 0; t < kRows; ++t) _mm512_storeu_ps(tile.y + t * tile.stride, y[t]);
}

template <DotKind kKind>
inline void dot_rows_wide(const Chunk& chunk, size_t blocks, const ActivationChunk* x, const Tile& tile) {
  switch (tile.rows) {
    case 1: return dot_tile_wide<kKind, 1>(chunk, blocks, x, tile);
    case 2: return dot_tile_wide<kKind, 2>(chunk, blocks, x, tile);
    case 3: return dot_tile_wide<kKind, 3>(chunk, blocks, x, tile);
    case 4: return dot_tile_wide<kKind, 4>(chunk, blocks, x, tile);
    default: SILLOK_CHECK(false);
  }
}

void dot_avx512(DotKind kind, const Chunk& chunk, size_t blocks, const ActivationChunk* x, Tile tile) {
  switch (kind) {
    case DotKind::kUnsigned4: return dot_rows_wide<DotKind::kUnsigned4>(chunk, blocks, x, tile);
    case DotKind::kUnsigned5: return dot_rows_wide<DotKind::kUnsigned5>(chunk, blocks, x, tile);
    case DotKind::kSigned8: return dot_rows_wide<DotKind::kSigned8>(chunk, blocks, x, tile);
    case DotKind::kHalves3: return dot_rows_wide<DotKind::kHalves3>(chunk, blocks, x, tile);
    case DotKind::kHalves6: return dot_rows_wide<DotKind::kHalves6>(chunk, blocks, x, tile);
  }
}

// Columns k (and, for BF16, k + 1) of a panel.
struct WideF32 {
  static constexpr size_t kColumns = 1, kBytes = 64;
  static void read(const uint8_t* w, size_t k, __m512* out) { out[0] = load_wide(reinterpret_cast<const float*>(w) + k * kPanel); }
};
struct WideF16 {
  static constexpr size_t kColumns = 1, kBytes = 32;
  static void read(const uint8_t* w, size_t k, __m512* out) { out[0] = widen_halves(load_int(w + k * kPanel * 2)); }
};
struct WideBF16 {
  static constexpr size_t kColumns = 2, kBytes = 64;
  static void read(const uint8_t* w, size_t k, __m512* out) {
    const __m512i both = load_wide_int(w + k * kPanel * 2);
    out[0] = _mm512_castsi512_ps(_mm512_slli_epi32(both, 16));
    out[1] = _mm512_castsi512_ps(_mm512_and_si512(both, _mm512_set1_epi32(static_cast<int32_t>(0xFFFF0000U))));
  }
};

template <typename Plain, size_t kRows>
inline void multiply_tile_wide(const uint8_t* w, size_t columns, const float* x, size_t x_stride, const Tile& tile) {
  __m512 sum[kRows];
#pragma GCC unroll 6
  for (size_t t = 0; t < kRows; ++t) sum[t] = tile.start ? _mm512_setzero_ps() : load_wide(tile.y + t * tile.stride);
  const uint8_t* ahead = tile.ahead != nullptr ? tile.ahead : w;
  const size_t whole = columns / Plain::kColumns * Plain::kColumns;
  for (size_t k = 0; k < columns; k += Plain::kColumns) {
    __m512 weights[Plain::kColumns];
    Plain::read(w, k, weights);
    __builtin_prefetch(ahead);
    ahead += Plain::kBytes;
    // Of a lone last column of BF16, only the first.
    const size_t last = k < whole ? Plain::kColumns : 1;
    for (size_t c = 0; c < last; ++c) {
#pragma GCC unroll 6
      for (size_t t = 0; t < kRows; ++t) {
        sum[t] = _mm512_fmadd_ps(weights[c], _mm512_set1_ps(x[t * x_stride + k + c]), sum[t]);
      }
    }
  }
#pragma GCC unroll 6
  for (size_t t = 0; t < kRows; ++t) _mm512_storeu_ps(tile.y + t * tile.stride, sum[t]);
}

template <typename Plain>
inline void multiply_rows_wide(const void* weights, size_t columns, const float* x, size_t x_stride, const Tile& tile) {
  const auto* w = static_cast<const uint8_t*>(weights);
  switch (tile.rows) {
    case 1: return multiply_tile_wide<Plain, 1>(w, columns, x, x_stride, tile);
    case 2: return multiply_tile_wide<Plain, 2>(w, columns, x, x_stride, tile);
    case 3: return multiply_tile_wide<Plain, 3>(w, columns, x, x_stride, tile);
    case 4: return multiply_tile_wide<Plain, 4>(w, columns, x, x_stride, tile);
    case 5: return multiply_tile_wide<Plain, 5>(w, columns, x, x_stride, tile);
    case 6: return multiply_tile_wide<Plain, 6>(w, columns, x, x_stride, tile);
    default: SILLOK_CHECK(false);
  }
}

void multiply_avx512(Type type, const void* w, size_t columns, const float* x, size_t x_stride, Tile tile) {
  switch (type) {
    case Type::kF32: return multiply_rows_wide<WideF32>(w, columns, x, x_stride, tile);
    case Type::kF16: return multiply_rows_wide<WideF16>(w, columns, x, x_stride, tile);
    case Type::kBF16: return multiply_rows_wide<WideBF16>(w, columns, x, x_stride, tile);
    default: SILLOK_CHECK(false);
  }
}

constexpr Kernels make_wide_table() {
  Kernels table = make_table(Isa::kAvx512, quantize_avx2, dot_avx512, dot_direct_avx2);
  table.multiply = multiply_avx512;
  return table;
}

}  // namespace

const Kernels& avx512_kernels() {
  static constexpr Kernels kTable = make_wide_table();
  return kTable;
}

}  // namespace sillok::tensor
