// Names of roles and scopes, and what each role may do.
#include <algorithm>
#include <array>

#include "govern/govern.h"

namespace sillok::govern {
namespace {

constexpr std::array<std::string_view, 5> kRoles = {"member", "curator", "auditor", "administrator", "service"};
constexpr std::array<std::string_view, 10> kScopes = {"ask",      "search", "read",   "add",   "label",
                                                      "evaluate", "models", "people", "audit", "system"};

template <typename Enum, size_t N>
Result<Enum> find(const std::array<std::string_view, N>& names, std::string_view text, std::string_view what) {
  std::string known;
  for (size_t i = 0; i < N; ++i) {
    if (trim(text) == names[i]) return static_cast<Enum>(i);
    known += (i == 0 ? "" : ", ") + std::string(names[i]);
  }
  return fail(ErrorCode::kInvalid,
              "there is no " + std::string(what) + " '" + shorten(clean_utf8(text), 40) + "'; known are " + known);
}

constexpr uint32_t bit(Scope scope) { return 1u << static_cast<unsigned>(scope); }
constexpr uint32_t kReader = bit(Scope::kAsk) | bit(Scope::kSearch) | bit(Scope::kRead);
constexpr uint32_t kAll = (1u << kScopes.size()) - 1;

// By Role. An auditor sees what was done and changes nothing; an administrator may all that his clearance reaches.
constexpr std::array<uint32_t, 5> kAllowed = {
    kReader,
    kReader | bit(Scope::kAdd) | bit(Scope::kLabel) | bit(Scope::kEvaluate),
    kReader | bit(Scope::kAudit),
    kAll,
    kReader | bit(Scope::kAdd) | bit(Scope::kEvaluate),
};

}  // namespace

std::string_view to_string(Role role) { return kRoles[static_cast<size_t>(role)]; }
std::string_view to_string(Scope scope) { return kScopes[static_cast<size_t>(scope)]; }
Result<Role> role_from(std::string_view text) { return find<Role>(kRoles, text, "role"); }
Result<Scope> scope_from(std::string_view text) { return find<Scope>(kScopes, text, "scope"); }

bool allows(Role role, Scope scope) { return (kAllowed[static_cast<size_t>(role)] & bit(scope)) != 0; }

bool Identity::may(Scope scope) const {
  return std::find(scopes.begin(), scopes.end(), scope) != scopes.end() && allows(person.role, scope);
}

}  // namespace sillok::govern
