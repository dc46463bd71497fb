// Xapian and SQLite FTS5 over the same passages and questions, and how all are timed.
#pragma once

#include <vector>

#include "search/index.h"
#include "search_corpus.h"

namespace sillok::bench {

inline bool cpu_time = false;  // processor seconds instead of the clock
double now_seconds();
inline double seconds_since(double start) { return now_seconds() - start; }

struct Figures {
  double indexing_seconds = 0, p50_ms = 0, p99_ms = 0;
  size_t right_first = 0;  // questions whose passage came first, where the corpus says which that is
};
// Takes the median and the 99th percentile; sorts `ms`.
void summarise(std::vector<double>& ms, Figures& figures);

// The terms of a question as Sillok weighs them before rarity.
search::RankQuery rank_query(const std::string& question, size_t limit);

// What Xapian is given: its default, words as its TermGenerator and QueryParser make them, or Sillok's terms and weights.
enum class XapianTerms { kDefault, kOurs };
// Throws Xapian::Error.
Figures measure_xapian(const Corpus& corpus, const fs::path& folder, size_t limit, XapianTerms terms);
Result<Figures> measure_fts5(const Corpus& corpus, const fs::path& path, size_t limit);

}  // namespace sillok::bench
