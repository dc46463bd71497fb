// Private to documents: from a sheet's used cells to tables a person would see as such; for XLSX
// and ODS.
#pragma once

#include <set>

#include "documents/reader.h"

namespace sillok::documents {

struct SheetCell {
  uint32_t row = 0;     // 0-based
  uint32_t column = 0;  // 0-based
  std::string text;
};
struct SheetMerge {
  uint32_t row = 0, column = 0;            // top left
  uint32_t last_row = 0, last_column = 0;  // inclusive
};
struct Sheet {
  std::string name;
  std::vector<SheetCell> cells;  // non-empty ones, by row, then column
  std::vector<SheetMerge> merges;
  std::set<uint32_t> header_rows;  // rows that the file itself declares to be the header of a table
};

inline constexpr uint32_t kMaxSheetRows = 1'048'576;
inline constexpr uint32_t kMaxSheetColumns = 16'384;

// "B3" from zero-based row 2 and column 1.
std::string cell_name(uint32_t row, uint32_t column);
// Reads "B3", "$B$3"; false if it is none or out of bounds.
bool parse_cell_name(std::string_view name, uint32_t& row, uint32_t& column);
// "A1:C3" or a single cell.
bool parse_range(std::string_view name, SheetMerge& range);

// A heading with the sheet's name, then each region: a table, or a paragraph where it is one cell.
// Regions are parted by empty rows, and by gaps of more than two empty columns. Memory and time
// follow the used cells, not the declared size.
void append_sheet(Document& document, Sheet&& sheet);

}  // namespace sillok::documents
