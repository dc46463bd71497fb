// Private to answer: where in a unit the answer itself stands.
//
// Contents: what is asked | dates and amounts | words of a unit | candidates and their marks | the model
//
// Main path (span.cc): question_form -> values_in and words_in -> candidates, each with marks -> a linear model over
// the marks picks one. Marks are of form and place (a particle after it, a date, its distance from words of the
// question), never of meaning: no list of names is known.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "answer/parts.h"

namespace sillok::answer {

// ---- What is asked

// Kinds of answers that look different; finer than Kind.
enum class Asked : uint8_t { kAny, kYear, kDate, kNumber, kPerson, kPlace, kTitle, kWhich };
inline constexpr size_t kAskedKinds = 8;
std::string_view to_string(Asked asked);

struct QuestionForm {
  Asked asked = Asked::kAny;
  std::string text;             // the question as written
  std::string folded;           // text::fold of it
  std::u32string head;          // what kind of thing is asked for, folded: "나라" of "어느 나라", "city" of "which city"
  // What is counted, in the ways it may be written: "명" of "몇 명", "달" and "개월" of "몇 달", "week" and others of "how long".
  std::vector<std::string> counters;
  // The words that the asked thing stands beside: "인계된" of "… 인계된 곳은?", "designed" of "Who designed …?"; and the
  // next best.
  std::array<std::u32string, 2> keys;
  std::unordered_set<std::u32string> stems;  // its words, particles cut off
  std::unordered_set<uint64_t> bigrams;      // pairs of neighbouring characters in its words
};
QuestionForm question_form(std::string_view question, Kind kind);

// ---- Dates and amounts in a text

struct Value {
  enum class Type : uint8_t { kYear, kDay, kFullDate, kAmount, kBareNumber, kLabel };
  search::Match span;
  Type type = Type::kBareNumber;
  search::Match year;      // of a date that has one
  bool counts = false;     // an amount of what the question counts
  int parts = 0;           // of a date: how exact
};
// In order, not overlapping. `counters`: see QuestionForm.
std::vector<Value> values_in(std::string_view unit, const std::vector<std::string>& counters);
bool holds_any(std::string_view text, const std::vector<std::string>& words);

// ---- Words of a unit

// How a word is tied to what follows or goes before: a Korean particle, or the small word another language puts there.
enum class Tie : uint8_t {
  kNothing,   // another word
  kEnd,       // start or end of the unit
  kStop,      // comma, stop or dash
  kBracket,   // an opening bracket after it, a closing one before it
  kQuote,     // a quotation mark
  kTopic,     // 은/는, is, 是
  kSubject,   // 이/가
  kObject,    // 을/를
  kOf,        // 의, of, 的
  kTo,        // 에, 에게, to, 给
  kIn,        // 에서, in, at, 在
  kBy,        // 으로, by, with, 由
  kAnd,       // 와/과, and, 和
  kAlso,      // 도, 만, 까지, 부터, from, until
  kCopula,    // 이다, 였다
  kNamed,     // 라는, 라고, called
  kVerb,      // 했다, 하는, -한
};
inline constexpr size_t kTies = 17;

struct Word {
  size_t begin = 0, end = 0;        // bytes, without punctuation
  std::vector<std::pair<size_t, Tie>> ends;  // where a candidate may end, and what then follows it; the last is `end`
  std::u32string folded;            // to its first end
  Tie before = Tie::kNothing;       // what stands before it
  Tie after = Tie::kNothing;        // what stands after its `end`
  float known = 0;                  // how far it is in the question, 0..1
  bool small = false;               // an article, preposition or the like
  bool capital = false, digits = false, hangul = false, han = false, latin = false;
  bool opened = false, closed = false;   // directly after an opening, before a closing quotation mark
  bool glued = false;               // no white space before it
  bool numeral = false;             // a number written in words
  bool function = false;            // 이후, 다시, 때문: a word that names nothing
  bool verbal = false;              // 있었던, 나타난: built like a verb
  std::array<bool, 2> key = {};     // matches QuestionForm::keys
};
std::vector<Word> words_in(const QuestionForm& form, std::string_view unit);

// ---- Candidates

struct Mark {
  uint16_t id = 0;
  float value = 1;
};
struct SpanCandidate {
  search::Match span;
  std::vector<Mark> marks;
};
// Every run of words that could be the answer; each is valid only during its call.
void each_span(const QuestionForm& form, std::string_view unit, const std::function<void(const SpanCandidate&)>& sink);
std::vector<SpanCandidate> span_candidates(const QuestionForm& form, std::string_view unit);

// ---- The model: which writing the unit is in picks the weights.

enum class Writing : uint8_t { kHangul, kAlphabet, kHan };
inline constexpr size_t kWritings = 3;
Writing writing_of(std::string_view unit);

// Names of the marks, by id.
const std::vector<std::string>& mark_names();
// Weight of a mark where this is asked: the shared one and its own for the kind.
double mark_weight(Writing writing, uint16_t mark, Asked asked);
// The names beside the weights: mark_names(), or the table is of another version (a test compares them).
std::vector<std::string_view> weighted_marks();

struct ScoredSpan {
  search::Match span;
  double score = 0;
};
// The best candidate, if there is any.
std::optional<ScoredSpan> best_span(const QuestionForm& form, std::string_view unit);

}  // namespace sillok::answer
