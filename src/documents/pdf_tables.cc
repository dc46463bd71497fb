// Tables of a PDF page, which knows only lines and placed words.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "documents/pdf_layout.h"

namespace sillok::documents {
namespace {

constexpr double kSnap = 2.5;           // points within which two rules are one, and a corner is closed
constexpr size_t kMaxUnits = 40'000;    // grid places of one table
constexpr double kMinFill = 0.15;       // of cells with text; drawings have fewer
constexpr double kColumnGap = 1.2;      // of the font size: wider gaps part cells, narrower ones words
constexpr double kMaxRowStep = 2.4;     // of the font size, between lines of one table without rules
constexpr size_t kMinAlignedRows = 3;   // fewer may align by chance
constexpr double kMaxCellLength = 25;   // mean code points of a cell without rules; longer is prose in columns

using Words = std::vector<const PdfWord*>;

Words upright_words(const PdfPage& page) {
  Words words;
  for (const PdfLine& line : page.lines) {
    if (line.kind != BlockKind::kParagraph) continue;
    for (const PdfWord& word : line.words) {
      if (!word.turned) words.push_back(&word);
    }
  }
  return words;
}

// Words as rows of words, top down, left to right.
std::vector<Words> rows_of(Words words) {
  std::sort(words.begin(), words.end(), [](const PdfWord* a, const PdfWord* b) {
    return std::make_pair(a->box.center_y(), a->box.x0) < std::make_pair(b->box.center_y(), b->box.x0);
  });
  std::vector<Words> rows;
  double y = 0;
  for (const PdfWord* word : words) {
    if (rows.empty() || word->box.center_y() - y > 0.45 * std::max(word->size, 4.0)) {
      rows.emplace_back();
      y = word->box.center_y();
    }
    rows.back().push_back(word);
  }
  for (Words& row : rows) {
    std::sort(row.begin(), row.end(), [](const PdfWord* a, const PdfWord* b) { return a->box.x0 < b->box.x0; });
  }
  return rows;
}

std::string text_of_row(const Words& row) {
  std::string out;
  for (size_t i = 0; i < row.size(); ++i) {
    out += row[i]->text;
    if (i + 1 < row.size() && (row[i]->space_after || row[i + 1]->box.x0 - row[i]->box.x1 > 0.1 * row[i]->size)) {
      out += ' ';
    }
  }
  return out;
}

// `width` of the cell, 0 if unknown: lines that fill it may have been cut within a word.
std::string text_of_cell(const Words& words, double width, const PdfStyle& style) {
  std::string out;
  const Words* last = nullptr;
  const std::vector<Words> rows = rows_of(words);
  for (const Words& row : rows) {
    const std::string line = text_of_row(row);
    if (last != nullptr) {
      const PdfWord& end = *last->back();
      const bool full = width > 0 && end.box.x1 - last->front()->box.x0 > width - 2.2 * end.size;
      const std::string between = item_marker_size(line) > 0 ? "\n" : style.joint(out, end, full, line);
      out += between;
    }
    out += line;
    last = &row;
  }
  return out;
}

// ---------------------------------------------------------------------------------------------
// Ruled tables

// Rules of one direction: `at` across it, `from`..`to` along it.
struct Rule {
  double at, from, to;
};

std::vector<Rule> merged(std::vector<Rule> rules) {
  std::sort(rules.begin(), rules.end(), [](const Rule& a, const Rule& b) {
    return std::make_pair(a.at, a.from) < std::make_pair(b.at, b.from);
  });
  std::vector<Rule> out;
  for (size_t start = 0; start < rules.size();) {
    // Those at one place, however many short pieces they come in.
    size_t end = start;
    while (end < rules.size() && rules[end].at - rules[start].at <= kSnap) ++end;
    std::sort(rules.begin() + static_cast<std::ptrdiff_t>(start), rules.begin() + static_cast<std::ptrdiff_t>(end),
              [](const Rule& a, const Rule& b) { return a.from < b.from; });
    const size_t first = out.size();
    for (size_t i = start; i < end; ++i) {
      if (out.size() > first && rules[i].from <= out.back().to + kSnap) {
        out.back().to = std::max(out.back().to, rules[i].to);
      } else {
        out.push_back({rules[start].at, rules[i].from, rules[i].to});
      }
    }
    start = end;
  }
  return out;
}

bool cross(const Rule& horizontal, const Rule& vertical) {
  return vertical.at >= horizontal.from - kSnap && vertical.at <= horizontal.to + kSnap &&
         horizontal.at >= vertical.from - kSnap && horizontal.at <= vertical.to + kSnap;
}

struct Frame {
  std::vector<Rule> horizontal, vertical;
};

// Rules that touch one another.
std::vector<Frame> frames_of(const PdfPage& page) {
  std::vector<Rule> horizontal, vertical;
  for (const PdfBox& rule : page.rules) {
    if (rule.height() == 0) {
      horizontal.push_back({rule.y0, rule.x0, rule.x1});
    } else {
      vertical.push_back({rule.x0, rule.y0, rule.y1});
    }
  }
  horizontal = merged(std::move(horizontal));
  vertical = merged(std::move(vertical));
  if (horizontal.size() * vertical.size() > 4'000'000) return {};  // a drawing
  std::vector<size_t> parent(horizontal.size() + vertical.size());
  std::iota(parent.begin(), parent.end(), size_t{0});
  const auto root = [&](size_t i) {
    while (parent[i] != i) i = parent[i] = parent[parent[i]];
    return i;
  };
  for (size_t h = 0; h < horizontal.size(); ++h) {
    for (size_t v = 0; v < vertical.size(); ++v) {
      if (cross(horizontal[h], vertical[v])) parent[root(h)] = root(horizontal.size() + v);
    }
  }
  std::map<size_t, Frame> frames;
  for (size_t h = 0; h < horizontal.size(); ++h) frames[root(h)].horizontal.push_back(horizontal[h]);
  for (size_t v = 0; v < vertical.size(); ++v) frames[root(horizontal.size() + v)].vertical.push_back(vertical[v]);
  std::vector<Frame> out;
  for (auto& [key, frame] : frames) out.push_back(std::move(frame));
  return out;
}

// Distinct places of rules, with the far ends of the crossing rules where the side is left open.
std::vector<double> places(const std::vector<Rule>& rules, const std::vector<Rule>& crossing) {
  std::vector<double> out;
  for (const Rule& rule : rules) out.push_back(rule.at);
  for (const Rule& rule : crossing) {
    out.push_back(rule.from);
    out.push_back(rule.to);
  }
  std::sort(out.begin(), out.end());
  // Ends of crossing rules stick out by a pen's width: within twice the snap they belong to the rule.
  out.erase(std::unique(out.begin(), out.end(), [](double a, double b) { return b - a <= 2 * kSnap; }), out.end());
  return out;
}

bool drawn(const std::vector<Rule>& rules, double at, double middle) {
  return std::any_of(rules.begin(), rules.end(), [&](const Rule& rule) {
    return std::abs(rule.at - at) <= 2 * kSnap && rule.from <= middle && rule.to >= middle;
  });
}

class RuledTable {
 public:
  explicit RuledTable(const Frame& frame)
      : frame_(&frame), xs_(places(frame.vertical, frame.horizontal)), ys_(places(frame.horizontal, frame.vertical)) {}

  bool is_grid() const {
    return columns() >= 2 && rows() >= 1 && columns() * rows() <= kMaxUnits && xs_.size() >= 2 && ys_.size() >= 2;
  }
  PdfBox box() const { return {xs_.front(), ys_.front(), xs_.back(), ys_.back()}; }

  // Empty if what the rules enclose is no table.
  Table fill(const Words& words, const PdfStyle& style) const {
    std::vector<Words> units(rows() * columns());
    size_t held = 0;
    for (const PdfWord* word : words) {
      if (!box().holds(word->box.center_x(), word->box.center_y())) continue;
      units[index_of(ys_, word->box.center_y()) * columns() + index_of(xs_, word->box.center_x())].push_back(word);
      ++held;
    }
    if (held < 2) return {};
    Table table;
    std::vector<bool> taken(units.size(), false);
    size_t cells = 0, filled = 0;
    for (size_t r = 0; r < rows(); ++r) {
      Row row;
      for (size_t c = 0; c < columns(); ++c) {
        if (taken[r * columns() + c]) continue;
        row.cells.push_back(take_cell(r, c, units, taken, style));
        ++cells;
        filled += !row.cells.back().text.empty();
      }
      table.rows.push_back(std::move(row));
    }
    if (filled < 2 || static_cast<double>(filled) < kMinFill * static_cast<double>(cells)) return {};
    table = drop_empty_rows(std::move(table));
    // Two boxes side by side are a form's fields more often than a table.
    if (table.rows.size() == 1 && filled < 3) return {};
    return table;
  }

 private:
  size_t rows() const { return ys_.empty() ? 0 : ys_.size() - 1; }
  size_t columns() const { return xs_.empty() ? 0 : xs_.size() - 1; }

  static size_t index_of(const std::vector<double>& places, double at) {
    const auto after = std::upper_bound(places.begin(), places.end(), at);
    const auto index = static_cast<size_t>(after - places.begin());
    return std::clamp<size_t>(index, 1, places.size() - 1) - 1;
  }
  bool wall_right(size_t r, size_t c) const {
    return c + 1 >= columns() || drawn(frame_->vertical, xs_[c + 1], (ys_[r] + ys_[r + 1]) / 2);
  }
  bool wall_below(size_t r, size_t c) const {
    return r + 1 >= rows() || drawn(frame_->horizontal, ys_[r + 1], (xs_[c] + xs_[c + 1]) / 2);
  }

  // The cell that starts at a place: as far right, then down, as no rule parts it.
  Cell take_cell(size_t r, size_t c, const std::vector<Words>& units, std::vector<bool>& taken,
                 const PdfStyle& style) const {
    size_t right = c, bottom = r;
    while (!wall_right(r, right) && !taken[r * columns() + right + 1]) ++right;
    const auto open_below = [&] {
      if (bottom + 1 >= rows()) return false;
      for (size_t x = c; x <= right; ++x) {
        if (wall_below(bottom, x) || (x < right && wall_right(bottom + 1, x))) return false;
      }
      return true;
    };
    while (open_below()) ++bottom;
    Words words;
    for (size_t y = r; y <= bottom; ++y) {
      for (size_t x = c; x <= right; ++x) {
        taken[y * columns() + x] = true;
        const Words& unit = units[y * columns() + x];
        words.insert(words.end(), unit.begin(), unit.end());
      }
    }
    Cell cell;
    cell.column = static_cast<uint32_t>(c);
    cell.col_span = static_cast<uint16_t>(std::min<size_t>(right - c + 1, UINT16_MAX));
    cell.row_span = static_cast<uint16_t>(std::min<size_t>(bottom - r + 1, UINT16_MAX));
    cell.text = text_of_cell(words, xs_[right + 1] - xs_[c], style);
    return cell;
  }

  // Double rules leave thin rows without text. Only unmerged ones may go: spans count rows.
  static Table drop_empty_rows(Table table) {
    bool merged_down = false;
    for (const Row& row : table.rows) {
      for (const Cell& cell : row.cells) merged_down |= cell.row_span > 1;
    }
    if (merged_down) return table;
    std::erase_if(table.rows, [](const Row& row) {
      return std::all_of(row.cells.begin(), row.cells.end(), [](const Cell& cell) { return cell.text.empty(); });
    });
    return table;
  }

  const Frame* frame_;  // outlives this
  std::vector<double> xs_, ys_;
};

// ---------------------------------------------------------------------------------------------
// Tables by alignment alone

struct Segment {
  PdfBox box;
  Words words;
  std::string text;
};
using Segments = std::vector<Segment>;

Segments segments_of(const Words& row) {
  Segments out;
  for (const PdfWord* word : row) {
    const bool apart = out.empty() || word->box.x0 - out.back().box.x1 > kColumnGap * word->size;
    if (apart) out.push_back({word->box, {}, {}});
    out.back().words.push_back(word);
    out.back().box.add(word->box);
  }
  for (Segment& segment : out) segment.text = text_of_row(segment.words);
  return out;
}

// White gaps that run through all rows part the columns: their left and right ends.
std::vector<PdfBox> columns_of(const std::vector<Segments>& rows, double size) {
  std::vector<PdfBox> boxes;
  for (const Segments& row : rows) {
    for (const Segment& segment : row) boxes.push_back(segment.box);
  }
  std::sort(boxes.begin(), boxes.end(), [](const PdfBox& a, const PdfBox& b) { return a.x0 < b.x0; });
  std::vector<PdfBox> columns;
  for (const PdfBox& box : boxes) {
    if (columns.empty() || box.x0 - columns.back().x1 > 0.6 * size) {
      columns.push_back(box);
    } else {
      columns.back().add(box);
    }
  }
  return columns;
}

size_t column_index(const std::vector<PdfBox>& columns, const Segment& segment) {
  for (size_t c = 0; c < columns.size(); ++c) {
    if (segment.box.center_x() <= columns[c].x1) return c;
  }
  return columns.size() - 1;
}

// Whether rows in these columns are a table beyond doubt: filled, short cells, no list and no prose.
bool convinces(const std::vector<Segments>& rows, const std::vector<PdfBox>& columns) {
  if (rows.size() < kMinAlignedRows || columns.size() < 2) return false;
  std::vector<size_t> filled(columns.size(), 0);
  std::vector<double> lengths(columns.size(), 0);
  size_t markers = 0, cells = 0;
  double length = 0;
  for (const Segments& row : rows) {
    for (const Segment& segment : row) {
      if (segment.text.find("....") != std::string::npos || segment.text.find("····") != std::string::npos) return false;
      const size_t c = column_index(columns, segment);
      const auto size = static_cast<double>(count_code_points(segment.text));
      ++filled[c];
      lengths[c] += size;
      length += size;
      ++cells;
      markers += c == 0 && item_marker_size(segment.text + " ") > segment.text.size() - 1;
    }
  }
  if (markers * 2 > rows.size() || length / static_cast<double>(cells) > kMaxCellLength) return false;
  for (const size_t count : filled) {
    if (count * 5 < rows.size() * 2) return false;
  }
  if (columns.size() > 2) return true;
  // Two columns are as often columns of prose: one of them must be short throughout.
  const double first = lengths[0] / static_cast<double>(filled[0]), second = lengths[1] / static_cast<double>(filled[1]);
  return std::min(first, second) <= 10 && filled[0] * 10 >= rows.size() * 8 && filled[1] * 10 >= rows.size() * 8;
}

PdfTable aligned_table(const std::vector<Segments>& rows, const std::vector<PdfBox>& columns, const PdfStyle& style) {
  PdfTable out;
  out.box = rows.front().front().box;
  for (const Segments& segments : rows) {
    Row row;
    std::vector<Words> cells(columns.size());
    for (const Segment& segment : segments) {
      Words& cell = cells[column_index(columns, segment)];
      cell.insert(cell.end(), segment.words.begin(), segment.words.end());
      out.box.add(segment.box);
    }
    for (size_t c = 0; c < columns.size(); ++c) {
      row.cells.push_back(Cell{text_of_cell(cells[c], 0, style), 1, 1, static_cast<uint32_t>(c)});
    }
    out.table.rows.push_back(std::move(row));
  }
  return out;
}

void find_aligned(const Words& words, const PdfStyle& style, std::vector<PdfTable>& tables) {
  std::vector<Segments> run;
  const auto end_run = [&] {
    if (run.size() >= kMinAlignedRows) {
      const std::vector<PdfBox> columns = columns_of(run, style.body_size());
      if (convinces(run, columns)) tables.push_back(aligned_table(run, columns, style));
    }
    run.clear();
  };
  double last_y = 0;
  constexpr size_t kMaxRun = 500;  // rows of a page; each looks back at all others
  for (const Words& row : rows_of(words)) {
    Segments segments = segments_of(row);
    const double y = row.front()->box.center_y();
    if (run.size() >= kMaxRun || y - last_y > kMaxRowStep * std::max(row.front()->size, 6.0)) end_run();
    last_y = y;
    if (segments.size() < 2) {
      end_run();
      continue;
    }
    // A row that bridges the gap between the columns found so far ends the table.
    if (run.size() >= kMinAlignedRows) {
      std::vector<Segments> with = run;
      with.push_back(segments);
      if (columns_of(with, style.body_size()).size() < columns_of(run, style.body_size()).size()) end_run();
    }
    run.push_back(std::move(segments));
  }
  end_run();
}

}  // namespace

std::vector<PdfTable> find_tables(const PdfPage& page, const PdfStyle& style) {
  std::vector<PdfTable> tables;
  Words words = upright_words(page);
  const auto drop_taken = [&] {
    std::erase_if(words, [&](const PdfWord* word) {
      return std::any_of(tables.begin(), tables.end(), [&](const PdfTable& table) {
        return table.box.holds(word->box.center_x(), word->box.center_y());
      });
    });
  };
  const std::vector<Frame> frames = frames_of(page);
  std::vector<RuledTable> grids;
  for (const Frame& frame : frames) {
    RuledTable ruled(frame);
    if (ruled.is_grid()) grids.push_back(std::move(ruled));
  }
  // Small before large: a table within a cell keeps its own rows.
  std::stable_sort(grids.begin(), grids.end(), [](const RuledTable& a, const RuledTable& b) {
    return a.box().width() * a.box().height() < b.box().width() * b.box().height();
  });
  for (const RuledTable& ruled : grids) {
    Table table = ruled.fill(words, style);
    if (table.rows.empty()) continue;
    tables.push_back({ruled.box(), std::move(table)});
    drop_taken();
  }
  find_aligned(words, style, tables);
  return tables;
}

}  // namespace sillok::documents
