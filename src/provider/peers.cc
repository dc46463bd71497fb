#include "provider/peers.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace sillok::provider {

std::string Url::origin() const {
  const bool six = host.find(':') != std::string::npos;
  return scheme + "://" + (six ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<Url> parse_url(std::string_view text) {
  const auto wrong = [&](const char* what) {
    return fail(ErrorCode::kInvalid, "'" + shorten(clean_utf8(text), 100) + "' " + what + "; write it as https://id.agency.example");
  };
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F && c != '\\' && c != '#'; });
  const size_t scheme = text.find("://");
  if (!plain || scheme == text.npos || text.size() > 2048) return wrong("is no address");
  Url url;
  url.scheme = ascii_lower(text.substr(0, scheme));
  url.port = url.scheme == "https" ? 443 : url.scheme == "http" ? 80 : url.scheme == "ldaps" ? 636 : url.scheme == "ldap" ? 389 : 0;
  if (url.port == 0) return wrong("has a scheme that is not understood");
  const std::string_view rest = text.substr(scheme + 3);
  const size_t end = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, end);
  url.path = rest.substr(end);
  if (!url.path.starts_with('/')) url.path.insert(0, "/");
  if (authority.find('@') != authority.npos) return wrong("has a name or password in it");
  std::string_view port;
  if (authority.starts_with('[')) {
    const size_t close = authority.find(']');
    if (close == authority.npos) return wrong("is no address");
    url.host = ascii_lower(authority.substr(1, close - 1));
    authority.remove_prefix(close + 1);
    if (authority.starts_with(':')) port = authority.substr(1);
    else if (!authority.empty()) return wrong("is no address");
  } else {
    const size_t colon = authority.find(':');
    url.host = ascii_lower(authority.substr(0, colon));
    if (colon != authority.npos) port = authority.substr(colon + 1);
    if (colon != authority.npos && port.empty()) return wrong("has no port that can be read");
  }
  if (url.host.empty()) return wrong("names no host");
  if (!port.empty()) {
    if (port.size() > 5 || port.find_first_not_of("0123456789") != port.npos) return wrong("has no port that can be read");
    const unsigned long number = std::stoul(std::string(port));
    if (number == 0 || number > 65535) return wrong("has no port that can be read");
    url.port = static_cast<uint16_t>(number);
  }
  return url;
}

bool is_this_machine(std::string_view host) { return host == "localhost" || host.starts_with("127.") || host == "::1"; }

Status Peers::add(const Url& url) {
  if (find(url) != nullptr) return {};
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(url.host.c_str(), std::to_string(url.port).c_str(), &hints, &found);
  if (code != 0) {
    return fail(ErrorCode::kNotFound, "the identity provider's host '" + url.host + "' has no address (" + ::gai_strerror(code) +
                                          "); names are looked up when the server starts: see that it can, or put the name into /etc/hosts");
  }
  Peer peer{url.scheme, url.host, url.port, {}};
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    char text[INET6_ADDRSTRLEN] = {};
    const void* bytes = at->ai_family == AF_INET ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(at->ai_addr)->sin_addr)
                                                 : static_cast<const void*>(&reinterpret_cast<const sockaddr_in6*>(at->ai_addr)->sin6_addr);
    if (::inet_ntop(at->ai_family, bytes, text, sizeof text) != nullptr) peer.addresses.emplace_back(text);
  }
  ::freeaddrinfo(found);
  peers_.push_back(std::move(peer));
  return {};
}

const Peers::Peer* Peers::find(const Url& url) const {
  const auto found = std::find_if(peers_.begin(), peers_.end(), [&](const Peer& peer) {
    return peer.scheme == url.scheme && peer.host == url.host && peer.port == url.port;
  });
  return found == peers_.end() ? nullptr : &*found;
}

Result<std::string> Peers::pinned(const Url& url) const {
  const Peer* peer = find(url);
  if (peer == nullptr) {
    return fail(ErrorCode::kDenied, "the identity provider names the address " + url.origin() + ", which is not among those configured; add it to [sign_in.oidc] hosts if it is right");
  }
  const auto bracketed = [](const std::string& address) { return address.find(':') == std::string::npos ? address : "[" + address + "]"; };
  std::string out = bracketed(peer->host) + ":" + std::to_string(peer->port) + ":";
  for (size_t i = 0; i < peer->addresses.size(); ++i) out += (i == 0 ? "" : ",") + bracketed(peer->addresses[i]);
  return out;
}

namespace {

// One address, within the time; the socket blocks again afterwards.
Result<int> connect_to(const std::string& address, uint16_t port, int timeout_ms) {
  sockaddr_in four{};
  sockaddr_in6 six{};
  const sockaddr* to = reinterpret_cast<const sockaddr*>(&four);
  socklen_t size = sizeof four;
  if (::inet_pton(AF_INET, address.c_str(), &four.sin_addr) == 1) {
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
  } else {
    ::inet_pton(AF_INET6, address.c_str(), &six.sin6_addr);
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(port);
    to = reinterpret_cast<const sockaddr*>(&six);
    size = sizeof six;
  }
  const int fd = ::socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return fail_errno("no socket");
  if (::connect(fd, to, size) != 0 && errno == EINPROGRESS) {
    pollfd wait{fd, POLLOUT, 0};
    int error = ETIMEDOUT;
    socklen_t length = sizeof error;
    if (::poll(&wait, 1, timeout_ms) == 1) ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
    errno = error;
  }
  if (errno != 0 && errno != EINPROGRESS) {
    auto failed = fail_errno(address);
    ::close(fd);
    return failed;
  }
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_NONBLOCK);
  return fd;
}

}  // namespace

Result<int> Peers::connect(const Url& url, int timeout_ms) const {
  const Peer* peer = find(url);
  if (peer == nullptr) return fail(ErrorCode::kDenied, "the address " + url.origin() + " is not configured");
  Result<int> last = fail(ErrorCode::kIo, "it has no address");
  for (const std::string& address : peer->addresses) {
    errno = 0;
    last = connect_to(address, peer->port, timeout_ms);
    if (last) return last;
  }
  return fail(ErrorCode::kIo, "the identity provider " + url.origin() + " cannot be reached: " + last.error().message);
}

std::vector<uint16_t> Peers::ports() const {
  std::vector<uint16_t> out;
  for (const Peer& peer : peers_) out.push_back(peer.port);
  return out;
}

}  // namespace sillok::provider
