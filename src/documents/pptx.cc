// PPTX (PresentationML, ECMA-376 part 1, 19; strict and transitional). Slides in the order of the
// presentation, hidden ones too; each with its title, its shapes, its notes and its comments; words
// that only masters and layouts hold last.
#include <algorithm>
#include <array>
#include <set>

#include "documents/drawingml.h"
#include "documents/ordinals.h"

namespace sillok::documents {
namespace {

constexpr size_t kListLevels = 9;

class PptxReader {
 public:
  PptxReader(const OfficePackage& package, const Source& source, Budget& budget)
      : package_(package), source_(source), budget_(budget) {}
  Result<Document> read();

 private:
  // What a shape is for decides its place and what its text becomes.
  enum class Role : uint8_t { kTitle, kSubtitle, kBody, kPlain, kFooter, kNothing };
  struct Shape {
    pugi::xml_node node;
    Role role = Role::kPlain;
    int64_t order = 0, top = 0, left = 0;
  };

  Status read_slide(const std::string& part, uint32_t number);
  Status read_notes(const Relations& relations, uint32_t number);
  Status read_comments(const Relations& relations, uint32_t number);
  Status read_authors(const Relations& relations);
  Status read_masters();
  static Role role_of(pugi::xml_node shape);
  static std::vector<Shape> shapes_in_order(pugi::xml_node tree);
  void walk_shapes(pugi::xml_node tree, const Relations& relations, Anchor& anchor);
  void shape(const Shape& shape, const Relations& relations, Anchor& anchor);
  void graphic_frame(pugi::xml_node node, const Relations& relations, Anchor& anchor);
  void text_body(pugi::xml_node body, Role role, const Relations& relations, const Anchor& anchor);
  std::string list_label(pugi::xml_node properties, size_t level,
                         std::array<int64_t, kListLevels>& counters) const;
  void links_of(pugi::xml_node paragraph, const Relations& relations);

  const OfficePackage& package_;
  const Source& source_;
  Budget& budget_;
  Document document_;
  std::map<std::string, std::string, std::less<>> authors_;
  std::vector<std::string> layouts_;  // used ones, in order
  int drawings_ = 0;
};

Result<Document> PptxReader::read() {
  SILLOK_ASSIGN(const std::string part, package_.main_part("ppt/presentation.xml"));
  SILLOK_ASSIGN(const Xml presentation, package_.xml(part));
  SILLOK_ASSIGN(const Relations relations, package_.relations(part));
  document_.meta.format = "pptx";
  package_.read_properties(document_.meta);
  SILLOK_TRY(read_authors(relations));
  uint32_t number = 0;
  for (pugi::xml_node slide : child(presentation.root(), "sldIdLst")) {
    if (!is(slide, "sldId")) continue;
    ++number;
    const auto found = relations.find(relation_id(slide));
    if (found == relations.end() || !package_.has(found->second.target)) {
      return fail(ErrorCode::kInvalid,
                  "slide " + std::to_string(number) + " is missing from the package");
    }
    if (Status status = read_slide(found->second.target, number); !status) {
      return fail(status.error().in("slide " + std::to_string(number)));
    }
  }
  SILLOK_TRY(read_masters());
  return std::move(document_);
}

Status PptxReader::read_slide(const std::string& part, uint32_t number) {
  SILLOK_ASSIGN(const Xml xml, package_.xml(part));
  SILLOK_ASSIGN(const Relations relations, package_.relations(part));
  Anchor anchor;
  anchor.slide = number;
  walk_shapes(descend(xml.root(), "cSld/spTree"), relations, anchor);
  SILLOK_TRY(read_notes(relations, number));
  SILLOK_TRY(read_comments(relations, number));
  append_embedded_parts(document_, package_, relations, source_, budget_);
  const std::string layout = package_.related(relations, "slideLayout");
  if (!layout.empty() && std::find(layouts_.begin(), layouts_.end(), layout) == layouts_.end())
    layouts_.push_back(layout);
  return {};
}

Status PptxReader::read_notes(const Relations& relations, uint32_t number) {
  const std::string part = package_.related(relations, "notesSlide");
  if (part.empty()) return {};
  SILLOK_ASSIGN(const Xml xml, package_.xml(part));
  SILLOK_ASSIGN(const Relations inner, package_.relations(part));
  Anchor anchor;
  anchor.slide = number;
  anchor.part = "notes";
  walk_shapes(descend(xml.root(), "cSld/spTree"), inner, anchor);
  return {};
}

Status PptxReader::read_authors(const Relations& relations) {
  for (const char* type : {"commentAuthors", "authors"}) {
    const std::string part = package_.related(relations, type);
    if (part.empty()) continue;
    SILLOK_ASSIGN(const Xml xml, package_.xml(part));
    for (pugi::xml_node author : xml.root())
      authors_.emplace(attribute(author, "id"), attribute(author, "name"));
  }
  return {};
}

// Old comments hold p:text, threads of newer versions txBody, each reply again.
Status PptxReader::read_comments(const Relations& relations, uint32_t number) {
  for (const auto& [id, relation] : relations) {
    if (relation.type != "comments" || !package_.has(relation.target)) continue;
    SILLOK_ASSIGN(const Xml xml, package_.xml(relation.target));
    xml.root().find_node([&](pugi::xml_node node) {
      const std::string_view name = local_name(node);
      if (name != "cm" && name != "reply") return false;
      const pugi::xml_node old = child(node, "text");
      std::string text = old ? all_text(old) : drawing_body_text(child(node, "txBody"));
      if (trim(text).empty()) return false;
      Block block{BlockKind::kComment, 0, std::move(text), {}, {}};
      block.anchor.slide = number;
      const auto author = authors_.find(attribute(node, "authorId"));
      block.anchor.part = author == authors_.end() ? "comment" : "comment by " + author->second;
      document_.blocks.push_back(std::move(block));
      return false;
    });
  }
  return {};
}

// Words put on a layout or master show on every slide; placeholders there are only prompts.
Status PptxReader::read_masters() {
  std::vector<std::string> parts = layouts_;
  for (const std::string& layout : layouts_) {
    SILLOK_ASSIGN(const Relations relations, package_.relations(layout));
    const std::string master = package_.related(relations, "slideMaster");
    if (!master.empty() && std::find(parts.begin(), parts.end(), master) == parts.end())
      parts.push_back(master);
  }
  std::set<std::string> seen;
  for (const std::string& part : parts) {
    SILLOK_ASSIGN(const Xml xml, package_.xml(part));
    xml.root().find_node([&](pugi::xml_node node) {
      if (!is(node, "sp") || find_descendant(child(node, "nvSpPr"), "ph")) return false;
      std::string text = drawing_body_text(child(node, "txBody"));
      if (trim(text).empty() || !seen.insert(text).second) return false;
      Block block{BlockKind::kHeader, 0, std::move(text), {}, {}};
      block.anchor.part = "slide master";
      document_.blocks.push_back(std::move(block));
      return false;
    });
  }
  return {};
}

PptxReader::Role PptxReader::role_of(pugi::xml_node shape) {
  pugi::xml_node placeholder;
  for (const char* properties : {"nvSpPr", "nvGraphicFramePr", "nvPicPr"}) {
    if (!placeholder) placeholder = descend(child(shape, properties), "nvPr/ph");
  }
  if (!placeholder) return Role::kPlain;
  const std::string_view type = attribute(placeholder, "type");
  if (type == "title" || type == "ctrTitle") return Role::kTitle;
  if (type == "subTitle") return Role::kSubtitle;
  if (type == "ftr" || type == "dt" || type == "hdr") return Role::kFooter;
  if (type == "sldNum" || type == "sldImg") return Role::kNothing;
  return Role::kBody;
}

// Title, subtitle, placeholders by their number, then everything else from top to bottom; footers
// last.
std::vector<PptxReader::Shape> PptxReader::shapes_in_order(pugi::xml_node tree) {
  std::vector<Shape> shapes;
  for (pugi::xml_node node : tree) {
    const std::string_view name = local_name(node);
    if (node.type() != pugi::node_element || name == "nvGrpSpPr" || name == "grpSpPr") continue;
    Shape shape;
    shape.node = node;
    shape.role = role_of(node);
    if (shape.role == Role::kBody) {
      shape.order = to_number(attribute(find_descendant(node, "ph"), "idx"), 0, 0, INT32_MAX);
    }
    pugi::xml_node offset = find_descendant(node, "off");
    shape.top = to_number(attribute(offset, "y"), 0, INT32_MIN, INT32_MAX);
    shape.left = to_number(attribute(offset, "x"), 0, INT32_MIN, INT32_MAX);
    shapes.push_back(shape);
  }
  std::stable_sort(shapes.begin(), shapes.end(), [](const Shape& a, const Shape& b) {
    return std::tuple(a.role, a.order, a.role == Role::kPlain ? a.top : 0,
                      a.role == Role::kPlain ? a.left : 0) <
           std::tuple(b.role, b.order, b.role == Role::kPlain ? b.top : 0,
                      b.role == Role::kPlain ? b.left : 0);
  });
  return shapes;
}

void PptxReader::walk_shapes(pugi::xml_node tree, const Relations& relations, Anchor& anchor) {
  for (const Shape& each : shapes_in_order(tree)) shape(each, relations, anchor);
}

void PptxReader::shape(const Shape& shape, const Relations& relations, Anchor& anchor) {
  const std::string_view name = local_name(shape.node);
  if (shape.role == Role::kNothing) return;
  if (name == "grpSp")
    walk_shapes(shape.node, relations, anchor);
  else if (name == "graphicFrame")
    graphic_frame(shape.node, relations, anchor);
  else if (name == "AlternateContent")
    walk_shapes(child(shape.node, child(shape.node, "Choice") ? "Choice" : "Fallback"), relations,
                anchor);
  else if (name == "sp" || name == "cxnSp")
    text_body(child(shape.node, "txBody"), shape.role, relations, anchor);
}

void PptxReader::graphic_frame(pugi::xml_node node, const Relations& relations, Anchor& anchor) {
  const pugi::xml_node data = descend(node, "graphic/graphicData");
  if (const pugi::xml_node table = child(data, "tbl")) {
    Block block{BlockKind::kTable, 0, "", drawing_table(table), anchor};
    if (has_text(block.table)) document_.blocks.push_back(std::move(block));
    return;
  }
  const pugi::xml_node chart = find_descendant(data, "chart");
  const pugi::xml_node diagram = find_descendant(data, "relIds");
  if (!chart && !diagram) return;
  const auto found = relations.find(chart ? relation_id(chart) : relation_id(diagram, "dm"));
  if (found == relations.end() || !package_.has(found->second.target)) return;
  const auto xml = package_.xml(found->second.target);
  if (!xml) return note_unread(document_, found->second.target, xml.error().message);
  Anchor inner = anchor;
  inner.part = (chart ? "chart " : "diagram ") + std::to_string(++drawings_);
  for (Block& block :
       chart ? chart_blocks(xml->root(), inner) : diagram_blocks(xml->root(), inner)) {
    document_.blocks.push_back(std::move(block));
  }
}

// "arabicPeriod", "alphaLcParenR", "romanUcParenBoth", "circleNumDbPlain", ...
std::string auto_number(std::string_view type, int64_t number) {
  const auto has = [&](std::string_view word) { return type.find(word) != std::string_view::npos; };
  std::string_view format = "decimal";
  if (has("alphaLc"))
    format = "lowerLetter";
  else if (has("alphaUc"))
    format = "upperLetter";
  else if (has("romanLc"))
    format = "lowerRoman";
  else if (has("romanUc"))
    format = "upperRoman";
  else if (has("circle"))
    format = "decimalEnclosedCircle";
  else if (has("ea1"))
    format = "koreanDigital2";
  const std::string digits = ordinal(number, format);
  if (has("ParenBoth")) return "(" + digits + ") ";
  if (has("ParenR")) return digits + ") ";
  if (has("Period")) return digits + ". ";
  return digits + " ";
}

std::string PptxReader::list_label(pugi::xml_node properties, size_t level,
                                   std::array<int64_t, kListLevels>& counters) const {
  for (size_t deeper = level + 1; deeper < kListLevels; ++deeper) counters[deeper] = 0;
  if (const pugi::xml_node numbered = child(properties, "buAutoNum")) {
    const int64_t start = to_number(attribute(numbered, "startAt"), 1, 1, 32767);
    counters[level] = counters[level] == 0 ? start : counters[level] + 1;
    return auto_number(attribute(numbered, "type"), counters[level]);
  }
  counters[level] = 0;
  const pugi::xml_node bullet = child(properties, "buChar");
  return bullet ? bullet_text(attribute(bullet, "char")) + " " : "";
}

void PptxReader::text_body(pugi::xml_node body, Role role, const Relations& relations,
                           const Anchor& anchor) {
  const bool notes = anchor.part == "notes";
  std::array<int64_t, kListLevels> counters{};
  if (role == Role::kTitle && !notes) {
    std::string title = collapse_spaces(drawing_body_text(body));
    if (!title.empty())
      document_.blocks.push_back(Block{BlockKind::kHeading, 1, std::move(title), {}, anchor});
    for (pugi::xml_node paragraph : body) links_of(paragraph, relations);
    return;
  }
  for (pugi::xml_node paragraph : body) {
    if (!is(paragraph, "p")) continue;
    Block block{BlockKind::kParagraph, 0, drawing_paragraph_text(paragraph), {}, anchor};
    if (trim(block.text).empty()) continue;
    const pugi::xml_node properties = child(paragraph, "pPr");
    const auto level =
        static_cast<size_t>(to_number(attribute(properties, "lvl"), 0, 0, kListLevels - 1));
    const std::string label = list_label(properties, level, counters);
    // Body placeholders inherit bullets from the master unless the paragraph says none.
    const bool inherited = role == Role::kBody && !notes && !child(properties, "buNone");
    if (role == Role::kFooter) {
      block.kind = BlockKind::kFooter;
    } else if (!label.empty() || inherited) {
      block.kind = BlockKind::kListItem;
      block.level = static_cast<uint8_t>(level + 1);
      block.text.insert(0, label);
    }
    document_.blocks.push_back(std::move(block));
    links_of(paragraph, relations);
  }
}

void PptxReader::links_of(pugi::xml_node paragraph, const Relations& relations) {
  if (document_.blocks.empty()) return;
  for (pugi::xml_node run : paragraph) {
    const auto found = relations.find(relation_id(descend(run, "rPr/hlinkClick")));
    if (found == relations.end() || found->second.target.empty()) continue;
    document_.links.push_back({all_text(child(run, "t")), found->second.target,
                               static_cast<uint32_t>(document_.blocks.size() - 1)});
  }
}

}  // namespace

Result<Document> read_pptx(const Source& source, Budget& budget) {
  SILLOK_ASSIGN(const OfficePackage package, OfficePackage::open(source, budget));
  return PptxReader(package, source, budget).read();
}

}  // namespace sillok::documents
