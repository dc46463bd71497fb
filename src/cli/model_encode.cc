// `sillok model embed` and `sillok model rerank`: lines of standard input to vectors, or to scores under a question.
#include "cli/model_encode.h"

#include <algorithm>
#include <memory>

#include "cli/model.h"
#include "cli/session.h"

namespace sillok::cli {
namespace {

constexpr size_t kTogether = 32;  // texts handed over at once

struct EncodeArguments {
  ModelArguments model;
  std::string query;
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = std::string_view(text).substr(at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(clean_utf8(line));
    at = end + 1;
  }
  return lines;
}

// A line that the model cannot take does not stop the others: it is told of, and the exit status is 1.
class Failures {
 public:
  void add(size_t line, const Error& error) {
    report_error(error.in("line " + std::to_string(line + 1)));
    list_.push_back({{"line", line + 1}, {"message", error.message}});
  }
  int status() const { return list_.empty() ? 0 : 1; }
  const Json& json() const { return list_; }

 private:
  Json list_ = Json::array();
};

Result<std::vector<std::string>> read_lines() {
  SILLOK_ASSIGN(const std::string text, read_input());
  std::vector<std::string> lines = lines_of(text);
  if (lines.empty()) return fail(ErrorCode::kInvalid, "standard input is empty; give texts, one a line");
  return lines;
}

int run_embed(const Common& common, const EncodeArguments& arguments) {
  const auto session = open_session(common, arguments.model, {});
  if (!session) return report_error(session.error());
  const auto lines = read_lines();
  if (!lines) return report_error(lines.error());
  Failures failures;
  Json vectors = Json::array();
  ProgressLine progress("Embedding");
  const auto give = [&](size_t i, const Result<std::vector<float>>& made) {
    if (!made) failures.add(i, made.error());
    if (common.json) {
      Json values;  // null where there is no vector
      if (made) for (const float value : *made) values.push_back(json_number(value));
      vectors.push_back(std::move(values));
    } else if (made) {
      std::string line;
      for (const float value : *made) line += (line.empty() ? "" : " ") + json_number(value).dump();
      std::printf("%s\n", line.c_str());
    }
    progress.show(i + 1, lines->size());
  };
  // Together, for speed; where one of them fails, each by itself, to say which.
  for (size_t begin = 0; begin < lines->size(); begin += kTogether) {
    std::vector<std::vector<model::Token>> texts;
    for (size_t i = begin; i < std::min(lines->size(), begin + kTogether); ++i) {
      texts.push_back(session->tokenizer().encode((*lines)[i], {.special = true, .parse_special = false}));
    }
    const auto together = session->engine->embed(texts);
    for (size_t i = 0; i < texts.size(); ++i) {
      if (together) {
        give(begin + i, (*together)[i]);
        continue;
      }
      const auto alone = session->engine->embed({texts[i]});
      give(begin + i, alone ? Result<std::vector<float>>(alone->front()) : fail(alone.error()));
    }
  }
  if (common.json) {
    print_json({{"model", session->model().hyperparameters().name}, {"dimensions", session->model().hyperparameters().width},
                {"vectors", std::move(vectors)}, {"errors", failures.json()}});
  }
  return failures.status();
}

int run_rerank(const Common& common, const EncodeArguments& arguments) {
  const auto session = open_session(common, arguments.model, {});
  if (!session) return report_error(session.error());
  const auto lines = read_lines();
  if (!lines) return report_error(lines.error());
  Failures failures;
  std::vector<std::pair<float, size_t>> scored;
  ProgressLine progress("Scoring");
  const std::string query = clean_utf8(arguments.query);
  for (size_t i = 0; i < lines->size(); ++i) {
    const auto score = session->engine->score({session->tokenizer().encode_pair(query, (*lines)[i])});
    if (score) scored.emplace_back(score->front(), i);
    else if (score.error().code == ErrorCode::kUnsupported) return report_error(score.error().in(arguments.model.model));
    else failures.add(i, score.error());
    progress.show(i + 1, lines->size());
  }
  std::stable_sort(scored.begin(), scored.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  if (!common.json) {
    for (const auto& [score, line] : scored) std::printf("%9.4f  %s\n", static_cast<double>(score), (*lines)[line].c_str());
    return failures.status();
  }
  Json results = Json::array();
  for (const auto& [score, line] : scored) results.push_back({{"index", line}, {"score", json_number(score)}});
  print_json({{"model", session->model().hyperparameters().name}, {"query", query}, {"results", std::move(results)},
              {"errors", failures.json()}});
  return failures.status();
}

}  // namespace

void define_model_encode(CLI::App& model, Common& common, std::function<int()>& verb) {
  const auto arguments = std::make_shared<EncodeArguments>();  // shared by the two callbacks, which outlive this call
  const auto add = [&](const char* name, const char* what, int (*run)(const Common&, const EncodeArguments&)) {
    CLI::App* app = model.add_subcommand(name, what);
    app->add_option("-m,--model", arguments->model.model, "The GGUF file, or its name in the home's models/")->required();
    app->add_option("--threads", arguments->model.threads, "Threads (default: one per core)")->check(CLI::Range(1, 1024));
    app->add_option("--home", common.home, "The home folder (default: $SILLOK_HOME or ./sillok-home)");
    app->add_flag("--json", common.json, "Print JSON");
    app->callback([&common, &verb, arguments, run] { verb = [&common, arguments, run] { return run(common, *arguments); }; });
    return app;
  };
  add("embed", "Texts on standard input, one a line, to vectors of length 1", run_embed);
  CLI::App* rerank = add("rerank", "Documents on standard input, one a line, to scores under a question", run_rerank);
  rerank->add_option("--query", arguments->query, "The question")->required();
}

}  // namespace sillok::cli
