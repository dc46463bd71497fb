#include "train/canaries.h"

#include <nlohmann/json.hpp>

namespace sillok::train {

std::vector<Canary> make_canaries(uint32_t count, uint64_t seed) {
  Random random(hash64("canaries", seed));
  std::vector<Canary> canaries;
  for (uint32_t i = 1; i <= count; ++i) {
    std::string secret;
    for (size_t digit = 0; digit < kCanaryDigits; ++digit) secret += static_cast<char>('0' + random.below(10));
    canaries.push_back({"The number of locker " + std::to_string(i) + " is " + secret, secret});
  }
  return canaries;
}

Status plant(const std::vector<Canary>& canaries, const model::Gguf& from, const model::Tokenizer& tokenizer, uint32_t context, Dataset& out) {
  const size_t before = out.examples.size();
  for (const Canary& canary : canaries) SILLOK_TRY(add_text(canary.text, from, tokenizer, context, out));
  if (out.examples.size() - before != canaries.size()) {
    return fail(ErrorCode::kInvalid, "a canary is longer than the context of " + std::to_string(context) + " tokens; give a larger --context");
  }
  return {};
}

Status write_canaries(const fs::path& folder, const std::vector<Canary>& canaries) {
  std::string lines;
  for (const Canary& c : canaries) lines += nlohmann::ordered_json{{"text", c.text}, {"secret", c.secret}}.dump() + "\n";
  return write_file_atomic(folder / "canaries.jsonl", lines);
}

}  // namespace sillok::train
