// Whether the evidence means what a sentence says, where its words are other ones: asked of an encoder, clause by clause.
//
// A cosine knows what a sentence is about, hardly who, how much or whether not. So the nearest unit alone counts, and there
// must stand every number, date and identifier, negation must agree, and no value may be left that it could be taken for.
#include <algorithm>
#include <numeric>
#include <optional>

#include "answer/check.h"
#include "answer/contrast.h"
#include "text/text.h"

namespace sillok::answer {
namespace {

constexpr double kLeastClause = 2;   // of words' weight: a clause of less is read with the one beside it
constexpr double kClearer = 0.25;    // of what is left to 1: by how much more a piece that was not cited must be near
constexpr double kNearly = 0.1;      // of what is left to 1: units so near to the nearest might be meant instead

double cosine(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() ? std::inner_product(a.begin(), a.end(), b.begin(), 0.0) : 0;
}

std::string_view text_of(const Piece& piece, size_t unit) {
  return std::string_view(piece.text).substr(piece.units[unit].begin, piece.units[unit].end - piece.units[unit].begin);
}

bool is_hangul(std::string_view text) { return main_tongue(text) == Tongue::kKorean; }

// Korean 없어지다 counts as a negation, and where it stands English may say that something is void.
bool is_negated(std::string_view text) {
  const std::vector<std::string> words = folded_words(text);
  const auto voids = std::count_if(words.begin(), words.end(), [](const std::string& word) { return word == "void" || word == "voids" || word == "voided" || word == "lapses"; });
  return (count_negations(text) + static_cast<size_t>(voids)) % 2 == 1;
}

// "According to WS-102" has little: an identifier says of what, not what.
double content_of(const Clause& clause) {
  const auto values = std::count_if(clause.facts.begin(), clause.facts.end(), [](const Fact& fact) { return fact.type != Fact::Type::kIdentifier; });
  return clause.weight + kContent * static_cast<double>(values);
}

// The sentence's clauses, those too short to mean anything by themselves joined with the next.
std::vector<Clause> whole_clauses(const QuestionForm& form, std::string_view sentence) {
  std::vector<std::string_view> spans;
  std::vector<Clause> clauses;
  for (std::string_view part : clauses_of(sentence)) {
    if (!clauses.empty() && content_of(clauses.back()) < kLeastClause) {
      const char* begin = spans.back().data();
      spans.back() = {begin, static_cast<size_t>(part.data() + part.size() - begin)};
      clauses.back() = clause_of(form, spans.back());
      continue;
    }
    spans.push_back(part);
    clauses.push_back(clause_of(form, part));
  }
  if (clauses.size() > 1 && content_of(clauses.back()) < kLeastClause) {
    const std::string_view last = spans.back();
    spans.pop_back();
    clauses.pop_back();
    spans.back() = {spans.back().data(), static_cast<size_t>(last.data() + last.size() - spans.back().data())};
    clauses.back() = clause_of(form, spans.back());
  }
  return clauses;
}

bool any_says(const std::vector<Fact>& known, const Fact& said) {
  return std::any_of(known.begin(), known.end(), [&](const Fact& fact) { return says(fact, said); });
}

// A value of the same kind that the clause does not give: "83 dB" where it says 91 dB.
bool gives_another(const std::vector<Fact>& known, const Clause& clause, const Fact& said) {
  return std::any_of(known.begin(), known.end(), [&](const Fact& fact) {
    return one_dimension(fact, said) && std::none_of(clause.facts.begin(), clause.facts.end(), [&](const Fact& own) { return says(fact, own); });
  });
}

}  // namespace

// The unit nearest to a clause.
struct Checker::Near {
  size_t piece = 0, unit = 0;
  double cosine = -1;
  bool negated = false;                // its clause that is nearest, if it has several
  std::vector<Verdict::Place> nearly;  // other units that might be meant
};

// A unit is as near as it is whole or as the nearest of its clauses.
Result<Checker::Near> Checker::nearest(const Clause& clause, const std::vector<size_t>& pieces, double margin) const {
  struct Spot {
    Verdict::Place place;
    size_t first = 0, count = 1;  // of texts: the unit, then its clauses if it has several
  };
  std::vector<std::string> texts = {clause.text};
  std::vector<Spot> candidates;
  for (const size_t p : pieces) {
    for (size_t u = 0; u < pieces_[p].units.size(); ++u) {
      const std::string_view unit = text_of(pieces_[p], u);
      if (trim(unit).empty()) continue;
      candidates.push_back({{p, u}, texts.size(), 1});
      texts.emplace_back(unit);
      const auto parts = clauses_of(unit);
      if (parts.size() < 2) continue;
      texts.insert(texts.end(), parts.begin(), parts.end());
      candidates.back().count += parts.size();
    }
  }
  SILLOK_ASSIGN(const std::vector<std::vector<float>> vectors, encoder_->encode(texts));
  if (vectors.size() != texts.size()) return fail(ErrorCode::kInternal, "the encoder gave " + std::to_string(vectors.size()) + " vectors for " + std::to_string(texts.size()) + " texts");
  std::vector<double> cosines;
  for (const std::vector<float>& vector : vectors) cosines.push_back(cosine(vectors[0], vector));
  const auto best_of = [&](const Spot& c, size_t skipped) {
    return static_cast<size_t>(std::max_element(cosines.begin() + static_cast<std::ptrdiff_t>(c.first + skipped), cosines.begin() + static_cast<std::ptrdiff_t>(c.first + c.count)) - cosines.begin());
  };
  Near near;
  for (const Spot& c : candidates) {
    const double cosine = cosines[best_of(c, 0)];
    if (cosine <= near.cosine) continue;
    near.piece = c.place.piece;
    near.unit = c.place.unit;
    near.cosine = cosine;
    near.negated = is_negated(texts[best_of(c, c.count > 1 ? 1 : 0)]);
  }
  for (const Spot& c : candidates) {
    const bool itself = c.place.piece == near.piece && c.place.unit == near.unit;
    // The rows of a table differ in little more than whose value it is.
    const bool rows = c.place.piece == near.piece && grounds_[near.piece][near.unit].row && grounds_[c.place.piece][c.place.unit].row;
    if (!itself && cosines[best_of(c, 0)] >= (rows ? encoder_->support() : near.cosine - margin)) near.nearly.push_back(c.place);
  }
  return near;
}

// What stands against it that the unit says it; "" if nothing does.
std::string Checker::objection(const Clause& clause, const Near& near) const {
  const Ground& ground = grounds_[near.piece][near.unit];
  const Ground& context = contexts_[near.piece];
  const auto quoted = [&](const Fact& fact) { return "'" + clause.text.substr(fact.span.begin, fact.span.end - fact.span.begin) + "'"; };
  for (const Fact& fact : clause.facts) {
    const bool here = any_says(ground.facts, fact);
    if (!here && !any_says(context.facts, fact)) return quoted(fact);
    // Which of two values is whose, a cosine does not tell.
    if (here && gives_another(ground.facts, clause, fact)) return quoted(fact) + " might be another's";
    for (const Verdict::Place& other : near.nearly) {
      const Ground& rival = grounds_[other.piece][other.unit];
      if (!any_says(rival.facts, fact) && gives_another(rival.facts, clause, fact)) return quoted(fact) + " might be another's";
    }
  }
  // In one language a name is written alike and opposites are told by their words; across two the encoder must do.
  if (is_hangul(clause.text) != is_hangul(text_of(pieces_[near.piece], near.unit))) return {};
  for (const SaidWord& word : clause.words) {
    if (word.name && found_in(word, ground.run, ground.words) < kHalf && found_in(word, context.run, context.words) < kHalf) return "the name '" + to_utf8(word.folded) + "'";
  }
  if (opposes(clause.plain_words, ground.plain_words)) return "an opposite";
  return {};
}

Verdict Checker::weigh_meaning(std::string_view sentence, const std::vector<size_t>& pieces, bool cited) const {
  const double support = encoder_->support(), least = cited ? support : support + kClearer * (1 - support);
  Verdict verdict;
  verdict.support = 1;
  const auto add = [&](const Verdict::Place& place) {
    const bool known = std::any_of(verdict.places.begin(), verdict.places.end(), [&](const Verdict::Place& p) { return p.piece == place.piece && p.unit == place.unit; });
    if (!known) verdict.places.push_back(place);
  };
  const auto not_said = [&](std::string why) {
    verdict.why = std::move(why);
    return verdict;
  };
  for (const Clause& clause : whole_clauses(form_, sentence)) {
    const Verdict by_words = weigh({clause}, pieces);
    if (by_words.supported && (cited || by_words.support >= kClear)) {
      for (const Verdict::Place& place : by_words.places) add(place);
      continue;
    }
    // In one language the words have already told what is another's, or negated.
    const bool one_language = !by_words.places.empty() && is_hangul(clause.text) == is_hangul(pieces_[by_words.places.front().piece].text);
    if (one_language && !by_words.exact) return not_said(by_words.why);
    const auto near = nearest(clause, pieces, kNearly * (1 - support));
    if (!near) {
      verdict.trouble = near.error().message;
      return not_said("the encoder failed");
    }
    verdict.support = std::min(verdict.support, std::max(0.0, near->cosine));
    if (near->cosine < least) return not_said("neither its words nor its meaning: '" + shorten(clause.text, 40) + "'");
    if (std::string why = objection(clause, *near); !why.empty()) return not_said(std::move(why));
    if (near->negated != is_negated(clause.text)) return not_said("it is negated: '" + shorten(clause.text, 40) + "'");
    verdict.by_meaning = true;
    add({near->piece, near->unit});
  }
  verdict.supported = verdict.by_meaning;
  for (const Verdict::Place& place : verdict.places) verdict.cites.push_back(pieces_[place.piece].n);
  std::sort(verdict.cites.begin(), verdict.cites.end());
  verdict.cites.erase(std::unique(verdict.cites.begin(), verdict.cites.end()), verdict.cites.end());
  return verdict;
}

}  // namespace sillok::answer
