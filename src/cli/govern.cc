#include "cli/govern.h"

#include "cli/govern_verbs.h"

namespace sillok::cli {

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
