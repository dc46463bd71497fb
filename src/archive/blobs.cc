#include "archive/blobs.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>

namespace sillok::archive {
namespace {

constexpr size_t kCopyBytes = 1 << 20;
// Above this many files one syncfs costs less than an fsync each.
constexpr size_t kSyncEachAtMost = 8;
constexpr std::string_view kTemporaryFolder = "tmp";

std::string hex(const std::array<unsigned char, crypto_hash_sha256_BYTES>& digest) {
  std::string out(2 * digest.size() + 1, '\0');
  sodium_bin2hex(out.data(), out.size(), digest.data(), digest.size());
  out.pop_back();
  return out;
}

Status write_all(int fd, const char* data, size_t size) {
  while (size > 0) {
    const ssize_t n = ::write(fd, data, size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno("cannot write into blobs/");
    data += n;
    size -= static_cast<size_t>(n);
  }
  return {};
}

bool is_hash(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

Status BlobStore::create(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder / kTemporaryFolder, error);
  if (error) {
    return fail(ErrorCode::kIo, "cannot create " + folder.string() + ": " + error.message());
  }
  return sync_directory(folder);
}

fs::path BlobStore::path(std::string_view hash) const {
  return folder_ / hash.substr(0, 2) / hash.substr(2);
}

bool BlobStore::has(std::string_view hash) const {
  struct stat info {};
  return is_hash(hash) && ::stat(path(hash).c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

Result<std::string> BlobStore::read(std::string_view hash) const {
  if (!is_hash(hash)) return fail(ErrorCode::kNotFound, "no original is kept");
  return read_file(path(hash));
}

tl::expected<Staged, BlobStore::StageError> BlobStore::stage(const fs::path& source,
                                                             uint64_t max_bytes) {
  const auto at_fault = [](tl::unexpected<Error> error, bool of_source) {
    return tl::unexpected<StageError>(StageError{std::move(error).value(), of_source});
  };
  // O_NONBLOCK: a named pipe that took the file's place must not hold us.
  const Descriptor in{::open(source.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
  if (in.fd < 0) return at_fault(fail_errno("cannot open the file"), true);
  Staged staged;
  staged.temporary = new_temporary(source.filename());
  const Descriptor out{
      ::open(staged.temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
  if (out.fd < 0) return at_fault(fail_errno("cannot create a file in blobs/tmp"), false);
  crypto_hash_sha256_state hash;
  crypto_hash_sha256_init(&hash);
  std::string buffer(kCopyBytes, '\0');
  for (;;) {
    const ssize_t n = ::read(in.fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      auto error = fail_errno("cannot read the file");
      discard(staged);
      return at_fault(std::move(error), true);
    }
    if (n == 0) break;
    staged.size += static_cast<uint64_t>(n);
    if (staged.size > max_bytes) {
      discard(staged);
      return at_fault(fail(ErrorCode::kLimit, "the file is over the limit of " +
                                                  std::to_string(max_bytes >> 20) + " MiB"),
                      true);
    }
    crypto_hash_sha256_update(&hash, reinterpret_cast<const unsigned char*>(buffer.data()),
                              static_cast<unsigned long long>(n));
    if (auto written = write_all(out.fd, buffer.data(), static_cast<size_t>(n)); !written) {
      discard(staged);
      return at_fault(fail(std::move(written).error()), false);
    }
  }
  std::array<unsigned char, crypto_hash_sha256_BYTES> digest{};
  crypto_hash_sha256_final(&hash, digest.data());
  staged.hash = hex(digest);
  return staged;
}

Result<Staged> BlobStore::stage_bytes(std::string_view bytes) {
  Staged staged;
  staged.hash = sha256_hex(bytes);
  staged.size = bytes.size();
  staged.temporary = new_temporary("rewritten");
  const Descriptor out{
      ::open(staged.temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
  if (out.fd < 0) return fail_errno("cannot create a file in blobs/tmp");
  if (auto written = write_all(out.fd, bytes.data(), bytes.size()); !written) {
    discard(staged);
    return fail(std::move(written).error());
  }
  return staged;
}

// Each staged file has a folder of its own, so that it keeps its name: readers take hints from it.
fs::path BlobStore::new_temporary(const fs::path& name) {
  if (free_folders_.empty()) {
    fs::path folder = folder_ / kTemporaryFolder /
                      (std::to_string(::getpid()) + "-" + std::to_string(++next_temporary_));
    // A failure shows when the file is created. The folder above is missing where blobs/ was restored or emptied by hand.
    if (::mkdir(folder.c_str(), 0700) != 0 && errno == ENOENT) {
      std::error_code ignored;
      fs::create_directories(folder, ignored);
    }
    free_folders_.push_back(std::move(folder));
  }
  const fs::path folder = std::move(free_folders_.back());
  free_folders_.pop_back();
  return folder / name;
}

BlobStore::~BlobStore() {
  for (const fs::path& folder : free_folders_) ::rmdir(folder.c_str());
}

void BlobStore::discard(const Staged& staged) {
  // Twice is harmless: the folder is free again only if the file was there.
  if (::unlink(staged.temporary.c_str()) == 0) {
    free_folders_.push_back(staged.temporary.parent_path());
  }
}

Status BlobStore::sync_all(const std::vector<fs::path>& paths) const {
  if (environment_->before_step) SILLOK_TRY(environment_->before_step("sync blobs"));
  if (paths.size() > kSyncEachAtMost) {
    const Descriptor folder{::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (folder.fd < 0 || ::syncfs(folder.fd) != 0) return fail_errno("cannot sync blobs/");
    return {};
  }
  for (const fs::path& each : paths) {
    const Descriptor file{::open(each.c_str(), O_RDONLY | O_CLOEXEC)};
    if (file.fd < 0 || ::fsync(file.fd) != 0) return fail_errno("cannot sync " + each.string());
  }
  return {};
}

Status BlobStore::publish() {
  std::vector<fs::path> files;
  std::set<fs::path> folders;
  for (const auto& [hash, staged] : kept_) {
    if (has(hash)) {
      discard(staged);
      continue;
    }
    files.push_back(staged.temporary);
    folders.insert(path(hash).parent_path());
  }
  if (files.empty()) {
    kept_.clear();
    return {};
  }
  SILLOK_TRY(sync_all(files));
  for (const fs::path& folder : folders) {
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
      return fail_errno("cannot create " + folder.string());
    }
  }
  if (environment_->before_step) SILLOK_TRY(environment_->before_step("rename blobs"));
  for (const auto& [hash, staged] : kept_) {
    if (has(hash)) continue;
    if (::rename(staged.temporary.c_str(), path(hash).c_str()) != 0) {
      return fail_errno("cannot rename into blobs/");
    }
    free_folders_.push_back(staged.temporary.parent_path());
  }
  std::vector<fs::path> changed(folders.begin(), folders.end());
  changed.push_back(folder_);
  SILLOK_TRY(sync_all(changed));
  kept_.clear();
  return {};
}

void BlobStore::forget_kept() {
  for (const auto& [hash, staged] : kept_) discard(staged);
  kept_.clear();
}

Status BlobStore::remove(std::string_view hash) {
  if (!is_hash(hash)) return {};
  const fs::path file = path(hash);
  if (::unlink(file.c_str()) != 0) {
    if (errno == ENOENT) return {};
    return fail_errno("cannot remove " + file.string());
  }
  return sync_directory(file.parent_path());
}

Result<std::vector<std::string>> BlobStore::list(std::vector<fs::path>& others) const {
  std::vector<std::string> hashes;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder_, error), end; !error && it != end;
       it.increment(error)) {
    if (it->is_directory(error)) continue;
    const fs::path& file = it->path();
    const std::string hash = file.parent_path().filename().string() + file.filename().string();
    if (it.depth() == 1 && is_hash(hash)) {
      hashes.push_back(hash);
    } else {
      others.push_back(file);
    }
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return fail(ErrorCode::kIo, "cannot list " + folder_.string() + ": " + error.message());
  }
  std::sort(hashes.begin(), hashes.end());
  return hashes;
}

void BlobStore::clean_temporary() {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_ / kTemporaryFolder, error)) {
    std::error_code ignored;  // What cannot be removed now is tried again at the next add.
    fs::remove_all(entry.path(), ignored);
  }
}

}  // namespace sillok::archive
