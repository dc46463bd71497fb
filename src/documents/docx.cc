// DOCX (WordprocessingML, ECMA-376 part 1, 17; strict and transitional; also Word's single-file
// XML). Body first; notes, comments and text boxes follow the paragraph they hang on; headers,
// footers and embedded documents last.
#include <algorithm>
#include <set>

#include "documents/docx_styles.h"
#include "documents/drawingml.h"
#include "documents/ordinals.h"

namespace sillok::documents {
namespace {

constexpr int64_t kMaxGridSpan = 1024;  // Word allows 63 columns
constexpr int kMaxNoteDepth = 4;  // notes that hang on notes; deeper ones are given at the end

// Where in nested fields a run stands: only the result of a field is seen.
struct Field {
  bool in_result = false;
  size_t result_start = 0;  // in the text of the paragraph where the result begins
  std::string instruction;
};

class DocxReader {
 public:
  DocxReader(const OfficePackage& package, const Source& source, Budget& budget)
      : package_(package), source_(source), budget_(budget) {}
  Result<Document> read();

 private:
  using Blocks = std::vector<Block>;
  // What a paragraph gathers before it becomes a block.
  struct Inline {
    std::string text;
    Blocks after;  // text boxes, tables inside runs, notes, comments: in the order met
  };
  struct Notes {
    std::optional<Xml> xml;
    Relations relations;
    std::map<std::string, pugi::xml_node, std::less<>> by_id;
    std::vector<std::string> order;
    std::set<std::string, std::less<>> given;
  };

  Status load(const Relations& relations);
  Status load_notes(const Relations& relations, std::string_view type, std::string_view element,
                    Notes& notes);
  void walk(pugi::xml_node node, Blocks& out);
  void paragraph(pugi::xml_node node, Blocks& out);
  void finish_paragraph(pugi::xml_node properties, Inline&& gathered, Blocks& out);
  void inlines(pugi::xml_node node, Inline& into);
  void run_child(pugi::xml_node node, std::string_view name, Inline& into);
  void field_char(pugi::xml_node node, const Inline& into);
  void hyperlink(pugi::xml_node node, Inline& into);
  void ruby(pugi::xml_node node, Inline& into);
  void drawing(pugi::xml_node node, Inline& into);
  void text_box(pugi::xml_node node, Inline& into);
  void related_drawing(std::string_view id, bool is_chart, Inline& into);
  void note(Notes& notes, std::string_view id, BlockKind kind, Inline& into);
  void unreferenced_notes();
  void table(pugi::xml_node node, Blocks& out);
  void table_rows(pugi::xml_node node, Table& table,
                  std::map<uint32_t, std::pair<size_t, size_t>>& open, Blocks& after);
  void table_row(pugi::xml_node node, Table& table,
                 std::map<uint32_t, std::pair<size_t, size_t>>& open, Blocks& after);
  void table_cells(pugi::xml_node node, Row& row, uint32_t& column, std::vector<bool>& continued,
                   Blocks& after);
  void alt_chunk(pugi::xml_node node, Blocks& out);
  Status headers_and_footers(pugi::xml_node root);
  void emit(Block&& block, Blocks& out);
  bool shown() const;

  const OfficePackage& package_;
  const Source& source_;
  Budget& budget_;
  Document document_;
  DocxStyles styles_;
  DocxNumbering numbering_;
  Notes footnotes_, endnotes_, comments_;
  const Relations* relations_ = nullptr;  // of the part being walked
  std::vector<Field> fields_;
  std::vector<Hyperlink> pending_links_;  // of blocks not yet given to the document
  std::string part_;                      // Anchor::part of what is being walked
  int text_boxes_ = 0;
  int drawings_ = 0;
  int note_depth_ = 0;
};

bool is_deleted(std::string_view name) { return name == "del" || name == "moveFrom"; }

Result<Document> DocxReader::read() {
  SILLOK_ASSIGN(const std::string part, package_.main_part("word/document.xml"));
  SILLOK_ASSIGN(const Xml main, package_.xml(part));
  const pugi::xml_node body = child(main.root(), "body");
  if (!body) return fail(ErrorCode::kInvalid, "'" + part + "' holds no document body");
  SILLOK_ASSIGN(const Relations relations, package_.relations(part));
  SILLOK_TRY(load(relations));
  document_.meta.format = "docx";
  package_.read_properties(document_.meta);
  relations_ = &relations;
  walk(body, document_.blocks);
  unreferenced_notes();
  SILLOK_TRY(headers_and_footers(main.root()));
  append_embedded_parts(document_, package_, relations, source_, budget_);
  return std::move(document_);
}

Status DocxReader::load(const Relations& relations) {
  if (const std::string part = package_.related(relations, "styles"); !part.empty()) {
    SILLOK_ASSIGN(const Xml xml, package_.xml(part));
    styles_.read(xml.root());
  }
  if (const std::string part = package_.related(relations, "numbering"); !part.empty()) {
    SILLOK_ASSIGN(const Xml xml, package_.xml(part));
    numbering_.read(xml.root(), styles_);
  }
  SILLOK_TRY(load_notes(relations, "footnotes", "footnote", footnotes_));
  SILLOK_TRY(load_notes(relations, "endnotes", "endnote", endnotes_));
  return load_notes(relations, "comments", "comment", comments_);
}

Status DocxReader::load_notes(const Relations& relations, std::string_view type,
                              std::string_view element, Notes& notes) {
  const std::string part = package_.related(relations, type);
  if (part.empty()) return {};
  SILLOK_ASSIGN(notes.xml, package_.xml(part));
  SILLOK_ASSIGN(notes.relations, package_.relations(part));
  for (pugi::xml_node node : notes.xml->root()) {
    // Separators between text and notes are stored as notes of a type.
    const std::string_view kind = attribute(node, "type");
    if (!is(node, element) || !(kind.empty() || kind == "normal")) continue;
    std::string id(attribute(node, "id"));
    if (notes.by_id.emplace(id, node).second) notes.order.push_back(std::move(id));
  }
  return {};
}

// Elements that stand between paragraphs.
void DocxReader::walk(pugi::xml_node node, Blocks& out) {
  for (pugi::xml_node each : node) {
    const std::string_view name = local_name(each);
    if (name == "p")
      paragraph(each, out);
    else if (name == "tbl")
      table(each, out);
    else if (name == "altChunk")
      alt_chunk(each, out);
    else if (name == "AlternateContent")
      walk(child(each, child(each, "Choice") ? "Choice" : "Fallback"), out);
    else if (name == "oMathPara" || name == "oMath" || name == "r" || name == "hyperlink") {
      Inline gathered;  // stray content of a body or cell
      if (name == "hyperlink")
        hyperlink(each, gathered);
      else
        inlines(each, gathered);
      finish_paragraph({}, std::move(gathered), out);
    } else if (!is_deleted(name) && name != "sdtPr" && name != "sectPr" && name != "tcPr") {
      walk(each, out);
    }
  }
}

void DocxReader::paragraph(pugi::xml_node node, Blocks& out) {
  Inline gathered;
  inlines(node, gathered);
  finish_paragraph(child(node, "pPr"), std::move(gathered), out);
}

void DocxReader::finish_paragraph(pugi::xml_node properties, Inline&& gathered, Blocks& out) {
  Block block;
  block.anchor.part = part_;
  block.text = std::move(gathered.text);
  if (!trim(block.text).empty()) {
    const int heading = styles_.heading_level(properties);
    std::string from_style;
    const ListRef list = styles_.list(properties, from_style);
    int level = 0;
    const bool listed = !list.list.empty() && list.list != "0";
    if (listed) block.text.insert(0, numbering_.next_label(list, from_style, level));
    if (heading > 0 || styles_.is_title(properties)) {
      block.kind = BlockKind::kHeading;
      block.level = static_cast<uint8_t>(std::max(heading, 1));
    } else if (listed) {
      block.kind = BlockKind::kListItem;
      block.level = static_cast<uint8_t>(level + 1);
    } else if (styles_.is_caption(properties)) {
      block.kind = BlockKind::kCaption;
    }
    emit(std::move(block), out);
  }
  for (Block& after : gathered.after) emit(std::move(after), out);
}

void DocxReader::emit(Block&& block, Blocks& out) {
  out.push_back(std::move(block));
  if (&out != &document_.blocks) return;
  for (Hyperlink& link : pending_links_) {
    link.block = static_cast<uint32_t>(out.size() - 1);
    document_.links.push_back(std::move(link));
  }
  pending_links_.clear();
}

// Whether a run at this point is seen, or is part of a field's instruction.
bool DocxReader::shown() const {
  return std::all_of(fields_.begin(), fields_.end(),
                     [](const Field& field) { return field.in_result; });
}

void DocxReader::inlines(pugi::xml_node node, Inline& into) {
  for (pugi::xml_node each : node) {
    const std::string_view name = local_name(each);
    if (each.type() != pugi::node_element || is_deleted(name) || name == "pPr" || name == "rPr" ||
        name == "sdtPr")
      continue;
    if (name == "hyperlink")
      hyperlink(each, into);
    else if (name == "AlternateContent")
      inlines(child(each, child(each, "Choice") ? "Choice" : "Fallback"), into);
    else
      run_child(each, name, into);
  }
}

void DocxReader::run_child(pugi::xml_node node, std::string_view name, Inline& into) {
  if (name == "t") {
    if (shown()) into.text += all_text(node);
  } else if (name == "tab" || name == "ptab") {
    if (shown()) into.text += '\t';
  } else if (name == "br" || name == "cr") {
    if (shown()) into.text += '\n';
  } else if (name == "noBreakHyphen") {
    into.text += "-";
  } else if (name == "sym") {
    uint32_t code = 0;
    for (const char digit : attribute(node, "char")) {
      code =
          code << 4 | static_cast<uint32_t>(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
    }
    if (code >= 0x20 && code < 0x110000 && shown()) append_utf8(into.text, symbol_character(code));
  } else if (name == "fldChar") {
    field_char(node, into);
  } else if (name == "instrText") {
    if (!fields_.empty()) fields_.back().instruction += all_text(node);
  } else if (name == "footnoteReference") {
    note(footnotes_, attribute(node, "id"), BlockKind::kFootnote, into);
  } else if (name == "endnoteReference") {
    note(endnotes_, attribute(node, "id"), BlockKind::kFootnote, into);
  } else if (name == "commentReference") {
    note(comments_, attribute(node, "id"), BlockKind::kComment, into);
  } else if (name == "drawing" || name == "pict" || name == "object") {
    drawing(node, into);
  } else if (name == "txbxContent") {
    text_box(node, into);
  } else if (name == "ruby") {
    ruby(node, into);
  } else if (name == "tbl") {
    table(node, into.after);
  } else if (name == "p") {
    paragraph(node, into.after);
  } else if (name != "delText" && name != "delInstrText" && name != "fldData") {
    inlines(node, into);  // r, ins, moveTo, sdt, smartTag, fldSimple, oMath, ...
  }
}

void DocxReader::field_char(pugi::xml_node node, const Inline& into) {
  const std::string_view type = attribute(node, "fldCharType");
  if (type == "begin") {
    fields_.emplace_back();
  } else if (!fields_.empty() && type == "separate") {
    fields_.back().in_result = true;
    fields_.back().result_start = into.text.size();
  } else if (!fields_.empty() && type == "end") {
    // HYPERLINK "target" \l "bookmark"
    const std::string& instruction = fields_.back().instruction;
    const std::string_view text = trim(instruction);
    if (starts_with_nocase(text, "HYPERLINK")) {
      const size_t open = text.find('"');
      const size_t close = open == std::string_view::npos ? open : text.find('"', open + 1);
      if (close != std::string_view::npos) {
        const bool local = text.substr(0, open).find("\\l") != std::string_view::npos;
        const size_t start = std::min(fields_.back().result_start, into.text.size());
        pending_links_.push_back(
            {into.text.substr(start),
             (local ? "#" : "") + std::string(text.substr(open + 1, close - open - 1)), 0});
      }
    }
    fields_.pop_back();
  }
}

void DocxReader::hyperlink(pugi::xml_node node, Inline& into) {
  const size_t start = into.text.size();
  inlines(node, into);
  Hyperlink link;
  link.text = into.text.substr(std::min(start, into.text.size()));
  const auto found = relations_->find(relation_id(node));
  if (found != relations_->end()) link.target = found->second.target;
  const std::string_view bookmark = attribute(node, "anchor");
  if (!bookmark.empty()) link.target += "#" + std::string(bookmark);
  if (!link.target.empty()) pending_links_.push_back(std::move(link));
}

// Base text with its reading in brackets, as it would be read aloud.
void DocxReader::ruby(pugi::xml_node node, Inline& into) {
  inlines(child(node, "rubyBase"), into);
  Inline reading;
  inlines(child(node, "rt"), reading);
  if (!reading.text.empty()) into.text += "(" + reading.text + ")";
}

// Anything with words inside a drawing or VML picture, however deeply grouped.
void DocxReader::drawing(pugi::xml_node node, Inline& into) {
  for (pugi::xml_node each : node) {
    const std::string_view name = local_name(each);
    if (name == "txbxContent") {
      text_box(each, into);
    } else if (name == "AlternateContent") {
      drawing(child(each, child(each, "Choice") ? "Choice" : "Fallback"), into);
    } else if (name == "chart") {
      related_drawing(relation_id(each), true, into);
    } else if (name == "relIds") {
      related_drawing(relation_id(each, "dm"), false, into);
    } else if (name == "textpath") {  // WordArt
      const std::string_view words = attribute(each, "string");
      if (!words.empty())
        into.after.push_back(Block{BlockKind::kParagraph, 0, std::string(words), {}, {}});
    } else {
      drawing(each, into);
    }
  }
}

void DocxReader::text_box(pugi::xml_node node, Inline& into) {
  const std::string outer_part = std::exchange(part_, "text box " + std::to_string(++text_boxes_));
  std::vector<Field> outer_fields = std::exchange(fields_, {});
  walk(node, into.after);
  fields_ = std::move(outer_fields);
  part_ = outer_part;
}

void DocxReader::related_drawing(std::string_view id, bool is_chart, Inline& into) {
  const auto found = relations_->find(id);
  if (found == relations_->end() || !package_.has(found->second.target)) return;
  const auto xml = package_.xml(found->second.target);
  if (!xml) return note_unread(document_, found->second.target, xml.error().message);
  Anchor anchor;
  anchor.part = (is_chart ? "chart " : "diagram ") + std::to_string(++drawings_);
  Blocks blocks =
      is_chart ? chart_blocks(xml->root(), anchor) : diagram_blocks(xml->root(), anchor);
  for (Block& block : blocks) into.after.push_back(std::move(block));
}

void DocxReader::note(Notes& notes, std::string_view id, BlockKind kind, Inline& into) {
  const auto found = notes.by_id.find(id);
  if (found == notes.by_id.end() || note_depth_ >= kMaxNoteDepth) return;
  if (!notes.given.emplace(id).second) return;
  std::string part;
  if (&notes == &comments_) {
    part = "comment";
    const std::string_view author = attribute(found->second, "author");
    if (!author.empty()) part += " by " + std::string(author);
  } else {
    part = (&notes == &footnotes_ ? "footnote " : "endnote ") + std::to_string(notes.given.size());
  }
  const std::string outer_part = std::exchange(part_, part);
  const Relations* outer_relations = std::exchange(relations_, &notes.relations);
  std::vector<Field> outer_fields = std::exchange(fields_, {});
  ++note_depth_;
  Blocks blocks;
  walk(found->second, blocks);
  --note_depth_;
  fields_ = std::move(outer_fields);
  relations_ = outer_relations;
  part_ = outer_part;
  for (Block& block : blocks) {
    if (block.kind != BlockKind::kTable && block.anchor.part == part) {
      block.kind = kind;
      block.level = 0;
    }
    into.after.push_back(std::move(block));
  }
}

// Notes whose mark was in no place that was walked (deleted text, chains too deep) are still part
// of the file.
void DocxReader::unreferenced_notes() {
  Inline gathered;
  for (Notes* notes : {&footnotes_, &endnotes_, &comments_}) {
    for (const std::string& id : notes->order) {
      note(*notes, id, notes == &comments_ ? BlockKind::kComment : BlockKind::kFootnote, gathered);
    }
  }
  for (Block& block : gathered.after) emit(std::move(block), document_.blocks);
}

void DocxReader::table(pugi::xml_node node, Blocks& out) {
  Block block;
  block.kind = BlockKind::kTable;
  block.anchor.part = part_;
  std::map<uint32_t, std::pair<size_t, size_t>>
      open;  // column → row and cell of the merge it continues
  Blocks after;
  std::vector<Field> outer_fields = std::exchange(fields_, {});
  table_rows(node, block.table, open, after);
  fields_ = std::move(outer_fields);
  if (!block.table.rows.empty()) emit(std::move(block), out);
  for (Block& each : after) emit(std::move(each), out);
}

void DocxReader::table_rows(pugi::xml_node node, Table& table,
                            std::map<uint32_t, std::pair<size_t, size_t>>& open, Blocks& after) {
  for (pugi::xml_node each : node) {
    const std::string_view name = local_name(each);
    if (name == "tr")
      table_row(each, table, open, after);
    else if (!is_deleted(name) && name != "tblPr" && name != "tblGrid" && name != "sdtPr")
      table_rows(each, table, open, after);
  }
}

void DocxReader::table_row(pugi::xml_node node, Table& table,
                           std::map<uint32_t, std::pair<size_t, size_t>>& open, Blocks& after) {
  const pugi::xml_node properties = child(node, "trPr");
  if (child(properties, "del")) return;
  Row row;
  auto column =
      static_cast<uint32_t>(to_number(value_of(properties, "gridBefore"), 0, 0, kMaxGridSpan));
  std::vector<bool> continued;
  table_cells(node, row, column, continued, after);
  Row kept;
  for (size_t i = 0; i < row.cells.size(); ++i) {
    Cell& cell = row.cells[i];
    const auto origin = open.find(cell.column);
    if (continued[i] && origin != open.end()) {
      Cell& above = table.rows[origin->second.first].cells[origin->second.second];
      above.row_span = static_cast<uint16_t>(
          std::min<size_t>(table.rows.size() - origin->second.first + 1, UINT16_MAX));
      if (!cell.text.empty()) above.text += "\n" + cell.text;
      continue;
    }
    open[cell.column] = {table.rows.size(), kept.cells.size()};
    kept.cells.push_back(std::move(cell));
  }
  const bool is_header = is_on(child(properties, "tblHeader"));
  if (is_header && table.header_rows == table.rows.size()) ++table.header_rows;
  table.rows.push_back(std::move(kept));
}

void DocxReader::table_cells(pugi::xml_node node, Row& row, uint32_t& column,
                             std::vector<bool>& continued, Blocks& after) {
  for (pugi::xml_node each : node) {
    const std::string_view name = local_name(each);
    if (name != "tc") {
      if (!is_deleted(name) && name != "trPr" && name != "tblPrEx" && name != "sdtPr") {
        table_cells(each, row, column, continued, after);
      }
      continue;
    }
    const pugi::xml_node properties = child(each, "tcPr");
    const auto span =
        static_cast<uint32_t>(to_number(value_of(properties, "gridSpan"), 1, 1, kMaxGridSpan));
    Blocks blocks;
    walk(each, blocks);
    Blocks inside;
    for (Block& block : blocks) {
      const bool hangs_on = block.kind == BlockKind::kFootnote || block.kind == BlockKind::kComment;
      (hangs_on ? after : inside).push_back(std::move(block));
    }
    const std::string text = blocks_as_text(inside);
    if (value_of(properties, "hMerge") == "continue" && !row.cells.empty()) {
      row.cells.back().col_span =
          static_cast<uint16_t>(std::min<uint32_t>(row.cells.back().col_span + span, UINT16_MAX));
      if (!text.empty()) row.cells.back().text += "\n" + text;
    } else {
      const pugi::xml_node merge = child(properties, "vMerge");
      continued.push_back(merge && attribute(merge, "val") != "restart");
      row.cells.push_back(Cell{text, 1, static_cast<uint16_t>(span), column});
    }
    column += span;
  }
}

// A part in another format that Word would merge in when it opens the file.
void DocxReader::alt_chunk(pugi::xml_node node, Blocks& out) {
  const auto found = relations_->find(relation_id(node));
  if (found == relations_->end() || found->second.external) return;
  const auto bytes = package_.bytes(found->second.target);
  if (!bytes) return note_unread(document_, found->second.target, bytes.error().message);
  const std::string& name = found->second.target;
  const Source inner{*bytes, name, part_inside(source_, name), source_.part, source_.depth + 1};
  const Status status = read_source(inner, budget_, [&](Item&& item) {
    if (!item.document) return note_unread(document_, inner.name, item.document.error().message);
    for (Hyperlink& link : item.document->links) pending_links_.push_back(std::move(link));
    for (Block& block : item.document->blocks) emit(std::move(block), out);
  });
  if (!status) note_unread(document_, inner.name, status.error().message);
}

Status DocxReader::headers_and_footers(pugi::xml_node root) {
  std::vector<std::pair<std::string, BlockKind>> parts;
  root.find_node([&](pugi::xml_node node) {
    const bool is_header = is(node, "headerReference");
    if (!is_header && !is(node, "footerReference")) return false;
    const auto found = relations_->find(relation_id(node));
    if (found == relations_->end() || !package_.has(found->second.target)) return false;
    const std::pair part{found->second.target, is_header ? BlockKind::kHeader : BlockKind::kFooter};
    if (std::find(parts.begin(), parts.end(), part) == parts.end()) parts.push_back(part);
    return false;
  });
  const Relations* body_relations = relations_;
  for (const auto& [part, kind] : parts) {
    SILLOK_ASSIGN(const Xml xml, package_.xml(part));
    SILLOK_ASSIGN(const Relations relations, package_.relations(part));
    relations_ = &relations;
    part_ = to_string(kind);
    fields_.clear();
    Blocks blocks;
    walk(xml.root(), blocks);
    const std::string text = blocks_as_text(blocks);
    Block block{kind, 0, text, {}, {}};
    block.anchor.part = part_;
    if (!text.empty()) emit(std::move(block), document_.blocks);
    relations_ = body_relations;
  }
  part_.clear();
  return {};
}

}  // namespace

Result<Document> read_docx(const Source& source, Budget& budget) {
  SILLOK_ASSIGN(const OfficePackage package, OfficePackage::open(source, budget));
  return DocxReader(package, source, budget).read();
}

}  // namespace sillok::documents
