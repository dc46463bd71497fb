// Private to documents: a record in JSON, be it a line of a JSONL file or an element of an array.
#pragma once

#include <simdjson.h>

#include "documents/reader.h"

namespace sillok::documents {

// True if the value is an object with an `id` and a `text`.
bool is_record(simdjson::dom::element value);
// The record's document; `line` is its source line. kInvalid with what is wrong, without the place.
Result<Document> read_record(simdjson::dom::object record, uint32_t line);
std::string record_id(simdjson::dom::object record);  // "" if it has none

}  // namespace sillok::documents
