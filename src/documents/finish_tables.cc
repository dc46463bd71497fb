// Tables as people type them: a title over the whole width above the header, several lists one under the other in one
// grid, remarks below. Each list becomes a table of its own, so that its header can be found; titles and remarks
// become blocks.
#include <algorithm>

#include "documents/finish.h"

namespace sillok::documents {
namespace {

constexpr size_t kMaxTitleCell = 200;  // bytes; a longer lone cell is a text laid out in a grid, and stays where it is

size_t width_of(const Table& table) {
  size_t width = 0;
  for (const Row& row : table.rows) {
    for (const Cell& cell : row.cells) width = std::max<size_t>(width, cell.column + cell.col_span);
  }
  return width;
}

// The one cell with text, at the row's beginning, of a row that has no other; null otherwise.
const Cell* lone_cell(const Row& row) {
  const Cell* lone = nullptr;
  for (const Cell& cell : row.cells) {
    if (cell.text.empty()) continue;
    if (lone != nullptr) return nullptr;
    lone = &cell;
  }
  if (lone == nullptr || lone->column != 0 || lone->row_span > 1 || lone->text.size() > kMaxTitleCell) return nullptr;
  return lone;
}

// Which rows are lone-cell rows that no cell from above reaches into.
std::vector<bool> lone_rows(const Table& table) {
  std::vector<bool> lone(table.rows.size(), false);
  size_t covered = 0;  // rows reached by a vertically merged cell above
  for (size_t i = 0; i < table.rows.size(); ++i) {
    lone[i] = i >= covered && lone_cell(table.rows[i]) != nullptr;
    for (const Cell& cell : table.rows[i].cells) covered = std::max<size_t>(covered, i + cell.row_span);
  }
  return lone;
}

Anchor anchor_of(const Block& block, const Row& row) {
  Anchor anchor = block.anchor;
  if (row.line == 0) return anchor;
  if (anchor.cell.empty()) {
    if (anchor.line > 0) anchor.line = row.line;
    return anchor;
  }
  anchor.cell = anchor.cell.substr(0, anchor.cell.find_first_of("0123456789")) + std::to_string(row.line);
  return anchor;
}

// Appends the parts of a table block to `out`.
void split_table(Block&& block, std::vector<Block>& out) {
  const std::vector<bool> lone = lone_rows(block.table);
  Block part;
  const auto close = [&] {
    if (!part.table.rows.empty()) out.push_back(std::move(part));
    part = Block();
  };
  for (size_t i = 0; i < block.table.rows.size(); ++i) {
    Row& row = block.table.rows[i];
    if (lone[i]) {
      close();
      Block line;
      const bool titles = i + 1 < block.table.rows.size() && !lone[i + 1];
      line.kind = titles ? BlockKind::kCaption : BlockKind::kParagraph;
      line.text = lone_cell(row)->text;
      line.anchor = anchor_of(block, row);
      out.push_back(std::move(line));
      continue;
    }
    if (part.table.rows.empty()) {
      part.kind = BlockKind::kTable;
      part.anchor = anchor_of(block, row);
    }
    part.table.rows.push_back(std::move(row));
  }
  close();
}

bool to_be_split(const Block& block) {
  if (block.kind != BlockKind::kTable || block.table.header_rows > 0 || block.table.rows.size() < 3) return false;
  // A list of one column, or a grid of boxes with a text each, is no titled list.
  if (width_of(block.table) < 3) return false;
  const std::vector<bool> lone = lone_rows(block.table);
  const auto titles = static_cast<size_t>(std::count(lone.begin(), lone.end(), true));
  return titles > 0 && 3 * titles <= 2 * lone.size();
}

}  // namespace

void split_titled_tables(Document& document) {
  if (std::none_of(document.blocks.begin(), document.blocks.end(), to_be_split)) return;
  std::vector<uint32_t> moved;
  std::vector<Block> blocks;
  for (Block& block : document.blocks) {
    moved.push_back(static_cast<uint32_t>(blocks.size()));
    if (to_be_split(block)) {
      split_table(std::move(block), blocks);
    } else {
      blocks.push_back(std::move(block));
    }
  }
  document.blocks = std::move(blocks);
  for (Hyperlink& link : document.links) {
    if (link.block < moved.size()) link.block = moved[link.block];
  }
}

}  // namespace sillok::documents
