// train: an organisation's own models, from its own records.
//
// Contents: what was made | settings of a run | tuning (adapters) | pretraining | label ceiling | datasets | tokenizers |
//           retrievers | leakage (canary.h) | the home's list of training runs (runs.h) | proposed questions (proposals.h)
//
// Main path of tuning: tune (tune.cc) -> read_dataset (dataset_chat.cc) -> read_network, add_adapters -> run_steps (tune_loop.cc):
// a batch of packed sequences forward and backward (autograd_decoder.cc), AdamW (optimiser.cc), checkpoints -> adapter files.
//
// Whatever is learned from records carries the join of their labels, and is learned only from labels up to a ceiling that
// its maker names: the lowest label of the home unless told otherwise.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "archive/archive.h"
#include "base/base.h"
#include "search/search.h"
#include "train/canary.h"
#include "train/gold_file.h"
#include "train/proposals.h"
#include "train/runs.h"

namespace sillok::train {

// ---------------------------------------------------------------------------------------------
// What was made of which versions (lineage.cc): home/models/made.jsonl, one line each

struct Made {
  std::string kind;                 // "dataset", "tokenizer", "retriever", "adapter", "model"
  fs::path path;
  std::string hash;                 // SHA-256 of the file, of a dataset's manifest
  std::vector<std::string> labels;  // that occur among what it was made from
  std::vector<int64_t> versions;    // ascending
  Micros time = 0;
  std::string label = {};           // the labels' join, where the file says it
};
// Adds a line; one with the same hash is replaced.
Status keep_made(const fs::path& home, const Made& made);
// Oldest first; empty where nothing was made. kInvalid for a damaged file, naming the line.
Result<std::vector<Made>> all_made(const fs::path& home);
// A file trained on a file of that dataset is kept as made from its versions.
Status keep_trained(const fs::path& home, std::string_view kind, const fs::path& file, Made learned_from);
// Made from any version of the record, which may have been erased: what is to be made anew without it.
Result<std::vector<Made>> made_from(const archive::Archive& archive, std::string_view record);
// Why it should be made anew: versions erased, no longer in force, not in this archive, or with a label it does not carry.
std::vector<std::string> stale_versions(const archive::Archive& archive, const Made& made);
// The same of a dataset's manifest or a retriever, by what the file itself says.
Result<std::vector<std::string>> stale_records(const archive::Archive& archive, const fs::path& manifest_or_model);
// The dataset that a file of examples belongs to: the manifest.json beside it lists it with this hash. Nothing if there is none;
// kInvalid where there is one and the file was changed since.
Result<std::optional<Made>> dataset_of(const fs::path& file);

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
  double watts = 0;           // of a busy core, where energy must be estimated; 0: power::EnergyMeter's own
};

// How well a model tells preferred answers from rejected ones. The reward of an answer is beta times how much likelier the tuned
// model finds it than the base; the margin of a pair is the chosen answer's reward less the other's.
struct Preferences {
  double accuracy = 0;  // share of pairs with a positive margin
  double margin = 0;    // mean
};
// What a run tells after every step.
struct StepReport {
  uint64_t step = 0, steps = 0;   // `step` are done
  double loss = 0;                // mean over the step's targets
  double rate = 0, gradient_norm = 0;
  double tokens_per_s = 0, seconds_left = 0;
  double seconds = 0, joules = 0;    // of this process's steps so far; joules of all ranks
  bool energy_estimated = true;      // from processor time: there is no meter that may be read
  std::optional<Preferences> preferences;  // of the step's pairs
};
using StepProgress = std::function<void(const StepReport&)>;

struct RunReport {
  uint64_t steps = 0, resumed_from = 0;
  uint64_t examples = 0, cut_examples = 0, first_cut_line = 0;  // longer than the context, their ends left out
  uint64_t tokens = 0, targets = 0;  // of the data, once
  uint64_t trained_parameters = 0;
  double first_loss = 0, last_loss = 0;
  std::optional<Preferences> preferences;  // of the last step that this process made
  double seconds = 0, tokens_per_s = 0, processor_s = 0;  // of this process's steps
  double joules = 0;                 // of all ranks
  bool energy_estimated = true;
  uint32_t ranks = 1;                // processes that shared the run
  std::vector<fs::path> files;
  std::optional<Made> learned_from;  // the dataset (train data) that the data is a file of: what was trained carries its label
  std::string note;                  // what was left out and why, or ""
  std::string run;                   // its id in the home's list (runs.h); "" = it is on none
};

// Which of the processes that mpirun or srun started this one is; 0 where it is alone. `tune` and `pretrain` share each step's
// sequences out among them, and rank 0 alone writes and reports progress. A failure has its message on rank 0 and an empty one on
// the others.
uint32_t launched_rank();

// ---------------------------------------------------------------------------------------------
// Tuning: low-rank pairs beside the frozen matrices of a model

struct LoraSettings {
  uint32_t rank = 16;
  double alpha = 32;
  std::vector<std::string> targets = {"q", "k", "v", "o", "gate", "up", "down"};  // "output" too
};
enum class Method : uint8_t { kSupervised, kPreferences };
struct TuneOptions {
  fs::path model;  // GGUF; stays as it is, mapped, in its own types
  fs::path data;   // JSONL: {"messages":[{"role","content"},...]} or {"text"}; of preferences {"prompt","chosen","rejected"}
  fs::path out;    // a folder, made if need be: adapter.gguf, PEFT files, log.jsonl, checkpoint.bin
  Method method = Method::kSupervised;
  double beta = 0.1;  // of preferences: how dearly the adapter pays for leaving the base
  uint32_t canaries = 0;     // made-up secrets learned with the data, listed in canaries.jsonl of `out`; not with preferences
  uint64_t canary_seed = 1;
  LoraSettings lora;
  RunSettings run;
  fs::path home;   // on whose list the run is (runs.h); "" or no home there: on none
};
// kUnsupported for an architecture that cannot be trained, kInvalid for data (naming file and line) or settings that make no
// sense, kConflict where `out` holds an unfinished run and resume is not set, or the checkpoint is of another run.
Result<RunReport> tune(const TuneOptions& options, const StepProgress& progress = {});

// ---------------------------------------------------------------------------------------------
// Pretraining: a decoder of the Llama architecture from nothing

struct PretrainOptions {
  fs::path config;     // TOML: docs/TRAINING.md
  fs::path data;       // as for tuning, or plain text: a document a file
  fs::path tokenizer;  // GGUF whose tokenizer is used; empty: one is trained on the data, out/tokenizer.gguf
  fs::path out;        // a folder: model.gguf, log.jsonl, checkpoint.bin
  uint32_t threads = 0;
  bool resume = false;
  fs::path home;       // as for tuning
};
Result<RunReport> pretrain(const PretrainOptions& options, const StepProgress& progress = {});
// ---------------------------------------------------------------------------------------------
// Label ceiling

// What may be learned from is what this clearance sees; "" = the lowest level, no groups. kInvalid for a label the home does
// not know.
Result<govern::Clearance> label_ceiling(const archive::Archive& archive, std::string_view text);

using Progress = std::function<void(std::string_view what, uint64_t done, uint64_t total)>;  // may be empty

// ---------------------------------------------------------------------------------------------
// Datasets: curated text of the records in force (data.cc)

struct DataOptions {
  std::string ceiling;         // see label_ceiling
  fs::path gold;               // JSONL of gold questions whose evidence and near-copies are left out; empty: none
  bool instructions = false;   // lessons {"messages"} of how to answer from evidence, instead of texts
  fs::path taught;             // with instructions: JSONL of gold questions to teach with; empty: none
  fs::path measured;           // with instructions: the home's gold questions; no confirmed pair near one is taught
  fs::path out;                // folder, made; its files are replaced
  uint64_t seed = 1;
  double near_duplicate = 0.8;  // passages whose estimated Jaccard similarity of 5-character shingles is this or more
  uint32_t min_characters = 40;  // shorter passages say too little to learn from
  double min_letters = 0.5;      // share of letters among what is not white space: tables of numbers, OCR noise
  double max_repeated = 0.5;     // share of lines that occur more than once: page furniture
  std::vector<std::string> scripts;  // "hangul", "latin" ...: most letters must be of one of them; empty: any
  double validation = 0.05, test = 0.05;  // shares of records, not passages: a record is never in two splits
};
struct DataStep {
  std::string name;      // what the step leaves out
  uint64_t passages = 0;  // left after it
  uint64_t bytes = 0;
};
struct DataReport {
  std::vector<DataStep> steps;  // in order; the first is all passages in force
  std::map<std::string, uint64_t> splits;  // passages or lessons of train, validation, test
  std::map<std::string, uint64_t> lessons;  // by source: "gold", "confirmed", "heading", "link", "no answer"
  std::vector<std::string> labels;  // of the passages in it, least sensitive first
  std::string label;     // their join: what the dataset carries
  std::string hash;      // SHA-256 of the manifest
  fs::path manifest;
};
// Writes train.jsonl, validation.jsonl and test.jsonl of {"text","title","record","version","label"}, or of {"messages","source",
// "record","label"}: a question, passages and the sentences that answer it, cited, in the very turns in which a model is asked to
// write (answer::writing_prompt). Questions are gold ones, proposed ones that a person confirmed, made from headings and from links; some have no answer in what is shown.
// Personal data is masked. And manifest.json with options, yields, the hash of each file and the records with their versions: what erasing a record has to look through.
// The same archive, options and seed give the same bytes.
Result<DataReport> make_dataset(const archive::Archive& archive, const search::Searcher& searcher, const DataOptions& options,
                                const Progress& progress);

// ---------------------------------------------------------------------------------------------
// Tokenizers (tokenizer.cc)

struct TokenizerOptions {
  std::string ceiling;
  fs::path out;               // "PATH/NAME": NAME.model, NAME.gguf, NAME.vocab and NAME.json are written
  std::string kind = "unigram";  // or "bpe"
  uint32_t vocabulary = 8000;
  fs::path compared;          // a SentencePiece model to compare with; empty: none
  uint64_t max_bytes = 256ull << 20;  // of text that is learned from
};
struct TokenizerReport {
  uint64_t sentences = 0, bytes = 0, held_out_bytes = 0;
  uint32_t vocabulary = 0;
  double bytes_per_token = 0;           // of held-out text
  double compared_bytes_per_token = 0;  // 0: not compared
  std::vector<std::string> labels;
  std::vector<int64_t> versions;
  std::string hash;
};
Result<TokenizerReport> train_tokenizer(const archive::Archive& archive, const search::Searcher& searcher, const TokenizerOptions& options);

// ---------------------------------------------------------------------------------------------
// Retrievers (retriever.cc)

// A question and the records that answer it.
struct TrainingQuestion {
  std::string question;
  std::vector<std::string> records;
  std::string group;  // questions of a group stay together when figures are cross-validated; "" = its first record
};

struct RetrieverOptions {
  std::string ceiling;
  std::vector<TrainingQuestion> gold;  // none: self-supervised pairs only
  uint32_t folds = 5;
  uint64_t seed = 1;
  uint32_t threads = 2;
  bool adopt = true;   // false: measure only
  double budget_seconds = 0, budget_joules = 0;  // kLimit where it takes more, and nothing of it is kept; 0: as much as it takes
  double watts = 0;    // of a busy core, for joules where the machine has no meter; 0: power::EnergyMeter's
};
struct RetrieverFigures {
  double recall_at_1 = 0, recall_at_5 = 0, mrr_10 = 0;  // percent, over the questions measured
};
struct RetrieverReport {
  uint64_t passages = 0, pairs = 0;
  uint64_t questions = 0;    // measured: gold ones by a model that has not seen their group, else made-up held-out ones
  uint64_t left_out = 0;     // gold questions whose records are above the ceiling, not in force or unknown
  std::string measured_on;   // "gold questions, 5-fold cross-validation by group" or "held-out titles and sentences"
  RetrieverFigures lexical, trained;
  double share = 0, cosine_weight = 0;  // as fitted
  double encoder_seconds = 0, seconds = 0;
  std::vector<std::string> labels;
  std::string hash, reason;  // reason: why it was adopted or not
  std::string run;           // its id on the home's list of runs; "" where it is not there
  std::string note;          // why not
  bool adopted = false;
};
// Trains on what is in force under the ceiling; adopted, by replacing home/models/retriever.sillok, only where the questions
// measured are found no worse than without it. The searcher goes on with the model if it was adopted, else with what the home
// has. Deterministic by seed. On the home's list of runs (runs.h) as kind "retriever".
Result<RetrieverReport> train_retriever(const archive::Archive& archive, search::Searcher& searcher, const RetrieverOptions& options,
                                        const Progress& progress);

}  // namespace sillok::train
