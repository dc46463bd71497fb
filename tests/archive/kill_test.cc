// kill -9 at any moment of an add: nothing acknowledged is lost, the archive is whole, the next add goes on.
// SILLOK_KILLS sets how many times (default 20).
#include "test_home.h"

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <random>
#include <set>

#include <sys/wait.h>
#include <unistd.h>

namespace sillok::archive {
namespace {

using KillTest = HomeTest;

std::set<std::string> acknowledged(const Archive& archive) {
  std::set<std::string> keys;
  EXPECT_TRUE(archive.changes_after(0, [&](const Version& version) -> Status {
    keys.insert(version.record + "#" + std::to_string(version.number) + version.content_hash);
    return {};
  }));
  return keys;
}

TEST_F(KillTest, AtRandomTimes) {
  const char* wanted = std::getenv("SILLOK_KILLS");
  const int kills = wanted != nullptr ? std::atoi(wanted) : 20;
  { const Archive archive = make(); }
  std::mt19937 random(11);
  std::set<std::string> kept;
  int killed = 0;
  for (int round = 0; round < kills; ++round) {
    for (int i = 0; i < 40; ++i) {
      write(std::to_string(i % 7) + "/" + std::to_string(i) + ".txt",
            "round " + std::to_string(round / 3) + " file " + std::to_string(i));
    }
    std::string jsonl = "#jsonl\n";
    for (int i = 0; i < 3000; ++i) {
      jsonl += "id" + std::to_string(i) + "\t\t\ttext " + std::to_string(i % 100 == 0 ? round : 0) + "\n";
    }
    write("big.jsonl", jsonl);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto archive = Archive::open(home(), environment);
      if (!archive) ::_exit(3);
      ::_exit(archive->add({files()}, {}) ? 0 : 4);
    }
    ::usleep(static_cast<useconds_t>(random() % 250'000));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) ++killed;
    ASSERT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0) << WEXITSTATUS(status);
    const Archive archive = open();
    const auto problems = archive.check(true);
    ASSERT_TRUE(problems.empty()) << problems.front().what << " after kill " << round;
    const auto now = acknowledged(archive);
    EXPECT_TRUE(std::includes(now.begin(), now.end(), kept.begin(), kept.end())) << "after kill " << round;
    kept = now;
  }
  Archive archive = open();
  add(archive);
  EXPECT_EQ(archive.record_count(), 3040u);
  const AddReport last = add(archive);
  EXPECT_EQ(last.unchanged, 3040u);
  EXPECT_EQ(last.added + last.updated + last.ended, 0u);
  EXPECT_GT(killed, 0);
}

// Killed inside COMMIT, after the log and before the others were told: with a reader there, the next writer does not see
// that transaction, and must not remove the blobs that it names, for once the reader has gone it is there.
TEST_F(KillTest, TransactionThatComesBackFromTheLogHasItsBlobs) {
  { const Archive archive = make(); }
  int ready[2] = {-1, -1};
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t reader = ::fork();
  if (reader == 0) {  // connected, and stays so until it is killed, too
    const Archive archive = open();
    const char seen = archive.record_count() == 0 ? 'y' : 'n';
    if (::write(ready[1], &seen, 1) == 1) ::pause();
    ::_exit(0);
  }
  char seen = 0;
  ASSERT_EQ(::read(ready[0], &seen, 1), 1);
  ASSERT_EQ(seen, 'y');
  write("a.txt", "killed inside its commit");
  const fs::path shared = home() / "archive.db-shm";
  const auto in_child = [&](const std::function<Status(std::string_view)>& before_step) {
    const pid_t child = ::fork();
    if (child == 0) {
      environment.before_step = before_step;
      auto archive = Archive::open(home(), environment);
      ::_exit(archive && archive->add({files()}, {}) ? 0 : 4);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  };
  std::string before;
  EXPECT_EQ(7, in_child([&](std::string_view step) -> Status {
              if (step == "commit") before = *read_file(shared);
              if (step == "committed") {
                // What the others know of the log is the index's header, twice 48 bytes, in archive.db-shm.
                std::fstream(shared, std::ios::in | std::ios::out | std::ios::binary).write(before.data(), 96);
                ::_exit(7);
              }
              return {};
            }));
  // The next writer puts things in order and is killed, too, before it writes anything of its own.
  EXPECT_EQ(8, in_child([](std::string_view step) -> Status {
              if (step == "sync blobs") ::_exit(8);
              return {};
            }));
  ::kill(reader, SIGKILL);
  EXPECT_EQ(::waitpid(reader, nullptr, 0), reader);
  for (const int end : ready) ::close(end);
  Archive archive = open();
  const auto problems = archive.check(true);
  EXPECT_TRUE(problems.empty()) << problems.front().what;
  EXPECT_EQ(add(archive).failed.size(), 0u);
  EXPECT_EQ(archive.record_count(), 1u);
}

}  // namespace
}  // namespace sillok::archive
