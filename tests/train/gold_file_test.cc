// A file of gold questions under several hands.
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "train/train.h"

namespace sillok::train {
namespace {

class GoldFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "sillok-gold-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    file_ = folder_ / "gold.jsonl";
  }
  void TearDown() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  static std::string question(const std::string& id) { return R"({"id":")" + id + R"(","question":"q","answers":["a"]})"; }
  Status add(const std::string& id) {
    return change_gold(file_, [&](std::vector<GoldLine>& lines) -> Status {
      lines.push_back({question(id), id, false});
      return {};
    });
  }
  Status remove(const std::string& id) {
    return change_gold(file_, [&](std::vector<GoldLine>& lines) -> Status {
      for (GoldLine& line : lines) {
        if (line.id == id) line.text.clear();
      }
      return {};
    });
  }
  std::vector<std::string> ids() const {
    std::vector<std::string> out;
    const auto lines = gold_lines(file_);
    for (const GoldLine& line : lines.value()) out.push_back(line.id);
    return out;
  }

  fs::path folder_, file_;
};

TEST_F(GoldFileTest, ProcessesThatAddAtOnceLoseNothing) {
  constexpr int kProcesses = 3, kThreads = 2, kEach = 12;
  std::vector<pid_t> children;
  for (int p = 0; p < kProcesses; ++p) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      std::atomic<bool> good{true};
      std::vector<std::thread> threads;
      for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
          for (int i = 0; i < kEach; ++i) {
            if (!add(std::to_string(p) + "-" + std::to_string(t) + "-" + std::to_string(i))) good = false;
          }
        });
      }
      for (std::thread& thread : threads) thread.join();
      ::_exit(good ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  const std::vector<std::string> all = ids();
  EXPECT_EQ(all.size(), static_cast<size_t>(kProcesses * kThreads * kEach));
  EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), all.size());
  for (const auto& entry : fs::directory_iterator(folder_)) EXPECT_EQ(entry.path().string().find(".tmp"), std::string::npos) << entry.path();
}

TEST_F(GoldFileTest, WhatIsNotTouchedStaysByteForByte) {
  const std::string odd = "{\"question\" :  \"둘\",\"answers\":[\"b\"], \"mine\":1.50}";
  ASSERT_TRUE(write_file_atomic(file_, question("x") + "\n\n" + odd + "\nno question\n{\"id\":7,\"question\":\"셋\"}"));
  EXPECT_EQ(ids(), (std::vector<std::string>{"x", "2", "3", "4", "7"}));
  ASSERT_TRUE(add("y"));
  EXPECT_EQ(*read_file(file_), question("x") + "\n\n" + odd + "\nno question\n{\"id\":7,\"question\":\"셋\"}\n" + question("y") + "\n");
  // The one named by its line is named so after others are gone, before and behind it.
  ASSERT_TRUE(remove("x"));
  ASSERT_TRUE(remove("y"));
  EXPECT_EQ(*read_file(file_), "\n\n" + odd + "\nno question\n{\"id\":7,\"question\":\"셋\"}\n");
  ASSERT_TRUE(remove("3"));
  ASSERT_TRUE(remove("4"));
  EXPECT_EQ(*read_file(file_), "{\"id\":7,\"question\":\"셋\"}\n");
}

TEST_F(GoldFileTest, ARefusedChangeLeavesTheFile) {
  ASSERT_TRUE(add("x"));
  const std::string before = *read_file(file_);
  const Status refused = change_gold(file_, [](std::vector<GoldLine>& lines) -> Status {
    lines.clear();
    return fail(ErrorCode::kNotFound, "not that one");
  });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "not that one");
  EXPECT_EQ(*read_file(file_), before);
}

TEST_F(GoldFileTest, ALinkIsFollowedAndLocksWhatItNames) {
  ASSERT_TRUE(add("x"));
  const fs::path link = folder_ / "link.jsonl";
  fs::create_symlink(file_, link);
  const auto outer = change_gold(link, [&](std::vector<GoldLine>& lines) -> Status {
    EXPECT_FALSE(FileLock::acquire(file_.string() + ".lock", 0));
    lines.push_back({question("y"), "y", false});
    return {};
  });
  ASSERT_TRUE(outer) << outer.error().message;
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(ids(), (std::vector<std::string>{"x", "y"}));
}

}  // namespace
}  // namespace sillok::train
