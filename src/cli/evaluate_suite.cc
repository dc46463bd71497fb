// `sillok evaluate --suite choice|perplexity|support FILE`: what a model knows, and how well written sentences are checked, without the records.
#include <cmath>

#include "cli/common.h"
#include "cli/model.h"
#include "evaluate/evaluate.h"

namespace sillok::cli {
namespace {

int run_perplexity(const Common& common, const EvaluateArguments& arguments, model::Model& model, tensor::Backend& backend) {
  const auto text = read_file(arguments.gold);
  if (!text) return report_error(text.error());
  const uint32_t context = std::min<uint32_t>(512, model.hyperparameters().context);
  const auto perplexity = [&] {
    ProgressLine progress("reading");
    return model::measure_perplexity(model, backend, *text, context,
                                     [&](size_t done, size_t chunks, double) { progress.show(done, chunks); });
  }();
  if (!perplexity) return report_error(perplexity.error().in(arguments.gold));
  // Two standard errors to each side.
  const double value = perplexity->value(), error = 1.96 * perplexity->standard_error;
  if (common.json) {
    print_json({{"perplexity", value}, {"interval_95", {value - error, value + error}}, {"tokens_scored", perplexity->scored},
                {"context", context}, {"model", arguments.model.model}});
  } else {
    std::printf("perplexity           %.4f  (95 %%: %.4f to %.4f) over %zu tokens\n", value, value - error, value + error, perplexity->scored);
  }
  return 0;
}

int run_choices(const Common& common, const EvaluateArguments& arguments, model::Model& model, tensor::Backend& backend) {
  auto questions = evaluate::load_choices(arguments.gold);
  if (!questions) return report_error(questions.error());
  if (arguments.limit > 0 && questions->size() > arguments.limit) questions->resize(arguments.limit);
  const auto scoring = arguments.scoring == "text" ? evaluate::ChoiceScoring::kText : evaluate::ChoiceScoring::kLetter;
  auto report = [&] {
    ProgressLine progress("asking");
    return evaluate::run_choices(model, backend, *questions, scoring, [&](size_t done, size_t total) { progress.show(done, total); });
  }();
  if (!report) return report_error(report.error().in(arguments.gold));
  report->model = arguments.model.model;
  if (!arguments.report.empty()) {
    const auto written = write_file_atomic(arguments.report, evaluate::to_json(*report, true) + "\n");
    if (!written) return report_error(written.error());
  }
  std::fputs((common.json ? evaluate::to_json(*report, arguments.outcomes) + "\n" : evaluate::to_text(*report)).c_str(), stdout);
  return 0;
}

// The encoder named, or the configured one; neither: words alone are measured.
int run_support(const Common& common, const EvaluateArguments& arguments) {
  const auto sets = evaluate::load_claims(arguments.gold);
  if (!sets) return report_error(sets.error());
  std::unique_ptr<answer::Encoder> encoder;
  std::optional<double> threshold;
  std::string name = arguments.model.model;
  answer::EncoderUse use{arguments.encoder_prefix, arguments.encoder_support.value_or(1)};
  if (name.empty() && fs::exists(common.home / "sillok.toml")) {
    const auto settings = answer::load_writer_settings(common.home);
    if (!settings) return report_error(settings.error());
    name = settings->encoder;
    if (!name.empty()) threshold = settings->encoder_use.support;
    if (arguments.encoder_prefix.empty()) use.prefix = settings->encoder_use.prefix;
  }
  if (arguments.encoder_support) threshold = arguments.encoder_support;
  if (!name.empty()) {
    const auto path = find_model(common, name);
    if (!path) return report_error(path.error());
    auto opened = answer::open_encoder(*path, arguments.model.threads, use);
    if (!opened) return report_error(opened.error());
    encoder = std::move(*opened);
  }
  const auto report = [&] {
    ProgressLine progress("checking");
    return evaluate::run_support(*sets, encoder.get(), threshold, [&](size_t done, size_t total) { progress.show(done, total); });
  }();
  if (!report) return report_error(report.error().in(arguments.gold));
  if (!arguments.report.empty()) {
    const auto written = write_file_atomic(arguments.report, evaluate::to_json(*report) + "\n");
    if (!written) return report_error(written.error());
  }
  std::fputs((common.json ? evaluate::to_json(*report) + "\n" : evaluate::to_text(*report)).c_str(), stdout);
  return 0;
}

}  // namespace

int run_evaluate_suite(const Common& common, const EvaluateArguments& arguments) {
  if (arguments.gold.empty()) return report_usage({ErrorCode::kInvalid, "evaluate: give the suite's file"});
  if (arguments.suite == "support") return run_support(common, arguments);
  if (arguments.model.model.empty()) {
    return report_usage({ErrorCode::kInvalid, "evaluate: --suite " + arguments.suite + " needs a model (-m FILE)"});
  }
  const auto path = find_model(common, arguments.model.model);
  if (!path) return report_error(path.error());
  const auto backend = tensor::make_cpu_backend({.threads = arguments.model.threads, .isa = std::nullopt});
  if (!backend) return report_error(backend.error());
  const auto model = model::Model::open(*path, **backend);
  if (!model) return report_error(model.error());
  return arguments.suite == "choice" ? run_choices(common, arguments, **model, **backend)
                                     : run_perplexity(common, arguments, **model, **backend);
}

}  // namespace sillok::cli
