// People and their keys. Every change is recorded.
#include "server/app.h"

namespace sillok::server {
namespace {

Json key_json(const govern::Key& key) {
  Json scopes = Json::array();
  for (const govern::Scope scope : key.scopes) scopes.push_back(govern::to_string(scope));
  const auto time = [](Micros when) { return when > 0 ? Json(format_micros(when)) : Json(); };
  return {{"id", key.id}, {"person", key.person}, {"scopes", std::move(scopes)}, {"created", time(key.created)},
          {"expires", time(key.expires)}, {"last_used", time(key.last_used)}, {"revoked", key.revoked}};
}

// The one thing that changing or removing people is in conflict with.
Response last_administrator(const Error& error) {
  return error.code == ErrorCode::kConflict ? error_response(Surface::kNative, 409, "last_administrator", error.message) : native(error);
}

// The fields of the body that say something of a person, laid over `person`. Names what changed.
Result<std::vector<std::string>> take_person(const App& app, const Json& body, govern::Person& person) {
  std::vector<std::string> changed;
  SILLOK_ASSIGN(const auto title, text_field(body, "title"));
  SILLOK_ASSIGN(const auto role, text_field(body, "role"));
  SILLOK_ASSIGN(const auto label, text_field(body, "label"));
  SILLOK_ASSIGN(const auto disabled, flag_field(body, "disabled"));
  if (title) {
    person.title = *title;
    changed.emplace_back("title");
  }
  if (role) {
    SILLOK_ASSIGN(person.role, govern::role_from(*role));
    changed.emplace_back("role");
  }
  if (label) {
    SILLOK_ASSIGN(person.clearance, app.settings.lattice.parse(*label));
    changed.emplace_back("label");
  }
  if (disabled) {
    person.disabled = *disabled;
    changed.emplace_back("disabled");
  }
  return changed;
}

Json person_details(const App& app, const char* act, const govern::Person& person, std::vector<std::string> changed) {
  return {{"act", act}, {"role", govern::to_string(person.role)}, {"label", app.settings.lattice.text(person.clearance)},
          {"disabled", person.disabled}, {"changed", std::move(changed)}};
}

}  // namespace

Response list_people(App& app, Request&) {
  Json people = Json::array();
  for (const auto& person : app.registry.people()) people.push_back(person_json(app, person));
  return json_response({{"people", std::move(people)}});
}

Response add_person(App& app, Request& request) {
  const auto body = parse_json(request.body);
  if (!body) return native(body.error());
  const auto name = required_text(*body, "name");
  if (!name) return native(name.error());
  const auto password = text_field(*body, "password");
  if (!password) return native(password.error());
  govern::Person person;
  person.name = *name;
  const auto source = text_field(*body, "source");
  if (!source) return native(source.error());
  person.source = source->value_or("local");
  if (person.source != "local" && person.source != "oidc" && person.source != "ldap") {
    return error_response(Surface::kNative, 400, "invalid", "source is \"local\", \"oidc\" or \"ldap\": by what the person signs in");
  }
  if (person.source != "local" && *password) return error_response(Surface::kNative, 400, "invalid", "who signs in by " + person.source + " has no password here");
  const auto taken = take_person(app, *body, person);
  if (!taken) return native(taken.error());
  std::optional<std::string_view> secret;
  if (*password) secret = **password;
  if (const Status added = app.registry.add_person(person, secret); !added) {
    return added.error().code == ErrorCode::kConflict ? error_response(Surface::kNative, 409, "name_taken", added.error().message) : native(added.error());
  }
  if (const auto kept = app.record(request.identity, "person", *name, "", person_details(app, "add", person, {})); !kept) return native(kept.error());
  const auto added = app.registry.person(*name);
  if (!added) return native(added.error());
  return json_response(person_json(app, *added), 201);
}

Response change_person(App& app, Request& request) {
  const auto body = parse_json(request.body);
  if (!body) return native(body.error());
  auto person = app.registry.person(request.captures[0]);
  if (!person) return native(person.error());
  auto changed = take_person(app, *body, *person);
  if (!changed) return native(changed.error());
  const auto password = text_field(*body, "password");
  if (!password) return native(password.error());
  const bool oneself = person->name == request.identity.person.name;
  if (oneself && (person->disabled || person->role != request.identity.person.role)) {
    return error_response(Surface::kNative, 409, "conflict", "nobody disables himself or changes his own role; another administrator does");
  }
  if (!changed->empty()) {
    if (const Status done = app.registry.change_person(*person); !done) return last_administrator(done.error());
  }
  if (*password) {
    if (const Status done = app.registry.set_password(person->name, **password); !done) {
      const bool weak = done.error().code == ErrorCode::kInvalid;
      return error_response(Surface::kNative, status_of(done.error().code), weak ? "weak_password" : code_of(status_of(done.error().code)), done.error().message);
    }
    changed->emplace_back("password");
  }
  if (const auto kept = app.record(request.identity, "person", person->name, "", person_details(app, "change", *person, *changed)); !kept) {
    return native(kept.error());
  }
  const auto now = app.registry.person(person->name);
  if (!now) return native(now.error());
  return json_response(person_json(app, *now));
}

Response remove_person(App& app, Request& request) {
  const std::string& name = request.captures[0];
  if (name == request.identity.person.name) return error_response(Surface::kNative, 409, "conflict", "nobody removes himself; another administrator does");
  const auto person = app.registry.person(name);
  if (!person) return native(person.error());
  if (const Status done = app.registry.remove_person(name); !done) return last_administrator(done.error());
  if (const auto kept = app.record(request.identity, "person", name, "", person_details(app, "remove", *person, {})); !kept) return native(kept.error());
  Response response;
  response.status = 204;
  return response;
}

// ---------------------------------------------------------------------------------------------
// Keys

namespace {

// A key must not beget a key of more scopes than it has itself; a session may do what its person may.
bool may_manage(const Request& request, const std::string& person) {
  if (request.identity.may(govern::Scope::kPeople)) return true;
  return person == request.identity.person.name && request.identity.how == "session";
}

}  // namespace

Response list_keys(App& app, Request& request) {
  const bool all = request.identity.may(govern::Scope::kPeople);
  Json keys = Json::array();
  for (const auto& key : app.registry.keys()) {
    if (all || key.person == request.identity.person.name) keys.push_back(key_json(key));
  }
  return json_response({{"keys", std::move(keys)}});
}

Response create_key(App& app, Request& request) {
  const auto body = parse_json(request.body);
  if (!body) return native(body.error());
  const auto person = text_field(*body, "person");
  if (!person) return native(person.error());
  const std::string owner = person->value_or(request.identity.person.name);
  if (!may_manage(request, owner)) return error_response(Surface::kNative, 403, "forbidden", "only who manages people makes keys for others, or by a key");
  const auto found = body->find("scopes");
  if (found == body->end() || !found->is_array() || found->empty()) return error_response(Surface::kNative, 400, "invalid", "\"scopes\" must be a list of scopes, such as [\"ask\",\"search\"]");
  std::vector<govern::Scope> scopes;
  for (const Json& each : *found) {
    if (!each.is_string()) return error_response(Surface::kNative, 400, "invalid", "\"scopes\" must be a list of scopes, such as [\"ask\",\"search\"]");
    const auto scope = govern::scope_from(each.get<std::string>());
    if (!scope) return native(scope.error());
    if (request.identity.how != "session" && !request.identity.may(*scope)) {
      return error_response(Surface::kNative, 403, "forbidden", "a key cannot make a key with the scope '" + each.get<std::string>() + "', which it does not have");
    }
    scopes.push_back(*scope);
  }
  const auto days = integer_field(*body, "expires_days", 0, 3650);
  if (!days) return native(days.error());
  constexpr int64_t kUsualDays = 365;
  const int64_t lasts = days->value_or(kUsualDays);
  const auto made = app.registry.create_key(owner, scopes, lasts == 0 ? 0 : now_micros() + lasts * kDay);
  if (!made) return native(made.error());
  if (const auto kept = app.record(request.identity, "key", owner, "", {{"act", "create"}, {"key", made->key.id}, {"scopes", *found}}); !kept) return native(kept.error());
  return json_response({{"key", key_json(made->key)}, {"secret", made->secret}}, 201);
}

Response revoke_key(App& app, Request& request) {
  for (const auto& key : app.registry.keys()) {
    if (key.id != request.captures[0] || !may_manage(request, key.person)) continue;
    if (const Status done = app.registry.revoke_key(key.id); !done) return native(done.error());
    if (const auto kept = app.record(request.identity, "key", key.person, "", {{"act", "revoke"}, {"key", key.id}}); !kept) return native(kept.error());
    Response response;
    response.status = 204;
    return response;
  }
  return error_response(Surface::kNative, 404, "not_found", "there is no key '" + shorten(clean_utf8(request.captures[0]), 40) + "'");
}

}  // namespace sillok::server
