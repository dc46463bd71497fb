// Text to measure search with: Korean-like passages made from a seed, or lines of JSON.
#pragma once

#include <string>
#include <vector>

#include "base/base.h"

namespace sillok::bench {

struct Corpus {
  std::vector<std::string> passages, questions;
};

// Words of one to four common syllables, their ranks by Zipf's law, most with a particle; passages of about
// `characters`; each question twelve words taken from one passage, so that questions have something to find.
Corpus make_corpus(size_t passages, size_t questions, size_t characters, uint64_t seed);

// One JSON object a line; the strings "text" (and "title") of the first, "question" of the second file.
Result<Corpus> read_corpus(const fs::path& passages, const fs::path& questions);

}  // namespace sillok::bench
