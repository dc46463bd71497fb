#include "server/serving.h"

#include <algorithm>

namespace sillok::server {
namespace {

// Whether the same models can go on serving.
bool same_models(const answer::WriterSettings& a, const answer::WriterSettings& b) {
  return a.model == b.model && a.adapter == b.adapter && a.remote == b.remote && a.key_file == b.key_file && a.context == b.context && a.threads == b.threads &&
         a.encoder == b.encoder && a.encoder_use.prefix == b.encoder_use.prefix && a.encoder_use.support == b.encoder_use.support;
}

}  // namespace

std::shared_ptr<const Serving> ServingFollower::last() const {
  const std::lock_guard guard(mutex_);
  return now_;
}

Result<std::shared_ptr<const Serving>> ServingFollower::get() {
  const std::string stamp = release::stamp(home_);
  {
    const std::lock_guard guard(mutex_);
    if (now_ && stamp == stamp_) return now_;
  }
  const std::lock_guard loading(load_mutex_);
  const std::shared_ptr<const Serving> before = last();
  {
    const std::lock_guard guard(mutex_);
    if (now_ && stamp == stamp_) return now_;  // another thread took it up meanwhile
  }
  auto next = std::make_shared<Serving>();
  auto settings = release::in_force(home_);
  if (!settings) return fail(ErrorCode::kIo, settings.error().message);
  next->settings = std::move(*settings);
  next->name = release::audit_name(next->settings, SILLOK_VERSION);
  if (!model_.empty()) {
    next->settings.writer.model = model_;
    next->settings.writer.adapter.clear();
    next->settings.writer.remote.clear();
  }
  if (before && same_models(before->settings.writer, next->settings.writer)) {
    next->models = before->models;
  } else {
    auto models = Models::open(home_, next->settings.writer);
    if (!models) return fail(ErrorCode::kIo, models.error().message);
    next->models = std::move(*models);
  }
  searcher_.use_file(next->settings.id.empty() ? std::nullopt : std::optional(next->settings.retriever));
  const std::lock_guard guard(mutex_);
  if (now_ && now_->models != next->models) former_.push_back(now_);
  now_ = next;
  stamp_ = stamp;
  return now_;
}

void ServingFollower::tidy() {
  std::vector<std::shared_ptr<const Serving>> gone;
  const std::lock_guard guard(mutex_);
  std::erase_if(former_, [&](const std::shared_ptr<const Serving>& each) {
    const bool unused = each.use_count() == 1 && each->models.use_count() == 1 && !each->models->in_use();
    if (unused) gone.push_back(each);
    return unused;
  });
}

}  // namespace sillok::server
