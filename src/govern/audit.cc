// The audit log: opening it and appending to it.
#include "govern/audit.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "govern/secrets.h"

namespace sillok::govern {
namespace {

constexpr size_t kMaxBatch = 256;     // entries written, and synced, at once
constexpr size_t kHeadBytes = 512;    // one sector: it is replaced whole or not at all

std::string alarm_details(const std::string& what, uint64_t expected, uint64_t found) {
  return "{\"what\":" + json_quote(what) + ",\"expected\":" + std::to_string(expected) + ",\"found\":" + std::to_string(found) + "}";
}

// A field `"name":` of our own head file.
std::string_view field(std::string_view text, std::string_view name, std::string_view end) {
  const size_t at = text.find(name);
  if (at == text.npos) return {};
  const size_t begin = at + name.size(), stop = text.find(end, begin);
  return stop == text.npos ? std::string_view() : text.substr(begin, stop - begin);
}

}  // namespace

Result<AuditLock> AuditLock::acquire(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return fail_errno("cannot open " + path.string());
  AuditLock lock(fd);
  while (::flock(fd, LOCK_EX) != 0) {
    if (errno != EINTR) return fail_errno("cannot lock " + path.string());
  }
  return lock;
}

AuditLock::~AuditLock() {
  if (fd_ >= 0) ::close(fd_);
}

// ---------------------------------------------------------------------------------------------
// Key and head

Status Audit::State::load_key() {
  if (sodium_init() < 0) return fail(ErrorCode::kInternal, "the cryptographic library does not start");
  std::error_code error;
  if (!fs::exists(key_file, error)) {
    const auto size = fs::file_size(log, error);
    if (!error && size > 0) {
      return fail(ErrorCode::kInvalid, key_file.string() + " is missing, which signs the audit log; restore it from a backup");
    }
    std::array<unsigned char, crypto_sign_SECRETKEYBYTES> secret{};
    std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> shown{};
    crypto_sign_keypair(shown.data(), secret.data());
    const std::string_view bytes(reinterpret_cast<const char*>(secret.data()), secret.size());
    SILLOK_TRY(write_file_atomic(key_file, to_hex(bytes) + "\n"));  // made with mode 0600
    key_made = true;
    sodium_memzero(secret.data(), secret.size());
  }
  struct stat info {};
  if (::stat(key_file.c_str(), &info) != 0) return fail_errno("cannot look at " + key_file.string());
  if ((info.st_mode & 077) != 0) {
    return fail(ErrorCode::kInvalid, key_file.string() + " can be read by others; chmod 600 it, and think of who may have had it");
  }
  SILLOK_ASSIGN(const std::string text, read_file(key_file, 4096));
  secret_key = from_hex(trim(text));
  if (secret_key.size() != crypto_sign_SECRETKEYBYTES) {
    return fail(ErrorCode::kInvalid, key_file.string() + " is damaged; restore it from a backup");
  }
  public_key = secret_key.substr(crypto_sign_SEEDBYTES);
  if (!fs::exists(public_file, error)) SILLOK_TRY(write_file_atomic(public_file, to_hex(public_key) + "\n"));
  return {};
}

std::string Audit::State::sign(std::string_view statement) const {
  std::string signature(crypto_sign_BYTES, '\0');
  crypto_sign_detached(reinterpret_cast<unsigned char*>(signature.data()), nullptr,
                       reinterpret_cast<const unsigned char*>(statement.data()), statement.size(),
                       reinterpret_cast<const unsigned char*>(secret_key.data()));
  return to_hex(signature);
}

bool Audit::State::is_signed(std::string_view statement, std::string_view signature) const {
  const std::string bytes = from_hex(signature);
  return bytes.size() == crypto_sign_BYTES &&
         crypto_sign_verify_detached(reinterpret_cast<const unsigned char*>(bytes.data()),
                                     reinterpret_cast<const unsigned char*>(statement.data()), statement.size(),
                                     reinterpret_cast<const unsigned char*>(public_key.data())) == 0;
}

HeadState Audit::State::read_head(Head& out) const {
  const auto text = read_file(head, 4096);
  if (!text) return text.error().code == ErrorCode::kNotFound ? HeadState::kMissing : HeadState::kDamaged;
  const std::string_view count = field(*text, "{\"entries\":", ",");
  if (count.empty() || count.size() > 18 || count.find_first_not_of("0123456789") != count.npos) return HeadState::kDamaged;
  out.entries = std::stoull(std::string(count));
  out.hash = field(*text, "\"hash\":\"", "\"");
  out.signature = field(*text, "\"signature\":\"", "\"");
  return is_signed(out.entries, out.hash, out.signature) ? HeadState::kGood : HeadState::kDamaged;
}

// Not synced, but when it is made: after a power failure it may be behind the log, whose own last line is signed too.
Status Audit::State::write_head(const Head& to) {
  std::string text = "{\"entries\":" + std::to_string(to.entries) + ",\"hash\":\"" + to.hash + "\",\"signature\":\"" + to.signature + "\"}";
  text.resize(kHeadBytes - 1, ' ');
  text += '\n';
  std::error_code error;
  if (!fs::exists(head, error)) return write_file_atomic(head, text);
  const Descriptor file{::open(head.c_str(), O_WRONLY | O_CLOEXEC)};
  if (file.fd < 0) return fail_errno("cannot open " + head.string());
  if (::pwrite(file.fd, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    return fail_errno("cannot write " + head.string());
  }
  if (::ftruncate(file.fd, static_cast<off_t>(text.size())) != 0) return fail_errno("cannot write " + head.string());
  return {};
}

// ---------------------------------------------------------------------------------------------
// The log as text

Result<AuditText> AuditText::open(const fs::path& log) {
  AuditText out;
  auto file = MappedFile::open(log);
  if (!file && file.error().code == ErrorCode::kNotFound) return out;
  if (!file) return fail(file.error());
  out.file_ = std::move(*file);
  const std::string_view bytes = out.file_.bytes();
  const size_t end = bytes.rfind('\n');
  out.text_ = end == bytes.npos ? std::string_view() : bytes.substr(0, end + 1);
  return out;
}

size_t AuditText::line_before(size_t at) const {
  if (at < 2) return 0;
  const size_t end = text_.rfind('\n', at - 2);
  return end == text_.npos ? 0 : end + 1;
}

size_t AuditText::find(const std::function<bool(const AuditLine&)>& reached) const {
  size_t low = 0, high = text_.size();  // line starts; the answer is in [low, high]
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    const size_t end = middle == 0 ? text_.npos : text_.rfind('\n', middle - 1);
    const size_t start = std::max(low, end == text_.npos ? 0 : end + 1);
    const std::string_view at = line(start);
    const auto parsed = parse_line(at);
    if (parsed && reached(*parsed)) {
      high = start;
    } else {
      low = start + at.size() + 1;
    }
  }
  return low;
}

// Reads where the log ends, if it is not where this process left it. A line without its end, and lines after the last
// signature, were never acknowledged: a crash leaves them, and they go. A log that ends before the signed head says so.
Result<std::vector<Event>> Audit::State::load_tail() {
  std::vector<Event> events;
  struct stat info {};
  const bool there = ::stat(log.c_str(), &info) == 0;
  if (!there && errno != ENOENT) return fail_errno("cannot look at " + log.string());
  const uint64_t size = there ? static_cast<uint64_t>(info.st_size) : 0, inode = there ? info.st_ino : 0;
  if (tail.id > 0 && size == tail.size && inode == tail.inode) return events;

  Tail now;
  {
    SILLOK_ASSIGN(const AuditText text, AuditText::open(log));
    size_t keep = text.text().size();
    while (keep > 0) {
      const size_t start = text.line_before(keep);
      const auto line = parse_line(text.line(start));
      if (line && line->signature.empty()) {
        keep = start;
        continue;
      }
      if (!line) {
        return fail(ErrorCode::kInvalid, log.string() + ": the last entry is damaged; run 'sillok audit verify', and restore the log from a backup");
      }
      now.id = line->id;
      now.time = line->time;
      now.hash = line->hash;
      now.signature = line->signature;
      break;
    }
    now.size = keep;
    now.inode = inode;
  }
  if (now.size < size) {
    if (::truncate(log.c_str(), static_cast<off_t>(now.size)) != 0) return fail_errno("cannot shorten " + log.string());
    events.push_back({"recovered", "", "", "", "audit", "{\"bytes\":" + std::to_string(size - now.size) + "}"});
  }
  Head kept;
  const HeadState state = read_head(kept);
  if (now.id == 0 && state == HeadState::kMissing) {
    if (key_made) {
      events.push_back({"created", "", "", "", "audit", "{\"public_key\":\"" + to_hex(public_key) + "\"}"});
    } else {
      events.push_back({"alarm", "", "", "", "audit", alarm_details("log/audit.log is missing, though its key is there", 0, 0)});
    }
  } else if (state == HeadState::kGood && kept.entries > now.id) {
    events.push_back({"alarm", "", "", "", "audit", alarm_details("the log ends before its signed head", kept.entries, now.id)});
  } else if (state == HeadState::kGood && kept.entries == now.id && kept.hash != now.hash) {
    events.push_back({"alarm", "", "", "", "audit", alarm_details("the last entry is not that of the signed head", kept.entries, now.id - 1)});
  } else if (state == HeadState::kDamaged || (state == HeadState::kMissing && now.id > 0)) {
    events.push_back({"alarm", "", "", "", "audit", alarm_details("log/audit.head is missing or damaged", now.id, now.id)});
  }
  tail = std::move(now);
  return events;
}

// ---------------------------------------------------------------------------------------------
// Appending

Status Audit::State::write(const std::vector<Waiting*>& batch) {
  SILLOK_ASSIGN(const std::vector<Event> first, load_tail());
  std::string bytes;
  Tail next = tail;
  const auto add = [&](std::string_view kind, std::string_view content, bool last) {
    ++next.id;
    next.time = std::max(next.time, clock());
    const std::string header = line_header(next.id, next.time, kind);
    next.hash = line_hash(next.hash, next.signature, header, sha256_hex(content));
    next.signature = last ? sign(next.id, next.hash) : "";
    bytes += header + std::string(content) + ",\"hash\":\"" + next.hash + "\"";
    if (last) bytes += ",\"signature\":\"" + next.signature + "\"";
    bytes += "}\n";
  };
  for (size_t i = 0; i < first.size(); ++i) {
    SILLOK_ASSIGN(const std::string content, line_content(first[i]));
    add(first[i].kind, content, batch.empty() && i + 1 == first.size());
  }
  for (size_t i = 0; i < batch.size(); ++i) {
    add(batch[i]->kind, batch[i]->content, i + 1 == batch.size());
    batch[i]->result = next.id;
  }
  if (bytes.empty()) return {};

  const Descriptor file{::open(log.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600)};
  if (file.fd < 0) return fail_errno("cannot open " + log.string());
  const bool fresh = next.inode == 0;
  Status done = write_all(file.fd, bytes, log);
  if (done && ::fdatasync(file.fd) != 0) done = fail_errno("cannot sync " + log.string());
  if (done && fresh) done = sync_directory(log.parent_path());
  if (!done) {
    // Nobody was told that it is kept. What cannot be taken back now is dropped by the next writer: it reads the end anew.
    if (::ftruncate(file.fd, static_cast<off_t>(tail.size)) != 0) tail = {};
    tail.id = 0;
    return done;
  }
  struct stat info {};
  if (::fstat(file.fd, &info) != 0) return fail_errno("cannot look at " + log.string());
  next.size = static_cast<uint64_t>(info.st_size);
  next.inode = info.st_ino;
  tail = std::move(next);
  return write_head({tail.id, tail.hash, tail.signature});
}

Audit::Audit(std::unique_ptr<State> state) : state_(std::move(state)) {}
Audit::Audit(Audit&&) noexcept = default;
Audit& Audit::operator=(Audit&&) noexcept = default;
Audit::~Audit() = default;

Result<Audit> Audit::open(const fs::path& home) { return open(home, now_micros); }

Result<Audit> Audit::open(const fs::path& home, std::function<Micros()> clock) {
  auto state = std::make_unique<State>();
  const fs::path folder = home / "log";
  state->log = folder / "audit.log";
  state->head = folder / "audit.head";
  state->public_file = folder / "audit.pub";
  state->lock = folder / "audit.lock";
  state->key_file = home / "audit.key";
  state->clock = std::move(clock);
  SILLOK_ASSIGN(state->lattice, Lattice::of_home(home));
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return fail(ErrorCode::kIo, "cannot create " + folder.string() + ": " + error.message());
  {
    SILLOK_ASSIGN(const AuditLock held, AuditLock::acquire(state->lock));
    SILLOK_TRY(state->load_key());
    SILLOK_TRY(state->write({}));
  }
  return Audit(std::move(state));
}

std::string Audit::public_key() const { return to_hex(state_->public_key); }

namespace {

// No purpose has a line end in it, so that no two statements are the same bytes; a head's begins with another line.
std::string statement_of(std::string_view purpose, std::string_view bytes) {
  return "sillok " + std::string(purpose) + " statement\n" + sha256_hex(bytes) + "\n";
}

}  // namespace

std::string Audit::sign(std::string_view purpose, std::string_view bytes) const { return state_->sign(statement_of(purpose, bytes)); }

bool Audit::is_signed(std::string_view purpose, std::string_view bytes, std::string_view signature) const {
  return state_->is_signed(statement_of(purpose, bytes), signature);
}

Result<uint64_t> Audit::append(const Event& event) {
  State::Waiting mine;
  mine.kind = event.kind;
  SILLOK_ASSIGN(mine.content, line_content(event));
  std::unique_lock guard(state_->mutex);
  state_->queue.push_back(&mine);
  state_->finished.wait(guard, [&] { return mine.done || !state_->writing; });
  if (mine.done) return mine.result;
  // Nobody is writing: this thread does it for all who wait, itself among them.
  state_->writing = true;
  while (!mine.done) {
    std::vector<State::Waiting*> batch;
    while (!state_->queue.empty() && batch.size() < kMaxBatch) {
      batch.push_back(state_->queue.front());
      state_->queue.pop_front();
    }
    guard.unlock();
    Status written;
    if (const auto held = AuditLock::acquire(state_->lock)) {
      written = state_->write(batch);
    } else {
      written = fail(held.error());
    }
    guard.lock();
    for (State::Waiting* waiting : batch) {
      if (!written) waiting->result = fail(written.error());
      waiting->done = true;
    }
    state_->finished.notify_all();
  }
  state_->writing = false;
  state_->finished.notify_all();
  return mine.result;
}

}  // namespace sillok::govern
