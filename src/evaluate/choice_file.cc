// Files of multiple-choice questions: CSV, a JSON array or JSON lines, in the shapes of KMMLU, CLIcK and HAE-RAE.
#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "evaluate/evaluate.h"

namespace sillok::evaluate {
namespace {

using nlohmann::json;

// RFC 4180: quoted fields may hold commas, line ends and doubled quotes.
Result<std::vector<std::vector<std::string>>> parse_csv(std::string_view text) {
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> row;
  std::string field;
  bool quoted = false, any = false;
  const auto end_field = [&] {
    row.push_back(std::move(field));
    field.clear();
  };
  const auto end_row = [&] {
    end_field();
    if (any) rows.push_back(std::move(row));
    row.clear();
    any = false;
  };
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c != '"') {
        field += c;
      } else if (i + 1 < text.size() && text[i + 1] == '"') {
        field += '"';
        ++i;
      } else {
        quoted = false;
      }
    } else if (c == '"' && field.empty()) {
      quoted = any = true;
    } else if (c == ',') {
      any = true;
      end_field();
    } else if (c == '\n') {
      end_row();
    } else if (c != '\r') {
      any = true;
      field += c;
    }
  }
  if (quoted) return fail(ErrorCode::kInvalid, "a quotation mark is opened and never closed");
  if (any || !row.empty()) end_row();
  return rows;
}

// The rows as objects of the header's names.
Result<std::vector<json>> objects_of_csv(std::string_view text) {
  SILLOK_ASSIGN(const auto rows, parse_csv(text));
  if (rows.empty()) return fail(ErrorCode::kInvalid, "it is empty");
  std::vector<json> objects;
  for (size_t i = 1; i < rows.size(); ++i) {
    if (rows[i].size() != rows[0].size()) {
      return fail(ErrorCode::kInvalid, "row " + std::to_string(i + 1) + " has " + std::to_string(rows[i].size()) + " fields, the header " +
                                           std::to_string(rows[0].size()));
    }
    json object = json::object();
    for (size_t f = 0; f < rows[0].size(); ++f) object[rows[0][f]] = rows[i][f];
    objects.push_back(std::move(object));
  }
  return objects;
}

Result<std::vector<json>> objects_of(std::string_view text) {
  std::vector<json> objects;
  const std::string_view start = trim(text);
  if (start.empty()) return fail(ErrorCode::kInvalid, "it is empty");
  if (start.front() == '[') {
    json whole = json::parse(start, nullptr, false);
    if (!whole.is_array()) return fail(ErrorCode::kInvalid, "it begins like a JSON array and is none");
    for (json& item : whole) objects.push_back(std::move(item));
  } else if (start.front() == '{') {
    size_t line = 0;
    for (const std::string_view part : split(text, '\n')) {
      ++line;
      if (trim(part).empty()) continue;
      json item = json::parse(part, nullptr, false);
      if (item.is_discarded()) return fail(ErrorCode::kInvalid, "line " + std::to_string(line) + " is not JSON");
      objects.push_back(std::move(item));
    }
  } else {
    return objects_of_csv(text);
  }
  return objects;
}

// A value under any of the names, as text; "" if there is none.
std::string text_of(const json& object, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const auto found = object.find(name);
    if (found == object.end() || found->is_null()) continue;
    if (found->is_string()) return std::string(trim(found->get<std::string>()));
    if (found->is_number_integer()) return std::to_string(found->get<int64_t>());
    if (found->is_number_float()) return std::to_string(found->get<double>());
  }
  return "";
}

// A list as JSON has it, or as Python prints it: ['a', "b's"].
std::vector<std::string> list_of(const json& value) {
  std::vector<std::string> items;
  if (value.is_array()) {
    for (const json& item : value) {
      if (item.is_string()) items.emplace_back(trim(item.get<std::string>()));
      if (item.is_number()) items.push_back(item.dump());
    }
    return items.size() == value.size() ? items : std::vector<std::string>();
  }
  if (!value.is_string()) return items;
  const auto text = value.get<std::string>();
  for (size_t i = 0; i < text.size(); ++i) {
    const char quote = text[i];
    if (quote != '\'' && quote != '"') continue;
    std::string item;
    for (++i; i < text.size() && text[i] != quote; ++i) {
      if (text[i] == '\\' && i + 1 < text.size()) ++i;
      item += text[i];
    }
    if (i == text.size()) return {};
    items.emplace_back(trim(item));
  }
  return items;
}

// "3", "(C)", "C." or, if `by_text`, a choice's own text, which then comes first: choices may be numbers themselves.
std::optional<size_t> answer_of(const std::string& written, const std::vector<std::string>& choices, bool by_text) {
  for (size_t i = 0; by_text && i < choices.size(); ++i) {
    if (choices[i] == written) return i;
  }
  size_t number = 0;
  const char* end = written.data() + written.size();
  const auto [stop, error] = std::from_chars(written.data(), end, number);
  if (error == std::errc() && (stop == end || std::string_view(stop, end) == ".0")) {
    return number >= 1 && number <= choices.size() ? std::optional(number - 1) : std::nullopt;
  }
  std::string letter;
  for (const char c : written) {
    if (c != '(' && c != ')' && c != '.' && c != ' ') letter += c;
  }
  if (letter.size() != 1) return std::nullopt;
  const char upper = static_cast<char>(letter[0] & ~0x20);
  if (upper < 'A' || static_cast<size_t>(upper - 'A') >= choices.size()) return std::nullopt;
  return static_cast<size_t>(upper - 'A');
}

Result<ChoiceQuestion> question_of(const json& object, size_t row) {
  const std::string where = "question " + std::to_string(row);
  if (!object.is_object()) return fail(ErrorCode::kInvalid, where + " is not an object");
  ChoiceQuestion q;
  q.id = text_of(object, {"id", "ID"});
  if (q.id.empty()) q.id = std::to_string(row);
  q.category = text_of(object, {"Category", "category", "subject", "type"});
  q.context = text_of(object, {"paragraph", "context"});
  q.question = text_of(object, {"question", "query"});
  for (const char* name : {"choices", "options"}) {
    if (object.contains(name)) q.choices = list_of(object[name]);
  }
  const bool listed = !q.choices.empty();  // else in columns, where the answer is a number (KMMLU)
  for (char letter = 'A'; letter <= 'Z' && q.choices.size() == static_cast<size_t>(letter - 'A'); ++letter) {
    const std::string choice = text_of(object, {std::string(1, letter).c_str()});
    if (choice.empty()) break;
    q.choices.push_back(choice);
  }
  if (q.question.empty()) return fail(ErrorCode::kInvalid, where + " has no \"question\" (or \"query\")");
  if (q.choices.size() < 2 || q.choices.size() > 26) {
    return fail(ErrorCode::kInvalid, where + " has " + std::to_string(q.choices.size()) +
                                         " choices; give 2 to 26 as \"choices\" or \"options\", or in columns A, B, C ...");
  }
  const std::string answer = text_of(object, {"answer"});
  const auto index = answer_of(answer, q.choices, listed && object.contains("answer") && object["answer"].is_string());
  if (!index) {
    return fail(ErrorCode::kInvalid, where + ": its answer \"" + answer + "\" is no choice, number from 1, or letter");
  }
  q.answer = *index;
  return q;
}

}  // namespace

Result<std::vector<ChoiceQuestion>> load_choices(const fs::path& path) {
  SILLOK_ASSIGN(std::string bytes, read_file(path));
  if (bytes.starts_with("\xEF\xBB\xBF")) bytes.erase(0, 3);
  auto objects = objects_of(bytes);
  if (!objects) return fail(objects.error().in(path.string()));
  if (objects->empty()) return fail(ErrorCode::kInvalid, path.string() + ": no questions in it");
  std::vector<ChoiceQuestion> questions;
  for (const json& object : *objects) {
    auto question = question_of(object, questions.size() + 1);
    if (!question) return fail(question.error().in(path.string()));
    questions.push_back(std::move(*question));
  }
  return questions;
}

}  // namespace sillok::evaluate
