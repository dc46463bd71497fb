#include "cli/model_run.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <numeric>

#include "cli/common.h"
#include "model/model.h"

namespace sillok::cli {
namespace {

struct Arguments {
  std::string file, text_file;
  std::vector<model::Token> tokens;
  uint32_t threads = 0, context = 512;
};

// A model with room for one sequence.
struct Loaded {
  std::unique_ptr<tensor::Backend> backend;
  std::unique_ptr<model::Model> model;
  std::unique_ptr<tensor::KvStore> store;
  std::vector<uint32_t> pages;
};
Result<Loaded> load(const Arguments& arguments, size_t tokens) {
  Loaded loaded;
  SILLOK_ASSIGN(loaded.backend, tensor::make_cpu_backend({.threads = arguments.threads, .isa = std::nullopt}));
  SILLOK_ASSIGN(loaded.model, model::Model::open(arguments.file, *loaded.backend, {.context = static_cast<uint32_t>(tokens)}));
  loaded.pages.resize((tokens + tensor::kPageTokens - 1) / tensor::kPageTokens);
  std::iota(loaded.pages.begin(), loaded.pages.end(), 0U);
  const tensor::KvShape shape = loaded.model->kv_shape(tensor::Type::kF16, static_cast<uint32_t>(loaded.pages.size()));
  SILLOK_ASSIGN(loaded.store, loaded.backend->make_kv(shape));
  return loaded;
}

// Logits of the tokens from `first_output` on, one row after the other, the sequence in as many batches as it needs.
Result<std::vector<float>> logits_from(Loaded& loaded, std::span<const model::Token> tokens, size_t first_output) {
  std::vector<float> logits;
  for (size_t done = 0; done < tokens.size();) {
    model::Batch batch;
    batch.tables.push_back(loaded.pages);
    for (; done < tokens.size() && batch.rows.size() < loaded.model->max_rows(); ++done) {
      batch.rows.push_back({tokens[done], static_cast<uint32_t>(done), 0, 0, done >= first_output});
    }
    SILLOK_ASSIGN(const std::vector<float> part, loaded.model->forward(batch, *loaded.store, model::Model::Output::kLogits));
    logits.insert(logits.end(), part.begin(), part.end());
  }
  return logits;
}

// With as many digits as tell this float from its neighbours; null for what JSON has no number for.
Json number(float value) {
  if (!std::isfinite(value)) return {};
  char text[32];
  *std::to_chars(text, text + sizeof(text) - 1, value).ptr = '\0';
  return std::strtod(text, nullptr);
}

int run_logits(const Common& common, const Arguments& arguments) {
  auto loaded = load(arguments, arguments.tokens.size());
  if (!loaded) return report_error(loaded.error());
  const auto logits = logits_from(*loaded, arguments.tokens, arguments.tokens.size() - 1);
  if (!logits) return report_error(logits.error());
  if (common.json) {
    Json values = Json::array();
    for (const float value : *logits) values.push_back(number(value));
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

// -log p of `token` under the softmax of a row of logits.
double surprise(std::span<const float> logits, model::Token token) {
  const float best = *std::max_element(logits.begin(), logits.end());
  double whole = 0;
  for (const float logit : logits) whole += std::exp(static_cast<double>(logit - best));
  return std::log(whole) - static_cast<double>(logits[static_cast<size_t>(token)] - best);
}

struct Perplexity {
  double mean = 0, squares = 0;  // of -log p, and of its square
  size_t chunks = 0, scored = 0;
  double value() const { return std::exp(mean); }
  // Standard error, to first order.
  double error() const {
    return scored < 2 ? 0 : std::sqrt(std::max(0.0, squares - mean * mean) / static_cast<double>(scored - 1)) * value();
  }
};

// The text's tokens in chunks of `context` that do not overlap, what is left over at the end not used; each chunk starts
// from nothing, its first token replaced by BOS where the model starts texts so; its second half is scored, so that every
// scored token has at least half a context before it. The method of llama.cpp's perplexity tool.
Result<Perplexity> measure(const Arguments& arguments) {
  SILLOK_ASSIGN(const std::string text, read_file(arguments.text_file));
  const size_t context = arguments.context;
  SILLOK_ASSIGN(Loaded loaded, load(arguments, context));
  if (!loaded.model->hyperparameters().causal) return fail(ErrorCode::kUnsupported, arguments.file + ": an encoder has no perplexity");
  const model::Tokenizer& tokenizer = loaded.model->tokenizer();
  std::vector<model::Token> tokens = tokenizer.encode(text, {.special = true, .parse_special = false});
  const std::vector<model::Token> nothing = tokenizer.encode("", {.special = true, .parse_special = false});
  const bool starts_with_bos = tokenizer.bos() && !nothing.empty() && nothing.front() == *tokenizer.bos();
  const size_t chunks = tokens.size() / context;
  if (chunks == 0) {
    return fail(ErrorCode::kInvalid, arguments.text_file + ": " + std::to_string(tokens.size()) + " tokens do not fill one context of " +
                                         std::to_string(context) + "; give a longer text or a smaller --context");
  }
  Perplexity sum;
  ProgressLine progress("Scoring");
  const size_t first = context / 2, vocabulary = loaded.model->hyperparameters().vocabulary;
  for (size_t c = 0; c < chunks; ++c) {
    const std::span<model::Token> chunk(tokens.data() + c * context, context);
    if (starts_with_bos) chunk.front() = *tokenizer.bos();
    SILLOK_ASSIGN(const std::vector<float> logits, logits_from(loaded, chunk, first));
    for (size_t i = first; i + 1 < context; ++i) {
      const double value = surprise({logits.data() + (i - first) * vocabulary, vocabulary}, chunk[i + 1]);
      sum.mean += value;
      sum.squares += value * value;
      ++sum.scored;
    }
    progress.show(++sum.chunks, chunks, "perplexity " + std::to_string(std::exp(sum.mean / static_cast<double>(sum.scored))));
  }
  sum.mean /= static_cast<double>(sum.scored);
  sum.squares /= static_cast<double>(sum.scored);
  return sum;
}

int run_perplexity(const Common& common, const Arguments& arguments) {
  const auto measured = measure(arguments);
  if (!measured) return report_error(measured.error());
  if (common.json) {
    print_json({{"perplexity", measured->value()}, {"standard_error", measured->error()}, {"mean_negative_log_likelihood", measured->mean},
                {"scored_tokens", measured->scored}, {"chunks", measured->chunks}, {"context", arguments.context}});
  } else {
    std::printf("perplexity %.4f +/- %.4f over %zu tokens (%zu chunks of %u)\n", measured->value(), measured->error(),
                measured->scored, measured->chunks, arguments.context);
  }
  return 0;
}

}  // namespace

void define_model_run(CLI::App& model, Common& common, std::function<int()>& verb) {
  const auto arguments = std::make_shared<Arguments>();  // shared by the two callbacks, which outlive this call
  const auto add = [&](const char* name, const char* what, int (*run)(const Common&, const Arguments&)) {
    CLI::App* app = model.add_subcommand(name, what);
    app->add_option("-m,--model", arguments->file, "A GGUF file")->required();
    app->add_option("--threads", arguments->threads, "Threads (default: one per core)")->check(CLI::Range(1, 1024));
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
