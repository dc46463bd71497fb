// JSON Schema as a constraint: what it takes and refuses, and random walks against a validator written apart from it.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <random>
#include <regex>

#include "engine/engine.h"
#include "tests/engine/fake_tokenizer.h"

namespace sillok::engine {
namespace {

using Json = nlohmann::ordered_json;

const FakeTokenizer& tokenizer() {
  static const FakeTokenizer made({"{\"", "\":", "\": ", "\",", "\"}", "true", "false", "null", "12", "가나", "나\"", "\", \"",
                                   "}}", "]]", ", ", "\n  ", "\\u00", "\\n", "name", "hello", "true}", "[]", "{}", "\":{\""});
  return made;
}

std::shared_ptr<const Grammar> schema(const std::string& text) {
  auto made = Grammar::from_json_schema(text, tokenizer());
  EXPECT_TRUE(made) << text << "\n" << (made ? "" : made.error().message);
  return made ? *made : nullptr;
}

bool takes(const std::shared_ptr<const Grammar>& grammar, std::string_view text) {
  if (!grammar) return false;
  Constraint c(grammar);
  for (const Token token : tokenizer().encode(text, {})) {
    if (!c.accept(token)) return false;
  }
  return c.complete();
}

struct Case {
  const char* schema;
  std::vector<const char*> yes, no;
};

TEST(JsonSchema, TakesWhatSatisfiesItAndNothingElse) {
  const Case cases[] = {
      {R"({"type":"null"})", {"null"}, {"", "nul", "0", " null"}},
      {R"({"type":["boolean","string"]})", {"true", "\"a\\n\\u00e9한\""}, {"1", "\"a", "\"\n\"", "\"\\ud800\"", "\"\\q\""}},
      {R"({"type":"integer"})", {"0", "-12", "123456789012345678"}, {"-0", "01", "1.0", "1e2", "1234567890123456789"}},
      {R"({"type":"number"})", {"0", "-1.50", "2e-3", "1E+10"}, {"01", ".5", "1.", "+1", "NaN"}},
      {R"({"type":"integer","minimum":-5,"maximum":120})", {"-5", "-1", "0", "9", "99", "120"}, {"-6", "121", "130", "-0"}},
      {R"({"type":"integer","exclusiveMinimum":9,"maximum":1000.5})", {"10", "1000"}, {"9", "1001"}},
      {R"({"type":"number","minimum":0,"exclusiveMaximum":1})", {"0", "0.5", "0.999"}, {"1", "-0.1", "1.0", "0.5e1"}},
      {R"({"type":"number","exclusiveMinimum":-2,"maximum":3})", {"-1.99", "-0.5", "0", "3", "3.0"}, {"-2", "-2.0", "3.1"}},
      {R"({"type":"string","minLength":2,"maxLength":3})", {"\"가나\"", "\"\\n\\nx\""}, {"\"a\"", "\"abcd\""}},
      {R"({"type":"string","pattern":"^[A-Z]{2}-\\d+$"})", {"\"QM-01\""}, {"\"Q-1\"", "\"xQM-1\"", "\"QM-\""}},
      {R"({"type":"string","pattern":"a(b|\")c?"})", {"\"zzabyy\"", "\"a\\\"c\""}, {"\"zz\"", "\"a\""}},
      {R"({"type":"string","format":"date"})", {"\"2024-02-28\"", "\"1999-12-31\""}, {"\"2024-13-01\"", "\"2024-04-31\"", "\"24-01-01\""}},
      {R"({"type":"string","format":"date-time"})", {"\"2024-02-01T23:59:59.5Z\"", "\"2024-02-01T00:00:00+09:00\""}, {"\"2024-02-01\"", "\"2024-02-01T24:00:00Z\""}},
      {R"({"type":"string","format":"uuid"})", {"\"01234567-89ab-cdef-0123-456789abcdef\""}, {"\"0123\""}},
      {R"({"enum":["a",1,null,{"k":[1,2]}]})", {"\"a\"", "1", "null", "{\"k\": [1, 2]}", "{\"k\":[1,2]}"}, {"\"b\"", "2", "{\"k\": [1]}"}},
      {R"({"const":"한\"글"})", {"\"한\\\"글\""}, {"\"한\""}},
      {R"({"type":"integer","enum":["x",1,2.5,3],"maximum":2})", {"1"}, {"\"x\"", "3", "2.5"}},
      {R"({"type":"array","items":{"type":"integer"},"minItems":1,"maxItems":3})", {"[1]", "[1, 2,3]", "[\n  1,\n  2\n]"}, {"[]", "[1,2,3,4]", "[1,]", "[  1]"}},
      {R"({"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}],"items":false,"minItems":1})", {"[1]", "[1,\"a\"]"}, {"[]", "[\"a\"]", "[1,\"a\",2]"}},
      {R"({"type":"array","prefixItems":[{"type":"null"}],"items":{"type":"boolean"},"minItems":2,"maxItems":3})", {"[null,true]", "[null,true,false]"}, {"[null]", "[true,true]", "[null,true,true,true]"}},
      {R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"null"},"c":{"type":"boolean"}},"required":["b"]})",
       {"{\"b\":null}", "{\"a\": 1, \"b\": null, \"c\": true}", "{\n  \"b\": null,\n  \"c\": false\n}"},
       {"{}", "{\"a\":1}", "{\"c\":true,\"b\":null}", "{\"b\":null,}", "{,\"b\":null}", "{\"b\":null,\"d\":1}"}},
      {R"({"type":"object","properties":{"ab":{"type":"null"}},"additionalProperties":{"type":"integer"}})",
       {"{}", "{\"ab\":null}", "{\"x\":1}", "{\"ab\":null,\"abc\":2,\"a\":3,\"\":4}", "{\"a\\\"\":5}"},
       {"{\"ab\":1}", "{\"a\\u0062\":1}", "{\"x\":null}", "{\"x\":1,\"ab\":1}"}},
      {R"({"type":"object","required":["z"],"additionalProperties":{"type":"boolean"}})", {"{\"z\":true}", "{\"z\":true,\"y\":false}"}, {"{}", "{\"y\":true}"}},
      {R"({"type":"object"})", {"{}", "{\"a\":{\"b\":[1,\"x\",null]}}"}, {"[]", "{a:1}"}},
      {R"({})", {"1", "\"x\"", "[{}]", "{\"a\":[]}"}, {"", "tru"}},
      {R"({"anyOf":[{"type":"integer","minimum":5},{"const":"none"}]})", {"5", "\"none\""}, {"4", "\"x\""}},
      {R"({"type":"object","properties":{"k":{"type":"integer"}},"required":["k"],"anyOf":[{"properties":{"k":{"maximum":3}}},{"properties":{"k":{"minimum":7}}}]})", {"{\"k\":3}", "{\"k\":7}"}, {"{\"k\":5}", "{}"}},
      {R"({"oneOf":[{"type":"object","properties":{"t":{"const":"a"},"x":{"type":"integer"}},"required":["t"]},{"type":"object","properties":{"t":{"const":"b"}},"required":["t"]}]})", {"{\"t\":\"a\",\"x\":1}", "{\"t\":\"b\"}"}, {"{\"t\":\"c\"}", "{\"t\":\"b\",\"x\":1}"}},
      {R"({"allOf":[{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]},{"properties":{"b":{"type":"null"},"a":{"maximum":9}},"required":["b"]}]})", {"{\"a\":9,\"b\":null}"}, {"{\"a\":10,\"b\":null}", "{\"a\":1}"}},
      {R"({"$defs":{"n":{"type":"object","properties":{"v":{"type":"integer"},"next":{"$ref":"#/$defs/n"}},"required":["v"]}},"$ref":"#/$defs/n"})", {"{\"v\":1}", "{\"v\":1,\"next\":{\"v\":2,\"next\":{\"v\":3}}}"}, {"{\"v\":1,\"next\":{}}"}},
      {R"({"type":"array","items":{"$ref":"#"}})", {"[]", "[[],[[]]]"}, {"[1]"}},
      {R"({"type":"string","nullable":true,"maxLength":1})", {"null", "\"a\""}, {"\"ab\""}},
      {R"({"properties":{"a":false,"b":true}})", {"{}", "{\"b\":[1]}"}, {"{\"a\":1}", "[]"}},
  };
  for (const Case& c : cases) {
    const auto grammar = schema(c.schema);
    for (const char* text : c.yes) EXPECT_TRUE(takes(grammar, text)) << c.schema << "\n" << text;
    for (const char* text : c.no) EXPECT_FALSE(takes(grammar, text)) << c.schema << "\n" << text;
  }
}

TEST(JsonSchema, RefusesByNameWhatAGrammarCannotHold) {
  const struct { const char* schema; ErrorCode code; const char* says; } cases[] = {
      {"{", ErrorCode::kInvalid, "not JSON"},
      {"[]", ErrorCode::kInvalid, "a schema is an object"},
      {"false", ErrorCode::kInvalid, "no value"},
      {R"({"type":"strin"})", ErrorCode::kInvalid, "type"},
      {R"({"properties":{"a":{"not":{}}}})", ErrorCode::kUnsupported, "#/properties/a: 'not'"},
      {R"({"type":"array","uniqueItems":true})", ErrorCode::kUnsupported, "uniqueItems"},
      {R"({"type":"integer","multipleOf":5})", ErrorCode::kUnsupported, "multipleOf"},
      {R"({"type":"string","pattern":"(?=a)b"})", ErrorCode::kUnsupported, "look-around"},
      {R"({"type":"string","pattern":"(a)\\1"})", ErrorCode::kUnsupported, "back reference"},
      {R"({"type":"string","pattern":"a","minLength":2})", ErrorCode::kUnsupported, "minLength"},
      {R"({"type":"string","pattern":"a("})", ErrorCode::kInvalid, "')'"},
      {R"({"type":"number","minimum":0.5})", ErrorCode::kUnsupported, "whole numbers"},
      {R"({"oneOf":[{"type":"integer"},{"type":"number"}]})", ErrorCode::kUnsupported, "oneOf"},
      {R"({"type":"object","minProperties":1})", ErrorCode::kUnsupported, "minProperties"},
      {R"({"$ref":"other.json"})", ErrorCode::kUnsupported, "another document"},
      {R"({"$ref":"#/$defs/x"})", ErrorCode::kInvalid, "nothing at"},
      {R"({"$ref":"#"})", ErrorCode::kInvalid, "ends"},
      {R"({"type":"object","properties":{"n":{"$ref":"#"}},"required":["n"]})", ErrorCode::kInvalid, "ends"},
      {R"({"allOf":[{"$ref":"#"}]})", ErrorCode::kUnsupported, "circle"},
      {R"({"allOf":[{"type":"integer"},{"type":"string"}]})", ErrorCode::kInvalid, "no value"},
      {R"({"type":"string","minLength":1e9})", ErrorCode::kLimit, "minLength"},
      {R"({"type":"string","nullable":3,"minLength":"x"})", ErrorCode::kInvalid, "minLength"},
      {R"({"minItems":-1})", ErrorCode::kInvalid, "minItems"},
  };
  for (const auto& c : cases) {
    const auto made = Grammar::from_json_schema(c.schema, tokenizer());
    ASSERT_FALSE(made) << c.schema;
    EXPECT_EQ(made.error().code, c.code) << c.schema << " " << made.error().message;
    EXPECT_NE(made.error().message.find(c.says), std::string::npos) << made.error().message;
  }
  std::string chain = R"({"$defs":{)";  // 3,000 references one after the other
  for (int i = 0; i < 3'000; ++i) {
    chain += "\"d" + std::to_string(i) + R"(":{"type":"array","items":{"$ref":"#/$defs/d)" + std::to_string(i + 1) + "\"}},";
  }
  EXPECT_TRUE(schema(chain + R"("d3000":{"type":"null"}},"$ref":"#/$defs/d0"})"));
  std::string deep(100'000, '[');
  EXPECT_EQ(Grammar::from_json_schema(deep, tokenizer()).error().code, ErrorCode::kLimit);
}

TEST(JsonSchema, IntegerRangesAreExact) {
  std::mt19937_64 random(11);
  for (int trial = 0; trial < 60; ++trial) {
    int64_t low = static_cast<int64_t>(random() % 4000) - 2000, high = static_cast<int64_t>(random() % 4000) - 2000;
    if (low > high) std::swap(low, high);
    const auto grammar = schema("{\"type\":\"integer\",\"minimum\":" + std::to_string(low) + ",\"maximum\":" + std::to_string(high) + "}");
    for (int64_t i = -2100; i <= 2100; ++i) ASSERT_EQ(takes(grammar, std::to_string(i)), low <= i && i <= high) << low << ".." << high << ": " << i;
  }
}

// ---- A validator that shares nothing with what is tested

class Validator {
 public:
  explicit Validator(const Json& root) : root_(root) {}
  bool valid(const Json& v, const Json& s) const {
    if (s.is_boolean()) return s.get<bool>();
    if (s.contains("$ref") && !valid(v, root_.at(Json::json_pointer(s["$ref"].get<std::string>().substr(1))))) return false;
    if (s.value("nullable", false) && v.is_null()) return true;
    if (s.contains("type") && !type_fits(v, s["type"])) return false;
    if (s.contains("const") && v != s["const"]) return false;
    if (s.contains("enum") && std::find(s["enum"].begin(), s["enum"].end(), v) == s["enum"].end()) return false;
    if (s.contains("anyOf") && count(v, s["anyOf"]) == 0) return false;
    if (s.contains("oneOf") && count(v, s["oneOf"]) != 1) return false;
    if (s.contains("allOf") && count(v, s["allOf"]) != s["allOf"].size()) return false;
    if (v.is_number()) return number(v.get<double>(), s);
    if (v.is_string()) return string(v.get<std::string>(), s);
    if (v.is_array()) return array(v, s);
    if (v.is_object()) return object(v, s);
    return true;
  }

 private:
  static bool type_is(const Json& v, const std::string& t) {
    if (t == "integer") return v.is_number() && v.get<double>() == std::floor(v.get<double>());
    if (t == "number") return v.is_number();
    return (t == "null" && v.is_null()) || (t == "boolean" && v.is_boolean()) || (t == "string" && v.is_string()) ||
           (t == "array" && v.is_array()) || (t == "object" && v.is_object());
  }
  static bool type_fits(const Json& v, const Json& type) {
    if (type.is_string()) return type_is(v, type);
    return std::any_of(type.begin(), type.end(), [&](const Json& t) { return type_is(v, t); });
  }
  size_t count(const Json& v, const Json& list) const {
    size_t n = 0;
    for (const Json& s : list) n += valid(v, s) ? 1 : 0;
    return n;
  }
  static bool number(double d, const Json& s) {
    return d >= s.value("minimum", -1e300) && d <= s.value("maximum", 1e300) && d > s.value("exclusiveMinimum", -1e300) &&
           d < s.value("exclusiveMaximum", 1e300);
  }
  static bool string(const std::string& text, const Json& s) {
    const size_t n = to_utf32(text).size();
    if (n < s.value("minLength", size_t{0}) || n > s.value("maxLength", SIZE_MAX)) return false;
    if (s.contains("pattern") && !std::regex_search(text, std::regex(s["pattern"].get<std::string>()))) return false;
    if (s.value("format", "") == "date") return parse_day(text).has_value() && text.size() == 10;
    return true;
  }
  bool array(const Json& v, const Json& s) const {
    if (v.size() < s.value("minItems", size_t{0}) || v.size() > s.value("maxItems", SIZE_MAX)) return false;
    const size_t fixed = s.contains("prefixItems") ? s["prefixItems"].size() : 0;
    for (size_t i = 0; i < v.size(); ++i) {
      if (i < fixed ? !valid(v[i], s["prefixItems"][i]) : (s.contains("items") && !valid(v[i], s["items"]))) return false;
    }
    return true;
  }
  bool object(const Json& v, const Json& s) const {
    if (s.contains("required")) {
      for (const Json& name : s["required"]) {
        if (!v.contains(name.get<std::string>())) return false;
      }
    }
    for (const auto& [name, held] : v.items()) {
      if (s.contains("properties") && s["properties"].contains(name)) {
        if (!valid(held, s["properties"][name])) return false;
      } else if (s.contains("additionalProperties") && !valid(held, s["additionalProperties"])) {
        return false;
      }
    }
    return true;
  }
  const Json& root_;
};

// ---- Random schemas

class SchemaMaker {
 public:
  explicit SchemaMaker(uint32_t seed) : random_(seed) {}
  Json make() {
    Json s = one(3);
    if (!s.contains("$defs")) s["$defs"] = {{"leaf", one(0)}, {"tree", {{"type", "object"}, {"properties", {{"v", one(0)}, {"t", {{"$ref", "#/$defs/tree"}}}}}, {"required", {"v"}}}}};
    return s;
  }

 private:
  size_t pick(size_t n) { return random_() % n; }
  bool chance(size_t percent) { return pick(100) < percent; }
  Json one(int depth) {
    switch (pick(depth > 0 ? 13 : 8)) {
      case 0: return {{"type", "string"}, {"minLength", pick(3)}, {"maxLength", 2 + pick(6)}};
      case 1: { const int low = static_cast<int>(pick(200)) - 100; return {{"type", "integer"}, {"minimum", low}, {chance(50) ? "maximum" : "exclusiveMaximum", low + 1 + static_cast<int>(pick(500))}}; }
      case 2: { const int low = static_cast<int>(pick(20)) - 10; return {{"type", "number"}, {chance(50) ? "minimum" : "exclusiveMinimum", low}, {"maximum", low + 1 + static_cast<int>(pick(9))}}; }
      case 3: return {{"type", {"boolean", "null"}}};
      case 4: return {{"enum", {"x", 5, nullptr, "긴 말", Json::array({1, "y"}), true}}};
      case 5: { const char* patterns[] = {"^[a-z]+$", "^(ab|c){1,3}\"?$", "^\\d{3}-\\w?$", "^[^x\\\\]{0,3}z$"}; return {{"type", "string"}, {"pattern", patterns[pick(3)]}}; }
      case 6: return {{"type", "string"}, {"format", "date"}};
      case 7: return {{"type", {"integer", "string"}}, {"nullable", chance(50)}};
      case 8: { Json s = {{"type", "array"}, {"items", one(depth - 1)}, {"minItems", pick(2)}, {"maxItems", 2 + pick(3)}}; if (chance(40)) s["prefixItems"] = {one(0), one(depth - 1)}; return s; }
      case 9: return {{"anyOf", {one(depth - 1), one(depth - 1)}}};
      case 10: return {{"$ref", chance(50) ? "#/$defs/leaf" : "#/$defs/tree"}};
      case 11: {
        Json a = object(depth - 1), b = object(depth - 1);
        a["properties"]["kind"] = {{"const", "a"}};
        b["properties"]["kind"] = {{"enum", {"b", "c"}}};
        a["required"].push_back("kind");
        b["required"].push_back("kind");
        return {{"oneOf", {a, b}}};
      }
      default: return chance(80) ? object(depth - 1) : Json{{"allOf", {Json{{"type", "object"}, {"properties", {{"p", one(0)}}}, {"required", {"p"}}}, Json{{"properties", {{"q", one(depth - 1)}}}}}}};
    }
  }
  Json object(int depth) {
    Json s = {{"type", "object"}, {"properties", Json::object()}, {"required", Json::array()}};
    const char* names[] = {"a", "ab", "제목", "with \"quote\"", "n"};
    for (const char* name : names) {
      if (chance(45)) continue;
      s["properties"][name] = one(depth);
      if (chance(50)) s["required"].push_back(name);
    }
    if (chance(40)) s["additionalProperties"] = chance(30) ? Json(false) : one(0);
    return s;
  }
  std::mt19937 random_;
};

// Walks the constraint at random, then towards an end; gives the text.
std::string random_text(const std::shared_ptr<const Grammar>& grammar, std::mt19937& random) {
  Constraint c(grammar);
  std::string text;
  std::vector<uint64_t> bits((tokenizer().size() + 63) / 64);
  const size_t wander = random() % 80;
  for (size_t step = 0; step < 4'000; ++step) {
    c.allowed(bits);
    std::vector<Token> options;
    for (size_t t = 0; t < tokenizer().size(); ++t) {
      if (bits[t / 64] >> (t % 64) & 1) options.push_back(static_cast<Token>(t));
    }
    if (options.empty()) ADD_FAILURE() << "a dead end after " << text;
    if (options.empty()) return text;
    Token token = options[random() % options.size()];
    if (step >= wander) {
      if (c.complete()) return text;
      for (const char closing : {',', '{', '[', '\\', '\n', ' '}) {  // leave these for last
        for (int tries = 0; tries < 20 && tokenizer().piece(token, false).front() == closing; ++tries) token = options[random() % options.size()];
      }
      bool inside = false;  // a string
      for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && inside) ++i;
        else if (text[i] == '"') inside = !inside;
      }
      for (const char* wanted : {"}", "]", "\""}) {
        if (inside != (wanted[0] == '"')) continue;
        if (const Token t = *tokenizer().find(wanted); std::find(options.begin(), options.end(), t) != options.end()) {
          token = t;
          break;
        }
      }
    }
    if (tokenizer().is_end(token)) return text;
    EXPECT_TRUE(c.accept(token));
    text += tokenizer().piece(token, false);
  }
  ADD_FAILURE() << "no end after " << text.substr(0, 200);
  return text;
}

TEST(JsonSchema, RandomWalksOfRandomSchemasAreValid) {
  std::mt19937 random(17);
  size_t read = 0, texts = 0;
  for (uint32_t seed = 0; seed < 300; ++seed) {
    const Json s = SchemaMaker(seed).make();
    const auto grammar = Grammar::from_json_schema(s.dump(), tokenizer());
    if (!grammar) {  // Two random schemas of an allOf may exclude each other; nothing else may be refused here.
      EXPECT_NE(grammar.error().code, ErrorCode::kInternal);
      EXPECT_TRUE(s.dump().find("allOf") != std::string::npos) << s.dump() << "\n" << grammar.error().message;
      continue;
    }
    ++read;
    const Validator validator(s);
    for (int i = 0; i < 6 && !::testing::Test::HasFailure(); ++i, ++texts) {
      const std::string text = random_text(*grammar, random);
      const Json value = Json::parse(text, nullptr, false);
      ASSERT_FALSE(value.is_discarded()) << s.dump() << "\n" << text;
      ASSERT_TRUE(validator.valid(value, s)) << s.dump() << "\n" << text;
    }
  }
  EXPECT_GT(read, 280U);
  EXPECT_GT(texts, 1'600U);
}

TEST(JsonSchema, NoTextCanGoOnInWhiteSpace) {
  const auto grammar = schema(R"({"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]})");
  Constraint c(grammar);
  ASSERT_TRUE(c.accept('{'));
  EXPECT_TRUE(c.accept('\n'));
  int blanks = 0;
  while (c.accept(' ')) ++blanks;
  EXPECT_EQ(blanks, 32);
  EXPECT_TRUE(c.accept('"'));
}

}  // namespace
}  // namespace sillok::engine
