// power: what work costs in energy.
#pragma once

#include <cstdint>
#include <vector>

#include "base/base.h"

namespace sillok::power {

// Joules since it was made. With processors whose counters can be read (RAPL, /sys/class/powercap/intel-rapl:N/energy_uj, which on most
// systems needs a right that only root has) what all of the machine's processor packages took, other work included. Otherwise an
// estimate: this process's processor time by `watts`, what one busy core takes. Not thread-safe.
class EnergyMeter {
 public:
  // A core of a server processor under full load, its share of caches and memory controllers included: 150 to 280 W over 32
  // to 64 cores and more are 3 to 8 W, of small machines up to 15 W.
  static constexpr double kWattsPerCore = 8;

  explicit EnergyMeter(double watts = kWattsPerCore, const fs::path& powercap = "/sys/class/powercap");

  double joules();  // must be called before a counter has gone round twice: every few minutes
  bool estimated() const { return packages_.empty(); }

 private:
  struct Package {
    fs::path counter;
    uint64_t last = 0, range = 0;  // microjoules; the counter begins at 0 again behind `range`
  };
  std::vector<Package> packages_;
  double watts_, joules_ = 0, processor_s_at_start_ = 0;
};

}  // namespace sillok::power
