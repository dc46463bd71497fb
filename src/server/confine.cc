#include "server/confine.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "server/server.h"

namespace sillok::server {
namespace {

// Everything that the first version of Landlock governs; and moving a file to another folder, which the first version
// refuses always and the second (Linux 5.19) lets rules allow.
constexpr uint64_t kFirst = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
uint64_t all_rights() {
  static const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return version >= 2 ? kFirst | LANDLOCK_ACCESS_FS_REFER : kFirst;
}
constexpr uint64_t kRead = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr uint64_t kRun = kRead | LANDLOCK_ACCESS_FS_EXECUTE;

int new_rules() {
  landlock_ruleset_attr attributes{};
  attributes.handled_access_fs = all_rights();
  return static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0));
}

Status allow(int rules, const fs::path& path, uint64_t access, bool needed) {
  const int fd = ::open(path.c_str(), O_PATH | O_CLOEXEC);
  if (fd < 0) {
    if (needed) return fail_errno("cannot confine the server to " + path.string());
    return {};
  }
  landlock_path_beneath_attr rule{};
  std::error_code ignored;
  // Rights over folders make no sense for a file.
  rule.allowed_access = fs::is_directory(path, ignored) ? access : access & (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_EXECUTE);
  rule.parent_fd = fd;
  const long added = ::syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
  ::close(fd);
  if (added != 0 && needed) return fail_errno("cannot confine the server to " + path.string());
  return {};
}

}  // namespace

Status confine_files(const fs::path& home, const std::vector<fs::path>& readable) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno("cannot confine the server");
  const int rules = new_rules();
  if (rules < 0) return {};  // no Landlock here
  // Reader processes are this program again; the converter is LibreOffice. Both confine themselves further.
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  Status status = allow(rules, home, all_rights() & ~static_cast<uint64_t>(LANDLOCK_ACCESS_FS_EXECUTE), true);
  if (status) status = allow(rules, program, kRun, true);
  if (status) status = allow(rules, fs::temp_directory_path(error), all_rights() & ~static_cast<uint64_t>(LANDLOCK_ACCESS_FS_EXECUTE), false);
  for (const char* path : {"/usr", "/lib", "/lib64", "/bin", "/opt", "/etc", "/var/cache/fontconfig", "/var/lib", "/var/spool/libreoffice", "/proc", "/sys"}) {
    if (status) status = allow(rules, path, kRun, false);
  }
  for (const fs::path& path : readable) {
    if (status) status = allow(rules, path, kRead, true);
  }
  if (status) status = allow(rules, "/dev", kRead | LANDLOCK_ACCESS_FS_WRITE_FILE, false);
  if (status && ::syscall(SYS_landlock_restrict_self, rules, 0) != 0) status = fail_errno("cannot confine the server's files");
  ::close(rules);
  return status;
}

namespace {

// TCP connections to these ports alone; with `listens` false, none that others make. From linux/landlock.h of 6.7, which
// Debian 12 does not have.
Status restrict_connections(const std::vector<uint16_t>& ports, bool listens) {
  constexpr uint64_t kBind = 1, kConnect = 2;  // LANDLOCK_ACCESS_NET_BIND_TCP, _CONNECT_TCP
  constexpr int kNetPort = 2;                  // LANDLOCK_RULE_NET_PORT
  struct {
    uint64_t handled_access_fs = 0, handled_access_net = kConnect;
  } attributes;
  if (!listens) attributes.handled_access_net |= kBind;
  const int rules = static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0));
  if (rules < 0) return {};
  bool done = true;
  for (const uint16_t port : ports) {
    struct {
      uint64_t allowed_access = kConnect, port = 0;
    } rule;
    rule.port = port;
    done = done && ::syscall(SYS_landlock_add_rule, rules, kNetPort, &rule, 0) == 0;
  }
  done = done && ::syscall(SYS_landlock_restrict_self, rules, 0) == 0;
  ::close(rules);
  if (!done) return fail_errno("cannot confine the server's connections");
  return {};
}

// A filter that allows everything but what it is told to refuse.
class CallFilter {
 public:
  CallFilter() : filter_(seccomp_init(SCMP_ACT_ALLOW)) {}
  ~CallFilter() {
    if (filter_ != nullptr) seccomp_release(filter_);
  }
  CallFilter(const CallFilter&) = delete;
  CallFilter& operator=(const CallFilter&) = delete;

  template <typename... Conditions>
  void refuse(const char* name, Conditions... conditions) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR || filter_ == nullptr) return;  // not a call of this architecture
    made_ = made_ && seccomp_rule_add(filter_, SCMP_ACT_ERRNO(EACCES), number, sizeof...(conditions), conditions...) == 0;
  }
  // Streams within this machine and TCP: no datagram tells anything to anybody.
  void refuse_all_but_streams() {
    for (uint64_t family = 0; family < 64; ++family) {
      if (family != AF_UNIX && family != AF_INET && family != AF_INET6) refuse("socket", SCMP_A0(SCMP_CMP_EQ, family, 0));
    }
    for (const uint64_t family : {uint64_t{AF_INET}, uint64_t{AF_INET6}}) {
      refuse("socket", SCMP_A0(SCMP_CMP_EQ, family, 0), SCMP_A1(SCMP_CMP_MASKED_EQ, 0xF, SOCK_DGRAM));
      refuse("socket", SCMP_A0(SCMP_CMP_EQ, family, 0), SCMP_A1(SCMP_CMP_MASKED_EQ, 0xF, SOCK_RAW));
    }
    refuse("socketpair", SCMP_A0(SCMP_CMP_NE, AF_UNIX, 0));
  }
  // Ways around a filter, or out of a process; nothing here needs them.
  void refuse_ways_around() {
    for (const char* name : {"io_uring_setup", "io_uring_enter", "io_uring_register", "ptrace", "process_vm_readv", "process_vm_writev", "bpf", "userfaultfd",
                             "perf_event_open", "keyctl", "add_key", "request_key", "mount", "umount2", "pivot_root", "chroot", "unshare", "setns", "kexec_load",
                             "kexec_file_load", "init_module", "finit_module", "delete_module", "pidfd_getfd", "open_by_handle_at", "swapon", "reboot"}) {
      refuse(name);
    }
  }
  // For all threads, also those that were there before.
  Status load() {
    if (filter_ == nullptr) return fail(ErrorCode::kInternal, "cannot make the server's system call filter");
    if (made_ && seccomp_attr_set(filter_, SCMP_FLTATR_CTL_TSYNC, 1) == 0 && seccomp_load(filter_) == 0) return {};
    return fail(ErrorCode::kInternal, "the kernel takes no system call filter; start with --no-confine only to find out why");
  }

 private:
  scmp_filter_ctx filter_;
  bool made_ = true;
};

}  // namespace

Status confine_sockets(std::optional<uint16_t> peer) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno("cannot confine the server");
  if (peer) SILLOK_TRY(restrict_connections({*peer}, true));
  CallFilter filter;
  // Only sockets within this machine: readers are spoken to over them. accept() makes none by this call. The peer's name
  // must be an address or stand in /etc/hosts: looking it up would take datagrams.
  if (peer) {
    filter.refuse_all_but_streams();
  } else {
    filter.refuse("socket", SCMP_A0(SCMP_CMP_NE, AF_UNIX, 0));
    filter.refuse("socketpair", SCMP_A0(SCMP_CMP_NE, AF_UNIX, 0));
  }
  filter.refuse_ways_around();
  return filter.load();
}

Status confine_provider(const std::vector<fs::path>& readable, const std::vector<uint16_t>& ports) {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno("cannot confine the provider process");
  if (const int rules = new_rules(); rules >= 0) {
    Status status;
    for (const char* path : {"/usr", "/lib", "/lib64", "/etc", "/dev/urandom", "/dev/null"}) {
      if (status) status = allow(rules, path, kRead, false);
    }
    for (const fs::path& path : readable) {
      if (status) status = allow(rules, path, kRead, true);
    }
    if (status && ::syscall(SYS_landlock_restrict_self, rules, 0) != 0) status = fail_errno("cannot confine the provider process' files");
    ::close(rules);
    SILLOK_TRY(status);
  }
  SILLOK_TRY(restrict_connections(ports, false));
  CallFilter filter;
  filter.refuse_all_but_streams();
  filter.refuse_ways_around();
  for (const char* name : {"execve", "execveat", "bind", "listen", "accept", "accept4"}) filter.refuse(name);
  return filter.load();
}

Result<Confinement> try_confinement(const fs::path& home) {
  std::error_code error;
  const fs::path whole = fs::canonical(home, error);
  if (error) return fail(ErrorCode::kIo, "cannot open " + home.string() + ": " + error.message());
  int ends[2];
  if (::pipe(ends) != 0) return fail_errno("cannot try the confinement");
  const pid_t child = ::fork();
  if (child < 0) return fail_errno("cannot try the confinement");
  if (child == 0) {
    Confinement found;
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0), client = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    bool listens = ::bind(listener, generic, size) == 0 && ::listen(listener, 1) == 0;
    listens = listens && ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0 && ::connect(client, generic, size) == 0;
    const int rules = new_rules();
    found.landlock = rules >= 0;
    if (rules >= 0) ::close(rules);
    if (!confine_files(whole, {}) || !confine_sockets(std::nullopt)) ::_exit(1);
    found.no_sockets = ::socket(AF_INET, SOCK_STREAM, 0) < 0 && ::socket(AF_INET, SOCK_DGRAM, 0) < 0 && ::socket(AF_INET6, SOCK_STREAM, 0) < 0;
    found.no_packets = ::socket(AF_PACKET, SOCK_RAW, 0) < 0 && ::socket(AF_NETLINK, SOCK_RAW, 0) < 0 && ::syscall(SYS_io_uring_setup, 1, nullptr) < 0;
    found.accepts = listens && ::accept(listener, nullptr, nullptr) >= 0;
    const auto makes = [](const fs::path& path) {
      const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
      if (fd < 0) return false;
      ::close(fd);
      ::unlink(path.c_str());
      return true;
    };
    found.no_writes = !makes("/var/lib/sillok-confinement-test") && !makes("/sillok-confinement-test") && !makes("/etc/sillok-confinement-test");
    found.writes_home = makes(whole / ".confinement-test");
    const ssize_t sent = ::write(ends[1], &found, sizeof found);
    ::_exit(sent == static_cast<ssize_t>(sizeof found) ? 0 : 1);
  }
  ::close(ends[1]);
  Confinement found;
  const ssize_t got = ::read(ends[0], &found, sizeof found);
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (got != static_cast<ssize_t>(sizeof found) || status != 0) return fail(ErrorCode::kInternal, "the kernel refused the server's confinement");
  return found;
}

}  // namespace sillok::server
