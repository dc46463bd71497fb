// The engine's thread: its loop.
#include "engine/scheduler.h"

#include <bit>

namespace sillok::engine {

void Scheduler::run() {
  while (take_commands()) {
    admit();
    Plan next = plan();
    if (!next.parts.empty()) step(next);
    deliver();  // planning can end requests too, when the draft model fails
  }
}

// Waits for something to do, does what was asked between steps, and ends the cancelled. False: the engine stops.
bool Scheduler::take_commands() {
  std::deque<std::function<void()>> tasks;
  std::unordered_set<RequestId> cancelled;
  std::vector<std::unique_ptr<Sequence>> dropped;
  bool stopping = false;
  {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [&] {
      return stopping_ || !tasks_.empty() || !cancelled_.empty() || waiting_.size() > 0 || !running_.empty();
    });
    stopping = stopping_;
    tasks.swap(tasks_);
    cancelled.swap(cancelled_);
    if (stopping || !cancelled.empty()) {
      dropped = waiting_.take_if([&](const Sequence& waiting) { return stopping || cancelled.contains(waiting.id); });
    }
  }
  for (const auto& task : tasks) task();
  for (const auto& sequence : dropped) finish(*sequence, Finish::kCancelled);
  for (const auto& sequence : running_) {
    if (stopping || cancelled.contains(sequence->id)) finish(*sequence, Finish::kCancelled);
  }
  std::erase_if(running_, [&](const auto& sequence) { return stopping || cancelled.contains(sequence->id); });
  deliver();
  return !stopping;
}

void Scheduler::admit() {
  const size_t most = std::min<size_t>(options_.max_batch, model_->max_rows());
  std::vector<std::unique_ptr<Sequence>> refused;
  {
    const std::lock_guard lock(mutex_);
    while (running_.size() < most) {
      const Sequence* next = waiting_.peek();
      if (next == nullptr) break;
      // Room for what it has and a page to write in; what is cached of it makes it less. Alone, it fits (see submit).
      if (!running_.empty() && tree_.available() < pages_for(next->tokens.size()) + 1) break;
      std::unique_ptr<Sequence> sequence = waiting_.pop();
      if (!sequence->request.adapter.empty() && sequence->adapter == nullptr) {
        const auto found = adapters_.find(sequence->request.adapter);
        if (found == adapters_.end()) {
          refused.push_back(std::move(sequence));
          continue;
        }
        sequence->adapter = found->second.adapter;
        sequence->salt = found->second.salt | std::bit_cast<uint32_t>(sequence->request.adapter_scale);
      }
      if (sequence->admitted == Clock::time_point{}) sequence->admitted = Clock::now();
      running_.push_back(std::move(sequence));
    }
  }
  for (const auto& sequence : refused) {
    finish(*sequence, Finish::kError, "the adapter '" + sequence->request.adapter + "' was unloaded while the request waited");
  }
}

}  // namespace sillok::engine
