#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "base/base.h"

namespace sillok {
Descriptor::~Descriptor() {
  if (fd >= 0) ::close(fd);
}

Status write_all(int fd, std::string_view bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno("cannot write " + path.string());
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

Result<std::string> read_file(const fs::path& path, uint64_t max_bytes) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0) {
    if (errno == ENOENT) return fail(ErrorCode::kNotFound, "there is no file " + path.string());
    return fail_errno("cannot open " + path.string());
  }
  struct stat info {};
  if (::fstat(file.fd, &info) != 0) return fail_errno("cannot read " + path.string());
  if (S_ISDIR(info.st_mode)) return fail(ErrorCode::kInvalid, path.string() + " is a folder");
  if (static_cast<uint64_t>(info.st_size) > max_bytes) {
    return fail(ErrorCode::kLimit, path.string() + " has " + std::to_string(info.st_size) +
                                       " bytes, over the limit of " + std::to_string(max_bytes));
  }
  std::string bytes;
  bytes.resize(static_cast<size_t>(info.st_size));
  size_t filled = 0;
  for (;;) {
    if (filled == bytes.size()) bytes.resize(bytes.size() + 4096);  // Room to see the end.
    const ssize_t n = ::read(file.fd, bytes.data() + filled, bytes.size() - filled);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno("cannot read " + path.string());
    if (n == 0) break;
    filled += static_cast<size_t>(n);
    if (filled > max_bytes) return fail(ErrorCode::kLimit, path.string() + " grew over its limit");
  }
  bytes.resize(filled);
  return bytes;
}

Status sync_directory(const fs::path& path) {
  const Descriptor directory{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (directory.fd < 0) return fail_errno("cannot open folder " + path.string());
  if (::fsync(directory.fd) != 0) return fail_errno("cannot sync folder " + path.string());
  return {};
}

Result<AtomicFile> AtomicFile::create(const fs::path& path) {
  AtomicFile file;
  file.path_ = path;
  file.temporary_ = path.string() + ".tmp" + std::to_string(::getpid());
  file.fd_ = ::open(file.temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file.fd_ < 0) return fail_errno("cannot create " + file.temporary_.string());
  return file;
}

Status AtomicFile::append(std::string_view bytes) {
  SILLOK_CHECK(fd_ >= 0);
  return write_all(fd_, bytes, temporary_);
}

Status AtomicFile::commit() {
  SILLOK_CHECK(fd_ >= 0);
  if (::fsync(fd_) != 0) return fail_errno("cannot sync " + temporary_.string());
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    return fail_errno("cannot rename onto " + path_.string());
  }
  ::close(std::exchange(fd_, -1));
  return sync_directory(path_.has_parent_path() ? path_.parent_path() : fs::path("."));
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::move(other.temporary_)),
      fd_(std::exchange(other.fd_, -1)) {}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(temporary_, other.temporary_);
  std::swap(fd_, other.fd_);
  return *this;
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;  // moved from, or committed
  ::close(fd_);
  ::unlink(temporary_.c_str());
}

Status write_file_atomic(const fs::path& path, std::string_view bytes) {
  SILLOK_ASSIGN(AtomicFile file, AtomicFile::create(path));
  SILLOK_TRY(file.append(bytes));
  return file.commit();
}

Result<MappedFile> MappedFile::open(const fs::path& path) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0) {
    if (errno == ENOENT) return fail(ErrorCode::kNotFound, "there is no file " + path.string());
    return fail_errno("cannot open " + path.string());
  }
  struct stat info {};
  if (::fstat(file.fd, &info) != 0) return fail_errno("cannot read " + path.string());
  MappedFile mapped;
  mapped.size_ = static_cast<size_t>(info.st_size);
  if (mapped.size_ == 0) return mapped;
  void* data = ::mmap(nullptr, mapped.size_, PROT_READ, MAP_SHARED, file.fd, 0);
  if (data == MAP_FAILED) return fail_errno("cannot map " + path.string());
  mapped.data_ = static_cast<const char*>(data);
  return mapped;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<char*>(data_), size_);
}

Result<FileLock> FileLock::acquire(const fs::path& path, int wait_ms) {
  FileLock lock;
  lock.fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock.fd_ < 0) return fail_errno("cannot open lock " + path.string());
  constexpr int kPollMs = 20;
  for (int waited = 0;; waited += kPollMs) {
    if (::flock(lock.fd_, LOCK_EX | LOCK_NB) == 0) return lock;
    if (errno != EWOULDBLOCK && errno != EINTR) return fail_errno("cannot lock " + path.string());
    if (waited >= wait_ms) {
      return fail(ErrorCode::kConflict,
                  "another sillok process is writing here (" + path.string() + "); try again later");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(kPollMs));
  }
}

FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace sillok
