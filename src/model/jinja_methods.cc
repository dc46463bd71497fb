// Methods of strings, lists and dicts; global functions; how builtins read their arguments.
#include <unicode/uchar.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "model/jinja_evaluator.h"
#include "model/jinja_text.h"

namespace sillok::model::jinja {

Result<std::vector<const Value*>> bind(const Arguments& arguments, std::initializer_list<std::string_view> parameters,
                                       size_t required) {
  if (arguments.positional.size() > parameters.size()) {
    return fail(ErrorCode::kInvalid, "too many arguments: at most " + std::to_string(parameters.size()));
  }
  std::vector<const Value*> bound(parameters.size(), nullptr);
  for (size_t i = 0; i < arguments.positional.size(); ++i) bound[i] = &arguments.positional[i];
  for (const auto& [name, value] : arguments.named) {
    const auto* found = std::find(parameters.begin(), parameters.end(), name);
    if (found == parameters.end()) return fail(ErrorCode::kInvalid, "there is no argument '" + name + "'");
    const auto index = static_cast<size_t>(found - parameters.begin());
    if (bound[index]) return fail(ErrorCode::kInvalid, "argument '" + name + "' is given twice");
    bound[index] = &value;
  }
  for (size_t i = 0; i < required; ++i) {
    if (!bound[i]) return fail(ErrorCode::kInvalid, "argument '" + std::string(parameters.begin()[i]) + "' is missing");
  }
  return bound;
}

Result<int64_t> integer_or(const Value* argument, int64_t otherwise, std::string_view name) {
  if (!argument || argument->is(Kind::kNone)) return otherwise;
  if (argument->is_integral()) return argument->as_integer();
  return fail(ErrorCode::kInvalid, std::string(name) + " must be an integer, not '" +
                                       std::string(type_name(*argument)) + "'");
}

Status require_string(const Value& v, std::string_view what) {
  if (v.is_string()) return {};
  if (v.is(Kind::kUndefined)) return fail(ErrorCode::kInvalid, std::string(v.view()));
  return fail(ErrorCode::kInvalid, std::string(what) + " must be a string, not '" + std::string(type_name(v)) + "'");
}

namespace {

tl::unexpected<Error> invalid(std::string message) { return fail(ErrorCode::kInvalid, std::move(message)); }
Value text_value(std::string_view text) { return Value::of_string(std::string(text)); }
Value list_value(Evaluator& e, std::vector<Value> items) { return Value::of_list(e.heap().list(std::move(items))); }

// ---- Strings

// The set of characters that strip() takes: none given means white space.
Result<std::string_view> strip_set(const Value* v) {
  if (!v || v->is(Kind::kNone)) return std::string_view();
  SILLOK_TRY(require_string(*v, "what to strip"));
  return v->view();
}
template <bool left, bool right>
Result<Value> str_strip(Evaluator&, const Value& self, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"chars"}, 0));
  SILLOK_ASSIGN(const std::string_view set, strip_set(a[0]));
  std::string_view text = self.view();
  if (a[0] && a[0]->is_string() && set.empty()) return self;  // strip("") takes nothing
  if (left) text = strip_left(text, set);
  if (right) text = strip_right(text, set);
  return text_value(text);
}

std::vector<std::string_view> split_spaces(std::string_view text, int64_t limit) {
  std::vector<std::string_view> parts;
  text = strip_left(text);
  while (!text.empty()) {
    if (limit >= 0 && static_cast<int64_t>(parts.size()) == limit) {
      parts.push_back(strip_right(text));
      break;
    }
    size_t end = 0, next = 0;
    while (next < text.size() && !is_space(decode_utf8(text, next))) end = next;
    parts.push_back(text.substr(0, end));
    text = strip_left(text.substr(end));
  }
  return parts;
}

Result<Value> str_split(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"sep", "maxsplit"}, 0));
  SILLOK_ASSIGN(const int64_t limit, integer_or(a[1], -1, "maxsplit"));
  std::vector<Value> parts;
  if (!a[0] || a[0]->is(Kind::kNone)) {
    for (const std::string_view part : split_spaces(self.view(), limit)) {
      if (!e.heap().spend(1)) break;
      parts.push_back(text_value(part));
    }
    return list_value(e, std::move(parts));
  }
  SILLOK_TRY(require_string(*a[0], "the separator"));
  const std::string_view separator = a[0]->view(), text = self.view();
  if (separator.empty()) return invalid("the separator is empty");
  size_t at = 0;
  for (size_t hit; limit < 0 || static_cast<int64_t>(parts.size()) < limit; at = hit + separator.size()) {
    if ((hit = text.find(separator, at)) == std::string_view::npos || !e.heap().spend(1)) break;
    parts.push_back(text_value(text.substr(at, hit - at)));
  }
  parts.push_back(text_value(text.substr(at)));
  return list_value(e, std::move(parts));
}

Result<Value> str_rsplit(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"sep", "maxsplit"}, 0));
  SILLOK_ASSIGN(const int64_t limit, integer_or(a[1], -1, "maxsplit"));
  if (limit < 0) return str_split(e, self, arguments);
  if (!a[0] || a[0]->is(Kind::kNone)) return invalid("rsplit with maxsplit needs a separator");
  SILLOK_TRY(require_string(*a[0], "the separator"));
  const std::string_view separator = a[0]->view();
  std::string_view text = self.view();
  if (separator.empty()) return invalid("the separator is empty");
  std::vector<Value> parts;
  for (size_t hit; static_cast<int64_t>(parts.size()) < limit; text = text.substr(0, hit)) {
    if ((hit = text.rfind(separator)) == std::string_view::npos || !e.heap().spend(1)) break;
    parts.push_back(text_value(text.substr(hit + separator.size())));
  }
  parts.push_back(text_value(text));
  std::reverse(parts.begin(), parts.end());
  return list_value(e, std::move(parts));
}

// Whether `matches` holds for the one string, or for one of the tuple, that is asked for.
template <bool at_start>
Result<Value> str_affix(Evaluator&, const Value& self, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"affix", "start"}, 1));
  SILLOK_ASSIGN(const int64_t start, integer_or(a[1], 0, "start"));
  std::string_view text = self.view();
  for (int64_t i = 0; i < start && !text.empty(); ++i) {
    size_t next = 0;
    decode_utf8(text, next);
    text = text.substr(next);
  }
  const auto matches = [text](std::string_view affix) {
    return at_start ? text.starts_with(affix) : text.ends_with(affix);
  };
  if (a[0]->is(Kind::kList) && a[0]->list->form == ListForm::kTuple) {
    for (const Value& one : a[0]->list->items) {
      SILLOK_TRY(require_string(one, "an affix"));
      if (matches(one.view())) return Value::of_boolean(true);
    }
    return Value::of_boolean(false);
  }
  SILLOK_TRY(require_string(*a[0], "the affix"));
  return Value::of_boolean(matches(a[0]->view()));
}

template <bool at_start>
Result<Value> str_remove(Evaluator&, const Value& self, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"affix"}, 1));
  SILLOK_TRY(require_string(*a[0], "the affix"));
  std::string_view text = self.view();
  const std::string_view affix = a[0]->view();
  if (at_start && text.starts_with(affix)) text.remove_prefix(affix.size());
  if (!at_start && text.ends_with(affix)) text.remove_suffix(affix.size());
  return text_value(text);
}

Result<Value> str_replace(Evaluator& e, const Value& self, Arguments& arguments) {
  return e.filter("replace", self, std::move(arguments));
}
template <std::string (*change)(std::string_view)>
Result<Value> str_case(Evaluator&, const Value& self, Arguments& arguments) {
  SILLOK_TRY(bind(arguments, {}, 0));
  return Value::of_string(change(self.view()));
}
Result<Value> str_format(Evaluator& e, const Value& self, Arguments& arguments) {
  return brace_format(e, self.view(), arguments);
}
Result<Value> str_join(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"iterable"}, 1));
  SILLOK_ASSIGN(const std::vector<Value> items, iterate(*a[0], e.heap()));
  std::string out;
  for (size_t i = 0; i < items.size(); ++i) {
    SILLOK_TRY(require_string(items[i], "each item to join"));
    if (i > 0) out += self.view();
    out += items[i].view();
    if (!e.heap().spend_bytes(self.view().size() + items[i].view().size())) {
      return fail(ErrorCode::kLimit, "join makes too much text");
    }
  }
  return Value::of_string(std::move(out));
}

template <bool from_end, bool must>
Result<Value> str_find(Evaluator&, const Value& self, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"sub"}, 1));
  SILLOK_TRY(require_string(*a[0], "what to find"));
  const size_t hit = from_end ? self.text->rfind(*a[0]->text) : self.text->find(*a[0]->text);
  if (hit != std::string::npos) {
    return Value::of_integer(static_cast<int64_t>(code_points(self.view().substr(0, hit))));
  }
  if (must) return invalid("substring not found");
  return Value::of_integer(-1);
}

Result<Value> str_count(Evaluator&, const Value& self, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"sub"}, 1));
  SILLOK_TRY(require_string(*a[0], "what to count"));
  if (a[0]->view().empty()) return Value::of_integer(static_cast<int64_t>(code_points(self.view())) + 1);
  int64_t count = 0;
  for (size_t at = 0; (at = self.text->find(*a[0]->text, at)) != std::string::npos; at += a[0]->text->size()) ++count;
  return Value::of_integer(count);
}

using CharacterTest = bool (*)(char32_t);
template <CharacterTest holds>
Result<Value> str_all(Evaluator&, const Value& self, Arguments& arguments) {
  SILLOK_TRY(bind(arguments, {}, 0));
  const std::string_view text = self.view();
  for (size_t at = 0; at < text.size();) {
    if (!holds(decode_utf8(text, at))) return Value::of_boolean(false);
  }
  return Value::of_boolean(!text.empty());
}
bool digit(char32_t c) { return u_isdigit(static_cast<UChar32>(c)); }
bool letter(char32_t c) { return u_isalpha(static_cast<UChar32>(c)); }
bool letter_or_digit(char32_t c) { return u_isalnum(static_cast<UChar32>(c)); }
bool space(char32_t c) { return is_space(c); }
Result<Value> str_cased_as(Evaluator& e, const Value& self, std::string_view test) {
  SILLOK_ASSIGN(const bool holds, e.test(test, self, {}));
  return Value::of_boolean(holds);
}
Result<Value> str_isupper(Evaluator& e, const Value& self, Arguments&) { return str_cased_as(e, self, "upper"); }
Result<Value> str_islower(Evaluator& e, const Value& self, Arguments&) { return str_cased_as(e, self, "lower"); }

Result<Value> str_splitlines(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"keepends"}, 0));
  std::vector<Value> lines;
  for (const std::string_view line : split_lines(self.view(), a[0] && truthy(*a[0]))) {
    if (!e.heap().spend(1)) break;
    lines.push_back(text_value(line));
  }
  return list_value(e, std::move(lines));
}

template <char align>
Result<Value> str_align(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"width", "fillchar"}, 1));
  SILLOK_ASSIGN(const int64_t width, integer_or(a[0], 0, "width"));
  if (a[1]) SILLOK_TRY(require_string(*a[1], "fillchar"));
  const std::string_view fill = a[1] ? a[1]->view() : std::string_view(" ");
  if (code_points(fill) != 1) return invalid("fillchar must be one character");
  const auto missing = width - static_cast<int64_t>(code_points(self.view()));
  if (missing <= 0) return self;
  if (!e.heap().spend_bytes(static_cast<uint64_t>(missing))) return fail(ErrorCode::kLimit, "a width is too large");
  // str.center puts the odd blank on the left when the width is odd.
  const int64_t left = align == '<' ? 0 : align == '>' ? missing : missing / 2 + (missing & width & 1);
  std::string out;
  for (int64_t i = 0; i < left; ++i) out += fill;
  out += self.view();
  for (int64_t i = left; i < missing; ++i) out += fill;
  return Value::of_string(std::move(out));
}

Result<Value> str_zfill(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"width"}, 1));
  SILLOK_ASSIGN(const int64_t width, integer_or(a[0], 0, "width"));
  const int64_t missing = width - static_cast<int64_t>(code_points(self.view()));
  if (missing <= 0) return self;
  if (!e.heap().spend_bytes(static_cast<uint64_t>(missing))) return fail(ErrorCode::kLimit, "a width is too large");
  std::string out(self.view());
  const size_t sign = !out.empty() && (out[0] == '-' || out[0] == '+') ? 1 : 0;
  out.insert(sign, static_cast<size_t>(missing), '0');
  return Value::of_string(std::move(out));
}

template <bool from_end>
Result<Value> str_partition(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"sep"}, 1));
  SILLOK_TRY(require_string(*a[0], "the separator"));
  if (a[0]->view().empty()) return invalid("the separator is empty");
  const std::string_view text = self.view();
  const size_t hit = from_end ? text.rfind(a[0]->view()) : text.find(a[0]->view());
  std::vector<Value> parts = {self, text_value(""), text_value("")};
  if (hit != std::string_view::npos) {
    parts = {text_value(text.substr(0, hit)), *a[0], text_value(text.substr(hit + a[0]->view().size()))};
  } else if (from_end) {
    std::swap(parts[0], parts[2]);
  }
  return Value::of_list(e.heap().list(std::move(parts), ListForm::kTuple));
}

constexpr auto kStringMethods = std::to_array<Builtin>({
    {"strip", str_strip<true, true>}, {"lstrip", str_strip<true, false>}, {"rstrip", str_strip<false, true>},
    {"split", str_split}, {"rsplit", str_rsplit}, {"startswith", str_affix<true>}, {"endswith", str_affix<false>},
    {"removeprefix", str_remove<true>}, {"removesuffix", str_remove<false>}, {"replace", str_replace},
    {"upper", str_case<upper>}, {"lower", str_case<lower>}, {"casefold", str_case<lower>}, {"title", str_case<title>},
    {"capitalize", str_case<capitalize>}, {"format", str_format}, {"join", str_join}, {"find", str_find<false, false>},
    {"rfind", str_find<true, false>}, {"index", str_find<false, true>}, {"rindex", str_find<true, true>},
    {"count", str_count}, {"isdigit", str_all<digit>}, {"isnumeric", str_all<digit>}, {"isdecimal", str_all<digit>},
    {"isalpha", str_all<letter>}, {"isalnum", str_all<letter_or_digit>}, {"isspace", str_all<space>},
    {"isupper", str_isupper}, {"islower", str_islower}, {"splitlines", str_splitlines}, {"ljust", str_align<'<'>},
    {"rjust", str_align<'>'>}, {"center", str_align<'^'>}, {"zfill", str_zfill},
    {"partition", str_partition<false>}, {"rpartition", str_partition<true>},
});

// ---- Dicts

Result<Value> dict_items(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_TRY(bind(arguments, {}, 0));
  std::vector<Value> items;
  for (const auto& [key, value] : self.dict->entries()) {
    items.push_back(Value::of_list(e.heap().list({key, value}, ListForm::kTuple)));
  }
  return Value::of_list(e.heap().list(std::move(items), ListForm::kView));
}
Result<Value> dict_keys(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_TRY(bind(arguments, {}, 0));
  SILLOK_ASSIGN(std::vector<Value> keys, iterate(self, e.heap()));
  return Value::of_list(e.heap().list(std::move(keys), ListForm::kView));
}
Result<Value> dict_values(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_TRY(bind(arguments, {}, 0));
  std::vector<Value> values;
  for (const auto& entry : self.dict->entries()) values.push_back(entry.second);
  return Value::of_list(e.heap().list(std::move(values), ListForm::kView));
}
Result<Value> dict_get(Evaluator&, const Value& self, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"key", "default"}, 1));
  const Value* held = self.dict->find(*a[0]);
  return held ? *held : a[1] ? *a[1] : Value::none();
}
Result<Value> dict_pop(Evaluator&, const Value& self, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"key", "default"}, 1));
  if (const Value* held = self.dict->find(*a[0])) {
    Value value = *held;
    self.dict->erase(*a[0]);
    return value;
  }
  if (!a[1]) return invalid("pop: there is no such key");
  return *a[1];
}
Result<Value> dict_update(Evaluator& e, const Value& self, Arguments& arguments) {
  if (arguments.positional.size() > 1) return invalid("update takes one dict");
  if (!arguments.positional.empty()) {
    if (!arguments.positional[0].is(Kind::kDict)) return invalid("update takes a dict");
    for (const auto& [key, value] : std::vector(arguments.positional[0].dict->entries())) {
      if (!e.heap().spend(1)) break;
      self.dict->set(key, value);
    }
  }
  for (const auto& [key, value] : arguments.named) self.dict->set(Value::of_string(key), value);
  return Value::none();
}
Result<Value> dict_setdefault(Evaluator&, const Value& self, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"key", "default"}, 1));
  if (!is_hashable(*a[0])) return invalid("setdefault: this value cannot be a key");
  if (const Value* held = self.dict->find(*a[0])) return *held;
  self.dict->set(*a[0], a[1] ? *a[1] : Value::none());
  return a[1] ? *a[1] : Value::none();
}
Result<Value> dict_copy(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_TRY(bind(arguments, {}, 0));
  Dict* copy = e.heap().dict();
  if (e.heap().spend(self.dict->size())) *copy = *self.dict;
  return Value::of_dict(copy);
}

constexpr auto kDictMethods = std::to_array<Builtin>({
    {"items", dict_items}, {"keys", dict_keys}, {"values", dict_values}, {"get", dict_get}, {"pop", dict_pop},
    {"update", dict_update}, {"setdefault", dict_setdefault}, {"copy", dict_copy},
});

// ---- Lists

Status require_list(const Value& self) {
  if (self.list->form == ListForm::kList) return {};
  return invalid("a value of type '" + std::string(type_name(self)) + "' cannot be changed");
}
Result<Value> list_append(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_TRY(require_list(self));
  SILLOK_ASSIGN(const auto a, bind(arguments, {"item"}, 1));
  if (e.heap().spend(1)) self.list->items.push_back(*a[0]);
  return Value::none();
}
Result<Value> list_extend(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_TRY(require_list(self));
  SILLOK_ASSIGN(const auto a, bind(arguments, {"items"}, 1));
  SILLOK_ASSIGN(const std::vector<Value> items, iterate(*a[0], e.heap()));
  if (!e.heap().exhausted()) self.list->items.insert(self.list->items.end(), items.begin(), items.end());
  return Value::none();
}
Result<Value> list_insert(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_TRY(require_list(self));
  SILLOK_ASSIGN(const auto a, bind(arguments, {"index", "item"}, 2));
  SILLOK_ASSIGN(int64_t index, integer_or(a[0], 0, "index"));
  const auto size = static_cast<int64_t>(self.list->items.size());
  if (index < 0) index = std::max<int64_t>(index, -size) + size;
  if (e.heap().spend(1 + static_cast<uint64_t>(size))) {
    self.list->items.insert(self.list->items.begin() + std::min(index, size), *a[1]);
  }
  return Value::none();
}
Result<Value> list_pop(Evaluator&, const Value& self, Arguments& arguments) {
  SILLOK_TRY(require_list(self));
  SILLOK_ASSIGN(const auto a, bind(arguments, {"index"}, 0));
  SILLOK_ASSIGN(int64_t index, integer_or(a[0], -1, "index"));
  const auto size = static_cast<int64_t>(self.list->items.size());
  if (index < 0 && index >= -size) index += size;
  if (index < 0 || index >= size) return invalid("pop: there is no such item");
  Value value = self.list->items[static_cast<size_t>(index)];
  self.list->items.erase(self.list->items.begin() + index);
  return value;
}
Result<Value> list_index(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"item"}, 1));
  for (size_t i = 0; i < self.list->items.size(); ++i) {
    if (equal(self.list->items[i], *a[0], e.heap())) return Value::of_integer(static_cast<int64_t>(i));
  }
  return invalid("index: there is no such item");
}
Result<Value> list_count(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"item"}, 1));
  int64_t count = 0;
  for (const Value& item : self.list->items) count += equal(item, *a[0], e.heap()) ? 1 : 0;
  return Value::of_integer(count);
}
Result<Value> list_copy(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_TRY(bind(arguments, {}, 0));
  return list_value(e, self.list->items);
}

constexpr auto kListMethods = std::to_array<Builtin>({
    {"append", list_append}, {"extend", list_extend}, {"insert", list_insert}, {"pop", list_pop},
    {"index", list_index}, {"count", list_count}, {"copy", list_copy},
});

// ---- The loop variable

Result<Value> loop_cycle(Evaluator&, const Value& self, Arguments& arguments) {
  if (arguments.positional.empty()) return invalid("cycle needs something to cycle through");
  return arguments.positional[self.loop->index % arguments.positional.size()];
}
Result<Value> loop_changed(Evaluator& e, const Value& self, Arguments& arguments) {
  const Value now = Value::of_list(e.heap().list(arguments.positional, ListForm::kTuple));
  const bool changed = !self.loop->last_changed || !equal(*self.loop->last_changed, now, e.heap());
  self.loop->last_changed = now;
  return Value::of_boolean(changed);
}
constexpr auto kLoopMethods = std::to_array<Builtin>({{"cycle", loop_cycle}, {"changed", loop_changed}});

// ---- Global functions

Result<Value> raise_exception(Evaluator& e, const Value&, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"message"}, 1));
  return fail(ErrorCode::kInvalid, to_text(*a[0], e.heap()));
}

Result<Value> range(Evaluator& e, const Value&, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"start", "stop", "step"}, 1));
  SILLOK_ASSIGN(int64_t start, integer_or(a[0], 0, "start"));
  SILLOK_ASSIGN(int64_t stop, integer_or(a[1], 0, "stop"));
  SILLOK_ASSIGN(const int64_t step, integer_or(a[2], 1, "step"));
  if (!a[1]) stop = std::exchange(start, 0);
  if (step == 0) return invalid("range: the step is zero");
  constexpr int64_t kMaxRange = 100'000;  // as the sandbox that templates are written for has it
  std::vector<Value> items;
  for (int64_t i = start; step > 0 ? i < stop : i > stop;) {
    if (static_cast<int64_t>(items.size()) == kMaxRange) return fail(ErrorCode::kLimit, "range: more than 100000 items");
    items.push_back(Value::of_integer(i));
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  return list_value(e, std::move(items));
}

Result<Value> make_dict(Evaluator& e, const Value&, Arguments& arguments) {
  const Value made = Value::of_dict(e.heap().dict());
  SILLOK_TRY(dict_update(e, made, arguments));
  return made;
}
Result<Value> make_namespace(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_ASSIGN(Value made, make_dict(e, self, arguments));
  made.kind = Kind::kNamespace;
  return made;
}

Result<Value> strftime_now(Evaluator& e, const Value&, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"format"}, 1));
  SILLOK_TRY(require_string(*a[0], "the format"));
  if (a[0]->view().empty()) return text_value("");
  const auto seconds = static_cast<time_t>(e.now() / 1'000'000);
  std::tm local{};
  localtime_r(&seconds, &local);
  std::array<char, 1024> buffer;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  const size_t length = std::strftime(buffer.data(), buffer.size(), a[0]->text->c_str(), &local);
#pragma GCC diagnostic pop
  if (length == 0) return fail(ErrorCode::kLimit, "strftime_now: the format gives nothing or more than 1 KiB");
  return text_value({buffer.data(), length});
}

constexpr auto kGlobals = std::to_array<Builtin>({
    {"raise_exception", raise_exception}, {"range", range}, {"dict", make_dict}, {"namespace", make_namespace},
    {"strftime_now", strftime_now},
});

template <size_t N>
const Builtin* find_in(const std::array<Builtin, N>& table, std::string_view name) {
  const auto* found = std::find_if(table.begin(), table.end(), [name](const Builtin& b) { return b.name == name; });
  return found == table.end() ? nullptr : found;
}

}  // namespace

const Builtin* find_global(std::string_view name) { return find_in(kGlobals, name); }

const Builtin* find_method(const Value& object, std::string_view name) {
  switch (object.kind) {
    case Kind::kString: return find_in(kStringMethods, name);
    case Kind::kDict: return find_in(kDictMethods, name);
    case Kind::kList: return object.list->form <= ListForm::kTuple ? find_in(kListMethods, name) : nullptr;
    case Kind::kLoop: return find_in(kLoopMethods, name);
    default: return nullptr;
  }
}

}  // namespace sillok::model::jinja
