// Kernels for any machine: the reference the others are tested against, bit for bit.
#include <cmath>

#include "tensor/convert.h"
#include "tensor/lanes.h"

namespace sillok::tensor {
namespace {

inline Floats fma(Floats a, Floats b, Floats c) {
  Floats result;
  for (size_t i = 0; i < kLanes; ++i) result[i] = std::fma(a[i], b[i], c[i]);
  return result;
}
inline Floats load_halves(const uint16_t* from) {
  Floats result;
  for (size_t i = 0; i < kLanes; ++i) result[i] = half_to_float(from[i]);
  return result;
}
inline void store_halves(Floats value, uint16_t* to) {
  for (size_t i = 0; i < kLanes; ++i) to[i] = float_to_half(value[i]);
}
inline Ints load_unsigned(const void* from) {
  Ints result;
  for (size_t i = 0; i < kLanes; ++i) result[i] = static_cast<const uint8_t*>(from)[i];
  return result;
}
inline Ints load_signed(const void* from) {
  Ints result;
  for (size_t i = 0; i < kLanes; ++i) result[i] = static_cast<const int8_t*>(from)[i];
  return result;
}
inline Words look_up(Words codes, const int8_t* table) {
  uint8_t bytes[32];
  store_words(codes, bytes);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(table[byte & 15]);
  return load_words(bytes);
}

// The formula at the top of kernels.h, one row of the panel and one row of x at a time.
float dot_row(DotKind kind, const Chunk& chunk, size_t blocks, const ActivationChunk& x, size_t row, float y) {
  const bool halves = kind == DotKind::kHalves3 || kind == DotKind::kHalves6;
  for (size_t block = 0; block < blocks; ++block) {
    const uint8_t* q = chunk.q + block * chunk.stride;
    const int8_t* a = x.q + block * kBlock;
    int32_t sum = 0;
    for (size_t half = 0; half < 2; ++half) {
      int32_t part = 0;
      for (size_t k = 16 * half; k < 16 * half + 16; ++k) {
        const uint8_t code = q[(k / 4 * kPanel + row) * 4 + k % 4];
        part += a[k] * (kind == DotKind::kSigned8 ? static_cast<int8_t>(code) : static_cast<int32_t>(code));
      }
      sum += halves ? part * chunk.scale[2 * block + half][row][0] : part;
    }
    y = std::fma(static_cast<float>(sum), chunk.d[block][row] * x.d[block], y);
    if (halves) {
      for (size_t half = 2 * block; half < 2 * block + 2; ++half) y = std::fma(chunk.offset[half][row], x.half_sum[half], y);
    } else if (kind != DotKind::kSigned8) {
      y = std::fma(chunk.offset[block][row], x.sum[block], y);
    }
  }
  return y;
}

void dot_scalar(DotKind kind, const Chunk& chunk, size_t blocks, const ActivationChunk* x, Tile tile) {
  for (size_t t = 0; t < tile.rows; ++t) {
    float* y = tile.y + t * tile.stride;
    for (size_t row = 0; row < kPanel; ++row) y[row] = dot_row(kind, chunk, blocks, x[t], row, tile.start ? 0.0f : y[row]);
  }
}

}  // namespace
}  // namespace sillok::tensor

#include "tensor/kernel_table.h"

namespace sillok::tensor {

const Kernels& scalar_kernels() {
  static constexpr Kernels kTable = make_table(Isa::kScalar, quantize_lanes, dot_scalar, nullptr);
  return kTable;
}

}  // namespace sillok::tensor
