// How fast the readers are: reads the files it is given, over and over, through one confined reader process as `add`
// does, and prints what that took. bench/readers.py verifies the text first and sets the figures beside other programs'.
//
//   readers_bench ROUNDS FILE...     {"files":12,"bytes":345678,"rounds":5,"cpu_seconds":1.25,"wall_seconds":1.31}
#include <sys/resource.h>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>

#include "documents/documents.h"

namespace {

using namespace sillok;

// Processor seconds of the children that have ended: the reader process and all its children, once it is gone.
double children_seconds() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Reads every file `rounds` times; false, with a message, where a file gives no document.
bool read_all(int rounds, int count, char** paths) {
  auto reader = documents::ReaderProcess::start();
  if (!reader) {
    std::fprintf(stderr, "readers_bench: %s\n", reader.error().message.c_str());
    return false;
  }
  for (int round = 0; round < rounds; ++round) {
    for (int i = 0; i < count; ++i) {
      size_t documents = 0;
      const Status status = reader->read(paths[i], [&](documents::Item&& item) { documents += item.document ? 1 : 0; });
      if (status && documents > 0) continue;
      std::fprintf(stderr, "readers_bench: %s: %s\n", paths[i], status ? "no document" : status.error().message.c_str());
      return false;
    }
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && argv[1] == documents::kReaderVerb) return documents::reader_main();
  const int rounds = argc > 2 ? std::atoi(argv[1]) : 0;
  if (rounds < 1) {
    std::fprintf(stderr, "usage: readers_bench ROUNDS FILE...\n");
    return 2;
  }
  uintmax_t bytes = 0;
  for (int i = 2; i < argc; ++i) {
    std::error_code error;
    bytes += fs::file_size(argv[i], error);
    if (error) {
      std::fprintf(stderr, "readers_bench: %s: %s\n", argv[i], error.message().c_str());
      return 2;
    }
  }
  const double cpu_before = children_seconds();
  const Micros before = now_micros();
  if (!read_all(rounds, argc - 2, argv + 2)) return 1;
  std::printf("{\"files\":%d,\"bytes\":%" PRIuMAX ",\"rounds\":%d,\"cpu_seconds\":%.6f,\"wall_seconds\":%.6f}\n", argc - 2, bytes,
              rounds, children_seconds() - cpu_before, static_cast<double>(now_micros() - before) / 1e6);
  return 0;
}
