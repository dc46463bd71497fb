// Private to archive: the explicit references in a document's own words. Pure: no access to the archive.
//
// Contents: Outline (what a reference can point at inside a document) | Reference | find_references
//
// What counts: articles of statutes and regulations ("제12조의3제1항제2호", "같은 조 제2항", "같은 법 제15조",
// "「개인정보 보호법」 제15조", "제3조부터 제5조까지"), annexes ("별표 2", "별지 제3호서식"), names in 「」, and
// document numbers ("WS-102 4.2항", "QM-2024-031", "총무과-123", "제2024-31호"). A mere paragraph of the same article
// ("제2항에 따라") is not one: it leads nowhere that the reader is not already.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "archive/archive.h"

namespace sillok::archive {

// Title, number or file name as references compare it: folded, without white space and middle dots.
std::string name_key(std::string_view name);

// ---------------------------------------------------------------------------------------------
// The sections of a document by their number: articles of its body, those of each supplement (부칙), annexes,
// numbered headings ("4.1 범위") and paragraphs.
class Outline {
 public:
  explicit Outline(const documents::Document& document);

  struct Section {
    std::string label;   // "제12조의3", "별표2", "4.1"
    std::string anchor;  // heading path that ends in the section's own heading; a numbered paragraph's anchor
  };
  // The body's section, nullptr if there is none. "제12조의3", "별표2", "별지3", "4.1".
  const Section* find(std::string_view label) const;
  // An article of the supplement that is the group-th in the document, from 1.
  const Section* find_supplementary(uint32_t group, std::string_view label) const;
  // The body's articles strictly between two, in reading order; empty if either is missing.
  std::vector<const Section*> between(std::string_view first, std::string_view last) const;

  bool has_articles() const { return article_count_ > 0; }
  uint32_t group(size_t block) const { return groups_[block]; }  // 0 = body, else which supplement
  // The law that brought the supplement where it is another's: "부칙(정부조직법)"; "" otherwise.
  const std::string& group_law(uint32_t group) const { return group_laws_[group]; }

 private:
  void add_block(const documents::Block& block, uint32_t group);
  void add(uint32_t group, std::string label, std::string anchor, bool heading);

  std::vector<Section> sections_;                     // reading order
  std::unordered_map<std::string, size_t> by_label_;  // group + '/' + label to index
  std::unordered_map<std::string, bool> is_heading_;
  std::vector<uint32_t> groups_;                      // by block
  std::vector<std::string> group_laws_{""};
  size_t article_count_ = 0;
};

// "제12조의3", "第 12 條" at text[begin], with the label in its plain form.
struct ArticleWords {
  std::string label;
  size_t end = 0;
};
bool read_article(std::string_view text, size_t begin, ArticleWords& out);

// Whether the block opens with its own article's number, as in "제3조(정의) 이 법에서": how many bytes of it,
// 0 if its first words are no heading.
size_t own_heading_size(const documents::Block& block);

// ---------------------------------------------------------------------------------------------

struct Reference {
  enum class To : uint8_t {
    kOwn,      // this very document; `anchor` is the section ("" if earlier)
    kNamed,    // another, called `name`
    kUnknown,  // "제9조" where the document has none, "같은 법" with no law before it
  };
  LinkKind kind = LinkKind::kReference;  // or kSupersedes
  To to = To::kUnknown;
  bool certain = true;  // false: may be a part number or any other name; a reference only if a record has it
  bool earlier = false; // of an earlier wording ("종전의 제5조"): today's section of that number may be another
  bool implied = false; // between the ends of a range, not written out
  bool tail = false;    // `name` may begin with words that are not part of it ("종전 근로기준법")
  uint32_t block = 0;
  std::string words;    // verbatim from the block (or one of its cells)
  std::string target;   // the target as written
  std::string name;     // kNamed: "개인정보 보호법", "WS-102"
  std::string section;  // "제12조의3", "별표2", "부칙제2조", "4.1"; "" = the whole
  std::string anchor;   // kOwn
};

inline constexpr size_t kMaxReferences = 200'000;  // of one document; a statute with all supplements has 3,000

// In reading order. `title` and `number` are the document's own: naming oneself is no reference.
std::vector<Reference> find_references(const documents::Document& document, const Outline& outline,
                                       std::string_view title, std::string_view number);

// Parts of find_references, by what they look for.
void find_law_references(const documents::Document& document, const Outline& outline, std::string_view title,
                         std::vector<Reference>& out);
void find_number_references(const documents::Document& document, std::string_view number,
                            std::vector<Reference>& out);

// Calls visit(text) for each piece of running text in a block: its text, or the text of each cell.
template <typename Visit>
void for_each_text(const documents::Block& block, const Visit& visit) {
  if (!block.text.empty()) visit(std::string_view(block.text));
  for (const documents::Row& row : block.table.rows) {
    for (const documents::Cell& cell : row.cells) visit(std::string_view(cell.text));
  }
}

}  // namespace sillok::archive
