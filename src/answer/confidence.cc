#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "answer/contrast.h"
#include "answer/parts.h"
#include "answer/span.h"
#include "text/text.h"

namespace sillok::answer {
namespace {

// A logistic model over what the evidence shows, none of it the words themselves: fitted on public sets with and
// without answers in the text (docs/ANSWERS.md gives sets, figures and the command). Positive speaks for an answer;
// what overlaps with another (the rarest word, the share) can take the other sign in the sum.
struct Weight {
  std::string_view name;
  double weight;
};
// Public sets hardly ever ask for TW-15 where the text has TW-06, so this is set by hand: one halves and halves again.
constexpr double kIdentifier = -2.0;
constexpr std::array<Weight, kFeatures> kWeights = {{
    {"best unit", 0.139},
    {"best unit and neighbours", 0.370},
    {"question words in the passage", -0.059},
    {"question words in the unit", 0.311},
    {"rarest word not in the passage", 0.309},
    {"rarest word not in the unit", -0.540},
    {"words not in the passage", -0.986},
    {"words not in the unit", -1.205},
    {"share of the highest score", 0.676},
    {"lead over another record", 1.396},
    {"holds what is asked for", 0.041},
    {"lacks what is asked for", -0.578},
    {"question negates", -1.437},
    {"question negates, passage does not", -1.554},
    {"numbers not in the passage", -0.633},
    {"name not in the passage", -0.486},
    {"length of the question", 0.158},
    {"opposite in the unit", -2.072},
    {"limiting words not in the passage", -0.058},
    {"negative form of a word in the passage", -1.348},
    {"count of words not in the unit", 0.331},
    {"pairs of words taken over", -0.967},
    {"numbers not in the passage as written", -0.667},
    {"clearness of the span: date or number", 0.891},
    {"clearness of the span: person or place", 0.605},
    {"clearness of the span: which", 0.475},
    {"key in the unit", 0.002},
    {"second key in the unit", 0.141},
    {"lead over the next unit", 0.655},
    {"says nothing but the question", 0.113},
    {"head in the unit", 0.031},
    {"key not in the passage", 0.053},
    {"identifiers not in the passage", kIdentifier},
}};
constexpr double kBias = -0.466;

using WordSet = std::unordered_set<std::string>;

// Words that change what is asked without being its subject; in the passage or the question means another thing.
size_t limits_missing(const std::vector<std::string>& question, const WordSet& passage) {
  static const WordSet kLimits = {"only",    "first",   "last",     "second",   "third",  "before",  "after",   "more",
                                  "less",    "most",    "all",      "none",     "other",  "same",    "different", "instead",
                                  "during",  "until",   "since",    "always",   "every",  "both",    "main",    "largest",
                                  "smallest", "highest", "lowest",  "best",     "worst",  "new",     "old",     "earliest",
                                  "latest",  "early",   "late",     "former",   "original", "outside", "inside", "under",
                                  "over",    "above",   "below",    "against",  "unable", "impossible", "stop",  "stopped",
                                  "end",     "ended",   "lost",     "won",      "left",   "northern", "southern", "eastern",
                                  "western", "처음",    "마지막",   "유일한",   "이전",   "이후",    "모든",    "다른"};
  size_t count = 0;
  for (const std::string& word : question) count += kLimits.contains(word) && !passage.contains(word) ? 1 : 0;
  return count;
}

// "unlimited" where the passage has "limited".
bool has_negative_form(const std::vector<std::string>& question, const WordSet& passage) {
  constexpr size_t kShortest = 4;  // letters of the word without its prefix
  for (const std::string& word : question) {
    if (passage.contains(word)) continue;
    for (std::string_view prefix : {"un", "in", "im", "dis", "non", "il", "ir"}) {
      if (word.starts_with(prefix) && word.size() >= prefix.size() + kShortest &&
          passage.contains(word.substr(prefix.size()))) {
        return true;
      }
    }
  }
  return false;
}

// Share of the question's neighbouring words that stand side by side in the unit too: a question made by changing
// one word of a sentence takes over its pairs.
double pairs_taken(const std::vector<std::string>& question, const std::vector<std::string>& unit) {
  if (question.size() < 2) return 0;
  std::unordered_set<std::string> pairs;
  for (size_t i = 0; i + 1 < unit.size(); ++i) pairs.insert(unit[i] + " " + unit[i + 1]);
  double taken = 0;
  for (size_t i = 0; i + 1 < question.size(); ++i) taken += pairs.contains(question[i] + " " + question[i + 1]) ? 1 : 0;
  return taken / static_cast<double>(question.size() - 1);
}

// The whole numbers written in text, thousands separators aside: "WS-102의 1,500원" has 102 and 1500.
std::vector<std::string> numbers_in(std::string_view text) {
  std::vector<std::string> numbers;
  std::string digits;
  for (size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : ' ';
    const bool separator = c == ',' && !digits.empty() && i + 1 < text.size() && text[i + 1] >= '0' && text[i + 1] <= '9';
    if (c >= '0' && c <= '9') {
      digits += c;
    } else if (!separator && !digits.empty()) {
      numbers.push_back(std::move(digits));
      digits.clear();
    }
  }
  return numbers;
}

// How many numbers of the question neither passage nor its headings have: another year, another part, another form.
double numbers_missing(std::string_view question, std::string_view evidence) {
  constexpr double kMost = 2;
  WordSet known;
  for (std::string& number : numbers_in(evidence)) known.insert(std::move(number));
  double missing = 0;
  for (const std::string& number : numbers_in(question)) missing += known.contains(number) ? 0 : 1;
  return std::min(missing, kMost);
}

struct NamesMissing {
  double numbers = 0;      // 2025, 4분, 7020
  double identifiers = 0;  // TW-15, 4판: what names one thing among its like
};

// True if `said` has the number by itself: "Rev.3" and "개정번호: 3" have 3, "3명" and "2.3" have not.
bool has_number(std::string_view said, std::string_view number) {
  for (size_t at = said.find(number); at != said.npos; at = said.find(number, at + 1)) {
    size_t end = at + number.size();
    const bool joined = at > 0 && said[at - 1] >= '0' && said[at - 1] <= '9';
    if (joined) continue;
    if (end >= said.size()) return true;
    const text::Script next = text::script_of(decode_utf8(said, end));
    if (next != text::Script::kDigit && next != text::Script::kHangul && next != text::Script::kHan) return true;
  }
  return false;
}

// The names with digits in them that the question has and the evidence has not as written.
NamesMissing names_missing(const search::Response& response, const std::string& evidence) {
  constexpr double kMost = 2;
  const auto plain = [](std::string_view text) {
    std::string out = text::fold(text);
    std::erase_if(out, [](char c) { return c == ' ' || c == ','; });
    return out;
  };
  const std::string said = plain(evidence);
  NamesMissing missing;
  for (std::string_view word : split(response.text, ' ')) {
    if (std::none_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; })) continue;
    // As far as ASCII goes, and one syllable more after a short number ("4분", not "4").
    std::string name, counter;
    size_t digits = 0, letters = 0;
    for (size_t i = 0; i < word.size();) {
      const size_t begin = i;
      const char32_t c = decode_utf8(word, i);
      if (c >= 0x80) {
        if (name.empty()) continue;
        if (digits == name.size() && digits < 3) counter = word.substr(begin, i - begin);
        break;
      }
      if (c >= '0' && c <= '9') ++digits;
      if (text::script_of(c) == text::Script::kAlphabet) ++letters;
      if (text::script_of(c) != text::Script::kNone || c == '-' || c == '.') name += word.substr(begin, i - begin);
    }
    while (!name.empty() && (name.back() == '.' || name.back() == '-')) name.pop_back();
    if (name.empty() || said.find(plain(name + counter)) != said.npos) continue;
    const bool edition = word.find("판") != word.npos || word.find("분기") != word.npos || word.find("호") != word.npos || word.find("조") != word.npos;
    if (!counter.empty() && edition && has_number(said, name)) continue;
    const bool identifier = (letters > 0 && digits > 0) || (!counter.empty() && edition);
    (identifier ? missing.identifiers : missing.numbers) += 1;
  }
  missing.numbers = std::min(missing.numbers, kMost);
  missing.identifiers = std::min(missing.identifiers, kMost);
  return missing;
}

// How far the best passage is ahead of the best of another record.
double lead(const search::Response& response) {
  constexpr double kAlone = 0.1;  // no other record: a clear lead, not a boundless one
  for (const search::PassageResult& result : response.results) {
    if (result.record != response.results[0].record) return response.results[0].share - result.share;
  }
  return kAlone;
}

struct Coverage {
  double share = 0;         // of the words' rarity, question words at a fifth
  double rarest_missed = 0; // rarity, in tens
  double missed = 0;        // share of content words less than half found
  double count_missed = 0;  // and their number
};

Coverage cover(const std::vector<search::QuestionWord>& words, const std::vector<float>& found) {
  Coverage c;
  double total = 0, contents = 0;
  for (size_t i = 0; i < words.size() && i < found.size(); ++i) {
    constexpr double kQuestionWord = 0.2;
    const double rarity = static_cast<double>(words[i].rarity) * (words[i].content ? 1 : kQuestionWord);
    const double share = static_cast<double>(found[i]);
    total += rarity;
    c.share += rarity * share;
    if (!words[i].content) continue;
    ++contents;
    c.rarest_missed = std::max(c.rarest_missed, rarity * (1 - share) / 10);
    if (share < 0.5) ++c.missed;
  }
  if (total > 0) c.share /= total;
  c.count_missed = c.missed;
  if (contents > 0) c.missed /= contents;
  return c;
}

}  // namespace

Features features(const search::Response& response, const QuestionForm& form, const std::vector<Candidate>& chosen, Kind kind, const SecondStep* step) {
  Features f{};
  if (chosen.empty()) return f;
  const search::PassageResult& passage = response.results[chosen[0].passage];
  const search::Unit& unit = passage.units[chosen[0].unit];
  const std::string_view unit_text = std::string_view(passage.text).substr(unit.begin, unit.end - unit.begin);
  // With a second record both are the evidence: what either says is said.
  std::vector<float> passage_found = passage.found, unit_found = unit.found;
  std::string evidence = passage.text + "\n" + passage.context + "\n" + passage.record;
  std::string_view answering = unit_text;
  if (step != nullptr) {
    const auto add = [](std::vector<float>& found, const std::vector<float>& more) {
      for (size_t i = 0; i < found.size() && i < more.size(); ++i) found[i] = std::max(found[i], more[i]);
    };
    for (const search::PassageResult* more : {&step->source, &step->passage}) {
      add(passage_found, more->found);
      evidence += "\n" + more->text + "\n" + more->context + "\n" + more->record;
    }
    add(unit_found, step->source.units[step->source_unit].found);
    add(unit_found, step->passage.units[step->unit].found);
    const search::Unit& last = step->passage.units[step->unit];
    answering = std::string_view(step->passage.text).substr(last.begin, last.end - last.begin);
  }
  const Coverage in_passage = cover(response.words, passage_found), in_unit = cover(response.words, unit_found);
  const std::vector<std::string> asked = folded_words(response.text), said = folded_words(passage.text),
                                 quoted = folded_words(unit_text);

  f[0] = static_cast<double>(unit.own + unit.context);
  f[1] = static_cast<double>(unit.own + unit.context + unit.previous + unit.next);
  f[2] = in_passage.share;
  f[3] = in_unit.share;
  f[4] = in_passage.rarest_missed;
  f[5] = in_unit.rarest_missed;
  f[6] = in_passage.missed;
  f[7] = in_unit.missed;
  f[8] = passage.share;
  f[9] = lead(response);
  if (kind == Kind::kDate || kind == Kind::kNumber) {
    (holds_kind(form, kind, unit_text) || holds_kind(form, kind, answering) ? f[10] : f[11]) = 1;
  }
  f[12] = negates(asked) ? 1 : 0;
  f[13] = f[12] > 0 && !negates(said) ? 1 : 0;
  for (size_t i = 0; i < response.words.size() && i < passage_found.size(); ++i) {
    const search::QuestionWord& word = response.words[i];
    const std::string_view written = std::string_view(response.text).substr(word.begin, word.end - word.begin);
    if (written.empty() || !word.content) continue;
    const double missing = 1 - static_cast<double>(passage_found[i]);
    if (written[0] >= 'A' && written[0] <= 'Z' && word.begin > 0) f[15] += missing;
  }
  f[14] = numbers_missing(response.text, evidence);
  f[16] = std::log(1.0 + static_cast<double>(asked.size()));
  f[17] = opposes(asked, WordSet(quoted.begin(), quoted.end())) ? 1 : 0;
  const WordSet passage_words(said.begin(), said.end());
  f[18] = static_cast<double>(limits_missing(asked, passage_words));
  f[19] = has_negative_form(asked, passage_words) ? 1 : 0;
  f[20] = in_unit.count_missed / 5;
  f[21] = pairs_taken(asked, quoted);
  const NamesMissing names = names_missing(response, evidence);
  f[22] = names.numbers;
  f[32] = names.identifiers;
  for (size_t i = 0; i < 3; ++i) f[23 + i] = chosen[0].features[12 + i];
  f[26] = chosen[0].features[10];
  f[27] = chosen[0].features[11];
  f[28] = chosen.size() > 1 ? std::min(1.0, chosen[0].score - chosen[1].score) : 1;
  f[29] = chosen[0].features[8];
  const std::string said_text = text::fold(evidence);
  if (form.head.size() >= 2) f[30] = text::fold(answering).find(to_utf8(form.head)) != std::string::npos ? 1 : 0;
  if (form.keys[0].size() >= 2) f[31] = said_text.find(to_utf8(form.keys[0].substr(0, std::max<size_t>(2, form.keys[0].size() * 7 / 10)))) == std::string::npos ? 1 : 0;
  return f;
}

std::string_view feature_name(size_t i) { return kWeights[i].name; }

double confidence(const Features& f) {
  double sum = kBias;
  for (size_t i = 0; i < kFeatures; ++i) sum += kWeights[i].weight * f[i];
  return 1.0 / (1.0 + std::exp(-sum));
}

}  // namespace sillok::answer
