// JSONL: one record a line, with `id`, `title`, `text` and optionally `date`, `label`, `url`; what
// else a line holds is kept under its own name. Lines are read one at a time, so memory follows the
// longest line, not the file.
#include "documents/jsonl.h"

#include <cstring>

namespace sillok::documents {
namespace {

namespace dom = simdjson::dom;

constexpr size_t kProbeLines = 50;  // if none of these is a record, the file holds no records

std::string plain(dom::element value) {
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) return clean_utf8(text);
  if (value.is_null()) return "";
  return simdjson::minify(value);
}

// Takes lines off the front of a text, with their numbers.
struct Lines {
  std::string_view rest;
  uint32_t number = 0;
  bool next(std::string_view& line) {
    if (rest.empty()) return false;
    const auto* end = static_cast<const char*>(std::memchr(rest.data(), '\n', rest.size()));
    const size_t size = end == nullptr ? rest.size() : static_cast<size_t>(end - rest.data());
    line = trim(rest.substr(0, size));
    rest.remove_prefix(end == nullptr ? size : size + 1);
    ++number;
    return true;
  }
};

bool holds_records(std::string_view text) {
  dom::parser parser;
  Lines lines{text};
  std::string_view line;
  for (size_t probed = 0; probed < kProbeLines && lines.next(line);) {
    if (line.empty()) continue;
    ++probed;
    dom::element value;
    if (parser.parse(line.data(), line.size()).get(value) == simdjson::SUCCESS && is_record(value))
      return true;
  }
  return false;
}

}  // namespace

bool is_record(dom::element value) {
  dom::object object;
  if (value.get(object) != simdjson::SUCCESS) return false;
  return object["id"].error() == simdjson::SUCCESS && object["text"].is_string();
}

std::string record_id(dom::object record) {
  dom::element id;
  if (record["id"].get(id) != simdjson::SUCCESS || id.is_object() || id.is_array()) return "";
  return std::string(trim(plain(id)));
}

Result<Document> read_record(dom::object record, uint32_t line) {
  Document document;
  Metadata& meta = document.meta;
  meta.format = "jsonl";
  meta.identity = record_id(record);
  if (meta.identity.empty())
    return fail(ErrorCode::kInvalid, "the record has no 'id' (a string or a number)");
  std::string_view text;
  if (record["text"].get(text) != simdjson::SUCCESS)
    return fail(ErrorCode::kInvalid, "the record has no 'text' (a string)");
  for (const dom::key_value_pair field : record) {
    if (field.key == "id" || field.key == "text") continue;
    std::string value = plain(field.value);
    if (field.key == "title")
      meta.title = std::move(value);
    else if (field.key == "label")
      meta.label = std::move(value);
    else if (field.key == "url")
      meta.url = std::move(value);
    else if (field.key == "date") {
      if (trim(value).empty()) continue;
      SILLOK_ASSIGN(const Day day, parse_day(value));
      meta.effective_from = format_day(day);
    } else if (!value.empty()) {
      meta.other[clean_utf8(field.key)] = std::move(value);
    }
  }
  document.blocks = blocks_of_text(clean_utf8(text), 1);
  for (Block& block : document.blocks)
    block.anchor.line = line;  // A record is one line of its file.
  return document;
}

Status read_jsonl(const Source& source, Budget& budget, const ItemSink& sink) {
  // UTF-8, which JSON has to be, is read in place.
  std::string converted;
  std::string_view text = source.bytes;
  if (!simdjson::validate_utf8(text.data(), text.size())) {
    converted = decode_text(text);
    text = converted;
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (!holds_records(text)) {
    return fail(ErrorCode::kInvalid,
                "its lines are not records: a line needs an 'id' and a 'text', as in {\"id\": "
                "\"A-1\", \"text\": \"...\"}");
  }
  dom::parser parser;
  Lines lines{text};
  std::string_view line;
  const std::string prefix = source.part.empty() ? "" : source.part + "/";
  while (lines.next(line)) {
    if (line.empty()) continue;
    SILLOK_TRY(budget.count_item());
    const std::string place = "line " + std::to_string(lines.number);
    dom::element value;
    dom::object record;
    const auto error = parser.parse(line.data(), line.size()).get(value);
    Item item{prefix + place, source.part,
              fail(ErrorCode::kInvalid, place + " is not a JSON object")};
    if (error != simdjson::SUCCESS) {
      item.document =
          fail(ErrorCode::kInvalid, place + " is not JSON: " + simdjson::error_message(error));
    } else if (value.get(record) == simdjson::SUCCESS) {
      const std::string id = record_id(record);
      if (!id.empty()) item.part = prefix + id;
      item.document = read_record(record, lines.number);
      if (!item.document) item.document = fail(item.document.error().in(place));
    }
    if (item.document) {
      finish(*item.document, Source{line, source.name, item.part, item.parent, source.depth + 1});
    }
    sink(std::move(item));
  }
  return {};
}

}  // namespace sillok::documents
