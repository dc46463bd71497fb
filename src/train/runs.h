// The home's list of training runs: how those that go on now are doing, and how the others ended.
//
// A run writes where --out says, and a server reads nothing outside its home; so a run keeps a short account of itself there:
//   home/models/training/lock            held while a run enters or leaves the list
//   home/models/training/ID/run.json     what is trained on what; "running", "finished" or "failed". Replaced atomically
//   home/models/training/ID/curve.jsonl  a point a line, the last one of the last step. Neighbours are merged as it grows
//   home/models/training/ID/lock         held by the process that runs: where nobody holds it, "running" means interrupted
//   OUT/run                              ID: what goes on with --resume is the same run. Not where OUT is a file
// What a run learned from is known by name, and its losses come of it: all of it carries the labels of the dataset.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "govern/govern.h"

namespace sillok::train {

// Where a run stood after a step. Seconds and joules count all of its processes, also steps that were lost by a kill.
struct RunPoint {
  uint64_t step = 0;
  double loss = 0;                 // mean of the steps since the point before; of a last point, of its step
  double rate = 0, tokens_per_s = 0;
  double seconds = 0, joules = 0, seconds_left = 0;
  bool energy_estimated = true;
};

enum class RunState : uint8_t { kRunning, kInterrupted, kFinished, kFailed };
std::string_view to_string(RunState state);

struct TrainingRun {
  std::string id;                   // "t20260301-093000-3fa9"
  std::string kind;                 // "tune", "dpo", "pretrain", "retriever"
  std::string base;                 // file name of the model that is tuned; "" = from nothing
  fs::path data, out;               // absolute
  std::vector<std::string> labels;  // of the dataset that the data is a file of; none: it is a file of no dataset
  std::string label;                // their join, where the dataset says it
  Micros started = 0, ended = 0;    // ended 0: it has not
  RunState state = RunState::kRunning;
  uint64_t steps = 0;
  uint32_t ranks = 1;
  std::string error;                // why it failed
  std::optional<RunPoint> last;     // none before the first step
  std::vector<RunPoint> curve;      // of load_run alone
};
// Newest first. An account that is damaged is left out and named in `problems`.
struct TrainingRuns {
  std::vector<TrainingRun> runs;
  std::vector<std::string> problems;
};
TrainingRuns list_runs(const fs::path& home);
inline constexpr size_t kShownPoints = 500;  // more than a screen shows
// With a curve of at most `most_points`, the last of them the last step's. kNotFound; kInvalid where the account is damaged.
Result<TrainingRun> load_run(const fs::path& home, std::string_view id, size_t most_points = kShownPoints);
// Whether the clearance dominates all that the run learns from. Others are not told that there is such a run.
bool may_see(const govern::Lattice& lattice, const govern::Clearance& clearance, const TrainingRun& run);
// As docs/API.md has it.
enum class Curve : uint8_t { kLeftOut, kTold };
std::string to_json(const TrainingRun& run, Curve curve);

// The account a run keeps of itself. Where there is no home at `home`, every call does nothing.
class RunAccount {
 public:
  // So many are listed; then the oldest that do not run are forgotten.
  static constexpr size_t kMostRuns = 100;

  // `run`: kind, base, data, out, labels, label and ranks. Nothing is written yet.
  void describe(const fs::path& home, TrainingRun run, bool resume);
  // The steps begin behind step `done` of `steps`. With `resume`, the run that OUT/run names goes on, and steps behind `done` are
  // taken back.
  void begin(uint64_t done, uint64_t steps);
  // `point`: seconds and joules of this process. At most kFlush_ms later it can be read.
  void add(RunPoint point);
  // Finished where `failure` is null.
  void end(const Error* failure);
  const std::string& id() const { return run_.id; }      // "" before begin, and where the run is on no list
  // Why the run is on no list, or no longer followed there; a run does not fail for that.
  const std::string& problem() const { return problem_; }

 private:
  Status enter(uint64_t done);
  Status keep_state(std::string_view state);
  Status keep_points(bool all);
  void check(const Status& status);

  fs::path home_, folder_;
  TrainingRun run_;
  std::vector<RunPoint> points_;
  std::string unwritten_;
  Micros flushed_ = 0;
  double earlier_seconds_ = 0, earlier_joules_ = 0;
  bool resume_ = false, open_ = false;
  FileLock lock_;
  std::string problem_;
};

// Merges neighbours until there are at most `most` points; the last stays the last.
std::vector<RunPoint> thinned(const std::vector<RunPoint>& points, size_t most);

}  // namespace sillok::train
