// The template language: tokens, the syntax tree, and what makes them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/base.h"
#include "model/jinja_value.h"

namespace sillok::model::jinja {

// ---- Tokens

struct Token {
  enum class Kind : uint8_t {
    kText, kBlockBegin, kBlockEnd, kVariableBegin, kVariableEnd, kName, kString, kInteger, kFloat, kOperator, kEnd,
  };
  Kind kind = Kind::kEnd;
  std::string text;    // of text and strings: after escapes and white space control
  size_t offset = 0;   // in the source
};

// Newlines to \n, the last one dropped: what tokenize and offsets refer to.
std::string normalize_source(std::string_view source);
// White space control as chat templates are rendered in the field: trim_blocks and lstrip_blocks on.
Result<std::vector<Token>> tokenize(std::string_view source);
// "line 3, column 7", both from 1, columns in code points.
std::string place(std::string_view source, size_t offset);

// ---- Syntax tree

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

struct CallArguments {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
  ExpressionPtr star, double_star;  // *args, **kwargs; may be null
};

struct Expression {
  enum class Kind : uint8_t {
    kConstant,   // value
    kName,       // name
    kList, kTuple,
    kDict,       // parts: key, value, key, value, ...
    kAttribute,  // parts[0].name
    kItem,       // parts[0][parts[1]]
    kSlice,      // parts[0][parts[1]:parts[2]:parts[3]], 1 to 3 may be null
    kCall,       // parts[0](arguments)
    kFilter,     // parts[0] | name(arguments); parts[0] is null at the head of a filter block
    kTest,       // parts[0] is name(arguments)
    kNot, kNegate, kPlus,
    kAnd, kOr,
    kCondition,  // parts[1] if parts[0] else parts[2], the last may be null
    kCompare,    // parts[0] operators[0] parts[1] operators[1] ...
    kConcat,
    kBinary,     // operators[0]: + - * / // % **
  };
  Kind kind = Kind::kConstant;
  size_t offset = 0;
  uint32_t height = 1;  // of the tree below, bounded: it is destroyed recursively
  Value value;
  std::string name;
  std::vector<ExpressionPtr> parts;
  std::vector<std::string> operators;
  CallArguments arguments;
};

struct Statement;
using StatementPtr = std::unique_ptr<Statement>;
using Body = std::vector<StatementPtr>;

struct Target {       // of an assignment
  std::string name;   // a variable
  std::string attribute;       // of a namespace: name.attribute
  std::vector<Target> parts;   // or several, unpacked
};

struct Statement {
  enum class Kind : uint8_t {
    kText,         // text
    kOutput,       // expression
    kIf,           // branches; otherwise
    kFor,          // target in expression if condition: body; otherwise
    kSet,          // target = expression
    kSetBlock,     // target = rendered body, through the filter in expression if any
    kMacro,        // text: its name; parameters; body
    kCallBlock,    // expression (a call), caller has parameters and body
    kFilterBlock,  // expression (a filter whose input is the body)
    kWith,         // targets and values; body
    kScope,        // body
    kBreak, kContinue,
  };
  Kind kind = Kind::kText;
  size_t offset = 0;
  std::string text;
  ExpressionPtr expression, condition;
  Target target;
  Body body, otherwise;
  std::vector<std::pair<ExpressionPtr, Body>> branches;
  std::vector<std::pair<std::string, ExpressionPtr>> parameters;  // with defaults, which may be null
  std::vector<std::pair<Target, ExpressionPtr>> assignments;
  bool uses_varargs = false, uses_kwargs = false;  // of a macro: what it may be given beyond its parameters
};

// kInvalid with line and column; kUnsupported for inheritance and imports, which one string cannot have; kLimit when
// nested too deeply.
Result<Body> parse(std::string_view normalized_source);

}  // namespace sillok::model::jinja
