// An organisation's own model server, as far as it is spoken to: streams what `say` makes of the last turn, one connection after another.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

namespace sillok::system_test {

class Peer {
 public:
  using Say = std::function<std::string(const std::string& turn)>;
  explicit Peer(Say say) : say_(std::move(say)), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address));
    (void)::listen(listener_, 8);
    socklen_t size = sizeof(address);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~Peer() {
    ::shutdown(listener_, SHUT_RDWR);
    ::close(listener_);
    thread_.join();
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/v1"; }
  int asked() const { return asked_; }

 private:
  using Json = nlohmann::json;

  void serve() {
    for (;;) {
      const int connection = ::accept(listener_, nullptr, nullptr);
      if (connection < 0) return;
      std::string got;
      char buffer[4096];
      size_t body = std::string::npos, whole = std::string::npos;
      while (got.size() < whole) {
        const ssize_t n = ::read(connection, buffer, sizeof(buffer));
        if (n <= 0) break;
        got.append(buffer, static_cast<size_t>(n));
        const size_t end = got.find("\r\n\r\n"), length = got.find("Content-Length: ");
        if (whole != got.npos || end == got.npos || length == got.npos) continue;
        body = end + 4;
        whole = body + static_cast<size_t>(std::atoi(got.c_str() + length + 16));
      }
      const Json request = body == std::string::npos ? Json() : Json::parse(got.substr(body), nullptr, false);
      if (request.is_object()) answer(connection, request);
      ::close(connection);
    }
  }
  void answer(int connection, const Json& request) {
    ++asked_;
    const std::string said = say_(request["messages"].back()["content"]);
    const Json event = {{"choices", {{{"index", 0}, {"delta", {{"content", said}}}, {"finish_reason", nullptr}}}}};
    const std::string reply = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\ndata: " + event.dump() +
                              "\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    (void)!::send(connection, reply.data(), reply.size(), MSG_NOSIGNAL);
  }

  Say say_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<int> asked_{0};
  std::thread thread_;
};

}  // namespace sillok::system_test
