// The gold questions with exactly a release's settings, and the report kept with it.
#include <algorithm>

#include "release/parts.h"
#include "train/train.h"

namespace sillok::release {
namespace {

const Artefact* find_role(const Release& release, Role role) {
  for (const Artefact& a : release.settings.artefacts) {
    if (a.role == role) return &a;
  }
  return nullptr;
}

// What the tuned model tells of its lines; null if nothing of that was asked for.
Result<Json> probe(const fs::path& home, const Release& release, const EvaluateOptions& options) {
  if (options.canaries.empty() && options.members.empty() && options.held_out.empty()) return Json();
  if (options.members.empty() != options.held_out.empty()) {
    return fail(ErrorCode::kInvalid, "--members and --held-out are compared with each other: give both");
  }
  const Artefact *model = find_role(release, Role::kGenerator), *adapter = find_role(release, Role::kAdapter);
  if (model == nullptr) return fail(ErrorCode::kInvalid, "release " + release.id + " has no model of its own to look for leakage in");
  train::LeakageOptions leakage;
  leakage.model = object_path(home, *model);
  if (adapter != nullptr) leakage.adapter = object_path(home, *adapter);
  leakage.threads = release.settings.writer.threads;
  leakage.progress = options.progress;
  Json json = Json::object();
  if (!options.canaries.empty()) {
    SILLOK_ASSIGN(leakage.canaries, train::load_canaries(options.canaries));
    SILLOK_ASSIGN(const std::string bytes, read_file(options.canaries));
    json["canaries_sha256"] = sha256_hex(bytes);
  }
  if (!options.members.empty()) {
    SILLOK_ASSIGN(leakage.members, train::load_lines(options.members));
    SILLOK_ASSIGN(leakage.held_out, train::load_lines(options.held_out));
  }
  SILLOK_ASSIGN(const train::LeakageReport found, train::probe_leakage(leakage));
  json["canaries"] = found.canaries.size();
  json["drawn"] = found.drawn;
  json["mean_exposure"] = found.mean_exposure;
  json["alternatives"] = found.alternatives;
  json["ranks"] = Json::array();
  for (const train::CanaryOutcome& c : found.canaries) json["ranks"].push_back(c.rank);
  json["members"] = found.members;
  json["held_out"] = found.held_out;
  json["auc"] = found.auc;
  json["auc_error"] = found.auc_error;
  return json;
}

}  // namespace

Result<evaluate::Report> evaluate(const archive::Archive& archive, search::Searcher& searcher, const Release& release,
                                  const EvaluateOptions& options, const Act& act) {
  const fs::path& home = archive.home();
  for (const Artefact& a : release.settings.artefacts) SILLOK_TRY(check_object(home, a, Check::kBytes));
  SILLOK_TRY(check_program(release));
  SILLOK_ASSIGN(const std::string gold_bytes, read_file(options.gold));
  SILLOK_ASSIGN(std::vector<evaluate::GoldQuestion> gold, evaluate::load_gold(options.gold));
  std::erase_if(gold, [&](const evaluate::GoldQuestion& q) {
    return std::find(options.left_out.begin(), options.left_out.end(), q.id) != options.left_out.end();
  });
  if (gold.empty()) return fail(ErrorCode::kInvalid, options.gold.string() + ": the answers of all its questions are superseded; `sillok refresh --pending` lists them");

  const InForce settings = settings_of(home, release);
  searcher.use_file(settings.retriever);
  SILLOK_TRY(searcher.refresh(archive));
  if (!settings.retriever.empty() && searcher.retriever_hash().empty()) {
    return fail(ErrorCode::kInvalid, "release " + release.id + " cannot be measured: " + join(searcher.check(archive), "; "));
  }
  const answer::Answerer answerer(archive, searcher, settings.threshold);
  SILLOK_ASSIGN(const std::unique_ptr<answer::Generator> generator, answer::open_generator(home, settings.writer));
  SILLOK_ASSIGN(const std::unique_ptr<answer::Encoder> encoder, answer::open_encoder(home, settings.writer));
  const evaluate::Writer writer{generator.get(), encoder.get(), settings.writer.max_tokens, options.seed};
  const int64_t change = archive.last_change();
  SILLOK_ASSIGN(evaluate::Report report, evaluate::run(archive, answerer, searcher, gold, {.progress = options.progress, .writer = writer}));
  SILLOK_ASSIGN(const Json leakage, probe(home, release, options));
  if (archive.last_change() != change) {
    return fail(ErrorCode::kConflict, "the records changed while release " + release.id + " was measured; evaluate it again");
  }
  report.gold = fs::absolute(options.gold).string();
  report.home = fs::absolute(home).string();
  report.archive_change = change;
  report.release = release.id;

  Json json = Json::parse(evaluate::to_json(report, evaluate::Outcomes::kPlaces));
  json["release_sha256"] = release.sha256;
  json["gold_sha256"] = sha256_hex(gold_bytes);
  json["left_out"] = options.left_out;
  if (!leakage.is_null()) json["leakage"] = leakage;
  SILLOK_ASSIGN(const FileLock held, lock(home));
  SILLOK_ASSIGN(const govern::Audit audit, govern::Audit::open(home));
  SILLOK_TRY(write_signed(report_path(home, release), json, audit, kReportPurpose));
  SILLOK_TRY(note(home, act, release.id, release.label,
                  {{"act", "evaluate"}, {"questions", report.all.questions}, {"answer_rate", report.all.answer_rate}, {"gold_sha256", json["gold_sha256"]}}));
  return report;
}

}  // namespace sillok::release
