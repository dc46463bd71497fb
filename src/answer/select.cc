#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "answer/parts.h"

namespace sillok::answer {
namespace {

// Fitted on public question sets (docs/ANSWERS.md): what the sentence before says counts half (it names what "he" and
// "it" stand for), the sentence after little, the passage's own rank fully.
constexpr double kPrevious = 0.5;
constexpr double kNext = 0.15;
constexpr double kContext = 0.5;     // title and headings name what the sentence takes for granted
constexpr double kPassage = 2.0;     // shares are of the highest score, about twice the question's weight
constexpr double kDateBonus = 0.3;   // a date where one is asked for
constexpr double kNumberBonus = 0.18;
constexpr double kLonger = 0.007;    // per e-fold of length: longer sentences hold more

double kind_bonus(Kind kind) {
  if (kind == Kind::kDate) return kDateBonus;
  return kind == Kind::kNumber ? kNumberBonus : 0;
}

}  // namespace

std::vector<Candidate> select_units(const search::Response& response, Kind kind, size_t count) {
  std::vector<Candidate> candidates;
  const auto& results = response.results;
  for (size_t p = 0; p < results.size(); ++p) {
    const std::string_view text = results[p].text;
    for (size_t u = 0; u < results[p].units.size(); ++u) {
      const search::Unit& unit = results[p].units[u];
      const std::string_view words = text.substr(unit.begin, unit.end - unit.begin);
      double score = static_cast<double>(unit.own) + kPrevious * static_cast<double>(unit.previous) +
                     kNext * static_cast<double>(unit.next) + kContext * static_cast<double>(unit.context) +
                     kPassage * (results[p].share - results[0].share) +
                     kLonger * std::log(1.0 + static_cast<double>(words.size()));
      if (kind_bonus(kind) > 0 && holds_kind(response.text, kind, words)) score += kind_bonus(kind);
      candidates.push_back({p, u, score});
    }
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
  std::vector<Candidate> chosen;
  std::unordered_set<std::string> seen;
  for (const Candidate& candidate : candidates) {
    if (chosen.size() == count) break;
    const search::PassageResult& passage = results[candidate.passage];
    const search::Unit& unit = passage.units[candidate.unit];
    if (seen.insert(passage.text.substr(unit.begin, unit.end - unit.begin)).second) chosen.push_back(candidate);
  }
  return chosen;
}

}  // namespace sillok::answer
