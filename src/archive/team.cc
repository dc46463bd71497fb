#include "archive/team.h"

#include <algorithm>
#include <chrono>

namespace sillok::archive {
namespace {

// Items read ahead of their turn, all files together, and of the file whose turn it is. The latter is apart, so
// that it always moves: everyone else waits for it.
constexpr uint64_t kMaxAheadBytes = 48ull << 20;
constexpr uint64_t kMaxFrontBytes = 16ull << 20;
// A decoded document beside its encoding: strings of their own, vectors with room.
constexpr uint64_t kCostPerEncodedByte = 3;
constexpr uint64_t kCostPerItem = 2048;

constexpr size_t kMaxPersonalPlaces = 1000;  // of one version; a list of ten thousand people is one by its first thousand

std::vector<PersonalPlace> personal_in(const documents::Document& document) {
  std::vector<PersonalPlace> out;
  for (const documents::Block& block : document.blocks) {
    const auto look = [&](std::string_view text) {
      for (const govern::Personal& found : govern::find_personal(text)) {
        const std::string anchor = documents::to_string(block.anchor);
        const auto known = std::find_if(out.rbegin(), out.rend(), [&](const PersonalPlace& p) { return p.kind == found.kind && p.anchor == anchor; });
        if (known != out.rend()) {
          ++known->count;
        } else if (out.size() < kMaxPersonalPlaces) {
          out.push_back({found.kind, anchor, 1});
        }
      }
    };
    if (!block.text.empty()) look(block.text);
    // A row at a time: "계좌번호 | 110-123-456789" is told by its neighbour.
    for (size_t row = 0; row < block.table.rows.size(); ++row) look(documents::row_text(block.table, row));
  }
  return out;
}

QueuedItem prepare(documents::Item&& given) {
  QueuedItem queued;
  queued.item.part = std::move(given.part);
  queued.item.parent = std::move(given.parent);
  if (given.document) {
    queued.item.document = std::move(*given.document);
    queued.item.encoded = documents::encode(queued.item.document);
    queued.item.content_hash = hash_content(queued.item.document, queued.item.encoded);
    queued.item.personal = personal_in(queued.item.document);
  } else {
    queued.error = std::move(given.document).error();
  }
  queued.cost = kCostPerItem + kCostPerEncodedByte * queued.item.encoded.size();
  return queued;
}

}  // namespace

ReaderTeam::ReaderTeam(unsigned threads, const Environment& environment, const documents::ReadLimits& limits)
    : max_threads_(threads), environment_(environment), limits_(limits) {}

ReaderTeam::~ReaderTeam() {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
    waiting_.clear();
  }
  for_readers_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ReaderTeam::submit(std::shared_ptr<ReadJob> job) {
  const std::lock_guard guard(mutex_);
  waiting_.push_back(std::move(job));
  if (threads_.size() < max_threads_) threads_.emplace_back([this] { work(); });
  for_readers_.notify_all();
}

void ReaderTeam::work() {
  Result<FileReader> reader = environment_.start_reader(limits_);
  for (;;) {
    std::shared_ptr<ReadJob> job;
    {
      std::unique_lock lock(mutex_);
      for_readers_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
      if (stopping_) return;
      job = std::move(waiting_.front());
      waiting_.pop_front();
    }
    read(reader, *job);
  }
}

void ReaderTeam::read(Result<FileReader>& reader, ReadJob& job) {
  Status status;
  if (reader) {
    status = (*reader)(job.path, [&](documents::Item&& item) { push(job, prepare(std::move(item))); });
  } else {
    // Not the file's fault: kInternal ends the add.
    status = fail(ErrorCode::kInternal, "cannot start a reader: " + reader.error().message);
  }
  const std::lock_guard guard(mutex_);
  job.status = std::move(status);
  job.done = true;
  for_taker_.notify_all();
}

void ReaderTeam::submit_at_once(std::shared_ptr<ReadJob> job) {
  const std::lock_guard guard(mutex_);
  threads_.emplace_back([this, job = std::move(job)] {
    Result<FileReader> reader = environment_.start_reader(limits_);
    read(reader, *job);
  });
}

void ReaderTeam::push(ReadJob& job, QueuedItem item) {
  std::unique_lock lock(mutex_);
  for_readers_.wait(lock, [&] {
    if (stopping_ || job.queue.empty()) return true;
    return &job == front_ ? job.queued_bytes + item.cost <= kMaxFrontBytes
                          : queued_bytes_ + item.cost <= kMaxAheadBytes;
  });
  if (stopping_) return;
  queued_bytes_ += item.cost;
  job.queued_bytes += item.cost;
  job.queue.push_back(std::move(item));
  if (&job == front_) for_taker_.notify_all();
}

ReaderTeam::Next ReaderTeam::next(ReadJob& job, QueuedItem& out, int timeout_ms) {
  std::unique_lock lock(mutex_);
  if (front_ != &job) {
    front_ = &job;
    for_readers_.notify_all();
  }
  if (!for_taker_.wait_for(lock, std::chrono::milliseconds(timeout_ms),
                           [&] { return job.done || !job.queue.empty(); })) {
    return Next::kTimeout;
  }
  if (job.queue.empty()) return Next::kDone;
  out = std::move(job.queue.front());
  job.queue.pop_front();
  queued_bytes_ -= out.cost;
  job.queued_bytes -= out.cost;
  for_readers_.notify_all();
  return Next::kItem;
}

}  // namespace sillok::archive
