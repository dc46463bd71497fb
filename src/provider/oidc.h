// Private to provider: OpenID Connect's authorization code flow with PKCE, as a client.
#pragma once

#include <mutex>

#include "provider/fetch.h"
#include "provider/provider.h"
#include "provider/token.h"

namespace sillok::provider {

// Lives in the provider process. Thread-safe; keeps what the provider says of itself and its keys for a while.
class Oidc {
 public:
  // All must outlive it. `secret` "": a public client.
  Oidc(const OidcSettings& settings, std::string secret, const Peers& peers) : settings_(settings), secret_(std::move(secret)), fetch_(peers, settings.ca_file) {}
  Result<std::string> authorization_url(const std::string& state, const std::string& nonce, const std::string& challenge);
  Result<Vouched> redeem(const std::string& code, const std::string& issuer, const std::string& verifier, const std::string& nonce);
  Result<std::string> end_session_url();

 private:
  struct Discovery {
    std::string authorization, token, keys, userinfo, end_session;
    bool secret_in_body = false;  // the token endpoint takes it in the form only
    bool names_issuer = false;    // RFC 9207: it says with each answer who it is
  };
  Result<Discovery> discovery();
  Result<Json> keys(const Discovery& where, bool again);
  Result<Json> exchange(const Discovery& where, const std::string& code, const std::string& verifier);
  Result<Json> verified(const Discovery& where, const std::string& token, const std::string& nonce);
  Status add_userinfo(const Discovery& where, const std::string& access_token, Json& claims);
  std::string return_address() const { return settings_.address + "/api/sign-in/oidc/return"; }

  const OidcSettings& settings_;
  std::string secret_;
  Fetcher fetch_;
  std::mutex mutex_;  // guards what follows
  std::optional<Discovery> discovery_;
  std::optional<Json> keys_;
  Micros discovery_at_ = 0, keys_at_ = 0;
};

// From verified claims to what the provider says of somebody. kDenied without the claim of his name.
Result<Vouched> vouched_by_claims(const OidcSettings& settings, const Json& claims);

}  // namespace sillok::provider
