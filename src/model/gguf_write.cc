// GGUF files: writing. The format is described in gguf.h.
#include <cstring>
#include <limits>
#include <set>

#include "model/gguf.h"

namespace sillok::model {
namespace {

template <typename T>
void put(std::string& out, T value) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out.append(bytes, sizeof(T));
}
void put_kind(std::string& out, GgufKind kind) { put(out, static_cast<uint32_t>(kind)); }
void put_string(std::string& out, std::string_view text) {
  put(out, static_cast<uint64_t>(text.size()));
  out += text;
}

// The narrowest kinds that readers elsewhere expect: 32 bits where the value allows, reals always float32.
void put_value(std::string& out, uint64_t value) {
  const bool narrow = value <= std::numeric_limits<uint32_t>::max();
  put_kind(out, narrow ? GgufKind::kU32 : GgufKind::kU64);
  narrow ? put(out, static_cast<uint32_t>(value)) : put(out, value);
}
void put_value(std::string& out, int64_t value) {
  const bool narrow = value >= std::numeric_limits<int32_t>::min() && value <= std::numeric_limits<int32_t>::max();
  put_kind(out, narrow ? GgufKind::kI32 : GgufKind::kI64);
  narrow ? put(out, static_cast<int32_t>(value)) : put(out, value);
}
void put_value(std::string& out, double value) {
  put_kind(out, GgufKind::kF32);
  put(out, static_cast<float>(value));
}
void put_value(std::string& out, bool value) {
  put_kind(out, GgufKind::kBool);
  put(out, static_cast<uint8_t>(value ? 1 : 0));
}
void put_value(std::string& out, const std::string& value) {
  put_kind(out, GgufKind::kString);
  put_string(out, value);
}
template <typename T, typename From>
void put_elements(std::string& out, GgufKind kind, const std::vector<From>& values) {
  put_kind(out, kind);
  put(out, static_cast<uint64_t>(values.size()));
  for (const From value : values) put(out, static_cast<T>(value));
}

// An array from a file keeps its kind; others get the narrowest of 32 bits or more.
void put_value(std::string& out, const std::shared_ptr<const GgufArray>& array) {
  put_kind(out, GgufKind::kArray);
  if (!array->strings.empty()) {
    put_kind(out, GgufKind::kString);
    put(out, static_cast<uint64_t>(array->strings.size()));
    for (const std::string& text : array->strings) put_string(out, text);
    return;
  }
  if (!array->reals.empty()) {
    const bool wide = array->kind == static_cast<uint32_t>(GgufKind::kF64);
    return wide ? put_elements<double>(out, GgufKind::kF64, array->reals) : put_elements<float>(out, GgufKind::kF32, array->reals);
  }
  bool narrow = true;
  for (const int64_t value : array->integers) narrow = narrow && value == static_cast<int32_t>(value);
  const GgufKind kind = array->kind ? static_cast<GgufKind>(*array->kind) : narrow ? GgufKind::kI32 : GgufKind::kI64;
  switch (kind) {
    case GgufKind::kU8: return put_elements<uint8_t>(out, kind, array->integers);
    case GgufKind::kI8: return put_elements<int8_t>(out, kind, array->integers);
    case GgufKind::kBool: return put_elements<uint8_t>(out, kind, array->integers);
    case GgufKind::kU16: return put_elements<uint16_t>(out, kind, array->integers);
    case GgufKind::kI16: return put_elements<int16_t>(out, kind, array->integers);
    case GgufKind::kU32: return put_elements<uint32_t>(out, kind, array->integers);
    case GgufKind::kI32: return put_elements<int32_t>(out, kind, array->integers);
    case GgufKind::kU64: return put_elements<uint64_t>(out, kind, array->integers);
    case GgufKind::kF32: case GgufKind::kF64: case GgufKind::kString:  // empty, of a kind of its own
      put_kind(out, kind);
      return put(out, uint64_t{0});
    case GgufKind::kI64: case GgufKind::kArray: break;
  }
  put_elements<int64_t>(out, GgufKind::kI64, array->integers);
}

Status check_metadata(const GgufOut& what, uint64_t& alignment) {
  std::set<std::string_view> keys;
  for (const auto& [key, value] : what.metadata) {
    if (key.empty() || key.size() > kMaxKeyBytes) return fail(ErrorCode::kInvalid, "a metadata key is empty or too long");
    if (!keys.insert(key).second) return fail(ErrorCode::kInvalid, "metadata '" + shown(key) + "' is there twice");
    if (const auto* array = std::get_if<std::shared_ptr<const GgufArray>>(&value)) {
      const int kinds = *array == nullptr ? 0 : int{!(*array)->strings.empty()} + int{!(*array)->reals.empty()} +
                                                    int{!(*array)->integers.empty()};
      if (*array == nullptr || kinds > 1) {
        return fail(ErrorCode::kInvalid, "metadata '" + shown(key) + "' is an array of several kinds, or none");
      }
    }
    if (key == "general.alignment") {
      const auto* number = std::get_if<uint64_t>(&value);
      if (number == nullptr || *number == 0 || *number > kMaxAlignment || (*number & (*number - 1)) != 0) {
        return fail(ErrorCode::kInvalid, "general.alignment is no power of two up to " + std::to_string(kMaxAlignment));
      }
      alignment = *number;
    }
  }
  return {};
}

// Everything before the data; `sizes` gets each tensor's bytes.
Result<std::string> make_head(const GgufOut& what, uint64_t alignment, std::vector<uint64_t>& sizes) {
  std::string head(kGgufMagic);
  put(head, kGgufVersion);
  put(head, static_cast<uint64_t>(what.tensors.size()));
  put(head, static_cast<uint64_t>(what.metadata.size()));
  for (const auto& [key, value] : what.metadata) {
    put_string(head, key);
    std::visit([&head](const auto& held) { put_value(head, held); }, value);
  }
  std::set<std::string_view> names;
  uint64_t offset = 0;
  for (const GgufOut::Tensor& tensor : what.tensors) {
    const std::string context = "tensor '" + shown(tensor.name) + "'";
    if (tensor.name.empty() || tensor.name.size() > kMaxNameBytes) {
      return fail(ErrorCode::kInvalid, context + " has an empty or too long name");
    }
    if (!names.insert(tensor.name).second) return fail(ErrorCode::kInvalid, context + " is there twice");
    auto size = gguf_tensor_bytes(tensor.type, tensor.shape);
    if (!size) return fail(size.error().in(context));
    put_string(head, tensor.name);
    put(head, static_cast<uint32_t>(tensor.shape.size()));
    for (const uint64_t dimension : tensor.shape) put(head, dimension);
    put(head, static_cast<uint32_t>(tensor.type));
    put(head, offset);
    sizes.push_back(*size);
    if (*size > (uint64_t{1} << 63) - alignment - offset) {
      return fail(ErrorCode::kInvalid, context + " would end past 2^63 bytes");
    }
    offset = (offset + *size + alignment - 1) / alignment * alignment;
  }
  return head;
}

Status write_tensors(AtomicFile& file, const GgufOut& what, const std::vector<uint64_t>& sizes, uint64_t alignment,
                     const GgufFill& fill) {
  for (size_t i = 0; i < what.tensors.size(); ++i) {
    uint64_t written = 0;
    const auto append = [&](std::string_view bytes) -> Status {
      written += bytes.size();
      if (written > sizes[i]) return {};  // refused below, with the whole count
      return file.append(bytes);
    };
    SILLOK_TRY(fill(i, append));
    if (written != sizes[i]) {
      return tl::unexpected<Error>(Error{ErrorCode::kInvalid, "tensor '" + shown(what.tensors[i].name) + "' got " +
                                                                  std::to_string(written) + " bytes, not its " +
                                                                  std::to_string(sizes[i])});
    }
    const size_t padding = static_cast<size_t>((alignment - sizes[i] % alignment) % alignment);
    SILLOK_TRY(file.append(std::string(padding, '\0')));
  }
  return {};
}

}  // namespace

Status write_gguf(const fs::path& path, const GgufOut& what, const GgufFill& fill) {
  uint64_t alignment = kDefaultAlignment;
  std::vector<uint64_t> sizes;
  const auto write = [&]() -> Status {
    SILLOK_TRY(check_metadata(what, alignment));
    SILLOK_ASSIGN(std::string head, make_head(what, alignment, sizes));
    head.resize((head.size() + alignment - 1) / alignment * alignment, '\0');
    SILLOK_ASSIGN(AtomicFile file, AtomicFile::create(path));
    SILLOK_TRY(file.append(head));
    SILLOK_TRY(write_tensors(file, what, sizes, alignment, fill));
    return file.commit();
  };
  if (auto written = write(); !written) return fail(written.error().in("cannot write " + path.string()));
  return {};
}

}  // namespace sillok::model
