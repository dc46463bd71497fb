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
};

// Appends fields of all 16 rows to the packed block.
class Writer {
 public:
  Writer(const Rows& rows, uint8_t* out) : rows_(rows), out_(out) {}

  void halves(size_t from) {
    for (size_t row = 0; row < kPanel; ++row) std::memcpy(out_ + 2 * row, rows_.at[row] + from, 2);
    out_ += 2 * kPanel;
  }
  void bytes(size_t from, size_t count) {
    for (size_t i = 0; i < count; ++i) {
      for (size_t row = 0; row < kPanel; ++row) out_[row] = rows_.at[row][from + i];
      out_ += kPanel;
    }
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
  void byte(size_t row, size_t index, uint8_t value) { out_[index * kPanel + row] = value; }
  void skip(size_t count) { out_ += count * kPanel; }
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

void pack_scale_mins(Writer& writer, size_t from) {
  for (size_t row = 0; row < kPanel; ++row) {
    for (size_t b = 0; b < 8; ++b) {
      const ScaleMin codes = unpack_scale_min(writer.row(row) + from, static_cast<int>(b));
      writer.byte(row, b, codes.scale);
      writer.byte(row, 8 + b, codes.min);
    }
  }
  writer.skip(16);
}

void pack_block(Type type, const Rows& rows, uint8_t* out) {
  Writer writer(rows, out);
  switch (type) {
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
    case Type::kQ3_K:
      writer.halves(108);
      for (size_t row = 0; row < kPanel; ++row) {
        for (size_t b = 0; b < 16; ++b) {
          writer.byte(row, b, static_cast<uint8_t>(unpack_q3_scale(writer.row(row) + 96, static_cast<int>(b)) - 32));
        }
      }
      writer.skip(16);
      writer.words(0, 8), writer.words(32, 16);
      break;
    case Type::kQ4_K: writer.halves(0), writer.halves(2), pack_scale_mins(writer, 4), writer.words(16, 32); break;
    case Type::kQ5_K:
      writer.halves(0), writer.halves(2), pack_scale_mins(writer, 4), writer.words(16, 8), writer.words(48, 32);
      break;
    case Type::kQ6_K: writer.halves(208), writer.bytes(192, 16), writer.words(0, 32), writer.words(128, 16); break;
    default: SILLOK_CHECK(false);
  }
}

// Columns of a file's block that one packed block takes.
size_t block_columns(Type type) { return type == Type::kBF16 ? 2 : info(type).block_elements; }

#if defined(__SSE2__)
// Eight columns of eight rows of halves: out[column][row], columns 32 bytes apart.
void transpose_halves(const uint8_t* const* rows, size_t from, uint8_t* out) {
  __m128i v[8];
  for (size_t i = 0; i < 8; ++i) v[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows[i] + from));
  __m128i pair[8], quad[8];
  for (size_t i = 0; i < 4; ++i) {
    pair[2 * i] = _mm_unpacklo_epi16(v[2 * i], v[2 * i + 1]);
    pair[2 * i + 1] = _mm_unpackhi_epi16(v[2 * i], v[2 * i + 1]);
  }
  for (size_t half = 0; half < 2; ++half) {
    for (size_t side = 0; side < 2; ++side) {
      const __m128i a = pair[4 * half + side], b = pair[4 * half + 2 + side];
      quad[4 * half + 2 * side] = _mm_unpacklo_epi32(a, b);
      quad[4 * half + 2 * side + 1] = _mm_unpackhi_epi32(a, b);
    }
  }
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
                 [[maybe_unused]] uint8_t* out) {
  size_t column = 0;
#if defined(__SSE2__)
  if (type == Type::kF16) {
    for (; column + 32 <= columns; column += 32) {
      for (size_t half = 0; half < 2; ++half) {
        for (size_t i = column; i < column + 32; i += 8) {
          transpose_halves(rows.at + 8 * half, 2 * i, out + i * 2 * kPanel + 16 * half);
        }
      }
    }
  } else if (type == Type::kF32 || type == Type::kBF16) {
    const size_t step = type == Type::kF32 ? 16 : 32;  // columns of 64 bytes
    Writer writer(rows, out);
    for (; column + step <= columns; column += step) writer.words(column * info(type).block_bytes, 16);
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

void pack_panel(Type type, const uint8_t* rows, size_t row_bytes, size_t count, size_t columns, uint8_t* out) {
  SILLOK_CHECK(count > 0 && count <= kPanel);
  const PackedBlock block = packed_block(type);
  const uint8_t zeros[256] = {};  // a row that is not there; every file block is shorter
  Rows from;
  size_t column = 0;
  if (count == kPanel) {
    for (size_t row = 0; row < kPanel; ++row) from.at[row] = rows + row * row_bytes;
    column = pack_bulk(type, from, columns, out);
    out += column / block.columns * block.bytes;
  }
  for (; column < columns; column += block.columns, out += block.bytes) {
    const size_t at = column / info(type).block_elements * info(type).block_bytes;
    if (column + block.columns > columns) {  // the lone last column of BF16: its neighbour reads as zero
      uint8_t last[kPanel][4] = {};
      for (size_t row = 0; row < kPanel; ++row) {
        if (row < count) std::memcpy(last[row], rows + row * row_bytes + at, row_bytes - at);
        from.at[row] = last[row];
      }
      pack_block(type, from, out);
      return;
    }
    for (size_t row = 0; row < kPanel; ++row) from.at[row] = row < count ? rows + row * row_bytes + at : zeros;
    pack_block(type, from, out);
  }
}

}  // namespace sillok::tensor
