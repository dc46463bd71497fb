// Which release is in force: the file that says so, and the settings that follow.
#include <sys/stat.h>

#include "release/parts.h"

namespace sillok::release {
namespace {

constexpr size_t kMostHistory = 100;

}  // namespace

Result<Current> read_current(const fs::path& home) {
  const auto text = read_file(folder_of(home) / "current", 1 << 20);
  if (!text) return text.error().code == ErrorCode::kNotFound ? Result<Current>(Current{}) : fail(text.error());
  const Json json = Json::parse(*text, nullptr, false);
  Current current;
  try {
    current.id = json.at("id").get<std::string>();
    current.sha256 = json.at("sha256").get<std::string>();
    for (const Json& each : json.at("history")) current.history.emplace_back(each.at("id").get<std::string>(), each.at("sha256").get<std::string>());
  } catch (const std::exception&) {
    return fail(ErrorCode::kInvalid, (folder_of(home) / "current").string() + " is damaged; promote a release again: `sillok release list` shows them");
  }
  return current;
}

Status write_current(const fs::path& home, const Current& current, const Act& act, const Json& forced) {
  Json json = {{"id", current.id}, {"sha256", current.sha256}, {"person", act.person}, {"since", format_micros(now_micros())}};
  Json history = Json::array();
  const size_t first = current.history.size() > kMostHistory ? current.history.size() - kMostHistory : 0;
  for (size_t i = first; i < current.history.size(); ++i) history.push_back({{"id", current.history[i].first}, {"sha256", current.history[i].second}});
  json["history"] = std::move(history);
  if (!forced.is_null()) json["forced"] = forced;
  return write_file_atomic(folder_of(home) / "current", canonical(json) + "\n");
}

InForce settings_of(const fs::path& home, const Release& release) {
  InForce now;
  now.id = release.id;
  now.label = release.label;
  now.threshold = release.settings.threshold;
  now.writer = release.settings.writer;
  for (const Artefact& a : release.settings.artefacts) {
    const fs::path path = object_path(home, a);
    if (a.role == Role::kGenerator) now.writer.model = path.string();
    else if (a.role == Role::kAdapter) now.writer.adapter = path.string();
    else if (a.role == Role::kEncoder) now.writer.encoder = path.string();
    else now.retriever = path;
  }
  return now;
}

Result<InForce> in_force(const fs::path& home) {
  SILLOK_ASSIGN(const Current current, read_current(home));
  if (current.id.empty()) {
    InForce own;
    own.threshold = answer::load_threshold(home);
    SILLOK_ASSIGN(own.writer, answer::load_writer_settings(home));
    return own;
  }
  const auto checked = [&]() -> Result<InForce> {
    SILLOK_ASSIGN(const Release release, load_by_hash(home, current.id, current.sha256));
    for (const Artefact& a : release.settings.artefacts) SILLOK_TRY(check_object(home, a, Check::kSeen));
    return settings_of(home, release);
  }();
  if (!checked) {
    return fail(ErrorCode::kInvalid, "the release in force, " + current.id + ", does not hold: " + checked.error().message +
                                         "; restore it, or `sillok release rollback`");
  }
  return checked;
}

std::string stamp(const fs::path& home) {
  struct stat info {};
  if (::stat((folder_of(home) / "current").c_str(), &info) != 0) return {};
  return std::to_string(info.st_ino) + "." + std::to_string(info.st_mtim.tv_sec) + "." + std::to_string(info.st_mtim.tv_nsec) + "." + std::to_string(info.st_size);
}

std::string audit_name(const InForce& now, std::string_view program) {
  return now.id.empty() ? std::string(program) : std::string(program) + " " + now.id;
}

}  // namespace sillok::release
