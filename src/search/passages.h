// Private to search: the unit that is indexed, ranked and quoted from.
#pragma once

#include <string>
#include <vector>

#include "documents/documents.h"

namespace sillok::search {

// A stretch of a document small enough to rank well and large enough to stand alone: whole paragraphs under
// one heading path up to a target length, a table's rows with their header, a long paragraph's sentences.
struct Passage {
  std::string text;     // shown and quoted; blocks separated by "\n"
  std::string context;  // title and heading path: indexed with less weight, not quoted
  std::string anchor;   // documents::to_string of the first block's anchor
};
std::vector<Passage> split_passages(const documents::Document& document);

}  // namespace sillok::search
