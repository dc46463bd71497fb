#include "search/in_use.h"

#include <sys/stat.h>

#include <algorithm>

namespace sillok::search {

fs::path retriever_path(const fs::path& home) { return home / "models" / "retriever.sillok"; }

RetrieverInUse::RetrieverInUse(fs::path home, const std::optional<fs::path>& file) : home_(std::move(home)) {
  if (home_.empty()) return;
  path_ = file.value_or(retriever_path(home_));
  folder_ = home_ / "index" / "vectors";
  read();
}

InUse RetrieverInUse::get() const {
  const std::lock_guard lock(mutex_);
  return now_;
}

RetrieverInUse::Stamp RetrieverInUse::stamp_of(const fs::path& path) {
  struct stat s{};
  if (path.empty() || ::stat(path.c_str(), &s) != 0) return {};
  return {static_cast<int64_t>(s.st_ino), s.st_size, s.st_mtim.tv_sec, s.st_mtim.tv_nsec};
}

bool RetrieverInUse::replaced() const {
  const std::lock_guard lock(mutex_);
  return stamp_of(path_) != stamp_;
}

void RetrieverInUse::set(std::shared_ptr<const Retriever> next, std::string problem) {
  now_ = {};
  now_.problem = std::move(problem);
  checked_ = next ? next->model.change : 0;
  if (next && next->model.encoder.buckets > 0) now_.vectors = std::make_shared<VectorCache>(folder_, next);
  now_.retriever = std::move(next);
}

// The stamp is taken before the bytes: a file replaced between the two is read again.
void RetrieverInUse::read() {
  stamp_ = stamp_of(path_);
  given_ = false;
  if (path_.empty()) return set(nullptr, "");
  const auto bytes = read_file(path_, kMaxRetrieverBytes);
  if (!bytes) {
    set(nullptr, bytes.error().code == ErrorCode::kNotFound ? "" : "the trained retriever is not used: " + bytes.error().message);
    return;
  }
  auto model = decode_retriever(*bytes);
  if (model) set(std::make_shared<Retriever>(Retriever{std::move(*model), sha256_hex(*bytes)}), "");
  else set(nullptr, "the trained retriever " + path_.string() + " is not used: " + model.error().message);
}

Status RetrieverInUse::follow(const archive::Archive& archive, const Result<govern::Lattice>& lattice) {
  const std::lock_guard lock(mutex_);
  if (!path_.empty() && stamp_of(path_) != stamp_) read();
  if (!now_.retriever || archive.last_change() <= checked_) return {};
  const RetrieverModel& model = now_.retriever->model;
  const int64_t until = archive.last_change();
  std::string stale;
  SILLOK_TRY(archive.changes_after(checked_, [&](const archive::Version& version) -> Status {
    if (!std::binary_search(model.versions.begin(), model.versions.end(), version.id)) return {};
    if (version.erased) stale = "was erased";
    else if (!lattice || !lattice->covers(model.labels, version.label)) stale = "has another label now";
    return {};
  }));
  if (stale.empty()) checked_ = until;
  else set(nullptr, "the trained retriever is not used: a record it was trained on " + stale + "; run sillok train retriever again");
  return {};
}

void RetrieverInUse::use(std::optional<RetrieverModel> model) {
  std::shared_ptr<const Retriever> next;
  if (model) {
    std::string hash = sha256_hex(encode_retriever(*model));
    next = std::make_shared<Retriever>(Retriever{std::move(*model), std::move(hash)});
  }
  const std::lock_guard lock(mutex_);
  given_ = true;
  set(std::move(next), "");
}

void RetrieverInUse::use_file(const std::optional<fs::path>& file) {
  const std::lock_guard lock(mutex_);
  fs::path path = file.value_or(retriever_path(home_));
  if (!given_ && path == path_ && stamp_of(path) == stamp_) return;
  path_ = std::move(path);
  read();
}

}  // namespace sillok::search
