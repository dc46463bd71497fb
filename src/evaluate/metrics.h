// Private to evaluate: figures from outcomes.
#pragma once

#include <string_view>
#include <vector>

#include "evaluate/evaluate.h"

namespace sillok::evaluate {

// SQuAD's normalisation (case, punctuation, English articles) of both sides.
bool exact_match(std::string_view given, const std::vector<std::string>& answers);
// Best F1 over the answers: of words, or of characters where the answer is in Hangul or Han (as KorQuAD does).
double f1(std::string_view given, const std::vector<std::string>& answers);

double auroc(const std::vector<Outcome>& outcomes);
Metrics summarise(const std::vector<const Outcome*>& outcomes);

}  // namespace sillok::evaluate
