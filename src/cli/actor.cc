#include "cli/actor.h"

#include <unistd.h>

namespace sillok::cli {

bool Actor::masks(const govern::Settings& settings) const {
  if (!person || settings.personal == govern::PersonalPolicy::kShow) return false;
  return person->role != govern::Role::kCurator && person->role != govern::Role::kAdministrator;
}

Result<Actor> open_actor(const fs::path& home, const std::string& as) {
  Actor actor;
  if (as.empty()) return actor;
  SILLOK_ASSIGN(const govern::Registry registry, govern::Registry::open(home));
  SILLOK_ASSIGN(actor.person, registry.person(as));
  if (actor.person->disabled) return fail(ErrorCode::kDenied, "--as: '" + actor.person->name + "' is disabled");
  actor.name = actor.person->name;
  return actor;
}

Status audit_act(const fs::path& home, const Actor& actor, const std::string& kind, const std::string& subject, const Json& details,
                 const std::string& label) {
  if (::access(home.c_str(), W_OK) != 0) {
    std::fprintf(stderr, "note: %s cannot be written; this act is not in its audit log\n", home.c_str());
    return {};
  }
  auto audit = govern::Audit::open(home);
  if (!audit) return fail(audit.error());
  const auto id = audit->append({kind, actor.name, "command line", label, subject,
                                 details.dump(-1, ' ', false, Json::error_handler_t::replace)});
  if (!id) return fail(id.error());
  return {};
}

std::string join_labels(const govern::Lattice& lattice, const std::vector<std::string>& labels) {
  govern::Label all;
  for (const std::string& text : labels) {
    const auto label = lattice.parse(text);
    // One that is no longer known counts as the highest.
    all = govern::join(all, label ? *label : govern::Label{static_cast<uint32_t>(lattice.levels().size() - 1), {}});
  }
  return lattice.text(all);
}

}  // namespace sillok::cli
