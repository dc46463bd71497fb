// Proposed questions from the model to the lesson: sillok train propose, the API where a person decides, what it becomes.
#include "peer.h"
#include "serving.h"

namespace sillok::system_test {
namespace {

const std::string kValve = "제1공장의 밸브는 14개월마다 교정하며 담당자는 설비 일지에 그 결과를 적고 서명한 뒤 관리 부서에 알린다.";
const std::string kPump = "제2공장의 펌프는 27일마다 윤활하고 담당자는 윤활유의 양과 색을 점검표에 적어 설비 관리실에 낸다.";
const std::string kSafe = "비밀 금고의 열쇠는 금고지기 두 사람이 나누어 지니며 자물쇠는 33개월마다 새것으로 바꾸고 대장에 적는다.";

class ProposeTest : public ServingTest {
 protected:
  ProposeTest()
      : peer_([](const std::string& turn) {
          const auto pair = [](const char* question, const char* answer) { return Json{{"question", question}, {"answer", answer}}.dump(); };
          if (turn.find("밸브") != turn.npos) return pair("제1공장의 밸브는 몇 개월마다 교정합니까?", "14개월마다");
          if (turn.find("펌프") != turn.npos) return pair("제2공장의 펌프는 며칠마다 윤활합니까?", "27일마다");
          if (turn.find("금고") != turn.npos) return pair("비밀 금고의 자물쇠는 얼마 만에 새것으로 바꿉니까?", "33개월마다");
          return std::string("잘 모르겠습니다.");
        }) {}

  void prepare() {
    std::string lines;
    for (const auto& [id, text, label] : {std::tuple{"V", kValve, "O"}, {"P", kPump, "O"}, {"S", kSafe, "S"}}) lines += Json{{"id", id}, {"text", text}, {"label", label}}.dump() + "\n";
    for (int i = 0; i < 6; ++i) lines += Json{{"id", "W" + std::to_string(i)}, {"text", "구내식당은 " + std::to_string(i + 11) + "시에 문을 열며 식단은 주마다 게시판에 붙이고 불편한 점은 총무팀 담당자에게 적어 낸다."}}.dump() + "\n";
    json({"add", write("records.jsonl", lines).string()});
    std::string settings = read_file(home() / "sillok.toml").value_or("");
    const auto set = [&](const std::string& from, const std::string& to) {
      const size_t at = settings.find(from);
      ASSERT_NE(at, settings.npos);
      settings.replace(at, from.size(), to);
    };
    set("\nmodel = \"\"", "\nmodel = \"agency-7b\"");
    set("\nremote = \"\"", "\nremote = \"" + peer_.url() + "\"");
    ASSERT_TRUE(write_file_atomic(home() / "sillok.toml", settings));
  }
  static Json find(const Json& list, const std::string& record) {
    for (const Json& each : list) {
      if (each["record"] == record) return each;
    }
    return Json();
  }
  // The user turns of the lessons of a source.
  std::vector<std::string> lessons(const std::string& source, const std::string& out) {
    json({"train", "data", "--instructions", "--out", (folder() / out).string(), "--validation", "0", "--test", "0"});
    std::vector<std::string> turns;
    const std::string text = read_file(folder() / out / "train.jsonl").value_or("");
    for (const std::string_view line : split(text, '\n')) {
      if (line.empty()) continue;
      const Json lesson = Json::parse(line);
      if (lesson["source"] == source) turns.push_back(lesson["messages"][1]["content"].get<std::string>() + "\n" + lesson["messages"][2]["content"].get<std::string>());
    }
    return turns;
  }

  Peer peer_;
};

TEST_F(ProposeTest, AConfirmedPairIsTaughtOrMeasuresAndNeverBoth) {
  prepare();
  const Json report = json({"train", "propose"});
  EXPECT_EQ(report["asked"], 8) << report;
  EXPECT_EQ(report["malformed"], 6) << report;
  EXPECT_EQ(report["kept"], 2) << report;
  EXPECT_EQ(report["waiting"], 2);
  // Nobody is asked twice.
  const int asked = peer_.asked();
  EXPECT_EQ(json({"train", "propose"})["asked"], 0);
  EXPECT_EQ(peer_.asked(), asked);

  serve();
  const HttpClient admin = administrator();
  const Json list = admin.get("/api/gold/proposals").json();
  ASSERT_EQ(list["total"], 2) << list;
  const Json valve = find(list["questions"], "V"), pump = find(list["questions"], "P");
  EXPECT_EQ(valve["quote"], kValve);
  EXPECT_EQ(valve["rank"], 1);
  const auto decide = [&](const Json& of, const Json& decision) { return admin.post("/api/gold/proposals/" + of["id"].get<std::string>(), decision); };
  const HttpReply wrong = decide(valve, {{"confirm", true}, {"answer", "41개월마다"}});
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(wrong.json()["error"]["code"], "not_said") << wrong.body;
  const HttpReply confirmed = decide(valve, {{"confirm", true}, {"question", "제1공장에서는 밸브를 몇 개월 만에 교정합니까?"}});
  ASSERT_EQ(confirmed.status, 200) << confirmed.body;
  EXPECT_EQ(confirmed.json()["use"], "teaching");
  EXPECT_EQ(confirmed.json()["edited"], true);
  EXPECT_EQ(decide(valve, {{"confirm", true}}).status, 409);
  EXPECT_EQ(decide(pump, {{"confirm", true}, {"use", "measuring"}}).status, 200);
  EXPECT_EQ(admin.get("/api/gold/proposals").json()["total"], 0);
  EXPECT_EQ(admin.get("/api/gold/proposals?state=confirmed").json()["total"], 2);

  // Taught: a lesson, and no gold question. Measuring: a gold question that says where it comes from, and no lesson.
  const Json gold = admin.get("/api/gold").json()["gold"];
  ASSERT_EQ(gold.size(), 1U) << gold;
  EXPECT_EQ(gold[0]["record"], "P");
  EXPECT_EQ(gold[0]["origin"], "proposed");
  const std::vector<std::string> taught = lessons("confirmed", "lessons");
  ASSERT_EQ(taught.size(), 1U);
  EXPECT_NE(taught[0].find("제1공장에서는 밸브를 몇 개월 만에 교정합니까?"), std::string::npos) << taught[0];
  EXPECT_NE(taught[0].find(kValve + " ["), std::string::npos) << taught[0];
  const Json measured = json({"evaluate", (home() / "gold.jsonl").string()});
  EXPECT_EQ(measured["questions"], 1);
  // A gold question that comes later takes the lesson away again.
  EXPECT_EQ(admin.post("/api/gold", {{"question", "제1공장에서는 밸브를 몇 개월 만에 교정합니까?"}, {"answer", "14개월"}, {"record", "V"}}).status, 201);
  EXPECT_EQ(lessons("confirmed", "again").size(), 0U);
  // What people decided is in the audit log.
  const Json audit = admin.get("/api/audit?kind=proposal").json()["entries"];
  EXPECT_EQ(audit.size(), 4U) << audit;
}

TEST_F(ProposeTest, ThereIsOneFileOfGoldQuestionsForConsoleAndCommands) {
  prepare();
  const auto keep_in = [&](const std::string& file) {
    std::string settings = read_file(home() / "sillok.toml").value_or("");
    const size_t at = settings.find("\ngold = ");
    ASSERT_NE(at, settings.npos);
    settings.replace(at, settings.find('\n', at + 1) - at, "\ngold = \"" + file + "\"");
    ASSERT_TRUE(write_file_atomic(home() / "sillok.toml", settings));
  };
  keep_in("measured/questions.jsonl");
  json({"train", "propose"});
  const Json waiting = json({"train", "proposals"})["proposals"];
  serve();
  const HttpClient admin = administrator();
  EXPECT_EQ(admin.post("/api/gold", {{"question", "제1공장의 밸브는 얼마 만에 교정합니까?"}, {"answer", "14개월"}, {"record", "V"}}).status, 201);
  json({"train", "confirm", find(waiting, "P")["id"], "--measure"});
  EXPECT_FALSE(fs::exists(home() / "gold.jsonl"));
  const std::string both = read_file(home() / "measured" / "questions.jsonl").value_or("");
  EXPECT_EQ(std::count(both.begin(), both.end(), '\n'), 2) << both;
  const Json listed = admin.get("/api/gold").json()["gold"];
  ASSERT_EQ(listed.size(), 2U) << listed;
  // By hand, without an id: it goes by its line, and the others stay as they are when it is taken out.
  ASSERT_TRUE(write_file_atomic(home() / "measured" / "questions.jsonl", both + "{\"question\": \"펌프는?\",  \"answers\": [\"27일\"]}\n"));
  EXPECT_EQ(admin.get("/api/gold").json()["gold"][2]["id"], "3");
  EXPECT_EQ(admin.call("DELETE", "/api/gold/3").status, 204);
  EXPECT_EQ(admin.call("DELETE", "/api/gold/3").status, 404);
  EXPECT_EQ(read_file(home() / "measured" / "questions.jsonl").value_or(""), both);
  EXPECT_EQ(json({"refresh", "--once"})["questions"], 2);

  // A confined server reads what lies elsewhere, and says why it does not write it.
  stop();
  const fs::path elsewhere = folder() / "elsewhere" / "gold.jsonl";
  fs::create_directories(elsewhere.parent_path());
  ASSERT_TRUE(write_file_atomic(elsewhere, both));
  keep_in(elsewhere.string());
  serve();
  const HttpClient again = administrator();
  EXPECT_EQ(again.get("/api/gold").json()["gold"].size(), 2U);
  const HttpReply refused = again.post("/api/gold", {{"question", "밸브는 언제 교정합니까?"}, {"answer", "14개월"}, {"record", "V"}});
  EXPECT_EQ(refused.status, 409) << refused.body;
  EXPECT_NE(refused.body.find("outside the home"), std::string::npos) << refused.body;
  EXPECT_EQ(again.call("DELETE", "/api/gold/" + listed[0]["id"].get<std::string>()).status, 409);
}

TEST_F(ProposeTest, AProposalIsSeenByThoseWhoSeeItsRecord) {
  prepare();
  json({"train", "propose"});
  serve();
  administrator();
  const HttpClient low = person("low", "O", "curator", {"evaluate", "read"}), high = person("high", "C", "curator", {"evaluate", "read"});
  const std::string before = low.get("/api/gold/proposals").body;
  EXPECT_EQ(json({"train", "propose", "--ceiling", "S"})["kept"], 1);
  EXPECT_EQ(high.get("/api/gold/proposals").json()["total"], 3);
  // Byte for byte what he saw before there was one that he may not see.
  EXPECT_EQ(low.get("/api/gold/proposals").body, before);
  const Json safe = find(high.get("/api/gold/proposals").json()["questions"], "S");
  EXPECT_EQ(safe["label"], "S");
  const HttpReply hidden = low.post("/api/gold/proposals/" + safe["id"].get<std::string>(), {{"confirm", true}});
  const HttpReply none = low.post("/api/gold/proposals/0123456789abcdef", {{"confirm", true}});
  EXPECT_EQ(hidden.status, 404);
  EXPECT_EQ(none.status, 404);
  EXPECT_EQ(json({"train", "proposals", "--as", "low"})["total"], 2);
  // A member adds no gold questions, so he decides nothing here either.
  EXPECT_EQ(person("member", "C").get("/api/gold/proposals").status, 403);
  // Confirmed, it is taught only under a ceiling that covers it.
  EXPECT_EQ(high.post("/api/gold/proposals/" + safe["id"].get<std::string>(), {{"confirm", true}}).status, 200);
  EXPECT_EQ(lessons("confirmed", "open").size(), 0U);
  const Json data = json({"train", "data", "--instructions", "--labels-up-to", "S", "--out", (folder() / "all").string()});
  EXPECT_EQ(data["lessons"]["confirmed"], 1);
  EXPECT_EQ(data["label"], "S");
  // Erasing the record erases its proposals.
  EXPECT_EQ(high.get("/api/gold/proposals?state=confirmed").json()["total"], 1);
  EXPECT_EQ(run({"add", "--erase", "S"}).status, 0);
  EXPECT_EQ(high.get("/api/gold/proposals?state=confirmed").json()["total"], 0);
}

TEST_F(ProposeTest, AModelThatDoesNotAnswerOrWritesNonsenseIsSaidInALine) {
  prepare();
  const std::string command = (fs::path(SILLOK_PROGRAM).parent_path() / "make_models").string() + " '" + (home() / "models").string() + "' llama llama-chat > /dev/null";
  fs::create_directories(home() / "models");
  ASSERT_EQ(std::system(command.c_str()), 0);
  refused({"train", "propose", "-m", "llama"}, 1, "no chat template");
  const Ran nonsense = run({"train", "propose", "-m", "llama-chat", "--json"});
  EXPECT_EQ(nonsense.status, 1);
  EXPECT_NE(nonsense.err.find("nothing that llama-chat"), std::string::npos) << nonsense.err;
  const Json report = nonsense.json();
  uint64_t sum = 0;
  for (const char* name : {"malformed", "badly_put", "gives_away", "not_supported", "near_copies", "not_found_again", "kept"}) sum += report[name].get<uint64_t>();
  EXPECT_EQ(report["asked"], sum) << report;
  EXPECT_EQ(report["asked"], 8) << report;
  EXPECT_EQ(report["kept"], 0) << report;
  refused({"train", "propose", "--source", "/nowhere"}, 1, "nothing in force under the ceiling was read from /nowhere");
  refused({"train", "confirm", "0123456789abcdef"}, 1, "there is no proposed question");
  std::string settings = read_file(home() / "sillok.toml").value_or("");
  const size_t at = settings.find(peer_.url());
  ASSERT_NE(at, settings.npos);
  ASSERT_TRUE(write_file_atomic(home() / "sillok.toml", settings.replace(at, peer_.url().size(), "http://127.0.0.1:9/v1")));
  refused({"train", "propose"}, 1, "cannot be reached");
}

}  // namespace
}  // namespace sillok::system_test
