// The program as a person runs it: a process with arguments, its output, errors and exit status, in a home of its own.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/base.h"

extern char** environ;

namespace sillok::system_test {

using Json = nlohmann::json;

struct Ran {
  int status = -1;  // exit status; 128 + signal if killed
  std::string out, err;
  Json json() const { return Json::parse(out, nullptr, false); }
};

class SystemTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "sillok-system-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    ASSERT_EQ(run({"init"}).status, 0);
  }
  void TearDown() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  const fs::path& folder() const { return folder_; }
  fs::path home() const { return folder_ / "home"; }
  fs::path files() const { return folder_ / "files"; }

  fs::path write(const std::string& name, const std::string& text) {
    const fs::path path = files() / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

  // Starts the program; --home is added behind the verb unless the arguments have one.
  pid_t start(std::vector<std::string> arguments, const fs::path& out = "/dev/null", const fs::path& err = "/dev/null",
              bool own_group = false) {
    if (!arguments.empty() && std::find(arguments.begin(), arguments.end(), "--home") == arguments.end()) {
      arguments.insert(arguments.end(), {"--home", home().string()});
    }
    arguments.insert(arguments.begin(), SILLOK_PROGRAM);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, input_.c_str(), O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addopen(&actions, 2, err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    if (own_group) posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    pid_t child = -1;
    EXPECT_EQ(::posix_spawn(&child, SILLOK_PROGRAM, &actions, &attributes, argv.data(), environ), 0);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return child;
  }

  // As the leader of a process group, by which what it leaves behind is found.
  pid_t start_group(std::vector<std::string> arguments) { return start(std::move(arguments), "/dev/null", "/dev/null", true); }

  static int wait(pid_t child) {
    int status = 0;
    if (::waitpid(child, &status, 0) != child) return -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

  Ran run(const std::vector<std::string>& arguments) {
    const fs::path out = folder_ / "out", err = folder_ / "err";
    Ran ran;
    ran.status = wait(start(arguments, out, err));
    ran.out = read_file(out).value_or("");
    ran.err = read_file(err).value_or("");
    return ran;
  }

  // What the commands from here on find on standard input.
  void give_input(const std::string& text) {
    input_ = folder_ / "in";
    std::ofstream(input_, std::ios::binary) << text;
  }
  // With this text on standard input.
  Ran run_with_input(const std::vector<std::string>& arguments, const std::string& input) {
    give_input(input);
    const Ran ran = run(arguments);
    input_ = "/dev/null";
    return ran;
  }

  // A command that must succeed, with --json.
  Json json(std::vector<std::string> arguments) {
    arguments.emplace_back("--json");
    const Ran ran = run(arguments);
    EXPECT_EQ(ran.status, 0) << arguments[0] << ": " << ran.err << ran.out;
    Json parsed = ran.json();
    EXPECT_FALSE(parsed.is_discarded()) << ran.out;
    return parsed;
  }

  // One that must fail: this status, nothing but one line on standard error, with these words in it.
  void refused(const std::vector<std::string>& arguments, int status, const std::string& words) {
    const Ran ran = run(arguments);
    std::string shown;
    for (const std::string& argument : arguments) shown += argument + " ";
    EXPECT_EQ(ran.status, status) << shown << ran.err;
    EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << shown << ran.err;
    EXPECT_TRUE(ran.err.starts_with("sillok: ")) << shown << ran.err;
    EXPECT_NE(ran.err.find(words), std::string::npos) << shown << ran.err;
  }

  std::vector<std::string> found(const std::string& query, std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"search", query});
    std::vector<std::string> records;
    const Json response = json(more);
    for (const Json& result : response["results"]) records.push_back(result["record"]);
    return records;
  }

  // Records about other things: confidence comes from what is rare among the records.
  void add_others() {
    const char* about[] = {"구내식당 운영 시간", "출장 여비 정산", "소화기 점검", "신입 사원 교육", "차량 배차", "회의실 예약",
                           "포장재 재고", "용접 작업 허가", "누설 시험 성적", "보안 점검 결과", "휴가 신청", "창고 온습도"};
    std::string lines;
    for (const char* what : about) {
      lines += std::string("{\"id\":\"other ") + what + "\",\"title\":\"" + what + "\",\"text\":\"" + what +
               "에 관한 안내문이다. 담당 부서에 문의한다.\"}\n";
    }
    const fs::path path = folder_ / "others.jsonl";
    std::ofstream(path) << lines;
    json({"add", path.string()});
  }

 private:
  fs::path folder_, input_ = "/dev/null";
};

}  // namespace sillok::system_test
