// Choosing the next token. The order is the one most engines use:
//   logit bias -> repetition, presence and frequency penalties -> DRY -> allowed tokens -> (greedy: the greatest) ->
//   top-k -> top-p -> min-p -> temperature -> draw.
// So the cuts look at the model's own distribution (after penalties), and temperature flattens only what they left.
//
// The draw of token i is one number of Philox4x32-10 with the seed as key and i as counter (Salmon et al., "Parallel
// random numbers: as easy as 1, 2, 3", SC 2011): integer arithmetic only, the same on every machine, and independent of
// what was drawn before.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <unordered_map>

#include "engine/engine.h"

namespace sillok::engine {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();
// A DRY match longer than this counts as this long: base^length must stay finite.
constexpr size_t kMaxDryMatch = 50;

// Uniform in [0, 1): the top 53 bits of two words of the block.
double uniform(uint64_t seed, uint64_t index) {
  uint32_t counter[4] = {static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32), 0, 0};
  uint32_t key[2] = {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)};
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53} * counter[0], b = uint64_t{0xCD9E8D57} * counter[2];
    const uint32_t next[4] = {static_cast<uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(b),
                              static_cast<uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(a)};
    std::copy(next, next + 4, counter);
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  const uint64_t bits = uint64_t{counter[1]} << 32 | counter[0];
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

bool in_range(Token token, size_t size) { return token >= 0 && static_cast<size_t>(token) < size; }

// l > 0: l / repeat, l < 0: l * repeat (Keskar et al., CTRL); then l - presence - frequency * count (OpenAI's form).
void penalise_repeats(std::span<float> logits, std::span<const Token> history, const Sampling& o) {
  if (o.repeat_penalty == 1 && o.presence_penalty == 0 && o.frequency_penalty == 0) return;
  const size_t window = std::min<size_t>(o.repeat_window, history.size());
  std::unordered_map<Token, uint32_t> counts;
  for (const Token token : history.last(window)) ++counts[token];
  for (const auto& [token, count] : counts) {
    if (!in_range(token, logits.size())) continue;
    float& l = logits[static_cast<size_t>(token)];
    if (o.repeat_penalty != 1) l = l > 0 ? l / o.repeat_penalty : l * o.repeat_penalty;
    l -= o.presence_penalty + o.frequency_penalty * static_cast<float>(count);
  }
}

// DRY ("don't repeat yourself"): a token that would extend a repetition of the last n tokens to n + 1 loses
// multiplier * base^(n - allowed_length), for n >= allowed_length. z[i]: how many tokens before position i are the same
// as the last ones of the text; the Z algorithm over the reversed text finds all in linear time.
void penalise_sequences(std::span<float> logits, std::span<const Token> history, const Sampling& o) {
  if (o.dry_multiplier <= 0 || history.size() < 2) return;
  const size_t n = history.size();
  const auto back = [&](size_t i) { return history[n - 1 - i]; };
  size_t unbroken = 0;  // a match within the last tokens stops at a breaker
  while (unbroken < n && std::find(o.dry_breakers.begin(), o.dry_breakers.end(), back(unbroken)) == o.dry_breakers.end()) {
    ++unbroken;
  }
  std::vector<size_t> z(n, 0);
  std::unordered_map<Token, size_t> longest;
  for (size_t i = 1, left = 0, right = 0; i < n; ++i) {
    if (i < right) z[i] = std::min(right - i, z[i - left]);
    while (i + z[i] < n && back(i + z[i]) == back(z[i])) ++z[i];
    if (i + z[i] > right) {
      left = i;
      right = i + z[i];
    }
    const size_t length = std::min(z[i], unbroken);
    if (length == 0 || length < o.dry_allowed_length) continue;
    size_t& known = longest[back(i - 1)];  // what followed those tokens then
    known = std::max(known, length);
  }
  for (const auto& [token, length] : longest) {
    if (!in_range(token, logits.size())) continue;
    const size_t beyond = std::min(length, kMaxDryMatch) - std::min<size_t>(o.dry_allowed_length, kMaxDryMatch);
    logits[static_cast<size_t>(token)] -= o.dry_multiplier * std::pow(o.dry_base, static_cast<float>(beyond));
  }
}

// NaN means that the model says nothing: never. Infinity becomes the greatest number, so that differences stay numbers.
void tidy(std::span<float> logits, std::span<const uint64_t> allowed) {
  for (size_t i = 0; i < logits.size(); ++i) {
    float& l = logits[i];
    const bool may = allowed.empty() || (allowed[i / 64] >> (i % 64) & 1) != 0;
    if (!may || std::isnan(l)) l = kNever;
    else if (l == std::numeric_limits<float>::infinity()) l = std::numeric_limits<float>::max();
  }
}

Token greatest(std::span<const float> logits) {
  return static_cast<Token>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

Token first_allowed(std::span<const uint64_t> allowed) {
  for (size_t word = 0; word < allowed.size(); ++word) {
    if (allowed[word] != 0) return static_cast<Token>(word * 64 + static_cast<size_t>(__builtin_ctzll(allowed[word])));
  }
  return 0;
}

struct Candidate {
  Token token;
  float logit;
};
bool likelier(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.token < b.token;
}

// The first of `all` in order of likelihood, as many as asked for, sorted: others stay as they are.
void sort_first(std::vector<Candidate>& all, size_t count) {
  count = std::min(count, all.size());
  if (count < all.size()) {
    std::nth_element(all.begin(), all.begin() + static_cast<ptrdiff_t>(count), all.end(), likelier);
  }
  std::sort(all.begin(), all.begin() + static_cast<ptrdiff_t>(count), likelier);
}

// Keeps the fewest likeliest whose probabilities reach top_p. Sorts ever more of them until enough are.
void cut_top_p(std::vector<Candidate>& all, bool sorted, float top_p) {
  if (top_p >= 1) return;
  const float top = std::max_element(all.begin(), all.end(), [](const auto& a, const auto& b) { return likelier(b, a); })->logit;
  double total = 0;
  for (const Candidate& c : all) total += std::exp(static_cast<double>(c.logit) - top);
  const double wanted = static_cast<double>(top_p) * total;
  size_t ready = sorted ? all.size() : 0, kept = 0;
  for (double sum = 0; kept < all.size(); ++kept) {
    if (kept == ready) {
      ready = std::min(all.size(), std::max<size_t>(ready * 4, 64));
      sort_first(all, ready);
    }
    if (sum >= wanted && kept > 0) break;
    sum += std::exp(static_cast<double>(all[kept].logit) - top);
  }
  all.resize(kept);
}

}  // namespace

Sampler::Sampler(Sampling options) : options_(std::move(options)) {}

Token Sampler::choose(std::span<float> logits, std::span<const Token> history, uint64_t index,
                      std::span<const uint64_t> allowed) {
  const Sampling& o = options_;
  for (const auto& [token, bias] : o.logit_bias) {
    if (in_range(token, logits.size())) logits[static_cast<size_t>(token)] += bias;
  }
  penalise_repeats(logits, history, o);
  penalise_sequences(logits, history, o);
  tidy(logits, allowed);
  const Token best = greatest(logits);
  const float top = logits[static_cast<size_t>(best)];
  if (top == kNever) return first_allowed(allowed);  // The model excludes all that may come.
  if (!(o.temperature > 0)) return best;

  std::vector<Candidate> all;
  all.reserve(logits.size());
  for (size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] != kNever) all.push_back({static_cast<Token>(i), logits[i]});
  }
  const bool cut_k = o.top_k > 0 && o.top_k < all.size();
  if (cut_k) {
    sort_first(all, o.top_k);
    all.resize(o.top_k);
  }
  cut_top_p(all, cut_k, o.top_p);
  if (o.min_p > 0) {
    const double least = static_cast<double>(top) + std::log(static_cast<double>(std::min(o.min_p, 1.0F)));
    std::erase_if(all, [least](const Candidate& c) { return static_cast<double>(c.logit) < least; });
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.token < b.token; });

  const auto weight = [&](const Candidate& c) {
    return std::exp((static_cast<double>(c.logit) - top) / static_cast<double>(o.temperature));
  };
  double total = 0;
  for (const Candidate& c : all) total += weight(c);
  const double target = uniform(o.seed, index) * total;
  double sum = 0;
  for (const Candidate& c : all) {
    sum += weight(c);
    if (target < sum) return c.token;
  }
  return best;  // Rounding took the last sum below the target.
}

std::vector<TokenChance> log_probabilities(std::span<const float> logits, Token token, size_t count) {
  std::vector<Candidate> all(logits.size());
  float top = kNever;
  for (size_t i = 0; i < logits.size(); ++i) {
    float l = std::isnan(logits[i]) ? kNever : logits[i];
    l = std::min(l, std::numeric_limits<float>::max());
    all[i] = {static_cast<Token>(i), l};
    top = std::max(top, l);
  }
  double total = 0;
  for (const Candidate& c : all) {
    if (c.logit != kNever) total += std::exp(static_cast<double>(c.logit) - top);
  }
  const auto chance = [&](const Candidate& c) {
    if (c.logit == kNever) return TokenChance{c.token, kNever};
    return TokenChance{c.token, static_cast<float>(static_cast<double>(c.logit) - top - std::log(total))};
  };
  std::vector<TokenChance> out;
  if (in_range(token, all.size())) out.push_back(chance(all[static_cast<size_t>(token)]));
  count = std::min(count, all.size());
  sort_first(all, count);
  for (size_t i = 0; i < count; ++i) out.push_back(chance(all[i]));
  return out;
}

}  // namespace sillok::engine
