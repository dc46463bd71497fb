#include "train/ranks.h"

#include <dlfcn.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

namespace sillok::train {
namespace {

constexpr size_t kMessageBytes = 1000;                 // of an error; longer ones lose their end
constexpr size_t kValuesAtOnce = size_t{1} << 20;      // floats of a rank in one exchange: 4 MB sent, 4 MB received

struct Message {
  uint8_t failed = 0, code = 0;
  std::array<char, kMessageBytes> text{};
};

Result<const MpiTable*> load_plugin() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  const fs::path plugin = program.parent_path() / "sillok_mpi.so";
  // Global: Open MPI loads components that look for its symbols among those of the program.
  void* library = ::dlopen(plugin.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) {
    const char* why = ::dlerror();
    return fail(ErrorCode::kNotFound, "started by a launcher of several processes, but MPI cannot be loaded: " +
                                          std::string(why != nullptr ? why : plugin.c_str()) + "; run tools/packages mpi and build again");
  }
  const auto* table = static_cast<const MpiTable*>(::dlsym(library, kMpiTableSymbol));
  if (table == nullptr || table->version != kMpiTableVersion) {
    return fail(ErrorCode::kInvalid, plugin.string() + ": is of another version of this program; put the one that came with it there");
  }
  return table;
}

}  // namespace

Launch read_launch(const std::function<const char*(const char*)>& environment) {
  struct Launcher {
    const char *rank, *count, *by;
  };
  // Open MPI's mpirun; process managers that srun speaks; srun itself, which may have been told to use none.
  constexpr std::array<Launcher, 4> kLaunchers = {{{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "mpirun"},
                                                   {"PMI_RANK", "PMI_SIZE", "srun"},
                                                   {"PMIX_RANK", "SLURM_STEP_NUM_TASKS", "srun"},
                                                   {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "srun"}}};
  for (const Launcher& launcher : kLaunchers) {
    const char *rank = environment(launcher.rank), *count = environment(launcher.count);
    if (rank == nullptr || count == nullptr || std::atoi(count) < 2) continue;
    return {std::atoi(rank), std::atoi(count), launcher.by};
  }
  return {};
}

uint32_t launched_rank() {
  return static_cast<uint32_t>(std::max(0, read_launch([](const char* name) { return std::getenv(name); }).rank));
}

Result<std::unique_ptr<Ranks>> Ranks::join() {
  std::unique_ptr<Ranks> ranks(new Ranks);
  const Launch launch = read_launch([](const char* name) { return std::getenv(name); });
  if (launch.count < 2) return ranks;
  SILLOK_ASSIGN(const MpiTable* mpi, load_plugin());
  SILLOK_TRY(ranks->checked(mpi->start(&ranks->rank_, &ranks->count_, &ranks->local_count_), "cannot start"));
  ranks->mpi_ = mpi;
  if (ranks->count_ != launch.count) {
    return fail(ErrorCode::kInvalid, std::string(launch.by) + " started " + std::to_string(launch.count) + " processes, but MPI sees " +
                                         std::to_string(ranks->count_) + "; with srun give --mpi=pmix");
  }
  return ranks;
}

Ranks::~Ranks() {
  if (mpi_ != nullptr) mpi_->stop();
}

// A launcher that binds its processes has already shared the cores out; then a rank has fewer than the machine.
uint32_t Ranks::threads(uint32_t asked) const {
  if (asked != 0 || mpi_ == nullptr) return asked;
  cpu_set_t set;
  CPU_ZERO(&set);
  const long all = ::sysconf(_SC_NPROCESSORS_ONLN);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  const int mine = CPU_COUNT(&set);
  return static_cast<uint32_t>(std::max(1, mine < all ? mine : mine / local_count_));
}

Status Ranks::checked(int code, const char* what) const {
  if (code == 0) return {};
  return fail(ErrorCode::kIo, "MPI " + std::string(what) + " (code " + std::to_string(code) + "): has a process or machine of the run gone?");
}

Status Ranks::agree(const Status& here) {
  if (mpi_ == nullptr) return here;
  Message mine;
  if (!here) {
    mine.failed = 1;
    mine.code = static_cast<uint8_t>(here.error().code);
    const std::string text = first() ? here.error().message : "rank " + std::to_string(rank_) + ": " + here.error().message;
    std::memcpy(mine.text.data(), text.data(), std::min(text.size(), kMessageBytes - 1));
  }
  std::vector<Message> all(count());
  const Status exchanged = checked(mpi_->all_gather(&mine, all.data(), static_cast<int>(sizeof mine)), "lost a process");
  if (!exchanged) {
    over_ = true;
    return exchanged;
  }
  const auto failed = std::find_if(all.begin(), all.end(), [](const Message& m) { return m.failed != 0; });
  if (failed == all.end()) return {};
  over_ = true;
  return tl::unexpected<Error>(Error{static_cast<ErrorCode>(failed->code), first() ? std::string(failed->text.data()) : std::string()});
}

Status Ranks::same(uint64_t value, std::string_view what) {
  if (mpi_ == nullptr) return {};
  SILLOK_TRY(agree({}));
  std::vector<uint64_t> all(count());
  SILLOK_TRY(checked(mpi_->all_gather(&value, all.data(), static_cast<int>(sizeof value)), "lost a process"));
  const auto other = std::find_if(all.begin(), all.end(), [&](uint64_t v) { return v != all.front(); });
  if (other == all.end()) return {};
  over_ = true;
  const std::string message = "rank " + std::to_string(other - all.begin()) + " has " + std::string(what) + " than rank 0";
  return tl::unexpected<Error>(Error{ErrorCode::kConflict, first() ? message : std::string()});
}

Status Ranks::sum(std::span<double> values) {
  if (mpi_ == nullptr) return {};
  SILLOK_TRY(agree({}));
  std::vector<double> all(values.size() * count());
  SILLOK_TRY(checked(mpi_->all_gather(values.data(), all.data(), static_cast<int>(values.size_bytes())), "lost a process"));
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = 0;
    for (size_t r = 0; r < count(); ++r) values[i] += all[r * values.size() + i];
  }
  return {};
}

// A rank owns a slice, gets everybody's part of it, adds, and gives the sums to all: each value crosses the wire twice, and one
// process adds it up in one order. The parts are gone through as if they lay one behind the other.
Status Ranks::sum(const std::vector<std::span<float>>& parts) {
  if (mpi_ == nullptr) return {};
  SILLOK_TRY(agree({}));
  size_t left = 0;
  for (const std::span<float> part : parts) left += part.size();
  const size_t slice = std::min(kValuesAtOnce / count() + 1, (left + count() - 1) / count());
  std::vector<float> mine(slice * count()), theirs(mine.size()), sums(slice);
  size_t part = 0, at = 0;
  // Copies the next `size` values between the parts and `mine`.
  const auto copy = [&](size_t& in_part, size_t& in_place, size_t size, bool back) {
    for (size_t done = 0; done < size;) {
      if (in_place == parts[in_part].size()) ++in_part, in_place = 0;
      const size_t some = std::min(size - done, parts[in_part].size() - in_place);
      float* here = parts[in_part].data() + in_place;
      if (back) std::copy_n(mine.data() + done, some, here);
      else std::copy_n(here, some, mine.data() + done);
      done += some, in_place += some;
    }
  };
  while (left > 0) {
    const size_t size = std::min(mine.size(), left), first_part = part, first_at = at;
    copy(part, at, size, false);
    std::fill(mine.begin() + static_cast<std::ptrdiff_t>(size), mine.end(), 0.0F);
    SILLOK_TRY(checked(mpi_->all_to_all(mine.data(), theirs.data(), static_cast<int>(slice)), "lost a process"));
    for (size_t i = 0; i < slice; ++i) {
      double whole = 0;
      for (size_t r = 0; r < count(); ++r) whole += static_cast<double>(theirs[r * slice + i]);
      sums[i] = static_cast<float>(whole);
    }
    SILLOK_TRY(checked(mpi_->all_gather(sums.data(), mine.data(), static_cast<int>(slice * sizeof(float))), "lost a process"));
    part = first_part, at = first_at;
    copy(part, at, size, true);
    left -= size;
  }
  return {};
}

Result<RunReport> Ranks::together(const std::function<Result<RunReport>()>& work) {
  Result<RunReport> report = work();
  if (mpi_ == nullptr || over_) return report;
  SILLOK_TRY(agree(report ? Status{} : Status(tl::unexpected<Error>(report.error()))));
  return report;
}

}  // namespace sillok::train
