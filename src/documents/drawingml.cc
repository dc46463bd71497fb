#include "documents/drawingml.h"

#include <algorithm>
#include <charconv>

#include "documents/number_format.h"

namespace sillok::documents {
namespace {

constexpr int64_t kMaxSpan = 1024;         // no office program makes wider or taller cells in text
constexpr int64_t kMaxPoints = 1'048'576;  // a chart's points come from at most as many sheet rows

void add_runs(pugi::xml_node node, std::string& text) {
  for (pugi::xml_node each : node) {
    const std::string_view name = local_name(each);
    if (name == "r" || name == "fld")
      text += all_text(child(each, "t"));
    else if (name == "br")
      text += '\n';
    else if (name == "m" || name == "oMath" || name == "oMathPara")
      text += all_text(each);
    else if (name == "AlternateContent")
      add_runs(child(each, "Choice"), text);
  }
}

// A cached number as the chart shows it; what is no number stays.
std::string shown_number(const std::string& text, const std::string& format) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return text;
  return format_number(value, format, false);
}

// Texts of a chart's string or number reference by point index.
std::map<int64_t, std::string> points(pugi::xml_node data) {
  std::map<int64_t, std::string> out;
  for (const char* level : {"strRef", "numRef", "strLit", "numLit", "multiLvlStrRef"}) {
    pugi::xml_node cache = child(data, level);
    if (!cache) continue;
    const bool numeric = level[0] == 'n';
    for (const char* kind : {"strCache", "numCache", "multiLvlStrCache"}) {
      if (const pugi::xml_node inner = child(cache, kind)) cache = inner;
    }
    const std::string format = all_text(child(cache, "formatCode"));
    const auto add = [&](pugi::xml_node list) {
      for (pugi::xml_node point : list) {
        if (!is(point, "pt")) continue;
        std::string& text = out[to_number(attribute(point, "idx"), 0, 0, kMaxPoints)];
        std::string value = all_text(child(point, "v"));
        if (numeric) value = shown_number(value, format);
        text = text.empty() ? value : value + " " + text;  // outer levels come later
      }
    };
    add(cache);
    for (pugi::xml_node list : cache) {
      if (is(list, "lvl")) add(list);
    }
  }
  return out;
}

struct Series {
  std::string name;
  std::map<int64_t, std::string> categories, values;
};

void collect_chart(pugi::xml_node node, std::vector<Series>& series,
                   std::vector<std::string>& titles) {
  for (pugi::xml_node each : node) {
    const std::string_view name = local_name(each);
    if (name == "ser") {
      Series one;
      for (const auto& [index, text] : points(child(each, "tx")))
        one.name += (one.name.empty() ? "" : " ") + text;
      if (one.name.empty()) one.name = all_text(descend(each, "tx/v"));
      one.categories = points(child(each, child(each, "cat") ? "cat" : "xVal"));
      one.values = points(child(each, child(each, "val") ? "val" : "yVal"));
      series.push_back(std::move(one));
    } else if (name == "rich" || name == "txBody") {
      titles.push_back(drawing_body_text(each));
    } else {
      collect_chart(each, series, titles);
    }
  }
}

Table chart_table(const std::vector<Series>& series) {
  Table table;
  std::map<int64_t, std::string> categories;
  bool has_names = false;
  for (const Series& one : series) {
    for (const auto& [index, text] : one.categories) categories.emplace(index, text);
    for (const auto& [index, text] : one.values) categories.emplace(index, "");
    has_names = has_names || !one.name.empty();
  }
  const auto add = [&](std::string_view first, auto text_of) {
    Row row;
    row.cells.push_back(Cell{std::string(first), 1, 1, 0});
    for (const Series& one : series) {
      row.cells.push_back(Cell{text_of(one), 1, 1, static_cast<uint32_t>(row.cells.size())});
    }
    table.rows.push_back(std::move(row));
  };
  if (has_names) add("", [](const Series& one) { return one.name; });
  table.header_rows = has_names ? 1 : 0;
  for (const auto& [index, text] : categories) {
    add(text, [at = index](const Series& one) {
      const auto found = one.values.find(at);
      return found == one.values.end() ? std::string() : found->second;
    });
  }
  return table;
}

void add_diagram_points(pugi::xml_node node, const Anchor& anchor, std::vector<Block>& blocks) {
  for (pugi::xml_node each : node) {
    if (!is(each, "t")) {
      add_diagram_points(each, anchor, blocks);
      continue;
    }
    for (pugi::xml_node paragraph : each) {
      if (!is(paragraph, "p")) continue;
      std::string text = drawing_paragraph_text(paragraph);
      if (trim(text).empty()) continue;
      blocks.push_back(Block{BlockKind::kParagraph, 0, std::move(text), {}, anchor});
    }
  }
}

}  // namespace

std::string drawing_paragraph_text(pugi::xml_node paragraph) {
  std::string text;
  add_runs(paragraph, text);
  return text;
}

std::string drawing_body_text(pugi::xml_node body) {
  std::string text;
  for (pugi::xml_node paragraph : body) {
    if (!is(paragraph, "p")) continue;
    const std::string line = drawing_paragraph_text(paragraph);
    if (trim(line).empty()) continue;
    if (!text.empty()) text += '\n';
    text += line;
  }
  return text;
}

Table drawing_table(pugi::xml_node node) {
  Table table;
  for (pugi::xml_node tr : node) {
    if (!is(tr, "tr")) continue;
    Row row;
    uint32_t column = 0;
    for (pugi::xml_node tc : tr) {
      if (!is(tc, "tc")) continue;
      Cell cell;
      cell.column = column++;
      cell.text = drawing_body_text(child(tc, "txBody"));
      cell.col_span = static_cast<uint16_t>(to_number(attribute(tc, "gridSpan"), 1, 1, kMaxSpan));
      cell.row_span = static_cast<uint16_t>(to_number(attribute(tc, "rowSpan"), 1, 1, kMaxSpan));
      const bool merged = attribute(tc, "hMerge") == "1" || attribute(tc, "vMerge") == "1" ||
                          attribute(tc, "hMerge") == "true" || attribute(tc, "vMerge") == "true";
      if (!merged || !cell.text.empty()) row.cells.push_back(std::move(cell));
    }
    table.rows.push_back(std::move(row));
  }
  const std::string_view first_row = attribute(child(node, "tblPr"), "firstRow");
  if ((first_row == "1" || first_row == "true") && table.rows.size() > 1) table.header_rows = 1;
  return table;
}

std::vector<Block> chart_blocks(pugi::xml_node chart_space, const Anchor& anchor) {
  std::vector<Series> series;
  std::vector<std::string> titles;
  collect_chart(chart_space, series, titles);
  std::vector<Block> blocks;
  for (std::string& title : titles) {
    if (!trim(title).empty())
      blocks.push_back(Block{BlockKind::kCaption, 0, std::move(title), {}, anchor});
  }
  Block data{BlockKind::kTable, 0, "", chart_table(series), anchor};
  if (!data.table.rows.empty()) blocks.push_back(std::move(data));
  return blocks;
}

std::vector<Block> diagram_blocks(pugi::xml_node data_model, const Anchor& anchor) {
  std::vector<Block> blocks;
  add_diagram_points(child(data_model, "ptLst"), anchor, blocks);
  return blocks;
}

bool has_text(const Table& table) {
  return std::any_of(table.rows.begin(), table.rows.end(), [](const Row& row) {
    return std::any_of(row.cells.begin(), row.cells.end(),
                       [](const Cell& cell) { return !trim(cell.text).empty(); });
  });
}

std::string table_as_lines(const Table& table) {
  std::string out;
  for (const Row& row : table.rows) {
    std::string line;
    for (const Cell& cell : row.cells) {
      if (&cell != &row.cells.front()) line += " | ";
      line += cell.text;
    }
    if (!out.empty()) out += '\n';
    out += line;
  }
  return out;
}

std::string blocks_as_text(const std::vector<Block>& blocks) {
  std::string out;
  for (const Block& block : blocks) {
    const bool is_table = block.kind == BlockKind::kTable;
    if (is_table ? !has_text(block.table) : trim(block.text).empty()) continue;
    const std::string text = is_table ? table_as_lines(block.table) : block.text;
    if (!out.empty()) out += '\n';
    out += text;
  }
  return out;
}

}  // namespace sillok::documents
