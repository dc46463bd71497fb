#include <nlohmann/json.hpp>

#include "evaluate/evaluate.h"

namespace sillok::evaluate {
namespace {

using nlohmann::json;

// Text of a field that must be a string (or a number, for an id); error otherwise.
Result<std::string> text_field(const json& line, const char* name, bool required) {
  const auto found = line.find(name);
  if (found == line.end() || found->is_null()) {
    if (required) return fail(ErrorCode::kInvalid, std::string("\"") + name + "\" is missing");
    return std::string();
  }
  if (found->is_string()) return found->get<std::string>();
  if (found->is_number() && std::string_view(name) == "id") return found->dump();
  return fail(ErrorCode::kInvalid, std::string("\"") + name + "\" must be a string");
}

Result<std::vector<std::string>> list_field(const json& line, const char* name) {
  std::vector<std::string> items;
  const auto found = line.find(name);
  if (found == line.end() || found->is_null()) return items;
  if (!found->is_array()) return fail(ErrorCode::kInvalid, std::string("\"") + name + "\" must be a list of strings");
  for (const json& item : *found) {
    if (!item.is_string()) return fail(ErrorCode::kInvalid, std::string("\"") + name + "\" must hold only strings");
    items.push_back(item.get<std::string>());
  }
  return items;
}

Result<GoldQuestion> parse_line(std::string_view text) {
  const json line = json::parse(text, nullptr, false);
  if (!line.is_object()) return fail(ErrorCode::kInvalid, "the line is not a JSON object");
  GoldQuestion gold;
  SILLOK_ASSIGN(gold.id, text_field(line, "id", false));
  SILLOK_ASSIGN(gold.question, text_field(line, "question", true));
  SILLOK_ASSIGN(gold.category, text_field(line, "category", false));
  SILLOK_ASSIGN(gold.label, text_field(line, "label", false));
  SILLOK_ASSIGN(gold.answers, list_field(line, "answers"));
  SILLOK_ASSIGN(gold.records, list_field(line, "records"));
  SILLOK_ASSIGN(const std::string as_of, text_field(line, "as_of", false));
  if (!as_of.empty()) {
    SILLOK_ASSIGN(gold.as_of, parse_day(as_of));
  }
  gold.answerable = !gold.answers.empty() || !gold.records.empty();
  if (const auto found = line.find("answerable"); found != line.end() && !found->is_null()) {
    if (!found->is_boolean()) return fail(ErrorCode::kInvalid, "\"answerable\" must be true or false");
    gold.answerable = found->get<bool>();
  }
  if (trim(gold.question).empty()) return fail(ErrorCode::kInvalid, "\"question\" is empty");
  return gold;
}

}  // namespace

Result<std::vector<GoldQuestion>> load_gold(const fs::path& path) {
  SILLOK_ASSIGN(const std::string bytes, read_file(path));
  std::vector<GoldQuestion> questions;
  size_t number = 0;
  for (std::string_view line : split(bytes, '\n')) {
    ++number;
    if (trim(line).empty()) continue;
    auto gold = parse_line(line);
    if (!gold) return fail(gold.error().in(path.string() + ", line " + std::to_string(number)));
    if (gold->id.empty()) gold->id = std::to_string(number);
    questions.push_back(std::move(*gold));
  }
  if (questions.empty()) return fail(ErrorCode::kInvalid, path.string() + " holds no questions");
  return questions;
}

}  // namespace sillok::evaluate
