#include "model/safetensors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "model/gguf.h"

namespace sillok::model {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kMaxHeader = 100'000'000;  // the format's own limit
constexpr int kMaxDepth = 3;                  // file, tensor, shape
constexpr size_t kMaxRank = 8;

struct DataType {
  std::string_view name;
  tensor::Type type;
};
constexpr std::array<DataType, 10> kDataTypes = {{
    {"F64", tensor::Type::kF64}, {"F32", tensor::Type::kF32}, {"F16", tensor::Type::kF16}, {"BF16", tensor::Type::kBF16},
    {"I64", tensor::Type::kI64}, {"I32", tensor::Type::kI32}, {"I16", tensor::Type::kI16}, {"I8", tensor::Type::kI8},
    {"U8", tensor::Type::kI8},   {"BOOL", tensor::Type::kI8},
}};

// The header as JSON: no deeper than it may be, no key twice.
Result<Json> parse_header(std::string_view text) {
  std::string problem;
  std::set<std::string> keys;
  const auto check = [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth > kMaxDepth) problem = "is nested too deeply";
    if (event == Json::parse_event_t::key && depth == 1 && !keys.insert(value.get<std::string>()).second) {
      problem = "has the key '" + shown(value.get<std::string>()) + "' twice";
    }
    return problem.empty();
  };
  Json json = Json::parse(text.begin(), text.end(), check, false);
  if (!problem.empty()) return fail(ErrorCode::kInvalid, "the header " + problem);
  if (json.is_discarded() || !json.is_object()) return fail(ErrorCode::kInvalid, "the header is no JSON object");
  return json;
}

Result<SafeTensor> read_entry(const std::string& name, const Json& entry, std::string_view data) {
  const auto bad = [&name](const std::string& what) { return fail(ErrorCode::kInvalid, "tensor '" + shown(name) + "' " + what); };
  if (!entry.is_object() || !entry.contains("dtype") || !entry.contains("shape") || !entry.contains("data_offsets")) {
    return bad("lacks dtype, shape or data_offsets");
  }
  const Json &dtype = entry["dtype"], &shape = entry["shape"], &offsets = entry["data_offsets"];
  if (!dtype.is_string() || !shape.is_array() || shape.size() > kMaxRank || !offsets.is_array() || offsets.size() != 2 ||
      !offsets[0].is_number_unsigned() || !offsets[1].is_number_unsigned()) {
    return bad("has a malformed dtype, shape or data_offsets");
  }
  SafeTensor tensor;
  tensor.name = name;
  const auto type = std::find_if(kDataTypes.begin(), kDataTypes.end(),
                                 [&](const DataType& known) { return known.name == dtype.get<std::string>(); });
  if (type == kDataTypes.end()) {
    return fail(ErrorCode::kUnsupported, "tensor '" + shown(name) + "' has the type " + shown(dtype.get<std::string>()) +
                                             ", which this build does not read");
  }
  tensor.type = type->type;
  uint64_t bytes = tensor::info(tensor.type).block_bytes;
  for (const Json& dimension : shape) {
    if (!dimension.is_number_unsigned()) return bad("has a dimension that is no whole number");
    const auto size = dimension.get<uint64_t>();
    tensor.shape.push_back(size);
    if (size != 0 && bytes > UINT64_MAX / size) return bad("has dimensions that multiply past 2^64");
    bytes *= size;
  }
  const auto begin = offsets[0].get<uint64_t>(), end = offsets[1].get<uint64_t>();
  if (begin > end || end > data.size()) {
    return bad("lies at bytes " + std::to_string(begin) + " to " + std::to_string(end) + " of the data, which has " +
               std::to_string(data.size()));
  }
  if (end - begin != bytes) return bad("has " + std::to_string(end - begin) + " bytes, its shape wants " + std::to_string(bytes));
  tensor.bytes = data.substr(static_cast<size_t>(begin), static_cast<size_t>(bytes));
  return tensor;
}

// Every byte of the data belongs to exactly one tensor.
Status check_cover(const std::map<std::string, SafeTensor, std::less<>>& tensors, std::string_view data) {
  std::vector<const SafeTensor*> order;
  for (const auto& [name, tensor] : tensors) order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](const SafeTensor* a, const SafeTensor* b) {
    return a->bytes.data() != b->bytes.data() ? a->bytes.data() < b->bytes.data() : a->bytes.size() < b->bytes.size();
  });
  const char* at = data.data();
  for (const SafeTensor* tensor : order) {
    if (tensor->bytes.data() != at) {
      return tl::unexpected<Error>(Error{ErrorCode::kInvalid, "tensor '" + shown(tensor->name) + "' overlaps another or leaves a hole before it"});
    }
    at += tensor->bytes.size();
  }
  if (at != data.data() + data.size()) {
    return tl::unexpected<Error>(Error{ErrorCode::kInvalid, "the data has bytes after the last tensor"});
  }
  return {};
}

}  // namespace

Status Safetensors::read(std::string_view bytes) {
  uint64_t size = 0;
  if (bytes.size() < sizeof size) return tl::unexpected<Error>(Error{ErrorCode::kInvalid, "the file is too short for safetensors"});
  std::memcpy(&size, bytes.data(), sizeof size);
  bytes.remove_prefix(sizeof size);
  if (size > kMaxHeader || size > bytes.size()) {
    return tl::unexpected<Error>(Error{ErrorCode::kInvalid, "the header would have " + std::to_string(size) +
                                                                " bytes; this is no safetensors file, or it was cut short"});
  }
  SILLOK_ASSIGN(const Json header, parse_header(bytes.substr(0, static_cast<size_t>(size))));
  const std::string_view data = bytes.substr(static_cast<size_t>(size));
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      if (!entry.is_object()) return tl::unexpected<Error>(Error{ErrorCode::kInvalid, "__metadata__ is no object"});
      for (const auto& [key, value] : entry.items()) {
        if (!value.is_string()) return tl::unexpected<Error>(Error{ErrorCode::kInvalid, "__metadata__ holds something that is no text"});
        metadata_[key] = value.get<std::string>();
      }
      continue;
    }
    SILLOK_ASSIGN(SafeTensor tensor, read_entry(name, entry, data));
    tensors_.emplace(name, std::move(tensor));
  }
  return check_cover(tensors_, data);
}

Result<Safetensors> Safetensors::open(const fs::path& path) {
  Safetensors out;
  SILLOK_ASSIGN(out.file_, MappedFile::open(path));
  if (auto read = out.read(out.file_.bytes()); !read) return fail(read.error().in(path.string()));
  return out;
}

Result<Safetensors> Safetensors::parse(std::string_view bytes) {
  Safetensors out;
  SILLOK_TRY(out.read(bytes));
  return out;
}

const SafeTensor* Safetensors::tensor(std::string_view name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

}  // namespace sillok::model
