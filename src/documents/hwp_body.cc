// HWP 5 body text: records to paragraphs and controls.
//
// A paragraph is a kTagParaHeader record with its text, and one kTagControl record per extended control
// character, below it. Text is UTF-16 units; of the codes 0..31 some stand for themselves, the others begin
// eight units: code, control id (2), data (4), code again. A control's lists are kTagList records followed,
// at the same level, by their paragraphs.
#include <algorithm>

#include "documents/hwp_records.h"

namespace sillok::documents::hwp {
namespace {

using hangul::Control;
using hangul::ControlKind;
using hangul::Paragraph;

constexpr size_t kControlUnits = 8;
constexpr uint32_t kTitleCell = 1u << 18;      // in a cell's list properties
constexpr uint32_t kAsCharacter = 1;           // in an object's properties
constexpr uint16_t kMaxGrid = 32767;           // rows or columns a cell may name

constexpr uint32_t id(const char (&name)[5]) {
  uint32_t out = 0;
  for (size_t i = 0; i < 4; ++i) out = out << 8 | static_cast<uint8_t>(name[i]);
  return out;
}

bool is_single(uint16_t code) { return code == 0 || code == 10 || code == 13 || (code >= 24 && code <= 31); }
bool has_record(uint16_t code) {
  return (code >= 1 && code <= 3) || code == 11 || code == 12 || (code >= 14 && code <= 18) ||
         (code >= 21 && code <= 23);
}

// The value of "Caption:wstring:5:명령 단추" in a form object's properties; lengths count UTF-16 units,
// here code points, which no caption seen tells apart.
std::string form_value(std::string_view properties, std::string_view key) {
  std::string label = std::string(key) + ":wstring:";
  size_t at = properties.find(label);
  if (at == properties.npos) return {};
  at += label.size();
  size_t length = 0;
  for (; at < properties.size() && properties[at] >= '0' && properties[at] <= '9' && length < 65536; ++at) {
    length = length * 10 + static_cast<size_t>(properties[at] - '0');
  }
  if (at >= properties.size() || properties[at] != ':') return {};
  size_t end = ++at;
  for (; length > 0 && end < properties.size(); --length) decode_utf8(properties, end);
  return std::string(properties.substr(at, end - at));
}

class Section {
 public:
  explicit Section(const std::vector<Record>& records) : records_(records) {}

  Result<std::vector<Paragraph>> parse() {
    std::vector<Paragraph> out;
    for (size_t i = 0; i < records_.size(); i = records_[i].end) {
      if (records_[i].tag == kTagParaHeader) SILLOK_TRY(paragraph(i, out));
    }
    return out;
  }

 private:
  Status paragraph(size_t at, std::vector<Paragraph>& out) {
    if (++depth_ > hangul::kMaxNesting) return fail(ErrorCode::kLimit, "lists are nested too deeply");
    Paragraph& paragraph = out.emplace_back();
    Reader header(records_[at].data);
    header.skip(8);
    paragraph.shape = header.u16();
    paragraph.style = header.u8();
    std::vector<size_t> controls;
    std::string_view text;
    for (size_t i = at + 1; i < records_[at].end; i = records_[i].end) {
      if (records_[i].tag == kTagControl) controls.push_back(i);
      if (records_[i].tag == kTagParaText) text = records_[i].data;
    }
    size_t next = 0;
    SILLOK_TRY(this->text(text, controls, next, paragraph));
    // Controls the text does not name: not where they belong, but not lost.
    for (; next < controls.size(); ++next) SILLOK_TRY(control(controls[next], paragraph));
    SILLOK_TRY(memos(at, paragraph));
    --depth_;
    return {};
  }

  Status text(std::string_view units, const std::vector<size_t>& controls, size_t& next, Paragraph& paragraph) {
    Reader reader(units);
    size_t run_start = 0, offset = 0;
    auto flush = [&] {
      std::string_view run = units.substr(run_start, offset - run_start);
      hangul::append_text(paragraph, utf16le_to_utf8({reinterpret_cast<const uint8_t*>(run.data()), run.size()}));
    };
    while (reader.left() >= 2) {
      offset = units.size() - reader.left();
      uint16_t code = reader.u16();
      if (code >= 32) continue;
      flush();
      if (!is_single(code)) reader.skip((kControlUnits - 1) * 2);
      if (!reader.ok()) return fail(ErrorCode::kInvalid, "a paragraph ends within a control character: the file is damaged");
      run_start = offset = units.size() - reader.left();
      if (has_record(code)) {
        if (next < controls.size()) SILLOK_TRY(control(controls[next++], paragraph));
        continue;
      }
      switch (code) {
        case 4: hangul::append_control(paragraph, ControlKind::kFieldEnd); break;
        case 9: hangul::append_text(paragraph, "\t"); break;
        case 10: hangul::append_text(paragraph, "\n"); break;
        case 24: hangul::append_text(paragraph, "-"); break;
        case 30:
        case 31: hangul::append_text(paragraph, " "); break;
        default: break;  // paragraph end, title mark, reserved
      }
    }
    offset = units.size() - reader.left();
    flush();
    return {};
  }

  Status control(size_t at, Paragraph& paragraph) {
    Reader reader(records_[at].data);
    uint32_t kind = reader.u32();
    if (!reader.ok()) return fail(ErrorCode::kInvalid, "a control has no kind: the file is damaged");
    switch (kind) {
      case id("secd"): return section(at, paragraph);
      case id("tbl "): return table(at, paragraph);
      case id("gso "): return drawing(at, paragraph);
      case id("eqed"): return equation(at, paragraph);
      case id("form"): return form(at, paragraph);
      case id("fn  "): return simple(at, ControlKind::kFootnote, paragraph);
      case id("en  "): return simple(at, ControlKind::kEndnote, paragraph);
      case id("head"): return simple(at, ControlKind::kHeader, paragraph);
      case id("foot"): return simple(at, ControlKind::kFooter, paragraph);
      case id("tcmt"): return simple(at, ControlKind::kHiddenComment, paragraph);
      case id("atno"): auto_number(reader, paragraph); return {};
      case id("tcps"): composed(reader, paragraph); return {};
      case id("tdut"): {
        std::string main = reader.text();
        inline_text(paragraph, hangul::ruby_text(main, reader.text()));
        return {};
      }
      default: break;
    }
    if (kind >> 24 == '%') {
      field(kind, reader, paragraph);
      return {};
    }
    // Columns, new numbers, page numbers, hidden pages, bookmarks, index marks: nothing to read. A control
    // unknown to us may still hold lists.
    bool lists = false;
    for (size_t i = at + 1; i < records_[at].end; i = records_[i].end) lists = lists || records_[i].tag == kTagList;
    return lists ? simple(at, ControlKind::kDrawing, paragraph) : Status{};
  }

  static void inline_text(Paragraph& paragraph, std::string text) {
    hangul::append_control(paragraph, ControlKind::kInlineText).text = std::move(text);
  }

  // Letters set over each other: text, uint8 frame. A framed one begins with the frame itself (○, ■, △),
  // which HWPX keeps as an attribute: what is read is the letters inside.
  static void composed(Reader& reader, Paragraph& paragraph) {
    std::string text = reader.text();
    uint8_t frame = reader.left() > 0 ? reader.u8() : 0;
    size_t inside = 0;
    char32_t first = text.empty() ? 0 : decode_utf8(text, inside);
    bool sign = (first >= 0x2000 && first < 0x2C00) || (first >= 0xE000 && first < 0xF900) || first >= 0xF0000;
    if (frame != 0 && sign && inside < text.size()) text.erase(0, inside);
    inline_text(paragraph, std::move(text));
  }

  // uint32 properties (4..11 format), uint16 number, then the signs: own, before, after.
  static void auto_number(Reader& reader, Paragraph& paragraph) {
    uint32_t properties = reader.u32();
    uint32_t number = reader.u16();
    reader.skip(2);
    std::string before = reader.units(1);
    std::string after = reader.units(1);
    if (!reader.ok()) before = after = "";
    uint32_t format = properties >> 4 & 0xFF;
    auto known = format <= static_cast<uint32_t>(hangul::NumberFormat::kDecagonHanja)
                     ? static_cast<hangul::NumberFormat>(format)
                     : hangul::NumberFormat::kDigit;
    if (!before.empty() && before[0] == '\0') before.clear();
    if (!after.empty() && after[0] == '\0') after.clear();
    inline_text(paragraph, before + hangul::format_number(number, known) + after);
  }

  // uint32 properties, uint8, command, uint32 id, uint32 memo number.
  void field(uint32_t kind, Reader& reader, Paragraph& paragraph) {
    reader.skip(5);
    std::string command = reader.text();
    reader.skip(4);
    uint32_t memo = reader.left() >= 4 ? reader.u32() : 0;
    Control& field = hangul::append_control(paragraph, ControlKind::kFieldBegin);
    field.link = kind == id("%hlk");
    if (field.link) field.text = hangul::link_target(command);
    if (kind == id("%%me")) memo_places_[memo] = &hangul::append_control(paragraph, ControlKind::kMemo);
  }

  // Memos are stored with a section's last paragraph: each a kTagMemoList (uint32 number), its list below or
  // behind it.
  Status memos(size_t at, Paragraph& paragraph) {
    Control* memo = nullptr;
    for (size_t i = at + 1; i < records_[at].end; i = records_[i].end) {
      if (records_[i].tag == kTagMemoList) {
        auto place = memo_places_.find(Reader(records_[i].data).u32());
        memo = place != memo_places_.end() ? place->second : &hangul::append_control(paragraph, ControlKind::kMemo);
        SILLOK_TRY(paragraphs_below(i, memo->paragraphs));
      } else if (memo && records_[i].tag == kTagParaHeader) {
        SILLOK_TRY(this->paragraph(i, memo->paragraphs));
      } else if (memo && records_[i].tag == kTagList) {
        SILLOK_TRY(paragraphs_below(i, memo->paragraphs));
      }
    }
    return {};
  }

  Status paragraphs_below(size_t at, std::vector<Paragraph>& out) {
    for (size_t i = at + 1; i < records_[at].end; i = records_[i].end) {
      if (records_[i].tag == kTagParaHeader) SILLOK_TRY(paragraph(i, out));
    }
    return {};
  }

  // Header, note, comment: all its paragraphs, whatever the list.
  Status simple(size_t at, ControlKind kind, Paragraph& paragraph) {
    Control& control = hangul::append_control(paragraph, kind);
    return lists(at, records_[at].end, [&](size_t) { return &control.paragraphs; });
  }

  // Visits the lists directly below a record: `target` says where a list's paragraphs go.
  template <typename Target>
  Status lists(size_t at, size_t end, Target target) {
    std::vector<Paragraph>* out = nullptr;
    for (size_t i = at + 1; i < end; i = records_[i].end) {
      if (records_[i].tag == kTagList) {
        out = target(i);
        if (out) SILLOK_TRY(paragraphs_below(i, *out));
      } else if (records_[i].tag == kTagParaHeader && out) {
        SILLOK_TRY(paragraph(i, *out));
      }
    }
    return {};
  }

  // uint32 properties, uint16 gap, grid, grid, uint32 tab, uint16 numbering; its lists are master pages.
  Status section(size_t at, Paragraph& paragraph) {
    Reader reader(records_[at].data);
    reader.skip(18);
    uint32_t outline = reader.u16();
    hangul::append_control(paragraph, ControlKind::kSection).outline = outline;
    return lists(at, records_[at].end, [&](size_t) {
      return &hangul::append_control(paragraph, ControlKind::kMasterPage).paragraphs;
    });
  }

  // What all objects begin with: id, uint32 properties, position and size (36 bytes), description.
  static void object_header(const Record& record, Control& control) {
    Reader reader(record.data);
    reader.skip(4);
    control.as_character = reader.u32() & kAsCharacter;
    reader.skip(36);
    std::string description = reader.text();
    if (reader.ok()) control.text = hangul::own_description(description);
  }

  // The caption's list: int32 count, uint32 properties, uint32 of which bits 0..1 are left, right, top, bottom.
  std::vector<Paragraph>* caption(size_t at, Control& control) {
    Reader reader(records_[at].data);
    reader.skip(8);
    control.caption_above = (reader.u32() & 3) == 2;
    return &control.caption;
  }

  // Cell list: int32 count, uint32 properties, uint16 column, row, column span, row span.
  std::vector<Paragraph>* cell(size_t at, Control& table) {
    Reader reader(records_[at].data);
    reader.skip(4);
    hangul::TableCell cell;
    cell.header = reader.u32() & kTitleCell;
    cell.column = reader.u16();
    cell.row = reader.u16();
    cell.col_span = std::min(reader.u16(), kMaxGrid);
    cell.row_span = std::min(reader.u16(), kMaxGrid);
    table.cells.push_back(std::move(cell));
    return &table.cells.back().paragraphs;
  }

  Status table(size_t at, Paragraph& paragraph) {
    Control& table = hangul::append_control(paragraph, ControlKind::kTable);
    object_header(records_[at], table);
    size_t body = at + 1;  // the record that parts the caption from the cells
    while (body < records_[at].end && records_[body].tag != kTagTable) body = records_[body].end;
    return lists(at, records_[at].end, [&](size_t i) { return i < body ? caption(i, table) : cell(i, table); });
  }

  Status drawing(size_t at, Paragraph& paragraph) {
    Control& drawing = hangul::append_control(paragraph, ControlKind::kDrawing);
    object_header(records_[at], drawing);
    SILLOK_TRY(lists(at, records_[at].end, [&](size_t i) { return caption(i, drawing); }));
    for (size_t i = at + 1; i < records_[at].end; i = records_[i].end) {
      if (records_[i].tag == kTagShape) SILLOK_TRY(shape(i, drawing));
    }
    return {};
  }

  // A shape's own text box, text art, and the shapes grouped in it.
  Status shape(size_t at, Control& drawing) {
    if (++depth_ > hangul::kMaxNesting) return fail(ErrorCode::kLimit, "drawings are grouped too deeply");
    SILLOK_TRY(lists(at, records_[at].end, [&](size_t) { return &drawing.paragraphs; }));
    for (size_t i = at + 1; i < records_[at].end; i = records_[i].end) {
      if (records_[i].tag == kTagTextArt) {
        Reader reader(records_[i].data);
        reader.skip(32);  // four corners
        hangul::append_text(drawing.paragraphs.emplace_back(), reader.text());
      } else if (records_[i].tag == kTagShape) {
        SILLOK_TRY(shape(i, drawing.children.emplace_back()));
      }
    }
    --depth_;
    return {};
  }

  Status equation(size_t at, Paragraph& paragraph) {
    Control& equation = hangul::append_control(paragraph, ControlKind::kEquation);
    for (size_t i = at + 1; i < records_[at].end; i = records_[i].end) {
      if (records_[i].tag != kTagEquation) continue;
      Reader reader(records_[i].data);
      reader.skip(4);
      equation.text = reader.text();
    }
    return lists(at, records_[at].end, [&](size_t i) { return caption(i, equation); });
  }

  Status form(size_t at, Paragraph& paragraph) {
    Control& form = hangul::append_control(paragraph, ControlKind::kForm);
    for (size_t i = at + 1; i < records_[at].end; i = records_[i].end) {
      if (records_[i].tag != kTagForm) continue;
      Reader reader(records_[i].data);
      reader.skip(12);  // kind twice, length
      std::string properties = reader.text();
      form.text = form_value(properties, "Caption");
      if (form.text.empty()) form.text = form_value(properties, "Text");
    }
    return {};
  }

  const std::vector<Record>& records_;
  std::map<uint32_t, Control*> memo_places_;
  int depth_ = 0;
};

}  // namespace

Result<std::vector<Paragraph>> parse_section(std::string_view stream, std::string_view name) {
  SILLOK_ASSIGN(auto records, parse_records(stream, name));
  auto paragraphs = Section(records).parse();
  if (!paragraphs) return fail(paragraphs.error().in(name));
  return paragraphs;
}

}  // namespace sillok::documents::hwp
