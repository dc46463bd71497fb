// Private to train: how the training of a retriever is going, for the home's list of runs (runs.h) and against its budget.
#pragma once

#include <array>
#include <mutex>

#include "power/power.h"
#include "train/train.h"

namespace sillok::train {

// What a step of such a run is: a pair that the encoder learned from, a question that was searched for, a question that a network was fitted to.
enum class RetrieverPart : uint8_t { kLearning, kAsking, kFitting };
inline constexpr size_t kRetrieverParts = 3;

// All but plan() and end() may be called by several threads at once.
class RetrieverWork {
 public:
  explicit RetrieverWork(const RetrieverOptions& options);

  // The run is on the list of the home from here on. `steps`: of each part.
  void plan(const fs::path& home, TrainingRun run, const std::array<uint64_t, kRetrieverParts>& steps);
  // More of a part was done; kLimit where that took more than the budget, which ends the training.
  Status did(RetrieverPart part, uint64_t count);
  // Of the encoder: `loss` summed over the pairs, `terms` of their texts.
  Status learned(uint64_t pairs, double loss, uint64_t terms, double rate);
  // Finished where `failure` is null.
  void end(const Error* failure);
  const std::string& id() const { return account_.id(); }  // see RunAccount
  const std::string& problem() const { return account_.problem(); }

 private:
  struct Part {
    uint64_t done = 0, planned = 0;
    double seconds = 0;
  };
  Status advance(RetrieverPart part, uint64_t count);  // under the lock
  RunPoint point(double seconds, double joules);
  double seconds_left() const;
  double seconds() const;

  const double budget_seconds_, budget_joules_;
  std::mutex mutex_;
  power::EnergyMeter meter_;
  Micros began_;
  double last_ = 0, told_ = 0;         // seconds: of the last call, of the last point
  double loss_ = 0, new_loss_ = 0, rate_ = 0;
  uint64_t new_pairs_ = 0, terms_ = 0;
  std::array<Part, kRetrieverParts> parts_;
  RunAccount account_;
};

}  // namespace sillok::train
