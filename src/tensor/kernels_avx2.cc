// AVX2, FMA and F16C. This file alone is compiled with their flags.
#include <immintrin.h>

#include "tensor/lanes.h"

namespace sillok::tensor {
namespace {

inline Floats fma(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
inline Floats load_halves(const uint16_t* from) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}
inline void store_halves(Floats value, uint16_t* to) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm256_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
inline Ints load_unsigned(const void* from) {
  return reinterpret_cast<Ints>(_mm256_cvtepu8_epi32(_mm_loadl_epi64(static_cast<const __m128i*>(from))));
}
inline Ints load_signed(const void* from) {
  return reinterpret_cast<Ints>(_mm256_cvtepi8_epi32(_mm_loadl_epi64(static_cast<const __m128i*>(from))));
}
inline Words look_up(Words codes, const int8_t* table) {
  const __m256i both = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table)));
  return reinterpret_cast<Words>(_mm256_shuffle_epi8(both, reinterpret_cast<__m256i>(codes)));
}

inline __m256i load_int(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }
// Four columns of x for all lanes.
inline __m256i splat_columns(const int8_t* from) {
  int32_t four;
  std::memcpy(&four, from, sizeof four);
  return _mm256_set1_epi32(four);
}

// Keeps a sum in its register at this point: g++ otherwise moves the additions behind all multiplications of a block, whose
// products then do not fit the registers (half the speed).
inline void keep(__m256i& sum) { __asm__("" : "+x"(sum)); }

// Sums of 16-bit pairs stay exact while each is below 2^15: a product of two columns is at most 2 * 127 * (q's limit), so
// that many groups of four columns may be added up before they are widened to 32 bits.
constexpr size_t groups_in_16_bits(DotKind kind) {
  switch (kind) {
    case DotKind::kUnsigned4: return 8;  // 8 * 2 * 127 * 15 = 30480
    case DotKind::kUnsigned5: return 4;  // 4 * 2 * 127 * 31 = 31496
    case DotKind::kSigned8: return 1;    // 2 * 127 * 128 = 32512
    case DotKind::kHalves3: return 4;    // a half has four groups
    case DotKind::kHalves6: return 2;    // 2 * 2 * 127 * 63 = 32004
  }
  return 1;
}
constexpr bool has_halves(DotKind kind) { return kind == DotKind::kHalves3 || kind == DotKind::kHalves6; }

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

// As quantize_lanes in kernel_elementwise.h, the same bits.
void quantize_avx2(const float* x, size_t columns, ActivationChunk* out) {
  const __m256i magnitude = _mm256_set1_epi32(0x7FFFFFFF);
  for (size_t block = 0; block < columns / kBlock; ++block, x += kBlock) {
    __m256 v[4];
    __m256i most = _mm256_setzero_si256();
    for (size_t i = 0; i < 4; ++i) {
      v[i] = _mm256_loadu_ps(x + 8 * i);
      most = _mm256_max_epi32(most, _mm256_and_si256(_mm256_castps_si256(v[i]), magnitude));
    }
    __m128i four = _mm_max_epi32(_mm256_castsi256_si128(most), _mm256_extracti128_si256(most, 1));
    four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4E));
    four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0xB1));
    const int32_t extreme_bits = _mm_cvtsi128_si32(four);
    const float extreme = _mm_cvtss_f32(_mm_castsi128_ps(four));
    const bool broken = extreme_bits >= 0x7F800000, nothing = broken || extreme < kLeastExtreme;
    const __m256 inverse = _mm256_set1_ps(nothing ? 0.0f : 127.0f / extreme);
    __m256i codes[4];
    for (size_t i = 0; i < 4; ++i) codes[i] = _mm256_cvtps_epi32(_mm256_mul_ps(v[i], inverse));
    // Packing works within 128-bit halves; the permutation puts the columns in order again.
    __m256i bytes = _mm256_packs_epi16(_mm256_packs_epi32(codes[0], codes[1]), _mm256_packs_epi32(codes[2], codes[3]));
    bytes = _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    if (nothing) bytes = _mm256_setzero_si256();
    _mm256_store_si256(reinterpret_cast<__m256i*>(out->q + block * kBlock), bytes);
    // Sums of the 16 bytes of each half, both at once.
    const __m256i pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1), bytes);
    __m256i sums = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
    sums = _mm256_add_epi32(sums, _mm256_shuffle_epi32(sums, 0x4E));
    sums = _mm256_add_epi32(sums, _mm256_shuffle_epi32(sums, 0xB1));
    const int32_t first = _mm256_cvtsi256_si32(sums), second = _mm256_extract_epi32(sums, 4);
    const float d = broken ? from_bits(Ints{} + 0x7FC00000)[0] : nothing ? 0.0f : extreme / 127.0f;
    out->half_sum[2 * block] = d * static_cast<float>(first);
    out->half_sum[2 * block + 1] = d * static_cast<float>(second);
    out->d[block] = d;
    out->sum[block] = d * static_cast<float>(first + second);
  }
}

}  // namespace
}  // namespace sillok::tensor

#include "tensor/kernel_table.h"
#include "tensor/kernels_avx2_direct.h"

namespace sillok::tensor {

const Kernels& avx2_kernels() {
  static constexpr Kernels kTable = make_table(Isa::kAvx2, quantize_avx2, dot_avx2, dot_direct_avx2);
  return kTable;
}

}  // namespace sillok::tensor
