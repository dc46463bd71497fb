// Part of kernels_avx2_direct.h: types whose blocks are 256 columns.
#pragma once

namespace sillok::tensor {
namespace {

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

// Q2_K, and Q3_K with kHigh. A word holds two bits of four blocks.
template <bool kHigh>
struct DirectQ2K {
  static constexpr size_t kBlocks = 4;
  template <size_t kRows>
  static void add(const uint8_t* from, size_t n, const ActivationChunk* x, size_t v, __m256* y) {
    const uint8_t *scales = from + (kHigh ? 32 : 64), *high = from + 288, *qs = from + (kHigh ? 800 : 320);
    const Floats d = load_panel_halves(from, v);
    const Floats dmin = kHigh ? d : load_panel_halves(from + 32, v);
#pragma GCC unroll 4
    for (size_t j = 0; j < 4; ++j) {
      const size_t block = 4 * n + j;
      __m256i sum[kRows];
      __m256 offset[2];
#pragma GCC unroll 2
      for (size_t half = 0; half < 2; ++half) {
        Narrow<kRows> narrow;
#pragma GCC unroll 4
        for (size_t group = 4 * half; group < 4 * half + 4; ++group) {
          __m256i q = masked(_mm256_srli_epi32(load_packed(qs, 8 * n + group, v), static_cast<int>(2 * j)), kPairs);
          if constexpr (kHigh) {
            const __m256i top = masked(_mm256_srli_epi32(load_packed(high, group, v), static_cast<int>(block)), kOnes);
            q = _mm256_or_si256(q, _mm256_slli_epi32(top, 2));
          }
          narrow.add(q, x, block, group, group == 4 * half);
        }
        const uint8_t* codes = scales + kPanel * (2 * block + half) + 8 * v;
        if constexpr (kHigh) {
          narrow.widen(load_scale_pairs(codes), sum, half == 0);
          offset[half] = d * to_floats(load_signed(codes) * -4);
        } else {
          narrow.widen(_mm256_and_si256(load_scale_pairs(codes), _mm256_set1_epi16(15)), sum, half == 0);
          offset[half] = -(dmin * to_floats(load_unsigned(codes) >> 4));
        }
      }
      add_block<DotKind::kHalves3, kRows>(x, block, sum, d, offset, y);
    }
  }
};

}  // namespace
}  // namespace sillok::tensor
