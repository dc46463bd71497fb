// Fits the weights of src/answer/span_weights.cc on question sets in SQuAD's form, and says how often the marked words are
// the answer on articles held out, given the sentence that holds it.
//
//   fit_spans check FILE...            two-fold, by article: exact match and F1 per file
//   fit_spans rows FILE... > rows      fitted on everything: the rows of the table, to paste
//
// Softmax over the candidates of the sentence, those equal to an accepted answer right. Writings share a base, kinds of
// questions share a column, so that small sets borrow from large ones. An article in several languages is in one fold.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "answer/span.h"
#include "evaluate/metrics.h"
#include "text/text.h"

namespace {

using namespace sillok;

constexpr size_t kColumns = 1 + answer::kAskedKinds;
constexpr int kPasses = 6;
constexpr double kRate = 0.15, kShrink = 1e-4;

struct Example {
  std::string unit, set;
  std::vector<std::string> answers;
  answer::QuestionForm form;
  answer::Writing writing;
  std::vector<answer::SpanCandidate> candidates;
  std::vector<char> right;
  size_t fold = 0;
};

std::string_view words(const Example& e, size_t i) {
  return std::string_view(e.unit).substr(e.candidates[i].span.begin, e.candidates[i].span.end - e.candidates[i].span.begin);
}

// The sentence of the paragraph that holds the answer; "" if the answer runs over its end.
std::string sentence_with(const std::string& paragraph, size_t code_point) {
  size_t at = 0;
  for (size_t k = 0; k < code_point && at < paragraph.size(); ++k) decode_utf8(paragraph, at);
  for (const text::Span span : text::sentences(paragraph)) {
    if (span.begin <= at && at < span.end) return paragraph.substr(span.begin, span.end - span.begin);
  }
  return "";
}

void load(const char* path, std::vector<Example>& examples) {
  const auto bytes = read_file(path);
  const auto data = bytes ? nlohmann::json::parse(*bytes, nullptr, false) : nlohmann::json();
  if (!data.is_object()) {
    std::fprintf(stderr, "fit_spans: %s is no question set in SQuAD's form\n", path);
    std::exit(1);
  }
  for (const auto& article : data["data"]) {
    const size_t fold = hash64(article.value("title", std::string())) % 2;
    for (const auto& paragraph : article["paragraphs"]) {
      for (const auto& question : paragraph["qas"]) {
        if (question.value("is_impossible", false)) continue;
        Example e;
        e.set = path;
        e.fold = fold;
        for (const auto& a : question["answers"]) e.answers.push_back(a["text"]);
        e.unit = sentence_with(paragraph["context"], question["answers"][0]["answer_start"]);
        if (e.unit.empty()) continue;
        const std::string asked = question["question"];
        e.form = answer::question_form(asked, answer::kind_of(asked));
        e.writing = answer::writing_of(e.unit);
        e.candidates = answer::span_candidates(e.form, e.unit);
        for (size_t i = 0; i < e.candidates.size(); ++i) e.right.push_back(evaluate::exact_match(words(e, i), e.answers) ? 1 : 0);
        examples.push_back(std::move(e));
      }
    }
  }
}

// Weights by (0 = base, else 1 + writing), mark, column.
class Model {
 public:
  Model() : marks_(answer::mark_names().size()), weights_((1 + answer::kWritings) * marks_ * kColumns, 0), squares_(weights_.size(), 1e-6) {}

  double score(const Example& e, const answer::SpanCandidate& candidate) const {
    double s = 0;
    for (const answer::Mark& mark : candidate.marks) {
      for (const size_t at : places(e, mark.id)) s += static_cast<double>(mark.value) * weights_[at];
    }
    return s;
  }

  void learn(const Example& e) {
    std::vector<double> p(e.candidates.size());
    double most = -1e300, sum = 0, right = 0;
    for (size_t i = 0; i < p.size(); ++i) most = std::max(most, p[i] = score(e, e.candidates[i]));
    for (size_t i = 0; i < p.size(); ++i) {
      p[i] = std::exp(p[i] - most);
      sum += p[i];
      if (e.right[i]) right += p[i];
    }
    if (right <= 0) return;
    std::map<uint16_t, double> slope;
    for (size_t i = 0; i < p.size(); ++i) {
      const double d = p[i] / sum - (e.right[i] ? p[i] / right : 0);
      if (std::abs(d) < 1e-4) continue;
      for (const answer::Mark& mark : e.candidates[i].marks) slope[mark.id] += d * static_cast<double>(mark.value);
    }
    for (const auto& [mark, d] : slope) {
      for (const size_t at : places(e, mark)) {
        const double g = d + kShrink * weights_[at];
        squares_[at] += g * g;
        weights_[at] -= kRate * g / std::sqrt(squares_[at]);
      }
    }
  }

  double merged(size_t writing, size_t mark, size_t column) const {
    return weights_[mark * kColumns + column] + weights_[((1 + writing) * marks_ + mark) * kColumns + column];
  }
  std::vector<double>& weights() { return weights_; }

 private:
  std::array<size_t, 4> places(const Example& e, size_t mark) const {
    const size_t column = 1 + static_cast<size_t>(e.form.asked), own = (1 + static_cast<size_t>(e.writing)) * marks_ + mark;
    return {mark * kColumns, mark * kColumns + column, own * kColumns, own * kColumns + column};
  }

  size_t marks_;
  std::vector<double> weights_, squares_;
};

// The mean of the weights after each of the later passes: steadier than the last.
Model fit(const std::vector<Example>& examples, size_t held) {
  Model model;
  std::vector<size_t> order;
  for (size_t i = 0; i < examples.size(); ++i) {
    if (examples[i].fold != held) order.push_back(i);
  }
  uint64_t state = 88172645463325252ull;
  std::vector<double> mean(model.weights().size(), 0);
  double means = 0;
  for (int pass = 0; pass < kPasses; ++pass) {
    for (size_t i = order.size(); i > 1; --i) {
      state ^= state << 13, state ^= state >> 7, state ^= state << 17;
      std::swap(order[i - 1], order[state % i]);
    }
    for (const size_t i : order) model.learn(examples[i]);
    if (pass < kPasses / 2) continue;
    ++means;
    for (size_t k = 0; k < mean.size(); ++k) mean[k] += model.weights()[k];
  }
  for (size_t k = 0; k < mean.size(); ++k) model.weights()[k] = mean[k] / means;
  return model;
}

void check(const std::vector<Example>& examples) {
  struct Count {
    double questions = 0, possible = 0, exact = 0, f1 = 0;
  };
  std::map<std::string, Count> counts;
  for (size_t held = 0; held < 2; ++held) {
    const Model model = fit(examples, held);
    for (const Example& e : examples) {
      if (e.fold != held) continue;
      Count& count = counts[e.set];
      ++count.questions;
      if (std::find(e.right.begin(), e.right.end(), 1) != e.right.end()) ++count.possible;
      size_t best = 0;
      double most = -1e300;
      for (size_t i = 0; i < e.candidates.size(); ++i) {
        const double s = model.score(e, e.candidates[i]);
        if (s > most) most = s, best = i;
      }
      if (e.candidates.empty()) continue;
      count.exact += e.right[best];
      count.f1 += evaluate::f1(words(e, best), e.answers);
    }
  }
  for (const auto& [set, c] : counts) {
    std::printf("%-50s EM %.1f F1 %.1f of %.0f; a candidate is right for %.1f\n", set.c_str(), 100 * c.exact / c.questions, 100 * c.f1 / c.questions,
                c.questions, 100 * c.possible / c.questions);
  }
}

void rows(const std::vector<Example>& examples) {
  constexpr size_t kNone = 2;  // no fold held out
  const Model model = fit(examples, kNone);
  const auto& names = answer::mark_names();
  for (size_t mark = 0; mark < names.size(); ++mark) {
    std::printf("    {\"%s\"", names[mark].c_str());
    for (size_t writing = 0; writing < answer::kWritings; ++writing) {
      for (size_t c = 0; c < kColumns; ++c) std::printf("%s%d", c == 0 ? ", {" : ", ", static_cast<int>(std::lround(100 * model.merged(writing, mark, c))));
      std::printf("}");
    }
    std::printf("},\n");
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if ((mode != "check" && mode != "rows") || argc < 3) {
    std::fprintf(stderr, "usage: fit_spans check|rows FILE...\n");
    return 2;
  }
  std::vector<Example> examples;
  for (int i = 2; i < argc; ++i) load(argv[i], examples);
  if (mode == "check") check(examples);
  else rows(examples);
  return 0;
}
