// Python's two ways of filling a text with values: "%s" % x and "{}".format(x).
#include <algorithm>
#include <array>
#include <cstdio>

#include "model/jinja_evaluator.h"
#include "model/jinja_text.h"

namespace sillok::model::jinja {
namespace {

constexpr int kMaxWidth = 10'000;  // of one field, and of its precision

tl::unexpected<Error> invalid(std::string message) { return fail(ErrorCode::kInvalid, std::move(message)); }

struct Spec {  // [[fill]align][sign][#][0][width][,][.precision][type]
  std::string fill = " ";
  char align = '\0', sign = '-', type = '\0';
  bool alternate = false, thousands = false;
  int width = 0, precision = -1;
};

// Digits at text[at]; refuses what exceeds kMaxWidth.
Result<int> take_count(std::string_view text, size_t& at) {
  int value = 0;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
    value = value * 10 + (text[at++] - '0');
    if (value > kMaxWidth) return fail(ErrorCode::kLimit, "a format width exceeds 10000");
  }
  return value;
}

std::string pad(std::string text, const Spec& spec, char default_align) {
  const auto width = static_cast<size_t>(spec.width);
  const size_t length = code_points(text);
  if (length >= width) return text;
  const char align = spec.align ? spec.align : default_align;
  const size_t missing = width - length;
  const size_t left = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
  std::string out;
  size_t done = 0;
  if (align == '=') {  // After the sign and the base's prefix.
    if (!text.empty() && (text[0] == '-' || text[0] == '+' || text[0] == ' ')) done = 1;
    if (spec.alternate && text.size() > done + 1 && text[done] == '0' && text[done + 1] > '9') done += 2;
    out = text.substr(0, done);
  }
  for (size_t i = 0; i < left; ++i) out += spec.fill;
  out += text.substr(done);
  for (size_t i = left; i < missing; ++i) out += spec.fill;
  return out;
}

void add_thousands(std::string& digits) {
  const size_t start = digits.find_first_of("0123456789");
  if (start == std::string::npos) return;
  size_t end = digits.find_first_not_of("0123456789", start);
  if (end == std::string::npos) end = digits.size();
  for (size_t i = end; i > start + 3; i -= 3) digits.insert(i - 3, ",");
}

std::string with_sign(bool negative, std::string digits, char sign) {
  if (negative) return "-" + digits;
  if (sign == '+' || sign == ' ') return sign + digits;
  return digits;
}

std::string integer_digits(int64_t value, const Spec& spec) {
  const uint64_t magnitude = value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  const uint64_t base = spec.type == 'x' || spec.type == 'X' ? 16 : spec.type == 'o' ? 8 : spec.type == 'b' ? 2 : 10;
  std::string digits;
  for (uint64_t rest = magnitude; rest > 0 || digits.empty(); rest /= base) {
    digits += (spec.type == 'X' ? "0123456789ABCDEF" : "0123456789abcdef")[rest % base];
  }
  std::reverse(digits.begin(), digits.end());
  if (spec.thousands) add_thousands(digits);
  if (spec.alternate && base != 10) digits = std::string("0") + spec.type + digits;
  return with_sign(value < 0, std::move(digits), spec.sign);
}

std::string float_digits(double value, const Spec& spec) {
  const bool percent = spec.type == '%';
  if (percent) value *= 100;
  const char type = percent ? 'f' : spec.type == 'n' ? 'g' : spec.type;
  const std::array<char, 8> pattern = {'%', '.', '*', type, '\0'};
  std::string out(static_cast<size_t>(spec.precision < 0 ? 6 : spec.precision) + 350, '\0');
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  const int length = std::snprintf(out.data(), out.size(), pattern.data(), spec.precision < 0 ? 6 : spec.precision, value);
#pragma GCC diagnostic pop
  out.resize(static_cast<size_t>(std::max(length, 0)));
  const bool negative = !out.empty() && out[0] == '-';
  if (negative) out.erase(0, 1);
  if (spec.thousands) add_thousands(out);
  if (percent) out += '%';
  return with_sign(negative, std::move(out), spec.sign);
}

bool is_float_type(char type) { return type != '\0' && std::string_view("eEfFgGn%").find(type) != std::string_view::npos; }
bool is_integer_type(char type) { return type != '\0' && std::string_view("dxXobc").find(type) != std::string_view::npos; }

Result<std::string> format_value(Evaluator& evaluator, const Value& v, const Spec& spec) {
  if (v.is_number() && is_float_type(spec.type)) return pad(float_digits(v.as_real(), spec), spec, '>');
  if (v.is_integral() && is_integer_type(spec.type)) {
    if (spec.type != 'c') return pad(integer_digits(v.as_integer(), spec), spec, '>');
    std::string out;
    append_utf8(out, static_cast<char32_t>(std::clamp<int64_t>(v.as_integer(), 0, 0x10FFFF)));
    return pad(std::move(out), spec, '<');
  }
  if (spec.type != '\0' && spec.type != 's') {
    return invalid(std::string("format '") + spec.type + "' does not take a value of type '" +
                   std::string(type_name(v)) + "'");
  }
  if (v.is(Kind::kInteger)) return pad(integer_digits(v.integer, spec), spec, '>');
  if (v.is(Kind::kFloat)) {
    if (spec.precision >= 0) {
      Spec general = spec;
      general.type = 'g';
      return pad(float_digits(v.real, general), spec, '>');
    }
    std::string out = float_text(v.real);
    const bool negative = out[0] == '-';
    if (negative) out.erase(0, 1);
    if (spec.thousands) add_thousands(out);
    return pad(with_sign(negative, std::move(out), spec.sign), spec, '>');
  }
  std::string text = to_text(v, evaluator.heap());
  if (spec.precision >= 0) {
    std::string cut;
    size_t count = 0;
    for (size_t at = 0; at < text.size() && count < static_cast<size_t>(spec.precision); ++count) {
      const size_t start = at;
      decode_utf8(text, at);
      cut += text.substr(start, at - start);
    }
    text = std::move(cut);
  }
  return pad(std::move(text), spec, '<');
}

Result<Spec> parse_spec(std::string_view text) {
  Spec spec;
  size_t at = 0;
  const auto is_align = [](char c) { return c == '<' || c == '>' || c == '^' || c == '='; };
  if (!text.empty()) {
    size_t after_fill = 0;
    decode_utf8(text, after_fill);
    if (after_fill < text.size() && is_align(text[after_fill])) {
      spec.fill = std::string(text.substr(0, after_fill));
      spec.align = text[after_fill];
      at = after_fill + 1;
    } else if (is_align(text[0])) {
      spec.align = text[0];
      at = 1;
    }
  }
  const auto take = [&](char c) { return at < text.size() && text[at] == c && (++at, true); };
  for (const char sign : {'+', '-', ' '}) {
    if (take(sign)) spec.sign = sign;
  }
  if (take('#')) spec.alternate = true;
  if (take('0') && !spec.align) {
    spec.fill = "0";
    spec.align = '=';
  }
  SILLOK_ASSIGN(spec.width, take_count(text, at));
  if (take(',')) spec.thousands = true;
  if (take('.')) {
    SILLOK_ASSIGN(spec.precision, take_count(text, at));
  }
  if (at < text.size()) spec.type = text[at++];
  if (at != text.size()) return invalid("'" + shorten(text, 40) + "' is no format specification");
  return spec;
}

// The value that {field} names: a number or name, then .attribute or [key] steps.
Result<Value> field_value(Evaluator& evaluator, std::string_view field, const Arguments& values, size_t& next) {
  const size_t end = std::min(field.find_first_of(".["), field.size());
  const std::string_view head = field.substr(0, end);
  Value value;
  if (head.empty() || (head[0] >= '0' && head[0] <= '9')) {
    size_t at = 0;
    SILLOK_ASSIGN(const int number, take_count(head, at));
    const size_t index = head.empty() ? next++ : static_cast<size_t>(number);
    if (index >= values.positional.size()) return invalid("format: there is no argument " + std::to_string(index));
    value = values.positional[index];
  } else {
    const auto found = std::find_if(values.named.begin(), values.named.end(),
                                    [head](const auto& named) { return named.first == head; });
    if (found == values.named.end()) return invalid("format: there is no argument '" + shorten(head, 40) + "'");
    value = found->second;
  }
  std::string_view rest = field.substr(end);
  while (!rest.empty()) {
    if (rest[0] == '[') {
      const size_t close = rest.find(']');
      if (close == std::string_view::npos) return invalid("format: '[' without ']'");
      SILLOK_ASSIGN(value, evaluator.path(value, Value::of_string(std::string(rest.substr(1, close - 1)))));
      rest = rest.substr(close + 1);
    } else {
      const size_t stop = std::min(rest.find_first_of(".[", 1), rest.size());
      SILLOK_ASSIGN(value, evaluator.attribute(value, rest.substr(1, stop - 1)));
      rest = rest.substr(stop);
    }
  }
  return value;
}

}  // namespace

Result<Value> brace_format(Evaluator& evaluator, std::string_view format, const Arguments& values) {
  std::string out;
  size_t next = 0;
  for (size_t at = 0; at < format.size();) {
    const char c = format[at++];
    if ((c == '{' || c == '}') && at < format.size() && format[at] == c) {
      out += c;
      ++at;
    } else if (c == '}') {
      return invalid("format: a single '}'");
    } else if (c != '{') {
      out += c;
    } else {
      const size_t close = format.find('}', at);
      if (close == std::string_view::npos) return invalid("format: a single '{'");
      std::string_view field = format.substr(at, close - at), specification;
      at = close + 1;
      if (const size_t colon = field.find(':'); colon != std::string_view::npos) {
        specification = field.substr(colon + 1);
        field = field.substr(0, colon);
      }
      char conversion = '\0';
      if (field.size() >= 2 && field[field.size() - 2] == '!') {
        conversion = field.back();
        field.remove_suffix(2);
      }
      SILLOK_ASSIGN(Value value, field_value(evaluator, field, values, next));
      if (conversion == 'r' || conversion == 's') {
        value = Value::of_string(conversion == 'r' ? to_repr(value, evaluator.heap()) : to_text(value, evaluator.heap()));
      }
      SILLOK_ASSIGN(const Spec spec, parse_spec(specification));
      SILLOK_ASSIGN(const std::string text, format_value(evaluator, value, spec));
      out += text;
      if (!evaluator.heap().spend_bytes(text.size())) return fail(ErrorCode::kLimit, "format: too much text");
    }
  }
  return Value::of_string(std::move(out));
}

Result<Value> percent_format(Evaluator& evaluator, std::string_view format, const Value& values) {
  const bool tuple = values.is(Kind::kList) && values.list->form == ListForm::kTuple;
  size_t next = 0;
  std::string out;
  for (size_t at = 0; at < format.size();) {
    const char c = format[at++];
    if (c != '%') {
      out += c;
      continue;
    }
    if (at < format.size() && format[at] == '%') {
      out += '%';
      ++at;
      continue;
    }
    Value value;
    bool named = false;
    if (at < format.size() && format[at] == '(') {
      const size_t close = format.find(')', at);
      if (close == std::string_view::npos || !values.is(Kind::kDict)) return invalid("%(name) needs a dict");
      const Value* held = values.dict->find(format.substr(at + 1, close - at - 1));
      if (!held) return invalid("%(name): there is no such key");
      value = *held;
      named = true;
      at = close + 1;
    }
    Spec spec;
    for (; at < format.size() && std::string_view("-+ 0#").find(format[at]) != std::string_view::npos; ++at) {
      if (format[at] == '-') spec.align = '<';
      if (format[at] == '+' || format[at] == ' ') spec.sign = format[at];
      if (format[at] == '#') spec.alternate = true;
      if (format[at] == '0' && !spec.align) spec.align = '=';
    }
    SILLOK_ASSIGN(spec.width, take_count(format, at));
    if (at < format.size() && format[at] == '.') {
      ++at;
      SILLOK_ASSIGN(spec.precision, take_count(format, at));
    }
    if (at >= format.size()) return invalid("a format ends in the middle");
    spec.type = format[at++];
    if (!named) {
      const size_t count = tuple ? values.list->items.size() : 1;
      if (next >= count) return invalid("not enough values for the format");
      value = tuple ? values.list->items[next] : values;
      ++next;
    }
    if (spec.type == 'i' || spec.type == 'u') spec.type = 'd';
    if (spec.type == 'r') value = Value::of_string(to_repr(value, evaluator.heap()));
    if (spec.type == 's') value = Value::of_string(to_text(value, evaluator.heap()));
    if (spec.type == 'r') spec.type = 's';
    if (spec.type == 'd' && value.is(Kind::kFloat) && std::abs(value.real) < 9e18) {
      value = Value::of_integer(static_cast<int64_t>(value.real));
    }
    if (spec.align == '=') {
      if (spec.type == 's') spec.align = '>';
      else spec.fill = "0";
    }
    if (!spec.align) spec.align = '>';
    SILLOK_ASSIGN(const std::string text, format_value(evaluator, value, spec));
    out += text;
    if (!evaluator.heap().spend_bytes(text.size())) return fail(ErrorCode::kLimit, "format: too much text");
  }
  if (tuple && next < values.list->items.size()) return invalid("not all values were used by the format");
  return Value::of_string(std::move(out));
}

}  // namespace sillok::model::jinja
