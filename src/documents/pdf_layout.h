// Private to the PDF reader: from placed lines to blocks.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "documents/items.h"
#include "documents/pdf_page.h"

namespace sillok::documents {

// What holds for the whole document and decides about single lines.
class PdfStyle {
 public:
  PdfStyle(const std::vector<PdfPage>& pages, const std::vector<PdfOutlineItem>& outline);

  // What stands between two lines of one paragraph: " ", or "" where the break cut a word; only a line that is full
  // to the margin can be cut so. `left` is changed where its hyphen goes.
  std::string joint(std::string& left, const PdfWord& last, bool full, std::string_view right) const;
  double body_size() const { return body_size_; }
  // 1..6 if a paragraph of so many lines, size and weight is a heading, else 0.
  uint8_t heading_level(std::string_view text, size_t lines, double size, bool bold) const;

 private:
  bool cuts_words(const PdfWord& last, bool full, std::string_view left_word, std::string_view right_word) const;

  double body_size_ = 10;
  bool body_bold_ = false;
  bool spaces_at_ends_ = false;             // this producer draws the space at which a line was broken
  bool syllable_wrap_ = false;              // lines are broken anywhere, not between words
  std::vector<double> heading_sizes_;       // larger than the body's, descending
  std::map<std::string, int> outline_;      // titles without spaces, to depth
  std::map<std::string, uint32_t, std::less<>> words_;  // how often each word stands within lines
};

// Marks lines that repeat at the top or bottom of pages, and page numbers, as header or footer.
void mark_running_lines(std::vector<PdfPage>& pages);

// Puts the lines of a page in two columns in order: the layout analysis at times begins with the second.
void order_columns(PdfPage& page);

// The page's blocks in reading order, with its tables in their places; links are added to the document.
void append_page(const PdfPage& page, const PdfStyle& style, Document& document);

struct PdfTable {
  PdfBox box;
  Table table;
};
// Tables ruled by lines, and those that only alignment shows where that is beyond doubt.
std::vector<PdfTable> find_tables(const PdfPage& page, const PdfStyle& style);

}  // namespace sillok::documents
