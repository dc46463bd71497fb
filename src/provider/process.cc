// The process that speaks to the provider, and the server's side of it.
//
//   server ── control socket ──▶ keeper (confined; forks, waits, forks again if its child dies)
//                                  └─ worker: kThreads threads, each takes a socket from the control socket,
//                                     reads a question from it (JSON), writes the answer, closes it
//
// The server makes a pair of sockets for a call and sends one end over: no call waits for another, none has to be told apart.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <curl/curl.h>

#include <array>
#include <chrono>
#include <cstring>
#include <thread>

#include "provider/ldap.h"
#include "provider/oidc.h"

namespace sillok::provider {
namespace {

constexpr int kThreads = 8;
constexpr int kControl = 3;                          // the keeper's and worker's end
constexpr size_t kLongestMessage = 256 << 10;
constexpr int kCallMs = 30'000, kStartMs = 60'000;
constexpr long kQuestionSeconds = 5;                 // until the server has written its question
constexpr uint64_t kLongestSecret = 4096;

using Clock = std::chrono::steady_clock;

Result<std::string> read_secret(const fs::path& file, const char* setting) {
  if (file.empty()) return std::string();
  struct stat info {};
  if (::stat(file.c_str(), &info) == 0 && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return fail(ErrorCode::kProtected, file.string() + ": others on this machine may read the secret of " + setting + "; chmod 600 it");
  }
  auto bytes = read_file(file, kLongestSecret);
  if (!bytes) return fail(bytes.error().in(setting));
  std::string secret(*bytes);
  while (secret.ends_with('\n') || secret.ends_with('\r')) secret.pop_back();
  if (secret.empty() || secret.find('\0') != secret.npos) return fail(ErrorCode::kInvalid, file.string() + ": there is no secret in it, for " + setting);
  return secret;
}

// ---------------------------------------------------------------------------------------------
// Whole messages over a socket whose end says that they are over

// A message of one byte that carries one descriptor.
struct OneDescriptor {
  char byte = 'c';
  iovec piece{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> space{};
  msghdr message{};
  OneDescriptor() {
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = space.data();
    message.msg_controllen = space.size();
  }
  OneDescriptor(const OneDescriptor&) = delete;
  OneDescriptor& operator=(const OneDescriptor&) = delete;
};

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

// None if the time is over, the other side fails or it goes on for too long.
std::optional<std::string> read_all(int fd, int timeout_ms) {
  const auto end = Clock::now() + std::chrono::milliseconds(timeout_ms);
  std::string out;
  std::array<char, 16384> buffer;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    pollfd wait{fd, POLLIN, 0};
    if (left <= 0 || ::poll(&wait, 1, static_cast<int>(left)) < 0) {
      if (left > 0 && errno == EINTR) continue;
      return std::nullopt;
    }
    if (wait.revents == 0) continue;
    const ssize_t n = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (n == 0) return out;
    if (n < 0 || out.size() + static_cast<size_t>(n) > kLongestMessage) return std::nullopt;
    out.append(buffer.data(), static_cast<size_t>(n));
  }
}

Json vouched_json(const Vouched& said) {
  return {{"source", said.source}, {"subject", said.subject}, {"name", said.name}, {"title", said.title}, {"groups", said.groups}, {"level", said.level}, {"role", said.role}};
}
Vouched vouched_of(const Json& json) {
  return {json.at("source"), json.at("subject"), json.at("name"), json.at("title"), json.at("groups"), json.at("level"), json.at("role")};
}

// ---------------------------------------------------------------------------------------------
// In the process

class Worker {
 public:
  Worker(const Settings& settings, const Peers& peers, std::string client_secret, std::string search_password) {
    if (settings.oidc) oidc_.emplace(*settings.oidc, std::move(client_secret), peers);
    if (settings.ldap) ldap_.emplace(*settings.ldap, std::move(search_password), peers);
  }

  // Until the server is gone.
  [[noreturn]] void run() {
    for (int i = 1; i < kThreads; ++i) std::thread([this] { serve(); }).detach();
    serve();
  }

 private:
  [[noreturn]] void serve() {
    for (;;) {
      const int fd = take();
      if (fd < 0) continue;
      if (const auto question = read_all(fd, kQuestionSeconds * 1000)) write_all(fd, answer(*question));
      ::close(fd);
    }
  }
  // The socket of the next call; the process ends where there can be none any more.
  static int take() {
    OneDescriptor carried;
    msghdr& message = carried.message;
    const ssize_t n = ::recvmsg(kControl, &message, MSG_CMSG_CLOEXEC);
    if (n == 0 || (n < 0 && errno != EINTR)) ::_exit(0);
    const cmsghdr* header = n > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
    if (header == nullptr || header->cmsg_type != SCM_RIGHTS) return -1;
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return fd;
  }
  std::string answer(const std::string& question) {
    Json reply;
    try {
      const Json asked = Json::parse(question);
      const auto said = perform(asked.at("call").get<std::string>(), asked.at("with").get<std::vector<std::string>>());
      if (said) reply = {{"said", *said}};
      else reply = {{"code", static_cast<int>(said.error().code)}, {"message", said.error().message}};
    } catch (const std::exception& error) {
      reply = {{"code", static_cast<int>(ErrorCode::kInternal)}, {"message", std::string("the provider process failed: ") + error.what()}};
    }
    return reply.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  Result<Json> perform(const std::string& call, const std::vector<std::string>& with) {
    const auto json = [](const Result<Vouched>& said) -> Result<Json> {
      if (!said) return fail(said.error());
      return vouched_json(*said);
    };
    const auto text = [](const Result<std::string>& said) -> Result<Json> {
      if (!said) return fail(said.error());
      return Json(*said);
    };
    if (oidc_ && call == "authorize") return text(oidc_->authorization_url(with.at(0), with.at(1), with.at(2)));
    if (oidc_ && call == "redeem") return json(oidc_->redeem(with.at(0), with.at(1), with.at(2), with.at(3)));
    if (oidc_ && call == "end") return text(oidc_->end_session_url());
    if (ldap_ && call == "check") return json(ldap_->check(with.at(0), with.at(1)));
    return fail(ErrorCode::kUnsupported, "this way of signing in is not configured");
  }

  std::optional<Oidc> oidc_;
  std::optional<Ldap> ldap_;
};

struct Prepared {
  Peers peers;
  std::string client_secret, search_password;
};

Result<Prepared> prepare(const Settings& settings, const Confine& confine) {
  Prepared out;
  std::vector<fs::path> readable;
  if (const auto& oidc = settings.oidc) {
    SILLOK_ASSIGN(out.client_secret, read_secret(oidc->secret_file, "[sign_in.oidc] secret_file"));
    for (const std::string& text : oidc->hosts) {
      SILLOK_ASSIGN(const Url url, parse_url(text));
      SILLOK_TRY(out.peers.add(url));
    }
    SILLOK_ASSIGN(const Url issuer, parse_url(oidc->issuer));
    SILLOK_TRY(out.peers.add(issuer));
    if (!oidc->ca_file.empty()) readable.push_back(oidc->ca_file);
  }
  if (const auto& ldap = settings.ldap) {
    SILLOK_ASSIGN(out.search_password, read_secret(ldap->search_password_file, "[sign_in.ldap] search_password_file"));
    SILLOK_ASSIGN(const Url url, parse_url(ldap->url));
    SILLOK_TRY(out.peers.add(url));
    if (!ldap->ca_file.empty()) readable.push_back(ldap->ca_file);
  }
  for (const fs::path& file : readable) {
    if (::access(file.c_str(), R_OK) != 0) return fail_errno("[sign_in] ca_file " + file.string());
  }
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return fail(ErrorCode::kInternal, "libcurl does not start");
  if (confine) SILLOK_TRY(confine(readable, out.peers.ports()));
  return out;
}

[[noreturn]] void keep(const Settings& settings, const Confine& confine, int control) {
  // Nothing of the server's but the way to it. Ctrl-C and a service's SIGTERM are the server's, with whom this ends.
  if (control != kControl) ::dup2(control, kControl);
  ::syscall(SYS_close_range, kControl + 1, ~0U, 0);
  ::fcntl(kControl, F_SETFD, FD_CLOEXEC);
  for (const int ignored : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(ignored, SIG_IGN);
  ::prctl(PR_SET_DUMPABLE, 0);     // the secrets are in its memory
  ::setenv("LDAPNOINIT", "1", 1);  // nobody's ldaprc changes what is trusted
  const auto ready = prepare(settings, confine);
  const std::string said = ready ? "" : std::string(1, static_cast<char>('0' + static_cast<int>(ready.error().code))) + ready.error().message;
  if (!ready || ::send(kControl, "ready", 5, MSG_NOSIGNAL) != 5) {
    ::send(kControl, said.data(), said.size(), MSG_NOSIGNAL);
    ::_exit(1);
  }
  for (;;) {
    const pid_t worker = ::fork();
    if (worker == 0) {
      ::prctl(PR_SET_DUMPABLE, 0);
      Worker(settings, ready->peers, ready->client_secret, ready->search_password).run();
    }
    int status = 0;
    while (worker > 0 && ::waitpid(worker, &status, 0) < 0 && errno == EINTR) {
    }
    if (worker > 0 && WIFEXITED(status)) ::_exit(0);  // the server is gone
    std::this_thread::sleep_for(std::chrono::seconds(1));  // one that dies of every question must not take the machine
  }
}

// ---------------------------------------------------------------------------------------------
// In the server

class ForkedProvider final : public Provider {
 public:
  ForkedProvider(int control, pid_t keeper) : control_(control), keeper_(keeper) {}
  ~ForkedProvider() override {
    ::close(control_);  // the worker and its keeper end by that
    ::waitpid(keeper_, nullptr, 0);
  }

  Result<std::string> authorization_url(std::string_view state, std::string_view nonce, std::string_view challenge) override {
    return text(call("authorize", {std::string(state), std::string(nonce), std::string(challenge)}));
  }
  Result<Vouched> redeem(std::string_view code, std::string_view issuer, std::string_view verifier, std::string_view nonce) override {
    return vouched(call("redeem", {std::string(code), std::string(issuer), std::string(verifier), std::string(nonce)}));
  }
  Result<std::string> end_session_url() override { return text(call("end", {})); }
  Result<Vouched> check_password(std::string_view name, std::string_view password) override {
    // Here as well as there: an empty one is accepted by directories for anybody.
    if (name.empty() || password.empty()) return fail(ErrorCode::kDenied, "name or password is wrong");
    return vouched(call("check", {std::string(name), std::string(password)}));
  }

 private:
  Result<Json> call(const char* name, const std::vector<std::string>& with) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return fail_errno("cannot ask the identity provider");
    const bool sent = hand_over(ends[1]);
    ::close(ends[1]);
    std::optional<std::string> reply;
    if (sent && write_all(ends[0], Json({{"call", name}, {"with", with}}).dump(-1, ' ', false, Json::error_handler_t::replace))) {
      ::shutdown(ends[0], SHUT_WR);
      reply = read_all(ends[0], kCallMs);
    }
    ::close(ends[0]);
    if (!reply || reply->empty()) return fail(ErrorCode::kLimit, "the identity provider does not answer in time; try again");
    Json json = Json::parse(*reply, nullptr, false);
    if (!json.is_object()) return fail(ErrorCode::kInternal, "the provider process answers with what cannot be read");
    if (json.contains("said")) return std::move(json["said"]);
    const int code = json.value("code", static_cast<int>(ErrorCode::kInternal));
    const bool known = code >= 0 && code <= static_cast<int>(ErrorCode::kInternal);
    return fail(known ? static_cast<ErrorCode>(code) : ErrorCode::kInternal, json.value("message", std::string("no reason is given")));
  }
  // False while more wait than there is room for.
  bool hand_over(int fd) const {
    OneDescriptor carried;
    msghdr& message = carried.message;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
    return ::sendmsg(control_, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
  }
  static Result<std::string> text(Result<Json> said) {
    if (!said) return fail(said.error());
    if (!said->is_string()) return fail(ErrorCode::kInternal, "the provider process answers with what cannot be read");
    return said->get<std::string>();
  }
  static Result<Vouched> vouched(Result<Json> said) {
    if (!said) return fail(said.error());
    try {
      return vouched_of(*said);
    } catch (const std::exception&) {
      return fail(ErrorCode::kInternal, "the provider process answers with what cannot be read");
    }
  }

  int control_;
  pid_t keeper_;
};

}  // namespace

Result<std::unique_ptr<Provider>> Provider::start(const Settings& settings, const Confine& confine) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return fail_errno("cannot start the provider process");
  const pid_t keeper = ::fork();
  if (keeper < 0) return fail_errno("cannot start the provider process");
  if (keeper == 0) keep(settings, confine, ends[1]);
  ::close(ends[1]);
  auto provider = std::make_unique<ForkedProvider>(ends[0], keeper);
  std::array<char, 4096> said;
  pollfd wait{ends[0], POLLIN, 0};
  const bool answered = ::poll(&wait, 1, kStartMs) == 1;
  const ssize_t n = answered ? ::recv(ends[0], said.data(), said.size(), 0) : -1;
  if (n == 5 && std::string_view(said.data(), 5) == "ready") return provider;
  if (!answered) ::kill(keeper, SIGKILL);
  if (n < 2) return fail(ErrorCode::kInternal, "the process that asks the identity provider does not start");
  return fail(static_cast<ErrorCode>(said[0] - '0'), std::string(said.data() + 1, static_cast<size_t>(n - 1)));
}

}  // namespace sillok::provider
