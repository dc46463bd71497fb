// `sillok audit`.
#include <iostream>

#include "cli/actor.h"
#include "cli/govern_verbs.h"

namespace sillok::cli {
namespace {

using govern::Audit;

Json entry_json(const govern::Entry& entry) {
  Json json;
  json["id"] = entry.id;
  json["time"] = format_micros(entry.time);
  json["kind"] = entry.event.kind;
  json["person"] = entry.event.person;
  json["how"] = entry.event.how;
  json["label"] = entry.event.label;
  json["subject"] = entry.event.subject;
  json["details"] = Json::parse(entry.event.details, nullptr, false);
  json["hash"] = entry.hash;
  return json;
}

Result<govern::AuditQuery> audit_query(const Common& common, const AuditArguments& a) {
  constexpr Micros kDay = 86'400'000'000;
  govern::AuditQuery query;
  query.kind = a.kind;
  query.person = a.person;
  query.text = a.text;
  query.before = a.before;
  query.limit = a.limit;
  if (!a.from.empty()) {
    SILLOK_ASSIGN(const Day day, day_option(a.from, "--from"));
    query.from = day * kDay;
  }
  if (!a.to.empty()) {
    SILLOK_ASSIGN(const Day day, day_option(a.to, "--to"));
    query.to = (Micros{day} + 1) * kDay;
  }
  SILLOK_ASSIGN(const Actor actor, open_actor(common.home, a.as));
  query.clearance = actor.clearance();
  return query;
}

}  // namespace

int audit_show(const Common& common, const AuditArguments& a) {
  const auto query = audit_query(common, a);
  if (!query) return report_usage(query.error());
  const auto audit = Audit::open(common.home);
  if (!audit) return report_error(audit.error());
  std::vector<govern::Entry> entries;
  if (a.id != 0) {
    auto entry = audit->entry(a.id);
    if (!entry) return report_error(entry.error());
    entries.push_back(std::move(*entry));
  } else {
    entries = audit->find(*query);
  }
  Json json = Json::array();
  for (const govern::Entry& entry : entries) {
    if (common.json) {
      json.push_back(entry_json(entry));
    } else {
      std::printf("%6llu  %s  %-10s %-14s %s  %s\n", static_cast<unsigned long long>(entry.id), format_micros(entry.time).c_str(),
                  entry.event.kind.c_str(), entry.event.person.c_str(), entry.event.subject.c_str(), shorten(entry.event.details, 120).c_str());
    }
  }
  if (common.json) print_json({{"public_key", audit->public_key()}, {"entries", json}});
  return 0;
}

int audit_verify(const Common& common) {
  const auto audit = Audit::open(common.home);
  if (!audit) return report_error(audit.error());
  const govern::Verification found = audit->verify();
  if (common.json) {
    Json json = {{"ok", found.ok}, {"entries", found.entries}, {"first_bad", found.first_bad == 0 ? Json() : Json(found.first_bad)}};
    if (!found.ok) json["reason"] = found.reason;
    print_json(json);
  } else if (found.ok) {
    std::printf("The audit log is as it was written: %llu entries.\n", static_cast<unsigned long long>(found.entries));
  } else {
    std::printf("The audit log is NOT as it was written, from entry %llu on: %s\n", static_cast<unsigned long long>(found.first_bad), found.reason.c_str());
  }
  return found.ok ? 0 : 1;
}

int audit_export(const Common& common, const AuditArguments& a) {
  const auto query = audit_query(common, a);
  if (!query) return report_usage(query.error());
  const auto audit = Audit::open(common.home);
  if (!audit) return report_error(audit.error());
  const auto actor = open_actor(common.home, a.as);
  if (!actor) return report_error(actor.error());
  if (const Status done = audit->export_to(std::cout, *query); !done) return report_error(done.error());
  const Status noted = audit_act(common.home, *actor, "audit", "audit", {{"act", "export"}, {"kind", a.kind}, {"person", a.person}});
  return noted ? 0 : report_error(noted.error());
}

int audit_prune(const Common& common) {
  const auto settings = govern::load_settings(common.home);
  if (!settings) return report_error(settings.error());
  auto audit = Audit::open(common.home);
  if (!audit) return report_error(audit.error());
  const auto dropped = audit->prune(settings->retention);
  if (!dropped) return report_error(dropped.error());
  if (common.json) print_json({{"dropped", *dropped}});
  else std::printf("The contents of %llu entries were dropped; the chain stays whole.\n", static_cast<unsigned long long>(*dropped));
  return 0;
}

}  // namespace sillok::cli
