// Private to server: what the routes stand on: the home and everything opened from it, and who is allowed what.
#pragma once

#include <chrono>
#include <map>
#include <shared_mutex>
#include <thread>
#include <unordered_map>

#include "answer/answer.h"
#include "archive/archive.h"
#include "govern/govern.h"
#include "search/search.h"
#include "server/http.h"
#include "server/listener.h"
#include "server/metrics.h"
#include "server/pool.h"
#include "server/routes.h"
#include "server/server.h"
#include "server/serving.h"

namespace sillok::server {

inline constexpr Micros kDay = 86'400'000'000;

class Jobs;
class McpSessions;
struct SignIn;

// Tokens that fill at a steady rate, one bucket a person. Thread-safe.
class RateLimiter {
 public:
  explicit RateLimiter(uint32_t per_minute) : per_minute_(per_minute) {}
  bool take(const std::string& who);

 private:
  struct Bucket {
    double tokens = 0;
    std::chrono::steady_clock::time_point at;
  };
  uint32_t per_minute_;
  std::mutex mutex_;
  std::unordered_map<std::string, Bucket> buckets_;
};

// Streams that are open: what ends each of them when the server stops. Thread-safe.
class LiveStreams {
 public:
  // `end` is called at most once, when the server stops. Returns the number to forget it by.
  uint64_t add(std::function<void()> end);
  void forget(uint64_t id);
  void end_all();
  size_t count() const;

 private:
  mutable std::mutex mutex_;
  uint64_t next_ = 1;
  bool ended_ = false;
  std::map<uint64_t, std::function<void()>> ends_;
};

struct App {
  App(ServeOptions options, archive::Archive archive, search::Searcher searcher, govern::Registry registry, govern::Audit audit,
      govern::Settings settings);
  ~App();
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  ServeOptions options;
  archive::Archive archive;
  search::Searcher searcher;
  govern::Registry registry;
  govern::Audit audit;
  govern::Settings settings;
  ServingFollower serving;
  Metrics metrics;
  RateLimiter limiter;
  LiveStreams live;
  std::unique_ptr<Jobs> jobs;
  std::unique_ptr<McpSessions> mcp;
  std::unique_ptr<SignIn> sign_in;                         // by the organisation's own provider; sign_in.h
  Pool* slow = nullptr;                                    // for answers that are written
  std::function<ListenerCounts()> listener_counts;
  std::atomic<bool> stopping{false}, ready{false};
  Micros started = now_micros();
  fs::path gold;                                           // release::gold_file, as it was when the server started

  // Of what answers are made with now; taken up with the last request that was answered.
  std::shared_ptr<Models> models() const { return serving.last()->models; }
  answer::WriterSettings writer() const { return serving.last()->settings.writer; }
  std::string model_name() const;  // of what writes answers; "" = they are quotes
  // Brings the index up to date; whoever changed the archive calls it. Thread-safe.
  Status refresh();
  // An entry of the audit log; its number. An act that cannot be recorded must not happen, so the error counts.
  Result<uint64_t> record(const govern::Identity& who, std::string kind, std::string subject, std::string label, const Json& details);

 private:
  std::mutex refresh_mutex_;
};

// A thread that runs `each` every so often until it is destroyed: the first time at once, or after one `every`.
class Repeating {
 public:
  enum class First : uint8_t { kAtOnce, kLater };
  Repeating(std::chrono::milliseconds every, First first, std::function<void()> each);
  ~Repeating();
  Repeating(const Repeating&) = delete;
  Repeating& operator=(const Repeating&) = delete;

 private:
  void run(std::chrono::milliseconds every, bool due);
  std::function<void()> each_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::thread thread_;
};
// Drops the contents of audit entries whose retention is over, now and every day from now on. What was dropped is an entry of the
// log itself (`prune`); what could not be, one of kind `upkeep`. upkeep.cc
std::unique_ptr<Repeating> keep_retention(App& app);

// Who asks, in `request.identity`; or the refusal: 401, 403, 429. identity.cc
std::optional<Response> identify(App& app, Request& request, const Route& route);
Json person_json(const App& app, const govern::Person& person);
// The reply to who has signed in: who he is, and the cookie.
Response signed_in(App& app, const Request& request, const govern::SessionToken& session);
std::string session_cookie(std::string_view token, bool secure);
// 401 for a wrong name or password, 429 while locked out; recorded.
Response refused_sign_in(App& app, const Request& request, const std::string& name, const Error& error);
Json session_json(App& app, const govern::Person& person, const std::string& csrf, const std::string& expires);

}  // namespace sillok::server
