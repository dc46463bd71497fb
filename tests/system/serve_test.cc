// `sillok serve` as browsers and programs use it: HTTP as such, who may what, uploads, answers, restarts.
#include "serving.h"

#include "govern/govern.h"

#include <set>

namespace sillok::system_test {
namespace {

class ServeTest : public ServingTest {};

TEST_F(ServeTest, SaysWhatIsWrongWithARequest) {
  serve();
  const HttpClient c = client();
  const auto status = [&](const std::string& bytes) { return c.raw(bytes).status; };
  EXPECT_EQ(c.get("/healthz").status, 200);
  EXPECT_EQ(c.get("/readyz").body, "ok\n");
  EXPECT_EQ(status("nonsense\r\n\r\n"), 400);
  EXPECT_EQ(status("GET / HTTP/1.1\r\n\r\n"), 400) << "no Host";
  EXPECT_EQ(status("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400);
  EXPECT_EQ(status("GET / HTTP/3.7\r\nHost: a\r\n\r\n"), 505);
  EXPECT_EQ(status("GET /%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), 404);
  EXPECT_EQ(status("GET /api/search?q=%ff HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), 400);
  EXPECT_EQ(status("GET /" + std::string(40'000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n"), 414);
  EXPECT_EQ(status("GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + std::string(40'000, 'a') + "\r\n\r\n"), 431);
  EXPECT_EQ(status("POST /api/session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n"), 413);
  EXPECT_EQ(status("POST /api/session HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400);
  EXPECT_EQ(status("POST /api/session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n"), 400);
  EXPECT_EQ(status("POST /api/session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nExpect: a-miracle\r\nContent-Length: 2\r\n\r\n{}"), 417);
  EXPECT_EQ(c.call("POST", "/api/session", "{}", "text/plain").status, 415);
  EXPECT_EQ(c.call("POST", "/api/session", "{").status, 400);
  EXPECT_EQ(c.call("POST", "/api/session", "[]").status, 400);
  EXPECT_EQ(c.call("POST", "/api/session", "{\"a\":" + std::string(100'000, '[')).status, 400);
  EXPECT_EQ(c.get("/api/nothing").status, 404);
  const HttpReply wrong_method = c.call("DELETE", "/api/search");
  EXPECT_EQ(wrong_method.status, 405);
  EXPECT_EQ(wrong_method.headers.at("allow"), "GET, HEAD");
  EXPECT_EQ(c.call("HEAD", "/healthz").status, 200);
  EXPECT_EQ(c.call("HEAD", "/healthz").body, "");
  const HttpReply health = c.get("/healthz");
  for (const char* name : {"content-security-policy", "x-content-type-options", "referrer-policy", "x-frame-options"}) {
    EXPECT_TRUE(health.headers.contains(name)) << name;
  }
  EXPECT_EQ(stop(), 0);
}

TEST_F(ServeTest, KeepsAConnectionAndAnswersInOrder) {
  serve();
  const int fd = client().connect();
  HttpClient::send(fd, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /api/first HTTP/1.1\r\nHost: a\r\n\r\nGET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const std::string all = HttpClient::drain(fd);
  ::close(fd);
  const size_t first = all.find("ok\n"), second = all.find("{\"open\":true}"), third = all.rfind("ok\n");
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  EXPECT_NE(third, all.npos);
}

TEST_F(ServeTest, ThereIsOneFirstAdministratorAndNoWayInWithout) {
  serve();
  const HttpClient nobody = client();
  EXPECT_EQ(nobody.get("/api/first").json()["open"], true);
  for (const char* target : {"/api/search?q=a", "/api/records", "/api/session", "/api/people", "/api/audit", "/api/system", "/v1/models"}) {
    EXPECT_EQ(nobody.get(target).status, 401) << target;
  }
  EXPECT_EQ(nobody.post("/mcp", {{"jsonrpc", "2.0"}, {"id", 1}, {"method", "initialize"}}).status, 401);
  EXPECT_EQ(nobody.post("/api/first", {{"secret", "guess"}, {"name", "thief"}, {"password", kPassword}}).status, 401);
  const HttpClient admin = administrator();
  EXPECT_EQ(nobody.get("/api/first").json()["open"], false);
  EXPECT_EQ(admin.get("/api/session").json()["person"]["role"], "administrator");
  EXPECT_EQ(with_key("wrong").get("/api/session").status, 401);
}

TEST_F(ServeTest, WhatWasKeptLongEnoughGoesByItself) {
  constexpr Micros kYear = Micros{365} * 86'400'000'000;
  {
    auto old = govern::Audit::open(home(), [] { return now_micros() - 6 * kYear; });
    ASSERT_TRUE(old) << old.error().message;
    ASSERT_TRUE(old->append({"ask", "kim", "session", "O", "", "{\"question\":\"words of long ago\"}"}));
  }
  serve();
  const HttpClient admin = administrator();
  Json pruned;
  for (int i = 0; i < 200 && pruned.empty(); ++i) {
    pruned = admin.get("/api/audit?kind=prune").json()["entries"];
    if (pruned.empty()) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  ASSERT_EQ(pruned.size(), 1U);
  EXPECT_EQ(pruned[0]["how"], "retention");
  EXPECT_TRUE(admin.get("/api/audit?q=long%20ago").json()["entries"].empty());
  EXPECT_EQ(admin.call("POST", "/api/audit/verify", "").json()["ok"], true);
}

TEST_F(ServeTest, OnesOwnPasswordIsChanged) {
  serve();
  administrator();
  HttpClient c = client(), other = client();
  const HttpReply session = c.post("/api/session", {{"name", "admin"}, {"password", kPassword}});
  c.headers = session_headers(session);
  other.headers = session_headers(other.post("/api/session", {{"name", "admin"}, {"password", kPassword}}));
  constexpr const char* kNew = "four words in a row";
  const auto code = [](const HttpReply& reply) { return reply.json()["error"]["code"].get<std::string>(); };
  EXPECT_EQ(code(c.post("/api/password", {{"password", "wrong wrong"}, {"new", kNew}})), "wrong_password");
  EXPECT_EQ(code(c.post("/api/password", {{"password", kPassword}, {"new", "short"}})), "weak_password");
  const HttpReply changed = c.post("/api/password", {{"password", kPassword}, {"new", kNew}});
  ASSERT_EQ(changed.status, 204) << changed.body;
  EXPECT_EQ(other.get("/api/session").status, 401) << "other sessions are over";
  const std::string cookie = changed.headers.at("set-cookie");
  c.headers = {{"Cookie", cookie.substr(0, cookie.find(';'))}};
  EXPECT_EQ(c.get("/api/session").status, 200) << "this one goes on";
  EXPECT_EQ(code(client().post("/api/session", {{"name", "admin"}, {"password", kPassword}})), "wrong_password");
  EXPECT_EQ(client().post("/api/session", {{"name", "admin"}, {"password", kNew}}).status, 200);
}

TEST_F(ServeTest, AFilteredListComesInPagesThatEnd) {
  // More than are looked at for a page, of which few fit, most of these at the end.
  std::string lines;
  for (int i = 0; i < 4500; ++i) {
    char line[120];
    std::snprintf(line, sizeof line, "{\"id\":\"r%04d\",\"title\":\"%s %d\",\"text\":\"본문 %d.\"}\n", i, i == 5 || i > 4490 ? "찾을것" : "다른것", i, i);
    lines += line;
  }
  ASSERT_EQ(run({"add", write("many.jsonl", lines).string()}).status, 0);
  serve();
  const HttpClient admin = administrator();
  EXPECT_EQ(admin.get("/api/records?limit=3").json()["total"], 4500);
  std::vector<std::string> found;
  std::string after;
  int pages = 0;
  for (bool more = true; more && pages < 20; ++pages) {
    const Json page = admin.get("/api/records?limit=4&q=%EC%B0%BE%EC%9D%84%EA%B2%83&after=" + after).json();
    for (const Json& record : page["records"]) found.push_back(record["record"]);
    EXPECT_LE(page["records"].size(), 4U);
    EXPECT_TRUE(page["total"].is_null());
    more = page["next"].is_string();
    if (more) after = page["next"];
  }
  EXPECT_EQ(found.size(), 10U);
  EXPECT_TRUE(std::is_sorted(found.begin(), found.end()));
  EXPECT_GE(pages, 4);
  EXPECT_LE(pages, 6) << "three scans, and the pages that fill up";
}

TEST_F(ServeTest, ASessionNeedsItsTokenForChangesAndEnds) {
  serve();
  administrator();
  HttpClient c = client();
  EXPECT_EQ(c.post("/api/session", {{"name", "admin"}, {"password", "wrong wrong wrong"}}).status, 401);
  const HttpReply session = c.post("/api/session", {{"name", "admin"}, {"password", kPassword}});
  ASSERT_EQ(session.status, 200) << session.body;
  EXPECT_NE(session.headers.at("set-cookie").find("HttpOnly; SameSite=Strict"), std::string::npos);
  c.headers = session_headers(session);
  EXPECT_EQ(c.get("/api/session").json()["csrf"], session.json()["csrf"]);
  EXPECT_EQ(c.post("/api/keys", {{"scopes", {"ask"}}}).status, 201);
  HttpClient without = c;
  without.headers.pop_back();
  EXPECT_EQ(without.post("/api/keys", {{"scopes", {"ask"}}}).status, 403);
  HttpClient elsewhere = c;
  elsewhere.headers.emplace_back("Origin", "http://evil.example");
  EXPECT_EQ(elsewhere.post("/api/keys", {{"scopes", {"ask"}}}).status, 403);
  EXPECT_EQ(c.call("DELETE", "/api/session").status, 204);
  EXPECT_EQ(c.get("/api/session").status, 401);
}

TEST_F(ServeTest, AKeyMayOnlyWhatItsScopesSay) {
  serve();
  const HttpClient member = person("kim", "O", "member", {"search"});
  EXPECT_EQ(member.get("/api/search?q=a").status, 200);
  EXPECT_EQ(member.post("/api/ask", {{"question", "?"}}).status, 403);
  EXPECT_EQ(member.get("/api/people").status, 403);
  EXPECT_EQ(member.post("/api/keys", {{"scopes", {"ask"}}}).status, 403) << "a key must not make a key";
  EXPECT_EQ(administrator().post("/api/keys", {{"person", "kim"}, {"scopes", {"people"}}}).status / 100, 4) << "beyond the role";
}

TEST_F(ServeTest, WhatIsUploadedIsFoundAskedOpenedAndVersioned) {
  serve();
  const HttpClient admin = administrator();
  const std::string first = "# 냉각수 지침\n\n냉각수는 45도 이하로 유지한다.\n", second = "# 냉각수 지침\n\n냉각수는 40도 이하로 유지한다.\n";
  const Json job = wait_for(admin, admin.upload({{"냉각수.md", first}, {"빈.pdf", "%PDF-1.4 broken"}}));
  EXPECT_EQ(job["state"], "done") << job;
  EXPECT_EQ(job["records"], Json({"냉각수.md"}));
  ASSERT_EQ(job["failed"].size(), 1U) << job;
  EXPECT_EQ(job["failed"][0]["path"], "빈.pdf");
  const Json found = admin.get("/api/search?q=%EB%83%89%EA%B0%81%EC%88%98").json();
  ASSERT_EQ(found["results"].size(), 1U) << found;
  const Json answer = admin.post("/api/ask", {{"question", "냉각수는 몇 도 이하로 유지하나?"}, {"quotes", 1}}).json();
  ASSERT_FALSE(answer["citations"].empty() && answer["closest"].empty()) << answer;
  EXPECT_EQ(wait_for(admin, admin.upload({{"냉각수.md", second}}))["state"], "done");
  const std::string id = "/api/records/%EB%83%89%EA%B0%81%EC%88%98.md";
  const Json record = admin.get(id).json();
  EXPECT_EQ(record["versions"].size(), 2U) << record;
  EXPECT_NE(admin.get(id + "/text").body.find("40도"), std::string::npos);
  EXPECT_NE(admin.get(id + "/text?version=1").body.find("45도"), std::string::npos);
  const HttpReply html = admin.get(id + "/html");
  EXPECT_TRUE(html.headers.at("content-security-policy").starts_with("sandbox; default-src 'none'"));
  EXPECT_NE(html.body.find("id=\"b1\""), std::string::npos);
  EXPECT_EQ(admin.get(id + "/original").body, second);
  EXPECT_EQ(admin.get(id + "/blocks").json()["blocks"][1]["text"], "냉각수는 40도 이하로 유지한다.");
  EXPECT_EQ(admin.get("/api/records").json()["total"], 1);
  EXPECT_EQ(admin.call("DELETE", id, Json{{"reason", "a test"}}.dump()).status, 204);
  EXPECT_EQ(admin.get(id).status, 404);
  const Json log = admin.get("/api/audit").json();
  std::set<std::string> kinds;
  for (const Json& entry : log["entries"]) kinds.insert(entry["kind"]);
  for (const char* kind : {"serve", "person", "key", "upload", "add", "search", "ask", "open", "erase"}) EXPECT_TRUE(kinds.contains(kind)) << kind;
  EXPECT_EQ(admin.call("POST", "/api/audit/verify").json()["ok"], true);
}

TEST_F(ServeTest, OfAContainerTheRecordsOwnPartIsSaved) {
  serve();
  const HttpClient admin = administrator();
  wait_for(admin, admin.upload({{"m.eml", "From: a@example.org\nSubject: A\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n\nhello\n"
                                          "--x\nContent-Type: text/plain; name=\"memo.txt\"\nContent-Disposition: attachment; filename=\"memo.txt\"\n\nthe memo's words\n--x--\n"},
                                {"r.jsonl", "{\"id\":\"1\",\"text\":\"first\"}\n{\"id\":\"2\",\"text\":\"second\"}\n"}}));
  const HttpReply memo = admin.get("/api/records/m.eml%2Fmemo.txt/original");
  EXPECT_EQ(memo.status, 200) << memo.body;
  EXPECT_EQ(std::string(trim(memo.body)), "the memo's words");
  EXPECT_NE(memo.headers.at("content-disposition").find("memo.txt"), std::string::npos) << memo.headers.at("content-disposition");
  EXPECT_NE(admin.get("/api/records/m.eml/original").body.find("--x--"), std::string::npos) << "the mail itself is whole";
  EXPECT_EQ(admin.get("/api/records/r.jsonl%2F1/original").status, 404);
}

TEST_F(ServeTest, UploadsThatMakeNoSenseAreRefusedAndLeaveNothing) {
  serve();
  const HttpClient admin = administrator();
  const auto refused = [&](const HttpReply& reply, const std::string& words) {
    EXPECT_EQ(reply.status, 400) << reply.body;
    EXPECT_NE(reply.body.find(words), std::string::npos) << reply.body;
  };
  refused(admin.upload({}), "no part named");
  refused(admin.upload({{"../../etc/passwd", "x"}}), "no name for a file");
  refused(admin.upload({{"a.md", "x"}, {"a.md", "y"}}), "twice");
  refused(admin.upload({{"a.md", "x"}}, "secret"), "secret");
  refused(admin.call("POST", "/api/records", "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nhalf", "multipart/form-data; boundary=b"), "cut off");
  EXPECT_EQ(admin.call("POST", "/api/records", "{}").status, 415);
  size_t left = 0;
  for (const auto& entry : fs::directory_iterator(home() / "uploads")) left += entry.path().filename() != "files";
  EXPECT_EQ(left, 0U);
}

TEST_F(ServeTest, NobodySeesWhatHisClearanceDoesNotReach) {
  serve();
  const HttpClient admin = administrator();
  wait_for(admin, admin.upload({{"공개.md", "# 안내\n\n주차장은 지하 2층이다.\n"}}, "O"));
  wait_for(admin, admin.upload({{"기밀.md", "# 안내\n\n주차장은 폭파 대상이다.\n"}}, "C"));
  const HttpClient low = person("low", "O"), high = person("high", "C");
  const std::string query = "/api/search?q=%EC%A3%BC%EC%B0%A8%EC%9E%A5";
  EXPECT_EQ(low.get(query).json()["results"].size(), 1U);
  EXPECT_EQ(high.get(query).json()["results"].size(), 2U);
  EXPECT_EQ(low.get("/api/records").json()["total"], 1);
  const std::string hidden = "/api/records/%EA%B8%B0%EB%B0%80.md";
  for (const std::string& form : {std::string(), std::string("/html"), std::string("/text"), std::string("/original"), std::string("/blocks"), std::string("/links")}) {
    const HttpReply no = low.get(hidden + form), nothing = low.get("/api/records/%EC%97%86%EB%8B%A4.md" + form);
    EXPECT_EQ(no.status, 404) << form;
    EXPECT_EQ(nothing.status, 404) << form;
    EXPECT_EQ(high.get(hidden + form).status, 200) << form;
  }
  EXPECT_EQ(low.post("/api/ask", {{"question", "주차장은 무슨 대상인가?"}}).body.find("폭파"), std::string::npos);
}

TEST_F(ServeTest, AnswersAsAStreamEndWithTheWholeAnswer) {
  serve();
  const HttpClient admin = administrator();
  wait_for(admin, admin.upload({{"a.md", "# 출입\n\n출입증은 총무팀에서 발급한다.\n"}}));
  const HttpReply reply = admin.post("/api/ask", {{"question", "출입증은 어디서 발급하나?"}, {"stream", true}});
  EXPECT_EQ(reply.headers.at("content-type"), "text/event-stream; charset=utf-8");
  EXPECT_TRUE(reply.body.starts_with("event: evidence\ndata: {")) << reply.body;
  const size_t last = reply.body.rfind("event: ");
  EXPECT_TRUE(reply.body.substr(last).starts_with("event: answer\ndata: {")) << reply.body;
}

TEST_F(ServeTest, WhatOthersAddIsFoundWithinASecond) {
  serve();
  const HttpClient admin = administrator();
  const fs::path file = write("밖에서.md", "# 밖\n\n바깥에서 더한 기록이다.\n");
  ASSERT_EQ(run({"add", file.string()}).status, 0);
  bool found = false;
  for (int i = 0; i < 100 && !found; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    found = admin.get("/api/search?q=%EB%B0%94%EA%B9%A5").json()["results"].size() == 1;
  }
  EXPECT_TRUE(found);
}

TEST_F(ServeTest, AnAcknowledgedUploadSurvivesBeingKilled) {
  serve();
  HttpClient admin = administrator();
  std::vector<std::pair<std::string, std::string>> files;
  for (int i = 0; i < 100; ++i) files.emplace_back("기록" + std::to_string(i) + ".md", "# 기록 " + std::to_string(i) + "\n\n내용이다.\n");
  ASSERT_EQ(admin.upload(files).status, 202);
  kill_server();
  serve();
  const HttpClient again = with_key(admin.headers[0].second.substr(7));
  uint64_t total = 0;
  for (int i = 0; i < 600 && total < 100; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    total = again.get("/api/records?limit=1").json()["total"];
  }
  EXPECT_EQ(total, 100U);
  EXPECT_EQ(stop(), 0);
}

TEST_F(ServeTest, StoppingEndsOpenStreamsAndIdleConnections) {
  serve();
  const HttpClient admin = administrator();
  HttpClient assistant = admin;
  const HttpReply opened = assistant.post("/mcp", {{"jsonrpc", "2.0"}, {"id", 1}, {"method", "initialize"}, {"params", {{"protocolVersion", "2025-06-18"}}}});
  ASSERT_EQ(opened.status, 200) << opened.body;
  assistant.headers.emplace_back("Mcp-Session-Id", opened.headers.at("mcp-session-id"));
  assistant.headers.emplace_back("Accept", "text/event-stream");
  const int stream = assistant.connect(), idle = assistant.connect();
  HttpClient::send(stream, assistant.request("GET", "/mcp"));
  HttpClient::send(idle, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
  char byte = 0;
  ASSERT_EQ(::recv(stream, &byte, 1, 0), 1);
  ASSERT_EQ(::recv(idle, &byte, 1, 0), 1);
  EXPECT_EQ(stop(), 0);
  EXPECT_TRUE(HttpClient::drain(stream).ends_with("0\r\n\r\n")) << "the stream ends properly";
  HttpClient::drain(idle);
  ::close(stream);
  ::close(idle);
}

TEST_F(ServeTest, GoldQuestionsAreAskedAndTheirFailuresShown) {
  serve();
  const HttpClient admin = administrator();
  EXPECT_EQ(admin.call("POST", "/api/evaluations").status, 409);
  wait_for(admin, admin.upload({{"a.md", "# 출입\n\n출입증은 총무팀에서 발급한다.\n"}}));
  EXPECT_EQ(admin.post("/api/gold", {{"question", "출입증은 어디서 발급하나?"}, {"answer", "총무팀"}, {"record", "a.md"}}).status, 201);
  const HttpReply wrong = admin.post("/api/gold", {{"question", "출입증은 어디서 발급하나?"}, {"answer", "화성"}, {"record", "a.md"}});
  EXPECT_EQ(admin.post("/api/gold", {{"question", "?"}, {"answer", "x"}, {"record", "none"}}).status, 404);
  EXPECT_EQ(admin.get("/api/gold").json()["gold"].size(), 2U);
  const Json job = wait_for(admin, admin.call("POST", "/api/evaluations"));
  ASSERT_EQ(job["state"], "done") << job;
  const Json list = admin.get("/api/evaluations").json()["evaluations"];
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0]["questions"], 2);
  const Json one = admin.get("/api/evaluations/" + list[0]["id"].get<std::string>()).json();
  bool shown = false;
  for (const Json& failure : one["failures"]) shown = shown || failure["expected"] == "화성";
  EXPECT_TRUE(shown) << one;
  EXPECT_EQ(admin.call("DELETE", "/api/gold/" + wrong.json()["id"].get<std::string>()).status, 204);
  EXPECT_EQ(admin.get("/api/gold").json()["gold"].size(), 1U);
}

TEST_F(ServeTest, AnEvaluationIsOfWhatItsAskerSees) {
  serve();
  const HttpClient admin = administrator();
  wait_for(admin, admin.upload({{"a.md", "# 출입\n\n출입증은 총무팀에서 발급한다.\n"}, {"b.md", "# 작전\n\n작전명은 청룡이다.\n"}}));
  ASSERT_EQ(run({"label", "b.md", "C"}).status, 0);
  const HttpClient low = person("low", "O", "curator", {"ask", "search", "read", "evaluate"});
  EXPECT_EQ(admin.post("/api/gold", {{"question", "작전명은 무엇인가?"}, {"answer", "청룡"}, {"record", "b.md"}}).status, 201);
  EXPECT_EQ(admin.post("/api/gold", {{"question", "작전은 언제 끝나나?"}, {"answer", "6월"}}).status, 201);  // of no record: as secret as its author may see
  EXPECT_EQ(low.get("/api/gold").json()["gold"].size(), 0U);
  EXPECT_EQ(low.call("POST", "/api/evaluations").status, 409) << "as if there were none";
  EXPECT_EQ(low.call("POST", "/api/evaluations", "{}").status, 409) << "a body that nobody asked for is no matter";
  EXPECT_EQ(low.call("POST", "/api/evaluations", std::string(2000, ' ')).status, 413);
  EXPECT_EQ(low.post("/api/gold", {{"question", "출입증은 어디서 발급하나?"}, {"answer", "총무팀"}, {"record", "a.md"}}).status, 201);
  const Json all = wait_for(admin, admin.call("POST", "/api/evaluations"));
  const Json some = wait_for(low, low.call("POST", "/api/evaluations"));
  ASSERT_EQ(all["state"], "done") << all;
  ASSERT_EQ(some["state"], "done") << some;
  const Json of_admin = admin.get("/api/evaluations").json()["evaluations"], of_low = low.get("/api/evaluations").json()["evaluations"];
  ASSERT_EQ(of_admin.size(), 2U);
  ASSERT_EQ(of_low.size(), 1U) << of_low;
  EXPECT_EQ(of_low[0]["clearance"], "O");
  EXPECT_EQ(of_low[0]["questions"], 1);
  EXPECT_EQ(of_low[0]["answer_rate"], 100.0);
  EXPECT_EQ(of_low[0].dump().find("\"C\""), std::string::npos) << "no figure by a label that is not his";
  EXPECT_EQ(low.get("/api/evaluations/" + all["message"].get<std::string>()).status, 404);
}

TEST_F(ServeTest, TooManyRequestsOfOnePersonAreRefused) {
  serve({"--rate-limit", "60"});
  const HttpClient admin = administrator();
  int last = 0;
  for (int i = 0; i < 30 && last != 429; ++i) last = admin.get("/api/session").status;
  EXPECT_EQ(last, 429);
  EXPECT_EQ(client().get("/healthz").status, 200);
}

}  // namespace
}  // namespace sillok::system_test
