// Which converter serves which type.
#include "tensor/convert.h"

#include <vector>

namespace sillok::tensor {
namespace {

const Converter* find_converter(Type type) {
  for (const auto& family : {plain_converters(), block_converters(), k_converters(), table_converters()}) {
    for (const Converter& converter : family) {
      if (converter.type == type) return &converter;
    }
  }
  return nullptr;
}

}  // namespace

bool can_dequantize(Type type) { return find_converter(type) != nullptr; }
bool can_quantize(Type type) { return find_converter(type) != nullptr; }

void dequantize(Type type, const void* row, float* out, size_t columns) {
  const Converter* converter = find_converter(type);
  SILLOK_CHECK(converter != nullptr && columns % info(type).block_elements == 0);
  converter->dequantize(static_cast<const uint8_t*>(row), out, columns / info(type).block_elements);
}

void quantize(Type type, const float* row, void* out, size_t columns, const float* importance) {
  const Converter* converter = find_converter(type);
  SILLOK_CHECK(converter != nullptr && columns % info(type).block_elements == 0);
  converter->quantize(row, static_cast<uint8_t*>(out), columns / info(type).block_elements, importance);
}

}  // namespace sillok::tensor
