// Changing what is kept: labels, and erasing.
#include "server/access.h"
#include "server/records.h"

namespace sillok::server {
namespace {

Response native(const Error& error) { return error_response(Surface::kNative, error); }

}  // namespace

Response erase_record(App& app, Request& request) {
  const auto body = parse_json(request.body);
  if (!body) return native(body.error());
  const auto reason = required_text(*body, "reason");
  if (!reason) return native(reason.error());
  const auto version = version_of(app, request, request.captures[0]);
  if (!version) return native(version.error());
  // Everything of the record goes: only who may see all of it may do that.
  const auto all = app.archive.versions(version->record);
  const Access access(app, request.identity);
  for (const auto& each : all) {
    if (!each.erased && !access.sees(each.label)) {
      return error_response(Surface::kNative, 404, "not_found", "there is no record '" + shorten(version->record, 200) + "'");
    }
  }
  const auto erased = app.archive.erase(version->record);
  if (!erased) return native(erased.error());
  if (const auto kept = app.record(request.identity, "erase", version->record, version->label,
                                   {{"reason", *reason}, {"versions", erased->versions}, {"blobs", erased->blobs}}); !kept) {
    return native(kept.error());
  }
  if (const Status indexed = app.refresh(); !indexed) return native(indexed.error());
  Response response;
  response.status = 204;
  return response;
}

}  // namespace sillok::server
