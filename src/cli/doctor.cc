#include <algorithm>

#include "answer/answer.h"
#include "cli/common.h"
#include "model/model.h"
#include "release/release.h"
#include "server/server.h"

namespace sillok::cli {
namespace {

// The index is derived from the archive: what is wrong with it is mended by building it anew.
Result<search::Searcher> rebuild_index(const fs::path& home, const archive::Archive& archive) {
  constexpr int kLockWaitMs = 10'000;
  {
    SILLOK_ASSIGN(const FileLock lock, FileLock::acquire(home / "index" / "lock", kLockWaitMs));
    std::vector<fs::path> files;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(home / "index", error)) {
      if (entry.path().filename() != "lock") files.push_back(entry.path());
    }
    for (const fs::path& file : files) {
      fs::remove_all(file, error);
      if (error) return fail(ErrorCode::kIo, "cannot remove " + file.string() + ": " + error.message());
    }
  }
  SILLOK_ASSIGN(search::Searcher searcher, search::Searcher::open(home));
  SILLOK_TRY(searcher.refresh(archive));
  return searcher;
}

// What is wrong with the index and stays so; what was and is no longer goes to `mended`.
std::vector<std::string> check_index(const fs::path& home, const archive::Archive& archive,
                                     std::vector<std::string>& mended) {
  auto searcher = search::Searcher::open(home);
  if (!searcher) return {searcher.error().message};
  // A killed `add` leaves the index behind the archive: that is neither a problem nor a repair.
  if (auto done = searcher->refresh(archive); !done) return {done.error().message};
  std::vector<std::string> problems = searcher->check(archive);
  if (problems.empty()) return {};
  auto rebuilt = rebuild_index(home, archive);
  if (!rebuilt) {
    problems.push_back("the index could not be rebuilt: " + rebuilt.error().message);
    return problems;
  }
  mended = std::move(problems);
  return rebuilt->check(archive);
}

// What `sillok serve` would be held to here, tried in a child of this process.
Json check_confinement(const fs::path& home, std::vector<std::string>& problems) {
  const auto tried = server::try_confinement(home);
  if (!tried) {
    problems.push_back(tried.error().message);
    return nullptr;
  }
  if (!tried->no_sockets || !tried->no_packets) problems.push_back("a serving process could make a socket of the internet here; see that the kernel has seccomp");
  if (!tried->accepts) problems.push_back("a confined process cannot accept connections here");
  if (!tried->writes_home) problems.push_back("a confined process cannot write to the home; see who owns it");
  if (tried->landlock && !tried->no_writes) problems.push_back("a serving process could write outside the home here, though the kernel has Landlock");
  return {{"no_internet_sockets", tried->no_sockets && tried->no_packets}, {"accepts", tried->accepts}, {"writes_home", tried->writes_home},
          {"files_confined", tried->landlock && tried->no_writes}};
}

// Without a release in force the home's own [answer] says what writes: are its files there, and what they should be?
std::vector<std::string> check_answer(const fs::path& home) {
  const auto settings = answer::load_writer_settings(home);
  if (!settings) return {settings.error().message};
  const auto files = answer::find_writer_files(home, *settings);
  if (!files) return {"[answer] of " + (home / "sillok.toml").string() + ": " + files.error().message};
  std::vector<std::string> problems;
  for (const fs::path& file : {files->model, files->adapter, files->encoder}) {
    if (file.empty()) continue;
    if (const auto opened = model::Gguf::open(file); !opened) problems.push_back(opened.error().in(file.string()).message);
  }
  return problems;
}

void print(const archive::Archive& archive, const std::vector<std::string>& problems,
           const std::vector<std::string>& mended, size_t unreadable) {
  std::printf("%llu records in %llu versions, %zu unreadable files\n",
              static_cast<unsigned long long>(archive.record_count()),
              static_cast<unsigned long long>(archive.version_count()), unreadable);
  for (const std::string& was : mended) std::printf("  mended by rebuilding the index: %s\n", was.c_str());
  for (const std::string& problem : problems) std::printf("  problem: %s\n", problem.c_str());
  std::printf("%s\n", problems.empty() ? "All is well." : "See docs/OPERATING.md for what to do.");
}

}  // namespace

int run_doctor(const Common& common, const DoctorArguments& arguments) {
  auto archive = archive::Archive::open(common.home);
  if (!archive) {
    if (common.json) print_json({{"ok", false}, {"problems", {archive.error().message}}});
    return report_error(archive.error());
  }
  std::vector<std::string> problems, mended;
  for (const auto& problem : archive->check(!arguments.quick)) problems.push_back(problem.what);
  // A damaged archive must not overwrite an index that may be all there is to compare it with.
  if (problems.empty()) problems = check_index(common.home, *archive, mended);
  const release::Standing standing = release::check_standing(common.home, arguments.quick ? release::Check::kSeen : release::Check::kBytes);
  problems.insert(problems.end(), standing.problems.begin(), standing.problems.end());
  if (standing.id.empty()) {
    for (std::string& problem : check_answer(common.home)) problems.push_back(std::move(problem));
  }
  const Json confinement = check_confinement(common.home, problems);
  const auto failures = archive->failures();
  if (common.json) {
    Json json;
    json["ok"] = problems.empty();
    json["problems"] = problems;
    json["mended"] = mended;
    json["records"] = archive->record_count();
    json["versions"] = archive->version_count();
    json["unreadable_files"] = failures.size();
    json["confinement"] = confinement;
    json["release"] = standing.id.empty() ? Json() : Json(standing.id);
    print_json(json);
  } else {
    print(*archive, problems, mended, failures.size());
    if (!standing.id.empty()) std::printf("Release %s is in force%s.\n", standing.id.c_str(), standing.problems.empty() ? ", as it was signed" : "");
    if (confinement.is_object()) {
      std::printf("Serving: %s, %s.\n", confinement["no_internet_sockets"] == true ? "no socket of the internet can be made" : "NOT confined",
                  confinement["files_confined"] == true ? "nothing written outside the home and the temporary folder" : "files not confined (the kernel has no Landlock)");
    }
  }
  return problems.empty() ? 0 : 1;
}

}  // namespace sillok::cli
