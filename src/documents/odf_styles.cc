#include "documents/odf_styles.h"

#include "documents/ordinals.h"

namespace sillok::documents {
namespace {

constexpr int kMaxAncestors = 64;  // styles may name each other as parents in a circle

// style:num-format is an example of the numbers: "1", "a", "I", "가, 나, 다, ...", "①, ②, ③, ...".
std::string odf_ordinal(int64_t number, std::string_view format) {
  if (format.empty()) return "";
  if (format == "a") return ordinal(number, "lowerLetter");
  if (format == "A") return ordinal(number, "upperLetter");
  if (format == "i") return ordinal(number, "lowerRoman");
  if (format == "I") return ordinal(number, "upperRoman");
  const std::pair<std::string_view, std::string_view> kSamples[] = {{"가", "ganada"},
                                                                    {"ㄱ", "chosung"},
                                                                    {"㉮", "ganada"},
                                                                    {"일", "koreanDigital"},
                                                                    {"하나", "koreanLegal"},
                                                                    {"①", "decimalEnclosedCircle"},
                                                                    {"⑴", "decimalEnclosedParen"},
                                                                    {"一", "japaneseCounting"},
                                                                    {"甲", "ideographTraditional"},
                                                                    {"子", "ideographZodiac"},
                                                                    {"ア", "aiueo"},
                                                                    {"イ", "iroha"}};
  for (const auto& [sample, name] : kSamples) {
    if (format.substr(0, sample.size()) == sample) return ordinal(number, name);
  }
  return std::to_string(number);
}

}  // namespace

void OdfStyles::read(pugi::xml_node root) {
  for (const char* group : {"styles", "automatic-styles"}) {
    for (pugi::xml_node node : child(root, group)) {
      std::string name(attribute(node, "name"));
      if (is(node, "style"))
        parents_.emplace(std::move(name), attribute(node, "parent-style-name"));
      else if (is(node, "list-style"))
        read_list(std::move(name), node);
      else if (is(node, "outline-style"))
        read_list(std::string(kOutline), node);
    }
  }
}

void OdfStyles::read_list(std::string name, pugi::xml_node node) {
  std::map<size_t, Level>& levels = lists_[std::move(name)];
  for (pugi::xml_node each : node) {
    const auto number = to_number(attribute(each, "level"), 0, 1, kOdfListLevels);
    if (number == 0) continue;
    Level& level = levels[static_cast<size_t>(number - 1)];
    level.format = attribute(each, "num-format");
    level.prefix = attribute(each, "num-prefix");
    level.suffix = attribute(each, "num-suffix");
    level.pattern = attribute(each, "num-list-format");
    level.bullet = attribute(each, "bullet-char");
    level.start = to_number(attribute(each, "start-value"), 1, 0, INT32_MAX);
    level.shown_levels = to_number(attribute(each, "display-levels"), 1, 1, kOdfListLevels);
  }
}

bool OdfStyles::descends_from(std::string_view style, std::string_view ancestor) const {
  for (int i = 0; i < kMaxAncestors && !style.empty(); ++i) {
    if (style == ancestor) return true;
    const auto found = parents_.find(style);
    if (found == parents_.end()) return false;
    style = found->second;
  }
  return false;
}

const OdfStyles::Level* OdfStyles::level_of(std::string_view list_style, size_t level) const {
  const auto list = lists_.find(list_style);
  if (list == lists_.end()) return nullptr;
  const auto found = list->second.find(level);
  return found == list->second.end() ? nullptr : &found->second;
}

int64_t OdfStyles::start(std::string_view list_style, size_t level) const {
  const Level* definition = level_of(list_style, level);
  return definition == nullptr ? 1 : definition->start;
}

std::string OdfStyles::label(std::string_view list_style, size_t level,
                             const OdfCounters& counters) const {
  const Level* definition = level_of(list_style, level);
  if (definition == nullptr) return "";
  if (!definition->bullet.empty()) return bullet_text(definition->bullet) + " ";
  if (definition->format.empty()) return "";
  const auto number_at = [&](size_t at) {
    const Level* shown = level_of(list_style, at);
    return odf_ordinal(counters[at], shown == nullptr ? "1" : std::string_view(shown->format));
  };
  std::string label;
  if (!definition->pattern.empty()) {  // "%1%.%2%." of newer files
    const std::vector<std::string_view> pieces = split(definition->pattern, '%');
    for (size_t i = 0; i < pieces.size(); ++i) {
      const auto at = i % 2 == 1 ? to_number(pieces[i], 0, 1, kOdfListLevels) : 0;
      label += at > 0 ? number_at(static_cast<size_t>(at - 1)) : std::string(pieces[i]);
    }
  } else {
    label = definition->prefix;
    const auto shown = static_cast<size_t>(definition->shown_levels);
    for (size_t at = level + 1 > shown ? level + 1 - shown : 0; at <= level; ++at) {
      label += number_at(at);
      if (at != level) label += ".";
    }
    label += definition->suffix;
  }
  label = trim(label);
  return label.empty() ? "" : label + " ";
}

}  // namespace sillok::documents
