// Any bytes as a GGUF file, and as the tokenizer in it: encodes and decodes with what is accepted.
#include "model/model.h"

using namespace sillok::model;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = Gguf::parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!file) return 0;
  size_t sum = 0;
  for (const GgufTensor& tensor : (*file)->tensors()) {
    if (!tensor.bytes.empty()) sum += static_cast<unsigned char>(tensor.bytes.front()) + static_cast<unsigned char>(tensor.bytes.back());
  }
  const auto tokenizer = Tokenizer::from(**file);
  if (!tokenizer) return sum == SIZE_MAX ? 1 : 0;
  const std::string text = std::string("한글 it's 12345\n\n  <s> \xff 👍 ") + std::string(reinterpret_cast<const char*>(data), size % 64);
  const auto tokens = (*tokenizer)->encode(text, {.special = true, .parse_special = true});
  for (const Token token : tokens) {
    if (token < 0 || static_cast<size_t>(token) >= (*tokenizer)->size()) __builtin_trap();
  }
  (void)(*tokenizer)->decode(tokens, true);
  return 0;
}
