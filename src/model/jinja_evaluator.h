// Runs a syntax tree over values. One Evaluator renders once.
#pragma once

#include <deque>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/base.h"
#include "model/jinja_syntax.h"
#include "model/jinja_value.h"

namespace sillok::model::jinja {

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

struct Builtin {
  std::string_view name;
  Function function;
};
using TestFunction = Result<bool> (*)(Evaluator& evaluator, const Value& subject, Arguments& arguments);
struct Test {
  std::string_view name;
  TestFunction function;
};
// Null if there is none of that name.
const Builtin* find_filter(std::string_view name);
const Test* find_test(std::string_view name);
const Builtin* find_global(std::string_view name);
const Builtin* find_method(const Value& object, std::string_view name);

// The arguments in the order of `parameters`, null where not given. kInvalid for too many, unknown or repeated ones,
// or when one of the first `required` is missing. Points into `arguments`.
Result<std::vector<const Value*>> bind(const Arguments& arguments, std::initializer_list<std::string_view> parameters,
                                       size_t required);
// An integer argument, or `otherwise` if it was not given (or is none).
Result<int64_t> integer_or(const Value* argument, int64_t otherwise, std::string_view name);
// kInvalid unless v is a string.
Status require_string(const Value& v, std::string_view what);

Result<Value> percent_format(Evaluator& evaluator, std::string_view format, const Value& values);  // "%s" % values
Result<Value> brace_format(Evaluator& evaluator, std::string_view format, const Arguments& values);  // "{}".format()
// Item `index` (from 0; negative: from the end) of something with order.
Result<Value> slice(Evaluator& evaluator, const Value& object, const Value* start, const Value* stop, const Value* step);
Result<Value> binary(Evaluator& evaluator, std::string_view op, const Value& a, const Value& b);
Result<bool> contains(Evaluator& evaluator, const Value& container, const Value& item);

// Names visible in a part of the template. Owned by the evaluator; macros keep a pointer to where they were defined.
struct Scope {
  Scope* parent = nullptr;
  std::vector<std::pair<std::string, Value>> names;
  bool kept = false;  // a macro defined here or below refers to it
};

class Evaluator {
 public:
  // `source` for the places in error messages; `now` for strftime_now. All three outlive the evaluator.
  Evaluator(std::string_view source, Heap& heap, Micros now) : source_(source), heap_(heap), now_(now) {}

  Result<std::string> render(const Body& body, std::vector<std::pair<std::string, Value>> variables);

  Result<Value> call(const Value& callee, Arguments arguments);
  Result<Value> filter(std::string_view name, const Value& input, Arguments arguments);
  Result<bool> test(std::string_view name, const Value& subject, Arguments arguments);
  // object.name and object[key]: undefined if there is no such thing; kInvalid if object itself is undefined.
  Result<Value> attribute(const Value& object, std::string_view name);
  Result<Value> item(const Value& object, const Value& key);
  // "a.b.0" from an item, as map(attribute="a.b.0") does.
  Result<Value> path(const Value& object, const Value& path);

  Heap& heap() { return heap_; }
  Micros now() const { return now_; }

 private:
  enum class Flow : uint8_t { kOn, kBreak, kContinue };

  Result<Flow> execute(const Body& body, Scope& scope);
  Result<Flow> execute(const Statement& s, Scope& scope);
  Result<Flow> execute_for(const Statement& s, Scope& scope);
  Result<Value> filtered_iteration(const Statement& s, Scope& scope);
  // The text that a body writes.
  Result<std::string> captured(const Body& body, Scope& scope);
  Status assign(const Target& target, Value value, Scope& scope);
  Status write(std::string_view text);
  Result<Value> call_macro(const Callable& macro, Arguments& arguments);

  Result<Value> evaluate(const Expression& e, Scope& scope);
  Result<Value> evaluate_kind(const Expression& e, Scope& scope);
  Result<Value> evaluate_list(const Expression& e, Scope& scope);
  Result<Value> evaluate_dict(const Expression& e, Scope& scope);
  Result<Value> evaluate_condition(const Expression& e, Scope& scope);
  Result<Value> evaluate_logic(const Expression& e, Scope& scope);
  Result<Value> evaluate_compare(const Expression& e, Scope& scope);
  Result<Value> evaluate_concat(const Expression& e, Scope& scope);
  Result<Value> evaluate_sign(const Expression& e, Scope& scope);
  Result<Value> evaluate_slice(const Expression& e, Scope& scope);
  Result<Value> evaluate_call(const Expression& e, Scope& scope);
  Result<Arguments> evaluate_arguments(const CallArguments& a, Scope& scope);
  Value lookup(std::string_view name, const Scope& scope);
  // The filter's or filter block's chain with `input` at its head.
  Result<Value> evaluate_filters(const Expression& e, const Value* head, Scope& scope);
  Result<Value> loop_attribute(const Value& loop, std::string_view name);

  Scope& new_scope(Scope* parent);
  void release(Scope& scope);  // for reuse, unless it is kept
  static void keep(Scope* scope);
  tl::unexpected<Error> at(size_t offset, Error error);

  std::string_view source_;
  Heap& heap_;
  Micros now_;
  std::deque<Scope> scopes_;
  std::vector<Scope*> free_scopes_;
  std::string* out_ = nullptr;
  uint32_t depth_ = 0, loop_depth_ = 0;
  bool placed_ = false;  // the error under way names its place
};

}  // namespace sillok::model::jinja
