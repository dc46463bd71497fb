// AVX2, FMA and F16C. This file alone is compiled with just their flags.
#include <immintrin.h>

#include "tensor/kernels_avx2.h"

namespace sillok::tensor {
namespace {

// sum[t][v]: integers of one block for kRows rows of x and both vectors of the panel.
template <DotKind kKind, size_t kRows>
inline void sum_block(const Chunk& chunk, size_t block, const ActivationChunk* x, __m256i (*sum)[2]) {
  constexpr size_t kStep = groups_in_16_bits(kKind);
  const uint8_t* q = chunk.q + block * chunk.stride;
  const __m256i ones = _mm256_set1_epi16(1);
#pragma GCC unroll 8
  for (size_t from = 0; from < 8; from += kStep) {
    __m256i narrow[kRows][2];
#pragma GCC unroll 8
    for (size_t group = from; group < from + kStep; ++group) {
      const __m256i weights[2] = {load_int(q + group * 64), load_int(q + group * 64 + 32)};
#pragma GCC unroll 4
      for (size_t t = 0; t < kRows; ++t) {
        const __m256i a = splat_columns(x[t].q + block * kBlock + group * 4);
#pragma GCC unroll 2
        for (size_t v = 0; v < 2; ++v) {
          __m256i product;
          if constexpr (kKind == DotKind::kSigned8) {
            product = _mm256_maddubs_epi16(_mm256_abs_epi8(weights[v]), _mm256_sign_epi8(a, weights[v]));
          } else {
            product = _mm256_maddubs_epi16(weights[v], a);
          }
          narrow[t][v] = group == from ? product : _mm256_add_epi16(narrow[t][v], product);
          keep(narrow[t][v]);
        }
      }
    }
    __m256i scale[2] = {ones, ones};
    if constexpr (has_halves(kKind)) {
      scale[0] = load_int(&chunk.scale[2 * block + from / 4][0][0]);
      scale[1] = load_int(&chunk.scale[2 * block + from / 4][8][0]);
    }
#pragma GCC unroll 4
    for (size_t t = 0; t < kRows; ++t) {
#pragma GCC unroll 2
      for (size_t v = 0; v < 2; ++v) {
        const __m256i wide = _mm256_madd_epi16(narrow[t][v], scale[v]);
        sum[t][v] = from == 0 ? wide : _mm256_add_epi32(sum[t][v], wide);
        keep(sum[t][v]);
      }
    }
  }
}

template <DotKind kKind, size_t kRows>
inline void dot_tile(const Chunk& chunk, size_t blocks, const ActivationChunk* x, const Tile& tile) {
  __m256 y[kRows][2];
#pragma GCC unroll 4
  for (size_t t = 0; t < kRows; ++t) {
#pragma GCC unroll 2
    for (size_t v = 0; v < 2; ++v) {
      y[t][v] = tile.start ? _mm256_setzero_ps() : _mm256_loadu_ps(tile.y + t * tile.stride + 8 * v);
    }
  }
  for (size_t block = 0; block < blocks; ++block) {
    if (tile.ahead != nullptr) {
      for (size_t line = 0; line < tile.ahead_step; line += 64) {
        _mm_prefetch(reinterpret_cast<const char*>(tile.ahead + block * tile.ahead_step + line), _MM_HINT_T0);
      }
    }
    __m256i sum[kRows][2];
    sum_block<kKind, kRows>(chunk, block, x, sum);
#pragma GCC unroll 4
    for (size_t t = 0; t < kRows; ++t) {
      const __m256 d = _mm256_set1_ps(x[t].d[block]);
#pragma GCC unroll 2
      for (size_t v = 0; v < 2; ++v) {
        const __m256 both = _mm256_mul_ps(_mm256_load_ps(&chunk.d[block][8 * v]), d);
        y[t][v] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum[t][v]), both, y[t][v]);
        if constexpr (has_halves(kKind)) {
          y[t][v] = _mm256_fmadd_ps(_mm256_load_ps(&chunk.offset[2 * block][8 * v]),
                                    _mm256_set1_ps(x[t].half_sum[2 * block]), y[t][v]);
          y[t][v] = _mm256_fmadd_ps(_mm256_load_ps(&chunk.offset[2 * block + 1][8 * v]),
                                    _mm256_set1_ps(x[t].half_sum[2 * block + 1]), y[t][v]);
        } else if constexpr (kKind != DotKind::kSigned8) {
          y[t][v] = _mm256_fmadd_ps(_mm256_load_ps(&chunk.offset[block][8 * v]), _mm256_set1_ps(x[t].sum[block]), y[t][v]);
        }
      }
    }
  }
#pragma GCC unroll 4
  for (size_t t = 0; t < kRows; ++t) {
#pragma GCC unroll 2
    for (size_t v = 0; v < 2; ++v) _mm256_storeu_ps(tile.y + t * tile.stride + 8 * v, y[t][v]);
  }
}

template <DotKind kKind>
inline void dot_rows(const Chunk& chunk, size_t blocks, const ActivationChunk* x, const Tile& tile) {
  switch (tile.rows) {
    case 1: return dot_tile<kKind, 1>(chunk, blocks, x, tile);
    case 2: return dot_tile<kKind, 2>(chunk, blocks, x, tile);
    case 3: return dot_tile<kKind, 3>(chunk, blocks, x, tile);
    case 4: return dot_tile<kKind, 4>(chunk, blocks, x, tile);
    default: SILLOK_CHECK(false);
  }
}

void dot_avx2(DotKind kind, const Chunk& chunk, size_t blocks, const ActivationChunk* x, Tile tile) {
  switch (kind) {
    case DotKind::kUnsigned4: return dot_rows<DotKind::kUnsigned4>(chunk, blocks, x, tile);
    case DotKind::kUnsigned5: return dot_rows<DotKind::kUnsigned5>(chunk, blocks, x, tile);
    case DotKind::kSigned8: return dot_rows<DotKind::kSigned8>(chunk, blocks, x, tile);
    case DotKind::kHalves3: return dot_rows<DotKind::kHalves3>(chunk, blocks, x, tile);
    case DotKind::kHalves6: return dot_rows<DotKind::kHalves6>(chunk, blocks, x, tile);
  }
}

}  // namespace

const Kernels& avx2_kernels() {
  static constexpr Kernels kTable = make_table(Isa::kAvx2, quantize_avx2, dot_avx2, dot_direct_avx2);
  return kTable;
}

}  // namespace sillok::tensor
