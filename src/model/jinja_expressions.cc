// Expressions: names, operators, subscripts, calls.
#include <algorithm>
#include <cmath>
#include <limits>

#include "model/jinja_evaluator.h"
#include "model/jinja_text.h"

namespace sillok::model::jinja {

namespace {

tl::unexpected<Error> invalid(std::string message) { return fail(ErrorCode::kInvalid, std::move(message)); }

tl::unexpected<Error> no_operator(std::string_view op, const Value& a, const Value& b) {
  if (a.is(Kind::kUndefined)) return invalid(std::string(a.view()));
  if (b.is(Kind::kUndefined)) return invalid(std::string(b.view()));
  return invalid("'" + std::string(op) + "' does not join '" + std::string(type_name(a)) + "' and '" +
                 std::string(type_name(b)) + "'");
}

std::string key_text(const Value& key, Heap& heap) { return shorten(to_repr(key, heap), 60); }

}  // namespace

Result<Value> Evaluator::evaluate(const Expression& e, Scope& scope) {
  if (e.kind == Expression::Kind::kConstant) return e.value;
  if (!heap_.spend(1)) return fail(ErrorCode::kLimit, "rendering exceeds its limit of work or memory");
  if (++depth_ > heap_.limits().depth) {
    --depth_;
    return fail(ErrorCode::kLimit, "nested more than " + std::to_string(heap_.limits().depth) + " deep");
  }
  auto value = evaluate_kind(e, scope);
  --depth_;
  if (!value) return at(e.offset, std::move(value).error());
  if (value->is_string() && e.kind != Expression::Kind::kName) heap_.spend_bytes(value->text->size());
  return value;
}

Result<Value> Evaluator::evaluate_kind(const Expression& e, Scope& scope) {
  using K = Expression::Kind;
  switch (e.kind) {
    case K::kConstant: return e.value;
    case K::kName: return lookup(e.name, scope);
    case K::kList:
    case K::kTuple: return evaluate_list(e, scope);
    case K::kDict: return evaluate_dict(e, scope);
    case K::kAttribute: {
      SILLOK_ASSIGN(const Value object, evaluate(*e.parts[0], scope));
      return attribute(object, e.name);
    }
    case K::kItem: {
      SILLOK_ASSIGN(const Value object, evaluate(*e.parts[0], scope));
      SILLOK_ASSIGN(const Value key, evaluate(*e.parts[1], scope));
      return item(object, key);
    }
    case K::kSlice: return evaluate_slice(e, scope);
    case K::kCall: return evaluate_call(e, scope);
    case K::kFilter: return evaluate_filters(e, nullptr, scope);
    case K::kTest: {
      SILLOK_ASSIGN(const Value subject, evaluate(*e.parts[0], scope));
      SILLOK_ASSIGN(Arguments arguments, evaluate_arguments(e.arguments, scope));
      SILLOK_ASSIGN(const bool holds, test(e.name, subject, std::move(arguments)));
      return Value::of_boolean(holds);
    }
    case K::kNot: {
      SILLOK_ASSIGN(const Value operand, evaluate(*e.parts[0], scope));
      return Value::of_boolean(!truthy(operand));
    }
    case K::kNegate:
    case K::kPlus: return evaluate_sign(e, scope);
    case K::kAnd:
    case K::kOr: return evaluate_logic(e, scope);
    case K::kCondition: return evaluate_condition(e, scope);
    case K::kCompare: return evaluate_compare(e, scope);
    case K::kConcat: return evaluate_concat(e, scope);
    case K::kBinary: {
      SILLOK_ASSIGN(Value left, evaluate(*e.parts[0], scope));
      for (size_t i = 0; i < e.operators.size(); ++i) {
        SILLOK_ASSIGN(const Value right, evaluate(*e.parts[i + 1], scope));
        SILLOK_ASSIGN(left, binary(*this, e.operators[i], left, right));
        if (left.is_string() && !heap_.spend_bytes(left.text->size())) {
          return fail(ErrorCode::kLimit, "rendering exceeds its limit of memory");
        }
      }
      return left;
    }
  }
  return Value();
}

Value Evaluator::lookup(std::string_view name, const Scope& scope) {
  for (const Scope* s = &scope; s; s = s->parent) {
    for (const auto& [held, value] : s->names) {
      if (held == name) return value;
    }
  }
  if (const Builtin* builtin = find_global(name)) {
    Callable function;
    function.name = name;
    function.function = builtin->function;
    return Value::of_callable(heap_.callable(std::move(function)));
  }
  return Value::undefined("'" + std::string(name) + "' is undefined");
}

Result<Value> Evaluator::evaluate_list(const Expression& e, Scope& scope) {
  std::vector<Value> items;
  items.reserve(e.parts.size());
  for (const ExpressionPtr& part : e.parts) {
    SILLOK_ASSIGN(Value value, evaluate(*part, scope));
    items.push_back(std::move(value));
  }
  const bool tuple = e.kind == Expression::Kind::kTuple;
  return Value::of_list(heap_.list(std::move(items), tuple ? ListForm::kTuple : ListForm::kList));
}

Result<Value> Evaluator::evaluate_dict(const Expression& e, Scope& scope) {
  Dict* dict = heap_.dict();
  for (size_t i = 0; i + 1 < e.parts.size(); i += 2) {
    SILLOK_ASSIGN(const Value key, evaluate(*e.parts[i], scope));
    if (!is_hashable(key)) return invalid("a value of type '" + std::string(type_name(key)) + "' cannot be a key");
    SILLOK_ASSIGN(Value value, evaluate(*e.parts[i + 1], scope));
    dict->set(key, std::move(value));
  }
  return Value::of_dict(dict);
}

Result<Value> Evaluator::evaluate_condition(const Expression& e, Scope& scope) {
  SILLOK_ASSIGN(const Value condition, evaluate(*e.parts[0], scope));
  if (truthy(condition)) return evaluate(*e.parts[1], scope);
  if (e.parts[2]) return evaluate(*e.parts[2], scope);
  return Value::undefined("the inline if-expression has no else and its condition is false");
}

Result<Value> Evaluator::evaluate_logic(const Expression& e, Scope& scope) {
  const bool stop_at = e.kind == Expression::Kind::kOr;  // `or` gives the first true value, `and` the first false
  Value value;
  for (const ExpressionPtr& part : e.parts) {
    SILLOK_ASSIGN(value, evaluate(*part, scope));
    if (truthy(value) == stop_at) break;
  }
  return value;
}

Result<Value> Evaluator::evaluate_compare(const Expression& e, Scope& scope) {
  SILLOK_ASSIGN(Value left, evaluate(*e.parts[0], scope));
  for (size_t i = 0; i < e.operators.size(); ++i) {  // a < b < c: all must hold
    const std::string& op = e.operators[i];
    SILLOK_ASSIGN(Value right, evaluate(*e.parts[i + 1], scope));
    bool holds = false;
    if (op == "==" || op == "!=") {
      holds = equal(left, right, heap_) == (op == "==");
    } else if (op == "in" || op == "not in") {
      SILLOK_ASSIGN(holds, contains(*this, right, left));
      holds = holds == (op == "in");
    } else {
      SILLOK_ASSIGN(const int order, compare(left, right, heap_));
      holds = op == "<" ? order < 0 : op == "<=" ? order <= 0 : op == ">" ? order > 0 : order >= 0;
    }
    if (!holds) return Value::of_boolean(false);
    left = std::move(right);
  }
  return Value::of_boolean(true);
}

Result<Value> Evaluator::evaluate_concat(const Expression& e, Scope& scope) {
  std::string text;
  for (const ExpressionPtr& part : e.parts) {
    SILLOK_ASSIGN(const Value value, evaluate(*part, scope));
    text += to_text(value, heap_);
  }
  return Value::of_string(std::move(text));
}

Result<Value> Evaluator::evaluate_sign(const Expression& e, Scope& scope) {
  SILLOK_ASSIGN(const Value operand, evaluate(*e.parts[0], scope));
  const bool minus = e.kind == Expression::Kind::kNegate;
  if (operand.is(Kind::kFloat)) return Value::of_float(minus ? -operand.real : operand.real);
  if (operand.is_integral()) {
    if (minus && operand.as_integer() == INT64_MIN) return invalid("this integer exceeds 64 bits");
    return Value::of_integer(minus ? -operand.as_integer() : operand.as_integer());
  }
  if (operand.is(Kind::kUndefined)) return invalid(std::string(operand.view()));
  return invalid("a value of type '" + std::string(type_name(operand)) + "' has no sign");
}

Result<Value> Evaluator::evaluate_slice(const Expression& e, Scope& scope) {
  SILLOK_ASSIGN(const Value object, evaluate(*e.parts[0], scope));
  Value bounds[3];
  const Value* given[3] = {};
  for (size_t i = 0; i < 3; ++i) {
    if (!e.parts[i + 1]) continue;
    SILLOK_ASSIGN(bounds[i], evaluate(*e.parts[i + 1], scope));
    given[i] = &bounds[i];
  }
  return slice(*this, object, given[0], given[1], given[2]);
}

Result<Value> Evaluator::evaluate_call(const Expression& e, Scope& scope) {
  const Expression& callee = *e.parts[0];
  if (callee.kind == Expression::Kind::kAttribute) {  // A method: no need to make a bound one first.
    SILLOK_ASSIGN(const Value object, evaluate(*callee.parts[0], scope));
    if (const Builtin* method = find_method(object, callee.name)) {
      SILLOK_ASSIGN(Arguments arguments, evaluate_arguments(e.arguments, scope));
      return method->function(*this, object, arguments);
    }
    SILLOK_ASSIGN(const Value held, attribute(object, callee.name));
    SILLOK_ASSIGN(Arguments arguments, evaluate_arguments(e.arguments, scope));
    return call(held, std::move(arguments));
  }
  SILLOK_ASSIGN(const Value function, evaluate(callee, scope));
  SILLOK_ASSIGN(Arguments arguments, evaluate_arguments(e.arguments, scope));
  return call(function, std::move(arguments));
}

Result<Arguments> Evaluator::evaluate_arguments(const CallArguments& a, Scope& scope) {
  Arguments out;
  for (const ExpressionPtr& part : a.positional) {
    SILLOK_ASSIGN(Value value, evaluate(*part, scope));
    out.positional.push_back(std::move(value));
  }
  for (const auto& [name, part] : a.named) {
    SILLOK_ASSIGN(Value value, evaluate(*part, scope));
    out.named.emplace_back(name, std::move(value));
  }
  if (a.star) {
    SILLOK_ASSIGN(const Value value, evaluate(*a.star, scope));
    SILLOK_ASSIGN(std::vector<Value> items, iterate(value, heap_));
    out.positional.insert(out.positional.end(), items.begin(), items.end());
  }
  if (a.double_star) {
    SILLOK_ASSIGN(const Value value, evaluate(*a.double_star, scope));
    if (!value.is(Kind::kDict)) return invalid("what follows ** must be a dict");
    for (const auto& [key, held] : value.dict->entries()) {
      if (!key.is_string()) return invalid("the keys of what follows ** must be strings");
      out.named.emplace_back(*key.text, held);
    }
  }
  return out;
}

Result<Value> Evaluator::evaluate_filters(const Expression& e, const Value* head, Scope& scope) {
  Value input;
  if (!e.parts[0]) {
    if (head) input = *head;
  } else if (e.parts[0]->kind == Expression::Kind::kFilter) {
    if (++depth_ > heap_.limits().depth) {
      --depth_;
      return fail(ErrorCode::kLimit, "nested too deeply");
    }
    auto inner = evaluate_filters(*e.parts[0], head, scope);
    --depth_;
    if (!inner) return at(e.parts[0]->offset, std::move(inner).error());
    input = std::move(*inner);
    if (input.is_string()) heap_.spend_bytes(input.text->size());
  } else {
    SILLOK_ASSIGN(input, evaluate(*e.parts[0], scope));
  }
  SILLOK_ASSIGN(Arguments arguments, evaluate_arguments(e.arguments, scope));
  return filter(e.name, input, std::move(arguments));
}

Result<Value> Evaluator::call(const Value& callee, Arguments arguments) {
  if (callee.is(Kind::kUndefined)) return invalid(std::string(callee.view()));
  if (!callee.is(Kind::kCallable)) {
    return invalid("a value of type '" + std::string(type_name(callee)) + "' cannot be called");
  }
  if (callee.callable->function) return callee.callable->function(*this, callee.callable->self, arguments);
  return call_macro(*callee.callable, arguments);
}

Result<Value> Evaluator::filter(std::string_view name, const Value& input, Arguments arguments) {
  const Builtin* builtin = find_filter(name);
  if (!builtin) return fail(ErrorCode::kUnsupported, "there is no filter '" + std::string(name) + "'");
  return builtin->function(*this, input, arguments);
}

Result<bool> Evaluator::test(std::string_view name, const Value& subject, Arguments arguments) {
  const Test* found = find_test(name);
  if (!found) return fail(ErrorCode::kUnsupported, "there is no test '" + std::string(name) + "'");
  return found->function(*this, subject, arguments);
}

// ---- Subscripts

Result<Value> Evaluator::loop_attribute(const Value& v, std::string_view name) {
  const Loop& loop = *v.loop;
  const auto count = static_cast<int64_t>(loop.items.size()), index = static_cast<int64_t>(loop.index);
  if (name == "index") return Value::of_integer(index + 1);
  if (name == "index0") return Value::of_integer(index);
  if (name == "revindex") return Value::of_integer(count - index);
  if (name == "revindex0") return Value::of_integer(count - index - 1);
  if (name == "first") return Value::of_boolean(index == 0);
  if (name == "last") return Value::of_boolean(index + 1 == count);
  if (name == "length") return Value::of_integer(count);
  if (name == "depth") return Value::of_integer(loop.depth);
  if (name == "depth0") return Value::of_integer(int64_t{loop.depth} - 1);
  if (name == "previtem") {
    return index > 0 ? loop.items[loop.index - 1] : Value::undefined("there is no previous item");
  }
  if (name == "nextitem") {
    return index + 1 < count ? loop.items[loop.index + 1] : Value::undefined("there is no next item");
  }
  return Value::undefined("'loop' has no attribute '" + std::string(name) + "'");
}

Result<Value> Evaluator::attribute(const Value& object, std::string_view name) {
  if (object.is(Kind::kUndefined)) return invalid(std::string(object.view()));
  if (const Builtin* method = find_method(object, name)) {
    Callable bound;
    bound.name = name;
    bound.function = method->function;
    bound.self = object;
    return Value::of_callable(heap_.callable(std::move(bound)));
  }
  if (object.is(Kind::kLoop)) return loop_attribute(object, name);
  if (object.is(Kind::kDict) || object.is(Kind::kNamespace)) {
    if (const Value* value = object.dict->find(name)) return *value;
  }
  return Value::undefined("'" + std::string(type_name(object)) + "' has no attribute '" + std::string(name) + "'");
}

Result<Value> Evaluator::item(const Value& object, const Value& key) {
  if (object.is(Kind::kUndefined)) return invalid(std::string(object.view()));
  if (object.is(Kind::kDict)) {
    if (const Value* value = object.dict->find(key)) return *value;
  } else if (key.is_integral()) {
    int64_t index = key.as_integer();
    if (object.is(Kind::kList) && (object.list->form == ListForm::kList || object.list->form == ListForm::kTuple)) {
      const auto size = static_cast<int64_t>(object.list->items.size());
      if (index < 0) index += size;
      if (index >= 0 && index < size) return object.list->items[static_cast<size_t>(index)];
    } else if (object.is_string() && index != INT64_MAX && index != INT64_MIN) {
      const Value from = Value::of_integer(index), to = Value::of_integer(index + 1);
      SILLOK_ASSIGN(Value character, slice(*this, object, &from, index == -1 ? nullptr : &to, nullptr));
      if (!character.text->empty()) return character;
    }
  }
  if (key.is_string()) return attribute(object, *key.text);
  return Value::undefined("'" + std::string(type_name(object)) + "' has no item " + key_text(key, heap_));
}

Result<Value> Evaluator::path(const Value& object, const Value& path) {
  if (!path.is_string()) return item(object, path);
  Value value = object;
  for (const std::string_view step : split(*path.text, '.')) {
    const bool number = !step.empty() && step.size() < 10 &&
                        std::all_of(step.begin(), step.end(), [](char c) { return c >= '0' && c <= '9'; });
    const Value key = number ? Value::of_integer(std::stoll(std::string(step))) : Value::of_string(std::string(step));
    SILLOK_ASSIGN(value, item(value, key));
  }
  return value;
}

namespace {

// Python's slice.indices.
struct Range {
  int64_t start, stop, step;
};
Result<Range> slice_range(int64_t size, const Value* start, const Value* stop, const Value* step) {
  const auto given = [](const Value* v) { return v && !v->is(Kind::kNone); };
  for (const Value* v : {start, stop, step}) {
    if (given(v) && !v->is_integral()) return invalid("slice indices must be integers");
  }
  Range r{0, 0, given(step) ? step->as_integer() : 1};
  if (r.step == 0) return invalid("the slice step is zero");
  const int64_t low = r.step < 0 ? -1 : 0, high = r.step < 0 ? size - 1 : size;
  const auto clamp = [&](int64_t i) { return std::clamp(i < 0 ? std::max(i, -size - 1) + size : i, low, high); };
  r.start = given(start) ? clamp(start->as_integer()) : (r.step < 0 ? high : low);
  r.stop = given(stop) ? clamp(stop->as_integer()) : (r.step < 0 ? low : high);
  return r;
}

template <typename T, typename Add>
void for_slice(const std::vector<T>& items, const Range& r, Add add) {
  if (r.step > 0) {
    for (int64_t i = r.start; i < r.stop; i += std::min(r.step, r.stop - i)) add(items[static_cast<size_t>(i)]);
  } else {
    for (int64_t i = r.start; i > r.stop; i += std::max(r.step, r.stop - i)) add(items[static_cast<size_t>(i)]);
  }
}

}  // namespace

Result<Value> slice(Evaluator& evaluator, const Value& object, const Value* start, const Value* stop,
                    const Value* step) {
  if (object.is_string()) {
    const std::string_view text = object.view();
    const size_t count = code_points(text);
    SILLOK_ASSIGN(const Range range, slice_range(static_cast<int64_t>(count), start, stop, step));
    if (range.step == 1) {  // a run of bytes
      if (range.start >= range.stop) return Value::of_string("");
      size_t from = 0, to = 0;
      for (int64_t i = 0; i < range.stop && to < text.size(); ++i) {
        if (i == range.start) from = to;
        decode_utf8(text, to);
      }
      return Value::of_string(std::string(text.substr(from, to - from)));
    }
    if (!evaluator.heap().spend(count)) return fail(ErrorCode::kLimit, "rendering exceeds its limit of work");
    const std::vector<std::string> all = characters(text);
    std::string out;
    for_slice(all, range, [&](const std::string& c) { out += c; });
    return Value::of_string(std::move(out));
  }
  if (object.is(Kind::kList) && (object.list->form == ListForm::kList || object.list->form == ListForm::kTuple)) {
    SILLOK_ASSIGN(const Range range,
                  slice_range(static_cast<int64_t>(object.list->items.size()), start, stop, step));
    std::vector<Value> out;
    for_slice(object.list->items, range, [&](const Value& v) { out.push_back(v); });
    return Value::of_list(evaluator.heap().list(std::move(out), object.list->form));
  }
  if (object.is(Kind::kUndefined)) return invalid(std::string(object.view()));
  return Value::undefined("'" + std::string(type_name(object)) + "' cannot be sliced");
}

Result<bool> contains(Evaluator& evaluator, const Value& container, const Value& item) {
  switch (container.kind) {
    case Kind::kString:
      if (!item.is_string()) {
        return invalid("'in <string>' needs a string on its left, not '" + std::string(type_name(item)) + "'");
      }
      return container.text->find(*item.text) != std::string::npos;
    case Kind::kList:
      for (const Value& held : container.list->items) {
        if (equal(held, item, evaluator.heap())) return true;
      }
      return false;
    case Kind::kDict:
      if (!is_hashable(item) && !item.is(Kind::kUndefined)) {
        return invalid("a value of type '" + std::string(type_name(item)) + "' cannot be a key");
      }
      return container.dict->find(item) != nullptr;
    case Kind::kUndefined: return false;
    default: return invalid("'in' cannot look into a value of type '" + std::string(type_name(container)) + "'");
  }
}

// ---- Arithmetic

namespace {

Result<Value> integer_arithmetic(std::string_view op, int64_t a, int64_t b) {
  int64_t out = 0;
  const auto overflow = [&] { return invalid("the result of '" + std::string(op) + "' exceeds 64 bits"); };
  if (op == "+") return __builtin_add_overflow(a, b, &out) ? Result<Value>(overflow()) : Value::of_integer(out);
  if (op == "-") return __builtin_sub_overflow(a, b, &out) ? Result<Value>(overflow()) : Value::of_integer(out);
  if (op == "*") return __builtin_mul_overflow(a, b, &out) ? Result<Value>(overflow()) : Value::of_integer(out);
  if (op == "**") {
    if (b < 0) return Value::of_float(std::pow(static_cast<double>(a), static_cast<double>(b)));
    out = 1;
    for (; b > 0; --b) {
      if (a == 1 || a == 0) return Value::of_integer(a);
      if (a == -1) return Value::of_integer(b % 2 ? -1 : 1);
      if (__builtin_mul_overflow(out, a, &out)) return overflow();
    }
    return Value::of_integer(out);
  }
  if (b == 0) return invalid("division by zero");
  if (op == "/") return Value::of_float(static_cast<double>(a) / static_cast<double>(b));
  if (a == INT64_MIN && b == -1) return op == "%" ? Result<Value>(Value::of_integer(0)) : overflow();
  const int64_t quotient = a / b - ((a % b != 0 && (a < 0) != (b < 0)) ? 1 : 0);
  return Value::of_integer(op == "//" ? quotient : a - quotient * b);
}

Result<Value> float_arithmetic(std::string_view op, double a, double b) {
  if (op == "+") return Value::of_float(a + b);
  if (op == "-") return Value::of_float(a - b);
  if (op == "*") return Value::of_float(a * b);
  if (op == "**") return Value::of_float(std::pow(a, b));
  if (b == 0) return invalid("division by zero");
  if (op == "/") return Value::of_float(a / b);
  if (op == "//") return Value::of_float(std::floor(a / b));
  double rest = std::fmod(a, b);
  if (rest != 0 && (rest < 0) != (b < 0)) rest += b;
  return Value::of_float(rest);
}

Result<Value> repeat(Evaluator& evaluator, const Value& v, int64_t count) {
  const auto times = static_cast<uint64_t>(std::max<int64_t>(count, 0));
  const uint64_t size = v.is_string() ? v.text->size() : v.list->items.size();
  uint64_t total = 0;
  if (__builtin_mul_overflow(size, times, &total) || total > evaluator.heap().limits().output_bytes ||
      (!v.is_string() && !evaluator.heap().spend(total))) {
    return fail(ErrorCode::kLimit, "'*' makes more than a template may");
  }
  if (v.is_string()) {
    std::string out;
    out.reserve(total);
    for (uint64_t i = 0; i < times && size > 0; ++i) out += *v.text;
    return Value::of_string(std::move(out));
  }
  std::vector<Value> out;
  out.reserve(total);
  for (uint64_t i = 0; i < times && size > 0; ++i) {
    out.insert(out.end(), v.list->items.begin(), v.list->items.end());
  }
  return Value::of_list(evaluator.heap().list(std::move(out), v.list->form));
}

}  // namespace

Result<Value> binary(Evaluator& evaluator, std::string_view op, const Value& a, const Value& b) {
  if (op == "%" && a.is_string()) return percent_format(evaluator, *a.text, b);
  if (a.is_integral() && b.is_integral()) return integer_arithmetic(op, a.as_integer(), b.as_integer());
  if (a.is_number() && b.is_number()) return float_arithmetic(op, a.as_real(), b.as_real());
  if (op == "+") {
    if (a.is_string() && b.is_string()) return Value::of_string(*a.text + *b.text);
    if (a.is(Kind::kList) && b.is(Kind::kList) && a.list->form == b.list->form && a.list->form <= ListForm::kTuple) {
      std::vector<Value> items = a.list->items;
      items.insert(items.end(), b.list->items.begin(), b.list->items.end());
      return Value::of_list(evaluator.heap().list(std::move(items), a.list->form));
    }
  }
  if (op == "*") {
    const auto repeats = [](const Value& v) {
      return v.is_string() || (v.is(Kind::kList) && v.list->form <= ListForm::kTuple);
    };
    if (repeats(a) && b.is_integral()) return repeat(evaluator, a, b.as_integer());
    if (repeats(b) && a.is_integral()) return repeat(evaluator, b, a.as_integer());
  }
  return no_operator(op, a, b);
}

}  // namespace sillok::model::jinja
