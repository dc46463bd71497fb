// From Hangul's paragraphs and controls to blocks.
//
// Order: what floats or stands before a paragraph's first letter comes before it, a table set into the line
// splits it, everything else (notes, boxes, comments) follows the paragraph it is anchored in.
#include "documents/hangul.h"

#include <algorithm>

namespace sillok::documents::hangul {
namespace {

// An outline head longer than this is a numbered paragraph of text, not a heading: official documents number
// whole sentences with the outline. Real headings of the sample material stay under 60.
constexpr size_t kMaxHeadingCodePoints = 100;
constexpr uint8_t kMaxHeadingLevel = 6;

struct Lowered {
  Block block;
  std::vector<Hyperlink> links;
};
using Blocks = std::vector<Lowered>;

// What a paragraph belongs to: the main text, or a note, header, box.
struct Flow {
  BlockKind kind = BlockKind::kParagraph;
  std::string part;
};

// One paragraph on its way to blocks.
struct Line {
  std::string text;
  std::vector<Hyperlink> links;
  struct Open { bool link; std::string target; size_t start; };
  std::vector<Open> fields;
  Blocks before, after;
  std::string head;      // "1.", "가.", "•"
  BlockKind kind = BlockKind::kParagraph;
  uint8_t level = 0;
};

bool in_flow(BlockKind kind) {
  return kind == BlockKind::kFootnote || kind == BlockKind::kComment || kind == BlockKind::kHeader ||
         kind == BlockKind::kFooter;
}

size_t code_points(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// Level 1..10 of "개요 3" or "Outline 3"; 0 for other styles.
uint32_t outline_style_level(std::string_view name) {
  for (std::string_view prefix : {std::string_view("개요 "), std::string_view("Outline "), std::string_view("Heading ")}) {
    if (!name.starts_with(prefix)) continue;
    std::string_view digits = name.substr(prefix.size());
    if (digits.size() == 1 && digits[0] >= '1' && digits[0] <= '9') return static_cast<uint32_t>(digits[0] - '0');
    if (digits == "10") return 10;
  }
  return 0;
}

// A bullet of a symbol font has no meaning without that font: any of them is a dot.
std::string visible_bullet(const std::string& sign) {
  size_t offset = 0;
  char32_t first = sign.empty() ? 0 : decode_utf8(sign, offset);
  bool of_font = (first >= 0xE000 && first < 0xF900) || first >= 0xF0000;
  return of_font ? "•" : sign;
}

class Lowering {
 public:
  explicit Lowering(const Definitions& definitions) : definitions_(definitions) {}

  Status list(const std::vector<Paragraph>& paragraphs, const Flow& flow, Blocks& out) {
    if (++depth_ > kMaxNesting) return fail(ErrorCode::kLimit, "lists are nested too deeply");
    for (const Paragraph& paragraph : paragraphs) SILLOK_TRY(this->paragraph(paragraph, flow, out));
    --depth_;
    return {};
  }

 private:
  Status paragraph(const Paragraph& paragraph, const Flow& flow, Blocks& out) {
    Line line;
    line.kind = flow.kind;
    // A section's definition stands in its first paragraph and rules that paragraph's own number already.
    for (const Part& part : paragraph.parts) {
      if (part.control && part.control->kind == ControlKind::kSection) outline_ = part.control->outline;
    }
    set_head(paragraph, flow, line);
    for (const Part& part : paragraph.parts) {
      if (!part.control) {
        line.text += part.text;
      } else {
        SILLOK_TRY(control(*part.control, flow, line, out));
      }
    }
    flush(line, flow, out);
    std::move(line.after.begin(), line.after.end(), std::back_inserter(out));
    return {};
  }

  Status control(const Control& control, const Flow& flow, Line& line, Blocks& out) {
    switch (control.kind) {
      case ControlKind::kInlineText:
      case ControlKind::kForm: line.text += control.text; return {};
      case ControlKind::kEquation:
        line.text += control.text;
        return list(control.caption, {BlockKind::kCaption, flow.part}, line.after);
      case ControlKind::kFieldBegin:
        line.fields.push_back({control.link, control.text, line.text.size()});
        return {};
      case ControlKind::kFieldEnd: close_field(line); return {};
      case ControlKind::kSection: return {};
      case ControlKind::kFootnote:
      case ControlKind::kEndnote: return note(control, line);
      case ControlKind::kHeader: return list(control.paragraphs, {BlockKind::kHeader, "header"}, line.after);
      case ControlKind::kFooter: return list(control.paragraphs, {BlockKind::kFooter, "footer"}, line.after);
      case ControlKind::kMasterPage:
        return list(control.paragraphs, {BlockKind::kHeader, "master page"}, line.after);
      case ControlKind::kHiddenComment:
        return list(control.paragraphs, {BlockKind::kComment, "hidden comment"}, line.after);
      case ControlKind::kMemo: return list(control.paragraphs, {BlockKind::kComment, "memo"}, line.after);
      case ControlKind::kTable:
      case ControlKind::kDrawing: break;
    }
    Blocks object;
    SILLOK_TRY(this->object(control, flow, object));
    bool first = trim(line.text).empty();
    if (!first && control.kind == ControlKind::kTable && control.as_character) {
      flush(line, flow, out);
      first = true;
    }
    Blocks& where = first ? out : line.after;
    std::move(object.begin(), object.end(), std::back_inserter(where));
    return {};
  }

  // Table or drawing with its caption.
  Status object(const Control& control, const Flow& flow, Blocks& out) {
    if (++depth_ > kMaxNesting) return fail(ErrorCode::kLimit, "objects are nested too deeply");
    Flow caption{in_flow(flow.kind) ? flow.kind : BlockKind::kCaption, flow.part};
    if (control.caption_above) SILLOK_TRY(list(control.caption, caption, out));
    if (control.kind == ControlKind::kTable) {
      SILLOK_TRY(table(control, flow, out));
    } else {
      SILLOK_TRY(drawing(control, flow, out));
    }
    if (!control.caption_above) SILLOK_TRY(list(control.caption, caption, out));
    --depth_;
    return {};
  }

  Status drawing(const Control& control, const Flow& flow, Blocks& out) {
    if (!control.paragraphs.empty()) {
      Flow box{flow.kind, flow.part.empty() ? "text box " + std::to_string(++boxes_) : flow.part};
      SILLOK_TRY(list(control.paragraphs, box, out));
    }
    for (const Control& child : control.children) SILLOK_TRY(object(child, flow, out));
    if (!trim(control.text).empty()) {
      Lowered described;
      described.block.kind = in_flow(flow.kind) ? flow.kind : BlockKind::kCaption;
      described.block.text = control.text;
      described.block.anchor.part = flow.part.empty() ? "drawing" : flow.part;
      out.push_back(std::move(described));
    }
    return {};
  }

  Status note(const Control& control, Line& line) {
    bool foot = control.kind == ControlKind::kFootnote;
    uint32_t number = foot ? ++footnotes_ : ++endnotes_;
    return list(control.paragraphs,
                {BlockKind::kFootnote, (foot ? "footnote " : "endnote ") + std::to_string(number)}, line.after);
  }

  Status table(const Control& control, const Flow& flow, Blocks& out) {
    std::vector<const TableCell*> cells;
    for (const TableCell& cell : control.cells) cells.push_back(&cell);
    std::stable_sort(cells.begin(), cells.end(), [](const TableCell* a, const TableCell* b) {
      return std::pair(a->row, a->column) < std::pair(b->row, b->column);
    });
    Lowered lowered;
    lowered.block.kind = BlockKind::kTable;
    lowered.block.anchor.part = flow.part;
    Blocks apart;  // notes and comments anchored in cells
    Table& table = lowered.block.table;
    bool all_headers = true, any_text = false;
    uint32_t header_rows = 0, row = 0;
    for (size_t i = 0; i < cells.size(); ++i) {
      const TableCell& cell = *cells[i];
      if (i == 0 || cell.row != row) {
        if (i > 0 && all_headers) ++header_rows;
        table.rows.emplace_back();
        row = cell.row;
      }
      all_headers = all_headers && cell.header;
      Cell grid_cell;
      grid_cell.row_span = std::max<uint16_t>(cell.row_span, 1);
      grid_cell.col_span = std::max<uint16_t>(cell.col_span, 1);
      grid_cell.column = cell.column;
      Blocks inside;
      SILLOK_TRY(list(cell.paragraphs, {BlockKind::kParagraph, flow.part}, inside));
      take_cell(inside, grid_cell, lowered.links, apart);
      any_text = any_text || !trim(grid_cell.text).empty();
      table.rows.back().cells.push_back(std::move(grid_cell));
    }
    if (!cells.empty() && all_headers && header_rows + 1 == table.rows.size()) ++header_rows;
    table.header_rows = header_rows < table.rows.size() ? header_rows : 0;  // all header: none says anything
    if (any_text) out.push_back(std::move(lowered));
    std::move(apart.begin(), apart.end(), std::back_inserter(out));
    return {};
  }

  // A cell holds lines; notes and comments inside it stand after the table.
  static void take_cell(Blocks& inside, Cell& cell, std::vector<Hyperlink>& links, Blocks& apart) {
    auto add_line = [&](std::string_view text) {
      if (!cell.text.empty()) cell.text += '\n';
      cell.text += text;
    };
    for (Lowered& lowered : inside) {
      Block& block = lowered.block;
      if (in_flow(block.kind)) {
        apart.push_back(std::move(lowered));
        continue;
      }
      std::move(lowered.links.begin(), lowered.links.end(), std::back_inserter(links));
      if (block.kind != BlockKind::kTable) {
        add_line(block.text);
        continue;
      }
      for (const Row& row : block.table.rows) {
        std::vector<std::string> texts;
        for (const Cell& nested : row.cells) texts.push_back(collapse_spaces(nested.text));
        add_line(join(texts, " | "));
      }
    }
  }

  static void close_field(Line& line) {
    if (line.fields.empty()) return;  // begun in an earlier paragraph
    Line::Open open = std::move(line.fields.back());
    line.fields.pop_back();
    if (!open.link || open.target.empty()) return;
    std::string text = open.start <= line.text.size() ? line.text.substr(open.start) : "";
    line.links.push_back({collapse_spaces(text), open.target, 0});
  }

  // Gives the line so far as a block, and starts afresh without the number.
  static void flush(Line& line, const Flow& flow, Blocks& out) {
    for (Line::Open& open : line.fields) {  // a link that runs on: what it covers here
      if (open.link && !open.target.empty() && open.start < line.text.size()) {
        line.links.push_back({collapse_spaces(std::string_view(line.text).substr(open.start)), open.target, 0});
      }
      open.start = 0;
    }
    std::string_view text = trim(line.text);
    if (!text.empty()) {
      Lowered lowered;
      Block& block = lowered.block;
      block.kind = line.kind;
      block.level = line.level;
      bool sentence = block.kind == BlockKind::kHeading && code_points(text) > kMaxHeadingCodePoints;
      if (sentence) block.kind = line.head.empty() ? BlockKind::kParagraph : BlockKind::kListItem;
      if (block.kind == BlockKind::kParagraph) block.level = 0;
      block.text = line.head.empty() ? std::string(text) : line.head + " " + std::string(text);
      block.anchor.part = flow.part;
      lowered.links = std::move(line.links);
      out.push_back(std::move(lowered));
      line.head.clear();
      if (line.kind == BlockKind::kHeading || line.kind == BlockKind::kListItem) {
        line.kind = flow.kind;
        line.level = 0;
      }
    }
    line.text.clear();
    line.links.clear();
  }

  void set_head(const Paragraph& paragraph, const Flow& flow, Line& line) {
    auto shape_at = definitions_.shapes.find(paragraph.shape);
    ParaShape shape = shape_at == definitions_.shapes.end() ? ParaShape{} : shape_at->second;
    uint32_t level = std::min<uint32_t>(shape.level, kNumberLevels - 1);
    bool free_kind = flow.kind == BlockKind::kParagraph;
    auto set_kind = [&](BlockKind kind, uint32_t depth) {
      if (!free_kind) return;
      line.kind = kind;
      line.level = static_cast<uint8_t>(depth);
    };
    switch (shape.head) {
      case HeadKind::kOutline:
        line.head = next_number(outline_, level);
        set_kind(BlockKind::kHeading, std::min<uint32_t>(level + 1, kMaxHeadingLevel));
        return;
      case HeadKind::kNumber:
        line.head = next_number(shape.id, level);
        set_kind(BlockKind::kListItem, level + 1);
        return;
      case HeadKind::kBullet: {
        auto bullet = definitions_.bullets.find(shape.id);
        if (bullet != definitions_.bullets.end()) line.head = visible_bullet(bullet->second);
        set_kind(BlockKind::kListItem, level + 1);
        return;
      }
      case HeadKind::kNone: break;
    }
    auto style = definitions_.styles.find(paragraph.style);
    if (style == definitions_.styles.end()) return;
    uint32_t named = std::max(outline_style_level(style->second.name), outline_style_level(style->second.english_name));
    if (named > 0) set_kind(BlockKind::kHeading, std::min<uint32_t>(named, kMaxHeadingLevel));
  }

  // Counts a numbered paragraph and gives what stands before it.
  std::string next_number(uint32_t id, uint32_t level) {
    auto numbering = definitions_.numberings.find(id);
    if (numbering == definitions_.numberings.end()) return {};
    const Numbering& levels = numbering->second;
    std::array<uint32_t, kNumberLevels>& counts = counters_[id];
    counts[level] = counts[level] == 0 ? levels[level].start : counts[level] + 1;
    for (size_t i = 0; i < level; ++i) {
      if (counts[i] == 0) counts[i] = levels[i].start;
    }
    std::fill(counts.begin() + level + 1, counts.end(), 0U);
    const std::string& pattern = levels[level].pattern;
    std::string out;
    for (size_t i = 0; i < pattern.size(); ++i) {
      if (pattern[i] != '^' || i + 1 == pattern.size()) {
        out += pattern[i];
        continue;
      }
      char key = pattern[++i];
      if (key == 'n' || key == 'N') {
        for (size_t k = 0; k <= level; ++k) out += (k ? "." : "") + format_number(counts[k], levels[k].format);
        if (key == 'N') out += '.';
      } else if (key >= '0' && key <= '9') {
        size_t at = static_cast<size_t>(key - '0');
        if (key == '1' && i + 1 < pattern.size() && pattern[i + 1] == '0') {
          at = 10;
          ++i;
        }
        if (at > 0) out += format_number(std::max(counts[at - 1], 1U), levels[at - 1].format);
      }
    }
    return std::string(trim(out));
  }

  const Definitions& definitions_;
  std::map<uint32_t, std::array<uint32_t, kNumberLevels>> counters_;
  uint32_t outline_ = 1;
  uint32_t boxes_ = 0, footnotes_ = 0, endnotes_ = 0;
  int depth_ = 0;
};

}  // namespace

void append_text(Paragraph& paragraph, std::string_view text) {
  if (text.empty()) return;
  if (paragraph.parts.empty() || paragraph.parts.back().control) paragraph.parts.emplace_back();
  paragraph.parts.back().text += text;
}

Control& append_control(Paragraph& paragraph, ControlKind kind) {
  Part& part = paragraph.parts.emplace_back();
  part.control = std::make_unique<Control>();
  part.control->kind = kind;
  return *part.control;
}

std::string ruby_text(std::string_view main, std::string_view sub) {
  std::string out(main);
  if (!sub.empty()) out += "(" + std::string(sub) + ")";
  return out;
}

std::string own_description(std::string_view text) {
  std::vector<std::string> kept;
  for (std::string_view line : split(text, '\n')) {
    line = trim(line);
    static constexpr std::array<std::string_view, 5> kFilledIn = {"원본 그림의", "사진 찍은", "프로그램 이름 :",
                                                                  "색 대표 :", "EXIF 버전 :"};
    bool filled_in = std::any_of(kFilledIn.begin(), kFilledIn.end(), [&](auto p) { return line.starts_with(p); });
    // "사각형입니다.", "그림입니다.": the kind of object and nothing else.
    bool kind_only = line.ends_with("입니다.") && line.find(' ') == line.npos && code_points(line) <= 12;
    static constexpr std::array<std::string_view, 3> kKinds = {"묶음 개체입니다.", "개체 연결선입니다.", "OLE 개체입니다."};
    kind_only = kind_only || std::find(kKinds.begin(), kKinds.end(), line) != kKinds.end();
    if (!line.empty() && !filled_in && !kind_only) kept.emplace_back(line);
  }
  return join(kept, "\n");
}

std::string link_target(std::string_view command) {
  std::string out;
  for (size_t i = 0; i < command.size() && command[i] != ';'; ++i) {
    if (command[i] == '\\' && i + 1 < command.size()) ++i;
    out += command[i];
  }
  return std::string(trim(out));
}

Status lower(const std::vector<Paragraph>& paragraphs, const Definitions& definitions, Document& document) {
  Blocks blocks;
  SILLOK_TRY(Lowering(definitions).list(paragraphs, {}, blocks));
  for (Lowered& lowered : blocks) {
    for (Hyperlink& link : lowered.links) {
      link.block = static_cast<uint32_t>(document.blocks.size());
      document.links.push_back(std::move(link));
    }
    document.blocks.push_back(std::move(lowered.block));
  }
  return {};
}

}  // namespace sillok::documents::hangul
