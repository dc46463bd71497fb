// Confinement by resource limits, Landlock and seccomp; see confine.h for the order of use.
#include "documents/confine.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SILLOK_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SILLOK_SANITIZED 1
#endif
#endif

namespace sillok::documents {
namespace {

constexpr rlim_t kReaderFiles = 64;       // fonts, character maps, OCR models: a handful at once
constexpr rlim_t kConverterFiles = 1024;  // LibreOffice opens its registry and fonts
// LibreOffice maps about 1 GiB of libraries and caches before it opens a document.
constexpr uint64_t kConverterBaseBytes = 3ull << 30;
constexpr rlim_t kConverterOutputBytes = 512ull << 20;

class FilterBuilder {
 public:
  explicit FilterBuilder(uint32_t default_action) : context_(seccomp_init(default_action)) {}
  ~FilterBuilder() { seccomp_release(context_); }
  FilterBuilder(const FilterBuilder&) = delete;
  FilterBuilder& operator=(const FilterBuilder&) = delete;

  template <typename... Conditions>
  void add(uint32_t action, const char* name, Conditions... conditions) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR) return;  // this architecture has no such call
    if (seccomp_rule_add(context_, action, number, sizeof...(conditions), conditions...) != 0)
      ok_ = false;
  }

  Result<std::vector<sock_filter>> build() {
    const int fd = memfd_create("sillok-filter", MFD_CLOEXEC);
    if (fd < 0) return fail_errno("cannot prepare the reader's confinement");
    const bool exported = ok_ && seccomp_export_bpf(context_, fd) == 0;
    const off_t size = lseek(fd, 0, SEEK_END);
    std::vector<sock_filter> program(static_cast<size_t>(size) / sizeof(sock_filter));
    const auto bytes = static_cast<size_t>(size);
    const bool read = exported && size > 0 && pread(fd, program.data(), bytes, 0) == size;
    close(fd);
    if (!read) return fail(ErrorCode::kInternal, "cannot build the reader's system call filter");
    return program;
  }

 private:
  scmp_filter_ctx context_;
  bool ok_ = true;
};

// Calls that touch only the caller's own memory, time and open descriptors.
constexpr const char* kHarmless[] = {
    "read", "pread64", "readv", "lseek", "fstat", "close", "munmap", "mremap", "brk", "madvise",
    "clock_gettime", "clock_getres", "gettimeofday", "time", "nanosleep", "clock_nanosleep",
    "futex", "exit", "exit_group", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack",
    "getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getrandom",
    "sched_yield", "sched_getaffinity", "sysinfo", "uname", "restart_syscall", "set_robust_list",
    "rseq", "getcwd",
    // By path, but they only look; Landlock narrows what can be opened.
    "newfstatat", "stat", "lstat", "statx", "access", "faccessat", "faccessat2", "readlink",
    "readlinkat", "getdents64", "statfs", "fstatfs", "fadvise64"};

Result<std::vector<sock_filter>> reader_filter() {
  // A call that is not listed fails with EPERM: libraries probe for much that they can do without.
  FilterBuilder builder(SCMP_ACT_ERRNO(EPERM));
  for (const char* name : kHarmless) builder.add(SCMP_ACT_ALLOW, name);
  for (const char* name : {"write", "writev"}) {
    builder.add(SCMP_ACT_ALLOW, name, SCMP_A0(SCMP_CMP_LE, kOutputFd, 0));
  }
  // Memory may never become executable.
  for (const char* name : {"mmap", "mprotect"}) {
    builder.add(SCMP_ACT_ALLOW, name, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  }
  constexpr auto kWriting =
      static_cast<uint64_t>(O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY));
  builder.add(SCMP_ACT_ALLOW, "openat", SCMP_A2(SCMP_CMP_MASKED_EQ, kWriting, O_RDONLY));
  builder.add(SCMP_ACT_ALLOW, "open", SCMP_A1(SCMP_CMP_MASKED_EQ, kWriting, O_RDONLY));
  for (const uint64_t command : {F_GETFD, F_SETFD, F_GETFL}) {
    builder.add(SCMP_ACT_ALLOW, "fcntl", SCMP_A1(SCMP_CMP_EQ, command, 0));
  }
  // Limits may be read, not set.
  builder.add(SCMP_ACT_ALLOW, "prlimit64", SCMP_A2(SCMP_CMP_EQ, 0, 0));
  builder.add(SCMP_ACT_ALLOW, "getrlimit");
  // abort() signals itself by tgkill, which could also reach other processes: it ends the reader
  // instead, as SIGSYS, which the parent reports as an abort.
  for (const char* name : {"tgkill", "tkill", "kill"}) builder.add(SCMP_ACT_KILL_PROCESS, name);
#ifdef SILLOK_SANITIZED
  for (const char* name : {"write", "writev", "mmap", "mprotect"})
    builder.add(SCMP_ACT_ALLOW, name);
#endif
  return builder.build();
}

Result<std::vector<sock_filter>> converter_filter() {
  FilterBuilder builder(SCMP_ACT_ALLOW);
  // Only local sockets, which LibreOffice's parts use among themselves; io_uring could make others
  // unseen.
  builder.add(SCMP_ACT_ERRNO(EACCES), "socket", SCMP_A0(SCMP_CMP_NE, AF_UNIX, 0));
  for (const char* name :
       {"ptrace", "process_vm_readv", "process_vm_writev", "io_uring_setup", "bpf", "userfaultfd",
        "perf_event_open", "keyctl", "add_key", "mount", "umount2", "unshare", "setns",
        "kexec_load", "init_module", "finit_module", "pidfd_getfd"}) {
    builder.add(SCMP_ACT_ERRNO(EPERM), name);
  }
  return builder.build();
}

// ---------------------------------------------------------------------------------------------
// Landlock (Linux 5.13 and later; absent from glibc)

constexpr uint64_t kLandlockRead = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
// Everything the first version of Landlock governs; what is not granted below is refused.
constexpr uint64_t kLandlockAll = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

void allow_below(int rules, const char* path, uint64_t access) {
  const int directory = open(path, O_PATH | O_CLOEXEC);
  if (directory < 0) return;  // Absent here: nothing to allow.
  landlock_path_beneath_attr rule{};
  rule.allowed_access = access;
  rule.parent_fd = directory;
  syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
  close(directory);
}

// -1 where the kernel has no Landlock: seccomp and the limits stand alone then.
int new_rules() {
  landlock_ruleset_attr attributes{};
  attributes.handled_access_fs = kLandlockAll;
  return static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0));
}

int reader_rules() {
  const int rules = new_rules();
  if (rules < 0) return -1;
  for (const char* path :
       {"/usr/share", "/usr/lib", "/lib", "/etc", "/var/cache/fontconfig", "/dev/null"}) {
    allow_below(
        rules, path,
        path == std::string_view("/dev/null") ? LANDLOCK_ACCESS_FS_READ_FILE : kLandlockRead);
  }
  return rules;
}

int converter_rules(const std::string& directory) {
  const int rules = new_rules();
  if (rules < 0) return -1;
  for (const char* path : {"/usr", "/lib", "/lib64", "/bin", "/etc", "/opt", "/var/lib",
                           "/var/cache", "/var/spool/libreoffice", "/proc", "/sys"}) {
    allow_below(rules, path, kLandlockRead | LANDLOCK_ACCESS_FS_EXECUTE);
  }
  allow_below(rules, "/dev", kLandlockRead | LANDLOCK_ACCESS_FS_WRITE_FILE);
  allow_below(rules, directory.c_str(), kLandlockAll & ~LANDLOCK_ACCESS_FS_EXECUTE);
  // LibreOffice always makes the socket for a second instance of itself here, whatever TMPDIR says,
  // and restarts once on a new profile, for which it must be able to remove it.
  allow_below(rules, "/tmp", LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REMOVE_FILE);
  return rules;
}

bool limit(__rlimit_resource resource, rlim_t value) {
  // For processor time, the soft limit's SIGXCPU says what happened; the hard one is SIGKILL, which
  // does not.
  const rlimit both{value, resource == RLIMIT_CPU ? value + 1 : value};
  return setrlimit(resource, &both) == 0;
}

}  // namespace

uint64_t mapped_bytes() {
  unsigned long pages = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return 0;
  if (std::fscanf(file, "%lu", &pages) != 1) pages = 0;
  std::fclose(file);
  return pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

Result<Confinement> prepare_confinement(const ReadLimits& limits) {
  Confinement confinement;
  SILLOK_ASSIGN(confinement.filter, reader_filter());
  confinement.landlock_fd = reader_rules();
  confinement.cpu_seconds = limits.cpu_seconds;
  confinement.open_files = kReaderFiles;
#ifndef SILLOK_SANITIZED  // A sanitizer's shadow is terabytes of address space.
  confinement.address_space_bytes = mapped_bytes() + limits.memory_bytes;
#endif
  return confinement;
}

Result<Confinement> prepare_converter_confinement(const ReadLimits& limits,
                                                  const std::string& directory) {
  Confinement confinement;
  SILLOK_ASSIGN(confinement.filter, converter_filter());
  confinement.landlock_fd = converter_rules(directory);
  confinement.cpu_seconds = limits.cpu_seconds;
  confinement.open_files = kConverterFiles;
  confinement.output_bytes = kConverterOutputBytes;
  confinement.address_space_bytes = kConverterBaseBytes + limits.memory_bytes;
  return confinement;
}

Status confine(const Confinement& confinement, int parent) {
  const auto refused = [](const char* what) {
    return fail_errno(std::string("cannot confine the reader: ") + what);
  };
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return refused("death signal");
  if (getppid() != parent) _exit(1);  // The parent died before the line above took effect.
  if (confinement.address_space_bytes > 0 && !limit(RLIMIT_AS, confinement.address_space_bytes))
    return refused("memory");
  if (!limit(RLIMIT_CPU, confinement.cpu_seconds) || !limit(RLIMIT_CORE, 0))
    return refused("processor time");
  if (!limit(RLIMIT_FSIZE, confinement.output_bytes) ||
      !limit(RLIMIT_NOFILE, confinement.open_files))
    return refused("files");
  if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return refused("privileges");
  if (confinement.landlock_fd >= 0 &&
      syscall(SYS_landlock_restrict_self, confinement.landlock_fd, 0) != 0) {
    return refused("Landlock");
  }
  sock_fprog program{static_cast<unsigned short>(confinement.filter.size()),
                     const_cast<sock_filter*>(confinement.filter.data())};
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) return refused("seccomp");
  return {};
}

}  // namespace sillok::documents
