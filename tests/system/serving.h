// A server in a home of its own, with an administrator signed in by key.
#pragma once

#include <chrono>
#include <thread>

#include "http.h"
#include "program.h"

namespace sillok::system_test {

inline constexpr const char* kPassword = "correct horse battery";

class ServingTest : public SystemTest {
 protected:
  void TearDown() override {
    if (server_ > 0) stop();
    SystemTest::TearDown();
  }

  // Starts `sillok serve` and waits until it says where.
  void serve(std::vector<std::string> more = {}) {
    said_ = folder() / "serve.err";
    std::error_code ignored;
    fs::remove(said_, ignored);
    std::vector<std::string> arguments = {"serve", "--listen", "127.0.0.1:0"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    server_ = start(arguments, "/dev/null", said_);
    for (int i = 0; i < 1200; ++i) {
      const std::string text = said();
      const size_t at = text.find("127.0.0.1:");
      if (at != text.npos && text.find('\n', at) != text.npos) {
        port_ = static_cast<uint16_t>(std::stoi(text.substr(at + 10)));
        return;
      }
      if (::waitpid(server_, nullptr, WNOHANG) == server_) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    server_ = -1;
    FAIL() << "the server did not start: " << said();
  }
  std::string said() const { return read_file(said_).value_or(""); }
  // SIGTERM; the exit status.
  int stop() {
    ::kill(server_, SIGTERM);
    const int status = wait(server_);
    server_ = -1;
    return status;
  }
  void kill_server() {
    ::kill(server_, SIGKILL);
    wait(server_);
    server_ = -1;
  }
  HttpClient client() const { return HttpClient(port_); }
  // With the first link, once; then by a key with all an administrator's scopes.
  HttpClient administrator() {
    HttpClient c = client();
    if (key_.empty()) {
      std::string text;
      for (int i = 0; i < 100 && (text = said()).find("#/first/") == text.npos; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
      const size_t at = text.find("#/first/");
      EXPECT_NE(at, text.npos) << text;
      std::string secret = text.substr(at + 8, text.find('\n', at) - at - 8);
      const HttpReply session = c.post("/api/first", {{"secret", secret}, {"name", "admin"}, {"password", kPassword}});
      EXPECT_EQ(session.status, 200) << session.body;
      c.headers = session_headers(session);
      const HttpReply key = c.post("/api/keys", {{"scopes", session.json()["person"]["may"]}});
      EXPECT_EQ(key.status, 201) << key.body;
      key_ = key.json()["secret"];
    }
    return with_key(key_);
  }
  HttpClient with_key(const std::string& secret) const {
    HttpClient c = client();
    c.headers = {{"Authorization", "Bearer " + secret}};
    return c;
  }
  static std::vector<std::pair<std::string, std::string>> session_headers(const HttpReply& session) {
    const std::string cookie = session.headers.at("set-cookie");
    return {{"Cookie", cookie.substr(0, cookie.find(';'))}, {"X-CSRF-Token", session.json()["csrf"]}};
  }
  // A key of a new person with this clearance.
  HttpClient person(const std::string& name, const std::string& label, const std::string& role = "member",
                    const Json& scopes = {"ask", "search", "read"}) {
    const HttpClient admin = administrator();
    EXPECT_EQ(admin.post("/api/people", {{"name", name}, {"label", label}, {"role", role}, {"password", kPassword}}).status, 201);
    const HttpReply key = admin.post("/api/keys", {{"person", name}, {"scopes", scopes}});
    EXPECT_EQ(key.status, 201) << key.body;
    return with_key(key.json()["secret"]);
  }
  Json wait_for(const HttpClient& c, const HttpReply& started) {
    EXPECT_EQ(started.status, 202) << started.body;
    const std::string job = started.json()["job"];
    for (int i = 0; i < 1200; ++i) {
      const Json state = c.get("/api/jobs/" + job).json();
      if (state["state"] != "waiting" && state["state"] != "running") return state;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    ADD_FAILURE() << "the job does not end";
    return {};
  }
  pid_t server_process() const { return server_; }

 private:
  pid_t server_ = -1;
  uint16_t port_ = 0;
  fs::path said_;
  std::string key_;
};

}  // namespace sillok::system_test
