#include "tensor/thread_team.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace sillok::tensor {
namespace {

constexpr uint64_t kOpen = uint64_t{1} << 32;
constexpr uint64_t kInside = kOpen - 1;
// About 100 microseconds of pauses: longer than the gaps between the operations of one token.
constexpr int kSpins = 4000;
// Then the core is offered to others for a few of their turns before the thread sleeps.
constexpr int kYields = 64;

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

ThreadTeam::ThreadTeam(uint32_t threads) {
  for (uint32_t thread = 1; thread < threads; ++thread) workers_.emplace_back([this, thread] { work(thread); });
}

ThreadTeam::~ThreadTeam() {
  stop_.store(true);
  state_.fetch_add(kOpen << 1);  // a new number, closed: sleepers wake and see stop_
  state_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadTeam::take_tasks(uint32_t thread) {
  const size_t count = count_;
  for (;;) {
    const size_t index = next_.fetch_add(1, std::memory_order_relaxed);
    if (index >= count) return;
    task_(context_, index, thread);
  }
}

void ThreadTeam::run_erased(size_t count, Erased task, const void* context) {
  if (workers_.empty() || count <= 1) {
    for (size_t index = 0; index < count; ++index) task(context, index, 0);
    return;
  }
  count_ = count;
  task_ = task;
  context_ = context;
  next_.store(0, std::memory_order_relaxed);
  // The job is closed and nobody is inside, so the state is only a number: the next one, open. Sequentially consistent
  // with sleepers_: either we see the sleeper or it sees the new state.
  state_.store((state_.load(std::memory_order_relaxed) & ~(kOpen | kInside)) + (kOpen << 1) + kOpen);
  if (sleepers_.load() > 0) state_.notify_all();
  take_tasks(0);
  state_.fetch_and(~kOpen, std::memory_order_acq_rel);
  for (int waited = 0; (state_.load(std::memory_order_acquire) & kInside) != 0; ++waited) {
    if (waited < kSpins) {
      pause();
    } else {
      std::this_thread::yield();
    }
  }
}

void ThreadTeam::work(uint32_t thread) {
  uint64_t seen = 0;  // the number of the last job, or of the state before any
  for (;;) {
    uint64_t state = state_.load(std::memory_order_acquire);
    for (int waited = 0; (state >> 33) == seen; ++waited) {
      if (waited < kSpins) {
        pause();
      } else if (waited < kSpins + kYields) {
        std::this_thread::yield();
      } else {
        sleepers_.fetch_add(1);
        state_.wait(state);
        sleepers_.fetch_sub(1);
        waited = 0;
      }
      state = state_.load(std::memory_order_acquire);
    }
    if (stop_.load()) return;
    // Join while the job is open.
    while ((state & kOpen) != 0 && (state >> 33) != seen) {
      if (state_.compare_exchange_weak(state, state + 1, std::memory_order_acq_rel)) {
        seen = state >> 33;
        take_tasks(thread);
        state_.fetch_sub(1, std::memory_order_release);
        break;
      }
    }
    seen = state >> 33;
  }
}

}  // namespace sillok::tensor
