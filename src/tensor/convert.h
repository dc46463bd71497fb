// Reference conversion, private to tensor: one pair of functions per type, and the searches they share.
//
// Every dequantise function computes in float32, one operation at a time, in the order its file's formula gives;
// the module is compiled with -ffp-contract=off so that the bits are those of the format's definition everywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "tensor/tensor.h"

namespace sillok::tensor {

using Dequantize = void (*)(const uint8_t* from, float* to, size_t blocks);
// weights: importance of each value (blocks * block_elements of them), or null.
using Quantize = void (*)(const float* from, uint8_t* to, size_t blocks, const float* weights);

struct Converter {
  Type type;
  Dequantize dequantize;
  Quantize quantize;
};
std::span<const Converter> plain_converters();   // convert_plain.cc: F32, F16, BF16
std::span<const Converter> block_converters();   // convert_blocks.cc: Q4_0, Q4_1, Q5_0, Q5_1, Q8_0
std::span<const Converter> k_converters();       // convert_k.cc: Q2_K, Q3_K, Q4_K, Q5_K, Q6_K
std::span<const Converter> table_converters();   // convert_tables.cc: IQ4_NL, MXFP4

// `Body`, its loops compiled for AVX2 too and run so where that is; the bits are the same, for nothing is contracted. Body is
// SILLOK_BODY, so that it is compiled into either.
#ifdef SILLOK_HAVE_AVX2
#define SILLOK_BODY inline __attribute__((always_inline)) void
template <Dequantize Body>
__attribute__((target("avx2"))) void with_avx2(const uint8_t* from, float* to, size_t blocks) {
  Body(from, to, blocks);
}
template <Dequantize Body>
void widened(const uint8_t* from, float* to, size_t blocks) {
  static const bool here = __builtin_cpu_supports("avx2") != 0;
  here ? with_avx2<Body>(from, to, blocks) : Body(from, to, blocks);
}
#else
#define SILLOK_BODY void
template <Dequantize Body>
void widened(const uint8_t* from, float* to, size_t blocks) {
  Body(from, to, blocks);
}
#endif

// Fields of a block are little-endian and not aligned.
inline uint16_t load_u16(const uint8_t* at) { return static_cast<uint16_t>(at[0] | (at[1] << 8)); }
inline void store_u16(uint8_t* at, uint16_t value) {
  at[0] = static_cast<uint8_t>(value);
  at[1] = static_cast<uint8_t>(value >> 8);
}
inline float load_half(const uint8_t* at) { return half_to_float(load_u16(at)); }
inline void store_half(uint8_t* at, float value) { store_u16(at, float_to_half(value)); }

// The values that nibbles of IQ4_NL and MXFP4 stand for (MXFP4: twice the value).
inline constexpr int8_t kIq4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
inline constexpr int8_t kMxfp4Values[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};
// Half of 2^(exponent - 127): the scale of a MXFP4 block, whose table holds doubled values.
float mxfp4_scale(uint8_t exponent);

// The 6-bit scale and minimum of sub-block `index` (0..7) in the 12 bytes that Q4_K and Q5_K share.
struct ScaleMin {
  uint8_t scale, min;
};
ScaleMin unpack_scale_min(const uint8_t* packed, int index);
// The 6-bit scale (0..63, its zero at 32) of sub-block `index` (0..15) in the 12 bytes of Q3_K.
uint8_t unpack_q3_scale(const uint8_t* packed, int index);

// --- Searches (scale_search.cc). `w` holds `count` positive importances. ---

// Rounds to the nearest integer, ties to even, clamped to [low, high]; low for NaN.
int nearest(float value, int low, int high);
bool all_finite(const float* x, size_t count);

// The scale d that minimises sum w (x - d q)^2 with q = nearest(x / d, low, high), searched around the scales that put
// the largest magnitude on either end of the range.
float search_scale(const float* x, const float* w, size_t count, int low, int high);

// x ~ scale * q + offset, q in 0..high. `kNonPositive`: offset <= 0, as the K types need.
struct ScaleOffset {
  float scale = 0, offset = 0;
};
enum class OffsetSign : uint8_t { kAny, kNonPositive };
ScaleOffset search_scale_offset(const float* x, const float* w, size_t count, int high, OffsetSign sign);

}  // namespace sillok::tensor
