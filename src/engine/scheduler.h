// Private to engine: the scheduler. One thread owns the model; a step is: take commands, admit, plan rows, forward, choose
// tokens, deliver. engine.cc holds what other threads call, scheduler.cc the loop, plan.cc who gets which rows and pages,
// step.cc what follows from the logits.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <future>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_set>

#include "engine/draft_model.h"
#include "engine/pages.h"
#include "engine/sequence.h"
#include "engine/waiting.h"

namespace sillok::engine {

inline size_t pages_for(size_t tokens) { return (tokens + tensor::kPageTokens - 1) / tensor::kPageTokens; }

class Scheduler final : public Engine {
 public:
  Scheduler(std::unique_ptr<model::Model> model, std::unique_ptr<tensor::KvStore> store, std::unique_ptr<DraftModel> draft,
            tensor::Backend& backend, const EngineOptions& options)
      : model_(std::move(model)), store_(std::move(store)), draft_(std::move(draft)), backend_(backend), options_(options),
        tree_(store_->shape().pages), thread_([this] { run(); }) {}

  ~Scheduler() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }

  Result<RequestId> submit(GenerateRequest request, Events events) override;
  void cancel(RequestId id) override;
  Result<Generated> generate(GenerateRequest request) override;
  Status load_adapter(const std::string& name, const fs::path& path) override;
  Status unload_adapter(const std::string& name) override;
  Result<std::vector<std::vector<float>>> embed(const std::vector<std::vector<Token>>& texts) override;
  Result<std::vector<float>> score(const std::vector<std::vector<Token>>& pairs) override;
  EngineCounts counts() const override {
    const std::lock_guard lock(mutex_);
    return counts_;
  }
  const model::Model& model() const override { return *model_; }

 private:
  struct LoadedAdapter {
    std::shared_ptr<const model::Adapter> adapter;
    uint64_t salt = 0;  // in the upper half; the scale, on which keys and values depend too, goes into the lower
  };
  // One step's batch and whose rows they are.
  struct Plan {
    model::Batch batch;
    struct Part {
      Sequence* sequence = nullptr;
      size_t rows = 0, outputs = 0;
    };
    std::vector<Part> parts;
  };

  void run();
  bool take_commands();
  void admit();
  void extend_from_tree(Sequence& sequence);
  void copy_part(Sequence& sequence);
  bool waits_for_prefix(const Sequence& sequence) const;
  Plan plan();
  void plan_decoding(Plan& plan, size_t& budget);
  void guess(std::span<Sequence* const> decoding);
  void plan_prefill(Plan& plan, size_t budget);
  size_t give_pages(Sequence& sequence, size_t rows);
  bool preempt_for(const Sequence& sequence);
  // False for one that was put back for another's pages since; its address is only compared.
  bool is_running(const Sequence* sequence) const {
    return std::any_of(running_.begin(), running_.end(), [&](const auto& one) { return one.get() == sequence; });
  }
  void add_rows(Plan& plan, Sequence& sequence, size_t rows, size_t outputs);
  void step(Plan& plan);
  void consume(Plan& plan, std::span<float> logits);
  bool choose(Sequence& sequence, std::span<float> logits);
  void finish(Sequence& sequence, Finish how, std::string error = {});
  void fail_all(std::span<Sequence* const> sequences, const std::string& error);
  void keep_pages(Sequence& sequence);
  void drop_pages(Sequence& sequence);
  void deliver();
  void publish_counts();
  template <typename Function>
  auto on_thread(Function function) -> decltype(function());

  std::unique_ptr<model::Model> model_;
  std::unique_ptr<tensor::KvStore> store_;
  std::unique_ptr<DraftModel> draft_;  // may be null
  tensor::Backend& backend_;
  const EngineOptions options_;

  // The engine thread's own.
  PrefixTree tree_;
  std::vector<std::unique_ptr<Sequence>> running_;  // in order of admission
  std::map<std::string, LoadedAdapter> adapters_;
  uint64_t next_salt_ = 1;
  std::vector<uint64_t> allowed_;
  EngineCounts live_;
  std::vector<std::function<void()>> done_;

  // Shared, under mutex_.
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  Waiting waiting_;
  std::unordered_set<RequestId> cancelled_;
  std::deque<std::function<void()>> tasks_;
  std::unordered_set<std::string> adapter_names_;
  RequestId next_id_ = 1;
  bool stopping_ = false;
  EngineCounts counts_;

  std::thread thread_;  // last: it starts when everything else is there
};

}  // namespace sillok::engine
