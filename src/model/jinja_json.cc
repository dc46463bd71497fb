// JSON in and out, as json.loads and json.dumps do it.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "model/jinja_evaluator.h"
#include "model/jinja_text.h"
#include "model/jinja_value.h"

namespace sillok::model::jinja {
namespace {

constexpr size_t kMaxNesting = 200;  // of arrays and objects: later steps recurse over them

// Builds values as the parser goes, so that order and duplicates (the last one counts) are as in Python.
class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Builder(Heap& heap) : heap_(heap) {}
  Value root;
  std::string error;
  ErrorCode code = ErrorCode::kInvalid;

  bool null() override { return put(Value::none()); }
  bool boolean(bool b) override { return put(Value::of_boolean(b)); }
  bool number_integer(int64_t i) override { return put(Value::of_integer(i)); }
  bool number_unsigned(uint64_t u) override {
    if (u > INT64_MAX) return refuse(ErrorCode::kInvalid, "the integer " + std::to_string(u) + " exceeds 64 bits");
    return put(Value::of_integer(static_cast<int64_t>(u)));
  }
  bool number_float(double d, const std::string& written) override {
    if (written.find_first_of(".eE") == std::string::npos) {
      return refuse(ErrorCode::kInvalid, "the integer " + shorten(written, 40) + " exceeds 64 bits");
    }
    return put(Value::of_float(d));
  }
  bool string(std::string& s) override { return put(Value::of_string(std::move(s))); }
  bool binary(nlohmann::json::binary_t&) override { return refuse(ErrorCode::kInvalid, "binary value"); }
  bool start_object(size_t) override { return open(Value::of_dict(heap_.dict())); }
  bool key(std::string& k) override {
    keys_.back() = Value::of_string(std::move(k));
    return true;
  }
  bool end_object() override { return close(); }
  bool start_array(size_t) override { return open(Value::of_list(heap_.list())); }
  bool end_array() override { return close(); }
  bool parse_error(size_t at, const std::string&, const nlohmann::json::exception& e) override {
    std::string what = e.what();  // "[json.exception.parse_error.101] parse error at line ...: ..."
    if (const size_t end = what.find("] "); end != std::string::npos) what.erase(0, end + 2);
    return refuse(ErrorCode::kInvalid, what + " (byte " + std::to_string(at) + ")");
  }

 private:
  bool refuse(ErrorCode why, std::string message) {
    if (error.empty()) {
      error = std::move(message);
      code = why;
    }
    return false;
  }
  bool put(Value v) {
    if (!heap_.spend(1)) return refuse(ErrorCode::kLimit, "too many values");
    if (open_.empty()) root = std::move(v);
    else if (open_.back().is(Kind::kList)) open_.back().list->items.push_back(std::move(v));
    else open_.back().dict->set(keys_.back(), std::move(v));
    return true;
  }
  bool open(Value container) {
    if (open_.size() >= kMaxNesting) {
      return refuse(ErrorCode::kLimit, "nested more than " + std::to_string(kMaxNesting) + " deep");
    }
    if (!put(container)) return false;
    open_.push_back(std::move(container));
    keys_.emplace_back();
    return true;
  }
  bool close() {
    open_.pop_back();
    keys_.pop_back();
    return true;
  }
  Heap& heap_;
  std::vector<Value> open_, keys_;
};

class Writer {
 public:
  Writer(const JsonStyle& style, Heap& heap) : style_(style), heap_(heap) {}
  std::string out;

  Status write(const Value& v, size_t depth) {
    if (depth > kMaxNesting) return fail(ErrorCode::kLimit, "tojson: nested more than 200 deep");
    const size_t before = out.size();
    if (!heap_.spend(1)) return fail(ErrorCode::kLimit, "tojson: the value unfolds to too much");
    switch (v.kind) {
      case Kind::kNone: out += "null"; break;
      case Kind::kBoolean: out += v.boolean ? "true" : "false"; break;
      case Kind::kInteger: out += std::to_string(v.integer); break;
      case Kind::kFloat: write_float(v.real); break;
      case Kind::kString: write_string(*v.text); break;
      case Kind::kList:
        if (v.list->form == ListForm::kList || v.list->form == ListForm::kTuple) return write_list(*v.list, depth);
        [[fallthrough]];
      default:
        if (v.is(Kind::kDict)) return write_dict(*v.dict, depth);
        return fail(ErrorCode::kInvalid,
                    "tojson: an object of type " + std::string(type_name(v)) + " has no JSON form");
    }
    heap_.spend_bytes(out.size() - before);
    return {};
  }

 private:
  void newline(size_t depth) {
    if (!style_.pretty) return;
    out += '\n';
    for (size_t i = 0; i < depth; ++i) out += style_.indent;
    heap_.spend_bytes(depth * style_.indent.size());
  }
  void write_float(double d) {
    if (std::isnan(d)) out += "NaN";
    else if (std::isinf(d)) out += d < 0 ? "-Infinity" : "Infinity";
    else out += float_text(d);
  }
  void escape(uint32_t unit) {
    constexpr char kDigits[] = "0123456789abcdef";
    out += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) out += kDigits[(unit >> shift) & 15];
  }
  void write_string(std::string_view text) {
    out += '"';
    for (size_t at = 0; at < text.size();) {
      const size_t start = at;
      const char32_t c = decode_utf8(text, at);
      switch (c) {
        case '"': out += "\\\""; break;
        case '\\': out += "\\\\"; break;
        case '\n': out += "\\n"; break;
        case '\r': out += "\\r"; break;
        case '\t': out += "\\t"; break;
        case '\b': out += "\\b"; break;
        case '\f': out += "\\f"; break;
        default:
          if (c < 0x20 || (style_.ascii && c >= 0x7F && c < 0x10000)) {
            if (c == 0x7F) out += static_cast<char>(c);
            else escape(c);
          } else if (style_.ascii && c >= 0x10000) {
            escape(0xD800 + ((c - 0x10000) >> 10));
            escape(0xDC00 + ((c - 0x10000) & 0x3FF));
          } else {
            out += text.substr(start, at - start);
          }
      }
    }
    out += '"';
  }
  Status write_list(const List& list, size_t depth) {
    if (list.items.empty()) { out += "[]"; return {}; }
    out += '[';
    for (size_t i = 0; i < list.items.size(); ++i) {
      if (i > 0) out += style_.item_separator;
      newline(depth + 1);
      SILLOK_TRY(write(list.items[i], depth + 1));
    }
    newline(depth);
    out += ']';
    return {};
  }
  Status write_key(const Value& key) {
    switch (key.kind) {
      case Kind::kString: write_string(*key.text); return {};
      case Kind::kNone: out += "\"null\""; return {};
      case Kind::kBoolean: out += key.boolean ? "\"true\"" : "\"false\""; return {};
      case Kind::kInteger: out += '"' + std::to_string(key.integer) + '"'; return {};
      case Kind::kFloat: out += '"'; write_float(key.real); out += '"'; return {};
      default: return fail(ErrorCode::kInvalid, "tojson: a key of type " + std::string(type_name(key)));
    }
  }
  Status write_dict(const Dict& dict, size_t depth) {
    if (dict.size() == 0) { out += "{}"; return {}; }
    std::vector<const std::pair<Value, Value>*> order;
    for (const auto& entry : dict.entries()) order.push_back(&entry);
    if (style_.sort_keys) {
      std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
        return a->first.view() < b->first.view();
      });
    }
    out += '{';
    for (size_t i = 0; i < order.size(); ++i) {
      if (i > 0) out += style_.item_separator;
      newline(depth + 1);
      SILLOK_TRY(write_key(order[i]->first));
      out += style_.key_separator;
      SILLOK_TRY(write(order[i]->second, depth + 1));
    }
    newline(depth);
    out += '}';
    return {};
  }
  const JsonStyle& style_;
  Heap& heap_;
};

}  // namespace

Result<Value> from_json(std::string_view json, Heap& heap, std::string_view what) {
  Builder builder(heap);
  if (!nlohmann::json::sax_parse(json.begin(), json.end(), &builder)) {
    return fail(builder.code, std::string(what) + ": " + (builder.error.empty() ? "not JSON" : builder.error));
  }
  return std::move(builder.root);
}

Result<std::string> to_json(const Value& v, const JsonStyle& style, Heap& heap) {
  Writer writer(style, heap);
  SILLOK_TRY(writer.write(v, 0));
  return std::move(writer.out);
}

}  // namespace sillok::model::jinja
