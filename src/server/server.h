// server: `sillok serve`. HTTP for people's browsers (the console), for programs (the native API, OpenAI's and Jina's
// conventions) and for assistants (MCP), over one home.
//
// Contents: options | the server | its confinement, tried | the interface's own description
//
// Main path: Listener (a coroutine a connection) -> App::plan and App::handle on a worker -> who asks (govern::Registry),
// may he -> the route's function -> archive, searcher, answerer, each through Access -> reply or stream.
// docs/API.md is the contract.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/base.h"

namespace sillok::server {

struct ServeOptions {
  fs::path home;
  std::string address = "127.0.0.1";
  uint16_t port = 8400;               // 0: any free one
  fs::path certificate, key;          // PEM; both: TLS 1.3 alone is spoken
  std::string model;                  // instead of [answer] model in sillok.toml
  uint32_t requests_per_minute = 60'000;  // of one person, over all his keys and sessions; 429 above
  uint64_t upload_bytes = 4ull << 30;     // of one upload, all its files together
  bool confine = true;                // after start-up; false only for looking for mistakes
  std::function<void(const std::string& line)> say;  // what the operator should see; may be empty
};

class Server {
 public:
  // Opens the home, brings the index up to date, loads the model, listens, confines this process.
  static Result<std::unique_ptr<Server>> start(ServeOptions options);
  virtual ~Server() = default;
  virtual uint16_t port() const = 0;
  // Serves until SIGTERM, SIGINT or stop(); then ends streams with an error event, finishes what runs, at most 20 s.
  virtual void run() = 0;
  virtual void stop() = 0;            // thread-safe
};

// "127.0.0.1:8400", "[::1]:8400", ":8400" (127.0.0.1), "8400".
Status parse_listen(std::string_view text, ServeOptions& options);

// What a confined process could do, tried in a child of this one: for `sillok doctor` and the tests.
struct Confinement {
  bool no_sockets = false;       // socket(AF_INET) and (AF_INET6) are refused
  bool no_packets = false;       // AF_PACKET, AF_NETLINK and io_uring too
  bool accepts = false;          // a socket that listened before still accepts
  bool no_writes = false;        // a file in /, /etc or /var/lib cannot be made
  bool writes_home = false;      // one in it can
  bool landlock = false;         // the kernel knows it
};
Result<Confinement> try_confinement(const fs::path& home);

// The OpenAPI 3.1 document of /api/openapi.json.
std::string openapi_document();

}  // namespace sillok::server
