#include "power/power.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <fstream>

namespace sillok::power {
namespace {

class EnergyMeterTest : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_); }
  void TearDown() override { fs::remove_all(folder_); }
  void set(const std::string& domain, uint64_t microjoules) {
    fs::create_directories(folder_ / domain);
    std::ofstream(folder_ / domain / "energy_uj") << microjoules << "\n";
    std::ofstream(folder_ / domain / "max_energy_range_uj") << 10'000'000 << "\n";
  }
  fs::path folder_ = fs::temp_directory_path() / ("sillok-power-" + std::to_string(::getpid()));
};

TEST_F(EnergyMeterTest, AddsPackagesUpAndFollowsTheirCountersRound) {
  set("intel-rapl:0", 9'000'000);
  set("intel-rapl:1", 1'000'000);
  set("intel-rapl:0:0", 5'000'000);  // a part of the first
  EnergyMeter meter(8, folder_);
  EXPECT_FALSE(meter.estimated());
  EXPECT_EQ(meter.joules(), 0);
  set("intel-rapl:0", 500'000);
  set("intel-rapl:1", 3'000'000);
  set("intel-rapl:0:0", 9'000'000);
  EXPECT_NEAR(meter.joules(), 1.5 + 2, 1e-9);
  set("intel-rapl:0", 700'000);
  EXPECT_NEAR(meter.joules(), 3.7, 1e-9);
}

TEST_F(EnergyMeterTest, WithoutCountersEstimatesFromProcessorTime) {
  EnergyMeter one(8, folder_), two(16, folder_ / "none");
  EXPECT_TRUE(one.estimated());
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(50);
  volatile double x = 1;
  while (std::chrono::steady_clock::now() < end) x = x * 1.0000001;
  const double joules = one.joules();
  EXPECT_GT(joules, 0);
  EXPECT_NEAR(two.joules(), 2 * joules, 0.2 * joules);
}

}  // namespace
}  // namespace sillok::power
