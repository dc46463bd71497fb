// Schedules, 8-bit state, saving and restoring.
#include "train/optimiser.h"
#include "training_models.h"

namespace sillok::train {
namespace {

TEST(ScheduleTest, WarmsUpAndFalls) {
  ScheduleSettings s{.kind = Schedule::kCosine, .rate = 1, .warmup_steps = 4, .final_share = 0.1, .decay_share = 0.2};
  EXPECT_DOUBLE_EQ(learning_rate_at(s, 0, 100), 0.2);
  EXPECT_DOUBLE_EQ(learning_rate_at(s, 4, 100), 1);
  EXPECT_NEAR(learning_rate_at(s, 52, 100), 0.55, 1e-12);
  EXPECT_NEAR(learning_rate_at(s, 100, 100), 0.1, 1e-12);
  s.kind = Schedule::kWarmupStableDecay;
  EXPECT_DOUBLE_EQ(learning_rate_at(s, 50, 100), 1);
  EXPECT_NEAR(learning_rate_at(s, 90, 100), 0.55, 1e-12);
  s.kind = Schedule::kConstant;
  EXPECT_DOUBLE_EQ(learning_rate_at(s, 99, 100), 1);
}

TEST(EightBitStateTest, RoundsToNeighboursAndIsRightOnAverage) {
  for (const float share : {1.0F, 0.5F, 0.03F, -0.7F, -1e-3F}) {
    double sum = 0;
    constexpr int kDraws = 4000;
    for (int i = 0; i < kDraws; ++i) {
      const float got = decode_moment(encode_moment(share, (static_cast<float>(i) + 0.5F) / kDraws));
      EXPECT_NEAR(got, share, 0.08 * std::abs(share));
      sum += static_cast<double>(got);
    }
    EXPECT_NEAR(sum / kDraws, share, 1e-4 * std::abs(share));
  }
  for (const float share : {1.0F, 0.2F, 1e-6F}) EXPECT_NEAR(decode_square(encode_square(share, 0.5F)), share, 0.09 * share);
  EXPECT_EQ(decode_moment(encode_moment(0, 0.9F)), 0);
  EXPECT_EQ(decode_square(encode_square(0, 0.9F)), 0);
}

Optimiser::Parameters one_parameter(size_t size) {
  Optimiser::Parameters all;
  all.push_back(std::make_unique<Parameter<float>>());
  all[0]->columns = size;
  all[0]->value = random_values<float>(size, 1);
  all[0]->gradient.resize(size);
  return all;
}

// Gradient of sum c (w - goal)^2 / 2 with c from 0.001 to 1: both must come near the goal.
double distance_after(bool eight_bit) {
  Optimiser::Parameters all = one_parameter(600);
  const std::vector<float> goal = random_values<float>(600, 2);
  OptimiserSettings settings;
  settings.beta2 = 0.99;
  settings.eight_bit_state = eight_bit;
  Workers workers(2);
  Optimiser optimiser(all, settings, workers);
  for (int step = 0; step < 400; ++step) {
    for (size_t i = 0; i < 600; ++i) {
      all[0]->gradient[i] = static_cast<float>(std::pow(10, -3.0 * static_cast<double>(i) / 600)) * (all[0]->value[i] - goal[i]);
    }
    optimiser.step(0.02 * (1 - step / 400.0), 1);
  }
  double sum = 0;
  for (size_t i = 0; i < 600; ++i) sum += std::pow(static_cast<double>(all[0]->value[i] - goal[i]), 2);
  return std::sqrt(sum / 600);
}

TEST(EightBitStateTest, ReachesTheGoalAsFloatsDo) {
  EXPECT_LT(distance_after(false), 0.01);
  EXPECT_LT(distance_after(true), 0.02);
}

TEST(EightBitStateTest, TakesAQuarter) {
  Optimiser::Parameters all = one_parameter(1 << 16);
  Workers workers(1);
  OptimiserSettings settings;
  const size_t floats = Optimiser(all, settings, workers).state_bytes();
  settings.eight_bit_state = true;
  EXPECT_LT(Optimiser(all, settings, workers).state_bytes(), 0.27 * static_cast<double>(floats));
}

TEST(OptimiserTest, GoesOnFromItsBytesBitForBit) {
  for (const bool eight_bit : {false, true}) {
    OptimiserSettings settings;
    settings.eight_bit_state = eight_bit;
    settings.weight_decay = 0.1;
    Workers one(1), two(2);
    const auto run = [&](Optimiser& optimiser, Optimiser::Parameters& all, uint64_t from, uint64_t to) {
      for (uint64_t step = from; step < to; ++step) {
        fill(all[0]->gradient, step);
        optimiser.step(0.01, 0.5);
      }
    };
    Optimiser::Parameters whole = one_parameter(40000), parts = one_parameter(40000);
    Optimiser uninterrupted(whole, settings, one), first(parts, settings, two);
    run(uninterrupted, whole, 0, 6);
    run(first, parts, 0, 3);
    std::string bytes;
    ASSERT_TRUE(first.save([&bytes](std::string_view piece) -> Status {
      bytes += piece;
      return {};
    }));
    Optimiser second(parts, settings, two);
    ASSERT_TRUE(second.restore(bytes));
    run(second, parts, 3, 6);
    EXPECT_EQ(whole[0]->value, parts[0]->value);
    EXPECT_FALSE(second.restore(bytes.substr(1)));
    EXPECT_FALSE(second.restore(bytes + "x"));
  }
}

}  // namespace
}  // namespace sillok::train
