// What an instruction set provides, private to tensor: one table of functions for each, listed in kernel_tables().
//
// Weights come in panels of kPanel = 16 output rows, interleaved so that each SIMD lane owns one row (pack.h). A lane
// adds up its row over ascending k in one chain, so that no sum ever crosses lanes, and a tile of several x rows does
// for each of them what a tile of one does: results have the same bits whatever the batch.
//
// Quantised weights are multiplied by activations quantised to 8 bits, in chunks of at most kChunk = 256 columns:
// unpack a chunk of a panel to bytes and scales (Chunk), then dot it with every row's chunk (ActivationChunk). For each
// block b of 32 columns, all in float32 unless said otherwise:
//   sum = sum over the block's half h of scale[h] * (sum over k of q[k] * a[k])         exact, in integers
//   y = fma(sum, d[b] * x.d[b], y)
//   y = fma(offset[b], x.sum[b], y)                             for types with one offset a block, or
//   y = fma(offset[2b + h], x.half_sum[2b + h], y), h = 0, 1     for types with one for each half
// Every instruction set gives the same bits, since each step is exact or rounded once in the same place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tensor/tensor.h"

namespace sillok::tensor {

inline constexpr size_t kPanel = 16;
inline constexpr size_t kChunk = 256;
inline constexpr size_t kBlock = 32;
inline constexpr size_t kChunkBlocks = kChunk / kBlock;

// One row's share of a chunk, quantised: x[k] ~ d[k / 32] * q[k].
struct alignas(64) ActivationChunk {
  int8_t q[kChunk];
  float d[kChunkBlocks];
  float sum[kChunkBlocks];           // d * sum of q
  float half_sum[2 * kChunkBlocks];  // the same over 16 columns
};

// How the integers of a chunk are multiplied.
enum class DotKind : uint8_t {
  kUnsigned4,   // q < 16, one offset a block
  kUnsigned5,   // q < 32, one offset a block
  kSigned8,     // int8, no offset
  kHalves3,     // q < 8, integer scale and offset for each half
  kHalves6,     // q < 64, the same
};

// A chunk of a panel, unpacked. `q` and `stride` may point into the packed weight itself.
struct alignas(64) Chunk {
  const uint8_t* q = nullptr;  // block b at q + b * stride: [8 groups][16 rows][4 columns]
  size_t stride = 0;
  alignas(64) float d[kChunkBlocks][kPanel];
  float offset[2 * kChunkBlocks][kPanel];        // [block] or [half], see DotKind
  int16_t scale[2 * kChunkBlocks][kPanel][2];    // twice the same, for the halves kinds
  uint8_t bytes[kChunkBlocks][kBlock / 4][kPanel][4];
};

inline constexpr size_t kDotTile = 4;    // most rows of x in one call of a dot kernel
inline constexpr size_t kFloatTile = 6;  // the same for a float kernel

// Rows of an output tile: y + t * stride holds kPanel floats. `start`: begin at zero; else go on from y.
// `ahead`: weights that will be read next, asked for while these are used, so that the way from memory overlaps with the
// arithmetic: a dot kernel takes `ahead_step` bytes for each block of columns; null if there is none. It is a hint, which may
// point past the end of the weight.
struct Tile {
  float* y = nullptr;
  size_t stride = 0;
  size_t rows = 0;
  bool start = true;
  const uint8_t* ahead = nullptr;
  size_t ahead_step = 0;
};

// One query row's heads that share a key/value head; see attention.h.
struct HeadAttention;

struct Kernels {
  Isa isa = Isa::kScalar;

  // --- Products ---
  // columns: a multiple of 32, at most kChunk. A block that holds a NaN or an infinity gets d = NaN.
  void (*quantize)(const float* x, size_t columns, ActivationChunk* out);
  // from: `blocks` blocks of 32 columns of a panel, packed as `type`.
  void (*unpack)(Type type, const uint8_t* from, size_t blocks, Chunk* out);
  // x: tile.rows <= kDotTile consecutive chunks.
  void (*dot)(DotKind kind, const Chunk& chunk, size_t blocks, const ActivationChunk* x, Tile tile);
  // The same straight from the packed blocks, for the few rows and the types where that is faster; false, and nothing done,
  // for others. May be null.
  bool (*dot_direct)(Type type, const uint8_t* from, size_t blocks, const ActivationChunk* x, Tile tile);
  // w: [columns][16] of F32, F16 or BF16. y = fma(w, x, y) over ascending columns. tile.rows <= kFloatTile.
  void (*multiply)(Type type, const void* w, size_t columns, const float* x, size_t x_stride, Tile tile);
  void (*narrow)(const float* from, size_t count, uint16_t* to);        // to F16

  // --- Elementwise, over rows of any length ---
  void (*add)(const float* x, float* y, size_t count);                  // y += x
  void (*add_scaled)(const float* x, float factor, float* y, size_t count);  // y = fma(x, factor, y)
  void (*scale)(float* y, float factor, size_t count);
  void (*softcap)(float* y, float cap, size_t count);
  void (*activate)(Activation kind, const float* gate, float* y, size_t count);           // y = f(gate)
  void (*activate_multiply)(Activation kind, const float* gate, float* y, size_t count);  // y *= f(gate)
  // weight, bias may be null.
  void (*rms_norm)(const float* x, const float* weight, float epsilon, float* y, size_t count);
  void (*layer_norm)(const float* x, const float* weight, const float* bias, float epsilon, float* y, size_t count);
  void (*attend)(const HeadAttention& attention);
};

// The instruction sets of this build, slowest first.
std::span<const Kernels* const> kernel_tables();
const Kernels& scalar_kernels();
#ifdef SILLOK_HAVE_AVX2
const Kernels& avx2_kernels();
#endif
#ifdef SILLOK_HAVE_AVX512
const Kernels& avx512_kernels();
#endif
#ifdef SILLOK_HAVE_NEON
const Kernels& neon_kernels();
#endif

}  // namespace sillok::tensor
