// Which version is in force when.
#include "test_home.h"

#include <algorithm>
#include <random>

namespace sillok::archive {
namespace {

using VersionsTest = HomeTest;

TEST_F(VersionsTest, JsonlIdsAreKeysAndDatesTakeEffect) {
  Archive archive = make();
  write("a.jsonl", "#jsonl\nR\t2024-01-01\t\tfirst\nS\t2023-01-01\tC\tother\nR\t2025-01-01\t\tsecond\n");
  const AddReport report = add(archive);
  EXPECT_EQ(report.added, 2u);
  EXPECT_EQ(report.updated, 1u);
  EXPECT_EQ(as_of(archive, "R", "2023-12-31"), "-");
  EXPECT_EQ(as_of(archive, "R", "2024-01-01"), "first");
  EXPECT_EQ(as_of(archive, "R", "2024-12-31"), "first");
  EXPECT_EQ(as_of(archive, "R", "2025-01-01"), "second");
  EXPECT_EQ(archive.version_as_of("S", today_)->label, "C");
  write("b.jsonl", "#jsonl\nR\t2024-06-01\t\tbetween\n");
  add(archive);
  EXPECT_EQ(as_of(archive, "R", "2024-05-31"), "first");
  EXPECT_EQ(as_of(archive, "R", "2024-06-01"), "between");
  EXPECT_EQ(as_of(archive, "R", "2025-01-01"), "second");
  EXPECT_EQ(add(archive).unchanged, 4u);
}

TEST_F(VersionsTest, AVanishedLineEndsItsRecord) {
  Archive archive = make();
  write("a.jsonl", "#jsonl\nR\t\t\tfirst\nS\t\t\tother\n");
  add(archive);
  write("a.jsonl", "#jsonl\nS\t\t\tother\n");
  const AddReport report = add(archive);
  EXPECT_EQ(report.ended, 1u);
  EXPECT_EQ(report.unchanged, 1u);
  EXPECT_FALSE(archive.version_as_of("R", today_));
  EXPECT_TRUE(archive.version_as_of("S", today_));
}

TEST_F(VersionsTest, DocumentNumbersWithRevisionsAreVersionsOfOneRecord) {
  Archive archive = make();
  write("ws-102-r1.txt", "@number WS-102\n@revision 1\n@from 2020-05-01\nold");
  write("ws-102-r2.txt", "@number WS-102\n@revision 2\n@from 2024-05-01\nnew");
  write("memo.txt", "@number WS-102\nonly mentions it");
  add(archive);
  EXPECT_EQ(archive.records("", 10), (std::vector<std::string>{"WS-102", "memo.txt"}));
  EXPECT_NE(as_of(archive, "WS-102", "2022-01-01").find("old"), std::string::npos);
  EXPECT_NE(as_of(archive, "WS-102", "2026-01-01").find("new"), std::string::npos);
}

TEST_F(VersionsTest, AnyOrderOfArrivalGivesTheSameHistory) {
  Archive archive = make();
  std::vector<int> order(20);
  for (int i = 0; i < 20; ++i) order[static_cast<size_t>(i)] = i;
  std::mt19937 random(7);
  std::shuffle(order.begin(), order.end(), random);
  for (int i : order) {
    write("r" + std::to_string(i) + ".txt",
          "@identity LAW\n@from " + format_day(*parse_day("2000-01-01") + i * 100) + "\nnumber " + std::to_string(i));
    add(archive);
  }
  for (int day = -1; day < 2000; day += 33) {
    const auto version = archive.version_as_of("LAW", *parse_day("2000-01-01") + day);
    if (day < 0) {
      EXPECT_FALSE(version);
      continue;
    }
    ASSERT_TRUE(version);
    EXPECT_TRUE(text_of(archive, *version).ends_with("number " + std::to_string(day / 100))) << day;
  }
}

TEST_F(VersionsTest, EqualDatesGoToTheLater) {
  Archive archive = make();
  write("1.txt", "@identity L\n@from 2020-01-01\nfirst");
  write("2.txt", "@identity L\n@from 2020-01-01\nsecond");
  add(archive);
  EXPECT_TRUE(as_of(archive, "L", "2020-01-01").ends_with("second"));
  EXPECT_EQ(archive.versions("L")[0].valid_to, archive.versions("L")[0].valid_from);
  EXPECT_EQ(add(archive).unchanged, 2u);
}

TEST_F(VersionsTest, AStatedEndIsTheLastDay) {
  Archive archive = make();
  write("1.txt", "@identity L\n@from 2020-01-01\n@to 2020-12-31\nyear");
  write("2.txt", "@identity M\n@from 2020-01-01\n@to 2019-12-31\nwrong");
  EXPECT_EQ(add(archive).failed.size(), 1u);
  EXPECT_NE(as_of(archive, "L", "2020-12-31"), "-");
  EXPECT_EQ(as_of(archive, "L", "2021-01-01"), "-");
}

TEST_F(VersionsTest, OptionsOverrideDates) {
  Archive archive = make();
  write("1.txt", "@from 2020-01-01\nx");
  AddOptions options;
  options.effective_from = *parse_day("2010-01-01");
  add(archive, options);
  EXPECT_NE(as_of(archive, "1.txt", "2010-01-01"), "-");
}

TEST_F(VersionsTest, TheChangeFeedTellsEveryChangedRowOnce) {
  Archive archive = make();
  write("a.txt", "one");
  write("b.txt", "two");
  add(archive);
  const int64_t seen = archive.last_change();
  write("a.txt", "one more");
  add(archive);
  std::vector<std::pair<std::string, uint32_t>> changed;
  ASSERT_TRUE(archive.changes_after(seen, [&](const Version& version) -> Status {
    changed.emplace_back(version.record, version.number);
    return {};
  }));
  std::sort(changed.begin(), changed.end());
  EXPECT_EQ(changed, (std::vector<std::pair<std::string, uint32_t>>{{"a.txt", 1}, {"a.txt", 2}}));
}

}  // namespace
}  // namespace sillok::archive
