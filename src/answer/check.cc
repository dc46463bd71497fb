#include "answer/check.h"

#include <algorithm>
#include <cmath>

#include "answer/contrast.h"
#include "text/text.h"

namespace sillok::answer {
namespace {

using std::size_t;

constexpr double kOwnPart = 0.3;      // of a clause's words that a piece must hold to vouch for a fact in it
constexpr double kNeighbour = 0.85;   // how much a word counts that stands in the sentence before or after
constexpr double kNowhere = 0.1;      // of a word: less is not there at all
constexpr size_t kLongNoun = 3;       // syllables or letters

}  // namespace

// What a piece has of a clause, in its best unit.
struct Checker::Match {
  size_t unit = 0;
  std::vector<double> found;    // of each word
  std::vector<double> alone;    // the same in the unit and context, without neighbours
  std::vector<bool> facts;      // of each fact
  double share = 0;             // of the clause's weight
  double own = 0;               // the same without the context
  bool turned = false;          // negated where the other is not, or an opposite
  bool elsewhere = false;       // in a row or list: what it is said of stands at another
};

Checker::Checker(std::string_view question, std::vector<Piece> pieces, Encoder* encoder)
    : form_(question_form(question, kind_of(question))), pieces_(std::move(pieces)), encoder_(encoder) {
  for (const Piece& piece : pieces_) {
    std::vector<Ground> grounds;
    for (const search::Match& unit : piece.units) grounds.push_back(ground_of(std::string_view(piece.text).substr(unit.begin, unit.end - unit.begin)));
    grounds_.push_back(std::move(grounds));
    contexts_.push_back(ground_of(piece.context));
  }
}
Checker::~Checker() = default;

Checker::Match Checker::match(const Clause& clause, size_t p) const {
  const std::vector<Ground>& grounds = grounds_[p];
  const Ground& context = contexts_[p];
  Match best;
  double best_score = -1;
  for (size_t u = 0; u < grounds.size(); ++u) {
    Match m;
    m.unit = u;
    double weight = 0, own = 0;
    // A sentence leans on those beside it; a row stands alone.
    std::vector<const Ground*> beside;
    const Piece& piece = pieces_[p];
    const bool before_in_line = u > 0 && !grounds[u].row && piece.text.substr(piece.units[u - 1].end, piece.units[u].begin - piece.units[u - 1].end).find('\n') == std::string::npos;
    if (!grounds[u].row && u > 0 && !grounds[u - 1].row) beside.push_back(&grounds[u - 1]);
    if (!grounds[u].row && u + 1 < grounds.size() && !grounds[u + 1].row) beside.push_back(&grounds[u + 1]);
    for (const SaidWord& word : clause.words) {
      const double here = found_in(word, grounds[u].run, grounds[u].words);
      const double titled = std::max(here, found_in(word, context.run, context.words));
      double found = titled;
      for (const Ground* ground : beside) found = std::max(found, kNeighbour * found_in(word, ground->run, ground->words));
      own += word.weight * here;
      weight += word.weight * found;
      m.found.push_back(found);
      m.alone.push_back(titled);
    }
    double facts = 0;
    for (const Fact& fact : clause.facts) {
      const auto in = [&](const Ground& ground) { return std::any_of(ground.facts.begin(), ground.facts.end(), [&](const Fact& known) { return says(known, fact); }); };
      const bool there = in(grounds[u]);
      const bool before = before_in_line && (fact.type == Fact::Type::kDate || fact.type == Fact::Type::kTime) && in(grounds[u - 1]);
      m.facts.push_back(there || before || in(context));
      facts += there ? 1 : m.facts.back() ? 0.5 : 0;
    }
    // Each fact counts as a word that is there; without one that is not the sentence falls anyway.
    const double said = clause.weight + static_cast<double>(clause.facts.size()) * kContent;
    m.share = said > 0 ? (weight + kContent * static_cast<double>(std::count(m.facts.begin(), m.facts.end(), true))) / said : 1;
    m.own = clause.weight > 0 ? own / clause.weight : 1;
    const double score = m.share + m.own + facts;
    if (score > best_score) {
      best_score = score;
      best = std::move(m);
    }
  }
  if (grounds.empty()) return best;
  // Negated alike? Asked of the clauses of the unit that say most of it.
  const Ground& ground = grounds[best.unit];
  std::vector<double> shares;
  for (const Part& part : ground.parts) {
    double share = 0;
    for (const SaidWord& word : clause.words) share += word.weight * found_in(word, part.run, ground.words);
    shares.push_back(share);
  }
  const double most = shares.empty() ? 0 : *std::max_element(shares.begin(), shares.end());
  bool alike = ground.parts.empty();
  for (size_t i = 0; i < shares.size(); ++i) alike |= shares[i] >= 0.6 * most && ground.parts[i].negations % 2 == clause.negations % 2;
  best.turned = !alike || opposes(clause.plain_words, ground.plain_words);
  best.elsewhere = ground.row ? of_another_row(clause, best, p) : of_another_part(clause, ground) || of_another_sentence(clause, best, p);
  return best;
}

// True if a word or fact of the clause is not in this row but in another: whose value is it?
bool Checker::of_another_row(const Clause& clause, const Match& best, size_t p) const {
  constexpr double kThere = 0.95;
  for (size_t u = 0; u < grounds_[p].size(); ++u) {
    const Ground& other = grounds_[p][u];
    if (u == best.unit || !other.row) continue;
    for (size_t w = 0; w < clause.words.size(); ++w) {
      const SaidWord& word = clause.words[w];
      if (word.weight < kVerb || best.alone[w] >= kHalf) continue;
      const bool there = word.verb ? word.folded.size() >= 2 && other.run.find(word.folded.substr(0, 2)) != other.run.npos
                                   : found_in(word, other.run, other.words) >= kThere;
      if (there) return true;
    }
  }
  return false;
}

// True if a word of the clause stands in another sentence alone, which has an amount of the same kind: "kept for 30 days.
// Footage of an incident is kept for two years."
bool Checker::of_another_sentence(const Clause& clause, const Match& best, size_t p) const {
  const Ground& ground = grounds_[p][best.unit];
  const auto amounts_alike = [&](const Fact& fact, const Ground& other) {
    return fact.type != Fact::Type::kIdentifier && std::any_of(ground.facts.begin(), ground.facts.end(), [&](const Fact& f) { return says(f, fact); }) &&
           std::any_of(other.facts.begin(), other.facts.end(), [&](const Fact& f) { return one_dimension(f, fact) && !says(f, fact); });
  };
  for (const size_t u : {best.unit - 1, best.unit + 1}) {
    if (u >= grounds_[p].size() || grounds_[p][u].row) continue;
    const Ground& other = grounds_[p][u];
    if (std::none_of(clause.facts.begin(), clause.facts.end(), [&](const Fact& fact) { return amounts_alike(fact, other); })) continue;
    for (size_t w = 0; w < clause.words.size(); ++w) {
      const SaidWord& word = clause.words[w];
      if (!word.verb && word.weight >= kAsked && best.alone[w] < kHalf && found_in(word, other.run, other.words) >= kParts) return true;
    }
  }
  return false;
}

// True if the clause goes on about another row than the one before without a word that says so.
bool Checker::strays(const Clause& clause, const Match& now, const Match& before, size_t p) const {
  const std::vector<Ground>& grounds = grounds_[p];
  if (now.unit == before.unit || !grounds[now.unit].row || !grounds[before.unit].row) return false;
  for (const SaidWord& word : clause.words) {
    const bool here = found_in(word, grounds[now.unit].run, grounds[now.unit].words) >= kHalf;
    if (!word.verb && word.weight >= kAsked && here && found_in(word, grounds[before.unit].run, grounds[before.unit].words) < kHalf) return false;
  }
  const auto said_in = [&](const Fact& fact, const Ground& ground) {
    return std::any_of(ground.facts.begin(), ground.facts.end(), [&](const Fact& known) { return says(known, fact); });
  };
  return std::any_of(clause.facts.begin(), clause.facts.end(), [&](const Fact& fact) {
    return fact.type != Fact::Type::kIdentifier && !said_in(fact, grounds[before.unit]) && !said_in(fact, contexts_[p]);
  });
}

// In "연삭실 83 dB, 주물 손질장 91 dB": true if the word before the clause's value stands with another value of its kind.
bool Checker::of_another_part(const Clause& clause, const Ground& ground) const {
  if (ground.parts.size() < 2) return false;
  const auto same_kind = [](const Fact& a, const Fact& b) { return a.type == b.type && a.unit == b.unit; };
  for (const Fact& fact : clause.facts) {
    if (fact.type == Fact::Type::kIdentifier) continue;
    const SaidWord* key = nullptr;
    for (const SaidWord& word : clause.words) {
      if (word.begin < fact.span.begin && !word.verb && word.weight >= kAsked && found_in(word, ground.run, ground.words) >= kHalf) key = &word;
    }
    if (key == nullptr) continue;
    bool apart = false, together = false;
    for (const Part& part : ground.parts) {
      if (found_in(*key, part.run, ground.words) < kHalf || part.run.find(key->folded) == part.run.npos) continue;
      const bool has = std::any_of(part.facts.begin(), part.facts.end(), [&](const Fact& f) { return says(f, fact); });
      const bool another = std::any_of(part.facts.begin(), part.facts.end(), [&](const Fact& f) { return same_kind(f, fact); });
      (has || !another ? together : apart) = true;
    }
    if (apart && !together) return true;
  }
  return false;
}

Verdict Checker::weigh(const std::vector<Clause>& clauses, const std::vector<size_t>& cited) const {
  Verdict verdict;
  double all = 0, found_all = 0;
  std::unordered_set<size_t> used;
  bool exact = true;
  size_t strange = 0;
  const auto missing = [&](const std::string& what) {
    exact = false;
    if (verdict.why.empty()) verdict.why = what;
  };
  std::vector<Match> before;  // what the clause before found in each piece
  for (const Clause& clause : clauses) {
    std::vector<Match> matches;
    for (const size_t p : cited) matches.push_back(match(clause, p));
    // Best piece first; another helps where it holds a part of the clause itself.
    std::vector<size_t> order(cited.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    const auto rank = [&](size_t i) {
      return matches[i].share + static_cast<double>(std::count(matches[i].facts.begin(), matches[i].facts.end(), true)) - (matches[i].turned ? 1 : 0) - (matches[i].elsewhere ? 1 : 0);
    };
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return rank(a) > rank(b); });
    std::vector<double> found(clause.words.size(), 0);
    std::vector<bool> facts(clause.facts.size(), false);
    bool turned = false, elsewhere = false;
    for (size_t k = 0; k < order.size(); ++k) {
      const Match& m = matches[order[k]];
      if (m.found.empty() && m.facts.empty()) continue;
      if (k > 0 && m.share < kOwnPart) continue;
      bool adds = k == 0;
      for (size_t f = 0; f < facts.size(); ++f) {
        if (!m.facts[f] || facts[f]) continue;
        facts[f] = true;
        adds = true;
      }
      for (size_t w = 0; w < found.size(); ++w) {
        if (m.found[w] > found[w] + kHalf && clause.words[w].weight >= kAsked) adds = true;
      }
      if (!adds) continue;
      for (size_t w = 0; w < found.size(); ++w) found[w] = std::max(found[w], m.found[w]);
      if (k == 0) {
        turned = m.turned;
        elsewhere = m.elsewhere || (!before.empty() && strays(clause, m, before[order[k]], cited[order[k]]));
      }
      if (used.insert(cited[order[k]]).second) verdict.places.push_back({cited[order[k]], m.unit});
    }
    all += clause.weight;
    for (size_t w = 0; w < found.size(); ++w) {
      found_all += clause.words[w].weight * found[w];
      const SaidWord& word = clause.words[w];
      // A noun of three syllables or more that is nowhere, not even in parts: who or what is that?
      if (word.weight >= kContent && !word.verb && found[w] < kNowhere && word.folded.size() >= kLongNoun) ++strange;
      if (clause.words[w].name && found[w] < kHalf) missing("the name '" + to_utf8(clause.words[w].folded) + "'");
    }
    for (size_t f = 0; f < facts.size(); ++f) {
      if (!facts[f]) missing("'" + clause.text.substr(clause.facts[f].span.begin, clause.facts[f].span.end - clause.facts[f].span.begin) + "'");
    }
    before = std::move(matches);
    all += kContent * static_cast<double>(facts.size());
    found_all += kContent * static_cast<double>(std::count(facts.begin(), facts.end(), true));
    if (elsewhere) missing("it is said of another: '" + shorten(clause.text, 40) + "'");
    if (turned) missing("it is negated, or an opposite: '" + shorten(clause.text, 40) + "'");
  }
  verdict.support = all > 0 ? found_all / all : 0;
  const double needed = strange > 0 ? kStrange : kSupported;
  if (verdict.support < needed && verdict.why.empty()) verdict.why = "too few of its words";
  verdict.exact = exact;
  if (!exact) verdict.support = std::min(verdict.support, kSupported / 2);
  verdict.supported = exact && verdict.support >= needed;
  for (const Verdict::Place& place : verdict.places) verdict.cites.push_back(pieces_[place.piece].n);
  std::sort(verdict.cites.begin(), verdict.cites.end());
  return verdict;
}

Verdict Checker::check(std::string_view sentence, const std::vector<uint32_t>& cites) const {
  std::vector<Clause> clauses;
  for (std::string_view clause : clauses_of(sentence)) clauses.push_back(clause_of(form_, clause));
  double weight = 0;
  size_t facts = 0;
  for (const Clause& clause : clauses) {
    weight += clause.weight;
    facts += clause.facts.size();
  }
  Verdict none;
  none.why = "it says nothing";
  if (weight < kContent && facts == 0) return none;
  std::vector<size_t> cited;
  for (size_t p = 0; p < pieces_.size(); ++p) {
    if (std::find(cites.begin(), cites.end(), pieces_[p].n) != cites.end()) cited.push_back(p);
  }
  Verdict verdict;
  verdict.why = "it cites nothing";
  if (!cited.empty()) {
    verdict = weigh(clauses, cited);
    if (verdict.supported) return verdict;
  }
  Verdict clear;
  for (size_t p = 0; p < pieces_.size(); ++p) {
    Verdict other = weigh(clauses, {p});
    if (other.supported && other.support >= kClear && other.support > clear.support) clear = std::move(other);
  }
  if (clear.supported || encoder_ == nullptr) return clear.supported ? clear : verdict;
  std::vector<size_t> all(pieces_.size());
  for (size_t p = 0; p < all.size(); ++p) all[p] = p;
  for (const auto& [where, by_citation] : {std::pair{cited, true}, {all, false}}) {
    if (where.empty()) continue;
    Verdict meant = weigh_meaning(sentence, where, by_citation);
    if (meant.supported) return meant;
    if (verdict.trouble.empty()) verdict.trouble = meant.trouble;
    if (!meant.why.empty()) verdict.why = meant.why;
  }
  return verdict;
}

Result<SentenceCheck> check_sentence(std::string_view question, std::string_view context, std::string_view text, std::string_view sentence, Encoder* encoder) {
  Piece piece;
  piece.n = 1;
  piece.context = std::string(context);
  piece.text = std::string(text);
  for (std::string_view line : split(text, '\n')) {
    const auto begin = static_cast<size_t>(line.data() - text.data());
    if (is_row(line)) {
      piece.units.push_back({begin, begin + line.size()});
    } else {
      for (const text::Span span : text::sentences(line)) piece.units.push_back({begin + span.begin, begin + span.end});
    }
  }
  Verdict verdict = Checker(question, {std::move(piece)}, encoder).check(sentence, {1});
  if (!verdict.trouble.empty()) return fail(ErrorCode::kInternal, "the encoder could not be asked: " + verdict.trouble);
  return SentenceCheck{verdict.supported, verdict.by_meaning, verdict.support, std::move(verdict.why)};
}

}  // namespace sillok::answer
