#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "engine/engine.h"

namespace sillok::engine {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

Token choose(Sampling options, std::vector<float> logits, uint64_t index = 0, std::vector<Token> history = {},
             std::vector<uint64_t> allowed = {}) {
  return Sampler(std::move(options)).choose(logits, history, index, allowed);
}

// How often each token is drawn.
std::vector<double> shares(const Sampling& options, const std::vector<float>& logits, uint64_t draws) {
  std::vector<double> counts(logits.size());
  for (uint64_t i = 0; i < draws; ++i) counts[static_cast<size_t>(choose(options, logits, i))] += 1;
  for (double& c : counts) c /= static_cast<double>(draws);
  return counts;
}

std::vector<double> softmax(const std::vector<float>& logits, double temperature) {
  std::vector<double> p;
  double total = 0;
  for (const float l : logits) total += p.emplace_back(std::exp(l / temperature));
  for (double& x : p) x /= total;
  return p;
}

// Pearson's statistic against exact probabilities; `free` tokens less one are its degrees of freedom.
double chi_square(const std::vector<double>& seen, const std::vector<double>& exact, double draws) {
  double sum = 0;
  for (size_t i = 0; i < seen.size(); ++i) {
    if (exact[i] == 0) EXPECT_EQ(seen[i], 0) << i;
    else sum += draws * (seen[i] - exact[i]) * (seen[i] - exact[i]) / exact[i];
  }
  return sum;
}

TEST(Sampling, GreedyTakesTheGreatestAndTheLowerOfEquals) {
  EXPECT_EQ(choose({}, {1, 3, 2, 3}), 1);
  EXPECT_EQ(choose({}, {5, 5, 5}), 0);
  EXPECT_EQ(choose({}, {1, 9, 2, 3}, 0, {}, {0b1101}), 3);
}

TEST(Sampling, NansAndInfinitiesAreSafe) {
  EXPECT_EQ(choose({}, {kNan, 1, kNan, 2}), 3);
  EXPECT_EQ(choose({}, {1, kInfinity, 2}), 1);
  EXPECT_EQ(choose({}, {kNan, kNan, kNan}, 0, {}, {0b100}), 2);
  EXPECT_EQ(choose({}, {-kInfinity, -kInfinity}), 0);
  Sampling warm;
  warm.temperature = 1;
  warm.top_p = 0.9F;
  for (uint64_t i = 0; i < 200; ++i) {
    EXPECT_EQ(choose(warm, {kNan, kInfinity, 2, kNan}, i), 1);
    EXPECT_NE(choose(warm, {kNan, 1, 1, -kInfinity}, i) % 3, 0);
    EXPECT_EQ(choose(warm, {kNan, kNan}, i, {}, {0b10}), 1);
  }
}

TEST(Sampling, ADrawDependsOnSeedAndIndexAlone) {
  Sampling o;
  o.temperature = 1;
  o.seed = 42;
  const std::vector<float> logits(1000, 0.0F);
  Sampler reused(o);
  std::vector<Token> first;
  for (uint64_t i = 0; i < 100; ++i) first.push_back(choose(o, logits, i));
  for (uint64_t i = 100; i-- > 0;) {
    std::vector<float> copy = logits;
    EXPECT_EQ(reused.choose(copy, {}, i, {}), first[i]);
  }
  Sampling other = o;
  other.seed = 43;
  size_t same = 0;
  for (uint64_t i = 0; i < 100; ++i) same += choose(other, logits, i) == first[i] ? 1 : 0;
  EXPECT_LT(same, 5U);
  // Philox4x32-10 of key 0 and counter 0 begins 6627e8d5 e169c58d (Random123's known answers): the same everywhere.
  Sampling zero;
  zero.temperature = 1;
  const auto expected = static_cast<Token>(static_cast<double>(0xe169c58d6627e8d5ULL >> 11) * 0x1p-53 * 1000);
  EXPECT_EQ(choose(zero, logits, 0), expected);
}

TEST(Sampling, DrawsFollowTheExactProbabilities) {
  const std::vector<float> logits = {2, 1, 0, -1, 1.5F, 0.2F, -3, 1};
  constexpr uint64_t kDraws = 40'000;
  for (const float temperature : {0.5F, 1.0F, 2.0F}) {
    Sampling o;
    o.temperature = temperature;
    o.seed = 5;
    // 99.9 % of samples of 7 degrees of freedom lie below 24.3.
    EXPECT_LT(chi_square(shares(o, logits, kDraws), softmax(logits, temperature), kDraws), 24.3) << temperature;
  }
}

// Keeps those that `kept` names and gives what they have together the whole.
std::vector<double> exact_of(const std::vector<float>& logits, double temperature, const std::vector<bool>& kept) {
  std::vector<double> p = softmax(logits, temperature);
  double total = 0;
  for (size_t i = 0; i < p.size(); ++i) total += kept[i] ? p[i] : 0;
  for (size_t i = 0; i < p.size(); ++i) p[i] = kept[i] ? p[i] / total : 0;
  return p;
}

TEST(Sampling, CutsKeepWhatTheyShould) {
  const std::vector<float> logits = {2, 1, 0, -1, 1.5F, 0.2F, -3, 1};  // probabilities .37 .14 .05 .02 .22 .06 .003 .14
  constexpr uint64_t kDraws = 20'000;
  Sampling o;
  o.temperature = 1.5F;
  o.seed = 9;
  Sampling k = o;
  k.top_k = 3;  // 0, 4, and of the equals 1 and 7 the lower
  EXPECT_LT(chi_square(shares(k, logits, kDraws), exact_of(logits, 1.5, {1, 1, 0, 0, 1, 0, 0, 0}), kDraws), 13.9);
  Sampling p = o;
  p.top_p = 0.55F;  // .37 + .22 = .59 at temperature 1, before it is raised
  EXPECT_LT(chi_square(shares(p, logits, kDraws), exact_of(logits, 1.5, {1, 0, 0, 0, 1, 0, 0, 0}), kDraws), 10.9);
  Sampling m = o;
  m.min_p = 0.3F;  // e^-1 = .37 stays, e^-1.8 = .17 goes
  EXPECT_LT(chi_square(shares(m, logits, kDraws), exact_of(logits, 1.5, {1, 1, 0, 0, 1, 0, 0, 1}), kDraws), 16.3);
  Sampling all = o;
  all.top_k = 1;
  EXPECT_EQ(choose(all, logits, 3), 0);
  all.top_k = 0;
  all.top_p = 0;
  EXPECT_EQ(choose(all, logits, 3), 0);
}

TEST(Sampling, TopPOverALargeVocabularyIsTheSameAsSortingAll) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, 3);
  std::vector<float> logits(5'000);
  for (float& l : logits) l = normal(random);
  const std::vector<double> p = softmax(logits, 1);
  std::vector<size_t> order(p.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return p[a] > p[b]; });
  for (const float top_p : {0.1F, 0.5F, 0.95F}) {
    std::vector<bool> kept(p.size());
    double sum = 0;
    for (size_t i = 0; sum < static_cast<double>(top_p); ++i) {
      kept[order[i]] = true;
      sum += p[order[i]];
    }
    Sampling o;
    o.temperature = 1;
    o.top_p = top_p;
    for (uint64_t i = 0; i < 300; ++i) EXPECT_TRUE(kept[static_cast<size_t>(choose(o, logits, i))]);
  }
}

TEST(Sampling, PenaltiesChangeLogitsAsDocumented) {
  const auto after = [](const Sampling& o, std::vector<float> logits, const std::vector<Token>& history) {
    Sampler(o).choose(logits, history, 0, {});
    return logits;
  };
  Sampling r;
  r.repeat_penalty = 2;
  EXPECT_EQ(after(r, {4, -4, 4, -4}, {0, 1, 99, -1}), (std::vector<float>{2, -8, 4, -4}));
  r.repeat_window = 1;
  EXPECT_EQ(after(r, {4, 4}, {0, 1}), (std::vector<float>{4, 2}));
  Sampling f;
  f.presence_penalty = 1;
  f.frequency_penalty = 0.5F;
  EXPECT_EQ(after(f, {4, 4, 4}, {0, 0, 1}), (std::vector<float>{2, 2.5F, 4}));
  Sampling bias;
  bias.logit_bias = {{1, 10}, {0, -kInfinity}, {77, 5}};
  EXPECT_EQ(after(bias, {4, 4, 4}, {}), (std::vector<float>{-kInfinity, 14, 4}));
  EXPECT_EQ(choose(bias, {4, 4, 4}), 1);
}

TEST(Sampling, DryMarksDownWhatWouldGoOnARepetition) {
  Sampling o;
  o.dry_multiplier = 1;
  o.dry_base = 2;
  const auto after = [&](const std::vector<Token>& history) {
    std::vector<float> logits(8, 0.0F);
    Sampler(o).choose(logits, history, 0, {});
    return logits;
  };
  // 1 2 3 4 ... 1 2 3: 4 would make a repetition of three one of four: 1 * 2^(3 - 2).
  EXPECT_EQ(after({1, 2, 3, 4, 5, 1, 2, 3}), (std::vector<float>{0, 0, 0, 0, -2, 0, 0, 0}));
  EXPECT_EQ(after({1, 2, 4, 5, 1, 2}), (std::vector<float>{0, 0, 0, 0, -1, 0, 0, 0}));
  EXPECT_EQ(after({2, 4, 5, 1, 2}), std::vector<float>(8, 0.0F));  // shorter than the allowed length
  o.dry_breakers = {2};
  EXPECT_EQ(after({1, 2, 3, 4, 5, 1, 2, 3}), std::vector<float>(8, 0.0F));
  o.dry_breakers = {};
  const std::vector<Token> same(5'000, 1);
  EXPECT_TRUE(std::isfinite(after(same)[1]));
}

TEST(Sampling, LogProbabilitiesAreExact) {
  const std::vector<float> logits = {1, 3, 2, kNan, 3, -kInfinity};
  const auto chances = log_probabilities(logits, 2, 3);
  ASSERT_EQ(chances.size(), 4U);
  EXPECT_EQ(chances[0].token, 2);
  EXPECT_EQ(chances[1].token, 1);
  EXPECT_EQ(chances[2].token, 4);
  EXPECT_EQ(chances[3].token, 2);
  const double total = std::exp(1.0) + 2 * std::exp(3.0) + std::exp(2.0);
  EXPECT_NEAR(chances[0].log_probability, std::log(std::exp(2.0) / total), 1e-6);
  EXPECT_NEAR(chances[1].log_probability, std::log(std::exp(3.0) / total), 1e-6);
  EXPECT_EQ(log_probabilities(logits, 3, 0)[0].log_probability, -kInfinity);
  EXPECT_EQ(log_probabilities(logits, 1, 100).size(), 7U);
}

}  // namespace
}  // namespace sillok::engine
