// Private to provider: passwords checked by a directory (RFC 4511), and what it says of the person.
#pragma once

#include <string>
#include <string_view>

#include "provider/peers.h"
#include "provider/provider.h"

namespace sillok::provider {

// Lives in the provider process. Thread-safe: every check has connections of its own.
class Ldap {
 public:
  // All must outlive it.
  Ldap(const LdapSettings& settings, std::string search_password, const Peers& peers)
      : settings_(settings), search_password_(std::move(search_password)), peers_(peers) {}
  // kDenied for a wrong name or password alike.
  Result<Vouched> check(const std::string& name, const std::string& password) const;

 private:
  const LdapSettings& settings_;
  std::string search_password_;
  const Peers& peers_;
};

// So that a name typed by somebody is a value in a filter (RFC 4515, section 3) or a DN (RFC 4514, section 2.4), never part of it.
std::string escape_filter(std::string_view text);
std::string escape_dn(std::string_view text);
std::string fill_in(std::string_view pattern, std::string_view field, std::string_view value);  // "{field}" by the value

}  // namespace sillok::provider
