// Private to server: signing in by the organisation's own provider.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "provider/provider.h"
#include "server/http.h"

namespace sillok::server {

struct App;

// Browsers that were sent to the provider and are not back yet. Thread-safe.
class PendingSignIns {
 public:
  struct Pending {
    std::string state, nonce, verifier;
  };
  // Kept under the cookie's value; the oldest make room.
  void add(const std::string& cookie, Pending pending);
  // Once: whoever comes back a second time starts again.
  std::optional<Pending> take(const std::string& cookie);

 private:
  using Clock = std::chrono::steady_clock;
  struct Kept {
    Pending pending;
    Clock::time_point at;
    uint64_t number = 0;
  };
  void forget_old();
  std::mutex mutex_;
  uint64_t next_ = 0;
  std::map<std::string, Kept> by_cookie_;
  std::map<uint64_t, std::string> in_order_;
};

struct SignIn {
  provider::Settings settings;
  std::unique_ptr<provider::Provider> provider;  // null if none is configured
  PendingSignIns pending;
};

// Name and password by the directory, which takes seconds at worst: on a thread for long tasks.
Response ldap_sign_in(App& app, const Request& request, const std::string& name, const std::string& password);

}  // namespace sillok::server
