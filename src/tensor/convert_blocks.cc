// The types of 32 elements a block with one scale, d (and one offset, m).
//
//   Q4_0  18 bytes  0 d half | 2 qs[16]                        x = d * (q - 8),  q 4 bits
//   Q4_1  20 bytes  0 d half | 2 m half | 4 qs[16]             x = d * q + m
//   Q5_0  22 bytes  0 d half | 2 qh u32 | 6 qs[16]             x = d * (q - 16), q 5 bits
//   Q5_1  24 bytes  0 d half | 2 m half | 4 qh u32 | 8 qs[16]  x = d * q + m
//   Q8_0  34 bytes  0 d half | 2 qs[32] int8                   x = d * q
//
// qs[j] holds element j in its low and element j + 16 in its high nibble; bit i of qh is bit 4 of element i.
#include "tensor/convert.h"

namespace sillok::tensor {
namespace {

constexpr size_t kBlock = 32;
constexpr float kOnes[kBlock] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

// Where the fields of a 4- or 5-bit type lie; a zero `high` means that there is no fifth bit.
struct Nibbles {
  bool has_offset;
  size_t high, low, bytes;
};
constexpr Nibbles kQ40{false, 0, 2, 18}, kQ41{true, 0, 4, 20}, kQ50{false, 2, 6, 22}, kQ51{true, 4, 8, 24};

template <Nibbles kLayout>
SILLOK_BODY dequantize_nibbles(const uint8_t* from, float* to, size_t blocks) {
  constexpr int kZero = kLayout.has_offset ? 0 : (kLayout.high ? 16 : 8);
  for (size_t block = 0; block < blocks; ++block, from += kLayout.bytes, to += kBlock) {
    const float d = load_half(from);
    uint32_t high = 0;
    if constexpr (kLayout.high != 0) std::memcpy(&high, from + kLayout.high, 4);
    for (size_t j = 0; j < 16; ++j) {
      const uint32_t byte = from[kLayout.low + j];
      const int first = static_cast<int>((byte & 15u) | ((high >> j & 1u) << 4));
      const int second = static_cast<int>((byte >> 4) | ((high >> (j + 16) & 1u) << 4));
      if constexpr (kLayout.has_offset) {
        const float m = load_half(from + 2);
        to[j] = d * static_cast<float>(first) + m;
        to[j + 16] = d * static_cast<float>(second) + m;
      } else {
        to[j] = d * static_cast<float>(first - kZero);
        to[j + 16] = d * static_cast<float>(second - kZero);
      }
    }
  }
}

template <Nibbles kLayout>
void quantize_nibbles(const float* from, uint8_t* to, size_t blocks, const float* weights) {
  constexpr int kTop = kLayout.high ? 31 : 15;
  constexpr int kZero = kLayout.has_offset ? 0 : (kTop + 1) / 2;
  for (size_t block = 0; block < blocks; ++block, from += kBlock, to += kLayout.bytes) {
    const float* w = weights != nullptr ? weights + block * kBlock : kOnes;
    std::memset(to, 0, kLayout.bytes);
    ScaleOffset found;
    if (!all_finite(from, kBlock)) {
      found.scale = std::bit_cast<float>(0x7FC00000u);  // the block reads back as NaN
    } else if constexpr (kLayout.has_offset) {
      found = search_scale_offset(from, w, kBlock, kTop, OffsetSign::kAny);
    } else {
      found.scale = search_scale(from, w, kBlock, -kZero, kTop - kZero);
    }
    store_half(to, found.scale);
    if constexpr (kLayout.has_offset) store_half(to + 2, found.offset);
    const float d = load_half(to);
    const float m = kLayout.has_offset ? load_half(to + 2) : 0.0f;
    const float inverse = d != 0 ? 1.0f / d : 0.0f;
    uint32_t high = 0;
    for (size_t i = 0; i < kBlock; ++i) {
      const int q = nearest((from[i] - m) * inverse + static_cast<float>(kZero), 0, kTop);
      const size_t at = kLayout.low + i % 16;
      to[at] = static_cast<uint8_t>(to[at] | ((q & 15) << (i < 16 ? 0 : 4)));
      high |= static_cast<uint32_t>(q >> 4) << i;
    }
    if constexpr (kLayout.high != 0) std::memcpy(to + kLayout.high, &high, 4);
  }
}

SILLOK_BODY dequantize_q8(const uint8_t* from, float* to, size_t blocks) {
  for (size_t block = 0; block < blocks; ++block, from += 34, to += kBlock) {
    const float d = load_half(from);
    for (size_t i = 0; i < kBlock; ++i) to[i] = d * static_cast<float>(static_cast<int8_t>(from[2 + i]));
  }
}

void quantize_q8(const float* from, uint8_t* to, size_t blocks, const float*) {
  for (size_t block = 0; block < blocks; ++block, from += kBlock, to += 34) {
    float largest = 0;
    for (size_t i = 0; i < kBlock; ++i) largest = std::max(largest, from[i] < 0 ? -from[i] : from[i]);
    // No search: at 8 bits the error is far below what the scale could win.
    store_half(to, all_finite(from, kBlock) ? largest / 127.0f : std::bit_cast<float>(0x7FC00000u));
    const float d = load_half(to);
    const float inverse = d != 0 ? 1.0f / d : 0.0f;
    for (size_t i = 0; i < kBlock; ++i) to[2 + i] = static_cast<uint8_t>(nearest(from[i] * inverse, -127, 127));
  }
}

constexpr Converter kConverters[] = {
    {Type::kQ4_0, widened<dequantize_nibbles<kQ40>>, quantize_nibbles<kQ40>},
    {Type::kQ4_1, widened<dequantize_nibbles<kQ41>>, quantize_nibbles<kQ41>},
    {Type::kQ5_0, widened<dequantize_nibbles<kQ50>>, quantize_nibbles<kQ50>},
    {Type::kQ5_1, widened<dequantize_nibbles<kQ51>>, quantize_nibbles<kQ51>},
    {Type::kQ8_0, widened<dequantize_q8>, quantize_q8},
};

}  // namespace

std::span<const Converter> block_converters() { return kConverters; }

}  // namespace sillok::tensor
