// Plain text. Paragraphs are what empty lines separate; within them, lines that open a heading or a
// list item start a block of their own.
#include <algorithm>

#include "documents/reader.h"

namespace sillok::documents {
namespace {

constexpr size_t kMaxHeadingBytes = 300;  // a longer "heading" is a paragraph that begins like one
// A paragraph of lines this wide (columns) and nearly equal was wrapped by a program: its lines are
// joined.
constexpr size_t kWrapMinColumns = 45, kWrapMaxColumns = 110;

// Consumes digits at the front; false if there are none.
bool take_digits(std::string_view& text) {
  const size_t n = std::min(text.find_first_not_of("0123456789"), text.size());
  text.remove_prefix(n);
  return n > 0 && n < 5;
}

bool take(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

struct Opening {
  uint8_t level = 0;  // 0: no heading
  size_t length = 0;  // bytes of the line that are the heading
  size_t skip = 0;    // bytes of markup before it
};

// 제1편, 제2장, 제3절의2, 제4관, 제5조의2(제목): the divisions of Korean statutes and regulations.
Opening statute_opening(std::string_view line) {
  std::string_view rest = line;
  if (!take(rest, "제")) return {};
  while (take(rest, " ")) {
  }
  if (!take_digits(rest)) return {};
  static constexpr std::pair<std::string_view, uint8_t> kUnits[] = {
      {"편", 1}, {"장", 2}, {"절", 3}, {"관", 4}, {"조", 5}};
  for (const auto& [unit, level] : kUnits) {
    std::string_view after = rest;
    if (!take(after, unit)) continue;
    if (take(after, "의") && !take_digits(after)) return {};
    if (level < 5) {
      // "제2장의 규정에 따라" is a sentence.
      if (!after.empty() && after[0] != ' ' && after[0] != '(') return {};
      return {level, line.size(), 0};
    }
    std::string_view spaced = after;
    while (take(spaced, " ")) {
    }
    if (spaced.empty()) return {level, line.size(), 0};
    if (spaced[0] == '(' && spaced.find(')') != std::string_view::npos) {
      const size_t end = line.size() - spaced.size() + spaced.find(')') + 1;
      return {level, end, 0};
    }
    // "제7조 삭제 <2010.1.1>" has no title; "제3조제2항에 따라" and "제3조 각 호" are references.
    if (spaced.starts_with("삭제")) return {level, line.size() - after.size(), 0};
    return {};
  }
  return {};
}

Opening heading_opening(std::string_view line) {
  const size_t hashes = std::min(line.find_first_not_of('#'), line.size());
  if (hashes >= 1 && hashes <= 6 && hashes < line.size() && line[hashes] == ' ') {
    return {static_cast<uint8_t>(hashes), line.size() - hashes, hashes};
  }
  if (line == "부칙" || line.starts_with("부칙 <") || line.starts_with("부칙<") ||
      line.starts_with("부칙 (") || line.starts_with("부      칙")) {
    return {1, line.size(), 0};
  }
  if ((line.starts_with("[별표") || line.starts_with("[별지")) && line.size() < kMaxHeadingBytes)
    return {1, line.size(), 0};
  return statute_opening(line);
}

// The kind of list marker at the front: equal kinds are siblings. 0 = none.
enum Marker : int {
  kNoMarker,
  kCircled,
  kNumber,
  kLetter,
  kNumberParen,
  kLetterParen,
  kInParens,
  kSquare,
  kCircle,
  kDash,
  kStar,
  kBullet
};

Marker marker_of(std::string_view line) {
  size_t offset = 0;
  const char32_t first = line.empty() ? 0 : decode_utf8(line, offset);
  if (first >= 0x2460 && first <= 0x2473) return kCircled;
  const bool spaced = offset < line.size() && line[offset] == ' ';
  if (spaced) {
    if (first == '-' || first == 0x2013) return kDash;
    if (first == '*' || first == '+') return kStar;
    if (first == 0x2022 || first == 0xB7 || first == 0x318D || first == 0x2219) return kBullet;
    if (first == 0x25A1 || first == 0x25A0) return kSquare;
    if (first == 0x25CB || first == 0x25CF || first == 0x25E6 || first == 0x3147) return kCircle;
  }
  std::string_view rest = line;
  if (is_digit(line.empty() ? ' ' : line[0]) && take_digits(rest)) {
    if (take(rest, "의")) take_digits(rest);
    if (rest.starts_with(". ")) return kNumber;
    if (rest.starts_with(") ")) return kNumberParen;
    return kNoMarker;
  }
  static constexpr std::u32string_view kLetters =
      U"가나다라마바사아자차카타파하거너더러머버서어저처커터퍼허";
  if (kLetters.find(first) != std::u32string_view::npos) {
    rest = line.substr(offset);
    if (rest.starts_with(". ")) return kLetter;
    if (rest.starts_with(") ")) return kLetterParen;
  }
  if (first == '(' && line.find(") ") <= 6) {
    rest = line.substr(1);
    if (take_digits(rest) && rest.starts_with(")")) return kInParens;
  }
  return kNoMarker;
}

size_t columns(std::string_view line) {
  size_t width = 0;
  for (size_t i = 0; i < line.size();) width += decode_utf8(line, i) >= 0x1100 ? 2 : 1;
  return width;
}

bool was_wrapped(const std::vector<std::string_view>& lines) {
  if (lines.size() < 2) return false;
  size_t widest = 0, narrowest = SIZE_MAX;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].starts_with(">") || lines[i].starts_with("|") ||
        lines[i].find('\t') != std::string_view::npos)
      return false;
    const size_t width = columns(lines[i]);
    widest = std::max(widest, width);
    if (i + 1 < lines.size()) narrowest = std::min(narrowest, width);
  }
  return widest >= kWrapMinColumns && widest <= kWrapMaxColumns && narrowest * 4 >= widest * 3;
}

class TextBlocks {
 public:
  explicit TextBlocks(uint32_t first_line) : line_number_(first_line) {}

  void line(std::string_view raw) {
    while (raw.ends_with(' ') || raw.ends_with('\t') || raw.ends_with('\r')) raw.remove_suffix(1);
    const std::string_view text = trim(raw);
    if (text.empty()) {
      flush();
    } else if (const Opening opening = heading_opening(text);
               opening.level > 0 && opening.length <= kMaxHeadingBytes) {
      flush();
      markers_.clear();
      add(BlockKind::kHeading, opening.level, trim(text.substr(opening.skip, opening.length)),
          line_number_);
      open(trim(text.substr(opening.skip + opening.length)));
    } else {
      if (marker_of(text) != kNoMarker) flush();
      // Leading spaces matter only for what was drawn with them; keep a paragraph's own lines as
      // they are.
      open(lines_.empty() ? text : raw);
    }
    ++line_number_;
  }

  std::vector<Block> finish() {
    flush();
    return std::move(blocks_);
  }

 private:
  void open(std::string_view text) {
    if (text.empty()) return;
    if (lines_.empty()) start_ = line_number_;
    lines_.push_back(text);
  }

  void flush() {
    if (lines_.empty()) return;
    const Marker marker = marker_of(lines_[0]);
    const bool joined = was_wrapped(lines_);
    std::string text;
    for (const std::string_view part : lines_) {
      if (!text.empty()) text += joined ? ' ' : '\n';
      text += joined ? trim(part) : part;
    }
    lines_.clear();
    if (marker == kNoMarker) return add(BlockKind::kParagraph, 0, text, start_);
    add(BlockKind::kListItem, level_of(marker), text, start_);
  }

  // A marker seen before under this heading returns to its level; a new one goes one deeper.
  uint8_t level_of(Marker marker) {
    const auto known = std::find(markers_.begin(), markers_.end(), marker);
    if (known == markers_.end()) {
      markers_.push_back(marker);
    } else {
      markers_.erase(known + 1, markers_.end());
    }
    return static_cast<uint8_t>(markers_.size());
  }

  void add(BlockKind kind, uint8_t level, std::string_view text, uint32_t line) {
    Block block;
    block.kind = kind;
    block.level = level;
    block.text = text;
    block.anchor.line = line;
    blocks_.push_back(std::move(block));
  }

  std::vector<Block> blocks_;
  std::vector<std::string_view> lines_;
  std::vector<Marker> markers_;
  uint32_t line_number_, start_ = 0;
};

}  // namespace

std::vector<Block> blocks_of_text(std::string_view text, uint32_t first_line) {
  TextBlocks blocks(first_line);
  while (!text.empty()) {
    const size_t end = text.find('\n');
    blocks.line(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return blocks.finish();
}

Result<Document> read_text(const Source& source, Budget& budget) {
  const std::string text = decode_text(source.bytes);
  SILLOK_TRY(budget.charge(text.size()));
  Document document;
  document.meta.format = "text";
  document.blocks = blocks_of_text(text, 1);
  return document;
}

}  // namespace sillok::documents
