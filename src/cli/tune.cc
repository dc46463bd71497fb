#include "cli/tune.h"

#include <algorithm>

#include "cli/model.h"
#include "train/train.h"

namespace sillok::cli {
namespace {

struct TuneArguments {
  std::string model, schedule = "cosine", method = "sft";
  train::TuneOptions options;
  double kept_megabytes = 1024;
};

std::string step_text(const train::StepReport& step) {
  char text[160];
  std::snprintf(text, sizeof text, "loss %.4f  rate %.2e  %.0f tokens/s", step.loss, step.rate, step.tokens_per_s);
  std::string all = text;
  if (step.preferences) {
    std::snprintf(text, sizeof text, "  right %.0f %%  margin %.3f", 100 * step.preferences->accuracy, step.preferences->margin);
    all += text;
  }
  std::snprintf(text, sizeof text, "  %.3g kJ%s", step.joules / 1000, step.energy_estimated ? " (estimated)" : "");
  return all + text;
}

Json step_json(const train::StepReport& step) {
  Json json = {{"step", step.step}, {"steps", step.steps}, {"loss", step.loss}, {"rate", step.rate}, {"tokens_per_s", step.tokens_per_s},
               {"seconds", step.seconds}, {"seconds_left", step.seconds_left}, {"joules", step.joules},
               {"energy", step.energy_estimated ? "estimated" : "measured"}};
  if (step.preferences) {
    json["reward_accuracy"] = step.preferences->accuracy;
    json["reward_margin"] = step.preferences->margin;
  }
  return json;
}

// On a terminal a line that is redrawn; otherwise, in a file or a pipe, a line now and then. With --json a line of JSON a step. All on
// standard error: standard output is the report's.
train::StepProgress show_steps(const std::string& what, bool as_json) {
  if (as_json) return [](const train::StepReport& step) { std::fprintf(stderr, "%s\n", step_json(step).dump().c_str()); };
  if (on_terminal(stderr)) {
    const auto line = std::make_shared<ProgressLine>(what);  // shared: a std::function must be copyable
    return [line](const train::StepReport& step) { line->show(step.step, step.steps, step_text(step)); };
  }
  return [what](const train::StepReport& step) {
    const uint64_t every = std::max<uint64_t>(1, step.steps / 20);
    if (step.step % every != 0 && step.step != step.steps && step.step != 1) return;
    std::fprintf(stderr, "%s: step %llu/%llu  %s  %.0f s left\n", what.c_str(), static_cast<unsigned long long>(step.step),
                 static_cast<unsigned long long>(step.steps), step_text(step).c_str(), step.seconds_left);
  };
}

Json report_json(const train::RunReport& r) {
  Json json;
  json["steps"] = r.steps;
  json["resumed_from"] = r.resumed_from;
  json["first_loss"] = r.first_loss;
  json["last_loss"] = r.last_loss;
  if (r.preferences) {
    json["reward_accuracy"] = r.preferences->accuracy;
    json["reward_margin"] = r.preferences->margin;
  }
  json["examples"] = r.examples;
  json["cut_examples"] = r.cut_examples;
  if (r.cut_examples > 0) json["first_cut_line"] = r.first_cut_line;
  json["tokens"] = r.tokens;
  json["targets"] = r.targets;
  json["trained_parameters"] = r.trained_parameters;
  json["seconds"] = r.seconds;
  json["processor_seconds"] = r.processor_s;
  json["tokens_per_s"] = r.tokens_per_s;
  json["joules"] = r.joules;
  json["energy"] = r.energy_estimated ? "estimated" : "measured";
  json["ranks"] = r.ranks;
  if (r.learned_from && !r.learned_from->label.empty()) json["label"] = r.learned_from->label;
  json["files"] = Json::array();
  for (const fs::path& file : r.files) json["files"].push_back(file.string());
  if (!r.note.empty()) json["note"] = r.note;
  if (!r.run.empty()) json["run"] = r.run;
  return json;
}

int print_report(const Common& common, const Result<train::RunReport>& report) {
  // Empty: rank 0 says it, and its status is the job's. A launcher that saw another rank fail first could stop rank 0 before it has.
  if (!report) return report.error().message.empty() ? 0 : report_error(report.error());
  if (train::launched_rank() != 0) return 0;
  if (common.json) {
    print_json(report_json(*report));
    return 0;
  }
  if (report->resumed_from > 0) std::printf("went on after step %llu\n", static_cast<unsigned long long>(report->resumed_from));
  std::printf("%llu examples, %llu tokens of which %llu are learned; %llu steps, loss %.4f -> %.4f\n",
              static_cast<unsigned long long>(report->examples), static_cast<unsigned long long>(report->tokens),
              static_cast<unsigned long long>(report->targets), static_cast<unsigned long long>(report->steps), report->first_loss,
              report->last_loss);
  std::printf("%.0f s, %.0f tokens/s, %.3g kJ%s\n", report->seconds, report->tokens_per_s, report->joules / 1000,
              report->energy_estimated ? " (estimated from processor time)" : "");
  if (report->cut_examples > 0) {
    std::printf("%llu conversations are longer than the context and lost their ends; the first is line %llu\n",
                static_cast<unsigned long long>(report->cut_examples), static_cast<unsigned long long>(report->first_cut_line));
  }
  for (const fs::path& file : report->files) std::printf("%s\n", file.c_str());
  if (report->learned_from && !report->learned_from->label.empty()) {
    std::printf("learned from records up to %s, and carries that label\n", report->learned_from->label.c_str());
  }
  if (!report->note.empty()) std::printf("%s\n", report->note.c_str());
  return 0;
}

// What was trained here on a dataset of the home is on its list of what was made of which records.
Status keep(const Common& common, std::string_view kind, const Result<train::RunReport>& report) {
  std::error_code error;
  if (!report || !report->learned_from || !fs::exists(common.home / "archive.db", error)) return {};
  return train::keep_trained(common.home, kind, report->files.front(), *report->learned_from);
}

int run_tune(const Common& common, TuneArguments arguments) {
  const auto model = find_model(common, arguments.model);
  if (!model) return train::launched_rank() == 0 ? report_error(model.error()) : 1;
  train::TuneOptions& options = arguments.options;
  options.model = *model;
  options.home = common.home;
  options.run.kept_bytes = static_cast<uint64_t>(arguments.kept_megabytes * 1048576);
  if (arguments.method == "dpo") options.method = train::Method::kPreferences;
  if (arguments.schedule == "wsd") options.run.schedule.kind = train::Schedule::kWarmupStableDecay;
  if (arguments.schedule == "constant") options.run.schedule.kind = train::Schedule::kConstant;
  const auto report = train::tune(options, show_steps("tune", common.json));
  if (const Status kept = keep(common, "adapter", report); !kept) return report_error(kept.error());
  return print_report(common, report);
}

int run_pretrain(const Common& common, train::PretrainOptions options) {
  options.home = common.home;
  const auto report = train::pretrain(options, show_steps("pretrain", common.json));
  if (const Status kept = keep(common, "model", report); !kept) return report_error(kept.error());
  return print_report(common, report);
}

void add_common_options(CLI::App* app, Common& common) {
  app->add_option("--home", common.home, "The home folder (default: $SILLOK_HOME or ./sillok-home)");
  app->add_flag("--json", common.json, "Print JSON");
}

void tune_options(CLI::App* tune, TuneArguments& a) {
  train::RunSettings& run = a.options.run;
  tune->add_option("-m,--model", a.model, "The GGUF file, or its name in the home's models/")->required();
  tune->add_option("--data", a.options.data, R"(JSONL: {"messages":[...]} or {"text":"..."}; of dpo {"prompt","chosen","rejected"})")->required()->check(CLI::ExistingFile);
  tune->add_option("--out", a.options.out, "The folder for the adapter and the run's checkpoint")->required();
  tune->add_option("--method", a.method, "sft: say what the data says; dpo: prefer what was chosen to what was rejected")
      ->check(CLI::IsMember({"sft", "dpo"}))->capture_default_str();
  tune->add_option("--beta", a.options.beta, "dpo: how dearly the adapter pays for leaving the base")->check(CLI::PositiveNumber)->capture_default_str();
  tune->add_option("--canaries", a.options.canaries, "Made-up secrets to learn too, to see later what the model gives away")->check(CLI::Range(0, 100000));
  tune->add_option("--canary-seed", a.options.canary_seed, "Seed of the secrets")->capture_default_str();
  tune->add_option("--rank", a.options.lora.rank, "Rank of the adapter")->check(CLI::Range(1, 4096))->capture_default_str();
  tune->add_option("--alpha", a.options.lora.alpha, "The adapter is added alpha / rank times")->check(CLI::PositiveNumber)->capture_default_str();
  tune->add_option("--targets", a.options.lora.targets, "Matrices: q,k,v,o,gate,up,down,output")->delimiter(',');
  tune->add_option("--steps", run.steps, "Steps (default: as many as --epochs need)")->check(CLI::PositiveNumber);
  tune->add_option("--epochs", run.epochs, "Passes over the data")->check(CLI::PositiveNumber)->capture_default_str();
  tune->add_option("--lr", run.schedule.rate, "The highest learning rate")->check(CLI::PositiveNumber)->capture_default_str();
  tune->add_option("--schedule", a.schedule, "How the rate falls")->check(CLI::IsMember({"cosine", "wsd", "constant"}))->capture_default_str();
  tune->add_option("--warmup", run.schedule.warmup_steps, "Steps over which the rate rises");
  tune->add_option("--batch", run.batch, "Sequences a step")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  tune->add_option("--context", run.context, "Tokens a sequence")->check(CLI::Range(2, 1 << 20))->capture_default_str();
  tune->add_option("--clip", run.clip, "The largest norm of a gradient; 0: not limited")->check(CLI::NonNegativeNumber)->capture_default_str();
  tune->add_option("--weight-decay", run.optimiser.weight_decay, "Pull of the adapter towards zero")->check(CLI::NonNegativeNumber);
  tune->add_flag("--8bit-state", run.optimiser.eight_bit_state, "Keep the optimiser's moments in 8 bits");
  tune->add_option("--seed", run.seed, "Seed of order and beginning")->capture_default_str();
  tune->add_option("--save-every", run.save_every, "Steps from checkpoint to checkpoint")->check(CLI::PositiveNumber)->capture_default_str();
  tune->add_option("--activations", a.kept_megabytes, "MB of activations kept; the others are computed again")->check(CLI::NonNegativeNumber)->capture_default_str();
  tune->add_option("--threads", run.threads, "Threads (default: one per core)")->check(CLI::Range(1, 1024));
  tune->add_option("--watts", run.watts, "What a busy core takes, where energy must be estimated (default: 8)")->check(CLI::PositiveNumber);
  tune->add_flag("--resume", run.resume, "Go on from the checkpoint in --out, if there is one");
}

}  // namespace

void define_tune(CLI::App& app, Common& common, std::function<int()>& verb) {
  const auto arguments = std::make_shared<TuneArguments>();  // shared by callbacks that outlive this call
  CLI::App* tune = app.add_subcommand("tune", "Train an adapter (LoRA) for a model on conversations and texts");
  add_common_options(tune, common);
  tune_options(tune, *arguments);
  tune->callback([&common, &verb, arguments] { verb = [&common, arguments] { return run_tune(common, *arguments); }; });

  const auto options = std::make_shared<train::PretrainOptions>();
  CLI::App* pretrain = app.add_subcommand("pretrain", "Train a small model from nothing");
  add_common_options(pretrain, common);
  pretrain->add_option("--config", options->config, "TOML: [model] and [training]")->required()->check(CLI::ExistingFile);
  pretrain->add_option("--data", options->data, "JSONL as for tune, or a text file")->required()->check(CLI::ExistingFile);
  pretrain->add_option("--tokenizer", options->tokenizer, "A GGUF file whose tokenizer is used (default: one is trained on the data)")->check(CLI::ExistingFile);
  pretrain->add_option("--out", options->out, "The folder for model.gguf and the run's checkpoint")->required();
  pretrain->add_option("--threads", options->threads, "Threads (default: one per core)")->check(CLI::Range(1, 1024));
  pretrain->add_flag("--resume", options->resume, "Go on from the checkpoint in --out, if there is one");
  pretrain->callback([&common, &verb, options] { verb = [&common, options] { return run_pretrain(common, *options); }; });
}

}  // namespace sillok::cli
