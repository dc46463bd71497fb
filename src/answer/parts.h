// Private to answer: the steps of its main path.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "answer/answer.h"

namespace sillok::answer {

struct QuestionForm;  // span.h

// A model file's name without .gguf, and its hash: reads it all.
std::string identity(const fs::path& file);

// What is seen of a unit; names beside the weights in select.cc.
inline constexpr size_t kUnitFeatures = 16;
using UnitFeatures = std::array<double, kUnitFeatures>;

// A unit of a passage, chosen or to be chosen.
struct Candidate {
  size_t passage = 0;  // index into Response::results
  size_t unit = 0;     // index into its units
  double score = 0;
  UnitFeatures features = {};
  std::optional<search::Match> span;  // in the unit
};
// The best units over all passages, score descending, no text twice: all that were looked into, or at most `count`.
std::vector<Candidate> rank_units(const search::Response& response, const QuestionForm& form, Kind kind);
std::vector<Candidate> select_units(const search::Response& response, const QuestionForm& form, Kind kind, size_t count);
// Steps of rank_units, for fitting: all but the marks of a span; those.
UnitFeatures unit_features(const search::Response& response, const QuestionForm& form, Kind kind, size_t passage, size_t unit);
void look_into(const QuestionForm& form, Kind kind, std::string_view words, UnitFeatures& features, std::optional<search::Match>& span);
struct UnitWeight {
  std::string_view name;
  double first, second;  // round
};
std::vector<UnitWeight> unit_weights();

// The part of `unit` that answers the question, if it stands out, and how clearly.
struct FoundSpan {
  search::Match span;
  double score = 0;
};
std::optional<FoundSpan> find_span(const QuestionForm& form, Kind kind, std::string_view unit);

// True if the unit holds something of the kind that the question does not.
bool holds_kind(const QuestionForm& form, Kind kind, std::string_view unit);

// A second record that the evidence leads to, and the unit of it that says what the first leaves open.
struct SecondStep {
  search::PassageResult source;   // of the first record, with the unit that names the second
  size_t source_unit = 0;
  search::PassageResult passage;  // of the second record, with the unit that answers
  size_t unit = 0;
  double score = 0;               // about 0..1.5
  bool near = false;              // the name stands in a unit that was chosen anyway
};
// `request` is the one that gave `response`; the second search is under the same clearance and date. None if the
// first evidence suffices or leads nowhere. Costs up to four searches, each within the few passages of a filter.
std::optional<SecondStep> second_step(const archive::Archive& archive, const search::Searcher& searcher, const search::Request& request,
                                      const search::Response& response, const QuestionForm& form, const std::vector<Candidate>& chosen, Kind kind);

// What speaks for and against the answer; each about 0..1. The names are in confidence.cc beside the weights.
inline constexpr size_t kFeatures = 33;
using Features = std::array<double, kFeatures>;
Features features(const search::Response& response, const QuestionForm& form, const std::vector<Candidate>& chosen, Kind kind,
                  const SecondStep* step);
std::string_view feature_name(size_t i);
double confidence(const Features& features);

// `matched`: for each quote, of each word of the question, how much of its rarity the quote matches.
std::vector<Conflict> find_conflicts(const std::vector<Quote>& quotes, const std::vector<std::vector<float>>& matched, Kind kind);

}  // namespace sillok::answer
