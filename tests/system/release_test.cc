// Releases and refresh as an operator and a service use them: through the program, with records that change and with
// processes that are killed.
#include <chrono>
#include <thread>

#include "schema.h"
#include "serving.h"

namespace sillok::system_test {
namespace {

class ReleaseFlow : public ServingTest {
 protected:
  void SetUp() override {
    ServingTest::SetUp();
    write("rules/leave.txt", "휴가 규정\n연차 휴가는 15일이다.\n경조 휴가는 5일이다.\n");
    write("rules/money.txt", "경비 규정\n출장 식비 한도는 하루 3만원이다.\n숙박비 한도는 하루 9만원이다.\n");
    write("rules/valve.txt", "밸브 점검 규정\n안전 밸브 점검 주기는 6개월이다.\n담당자는 김하늘이다.\n");
    json({"add", (files() / "rules").string()});
    add_others();
    gold("gold.jsonl", {});
  }
  // The gold questions, some with another answer.
  fs::path gold(const std::string& name, const std::map<std::string, std::string>& other) {
    const std::tuple<const char*, const char*, const char*, const char*> all[] = {
        {"leave", "연차 휴가는 며칠인가?", "15일", "leave.txt"},       {"family", "경조 휴가는 며칠인가?", "5일", "leave.txt"},
        {"meal", "출장 식비 한도는 하루 얼마인가?", "3만원", "money.txt"}, {"bed", "숙박비 한도는 하루 얼마인가?", "9만원", "money.txt"},
        {"valve", "안전 밸브 점검 주기는?", "6개월", "valve.txt"},      {"who", "밸브 점검 담당자는 누구인가?", "김하늘", "valve.txt"}};
    std::string lines;
    for (const auto& [id, question, answer, record] : all) {
      const auto found = other.find(id);
      lines += Json{{"id", id}, {"question", question}, {"answers", {found == other.end() ? answer : found->second}}, {"records", {record}}}.dump() + "\n";
    }
    lines += Json{{"id", "none"}, {"question", "구내 이발소의 이발 요금은 얼마인가?"}, {"answerable", false}}.dump() + "\n";
    const fs::path path = home() / name;
    std::ofstream(path, std::ios::binary) << lines;
    return path;
  }
  std::string propose() { return json({"release", "propose"})["id"]; }
  Json evaluate(const std::string& id) { return json({"release", "evaluate", id, "--gold", (home() / "gold.jsonl").string()}); }
  void set_threshold(double threshold) {
    std::ofstream(home() / "answer.json") << Json{{"threshold", threshold}}.dump();
  }
  std::string current() { return json({"release", "list"})["current"].is_null() ? "" : json({"release", "list"})["current"].get<std::string>(); }
};

TEST_F(ReleaseFlow, GoesLiveOnlyIfTheAnswerRateHolds) {
  const std::string first = propose();
  const Ran unmeasured = run({"release", "promote", first, "--json"});
  EXPECT_EQ(unmeasured.status, 1);
  EXPECT_EQ(unmeasured.json()["refused"][0]["bound"], "report");
  EXPECT_GT(evaluate(first)["answer_rate"].get<double>(), 80);
  EXPECT_EQ(json({"release", "promote", first})["promoted"], true);

  // A threshold that refuses everything: the home says so, but nobody is answered with it.
  set_threshold(1.1);
  EXPECT_EQ(json({"ask", "연차 휴가는 며칠인가?"})["answerable"], true);
  const std::string second = propose();
  evaluate(second);
  const Ran refused = run({"release", "promote", second, "--json"});
  EXPECT_EQ(refused.status, 1);
  const Json why = refused.json();
  EXPECT_EQ(why["promoted"], false);
  EXPECT_EQ(why["refused"][0]["bound"], "answer_rate");
  EXPECT_NE(refused.err.find("answer_rate falls from"), std::string::npos) << refused.err;
  EXPECT_EQ(current(), first);
  const Json diff = json({"release", "diff", first, second});
  EXPECT_EQ(diff["changed"][0]["setting"], "threshold");
  EXPECT_GT(diff["comparison"]["regressed"].size(), 3u);

  // Two people may want it all the same; one may not.
  give_input("a long enough secret\n");
  json({"user", "add", "kim", "--role", "administrator", "--password-stdin"});
  give_input("a long enough secret\n");
  json({"user", "add", "lee", "--role", "administrator", "--password-stdin"});
  give_input("a long enough secret\n");
  json({"user", "add", "park", "--role", "member", "--password-stdin"});
  EXPECT_EQ(run({"release", "promote", second, "--force", "--as", "park"}).status, 1);
  EXPECT_EQ(run({"release", "promote", second, "--force", "--as", "kim"}).status, 1);
  EXPECT_EQ(run({"release", "promote", second, "--force", "--reason", "a trial", "--as", "kim"}).status, 1);
  EXPECT_EQ(run({"release", "promote", second, "--force", "--reason", "a trial", "--as", "kim"}).status, 1);
  EXPECT_EQ(current(), first);
  const Json forced = json({"release", "promote", second, "--force", "--as", "lee"});
  EXPECT_EQ(forced["promoted"], true);
  EXPECT_EQ(forced["forced_by"], "kim");
  EXPECT_EQ(json({"ask", "연차 휴가는 며칠인가?"})["answerable"], false);

  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(json({"release", "rollback"})["current"], first);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
  EXPECT_EQ(json({"ask", "연차 휴가는 며칠인가?"})["answerable"], true);
  EXPECT_EQ(run({"release", "rollback"}).status, 1);
  std::vector<std::string> acts;
  const Json entries = json({"audit", "show", "--kind", "release"})["entries"];
  for (const Json& entry : entries) acts.push_back(entry["details"]["act"]);
  EXPECT_EQ(acts, (std::vector<std::string>{"rollback", "promote", "force", "refused", "evaluate", "propose", "promote", "evaluate", "refused", "propose"}));
  EXPECT_EQ(json({"audit", "verify"})["ok"], true);
}

TEST_F(ReleaseFlow, ARunningServerTakesItOnTheNextRequest) {
  const std::string first = propose();
  evaluate(first);
  json({"release", "promote", first});
  serve();
  HttpClient c = administrator();
  const auto answerable = [&] { return c.post("/api/ask", {{"question", "연차 휴가는 며칠인가?"}}).json()["answerable"].get<bool>(); };
  EXPECT_TRUE(answerable());
  set_threshold(1.1);
  const std::string second = propose();
  evaluate(second);
  EXPECT_EQ(run({"release", "promote", second, "--force", "--reason", "a trial", "--as", "admin"}).status, 1);
  json({"release", "promote", second, "--force"});
  EXPECT_FALSE(answerable());
  json({"release", "rollback"});
  EXPECT_TRUE(answerable());
  // What does not hold is not answered with.
  const fs::path file = home() / "releases" / first / "release.json";
  const std::string text = read_file(file).value();
  std::string changed = text;
  changed.replace(changed.find("\"threshold\":0"), 13, "\"threshold\":1");
  std::ofstream(file) << changed;
  const HttpReply still = c.post("/api/ask", {{"question", "연차 휴가는 며칠인가?"}});
  EXPECT_EQ(still.status, 200);  // what was taken up before goes on
  const Ran broken = run({"ask", "연차 휴가는 며칠인가?"});
  EXPECT_EQ(broken.status, 1);
  EXPECT_NE(broken.err.find("does not hold"), std::string::npos) << broken.err;
}

TEST_F(ReleaseFlow, IsLookedAtOverTheApiAndByTheDoctor) {
  serve();
  const HttpClient admin = administrator();
  const Json document = client().get("/api/openapi.json").json();
  const SchemaChecker checker(document);
  const auto get = [&](const HttpClient& c, const std::string& path, const char* schema) {
    const HttpReply reply = c.get(path);
    EXPECT_EQ(reply.status, 200) << path << reply.body;
    EXPECT_EQ(checker.check(document["components"]["schemas"][schema], reply.json()), "") << path;
    return reply.json();
  };
  EXPECT_TRUE(get(admin, "/api/releases", "ReleaseList")["current"].is_null());
  EXPECT_TRUE(json({"doctor"})["release"].is_null());
  const std::string first = propose();
  EXPECT_EQ(get(admin, "/api/releases/" + first, "Release")["refusals"][0]["bound"], "report");
  evaluate(first);
  json({"release", "promote", first});
  set_threshold(1.1);
  const std::string second = propose();
  evaluate(second);
  EXPECT_EQ(run({"release", "promote", second, "--force", "--reason", "a trial", "--as", "admin"}).status, 1);
  const std::string hidden = json({"release", "propose", "--label", "C"})["id"];

  const Json list = get(admin, "/api/releases", "ReleaseList");
  EXPECT_EQ(list["current"], first);
  ASSERT_EQ(list["releases"].size(), 3U);
  EXPECT_EQ(list["releases"][0]["id"], hidden);  // newest first
  EXPECT_EQ(list["releases"][1]["status"], "evaluated");
  EXPECT_EQ(list["releases"][2]["status"], "current");
  EXPECT_GT(list["releases"][2]["answer_rate"], 80);
  const Json weaker = get(admin, "/api/releases/" + second, "Release");
  EXPECT_EQ(weaker["against"]["id"], first);
  EXPECT_EQ(weaker["against"]["changed"][0]["setting"], "threshold");
  EXPECT_EQ(weaker["against"]["comparison"]["figures"][0]["figure"], "answer_rate");
  EXPECT_GT(weaker["against"]["comparison"]["figures"][0]["worse"], 3);
  EXPECT_EQ(weaker["refusals"][0]["bound"], "answer_rate");
  EXPECT_EQ(weaker["refusals"][0]["forceable"], true);
  EXPECT_EQ(weaker["wish"]["person"], "admin");
  EXPECT_EQ(weaker["wish"]["reason"], "a trial");
  const Json live = get(admin, "/api/releases/" + first, "Release");
  EXPECT_TRUE(live["refusals"].is_null());
  EXPECT_GT(live["figures"]["answer_rate"], 80);
  EXPECT_EQ(json({"doctor"})["release"], first);

  // A lower clearance: no release above it, and no figure that was measured on records it does not see.
  const HttpClient low = person("low", "O", "administrator", {"models"});
  EXPECT_EQ(get(low, "/api/releases", "ReleaseList")["releases"].size(), 2U);
  EXPECT_EQ(low.get("/api/releases/" + hidden).body, low.get("/api/releases/r9999-00000000").body);
  EXPECT_GT(get(low, "/api/releases/" + second, "Release")["answer_rate_95"].size(), 0U);  // it sees all records there are
  json({"add", write("secret.txt", "비밀 문서\n금고 번호는 바꾸었다.\n").string(), "--label", "S"});
  const Json less = get(low, "/api/releases/" + second, "Release");
  EXPECT_EQ(less["measured"], true);
  for (const char* figure : {"answer_rate", "questions", "figures", "refusals"}) EXPECT_TRUE(less[figure].is_null()) << figure;
  EXPECT_TRUE(less["against"]["comparison"].is_null());
  EXPECT_EQ(person("clerk", "C").get("/api/releases").status, 403);

  const fs::path file = home() / "releases" / first / "release.json";
  const std::string text = read_file(file).value();
  std::ofstream(file) << text.substr(0, text.size() / 2);
  const Json broken = get(admin, "/api/releases/" + first, "Release");
  EXPECT_EQ(broken["status"], "current");
  EXPECT_EQ(broken["sound"], false);
  EXPECT_NE(broken["problem"].get<std::string>().find("is damaged"), std::string::npos);
  const Ran doctor = run({"doctor", "--json"});
  EXPECT_EQ(doctor.status, 1);
  EXPECT_NE(doctor.json()["problems"].dump().find("the release in force"), std::string::npos) << doctor.out;
}

TEST_F(ReleaseFlow, AKillLeavesTheOldOrTheNewOne) {
  const std::string first = propose(), second = propose();
  evaluate(first);
  evaluate(second);
  json({"release", "promote", first});
  for (int i = 0; i < 40; ++i) {
    const std::string before = current(), other = before == first ? second : first;
    const pid_t child = start({"release", "promote", other});
    std::this_thread::sleep_for(std::chrono::microseconds(500 * i));
    ::kill(child, SIGKILL);
    wait(child);
    const std::string now = current();
    ASSERT_TRUE(now == before || now == other) << now;
    ASSERT_EQ(json({"ask", "연차 휴가는 며칠인가?"})["answerable"], true);
  }
}

TEST_F(ReleaseFlow, RefreshAddsMarksAndReleases) {
  const Json start = json({"refresh", "--once"});
  EXPECT_EQ(start["release"]["promoted"], true) << start;
  EXPECT_GT(start["answer_rate"].get<double>(), 80);
  EXPECT_EQ(start["energy"].get<std::string>().empty(), false);
  EXPECT_EQ(json({"refresh", "--once"})["release"]["status"], "unchanged");
  EXPECT_EQ(json({"release", "list"})["releases"].size(), 1u);

  write("rules/money.txt", "경비 규정\n출장 식비 한도는 하루 4만5천원이다.\n숙박비 한도는 하루 9만원이다.\n");
  write("rules/new.txt", "주차 규정\n방문 차량은 2시간까지 무료다.\n");
  const Json round = json({"refresh", "--once"});
  EXPECT_EQ(round["added"], 1);
  EXPECT_EQ(round["updated"], 1);
  ASSERT_EQ(round["superseded"].size(), 1u) << round;
  EXPECT_EQ(round["superseded"][0]["id"], "meal");
  EXPECT_EQ(round["superseded"][0]["proposed"], "4만5천원");
  EXPECT_EQ(round["release"]["promoted"], true) << round;
  EXPECT_LT(round["answer_rate_superseded_missed"].get<double>(), round["answer_rate"].get<double>());
  EXPECT_NE(read_file(home() / "gold.jsonl")->find("3만원"), std::string::npos);  // a person decides
  EXPECT_EQ(json({"refresh", "--pending"})["superseded"].size(), 1u);
  refused({"refresh", "--accept", "bed"}, 1, "no gold question 'bed' waits");
  EXPECT_EQ(json({"refresh", "--accept", "meal"})["state"], "accepted");
  const Json after = json({"refresh", "--once"});
  EXPECT_EQ(after["superseded"].size(), 0u) << after;
  EXPECT_EQ(after["questions"], 7);
  EXPECT_EQ(after["release"]["promoted"], true) << after;
  EXPECT_NE(read_file(home() / "gold.jsonl")->find("4만5천원"), std::string::npos);
  // What rounds replace is not what one goes back to.
  EXPECT_EQ(run({"release", "rollback"}).status, 1);

  // A record that no longer says it: nothing to propose, and a person may leave the question as it is.
  write("rules/valve.txt", "밸브 점검 규정\n안전 밸브 점검 주기는 6개월이다.\n");
  EXPECT_EQ(json({"refresh", "--once"})["superseded"][0]["id"], "who");
  json({"refresh", "--reject", "who"});
  EXPECT_EQ(json({"refresh", "--once"})["superseded"].size(), 0u);
}

TEST_F(ReleaseFlow, RefreshDoesNotPromoteWhatFalls) {
  json({"refresh", "--once"});
  const std::string first = current();
  set_threshold(1.1);
  const Json round = json({"refresh", "--once"});
  EXPECT_EQ(round["release"]["status"], "refused") << round;
  EXPECT_EQ(round["refused"][0]["bound"], "answer_rate");
  EXPECT_EQ(current(), first);
  refused({"refresh", "--once", "--gold", "/nowhere/gold.jsonl"}, 1, "there is no file of gold questions");
}

TEST_F(ReleaseFlow, RefreshKilledAnywhereIsFinishedByTheNext) {
  json({"refresh", "--once"});
  for (int i = 0; i < 12; ++i) {
    write("rules/money.txt", "경비 규정\n출장 식비 한도는 하루 " + std::to_string(10 * (i + 1)) + "만원이다.\n숙박비 한도는 하루 9만원이다.\n");
    const pid_t child = start({"refresh", "--once"});
    std::this_thread::sleep_for(std::chrono::milliseconds(25 * i));
    ::kill(child, SIGKILL);
    wait(child);
    const Json round = json({"refresh", "--once"});
    ASSERT_EQ(round["superseded"].size(), 1u) << round;
    ASSERT_EQ(round["superseded"][0]["proposed"], std::to_string(10 * (i + 1)) + "만원");
    ASSERT_TRUE(round["release"]["promoted"] == true || round["release"]["status"] == "unchanged") << round;
  }
  EXPECT_EQ(json({"audit", "verify"})["ok"], true);
}

TEST_F(ReleaseFlow, WatchingFollowsTheSourcesUntilItIsStopped) {
  json({"refresh", "--once"});
  const fs::path out = folder() / "watch.out";
  const pid_t child = start({"refresh", "--watch", "--every", "1", "--json"}, out);
  const auto says = [&](const std::string& words) {
    for (int i = 0; i < 300; ++i) {
      if (read_file(out).value_or("").find(words) != std::string::npos) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return false;
  };
  EXPECT_TRUE(says("\"unchanged\""));
  write("rules/leave.txt", "휴가 규정\n연차 휴가는 16일이다.\n경조 휴가는 5일이다.\n");
  EXPECT_TRUE(says("\"proposed\": \"16일\"")) << read_file(out).value_or("");
  ::kill(child, SIGTERM);
  EXPECT_EQ(wait(child), 0);
}

}  // namespace
}  // namespace sillok::system_test
