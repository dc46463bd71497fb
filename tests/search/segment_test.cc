// The segment file: what goes in comes out, merged or not, and damage is found or at least survived.
#include "search/segment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "index_corpus.h"

namespace sillok::search {
namespace {

using namespace testing;

void spoil(const fs::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

struct Made {
  std::shared_ptr<const Segment> segment;
  Sidecar sidecar;
};

Made make(const fs::path& path, uint64_t id, const std::vector<Fact>& facts) {
  SegmentBuilder builder;
  for (const Fact& fact : facts) builder.add(fact.entry());
  auto sidecar = builder.write(path, id);
  EXPECT_TRUE(sidecar);
  EXPECT_EQ(builder.passage_count(), 0u);
  auto segment = Segment::open(path, id);
  EXPECT_TRUE(segment) << segment.error().message;
  return {*segment, std::move(*sidecar)};
}

using Lists = std::map<TermId, std::vector<std::pair<uint32_t, uint32_t>>>;

Lists lists_of(const Segment& segment, Field field) {
  Lists lists;
  for (uint64_t i = 0; i < segment.term_count(field); ++i) {
    const TermEntry entry = segment.term_at(field, i);
    EXPECT_EQ(segment.find(field, entry.term).where, entry.where);
    PostingCursor cursor = segment.cursor(field, entry);
    while (cursor.next_block()) {
      for (uint32_t k = 0; k < cursor.size(); ++k) lists[entry.term].push_back({cursor.passages()[k], cursor.tfs()[k]});
    }
  }
  return lists;
}

Lists expected_lists(const std::vector<Fact>& facts, Field field) {
  Lists lists;
  for (uint32_t p = 0; p < facts.size(); ++p) {
    std::map<TermId, uint32_t> tf;
    for (TermId t : field == Field::kBody ? facts[p].terms : facts[p].title_terms) ++tf[t];
    for (const auto& [t, n] : tf) lists[t].push_back({p, n});
  }
  return lists;
}

void expect_holds(const Made& made, const std::vector<Fact>& facts) {
  const Segment& s = *made.segment;
  ASSERT_EQ(s.passage_count(), facts.size());
  for (Field field : {Field::kBody, Field::kTitle}) EXPECT_EQ(lists_of(s, field), expected_lists(facts, field));
  for (uint32_t p = 0; p < facts.size(); ++p) {
    const PassageRow& row = s.passage(p);
    const VersionRow& version = s.row(row.row);
    const RowState& state = made.sidecar.rows[row.row];
    const Fact& f = facts[p];
    EXPECT_EQ(s.record(version), f.record);
    EXPECT_EQ(s.title(version), f.title);
    EXPECT_EQ(s.format(version), f.format);
    EXPECT_EQ(s.anchor(row), f.anchor);
    EXPECT_EQ(s.context(row), f.context);
    EXPECT_EQ(s.body(row), f.text);
    EXPECT_EQ(row.ordinal, f.ordinal);
    EXPECT_EQ(s.lengths()[p], f.length);
    EXPECT_EQ(version.version, f.version);
    EXPECT_EQ(state.from, f.from);
    EXPECT_EQ(state.to, f.to);
    EXPECT_EQ(made.sidecar.labels[state.label], f.label);
  }
  EXPECT_EQ(s.verify(), "");
}

TEST(Segment, KeepsWhatItIsGiven) {
  std::mt19937_64 random(1);
  const Folder folder;
  for (uint32_t versions : {0u, 1u, 2u, 50u, 700u}) {
    const auto facts = random_facts(random, {.versions = versions, .vocabulary = 400, .longest = 90});
    expect_holds(make(folder.path() / "s", 7, facts), facts);
  }
}

TEST(Segment, LargeGapsAndCounts) {
  std::mt19937_64 random(2);
  std::vector<Fact> facts(5000);
  for (uint32_t i = 0; i < facts.size(); ++i) {
    facts[i].version = i;
    facts[i].record = "R";
    if (i % 1000 == 3) facts[i].terms.assign(70'000, term(1));  // tf beyond 16 bits
    if (i == 0 || i == 4999) facts[i].terms.push_back(term(2));
    facts[i].terms.push_back(term(3));
    facts[i].length = 100'000;
  }
  const Folder folder;
  const Made made = make(folder.path() / "s", 1, facts);
  expect_holds(made, facts);
  EXPECT_EQ(made.segment->find(Field::kBody, term(1)).max_tf, kSaturated);
  PostingCursor cursor = made.segment->cursor(Field::kBody, made.segment->find(Field::kBody, term(3)));
  for (uint32_t p : {0u, 127u, 128u, 129u, 4000u, 4999u}) EXPECT_EQ(cursor.tf_of(p), 1u) << p;
  EXPECT_EQ(cursor.tf_of(5000), 0u);
  EXPECT_EQ(made.segment->find(Field::kBody, term(4)).df, 0u);
}

TEST(Segment, MergeDropsAndJoins) {
  std::mt19937_64 random(3);
  const Folder folder;
  for (int round = 0; round < 10; ++round) {
    std::vector<Made> parts;
    std::vector<MergeSource> sources;
    std::vector<Fact> left;
    for (uint64_t id = 1; id <= 1 + random() % 4; ++id) {
      const auto facts = random_facts(random, {.versions = static_cast<uint32_t>(1 + random() % 200), .vocabulary = 300});
      parts.push_back(make(folder.path() / std::to_string(id), id, facts));
      std::vector<bool> dropped(parts.back().segment->row_count());
      for (size_t r = 0; r < dropped.size(); ++r) dropped[r] = random() % 4 == 0;
      for (uint32_t p = 0; p < facts.size(); ++p) {
        if (!dropped[parts.back().segment->passage(p).row]) left.push_back(facts[p]);
      }
      sources.push_back({nullptr, nullptr, dropped});
    }
    for (size_t i = 0; i < parts.size(); ++i) {
      sources[i].segment = parts[i].segment.get();
      sources[i].sidecar = &parts[i].sidecar;
    }
    auto sidecar = merge_segments(sources, folder.path() / "merged", 99);
    ASSERT_TRUE(sidecar) << sidecar.error().message;
    expect_holds({*Segment::open(folder.path() / "merged", 99), std::move(*sidecar)}, left);
  }
}

// Everything that reads a segment, on bytes that may be damaged.
void use(const Segment& segment) {
  (void)segment.verify();
  for (Field field : {Field::kBody, Field::kTitle}) {
    for (uint64_t i = 0; i < segment.term_count(field); ++i) {
      PostingCursor cursor = segment.cursor(field, segment.term_at(field, i));
      for (uint32_t p = 0; p < segment.passage_count(); p += 7) (void)cursor.tf_of(p);
    }
  }
  for (uint32_t p = 0; p < segment.passage_count(); ++p) (void)segment.body(segment.passage(p)).size();
}

TEST(Segment, EveryTruncationIsRefused) {
  std::mt19937_64 random(4);
  const Folder folder;
  const fs::path path = folder.path() / "s";
  make(path, 1, random_facts(random, {.versions = 5, .vocabulary = 40, .longest = 10}));
  const std::string whole = *read_file(path);
  for (size_t size = 0; size < whole.size(); ++size) {
    spoil(path, std::string_view(whole).substr(0, size));
    ASSERT_FALSE(Segment::open(path, 1)) << size;
  }
  spoil(path, whole);
  EXPECT_TRUE(Segment::open(path, 1));
  EXPECT_FALSE(Segment::open(path, 2)) << "another segment's file";
}

TEST(Segment, FlippedBytesAreFoundAndNeverCrash) {
  std::mt19937_64 random(5);
  const Folder folder;
  const fs::path path = folder.path() / "s";
  make(path, 1, random_facts(random, {.versions = 300, .vocabulary = 60, .longest = 30}));
  const std::string whole = *read_file(path);
  int found = 0;
  constexpr int kRounds = 600;
  for (int round = 0; round < kRounds; ++round) {
    std::string bytes = whole;
    const int flips = 1 << random() % 6;
    // Padding between sections belongs to none; everything else is covered.
    for (int i = 0; i < flips; ++i) bytes[random() % bytes.size()] ^= static_cast<char>(1 + random() % 255);
    spoil(path, bytes);
    const auto segment = Segment::open(path, 1);
    if (!segment || !(*segment)->verify().empty()) ++found;
    if (segment) use(**segment);
  }
  EXPECT_GE(found, kRounds * 99 / 100);
}

TEST(Sidecar, RoundTripAndDamage) {
  Sidecar sidecar;
  for (int i = 0; i < 20; ++i) sidecar.rows.push_back({i, i + 5, sidecar.label_index(i % 3 ? "대외비" : "public")});
  const std::string bytes = sidecar.encode(3);
  const auto back = Sidecar::decode(bytes, 3, 20);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->labels, sidecar.labels);
  EXPECT_EQ(back->rows[7].to, 12);
  EXPECT_FALSE(Sidecar::decode(bytes, 4, 20));
  EXPECT_FALSE(Sidecar::decode(bytes, 3, 19));
  for (size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(Sidecar::decode(bytes.substr(0, size), 3, 20));
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string flipped = bytes;
    flipped[i] ^= 0x10;
    EXPECT_FALSE(Sidecar::decode(flipped, 3, 20)) << i;
  }
}

}  // namespace
}  // namespace sillok::search
