// Signing in by the organisation's own provider: OpenID Connect through the browser, LDAP behind the form of name and
// password. The provider process says who somebody is there; here it is decided who that makes him.
#include "server/sign_in.h"

#include <sodium.h>

#include "server/app.h"

namespace sillok::server {
namespace {

constexpr std::string_view kPendingCookie = "sillok-sign-in";
constexpr auto kPendingFor = std::chrono::minutes(10);
constexpr size_t kMostPending = 10'000;

std::string random_text() {
  std::string bytes(32, '\0');
  randombytes_buf(bytes.data(), bytes.size());
  return provider::base64url(bytes);
}

Response redirect(std::string to) {
  Response response;
  response.status = 302;
  response.headers.emplace_back("Location", std::move(to));
  return response;
}

// Lax: the browser brings it back from the provider's page. Gone with the answer.
std::string pending_cookie(std::string_view value, bool secure, bool end) {
  std::string text = std::string(kPendingCookie) + "=" + std::string(value) + "; Path=/api/sign-in/oidc; HttpOnly; SameSite=Lax; Max-Age=" + (end ? "0" : "600");
  if (secure) text += "; Secure";
  return text;
}

bool over_tls(const App& app, const Request& request) { return request.secure || app.sign_in->settings.oidc->address.starts_with("https://"); }

// The console says these in the reader's language; the audit log says what exactly it was.
std::string_view code_for(const Error& error) {
  switch (error.code) {
    case ErrorCode::kDenied: return "denied";
    case ErrorCode::kConflict: return "name_taken";
    case ErrorCode::kLimit: return "busy";
    default: return "provider";
  }
}

Response back_with(App& app, const Request& request, std::string_view code, const std::string& reason) {
  govern::Identity nobody;
  nobody.how = "address " + request.peer;
  if (const auto kept = app.record(nobody, "sign-in", "", "", {{"ok", false}, {"with", "oidc"}, {"reason", reason}}); !kept) return error_response(Surface::kNative, kept.error());
  Response response = redirect("/#/sign-in?error=" + std::string(code));
  response.headers.emplace_back("Set-Cookie", pending_cookie("", over_tls(app, request), true));
  return response;
}

}  // namespace

void PendingSignIns::forget_old() {
  while (!in_order_.empty()) {
    const auto oldest = in_order_.begin();
    const auto kept = by_cookie_.find(oldest->second);
    if (by_cookie_.size() < kMostPending && Clock::now() - kept->second.at < kPendingFor) return;
    by_cookie_.erase(kept);
    in_order_.erase(oldest);
  }
}

void PendingSignIns::add(const std::string& cookie, Pending pending) {
  const std::lock_guard guard(mutex_);
  forget_old();
  by_cookie_[cookie] = {std::move(pending), Clock::now(), next_};
  in_order_[next_++] = cookie;
}

std::optional<PendingSignIns::Pending> PendingSignIns::take(const std::string& cookie) {
  const std::lock_guard guard(mutex_);
  forget_old();
  const auto found = by_cookie_.find(cookie);
  if (found == by_cookie_.end()) return std::nullopt;
  Pending pending = std::move(found->second.pending);
  in_order_.erase(found->second.number);
  by_cookie_.erase(found);
  return pending;
}

// Who the provider speaks of gets a session; what that changes here is recorded before it counts for anything.
Result<govern::Registry::Welcome> welcome(App& app, const provider::Mapping& mapping, const provider::Vouched& said, const std::string& from) {
  SILLOK_ASSIGN(const govern::Person person, provider::person_of(mapping, said, app.settings.lattice));
  SILLOK_ASSIGN(auto welcomed, app.registry.sign_in_vouched(person, mapping.registered, from));
  govern::Identity who;
  who.person = welcomed.person;
  who.how = said.source;
  const auto recorded = [&]() -> Status {
    if (welcomed.added || welcomed.changed) {
      SILLOK_TRY(app.record(who, "person", who.person.name, "", {{"act", welcomed.added ? "add" : "change"}, {"role", govern::to_string(who.person.role)},
                                                                 {"label", app.settings.lattice.text(who.person.clearance)}, {"with", said.source}}));
    }
    SILLOK_TRY(app.record(who, "sign-in", who.person.name, "", {{"ok", true}, {"from", from}, {"with", said.source}}));
    return {};
  }();
  if (!recorded) {
    (void)app.registry.end_session(welcomed.session.token);
    return fail(recorded.error());
  }
  return welcomed;
}

Response sign_in_ways(App& app, Request&) {
  const auto way = [](const auto& settings) { return settings ? Json({{"title", settings->title}}) : Json(); };
  return json_response({{"oidc", way(app.sign_in->settings.oidc)}, {"ldap", way(app.sign_in->settings.ldap)}});
}

Response oidc_begin(App& app, Request& request) {
  if (!app.sign_in->settings.oidc) return error_response(Surface::kNative, 404, "not_found", "this way of signing in is not configured");
  Response response;
  response.later = [&app, copy = std::make_shared<Request>(request)]() -> Response {
    const PendingSignIns::Pending pending{random_text(), random_text(), random_text()};
    const auto url = app.sign_in->provider->authorization_url(pending.state, pending.nonce, provider::pkce_challenge(pending.verifier));
    if (!url) return back_with(app, *copy, code_for(url.error()), url.error().message);
    const std::string cookie = random_text();
    app.sign_in->pending.add(sha256_hex(cookie), pending);
    Response to = redirect(*url);
    to.headers.emplace_back("Set-Cookie", pending_cookie(cookie, over_tls(app, *copy), false));
    return to;
  };
  return response;
}

Response oidc_return(App& app, Request& request) {
  if (!app.sign_in->settings.oidc) return error_response(Surface::kNative, 404, "not_found", "this way of signing in is not configured");
  // The state that this very browser was sent with, once: else somebody could sign another in as himself.
  const std::string_view cookie_value = cookie(request, kPendingCookie);
  const auto pending = cookie_value.empty() ? std::nullopt : app.sign_in->pending.take(sha256_hex(cookie_value));
  if (!pending || request.argument("state") != pending->state) return back_with(app, request, "again", "the answer does not belong to a sign-in that this browser began in the last 10 minutes");
  if (const std::string_view error = request.argument("error"); !error.empty()) {
    return back_with(app, request, error == "access_denied" ? "denied" : "provider", "the provider refuses: " + shorten(clean_utf8(error), 80) + ": " + shorten(clean_utf8(request.argument("error_description")), 200));
  }
  if (request.argument("code").empty()) return back_with(app, request, "provider", "the provider sent no code");
  Response response;
  response.later = [&app, copy = std::make_shared<Request>(request), pending = *pending]() -> Response {
    if (const Status counted = app.registry.count_attempt("", copy->peer); !counted) return back_with(app, *copy, "busy", counted.error().message);
    const auto said = app.sign_in->provider->redeem(copy->argument("code"), copy->argument("iss"), pending.verifier, pending.nonce);
    if (!said) return back_with(app, *copy, code_for(said.error()), said.error().message);
    const auto welcomed = welcome(app, app.sign_in->settings.oidc->mapping, *said, copy->peer);
    if (!welcomed) return back_with(app, *copy, code_for(welcomed.error()), welcomed.error().message);
    Response home = redirect("/");
    home.headers.emplace_back("Set-Cookie", session_cookie(welcomed->session.token, over_tls(app, *copy)));
    home.headers.emplace_back("Set-Cookie", pending_cookie("", over_tls(app, *copy), true));
    return home;
  };
  return response;
}

Response ldap_sign_in(App& app, const Request& request, const std::string& name, const std::string& password) {
  if (const Status counted = app.registry.count_attempt(name, request.peer); !counted) return refused_sign_in(app, request, name, counted.error());
  const auto said = app.sign_in->provider->check_password(name, password);
  if (!said) return refused_sign_in(app, request, name, said.error());
  const auto welcomed = welcome(app, app.sign_in->settings.ldap->mapping, *said, request.peer);
  if (!welcomed) return refused_sign_in(app, request, name, welcomed.error());
  return signed_in(app, request, welcomed->session);
}

}  // namespace sillok::server
