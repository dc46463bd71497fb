// F32, F16, BF16: one element a block.
//   F32   4 bytes  IEEE 754 single
//   F16   2 bytes  IEEE 754 half
//   BF16  2 bytes  the upper half of a single; rounded to nearest even
#include "tensor/convert.h"

namespace sillok::tensor {
namespace {

void dequantize_f32(const uint8_t* from, float* to, size_t blocks) { std::memcpy(to, from, blocks * sizeof(float)); }
void quantize_f32(const float* from, uint8_t* to, size_t blocks, const float*) {
  std::memcpy(to, from, blocks * sizeof(float));
}

void dequantize_f16(const uint8_t* from, float* to, size_t blocks) {
  for (size_t i = 0; i < blocks; ++i) to[i] = load_half(from + 2 * i);
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
