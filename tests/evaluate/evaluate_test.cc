#include "evaluate/evaluate.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>

#include "evaluate/metrics.h"

namespace sillok::evaluate {
namespace {

TEST(Metrics, ExactAndF1) {
  EXPECT_TRUE(exact_match("The  Tower.", {"tower"}));
  EXPECT_TRUE(exact_match("2024년 3월 1일", {"2024년 3월 1일."}));
  EXPECT_FALSE(exact_match("tower one", {"tower"}));
  EXPECT_DOUBLE_EQ(f1("big tower", {"tower"}), 2 * 0.5 * 1 / 1.5);
  EXPECT_DOUBLE_EQ(f1("임수경이", {"임수경"}), 2 * 0.75 * 1 / 1.75);
  EXPECT_DOUBLE_EQ(f1("x", {}), 0);
  EXPECT_DOUBLE_EQ(f1("a", {"A"}), 1);
  EXPECT_TRUE(contains_answer("한도는  500만\n원이다", {"500만 원"}));
  EXPECT_FALSE(contains_answer("한도", {""}));
}

Outcome outcome(double confidence, bool answerable, bool right) {
  Outcome o;
  o.confidence = confidence;
  o.answerable = answerable;
  o.in_quotes = right;
  o.answered = true;
  return o;
}

TEST(Metrics, AurocAndThreshold) {
  EXPECT_DOUBLE_EQ(auroc({outcome(0.9, true, true), outcome(0.1, false, false)}), 1);
  EXPECT_DOUBLE_EQ(auroc({outcome(0.1, true, true), outcome(0.9, false, false)}), 0);
  EXPECT_DOUBLE_EQ(auroc({outcome(0.5, true, true), outcome(0.5, false, false)}), 0.5);
  EXPECT_TRUE(std::isnan(auroc({outcome(0.5, true, true)})));
  const auto threshold = choose_threshold(
      {outcome(0.9, true, true), outcome(0.7, true, true), outcome(0.3, false, false), outcome(0.2, false, false)});
  ASSERT_TRUE(threshold);
  EXPECT_GT(*threshold, 0.3);
  EXPECT_LT(*threshold, 0.7);
  EXPECT_FALSE(choose_threshold({outcome(0.9, true, true)}));
}

TEST(Metrics, RecallCountsEachGoldRecord) {
  Outcome one = outcome(0.5, true, true), two = outcome(0.5, true, false);
  one.ranks = {1};
  two.ranks = {3, 0};
  const Metrics m = summarise({&one, &two});
  EXPECT_DOUBLE_EQ(m.recall_at_1, 50);
  EXPECT_DOUBLE_EQ(m.recall_at_5, 75);
  EXPECT_NEAR(m.mrr_10, 100 * (1 + 1.0 / 3) / 2, 1e-9);
  EXPECT_DOUBLE_EQ(m.answer_rate, 50);
}

TEST(Metrics, WrittenAnswersAreMeasuredApart) {
  Outcome right = outcome(0.9, true, true), silent = outcome(0.8, true, true), rightly = outcome(0.2, false, false);
  right.ranks = {1, 2};
  right.writing = {.asked = true, .written = true, .holds = true, .exact = 0, .f1 = 0.5, .cites = 4, .cites_right = 3, .records_cited = 1, .sentences = 3, .supported = 2, .ms = 10, .text = "", .why = ""};
  silent.ranks = {1};
  silent.writing.asked = rightly.writing.asked = true;
  silent.writing.sentences = 1;
  const WritingMetrics w = summarise({&right, &silent, &rightly}).writing;
  EXPECT_EQ(w.questions, 3U);
  EXPECT_DOUBLE_EQ(w.written, 50);
  EXPECT_DOUBLE_EQ(w.answer_rate, 50);
  EXPECT_DOUBLE_EQ(w.f1, 25);
  EXPECT_DOUBLE_EQ(w.citation_precision, 75);
  EXPECT_DOUBLE_EQ(w.citation_recall, 50);
  EXPECT_DOUBLE_EQ(w.supported_sentences, 50);
  EXPECT_DOUBLE_EQ(w.abstention_precision, 50);
  EXPECT_DOUBLE_EQ(w.abstention_recall, 100);
  EXPECT_EQ(summarise({}).writing.questions, 0U);
}

TEST(Gold, NamesTheLineThatIsWrong) {
  const fs::path file = fs::temp_directory_path() / ("sillok_gold_" + std::to_string(::getpid()));
  ASSERT_TRUE(write_file_atomic(file, "{\"id\":\"a\",\"question\":\"q\",\"answers\":[\"x\"]}\n\n{\"question\":\"r\",\"as_of\":\"2024-03-01\",\"answerable\":false}\n"));
  const auto gold = load_gold(file);
  ASSERT_TRUE(gold);
  ASSERT_EQ(gold->size(), 2u);
  EXPECT_TRUE((*gold)[0].answerable);
  EXPECT_FALSE((*gold)[1].answerable);
  EXPECT_EQ((*gold)[1].id, "3");
  for (const char* bad : {"{\"question\":1}", "{", "{\"question\":\"q\",\"as_of\":\"soon\"}", "{\"question\":\"q\",\"answers\":\"x\"}", ""}) {
    ASSERT_TRUE(write_file_atomic(file, bad));
    EXPECT_FALSE(load_gold(file)) << bad;
  }
  ASSERT_TRUE(write_file_atomic(file, "{\"question\":\"q\"}\n{\"question\":\"\"}"));
  EXPECT_NE(load_gold(file).error().message.find("line 2"), std::string::npos);
  fs::remove(file);
}

}  // namespace
}  // namespace sillok::evaluate
