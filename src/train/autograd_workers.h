// Threads that share out numbered tasks. Private to train.
//
// Determinism: what a task computes depends on its number alone, and no two tasks write the same values; then a result has the
// same bits for any number of threads and any order of tasks. OpenBLAS itself is held to one thread: it is called from
// inside tasks, and its own sharing out would depend on the machine.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace sillok::train {

class Workers {
 public:
  explicit Workers(uint32_t threads);  // 0: one per core
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  uint32_t count() const { return static_cast<uint32_t>(threads_.size()) + 1; }
  // Calls work(task, worker) for every task below `tasks`, worker < count(), and returns when all are done. The calling
  // thread is worker 0. Not reentrant.
  void run(size_t tasks, const std::function<void(size_t task, uint32_t worker)>& work);

 private:
  void serve(uint32_t worker);
  void take_tasks(uint32_t worker);

  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable begin_, end_;
  const std::function<void(size_t, uint32_t)>* work_ = nullptr;
  size_t tasks_ = 0;
  std::atomic<size_t> next_ = 0;
  uint64_t round_ = 0;
  size_t busy_ = 0;
  bool stop_ = false;
};

}  // namespace sillok::train
