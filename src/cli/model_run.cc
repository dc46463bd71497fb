#include "cli/model_run.h"

#include <algorithm>
#include <memory>
#include <numeric>

#include "cli/model.h"
#include "model/model.h"

namespace sillok::cli {
namespace {

struct RunArguments {
  std::string file, text_file;
  std::vector<model::Token> tokens;
  uint32_t threads = 0, context = 512;
};

struct Loaded {
  std::unique_ptr<tensor::Backend> backend;
  std::unique_ptr<model::Model> model;
};
// For sequences of at most `tokens`.
Result<Loaded> load(const Common& common, const RunArguments& arguments, size_t tokens) {
  SILLOK_ASSIGN(const fs::path path, find_model(common, arguments.file));
  Loaded loaded;
  SILLOK_ASSIGN(loaded.backend, tensor::make_cpu_backend({.threads = arguments.threads, .isa = std::nullopt}));
  SILLOK_ASSIGN(loaded.model, model::Model::open(path, *loaded.backend, {.context = static_cast<uint32_t>(tokens)}));
  return loaded;
}

Result<std::vector<float>> last_logits(Loaded& loaded, std::span<const model::Token> tokens) {
  model::Sequence sequence(*loaded.model, *loaded.backend);
  SILLOK_TRY(sequence.reserve(tokens.size()));
  std::vector<float> last;
  SILLOK_TRY(sequence.run(tokens, 0, tokens.size() - 1, [&](size_t, std::span<const float> logits) { last.assign(logits.begin(), logits.end()); }));
  return last;
}

int run_logits(const Common& common, const RunArguments& arguments) {
  auto loaded = load(common, arguments, arguments.tokens.size());
  if (!loaded) return report_error(loaded.error());
  const auto logits = last_logits(*loaded, arguments.tokens);
  if (!logits) return report_error(logits.error());
  if (common.json) {
    Json values = Json::array();
    for (const float value : *logits) values.push_back(json_number(value));
    print_json({{"tokens", arguments.tokens.size()}, {"logits", std::move(values)}});
    return 0;
  }
  std::vector<size_t> order(logits->size());
  std::iota(order.begin(), order.end(), size_t{0});
  const size_t shown = std::min<size_t>(10, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(shown), order.end(),
                    [&](size_t a, size_t b) { return (*logits)[a] > (*logits)[b]; });
  for (size_t i = 0; i < shown; ++i) {
    const auto token = static_cast<model::Token>(order[i]);
    std::printf("%8d  %10.4f  %s\n", token, static_cast<double>((*logits)[order[i]]),
                json_quote(loaded->model->tokenizer().piece(token, true)).c_str());
  }
  return 0;
}

int run_perplexity(const Common& common, const RunArguments& arguments) {
  const auto text = read_file(arguments.text_file);
  if (!text) return report_error(text.error());
  auto loaded = load(common, arguments, arguments.context);
  if (!loaded) return report_error(loaded.error());
  ProgressLine progress("Scoring");
  const auto measured = model::measure_perplexity(
      *loaded->model, *loaded->backend, *text, arguments.context, [&progress](size_t done, size_t chunks, double so_far) {
        progress.show(done, chunks, "perplexity " + std::to_string(so_far));
      });
  if (!measured) return report_error(measured.error().in(measured.error().code == ErrorCode::kUnsupported ? arguments.file : arguments.text_file));
  if (common.json) {
    print_json({{"perplexity", measured->value()}, {"standard_error", measured->standard_error}, {"mean_negative_log_likelihood", measured->mean},
                {"scored_tokens", measured->scored}, {"chunks", measured->chunks}, {"context", arguments.context}});
  } else {
    std::printf("perplexity %.4f +/- %.4f over %zu tokens (%zu chunks of %u)\n", measured->value(), measured->standard_error,
                measured->scored, measured->chunks, arguments.context);
  }
  return 0;
}

}  // namespace

void define_model_run(CLI::App& model, Common& common, std::function<int()>& verb) {
  const auto arguments = std::make_shared<RunArguments>();  // shared by the two callbacks, which outlive this call
  const auto add = [&](const char* name, const char* what, int (*run)(const Common&, const RunArguments&)) {
    CLI::App* app = model.add_subcommand(name, what);
    app->add_option("-m,--model", arguments->file, "The GGUF file, or its name in the home's models/")->required();
    app->add_option("--threads", arguments->threads, "Threads (default: one per core)")->check(CLI::Range(1, 1024));
    app->add_option("--home", common.home, "The home folder (default: $SILLOK_HOME or ./sillok-home)");
    app->add_flag("--json", common.json, "Print JSON");
    app->callback([&common, &verb, arguments, run] { verb = [&common, arguments, run] { return run(common, *arguments); }; });
    return app;
  };
  CLI::App* logits = add("logits", "Print the logits after some tokens", run_logits);
  logits->add_option("--tokens", arguments->tokens, "Token ids, separated by commas")->delimiter(',')->required();
  CLI::App* perplexity = add("perplexity", "Measure how well a model predicts a text", run_perplexity);
  perplexity->add_option("text", arguments->text_file, "A text file")->required();
  perplexity->add_option("--context", arguments->context, "Tokens of a chunk")->check(CLI::Range(2, 1 << 20));
}

}  // namespace sillok::cli
