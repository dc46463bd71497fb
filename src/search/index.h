// Private to search: the lexical index. Immutable segments, exact filters, block-max pruned ranking.
//
// A segment is one file of postings, passage texts and per-passage facts; beside it a small file holds what can
// change later (validity and label of each passage). A manifest names the live segments and the archive's change
// counter up to which they hold; it is replaced atomically, so that a crash leaves the old index or the new.
// Deleting the folder costs a rebuild, never data.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "archive/archive.h"
#include "base/base.h"
#include "search/terms.h"

namespace sillok::search {

// ---------------------------------------------------------------------------------------------
// What goes in

// One passage to be indexed. Views must stay valid during SegmentBuilder::add only.
struct PassageEntry {
  int64_t version = 0;
  uint32_t number = 0;            // version number within the record
  uint32_t ordinal = 0;           // position of the passage within its version, from 0
  std::string_view record, title, anchor, context, text, format, label;
  Day valid_from = kDayMin, valid_to = kDayMax;
  Day own_to = kDayMax;                       // with a history: archive::Version::own_to
  const archive::History* history = nullptr;  // of the version, if its record has others with other labels
  std::vector<TermId> terms;        // body terms, repeated as they occur
  std::vector<TermId> title_terms;  // of title and heading path: indexed apart, ranked by their own weight
  uint32_t length = 0;              // for length normalisation
};

// ---------------------------------------------------------------------------------------------
// What is asked

// Who may see what, and when: applied before ranking, and before any statistic is taken.
struct Filter {
  // Passages that the clearance dominates, in force among the versions that it dominates. None: everything.
  std::optional<govern::Clearance> clearance;
  const govern::Lattice* lattice = nullptr;        // with a clearance; must outlive the filter
  std::optional<std::vector<std::string>> labels;  // passages with one of these labels, or levels; none = every label
  Day as_of = kDayMax;                             // in force on that day; kDayMax = today's question is the caller's to set
  bool all_versions = false;                       // true: as_of is not applied
  std::vector<std::string> formats;                // empty = any
  std::string record_prefix;                       // keys that begin so; empty = any
  std::vector<TermId> required;                    // each must occur in the body
  std::vector<TermId> title_required;              // each must occur in title or heading path
  Day after = kDayMin, before = kDayMax;           // valid_from >= after and < before
};

struct RankTerm {
  TermId term = 0;
  float weight = 1;        // multiplies the body score of the term; >= 0
  float title_weight = 0;  // multiplies the title score of the term; >= 0
  float cover = 0;         // what Hit::covered counts where the term is in the body; >= 0
};

struct Hit {
  uint32_t segment = 0, passage = 0;  // address in this Snapshot
  float score = 0;
  float covered = 0;  // sum of RankTerm::cover over the body's terms, or, of very long queries, an upper bound of it
};

struct RankQuery {
  std::vector<RankTerm> terms;  // at most kMaxRankTerms are used: those of highest weight x idf
  Filter filter;
  float k1 = 0.4f, b = 0.5f;    // BM25 of the body; titles use b = 0
  size_t limit = 50;
  const std::vector<Hit>* only = nullptr;  // rank these alone; statistics are those of all that is visible
};
inline constexpr size_t kMaxRankTerms = 256;

// The stored facts of a passage; views live as long as the Snapshot.
struct StoredPassage {
  int64_t version = 0;
  uint32_t number = 0, ordinal = 0, length = 0;
  std::string_view record, title, anchor, context, text, format, label;
  Day valid_from = kDayMin, valid_to = kDayMax;
};

// ---------------------------------------------------------------------------------------------
// The index

// One consistent, immutable state; safe for many threads; holds its segments open.
class Snapshot {
 public:
  // Best passages, score descending, ties by (record, version, ordinal). BM25 summed over terms with
  // idf = ln(1 + (N - df + 0.5) / (df + 0.5)); N, df and the mean length are those of the passages that pass the
  // filter's labels and dates, exactly: the same result, bit for bit, as over an index that holds nothing else,
  // however it is cut into segments.
  std::vector<Hit> rank(const RankQuery& query) const;
  StoredPassage passage(Hit hit) const;
  // As somebody with the filter's clearance sees it: number and interval are those among the versions that he sees.
  StoredPassage passage(Hit hit, const Filter& filter) const;
  // df of each term among what passes labels and dates; and N. For weighting questions by rarity.
  struct Statistics {
    uint64_t passages = 0;
    double mean_length = 0;
    std::vector<uint64_t> document_frequency;
  };
  Statistics statistics(const std::vector<TermId>& terms, const Filter& filter) const;
  // The passages of one version, by ordinal: for neighbours of a hit. None if the filter's clearance hides it.
  std::vector<Hit> passages_of(int64_t version, const Filter& filter = {}) const;
  uint64_t passage_count() const;
  int64_t change() const;  // the archive's change counter this state holds

  struct State;
  explicit Snapshot(std::shared_ptr<const State> state);
  const State& state() const { return *state_; }

 private:
  std::shared_ptr<const State> state_;  // shared: snapshots outlive the index's next refresh
};

class Index {
 public:
  // Opens home/index, made if absent. A damaged or older-format index is rebuilt by the next refresh.
  static Result<Index> open(const fs::path& folder);
  Index(Index&&) noexcept;
  Index& operator=(Index&&) noexcept;
  ~Index();

  Snapshot snapshot() const;
  // Brings the index up to the archive's last change: new versions are split and indexed, changed validity and labels
  // rewritten, erased versions' segments rewritten without them; then merges so that the number of segments stays
  // logarithmic. One writer at a time (file lock); memory bounded by about 128 MiB.
  Status refresh(const archive::Archive& archive);
  // Makes the index one of what the view sees, as it sees it. For an index of its own, in a folder of its own.
  Status add_view(const archive::View& view);
  // Format check, checksums, and agreement with the archive; empty = clean.
  std::vector<std::string> check(const archive::Archive& archive) const;

  // For tests and benchmarks: adds passages without an archive, as one segment (or several, by memory).
  Status add_passages(const std::vector<PassageEntry>& entries);

  struct State;

 private:
  explicit Index(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sillok::search
