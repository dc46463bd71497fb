#include "engine/grammar_form.h"

#include <algorithm>

namespace sillok::engine {

namespace {

FormPtr make(Form form) { return std::make_shared<const Form>(std::move(form)); }
FormPtr of_kind(Form::Kind kind) {
  Form form;
  form.kind = kind;
  return make(std::move(form));
}

constexpr char32_t kLast = 0x10FFFF, kFirstSurrogate = 0xD800, kLastSurrogate = 0xDFFF;

}  // namespace

std::vector<CodePointRange> normalized(std::vector<CodePointRange> ranges) {
  std::vector<CodePointRange> cut;
  for (const CodePointRange& r : ranges) {
    const char32_t high = std::min(r.high, kLast);
    if (r.low > high) continue;
    if (r.low < kFirstSurrogate) cut.push_back({r.low, std::min(high, char32_t{kFirstSurrogate - 1})});
    if (high > kLastSurrogate) cut.push_back({std::max(r.low, char32_t{kLastSurrogate + 1}), high});
  }
  std::sort(cut.begin(), cut.end(), [](const auto& a, const auto& b) { return a.low < b.low; });
  std::vector<CodePointRange> out;
  for (const CodePointRange& r : cut) {
    if (!out.empty() && r.low <= out.back().high + 1) out.back().high = std::max(out.back().high, r.high);
    else out.push_back(r);
  }
  return out;
}

FormPtr empty_form() {
  static const FormPtr form = of_kind(Form::Kind::kEmpty);
  return form;
}
FormPtr never_form() {
  static const FormPtr form = of_kind(Form::Kind::kNever);
  return form;
}

FormPtr literal(std::string_view utf8) {
  if (utf8.empty()) return empty_form();
  Form form;
  form.kind = Form::Kind::kLiteral;
  form.text = utf8;
  return make(std::move(form));
}

FormPtr one_of(std::vector<CodePointRange> ranges) {
  Form form;
  form.kind = Form::Kind::kClass;
  form.ranges = normalized(std::move(ranges));
  if (form.ranges.empty()) return never_form();
  return make(std::move(form));
}

FormPtr none_of(std::vector<CodePointRange> ranges) {
  std::vector<CodePointRange> rest;
  char32_t next = 0;
  for (const CodePointRange& r : normalized(std::move(ranges))) {
    if (r.low > next) rest.push_back({next, r.low - 1});
    next = r.high + 1;
  }
  if (next <= kLast) rest.push_back({next, kLast});
  return one_of(std::move(rest));
}

FormPtr sequence(std::vector<FormPtr> parts) {
  Form form;
  form.kind = Form::Kind::kSequence;
  for (FormPtr& part : parts) {
    if (part->kind == Form::Kind::kNever) return part;
    if (part->kind == Form::Kind::kEmpty) continue;
    form.parts.push_back(std::move(part));
  }
  if (form.parts.empty()) return empty_form();
  if (form.parts.size() == 1) return form.parts[0];
  return make(std::move(form));
}

FormPtr choice(std::vector<FormPtr> parts) {
  Form form;
  form.kind = Form::Kind::kChoice;
  for (FormPtr& part : parts) {
    if (part->kind != Form::Kind::kNever) form.parts.push_back(std::move(part));
  }
  if (form.parts.empty()) return never_form();
  if (form.parts.size() == 1) return form.parts[0];
  return make(std::move(form));
}

FormPtr repeat(FormPtr body, uint32_t low, uint32_t high) {
  if (low > high) return never_form();
  if (high == 0 || body->kind == Form::Kind::kEmpty) return empty_form();
  if (body->kind == Form::Kind::kNever) return low == 0 ? empty_form() : body;
  if (low == 1 && high == 1) return body;
  Form form;
  form.kind = Form::Kind::kRepeat;
  form.parts.push_back(std::move(body));
  form.low = low;
  form.high = high;
  return make(std::move(form));
}

FormPtr optional(FormPtr form) { return repeat(std::move(form), 0, 1); }

FormPtr rule_form(uint32_t rule) {
  Form form;
  form.kind = Form::Kind::kRule;
  form.rule = rule;
  return make(std::move(form));
}

}  // namespace sillok::engine
