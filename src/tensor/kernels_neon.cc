// NEON, as every 64-bit ARM machine has it.
#include <arm_neon.h>

#include "tensor/lanes.h"

namespace sillok::tensor {
namespace {

// A vector of eight lanes is two registers.
inline float32x4_t low(Floats value) {
  float32x4_t result;
  std::memcpy(&result, &value, sizeof result);
  return result;
}
inline float32x4_t high(Floats value) {
  float32x4_t result;
  std::memcpy(&result, reinterpret_cast<const char*>(&value) + sizeof result, sizeof result);
  return result;
}
inline Floats join(float32x4_t first, float32x4_t second) {
  Floats result;
  std::memcpy(&result, &first, sizeof first);
  std::memcpy(reinterpret_cast<char*>(&result) + sizeof first, &second, sizeof second);
  return result;
}
inline Ints join(int32x4_t first, int32x4_t second) {
  Ints result;
  std::memcpy(&result, &first, sizeof first);
  std::memcpy(reinterpret_cast<char*>(&result) + sizeof first, &second, sizeof second);
  return result;
}

inline Floats fma(Floats a, Floats b, Floats c) {
  return join(vfmaq_f32(low(c), low(a), low(b)), vfmaq_f32(high(c), high(a), high(b)));
}
inline Floats load_halves(const uint16_t* from) {
  const float16x8_t halves = vreinterpretq_f16_u16(vld1q_u16(from));
  return join(vcvt_f32_f16(vget_low_f16(halves)), vcvt_high_f32_f16(halves));
}
inline void store_halves(Floats value, uint16_t* to) {
  vst1q_u16(to, vreinterpretq_u16_f16(vcvt_high_f16_f32(vcvt_f16_f32(low(value)), high(value))));
}
inline Ints load_unsigned(const void* from) {
  const int16x8_t wide = vreinterpretq_s16_u16(vmovl_u8(vld1_u8(static_cast<const uint8_t*>(from))));
  return join(vmovl_s16(vget_low_s16(wide)), vmovl_high_s16(wide));
}
inline Ints load_signed(const void* from) {
  const int16x8_t wide = vmovl_s8(vld1_s8(static_cast<const int8_t*>(from)));
  return join(vmovl_s16(vget_low_s16(wide)), vmovl_high_s16(wide));
}
inline Words look_up(Words codes, const int8_t* table) {
  uint8_t bytes[32];
  store_words(codes, bytes);
  const int8x16_t values = vld1q_s8(table);
  vst1q_u8(bytes, vreinterpretq_u8_s8(vqtbl1q_s8(values, vld1q_u8(bytes))));
  vst1q_u8(bytes + 16, vreinterpretq_u8_s8(vqtbl1q_s8(values, vld1q_u8(bytes + 16))));
  return load_words(bytes);
}

// Four rows of a group: their products with four columns of x, added up to one integer a row. Codes of every kind fit int8.
inline int32x4_t add_group(int32x4_t sum, const uint8_t* weights, int8x16_t columns) {
  const int8x16_t w = vreinterpretq_s8_u8(vld1q_u8(weights));
  // Two rows in eight 16-bit products each; a pair of products is at most 2 * 127 * 128.
  const int16x8_t first = vmull_s8(vget_low_s8(w), vget_low_s8(columns)), second = vmull_high_s8(w, columns);
  return vaddq_s32(sum, vpaddq_s32(vpaddlq_s16(first), vpaddlq_s16(second)));
}

// Rows 4 part .. 4 part + 3 of the panel.
float32x4_t dot_part(DotKind kind, const Chunk& chunk, size_t blocks, const ActivationChunk& x, size_t part, float32x4_t y) {
  const bool halves = kind == DotKind::kHalves3 || kind == DotKind::kHalves6;
  for (size_t block = 0; block < blocks; ++block) {
    const uint8_t* q = chunk.q + block * chunk.stride + 16 * part;
    int32x4_t sum = vdupq_n_s32(0);
    for (size_t half = 0; half < 2; ++half) {
      int32x4_t half_sum = vdupq_n_s32(0);
      for (size_t group = 4 * half; group < 4 * half + 4; ++group) {
        int32_t four;
        std::memcpy(&four, x.q + block * kBlock + group * 4, sizeof four);
        half_sum = add_group(half_sum, q + group * 64, vreinterpretq_s8_s32(vdupq_n_s32(four)));
      }
      if (halves) {
        const int32x4_t pairs = vld1q_s32(reinterpret_cast<const int32_t*>(&chunk.scale[2 * block + half][4 * part][0]));
        half_sum = vmulq_s32(half_sum, vshrq_n_s32(pairs, 16));
      }
      sum = vaddq_s32(sum, half_sum);
    }
    const float32x4_t d = vmulq_n_f32(vld1q_f32(&chunk.d[block][4 * part]), x.d[block]);
    y = vfmaq_f32(y, vcvtq_f32_s32(sum), d);
    if (halves) {
      y = vfmaq_n_f32(y, vld1q_f32(&chunk.offset[2 * block][4 * part]), x.half_sum[2 * block]);
      y = vfmaq_n_f32(y, vld1q_f32(&chunk.offset[2 * block + 1][4 * part]), x.half_sum[2 * block + 1]);
    } else if (kind != DotKind::kSigned8) {
      y = vfmaq_n_f32(y, vld1q_f32(&chunk.offset[block][4 * part]), x.sum[block]);
    }
  }
  return y;
}

void dot_neon(DotKind kind, const Chunk& chunk, size_t blocks, const ActivationChunk* x, Tile tile) {
  for (size_t t = 0; t < tile.rows; ++t) {
    for (size_t part = 0; part < kPanel / 4; ++part) {
      float* y = tile.y + t * tile.stride + 4 * part;
      vst1q_f32(y, dot_part(kind, chunk, blocks, x[t], part, tile.start ? vdupq_n_f32(0) : vld1q_f32(y)));
    }
  }
}

}  // namespace
}  // namespace sillok::tensor

#include "tensor/kernel_table.h"

namespace sillok::tensor {

const Kernels& neon_kernels() {
  static constexpr Kernels kTable = make_table(Isa::kNeon, quantize_lanes, dot_neon, nullptr);
  return kTable;
}

}  // namespace sillok::tensor
