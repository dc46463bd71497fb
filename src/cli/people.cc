// `sillok user` and `sillok key`.
#include <iostream>

#include "cli/actor.h"
#include "cli/govern_verbs.h"

namespace sillok::cli {
namespace {

using govern::Person;
using govern::Registry;

Json person_json(const Person& person, const govern::Lattice& lattice) {
  Json json;
  json["name"] = person.name;
  json["title"] = person.title.empty() ? person.name : person.title;
  json["role"] = std::string(govern::to_string(person.role));
  json["label"] = lattice.text(person.clearance);
  json["disabled"] = person.disabled;
  json["source"] = person.source;
  json["created"] = format_micros(person.created);
  json["last_sign_in"] = person.last_sign_in == 0 ? Json() : Json(format_micros(person.last_sign_in));
  return json;
}

Result<std::string> read_password() {
  std::string line;
  if (!std::getline(std::cin, line)) return fail(ErrorCode::kInvalid, "--password-stdin: standard input has no line with the password");
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return line;
}

std::string clearance_text(const UserArguments& a, const std::string& level) { return a.groups.empty() ? level : level + ":" + a.groups; }

Json key_json(const govern::Key& key) {
  Json json;
  json["id"] = key.id;
  json["person"] = key.person;
  json["scopes"] = Json::array();
  for (const govern::Scope scope : key.scopes) json["scopes"].push_back(std::string(govern::to_string(scope)));
  json["created"] = format_micros(key.created);
  json["expires"] = key.expires == 0 ? Json() : Json(format_micros(key.expires));
  json["last_used"] = key.last_used == 0 ? Json() : Json(format_micros(key.last_used));
  json["revoked"] = key.revoked;
  return json;
}

}  // namespace

int user_add(const Common& common, const UserArguments& a) {
  auto registry = Registry::open(common.home);
  if (!registry) return report_error(registry.error());
  const auto lattice = govern::Lattice::of_home(common.home);
  if (!lattice) return report_error(lattice.error());
  Person person;
  person.name = a.name;
  person.title = a.title;
  const auto role = govern::role_from(a.role);
  if (!role) return report_usage(role.error());
  person.role = *role;
  const auto clearance = lattice->parse(clearance_text(a, a.level.empty() ? lattice->levels()[0] : a.level));
  if (!clearance) return report_error(clearance.error());
  person.clearance = *clearance;
  std::optional<std::string> password;
  if (a.password_stdin) {
    auto line = read_password();
    if (!line) return report_error(line.error());
    password = std::move(*line);
  }
  const auto actor = open_actor(common.home, a.as);
  if (!actor) return report_error(actor.error());
  if (const Status done = registry->add_person(person, password ? std::optional<std::string_view>(*password) : std::nullopt); !done) {
    return report_error(done.error());
  }
  const Json shown = person_json(*registry->person(person.name), *lattice);
  if (const Status done = audit_act(common.home, *actor, "person", person.name, {{"act", "add"}, {"role", shown["role"]}, {"label", shown["label"]}}); !done) {
    return report_error(done.error());
  }
  if (common.json) print_json(shown);
  else std::printf("Added %s: %s, %s.\n", person.name.c_str(), a.role.c_str(), lattice->text(person.clearance).c_str());
  return 0;
}

int user_list(const Common& common) {
  const auto registry = Registry::open(common.home);
  if (!registry) return report_error(registry.error());
  const auto lattice = govern::Lattice::of_home(common.home);
  if (!lattice) return report_error(lattice.error());
  Json json = Json::array();
  for (const Person& person : registry->people()) {
    if (common.json) {
      json.push_back(person_json(person, *lattice));
    } else {
      std::printf("%-20s %-14s %-20s %s%s\n", person.name.c_str(), std::string(govern::to_string(person.role)).c_str(),
                  lattice->text(person.clearance).c_str(), person.title.c_str(), person.disabled ? "  (disabled)" : "");
    }
  }
  if (common.json) print_json({{"people", json}});
  return 0;
}

int user_change(const Common& common, const UserArguments& a, bool has_role) {
  auto registry = Registry::open(common.home);
  if (!registry) return report_error(registry.error());
  const auto lattice = govern::Lattice::of_home(common.home);
  if (!lattice) return report_error(lattice.error());
  const auto actor = open_actor(common.home, a.as);
  if (!actor) return report_error(actor.error());
  auto person = registry->person(a.name);
  if (!person) return report_error(person.error());
  const std::string before = std::string(govern::to_string(person->role)) + " " + lattice->text(person->clearance);
  if (has_role) {
    const auto role = govern::role_from(a.role);
    if (!role) return report_usage(role.error());
    person->role = *role;
  }
  if (!a.title.empty()) person->title = a.title;
  if (!a.level.empty() || a.has_groups) {
    const std::string level = a.level.empty() ? lattice->levels()[person->clearance.level] : a.level;
    const std::string groups = a.has_groups ? a.groups : join(person->clearance.groups, ",");
    const auto clearance = lattice->parse(groups.empty() ? level : level + ":" + groups);
    if (!clearance) return report_error(clearance.error());
    person->clearance = *clearance;
  }
  if (a.disable) person->disabled = true;
  if (a.enable) person->disabled = false;
  if (const Status done = registry->change_person(*person); !done) return report_error(done.error());
  const Json shown = person_json(*person, *lattice);
  const Json details = {{"act", "change"}, {"before", before}, {"role", shown["role"]}, {"label", shown["label"]}, {"disabled", person->disabled}};
  if (const Status done = audit_act(common.home, *actor, "person", person->name, details); !done) return report_error(done.error());
  if (common.json) print_json(shown);
  else std::printf("Changed %s.\n", person->name.c_str());
  return 0;
}

int user_remove(const Common& common, const UserArguments& a) {
  auto registry = Registry::open(common.home);
  if (!registry) return report_error(registry.error());
  const auto actor = open_actor(common.home, a.as);
  if (!actor) return report_error(actor.error());
  if (const Status done = registry->remove_person(a.name); !done) return report_error(done.error());
  if (const Status done = audit_act(common.home, *actor, "person", a.name, {{"act", "remove"}}); !done) return report_error(done.error());
  if (common.json) print_json({{"name", a.name}, {"disabled", true}});
  else std::printf("Removed %s: disabled, keys revoked. The name stays, since the audit log has it.\n", a.name.c_str());
  return 0;
}

int user_password(const Common& common, const UserArguments& a) {
  if (!a.password_stdin) return report_usage({ErrorCode::kInvalid, "user password: give the password on standard input, with --password-stdin"});
  auto registry = Registry::open(common.home);
  if (!registry) return report_error(registry.error());
  const auto actor = open_actor(common.home, a.as);
  if (!actor) return report_error(actor.error());
  const auto password = read_password();
  if (!password) return report_error(password.error());
  if (const Status done = registry->set_password(a.name, *password); !done) return report_error(done.error());
  if (const Status done = audit_act(common.home, *actor, "person", a.name, {{"act", "password"}}); !done) return report_error(done.error());
  if (common.json) print_json({{"name", a.name}});
  else std::printf("The password of %s is changed; their sessions have ended.\n", a.name.c_str());
  return 0;
}

int key_create(const Common& common, const KeyArguments& a) {
  constexpr Micros kDay = 86'400'000'000;
  auto registry = Registry::open(common.home);
  if (!registry) return report_error(registry.error());
  const auto actor = open_actor(common.home, a.as);
  if (!actor) return report_error(actor.error());
  std::vector<govern::Scope> scopes;
  for (const std::string& text : a.scopes) {
    const auto scope = govern::scope_from(text);
    if (!scope) return report_usage(scope.error());
    scopes.push_back(*scope);
  }
  const Micros expires = a.expires_days == 0 ? 0 : now_micros() + a.expires_days * kDay;
  const auto made = registry->create_key(a.name, scopes, expires);
  if (!made) return report_error(made.error());
  Json shown = key_json(made->key);
  if (const Status done = audit_act(common.home, *actor, "key", made->key.id, {{"act", "create"}, {"person", made->key.person}, {"scopes", shown["scopes"]}}); !done) {
    return report_error(done.error());
  }
  if (common.json) {
    shown["key"] = made->secret;
    print_json(shown);
  } else {
    std::printf("%s\nThis is the only time that the key is shown.\n", made->secret.c_str());
  }
  return 0;
}

int key_list(const Common& common) {
  const auto registry = Registry::open(common.home);
  if (!registry) return report_error(registry.error());
  Json json = Json::array();
  for (const govern::Key& key : registry->keys()) {
    const Json one = key_json(key);
    json.push_back(one);
    if (common.json) continue;
    std::string scopes;
    for (const Json& scope : one["scopes"]) scopes += (scopes.empty() ? "" : ",") + scope.get<std::string>();
    std::printf("%s  %-20s %-30s %s%s\n", key.id.c_str(), key.person.c_str(), scopes.c_str(),
                key.expires == 0 ? "" : ("until " + format_micros(key.expires)).c_str(), key.revoked ? "  (revoked)" : "");
  }
  if (common.json) print_json({{"keys", json}});
  return 0;
}

int key_revoke(const Common& common, const KeyArguments& a) {
  auto registry = Registry::open(common.home);
  if (!registry) return report_error(registry.error());
  const auto actor = open_actor(common.home, a.as);
  if (!actor) return report_error(actor.error());
  if (const Status done = registry->revoke_key(a.id); !done) return report_error(done.error());
  if (const Status done = audit_act(common.home, *actor, "key", a.id, {{"act", "revoke"}}); !done) return report_error(done.error());
  if (common.json) print_json({{"id", a.id}, {"revoked", true}});
  else std::printf("Revoked %s.\n", a.id.c_str());
  return 0;
}

}  // namespace sillok::cli
