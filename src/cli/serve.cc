#include "cli/common.h"
#include "server/server.h"

namespace sillok::cli {

int run_serve(const Common& common, const ServeArguments& arguments) {
  server::ServeOptions options;
  options.home = common.home;
  if (auto read = server::parse_listen(arguments.listen, options); !read) return report_usage(read.error());
  options.certificate = arguments.certificate;
  options.key = arguments.key;
  options.model = arguments.model;
  options.requests_per_minute = arguments.requests_per_minute;
  options.upload_bytes = arguments.upload_mib << 20;
  options.confine = !arguments.no_confine;
  options.say = [](const std::string& line) {
    std::fprintf(stderr, "%s\n", line.c_str());
    std::fflush(stderr);
  };
  auto server = server::Server::start(std::move(options));
  if (!server) return report_error(server.error());
  (*server)->run();
  return 0;
}

}  // namespace sillok::cli
