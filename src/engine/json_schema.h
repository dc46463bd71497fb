// Schemas as JSON: what their keywords say, and how several are one.
#pragma once

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/base.h"

namespace sillok::engine {

using Json = nlohmann::ordered_json;

// "schema, WHERE: WHAT"; for kUnsupported, that it has no form as a grammar.
tl::unexpected<Error> refuse(const std::string& where, const std::string& what, ErrorCode code = ErrorCode::kInvalid);

Result<Json> parse_schema_text(std::string_view text);
// kUnsupported for keywords that no grammar can hold to.
Status check_keywords(const Json& schema, const std::string& where);
// Whether the schema holds anything but annotations, definitions and `except`.
bool has_constraints(const Json& schema, std::string_view except);

// The types a schema allows. Without `type`, those that its other keywords speak of; else all.
Result<std::set<std::string>> types_of(const Json& schema, const std::string& where);
Result<std::vector<std::string>> required_of(const Json& schema, const std::string& where);
Result<uint32_t> count_of(const Json& schema, const char* key, uint32_t otherwise, const std::string& where);

struct Bounds {
  double low = -INFINITY, high = INFINITY;
  bool low_open = false, high_open = false;             // exclusiveMinimum, exclusiveMaximum
  std::optional<int64_t> low_exact, high_exact;         // where the bound was written as an integer
};
Result<Bounds> bounds_of(const Json& schema, const std::string& where);
bool is_true(const Json& schema, const char* key);
bool contains(const Json& list, const Json& value);
// Whether a value of `enum` or `const` keeps to the other keywords beside it.
Result<bool> satisfies(const Json& value, const Json& schema, const std::string& where);

class SchemaMerger {
 public:
  explicit SchemaMerger(const Json& root) : root_(root) {}  // root outlives it
  // Where a $ref points within the document: its pointer, made uniform, and the schema.
  Result<std::pair<std::string, const Json*>> resolve(const Json& ref, const std::string& where) const;
  // The same schema without $ref and allOf at its top.
  Result<Json> flatten(const Json& schema, const std::string& where);
  // What satisfies both.
  Result<Json> merge(const Json& a, const Json& b, const std::string& where);
  // kUnsupported unless no value can satisfy two of the branches (each together with `base`): oneOf is a choice then.
  Status check_apart(const Json& branches, const Json& base, const std::string& where);

 private:
  Result<Json> combine(Json a, const Json& b, const std::string& where);
  Status combine_keyword(Json& a, const std::string& key, const Json& value, const std::string& where);
  const Json& root_;
  uint32_t depth_ = 0;
  uint64_t work_ = 0;
};

}  // namespace sillok::engine
