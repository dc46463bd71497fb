// A document as JSON: every field, in a fixed order, so that equal documents give equal bytes.
#include <algorithm>

#include "documents/documents.h"

namespace sillok::documents {
namespace {

// Rows are filled up to a cell's column so that position means column; beyond this a cell is only appended.
constexpr uint32_t kMaxPaddedColumn = 1024;

void field(std::string& out, std::string_view name, std::string_view value) {
  out += json_quote(name);
  out += ':';
  out += json_quote(value);
  out += ',';
}

void number(std::string& out, std::string_view name, uint64_t value) {
  out += json_quote(name);
  out += ':';
  out += std::to_string(value);
  out += ',';
}

// Ends an object or array whose last element left a comma.
void close(std::string& out, char bracket) {
  if (out.back() == ',') out.pop_back();
  out += bracket;
}

void append_metadata(std::string& out, const Metadata& meta) {
  out += '{';
  field(out, "title", meta.title);
  field(out, "author", meta.author);
  field(out, "format", meta.format);
  field(out, "created", meta.created);
  field(out, "modified", meta.modified);
  field(out, "document_number", meta.document_number);
  field(out, "revision", meta.revision);
  field(out, "effective_from", meta.effective_from);
  field(out, "effective_to", meta.effective_to);
  field(out, "identity", meta.identity);
  field(out, "label", meta.label);
  field(out, "url", meta.url);
  field(out, "message_id", meta.message_id);
  field(out, "in_reply_to", meta.in_reply_to);
  out += "\"references\":[";
  for (const std::string& reference : meta.references) out += json_quote(reference) + ",";
  close(out, ']');
  out += ",\"other\":{";
  for (const auto& [name, value] : meta.other) field(out, name, value);
  close(out, '}');
  out += '}';
}

void append_anchor(std::string& out, const Anchor& anchor) {
  out += "\"anchor\":{";
  if (anchor.page > 0) number(out, "page", anchor.page);
  if (anchor.slide > 0) number(out, "slide", anchor.slide);
  if (anchor.line > 0) number(out, "line", anchor.line);
  if (!anchor.sheet.empty()) field(out, "sheet", anchor.sheet);
  if (!anchor.cell.empty()) field(out, "cell", anchor.cell);
  if (!anchor.part.empty()) field(out, "part", anchor.part);
  if (!anchor.path.empty()) field(out, "path", anchor.path);
  field(out, "text", to_string(anchor));
  close(out, '}');
  out += ',';
}

// "rows": the cells' texts by column, "" where a merged cell continues; "merged": which cells span more than one
// place; "lines": each row's line or sheet row in the source, where known.
void append_table(std::string& out, const Table& table) {
  number(out, "header_rows", table.header_rows);
  std::string merged, lines;
  bool lines_known = false;
  out += "\"rows\":[";
  for (size_t r = 0; r < table.rows.size(); ++r) {
    out += '[';
    uint32_t column = 0;
    for (const Cell& cell : table.rows[r].cells) {
      for (; column < std::min(cell.column, kMaxPaddedColumn); ++column) out += "\"\",";
      out += json_quote(cell.text) + ",";
      ++column;
      if (cell.row_span <= 1 && cell.col_span <= 1) continue;
      merged += '{';
      number(merged, "row", r);
      number(merged, "column", cell.column);
      number(merged, "row_span", cell.row_span);
      number(merged, "col_span", cell.col_span);
      close(merged, '}');
      merged += ',';
    }
    close(out, ']');
    out += ',';
    lines += std::to_string(table.rows[r].line) + ",";
    lines_known |= table.rows[r].line > 0;
  }
  close(out, ']');
  out += ',';
  if (!merged.empty()) {
    merged.pop_back();
    out += "\"merged\":[" + merged + "],";
  }
  if (lines_known) {
    lines.pop_back();
    out += "\"lines\":[" + lines + "],";
  }
}

}  // namespace

std::string to_json(const Document& document) {
  std::string out = "{\"metadata\":";
  append_metadata(out, document.meta);
  out += ",\"blocks\":[";
  for (const Block& block : document.blocks) {
    out += '{';
    field(out, "kind", to_string(block.kind));
    number(out, "level", block.level);
    field(out, "text", block.text);
    append_anchor(out, block.anchor);
    if (block.kind == BlockKind::kTable) append_table(out, block.table);
    close(out, '}');
    out += ',';
  }
  close(out, ']');
  out += ",\"links\":[";
  for (const Hyperlink& link : document.links) {
    out += '{';
    field(out, "text", link.text);
    field(out, "target", link.target);
    number(out, "block", link.block);
    close(out, '}');
    out += ',';
  }
  close(out, ']');
  out += '}';
  return out;
}

}  // namespace sillok::documents
