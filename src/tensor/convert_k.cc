// The K types: 256 elements a block, in sub-blocks with small integer scales (and minimums) under a half-precision d
// (and dmin). Below, b counts sub-blocks and l elements in a run of 32.
//
//   Q2_K   84 bytes  0 scales[16] | 16 qs[64] | 80 d half | 82 dmin half
//          x = d * (scales[b] & 15) * q - dmin * (scales[b] >> 4), sub-blocks of 16
//          q = qs[32 n + l] >> 2 j & 3 for element 128 n + 32 j + l
//   Q3_K  110 bytes  0 hmask[32] | 32 qs[64] | 96 scales[12] | 108 d half
//          x = d * (scale[b] - 32) * (q - 4), sub-blocks of 16; low two bits of q as Q2_K, bit 2 of element
//          128 n + 32 j + l is bit 4 n + j of hmask[l]
//          scale[b]: low four bits in nibble b / 8 of scales[b % 8], high two in bits 2 (b / 4) of scales[8 + b % 4]
//   Q4_K  144 bytes  0 d half | 2 dmin half | 4 scales[12] | 16 qs[128]
//          x = d * scale[b] * q - dmin * min[b], sub-blocks of 32
//          q = low (b even) or high (b odd) nibble of qs[32 (b / 2) + l]
//          b < 4: scale[b] = scales[b] & 63, min[b] = scales[b + 4] & 63; else low four bits in the low (scale) and
//          high (min) nibble of scales[b + 4], high two in the top bits of scales[b - 4] (scale) and scales[b] (min)
//   Q5_K  176 bytes  0 d half | 2 dmin half | 4 scales[12] | 16 qh[32] | 48 qs[128]
//          as Q4_K, bit 4 of element l of sub-block b is bit b of qh[l]
//   Q6_K  210 bytes  0 ql[128] | 128 qh[64] | 192 scales[16] int8 | 208 d half
//          x = d * scales[b] * (q - 32), sub-blocks of 16. For element 128 n + 32 j + l: low four bits are nibble j / 2 of
//          ql[64 n + 32 (j % 2) + l], high two are bits 2 j of qh[32 n + l]
#include <algorithm>
#include <cmath>

#include "tensor/convert.h"

namespace sillok::tensor {
namespace {

constexpr size_t kSuper = 256;
const float kNaN = std::bit_cast<float>(0x7FC00000u);

// Importances of one superblock, all ones if there are none.
struct Importance {
  float values[kSuper];
  explicit Importance(const float* weights) {
    if (weights != nullptr) {
      std::memcpy(values, weights, sizeof values);
    } else {
      std::fill(values, values + kSuper, 1.0f);
    }
  }
};

// Sub-block scales on a common step: values[i] ~ d * codes[i]. d is what the half in the file will read back as.
float quantize_scales(const float* values, int count, int low, int high, int* codes) {
  float extreme = 0;
  for (int i = 0; i < count; ++i) {
    if (std::fabs(values[i]) > std::fabs(extreme)) extreme = values[i];
  }
  const float end = static_cast<float>(low < 0 ? low : high);
  const float d = half_to_float(float_to_half(extreme / end));
  for (int i = 0; i < count; ++i) codes[i] = d != 0 ? nearest(values[i] / d, low, high) : 0;
  return d;
}

// The q of one sub-block under its final scale and offset.
void requantize(const float* x, size_t count, float scale, float offset, int top, uint8_t* q) {
  const float inverse = scale != 0 ? 1.0f / scale : 0.0f;
  for (size_t i = 0; i < count; ++i) q[i] = static_cast<uint8_t>(nearest((x[i] - offset) * inverse, 0, top));
}

// Types with a scale and a minimum for each sub-block: the codes of one superblock.
struct MinBlock {
  float d = 0, dmin = 0;
  int scales[16] = {}, mins[16] = {};
  uint8_t q[kSuper] = {};
};
MinBlock quantize_min_block(const float* x, const float* weights, int subs, int top, int scale_top) {
  const Importance w(weights);
  const size_t size = kSuper / static_cast<size_t>(subs);
  MinBlock block;
  if (!all_finite(x, kSuper)) {
    block.d = kNaN;
    return block;
  }
  float scales[16], mins[16];
  for (int b = 0; b < subs; ++b) {
    const size_t at = static_cast<size_t>(b) * size;
    const ScaleOffset found = search_scale_offset(x + at, w.values + at, size, top, OffsetSign::kNonPositive);
    scales[b] = found.scale;
    mins[b] = -found.offset;
  }
  block.d = quantize_scales(scales, subs, 0, scale_top, block.scales);
  block.dmin = quantize_scales(mins, subs, 0, scale_top, block.mins);
  for (int b = 0; b < subs; ++b) {
    const size_t at = static_cast<size_t>(b) * size;
    requantize(x + at, size, block.d * static_cast<float>(block.scales[b]),
               -block.dmin * static_cast<float>(block.mins[b]), top, block.q + at);
  }
  return block;
}

// Types with a signed scale for each of 16 sub-blocks and a fixed zero in the middle of q's range.
struct CentredBlock {
  float d = 0;
  int scales[16] = {};
  uint8_t q[kSuper] = {};
};
CentredBlock quantize_centred_block(const float* x, const float* weights, int zero, int scale_low, int scale_high) {
  const Importance w(weights);
  CentredBlock block;
  if (!all_finite(x, kSuper)) {
    block.d = kNaN;
    return block;
  }
  float scales[16];
  for (size_t b = 0; b < 16; ++b) {
    scales[b] = search_scale(x + 16 * b, w.values + 16 * b, 16, -zero, zero - 1);
  }
  block.d = quantize_scales(scales, 16, scale_low, scale_high, block.scales);
  for (size_t b = 0; b < 16; ++b) {
    const float scale = block.d * static_cast<float>(block.scales[b]);
    requantize(x + 16 * b, 16, scale, -scale * static_cast<float>(zero), 2 * zero - 1, block.q + 16 * b);
  }
  return block;
}

void pack_scale_min(const int* scales, const int* mins, uint8_t* packed) {
  std::memset(packed, 0, 12);
  for (int b = 0; b < 4; ++b) {
    packed[b] = static_cast<uint8_t>(scales[b] | (scales[b + 4] >> 4 << 6));
    packed[b + 4] = static_cast<uint8_t>(mins[b] | (mins[b + 4] >> 4 << 6));
    packed[b + 8] = static_cast<uint8_t>((scales[b + 4] & 15) | (mins[b + 4] & 15) << 4);
  }
}

// Puts `bits` bits of q[i] >> from at bit `at` of the byte.
void put(uint8_t& byte, int value, int at) { byte = static_cast<uint8_t>(byte | (value << at)); }

// --- Q2_K ---

void dequantize_q2(const uint8_t* from, float* to, size_t blocks) {
  for (size_t block = 0; block < blocks; ++block, from += 84, to += kSuper) {
    const float d = load_half(from + 80), dmin = load_half(from + 82);
    for (size_t i = 0; i < kSuper; ++i) {
      const size_t n = i / 128, j = i / 32 % 4, l = i % 32;
      const int q = from[16 + 32 * n + l] >> (2 * j) & 3;
      const float scale = d * static_cast<float>(from[i / 16] & 15);
      const float minimum = dmin * static_cast<float>(from[i / 16] >> 4);
      to[i] = scale * static_cast<float>(q) - minimum;
    }
  }
}

void quantize_q2(const float* from, uint8_t* to, size_t blocks, const float* weights) {
  for (size_t block = 0; block < blocks; ++block, from += kSuper, to += 84) {
    const MinBlock found = quantize_min_block(from, weights ? weights + block * kSuper : nullptr, 16, 3, 15);
    std::memset(to, 0, 84);
    for (int b = 0; b < 16; ++b) to[b] = static_cast<uint8_t>(found.scales[b] | found.mins[b] << 4);
    for (size_t i = 0; i < kSuper; ++i) put(to[16 + 32 * (i / 128) + i % 32], found.q[i], static_cast<int>(2 * (i / 32 % 4)));
    store_half(to + 80, found.d);
    store_half(to + 82, found.dmin);
  }
}

// --- Q3_K ---

void dequantize_q3(const uint8_t* from, float* to, size_t blocks) {
  for (size_t block = 0; block < blocks; ++block, from += 110, to += kSuper) {
    const float d = load_half(from + 108);
    for (size_t i = 0; i < kSuper; ++i) {
      const size_t n = i / 128, j = i / 32 % 4, l = i % 32;
      const int q = (from[32 + 32 * n + l] >> (2 * j) & 3) | (from[l] >> (4 * n + j) & 1) << 2;
      const float scale = d * static_cast<float>(unpack_q3_scale(from + 96, static_cast<int>(i / 16)) - 32);
      to[i] = scale * static_cast<float>(q - 4);
    }
  }
}

void quantize_q3(const float* from, uint8_t* to, size_t blocks, const float* weights) {
  for (size_t block = 0; block < blocks; ++block, from += kSuper, to += 110) {
    const CentredBlock found = quantize_centred_block(from, weights ? weights + block * kSuper : nullptr, 4, -32, 31);
    std::memset(to, 0, 110);
    for (int b = 0; b < 16; ++b) {
      const int scale = found.scales[b] + 32;
      put(to[96 + b % 8], scale & 15, 4 * (b / 8));
      put(to[104 + b % 4], scale >> 4, 2 * (b / 4));
    }
    for (size_t i = 0; i < kSuper; ++i) {
      const size_t n = i / 128, j = i / 32 % 4, l = i % 32;
      put(to[32 + 32 * n + l], found.q[i] & 3, static_cast<int>(2 * j));
      put(to[l], found.q[i] >> 2, static_cast<int>(4 * n + j));
    }
    store_half(to + 108, found.d);
  }
}

// --- Q4_K and Q5_K ---

// kHigh: the five-bit type, whose fifth bits come before the nibbles.
template <bool kHigh>
SILLOK_BODY dequantize_q4_q5(const uint8_t* from, float* to, size_t blocks) {
  constexpr size_t kBytes = kHigh ? 176 : 144;
  for (size_t block = 0; block < blocks; ++block, from += kBytes, to += kSuper) {
    const float d = load_half(from), dmin = load_half(from + 2);
    const uint8_t* qh = from + 16;
    const uint8_t* qs = kHigh ? from + 48 : from + 16;
    for (size_t b = 0; b < 8; ++b) {
      const ScaleMin codes = unpack_scale_min(from + 4, static_cast<int>(b));
      const float scale = d * static_cast<float>(codes.scale), minimum = dmin * static_cast<float>(codes.min);
      for (size_t l = 0; l < 32; ++l) {
        int q = qs[32 * (b / 2) + l] >> (4 * (b % 2)) & 15;
        if constexpr (kHigh) q |= (qh[l] >> b & 1) << 4;
        to[32 * b + l] = scale * static_cast<float>(q) - minimum;
      }
    }
  }
}

template <bool kHigh>
void quantize_q4_q5(const float* from, uint8_t* to, size_t blocks, const float* weights) {
  constexpr size_t kBytes = kHigh ? 176 : 144;
  for (size_t block = 0; block < blocks; ++block, from += kSuper, to += kBytes) {
    const MinBlock found =
        quantize_min_block(from, weights ? weights + block * kSuper : nullptr, 8, kHigh ? 31 : 15, 63);
    std::memset(to, 0, kBytes);
    store_half(to, found.d);
    store_half(to + 2, found.dmin);
    pack_scale_min(found.scales, found.mins, to + 4);
    uint8_t* qs = kHigh ? to + 48 : to + 16;
    for (size_t i = 0; i < kSuper; ++i) {
      const size_t b = i / 32, l = i % 32;
      put(qs[32 * (b / 2) + l], found.q[i] & 15, static_cast<int>(4 * (b % 2)));
      if constexpr (kHigh) put(to[16 + l], found.q[i] >> 4, static_cast<int>(b));
    }
  }
}

// --- Q6_K ---

SILLOK_BODY dequantize_q6(const uint8_t* from, float* to, size_t blocks) {
  for (size_t block = 0; block < blocks; ++block, from += 210, to += kSuper) {
    const float d = load_half(from + 208);
    for (size_t i = 0; i < kSuper; ++i) {
      const size_t n = i / 128, j = i / 32 % 4, l = i % 32;
      const int q = (from[64 * n + 32 * (j % 2) + l] >> (4 * (j / 2)) & 15) | (from[128 + 32 * n + l] >> (2 * j) & 3) << 4;
      const float scale = d * static_cast<float>(static_cast<int8_t>(from[192 + i / 16]));
      to[i] = scale * static_cast<float>(q - 32);
    }
  }
}

void quantize_q6(const float* from, uint8_t* to, size_t blocks, const float* weights) {
  for (size_t block = 0; block < blocks; ++block, from += kSuper, to += 210) {
    const CentredBlock found = quantize_centred_block(from, weights ? weights + block * kSuper : nullptr, 32, -128, 127);
    std::memset(to, 0, 210);
    for (size_t i = 0; i < kSuper; ++i) {
      const size_t n = i / 128, j = i / 32 % 4, l = i % 32;
      put(to[64 * n + 32 * (j % 2) + l], found.q[i] & 15, static_cast<int>(4 * (j / 2)));
      put(to[128 + 32 * n + l], found.q[i] >> 4, static_cast<int>(2 * j));
    }
    for (int b = 0; b < 16; ++b) to[192 + b] = static_cast<uint8_t>(found.scales[b]);
    store_half(to + 208, found.d);
  }
}

constexpr Converter kConverters[] = {
    {Type::kQ2_K, dequantize_q2, quantize_q2},
    {Type::kQ3_K, dequantize_q3, quantize_q3},
    {Type::kQ4_K, widened<dequantize_q4_q5<false>>, quantize_q4_q5<false>},
    {Type::kQ5_K, widened<dequantize_q4_q5<true>>, quantize_q4_q5<true>},
    {Type::kQ6_K, widened<dequantize_q6>, quantize_q6},
};

}  // namespace

ScaleMin unpack_scale_min(const uint8_t* packed, int index) {
  if (index < 4) return {static_cast<uint8_t>(packed[index] & 63), static_cast<uint8_t>(packed[index + 4] & 63)};
  return {static_cast<uint8_t>((packed[index + 4] & 15) | packed[index - 4] >> 6 << 4),
          static_cast<uint8_t>(packed[index + 4] >> 4 | packed[index] >> 6 << 4)};
}

uint8_t unpack_q3_scale(const uint8_t* packed, int index) {
  const int low = packed[index % 8] >> (4 * (index / 8)) & 15;
  const int high = packed[8 + index % 4] >> (2 * (index / 4)) & 3;
  return static_cast<uint8_t>(low | high << 4);
}

std::span<const Converter> k_converters() { return kConverters; }

}  // namespace sillok::tensor
