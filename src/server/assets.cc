#include "server/assets.h"

namespace sillok::server {
namespace {

std::string_view type_of(std::string_view path) {
  constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {".html", "text/html; charset=utf-8"}, {".js", "text/javascript; charset=utf-8"}, {".mjs", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"}, {".svg", "image/svg+xml"}, {".png", "image/png"}, {".ico", "image/x-icon"}, {".woff2", "font/woff2"},
      {".ttf", "font/ttf"}, {".json", "application/json"}, {".webmanifest", "application/manifest+json"}, {".wasm", "application/wasm"},
      {".bcmap", "application/octet-stream"}, {".pfb", "application/octet-stream"}, {".txt", "text/plain; charset=utf-8"}, {".map", "application/json"}};
  for (const auto& [ending, type] : kTypes) {
    if (path.ends_with(ending)) return type;
  }
  return "application/octet-stream";
}

bool accepts_gzip(std::string_view accepted) {
  for (std::string_view each : split(accepted, ',')) {
    each = trim(each);
    const std::string_view name = trim(each.substr(0, each.find(';')));
    if ((name == "gzip" || name == "*") && each.find("q=0") == each.npos) return true;
    if (name == "gzip" && each.find("q=0.") != each.npos) return true;
  }
  return false;
}

}  // namespace

bool has_console() { return embedded_assets().count > 0; }

std::optional<Response> find_asset(const Request& request) {
  if (request.method != "GET" && request.method != "HEAD") return std::nullopt;
  const std::string_view path = request.path == "/" ? std::string_view("/index.html") : std::string_view(request.path);
  const Assets assets = embedded_assets();
  for (size_t i = 0; i < assets.count; ++i) {
    const Asset& asset = assets.first[i];
    if (asset.path != path) continue;
    Response response;
    response.headers.emplace_back("Content-Type", type_of(path));
    response.headers.emplace_back("Cache-Control", path.starts_with("/assets/") ? "public, max-age=31536000, immutable" : "no-cache");
    response.headers.emplace_back("ETag", asset.etag);
    response.headers.emplace_back("Vary", "Accept-Encoding");
    if (request.header("if-none-match").find(asset.etag) != std::string_view::npos) {
      response.status = 304;
      return response;
    }
    const bool zipped = !asset.gzip.empty() && accepts_gzip(request.header("accept-encoding"));
    if (zipped) response.headers.emplace_back("Content-Encoding", "gzip");
    response.fixed = zipped ? asset.gzip : asset.bytes;
    return response;
  }
  return std::nullopt;
}

}  // namespace sillok::server
