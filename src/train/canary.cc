// What a tuned model tells of the lines it was tuned on: ranks of planted secrets, and whether members can be told from others.
#include "train/canary.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <random>

#include "model/model.h"

namespace sillok::train {
namespace {

using model::Token;
using nlohmann::json;

constexpr size_t kMostLines = 100'000, kMostCanaries = 1000;

Result<std::vector<json>> read_lines(const fs::path& path) {
  SILLOK_ASSIGN(const std::string bytes, read_file(path, 1ull << 30));
  std::vector<json> lines;
  size_t number = 0;
  for (const std::string_view line : split(bytes, '\n')) {
    ++number;
    if (trim(line).empty()) continue;
    lines.push_back(json::parse(line, nullptr, false));
    if (!lines.back().is_object()) return fail(ErrorCode::kInvalid, path.string() + ", line " + std::to_string(number) + ": not a JSON object");
    if (lines.size() > kMostLines) return fail(ErrorCode::kLimit, path.string() + " has more than " + std::to_string(kMostLines) + " lines");
  }
  if (lines.empty()) return fail(ErrorCode::kInvalid, path.string() + " holds no lines");
  return lines;
}

std::string text_of(const json& line, const char* name) {
  const auto found = line.find(name);
  return found != line.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Log-probabilities of texts, with an adapter or without.
class Likelihood {
 public:
  Likelihood(model::Model& model, tensor::Backend& backend, const model::Adapter* adapter) : model_(model), sequence_(model, backend, adapter) {}

  struct Score {
    double sum = 0;        // of log p over the tokens scored
    size_t tokens = 0;
    bool greedy = true;    // each of them was the likeliest
  };
  // Of the tokens of `text` from byte `from` on, the end token that some models add left out.
  Result<Score> score(const std::string& text, size_t from) {
    const std::vector<Token> tokens = model::encode_open(model_.tokenizer(), text);
    // Tokens that the text before `from` shares with the whole: a token across the border counts as scored.
    const std::vector<Token> before = model::encode_open(model_.tokenizer(), text.substr(0, from));
    const auto differ = std::mismatch(before.begin(), before.end(), tokens.begin(), tokens.end());
    const size_t first = std::max<size_t>(1, static_cast<size_t>(differ.first - before.begin()));
    Score score;
    if (tokens.size() <= first) return score;
    if (tokens.size() > model_.hyperparameters().context) {
      return fail(ErrorCode::kLimit, "a line of " + std::to_string(tokens.size()) + " tokens is longer than the model's context of " + std::to_string(model_.hyperparameters().context));
    }
    SILLOK_TRY(sequence_.reserve(tokens.size()));
    SILLOK_TRY(sequence_.run(std::span(tokens).first(tokens.size() - 1), 0, first - 1, [&](size_t i, std::span<const float> logits) {
      const Token token = tokens[i + 1];
      score.sum += model::log_probability(logits, token);
      score.greedy &= std::max_element(logits.begin(), logits.end()) - logits.begin() == static_cast<std::ptrdiff_t>(token);
      ++score.tokens;
    }));
    return score;
  }

 private:
  model::Model& model_;
  model::Sequence sequence_;
};

// Another secret of the same shape: a digit for a digit, a letter for a letter; what is neither stays.
std::string alternative(const std::string& secret, std::mt19937_64& random) {
  std::string out = secret;
  const auto draw = [&](char first, uint64_t count) { return static_cast<char>(static_cast<uint64_t>(first) + random() % count); };
  for (char& c : out) {
    if (c >= '0' && c <= '9') c = draw('0', 10);
    else if (c >= 'a' && c <= 'z') c = draw('a', 26);
    else if (c >= 'A' && c <= 'Z') c = draw('A', 26);
  }
  return out;
}

Result<CanaryOutcome> rank(Likelihood& likelihood, const Canary& canary, uint32_t alternatives, std::mt19937_64& random) {
  const size_t at = canary.text.find(canary.secret);
  if (canary.secret.empty() || at == canary.text.npos) return fail(ErrorCode::kInvalid, "the canary '" + shorten(canary.text, 60) + "' does not hold its secret");
  // What stands behind the secret would tell of it no more; it is left out.
  const std::string before = canary.text.substr(0, at);
  SILLOK_ASSIGN(const Likelihood::Score planted, likelihood.score(before + canary.secret, at));
  CanaryOutcome outcome;
  outcome.drawn = planted.greedy && planted.tokens > 0;
  outcome.rank = 1;
  for (uint32_t i = 0; i < alternatives; ++i) {
    const std::string other = alternative(canary.secret, random);
    if (other == canary.secret) continue;
    SILLOK_ASSIGN(const Likelihood::Score score, likelihood.score(before + other, at));
    outcome.rank += score.sum >= planted.sum ? 1 : 0;
  }
  outcome.exposure = std::log2(static_cast<double>(alternatives) + 1) - std::log2(static_cast<double>(outcome.rank));
  return outcome;
}

// How much likelier the adapter makes a line, a token.
Result<std::vector<double>> gains(Likelihood& tuned, Likelihood& base, const std::vector<std::string>& lines, const std::function<void()>& each) {
  std::vector<double> out;
  for (const std::string& line : lines) {
    SILLOK_ASSIGN(const Likelihood::Score with, tuned.score(line, 0));
    SILLOK_ASSIGN(const Likelihood::Score without, base.score(line, 0));
    out.push_back(with.tokens > 0 ? (with.sum - without.sum) / static_cast<double>(with.tokens) : 0);
    each();
  }
  return out;
}

void compare(const std::vector<double>& members, const std::vector<double>& others, LeakageReport& report) {
  double wins = 0;
  for (const double m : members) {
    for (const double o : others) wins += m > o ? 1 : m == o ? 0.5 : 0;
  }
  const auto n = static_cast<double>(members.size()), k = static_cast<double>(others.size());
  const double a = wins / (n * k), q1 = a / (2 - a), q2 = 2 * a * a / (1 + a);
  report.auc = 100 * a;
  report.auc_error = 100 * std::sqrt(std::max(0.0, (a * (1 - a) + (n - 1) * (q1 - a * a) + (k - 1) * (q2 - a * a)) / (n * k)));
}

}  // namespace

Result<std::vector<Canary>> load_canaries(const fs::path& path) {
  SILLOK_ASSIGN(const std::vector<json> lines, read_lines(path));
  std::vector<Canary> canaries;
  for (const json& line : lines) {
    canaries.push_back({text_of(line, "text"), text_of(line, "secret")});
    const Canary& c = canaries.back();
    if (c.secret.empty() || c.text.find(c.secret) == c.text.npos) {
      return fail(ErrorCode::kInvalid, path.string() + ": canary " + std::to_string(canaries.size()) + " is not {\"text\",\"secret\"} with the secret in the text");
    }
  }
  if (canaries.size() > kMostCanaries) return fail(ErrorCode::kLimit, path.string() + " has more than " + std::to_string(kMostCanaries) + " canaries");
  return canaries;
}

Result<std::vector<std::string>> load_lines(const fs::path& path) {
  SILLOK_ASSIGN(const std::vector<json> lines, read_lines(path));
  std::vector<std::string> texts;
  for (const json& line : lines) {
    std::string text = text_of(line, "text");
    if (const auto messages = line.find("messages"); messages != line.end() && messages->is_array()) {
      for (const json& message : *messages) text += (text.empty() ? "" : "\n") + text_of(message, "content");
    }
    if (text.empty()) return fail(ErrorCode::kInvalid, path.string() + ": line " + std::to_string(texts.size() + 1) + " has neither \"text\" nor \"messages\"");
    texts.push_back(std::move(text));
  }
  return texts;
}

Result<LeakageReport> probe_leakage(const LeakageOptions& options) {
  tensor::CpuOptions cpu;
  cpu.threads = options.threads;
  SILLOK_ASSIGN(const std::unique_ptr<tensor::Backend> backend, tensor::make_cpu_backend(cpu));
  SILLOK_ASSIGN(const std::unique_ptr<model::Model> model, model::Model::open(options.model, *backend));
  if (!model->hyperparameters().causal) return fail(ErrorCode::kUnsupported, options.model.string() + " is an encoder: nothing can be drawn from it");
  std::unique_ptr<model::Adapter> adapter;
  if (!options.adapter.empty()) {
    SILLOK_ASSIGN(adapter, model::Adapter::open(options.adapter, *model, *backend));
  }
  Likelihood tuned(*model, *backend, adapter.get()), base(*model, *backend, nullptr);
  const size_t total = options.canaries.size() + options.members.size() + options.held_out.size();
  size_t done = 0;
  const auto each = [&] {
    if (options.progress) options.progress(++done, total);
  };
  LeakageReport report;
  report.alternatives = options.alternatives;
  std::mt19937_64 random(options.seed);
  for (const Canary& canary : options.canaries) {
    SILLOK_ASSIGN(const CanaryOutcome outcome, rank(tuned, canary, options.alternatives, random));
    report.canaries.push_back(outcome);
    report.drawn += outcome.drawn ? 1 : 0;
    report.mean_exposure += outcome.exposure / static_cast<double>(options.canaries.size());
    each();
  }
  report.members = options.members.size();
  report.held_out = options.held_out.size();
  if (report.members == 0 || report.held_out == 0) return report;
  if (adapter == nullptr) return fail(ErrorCode::kInvalid, "members can be told from others only with an adapter: the base model is what it is compared with");
  SILLOK_ASSIGN(const std::vector<double> members, gains(tuned, base, options.members, each));
  SILLOK_ASSIGN(const std::vector<double> others, gains(tuned, base, options.held_out, each));
  compare(members, others, report);
  return report;
}

}  // namespace sillok::train
