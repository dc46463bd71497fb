// The program's side of the sandbox: starts the reader process, sends it files, and turns what
// comes back, which is untrusted, into items. The other side is zygote.cc, the confinement itself
// confine.cc.
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "documents/convert.h"
#include "documents/reader.h"
#include "documents/wire.h"

extern char** environ;

namespace sillok::documents {
namespace {

constexpr int kControlFd = 3;    // where the reader process finds its socket
constexpr int kGraceMs = 5'000;  // for a killed child, or one that has closed its pipe, to be gone
// Old binary files inside one container wait in memory for their conversion; beyond this they are
// refused.
constexpr uint64_t kMaxPendingBytes = 256ull << 20;

class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~Fd() { reset(); }
  void reset(int fd = -1) {
    if (fd_ >= 0) close(fd_);
    fd_ = fd;
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

// A file, or a member of one, to be read by a child.
struct Job {
  Fd file;
  std::string name, part, parent;
  std::string format;  // for a conversion: what it is; afterwards: what it is shown as
  uint32_t depth = 0;
  std::string wanted;          // the part whose bytes are asked for; "": documents are
};

// What became of one child.
struct Outcome {
  std::optional<Status> answer;  // its own last word, if it got that far
  int wait_status = -1;
  uint64_t peak_bytes = 0;
  bool timed_out = false;
  bool nonsense = false;
};

std::string signal_name(int number) {
  const char* name = sigabbrev_np(number);
  return name != nullptr ? std::string("SIG") + name : "signal " + std::to_string(number);
}

Status explain_signal(int number, uint64_t peak_bytes, const ReadLimits& limits) {
  const auto limit = [](std::string what) { return fail(ErrorCode::kLimit, std::move(what)); };
  if (number == SIGXCPU)
    return limit("needs more than " + std::to_string(limits.cpu_seconds) +
                 " s of processor time to read");
  if (number == SIGBUS)
    return fail(ErrorCode::kIo,
                "the file changed or became unreadable while it was being read; try again");
  // Libraries that cannot get memory abort or run into a null pointer. A child that had most of it
  // failed so.
  if (peak_bytes > limits.memory_bytes / 4 * 3) {
    return limit("needs more than " + std::to_string(limits.memory_bytes >> 20) +
                 " MiB of memory to read");
  }
  if (number == SIGKILL)
    return limit("the reader was killed by the system, probably for lack of memory");
  // The filter answers abort()'s signal to itself with SIGSYS.
  const std::string name = number == SIGSYS ? "SIGABRT" : signal_name(number);
  return fail(ErrorCode::kInvalid,
              "the reader crashed (" + name + ") on this file; it is damaged, or made to do harm");
}

Status explain(const Outcome& outcome, const ReadLimits& limits) {
  if (outcome.nonsense)
    return fail(ErrorCode::kInvalid,
                "the reader was brought to answer wrongly; the file is damaged, or made to do harm");
  if (outcome.timed_out) {
    return fail(ErrorCode::kLimit,
                "reading took longer than " + std::to_string(limits.wall_seconds) + " s");
  }
  if (outcome.answer) return *outcome.answer;
  if (outcome.wait_status != -1 && WIFSIGNALED(outcome.wait_status)) {
    return explain_signal(WTERMSIG(outcome.wait_status), outcome.peak_bytes, limits);
  }
  // Not kInternal: what a child does while it reads a file is that file's doing, and costs that file alone.
  return fail(ErrorCode::kInvalid,
              "the reader ended early on this file; it is damaged, or made to do harm");
}

Result<Fd> open_for_reading(const fs::path& path, const ReadLimits& limits) {
  // Without O_NONBLOCK a named pipe would hold us for ever.
  Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) {
    if (errno == ENOENT) return fail(ErrorCode::kNotFound, "there is no such file");
    return fail_errno("cannot open the file");
  }
  struct stat info {};
  if (fstat(file.get(), &info) != 0) return fail_errno("cannot read the file");
  if (!S_ISREG(info.st_mode)) return fail(ErrorCode::kInvalid, "is not a regular file");
  if (static_cast<uint64_t>(info.st_size) > limits.file_bytes) {
    return fail(ErrorCode::kLimit, "the file has " + std::to_string(info.st_size) +
                                       " bytes, over the limit of " +
                                       std::to_string(limits.file_bytes));
  }
  return file;
}

}  // namespace

// ---------------------------------------------------------------------------------------------

struct ReaderProcess::State {
  ReadLimits limits;
  pid_t pid = -1;
  Fd socket;

  ~State() { stop(); }
  Status start();
  void stop();
  Status read(Job job, const ItemSink& sink);
  Status ask(std::string_view request, const std::vector<int>& fds);
  Result<Outcome> run_child(const Job& job, const ItemSink& sink, std::vector<Job>& conversions);
  void receive(int pipe, const ItemSink& sink, std::vector<Job>& conversions, Outcome& outcome);
  bool handle(const Frame& frame, const ItemSink& sink, std::vector<Job>& conversions,
              Outcome& outcome);
  Result<Fd> convert(const Job& job);

  uint64_t pending_bytes = 0;  // of conversions waiting
  std::optional<std::string> taken;  // while a part's bytes are asked for: those that have come
};

Status ReaderProcess::State::start() {
  // A program that does not know the verb (main() must call reader_main()) would run as a whole once more, and start readers in turn.
  static const bool is_reader = read_file("/proc/self/cmdline").value_or("").find(std::string("\0", 1) + std::string(kReaderVerb)) != std::string::npos;
  if (is_reader) return fail(ErrorCode::kInternal, "a reader process was started by a program that serves none");
  stop();
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return fail_errno("cannot start the reader process");
  socket.reset(ends[0]);
  const Fd theirs(ends[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, theirs.get(), kControlFd);
  posix_spawn_file_actions_addclosefrom_np(&actions, kControlFd + 1);
  std::string name = "sillok", verb(kReaderVerb);
  char* const arguments[] = {name.data(), verb.data(), nullptr};
  const int error = posix_spawn(&pid, "/proc/self/exe", &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    pid = -1;
    errno = error;
    return fail_errno("cannot start the reader process");
  }
  FieldWriter hello;
  hello.number(static_cast<uint8_t>(MessageKind::kLimits));
  for (const uint64_t value : {limits.file_bytes, limits.expanded_bytes, limits.memory_bytes})
    hello.number(value);
  for (const uint32_t value : {limits.cpu_seconds, limits.wall_seconds, limits.depth, limits.items})
    hello.number(value);
  if (!send_message(socket.get(), hello.out))
    return fail_errno("cannot speak to the reader process");
  return {};
}

void ReaderProcess::State::stop() {
  socket.reset();  // It ends by itself, and its child with it.
  if (pid < 0) return;
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid = -1;
}

// Reads one file, then whatever in it had to be converted first, and what in those had to be: the
// depth of containers bounds it.
Status ReaderProcess::State::read(Job job, const ItemSink& sink) {
  std::vector<Job> conversions;
  pending_bytes = 0;
  SILLOK_ASSIGN(const Outcome outcome, run_child(job, sink, conversions));
  Status status = explain(outcome, limits);
  for (size_t i = 0; i < conversions.size(); ++i) {
    Job legacy = std::move(conversions[i]);  // The vector grows meanwhile.
    const bool whole = legacy.file.get() < 0;
    if (whole) legacy.file = std::move(job.file);
    Result<Fd> converted = convert(legacy);
    Status read_status = converted ? Status{} : fail(converted.error());
    if (converted) {
      legacy.file = std::move(*converted);
      std::vector<Job> inner;
      auto second = run_child(legacy, sink, inner);
      for (Job& each : inner) {
        const bool deeper = each.depth > legacy.depth && each.depth <= limits.depth;
        if (deeper) conversions.push_back(std::move(each));
      }
      read_status = second ? explain(*second, limits) : fail(second.error());
    }
    if (read_status) continue;
    if (whole && status) status = read_status;
    if (!whole) sink(Item{legacy.part, legacy.parent, fail(read_status.error())});
  }
  return status;
}

// Sends a request; starts the reader process where it was lost since the last one, which shows only now.
Status ReaderProcess::State::ask(std::string_view request, const std::vector<int>& fds) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (pid < 0) SILLOK_TRY(start());
    if (send_message(socket.get(), request, fds)) return {};
    stop();
  }
  return fail(ErrorCode::kInternal, "the reader process ends as soon as it is started; see that memory is left");
}

Result<Outcome> ReaderProcess::State::run_child(const Job& job, const ItemSink& sink,
                                                std::vector<Job>& conversions) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return fail_errno("cannot speak to the reader process");
  const Fd from_child(ends[0]);
  Fd to_program(ends[1]);
  FieldWriter request;
  request.number(static_cast<uint8_t>(MessageKind::kRead));
  for (const std::string* text : {&job.name, &job.part, &job.parent, &job.format, &job.wanted})
    request.string(*text);
  request.number(job.depth);
  if (request.out.size() > kMaxMessageBytes) return fail(ErrorCode::kLimit, "its name is too long");
  SILLOK_TRY(ask(request.out, {job.file.get(), to_program.get()}));
  to_program.reset();

  Outcome outcome;
  receive(from_child.get(), sink, conversions, outcome);
  const std::optional<Message> done = receive_message(socket.get(), kGraceMs);
  FieldReader fields(done ? std::string_view(done->bytes) : std::string_view());
  const auto kind = static_cast<MessageKind>(fields.number<uint8_t>());
  outcome.wait_status = fields.number<int32_t>();
  outcome.peak_bytes = fields.number<uint64_t>();
  if (!fields.complete() || kind != MessageKind::kDone) {
    if (pid > 0) kill(pid, SIGKILL);
    stop();
    outcome.wait_status = -1;
  }
  return outcome;
}

// Takes frames until the child closes its end. Only the time spent waiting counts against the
// child: a slow sink is not its fault.
void ReaderProcess::State::receive(int pipe, const ItemSink& sink, std::vector<Job>& conversions,
                                   Outcome& outcome) {
  FrameSplitter frames;
  Micros left = static_cast<Micros>(limits.wall_seconds) * 1'000'000;
  const auto stop_child = [&] {
    const char message = static_cast<char>(MessageKind::kKill);
    send_message(socket.get(), {&message, 1});
    left = kGraceMs * 1000;
  };
  for (;;) {
    pollfd wait{pipe, POLLIN, 0};
    const Micros before = now_micros();
    const int ready = left > 0 ? poll(&wait, 1, static_cast<int>(left / 1000 + 1)) : 0;
    left -= now_micros() - before;
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) {
      if (outcome.timed_out || outcome.nonsense)
        return;  // Not even SIGKILL helped; the caller gives it up.
      outcome.timed_out = true;
      stop_child();
      continue;
    }
    if (ready < 0 || frames.fill(pipe) <= 0) return;
    while (!outcome.timed_out && !outcome.nonsense) {
      const auto frame = frames.next();
      if (frame && !frame->has_value()) break;
      if (!frame || !handle(**frame, sink, conversions, outcome)) {
        outcome.nonsense = true;
        stop_child();
      }
    }
  }
}

// False for a frame that no honest child writes.
bool ReaderProcess::State::handle(const Frame& frame, const ItemSink& sink,
                                  std::vector<Job>& conversions, Outcome& outcome) {
  FieldReader fields(frame.payload);
  if (outcome.answer) return false;  // Nothing may follow the end.
  if (frame.kind == FrameKind::kEnd) {
    outcome.answer = fields.status();
    return fields.complete();
  }
  if (frame.kind == FrameKind::kBytes) {
    const std::string_view piece = fields.string();
    if (!taken || !fields.complete() || taken->size() + piece.size() > limits.expanded_bytes) return false;
    *taken += piece;
    return true;
  }
  if (taken) return false;
  // Names inside a file may be any bytes; as part of a record's key they must be text, or nobody could type it.
  std::string part = clean_utf8(fields.string()), parent = clean_utf8(fields.string());
  if (frame.kind == FrameKind::kDocument) {
    Result<Document> document = decode(fields.string());
    if (!document || !fields.complete()) return false;
    sink(Item{std::move(part), std::move(parent), std::move(document)});
    return true;
  }
  if (frame.kind == FrameKind::kError) {
    const ErrorCode code = fields.code();
    std::string message = clean_utf8(fields.string());
    if (!fields.complete()) return false;
    sink(Item{std::move(part), std::move(parent), fail(code, std::move(message))});
    return true;
  }
  Job job{Fd(),
          std::string(fields.string()),
          std::move(part),
          std::move(parent),
          std::string(fields.string()),
          0,
          ""};
  job.depth = fields.number<uint32_t>();
  const std::string_view bytes = fields.string();
  if (!fields.complete()) return false;
  if (job.depth > 0) {
    pending_bytes += bytes.size();
    job.file.reset(memfd_create("sillok-member", MFD_CLOEXEC));
    if (pending_bytes > kMaxPendingBytes ||
        write(job.file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
      sink(Item{
          job.part, job.parent,
          fail(ErrorCode::kLimit, "too many old binary documents in one container; take it out")});
      return true;
    }
  }
  conversions.push_back(std::move(job));
  return true;
}

Result<Fd> ReaderProcess::State::convert(const Job& job) {
  FieldWriter request;
  request.number(static_cast<uint8_t>(MessageKind::kConvert));
  request.string(job.format);
  SILLOK_TRY(ask(request.out, {job.file.get()}));
  const int limit_ms = static_cast<int>(limits.wall_seconds) * 1000;
  std::optional<Message> reply = receive_message(socket.get(), limit_ms);
  const bool late = !reply;
  if (late) {
    const char message = static_cast<char>(MessageKind::kKill);
    send_message(socket.get(), {&message, 1});
    reply = receive_message(socket.get(), kGraceMs);
  }
  FieldReader fields(reply ? std::string_view(reply->bytes) : std::string_view());
  const auto kind = static_cast<MessageKind>(fields.number<uint8_t>());
  const Status status = fields.status();
  Fd result(reply && !reply->fds.empty() ? reply->fds[0] : -1);
  if (!fields.complete() || kind != MessageKind::kConverted) {
    if (pid > 0) kill(pid, SIGKILL);
    stop();
    return fail(ErrorCode::kLimit,
                "the reader process was lost while LibreOffice converted it, probably for lack of memory");
  }
  if (late)
    return fail(ErrorCode::kLimit, "LibreOffice took longer than " +
                                       std::to_string(limits.wall_seconds) + " s to convert it");
  if (!status) return fail(status.error());
  return result;
}

ReaderProcess::ReaderProcess(std::unique_ptr<State> state) : state_(std::move(state)) {}
ReaderProcess::ReaderProcess(ReaderProcess&&) noexcept = default;
ReaderProcess& ReaderProcess::operator=(ReaderProcess&&) noexcept = default;
ReaderProcess::~ReaderProcess() = default;

Result<ReaderProcess> ReaderProcess::start(ReadLimits limits) {
  auto state = std::make_unique<State>();
  state->limits = limits;
  SILLOK_TRY(state->start());
  return ReaderProcess(std::move(state));
}

Status ReaderProcess::read(const fs::path& path, const ItemSink& sink) {
  SILLOK_ASSIGN(Fd file, open_for_reading(path, state_->limits));
  return state_->read(Job{std::move(file), path.filename().string(), "", "", "", 0, ""}, sink);
}

Result<std::string> ReaderProcess::extract(const fs::path& path, std::string_view name, std::string_view part) {
  SILLOK_ASSIGN(Fd file, open_for_reading(path, state_->limits));
  state_->taken.emplace();
  const Status status = state_->read(Job{std::move(file), std::string(name), "", "", "", 0, std::string(part)}, [](Item&&) {});
  const std::optional<std::string> taken = std::exchange(state_->taken, std::nullopt);
  if (!status) return fail(status.error());
  return *taken;
}

}  // namespace sillok::documents
