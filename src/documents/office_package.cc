#include "documents/office_package.h"

namespace sillok::documents {
namespace {

// "word/document.xml" and "../media/a.png" → "media/a.png"; an absolute target starts at the root.
std::string resolve(std::string_view part, std::string_view target) {
  std::vector<std::string> steps;
  if (!target.empty() && target.front() != '/') {
    for (const std::string_view step : split(part, '/')) steps.emplace_back(step);
    steps.pop_back();
  }
  for (const std::string_view step : split(target, '/')) {
    if (step == "..") {
      if (!steps.empty()) steps.pop_back();
    } else if (!step.empty() && step != ".") {
      steps.emplace_back(step);
    }
  }
  return join(steps, "/");
}

std::string relations_part(std::string_view part) {
  const size_t slash = part.rfind('/');
  if (slash == std::string_view::npos) return "_rels/" + std::string(part) + ".rels";
  return std::string(part.substr(0, slash)) + "/_rels/" + std::string(part.substr(slash + 1)) +
         ".rels";
}

std::string decode_base64(std::string_view text) {
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    int digit = -1;
    if (c >= 'A' && c <= 'Z')
      digit = c - 'A';
    else if (c >= 'a' && c <= 'z')
      digit = c - 'a' + 26;
    else if (c >= '0' && c <= '9')
      digit = c - '0' + 52;
    else if (c == '+')
      digit = 62;
    else if (c == '/')
      digit = 63;
    if (digit < 0) continue;
    bits = bits << 6 | static_cast<uint32_t>(digit);
    if ((count += 6) >= 8) out += static_cast<char>(bits >> (count -= 8) & 0xFF);
  }
  return out;
}

struct StringWriter : pugi::xml_writer {
  std::string text;
  void write(const void* data, size_t size) override {
    text.append(static_cast<const char*>(data), size);
  }
};

std::string flat_part_content(pugi::xml_node part) {
  const pugi::xml_node binary = child(part, "binaryData");
  if (binary) return decode_base64(all_text(binary));
  StringWriter writer;
  for (pugi::xml_node element : child(part, "xmlData")) {
    if (element.type() != pugi::node_element) continue;
    element.print(writer, "", pugi::format_raw);
  }
  return std::move(writer.text);
}

bool looks_like_xml(std::string_view bytes) {
  if (bytes.substr(0, 3) == "\xEF\xBB\xBF") bytes.remove_prefix(3);
  bytes = trim(bytes.substr(0, 64));
  return !bytes.empty() && bytes.front() == '<';
}

void read_core(pugi::xml_node root, Metadata& meta) {
  for (pugi::xml_node property : root) {
    const std::string name(local_name(property));
    const std::string value = collapse_spaces(all_text(property));
    if (name.empty() || value.empty()) continue;
    if (name == "title")
      meta.title = value;
    else if (name == "creator")
      meta.author = value;
    else if (name == "created")
      meta.created = value;
    else if (name == "modified")
      meta.modified = value;
    else
      meta.other[name] = value;
  }
}

}  // namespace

Result<OfficePackage> OfficePackage::open(const Source& source, Budget& budget) {
  // Office programs wrap an encrypted package in an OLE file.
  if (source.bytes.substr(0, 4) == "\xD0\xCF\x11\xE0") {
    return fail(
        ErrorCode::kProtected,
        "it is protected by a password, or an old binary document; save a copy without one");
  }
  OfficePackage package;
  if (!looks_like_xml(source.bytes)) {
    auto zip = ZipArchive::open(source.bytes, budget);
    if (!zip) return fail(zip.error());
    package.zip_.emplace(std::move(*zip));
    for (const std::string& name : package.zip_->names()) {
      package.names_.emplace(ascii_lower(name), name);
    }
    return package;
  }
  SILLOK_TRY(budget.charge(source.bytes.size()));
  SILLOK_ASSIGN(const Xml xml, Xml::parse(std::string(source.bytes), source.name));
  for (pugi::xml_node part : xml.root()) {
    if (!is(part, "part")) continue;
    std::string_view name = attribute(part, "name");
    if (!name.empty() && name.front() == '/') name.remove_prefix(1);
    package.names_.emplace(ascii_lower(name), flat_part_content(part));
  }
  if (package.names_.empty())
    return fail(ErrorCode::kInvalid, "the XML file holds no package parts");
  return package;
}

bool OfficePackage::has(std::string_view part) const {
  return !part.empty() && names_.find(ascii_lower(part)) != names_.end();
}

Result<std::string> OfficePackage::bytes(std::string_view part) const {
  const auto found = names_.find(ascii_lower(part));
  if (found == names_.end()) {
    return fail(ErrorCode::kInvalid, "'" + std::string(part) + "' is missing from the package");
  }
  if (!zip_) return found->second;
  return zip_->read(found->second);
}

Result<Xml> OfficePackage::xml(std::string_view part) const {
  SILLOK_ASSIGN(std::string content, bytes(part));
  return Xml::parse(std::move(content), part);
}

Result<Relations> OfficePackage::relations(std::string_view part) const {
  Relations relations;
  const std::string name = relations_part(part);
  if (!has(name)) return relations;
  SILLOK_ASSIGN(const Xml file, xml(name));
  for (pugi::xml_node node : file.root()) {
    if (!is(node, "Relationship")) continue;
    Relation relation;
    const std::string_view type = attribute(node, "Type");
    relation.type = type.substr(type.rfind('/') + 1);
    relation.external = ascii_lower(attribute(node, "TargetMode")) == "external";
    const std::string_view target = attribute(node, "Target");
    relation.target = relation.external ? std::string(target) : resolve(part, target);
    relations.emplace(attribute(node, "Id"), std::move(relation));
  }
  return relations;
}

std::string OfficePackage::related(const Relations& relations, std::string_view type) const {
  for (const auto& [id, relation] : relations) {
    if (relation.type == type && !relation.external && has(relation.target)) return relation.target;
  }
  return "";
}

Result<std::string> OfficePackage::main_part(std::string_view usual) const {
  SILLOK_ASSIGN(const Relations top, relations(""));
  const std::string part = related(top, "officeDocument");
  return part.empty() ? std::string(usual) : part;
}

void OfficePackage::note_repair(Metadata& meta) const {
  if (zip_ && zip_->repaired()) {
    meta.other["damaged"] =
        "the ZIP directory at the end of the file is cut off; every part was found without it";
  }
}

void OfficePackage::read_properties(Metadata& meta) const {
  note_repair(meta);
  const Relations top = relations("").value_or(Relations{});
  const auto part_of = [&](std::string_view type, std::string_view usual) {
    const std::string part = related(top, type);
    return part.empty() ? std::string(usual) : part;
  };
  // Properties are not the body: a damaged part leaves them unset.
  if (const auto core = xml(part_of("core-properties", "docProps/core.xml")))
    read_core(core->root(), meta);
  if (const auto app = xml(part_of("extended-properties", "docProps/app.xml"))) {
    for (pugi::xml_node property : app->root()) {
      const std::string value = collapse_spaces(property.child_value());
      if (!value.empty()) meta.other[std::string(local_name(property))] = value;
    }
  }
  if (const auto custom = xml(part_of("custom-properties", "docProps/custom.xml"))) {
    for (pugi::xml_node property : custom->root()) {
      const std::string value = collapse_spaces(all_text(property));
      if (!value.empty()) meta.other[std::string(attribute(property, "name"))] = value;
    }
  }
}

}  // namespace sillok::documents
