// From options to a running server, top to bottom; and what becomes of one request.
#include "server/app.h"

#include "server/assets.h"
#include "server/confine.h"
#include "server/jobs.h"
#include "server/mcp.h"
#include "server/models.h"
#include "server/sign_in.h"
#include "server/upload.h"

namespace sillok::server {
namespace {

constexpr auto kFollowEvery = std::chrono::milliseconds(300);  // a change by another process shows within a second
constexpr size_t kQuickWaiting = 4096, kSlowThreads = 16, kSlowWaiting = 512;

}  // namespace

bool RateLimiter::take(const std::string& who) {
  const auto now = std::chrono::steady_clock::now();
  const double per_s = static_cast<double>(per_minute_) / 60, burst = std::max(10.0, static_cast<double>(per_minute_) / 6);
  const std::lock_guard guard(mutex_);
  auto [it, fresh] = buckets_.try_emplace(who, Bucket{burst, now});
  Bucket& bucket = it->second;
  bucket.tokens = std::min(burst, bucket.tokens + per_s * std::chrono::duration<double>(now - bucket.at).count());
  bucket.at = now;
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

uint64_t LiveStreams::add(std::function<void()> end) {
  {
    const std::lock_guard guard(mutex_);
    if (!ended_) {
      ends_.emplace(next_, std::move(end));
      return next_++;
    }
  }
  end();
  return 0;
}

void LiveStreams::forget(uint64_t id) {
  const std::lock_guard guard(mutex_);
  ends_.erase(id);
}

void LiveStreams::end_all() {
  std::map<uint64_t, std::function<void()>> ends;
  {
    const std::lock_guard guard(mutex_);
    ended_ = true;
    ends.swap(ends_);
  }
  for (auto& [id, end] : ends) end();
}

size_t LiveStreams::count() const {
  const std::lock_guard guard(mutex_);
  return ends_.size();
}

App::App(ServeOptions the_options, archive::Archive the_archive, search::Searcher the_searcher, govern::Registry the_registry,
         govern::Audit the_audit, govern::Settings the_settings)
    : options(std::move(the_options)), archive(std::move(the_archive)), searcher(std::move(the_searcher)),
      registry(std::move(the_registry)), audit(std::move(the_audit)), settings(std::move(the_settings)),
      serving(archive.home(), searcher, options.model), limiter(options.requests_per_minute) {}

App::~App() = default;

// A release names its model by where it is kept.
std::string App::model_name() const {
  const answer::WriterSettings now = writer();
  return fs::path(now.model).is_absolute() ? fs::path(now.model).filename().string() : now.model;
}

Status App::refresh() {
  const std::lock_guard guard(refresh_mutex_);
  return searcher.refresh(archive);
}

Result<uint64_t> App::record(const govern::Identity& who, std::string kind, std::string subject, std::string label, const Json& details) {
  govern::Event event;
  event.kind = std::move(kind);
  event.person = who.person.name;
  event.how = who.how;
  event.label = label.empty() ? settings.lattice.text(settings.lattice.bottom()) : std::move(label);
  event.subject = std::move(subject);
  event.details = dump(details);
  return audit.append(event);
}

Repeating::Repeating(std::chrono::milliseconds every, First first, std::function<void()> each)
    : each_(std::move(each)), thread_([this, every, first] { run(every, first == First::kAtOnce); }) {}

Repeating::~Repeating() {
  {
    const std::lock_guard guard(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Repeating::run(std::chrono::milliseconds every, bool due) {
  std::unique_lock lock(mutex_);
  for (; due || !wake_.wait_for(lock, every, [this] { return stop_; }); due = false) {
    lock.unlock();
    each_();
    lock.lock();
  }
}

namespace {

// Follows changes that other processes make to the archive and to what answers are made with.
std::unique_ptr<Repeating> follow(App& app) {
  return std::make_unique<Repeating>(kFollowEvery, Repeating::First::kLater, [&app, seen = app.archive.last_change()]() mutable {
    const int64_t now = app.archive.last_change();
    app.serving.tidy();
    // What fails is tried again: the index follows a counter and misses nothing.
    if ((now != seen || app.searcher.retriever_replaced()) && app.refresh()) seen = now;
  });
}

}  // namespace

// ---------------------------------------------------------------------------------------------
// One request

namespace {

// Where no body is asked for, the "{}" that many clients send all the same is read and not looked at.
constexpr uint64_t kIgnoredBody = 1024;

class AppService final : public Service {
 public:
  explicit AppService(App& app) : app_(app) {}

  BodyPlan plan(Request& request) override {
    BodyPlan plan;
    request.refusal = guarded(request, [&]() -> std::optional<Response> {
      if (auto refusal = admit(request)) return refusal;
      const Route& route = *request.route;
      if (route.body == Body::kNone) {
        plan.limit = kIgnoredBody;
        if (request.content_length.value_or(0) > kIgnoredBody) return error_response(route.surface, 413, "too_large", "this address takes no body");
        return std::nullopt;
      }
      if (route.body == Body::kMultipart) {
        plan.limit = app_.options.upload_bytes;
        auto sink = make_upload_sink(app_, request);
        if (!sink) return error_response(route.surface, 415, "unsupported_media_type", sink.error().message);
        plan.sink = std::move(*sink);
        return std::nullopt;
      }
      plan.limit = kMaxJsonBody;
      std::string_view type = request.header("content-type");
      type = trim(type.substr(0, type.find(';')));
      if (ascii_lower(type) != "application/json") {
        return error_response(route.surface, 415, "unsupported_media_type", "the body must be sent as Content-Type: application/json");
      }
      return std::nullopt;
    });
    return plan;
  }

  Response handle(Request& request) override {
    auto refusal = guarded(request, [&]() -> std::optional<Response> {
      if (request.refusal) return std::move(request.refusal);
      if (request.route == nullptr) {  // no body was read: it was not planned
        if (auto asset = find_asset(request)) return asset;
        if (auto refused = admit(request)) return refused;
        if (request.route->body == Body::kMultipart) {
          return error_response(request.route->surface, 415, "unsupported_media_type", "files are sent as multipart/form-data");
        }
      }
      return request.route->call(app_, request);
    });
    return refusal ? std::move(*refusal) : error_response(Surface::kNative, 500, "internal", "no reply was made");
  }

  Response refuse(int status, std::string_view path, std::string_view message) override {
    const Surface surface = surface_of(path);
    return error_response(surface, status, code_of(status), message);
  }

  Response run_later(const Request& request, const std::function<Response()>& later) override {
    auto made = guarded(request, [&]() -> std::optional<Response> { return later(); });
    return std::move(*made);
  }

  void answered(const Request& request, int status, std::chrono::steady_clock::duration took) override {
    app_.metrics.answered(request.route != nullptr ? std::string(request.route->method) + " " + request.route->pattern : "other", status);
    app_.metrics.request.add(std::chrono::duration<double>(took).count());
  }

 private:
  std::optional<Response> admit(Request& request) {
    if (auto refusal = find_route(request)) return refusal;
    return identify(app_, request, *request.route);
  }

  // The one catch-all: a request may fail, the server goes on.
  template <typename Work>
  std::optional<Response> guarded(const Request& request, Work work) {
    const Surface surface = request.route != nullptr ? request.route->surface : surface_of(request.path);
    try {
      return work();
    } catch (const std::bad_alloc&) {
      return error_response(surface, 503, "unavailable", "there is not enough memory for this request");
    } catch (const std::exception& error) {
      if (app_.options.say) app_.options.say("a request failed: " + request.method + " " + shorten(request.path, 200) + ": " + error.what());
      return error_response(surface, 500, "internal", "the server failed on this request; its operator can see why");
    }
  }

  App& app_;
};

// The port of "https://llm.agency.example:8443/v1".
Result<std::optional<uint16_t>> port_of(const std::string& url) {
  const size_t scheme = url.find("://");
  const std::string rest = scheme == url.npos ? url : url.substr(scheme + 3);
  const std::string host = rest.substr(0, rest.find('/'));
  const size_t colon = host.rfind(':');
  if (colon == host.npos || host.ends_with(']')) return std::optional<uint16_t>(url.starts_with("https") ? 443 : 80);
  const std::string port = host.substr(colon + 1);
  if (port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != port.npos || std::stoul(port) > 65535) {
    return fail(ErrorCode::kInvalid, "sillok.toml: '" + url + "' has no port that can be read");
  }
  return std::optional<uint16_t>(static_cast<uint16_t>(std::stoul(port)));
}

class RunningServer final : public Server {
 public:
  RunningServer(std::unique_ptr<App> app, size_t quick_threads)
      : app_(std::move(app)), service_(*app_), quick_(quick_threads, kQuickWaiting), slow_(kSlowThreads, kSlowWaiting) {
    app_->slow = &slow_;
  }
  ~RunningServer() override {
    app_->stopping = true;
    app_->live.end_all();
    upkeep_.reset();
    follower_.reset();
    quick_.stop();
    slow_.stop();
    app_->jobs.reset();
  }

  Status listen() {
    ListenerOptions options;
    options.address = app_->options.address;
    options.port = app_->options.port;
    options.certificate = app_->options.certificate;
    options.key = app_->options.key;
    SILLOK_ASSIGN(listener_, Listener::open(options, service_, quick_, slow_));
    app_->listener_counts = [this] { return listener_->counts(); };
    return {};
  }
  Status begin() {
    // Before anybody is told that it serves: a signal that comes at once is not the death of it.
    listener_->on_signal([this] { stop(); });
    listener_->on_hangup([this] { renew_certificate(); });
    follower_ = follow(*app_);
    if (!app_->options.confine) return {};
    std::optional<uint16_t> peer;
    const answer::WriterSettings writer = app_->writer();
    if (!writer.model.empty() && !writer.remote.empty()) {
      SILLOK_ASSIGN(peer, port_of(writer.remote));
    }
    return confine_sockets(peer);
  }

  uint16_t port() const override { return listener_->port(); }
  void run() override {
    app_->ready = true;
    upkeep_ = keep_retention(*app_);
    listener_->run();
  }
  void stop() override {
    app_->stopping = true;
    app_->live.end_all();
    listener_->stop();
  }
  App& app() { return *app_; }

 private:
  void renew_certificate() {
    const Status renewed = listener_->renew_certificate();
    if (!app_->options.say) return;
    if (!renewed) app_->options.say("The certificate in use stays: " + renewed.error().message);
    else if (!app_->options.certificate.empty()) app_->options.say("The certificate was read again.");
  }

  std::unique_ptr<App> app_;
  AppService service_;
  Pool quick_, slow_;
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<Repeating> follower_;
  std::unique_ptr<Repeating> upkeep_;
};

void tell_start(App& app, uint16_t port, const Result<std::string>& first) {
  if (!app.options.say) return;
  const bool six = app.options.address.find(':') != std::string::npos;
  const std::string url = std::string(app.options.certificate.empty() ? "http://" : "https://") +
                          (six ? "[" + app.options.address + "]" : app.options.address) + ":" + std::to_string(port);
  app.options.say("Sillok " SILLOK_VERSION " serves " + app.archive.home().string() + " on " + url + ". SIGTERM or Ctrl-C stops it.");
  if (first && !first->empty()) app.options.say("There is no administrator yet. Make one, once, at " + url + "/#/first/" + *first);
  if (app.writer().model.empty()) app.options.say("No model is configured: answers are quotes. [answer] in sillok.toml names one.");
  if (!has_console()) app.options.say("This build has no console: it was built without npm. The APIs are there.");
}

}  // namespace

namespace {

// Before anything else is open and while there is one thread: the process that speaks to the identity provider is forked.
Result<std::unique_ptr<SignIn>> start_sign_in(const ServeOptions& options) {
  auto sign_in = std::make_unique<SignIn>();
  std::error_code error;
  const fs::path home = fs::absolute(options.home, error);
  if (!fs::exists(home / "sillok.toml", error)) return sign_in;  // opening the archive says what is wrong
  SILLOK_ASSIGN(const govern::Lattice lattice, govern::Lattice::of_home(home));
  SILLOK_ASSIGN(sign_in->settings, provider::load_settings(home, lattice));
  if (!sign_in->settings.any()) return sign_in;
  SILLOK_ASSIGN(sign_in->provider, provider::Provider::start(sign_in->settings, options.confine ? provider::Confine(confine_provider) : provider::Confine()));
  return sign_in;
}

}  // namespace

Result<std::unique_ptr<Server>> Server::start(ServeOptions options) {
  SILLOK_ASSIGN(auto sign_in, start_sign_in(options));
  SILLOK_ASSIGN(archive::Archive archive, archive::Archive::open(options.home));
  const fs::path home = archive.home();
  SILLOK_ASSIGN(search::Searcher searcher, search::Searcher::open(home));
  SILLOK_TRY(searcher.refresh(archive));
  SILLOK_ASSIGN(govern::Registry registry, govern::Registry::open(home));
  SILLOK_ASSIGN(govern::Audit audit, govern::Audit::open(home));
  SILLOK_ASSIGN(govern::Settings settings, govern::load_settings(home));
  SILLOK_ASSIGN(const release::InForce in_force, release::in_force(home));
  SILLOK_ASSIGN(const fs::path gold, release::gold_file(home));
  answer::WriterSettings writer = in_force.writer;
  if (!options.model.empty()) {
    writer.model = options.model;
    writer.remote.clear();
  }
  if (options.confine) {
    // Before there are threads: what they may open is decided here.
    std::vector<fs::path> readable;
    // Their folders: a certificate that is renewed is another file of that name.
    for (const fs::path& path : {options.certificate, options.key}) {
      const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
      std::error_code ignored;
      if (!path.empty() && fs::exists(folder, ignored)) readable.push_back(folder);
    }
    // Its folder too: every change of the gold questions is another file of that name. In the home it is readable anyway.
    std::error_code none;
    if (const fs::path folder = fs::weakly_canonical(gold, none).parent_path(); fs::exists(folder, none)) readable.push_back(folder);
    for (const fs::path& path : {fs::path(writer.remote.empty() ? writer.model : ""), fs::path(writer.adapter), fs::path(writer.key_file), fs::path(writer.encoder)}) {
      std::error_code ignored;
      if (!path.empty() && fs::exists(path, ignored)) readable.push_back(path);
    }
    SILLOK_TRY(confine_files(home, readable));
  }
  auto app = std::make_unique<App>(std::move(options), std::move(archive), std::move(searcher), std::move(registry), std::move(audit),
                                   std::move(settings));
  SILLOK_TRY(app->serving.get());
  app->gold = gold;
  app->mcp = std::make_unique<McpSessions>(*app);
  app->sign_in = std::move(sign_in);
  const Result<std::string> first = app->registry.first_link();
  if (!first) return fail(first.error());
  App& kept = *app;
  const size_t quick_threads = std::max(4u, 2 * std::thread::hardware_concurrency());
  auto server = std::make_unique<RunningServer>(std::move(app), quick_threads);
  SILLOK_TRY(server->listen());
  kept.jobs = std::make_unique<Jobs>(kept);
  SILLOK_TRY(kept.jobs->resume());
  govern::Identity nobody;
  nobody.how = "command line";
  SILLOK_TRY(kept.record(nobody, "serve", "", "", {{"release", SILLOK_VERSION}, {"address", kept.options.address}, {"port", server->port()}}));
  SILLOK_TRY(server->begin());
  tell_start(kept, server->port(), first);
  return server;
}

Status parse_listen(std::string_view text, ServeOptions& options) {
  const auto wrong = [&] {
    return fail(ErrorCode::kInvalid, "--listen: '" + shorten(clean_utf8(text), 60) + "' is no address; write 127.0.0.1:8400 or [::1]:8400");
  };
  std::string_view port = text;
  if (text.starts_with('[')) {
    const size_t end = text.find("]:");
    if (end == text.npos) return wrong();
    options.address = std::string(text.substr(1, end - 1));
    port = text.substr(end + 2);
  } else if (const size_t colon = text.rfind(':'); colon != text.npos) {
    if (colon > 0) options.address = std::string(text.substr(0, colon));
    if (options.address == "localhost") options.address = "127.0.0.1";
    port = text.substr(colon + 1);
  }
  if (port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != port.npos) return wrong();
  const unsigned long number = std::stoul(std::string(port));
  if (number > 65535) return wrong();
  options.port = static_cast<uint16_t>(number);
  return {};
}

}  // namespace sillok::server
