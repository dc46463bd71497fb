#include <algorithm>

#include "archive/references.h"
#include "text/text.h"

namespace sillok::archive {
namespace {

using documents::Block;
using documents::BlockKind;

constexpr std::string_view kPathSeparator = " › ";
constexpr size_t kMaxPathHeading = 80;  // code points; as documents' heading paths cut their headings
constexpr size_t kMaxDigits = 4;        // of an article or section number

size_t skip_space(std::string_view text, size_t at) { return at < text.size() && text[at] == ' ' ? at + 1 : at; }

bool take(std::string_view text, size_t& at, std::string_view a, std::string_view b) {
  for (const std::string_view word : {a, b}) {
    if (!word.empty() && text.substr(at).starts_with(word)) {
      at += word.size();
      return true;
    }
  }
  return false;
}

std::string_view take_digits(std::string_view text, size_t& at) {
  const size_t begin = at;
  while (at < text.size() && is_digit(text[at]) && at - begin <= kMaxDigits) ++at;
  const std::string_view digits = text.substr(begin, at - begin);
  return digits.size() <= kMaxDigits ? digits : std::string_view();
}

std::string heading_anchor(const Block& block) {
  std::string path = block.anchor.path;
  if (!path.empty()) path += kPathSeparator;
  return path + shorten(collapse_spaces(block.text), kMaxPathHeading);
}

// "4.1", "4.1.2", "4." at the front of text, without a final dot; "" if it is none.
std::string section_number(std::string_view text) {
  size_t at = 0, parts = 0;
  for (;;) {
    size_t next = at;
    const std::string_view digits = take_digits(text, next);
    if (digits.empty() || digits.size() > 2) break;
    ++parts;
    at = next;
    if (at >= text.size() || text[at] != '.') break;
    ++at;
  }
  if (parts == 0 || (at < text.size() && text[at] != ' ' && text[at - 1] != '.')) return "";
  std::string label(text.substr(0, at));
  if (label.back() == '.') label.pop_back();
  return label;
}

// "[별표 2]", "별표 2의2", "별지 제3호서식" at the front of a heading.
std::string annex_label(std::string_view text) {
  size_t at = 0;
  take(text, at, "[", "<");
  const bool form = text.substr(at).starts_with("별지");
  if (!take(text, at, "별표", "별지")) return "";
  at = skip_space(text, at);
  take(text, at, "제", "第");
  const std::string_view number = take_digits(text, at);
  std::string label = (form ? "별지" : "별표") + std::string(number);
  take(text, at, "호", "號");
  if (!number.empty() && take(text, at, "의", "")) {
    const std::string_view branch = take_digits(text, at);
    if (!branch.empty()) label += "의" + std::string(branch);
  }
  return label;
}

// "부칙", "부 칙 <제1호, 2020.1.1.>", "부칙(정부조직법) <...>": a supplement begins. Sets law if it is another's.
bool opens_supplement(const Block& block, std::string& law) {
  std::string_view text = trim(block.text);
  size_t at = 0;
  if (!take(text, at, "부칙", "부 칙")) return false;
  text = trim(text.substr(at));
  if (text.empty()) return true;
  if (text[0] == '<' || text[0] == '[') return true;
  if (text[0] != '(') return block.kind == BlockKind::kHeading && is_digit(text[0]);
  const size_t end = text.find(')');
  if (end == std::string_view::npos || text.find('<', end) == std::string_view::npos) {
    return block.kind == BlockKind::kHeading;
  }
  law = std::string(trim(text.substr(1, end - 1)));
  return true;
}

// After "제3조 (정의)": what would make it a reference in running text and not a heading.
bool goes_on(std::string_view rest) {
  if (rest.empty() || rest[0] == ' ') return false;
  for (const std::string_view word : {"이 ", "①"}) {
    if (rest.starts_with(word)) return false;
  }
  return true;
}

}  // namespace

std::string name_key(std::string_view name) {
  static constexpr std::string_view kDropped[] = {" ", "\t", "\n", "ㆍ", "·", "・", "‧", "\xC2\xA0", "　"};
  std::string plain;
  for (size_t i = 0; i < name.size();) {
    const auto* dropped = std::find_if(std::begin(kDropped), std::end(kDropped),
                                       [&](std::string_view d) { return name.substr(i).starts_with(d); });
    if (dropped != std::end(kDropped)) {
      i += dropped->size();
    } else {
      plain += name[i++];
    }
  }
  return text::fold(plain);
}

// What follows a number that stands for an article, not for a quantity.
bool ends_branch(std::string_view rest) {
  for (const std::string_view word : {"의 ", "에 ", "에서 ", "를 ", "와 ", "및 ", "는 ", " 및 ", ",", "제"}) {
    if (rest.starts_with(word)) return true;
  }
  return false;
}

bool read_article(std::string_view text, size_t begin, ArticleWords& out) {
  size_t at = begin;
  if (!take(text, at, "제", "第")) return false;
  at = skip_space(text, at);
  const std::string_view number = take_digits(text, at);
  if (number.empty()) return false;
  size_t unit = skip_space(text, at);
  if (!take(text, unit, "조", "條")) return false;
  out.label = "제" + std::string(number) + "조";
  out.end = unit;
  size_t branch_at = unit;
  if (take(text, branch_at, "의", "")) {
    // "제7조의 2의 경우" names a branch as older texts write it, "제3조의 2배" and "제3조의 2분의 1" do not.
    const bool spaced = branch_at < text.size() && text[branch_at] == ' ';
    branch_at = skip_space(text, branch_at);
    const std::string_view branch = take_digits(text, branch_at);
    if (!branch.empty() && (!spaced || ends_branch(text.substr(branch_at)))) {
      out.label += "의" + std::string(branch);
      out.end = branch_at;
    }
  }
  return true;
}

size_t own_heading_size(const Block& block) {
  ArticleWords article;
  if (!read_article(block.text, 0, article)) return 0;
  if (block.kind == BlockKind::kHeading) return article.end;
  const std::string_view text = block.text;
  size_t at = skip_space(text, article.end);
  if (at >= text.size() || text[at] != '(') return 0;
  int depth = 0;
  const size_t open = at;
  for (; at < text.size(); ++at) {
    if (text[at] == '(') ++depth;
    if (text[at] == ')' && --depth == 0) break;
  }
  if (at >= text.size() || goes_on(text.substr(at + 1))) return 0;
  const std::string_view title = text.substr(open + 1, at - open - 1);
  // "제8조(제10조에서 준용하는 경우를 포함한다)" is a reference with its scope.
  ArticleWords first;
  if (read_article(title, 0, first)) return 0;
  for (const std::string_view scope : {"포함한다", "한정한다", "한한다", "제외한다", "같다"}) {
    if (title.ends_with(scope)) return 0;
  }
  return article.end;
}

Outline::Outline(const documents::Document& document) {
  uint32_t group = 0;
  bool bare = false;  // the last group was opened by a heading that names no supplement yet
  groups_.reserve(document.blocks.size());
  for (const Block& block : document.blocks) {
    std::string law;
    if (opens_supplement(block, law)) {
      // "## 부칙" and then "부칙 <제1호>" open one supplement, not two.
      if (!bare) {
        ++group;
        group_laws_.emplace_back();
      }
      group_laws_.back() = law;
      bare = trim(block.text).find_first_of("<[(") == std::string_view::npos;
    } else if (block.kind == BlockKind::kHeading && !annex_label(block.text).empty()) {
      group = 0;
      bare = false;
    } else {
      bare = false;
    }
    groups_.push_back(group);
    add_block(block, group);
  }
}

void Outline::add_block(const Block& block, uint32_t group) {
  const bool heading = block.kind == BlockKind::kHeading;
  if (heading) {
    ArticleWords article;
    if (read_article(block.text, 0, article)) {
      if (group == 0) ++article_count_;
      add(group, article.label, heading_anchor(block), true);
      return;
    }
    const std::string annex = annex_label(block.text);
    if (!annex.empty()) add(0, annex, heading_anchor(block), true);
  }
  if (group == 0 && (heading || block.kind == BlockKind::kParagraph || block.kind == BlockKind::kListItem) &&
      !block.text.empty() && is_digit(block.text[0])) {
    const std::string number = section_number(block.text);
    // A lone "1." numbers items as often as sections.
    if (!number.empty() && (heading || number.find('.') != std::string::npos)) {
      add(0, number, heading ? heading_anchor(block) : documents::to_string(block.anchor), heading);
    }
  }
}

// The first of its name stands; a heading replaces a paragraph.
void Outline::add(uint32_t group, std::string label, std::string anchor, bool heading) {
  const std::string key = std::to_string(group) + "/" + label;
  const auto found = by_label_.find(key);
  if (found != by_label_.end() && (is_heading_[key] || !heading)) return;
  by_label_[key] = sections_.size();
  is_heading_[key] = heading;
  sections_.push_back({std::move(label), std::move(anchor)});
}

const Outline::Section* Outline::find(std::string_view label) const { return find_supplementary(0, label); }

const Outline::Section* Outline::find_supplementary(uint32_t group, std::string_view label) const {
  const auto found = by_label_.find(std::to_string(group) + "/" + std::string(label));
  return found == by_label_.end() ? nullptr : &sections_[found->second];
}

std::vector<const Outline::Section*> Outline::between(std::string_view first, std::string_view last) const {
  std::vector<const Section*> out;
  const Section* from = find(first);
  const Section* to = find(last);
  if (from == nullptr || to == nullptr) return out;
  for (const Section* s = from + 1; s < to; ++s) {
    if (s->label.starts_with("제") && find(s->label) == s) out.push_back(s);
  }
  return out;
}

}  // namespace sillok::archive
