// Private to server: what answers are made with now: the release in force, or the home's own settings.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "release/release.h"
#include "search/search.h"
#include "server/models.h"

namespace sillok::server {

// What one request is answered with from its beginning to its end.
struct Serving {
  release::InForce settings;
  std::shared_ptr<Models> models;  // shared with the requests that are being answered by it
  std::string name;                // for audit entries: program and release
};

// Follows the release in force. Thread-safe.
class ServingFollower {
 public:
  // `model`: the operator's own, whatever a release says; "" = none.
  ServingFollower(fs::path home, search::Searcher& searcher, std::string model) : home_(std::move(home)), searcher_(searcher), model_(std::move(model)) {}
  // As it is now: another release's settings, models and retriever are taken up before this returns. kIo where the release in
  // force does not hold or its model cannot be loaded: answers made with anything else would not be what was proved.
  Result<std::shared_ptr<const Serving>> get();
  // The last that get() gave; never null after a first get() that succeeded.
  std::shared_ptr<const Serving> last() const;
  // Frees models that no request uses any more. Not called by an engine's own thread, which cannot end itself.
  void tidy();

 private:
  fs::path home_;
  search::Searcher& searcher_;
  std::string model_, stamp_;
  std::mutex load_mutex_;           // one loads, the others wait
  mutable std::mutex mutex_;        // guards what follows
  std::shared_ptr<const Serving> now_;
  std::vector<std::shared_ptr<const Serving>> former_;
};

}  // namespace sillok::server
