// What the GGUF reader and writer share: the numbers of the format.
//
// File, little-endian, v3 (v2 is the same; v1 had 32-bit counts and is refused):
//   0   "GGUF"
//   4   u32 version
//   8   u64 number of tensors
//   16  u64 number of metadata entries
//   24  entries: key (u64 length, bytes), u32 kind, value; an array is u32 kind of element, u64 count, elements
//   ..  tensors: name (u64 length, bytes), u32 dimensions, u64 each, u32 type, u64 offset from the start of the data
//   ..  zeros up to a multiple of the alignment; then the data, each tensor at a multiple of it
// No checksum. The alignment is metadata "general.alignment", 32 if absent.
#pragma once

#include "model/model.h"

namespace sillok::model {

enum class GgufKind : uint32_t {
  kU8 = 0, kI8 = 1, kU16 = 2, kI16 = 3, kU32 = 4, kI32 = 5, kF32 = 6, kBool = 7,
  kString = 8, kArray = 9, kU64 = 10, kI64 = 11, kF64 = 12,
};

inline constexpr std::string_view kGgufMagic = "GGUF";
inline constexpr uint32_t kGgufVersion = 3;
inline constexpr uint64_t kDefaultAlignment = 32;
inline constexpr uint64_t kMaxAlignment = 1 << 20;     // a page and more; larger only wastes space
inline constexpr size_t kMaxDimensions = 4;            // as every known writer
inline constexpr size_t kMaxNameBytes = 1024;          // real names stay below 64
inline constexpr size_t kMaxKeyBytes = 65535;          // the format's own limit
// Elements of all arrays together: 16 times the largest vocabulary with its merges, and at most 2 GB of memory.
inline constexpr uint64_t kMaxElements = 1 << 25;
inline constexpr uint64_t kMaxTensors = 1 << 20;       // real files have a few thousand

// Bytes of a tensor as the file holds it. kInvalid for a dimension of 0, more than four, rows that are no whole
// number of blocks, or a size past 2^63.
Result<uint64_t> gguf_tensor_bytes(tensor::Type type, const std::vector<uint64_t>& shape);
// A name or key from a file, fit for a message.
std::string shown(std::string_view name);

}  // namespace sillok::model
