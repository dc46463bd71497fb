// From what a provider says to who that is here.
#include <algorithm>

#include "provider/provider.h"

namespace sillok::provider {
namespace {

tl::unexpected<Error> unknown(const char* what, std::string_view word) {
  return fail(ErrorCode::kDenied, std::string("the provider gives the ") + what + " '" + shorten(clean_utf8(word), 40) + "', which there is not here; an administrator must settle it");
}

bool fits(const Rule& rule, const std::vector<std::string>& groups) {
  const std::string wanted = ascii_lower(rule.group);
  return std::any_of(groups.begin(), groups.end(), [&](const std::string& group) { return ascii_lower(group) == wanted; });
}

}  // namespace

Result<govern::Person> person_of(const Mapping& mapping, const Vouched& said, const govern::Lattice& lattice) {
  govern::Person person;
  person.source = said.source;
  person.subject = said.subject;
  person.name = said.name;
  person.title = said.title;
  person.role = mapping.role;
  person.clearance = mapping.clearance;
  std::vector<std::string> groups = mapping.clearance.groups;
  if (mapping.take_groups) {
    // Names that cannot stand in a label are no groups here: that clears for less, never for more.
    std::copy_if(said.groups.begin(), said.groups.end(), std::back_inserter(groups), [&](const std::string& group) {
      const auto label = lattice.parse(lattice.levels()[0] + ":" + group);
      return label && label->groups == std::vector{group};
    });
  }
  bool role_decided = false;
  for (const Rule& rule : mapping.rules) {
    if (!fits(rule, said.groups)) continue;
    person.clearance.level = std::max(person.clearance.level, rule.level.value_or(0));
    groups.insert(groups.end(), rule.groups.begin(), rule.groups.end());
    if (rule.role && !role_decided) {
      person.role = *rule.role;
      role_decided = true;
    }
  }
  if (!said.level.empty()) {
    const auto label = lattice.parse(said.level);
    if (!label || !label->groups.empty()) return unknown("level", said.level);
    person.clearance.level = std::max(person.clearance.level, label->level);
  }
  if (!said.role.empty()) {
    const auto role = govern::role_from(said.role);
    if (!role) return unknown("role", said.role);
    if (!role_decided) person.role = *role;
  }
  std::sort(groups.begin(), groups.end());
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  person.clearance.groups = std::move(groups);
  // More groups than a label may have are refused as a whole: which of them to leave out is not for us to say.
  if (!lattice.parse(lattice.text(person.clearance))) return unknown("groups", lattice.text(person.clearance));
  return person;
}

}  // namespace sillok::provider
