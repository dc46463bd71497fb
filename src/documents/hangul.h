// Private to documents: what HWP 5 and HWPX have in common. Both readers give these paragraphs and
// controls; one lowering turns them into blocks, so that one document gives one text in either format.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "documents/reader.h"

namespace sillok::documents::hangul {

// Lists within lists (cells, text boxes, notes, groups). Hangul itself refuses far earlier.
inline constexpr int kMaxNesting = 48;
inline constexpr size_t kNumberLevels = 10;

// In the order of the values HWP 5 stores.
enum class NumberFormat : uint8_t {
  kDigit, kCircledDigit, kRomanCapital, kRomanSmall, kLatinCapital, kLatinSmall, kCircledLatinCapital,
  kCircledLatinSmall, kHangulSyllable, kCircledHangulSyllable, kHangulJamo, kCircledHangulJamo,
  kHangulPhonetic, kIdeograph, kCircledIdeograph, kDecagon, kDecagonHanja,
};
// 0 and what has no such sign (a circled 99) come out as digits.
std::string format_number(uint32_t number, NumberFormat format);

struct NumberLevel {
  std::string pattern;  // "^1." "제^1조": ^k is the number of level k, ^n all levels, ^N all levels and a dot
  NumberFormat format = NumberFormat::kDigit;
  uint32_t start = 1;
};
using Numbering = std::array<NumberLevel, kNumberLevels>;

enum class HeadKind : uint8_t { kNone, kOutline, kNumber, kBullet };
struct ParaShape {
  HeadKind head = HeadKind::kNone;
  uint32_t id = 0;    // of the numbering or bullet
  uint32_t level = 0;  // from 0
};
struct Style {
  std::string name, english_name;
};
struct Definitions {
  std::map<uint32_t, Numbering> numberings;
  std::map<uint32_t, std::string> bullets;
  std::map<uint32_t, ParaShape> shapes;
  std::map<uint32_t, Style> styles;
};

enum class ControlKind : uint8_t {
  kTable, kDrawing, kEquation, kFootnote, kEndnote, kHeader, kFooter, kMasterPage, kHiddenComment, kMemo,
  kFieldBegin, kFieldEnd, kInlineText, kForm, kSection,
};

struct Control;
struct Part {  // a run of text, or a control standing between runs
  std::string text;
  std::unique_ptr<Control> control;
};
struct Paragraph {
  uint32_t shape = 0;
  uint32_t style = 0;
  std::vector<Part> parts;
};
struct TableCell {
  uint32_t row = 0, column = 0;
  uint16_t row_span = 1, col_span = 1;
  bool header = false;
  std::vector<Paragraph> paragraphs;
};
struct Control {
  ControlKind kind = ControlKind::kDrawing;
  bool as_character = false;  // stands in the line like a letter
  bool caption_above = false;
  bool link = false;          // a field that is a hyperlink
  uint32_t outline = 0;       // kSection: numbering of its outline heads
  std::string text;           // equation script, form text, inline text, description, link target
  std::vector<Paragraph> paragraphs;  // text box, note, header, comment
  std::vector<Paragraph> caption;
  std::vector<TableCell> cells;   // kTable, any order
  std::vector<Control> children;  // of a group
};

void append_text(Paragraph& paragraph, std::string_view text);
Control& append_control(Paragraph& paragraph, ControlKind kind);
// "메인(서버)": what is written over or under a word follows it in brackets.
std::string ruby_text(std::string_view main, std::string_view sub);
// A drawing's description without the lines Hangul fills in itself ("그림입니다.", "원본 그림의 이름: ...").
std::string own_description(std::string_view text);
// "Clickhere:..." and "http\://a.kr;1;0;0;" are field commands: the target of a hyperlink's.
std::string link_target(std::string_view command);

// A chart part (DrawingML) after the text: its titles and its data.
void append_chart(Document& document, std::string xml, std::string_view name, uint32_t number);
bool is_ole(std::string_view bytes);
bool is_chart(std::string_view ole_object);
// An OLE object after the text: a chart, or the document embedded in it. What cannot be read is noted in the metadata.
// `charts` counts the charts met so far.
void append_object(Document& document, const Source& source, Budget& budget, std::string_view name,
                   std::string_view bytes, uint32_t& charts);

// Blocks and links of the whole text, in reading order.
Status lower(const std::vector<Paragraph>& paragraphs, const Definitions& definitions, Document& document);

}  // namespace sillok::documents::hangul
