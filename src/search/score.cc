// Texts that are in no index, scored against a query: BM25 over their terms.
#include <cmath>
#include <unordered_map>

#include "search/query.h"
#include "search/search.h"
#include "text/text.h"

namespace sillok::search {

std::vector<double> score_texts(std::string_view query, const std::vector<std::string>& texts) {
  const std::u32string folded = to_utf32(text::fold(clean_utf8(query)));
  const std::vector<QuestionTerm> terms = question_terms(folded);
  const RankProfile& profile = rank_profile(folded);
  std::unordered_map<TermId, size_t> place;
  for (size_t t = 0; t < terms.size(); ++t) place.emplace(terms[t].id, t);

  std::vector<std::vector<uint32_t>> counts(texts.size(), std::vector<uint32_t>(terms.size()));
  std::vector<double> lengths;
  std::vector<double> holding(terms.size());
  double total = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    const std::vector<Term> found = extract_terms(to_utf32(text::fold(clean_utf8(texts[i]))));
    for (const Term& term : found) {
      if (const auto at = place.find(term.id); at != place.end()) holding[at->second] += counts[i][at->second]++ == 0 ? 1 : 0;
    }
    lengths.push_back(static_cast<double>(found.size()));
    total += lengths.back();
  }
  const double n = static_cast<double>(texts.size()), mean = texts.empty() || total == 0 ? 1 : total / n;
  std::vector<double> scores(texts.size());
  for (size_t t = 0; t < terms.size(); ++t) {
    const double idf = std::log(1 + (n - holding[t] + 0.5) / (holding[t] + 0.5));
    const double weight = static_cast<double>(terms[t].weight) * std::pow(idf, static_cast<double>(profile.idf_power));
    for (size_t i = 0; i < texts.size(); ++i) {
      const double tf = counts[i][t];
      const auto k1 = static_cast<double>(profile.k1), b = static_cast<double>(profile.b);
      scores[i] += weight * tf * (k1 + 1) / (tf + k1 * (1 - b + b * lengths[i] / mean));
    }
  }
  return scores;
}

}  // namespace sillok::search
