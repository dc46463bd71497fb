// Private to search: how a term's passages are packed, and a cursor over them.
//
// A list with one passage lives in its dictionary entry. Others are blocks of 128 passages:
//   more than 128 passages: one BlockMeta (12 bytes) per block, then the blocks; else the one block alone.
//   block: u8 bits of passage gaps, u8 bits of tf - 1 (0: every tf is 1), packed gaps, packed tf - 1.
//   gap = passage - previous passage - 1, previous = -1 before the first of the list.
//   packed: groups of 8 values, `bits` bytes each, little-endian bit order; the last group is filled with zeros.
// After the last list come kPostingsPadding zero bytes, so that eight bytes can be loaded anywhere.
// Decoding is safe on damaged bytes: it stays within the section, and gives passages below the count or none.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "search/terms.h"

namespace sillok::search {

inline constexpr uint32_t kBlockSize = 128;      // long enough to pack well, short enough to skip
inline constexpr size_t kPostingsPadding = 16;
inline constexpr uint32_t kNoPassage = UINT32_MAX;
inline constexpr uint16_t kSaturated = UINT16_MAX;  // a maximum tf of this means: this or more

struct TermEntry {
  uint64_t term = 0;
  uint32_t df = 0;
  uint16_t max_tf = 0;      // saturated
  uint16_t min_length = 0;  // of the passages in the list, saturated
  uint64_t where = 0;       // df 1: passage | tf << 32; else byte offset in the postings section
};
static_assert(sizeof(TermEntry) == 24);

struct BlockMeta {
  uint32_t last = 0;    // last passage of the block
  uint32_t offset = 0;  // from the first block's start
  uint16_t max_tf = 0, min_length = 0;
};
static_assert(sizeof(BlockMeta) == 12);

struct Posting {
  uint32_t passage = 0, tf = 0;
};

// Appends the list to `out` unless it has one passage; fills the entry but for `term`. `base` is the offset in the
// section of out's first byte. lengths: of all passages of the segment, or empty (title lists).
TermEntry encode_list(const std::vector<Posting>& postings, const std::vector<uint32_t>& lengths, uint64_t base,
                      std::string& out);

// Walks one list forwards.
class PostingCursor {
 public:
  PostingCursor() = default;
  // section: the postings section with its padding; passages: how many the segment has. Views must outlive the cursor.
  PostingCursor(const TermEntry& entry, std::string_view section, uint32_t passages);

  // The block that is loaded: passages and tfs, ascending; size 0 at the end.
  const uint32_t* passages() const { return passages_; }
  const uint32_t* tfs() const { return tfs_; }
  uint32_t size() const { return size_; }
  bool all_one() const { return all_one_; }
  // Loads the block after this one; false at the end (or where the bytes are damaged).
  bool next_block();
  // Loads the first block, not before the present one, whose last passage is not below `passage`.
  bool seek_block(uint32_t passage);
  // tf in the passage, 0 if not in the list. Calls must be with ascending passages.
  uint32_t tf_of(uint32_t passage);
  // Where in the block the caller is.
  uint32_t position = 0;

 private:
  bool load(uint32_t block);
  BlockMeta meta(uint32_t block) const;

  std::string_view data_;          // of the list: metadata (if any) and blocks, to the section's end
  const char* meta_ = nullptr;     // null: one block
  uint32_t df_ = 0, blocks_ = 0, limit_ = 0;
  uint32_t block_ = kNoPassage;    // loaded block; kNoPassage before the first
  uint32_t size_ = 0;
  uint32_t inline_passage_ = 0, inline_tf_ = 0;
  bool all_one_ = false;
  uint32_t passages_[kBlockSize];
  uint32_t tfs_[kBlockSize];
};

}  // namespace sillok::search
