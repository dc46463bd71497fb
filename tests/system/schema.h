// The part of JSON Schema that /api/openapi.json uses, checked strictly: an unknown keyword is an error of the test.
#pragma once

#include <nlohmann/json.hpp>
#include <regex>
#include <string>
#include <vector>

namespace sillok::system_test {

class SchemaChecker {
 public:
  explicit SchemaChecker(nlohmann::json document) : document_(std::move(document)) {}

  // What does not fit, "" if all does.
  std::string check(const nlohmann::json& schema, const nlohmann::json& value, const std::string& at = "$") const {
    for (const auto& [keyword, wanted] : schema.items()) {
      const std::string wrong = check_keyword(keyword, wanted, schema, value, at);
      if (!wrong.empty()) return wrong;
    }
    return "";
  }
  const nlohmann::json& resolve(const nlohmann::json& schema) const {
    if (!schema.contains("$ref")) return schema;
    return document_.at(nlohmann::json::json_pointer(schema["$ref"].get<std::string>().substr(1)));
  }

 private:
  static bool is(const std::string& type, const nlohmann::json& value) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.is_boolean();
    if (type == "integer") return value.is_number_integer();
    if (type == "number") return value.is_number();
    return type == "null" && value.is_null();
  }
  std::string check_keyword(const std::string& keyword, const nlohmann::json& wanted, const nlohmann::json& schema,
                            const nlohmann::json& value, const std::string& at) const {
    const auto wrong = [&](const std::string& what) { return at + ": " + what + ": " + value.dump().substr(0, 200); };
    if (keyword == "description" || keyword == "contentMediaType" || keyword == "required") {
      if (keyword != "required" || !value.is_object()) return "";
      for (const auto& name : wanted) {
        if (!value.contains(name.get<std::string>())) return wrong("lacks " + name.get<std::string>());
      }
      return "";
    }
    if (keyword == "$ref") return check(resolve(schema), value, at);
    if (keyword == "type") {
      if (wanted.is_string()) return is(wanted, value) ? "" : wrong("is no " + wanted.get<std::string>());
      for (const auto& type : wanted) {
        if (is(type, value)) return "";
      }
      return wrong("is none of " + wanted.dump());
    }
    if (keyword == "properties") {
      if (!value.is_object()) return "";
      for (const auto& [name, each] : value.items()) {
        if (!wanted.contains(name)) return schema.value("open", false) ? "" : wrong("has an undocumented " + name);
        const std::string inner = check(wanted[name], each, at + "." + name);
        if (!inner.empty()) return inner;
      }
      return "";
    }
    if (keyword == "items") {
      for (size_t i = 0; value.is_array() && i < value.size(); ++i) {
        const std::string inner = check(wanted, value[i], at + "[" + std::to_string(i) + "]");
        if (!inner.empty()) return inner;
      }
      return "";
    }
    if (keyword == "enum") return std::find(wanted.begin(), wanted.end(), value) != wanted.end() ? "" : wrong("is none of " + wanted.dump());
    if (keyword == "const") return value == wanted ? "" : wrong("is not " + wanted.dump());
    if (keyword == "anyOf") {
      for (const auto& each : wanted) {
        if (check(each, value, at).empty()) return "";
      }
      return wrong("fits no alternative");
    }
    if (keyword == "pattern") return value.is_string() && std::regex_search(value.get<std::string>(), std::regex(wanted.get<std::string>())) ? "" : wrong("does not match");
    if (keyword == "minimum") return value.get<double>() >= wanted.get<double>() ? "" : wrong("is too small");
    if (keyword == "maximum") return value.get<double>() <= wanted.get<double>() ? "" : wrong("is too large");
    if (keyword == "minItems") return value.size() >= wanted.get<size_t>() ? "" : wrong("has too few");
    if (keyword == "maxItems") return value.size() <= wanted.get<size_t>() ? "" : wrong("has too many");
    return at + ": the test knows no keyword " + keyword;
  }
  nlohmann::json document_;
};

}  // namespace sillok::system_test
