// What a document says about itself near its top: title, number, revision, dates. Only explicit labels count;
// running text that merely mentions a date or another document's number does not.
#include <algorithm>

#include "documents/finish.h"
#include "documents/items.h"

namespace sillok::documents {
namespace {

constexpr size_t kTopBlocks = 15;       // body blocks looked at for labels
constexpr size_t kTopHeaders = 10;      // running headers looked at besides
constexpr size_t kTopRows = 12;         // rows of a table at the top
constexpr size_t kMaxLabelledLine = 200;  // bytes; longer lines are running text
constexpr size_t kMaxValue = 80;        // bytes of a document number
constexpr size_t kMaxTitle = 100;       // code points of a line taken as title

enum class FieldKind : uint8_t { kTitle, kNumber, kRevision, kFrom, kFromFallback, kPeriod };

struct Label {
  std::string_view text;  // ASCII lower case, no spaces
  FieldKind field;
};
// Longer labels stand before those they begin with.
constexpr Label kLabels[] = {
    {"문서제목", FieldKind::kTitle},     {"문서명", FieldKind::kTitle},       {"표준명", FieldKind::kTitle},
    {"제목", FieldKind::kTitle},         {"title", FieldKind::kTitle},
    {"문서번호", FieldKind::kNumber},    {"관리번호", FieldKind::kNumber},    {"표준번호", FieldKind::kNumber},
    {"documentnumber", FieldKind::kNumber}, {"documentno.", FieldKind::kNumber}, {"documentno", FieldKind::kNumber},
    {"documentid", FieldKind::kNumber},  {"doc.no.", FieldKind::kNumber},     {"doc.no", FieldKind::kNumber},
    {"docno.", FieldKind::kNumber},      {"docno", FieldKind::kNumber},
    {"개정번호", FieldKind::kRevision},  {"개정차수", FieldKind::kRevision},  {"개정판", FieldKind::kRevision},
    {"revision", FieldKind::kRevision},  {"rev.no.", FieldKind::kRevision},   {"rev.", FieldKind::kRevision},
    {"rev", FieldKind::kRevision},
    {"시행일자", FieldKind::kFrom},      {"시행일", FieldKind::kFrom},        {"적용일자", FieldKind::kFrom},
    {"적용일", FieldKind::kFrom},        {"발효일자", FieldKind::kFrom},      {"발효일", FieldKind::kFrom},
    {"effectivedate", FieldKind::kFrom}, {"effectivefrom", FieldKind::kFrom}, {"dateeffective", FieldKind::kFrom},
    {"개정일자", FieldKind::kFromFallback}, {"개정일", FieldKind::kFromFallback},
    {"revisiondate", FieldKind::kFromFallback},
    {"유효기간", FieldKind::kPeriod},    {"적용기간", FieldKind::kPeriod},    {"validuntil", FieldKind::kPeriod},
};

std::string without_spaces(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != ' ' && c != '\n') out += c;
  }
  return out;
}

// The date at the front of text ("2024. 3. 1.부터"), and how many bytes it takes.
std::optional<std::pair<Day, size_t>> date_at_front(std::string_view text) {
  size_t i = 0, parts = 0, end = 0;
  const auto digits = [&](size_t most) {
    const size_t start = i;
    while (i < text.size() && is_digit(text[i]) && i - start < most) ++i;
    return i - start;
  };
  const auto spaces = [&] { while (i < text.size() && text[i] == ' ') ++i; };
  static constexpr std::string_view kUnits[] = {"년", "월", "일"};
  while (parts < 3) {
    const size_t count = digits(parts == 0 ? 8 : 2);
    if (parts == 0 && count == 8) {
      parts = 3;
      end = i;
      break;
    }
    if (parts == 0 ? count != 4 : count == 0) break;
    end = i;
    spaces();
    if (text.substr(i).starts_with(kUnits[parts])) {
      i += kUnits[parts].size();
      end = i;
    } else if (i < text.size() && (text[i] == '.' || text[i] == '-' || text[i] == '/') && parts < 2) {
      ++i;
    } else if (parts < 2) {
      break;
    }
    ++parts;
    if (parts < 3) spaces();
  }
  if (parts != 3) return {};
  const auto day = parse_day(text.substr(0, end));
  if (!day) return {};
  if (end < text.size() && text[end] == '.') ++end;
  return std::make_pair(*day, end);
}

class Fields {
 public:
  explicit Fields(Metadata& meta) : meta_(meta) {}

  // A line "문서번호: WS-102", or several of them separated by bars, tabs' remains or wide gaps.
  void read_line(std::string_view line) {
    if (line.empty() || line.size() > kMaxLabelledLine) return;
    read_issue_line(line);
    for (const std::string& segment : segments(line)) read_segment(segment);
  }

  void read_table(const Table& table) {
    const size_t rows = std::min(table.rows.size(), kTopRows);
    for (size_t r = 0; r < rows; ++r) {
      const auto& cells = table.rows[r].cells;
      for (size_t c = 0; c < cells.size(); ++c) {
        const Label* label = exact_label(cells[c].text);
        if (label == nullptr) {
          for (const std::string_view line : split(cells[c].text, '\n')) read_line(line);
          continue;
        }
        const bool labels_beside = c + 1 < cells.size() && exact_label(cells[c + 1].text) != nullptr;
        if (c + 1 < cells.size() && !labels_beside) {
          set(label->field, cells[c + 1].text);
        } else if (r + 1 < rows) {
          set_from_below(label->field, table.rows[r + 1], cells[c].column);
        }
      }
    }
  }

  const std::string& title() const { return title_; }

  void store() {
    if (meta_.document_number.empty()) meta_.document_number = number_;
    if (meta_.revision.empty()) meta_.revision = revision_;
    if (meta_.effective_from.empty()) meta_.effective_from = from_.empty() ? fallback_ : from_;
    if (meta_.effective_to.empty()) meta_.effective_to = to_;
  }

 private:
  static const Label* exact_label(std::string_view text) {
    std::string plain = ascii_lower(without_spaces(text));
    while (plain.ends_with(':')) plain.pop_back();
    if (plain.ends_with("：")) plain.resize(plain.size() - std::string_view("：").size());
    for (const Label& label : kLabels) {
      if (plain == label.text) return &label;
    }
    return nullptr;
  }

  static std::vector<std::string> segments(std::string_view line) {
    std::vector<std::string> out;
    for (const std::string_view part : split(line, '|')) {
      size_t start = 0;
      for (size_t gap; (gap = part.find("   ", start)) != std::string_view::npos;) {
        out.emplace_back(trim(part.substr(start, gap - start)));
        start = std::min(part.find_first_not_of(' ', gap), part.size());
      }
      out.emplace_back(trim(part.substr(start)));
    }
    return out;
  }

  // "label: value", or label and value of a kind whose value proves itself ("시행일 2024. 3. 1.", "Rev. C").
  void read_segment(std::string_view segment) {
    while (!segment.empty() && (segment[0] == '[' || segment[0] == '-' || segment[0] == '*')) {
      segment = trim(segment.substr(1));
    }
    for (const std::string_view bullet : {"○ ", "□ ", "ㅇ ", "• ", "· "}) {
      if (segment.starts_with(bullet)) segment = trim(segment.substr(bullet.size()));
    }
    size_t colon = segment.find(':'), colon_size = 1;
    if (const size_t wide = segment.find("："); wide < colon) {
      colon = wide;
      colon_size = std::string_view("：").size();
    }
    if (colon != std::string_view::npos) {
      if (const Label* label = exact_label(segment.substr(0, colon)); label != nullptr) {
        set(label->field, segment.substr(colon + colon_size));
        return;
      }
    }
    read_bare_segment(segment);
  }

  void read_bare_segment(std::string_view segment) {
    for (const Label& label : kLabels) {
      const bool dated = label.field == FieldKind::kFrom || label.field == FieldKind::kFromFallback;
      if (!dated || !segment.starts_with(label.text)) continue;
      const std::string_view value = trim(segment.substr(label.text.size()));
      const auto date = date_at_front(value);
      // "시행일 2024. 3. 1.부터 30일 이내에 ..." is a sentence; a label's value ends its line.
      if (date && value.size() - date->second <= 2) set(label.field, value);
      return;
    }
    // "제목  예산 알림": official letters set the title apart by a gap.
    static constexpr std::string_view kLetterTitle = "제목  ";
    if (segment.starts_with(kLetterTitle)) set(FieldKind::kTitle, segment.substr(kLetterTitle.size()));
    read_revision_word(segment);
  }

  // "개정 3판", "제3판", "Rev. C", "Rev.3" standing alone.
  void read_revision_word(std::string_view segment) {
    const std::string plain = without_spaces(segment);
    if (starts_with_nocase(plain, "rev.") || starts_with_nocase(plain, "rev")) {
      const std::string_view value = trim(segment.substr(segment[3 < segment.size() ? 3 : 0] == '.' ? 4 : 3));
      const bool word = !value.empty() && value.size() <= 6 && segment.size() > 3 &&
                        (segment[3] == '.' || segment[3] == ' ' || is_digit(segment[3])) &&
                        std::all_of(value.begin(), value.end(), [](char c) {
                          return is_digit(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '-';
                        });
      if (word && revision_.empty()) revision_ = std::string(segment);
      return;
    }
    std::string_view rest = plain;
    for (const std::string_view prefix : {"개정", "제"}) {
      if (rest.starts_with(prefix)) rest.remove_prefix(prefix.size());
    }
    const size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
    const bool edition = rest.size() < plain.size() && digits > 0 && digits <= 3 &&
                         (rest.substr(digits) == "판" || rest.substr(digits) == "차");
    if (edition && revision_.empty()) revision_ = std::string(rest.substr(0, digits));
  }

  // The foot of an official letter, "시행 총무과-123 (2024. 3. 1.)", and the head of a statute, "[시행 2024. 3. 1.]".
  void read_issue_line(std::string_view line) {
    std::string_view text = trim(line);
    if (text.starts_with('[')) text = trim(text.substr(1));
    if (!text.starts_with("시행")) return;
    text.remove_prefix(std::string_view("시행").size());
    if (text.empty() || (text[0] != ' ' && text[0] != ':')) return;
    text = trim(text.substr(1));
    if (const auto date = date_at_front(text)) {
      const std::string_view rest = trim(text.substr(date->second));
      if (rest.empty() || rest[0] == ']' || rest[0] == ',' || rest[0] == '[') set_day(from_, date->first);
      return;
    }
    const size_t space = std::min(text.find_first_of(" ("), text.size());
    const std::string_view number = text.substr(0, space);
    const std::string_view rest = trim(text.substr(space));
    const size_t hyphen = number.rfind('-');
    if (hyphen == std::string_view::npos || hyphen + 1 >= number.size()) return;
    if (!std::all_of(number.begin() + static_cast<std::ptrdiff_t>(hyphen) + 1, number.end(), is_digit)) return;
    if (!rest.empty() && rest[0] != '(' && !rest.starts_with("접수")) return;
    set(FieldKind::kNumber, number);
    if (rest.starts_with('(')) {
      if (const auto date = date_at_front(trim(rest.substr(1)))) set_day(fallback_, date->first);
    }
  }

  static void set_day(std::string& to, Day day) {
    if (to.empty()) to = format_day(day);
  }

  void set_from_below(FieldKind field, const Row& row, uint32_t column) {
    for (const Cell& cell : row.cells) {
      if (cell.column == column) set(field, cell.text);
    }
  }

  void set(FieldKind field, std::string_view raw) {
    const std::string value = collapse_spaces(raw);
    if (value.empty() || value == "-" || value == "—") return;
    switch (field) {
      case FieldKind::kTitle:
        if (title_.empty()) title_ = value;
        return;
      case FieldKind::kNumber:
        if (number_.empty() && value.size() <= kMaxValue && !value.ends_with("다.")) number_ = value;
        return;
      case FieldKind::kRevision:
        if (revision_.empty() && value.size() <= kMaxValue / 2) revision_ = value;
        return;
      case FieldKind::kPeriod: set_period(value); return;
      case FieldKind::kFrom:
      case FieldKind::kFromFallback:
        if (const auto date = date_at_front(value)) {
          set_day(field == FieldKind::kFrom ? from_ : fallback_, date->first);
        }
        return;
    }
  }

  // "2024.1.1 ~ 2024.12.31", "2024년 12월 31일까지", "2024-01-01부터".
  void set_period(std::string_view value) {
    std::string_view rest = value;
    if (rest.starts_with('~')) rest = trim(rest.substr(1));
    const auto first = date_at_front(rest);
    if (!first) return;
    const bool open_start = rest.size() != value.size();
    rest = trim(rest.substr(first->second));
    if (open_start || rest.starts_with("까지")) {
      set_day(to_, first->first);
      return;
    }
    if (rest.empty()) {
      set_day(to_, first->first);  // a period named by one date is its end
      return;
    }
    set_day(from_, first->first);
    if (rest.starts_with("부터")) rest = trim(rest.substr(std::string_view("부터").size()));
    for (const std::string_view dash : {"~", "～", "-", "–"}) {
      if (rest.starts_with(dash)) rest = trim(rest.substr(dash.size()));
    }
    if (const auto last = date_at_front(rest)) set_day(to_, last->first);
  }

  Metadata& meta_;
  std::string title_, number_, revision_, from_, fallback_, to_;
};

// A title the producing program made up.
bool is_placeholder(std::string_view title) {
  const std::string lower = ascii_lower(trim(title));
  for (const std::string_view made_up : {"", "untitled", "제목 없음", "제목없음", "문서 제목", "document", "powerpoint 프레젠테이션",
                                         "powerpoint presentation", "slide 1", "null", "(anonymous)", "빈 문서 1"}) {
    if (lower == made_up) return true;
  }
  if (lower.starts_with("microsoft word - ") || lower.starts_with("microsoft powerpoint - ")) return true;
  for (const std::string_view ending : {".pdf", ".hwp", ".hwpx", ".doc", ".docx", ".ppt", ".pptx", ".xls", ".xlsx", ".indd"}) {
    if (lower.ends_with(ending)) return true;
  }
  // Word's "문서1".
  const std::string_view numbered = lower.starts_with("문서") ? std::string_view(lower).substr(6) : "x";
  return trim(numbered).find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_body(const Block& block) {
  return block.kind == BlockKind::kHeading || block.kind == BlockKind::kParagraph;
}

std::string title_from_text(const Document& document) {
  size_t seen = 0;
  std::string first_line;
  for (const Block& block : document.blocks) {
    if (!is_body(block) || !block.anchor.part.empty()) continue;
    if (++seen > kTopBlocks) break;
    const auto article = article_number(block.text);
    if (block.kind == BlockKind::kHeading && !article) return shorten(collapse_spaces(block.text), kMaxTitle);
    const std::string_view line = trim(std::string_view(block.text).substr(0, block.text.find('\n')));
    const bool title_like = !line.empty() && count_code_points(line) <= 60 && !article && !line.ends_with('.') && line[0] != '(' &&
                            line[0] != '*' &&
                            line.find(':') == std::string_view::npos;
    if (seen <= 3 && first_line.empty() && title_like) first_line = collapse_spaces(line);
  }
  return first_line;
}

}  // namespace

void infer_fields(Document& document, std::string_view fallback) {
  Fields fields(document.meta);
  size_t body = 0, headers = 0;
  for (const Block& block : document.blocks) {
    const bool running = block.kind == BlockKind::kHeader || block.kind == BlockKind::kFooter;
    if (running ? ++headers > kTopHeaders : ++body > kTopBlocks) continue;
    if (block.anchor.part.starts_with("attachment")) continue;
    if (block.kind == BlockKind::kTable) {
      fields.read_table(block.table);
    } else {
      for (const std::string_view line : split(block.text, '\n')) fields.read_line(line);
    }
  }
  fields.store();
  Metadata& meta = document.meta;
  if (!is_placeholder(meta.title)) return;
  if (!meta.title.empty()) meta.other.emplace("title", meta.title);  // as the producing program put it
  std::string title = shorten(fields.title(), kMaxTitle);
  if (title.empty()) title = title_from_text(document);
  if (title.empty()) title = clean_text(fallback);
  if (!title.empty()) meta.title = title;
}

}  // namespace sillok::documents
