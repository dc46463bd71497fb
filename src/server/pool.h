// Private to server: threads for work that blocks (SQLite, ranking, reading a model's answer).
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace sillok::server {

class Pool {
 public:
  Pool(size_t threads, size_t max_waiting);
  ~Pool() { stop(); }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // False if the queue is full or the pool stops: the caller says so to whoever asked.
  bool submit(std::function<void()> task);
  size_t waiting() const;
  size_t running() const;
  void stop();  // finishes what was taken

 private:
  void run();
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::function<void()>> tasks_;
  size_t max_waiting_, running_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace sillok::server
