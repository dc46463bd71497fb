// Erased means gone: no byte of it anywhere below the home.
#include "test_home.h"

namespace sillok::archive {
namespace {

class EraseTest : public HomeTest {
 protected:
  bool home_holds(std::string_view needle) const {
    for (const auto& entry : fs::recursive_directory_iterator(home())) {
      if (!entry.is_regular_file()) continue;
      const auto bytes = read_file(entry.path());
      if (bytes && bytes->find(needle) != std::string::npos) return true;
    }
    return false;
  }
  static constexpr std::string_view kSecret = "개인정보-8812-XYZ";
};

TEST_F(EraseTest, NoByteIsLeftAndItStaysAway) {
  Archive archive = make();
  write("a.txt", "first " + std::string(kSecret));
  write("b.txt", "other");
  add(archive);
  write("a.txt", "second " + std::string(kSecret));
  add(archive);
  ASSERT_TRUE(home_holds(kSecret));
  const auto report = archive.erase("a.txt");
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->versions, 2u);
  EXPECT_EQ(report->blobs, 2u);
  EXPECT_FALSE(home_holds(kSecret));
  EXPECT_TRUE(archive.check(true).empty());
  const auto versions = archive.versions("a.txt");
  ASSERT_EQ(versions.size(), 2u);
  EXPECT_TRUE(versions[0].erased && versions[1].erased);
  EXPECT_FALSE(archive.document(versions[0].id));
  EXPECT_FALSE(archive.original(versions[0].id));
  EXPECT_EQ(text_of(archive, *archive.version_as_of("b.txt", today_)), "other");
  for (int again = 0; again < 2; ++again) {
    AddOptions options;
    options.read_only_changed = again == 0;
    const AddReport added = add(archive, options);
    ASSERT_EQ(added.failed.size(), 1u);
    EXPECT_NE(added.failed[0].reason.find("erased on"), std::string::npos);
    EXPECT_FALSE(home_holds(kSecret));
  }
  // Nor under another name.
  fs::rename(files() / "a.txt", files() / "c.txt");
  EXPECT_EQ(add(archive).failed.size(), 1u);
  EXPECT_FALSE(home_holds(kSecret));
  EXPECT_EQ(archive.erase("a.txt").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(archive.erase("nothing").error().code, ErrorCode::kNotFound);
}

TEST_F(EraseTest, ALineIsTakenOutOfEveryStateOfItsFile) {
  Archive archive = make();
  const std::string line = "R\t\t\t" + std::string(kSecret) + "\n";
  write("a.jsonl", "#jsonl\n" + line + "S\t\t\tother\n");
  add(archive);
  write("a.jsonl", "#jsonl\n" + line + "S\t\t\tother, changed\n");
  add(archive);
  const auto report = archive.erase("R");
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_FALSE(home_holds(kSecret));
  EXPECT_TRUE(archive.check(true).empty());
  const auto other = archive.version_as_of("S", today_);
  ASSERT_TRUE(other);
  EXPECT_EQ(*archive.original(other->id), "#jsonl\n\nS\t\t\tother, changed\n");
  // The file changes and still holds the line: read, but kept without it.
  write("a.jsonl", "#jsonl\n" + line + "S\t\t\tother, changed\nT\t\t\tnew\n");
  const AddReport added = add(archive);
  EXPECT_EQ(added.added, 1u);
  EXPECT_EQ(added.failed.size(), 1u);
  EXPECT_FALSE(home_holds(kSecret));
  EXPECT_EQ(*archive.original(archive.version_as_of("T", today_)->id), "#jsonl\n\nS\t\t\tother, changed\nT\t\t\tnew\n");
}

TEST_F(EraseTest, AMemberIsRefusedItsContainerIsNot) {
  Archive archive = make();
  write("z.zip", "#zip\n" + std::string(kSecret) + "\nother\n");
  add(archive);
  const auto refused = archive.erase("z.zip/m1");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("erase 'z.zip'"), std::string::npos) << refused.error().message;
  EXPECT_TRUE(archive.document(archive.versions("z.zip/m1")[0].id));
  const auto report = archive.erase("z.zip");
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->versions, 2u);
  EXPECT_FALSE(home_holds(kSecret));
  // A new state of the container that still holds it is refused as a whole.
  write("z.zip", "#zip\n" + std::string(kSecret) + "\nother\nthird\n");
  const AddReport added = add(archive);
  EXPECT_EQ(added.added, 0u);
  EXPECT_EQ(added.failed.size(), 1u);
  EXPECT_FALSE(home_holds(kSecret));
}

TEST_F(EraseTest, AnInterruptedErasureIsFinishedByTheNextWriter) {
  Archive archive = make();
  write("a.txt", std::string(kSecret));
  add(archive);
  environment.before_step = [](std::string_view step) -> Status {
    if (step == "committed erasure") return fail(ErrorCode::kIo, "injected");
    return {};
  };
  {
    Archive failing = open();
    EXPECT_FALSE(failing.erase("a.txt"));
  }
  EXPECT_EQ(archive.check(true).size(), 1u);
  EXPECT_TRUE(home_holds(kSecret));
  add(archive);
  EXPECT_FALSE(home_holds(kSecret));
}

}  // namespace
}  // namespace sillok::archive
