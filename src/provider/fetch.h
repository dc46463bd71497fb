// Private to provider: HTTP requests to the provider's few addresses.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "provider/peers.h"

namespace sillok::provider {

struct FetchReply {
  long status = 0;
  std::string body;
};
using FormFields = std::vector<std::pair<std::string, std::string>>;

// Only peers, only the scheme of the URL, no redirect, no proxy, no cookie, certificates always checked; at most 1 MiB in 10 s.
// Thread-safe.
class Fetcher {
 public:
  // Both must outlive it. `ca_file` "": the machine's authorities.
  Fetcher(const Peers& peers, const fs::path& ca_file) : peers_(peers), ca_file_(ca_file) {}
  // kDenied for an address that is no peer, kProtected for a certificate that is not trusted, kIo if there is no reply.
  Result<FetchReply> get(const std::string& url, const std::string& bearer = {}) const;
  // As a browser sends a form. `user` "": without a name and password.
  Result<FetchReply> post(const std::string& url, const FormFields& fields, const std::string& user = {}, const std::string& password = {}) const;

 private:
  Result<FetchReply> send(const std::string& url, const std::string* form, const std::string& bearer, const std::string& user, const std::string& password) const;
  const Peers& peers_;
  const fs::path& ca_file_;
};

std::string percent_encode(std::string_view text);
std::string encode_form(const FormFields& fields);

}  // namespace sillok::provider
