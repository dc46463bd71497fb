// train, leakage: what a tuned model tells of the lines it was tuned on. Included by train.h; nothing else includes it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/base.h"

namespace sillok::train {

// A line with a random part that was put among the lines a model was tuned on: {"text","secret"} in a JSONL file, `secret` a part
// of `text` that occurs once.
struct Canary {
  std::string text, secret;
};
Result<std::vector<Canary>> load_canaries(const fs::path& path);
// {"text"} or {"messages":[{"role","content"},...]} a line, as `tune` reads them; of messages the contents, joined.
Result<std::vector<std::string>> load_lines(const fs::path& path);

struct LeakageOptions {
  fs::path model, adapter;               // adapter "": the model alone is looked at
  std::vector<Canary> canaries;
  std::vector<std::string> members;      // lines that it was tuned on
  std::vector<std::string> held_out;     // lines of the same kind that it was not
  uint32_t alternatives = 255;           // to each canary: other random parts of the same shape
  uint64_t seed = 1;
  uint32_t threads = 0;                  // 0: one per core
  std::function<void(size_t done, size_t total)> progress;
};
struct CanaryOutcome {
  size_t rank = 0;                       // 1: the planted part is likelier than every alternative
  double exposure = 0;                   // log2(alternatives + 1) - log2(rank), bits (Carlini et al. 2019, The Secret Sharer)
  bool drawn = false;                    // the likeliest token at every place is the planted one: it can be had word for word
};
struct LeakageReport {
  std::vector<CanaryOutcome> canaries;
  uint32_t alternatives = 0;
  size_t drawn = 0;
  double mean_exposure = 0;              // of a model that has seen none of them 1.44 is to be expected (1 / ln 2)
  size_t members = 0, held_out = 0;
  // Probability that the adapter makes a line it was tuned on likelier, against the base model, than one it was not (Mann-Whitney):
  // 50 tells nothing of who was a member. Percent; 0 without both kinds of lines.
  double auc = 0, auc_error = 0;         // standard error (Hanley and McNeil 1982)
};
// kInvalid names a canary whose secret its text does not hold; kLimit a line that is longer than the model's context.
Result<LeakageReport> probe_leakage(const LeakageOptions& options);

}  // namespace sillok::train
