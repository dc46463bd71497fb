// The layout of a packed weight, private to tensor: panels of 16 output rows; a panel is a sequence of blocks; a panel
// whose rows run out is filled with zero bytes.
//
// F32, F16: a block is one column, [16 rows]. BF16: a block is two columns, [16 rows][2 columns].
// Other types: fields in this order, each for all 16 rows; `words` are the 32-bit words of the file's bytes, word w of all
// rows, then word w + 1. Sizes are those of the file but for Q3_K, Q4_K and Q5_K, whose 6-bit scales become bytes
// (2 to 4 % more).
//   Q4_0, IQ4_NL  d half | qs 4 words
//   Q4_1          d half | m half | qs 4 words
//   Q5_0          d half | high word | qs 4 words
//   Q5_1          d half | m half | high word | qs 4 words        high: bit 8 i + g is bit 4 of element 4 g + i
//   Q8_0          d half | qs 8 words
//   MXFP4         exponent u8 | qs 4 words
//   Q2_K          d half | dmin half | scales [16] u8 (as in the file) | qs 16 words
//   Q3_K          d half | scales [16] int8 | hmask 8 words | qs 16 words
//   Q4_K          d half | dmin half | scales [8] u8 | mins [8] u8 | qs 32 words
//   Q5_K          d half | dmin half | scales [8] u8 | mins [8] u8 | qh 8 words | qs 32 words
//   Q6_K          d half | scales [16] int8 | ql 32 words | qh 16 words
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/kernels.h"

namespace sillok::tensor {

// Bytes of one block of a panel, and how many columns it covers.
struct PackedBlock {
  size_t columns = 0, bytes = 0;
};
PackedBlock packed_block(Type type);
size_t packed_panel_bytes(Type type, size_t columns);
DotKind dot_kind(Type type);  // of a type that is not F32, F16 or BF16
bool is_plain(Type type);     // F32, F16, BF16

// rows: first of `count` <= 16 rows as in the file, row_bytes apart. out: packed_panel_bytes. next: the rows of the panel to be packed
// after this one, so that they are on their way from memory; may be null.
void pack_panel(Type type, const uint8_t* rows, size_t row_bytes, size_t count, size_t columns, const uint8_t* next, uint8_t* out);

}  // namespace sillok::tensor
