// GGUF files: reading. The format is described in gguf.h.
#include "model/gguf.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

namespace sillok::model {

struct Gguf::State {
  MappedFile file;    // empty when parsed from memory
  std::string where;  // the file, for messages
  uint32_t version = 0;
  std::map<std::string, GgufValue, std::less<>> metadata;
  std::vector<GgufTensor> tensors;
  std::map<std::string_view, size_t> by_name;  // into tensors
};

namespace {

// Types of other engines' files that this build does not hold, so that the refusal can name them.
std::string type_name(uint32_t number) {
  static constexpr std::array<std::pair<uint32_t, std::string_view>, 15> kOthers = {{
      {9, "Q8_1"}, {15, "Q8_K"}, {16, "IQ2_XXS"}, {17, "IQ2_XS"}, {18, "IQ3_XXS"},
      {19, "IQ1_S"}, {21, "IQ3_S"}, {22, "IQ2_S"}, {23, "IQ4_XS"}, {29, "IQ1_M"},
      {34, "TQ1_0"}, {35, "TQ2_0"}, {40, "NVFP4"}, {41, "Q1_0"}, {42, "Q2_0"},
  }};
  for (const auto& [other, name] : kOthers) {
    if (other == number) return std::string(name);
  }
  return "number " + std::to_string(number);
}

// Reads little-endian values off the front; every read is checked against the end.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : bytes_(bytes) {}

  size_t offset() const { return offset_; }
  size_t left() const { return bytes_.size() - offset_; }

  template <typename T>
  Result<T> number(std::string_view what) {
    if (left() < sizeof(T)) return ended(what);
    T value;
    std::memcpy(&value, bytes_.data() + offset_, sizeof(T));
    offset_ += sizeof(T);
    return value;
  }

  Result<std::string_view> string(std::string_view what, size_t max_bytes) {
    SILLOK_ASSIGN(const uint64_t size, number<uint64_t>(what));
    if (size > left()) return ended(what);
    if (size > max_bytes) {
      return fail(ErrorCode::kInvalid, std::string(what) + " at byte " + std::to_string(offset_) + " has " +
                                           std::to_string(size) + " bytes, more than " + std::to_string(max_bytes));
    }
    const std::string_view value = bytes_.substr(offset_, static_cast<size_t>(size));
    offset_ += static_cast<size_t>(size);
    return value;
  }

 private:
  tl::unexpected<Error> ended(std::string_view what) const {
    return fail(ErrorCode::kInvalid, "the file ends inside " + std::string(what) + " at byte " +
                                         std::to_string(offset_) + "; it was cut short or is damaged");
  }

  std::string_view bytes_;
  size_t offset_ = 0;
};

tl::unexpected<Error> bad_kind(uint32_t kind) {
  return fail(ErrorCode::kInvalid, "kind " + std::to_string(kind) + " is none of the format's");
}

// One scalar of `kind`; arrays are read elsewhere.
Result<GgufValue> read_scalar(Cursor& in, uint32_t kind) {
  const auto value = [&in](auto as, auto of) -> Result<GgufValue> {
    SILLOK_ASSIGN(const auto number, in.number<decltype(of)>("a value"));
    return GgufValue(static_cast<decltype(as)>(number));
  };
  switch (static_cast<GgufKind>(kind)) {
    case GgufKind::kU8: return value(uint64_t{}, uint8_t{});
    case GgufKind::kI8: return value(int64_t{}, int8_t{});
    case GgufKind::kU16: return value(uint64_t{}, uint16_t{});
    case GgufKind::kI16: return value(int64_t{}, int16_t{});
    case GgufKind::kU32: return value(uint64_t{}, uint32_t{});
    case GgufKind::kI32: return value(int64_t{}, int32_t{});
    case GgufKind::kU64: return value(uint64_t{}, uint64_t{});
    case GgufKind::kI64: return value(int64_t{}, int64_t{});
    case GgufKind::kF32: return value(double{}, float{});
    case GgufKind::kF64: return value(double{}, double{});
    case GgufKind::kBool: {
      SILLOK_ASSIGN(const uint8_t byte, in.number<uint8_t>("a value"));
      if (byte > 1) return fail(ErrorCode::kInvalid, "a truth value is " + std::to_string(byte) + ", neither 0 nor 1");
      return GgufValue(byte == 1);
    }
    case GgufKind::kString: {
      SILLOK_ASSIGN(const std::string_view text, in.string("a text", std::numeric_limits<size_t>::max()));
      return GgufValue(std::string(text));
    }
    case GgufKind::kArray: break;
  }
  return bad_kind(kind);
}

// Elements of one fixed-width kind, into the array's integers or reals.
template <typename T>
Status read_elements(Cursor& in, uint64_t count, GgufArray& out) {
  if (count > in.left() / sizeof(T)) {
    return fail(ErrorCode::kInvalid, "it says " + std::to_string(count) + " elements, more than the file has bytes for");
  }
  if constexpr (std::is_floating_point_v<T>) {
    out.reals.reserve(static_cast<size_t>(count));
  } else {
    out.integers.reserve(static_cast<size_t>(count));
  }
  for (uint64_t i = 0; i < count; ++i) {
    SILLOK_ASSIGN(const T value, in.number<T>("an array"));
    if constexpr (std::is_floating_point_v<T>) {
      out.reals.push_back(static_cast<double>(value));
    } else {
      if constexpr (std::is_same_v<T, uint64_t>) {
        if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
          return fail(ErrorCode::kInvalid, "element " + std::to_string(i) + " is " + std::to_string(value) + ", past 2^63");
        }
      }
      out.integers.push_back(static_cast<int64_t>(value));
    }
  }
  return {};
}

Status read_strings(Cursor& in, uint64_t count, GgufArray& out) {
  if (count > in.left() / sizeof(uint64_t)) {
    return fail(ErrorCode::kInvalid, "it says " + std::to_string(count) + " texts, more than the file has bytes for");
  }
  out.strings.reserve(static_cast<size_t>(count));
  for (uint64_t i = 0; i < count; ++i) {
    SILLOK_ASSIGN(const std::string_view text, in.string("an array of texts", std::numeric_limits<size_t>::max()));
    out.strings.emplace_back(text);
  }
  return {};
}

Status read_array(Cursor& in, GgufArray& out, uint64_t& elements) {
  SILLOK_ASSIGN(const uint32_t kind, in.number<uint32_t>("an array"));
  SILLOK_ASSIGN(const uint64_t count, in.number<uint64_t>("an array"));
  if (count > kMaxElements - elements) {
    return fail(ErrorCode::kLimit, "its arrays have more than " + std::to_string(kMaxElements) + " elements together");
  }
  elements += count;
  out.kind = kind;
  switch (static_cast<GgufKind>(kind)) {
    case GgufKind::kU8: return read_elements<uint8_t>(in, count, out);
    case GgufKind::kI8: return read_elements<int8_t>(in, count, out);
    case GgufKind::kU16: return read_elements<uint16_t>(in, count, out);
    case GgufKind::kI16: return read_elements<int16_t>(in, count, out);
    case GgufKind::kU32: return read_elements<uint32_t>(in, count, out);
    case GgufKind::kI32: return read_elements<int32_t>(in, count, out);
    case GgufKind::kU64: return read_elements<uint64_t>(in, count, out);
    case GgufKind::kI64: return read_elements<int64_t>(in, count, out);
    case GgufKind::kF32: return read_elements<float>(in, count, out);
    case GgufKind::kF64: return read_elements<double>(in, count, out);
    case GgufKind::kBool: return read_elements<uint8_t>(in, count, out);
    case GgufKind::kString: return read_strings(in, count, out);
    case GgufKind::kArray: return fail(ErrorCode::kInvalid, "an array of arrays, which the format does not have");
  }
  return bad_kind(kind);
}

Status read_entry(Cursor& in, uint64_t& elements, std::map<std::string, GgufValue, std::less<>>& out) {
  SILLOK_ASSIGN(const std::string_view key, in.string("a metadata key", kMaxKeyBytes));
  if (key.empty()) return fail(ErrorCode::kInvalid, "a metadata key at byte " + std::to_string(in.offset()) + " is empty");
  const std::string context = "metadata '" + shown(key) + "'";
  SILLOK_ASSIGN(const uint32_t kind, in.number<uint32_t>(context));
  GgufValue value;
  if (static_cast<GgufKind>(kind) == GgufKind::kArray) {
    auto array = std::make_shared<GgufArray>();
    if (auto read = read_array(in, *array, elements); !read) return fail(read.error().in(context));
    value = std::shared_ptr<const GgufArray>(std::move(array));
  } else {
    auto scalar = read_scalar(in, kind);
    if (!scalar) return fail(scalar.error().in(context));
    value = std::move(*scalar);
  }
  if (!out.emplace(std::string(key), std::move(value)).second) {
    return fail(ErrorCode::kInvalid, context + " is there twice");
  }
  return {};
}

struct TensorEntry {
  GgufTensor tensor;
  uint64_t offset = 0, size = 0;  // in the data
};

Result<TensorEntry> read_tensor_entry(Cursor& in, uint64_t alignment) {
  TensorEntry entry;
  SILLOK_ASSIGN(const std::string_view name, in.string("a tensor's name", kMaxNameBytes));
  if (name.empty()) return fail(ErrorCode::kInvalid, "a tensor at byte " + std::to_string(in.offset()) + " has no name");
  entry.tensor.name = name;
  const std::string context = "tensor '" + shown(name) + "'";
  SILLOK_ASSIGN(const uint32_t dimensions, in.number<uint32_t>(context));
  if (dimensions > kMaxDimensions) {
    return fail(ErrorCode::kInvalid, context + " has " + std::to_string(dimensions) + " dimensions, more than " +
                                         std::to_string(kMaxDimensions));
  }
  for (uint32_t i = 0; i < dimensions; ++i) {
    SILLOK_ASSIGN(const uint64_t dimension, in.number<uint64_t>(context));
    entry.tensor.shape.push_back(dimension);
  }
  if (dimensions == 0) entry.tensor.shape.push_back(1);  // a single number
  SILLOK_ASSIGN(const uint32_t type, in.number<uint32_t>(context));
  const tensor::TypeInfo* known = tensor::find_type(type);
  if (known == nullptr) {
    return fail(ErrorCode::kUnsupported, context + " has the type " + type_name(type) +
                                             ", which this build does not read; take the model in another quantisation");
  }
  entry.tensor.type = known->type;
  SILLOK_ASSIGN(entry.offset, in.number<uint64_t>(context));
  if (entry.offset % alignment != 0) {
    return fail(ErrorCode::kInvalid, context + " is at " + std::to_string(entry.offset) + ", no multiple of the alignment " +
                                         std::to_string(alignment));
  }
  auto size = gguf_tensor_bytes(entry.tensor.type, entry.tensor.shape);
  if (!size) return fail(size.error().in(context));
  entry.size = *size;
  return entry;
}

Result<uint64_t> alignment_of(const std::map<std::string, GgufValue, std::less<>>& metadata) {
  const auto found = metadata.find("general.alignment");
  if (found == metadata.end()) return kDefaultAlignment;
  const auto* value = std::get_if<uint64_t>(&found->second);
  if (value == nullptr || *value == 0 || *value > kMaxAlignment || (*value & (*value - 1)) != 0) {
    return fail(ErrorCode::kInvalid, "general.alignment is no power of two up to " + std::to_string(kMaxAlignment));
  }
  return *value;
}

// Gives every tensor its bytes: within the data, and no byte to two tensors.
Status place_tensors(std::string_view data, std::vector<TensorEntry>& entries) {
  std::vector<size_t> order(entries.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return entries[a].offset < entries[b].offset; });
  uint64_t end = 0;
  std::string before;
  for (const size_t i : order) {
    TensorEntry& entry = entries[i];
    if (entry.size > data.size() || entry.offset > data.size() - entry.size) {
      return fail(ErrorCode::kInvalid, "tensor '" + shown(entry.tensor.name) + "' reaches to byte " +
                                           std::to_string(entry.offset) + "+" + std::to_string(entry.size) +
                                           " of the data, which has " + std::to_string(data.size()) +
                                           "; the file was cut short or is damaged");
    }
    if (entry.offset < end) {
      return fail(ErrorCode::kInvalid, "tensors '" + shown(before) + "' and '" + shown(entry.tensor.name) + "' overlap");
    }
    end = entry.offset + entry.size;
    before = entry.tensor.name;
    entry.tensor.bytes = data.substr(static_cast<size_t>(entry.offset), static_cast<size_t>(entry.size));
  }
  return {};
}

struct Counts {
  uint32_t version = 0;
  uint64_t tensors = 0, entries = 0;
};

Result<Counts> read_header(Cursor& in) {
  Counts counts;
  SILLOK_ASSIGN(const uint32_t magic, in.number<uint32_t>("the header"));
  if (std::memcmp(&magic, kGgufMagic.data(), sizeof magic) != 0) {
    return fail(ErrorCode::kInvalid, "this is no GGUF file (it does not begin with \"GGUF\")");
  }
  SILLOK_ASSIGN(counts.version, in.number<uint32_t>("the header"));
  if ((counts.version & 0xFFFF) == 0) {
    return fail(ErrorCode::kUnsupported, "this GGUF file is big-endian; convert it to little-endian first");
  }
  if (counts.version < 2 || counts.version > kGgufVersion) {
    return fail(ErrorCode::kUnsupported, "this GGUF file has version " + std::to_string(counts.version) +
                                             "; versions 2 and 3 are read");
  }
  SILLOK_ASSIGN(counts.tensors, in.number<uint64_t>("the header"));
  SILLOK_ASSIGN(counts.entries, in.number<uint64_t>("the header"));
  // The smallest entry has 14 bytes, the smallest tensor 25: no count can make us reserve more than the file is.
  if (counts.entries > in.left() / 14 || counts.tensors > in.left() / 25) {
    return fail(ErrorCode::kInvalid, "the header says " + std::to_string(counts.entries) + " metadata entries and " +
                                         std::to_string(counts.tensors) + " tensors, more than the file has room for");
  }
  if (counts.tensors > kMaxTensors) {
    return fail(ErrorCode::kLimit, "it has " + std::to_string(counts.tensors) + " tensors, more than " +
                                       std::to_string(kMaxTensors));
  }
  return counts;
}

}  // namespace

std::string shown(std::string_view name) { return shorten(clean_utf8(name.substr(0, 400)), 80); }

Result<uint64_t> gguf_tensor_bytes(tensor::Type type, const std::vector<uint64_t>& shape) {
  if (shape.empty() || shape.size() > kMaxDimensions) {
    return fail(ErrorCode::kInvalid, "it has " + std::to_string(shape.size()) + " dimensions, not 1 to " +
                                         std::to_string(kMaxDimensions));
  }
  const tensor::TypeInfo& of = tensor::info(type);
  if (shape[0] % of.block_elements != 0) {
    return fail(ErrorCode::kInvalid, "its rows have " + std::to_string(shape[0]) + " columns, no multiple of the " +
                                         std::to_string(of.block_elements) + " in a block of " + std::string(of.name));
  }
  // 2^63 bytes at most, and as many elements: both products stay exact in 64 bits.
  constexpr uint64_t kMost = uint64_t{1} << 63;
  uint64_t size = of.block_bytes;
  for (size_t i = 0; i < shape.size(); ++i) {
    const uint64_t factor = i == 0 ? shape[0] / of.block_elements : shape[i];
    if (factor == 0) return fail(ErrorCode::kInvalid, "it has an empty dimension");
    if (size > kMost / factor) return fail(ErrorCode::kInvalid, "its dimensions multiply past 2^63 bytes");
    size *= factor;
  }
  return size;
}

Gguf::Gguf(std::unique_ptr<State> state) : state_(std::move(state)) {}
Gguf::~Gguf() = default;

namespace {

Status parse_into(std::string_view bytes, uint32_t& version, std::map<std::string, GgufValue, std::less<>>& metadata,
                  std::vector<GgufTensor>& tensors) {
  Cursor in(bytes);
  SILLOK_ASSIGN(const Counts counts, read_header(in));
  version = counts.version;
  uint64_t elements = 0;
  for (uint64_t i = 0; i < counts.entries; ++i) SILLOK_TRY(read_entry(in, elements, metadata));
  SILLOK_ASSIGN(const uint64_t alignment, alignment_of(metadata));
  std::vector<TensorEntry> entries;
  entries.reserve(static_cast<size_t>(counts.tensors));
  for (uint64_t i = 0; i < counts.tensors; ++i) {
    SILLOK_ASSIGN(TensorEntry entry, read_tensor_entry(in, alignment));
    entries.push_back(std::move(entry));
  }
  if (entries.empty()) return {};  // a vocabulary alone
  const uint64_t start = (in.offset() + alignment - 1) / alignment * alignment;
  SILLOK_TRY(place_tensors(start < bytes.size() ? bytes.substr(static_cast<size_t>(start)) : std::string_view(), entries));
  tensors.reserve(entries.size());
  for (TensorEntry& entry : entries) tensors.push_back(std::move(entry.tensor));
  return {};
}

}  // namespace

Result<std::shared_ptr<const Gguf>> Gguf::open(const fs::path& path) {
  SILLOK_ASSIGN(MappedFile file, MappedFile::open(path));
  auto state = std::make_unique<State>();
  state->file = std::move(file);
  state->where = path.string();
  const std::string_view bytes = state->file.bytes();
  return finish(std::move(state), bytes);
}

Result<std::shared_ptr<const Gguf>> Gguf::parse(std::string_view bytes) {
  auto state = std::make_unique<State>();
  state->where = "GGUF data";
  return finish(std::move(state), bytes);
}

Result<std::shared_ptr<const Gguf>> Gguf::finish(std::unique_ptr<State> state, std::string_view bytes) {
  if (auto parsed = parse_into(bytes, state->version, state->metadata, state->tensors); !parsed) {
    return fail(parsed.error().in(state->where));
  }
  for (size_t i = 0; i < state->tensors.size(); ++i) {
    if (!state->by_name.emplace(state->tensors[i].name, i).second) {
      return fail(ErrorCode::kInvalid, state->where + ": tensor '" + shown(state->tensors[i].name) + "' is there twice");
    }
  }
  return std::shared_ptr<const Gguf>(new Gguf(std::move(state)));
}

uint32_t Gguf::version() const { return state_->version; }
const std::map<std::string, GgufValue, std::less<>>& Gguf::metadata() const { return state_->metadata; }
const std::vector<GgufTensor>& Gguf::tensors() const { return state_->tensors; }

const GgufTensor* Gguf::tensor(std::string_view name) const {
  const auto found = state_->by_name.find(name);
  return found == state_->by_name.end() ? nullptr : &state_->tensors[found->second];
}

bool Gguf::has(std::string_view key) const { return state_->metadata.find(key) != state_->metadata.end(); }

Result<const GgufValue*> Gguf::value(std::string_view key) const {
  const auto found = state_->metadata.find(key);
  if (found == state_->metadata.end()) {
    return fail(ErrorCode::kNotFound, state_->where + ": there is no metadata '" + shown(key) + "'");
  }
  return &found->second;
}

tl::unexpected<Error> Gguf::not_of_kind(std::string_view key, std::string_view kind) const {
  return fail(ErrorCode::kInvalid, state_->where + ": metadata '" + shown(key) + "' is not " + std::string(kind));
}

Result<std::string> Gguf::text(std::string_view key) const {
  SILLOK_ASSIGN(const GgufValue* found, value(key));
  if (const auto* text = std::get_if<std::string>(found)) return *text;
  return not_of_kind(key, "a text");
}

Result<uint64_t> Gguf::integer(std::string_view key) const {
  SILLOK_ASSIGN(const GgufValue* found, value(key));
  if (const auto* number = std::get_if<uint64_t>(found)) return *number;
  if (const auto* number = std::get_if<int64_t>(found); number != nullptr && *number >= 0) {
    return static_cast<uint64_t>(*number);
  }
  return not_of_kind(key, "a whole number of 0 or more");
}

Result<double> Gguf::real(std::string_view key) const {
  SILLOK_ASSIGN(const GgufValue* found, value(key));
  if (const auto* number = std::get_if<double>(found)) return *number;
  return not_of_kind(key, "a real number");
}

Result<bool> Gguf::boolean(std::string_view key) const {
  SILLOK_ASSIGN(const GgufValue* found, value(key));
  if (const auto* truth = std::get_if<bool>(found)) return *truth;
  return not_of_kind(key, "true or false");
}

Result<std::shared_ptr<const GgufArray>> Gguf::array(std::string_view key) const {
  SILLOK_ASSIGN(const GgufValue* found, value(key));
  if (const auto* array = std::get_if<std::shared_ptr<const GgufArray>>(found)) return *array;
  return not_of_kind(key, "an array");
}

}  // namespace sillok::model
