// Private to govern: what an open audit log holds.
//
//   log/audit.log    the entries, a line each
//   log/audit.head   number and hash of the last entry, signed: kept apart, it shows a log that was cut short
//   log/audit.pub    the public half of the key
//   log/audit.lock   held while something is written
//   audit.key        the key (mode 0600)
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>

#include "govern/audit_line.h"
#include "govern/govern.h"

namespace sillok::govern {

struct Head {
  uint64_t entries = 0;
  std::string hash, signature;
};
enum class HeadState : uint8_t { kGood, kMissing, kDamaged };  // damaged: or not signed by our key

// Where the log ends, as far as it was read.
struct Tail {
  uint64_t id = 0;
  Micros time = 0;
  std::string hash, signature;
  uint64_t size = 0, inode = 0;  // of the file whose end this is
};

// Held while it lives: one writer over all processes.
class AuditLock {
 public:
  static Result<AuditLock> acquire(const fs::path& path);
  AuditLock(AuditLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  AuditLock& operator=(AuditLock&&) = delete;
  ~AuditLock();

 private:
  explicit AuditLock(int fd) : fd_(fd) {}
  int fd_;
};

struct Audit::State {
  fs::path log, head, public_file, lock, key_file;
  Lattice lattice{{"O"}};
  std::function<Micros()> clock;
  std::string secret_key, public_key;  // 64 and 32 bytes

  // Those who append at the same time are written together, by the first of them.
  struct Waiting {
    std::string kind, content;
    Result<uint64_t> result = 0;
    bool done = false;
  };
  std::mutex mutex;  // guards what follows
  std::condition_variable finished;
  std::deque<Waiting*> queue;
  bool writing = false;
  Tail tail;  // only whoever is writing uses it

  bool key_made = false;  // by this opening: the log begins now

  // With the lock held:
  Status load_key();
  Status write(const std::vector<Waiting*>& batch);
  Result<std::vector<Event>> load_tail();  // events that must be recorded before anything else
  Status write_head(const Head& signed_head);

  std::string sign(std::string_view statement) const;
  bool is_signed(std::string_view statement, std::string_view signature) const;
  std::string sign(uint64_t id, std::string_view hash) const { return sign(head_statement(id, hash)); }
  bool is_signed(uint64_t id, std::string_view hash, std::string_view signature) const {
    return is_signed(head_statement(id, hash), signature);
  }
  HeadState read_head(Head& out) const;
};

// The bytes of the log up to its last line end; empty if there is none.
class AuditText {
 public:
  static Result<AuditText> open(const fs::path& log);
  std::string_view text() const { return text_; }
  size_t torn() const { return file_.bytes().size() - text_.size(); }  // bytes after it
  // The line that begins at `at`, without its end.
  std::string_view line(size_t at) const { return text_.substr(at, text_.find('\n', at) - at); }
  size_t line_before(size_t at) const;  // start of the line that ends just before `at`; requires at > 0
  // Start of the first line of which `reached` is true, which must be false for lines before it and true after;
  // text().size() if there is none. Lines that cannot be read count as not reached.
  size_t find(const std::function<bool(const AuditLine&)>& reached) const;

 private:
  MappedFile file_;
  std::string_view text_;
};

}  // namespace sillok::govern
