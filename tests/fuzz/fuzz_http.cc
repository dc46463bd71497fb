// Any bytes as what a client sends: an address, a JSON body, a form, an upload's name, and OpenAI's and MCP's bodies as
// far as they go without a home.
#include "server/http.h"
#include "server/multipart.h"
#include "server/routes.h"
#include "server/upload.h"

using namespace sillok::server;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Request request;
  request.method = size % 2 == 0 ? "GET" : "POST";
  request.target = "/" + std::string(bytes.substr(0, 4096));
  request.headers.emplace_back("cookie", std::string(bytes.substr(0, 4096)));
  (void)cookie(request, "sillok");
  if (parse_target(request)) (void)find_route(request);
  if (const auto json = parse_json(bytes)) {
    const std::string again = dump(*json);
    if (!parse_json(again)) __builtin_trap();  // what is taken can be sent
    for (const char* name : {"question", "messages", "model"}) (void)text_field(*json, name);
    (void)integer_field(*json, "limit", 0, 10);
    (void)number_field(*json, "temperature");
  }
  // A form means the same however it is cut.
  const auto parts = [&](size_t step) {
    std::string seen;
    MultipartParser parser("b", {[&](const MultipartParser::Part& part) -> sillok::Status {
                                   seen += "<" + part.name + "|" + part.file_name + ">";
                                   return {};
                                 },
                                 [&](std::string_view piece) -> sillok::Status {
                                   seen += piece;
                                   return {};
                                 },
                                 [&]() -> sillok::Status {
                                   seen += "</>";
                                   return {};
                                 }});
    bool ok = true;
    for (size_t at = 0; ok && at < size; at += step) ok = parser.write(bytes.substr(at, step)).has_value();
    return ok && parser.finish() ? seen : std::string("refused");
  };
  const std::string whole = parts(std::max<size_t>(size, 1));
  if (size < 4096 && whole != parts(1)) __builtin_trap();
  const auto name = upload_name(bytes.substr(0, 2048));
  if (name && (name->starts_with("/") || ("/" + *name + "/").find("/../") != name->npos)) __builtin_trap();
  return 0;
}
