// A team of threads that shares out numbered tasks, private to tensor.
//
// Kernels of a decode step last tens of microseconds, so a worker that has nothing to do spins for a while before it
// yields and then sleeps. A call of run() does not wait for workers that never woke up: on a crowded machine the caller
// simply does their share.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

namespace sillok::tensor {

class ThreadTeam {
 public:
  explicit ThreadTeam(uint32_t threads);  // the caller of run() is one of them
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  uint32_t size() const { return static_cast<uint32_t>(workers_.size()) + 1; }

  // Calls task(index, thread) once for each index below `count`, thread < size(); returns when all are done. Which
  // thread gets which index differs from run to run: results must not depend on it. One caller at a time.
  template <typename Task>
  void run(size_t count, const Task& task) {
    run_erased(count, [](const void* context, size_t index, uint32_t thread) {
      (*static_cast<const Task*>(context))(index, thread);
    }, &task);
  }

 private:
  using Erased = void (*)(const void* context, size_t index, uint32_t thread);
  void run_erased(size_t count, Erased task, const void* context);
  void work(uint32_t thread);
  void take_tasks(uint32_t thread);

  // Bits 0..31: workers inside the job; bit 32: the job admits workers; above: number of the job.
  std::atomic<uint64_t> state_{0};
  std::atomic<size_t> next_{0};
  std::atomic<uint32_t> sleepers_{0};
  std::atomic<bool> stop_{false};
  size_t count_ = 0;
  Erased task_ = nullptr;
  const void* context_ = nullptr;
  std::vector<std::thread> workers_;
};

}  // namespace sillok::tensor
