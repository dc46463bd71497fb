// Whether "better" means better: statistics against figures computed by hand, and two reports compared.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "evaluate/statistics.h"

namespace sillok::evaluate {
namespace {

TEST(Statistics, McNemarIsTheExactBinomial) {
  EXPECT_DOUBLE_EQ(mcnemar(0, 0), 1);
  EXPECT_DOUBLE_EQ(mcnemar(3, 3), 1);
  EXPECT_NEAR(mcnemar(0, 5), 2.0 / 32, 1e-12);
  EXPECT_NEAR(mcnemar(1, 9), 2 * (1.0 + 10.0) / 1024, 1e-12);
  EXPECT_NEAR(mcnemar(9, 1), mcnemar(1, 9), 1e-15);
  EXPECT_LT(mcnemar(400, 600), 1e-9);  // coefficients far past a double's range
  EXPECT_GT(mcnemar(400, 600), 0);
}

TEST(Statistics, BootstrapIntervalHoldsTheMeanAndNarrows) {
  std::vector<double> few, many;
  for (int i = 0; i < 20; ++i) few.push_back(i % 4 == 0 ? 0 : 100);
  for (int i = 0; i < 2000; ++i) many.push_back(i % 4 == 0 ? 0 : 100);
  const Interval a = bootstrap_mean(few), b = bootstrap_mean(many);
  EXPECT_DOUBLE_EQ(a.mean, 75);
  // The normal interval of 2000 draws is 75 +- 1.96 * sqrt(0.75 * 0.25 / 2000).
  EXPECT_NEAR(b.low, 75 - 1.9, 0.3);
  EXPECT_NEAR(b.high, 75 + 1.9, 0.3);
  EXPECT_LT(a.low, b.low);
  EXPECT_GT(a.high, b.high);
  EXPECT_DOUBLE_EQ(bootstrap_mean(few).low, a.low);  // the same draws each time
  EXPECT_DOUBLE_EQ(bootstrap_mean({}).high, 0);
}

TEST(Statistics, WilsonIntervalOfAShare) {
  const Interval all = share(2, 2), half = share(50, 100);
  EXPECT_DOUBLE_EQ(all.mean, 100);
  EXPECT_NEAR(all.low, 100 * 2 / (2 + 3.8414588), 1e-3);  // n / (n + z^2)
  EXPECT_NEAR(all.high, 100, 1e-9);
  EXPECT_NEAR(half.low, 40.383, 1e-3);
  EXPECT_NEAR(half.high, 59.617, 1e-3);
  EXPECT_DOUBLE_EQ(share(0, 0).high, 0);
}

class Compare : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("sillok-compare-" + std::to_string(getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  // `count` answerable questions, right where right(i).
  template <typename Right>
  fs::path report(const std::string& name, int count, const Right& right, uint32_t version = 1, double threshold = 0.2) {
    Report report;
    report.threshold = threshold;
    for (int i = 0; i < count; ++i) {
      Outcome o;
      o.id = "q" + std::to_string(i);
      o.question = "question " + std::to_string(i);
      o.category = i % 2 == 0 ? "even" : "odd";
      o.answered = true;
      o.in_quotes = o.in_first = right(i);
      o.ranks = {right(i) ? size_t{1} : size_t{3}};
      o.given_at = {"R" + std::to_string(i), version, "1"};
      report.outcomes.push_back(std::move(o));
    }
    const fs::path path = folder_ / name;
    std::ofstream(path) << to_json(report, Outcomes::kPlaces);
    return path;
  }
  fs::path folder_;
};

TEST_F(Compare, AFewMoreRightAnswersAreNoProof) {
  const auto before = report("a.json", 100, [](int i) { return i >= 20; });
  const auto after = report("b.json", 100, [](int i) { return i >= 17; });
  const auto comparison = compare(before, after);
  ASSERT_TRUE(comparison.has_value()) << comparison.error().message;
  EXPECT_EQ(comparison->verdict, Verdict::kNoDifference);
  EXPECT_EQ(comparison->improved.size(), 3u);
  EXPECT_TRUE(comparison->regressed.empty());
  const Difference& rate = comparison->figures.front();
  EXPECT_EQ(rate.figure, "answer_rate");
  EXPECT_NEAR(rate.before, 80, 1e-9);
  EXPECT_NEAR(rate.after, 83, 1e-9);
  EXPECT_NEAR(rate.p, 0.25, 1e-9);
}

TEST_F(Compare, ManyLostAnswersAreWorseAndListedWithTheirCause) {
  const auto before = report("a.json", 100, [](int i) { return i >= 10; });
  const auto after = report("b.json", 100, [](int i) { return i >= 24; }, 2, 0.4);
  const auto comparison = compare(before, after);
  ASSERT_TRUE(comparison.has_value());
  EXPECT_EQ(comparison->verdict, Verdict::kWorse);
  ASSERT_EQ(comparison->regressed.size(), 14u);
  EXPECT_EQ(comparison->regressed[0].id, "q10");
  EXPECT_EQ(comparison->regressed[0].cause, "the record has a new version");
  EXPECT_LT(comparison->figures.front().change.high, 0);
  ASSERT_EQ(comparison->settings.size(), 1u);
  EXPECT_EQ(comparison->settings[0], "threshold: 0.2 -> 0.4");
  EXPECT_EQ(comparison->by_category.size(), 2u);
}

TEST_F(Compare, QuestionsOfOneReportAloneAreCountedAndLeftOut) {
  const auto before = report("a.json", 10, [](int) { return true; });
  const auto after = report("b.json", 12, [](int) { return true; });
  const auto comparison = compare(before, after);
  ASSERT_TRUE(comparison.has_value());
  EXPECT_EQ(comparison->questions, 10u);
  EXPECT_EQ(comparison->only_after, 2u);
  EXPECT_EQ(comparison->only_before, 0u);
}

TEST_F(Compare, RefusesWhatIsNoReport) {
  const auto good = report("a.json", 3, [](int) { return true; });
  const fs::path bad = folder_ / "bad.json";
  for (const char* text : {"", "[]", "{}", "{\"outcomes\":[{}]}", "{\"outcomes\":7}", "{\"outcomes\":[]}"}) {
    std::ofstream(bad, std::ios::trunc) << text;
    const auto comparison = compare(good, bad);
    ASSERT_FALSE(comparison.has_value()) << text;
    EXPECT_EQ(comparison.error().code, ErrorCode::kInvalid) << text;
    EXPECT_NE(comparison.error().message.find("bad.json"), std::string::npos) << comparison.error().message;
  }
  EXPECT_EQ(compare(good, folder_ / "none.json").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace sillok::evaluate
