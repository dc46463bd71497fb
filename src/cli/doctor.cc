#include "cli/common.h"

namespace sillok::cli {

int run_doctor(const Common& common, const DoctorArguments& arguments) {
  std::vector<std::string> problems;
  Json json;
  auto archive = archive::Archive::open(common.home);
  if (!archive) {
    if (common.json && archive.error().code != ErrorCode::kNotFound) {
      print_json({{"ok", false}, {"problems", {archive.error().message}}});
    }
    return report_error(archive.error());
  }
  for (const auto& problem : archive->check(arguments.deep)) problems.push_back(problem.what);
  auto searcher = search::Searcher::open(common.home);
  if (!searcher) {
    problems.push_back(searcher.error().message);
  } else {
    // A killed `add` leaves the index behind the archive: that is mended, not a problem.
    if (auto done = searcher->refresh(*archive); !done) problems.push_back(done.error().message);
    for (std::string& problem : searcher->check(*archive)) problems.push_back(std::move(problem));
  }
  const auto failures = archive->failures();
  json["ok"] = problems.empty();
  json["problems"] = problems;
  json["records"] = archive->record_count();
  json["versions"] = archive->version_count();
  json["unreadable_files"] = failures.size();
  if (common.json) {
    print_json(json);
  } else {
    std::printf("%llu records in %llu versions, %zu unreadable files\n",
                static_cast<unsigned long long>(archive->record_count()),
                static_cast<unsigned long long>(archive->version_count()), failures.size());
    for (const std::string& problem : problems) std::printf("  problem: %s\n", problem.c_str());
    std::printf("%s\n", problems.empty() ? "All is well." : "See docs/OPERATING.md for what to do.");
  }
  return problems.empty() ? 0 : 1;
}

}  // namespace sillok::cli
