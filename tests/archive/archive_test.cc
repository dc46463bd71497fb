#include "archive/archive.h"

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

}  // namespace
}  // namespace sillok::archive
