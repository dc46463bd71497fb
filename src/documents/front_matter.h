// Private to documents: the YAML head of a Markdown file.
#pragma once

#include "documents/reader.h"

namespace sillok::documents {

// Bytes of the front matter at the start of text, its "---" lines included; 0 if there is none.
size_t front_matter_size(std::string_view text);

// Reads "key: value" lines and lists into the metadata: titles, dates, numbers, labels and identities by their usual
// Korean and English names, everything else into meta.other. Not YAML as a whole: nested maps are kept as their text.
void read_front_matter(std::string_view text, Metadata& meta);

}  // namespace sillok::documents
