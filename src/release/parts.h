// Private to release: where things lie, and how they are written and signed.
//
//   releases/lock                    held by whoever proposes, evaluates, promotes or rolls back
//   releases/current                 {"id","sha256","person","since","history":[{"id","sha256"},...],"forced"?}; the last of
//                                    the history was in force before. Replaced atomically: it is the promotion
//   releases/ID/release.json         a Release, canonical JSON with "signature"
//   releases/ID/report.json          an evaluate::Report with "release_sha256" and "signature"
//   releases/ID/forced.json          one person's wish to promote it all the same, signed
//   releases/objects/SHA256/NAME     a file, and beside it
//   releases/objects/SHA256/.seen    its size, time and inode when it was hashed
#pragma once

#include <nlohmann/json.hpp>

#include "govern/govern.h"
#include "release/release.h"

namespace sillok::release {

using Json = nlohmann::json;  // keys sorted: the canonical form is dump() of it

inline fs::path folder_of(const fs::path& home) { return home / "releases"; }
inline fs::path object_folder(const fs::path& home, const std::string& sha256) { return folder_of(home) / "objects" / sha256; }
inline fs::path object_path(const fs::path& home, const Artefact& a) { return object_folder(home, a.sha256) / a.name; }

Result<FileLock> lock(const fs::path& home);
std::string canonical(const Json& json);
// Signs the JSON, writes it with its signature. `purpose` as govern::Audit::sign.
Status write_signed(const fs::path& path, Json json, const govern::Audit& audit, std::string_view purpose);
// The JSON without its signature. kInvalid where it is not canonical or, if `audit` is given, not signed by the home's key.
Result<Json> read_signed(const fs::path& path, const govern::Audit* audit, std::string_view purpose);

// ---- objects
// Keeps the file under its hash. What is kept already is not read again.
Result<Artefact> keep_object(const fs::path& home, Role role, const fs::path& file);
// Whether the object is there with its hash.
Status check_object(const fs::path& home, const Artefact& artefact, Check check);

// ---- what is in force
struct Current {
  std::string id, sha256;            // id "": none
  std::vector<std::pair<std::string, std::string>> history;  // ids and hashes, oldest first
};
Result<Current> read_current(const fs::path& home);
Status write_current(const fs::path& home, const Current& current, const Act& act, const Json& forced);
InForce settings_of(const fs::path& home, const Release& release);

// kUnsupported where this program ranks or prompts otherwise than the one that made the release.
Status check_program(const Release& release);
inline constexpr std::string_view kReleasePurpose = "release", kReportPurpose = "release report", kForcePurpose = "release forced";
inline fs::path wish_path(const fs::path& home, const Release& release) { return folder_of(home) / release.id / "forced.json"; }

Json json_of(const Release& release);
Result<Release> release_from(const Json& json, const std::string& id);
// Whether proposing now would give the release's settings.
Result<bool> has_present_settings(const archive::Archive& archive, const Release& release);
bool same_settings(const Release& a, const Release& b);
// How a round of refresh acts. One release that rounds made takes the place of another with the same settings: going back is to
// other settings, not to older records.
inline constexpr std::string_view kRoundHow = "refresh";
// Removes releases made by rounds that were neither in force last nor are to go back to, but for the newest so many.
Status prune_rounds(const fs::path& home, size_t kept);
// Loads without the home's key: the hash is compared with `sha256`.
Result<Release> load_by_hash(const fs::path& home, const std::string& id, const std::string& sha256);
Status note(const fs::path& home, const Act& act, const std::string& subject, const std::string& label, const Json& details);

}  // namespace sillok::release
