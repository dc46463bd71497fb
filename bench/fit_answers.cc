// Fits the weights of src/answer/select.cc and confidence.cc on homes with gold questions, and says how well they do on
// questions of paragraphs held out.
//
//   fit_answers units|confidence HOME GOLD [HOME GOLD...]
//
// `units`: which unit holds the answer. Softmax over the units of the passages found; two-fold, by paragraph.
// `confidence`: whether the quotes answer. Logistic; five-fold, by paragraph; questions with "answerable": false count
// as unanswered, and one question in four is asked again without its paragraph. A set named twice counts twice. Prints
// rows to paste.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "answer/parts.h"
#include "answer/span.h"
#include "evaluate/evaluate.h"
#include "evaluate/metrics.h"

namespace {

using namespace sillok;
using answer::Candidate;

constexpr size_t kPassages = 6;
constexpr size_t kFolds = 5;

struct Asked {
  search::Response response;
  answer::QuestionForm form;
  answer::Kind kind;
  const evaluate::GoldQuestion* gold;
  size_t fold = 0;
  std::string set;
};

template <size_t N>
using Weights = std::array<double, N>;

struct Listed {
  std::vector<answer::UnitFeatures> units;
  std::vector<char> right;
  size_t fold = 0;
  std::string set;
};

uint64_t next_random(uint64_t& state) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

std::vector<size_t> shuffled(size_t n, uint64_t& state) {
  std::vector<size_t> order(n);
  for (size_t i = 0; i < n; ++i) order[i] = i;
  for (size_t i = n; i > 1; --i) std::swap(order[i - 1], order[next_random(state) % i]);
  return order;
}

constexpr size_t kUnits = answer::kUnitFeatures;

Weights<kUnits> fit_units(const std::vector<Listed>& all, size_t held, const Weights<kUnits>& start) {
  constexpr double kRate = 0.1, kShrink = 1e-4;
  constexpr int kPasses = 6;
  Weights<kUnits> w = start, squares;
  squares.fill(1e-3);
  uint64_t state = 88172645463325252ull;
  for (int pass = 0; pass < kPasses; ++pass) {
    for (const size_t n : shuffled(all.size(), state)) {
      const Listed& list = all[n];
      if (list.fold % 2 == held) continue;
      std::vector<double> p(list.units.size());
      double most = -1e300, sum = 0, right = 0;
      for (size_t i = 0; i < p.size(); ++i) {
        p[i] = 0;
        for (size_t k = 0; k < kUnits; ++k) p[i] += w[k] * list.units[i][k];
        most = std::max(most, p[i]);
      }
      for (size_t i = 0; i < p.size(); ++i) {
        p[i] = std::exp(p[i] - most);
        sum += p[i];
        if (list.right[i]) right += p[i];
      }
      if (right <= 0 || right >= sum) continue;
      for (size_t k = 0; k < kUnits; ++k) {
        double g = kShrink * w[k];
        for (size_t i = 0; i < p.size(); ++i) g += (p[i] / sum - (list.right[i] ? p[i] / right : 0)) * list.units[i][k];
        squares[k] += g * g;
        w[k] -= kRate * g / std::sqrt(squares[k]);
      }
    }
  }
  return w;
}

void report_units(const std::vector<Listed>& all, const std::vector<Weights<kUnits>>& by_fold, const char* what) {
  std::map<std::string, std::array<double, 3>> counts;
  for (const Listed& list : all) {
    auto& [questions, first, three] = counts[list.set];
    ++questions;
    std::vector<std::pair<double, size_t>> order;
    for (size_t i = 0; i < list.units.size(); ++i) {
      double s = 0;
      for (size_t k = 0; k < kUnits; ++k) s += by_fold[list.fold % 2][k] * list.units[i][k];
      order.emplace_back(-s, i);
    }
    std::stable_sort(order.begin(), order.end());
    bool any = false;
    for (size_t i = 0; i < order.size() && i < 3; ++i) {
      any |= list.right[order[i].second] != 0;
      if (i == 0 && any) ++first;
    }
    if (any) ++three;
  }
  for (const auto& [set, c] : counts) std::printf("%s %-40s one %.1f three %.1f of %.0f\n", what, set.c_str(), 100 * c[1] / c[0], 100 * c[2] / c[0], c[0]);
}

std::vector<char> right_units(const Asked& asked, const std::vector<std::pair<size_t, size_t>>& units) {
  std::vector<char> right;
  for (const auto& [p, u] : units) {
    const auto& passage = asked.response.results[p];
    const std::string words = passage.text.substr(passage.units[u].begin, passage.units[u].end - passage.units[u].begin);
    right.push_back(evaluate::contains_answer(words, asked.gold->answers) ? 1 : 0);
  }
  return right;
}

void run_units(const std::vector<Asked>& all) {
  std::vector<Listed> first, second;
  for (const Asked& asked : all) {
    if (!asked.gold->answerable) continue;
    Listed list;
    list.fold = asked.fold;
    list.set = asked.set;
    std::vector<std::pair<size_t, size_t>> units;
    for (size_t p = 0; p < asked.response.results.size(); ++p) {
      for (size_t u = 0; u < asked.response.results[p].units.size(); ++u) {
        units.emplace_back(p, u);
        list.units.push_back(answer::unit_features(asked.response, asked.form, asked.kind, p, u));
      }
    }
    list.right = right_units(asked, units);
    first.push_back(list);
    Listed looked;
    looked.fold = asked.fold;
    looked.set = asked.set;
    units.clear();
    for (const Candidate& c : answer::rank_units(asked.response, asked.form, asked.kind)) {
      units.emplace_back(c.passage, c.unit);
      looked.units.push_back(c.features);
    }
    looked.right = right_units(asked, units);
    second.push_back(std::move(looked));
  }
  const auto weights = answer::unit_weights();
  Weights<kUnits> start1, start2;
  for (size_t k = 0; k < kUnits; ++k) start1[k] = 8 * weights[k].first, start2[k] = 8 * weights[k].second;
  report_units(first, {start1, start1}, "now, first round ");
  report_units(second, {start2, start2}, "now, second round");
  report_units(first, {fit_units(first, 0, start1), fit_units(first, 1, start1)}, "held out, first  ");
  report_units(second, {fit_units(second, 0, start2), fit_units(second, 1, start2)}, "held out, second ");
  const auto w1 = fit_units(first, 9, start1), w2 = fit_units(second, 9, start2);
  for (size_t k = 0; k < kUnits; ++k) {
    std::printf("    {\"%s\", %.3f, %.3f},\n", std::string(weights[k].name).c_str(), w1[k] / 8, w2[k] / 8);
  }
}

// ---- confidence

constexpr size_t kFeatures = answer::kFeatures;
constexpr size_t kByHand = kFeatures - 1;  // the last is not fitted: these sets have too few identifiers
struct Judged {
  answer::Features features;
  bool answered = false;
  size_t fold = 0;
  double weight = 1;
  std::string set;
};
using Logistic = std::array<double, kFeatures + 1>;  // the last is the bias

double logit(const Logistic& w, const answer::Features& f) {
  double s = w[kFeatures];
  for (size_t k = 0; k < kFeatures; ++k) s += w[k] * f[k];
  return s;
}

Logistic fit_logistic(const std::vector<Judged>& all, size_t held) {
  constexpr double kRate = 0.1, kShrink = 2e-4;
  constexpr int kPasses = 20;
  Logistic w{}, squares, mean{};
  squares.fill(1e-3);
  double averaged = 0;
  uint64_t state = 88172645463325252ull;
  for (int pass = 0; pass < kPasses; ++pass) {
    for (const size_t n : shuffled(all.size(), state)) {
      const Judged& j = all[n];
      if (j.fold == held) continue;
      const double d = j.weight * (1 / (1 + std::exp(-logit(w, j.features))) - (j.answered ? 1 : 0));
      for (size_t k = 0; k <= kFeatures; ++k) {
        if (k == kByHand) continue;
        const double g = d * (k < kFeatures ? j.features[k] : 1) + (k < kFeatures ? kShrink * w[k] : 0);
        squares[k] += g * g;
        w[k] -= kRate * g / std::sqrt(squares[k]);
      }
    }
    if (pass < kPasses / 2) continue;
    ++averaged;
    for (size_t k = 0; k <= kFeatures; ++k) mean[k] += w[k];
  }
  for (double& m : mean) m /= averaged;
  return mean;
}

double auroc(std::vector<std::pair<double, bool>> scored) {
  std::sort(scored.begin(), scored.end());
  double wins = 0, below = 0, positives = 0, negatives = 0;
  for (const auto& [score, positive] : scored) {
    if (positive) wins += below, ++positives;
    else ++below, ++negatives;
  }
  return positives * negatives > 0 ? wins / (positives * negatives) : NAN;
}

void report_confidence(const std::vector<Judged>& all, const std::vector<Logistic>& by_fold, const char* what) {
  std::map<std::string, std::vector<std::pair<double, bool>>> sets;
  for (const Judged& j : all) {
    sets[j.set].emplace_back(logit(by_fold[j.fold % by_fold.size()], j.features), j.answered);
  }
  for (const auto& [set, scored] : sets) {
    std::printf("%s %-40s AUROC %.3f of %zu", what, set.c_str(), auroc(scored), scored.size());
    std::vector<double> answered;
    for (const auto& [score, positive] : scored) {
      if (positive) answered.push_back(1 / (1 + std::exp(-score)));
    }
    std::sort(answered.begin(), answered.end());
    if (answered.size() > 100) std::printf("; 1, 2, 5 in 100 answerable below %.3f %.3f %.3f", answered[answered.size() / 100], answered[answered.size() / 50], answered[answered.size() / 20]);
    std::printf("\n");
  }
}

void run_confidence(std::vector<Asked> all) {
  std::vector<Judged> judged;
  std::map<std::string, double> count[2];
  const auto judge = [&](const Asked& asked, bool answered, const std::string& set) {
    const auto chosen = answer::select_units(asked.response, asked.form, asked.kind, 3);
    if (chosen.empty()) return;
    judged.push_back({answer::features(asked.response, asked.form, chosen, asked.kind, nullptr), answered, asked.fold, 1, set});
    ++count[answered ? 1 : 0][set];
  };
  for (Asked& asked : all) {
    const bool again = hash64(asked.gold->id) % 4 == 1 && !asked.gold->records.empty();
    judge(asked, asked.gold->answerable, asked.set);
    if (!again) continue;
    std::erase_if(asked.response.results, [&](const search::PassageResult& r) { return r.record == asked.gold->records[0]; });
    judge(asked, false, asked.set + " without");
  }
  // Sets weigh alike by the root of their size; answered and not alike within a set.
  for (Judged& j : judged) {
    const double total = count[0][j.set] + count[1][j.set];
    if (j.set.ends_with(" without")) j.weight = 0.5;
    else if (count[0][j.set] > 0 && count[1][j.set] > 0) j.weight = 0.5 * total / count[j.answered ? 1 : 0][j.set];
  }
  std::vector<Logistic> folds;
  for (size_t f = 0; f < kFolds; ++f) folds.push_back(fit_logistic(judged, f));
  // "without" is told against the same set's answered questions.
  std::vector<Judged> shown = judged;
  for (const Judged& j : judged) {
    if (j.answered && count[0].contains(j.set + " without")) {
      shown.push_back(j);
      shown.back().set = j.set + " without";
    }
  }
  report_confidence(shown, folds, "held out");
  const Logistic w = fit_logistic(judged, kFolds);
  report_confidence(shown, {w}, "all     ");
  for (size_t k = 0; k < kFeatures; ++k) std::printf("    {\"%s\", %.3f},\n", std::string(answer::feature_name(k)).c_str(), w[k]);
  std::printf("constexpr double kBias = %.3f;\n", w[kFeatures]);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if ((mode != "units" && mode != "confidence") || argc < 4 || argc % 2 != 0) {
    std::fprintf(stderr, "usage: fit_answers units|confidence HOME GOLD [HOME GOLD...]\n");
    return 2;
  }
  std::vector<std::vector<evaluate::GoldQuestion>> golds;
  golds.reserve(static_cast<size_t>(argc));
  std::vector<Asked> all;
  for (int i = 2; i + 1 < argc; i += 2) {
    auto searcher = search::Searcher::open(argv[i]);
    auto gold = evaluate::load_gold(argv[i + 1]);
    if (!searcher || !gold) {
      std::fprintf(stderr, "fit_answers: %s\n", (!searcher ? searcher.error() : gold.error()).message.c_str());
      return 1;
    }
    golds.push_back(std::move(*gold));
    for (const evaluate::GoldQuestion& question : golds.back()) {
      search::Request request;
      request.query = question.question;
      request.limit = kPassages;
      request.per_record = false;
      request.as_of = question.as_of;
      request.evidence = true;
      auto response = searcher->search(request);
      if (!response || response->results.empty()) continue;
      Asked asked;
      asked.kind = answer::kind_of(response->text);
      asked.form = answer::question_form(response->text, asked.kind);
      asked.response = std::move(*response);
      asked.gold = &question;
      asked.fold = question.records.empty() ? hash64(question.id) % kFolds : hash64(question.records[0]) % kFolds;
      asked.set = argv[i];
      all.push_back(std::move(asked));
    }
  }
  if (mode == "units") run_units(all);
  else run_confidence(std::move(all));
  return 0;
}
