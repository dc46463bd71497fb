// Private to provider: the few addresses that its process may connect to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"

namespace sillok::provider {

// An address that settings or a discovery document name.
struct Url {
  std::string scheme, host;  // host in lower case; of an IPv6 address without brackets
  uint16_t port = 0;
  std::string path;          // with the query; "/" at least
  std::string origin() const;
};
// Schemes http, https, ldap, ldaps; no name, password or fragment in it. http and ldap are for the caller to judge.
Result<Url> parse_url(std::string_view url);
bool is_this_machine(std::string_view host);

// Hosts and ports, looked up once; later there is no looking up any more.
class Peers {
 public:
  // kNotFound if the host has no address.
  Status add(const Url& url);
  // Its addresses as curl's CURLOPT_RESOLVE wants them, "host:port:1.2.3.4,5.6.7.8". kDenied if it was not added.
  Result<std::string> pinned(const Url& url) const;
  // A connected socket; closed by the caller.
  Result<int> connect(const Url& url, int timeout_ms) const;
  std::vector<uint16_t> ports() const;

 private:
  struct Peer {
    std::string scheme, host;
    uint16_t port = 0;
    std::vector<std::string> addresses;
  };
  const Peer* find(const Url& url) const;
  std::vector<Peer> peers_;
};

}  // namespace sillok::provider
