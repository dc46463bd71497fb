// Values of the template language, and the heap of one rendering that owns the mutable ones.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/base.h"

namespace sillok::model::jinja {

struct List;
class Dict;
struct Callable;
struct Loop;
struct Statement;
struct Scope;
struct Arguments;
class Evaluator;

enum class Kind : uint8_t {
  kUndefined, kNone, kBoolean, kInteger, kFloat, kString, kList, kDict, kNamespace, kCallable, kLoop,
};

// Python's values as templates see them: containers are shared by reference. The pointers are owned by the Heap and
// live as long as it does; strings are shared and immutable.
struct Value {
  Kind kind = Kind::kUndefined;
  union {
    bool boolean;
    int64_t integer = 0;
    double real;
    List* list;
    Dict* dict;  // kDict and kNamespace
    Callable* callable;
    Loop* loop;
  };
  std::shared_ptr<const std::string> text;  // kString; of kUndefined: why, for the error message

  static Value none() { return of(Kind::kNone); }
  static Value of_boolean(bool b) { Value v = of(Kind::kBoolean); v.boolean = b; return v; }
  static Value of_integer(int64_t i) { Value v = of(Kind::kInteger); v.integer = i; return v; }
  static Value of_float(double d) { Value v = of(Kind::kFloat); v.real = d; return v; }
  static Value of_string(std::string s) {
    Value v = of(Kind::kString);
    v.text = std::make_shared<const std::string>(std::move(s));
    return v;
  }
  static Value of_list(List* l) { Value v = of(Kind::kList); v.list = l; return v; }
  static Value of_dict(Dict* d) { Value v = of(Kind::kDict); v.dict = d; return v; }
  static Value of_callable(Callable* c) { Value v = of(Kind::kCallable); v.callable = c; return v; }
  static Value undefined(std::string why) {
    Value v;
    v.text = std::make_shared<const std::string>(std::move(why));
    return v;
  }

  bool is(Kind k) const { return kind == k; }
  bool is_string() const { return kind == Kind::kString; }
  bool is_number() const { return kind == Kind::kInteger || kind == Kind::kFloat || kind == Kind::kBoolean; }
  bool is_integral() const { return kind == Kind::kInteger || kind == Kind::kBoolean; }
  std::string_view view() const { return text ? std::string_view(*text) : std::string_view(); }
  int64_t as_integer() const { return kind == Kind::kBoolean ? int64_t{boolean} : integer; }  // is_integral() only
  double as_real() const { return kind == Kind::kFloat ? real : static_cast<double>(as_integer()); }

 private:
  static Value of(Kind k) { Value v; v.kind = k; return v; }
};

// A list, or what Python gives in place of one: a tuple; the view that dict.items() is; the generator that map() and
// select() are (always true, has no length).
enum class ListForm : uint8_t { kList, kTuple, kView, kGenerator };
struct List {
  std::vector<Value> items;
  ListForm form = ListForm::kList;
};

// Keeps the order of insertion. Keys are strings, numbers, booleans, none, or tuples of them.
class Dict {
 public:
  const std::vector<std::pair<Value, Value>>& entries() const { return entries_; }
  size_t size() const { return entries_.size(); }
  const Value* find(const Value& key) const;
  const Value* find(std::string_view key) const;
  void set(const Value& key, Value value);
  bool erase(const Value& key);
  void clear();

 private:
  size_t index_of(const std::string& hash_key) const;
  std::vector<std::pair<Value, Value>> entries_;
  std::vector<std::string> keys_;                     // the key of each entry as bytes that compare as keys do
  std::unordered_map<std::string, size_t> index_;     // filled from kIndexFrom entries on
};
bool is_hashable(const Value& key);

// A filter (self is its input), a method (self is its object) or a global function.
using Function = Result<Value> (*)(Evaluator& evaluator, const Value& self, Arguments& arguments);

struct Callable {
  std::string name;
  Function function = nullptr;        // a builtin, bound to self; else:
  Value self;
  const Statement* macro = nullptr;   // a macro, or the body of a call block
  Scope* scope = nullptr;
};

struct Loop {
  std::vector<Value> items;
  size_t index = 0;      // from 0
  uint32_t depth = 1;    // 1: the outermost
  std::optional<Value> last_changed;
};

// The limits of one rendering. What a template may cost is bounded by work, not by trust: templates come from files
// that someone else made.
struct Limits {
  uint64_t steps = 5'000'000;            // evaluated nodes, compared or copied items; about a second
  uint64_t bytes = 256ULL << 20;         // of all strings made
  uint64_t output_bytes = 32ULL << 20;   // a prompt of eight million tokens
  uint32_t depth = 400;                  // of nested expressions, statements and macro calls: stack space
};

// Owns the containers of one rendering, and counts what it costs. Cycles are harmless: everything goes at once.
class Heap {
 public:
  explicit Heap(const Limits& limits) : limits_(limits) {}
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  List* list(std::vector<Value> items = {}, ListForm form = ListForm::kList);
  Dict* dict();
  Callable* callable(Callable c);
  Loop* loop(Loop l);

  // False, from then on, once the budget is spent; the evaluator turns that into kLimit at its next step.
  bool spend(uint64_t steps) { return (steps_ += steps) <= limits_.steps && !exhausted_ ? true : exhaust(); }
  bool spend_bytes(uint64_t bytes) { return (bytes_ += bytes) <= limits_.bytes && !exhausted_ ? true : exhaust(); }
  bool exhausted() const { return exhausted_; }
  const Limits& limits() const { return limits_; }
  ~Heap();

 private:
  bool exhaust() { exhausted_ = true; return false; }
  Limits limits_;
  uint64_t steps_ = 0, bytes_ = 0;
  bool exhausted_ = false;
  std::deque<List> lists_;
  std::deque<Dict> dicts_;
  std::deque<Callable> callables_;
  std::deque<Loop> loops_;
};

// ---- What Python would say of them. `heap` is charged: shared structure can unfold without end.
bool truthy(const Value& v);
std::string_view type_name(const Value& v);                  // "str", "dict", ...
bool equal(const Value& a, const Value& b, Heap& heap, uint32_t depth = 0);
// -1, 0, 1; kInvalid for kinds that have no order between them.
Result<int> compare(const Value& a, const Value& b, Heap& heap, uint32_t depth = 0);
std::string to_text(const Value& v, Heap& heap);             // str(v)
std::string to_repr(const Value& v, Heap& heap);             // repr(v)
std::string float_text(double d);                            // repr of a float
// The items that iterating over v gives; kInvalid if it is not iterable.
Result<std::vector<Value>> iterate(const Value& v, Heap& heap);

// ---- JSON
Result<Value> from_json(std::string_view json, Heap& heap, std::string_view what);
struct JsonStyle {
  std::string indent;          // one level's
  bool pretty = false;
  std::string item_separator = ", ", key_separator = ": ";
  bool sort_keys = false, ascii = false;
};
// json.dumps(v); kInvalid for what JSON cannot hold.
Result<std::string> to_json(const Value& v, const JsonStyle& style, Heap& heap);

}  // namespace sillok::model::jinja
