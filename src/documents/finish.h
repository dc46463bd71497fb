// Private to documents: the steps of finish(), in the order they run.
#pragma once

#include <optional>

#include "documents/reader.h"

namespace sillok::documents {

// NFC, no control or zero-width characters, plain spaces, no white space at line ends or around the whole.
std::string clean_text(std::string_view text);
// Drops blocks without content; links move to the block before.
void drop_empty_blocks(Document& document);
// "제12조의3(제목) 본문" as a paragraph becomes a heading and a paragraph; so do 편, 장, 절, 관 lines.
void infer_articles(Document& document);
// A table that goes on at the top of the next page becomes one with its beginning.
void join_tables(Document& document);
// A table with titles over its whole width, or with remarks below, becomes captions, tables and paragraphs.
void split_titled_tables(Document& document);
// Sets header_rows where the reader did not know and the first row clearly names the columns.
void guess_header_rows(Table& table);
// Sets Anchor::path of every block from the headings above it.
void set_paths(Document& document);
// Title, document number, revision and effective dates, from explicit labels near the top.
void infer_fields(Document& document, std::string_view fallback);

// Number and end of "제12조의3" and the like at the front of text.
struct ArticleNumber {
  char32_t unit = 0;  // U'편', U'장', U'절', U'관', U'조'
  uint32_t number = 0, branch = 0;  // 12, 3
  size_t size = 0;    // bytes read
};
std::optional<ArticleNumber> article_number(std::string_view text);

}  // namespace sillok::documents
