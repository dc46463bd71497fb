// Paragraphs, headings, lists and running heads of a PDF, from where its lines stand.
#include "documents/pdf_layout.h"

#include <cmath>
#include <cstring>

namespace sillok::documents {
namespace {

constexpr double kHeadingScale = 1.14;     // of the body's size: smaller differences are accidents of fonts
constexpr size_t kMaxHeading = 120;        // code points
constexpr size_t kMaxBoldHeading = 60;     // code points of a bold line at body size
constexpr double kFootnoteScale = 0.9;     // of the body's size, in the lower third

bool is_hangul(char32_t c) { return (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0x3131 && c <= 0x318E); }
bool is_han_or_kana(char32_t c) {
  return (c >= 0x3040 && c <= 0x30FF) || (c >= 0x3400 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF);
}

char32_t first_of(std::string_view text) {
  size_t offset = 0;
  return text.empty() ? 0 : decode_utf8(text, offset);
}

char32_t last_of(std::string_view text) {
  size_t start = text.size();
  while (start > 0 && (static_cast<uint8_t>(text[start - 1]) & 0xC0) == 0x80) --start;
  return start == 0 ? 0 : first_of(text.substr(start - 1));
}

std::string_view first_word(std::string_view text) { return text.substr(0, text.find(' ')); }
std::string_view last_word(std::string_view text) {
  const size_t space = text.rfind(' ');
  return space == std::string_view::npos ? text : text.substr(space + 1);
}

std::string without_spaces(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != ' ' && c != '\n') out += c;
  }
  return out;
}

// "inter-" and "national".
bool cut_by_hyphen(std::string_view left, std::string_view right) {
  const bool letter = left.size() >= 2 && std::isalpha(static_cast<unsigned char>(left[left.size() - 2])) != 0;
  return letter && left.back() == '-' && !right.empty() && right[0] >= 'a' && right[0] <= 'z';
}

bool ends_sentence(std::string_view text) {
  text = trim(text);
  while (!text.empty() && std::strchr(")]\"'", text.back()) != nullptr) text.remove_suffix(1);
  if (text.ends_with("」") || text.ends_with("”")) text.remove_suffix(3);
  return text.ends_with('.') || text.ends_with('?') || text.ends_with('!') || text.ends_with(':') ||
         text.ends_with("。") || text.ends_with(';');
}

// The rest of a line that is full to the margin goes on in the next.
bool reaches(const PdfLine& line, double right) { return line.box.x1 >= right - 2.5 * line.size; }

bool is_caption(std::string_view text) {
  for (const std::string_view lead : {"표", "그림", "사진", "Table", "Figure", "Fig.", "TABLE", "FIGURE"}) {
    std::string_view rest = text;
    for (const std::string_view bracket : {"<", "[", "〈"}) {
      if (rest.starts_with(bracket)) rest.remove_prefix(bracket.size());
    }
    if (!rest.starts_with(lead)) continue;
    rest = trim(rest.substr(lead.size()));
    if (!rest.empty() && is_digit(rest[0])) return count_code_points(text) <= kMaxHeading;
  }
  return false;
}

// ---------------------------------------------------------------------------------------------
// Lines to paragraphs

struct Paragraph {
  std::vector<const PdfLine*> lines;
  std::string text;
  double right = 0;  // margin of its block
};

class PageLayout {
 public:
  PageLayout(const PdfPage& page, const PdfStyle& style, Document& document)
      : page_(page), style_(style), document_(document), tables_(find_tables(page, style)),
        table_blocks_(tables_.size(), SIZE_MAX) {}

  void run() {
    measure_blocks();
    rest_.reserve(page_.lines.size());  // paragraphs keep pointers to these
    for (const PdfLine& line : page_.lines) place(line);
    end_paragraph();
    for (const PdfNote& note : page_.notes) add_note(note);
    add_links();
  }

 private:
  void measure_blocks() {
    left_ = page_.width;
    for (const PdfLine& line : page_.lines) {
      auto [at, fresh] = blocks_.emplace(line.block, line.box);
      if (!fresh) at->second.add(line.box);
      if (!line.turned && line.kind == BlockKind::kParagraph) left_ = std::min(left_, line.box.x0);
    }
  }

  size_t table_of(const PdfWord& word) const {
    for (size_t t = 0; t < tables_.size(); ++t) {
      if (!word.turned && tables_[t].box.holds(word.box.center_x(), word.box.center_y())) return t;
    }
    return SIZE_MAX;
  }

  // Puts a line where it belongs: in tables, among running heads, or at the end of the current paragraph.
  void place(const PdfLine& line) {
    if (line.kind != BlockKind::kParagraph) {
      add(line.kind, 0, line.text(), {&line});
      return;
    }
    PdfLine rest = line;
    rest.words.clear();
    for (const PdfWord& word : line.words) {
      const size_t t = table_of(word);
      if (t == SIZE_MAX) {
        if (rest.words.empty()) rest.box = word.box;
        rest.box.add(word.box);
        rest.words.push_back(word);
      } else if (table_blocks_[t] == SIZE_MAX) {
        end_paragraph();
        add_table(t);
      }
    }
    if (rest.words.empty()) return;
    rest_.push_back(std::move(rest));
    append(rest_.back());
  }

  // "1.2" or "제1장" set apart from the title that follows on the same row.
  static bool heads_row(const PdfLine& number, const PdfLine& line) {
    return !line.turned && number.words.size() == 1 && count_code_points(number.words[0].text) <= 6 &&
           std::abs(number.box.center_y() - line.box.center_y()) < 0.2 * line.size &&
           std::abs(number.size - line.size) < 0.1 * line.size && line.box.x0 > number.box.x1 &&
           line.box.x0 - number.box.x1 < 3 * line.size;
  }

  void add_table(size_t t) {
    Block block;
    block.kind = BlockKind::kTable;
    block.anchor.page = page_.number;
    block.table = tables_[t].table;
    table_blocks_[t] = document_.blocks.size();
    document_.blocks.push_back(std::move(block));
  }

  void append(const PdfLine& line) {
    const PdfBox& block = blocks_.at(line.block);
    if (!current_.lines.empty() && begins_paragraph(line)) end_paragraph();
    if (current_.lines.empty()) {
      current_.text = line.text();
    } else {
      const PdfLine& last = *current_.lines.back();
      const bool same_row = std::abs(last.box.center_y() - line.box.center_y()) < 0.3 * line.size;
      const std::string text = line.text();
      const std::string between = same_row ? " " : style_.joint(current_.text, last.words.back(), reaches(last, block.x1), text);
      current_.text += between + text;
    }
    current_.right = std::max(current_.right, block.x1);
    current_.lines.push_back(&line);
  }

  bool begins_paragraph(const PdfLine& line) const {
    const PdfLine& last = *current_.lines.back();
    const std::string text = line.text();
    if (current_.lines.size() == 1 && heads_row(last, line)) return false;
    if (line.turned != last.turned || std::abs(line.size - last.size) > 0.1 * std::max(line.size, last.size)) return true;
    if (item_marker_size(text) > 0) return true;
    if (cut_by_hyphen(current_.text, text)) return false;  // wherever the rest of the word stands
    const PdfBox& block = blocks_.at(line.block);
    if (line.block != last.block) return !goes_on(last, line, text);
    if (line.turned) return false;
    if (line.bold != last.bold && (ends_sentence(current_.text) || !reaches(last, block.x1))) return true;
    if (line.box.y0 - last.box.y1 > 0.9 * line.size) return true;
    const bool short_line = last.box.x1 < block.x1 - std::max(0.12 * block.width(), 3 * line.size);
    if (short_line && (ends_sentence(current_.text) || last.box.x1 < block.x1 - 0.35 * block.width())) return true;
    const bool item = item_marker_size(current_.text) > 0;
    return !item && line.box.x0 > last.box.x0 + 0.8 * line.size && current_.lines.size() > 1 && ends_sentence(current_.text);
  }

  // Whether a paragraph goes on in another block: under it after a picture, or in the next column.
  bool goes_on(const PdfLine& last, const PdfLine& line, std::string_view text) const {
    if (last.turned || line.bold != last.bold || ends_sentence(current_.text)) return false;
    if (!reaches(last, blocks_.at(last.block).x1) || current_.lines.size() < 2) return false;
    const bool next_column = line.box.y1 < last.box.y0 && line.box.x0 > last.box.x1;
    const bool close_below = line.box.y0 >= last.box.y1 - line.size && line.box.y0 - last.box.y1 < 0.7 * line.size &&
                             std::abs(line.box.x0 - last.box.x0) < 2 * line.size;
    const char32_t first = first_of(text);
    return (next_column || close_below) && !(first >= U'A' && first <= U'Z');
  }

  void end_paragraph() {
    if (current_.lines.empty()) return;
    const PdfLine& first = *current_.lines.front();
    bool bold = true;
    for (const PdfLine* line : current_.lines) bold &= line->bold;
    const std::string text(trim(current_.text));
    const uint8_t heading =
        first.turned ? uint8_t{0} : style_.heading_level(text, current_.lines.size(), first.size, bold);
    BlockKind kind = BlockKind::kParagraph;
    uint8_t level = 0;
    if (is_caption(text)) {
      kind = BlockKind::kCaption;
    } else if (heading > 0) {
      kind = BlockKind::kHeading;
      level = heading;
    } else if (is_footnote(first, text)) {
      kind = BlockKind::kFootnote;
    } else if (item_marker_size(text) > 0) {
      kind = BlockKind::kListItem;
      level = item_level(first);
    }
    add(kind, level, text, current_.lines);
    current_ = {};
  }

  uint8_t item_level(const PdfLine& line) const {
    const double steps = (line.box.x0 - left_) / (2 * std::max(style_.body_size(), 4.0));
    return static_cast<uint8_t>(1 + std::clamp(static_cast<int>(steps), 0, 5));
  }

  bool is_footnote(const PdfLine& line, std::string_view text) const {
    if (line.box.y0 < page_.height * 0.66 || line.size > style_.body_size() * kFootnoteScale) return false;
    const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const bool number = digits > 0 && digits <= 3 && digits < text.size() && text[digits] != '.' && text[digits] != ',';
    return number || text[0] == '*' || text.starts_with("†") || text.starts_with("※");
  }

  void add(BlockKind kind, uint8_t level, std::string text, const std::vector<const PdfLine*>& lines) {
    Block block;
    block.kind = kind;
    block.level = level;
    block.text = std::move(text);
    block.anchor.page = page_.number;
    for (const PdfLine* line : lines) placed_.push_back({document_.blocks.size(), line});
    document_.blocks.push_back(std::move(block));
  }

  void add_note(const PdfNote& note) {
    Block block;
    block.kind = note.kind == "form field" ? BlockKind::kParagraph : BlockKind::kComment;
    block.anchor.page = page_.number;
    block.anchor.part = note.kind;
    block.text = note.author.empty() ? note.text : note.author + ": " + note.text;
    document_.blocks.push_back(std::move(block));
  }

  // A link's words are those its rectangle holds.
  void add_links() {
    for (const PdfLink& link : page_.links) {
      std::string words;
      size_t block = SIZE_MAX;
      for (const PdfLine& line : page_.lines) {
        for (const PdfWord& word : line.words) {
          if (!link.box.holds(word.box.center_x(), word.box.center_y())) continue;
          if (!words.empty()) words += ' ';
          words += word.text;
          if (block == SIZE_MAX) block = block_of(word);
        }
      }
      if (block == SIZE_MAX) block = document_.blocks.empty() ? 0 : document_.blocks.size() - 1;
      document_.links.push_back({words, link.target, static_cast<uint32_t>(block)});
    }
  }

  size_t block_of(const PdfWord& word) const {
    const size_t t = table_of(word);
    if (t != SIZE_MAX) return table_blocks_[t];
    for (const auto& [block, line] : placed_) {
      if (line->box.holds(word.box.center_x(), word.box.center_y())) return block;
    }
    return SIZE_MAX;
  }

  const PdfPage& page_;
  const PdfStyle& style_;
  Document& document_;
  std::vector<PdfTable> tables_;
  std::vector<size_t> table_blocks_;  // where each table was put; SIZE_MAX = not yet
  std::map<uint32_t, PdfBox> blocks_;
  double left_ = 0;  // the leftmost line
  std::vector<PdfLine> rest_;
  Paragraph current_;
  std::vector<std::pair<size_t, const PdfLine*>> placed_;
};

}  // namespace

PdfStyle::PdfStyle(const std::vector<PdfPage>& pages, const std::vector<PdfOutlineItem>& outline) {
  std::map<long, size_t> sizes;
  size_t bold = 0, all = 0, ends = 0, spaced_ends = 0, full_ends = 0, tight_ends = 0;
  std::map<long, size_t> short_lines;
  for (const PdfPage& page : pages) {
    std::map<uint32_t, double> right;
    for (const PdfLine& line : page.lines) right[line.block] = std::max(right[line.block], line.box.x1);
    for (size_t i = 0; i < page.lines.size(); ++i) {
      const PdfLine& line = page.lines[i];
      const std::string text = line.text();
      sizes[std::lround(line.size * 2)] += text.size();
      all += text.size();
      bold += line.bold ? text.size() : 0;
      for (size_t w = 0; w + 1 < line.words.size(); ++w) {
        if (line.words[w].space_after) ++words_[line.words[w].text];
      }
      const bool goes_on = i + 1 < page.lines.size() && page.lines[i + 1].block == line.block;
      if (!goes_on || line.turned || !is_hangul(last_of(text))) continue;
      ++ends;
      spaced_ends += line.words.back().space_drawn;
      // Lines that stop short of the margin by less than a syllable show that words may be cut.
      ++full_ends;
      tight_ends += right[line.block] - line.box.x1 < 1.1 * line.size;
    }
  }
  size_t most = 0;
  for (const auto& [size, count] : sizes) {
    if (count > most) body_size_ = static_cast<double>(size) / 2, most = count;
  }
  for (const auto& [size, count] : sizes) {
    const double points = static_cast<double>(size) / 2;
    if (points >= body_size_ * kHeadingScale) heading_sizes_.insert(heading_sizes_.begin(), points);
  }
  body_bold_ = bold * 2 > all;
  spaces_at_ends_ = spaced_ends * 6 > ends;
  syllable_wrap_ = full_ends >= 8 && tight_ends * 10 > full_ends * 9;
  for (const PdfOutlineItem& item : outline) outline_.emplace(without_spaces(item.title), item.depth);
}

// The strongest evidence first: a space drawn at the break; its absence where this producer draws them; the words as
// they stand elsewhere; the margin.
bool PdfStyle::cuts_words(const PdfWord& last, bool full, std::string_view left_word,
                          std::string_view right_word) const {
  if (last.space_drawn) return false;
  if (full && spaces_at_ends_) return true;
  const auto count = [&](std::string_view word) {
    const auto at = words_.find(word);
    return at == words_.end() ? 0u : at->second;
  };
  const std::string whole = std::string(left_word) + std::string(right_word);
  const uint32_t joined = count(whole), apart = std::min(count(left_word), count(right_word));
  if (joined != apart) return joined > apart;
  return full && syllable_wrap_;
}

std::string PdfStyle::joint(std::string& left, const PdfWord& last, bool full, std::string_view right) const {
  const char32_t before = last_of(left), after = first_of(right);
  if (before == 0xAD) {
    left.resize(left.size() - 2);
    return "";
  }
  const bool lower = (after >= U'a' && after <= U'z') || (after >= 0xDF && after <= 0xFF);
  if ((before == '-' || before == 0x2010) && lower && left.size() >= 2 && left[left.size() - 2] != ' ') {
    // A hyphen at the end of a line was put there by it, unless the two parts are known to be joined by one.
    const std::string compound = std::string(last_word(left)) + std::string(first_word(right));
    if (words_.find(compound) != words_.end()) return "";
    left.resize(left.size() - (before == '-' ? 1 : 3));
    return "";
  }
  if (is_han_or_kana(before) && is_han_or_kana(after)) return "";
  if (is_hangul(before) && is_hangul(after) && cuts_words(last, full, last_word(left), first_word(right))) return "";
  return " ";
}

uint8_t PdfStyle::heading_level(std::string_view text, size_t lines, double size, bool bold) const {
  const size_t length = count_code_points(text);
  if (text.empty() || lines > 3 || length > kMaxHeading || length < 2) return 0;
  const bool letters = std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<uint8_t>(c) >= 0x80 || std::isalpha(static_cast<unsigned char>(c));
  });
  if (!letters) return 0;
  const auto known = outline_.find(without_spaces(text));
  if (known != outline_.end()) return static_cast<uint8_t>(std::clamp(known->second, 1, 6));
  const bool sentence = text.ends_with('.') || text.ends_with(',') || text.ends_with("다.");
  uint8_t rank = 1;
  for (const double larger : heading_sizes_) rank = static_cast<uint8_t>(rank + (larger > size + 0.3));
  if (size >= body_size_ * kHeadingScale) return sentence && lines > 1 ? uint8_t{0} : std::min<uint8_t>(rank, 5);
  const bool stands_out = bold && !body_bold_ && size >= body_size_ * 0.95;
  if (stands_out && lines == 1 && length <= kMaxBoldHeading && !sentence) return std::min<uint8_t>(rank, 6);
  return 0;
}

void append_page(const PdfPage& page, const PdfStyle& style, Document& document) {
  PageLayout(page, style, document).run();
}

}  // namespace sillok::documents
