// People, labels and the audit log, as an administrator and an auditor use them.
#include <sys/stat.h>

#include "program.h"

namespace sillok::system_test {
namespace {

class GovernTest : public SystemTest {
 protected:
  void add_person(const std::string& name, const std::string& level, const std::string& groups, const std::string& role) {
    give_input("a long enough secret\n");
    std::vector<std::string> arguments = {"user", "add", name, "--level", level, "--role", role, "--password-stdin"};
    if (!groups.empty()) arguments.insert(arguments.end(), {"--groups", groups});
    json(arguments);
  }
  fs::path log() const { return home() / "log/audit.log"; }
};

TEST_F(GovernTest, PeopleAndKeys) {
  add_person("kim", "S", "a,b", "member");
  const Json people = json({"user", "list"})["people"];
  ASSERT_EQ(people.size(), 1u);
  EXPECT_EQ(people[0]["label"], "S:a,b");
  EXPECT_EQ(people[0]["role"], "member");
  const Json key = json({"key", "create", "kim", "--scopes", "ask,search", "--expires-days", "30"});
  EXPECT_GT(key["key"].get<std::string>().size(), 40u);
  EXPECT_EQ(key["scopes"], Json::parse(R"(["ask","search"])"));
  EXPECT_FALSE(json({"key", "list"})["keys"][0].contains("key"));
  refused({"key", "create", "kim", "--scopes", "people"}, 1, "the role member does not allow it");
  refused({"key", "create", "lee", "--scopes", "ask"}, 1, "there is nobody called 'lee'");
  refused({"user", "add", "kim"}, 1, "already");
  refused({"user", "add", "lee", "--level", "X"}, 1, "there is no label 'X'");
  give_input("short\n");
  refused({"user", "add", "lee", "--password-stdin"}, 1, "fewer than 8");
  json({"user", "change", "kim", "--level", "O", "--groups", ""});
  EXPECT_EQ(json({"user", "list"})["people"][0]["label"], "O");
  json({"key", "revoke", key["id"]});
  EXPECT_EQ(json({"key", "list"})["keys"][0]["revoked"], true);
  json({"user", "remove", "kim"});
  refused({"search", "x", "--as", "kim"}, 1, "disabled");
  const Json entries = json({"audit", "show", "--kind", "person"})["entries"];
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0]["details"]["act"], "remove");
  EXPECT_EQ(entries[0]["person"], "command line");
  // No password and no key is anywhere in the log.
  const std::string text = read_file(log()).value();
  EXPECT_EQ(text.find("long enough"), text.npos);
  EXPECT_EQ(text.find(key["key"].get<std::string>()), text.npos);
}

TEST_F(GovernTest, ShowsAPersonWhatHeMaySee) {
  json({"add", write("a.jsonl", R"({"id":"open","title":"구내식당","text":"식당은 11시 30분에 연다."}
{"id":"pay","title":"급여 기준","text":"급여는 25일에 준다.","label":"S:hr"}
{"id":"open","title":"구내식당","text":"식당은 12시에 연다.","label":"S:hr","date":"2025-01-01"}
)").string()});
  add_person("kim", "O", "", "member");
  add_person("lee", "S", "hr", "curator");
  EXPECT_EQ(found("급여 식당", {"--as", "kim"}), (std::vector<std::string>{"open"}));
  EXPECT_EQ(found("급여 식당", {"--as", "lee"}).size(), 2u);
  // The newer version that he may not see does not end the one that he may.
  EXPECT_NE(json({"show", "open", "--as", "kim"})["text"].get<std::string>().find("11시"), std::string::npos);
  EXPECT_NE(json({"show", "open", "--as", "lee"})["text"].get<std::string>().find("12시"), std::string::npos);
  EXPECT_EQ(json({"show", "open", "--as", "kim"})["versions"].size(), 1u);
  EXPECT_EQ(json({"records", "--as", "kim"})["count"], 1);
  EXPECT_EQ(json({"ask", "식당은 몇 시에 여나?", "--as", "kim"})["quotes"][0]["text"], "식당은 11시 30분에 연다.");
  // Hidden and absent are told alike.
  const Ran hidden = run({"show", "pay", "--as", "kim"}), absent = run({"show", "pax", "--as", "kim"});
  EXPECT_EQ(hidden.status, 1);
  std::string expected = absent.err;
  expected.replace(expected.find("pax"), 3, "pay");
  EXPECT_EQ(hidden.err, expected);
  refused({"search", "x", "--as", "nobody"}, 1, "there is nobody called");
}

TEST_F(GovernTest, LoweringALabelTakesTwo) {
  json({"add", write("plan.txt", "생산 계획: 밸브 300개를 만든다.").string()});
  add_person("kim", "C", "a", "curator");
  add_person("lee", "C", "a", "curator");
  add_person("choi", "O", "", "member");
  EXPECT_EQ(json({"show", "plan.txt"})["label"], "O");
  refused({"label", "plan.txt", "S:a", "--reason", "x", "--as", "choi"}, 1, "may not change labels");
  EXPECT_EQ(json({"label", "plan.txt", "S:a", "--reason", "새 제품", "--as", "kim"})["applied"], true);
  EXPECT_TRUE(found("밸브", {"--as", "choi"}).empty());
  const Json shown = json({"show", "plan.txt"});
  EXPECT_EQ(shown["label"], "S:a");
  EXPECT_EQ(shown["label_reason"], "kim: 새 제품");
  refused({"label", "plan.txt", "O", "--as", "kim"}, 1, "lowering 'plan.txt' from S:a to O needs a reason");
  const Json proposal = json({"label", "plan.txt", "O", "--reason", "발표했다", "--as", "kim"});
  EXPECT_EQ(proposal["applied"], false);
  EXPECT_EQ(json({"show", "plan.txt"})["label"], "S:a");
  const std::string number = std::to_string(proposal["proposal"].get<int>());
  refused({"label", "--confirm", number, "--as", "kim"}, 1, "a second person");
  refused({"label", "--confirm", number, "--as", "choi"}, 1, "may not change labels");
  EXPECT_EQ(json({"label", "--proposals"})["proposals"].size(), 1u);
  EXPECT_EQ(json({"label", "--confirm", number, "--as", "lee"})["applied"], true);
  EXPECT_EQ(json({"show", "plan.txt"})["label"], "O");
  EXPECT_EQ(found("밸브", {"--as", "choi"}).size(), 1u);
  refused({"label", "--confirm", number, "--as", "lee"}, 1, "decided already");
  EXPECT_EQ(json({"audit", "show", "--kind", "label"})["entries"].size(), 3u);
}

TEST_F(GovernTest, RaisingALabelNeedsNoReason) {
  json({"add", write("plan.txt", "생산 계획: 밸브 300개를 만든다.").string()});
  EXPECT_EQ(json({"label", "plan.txt", "S:a"})["applied"], true);
  EXPECT_EQ(json({"show", "plan.txt"})["label_reason"], "command line");
}

TEST_F(GovernTest, MarkingsAndFoldersRaiseLabels) {
  std::string settings = read_file(home() / "sillok.toml").value();
  settings.insert(settings.find("rules = [\n") + 10, "  { path = \"인사/**\", label = \"S:인사\" },\n");
  ASSERT_TRUE(write_file_atomic(home() / "sillok.toml", settings));
  write("m/plan.txt", "【 대 외 비 】\n2026년 계획을 정한다.");
  write("m/secret.txt", "[3급비밀] 배치 현황\n현황은 다음과 같다.");
  write("m/plain.txt", "비밀번호 관리 지침\n비밀 유지에 힘쓴다.");
  write("m/인사/list.txt", "승진 명단을 붙인다.");
  json({"add", (files() / "m").string()});
  const auto label = [&](const std::string& record) {
    const Json shown = json({"show", record});
    return shown["label"].get<std::string>() + " " + shown["label_reason"].get<std::string>();
  };
  EXPECT_EQ(label("plan.txt"), "S marking '【 대 외 비 】' at the head");
  EXPECT_EQ(label("secret.txt"), "C marking '[3급비밀] 배치 현황' at the head");
  EXPECT_EQ(label("plain.txt"), "O default");
  EXPECT_EQ(label("인사/list.txt"), "S:인사 folder rule '인사/**'");
  // Adding again, with a lower label even, lowers nothing.
  json({"add", (files() / "m").string(), "--label", "O", "--reread"});
  EXPECT_EQ(label("plan.txt").substr(0, 2), "S ");
}

TEST_F(GovernTest, PersonalDataIsFoundAndMasked) {
  json({"add", write("people.txt", "담당자 홍길동의 전화는 010-1234-5678이다.").string()});
  add_person("kim", "O", "", "member");
  add_person("lee", "O", "", "curator");
  const Json personal = json({"show", "people.txt", "--as", "lee"})["personal"];
  ASSERT_EQ(personal.size(), 1u);
  EXPECT_EQ(personal[0]["kind"], "phone");
  EXPECT_TRUE(json({"show", "people.txt", "--as", "kim"})["personal"].empty());
  const auto quotes = [&](const std::string& who) {
    const Json answer = json({"ask", "홍길동 전화는?", "--as", who, "--threshold", "0"});
    return answer.dump() + json({"search", "홍길동 전화", "--as", who}).dump();
  };
  EXPECT_EQ(quotes("kim").find("1234-5678"), std::string::npos);
  EXPECT_NE(quotes("kim").find("010-****-5678"), std::string::npos);
  EXPECT_NE(quotes("lee").find("010-1234-5678"), std::string::npos);
}

TEST_F(GovernTest, TheAuditLogTellsWhoTouchedIt) {
  json({"add", write("a.txt", "압력 한도는 12 bar이다.").string()});
  json({"ask", "압력 한도는?"});
  json({"search", "압력"});
  const Json good = json({"audit", "verify"});
  EXPECT_EQ(good["ok"], true);
  EXPECT_EQ(good["first_bad"], Json());
  EXPECT_EQ(good["entries"], 4);  // created, add, ask, search
  struct stat info {};
  ASSERT_EQ(::stat((home() / "audit.key").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  const std::string text = read_file(log()).value();
  const Ran exported = run({"audit", "export"});
  EXPECT_EQ(exported.out, text);
  const std::string longer = read_file(log()).value();  // the export is an act of its own
  std::string edited = longer;
  edited.replace(edited.find("압력 한도는?"), 1, "x");
  std::ofstream(log(), std::ios::binary) << edited;
  Ran verified = run({"audit", "verify", "--json"});
  EXPECT_EQ(verified.status, 1);
  EXPECT_EQ(verified.json()["first_bad"], 3);
  std::ofstream(log(), std::ios::binary) << longer.substr(0, longer.rfind('\n', longer.size() - 2) + 1);
  verified = run({"audit", "verify", "--json"});
  EXPECT_EQ(verified.json()["ok"], false);
  EXPECT_EQ(verified.json()["first_bad"], 5);
}

TEST_F(GovernTest, AnOldAnswerCanBeRebuilt) {
  json({"add", write("a.txt", "압력 한도는 12 bar이다.").string()});
  add_others();
  add_person("kim", "O", "", "member");
  EXPECT_EQ(json({"ask", "압력 한도는 얼마인가?", "--as", "kim"})["answer"], "12 bar");
  const auto replay = [&](const Json& entry) { return run({"audit", "replay", std::to_string(entry["id"].get<int>()), "--json"}); };
  const Json entry = json({"audit", "show", "--kind", "ask"})["entries"][0];
  EXPECT_EQ(entry["person"], "kim");
  EXPECT_EQ(replay(entry).json()["same"], true);
  // A newer version changes today's answer, not the old one.
  write("a.txt", "압력 한도는 15 bar이다.");
  json({"add", (files() / "a.txt").string()});
  EXPECT_EQ(json({"ask", "압력 한도는 얼마인가?", "--as", "kim"})["answer"], "15 bar");
  Ran again = replay(entry);
  EXPECT_EQ(again.status, 0) << again.out << again.err;
  EXPECT_EQ(again.json()["same"], true);
  EXPECT_EQ(again.json()["now"]["answer"], "12 bar");
  // What was erased since cannot be rebuilt, and that is said.
  json({"add", "--erase", "a.txt"});
  again = replay(entry);
  EXPECT_EQ(again.status, 1);
  EXPECT_EQ(again.json()["same"], false);
  refused({"audit", "replay", "1"}, 1, "is no answer");
  refused({"audit", "replay", "999"}, 1, "there is no audit entry 999");
}

}  // namespace
}  // namespace sillok::system_test
