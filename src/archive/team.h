// Private to archive: reader threads. Files are handed out in order and their items taken in the same order, so
// that what one add does never depends on which reader was faster.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include "archive/commit.h"

namespace sillok::archive {

struct QueuedItem {
  ReadItem item;
  std::optional<Error> error;  // the part could not be read
  uint64_t cost = 0;           // bytes it is counted as in the queues
};

// A file being read. Everything but `path` belongs to the team's mutex.
struct ReadJob {
  fs::path path;
  std::deque<QueuedItem> queue;
  uint64_t queued_bytes = 0;
  bool done = false;
  Status status;
};

class ReaderTeam {
 public:
  ReaderTeam(unsigned threads, const Environment& environment, const documents::ReadLimits& limits);
  ~ReaderTeam();  // what is being read is finished and thrown away

  void submit(std::shared_ptr<ReadJob> job);
  // Reads it now, on a thread of its own: for the job whose items are wanted next while all readers may be
  // waiting for it.
  void submit_at_once(std::shared_ptr<ReadJob> job);
  enum class Next { kItem, kDone, kTimeout };
  // The job's next item, or its end. Only the first unfinished job submitted may be asked.
  Next next(ReadJob& job, QueuedItem& out, int timeout_ms);

 private:
  void work();
  void read(Result<FileReader>& reader, ReadJob& job);
  void push(ReadJob& job, QueuedItem item);

  const unsigned max_threads_;
  const Environment& environment_;
  const documents::ReadLimits limits_;
  std::mutex mutex_;
  std::condition_variable for_readers_, for_taker_;
  std::deque<std::shared_ptr<ReadJob>> waiting_;
  const ReadJob* front_ = nullptr;  // the job whose items are being taken
  uint64_t queued_bytes_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace sillok::archive
