// Private to answer: the organisation's own OpenAI-compatible server as a generator.
#pragma once

#include "answer/answer.h"

namespace sillok::answer {

struct RemoteOptions {
  std::string base_url, model;
  fs::path key_file;            // "" = none
  uint32_t context = 8192;
  uint32_t connect_ms = 10'000; // until the connection stands
  uint32_t idle_ms = 120'000;   // without a byte: a loaded server may take long over the first
  uint32_t total_ms = 900'000;
};
Result<std::unique_ptr<Generator>> open_remote_generator(const RemoteOptions& options);

}  // namespace sillok::answer
