#include "answer/evidence.h"

#include <algorithm>
#include <unordered_set>

#include "text/text.h"

namespace sillok::answer {
namespace {

constexpr size_t kMostPieces = 8;   // the first six passages hold the answer for 99 of 100; two more for a second record
constexpr size_t kLeastBudget = 48; // tokens for the text of a piece; less holds no sentence

// A passage and the bytes of its text that were quoted.
struct Wanted {
  const search::PassageResult* passage;
  std::vector<search::Match> quoted;
};

std::vector<Wanted> wanted_passages(const Answer& answer) {
  std::vector<Wanted> wanted;
  const auto want = [&](const search::PassageResult& passage) -> Wanted& {
    for (Wanted& w : wanted) {
      if (w.passage == &passage) return w;
    }
    return wanted.emplace_back(Wanted{&passage, {}});
  };
  for (const auto* quotes : {&answer.quotes, &answer.further}) {
    for (const Quote& quote : *quotes) {
      for (const search::PassageResult& passage : answer.passages) {
        const size_t at = passage.version_id == quote.version_id ? passage.text.find(quote.text) : std::string::npos;
        if (at == std::string::npos) continue;
        want(passage).quoted.push_back({at, at + quote.text.size()});
        break;
      }
    }
  }
  return wanted;
}

bool overlaps(const search::Match& a, const search::Match& b) { return a.begin < b.end && b.begin < a.end; }

// The quoted units and as many beside them, nearest first, as the budget holds; "" if not even one fits.
std::string window(const Wanted& wanted, size_t budget, const std::function<size_t(std::string_view)>& count) {
  const search::PassageResult& passage = *wanted.passage;
  const size_t units = passage.units.size();
  std::vector<bool> taken(units, false);
  size_t spent = 0;
  const auto text_of = [&](size_t u) { return std::string_view(passage.text).substr(passage.units[u].begin, passage.units[u].end - passage.units[u].begin); };
  const auto take = [&](size_t u) {
    if (taken[u]) return;
    const size_t cost = count(escape_evidence(text_of(u))) + 2;  // and what joins it
    if (spent + cost > budget) return;
    spent += cost;
    taken[u] = true;
  };
  std::vector<size_t> centres;
  for (const search::Match& quoted : wanted.quoted) {
    for (size_t u = 0; u < units; ++u) {
      if (overlaps({passage.units[u].begin, passage.units[u].end}, quoted)) centres.push_back(u);
    }
  }
  for (const size_t u : centres) take(u);
  for (size_t distance = 1; distance < units; ++distance) {
    for (const size_t u : centres) {
      if (u >= distance) take(u - distance);
      if (u + distance < units) take(u + distance);
    }
  }
  std::string text;
  for (size_t u = 0, last = 0; u < units; ++u) {
    if (!taken[u]) continue;
    if (!text.empty()) text += last + 1 == u ? "\n" : "\n…\n";
    text += text_of(u);
    last = u;
  }
  return text;
}

}  // namespace

std::string context_of(const search::PassageResult& passage) {
  std::string context = passage.title;
  if (!passage.context.empty() && passage.context != passage.title) context += "\n" + passage.context;
  context += "\n" + passage.record;
  if (passage.valid_from != kDayMin) context += "\n" + format_day(passage.valid_from);
  if (passage.valid_to != kDayMax) context += "\n" + format_day(passage.valid_to - 1);
  return context;
}

std::string head_of(const search::PassageResult& passage, Tongue tongue) {
  const bool korean = tongue == Tongue::kKorean;
  std::string head = collapse_spaces(passage.context.empty() ? passage.title : passage.context);
  head += " (" + passage.record + ", " + (korean ? "판 " : "version ") + std::to_string(passage.version);
  if (passage.valid_from != kDayMin) head += (korean ? ", 시행 " : ", in force from ") + format_day(passage.valid_from);
  if (passage.valid_to != kDayMax) head += (korean ? ", 종료 " : " until ") + format_day(passage.valid_to - 1);
  std::string one_line = escape_evidence(head + ")");
  std::replace(one_line.begin(), one_line.end(), '\n', ' ');
  return one_line;
}

WritingPrompt writing_prompt(std::string_view question, const std::vector<search::PassageResult>& passages) {
  const Tongue tongue = tongue_of(question);
  std::string evidence;
  uint32_t n = 0;
  for (const search::PassageResult& passage : passages) evidence += fenced(tongue, ++n, head_of(passage, tongue), escape_evidence(passage.text));
  return {std::string(system_prompt(tongue)), question_prompt(tongue, evidence, escape_evidence(collapse_spaces(question)))};
}

Evidence pack_evidence(const Answer& answer, Tongue tongue, size_t budget, const std::function<size_t(std::string_view)>& count) {
  Evidence evidence;
  std::unordered_set<std::string> seen;
  for (const Wanted& wanted : wanted_passages(answer)) {
    if (evidence.pieces.size() == kMostPieces) break;
    const search::PassageResult& passage = *wanted.passage;
    if (!seen.insert(text::fold(collapse_spaces(passage.text))).second) continue;
    const auto n = static_cast<uint32_t>(evidence.pieces.size() + 1);
    const std::string head = head_of(passage, tongue);
    std::string shown = fenced(tongue, n, head, escape_evidence(passage.text));
    size_t cost = count(shown);
    if (cost > budget) {
      const size_t frame = count(fenced(tongue, n, head, ""));
      if (frame + kLeastBudget > budget) break;
      const std::string part = window(wanted, budget - frame, count);
      if (part.empty()) continue;
      shown = fenced(tongue, n, head, escape_evidence(part));
      cost = count(shown);
      if (cost > budget) continue;
    }
    budget -= cost;
    evidence.prompt += shown;
    Piece piece;
    piece.n = n;
    piece.context = context_of(passage);
    piece.text = passage.text;
    for (const search::Unit& unit : passage.units) piece.units.push_back({unit.begin, unit.end});
    evidence.pieces.push_back(std::move(piece));
    evidence.passages.push_back(passage);
  }
  return evidence;
}

}  // namespace sillok::answer
