// Private to search: which trained retriever is in use, and since when it may no longer be.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "search/vectors.h"

namespace sillok::search {

// What one search works with from its beginning to its end.
struct InUse {
  std::shared_ptr<const Retriever> retriever;  // shared with the cache and with searches under way; null: none
  std::shared_ptr<VectorCache> vectors;        // shared likewise; null where the retriever has no encoder
  std::string problem;                         // why a retriever that is there is not used

  SnapshotVectors vectors_of(const Snapshot& snapshot) const { return vectors ? vectors->of(snapshot) : SnapshotVectors{}; }
};

// Thread-safe.
class RetrieverInUse {
 public:
  // `home` empty: an index without a home has no retriever.
  explicit RetrieverInUse(fs::path home);
  InUse get() const;
  bool replaced() const;  // Is the file another one than was read?
  // Reads the file if it was replaced, and leaves the retriever out where a version that it was learned from may no longer
  // be told of.
  Status follow(const archive::Archive& archive, const Result<govern::Lattice>& lattice);
  void use(std::optional<RetrieverModel> model);
  const fs::path& folder() const { return folder_; }  // of the vectors

 private:
  struct Stamp {
    int64_t inode = 0, size = 0, seconds = 0, nanoseconds = 0;
    bool operator==(const Stamp&) const = default;
  };
  static Stamp stamp_of(const fs::path& path);
  void read();
  void set(std::shared_ptr<const Retriever> next, std::string problem);

  fs::path path_, folder_;
  mutable std::mutex mutex_;
  InUse now_;
  Stamp stamp_;          // of the file that was read; all zero: there was none
  int64_t checked_ = 0;  // the archive's change up to which the retriever's versions were looked at
};

}  // namespace sillok::search
