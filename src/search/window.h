// Private to rank.cc: single-precision sums of the contributions of lists to a window of consecutive passages.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "search/segment.h"

namespace sillok::search {

struct Norm {
  double base = 0, per_length = 0;  // tf / (tf + base + per_length x length)
};

// A list of one segment being scored.
struct List {
  PostingCursor cursor;
  float factor = 0;
  bool title = false;
  uint32_t df = 0;
};

// Passages are numbered from the window's beginning. Those still in the running are open; a list is added to all
// passages or, where few are open, to these alone: the sums of closed ones mean nothing. Large: reuse it.
class Window {
 public:
  static constexpr uint32_t kSize = 1 << 13;  // at most; 4096 and 16384 are as fast: arrays stay in the L2 cache

  // To passages [begin, end) of a segment; begin must be a multiple of 64. None is open, sums are not set.
  void move(uint32_t begin, uint32_t end);
  // Sums to zero, norms to those of the segment's passages.
  void reset(const Segment& segment, const Norm& body, const Norm& title);

  // Opens those with a set bit in `bits`, by passage of the segment.
  void open_allowed(const std::vector<uint64_t>& bits);
  // Opens those whose sum is `least` or more.
  void open_reaching(float least);
  void close_below(float least);
  std::span<const uint32_t> open() const { return {open_, open_count_}; }  // ascending
  float sum(uint32_t i) const { return sums_[i]; }

  // Adds a list to every passage. Lists are walked forwards: windows must come in order.
  void accumulate(List& list);
  // Adds a list to the open passages at least, the cheaper way.
  void add(List& list);

 private:
  float part(const List& list, uint32_t count, uint32_t i) const;
  void look_up(List& list);

  uint32_t begin_ = 0, end_ = 0, segment_passages_ = 0;
  float title_base_ = 0;
  size_t open_count_ = 0;
  uint32_t open_[kSize];
  float sums_[kSize], norms_[kSize];
  float ones_[kSize];  // 1 / (1 + norm): what a tf of 1, by far the most usual, comes to
};

}  // namespace sillok::search
