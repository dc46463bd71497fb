// Multiple choice by likelihood.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "evaluate/statistics.h"
#include "text/text.h"

namespace sillok::evaluate {
namespace {

using model::Token;

bool has_hangul(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    if (text::script_of(decode_utf8(text, i)) == text::Script::kHangul) return true;
  }
  return false;
}

std::string letter_of(size_t index) { return std::string(1, static_cast<char>('A' + index)); }

// What stands before the choice whose likelihood counts; no space at its end, which would change the tokens.
std::string prompt_of(const ChoiceQuestion& q, ChoiceScoring scoring) {
  const bool korean = has_hangul(q.question);
  std::string prompt = q.context.empty() ? "" : q.context + "\n\n";
  prompt += q.question + "\n";
  // HAE-RAE's queries list their choices themselves.
  const bool lists = std::all_of(q.choices.begin(), q.choices.end(), [&](const std::string& c) { return q.question.find(c) != q.question.npos; });
  if (scoring == ChoiceScoring::kLetter && !lists) {
    for (size_t i = 0; i < q.choices.size(); ++i) prompt += letter_of(i) + ". " + q.choices[i] + "\n";
  }
  return prompt + (korean ? "정답:" : "Answer:");
}

// Runs texts through a model on pages of its own.
class Scorer {
 public:
  Scorer(model::Model& model, tensor::Backend& backend) : model_(model), sequence_(model, backend) {}

  // Log-probability of each continuation after the prompt.
  Result<std::vector<double>> score(const std::string& prompt, const std::vector<std::string>& continuations) {
    const std::vector<Token> of_prompt = model::encode_open(model_.tokenizer(), prompt);
    std::vector<std::vector<Token>> tokens;
    // Tokens that the prompt has with each choice behind it as without: run once. The others count as the choice's.
    size_t shared = of_prompt.size(), longest = 0;
    for (const std::string& continuation : continuations) {
      tokens.push_back(model::encode_open(model_.tokenizer(), prompt + continuation));
      const std::vector<Token>& of_one = tokens.back();
      const auto different = std::mismatch(of_prompt.begin(), of_prompt.end(), of_one.begin(), of_one.end());
      shared = std::min({shared, static_cast<size_t>(different.first - of_prompt.begin()), of_one.size() - 1});
      longest = std::max(longest, of_one.size());
    }
    if (shared == 0) return fail(ErrorCode::kInvalid, "the prompt gives no token");
    const uint32_t context = model_.hyperparameters().context;
    if (longest > context) {
      return fail(ErrorCode::kLimit, "it takes " + std::to_string(longest) + " tokens, the model's context holds " + std::to_string(context));
    }
    SILLOK_TRY(sequence_.reserve(longest));
    std::vector<float> after_prompt;
    SILLOK_TRY(sequence_.run(std::span(tokens[0]).first(shared), 0, shared - 1,
                             [&](size_t, std::span<const float> logits) { after_prompt.assign(logits.begin(), logits.end()); }));
    std::vector<double> scores;
    for (const auto& of_one : tokens) {
      const auto rest = std::span(of_one).subspan(shared);
      double sum = model::log_probability(after_prompt, rest[0]);
      SILLOK_TRY(sequence_.run(rest.first(rest.size() - 1), shared, 0,
                               [&](size_t i, std::span<const float> logits) { sum += model::log_probability(logits, rest[i + 1]); }));
      scores.push_back(sum);
    }
    return scores;
  }

 private:
  model::Model& model_;
  model::Sequence sequence_;
};

}  // namespace

Result<ChoiceReport> run_choices(model::Model& model, tensor::Backend& backend, const std::vector<ChoiceQuestion>& questions,
                                 ChoiceScoring scoring, const Progress& progress) {
  if (!model.hyperparameters().causal) return fail(ErrorCode::kUnsupported, "an encoder tells no likelihoods; give a generating model");
  Scorer scorer(model, backend);
  ChoiceReport report;
  struct Count {
    size_t right = 0, all = 0;
  } whole;
  std::map<std::string, Count> by_category;
  for (size_t i = 0; i < questions.size(); ++i) {
    const ChoiceQuestion& q = questions[i];
    std::vector<std::string> continuations;
    for (size_t c = 0; c < q.choices.size(); ++c) {
      continuations.push_back(" " + (scoring == ChoiceScoring::kLetter ? letter_of(c) : q.choices[c]));
    }
    auto scores = scorer.score(prompt_of(q, scoring), continuations);
    if (!scores) return fail(scores.error().in("question " + q.id));
    if (scoring == ChoiceScoring::kText) {
      for (size_t c = 0; c < q.choices.size(); ++c) (*scores)[c] /= static_cast<double>(std::max<size_t>(1, q.choices[c].size()));
    }
    ChoiceOutcome outcome{.id = q.id, .category = q.category, .answer = q.answer};
    for (size_t c = 1; c < scores->size(); ++c) {
      if ((*scores)[c] > (*scores)[outcome.given]) outcome.given = c;
    }
    double next = -INFINITY;
    for (size_t c = 0; c < scores->size(); ++c) {
      if (c != outcome.given) next = std::max(next, (*scores)[c]);
    }
    outcome.margin = (*scores)[outcome.given] - next;
    for (Count* count : {&whole, q.category.empty() ? nullptr : &by_category[q.category]}) {
      if (count == nullptr) continue;
      ++count->all;
      count->right += outcome.given == q.answer ? 1 : 0;
    }
    report.outcomes.push_back(std::move(outcome));
    if (progress) progress(i + 1, questions.size());
  }
  report.accuracy = share(whole.right, whole.all);
  for (const auto& [category, count] : by_category) report.by_category[category] = share(count.right, count.all);
  return report;
}

namespace {

nlohmann::ordered_json json_of(const Interval& interval) {
  const auto rounded = [](double value) { return std::round(value * 1000) / 1000; };
  return {{"accuracy", rounded(interval.mean)}, {"interval_95", {rounded(interval.low), rounded(interval.high)}}};
}

}  // namespace

std::string to_json(const ChoiceReport& report, bool outcomes) {
  nlohmann::ordered_json json = json_of(report.accuracy);
  json["questions"] = report.outcomes.size();
  json["model"] = report.model;
  for (const auto& [category, interval] : report.by_category) json["by_category"][category] = json_of(interval);
  if (outcomes) {
    for (const ChoiceOutcome& o : report.outcomes) {
      json["outcomes"].push_back({{"id", o.id}, {"given", letter_of(o.given)}, {"answer", letter_of(o.answer)}, {"right", o.given == o.answer},
                                  {"margin", o.margin}});
    }
  }
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string to_text(const ChoiceReport& report) {
  char buffer[256];
  std::snprintf(buffer, sizeof buffer, "accuracy             %.2f %%  (95 %%: %.2f to %.2f) of %zu questions\n", report.accuracy.mean,
                report.accuracy.low, report.accuracy.high, report.outcomes.size());
  std::string out = buffer;
  for (const auto& [category, interval] : report.by_category) {
    std::snprintf(buffer, sizeof buffer, "  %6.2f %%  (%.2f to %.2f)  ", interval.mean, interval.low, interval.high);
    out += buffer + category + "\n";
  }
  return out;
}

}  // namespace sillok::evaluate
