// Private to server: what is counted, for /metrics and the System page.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace sillok::server {

// Durations in buckets for Prometheus, and the last kRecent of them exactly for percentiles. Thread-safe.
class Durations {
 public:
  static constexpr std::array<double, 12> kBoundsS = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30};
  static constexpr size_t kRecent = 4096;
  void add(double seconds);
  double percentile_ms(double p) const;  // 0 before the first
  void write(std::string& out, const std::string& name, const std::string& help) const;

 private:
  mutable std::mutex mutex_;
  std::array<uint64_t, kBoundsS.size() + 1> buckets_{};
  double sum_ = 0;
  uint64_t count_ = 0;
  std::vector<float> recent_;
  size_t next_ = 0;
};

struct Metrics {
  Durations request, search, ask;
  std::atomic<uint64_t> generated_tokens{0}, prompt_tokens{0}, uploads{0}, upload_bytes{0}, refused_rate{0};

  void answered(const std::string& route, int status);
  // Requests of the last whole minute.
  uint64_t requests_last_minute() const;
  void write(std::string& out) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, int>, uint64_t> by_route_;
  std::array<uint64_t, 60> per_second_{};
  std::array<int64_t, 60> second_of_{};
};

// One line of a gauge or counter with its help.
void write_metric(std::string& out, const std::string& name, const char* type, const std::string& help, double value);
uint64_t resident_bytes();

}  // namespace sillok::server
