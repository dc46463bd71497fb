// What the process that speaks to the identity provider can still do.
#include "server/confine.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace sillok::server {
namespace {

// A socket that listens on this machine, and its port.
std::pair<int, uint16_t> listening() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::listen(fd, 1), 0);
  EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  return {fd, ntohs(address.sin_port)};
}

int connect_error(uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int error = fd < 0 || ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ? errno : 0;
  ::close(fd);
  return error;
}

bool opens(const char* path, int flags) {
  const int fd = ::open(path, flags, 0600);
  if (fd >= 0) ::close(fd);
  return fd >= 0;
}

// The kernel's version of Landlock: files from 1 on, connections from 4.
long landlock_version() { return ::syscall(SYS_landlock_create_ruleset, nullptr, 0, 1); }

TEST(ConfineProvider, LeavesItsPortsAndNothingElse) {
  const auto [allowed_fd, allowed] = listening();
  const auto [other_fd, other] = listening();
  char secret[] = "/tmp/sillok-confine-XXXXXX", given[] = "/tmp/sillok-confine-XXXXXX";
  ::close(::mkstemp(secret));
  ::close(::mkstemp(given));
  const long landlock = landlock_version();
  const pid_t child = ::fork();
  if (child == 0) {
    int wrong = 0;
    const auto expect = [&](bool holds, int which) { wrong = holds || wrong != 0 ? wrong : which; };
    expect(confine_provider({given}, {allowed}).has_value(), 1);
    expect(connect_error(allowed) == 0, 2);
    expect(landlock < 4 || connect_error(other) == EACCES, 3);
    expect(::socket(AF_INET, SOCK_DGRAM, 0) < 0 && ::socket(AF_INET6, SOCK_DGRAM, 0) < 0, 4);
    expect(::socket(AF_NETLINK, SOCK_RAW, 0) < 0 && ::socket(AF_PACKET, SOCK_RAW, 0) < 0, 5);
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    expect(::listen(fd, 1) < 0, 6);
    expect(landlock < 1 || !opens(secret, O_RDONLY), 7);
    expect(landlock < 1 || !opens("/tmp/sillok-confine-new", O_WRONLY | O_CREAT), 8);
    expect(opens(given, O_RDONLY), 9);
    expect(landlock < 1 || !opens(given, O_WRONLY), 10);
    expect(opens("/etc/hosts", O_RDONLY), 11);
    char program[] = "/bin/false";  // would end with 1
    char* arguments[] = {program, nullptr};
    ::execv(program, arguments);
    expect(errno == EACCES, 12);
    ::_exit(wrong);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0) << "the number of the expectation that failed";
  for (const int fd : {allowed_fd, other_fd}) ::close(fd);
  for (const char* file : {secret, given}) ::unlink(file);
}

}  // namespace
}  // namespace sillok::server
