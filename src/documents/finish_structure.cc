// Structure that the format did not say: articles, continued tables, header rows, heading paths.
#include <algorithm>

#include "documents/finish.h"
#include "documents/items.h"

namespace sillok::documents {
namespace {

// Levels of inferred headings: level 1 is the document's title.
uint8_t level_of(char32_t unit) {
  switch (unit) {
    case U'편': return 2;
    case U'장': return 3;
    case U'절': return 4;
    case U'관': return 5;
    default: return 6;
  }
}

constexpr size_t kMaxArticleTitle = 60;   // code points; the longest of the national statutes has 49
constexpr size_t kMaxChapterTitle = 40;   // code points; longer lines are sentences
constexpr size_t kMaxPathHeading = 80;    // code points of one heading within a path
constexpr size_t kMaxHeaderLabel = 40;    // code points; a longer first-row cell is content
constexpr size_t kHeaderSampleRows = 50;  // body rows looked at to tell a header from them

char32_t first_of(std::string_view text) {
  size_t offset = 0;
  return text.empty() ? 0 : decode_utf8(text, offset);
}

bool is_hangul(char32_t c) { return c >= 0xAC00 && c <= 0xD7A3; }
bool is_circled_number(char32_t c) { return c >= 0x2460 && c <= 0x2473; }

// End of the balanced "(...)" at the front of text, 0 if there is none within one line.
size_t bracket_end(std::string_view text) {
  int depth = 0;
  for (size_t i = 0; i < text.size() && text[i] != '\n'; ++i) {
    if (text[i] == '(') ++depth;
    if (text[i] == ')' && --depth == 0) return i + 1;
    if (depth == 0) return 0;
  }
  return 0;
}

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](std::string_view p) { return text.starts_with(p); });
}

// "제1조(목적)이 규정은 ...": printed without a space, yet the article's own text.
bool names_this_document(std::string_view text) {
  if (!text.starts_with("이 ")) return false;
  return starts_with_any(text.substr(std::string_view("이 ").size()),
                         {"법", "영", "규칙", "규정", "지침", "기준", "요령", "조례", "표준", "절차", "정관", "내규", "세칙"});
}

// What may follow "제3조(목적)" when it names another article in running text or in a table of contents.
bool continues_a_sentence(std::string_view rest) {
  if (rest.empty()) return false;
  if (rest[0] == ',') return true;
  if (is_hangul(first_of(rest)) && !names_this_document(rest) &&
      starts_with_any(rest, {"에", "의", "및", "또는", "을", "를", "과", "와", "는", "은", "이", "가", "부터", "까지", "로",
                             "으로", "중", "내지", "나", "도", "상"})) {
    return true;
  }
  const std::string_view words = trim(rest);
  if (starts_with_any(words, {"및 ", "또는 ", "내지 ", "부터 ", "에 ", "의 ", "과 ", "와 "})) return true;
  if (words.starts_with("제")) {
    const std::string_view number = words.substr(std::string_view("제").size());
    const size_t digits = std::min(number.find_first_not_of("0123456789"), number.size());
    if (digits > 0 && (number.substr(digits).starts_with("항") || number.substr(digits).starts_with("호"))) {
      return true;
    }
  }
  return !words.empty() && words.find_first_not_of(".· \t0123456789") == std::string_view::npos &&
         is_digit(words.back());  // "...... 12": a line of the contents
}

// "제22조 경기시간 제한" on a line of its own: a title without brackets.
bool is_bare_title(std::string_view rest) {
  if (!rest.starts_with(' ') || rest.find('\n') != std::string_view::npos || continues_a_sentence(rest)) return false;
  if (count_code_points(rest) > kMaxChapterTitle || is_digit(rest.back()) || rest.find(',') == 1) return false;
  for (const std::string_view end : {".", "다", ":", ";", "관련", "참조", "참고", "및", "준용"}) {
    if (rest.ends_with(end)) return false;
  }
  return true;
}

struct Split {
  std::string heading, rest;
  uint8_t level;
};

std::optional<Split> split_article(std::string_view text, const ArticleNumber& article) {
  std::string_view rest = text.substr(article.size);
  const std::string_view spaced = trim(rest);
  if (spaced.starts_with('(')) {
    const size_t end = bracket_end(spaced);
    if (end == 0 || count_code_points(spaced.substr(0, end)) > kMaxArticleTitle) return {};
    if (is_digit(spaced[1])) return {};  // "제3조(2019.1.1. 개정)" is a note, not a title
    if (continues_a_sentence(spaced.substr(end))) return {};
    const size_t size = text.size() - spaced.size() + end;  // Trailing space was trimmed by cleaning.
    return Split{std::string(text.substr(0, size)), std::string(trim(spaced.substr(end))), 6};
  }
  if (spaced.empty()) return Split{std::string(text), "", 6};
  const bool plain = is_circled_number(first_of(spaced)) || spaced.starts_with("삭제") ||
                     spaced.starts_with("생략");
  if (!plain && is_bare_title(rest)) return Split{std::string(text), "", 6};
  if (!plain) return {};
  return Split{std::string(text.substr(0, article.size)), std::string(spaced), 6};
}

std::optional<Split> split_chapter(std::string_view text, const ArticleNumber& article) {
  const std::string_view name = text.substr(article.size);
  if (name.empty()) return Split{std::string(text), "", level_of(article.unit)};
  if (!name.starts_with(' ') || text.find('\n') != std::string_view::npos) return {};
  if (count_code_points(name) > kMaxChapterTitle || name.ends_with('.') || name.ends_with("다")) return {};
  if (is_digit(name.back())) return {};  // a line of the contents
  return Split{std::string(text), "", level_of(article.unit)};
}

std::optional<Split> split_paragraph(std::string_view text) {
  if (!text.starts_with("제")) return {};
  const auto article = article_number(text);
  if (!article) return {};
  return article->unit == U'조' ? split_article(text, *article) : split_chapter(text, *article);
}

// "제1관" and its title in a block of its own: the title joins the heading, its block is emptied.
void take_title(Document& document, size_t index, Split& parts) {
  const auto number = article_number(parts.heading);
  if (!number || number->size != parts.heading.size() || index + 1 >= document.blocks.size()) return;
  Block& next = document.blocks[index + 1];
  const bool text = next.kind == BlockKind::kParagraph || next.kind == BlockKind::kHeading;
  const bool title = text && !next.text.empty() && number->unit != U'조' &&
                     count_code_points(next.text) <= kMaxChapterTitle && !next.text.ends_with('.') &&
                     !next.text.ends_with("다") && !article_number(next.text);
  if (!title) return;
  parts.heading += " " + next.text;
  next.text.clear();
}

// "부칙 <제8025호, 2006. 10. 4.>": each amendment's supplementary provisions count their articles from 1 again.
bool is_supplement(std::string_view text) {
  static constexpr std::string_view kName = "부칙", kSpaced = "부 칙";
  const std::string_view name = text.starts_with(kName) ? kName : kSpaced;
  if (!text.starts_with(name) || count_code_points(text) > 2 * kMaxArticleTitle || text.find('\n') != std::string_view::npos) {
    return false;
  }
  const std::string_view rest = trim(text.substr(name.size()));
  return rest.empty() || ((rest[0] == '<' || rest[0] == '(' || rest[0] == '[') &&
                          (rest.back() == '>' || rest.back() == ')' || rest.back() == ']'));
}

// Tables of one document that stand on consecutive pages with nothing but running heads between.

uint64_t column_count(const Table& table) {
  uint64_t columns = 0;
  for (const Row& row : table.rows) {
    for (const Cell& cell : row.cells) {
      columns = std::max(columns, uint64_t{cell.column} + std::max<uint16_t>(cell.col_span, 1));
    }
  }
  return columns;
}

bool same_texts(const Row& a, const Row& b) {
  return std::equal(a.cells.begin(), a.cells.end(), b.cells.begin(), b.cells.end(),
                    [](const Cell& x, const Cell& y) { return x.text == y.text && x.column == y.column; });
}

// How many first rows of `next` repeat the first rows of `table`.
size_t repeated_rows(const Table& table, const Table& next) {
  const size_t most = table.header_rows > 0 ? table.header_rows : 1;
  size_t same = 0;
  while (same < most && same < table.rows.size() && same < next.rows.size() &&
         same_texts(table.rows[same], next.rows[same])) {
    ++same;
  }
  return same;
}

bool continues(const Block& table, uint32_t last_page, const Block& next) {
  if (last_page == 0 || next.anchor.page != last_page + 1 || next.anchor.part != table.anchor.part) return false;
  if (column_count(table.table) != column_count(next.table)) return false;
  if (repeated_rows(table.table, next.table) > 0) return true;
  // Two different tables that happen to be as wide: the second has a header of its own.
  Table head = table.table, tail = next.table;
  guess_header_rows(head);
  guess_header_rows(tail);
  return tail.header_rows == 0;
}

// Figures, codes and dates: mostly digits, or beginning with one. "Area (km2)" is none.
bool is_number_like(std::string_view text) {
  const auto digits = static_cast<size_t>(std::count_if(text.begin(), text.end(), is_digit));
  return digits > 0 && (is_digit(text[0]) || digits * 10 >= count_code_points(text) * 3);
}

// "2023" or "2023년" may name a column.
bool is_year(std::string_view text) {
  const bool four = text.size() >= 4 && (text.starts_with("19") || text.starts_with("20")) && is_digit(text[2]) && is_digit(text[3]);
  return four && (text.size() == 4 || text.substr(4) == "년");
}

bool is_known_label(std::string_view text) {
  static constexpr std::string_view kLabels[] = {
      "구분", "항목", "내용", "비고", "번호", "순번", "연번", "품번", "품명", "수량", "단위", "단가", "금액", "일자", "날짜",
      "담당", "담당자", "부서", "성명", "이름", "규격", "기준", "방법", "주기", "결과", "판정", "조치", "원인", "설비", "공정",
      "no", "no.", "item", "name", "description", "date", "quantity", "qty", "unit", "remarks", "value", "type",
      "result", "owner", "status", "id", "price", "amount", "note", "notes"};
  const std::string lower = ascii_lower(trim(text));
  return std::find(std::begin(kLabels), std::end(kLabels), lower) != std::end(kLabels);
}

bool could_be_header(const Row& row, size_t& known) {
  std::vector<std::string_view> seen;
  size_t empty = 0;
  for (const Cell& cell : row.cells) {
    if (cell.text.empty()) {
      ++empty;
      continue;
    }
    const bool year = &cell != row.cells.data() && is_year(cell.text);
    if ((is_number_like(cell.text) && !year) || count_code_points(cell.text) > kMaxHeaderLabel) return false;
    if (std::find(seen.begin(), seen.end(), cell.text) != seen.end()) return false;
    seen.push_back(cell.text);
    known += is_known_label(cell.text);
  }
  return seen.size() >= 2 && empty <= 1;
}

// Whether the rows below hold figures, or texts much longer than the first row's.
bool body_differs(const Table& table) {
  size_t figures = 0, cells = 0, length = 0, head_length = 0;
  const size_t end = std::min(table.rows.size(), 1 + kHeaderSampleRows);
  for (size_t r = 1; r < end; ++r) {
    bool first = true;
    for (const Cell& cell : table.rows[r].cells) {
      // The first column often numbers or names the rows in any kind of table, so it says less.
      if (!first || table.rows[r].cells.size() < 3) figures += is_number_like(cell.text);
      first = false;
      cells += !cell.text.empty();
      length += count_code_points(cell.text);
    }
  }
  for (const Cell& cell : table.rows[0].cells) head_length += count_code_points(cell.text);
  if (cells == 0) return false;
  const size_t head_mean = head_length / std::max<size_t>(table.rows[0].cells.size(), 1);
  return figures * 4 >= cells || length / cells >= 3 * std::max<size_t>(head_mean, 4);
}

using Headings = std::vector<std::pair<uint8_t, std::string>>;

void append_path(std::string& path, const Headings& headings) {
  for (const auto& [level, text] : headings) {
    if (!path.empty()) path += " › ";
    path += text;
  }
}

// The one heading above all others that only repeats the title: naming it in every path would say nothing.
size_t title_heading(const Document& document) {
  size_t first = document.blocks.size();
  for (size_t i = 0; i < document.blocks.size(); ++i) {
    const Block& block = document.blocks[i];
    if (block.kind != BlockKind::kHeading || !block.anchor.part.empty()) continue;
    if (first == document.blocks.size()) {
      if (collapse_spaces(block.text) != collapse_spaces(document.meta.title)) return first;
      first = i;
    } else if (block.level <= document.blocks[first].level) {
      return document.blocks.size();
    }
  }
  return first;
}

}  // namespace

std::optional<ArticleNumber> article_number(std::string_view text) {
  ArticleNumber out;
  size_t i = 0;
  const auto skip_spaces = [&] { while (i < text.size() && text[i] == ' ') ++i; };
  const auto digits = [&](uint32_t& value) {
    const size_t start = i;
    for (; i < text.size() && is_digit(text[i]) && i - start < 5; ++i) {
      value = value * 10 + static_cast<uint32_t>(text[i] - '0');
    }
    return i > start;
  };
  if (!text.starts_with("제")) return {};
  i = std::string_view("제").size();
  skip_spaces();
  if (!digits(out.number)) return {};
  skip_spaces();
  if (i >= text.size()) return {};
  out.unit = decode_utf8(text, i);
  if (out.unit != U'편' && out.unit != U'장' && out.unit != U'절' && out.unit != U'관' && out.unit != U'조') {
    return {};
  }
  out.size = i;
  skip_spaces();
  if (text.substr(i).starts_with("의")) {
    i += std::string_view("의").size();
    skip_spaces();
    if (digits(out.branch)) out.size = i;
  }
  return out;
}

void infer_articles(Document& document) {
  uint8_t supplement_level = 2;  // one below a heading "부칙" that gathers them all
  std::vector<Block> blocks;
  blocks.reserve(document.blocks.size());
  std::vector<uint32_t> moved(document.blocks.size());
  for (size_t i = 0; i < document.blocks.size(); ++i) {
    Block& block = document.blocks[i];
    if (is_supplement(block.text)) {
      if (block.kind == BlockKind::kHeading) supplement_level = static_cast<uint8_t>(std::min(block.level + 1, 5));
      if (block.kind == BlockKind::kParagraph) block.kind = BlockKind::kHeading, block.level = supplement_level;
    }
    auto parts = block.kind == BlockKind::kParagraph ? split_paragraph(block.text) : std::nullopt;
    if (parts && parts->heading.size() == block.text.size()) take_title(document, i, *parts);
    if (parts) {
      Block heading;
      heading.kind = BlockKind::kHeading;
      heading.level = parts->level;
      heading.text = std::move(parts->heading);
      heading.anchor = block.anchor;
      blocks.push_back(std::move(heading));
      block.text = std::move(parts->rest);
    }
    if (block.kind == BlockKind::kTable || !block.text.empty()) blocks.push_back(std::move(block));
    moved[i] = static_cast<uint32_t>(blocks.empty() ? 0 : blocks.size() - 1);
  }
  document.blocks = std::move(blocks);
  for (Hyperlink& link : document.links) {
    if (link.block < moved.size()) link.block = moved[link.block];
  }
}

void join_tables(Document& document) {
  size_t open = SIZE_MAX;  // the table that may go on
  uint32_t last_page = 0;  // the page it reached
  for (size_t i = 0; i < document.blocks.size(); ++i) {
    Block& block = document.blocks[i];
    if (block.kind == BlockKind::kHeader || block.kind == BlockKind::kFooter) continue;
    if (block.kind != BlockKind::kTable) {
      open = SIZE_MAX;
      continue;
    }
    if (open == SIZE_MAX || !continues(document.blocks[open], last_page, block)) {
      open = i;
      last_page = block.anchor.page;
      continue;
    }
    Table& table = document.blocks[open].table;
    const size_t repeated = repeated_rows(table, block.table);
    table.header_rows = std::max(table.header_rows, static_cast<uint32_t>(repeated));
    table.rows.insert(table.rows.end(),
                      std::make_move_iterator(block.table.rows.begin() + static_cast<std::ptrdiff_t>(repeated)),
                      std::make_move_iterator(block.table.rows.end()));
    last_page = block.anchor.page;
    block.table.rows.clear();
    for (Hyperlink& link : document.links) {
      if (link.block == i) link.block = static_cast<uint32_t>(open);
    }
  }
  drop_empty_blocks(document);
}

void guess_header_rows(Table& table) {
  if (table.header_rows > 0 || table.rows.size() < 2) return;
  size_t known = 0;
  const Row& first = table.rows[0];
  if (!could_be_header(first, known)) return;
  const bool all_known = known == first.cells.size() || (first.cells.size() >= 3 && known + 1 >= first.cells.size());
  if (!all_known && (first.cells.size() < 3 ? true : !body_differs(table))) {
    if (first.cells.size() != 2 || table.rows.size() < 3 || !body_differs(table)) return;
    // Two columns are as often "name | value" pairs: the first column's cells below must be no labels.
    if (!is_number_like(table.rows[1].cells.empty() ? "" : table.rows[1].cells[0].text) &&
        !is_number_like(table.rows[2].cells.empty() ? "" : table.rows[2].cells[0].text)) {
      return;
    }
  }
  uint32_t header_rows = 1;
  for (const Cell& cell : first.cells) header_rows = std::max<uint32_t>(header_rows, cell.row_span);
  table.header_rows = header_rows < table.rows.size() ? header_rows : 1;
}

void set_paths(Document& document) {
  std::map<std::string, Headings> flows;  // headings above, for the main flow ("") and each part
  const size_t title = title_heading(document);
  for (size_t i = 0; i < document.blocks.size(); ++i) {
    Block& block = document.blocks[i];
    block.anchor.path.clear();
    if (block.kind == BlockKind::kHeader || block.kind == BlockKind::kFooter || i == title) continue;
    Headings& headings = flows[block.anchor.part];
    if (block.kind == BlockKind::kHeading) {
      while (!headings.empty() && headings.back().first >= block.level) headings.pop_back();
    }
    // A text box or note belongs under the main flow's headings; an attached file has only its own.
    const bool apart = block.anchor.part.empty() || block.anchor.part.starts_with("attachment");
    if (!apart) append_path(block.anchor.path, flows[""]);
    append_path(block.anchor.path, headings);
    if (block.kind == BlockKind::kHeading) {
      headings.emplace_back(block.level, shorten(collapse_spaces(block.text), kMaxPathHeading));
    }
  }
}

}  // namespace sillok::documents
