// What the benchmarks of models share: figures, prompts and requests.
#pragma once

#include "cli/common.h"
#include "cli/session.h"

namespace sillok::cli {

struct Figures {
  double median = 0, least = 0, most = 0;
};
Figures figures_of(std::vector<double> values);  // of at least one
Json figures_json(const Figures& figures);

// Ordinary tokens at random, seeded: speed depends on how many, not on which.
std::vector<model::Token> random_prompt(const Session& session, size_t size, uint32_t seed);

// Submits all at once and gives the results in the same order, when all have come.
Result<std::vector<engine::Generated>> generate_together(const Session& session, std::vector<engine::GenerateRequest> requests);

}  // namespace sillok::cli
