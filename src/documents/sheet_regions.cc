#include "documents/sheet_regions.h"

#include <algorithm>
#include <unordered_map>

namespace sillok::documents {
namespace {

constexpr uint32_t kColumnGap = 2;  // this many empty columns are still spacing inside one table

using Cells = std::vector<SheetCell*>;

uint64_t key_of(uint32_t row, uint32_t column) { return static_cast<uint64_t>(row) << 32 | column; }

// The merges that begin in a used cell, by that cell, cut to the used part of the sheet.
class Merges {
 public:
  explicit Merges(const Sheet& sheet) {
    uint32_t last_row = 0;
    uint32_t last_column = 0;
    for (const SheetCell& cell : sheet.cells) {
      last_row = std::max(last_row, cell.row);
      last_column = std::max(last_column, cell.column);
    }
    for (SheetMerge merge : sheet.merges) {
      merge.last_row = std::min(std::max(merge.last_row, merge.row), std::max(last_row, merge.row));
      merge.last_column =
          std::min(std::max(merge.last_column, merge.column), std::max(last_column, merge.column));
      by_cell_.emplace(key_of(merge.row, merge.column), merge);
    }
  }
  uint32_t last_row(const SheetCell& cell) const {
    const auto found = by_cell_.find(key_of(cell.row, cell.column));
    return found == by_cell_.end() ? cell.row : found->second.last_row;
  }
  uint32_t last_column(const SheetCell& cell) const {
    const auto found = by_cell_.find(key_of(cell.row, cell.column));
    return found == by_cell_.end() ? cell.column : found->second.last_column;
  }

 private:
  std::unordered_map<uint64_t, SheetMerge> by_cell_;
};

// Cells in row order → bands with no empty row inside; a declared header begins a new band.
std::vector<Cells> split_rows(const Cells& cells, const Sheet& sheet, const Merges& merges) {
  std::vector<Cells> bands;
  uint32_t reach = 0;
  for (SheetCell* cell : cells) {
    const bool new_row = bands.empty() || bands.back().back()->row != cell->row;
    if (bands.empty() || cell->row > reach + 1 ||
        (new_row && sheet.header_rows.count(cell->row) != 0)) {
      bands.emplace_back();
      reach = cell->row;
    }
    reach = std::max(reach, merges.last_row(*cell));
    bands.back().push_back(cell);
  }
  return bands;
}

std::vector<Cells> split_columns(const Cells& band, const Merges& merges) {
  Cells by_column = band;
  std::stable_sort(by_column.begin(), by_column.end(),
                   [](const SheetCell* a, const SheetCell* b) { return a->column < b->column; });
  std::vector<Cells> groups;
  uint32_t reach = 0;
  for (SheetCell* cell : by_column) {
    if (groups.empty() || cell->column > reach + kColumnGap + 1) groups.emplace_back();
    reach = std::max(reach, merges.last_column(*cell));
    groups.back().push_back(cell);
  }
  for (Cells& group : groups) {
    std::stable_sort(group.begin(), group.end(),
                     [](const SheetCell* a, const SheetCell* b) { return a->row < b->row; });
  }
  return groups;
}

void append_region(Document& document, const Sheet& sheet, const Cells& region,
                   const Merges& merges) {
  Block block;
  block.anchor.sheet = sheet.name;
  block.anchor.cell = cell_name(region.front()->row, region.front()->column);
  if (region.size() == 1) {
    block.anchor.line = 0;
    block.text = std::move(region.front()->text);
    document.blocks.push_back(std::move(block));
    return;
  }
  block.kind = BlockKind::kTable;
  uint32_t left = UINT32_MAX;
  for (const SheetCell* cell : region) left = std::min(left, cell->column);
  const uint32_t top = region.front()->row;
  for (SheetCell* cell : region) {
    // A row wholly covered by merges from above has no cells of its own but must count for row
    // spans.
    while (block.table.rows.size() <= cell->row - top) {
      Row row;
      row.line = top + static_cast<uint32_t>(block.table.rows.size()) + 1;
      block.table.rows.push_back(std::move(row));
    }
    Cell out;
    out.text = std::move(cell->text);
    out.column = cell->column - left;
    out.row_span = static_cast<uint16_t>(
        std::min<uint32_t>(merges.last_row(*cell) - cell->row + 1, UINT16_MAX));
    out.col_span = static_cast<uint16_t>(
        std::min<uint32_t>(merges.last_column(*cell) - cell->column + 1, UINT16_MAX));
    block.table.rows.back().cells.push_back(std::move(out));
  }
  if (sheet.header_rows.count(top) != 0 && block.table.rows.size() > 1) block.table.header_rows = 1;
  document.blocks.push_back(std::move(block));
}

}  // namespace

std::string cell_name(uint32_t row, uint32_t column) {
  std::string letters;
  for (uint32_t rest = column + 1; rest > 0; rest = (rest - 1) / 26) {
    letters.insert(letters.begin(), static_cast<char>('A' + (rest - 1) % 26));
  }
  return letters + std::to_string(row + 1);
}

bool parse_cell_name(std::string_view name, uint32_t& row, uint32_t& column) {
  uint32_t letters = 0;
  uint32_t digits = 0;
  for (const char c : name) {
    if (c == '$') continue;
    const char upper = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    if (upper >= 'A' && upper <= 'Z' && digits == 0)
      letters = letters * 26 + static_cast<uint32_t>(upper - 'A' + 1);
    else if (c >= '0' && c <= '9')
      digits = digits * 10 + static_cast<uint32_t>(c - '0');
    else
      return false;
    if (letters > kMaxSheetColumns || digits > kMaxSheetRows) return false;
  }
  if (letters == 0 || digits == 0) return false;
  column = letters - 1;
  row = digits - 1;
  return true;
}

bool parse_range(std::string_view name, SheetMerge& range) {
  const size_t colon = name.find(':');
  if (!parse_cell_name(name.substr(0, colon), range.row, range.column)) return false;
  range.last_row = range.row;
  range.last_column = range.column;
  return colon == std::string_view::npos ||
         parse_cell_name(name.substr(colon + 1), range.last_row, range.last_column);
}

void append_sheet(Document& document, Sheet&& sheet) {
  if (sheet.cells.empty()) return;
  Block heading;
  heading.kind = BlockKind::kHeading;
  heading.level = 1;
  heading.text = sheet.name;
  heading.anchor.sheet = sheet.name;
  document.blocks.push_back(std::move(heading));
  const Merges merges(sheet);
  Cells all;
  for (SheetCell& cell : sheet.cells) all.push_back(&cell);
  for (const Cells& band : split_rows(all, sheet, merges)) {
    for (const Cells& group : split_columns(band, merges)) {
      for (const Cells& region : split_rows(group, sheet, merges))
        append_region(document, sheet, region, merges);
    }
  }
}

}  // namespace sillok::documents
