// Private to search: the closer look with a trained retriever.
#pragma once

#include "search/vectors.h"

namespace sillok::search {

struct LearnedCandidate {
  Hit hit;
  double base = 0;   // the score without training
  double score = 0;
  Evidence evidence;
  Features features{};
};
// The hits and the nearest vectors that pass the query's filter, each looked at closely; by score, ties as they came.
// `vectors`: null where vectors may not bring candidates of their own (a query with phrases).
std::vector<LearnedCandidate> look_learned(const Question& question, const RankProfile& profile, const Snapshot& snapshot,
                                           const RankQuery& query, std::vector<Hit> hits, const Retriever& retriever,
                                           const SnapshotVectors& vectors, bool add_nearest);

}  // namespace sillok::search
