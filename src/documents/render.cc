// A document as plain text, and its tables as rows and grids.
#include <algorithm>

#include "documents/documents.h"

namespace sillok::documents {
namespace {

// A grid wider than this is a damaged table or a bomb; Excel itself ends at 16,384 columns.
constexpr uint32_t kMaxGridColumns = 16'384;
// Cells of one grid in all: 4 million empty strings are 128 MiB.
constexpr uint64_t kMaxGridCells = 4'000'000;
// How far above a row a merged cell that reaches it is looked for. Longer tables look less far, so that
// rendering every row of a sheet with a million rows stays linear with a small factor.
constexpr size_t kMaxCarryRows = 256, kMaxCarryRowsLong = 32, kLongTable = 10'000;

// One line, whatever the text: breaks inside become spaces.
std::string one_line(std::string_view text) {
  std::string out(text);
  std::replace(out.begin(), out.end(), '\n', ' ');
  return out;
}

// The columns of a table: those cells start in, and as far as spans reach without leaving the limits.
uint32_t width_of(const Table& table) {
  uint32_t starts = 0;
  uint64_t reach = 0;
  for (const Row& row : table.rows) {
    for (const Cell& cell : row.cells) {
      if (cell.column >= kMaxGridColumns) continue;
      starts = std::max(starts, cell.column + 1);
      reach = std::max<uint64_t>(reach, uint64_t{cell.column} + std::max<uint16_t>(cell.col_span, 1));
    }
  }
  reach = std::min<uint64_t>(reach, kMaxGridColumns);
  const uint64_t rows = std::max<uint64_t>(table.rows.size(), 1);
  if (reach * rows <= kMaxGridCells) return static_cast<uint32_t>(reach);
  return static_cast<uint32_t>(std::max<uint64_t>(std::min<uint64_t>(starts, kMaxGridCells / rows), 1));
}

struct Placed {
  const Cell* cell;
  bool starts_here;  // false: carried down by a row span
};

// The cells that cover a row, by column: its own and those merged into it from above.
std::vector<Placed> cells_of(const Table& table, size_t row) {
  std::vector<Placed> cells;
  for (const Cell& cell : table.rows[row].cells) cells.push_back({&cell, true});
  const size_t far = table.rows.size() > kLongTable ? kMaxCarryRowsLong : kMaxCarryRows;
  for (size_t up = 1; up <= std::min(row, far); ++up) {
    for (const Cell& cell : table.rows[row - up].cells) {
      if (cell.row_span > up) cells.push_back({&cell, false});
    }
  }
  std::stable_sort(cells.begin(), cells.end(),
                   [](const Placed& a, const Placed& b) { return a.cell->column < b.cell->column; });
  return cells;
}

// What the header rows call a column: "수량 계획" where two rows of header stand above each other.
std::string column_name(const Table& table, uint32_t column, const Cell& value) {
  std::string name;
  const size_t header_rows = std::min<size_t>(table.header_rows, table.rows.size());
  for (size_t r = 0; r < header_rows; ++r) {
    for (const Cell& cell : table.rows[r].cells) {
      const uint64_t end = uint64_t{cell.column} + std::max<uint16_t>(cell.col_span, 1);
      if (column < cell.column || column >= end || cell.text.empty() || &cell == &value) continue;
      if (!name.empty()) name += ' ';
      name += one_line(cell.text);
    }
  }
  return name;
}

void append_line(std::string& out, std::string_view line) {
  out += line;
  out += '\n';
}

std::string plain_row(const Row& row) {
  std::string line;
  for (const Cell& cell : row.cells) {
    if (&cell != row.cells.data()) line += " | ";
    line += one_line(cell.text);
  }
  return line;
}

void append_block(std::string& out, const Block& block) {
  if (block.kind != BlockKind::kTable) {
    append_line(out, block.text);
    return;
  }
  for (const Row& row : block.table.rows) append_line(out, plain_row(row));
}

void append_kind(std::string& out, const Document& document, BlockKind kind, std::string_view title) {
  bool first = true;
  for (const Block& block : document.blocks) {
    if (block.kind != kind) continue;
    if (first) append_line(out, title);
    first = false;
    append_block(out, block);
  }
}

}  // namespace

std::string to_text(const Document& document) {
  std::string out;
  for (const Block& block : document.blocks) {
    if (block.kind != BlockKind::kHeader && block.kind != BlockKind::kFooter) append_block(out, block);
  }
  append_kind(out, document, BlockKind::kHeader, "[header]");
  append_kind(out, document, BlockKind::kFooter, "[footer]");
  return out;
}

std::string row_text(const Table& table, size_t row) {
  if (row >= table.rows.size()) return {};
  if (row < table.header_rows) return plain_row(table.rows[row]);
  std::string out;
  for (const Placed& placed : cells_of(table, row)) {
    const std::string value = one_line(placed.cell->text);
    if (value.empty()) continue;  // "이름: " says nothing, and its column is known from the others' names.
    if (!out.empty()) out += " | ";
    const std::string name = column_name(table, placed.cell->column, *placed.cell);
    if (!name.empty() && name != value) out += name + ": ";
    out += value;
  }
  return out;
}

std::vector<std::vector<std::string>> grid(const Table& table) {
  const uint32_t width = width_of(table);
  std::vector<std::vector<std::string>> out(table.rows.size(), std::vector<std::string>(width));
  for (size_t r = 0; r < table.rows.size(); ++r) {
    for (const Cell& cell : table.rows[r].cells) {
      if (cell.text.empty()) continue;
      const size_t bottom = std::min<size_t>(out.size(), r + std::max<uint16_t>(cell.row_span, 1));
      const uint64_t right =
          std::min<uint64_t>(width, uint64_t{cell.column} + std::max<uint16_t>(cell.col_span, 1));
      for (size_t y = r; y < bottom; ++y) {
        for (uint64_t x = cell.column; x < right; ++x) {
          // Overlapping spans of a damaged table: the cell that starts at a place keeps it.
          if (out[y][x].empty() || (y == r && x == cell.column)) out[y][x] = cell.text;
        }
      }
    }
  }
  return out;
}

}  // namespace sillok::documents
