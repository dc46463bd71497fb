// Markdown by md4c, with GitHub's tables and task lists, footnotes and YAML front matter.
//
// Two things differ from what a browser would show, because they carry meaning in records: numbered items keep the
// number that was written ("3." stays 3 where item 2 was deleted), and a line within a paragraph that begins with an
// item's number ("  1\. ", "가\. ") is an item of its own, as statutes are written.
#include <md4c.h>

#include <algorithm>
#include <cstring>

#include "documents/front_matter.h"
#include "documents/html.h"

namespace sillok::documents {
namespace {

// Line numbers by byte offset.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n') breaks_.push_back(i);
    }
  }
  // 0 for pointers that are not into the text: md4c passes constants for breaks and entities.
  uint32_t line_of(const char* place) const {
    if (!contains(place)) return 0;
    const auto offset = static_cast<size_t>(place - text_.data());
    return static_cast<uint32_t>(std::lower_bound(breaks_.begin(), breaks_.end(), offset) - breaks_.begin()) + 1;
  }
  bool contains(const char* place) const {
    return std::less_equal<>()(text_.data(), place) && std::less<>()(place, text_.data() + text_.size());
  }
  std::string_view text() const { return text_; }

 private:
  std::string_view text_;
  std::vector<size_t> breaks_;
};

// Depth of the item a line begins: 1 for "1." and "1의2.", 2 for "가.", 3 for "1)", 4 for "가)"; 0 for none.
uint8_t item_depth(std::string_view line) {
  size_t i = 0;
  while (i < line.size() && i < 3 && is_digit(line[i])) ++i;
  const bool number = i > 0;
  if (number && line.substr(i).starts_with("의")) {
    size_t branch = i + std::strlen("의");
    while (branch < line.size() && is_digit(line[branch])) ++branch;
    if (branch > i + std::strlen("의")) i = branch;
  }
  if (!number) {
    static constexpr std::string_view kLetters[] = {"가", "나", "다", "라", "마", "바", "사",
                                                    "아", "자", "차", "카", "타", "파", "하"};
    for (const std::string_view letter : kLetters) {
      if (line.starts_with(letter)) i = letter.size();
    }
  }
  if (i == 0 || i + 1 >= line.size() || line[i + 1] != ' ') return 0;
  if (i + 2 < line.size() && is_digit(line[i + 2]) && line[i] == '.' && number) return 0;  // "3. 1. 개원": a date
  if (line[i] == '.') return number ? 1 : 2;
  if (line[i] == ')') return number ? 3 : 4;
  return 0;
}

std::string decode_entity(std::string_view entity) {
  struct Name {
    std::string_view name;
    char32_t code_point;
  };
  static constexpr Name kNames[] = {
      {"&amp;", '&'},       {"&lt;", '<'},        {"&gt;", '>'},        {"&quot;", '"'},      {"&apos;", '\''},
      {"&nbsp;", 0xA0},     {"&copy;", 0xA9},     {"&reg;", 0xAE},      {"&deg;", 0xB0},      {"&plusmn;", 0xB1},
      {"&middot;", 0xB7},   {"&times;", 0xD7},    {"&divide;", 0xF7},   {"&ndash;", 0x2013},  {"&mdash;", 0x2014},
      {"&lsquo;", 0x2018},  {"&rsquo;", 0x2019},  {"&ldquo;", 0x201C},  {"&rdquo;", 0x201D},  {"&bull;", 0x2022},
      {"&hellip;", 0x2026}, {"&trade;", 0x2122},  {"&rarr;", 0x2192},   {"&larr;", 0x2190},   {"&le;", 0x2264},
      {"&ge;", 0x2265},     {"&ne;", 0x2260},     {"&micro;", 0xB5},    {"&para;", 0xB6},     {"&sect;", 0xA7}};
  for (const Name& known : kNames) {
    if (known.name != entity) continue;
    std::string out;
    append_utf8(out, known.code_point);
    return out;
  }
  if (entity.size() < 4 || !entity.starts_with("&#")) return std::string(entity);
  const bool hex = entity[2] == 'x' || entity[2] == 'X';
  const std::string digits(entity.substr(hex ? 3 : 2));
  const unsigned long value = std::strtoul(digits.c_str(), nullptr, hex ? 16 : 10);
  if (value == 0 || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return std::string(entity);
  std::string out;
  append_utf8(out, static_cast<char32_t>(value));
  return out;
}

struct Footnote {
  std::string id, text;
  uint32_t line = 0;
  bool placed = false;
};

// Takes "[^id]: text" and its continuation lines out of the text (blanked, so that lines keep their numbers).
std::vector<Footnote> take_footnotes(std::string& text) {
  std::vector<Footnote> notes;
  size_t start = 0;
  uint32_t line = 1;
  bool inside = false, fenced = false;
  for (; start < text.size(); ++line) {
    const size_t end = std::min(text.find('\n', start), text.size());
    const std::string_view whole(text.data() + start, end - start);
    const std::string_view content = trim(whole);
    if (content.starts_with("```") || content.starts_with("~~~")) fenced = !fenced;
    const size_t close = content.starts_with("[^") && !fenced ? content.find("]:") : std::string_view::npos;
    const bool begins = close != std::string_view::npos && close > 2 && close < 100;
    const bool goes_on = inside && !content.empty() && (whole[0] == ' ' || whole[0] == '\t') && !begins;
    if (begins) {
      notes.push_back({std::string(content.substr(2, close - 2)), std::string(content), line, false});
    } else if (goes_on) {
      notes.back().text += " " + std::string(content);
    }
    inside = begins || goes_on;
    if (inside) std::fill(text.begin() + static_cast<std::ptrdiff_t>(start), text.begin() + static_cast<std::ptrdiff_t>(end), ' ');
    start = end + 1;
  }
  return notes;
}

class Builder {
 public:
  Builder(const Lines& lines, uint32_t lines_before, std::vector<Footnote> notes, Document& document)
      : lines_(lines), lines_before_(lines_before), notes_(std::move(notes)), document_(document) {}

  void enter(MD_BLOCKTYPE type, void* detail) {
    switch (type) {
      case MD_BLOCK_UL:
      case MD_BLOCK_OL: flush(); lists_.push_back(type == MD_BLOCK_OL); break;
      case MD_BLOCK_LI: flush(); begin_item(*static_cast<MD_BLOCK_LI_DETAIL*>(detail)); break;
      case MD_BLOCK_H:
        kind_ = BlockKind::kHeading;
        level_ = static_cast<uint8_t>(static_cast<MD_BLOCK_H_DETAIL*>(detail)->level);
        break;
      case MD_BLOCK_CODE:
        flush();
        code_ = true;
        fenced_ = static_cast<MD_BLOCK_CODE_DETAIL*>(detail)->fence_char != 0;
        break;
      case MD_BLOCK_HTML: flush(); html_ = true; break;
      case MD_BLOCK_TABLE:
        flush();
        table_ = Block{};
        table_.kind = BlockKind::kTable;
        break;
      case MD_BLOCK_TR: table_.table.rows.emplace_back(); break;
      case MD_BLOCK_TH:
      case MD_BLOCK_TD: text_.clear(); line_ = 0; break;
      default: break;
    }
  }

  void leave(MD_BLOCKTYPE type) {
    switch (type) {
      case MD_BLOCK_UL:
      case MD_BLOCK_OL: flush(); lists_.pop_back(); break;
      case MD_BLOCK_LI: flush(); item_ = false; break;
      case MD_BLOCK_H:
      case MD_BLOCK_P:
        flush();
        kind_ = BlockKind::kParagraph;
        level_ = 0;
        break;
      case MD_BLOCK_CODE: flush(); code_ = false; break;
      case MD_BLOCK_HTML: end_html(); break;
      case MD_BLOCK_THEAD: table_.table.header_rows = static_cast<uint32_t>(table_.table.rows.size()); break;
      case MD_BLOCK_TABLE: end_table(); break;
      case MD_BLOCK_TH:
      case MD_BLOCK_TD: end_cell(); break;
      default: break;
    }
  }

  void enter_span(MD_SPANTYPE type, void* detail) {
    if (type != MD_SPAN_A) return;
    const MD_ATTRIBUTE& href = static_cast<MD_SPAN_A_DETAIL*>(detail)->href;
    Hyperlink link;
    for (size_t i = 0; href.substr_offsets != nullptr && href.substr_offsets[i] < href.size; ++i) {
      const std::string_view piece(href.text + href.substr_offsets[i],
                                   href.substr_offsets[i + 1] - href.substr_offsets[i]);
      link.target += href.substr_types[i] == MD_TEXT_ENTITY ? decode_entity(piece) : std::string(piece);
    }
    open_links_.push_back({std::move(link), text_.size()});
  }

  void leave_span(MD_SPANTYPE type) {
    if (type != MD_SPAN_A || open_links_.empty()) return;
    auto [link, start] = std::move(open_links_.back());
    open_links_.pop_back();
    link.text = collapse_spaces(std::string_view(text_).substr(std::min(start, text_.size())));
    if (!link.target.empty()) links_.push_back(std::move(link));
  }

  void text(MD_TEXTTYPE type, std::string_view piece) {
    if (line_ == 0) line_ = line_at(piece.data());
    if (item_ && marker_pending_ && lines_.contains(piece.data())) read_marker(piece.data());
    switch (type) {
      case MD_TEXT_NULLCHAR: return;
      case MD_TEXT_BR:
      case MD_TEXT_SOFTBR:
        text_ += '\n';
        return;
      case MD_TEXT_ENTITY: text_ += decode_entity(piece); return;
      case MD_TEXT_HTML:
        if (html_) {
          text_ += piece;
        } else if (starts_with_nocase(piece, "<br")) {
          text_ += '\n';
        }
        return;
      default: text_ += piece; return;
    }
  }

  // Footnotes that no text points to.
  void finish() {
    flush();
    for (Footnote& note : notes_) {
      if (!note.placed) place(note);
    }
  }

 private:
  uint32_t line_at(const char* place) const {
    const uint32_t line = lines_.line_of(place);
    return line == 0 ? 0 : line + lines_before_;
  }

  void begin_item(const MD_BLOCK_LI_DETAIL& detail) {
    item_ = true;
    marker_.clear();
    marker_pending_ = !lists_.empty() && lists_.back();
    if (detail.is_task != 0) marker_ = detail.task_mark == ' ' ? "[ ] " : "[x] ";
    kind_ = BlockKind::kListItem;
    level_ = static_cast<uint8_t>(std::min<size_t>(lists_.size(), 255));
  }

  // The number as written, from the source before the item's first word.
  void read_marker(const char* word) {
    marker_pending_ = false;
    const std::string_view source = lines_.text();
    size_t end = static_cast<size_t>(word - source.data());
    const auto before = [&](std::string_view set) {
      while (end > 0 && set.find(source[end - 1]) != std::string_view::npos) --end;
    };
    before(" \t*_[`~<!xX]");
    if (end == 0 || (source[end - 1] != '.' && source[end - 1] != ')')) return;
    size_t start = end - 1;
    while (start > 0 && is_digit(source[start - 1])) --start;
    if (start + 1 < end) marker_ = std::string(source.substr(start, end - start)) + " " + marker_;
  }

  void flush() {
    if (!trim(text_).empty()) {
      if (code_ && (fenced_ || item_depth(unescaped_first_line()) == 0)) {
        add(BlockKind::kParagraph, 0, text_, line_);
      } else {
        if (code_) unescape_code();
        add_lines();
      }
      if (kind_ == BlockKind::kListItem) kind_ = BlockKind::kParagraph, level_ = 0;
    }
    text_.clear();
    line_ = 0;
    const auto index = static_cast<uint32_t>(document_.blocks.empty() ? 0 : document_.blocks.size() - 1);
    for (Hyperlink& link : links_) {
      link.block = block_with(link.text, index);
      document_.links.push_back(std::move(link));
    }
    links_.clear();
    place_notes();
  }

  // Among the blocks the last paragraph was split into, the one with the link's words.
  uint32_t block_with(const std::string& words, uint32_t last) const {
    for (size_t i = first_added_; i < document_.blocks.size(); ++i) {
      if (document_.blocks[i].text.find(words) != std::string::npos) return static_cast<uint32_t>(i);
    }
    return last;
  }

  void add(BlockKind kind, uint8_t level, std::string text, uint32_t line) {
    Block block;
    block.kind = kind;
    block.level = level;
    block.text = std::move(text);
    block.anchor.line = line;
    document_.blocks.push_back(std::move(block));
  }

  // A paragraph's lines joined, but cut before each line that begins an item.
  void add_lines() {
    first_added_ = document_.blocks.size();
    BlockKind kind = kind_;
    uint8_t level = level_;
    const uint8_t outer = kind == BlockKind::kListItem ? level : 0;
    std::string joined = marker_;
    marker_.clear();
    uint32_t line = line_, start = line_;
    for (const std::string_view raw : split(text_, '\n')) {
      const std::string_view content = trim(raw);
      const uint8_t depth = kind_ == BlockKind::kHeading ? 0 : item_depth(content);
      if (depth > 0) {
        if (!trim(joined).empty()) add(kind, level, joined, start);
        joined.clear();
        kind = BlockKind::kListItem;
        level = static_cast<uint8_t>(outer + depth);
        start = line;
      }
      if (!joined.empty() && joined.back() != ' ') joined += ' ';
      joined += content;
      ++line;
    }
    if (!trim(joined).empty()) add(kind, level, joined, start);
  }

  std::string unescaped_first_line() const {
    std::string line = text_.substr(0, text_.find('\n'));
    std::erase(line, '\\');
    return std::string(trim(line));
  }

  // Items set in by four spaces look like code to Markdown: "\." is then still escaped.
  void unescape_code() {
    std::string out;
    for (size_t i = 0; i < text_.size(); ++i) {
      if (text_[i] == '\\' && i + 1 < text_.size() && std::ispunct(static_cast<unsigned char>(text_[i + 1]))) continue;
      out += text_[i];
    }
    text_ = std::move(out);
  }

  void end_html() {
    html_ = false;
    const std::string html = std::move(text_);
    text_.clear();
    const uint32_t line = line_ == 0 ? 1 : line_;
    line_ = 0;
    Document inside;
    if (!append_html(html, line, inside)) {
      add(BlockKind::kParagraph, 0, html, line);  // nested beyond reason: kept as it stands
      return;
    }
    const auto offset = static_cast<uint32_t>(document_.blocks.size());
    for (Block& block : inside.blocks) document_.blocks.push_back(std::move(block));
    for (Hyperlink& link : inside.links) {
      link.block += offset;
      document_.links.push_back(std::move(link));
    }
    place_notes();
  }

  void end_cell() {
    Row& row = table_.table.rows.back();
    Cell cell;
    cell.column = static_cast<uint32_t>(row.cells.size());
    cell.text = std::string(trim(text_));
    if (row.line == 0) row.line = line_;
    row.cells.push_back(std::move(cell));
    text_.clear();
    line_ = 0;
  }

  void end_table() {
    for (const Row& row : table_.table.rows) {
      if (table_.anchor.line == 0) table_.anchor.line = row.line;
    }
    document_.blocks.push_back(std::move(table_));
    flush();
  }

  void place(Footnote& note) {
    note.placed = true;
    add(BlockKind::kFootnote, 0, note.text, note.line + lines_before_);
  }

  // Footnotes the blocks added since the last call point to.
  void place_notes() {
    const size_t end = document_.blocks.size();
    std::vector<Footnote*> due;
    for (Footnote& note : notes_) {
      if (note.placed) continue;
      const std::string mark = "[^" + note.id + "]";
      for (size_t i = noted_; i < end && !note.placed; ++i) {
        if (!mentions(document_.blocks[i], mark)) continue;
        note.placed = true;
        due.push_back(&note);
      }
    }
    for (Footnote* note : due) place(*note);
    noted_ = document_.blocks.size();
  }

  static bool mentions(const Block& block, const std::string& mark) {
    if (block.text.find(mark) != std::string::npos) return true;
    for (const Row& row : block.table.rows) {
      for (const Cell& cell : row.cells) {
        if (cell.text.find(mark) != std::string::npos) return true;
      }
    }
    return false;
  }

  const Lines& lines_;
  uint32_t lines_before_;  // lines of front matter above the parsed text
  std::vector<Footnote> notes_;
  Document& document_;
  std::string text_, marker_;
  uint32_t line_ = 0;
  BlockKind kind_ = BlockKind::kParagraph;
  uint8_t level_ = 0;
  std::vector<bool> lists_;  // open lists: ordered or not
  bool item_ = false, marker_pending_ = false, code_ = false, fenced_ = false, html_ = false;
  Block table_;
  std::vector<Hyperlink> links_;
  std::vector<std::pair<Hyperlink, size_t>> open_links_;
  size_t first_added_ = 0, noted_ = 0;
};

int parse(const Lines& lines, Builder& builder) {
  MD_PARSER parser{};
  parser.flags = MD_DIALECT_GITHUB;
  parser.enter_block = [](MD_BLOCKTYPE type, void* detail, void* self) {
    static_cast<Builder*>(self)->enter(type, detail);
    return 0;
  };
  parser.leave_block = [](MD_BLOCKTYPE type, void*, void* self) {
    static_cast<Builder*>(self)->leave(type);
    return 0;
  };
  parser.enter_span = [](MD_SPANTYPE type, void* detail, void* self) {
    static_cast<Builder*>(self)->enter_span(type, detail);
    return 0;
  };
  parser.leave_span = [](MD_SPANTYPE type, void*, void* self) {
    static_cast<Builder*>(self)->leave_span(type);
    return 0;
  };
  parser.text = [](MD_TEXTTYPE type, const MD_CHAR* text, MD_SIZE size, void* self) {
    static_cast<Builder*>(self)->text(type, {text, size});
    return 0;
  };
  return md_parse(lines.text().data(), static_cast<MD_SIZE>(lines.text().size()), &parser, &builder);
}

}  // namespace

Result<Document> read_markdown(const Source& source, Budget&) {
  Document document;
  document.meta.format = "markdown";
  std::string text = decode_text(source.bytes);
  const size_t head = front_matter_size(text);
  uint32_t lines_before = 0;
  if (head > 0) {
    read_front_matter(std::string_view(text).substr(0, head), document.meta);
    lines_before = static_cast<uint32_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(head), '\n'));
    text.erase(0, head);
  }
  std::vector<Footnote> notes = take_footnotes(text);
  const Lines lines(text);
  Builder builder(lines, lines_before, std::move(notes), document);
  if (parse(lines, builder) != 0) return fail(ErrorCode::kInvalid, "the Markdown could not be parsed");
  builder.finish();
  return document;
}

}  // namespace sillok::documents
