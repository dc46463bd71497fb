// train: an organisation's own models, from its own records.
//
// Contents: settings of a run | tuning (adapters) | pretraining
//
// Main path of tuning: tune (tune.cc) -> read_dataset (dataset_chat.cc) -> read_network, add_adapters -> run_steps (tune_loop.cc):
// a batch of packed sequences forward and backward (autograd_decoder.cc), AdamW (optimiser.cc), checkpoints -> adapter files.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/base.h"

namespace sillok::train {

// ---------------------------------------------------------------------------------------------
// Settings of a run

enum class Schedule : uint8_t { kCosine, kWarmupStableDecay, kConstant };
struct ScheduleSettings {
  Schedule kind = Schedule::kCosine;
  double rate = 2e-4;         // the highest
  uint64_t warmup_steps = 0;
  double final_share = 0.1;   // of the rate, at the end
  double decay_share = 0.2;   // of the steps, for warm-up-stable-decay
};
struct OptimiserSettings {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double weight_decay = 0;    // on matrices
  bool eight_bit_state = false;
};
struct RunSettings {
  ScheduleSettings schedule;
  OptimiserSettings optimiser;
  double clip = 1;            // the largest norm of a step's gradient; 0: not limited
  uint64_t steps = 0;         // 0: as many as `epochs` need
  double epochs = 3;          // passes over the data
  uint32_t batch = 1;         // sequences of a step; their gradients are added up one after the other
  uint32_t context = 512;     // tokens of a sequence
  uint64_t seed = 1;
  uint64_t save_every = 50;   // steps from checkpoint to checkpoint
  uint32_t threads = 0;       // 0: one per core
  uint64_t kept_bytes = uint64_t{1} << 30;  // activations kept for the backward pass; the others are computed again
  bool resume = false;        // go on from the checkpoint in `out`, if there is one
};

// What a run tells after every step.
struct StepReport {
  uint64_t step = 0, steps = 0;   // `step` are done
  double loss = 0;                // mean over the step's targets
  double rate = 0, gradient_norm = 0;
  double tokens_per_s = 0, seconds_left = 0;
};
using StepProgress = std::function<void(const StepReport&)>;

struct RunReport {
  uint64_t steps = 0, resumed_from = 0;
  uint64_t examples = 0, cut_examples = 0, first_cut_line = 0;  // longer than the context, their ends left out
  uint64_t tokens = 0, targets = 0;  // of the data, once
  uint64_t trained_parameters = 0;
  double first_loss = 0, last_loss = 0;
  double seconds = 0, tokens_per_s = 0, processor_s = 0;  // of this process's steps
  std::vector<fs::path> files;
  std::string note;                  // what was left out and why, or ""
};

// ---------------------------------------------------------------------------------------------
// Tuning: low-rank pairs beside the frozen matrices of a model

struct LoraSettings {
  uint32_t rank = 16;
  double alpha = 32;
  std::vector<std::string> targets = {"q", "k", "v", "o", "gate", "up", "down"};  // "output" too
};
struct TuneOptions {
  fs::path model;  // GGUF; stays as it is, mapped, in its own types
  fs::path data;   // JSONL: {"messages":[{"role","content"},...]} or {"text"}
  fs::path out;    // a folder, made if need be: adapter.gguf, PEFT files, log.jsonl, checkpoint.bin
  LoraSettings lora;
  RunSettings run;
};
// kUnsupported for an architecture that cannot be trained, kInvalid for data (naming file and line) or settings that make no
// sense, kConflict where `out` holds an unfinished run and resume is not set, or the checkpoint is of another run.
Result<RunReport> tune(const TuneOptions& options, const StepProgress& progress = {});

// ---------------------------------------------------------------------------------------------
// Pretraining: a decoder of the Llama architecture from nothing

struct PretrainOptions {
  fs::path config;     // TOML: docs/TRAINING.md
  fs::path data;       // as for tuning, or plain text: a document a file
  fs::path tokenizer;  // GGUF whose tokenizer is used
  fs::path out;        // a folder: model.gguf, log.jsonl, checkpoint.bin
  uint32_t threads = 0;
  bool resume = false;
};
Result<RunReport> pretrain(const PretrainOptions& options, const StepProgress& progress = {});

}  // namespace sillok::train
