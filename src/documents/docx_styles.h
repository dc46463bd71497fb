// Private to documents: what styles.xml and numbering.xml say about a DOCX paragraph.
#pragma once

#include <array>
#include <map>
#include <set>

#include "documents/xml.h"

namespace sillok::documents {

inline constexpr int kListLevels = 9;  // Word has nine

struct ListRef {
  std::string list;  // w:numId; "" = says nothing, "0" = no list
  int level = -1;    // -1 = says nothing
};

class DocxStyles {
 public:
  void read(pugi::xml_node styles);
  // 1..6 for a heading, 0 otherwise: by the paragraph's own outline level, else along its style's
  // ancestors.
  int heading_level(pugi::xml_node paragraph_properties) const;
  bool is_caption(pugi::xml_node paragraph_properties) const;
  bool is_title(pugi::xml_node paragraph_properties) const;
  // The list the paragraph, else its style, is in. `from_style` receives the style that says so, or
  // "".
  ListRef list(pugi::xml_node paragraph_properties, std::string& from_style) const;
  ListRef style_list(std::string_view style) const;

 private:
  struct Style {
    std::string name;  // lower case
    std::string based_on;
    int outline = -1;  // 0..8; 9 = body text
    ListRef list;
  };
  template <typename Ask>
  void along_ancestors(std::string_view style, Ask ask) const;
  std::string style_of(pugi::xml_node paragraph_properties) const;

  std::map<std::string, Style, std::less<>> styles_;
  std::string default_style_;
};

// Counts list items as Word does and gives each its label.
class DocxNumbering {
 public:
  void read(pugi::xml_node numbering, const DocxStyles& styles);
  // The label of the next paragraph of this list with what separates it from the text, e.g. "제1조
  // ", "• ". "" if the list is unknown or its level shows nothing. `level` is set to the level
  // used.
  std::string next_label(const ListRef& ref, std::string_view from_style, int& level);

 private:
  struct Level {
    std::string text;
    std::string format = "decimal";
    std::string suffix = "tab";
    std::string style;
    int64_t start = 1;
    int restart = -1;  // -1 = after any higher level
    bool legal = false;
  };
  struct List {
    std::string abstract;
    std::map<int, Level> overrides;
    std::map<int, int64_t> starts;
    bool started = false;
  };
  struct Abstract {
    std::map<int, Level> levels;
    std::string style_link;
  };
  static Level read_level(pugi::xml_node node);
  const Level* level_of(const List& list, int level) const;
  void count(List& list, int level);

  std::map<std::string, List, std::less<>> lists_;
  std::map<std::string, Abstract, std::less<>> abstracts_;
  std::map<std::string, std::array<std::optional<int64_t>, kListLevels>, std::less<>> counters_;
};

}  // namespace sillok::documents
