#include <algorithm>
#include <atomic>
#include <csignal>

#include "cli/actor.h"
#include "train/train.h"

namespace sillok::cli {
namespace {

Json report_json(const archive::AddReport& report) {
  Json json;
  json["added"] = report.added;
  json["updated"] = report.updated;
  json["unchanged"] = report.unchanged;
  json["moved"] = report.moved;
  json["ended"] = report.ended;
  json["failed"] = Json::array();
  for (const archive::Failure& failure : report.failed) {
    json["failed"].push_back({{"path", failure.path}, {"reason", failure.reason}});
  }
  return json;
}

void print_report(const Common& common, const archive::AddReport& report) {
  if (common.json) {
    print_json(report_json(report));
  } else {
    std::printf("%llu added, %llu updated, %llu unchanged, %llu moved, %llu ended, %zu failed\n",
                static_cast<unsigned long long>(report.added), static_cast<unsigned long long>(report.updated),
                static_cast<unsigned long long>(report.unchanged), static_cast<unsigned long long>(report.moved),
                static_cast<unsigned long long>(report.ended), report.failed.size());
    for (const archive::Failure& failure : report.failed) {
      std::printf("  not read: %s: %s\n", failure.path.c_str(), failure.reason.c_str());
    }
  }
  std::fflush(stdout);
}

int erase(const Common& common, const std::string& record) {
  auto home = open_home(common.home);
  if (!home) return report_error(home.error());
  auto erased = home->archive.erase(record);
  if (!erased) return report_error(erased.error());
  if (auto done = home->searcher.refresh(home->archive); !done) return report_error(done.error());
  const auto made = train::made_from(home->archive, record);
  if (!made) return report_error(made.error());
  Json retrain = Json::array();
  for (const train::Made& each : *made) retrain.push_back({{"kind", each.kind}, {"path", each.path.string()}, {"sha256", each.hash}});
  const Status noted = audit_act(common.home, {}, "erase", record, {{"versions", erased->versions}, {"retrain", retrain}});
  if (!noted) return report_error(noted.error());
  if (common.json) {
    print_json({{"record", record}, {"versions", erased->versions}, {"blobs", erased->blobs}, {"retrain", retrain}});
  } else {
    std::printf("Erased %s: %llu versions, %llu files. A tombstone stays.\n", record.c_str(),
                static_cast<unsigned long long>(erased->versions), static_cast<unsigned long long>(erased->blobs));
    for (const train::Made& each : *made) std::printf("  learned from it, make anew: %s %s\n", each.kind.c_str(), each.path.c_str());
  }
  return 0;
}

// A path that was named and is not there is most likely a typing error: the report lists it, and the status says so.
// A file that is there and cannot be read is listed only; one bad file does not make the others' add a failure.
bool all_there(const std::vector<fs::path>& paths) {
  std::error_code error;
  return std::all_of(paths.begin(), paths.end(), [&](const fs::path& path) { return fs::exists(path, error); });
}

Status audit_add(const Common& common, const std::vector<fs::path>& paths, const archive::AddReport& report) {
  Json details = {{"added", report.added}, {"updated", report.updated}, {"unchanged", report.unchanged},
                  {"moved", report.moved}, {"ended", report.ended},     {"failed", report.failed.size()}};
  details["paths"] = Json::array();
  constexpr size_t kNamed = 20;
  for (size_t i = 0; i < std::min(kNamed, paths.size()); ++i) details["paths"].push_back(paths[i].string());
  return audit_act(common.home, {}, "add", "", details);
}

std::atomic<bool> g_stop_adding{false};

int watch(const Common& common, Home& home, const std::vector<fs::path>& paths, const archive::AddOptions& options) {
  std::signal(SIGINT, [](int) { g_stop_adding = true; });
  std::signal(SIGTERM, [](int) { g_stop_adding = true; });
  Status indexed;
  const Status watched = home.archive.watch(
      paths, options,
      [&](const archive::AddReport& report) {
        if (auto done = home.searcher.refresh(home.archive); !done) indexed = done;
        if (indexed) indexed = audit_add(common, paths, report);
        print_report(common, report);
      },
      [&] { return g_stop_adding.load() || !indexed; });
  if (!indexed) return report_error(indexed.error());
  if (!watched) return report_error(watched.error());
  return 0;
}

}  // namespace

int run_add(const Common& common, const AddArguments& arguments) {
  if (!arguments.erase.empty()) {
    if (!arguments.paths.empty()) {
      return report_usage({ErrorCode::kInvalid, "--erase takes a record and no paths"});
    }
    return erase(common, arguments.erase);
  }
  if (arguments.paths.empty()) return report_usage({ErrorCode::kInvalid, "add: name the files or folders to add"});
  archive::AddOptions options;
  options.label = arguments.label;
  options.record = arguments.record;
  options.jobs = arguments.jobs;
  options.read_only_changed = !arguments.reread;
  if (!arguments.effective_from.empty()) {
    auto day = day_option(arguments.effective_from, "--effective-from");
    if (!day) return report_usage(day.error());
    options.effective_from = *day;
  }
  auto until = day_option(arguments.effective_to, "--effective-to");
  if (!until) return report_usage(until.error());
  options.effective_to = *until;

  auto home = open_home(common.home);
  if (!home) return report_error(home.error());
  const std::vector<fs::path> paths(arguments.paths.begin(), arguments.paths.end());
  if (arguments.watch) return watch(common, *home, paths, options);

  ProgressLine progress("reading");
  options.progress = [&](uint64_t done, uint64_t total, uint64_t records) {
    progress.show(done, total, std::to_string(records) + " records");
  };
  const auto report = home->archive.add(paths, options);
  // What was acknowledged before a failure is indexed all the same.
  const auto indexed = home->searcher.refresh(home->archive);
  if (!report) return report_error(report.error());
  if (!indexed) return report_error(indexed.error());
  if (const Status noted = audit_add(common, paths, *report); !noted) return report_error(noted.error());
  print_report(common, *report);
  return all_there(paths) ? 0 : 1;
}

}  // namespace sillok::cli
