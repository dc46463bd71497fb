#include "answer/claim.h"

#include <algorithm>

#include "answer/contrast.h"
#include "text/text.h"

namespace sillok::answer {
namespace {

using std::size_t;

// How much a word counts. A word of the question says little of where the answer comes from; a verb is said in many ways.
constexpr double kFunction = 0.15, kSyllable = 0.3;
constexpr size_t kShortClause = 2;    // words; shorter ones join the next

// Folded, without white space: words run together or apart compare alike.
std::u32string run_together(std::string_view text) {
  std::u32string all = to_utf32(text::fold(text));
  std::erase_if(all, [](char32_t c) { return c == U' ' || c == U'\n' || c == U'\t' || c == U'\u00A0'; });
  return all;
}

// "김철수 과장", "Kim": what must be in the evidence letter by letter.
constexpr std::u32string_view kTitles[] = {U"과장", U"대리", U"부장", U"차장", U"사원", U"팀장", U"이사", U"상무", U"전무", U"대표", U"사장", U"주임", U"반장", U"소장", U"기사", U"선임", U"책임",
                                           U"수석", U"교수", U"박사", U"위원장", U"실장", U"국장", U"주무관", U"사무관", U"서기관", U"감독관", U"명장", U"씨", U"님"};

// 합니다, 해야, 됩니다: they say nothing by themselves.
bool is_light_verb(std::string_view word) {
  for (std::string_view verb : {"하", "한", "할", "합", "해", "했", "되", "된", "됩", "됐", "있", "입니다", "이다"}) {
    if (word.starts_with(verb) && (word.ends_with("다") || word.ends_with("야") || word.ends_with("며") || word.ends_with("고") || word.ends_with("로")) && word.size() <= 15) return true;
  }
  return false;
}

bool begins_with_title(const std::u32string& word) {
  return std::any_of(std::begin(kTitles), std::end(kTitles), [&](std::u32string_view title) {
    return word.starts_with(title) && word.size() <= title.size() + 2;
  });
}

char32_t open_syllable(char32_t c) { return c < 0xAC00 || c > 0xD7A3 ? c : c - (c - 0xAC00) % 28; }

// A verb in another form: its first two syllables, whatever closes the second. 늘립니다 is in 늘린다.
bool holds_verb(const std::u32string& run, const std::u32string& verb) {
  if (verb.size() < 2) return false;
  for (size_t at = run.find(verb[0]); at != run.npos && at + 1 < run.size(); at = run.find(verb[0], at + 1)) {
    if (open_syllable(run[at + 1]) == open_syllable(verb[1])) return true;
  }
  return false;
}

}  // namespace

bool is_row(std::string_view unit) { return unit.find(" | ") != unit.npos; }

std::vector<std::string_view> clauses_of(std::string_view sentence) {
  std::vector<std::string_view> clauses;
  const auto words = [](std::string_view text) { return static_cast<size_t>(std::count(text.begin(), text.end(), ' ')) + 1; };
  size_t begin = 0;
  const auto cut = [&](size_t end, size_t next) {
    const std::string_view part = trim(sentence.substr(begin, end - begin));
    if (words(part) < kShortClause) return;  // "NSK, SKF": no clause of its own
    clauses.push_back(part);
    begin = next;
  };
  for (size_t i = 0; i < sentence.size(); ++i) {
    const char c = sentence[i];
    const bool between_digits = i > 0 && i + 1 < sentence.size() && sentence[i - 1] >= '0' && sentence[i - 1] <= '9' && sentence[i + 1] >= '0' && sentence[i + 1] <= '9';
    if ((c == ',' && !between_digits) || c == ';') cut(i, i + 1);
    for (std::string_view connective : {" and ", " but ", " while ", " whereas ", "고 ", "며 ", "지만 ", "으나 ", "는데 "}) {
      if (sentence.substr(i).starts_with(connective) && i > begin) cut(i + (connective[0] == ' ' ? 0 : connective.size()), i + connective.size());
    }
  }
  const std::string_view rest = trim(sentence.substr(begin));
  if (!clauses.empty() && words(rest) < kShortClause) {
    clauses.back() = sentence.substr(static_cast<size_t>(clauses.back().data() - sentence.data()));
  } else if (!rest.empty()) {
    clauses.push_back(rest);
  }
  return clauses;
}

Ground ground_of(std::string_view text) {
  Ground ground;
  ground.run = run_together(text);
  for (std::string& word : folded_words(text)) {
    if (text::script_of(to_utf32(word)[0]) == text::Script::kAlphabet) ground.words.push_back(to_utf32(word));
    ground.plain_words.insert(std::move(word));
  }
  ground.facts = facts_in(text);
  ground.row = is_row(text);
  for (std::string_view part : clauses_of(text)) ground.parts.push_back({run_together(part), count_negations(part), facts_in(part)});
  return ground;
}

Clause clause_of(const QuestionForm& form, std::string_view text) {
  Clause clause;
  clause.text = std::string(text);
  clause.facts = facts_in(text);
  clause.negations = count_negations(text);
  clause.plain_words = folded_words(text);
  const std::vector<Word> words = words_in(form, text);
  for (size_t i = 0; i < words.size(); ++i) {
    const Word& word = words[i];
    if (word.small || word.folded.empty()) continue;
    // What is a fact is compared as one.
    const bool fact = std::any_of(clause.facts.begin(), clause.facts.end(), [&](const Fact& f) { return f.span.begin < word.end && word.begin < f.span.end; });
    if (fact) continue;
    SaidWord said;
    said.folded = word.folded;
    if (word.hangul && said.folded.size() > 2) said.folded.resize(text::stem_length(said.folded));
    said.begin = word.begin;
    said.asked = word.known >= 0.5f;
    const std::string_view written = text.substr(word.begin, word.end - word.begin);
    said.verb = word.hangul && !written.ends_with("입니다") && (word.verbal || written.ends_with("니다") || written.ends_with("어야") || written.ends_with("아야"));
    const bool light = word.hangul && is_light_verb(written);
    said.weight = word.function || light ? kFunction : said.verb ? kVerb : said.folded.size() < 2 ? kSyllable : kContent;
    if (said.asked) said.weight *= kAsked;
    const bool capital = word.capital && word.latin && (i > 0 || (word.folded.size() > 1 && i + 1 < words.size() && words[i + 1].capital));
    const bool titled = word.hangul && word.folded.size() >= 2 && word.folded.size() <= 4 && i + 1 < words.size() && begins_with_title(words[i + 1].folded) && word.ends.size() == 1;
    said.name = capital || titled;
    clause.weight += said.weight;
    clause.words.push_back(std::move(said));
  }
  return clause;
}

double found_in(const SaidWord& word, const std::u32string& run, const std::vector<std::u32string>& words) {
  const std::u32string& w = word.folded;
  if (w.empty()) return 0;
  if (text::script_of(w[0]) == text::Script::kAlphabet) {
    double best = 0;
    for (const std::u32string& other : words) {
      if (other == w) return 1;
      const size_t shorter = std::min(w.size(), other.size());
      const auto common = static_cast<size_t>(std::mismatch(w.begin(), w.begin() + static_cast<std::ptrdiff_t>(shorter), other.begin()).first - w.begin());
      // Inflected: the same beginning.
      if (common >= 4 && 10 * common >= 6 * std::max(w.size(), other.size())) best = kParts;
      if (common == shorter && common >= 3 && std::max(w.size(), other.size()) <= common + 2) best = kParts;
    }
    return best;
  }
  if (run.find(w) != run.npos) return 1;
  if (word.verb && holds_verb(run, w)) return kParts;
  if (word.name || w.size() < 2) return 0;
  size_t hits = 0;
  for (size_t i = 0; i + 1 < w.size(); ++i) hits += run.find(std::u32string_view(w).substr(i, 2)) != run.npos ? 1 : 0;
  return kParts * static_cast<double>(hits) / static_cast<double>(w.size() - 1);
}

}  // namespace sillok::answer
