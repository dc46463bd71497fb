// Which files are read, and what becomes of moved, copied, vanished and broken ones.
#include "test_home.h"

#include <thread>

namespace sillok::archive {
namespace {

using AddTest = HomeTest;

TEST_F(AddTest, ReadsOnlyWhatChanged) {
  Archive archive = make();
  write("a.txt", "one");
  write("b.txt", "two");
  add(archive);
  reads = 0;
  write("b.txt", "two, changed");
  const AddReport report = add(archive);
  EXPECT_EQ(report.updated, 1u);
  EXPECT_EQ(report.unchanged, 1u);
  EXPECT_EQ(reads, 1);
  const auto versions = archive.versions("b.txt");
  ASSERT_EQ(versions.size(), 2u);
  EXPECT_EQ(versions[0].valid_to, today_);
  EXPECT_EQ(versions[1].valid_from, today_);
}

TEST_F(AddTest, ReturningToAnEarlierStateIsANewVersion) {
  Archive archive = make();
  for (const char* text : {"one", "two", "one"}) {
    write("a.txt", text);
    add(archive);
    ++today_;
  }
  ASSERT_EQ(archive.versions("a.txt").size(), 3u);
  EXPECT_EQ(text_of(archive, *archive.version_as_of("a.txt", today_)), "one");
  EXPECT_EQ(text_of(archive, *archive.version_as_of("a.txt", today_ - 2)), "two");
}

TEST_F(AddTest, AMovedFileKeepsItsRecord) {
  Archive archive = make();
  write("a.txt", "one");
  add(archive);
  fs::create_directories(files() / "sub");
  fs::rename(files() / "a.txt", files() / "sub/z.txt");
  const AddReport report = add(archive);
  EXPECT_EQ(report.moved, 1u);
  EXPECT_EQ(report.added + report.ended, 0u);
  const auto version = archive.version_as_of("a.txt", today_);
  ASSERT_TRUE(version);
  EXPECT_EQ(version->source_path, fs::canonical(files() / "sub/z.txt").string());
  // A new file at the old place is another record.
  write("a.txt", "new");
  EXPECT_EQ(add(archive).added, 1u);
  EXPECT_EQ(archive.records("", 10), (std::vector<std::string>{"a.txt", "files/a.txt"}));
}

TEST_F(AddTest, IdenticalFilesAreOneRecordReadOnce) {
  Archive archive = make();
  write("a.txt", "same");
  write("b.txt", "same");
  EXPECT_EQ(add(archive).added, 1u);
  EXPECT_EQ(reads, 1);
  EXPECT_EQ(archive.record_count(), 1u);
  // The first vanishes: the second carries the record on.
  fs::remove(files() / "a.txt");
  EXPECT_EQ(add(archive).ended, 0u);
  EXPECT_EQ(archive.version_as_of("a.txt", today_)->source_path, fs::canonical(files() / "b.txt").string());
  fs::remove(files() / "b.txt");
  EXPECT_EQ(add(archive).ended, 1u);
  EXPECT_FALSE(archive.version_as_of("a.txt", today_));
  EXPECT_TRUE(archive.version_as_of("a.txt", today_ - 1));
}

TEST_F(AddTest, ACopyLeftBehindGetsARecordOfItsOwn) {
  Archive archive = make();
  write("a.txt", "same");
  write("b.txt", "same");
  add(archive);
  write("a.txt", "moved on");
  add(archive);
  EXPECT_EQ(archive.records("", 10), (std::vector<std::string>{"a.txt", "b.txt"}));
  EXPECT_EQ(text_of(archive, *archive.version_as_of("a.txt", today_)), "moved on");
  EXPECT_EQ(text_of(archive, *archive.version_as_of("b.txt", today_)), "same");
}

TEST_F(AddTest, AVanishedFileEndsAndComesBack) {
  Archive archive = make();
  write("a.txt", "one");
  add(archive);
  fs::remove(files() / "a.txt");
  EXPECT_EQ(add(archive).ended, 1u);
  EXPECT_EQ(add(archive).ended, 0u);
  today_ += 10;
  write("a.txt", "one");
  EXPECT_EQ(add(archive).updated, 1u);
  EXPECT_TRUE(archive.version_as_of("a.txt", today_));
  EXPECT_FALSE(archive.version_as_of("a.txt", today_ - 5));
  EXPECT_TRUE(archive.version_as_of("a.txt", today_ - 11));
  EXPECT_EQ(add(archive).unchanged, 1u);
}

TEST_F(AddTest, AMissingRootEndsNothing) {
  Archive archive = make();
  write("a.txt", "one");
  add(archive);
  fs::rename(files(), base / "away");
  const AddReport report = add(archive);
  EXPECT_EQ(report.ended, 0u);
  ASSERT_EQ(report.failed.size(), 1u);
  EXPECT_TRUE(archive.version_as_of("a.txt", today_));
}

TEST_F(AddTest, ABadFileIsListedAndStopsNoOther) {
  Archive archive = make();
  write("a.txt", "one");
  write("b.txt", "#bad");
  write("c.jsonl", "#jsonl\nx\t2024-01-01\t\tgood\nbroken\n");
  AddReport report = add(archive);
  EXPECT_EQ(report.added, 2u);
  ASSERT_EQ(report.failed.size(), 2u);
  EXPECT_EQ(report.failed[0].reason, "toy: bad file");
  EXPECT_TRUE(report.failed[1].path.ends_with("c.jsonl::broken")) << report.failed[1].path;
  EXPECT_EQ(archive.failures().size(), 2u);
  EXPECT_EQ(add(archive).failed.size(), 2u);  // Still there, still told.
  write("b.txt", "now good");
  fs::remove(files() / "c.jsonl");
  EXPECT_TRUE(add(archive).failed.empty());
  EXPECT_TRUE(archive.failures().empty());
}

TEST_F(AddTest, SkipsByRuleAndTellsOfLinksOut) {
  Archive archive = make();
  write(".hidden", "x");
  write(".git/config", "x");
  write("~$a.docx", "x");
  write("Thumbs.db", "x");
  write("a.txt", "one");
  fs::create_directory_symlink(files(), files() / "loop");
  fs::create_symlink("/etc/hostname", files() / "out");
  const AddReport report = add(archive, {base}, {});  // The home lies below, too.
  EXPECT_EQ(report.added, 1u);
  EXPECT_EQ(report.skipped, 6u);
  ASSERT_EQ(report.failed.size(), 1u);
  EXPECT_NE(report.failed[0].reason.find("symbolic link"), std::string::npos);
}

TEST_F(AddTest, UnknownLabelsAreRefusedWithTheKnownOnes) {
  Archive archive = make();
  write("a.txt", "@label 비밀");
  const AddReport report = add(archive);
  ASSERT_EQ(report.failed.size(), 1u);
  EXPECT_NE(report.failed[0].reason.find("O (공개), S (민감), C (기밀)"), std::string::npos);
  AddOptions options;
  options.label = "X";
  EXPECT_EQ(archive.add({files()}, options).error().code, ErrorCode::kInvalid);
  write("a.txt", "@label 민감");
  add(archive);
  EXPECT_EQ(archive.version_as_of("a.txt", today_)->label, "S");
}

TEST_F(AddTest, AGivenLabelStaysWithTheFile) {
  Archive archive = make();
  write("a.txt", "one");
  AddOptions options;
  options.label = "C";
  add(archive, options);
  write("a.txt", "two");
  add(archive);
  EXPECT_EQ(archive.version_as_of("a.txt", today_)->label, "C");
}

TEST_F(AddTest, SecondRootWithTheSameNamesIsKeptApart) {
  Archive archive = make();
  write("seoul/a.txt", "one");
  write("busan/a.txt", "two");
  add(archive, {files() / "seoul", files() / "busan"}, {});
  EXPECT_EQ(archive.records("", 10), (std::vector<std::string>{"a.txt", "busan/a.txt"}));
}

TEST_F(AddTest, AKeyForASingleFile) {
  Archive archive = make();
  write("a.txt", "one");
  AddOptions options;
  options.record = "K-1";
  add(archive, {files() / "a.txt"}, options);
  EXPECT_EQ(archive.records("", 10), std::vector<std::string>{"K-1"});
  EXPECT_FALSE(archive.add({files()}, options));
}

TEST_F(AddTest, ManyReadersGiveTheSameOrder) {
  Archive archive = make();
  for (int i = 0; i < 300; ++i) {
    write(std::to_string(1000 + i) + ".txt", "@identity R\n" + std::to_string(i));
  }
  AddOptions options;
  options.jobs = 6;
  const AddReport report = add(archive, options);
  EXPECT_EQ(report.added, 1u);
  EXPECT_EQ(report.updated, 299u);
  for (const Version& version : archive.versions("R")) {
    EXPECT_TRUE(version.source_path.ends_with(std::to_string(999 + version.number) + ".txt"));
  }
}

TEST_F(AddTest, TwoWritersConflictReadersDoNot) {
  Archive archive = make();
  write("a.txt", "one");
  auto lock = FileLock::acquire(home() / "lock", 0);
  ASSERT_TRUE(lock);
  EXPECT_EQ(archive.add({files()}, {}).error().code, ErrorCode::kConflict);
  EXPECT_EQ(archive.record_count(), 0u);
}

TEST_F(AddTest, FailingStepsLoseNothingAndResume) {
  Archive archive = make();
  for (int i = 0; i < 30; ++i) write(std::to_string(i) + ".txt", "text " + std::to_string(i));
  for (const char* step : {"sync blobs", "rename blobs", "commit", "committed"}) {
    environment.before_step = [&](std::string_view now) -> Status {
      if (now == step) return fail(ErrorCode::kIo, "injected");
      return {};
    };
    Archive failing = open();
    EXPECT_EQ(failing.add({files()}, {}).error().message, "injected") << step;
    EXPECT_TRUE(failing.check(true).empty());
  }
  const AddReport report = add(archive);
  EXPECT_EQ(report.added + report.unchanged, 30u);
  EXPECT_EQ(archive.record_count(), 30u);
}

TEST_F(AddTest, AReaderThatCannotStartEndsTheAdd) {
  make();
  write("a.txt", "one");
  environment.start_reader = [](const documents::ReadLimits&) -> Result<FileReader> {
    return fail(ErrorCode::kIo, "no processes left");
  };
  Archive archive = open();
  const auto report = archive.add({files()}, {});
  ASSERT_FALSE(report);
  EXPECT_NE(report.error().message.find("no processes left"), std::string::npos);
}

TEST_F(AddTest, WatchTakesUpChanges) {
  Archive archive = make();
  write("a.txt", "one");
  std::atomic<bool> stopping{false};
  std::atomic<int> adds{0};
  std::thread thread([&] {
    const Status done = archive.watch({files()}, {}, [&](const AddReport&) { ++adds; }, [&] { return stopping.load(); });
    EXPECT_TRUE(done);
  });
  const Archive reading = open();
  const auto wait_for = [&](uint64_t count) {
    for (int i = 0; i < 100 && reading.record_count() < count; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    return reading.record_count();
  };
  EXPECT_EQ(wait_for(1), 1u);
  write("new/deep/b.txt", "two");
  EXPECT_EQ(wait_for(2), 2u);
  write("new/deep/c.txt", "three");
  EXPECT_EQ(wait_for(3), 3u);
  stopping = true;
  thread.join();
}

}  // namespace
}  // namespace sillok::archive
