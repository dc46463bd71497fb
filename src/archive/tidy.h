// Private to archive: the steps after an erasure.
#pragma once

#include "archive/state.h"

namespace sillok::archive {

// Removes blobs that no version refers to; how many.
Result<uint64_t> sweep_blobs(const Archive::State& state, Database& db);
// Overwrites what archive.db's free pages and log still hold. kConflict while others read older states.
Status scrub_database(Database& db);

}  // namespace sillok::archive
