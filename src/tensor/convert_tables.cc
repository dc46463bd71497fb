// The types whose 4-bit codes stand for values in a table (convert.h). 32 elements a block.
//
//   IQ4_NL  18 bytes  0 d half | 2 qs[16]             x = d * kIq4Values[q]
//   MXFP4   17 bytes  0 exponent u8 (E8M0) | 1 qs[16]  x = 2^(exponent - 127) * (kMxfp4Values[q] / 2)
//
// qs[j] holds element j in its low and element j + 16 in its high nibble.
// MXFP4: OCP Microscaling Formats v1.0, element E2M1. It has no NaN and no infinity.
#include <algorithm>
#include <cmath>

#include "tensor/convert.h"

namespace sillok::tensor {
namespace {

constexpr size_t kBlock = 32;

int nearest_code(float value, const int8_t* table) {
  int best = 0;
  float best_distance = std::fabs(value - static_cast<float>(table[0]));
  for (int code = 1; code < 16; ++code) {
    const float distance = std::fabs(value - static_cast<float>(table[code]));
    if (distance < best_distance) {
      best = code;
      best_distance = distance;
    }
  }
  return best;
}

void put_code(uint8_t* qs, size_t i, int code) {
  qs[i % 16] = static_cast<uint8_t>(qs[i % 16] | (code << (i < 16 ? 0 : 4)));
}

void dequantize_table(const uint8_t* qs, float scale, const int8_t* table, float* to) {
  for (size_t j = 0; j < 16; ++j) {
    to[j] = scale * static_cast<float>(table[qs[j] & 15]);
    to[j + 16] = scale * static_cast<float>(table[qs[j] >> 4]);
  }
}

void dequantize_iq4(const uint8_t* from, float* to, size_t blocks) {
  for (size_t block = 0; block < blocks; ++block, from += 18, to += kBlock) {
    dequantize_table(from + 2, load_half(from), kIq4Values, to);
  }
}

float weight_of(const float* w, size_t i) { return w != nullptr ? w[i] : 1.0f; }

// As search_scale, over the table's values in place of the integers.
float search_iq4_scale(const float* x, const float* w) {
  float extreme = 0;
  for (size_t i = 0; i < kBlock; ++i) {
    if (std::fabs(x[i]) > std::fabs(extreme)) extreme = x[i];
  }
  if (std::fabs(extreme) < 0x1p-120f) return 0;
  float best_scale = 0;
  double best = -1;
  for (const float end : {-127.0f, 113.0f}) {
    for (int step = -7; step <= 7; ++step) {
      const float inverse = end * (1 + 0.02f * static_cast<float>(step)) / extreme;
      double xq = 0, qq = 0;
      for (size_t i = 0; i < kBlock; ++i) {
        const auto q = static_cast<float>(kIq4Values[nearest_code(x[i] * inverse, kIq4Values)]);
        xq += static_cast<double>(weight_of(w, i) * x[i] * q);
        qq += static_cast<double>(weight_of(w, i) * q * q);
      }
      if (qq > 0 && xq * xq > best * qq) {
        best = xq * xq / qq;
        best_scale = static_cast<float>(xq / qq);
      }
    }
  }
  return best_scale;
}

void quantize_iq4(const float* from, uint8_t* to, size_t blocks, const float* weights) {
  for (size_t block = 0; block < blocks; ++block, from += kBlock, to += 18) {
    std::memset(to, 0, 18);
    const float* w = weights != nullptr ? weights + block * kBlock : nullptr;
    store_half(to, all_finite(from, kBlock) ? search_iq4_scale(from, w) : std::bit_cast<float>(0x7FC00000u));
    const float d = load_half(to);
    const float inverse = d != 0 ? 1.0f / d : 0.0f;
    for (size_t i = 0; i < kBlock; ++i) put_code(to + 2, i, nearest_code(from[i] * inverse, kIq4Values));
  }
}

void dequantize_mxfp4(const uint8_t* from, float* to, size_t blocks) {
  for (size_t block = 0; block < blocks; ++block, from += 17, to += kBlock) {
    dequantize_table(from + 1, mxfp4_scale(from[0]), kMxfp4Values, to);
  }
}

void quantize_mxfp4(const float* from, uint8_t* to, size_t blocks, const float* weights) {
  for (size_t block = 0; block < blocks; ++block, from += kBlock, to += 17) {
    float largest = 0;
    for (size_t i = 0; i < kBlock; ++i) {
      if (std::isfinite(from[i])) largest = std::max(largest, std::fabs(from[i]));
    }
    // 2^e with the largest between 4 and 8 of its 6: the usual exponent, or one more, whichever errs less.
    int exponent = 0;
    if (largest > 0) exponent = std::clamp(std::ilogb(largest) - 2 + 127, 0, 253);
    int best_exponent = exponent;
    double best_error = -1;
    for (int candidate = exponent; candidate <= exponent + 1; ++candidate) {
      const float scale = mxfp4_scale(static_cast<uint8_t>(candidate));
      double error = 0;
      for (size_t i = 0; i < kBlock; ++i) {
        if (!std::isfinite(from[i])) continue;
        const float back = scale * static_cast<float>(kMxfp4Values[nearest_code(from[i] / scale, kMxfp4Values)]);
        const auto difference = static_cast<double>(from[i]) - static_cast<double>(back);
        error += static_cast<double>(weight_of(weights, block * kBlock * (weights != nullptr) + i)) * difference * difference;
      }
      if (best_error < 0 || error < best_error) {
        best_error = error;
        best_exponent = candidate;
      }
    }
    std::memset(to, 0, 17);
    to[0] = static_cast<uint8_t>(best_exponent);
    const float scale = mxfp4_scale(to[0]);
    // Infinity becomes the largest value, NaN zero: the format has neither.
    for (size_t i = 0; i < kBlock; ++i) {
      const float value = std::isnan(from[i]) ? 0.0f : std::clamp(from[i] / scale, -12.0f, 12.0f);
      put_code(to + 1, i, nearest_code(value, kMxfp4Values));
    }
  }
}

constexpr Converter kConverters[] = {
    {Type::kIQ4_NL, dequantize_iq4, quantize_iq4},
    {Type::kMXFP4, dequantize_mxfp4, quantize_mxfp4},
};

}  // namespace

float mxfp4_scale(uint8_t exponent) {
  // 2^(exponent - 128); the two smallest are subnormal.
  if (exponent < 2) return std::bit_cast<float>(0x00200000u << exponent);
  return std::bit_cast<float>(static_cast<uint32_t>(exponent - 1) << 23);
}

std::span<const Converter> table_converters() { return kConverters; }

}  // namespace sillok::tensor
