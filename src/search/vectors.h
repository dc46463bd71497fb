// Private to search: the vectors of passages, and the nearest of those a filter lets through.
//
// Every visible vector is looked at: with 8-bit values a million of 256 are 256 MB, of which a filter that passes a tenth
// leaves 26 to read. A graph or a list of cells (libfaiss has both) would be faster over everything, but finds less the
// stricter the filter, and its shape depends on what is hidden: exactly what must not happen here (docs/SEARCH.md).
//
// File <segment id>-<segment checksum>-<first 16 digits of the retriever's hash>.vectors in the folder index/vectors,
// little-endian: "SILLOKVC", u32 passages, u32 dimension, f32 scales [passages], i8 values [passages x dimension],
// last u32 CRC-32C of all before it. It can be deleted: it is made anew from the segment's texts.
#pragma once

#include <map>
#include <mutex>
#include <utility>

#include "search/retriever.h"
#include "search/snapshot.h"

namespace sillok::search {

class SegmentVectors {
 public:
  // From the file if it is whole, else computed and, where the folder can be written, kept.
  static std::shared_ptr<const SegmentVectors> open_or_make(const Segment& segment, const Retriever& retriever, const fs::path& folder);

  size_t size() const { return scales_.size(); }
  float cosine(const TextVector& query, uint32_t passage) const {
    const float scale = scales_[passage];
    if (scale == 0 || query.scale == 0) return 0;
    return static_cast<float>(dot(query.values.data(), values_ + size_t{passage} * dimension_, dimension_)) * query.scale * scale;
  }

  struct Content;

 private:
  std::shared_ptr<const Content> content_;  // shared: views below point into it
  std::span<const float> scales_;
  const int8_t* values_ = nullptr;
  size_t dimension_ = 0;
};

// The vectors of all segments of a snapshot, in their order.
using SnapshotVectors = std::vector<std::shared_ptr<const SegmentVectors>>;

// Keeps the vectors of segments in use. Thread-safe.
class VectorCache {
 public:
  VectorCache(fs::path folder, std::shared_ptr<const Retriever> retriever) : folder_(std::move(folder)), retriever_(std::move(retriever)) {}
  SnapshotVectors of(const Snapshot& snapshot);

 private:
  fs::path folder_;
  std::shared_ptr<const Retriever> retriever_;  // shared with the searches that use it
  std::mutex mutex_;
  std::map<std::pair<uint64_t, uint32_t>, std::shared_ptr<const SegmentVectors>> by_segment_;  // by id and checksum
};

// Removes the files of segments and retrievers that are no longer in use; `retriever` null: all.
void tidy_vectors(const fs::path& folder, const Snapshot& snapshot, const Retriever* retriever);

inline constexpr size_t kForThreads = 20'000;  // a thread costs as much to start as some hundred vectors to compare

struct Neighbour {
  Hit hit;
  float cosine = 0;
};
// The `limit` nearest of what passes the filter, nearest first, ties by (record, version, ordinal): the same result as
// over an index that holds nothing else. From `for_threads` vectors on several threads read them; that changes nothing either.
std::vector<Neighbour> nearest(const Snapshot& snapshot, const SnapshotVectors& vectors, const TextVector& query, const Filter& filter,
                               size_t limit, size_t for_threads = kForThreads);

}  // namespace sillok::search
