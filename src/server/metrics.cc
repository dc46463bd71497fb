#include "server/metrics.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>

namespace sillok::server {
namespace {

std::string number(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.12g", value);
  return text;
}

int64_t second_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

void Durations::add(double seconds) {
  const std::lock_guard guard(mutex_);
  size_t bucket = 0;
  while (bucket < kBoundsS.size() && seconds > kBoundsS[bucket]) ++bucket;
  ++buckets_[bucket];
  sum_ += seconds;
  ++count_;
  if (recent_.size() < kRecent) {
    recent_.push_back(static_cast<float>(seconds));
  } else {
    recent_[next_] = static_cast<float>(seconds);
  }
  next_ = (next_ + 1) % kRecent;
}

double Durations::percentile_ms(double p) const {
  std::vector<float> sorted;
  {
    const std::lock_guard guard(mutex_);
    sorted = recent_;
  }
  if (sorted.empty()) return 0;
  const auto at = static_cast<size_t>(p * static_cast<double>(sorted.size() - 1) + 0.5);
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(at), sorted.end());
  return static_cast<double>(sorted[at]) * 1000;
}

void Durations::write(std::string& out, const std::string& name, const std::string& help) const {
  const std::lock_guard guard(mutex_);
  out += "# HELP " + name + " " + help + "\n# TYPE " + name + " histogram\n";
  uint64_t below = 0;
  for (size_t i = 0; i < kBoundsS.size(); ++i) {
    below += buckets_[i];
    out += name + "_bucket{le=\"" + number(kBoundsS[i]) + "\"} " + std::to_string(below) + "\n";
  }
  out += name + "_bucket{le=\"+Inf\"} " + std::to_string(count_) + "\n";
  out += name + "_sum " + number(sum_) + "\n" + name + "_count " + std::to_string(count_) + "\n";
}

void Metrics::answered(const std::string& route, int status) {
  const std::lock_guard guard(mutex_);
  ++by_route_[{route, status}];
  const int64_t now = second_now();
  const auto slot = static_cast<size_t>(now % 60);
  if (second_of_[slot] != now) {
    second_of_[slot] = now;
    per_second_[slot] = 0;
  }
  ++per_second_[slot];
}

uint64_t Metrics::requests_last_minute() const {
  const std::lock_guard guard(mutex_);
  const int64_t now = second_now();
  uint64_t sum = 0;
  for (size_t i = 0; i < 60; ++i) {
    if (now - second_of_[i] < 60) sum += per_second_[i];
  }
  return sum;
}

void Metrics::write(std::string& out) const {
  {
    const std::lock_guard guard(mutex_);
    out += "# HELP sillok_requests_total Requests answered, by route and status.\n# TYPE sillok_requests_total counter\n";
    for (const auto& [key, count] : by_route_) {
      out += "sillok_requests_total{route=\"" + key.first + "\",status=\"" + std::to_string(key.second) + "\"} " +
             std::to_string(count) + "\n";
    }
  }
  request.write(out, "sillok_request_seconds", "Time from a request's first byte to its reply (streams: to their start).");
  search.write(out, "sillok_search_seconds", "Time of a search.");
  ask.write(out, "sillok_ask_seconds", "Time of an answer.");
  write_metric(out, "sillok_prompt_tokens_total", "counter", "Tokens read by generating models.", static_cast<double>(prompt_tokens));
  write_metric(out, "sillok_generated_tokens_total", "counter", "Tokens written by generating models.", static_cast<double>(generated_tokens));
  write_metric(out, "sillok_uploads_total", "counter", "Uploads acknowledged.", static_cast<double>(uploads));
  write_metric(out, "sillok_upload_bytes_total", "counter", "Bytes of them.", static_cast<double>(upload_bytes));
  write_metric(out, "sillok_rate_limited_total", "counter", "Requests refused because a person sent too many.", static_cast<double>(refused_rate));
  write_metric(out, "process_resident_memory_bytes", "gauge", "Resident memory.", static_cast<double>(resident_bytes()));
}

void write_metric(std::string& out, const std::string& name, const char* type, const std::string& help, double value) {
  out += "# HELP " + name + " " + help + "\n# TYPE " + name + " " + type + "\n" + name + " " + number(value) + "\n";
}

uint64_t resident_bytes() {
  unsigned long long mapped = 0, resident = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return 0;
  if (std::fscanf(file, "%llu %llu", &mapped, &resident) != 2) resident = 0;
  std::fclose(file);
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace sillok::server
