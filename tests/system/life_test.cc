// Files that change, move, vanish and are erased; a folder that is followed; several processes on one home.
#include <sys/file.h>

#include <chrono>
#include <thread>

#include "program.h"

namespace sillok::system_test {
namespace {

using LifeTest = SystemTest;
using Clock = std::chrono::steady_clock;
using Records = std::vector<std::string>;

// Whether it becomes true before ten seconds have gone: ample for what takes one.
template <typename Check>
bool soon(const Check& check) {
  const auto until = Clock::now() + std::chrono::seconds(10);
  while (Clock::now() < until) {
    if (check()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return false;
}

TEST_F(LifeTest, MovedAndVanishedFiles) {
  write("a.txt", "느티나무 보호 수칙\n");
  write("b.txt", "감귤 보호 수칙\n");
  json({"add", files().string()});
  fs::create_directories(files() / "moved");
  fs::rename(files() / "a.txt", files() / "moved/other name.txt");
  fs::remove(files() / "b.txt");
  const Json report = json({"add", files().string()});
  EXPECT_EQ(report["ended"], 1);
  EXPECT_EQ(report["added"], 0);
  EXPECT_EQ(report["moved"], 1);
  EXPECT_EQ(found("느티나무"), Records{"a.txt"});  // the record keeps its key
  EXPECT_EQ(found("감귤"), Records{});
  const std::string yesterday = format_day(today() - 1);
  EXPECT_EQ(found("감귤", {"--as-of", yesterday}), Records{"b.txt"});
  EXPECT_NE(run({"show", "b.txt", "--as-of", yesterday, "--text"}).out.find("감귤"), std::string::npos);
  refused({"show", "b.txt"}, 1, "in force only until");
  write("b.txt", "감귤 보호 수칙\n");  // back again
  json({"add", files().string()});
  EXPECT_EQ(found("감귤"), Records{"b.txt"});
  EXPECT_EQ(json({"doctor", "--deep"})["ok"], true);
}

TEST_F(LifeTest, WatchFollowsAFolderUntilTold) {
  write("one.txt", "백합\n");
  const pid_t watcher = start({"add", "--watch", files().string()}, folder() / "watch.out", folder() / "watch.err");
  EXPECT_TRUE(soon([&] { return found("백합").size() == 1; }));
  write("deep/er/two.txt", "민들레\n");
  EXPECT_TRUE(soon([&] { return found("민들레").size() == 1; }));
  write("one.txt", "수련\n");
  EXPECT_TRUE(soon([&] { return found("수련").size() == 1 && found("백합").empty(); }));
  fs::rename(files() / "one.txt", files() / "deep/one.txt");
  EXPECT_TRUE(soon([&] {
    const Json shown = json({"show", "one.txt"});
    return shown["source"].get<std::string>().ends_with("deep/one.txt");
  }));
  fs::remove(files() / "deep/er/two.txt");
  EXPECT_TRUE(soon([&] { return found("민들레").empty(); }));
  ASSERT_EQ(::kill(watcher, SIGTERM), 0);
  EXPECT_EQ(wait(watcher), 0) << read_file(folder() / "watch.err").value_or("");
  EXPECT_EQ(read_file(folder() / "watch.err").value_or("?"), "");
  EXPECT_EQ(json({"doctor", "--deep"})["ok"], true);
}

std::vector<fs::path> files_with(const fs::path& root, const std::string& word) {
  std::vector<fs::path> hits;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (!entry.is_regular_file()) continue;
    const auto bytes = read_file(entry.path());
    if (bytes && bytes->find(word) != std::string::npos) hits.push_back(entry.path());
  }
  return hits;
}

// The audit log keeps what people asked, as they typed it, until its own retention is over (docs/SECURITY.md).
std::vector<fs::path> but_questions(std::vector<fs::path> files) {
  std::erase_if(files, [](const fs::path& file) { return file.filename() == "audit.log"; });
  return files;
}

TEST_F(LifeTest, ErasedIsGoneFromEveryFile) {
  add_others();
  write("secret.txt", "담당자 홍길동의 계좌는 XQZV9931이다.\n");
  write("lines.jsonl", "{\"id\":\"L1\",\"text\":\"줄의 비밀은 WJKP7742이다. secret.txt 참조.\"}\n{\"id\":\"L2\",\"text\":\"남는 줄 한 개\"}\n");
  json({"add", files().string()});
  write("secret.txt", "담당자 홍길동의 계좌는 XQZV9931에서 바뀌었다.\n");
  json({"add", files().string()});
  // The search below can find something.
  ASSERT_FALSE(files_with(home() / "index", "XQZV9931").empty());
  ASSERT_FALSE(files_with(home() / "blobs", "XQZV9931").empty());
  ASSERT_EQ(found("XQZV9931"), Records{"secret.txt"});
  json({"ask", "홍길동의 계좌는?"});
  EXPECT_EQ(json({"add", "--erase", "secret.txt"})["versions"], 2);
  json({"add", "--erase", "L1"});
  for (const std::string word : {"XQZV9931", "xqzv9931", "WJKP7742", "wjkp7742", "홍길동"}) {
    EXPECT_EQ(but_questions(files_with(home(), word)), std::vector<fs::path>()) << word;
    EXPECT_EQ(found(word, {"--all-versions"}), Records{}) << word;
  }
  EXPECT_EQ(json({"ask", "담당자 홍길동의 계좌는 무엇인가?"})["answerable"], false);
  refused({"show", "secret.txt"}, 1, "was erased; only its tombstone is left");
  refused({"show", "secret.txt", "--version", "1"}, 1, "was erased");
  refused({"show", "secret.txt", "--original"}, 1, "was erased");
  const Json links = json({"links", "secret.txt"});
  for (const Json& link : links["links"]) EXPECT_EQ(link["kind"], "supersedes") << link;  // tombstone after tombstone
  refused({"add", "--erase", "secret.txt"}, 1, "is erased already");
  refused({"add", "--erase", "nope"}, 1, "there is no record 'nope'");
  EXPECT_EQ(found("남는 줄"), Records{"L2"});

  // The files still lie there: neither they nor copies of them bring it back.
  fs::copy(files() / "secret.txt", files() / "copy.txt");
  const Json report = json({"add", files().string(), "--reread"});
  EXPECT_EQ(report["added"], 0) << report;
  EXPECT_GE(report["failed"].size(), 3u) << report;
  for (const std::string word : {"XQZV9931", "WJKP7742", "홍길동"}) {
    EXPECT_EQ(but_questions(files_with(home(), word)), std::vector<fs::path>()) << word;
  }
  EXPECT_EQ(json({"doctor", "--deep"})["ok"], true);
}

TEST_F(LifeTest, ASecondWriterIsToldAndReadersAreNot) {
  write("a.txt", "처음부터 있던 기록\n");
  json({"add", files().string()});
  const int fd = ::open((home() / "lock").c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  ASSERT_EQ(::flock(fd, LOCK_EX | LOCK_NB), 0);  // another writer is at work
  const auto begun = Clock::now();
  EXPECT_EQ(found("처음부터"), Records{"a.txt"});
  EXPECT_EQ(run({"show", "a.txt", "--text"}).status, 0);
  EXPECT_EQ(json({"doctor"})["ok"], true);
  EXPECT_LT(Clock::now() - begun, std::chrono::seconds(5));
  refused({"add", files().string()}, 1, "another sillok process is writing");
  ::close(fd);
  EXPECT_EQ(json({"add", files().string()})["unchanged"], 1);
}

TEST_F(LifeTest, TwoWritersAtOnce) {
  for (int i = 0; i < 60; ++i) {
    write("left/" + std::to_string(i) + ".txt", "왼쪽 기록 " + std::to_string(i) + "\n");
    write("right/" + std::to_string(i) + ".txt", "오른쪽 기록 " + std::to_string(i) + "\n");
  }
  const pid_t left = start({"add", (files() / "left").string()}, "/dev/null", folder() / "left.err");
  const pid_t right = start({"add", (files() / "right").string()}, "/dev/null", folder() / "right.err");
  EXPECT_EQ(wait(left), 0) << *read_file(folder() / "left.err");
  EXPECT_EQ(wait(right), 0) << *read_file(folder() / "right.err");
  EXPECT_EQ(json({"records"})["count"], 120);
  EXPECT_FALSE(found("왼쪽").empty());
  EXPECT_FALSE(found("오른쪽").empty());
}

}  // namespace
}  // namespace sillok::system_test
