// Filters over text, numbers and single values; the table of all filters.
#include "model/jinja_filters.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "model/jinja_text.h"

namespace sillok::model::jinja {
namespace {

tl::unexpected<Error> invalid(std::string message) { return fail(ErrorCode::kInvalid, std::move(message)); }

template <std::string (*change)(std::string_view)>
Result<Value> cased(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_TRY(bind(arguments, {}, 0));
  return Value::of_string(change(to_text(self, e.heap())));
}

// The filter's notion of a word start is narrower than str.title's: after white space or one of -([{<.
std::string title_words(std::string_view text) {
  std::string out;
  bool starts = true;
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    const char32_t code = decode_utf8(text, at);
    const std::string_view c = text.substr(start, at - start);
    out += starts ? upper(c) : lower(c);
    starts = is_space(code) || std::u32string_view(U"-([{<").find(code) != std::u32string_view::npos;
  }
  return out;
}

Result<Value> trim(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"chars"}, 0));
  if (a[0] && !a[0]->is(Kind::kNone)) SILLOK_TRY(require_string(*a[0], "what to trim"));
  const std::string text = to_text(self, e.heap());
  const std::string_view set = a[0] && a[0]->is_string() ? a[0]->view() : std::string_view();
  return Value::of_string(std::string(strip_right(strip_left(text, set), set)));
}

Result<Value> string(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_TRY(bind(arguments, {}, 0));
  return self.is_string() ? self : Value::of_string(to_text(self, e.heap()));
}

std::string escape_markup(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '\'': out += "&#39;"; break;
      case '"': out += "&#34;"; break;
      default: out += c;
    }
  }
  return out;
}

Result<Value> replace(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"old", "new", "count"}, 2));
  SILLOK_ASSIGN(const int64_t count, integer_or(a[2], -1, "count"));
  const std::string text = to_text(self, e.heap()), from = to_text(*a[0], e.heap()), to = to_text(*a[1], e.heap());
  // The most it can make, before it is made.
  const uint64_t hits = from.empty() ? text.size() + 1 : text.size() / from.size();
  if (to.size() > 1 && hits > e.heap().limits().output_bytes / to.size()) {
    return fail(ErrorCode::kLimit, "replace could make more than a template may");
  }
  return Value::of_string(replace_all(text, from, to, count));
}

Result<Value> indent(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"width", "first", "blank"}, 0));
  std::string unit;
  if (a[0] && a[0]->is_string()) {
    unit = *a[0]->text;
  } else {
    SILLOK_ASSIGN(const int64_t width, integer_or(a[0], 4, "width"));
    if (width > 1000) return fail(ErrorCode::kLimit, "indent: a width of more than 1000");
    unit.assign(static_cast<size_t>(std::max<int64_t>(width, 0)), ' ');
  }
  const bool first = a[1] && truthy(*a[1]), blank = a[2] && truthy(*a[2]);
  const std::string text = to_text(self, e.heap()) + "\n";  // so that a final newline keeps its line
  std::string out;
  size_t number = 0;
  for (const std::string_view line : split_lines(text, false)) {
    if (number > 0) out += '\n';
    if (number == 0 ? first : (blank || !line.empty())) out += unit;
    out += line;
    ++number;
    if (!e.heap().spend_bytes(unit.size() + line.size())) return fail(ErrorCode::kLimit, "indent makes too much text");
  }
  return Value::of_string(std::move(out));
}

Result<Value> tojson(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"ensure_ascii", "indent", "separators", "sort_keys"}, 0));
  JsonStyle style;
  style.ascii = a[0] && truthy(*a[0]);
  style.sort_keys = a[3] && truthy(*a[3]);
  if (a[1] && !a[1]->is(Kind::kNone)) {
    style.pretty = true;
    style.item_separator = ",";
    if (a[1]->is_string()) {
      style.indent = *a[1]->text;
    } else {
      SILLOK_ASSIGN(const int64_t width, integer_or(a[1], 0, "indent"));
      if (width > 1000) return fail(ErrorCode::kLimit, "tojson: an indent of more than 1000");
      style.indent.assign(static_cast<size_t>(std::max<int64_t>(width, 0)), ' ');
    }
  }
  if (a[2] && !a[2]->is(Kind::kNone)) {
    SILLOK_ASSIGN(const std::vector<Value> both, iterate(*a[2], e.heap()));
    if (both.size() != 2 || !both[0].is_string() || !both[1].is_string()) return invalid("separators must be two strings");
    style.item_separator = *both[0].text;
    style.key_separator = *both[1].text;
  }
  SILLOK_ASSIGN(std::string json, to_json(self, style, e.heap()));
  return Value::of_string(std::move(json));
}

Result<Value> default_to(Evaluator&, const Value& self, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"default_value", "boolean"}, 0));
  const bool missing = self.is(Kind::kUndefined) || (a[1] && truthy(*a[1]) && !truthy(self));
  return !missing ? self : a[0] ? *a[0] : Value::of_string("");
}

// int(): a number cut to an integer, a text read as one; else the default.
Result<Value> to_integer(Evaluator&, const Value& self, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"default", "base"}, 0));
  SILLOK_ASSIGN(const int64_t base, integer_or(a[1], 10, "base"));
  const Value otherwise = a[0] ? *a[0] : Value::of_integer(0);
  if (base < 2 || base > 36) return invalid("int: the base must be 2 to 36");
  if (self.is_integral()) return Value::of_integer(self.as_integer());
  double real = NAN;
  if (self.is(Kind::kFloat)) real = self.real;
  if (self.is_string()) {
    std::string_view text = strip_right(strip_left(self.view()));
    if (text.starts_with('+')) text.remove_prefix(1);
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, static_cast<int>(base));
    if (error == std::errc() && end == text.data() + text.size()) return Value::of_integer(value);
    const auto [real_end, real_error] = std::from_chars(text.data(), text.data() + text.size(), real);
    if (real_error != std::errc() || real_end != text.data() + text.size()) return otherwise;
  }
  if (!(std::fabs(real) < 9.2e18)) return otherwise;
  return Value::of_integer(static_cast<int64_t>(real));
}

Result<Value> to_float(Evaluator&, const Value& self, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"default"}, 0));
  if (self.is_number()) return Value::of_float(self.as_real());
  if (self.is_string()) {
    std::string_view text = strip_right(strip_left(self.view()));
    if (text.starts_with('+')) text.remove_prefix(1);
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && end == text.data() + text.size() && !text.empty()) return Value::of_float(value);
  }
  return a[0] ? *a[0] : Value::of_float(0);
}

Result<Value> absolute(Evaluator&, const Value& self, Arguments& arguments) {
  SILLOK_TRY(bind(arguments, {}, 0));
  if (self.is(Kind::kFloat)) return Value::of_float(std::fabs(self.real));
  if (!self.is_integral()) return invalid("abs needs a number");
  if (self.as_integer() == INT64_MIN) return invalid("this integer exceeds 64 bits");
  return Value::of_integer(std::abs(self.as_integer()));
}

Result<Value> round_to(Evaluator&, const Value& self, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"precision", "method"}, 0));
  SILLOK_ASSIGN(const int64_t precision, integer_or(a[0], 0, "precision"));
  if (!self.is_number()) return invalid("round needs a number");
  if (std::abs(precision) > 300) return invalid("round: a precision beyond 300");
  const double scale = std::pow(10.0, static_cast<double>(precision)), value = self.as_real();
  const std::string_view method = a[1] ? a[1]->view() : "common";
  if (method == "ceil") return Value::of_float(std::ceil(value * scale) / scale);
  if (method == "floor") return Value::of_float(std::floor(value * scale) / scale);
  if (method != "common") return invalid("round: the method is common, ceil or floor");
  return Value::of_float(std::nearbyint(value * scale) / scale);
}

Result<Value> format(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_TRY(require_string(self, "the format"));
  if (!arguments.named.empty()) {
    const Value named = Value::of_dict(e.heap().dict());
    for (const auto& [name, value] : arguments.named) named.dict->set(Value::of_string(name), value);
    return percent_format(e, self.view(), named);
  }
  return percent_format(e, self.view(), Value::of_list(e.heap().list(arguments.positional, ListForm::kTuple)));
}

Result<Value> length(Evaluator&, const Value& self, Arguments& arguments) {
  SILLOK_TRY(bind(arguments, {}, 0));
  switch (self.kind) {
    case Kind::kString: return Value::of_integer(static_cast<int64_t>(code_points(self.view())));
    case Kind::kDict: return Value::of_integer(static_cast<int64_t>(self.dict->size()));
    case Kind::kUndefined: return Value::of_integer(0);
    case Kind::kList:
      if (self.list->form != ListForm::kGenerator) {
        return Value::of_integer(static_cast<int64_t>(self.list->items.size()));
      }
      [[fallthrough]];
    default: return invalid("a value of type '" + std::string(type_name(self)) + "' has no length");
  }
}

Result<Value> attr(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"name"}, 1));
  SILLOK_TRY(require_string(*a[0], "the attribute"));
  // An attribute in Python's sense: a dict's keys are none.
  if (self.is(Kind::kDict) && !find_method(self, a[0]->view())) {
    return Value::undefined("'dict' has no attribute '" + *a[0]->text + "'");
  }
  return e.attribute(self, a[0]->view());
}

Result<Value> escape_filter(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_TRY(bind(arguments, {}, 0));
  return Value::of_string(escape_markup(to_text(self, e.heap())));
}

Result<Value> wordcount(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_TRY(bind(arguments, {}, 0));
  const std::string text = to_text(self, e.heap());
  int64_t words = 0;
  bool inside = false;
  for (size_t at = 0; at < text.size();) {
    const bool space = is_space(decode_utf8(text, at));
    if (!space && !inside) ++words;
    inside = !space;
  }
  return Value::of_integer(words);
}

Result<Value> urlencode(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_TRY(bind(arguments, {}, 0));
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : to_text(self, e.heap())) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("_.-~/").find(c) != std::string_view::npos;
    if (plain) out += c;
    else (((out += '%') += kDigits[byte >> 4]) += kDigits[byte & 15]);
  }
  return Value::of_string(std::move(out));
}

Result<Value> center(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"width"}, 0));
  const Value text = Value::of_string(to_text(self, e.heap()));
  Arguments width{{a[0] ? *a[0] : Value::of_integer(80)}, {}};
  return find_method(text, "center")->function(e, text, width);
}

Result<Value> truncate(Evaluator& e, const Value& self, Arguments& arguments) {
  SILLOK_ASSIGN(const auto a, bind(arguments, {"length", "killwords", "end", "leeway"}, 0));
  SILLOK_ASSIGN(const int64_t limit, integer_or(a[0], 255, "length"));
  SILLOK_ASSIGN(const int64_t leeway, integer_or(a[3], 5, "leeway"));
  const std::string end = a[2] ? to_text(*a[2], e.heap()) : "...";
  const std::string text = to_text(self, e.heap());
  if (!e.heap().spend(text.size())) return fail(ErrorCode::kLimit, "rendering exceeds its limit of work");
  const std::vector<std::string> all = characters(text);
  const int64_t kept = limit - static_cast<int64_t>(code_points(end));
  if (kept < 0) return invalid("truncate: the length is less than the ending's");
  if (static_cast<int64_t>(all.size()) - leeway <= limit) return Value::of_string(to_text(self, e.heap()));
  std::string out;
  for (size_t i = 0; i < static_cast<size_t>(kept) && i < all.size(); ++i) out += all[i];
  if (!(a[1] && truthy(*a[1]))) {
    if (const size_t blank = out.rfind(' '); blank != std::string::npos) out.resize(blank);
  }
  return Value::of_string(out + end);
}

constexpr auto kFilters = std::to_array<Builtin>({
    {"abs", absolute}, {"attr", attr}, {"batch", batch}, {"capitalize", cased<capitalize>}, {"center", center},
    {"count", length}, {"d", default_to}, {"default", default_to}, {"dictsort", dictsort}, {"e", escape_filter},
    {"escape", escape_filter}, {"first", first}, {"float", to_float}, {"forceescape", escape_filter}, {"format", format},
    {"groupby", groupby}, {"indent", indent}, {"int", to_integer}, {"items", items}, {"join", join}, {"last", last},
    {"length", length}, {"list", list}, {"lower", cased<lower>}, {"map", map}, {"max", maximum}, {"min", minimum},
    {"reject", reject}, {"rejectattr", rejectattr}, {"replace", replace}, {"reverse", reverse}, {"round", round_to},
    {"safe", string}, {"select", select}, {"selectattr", selectattr}, {"slice", slice_into}, {"sort", sort},
    {"string", string}, {"sum", sum}, {"title", cased<title_words>}, {"tojson", tojson}, {"trim", trim},
    {"truncate", truncate}, {"unique", unique}, {"upper", cased<upper>}, {"urlencode", urlencode},
    {"wordcount", wordcount},
});

}  // namespace

const Builtin* find_filter(std::string_view name) {
  const auto* found = std::find_if(kFilters.begin(), kFilters.end(), [name](const Builtin& b) { return b.name == name; });
  return found == kFilters.end() ? nullptr : found;
}

}  // namespace sillok::model::jinja
