#include "train/tune_loop.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <fstream>

#include "power/power.h"
#include "train/preference.h"
#include "train/tune_checkpoint.h"

namespace sillok::train {
namespace {

constexpr const char *kCheckpoint = "checkpoint.bin", *kLog = "log.jsonl";

double processor_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// A line a step. What an interrupted run wrote behind its last checkpoint is taken back, as the run itself is.
class Log {
 public:
  static Result<Log> open(const fs::path& path, uint64_t steps_kept) {
    std::string kept;
    if (const auto bytes = read_file(path); bytes && steps_kept > 0) {
      uint64_t count = 0;
      for (const std::string_view line : split(*bytes, '\n')) {
        if (count++ == steps_kept) break;
        kept += std::string(line) + "\n";
      }
    }
    SILLOK_TRY(write_file_atomic(path, kept));
    Log log;
    log.path_ = path;
    log.out_.open(path, std::ios::app);
    return log;
  }
  Status add(const StepReport& r) {
    std::ostringstream line;
    line.precision(9);
    line << R"({"step":)" << r.step << R"(,"loss":)" << r.loss << R"(,"rate":)" << r.rate << R"(,"gradient_norm":)" << r.gradient_norm
         << R"(,"tokens_per_s":)" << r.tokens_per_s << R"(,"seconds":)" << r.seconds << R"(,"seconds_left":)" << r.seconds_left
         << R"(,"joules":)" << r.joules << R"(,"energy":")" << (r.energy_estimated ? "estimated" : "measured") << '"';
    if (r.preferences) line << R"(,"reward_accuracy":)" << r.preferences->accuracy << R"(,"reward_margin":)" << r.preferences->margin;
    line << "}\n";
    out_ << line.str() << std::flush;
    if (!out_) return fail(ErrorCode::kIo, path_.string() + ": cannot be written; is the disk full?");
    return {};
  }

 private:
  fs::path path_;
  std::ofstream out_;
};

class Steps {
 public:
  explicit Steps(const Run& run)
      : run_(run), pass_(run.network, run.workers, {static_cast<size_t>(run.settings.kept_bytes)}),
        optimiser_(run.network.parameters, run.settings.optimiser, run.workers),
        meter_(run.settings.watts > 0 ? run.settings.watts : power::EnergyMeter::kWattsPerCore) {
    head_.fingerprint = run.fingerprint.text();
  }

  Result<RunReport> go(const StepProgress& progress) {
    SILLOK_ASSIGN(head_.steps, resolve_steps(run_.settings, run_.stream));
    SILLOK_TRY(resume());
    SILLOK_TRY(run_.ranks.same(hash64(head_.fingerprint, head_.step), "other data, settings, another model or checkpoint"));
    std::optional<Log> log;
    if (run_.ranks.first()) {
      SILLOK_ASSIGN(log, Log::open(run_.folder / kLog, head_.step));
      if (run_.account != nullptr) run_.account->begin(head_.step, head_.steps);
    }
    RunReport report;
    report.ranks = static_cast<uint32_t>(run_.ranks.count());
    report.steps = head_.steps;
    report.resumed_from = head_.step;
    for (const auto& parameter : run_.network.parameters) report.trained_parameters += parameter->value.size();
    const auto start = std::chrono::steady_clock::now();
    const double processor_start = processor_seconds();
    while (head_.step < head_.steps) {
      StepReport step;
      SILLOK_TRY(one(step));
      SILLOK_TRY(add_energy(step, report));
      step.step = ++head_.step;
      step.steps = head_.steps;
      head_.last_loss = step.loss;
      if (head_.step == 1) head_.first_loss = step.loss;
      const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      const auto here = static_cast<double>(head_.step - report.resumed_from);
      report.seconds = step.seconds = seconds;
      report.tokens_per_s = step.tokens_per_s = static_cast<double>(rows_) / seconds;
      step.seconds_left = seconds / here * static_cast<double>(head_.steps - head_.step);
      report.preferences = step.preferences;
      if (!run_.ranks.first()) continue;
      SILLOK_TRY(log->add(step));
      if (run_.account != nullptr) {
        run_.account->add({step.step, step.loss, step.rate, step.tokens_per_s, step.seconds, step.joules, step.seconds_left, step.energy_estimated});
      }
      if (progress) progress(step);
      if (head_.step % run_.settings.save_every == 0 || head_.step == head_.steps) {
        SILLOK_TRY(write_checkpoint(run_.folder / kCheckpoint, head_, run_.network.parameters, optimiser_));
      }
    }
    report.processor_s = processor_seconds() - processor_start;
    SILLOK_TRY(run_.ranks.sum(std::span(&report.processor_s, 1)));
    report.first_loss = head_.first_loss;
    report.last_loss = head_.last_loss;
    return report;
  }

 private:
  Status resume() {
    const fs::path path = run_.folder / kCheckpoint;
    if (!run_.settings.resume || !fs::exists(path)) return {};
    SILLOK_ASSIGN(const CheckpointHead found, read_checkpoint(path, head_.fingerprint, run_.network.parameters, optimiser_));
    head_ = found;
    run_.stream.skip(head_.step * run_.settings.batch);
    return {};
  }

  // The gradient of the mean loss over the targets, or pairs, of `batch` sequences, and a step along it.
  Status one(StepReport& report) {
    std::vector<Sequence> sequences;
    size_t shares = 0;
    for (uint32_t i = 0; i < run_.settings.batch; ++i) {
      sequences.push_back(run_.stream.next());
      const auto& all = sequences.back().targets;
      shares += run_.preference_beta > 0 ? sequences.back().begins.size() / 2
                                         : all.size() - static_cast<size_t>(std::count(all.begin(), all.end(), kNoTarget));
      rows_ += all.size();
    }
    run_.network.zero_gradients();
    PreferenceSums sums;
    const size_t ranks = run_.ranks.count(), rank = run_.ranks.rank();
    for (size_t i = sequences.size() * rank / ranks; i < sequences.size() * (rank + 1) / ranks; ++i) {
      add(sequences[i], 1 / static_cast<double>(shares), sums);
    }
    SILLOK_TRY(add_up(sums));
    report.loss = sums.loss / static_cast<double>(shares);
    if (run_.preference_beta > 0) report.preferences = {sums.right / static_cast<double>(shares), sums.margin / static_cast<double>(shares)};
    report.gradient_norm = optimiser_.gradient_norm();
    if (!std::isfinite(report.loss) || !std::isfinite(report.gradient_norm)) {
      return tl::unexpected<Error>(Error{ErrorCode::kInvalid, "the loss of step " + std::to_string(head_.step + 1) +
                                                                  " is no finite number; take a lower --lr"});
    }
    report.rate = learning_rate_at(run_.settings.schedule, head_.step, head_.steps);
    const double clip = run_.settings.clip;
    optimiser_.step(report.rate, clip > 0 && report.gradient_norm > clip ? clip / report.gradient_norm : 1);
    return {};
  }

  // A machine with several ranks has one meter, which each of them reads: it counts once.
  Status add_energy(StepReport& step, RunReport& report) {
    const double here = meter_.joules();
    std::array<double, 2> values = {meter_.estimated() ? here : here / run_.ranks.local_count(), meter_.estimated() ? 1.0 : 0.0};
    SILLOK_TRY(run_.ranks.sum(values));
    step.joules = report.joules = values[0];
    step.energy_estimated = report.energy_estimated = values[1] > 0;
    return {};
  }

  // The sums of all ranks, each over its part of the step's sequences.
  Status add_up(PreferenceSums& sums) {
    std::array<double, 3> values = {sums.loss, sums.margin, sums.right};
    SILLOK_TRY(run_.ranks.sum(values));
    sums = {values[0], values[1], values[2]};
    std::vector<std::span<float>> gradients;
    for (const auto& parameter : run_.network.parameters) gradients.emplace_back(parameter->gradient);
    return run_.ranks.sum(gradients);
  }

  void add(const Sequence& sequence, double weight, PreferenceSums& sums) {
    if (run_.preference_beta <= 0) {
      sums.loss += pass_.loss_and_gradient(sequence, static_cast<float>(weight));
      return;
    }
    const PreferenceSums more = preference_loss_and_gradient(pass_, sequence, run_.preference_beta, weight);
    sums.loss += more.loss;
    sums.margin += more.margin;
    sums.right += more.right;
  }

  Run run_;
  DecoderPass<float> pass_;
  Optimiser optimiser_;
  CheckpointHead head_;
  power::EnergyMeter meter_;
  uint64_t rows_ = 0;  // tokens gone through by this process
};

}  // namespace

// Not `threads`, `kept_bytes` and `save_every`: they change no bit.
void Fingerprint::add(const RunSettings& run) {
  add("schedule", static_cast<int>(run.schedule.kind));
  add("rate", run.schedule.rate);
  add("warm-up steps", run.schedule.warmup_steps);
  add("final share", run.schedule.final_share);
  add("decay share", run.schedule.decay_share);
  add("beta1", run.optimiser.beta1);
  add("beta2", run.optimiser.beta2);
  add("epsilon", run.optimiser.epsilon);
  add("weight decay", run.optimiser.weight_decay);
  add("8-bit state", run.optimiser.eight_bit_state);
  add("clip", run.clip);
  add("steps", run.steps);
  add("epochs", run.epochs);
  add("batch", run.batch);
  add("context", run.context);
  add("seed", run.seed);
}

Result<std::optional<FileLock>> open_run_folder(const Ranks& ranks, const fs::path& folder, bool resume) {
  if (!ranks.first()) return std::nullopt;
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return fail(ErrorCode::kIo, folder.string() + ": cannot be made: " + error.message());
  auto lock = FileLock::acquire(folder / "lock", 0);
  if (!lock) return fail(lock.error().in(folder.string() + ": another process trains there"));
  if (resume || !fs::exists(folder / kCheckpoint)) return std::optional<FileLock>(std::move(*lock));
  const auto head = read_checkpoint_head(folder / kCheckpoint);
  if (!head) return fail(head.error());
  if (head->step < head->steps) {
    return fail(ErrorCode::kConflict, folder.string() + ": holds a run interrupted after " + std::to_string(head->step) + " of " +
                                          std::to_string(head->steps) + " steps; go on with --resume, or give another --out");
  }
  return std::optional<FileLock>(std::move(*lock));
}

Result<uint64_t> resolve_steps(const RunSettings& s, const SequenceStream& stream) {
  if (s.batch == 0 || s.save_every == 0) return fail(ErrorCode::kInvalid, "a batch, and the steps from checkpoint to checkpoint, are at least 1");
  if (!(s.schedule.rate > 0) || !std::isfinite(s.schedule.rate)) return fail(ErrorCode::kInvalid, "the learning rate must be positive");
  if (s.steps > 0) return s.steps;
  if (!(s.epochs > 0)) return fail(ErrorCode::kInvalid, "neither steps nor epochs are given");
  return (stream.count(s.epochs) + s.batch - 1) / s.batch;
}

TrainingRun account_of(const Ranks& ranks, std::string kind, const fs::path& data, const fs::path& out, const std::optional<Made>& learned_from) {
  TrainingRun run;
  run.kind = std::move(kind);
  run.data = data;
  run.out = out;
  run.ranks = static_cast<uint32_t>(ranks.count());
  if (learned_from) run.labels = learned_from->labels, run.label = learned_from->label;
  return run;
}

Result<RunReport> end_of(RunAccount& account, Result<RunReport> report) {
  account.end(report ? nullptr : &report.error());
  if (!report) return report;
  report->run = account.id();
  if (!account.problem().empty()) report->note += (report->note.empty() ? "" : "; ") + account.problem();
  return report;
}

Result<RunReport> run_steps(const Run& run, const StepProgress& progress) { return Steps(run).go(progress); }

}  // namespace sillok::train
