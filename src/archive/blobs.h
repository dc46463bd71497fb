// Private to archive: original bytes, content-addressed.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "archive/environment.h"
#include "base/base.h"

namespace sillok::archive {

// A file copied into the store but not yet part of it.
struct Staged {
  std::string hash;      // SHA-256 of the bytes copied
  uint64_t size = 0;
  fs::path temporary;
};

// home/blobs: "ab/cdef..." named by SHA-256, mode 0600, and tmp/ for files being copied. A blob appears under
// its name only once its bytes are synced, so a name that exists can be trusted after any crash.
class BlobStore {
 public:
  BlobStore(fs::path folder, const Environment& environment)
      : folder_(std::move(folder)), environment_(&environment) {}
  ~BlobStore();
  BlobStore(const BlobStore&) = delete;
  BlobStore& operator=(const BlobStore&) = delete;

  static Status create(const fs::path& folder);
  fs::path path(std::string_view hash) const;
  bool has(std::string_view hash) const;
  Result<std::string> read(std::string_view hash) const;

  // Where an error came from: the file being added (that file's failure) or the store (ends the add).
  struct StageError {
    Error error;
    bool source_at_fault = false;
  };
  // Copies a file in, hashing on the way. kLimit above max_bytes. Not durable yet.
  tl::expected<Staged, StageError> stage(const fs::path& source, uint64_t max_bytes);
  Result<Staged> stage_bytes(std::string_view bytes);
  void discard(const Staged& staged);

  // Marks a staged file to be kept at the next publish().
  void keep(const Staged& staged) {
    if (!kept_.emplace(staged.hash, staged).second) discard(staged);  // The same bytes are kept already.
  }
  // Syncs all kept files in one go, gives them their names, and syncs those. Rows may refer to them after.
  Status publish();
  void drop_kept(const std::string& hash) { kept_.erase(hash); }  // its temporary file stays
  void forget_kept();

  Status remove(std::string_view hash);
  // Names of all blobs in the store, sorted; files that are no blobs (temporary, foreign) into `others`.
  Result<std::vector<std::string>> list(std::vector<fs::path>& others) const;
  // Removes what a killed add left in tmp/.
  void clean_temporary();

 private:
  fs::path new_temporary(const fs::path& name);
  Status sync_all(const std::vector<fs::path>& paths) const;

  fs::path folder_;
  const Environment* environment_;  // outlives the store: both belong to Archive::State
  std::map<std::string, Staged, std::less<>> kept_;
  uint64_t next_temporary_ = 0;
  std::vector<fs::path> free_folders_;  // of staged files that went their way, for the next
};

}  // namespace sillok::archive
