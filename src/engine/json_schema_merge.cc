// References, allOf, and whether the branches of oneOf can be told apart.
#include <algorithm>

#include "engine/json_schema.h"

namespace sillok::engine {
namespace {

constexpr uint32_t kMaxDepth = 32;        // of references and allOf within each other
constexpr uint64_t kMaxWork = 20'000;     // merges in one schema
constexpr size_t kMaxBranches = 64;       // of two anyOf multiplied, and of a oneOf

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto hex = [&](size_t at) {
      const char c = at < text.size() ? text[at] : 'z', letter = static_cast<char>(c | 0x20);
      return c >= '0' && c <= '9' ? c - '0' : letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
    };
    if (text[i] == '%' && hex(i + 1) >= 0 && hex(i + 2) >= 0) {
      out += static_cast<char>(hex(i + 1) * 16 + hex(i + 2));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

Json both(const Json& a, const Json& b) {
  if (a == b) return a;
  if (a.is_boolean()) return a.get<bool>() ? b : a;
  if (b.is_boolean()) return b.get<bool>() ? a : b;
  Json out;
  out["allOf"] = Json::array({a, b});
  return out;
}

bool overlap(const std::set<std::string>& a, const std::set<std::string>& b) {
  for (const std::string& type : a) {
    if (b.contains(type) || (type == "integer" && b.contains("number")) || (type == "number" && b.contains("integer"))) return true;
  }
  return false;
}

// The values a schema names, or null.
Json named_values(const Json& schema) {
  if (!schema.is_object()) return nullptr;
  if (schema.contains("const")) return Json::array({schema["const"]});
  return schema.contains("enum") && schema["enum"].is_array() ? schema["enum"] : Json(nullptr);
}
bool values_apart(const Json& a, const Json& b) {
  if (!a.is_array() || !b.is_array()) return false;
  return std::none_of(a.begin(), a.end(), [&](const Json& value) { return contains(b, value); });
}

}  // namespace

Result<std::pair<std::string, const Json*>> SchemaMerger::resolve(const Json& ref, const std::string& where) const {
  if (!ref.is_string()) return refuse(where, "'$ref' is a string");
  const std::string& text = ref.get_ref<const std::string&>();
  if (text.empty() || text[0] != '#') {
    return refuse(where, "'$ref' to another document, " + shorten(text, 80) + ",", ErrorCode::kUnsupported);
  }
  const std::string pointer = percent_decoded(std::string_view(text).substr(1));
  if (!pointer.empty() && pointer[0] != '/') return refuse(where, "'$ref' by anchor", ErrorCode::kUnsupported);
  try {
    const Json::json_pointer parsed(pointer);
    if (!root_.contains(parsed)) return refuse(where, "there is nothing at " + shorten(text, 80));
    return std::pair("#" + parsed.to_string(), &root_.at(parsed));
  } catch (const Json::exception&) {
    return refuse(where, "'$ref' " + shorten(text, 80) + " is no JSON pointer");
  }
}

Result<Json> SchemaMerger::flatten(const Json& schema, const std::string& where) {
  if (schema.is_boolean()) return schema;
  if (!schema.is_object()) return refuse(where, "a schema is an object or a boolean");
  SILLOK_TRY(check_keywords(schema, where));
  if (!schema.contains("$ref") && !schema.contains("allOf")) return schema;
  if (++work_ > kMaxWork) return refuse(where, "too many references and allOf", ErrorCode::kLimit);
  if (++depth_ > kMaxDepth) {
    depth_ = 0;
    return refuse(where, "'$ref' and 'allOf' in a circle, or nested more than 32 deep,", ErrorCode::kUnsupported);
  }
  Json out = schema;
  out.erase("$ref");
  out.erase("allOf");
  if (schema.contains("$ref")) {
    SILLOK_ASSIGN(const auto target, resolve(schema["$ref"], where));
    SILLOK_ASSIGN(const Json other, flatten(*target.second, target.first));
    SILLOK_ASSIGN(out, combine(std::move(out), other, where));
  }
  if (schema.contains("allOf")) {
    if (!schema["allOf"].is_array()) return refuse(where, "'allOf' is a list of schemas");
    for (const Json& part : schema["allOf"]) {
      SILLOK_ASSIGN(const Json other, flatten(part, where + "/allOf"));
      SILLOK_ASSIGN(out, combine(std::move(out), other, where));
    }
  }
  --depth_;
  return out;
}

Result<Json> SchemaMerger::merge(const Json& a, const Json& b, const std::string& where) {
  SILLOK_ASSIGN(Json left, flatten(a, where));
  SILLOK_ASSIGN(const Json right, flatten(b, where));
  return combine(std::move(left), right, where);
}

Result<Json> SchemaMerger::combine(Json a, const Json& b, const std::string& where) {
  if (++work_ > kMaxWork) return refuse(where, "too many schemas to merge", ErrorCode::kLimit);
  if (a.is_boolean()) return a.get<bool>() ? b : a;
  if (b.is_boolean()) return b.get<bool>() ? a : b;
  // A property that one side declares is held to what the other says of additional ones.
  const auto extend = [](Json& to, const Json& from) {
    if (!from.contains("additionalProperties") || !to.contains("properties") || !to["properties"].is_object()) return;
    for (auto& [name, schema] : to["properties"].items()) {
      const bool declared = from.contains("properties") && from["properties"].contains(name);
      if (!declared) schema = both(schema, from["additionalProperties"]);
    }
  };
  Json other = b;
  extend(a, b);
  extend(other, a);
  for (const auto& [key, value] : other.items()) {
    if (!a.contains(key)) a[key] = value;
    else SILLOK_TRY(combine_keyword(a, key, value, where));
    if (a.is_boolean()) return a;
  }
  return a;
}

Status SchemaMerger::combine_keyword(Json& a, const std::string& key, const Json& value, const std::string& where) {
  Json& held = a[key];
  if (held == value || !has_constraints(Json{{key, value}}, "")) return {};
  if (key == "type") {
    SILLOK_ASSIGN(const std::set<std::string> left, types_of(a, where));
    SILLOK_ASSIGN(const std::set<std::string> right, types_of(Json{{"type", value}}, where));
    Json shared = Json::array();
    for (const std::string& type : left) {
      if (right.contains(type) || (type == "integer" && right.contains("number"))) shared.push_back(type);
    }
    if (right.contains("integer") && left.contains("number") && !left.contains("integer")) shared.push_back("integer");
    if (shared.empty()) a = false;
    else held = shared;
    return {};
  }
  if (key == "properties") {
    if (!held.is_object() || !value.is_object()) return refuse(where, "'properties' is an object");
    for (const auto& [name, schema] : value.items()) {
      held[name] = held.contains(name) ? both(held[name], schema) : schema;
    }
    return {};
  }
  if (key == "required" || key == "allOf") {
    if (!held.is_array() || !value.is_array()) return refuse(where, "'" + key + "' is a list");
    for (const Json& one : value) {
      if (!contains(held, one)) held.push_back(one);
    }
    return {};
  }
  if (key == "additionalProperties" || key == "items") {
    held = both(held, value);
    return {};
  }
  if (key == "enum") {
    Json shared = Json::array();
    for (const Json& one : held) {
      if (contains(value, one)) shared.push_back(one);
    }
    held = shared;
    if (shared.empty()) a = false;
    return {};
  }
  if (key == "const") {
    a = false;  // two different constants
    return {};
  }
  if (key == "nullable") {
    held = false;
    return {};
  }
  if (key == "anyOf") {
    if (!held.is_array() || !value.is_array()) return refuse(where, "'anyOf' is a list of schemas");
    if (held.size() * value.size() > kMaxBranches) return refuse(where, "two 'anyOf' of more than 64 pairs", ErrorCode::kLimit);
    Json pairs = Json::array();
    for (const Json& left : held) {
      for (const Json& right : value) pairs.push_back(both(left, right));
    }
    held = pairs;
    return {};
  }
  const bool least = key.starts_with("min") || key == "exclusiveMinimum", most = key.starts_with("max") || key == "exclusiveMaximum";
  if ((least || most) && held.is_number() && value.is_number()) {
    const bool tighter = least ? value.get<double>() > held.get<double>() : value.get<double>() < held.get<double>();
    if (tighter) held = value;
    return {};
  }
  return refuse(where, "two different '" + key + "' at once", ErrorCode::kUnsupported);
}

Status SchemaMerger::check_apart(const Json& branches, const Json& base, const std::string& where) {
  if (branches.size() > kMaxBranches) return refuse(where, "'oneOf' of more than 64 schemas", ErrorCode::kLimit);
  std::vector<Json> all;
  for (const Json& branch : branches) {
    SILLOK_ASSIGN(Json one, merge(base, branch, where));
    all.push_back(std::move(one));
  }
  const auto apart = [&](const Json& a, const Json& b) -> Result<bool> {
    if (a == Json(false) || b == Json(false)) return true;
    if (!a.is_object() || !b.is_object()) return false;
    if (values_apart(named_values(a), named_values(b))) return true;
    // What `type` leaves out is not taken from the other keywords here: they hold for other types too.
    if (!a.contains("type") || !b.contains("type") || is_true(a, "nullable") || is_true(b, "nullable")) return false;
    SILLOK_ASSIGN(const std::set<std::string> left, types_of(a, where));
    SILLOK_ASSIGN(const std::set<std::string> right, types_of(b, where));
    if (!overlap(left, right)) return true;
    if (left != std::set<std::string>{"object"} || left != right) return false;
    SILLOK_ASSIGN(const std::vector<std::string> left_required, required_of(a, where));
    SILLOK_ASSIGN(const std::vector<std::string> right_required, required_of(b, where));
    const Json none = Json::object();
    const Json& p = a.contains("properties") ? a["properties"] : none;
    const Json& q = b.contains("properties") ? b["properties"] : none;
    for (const std::string& name : left_required) {
      // One requires what the other has not, or both require it with different values.
      if (b.value("additionalProperties", Json()) == Json(false) && !q.contains(name)) return true;
      if (std::find(right_required.begin(), right_required.end(), name) == right_required.end()) continue;
      if (p.contains(name) && q.contains(name) && values_apart(named_values(p[name]), named_values(q[name]))) return true;
    }
    for (const std::string& name : right_required) {
      if (a.value("additionalProperties", Json()) == Json(false) && !p.contains(name)) return true;
    }
    return false;
  };
  for (size_t i = 0; i < all.size(); ++i) {
    for (size_t j = i + 1; j < all.size(); ++j) {
      SILLOK_ASSIGN(const bool is_apart, apart(all[i], all[j]));
      if (is_apart) continue;
      return refuse(where, "'oneOf' whose schemas " + std::to_string(i) + " and " + std::to_string(j) +
                               " are not told apart by type or by a constant of a required property (use anyOf)",
                    ErrorCode::kUnsupported);
    }
  }
  return {};
}

}  // namespace sillok::engine
