// Private to documents: what a format that is not read is, in words for the person whose file it
// is.
#pragma once

#include "documents/documents.h"

namespace sillok::documents {

// The error for a file of the detected format `name` that no reader takes; "" = of no known format.
Error refusal(std::string_view name);

// "hwp", "doc", "xls", "ppt", "msg", "encrypted-office", ... by the streams of an OLE compound
// file; "ole" if it holds none that is known.
std::string detect_ole(std::string_view bytes);

// "UTF-16LE" or "UTF-16BE" if the zero bytes of a text without a mark say so, else null.
const char* wide_charset(std::string_view bytes);

}  // namespace sillok::documents
