// Filters over sequences.
#include <algorithm>
#include <optional>

#include "model/jinja_filters.h"
#include "model/jinja_text.h"

namespace sillok::model::jinja {
namespace {

tl::unexpected<Error> invalid(std::string message) { return fail(ErrorCode::kInvalid, std::move(message)); }
Value make_list(Evaluator& e, std::vector<Value> items, ListForm form = ListForm::kList) {
  return Value::of_list(e.heap().list(std::move(items), form));
}

// Takes out the named argument `name`, if there is one.
std::optional<Value> take_named(Arguments& arguments, std::string_view name) {
  for (auto it = arguments.named.begin(); it != arguments.named.end(); ++it) {
    if (it->first != name) continue;
    Value value = std::move(it->second);
    arguments.named.erase(it);
    return value;
  }
  return std::nullopt;
}

// What an item is sorted or compared by: itself or its attribute, in lower case unless case counts.
Result<Value> sort_key(Evaluator& e, const Value& item, const Value* attribute, bool case_sensitive) {
  Value key = item;
  if (attribute && !attribute->is(Kind::kNone)) {
    SILLOK_ASSIGN(key, e.path(item, *attribute));
  }
  if (!case_sensitive && key.is_string()) return Value::of_string(lower(key.view()));
  return key;
}

struct Keyed {
  Value key, item;
};
Status sort_keyed(Evaluator& e, std::vector<Keyed>& items, bool reverse) {
  std::optional<Error> error;
  std::stable_sort(items.begin(), items.end(), [&](const Keyed& a, const Keyed& b) {
    if (error) return false;
    const auto order = reverse ? compare(b.key, a.key, e.heap()) : compare(a.key, b.key, e.heap());
    if (!order) error = order.error();
    return order && *order < 0;
  });
  if (error) return fail(*error);
  return {};
}

// Keeps the items for which the test (on the item, or its attribute) gives `wanted`.
Result<Value> pick(Evaluator& e, const Value& self, Arguments& arguments, bool by_attribute, bool wanted) {
  size_t used = 0;
  Value attribute;
  if (by_attribute) {
    if (arguments.positional.empty()) return invalid("the attribute is missing");
    attribute = arguments.positional[used++];
  }
  std::optional<std::string> name;
  if (arguments.positional.size() > used) {
    SILLOK_TRY(require_string(arguments.positional[used], "the test's name"));
    name = *arguments.positional[used++].text;
  }
  const Arguments rest{{arguments.positional.begin() + static_cast<ptrdiff_t>(used), arguments.positional.end()},
                       arguments.named};
  // Whatever is false, none too, is an empty sequence to this filter and to map.
  std::vector<Value> all;
  if (truthy(self)) {
    SILLOK_ASSIGN(all, iterate(self, e.heap()));
  }
  std::vector<Value> kept;
  for (Value& item : all) {
    if (!e.heap().spend(1)) break;
    Value subject = item;
    if (by_attribute) {
      SILLOK_ASSIGN(subject, e.path(item, attribute));
    }
    bool holds = false;
    if (name) {
      SILLOK_ASSIGN(holds, e.test(*name, subject, rest));
    } else {
      holds = truthy(subject);
    }
    if (holds == wanted) kept.push_back(std::move(item));
  }
  return make_list(e, std::move(kept), ListForm::kGenerator);
}

Result<Value> extreme(Evaluator& e, const Value& self, Arguments& arguments, int wanted) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"case_sensitive", "attribute"}, 0));
  SILLOK_ASSIGN(const std::vector<Value> all, iterate(self, e.heap()));
  if (all.empty()) return Value::undefined("an empty sequence has no greatest or least item");
  const bool exact = a[0] && truthy(*a[0]);
  Value best = all[0];
  SILLOK_ASSIGN(Value best_key, sort_key(e, best, a[1], exact));
  for (size_t i = 1; i < all.size(); ++i) {
    SILLOK_ASSIGN(Value key, sort_key(e, all[i], a[1], exact));
    SILLOK_ASSIGN(const int order, compare(key, best_key, e.heap()));
    if (order != wanted) continue;
    best = all[i];
    best_key = std::move(key);
  }
  return best;
}

}  // namespace

Result<Value> select(Evaluator& e, const Value& self, Arguments& a) { return pick(e, self, a, false, true); }
Result<Value> reject(Evaluator& e, const Value& self, Arguments& a) { return pick(e, self, a, false, false); }
Result<Value> selectattr(Evaluator& e, const Value& self, Arguments& a) { return pick(e, self, a, true, true); }
Result<Value> rejectattr(Evaluator& e, const Value& self, Arguments& a) { return pick(e, self, a, true, false); }
Result<Value> maximum(Evaluator& e, const Value& self, Arguments& a) { return extreme(e, self, a, 1); }
Result<Value> minimum(Evaluator& e, const Value& self, Arguments& a) { return extreme(e, self, a, -1); }

Result<Value> map(Evaluator& e, const Value& self, Arguments& arguments) {
  const std::optional<Value> attribute = take_named(arguments, "attribute");
  const std::optional<Value> otherwise = attribute ? take_named(arguments, "default") : std::nullopt;
  if (!attribute && arguments.positional.empty()) return invalid("map needs a filter or an attribute");
  std::vector<Value> all;
  if (truthy(self)) {
    SILLOK_ASSIGN(all, iterate(self, e.heap()));
  }
  std::vector<Value> out;
  for (const Value& item : all) {
    if (!e.heap().spend(1)) break;
    if (attribute) {
      SILLOK_ASSIGN(Value value, e.path(item, *attribute));
      out.push_back(value.is(Kind::kUndefined) && otherwise ? *otherwise : std::move(value));
      continue;
    }
    SILLOK_TRY(require_string(arguments.positional[0], "the filter's name"));
    Arguments rest{{arguments.positional.begin() + 1, arguments.positional.end()}, arguments.named};
    SILLOK_ASSIGN(Value value, e.filter(arguments.positional[0].view(), item, std::move(rest)));
    if (value.is_string() && !e.heap().spend_bytes(value.text->size())) break;
    out.push_back(std::move(value));
  }
  return make_list(e, std::move(out), ListForm::kGenerator);
}

Result<Value> join(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"d", "attribute"}, 0));
  const std::string separator = a[0] ? to_text(*a[0], e.heap()) : "";
  SILLOK_ASSIGN(const std::vector<Value> all, iterate(self, e.heap()));
  std::string out;
  for (size_t i = 0; i < all.size(); ++i) {
    Value item = all[i];
    if (a[1] && !a[1]->is(Kind::kNone)) {
      SILLOK_ASSIGN(item, e.path(item, *a[1]));
    }
    if (i > 0) out += separator;
    const std::string text = to_text(item, e.heap());
    if (!e.heap().spend_bytes(separator.size() + text.size())) return fail(ErrorCode::kLimit, "join makes too much text");
    out += text;
  }
  return Value::of_string(std::move(out));
}

Result<Value> list(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_TRY(bind(arguments, {}, 0));
  SILLOK_ASSIGN(std::vector<Value> all, iterate(self, e.heap()));
  return make_list(e, std::move(all));
}

Result<Value> first(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_TRY(bind(arguments, {}, 0));
  SILLOK_ASSIGN(const std::vector<Value> all, iterate(self, e.heap()));
  return all.empty() ? Value::undefined("an empty sequence has no first item") : all.front();
}

Result<Value> last(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_TRY(bind(arguments, {}, 0));
  if (self.is(Kind::kList) && self.list->form == ListForm::kGenerator) return invalid("a generator has no last item");
  SILLOK_ASSIGN(const std::vector<Value> all, iterate(self, e.heap()));
  return all.empty() ? Value::undefined("an empty sequence has no last item") : all.back();
}

Result<Value> items(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_TRY(bind(arguments, {}, 0));
  if (self.is(Kind::kUndefined)) return make_list(e, {}, ListForm::kGenerator);
  if (!self.is(Kind::kDict)) return invalid("items needs a dict, not '" + std::string(type_name(self)) + "'");
  std::vector<Value> pairs;
  for (const auto& [key, value] : self.dict->entries()) pairs.push_back(make_list(e, {key, value}, ListForm::kTuple));
  return make_list(e, std::move(pairs), ListForm::kGenerator);
}

Result<Value> dictsort(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"case_sensitive", "by", "reverse"}, 0));
  if (!self.is(Kind::kDict)) return invalid("dictsort needs a dict, not '" + std::string(type_name(self)) + "'");
  const std::string_view by = a[1] ? a[1]->view() : "key";
  if (by != "key" && by != "value") return invalid("dictsort: by is 'key' or 'value'");
  std::vector<Keyed> keyed;
  for (const auto& [key, value] : self.dict->entries()) {
    SILLOK_ASSIGN(Value sorted_by, sort_key(e, by == "key" ? key : value, nullptr, a[0] && truthy(*a[0])));
    keyed.push_back({std::move(sorted_by), make_list(e, {key, value}, ListForm::kTuple)});
  }
  SILLOK_TRY(sort_keyed(e, keyed, a[2] && truthy(*a[2])));
  std::vector<Value> out;
  for (Keyed& k : keyed) out.push_back(std::move(k.item));
  return make_list(e, std::move(out));
}

Result<Value> sort(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"reverse", "case_sensitive", "attribute"}, 0));
  SILLOK_ASSIGN(const std::vector<Value> all, iterate(self, e.heap()));
  std::vector<Keyed> keyed;
  for (const Value& item : all) {
    // Several attributes, "a,b", sort by the first and then the next.
    Value key;
    if (a[2] && a[2]->is_string() && a[2]->view().find(',') != std::string_view::npos) {
      std::vector<Value> parts;
      for (const std::string_view name : split(a[2]->view(), ',')) {
        const Value one = Value::of_string(std::string(name));
        SILLOK_ASSIGN(Value part, sort_key(e, item, &one, a[1] && truthy(*a[1])));
        parts.push_back(std::move(part));
      }
      key = make_list(e, std::move(parts), ListForm::kTuple);
    } else {
      SILLOK_ASSIGN(key, sort_key(e, item, a[2], a[1] && truthy(*a[1])));
    }
    keyed.push_back({std::move(key), item});
  }
  SILLOK_TRY(sort_keyed(e, keyed, a[0] && truthy(*a[0])));
  std::vector<Value> out;
  for (Keyed& k : keyed) out.push_back(std::move(k.item));
  return make_list(e, std::move(out));
}

Result<Value> groupby(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"attribute", "default", "case_sensitive"}, 1));
  SILLOK_ASSIGN(const std::vector<Value> all, iterate(self, e.heap()));
  const bool exact = a[2] && truthy(*a[2]);
  std::vector<Keyed> keyed;
  for (const Value& item : all) {
    SILLOK_ASSIGN(Value key, sort_key(e, item, a[0], exact));
    if (key.is(Kind::kUndefined) && a[1]) key = *a[1];
    keyed.push_back({std::move(key), item});
  }
  SILLOK_TRY(sort_keyed(e, keyed, false));
  std::vector<Value> groups;
  for (size_t i = 0; i < keyed.size();) {
    std::vector<Value> members;
    const size_t start = i;
    for (; i < keyed.size() && equal(keyed[i].key, keyed[start].key, e.heap()); ++i) members.push_back(keyed[i].item);
    if (i == start) break;  // The budget is spent: nothing is equal any more.
    SILLOK_ASSIGN(Value grouper, sort_key(e, members[0], a[0], true));
    if (grouper.is(Kind::kUndefined) && a[1]) grouper = *a[1];
    Value group = make_list(e, {std::move(grouper), make_list(e, std::move(members))}, ListForm::kTuple);
    groups.push_back(std::move(group));
  }
  return make_list(e, std::move(groups));
}

Result<Value> unique(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"case_sensitive", "attribute"}, 0));
  SILLOK_ASSIGN(const std::vector<Value> all, iterate(self, e.heap()));
  Dict seen;
  std::vector<Value> out;
  for (const Value& item : all) {
    SILLOK_ASSIGN(const Value key, sort_key(e, item, a[1], a[0] && truthy(*a[0])));
    if (!is_hashable(key)) return invalid("unique: a value of type '" + std::string(type_name(key)) + "' cannot be a key");
    if (seen.find(key)) continue;
    seen.set(key, Value::none());
    out.push_back(item);
  }
  return make_list(e, std::move(out), ListForm::kGenerator);
}

Result<Value> reverse(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_TRY(bind(arguments, {}, 0));
  SILLOK_ASSIGN(std::vector<Value> all, iterate(self, e.heap()));
  std::reverse(all.begin(), all.end());
  if (!self.is_string()) return make_list(e, std::move(all), ListForm::kGenerator);
  std::string out;
  for (const Value& c : all) out += c.view();
  return Value::of_string(std::move(out));
}

Result<Value> sum(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"attribute", "start"}, 0));
  SILLOK_ASSIGN(const std::vector<Value> all, iterate(self, e.heap()));
  Value total = a[1] ? *a[1] : Value::of_integer(0);
  for (const Value& item : all) {
    Value part = item;
    if (a[0] && !a[0]->is(Kind::kNone)) {
      SILLOK_ASSIGN(part, e.path(item, *a[0]));
    }
    if (part.is_string()) return invalid("sum adds numbers, not strings");
    SILLOK_ASSIGN(total, binary(e, "+", total, part));
    if (!e.heap().spend(1)) break;
  }
  return total;
}

Result<Value> batch(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"linecount", "fill_with"}, 1));
  SILLOK_ASSIGN(const int64_t size, integer_or(a[0], 0, "linecount"));
  SILLOK_ASSIGN(const std::vector<Value> all, iterate(self, e.heap()));
  if (size <= 0 || size > 100'000) return invalid("batch: a line holds 1 to 100000 items");
  std::vector<Value> lines;
  for (size_t i = 0; i < all.size(); i += static_cast<size_t>(size)) {
    const size_t end = std::min(all.size(), i + static_cast<size_t>(size));
    std::vector<Value> line(all.begin() + static_cast<ptrdiff_t>(i), all.begin() + static_cast<ptrdiff_t>(end));
    if (a[1] && !a[1]->is(Kind::kNone)) line.resize(static_cast<size_t>(size), *a[1]);
    lines.push_back(make_list(e, std::move(line)));
  }
  return make_list(e, std::move(lines), ListForm::kGenerator);
}

Result<Value> slice_into(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"slices", "fill_with"}, 1));
  SILLOK_ASSIGN(const int64_t slices, integer_or(a[0], 0, "slices"));
  SILLOK_ASSIGN(const std::vector<Value> all, iterate(self, e.heap()));
  if (slices <= 0 || slices > 100'000) return invalid("slice: 1 to 100000 slices");
  const size_t count = static_cast<size_t>(slices), each = all.size() / count, longer = all.size() % count;
  std::vector<Value> out;
  size_t at = 0;
  for (size_t i = 0; i < count; ++i) {
    const size_t size = each + (i < longer ? 1 : 0);
    std::vector<Value> part(all.begin() + static_cast<ptrdiff_t>(at), all.begin() + static_cast<ptrdiff_t>(at + size));
    at += size;
    if (a[1] && !a[1]->is(Kind::kNone) && i >= longer && longer > 0) part.push_back(*a[1]);
    out.push_back(make_list(e, std::move(part)));
  }
  return make_list(e, std::move(out), ListForm::kGenerator);
}

}  // namespace sillok::model::jinja
