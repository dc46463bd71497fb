#include "cli/govern.h"

#include <iostream>

#include "cli/actor.h"

namespace sillok::cli {
namespace {

using govern::Audit;
using govern::Person;
using govern::Registry;

struct UserArguments {
  std::string name, title, level, groups, role = "member", as;
  bool password_stdin = false, disable = false, enable = false, has_groups = false;
};
struct KeyArguments {
  std::string name, id, as;
  std::vector<std::string> scopes;
  unsigned expires_days = 0;
};
struct AuditArguments {
  uint64_t id = 0, before = 0;
  size_t limit = 50;
  std::string kind, person, text, from, to, out, as;
};
struct LabelArguments {
  std::string record, label, reason, as;
  int64_t confirm = 0, refuse = 0;
  bool proposals = false;
};

// ---------------------------------------------------------------------------------------------
// People

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

// ---------------------------------------------------------------------------------------------
// Keys

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

// ---------------------------------------------------------------------------------------------
// Audit

Json entry_json(const govern::Entry& entry) {
  Json json;
  json["id"] = entry.id;
  json["time"] = format_micros(entry.time);
  json["kind"] = entry.event.kind;
  json["person"] = entry.event.person;
  json["how"] = entry.event.how;
  json["label"] = entry.event.label;
  json["subject"] = entry.event.subject;
  json["details"] = Json::parse(entry.event.details, nullptr, false);
  json["hash"] = entry.hash;
  return json;
}

Result<govern::AuditQuery> audit_query(const Common& common, const AuditArguments& a) {
  constexpr Micros kDay = 86'400'000'000;
  govern::AuditQuery query;
  query.kind = a.kind;
  query.person = a.person;
  query.text = a.text;
  query.before = a.before;
  query.limit = a.limit;
  if (!a.from.empty()) {
    SILLOK_ASSIGN(const Day day, day_option(a.from, "--from"));
    query.from = day * kDay;
  }
  if (!a.to.empty()) {
    SILLOK_ASSIGN(const Day day, day_option(a.to, "--to"));
    query.to = (Micros{day} + 1) * kDay;
  }
  SILLOK_ASSIGN(const Actor actor, open_actor(common.home, a.as));
  query.clearance = actor.clearance();
  return query;
}

int audit_show(const Common& common, const AuditArguments& a) {
  const auto query = audit_query(common, a);
  if (!query) return report_usage(query.error());
  const auto audit = Audit::open(common.home);
  if (!audit) return report_error(audit.error());
  std::vector<govern::Entry> entries;
  if (a.id != 0) {
    auto entry = audit->entry(a.id);
    if (!entry) return report_error(entry.error());
    entries.push_back(std::move(*entry));
  } else {
    entries = audit->find(*query);
  }
  Json json = Json::array();
  for (const govern::Entry& entry : entries) {
    if (common.json) {
      json.push_back(entry_json(entry));
    } else {
      std::printf("%6llu  %s  %-10s %-14s %s  %s\n", static_cast<unsigned long long>(entry.id), format_micros(entry.time).c_str(),
                  entry.event.kind.c_str(), entry.event.person.c_str(), entry.event.subject.c_str(), shorten(entry.event.details, 120).c_str());
    }
  }
  if (common.json) print_json({{"public_key", audit->public_key()}, {"entries", json}});
  return 0;
}

int audit_verify(const Common& common) {
  const auto audit = Audit::open(common.home);
  if (!audit) return report_error(audit.error());
  const govern::Verification found = audit->verify();
  if (common.json) {
    Json json = {{"ok", found.ok}, {"entries", found.entries}, {"first_bad", found.first_bad == 0 ? Json() : Json(found.first_bad)}};
    if (!found.ok) json["reason"] = found.reason;
    print_json(json);
  } else if (found.ok) {
    std::printf("The audit log is as it was written: %llu entries.\n", static_cast<unsigned long long>(found.entries));
  } else {
    std::printf("The audit log is NOT as it was written, from entry %llu on: %s\n", static_cast<unsigned long long>(found.first_bad), found.reason.c_str());
  }
  return found.ok ? 0 : 1;
}

int audit_export(const Common& common, const AuditArguments& a) {
  const auto query = audit_query(common, a);
  if (!query) return report_usage(query.error());
  const auto audit = Audit::open(common.home);
  if (!audit) return report_error(audit.error());
  const auto actor = open_actor(common.home, a.as);
  if (!actor) return report_error(actor.error());
  if (const Status done = audit->export_to(std::cout, *query); !done) return report_error(done.error());
  const Status noted = audit_act(common.home, *actor, "audit", "audit", {{"act", "export"}, {"kind", a.kind}, {"person", a.person}});
  return noted ? 0 : report_error(noted.error());
}

int audit_prune(const Common& common) {
  const auto settings = govern::load_settings(common.home);
  if (!settings) return report_error(settings.error());
  auto audit = Audit::open(common.home);
  if (!audit) return report_error(audit.error());
  const auto dropped = audit->prune(settings->retention);
  if (!dropped) return report_error(dropped.error());
  if (common.json) print_json({{"dropped", *dropped}});
  else std::printf("The contents of %llu entries were dropped; the chain stays whole.\n", static_cast<unsigned long long>(*dropped));
  return 0;
}

// ---------------------------------------------------------------------------------------------
// Labels

Json change_json(const archive::LabelChange& change) {
  Json json;
  json["record"] = change.record;
  json["before"] = change.from;
  json["label"] = change.label;
  json["reason"] = change.reason;
  json["person"] = change.person;
  json["made"] = format_micros(change.made);
  return json;
}

// Neither from nor to a label beyond the person's own clearance; and only who may label at all.
Status may_label(const Actor& actor, const archive::View& view, std::string_view record, std::string_view label) {
  if (!actor.person) return {};
  if (!govern::allows(actor.person->role, govern::Scope::kLabel)) {
    return fail(ErrorCode::kDenied, "'" + actor.name + "' may not change labels: the role " +
                                        std::string(govern::to_string(actor.person->role)) + " does not allow it");
  }
  const auto all = view.archive().versions(record);
  const bool sees_all = std::all_of(all.begin(), all.end(), [&](const archive::Version& v) { return view.sees(v.label); });
  if (view.versions(record).empty() || !sees_all) {
    return fail(ErrorCode::kNotFound, "there is no record '" + shorten(clean_utf8(record), 200) + "'");
  }
  SILLOK_ASSIGN(const govern::Label wanted, view.archive().settings().lattice.parse(label));
  if (!govern::dominates(actor.person->clearance, wanted)) {
    return fail(ErrorCode::kDenied, "'" + actor.name + "' is not cleared for " + std::string(label));
  }
  return {};
}

int finish_label(const Common& common, const Actor& actor, Home& home, const archive::LabelChange& change, const std::string& act, bool holds) {
  if (auto done = home.searcher.refresh(home.archive); !done) return report_error(done.error());
  Json json = change_json(change);
  json["act"] = act;
  if (change.proposal != 0) json["proposal"] = change.proposal;
  const std::string label = join_labels(home.archive.settings().lattice, {change.from, change.label});
  if (const Status done = audit_act(common.home, actor, "label", change.record, json, label); !done) return report_error(done.error());
  json["applied"] = holds;
  if (common.json) {
    print_json(json);
  } else if (holds) {
    std::printf("%s: %s, before %s.\n", change.record.c_str(), change.label.c_str(), change.from.c_str());
  } else if (act == "propose") {
    std::printf("Proposal %lld: %s from %s to %s. A second person confirms it: sillok label --confirm %lld --as NAME\n",
                static_cast<long long>(change.proposal), change.record.c_str(), change.from.c_str(), change.label.c_str(),
                static_cast<long long>(change.proposal));
  } else {
    std::printf("Proposal %lld is refused.\n", static_cast<long long>(change.proposal));
  }
  return 0;
}

int run_label(const Common& common, const LabelArguments& a) {
  const bool deciding = a.confirm != 0 || a.refuse != 0;
  if (a.proposals + deciding + !a.record.empty() != 1 || (!a.record.empty() && a.label.empty())) {
    return report_usage({ErrorCode::kInvalid, "label: give RECORD and LABEL (and --reason where that lowers it), or --confirm N, --refuse N, or --proposals"});
  }
  const auto actor = open_actor(common.home, a.as);
  if (!actor) return report_error(actor.error());
  auto home = open_home(common.home);
  if (!home) return report_error(home.error());
  const archive::View view(home->archive, actor->clearance());
  if (a.proposals) {
    Json json = Json::array();
    for (const auto& change : home->archive.proposals()) {
      if (!view.sees(change.from)) continue;
      Json one = change_json(change);
      one["proposal"] = change.proposal;
      json.push_back(one);
      if (!common.json) {
        std::printf("%lld  %s from %s to %s: %s (%s)\n", static_cast<long long>(change.proposal), change.record.c_str(),
                    change.from.c_str(), change.label.c_str(), change.reason.c_str(), change.person.c_str());
      }
    }
    if (common.json) print_json({{"proposals", json}});
    return 0;
  }
  if (deciding) {
    const int64_t id = a.confirm != 0 ? a.confirm : a.refuse;
    const auto open = home->archive.proposals();
    const auto known = std::find_if(open.begin(), open.end(), [&](const archive::LabelChange& c) { return c.proposal == id; });
    if (known != open.end()) {
      if (const Status may = may_label(*actor, view, known->record, known->label); !may) return report_error(may.error());
    }
    const auto change = home->archive.decide(id, a.confirm != 0, actor->name);
    if (!change) return report_error(change.error());
    return finish_label(common, *actor, *home, *change, a.confirm != 0 ? "confirm" : "refuse", a.confirm != 0);
  }
  const std::string record = archive::key_from(a.record);
  if (const Status may = may_label(*actor, view, record, a.label); !may) return report_error(may.error());
  const auto change = home->archive.label(record, a.label, a.reason, actor->name);
  if (!change) return report_error(change.error());
  return finish_label(common, *actor, *home, *change, change->proposal == 0 ? "raise" : "propose", change->proposal == 0);
}

}  // namespace

void define_govern(CLI::App& app, Common& common, std::function<int()>& verb) {
  // One run of the program is one verb: the arguments live as long as it does.
  static UserArguments user;
  static KeyArguments key;
  static AuditArguments audit;
  static LabelArguments label;
  const auto add = [&](CLI::App& under, const char* name, const char* what, std::function<int()> run) {
    CLI::App* made = under.add_subcommand(name, what);
    made->add_option("--home", common.home, "The home folder (default: $SILLOK_HOME or ./sillok-home)");
    made->add_flag("--json", common.json, "Print JSON");
    made->callback([&verb, run = std::move(run)] { verb = run; });
    return made;
  };
  const auto as = [](CLI::App* of, std::string& to) { of->add_option("--as", to, "Who does it (default: the command line itself)"); };

  auto* users = app.add_subcommand("user", "People: who they are and what they may see");
  users->require_subcommand(1);
  const auto person_options = [&](CLI::App* of) {
    of->add_option("name", user.name, "The name to sign in with")->required();
    of->add_option("--title", user.title, "The name that is shown");
    of->add_option("--level", user.level, "Clearance: the level");
    of->add_option_function<std::string>("--groups", [](const std::string& groups) {
      user.has_groups = true;
      user.groups = groups;
    }, "Clearance: the groups, a,b");
    as(of, user.as);
  };
  auto* user_adding = add(*users, "add", "Add a person", [&common] { return user_add(common, user); });
  person_options(user_adding);
  user_adding->add_option("--role", user.role, "member, curator, auditor, administrator or service");
  user_adding->add_flag("--password-stdin", user.password_stdin, "Read the password from standard input, one line");
  add(*users, "list", "List people", [&common] { return user_list(common); });
  auto* changing = add(*users, "change", "Change a person's title, role or clearance", {});
  person_options(changing);
  CLI::Option* role = changing->add_option("--role", user.role, "member, curator, auditor, administrator or service");
  changing->add_flag("--disable", user.disable, "No longer lets the person in");
  changing->add_flag("--enable", user.enable, "Lets a disabled person in again")->excludes("--disable");
  changing->callback([&common, &verb, role] { verb = [&common, role] { return user_change(common, user, role->count() > 0); }; });
  auto* removing = add(*users, "remove", "Remove a person: disabled, keys revoked", [&common] { return user_remove(common, user); });
  removing->add_option("name", user.name, "The name")->required();
  as(removing, user.as);
  auto* password = add(*users, "password", "Set a person's password", [&common] { return user_password(common, user); });
  password->add_option("name", user.name, "The name")->required();
  password->add_flag("--password-stdin", user.password_stdin, "Read the password from standard input, one line");
  as(password, user.as);

  auto* keys = app.add_subcommand("key", "Keys for programs");
  keys->require_subcommand(1);
  auto* creating = add(*keys, "create", "Make a key for a person; it is shown once", [&common] { return key_create(common, key); });
  creating->add_option("name", key.name, "Whose key")->required();
  creating->add_option("--scopes", key.scopes, "What it may do: ask,search,read,add,label,evaluate,models,people,audit,system")->delimiter(',')->required();
  creating->add_option("--expires-days", key.expires_days, "After so many days it ends")->check(CLI::Range(1, 36500));
  as(creating, key.as);
  add(*keys, "list", "List keys", [&common] { return key_list(common); });
  auto* revoking = add(*keys, "revoke", "End a key", [&common] { return key_revoke(common, key); });
  revoking->add_option("id", key.id, "The key's id")->required();
  as(revoking, key.as);

  auto* audits = app.add_subcommand("audit", "What was done, by whom");
  audits->require_subcommand(1);
  const auto query_options = [&](CLI::App* of) {
    of->add_option("--kind", audit.kind, "Only entries of this kind");
    of->add_option("--person", audit.person, "Only this person's");
    of->add_option("--text", audit.text, "Only entries with these words");
    of->add_option("--from", audit.from, "From this day on");
    of->add_option("--to", audit.to, "Up to this day");
    of->add_option("--as", audit.as, "Only what this person may see of it");
  };
  auto* showing = add(*audits, "show", "Show entries, the newest first", [&common] { return audit_show(common, audit); });
  showing->add_option("id", audit.id, "One entry");
  showing->add_option("--before", audit.before, "Only entries with a lower number");
  showing->add_option("--limit", audit.limit, "At most so many")->check(CLI::Range(1, 100000));
  query_options(showing);
  add(*audits, "verify", "Check that the log is as it was written", [&common] { return audit_verify(common); });
  auto* exporting = add(*audits, "export", "Entries as JSON lines, the oldest first", [&common] { return audit_export(common, audit); });
  query_options(exporting);
  auto* replaying = add(*audits, "replay", "Ask the question of an entry again, of the archive as it was, and compare", [&common] { return run_replay(common, audit.id); });
  replaying->add_option("id", audit.id, "The entry's number")->required();
  add(*audits, "prune", "Drop contents that were kept as long as sillok.toml says", [&common] { return audit_prune(common); });

  auto* labelling = add(app, "label", "Change a record's label: raising holds at once, lowering takes a second person", [&common] { return run_label(common, label); });
  labelling->add_option("record", label.record, "The record's key");
  labelling->add_option("label", label.label, "LEVEL or LEVEL:group,group");
  labelling->add_option("--reason", label.reason, "Why; lowering a label needs one");
  labelling->add_option("--confirm", label.confirm, "Confirm this proposal");
  labelling->add_option("--refuse", label.refuse, "Refuse this proposal");
  labelling->add_flag("--proposals", label.proposals, "List the proposals");
  as(labelling, label.as);
}

}  // namespace sillok::cli
