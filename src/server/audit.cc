// Reading the audit log, which is itself recorded.
#include <sstream>

#include "server/app.h"

namespace sillok::server {
namespace {

// A day, or a time as this program writes it.
Result<Micros> time_argument(const Request& request, std::string_view name) {
  const std::string_view text = request.argument(name);
  if (text.empty()) return Micros{0};
  auto day = parse_day(text);
  if (!day) return fail(day.error().in(name));
  Micros time = static_cast<Micros>(*day) * kDay;
  int hour = 0, minute = 0, second = 0;
  if (const size_t t = text.find('T'); t != text.npos && std::sscanf(std::string(text.substr(t + 1)).c_str(), "%d:%d:%d", &hour, &minute, &second) >= 2) {
    time += (static_cast<Micros>(hour) * 3600 + minute * 60 + second) * 1'000'000;
  }
  return time;
}

Result<govern::AuditQuery> audit_query(const Request& request) {
  govern::AuditQuery query;
  query.kind = std::string(request.argument("kind"));
  query.person = std::string(request.argument("person"));
  query.text = std::string(request.argument("q"));
  SILLOK_ASSIGN(query.from, time_argument(request, "from"));
  SILLOK_ASSIGN(query.to, time_argument(request, "to"));
  SILLOK_ASSIGN(query.before, integer_argument(request, "before", 0, UINT64_MAX));
  SILLOK_ASSIGN(const uint64_t limit, integer_argument(request, "limit", 100, 1000));
  query.limit = std::max<uint64_t>(1, limit);
  query.clearance = request.identity.person.clearance;
  return query;
}

Json entry_json(const govern::Entry& entry) {
  Json details = Json::parse(entry.event.details, nullptr, false);
  if (details.is_discarded()) details = Json::object();
  return {{"id", entry.id}, {"time", format_micros(entry.time)}, {"kind", entry.event.kind}, {"person", entry.event.person},
          {"how", entry.event.how}, {"label", entry.event.label}, {"subject", entry.event.subject}, {"details", std::move(details)}, {"hash", entry.hash}};
}

}  // namespace

Response find_audit(App& app, Request& request) {
  const auto query = audit_query(request);
  if (!query) return error_response(Surface::kNative, query.error());
  Json entries = Json::array();
  uint64_t last = 0;
  for (const auto& entry : app.audit.find(*query)) {
    entries.push_back(entry_json(entry));
    last = entry.id;
  }
  const bool more = entries.size() == query->limit && last > 1;
  return json_response({{"entries", std::move(entries)}, {"next", more ? Json(last) : Json()}});
}

Response export_audit(App& app, Request& request) {
  const auto query = audit_query(request);
  if (!query) return error_response(Surface::kNative, query.error());
  std::ostringstream out;
  if (const Status done = app.audit.export_to(out, *query); !done) return error_response(Surface::kNative, done.error());
  if (const auto kept = app.record(request.identity, "audit", "export", "", {{"kind", query->kind}, {"person", query->person}}); !kept) {
    return error_response(Surface::kNative, kept.error());
  }
  Response response;
  response.headers.emplace_back("Content-Type", "application/x-ndjson; charset=utf-8");
  response.headers.emplace_back("Content-Disposition", "attachment; filename=\"sillok-audit.jsonl\"");
  response.body = std::move(out).str();
  return response;
}

Response verify_audit(App& app, Request& request) {
  const govern::Verification v = app.audit.verify();
  if (const auto kept = app.record(request.identity, "audit", "verify", "", {{"ok", v.ok}, {"entries", v.entries}}); !kept) {
    return error_response(Surface::kNative, kept.error());
  }
  return json_response({{"ok", v.ok}, {"entries", v.entries}, {"first_bad", v.first_bad == 0 ? Json() : Json(v.first_bad)}, {"reason", v.reason}});
}

}  // namespace sillok::server
