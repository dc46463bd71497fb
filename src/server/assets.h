// Private to server: the console's files, compiled into the program (cmake/Embed.cmake).
#pragma once

#include "server/http.h"

namespace sillok::server {

struct Asset {
  std::string_view path;       // "/assets/index-3f2a.js"
  std::string_view bytes, gzip;  // gzip "": it does not gain by it
  std::string_view etag;       // quoted
};
// Made at build time; empty without a console.
struct Assets {
  const Asset* first;
  size_t count;
};
Assets embedded_assets();

bool has_console();
// The file at the request's address; none if it is no GET of one.
std::optional<Response> find_asset(const Request& request);

}  // namespace sillok::server
