#include "search/passages.h"

#include <unordered_set>

#include "text/text.h"

namespace sillok::search {
namespace {

using documents::Block;
using documents::BlockKind;

// Lengths in bytes of UTF-8, three to a Hangul syllable. Paragraphs under one heading are gathered up to the
// target; a paragraph up to the maximum stays whole (99 of 100 encyclopaedia paragraphs do), a longer one is cut
// between sentences.
constexpr size_t kTargetBytes = 5400;
constexpr size_t kMaxBytes = 5400;
// A sentence longer than this (a dump, a broken extraction) is cut anyway, at a space if there is one.
constexpr size_t kMaxSentenceBytes = 2 * kMaxBytes;

bool same_place(const documents::Anchor& a, const documents::Anchor& b) {
  return a.path == b.path && a.part == b.part && a.sheet == b.sheet && a.slide == b.slide;
}

class Gatherer {
 public:
  explicit Gatherer(const documents::Document& document) : title_(document.meta.title) {
    // People ask by number ("WS-102의 토크는?"), and most passages do not repeat it.
    const std::string& number = document.meta.document_number;
    if (!number.empty() && title_.find(number) == title_.npos) number_ = " (" + number + ")";
  }

  // Adds one line of text that belongs to `block`; starts a new passage where place or length ask for it.
  void add(std::string_view line, const Block& block) {
    line = trim(line);
    if (line.empty()) return;
    if (open_ && (!same_place(anchor_, block.anchor) || text_.size() + line.size() > kTargetBytes)) close();
    if (!open_) {
      open_ = true;
      anchor_ = block.anchor;
    }
    if (!text_.empty()) text_ += '\n';
    text_ += line;
  }

  // A paragraph: whole if it may be, else by sentences.
  void add_paragraph(const Block& block) {
    if (block.text.size() <= kMaxBytes) {
      add(block.text, block);
      return;
    }
    std::string piece;
    for (const text::Span span : text::sentences(block.text)) {
      std::string_view sentence = std::string_view(block.text).substr(span.begin, span.end - span.begin);
      while (sentence.size() > kMaxSentenceBytes) {
        size_t cut = sentence.rfind(' ', kMaxBytes);
        if (cut == sentence.npos || cut == 0) cut = kMaxBytes;
        while (cut > 1 && (static_cast<uint8_t>(sentence[cut]) & 0xC0) == 0x80) --cut;
        add(sentence.substr(0, cut), block);
        close();
        sentence.remove_prefix(cut);
      }
      if (!piece.empty() && piece.size() + sentence.size() > kTargetBytes) {
        add(piece, block);
        close();
        piece.clear();
      }
      if (!piece.empty()) piece += ' ';
      piece += sentence;
    }
    add(piece, block);
  }

  void close() {
    if (!open_) return;
    Passage passage;
    passage.text = std::move(text_);
    passage.anchor = documents::to_string(anchor_);
    // The title is often the outermost heading already.
    const bool titled = !title_.empty() && !anchor_.path.starts_with(title_);
    if (titled) passage.context = title_ + (anchor_.path.empty() ? "" : " › ");
    passage.context += anchor_.path + number_;
    passages_.push_back(std::move(passage));
    text_.clear();
    open_ = false;
  }

  std::vector<Passage> take() {
    close();
    return std::move(passages_);
  }

 private:
  const std::string& title_;
  std::string number_;  // " (WS-102)", or nothing
  std::vector<Passage> passages_;
  std::string text_;
  documents::Anchor anchor_;
  bool open_ = false;
};

// True where the next block is body text under this heading: then the heading lives on as its context.
bool has_body(const std::vector<Block>& blocks, size_t heading) {
  if (heading + 1 >= blocks.size()) return false;
  const Block& next = blocks[heading + 1];
  return next.kind != BlockKind::kHeading && next.kind != BlockKind::kHeader && next.kind != BlockKind::kFooter;
}

}  // namespace

std::vector<Passage> split_passages(const documents::Document& document) {
  Gatherer gatherer(document);
  std::unordered_set<std::string> running;  // headers and footers repeat on every page: once is enough
  for (size_t i = 0; i < document.blocks.size(); ++i) {
    const Block& block = document.blocks[i];
    switch (block.kind) {
      case BlockKind::kTable:
        for (size_t row = 0; row < block.table.rows.size(); ++row) {
          // The header is part of each row's text; alone it says nothing, unless it is all there is.
          const bool header = row < block.table.header_rows && block.table.header_rows < block.table.rows.size();
          if (!header) gatherer.add(documents::row_text(block.table, row), block);
        }
        break;
      case BlockKind::kHeading:
        if (!has_body(document.blocks, i)) {
          gatherer.close();
          gatherer.add(block.text, block);
        }
        break;
      case BlockKind::kHeader:
      case BlockKind::kFooter:
        if (running.insert(block.text).second) {
          gatherer.close();
          gatherer.add_paragraph(block);
          gatherer.close();
        }
        break;
      default: gatherer.add_paragraph(block);
    }
  }
  return gatherer.take();
}

}  // namespace sillok::search
