// Changing what is kept: labels, and erasing.
#include "server/access.h"
#include "server/records.h"
#include "train/train.h"

namespace sillok::server {
namespace {

// What a person who may change labels may change: a record of which he sees every version.
Result<archive::Version> whole_record(App& app, const Request& request) {
  SILLOK_ASSIGN(const archive::Version version, version_of(app, request, request.captures[0]));
  const Access access(app, request.identity);
  for (const auto& each : app.archive.versions(version.record)) {
    if (!each.erased && !access.sees(each.label)) return fail(ErrorCode::kNotFound, "there is no record '" + shorten(version.record, 200) + "'");
  }
  return version;
}

Json change_details(const archive::LabelChange& change, const char* act) {
  return {{"act", act}, {"from", change.from}, {"to", change.label}, {"reason", change.reason}, {"proposed_by", change.person}, {"proposal", change.proposal}};
}

}  // namespace

Response change_label(App& app, Request& request) {
  const auto body = parse_json(request.body);
  if (!body) return native(body.error());
  const auto label = required_text(*body, "label");
  const auto reason = text_field(*body, "reason");
  if (!label) return native(label.error());
  if (!reason) return native(reason.error());
  const auto version = whole_record(app, request);
  if (!version) return native(version.error());
  const auto change = app.archive.label(version->record, *label, reason->value_or(""), request.identity.person.name);
  if (!change) return native(change.error());
  if (const auto kept = app.record(request.identity, "label", version->record, change->from, change_details(*change, change->proposal == 0 ? "raise" : "propose")); !kept) {
    return native(kept.error());
  }
  if (change->proposal != 0) return json_response({{"proposal", std::to_string(change->proposal)}}, 202);
  if (const Status indexed = app.refresh(); !indexed) return native(indexed.error());
  const auto now = Access(app, request.identity).version(version->record, 0, kDayMax);
  if (now) return record_detail(app, request.identity, *now);
  // He has raised it above himself.
  Response response;
  response.status = 204;
  return response;
}

Response list_proposals(App& app, Request& request) {
  const Access access(app, request.identity);
  Json list = Json::array();
  for (const auto& proposal : app.archive.proposals()) {
    const auto version = access.version(proposal.record, 0, kDayMax);
    if (!version || !access.sees(proposal.from)) continue;
    list.push_back({{"id", std::to_string(proposal.proposal)}, {"record", proposal.record}, {"title", version->title}, {"from", proposal.from},
                    {"to", proposal.label}, {"reason", proposal.reason}, {"person", proposal.person}, {"created", format_micros(proposal.made)}});
  }
  return json_response({{"proposals", std::move(list)}});
}

Response decide_proposal(App& app, Request& request) {
  const auto body = parse_json(request.body);
  if (!body) return native(body.error());
  const auto confirm = flag_field(*body, "confirm");
  if (!confirm) return native(confirm.error());
  if (!*confirm) return error_response(Surface::kNative, 400, "invalid", "\"confirm\" is missing");
  const Access access(app, request.identity);
  for (const auto& proposal : app.archive.proposals()) {
    if (std::to_string(proposal.proposal) != request.captures[0] || !access.sees(proposal.from)) continue;
    const auto decided = app.archive.decide(proposal.proposal, **confirm, request.identity.person.name);
    if (!decided) {
      if (decided.error().code == ErrorCode::kDenied) return error_response(Surface::kNative, 403, "own_proposal", decided.error().message);
      return native(decided.error());
    }
    if (const auto kept = app.record(request.identity, "label", proposal.record, proposal.from, change_details(*decided, **confirm ? "lower" : "refuse")); !kept) {
      return native(kept.error());
    }
    if (const Status indexed = app.refresh(); !indexed) return native(indexed.error());
    Response response;
    response.status = 204;
    return response;
  }
  return error_response(Surface::kNative, 404, "not_found", "there is no such proposal");
}

Response erase_record(App& app, Request& request) {
  const auto body = parse_json(request.body);
  if (!body) return native(body.error());
  const auto reason = required_text(*body, "reason");
  if (!reason) return native(reason.error());
  // Everything of the record goes: only who may see all of it may do that.
  const auto version = whole_record(app, request);
  if (!version) return native(version.error());
  const auto erased = app.archive.erase(version->record);
  if (!erased) return native(erased.error());
  const auto made = train::made_from(app.archive, version->record);
  if (!made) return native(made.error());
  Json retrain = Json::array();
  for (const train::Made& each : *made) retrain.push_back({{"kind", each.kind}, {"path", each.path.string()}, {"sha256", each.hash}});
  if (const auto kept = app.record(request.identity, "erase", version->record, version->label,
                                   {{"reason", *reason}, {"versions", erased->versions}, {"blobs", erased->blobs}, {"retrain", retrain}}); !kept) {
    return native(kept.error());
  }
  if (const Status indexed = app.refresh(); !indexed) return native(indexed.error());
  Response response;
  response.status = 204;
  return response;
}

}  // namespace sillok::server
