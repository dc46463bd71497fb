// Tuning: an adapter for a model, from conversations and texts.
#include <fstream>

#include "train/canaries.h"
#include "train/lora.h"
#include "train/tune_loop.h"

namespace sillok::train {
namespace {

// Read a piece at a time: a second mapping of the file would count as memory beside that of the weights.
Result<uint64_t> hash_of_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::string piece(size_t{1} << 20, '\0');
  uint64_t hash = 0;
  while (in.read(piece.data(), static_cast<std::streamsize>(piece.size())) || in.gcount() > 0) {
    hash = hash64({piece.data(), static_cast<size_t>(in.gcount())}, hash);
  }
  if (!in.eof()) return fail(ErrorCode::kIo, path.string() + ": cannot be read");
  return hash;
}

Result<RunReport> tune_with(Ranks& ranks, const TuneOptions& options, RunAccount& account, const StepProgress& progress) {
  const RunSettings& settings = options.run;
  SILLOK_ASSIGN(const std::shared_ptr<const model::Gguf> file, model::Gguf::open(options.model));
  auto network = read_network<float>(file, settings.context);
  if (!network) return fail(network.error().in(options.model.string()));
  auto tokenizer = model::Tokenizer::from(*file);
  if (!tokenizer) return fail(tokenizer.error().in(options.model.string()));
  if ((*tokenizer)->size() != network->decoder.shape.vocabulary) {
    return fail(ErrorCode::kInvalid, options.model.string() + ": the tokenizer and the embedding are of different sizes");
  }
  SILLOK_TRY(add_adapters(*network, options.lora, settings.seed));
  SILLOK_ASSIGN(const std::optional<Made> learned_from, dataset_of(options.data));
  const bool preferences = options.method == Method::kPreferences;
  if (preferences && !(options.beta > 0)) return fail(ErrorCode::kInvalid, "beta must be positive");
  if (preferences && options.canaries > 0) return fail(ErrorCode::kInvalid, "canaries are texts, and preferences have none to learn: tune without --canaries");
  SILLOK_ASSIGN(Dataset dataset,
                read_dataset(options.data, *file, **tokenizer, settings.context, preferences ? Lines::kPreferences : Lines::kExamples));
  const std::vector<Canary> canaries = make_canaries(options.canaries, options.canary_seed);
  SILLOK_TRY(plant(canaries, *file, **tokenizer, settings.context, dataset));
  SILLOK_ASSIGN(const std::optional<FileLock> lock, open_run_folder(ranks, options.out, settings.resume));

  Fingerprint fingerprint;
  fingerprint.add("data", dataset.digest);
  SILLOK_ASSIGN(const uint64_t model_hash, hash_of_file(options.model));
  fingerprint.add("model", model_hash);
  fingerprint.add("rank", options.lora.rank);
  fingerprint.add("alpha", options.lora.alpha);
  for (const std::string& target : options.lora.targets) fingerprint.add("target", target);
  if (preferences) fingerprint.add("preferences, beta", options.beta);
  if (options.canaries > 0) fingerprint.add("canaries, seed", std::to_string(options.canaries) + ", " + std::to_string(options.canary_seed));
  fingerprint.add(settings);

  Workers workers(ranks.threads(settings.threads));
  SequenceStream stream(dataset, settings.context, settings.seed);
  TrainingRun described = account_of(ranks, preferences ? "dpo" : "tune", options.data, options.out, learned_from);
  described.base = options.model.filename();
  account.describe(options.home, std::move(described), settings.resume);
  SILLOK_ASSIGN(RunReport report, run_steps({ranks, *network, workers, stream, settings, options.out, fingerprint, preferences ? options.beta : 0, &account}, progress));
  if (!ranks.first()) return report;
  SILLOK_ASSIGN(const SavedAdapter saved, save_adapters(*network, options.lora, options.model.filename().string(), options.out));
  report.files = {options.out / "adapter.gguf"};
  report.learned_from = learned_from;
  if (learned_from && !learned_from->label.empty()) SILLOK_TRY(write_file_atomic(options.out / "adapter.gguf.label", learned_from->label + "\n"));
  if (options.canaries > 0) {
    SILLOK_TRY(write_canaries(options.out, canaries));
    report.files.push_back(options.out / "canaries.jsonl");
  }
  if (saved.peft_refusal.empty()) {
    report.files.push_back(options.out / "adapter_model.safetensors");
    report.files.push_back(options.out / "adapter_config.json");
  } else {
    report.note = "no PEFT files: " + saved.peft_refusal;
  }
  describe(dataset, report);
  return report;
}

}  // namespace

Result<RunReport> tune(const TuneOptions& options, const StepProgress& progress) {
  SILLOK_ASSIGN(const std::unique_ptr<Ranks> ranks, Ranks::join());
  RunAccount account;
  return end_of(account, ranks->together([&] { return tune_with(*ranks, options, account, progress); }));
}

}  // namespace sillok::train
