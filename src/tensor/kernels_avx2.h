// What kernels on AVX2, FMA and F16C share, those of larger instruction sets included: lanes.h in 256-bit vectors, activations in
// 8 bits, and products straight from packed weights. The including file has the intrinsics.
#pragma once

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
