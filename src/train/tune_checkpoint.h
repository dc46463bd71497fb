// The state of a run in a file, from which it goes on bit for bit. Private to train.
//
// File, little-endian:
//   0   "SLKTRAIN"
//   8   u32 version, 1
//   12  u32 CRC-32C of everything behind it
//   16  u64 bytes of the fingerprint, the fingerprint
//   ..  u64 steps done, u64 steps of the run, f64 loss of the first step, f64 loss of the last
//   ..  every parameter's values as float32, in the order of the network
//   ..  the optimiser's state (Optimiser::save)
// Written beside the old one, synced and renamed over it: a kill at any moment leaves one whole checkpoint.
#pragma once

#include "train/optimiser.h"

namespace sillok::train {

struct CheckpointHead {
  std::string fingerprint;
  uint64_t step = 0, steps = 0;
  double first_loss = 0, last_loss = 0;
};

Status write_checkpoint(const fs::path& path, const CheckpointHead& head, const Optimiser::Parameters& parameters, const Optimiser& optimiser);
// The head alone; kNotFound if there is none, kInvalid if it is torn or of another kind.
Result<CheckpointHead> read_checkpoint_head(const fs::path& path);
// Sets parameters and optimiser. kConflict, naming the first setting that differs, if the fingerprint is another one.
Result<CheckpointHead> read_checkpoint(const fs::path& path, const std::string& fingerprint, Optimiser::Parameters& parameters, Optimiser& optimiser);

}  // namespace sillok::train
