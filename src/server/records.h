// Private to server: records as several routes show them.
#pragma once

#include "server/access.h"

namespace sillok::server {

Status record_opening(App& app, const govern::Identity& who, const archive::Version& version, const char* form);
Response record_detail(App& app, const govern::Identity& who, const archive::Version& version);
Json link_json(const Access& access, const archive::Link& link, std::string_view record);

}  // namespace sillok::server
