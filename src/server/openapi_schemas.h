// Private to server: the shapes of requests and replies, as JSON Schema 2020-12 by name.
#pragma once

#include <string_view>

namespace sillok::server {

std::string_view openapi_schemas();  // a JSON object

}  // namespace sillok::server
