// A plain HTTP client for the tests: one request a connection, or bytes as they are given. Nothing of the server's code.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace sillok::system_test {

struct HttpReply {
  int status = 0;  // 0: the connection ended without a reply
  std::map<std::string, std::string> headers;  // names in lower case; the last of each
  std::string body;
  nlohmann::json json() const { return nlohmann::json::parse(body, nullptr, false); }
};

class HttpClient {
 public:
  explicit HttpClient(uint16_t port) : port_(port) {}

  std::vector<std::pair<std::string, std::string>> headers;  // sent with every request

  int connect() const {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    timeval limit{60, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      ::close(fd);
      return -1;
    }
    return fd;
  }
  static void send(int fd, const std::string& bytes) {
    for (size_t at = 0; at < bytes.size();) {
      const ssize_t n = ::send(fd, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
      if (n <= 0) return;
      at += static_cast<size_t>(n);
    }
  }
  // Everything up to the end of the connection.
  static std::string drain(int fd) {
    std::string all;
    char buffer[1 << 16];
    for (ssize_t n = 0; (n = ::recv(fd, buffer, sizeof buffer, 0)) > 0;) all.append(buffer, static_cast<size_t>(n));
    return all;
  }
  static HttpReply parse(const std::string& bytes) {
    HttpReply reply;
    const size_t end = bytes.find("\r\n\r\n");
    if (end == bytes.npos || !bytes.starts_with("HTTP/1.1 ")) return reply;
    if (bytes.starts_with("HTTP/1.1 100")) return parse(bytes.substr(end + 4));
    reply.status = std::stoi(bytes.substr(9, 3));
    for (size_t at = bytes.find("\r\n") + 2; at < end;) {
      const size_t line = bytes.find("\r\n", at), colon = bytes.find(": ", at);
      std::string name = bytes.substr(at, colon - at);
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      reply.headers[name] = bytes.substr(colon + 2, line - colon - 2);
      at = line + 2;
    }
    reply.body = bytes.substr(end + 4);
    if (reply.headers["transfer-encoding"] == "chunked") reply.body = dechunk(reply.body);
    return reply;
  }
  HttpReply raw(const std::string& bytes) const {
    const int fd = connect();
    if (fd < 0) return {};
    send(fd, bytes);
    const std::string all = drain(fd);
    ::close(fd);
    return parse(all);
  }
  std::string request(const std::string& method, const std::string& target, const std::string& body = "",
                      const std::string& type = "application/json") const {
    std::string out = method + " " + target + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port_) + "\r\nConnection: close\r\n";
    for (const auto& [name, value] : headers) out += name + ": " + value + "\r\n";
    if (!body.empty()) out += "Content-Type: " + type + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    return out + "\r\n" + body;
  }
  HttpReply call(const std::string& method, const std::string& target, const std::string& body = "",
                 const std::string& type = "application/json") const {
    return raw(request(method, target, body, type));
  }
  HttpReply get(const std::string& target) const { return call("GET", target); }
  HttpReply post(const std::string& target, const nlohmann::json& body) const { return call("POST", target, body.dump()); }
  HttpReply upload(const std::vector<std::pair<std::string, std::string>>& files, const std::string& label = "", const std::string& record = "") const {
    std::string body;
    const auto part = [&](const std::string& disposition, const std::string& bytes) {
      body += "--bound\r\nContent-Disposition: form-data; " + disposition + "\r\n\r\n" + bytes + "\r\n";
    };
    if (!label.empty()) part("name=\"label\"", label);
    if (!record.empty()) part("name=\"record\"", record);
    for (const auto& [name, bytes] : files) part("name=\"file\"; filename=\"" + name + "\"\r\nContent-Type: application/octet-stream", bytes);
    return call("POST", "/api/records", body + "--bound--\r\n", "multipart/form-data; boundary=bound");
  }
  uint16_t port() const { return port_; }

 private:
  static std::string dechunk(const std::string& bytes) {
    std::string out;
    for (size_t at = 0; at < bytes.size();) {
      const size_t line = bytes.find("\r\n", at);
      if (line == bytes.npos) break;
      const size_t size = std::stoul(bytes.substr(at, line - at), nullptr, 16);
      if (size == 0) break;
      out += bytes.substr(line + 2, size);
      at = line + 2 + size + 2;
    }
    return out;
  }
  uint16_t port_;
};

}  // namespace sillok::system_test
