#include "train/encoder.h"

#include <gtest/gtest.h>

#include <cmath>

namespace sillok::train {
namespace {

EncoderOptions small() {
  EncoderOptions o;
  o.buckets = 4096, o.dimension = 32, o.batch = 8;
  return o;
}

// Questions and passages in two languages: passage i is asked for by a word that occurs nowhere in it.
struct Lessons {
  std::vector<Bag> passages;
  std::vector<Pair> pairs;
};
Lessons lessons() {
  Lessons l;
  for (uint32_t i = 0; i < 24; ++i) {
    l.passages.push_back(make_bag({100 + i, 200 + i, 300 + i % 3}, 4096));
    l.pairs.push_back({make_bag({1000 + i, 2000}, 4096), i, -1});
  }
  return l;
}

TEST(Encoder, LearnsThatDifferentWordsMeanTheSame) {
  const Lessons l = lessons();
  EncoderTrainer trainer(l.passages, small());
  const double before = trainer.pass(l.pairs).value();
  double after = before;
  for (int i = 0; i < 60; ++i) after = trainer.pass(l.pairs).value();
  EXPECT_GT(before, 1.0);
  EXPECT_LT(after, 0.1 * before);
}

TEST(Encoder, IsTheSameEachTimeAndAnotherWithAnotherSeed) {
  const Lessons l = lessons();
  EncoderOptions other = small();
  other.seed = 2;
  EncoderTrainer a(l.passages, small()), b(l.passages, small()), c(l.passages, other);
  for (EncoderTrainer* t : {&a, &b, &c}) t->pass(l.pairs), t->pass(l.pairs);
  EXPECT_EQ(a.table().rows, b.table().rows);
  EXPECT_EQ(a.table().scales, b.table().scales);
  EXPECT_NE(a.table().rows, c.table().rows);
}

TEST(Encoder, HardNegativesArePushedAway) {
  Lessons l = lessons();
  for (uint32_t i = 0; i < 24; ++i) l.pairs[i].hard_negative = (i + 3) % 24;
  EncoderTrainer trainer(l.passages, small());
  double loss = 0;
  for (int i = 0; i < 60; ++i) loss = trainer.pass(l.pairs).value();
  EXPECT_LT(loss, 0.5);
}

TEST(Encoder, BagsCountEachTermByTheLogarithmOfHowOften) {
  const Bag bag = make_bag({7, 9, 7, 7}, 4096);
  ASSERT_EQ(bag.buckets, (std::vector<uint32_t>{7, 9}));
  EXPECT_FLOAT_EQ(bag.weights[0], std::log1p(3.0f));
  EXPECT_FLOAT_EQ(bag.weights[1], std::log1p(1.0f));
  EXPECT_TRUE(make_bag({}, 4096).buckets.empty());
}

}  // namespace
}  // namespace sillok::train
