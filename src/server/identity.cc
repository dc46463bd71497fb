// Who asks: a bearer key or a session's cookie, once per request; and signing in and out.
#include "server/app.h"
#include "server/sign_in.h"

namespace sillok::server {
namespace {

constexpr std::string_view kCookie = "sillok";

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0U : 1U;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    difference |= static_cast<unsigned>(static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]));
  }
  return difference == 0;
}

// A page of another origin that a signed-in browser visits must not act in his name: browsers say where a request
// comes from.
bool of_another_origin(const Request& request) {
  const std::string_view origin = request.header("origin");
  if (origin.empty()) return false;
  const size_t host = origin.find("://");
  return host == origin.npos || origin.substr(host + 3) != request.header("host");
}

std::string set_cookie(std::string_view token, bool secure, bool end) {
  std::string value = std::string(kCookie) + "=" + std::string(token) + "; Path=/; HttpOnly; SameSite=Strict";
  if (secure) value += "; Secure";
  if (end) value += "; Max-Age=0";
  return value;
}

}  // namespace

std::optional<Response> identify(App& app, Request& request, const Route& route) {
  const Surface surface = route.surface;
  const bool changes = request.method != "GET" && request.method != "HEAD";
  if (of_another_origin(request) && (changes || surface == Surface::kMcp)) {
    return error_response(surface, 403, "forbidden", "the request comes from a page of another origin");
  }
  if (route.entry == Entry::kOpen) return std::nullopt;
  const std::string_view authorization = request.header("authorization");
  const std::string_view token = cookie(request, kCookie);
  Result<govern::Identity> found = fail(ErrorCode::kDenied, "sign in, or send a key as `Authorization: Bearer KEY`");
  if (!authorization.empty()) {
    if (starts_with_nocase(authorization, "bearer ")) {
      found = app.registry.key(trim(authorization.substr(7)));
    } else {
      found = fail(ErrorCode::kDenied, "only `Authorization: Bearer KEY` is understood");
    }
  } else if (!token.empty()) {
    found = app.registry.session(token);
    if (found && changes) {
      const auto csrf = app.registry.session_csrf(token);
      if (!csrf || !equal_in_constant_time(*csrf, request.header("x-csrf-token"))) {
        return error_response(surface, 403, "csrf", "X-CSRF-Token is missing or wrong; GET /api/session tells it");
      }
    }
  }
  if (!found) {
    if (found.error().code == ErrorCode::kDenied) return error_response(surface, 401, surface == Surface::kOpenAi ? "invalid_api_key" : "unauthorized", found.error().message);
    return error_response(surface, found.error());
  }
  request.identity = std::move(*found);
  if (!app.limiter.take(request.identity.person.name)) {
    ++app.metrics.refused_rate;
    return error_response(surface, 429, surface == Surface::kOpenAi ? "rate_limit_exceeded" : "too_many_requests",
                          "more than " + std::to_string(app.options.requests_per_minute) + " requests a minute; wait a little");
  }
  if (route.entry == Entry::kScope && !request.identity.may(route.scope)) {
    return error_response(surface, 403, "forbidden",
                          "this needs the scope '" + std::string(govern::to_string(route.scope)) + "', which " +
                              (request.identity.how.starts_with("key") ? "this key" : "your role") + " does not have");
  }
  return std::nullopt;
}

Json person_json(const App& app, const govern::Person& person) {
  Json json = {{"name", person.name},
               {"title", person.title.empty() ? person.name : person.title},
               {"role", govern::to_string(person.role)},
               {"label", app.settings.lattice.text(person.clearance)},
               {"disabled", person.disabled},
               {"created", format_micros(person.created)},
               {"last_sign_in", person.last_sign_in > 0 ? Json(format_micros(person.last_sign_in)) : Json()},
               {"source", person.source}};
  Json may = Json::array();
  for (int scope = 0; scope <= static_cast<int>(govern::Scope::kSystem); ++scope) {
    if (govern::allows(person.role, static_cast<govern::Scope>(scope))) may.push_back(govern::to_string(static_cast<govern::Scope>(scope)));
  }
  json["may"] = std::move(may);
  return json;
}

Json session_json(App& app, const govern::Person& person, const std::string& csrf, const std::string& expires) {
  Json json = {{"person", person_json(app, person)}, {"csrf", csrf}, {"expires", expires.empty() ? Json() : Json(expires)}};
  Json levels = Json::array();
  for (const auto& label : app.archive.labels()) levels.push_back({{"name", label.name}, {"title", label.title}});
  json["levels"] = std::move(levels);
  json["groups"] = person.clearance.groups;
  json["model"] = app.model_name().empty() ? Json() : Json(app.model_name());
  json["version"] = SILLOK_VERSION;
  return json;
}

std::string session_cookie(std::string_view token, bool secure) { return set_cookie(token, secure, false); }

Response signed_in(App& app, const Request& request, const govern::SessionToken& session) {
  const auto identity = app.registry.session(session.token);
  if (!identity) return error_response(Surface::kNative, identity.error());
  Response response = json_response(session_json(app, identity->person, session.csrf, format_micros(session.expires)));
  response.headers.emplace_back("Set-Cookie", session_cookie(session.token, request.secure));
  return response;
}

Response refused_sign_in(App& app, const Request& request, const std::string& name, const Error& error) {
  govern::Identity nobody;
  nobody.person.name = "";
  nobody.how = "address " + request.peer;
  const auto kept = app.record(nobody, "sign-in", name, "", {{"ok", false}, {"reason", error.message}});
  if (!kept) return error_response(Surface::kNative, kept.error());
  if (error.code == ErrorCode::kDenied) return error_response(Surface::kNative, 401, "wrong_password", error.message);
  if (error.code == ErrorCode::kLimit) return error_response(Surface::kNative, 429, "locked_out", error.message);
  if (error.code == ErrorCode::kConflict) return error_response(Surface::kNative, 409, "name_taken", error.message);
  return error_response(Surface::kNative, error);
}

Response first_open(App& app, Request&) { return json_response({{"open", app.registry.people().empty()}}); }

Response first_use(App& app, Request& request) {
  const auto body = parse_json(request.body);
  if (!body) return error_response(Surface::kNative, body.error());
  const auto secret = required_text(*body, "secret"), name = required_text(*body, "name"), password = required_text(*body, "password");
  for (const auto* field : {&secret, &name, &password}) {
    if (!*field) return error_response(Surface::kNative, field->error());
  }
  govern::Person person;
  person.name = *name;
  person.title = text_field(*body, "title").value_or(std::nullopt).value_or("");
  person.role = govern::Role::kAdministrator;
  // The first administrator sees everything that has no group; who is in which group is for the organisation to say.
  person.clearance.level = static_cast<uint32_t>(app.settings.lattice.levels().size() - 1);
  if (const Status used = app.registry.use_first_link(*secret, person, *password); !used) {
    if (used.error().code == ErrorCode::kDenied) return refused_sign_in(app, request, *name, used.error());
    return error_response(Surface::kNative, used.error());
  }
  govern::Identity who;
  who.person = person;
  who.how = "first link";
  if (const auto kept = app.record(who, "person", *name, "", {{"act", "add"}, {"role", "administrator"}}); !kept) {
    return error_response(Surface::kNative, kept.error());
  }
  const auto session = app.registry.open_session(*name, "first link");
  if (!session) return error_response(Surface::kNative, session.error());
  return signed_in(app, request, *session);
}

Response sign_in(App& app, Request& request) {
  const auto body = parse_json(request.body);
  if (!body) return error_response(Surface::kNative, body.error());
  const auto name = required_text(*body, "name"), password = required_text(*body, "password");
  if (!name) return error_response(Surface::kNative, name.error());
  if (!password) return error_response(Surface::kNative, password.error());
  // Local people first: their passwords are nobody else's business.
  const auto known = app.registry.person(*name);
  if (app.sign_in->settings.ldap && !(known && known->source == "local")) {
    Response response;
    response.later = [&app, copy = std::make_shared<Request>(request), name = *name, password = *password] { return ldap_sign_in(app, *copy, name, password); };
    return response;
  }
  const auto session = app.registry.sign_in(*name, *password, request.peer);
  if (!session) return refused_sign_in(app, request, *name, session.error());
  govern::Identity who;
  who.person.name = *name;
  who.how = "session";
  if (const auto kept = app.record(who, "sign-in", *name, "", {{"ok", true}, {"from", request.peer}}); !kept) {
    return error_response(Surface::kNative, kept.error());
  }
  return signed_in(app, request, *session);
}

Response who_am_i(App& app, Request& request) {
  const std::string csrf = app.registry.session_csrf(cookie(request, kCookie)).value_or("");
  return json_response(session_json(app, request.identity.person, csrf, ""));
}

Response change_own_password(App& app, Request& request) {
  const auto body = parse_json(request.body);
  if (!body) return error_response(Surface::kNative, body.error());
  const auto old = required_text(*body, "password"), fresh = required_text(*body, "new");
  for (const auto* field : {&old, &fresh}) {
    if (!*field) return error_response(Surface::kNative, field->error());
  }
  const std::string& name = request.identity.person.name;
  // A key is for programs, and nothing that a program lost may change a password.
  if (request.identity.how.starts_with("key")) return error_response(Surface::kNative, 403, "forbidden", "a password is changed by the person who is signed in, not with a key");
  if (request.identity.person.source != "local") return error_response(Surface::kNative, 409, "no_password", "you sign in by " + request.identity.person.source + "; your password is changed there");
  const auto proven = app.registry.sign_in(name, *old, request.peer);
  if (!proven && proven.error().code == ErrorCode::kDenied) return error_response(Surface::kNative, 403, "wrong_password", "the present password is not right");
  if (!proven) return error_response(Surface::kNative, 429, "locked_out", proven.error().message);
  if (const Status done = app.registry.set_password(name, *fresh); !done) {
    (void)app.registry.end_session(proven->token);
    return error_response(Surface::kNative, status_of(done.error().code), done.error().code == ErrorCode::kInvalid ? "weak_password" : "conflict", done.error().message);
  }
  if (const auto kept = app.record(request.identity, "person", name, "", {{"act", "change"}, {"changed", {"password"}}}); !kept) return error_response(Surface::kNative, kept.error());
  // All sessions are over by that; this one goes on as a new one.
  const auto session = app.registry.open_session(name, "session");
  if (!session) return error_response(Surface::kNative, session.error());
  Response response;
  response.status = 204;
  response.headers.emplace_back("Set-Cookie", session_cookie(session->token, request.secure));
  return response;
}

Response sign_out(App& app, Request& request) {
  const std::string_view token = cookie(request, kCookie);
  if (!token.empty()) {
    if (const Status ended = app.registry.end_session(token); !ended) return error_response(Surface::kNative, ended.error());
    if (const auto kept = app.record(request.identity, "sign-out", request.identity.person.name, "", Json::object()); !kept) {
      return error_response(Surface::kNative, kept.error());
    }
  }
  const bool on = request.identity.how == "oidc" && app.sign_in->settings.oidc && app.sign_in->settings.oidc->sign_out_there;
  Response response;
  response.status = 204;
  response.headers.emplace_back("Set-Cookie", set_cookie("", request.secure, true));
  if (!on) return response;
  // Here it is done; that the provider cannot say where its own page is changes nothing.
  response.later = [&app, done = response]() mutable -> Response {
    const auto url = app.sign_in->provider->end_session_url();
    if (!url || url->empty()) return done;
    Response go_on = json_response({{"continue", *url}});
    go_on.headers.insert(go_on.headers.end(), done.headers.begin(), done.headers.end());
    return go_on;
  };
  return response;
}

}  // namespace sillok::server
