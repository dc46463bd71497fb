// Signals between being ready and serving.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

#include "archive/archive.h"
#include "server/server.h"

namespace sillok::server {
namespace {

TEST(Server, EndsProperlyOnASignalThatComesAsSoonAsItSaysThatItServes) {
  char folder[] = "/tmp/sillok-signal-XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  const fs::path home = fs::path(folder) / "home";
  ASSERT_TRUE(archive::Archive::create(home));
  std::string said;
  ServeOptions options;
  options.home = home;
  options.port = 0;
  options.confine = false;  // the test program goes on
  options.say = [&](const std::string& line) {
    if (line.find(" serves ") != line.npos) ::raise(SIGTERM);  // unhandled, it would be the end of this test
    said += line;
  };
  auto server = Server::start(std::move(options));
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_NE(said.find(" serves "), said.npos);
  (*server)->run();  // comes back by itself
  server->reset();
  fs::remove_all(folder);
}

}  // namespace
}  // namespace sillok::server
