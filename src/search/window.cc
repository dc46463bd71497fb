#include "search/window.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace sillok::search {
namespace {

// Looking a passage up in a list costs about as much as adding this many postings of it; measured, 3 to 6 do as well.
constexpr uint64_t kLookupCost = 4;

// Four at a time, for the division; compilers do not see it by themselves at -O2.
using Floats = float __attribute__((vector_size(16)));
using Ints = int32_t __attribute__((vector_size(16)));

float to_float(uint32_t value) { return static_cast<float>(static_cast<int32_t>(value)); }  // Signed converts faster.

}  // namespace

void Window::move(uint32_t begin, uint32_t end) {
  SILLOK_CHECK(begin % 64 == 0 && begin <= end && end - begin <= kSize);
  begin_ = begin;
  end_ = end;
  open_count_ = 0;
}

void Window::reset(const Segment& segment, const Norm& body, const Norm& title) {
  const uint32_t size = end_ - begin_;
  const uint32_t* const lengths = segment.lengths() + begin_;
  const auto base = static_cast<float>(body.base), per_length = static_cast<float>(body.per_length);
  uint32_t i = 0;
  for (; i + 4 <= size; i += 4) {
    Ints length;
    std::memcpy(&length, lengths + i, sizeof length);
    const Floats norm = base + per_length * __builtin_convertvector(length, Floats);
    const Floats one = 1 / (1 + norm);
    std::memcpy(norms_ + i, &norm, sizeof norm);
    std::memcpy(ones_ + i, &one, sizeof one);
  }
  for (; i < size; ++i) {
    norms_[i] = base + per_length * to_float(lengths[i]);
    ones_[i] = 1 / (1 + norms_[i]);
  }
  std::memset(sums_, 0, size * sizeof(float));
  title_base_ = static_cast<float>(title.base);
  segment_passages_ = segment.passage_count();
}

void Window::open_allowed(const std::vector<uint64_t>& bits) {
  open_count_ = 0;
  for (uint32_t p = begin_; p < end_; p += 64) {
    for (uint64_t word = bits[p / 64]; word != 0; word &= word - 1) {
      open_[open_count_++] = p - begin_ + static_cast<uint32_t>(std::countr_zero(word));
    }
  }
}

void Window::open_reaching(float least) {
  size_t count = 0;
  for (uint32_t i = 0; i < end_ - begin_; ++i) {  // Without a branch: which passages reach it cannot be predicted.
    open_[count] = i;
    count += sums_[i] >= least ? 1 : 0;
  }
  open_count_ = count;
}

void Window::close_below(float least) {
  size_t kept = 0;
  for (size_t k = 0; k < open_count_; ++k) {
    const uint32_t i = open_[k];
    open_[kept] = i;
    kept += sums_[i] >= least ? 1 : 0;
  }
  open_count_ = kept;
}

// What tf = count in passage i adds.
float Window::part(const List& list, uint32_t count, uint32_t i) const {
  const float tf = to_float(count);
  return list.factor * tf / (tf + (list.title ? title_base_ : norms_[i]));
}

void Window::accumulate(List& list) {
  PostingCursor& c = list.cursor;
  if (!c.seek_block(begin_)) return;
  for (;;) {
    const uint32_t n = c.size();
    const uint32_t* const passages = c.passages();
    const uint32_t* const tfs = c.tfs();
    uint32_t k = c.position;
    while (k < n && passages[k] < begin_) ++k;
    // A block is ascending even if damaged, so none outside the window is touched.
    const auto stop = static_cast<uint32_t>(
        (passages[n - 1] < end_ ? passages + n : std::lower_bound(passages + k, passages + n, end_)) - passages);
    if (list.title) {
      for (; k < stop; ++k) sums_[passages[k] - begin_] += part(list, tfs[k], 0);
    } else if (c.all_one()) {
      for (; k < stop; ++k) sums_[passages[k] - begin_] += list.factor * ones_[passages[k] - begin_];
    } else {
      for (; k < stop; ++k) {
        const uint32_t i = passages[k] - begin_;
        sums_[i] += tfs[k] == 1 ? list.factor * ones_[i] : part(list, tfs[k], i);
      }
    }
    c.position = k;
    if (k < n || !c.next_block()) return;
  }
}

void Window::add(List& list) {
  const uint64_t postings = uint64_t{list.df} * (end_ - begin_) / segment_passages_;  // Expected in the window.
  if (postings < kLookupCost * open_count_) accumulate(list);
  else look_up(list);
}

void Window::look_up(List& list) {
  for (size_t k = 0; k < open_count_; ++k) {
    const uint32_t i = open_[k];
    if (const uint32_t tf = list.cursor.tf_of(begin_ + i); tf > 0) sums_[i] += part(list, tf, i);
  }
}

}  // namespace sillok::search
