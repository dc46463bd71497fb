// Private to server: Model Context Protocol (2025-06-18 and before) over streamable HTTP.
#pragma once

#include "server/app.h"

namespace sillok::server {

// Sessions of assistants: an id in Mcp-Session-Id, bound to the person who opened it. Thread-safe.
class McpSessions {
 public:
  static constexpr size_t kMost = 10'000;
  static constexpr Micros kIdle = 3'600'000'000;  // an hour without a message ends a session

  explicit McpSessions(App& app) : app_(app) {}
  std::string open(const std::string& person);          // "" if there are too many
  bool touch(const std::string& id, const std::string& person);
  bool end(const std::string& id, const std::string& person);

 private:
  struct Session {
    std::string person;
    Micros last = 0;
  };
  App& app_;
  std::mutex mutex_;
  std::map<std::string, Session> sessions_;
};

}  // namespace sillok::server
