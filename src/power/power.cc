#include "power/power.h"

#include <sys/resource.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <optional>
#include <string>

namespace sillok::power {
namespace {

std::optional<uint64_t> read_number(const fs::path& path) {
  std::ifstream in(path);
  uint64_t value = 0;
  return in >> value ? std::optional(value) : std::nullopt;
}

// "intel-rapl:0", not its parts "intel-rapl:0:1", which are counted in it.
bool is_package(const std::string& name) {
  constexpr std::string_view kPrefix = "intel-rapl:";
  return name.starts_with(kPrefix) && name.size() > kPrefix.size() &&
         std::all_of(name.begin() + kPrefix.size(), name.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

double processor_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

EnergyMeter::EnergyMeter(double watts, const fs::path& powercap) : watts_(watts), processor_s_at_start_(processor_seconds()) {
  std::error_code error;
  for (fs::directory_iterator it(powercap, error), end; !error && it != end; it.increment(error)) {
    if (!is_package(it->path().filename().string())) continue;
    const auto now = read_number(it->path() / "energy_uj"), range = read_number(it->path() / "max_energy_range_uj");
    if (now && range) packages_.push_back({it->path() / "energy_uj", *now, *range});
  }
}

double EnergyMeter::joules() {
  if (packages_.empty()) return watts_ * (processor_seconds() - processor_s_at_start_);
  for (Package& package : packages_) {
    const uint64_t now = read_number(package.counter).value_or(package.last);
    const uint64_t spent = now >= package.last ? now - package.last : package.range - package.last + now;
    joules_ += static_cast<double>(spent) * 1e-6;
    package.last = now;
  }
  return joules_;
}

}  // namespace sillok::power
