// Multiple choice: the three benchmarks' file shapes, and likelihoods against a plain computation over whole texts.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <numeric>

#include "../model/small_models.h"
#include "evaluate/evaluate.h"

namespace sillok::evaluate {
namespace {

class Choice : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("sillok-choice-" + std::to_string(getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  Result<std::vector<ChoiceQuestion>> load(std::string_view text) {
    std::ofstream(folder_ / "questions", std::ios::binary | std::ios::trunc) << text;
    return load_choices(folder_ / "questions");
  }
  fs::path folder_;
};

TEST_F(Choice, ReadsTheShapesOfTheThreeBenchmarks) {
  const auto csv = load("\xEF\xBB\xBFquestion,answer,A,B,C,D,Category\r\n\"볼트, 너트 중\n\"\"조이는\"\" 것은?\",2,너트,볼트,판,핀,Machine\r\n둘은?,4,1,3,4,2,Math\r\n");
  ASSERT_TRUE(csv.has_value()) << csv.error().message;
  ASSERT_EQ(csv->size(), 2u);
  EXPECT_EQ((*csv)[0].question, "볼트, 너트 중\n\"조이는\" 것은?");
  EXPECT_EQ((*csv)[0].choices, (std::vector<std::string>{"너트", "볼트", "판", "핀"}));
  EXPECT_EQ((*csv)[0].answer, 1u);
  EXPECT_EQ((*csv)[1].category, "Math");
  EXPECT_EQ((*csv)[1].answer, 3u);

  const auto array = load(R"([{"id":"x1","paragraph":"글","question":"무엇?","choices":["가","나","다"],"answer":"다"}])");
  ASSERT_TRUE(array.has_value()) << array.error().message;
  EXPECT_EQ((*array)[0].context, "글");
  EXPECT_EQ((*array)[0].answer, 2u);

  const auto lines = load("{\"query\":\"뜻은?\\n(A) 'a' (B) b\",\"options\":\"['it\\\\'s', \\\"b\\\"]\",\"answer\":\"(B)\"}\n\n{\"query\":\"q\",\"options\":[\"x\",\"y\"],\"answer\":1}\n");
  ASSERT_TRUE(lines.has_value()) << lines.error().message;
  EXPECT_EQ((*lines)[0].choices, (std::vector<std::string>{"it's", "b"}));
  EXPECT_EQ((*lines)[0].answer, 1u);
  EXPECT_EQ((*lines)[1].answer, 0u);
}

TEST_F(Choice, NamesTheQuestionThatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "empty"},
      {"[1", "array"},
      {"[]", "no questions"},
      {"{\"question\":\"q\"}\nnot json", "line 2"},
      {"question,answer,A,B\nq,1,a", "row 2"},
      {"question,answer,A,B\n\"q,1,a,b", "never closed"},
      {R"([{"question":"q","choices":["a"],"answer":1}])", "question 1 has 1 choices"},
      {R"([{"question":"q","choices":["a","b"],"answer":3}])", "\"3\" is no choice"},
      {R"([{"question":"q","choices":["a","b"],"answer":0}])", "\"0\" is no choice"},
      {R"([{"question":"q","choices":["a","b"]}])", "\"\" is no choice"},
      {R"([{"choices":["a","b"],"answer":"a"}])", "no \"question\""},
  };
  for (const auto& [text, words] : cases) {
    const auto loaded = load(text);
    ASSERT_FALSE(loaded.has_value()) << text;
    EXPECT_NE(loaded.error().message.find(words), std::string::npos) << loaded.error().message;
    EXPECT_NE(loaded.error().message.find("questions"), std::string::npos) << loaded.error().message;
  }
}

// Log-probability of text[from..] by one pass over the whole text.
double plain_score(model::Model& model, tensor::Backend& backend, const std::string& prompt, const std::string& rest) {
  const auto& tokenizer = model.tokenizer();
  const auto all = tokenizer.encode(prompt + rest, {.special = true, .parse_special = false});
  const auto start = tokenizer.encode(prompt, {.special = true, .parse_special = false});
  size_t first = 0;
  while (first < start.size() && start[first] == all[first]) ++first;
  std::vector<uint32_t> pages((all.size() + tensor::kPageTokens - 1) / tensor::kPageTokens);
  std::iota(pages.begin(), pages.end(), 0U);
  const auto store = *backend.make_kv(model.kv_shape(tensor::Type::kF16, static_cast<uint32_t>(pages.size())));
  model::Batch batch;
  batch.tables.push_back(pages);
  for (size_t i = 0; i < all.size(); ++i) batch.rows.push_back({all[i], static_cast<uint32_t>(i), 0, 0, true});
  const auto logits = *model.forward(batch, *store, model::Model::Output::kLogits);
  const size_t vocabulary = model.hyperparameters().vocabulary;
  double sum = 0;
  for (size_t i = first; i < all.size(); ++i) {
    const float* row = logits.data() + (i - 1) * vocabulary;
    double whole = 0;
    for (size_t v = 0; v < vocabulary; ++v) whole += std::exp(static_cast<double>(row[v]));
    sum += static_cast<double>(row[all[i]]) - std::log(whole);
  }
  return sum;
}

TEST_F(Choice, TakesTheLikeliestContinuation) {
  const fs::path file = folder_ / "llama.gguf";
  ASSERT_TRUE(model::write_small_model(model::small_model("llama"), file).has_value());
  const auto backend = *tensor::make_cpu_backend({.threads = 2, .isa = std::nullopt});
  const auto model = *model::Model::open(file, *backend);
  std::vector<ChoiceQuestion> questions;
  for (int i = 0; i < 6; ++i) {
    ChoiceQuestion q;
    q.id = std::to_string(i);
    q.category = i < 3 ? "a" : "b";
    q.question = "which one is " + std::to_string(i) + "?";
    q.choices = {"the first", "second choice here", "3", "another"};
    q.answer = static_cast<size_t>(i % 4);
    questions.push_back(std::move(q));
  }
  for (const auto scoring : {ChoiceScoring::kLetter, ChoiceScoring::kText}) {
    const auto report = run_choices(*model, *backend, questions, scoring, {});
    ASSERT_TRUE(report.has_value()) << report.error().message;
    size_t right = 0;
    for (size_t i = 0; i < questions.size(); ++i) {
      const auto& q = questions[i];
      std::string prompt = q.question + "\n";
      if (scoring == ChoiceScoring::kLetter) prompt += "A. the first\nB. second choice here\nC. 3\nD. another\n";
      prompt += "Answer:";
      std::vector<double> scores;
      for (size_t c = 0; c < 4; ++c) {
        const std::string rest = scoring == ChoiceScoring::kLetter ? " " + std::string(1, static_cast<char>('A' + c)) : " " + q.choices[c];
        const double score = plain_score(*model, *backend, prompt, rest);
        scores.push_back(scoring == ChoiceScoring::kText ? score / static_cast<double>(q.choices[c].size()) : score);
      }
      const auto best = static_cast<size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
      EXPECT_EQ(report->outcomes[i].given, best);
      std::sort(scores.rbegin(), scores.rend());
      EXPECT_NEAR(report->outcomes[i].margin, scores[0] - scores[1], 1e-3);
      right += best == q.answer ? 1 : 0;
    }
    EXPECT_NEAR(report->accuracy.mean, 100.0 * static_cast<double>(right) / 6, 1e-9);
    EXPECT_EQ(report->by_category.size(), 2u);
  }
  questions[2].context = std::string(20000, 'x');
  const auto long_one = run_choices(*model, *backend, questions, ChoiceScoring::kLetter, {});
  ASSERT_FALSE(long_one.has_value());
  EXPECT_EQ(long_one.error().code, ErrorCode::kLimit);
  EXPECT_NE(long_one.error().message.find("question 2"), std::string::npos) << long_one.error().message;
}

}  // namespace
}  // namespace sillok::evaluate
