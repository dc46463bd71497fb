// Private to answer: a clause of a sentence and a unit of evidence, ready to be compared.
//
// Contents: evidence | clauses | comparing
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "answer/facts.h"
#include "answer/span.h"

namespace sillok::answer {

// ---- Evidence

// A clause of a unit, where only facts and negation matter.
struct Part {
  std::u32string run;
  size_t negations = 0;
  std::vector<Fact> facts;
};

// A unit: a sentence, item or row; or what a passage says of each (title, headings).
struct Ground {
  std::u32string run;                           // folded, without white space: words run together or apart compare alike
  std::vector<std::u32string> words;            // alphabetic ones, for their beginnings
  std::unordered_set<std::string> plain_words;  // for opposites
  std::vector<Fact> facts;
  std::vector<Part> parts;
  bool row = false;
};
Ground ground_of(std::string_view text);

// A row of a table, as archive writes one: "column: cell | column: cell".
bool is_row(std::string_view unit);

// ---- Clauses

inline constexpr double kContent = 1, kVerb = 0.5, kAsked = 0.5;  // how much a word weighs; one of the question at kAsked of it

struct SaidWord {
  std::u32string folded;
  size_t begin = 0;    // byte of the clause
  double weight = 0;
  bool asked = false;  // stands in the question
  bool verb = false;
  bool name = false;   // must be found as written
};

struct Clause {
  std::vector<SaidWord> words;
  double weight = 0;
  std::vector<Fact> facts;
  std::vector<std::string> plain_words;
  size_t negations = 0;
  std::string text;
};
Clause clause_of(const QuestionForm& form, std::string_view text);

// The clauses of a sentence: cut at commas, semicolons and connectives between words.
std::vector<std::string_view> clauses_of(std::string_view sentence);

// ---- Comparing

inline constexpr double kParts = 0.9;  // of a word found by its parts, as search counts them
inline constexpr double kHalf = 0.5;   // a word found less than this is missing

// How far the word is in the ground's run and words, 0..1: whole, or by the share of its parts.
double found_in(const SaidWord& word, const std::u32string& run, const std::vector<std::u32string>& words);

}  // namespace sillok::answer
