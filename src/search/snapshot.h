// Private to search: the segments of one state of the index, and which passages a filter lets through.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "search/segment.h"

namespace sillok::search {

// The passages of one segment that pass a filter's labels and dates: what may be seen, and all that statistics
// may be taken from.
struct Visible {
  std::vector<uint64_t> bits;  // by passage; empty where all pass or none
  uint32_t count = 0;
  uint64_t length_sum = 0;
  bool all = false;

  bool has(uint32_t passage) const { return all || (count > 0 && (bits[passage / 64] >> (passage % 64) & 1) != 0); }

  // How many of the visible passages hold the term. Thread-safe; remembered, because counting means intersecting.
  uint32_t document_frequency(const Segment& segment, Field field, const TermEntry& entry) const;

 private:
  mutable std::mutex mutex_;
  mutable std::unordered_map<TermId, uint32_t> counted_[2];  // at most kMaxCounted each
};

// A segment with one state of its sidecar. Immutable but for its cache of filters; shared by snapshots.
class SegmentView {
 public:
  SegmentView(std::shared_ptr<const Segment> segment, std::shared_ptr<const Sidecar> sidecar, uint64_t generation)
      : segment_(std::move(segment)), sidecar_(std::move(sidecar)), generation_(generation) {}
  const Segment& segment() const { return *segment_; }
  const Sidecar& sidecar() const { return *sidecar_; }
  const std::shared_ptr<const Segment>& shared_segment() const { return segment_; }
  uint64_t generation() const { return generation_; }
  // Thread-safe; cached for the last kMaxFilters filters.
  std::shared_ptr<const Visible> visible(const Filter& filter) const;

 private:
  std::shared_ptr<const Visible> compute(const Filter& filter) const;

  std::shared_ptr<const Segment> segment_;  // shared: successive states of the sidecar, and snapshots of readers
  std::shared_ptr<const Sidecar> sidecar_;
  uint64_t generation_;  // of the sidecar
  struct Cached {
    std::string key;
    uint64_t used = 0;
    std::shared_ptr<const Visible> visible;
  };
  mutable std::mutex mutex_;
  mutable std::vector<Cached> cache_;
  mutable uint64_t clock_ = 0;
};

struct Snapshot::State {
  std::vector<std::shared_ptr<const SegmentView>> segments;
  int64_t change = 0;
  uint64_t next_id = 1;  // for the next segment file
};

// Of each label of a sidecar: whether the filter's clearance dominates it (all, without one).
std::vector<bool> seen_labels(const Sidecar& sidecar, const Filter& filter);
// The end of a row's interval as somebody sees it who sees these labels.
Day end_seen(const Sidecar& sidecar, uint32_t row, const std::vector<bool>& seen);

// The order of passages that score alike: by record, version and ordinal.
bool tie_precedes(const Snapshot::State& state, const Hit& a, const Hit& b);

// Does the filter restrict results beyond labels and dates?
bool has_restrictions(const Filter& filter);
// Of the visible passages, those that meet the filter's other fields.
std::vector<uint64_t> restricted(const SegmentView& view, const Visible& visible, const Filter& filter);

}  // namespace sillok::search
