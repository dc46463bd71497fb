#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "answer/parts.h"
#include "answer/span.h"

namespace sillok::answer {
namespace {

// A linear model over what is seen of a unit, in two rounds: all units without, the best few with a look at what
// in them could be the answer. Fitted by bench/fit_answers on public question sets (docs/ANSWERS.md); these have no titles
// or tables, so what title and headings add stays as it was before the fit, and rows and short units get nothing.
constexpr std::array<UnitWeight, kUnitFeatures> kWeights = {{
    {"matches the question", 1.215, 1.088},
    {"the sentence before adds", 0.551, 0.519},
    {"the sentence after adds", 0.278, 0.276},
    {"title and headings add", 0.5, 0.5},
    {"passage behind the first", 1.974, 1.496},
    {"length", -0.02, -0.045},
    {"a date where one is asked for", 0.321, 0.37},
    {"an amount where one is asked for", 0.287, 0.333},
    {"says nothing but the question", -0.3, -0.3},
    {"a field or a row", 0, 0},
    {"key", 0.117, 0.076},
    {"second key", 0.081, 0.054},
    {"span: date or number", 0, 0.286},
    {"span: person or place", 0, 0.399},
    {"span: which", 0, 0.431},
    {"short", 0, 0},
}};

constexpr size_t kLookedInto = 6;  // units of the second round

// "Date: Mon, 05 Jan 2026" or a row: what stands before it is another field, not the sentence before.
bool is_field(std::string_view words) {
  if (words.find(" | ") != words.npos) return true;
  constexpr size_t kLongestName = 40;  // bytes
  const size_t colon = words.find(": ");
  return colon != words.npos && colon > 0 && colon <= kLongestName && words.find(". ") == words.npos;
}

std::string_view text_of(const search::PassageResult& passage, size_t unit) {
  const search::Unit& u = passage.units[unit];
  return std::string_view(passage.text).substr(u.begin, u.end - u.begin);
}

double sum(const UnitFeatures& f, double UnitWeight::*round) {
  double total = 0;
  for (size_t i = 0; i < kUnitFeatures; ++i) total += kWeights[i].*round * f[i];
  return total;
}

}  // namespace

UnitFeatures unit_features(const search::Response& response, const QuestionForm& form, Kind kind, size_t p, size_t u) {
  const search::PassageResult& passage = response.results[p];
  const search::Unit& unit = passage.units[u];
  const std::string_view words = text_of(passage, u);
  const bool field = is_field(words);
  UnitFeatures f{};
  f[0] = static_cast<double>(unit.own);
  f[1] = field ? 0 : static_cast<double>(unit.previous);
  f[2] = field ? 0 : static_cast<double>(unit.next);
  f[3] = static_cast<double>(unit.context);
  f[4] = passage.share - response.results[0].share;
  f[5] = std::log(1.0 + static_cast<double>(words.size()));
  if (kind == Kind::kDate || kind == Kind::kNumber) f[kind == Kind::kDate ? 6 : 7] = holds_kind(form, kind, words) ? 1 : 0;
  f[9] = field ? 1 : 0;
  bool news = false;
  size_t content = 0;
  for (const Word& word : words_in(form, words)) {
    if (word.small) continue;
    ++content;
    news |= word.known < 0.5f && !word.function;
    if (word.key[0]) f[10] = 1;
    if (word.key[1]) f[11] = 1;
  }
  f[8] = news ? 0 : 1;
  constexpr size_t kFew = 3;
  f[15] = content <= kFew ? 1 : 0;
  return f;
}

void look_into(const QuestionForm& form, Kind kind, std::string_view words, UnitFeatures& f, std::optional<search::Match>& span) {
  constexpr double kScale = 0.1;  // scores of spans are about -5..15
  span.reset();
  const auto found = find_span(form, kind, words);
  if (!found) return;
  span = found->span;
  const bool value = form.asked == Asked::kYear || form.asked == Asked::kDate || form.asked == Asked::kNumber;
  const bool name = form.asked == Asked::kPerson || form.asked == Asked::kPlace;
  f[value ? 12 : name ? 13 : 14] = kScale * found->score;
}

std::vector<Candidate> rank_units(const search::Response& response, const QuestionForm& form, Kind kind) {
  std::vector<Candidate> candidates;
  const auto& results = response.results;
  for (size_t p = 0; p < results.size(); ++p) {
    for (size_t u = 0; u < results[p].units.size(); ++u) {
      Candidate candidate;
      candidate.passage = p;
      candidate.unit = u;
      candidate.features = unit_features(response, form, kind, p, u);
      candidate.score = sum(candidate.features, &UnitWeight::first);
      candidates.push_back(std::move(candidate));
    }
  }
  const auto better = [](const Candidate& a, const Candidate& b) { return a.score > b.score; };
  std::stable_sort(candidates.begin(), candidates.end(), better);
  std::vector<Candidate> kept;
  std::unordered_set<std::string_view> seen;
  for (Candidate& candidate : candidates) {
    if (kept.size() == kLookedInto) break;
    const std::string_view words = text_of(results[candidate.passage], candidate.unit);
    if (!seen.insert(words).second) continue;
    look_into(form, kind, words, candidate.features, candidate.span);
    candidate.score = sum(candidate.features, &UnitWeight::second);
    kept.push_back(std::move(candidate));
  }
  std::stable_sort(kept.begin(), kept.end(), better);
  return kept;
}

std::vector<Candidate> select_units(const search::Response& response, const QuestionForm& form, Kind kind, size_t count) {
  std::vector<Candidate> chosen = rank_units(response, form, kind);
  if (chosen.size() > count) chosen.resize(count);
  return chosen;
}

std::vector<UnitWeight> unit_weights() { return {kWeights.begin(), kWeights.end()}; }

}  // namespace sillok::answer
