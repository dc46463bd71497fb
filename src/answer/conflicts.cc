#include <algorithm>
#include <cmath>

#include "answer/parts.h"
#include "text/text.h"

namespace sillok::answer {

// Two quotes conflict when they stand in different records, match the question about equally well, and give
// different dates or amounts for it. Names are left out: two names may both be right.
std::vector<Conflict> find_conflicts(const std::vector<Quote>& quotes, Kind kind) {
  constexpr double kAboutEqual = 0.12;  // of the question's weight
  std::vector<Conflict> conflicts;
  if (kind != Kind::kDate && kind != Kind::kNumber) return conflicts;
  for (size_t i = 0; i < quotes.size(); ++i) {
    for (size_t j = i + 1; j < quotes.size(); ++j) {
      const Quote& a = quotes[i];
      const Quote& b = quotes[j];
      if (!a.span || !b.span || a.record == b.record || std::abs(a.score - b.score) > kAboutEqual) continue;
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
