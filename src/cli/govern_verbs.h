// Private to cli: what `sillok user`, `key`, `audit` and `label` do; each gives the program's exit status.
#pragma once

#include <string>
#include <vector>

#include "cli/options.h"

namespace sillok::cli {

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

int user_add(const Common& common, const UserArguments& arguments);
int user_list(const Common& common);
int user_change(const Common& common, const UserArguments& arguments, bool has_role);
int user_remove(const Common& common, const UserArguments& arguments);
int user_password(const Common& common, const UserArguments& arguments);
int key_create(const Common& common, const KeyArguments& arguments);
int key_list(const Common& common);
int key_revoke(const Common& common, const KeyArguments& arguments);
int audit_show(const Common& common, const AuditArguments& arguments);
int audit_verify(const Common& common);
int audit_export(const Common& common, const AuditArguments& arguments);
int audit_prune(const Common& common);
int run_label(const Common& common, const LabelArguments& arguments);

}  // namespace sillok::cli
