// How releases stand, for whoever looks at them and changes nothing.
#include "release/parts.h"

namespace sillok::release {

Result<std::string> held_against(const fs::path& home, const Release& release) {
  SILLOK_ASSIGN(const Current current, read_current(home));
  if (current.id != release.id) return current.id;
  return current.history.empty() ? std::string() : current.history.back().first;
}

std::optional<Wish> wish_for(const fs::path& home, const Release& release) {
  const auto audit = govern::Audit::open(home);
  if (!audit) return std::nullopt;
  const auto json = read_signed(wish_path(home, release), &*audit, kForcePurpose);
  if (!json || json->value("release_sha256", "") != release.sha256) return std::nullopt;
  return Wish{json->value("person", ""), json->value("reason", ""), json->value("made", "")};
}

Standing check_standing(const fs::path& home, Check check) {
  Standing out;
  const auto current = read_current(home);
  if (!current) {
    out.problems.push_back(current.error().message);
    return out;
  }
  out.id = current->id;
  std::vector<std::pair<std::string, std::string>> looked_at;
  if (!current->id.empty()) looked_at.emplace_back(current->id, current->sha256);
  if (!current->history.empty()) looked_at.push_back(current->history.back());
  for (const auto& [id, sha256] : looked_at) {
    const std::string where = (id == current->id ? "the release in force, " : "the release that a rollback goes to, ") + id;
    const auto wrong = [&](const Error& error) { out.problems.push_back(where + ": " + error.message); };
    const auto release = load(home, id);
    if (!release) {
      wrong(release.error());
      continue;
    }
    if (release->sha256 != sha256) wrong({ErrorCode::kInvalid, "it is not what was promoted: its file has changed"});
    for (const Artefact& a : release->settings.artefacts) {
      if (const Status good = check_object(home, a, check); !good) wrong(good.error());
    }
    if (const auto report = load_report(home, *release); !report) wrong(report.error());
  }
  return out;
}

}  // namespace sillok::release
