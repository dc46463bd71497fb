// CSV (RFC 4180) with any of the usual separators. One table, cut into pieces so that a passage
// stays small; each piece repeats the header, and every row knows its line.
#include <algorithm>

#include "documents/reader.h"

namespace sillok::documents {
namespace {

constexpr size_t kRowsPerBlock = 200;  // a screenful or ten; the header is repeated in each
constexpr size_t kMaxColumns = 4096;   // a spreadsheet's limit is 16,384; nobody reads that in rows
constexpr size_t kProbeRecords = 30;   // for telling the separator
constexpr std::string_view kSeparators = ",\t;|";

// Cuts records off the front of a text. Quotes may hold separators, line ends and doubled quotes.
class CsvReader {
 public:
  CsvReader(std::string_view text, char separator) : rest_(text), separator_(separator) {}

  bool next(Row& row) {
    row = Row{};
    if (rest_.empty()) return false;
    row.line = line_;
    for (bool more = true; more;) {
      Cell cell;
      more = field(cell.text);
      cell.column = static_cast<uint32_t>(row.cells.size());
      if (row.cells.size() < kMaxColumns)
        row.cells.push_back(std::move(cell));
      else
        overflow_ = true;
    }
    return true;
  }
  bool overflow() const { return overflow_; }

 private:
  char peek() const { return rest_.empty() ? '\0' : rest_[0]; }

  // True if another field follows in this record.
  bool field(std::string& out) {
    if (peek() == '"') quoted(out);
    const size_t end = std::min(rest_.find_first_of(separator_ == '\t'  ? "\t\n"
                                                    : separator_ == ',' ? ",\n"
                                                    : separator_ == ';' ? ";\n"
                                                                        : "|\n"),
                                rest_.size());
    out += rest_.substr(0, end);
    rest_.remove_prefix(end);
    out = std::string(trim(out));
    if (rest_.empty()) return false;
    const bool more = rest_[0] == separator_;
    if (!more) ++line_;
    rest_.remove_prefix(1);
    return more;
  }

  void quoted(std::string& out) {
    rest_.remove_prefix(1);
    for (;;) {
      const size_t quote = rest_.find('"');
      const std::string_view part = rest_.substr(0, quote);
      out += part;
      line_ += static_cast<uint32_t>(std::count(part.begin(), part.end(), '\n'));
      rest_.remove_prefix(quote == std::string_view::npos ? rest_.size() : quote + 1);
      if (peek() != '"' || quote == std::string_view::npos) return;
      out += '"';  // A doubled quote.
      rest_.remove_prefix(1);
    }
  }

  std::string_view rest_;
  char separator_;
  uint32_t line_ = 1;
  bool overflow_ = false;
};

// The separator that gives the most fields in records of the most equal length.
char find_separator(std::string_view text) {
  char best = ',';
  double best_score = 0;
  for (const char separator : kSeparators) {
    CsvReader reader(text, separator);
    Row row;
    std::vector<size_t> widths;
    while (widths.size() < kProbeRecords && reader.next(row)) widths.push_back(row.cells.size());
    if (widths.empty()) continue;
    std::vector<size_t> sorted = widths;
    std::nth_element(sorted.begin(), sorted.begin() + static_cast<long>(sorted.size() / 2),
                     sorted.end());
    const size_t typical = sorted[sorted.size() / 2];
    const auto agreeing = static_cast<double>(std::count(widths.begin(), widths.end(), typical));
    const double score = typical < 2
                             ? 0
                             : agreeing / static_cast<double>(widths.size()) +
                                   0.01 * static_cast<double>(std::min<size_t>(typical, 20));
    if (score > best_score) {
      best_score = score;
      best = separator;
    }
  }
  return best;
}

bool is_number(std::string_view text) {
  text = trim(text);
  return !text.empty() && text.find_first_not_of("0123456789.,+-%eE ") == std::string_view::npos &&
         text.find_first_of("0123456789") != std::string_view::npos;
}

bool is_blank(const Row& row) {
  return std::all_of(row.cells.begin(), row.cells.end(),
                     [](const Cell& cell) { return cell.text.empty(); });
}

// A header names the columns: several cells, none of them a number.
bool is_header(const Row& row) {
  size_t named = 0;
  for (const Cell& cell : row.cells) {
    if (is_number(cell.text)) return false;
    named += !cell.text.empty();
  }
  return named > 0 && named * 2 >= row.cells.size() && (named > 1 || row.cells.size() == 1);
}

void add_lone_line(Document& document, const Row& row) {
  Block block;
  for (const Cell& cell : row.cells) block.text += cell.text;
  block.anchor.line = row.line;
  document.blocks.push_back(std::move(block));
}

Block new_piece(const std::vector<Row>& header) {
  Block block;
  block.kind = BlockKind::kTable;
  block.table.rows = header;
  block.table.header_rows = static_cast<uint32_t>(header.size());
  return block;
}

}  // namespace

Result<Document> read_csv(const Source& source, Budget& budget) {
  std::string text = decode_text(source.bytes);
  SILLOK_TRY(budget.charge(text.size()));
  Document document;
  document.meta.format = "csv";
  // Excel's own line: it names the separator and is no data.
  char separator = 0;
  uint32_t skipped = 0;
  std::string_view body = text;
  if (starts_with_nocase(body, "sep=") && body.size() > 5 && body[5] == '\n') {
    separator = body[4];
    body.remove_prefix(6);
    skipped = 1;
  }
  if (kSeparators.find(separator) == std::string_view::npos || separator == 0)
    separator = find_separator(body);
  CsvReader reader(body, separator);
  std::vector<Row> header;
  Block piece = new_piece(header);
  Row row;
  bool begun = false;
  while (reader.next(row)) {
    row.line += skipped;
    if (is_blank(row)) continue;
    const auto filled = std::count_if(row.cells.begin(), row.cells.end(),
                                      [](const Cell& c) { return !c.text.empty(); });
    // A title line before the table, as spreadsheets export it.
    if (!begun && row.cells.size() > 1 && filled == 1 && !is_number(row.cells[0].text) &&
        !row.cells[0].text.empty()) {
      add_lone_line(document, row);
      continue;
    }
    if (!begun && is_header(row)) {
      header = {row};
      piece = new_piece(header);
      piece.anchor.line = row.line;
      begun = true;
      continue;
    }
    begun = true;
    if (piece.anchor.line == 0) piece.anchor.line = row.line;
    piece.table.rows.push_back(std::move(row));
    if (piece.table.rows.size() >= kRowsPerBlock + header.size()) {
      document.blocks.push_back(std::move(piece));
      piece = new_piece(header);
    }
  }
  if (reader.overflow())
    return fail(ErrorCode::kLimit,
                "a row has more than " + std::to_string(kMaxColumns) + " columns");
  const bool only_header = !header.empty() && document.blocks.empty();
  if (piece.table.rows.size() > header.size() || only_header)
    document.blocks.push_back(std::move(piece));
  return document;
}

}  // namespace sillok::documents
