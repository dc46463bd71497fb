#include <toml++/toml.h>

#include "govern/govern.h"

namespace sillok::govern {
namespace {

constexpr size_t kMaxLevels = 32;
constexpr Micros kDay = 86'400'000'000;
// Korea's rules on access records and the EU AI Act (articles 19 and 26) ask for six months at least; five years is
// the longest that any of them names.
constexpr Micros kShortestRetention = 180 * kDay, kLongestRetention = 5 * 366 * kDay;

class SettingsReader {
 public:
  SettingsReader(const toml::table& root, std::string where) : root_(root), where_(std::move(where)) {}

  Result<Settings> read() {
    Settings settings;
    SILLOK_ASSIGN(settings.lattice, levels());
    const auto written = root_["labels"]["default"].value<std::string>();
    if (!written) return wrong("labels.default is missing");
    auto label = settings.lattice.parse(*written);
    if (!label) return fail(label.error().in(where_ + ": labels.default"));
    settings.default_label = std::move(*label);
    SILLOK_ASSIGN(settings.rules, rules(settings.lattice));
    SILLOK_ASSIGN(settings.markings, markings(settings.lattice));
    SILLOK_ASSIGN(settings.personal, personal());
    SILLOK_ASSIGN(settings.retention, retention());
    return settings;
  }

 private:
  tl::unexpected<Error> wrong(const std::string& what) const {
    return fail(ErrorCode::kInvalid, where_ + ": " + what + "; correct it, or copy that of a new home");
  }

  Result<Lattice> levels() const {
    const toml::array* known = root_["labels"]["known"].as_array();
    if (known == nullptr || known->empty()) return wrong("labels.known must list at least one { name, title }");
    if (known->size() > kMaxLevels) return wrong("labels.known has more than " + std::to_string(kMaxLevels) + " labels");
    std::vector<std::string> names, titles;
    for (const toml::node& node : *known) {
      const toml::table* entry = node.as_table();
      std::string name, title;
      if (entry != nullptr) {
        name = (*entry)["name"].value_or(std::string());
        title = (*entry)["title"].value_or(name);
      }
      if (name.empty()) return wrong("every entry of labels.known needs a name");
      if (name.find_first_of(":,") != name.npos) return wrong("the label '" + name + "' has a ':' or ',' in its name");
      for (const std::string& other : names) {
        if (other == name) return wrong("labels.known lists '" + name + "' twice");
      }
      names.push_back(std::move(name));
      titles.push_back(std::move(title));
    }
    return Lattice(std::move(names), std::move(titles));
  }

  Result<std::vector<LabelRule>> rules(const Lattice& lattice) const {
    std::vector<LabelRule> out;
    const auto node = root_["labels"]["rules"];
    if (!node) return out;
    const toml::array* list = node.as_array();
    if (list == nullptr) return wrong("labels.rules must be a list of { path, label }");
    for (const toml::node& entry : *list) {
      const toml::table* table = entry.as_table();
      const auto path = table == nullptr ? std::nullopt : (*table)["path"].value<std::string>();
      const auto text = table == nullptr ? std::nullopt : (*table)["label"].value<std::string>();
      if (!path || path->empty() || !text) return wrong("every entry of labels.rules needs a path and a label");
      auto label = lattice.parse(*text);
      if (!label) return fail(label.error().in(where_ + ": labels.rules, path '" + *path + "'"));
      out.push_back({*path, std::move(*label)});
    }
    return out;
  }

  // Those of Korean offices, if the home names none: 대외비 is the level above the lowest, the grades of 비밀 the highest.
  static std::vector<Marking> usual_markings(const Lattice& lattice) {
    std::vector<Marking> out;
    const auto highest = static_cast<uint32_t>(lattice.levels().size() - 1);
    if (highest == 0) return out;
    for (const char* text : {"대외비", "RESTRICTED", "FOROFFICIALUSEONLY"}) out.push_back({text, Label{1, {}}});
    for (const char* text : {"비밀", "극비", "1급비밀", "2급비밀", "3급비밀", "I급비밀", "II급비밀", "III급비밀", "Ⅰ급비밀", "Ⅱ급비밀",
                             "Ⅲ급비밀", "CONFIDENTIAL", "SECRET", "TOPSECRET"}) {
      out.push_back({text, Label{highest, {}}});
    }
    return out;
  }

  Result<std::vector<Marking>> markings(const Lattice& lattice) const {
    const auto node = root_["labels"]["markings"];
    if (!node) return usual_markings(lattice);
    const toml::array* list = node.as_array();
    if (list == nullptr) return wrong("labels.markings must be a list of { text, label }");
    std::vector<Marking> out;
    for (const toml::node& entry : *list) {
      const toml::table* table = entry.as_table();
      const auto written = table == nullptr ? std::nullopt : (*table)["text"].value<std::string>();
      const auto text = table == nullptr ? std::nullopt : (*table)["label"].value<std::string>();
      if (!written || trim(*written).empty() || !text) return wrong("every entry of labels.markings needs a text and a label");
      auto label = lattice.parse(*text);
      if (!label) return fail(label.error().in(where_ + ": labels.markings, text '" + *written + "'"));
      out.push_back({marking_key(*written), std::move(*label)});
    }
    return out;
  }

  Result<PersonalPolicy> personal() const {
    const auto node = root_["policy"]["personal"];
    if (!node) return PersonalPolicy::kMask;
    const auto written = node.value<std::string>();
    if (written == "mask") return PersonalPolicy::kMask;
    if (written == "show") return PersonalPolicy::kShow;
    return wrong("policy.personal must be \"mask\" or \"show\"");
  }

  Result<std::map<std::string, Micros>> retention() const {
    std::map<std::string, Micros> out;
    const auto node = root_["retention"];
    if (!node) return out;
    const toml::table* table = node.as_table();
    if (table == nullptr) return wrong("retention must be a table of kinds and times");
    for (const auto& [key, value] : *table) {
      const std::string kind(key.str());
      const auto days = period(value.value<std::string>().value_or(""));
      if (!days || *days < kShortestRetention || *days > kLongestRetention) {
        return wrong("retention." + kind + " must be from \"6 months\" to \"5 years\"");
      }
      out[kind == "default" ? "" : kind] = *days;
    }
    return out;
  }

  // "200 days", "6 months", "5 years".
  static std::optional<Micros> period(std::string_view text) {
    const std::string_view written = trim(text);
    const size_t digits = written.find_first_not_of("0123456789");
    if (digits == 0 || digits == written.npos || digits > 4) return std::nullopt;
    const Micros count = std::stoi(std::string(written.substr(0, digits)));
    const std::string_view unit = trim(written.substr(digits));
    if (unit == "days" || unit == "day") return count * kDay;
    if (unit == "months" || unit == "month") return count * 365 * kDay / 12;
    if (unit == "years" || unit == "year") return count * 365 * kDay;
    return std::nullopt;
  }

  const toml::table& root_;
  std::string where_;
};

}  // namespace

Result<Settings> parse_settings(std::string_view text, const fs::path& path) {
  try {
    const toml::table root = toml::parse(text, path.string());
    return SettingsReader(root, path.string()).read();
  } catch (const toml::parse_error& error) {
    return fail(ErrorCode::kInvalid, path.string() + ", line " + std::to_string(error.source().begin.line) + ": " +
                                         std::string(error.description()) + "; correct it, or copy that of a new home");
  } catch (const std::exception& error) {
    return fail(ErrorCode::kInvalid, path.string() + ": " + error.what());
  }
}

Result<Settings> load_settings(const fs::path& home) {
  const fs::path path = home / "sillok.toml";
  std::error_code error;
  if (!fs::exists(path, error)) {
    return fail(ErrorCode::kInvalid,
                path.string() + " is missing, which names the labels; restore it, or copy that of a new home");
  }
  SILLOK_ASSIGN(const std::string text, read_file(path));
  return parse_settings(text, path);
}

std::string marking_key(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    char32_t c = decode_utf8(text, at);
    if (c <= 0x20 || c == 0xA0 || c == 0x3000) continue;
    if (c >= 0xFF01 && c <= 0xFF5E) c -= 0xFEE0;
    if (c >= U'a' && c <= U'z') c -= 32;
    append_utf8(out, c);
  }
  return out;
}

// Backtracks to the last * only: linear in both for a single star, never worse than their product.
bool matches_glob(std::string_view glob, std::string_view path) {
  constexpr size_t kNone = std::string_view::npos;
  size_t g = 0, p = 0, star = kNone, star_path = 0, deep = kNone, deep_path = 0;
  bool whole_folders = false;  // the last ** was "**/": what follows it begins a name
  while (p < path.size()) {
    if (g < glob.size() && glob.substr(g, 2) == "**") {
      g += 2;
      // "**/" is any number of folders, none among them.
      whole_folders = g < glob.size() && glob[g] == '/' && (p == 0 || path[p - 1] == '/');
      if (whole_folders) ++g;
      deep = g;
      deep_path = p;
      star = kNone;
    } else if (g < glob.size() && glob[g] == '*') {
      star = ++g;
      star_path = p;
    } else if (g < glob.size() && path[p] != '/' && glob[g] == '?') {
      size_t next = p;
      decode_utf8(path, next);
      p = next;
      ++g;
    } else if (g < glob.size() && glob[g] == path[p]) {
      ++g;
      ++p;
    } else if (star != kNone && path[star_path] != '/') {
      g = star;
      p = ++star_path;
    } else if (deep != kNone) {
      g = deep;
      ++deep_path;
      while (whole_folders && deep_path < path.size() && path[deep_path - 1] != '/') ++deep_path;
      p = deep_path;
      star = kNone;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

}  // namespace sillok::govern
