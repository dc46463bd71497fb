// The layout of a KV page and what an attention kernel is told, private to tensor.
//
// Of one layer and one key/value head, a page of kPageTokens = 32 tokens holds
//   F16   keys [D][32] halves, so that lanes own tokens, then values [32][D] halves, so that lanes own features
//   Q8_0  keys: scales [D / 32, rounded up][32] halves, codes [D][32] int8;
//         values: scales [D / 32, rounded up][32] halves, codes [32][D] int8
// A key's scale covers 32 features of one token, as does a value's.
//
// Scores of a page are computed 16 tokens at a time over ascending features; the running maximum, denominator and output
// then take in the page as a whole. Pages hold the tokens of a sequence at fixed places, so a query's result depends only
// on its keys, not on how they were batched.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/tensor.h"

namespace sillok::tensor {

// Byte offsets inside the part of a page that belongs to one layer and one head.
struct HeadLayout {
  Type type = Type::kF16;
  size_t key_size = 0, value_size = 0;
  size_t key_scales = 0, keys = 0, value_scales = 0, values = 0, bytes = 0;
};
HeadLayout head_layout(Type type, size_t key_size, size_t value_size);

struct HeadAttention {
  HeadLayout layout;
  const std::byte* base = nullptr;  // this layer and head in page 0
  size_t page_bytes = 0;
  const uint32_t* pages = nullptr;
  uint32_t begin = 0, end = 0;      // tokens; with begin == end and no sink the output is zero
  const float* query = nullptr;     // [group][key_size]
  float* out = nullptr;             // [group][value_size]
  size_t group = 0;                 // query heads
  float scale = 1, softcap = 0;
  const float* sinks = nullptr;     // [group] or null
};

}  // namespace sillok::tensor
