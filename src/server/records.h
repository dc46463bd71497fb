// Private to server: records as several routes show them.
#pragma once

#include "server/access.h"

namespace sillok::server {

Status record_opening(App& app, const govern::Identity& who, const archive::Version& version, const char* form);
Response record_detail(App& app, const govern::Identity& who, const archive::Version& version);
Json link_json(App& app, const Access& access, const archive::Link& link, std::string_view record);
// kNotFound if the file it was read from holds records that the asker may not see.
Status may_have_original(App& app, const govern::Identity& who, const archive::Version& version);

}  // namespace sillok::server
