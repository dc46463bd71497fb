// Ten thousand records through one add: bounded memory, and a time that is printed, not judged.
#include "test_home.h"

#include <sys/resource.h>

#include <chrono>
#include <iostream>

namespace sillok::archive {
namespace {

using VolumeTest = HomeTest;

uint64_t peak_memory_mib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) / 1024;
}

TEST_F(VolumeTest, TenThousandJsonlLines) {
  constexpr int kLines = 10'000, kCharacters = 500;
  std::string jsonl = "#jsonl\n";
  for (int i = 0; i < kLines; ++i) {
    jsonl += "R" + std::to_string(i) + "\t2024-01-01\t\t";
    for (int c = 0; c < kCharacters; ++c) append_utf8(jsonl, static_cast<char32_t>(0xAC00 + (i * 31 + c * 17) % 11172));
    jsonl += '\n';
  }
  write("big.jsonl", jsonl);
  Archive archive = make();
  for (const bool again : {false, true}) {
    AddOptions options;
    options.read_only_changed = !again;
    const auto began = std::chrono::steady_clock::now();
    const auto report = archive.add({files()}, options);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(again ? report->unchanged : report->added, static_cast<uint64_t>(kLines));
    std::cout << (again ? "read again, unchanged: " : "added: ") << kLines << " lines in " << took.count() << " s, peak "
              << peak_memory_mib() << " MiB\n";
  }
  EXPECT_LT(peak_memory_mib(), 512u);
  EXPECT_TRUE(archive.check(true).empty());
}

TEST_F(VolumeTest, TwoThousandFiles) {
  for (int i = 0; i < 2000; ++i) write(std::to_string(i % 40) + "/" + std::to_string(i) + ".txt", "text " + std::to_string(i));
  Archive archive = make();
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(archive.add({files()}, {}).value_or(AddReport{}).added, 2000u);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::cout << "added: 2000 files in " << took.count() << " s\n";
}

}  // namespace
}  // namespace sillok::archive
