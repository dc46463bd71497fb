#include "cli/actor.h"
#include "cli/common.h"
#include "cli/writer.h"
#include "evaluate/evaluate.h"

namespace sillok::cli {

int run_evaluate(const Common& common, const EvaluateArguments& arguments) {
  if (arguments.gold.empty()) {
    return report_usage({ErrorCode::kInvalid, "evaluate: give a file of gold questions, or `compare` and two reports"});
  }
  const auto gold = evaluate::load_gold(arguments.gold);
  if (!gold) return report_error(gold.error());
  auto home = open_home(common.home);
  if (!home) return report_error(home.error());
  const auto actor = open_actor(common.home, arguments.as);
  if (!actor) return report_error(actor.error());
  auto writer = open_writer(common, {arguments.model.model, arguments.quote, arguments.model.threads, arguments.seed});
  if (!writer) return report_error(writer.error());
  const answer::Answerer answerer(home->archive, home->searcher, writer->threshold);
  evaluate::Asking asking{.clearance = actor->clearance()};
  if (arguments.calibrate) {
    asking.threshold = 0.0;  // chosen on quoting alone
  } else {
    asking.writer.generator = writer->generator.get();
    asking.writer.encoder = writer->encoder.get();
  }
  asking.writer.max_tokens = writer->settings.max_tokens;
  asking.writer.seed = arguments.seed;
  Result<evaluate::Report> report = [&] {
    ProgressLine progress("asking");
    asking.progress = [&](size_t done, size_t total) { progress.show(done, total); };
    return evaluate::run(home->archive, answerer, home->searcher, *gold, asking);
  }();
  if (!report) return report_error(report.error());
  report->gold = fs::absolute(arguments.gold).string();
  report->archive_change = home->archive.last_change();
  report->release = writer->release;
  report->home = fs::absolute(common.home).string();
  report->as = arguments.as;

  if (arguments.calibrate) {
    const auto chosen = evaluate::choose_threshold(report->outcomes);
    if (!chosen) return report_error(chosen.error());
    const auto saved = answer::save_threshold(common.home, *chosen, report->gold);
    if (!saved) return report_error(saved.error());
    std::fprintf(stderr, "Threshold %.3f chosen on %zu questions and kept for this home.\n", *chosen, gold->size());
    if (!writer->release.empty()) {
      std::fprintf(stderr, "note: release %s is in force with its own threshold; propose and promote a release to answer with this one\n", writer->release.c_str());
    }
  }
  std::string stamp = format_micros(report->finished);
  std::erase(stamp, ':');
  const fs::path file = arguments.report.empty() ? common.home / "log" / ("evaluation-" + stamp + ".json")
                                                 : fs::path(arguments.report);
  const auto written = write_file_atomic(file, evaluate::to_json(*report, evaluate::Outcomes::kPlaces) + "\n");
  if (!written) return report_error(written.error());
  if (common.json) {
    std::printf("%s\n", evaluate::to_json(*report, arguments.outcomes ? evaluate::Outcomes::kWords
                                                                                  : evaluate::Outcomes::kNone).c_str());
  } else {
    std::printf("%sreport               %s\n", evaluate::to_text(*report).c_str(), file.c_str());
  }
  return 0;
}

int run_evaluate_compare(const Common& common, const EvaluateArguments& arguments) {
  const auto comparison = evaluate::compare(arguments.before, arguments.after);
  if (!comparison) return report_error(comparison.error());
  std::fputs((common.json ? evaluate::to_json(*comparison) + "\n" : evaluate::to_text(*comparison)).c_str(), stdout);
  return 0;
}

}  // namespace sillok::cli
