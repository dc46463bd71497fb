#include "archive/archive.h"

#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "archive/database.h"

#include "test_home.h"

namespace sillok::archive {
namespace {

using ArchiveTest = HomeTest;

TEST_F(ArchiveTest, KeepsWhatItIsGiven) {
  Archive archive = make();
  write("a.txt", "가나다");
  write("sub/b.txt", "라마바");
  const AddReport report = add(archive);
  EXPECT_EQ(report.added, 2u);
  EXPECT_EQ(archive.records("", 10), (std::vector<std::string>{"a.txt", "sub/b.txt"}));
  std::vector<Version> seen;
  ASSERT_TRUE(archive.changes_after(0, [&](const Version& version) -> Status {
    seen.push_back(version);
    return {};
  }));
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[1].change, archive.last_change());
  EXPECT_EQ(text_of(archive, seen[0]), "가나다");
  EXPECT_EQ(*archive.original(seen[1].id), "라마바");
  EXPECT_EQ(seen[0].label, "O");
  EXPECT_EQ(seen[0].valid_from, kDayMin);
  EXPECT_EQ(seen[0].valid_to, kDayMax);
  EXPECT_EQ(add(archive).unchanged, 2u);
  EXPECT_EQ(reads, 2);
}

TEST_F(ArchiveTest, AFolderThatIsNoHomeIsRefused) {
  EXPECT_EQ(Archive::open(base).error().code, ErrorCode::kNotFound);
  write("a.txt", "x");
  EXPECT_EQ(Archive::create(files()).error().code, ErrorCode::kInvalid);
  make();
  EXPECT_EQ(Archive::create(home()).error().code, ErrorCode::kConflict);
}

TEST_F(ArchiveTest, AHomeOfANewerProgramIsRefused) {
  make();
  ASSERT_TRUE(Database::open(home() / "archive.db", Database::Mode::kExisting)->execute("PRAGMA user_version = 99"));
  const auto opened = Archive::open(home());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(opened.error().message.find("newer sillok"), std::string::npos);
}

TEST_F(ArchiveTest, SettingsAtFaultAreNamed) {
  make();
  const auto with = [&](std::string_view text) {
    EXPECT_TRUE(write_file_atomic(home() / "sillok.toml", text));
    const auto opened = Archive::open(home());
    return opened ? std::string() : opened.error().message;
  };
  EXPECT_NE(with("[labels\n").find("sillok.toml, line 1"), std::string::npos);
  EXPECT_NE(with("[labels]\nknown = [{name = \"A\"}]\ndefault = \"B\"").find("known are A"), std::string::npos);
  EXPECT_NE(with("[labels]\nknown = 3").find("labels.known"), std::string::npos);
  EXPECT_EQ(with("[labels]\nknown = [{name = \"A\"}]\ndefault = \"A\""), "");
}

TEST_F(ArchiveTest, CheckFindsDamage) {
  Archive archive = make();
  write("a.txt", "one");
  add(archive);
  const std::string blob = archive.versions("a.txt")[0].blob;
  const fs::path file = home() / "blobs" / blob.substr(0, 2) / blob.substr(2);
  EXPECT_EQ(fs::status(file).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  std::ofstream(file) << "two";
  EXPECT_TRUE(archive.check(false).empty());
  EXPECT_EQ(archive.check(true).size(), 1u);
  fs::remove(file);
  EXPECT_EQ(archive.check(false).size(), 1u);
}

TEST_F(ArchiveTest, AReaderSeesOneStateAndMayReadWithinTheFeed) {
  Archive archive = make();
  write("a.txt", "one");
  write("b.txt", "two");
  add(archive);
  int documents = 0;
  ASSERT_TRUE(archive.changes_after(0, [&](const Version& version) -> Status {
    if (archive.document(version.id)) ++documents;
    return {};
  }));
  EXPECT_EQ(documents, 2);
}

TEST_F(ArchiveTest, AHomeThatCannotBeWrittenIsRead) {
  {
    Archive archive = make();
    write("a.txt", "first words");
    add(archive);
  }
  fs::permissions(base, fs::perms::all);
  for (const auto& entry : fs::recursive_directory_iterator(home())) {
    fs::permissions(entry.path(), entry.is_directory() ? fs::perms(0555) : fs::perms(0444));
  }
  fs::permissions(home(), fs::perms(0555));
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(9);  // root may write anywhere
    auto archive = Archive::open(home(), environment);
    if (!archive) ::_exit(2);
    if (as_of(*archive, "a.txt", "2030-01-01") != "first words") ::_exit(3);
    if (!archive->check(true).empty()) ::_exit(4);
    const auto refused = archive->add({files()}, {});
    ::_exit(refused || refused.error().message.find("lock") == std::string::npos ? 5 : 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  fs::permissions(home(), fs::perms(0755));
  for (const auto& entry : fs::recursive_directory_iterator(home())) fs::permissions(entry.path(), fs::perms(0755));
}

TEST_F(ArchiveTest, AnArchiveThatIsLostIsNoNewHome) {
  {
    Archive archive = make();
    write("a.txt", "words");
    add(archive);
  }
  const auto refused = [&](std::string_view words) {
    const auto opened = Archive::open(home(), environment);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::kInvalid);
    EXPECT_NE(opened.error().message.find(words), std::string::npos) << opened.error().message;
  };
  fs::resize_file(home() / "archive.db", 0);
  refused("archive.db is damaged (it is empty)");
  fs::remove(home() / "archive.db");
  refused("is missing, while blobs/ holds originals");
  const auto made = Archive::create(home());
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("is missing, while blobs/"), std::string::npos);
}

TEST_F(ArchiveTest, DamagedTextsAndOriginalsAreNamed) {
  Archive archive = make();
  write("a.txt", "words that will be damaged");
  add(archive);
  std::string blob = archive.versions("a.txt")[0].blob;
  std::ofstream(home() / "blobs" / blob.substr(0, 2) / blob.substr(2), std::ios::app) << "x";
  Database db = *Database::open(home() / "archive.db", Database::Mode::kExisting);
  ASSERT_TRUE(db.run("UPDATE contents SET document = CAST(replace(document, 'words', 'wordz') AS BLOB)"));
  const auto problems = archive.check(true);
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_NE(problems[0].what.find("the text of 'a.txt' version 1 is damaged"), std::string::npos) << problems[0].what;
  EXPECT_NE(problems[1].what.find("the original of 'a.txt', is damaged"), std::string::npos) << problems[1].what;
}

TEST_F(ArchiveTest, NamesOfFilesAreComposed) {
  Archive archive = make();
  write("\u1112\u1161\u11ab.txt", "words");
  add(archive);
  EXPECT_EQ(archive.versions("\ud55c.txt").size(), 1u);
  EXPECT_EQ(key_from("\u1112\u1161\u11ab\x1b.txt"), "\ud55c.txt");
  EXPECT_EQ(archive.add({""}, {})->failed.size(), 1u);  // no such file, and no exception
}

}  // namespace
}  // namespace sillok::archive
