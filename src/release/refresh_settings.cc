// [refresh] of home/sillok.toml.
#include <toml++/toml.h>

#include "release/release.h"

namespace sillok::release {
namespace {

Result<RefreshSettings> read_section(const toml::table& root, const std::string& where) {
  RefreshSettings settings;
  const toml::node* node = root.get("refresh");
  if (node == nullptr) return settings;
  const auto wrong = [&](const std::string& what) { return fail(ErrorCode::kInvalid, where + ": " + what + "; correct it, or copy that of a new home"); };
  const toml::table* section = node->as_table();
  if (section == nullptr) return wrong("refresh must be a section, [refresh]");
  for (const auto& [key, value] : *section) {
    const std::string name(key.str());
    const auto number = [&](double& out, double most) {
      const auto found = value.value<double>();
      if (!found || !(*found >= 0) || *found > most) return false;
      out = *found;
      return true;
    };
    bool good = false;
    if (name == "sources") {
      const toml::array* list = value.as_array();
      good = list != nullptr;
      for (size_t i = 0; good && i < list->size(); ++i) {
        const auto text = (*list)[i].value<std::string>();
        good = text && !text->empty();
        if (good) settings.sources.push_back(*text);
      }
    } else if (name == "gold") {
      good = value.is_string();
      if (good) settings.gold = *value.value<std::string>();
    } else if (name == "promote") {
      good = value.is_boolean();
      if (good) settings.promote = *value.value<bool>();
    } else if (name == "every_s") {
      double seconds = 0;
      good = number(seconds, 86'400) && seconds >= 1;
      settings.every_s = static_cast<uint32_t>(seconds);
    } else if (name == "retrain_days") {
      good = number(settings.retrain_days, 36'500);
    } else if (name == "retrain_changed") {
      good = number(settings.retrain_changed, 100);
    } else if (name == "retrain_drift") {
      good = number(settings.retrain_drift, 100);
    } else if (name == "budget_minutes") {
      good = number(settings.budget_minutes, 1e6);
    } else if (name == "budget_wh") {
      good = number(settings.budget_wh, 1e9);
    } else if (name == "watts") {
      good = number(settings.watts, 1e6);
    } else {
      return wrong("refresh." + shorten(name, 40) + " is no setting");
    }
    if (!good) return wrong("refresh." + name + " has a value that makes no sense");
  }
  return settings;
}

}  // namespace

Result<RefreshSettings> load_refresh_settings(const fs::path& home) {
  const fs::path path = home / "sillok.toml";
  SILLOK_ASSIGN(const std::string text, read_file(path));
  try {
    return read_section(toml::parse(text, path.string()), path.string());
  } catch (const toml::parse_error& error) {
    return fail(ErrorCode::kInvalid, path.string() + ", line " + std::to_string(error.source().begin.line) + ": " + std::string(error.description()) +
                                         "; correct it, or copy that of a new home");
  }
}

Result<fs::path> gold_file(const fs::path& home) {
  SILLOK_ASSIGN(const RefreshSettings settings, load_refresh_settings(home));
  return home / settings.gold;
}

}  // namespace sillok::release
