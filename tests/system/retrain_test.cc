// Retraining inside `sillok refresh`: by policy, only live if the answer rate holds, within its budget.
#include "program.h"

namespace sillok::system_test {
namespace {

class RetrainTest : public SystemTest {
 protected:
  // Sixty records; every other one is asked for in English, which none of them has: a retriever learns that from the questions. One is in use,
  // trained with another seed than refresh trains with, and in force.
  void SetUp() override {
    SystemTest::SetUp();
    add_records(0, 60);
    keep_gold(60, false);
    ASSERT_EQ(json({"refresh", "--once"})["release"]["promoted"], true);
    ASSERT_EQ(json({"train", "retriever", "--gold", (home() / "gold.jsonl").string(), "--seed", "2"})["adopted"], true);
    const Json round = json({"refresh", "--once"});
    ASSERT_EQ(round["release"]["promoted"], true) << round;
    ASSERT_EQ(round["retrained"], false) << round;
    in_force_ = current();
    before_ = *read_file(retriever());
  }
  void add_records(size_t from, size_t to) {
    std::string lines;
    for (size_t i = from; i < to; ++i) {
      const std::string part = kParts[i % 6], deed = kDeeds[i / 6 % 5];
      lines += Json{{"id", name(i)}, {"title", part + " " + deed + " 절차서 " + std::to_string(i)}, {"label", "O"},
                    {"text", where(i) + "의 " + part + "는 " + std::to_string(i + 2) + "개월마다 " + deed + "한다. 담당자는 설비 일지에 " + deed +
                                 " 결과를 적고 서명한 뒤 관리 부서에 알린다."}}.dump() + "\n";
    }
    json({"add", write("records" + std::to_string(from) + ".jsonl", lines).string()});
  }
  // `wrong`: with answers that no record holds, to half of the questions.
  void keep_gold(size_t count, bool wrong) {
    std::string lines;
    for (size_t i = 0; i < count; ++i) {
      const std::string question = i % 2 == 0 ? where(i) + " " + kParts[i % 6] + " " + kDeeds[i / 6 % 5] + " 주기는 몇 개월인가?"
                                              : std::string(kPartsAsked[i % 6]) + " " + kDeedsAsked[i / 6 % 5] + " interval at plant " + (i < 30 ? "one" : "two");
      const std::string answer = wrong && i % 4 == 0 ? "없는 답" : std::to_string(i + 2) + "개월";
      lines += Json{{"id", name(i)}, {"question", question}, {"answers", {answer}}, {"records", {name(i)}}, {"category", "g" + std::to_string(i / 2 % 10)}}.dump() + "\n";
    }
    ASSERT_TRUE(write_file_atomic(home() / "gold.jsonl", lines));
  }
  void set(const std::string& name, const std::string& value) {
    std::string toml = *read_file(home() / "sillok.toml");
    const size_t at = toml.find("\n" + name + " = ");
    ASSERT_NE(at, toml.npos) << name;
    toml.replace(at + 1, toml.find('\n', at + 1) - at - 1, name + " = " + value);
    ASSERT_TRUE(write_file_atomic(home() / "sillok.toml", toml));
  }
  // Another file with the same bytes: the release's own is a link to the first.
  void make_old() {
    ASSERT_TRUE(write_file_atomic(retriever(), before_));
    fs::last_write_time(retriever(), fs::file_time_type::clock::now() - std::chrono::hours(24 * 40 + 1));
  }
  void nothing_changed() {
    EXPECT_EQ(*read_file(retriever()), before_);
    EXPECT_EQ(current(), in_force_);
    EXPECT_EQ(run({"doctor"}).status, 0);
  }
  Json runs() {
    Json own = Json::array();
    const Json all = json({"train", "runs"});
    for (const Json& each : all["runs"]) {
      if (each["kind"] == "retriever") own.push_back(each);
    }
    return own;
  }
  std::string current() { return json({"release", "list"})["current"]; }
  fs::path retriever() const { return home() / "models" / "retriever.sillok"; }
  static std::string name(size_t i) { return "R" + std::to_string(100 + i); }
  static std::string where(size_t i) { return i < 30 ? "제1공장" : "제2공장"; }

  static constexpr const char* kParts[] = {"밸브", "펌프", "베어링", "게이지", "필터", "모터"};
  static constexpr const char* kDeeds[] = {"교정", "교체", "점검", "세척", "윤활"};
  static constexpr const char* kPartsAsked[] = {"valve", "pump", "bearing", "gauge", "filter", "motor"};
  static constexpr const char* kDeedsAsked[] = {"calibration", "replacement", "inspection", "cleaning", "lubrication"};
  std::string in_force_, before_;
};

TEST_F(RetrainTest, ByAgeAndByVolumeTheNewOneGoesLiveIfItHolds) {
  make_old();
  const Json aged = json({"refresh", "--once"});
  EXPECT_EQ(aged["retrained"], true) << aged;
  EXPECT_EQ(aged["retrained_because"], "it is 40 days old");
  EXPECT_EQ(aged["release"]["promoted"], true) << aged;
  EXPECT_NE(*read_file(retriever()), before_);
  const std::string second = current();
  EXPECT_NE(second, in_force_);
  const Json diff = json({"release", "diff", in_force_, second});
  EXPECT_EQ(diff["changed"][0]["setting"], "artefacts.retriever") << diff;
  // Once is enough.
  EXPECT_EQ(json({"refresh", "--once"})["release"]["status"], "unchanged");
  EXPECT_EQ(runs().size(), 2u);

  add_records(60, 80);
  const Json grown = json({"refresh", "--once"});
  EXPECT_EQ(grown["retrained_because"], "25 percent of the records are newer") << grown;
  EXPECT_EQ(grown["release"]["promoted"], true) << grown;
  EXPECT_EQ(json({"refresh", "--once"})["release"]["status"], "unchanged");
  EXPECT_EQ(runs().size(), 3u);
}

TEST_F(RetrainTest, ByDriftAndTakenBackWhereTheAnswerRateDoesNotHold) {
  keep_gold(60, true);
  const Json round = json({"refresh", "--once"});
  EXPECT_EQ(round["retrained"], true) << round;
  EXPECT_NE(round["retrained_because"].get<std::string>().find("the answer rate fell by "), std::string::npos) << round;
  EXPECT_EQ(round["release"]["status"], "refused") << round;
  EXPECT_EQ(round["refused"][0]["bound"], "answer_rate");
  EXPECT_NE(round["notes"].dump().find("the release in force, " + in_force_ + ", stays"), std::string::npos) << round["notes"];
  nothing_changed();
  // No training can help as long as the records are the same.
  EXPECT_EQ(json({"refresh", "--once"})["retrained"], false);
  EXPECT_EQ(runs().size(), 2u);
}

TEST_F(RetrainTest, OverItsBudgetItIsNotBegunOrEndsAndNothingStays) {
  make_old();
  set("budget_minutes", "0.001");
  const Json slow = json({"refresh", "--once"});
  EXPECT_EQ(slow["retrained"], false) << slow;
  EXPECT_NE(slow["not_retrained_because"].get<std::string>().find("it is 40 days old, but it would take about "), std::string::npos) << slow;
  EXPECT_NE(slow["not_retrained_because"].get<std::string>().find(" minutes, and budget_minutes allows 0.001"), std::string::npos) << slow;
  EXPECT_EQ(slow["release"]["status"], "unchanged");
  set("budget_minutes", "30");
  set("budget_wh", "0.000001");
  const Json hungry = json({"refresh", "--once"});
  EXPECT_NE(hungry["not_retrained_because"].get<std::string>().find(" Wh, and budget_wh allows 1e-06"), std::string::npos) << hungry;
  EXPECT_EQ(runs().size(), 1u) << "not begun";
  EXPECT_FALSE(fs::exists(home() / "releases" / "training.json"));
  nothing_changed();

  // The last one was cheaper than this one is: it begins, and ends.
  for (const auto& [setting, value, words] : {std::tuple{"budget_minutes", "0.0001", " minutes: its budget allows 0.0001"}, {"budget_wh", "0.000001", " Wh: its budget allows 1e-06"}}) {
    set("budget_minutes", "30");
    set("budget_wh", "50");
    set(setting, value);
    ASSERT_TRUE(write_file_atomic(home() / "releases" / "training.json", R"({"seconds":0,"watt_hours":0})"));
    const Json ended = json({"refresh", "--once"});
    EXPECT_EQ(ended["retrained"], false) << ended;
    EXPECT_NE(ended["not_retrained_because"].get<std::string>().find("it is 40 days old, but the training was ended after "), std::string::npos) << ended;
    EXPECT_NE(ended["not_retrained_because"].get<std::string>().find(words), std::string::npos) << ended;
    EXPECT_EQ(ended["release"]["status"], "unchanged");
    EXPECT_EQ(runs()[0]["state"], "failed");
    EXPECT_EQ(runs()[0]["error"].get<std::string>().find("the training was ended after "), 0u);
    nothing_changed();
  }
  // What it took is known now.
  EXPECT_GT(Json::parse(*read_file(home() / "releases" / "training.json"))["seconds"].get<double>(), 0);
}

TEST_F(RetrainTest, FewGoldQuestionsAreNoReasonToFail) {
  keep_gold(6, false);
  make_old();
  const Json round = json({"refresh", "--once"});
  EXPECT_EQ(round["retrained_because"], "it is 40 days old") << round;
  EXPECT_EQ(round["questions"], 6);
}

TEST_F(RetrainTest, ARetrieverIsOnTheListOfRuns) {
  const Json list = runs();
  ASSERT_EQ(list.size(), 1u);
  const Json& one = list[0];
  EXPECT_EQ(one["state"], "finished");
  EXPECT_EQ(one["step"], one["steps"]);
  EXPECT_GT(one["steps"], 60 * 2 + 60 * 5);
  EXPECT_GT(one["loss"], 0);
  EXPECT_GT(one["tokens_per_s"], 0);
  EXPECT_GT(one["joules"], 0);
  EXPECT_EQ(one["label"], "O");
  EXPECT_EQ(one["out"], retriever().string());
  EXPECT_FALSE(fs::exists(home() / "models" / "run"));
  const Json whole = json({"train", "runs", one["id"].get<std::string>()});
  EXPECT_FALSE(whole["curve"].empty());
  const Ran text = run({"train", "runs"});
  EXPECT_NE(text.out.find("retriever on home"), std::string::npos) << text.out;
}

}  // namespace
}  // namespace sillok::system_test
