// Private to search: one immutable segment file and the small sidecar of what can change.
//
// Contents: sections and rows | Segment (reading) | Sidecar | SegmentBuilder (writing) | merging
//
// Segment file, little-endian:
//   0     8   "SILLOKSG"
//   8     4   kSegmentFormat
//   12    4   number of passages
//   16    8   file size
//   24    8   segment id
//   32    ..  one entry per Section: u64 offset, u64 size, u32 CRC-32C of the section, u32 zero
//   kHeaderSize - 4   CRC-32C of the header before it
// then the sections, each starting at a multiple of 8. The header is written last; a file without one is not opened.
// Sidecar file: see segment.cc.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "search/index.h"
#include "search/postings.h"

namespace sillok::search {

// ---------------------------------------------------------------------------------------------
// Sections and rows

inline constexpr uint32_t kSegmentFormat = 2;
// Raised whenever the terms of a text, its passages or its length come out differently: indexes are then rebuilt.
inline constexpr uint32_t kIndexVersion = 2;

enum class Section : uint8_t {
  kPostings,         // body: lists, see postings.h
  kTerms,            // TermEntry, ascending by term
  kDirectory,        // u32 per value of the term's top bits: the first entry not below it; one more for the end
  kTitlePostings, kTitleTerms, kTitleDirectory,  // the same for titles
  kRows,             // VersionRow
  kVersions,         // VersionPlace, ascending by version
  kPassages,         // PassageRow
  kLengths,          // u32 per passage
  kText,             // strings that the rows point into
  kCount,
};
inline constexpr size_t kSections = static_cast<size_t>(Section::kCount);
inline constexpr size_t kHeaderSize = 512;

// Consecutive passages of one version; the unit of validity and label.
struct VersionRow {
  int64_t version = 0;
  uint64_t text = 0;  // offset in kText of record, title, format, one after the other
  uint32_t record_size = 0, title_size = 0, format_size = 0;
  uint32_t number = 0;
  uint32_t first = 0, count = 0;  // passages
};
static_assert(sizeof(VersionRow) == 40);

struct VersionPlace {
  int64_t version = 0;
  uint32_t row = 0, zero = 0;
};
static_assert(sizeof(VersionPlace) == 16);

struct PassageRow {
  uint64_t text = 0;  // offset in kText of anchor, context, text, one after the other
  uint32_t anchor_size = 0, context_size = 0, text_size = 0;
  uint32_t ordinal = 0, row = 0, zero = 0;
};
static_assert(sizeof(PassageRow) == 32);

enum class Field : uint8_t { kBody, kTitle };

// ---------------------------------------------------------------------------------------------
// Reading

class Segment {
 public:
  // Checks header, bounds and the sections that are read whole; kInvalid for anything damaged.
  static Result<std::shared_ptr<const Segment>> open(const fs::path& path, uint64_t id);

  uint64_t id() const { return id_; }
  uint32_t passage_count() const { return passages_; }
  uint32_t checksum() const { return checksum_; }  // of the header, which holds those of all sections: names the content
  uint64_t bytes() const { return file_.bytes().size(); }
  const uint32_t* lengths() const { return reinterpret_cast<const uint32_t*>(section(Section::kLengths).data()); }
  uint32_t row_count() const { return static_cast<uint32_t>(section(Section::kRows).size() / sizeof(VersionRow)); }
  const VersionRow& row(uint32_t index) const;
  const PassageRow& passage(uint32_t index) const;
  std::string_view record(const VersionRow& row) const { return text(row.text, row.record_size); }
  std::string_view title(const VersionRow& row) const { return text(row.text + row.record_size, row.title_size); }
  std::string_view format(const VersionRow& row) const;
  std::string_view anchor(const PassageRow& p) const { return text(p.text, p.anchor_size); }
  std::string_view context(const PassageRow& p) const { return text(p.text + p.anchor_size, p.context_size); }
  std::string_view body(const PassageRow& p) const;
  // Rows of the version, ascending; most often one.
  std::vector<uint32_t> rows_of(int64_t version) const;

  // df 0 if the term does not occur.
  TermEntry find(Field field, TermId term) const;
  PostingCursor cursor(Field field, const TermEntry& entry) const;
  uint64_t term_count(Field field) const;
  TermEntry term_at(Field field, uint64_t index) const;

  // Every checksum and every list: what is wrong, "" if nothing is.
  std::string verify() const;
  std::string verify_checksums() const;

 private:
  std::string_view section(Section s) const { return sections_[static_cast<size_t>(s)]; }
  std::string_view text(uint64_t offset, uint64_t size) const;

  MappedFile file_;
  uint64_t id_ = 0;
  uint32_t passages_ = 0, checksum_ = 0;
  std::array<std::string_view, kSections> sections_;
  std::array<uint32_t, kSections> checksums_{};
};

// ---------------------------------------------------------------------------------------------
// What can change of a row

struct RowState {
  Day from = kDayMin, to = kDayMax;
  uint32_t label = 0;  // index into Sidecar::labels
  bool operator==(const RowState&) const = default;
};

// Of a row whose record has versions with other labels: archive::History, labels as indexes into Sidecar::labels.
struct RowHistory {
  Day own_to = kDayMax;
  std::vector<std::pair<uint32_t, Day>> later;
  std::vector<std::pair<uint32_t, uint32_t>> before;
  bool operator==(const RowHistory&) const = default;
};

struct Sidecar {
  std::vector<std::string> labels;
  std::vector<RowState> rows;  // one per VersionRow
  std::map<uint32_t, RowHistory> histories;  // by row, where there is one

  RowHistory history_of(const archive::History& history, Day own_to);

  uint32_t label_index(std::string_view label);
  std::string encode(uint64_t segment_id) const;
  static Result<Sidecar> decode(std::string_view bytes, uint64_t segment_id, uint32_t row_count);
};

// ---------------------------------------------------------------------------------------------
// Writing

// Gathers passages in memory and writes them as one segment. Memory is about memory_bytes().
class SegmentBuilder {
 public:
  SegmentBuilder();
  ~SegmentBuilder();
  void add(const PassageEntry& entry);
  uint32_t passage_count() const;
  size_t memory_bytes() const;
  // Writes the segment, synced, and returns its sidecar; the builder is empty after it.
  Result<Sidecar> write(const fs::path& path, uint64_t id);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct MergeSource {
  const Segment* segment = nullptr;
  const Sidecar* sidecar = nullptr;
  std::vector<bool> dropped;  // by row; empty: none
};
// One segment of all the sources' rows that are not dropped, in order. kInvalid if a source proves damaged.
Result<Sidecar> merge_segments(const std::vector<MergeSource>& sources, const fs::path& path, uint64_t id);

}  // namespace sillok::search
