// Private to answer: the steps of its main path.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "answer/answer.h"

namespace sillok::answer {

// A unit of a passage, chosen or to be chosen.
struct Candidate {
  size_t passage = 0;  // index into Response::results
  size_t unit = 0;     // index into its units
  double score = 0;
};
// The best units over all passages, score descending, at most `count`, no text twice.
std::vector<Candidate> select_units(const search::Response& response, Kind kind, size_t count);

// The part of `unit` that answers a question of this kind, if it stands out.
std::optional<search::Match> find_span(std::string_view question, Kind kind, std::string_view unit);

// True if the unit holds something of the kind that the question does not.
bool holds_kind(std::string_view question, Kind kind, std::string_view unit);

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
                                      const search::Response& response, const std::vector<Candidate>& chosen, Kind kind);

// What speaks for and against the answer; each about 0..1. The names are in confidence.cc beside the weights.
inline constexpr size_t kFeatures = 22;
using Features = std::array<double, kFeatures>;
Features features(const search::Response& response, const std::vector<Candidate>& chosen, Kind kind);
double confidence(const Features& features);

std::vector<Conflict> find_conflicts(const std::vector<Quote>& quotes, Kind kind);

}  // namespace sillok::answer
