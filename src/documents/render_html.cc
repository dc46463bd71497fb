// A document as one page of HTML that is safe to open: no scripts, nothing fetched, text escaped throughout.
#include <algorithm>

#include "documents/documents.h"

namespace sillok::documents {
namespace {

// Browsers clamp larger spans; HTML's own limits are 1000 columns and 65534 rows.
constexpr uint16_t kMaxColSpan = 1000;
// Code points looked at to guess the page's language.
constexpr size_t kLanguageSample = 4096;

constexpr std::string_view kStyle =
    "body{font-family:sans-serif;line-height:1.6;max-width:60em;margin:2em auto;padding:0 1em;"
    "word-break:keep-all;overflow-wrap:anywhere}"
    "table{border-collapse:collapse;margin:1em 0}th,td{border:1px solid #999;padding:.2em .6em;"
    "vertical-align:top;text-align:left}th{background:#eee}aside,header,footer{color:#555}"
    "p,li,td,th,aside{white-space:pre-line}"
    ":target{background:#fff0b8;outline:2px solid #a4301c;scroll-margin-top:5em}"
    "ul{margin:.2em 0}.l2{margin-left:1.5em}.l3{margin-left:3em}.l4,.l5,.l6{margin-left:4.5em}";

// BCP 47, from what is written; "und" where the script does not tell.
std::string_view language_of(const Document& document) {
  const auto known = document.meta.other.find("language");
  if (known != document.meta.other.end() && known->second.starts_with("ko")) return "ko";
  size_t hangul = 0, kana = 0, han = 0, seen = 0;
  const auto look = [&](std::string_view text) {
    for (size_t i = 0; i < text.size() && seen < kLanguageSample; ++seen) {
      const char32_t c = decode_utf8(text, i);
      hangul += c >= 0xAC00 && c <= 0xD7A3;
      kana += c >= 0x3040 && c <= 0x30FF;
      han += c >= 0x4E00 && c <= 0x9FFF;
    }
  };
  look(document.meta.title);
  for (const Block& block : document.blocks) {
    look(block.text);
    for (const Row& row : block.table.rows) {
      for (const Cell& cell : row.cells) look(cell.text);
      if (seen >= kLanguageSample) break;
    }
    if (seen >= kLanguageSample) break;
  }
  if (hangul > 0 && hangul >= kana && hangul * 4 >= han) return "ko";
  if (kana > 0) return "ja";
  return han > 0 ? "zh" : "und";
}

bool may_link(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://", "mailto:"}) {
    if (starts_with_nocase(target, scheme)) return true;
  }
  return false;
}

using Links = std::vector<const Hyperlink*>;

std::string anchor_element(const Hyperlink& link, std::string_view text) {
  return "<a href=\"" + escape_html(link.target) + "\" rel=\"noreferrer\">" + escape_html(text) + "</a>";
}

// Escaped text with the links whose words stand in it; those used are taken from the list.
std::string linked(std::string_view text, Links& links) {
  std::string out;
  for (bool found = true; found && !links.empty();) {
    found = false;
    size_t best = 0, place = std::string_view::npos;
    for (size_t i = 0; i < links.size(); ++i) {
      const size_t at = links[i]->text.empty() ? std::string_view::npos : text.find(links[i]->text);
      if (at < place) best = i, place = at;
    }
    if (place == std::string_view::npos) break;
    found = true;
    const Hyperlink& link = *links[best];
    out += escape_html(text.substr(0, place));
    out += anchor_element(link, link.text);
    text.remove_prefix(place + link.text.size());
    links.erase(links.begin() + static_cast<std::ptrdiff_t>(best));
  }
  return out + escape_html(text);
}

// Links whose words are not in the text as written (white space was cleaned, or there were none).
std::string leftover(const Links& links) {
  std::string out;
  for (const Hyperlink* link : links) {
    out += " " + anchor_element(*link, link->text.empty() ? link->target : link->text);
  }
  return out;
}

std::string attributes(const Block& block, size_t index) {
  std::string out = " id=\"b" + std::to_string(index) + "\"";
  const std::string place = to_string(block.anchor);
  if (!place.empty()) out += " title=\"" + escape_html(place) + "\"";
  return out;
}

std::string cell_element(const Cell& cell, std::string_view tag, Links& links) {
  std::string out = "<" + std::string(tag);
  if (cell.row_span > 1) out += " rowspan=\"" + std::to_string(cell.row_span) + "\"";
  if (cell.col_span > 1) {
    out += " colspan=\"" + std::to_string(std::min(cell.col_span, kMaxColSpan)) + "\"";
  }
  return out + ">" + linked(cell.text, links) + "</" + std::string(tag) + ">";
}

std::string table_element(const Block& block, size_t index, Links& links) {
  const Table& table = block.table;
  std::string out = "<table" + attributes(block, index) + ">\n";
  const size_t header_rows = std::min<size_t>(table.header_rows, table.rows.size());
  for (size_t r = 0; r < table.rows.size(); ++r) {
    if (r == 0 && header_rows > 0) out += "<thead>\n";
    if (r == header_rows) out += "<tbody>\n";
    // Rows have names too, so that a citation of one row of a long sheet can be opened there.
    out += "<tr id=\"b" + std::to_string(index) + "r" + std::to_string(r) + "\">";
    for (const Cell& cell : table.rows[r].cells) {
      out += cell_element(cell, r < header_rows ? "th" : "td", links);
    }
    out += "</tr>\n";
    if (r + 1 == header_rows) out += "</thead>\n";
  }
  if (table.rows.size() > header_rows) out += "</tbody>\n";
  out += "</table>\n";
  if (!links.empty()) out += "<p>" + leftover(links) + "</p>\n";
  return out;
}

// Element name and class for the kinds that hold plain text.
std::pair<std::string_view, std::string_view> element_of(const Block& block) {
  static constexpr std::string_view kHeadings[] = {"h1", "h2", "h3", "h4", "h5", "h6"};
  switch (block.kind) {
    case BlockKind::kHeading: return {kHeadings[std::clamp<int>(block.level, 1, 6) - 1], ""};
    case BlockKind::kListItem: return {"li", ""};
    case BlockKind::kCaption: return {"p", "caption"};
    case BlockKind::kFootnote: return {"aside", "footnote"};
    case BlockKind::kComment: return {"aside", "comment"};
    case BlockKind::kHeader: return {"header", ""};
    case BlockKind::kFooter: return {"footer", ""};
    case BlockKind::kParagraph:
    case BlockKind::kTable: break;
  }
  return {"p", ""};
}

std::string text_element(const Block& block, size_t index, Links& links) {
  const auto [tag, css_class] = element_of(block);
  std::string out = "<" + std::string(tag) + attributes(block, index);
  if (!css_class.empty()) out += " class=\"" + std::string(css_class) + "\"";
  out += ">" + linked(block.text, links) + leftover(links) + "</" + std::string(tag) + ">";
  if (tag == "li") {
    const int depth = std::clamp<int>(block.level, 1, 6);
    out = "<ul class=\"l" + std::to_string(depth) + "\">" + out + "</ul>";
  }
  return out + "\n";
}

}  // namespace

std::string to_html(const Document& document) {
  std::vector<Links> links(document.blocks.size());
  for (const Hyperlink& link : document.links) {
    if (link.block < links.size() && may_link(link.target)) links[link.block].push_back(&link);
  }
  std::string out = "<!DOCTYPE html>\n<html lang=\"" + std::string(language_of(document)) +
                    "\">\n<head>\n<meta charset=\"utf-8\">\n<title>" + escape_html(document.meta.title) +
                    "</title>\n<style>" + std::string(kStyle) + "</style>\n</head>\n<body>\n";
  for (size_t i = 0; i < document.blocks.size(); ++i) {
    const Block& block = document.blocks[i];
    out += block.kind == BlockKind::kTable ? table_element(block, i, links[i])
                                           : text_element(block, i, links[i]);
  }
  return out + "</body>\n</html>\n";
}

}  // namespace sillok::documents
