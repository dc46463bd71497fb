// Every command with its flags, the shape of its JSON, its exit status and its refusals.
#include "program.h"

namespace sillok::system_test {
namespace {

using ContractTest = SystemTest;

TEST_F(ContractTest, ArgumentsThatMakeNoSenseAreUsage) {
  refused({}, 2, "subcommand");
  refused({"nosuch"}, 2, "there is no command 'nosuch'");
  refused({"show", "x", "--bogus"}, 2, "--bogus");
  refused({"show"}, 2, "record");
  refused({"add"}, 2, "name the files or folders");
  refused({"add", "x", "--erase", "y"}, 2, "--erase takes a record and no paths");
  refused({"add", "x", "--effective-from", "2024-13-01"}, 2, "2024-13-01");
  refused({"search"}, 2, "give a query");
  refused({"search", "x", "--limit", "0"}, 2, "--limit");
  refused({"search", "x", "--as-of", "zz"}, 2, "'zz' is not a date");
  refused({"ask", "x", "--as-of", "zz"}, 2, "'zz' is not a date");
  refused({"ask", " "}, 2, "empty");
  EXPECT_EQ(run({"--help"}).status, 0);
  refused({"show", "x", "--as-of", "2024-02-30"}, 2, "'2024-02-30' is not a date");
  refused({"links", "x", "--as-of", "zz"}, 2, "'zz' is not a date");
  refused({"show", "x", "--version", "0"}, 2, "--version");
  refused({"add", "x", "--jobs", "0"}, 2, "--jobs");
  refused({"records", "--home", ""}, 2, "the name of the home is empty");
  refused({"search", "--batch", folder().string()}, 1, "is no file that can be read");
}

TEST_F(ContractTest, TheHomeMayStandBeforeTheVerb) {
  const std::string file = write("a.txt", "본문\n").string();
  json({"add", file});
  EXPECT_EQ(run({"--home", home().string(), "--json", "records"}).json()["count"], 1);
  const Json nothing = run({"add", "", "--json"}).json();  // no such file, not a crash
  EXPECT_EQ(nothing["failed"][0]["reason"], "there is no such file or folder");
}

TEST_F(ContractTest, WithoutAHomeEveryCommandSaysWhatToDo) {
  const std::string none = (folder() / "none").string();
  const std::string file = write("a.jsonl", "{\"question\":\"x\"}\n").string();
  const std::vector<std::vector<std::string>> all = {{"add", file},    {"search", "x"}, {"ask", "x"},     {"show", "x"},
                                                     {"links", "x"},   {"records"},     {"doctor"},
                                                     {"evaluate", file}, {"add", "--erase", "x"}};
  for (auto arguments : all) {
    arguments.insert(arguments.end(), {"--home", none});
    refused(arguments, 1, "is not a Sillok home; run 'sillok init");
  }
  refused({"init"}, 1, "is a Sillok home already");
}

TEST_F(ContractTest, AddReportsAndIsIncremental) {
  const std::string file = write("a.txt", "압력 게이지 교정 주기는 6개월이다.\n").string();
  const Json first = json({"add", file, file});
  EXPECT_EQ(first["added"], 1);
  for (const char* key : {"updated", "unchanged", "ended"}) EXPECT_EQ(first[key], 0) << key;
  EXPECT_EQ(first["failed"], Json::array());
  EXPECT_EQ(json({"add", file})["unchanged"], 1);

  const std::string missing = (files() / "missing").string();
  const Ran ran = run({"add", file, missing, "--json"});
  EXPECT_EQ(ran.status, 1);  // what was named is not there
  EXPECT_EQ(ran.json()["unchanged"], 1);
  EXPECT_EQ(ran.json()["failed"][0]["path"], missing);
  EXPECT_EQ(ran.json()["failed"][0]["reason"], "there is no such file or folder");

  fs::create_directories(files() / "empty");
  EXPECT_EQ(json({"add", (files() / "empty").string()})["added"], 0);
  const std::string rubbish = write("r.bin", std::string(300, '\1')).string();
  const Json unreadable = json({"add", rubbish});
  ASSERT_EQ(unreadable["failed"].size(), 1u);
  EXPECT_EQ(unreadable["failed"][0]["path"], rubbish);
  EXPECT_EQ(json({"records", "--failures"})["failures"][0]["path"], rubbish);

  refused({"add", file, "--label", "ZZ"}, 1, "there is no label 'ZZ'; known are O");
  json({"add", file, "--effective-from", "2020-01-01", "--effective-to", "2021-12-31"});
  EXPECT_EQ(run({"show", "a.txt", "--as-of", "2021-12-31"}).status, 0);  // the last day counts
  refused({"show", "a.txt", "--as-of", "2022-01-01"}, 1, "in force only until 2021-12-31");
  refused({"add", file, "--effective-from", "2022-01-01", "--effective-to", "2021-12-31"}, 1, "is before the first");
  refused({"add", files().string(), "--record", "K"}, 1, "single file only");
}

TEST_F(ContractTest, RecordKeyLabelAndDatesGivenByHand) {
  const std::string file = write("rule.txt", "수의계약 한도는 500만원이다.\n").string();
  EXPECT_EQ(json({"add", file, "--record", "R-1", "--label", "S", "--effective-from", "2020-01-01"})["added"], 1);
  write("rule.txt", "수의계약 한도는 700만원이다.\n");
  EXPECT_EQ(json({"add", file, "--record", "R-1", "--effective-from", "2022-01-01"})["updated"], 1);
  refused({"show", "R-1", "--as-of", "2019-12-31"}, 1, "in force only from 2020-01-01");
  EXPECT_EQ(run({"show", "R-1", "--as-of", "2021-12-31", "--text"}).out, "수의계약 한도는 500만원이다.\n");
  EXPECT_EQ(run({"show", "R-1", "--text"}).out, "수의계약 한도는 700만원이다.\n");
  const Json shown = json({"show", "R-1"});
  EXPECT_EQ(shown["label"], "S");  // not lowered by an add that forgot to say so
  EXPECT_EQ(shown["version"], 2);
  EXPECT_EQ(shown["versions"].size(), 2u);
  EXPECT_EQ(run({"show", "R-1", "--version", "1", "--text"}).out, "수의계약 한도는 500만원이다.\n");
  refused({"show", "R-1", "--version", "9"}, 1, "no version 9");
  refused({"show", "nope"}, 1, "there is no record 'nope'");
  refused({"links", "nope"}, 1, "there is no record 'nope'");
  refused({"show", "R-1", "--at", "nowhere"}, 1, "no block has the anchor");
  add_others();
  EXPECT_EQ(json({"ask", "수의계약 한도는 얼마인가?"})["quotes"][0]["text"], "수의계약 한도는 700만원이다.");
  EXPECT_EQ(json({"ask", "수의계약 한도는 얼마인가?", "--as-of", "2021-05-05"})["quotes"][0]["text"],
            "수의계약 한도는 500만원이다.");
}

TEST_F(ContractTest, JsonLines) {
  const std::string file = write("a.jsonl",
                                 R"({"id":"r1","title":"하나","text":"첫 판 알파나무","date":"2024-01-01"}
not json
{"id":"r2","text":"둘째 기록 둥근톱","label":"S"}
{"id":"r1","title":"하나","text":"셋째 판 감마나무","date":"2025-01-01"}
{"id":"r1","title":"하나","text":"둘째 판 베타나무","date":"2024-06-01"}
{"title":"no id"}
{"id":"r3","text":"x","date":"2024-99-01"}
{"id":"r4","text":"x","label":"Q"}
{"id":5,"text":"다섯째 기록"}
)").string();
  const Json report = json({"add", file});
  EXPECT_EQ(report["added"], 3);
  EXPECT_EQ(report["updated"], 2);
  ASSERT_EQ(report["failed"].size(), 4u) << report;
  for (const Json& failure : report["failed"]) {
    EXPECT_TRUE(failure["path"].get<std::string>().starts_with(file + "::")) << failure;
    EXPECT_FALSE(failure["reason"].get<std::string>().empty());
  }
  const Json again = json({"add", file});
  EXPECT_EQ(again["unchanged"], 5);
  EXPECT_EQ(again["failed"], report["failed"]);
  EXPECT_EQ(run({"show", "r1", "--text", "--as-of", "2024-05-31"}).out, "첫 판 알파나무\n");
  EXPECT_EQ(run({"show", "r1", "--text", "--as-of", "2024-06-01"}).out, "둘째 판 베타나무\n");
  EXPECT_EQ(run({"show", "r1", "--text", "--as-of", "2030-01-01"}).out, "셋째 판 감마나무\n");
  EXPECT_EQ(run({"show", "5", "--text"}).out, "다섯째 기록\n");
}

TEST_F(ContractTest, SearchAskLinksShapes) {
  write("a.jsonl", R"({"id":"SOP-12","title":"세척 절차","text":"세척액 온도는 55도로 유지한다. 근거는 SOP-13 이다."}
{"id":"SOP-13","title":"세척액 관리","text":"세척액은 매주 월요일에 교체한다."}
)");
  json({"add", files().string()});
  add_others();
  const Json search = json({"search", "세척액 온도", "--limit", "1"});
  ASSERT_EQ(search["results"].size(), 1u);
  EXPECT_EQ(found("title:관리"), std::vector<std::string>{"SOP-13"});  // a title alone is a query
  EXPECT_EQ(found("title:관리 세척액"), std::vector<std::string>{"SOP-13"});
  EXPECT_EQ(found("record:SOP-12 세척액"), std::vector<std::string>{"SOP-12"});
  EXPECT_EQ(found("type:pdf 세척액"), std::vector<std::string>{});
  const Json& result = search["results"][0];
  EXPECT_EQ(result["record"], "SOP-12");
  EXPECT_EQ(result["title"], "세척 절차");
  EXPECT_EQ(result["version"], 1);
  EXPECT_TRUE(result["anchor"].is_string());
  EXPECT_GT(result["score"].get<double>(), 0);
  EXPECT_NE(result["text"].get<std::string>().find("55도"), std::string::npos);
  refused({"search", "세척", "--labels", "ZZ"}, 1, "there is no label 'ZZ'");
  refused({"ask", "세척", "--labels", "ZZ"}, 1, "there is no label 'ZZ'");
  EXPECT_EQ(found("세척", {"--labels", "공개"}).size(), 2u);
  EXPECT_EQ(found("세척", {"--labels", "S,C"}).size(), 0u);

  const std::string batch = write("q", "{\"id\":\"q1\",\"question\":\"세척액 온도\"}\nbad\n{\"id\":2,\"question\":\"교체\"}\n").string();
  const Ran ran = run({"search", "--batch", batch, "--json"});
  EXPECT_EQ(ran.status, 1);  // the bad line
  EXPECT_NE(ran.err.find("line 2"), std::string::npos);
  const auto lines = split(ran.out, '\n');
  ASSERT_GE(lines.size(), 2u);
  EXPECT_EQ(Json::parse(lines[0])["id"], "q1");
  EXPECT_EQ(Json::parse(lines[1])["id"], 2);
  EXPECT_EQ(Json::parse(lines[1])["results"][0]["record"], "SOP-13");

  const Json answer = json({"ask", "세척액 온도는 몇 도인가?"});
  EXPECT_EQ(answer["answerable"], true) << answer;
  EXPECT_TRUE(answer["confidence"].is_number());
  EXPECT_TRUE(answer["answer"].is_string());
  ASSERT_FALSE(answer["quotes"].empty());
  for (const char* key : {"n", "text", "record", "version", "anchor"}) EXPECT_TRUE(answer["quotes"][0].contains(key));

  const Json links = json({"links", "SOP-12"});
  ASSERT_FALSE(links["links"].empty());
  EXPECT_EQ(links["links"][0]["record"], "SOP-13");
  const Json doctor = json({"doctor", "--deep"});
  EXPECT_EQ(doctor["ok"], true);
  EXPECT_EQ(doctor["problems"], Json::array());
}

TEST_F(ContractTest, EvaluateShape) {
  write("a.jsonl", "{\"id\":\"A\",\"text\":\"교정 주기는 6개월이다.\"}\n");
  json({"add", files().string()});
  const std::string gold =
      write("gold", "{\"id\":\"1\",\"question\":\"교정 주기는?\",\"answers\":[\"6개월\"],\"records\":[\"A\"]}\n").string();
  const Json report = json({"evaluate", gold});
  for (const char* key : {"answer_rate", "answer_rate_1", "em", "f1", "recall_at_1", "recall_at_5", "recall_at_20",
                          "mrr_10", "auroc_answerable", "latency_ms_p50", "latency_ms_p99", "questions"}) {
    EXPECT_TRUE(report.contains(key)) << key;
  }
  EXPECT_EQ(report["questions"], 1);
  EXPECT_LE(report["search_latency_ms_p50"].get<double>(), report["latency_ms_p50"].get<double>());  // searching is part of it
  // The report kept in the home says where the answer stands and has no word of it: it outlives the record.
  size_t reports = 0;
  for (const auto& entry : fs::directory_iterator(home() / "log")) {
    if (entry.path().extension() != ".json") continue;  // the audit log lies there, too
    const auto text = read_file(entry.path());
    EXPECT_EQ(text->find("6개월이다"), std::string::npos);
    const Json kept = Json::parse(*text);
    EXPECT_EQ(kept["outcomes"][0]["given_at"]["record"], "A") << kept;
    ++reports;
  }
  EXPECT_EQ(reports, 1u);
}

TEST_F(ContractTest, ReadNeedsNoHome) {
  const std::string file = write("a.md", "# 제목\n\n본문이다.\n").string();
  const std::string none = (folder() / "none").string();
  EXPECT_EQ(run({"read", file, "--text", "--home", none}).out, "제목\n본문이다.\n");
  EXPECT_NE(run({"read", file, "--html", "--home", none}).out.find("<h1"), std::string::npos);
  EXPECT_TRUE(run({"read", file, "--json", "--home", none}).json().contains("blocks"));
  refused({"read", (files() / "none").string()}, 1, "there is no such file");
  refused({"read", files().string()}, 1, "not a regular file");
}

TEST_F(ContractTest, DamagedHomes) {
  const std::string file = write("a.txt", "바탕 기록\n").string();
  json({"add", file});
  // The index is derived: damage costs a rebuild.
  for (const auto& entry : fs::directory_iterator(home() / "index")) std::ofstream(entry.path()) << "rubbish";
  EXPECT_EQ(found("바탕").size(), 1u);
  fs::remove_all(home() / "index");
  EXPECT_EQ(found("바탕").size(), 1u);
  // Originals are named by the doctor, and come back with their files.
  for (const auto& entry : fs::directory_iterator(home() / "blobs")) fs::remove_all(entry.path());
  const Ran sick = run({"doctor", "--json"});
  EXPECT_EQ(sick.status, 1);
  EXPECT_EQ(sick.json()["ok"], false);
  EXPECT_NE(sick.json()["problems"][0].get<std::string>().find("is missing"), std::string::npos);
  json({"add", "--reread", file});
  EXPECT_EQ(json({"doctor", "--deep"})["ok"], true);
  // A flipped bit of a segment, far from what a search reads first, is found and mended by building the index anew.
  for (const auto& entry : fs::directory_iterator(home() / "index")) {
    if (entry.path().extension() != ".segment") continue;
    std::string bytes = *read_file(entry.path());
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 4);
    std::ofstream(entry.path(), std::ios::binary) << bytes;
  }
  const Json mended = json({"doctor"});
  EXPECT_EQ(mended["ok"], true);
  EXPECT_EQ(json({"doctor"})["mended"], Json::array());
  EXPECT_EQ(found("바탕").size(), 1u);
  // A damaged original is found without being asked for.
  for (const auto& entry : fs::recursive_directory_iterator(home() / "blobs")) {
    if (entry.is_regular_file()) std::ofstream(entry.path(), std::ios::app) << "x";
  }
  EXPECT_NE(run({"doctor", "--json"}).json()["problems"][0].get<std::string>().find("the original of 'a.txt', is damaged"),
            std::string::npos);
  EXPECT_EQ(json({"doctor", "--quick"})["ok"], true);
  std::fstream(home() / "archive.db") << "garbage garbage garbage";
  refused({"search", "바탕"}, 1, "archive.db is damaged");
  refused({"doctor"}, 1, "archive.db is damaged");
  EXPECT_EQ(run({"doctor", "--json"}).json()["ok"], false);
  fs::remove(home() / "archive.db");
  EXPECT_EQ(run({"doctor", "--json"}).json()["ok"], false);
  refused({"init"}, 1, "is missing, while blobs/ holds originals");
}

TEST_F(ContractTest, FiguresAreToldByLabelLanguageAndAge) {
  json({"add", write("new.txt", "압력 게이지 교정 주기는 6개월이다.\n").string(), "--record", "NEW", "--effective-from", "2026-11-01"});
  json({"add", write("old.txt", "The torque of a flange bolt is 45 newton metres.\n").string(), "--record", "OLD", "--effective-from", "2001-01-01", "--label", "S"});
  const std::string gold = write("gold.jsonl",
                                 "{\"id\":\"1\",\"question\":\"압력 게이지 교정 주기는?\",\"answers\":[\"6개월\"],\"records\":[\"NEW\"],\"as_of\":\"2026-11-20\"}\n"
                                 "{\"id\":\"2\",\"question\":\"What is the torque of a flange bolt?\",\"answers\":[\"45\"],\"records\":[\"OLD\"],\"as_of\":\"2026-11-20\"}\n").string();
  const Json report = json({"evaluate", gold});
  for (const auto& [kind, values] : std::map<std::string, std::vector<std::string>>{
           {"by_label", {"O", "S"}}, {"by_language", {"ko", "latin"}}, {"by_age", {"under 1 year", "5 years or more"}}}) {
    EXPECT_EQ(report[kind].size(), 2U) << kind;
    for (const std::string& value : values) EXPECT_EQ(report[kind][value]["questions"], 1) << kind << " " << value;
  }
}

}  // namespace
}  // namespace sillok::system_test
