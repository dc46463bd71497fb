// The steps of a run, and its checkpoints. Private to train.
#pragma once

#include <sstream>

#include "train/autograd_decoder.h"
#include "train/dataset_chat.h"
#include "train/optimiser.h"
#include "train/ranks.h"
#include "train/train.h"

namespace sillok::train {

// Everything that decides what a run computes, as lines "name = value": a checkpoint goes on only under the same.
class Fingerprint {
 public:
  template <typename V>
  void add(std::string_view name, const V& value) {
    std::ostringstream line;
    line.precision(17);
    line << name << " = " << value << '\n';
    text_ += line.str();
  }
  void add(const RunSettings& run);
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// A lock on the folder of a run, made if need be, held by rank 0 for all; kConflict if another process trains there, or an unfinished run lies there
// and `resume` is not set.
Result<std::optional<FileLock>> open_run_folder(const Ranks& ranks, const fs::path& folder, bool resume);

// Trains every parameter of `network` on the stream: steps, log.jsonl and checkpoint.bin in `folder`. The settings' `steps` is
// resolved by resolve_steps. The same settings give the same bits, interrupted or not, for any number of threads.
struct Run {
  Ranks& ranks;
  Network<float>& network;
  Workers& workers;
  SequenceStream& stream;
  const RunSettings& settings;
  const fs::path& folder;
  const Fingerprint& fingerprint;
  double preference_beta = 0;  // positive: the sequences are pairs of answers, and the loss is that of preference.h
  RunAccount* account = nullptr;  // described; rank 0 begins it and adds every step
};
Result<RunReport> run_steps(const Run& run, const StepProgress& progress);

// The steps that `settings` ask for: as given, or what the epochs need. kInvalid for settings that make no sense.
Result<uint64_t> resolve_steps(const RunSettings& settings, const SequenceStream& stream);

// What the home's list says of a run that learns from a file of this dataset.
TrainingRun account_of(const Ranks& ranks, std::string kind, const fs::path& data, const fs::path& out, const std::optional<Made>& learned_from);
// The run is over: the account says how it ended, the report which one it is.
Result<RunReport> end_of(RunAccount& account, Result<RunReport> report);

}  // namespace sillok::train
