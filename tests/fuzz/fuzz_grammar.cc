// Any bytes as a grammar or, after a first byte of 's', as a JSON Schema; what compiles is walked, and every token that
// is allowed must be accepted.
#include "engine/engine.h"
#include "tests/engine/fake_tokenizer.h"

using namespace sillok::engine;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const FakeTokenizer tokenizer({"{\"", "\":", "\",", "true", "ab", "가나", "\xEA\xB0", "12"});
  if (size < 1) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto grammar = data[0] == 's' ? Grammar::from_json_schema(text, tokenizer) : Grammar::from_gbnf(text, tokenizer);
  if (!grammar) return 0;
  Constraint constraint(*grammar);
  std::vector<uint64_t> bits((tokenizer.size() + 63) / 64);
  for (size_t step = 0; step < 20; ++step) {
    constraint.allowed(bits);
    std::vector<Token> options;
    for (size_t t = 0; t < tokenizer.size(); ++t) {
      if (bits[t / 64] >> (t % 64) & 1) options.push_back(static_cast<Token>(t));
    }
    if (options.empty()) __builtin_trap();  // all bytes are tokens: there is always a way on, or an end
    const Token token = options[(data[step % size] + step) % options.size()];
    if (!constraint.accept(token)) __builtin_trap();
    if (tokenizer.is_end(token)) break;
  }
  return 0;
}
