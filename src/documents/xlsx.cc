// XLSX (SpreadsheetML, ECMA-376 part 1, 18; strict and transitional). Sheets in workbook order,
// hidden ones too; each with its cells as shown, then its comments, text boxes, charts, header and
// footer, embedded documents.
#include <algorithm>
#include <charconv>

#include "documents/drawingml.h"
#include "documents/number_format.h"
#include "documents/sheet_regions.h"

namespace sillok::documents {
namespace {

class XlsxReader {
 public:
  XlsxReader(const OfficePackage& package, const Source& source, Budget& budget)
      : package_(package), source_(source), budget_(budget) {}
  Result<Document> read();

 private:
  Status load(pugi::xml_node workbook, const Relations& relations);
  void read_styles(pugi::xml_node styles);
  Status read_sheet(const std::string& name, const std::string& part);
  Status read_cells(pugi::xml_node data, Sheet& sheet);
  std::string cell_text(pugi::xml_node cell) const;
  std::string format_of(pugi::xml_node cell) const;
  Status read_declared_headers(pugi::xml_node root, const Relations& relations, Sheet& sheet);
  void read_links(pugi::xml_node root, const Relations& relations, const std::string& sheet,
                  size_t first_block);
  Status read_comments(const Relations& relations, const std::string& sheet);
  Status read_drawings(const Relations& relations, const std::string& sheet);
  void walk_drawing(pugi::xml_node node, const Relations& relations, Anchor& anchor);
  void related_drawing(std::string_view target, bool is_chart, Anchor anchor);
  void read_header_footer(pugi::xml_node root, const std::string& sheet);

  const OfficePackage& package_;
  const Source& source_;
  Budget& budget_;
  Document document_;
  std::vector<std::string> strings_;
  std::map<int64_t, std::string> custom_formats_;
  std::vector<int64_t> cell_formats_;  // format id by cellXfs index
  std::map<std::string, std::string, std::less<>> persons_;
  bool date1904_ = false;
  int text_boxes_ = 0;
  int drawings_ = 0;
};

// A string item: its text or rich runs; the reading aids of East Asian text (rPh) are left out.
std::string string_item(pugi::xml_node item) {
  std::string text;
  for (pugi::xml_node each : item) {
    if (is(each, "t")) text += all_text(each);
    if (is(each, "r")) text += all_text(child(each, "t"));
  }
  // _x000D_ stands for characters XML cannot hold.
  for (size_t at = 0; (at = text.find("_x000D_", at)) != std::string::npos;) text.erase(at, 7);
  return text;
}

Result<Document> XlsxReader::read() {
  SILLOK_ASSIGN(const std::string part, package_.main_part("xl/workbook.xml"));
  if (part.size() > 4 && part.substr(part.size() - 4) == ".bin") {
    return fail(ErrorCode::kUnsupported, "it is a binary workbook (XLSB); save it as XLSX");
  }
  SILLOK_ASSIGN(const Xml workbook, package_.xml(part));
  SILLOK_ASSIGN(const Relations relations, package_.relations(part));
  SILLOK_TRY(load(workbook.root(), relations));
  document_.meta.format = "xlsx";
  package_.read_properties(document_.meta);
  const pugi::xml_node sheets = child(workbook.root(), "sheets");
  if (!sheets) return fail(ErrorCode::kInvalid, "'" + part + "' names no sheets");
  for (pugi::xml_node sheet : sheets) {
    if (!is(sheet, "sheet")) continue;
    const std::string name(attribute(sheet, "name"));
    const auto found = relations.find(relation_id(sheet));
    if (found == relations.end() || !package_.has(found->second.target)) {
      return fail(ErrorCode::kInvalid, "the sheet '" + name + "' is missing from the package");
    }
    if (Status status = read_sheet(name, found->second.target); !status)
      return fail(status.error().in("sheet '" + name + "'"));
  }
  return std::move(document_);
}

Status XlsxReader::load(pugi::xml_node workbook, const Relations& relations) {
  const std::string_view epoch = attribute(child(workbook, "workbookPr"), "date1904");
  date1904_ = epoch == "1" || epoch == "true";
  if (const std::string part = package_.related(relations, "sharedStrings"); !part.empty()) {
    SILLOK_ASSIGN(const Xml xml, package_.xml(part));
    for (pugi::xml_node item : xml.root()) {
      if (is(item, "si")) strings_.push_back(string_item(item));
    }
  }
  if (const std::string part = package_.related(relations, "styles"); !part.empty()) {
    SILLOK_ASSIGN(const Xml xml, package_.xml(part));
    read_styles(xml.root());
  }
  if (const std::string part = package_.related(relations, "person"); !part.empty()) {
    SILLOK_ASSIGN(const Xml xml, package_.xml(part));
    for (pugi::xml_node person : xml.root()) {
      persons_.emplace(attribute(person, "id"), attribute(person, "displayName"));
    }
  }
  return {};
}

void XlsxReader::read_styles(pugi::xml_node styles) {
  for (pugi::xml_node format : child(styles, "numFmts")) {
    custom_formats_[to_number(attribute(format, "numFmtId"), -1, 0, INT32_MAX)] =
        attribute(format, "formatCode");
  }
  for (pugi::xml_node format : child(styles, "cellXfs")) {
    if (is(format, "xf"))
      cell_formats_.push_back(to_number(attribute(format, "numFmtId"), 0, 0, INT32_MAX));
  }
}

Status XlsxReader::read_sheet(const std::string& name, const std::string& part) {
  SILLOK_ASSIGN(const Xml xml, package_.xml(part));
  SILLOK_ASSIGN(const Relations relations, package_.relations(part));
  Sheet sheet;
  sheet.name = name;
  SILLOK_TRY(read_cells(child(xml.root(), "sheetData"), sheet));
  for (pugi::xml_node merge : child(xml.root(), "mergeCells")) {
    SheetMerge range;
    if (is(merge, "mergeCell") && parse_range(attribute(merge, "ref"), range))
      sheet.merges.push_back(range);
  }
  SILLOK_TRY(read_declared_headers(xml.root(), relations, sheet));
  const size_t first_block = document_.blocks.size();
  append_sheet(document_, std::move(sheet));
  read_links(xml.root(), relations, name, first_block);
  SILLOK_TRY(read_comments(relations, name));
  SILLOK_TRY(read_drawings(relations, name));
  read_header_footer(xml.root(), name);
  append_embedded_parts(document_, package_, relations, source_, budget_);
  return {};
}

// Rows and cells may leave out their number: they then follow the one before.
Status XlsxReader::read_cells(pugi::xml_node data, Sheet& sheet) {
  uint32_t next_row = 0;
  bool sorted = true;
  for (pugi::xml_node row : data) {
    if (!is(row, "row")) continue;
    auto row_index =
        static_cast<uint32_t>(to_number(attribute(row, "r"), next_row + 1, 1, kMaxSheetRows)) - 1;
    uint32_t next_column = 0;
    for (pugi::xml_node cell : row) {
      if (!is(cell, "c")) continue;
      uint32_t at_row = row_index;
      uint32_t column = next_column;
      if (parse_cell_name(attribute(cell, "r"), at_row, column)) row_index = at_row;
      next_column = column + 1;
      std::string text = cell_text(cell);
      if (trim(text).empty()) continue;
      sorted = sorted && (sheet.cells.empty() ||
                          std::pair(sheet.cells.back().row, sheet.cells.back().column) <
                              std::pair(at_row, column));
      sheet.cells.push_back({at_row, column, std::move(text)});
    }
    next_row = row_index + 1;
  }
  if (sorted) return {};
  const auto place = [](const SheetCell& cell) { return std::pair(cell.row, cell.column); };
  std::stable_sort(sheet.cells.begin(), sheet.cells.end(),
                   [&](const SheetCell& a, const SheetCell& b) { return place(a) < place(b); });
  const bool twice = std::adjacent_find(sheet.cells.begin(), sheet.cells.end(),
                                        [&](const SheetCell& a, const SheetCell& b) {
                                          return place(a) == place(b);
                                        }) != sheet.cells.end();
  if (twice) return fail(ErrorCode::kInvalid, "a cell occurs twice");
  return {};
}

std::string XlsxReader::format_of(pugi::xml_node cell) const {
  const auto index = static_cast<size_t>(to_number(attribute(cell, "s"), 0, 0, INT32_MAX));
  if (index >= cell_formats_.size()) return "General";
  const auto custom = custom_formats_.find(cell_formats_[index]);
  return custom != custom_formats_.end() ? custom->second
                                         : std::string(builtin_number_format(cell_formats_[index]));
}

std::string XlsxReader::cell_text(pugi::xml_node cell) const {
  const std::string_view type = attribute(cell, "t");
  if (type == "inlineStr") return string_item(child(cell, "is"));
  const pugi::xml_node value_node = child(cell, "v");
  if (!value_node) {
    // A formula never calculated: what it says is all there is.
    const std::string formula = all_text(child(cell, "f"));
    return formula.empty() ? "" : "=" + formula;
  }
  std::string value = all_text(value_node);
  if (type == "s") {
    const auto index = static_cast<size_t>(to_number(value, INT32_MAX, 0, INT32_MAX));
    return index < strings_.size() ? format_text(strings_[index], format_of(cell)) : "";
  }
  if (type == "b") return trim(value) == "1" || trim(value) == "true" ? "TRUE" : "FALSE";
  if (type == "str" || type == "e" || type == "d") return value;
  const std::string_view digits = trim(value);
  double number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc{} || end != digits.data() + digits.size()) return value;
  return format_number(number, format_of(cell), date1904_);
}

// Tables and filters declare which row names their columns.
Status XlsxReader::read_declared_headers(pugi::xml_node root, const Relations& relations,
                                         Sheet& sheet) {
  SheetMerge range;
  if (parse_range(attribute(child(root, "autoFilter"), "ref"), range))
    sheet.header_rows.insert(range.row);
  for (const auto& [id, relation] : relations) {
    if (relation.type != "table" || !package_.has(relation.target)) continue;
    SILLOK_ASSIGN(const Xml xml, package_.xml(relation.target));
    const bool has_header = attribute(xml.root(), "headerRowCount") != "0";
    if (has_header && parse_range(attribute(xml.root(), "ref"), range))
      sheet.header_rows.insert(range.row);
  }
  return {};
}

void XlsxReader::read_links(pugi::xml_node root, const Relations& relations,
                            const std::string& sheet, size_t first_block) {
  const pugi::xml_node list = child(root, "hyperlinks");
  if (!list || first_block >= document_.blocks.size()) return;
  // Where each cell went, for its text and block.
  std::map<std::pair<uint32_t, uint32_t>, std::pair<uint32_t, const std::string*>> places;
  for (size_t i = first_block; i < document_.blocks.size(); ++i) {
    const Block& block = document_.blocks[i];
    uint32_t row = 0;
    uint32_t column = 0;
    if (block.anchor.sheet != sheet || !parse_cell_name(block.anchor.cell, row, column)) continue;
    if (block.kind != BlockKind::kTable) {
      places[{row, column}] = {static_cast<uint32_t>(i), &block.text};
      continue;
    }
    const uint32_t left = column - block.table.rows.front().cells.front().column;
    for (const Row& each : block.table.rows) {
      for (const Cell& cell : each.cells)
        places[{each.line - 1, left + cell.column}] = {static_cast<uint32_t>(i), &cell.text};
    }
  }
  for (pugi::xml_node node : list) {
    SheetMerge range;
    if (!is(node, "hyperlink") || !parse_range(attribute(node, "ref"), range)) continue;
    Hyperlink link;
    const auto found = relations.find(relation_id(node));
    if (found != relations.end()) link.target = found->second.target;
    const std::string_view location = attribute(node, "location");
    if (!location.empty()) link.target += "#" + std::string(location);
    const auto place = places.find({range.row, range.column});
    link.block = static_cast<uint32_t>(first_block);
    if (place != places.end()) {
      link.block = place->second.first;
      link.text = *place->second.second;
    }
    if (!link.target.empty()) document_.links.push_back(std::move(link));
  }
}

// Notes, and threads, which also leave a note that only says that they are threads.
Status XlsxReader::read_comments(const Relations& relations, const std::string& sheet) {
  std::vector<Block> blocks;
  std::set<std::string, std::less<>> threaded;
  const auto add = [&](std::string_view cell, std::string_view author, std::string text) {
    if (trim(text).empty()) return;
    Block block{BlockKind::kComment, 0, std::move(text), {}, {}};
    block.anchor.sheet = sheet;
    block.anchor.cell = cell;
    block.anchor.part = author.empty() ? "comment" : "comment by " + std::string(author);
    blocks.push_back(std::move(block));
  };
  for (const auto& [id, relation] : relations) {
    if (relation.type != "threadedComment" || !package_.has(relation.target)) continue;
    SILLOK_ASSIGN(const Xml xml, package_.xml(relation.target));
    for (pugi::xml_node comment : xml.root()) {
      if (!is(comment, "threadedComment")) continue;
      const auto person = persons_.find(attribute(comment, "personId"));
      add(attribute(comment, "ref"), person == persons_.end() ? std::string_view() : person->second,
          all_text(child(comment, "text")));
      threaded.emplace(attribute(comment, "ref"));
    }
  }
  for (const auto& [id, relation] : relations) {
    if (relation.type != "comments" || !package_.has(relation.target)) continue;
    SILLOK_ASSIGN(const Xml xml, package_.xml(relation.target));
    std::vector<std::string> authors;
    for (pugi::xml_node author : child(xml.root(), "authors")) {
      if (is(author, "author")) authors.push_back(all_text(author));
    }
    for (pugi::xml_node comment : child(xml.root(), "commentList")) {
      if (!is(comment, "comment") || threaded.count(attribute(comment, "ref")) != 0) continue;
      const auto author =
          static_cast<size_t>(to_number(attribute(comment, "authorId"), INT32_MAX, 0, INT32_MAX));
      std::string name = author < authors.size() ? authors[author] : "";
      if (name.substr(0, 3) == "tc=") name.clear();  // a thread's own id
      add(attribute(comment, "ref"), name, string_item(child(comment, "text")));
    }
  }
  for (Block& block : blocks) document_.blocks.push_back(std::move(block));
  return {};
}

Status XlsxReader::read_drawings(const Relations& relations, const std::string& sheet) {
  for (const auto& [id, relation] : relations) {
    if (relation.type != "drawing" || !package_.has(relation.target)) continue;
    SILLOK_ASSIGN(const Xml xml, package_.xml(relation.target));
    SILLOK_ASSIGN(const Relations inner, package_.relations(relation.target));
    for (pugi::xml_node anchored : xml.root()) {
      Anchor anchor;
      anchor.sheet = sheet;
      const pugi::xml_node from = child(anchored, "from");
      if (from) {
        anchor.cell = cell_name(
            static_cast<uint32_t>(to_number(all_text(child(from, "row")), 0, 0, kMaxSheetRows - 1)),
            static_cast<uint32_t>(
                to_number(all_text(child(from, "col")), 0, 0, kMaxSheetColumns - 1)));
      }
      walk_drawing(anchored, inner, anchor);
    }
  }
  return {};
}

void XlsxReader::walk_drawing(pugi::xml_node node, const Relations& relations, Anchor& anchor) {
  for (pugi::xml_node each : node) {
    const std::string_view name = local_name(each);
    if (name == "txBody") {
      std::string text = drawing_body_text(each);
      if (trim(text).empty()) continue;
      anchor.part = "text box " + std::to_string(++text_boxes_);
      document_.blocks.push_back(Block{BlockKind::kParagraph, 0, std::move(text), {}, anchor});
    } else if (name == "chart" || name == "relIds") {
      const auto found = relations.find(relation_id(each, name == "chart" ? "id" : "dm"));
      if (found != relations.end()) related_drawing(found->second.target, name == "chart", anchor);
    } else if (name == "AlternateContent") {
      walk_drawing(child(each, child(each, "Choice") ? "Choice" : "Fallback"), relations, anchor);
    } else {
      walk_drawing(each, relations, anchor);
    }
  }
}

void XlsxReader::related_drawing(std::string_view target, bool is_chart, Anchor anchor) {
  if (!package_.has(target)) return;
  const auto xml = package_.xml(target);
  if (!xml) return note_unread(document_, target, xml.error().message);
  anchor.part = (is_chart ? "chart " : "diagram ") + std::to_string(++drawings_);
  for (Block& block :
       is_chart ? chart_blocks(xml->root(), anchor) : diagram_blocks(xml->root(), anchor)) {
    document_.blocks.push_back(std::move(block));
  }
}

// "&L&"Arial,Bold"&10Report&C&P / &N": sections, fonts and fields out, words kept.
std::string header_text(std::string_view code) {
  std::string text;
  for (size_t i = 0; i < code.size(); ++i) {
    if (code[i] != '&' || i + 1 == code.size()) {
      text += code[i];
      continue;
    }
    const char kind = code[++i];
    if (kind == '&')
      text += '&';
    else if (kind == '"')
      i = std::min(code.find('"', i + 1), code.size());
    else if (kind == 'K')
      i += 6;
    else if (kind >= '0' && kind <= '9')
      while (i + 1 < code.size() && code[i + 1] >= '0' && code[i + 1] <= '9') ++i;
    else
      text += ' ';
  }
  return collapse_spaces(text);
}

void XlsxReader::read_header_footer(pugi::xml_node root, const std::string& sheet) {
  for (pugi::xml_node each : child(root, "headerFooter")) {
    const std::string_view name = local_name(each);
    const bool is_header = name.size() > 6 && name.substr(name.size() - 6) == "Header";
    std::string text = header_text(all_text(each));
    if (text.find_first_not_of(" /-") == std::string::npos) continue;
    Block block{is_header ? BlockKind::kHeader : BlockKind::kFooter, 0, std::move(text), {}, {}};
    block.anchor.sheet = sheet;
    block.anchor.part = to_string(block.kind);
    document_.blocks.push_back(std::move(block));
  }
}

}  // namespace

Result<Document> read_xlsx(const Source& source, Budget& budget) {
  SILLOK_ASSIGN(const OfficePackage package, OfficePackage::open(source, budget));
  return XlsxReader(package, source, budget).read();
}

}  // namespace sillok::documents
