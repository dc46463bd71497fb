// Private to answer: the passages that a model is shown, packed into its budget.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "answer/answer.h"
#include "answer/check.h"
#include "answer/prompts.h"

namespace sillok::answer {

struct Evidence {
  std::vector<Piece> pieces;                     // numbered from 1, in the order shown
  std::vector<search::PassageResult> passages;   // of each piece
  std::string prompt;                            // all of them, fenced
};

// Passages of the quotes first, best first, then of what else was looked into; each whole where it fits, else the
// sentences around its quotes; none twice. `budget`: tokens, as `count` counts them.
Evidence pack_evidence(const Answer& answer, Tongue tongue, size_t budget, const std::function<size_t(std::string_view)>& count);

// What is said of the whole passage: title, headings, record, days in force.
std::string context_of(const search::PassageResult& passage);
// The same in a line for the model, escaped: title, record, version, days in force.
std::string head_of(const search::PassageResult& passage, Tongue tongue);

}  // namespace sillok::answer
