// The organisation's own model server, played by a stub that says what each test wants: streams, refusals, broken ones.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "answer/remote.h"
#include "tests/answer/scripted.h"

namespace sillok::answer {
namespace {

using Json = nlohmann::json;

// Answers every connection with the same bytes, in `pieces`, then closes or holds it open.
class Stub {
 public:
  explicit Stub(std::vector<std::string> pieces, bool hold = false, int pause_ms = 0) : pieces_(std::move(pieces)), hold_(hold), pause_ms_(pause_ms) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(::listen(listener_, 8), 0);
    socklen_t size = sizeof(address);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~Stub() {
    over_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    ::close(listener_);
    thread_.join();
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/v1"; }
  std::string request() const { return request_; }
  int connections() const { return connections_; }

 private:
  void serve() {
    while (!over_) {
      const int connection = ::accept(listener_, nullptr, nullptr);
      if (connection < 0) return;
      ++connections_;
      std::string got;
      char buffer[4096];
      size_t wanted = std::string::npos;
      while (got.size() < wanted) {
        const ssize_t n = ::read(connection, buffer, sizeof(buffer));
        if (n <= 0) break;
        got.append(buffer, static_cast<size_t>(n));
        const size_t end = got.find("\r\n\r\n"), length = got.find("Content-Length: ");
        if (end != got.npos && length != got.npos) wanted = end + 4 + static_cast<size_t>(std::atoi(got.c_str() + length + 16));
      }
      request_ = got;
      for (const std::string& piece : pieces_) {
        (void)!::send(connection, piece.data(), piece.size(), MSG_NOSIGNAL);
        if (pause_ms_ > 0) std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms_));
      }
      while (hold_ && !over_) {
        // Until the client goes.
        if (::recv(connection, buffer, sizeof(buffer), MSG_DONTWAIT) == 0) break;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
      ::close(connection);
    }
  }
  std::vector<std::string> pieces_;
  bool hold_;
  int pause_ms_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<bool> over_{false};
  std::atomic<int> connections_{0};
  std::string request_;
  std::thread thread_;
};

const std::string kHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nConnection: close\r\n\r\n";
std::string said(const std::string& text) { return "data: " + Json{{"choices", {{{"index", 0}, {"delta", {{"content", text}}}, {"finish_reason", nullptr}}}}}.dump() + "\n\n"; }
const std::string kStop = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const std::string kUsage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":3}}\n\n";
const std::string kDone = "data: [DONE]\n\n";
std::string refusal(const std::string& status, const std::string& body = "", const std::string& header = "") {
  return "HTTP/1.1 " + status + "\r\nContent-Type: application/json\r\n" + header + "Content-Length: " + std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" + body;
}

std::unique_ptr<Generator> remote(const std::string& url, const fs::path& key = "", uint32_t idle_ms = 5000, uint32_t total_ms = 10000) {
  RemoteOptions options;
  options.base_url = url;
  options.model = "agency-7b";
  options.key_file = key;
  options.connect_ms = 2000;
  options.idle_ms = idle_ms;
  options.total_ms = total_ms;
  auto opened = open_remote_generator(options);
  EXPECT_TRUE(opened) << opened.error().message;
  return opened ? std::move(*opened) : nullptr;
}
Generator::Request question() {
  Generator::Request request;
  request.turns = {{"system", "rules"}, {"user", "질문?"}};
  request.max_tokens = 33;
  request.seed = 0;
  return request;
}
// The error's one line.
std::string error_of(const std::string& url) {
  const auto reply = remote(url)->chat(question());
  EXPECT_FALSE(reply);
  const std::string message = reply ? "" : reply.error().message;
  EXPECT_EQ(message.find('\n'), std::string::npos);
  EXPECT_NE(message.find("127.0.0.1"), std::string::npos) << "says which peer: " << message;
  return message;
}

TEST(Remote, StreamsAndCounts) {
  const fs::path key = fs::temp_directory_path() / ("sillok_key_" + std::to_string(::getpid()));
  ASSERT_TRUE(write_file_atomic(key, "sk-local-1\n"));
  ::chmod(key.c_str(), 0600);
  // Cut in the middle of lines and of characters.
  const std::string body = kHead + said("수의") + said("계약 한도") + kStop + kUsage + kDone;
  std::vector<std::string> pieces;
  for (size_t at = 0; at < body.size(); at += 11) pieces.push_back(body.substr(at, 11));
  Stub stub(pieces);
  const auto generator = remote(stub.url() + "/", key);
  std::string streamed;
  Generator::Request request = question();
  request.on_text = [&](std::string_view text) { streamed += text; };
  const auto reply = generator->chat(request);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->text, "수의계약 한도");
  EXPECT_EQ(streamed, reply->text);
  EXPECT_EQ(reply->prompt_tokens, 12U);
  EXPECT_EQ(reply->tokens, 3U);
  EXPECT_FALSE(reply->cut);
  const std::string sent = stub.request();
  EXPECT_TRUE(sent.starts_with("POST /v1/chat/completions HTTP/1.1\r\n")) << sent;
  EXPECT_NE(sent.find("Authorization: Bearer sk-local-1\r\n"), std::string::npos);
  const Json asked = Json::parse(sent.substr(sent.find("\r\n\r\n") + 4));
  EXPECT_EQ(asked["model"], "agency-7b");
  EXPECT_EQ(asked["max_tokens"], 33);
  EXPECT_EQ(asked["stream"], true);
  EXPECT_EQ(asked["temperature"], 0.0);
  EXPECT_EQ(asked["messages"][1]["content"], "질문?");
  EXPECT_FALSE(asked.contains("response_format"));
  fs::remove(key);
}

TEST(Remote, AsksForASchemaAsOpenAiDoes) {
  Stub stub({kHead, said("{}"), kStop, kDone});
  Generator::Request request = question();
  request.schema = R"({"type":"object"})";
  ASSERT_TRUE(remote(stub.url())->chat(request));
  const std::string sent = stub.request();
  const Json format = Json::parse(sent.substr(sent.find("\r\n\r\n") + 4))["response_format"];
  EXPECT_EQ(format["type"], "json_schema");
  EXPECT_EQ(format["json_schema"]["strict"], true);
  EXPECT_EQ(format["json_schema"]["schema"], Json({{"type", "object"}}));
}

TEST(Remote, SaysThatItWasCut) {
  Stub stub({kHead, said("a"), "data: {\"choices\":[{\"delta\":{\"content\":\"b\"},\"finish_reason\":\"length\"}]}\n\n", kDone});
  const auto reply = remote(stub.url())->chat(question());
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->text, "ab");
  EXPECT_TRUE(reply->cut);
}

TEST(Remote, EachRefusalIsOneClearLine) {
  const auto says = [](const std::string& answer, const char* words) {
    Stub stub({answer});
    const std::string message = error_of(stub.url());
    EXPECT_NE(message.find(words), std::string::npos) << message;
  };
  says(refusal("401 Unauthorized", R"({"error":{"message":"bad\nkey"}})"), "refuses the key (401): bad key; see [answer] key_file");
  says(refusal("404 Not Found"), "knows no model 'agency-7b'");
  says(refusal("429 Too Many Requests", "", "Retry-After: 7\r\n"), "is busy (429); ask again after 7 s");
  says(refusal("500 Internal Server Error", "<html>oops</html>"), "failed (500)");
  says(refusal("400 Bad Request", R"({"error":{"message":"too long"}})"), "refuses the request (400): too long");
  says(refusal("200 OK", R"({"choices":[]})"), "did not stream");
  says(refusal("302 Found", "", "Location: http://127.0.0.1:1/v1\r\n"), "is not followed");
}

TEST(Remote, BrokenStreamsAreErrors) {
  const auto says = [](const std::vector<std::string>& pieces, const char* words) {
    Stub stub(pieces);
    const std::string message = error_of(stub.url());
    EXPECT_NE(message.find(words), std::string::npos) << message;
  };
  says({kHead, said("half of it")}, "broke off in the middle");
  says({kHead, said("x"), "data: {not json\n\n"}, "what is no JSON");
  says({kHead, said("x"), "data: {\"error\":{\"message\":\"out of memory\"}}\n\n"}, "it reports: out of memory");
  says({kHead, "data: " + std::string(3 << 20, 'x')}, "more than a megabyte");
}

TEST(Remote, TimeOutsAndUnreachablePeersAreErrors) {
  {
    Stub stub({kHead, said("slow")}, true);
    const auto reply = remote(stub.url(), "", 200)->chat(question());
    ASSERT_FALSE(reply);
    EXPECT_NE(reply.error().message.find("sent nothing for"), std::string::npos) << reply.error().message;
  }
  {
    Stub stub({kHead, said("a"), said("b"), said("c"), said("d"), said("e"), said("f")}, true, 100);
    const auto reply = remote(stub.url(), "", 5000, 300)->chat(question());
    ASSERT_FALSE(reply);
    EXPECT_NE(reply.error().message.find("did not finish in time"), std::string::npos) << reply.error().message;
  }
  EXPECT_NE(error_of("http://127.0.0.1:1/v1").find("cannot be reached"), std::string::npos);
}

TEST(Remote, CancellingClosesTheConnection) {
  Stub stub({kHead, said("one ")}, true);
  std::string streamed;
  Generator::Request request = question();
  request.on_text = [&](std::string_view text) { streamed += text; };
  request.cancelled = [&] { return !streamed.empty(); };
  const auto reply = remote(stub.url())->chat(request);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_TRUE(reply->cancelled);
  EXPECT_EQ(reply->text, "one ");
}

TEST(Remote, NeitherProxyNorEnvironmentSendsItElsewhere) {
  Stub elsewhere({refusal("200 OK")}), stub({kHead, said("here"), kStop, kDone});
  ::setenv("http_proxy", elsewhere.url().c_str(), 1);
  ::setenv("ALL_PROXY", elsewhere.url().c_str(), 1);
  const auto reply = remote(stub.url())->chat(question());
  ::unsetenv("http_proxy");
  ::unsetenv("ALL_PROXY");
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->text, "here");
  EXPECT_EQ(elsewhere.connections(), 0);
}

TEST(Remote, AddressesAndKeysThatMakeNoSenseAreRefused) {
  const auto refused = [](const std::string& url, const std::string& model, const fs::path& key, const char* words) {
    const auto opened = open_remote_generator(url, model, key);
    ASSERT_FALSE(opened) << url;
    EXPECT_NE(opened.error().message.find(words), std::string::npos) << opened.error().message;
  };
  refused("ftp://llm/v1", "m", "", "neither http nor https");
  refused("llm.agency.example/v1", "m", "", "llm.agency.example");
  refused("https://user:pass@llm/v1", "m", "", "password");
  refused("https://llm/v1", "", "", "model");
  refused("https://llm/v1", "m", "/nonexistent/key", "/nonexistent/key");
  const fs::path key = fs::temp_directory_path() / ("sillok_badkey_" + std::to_string(::getpid()));
  ASSERT_TRUE(write_file_atomic(key, "sk\r\nX-Other: 1"));
  ::chmod(key.c_str(), 0600);
  refused("https://llm/v1", "m", key, "no key");
  ASSERT_TRUE(write_file_atomic(key, "sk-1"));
  ::chmod(key.c_str(), 0644);
  refused("https://llm/v1", "m", key, "chmod");
  ::chmod(key.c_str(), 0600);
  refused("http://llm.agency.example/v1", "m", key, "https");
  fs::remove(key);
}

TEST_F(WritingTest, ARemoteModelWritesAnAnswer) {
  open_home("구매규정\t2024-07-01\tO\t건당 2천만원 이하의 구매는 수의계약으로 할 수 있다.\n");
  Stub stub({kHead, said("건당 2천만원 이하의 구매는 "), said("수의계약으로 할 수 있습니다 [1]."), kStop, kDone});
  const auto generator = remote(stub.url());
  EXPECT_EQ(ask("수의계약으로 할 수 있는 구매는 건당 얼마 이하인가?", *generator).text, "건당 2천만원 이하의 구매는 수의계약으로 할 수 있습니다. [1]");
}

}  // namespace
}  // namespace sillok::answer
