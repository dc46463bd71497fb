#include "search/features.h"

#include <algorithm>
#include <cmath>

#include "text/text.h"

namespace sillok::search {
namespace {

constexpr size_t kOwn = 46;  // features of a candidate by itself; the rest compare it with the others
constexpr std::array<std::string_view, kOwn> kNames = {
    "BM25",
    "BM25 under the first's",
    "score without training",
    "that score under the best's",
    "logarithm of its rank by that score",
    "best sentence, by weight of terms",
    "best two neighbours, by weight of terms",
    "best sentence, by words",
    "best two neighbours, by words",
    "terms found anywhere",
    "words found anywhere",
    "best three neighbours, by words",
    "weight of terms within 40 characters",
    "weight of terms within 100 characters",
    "weight of terms within 250 characters",
    "neighbouring words near each other",
    "neighbouring words near each other in order",
    "weightiest word missing",
    "weightiest word missing from the best sentence",
    "share of words missing",
    "rarest word found",
    "second rarest word found",
    "third rarest word found",
    "rarest word found in the best sentence",
    "second rarest word found in the best sentence",
    "last word found",
    "last word found in the best sentence",
    "last word but one found",
    "last word but one found in the best sentence",
    "first word found",
    "first word found in the best sentence",
    "words found whole",
    "words found whole in the best sentence",
    "how often the words occur",
    "how often the rarest word occurs",
    "density of matches",
    "where in the passage the best sentence is",
    "the best sentence is the first",
    "a number is asked for, and the best sentence has a new one",
    "a number is asked for, and the passage has no new one",
    "cosine of the vectors",
    "that cosine under the best's",
    "words found in title and headings",
    "number of words in the question",
    "logarithm of the passage's length",
    "number of sentences",
};
// For these the candidate is compared with the best of the others as well.
constexpr std::array<size_t, kFeatures - kOwn> kCompared = {2, 5, 7, 8, 9, 10, 12, 13, 14, 15, 16, 33};

constexpr std::array<uint32_t, 3> kWindows = {40, 100, 250};  // code points: a clause, a sentence, a few sentences
constexpr size_t kMaxPlaces = 32;  // of one word that are compared with those of the next: a bound on work

// A term of the question where it stands in the passage.
struct Place {
  uint32_t at = 0;  // code point of the folded passage
  size_t term = 0, unit = 0;
};

// The question's words as the features name them.
struct WordOrder {
  std::vector<bool> content;
  std::vector<size_t> by_share;        // all words, weightiest first
  std::vector<size_t> contents;        // content words, in order
};

WordOrder order_words(const Question& question) {
  WordOrder order;
  const auto& words = question.words();
  for (size_t w = 0; w < words.size(); ++w) {
    const QuestionTerm& term = question.terms()[words[w].term];
    order.content.push_back(term.weight > 0.5f * class_weight(term.term_class));
    order.by_share.push_back(w);
    if (order.content.back()) order.contents.push_back(w);
  }
  std::stable_sort(order.by_share.begin(), order.by_share.end(),
                   [&](size_t a, size_t b) { return words[a].share > words[b].share; });
  return order;
}

// Numbers of a folded text that the question does not have.
bool has_new_number(const std::u32string& text, size_t begin, size_t end, const std::u32string& question) {
  const auto digit = [&](size_t i) { return text::script_of(text[i]) == text::Script::kDigit; };
  for (size_t i = begin; i < end;) {
    if (!digit(i)) {
      ++i;
      continue;
    }
    size_t stop = i;
    while (stop < end && digit(stop)) ++stop;
    if (question.find(text.substr(i, stop - i)) == question.npos) return true;
    i = stop;
  }
  return false;
}

// Does the question ask for a date or an amount? By its words, folded; a wrong guess costs little, the weights are learned.
bool asks_number(const std::u32string& question) {
  constexpr std::u32string_view kCues[] = {U"언제", U"몇",      U"얼마",   U"년도", U"연도",   U"며칠",  U"when ",  U"how many", U"how much",
                                           U"year", U"how old", U"wann ",  U"jahr", U"wie vi", U"когда", U"сколько", U"году",     U"ne zaman",
                                           U"kac ", U"hangi yil", U"多少", U"几",   U"哪年",   U"哪一年", U"何时",   U"什么时候", U"いつ"};
  return std::any_of(std::begin(kCues), std::end(kCues), [&](std::u32string_view cue) { return question.find(cue) != question.npos; });
}

// What one passage holds of the question, place by place.
struct Found {
  Folded folded;
  std::vector<Place> places;              // by position
  std::vector<Bits> units;                // terms of each unit
  Bits any;
  std::vector<std::vector<uint32_t>> words;  // places of each content word: the word, or pairs of syllables in it
};

Found find_places(const Question& question, const WordOrder& order, const Judged& candidate) {
  Found found;
  const std::vector<Unit>& units = candidate.evidence->units;
  const size_t term_count = question.terms().size();
  found.any = Bits(term_count);
  found.units.assign(units.size(), Bits(term_count));
  found.words.resize(question.words().size());
  fold_with_offsets(candidate.text, found.folded);
  std::vector<Term> terms;
  extract_terms(found.folded.text, question.sieve(), terms);
  size_t unit = 0;
  for (const Term& term : terms) {
    const int index = question.find(term.id);
    if (index < 0 || units.empty()) continue;
    const size_t at = found.folded.offset[term.begin];
    while (unit > 0 && at < units[unit].begin) --unit;
    while (unit + 1 < units.size() && at >= units[unit + 1].begin) ++unit;
    found.places.push_back({term.begin, static_cast<size_t>(index), unit});
    found.units[unit].set(static_cast<size_t>(index));
    found.any.set(static_cast<size_t>(index));
  }
  std::sort(found.places.begin(), found.places.end(),
            [](const Place& a, const Place& b) { return a.at != b.at ? a.at < b.at : a.term < b.term; });
  for (const Place& place : found.places) {
    const bool pair = question.terms()[place.term].term_class == TermClass::kBigram;
    for (size_t w : order.contents) {
      const Question::Word& word = question.words()[w];
      if (place.term != word.term && !(pair && word.parts.test(place.term))) continue;
      auto& places = found.words[w];
      if (places.empty() || places.back() != place.at) places.push_back(place.at);
    }
  }
  return found;
}

// The most weight of different terms within `width` code points.
float best_window(const Question& question, const std::vector<Place>& places, uint32_t width) {
  std::vector<uint32_t> count(question.terms().size(), 0);
  float sum = 0, best = 0;
  size_t first = 0;
  for (const Place& place : places) {
    if (count[place.term]++ == 0) sum += question.weight(place.term);
    while (place.at - places[first].at > width) {
      if (--count[places[first].term] == 0) sum -= question.weight(places[first].term);
      ++first;
    }
    best = std::max(best, sum);
  }
  return best;
}

struct Nearness {
  float near = 0.5f, in_order = 0.5f;  // one half where the question has no two neighbouring content words
};
Nearness nearness(const Question& question, const WordOrder& order, const Found& found) {
  constexpr float kFar = 1000, kNearScale = 20, kOrderScale = 8;  // code points
  float shares = 0, near = 0, in_order = 0;
  for (size_t w = 0; w + 1 < found.words.size(); ++w) {
    if (!order.content[w] || !order.content[w + 1]) continue;
    const float share = question.words()[w].share + question.words()[w + 1].share;
    float distance = kFar, ahead = kFar;
    for (size_t i = 0; i < std::min(kMaxPlaces, found.words[w].size()); ++i) {
      for (size_t k = 0; k < std::min(kMaxPlaces, found.words[w + 1].size()); ++k) {
        const float d = static_cast<float>(found.words[w + 1][k]) - static_cast<float>(found.words[w][i]);
        distance = std::min(distance, std::abs(d));
        if (d > 0) ahead = std::min(ahead, d);
      }
    }
    shares += share;
    near += share * std::exp(-distance / kNearScale);
    in_order += share * std::exp(-ahead / kOrderScale);
  }
  return shares > 0 ? Nearness{near / shares, in_order / shares} : Nearness{};
}

size_t best_unit(const Question& question, const Judged& candidate, const Found& found) {
  size_t best = 0;
  float most = -1;
  for (size_t u = 0; u < found.units.size(); ++u) {
    const float value = question.words_share(found.units[u]) + 1e-3f * candidate.evidence->units[u].own;
    if (value > most) most = value, best = u;
  }
  return best;
}

float three_neighbours(const Question& question, const Found& found) {
  float best = 0;
  for (size_t u = 0; u < found.units.size(); ++u) {
    Bits bits = found.units[u];
    for (size_t k = u + 1; k < std::min(u + 3, found.units.size()); ++k) bits.add(found.units[k]);
    best = std::max(best, question.words_share(bits));
  }
  return best;
}

// Appends values one by one and checks their number.
class Row {
 public:
  void add(float value) {
    SILLOK_CHECK(count_ < kOwn);
    values_[count_++] = value;
  }
  const Features& done() const {
    SILLOK_CHECK(count_ == kOwn);
    return values_;
  }

 private:
  Features values_{};
  size_t count_ = 0;
};

void add_words(const Question& question, const WordOrder& order, const Found& found, size_t unit, Row& row) {
  const auto& words = question.words();
  const std::vector<float> anywhere = question.words_found(found.any);
  const std::vector<float> in_unit =
      found.units.empty() ? std::vector<float>(words.size(), 0) : question.words_found(found.units[unit]);
  float missing = 0, missing_unit = 0, whole = 0, whole_unit = 0, often = 0;
  size_t absent = 0;
  for (size_t w = 0; w < words.size(); ++w) {
    const float share = words[w].share;
    missing = std::max(missing, share * (1 - anywhere[w]));
    missing_unit = std::max(missing_unit, share * (1 - in_unit[w]));
    if (order.content[w] && anywhere[w] < 0.5f) ++absent;
    if (found.any.test(words[w].term)) whole += share;
    if (!found.units.empty() && found.units[unit].test(words[w].term)) whole_unit += share;
    often += share * std::log1p(static_cast<float>(found.words[w].size()));
  }
  row.add(missing);
  row.add(missing_unit);
  row.add(order.contents.empty() ? 0 : static_cast<float>(absent) / static_cast<float>(order.contents.size()));
  const auto ranked = [&](size_t rank, const std::vector<float>& values) {
    return rank < order.by_share.size() ? values[order.by_share[rank]] : 0.5f;
  };
  row.add(ranked(0, anywhere));
  row.add(ranked(1, anywhere));
  row.add(ranked(2, anywhere));
  row.add(ranked(0, in_unit));
  row.add(ranked(1, in_unit));
  const auto placed = [&](size_t from_end, const std::vector<float>& values) {
    return from_end < order.contents.size() ? values[order.contents[order.contents.size() - 1 - from_end]] : 0.5f;
  };
  row.add(placed(0, anywhere));
  row.add(placed(0, in_unit));
  row.add(placed(1, anywhere));
  row.add(placed(1, in_unit));
  row.add(order.contents.empty() ? 0.5f : anywhere[order.contents.front()]);
  row.add(order.contents.empty() ? 0.5f : in_unit[order.contents.front()]);
  row.add(whole);
  row.add(whole_unit);
  row.add(often);
  row.add(order.by_share.empty() ? 0 : std::log1p(static_cast<float>(found.words[order.by_share[0]].size())));
}

void add_numbers(const Question& question, const Judged& candidate, const Found& found, size_t unit, Row& row) {
  bool in_unit = false, anywhere = false;
  const bool asked = asks_number(question.folded());
  if (asked && !candidate.evidence->units.empty()) {
    const auto& offset = found.folded.offset;
    const auto code_point = [&](size_t byte) {
      return static_cast<size_t>(std::lower_bound(offset.begin(), offset.end(), byte) - offset.begin());
    };
    const Unit& best = candidate.evidence->units[unit];
    const size_t size = found.folded.text.size();
    in_unit = has_new_number(found.folded.text, std::min(size, code_point(best.begin)), std::min(size, code_point(best.end)), question.folded());
    anywhere = in_unit || has_new_number(found.folded.text, 0, size, question.folded());
  }
  row.add(asked && in_unit ? 1 : 0);
  row.add(asked && !anywhere ? 1 : 0);
}

// `best`: the highest values of the candidates; rank: how many have a higher score.
Features own_features(const Question& question, const WordOrder& order, const Judged& c, const Judged& best, size_t rank) {
  const Found found = find_places(question, order, c);
  const float total = std::max(question.total(), 1e-6f);
  const size_t unit = best_unit(question, c, found);
  Row row;
  row.add(c.lexical);
  row.add(c.lexical - best.lexical);
  row.add(c.base);
  row.add(c.base - best.base);
  row.add(std::log1p(static_cast<float>(rank)));
  row.add(c.evidence->best_unit);
  row.add(c.evidence->best_pair);
  row.add(c.evidence->best_unit_words);
  row.add(c.evidence->best_pair_words);
  row.add(c.evidence->coverage);
  row.add(question.words_share(found.any));
  row.add(three_neighbours(question, found));
  for (uint32_t width : kWindows) row.add(best_window(question, found.places, width) / total);
  const Nearness near = nearness(question, order, found);
  row.add(near.near);
  row.add(near.in_order);
  add_words(question, order, found, unit, row);
  float matches = 0;
  for (const Place& place : found.places) matches += question.weight(place.term);
  row.add(matches / total * 100 / static_cast<float>(std::max<size_t>(100, found.folded.text.size())));
  const auto units = static_cast<float>(std::max<size_t>(1, found.units.size()));
  row.add(static_cast<float>(unit) / units);
  row.add(unit == 0 ? 1 : 0);
  add_numbers(question, c, found, unit, row);
  row.add(c.cosine);
  row.add(c.cosine - best.cosine);
  Bits around(question.terms().size());
  std::vector<TermId> context;
  append_terms(c.context, context);
  for (TermId id : context) {
    if (const int index = question.find(id); index >= 0) around.set(static_cast<size_t>(index));
  }
  row.add(question.words_share(around));
  row.add(static_cast<float>(order.contents.size()));
  row.add(std::log1p(static_cast<float>(found.folded.text.size())));
  row.add(units);
  return row.done();
}

// Appends to each row how far each compared feature is above the best of the others.
void compare(std::vector<Features>& rows) {
  for (size_t k = 0; k < kCompared.size(); ++k) {
    const size_t f = kCompared[k];
    float best = -1e9f, second = -1e9f;
    for (const Features& row : rows) {
      if (row[f] > best) second = best, best = row[f];
      else second = std::max(second, row[f]);
    }
    for (Features& row : rows) row[kOwn + k] = rows.size() < 2 ? 0 : row[f] - (row[f] == best ? second : best);
  }
}

}  // namespace

std::vector<Features> features_of(const Question& question, const std::vector<Judged>& candidates) {
  const WordOrder order = order_words(question);
  Judged best;
  if (!candidates.empty()) best = candidates.front();
  for (const Judged& c : candidates) {
    best.lexical = std::max(best.lexical, c.lexical);
    best.base = std::max(best.base, c.base);
    best.cosine = std::max(best.cosine, c.cosine);
  }
  std::vector<Features> rows;
  rows.reserve(candidates.size());
  for (const Judged& c : candidates) {
    const auto above = std::count_if(candidates.begin(), candidates.end(), [&](const Judged& o) { return o.base > c.base; });
    rows.push_back(own_features(question, order, c, best, static_cast<size_t>(above)));
  }
  compare(rows);
  return rows;
}

std::string_view feature_name(size_t feature) {
  SILLOK_CHECK(feature < kFeatures);
  return feature < kOwn ? kNames[feature] : kNames[kCompared[feature - kOwn]];
}

}  // namespace sillok::search
