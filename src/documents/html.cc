// HTML by gumbo. Every visible element's text is kept; what a browser hides is left out.
//
// gumbo frees its tree recursively, which overflows the stack on hostile nesting. The tree therefore lives in an
// arena that is dropped as a whole, and the walk below is bounded: deeper than kMaxDepth only the text is taken.
#include "documents/html.h"

#include <gumbo.h>

#include <algorithm>
#include <cstring>

namespace sillok::documents {
namespace {

constexpr int kMaxDepth = 200;              // elements within elements that are walked as structure
constexpr size_t kMaxNesting = 50'000;      // open elements that never close; the parser is quadratic in them
constexpr uint32_t kMaxColumns = 16'384;    // of a table, as in Excel
constexpr unsigned kMaxColSpan = 1000, kMaxRowSpan = 65'534;  // HTML's own limits
constexpr size_t kMaxMetaElements = 200;    // kept under their own names
constexpr size_t kArenaBlock = 1 << 16;

// ---------------------------------------------------------------------------------------------
// gumbo, with memory in an arena

class Arena {
 public:
  void* allocate(size_t size) {
    size = (size + 15) & ~size_t{15};
    if (size > left_) {
      const size_t block = std::max(size, kArenaBlock);
      blocks_.push_back(std::make_unique<char[]>(block));
      next_ = blocks_.back().get();
      left_ = block;
    }
    void* const out = next_;
    next_ += size;
    left_ -= size;
    return out;
  }

 private:
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* next_ = nullptr;
  size_t left_ = 0;
};


const char* attribute(const GumboNode& node, const char* name) {
  const GumboAttribute* const found = gumbo_get_attribute(&node.v.element.attributes, name);
  return found == nullptr ? nullptr : found->value;
}

std::string attribute_text(const GumboNode& node, const char* name) {
  const char* const value = attribute(node, name);
  return value == nullptr ? std::string() : std::string(value);
}

unsigned number_attribute(const GumboNode& node, const char* name, unsigned fallback, unsigned most) {
  const char* const value = attribute(node, name);
  if (value == nullptr) return fallback;
  const long number = std::strtol(value, nullptr, 10);
  return number <= 0 ? fallback : static_cast<unsigned>(std::min<long>(number, static_cast<long>(most)));
}

bool is_element(const GumboNode& node) { return node.type == GUMBO_NODE_ELEMENT; }
bool is_tag(const GumboNode& node, GumboTag tag) { return is_element(node) && node.v.element.tag == tag; }
bool is_text(const GumboNode& node) {
  return node.type == GUMBO_NODE_TEXT || node.type == GUMBO_NODE_WHITESPACE || node.type == GUMBO_NODE_CDATA;
}

template <typename Visit>
void for_children(const GumboNode& node, Visit visit) {
  if (!is_element(node)) return;
  const GumboVector& children = node.v.element.children;
  for (unsigned i = 0; i < children.length; ++i) visit(*static_cast<const GumboNode*>(children.data[i]));
}

bool is_hidden(const GumboNode& node) {
  switch (node.v.element.tag) {
    case GUMBO_TAG_SCRIPT:
    case GUMBO_TAG_STYLE:
    case GUMBO_TAG_TEMPLATE:
    case GUMBO_TAG_HEAD:
    case GUMBO_TAG_RP: return true;
    default: break;
  }
  if (attribute(node, "hidden") != nullptr) return true;
  const std::string style = ascii_lower(attribute_text(node, "style"));
  std::string packed;
  for (const char c : style) {
    if (c != ' ' && c != '\n' && c != '\t') packed += c;
  }
  return packed.find("display:none") != std::string::npos || packed.find("visibility:hidden") != std::string::npos;
}

bool is_block(GumboTag tag) {
  switch (tag) {
    case GUMBO_TAG_ADDRESS: case GUMBO_TAG_ARTICLE: case GUMBO_TAG_ASIDE: case GUMBO_TAG_BLOCKQUOTE:
    case GUMBO_TAG_BODY: case GUMBO_TAG_CENTER: case GUMBO_TAG_DETAILS: case GUMBO_TAG_DIR: case GUMBO_TAG_DIV:
    case GUMBO_TAG_DL: case GUMBO_TAG_FIELDSET: case GUMBO_TAG_FIGURE: case GUMBO_TAG_FOOTER: case GUMBO_TAG_FORM:
    case GUMBO_TAG_FRAMESET: case GUMBO_TAG_HEADER: case GUMBO_TAG_HGROUP: case GUMBO_TAG_HR: case GUMBO_TAG_HTML:
    case GUMBO_TAG_LEGEND: case GUMBO_TAG_MAIN: case GUMBO_TAG_MENU: case GUMBO_TAG_NAV: case GUMBO_TAG_NOFRAMES:
    case GUMBO_TAG_NOSCRIPT: case GUMBO_TAG_OL: case GUMBO_TAG_OPTION: case GUMBO_TAG_P: case GUMBO_TAG_PRE:
    case GUMBO_TAG_SECTION: case GUMBO_TAG_SUMMARY: case GUMBO_TAG_UL: case GUMBO_TAG_LISTING: case GUMBO_TAG_XMP:
    case GUMBO_TAG_PLAINTEXT: case GUMBO_TAG_TEXTAREA: case GUMBO_TAG_DT: case GUMBO_TAG_DD: case GUMBO_TAG_LI:
    case GUMBO_TAG_TR: case GUMBO_TAG_TD: case GUMBO_TAG_TH: case GUMBO_TAG_TABLE:
      return true;
    default: return false;
  }
}

uint8_t heading_level(GumboTag tag) {
  switch (tag) {
    case GUMBO_TAG_H1: return 1;
    case GUMBO_TAG_H2: return 2;
    case GUMBO_TAG_H3: return 3;
    case GUMBO_TAG_H4: return 4;
    case GUMBO_TAG_H5: return 5;
    case GUMBO_TAG_H6: return 6;
    default: return 0;
  }
}

// "3. ", "c. ", "iii. " as the list's type asks.
std::string item_marker(unsigned number, std::string_view type) {
  std::string label = std::to_string(number);
  if ((type == "a" || type == "A") && number >= 1 && number <= 26) {
    label = std::string(1, static_cast<char>(type[0] + static_cast<char>(number - 1)));
  } else if ((type == "i" || type == "I") && number >= 1 && number < 40) {
    static constexpr std::string_view kOnes[] = {"", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix"};
    label = std::string(number / 10, 'x') + std::string(kOnes[number % 10]);
    if (type == "I") {
      for (char& c : label) c = static_cast<char>(c - 'a' + 'A');
    }
  }
  return label + ". ";
}

// ---------------------------------------------------------------------------------------------
// From elements to blocks

class Builder {
 public:
  Builder(Document& document, uint32_t first_line) : document_(document), first_line_(first_line) {}

  void walk(const GumboNode& node, int depth) {
    if (is_text(node)) {
      add_text(node);
      return;
    }
    if (!is_element(node) || is_hidden(node)) return;
    if (depth > kMaxDepth) {
      walk_flat(node);
      return;
    }
    element(node, depth);
  }

  // Ends the block that is being written.
  void flush() {
    const std::string_view text = pre_ > 0 ? std::string_view(text_) : trim(text_);
    if (!trim(text).empty()) {
      Block block;
      block.kind = kind_;
      block.level = level_;
      block.text = marker_ + std::string(text);
      block.anchor.line = line_;
      marker_.clear();
      if (kind_ == BlockKind::kListItem && !definition_) kind_ = BlockKind::kParagraph, level_ = 0;
      document_.blocks.push_back(std::move(block));
    }
    text_.clear();
    line_ = 0;
    const auto index = static_cast<uint32_t>(document_.blocks.empty() ? 0 : document_.blocks.size() - 1);
    for (Hyperlink& link : links_) {
      link.block = index;
      document_.links.push_back(std::move(link));
    }
    links_.clear();
  }

 private:
  void children(const GumboNode& node, int depth) {
    for_children(node, [&](const GumboNode& child) { walk(child, depth + 1); });
  }

  void element(const GumboNode& node, int depth) {
    const GumboTag tag = node.v.element.tag;
    if (const uint8_t level = heading_level(tag); level > 0) return with_kind(node, depth, BlockKind::kHeading, level);
    switch (tag) {
      case GUMBO_TAG_BR: text_ += '\n'; return;
      case GUMBO_TAG_IMG: return add_words(attribute_text(node, "alt"), node);
      case GUMBO_TAG_INPUT: return input(node);
      case GUMBO_TAG_A: return link(node, depth);
      case GUMBO_TAG_RT:
        text_ += '(';
        children(node, depth);
        text_ += ')';
        return;
      case GUMBO_TAG_UL:
      case GUMBO_TAG_OL:
      case GUMBO_TAG_MENU:
      case GUMBO_TAG_DIR: return list(node, depth);
      case GUMBO_TAG_DL: return definitions(node, depth);
      case GUMBO_TAG_LI: return item(node, depth, "");
      case GUMBO_TAG_CAPTION:
      case GUMBO_TAG_FIGCAPTION: return with_kind(node, depth, BlockKind::kCaption, 0);
      case GUMBO_TAG_TABLE: return table(node, depth);
      case GUMBO_TAG_PRE:
      case GUMBO_TAG_LISTING:
      case GUMBO_TAG_XMP:
      case GUMBO_TAG_PLAINTEXT:
      case GUMBO_TAG_TEXTAREA: return preformatted(node, depth);
      default: break;
    }
    const bool block = is_block(tag);
    if (block) flush();
    children(node, depth);
    if (block) flush();
  }

  void with_kind(const GumboNode& node, int depth, BlockKind kind, uint8_t level) {
    flush();
    const BlockKind outer_kind = kind_;
    const uint8_t outer_level = level_;
    kind_ = kind;
    level_ = level;
    children(node, depth);
    flush();
    kind_ = outer_kind;
    level_ = outer_level;
  }

  void preformatted(const GumboNode& node, int depth) {
    flush();
    ++pre_;
    children(node, depth);
    flush();
    --pre_;
  }

  void list(const GumboNode& node, int depth) {
    flush();
    const bool ordered = node.v.element.tag == GUMBO_TAG_OL;
    unsigned number = number_attribute(node, "start", 1, 1'000'000);
    const std::string type = attribute_text(node, "type");
    ++list_depth_;
    for_children(node, [&](const GumboNode& child) {
      if (!is_tag(child, GUMBO_TAG_LI)) return walk(child, depth + 1);
      if (is_hidden(child)) return;
      number = number_attribute(child, "value", number, 1'000'000);
      item(child, depth + 1, ordered ? item_marker(number, type) : "");
      ++number;
    });
    flush();
    --list_depth_;
  }

  void item(const GumboNode& node, int depth, std::string marker) {
    flush();
    if (depth > kMaxDepth) return walk_flat(node);
    const BlockKind outer_kind = kind_;
    const uint8_t outer_level = level_;
    kind_ = BlockKind::kListItem;
    level_ = static_cast<uint8_t>(std::clamp(list_depth_, 1, 255));
    marker_ = std::move(marker);
    children(node, depth);
    flush();
    marker_.clear();
    kind_ = outer_kind;
    level_ = outer_level;
  }

  // Terms and their meanings as two levels of items.
  void definitions(const GumboNode& node, int depth) {
    flush();
    const bool outer = definition_;
    definition_ = true;
    ++list_depth_;
    for_children(node, [&](const GumboNode& child) {
      const bool meaning = is_tag(child, GUMBO_TAG_DD);
      if (!meaning && !is_tag(child, GUMBO_TAG_DT)) return walk(child, depth + 1);
      if (is_hidden(child)) return;
      with_kind(child, depth + 1, BlockKind::kListItem,
                static_cast<uint8_t>(std::clamp(list_depth_ + (meaning ? 1 : 0), 1, 255)));
    });
    --list_depth_;
    definition_ = outer;
  }

  void link(const GumboNode& node, int depth) {
    const size_t start = text_.size(), blocks = document_.blocks.size();
    children(node, depth);
    const std::string target = attribute_text(node, "href");
    if (target.empty()) return;
    const bool same_block = document_.blocks.size() == blocks && text_.size() >= start;
    const std::string words = same_block ? collapse_spaces(text_.substr(start)) : target;
    links_.push_back({words, std::string(trim(target)), 0});
  }

  void input(const GumboNode& node) {
    const std::string type = ascii_lower(attribute_text(node, "type"));
    if (type == "hidden" || type == "password" || type == "checkbox" || type == "radio") return;
    add_words(attribute_text(node, "value"), node);
  }

  void add_words(std::string_view words, const GumboNode& node) {
    if (trim(words).empty()) return;
    if (line_ == 0) line_ = line_of(node.v.element.start_pos);
    if (!text_.empty() && text_.back() != ' ' && text_.back() != '\n') text_ += ' ';
    text_ += collapse_spaces(words);
    text_ += ' ';
  }

  uint32_t line_of(const GumboSourcePosition& position) const {
    return first_line_ + (position.line > 0 ? position.line - 1 : 0);
  }

  void add_text(const GumboNode& node) {
    uint32_t line = line_of(node.v.text.start_pos);
    for (const char* c = node.v.text.text; *c != '\0'; ++c) {
      const bool space = *c == ' ' || *c == '\n' || *c == '\t' || *c == '\r' || *c == '\f';
      if (!space && line_ == 0) line_ = line;
      line += *c == '\n';
      if (pre_ > 0) {
        text_ += *c;
      } else if (!space) {
        text_ += *c;
      } else if (!text_.empty() && text_.back() != ' ' && text_.back() != '\n') {
        text_ += ' ';
      }
    }
  }

  // Text of everything below, without recursion.
  void walk_flat(const GumboNode& top) {
    std::vector<const GumboNode*> open = {&top};
    while (!open.empty()) {
      const GumboNode& node = *open.back();
      open.pop_back();
      if (is_text(node)) add_text(node);
      if (!is_element(node) || is_hidden(node)) continue;
      if (is_block(node.v.element.tag)) flush();
      const GumboVector& below = node.v.element.children;
      for (unsigned i = below.length; i > 0; --i) open.push_back(static_cast<const GumboNode*>(below.data[i - 1]));
    }
    flush();
  }

  // ---- tables

  struct SourceRow {
    const GumboNode* node;
    bool in_head;
  };

  static void collect_rows(const GumboNode& table, std::vector<SourceRow>& rows, std::vector<const GumboNode*>& rest) {
    for_children(table, [&](const GumboNode& child) {
      if (!is_element(child) || is_hidden(child)) return;
      const GumboTag tag = child.v.element.tag;
      if (tag == GUMBO_TAG_TR) rows.push_back({&child, false});
      if (tag == GUMBO_TAG_CAPTION) rest.push_back(&child);
      if (tag != GUMBO_TAG_THEAD && tag != GUMBO_TAG_TBODY && tag != GUMBO_TAG_TFOOT) return;
      for_children(child, [&](const GumboNode& row) {
        if (is_tag(row, GUMBO_TAG_TR) && !is_hidden(row)) rows.push_back({&row, tag == GUMBO_TAG_THEAD});
      });
    });
  }

  static bool is_cell(const GumboNode& node) {
    return (is_tag(node, GUMBO_TAG_TD) || is_tag(node, GUMBO_TAG_TH)) && !is_hidden(node);
  }

  // A table that only places things on the page: one column, or tables within it and no header of its own.
  static bool is_layout(const GumboNode& node, const std::vector<SourceRow>& rows) {
    if (attribute_text(node, "role") == "presentation") return true;
    bool nested = false, header = false;
    size_t widest = 0;
    for (const SourceRow& row : rows) {
      size_t width = 0;
      for_children(*row.node, [&](const GumboNode& cell) {
        if (!is_cell(cell)) return;
        ++width;
        header |= cell.v.element.tag == GUMBO_TAG_TH;
        nested |= holds_table(cell);
      });
      widest = std::max(widest, width);
    }
    const bool ruled = number_attribute(node, "border", 0, 100) > 0;
    return widest <= 1 ? !header && !ruled : nested && !header && !ruled;
  }

  static bool holds_table(const GumboNode& top) {
    constexpr size_t kMaxNodes = 2000;  // a layout cell shows its table soon; the rest need not be searched
    std::vector<const GumboNode*> open = {&top};
    for (size_t seen = 0; !open.empty() && seen < kMaxNodes; ++seen) {
      const GumboNode& node = *open.back();
      open.pop_back();
      if (&node != &top && is_tag(node, GUMBO_TAG_TABLE)) return true;
      for_children(node, [&](const GumboNode& child) { open.push_back(&child); });
    }
    return false;
  }

  void table(const GumboNode& node, int depth) {
    flush();
    std::vector<SourceRow> rows;
    std::vector<const GumboNode*> captions;
    collect_rows(node, rows, captions);
    for (const GumboNode* caption : captions) walk(*caption, depth + 1);
    if (is_layout(node, rows)) {
      for (const SourceRow& row : rows) {
        for_children(*row.node, [&](const GumboNode& cell) { walk(cell, depth + 1); });
        flush();
      }
      return;
    }
    Block block;
    block.kind = BlockKind::kTable;
    block.anchor.line = line_of(node.v.element.start_pos);
    std::vector<uint32_t> covered;  // per column: rows still covered by a cell above
    bool leading = true;
    for (const SourceRow& row : rows) {
      bool all_header = false;
      block.table.rows.push_back(table_row(*row.node, depth, covered, all_header));
      leading = leading && (row.in_head || all_header);
      block.table.header_rows += leading;
    }
    if (block.table.header_rows == block.table.rows.size()) block.table.header_rows = 0;
    document_.blocks.push_back(std::move(block));
    flush();  // gives the cells' links to this block
  }

  Row table_row(const GumboNode& node, int depth, std::vector<uint32_t>& covered, bool& all_header) {
    Row row;
    row.line = line_of(node.v.element.start_pos);
    uint32_t column = 0;
    bool data = false;
    std::vector<std::pair<uint32_t, unsigned>> spans;
    for_children(node, [&](const GumboNode& child) {
      if (!is_cell(child)) return;
      while (column < covered.size() && covered[column] > 0) ++column;
      Cell cell;
      cell.col_span = static_cast<uint16_t>(number_attribute(child, "colspan", 1, kMaxColSpan));
      cell.row_span = static_cast<uint16_t>(number_attribute(child, "rowspan", 1, kMaxRowSpan));
      cell.column = std::min(column, kMaxColumns);
      cell.text = cell_text(child, depth);
      data |= child.v.element.tag == GUMBO_TAG_TD;
      column = std::min(column + cell.col_span, kMaxColumns);
      if (covered.size() < column) covered.resize(column, 0);
      for (uint32_t c = cell.column; c < column; ++c) spans.emplace_back(c, cell.row_span);
      row.cells.push_back(std::move(cell));
    });
    for (uint32_t& rows : covered) rows -= rows > 0;
    for (const auto& [c, rows] : spans) covered[c] = std::max(covered[c], rows - 1);
    all_header = !data && !row.cells.empty();
    return row;
  }

  // A cell's blocks as lines; nested tables as rows with bars.
  std::string cell_text(const GumboNode& cell, int depth) {
    Document inside;
    Builder builder(inside, first_line_);
    for_children(cell, [&](const GumboNode& child) { builder.walk(child, depth + 3); });
    builder.flush();
    for (Hyperlink& link : inside.links) links_.push_back(std::move(link));
    const std::string text = to_text(inside);
    return std::string(trim(text));
  }

  Document& document_;
  uint32_t first_line_;
  std::string text_;              // of the block being written
  uint32_t line_ = 0;             // where its first word stands
  std::vector<Hyperlink> links_;  // in it
  BlockKind kind_ = BlockKind::kParagraph;
  uint8_t level_ = 0;
  std::string marker_;            // of the list item being begun
  int list_depth_ = 0, pre_ = 0;
  bool definition_ = false;
};

// ---------------------------------------------------------------------------------------------
// Metadata

std::string text_of(const GumboNode& node) {
  std::string out;
  for_children(node, [&](const GumboNode& child) {
    if (is_text(child)) out += child.v.text.text;
  });
  return collapse_spaces(out);
}

void set_if_empty(std::string& field, std::string value) {
  if (field.empty()) field = std::move(value);
}

void read_meta(const GumboNode& node, Metadata& meta) {
  std::string name = ascii_lower(attribute_text(node, "name"));
  if (name.empty()) name = ascii_lower(attribute_text(node, "property"));
  const std::string content = collapse_spaces(attribute_text(node, "content"));
  if (name.empty() || content.empty() || name == "viewport" || name == "robots") return;
  const auto is = [&](std::initializer_list<std::string_view> names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (is({"author", "dc.creator", "dcterms.creator"})) return set_if_empty(meta.author, content);
  if (is({"date", "dc.date", "dcterms.created", "created", "article:published_time"})) {
    return set_if_empty(meta.created, content);
  }
  if (is({"last-modified", "modified", "dcterms.modified", "article:modified_time"})) {
    return set_if_empty(meta.modified, content);
  }
  if (name == "og:url") return set_if_empty(meta.url, content);
  if (meta.other.size() < kMaxMetaElements) meta.other.emplace(name, content);
}

void read_head(const GumboNode& head, Metadata& meta) {
  for_children(head, [&](const GumboNode& child) {
    if (is_tag(child, GUMBO_TAG_TITLE)) set_if_empty(meta.title, text_of(child));
    if (is_tag(child, GUMBO_TAG_META)) read_meta(child, meta);
    if (is_tag(child, GUMBO_TAG_LINK) && attribute_text(child, "rel") == "canonical") {
      set_if_empty(meta.url, attribute_text(child, "href"));
    }
  });
}

// The charset a meta element declares, wherever in the file it stands: generators put pages of style before it.
std::string_view declared_charset(std::string_view bytes) {
  for (size_t i = 0; (i = bytes.find('<', i)) != std::string_view::npos; ++i) {
    if (!starts_with_nocase(bytes.substr(i), "<meta")) continue;
    const size_t end = std::min(bytes.find('>', i), bytes.size());
    const std::string element = ascii_lower(bytes.substr(i, end - i));
    size_t at = element.find("charset");
    if (at == std::string::npos) continue;
    at = element.find_first_not_of(" \t\r\n=\"'", at + std::strlen("charset"));
    if (at == std::string::npos) continue;
    const size_t stop = std::min(element.find_first_of(" \t\r\n\"';/>", at), element.size());
    return bytes.substr(i + at, stop - at);
  }
  return {};
}

// Elements open at once, as far as start and end tags tell; those that close by themselves are not counted.
bool nests_too_deep(std::string_view html) {
  static constexpr std::string_view kClosing[] = {"p", "li", "td", "tr", "th", "dt", "dd", "option", "br", "img",
                                                  "hr", "input", "meta", "link", "col", "tbody", "thead", "area",
                                                  "base", "wbr", "param", "source", "embed"};
  size_t open = 0;
  for (size_t i = 0; (i = html.find('<', i)) != std::string_view::npos; ++i) {
    const bool end_tag = i + 1 < html.size() && html[i + 1] == '/';
    const size_t start = i + (end_tag ? 2 : 1);
    size_t stop = start;
    while (stop < html.size() && stop - start < 12 && std::isalpha(static_cast<unsigned char>(html[stop]))) ++stop;
    if (stop == start) continue;
    const std::string name = ascii_lower(html.substr(start, stop - start));
    if (std::find(std::begin(kClosing), std::end(kClosing), name) != std::end(kClosing)) continue;
    if (!end_tag) {
      if (++open > kMaxNesting) return true;
    } else if (open > 0) {
      --open;
    }
  }
  return false;
}

}  // namespace

Status append_html(std::string_view html, uint32_t first_line, Document& document) {
  if (nests_too_deep(html)) {
    return fail(ErrorCode::kLimit, "more than " + std::to_string(kMaxNesting) +
                                       " HTML elements are open at once; the page is damaged or hostile");
  }
  Arena arena;
  GumboOptions options = kGumboDefaultOptions;
  options.userdata = &arena;
  options.allocator = [](void* userdata, size_t size) { return static_cast<Arena*>(userdata)->allocate(size); };
  options.deallocator = [](void*, void*) {};
  options.max_errors = 0;
  const GumboOutput* const output = gumbo_parse_with_options(&options, html.data(), html.size());
  Builder builder(document, first_line);
  if (const char* const language = attribute(*output->root, "lang"); language != nullptr && *language != '\0') {
    document.meta.other.emplace("language", language);
  }
  for_children(*output->root, [&](const GumboNode& child) {
    if (is_tag(child, GUMBO_TAG_HEAD)) read_head(child, document.meta);
    builder.walk(child, 0);
  });
  builder.flush();
  return {};
}

Result<Document> read_html(const Source& source, Budget&) {
  Document document;
  document.meta.format = "html";
  const std::string text = decode_text(source.bytes, declared_charset(source.bytes));
  SILLOK_TRY(append_html(text, 1, document));
  return document;
}

}  // namespace sillok::documents
