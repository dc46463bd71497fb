// Part of kernels_avx2_direct.h: types whose blocks are 32 columns.
#pragma once

namespace sillok::tensor {
namespace {

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

// Q5_0 and, with an offset in the file, Q5_1.
template <bool kHasOffset>
struct DirectQ5 {
  static constexpr size_t kBlocks = 1;
  template <size_t kRows>
  static void add(const uint8_t* packed, size_t block, const ActivationChunk* x, size_t v, __m256* y) {
    constexpr size_t kHigh = kHasOffset ? 64 : 32, kLow = kHigh + 64, kBytes = kLow + 256;
    const uint8_t* from = packed + block * kBytes;
    const __m256i high = load_packed(from + kHigh, 0, v);
    Narrow<kRows> narrow[2];
#pragma GCC unroll 4
    for (int word = 0; word < 4; ++word) {
      const __m256i both = load_packed(from + kLow, static_cast<size_t>(word), v);
      const __m256i low_top = _mm256_slli_epi32(masked(_mm256_srli_epi32(high, word), kOnes), 4);
      const __m256i high_top = masked(_mm256_srli_epi32(high, word), kOnes << 4);  // bit 4 + word, where it belongs
      const __m256i first = _mm256_or_si256(masked(both, kNibbles), low_top);
      const __m256i second = _mm256_or_si256(masked(_mm256_srli_epi32(both, 4), kNibbles), high_top);
      narrow[0].add(first, x, block, static_cast<size_t>(word), word == 0);
      narrow[1].add(second, x, block, static_cast<size_t>(word) + 4, word == 0);
    }
    __m256i sum[kRows];
    narrow[0].widen(_mm256_set1_epi16(1), sum, true);
    narrow[1].widen(_mm256_set1_epi16(1), sum, false);
    const Floats d = load_panel_halves(from, v);
    const __m256 offset = kHasOffset ? load_panel_halves(from + 32, v) : d * -16.0f;
    add_block<DotKind::kUnsigned5, kRows>(x, block, sum, d, &offset, y);
  }
};

struct DirectMxfp4 {
  static constexpr size_t kBlocks = 1;
  template <size_t kRows>
  static void add(const uint8_t* packed, size_t block, const ActivationChunk* x, size_t v, __m256* y) {
    const uint8_t* from = packed + block * 272;
    const __m256i table = look_up_table(kMxfp4Raised);
    Narrow<kRows> narrow[2];
#pragma GCC unroll 4
    for (size_t word = 0; word < 4; ++word) {
      const __m256i both = load_packed(from + 16, word, v);
      narrow[0].add(_mm256_shuffle_epi8(table, masked(both, kNibbles)), x, block, word, word == 0);
      narrow[1].add(_mm256_shuffle_epi8(table, masked(_mm256_srli_epi32(both, 4), kNibbles)), x, block, word + 4, word == 0);
    }
    __m256i sum[kRows];
    narrow[0].widen(_mm256_set1_epi16(1), sum, true);
    narrow[1].widen(_mm256_set1_epi16(1), sum, false);
    const Floats d = mxfp4_scales(from, v);
    const __m256 offset = d * -12.0f;
    add_block<DotKind::kUnsigned5, kRows>(x, block, sum, d, &offset, y);
  }
};

// Adds the products of one group of signed bytes.
template <size_t kRows>
inline void add_signed(__m256i weights, const ActivationChunk* x, size_t block, size_t group, __m256i* sum, bool first) {
  const __m256i magnitude = _mm256_abs_epi8(weights), ones = _mm256_set1_epi16(1);
#pragma GCC unroll 2
  for (size_t t = 0; t < kRows; ++t) {
    const __m256i signed_x = _mm256_sign_epi8(splat_columns(x[t].q + block * kBlock + group * 4), weights);
    const __m256i wide = _mm256_madd_epi16(_mm256_maddubs_epi16(magnitude, signed_x), ones);
    sum[t] = first ? wide : _mm256_add_epi32(sum[t], wide);
    keep(sum[t]);
  }
}

template <size_t kRows>
inline void add_block_without_offset(const ActivationChunk* x, size_t block, const __m256i* sum, __m256 d, __m256* y) {
#pragma GCC unroll 2
  for (size_t t = 0; t < kRows; ++t) {
    y[t] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum[t]), _mm256_mul_ps(d, _mm256_set1_ps(x[t].d[block])), y[t]);
  }
}

struct DirectQ8 {
  static constexpr size_t kBlocks = 1;
  template <size_t kRows>
  static void add(const uint8_t* packed, size_t block, const ActivationChunk* x, size_t v, __m256* y) {
    const uint8_t* from = packed + block * 544;
    __m256i sum[kRows];
#pragma GCC unroll 8
    for (size_t group = 0; group < 8; ++group) {
      add_signed<kRows>(load_packed(from + 32, group, v), x, block, group, sum, group == 0);
    }
    add_block_without_offset<kRows>(x, block, sum, load_panel_halves(from, v), y);
  }
};

struct DirectIq4 {
  static constexpr size_t kBlocks = 1;
  template <size_t kRows>
  static void add(const uint8_t* packed, size_t block, const ActivationChunk* x, size_t v, __m256* y) {
    const uint8_t* from = packed + block * 288;
    const __m256i table = look_up_table(kIq4Values);
    __m256i sum[kRows];
#pragma GCC unroll 4
    for (size_t word = 0; word < 4; ++word) {
      const __m256i both = load_packed(from + 32, word, v);
      add_signed<kRows>(_mm256_shuffle_epi8(table, masked(both, kNibbles)), x, block, word, sum, word == 0);
      add_signed<kRows>(_mm256_shuffle_epi8(table, masked(_mm256_srli_epi32(both, 4), kNibbles)), x, block, word + 4, sum, false);
    }
    add_block_without_offset<kRows>(x, block, sum, load_panel_halves(from, v), y);
  }
};

}  // namespace
}  // namespace sillok::tensor
