// HWPX (OWPML, KS X 6101): a ZIP of XML.
//
// META-INF/manifest.xml says whether parts are encrypted, Contents/content.hpf lists the parts and the order
// of the sections, Contents/header.xml holds shapes, styles and numberings.
#include <algorithm>
#include <pugixml.hpp>

#include "documents/hwpx_parts.h"
#include "documents/office_package.h"

namespace sillok::documents {
namespace hwpx {

Result<pugi::xml_document> parse_xml(const ZipArchive& zip, const std::string& name) {
  SILLOK_ASSIGN(std::string bytes, zip.read(name));
  pugi::xml_document xml;
  // White space of its own between tags is text here: "<hp:t> </hp:t>" is a space.
  auto parsed = xml.load_buffer(bytes.data(), bytes.size(), pugi::parse_default | pugi::parse_ws_pcdata_single);
  if (!parsed) {
    return fail(ErrorCode::kInvalid, name + " is not well-formed XML at byte " + std::to_string(parsed.offset) +
                                         " (" + parsed.description() + ")");
  }
  return xml;
}

std::string_view local_name(const pugi::xml_node& node) {
  std::string_view name = node.name();
  size_t colon = name.find(':');
  return colon == name.npos ? name : name.substr(colon + 1);
}

pugi::xml_node child(const pugi::xml_node& node, std::string_view name) {
  for (pugi::xml_node at : node.children()) {
    if (local_name(at) == name) return at;
  }
  return {};
}

hangul::NumberFormat number_format(std::string_view name) {
  static constexpr std::array<std::string_view, 17> kNames = {
      "DIGIT", "CIRCLED_DIGIT", "ROMAN_CAPITAL", "ROMAN_SMALL", "LATIN_CAPITAL", "LATIN_SMALL",
      "CIRCLED_LATIN_CAPITAL", "CIRCLED_LATIN_SMALL", "HANGUL_SYLLABLE", "CIRCLED_HANGUL_SYLLABLE",
      "HANGUL_JAMO", "CIRCLED_HANGUL_JAMO", "HANGUL_PHONETIC", "IDEOGRAPH", "CIRCLED_IDEOGRAPH",
      "DECAGON_CIRCLE", "DECAGON_CIRCLE_HANJA"};
  auto at = std::find(kNames.begin(), kNames.end(), name);
  return at == kNames.end() ? hangul::NumberFormat::kDigit
                            : static_cast<hangul::NumberFormat>(at - kNames.begin());
}

namespace {

using hangul::Definitions;

// The package document: metadata, and the parts by id.
struct Package {
  std::vector<std::string> sections;
  std::map<std::string, std::string> parts;
};

hangul::Numbering parse_numbering(const pugi::xml_node& node) {
  hangul::Numbering numbering;
  for (pugi::xml_node head : node.children()) {
    uint32_t level = head.attribute("level").as_uint();
    if (local_name(head) != "paraHead" || level < 1 || level > hangul::kNumberLevels) continue;
    hangul::NumberLevel& out = numbering[level - 1];
    out.pattern = head.text().get();
    out.start = head.attribute("start").as_uint(1);
    out.format = number_format(head.attribute("numFormat").as_string());
  }
  return numbering;
}

hangul::ParaShape parse_shape(const pugi::xml_node& node) {
  hangul::ParaShape shape;
  pugi::xml_node heading = child(node, "heading");
  std::string_view type = heading.attribute("type").as_string();
  if (type == "OUTLINE") shape.head = hangul::HeadKind::kOutline;
  if (type == "NUMBER") shape.head = hangul::HeadKind::kNumber;
  if (type == "BULLET") shape.head = hangul::HeadKind::kBullet;
  shape.id = heading.attribute("idRef").as_uint();
  shape.level = heading.attribute("level").as_uint();
  return shape;
}

// refList: numberings, bullets, paraProperties, styles, each with its members.
Definitions parse_definitions(const pugi::xml_node& head) {
  Definitions out;
  for (pugi::xml_node group : child(head, "refList").children()) {
    for (pugi::xml_node node : group.children()) {
      std::string_view name = local_name(node);
      uint32_t id = node.attribute("id").as_uint();
      if (name == "numbering") {
        out.numberings[id] = parse_numbering(node);
      } else if (name == "bullet") {
        out.bullets[id] = std::string(trim(node.attribute("char").as_string()));
      } else if (name == "paraPr") {
        out.shapes[id] = parse_shape(node);
      } else if (name == "style") {
        out.styles[id] = {node.attribute("name").as_string(), node.attribute("engName").as_string()};
      }
    }
  }
  return out;
}

void parse_metadata(const pugi::xml_node& package, Metadata& meta) {
  static const std::map<std::string_view, const char*> kOther = {
      {"subject", "subject"}, {"keyword", "keywords"}, {"description", "description"},
      {"lastsaveby", "last_saved_by"}, {"date", "date"}};
  for (pugi::xml_node node : child(package, "metadata").children()) {
    std::string value(trim(node.text().get()));
    std::string_view name = local_name(node);
    if (name == "title") meta.title = value;
    if (name != "meta" || value.empty()) continue;
    std::string_view key = node.attribute("name").as_string();
    if (key == "creator") meta.author = value;
    if (key == "CreatedDate") meta.created = value;
    if (key == "ModifiedDate") meta.modified = value;
    if (auto other = kOther.find(key); other != kOther.end()) meta.other[other->second] = value;
  }
}

// A part's path: hrefs are relative to the package root, some writers make them relative to content.hpf.
std::string resolve(const ZipArchive& zip, std::string href) {
  if (!zip.has(href) && zip.has("Contents/" + href)) return "Contents/" + href;
  return href;
}

// Sections in the order of the spine; by their numbers where the package does not say.
Package parse_package(const ZipArchive& zip, const pugi::xml_node& package) {
  Package out;
  for (pugi::xml_node item : child(package, "manifest").children()) {
    out.parts[item.attribute("id").as_string()] = resolve(zip, item.attribute("href").as_string());
  }
  auto is_section = [](std::string_view path) {
    size_t slash = path.rfind('/');
    std::string_view name = slash == path.npos ? path : path.substr(slash + 1);
    return name.starts_with("section") && name.ends_with(".xml");
  };
  for (pugi::xml_node reference : child(package, "spine").children()) {
    auto part = out.parts.find(reference.attribute("idref").as_string());
    if (part != out.parts.end() && is_section(part->second)) out.sections.push_back(part->second);
  }
  if (!out.sections.empty()) return out;
  for (const std::string& name : zip.names()) {
    if (is_section(name)) out.sections.push_back(name);
  }
  std::sort(out.sections.begin(), out.sections.end(), [](const std::string& a, const std::string& b) {
    return std::pair(a.size(), a) < std::pair(b.size(), b);
  });
  return out;
}

Status refuse_encrypted(const ZipArchive& zip) {
  if (!zip.has("META-INF/manifest.xml")) return {};
  SILLOK_ASSIGN(pugi::xml_document manifest, parse_xml(zip, "META-INF/manifest.xml"));
  bool encrypted = static_cast<bool>(manifest.find_node([](const pugi::xml_node& node) {
    return local_name(node) == "encryption-data";
  }));
  if (!encrypted) return {};
  return fail(ErrorCode::kProtected, "the HWPX file is encrypted (password or distribution document); save it without in "
                                     "Hangul and add it again");
}

bool under(std::string_view name, std::string_view folder, std::string_view ending) {
  return name.starts_with(folder) && ascii_lower(name).ends_with(ending);
}

// Charts, then embedded documents. A chart's OLE form repeats the chart, for programs that know only that.
void append_objects(const ZipArchive& zip, const Source& source, Budget& budget, Document& document) {
  std::vector<std::string> names = zip.names();
  std::sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
    return std::pair(a.size(), a) < std::pair(b.size(), b);
  });
  uint32_t charts = 0;
  for (const std::string& name : names) {
    if (!under(name, "Chart/", ".xml")) continue;
    auto xml = zip.read(name);
    ++charts;
    if (xml) hangul::append_chart(document, std::move(*xml), name, charts);
    else note_unread(document, name, xml.error().message);
  }
  const bool charts_given = charts > 0;
  for (const std::string& name : names) {
    if (!under(name, "BinData/", ".ole")) continue;
    const auto bytes = zip.read(name);
    if (!bytes) note_unread(document, name, bytes.error().message);
    else if (!charts_given || !hangul::is_chart(*bytes)) {
      hangul::append_object(document, source, budget, name.substr(name.rfind('/') + 1), *bytes, charts);
    }
  }
}

}  // namespace
}  // namespace hwpx

Result<Document> read_hwpx(const Source& source, Budget& budget) {
  SILLOK_ASSIGN(ZipArchive zip, ZipArchive::open(source.bytes, budget));
  SILLOK_TRY(hwpx::refuse_encrypted(zip));
  Document document;
  document.meta.format = "hwpx";
  pugi::xml_document package;
  if (zip.has("Contents/content.hpf")) {
    SILLOK_ASSIGN(package, hwpx::parse_xml(zip, "Contents/content.hpf"));
    hwpx::parse_metadata(package.document_element(), document.meta);
  }
  hwpx::Package parts = hwpx::parse_package(zip, package.document_element());
  if (parts.sections.empty()) return fail(ErrorCode::kInvalid, "the HWPX file has no section: it is damaged");
  SILLOK_ASSIGN(pugi::xml_document head, hwpx::parse_xml(zip, "Contents/header.xml"));
  hangul::Definitions definitions = hwpx::parse_definitions(head.document_element());
  std::vector<hangul::Paragraph> paragraphs;
  for (const std::string& section : parts.sections) {
    SILLOK_TRY(hwpx::parse_section(zip, section, parts.parts, paragraphs));
  }
  SILLOK_TRY(hangul::lower(paragraphs, definitions, document));
  hwpx::append_objects(zip, source, budget, document);
  return document;
}

}  // namespace sillok::documents
