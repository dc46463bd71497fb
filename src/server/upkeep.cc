#include "server/upkeep.h"

namespace sillok::server {

constexpr auto kEvery = std::chrono::hours(24);

Upkeep::Upkeep(App& app) : app_(app), thread_([this] { run(); }) {}

Upkeep::~Upkeep() {
  {
    const std::lock_guard guard(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Upkeep::run() {
  std::unique_lock lock(mutex_);
  do {
    lock.unlock();
    if (const auto dropped = app_.audit.prune(app_.settings.retention); !dropped) {
      govern::Identity nobody;
      nobody.how = "retention";
      (void)app_.record(nobody, "upkeep", "audit", "", {{"ok", false}, {"reason", dropped.error().message}});
      if (app_.options.say) app_.options.say("Retention: " + dropped.error().message);
    }
    lock.lock();
  } while (!wake_.wait_for(lock, kEvery, [this] { return stop_; }));
}

}  // namespace sillok::server
