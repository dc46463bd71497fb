// The reader process: a small single-threaded program, started once for each ReaderProcess, that
// forks a confined child for every file. It never parses a byte of a file itself. It ends when its
// socket does, and its children end with it.
#include <fcntl.h>
#include <gmime/gmime.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unicode/ucnv.h>
#include <unistd.h>

#include <csignal>
#include <new>
#include <set>
#include <utility>

#include "documents/confine.h"
#include "documents/convert.h"
#include "documents/reader.h"
#include "documents/wire.h"

namespace sillok::documents {
namespace {

constexpr int kControlFd = 3;  // the socket inherited from the program
constexpr int kFileFd = 3;     // in a child: the file, in the socket's place
constexpr int kFirstFreeFd =
    10;  // descriptors kept by the reader process lie above the children's fixed ones
constexpr off_t kMapFromBytes = 1 << 20;  // below, a copy is cheaper than a map and its page faults

struct ReadRequest {
  std::string name, part, parent, shown_format, wanted;
  uint32_t depth = 0;
};

// What every child would otherwise load, link or compute again: a fork keeps it. Besides the large
// tables, that is whatever the usual readers do first, so they are run on files of our own.
void preload() {
  setenv("OMP_THREAD_LIMIT", "1", 1);  // Tesseract must not try to make threads.
  g_mime_init();
  for (const char* charset :
       {"windows-949", "UTF-16LE", "windows-1252", "windows-31j", "gb18030"}) {
    UErrorCode status = U_ZERO_ERROR;
    ucnv_close(ucnv_open(charset, &status));  // ICU keeps the table.
  }
  constexpr std::pair<std::string_view, std::string_view> kSamples[] = {
      {"a.txt", "제1조(목적) 문서번호: A-1\n\n1. 시행일 2024. 3. 1.\n\nA paragraph.\n"},
      {"a.md", "---\ntitle: A\n---\n# A\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"},
      {"a.html",
       "<html><body><h1>A</h1><table><tr><th>a</th></tr><tr><td>1</td></tr></table></body></html>"},
      {"a.csv", "a,b\n1,2\n"},
      {"a.jsonl", "{\"id\": \"1\", \"text\": \"a\", \"date\": \"2024-03-01\"}\n"},
      {"a.eml",
       "From: a@example.org\nTo: b@example.org\nSubject: =?euc-kr?B?sKE=?=\nDate: Fri, 1 Mar 2024 "
       "09:00:00 +0900\n\nA\n"}};
  for (const auto& [name, bytes] : kSamples) {
    std::string encoded;
    (void)read_in_process(bytes, name, ReadLimits{}, [&](Item&& item) {
      if (item.document) encoded = encode(*item.document);
    });
  }
}

void use_dev_null() {
#if !defined(__SANITIZE_ADDRESS__)  // A sanitizer's report must be seen.
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int fd : {0, 1, 2}) dup2(null, fd);
  if (null > 2) close(null);
#endif
}

Result<ReadLimits> read_limits(const Message& message) {
  FieldReader fields(message.bytes);
  if (fields.number<uint8_t>() != static_cast<uint8_t>(MessageKind::kLimits)) fields.ok = false;
  ReadLimits limits;
  for (uint64_t* value : {&limits.file_bytes, &limits.expanded_bytes, &limits.memory_bytes})
    *value = fields.number<uint64_t>();
  for (uint32_t* value : {&limits.cpu_seconds, &limits.wall_seconds, &limits.depth, &limits.items})
    *value = fields.number<uint32_t>();
  if (!fields.complete()) return fail(ErrorCode::kInternal, "malformed limits");
  return limits;
}

// ---------------------------------------------------------------------------------------------
// In the child

Result<std::string_view> bytes_of(int file, std::string& storage) {
  struct stat info {};
  if (fstat(file, &info) != 0) return fail_errno("cannot read the file");
  const auto size = static_cast<size_t>(info.st_size);
  if (info.st_size >= kMapFromBytes) {
    void* map = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
    if (map == MAP_FAILED) return fail_errno("cannot map the file");
    return std::string_view(static_cast<const char*>(map), size);
  }
  storage.resize(size);
  size_t done = 0;
  while (done < size) {
    const ssize_t n = pread(file, storage.data() + done, size - done, static_cast<off_t>(done));
    if (n < 0) return fail_errno("cannot read the file");
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  storage.resize(done);
  return std::string_view(storage);
}

Status read_whole(const ReadRequest& request, const ReadLimits& limits, FrameWriter& out) {
  std::string storage;
  SILLOK_ASSIGN(const std::string_view bytes, bytes_of(kFileFd, storage));
  if (!request.wanted.empty()) {
    SILLOK_ASSIGN(const std::string taken, extract_in_process(bytes, request.name, limits, request.wanted));
    out.bytes(taken);
    return {};
  }
  Budget budget(limits);
  const Source source{bytes, request.name, request.part, request.parent, request.depth};
  return read_source(source, budget, [&](Item&& item) {
    // A converted file is shown as what it was, not as what it was turned into.
    if (item.document && item.part == request.part && !request.shown_format.empty()) {
      item.document->meta.format = request.shown_format;
    }
    out.item(item);
  });
}

[[noreturn]] void run_child(const ReadRequest& request, const ReadLimits& limits,
                            const Confinement& confinement, int parent) {
  FrameWriter out(kOutputFd);
  Status status = confine(confinement, parent);
  if (confinement.landlock_fd >= 0) close(confinement.landlock_fd);
  if (status) {
    std::set<std::string> handed_over;
    if (request.wanted.empty() && !find_converter().empty()) {
      set_conversion_hook([&](const Source& source, std::string_view format) {
        // Two objects of one name inside a document are two items, not versions of one.
        Source named = source;
        for (int n = 2; !handed_over.insert(named.part).second; ++n)
          named.part = source.part + " (" + std::to_string(n) + ")";
        out.conversion(named, format);
      });
    }
    try {
      status = read_whole(request, limits, out);
    } catch (const std::bad_alloc&) {
      status =
          fail(ErrorCode::kLimit, "needs more than " + std::to_string(limits.memory_bytes >> 20) +
                                      " MiB of memory to read");
    } catch (const std::exception& e) {
      status = fail(ErrorCode::kInvalid, std::string("it cannot be read: ") + e.what());
    }
  }
  out.end(status);
  _exit(0);
}

// ---------------------------------------------------------------------------------------------
// In the reader process

class ReaderServer {
 public:
  ReaderServer(const ReadLimits& limits, Confinement confinement)
      : limits_(limits), confinement_(std::move(confinement)), pid_(getpid()) {}

  // Serves until the socket ends; false then.
  bool serve_one() {
    std::optional<Message> message = receive_message(kControlFd, -1);
    if (!message || message->bytes.empty()) return false;
    FieldReader fields(message->bytes);
    switch (static_cast<MessageKind>(fields.number<uint8_t>())) {
      case MessageKind::kRead:
        read(fields, message->fds);
        break;
      case MessageKind::kConvert:
        convert(fields, message->fds);
        break;
      default:
        break;  // A kill that came too late.
    }
    for (const int fd : message->fds) {
      if (fd >= 0) close(fd);
    }
    return true;
  }

 private:
  void read(FieldReader& fields, std::vector<int>& fds) {
    ReadRequest request;
    for (std::string* text : {&request.name, &request.part, &request.parent, &request.shown_format, &request.wanted})
      *text = fields.string();
    request.depth = fields.number<uint32_t>();
    const pid_t child = fields.complete() && fds.size() == 2 ? fork() : -1;
    if (child == 0) {
      // Both may sit on the other's place: move them out of the way first.
      const int file = fcntl(fds[0], F_DUPFD_CLOEXEC, kFirstFreeFd),
                pipe = fcntl(fds[1], F_DUPFD_CLOEXEC, kFirstFreeFd);
      for (const int fd : fds) close(fd);
      if (file < 0 || pipe < 0 || dup2(file, kFileFd) < 0 || dup2(pipe, kOutputFd) < 0) _exit(1);
      close(file);
      close(pipe);
      run_child(request, limits_, confinement_, pid_);
    }
    if (fds.size() == 2)
      close(std::exchange(fds[1], -1));  // Else the program would never see the pipe's end.
    rusage usage{};
    const int status = child > 0 ? wait_for(child, usage, false) : -1;
    FieldWriter reply;
    reply.number(static_cast<uint8_t>(MessageKind::kDone));
    reply.number<int32_t>(status);
    reply.number(static_cast<uint64_t>(usage.ru_maxrss) << 10);
    send_message(kControlFd, reply.out);
  }

  void convert(FieldReader& fields, const std::vector<int>& fds) {
    const std::string format(fields.string());
    Result<int> result = fail(ErrorCode::kInternal, "malformed conversion request");
    if (fields.complete() && fds.size() == 1) {
      Result<Conversion> conversion = Conversion::start(fds[0], format, limits_);
      if (!conversion) {
        result = fail(conversion.error());
      } else {
        rusage usage{};
        result = conversion->result(wait_for(conversion->pid(), usage, true));
      }
    }
    FieldWriter reply;
    reply.number(static_cast<uint8_t>(MessageKind::kConverted));
    reply.status(result ? Status{} : fail(result.error()));
    send_message(kControlFd, reply.out, result ? std::vector<int>{*result} : std::vector<int>{});
    if (result) close(*result);
  }

  // Waits for the child's end; kills it when told to, or when the program is gone.
  int wait_for(pid_t child, rusage& usage, bool group) {
    const int handle = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
    const auto kill_child = [&] { ::kill(group ? -child : child, SIGKILL); };
    bool watching = handle >= 0;
    while (watching) {
      pollfd wait[2] = {{handle, POLLIN, 0}, {kControlFd, POLLIN, 0}};
      if (poll(wait, 2, -1) < 0 && errno != EINTR) break;
      if (wait[0].revents != 0) break;
      if (wait[1].revents == 0) continue;
      const std::optional<Message> message = receive_message(kControlFd, 0);
      kill_child();
      if (!message || message->bytes.empty()) watching = false;  // serve_one sees the end again.
    }
    if (handle >= 0) close(handle);
    int status = 0;
    while (wait4(child, &status, 0, &usage) < 0 && errno == EINTR) {
    }
    return status;
  }

  ReadLimits limits_;
  Confinement confinement_;
  pid_t pid_;
};

}  // namespace

int reader_main() {
  use_dev_null();
  signal(SIGPIPE, SIG_IGN);
  signal(SIGINT, SIG_IGN);  // Ctrl-C is for the program, which then closes the socket.
  const std::optional<Message> first = receive_message(kControlFd, -1);
  if (!first) return 1;
  const Result<ReadLimits> limits = read_limits(*first);
  if (!limits) return 2;
  preload();
  Result<Confinement> confinement = prepare_confinement(*limits);
  if (!confinement) return 1;
  if (confinement->landlock_fd >= 0) {
    const int moved = fcntl(confinement->landlock_fd, F_DUPFD_CLOEXEC, kFirstFreeFd);
    close(confinement->landlock_fd);
    confinement->landlock_fd = moved;
  }
  ReaderServer server(*limits, std::move(*confinement));
  while (server.serve_one()) {
  }
  return 0;
}

}  // namespace sillok::documents
