// Any bytes as a safetensors file.
#include "model/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = sillok::model::Safetensors::parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!file) return 0;
  size_t covered = 0;
  for (const auto& [name, tensor] : file->tensors()) covered += tensor.bytes.size();
  if (covered > size) __builtin_trap();
  return 0;
}
