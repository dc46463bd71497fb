// What needs a PDF's pages as wholes: running heads and page numbers, and the order of columns.
#include <cmath>

#include "documents/pdf_layout.h"

namespace sillok::documents {
namespace {

constexpr double kRunningZone = 0.13;      // of the page's height, at top and bottom
constexpr size_t kMaxRunning = 200;        // bytes of a running head
constexpr size_t kMinColumnLines = 5;      // on each side of a gutter
constexpr size_t kMaxAcross = 3;           // lines over the gutter besides a tenth of all: titles, a page number
constexpr double kMinColumnFill = 0.55;    // of a column's width, by its lines on average: forms fill less

std::string without_spaces(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != ' ' && c != '\n') out += c;
  }
  return out;
}

bool is_page_number(std::string_view text) {
  const std::string plain = ascii_lower(without_spaces(text));
  std::string_view rest = plain;
  for (const std::string_view prefix : {"page", "p.", "-", "–", "—", "[", "("}) {
    if (rest.starts_with(prefix)) rest.remove_prefix(prefix.size());
  }
  const size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
  if (digits == 0 || digits > 4) return false;
  rest.remove_prefix(digits);
  for (const std::string_view separator : {"/", "of"}) {
    if (!rest.starts_with(separator)) continue;
    rest.remove_prefix(separator.size());
    rest.remove_prefix(std::min(rest.find_first_not_of("0123456789"), rest.size()));
  }
  for (const std::string_view suffix : {"-", "–", "—", "]", ")", "쪽", "페이지"}) {
    if (rest.starts_with(suffix)) rest.remove_prefix(suffix.size());
  }
  return rest.empty();
}

// Digits as one sign, so that "2 / 10" and "3 / 10" are the same running line.
std::string running_shape(std::string_view text) {
  std::string out;
  for (const char c : without_spaces(text)) {
    if (!is_digit(c)) {
      out += c;
    } else if (out.empty() || out.back() != '#') {
      out += '#';
    }
  }
  return out;
}

// Where a line stands to the gutter.
enum class Side : uint8_t { kLeft, kRight, kAcross };

Side side_of(const PdfLine& line, double gutter) {
  if (line.box.x1 <= gutter) return Side::kLeft;
  return line.box.x0 >= gutter ? Side::kRight : Side::kAcross;
}

struct Columns {
  size_t left = 0, right = 0, across = 0;
  double left_width = 0, right_width = 0;  // of lines, summed
  PdfBox left_box{1e9, 1e9, 0, 0}, right_box{1e9, 1e9, 0, 0};

  bool convince() const {
    if (left < kMinColumnLines || right < kMinColumnLines || across > kMaxAcross + (left + right) / 10) return false;
    return left_width > kMinColumnFill * static_cast<double>(left) * left_box.width() &&
           right_width > kMinColumnFill * static_cast<double>(right) * right_box.width() &&
           left_box.width() < 2 * right_box.width() && right_box.width() < 2 * left_box.width();
  }
};

Columns columns_at(const PdfPage& page, double gutter) {
  Columns out;
  for (const PdfLine& line : page.lines) {
    if (line.turned || line.kind != BlockKind::kParagraph) continue;
    switch (side_of(line, gutter)) {
      case Side::kLeft:
        ++out.left;
        out.left_width += line.box.width();
        out.left_box.add(line.box);
        break;
      case Side::kRight:
        ++out.right;
        out.right_width += line.box.width();
        out.right_box.add(line.box);
        break;
      case Side::kAcross: ++out.across; break;
    }
  }
  return out;
}

}  // namespace

void mark_running_lines(std::vector<PdfPage>& pages) {
  const auto zone_of = [](const PdfPage& page, const PdfLine& line, double lowest) {
    if (!line.turned && line.box.y0 >= lowest && line.box.y0 > page.height / 2 && is_page_number(line.text())) {
      return BlockKind::kFooter;  // a page number is the last thing on its page, however wide the margin
    }
    if (line.turned) return BlockKind::kParagraph;
    if (line.box.y1 <= page.height * kRunningZone) return BlockKind::kHeader;
    if (line.box.y0 >= page.height * (1 - kRunningZone)) return BlockKind::kFooter;
    return BlockKind::kParagraph;
  };
  // How many pages have such a line at such a height.
  std::map<std::pair<std::string, long>, size_t> seen;
  const auto lowest_of = [](const PdfPage& page) {
    double lowest = 0;
    for (const PdfLine& line : page.lines) lowest = std::max(lowest, line.box.y0);
    return lowest - 1;
  };
  const auto key_of = [](const PdfLine& line, long shift) {
    return std::make_pair(running_shape(line.text()), std::lround(line.box.y0 / 6) + shift);
  };
  for (const PdfPage& page : pages) {
    const double lowest = lowest_of(page);
    for (const PdfLine& line : page.lines) {
      if (zone_of(page, line, lowest) != BlockKind::kParagraph) ++seen[key_of(line, 0)];
    }
  }
  const size_t enough = pages.size() <= 2 ? 2 : std::max<size_t>(3, pages.size() / 4);
  for (PdfPage& page : pages) {
    const double lowest = lowest_of(page);
    for (PdfLine& line : page.lines) {
      const BlockKind zone = zone_of(page, line, lowest);
      const std::string text = line.text();
      if (zone == BlockKind::kParagraph || text.size() > kMaxRunning) continue;
      size_t count = 0;
      for (const long shift : {-1, 0, 1}) {
        const auto at = seen.find(key_of(line, shift));
        if (at != seen.end()) count += at->second;
      }
      if (count >= enough || is_page_number(text)) line.kind = zone;
    }
  }
}

void order_columns(PdfPage& page) {
  // The gutter of two columns is near the middle; the place with the fewest lines across it is taken.
  constexpr int kSteps = 40;
  double gutter = 0;
  Columns best;
  for (int i = 0; i <= kSteps; ++i) {
    const double at = page.width * (0.35 + 0.3 * i / kSteps);
    const Columns columns = columns_at(page, at);
    if (!columns.convince() || (gutter > 0 && columns.across >= best.across)) continue;
    best = columns;
    gutter = at;
  }
  if (gutter == 0) return;
  // Lines across the gutter (titles, wide tables) part the page into bands; in each the left column comes first.
  std::vector<double> across;
  for (const PdfLine& line : page.lines) {
    if (!line.turned && side_of(line, gutter) == Side::kAcross) across.push_back(line.box.center_y());
  }
  std::sort(across.begin(), across.end());
  const auto place = [&](const PdfLine& line) {
    if (line.turned) return std::make_pair(SIZE_MAX, 0);
    const auto band = std::lower_bound(across.begin(), across.end(), line.box.center_y()) - across.begin();
    const Side side = side_of(line, gutter);
    return std::make_pair(static_cast<size_t>(band), side == Side::kLeft ? 0 : side == Side::kRight ? 1 : 2);
  };
  std::stable_sort(page.lines.begin(), page.lines.end(),
                   [&](const PdfLine& a, const PdfLine& b) { return place(a) < place(b); });
}

}  // namespace sillok::documents
