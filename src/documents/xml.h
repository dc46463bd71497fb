// Private to documents: XML as the office formats use it. Elements and attributes are matched by
// local name, for the same element has one namespace in transitional and another in strict files,
// under any prefix.
#pragma once

#include <pugixml.hpp>

#include "documents/reader.h"

namespace sillok::documents {

// A parsed XML part; the tree points into its buffer, hence held by pointer and never copied.
class Xml {
 public:
  // kInvalid naming `what` if malformed or cut off, kLimit if deeper than kMaxXmlDepth. Entities of
  // a DTD are never expanded. White space between tags is kept: it may be a text run of its own.
  static Result<Xml> parse(std::string bytes, std::string_view what);
  pugi::xml_node root() const { return state_->tree.document_element(); }

 private:
  struct State {
    std::string bytes;
    pugi::xml_document tree;
  };
  std::unique_ptr<State> state_;
};

std::string_view local_name(const char* qualified);
inline std::string_view local_name(pugi::xml_node node) { return local_name(node.name()); }
inline bool is(pugi::xml_node node, std::string_view local) { return local_name(node) == local; }

// The first child element so named; empty node if none.
pugi::xml_node child(pugi::xml_node node, std::string_view local);
// child(child(node, a), b) and so on along "a/b/c".
pugi::xml_node descend(pugi::xml_node node, std::string_view path);
// An attribute's value by local name, "" if absent.
std::string_view attribute(pugi::xml_node node, std::string_view local);
// By full name where two prefixes share a local name (r:id beside id).
std::string_view relation_id(pugi::xml_node node, std::string_view local = "id");
// The value of child `local`'s attribute val: how OOXML writes most properties. "" if either is
// absent.
std::string_view value_of(pugi::xml_node node, std::string_view local);
// OOXML's booleans: present without val means true.
bool is_on(pugi::xml_node property);
// All text below, in order, nothing put between.
std::string all_text(pugi::xml_node node);
// The first descendant element so named, depth first; empty node if none.
pugi::xml_node find_descendant(pugi::xml_node node, std::string_view local);
// A decimal number within bounds, `fallback` otherwise.
int64_t to_number(std::string_view text, int64_t fallback, int64_t least, int64_t most);

}  // namespace sillok::documents
