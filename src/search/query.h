// Private to search: what a query asks, apart from ranking it.
#pragma once

#include <string>
#include <vector>

#include "search/index.h"
#include "search/terms.h"

namespace sillok::search {

// A query taken apart: free text, phrases that must occur, and field filters.
struct ParsedQuery {
  std::string text;                   // what is ranked by: the query without its filters, phrases included
  std::vector<std::string> phrases;   // "in double quotes": each must occur as written, white space and case aside
  bool words_beside_phrases = false;  // there is free text that is not a phrase
  bool quotes_in_question = false;    // and it ends as a question does: its quotation marks quote, they do not demand
  std::vector<std::string> titles;    // title:word, each must occur in title or heading path
  std::vector<std::string> formats;   // type:hwp
  std::vector<std::string> labels;    // label:S
  std::string record_prefix;          // record:WS-1
  Day after = kDayMin, before = kDayMax;
  std::vector<std::string> notes;
};
// kInvalid where a filter's value cannot be understood (a date that is none).
Result<ParsedQuery> parse_query(std::string_view query);

// A term of the question and how much it says about what is asked, before rarity is known.
struct QuestionTerm {
  TermId id = 0;
  TermClass term_class = TermClass::kWord;
  float weight = 1;  // class weight, lowered for question words and particles
  uint32_t begin = 0, end = 0;  // code points of the folded question
};
// Each term once, with its highest weight, in order of first occurrence.
std::vector<QuestionTerm> question_terms(const std::u32string& folded);

// How to rank for the script most of the question is written in; fitted on public question sets (docs/SEARCH.md).
struct RankProfile {
  float k1, b;            // BM25
  float idf_power;        // rarity counts as idf to this power
  // What the re-ranker adds, as shares of the most that the question's terms can weigh together:
  float sentence, neighbours;              // of the terms in the best sentence, in the best two neighbours
  float sentence_words, neighbours_words;  // the same counted by whole words, however many terms they have
  float coverage;                          // of the terms anywhere, however often they occur
  float gain() const { return gain_of(1, 1, 1, 1, 1); }
  float gain_of(float unit, float pair, float unit_words, float pair_words, float covered) const {
    return sentence * unit + neighbours * pair + sentence_words * unit_words + neighbours_words * pair_words + coverage * covered;
  }
};
const RankProfile& rank_profile(const std::u32string& folded);

}  // namespace sillok::search
