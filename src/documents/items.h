// Private to documents: recognising numbered and bulleted items in plain text.
#pragma once

#include <string_view>

#include "documents/reader.h"

namespace sillok::documents {

size_t count_code_points(std::string_view text);

// Bytes of the bullet or number that begins an item ("•", "1.", "가)", "①"), 0 if there is none.
size_t item_marker_size(std::string_view text);

}  // namespace sillok::documents
