#include "answer/contrast.h"

#include <algorithm>

#include "base/base.h"
#include "text/text.h"

namespace sillok::answer {
namespace {

using WordSet = std::unordered_set<std::string>;

}  // namespace

std::vector<std::string> folded_words(std::string_view text) {
  std::vector<std::string> words;
  const std::string folded = text::fold(text);
  std::string word;
  for (size_t i = 0; i < folded.size();) {
    const char32_t c = decode_utf8(folded, i);
    if (text::script_of(c) != text::Script::kNone) {
      append_utf8(word, c);
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

bool negates(const std::vector<std::string>& words) {
  static const WordSet kNegations = {"not",  "never", "no",    "without", "except", "unlike", "cannot", "didn", "doesn",
                                     "isn",  "wasn",  "aren",  "weren",   "couldn", "hasn",   "haven",  "none", "neither",
                                     "fail", "failed", "refused", "least", "lack",  "lacked"};
  return std::any_of(words.begin(), words.end(), [](const std::string& word) {
    if (kNegations.contains(word)) return true;
    for (std::string_view ending : {"않은", "않는", "않았", "아닌", "없는", "없이", "못한", "못하", "제외"}) {
      if (word.find(ending) != word.npos) return true;
    }
    return false;
  });
}

bool opposes(const std::vector<std::string>& question, const WordSet& unit) {
  static const std::vector<std::pair<std::string, std::string>> kOpposites = {
      {"increase", "decrease"}, {"increased", "decreased"}, {"more", "less"},         {"more", "fewer"},
      {"most", "least"},        {"north", "south"},         {"northern", "southern"}, {"east", "west"},
      {"eastern", "western"},   {"high", "low"},            {"higher", "lower"},      {"highest", "lowest"},
      {"large", "small"},       {"larger", "smaller"},      {"largest", "smallest"},  {"before", "after"},
      {"first", "last"},        {"early", "late"},          {"earlier", "later"},     {"old", "new"},
      {"older", "newer"},       {"male", "female"},         {"men", "women"},         {"public", "private"},
      {"internal", "external"}, {"positive", "negative"},   {"legal", "illegal"},     {"won", "lost"},
      {"began", "ended"},       {"start", "end"},           {"good", "bad"},          {"best", "worst"},
      {"strong", "weak"},       {"stronger", "weaker"},     {"major", "minor"},       {"maximum", "minimum"},
      {"short", "long"},        {"fast", "slow"},           {"rich", "poor"},         {"above", "below"},
      {"same", "different"},    {"always", "never"},        {"accepted", "rejected"}, {"supported", "opposed"},
      {"common", "rare"},       {"possible", "impossible"}, {"rose", "fell"},         {"urban", "rural"},
      {"import", "export"},     {"upper", "lower"},         {"hot", "cold"},          {"최대", "최소"},
      {"최고", "최저"},         {"이전", "이후"},           {"이상", "이하"},         {"초과", "미만"},
      {"증가", "감소"},         {"상한", "하한"}, {"상반기", "하반기"}};
  const WordSet asked(question.begin(), question.end());
  for (const auto& [a, b] : kOpposites) {
    if (asked.contains(a) && !asked.contains(b) && !unit.contains(a) && unit.contains(b)) return true;
    if (asked.contains(b) && !asked.contains(a) && !unit.contains(b) && unit.contains(a)) return true;
  }
  return false;
}

size_t count_negations(std::string_view text) {
  // By what Korean builds a negation with, wherever it stands in the word; "안" and "못" by themselves.
  size_t count = 0;
  const std::string folded = " " + text::fold(text) + " ";
  for (std::string_view part : {"않", "못하", "못했", "못한", "없", "아니", "아닌", "아닙", "금지", "금한", "불가", "말아", "말고", "말 것", "마라", "제외", "면제", " 안 ", " 못 ", "미실시", "거부", "거절"}) {
    for (size_t at = folded.find(part); at != std::string::npos; at = folded.find(part, at + part.size())) ++count;
  }
  static const WordSet kWords = {"not", "never", "no", "none", "neither", "nor", "without", "cannot", "except", "prohibited", "forbidden", "refused", "rejected", "nicht", "kein", "keine", "ohne"};
  // unopened, untreated; not united or underlined.
  const auto undone = [](const std::string& w) {
    return w.size() >= 7 && w.starts_with("un") && w.ends_with("ed") && !w.starts_with("under") && !w.starts_with("uni");
  };
  std::string word;
  for (const std::string& w : folded_words(text)) count += kWords.contains(w) || undone(w) || (w == "t" && word.ends_with("n")) ? 1 : 0, word = w;
  // These negate nothing: a bound, a need, an addition.
  for (std::string_view part : {"넘지 않", "넘지 아니", "넘을 수 없", "초과하지 않", "초과할 수 없", "초과하지 아니", "밖에 없", "뿐만 아니", "뿐 아니", "빠짐없", "빠짐 없", "예외없", "예외 없", "틀림없", "관계없", "관계 없", "상관없", "상관 없", "끊임없", "not exceed", "no more than",
                                "not more than", "no less than", "not less than", "not only", "no later than", "not later than"}) {
    for (size_t at = folded.find(part); at != std::string::npos && count > 0; at = folded.find(part, at + part.size())) --count;
  }
  return count;
}

}  // namespace sillok::answer
