#include "train/rerank.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace sillok::train {
namespace {

float uniform(std::mt19937& random) { return static_cast<float>(random() % 2001) / 1000.0f - 1; }

RankedQuestion random_question(std::mt19937& random, size_t candidates, size_t features) {
  RankedQuestion q;
  for (size_t i = 0; i < candidates; ++i) {
    std::vector<float> row(features);
    for (float& v : row) v = uniform(random);
    q.features.push_back(std::move(row));
    q.base.push_back(uniform(random));
    q.right.push_back(i == 1 || i == 4);
  }
  return q;
}

TEST(Rerank, GradientAgreesWithFiniteDifferences) {
  constexpr size_t kFeatures = 7, kHidden = 5;
  std::mt19937 random(1);
  search::RerankNetwork n;
  n.hidden = kHidden;
  n.share = 1;
  for (size_t f = 0; f < kFeatures; ++f) n.mean.push_back(0.1f), n.deviation.push_back(0.7f), n.linear.push_back(uniform(random));
  for (size_t i = 0; i < kFeatures * kHidden; ++i) n.inner.push_back(uniform(random));
  for (size_t h = 0; h < kHidden; ++h) n.bias.push_back(uniform(random)), n.outer.push_back(uniform(random));
  const RankedQuestion q = random_question(random, 9, kFeatures);
  std::vector<float> gradient;
  loss_and_gradient(n, q, 3.0, &gradient);
  size_t at = 0;
  for (std::vector<float>* values : {&n.linear, &n.inner, &n.bias, &n.outer}) {
    for (float& value : *values) {
      const float kept = value, step = 1e-3f;
      value = kept + step;
      const double above = loss_and_gradient(n, q, 3.0, nullptr);
      value = kept - step;
      const double below = loss_and_gradient(n, q, 3.0, nullptr);
      value = kept;
      EXPECT_NEAR(static_cast<double>(gradient[at]), (above - below) / (2 * static_cast<double>(step)), 5e-3) << at;
      ++at;
    }
  }
  EXPECT_EQ(at, gradient.size());
}

TEST(Rerank, LossOfHopelessQuestionsIsFinite) {
  std::mt19937 random(2);
  RankedQuestion q = random_question(random, 6, 3);
  q.base = {100, -100, 100, 100, -100, 100};
  search::RerankNetwork n{1, {0, 0, 0}, {1, 1, 1}, {0, 0, 0}, {0, 0, 0}, {0}, {0}, 1};
  std::vector<float> gradient;
  EXPECT_TRUE(std::isfinite(loss_and_gradient(n, q, 20, &gradient)));
  for (float g : gradient) EXPECT_TRUE(std::isfinite(g));
}

// The right candidate is the one with the larger first feature, whatever its base score says.
TEST(Rerank, LearnsWhatTheBaseScoreDoesNotKnowAndIsTheSameEachTime) {
  std::mt19937 random(3);
  std::vector<RankedQuestion> questions;
  for (int i = 0; i < 300; ++i) {
    RankedQuestion q = random_question(random, 8, 4);
    size_t best = 0;
    for (size_t c = 0; c < q.features.size(); ++c) {
      q.base[c] *= 0.01f;
      if (q.features[c][0] > q.features[best][0]) best = c;
    }
    for (size_t c = 0; c < q.right.size(); ++c) q.right[c] = c == best;
    questions.push_back(std::move(q));
  }
  std::vector<const RankedQuestion*> learned;
  for (int i = 0; i < 200; ++i) learned.push_back(&questions[static_cast<size_t>(i)]);
  const search::RerankNetwork n = train_network(learned, {});
  const search::RerankNetwork again = train_network(learned, {});
  EXPECT_EQ(n.inner, again.inner);
  EXPECT_EQ(n.outer, again.outer);
  int right = 0;
  for (size_t i = 200; i < questions.size(); ++i) {
    const RankedQuestion& q = questions[i];
    size_t first = 0;
    float most = -1e9f;
    for (size_t c = 0; c < q.features.size(); ++c) {
      const float score = q.base[c] + network_gain(n, q.features[c]);
      if (score > most) most = score, first = c;
    }
    right += q.right[first] ? 1 : 0;
  }
  EXPECT_GT(right, 75);  // of 100; by chance one in eight
}

TEST(Rerank, NothingToLearnFromGivesNoNetwork) {
  RankedQuestion q;
  q.features = {{1, 2}}, q.base = {1}, q.right = {true};
  EXPECT_EQ(train_network({&q}, {}).hidden, 0u);
  EXPECT_EQ(network_gain(train_network({}, {}), {}), 0);
}

}  // namespace
}  // namespace sillok::train
