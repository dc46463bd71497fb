// Private to search: what the trained re-ranker sees of a candidate. The names stand in features.cc beside the values.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "search/rerank.h"

namespace sillok::search {

inline constexpr size_t kFeatures = 58;
using Features = std::array<float, kFeatures>;

// A candidate as the index and the closer look leave it.
struct Judged {
  float lexical = 0;  // BM25 as a share of Question::total
  float base = 0;     // the score without a trained retriever, as the same share
  float cosine = 0;   // of the vectors of question and passage; 0 without an encoder
  std::string_view text, context;
  const Evidence* evidence = nullptr;
};

// One row for each candidate, in their order. Depends on the question, its statistics and these candidates alone: what
// the asker may not see is in none of them.
std::vector<Features> features_of(const Question& question, const std::vector<Judged>& candidates);
std::string_view feature_name(size_t feature);

}  // namespace sillok::search
