// Private to the PDF reader: one page as words, lines, rules and extras, free of the PDF library's types.
//
// Coordinates are points from the page's top left corner as it is shown (rotation and crop applied).
#pragma once

#include <algorithm>
#include <memory>

#include "documents/reader.h"

namespace sillok::documents {

struct PdfBox {
  double x0 = 0, y0 = 0, x1 = 0, y1 = 0;
  double width() const { return x1 - x0; }
  double height() const { return y1 - y0; }
  double center_x() const { return (x0 + x1) / 2; }
  double center_y() const { return (y0 + y1) / 2; }
  bool holds(double x, double y) const { return x >= x0 && x <= x1 && y >= y0 && y <= y1; }
  void add(const PdfBox& other) {
    x0 = std::min(x0, other.x0);
    y0 = std::min(y0, other.y0);
    x1 = std::max(x1, other.x1);
    y1 = std::max(y1, other.y1);
  }
};

struct PdfWord {
  PdfBox box;
  std::string text;
  double size = 0;  // of the font, points
  bool bold = false;
  bool turned = false;       // not upright
  bool space_after = false;  // before the next word of its line
  bool space_drawn = false;  // last of its line, and a space is drawn after it: no word was cut there
};

struct PdfLine {
  PdfBox box;
  std::vector<PdfWord> words;
  double size = 0;   // of most of its characters
  bool bold = false;  // all of it
  bool turned = false;  // not upright
  uint32_t block = 0;  // lines of equal block were grouped by the layout analysis
  BlockKind kind = BlockKind::kParagraph;  // kHeader or kFooter once recognised as such
  std::string text() const;
};

struct PdfLink {
  PdfBox box;
  std::string target;
};

struct PdfNote {
  std::string kind, author, text;
};

struct PdfPage {
  uint32_t number = 0;  // 1-based
  double width = 0, height = 0;
  std::vector<PdfLine> lines;  // in reading order, columns one after the other
  std::vector<PdfBox> rules;   // horizontal and vertical lines: one side is (nearly) 0
  std::vector<PdfLink> links;
  std::vector<PdfNote> notes;  // comments and form values that are not drawn on the page
  double image_share = 0;      // of the page's area that images cover, 0..1
  std::string error;           // what was wrong with it, "" if nothing
};

struct PdfAttachment {
  std::string name, bytes;
  std::string error;  // why there are no bytes
};

struct PdfOutlineItem {
  std::string title;
  int depth = 1;
};

struct PdfImage {
  std::vector<uint8_t> grey;
  int width = 0, height = 0, dpi = 0;
};

// An open PDF. Not thread-safe; one at a time in a process (the library's error callback is global).
class PdfFile {
 public:
  // kProtected if a password is needed, kInvalid if the structure cannot be repaired.
  static Result<PdfFile> open(std::string_view bytes);
  PdfFile(PdfFile&&) noexcept;
  ~PdfFile();

  uint32_t page_count() const;
  PdfPage page(uint32_t number);
  // 8-bit grey at 300 dpi, or less where the page is so large that it would pass the pixel limit.
  Result<PdfImage> render(uint32_t number);
  void read_metadata(Metadata& meta);
  std::vector<PdfOutlineItem> outline();
  // Files embedded in the document or in annotations of its pages, charged to the budget.
  std::vector<PdfAttachment> attachments(Budget& budget);

 private:
  struct State;
  explicit PdfFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sillok::documents
