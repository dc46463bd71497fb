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

// What speaks for and against the answer; each about 0..1. The names are in confidence.cc beside the weights.
inline constexpr size_t kFeatures = 22;
using Features = std::array<double, kFeatures>;
Features features(const search::Response& response, const std::vector<Candidate>& chosen, Kind kind);
double confidence(const Features& features);

std::vector<Conflict> find_conflicts(const std::vector<Quote>& quotes, Kind kind);

}  // namespace sillok::answer
