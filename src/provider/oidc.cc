#include "provider/oidc.h"

#include <algorithm>

namespace sillok::provider {
namespace {

constexpr Micros kSecond = 1'000'000;
constexpr Micros kKeptFor = 3600 * kSecond;        // discovery document and keys
constexpr Micros kAskKeysAgainAfter = 10 * kSecond; // at an unknown key: a flood of odd tokens must not become one of requests
constexpr size_t kMostGroups = 10'000;

tl::unexpected<Error> bad_reply(const std::string& what) { return fail(ErrorCode::kInvalid, "the identity provider " + what); }

Result<Json> json_of(const Result<FetchReply>& reply, const std::string& what) {
  if (!reply) return fail(reply.error());
  Json body = Json::parse(reply->body, nullptr, false);
  if (reply->status != 200) {
    std::string why;
    if (body.is_object()) {
      for (const char* name : {"error", "error_description"}) {
        if (body.contains(name) && body[name].is_string()) why += ": " + shorten(clean_utf8(body[name].get<std::string>()), 120);
      }
    }
    return bad_reply("refuses " + what + " (status " + std::to_string(reply->status) + ")" + why);
  }
  if (!body.is_object()) return bad_reply("sends " + what + " that is no JSON object");
  return body;
}

std::string text_of(const Json& object, const std::string& name) {
  const auto found = name.empty() ? object.end() : object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool lists(const Json& object, const char* name, const char* value) {
  const auto found = object.find(name);
  return found != object.end() && found->is_array() && std::any_of(found->begin(), found->end(), [&](const Json& one) { return one == value; });
}

}  // namespace

Result<Oidc::Discovery> Oidc::discovery() {
  {
    const std::lock_guard guard(mutex_);
    if (discovery_ && now_micros() - discovery_at_ < kKeptFor) return *discovery_;
  }
  std::string base = settings_.issuer;
  if (base.ends_with('/')) base.pop_back();
  SILLOK_ASSIGN(const Json document, json_of(fetch_.get(base + "/.well-known/openid-configuration"), "its discovery document"));
  if (text_of(document, "issuer") != settings_.issuer) {
    return bad_reply("calls itself '" + shorten(clean_utf8(text_of(document, "issuer")), 100) + "'; [sign_in.oidc] issuer must be exactly that");
  }
  Discovery found;
  found.authorization = text_of(document, "authorization_endpoint");
  found.token = text_of(document, "token_endpoint");
  found.keys = text_of(document, "jwks_uri");
  found.userinfo = text_of(document, "userinfo_endpoint");
  found.end_session = text_of(document, "end_session_endpoint");
  const char* kMethods = "token_endpoint_auth_methods_supported";
  found.secret_in_body = document.contains(kMethods) && !lists(document, kMethods, "client_secret_basic") && lists(document, kMethods, "client_secret_post");
  const auto names = document.find("authorization_response_iss_parameter_supported");
  found.names_issuer = names != document.end() && *names == true;
  for (const std::string* url : {&found.authorization, &found.token, &found.keys, &found.userinfo, &found.end_session}) {
    if (url->empty() && (url == &found.userinfo || url == &found.end_session)) continue;
    const auto parsed = parse_url(*url);
    if (!parsed || (parsed->scheme != "https" && !(parsed->scheme == "http" && is_this_machine(parsed->host)))) return bad_reply("names an endpoint that cannot be used: '" + shorten(clean_utf8(*url), 100) + "'");
  }
  const std::lock_guard guard(mutex_);
  discovery_ = found;
  discovery_at_ = now_micros();
  return found;
}

Result<std::string> Oidc::authorization_url(const std::string& state, const std::string& nonce, const std::string& challenge) {
  SILLOK_ASSIGN(const Discovery where, discovery());
  return where.authorization + (where.authorization.find('?') == std::string::npos ? "?" : "&") +
         encode_form({{"response_type", "code"}, {"client_id", settings_.client_id}, {"redirect_uri", return_address()}, {"scope", settings_.scopes},
                      {"state", state}, {"nonce", nonce}, {"code_challenge", challenge}, {"code_challenge_method", "S256"}});
}

Result<std::string> Oidc::end_session_url() {
  if (!settings_.sign_out_there) return std::string();
  SILLOK_ASSIGN(const Discovery where, discovery());
  if (where.end_session.empty()) return std::string();
  return where.end_session + (where.end_session.find('?') == std::string::npos ? "?" : "&") +
         encode_form({{"client_id", settings_.client_id}, {"post_logout_redirect_uri", settings_.address + "/"}});
}

Result<Json> Oidc::keys(const Discovery& where, bool again) {
  {
    const std::lock_guard guard(mutex_);
    const Micros age = now_micros() - keys_at_;
    if (keys_ && age < (again ? kAskKeysAgainAfter : kKeptFor)) return *keys_;
  }
  SILLOK_ASSIGN(Json found, json_of(fetch_.get(where.keys), "its keys"));
  const std::lock_guard guard(mutex_);
  keys_ = found;
  keys_at_ = now_micros();
  return found;
}

Result<Json> Oidc::exchange(const Discovery& where, const std::string& code, const std::string& verifier) {
  FormFields fields = {{"grant_type", "authorization_code"}, {"code", code}, {"redirect_uri", return_address()}, {"code_verifier", verifier}};
  const bool basic = !secret_.empty() && !where.secret_in_body;
  if (!basic) fields.emplace_back("client_id", settings_.client_id);
  if (!secret_.empty() && where.secret_in_body) fields.emplace_back("client_secret", secret_);
  return json_of(fetch_.post(where.token, fields, basic ? settings_.client_id : "", secret_), "the code");
}

Result<Json> Oidc::verified(const Discovery& where, const std::string& token, const std::string& nonce) {
  const TokenRules rules{settings_.issuer, settings_.client_id, nonce, now_micros() / kSecond};
  SILLOK_ASSIGN(Json known, keys(where, false));
  auto claims = verify_id_token(token, known, rules);
  if (claims || claims.error().code != ErrorCode::kNotFound) return claims;
  SILLOK_ASSIGN(known, keys(where, true));
  claims = verify_id_token(token, known, rules);
  if (!claims && claims.error().code == ErrorCode::kNotFound) return fail(ErrorCode::kDenied, claims.error().message);
  return claims;
}

// What the token leaves out of the claims that are configured, if the provider has an endpoint for it.
Status Oidc::add_userinfo(const Discovery& where, const std::string& access_token, Json& claims) {
  const auto missing = [&](const std::string& name) { return !name.empty() && !claims.contains(name); };
  const bool wanted = missing(settings_.name_claim) || missing(settings_.title_claim) || missing(settings_.groups_claim) || missing(settings_.level_claim) || missing(settings_.role_claim);
  if (!wanted || where.userinfo.empty() || access_token.empty()) return {};
  SILLOK_ASSIGN(const Json said, json_of(fetch_.get(where.userinfo, access_token), "what it knows of the person"));
  // OpenID Connect Core, section 5.3.2: else it may speak of somebody else.
  if (text_of(said, "sub") != text_of(claims, "sub")) return bad_reply("speaks of another person than its ID token");
  for (const auto& [name, value] : said.items()) {
    if (!claims.contains(name)) claims[name] = value;
  }
  return {};
}

Result<Vouched> Oidc::redeem(const std::string& code, const std::string& issuer, const std::string& verifier, const std::string& nonce) {
  SILLOK_ASSIGN(const Discovery where, discovery());
  if (issuer.empty() ? where.names_issuer : issuer != settings_.issuer) return fail(ErrorCode::kDenied, "the answer does not come from the issuer configured");
  SILLOK_ASSIGN(const Json tokens, exchange(where, code, verifier));
  SILLOK_ASSIGN(Json claims, verified(where, text_of(tokens, "id_token"), nonce));
  SILLOK_TRY(add_userinfo(where, text_of(tokens, "access_token"), claims));
  return vouched_by_claims(settings_, claims);
}

Result<Vouched> vouched_by_claims(const OidcSettings& settings, const Json& claims) {
  Vouched said;
  said.source = "oidc";
  said.subject = text_of(claims, "sub");
  said.name = text_of(claims, settings.name_claim);
  if (said.name.empty()) return fail(ErrorCode::kDenied, "the provider does not say '" + settings.name_claim + "' of the person, by which [sign_in.oidc] names people here");
  said.title = shorten(clean_utf8(text_of(claims, settings.title_claim)), 80);
  said.level = text_of(claims, settings.level_claim);
  said.role = text_of(claims, settings.role_claim);
  const auto groups = settings.groups_claim.empty() ? claims.end() : claims.find(settings.groups_claim);
  if (groups == claims.end()) return said;
  if (groups->is_string()) said.groups.push_back(groups->get<std::string>());
  for (const Json& group : groups->is_array() ? *groups : Json::array()) {
    if (group.is_string() && said.groups.size() < kMostGroups) said.groups.push_back(group.get<std::string>());
  }
  return said;
}

}  // namespace sillok::provider
