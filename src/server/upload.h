// Private to server: uploads, from the form's bytes to files that survive a crash.
#pragma once

#include "server/app.h"

namespace sillok::server {

// Takes a multipart body to disk. kInvalid if the request's content type is none that it understands.
Result<std::shared_ptr<BodySink>> make_upload_sink(App& app, const Request& request);
// A file's name as sent, as a relative path that stays where it is put. kInvalid for one that cannot.
Result<std::string> upload_name(std::string_view sent);

}  // namespace sillok::server
