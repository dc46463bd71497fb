// What may stand after `is`.
#include <algorithm>
#include <array>

#include "model/jinja_evaluator.h"
#include "model/jinja_text.h"

namespace sillok::model::jinja {
namespace {

using Verdict = Result<bool>;

// Defines a test without arguments.
#define SILLOK_PLAIN_TEST(name, condition) \
  Verdict name(Evaluator&, const Value& v, Arguments&) { return condition; }

SILLOK_PLAIN_TEST(is_defined, !v.is(Kind::kUndefined))
SILLOK_PLAIN_TEST(is_undefined, v.is(Kind::kUndefined))
SILLOK_PLAIN_TEST(is_none, v.is(Kind::kNone))
SILLOK_PLAIN_TEST(is_boolean, v.is(Kind::kBoolean))
SILLOK_PLAIN_TEST(is_true, v.is(Kind::kBoolean) && v.boolean)
SILLOK_PLAIN_TEST(is_false, v.is(Kind::kBoolean) && !v.boolean)
SILLOK_PLAIN_TEST(is_integer, v.is(Kind::kInteger))
SILLOK_PLAIN_TEST(is_float, v.is(Kind::kFloat))
SILLOK_PLAIN_TEST(is_number, v.is_number())
SILLOK_PLAIN_TEST(is_string, v.is_string())
SILLOK_PLAIN_TEST(is_mapping, v.is(Kind::kDict))
SILLOK_PLAIN_TEST(is_callable, v.is(Kind::kCallable))
SILLOK_PLAIN_TEST(is_iterable, v.is_string() || v.is(Kind::kList) || v.is(Kind::kDict) || v.is(Kind::kUndefined))
// Whatever has a length and items: strings and dicts too.
SILLOK_PLAIN_TEST(is_sequence,
                  v.is_string() || v.is(Kind::kDict) || (v.is(Kind::kList) && v.list->form <= ListForm::kTuple))
SILLOK_PLAIN_TEST(is_escaped, (static_cast<void>(v), false))
#undef SILLOK_PLAIN_TEST

Verdict is_lower(Evaluator& e, const Value& v, Arguments&) {
  const std::string text = to_text(v, e.heap());
  return lower(text) == text && upper(text) != text;
}
Verdict is_upper(Evaluator& e, const Value& v, Arguments&) {
  const std::string text = to_text(v, e.heap());
  return upper(text) == text && lower(text) != text;
}

Result<int64_t> integer_subject(const Value& v) {
  if (v.is_integral()) return v.as_integer();
  return fail(ErrorCode::kInvalid, "this test needs an integer, not '" + std::string(type_name(v)) + "'");
}
Verdict is_odd(Evaluator&, const Value& v, Arguments&) {
  SILLOK_ASSIGN(const int64_t i, integer_subject(v));
  return i % 2 != 0;
}
Verdict is_even(Evaluator&, const Value& v, Arguments&) {
  SILLOK_ASSIGN(const int64_t i, integer_subject(v));
  return i % 2 == 0;
}
Verdict is_divisible(Evaluator&, const Value& v, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"num"}, 1));
  SILLOK_ASSIGN(const int64_t i, integer_subject(v));
  SILLOK_ASSIGN(const int64_t by, integer_subject(*a[0]));
  if (by == 0) return fail(ErrorCode::kInvalid, "division by zero");
  return by == -1 || i % by == 0;
}

Verdict is_equal(Evaluator& e, const Value& v, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"b"}, 1));
  return equal(v, *a[0], e.heap());
}
Verdict is_unequal(Evaluator& e, const Value& v, Arguments& arguments) {
  SILLOK_ASSIGN(const bool same, is_equal(e, v, arguments));
  return !same;
}
// The same object: of equal kind, and for containers the same one.
Verdict is_same(Evaluator& e, const Value& v, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"other"}, 1));
  if (v.kind != a[0]->kind) return false;
  if (v.is(Kind::kList)) return v.list == a[0]->list;
  if (v.is(Kind::kDict)) return v.dict == a[0]->dict;
  return equal(v, *a[0], e.heap());
}
Verdict is_in(Evaluator& e, const Value& v, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"seq"}, 1));
  return contains(e, *a[0], v);
}
template <int low, int high>
Verdict is_ordered(Evaluator& e, const Value& v, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"b"}, 1));
  SILLOK_ASSIGN(const int order, compare(v, *a[0], e.heap()));
  return order >= low && order <= high;
}
Verdict is_filter(Evaluator&, const Value& v, Arguments&) { return find_filter(v.view()) != nullptr; }
Verdict is_test(Evaluator&, const Value& v, Arguments&) { return find_test(v.view()) != nullptr; }

constexpr auto kTests = std::to_array<Test>({
    {"boolean", is_boolean}, {"callable", is_callable}, {"defined", is_defined}, {"divisibleby", is_divisible},
    {"eq", is_equal}, {"equalto", is_equal}, {"==", is_equal}, {"escaped", is_escaped}, {"even", is_even},
    {"false", is_false}, {"filter", is_filter}, {"float", is_float}, {"ge", is_ordered<0, 1>},
    {">=", is_ordered<0, 1>}, {"gt", is_ordered<1, 1>}, {"greaterthan", is_ordered<1, 1>}, {">", is_ordered<1, 1>},
    {"in", is_in}, {"integer", is_integer}, {"iterable", is_iterable}, {"le", is_ordered<-1, 0>},
    {"<=", is_ordered<-1, 0>}, {"lower", is_lower}, {"lt", is_ordered<-1, -1>}, {"lessthan", is_ordered<-1, -1>},
    {"<", is_ordered<-1, -1>}, {"mapping", is_mapping}, {"ne", is_unequal}, {"!=", is_unequal}, {"none", is_none},
    {"number", is_number}, {"odd", is_odd}, {"sameas", is_same}, {"sequence", is_sequence}, {"string", is_string},
    {"test", is_test}, {"true", is_true}, {"undefined", is_undefined}, {"upper", is_upper},
});

}  // namespace

const Test* find_test(std::string_view name) {
  const auto* found = std::find_if(kTests.begin(), kTests.end(), [name](const Test& t) { return t.name == name; });
  return found == kTests.end() ? nullptr : found;
}

}  // namespace sillok::model::jinja
