#include "model/jinja_value.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "model/jinja_evaluator.h"
#include "model/jinja_text.h"

namespace sillok::model::jinja {
namespace {

constexpr size_t kIndexFrom = 9;      // entries from which a hash index beats a scan
constexpr uint32_t kMaxNesting = 200; // of values within values, for recursion over them

// Bytes that are the same exactly for keys that Python holds equal: 1, 1.0 and True are one key.
std::string hash_key(const Value& key) {
  switch (key.kind) {
    case Kind::kString: return "s" + *key.text;
    case Kind::kNone: return "n";
    case Kind::kBoolean:
    case Kind::kInteger: return "i" + std::to_string(key.as_integer());
    case Kind::kFloat:
      if (std::floor(key.real) == key.real && std::fabs(key.real) < 9e15) {
        return "i" + std::to_string(static_cast<int64_t>(key.real));
      }
      return "f" + float_text(key.real);
    case Kind::kList: {
      std::string out = "(";
      for (const Value& item : key.list->items) {
        const std::string part = hash_key(item);
        out += std::to_string(part.size()) + ":" + part;
      }
      return out;
    }
    default: return "?";
  }
}

bool hashable(const Value& key, uint32_t depth) {
  if (key.is(Kind::kList)) {
    if (key.list->form != ListForm::kTuple || depth > 8) return false;
    return std::all_of(key.list->items.begin(), key.list->items.end(),
                       [depth](const Value& item) { return hashable(item, depth + 1); });
  }
  return key.is(Kind::kString) || key.is(Kind::kNone) || key.is_number();
}

}  // namespace

bool is_hashable(const Value& key) { return hashable(key, 0); }

// ---- Dict

size_t Dict::index_of(const std::string& key) const {
  if (keys_.size() < kIndexFrom) {
    return static_cast<size_t>(std::find(keys_.begin(), keys_.end(), key) - keys_.begin());
  }
  const auto found = index_.find(key);
  return found == index_.end() ? keys_.size() : found->second;
}

const Value* Dict::find(const Value& key) const {
  if (!is_hashable(key)) return nullptr;
  const size_t at = index_of(hash_key(key));
  return at < entries_.size() ? &entries_[at].second : nullptr;
}
const Value* Dict::find(std::string_view key) const { return find(Value::of_string(std::string(key))); }

void Dict::set(const Value& key, Value value) {
  std::string bytes = hash_key(key);
  const size_t at = index_of(bytes);
  if (at < entries_.size()) {
    entries_[at].second = std::move(value);
    return;
  }
  entries_.emplace_back(key, std::move(value));
  keys_.push_back(std::move(bytes));
  if (keys_.size() == kIndexFrom) {
    for (size_t i = 0; i < keys_.size(); ++i) index_.emplace(keys_[i], i);
  } else if (keys_.size() > kIndexFrom) {
    index_.emplace(keys_.back(), keys_.size() - 1);
  }
}

bool Dict::erase(const Value& key) {
  if (!is_hashable(key)) return false;
  const size_t at = index_of(hash_key(key));
  if (at >= entries_.size()) return false;
  entries_.erase(entries_.begin() + static_cast<ptrdiff_t>(at));
  keys_.erase(keys_.begin() + static_cast<ptrdiff_t>(at));
  index_.clear();
  if (keys_.size() >= kIndexFrom) {
    for (size_t i = 0; i < keys_.size(); ++i) index_.emplace(keys_[i], i);
  }
  return true;
}

void Dict::clear() {
  entries_.clear();
  keys_.clear();
  index_.clear();
}

// ---- Heap

List* Heap::list(std::vector<Value> items, ListForm form) {
  spend(1 + items.size());
  return &lists_.emplace_back(List{std::move(items), form});
}
Dict* Heap::dict() {
  spend(1);
  return &dicts_.emplace_back();
}
Callable* Heap::callable(Callable c) { return &callables_.emplace_back(std::move(c)); }
Loop* Heap::loop(Loop l) { return &loops_.emplace_back(std::move(l)); }
Heap::~Heap() = default;

// ---- Truth, equality, order

bool truthy(const Value& v) {
  switch (v.kind) {
    case Kind::kUndefined:
    case Kind::kNone: return false;
    case Kind::kBoolean: return v.boolean;
    case Kind::kInteger: return v.integer != 0;
    case Kind::kFloat: return v.real != 0;
    case Kind::kString: return !v.text->empty();
    case Kind::kList: return v.list->form == ListForm::kGenerator || !v.list->items.empty();
    case Kind::kDict: return v.dict->size() > 0;
    default: return true;
  }
}

std::string_view type_name(const Value& v) {
  switch (v.kind) {
    case Kind::kUndefined: return "Undefined";
    case Kind::kNone: return "NoneType";
    case Kind::kBoolean: return "bool";
    case Kind::kInteger: return "int";
    case Kind::kFloat: return "float";
    case Kind::kString: return "str";
    case Kind::kList:
      switch (v.list->form) {
        case ListForm::kList: return "list";
        case ListForm::kTuple: return "tuple";
        case ListForm::kView: return "dict_items";
        case ListForm::kGenerator: return "generator";
      }
      return "list";
    case Kind::kDict: return "dict";
    case Kind::kNamespace: return "Namespace";
    case Kind::kCallable: return "function";
    case Kind::kLoop: return "LoopContext";
  }
  return "";
}

namespace {

int order(double a, double b) { return a < b ? -1 : a > b ? 1 : 0; }

bool equal_numbers(const Value& a, const Value& b) {
  if (a.is_integral() && b.is_integral()) return a.as_integer() == b.as_integer();
  return a.as_real() == b.as_real();
}

bool equal_dicts(const Dict& a, const Dict& b, Heap& heap, uint32_t depth) {
  if (a.size() != b.size()) return false;
  for (const auto& [key, value] : a.entries()) {
    const Value* other = b.find(key);
    if (!other || !equal(value, *other, heap, depth + 1)) return false;
  }
  return true;
}

}  // namespace

bool equal(const Value& a, const Value& b, Heap& heap, uint32_t depth) {
  if (!heap.spend(1) || depth > kMaxNesting) return false;
  if (a.is_number() && b.is_number()) return equal_numbers(a, b);
  if (a.kind != b.kind) return false;
  switch (a.kind) {
    case Kind::kUndefined:
    case Kind::kNone: return true;
    case Kind::kString: return *a.text == *b.text;
    case Kind::kList: {
      if (a.list == b.list) return true;
      if (a.list->form != b.list->form || a.list->items.size() != b.list->items.size()) return false;
      for (size_t i = 0; i < a.list->items.size(); ++i) {
        if (!equal(a.list->items[i], b.list->items[i], heap, depth + 1)) return false;
      }
      return true;
    }
    case Kind::kDict: return a.dict == b.dict || equal_dicts(*a.dict, *b.dict, heap, depth);
    case Kind::kNamespace: return a.dict == b.dict;
    case Kind::kCallable: return a.callable == b.callable;
    default: return a.loop == b.loop;
  }
}

Result<int> compare(const Value& a, const Value& b, Heap& heap, uint32_t depth) {
  if (!heap.spend(1) || depth > kMaxNesting) return fail(ErrorCode::kLimit, "values nested too deeply to compare");
  if (a.is_integral() && b.is_integral()) {
    return a.as_integer() < b.as_integer() ? -1 : a.as_integer() > b.as_integer() ? 1 : 0;
  }
  if (a.is_number() && b.is_number()) return order(a.as_real(), b.as_real());
  if (a.is_string() && b.is_string()) {
    const int c = a.text->compare(*b.text);  // UTF-8 sorts as its code points do
    return c < 0 ? -1 : c > 0 ? 1 : 0;
  }
  if (a.is(Kind::kList) && b.is(Kind::kList) && a.list->form == b.list->form) {
    const size_t shared = std::min(a.list->items.size(), b.list->items.size());
    for (size_t i = 0; i < shared; ++i) {
      if (equal(a.list->items[i], b.list->items[i], heap)) continue;
      return compare(a.list->items[i], b.list->items[i], heap, depth + 1);
    }
    return order(static_cast<double>(a.list->items.size()), static_cast<double>(b.list->items.size()));
  }
  if (a.is(Kind::kUndefined) || b.is(Kind::kUndefined)) {
    return fail(ErrorCode::kInvalid, std::string((a.is(Kind::kUndefined) ? a : b).view()));
  }
  return fail(ErrorCode::kInvalid, "values of type '" + std::string(type_name(a)) + "' and '" +
                                       std::string(type_name(b)) + "' have no order");
}

// ---- As text

std::string float_text(double d) {
  if (std::isnan(d)) return "nan";
  if (std::isinf(d)) return d < 0 ? "-inf" : "inf";
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, d, std::chars_format::scientific).ptr;
  std::string scientific(buffer, end);
  const size_t e = scientific.find('e');
  const int exponent = std::stoi(scientific.substr(e + 1));
  // Python writes positionally from 1e-4 up to 1e16.
  if (exponent < -4 || exponent >= 16) return scientific;
  const auto fixed_end = std::to_chars(buffer, buffer + sizeof buffer, d, std::chars_format::fixed).ptr;
  std::string fixed(buffer, fixed_end);
  if (fixed.find('.') == std::string::npos) fixed += ".0";
  return fixed;
}

namespace {

void append_hex(std::string& out, char32_t c) {
  constexpr char kDigits[] = "0123456789abcdef";
  const int digits = c < 0x100 ? 2 : c < 0x10000 ? 4 : 8;
  out += digits == 2 ? "\\x" : digits == 4 ? "\\u" : "\\U";
  for (int i = digits - 1; i >= 0; --i) out += kDigits[(c >> (4 * i)) & 15];
}

void append_quoted(std::string& out, std::string_view text) {
  const bool single = text.find('\'') == std::string_view::npos || text.find('"') != std::string_view::npos;
  const char quote = single ? '\'' : '"';
  out += quote;
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    const char32_t c = decode_utf8(text, at);
    if (c == static_cast<char32_t>(quote) || c == '\\') { out += '\\'; out += static_cast<char>(c); }
    else if (c == '\n') out += "\\n";
    else if (c == '\r') out += "\\r";
    else if (c == '\t') out += "\\t";
    else if (is_printable(c)) out += text.substr(start, at - start);
    else append_hex(out, c);
  }
  out += quote;
}

// Writes repr(v); stops early once the heap's budget is spent.
class ReprWriter {
 public:
  explicit ReprWriter(Heap& heap) : heap_(heap) {}
  void write(const Value& v, uint32_t depth = 0) {
    const size_t before = out.size();
    if (!heap_.spend(1)) return;
    if (depth > kMaxNesting) {
      heap_.spend(heap_.limits().steps);  // Unfolds without end: a list that holds itself.
      return;
    }
    write_kind(v, depth);
    if (!v.is(Kind::kList) && !v.is(Kind::kDict)) heap_.spend_bytes(out.size() - before);
  }
  std::string out;

 private:
  void write_kind(const Value& v, uint32_t depth) {
    switch (v.kind) {
      case Kind::kUndefined: out += "Undefined"; return;
      case Kind::kNone: out += "None"; return;
      case Kind::kBoolean: out += v.boolean ? "True" : "False"; return;
      case Kind::kInteger: out += std::to_string(v.integer); return;
      case Kind::kFloat: out += float_text(v.real); return;
      case Kind::kString: append_quoted(out, *v.text); return;
      case Kind::kList: write_list(*v.list, depth); return;
      case Kind::kDict: write_dict(*v.dict, depth); return;
      case Kind::kNamespace: out += "<Namespace "; write_dict(*v.dict, depth); out += ">"; return;
      case Kind::kCallable: out += "<function " + v.callable->name + ">"; return;
      case Kind::kLoop: out += "<LoopContext>"; return;
    }
  }
  void write_list(const List& list, uint32_t depth) {
    if (list.form == ListForm::kGenerator) { out += "<generator object>"; return; }
    const bool tuple = list.form == ListForm::kTuple, view = list.form == ListForm::kView;
    if (view) out += "dict_items(";
    out += tuple ? '(' : '[';
    for (size_t i = 0; i < list.items.size() && !heap_.exhausted(); ++i) {
      if (i > 0) out += ", ";
      write(list.items[i], depth + 1);
    }
    if (tuple && list.items.size() == 1) out += ',';
    out += tuple ? ')' : ']';
    if (view) out += ')';
  }
  void write_dict(const Dict& dict, uint32_t depth) {
    out += '{';
    bool first = true;
    for (const auto& [key, value] : dict.entries()) {
      if (heap_.exhausted()) return;
      if (!first) out += ", ";
      first = false;
      write(key, depth + 1);
      out += ": ";
      write(value, depth + 1);
    }
    out += '}';
  }
  Heap& heap_;
};

}  // namespace

std::string to_repr(const Value& v, Heap& heap) {
  ReprWriter writer(heap);
  writer.write(v);
  return std::move(writer.out);
}

std::string to_text(const Value& v, Heap& heap) {
  if (v.is_string()) return *v.text;
  if (v.is(Kind::kUndefined)) return {};
  return to_repr(v, heap);
}

Result<std::vector<Value>> iterate(const Value& v, Heap& heap) {
  std::vector<Value> items;
  switch (v.kind) {
    case Kind::kUndefined: break;
    case Kind::kString:
      if (!heap.spend(v.text->size())) break;
      for (std::string& c : characters(*v.text)) items.push_back(Value::of_string(std::move(c)));
      break;
    case Kind::kList: items = v.list->items; break;
    case Kind::kDict:
      for (const auto& entry : v.dict->entries()) items.push_back(entry.first);
      break;
    default:
      return fail(ErrorCode::kInvalid, "'" + std::string(type_name(v)) + "' object is not iterable");
  }
  heap.spend(items.size());
  return items;
}

}  // namespace sillok::model::jinja
