// The table of element types.
#include <array>

#include "tensor/tensor.h"

namespace sillok::tensor {
namespace {

constexpr std::array<TypeInfo, 20> kTypes = {{
    {Type::kF32, "F32", 1, 4},        {Type::kF16, "F16", 1, 2},        {Type::kQ4_0, "Q4_0", 32, 18},
    {Type::kQ4_1, "Q4_1", 32, 20},    {Type::kQ5_0, "Q5_0", 32, 22},    {Type::kQ5_1, "Q5_1", 32, 24},
    {Type::kQ8_0, "Q8_0", 32, 34},    {Type::kQ2_K, "Q2_K", 256, 84},   {Type::kQ3_K, "Q3_K", 256, 110},
    {Type::kQ4_K, "Q4_K", 256, 144},  {Type::kQ5_K, "Q5_K", 256, 176},  {Type::kQ6_K, "Q6_K", 256, 210},
    {Type::kIQ4_NL, "IQ4_NL", 32, 18}, {Type::kI8, "I8", 1, 1},          {Type::kI16, "I16", 1, 2},
    {Type::kI32, "I32", 1, 4},        {Type::kI64, "I64", 1, 8},        {Type::kF64, "F64", 1, 8},
    {Type::kBF16, "BF16", 1, 2},      {Type::kMXFP4, "MXFP4", 32, 17},
}};

}  // namespace

const TypeInfo* find_type(uint32_t gguf_number) {
  for (const TypeInfo& type : kTypes) {
    if (static_cast<uint32_t>(type.type) == gguf_number && !type.name.empty()) return &type;
  }
  return nullptr;
}

const TypeInfo* find_type(std::string_view name) {
  for (const TypeInfo& type : kTypes) {
    if (!type.name.empty() && ascii_lower(type.name) == ascii_lower(name)) return &type;
  }
  return nullptr;
}

const TypeInfo& info(Type type) {
  const TypeInfo* found = find_type(static_cast<uint32_t>(type));
  SILLOK_CHECK(found != nullptr);
  return *found;
}

size_t row_bytes(Type type, size_t columns) {
  const TypeInfo& of = info(type);
  SILLOK_CHECK(columns % of.block_elements == 0);
  return columns / of.block_elements * of.block_bytes;
}

}  // namespace sillok::tensor
