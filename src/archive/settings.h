// Private to archive: home/sillok.toml, as far as the archive honours it.
#pragma once

#include <string>
#include <vector>

#include "archive/archive.h"

namespace sillok::archive {

struct Settings {
  std::vector<LabelName> labels;  // levels, least sensitive first; never empty
  std::string default_label;
  govern::Settings govern;
};

// The file that `create` writes: every setting with its default, commented.
std::string_view default_settings();
// kInvalid names the line or the setting at fault. `path` is for the message only.
Result<Settings> parse_settings(std::string_view text, const fs::path& path);
// The label's canonical text for one as written; kInvalid lists the known levels.
Result<std::string> find_label(const Settings& settings, std::string_view written);

}  // namespace sillok::archive
