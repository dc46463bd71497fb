// Ranking against a scorer that is written to be read: the same hits, the same bits, whatever else is in the index.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>

#include "index_corpus.h"

namespace sillok::search {
namespace {

using namespace testing;

struct Expected {
  const Fact* fact;
  float score;
};

bool meets(const Fact& fact, const Filter& filter) {
  if (!fact.record.starts_with(filter.record_prefix)) return false;
  if (fact.from < filter.after || (filter.before != kDayMax && fact.from >= filter.before)) return false;
  if (!filter.formats.empty() && std::ranges::find(filter.formats, fact.format) == filter.formats.end()) return false;
  for (TermId t : filter.required) {
    if (std::ranges::find(fact.terms, t) == fact.terms.end()) return false;
  }
  for (TermId t : filter.title_required) {
    if (std::ranges::find(fact.title_terms, t) == fact.title_terms.end()) return false;
  }
  return true;
}

std::vector<Expected> brute_force(const std::vector<Fact>& facts, const RankQuery& query) {
  std::vector<const Fact*> seen;
  uint64_t length_sum = 0;
  for (const Fact& fact : facts) {
    if (!passes(fact, query.filter)) continue;
    seen.push_back(&fact);
    length_sum += fact.length;
  }
  const auto n = static_cast<double>(seen.size());
  const double mean = seen.empty() ? 0 : static_cast<double>(length_sum) / n;
  const double k1 = query.k1, b = query.b;
  std::map<const Fact*, double> scores;
  for (const RankTerm& t : query.terms) {
    for (bool title : {false, true}) {
      const double weight = title ? t.title_weight : t.weight;
      double df = 0;
      const auto tf_in = [&](const Fact& f) { return std::ranges::count(title ? f.title_terms : f.terms, t.term); };
      for (const Fact* f : seen) df += tf_in(*f) > 0;
      if (weight <= 0 || df == 0) continue;
      const double factor = weight * std::log(1 + (n - df + 0.5) / (df + 0.5)) * (k1 + 1);
      for (const Fact* f : seen) {
        const auto tf = static_cast<double>(tf_in(*f));
        const double norm = title ? k1 : k1 * (1 - b) + (mean > 0 ? k1 * b / mean : 0) * f->length;
        if (tf > 0 && meets(*f, query.filter)) scores[f] += factor * (tf / (tf + norm));
      }
    }
  }
  std::vector<Expected> ranked;
  for (const auto& [fact, score] : scores) ranked.push_back({fact, static_cast<float>(score)});
  std::sort(ranked.begin(), ranked.end(), [](const Expected& x, const Expected& y) {
    if (x.score != y.score) return x.score > y.score;
    return std::tie(x.fact->record, x.fact->number, x.fact->ordinal) <
           std::tie(y.fact->record, y.fact->number, y.fact->ordinal);
  });
  if (ranked.size() > query.limit) ranked.resize(query.limit);
  return ranked;
}

std::string describe(std::string_view record, uint32_t number, uint32_t ordinal, float score) {
  return std::string(record) + "#" + std::to_string(number) + "." + std::to_string(ordinal) + " " +
         std::to_string(score) + " " + std::to_string(std::bit_cast<uint32_t>(score));
}

std::vector<std::string> described(const Snapshot& snapshot, const RankQuery& query) {
  std::vector<std::string> out;
  for (const Hit& hit : snapshot.rank(query)) {
    const StoredPassage p = snapshot.passage(hit);
    out.push_back(describe(p.record, p.number, p.ordinal, hit.score));
  }
  return out;
}

// The facts in an index cut into `parts` segments, in shuffled order of versions.
Index built(const fs::path& folder, std::vector<Fact> facts, size_t parts, std::mt19937_64& random) {
  auto index = Index::open(folder);
  EXPECT_TRUE(index);
  std::map<int64_t, uint64_t> keys;
  for (const Fact& f : facts) keys.try_emplace(f.version, random());
  std::stable_sort(facts.begin(), facts.end(),
                   [&](const Fact& a, const Fact& b) { return keys[a.version] < keys[b.version]; });
  for (size_t i = 0; i < parts; ++i) {
    const auto from = facts.begin() + static_cast<std::ptrdiff_t>(facts.size() * i / parts);
    const auto to = facts.begin() + static_cast<std::ptrdiff_t>(facts.size() * (i + 1) / parts);
    EXPECT_TRUE(index->add_passages(entries({from, to})));
  }
  return std::move(*index);
}

TEST(Rank, EqualsBruteForceWhateverTheSegments) {
  std::mt19937_64 random(20240301);
  for (int round = 0; round < 30; ++round) {
    const Shape shape{.versions = static_cast<uint32_t>(20 + random() % 300),
                      .vocabulary = static_cast<uint32_t>(20 + random() % 2000), .longest = 80};
    const std::vector<Fact> facts = random_facts(random, shape);
    const Folder folder;
    const Index index = built(folder.path(), facts, 1 + random() % 9, random);
    for (int q = 0; q < 30; ++q) {
      RankQuery query = random_query(random, shape);
      query.filter = random_filter(random);
      if (q % 3 == 0) {
        Filter& f = query.filter;
        if (random() % 2) f.formats = {"pdf"};
        if (random() % 2) f.record_prefix = "R" + std::to_string(random() % 10);
        if (random() % 2) f.required = {term(random() % 5)};
        if (random() % 4 == 0) f.title_required = {term(random() % shape.vocabulary)};
        if (random() % 4 == 0) f.after = 20;
        if (random() % 4 == 0) f.before = 70;
      }
      std::vector<std::string> expected;
      for (const Expected& e : brute_force(facts, query)) {
        expected.push_back(describe(e.fact->record, e.fact->number, e.fact->ordinal, e.score));
      }
      ASSERT_EQ(described(index.snapshot(), query), expected) << "round " << round << " query " << q;
    }
  }
}

TEST(Rank, HiddenPassagesChangeNothing) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 20; ++round) {
    const Shape shape{.versions = 400, .vocabulary = 500, .longest = 50};
    const std::vector<Fact> facts = random_facts(random, shape);
    const Filter filter = random_filter(random);
    std::vector<Fact> visible;
    for (const Fact& fact : facts) {
      if (passes(fact, filter)) visible.push_back(fact);
    }
    const Folder all_folder, visible_folder;
    const Index all = built(all_folder.path(), facts, 1 + random() % 5, random);
    const Index only = built(visible_folder.path(), visible, 1 + random() % 5, random);
    for (int q = 0; q < 20; ++q) {
      RankQuery query = random_query(random, shape);
      query.filter = filter;
      ASSERT_EQ(described(all.snapshot(), query), described(only.snapshot(), query));
      std::vector<TermId> terms;
      for (const RankTerm& t : query.terms) terms.push_back(t.term);
      const auto a = all.snapshot().statistics(terms, filter), b = only.snapshot().statistics(terms, filter);
      ASSERT_EQ(a.passages, b.passages);
      ASSERT_EQ(a.mean_length, b.mean_length);
      ASSERT_EQ(a.document_frequency, b.document_frequency);
    }
  }
}

TEST(Rank, LongListsAndManyWindows) {
  std::mt19937_64 random(99);
  const Shape shape{.versions = 12'000, .vocabulary = 3000, .longest = 20};
  const std::vector<Fact> facts = random_facts(random, shape);
  const Folder folder;
  const Index index = built(folder.path(), facts, 2, random);
  for (int q = 0; q < 12; ++q) {
    RankQuery query = random_query(random, shape);
    query.filter = random_filter(random);
    std::vector<std::string> expected;
    for (const Expected& e : brute_force(facts, query)) {
      expected.push_back(describe(e.fact->record, e.fact->number, e.fact->ordinal, e.score));
    }
    ASSERT_EQ(described(index.snapshot(), query), expected);
  }
}

TEST(Rank, TiesOverManyWindowsAreOrderedByRecord) {
  std::mt19937_64 random(3);
  std::vector<Fact> facts;
  for (uint32_t i = 0; i < 40'000; ++i) {
    Fact f;
    f.version = i + 1, f.number = 1, f.record = "R" + std::to_string(i * 7919 % 40'000), f.label = "A", f.length = 1;
    f.terms = {term(1)};
    if (i % 5000 == 4999) f.terms.push_back(term(2)), f.length = 2;
    facts.push_back(f);
  }
  const Folder folder;
  const Index index = built(folder.path(), facts, 2, random);
  RankQuery query;
  query.terms = {{term(1), 1, 0}, {term(2), 1, 0}};
  query.limit = 20;
  std::vector<std::string> expected;
  for (const Expected& e : brute_force(facts, query)) {
    expected.push_back(describe(e.fact->record, e.fact->number, e.fact->ordinal, e.score));
  }
  EXPECT_EQ(described(index.snapshot(), query), expected);
}

// Counting looks up the few visible, or the few hidden, where a list is long.
TEST(Rank, StatisticsWhereFewAreHiddenOrFewVisible) {
  std::mt19937_64 random(11);
  std::vector<Fact> facts;
  for (uint32_t i = 0; i < 20'003; ++i) {
    Fact f;
    f.version = i + 1, f.number = 1, f.record = "R" + std::to_string(i), f.label = random() % 400 == 0 ? "B" : "A";
    f.terms = {term(1)};
    for (uint32_t t = 2; t < 8; ++t) {
      if (random() % t == 0) f.terms.push_back(term(t));
    }
    f.length = static_cast<uint32_t>(f.terms.size());
    facts.push_back(f);
  }
  const Folder folder;
  const Index index = built(folder.path(), facts, 3, random);
  const std::vector<TermId> terms = {term(1), term(2), term(3), term(4), term(5), term(6), term(7)};
  for (const char* label : {"A", "B"}) {
    Filter filter;
    filter.labels = {label};
    std::vector<uint64_t> expected(terms.size());
    for (const Fact& f : facts) {
      for (size_t t = 0; f.label == label && t < terms.size(); ++t) {
        expected[t] += std::ranges::count(f.terms, terms[t]) > 0 ? 1 : 0;
      }
    }
    EXPECT_EQ(index.snapshot().statistics(terms, filter).document_frequency, expected) << label;
  }
}

TEST(Rank, TooManyTermsKeepsThoseThatCanAddMost) {
  std::vector<Fact> facts;
  for (uint32_t i = 0; i < 400; ++i) {
    Fact f;
    f.version = i + 1, f.record = "R" + std::to_string(i), f.label = "A", f.length = 1;
    f.terms = {term(i)};
    facts.push_back(f);
  }
  const Folder folder;
  auto index = Index::open(folder.path());
  ASSERT_TRUE(index && index->add_passages(entries(facts)));
  RankQuery query;
  for (uint32_t i = 0; i < 400; ++i) query.terms.push_back({term(i), i >= 144 ? 2.0f : 1.0f, 0});
  query.limit = 1000;
  const auto hits = index->snapshot().rank(query);
  ASSERT_EQ(hits.size(), kMaxRankTerms);
  for (const Hit& hit : hits) EXPECT_GE(index->snapshot().passage(hit).version, 145);
}

TEST(Rank, NothingMatchesNothing) {
  const Folder folder;
  auto index = Index::open(folder.path());
  ASSERT_TRUE(index);
  RankQuery query;
  query.terms = {{term(1), 1, 1}};
  EXPECT_TRUE(index->snapshot().rank(query).empty());
  ASSERT_TRUE(index->add_passages({}));
  EXPECT_TRUE(index->snapshot().rank(query).empty());
  query.terms.clear();
  EXPECT_TRUE(index->snapshot().rank(query).empty());
}

}  // namespace
}  // namespace sillok::search
