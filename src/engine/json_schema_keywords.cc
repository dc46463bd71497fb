// What single keywords of a schema say.
#include <algorithm>
#include <array>

#include "engine/json_schema.h"

namespace sillok::engine {
namespace {

constexpr int kMaxNesting = 200;          // of the schema's text: later steps recurse over it
constexpr uint32_t kMaxCount = 100'000;   // of minLength, maxItems and the like

constexpr std::array<std::string_view, 18> kAnnotations = {
    "title", "description", "default", "examples", "$schema", "$id", "$comment", "$anchor", "$defs", "definitions",
    "deprecated", "readOnly", "writeOnly", "contentMediaType", "contentEncoding", "contentSchema", "example", "$vocabulary"};

constexpr std::array<std::string_view, 16> kWithoutForm = {
    "not", "if", "then", "else", "dependentSchemas", "dependentRequired", "dependencies", "patternProperties",
    "propertyNames", "unevaluatedProperties", "unevaluatedItems", "contains", "minContains", "maxContains",
    "$dynamicRef", "additionalItems"};

bool is_annotation(std::string_view key) {
  return std::find(kAnnotations.begin(), kAnnotations.end(), key) != kAnnotations.end();
}

// A schema's keywords by the type they speak of.
struct TypeKeywords {
  std::string_view type;
  std::vector<std::string_view> keywords;
};
const std::array<TypeKeywords, 4>& type_keywords() {
  static const std::array<TypeKeywords, 4> table = {{
      {"object", {"properties", "required", "additionalProperties", "minProperties", "maxProperties"}},
      {"array", {"items", "prefixItems", "minItems", "maxItems", "uniqueItems"}},
      {"string", {"pattern", "minLength", "maxLength", "format"}},
      {"number", {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}},
  }};
  return table;
}

bool is_type(const Json& value, const std::string& type) {
  if (type == "null") return value.is_null();
  if (type == "boolean") return value.is_boolean();
  if (type == "string") return value.is_string();
  if (type == "array") return value.is_array();
  if (type == "object") return value.is_object();
  if (type == "number") return value.is_number();
  return value.is_number_integer() || (value.is_number_float() && value.get<double>() == std::floor(value.get<double>()));
}

}  // namespace

tl::unexpected<Error> refuse(const std::string& where, const std::string& what, ErrorCode code) {
  std::string message = "schema, " + where + ": " + what;
  if (code == ErrorCode::kUnsupported) message += " cannot be held to by a grammar; leave it out and check the answer";
  return fail(code, std::move(message));
}

Result<Json> parse_schema_text(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      else if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMaxNesting) return fail(ErrorCode::kLimit, "schema: nested more than 200 deep");
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  try {
    return Json::parse(text.begin(), text.end());
  } catch (const Json::exception& e) {
    return fail(ErrorCode::kInvalid, std::string("schema: not JSON: ") + e.what());
  }
}

Status check_keywords(const Json& schema, const std::string& where) {
  for (const auto& [key, value] : schema.items()) {
    if (std::find(kWithoutForm.begin(), kWithoutForm.end(), key) != kWithoutForm.end()) {
      if (key == "patternProperties" && value.is_object() && value.empty()) continue;
      return refuse(where, "'" + key + "'", ErrorCode::kUnsupported);
    }
    if (key == "uniqueItems" && value == Json(true)) return refuse(where, "'uniqueItems'", ErrorCode::kUnsupported);
    if (key == "multipleOf" && value != Json(1)) return refuse(where, "'multipleOf'", ErrorCode::kUnsupported);
  }
  // A whole number that need not be an integer by its type.
  if (schema.contains("multipleOf") && schema.value("type", Json()) != Json("integer")) {
    return refuse(where, "'multipleOf'", ErrorCode::kUnsupported);
  }
  return {};
}

bool has_constraints(const Json& schema, std::string_view except) {
  if (!schema.is_object()) return true;
  for (const auto& item : schema.items()) {
    if (item.key() != except && !is_annotation(item.key())) return true;
  }
  return false;
}

Result<std::set<std::string>> types_of(const Json& schema, const std::string& where) {
  static const std::set<std::string> all = {"null", "boolean", "number", "string", "array", "object"};
  std::set<std::string> types;
  if (const auto type = schema.find("type"); type != schema.end()) {
    const Json list = type->is_array() ? *type : Json::array({*type});
    for (const Json& one : list) {
      if (!one.is_string() || (one != Json("integer") && !all.contains(one.get<std::string>()))) {
        return refuse(where, "'type' is one of the seven type names, or a list of them");
      }
      types.insert(one.get<std::string>());
    }
    return types;
  }
  for (const auto& [type, keywords] : type_keywords()) {
    for (const std::string_view keyword : keywords) {
      if (schema.contains(keyword)) types.emplace(type);
    }
  }
  return types.empty() ? all : types;
}

Result<std::vector<std::string>> required_of(const Json& schema, const std::string& where) {
  std::vector<std::string> names;
  const auto required = schema.find("required");
  if (required == schema.end()) return names;
  if (!required->is_array()) return refuse(where, "'required' is a list of names");
  for (const Json& name : *required) {
    if (!name.is_string()) return refuse(where, "'required' is a list of names");
    names.push_back(name.get<std::string>());
  }
  return names;
}

Result<uint32_t> count_of(const Json& schema, const char* key, uint32_t otherwise, const std::string& where) {
  const auto found = schema.find(key);
  if (found == schema.end()) return otherwise;
  const bool whole = found->is_number_integer() || (found->is_number_float() && found->get<double>() == std::floor(found->get<double>()));
  if (!whole || found->get<double>() < 0) return refuse(where, std::string("'") + key + "' is a count");
  if (found->get<double>() > kMaxCount) {
    // As a greatest count it says nothing that a grammar of this size could.
    return refuse(where, std::string("'") + key + "' exceeds 100000", ErrorCode::kLimit);
  }
  return static_cast<uint32_t>(found->get<double>());
}

Result<Bounds> bounds_of(const Json& schema, const std::string& where) {
  Bounds b;
  for (const char* key : {"minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"}) {
    const auto found = schema.find(key);
    if (found == schema.end()) continue;
    if (!found->is_number()) return refuse(where, std::string("'") + key + "' is a number");
    const double value = found->get<double>();
    const bool open = key[0] == 'e', low = std::string_view(key).ends_with("inimum");
    const bool exact = found->is_number_integer() && std::abs(value) < 9e17;
    const std::optional<int64_t> integer = exact ? std::optional(found->get<int64_t>()) : std::nullopt;
    if (low && (value > b.low || (value == b.low && open))) {
      b.low = value;
      b.low_open = open;
      b.low_exact = integer;
    }
    if (!low && (value < b.high || (value == b.high && open))) {
      b.high = value;
      b.high_open = open;
      b.high_exact = integer;
    }
  }
  return b;
}

bool is_true(const Json& schema, const char* key) {
  const auto found = schema.find(key);
  return found != schema.end() && *found == Json(true);
}

bool contains(const Json& list, const Json& value) {
  return list.is_array() && std::any_of(list.begin(), list.end(), [&](const Json& one) { return one == value; });
}

Result<bool> satisfies(const Json& value, const Json& schema, const std::string& where) {
  for (const char* key : {"pattern", "format", "properties", "required", "items", "prefixItems", "additionalProperties",
                          "minItems", "maxItems", "minProperties", "maxProperties"}) {
    if (schema.contains(key)) {
      return refuse(where, "constants together with '" + std::string(key) + "'", ErrorCode::kUnsupported);
    }
  }
  if (schema.contains("type")) {
    SILLOK_ASSIGN(const std::set<std::string> types, types_of(schema, where));
    if (std::none_of(types.begin(), types.end(), [&](const std::string& t) { return is_type(value, t); })) return false;
  }
  if (value.is_number()) {
    SILLOK_ASSIGN(const Bounds b, bounds_of(schema, where));
    const double v = value.get<double>();
    if (v < b.low || v > b.high || (b.low_open && v == b.low) || (b.high_open && v == b.high)) return false;
  }
  if (value.is_string()) {
    SILLOK_ASSIGN(const uint32_t least, count_of(schema, "minLength", 0, where));
    SILLOK_ASSIGN(const uint32_t most, count_of(schema, "maxLength", UINT32_MAX, where));
    const size_t length = to_utf32(value.get_ref<const std::string&>()).size();
    if (length < least || length > most) return false;
  }
  return true;
}

}  // namespace sillok::engine
