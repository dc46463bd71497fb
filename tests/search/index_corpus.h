// Random passages for tests of the index: small vocabularies, so that everything ties and overlaps often.
#pragma once

#include <unistd.h>

#include <random>
#include <string>
#include <vector>

#include "search/index.h"

namespace sillok::search::testing {

// A folder that is gone when the test is.
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "sillok_index_XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// Owns what PassageEntry only views.
struct Fact {
  int64_t version = 0;
  uint32_t number = 1, ordinal = 0, length = 0;
  std::string record, title, anchor, context, text, format, label;
  Day from = kDayMin, to = kDayMax;
  std::vector<TermId> terms, title_terms;

  PassageEntry entry() const {
    PassageEntry e;
    e.version = version, e.number = number, e.ordinal = ordinal, e.length = length;
    e.record = record, e.title = title, e.anchor = anchor, e.context = context, e.text = text;
    e.format = format, e.label = label, e.valid_from = from, e.valid_to = to;
    e.terms = terms, e.title_terms = title_terms;
    return e;
  }
};

inline std::vector<PassageEntry> entries(const std::vector<Fact>& facts) {
  std::vector<PassageEntry> out;
  for (const Fact& fact : facts) out.push_back(fact.entry());
  return out;
}

// Term `rank` of the vocabulary: spread over the hash space like real term hashes.
inline TermId term(uint64_t rank) { return hash64(std::to_string(rank), 77); }

struct Shape {
  uint32_t versions = 200, vocabulary = 300, longest = 60;
};

inline std::vector<Fact> random_facts(std::mt19937_64& random, const Shape& shape) {
  const auto below = [&](uint64_t n) { return random() % n; };
  std::vector<Fact> facts;
  for (uint32_t v = 0; v < shape.versions; ++v) {
    Fact fact;
    fact.version = v + 1;
    fact.record = "R" + std::to_string(below(shape.versions));
    fact.number = v + 1;
    fact.format = below(2) ? "pdf" : "hwp";
    fact.label = std::string(1, static_cast<char>('A' + below(4)));
    if (below(3) == 0) fact.from = static_cast<Day>(below(100));
    if (below(3) == 0) fact.to = static_cast<Day>(below(120));
    fact.title = "title of " + fact.record;
    fact.context = fact.title + " > part";
    for (uint64_t i = below(4); i > 0; --i) fact.title_terms.push_back(term(below(shape.vocabulary)));
    const uint64_t passages = 1 + below(5);
    for (uint32_t p = 0; p < passages; ++p) {
      fact.ordinal = p;
      fact.anchor = "p. " + std::to_string(p + 1);
      fact.text = "text " + std::to_string(v) + "/" + std::to_string(p);
      fact.terms.clear();
      // Squaring makes low ranks frequent: a rough Zipf curve.
      for (uint64_t i = 1 + below(shape.longest); i > 0; --i) {
        const double u = static_cast<double>(below(1 << 20)) / (1 << 20);
        fact.terms.push_back(term(static_cast<uint64_t>(u * u * shape.vocabulary)));
      }
      fact.length = static_cast<uint32_t>(fact.terms.size());
      facts.push_back(fact);
    }
  }
  return facts;
}

inline Filter random_filter(std::mt19937_64& random) {
  Filter filter;
  if (random() % 3 != 0) {
    filter.labels.emplace();
    for (char c = 'A'; c < 'F'; ++c) {
      if (random() % 2) filter.labels->push_back(std::string(1, c));
    }
  }
  filter.all_versions = random() % 3 == 0;
  filter.as_of = random() % 4 == 0 ? kDayMax : static_cast<Day>(random() % 120);
  return filter;
}

inline bool passes(const Fact& fact, const Filter& filter) {
  if (!filter.all_versions) {
    if (fact.from > filter.as_of) return false;
    if (fact.to <= filter.as_of && fact.to != kDayMax) return false;
  }
  if (!filter.labels) return true;
  for (const std::string& label : *filter.labels) {
    if (label == fact.label) return true;
  }
  return false;
}

inline RankQuery random_query(std::mt19937_64& random, const Shape& shape) {
  RankQuery query;
  const uint64_t count = 1 + random() % 60;
  for (uint64_t i = 0; i < count; ++i) {
    const float weight = static_cast<float>(random() % 5) / 2, title = random() % 3 == 0 ? 0.7f : 0.0f;
    query.terms.push_back({term(random() % (shape.vocabulary + 5)), weight, title});
  }
  query.k1 = static_cast<float>(random() % 20) / 10;
  query.b = static_cast<float>(random() % 11) / 10;
  query.limit = 1 + random() % 60;
  return query;
}

}  // namespace sillok::search::testing
