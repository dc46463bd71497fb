// HWPX body text: <hs:sec> of <hp:p> of <hp:run> of text, objects and controls.
#include <algorithm>

#include "documents/hwpx_parts.h"

namespace sillok::documents::hwpx {
namespace {

using hangul::Control;
using hangul::ControlKind;
using hangul::Paragraph;

constexpr unsigned kMaxGrid = 32767;  // rows or columns a cell may name or span

class Section {
 public:
  Section(const ZipArchive& zip, const std::map<std::string, std::string>& parts) : zip_(zip), parts_(parts) {}

  // All <hp:p> directly below a node.
  Status paragraphs(const pugi::xml_node& list, std::vector<Paragraph>& out) {
    if (++depth_ > hangul::kMaxNesting) return fail(ErrorCode::kLimit, "lists are nested too deeply");
    for (pugi::xml_node node : list.children()) {
      if (local_name(node) != "p") continue;
      Paragraph& paragraph = out.emplace_back();
      paragraph.shape = node.attribute("paraPrIDRef").as_uint();
      paragraph.style = node.attribute("styleIDRef").as_uint();
      bool outer_deleted = deleted_;
      deleted_ = false;  // every paragraph opens its own marks
      for (pugi::xml_node run : node.children()) {
        if (local_name(run) == "run") SILLOK_TRY(content(run, paragraph));
      }
      deleted_ = outer_deleted;
    }
    --depth_;
    return {};
  }

 private:
  // What stands in a run, or in a <hp:ctrl>.
  Status content(const pugi::xml_node& run, Paragraph& paragraph) {
    if (++depth_ > kMaxXmlDepth) return fail(ErrorCode::kLimit, "elements are nested too deeply");
    for (pugi::xml_node node : run.children()) {
      std::string_view name = local_name(node);
      if (name == "t") {
        text(node, paragraph);
      } else if (name == "ctrl") {
        SILLOK_TRY(content(node, paragraph));
      } else if (name == "switch") {
        pugi::xml_node chosen = child(node, "default");
        SILLOK_TRY(content(chosen ? chosen : child(node, "case"), paragraph));
      } else {
        SILLOK_TRY(control(name, node, paragraph));
      }
    }
    --depth_;
    return {};
  }

  void text(const pugi::xml_node& node, Paragraph& paragraph) {
    for (pugi::xml_node part : node.children()) {
      if (part.type() == pugi::node_pcdata || part.type() == pugi::node_cdata) {
        if (!deleted_) hangul::append_text(paragraph, part.value());
        continue;
      }
      std::string_view name = local_name(part);
      if (name == "deleteBegin") deleted_ = true;
      if (name == "deleteEnd") deleted_ = false;
      if (deleted_) continue;
      if (name == "tab") hangul::append_text(paragraph, "\t");
      if (name == "lineBreak") hangul::append_text(paragraph, "\n");
      if (name == "hyphen") hangul::append_text(paragraph, "-");
      if (name == "nbSpace" || name == "fwSpace") hangul::append_text(paragraph, " ");
    }
  }

  Status control(std::string_view name, const pugi::xml_node& node, Paragraph& paragraph) {
    static const std::map<std::string_view, ControlKind> kLists = {
        {"footNote", ControlKind::kFootnote}, {"endNote", ControlKind::kEndnote},
        {"header", ControlKind::kHeader}, {"footer", ControlKind::kFooter},
        {"hiddenComment", ControlKind::kHiddenComment}};
    if (auto list = kLists.find(name); list != kLists.end()) {
      return paragraphs(child(node, "subList"), hangul::append_control(paragraph, list->second).paragraphs);
    }
    if (name == "secPr") return section(node, paragraph);
    if (name == "tbl") return table(node, paragraph);
    if (name == "fieldBegin") return field(node, paragraph);
    if (name == "fieldEnd") {
      hangul::append_control(paragraph, ControlKind::kFieldEnd);
    } else if (name == "autoNum") {
      auto_number(node, paragraph);
    } else if (name == "compose") {
      inline_text(paragraph, node.attribute("composeText").as_string());
    } else if (name == "dutmal") {
      inline_text(paragraph, hangul::ruby_text(child(node, "mainText").text().get(), child(node, "subText").text().get()));
    } else if (name == "equation") {
      Control& equation = hangul::append_control(paragraph, ControlKind::kEquation);
      equation.text = child(node, "script").text().get();
      return caption(node, equation);
    } else if (is_form(name)) {
      form(node, paragraph);
    } else if (child(node, "sz") || child(node, "pos") || child(node, "drawText")) {
      Control& drawing = hangul::append_control(paragraph, ControlKind::kDrawing);
      drawing.as_character = child(node, "pos").attribute("treatAsChar").as_bool();
      return shape(node, drawing);
    }
    return {};  // columns, new numbers, page numbers, hidden pages, bookmarks, index marks: nothing to read
  }

  static bool is_form(std::string_view name) {
    static constexpr std::array<std::string_view, 7> kForms = {"btn", "radioBtn", "checkBtn", "comboBox",
                                                               "listBox", "edit", "scrollBar"};
    return std::find(kForms.begin(), kForms.end(), name) != kForms.end();
  }

  static void inline_text(Paragraph& paragraph, std::string text) {
    hangul::append_control(paragraph, ControlKind::kInlineText).text = std::move(text);
  }

  static void form(const pugi::xml_node& node, Paragraph& paragraph) {
    Control& form = hangul::append_control(paragraph, ControlKind::kForm);
    form.text = node.attribute("caption").as_string();
    if (form.text.empty()) form.text = child(node, "text").text().get();
    if (form.text.empty()) form.text = node.attribute("selectedValue").as_string();
    // Nothing chosen yet: HWP 5 stores what the box then shows, its first entry.
    if (form.text.empty()) form.text = child(node, "listItem").attribute("value").as_string();
  }

  static void auto_number(const pugi::xml_node& node, Paragraph& paragraph) {
    pugi::xml_node format = child(node, "autoNumFormat");
    inline_text(paragraph, format.attribute("prefixChar").as_string() +
                               hangul::format_number(node.attribute("num").as_uint(),
                                                     number_format(format.attribute("type").as_string())) +
                               format.attribute("suffixChar").as_string());
  }

  Status field(const pugi::xml_node& node, Paragraph& paragraph) {
    Control& field = hangul::append_control(paragraph, ControlKind::kFieldBegin);
    std::string_view type = node.attribute("type").as_string();
    field.link = type == "HYPERLINK";
    for (pugi::xml_node parameter : child(node, "parameters").children()) {
      if (field.link && std::string_view(parameter.attribute("name").as_string()) == "Command") {
        field.text = hangul::link_target(parameter.text().get());
      }
    }
    pugi::xml_node list = child(node, "subList");
    if (!list) return {};
    return paragraphs(list, hangul::append_control(paragraph, ControlKind::kMemo).paragraphs);
  }

  Status section(const pugi::xml_node& node, Paragraph& paragraph) {
    hangul::append_control(paragraph, ControlKind::kSection).outline = node.attribute("outlineShapeIDRef").as_uint();
    for (pugi::xml_node page : node.children()) {
      if (local_name(page) != "masterPage") continue;
      auto part = parts_.find(page.attribute("idRef").as_string());
      if (part == parts_.end()) continue;
      SILLOK_ASSIGN(pugi::xml_document xml, parse_xml(zip_, part->second));
      pugi::xml_node list = child(xml.document_element(), "subList");
      SILLOK_TRY(paragraphs(list, hangul::append_control(paragraph, ControlKind::kMasterPage).paragraphs));
    }
    return {};
  }

  Status caption(const pugi::xml_node& node, Control& control) {
    pugi::xml_node caption = child(node, "caption");
    control.caption_above = std::string_view(caption.attribute("side").as_string()) == "TOP";
    return paragraphs(child(caption, "subList"), control.caption);
  }

  Status table(const pugi::xml_node& node, Paragraph& paragraph) {
    Control& table = hangul::append_control(paragraph, ControlKind::kTable);
    table.as_character = child(node, "pos").attribute("treatAsChar").as_bool();
    SILLOK_TRY(caption(node, table));
    for (pugi::xml_node row : node.children()) {
      if (local_name(row) != "tr") continue;
      for (pugi::xml_node cell : row.children()) {
        if (local_name(cell) == "tc") SILLOK_TRY(this->cell(cell, table));
      }
    }
    return {};
  }

  Status cell(const pugi::xml_node& node, Control& table) {
    hangul::TableCell cell;
    pugi::xml_node address = child(node, "cellAddr"), span = child(node, "cellSpan");
    cell.row = std::min(address.attribute("rowAddr").as_uint(), kMaxGrid);
    cell.column = std::min(address.attribute("colAddr").as_uint(), kMaxGrid);
    cell.row_span = static_cast<uint16_t>(std::min(span.attribute("rowSpan").as_uint(1), kMaxGrid));
    cell.col_span = static_cast<uint16_t>(std::min(span.attribute("colSpan").as_uint(1), kMaxGrid));
    cell.header = node.attribute("header").as_bool();
    SILLOK_TRY(paragraphs(child(node, "subList"), cell.paragraphs));
    table.cells.push_back(std::move(cell));
    return {};
  }

  // Any drawing: its text box, text art, description and caption, and the shapes grouped in it.
  Status shape(const pugi::xml_node& node, Control& drawing) {
    if (++depth_ > hangul::kMaxNesting) return fail(ErrorCode::kLimit, "drawings are grouped too deeply");
    SILLOK_TRY(caption(node, drawing));
    drawing.text = hangul::own_description(child(node, "shapeComment").text().get());
    SILLOK_TRY(paragraphs(child(child(node, "drawText"), "subList"), drawing.paragraphs));
    if (std::string_view art = node.attribute("text").as_string(); local_name(node) == "textart" && !art.empty()) {
      hangul::append_text(drawing.paragraphs.emplace_back(), art);
    }
    if (local_name(node) == "container") {
      for (pugi::xml_node member : node.children()) {
        if (child(member, "orgSz") || child(member, "drawText")) SILLOK_TRY(shape(member, drawing.children.emplace_back()));
      }
    }
    --depth_;
    return {};
  }

  const ZipArchive& zip_;
  const std::map<std::string, std::string>& parts_;
  bool deleted_ = false;
  int depth_ = 0;
};

}  // namespace

Status parse_section(const ZipArchive& zip, const std::string& name,
                     const std::map<std::string, std::string>& parts, std::vector<Paragraph>& out) {
  SILLOK_ASSIGN(pugi::xml_document xml, parse_xml(zip, name));
  auto parsed = Section(zip, parts).paragraphs(xml.document_element(), out);
  if (!parsed) return fail(parsed.error().in(name));
  return {};
}

}  // namespace sillok::documents::hwpx
