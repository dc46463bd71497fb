// kill -9 at any moment of an add: nothing acknowledged is lost, the archive is whole, the next add goes on.
// SILLOK_KILLS sets how many times (default 20).
#include "test_home.h"

#include <csignal>
#include <cstdlib>
#include <random>
#include <set>

#include <sys/wait.h>

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

}  // namespace
}  // namespace sillok::archive
