// F32, F16, BF16: one element a block.
//   F32   4 bytes  IEEE 754 single
//   F16   2 bytes  IEEE 754 half
//   BF16  2 bytes  the upper half of a single; rounded to nearest even
#include "tensor/convert.h"

#ifdef SILLOK_HAVE_AVX2
#include <immintrin.h>
#endif

namespace sillok::tensor {
namespace {

void dequantize_f32(const uint8_t* from, float* to, size_t blocks) { std::memcpy(to, from, blocks * sizeof(float)); }
void quantize_f32(const float* from, uint8_t* to, size_t blocks, const float*) {
  std::memcpy(to, from, blocks * sizeof(float));
}

#ifdef SILLOK_HAVE_AVX2
// The instruction's bits are those of half_to_float.
__attribute__((target("avx2,f16c"))) size_t dequantize_f16_by_eight(const uint8_t* from, float* to, size_t blocks) {
  size_t i = 0;
  for (; i + 8 <= blocks; i += 8) _mm256_storeu_ps(to + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + 2 * i))));
  return i;
}
size_t dequantize_f16_start(const uint8_t* from, float* to, size_t blocks) {
  static const bool has = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("f16c") != 0;
  return has ? dequantize_f16_by_eight(from, to, blocks) : 0;
}
#else
size_t dequantize_f16_start(const uint8_t*, float*, size_t) { return 0; }
#endif
void dequantize_f16(const uint8_t* from, float* to, size_t blocks) {
  for (size_t i = dequantize_f16_start(from, to, blocks); i < blocks; ++i) to[i] = load_half(from + 2 * i);
}
void quantize_f16(const float* from, uint8_t* to, size_t blocks, const float*) {
  for (size_t i = 0; i < blocks; ++i) store_half(to + 2 * i, from[i]);
}

void dequantize_bf16(const uint8_t* from, float* to, size_t blocks) {
  for (size_t i = 0; i < blocks; ++i) to[i] = bfloat_to_float(load_u16(from + 2 * i));
}
void quantize_bf16(const float* from, uint8_t* to, size_t blocks, const float*) {
  for (size_t i = 0; i < blocks; ++i) {
    const uint32_t bits = std::bit_cast<uint32_t>(from[i]);
    const bool nan = (bits & 0x7FFFFFFFu) > 0x7F800000u;
    const uint32_t rounded = nan ? bits | 0x00400000u : bits + 0x7FFFu + ((bits >> 16) & 1u);
    store_u16(to + 2 * i, static_cast<uint16_t>(rounded >> 16));
  }
}

constexpr Converter kConverters[] = {
    {Type::kF32, dequantize_f32, quantize_f32},
    {Type::kF16, dequantize_f16, quantize_f16},
    {Type::kBF16, dequantize_bf16, quantize_bf16},
};

}  // namespace

std::span<const Converter> plain_converters() { return kConverters; }

}  // namespace sillok::tensor
