// Training runs over the API: followed while they go on, interrupted by a kill, hidden with the label of what they learn from.
#include "serving.h"

namespace sillok::system_test {
namespace {

class TrainingTest : public ServingTest {
 protected:
  void SetUp() override {
    ServingTest::SetUp();
    fs::create_directories(home() / "models");
    const std::string command = fs::path(SILLOK_PROGRAM).parent_path() / "make_models";
    ASSERT_EQ(std::system((command + " '" + (home() / "models").string() + "' llama > /dev/null").c_str()), 0);
  }
  std::vector<std::string> tune(const std::string& data, const std::string& out, const std::string& steps) const {
    return {"tune", "-m", "llama", "--data", data, "--out", (folder() / out).string(), "--steps", steps, "--context", "127", "--rank", "4"};
  }
  // Waits until `holds` of the reply.
  static Json eventually(const HttpClient& c, const std::string& path, const std::function<bool(const Json&)>& holds) {
    Json last;
    for (int i = 0; i < 600; ++i) {
      last = c.get(path).json();
      if (holds(last)) return last;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    ADD_FAILURE() << path << " stays " << last.dump().substr(0, 1000);
    return last;
  }
};

TEST_F(TrainingTest, ARunIsFollowedWhileItGoesOnAndInterruptedByAKill) {
  const std::string data = write("data.jsonl", "{\"text\":\"one two three four five six\"}\n").string();
  serve();
  const HttpClient admin = administrator();
  EXPECT_EQ(admin.get("/api/training").json()["runs"].size(), 0U);
  const pid_t child = start(tune(data, "adapter", "1000000"));
  const Json first = eventually(admin, "/api/training", [](const Json& j) { return j["runs"].size() == 1 && j["runs"][0]["step"] > 0; })["runs"][0];
  EXPECT_EQ(first["state"], "running");
  EXPECT_EQ(first["steps"], 1000000);
  EXPECT_EQ(first["base"], "llama.gguf");
  EXPECT_GT(first["tokens_per_s"], 0);
  EXPECT_GT(first["seconds_left"], 0);
  EXPECT_GT(first["joules"], 0);
  const std::string path = "/api/training/" + first["id"].get<std::string>();
  const Json later = eventually(admin, path, [&](const Json& j) { return j["step"] > first["step"]; });
  EXPECT_EQ(later["state"], "running");
  EXPECT_EQ(later["curve"].back()["step"], later["step"]);
  EXPECT_LE(later["curve"].size(), 500U);
  ::kill(child, SIGKILL);
  wait(child);
  const Json killed = admin.get(path).json();
  EXPECT_EQ(killed["state"], "interrupted");
  EXPECT_TRUE(killed["seconds_left"].is_null());
  EXPECT_EQ(admin.get("/api/training/t20000101-000000-0000").status, 404);
  EXPECT_EQ(admin.get("/api/training/..%2F..%2Fgovern").status, 404);
  EXPECT_EQ(person("clerk", "C").get("/api/training").status, 403);  // this key has no scope `models`
}

TEST_F(TrainingTest, WhoMaySeeTheModelsButNotTheLabelIsNotToldOfTheRun) {
  json({"add", write("rule.txt", "The seal of the pump is replaced every six months and the result is logged by the shift leader.\n").string(), "--record", "RULE", "--label", "S"});
  const fs::path secret = folder() / "secret";
  json({"train", "data", "--out", secret.string(), "--labels-up-to", "S", "--validation", "0", "--test", "0"});
  const std::string hidden = json(tune((secret / "train.jsonl").string(), "a", "2"))["run"];
  const std::string open = json(tune(write("data.jsonl", "{\"text\":\"one two\"}\n").string(), "b", "2"))["run"];
  serve();
  const HttpClient low = person("low", "O", "administrator", {"models"}), high = person("high", "S", "administrator", {"models"});
  EXPECT_EQ(high.get("/api/training").json()["runs"].size(), 2U);
  EXPECT_EQ(high.get("/api/training/" + hidden).json()["label"], "S");
  const Json runs = low.get("/api/training").json()["runs"];
  ASSERT_EQ(runs.size(), 1U);
  EXPECT_EQ(runs[0]["id"], open);
  EXPECT_EQ(low.get("/api/training/" + open).status, 200);
  // The same as of a run that is not there.
  EXPECT_EQ(low.get("/api/training/" + hidden).body, low.get("/api/training/t20000101-000000-0000").body);
  EXPECT_EQ(json({"train", "runs", "--as", "low"})["runs"].size(), 1U);
  refused({"train", "runs", hidden, "--as", "low"}, 1, "no training run");
}

}  // namespace
}  // namespace sillok::system_test
