// OpenDocument (ISO/IEC 26300): text (odt), spreadsheet (ods), presentation (odp); packaged or as
// one flat XML file. Text is given as it stands now: what change tracking has deleted is kept by
// the format outside the text.
#include <algorithm>
#include <set>

#include "documents/drawingml.h"
#include "documents/odf_styles.h"
#include "documents/sheet_regions.h"

namespace sillok::documents {
namespace {

constexpr int64_t kMaxSpan = 1024;         // as in the other office formats
constexpr int64_t kMaxRepeat = 1'048'576;  // rows or columns one element may stand for
constexpr uint64_t kRepeatedCellBytes =
    256;  // charged for each cell made by repetition: bounds a few bytes' cost
constexpr int64_t kMaxSpaces = 1000;  // text:s standing for this many spaces at most
constexpr int kMaxObjectDepth = 4;    // objects within objects

class OdfReader {
 public:
  OdfReader(const OfficePackage* package, const Source& source, Budget& budget)
      : package_(package), source_(source), budget_(budget) {}
  Result<Document> read_package();
  Result<Document> read_flat(pugi::xml_node root);

 private:
  using Blocks = std::vector<Block>;
  struct Inline {
    std::string text;
    Blocks after;
  };
  struct List {
    std::string style;
    size_t level = 0;
    OdfCounters* counters = nullptr;
    std::string label;  // of the item begun, until its first paragraph takes it
  };

  Status body(pugi::xml_node root);
  void walk(pugi::xml_node node, Blocks& out);
  void element(pugi::xml_node node, std::string_view name, Blocks& out);
  void paragraph(pugi::xml_node node, bool heading, Blocks& out);
  void list(pugi::xml_node node, Blocks& out);
  void list_items(pugi::xml_node node, Blocks& out);
  void inlines(pugi::xml_node node, Inline& into);
  void inline_element(pugi::xml_node node, std::string_view name, Inline& into);
  void note(pugi::xml_node node, Inline& into);
  void annotation(pugi::xml_node node, Blocks& out);
  void shape(pugi::xml_node node, Blocks& out);
  void object(pugi::xml_node node, Blocks& out);
  void table(pugi::xml_node node, Blocks& out);
  void table_rows(pugi::xml_node node, bool header, Table& table, Blocks& after);
  void table_row(pugi::xml_node node, Row& row, Blocks& after);
  Status spreadsheet(pugi::xml_node node);
  Status sheet_rows(pugi::xml_node node, Sheet& sheet, uint32_t& row, Blocks& after);
  Status sheet_row(pugi::xml_node node, Sheet& sheet, uint32_t row, Blocks& after, bool& filled);
  void presentation(pugi::xml_node node);
  void headers_and_footers(pugi::xml_node styles, bool spreadsheet);
  void read_meta(pugi::xml_node meta);
  void emit(Block&& block, Blocks& out);

  const OfficePackage* package_;  // none for a flat file
  const Source& source_;
  Budget& budget_;
  Document document_;
  OdfStyles styles_;
  std::vector<List> lists_;  // those open, outermost first
  std::map<std::string, OdfCounters, std::less<>> counters_by_style_, counters_by_id_;
  OdfCounters outline_{};
  std::vector<Hyperlink> pending_links_;
  Anchor anchor_;
  Status within_budget_;  // the first refusal, given at the end
  int text_boxes_ = 0, footnotes_ = 0, endnotes_ = 0, objects_ = 0, object_depth_ = 0;
};

Result<Document> OdfReader::read_package() {
  package_->note_repair(document_.meta);
  if (package_->has("META-INF/manifest.xml")) {
    SILLOK_ASSIGN(const Xml manifest, package_->xml("META-INF/manifest.xml"));
    if (find_descendant(manifest.root(), "encryption-data")) {
      return fail(ErrorCode::kProtected,
                  "the document is encrypted with a password; save a copy without one");
    }
  }
  SILLOK_ASSIGN(const Xml content, package_->xml("content.xml"));
  std::optional<Xml> styles;
  if (package_->has("styles.xml")) {
    SILLOK_ASSIGN(styles, package_->xml("styles.xml"));
    styles_.read(styles->root());
  }
  styles_.read(content.root());
  // Properties are not the body: a damaged part leaves them unset.
  if (const auto meta = package_->xml("meta.xml")) read_meta(child(meta->root(), "meta"));
  SILLOK_TRY(body(content.root()));
  if (styles) headers_and_footers(styles->root(), document_.meta.format == "ods");
  return std::move(document_);
}

Result<Document> OdfReader::read_flat(pugi::xml_node root) {
  styles_.read(root);
  read_meta(child(root, "meta"));
  SILLOK_TRY(body(root));
  headers_and_footers(root, document_.meta.format == "ods");
  return std::move(document_);
}

Status OdfReader::body(pugi::xml_node root) {
  const pugi::xml_node body = child(root, "body");
  if (const pugi::xml_node text = child(body, "text")) {
    document_.meta.format = "odt";
    walk(text, document_.blocks);
    return within_budget_;
  }
  if (const pugi::xml_node sheets = child(body, "spreadsheet")) {
    document_.meta.format = "ods";
    return spreadsheet(sheets);
  }
  pugi::xml_node slides = child(body, "presentation");
  if (!slides) slides = child(body, "drawing");
  if (!slides)
    return fail(ErrorCode::kUnsupported,
                "the OpenDocument file is no text, spreadsheet or presentation");
  document_.meta.format = "odp";
  presentation(slides);
  return within_budget_;
}

void OdfReader::emit(Block&& block, Blocks& out) {
  out.push_back(std::move(block));
  if (&out != &document_.blocks) return;
  for (Hyperlink& link : pending_links_) {
    link.block = static_cast<uint32_t>(out.size() - 1);
    document_.links.push_back(std::move(link));
  }
  pending_links_.clear();
}

void OdfReader::walk(pugi::xml_node node, Blocks& out) {
  for (pugi::xml_node each : node) element(each, local_name(each), out);
}

void OdfReader::element(pugi::xml_node node, std::string_view name, Blocks& out) {
  if (name == "p" || name == "h")
    paragraph(node, name == "h", out);
  else if (name == "list")
    list(node, out);
  else if (name == "table")
    table(node, out);
  else if (name == "annotation")
    annotation(node, out);
  else if (name == "tracked-changes" || name == "script" || name == "event-listeners" ||
           name == "forms" || name == "table-of-content-source" || name == "image" ||
           name == "title" || name == "desc" || name == "sequence-decls" ||
           name == "variable-decls" || name == "user-field-decls") {
    return;
  } else if (std::string_view(node.name()).substr(0, 5) == "draw:" || name == "scene") {
    shape(node, out);
  } else {
    walk(node, out);  // sections, indexes, change marks, ...
  }
}

void OdfReader::paragraph(pugi::xml_node node, bool heading, Blocks& out) {
  Inline gathered;
  inlines(node, gathered);
  const std::string_view style = attribute(node, "style-name");
  Block block;
  block.anchor = anchor_;
  block.text = std::move(gathered.text);
  if (!trim(block.text).empty()) {
    std::string label;
    if (!lists_.empty()) label = std::exchange(lists_.back().label, "");
    if (heading) {
      const auto level =
          static_cast<size_t>(to_number(attribute(node, "outline-level"), 1, 1, kOdfListLevels)) -
          1;
      int64_t& counter = outline_[level];
      counter = counter == 0 ? styles_.start(OdfStyles::kOutline, level) : counter + 1;
      std::fill(outline_.begin() + static_cast<ptrdiff_t>(level) + 1, outline_.end(), 0);
      if (label.empty() && attribute(node, "is-list-header") != "true")
        label = styles_.label(OdfStyles::kOutline, level, outline_);
      block.kind = BlockKind::kHeading;
      block.level = static_cast<uint8_t>(std::min<size_t>(level + 1, 6));
    } else if (styles_.descends_from(style, "Title")) {
      block.kind = BlockKind::kHeading;
      block.level = 1;
    } else if (!lists_.empty()) {
      block.kind = BlockKind::kListItem;
      block.level = static_cast<uint8_t>(lists_.back().level + 1);
    } else if (styles_.descends_from(style, "Caption")) {
      block.kind = BlockKind::kCaption;
    }
    block.text.insert(0, label);
    emit(std::move(block), out);
  }
  for (Block& after : gathered.after) emit(std::move(after), out);
}

// A list counts anew unless it continues another of its style or the one named.
void OdfReader::list(pugi::xml_node node, Blocks& out) {
  List list;
  list.style = attribute(node, "style-name");
  OdfCounters counters{};
  const bool nested = !lists_.empty();
  if (nested) {
    list.level = std::min(lists_.back().level + 1, kOdfListLevels - 1);
    if (list.style.empty()) list.style = lists_.back().style;
    list.counters = lists_.back().counters;
  } else {
    const auto continued = counters_by_id_.find(attribute(node, "continue-list"));
    if (continued != counters_by_id_.end())
      counters = continued->second;
    else if (attribute(node, "continue-numbering") == "true")
      counters = counters_by_style_[list.style];
    list.counters = &counters;
  }
  lists_.push_back(list);
  list_items(node, out);
  lists_.pop_back();
  if (nested) return;
  counters_by_style_[list.style] = counters;
  const std::string_view id = attribute(node, "id");
  if (!id.empty()) counters_by_id_[std::string(id)] = counters;
}

void OdfReader::list_items(pugi::xml_node node, Blocks& out) {
  for (pugi::xml_node item : node) {
    if (is(item, "list-header")) {
      walk(item, out);
      continue;
    }
    if (!is(item, "list-item")) continue;
    List& list = lists_.back();
    OdfCounters& counters = *list.counters;
    int64_t& counter = counters[list.level];
    // An item that only holds a deeper list shows no number of its own.
    pugi::xml_node first = item.first_child();
    while (first && first.type() != pugi::node_element) first = first.next_sibling();
    const int64_t start = to_number(attribute(item, "start-value"), -1, 0, INT32_MAX);
    if (!is(first, "list")) {
      counter = start >= 0     ? start
                : counter == 0 ? styles_.start(list.style, list.level)
                               : counter + 1;
      for (size_t at = 0; at < list.level; ++at) counters[at] = std::max<int64_t>(counters[at], 1);
      std::fill(counters.begin() + static_cast<ptrdiff_t>(list.level) + 1, counters.end(), 0);
      list.label = styles_.label(list.style, list.level, counters);
    }
    walk(item, out);
    lists_.back().label.clear();
  }
}

// Runs of white space in the file count as one space; more are spelled out as elements.
void append_collapsed(std::string_view raw, std::string& text) {
  for (const char c : raw) {
    const bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (!space)
      text += c;
    else if (!text.empty() && text.back() != ' ' && text.back() != '\n')
      text += ' ';
  }
}

void OdfReader::inlines(pugi::xml_node node, Inline& into) {
  for (pugi::xml_node each : node) {
    if (each.type() == pugi::node_pcdata || each.type() == pugi::node_cdata)
      append_collapsed(each.value(), into.text);
    else if (each.type() == pugi::node_element)
      inline_element(each, local_name(each), into);
  }
}

void OdfReader::inline_element(pugi::xml_node node, std::string_view name, Inline& into) {
  if (name == "s") {
    into.text.append(static_cast<size_t>(to_number(attribute(node, "c"), 1, 1, kMaxSpaces)), ' ');
  } else if (name == "tab") {
    into.text += '\t';
  } else if (name == "line-break") {
    into.text += '\n';
  } else if (name == "note") {
    note(node, into);
  } else if (name == "annotation") {
    annotation(node, into.after);
  } else if (name == "ruby-text") {
    const std::string reading = all_text(node);
    if (!reading.empty()) into.text += "(" + reading + ")";
  } else if (name == "a") {
    const size_t start = into.text.size();
    inlines(node, into);
    const std::string_view target = attribute(node, "href");
    if (!target.empty())
      pending_links_.push_back({into.text.substr(start), std::string(target), 0});
  } else if (name == "p" || name == "h" || name == "list" || name == "table") {
    element(node, name, into.after);
  } else if (name == "script" || name == "event-listeners" || name == "tracked-changes") {
    return;
  } else if (std::string_view(node.name()).substr(0, 5) == "draw:" && name != "a") {
    shape(node, into.after);
  } else {
    inlines(node, into);  // spans, fields, marks
  }
}

void OdfReader::note(pugi::xml_node node, Inline& into) {
  const bool endnote = attribute(node, "note-class") == "endnote";
  const std::string outer =
      std::exchange(anchor_.part, (endnote ? "endnote " : "footnote ") +
                                      std::to_string(endnote ? ++endnotes_ : ++footnotes_));
  const std::vector<List> outer_lists = std::exchange(lists_, {});
  Blocks blocks;
  walk(child(node, "note-body"), blocks);
  for (Block& block : blocks) {
    if (block.kind != BlockKind::kTable) block.kind = BlockKind::kFootnote, block.level = 0;
    into.after.push_back(std::move(block));
  }
  lists_ = outer_lists;
  anchor_.part = outer;
}

void OdfReader::annotation(pugi::xml_node node, Blocks& out) {
  const std::vector<List> outer_lists = std::exchange(lists_, {});
  Blocks blocks;
  for (pugi::xml_node each : node) {
    if (is(each, "p") || is(each, "list")) element(each, local_name(each), blocks);
  }
  lists_ = outer_lists;
  Block block{BlockKind::kComment, 0, blocks_as_text(blocks), {}, anchor_};
  const std::string author = all_text(child(node, "creator"));
  block.anchor.part = author.empty() ? "comment" : "comment by " + author;
  if (!block.text.empty()) emit(std::move(block), out);
}

// Frames, text boxes, shapes, groups: whatever holds text, tables or objects.
void OdfReader::shape(pugi::xml_node node, Blocks& out) {
  const std::string_view name = local_name(node);
  if (name == "object" || name == "object-ole") return object(node, out);
  if (name == "image" || name == "plugin") return;
  const std::vector<List> outer_lists = std::exchange(lists_, {});
  const std::string outer = anchor_.part;
  const bool holds_text = child(node, "p") || child(node, "list") || child(node, "h");
  // In a presentation every text is in a box; a number would tell nothing.
  if (holds_text && anchor_.slide == 0) anchor_.part = "text box " + std::to_string(++text_boxes_);
  const bool has_object = child(node, "object") || child(node, "object-ole");
  for (pugi::xml_node each : node) {
    // Beside an object stand its pictures for programs that cannot show it.
    if (each.type() != pugi::node_element || (has_object && is(each, "image"))) continue;
    element(each, local_name(each), out);
  }
  anchor_.part = outer;
  lists_ = outer_lists;
}

// A formula, chart or whole document inside this one, as a folder of the package, in place, or as
// an OLE file.
void OdfReader::object(pugi::xml_node node, Blocks& out) {
  if (object_depth_ >= kMaxObjectDepth)
    return note_unread(document_, "object", "objects are nested too deep");
  std::string path(attribute(node, "href"));
  if (path.substr(0, 2) == "./") path.erase(0, 2);
  std::optional<Xml> part;
  pugi::xml_node root = child(node, "document");
  if (!root) root = child(node, "math");
  if (!root && package_ != nullptr) {
    if (package_->has(path)) {
      const auto bytes = package_->bytes(path);
      return bytes ? append_embedded(document_, source_, budget_, path, *bytes)
                   : note_unread(document_, path, bytes.error().message);
    }
    if (!package_->has(path + "/content.xml")) return;
    auto xml = package_->xml(path + "/content.xml");
    if (!xml) return note_unread(document_, path, xml.error().message);
    part = std::move(*xml);
    root = part->root();
  }
  if (!root) return;
  const std::string outer = std::exchange(anchor_.part, "object " + std::to_string(++objects_));
  ++object_depth_;
  if (is(root, "math")) {
    const pugi::xml_node source = find_descendant(root, "annotation");
    Block block{
        BlockKind::kParagraph, 0, collapse_spaces(all_text(source ? source : root)), {}, anchor_};
    if (!block.text.empty()) emit(std::move(block), out);
  } else {
    walk(child(root, "body"), out);
  }
  --object_depth_;
  anchor_.part = outer;
}

void OdfReader::table(pugi::xml_node node, Blocks& out) {
  Block block;
  block.kind = BlockKind::kTable;
  block.anchor = anchor_;
  const std::vector<List> outer_lists = std::exchange(lists_, {});
  Blocks after;
  table_rows(node, false, block.table, after);
  lists_ = outer_lists;
  if (has_text(block.table)) emit(std::move(block), out);
  for (Block& each : after) emit(std::move(each), out);
}

void OdfReader::table_rows(pugi::xml_node node, bool header, Table& table, Blocks& after) {
  for (pugi::xml_node each : node) {
    const std::string_view name = local_name(each);
    if (name == "table-header-rows") {
      table_rows(each, true, table, after);
    } else if (name == "table-rows" || name == "table-row-group") {
      table_rows(each, header, table, after);
    } else if (name == "table-row") {
      Row row;
      table_row(each, row, after);
      if (header && table.header_rows == table.rows.size()) ++table.header_rows;
      int64_t copies = to_number(attribute(each, "number-rows-repeated"), 1, 1, kMaxRepeat);
      for (; copies > 1 && !row.cells.empty() && within_budget_; --copies) {
        within_budget_ = budget_.charge(row.cells.size() * kRepeatedCellBytes);
        table.rows.push_back(row);
      }
      table.rows.push_back(std::move(row));
    }
  }
}

void OdfReader::table_row(pugi::xml_node node, Row& row, Blocks& after) {
  uint32_t column = 0;
  for (pugi::xml_node each : node) {
    const bool covered = is(each, "covered-table-cell");
    if (!covered && !is(each, "table-cell")) continue;
    const auto repeated = static_cast<uint32_t>(
        to_number(attribute(each, "number-columns-repeated"), 1, 1, kMaxSpan));
    Blocks blocks;
    Blocks inside;
    walk(each, blocks);
    for (Block& block : blocks) {
      const bool hangs_on = block.kind == BlockKind::kFootnote || block.kind == BlockKind::kComment;
      (hangs_on ? after : inside).push_back(std::move(block));
    }
    Cell cell;
    cell.text = blocks_as_text(inside);
    cell.col_span =
        static_cast<uint16_t>(to_number(attribute(each, "number-columns-spanned"), 1, 1, kMaxSpan));
    cell.row_span =
        static_cast<uint16_t>(to_number(attribute(each, "number-rows-spanned"), 1, 1, kMaxSpan));
    for (uint32_t i = 0; i < repeated && !(covered && cell.text.empty()); ++i) {
      cell.column = column + i;
      row.cells.push_back(cell);
    }
    column += repeated;
  }
}

Status OdfReader::spreadsheet(pugi::xml_node node) {
  for (pugi::xml_node each : node) {
    if (!is(each, "table")) continue;
    Sheet sheet;
    sheet.name = attribute(each, "name");
    anchor_.sheet = sheet.name;
    Blocks after;
    uint32_t row = 0;
    SILLOK_TRY(sheet_rows(each, sheet, row, after));
    append_sheet(document_, std::move(sheet));
    for (Block& block : after) emit(std::move(block), document_.blocks);
    if (const pugi::xml_node shapes = child(each, "shapes")) walk(shapes, document_.blocks);
  }
  anchor_ = {};
  return {};
}

Status OdfReader::sheet_rows(pugi::xml_node node, Sheet& sheet, uint32_t& row, Blocks& after) {
  for (pugi::xml_node each : node) {
    const std::string_view name = local_name(each);
    if (name == "table-header-rows") {
      sheet.header_rows.insert(row);
      SILLOK_TRY(sheet_rows(each, sheet, row, after));
    } else if (name == "table-rows" || name == "table-row-group") {
      SILLOK_TRY(sheet_rows(each, sheet, row, after));
    } else if (name == "table-row") {
      const auto copies = static_cast<uint32_t>(
          to_number(attribute(each, "number-rows-repeated"), 1, 1, kMaxRepeat));
      bool filled = false;
      for (uint32_t i = 0; i < copies && (i == 0 || filled); ++i) {
        if (row + i >= kMaxSheetRows)
          return fail(ErrorCode::kLimit,
                      "a sheet has more than " + std::to_string(kMaxSheetRows) + " rows");
        SILLOK_TRY(sheet_row(each, sheet, row + i, after, filled));
      }
      row = static_cast<uint32_t>(std::min<uint64_t>(uint64_t{row} + copies, kMaxSheetRows));
    }
  }
  return {};
}

// Value of a cell whose writer left out the text shown.
std::string cell_value(pugi::xml_node cell) {
  for (const char* name : {"string-value", "date-value", "time-value", "boolean-value", "value"}) {
    const std::string_view value = attribute(cell, name);
    if (!value.empty()) return std::string(value);
  }
  return "";
}

Status OdfReader::sheet_row(pugi::xml_node node, Sheet& sheet, uint32_t row, Blocks& after,
                            bool& filled) {
  uint32_t column = 0;
  for (pugi::xml_node each : node) {
    const bool covered = is(each, "covered-table-cell");
    if (!covered && !is(each, "table-cell")) continue;
    const auto repeated = static_cast<uint32_t>(
        to_number(attribute(each, "number-columns-repeated"), 1, 1, kMaxRepeat));
    anchor_.cell = cell_name(row, std::min(column, kMaxSheetColumns - 1));
    Blocks blocks;
    Blocks inside;
    walk(each, blocks);
    for (Block& block : blocks) {  // comments, charts and text boxes lie over the cell, not in it
      (block.kind == BlockKind::kComment || !block.anchor.part.empty() ? after : inside)
          .push_back(std::move(block));
    }
    std::string text = blocks_as_text(inside);
    if (text.empty()) text = cell_value(each);
    const auto rows =
        static_cast<uint32_t>(to_number(attribute(each, "number-rows-spanned"), 1, 1, kMaxRepeat));
    const auto columns = static_cast<uint32_t>(
        to_number(attribute(each, "number-columns-spanned"), 1, 1, kMaxRepeat));
    if (!text.empty() && (rows > 1 || columns > 1))
      sheet.merges.push_back({row, column, row + rows - 1, column + columns - 1});
    for (uint32_t i = 0; i < repeated && !text.empty() && !covered; ++i) {
      if (column + i >= kMaxSheetColumns)
        return fail(ErrorCode::kLimit,
                    "a sheet has more than " + std::to_string(kMaxSheetColumns) + " columns");
      SILLOK_TRY(budget_.charge(kRepeatedCellBytes));
      sheet.cells.push_back({row, column + i, text});
      filled = true;
    }
    column =
        static_cast<uint32_t>(std::min<uint64_t>(uint64_t{column} + repeated, kMaxSheetColumns));
  }
  anchor_.cell.clear();
  return {};
}

void OdfReader::presentation(pugi::xml_node node) {
  for (pugi::xml_node page : node) {
    if (!is(page, "page")) continue;
    ++anchor_.slide;
    const auto is_title = [](pugi::xml_node each) { return attribute(each, "class") == "title"; };
    for (pugi::xml_node each : page) {
      if (!is_title(each)) continue;
      Blocks blocks;
      shape(each, blocks);
      Block heading{BlockKind::kHeading, 1, collapse_spaces(blocks_as_text(blocks)), {}, anchor_};
      if (!heading.text.empty()) emit(std::move(heading), document_.blocks);
    }
    for (pugi::xml_node each : page) {
      if (each.type() != pugi::node_element || is_title(each)) continue;
      const bool notes = is(each, "notes");
      if (notes) anchor_.part = "notes";
      element(each, notes ? "" : local_name(each), document_.blocks);
      anchor_.part.clear();
    }
  }
  anchor_ = {};
}

void OdfReader::headers_and_footers(pugi::xml_node root, bool spreadsheet) {
  std::set<std::pair<BlockKind, std::string>> seen;
  for (pugi::xml_node page : child(root, "master-styles")) {
    if (!is(page, "master-page")) continue;
    for (pugi::xml_node each : page) {
      const std::string_view name = local_name(each);
      const bool is_header = name.substr(0, 6) == "header";
      if ((!is_header && name.substr(0, 6) != "footer") || attribute(each, "display") == "false")
        continue;
      // What LibreOffice puts on every sheet: its name and "Page 1".
      if (spreadsheet &&
          (find_descendant(each, "sheet-name") || find_descendant(each, "page-number")))
        continue;
      anchor_.part = is_header ? "header" : "footer";
      Blocks blocks;
      walk(each, blocks);
      Block block{is_header ? BlockKind::kHeader : BlockKind::kFooter,
                  0,
                  blocks_as_text(blocks),
                  {},
                  anchor_};
      if (block.text.empty() || !seen.emplace(block.kind, block.text).second) continue;
      emit(std::move(block), document_.blocks);
    }
  }
  anchor_.part.clear();
}

void OdfReader::read_meta(pugi::xml_node meta) {
  Metadata& out = document_.meta;
  std::string last_author;
  for (pugi::xml_node property : meta) {
    const std::string name(local_name(property));
    const std::string value = collapse_spaces(all_text(property));
    if (name.empty() || value.empty()) continue;
    if (name == "title")
      out.title = value;
    else if (name == "initial-creator")
      out.author = value;
    else if (name == "creator")
      last_author = value;
    else if (name == "creation-date")
      out.created = value;
    else if (name == "date")
      out.modified = value;
    else if (name == "user-defined")
      out.other[std::string(attribute(property, "name"))] = value;
    else if (name == "keyword" && out.other.count(name) != 0)
      out.other[name] += ", " + value;
    else
      out.other[name] = value;
  }
  if (out.author.empty())
    out.author = last_author;
  else if (!last_author.empty())
    out.other["lastModifiedBy"] = last_author;
}

}  // namespace

Result<Document> read_odf(const Source& source, Budget& budget) {
  const std::string_view start = trim(source.bytes.substr(0, 64));
  if (start.substr(0, 1) == "<" || start.substr(0, 4) == "\xEF\xBB\xBF<") {
    SILLOK_TRY(budget.charge(source.bytes.size()));
    SILLOK_ASSIGN(const Xml xml, Xml::parse(std::string(source.bytes), source.name));
    return OdfReader(nullptr, source, budget).read_flat(xml.root());
  }
  SILLOK_ASSIGN(const OfficePackage package, OfficePackage::open(source, budget));
  return OdfReader(&package, source, budget).read_package();
}

}  // namespace sillok::documents
