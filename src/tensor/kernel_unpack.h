// From a packed panel (pack.h) to bytes and scales (Chunk in kernels.h), over lanes.h.
#pragma once

#include "tensor/convert.h"
#include "tensor/lanes.h"

namespace sillok::tensor {
namespace {

constexpr uint32_t kNibbles = 0x0F0F0F0F, kPairs = 0x03030303, kOnes = 0x01010101;
constexpr size_t kWordBytes = 4 * kPanel;  // one word of all 16 rows

// Two vectors of eight rows each make a panel.
template <typename Function>
inline void for_both(const Function& f) {
  f(size_t{0});
  f(size_t{1});
}

inline Floats load_panel_halves(const uint8_t* from, size_t v) {
  uint16_t halves[kLanes];
  std::memcpy(halves, from + 16 * v, sizeof halves);
  return load_halves(halves);
}
inline Ints load_panel_bytes(const uint8_t* from, size_t v) { return load_unsigned(from + 8 * v); }
inline Ints load_panel_signed(const uint8_t* from, size_t v) { return load_signed(from + 8 * v); }
inline Words load_word(const uint8_t* words, size_t word, size_t v) {
  return load_words(words + word * kWordBytes + 32 * v);
}
inline void put_group(Chunk* out, size_t block, size_t group, size_t v, Words bytes) {
  store_words(bytes, &out->bytes[block][group][8 * v][0]);
}

// Sixteen bytes of nibbles a row: group g from the low half of word g, group g + 4 from the high half.
template <typename Change>
inline void unpack_nibbles(const uint8_t* words, size_t block, Chunk* out, const Change& change) {
  for (size_t word = 0; word < 4; ++word) {
    for_both([&](size_t v) {
      const Words both = load_word(words, word, v);
      put_group(out, block, word, v, change(both & kNibbles, word, v));
      put_group(out, block, word + 4, v, change((both >> 4) & kNibbles, word + 4, v));
    });
  }
}

// What the types of 32 columns a block have in front of their nibbles.
struct SmallBlock {
  size_t offset_at;  // of m; 0: none
  size_t high_at;    // of the word of fifth bits; 0: none
  size_t low_at;
  float zero;        // offset = -zero * d where there is no m
  size_t bytes;
};
constexpr SmallBlock kSmallQ40{0, 0, 32, 8, 288}, kSmallQ41{32, 0, 64, 0, 320}, kSmallQ50{0, 32, 96, 16, 352},
    kSmallQ51{32, 64, 128, 0, 384};

template <SmallBlock kLayout>
inline void unpack_small(const uint8_t* from, size_t blocks, Chunk* out) {
  for (size_t block = 0; block < blocks; ++block, from += kLayout.bytes) {
    for_both([&](size_t v) {
      const Floats d = load_panel_halves(from, v);
      store(d, &out->d[block][8 * v]);
      const Floats offset = kLayout.offset_at ? load_panel_halves(from + kLayout.offset_at, v) : d * -kLayout.zero;
      store(offset, &out->offset[block][8 * v]);
    });
    unpack_nibbles(from + kLayout.low_at, block, out, [&](Words low, size_t group, size_t v) {
      if constexpr (kLayout.high_at == 0) return low;
      const Words high = load_word(from + kLayout.high_at, 0, v);
      return low | (((high >> static_cast<uint32_t>(group)) & kOnes) << 4);
    });
  }
}

inline void unpack_q8(const uint8_t* from, size_t blocks, Chunk* out) {
  out->q = from + 32;
  out->stride = 544;
  for (size_t block = 0; block < blocks; ++block, from += 544) {
    for_both([&](size_t v) { store(load_panel_halves(from, v), &out->d[block][8 * v]); });
  }
}

inline void unpack_iq4(const uint8_t* from, size_t blocks, Chunk* out) {
  for (size_t block = 0; block < blocks; ++block, from += 288) {
    for_both([&](size_t v) { store(load_panel_halves(from, v), &out->d[block][8 * v]); });
    unpack_nibbles(from + 32, block, out, [](Words codes, size_t, size_t) { return look_up(codes, kIq4Values); });
  }
}

// Codes 12 above the table's values are unsigned and below 25.
constexpr int8_t kMxfp4Raised[16] = {12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0};
inline Floats mxfp4_scales(const uint8_t* exponents, size_t v) {
  const Ints e = load_panel_bytes(exponents, v);
  const Ints tiny = e == 1 ? Ints{} + 0x00400000 : Ints{} + 0x00200000;  // subnormal: mxfp4_scale
  return from_bits(e < 2 ? tiny : (e - 1) << 23);
}
inline void unpack_mxfp4(const uint8_t* from, size_t blocks, Chunk* out) {
  for (size_t block = 0; block < blocks; ++block, from += 272) {
    for_both([&](size_t v) {
      const Floats d = mxfp4_scales(from, v);
      store(d, &out->d[block][8 * v]);
      store(d * -12.0f, &out->offset[block][8 * v]);
    });
    unpack_nibbles(from + 16, block, out, [](Words codes, size_t, size_t) { return look_up(codes, kMxfp4Raised); });
  }
}

inline void put_scale(Chunk* out, size_t half, size_t v, Ints scale) {
  const Ints pair = (scale & 0xFFFF) | (scale << 16);
  std::memcpy(&out->scale[half][8 * v][0], &pair, sizeof pair);
}

// q of block 4 n + j: bits 2 j of words 8 n .. 8 n + 7.
inline void unpack_q2(const uint8_t* from, size_t blocks, Chunk* out) {
  const uint8_t *scales = from + 64, *qs = from + 320;
  for_both([&](size_t v) {
    const Floats d = load_panel_halves(from, v), dmin = load_panel_halves(from + 32, v);
    for (size_t half = 0; half < 2 * blocks; ++half) {
      const Ints codes = load_panel_bytes(scales + kPanel * half, v);
      put_scale(out, half, v, codes & 15);
      store(-(dmin * to_floats(codes >> 4)), &out->offset[half][8 * v]);
      if (half % 2 == 0) store(d, &out->d[half / 2][8 * v]);
    }
    for (size_t block = 0; block < blocks; ++block) {
      for (size_t group = 0; group < 8; ++group) {
        const Words word = load_word(qs, 8 * (block / 4) + group, v);
        put_group(out, block, group, v, (word >> static_cast<uint32_t>(2 * (block % 4))) & kPairs);
      }
    }
  });
}

inline void unpack_q3(const uint8_t* from, size_t blocks, Chunk* out) {
  const uint8_t *scales = from + 32, *high = from + 288, *qs = from + 800;
  for_both([&](size_t v) {
    const Floats d = load_panel_halves(from, v);
    for (size_t half = 0; half < 2 * blocks; ++half) {
      const Ints scale = load_panel_signed(scales + kPanel * half, v);
      put_scale(out, half, v, scale);
      store(d * to_floats(scale * -4), &out->offset[half][8 * v]);
      if (half % 2 == 0) store(d, &out->d[half / 2][8 * v]);
    }
    for (size_t block = 0; block < blocks; ++block) {
      for (size_t group = 0; group < 8; ++group) {
        const Words word = load_word(qs, 8 * (block / 4) + group, v), mask = load_word(high, group, v);
        const Words low = (word >> static_cast<uint32_t>(2 * (block % 4))) & kPairs;
        put_group(out, block, group, v, low | (((mask >> static_cast<uint32_t>(block)) & kOnes) << 2));
      }
    }
  });
}

// kHigh: Q5_K.
template <bool kHigh>
inline void unpack_q4_q5(const uint8_t* from, size_t blocks, Chunk* out) {
  const uint8_t *scales = from + 64, *mins = from + 192, *high = from + 320, *qs = kHigh ? from + 832 : from + 320;
  for_both([&](size_t v) {
    const Floats d = load_panel_halves(from, v), dmin = load_panel_halves(from + 32, v);
    for (size_t block = 0; block < blocks; ++block) {
      store(d * to_floats(load_panel_bytes(scales + kPanel * block, v)), &out->d[block][8 * v]);
      store(-(dmin * to_floats(load_panel_bytes(mins + kPanel * block, v))), &out->offset[block][8 * v]);
    }
    for (size_t pair = 0; pair < blocks / 2; ++pair) {
      for (size_t group = 0; group < 8; ++group) {
        const Words both = load_word(qs, 8 * pair + group, v);
        Words even = both & kNibbles, odd = (both >> 4) & kNibbles;
        if constexpr (kHigh) {
          const Words bits_of = load_word(high, group, v) >> static_cast<uint32_t>(2 * pair);
          even |= (bits_of & kOnes) << 4;
          odd |= ((bits_of >> 1) & kOnes) << 4;
        }
        put_group(out, 2 * pair, group, v, even);
        put_group(out, 2 * pair + 1, group, v, odd);
      }
    }
  });
}

// Block 4 n + j: nibble j / 2 of ql words 16 n + 8 (j % 2) + group, bits 2 j of qh words 8 n + group.
inline void unpack_q6(const uint8_t* from, size_t blocks, Chunk* out) {
  const uint8_t *scales = from + 32, *low = from + 288, *high = from + 2336;
  for_both([&](size_t v) {
    const Floats d = load_panel_halves(from, v);
    for (size_t half = 0; half < 2 * blocks; ++half) {
      const Ints scale = load_panel_signed(scales + kPanel * half, v);
      put_scale(out, half, v, scale);
      store(d * to_floats(scale * -32), &out->offset[half][8 * v]);
      if (half % 2 == 0) store(d, &out->d[half / 2][8 * v]);
    }
    for (size_t n = 0; n < blocks / 4; ++n) {
      for (size_t group = 0; group < 8; ++group) {
        const Words first = load_word(low, 16 * n + group, v), second = load_word(low, 16 * n + 8 + group, v);
        const Words top = load_word(high, 8 * n + group, v);
        put_group(out, 4 * n, group, v, (first & kNibbles) | ((top & kPairs) << 4));
        put_group(out, 4 * n + 1, group, v, (second & kNibbles) | ((top << 2) & (kPairs << 4)));
        put_group(out, 4 * n + 2, group, v, ((first >> 4) & kNibbles) | (top & (kPairs << 4)));
        put_group(out, 4 * n + 3, group, v, ((second >> 4) & kNibbles) | ((top >> 2) & (kPairs << 4)));
      }
    }
  });
}

void unpack_lanes(Type type, const uint8_t* from, size_t blocks, Chunk* out) {
  out->q = &out->bytes[0][0][0][0];
  out->stride = sizeof out->bytes[0];
  switch (type) {
    case Type::kQ4_0: return unpack_small<kSmallQ40>(from, blocks, out);
    case Type::kQ4_1: return unpack_small<kSmallQ41>(from, blocks, out);
    case Type::kQ5_0: return unpack_small<kSmallQ50>(from, blocks, out);
    case Type::kQ5_1: return unpack_small<kSmallQ51>(from, blocks, out);
    case Type::kQ8_0: return unpack_q8(from, blocks, out);
    case Type::kIQ4_NL: return unpack_iq4(from, blocks, out);
    case Type::kMXFP4: return unpack_mxfp4(from, blocks, out);
    case Type::kQ2_K: return unpack_q2(from, blocks, out);
    case Type::kQ3_K: return unpack_q3(from, blocks, out);
    case Type::kQ4_K: return unpack_q4_q5<false>(from, blocks, out);
    case Type::kQ5_K: return unpack_q4_q5<true>(from, blocks, out);
    case Type::kQ6_K: return unpack_q6(from, blocks, out);
    default: SILLOK_CHECK(false);
  }
}

}  // namespace
}  // namespace sillok::tensor
