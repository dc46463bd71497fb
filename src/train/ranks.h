// The processes of one run, started together by mpirun or srun, each with the whole model and data and a part of every step's
// sequences. Private to train.
//
// A process that no launcher started is alone: nothing here costs it anything, and MPI is not loaded. MPI lives in a plug-in
// beside the program, sillok_mpi.so (ranks_mpi.cc).
//
// Leaving: every exchange begins with `agree`, so whoever waits for the others waits there, and a rank that fails says so there
// (`together`) and all leave. Rank 0 has the message; the others' errors have an empty one: it has been said.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "train/ranks_table.h"
#include "train/train.h"

namespace sillok::train {

// What the launcher's environment says of this process.
struct Launch {
  int rank = 0, count = 1;
  const char* by = "";
};
Launch read_launch(const std::function<const char*(const char*)>& environment);

class Ranks {
 public:
  // Alone unless launched. kNotFound where the plug-in or MPI is missing, kInvalid where MPI sees other processes than the launcher
  // started.
  static Result<std::unique_ptr<Ranks>> join();
  ~Ranks();
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  size_t rank() const { return static_cast<size_t>(rank_); }
  size_t count() const { return static_cast<size_t>(count_); }
  double local_count() const { return local_count_; }  // ranks on this machine
  bool first() const { return rank_ == 0; }
  // Threads for this rank: as asked for, or its share of the cores of the machine.
  uint32_t threads(uint32_t asked) const;

  // The same on every rank: good if all are, else the error of the lowest rank that fails.
  Status agree(const Status& here);
  // kConflict, calling it `what`, where a rank has another value than rank 0.
  Status same(uint64_t value, std::string_view what);
  // Every value becomes the sum of all ranks', added up in the order of the ranks: the same bits everywhere, every time.
  Status sum(std::span<double> values);
  Status sum(const std::vector<std::span<float>>& parts);

  // `work`, in which every rank meets the same agreements; then all have its result or the same error.
  Result<RunReport> together(const std::function<Result<RunReport>()>& work);

 private:
  Ranks() = default;
  Status checked(int code, const char* what) const;

  const MpiTable* mpi_ = nullptr;  // null: alone
  int rank_ = 0, count_ = 1, local_count_ = 1;
  bool over_ = false;              // an agreement has failed: nobody listens any more
};

}  // namespace sillok::train
