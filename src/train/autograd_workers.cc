#include "train/autograd_workers.h"

#include <cblas.h>

#include <algorithm>

namespace sillok::train {

Workers::Workers(uint32_t threads) {
  openblas_set_num_threads(1);
  if (threads == 0) threads = std::max(1U, std::thread::hardware_concurrency());
  for (uint32_t worker = 1; worker < threads; ++worker) threads_.emplace_back([this, worker] { serve(worker); });
}

Workers::~Workers() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  begin_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Workers::run(size_t tasks, const std::function<void(size_t, uint32_t)>& work) {
  if (tasks <= 1 || threads_.empty()) {
    for (size_t task = 0; task < tasks; ++task) work(task, 0);
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    work_ = &work;
    tasks_ = tasks;
    next_ = 0;
    busy_ = threads_.size();
    ++round_;
  }
  begin_.notify_all();
  take_tasks(0);
  std::unique_lock lock(mutex_);
  end_.wait(lock, [this] { return busy_ == 0; });
}

void Workers::take_tasks(uint32_t worker) {
  for (size_t task = next_++; task < tasks_; task = next_++) (*work_)(task, worker);
}

void Workers::serve(uint32_t worker) {
  for (uint64_t seen = 0;;) {
    {
      std::unique_lock lock(mutex_);
      begin_.wait(lock, [&] { return stop_ || round_ != seen; });
      if (stop_) return;
      seen = round_;
    }
    take_tasks(worker);
    const std::lock_guard lock(mutex_);
    if (--busy_ == 0) end_.notify_one();
  }
}

}  // namespace sillok::train
