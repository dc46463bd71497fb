// HTTP/1.1 over Asio coroutines, parsed by Beast. One coroutine a connection, in a strand of its own:
// read the head -> plan (a worker) -> read the body -> handle (a worker) -> write, or pass on a stream.
#include "server/listener.h"

#include <sys/socket.h>

#include <array>
#include <utility>  // Boost 1.74's awaitable.hpp uses std::exchange without it

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <unordered_map>

namespace sillok::server {
namespace {

namespace net = boost::asio;
namespace http = boost::beast::http;
using tcp = net::ip::tcp;
using net::awaitable;
using net::use_awaitable;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr size_t kReadBytes = 64 << 10;
constexpr size_t kWriteBytes = 256 << 10;       // written at a time, each within HttpLimits::write
constexpr size_t kSinkBytes = 256 << 10;        // of an upload, handed to a worker at a time
constexpr size_t kLingerBytes = 4 << 20;        // of a refused body read and thrown away, so that the reply is seen
constexpr milliseconds kLinger{2'000};
constexpr milliseconds kHandshake{10'000};

auto redirect(error_code& error) { return net::redirect_error(use_awaitable, error); }

// What every kind of connection has; all of it is touched in its strand only.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  explicit Connection(const net::any_io_executor& strand) : executor_(strand), timer_(strand), signal_(strand) {}
  virtual ~Connection() = default;
  virtual tcp::socket& socket() = 0;

  // What waits on the socket is cancelled then, again and again until the deadline is changed: a composed operation
  // may be between two of its parts the first time.
  void deadline(milliseconds time) {
    expired_ = false;
    arm(time, ++generation_);
  }
  void no_deadline() {
    ++generation_;
    timer_.cancel();
  }
  bool expired() const { return expired_; }

  // Notices the client's going while a worker is busy for it.
  void watch(std::shared_ptr<std::atomic<bool>> gone) {
    socket().async_wait(tcp::socket::wait_read, [self = shared_from_this(), gone](const error_code& error) {
      if (error) return;
      char byte = 0;
      const ssize_t n = ::recv(self->socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
      if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR))) return;  // the next request, already
      gone->store(true);
      if (self->stream_) self->stream_->leave();
      self->signal_.cancel();
    });
  }
  void unwatch() {
    error_code ignored;
    socket().cancel(ignored);
  }

  net::any_io_executor executor_;
  net::steady_timer timer_, signal_;
  std::shared_ptr<Stream> stream_;  // being sent; shared with who writes it
  bool idle_ = true;

 private:
  void arm(milliseconds time, uint64_t generation) {
    timer_.expires_after(time);
    timer_.async_wait([weak = weak_from_this(), generation](const error_code& error) {
      const auto self = weak.lock();
      if (error || !self || generation != self->generation_) return;
      self->expired_ = true;
      error_code ignored;
      self->socket().cancel(ignored);
      self->arm(milliseconds(200), generation);
    });
  }
  uint64_t generation_ = 0;
  bool expired_ = false;
};

class PlainConnection final : public Connection {
 public:
  explicit PlainConnection(tcp::socket socket) : Connection(socket.get_executor()), stream(std::move(socket)) {}
  tcp::socket& socket() override { return stream; }
  tcp::socket stream;
};

class TlsConnection final : public Connection {
 public:
  // Shared: a certificate that is renewed is for those who come after; who is there keeps the old one.
  TlsConnection(tcp::socket socket, std::shared_ptr<net::ssl::context> context)
      : Connection(socket.get_executor()), context_(std::move(context)), stream(std::move(socket), *context_) {}
  tcp::socket& socket() override { return stream.next_layer(); }

 private:
  std::shared_ptr<net::ssl::context> context_;

 public:
  net::ssl::stream<tcp::socket> stream;
};

// Runs `work` on the pool and comes back to the coroutine's own executor; false if the pool had no room. By reference to
// a variable of the caller: g++ 12 destroys temporaries with captures in a co_await expression twice.
awaitable<bool> on_pool(Pool& pool, std::function<void()>& work) {
  auto initiate = [&pool, &work](auto handler) {
    auto kept = std::make_shared<decltype(handler)>(std::move(handler));  // shared: std::function must be copyable
    auto executor = net::get_associated_executor(*kept);
    const auto finish = [kept, executor](bool done) {
      net::post(executor, [kept, done] { std::move (*kept)(done); });
    };
    const bool taken = pool.submit([task = std::move(work), finish] {
      task();
      finish(true);
    });
    if (!taken) finish(false);
  };
  const bool done = co_await net::async_initiate<const net::use_awaitable_t<>, void(bool)>(std::move(initiate), use_awaitable);
  co_return done;
}

using Parser = http::request_parser<http::buffer_body>;

class AsioListener final : public Listener {
 public:
  AsioListener(const ListenerOptions& options, Service& service, Pool& quick, Pool& slow)
      : options_(options), limits_(options_.limits), service_(service), quick_(quick), slow_(slow),
        context_(static_cast<int>(options.threads)), acceptor_(net::make_strand(context_)), drain_(context_), signals_(context_), hangup_(context_) {}

  Status bind();
  uint16_t port() const override { return acceptor_.local_endpoint().port(); }
  void run() override;
  void stop() override {
    net::post(acceptor_.get_executor(), [this] { begin_stop(); });
  }
  ListenerCounts counts() const override { return {connections_count_.load(), streams_.load()}; }
  void on_signal(std::function<void()> call) override {
    signals_.add(SIGTERM);
    signals_.add(SIGINT);
    wait_signal(signals_, std::move(call));
  }
  void on_hangup(std::function<void()> call) override {
    hangup_.add(SIGHUP);
    wait_signal(hangup_, std::move(call));
  }
  Status renew_certificate() override {
    if (options_.certificate.empty()) return {};
    SILLOK_ASSIGN(auto context, load_certificate());
    const std::lock_guard guard(mutex_);
    tls_ = std::move(context);
    return {};
  }

 private:
  void wait_signal(net::signal_set& signals, std::function<void()> call) {
    signals.async_wait([this, &signals, call](const error_code& error, int) {
      if (error) return;
      call();
      wait_signal(signals, call);
    });
  }
  Result<std::shared_ptr<net::ssl::context>> load_certificate() const;  // null without TLS
  awaitable<void> accept();
  awaitable<void> serve_plain(std::shared_ptr<PlainConnection> connection);
  awaitable<void> serve_tls(std::shared_ptr<TlsConnection> connection);
  awaitable<bool> begins_a_handshake(TlsConnection& connection);
  template <typename S> awaitable<void> serve(S& stream, Connection& c, bool secure);
  template <typename S> awaitable<bool> serve_one(S& stream, Connection& c, boost::beast::flat_buffer& buffer, bool secure);
  template <typename S> awaitable<int> read_body(S& stream, Connection& c, boost::beast::flat_buffer& buffer, Parser& parser, Request& request, const BodyPlan& plan);
  template <typename S> awaitable<bool> write(S& stream, Connection& c, std::string_view bytes);
  template <typename S> awaitable<bool> reply(S& stream, Connection& c, const Request& request, Response& response, bool keep_alive);
  template <typename S> awaitable<bool> pass_on(S& stream, Connection& c, const Request& request, Response& response);
  template <typename S> awaitable<void> linger(S& stream, Connection& c);
  void begin_stop();
  void track(const std::shared_ptr<Connection>& connection);
  void forget(Connection* connection);

  ListenerOptions options_;
  HttpLimits limits_;
  Service& service_;
  Pool& quick_;
  Pool& slow_;
  net::io_context context_;
  tcp::acceptor acceptor_;
  net::steady_timer drain_;
  net::signal_set signals_, hangup_;
  std::atomic<bool> stopping_{false};
  std::atomic<size_t> connections_count_{0}, streams_{0};
  std::mutex mutex_;  // guards what follows
  std::shared_ptr<net::ssl::context> tls_;
  std::unordered_map<Connection*, std::weak_ptr<Connection>> connections_;
};

Result<std::shared_ptr<net::ssl::context>> AsioListener::load_certificate() const {
  if (options_.certificate.empty() != options_.key.empty()) {
    return fail(ErrorCode::kInvalid, "TLS needs both a certificate and its key (--tls-cert and --tls-key)");
  }
  if (options_.certificate.empty()) return nullptr;
  auto context = std::make_shared<net::ssl::context>(net::ssl::context::tlsv13_server);
  error_code error;
  context->use_certificate_chain_file(options_.certificate.string(), error);
  if (error) return fail(ErrorCode::kInvalid, options_.certificate.string() + ": no certificate can be read from it: " + error.message());
  context->use_private_key_file(options_.key.string(), net::ssl::context::pem, error);
  if (error) return fail(ErrorCode::kInvalid, options_.key.string() + ": no private key that fits the certificate: " + error.message());
  return context;
}

Status AsioListener::bind() {
  SILLOK_ASSIGN(tls_, load_certificate());
  error_code error;
  const auto address = net::ip::make_address(options_.address, error);
  if (error) return fail(ErrorCode::kInvalid, "--listen: '" + options_.address + "' is no IP address; write 127.0.0.1:8400 or [::1]:8400");
  const tcp::endpoint endpoint(address, options_.port);
  const std::string where = "cannot listen on " + options_.address + ":" + std::to_string(options_.port) + ": ";
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(net::socket_base::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(1024, error);
  if (error) return fail(error == net::error::address_in_use ? ErrorCode::kConflict : ErrorCode::kIo, where + error.message());
  return {};
}

void AsioListener::run() {
  net::co_spawn(acceptor_.get_executor(), accept(), net::detached);
  std::vector<std::thread> threads;
  for (size_t i = 1; i < options_.threads; ++i) threads.emplace_back([this] { context_.run(); });
  context_.run();
  for (std::thread& thread : threads) thread.join();
}

void AsioListener::track(const std::shared_ptr<Connection>& connection) {
  const std::lock_guard guard(mutex_);
  connections_.emplace(connection.get(), connection);
  connections_count_ = connections_.size();
}

void AsioListener::forget(Connection* connection) {
  bool last = false;
  {
    const std::lock_guard guard(mutex_);
    connections_.erase(connection);
    connections_count_ = connections_.size();
    last = stopping_ && connections_.empty();
  }
  if (last) net::post(context_, [this] { drain_.cancel(); });
}

void AsioListener::begin_stop() {
  if (stopping_.exchange(true)) return;
  error_code ignored;
  acceptor_.close(ignored);
  bool none = false;
  {
    const std::lock_guard guard(mutex_);
    none = connections_.empty();
    for (const auto& [pointer, weak] : connections_) {
      if (const auto connection = weak.lock()) {
        net::post(connection->executor_, [connection] {
          error_code none_matters;
          if (connection->idle_) connection->socket().cancel(none_matters);
        });
      }
    }
  }
  drain_.expires_after(none ? milliseconds(0) : limits_.drain);
  drain_.async_wait([this](const error_code&) { context_.stop(); });
}

awaitable<void> AsioListener::accept() {
  for (;;) {
    error_code error;
    tcp::socket socket(net::make_strand(context_));
    co_await acceptor_.async_accept(socket, redirect(error));
    if (stopping_) co_return;
    if (error) {
      // Out of descriptors, most likely: others will be closed soon.
      net::steady_timer pause(acceptor_.get_executor(), milliseconds(50));
      co_await pause.async_wait(redirect(error));
      continue;
    }
    if (connections_count_ >= limits_.connections) continue;  // closes it
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    const auto executor = socket.get_executor();
    std::shared_ptr<net::ssl::context> tls;
    {
      const std::lock_guard guard(mutex_);
      tls = tls_;
    }
    if (tls) {
      auto connection = std::make_shared<TlsConnection>(std::move(socket), std::move(tls));
      track(connection);
      net::co_spawn(executor, serve_tls(std::move(connection)), net::detached);
    } else {
      auto connection = std::make_shared<PlainConnection>(std::move(socket));
      track(connection);
      net::co_spawn(executor, serve_plain(std::move(connection)), net::detached);
    }
  }
}

awaitable<void> AsioListener::serve_plain(std::shared_ptr<PlainConnection> connection) {
  co_await serve(connection->stream, *connection, false);
  error_code ignored;
  connection->socket().shutdown(tcp::socket::shutdown_both, ignored);
  connection->socket().close(ignored);
  connection->no_deadline();
  forget(connection.get());
}

// Whoever speaks plain HTTP to this port has forgotten the s: a handshake's error says that to nobody.
awaitable<bool> AsioListener::begins_a_handshake(TlsConnection& connection) {
  constexpr uint8_t kHandshakeRecord = 22;  // RFC 8446, section 5.1
  error_code error;
  co_await connection.socket().async_wait(tcp::socket::wait_read, redirect(error));
  uint8_t first = 0;
  if (error || ::recv(connection.socket().native_handle(), &first, 1, MSG_PEEK | MSG_DONTWAIT) != 1) co_return false;
  if (first == kHandshakeRecord) co_return true;
  std::array<char, 4096> said;
  co_await connection.socket().async_read_some(net::buffer(said), redirect(error));
  static constexpr std::string_view kAnswer =
      "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 50\r\nConnection: close\r\n\r\n"
      "This port speaks TLS: the address begins https://\n";
  co_await net::async_write(connection.socket(), net::buffer(kAnswer), redirect(error));
  co_return false;
}

awaitable<void> AsioListener::serve_tls(std::shared_ptr<TlsConnection> connection) {
  error_code error;
  connection->deadline(kHandshake);
  const bool handshake = co_await begins_a_handshake(*connection);
  if (handshake) co_await connection->stream.async_handshake(net::ssl::stream_base::server, redirect(error));
  if (handshake && !error) {
    co_await serve(connection->stream, *connection, true);
    connection->deadline(kLinger);
    co_await connection->stream.async_shutdown(redirect(error));
  }
  connection->no_deadline();
  connection->socket().close(error);
  forget(connection.get());
}

template <typename S>
awaitable<void> AsioListener::serve(S& stream, Connection& c, bool secure) {
  boost::beast::flat_buffer buffer(limits_.header_bytes + kReadBytes);
  for (bool more = true; more && !stopping_;) {
    c.idle_ = true;
    if (buffer.size() == 0) {
      error_code error;
      c.deadline(limits_.idle);
      const auto room = buffer.prepare(1024);
      const size_t n = co_await stream.async_read_some(room, redirect(error));
      if (error) co_return;
      buffer.commit(n);
    }
    c.idle_ = false;
    more = co_await serve_one(stream, c, buffer, secure);
  }
}

// What the parser's complaint means, by its status.
int head_status(const error_code& error, const boost::beast::flat_buffer& buffer, const Parser& parser) {
  const std::string_view seen(static_cast<const char*>(buffer.data().data()), buffer.size());
  const size_t line = seen.find('\n');
  if (error == http::error::header_limit || error == http::error::buffer_overflow) return parser.get().target().empty() ? 414 : 431;  // the parser takes the first line as soon as it is whole
  if (error == http::error::bad_version) {
    const std::string_view first = trim(seen.substr(0, line));
    const bool http = first.size() > 8 && first.substr(first.size() - 8, 5) == "HTTP/";
    return http ? 505 : 400;
  }
  return 400;
}

std::string_view head_message(int status) {
  switch (status) {
    case 408: return "the request did not arrive in time";
    case 414: return "the address is too long; send what is long in the body";
    case 431: return "the headers are too large";
    case 505: return "only HTTP/1.0 and HTTP/1.1 are spoken here";
    default: return "this is no HTTP request";
  }
}

// The parser's fields in our own form. kInvalid for what makes no sense however well-formed.
Status take_head(const Parser& parser, Request& request) {
  const auto& head = parser.get();
  request.method = std::string(head.method_string());
  request.target = std::string(head.target());
  size_t hosts = 0;
  for (const auto& field : head) {
    std::string name = ascii_lower(std::string_view(field.name_string().data(), field.name_string().size()));
    std::string value(field.value());
    if (!is_valid_utf8(value)) value = clean_utf8(value);
    hosts += name == "host";
    request.headers.emplace_back(std::move(name), std::move(value));
  }
  if (hosts > 1 || (hosts == 0 && head.version() >= 11)) return fail(ErrorCode::kInvalid, "the request needs one Host header");
  if (const auto length = parser.content_length()) request.content_length = *length;
  return parse_target(request);
}

template <typename S>
awaitable<bool> AsioListener::serve_one(S& stream, Connection& c, boost::beast::flat_buffer& buffer, bool secure) {
  const auto began = Clock::now();
  auto request = std::make_shared<Request>();  // shared with the worker, which may outlive an interrupted wait
  auto response = std::make_shared<Response>();
  error_code error;
  Parser parser;
  parser.header_limit(static_cast<uint32_t>(limits_.header_bytes));
  parser.body_limit(std::numeric_limits<uint64_t>::max());  // counted in read_body, by route
  c.deadline(limits_.header);
  co_await http::async_read_header(stream, buffer, parser, redirect(error));
  request->secure = secure;
  error_code ignored;
  const auto peer = c.socket().remote_endpoint(ignored);
  if (!ignored) request->peer = peer.address().to_string();
  if (error) {
    const bool http_error = error.category() == make_error_code(http::error::bad_method).category() && error != http::error::end_of_stream &&
                            error != http::error::partial_message;
    if (!http_error && !c.expired()) co_return false;
    const int status = c.expired() ? 408 : head_status(error, buffer, parser);
    *response = service_.refuse(status, {}, head_message(status));
    service_.answered(*request, status, Clock::now() - began);
    co_await reply(stream, c, *request, *response, false);
    co_await linger(stream, c);
    co_return false;
  }
  bool keep_alive = parser.get().keep_alive();
  const bool has_body = !parser.is_done();
  if (const Status head = take_head(parser, *request); !head) {
    *response = service_.refuse(400, request->path, head.error().message);
    response->close = true;
  } else if (const std::string_view expect = request->header("expect"); !expect.empty() && ascii_lower(expect) != "100-continue") {
    *response = service_.refuse(417, request->path, "only Expect: 100-continue is understood");
  } else {
    response->status = 0;
  }
  bool body_read = !has_body;
  bool done = true;
  c.no_deadline();
  if (response->status == 0 && has_body) {
    auto plan = std::make_shared<BodyPlan>();
    std::function<void()> planning = [this, request, plan] { *plan = service_.plan(*request); };
    done = co_await on_pool(quick_, planning);
    if (done && request->refusal) {
      *response = std::move(*request->refusal);
      request->refusal.reset();
    } else if (done) {
      request->sink = plan->sink;
      int status = request->content_length && *request->content_length > plan->limit ? 413 : 0;
      if (status == 0 && !request->header("expect").empty()) {
        const std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
      const bool sent = co_await write(stream, c, go_on);
        if (!sent) co_return false;
      }
      if (status == 0) status = co_await read_body(stream, c, buffer, parser, *request, *plan);
      if (status < 0) co_return false;
      body_read = status == 0;
      if (request->refusal && status > 0) {
        *response = std::move(*request->refusal);
        request->refusal.reset();
      } else if (status == 413) *response = service_.refuse(413, request->path, "the body is larger than " + std::to_string(plan->limit) + " bytes");
      else if (status == 408) *response = service_.refuse(408, request->path, "the body did not arrive in time");
      else if (status == 400) *response = service_.refuse(400, request->path, "the body is cut or its framing is wrong");
      else if (status == 507) *response = service_.refuse(507, request->path, "there is no room to keep the upload");
    }
  }
  if (response->status == 0 && done) {
    c.watch(request->gone);
    std::function<void()> handling = [this, request, response] { *response = service_.handle(*request); };
    done = co_await on_pool(quick_, handling);
    if (done && response->later) {
      std::function<void()> rest = [this, request, response] {
        const auto later = std::move(response->later);
        response->later = nullptr;
        *response = service_.run_later(*request, later);
      };
      done = co_await on_pool(slow_, rest);
    }
    c.unwatch();
  }
  if (!done) *response = service_.refuse(503, request->path, "too much is waiting to be done; try again in a moment");
  if (!body_read || response->close || stopping_) keep_alive = false;
  service_.answered(*request, response->status, Clock::now() - began);
  bool sent = false;  // g++ 12 miscompiles co_await inside a conditional expression
  if (response->stream) {
    sent = co_await pass_on(stream, c, *request, *response);
  } else {
    sent = co_await reply(stream, c, *request, *response, keep_alive);
  }
  if (!sent) co_return false;
  if (!body_read) co_await linger(stream, c);
  co_return keep_alive;
}

// 0 when all of it is there; a status to refuse with; -1 if the client went.
template <typename S>
awaitable<int> AsioListener::read_body(S& stream, Connection& c, boost::beast::flat_buffer& buffer, Parser& parser,
                                       Request& request, const BodyPlan& plan) {
  const auto began = Clock::now();
  std::vector<char> chunk(kReadBytes);
  uint64_t received = 0;
  std::string held;  // of an upload, until a worker takes it
  const auto sink = request.sink;
  while (!parser.is_done()) {
    const milliseconds spent = std::chrono::duration_cast<milliseconds>(Clock::now() - began);
    const milliseconds allowed = limits_.body_pause + milliseconds(1000 * received / limits_.body_bytes_per_s);
    if (spent >= allowed) co_return 408;
    c.deadline(std::min(limits_.body_pause, allowed - spent));
    parser.get().body().data = chunk.data();
    parser.get().body().size = chunk.size();
    error_code error;
    co_await http::async_read_some(stream, buffer, parser, redirect(error));
    if (error == http::error::need_buffer) error = {};
    const size_t n = chunk.size() - parser.get().body().size;
    if (error) {
      if (c.expired()) co_return 408;
      const bool framing = error.category() == make_error_code(http::error::bad_chunk).category();
      co_return framing && error != http::error::end_of_stream && error != http::error::partial_message ? 400 : -1;
    }
    received += n;
    if (received > plan.limit) co_return 413;
    (sink ? held : request.body).append(chunk.data(), n);
    if (sink && (held.size() >= kSinkBytes || (parser.is_done() && !held.empty()))) {
      c.no_deadline();
      auto piece = std::make_shared<std::string>(std::move(held));
      auto written = std::make_shared<Status>();
      held = {};
      std::function<void()> keeping = [sink, piece, written] { *written = sink->write(*piece); };
      const bool done = co_await on_pool(quick_, keeping);
      if (!done) co_return 507;
      if (!*written) {
        // What is wrong with the form the route says, not the disk.
        if (written->error().code == ErrorCode::kIo) co_return 507;
        request.refusal = service_.refuse(status_of(written->error().code), request.path, written->error().message);
        co_return written->error().code == ErrorCode::kLimit ? 413 : 400;
      }
    }
  }
  c.no_deadline();
  co_return 0;
}

template <typename S>
awaitable<bool> AsioListener::write(S& stream, Connection& c, std::string_view bytes) {
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, kWriteBytes);
    error_code error;
    c.deadline(limits_.write);
    const net::const_buffer part(piece.data(), piece.size());
    co_await net::async_write(stream, part, redirect(error));
    if (error) co_return false;
    bytes.remove_prefix(piece.size());
  }
  c.no_deadline();
  co_return true;
}

template <typename S>
awaitable<bool> AsioListener::reply(S& stream, Connection& c, const Request& request, Response& response, bool keep_alive) {
  const std::string_view body = response.body.empty() ? response.fixed : std::string_view(response.body);
  std::string out = response_head(response, body.size(), keep_alive, request.secure);
  const bool bodiless = request.method == "HEAD" || response.status == 204 || response.status == 304;
  constexpr size_t kTogether = 64 << 10;  // small replies leave in one packet or record
  if (!bodiless && body.size() <= kTogether) out += body;
  const bool head = co_await write(stream, c, out);
  if (!head) co_return false;
  if (bodiless || body.size() <= kTogether) co_return true;
  const bool all = co_await write(stream, c, body);
  co_return all;
}

// Sends what the stream gives until it ends; the connection ends with it.
template <typename S>
awaitable<bool> AsioListener::pass_on(S& stream, Connection& c, const Request& request, Response& response) {
  c.stream_ = response.stream;
  ++streams_;
  const std::string out = response_head(response, std::nullopt, false, request.secure);
  c.stream_->on_wake([weak = c.weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    net::post(self->executor_, [weak] {
      if (const auto connection = weak.lock()) connection->signal_.cancel();
    });
  });
  bool sent = co_await write(stream, c, out);
  if (sent) c.watch(request.gone);
  const auto chunk = [](std::string_view bytes) {
    char size[20];
    std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
    std::string framed(size);
    framed += bytes;
    framed += "\r\n";
    return framed;
  };
  while (sent) {
    Stream::Taken taken = c.stream_->take();
    if (!taken.bytes.empty()) {
      // Not through deadline's cancel of the watch: writing alone is limited.
      const std::string framed = chunk(taken.bytes);
      sent = co_await write(stream, c, framed);
    }
    if (taken.closed || !sent) break;
    if (!taken.bytes.empty()) continue;
    error_code error;
    c.signal_.expires_after(limits_.heartbeat);
    co_await c.signal_.async_wait(redirect(error));
    if (!error) {
      const std::string framed = chunk(": \n\n");  // a comment, which clients skip
      sent = co_await write(stream, c, framed);
    }
  }
  const bool whole = sent && !c.stream_->gone();
  c.stream_->leave();
  c.stream_.reset();
  c.unwatch();
  --streams_;
  const std::string_view end = "0\r\n\r\n";
  if (whole) co_await write(stream, c, end);
  co_return false;
}

// Closing while the client still sends would throw away our reply: its bytes are read and dropped for a while.
template <typename S>
awaitable<void> AsioListener::linger(S& stream, Connection& c) {
  error_code error;
  if constexpr (std::is_same_v<S, tcp::socket>) stream.shutdown(tcp::socket::shutdown_send, error);
  c.deadline(kLinger);
  std::vector<char> scrap(kReadBytes);
  for (size_t dropped = 0; dropped < kLingerBytes && !c.expired();) {
    const net::mutable_buffer room = net::buffer(scrap);
    const size_t n = co_await stream.async_read_some(room, redirect(error));
    if (error) co_return;
    dropped += n;
  }
}

}  // namespace

Result<std::unique_ptr<Listener>> Listener::open(const ListenerOptions& options, Service& service, Pool& quick, Pool& slow) {
  try {
    auto listener = std::make_unique<AsioListener>(options, service, quick, slow);
    SILLOK_TRY(listener->bind());
    return listener;
  } catch (const std::exception& error) {
    return fail(ErrorCode::kIo, std::string("cannot listen: ") + error.what());
  }
}

}  // namespace sillok::server
