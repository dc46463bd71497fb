// One JSON value as a document: objects are headings with their members below, arrays of like
// objects are tables, and every block says its path in the value.
#include <algorithm>

#include "documents/jsonl.h"

namespace sillok::documents {
namespace {

namespace dom = simdjson::dom;

constexpr uint32_t kMaxDepth = 64;  // deeper values are shown as JSON text
constexpr uint8_t kMaxHeadingLevel = 6;
constexpr size_t kMaxColumns = 64;  // of an array of objects shown as a table
constexpr size_t kRowsPerBlock = 200;
constexpr size_t kShortText = 200;  // bytes; a longer text stands below its name

bool is_scalar(dom::element value) { return !value.is_object() && !value.is_array(); }

std::string scalar_text(dom::element value) {
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) return clean_utf8(text);
  return simdjson::minify(value);
}

class JsonBlocks {
 public:
  std::vector<Block> blocks;

  void value(dom::element element, const std::string& name, const std::string& path,
             uint32_t depth) {
    dom::object object;
    dom::array array;
    if (depth < kMaxDepth && element.get(object) == simdjson::SUCCESS) {
      heading(name, path, depth);
      for (const dom::key_value_pair member : object) {
        const std::string key = clean_utf8(member.key);
        value(member.value, key, path.empty() ? key : path + "." + key, depth + 1);
      }
    } else if (depth < kMaxDepth && element.get(array) == simdjson::SUCCESS) {
      heading(name, path, depth);
      list(array, path, depth);
    } else {
      scalar(element, name, path);
    }
  }

 private:
  Block& add(BlockKind kind, uint8_t level, std::string text, const std::string& path) {
    Block block;
    block.kind = kind;
    block.level = level;
    block.text = std::move(text);
    block.anchor.part = path;
    return blocks.emplace_back(std::move(block));
  }

  void heading(const std::string& name, const std::string& path, uint32_t depth) {
    if (name.empty()) return;
    add(BlockKind::kHeading, static_cast<uint8_t>(std::clamp<uint32_t>(depth, 1, kMaxHeadingLevel)),
        name, path);
  }

  void scalar(dom::element element, const std::string& name, const std::string& path) {
    const std::string text = scalar_text(element);
    if (text.size() <= kShortText && text.find('\n') == std::string::npos) {
      add(BlockKind::kParagraph, 0, name.empty() ? text : name + ": " + text, path);
      return;
    }
    if (!name.empty()) add(BlockKind::kParagraph, 0, name + ":", path);
    for (Block& block : blocks_of_text(text, 1)) {
      block.anchor = {};
      block.anchor.part = path;
      if (block.kind == BlockKind::kHeading)
        block.level = kMaxHeadingLevel;  // Below the members' own headings.
      blocks.push_back(std::move(block));
    }
  }

  void list(dom::array array, const std::string& path, uint32_t depth) {
    if (table(array, path)) return;
    size_t index = 0;
    for (const dom::element element : array) {
      const std::string place = path + "[" + std::to_string(index++) + "]";
      if (is_scalar(element))
        add(BlockKind::kListItem, 1, scalar_text(element), place);
      else
        value(element, place, place, depth + 1);
    }
  }

  // An array of flat objects is a table with the names of their members as header.
  bool table(dom::array array, const std::string& path) {
    std::vector<std::string> columns;
    size_t rows = 0;
    for (const dom::element element : array) {
      dom::object object;
      if (element.get(object) != simdjson::SUCCESS) return false;
      ++rows;
      for (const dom::key_value_pair member : object) {
        if (!is_scalar(member.value) || scalar_text(member.value).size() > kShortText) return false;
        const std::string key = clean_utf8(member.key);
        if (std::find(columns.begin(), columns.end(), key) == columns.end()) columns.push_back(key);
      }
      if (columns.size() > kMaxColumns) return false;
    }
    if (rows < 2 || columns.empty()) return false;
    Row header;
    for (const std::string& column : columns)
      header.cells.push_back({column, 1, 1, static_cast<uint32_t>(header.cells.size())});
    Block* block = nullptr;
    for (const dom::element element : array) {
      if (block == nullptr || block->table.rows.size() > kRowsPerBlock) {
        block = &add(BlockKind::kTable, 0, "", path);
        block->table = Table{{header}, 1};
      }
      const dom::object object = element.get_object().value_unsafe();
      Row row;
      for (const std::string& column : columns) {
        dom::element cell;
        const bool there = object[column].get(cell) == simdjson::SUCCESS && !cell.is_null();
        row.cells.push_back(
            {there ? scalar_text(cell) : "", 1, 1, static_cast<uint32_t>(row.cells.size())});
      }
      block->table.rows.push_back(std::move(row));
    }
    return true;
  }
};

// An array of records is a JSONL file in other clothes.
bool all_records(dom::element value) {
  dom::array array;
  if (value.get(array) != simdjson::SUCCESS) return false;
  bool any = false;
  for (const dom::element element : array) {
    if (!is_record(element)) return false;
    any = true;
  }
  return any;
}

Status give_records(dom::array array, const Source& source, Budget& budget, const ItemSink& sink) {
  const std::string prefix = source.part.empty() ? "" : source.part + "/";
  size_t index = 0;
  for (const dom::element element : array) {
    SILLOK_TRY(budget.count_item());
    const std::string place = "[" + std::to_string(index++) + "]";
    dom::object record;
    if (element.get(record) != simdjson::SUCCESS) continue;  // Not after all_records.
    const std::string id = record_id(record);
    Item item{prefix + (id.empty() ? place : id), source.part, read_record(record, 0)};
    if (item.document)
      finish(*item.document,
             Source{source.bytes, source.name, item.part, item.parent, source.depth + 1});
    else
      item.document = fail(item.document.error().in(place));
    sink(std::move(item));
  }
  return {};
}

}  // namespace

Status read_json(const Source& source, Budget& budget, const ItemSink& sink) {
  const std::string text = decode_text(source.bytes);
  SILLOK_TRY(budget.charge(text.size()));
  dom::parser parser;
  dom::element value;
  if (const auto error = parser.parse(text).get(value); error != simdjson::SUCCESS) {
    return fail(ErrorCode::kInvalid,
                std::string("is not valid JSON: ") + simdjson::error_message(error));
  }
  if (all_records(value))
    return give_records(value.get_array().value_unsafe(), source, budget, sink);
  JsonBlocks blocks;
  blocks.value(value, "", "", 0);
  Document document;
  document.meta.format = "json";
  dom::object object;
  std::string_view title;
  if (value.get(object) == simdjson::SUCCESS && object["title"].get(title) == simdjson::SUCCESS)
    document.meta.title = clean_utf8(title);
  document.blocks = std::move(blocks.blocks);
  finish(document, source);
  sink(Item{source.part, source.parent, std::move(document)});
  return {};
}

}  // namespace sillok::documents
