#include "search/postings.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

namespace sillok::search {
namespace {

size_t packed_size(uint32_t count, uint32_t bits) { return size_t{(count + 7) / 8} * bits; }

void pack(const uint32_t* values, uint32_t count, uint32_t bits, std::string& out) {
  if (bits == 0) return;
  const size_t start = out.size();
  out.resize(start + packed_size(count, bits) + 8);  // Room to store eight bytes anywhere.
  char* base = out.data() + start;
  for (uint32_t i = 0; i < count; ++i) {
    const uint64_t bit = uint64_t{i} * bits;
    uint64_t word = 0;
    std::memcpy(&word, base + bit / 8, 8);
    word |= uint64_t{values[i]} << (bit % 8);
    std::memcpy(base + bit / 8, &word, 8);
  }
  out.resize(start + packed_size(count, bits));
}

// Eight values at a time with every shift a constant: the compiler turns a group into straight loads and masks.
// `plus` is added to every value.
template <uint32_t kBits>
void unpack(const char* from, uint32_t groups, uint32_t plus, uint32_t* to) {
  constexpr uint64_t kMask = kBits == 32 ? 0xFFFFFFFFull : (uint64_t{1} << kBits) - 1;
  for (uint32_t g = 0; g < groups; ++g, from += kBits, to += 8) {
    [&]<size_t... J>(std::index_sequence<J...>) {
      const auto one = [&](size_t j) {
        uint64_t word = 0;
        std::memcpy(&word, from + (j * kBits) / 8, 8);
        return static_cast<uint32_t>((word >> ((j * kBits) % 8)) & kMask);
      };
      ((to[J] = one(J) + plus), ...);
    }(std::make_index_sequence<8>());
  }
}

using Unpack = void (*)(const char*, uint32_t, uint32_t, uint32_t*);
template <size_t... I>
constexpr std::array<Unpack, sizeof...(I)> unpack_table(std::index_sequence<I...>) {
  return {&unpack<static_cast<uint32_t>(I)>...};
}
constexpr auto kUnpack = unpack_table(std::make_index_sequence<33>());

uint16_t saturate(uint32_t value) { return static_cast<uint16_t>(std::min<uint32_t>(value, kSaturated)); }

// Appends one block; `previous` is the passage before it, wrapped -1 for none.
BlockMeta encode_block(const Posting* postings, uint32_t count, uint32_t previous,
                       const std::vector<uint32_t>& lengths, std::string& out) {
  std::array<uint32_t, kBlockSize> gaps, extra;
  uint32_t any_gap = 0, any_extra = 0, max_tf = 0;
  uint32_t min_length = lengths.empty() ? 0 : UINT32_MAX;
  for (uint32_t i = 0; i < count; ++i) {
    const Posting& p = postings[i];
    gaps[i] = p.passage - previous - 1;
    previous = p.passage;
    extra[i] = p.tf - 1;
    any_gap |= gaps[i];
    any_extra |= extra[i];
    max_tf = std::max(max_tf, p.tf);
    if (!lengths.empty()) min_length = std::min(min_length, lengths[p.passage]);
  }
  const auto gap_bits = static_cast<uint32_t>(std::bit_width(any_gap));
  const auto tf_bits = static_cast<uint32_t>(std::bit_width(any_extra));
  out.push_back(static_cast<char>(gap_bits));
  out.push_back(static_cast<char>(tf_bits));
  pack(gaps.data(), count, gap_bits, out);
  pack(extra.data(), count, tf_bits, out);
  return {previous, 0, saturate(max_tf), saturate(min_length)};
}

}  // namespace

TermEntry encode_list(const std::vector<Posting>& postings, const std::vector<uint32_t>& lengths, uint64_t base,
                      std::string& out) {
  TermEntry entry;
  entry.df = static_cast<uint32_t>(postings.size());
  if (postings.size() == 1) {
    const Posting& p = postings[0];
    entry.max_tf = saturate(p.tf);
    entry.min_length = lengths.empty() ? 0 : saturate(lengths[p.passage]);
    entry.where = p.passage | uint64_t{p.tf} << 32;
    return entry;
  }
  entry.where = base + out.size();
  entry.min_length = kSaturated;
  const uint32_t blocks = (entry.df + kBlockSize - 1) / kBlockSize;
  const size_t meta_at = out.size();
  if (blocks > 1) out.resize(meta_at + size_t{blocks} * sizeof(BlockMeta));
  const size_t data_at = out.size();
  uint32_t previous = UINT32_MAX;
  for (uint32_t b = 0; b < blocks; ++b) {
    const auto offset = static_cast<uint32_t>(out.size() - data_at);
    const uint32_t first = b * kBlockSize;
    BlockMeta meta =
        encode_block(postings.data() + first, std::min(kBlockSize, entry.df - first), previous, lengths, out);
    meta.offset = offset;
    previous = meta.last;
    entry.max_tf = std::max(entry.max_tf, meta.max_tf);
    entry.min_length = std::min(entry.min_length, meta.min_length);
    if (blocks > 1) std::memcpy(out.data() + meta_at + size_t{b} * sizeof meta, &meta, sizeof meta);
  }
  return entry;
}

PostingCursor::PostingCursor(const TermEntry& entry, std::string_view section, uint32_t passages)
    : df_(entry.df), limit_(passages) {
  if (df_ > passages) df_ = 0;  // Damaged: no list is longer than the segment.
  blocks_ = (df_ + kBlockSize - 1) / kBlockSize;
  if (df_ == 1) {
    inline_passage_ = static_cast<uint32_t>(entry.where);
    inline_tf_ = static_cast<uint32_t>(entry.where >> 32);
    return;
  }
  const size_t meta_size = blocks_ > 1 ? size_t{blocks_} * sizeof(BlockMeta) : 0;
  if (section.size() < kPostingsPadding || entry.where > section.size() - kPostingsPadding ||
      meta_size > section.size() - kPostingsPadding - entry.where) {
    df_ = blocks_ = 0;
    return;
  }
  data_ = section.substr(entry.where + meta_size);
  if (blocks_ > 1) meta_ = section.data() + entry.where;
}

BlockMeta PostingCursor::meta(uint32_t block) const {
  BlockMeta m;
  std::memcpy(&m, meta_ + size_t{block} * sizeof m, sizeof m);
  return m;
}

bool PostingCursor::load(uint32_t block) {
  block_ = block;
  position = 0;
  size_ = 0;
  if (block >= blocks_) return false;
  if (df_ == 1) {
    if (inline_passage_ >= limit_ || inline_tf_ == 0) return false;
    passages_[0] = inline_passage_;
    tfs_[0] = inline_tf_;
    all_one_ = inline_tf_ == 1;
    size_ = 1;
    return true;
  }
  const uint32_t count = std::min(kBlockSize, df_ - block * kBlockSize);
  const size_t at = meta_ != nullptr ? meta(block).offset : 0;
  const size_t room = data_.size() - kPostingsPadding;  // data_ always holds the padding.
  if (at + 2 > room) return false;
  const auto gap_bits = static_cast<uint8_t>(data_[at]);
  const auto tf_bits = static_cast<uint8_t>(data_[at + 1]);
  if (gap_bits > 32 || tf_bits > 32) return false;
  const size_t gaps_size = packed_size(count, gap_bits);
  if (at + 2 + gaps_size + packed_size(count, tf_bits) > room) return false;
  kUnpack[gap_bits](data_.data() + at + 2, (count + 7) / 8, 0, passages_);
  kUnpack[tf_bits](data_.data() + at + 2 + gaps_size, (count + 7) / 8, 1, tfs_);
  uint64_t passage = block == 0 ? UINT64_MAX : meta(block - 1).last;
  uint32_t i = 0;
  for (; i + 4 <= count; i += 4) {  // One addition in four waits for the one before.
    const uint64_t first = uint64_t{passages_[i]} + 1, second = first + passages_[i + 1] + 1;
    const uint64_t third = second + passages_[i + 2] + 1, fourth = third + passages_[i + 3] + 1;
    passages_[i] = static_cast<uint32_t>(passage + first);
    passages_[i + 1] = static_cast<uint32_t>(passage + second);
    passages_[i + 2] = static_cast<uint32_t>(passage + third);
    passages_[i + 3] = static_cast<uint32_t>(passage += fourth);
  }
  for (; i < count; ++i) passages_[i] = static_cast<uint32_t>(passage += uint64_t{passages_[i]} + 1);
  if (passage >= limit_) return false;  // The largest: 64 bits do not wrap here, so all others are below.
  all_one_ = tf_bits == 0;
  size_ = count;
  return true;
}

bool PostingCursor::next_block() { return load(block_ + 1); }

bool PostingCursor::seek_block(uint32_t passage) {
  if (block_ != kNoPassage && (size_ == 0 || passages_[size_ - 1] >= passage)) return size_ > 0;
  uint32_t low = block_ + 1;
  if (meta_ != nullptr) {
    // Galloping: the next block or one near it is the usual answer.
    uint32_t step = 1, high = low;
    while (high < blocks_ && meta(high).last < passage) {
      low = high + 1;
      high += step;
      step *= 2;
    }
    high = std::min(high, blocks_);
    while (low < high) {
      const uint32_t middle = low + (high - low) / 2;
      if (meta(middle).last < passage) low = middle + 1;
      else high = middle;
    }
  }
  return load(low);
}

uint32_t PostingCursor::tf_of(uint32_t passage) {
  if (!seek_block(passage)) return 0;
  const uint32_t* const end = passages_ + size_;
  const uint32_t* const at = std::lower_bound<const uint32_t*>(passages_ + position, end, passage);
  position = static_cast<uint32_t>(at - passages_);
  return at != end && *at == passage ? tfs_[position] : 0;
}

}  // namespace sillok::search
