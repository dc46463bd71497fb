// Private to engine: prompt look-up. What followed the last words when they stood earlier in the history is a good
// guess at what follows now, above all where an answer quotes its evidence (Saxena 2023, "Prompt lookup decoding").
#pragma once

#include <span>
#include <vector>

#include "engine/engine.h"

namespace sillok::engine {

// Up to `most` tokens that may come next: those after the latest earlier place of the longest suffix (5 down to 2 tokens). Empty: no guess.
std::vector<Token> look_up(std::span<const Token> history, size_t most);

}  // namespace sillok::engine
