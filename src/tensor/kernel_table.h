// The table of an instruction set, once the including file has defined what lanes.h and the dot products need.
#pragma once

#include "tensor/kernel_attend.h"
#include "tensor/kernel_elementwise.h"
#include "tensor/kernel_float.h"
#include "tensor/kernel_unpack.h"

namespace sillok::tensor {
namespace {

using QuantizeChunk = void (*)(const float*, size_t columns, ActivationChunk*);
using Dot = void (*)(DotKind, const Chunk&, size_t blocks, const ActivationChunk*, Tile);
using DotDirect = bool (*)(Type, const uint8_t* from, size_t blocks, const ActivationChunk*, Tile);
constexpr Kernels make_table(Isa isa, QuantizeChunk quantize, Dot dot, DotDirect dot_direct) {
  return {.isa = isa,
          .quantize = quantize,
          .unpack = unpack_lanes,
          .dot = dot,
          .dot_direct = dot_direct,
          .multiply = multiply_lanes,
          .narrow = narrow_lanes,
          .add = add_lanes,
          .add_scaled = add_scaled_lanes,
          .scale = scale_lanes,
          .softcap = softcap_lanes,
          .activate = activate_lanes,
          .activate_multiply = activate_multiply_lanes,
          .rms_norm = rms_norm_lanes,
          .layer_norm = layer_norm_lanes,
          .attend = attend_lanes};
}

}  // namespace
}  // namespace sillok::tensor
