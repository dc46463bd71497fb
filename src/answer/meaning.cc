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
constexpr double kNearly = 0.1;      // of what is left to 1: units so near to the nearest might be meant instead

double cosine(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() ? std::inner_product(a.begin(), a.end(), b.begin(), 0.0) : 0;
}

bool is_hangul(std::string_view text) { return main_tongue(text) == Tongue::kKorean; }

double content_of(const Clause& clause) { return clause.weight + kContent * static_cast<double>(clause.facts.size()); }

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
  std::vector<float> vector;           // of the clause
  std::vector<Verdict::Place> nearly;  // other units that might be meant
};

Result<Checker::Near> Checker::nearest(const Clause& clause, const std::vector<size_t>& pieces, double margin) const {
  std::vector<std::string> texts = {clause.text};
  std::vector<Verdict::Place> places;
  for (const size_t p : pieces) {
    for (size_t u = 0; u < pieces_[p].units.size(); ++u) {
      const search::Match& unit = pieces_[p].units[u];
      if (trim(std::string_view(pieces_[p].text).substr(unit.begin, unit.end - unit.begin)).empty()) continue;
      texts.push_back(pieces_[p].text.substr(unit.begin, unit.end - unit.begin));
      places.push_back({p, u});
    }
  }
  SILLOK_ASSIGN(std::vector<std::vector<float>> vectors, encoder_->encode(texts));
  if (vectors.size() != texts.size()) return fail(ErrorCode::kInternal, "the encoder gave " + std::to_string(vectors.size()) + " vectors for " + std::to_string(texts.size()) + " texts");
  Near near;
  std::vector<double> cosines;
  for (size_t i = 0; i < places.size(); ++i) {
    cosines.push_back(cosine(vectors[0], vectors[i + 1]));
    if (cosines.back() > near.cosine) near = {places[i].piece, places[i].unit, cosines.back(), {}, {}};
  }
  for (size_t i = 0; i < places.size(); ++i) {
    const bool itself = places[i].piece == near.piece && places[i].unit == near.unit;
    if (!itself && cosines[i] >= near.cosine - margin) near.nearly.push_back(places[i]);
  }
  near.vector = std::move(vectors[0]);
  return near;
}

// What stands against it that the unit says it; "" if nothing does.
std::string Checker::objection(const Clause& clause, const Near& near) const {
  const Ground& ground = grounds_[near.piece][near.unit];
  const Ground& context = contexts_[near.piece];
  const Piece& piece = pieces_[near.piece];
  const search::Match& unit = piece.units[near.unit];
  const std::string_view text = std::string_view(piece.text).substr(unit.begin, unit.end - unit.begin);
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
  if (is_hangul(clause.text) != is_hangul(text)) return {};
  for (const SaidWord& word : clause.words) {
    if (word.name && found_in(word, ground.run, ground.words) < kHalf && found_in(word, context.run, context.words) < kHalf) return "the name '" + to_utf8(word.folded) + "'";
  }
  if (opposes(clause.plain_words, ground.plain_words)) return "an opposite";
  return {};
}

// Where the unit negates one thing and not another, its nearest clause decides.
Result<bool> Checker::negated_otherwise(const Clause& clause, const Near& near) const {
  const search::Match& unit = pieces_[near.piece].units[near.unit];
  const std::string_view text = std::string_view(pieces_[near.piece].text).substr(unit.begin, unit.end - unit.begin);
  std::vector<std::string> parts;
  std::vector<bool> negated;
  for (std::string_view part : clauses_of(text)) {
    parts.emplace_back(part);
    negated.push_back(count_negations(part) % 2 == 1);
  }
  const bool said = clause.negations % 2 == 1;
  const auto alike = std::count(negated.begin(), negated.end(), said);
  if (alike == static_cast<std::ptrdiff_t>(negated.size())) return false;
  if (alike == 0) return true;
  SILLOK_ASSIGN(const std::vector<std::vector<float>> vectors, encoder_->encode(parts));
  size_t best = 0;
  for (size_t i = 1; i < vectors.size(); ++i) {
    if (cosine(near.vector, vectors[i]) > cosine(near.vector, vectors[best])) best = i;
  }
  return negated[best] != said;
}

Verdict Checker::weigh_meaning(std::string_view sentence, const std::vector<size_t>& pieces, double least) const {
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
    if (by_words.supported) {
      for (const Verdict::Place& place : by_words.places) add(place);
      continue;
    }
    // In one language the words have already told what is another's, or negated.
    const bool one_language = !by_words.places.empty() && is_hangul(clause.text) == is_hangul(pieces_[by_words.places.front().piece].text);
    if (one_language && !by_words.exact) return not_said(by_words.why);
    const auto near = nearest(clause, pieces, kNearly * (1 - encoder_->support()));
    if (!near) {
      verdict.trouble = near.error().message;
      return not_said("the encoder failed");
    }
    verdict.support = std::min(verdict.support, std::max(0.0, near->cosine));
    if (near->cosine < least) return not_said("neither its words nor its meaning: '" + shorten(clause.text, 40) + "'");
    if (std::string why = objection(clause, *near); !why.empty()) return not_said(std::move(why));
    const auto otherwise = negated_otherwise(clause, *near);
    if (!otherwise) {
      verdict.trouble = otherwise.error().message;
      return not_said("the encoder failed");
    }
    if (*otherwise) return not_said("it is negated: '" + shorten(clause.text, 40) + "'");
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
