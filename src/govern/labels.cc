#include <algorithm>

#include "govern/govern.h"

namespace sillok::govern {
namespace {

constexpr size_t kMaxGroups = 64;       // of one label
constexpr size_t kMaxGroupBytes = 64;   // of one name

bool good_group(std::string_view name) {
  if (name.empty() || name.size() > kMaxGroupBytes || !is_valid_utf8(name)) return false;
  return std::none_of(name.begin(), name.end(), [](char c) {
    const auto byte = static_cast<uint8_t>(c);
    return byte <= 0x20 || byte == 0x7F || c == ':' || c == '"' || c == '\\';
  });
}

}  // namespace

bool dominates(const Clearance& clearance, const Label& label) {
  return clearance.level >= label.level &&
         std::includes(clearance.groups.begin(), clearance.groups.end(), label.groups.begin(), label.groups.end());
}

Label join(const Label& a, const Label& b) {
  Label out;
  out.level = std::max(a.level, b.level);
  std::set_union(a.groups.begin(), a.groups.end(), b.groups.begin(), b.groups.end(), std::back_inserter(out.groups));
  return out;
}

Lattice::Lattice(std::vector<std::string> levels, std::vector<std::string> titles)
    : levels_(std::move(levels)), titles_(std::move(titles)) {
  SILLOK_CHECK(!levels_.empty());
  if (titles_.empty()) titles_ = levels_;
  SILLOK_CHECK(titles_.size() == levels_.size());
}

Result<Lattice> Lattice::of_home(const fs::path& home) {
  SILLOK_ASSIGN(Settings settings, load_settings(home));
  return std::move(settings.lattice);
}

Result<Label> Lattice::parse(std::string_view text) const {
  const std::string_view written = trim(text);
  const size_t colon = written.find(':');
  const std::string_view level = trim(written.substr(0, colon));
  Label label;
  std::string known;
  bool found = false;
  for (size_t i = 0; i < levels_.size(); ++i) {
    if (!found && (level == levels_[i] || level == titles_[i])) {
      label.level = static_cast<uint32_t>(i);
      found = true;
    }
    known += (known.empty() ? "" : ", ") + levels_[i];
    if (titles_[i] != levels_[i]) known += " (" + titles_[i] + ")";
  }
  if (!found) {
    return fail(ErrorCode::kInvalid, "there is no label '" + shorten(clean_utf8(level), 40) + "'; known are " + known +
                                         " (sillok.toml, [labels])");
  }
  if (colon == written.npos) return label;
  for (const std::string_view part : split(written.substr(colon + 1), ',')) {
    const std::string_view group = trim(part);
    if (!good_group(group)) {
      return fail(ErrorCode::kInvalid, "'" + shorten(clean_utf8(group), 40) + "' is no group of a label; write them as S:finance,personnel");
    }
    label.groups.emplace_back(group);
  }
  std::sort(label.groups.begin(), label.groups.end());
  label.groups.erase(std::unique(label.groups.begin(), label.groups.end()), label.groups.end());
  if (label.groups.size() > kMaxGroups) {
    return fail(ErrorCode::kLimit, "a label has more than " + std::to_string(kMaxGroups) + " groups");
  }
  return label;
}

std::string Lattice::text(const Label& label) const {
  SILLOK_CHECK(label.level < levels_.size());
  std::string out = levels_[label.level];
  if (!label.groups.empty()) out += ":" + sillok::join(label.groups, ",");
  return out;
}

bool Lattice::dominates(const Clearance& clearance, std::string_view label_text) const {
  const auto label = parse(label_text);
  return label && govern::dominates(clearance, *label);
}

Result<Label> Lattice::join(const std::vector<std::string>& labels) const {
  Label all = bottom();
  for (const std::string& text : labels) {
    SILLOK_ASSIGN(const Label label, parse(text));
    all = govern::join(all, label);
  }
  return all;
}

bool Lattice::covers(const std::vector<std::string>& carried, std::string_view label) const {
  return std::any_of(carried.begin(), carried.end(), [&](const std::string& text) {
    const auto clearance = parse(text);
    return clearance && dominates(*clearance, label);
  });
}

}  // namespace sillok::govern
