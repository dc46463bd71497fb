#include "tensor/pack.h"

#include <cstring>

#include "tensor/convert.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace sillok::tensor {
namespace {

// Block b of the 16 rows of a panel, in the file's layout.
struct Rows {
  const uint8_t* at[kPanel];
  void advance(size_t bytes) {
    for (const uint8_t*& row : at) row += bytes;
  }
};

// Appends fields of all 16 rows to the packed block. Where fields lie is known when a type's pack_block is compiled: what is
// inlined there is a few instructions for each field.
class Writer {
 public:
  Writer(const Rows& rows, uint8_t* out) : rows_(rows), out_(out) {}

  void halves(size_t from) {
#pragma GCC unroll 16
    for (size_t row = 0; row < kPanel; ++row) std::memcpy(out_ + 2 * row, rows_.at[row] + from, 2);
    out_ += 2 * kPanel;
  }
  void bytes(size_t from, size_t count) {
    size_t i = 0;
#if defined(__SSE2__)
    for (; i + 16 <= count; i += 16) bytes_of([&](size_t row) { return rows_.at[row] + from + i; });
#endif
    for (; i < count; ++i) {
      for (size_t row = 0; row < kPanel; ++row) out_[row] = rows_.at[row][from + i];
      out_ += kPanel;
    }
  }
  // Sixteen bytes of each row, at at(row).
  template <typename At>
  void bytes_of(const At& at) {
#if defined(__SSE2__)
    // Neighbours are interleaved four times: first rows i and i + 8 byte by byte, in the end all sixteen.
    __m128i a[kPanel], b[kPanel];
#pragma GCC unroll 16
    for (size_t row = 0; row < kPanel; ++row) a[row] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at(row)));
    const auto interleave = [](const __m128i* in, __m128i* out) {
#pragma GCC unroll 8
      for (size_t i = 0; i < 8; ++i) {
        out[2 * i] = _mm_unpacklo_epi8(in[i], in[i + 8]);
        out[2 * i + 1] = _mm_unpackhi_epi8(in[i], in[i + 8]);
      }
    };
    interleave(a, b), interleave(b, a), interleave(a, b), interleave(b, a);
#pragma GCC unroll 16
    for (size_t i = 0; i < 16; ++i) _mm_storeu_si128(reinterpret_cast<__m128i*>(out_ + i * kPanel), a[i]);
#else
    for (size_t row = 0; row < kPanel; ++row) {
      for (size_t i = 0; i < 16; ++i) out_[i * kPanel + row] = at(row)[i];
    }
#endif
    out_ += 16 * kPanel;
  }
  void words(size_t from, size_t count) {
    size_t word = 0;
#if defined(__SSE2__)
    for (; word + 4 <= count; word += 4) {
      for (size_t row = 0; row < kPanel; row += 4) transpose_words(from + 4 * word, row, out_ + 4 * row);
      out_ += 4 * 4 * kPanel;
    }
#endif
    for (; word < count; ++word) {
      for (size_t row = 0; row < kPanel; ++row) std::memcpy(out_ + 4 * row, rows_.at[row] + from + 4 * word, 4);
      out_ += 4 * kPanel;
    }
  }
  // The fifth bits of 32 elements, so that a shift by g and a mask give those of columns 4 g .. 4 g + 3.
  void spread_high(size_t from) {
    for (size_t row = 0; row < kPanel; ++row) {
      uint32_t bits = 0, spread = 0;
      std::memcpy(&bits, rows_.at[row] + from, 4);
      for (uint32_t group = 0; group < 8; ++group) {
        // The product puts bit i of the nibble at bit 8 i.
        spread |= ((bits >> (4 * group) & 15u) * 0x00204081u & 0x01010101u) << group;
      }
      std::memcpy(out_ + 4 * row, &spread, 4);
    }
    out_ += 4 * kPanel;
  }
  const uint8_t* row(size_t row) const { return rows_.at[row]; }

 private:
#if defined(__SSE2__)
  // Four words of four rows: out[word][row], words 64 bytes apart.
  void transpose_words(size_t from, size_t row, uint8_t* out) const {
    const auto load = [&](size_t i) {
      return _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows_.at[row + i] + from));
    };
    const __m128i a = load(0), b = load(1), c = load(2), d = load(3);
    const __m128i ab_low = _mm_unpacklo_epi32(a, b), ab_high = _mm_unpackhi_epi32(a, b);
    const __m128i cd_low = _mm_unpacklo_epi32(c, d), cd_high = _mm_unpackhi_epi32(c, d);
    const auto store = [&](size_t word, __m128i value) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out + word * 4 * kPanel), value);
    };
    store(0, _mm_unpacklo_epi64(ab_low, cd_low));
    store(1, _mm_unpackhi_epi64(ab_low, cd_low));
    store(2, _mm_unpacklo_epi64(ab_high, cd_high));
    store(3, _mm_unpackhi_epi64(ab_high, cd_high));
  }
#endif
  const Rows& rows_;
  uint8_t* out_;
};

// unpack_scale_min for all 8 sub-blocks at once, four to a word: the bits above the sixth of the first four scales and mins belong
// to the last four.
void pack_scale_mins(Writer& writer, size_t from) {
  uint32_t codes[kPanel][4];  // scales 0..3, 4..7, mins 0..3, 4..7
  for (size_t row = 0; row < kPanel; ++row) {
    uint32_t words[3];
    std::memcpy(words, writer.row(row) + from, sizeof words);
    codes[row][0] = words[0] & 0x3F3F3F3F;
    codes[row][1] = (words[2] & 0x0F0F0F0F) | (words[0] >> 2 & 0x30303030);
    codes[row][2] = words[1] & 0x3F3F3F3F;
    codes[row][3] = (words[2] >> 4 & 0x0F0F0F0F) | (words[1] >> 2 & 0x30303030);
  }
  writer.bytes_of([&](size_t row) { return reinterpret_cast<const uint8_t*>(codes[row]); });
}

void pack_q3_scales(Writer& writer, size_t from) {
  uint8_t scales[kPanel][16];
  for (size_t row = 0; row < kPanel; ++row) {
    for (size_t b = 0; b < 16; ++b) {
      scales[row][b] = static_cast<uint8_t>(unpack_q3_scale(writer.row(row) + from, static_cast<int>(b)) - 32);
    }
  }
  writer.bytes_of([&](size_t row) { return scales[row]; });
}

template <Type kType>
void pack_block(const Rows& rows, uint8_t* out) {
  Writer writer(rows, out);
  switch (kType) {
    case Type::kF32: writer.words(0, 1); break;
    case Type::kF16: writer.halves(0); break;
    case Type::kBF16: writer.words(0, 1); break;
    case Type::kQ4_0:
    case Type::kIQ4_NL: writer.halves(0), writer.words(2, 4); break;
    case Type::kQ4_1: writer.halves(0), writer.halves(2), writer.words(4, 4); break;
    case Type::kQ5_0: writer.halves(0), writer.spread_high(2), writer.words(6, 4); break;
    case Type::kQ5_1: writer.halves(0), writer.halves(2), writer.spread_high(4), writer.words(8, 4); break;
    case Type::kQ8_0: writer.halves(0), writer.words(2, 8); break;
    case Type::kMXFP4: writer.bytes(0, 1), writer.words(1, 4); break;
    case Type::kQ2_K: writer.halves(80), writer.halves(82), writer.bytes(0, 16), writer.words(16, 16); break;
    case Type::kQ3_K: writer.halves(108), pack_q3_scales(writer, 96), writer.words(0, 8), writer.words(32, 16); break;
    case Type::kQ4_K: writer.halves(0), writer.halves(2), pack_scale_mins(writer, 4), writer.words(16, 32); break;
    case Type::kQ5_K:
      writer.halves(0), writer.halves(2), pack_scale_mins(writer, 4), writer.words(16, 8), writer.words(48, 32);
      break;
    case Type::kQ6_K: writer.halves(208), writer.bytes(192, 16), writer.words(0, 32), writer.words(128, 16); break;
    default: SILLOK_CHECK(false);
  }
}

// Blocks one behind the other, `step` bytes of the file each. From `ahead` on, bytes that will be read next are asked for as fast as
// these are used; null: none.
using PackBlocks = void (*)(Rows rows, size_t step, size_t count, const uint8_t* ahead, size_t out_step, uint8_t* out);
template <Type kType>
void pack_blocks(Rows rows, size_t step, size_t count, const uint8_t* ahead, size_t out_step, uint8_t* out) {
  const uint8_t* end = ahead;
  for (; count > 0; --count, out += out_step, rows.advance(step)) {
    if (ahead != nullptr) {
      for (end += kPanel * step; ahead < end; ahead += 64) __builtin_prefetch(ahead);
    }
    pack_block<kType>(rows, out);
  }
}
PackBlocks blocks_packer(Type type) {
  switch (type) {
    case Type::kF32: return pack_blocks<Type::kF32>;
    case Type::kF16: return pack_blocks<Type::kF16>;
    case Type::kBF16: return pack_blocks<Type::kBF16>;
    case Type::kQ4_0:
    case Type::kIQ4_NL: return pack_blocks<Type::kQ4_0>;
    case Type::kQ4_1: return pack_blocks<Type::kQ4_1>;
    case Type::kQ5_0: return pack_blocks<Type::kQ5_0>;
    case Type::kQ5_1: return pack_blocks<Type::kQ5_1>;
    case Type::kQ8_0: return pack_blocks<Type::kQ8_0>;
    case Type::kMXFP4: return pack_blocks<Type::kMXFP4>;
    case Type::kQ2_K: return pack_blocks<Type::kQ2_K>;
    case Type::kQ3_K: return pack_blocks<Type::kQ3_K>;
    case Type::kQ4_K: return pack_blocks<Type::kQ4_K>;
    case Type::kQ5_K: return pack_blocks<Type::kQ5_K>;
    case Type::kQ6_K: return pack_blocks<Type::kQ6_K>;
    default: SILLOK_CHECK(false); return nullptr;
  }
}

// Columns of a file's block that one packed block takes.
size_t block_columns(Type type) { return type == Type::kBF16 ? 2 : info(type).block_elements; }

#if defined(__SSE2__)
// Eight columns of eight rows of halves: out[column][row], columns 32 bytes apart.
void transpose_halves(const uint8_t* const* rows, size_t from, uint8_t* out) {
  // Unrolled, or the compiler keeps the arrays in memory.
  __m128i v[8], pair[8], quad[8];
#pragma GCC unroll 8
  for (size_t i = 0; i < 8; ++i) v[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows[i] + from));
#pragma GCC unroll 4
  for (size_t i = 0; i < 4; ++i) {
    pair[2 * i] = _mm_unpacklo_epi16(v[2 * i], v[2 * i + 1]);
    pair[2 * i + 1] = _mm_unpackhi_epi16(v[2 * i], v[2 * i + 1]);
  }
#pragma GCC unroll 4
  for (size_t i = 0; i < 4; ++i) {
    const size_t side = i % 2, half = i / 2;
    const __m128i a = pair[4 * half + side], b = pair[4 * half + 2 + side];
    quad[4 * half + 2 * side] = _mm_unpacklo_epi32(a, b);
    quad[4 * half + 2 * side + 1] = _mm_unpackhi_epi32(a, b);
  }
#pragma GCC unroll 4
  for (size_t i = 0; i < 4; ++i) {
    const __m128i low = _mm_unpacklo_epi64(quad[i], quad[4 + i]), high = _mm_unpackhi_epi64(quad[i], quad[4 + i]);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + (2 * i) * 2 * kPanel), low);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + (2 * i + 1) * 2 * kPanel), high);
  }
}
#endif

// Whole 64-byte lines of each row at a time: rows are often a power of two of bytes apart, and then compete for the same few
// places of the first-level cache.
size_t pack_bulk([[maybe_unused]] Type type, [[maybe_unused]] const Rows& rows, [[maybe_unused]] size_t columns,
                 [[maybe_unused]] const uint8_t* next, [[maybe_unused]] uint8_t* out) {
  size_t column = 0;
#if defined(__SSE2__)
  if (!is_plain(type)) return 0;
  const size_t step = 64 / info(type).block_bytes;  // columns of a line
  Writer writer(rows, out);
  for (; column + step <= columns; column += step) {
    if (next != nullptr) {
      for (size_t row = 0; row < kPanel; ++row) __builtin_prefetch(next + 64 * row);
      next += 64 * kPanel;
    }
    if (type != Type::kF16) {
      writer.words(column * info(type).block_bytes, 16);
      continue;
    }
    for (size_t half = 0; half < 2; ++half) {
      for (size_t i = column; i < column + step; i += 8) {
        transpose_halves(rows.at + 8 * half, 2 * i, out + i * 2 * kPanel + 16 * half);
      }
    }
  }
#endif
  return column;
}

}  // namespace

bool is_plain(Type type) { return type == Type::kF32 || type == Type::kF16 || type == Type::kBF16; }

PackedBlock packed_block(Type type) {
  size_t bytes = info(type).block_bytes;
  if (type == Type::kBF16) bytes = 4;
  // Six-bit scales as bytes.
  if (type == Type::kQ3_K || type == Type::kQ4_K || type == Type::kQ5_K) bytes += 4;
  return {block_columns(type), bytes * kPanel};
}

size_t packed_panel_bytes(Type type, size_t columns) {
  const PackedBlock block = packed_block(type);
  return (columns + block.columns - 1) / block.columns * block.bytes;
}

DotKind dot_kind(Type type) {
  switch (type) {
    case Type::kQ4_0:
    case Type::kQ4_1:
    case Type::kQ4_K: return DotKind::kUnsigned4;
    case Type::kQ5_0:
    case Type::kQ5_1:
    case Type::kQ5_K:
    case Type::kMXFP4: return DotKind::kUnsigned5;
    case Type::kQ8_0:
    case Type::kIQ4_NL: return DotKind::kSigned8;
    case Type::kQ2_K:
    case Type::kQ3_K: return DotKind::kHalves3;
    case Type::kQ6_K: return DotKind::kHalves6;
    default: SILLOK_CHECK(false); return DotKind::kSigned8;
  }
}

void pack_panel(Type type, const uint8_t* rows, size_t row_bytes, size_t count, size_t columns, const uint8_t* next, uint8_t* out) {
  SILLOK_CHECK(count > 0 && count <= kPanel);
  const PackedBlock block = packed_block(type);
  const PackBlocks pack = blocks_packer(type);
  const size_t step = block.columns / info(type).block_elements * info(type).block_bytes;
  const size_t whole = columns / block.columns;
  // Rows that are not there are read as zeros: their blocks are packed one by one, all from the same bytes.
  const uint8_t zeros[256] = {};  // every file block is shorter
  Rows from;
  for (size_t row = 0; row < kPanel; ++row) from.at[row] = row < count ? rows + row * row_bytes : zeros;
  size_t done = 0;
  if (count == kPanel) {
    const size_t bulk = pack_bulk(type, from, columns, next, out) / block.columns;
    from.advance(bulk * step);
    const uint8_t* ahead = next == nullptr ? nullptr : next + bulk * step * kPanel;
    pack(from, step, whole - bulk, ahead, block.bytes, out + bulk * block.bytes);
    done = whole;
    from.advance((whole - bulk) * step);
  }
  for (; done < whole; ++done) {
    pack(from, step, 1, nullptr, block.bytes, out + done * block.bytes);
    for (size_t row = 0; row < count; ++row) from.at[row] += step;
  }
  if (whole * block.columns == columns) return;
  uint8_t last[kPanel][4] = {};  // the lone last column of BF16: its neighbour reads as zero
  for (size_t row = 0; row < kPanel; ++row) {
    if (row < count) std::memcpy(last[row], from.at[row], row_bytes - whole * step);
    from.at[row] = last[row];
  }
  pack(from, step, 1, nullptr, block.bytes, out + whole * block.bytes);
}

}  // namespace sillok::tensor
