// Private to documents: HTML that stands inside other formats.
#pragma once

#include "documents/reader.h"

namespace sillok::documents {

// Appends the blocks and links of UTF-8 HTML, a page or a fragment; its first line counts as `first_line`.
// Metadata of the page (title, meta elements) fill only what is still empty. kLimit if the nesting is absurd.
Status append_html(std::string_view html, uint32_t first_line, Document& document);

}  // namespace sillok::documents
