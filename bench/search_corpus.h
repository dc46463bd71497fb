// Text to measure search with: Korean-like passages made from a seed, or lines of JSON.
#pragma once

#include <string>
#include <vector>

#include "base/base.h"

namespace sillok::bench {

struct Corpus {
  std::vector<std::string> passages, questions;
  std::vector<std::vector<size_t>> answers;  // by question, the passages that answer it; empty: not known

  bool is_answer(size_t question, size_t passage) const;
};

// Words of one to four common syllables, their ranks by Zipf's law, most with a particle; passages of about
// `characters`; each question twelve words taken from one passage, so that questions have something to find.
Corpus make_corpus(size_t passages, size_t questions, size_t characters, uint64_t seed);

// One JSON object a line; the string "text" of the first file, "question" of the second. Where every passage has an "id"
// and every question "records", a list of such, these are the answers.
Result<Corpus> read_corpus(const fs::path& passages, const fs::path& questions);

}  // namespace sillok::bench
