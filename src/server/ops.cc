// For operators and their tools: health, metrics, the state of the system, the description of the interface.
#include <sys/statvfs.h>

#include "server/app.h"
#include "server/jobs.h"
#include "server/models.h"

namespace sillok::server {

namespace {

Response plain(int status, std::string text, std::string_view type = "text/plain; charset=utf-8") {
  Response response;
  response.status = status;
  response.headers.emplace_back("Content-Type", type);
  response.body = std::move(text);
  return response;
}

uint64_t folder_bytes(const fs::path& folder) {
  uint64_t bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code gone;  // files of the index come and go
    const auto size = it->is_regular_file(gone) ? it->file_size(gone) : 0;
    if (!gone) bytes += size;
  }
  return bytes;
}

}  // namespace

Response healthz(App&, Request&) { return plain(200, "ok\n"); }

Response readyz(App& app, Request&) {
  if (app.stopping) return plain(503, "stopping\n");
  return app.ready ? plain(200, "ok\n") : plain(503, "starting\n");
}

Response metrics(App& app, Request&) {
  std::string out;
  app.metrics.write(out);
  const ListenerCounts counts = app.listener_counts();
  write_metric(out, "sillok_connections", "gauge", "Open connections.", static_cast<double>(counts.connections));
  write_metric(out, "sillok_streams", "gauge", "Streams being sent.", static_cast<double>(counts.streams));
  write_metric(out, "sillok_answers_waiting", "gauge", "Answers to be written that wait for a worker.", static_cast<double>(app.slow->waiting()));
  write_metric(out, "sillok_answers_running", "gauge", "Answers being written.", static_cast<double>(app.slow->running()));
  const Jobs::Counts jobs = app.jobs->counts();
  write_metric(out, "sillok_jobs_waiting", "gauge", "Jobs that wait.", static_cast<double>(jobs.waiting));
  write_metric(out, "sillok_jobs_running", "gauge", "Jobs that run.", static_cast<double>(jobs.running));
  write_metric(out, "sillok_records", "gauge", "Records in the archive.", static_cast<double>(app.archive.record_count()));
  write_metric(out, "sillok_record_versions", "gauge", "Versions of records in the archive.", static_cast<double>(app.archive.version_count()));
  write_metric(out, "sillok_uptime_seconds", "gauge", "Since the start.", static_cast<double>(now_micros() - app.started) / 1e6);
  app.models()->write_metrics(out);
  return plain(200, std::move(out), "text/plain; version=0.0.4; charset=utf-8");
}

Response openapi(App&, Request&) {
  static const std::string document = openapi_document();
  Response response;
  response.headers.emplace_back("Content-Type", "application/json; charset=utf-8");
  response.fixed = document;
  return response;
}

Response system(App& app, Request&) {
  Json json = {{"version", SILLOK_VERSION}, {"home", app.archive.home().string()}};
  struct statvfs disk {};
  if (::statvfs(app.archive.home().c_str(), &disk) == 0) {
    json["disk"] = {{"used", folder_bytes(app.archive.home())}, {"free", disk.f_bavail * disk.f_frsize}};
  } else {
    json["disk"] = {{"used", nullptr}, {"free", nullptr}};
  }
  json["records"] = app.archive.record_count();
  json["versions"] = app.archive.version_count();
  json["index"] = {{"passages", app.searcher.passage_count()}, {"bytes", folder_bytes(app.archive.home() / "index")}};
  const Jobs::Counts jobs = app.jobs->counts();
  json["queue"] = {{"waiting", jobs.waiting + app.slow->waiting()}, {"running", jobs.running + app.slow->running()}};
  json["throughput"] = {{"requests_per_min", app.metrics.requests_last_minute()},
                        {"search_p50_ms", app.metrics.search.percentile_ms(0.5)},
                        {"search_p99_ms", app.metrics.search.percentile_ms(0.99)},
                        {"tokens_per_s", app.models()->tokens_per_s()}};
  Json failures = Json::array();
  constexpr size_t kShown = 200;
  for (const auto& failure : app.archive.failures()) {
    if (failures.size() < kShown) failures.push_back({{"path", failure.path}, {"reason", failure.reason}});
  }
  json["failures"] = std::move(failures);
  json["uptime_s"] = static_cast<double>(now_micros() - app.started) / 1e6;
  json["resident_bytes"] = resident_bytes();
  json["streams"] = app.listener_counts().streams;
  json["model"] = app.model_name().empty() ? Json() : Json(app.model_name());
  Json levels = Json::array();
  for (const auto& label : app.archive.labels()) levels.push_back({{"name", label.name}, {"title", label.title}});
  json["levels"] = std::move(levels);
  // Groups that anybody holds.
  std::vector<std::string> groups;
  for (const auto& person : app.registry.people()) groups.insert(groups.end(), person.clearance.groups.begin(), person.clearance.groups.end());
  std::sort(groups.begin(), groups.end());
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  json["groups"] = groups;
  return json_response(std::move(json));
}

}  // namespace sillok::server
