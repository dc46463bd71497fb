// The interface's own description: routes() as OpenAPI 3.1, with the schemas of openapi_schemas.h.
#include "server/openapi_schemas.h"
#include "server/routes.h"
#include "server/server.h"

namespace sillok::server {
namespace {

Json schema_reference(const std::string& name) { return {{"$ref", "#/components/schemas/" + name}}; }

Json parameters_json(const Route& route) {
  Json list = Json::array();
  for (const std::string_view part : split(route.pattern, '/')) {
    if (!part.starts_with('{')) continue;
    list.push_back({{"name", part.substr(1, part.size() - 2)}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}});
  }
  for (const Parameter& parameter : route.query) {
    list.push_back({{"name", parameter.name}, {"in", "query"}, {"required", parameter.required}, {"description", parameter.description},
                    {"schema", {{"type", parameter.type}}}});
  }
  return list;
}

Json operation_json(const Route& route) {
  Json json = {{"operationId", route.operation}, {"summary", route.summary}};
  if (const Json parameters = parameters_json(route); !parameters.empty()) json["parameters"] = parameters;
  if (route.body != Body::kNone) {
    const char* type = route.body == Body::kMultipart ? "multipart/form-data" : "application/json";
    json["requestBody"] = {{"required", true}, {"content", {{type, {{"schema", schema_reference(route.body_schema)}}}}}};
  }
  Json replies = Json::object();
  for (const Reply& reply : route.replies) {
    Json content = {{"description", std::string(reason(reply.status))}};
    if (*reply.schema != '\0') content["content"] = {{reply.type, {{"schema", schema_reference(reply.schema)}}}};
    replies[std::to_string(reply.status)] = std::move(content);
  }
  const char* error = route.surface == Surface::kOpenAi ? "V1Error" : route.surface == Surface::kMcp ? "JsonRpc" : "Error";
  replies["default"] = {{"description", "What went wrong"}, {"content", {{"application/json", {{"schema", schema_reference(error)}}}}}};
  json["responses"] = std::move(replies);
  if (route.entry == Entry::kOpen) json["security"] = Json::array();
  if (route.entry == Entry::kScope) json["description"] = "Needs the scope `" + std::string(govern::to_string(route.scope)) + "`.";
  return json;
}

}  // namespace

std::string openapi_document() {
  Json document = {{"openapi", "3.1.0"},
                   {"info", {{"title", "Sillok"}, {"version", SILLOK_VERSION}, {"description", "Records, answers with citations, and who may see what."}, {"license", {{"name", "GPL-3.0-or-later"}, {"identifier", "GPL-3.0-or-later"}}}}},
                   {"servers", Json::array({{{"url", "/"}}})},
                   {"security", Json::array({{{"key", Json::array()}}, {{"session", Json::array()}}})}};
  Json paths = Json::object();
  for (const Route& route : routes()) paths[route.pattern][ascii_lower(route.method)] = operation_json(route);
  document["paths"] = std::move(paths);
  document["components"]["securitySchemes"] = {{"key", {{"type", "http"}, {"scheme", "bearer"}}},
                                               {"session", {{"type", "apiKey"}, {"in", "cookie"}, {"name", "sillok"}}}};
  document["components"]["schemas"] = Json::parse(openapi_schemas());
  return document.dump(1);
}

}  // namespace sillok::server
