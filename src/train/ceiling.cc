#include "train/ceiling.h"

#include <algorithm>
#include <tuple>

namespace sillok::train {

Result<govern::Clearance> label_ceiling(const archive::Archive& archive, std::string_view text) {
  const govern::Lattice& lattice = archive.settings().lattice;
  return text.empty() ? lattice.bottom() : lattice.parse(text);
}

std::vector<std::string> in_order(const govern::Lattice& lattice, const std::set<std::string>& labels) {
  std::vector<std::string> order(labels.begin(), labels.end());
  const auto level = [&](const std::string& label) {
    const auto parsed = lattice.parse(label);
    return parsed ? parsed->level : static_cast<uint32_t>(lattice.levels().size());
  };
  std::stable_sort(order.begin(), order.end(), [&](const std::string& a, const std::string& b) { return level(a) < level(b); });
  return order;
}

std::string joined(const govern::Lattice& lattice, const std::vector<std::string>& labels) {
  const auto join = lattice.join(labels);
  SILLOK_CHECK(join);
  return lattice.text(*join);
}

}  // namespace sillok::train
