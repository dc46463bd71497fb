// Private to archive: documents that say nearly the same, found without comparing every pair.
//
// MinHash (Broder 1997) over folded shingles of five characters; candidates by locality-sensitive hashing in bands
// (Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, 3.4), then the estimate on whole sketches.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "documents/documents.h"

namespace sillok::archive {

inline constexpr size_t kShingleLength = 5;         // characters: about two Korean words with their particles
inline constexpr size_t kSketchSize = 120;          // standard error of the estimate at 0.8: 0.037
inline constexpr size_t kBands = 20;                // of 6 values: a pair at 0.8 is missed twice in 1,000, at 0.9 never; at 0.4, 1 in 12 is met
inline constexpr size_t kMinShingles = 50;          // shorter texts are alike by chance: forms, acknowledgements
inline constexpr double kNearDuplicateSimilarity = 0.8;

// 32 bits of each minimum: chance agreement adds 2^-32 to the estimate.
using Sketch = std::array<uint32_t, kSketchSize>;

// nullopt for a text too short to judge. Headers and footers do not count.
std::optional<Sketch> sketch(const documents::Document& document);
std::optional<Sketch> sketch_text(std::string_view text);

// Estimated Jaccard similarity of the two texts' shingles, 0 to 1.
double similarity(const Sketch& a, const Sketch& b);

// One key per band: two documents that share any are candidates.
std::array<uint64_t, kBands> band_keys(const Sketch& sketch);

}  // namespace sillok::archive
