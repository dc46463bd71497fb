// Any bytes as text, and as a pattern of a pre-tokeniser: words cover the text, whatever it is.
#include <array>
#include <memory>

#include "model/pattern.h"
#include "model/pretokenize.h"

using namespace sillok::model;

namespace {

void check(const Splitter& splitter, std::string_view text) {
  std::vector<uint32_t> ends;
  splitter.split(text, ends);
  uint32_t last = 0;
  for (const uint32_t end : ends) {
    if (end <= last) __builtin_trap();
    last = end;
  }
  if (last != text.size()) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto splitters = [] {
    std::vector<Splitter> all;
    for (const char* name : {"gpt-2", "llama-bpe", "qwen35", "gpt-4o", "deepseek-llm", "falcon", "default", "viking"}) {
      all.push_back(*Splitter::compile(find_pre_tokenizer(name)->patterns));
    }
    return all;
  }();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const Splitter& splitter : splitters) check(splitter, text);
  const std::string_view pattern[] = {text.substr(0, text.find('\0'))};
  (void)Splitter::compile(pattern);
  return 0;
}
