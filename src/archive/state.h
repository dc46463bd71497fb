// Private to archive: what an open archive holds.
#pragma once

#include <mutex>

#include "archive/archive.h"
#include "archive/blobs.h"
#include "archive/commit.h"
#include "archive/database.h"
#include "archive/environment.h"
#include "archive/settings.h"

namespace sillok::archive {

inline constexpr int kLockWaitMs = 1000;  // a second writer waits this long before it is refused

struct Archive::State {
  fs::path home;
  Settings settings;
  Environment environment;
  std::mutex mutex;                              // guards idle
  std::vector<std::unique_ptr<Database>> idle;   // reading connections not in use

  fs::path database_path() const { return home / "archive.db"; }
  fs::path blob_path() const { return home / "blobs"; }
  Result<FileLock> lock() const { return FileLock::acquire(home / "lock", kLockWaitMs); }
  Result<std::unique_ptr<Database>> take();
  void give(std::unique_ptr<Database> db);
};

// A reading connection for the length of a call.
class Reading {
 public:
  explicit Reading(Archive::State& state) : state_(state) {}
  ~Reading() { state_.give(std::move(db_)); }
  Status open() {
    SILLOK_ASSIGN(db_, state_.take());
    return {};
  }
  Database& operator*() { return *db_; }
  Database* operator->() { return db_.get(); }

 private:
  Archive::State& state_;
  std::unique_ptr<Database> db_;
};

// One add; also what watch repeats. `retry_failed`: read files again that failed and have not changed.
Result<AddReport> run_add(Archive::State& state, const std::vector<fs::path>& paths,
                          const AddOptions& options, bool retry_failed);

}  // namespace sillok::archive
