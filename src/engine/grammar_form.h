// A grammar as written: named rules over forms. The GBNF reader and the JSON Schema reader make it; the compiler turns
// it into states over bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"

namespace sillok::engine {

struct CodePointRange {
  char32_t low = 0, high = 0;  // both included
};

struct Form;
using FormPtr = std::shared_ptr<const Form>;  // shared: a form that occurs often is held once

inline constexpr uint32_t kUnbounded = UINT32_MAX;

struct Form {
  enum class Kind : uint8_t {
    kEmpty,     // the empty text
    kNever,     // nothing matches
    kLiteral,   // text
    kClass,     // one character of ranges
    kSequence,  // parts in order
    kChoice,    // one of parts
    kRepeat,    // parts[0], low to high times
    kRule,      // rules[rule]
  };
  Kind kind = Kind::kEmpty;
  std::string text;
  std::vector<CodePointRange> ranges;  // sorted, apart, without surrogates
  std::vector<FormPtr> parts;
  uint32_t low = 0, high = 0, rule = 0;
};

FormPtr empty_form();
FormPtr never_form();
FormPtr literal(std::string_view utf8);
FormPtr one_of(std::vector<CodePointRange> ranges);
FormPtr none_of(std::vector<CodePointRange> ranges);  // any other character
FormPtr sequence(std::vector<FormPtr> parts);         // never if a part is
FormPtr choice(std::vector<FormPtr> parts);           // without the parts that never match
FormPtr repeat(FormPtr form, uint32_t low, uint32_t high = kUnbounded);
FormPtr optional(FormPtr form);
FormPtr rule_form(uint32_t rule);
// Sorts, joins, cuts out surrogates.
std::vector<CodePointRange> normalized(std::vector<CodePointRange> ranges);

struct RuleSet {
  struct Rule {
    std::string name;  // for messages
    FormPtr form;      // null while it is being made
  };
  std::vector<Rule> rules;
  uint32_t root = 0;
};

Result<RuleSet> read_gbnf(std::string_view text);
Result<RuleSet> read_json_schema(std::string_view schema);
// The strings that `pattern` (ECMA-262, the regular part) matches, as the inside of a JSON string; `where` for messages.
Result<FormPtr> json_pattern(std::string_view pattern, std::string_view where);
// The digits of the integers from low to high, both included, with their sign.
FormPtr integer_range(int64_t low, int64_t high);
// One character of `ranges` as it stands inside a JSON string: escaped where it must be.
FormPtr json_character(const std::vector<CodePointRange>& ranges);
std::string json_escaped(std::string_view utf8);  // the inside of a JSON string

}  // namespace sillok::engine
