#include "documents/docx_styles.h"

#include <algorithm>

#include "documents/ordinals.h"

namespace sillok::documents {
namespace {

constexpr int kMaxAncestors = 64;    // styles may be based on each other in a circle
constexpr int kMaxHeadingLevel = 6;  // what a Block can say

// Word stores the names of its own styles in English; other programs write their own language's.
constexpr std::string_view kHeadingNames[] = {"heading",   "제목",   "개요",   "überschrift",
                                              "titre",     "見出し", "标题",   "標題",
                                              "заголовок", "título", "titolo", "başlık"};

// "heading 2" → 2, "제목2" → 2; 0 if the name is none of a heading.
int level_by_name(std::string_view name) {
  for (const std::string_view word : kHeadingNames) {
    if (name.substr(0, word.size()) != word) continue;
    const auto level = to_number(name.substr(word.size()), 0, 1, kListLevels);
    if (level > 0) return static_cast<int>(level);
  }
  return 0;
}

ListRef read_list_ref(pugi::xml_node properties) {
  const pugi::xml_node node = child(properties, "numPr");
  ListRef ref;
  ref.list = value_of(node, "numId");
  ref.level = static_cast<int>(to_number(value_of(node, "ilvl"), -1, 0, kListLevels - 1));
  return ref;
}

}  // namespace

void DocxStyles::read(pugi::xml_node styles) {
  for (pugi::xml_node node : styles) {
    if (!is(node, "style")) continue;
    Style style;
    style.name = ascii_lower(value_of(node, "name"));
    style.based_on = value_of(node, "basedOn");
    const pugi::xml_node properties = child(node, "pPr");
    style.outline = static_cast<int>(to_number(value_of(properties, "outlineLvl"), -1, 0, 9));
    style.list = read_list_ref(properties);
    const std::string id(attribute(node, "styleId"));
    const std::string_view is_default = attribute(node, "default");
    if (attribute(node, "type") == "paragraph" && (is_default == "1" || is_default == "true"))
      default_style_ = id;
    styles_[id] = std::move(style);
  }
}

// Calls ask(id, style) for the style and its ancestors until it returns true.
template <typename Ask>
void DocxStyles::along_ancestors(std::string_view style, Ask ask) const {
  auto found = styles_.find(style);
  for (int i = 0; i < kMaxAncestors && found != styles_.end(); ++i) {
    if (ask(found->first, found->second)) return;
    found = styles_.find(found->second.based_on);
  }
}

std::string DocxStyles::style_of(pugi::xml_node properties) const {
  const std::string_view id = value_of(properties, "pStyle");
  return id.empty() ? default_style_ : std::string(id);
}

int DocxStyles::heading_level(pugi::xml_node properties) const {
  const auto direct = to_number(value_of(properties, "outlineLvl"), -1, 0, 9);
  if (direct >= 0)
    return direct == 9 ? 0 : static_cast<int>(std::min<int64_t>(direct + 1, kMaxHeadingLevel));
  int level = 0;
  along_ancestors(style_of(properties), [&](const std::string&, const Style& style) {
    if (style.outline >= 0) {
      level = style.outline == 9 ? 0 : style.outline + 1;
      return true;
    }
    return (level = level_by_name(style.name)) > 0;
  });
  return std::min(level, kMaxHeadingLevel);
}

bool DocxStyles::is_caption(pugi::xml_node properties) const {
  bool caption = false;
  along_ancestors(style_of(properties), [&](const std::string&, const Style& style) {
    return caption = style.name == "caption" || style.name == "캡션";
  });
  return caption;
}

bool DocxStyles::is_title(pugi::xml_node properties) const {
  const auto found = styles_.find(style_of(properties));
  return found != styles_.end() && found->second.name == "title";
}

ListRef DocxStyles::style_list(std::string_view style) const {
  const auto found = styles_.find(style);
  return found == styles_.end() ? ListRef{} : found->second.list;
}

ListRef DocxStyles::list(pugi::xml_node properties, std::string& from_style) const {
  ListRef ref = read_list_ref(properties);
  from_style.clear();
  if (!ref.list.empty()) return ref;
  along_ancestors(style_of(properties), [&](const std::string& id, const Style& style) {
    if (ref.level < 0) ref.level = style.list.level;
    if (style.list.list.empty()) return false;
    ref.list = style.list.list;
    from_style = id;
    return true;
  });
  return ref;
}

DocxNumbering::Level DocxNumbering::read_level(pugi::xml_node node) {
  Level level;
  level.text = value_of(node, "lvlText");
  pugi::xml_node format = child(node, "numFmt");
  if (!format) format = child(descend(node, "AlternateContent/Fallback"), "numFmt");
  if (format) level.format = attribute(format, "val");
  if (child(node, "suff")) level.suffix = value_of(node, "suff");
  level.style = value_of(node, "pStyle");
  level.start = to_number(value_of(node, "start"), 1, 0, INT32_MAX);
  level.restart = static_cast<int>(to_number(value_of(node, "lvlRestart"), -1, 0, kListLevels));
  level.legal = is_on(child(node, "isLgl"));
  return level;
}

void DocxNumbering::read(pugi::xml_node numbering, const DocxStyles& styles) {
  const auto number = [](pugi::xml_node node) {
    return static_cast<int>(to_number(attribute(node, "ilvl"), 0, 0, kListLevels - 1));
  };
  for (pugi::xml_node node : numbering) {
    const bool abstract = is(node, "abstractNum");
    if (!abstract && !is(node, "num")) continue;
    if (abstract) {
      Abstract& one = abstracts_[std::string(attribute(node, "abstractNumId"))];
      one.style_link = value_of(node, "numStyleLink");
      for (pugi::xml_node level : node) {
        if (is(level, "lvl")) one.levels[number(level)] = read_level(level);
      }
      continue;
    }
    List& list = lists_[std::string(attribute(node, "numId"))];
    list.abstract = value_of(node, "abstractNumId");
    for (pugi::xml_node change : node) {
      if (!is(change, "lvlOverride")) continue;
      if (const pugi::xml_node level = child(change, "lvl"))
        list.overrides[number(change)] = read_level(level);
      const auto start = to_number(value_of(change, "startOverride"), -1, 0, INT32_MAX);
      if (start >= 0) list.starts[number(change)] = start;
    }
  }
  // A list may take its levels from a list style: that style names the list which has them.
  for (auto& [id, list] : lists_) {
    const auto abstract = abstracts_.find(list.abstract);
    if (abstract == abstracts_.end() || abstract->second.style_link.empty()) continue;
    const auto linked = lists_.find(styles.style_list(abstract->second.style_link).list);
    if (linked != lists_.end()) list.abstract = linked->second.abstract;
  }
}

const DocxNumbering::Level* DocxNumbering::level_of(const List& list, int level) const {
  const auto changed = list.overrides.find(level);
  if (changed != list.overrides.end()) return &changed->second;
  const auto abstract = abstracts_.find(list.abstract);
  if (abstract == abstracts_.end()) return nullptr;
  const auto found = abstract->second.levels.find(level);
  return found == abstract->second.levels.end() ? nullptr : &found->second;
}

// Lists of one abstract list share their counters, unless a list starts anew.
void DocxNumbering::count(List& list, int level) {
  auto& counters = counters_[list.abstract];
  if (!list.started) {
    list.started = true;
    for (const auto& [at, start] : list.starts) counters[static_cast<size_t>(at)].reset();
  }
  for (int at = 0; at <= level; ++at) {
    auto& counter = counters[static_cast<size_t>(at)];
    const auto start = list.starts.find(at);
    const Level* definition = level_of(list, at);
    const int64_t first = start != list.starts.end() ? start->second
                          : definition               ? definition->start
                                                     : 1;
    if (!counter)
      counter = first;  // a level skipped over counts as shown once
    else if (at == level)
      ++*counter;
  }
  for (int at = level + 1; at < kListLevels; ++at) {
    const Level* definition = level_of(list, at);
    const int restart = definition ? definition->restart : -1;
    if (restart < 0 || (restart > 0 && level < restart)) counters[static_cast<size_t>(at)].reset();
  }
}

std::string DocxNumbering::next_label(const ListRef& ref, std::string_view from_style, int& level) {
  level = std::max(ref.level, 0);
  const auto found = lists_.find(ref.list);
  if (found == lists_.end()) return "";
  List& list = found->second;
  if (!from_style.empty()) {
    for (int at = 0; at < kListLevels; ++at) {
      const Level* candidate = level_of(list, at);
      if (candidate != nullptr && candidate->style == from_style) level = at;
    }
  }
  const Level* definition = level_of(list, level);
  if (definition == nullptr) return "";
  count(list, level);
  std::string label;
  if (definition->format == "bullet") {
    label = bullet_text(definition->text);
  } else {
    for (size_t i = 0; i < definition->text.size(); ++i) {
      const char next = i + 1 < definition->text.size() ? definition->text[i + 1] : ' ';
      if (definition->text[i] != '%' || next < '1' || next > '9') {
        label += definition->text[i];
        continue;
      }
      const int at = next - '1';
      const Level* shown = level_of(list, at);
      const int64_t value = counters_[list.abstract][static_cast<size_t>(at)].value_or(1);
      const bool decimal = definition->legal || shown == nullptr;
      label +=
          ordinal(value, decimal ? std::string_view("decimal") : std::string_view(shown->format));
      ++i;
    }
  }
  if (trim(label).empty()) return "";
  return definition->suffix == "nothing" ? label : std::string(trim(label)) + " ";
}

}  // namespace sillok::documents
