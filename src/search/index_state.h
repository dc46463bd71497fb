// Private to search: the folder of an index, and one change of it.
//
// Folder: manifest, lock, <id>.segment, <id>.<generation>.facts (the sidecar; its generation rises with each change).
// Manifest, little-endian: "SILLOKIX", u32 kSegmentFormat, u32 kIndexVersion, i64 change, u64 next id, u32 segments,
// u32 zero, per segment u64 id and u64 generation; last u32 CRC-32C of all before it. Files that it does not name are
// left over from an interrupted change, or in use by nobody but readers that opened them before.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "search/snapshot.h"

namespace sillok::search {

// Bytes gathered before a segment is written. Growing vectors reserve up to as much again, of which what is not yet
// written to is not resident.
inline constexpr size_t kBuilderBytes = 64 << 20;
// This many segments of one tier (sizes within a factor of kTierFactor) are merged into one.
inline constexpr size_t kMergeFanIn = 6;
inline constexpr uint64_t kTierFactor = 6;
// A change may merge this many passages, or kMergePerAdded for each it adds: a small change returns at once. Larger
// merges wait for a large change, or until there are kMaxSegments.
inline constexpr uint64_t kMergeAtOnce = 16384;
inline constexpr uint64_t kMergePerAdded = 8;
inline constexpr size_t kMaxSegments = 48;
inline constexpr int kLockWaitMs = 30'000;

using StatePointer = std::shared_ptr<const Snapshot::State>;  // shared: see Snapshot

struct Index::State {
  fs::path folder;
  std::mutex mutex;        // guards the three below
  StatePointer current;
  std::string manifest;    // identity of the manifest file that `current` was loaded from
  std::string damage;      // why the index on disk could not be used; "" if it could

  fs::path segment_path(uint64_t id) const;
  fs::path facts_path(uint64_t id, uint64_t generation) const;
  fs::path manifest_path() const { return folder / "manifest"; }
  // Loads what is on disk if it is not what is loaded. An unusable index becomes an empty one, with `damage` said.
  void reload();
  StatePointer get();
  void publish(StatePointer state);
  // Removes all files that the state does not name. Only under the folder's lock.
  void remove_leftovers(const Snapshot::State& state) const;
};

// One change of the index, under the folder's lock: passages in, facts changed, versions erased; then commit.
class IndexChange {
 public:
  IndexChange(Index::State& index, StatePointer base);

  bool knows(int64_t version) const;
  Status add(const PassageEntry& entry);
  struct Facts {
    Day from = kDayMin, to = kDayMax;
    std::string label;
    Day own_to = kDayMax;
    std::optional<archive::History> history;
  };
  void set_facts(int64_t version, Facts facts);
  void erase(int64_t version);
  // Makes everything so far the index's state, atomically, as of the archive's `change`; then tidies up.
  Status commit(int64_t change);
  // A segment proved damaged while it was merged: the index has to be built anew.
  bool damaged() const { return damaged_; }

 private:
  Status flush();
  Status apply_facts();
  Status apply_erasures();
  Status merge_where_due();
  // Replaces the views at `which` (ascending) by one segment of them without the dropped rows.
  Status replace(const std::vector<size_t>& which, const std::vector<std::vector<bool>>& dropped);
  Result<std::shared_ptr<const SegmentView>> open_new(uint64_t id, Sidecar sidecar);

  Index::State& index_;
  Snapshot::State next_;
  SegmentBuilder builder_;
  std::unordered_set<int64_t> building_;  // versions in builder_
  std::unordered_map<int64_t, Facts> facts_;
  std::unordered_set<int64_t> erased_;
  uint64_t added_ = 0;
  bool damaged_ = false;
};

}  // namespace sillok::search
