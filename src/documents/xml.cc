#include "documents/xml.h"

#include <charconv>

namespace sillok::documents {
namespace {

// Iterative, for the tree may be as deep as the file is long.
bool deeper_than(pugi::xml_node root, int limit) {
  int depth = 1;
  pugi::xml_node node = root;
  while (node) {
    if (depth > limit) return true;
    if (node.first_child()) {
      node = node.first_child();
      ++depth;
      continue;
    }
    while (node != root && !node.next_sibling()) {
      node = node.parent();
      --depth;
    }
    if (node == root) return false;
    node = node.next_sibling();
  }
  return false;
}

}  // namespace

Result<Xml> Xml::parse(std::string bytes, std::string_view what) {
  Xml xml;
  xml.state_ = std::make_unique<State>();
  xml.state_->bytes = std::move(bytes);
  std::string& buffer = xml.state_->bytes;
  const pugi::xml_parse_result result = xml.state_->tree.load_buffer_inplace(
      buffer.data(), buffer.size(), pugi::parse_default | pugi::parse_ws_pcdata);
  if (result.status == pugi::status_out_of_memory) {
    return fail(ErrorCode::kLimit,
                "'" + std::string(what) + "' needs more memory than one file may use");
  }
  if (!result || !xml.root()) {
    return fail(ErrorCode::kInvalid, "'" + std::string(what) + "' is damaged: " +
                                         (result ? "no element" : result.description()) +
                                         " near byte " + std::to_string(result.offset));
  }
  if (deeper_than(xml.root(), kMaxXmlDepth)) {
    return fail(ErrorCode::kLimit, "'" + std::string(what) + "' nests elements more than " +
                                       std::to_string(kMaxXmlDepth) + " deep");
  }
  return xml;
}

std::string_view local_name(const char* qualified) {
  const std::string_view name(qualified);
  const size_t colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

pugi::xml_node child(pugi::xml_node node, std::string_view local) {
  for (pugi::xml_node each : node) {
    if (is(each, local)) return each;
  }
  return {};
}

pugi::xml_node descend(pugi::xml_node node, std::string_view path) {
  for (const std::string_view step : split(path, '/')) node = child(node, step);
  return node;
}

std::string_view attribute(pugi::xml_node node, std::string_view local) {
  for (const pugi::xml_attribute each : node.attributes()) {
    if (local_name(each.name()) == local) return each.value();
  }
  return {};
}

std::string_view relation_id(pugi::xml_node node, std::string_view local) {
  for (const pugi::xml_attribute each : node.attributes()) {
    const std::string_view name(each.name());
    if (name.find(':') != std::string_view::npos && local_name(each.name()) == local) {
      return each.value();
    }
  }
  return {};
}

std::string_view value_of(pugi::xml_node node, std::string_view local) {
  return attribute(child(node, local), "val");
}

bool is_on(pugi::xml_node property) {
  if (!property) return false;
  const std::string_view value = attribute(property, "val");
  return value != "0" && value != "false" && value != "off";
}

std::string all_text(pugi::xml_node node) {
  struct Collect : pugi::xml_tree_walker {
    std::string text;
    bool for_each(pugi::xml_node& each) override {
      text += each.value();
      return true;
    }
  } collect;
  node.traverse(collect);
  return std::move(collect.text);
}

pugi::xml_node find_descendant(pugi::xml_node node, std::string_view local) {
  return node.find_node([&](pugi::xml_node each) { return is(each, local); });
}

int64_t to_number(std::string_view text, int64_t fallback, int64_t least, int64_t most) {
  text = trim(text);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end == text.data() || value < least || value > most) return fallback;
  return value;
}

}  // namespace sillok::documents
