// What every document goes through last.
#include "documents/finish.h"

#include "text/text.h"

namespace sillok::documents {
namespace {

bool needs_cleaning(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte >= 0x80 || (byte < 0x20 && byte != '\n') || byte == 0x7F) return true;
  }
  return false;
}

// What the character becomes: 0 = dropped. Invisible ones would break words apart for search and quoting.
char32_t cleaned(char32_t c) {
  switch (c) {
    case 0xAD:    // soft hyphen
    case 0x200B:  // zero-width space
    case 0x2060:  // word joiner
    case 0xFEFF:  // byte order mark
    case 0x7F: return 0;
    case '\t':
    case 0xA0:
    case 0x2007:
    case 0x202F:
    case 0x3000: return ' ';
    case 0x2028:
    case 0x2029: return '\n';
    default: return c >= 0x80 && c < 0xA0 ? 0 : c;
  }
}

// Each line without white space at its end; no blank lines around the whole.
std::string trim_lines(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const std::string_view line : split(text, '\n')) {
    size_t size = line.size();
    while (size > 0 && line[size - 1] == ' ') --size;
    out.append(line.substr(0, size));
    out += '\n';
  }
  return std::string(trim(out));
}

bool is_empty(const Block& block) {
  if (block.kind != BlockKind::kTable) return block.text.empty();
  for (const Row& row : block.table.rows) {
    for (const Cell& cell : row.cells) {
      if (!cell.text.empty()) return false;
    }
  }
  return true;
}

void clean_document(Document& document) {
  for (std::string* text : {&document.meta.title, &document.meta.author, &document.meta.document_number,
                            &document.meta.revision}) {
    *text = collapse_spaces(clean_text(*text));
  }
  for (Block& block : document.blocks) {
    block.text = clean_text(block.text);
    for (Row& row : block.table.rows) {
      for (Cell& cell : row.cells) cell.text = clean_text(cell.text);
    }
  }
  for (Hyperlink& link : document.links) link.text = collapse_spaces(clean_text(link.text));
}

}  // namespace

std::string clean_text(std::string_view text) {
  if (!needs_cleaning(text)) return trim_lines(text);
  const std::string valid = text::nfc(clean_utf8(text));
  std::string out;
  out.reserve(valid.size());
  for (size_t i = 0; i < valid.size();) {
    const char32_t c = cleaned(decode_utf8(valid, i));
    if (c != 0) append_utf8(out, c);
  }
  return trim_lines(out);
}

void drop_empty_blocks(Document& document) {
  std::vector<uint32_t> moved(document.blocks.size(), 0);
  std::vector<Block> kept;
  kept.reserve(document.blocks.size());
  for (size_t i = 0; i < document.blocks.size(); ++i) {
    if (!is_empty(document.blocks[i])) kept.push_back(std::move(document.blocks[i]));
    moved[i] = static_cast<uint32_t>(kept.empty() ? 0 : kept.size() - 1);
  }
  document.blocks = std::move(kept);
  std::erase_if(document.links, [&](Hyperlink& link) {
    if (document.blocks.empty()) return true;
    link.block = link.block < moved.size() ? moved[link.block]
                                           : static_cast<uint32_t>(document.blocks.size() - 1);
    return false;
  });
}

namespace {

// What to call a document that has no title: the last of its path within its container (a JSONL line's id, a
// member's name), else the file's name without its ending.
std::string name_of(const Source& source) {
  if (!source.part.empty()) return source.part.substr(source.part.rfind('/') + 1);
  const size_t dot = source.name.rfind('.');
  return dot == std::string::npos || dot == 0 ? source.name : source.name.substr(0, dot);
}

}  // namespace

void finish(Document& document, const Source& source) {
  clean_document(document);
  drop_empty_blocks(document);
  infer_articles(document);
  join_tables(document);
  split_titled_tables(document);
  for (Block& block : document.blocks) {
    if (block.kind == BlockKind::kTable) guess_header_rows(block.table);
  }
  infer_fields(document, name_of(source));
  set_paths(document);
}

}  // namespace sillok::documents
