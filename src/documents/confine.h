// Private to documents: what the kernel is told before a reader sees a byte of a file.
//
// Order of use: prepare_confinement() once in the parent (it may allocate and open files), then, in
// a freshly forked single-threaded child, confine() as its last act before the untrusted work.
// Nothing here can be undone.
#pragma once

#include <linux/filter.h>

#include <string>
#include <vector>

#include "documents/documents.h"

namespace sillok::documents {

// The one descriptor a confined reader may write to. 0, 1 and 2 are /dev/null by then.
inline constexpr int kOutputFd = 4;

struct Confinement {
  std::vector<sock_filter> filter;  // the seccomp program
  int landlock_fd = -1;             // rule set, -1 where the kernel has no Landlock
  uint64_t address_space_bytes =
      0;  // RLIMIT_AS: what this process maps now plus limits.memory_bytes; 0 = no limit
  uint64_t output_bytes =
      0;                    // RLIMIT_FSIZE: size of the largest file it may write; 0 = none at all
  uint64_t open_files = 0;  // RLIMIT_NOFILE
  uint32_t cpu_seconds = 0;
};

// For readers: may map memory, read what it has open, write to kOutputFd, open files read-only
// below /usr, /lib and /etc (fonts, character maps, OCR models). No sockets, processes, signals, or
// files written.
Result<Confinement> prepare_confinement(const ReadLimits& limits);

// Applies it to the calling process: resource limits, no core dump, death with the parent, no new
// privileges, Landlock, seccomp. `parent` is the process id the child expects to have as its
// parent.
Status confine(const Confinement& confinement, int parent);

// For the converter, a large program that needs files and threads: no internet or other foreign
// sockets, no tracing, writes only below `directory` where Landlock is there. Inherited by
// everything it executes.
Result<Confinement> prepare_converter_confinement(const ReadLimits& limits,
                                                  const std::string& directory);

// Bytes this process has mapped now (from /proc/self/statm); 0 if unknown.
uint64_t mapped_bytes();

}  // namespace sillok::documents
