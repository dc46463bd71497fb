// `sillok train runs`: how training is going, and how it went.
#include "cli/actor.h"
#include "cli/train.h"
#include "train/train.h"

namespace sillok::cli {
namespace {

struct RunsArguments {
  std::string id, as;
};

std::string time_text(double seconds) {
  const auto minutes = static_cast<long long>(seconds / 60);
  if (minutes < 1) return std::to_string(static_cast<long long>(seconds)) + " s";
  return minutes < 120 ? std::to_string(minutes) + " min" : std::to_string(minutes / 60) + " h " + std::to_string(minutes % 60) + " min";
}

void print_run(const train::TrainingRun& run) {
  const bool anew = run.kind == "retriever";
  const std::string what = run.base.empty() ? run.kind : run.kind + " " + run.base;
  std::printf("%s  %-11s  %s on %s\n", run.id.c_str(), std::string(train::to_string(run.state)).c_str(), what.c_str(), run.data.filename().c_str());
  if (run.last) {
    std::printf("    step %llu of %llu, loss %.4f, %.0f %s/s, %s, %.3g kJ%s", static_cast<unsigned long long>(run.last->step),
                static_cast<unsigned long long>(run.steps), run.last->loss, run.last->tokens_per_s, anew ? "terms" : "tokens", time_text(run.last->seconds).c_str(),
                run.last->joules / 1000, run.last->energy_estimated ? " (estimated)" : "");
    if (run.state == train::RunState::kRunning) std::printf(", %s left", time_text(run.last->seconds_left).c_str());
    std::printf("\n");
  }
  if (run.state == train::RunState::kInterrupted && anew) std::printf("    nothing of it is kept; the same command begins it anew\n");
  else if (run.state == train::RunState::kInterrupted) std::printf("    goes on with the same command and --resume; it writes to %s\n", run.out.c_str());
  if (!run.error.empty()) std::printf("    %s\n", run.error.c_str());
}

int run_train_runs(const Common& common, const RunsArguments& arguments) {
  const auto archive = archive::Archive::open(common.home);
  if (!archive) return report_error(archive.error());
  const auto actor = open_actor(common.home, arguments.as);
  if (!actor) return report_error(actor.error());
  const auto seen = [&](const train::TrainingRun& run) {
    return !actor->person || train::may_see(archive->settings().lattice, actor->person->clearance, run);
  };
  if (!arguments.id.empty()) {
    auto run = train::load_run(common.home, arguments.id);
    if (run && !seen(*run)) run = fail(ErrorCode::kNotFound, "there is no training run '" + arguments.id + "'");
    if (!run) return report_error(run.error());
    if (common.json) print_json(Json::parse(train::to_json(*run, train::Curve::kTold)));
    else print_run(*run);
    return 0;
  }
  train::TrainingRuns list = train::list_runs(common.home);
  std::erase_if(list.runs, [&](const train::TrainingRun& run) { return !seen(run); });
  Json json = {{"runs", Json::array()}};
  for (const train::TrainingRun& run : list.runs) {
    if (common.json) json["runs"].push_back(Json::parse(train::to_json(run, train::Curve::kLeftOut)));
    else print_run(run);
  }
  for (const std::string& problem : list.problems) std::fprintf(stderr, "note: %s\n", problem.c_str());
  if (common.json) print_json(json);
  else if (list.runs.empty()) std::printf("Nothing was trained with this home yet; sillok tune --help says how to begin\n");
  return 0;
}

}  // namespace

void define_train_runs(CLI::App& train, Common& common, std::function<int()>& verb) {
  const auto arguments = std::make_shared<RunsArguments>();  // shared with a callback that outlives this call
  CLI::App* runs = train.add_subcommand("runs", "Runs of tune, pretrain and train retriever: how they are doing, or did");
  runs->add_option("--home", common.home, "The home folder (default: $SILLOK_HOME or ./sillok-home)");
  runs->add_flag("--json", common.json, "Print JSON");
  runs->add_option("id", arguments->id, "One of them; with --json its curve too");
  runs->add_option("--as", arguments->as, "As this person sees them");
  runs->callback([&common, &verb, arguments] { verb = [&common, arguments] { return run_train_runs(common, *arguments); }; });
}

}  // namespace sillok::cli
