// Private to release: when a round of refresh trains the retriever in use again, and what that may cost.
//
//   releases/training.json   the last training that a round began and that ended, however it ended:
//                            {"seconds","watt_hours","estimated","ended","change","sha256"}. Replaced atomically
#pragma once

#include <chrono>

#include "release/parts.h"
#include "train/train.h"

namespace sillok::release {

// Clock, processor time and energy since it was made. Energy is that of the processor's own meter (RAPL), or else estimated.
class Meter {
 public:
  explicit Meter(double watts);
  struct Read {
    double seconds = 0, cpu_s = 0, watt_hours = 0;
    bool estimated = true;
  };
  Read read() const;

 private:
  double watts_, cpu_s_;
  std::optional<uint64_t> microjoules_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// Trains at most once. A training that fails or goes over its budget leaves everything as it was and is no failure of the round.
class Retraining {
 public:
  Retraining(const archive::Archive& archive, search::Searcher& searcher, const RefreshSettings& settings)
      : archive_(archive), searcher_(searcher), settings_(settings) {}

  // Where the retriever in use is due, or `drift` says why it is (""), and the budget allows. `gold`: what it may learn from. The report tells
  // what was done or why not.
  Status by_policy(const std::string& drift, const std::vector<evaluate::GoldQuestion>& gold, const train::Progress& progress, RefreshReport& report);
  bool done() const { return done_; }
  // Whether records changed since the last training: only then may another one help against a falling answer rate.
  bool may_help_now() const;
  // The candidate with what a round trained does not hold: the home's retriever becomes again that of the release in force.
  Status take_back(const Release& in_force, RefreshReport& report) const;

 private:
  struct Last {
    double seconds = -1, watt_hours = -1;
    Micros ended = 0;
    int64_t change = 0;
    std::string sha256;                // of what was adopted; "" = nothing was
  };
  Last last() const;
  Status keep(const Meter::Read& spent, const std::string& adopted) const;
  Result<std::string> due(const search::RetrieverModel& model, const Last& last) const;
  std::string over_budget(const Last& last) const;
  Result<std::string> train(const search::RetrieverModel& model, const std::vector<evaluate::GoldQuestion>& gold, const train::Progress& progress, RefreshReport& report) const;

  const archive::Archive& archive_;
  search::Searcher& searcher_;
  const RefreshSettings& settings_;
  bool done_ = false;
};

}  // namespace sillok::release
