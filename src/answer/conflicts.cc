#include <algorithm>
#include <cmath>

#include "answer/parts.h"
#include "text/text.h"

namespace sillok::answer {

namespace {

// True if the two match the same words of the question: of the rarity that either matches, both match nearly all. A fan
// changed on one day and a bearing on another are no contradiction, though the question's other words stand in both.
bool about_the_same(const std::vector<float>& a, const std::vector<float>& b) {
  constexpr float kNearlyAll = 0.85F;
  if (a.size() != b.size()) return false;
  float either = 0, both = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    either += std::max(a[i], b[i]);
    both += std::min(a[i], b[i]);
  }
  return both >= kNearlyAll * either;
}

}  // namespace

// Two quotes conflict when they stand in different records, match the same words of the question about equally well, and
// give different dates or amounts for it. Names are left out: two names may both be right.
std::vector<Conflict> find_conflicts(const std::vector<Quote>& quotes, const std::vector<std::vector<float>>& matched, Kind kind) {
  constexpr double kAboutEqual = 0.12;  // of the question's weight
  SILLOK_CHECK(matched.size() >= quotes.size());
  std::vector<Conflict> conflicts;
  if (kind != Kind::kDate && kind != Kind::kNumber) return conflicts;
  for (size_t i = 0; i < quotes.size(); ++i) {
    for (size_t j = i + 1; j < quotes.size(); ++j) {
      const Quote& a = quotes[i];
      const Quote& b = quotes[j];
      if (!a.span || !b.span || a.record == b.record || std::abs(a.score - b.score) > kAboutEqual) continue;
      if (!about_the_same(matched[i], matched[j])) continue;
      const std::string said_a = a.text.substr(a.span->begin, a.span->end - a.span->begin);
      const std::string said_b = b.text.substr(b.span->begin, b.span->end - b.span->begin);
      const auto plain = [](const std::string& s) {
        std::string out = text::fold(s);
        std::erase_if(out, [](char c) { return c == ' ' || c == ','; });
        return out;
      };
      if (plain(said_a) == plain(said_b)) continue;
      const bool a_newer = a.valid_from >= b.valid_from;
      conflicts.push_back(a_newer ? Conflict{i, j, said_a, said_b} : Conflict{j, i, said_b, said_a});
    }
  }
  std::stable_sort(conflicts.begin(), conflicts.end(), [&](const Conflict& x, const Conflict& y) {
    return quotes[x.newer].valid_from > quotes[y.newer].valid_from;
  });
  return conflicts;
}

}  // namespace sillok::answer
