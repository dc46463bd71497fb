// What must be put in order after a writer that did not come to its end, and after every erasure.
#include <unordered_set>

#include "archive/erasure.h"
#include "archive/tidy.h"

namespace sillok::archive {
namespace {

constexpr std::string_view kMarker = "unfinished";

}  // namespace

Status mark_unfinished(const Archive::State& state, Writing writing) {
  return write_file_atomic(state.home / kMarker, writing == Writing::kErase ? "erase\n" : "add\n");
}

Status clear_unfinished(const Archive::State& state) {
  std::error_code error;
  fs::remove(state.home / kMarker, error);
  if (error) return fail(ErrorCode::kIo, "cannot remove home/unfinished: " + error.message());
  return {};
}

Result<uint64_t> sweep_blobs(const Archive::State& state, Database& db) {
  std::unordered_set<std::string> wanted;
  {
    SILLOK_ASSIGN(Cursor rows, db.query("SELECT DISTINCT blob FROM versions WHERE erased = 0"));
    for (;;) {
      SILLOK_ASSIGN(const bool more, rows.next());
      if (!more) break;
      wanted.insert(rows.text(0));
    }
  }
  BlobStore store(state.blob_path(), state.environment);
  store.clean_temporary();
  std::vector<fs::path> others;
  SILLOK_ASSIGN(const std::vector<std::string> hashes, store.list(others));
  uint64_t removed = 0;
  for (const std::string& hash : hashes) {
    if (wanted.contains(hash)) continue;
    SILLOK_TRY(store.remove(hash));
    ++removed;
  }
  return removed;
}

// secure_delete has overwritten what was deleted inside the file; rewriting it drops what older versions of SQLite
// or moved rows may have left, and truncating the log drops the pages as they were.
Status scrub_database(Database& db) {
  SILLOK_TRY(db.run("VACUUM"));
  SILLOK_ASSIGN(const int64_t busy, db.integer_or(1, "PRAGMA wal_checkpoint(TRUNCATE)"));
  if (busy != 0) {
    return fail(ErrorCode::kConflict,
                "the content is erased, but another process still reads the state before; stop it and erase again, so "
                "that the old pages can be overwritten");
  }
  return {};
}

namespace {

// A writer killed inside COMMIT may leave its whole transaction in the log without having told the other connections
// (archive.db-shm). While one of those stays, nobody sees the transaction; once all are gone, the next to open recovers
// it from the log. Blobs must not be swept by a state that may change so: a transaction of our own goes over it.
Status settle_log(Database& db) {
  Transaction transaction(db);
  SILLOK_TRY(transaction.begin());
  SILLOK_ASSIGN(const int64_t schema, db.integer_or(0, "PRAGMA user_version"));
  SILLOK_TRY(db.execute("PRAGMA user_version = " + std::to_string(schema)));  // writes page 1, equal or not
  return transaction.commit();
}

// What write_file_atomic leaves when it is killed.
void remove_half_written(const fs::path& home) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(home, error)) {
    const std::string name = entry.path().filename().string();
    std::error_code ignored;  // what cannot be removed now is tried again by the next writer
    if (name.starts_with(std::string(kMarker) + ".tmp") || name.starts_with("answer.json.tmp")) {
      fs::remove(entry.path(), ignored);
    }
  }
}

}  // namespace

Status finish_interrupted(const Archive::State& state, Database& db) {
  remove_half_written(state.home);
  const auto marker = read_file(state.home / kMarker);
  if (!marker) return marker.error().code == ErrorCode::kNotFound ? Status() : Status(fail(marker.error()));
  SILLOK_TRY(settle_log(db));
  SILLOK_TRY(sweep_blobs(state, db));
  if (marker->starts_with("erase")) SILLOK_TRY(scrub_database(db));
  return clear_unfinished(state);
}

}  // namespace sillok::archive
