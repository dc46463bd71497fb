// Private to server: what has to be done once a day.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "server/app.h"

namespace sillok::server {

// Drops the contents of audit entries whose retention is over: when the server has started and every day from then on. What
// was dropped is an entry of the log itself (`prune`); what could not be, one of kind `upkeep`. Ends when destroyed.
class Upkeep {
 public:
  explicit Upkeep(App& app);
  ~Upkeep();
  Upkeep(const Upkeep&) = delete;
  Upkeep& operator=(const Upkeep&) = delete;

 private:
  void run();
  App& app_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace sillok::server
