#include "documents/documents.h"

namespace sillok::documents {

std::string to_string(const Anchor& anchor) {
  std::string place;
  if (anchor.page > 0) place = "p. " + std::to_string(anchor.page);
  if (anchor.slide > 0) place = "slide " + std::to_string(anchor.slide);
  if (!anchor.sheet.empty() || !anchor.cell.empty()) {
    place = anchor.sheet;
    if (!anchor.cell.empty()) place += (place.empty() ? "" : "!") + anchor.cell;
  }
  if (anchor.line > 0) place += (place.empty() ? "line " : ", line ") + std::to_string(anchor.line);
  std::string out = anchor.part;
  for (const std::string& piece : {place, anchor.path}) {
    if (piece.empty()) continue;
    if (!out.empty()) out += " › ";
    out += piece;
  }
  return out;
}

std::string_view to_string(BlockKind kind) {
  switch (kind) {
    case BlockKind::kHeading: return "heading";
    case BlockKind::kParagraph: return "paragraph";
    case BlockKind::kListItem: return "list_item";
    case BlockKind::kTable: return "table";
    case BlockKind::kCaption: return "caption";
    case BlockKind::kFootnote: return "footnote";
    case BlockKind::kComment: return "comment";
    case BlockKind::kHeader: return "header";
    case BlockKind::kFooter: return "footer";
  }
  return "paragraph";
}

}  // namespace sillok::documents
