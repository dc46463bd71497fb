// /api/openapi.json against the server: every operation in it is called, every reply fits its schema, and every route
// that answers is in it.
#include "peer.h"
#include "schema.h"
#include "serving.h"

#include <set>

namespace sillok::system_test {
namespace {

class OpenApiTest : public ServingTest {
 protected:
  void begin() {
    fs::create_directories(home() / "models");
    const std::string command = fs::path(SILLOK_PROGRAM).parent_path() / "make_models";
    ASSERT_EQ(std::system((command + " '" + (home() / "models").string() + "' llama bert > /dev/null").c_str()), 0);
    serve({"--model", "llama"});
    admin_ = std::make_unique<HttpClient>(administrator());
    document_ = client().get("/api/openapi.json").json();
    ASSERT_EQ(document_["openapi"], "3.1.0");
    checker_ = std::make_unique<SchemaChecker>(document_);
  }

  // Calls an operation; its status must be `status`, its body fit what is documented for it.
  HttpReply call(const std::string& method, const std::string& path, const std::string& target, int status, const Json& body = nullptr) {
    const Json& operation = operation_of(method, path);
    if (!body.is_null() && operation.contains("requestBody")) {
      const std::string wrong = checker_->check(operation["requestBody"]["content"]["application/json"]["schema"], body);
      EXPECT_EQ(wrong, "") << method << " " << path << ", the request";
    }
    const HttpReply reply = admin_->call(method, target, body.is_null() ? "" : body.dump());
    check(method, path, reply, status);
    return reply;
  }
  void check(const std::string& method, const std::string& path, const HttpReply& reply, int status) {
    const Json& operation = operation_of(method, path);
    EXPECT_EQ(reply.status, status) << method << " " << path << ": " << reply.body;
    const std::string key = operation["responses"].contains(std::to_string(status)) ? std::to_string(status) : "default";
    EXPECT_TRUE(status >= 400 || key != "default") << method << " " << path << " documents no " << status;
    const Json& documented = operation["responses"][key];
    if (!documented.contains("content")) {
      EXPECT_EQ(reply.body, "") << method << " " << path;
      return;
    }
    const std::string type = documented["content"].begin().key();
    EXPECT_TRUE(reply.headers.count("content-type") == 1 && (reply.headers.at("content-type").starts_with(type) || type == "application/octet-stream")) << method << " " << path;
    if (type != "application/json") return;
    const std::string wrong = checker_->check(documented["content"][type]["schema"], reply.json());
    EXPECT_EQ(wrong, "") << method << " " << path;
  }
  const Json& operation_of(const std::string& method, const std::string& path) {
    std::string lower = method;
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    called_.insert(method + " " + path);
    static const Json kNone = Json::object();
    if (!document_["paths"].contains(path) || !document_["paths"][path].contains(lower)) {
      ADD_FAILURE() << method << " " << path << " is not documented";
      return kNone;
    }
    return document_["paths"][path][lower];
  }

  Json document_;
  std::unique_ptr<HttpClient> admin_;
  std::unique_ptr<SchemaChecker> checker_;
  std::set<std::string> called_;
};

TEST_F(OpenApiTest, EveryOperationIsAsDocumented) {
  begin();
  for (const char* path : {"/healthz", "/readyz", "/metrics", "/api/openapi.json", "/api/system", "/api/first", "/api/session", "/api/people", "/api/keys",
                           "/api/jobs", "/api/gold", "/api/evaluations", "/api/models", "/api/training", "/api/releases", "/api/proposals", "/api/audit", "/api/audit/export", "/v1/models"}) {
    call("GET", path, path, 200);
  }
  call("POST", "/api/first", "/api/first", 401, {{"secret", "s"}, {"name", "n"}, {"password", kPassword}});
  check("POST", "/api/session", client().post("/api/session", {{"name", "admin"}, {"password", kPassword}}), 200);
  call("POST", "/api/session", "/api/session", 401, {{"name", "admin"}, {"password", "wrong wrong wrong"}});
  call("GET", "/api/sign-in", "/api/sign-in", 200);
  call("GET", "/api/sign-in/oidc", "/api/sign-in/oidc", 404);
  call("GET", "/api/sign-in/oidc/return", "/api/sign-in/oidc/return", 404);
  call("POST", "/api/password", "/api/password", 403, {{"password", kPassword}, {"new", "another long password"}});
  // records
  const HttpReply uploaded = admin_->upload({{"a.md", "# 출입\n\n출입증은 총무팀에서 발급한다. 문의: 010-1234-5678\n\n| 층 | 부서 |\n|---|---|\n| 1 | 총무팀 |\n"}, {"b.md", "# 둘째\n\n[첫째](a.md)를 보라.\n"}}, "O");
  check("POST", "/api/records", uploaded, 202);
  const std::string job = uploaded.json()["job"];
  EXPECT_EQ(wait_for(*admin_, uploaded)["state"], "done");
  call("GET", "/api/jobs/{job}", "/api/jobs/" + job, 200);
  call("DELETE", "/api/jobs/{job}", "/api/jobs/" + job, 204);
  call("GET", "/api/jobs", "/api/jobs", 200);
  call("GET", "/api/records", "/api/records", 200);
  call("GET", "/api/records", "/api/records?limit=1", 200);
  call("GET", "/api/records/{record}", "/api/records/a.md", 200);
  call("GET", "/api/records/{record}", "/api/records/none", 404);
  for (const char* form : {"/html", "/text", "/original", "/blocks", "/links"}) {
    call("GET", "/api/records/{record}" + std::string(form), "/api/records/a.md" + std::string(form), 200);
  }
  EXPECT_GT(admin_->get("/api/records/a.md").json()["personal"].size(), 0U);
  call("GET", "/api/records/{record}/links", "/api/records/b.md/links", 200);
  call("GET", "/api/search", "/api/search?q=%EC%B6%9C%EC%9E%85%EC%A6%9D", 200);
  call("GET", "/api/search", "/api/search", 400);
  call("POST", "/api/ask", "/api/ask", 200, {{"question", "출입증은 어디서 발급하나?"}, {"model", "quote"}});
  call("POST", "/api/ask", "/api/ask", 400, {{"question", ""}});
  call("POST", "/api/records/{record}/label", "/api/records/a.md/label", 200, {{"label", "S"}, {"reason", "a test"}});
  const HttpReply proposal = call("POST", "/api/records/{record}/label", "/api/records/a.md/label", 202, {{"label", "O"}, {"reason", "a test"}});
  call("GET", "/api/proposals", "/api/proposals", 200);
  call("POST", "/api/proposals/{proposal}", "/api/proposals/" + proposal.json()["proposal"].get<std::string>(), 403, {{"confirm", true}});
  {
    const HttpClient second = person("second", "C", "curator", {"label", "read"});
    check("POST", "/api/proposals/{proposal}", second.post("/api/proposals/" + proposal.json()["proposal"].get<std::string>(), {{"confirm", true}}), 204);
    EXPECT_EQ(admin_->get("/api/records/a.md").json()["label"], "O");
  }
  call("DELETE", "/api/records/{record}", "/api/records/b.md", 204, {{"reason", "a test"}});
  // gold questions
  const HttpReply gold = call("POST", "/api/gold", "/api/gold", 201, {{"question", "출입증은 어디서?"}, {"answer", "화성"}, {"record", "a.md"}});
  call("GET", "/api/gold", "/api/gold", 200);
  {
    // A model draws a question from the record.
    const Peer peer([](const std::string&) { return R"({"question":"게시판은 어느 부서에서 관리합니까?","answer":"홍보팀에서"})"; });
    json({"add", write("board.md", "# 게시판\n\n건물 일 층의 게시판은 홍보팀에서 관리하며 붙이려는 사람은 사흘 앞서 글을 내고 도장을 받아야 한다.\n").string()});
    std::string settings = *read_file(home() / "sillok.toml");
    for (const auto& [from, to] : {std::pair<std::string, std::string>{"\nmodel = \"\"", "\nmodel = \"m\""}, {"\nremote = \"\"", "\nremote = \"" + peer.url() + "\""}}) settings.replace(settings.find(from), from.size(), to);
    const std::string before = *read_file(home() / "sillok.toml");
    ASSERT_TRUE(write_file_atomic(home() / "sillok.toml", settings));
    EXPECT_EQ(json({"train", "propose"})["kept"], 1);
    ASSERT_TRUE(write_file_atomic(home() / "sillok.toml", before));
    const HttpReply questions = call("GET", "/api/gold/proposals", "/api/gold/proposals", 200);
    ASSERT_EQ(questions.json()["total"], 1) << questions.body;
    call("GET", "/api/gold/proposals", "/api/gold/proposals?state=open", 400);
    const std::string path = "/api/gold/proposals/" + questions.json()["questions"][0]["id"].get<std::string>();
    call("POST", "/api/gold/proposals/{question}", path, 400, {{"confirm", true}, {"answer", "총무팀에서"}});
    call("POST", "/api/gold/proposals/{question}", path, 200, {{"confirm", true}, {"use", "measuring"}});
    call("POST", "/api/gold/proposals/{question}", path, 409, {{"confirm", false}});
    call("GET", "/api/gold/proposals", "/api/gold/proposals?state=confirmed", 200);
    call("GET", "/api/gold", "/api/gold", 200);
  }
  const HttpReply evaluation = call("POST", "/api/evaluations", "/api/evaluations", 202);
  const Json done = wait_for(*admin_, evaluation);
  EXPECT_EQ(done["state"], "done") << done;
  call("GET", "/api/evaluations", "/api/evaluations", 200);
  call("GET", "/api/evaluations/{evaluation}", "/api/evaluations/" + done["message"].get<std::string>(), 200);
  call("DELETE", "/api/gold/{gold}", "/api/gold/" + gold.json()["id"].get<std::string>(), 204);
  // models
  const std::string lines = write("lines.jsonl", "{\"text\":\"one two three\"}\n").string();
  const std::string trained = json({"tune", "-m", "llama", "--data", lines, "--out", (folder() / "adapter").string(), "--steps", "2", "--context", "64"})["run"];
  call("GET", "/api/training", "/api/training", 200);
  call("GET", "/api/training/{run}", "/api/training/" + trained, 200);
  EXPECT_EQ(admin_->get("/api/training/" + trained).json()["curve"].size(), 2U);
  call("GET", "/api/training/{run}", "/api/training/none", 404);
  const std::string release = json({"release", "propose"})["id"];
  call("GET", "/api/releases", "/api/releases", 200);
  call("GET", "/api/releases/{release}", "/api/releases/" + release, 200);
  call("GET", "/api/releases/{release}", "/api/releases/none", 404);
  // people
  call("POST", "/api/people", "/api/people", 201, {{"name", "lee"}, {"title", "이"}, {"role", "member"}, {"label", "S"}, {"password", kPassword}});
  call("POST", "/api/people", "/api/people", 409, {{"name", "lee"}, {"password", kPassword}});
  call("PATCH", "/api/people/{name}", "/api/people/lee", 200, {{"label", "O"}});
  const HttpReply key = call("POST", "/api/keys", "/api/keys", 201, {{"person", "lee"}, {"scopes", {"ask"}}, {"expires_days", 1}});
  call("GET", "/api/keys", "/api/keys", 200);
  call("DELETE", "/api/keys/{key}", "/api/keys/" + key.json()["key"]["id"].get<std::string>(), 204);
  call("DELETE", "/api/people/{name}", "/api/people/lee", 204);
  // audit
  call("GET", "/api/audit", "/api/audit?limit=2", 200);
  call("POST", "/api/audit/verify", "/api/audit/verify", 200);
  // OpenAI's
  call("GET", "/v1/models/{model}", "/v1/models/sillok", 200);
  call("GET", "/v1/models/{model}", "/v1/models/none", 404);
  const Json messages = Json::array({{{"role", "user"}, {"content", "출입증은 어디서 발급하나?"}}});
  call("POST", "/v1/chat/completions", "/v1/chat/completions", 404, {{"model", "none"}, {"messages", messages}});
  call("POST", "/v1/completions", "/v1/completions", 200, {{"model", "llama"}, {"prompt", "abc"}, {"max_tokens", 4}, {"logprobs", 2}});
  call("POST", "/v1/embeddings", "/v1/embeddings", 200, {{"model", "bert"}, {"input", {"abc", "가나"}}});
  call("POST", "/v1/rerank", "/v1/rerank", 200, {{"model", "sillok"}, {"query", "출입증"}, {"documents", {"주차장 안내", "출입증 발급"}}});
  // MCP
  const HttpReply opened = call("POST", "/mcp", "/mcp", 200, {{"jsonrpc", "2.0"}, {"id", 1}, {"method", "initialize"}, {"params", {{"protocolVersion", "2025-06-18"}}}});
  admin_->headers.emplace_back("Mcp-Session-Id", opened.headers.at("mcp-session-id"));
  call("POST", "/mcp", "/mcp", 200, {{"jsonrpc", "2.0"}, {"id", 2}, {"method", "tools/list"}});
  {
    const int fd = admin_->connect();
    HttpClient stream = *admin_;
    stream.headers.emplace_back("Accept", "text/event-stream");
    HttpClient::send(fd, stream.request("GET", "/mcp"));
    std::string head(4096, '\0');
    const ssize_t n = ::recv(fd, head.data(), head.size(), 0);
    ::close(fd);
    check("GET", "/mcp", HttpClient::parse(head.substr(0, static_cast<size_t>(std::max<ssize_t>(n, 0)))), 200);
  }
  call("DELETE", "/mcp", "/mcp", 204);
  call("DELETE", "/api/session", "/api/session", 204);

  for (const auto& [path, methods] : document_["paths"].items()) {
    for (const auto& [method, operation] : methods.items()) {
      std::string upper = method;
      for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      EXPECT_TRUE(called_.contains(upper + " " + path)) << upper << " " << path << " is documented and not called here";
    }
  }
}

}  // namespace
}  // namespace sillok::system_test
