// Storage form of a Document. Little-endian. A string is a u32 length in bytes and its bytes; a list is
// a u32 count and its elements.
//
//   "SLKD" u8 version=1
//   Metadata: 14 strings in declaration order (title .. message_id, in_reply_to), list of references,
//             list of (key, value) of `other`
//   list of Block: u8 kind, u8 level, string text, Anchor, Table
//   Anchor: u32 page, slide, line; strings sheet, cell, part, path
//   Table: u32 header_rows, list of Row: u32 line, list of Cell: string text, u16 row_span, u16 col_span,
//          u32 column
//   list of Hyperlink: string text, string target, u32 block
//
// There is no checksum: the pipe needs none, and the archive's rows carry the hash of the original.
#include <cstring>

#include "documents/documents.h"

namespace sillok::documents {
namespace {

constexpr std::string_view kMagic = "SLKD\x01";

class Writer {
 public:
  template <typename T>
  void number(T value) {
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    out.append(bytes, sizeof value);
  }
  void string(const std::string& text) {
    number(static_cast<uint32_t>(text.size()));
    out += text;
  }
  template <typename List, typename Each>
  void list(const List& items, Each each) {
    number(static_cast<uint32_t>(items.size()));
    for (const auto& item : items) each(item);
  }
  std::string out;
};

// Reads with bounds checks; once something does not fit, every later read gives zero and ok is false.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest(bytes) {}
  template <typename T>
  T number() {
    T value{};
    if (rest.size() < sizeof value) {
      ok = false;
      rest = {};
      return value;
    }
    std::memcpy(&value, rest.data(), sizeof value);
    rest.remove_prefix(sizeof value);
    return value;
  }
  std::string string() {
    const auto size = number<uint32_t>();
    if (rest.size() < size) {
      ok = false;
      rest = {};
      return {};
    }
    std::string text(rest.substr(0, size));
    rest.remove_prefix(size);
    return text;
  }
  // Each element takes at least one byte, so a count above what is left is malformed.
  template <typename Each>
  void list(Each each) {
    const auto count = number<uint32_t>();
    if (count > rest.size()) ok = false;
    for (uint32_t i = 0; ok && i < count; ++i) each();
  }
  std::string_view rest;
  bool ok = true;
};

template <typename Meta, typename Visit>
void visit_strings(Meta& meta, Visit visit) {
  for (auto* field : {&meta.title, &meta.author, &meta.format, &meta.created, &meta.modified,
                      &meta.document_number, &meta.revision, &meta.effective_from,
                      &meta.effective_to, &meta.identity, &meta.label, &meta.url, &meta.message_id,
                      &meta.in_reply_to}) {
    visit(*field);
  }
}

void write_block(Writer& w, const Block& block) {
  w.number(static_cast<uint8_t>(block.kind));
  w.number(block.level);
  w.string(block.text);
  const Anchor& a = block.anchor;
  for (uint32_t n : {a.page, a.slide, a.line}) w.number(n);
  for (const std::string* s : {&a.sheet, &a.cell, &a.part, &a.path}) w.string(*s);
  w.number(block.table.header_rows);
  w.list(block.table.rows, [&](const Row& row) {
    w.number(row.line);
    w.list(row.cells, [&](const Cell& cell) {
      w.string(cell.text);
      w.number(cell.row_span);
      w.number(cell.col_span);
      w.number(cell.column);
    });
  });
}

Block read_block(Reader& r) {
  Block block;
  const auto kind = r.number<uint8_t>();
  if (kind > static_cast<uint8_t>(BlockKind::kFooter)) r.ok = false;
  block.kind = static_cast<BlockKind>(kind);
  block.level = r.number<uint8_t>();
  block.text = r.string();
  Anchor& a = block.anchor;
  for (uint32_t* n : {&a.page, &a.slide, &a.line}) *n = r.number<uint32_t>();
  for (std::string* s : {&a.sheet, &a.cell, &a.part, &a.path}) *s = r.string();
  block.table.header_rows = r.number<uint32_t>();
  r.list([&] {
    Row row;
    row.line = r.number<uint32_t>();
    r.list([&] {
      Cell cell;
      cell.text = r.string();
      cell.row_span = r.number<uint16_t>();
      cell.col_span = r.number<uint16_t>();
      cell.column = r.number<uint32_t>();
      row.cells.push_back(std::move(cell));
    });
    block.table.rows.push_back(std::move(row));
  });
  return block;
}

}  // namespace

std::string encode(const Document& document) {
  Writer w;
  w.out = kMagic;
  visit_strings(document.meta, [&](const std::string& field) { w.string(field); });
  w.list(document.meta.references, [&](const std::string& id) { w.string(id); });
  w.list(document.meta.other, [&](const auto& entry) {
    w.string(entry.first);
    w.string(entry.second);
  });
  w.list(document.blocks, [&](const Block& block) { write_block(w, block); });
  w.list(document.links, [&](const Hyperlink& link) {
    w.string(link.text);
    w.string(link.target);
    w.number(link.block);
  });
  return std::move(w.out);
}

Result<Document> decode(std::string_view bytes) {
  const auto malformed = [] { return fail(ErrorCode::kInvalid, "malformed stored document"); };
  if (!bytes.starts_with(kMagic)) return malformed();
  Reader r(bytes.substr(kMagic.size()));
  Document document;
  visit_strings(document.meta, [&](std::string& field) { field = r.string(); });
  r.list([&] { document.meta.references.push_back(r.string()); });
  r.list([&] {
    std::string key = r.string();
    document.meta.other[std::move(key)] = r.string();
  });
  r.list([&] { document.blocks.push_back(read_block(r)); });
  r.list([&] {
    Hyperlink link;
    link.text = r.string();
    link.target = r.string();
    link.block = r.number<uint32_t>();
    if (link.block >= document.blocks.size()) link.block = 0;
    document.links.push_back(std::move(link));
  });
  if (!r.ok || !r.rest.empty()) return malformed();
  return document;
}

}  // namespace sillok::documents
