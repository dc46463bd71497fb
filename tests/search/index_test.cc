// The index beside its archive: it follows changes, forgets what is erased, survives crashes and damage.
#include "search/index.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "../archive/test_home.h"
#include "index_corpus.h"
#include "search/index_state.h"

namespace sillok::search {
namespace {

using namespace testing;

class IndexTest : public archive::HomeTest {
 protected:
  Index open_index() {
    auto index = Index::open(home() / "index");
    EXPECT_TRUE(index) << index.error().message;
    return std::move(*index);
  }
  static std::set<std::string> found(const Index& index, std::string_view words, Filter filter = {}) {
    RankQuery query;
    std::vector<TermId> terms;
    append_terms(words, terms);
    for (TermId t : terms) query.terms.push_back({t, 1, 1});
    query.filter = std::move(filter);
    const Snapshot snapshot = index.snapshot();
    std::set<std::string> records;
    for (const Hit& hit : snapshot.rank(query)) {
      const StoredPassage p = snapshot.passage(hit);
      records.insert(std::string(p.record) + "#" + std::to_string(p.number));
    }
    return records;
  }
  static void expect_clean(const Index& index, const archive::Archive& archive) {
    const auto problems = index.check(archive);
    EXPECT_TRUE(problems.empty()) << problems.front();
  }
  static size_t count_files(const fs::path& folder, std::string_view ending) {
    size_t count = 0;
    for (const auto& entry : fs::directory_iterator(folder)) count += entry.path().string().ends_with(ending);
    return count;
  }
  using Records = std::set<std::string>;
};

TEST_F(IndexTest, FollowsNewVersionsAndDates) {
  archive::Archive archive = make();
  Index index = open_index();
  write("a.txt", "@from 2024-01-01\n연삭기 주축 온도는 섭씨 60도를 넘지 않는다.");
  write("b.txt", "구매 규정에 따라 견적을 세 곳에서 받는다.");
  add(archive);
  ASSERT_TRUE(index.refresh(archive));
  EXPECT_EQ(index.snapshot().change(), archive.last_change());
  EXPECT_EQ(found(index, "연삭기 주축"), Records{"a.txt#1"});
  expect_clean(index, archive);

  write("a.txt", "@from 2025-01-01\n연삭기 주축 온도는 섭씨 55도를 넘지 않는다.");
  add(archive);
  ASSERT_TRUE(index.refresh(archive));
  EXPECT_EQ(found(index, "연삭기 주축"), Records{"a.txt#2"});
  Filter then;
  then.as_of = *parse_day("2024-06-01");
  EXPECT_EQ(found(index, "연삭기 주축", then), Records{"a.txt#1"});
  Filter every;
  every.all_versions = true;
  EXPECT_EQ(found(index, "연삭기 주축", every), (Records{"a.txt#1", "a.txt#2"}));
  expect_clean(index, archive);

  // Another process sees the same; one that was open before follows.
  const Index other = open_index();
  EXPECT_EQ(found(other, "연삭기 주축"), Records{"a.txt#2"});
  write("c.txt", "연삭기 주축 교체 기록.");
  add(archive);
  ASSERT_TRUE(index.refresh(archive));
  EXPECT_EQ(found(other, "연삭기 주축"), (Records{"a.txt#2", "c.txt#1"}));
}

TEST(IndexChange, ErasedContentIsGoneFromTheFolder) {
  const Folder folder;
  Index::State state;
  state.folder = folder.path();
  state.current = std::make_shared<Snapshot::State>();
  std::vector<Fact> facts(40);
  for (uint32_t i = 0; i < facts.size(); ++i) {
    facts[i].version = i / 2 + 1;
    facts[i].record = "R" + std::to_string(i / 2);
    facts[i].ordinal = i % 2;
    facts[i].text = i == 7 ? "ZQXJ-SECRET" : "open";
    facts[i].terms = {term(1), term(100 + i)};
  }
  IndexChange change(state, state.get());
  for (const Fact& fact : facts) ASSERT_TRUE(change.add(fact.entry()));
  ASSERT_TRUE(change.commit(1));
  const fs::path before = state.segment_path(state.get()->segments[0]->segment().id());
  ASSERT_NE(read_file(before)->find("ZQXJ"), std::string::npos);
  IndexChange erasing(state, state.get());
  erasing.erase(4);
  ASSERT_TRUE(erasing.commit(2));
  const Snapshot snapshot(state.get());
  EXPECT_EQ(snapshot.passage_count(), 38u);
  EXPECT_TRUE(snapshot.passages_of(4).empty());
  EXPECT_EQ(snapshot.passages_of(5).size(), 2u);
  EXPECT_EQ(snapshot.statistics({term(107), term(1)}, {}).document_frequency, (std::vector<uint64_t>{0, 38}));
  EXPECT_FALSE(fs::exists(before));
  for (const auto& entry : fs::directory_iterator(folder.path())) {
    EXPECT_EQ(read_file(entry.path())->find("ZQXJ"), std::string::npos) << entry.path();
  }
}

TEST_F(IndexTest, ManySmallChangesKeepFewSegments) {
  archive::Archive archive = make();
  Index index = open_index();
  for (int i = 0; i < 60; ++i) {
    write("f" + std::to_string(i) + ".txt", "공통 내용 번호" + std::to_string(i));
    add(archive);
    ASSERT_TRUE(index.refresh(archive));
  }
  EXPECT_LE(count_files(home() / "index", ".segment"), 2 * kMergeFanIn);
  EXPECT_EQ(index.snapshot().passage_count(), 60u);
  EXPECT_EQ(found(index, "번호37"), found(index, "번호37"));
  expect_clean(index, archive);
}

TEST_F(IndexTest, DamageLeadsToARebuild) {
  archive::Archive archive = make();
  for (int i = 0; i < 5; ++i) write("f" + std::to_string(i) + ".txt", "내용 번호" + std::to_string(i));
  add(archive);
  ASSERT_TRUE(open_index().refresh(archive));
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(home() / "index")) files.push_back(entry.path());
  for (const fs::path& file : files) {
    if (file.filename() == "lock") continue;
    for (int kind = 0; kind < 3; ++kind) {
      std::vector<fs::path> now;
      for (const auto& entry : fs::directory_iterator(home() / "index")) {
        if (entry.path().extension() == file.extension() && entry.path().filename() != "lock") now.push_back(entry.path());
      }
      ASSERT_FALSE(now.empty());
      const std::string whole = *read_file(now[0]);
      if (kind == 0) fs::remove(now[0]);
      if (kind == 1) fs::resize_file(now[0], whole.size() / 2);
      if (kind == 2) std::ofstream(now[0], std::ios::binary) << std::string(whole.size(), 'x');
      Index index = open_index();
      ASSERT_TRUE(index.refresh(archive)) << now[0] << kind;
      EXPECT_EQ(index.snapshot().passage_count(), 5u) << now[0] << kind;
      expect_clean(index, archive);
    }
  }
}

TEST_F(IndexTest, AnotherArchiveIsNotMistakenForThisOne) {
  {
    archive::Archive archive = make();
    for (int i = 0; i < 5; ++i) write("f" + std::to_string(i) + ".txt", "내용 번호" + std::to_string(i));
    add(archive);
    ASSERT_TRUE(open_index().refresh(archive));
  }
  const fs::path kept = base / "index";
  fs::rename(home() / "index", kept);
  fs::remove_all(home());
  fs::remove_all(files());
  archive::Archive archive = make();
  fs::remove_all(home() / "index");
  fs::rename(kept, home() / "index");
  write("new.txt", "새 기록");
  add(archive);
  Index index = open_index();
  ASSERT_TRUE(index.refresh(archive));
  EXPECT_EQ(index.snapshot().passage_count(), 1u);
  expect_clean(index, archive);
}

// A writer killed at random moments leaves what was, or what was to be.
TEST(IndexCrash, KilledWriterLeavesOldOrNew) {
  std::mt19937_64 random(11);
  const Folder folder;
  uint64_t before = 0;
  for (int round = 0; round < 40; ++round) {
    const auto facts = random_facts(random, {.versions = 40, .vocabulary = 100, .longest = 20});
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto index = Index::open(folder.path());
      (void)index->add_passages(entries(facts));
      ::_exit(0);
    }
    ::usleep(static_cast<useconds_t>(random() % 20'000));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    auto index = Index::open(folder.path());
    ASSERT_TRUE(index);
    const uint64_t now = index->snapshot().passage_count();
    EXPECT_TRUE(now == before || now == before + facts.size()) << before << " -> " << now;
    before = now;
  }
  auto index = Index::open(folder.path());
  const auto last = random_facts(random, {.versions = 3});
  ASSERT_TRUE(index->add_passages(entries(last)));
  EXPECT_EQ(index->snapshot().passage_count(), before + last.size());
  for (const auto& entry : fs::directory_iterator(folder.path())) {
    EXPECT_EQ(entry.path().string().find(".tmp"), std::string::npos) << entry.path();
  }
}

// Damage that open does not look for must not hurt a query.
TEST(IndexCrash, QueriesSurviveDamagedPostings) {
  std::mt19937_64 random(12);
  const Folder folder;
  const Shape shape{.versions = 600, .vocabulary = 50, .longest = 30};
  {
    auto index = Index::open(folder.path());
    ASSERT_TRUE(index->add_passages(entries(random_facts(random, shape))));
  }
  fs::path segment;
  for (const auto& entry : fs::directory_iterator(folder.path())) {
    if (entry.path().extension() == ".segment") segment = entry.path();
  }
  const std::string whole = *read_file(segment);
  int opened = 0;
  for (int round = 0; round < 300; ++round) {
    std::string bytes = whole;
    for (int i = 0; i < 30; ++i) bytes[kHeaderSize + random() % (bytes.size() - kHeaderSize)] ^= static_cast<char>(1 + random() % 255);
    std::ofstream(segment, std::ios::binary) << bytes;
    auto index = Index::open(folder.path());
    ASSERT_TRUE(index);
    const Snapshot snapshot = index->snapshot();
    opened += snapshot.passage_count() > 0;
    for (int q = 0; q < 5; ++q) {
      RankQuery query = random_query(random, shape);
      query.filter = random_filter(random);
      for (const Hit& hit : snapshot.rank(query)) (void)snapshot.passage(hit).text.size();
    }
  }
  EXPECT_GT(opened, 0);
}

}  // namespace
}  // namespace sillok::search
