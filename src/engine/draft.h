// Private to engine: prompt look-up. What followed the last words when they stood earlier in the history is a good
// guess at what follows now, above all where an answer quotes its evidence (Saxena 2023, "Prompt lookup decoding").
#pragma once

#include <span>
#include <vector>

#include "engine/engine.h"

namespace sillok::engine {

inline constexpr size_t kDraftTokens = 7;  // guesses at most: with the last token a tile of 8 rows, which costs little more than one
// How many tokens must be the same. One alone guesses wrong more often than right; where a draft model can be asked instead,
// only a repetition that is no accident goes before it.
inline constexpr size_t kShortestMatch = 2, kShortestMatchBeforeDraft = 4;

// Up to `most` tokens that may come next: those after the latest earlier place of the longest suffix of 5 down to `shortest`
// tokens. Empty: no guess.
std::vector<Token> look_up(std::span<const Token> history, size_t most, size_t shortest);

}  // namespace sillok::engine
