// Private to provider: ID tokens (OpenID Connect Core 1.0, section 3.1.3.7; RFC 7515, 7517, 7519).
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/base.h"

namespace sillok::provider {

using Json = nlohmann::json;

struct TokenRules {
  std::string issuer, client_id, nonce;
  int64_t now_s = 0;  // since 1970
};

// The claims of a token that is signed by a key of `keys` (a JWK set) with RS256 or ES256, by `issuer`, for `client_id`, with
// `nonce`, and valid at `now_s`, give or take a minute. kNotFound if the set has no such key: it may have been renewed.
Result<Json> verify_id_token(std::string_view token, const Json& keys, const TokenRules& rules);

// kInvalid for what is no base64url, padding included.
Result<std::string> decode_base64url(std::string_view text);

}  // namespace sillok::provider
