// Dot products straight from packed weights, for one or two rows of x: without the detour over unpacked bytes, which pays
// only when several tiles use them. Part of kernels_avx2.cc. Arithmetic and bits are those of kernels.h.
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

// Each of the following adds kBlocks blocks, those of `unit`, for vector v of the panel.

// Q4_0 and, with an offset in the file, Q4_1.
template <bool kHasOffset>
struct DirectQ4 {
  static constexpr size_t kBlocks = 1;
  template <size_t kRows>
  static void add(const uint8_t* packed, size_t block, const ActivationChunk* x, size_t v, __m256* y) {
    constexpr size_t kLow = kHasOffset ? 64 : 32, kBytes = kLow + 256;
    const uint8_t* from = packed + block * kBytes;
    Narrow<kRows> narrow;
#pragma GCC unroll 4
    for (size_t word = 0; word < 4; ++word) {
      const __m256i both = load_packed(from + kLow, word, v);
      narrow.add(masked(both, kNibbles), x, block, word, word == 0);
      narrow.add(masked(_mm256_srli_epi32(both, 4), kNibbles), x, block, word + 4, false);
    }
    __m256i sum[kRows];
    narrow.widen(_mm256_set1_epi16(1), sum, true);
    const Floats d = load_panel_halves(from, v);
    const __m256 offset = kHasOffset ? load_panel_halves(from + 32, v) : d * -8.0f;
    add_block<DotKind::kUnsigned4, kRows>(x, block, sum, d, &offset, y);
  }
};

// Q4_K, and Q5_K with kHigh.
template <bool kHigh>
struct DirectQ4K {
  static constexpr size_t kBlocks = 2;
  template <size_t kRows>
  static void add(const uint8_t* from, size_t pair, const ActivationChunk* x, size_t v, __m256* y) {
  constexpr DotKind kKind = kHigh ? DotKind::kUnsigned5 : DotKind::kUnsigned4;
  const uint8_t *scales = from + 64, *mins = from + 192, *high = from + 320, *qs = kHigh ? from + 832 : from + 320;
  const Floats d = load_panel_halves(from, v), dmin = load_panel_halves(from + 32, v);
  const __m256i ones = _mm256_set1_epi16(1);
    __m256i sums[2][kRows];
    constexpr size_t kStep = groups_in_16_bits(kKind);
#pragma GCC unroll 2
    for (size_t start = 0; start < 8; start += kStep) {
      Narrow<kRows> narrow[2];
#pragma GCC unroll 8
      for (size_t group = start; group < start + kStep; ++group) {
        const __m256i both = load_packed(qs, 8 * pair + group, v);
        __m256i even = masked(both, kNibbles), odd = masked(_mm256_srli_epi32(both, 4), kNibbles);
        if constexpr (kHigh) {
          const __m256i top = _mm256_srli_epi32(load_packed(high, group, v), static_cast<int>(2 * pair));
          even = _mm256_or_si256(even, _mm256_slli_epi32(masked(top, kOnes), 4));
          odd = _mm256_or_si256(odd, _mm256_slli_epi32(masked(top, kOnes << 1), 3));
        }
        narrow[0].add(even, x, 2 * pair, group, group == start);
        narrow[1].add(odd, x, 2 * pair + 1, group, group == start);
      }
      narrow[0].widen(ones, sums[0], start == 0);
      narrow[1].widen(ones, sums[1], start == 0);
    }
#pragma GCC unroll 2
    for (size_t i = 0; i < 2; ++i) {
      const size_t block = 2 * pair + i;
      const Floats scale = d * to_floats(load_panel_bytes(scales + kPanel * block, v));
      const __m256 offset = -(dmin * to_floats(load_panel_bytes(mins + kPanel * block, v)));
      add_block<kKind, kRows>(x, block, sums[i], scale, &offset, y);
    }
  }
};

// Eight int8 as pairs of equal 16-bit integers.
inline __m256i load_scale_pairs(const uint8_t* from) {
  int64_t eight;
  std::memcpy(&eight, from, sizeof eight);
  // Each byte to the upper half of both 16-bit integers of its lane, then down with its sign.
  const __m256i upper = _mm256_setr_epi8(-1, 0, -1, 0, -1, 1, -1, 1, -1, 2, -1, 2, -1, 3, -1, 3, -1, 4, -1, 4, -1, 5, -1, 5,
                                         -1, 6, -1, 6, -1, 7, -1, 7);
  return _mm256_srai_epi16(_mm256_shuffle_epi8(_mm256_set1_epi64x(eight), upper), 8);
}

struct DirectQ6 {
  static constexpr size_t kBlocks = 4;

  // Blocks 4 n + kPair and 4 n + kPair + 2, which share a word of low bits.
  template <size_t kPair, size_t kRows>
  static void sum_pair(const uint8_t* from, size_t n, const ActivationChunk* x, size_t v, __m256i (*sums)[kRows]) {
    const uint8_t *scales = from + 32, *low = from + 288 + (16 * n + 8 * kPair) * kWordBytes,
                  *high = from + 2336 + 8 * n * kWordBytes;
    const size_t first = 4 * n + kPair, second = first + 2;
#pragma GCC unroll 4
    for (size_t start = 0; start < 8; start += 2) {
      Narrow<kRows> narrow[2];
#pragma GCC unroll 2
      for (size_t group = start; group < start + 2; ++group) {
        const __m256i both = load_packed(low, group, v), top = load_packed(high, group, v);
        const __m256i one = kPair == 0 ? _mm256_slli_epi32(top, 4) : _mm256_slli_epi32(top, 2);
        const __m256i other = kPair == 0 ? top : _mm256_srli_epi32(top, 2);
        narrow[0].add(_mm256_or_si256(masked(both, kNibbles), masked(one, kPairs << 4)), x, first, group, group == start);
        narrow[1].add(_mm256_or_si256(masked(_mm256_srli_epi32(both, 4), kNibbles), masked(other, kPairs << 4)), x, second,
                      group, group == start);
      }
      narrow[0].widen(load_scale_pairs(scales + kPanel * (2 * first + start / 4) + 8 * v), sums[kPair], start == 0);
      narrow[1].widen(load_scale_pairs(scales + kPanel * (2 * second + start / 4) + 8 * v), sums[kPair + 2], start == 0);
    }
  }

  template <size_t kRows>
  static void add(const uint8_t* from, size_t n, const ActivationChunk* x, size_t v, __m256* y) {
    __m256i sums[4][kRows];
    sum_pair<0, kRows>(from, n, x, v, sums);
    sum_pair<1, kRows>(from, n, x, v, sums);
    const Floats d = load_panel_halves(from, v), zero = d * -32.0f;
#pragma GCC unroll 4
    for (size_t j = 0; j < 4; ++j) {
      const size_t block = 4 * n + j;
      __m256 offset[2];
      for (size_t half = 0; half < 2; ++half) {
        offset[half] = zero * to_floats(load_panel_signed(from + 32 + kPanel * (2 * block + half), v));
      }
      add_block<DotKind::kHalves6, kRows>(x, block, sums[j], d, offset, y);
    }
  }
};

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
    default: return false;
  }
}

}  // namespace
}  // namespace sillok::tensor
