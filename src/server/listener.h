// Private to server: sockets, TLS and HTTP/1.1. Everything of Asio and Beast is behind this header, in listener.cc.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "server/http.h"
#include "server/pool.h"

namespace sillok::server {

// A client that sends nothing keeps a connection, never a thread. All of these end in a reply that says why.
struct HttpLimits {
  size_t header_bytes = 16 << 10;                 // request line and headers; 414 or 431 above
  std::chrono::milliseconds idle{75'000};         // between two requests
  std::chrono::milliseconds header{10'000};       // from a request's first byte to the end of its headers; 408
  std::chrono::milliseconds body_pause{30'000};   // without a byte of the body; 408
  size_t body_bytes_per_s = 1024;                 // slower on the whole, after body_pause, is 408 too
  std::chrono::milliseconds write{30'000};        // without a byte taken by the client
  std::chrono::milliseconds heartbeat{15'000};    // a comment on a silent event stream, so that proxies leave it open
  std::chrono::milliseconds drain{20'000};        // at the end: requests and streams that run
  size_t connections = 4096;
};

struct ListenerOptions {
  std::string address = "127.0.0.1";
  uint16_t port = 8400;                           // 0: any free one
  fs::path certificate, key;                      // PEM; both or neither
  size_t threads = 2;
  HttpLimits limits;
};

// What becomes of a request's body.
struct BodyPlan {
  uint64_t limit = 0;                             // bytes; 413 above
  std::shared_ptr<BodySink> sink;                 // null: Request::body
};

// The application, called on the quick pool's threads.
class Service {
 public:
  virtual ~Service() = default;
  // Before a body is read: finds the route and who asks. A refusal goes to Request::refusal.
  virtual BodyPlan plan(Request& request) = 0;
  virtual Response handle(Request& request) = 0;
  // Refusals that are decided before there is a request to route.
  virtual Response refuse(int status, std::string_view path, std::string_view message) = 0;
  // Runs Response::later. Catches what it throws.
  virtual Response run_later(const Request& request, const std::function<Response()>& later) = 0;
  virtual void answered(const Request& request, int status, std::chrono::steady_clock::duration took) = 0;
};

struct ListenerCounts {
  size_t connections = 0, streams = 0;
};

class Listener {
 public:
  // Binds and listens; nothing is served before run(). kConflict if the address is in use, kInvalid for a certificate
  // that cannot be used. All arguments must outlive it.
  static Result<std::unique_ptr<Listener>> open(const ListenerOptions& options, Service& service, Pool& quick, Pool& slow);
  virtual ~Listener() = default;
  virtual uint16_t port() const = 0;
  // Serves until stop(), then until all is done or the drain limit is over.
  virtual void run() = 0;
  // Thread-safe. No new connections; idle ones close, the others after their reply.
  virtual void stop() = 0;
  virtual ListenerCounts counts() const = 0;
  // Calls `call` in a listener's thread on SIGTERM and SIGINT.
  virtual void on_signal(std::function<void()> call) = 0;
  // The same on SIGHUP.
  virtual void on_hangup(std::function<void()> call) = 0;
  // Reads certificate and key again: new connections get them. With an error the old ones stay. Thread-safe.
  virtual Status renew_certificate() = 0;
};

}  // namespace sillok::server
