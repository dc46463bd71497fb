// A JSON Schema (2020-12) as a grammar of the JSON texts that satisfy it. What has no context-free form, or would need
// texts to be told apart that a grammar cannot tell apart, is refused by name.
//
// Choices that narrow what the schema allows, so that a model writes plain JSON: properties come in the order given;
// an object with `properties` and no `additionalProperties` has no others; white space is one blank or one line end
// with its indentation, so that no text can go on in blanks; integers have at most 18 digits.
#include "engine/json_schema.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "engine/grammar_form.h"

namespace sillok::engine {
namespace {

constexpr size_t kMaxSchemaBytes = 256 << 10;
constexpr uint32_t kMaxDepth = 64;            // of schemas within schemas; references start anew
constexpr size_t kMaxProperties = 1'000, kMaxPrefixItems = 100;
constexpr size_t kMaxName = 200;
constexpr size_t kMaxForms = 200'000;         // of schemas read, references included
constexpr uint32_t kMaxCount = 100'000;       // of minLength, maxItems and the like
constexpr uint32_t kMaxIndent = 32;           // blanks after a line end: eight levels of four
constexpr int64_t kMaxInteger = 999'999'999'999'999'999;

FormPtr class_of(std::initializer_list<CodePointRange> ranges) { return one_of(std::vector<CodePointRange>(ranges)); }
FormPtr digits(uint32_t low, uint32_t high) { return repeat(class_of({{'0', '9'}}), low, high); }
FormPtr blanks() {
  return optional(choice({literal(" "), sequence({literal("\n"), repeat(class_of({{' ', ' '}, {'\t', '\t'}}), 0, kMaxIndent)})}));
}
FormPtr quoted(FormPtr inside) { return sequence({literal("\""), std::move(inside), literal("\"")}); }

// One character inside a string: as it is or escaped. No halves of surrogate pairs.
FormPtr string_character() {
  static const FormPtr form = [] {
    const FormPtr hex = class_of({{'0', '9'}, {'a', 'f'}, {'A', 'F'}});
    const FormPtr unit = choice({sequence({class_of({{'0', '9'}, {'a', 'c'}, {'A', 'C'}, {'e', 'f'}, {'E', 'F'}}), hex, hex, hex}),
                                 sequence({class_of({{'d', 'd'}, {'D', 'D'}}), class_of({{'0', '7'}}), hex, hex})});
    const FormPtr escape = choice({class_of({{'"', '"'}, {'\\', '\\'}, {'/', '/'}, {'b', 'b'}, {'f', 'f'}, {'n', 'n'}, {'r', 'r'}, {'t', 't'}}),
                                   sequence({literal("u"), unit})});
    return choice({none_of({{0, 0x1F}, {'"', '"'}, {'\\', '\\'}}), sequence({literal("\\"), escape})});
  }();
  return form;
}

FormPtr any_number() {
  return sequence({optional(literal("-")),
                   choice({literal("0"), sequence({class_of({{'1', '9'}}), digits(0, 15)})}),
                   optional(sequence({literal("."), digits(1, 16)})),
                   optional(sequence({class_of({{'e', 'e'}, {'E', 'E'}}), optional(class_of({{'+', '+'}, {'-', '-'}})), digits(1, 2)}))});
}

// ---- Strings of known formats

FormPtr date_form() {
  // Months with their days; 29 February only where the year has one is beyond a short grammar: up to 28.
  const FormPtr year = digits(4, 4);
  const auto days = [](std::string_view months, FormPtr day) {
    std::vector<FormPtr> each;
    for (size_t i = 0; i < months.size(); i += 2) each.push_back(literal(months.substr(i, 2)));
    return sequence({choice(std::move(each)), literal("-"), std::move(day)});
  };
  const FormPtr to28 = choice({sequence({literal("0"), class_of({{'1', '9'}})}), sequence({literal("1"), digits(1, 1)}),
                               sequence({literal("2"), class_of({{'0', '8'}})})});
  const FormPtr to30 = choice({to28, literal("29"), literal("30")});
  const FormPtr to31 = choice({to28, literal("29"), literal("30"), literal("31")});
  // Year 0000 is none: at least one digit of the year is not zero.
  const FormPtr some_year = choice({sequence({class_of({{'1', '9'}}), digits(3, 3)}),
                                    sequence({literal("0"), class_of({{'1', '9'}}), digits(2, 2)})});
  return sequence({some_year, literal("-"), choice({days("02", to28), days("04060911", to30), days("01030507081012", to31)})});
}

FormPtr time_form() {
  const FormPtr hours = choice({sequence({class_of({{'0', '1'}}), digits(1, 1)}), sequence({literal("2"), class_of({{'0', '3'}})})});
  const FormPtr sixty = sequence({class_of({{'0', '5'}}), digits(1, 1)});
  const FormPtr zone = choice({literal("Z"), sequence({class_of({{'+', '+'}, {'-', '-'}}), hours, literal(":"), sixty})});
  return sequence({hours, literal(":"), sixty, literal(":"), sixty, optional(sequence({literal("."), digits(1, 9)})), zone});
}

FormPtr uuid_form() {
  const auto hex = [](uint32_t n) { return repeat(class_of({{'0', '9'}, {'a', 'f'}}), n, n); };
  return sequence({hex(8), literal("-"), hex(4), literal("-"), hex(4), literal("-"), hex(4), literal("-"), hex(12)});
}

FormPtr ipv4_form() {
  const FormPtr part = integer_range(0, 255);
  return sequence({part, literal("."), part, literal("."), part, literal("."), part});
}

// Null for a format that is a mere annotation here, as the standard has it.
FormPtr format_form(std::string_view name) {
  if (name == "date") return date_form();
  if (name == "time") return time_form();
  if (name == "date-time") return sequence({date_form(), literal("T"), time_form()});
  if (name == "uuid") return uuid_form();
  if (name == "ipv4") return ipv4_form();
  return nullptr;
}

// A key that is none of `names` (sorted, from `depth` bytes on they agree): character by character away from all of them.
FormPtr other_key(std::span<const std::u32string> names, size_t depth, const FormPtr& character) {
  const FormPtr rest = repeat(character, 0);
  std::vector<FormPtr> parts;
  std::vector<CodePointRange> taken;
  bool ends_here = false;
  for (size_t i = 0; i < names.size();) {
    if (names[i].size() == depth) {
      ends_here = true;
      ++i;
      continue;
    }
    const char32_t c = names[i][depth];
    size_t end = i;
    while (end < names.size() && names[end].size() > depth && names[end][depth] == c) ++end;
    taken.push_back({c, c});
    parts.push_back(sequence({json_character({{c, c}}), other_key(names.subspan(i, end - i), depth + 1, character)}));
    i = end;
  }
  const FormPtr open = none_of(taken);
  if (open->kind == Form::Kind::kClass) parts.push_back(sequence({json_character(open->ranges), rest}));
  if (!ends_here) parts.push_back(empty_form());
  return choice(std::move(parts));
}

class SchemaReader {
 public:
  explicit SchemaReader(Json root) : root_(std::move(root)), merger_(root_) {}

  Result<RuleSet> run() {
    set_.rules.push_back({"#", nullptr});
    references_.emplace("#", 0);
    SILLOK_ASSIGN(FormPtr form, read(root_, "#", 0));
    if (form->kind == Form::Kind::kNever) return fail(ErrorCode::kInvalid, "schema, #: no value satisfies it");
    set_.rules[0].form = std::move(form);
    while (!waiting_.empty()) {  // In turn rather than one within the other: a chain of references may be long.
      const Waiting one = std::move(waiting_.back());
      waiting_.pop_back();
      SILLOK_ASSIGN(set_.rules[one.rule].form, read(*one.schema, one.where, 0));
    }
    return std::move(set_);
  }

 private:
  uint32_t add_rule(std::string name, FormPtr form) {
    set_.rules.push_back({std::move(name), std::move(form)});
    return static_cast<uint32_t>(set_.rules.size() - 1);
  }

  // The texts of the values that satisfy `schema`.
  Result<FormPtr> read(const Json& schema, const std::string& where, uint32_t depth) {
    if (depth > kMaxDepth) return refuse(where, "nested more than 64 deep", ErrorCode::kLimit);
    if (++count_ > kMaxForms) return refuse(where, "too many schemas within it", ErrorCode::kLimit);
    if (schema.is_boolean()) return schema.get<bool>() ? any_value() : never_form();
    if (!schema.is_object()) return refuse(where, "a schema is an object or a boolean");
    SILLOK_TRY(check_keywords(schema, where));
    if (const auto ref = schema.find("$ref"); ref != schema.end() && !has_constraints(schema, "$ref")) {
      return read_reference(*ref, where);
    }
    SILLOK_ASSIGN(const Json flat, merger_.flatten(schema, where));
    if (flat.is_boolean()) return flat.get<bool>() ? any_value() : never_form();
    for (const std::string_view key : {"anyOf", "oneOf"}) {
      if (flat.contains(key)) return read_branches(flat, std::string(key), where, depth);
    }
    FormPtr form;
    if (flat.contains("const") || flat.contains("enum")) {
      SILLOK_ASSIGN(form, read_constants(flat, where));
    } else {
      SILLOK_ASSIGN(form, read_types(flat, where, depth));
    }
    if (is_true(flat, "nullable")) form = choice({form, literal("null")});
    return form;
  }

  Result<FormPtr> read_reference(const Json& ref, const std::string& where) {
    SILLOK_ASSIGN(const auto target, merger_.resolve(ref, where));
    const auto known = references_.find(target.first);
    if (known != references_.end()) return rule_form(known->second);
    const uint32_t rule = add_rule(target.first, nullptr);
    references_.emplace(target.first, rule);
    waiting_.push_back({rule, target.second, target.first});
    return rule_form(rule);
  }

  Result<FormPtr> read_branches(const Json& flat, const std::string& key, const std::string& where, uint32_t depth) {
    const Json& branches = flat[key];
    if (!branches.is_array() || branches.empty()) return refuse(where, key + " is a list of schemas");
    Json base = flat;
    base.erase(key);
    if (key == "oneOf") SILLOK_TRY(merger_.check_apart(branches, base, where));
    std::vector<FormPtr> forms;
    for (size_t i = 0; i < branches.size(); ++i) {
      const std::string place = where + "/" + key + "/" + std::to_string(i);
      // A branch that is a mere reference stays one, so that recursion through it ends.
      Json both = branches[i];
      if (has_constraints(base, "")) {
        SILLOK_ASSIGN(both, merger_.merge(base, branches[i], place));
      }
      SILLOK_ASSIGN(FormPtr form, read(both, place, depth + 1));
      forms.push_back(std::move(form));
    }
    return choice(std::move(forms));
  }

  Result<FormPtr> read_constants(const Json& flat, const std::string& where) {
    std::vector<FormPtr> forms;
    const Json list = flat.contains("const") ? Json::array({flat["const"]}) : flat["enum"];
    if (!list.is_array()) return refuse(where, "enum is a list");
    for (const Json& value : list) {
      if (flat.contains("const") && flat.contains("enum") && !contains(flat["enum"], value)) continue;
      SILLOK_ASSIGN(const bool fits, satisfies(value, flat, where));
      if (fits) forms.push_back(constant(value));
    }
    return choice(std::move(forms));
  }

  FormPtr constant(const Json& value) {
    if (value.is_array() && !value.empty()) {
      std::vector<FormPtr> parts = {literal("["), blanks()};
      for (size_t i = 0; i < value.size(); ++i) {
        if (i > 0) parts.insert(parts.end(), {literal(","), blanks()});
        parts.push_back(constant(value[i]));
      }
      parts.insert(parts.end(), {blanks(), literal("]")});
      return sequence(std::move(parts));
    }
    if (value.is_object() && !value.empty()) {
      std::vector<FormPtr> parts = {literal("{"), blanks()};
      bool first = true;
      for (const auto& [key, held] : value.items()) {
        if (!first) parts.insert(parts.end(), {literal(","), blanks()});
        first = false;
        parts.push_back(pair(quoted(literal(json_escaped(key))), constant(held)));
      }
      parts.insert(parts.end(), {blanks(), literal("}")});
      return sequence(std::move(parts));
    }
    return literal(value.dump());
  }

  Result<FormPtr> read_types(const Json& flat, const std::string& where, uint32_t depth) {
    SILLOK_ASSIGN(const std::set<std::string> types, types_of(flat, where));
    std::vector<FormPtr> forms;
    for (const std::string& type : types) {
      if (type == "null") forms.push_back(literal("null"));
      else if (type == "boolean") forms.insert(forms.end(), {literal("true"), literal("false")});
      else if (type == "integer") {
        if (types.contains("number")) continue;
        SILLOK_ASSIGN(FormPtr form, read_integer(flat, where));
        forms.push_back(std::move(form));
      } else if (type == "number") {
        SILLOK_ASSIGN(FormPtr form, read_number(flat, where));
        forms.push_back(std::move(form));
      } else if (type == "string") {
        SILLOK_ASSIGN(FormPtr form, read_string(flat, where));
        forms.push_back(std::move(form));
      } else if (type == "array") {
        SILLOK_ASSIGN(FormPtr form, read_array(flat, where, depth));
        forms.push_back(std::move(form));
      } else {
        SILLOK_ASSIGN(FormPtr form, read_object(flat, where, depth));
        forms.push_back(std::move(form));
      }
    }
    return choice(std::move(forms));
  }

  // ---- Numbers

  Result<FormPtr> read_integer(const Json& flat, const std::string& where) {
    SILLOK_ASSIGN(const Bounds bounds, bounds_of(flat, where));
    const auto up = [](double d, bool open) { return open && d == std::floor(d) ? d + 1 : std::ceil(d); };
    const auto down = [](double d, bool open) { return open && d == std::floor(d) ? d - 1 : std::floor(d); };
    constexpr auto kMost = static_cast<double>(kMaxInteger);
    const double low = std::clamp(up(bounds.low, bounds.low_open), -kMost, kMost);
    const double high = std::clamp(down(bounds.high, bounds.high_open), -kMost, kMost);
    if (low > high) return never_form();
    const auto whole = [](double d) { return std::clamp(static_cast<int64_t>(d), -kMaxInteger, kMaxInteger); };
    return integer_range(bounds.low_exact && !bounds.low_open ? *bounds.low_exact : whole(low),
                         bounds.high_exact && !bounds.high_open ? *bounds.high_exact : whole(high));
  }

  // Numbers whose size lies between two whole numbers: those whose whole part is in [low, high - 1] with any fraction,
  // and high itself unless it is open.
  static FormPtr sizes_between(int64_t low, bool low_open, int64_t high, bool high_open) {
    const FormPtr fraction = sequence({literal("."), digits(1, 15)});
    const FormPtr zero = optional(sequence({literal("."), repeat(literal("0"), 1, 3)}));
    const FormPtr some = sequence({literal("."), digits(0, 14), class_of({{'1', '9'}})});
    if (low > high) return never_form();
    if (low == high) return low_open || high_open ? never_form() : sequence({integer_range(low, low), zero});
    std::vector<FormPtr> forms;
    int64_t from = low;
    if (low_open) {
      forms.push_back(sequence({integer_range(low, low), some}));
      ++from;
    }
    if (from < high) forms.push_back(sequence({integer_range(from, high - 1), optional(fraction)}));
    if (!high_open) forms.push_back(sequence({integer_range(high, high), zero}));
    return choice(std::move(forms));
  }

  Result<FormPtr> read_number(const Json& flat, const std::string& where) {
    SILLOK_ASSIGN(const Bounds bounds, bounds_of(flat, where));
    if (bounds.low == -INFINITY && bounds.high == INFINITY) return any_number();
    constexpr double kMost = 1e15;
    const double low = std::max(bounds.low, -kMost), high = std::min(bounds.high, kMost);
    if (low > high) return never_form();
    if (low != std::floor(low) || high != std::floor(high)) {
      return refuse(where, "bounds of a number that are not whole numbers", ErrorCode::kUnsupported);
    }
    const auto l = static_cast<int64_t>(low), h = static_cast<int64_t>(high);
    std::vector<FormPtr> forms;
    if (l < 0) {  // -0 is left out: it would be 0
      const bool above_zero = h >= 0;
      forms.push_back(sequence({literal("-"), sizes_between(above_zero ? 0 : -h, above_zero || bounds.high_open, -l, bounds.low_open)}));
    }
    if (h >= 0) forms.push_back(sizes_between(std::max<int64_t>(l, 0), l >= 0 && bounds.low_open, h, bounds.high_open));
    return choice(std::move(forms));
  }

  // ---- Strings

  Result<FormPtr> read_string(const Json& flat, const std::string& where) {
    SILLOK_ASSIGN(const uint32_t least, count_of(flat, "minLength", 0, where));
    SILLOK_ASSIGN(const uint32_t most, count_of(flat, "maxLength", kUnbounded, where));
    const bool sized = least > 0 || most != kUnbounded;
    FormPtr inside;
    if (const auto pattern = flat.find("pattern"); pattern != flat.end()) {
      if (!pattern->is_string()) return refuse(where, "pattern is a string");
      SILLOK_ASSIGN(inside, json_pattern(pattern->get_ref<const std::string&>(), where));
    }
    if (const auto format = flat.find("format"); format != flat.end() && format->is_string()) {
      if (const FormPtr form = format_form(format->get_ref<const std::string&>())) {
        if (inside) return refuse(where, "pattern together with format", ErrorCode::kUnsupported);
        inside = form;
      }
    }
    if (inside && sized) {
      return refuse(where, "minLength or maxLength together with pattern or format", ErrorCode::kUnsupported);
    }
    return quoted(inside ? inside : repeat(string_character(), least, most));
  }

  // ---- Arrays

  Result<FormPtr> read_array(const Json& flat, const std::string& where, uint32_t depth) {
    SILLOK_ASSIGN(const uint32_t least, count_of(flat, "minItems", 0, where));
    SILLOK_ASSIGN(uint32_t most, count_of(flat, "maxItems", kUnbounded, where));
    const FormPtr comma = sequence({literal(","), blanks()});
    std::vector<FormPtr> prefix;
    if (const auto list = flat.find("prefixItems"); list != flat.end()) {
      if (!list->is_array()) return refuse(where, "prefixItems is a list");
      if (list->size() > kMaxPrefixItems) return refuse(where, "more than 100 prefixItems", ErrorCode::kLimit);
      for (size_t i = 0; i < list->size(); ++i) {
        SILLOK_ASSIGN(FormPtr form, read((*list)[i], where + "/prefixItems/" + std::to_string(i), depth + 1));
        if (form->kind == Form::Kind::kNever) most = std::min(most, static_cast<uint32_t>(i));
        prefix.push_back(std::move(form));
      }
    }
    FormPtr item = any_value();
    if (const auto items = flat.find("items"); items != flat.end()) {
      SILLOK_ASSIGN(item, read(*items, where + "/items", depth + 1));
    }
    const auto fixed = static_cast<uint32_t>(std::min<size_t>(prefix.size(), most));
    if (item->kind == Form::Kind::kNever) most = std::min(most, static_cast<uint32_t>(prefix.size()));
    if (least > most) return never_form();
    const auto beyond = [](uint32_t n, uint32_t k) { return n == kUnbounded ? n : n > k ? n - k : 0; };
    FormPtr rest;
    if (fixed == 0 && most > 0) {
      rest = sequence({item, repeat(sequence({comma, item}), beyond(least, 1), beyond(most, 1))});
      if (least == 0) rest = optional(rest);
    } else {
      rest = repeat(sequence({comma, item}), beyond(least, fixed), beyond(most, fixed));
    }
    for (uint32_t i = fixed; i-- > 0;) {
      rest = sequence({i > 0 ? comma : empty_form(), prefix[i], rest});
      if (i >= least) rest = optional(rest);
    }
    return sequence({literal("["), blanks(), rest, blanks(), literal("]")});
  }

  // ---- Objects

  static FormPtr pair(FormPtr key, FormPtr value) {
    return sequence({std::move(key), literal(":"), optional(literal(" ")), std::move(value)});
  }

  struct Property {
    std::string name;
    FormPtr form;  // "name": value
    bool required = false;
  };

  Result<FormPtr> read_object(const Json& flat, const std::string& where, uint32_t depth) {
    SILLOK_ASSIGN(const std::vector<std::string> required, required_of(flat, where));
    const Json none = Json::object();
    const Json& declared = flat.contains("properties") ? flat["properties"] : none;
    if (!declared.is_object()) return refuse(where, "properties is an object");
    if (declared.size() + required.size() > kMaxProperties) return refuse(where, "more than 1000 properties", ErrorCode::kLimit);
    const auto additional = flat.find("additionalProperties");
    const bool open = additional != flat.end() ? *additional != Json(false) : declared.empty() && required.empty();
    FormPtr other = any_value();
    if (additional != flat.end()) {
      SILLOK_ASSIGN(other, read(*additional, where + "/additionalProperties", depth + 1));
    }
    std::vector<Property> properties;
    std::set<std::string> needed(required.begin(), required.end());
    for (const auto& [name, schema] : declared.items()) {
      SILLOK_ASSIGN(FormPtr form, read(schema, where + "/properties/" + name, depth + 1));
      const bool must = needed.erase(name) > 0;
      if (form->kind == Form::Kind::kNever) {
        if (must) return never_form();
        continue;
      }
      properties.push_back({name, pair(quoted(literal(json_escaped(name))), std::move(form)), must});
    }
    for (const std::string& name : required) {  // required, but only additionalProperties says what it is
      if (needed.erase(name) == 0) continue;
      if (other->kind == Form::Kind::kNever) return never_form();
      properties.push_back({name, pair(quoted(literal(json_escaped(name))), other), true});
    }
    SILLOK_TRY(check_property_counts(flat, properties, open, where));
    std::vector<std::string> names = required;
    for (const auto& item : declared.items()) names.push_back(item.key());
    for (const std::string& name : names) {
      if (open && to_utf32(name).size() > kMaxName) {  // a free key is told from it character by character
        return refuse(where, "a property name of more than 200 characters beside free ones", ErrorCode::kLimit);
      }
    }
    FormPtr extra = never_form();
    if (open && other->kind != Form::Kind::kNever) extra = pair(quoted(free_key(declared, required)), other);
    return sequence({literal("{"), blanks(), members(properties, extra, where), literal("}")});
  }

  // Any key but the declared ones. Free of escapes that write one character in two ways, so that no declared key can be
  // written in disguise.
  static FormPtr free_key(const Json& declared, const std::vector<std::string>& required) {
    std::set<std::u32string> names;
    for (const auto& item : declared.items()) names.insert(to_utf32(item.key()));
    for (const std::string& name : required) names.insert(to_utf32(name));
    const std::vector<std::u32string> sorted(names.begin(), names.end());
    return other_key(sorted, 0, json_character({{0, 0x10FFFF}}));
  }

  // The members in order: what comes first has no comma, so every optional one may also be the one that begins.
  FormPtr members(const std::vector<Property>& properties, const FormPtr& extra, const std::string& where) {
    const FormPtr comma = sequence({literal(","), blanks()});
    const size_t n = properties.size();
    FormPtr tail = repeat(sequence({comma, extra}), 0);
    std::vector<FormPtr> first;  // from the last property to the first
    if (extra->kind != Form::Kind::kNever) first.push_back(sequence({extra, tail}));
    bool may_be_empty = true;
    std::vector<FormPtr> begins;
    for (size_t i = n; i-- > 0;) {
      const Property& p = properties[i];
      begins.push_back(sequence({p.form, tail}));
      const FormPtr next = sequence({comma, p.form});
      tail = sequence({p.required ? next : optional(next), tail});
      // As a rule: it is used by this property's predecessor as a tail and as a beginning.
      if (i > 0) tail = rule_form(add_rule(where + ", after property " + std::to_string(i), tail));
    }
    std::reverse(begins.begin(), begins.end());
    std::vector<FormPtr> forms;
    for (size_t i = 0; i < n && may_be_empty; ++i) {
      forms.push_back(begins[i]);
      may_be_empty = !properties[i].required;
    }
    if (may_be_empty) forms.insert(forms.end(), first.begin(), first.end());
    const FormPtr some = sequence({choice(std::move(forms)), blanks()});
    return may_be_empty ? optional(some) : some;
  }

  // Counting properties is beyond a grammar unless what is declared settles it.
  static Status check_property_counts(const Json& flat, const std::vector<Property>& properties, bool open,
                                      const std::string& where) {
    SILLOK_ASSIGN(const uint32_t least, count_of(flat, "minProperties", 0, where));
    SILLOK_ASSIGN(const uint32_t most, count_of(flat, "maxProperties", kUnbounded, where));
    const auto required = std::count_if(properties.begin(), properties.end(), [](const auto& p) { return p.required; });
    if (least > static_cast<size_t>(required)) return refuse(where, "minProperties", ErrorCode::kUnsupported);
    if (most != kUnbounded && (open || most < properties.size())) return refuse(where, "maxProperties", ErrorCode::kUnsupported);
    return {};
  }

  FormPtr any_value() {
    if (any_ == kUnbounded) {
      any_ = add_rule("any value", nullptr);
      const FormPtr value = rule_form(any_), comma = sequence({literal(","), blanks()});
      const FormPtr string = quoted(repeat(string_character(), 0));
      const FormPtr member = pair(quoted(repeat(json_character({{0, 0x10FFFF}}), 0)), value);
      const auto list = [&](const FormPtr& one) {
        return sequence({blanks(), optional(sequence({one, repeat(sequence({comma, one}), 0), blanks()}))});
      };
      set_.rules[any_].form = choice({string, any_number(), sequence({literal("["), list(value), literal("]")}),
                                      sequence({literal("{"), list(member), literal("}")}), literal("true"),
                                      literal("false"), literal("null")});
    }
    return rule_form(any_);
  }

  Json root_;
  SchemaMerger merger_;
  RuleSet set_;
  std::map<std::string, uint32_t> references_;  // by pointer, to their rules
  struct Waiting {
    uint32_t rule;
    const Json* schema;
    std::string where;
  };
  std::vector<Waiting> waiting_;  // rules whose schemas are yet to be read
  uint32_t any_ = kUnbounded;
  size_t count_ = 0;
};

}  // namespace

Result<RuleSet> read_json_schema(std::string_view text) {
  if (text.size() > kMaxSchemaBytes) return fail(ErrorCode::kLimit, "schema: larger than 256 KiB");
  SILLOK_ASSIGN(Json root, parse_schema_text(text));
  return SchemaReader(std::move(root)).run();
}

}  // namespace sillok::engine
