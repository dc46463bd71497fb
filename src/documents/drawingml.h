// Private to documents: DrawingML (ECMA-376 part 1, 20 and 21), the drawing language inside all
// three office formats.
#pragma once

#include "documents/office_package.h"

namespace sillok::documents {

// The text of an a:p (or of a whole a:txBody, paragraphs on lines of their own): runs, fields, line
// breaks.
std::string drawing_paragraph_text(pugi::xml_node paragraph);
std::string drawing_body_text(pugi::xml_node body);
// An a:tbl with its merged cells; firstRow marks the header.
Table drawing_table(pugi::xml_node table);
// A chart part: its titles as a caption, its data as a table with categories in the first column.
std::vector<Block> chart_blocks(pugi::xml_node chart_space, const Anchor& anchor);
// A SmartArt data part: one paragraph for each text of its points, in their order.
std::vector<Block> diagram_blocks(pugi::xml_node data_model, const Anchor& anchor);

bool has_text(const Table& table);
// A table inside a cell or shape: its rows as lines, " | " between cells.
std::string table_as_lines(const Table& table);
// Several blocks as the text of one cell.
std::string blocks_as_text(const std::vector<Block>& blocks);

}  // namespace sillok::documents
