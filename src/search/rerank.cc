#include "search/rerank.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "text/text.h"

namespace sillok::search {

Question::Question(std::u32string folded, std::vector<QuestionTerm> terms, std::vector<float> weights,
                   const std::vector<float>& rarity)
    : folded_(std::move(folded)), terms_(std::move(terms)), weights_(std::move(weights)) {
  SILLOK_CHECK(terms_.size() == weights_.size());
  for (float w : weights_) total_ += w;
  slots_.assign(std::bit_ceil(2 * terms_.size() + 1), 0);
  for (size_t i = 0; i < terms_.size(); ++i) {
    size_t at = terms_[i].id & (slots_.size() - 1);
    while (slots_[at] != 0) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = static_cast<uint32_t>(i + 1);
    // But for words, whose end the sieve ignores, a term's characters are those between its bounds.
    sieve_.add(terms_[i].term_class, folded_[terms_[i].begin], folded_[terms_[i].end - 1]);
  }
  find_words(rarity);
}

// Words where the script has them; pairs of characters stand for words in Han and in scripts without spaces.
void Question::find_words(const std::vector<float>& rarity) {
  bool any = false;
  for (size_t i = 0; i < terms_.size(); ++i) {
    if (terms_[i].term_class != TermClass::kWord) continue;
    words_.push_back({terms_[i].begin, terms_[i].end, i, 0, {}, 0});
    any = true;
  }
  for (size_t i = 0; i < terms_.size(); ++i) {
    const bool inside = std::any_of(words_.begin(), words_.end(), [&](const Word& w) {
      return terms_[i].begin < w.end && w.begin < terms_[i].end;
    });
    if (terms_[i].term_class == TermClass::kBigram && (!any || !inside)) {
      words_.push_back({terms_[i].begin, terms_[i].end, i, 0, {}, 0});
    }
  }
  std::sort(words_.begin(), words_.end(), [](const Word& a, const Word& b) { return a.begin < b.begin; });
  constexpr float kRarityPower = 1.3f;    // a rare word says more than its idf; fitted, 0.8 does as well
  constexpr float kQuestionWord = 0.1f;
  float sum = 0;
  for (Word& word : words_) {
    const QuestionTerm& term = terms_[word.term];
    const bool content = term.weight > 0.5f * class_weight(term.term_class);
    word.share = content ? std::pow(rarity[word.term], kRarityPower) : kQuestionWord * rarity[word.term];
    sum += word.share;
    word.parts = Bits(terms_.size());
    for (size_t i = 0; i < terms_.size(); ++i) {
      if (i == word.term || terms_[i].begin < word.begin || terms_[i].end > word.end) continue;
      word.parts.set(i);
      ++word.part_count;
    }
  }
  for (Word& word : words_) word.share = sum > 0 ? word.share / sum : 0;
}

int Question::find(TermId id) const {
  for (size_t at = id & (slots_.size() - 1); slots_[at] != 0; at = (at + 1) & (slots_.size() - 1)) {
    if (terms_[slots_[at] - 1].id == id) return static_cast<int>(slots_[at]) - 1;
  }
  return -1;
}

float Question::weight_of(const Bits& matched) const {
  float sum = 0;
  matched.for_each([&](size_t i) { sum += weights_[i]; });
  return sum;
}

float Question::added_weight(const Bits& own, const Bits& other) const {
  float sum = 0;
  other.for_each([&](size_t i) { sum += own.test(i) ? 0 : weights_[i]; });
  return sum;
}

namespace {

constexpr float kByParts = 0.9f;  // a word all of whose parts are found, but not itself

}  // namespace

float Question::word_found(const Word& word, const Bits& matched) const {
  if (matched.test(word.term)) return 1;
  if (word.part_count == 0) return 0;
  return kByParts * static_cast<float>(word.parts.count_common(matched)) / static_cast<float>(word.part_count);
}

std::vector<float> Question::words_found(const Bits& matched) const {
  std::vector<float> found;
  found.reserve(words_.size());
  for (const Word& word : words_) found.push_back(word_found(word, matched));
  return found;
}

float Question::words_share(const Bits& matched) const {
  float sum = 0;
  for (const Word& word : words_) sum += word.share * word_found(word, matched);
  return sum;
}

std::vector<float> Question::words_share_bounds() const {
  std::vector<float> bounds(terms_.size(), 0);
  for (const Word& word : words_) {
    // A passage that holds a Hangul word's stem holds all its parts; elsewhere the same word may have other parts (as
    // jtbc and JTBC가, 10,000 and 10000 do), so word and parts may have to count in full apart.
    bool hangul = false, whole = true;
    for (uint32_t k = word.begin; k < word.end; ++k) {
      hangul |= text::script_of(folded_[k]) == text::Script::kHangul;
      whole &= text::script_of(folded_[k]) != text::Script::kNone;
    }
    const bool implied = hangul && whole && word.part_count > 0;
    bounds[word.term] += word.share * (implied ? 1 - kByParts : 1.0f);
    if (word.part_count == 0) continue;
    word.parts.for_each([&](size_t i) { bounds[i] += word.share * kByParts / static_cast<float>(word.part_count); });
  }
  return bounds;
}

namespace {

// Sentences of each line; a table row ("a | b") is one unit whatever stops it holds.
std::vector<text::Span> split_units(std::string_view text) {
  std::vector<text::Span> units;
  size_t begin = 0;
  for (std::string_view line : split(text, '\n')) {
    if (line.find(" | ") != line.npos) {
      const std::string_view row = trim(line);
      const auto offset = static_cast<size_t>(row.data() - text.data());
      if (!row.empty()) units.push_back({offset, offset + row.size()});
    } else {
      for (const text::Span span : text::sentences(line)) units.push_back({begin + span.begin, begin + span.end});
    }
    begin += line.size() + 1;
  }
  return units;
}

// Reused by all passages of a thread: dozens are looked at for one question.
struct Scratch {
  Folded folded;
  std::vector<Term> terms;
};

Scratch& scratch() {
  thread_local Scratch instance;
  return instance;
}

}  // namespace

Evidence match_passage(const Question& question, std::string_view text, std::string_view context, bool details) {
  const std::vector<text::Span> spans = split_units(text);
  const size_t term_count = question.terms().size();
  std::vector<Bits> matched(spans.size(), Bits(term_count));
  Bits any(term_count), around(term_count), pair(term_count);

  if (!spans.empty()) {
    Scratch& s = scratch();
    fold_with_offsets(text, s.folded);
    extract_terms(s.folded.text, question.sieve(), s.terms);
    size_t unit = 0;
    for (const Term& term : s.terms) {
      const int index = question.find(term.id);
      if (index < 0) continue;
      // Terms of one kind come in order of position: the unit is the last one's or near it.
      const size_t at = s.folded.offset[term.begin];
      while (unit > 0 && at < spans[unit].begin) --unit;
      while (unit + 1 < spans.size() && at >= spans[unit + 1].begin) ++unit;
      matched[unit].set(static_cast<size_t>(index));
    }
  }
  for (const Bits& bits : matched) any.add(bits);
  std::vector<TermId> context_terms;
  if (details) append_terms(context, context_terms);
  for (TermId id : context_terms) {
    if (const int index = question.find(id); index >= 0) around.set(static_cast<size_t>(index));
  }

  Evidence evidence;
  evidence.units.reserve(spans.size());
  const float total = std::max(question.total(), 1e-6f);
  evidence.coverage = question.weight_of(any) / total;
  for (size_t i = 0; i < spans.size(); ++i) {
    Unit u;
    u.begin = spans[i].begin;
    u.end = spans[i].end;
    u.own = question.weight_of(matched[i]) / total;
    if (i > 0) u.previous = question.added_weight(matched[i], matched[i - 1]) / total;
    if (i + 1 < spans.size()) u.next = question.added_weight(matched[i], matched[i + 1]) / total;
    evidence.best_unit = std::max(evidence.best_unit, u.own);
    evidence.best_pair = std::max(evidence.best_pair, u.own + u.next);
    evidence.best_unit_words = std::max(evidence.best_unit_words, question.words_share(matched[i]));
    if (i + 1 < spans.size()) {
      pair = matched[i];
      pair.add(matched[i + 1]);
      evidence.best_pair_words = std::max(evidence.best_pair_words, question.words_share(pair));
    }
    if (details) {
      u.context = question.added_weight(matched[i], around) / total;
      matched[i].add(around);
      u.found = question.words_found(matched[i]);
    }
    evidence.units.push_back(std::move(u));
  }
  evidence.best_pair_words = std::max(evidence.best_pair_words, evidence.best_unit_words);
  if (details) {
    any.add(around);
    evidence.found = question.words_found(any);
  }
  return evidence;
}

namespace {

// Matches worth marking in `text`, which begins at byte `shift` of the passage, in order.
std::vector<Match> find_matches(const Question& question, std::string_view text, size_t shift) {
  Scratch& s = scratch();
  fold_with_offsets(text, s.folded);
  extract_terms(s.folded.text, question.sieve(), s.terms);
  std::vector<Match> matches;
  for (const Term& term : s.terms) {
    const int index = question.find(term.id);
    // Only what carries meaning is marked: words that are not question words, and parts of them.
    if (index < 0 || question.terms()[static_cast<size_t>(index)].weight < 0.5f * class_weight(term.term_class)) continue;
    if (term.term_class == TermClass::kTrigram || term.term_class == TermClass::kCharacter) continue;
    matches.push_back({shift + s.folded.offset[term.begin], shift + s.folded.offset[term.end]});
  }
  std::sort(matches.begin(), matches.end(), [](const Match& a, const Match& b) { return a.begin < b.begin; });
  return matches;
}

size_t count_characters(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; }));
}

}  // namespace

Snippet make_snippet(const Question& question, std::string_view text, const std::vector<Unit>& units,
                     size_t max_code_points) {
  // Begin at the best unit and take what follows; a long unit is cut around its first match.
  size_t best = 0;
  for (size_t i = 1; i < units.size(); ++i) {
    if (units[i].own > units[best].own + 1e-6f) best = i;
  }
  const size_t from = units.empty() ? 0 : units[best].begin;
  size_t begin = from;
  const size_t unit_end = units.empty() ? text.size() : units[best].end;
  // Nothing outside the unit and the longest snippet is shown; words are looked at whole.
  size_t look_end = std::min(text.size(), std::max(unit_end, from + 4 * max_code_points));
  look_end = std::min(text.find_first_of(" \n\t", look_end), text.size());
  const std::vector<Match> all = find_matches(question, text.substr(from, look_end - from), from);

  if (count_characters(text.substr(begin, unit_end - begin)) > max_code_points) {
    for (const Match& match : all) {
      if (match.begin < begin || match.begin >= unit_end) continue;
      // A third of the length before the first match.
      size_t lead = 0;
      size_t at = match.begin;
      while (at > begin && lead < max_code_points / 3) {
        --at;
        if ((static_cast<uint8_t>(text[at]) & 0xC0) != 0x80) ++lead;
      }
      begin = at;
      break;
    }
  }
  Snippet snippet;
  if (begin > from) snippet.text = "…";
  const size_t shift = snippet.text.size();
  const std::string cut = shorten(text.substr(begin), max_code_points);
  const size_t shown = cut.ends_with("…") ? cut.size() - std::string_view("…").size() : cut.size();
  snippet.text += cut;
  for (const Match& match : all) {
    if (match.begin < begin || match.end > begin + shown) continue;
    const Match moved{match.begin - begin + shift, match.end - begin + shift};
    if (!snippet.matches.empty() && moved.begin <= snippet.matches.back().end) {
      snippet.matches.back().end = std::max(snippet.matches.back().end, moved.end);
    } else {
      snippet.matches.push_back(moved);
    }
  }
  return snippet;
}

}  // namespace sillok::search
