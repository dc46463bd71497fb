// Private to documents: styles and list labels of OpenDocument text.
#pragma once

#include <array>
#include <map>

#include "documents/xml.h"

namespace sillok::documents {

inline constexpr size_t kOdfListLevels = 10;
using OdfCounters = std::array<int64_t, kOdfListLevels>;  // 0 = not counted yet

class OdfStyles {
 public:
  // Adds the styles of styles.xml, content.xml or a flat document.
  void read(pugi::xml_node root);
  // Whether a paragraph style or one of its ancestors has this name.
  bool descends_from(std::string_view style, std::string_view ancestor) const;
  // The label for an item at 0-based `level` once its counter is set, with a space behind; "" if it
  // has none.
  std::string label(std::string_view list_style, size_t level, const OdfCounters& counters) const;
  int64_t start(std::string_view list_style, size_t level) const;
  // The style of a document's numbered headings is kept under this name.
  static constexpr std::string_view kOutline = "\x01outline";

 private:
  struct Level {
    std::string format, prefix, suffix, bullet, pattern;
    int64_t start = 1;
    int64_t shown_levels = 1;
  };
  void read_list(std::string name, pugi::xml_node node);
  const Level* level_of(std::string_view list_style, size_t level) const;

  std::map<std::string, std::string, std::less<>> parents_;
  std::map<std::string, std::map<size_t, Level>, std::less<>> lists_;
};

}  // namespace sillok::documents
