// A folder with the settings of a home, gone when the test ends.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include "govern/govern.h"

namespace sillok::govern {

inline constexpr std::string_view kSettings = R"toml(
[labels]
known = [ { name = "O", title = "공개" }, { name = "S", title = "민감" }, { name = "C", title = "기밀" } ]
default = "O"
)toml";

class GovernTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "sillok-govern-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    home_ = name;
    ASSERT_TRUE(write_file_atomic(home_ / "sillok.toml", kSettings));
  }
  void TearDown() override { fs::remove_all(home_); }
  std::function<Micros()> clock() {
    return [this] { return now_; };
  }

  fs::path home_;
  Micros now_ = 1'800'000'000'000'000;
  static constexpr Micros kSecond = 1'000'000, kDay = 86'400 * kSecond;
};

}  // namespace sillok::govern
