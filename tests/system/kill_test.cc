// The program killed in the middle of an add: what it had acknowledged is there, the home is whole, the next add goes
// on, no reader stays behind. SILLOK_KILLS sets how many times (default 10).
#include <chrono>
#include <random>
#include <set>
#include <thread>

#include "archive/archive.h"
#include "program.h"

namespace sillok::system_test {
namespace {

using KillTest = SystemTest;

// Living processes of the group: the readers that the program started, if they stay in it.
std::vector<int> readers_of(pid_t leader) {
  std::vector<int> left;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != name.npos) continue;
    const auto stat = read_file(entry.path() / "stat");
    if (!stat) continue;
    // "pid (name) state ppid pgrp ..."
    const size_t close = stat->rfind(')');
    if (close == stat->npos) continue;
    char state = 0;
    int parent = 0, group = 0;
    if (std::sscanf(stat->c_str() + close + 1, " %c %d %d", &state, &parent, &group) != 3) continue;
    if (group == leader && state != 'Z') left.push_back(std::atoi(name.c_str()));
  }
  return left;
}

std::set<std::string> acknowledged(const fs::path& home) {
  std::set<std::string> keys;
  const auto archive = archive::Archive::open(home);
  EXPECT_TRUE(archive);
  if (!archive) return keys;
  EXPECT_TRUE(archive->changes_after(0, [&](const archive::Version& version) -> Status {
    keys.insert(version.record + "#" + std::to_string(version.number) + version.content_hash);
    return {};
  }));
  return keys;
}

TEST_F(KillTest, AtRandomMoments) {
  const char* wanted = std::getenv("SILLOK_KILLS");
  const int kills = wanted != nullptr ? std::atoi(wanted) : 10;
  std::mt19937 random(7);
  std::set<std::string> kept;
  int killed = 0;
  for (int round = 0; round < kills; ++round) {
    for (int i = 0; i < 200; ++i) {
      if (round > 0 && i % 5 != round % 5) continue;
      write(std::to_string(i % 7) + "/" + std::to_string(i) + ".txt",
            "파일 " + std::to_string(i) + " 판 " + std::to_string(round) + " 낱말" + std::to_string(i) + "\n");
    }
    std::string lines;
    for (int i = 0; i < 2000; ++i) {
      lines += "{\"id\":\"J" + std::to_string(i) + "\",\"text\":\"줄 " + std::to_string(i % 20 == 0 ? round : 0) + " 글귀" +
               std::to_string(i) + "\"}\n";
    }
    write("big.jsonl", lines);
    const pid_t child = start_group({"add", files().string()});
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 500));
    ::kill(child, SIGKILL);
    if (wait(child) == 128 + SIGKILL) ++killed;
    bool alone = false;
    for (int i = 0; i < 100 && !alone; ++i) {
      alone = readers_of(child).empty();
      if (!alone) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    EXPECT_TRUE(alone) << "readers outlived kill " << round;
    const Json doctor = json({"doctor", "--deep"});
    ASSERT_EQ(doctor["ok"], true) << doctor << " after kill " << round;
    const auto now = acknowledged(home());
    EXPECT_TRUE(std::includes(now.begin(), now.end(), kept.begin(), kept.end())) << "after kill " << round;
    kept = now;
  }
  EXPECT_GT(killed, 0);
  json({"add", files().string()});
  const Json last = json({"add", files().string()});
  EXPECT_EQ(last["unchanged"], 2200);
  EXPECT_EQ(last["added"].get<int>() + last["updated"].get<int>() + last["ended"].get<int>(), 0);
  for (const int i : {0, 77, 199}) EXPECT_EQ(found("낱말" + std::to_string(i), {"--limit", "1"}).at(0), std::to_string(i % 7) + "/" + std::to_string(i) + ".txt");
  for (const int i : {0, 1234, 1999}) EXPECT_EQ(found("글귀" + std::to_string(i), {"--limit", "1"}).at(0), "J" + std::to_string(i));
}

}  // namespace
}  // namespace sillok::system_test
