// Private to archive: what erasing and adding share.
#pragma once

#include <set>

#include "archive/state.h"

namespace sillok::archive {

// The text with the given lines (1-based) emptied. Line numbers of the others stay, as anchors name them.
std::string blank_lines(std::string_view text, const std::set<uint32_t>& lines);
// The line a JSONL item stands on; 0 if unknown.
uint32_t line_of(const documents::Document& document);

// home/unfinished says that a writer is at work; found at the start of the next, that it was killed. It is written
// before the first commit and removed after the last step. kErase: freed pages may still hold erased content.
enum class Writing { kAdd, kErase };
Status mark_unfinished(const Archive::State& state, Writing writing);
Status clear_unfinished(const Archive::State& state);
// Removes what a killed writer left: staged files, blobs that no version refers to, and after kErase freed pages of
// the database. Call with the lock held, outside a transaction. Does nothing when the last writer finished.
Status finish_interrupted(const Archive::State& state, Database& db);

}  // namespace sillok::archive
