// What other threads call.
#include "engine/engine.h"

#include "engine/embed.h"
#include "engine/scheduler.h"

namespace sillok::engine {

using tensor::kPageTokens;

Result<RequestId> Scheduler::submit(GenerateRequest request, Events events) {
  if (request.prompt.empty()) return fail(ErrorCode::kInvalid, "the prompt has no tokens");
  if (request.max_tokens == 0) return fail(ErrorCode::kInvalid, "max_tokens is 0; ask for at least 1");
  const auto vocabulary = static_cast<Token>(model_->hyperparameters().vocabulary);
  for (const Token token : request.prompt) {
    if (token < 0 || token >= vocabulary) {
      return fail(ErrorCode::kInvalid, "token " + std::to_string(token) + " of the prompt is not in the model's vocabulary of " +
                                           std::to_string(vocabulary));
    }
  }
  const size_t limit = std::min<size_t>(size_t{store_->shape().pages} * kPageTokens, model_->hyperparameters().context);
  if (request.prompt.size() >= limit) {
    return fail(ErrorCode::kLimit, "the prompt has " + std::to_string(request.prompt.size()) + " tokens, the context holds " +
                                       std::to_string(limit) + "; shorten it or start with a larger context");
  }
  request.max_tokens = static_cast<uint32_t>(std::min<size_t>(request.max_tokens, limit - request.prompt.size()));

  const std::lock_guard lock(mutex_);
  if (stopping_) return fail(ErrorCode::kConflict, "the engine is stopping");
  if (!request.adapter.empty() && !adapter_names_.contains(request.adapter)) {
    return fail(ErrorCode::kNotFound, "there is no adapter '" + request.adapter + "'; load it first");
  }
  if (waiting_.size() >= options_.max_queue) {
    return fail(ErrorCode::kLimit, "the queue is full (" + std::to_string(options_.max_queue) + " requests wait); try again later");
  }
  const RequestId id = next_id_++;
  waiting_.push(std::make_unique<Sequence>(id, std::move(request), std::move(events)));
  counts_.queued = static_cast<uint32_t>(waiting_.size());
  wake_.notify_all();
  return id;
}

void Scheduler::cancel(RequestId id) {
  const std::lock_guard lock(mutex_);
  if (id == 0 || id >= next_id_) return;
  cancelled_.insert(id);
  wake_.notify_all();
}

Result<Generated> Scheduler::generate(GenerateRequest request) {
  std::promise<Generated> promise;
  Events events;
  events.on_done = [&promise](Generated result) { promise.set_value(std::move(result)); };
  SILLOK_TRY(submit(std::move(request), std::move(events)));
  Generated result = promise.get_future().get();
  if (result.finish == Finish::kError) return fail(ErrorCode::kInternal, result.error);
  return result;
}

// Runs `function` between two steps and gives its result.
template <typename Function>
auto Scheduler::on_thread(Function function) -> decltype(function()) {
  std::promise<decltype(function())> promise;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return fail(ErrorCode::kConflict, "the engine is stopping");
    tasks_.push_back([&] { promise.set_value(function()); });
  }
  wake_.notify_all();
  return promise.get_future().get();
}

Status Scheduler::load_adapter(const std::string& name, const fs::path& path) {
  return on_thread([&]() -> Status {
    if (name.empty()) return fail(ErrorCode::kInvalid, "an adapter needs a name");
    if (adapters_.contains(name)) return fail(ErrorCode::kConflict, "an adapter named '" + name + "' is loaded already");
    SILLOK_ASSIGN(std::shared_ptr<const model::Adapter> adapter, model::Adapter::open(path, *model_, backend_));
    adapters_[name] = {std::move(adapter), next_salt_++ << 32};
    const std::lock_guard lock(mutex_);
    adapter_names_.insert(name);
    return {};
  });
}

Status Scheduler::unload_adapter(const std::string& name) {
  return on_thread([&]() -> Status {
    const auto found = adapters_.find(name);
    if (found == adapters_.end()) return fail(ErrorCode::kNotFound, "no adapter named '" + name + "' is loaded");
    tree_.forget(found->second.salt, found->second.salt + UINT32_MAX);
    adapters_.erase(found);
    const std::lock_guard lock(mutex_);
    adapter_names_.erase(name);
    return {};
  });
}

Result<std::vector<std::vector<float>>> Scheduler::embed(const std::vector<std::vector<Token>>& texts) {
  return on_thread([&] { return embed_texts(*model_, *store_, tree_, texts); });
}

Result<std::vector<float>> Scheduler::score(const std::vector<std::vector<Token>>& pairs) {
  return on_thread([&]() -> Result<std::vector<float>> {
    std::vector<float> scores;
    for (const std::vector<Token>& pair : pairs) {
      SILLOK_ASSIGN(const float value, score_text(*model_, *store_, tree_, pair));
      scores.push_back(value);
    }
    return scores;
  });
}

Result<std::unique_ptr<Engine>> Engine::start(std::unique_ptr<model::Model> model, tensor::Backend& backend,
                                              const EngineOptions& options, std::unique_ptr<model::Model> draft) {
  if (options.context_tokens < kPageTokens) {
    return fail(ErrorCode::kInvalid, "a context of " + std::to_string(options.context_tokens) + " tokens is too small; the least is " +
                                         std::to_string(kPageTokens));
  }
  if (options.max_batch == 0 || options.prefill_rows == 0 || options.prefill_rows_shared == 0) {
    return fail(ErrorCode::kInvalid, "max_batch, prefill_rows and prefill_rows_shared must be at least 1");
  }
  const auto pages = static_cast<uint32_t>(pages_for(options.context_tokens));
  SILLOK_ASSIGN(std::unique_ptr<tensor::KvStore> store, backend.make_kv(model->kv_shape(options.kv_type, pages)));
  std::unique_ptr<DraftModel> guesses;
  if (draft != nullptr) {
    SILLOK_ASSIGN(guesses, DraftModel::make(std::move(draft), *model, backend, options, pages));
  }
  return std::unique_ptr<Engine>(
      std::make_unique<Scheduler>(std::move(model), std::move(store), std::move(guesses), backend, options));
}

std::string_view to_string(Finish finish) {
  switch (finish) {
    case Finish::kEnd: return "end";
    case Finish::kStop: return "stop";
    case Finish::kLength: return "length";
    case Finish::kCancelled: return "cancelled";
    case Finish::kError: return "error";
  }
  return "";
}

}  // namespace sillok::engine
