// One round of the loop that keeps the answer rate where it is while the records change.
//
// Every step can be killed and begun again: adding acknowledges record by record, marks are found again from the archive, a
// release is a new folder, and promotion is one rename.
#include <algorithm>
#include <cmath>

#include "release/parts.h"
#include "release/retrain.h"

namespace sillok::release {
namespace {

constexpr size_t kKeptRounds = 30;  // releases that rounds made and others took the place of

void join_reports(archive::AddReport& all, const archive::AddReport& one) {
  all.added += one.added;
  all.updated += one.updated;
  all.unchanged += one.unchanged;
  all.moved += one.moved;
  all.ended += one.ended;
  all.skipped += one.skipped;
  all.failed.insert(all.failed.end(), one.failed.begin(), one.failed.end());
}

class Round {
 public:
  Round(archive::Archive& archive, search::Searcher& searcher, const RefreshOptions& options, const Act& act, RefreshSettings settings)
      : archive_(archive), searcher_(searcher), home_(archive.home()), options_(options), act_(act), settings_(std::move(settings)), retraining_(archive_, searcher_, settings_) {}

  Result<RefreshReport> run() {
    const Meter meter(settings_.watts);
    SILLOK_TRY(add_sources());
    SILLOK_ASSIGN(gold_, options_.gold.empty() ? gold_file(home_) : Result<fs::path>(options_.gold));
    std::error_code error;
    if (fs::exists(gold_, error)) {
      tell("looking for superseded answers");
      SILLOK_ASSIGN(const std::vector<Mark> found, mark_superseded(archive_, searcher_, gold_));
      for (const Mark& mark : found) {
        if (mark.state == MarkState::kOpen) report_.superseded.push_back(mark);
      }
      SILLOK_TRY(measure());
    } else if (!options_.gold.empty()) {
      return fail(ErrorCode::kNotFound, "there is no file of gold questions " + gold_.string());
    } else {
      report_.notes.push_back("there are no gold questions (" + gold_.string() + "): the answer rate is not measured, and nothing is released");
    }
    const Meter::Read spent = meter.read();
    report_.seconds = spent.seconds, report_.cpu_s = spent.cpu_s, report_.watt_hours = spent.watt_hours, report_.energy_estimated = spent.estimated;
    SILLOK_TRY(record());
    return std::move(report_);
  }

 private:
  void tell(std::string_view what, uint64_t done = 0, uint64_t total = 0) const {
    if (options_.progress) options_.progress(what, done, total);
  }

  Status add_sources() {
    std::vector<archive::Root> roots;
    const auto named = [&](const fs::path& path) {
      std::error_code error;
      const fs::path absolute = fs::weakly_canonical(path, error);
      // A label that was given with the path holds for what is new in it as well.
      for (const archive::Root& root : archive_.roots()) {
        if (root.path == absolute.string()) return root;
      }
      return archive::Root{absolute.string(), ""};
    };
    for (const fs::path& path : options_.sources) roots.push_back(named(path));
    if (options_.sources.empty()) {
      for (const std::string& path : settings_.sources) roots.push_back(named(path));
    }
    if (roots.empty()) roots = archive_.roots();
    // The deepest first: a folder within a folder may have been given a label of its own.
    std::stable_sort(roots.begin(), roots.end(), [](const auto& a, const auto& b) { return a.path.size() > b.path.size(); });
    for (const archive::Root& root : roots) {
      std::error_code error;
      if (!fs::exists(root.path, error)) {
        report_.missing.push_back(root.path);
        continue;
      }
      report_.sources.push_back(root.path);
      archive::AddOptions add;
      add.label = root.label;
      add.progress = [&](uint64_t done, uint64_t total, uint64_t) { tell("reading", done, total); };
      SILLOK_ASSIGN(const archive::AddReport one, archive_.add({root.path}, add));
      join_reports(report_.added, one);
    }
    if (roots.empty()) report_.notes.push_back("there are no sources: name them in sillok.toml, [refresh] sources, or add something");
    for (const std::string& path : report_.missing) report_.notes.push_back("the source " + path + " is not there; its records stay as they are");
    return searcher_.refresh(archive_);
  }

  // ---- measuring and releasing

  std::vector<std::string> open_ids() const {
    std::vector<std::string> ids;
    for (const Mark& mark : report_.superseded) ids.push_back(mark.id);
    return ids;
  }

  // Whether the release in force has the home's present settings, and a report on these records and questions.
  Result<bool> is_measured(const Release& current, const Json& report) {
    SILLOK_ASSIGN(const std::string bytes, read_file(gold_));
    return report.value("archive_change", int64_t{-1}) == archive_.last_change() && report.value("gold_sha256", "") == sha256_hex(bytes) &&
           report.value("left_out", Json()) == Json(open_ids()) && report.value("release_sha256", "") == current.sha256;
  }

  void take_figures(const Json& report) {
    report_.measured = true;
    report_.questions = report.value("questions", size_t{0});
    report_.answer_rate = {report.value("answer_rate", 0.0), report["answer_rate_95"][0].get<double>(), report["answer_rate_95"][1].get<double>()};
    const auto answerable = report.value("answerable", 0.0), open = static_cast<double>(report_.superseded.size());
    report_.answer_rate_all = answerable + open > 0 ? report_.answer_rate.mean * answerable / (answerable + open) : 0;
  }

  // ---- training

  Status train_by_policy(const std::string& drift) {
    SILLOK_ASSIGN(std::vector<evaluate::GoldQuestion> gold, evaluate::load_gold(gold_));
    const std::vector<std::string> open = open_ids();
    std::erase_if(gold, [&](const evaluate::GoldQuestion& q) { return std::find(open.begin(), open.end(), q.id) != open.end(); });
    return retraining_.by_policy(drift, gold, options_.progress, report_);
  }

  // Points by which the release in force answers fewer of these questions than when it was promoted.
  double drift_of(const Judgement& judgement) const {
    if (!judgement.comparison) return 0;
    for (const evaluate::Difference& d : judgement.comparison->figures) {
      if (d.figure == "answer_rate") return -d.change.mean;
    }
    return 0;
  }

  Status measure() {
    SILLOK_ASSIGN(const Current current, read_current(home_));
    // Without a release in force a retriever that is trained would go live unproved: first there is one.
    if (!current.id.empty()) SILLOK_TRY(train_by_policy(""));
    if (!current.id.empty()) {
      SILLOK_ASSIGN(const Release now, load(home_, current.id));
      const auto text = load_report(home_, now);
      SILLOK_ASSIGN(const bool same, has_present_settings(archive_, now));
      if (text && same) {
        const Json report = Json::parse(*text);
        SILLOK_ASSIGN(const bool measured, is_measured(now, report));
        if (measured) {
          take_figures(report);
          report_.release = now.id;
          report_.status = "unchanged";
          return {};
        }
      }
    }
    return release();
  }

  Status release() {
    Act act = act_;
    act.how = std::string(kRoundHow);
    SILLOK_ASSIGN(const Release candidate, propose(archive_, act, {"", std::string(kRoundHow)}));
    EvaluateOptions options;
    options.gold = gold_;
    options.left_out = open_ids();
    options.progress = [&](size_t done, size_t total) { tell("asking", done, total); };
    SILLOK_TRY(evaluate(archive_, searcher_, candidate, options, act));
    SILLOK_ASSIGN(const std::string text, load_report(home_, candidate));
    take_figures(Json::parse(text));
    report_.release = candidate.id;
    if (!settings_.promote) {
      report_.status = "proposed";
      return {};
    }
    SILLOK_ASSIGN(const Promotion done, promote(archive_, candidate, false, act));
    report_.status = done.promoted ? "promoted" : "refused";
    report_.refusals = done.judgement.refusals;
    SILLOK_TRY(prune_rounds(home_, kKeptRounds));
    if (!done.promoted) SILLOK_TRY(take_back());
    const double drift = drift_of(done.judgement);
    if (retraining_.done() || settings_.retrain_drift <= 0 || drift < settings_.retrain_drift || !retraining_.may_help_now()) return {};
    char reason[80];
    std::snprintf(reason, sizeof reason, "the answer rate fell by %.1f points", drift);
    SILLOK_TRY(train_by_policy(reason));
    return report_.retrained.empty() ? Status() : release();
  }

  Status take_back() {
    SILLOK_ASSIGN(const Current current, read_current(home_));
    if (current.id.empty()) return {};
    SILLOK_ASSIGN(const Release in_force, load(home_, current.id));
    return retraining_.take_back(in_force, report_);
  }

  Status record() const {
    const auto& a = report_.added;
    Json details = {{"act", "refresh"}, {"added", a.added}, {"updated", a.updated}, {"ended", a.ended}, {"failed", a.failed.size()},
                    {"superseded", report_.superseded.size()}, {"release", report_.release}, {"status", report_.status}};
    if (report_.measured) details["answer_rate"] = report_.answer_rate.mean;
    if (!report_.retrained.empty()) details["retrained"] = report_.retrained;
    return note(home_, act_, report_.release, "", details);
  }

  archive::Archive& archive_;
  search::Searcher& searcher_;
  const fs::path home_;
  const RefreshOptions& options_;
  const Act& act_;
  const RefreshSettings settings_;
  fs::path gold_;
  Retraining retraining_;
  RefreshReport report_;
};

double rounded(double value) { return std::round(value * 1000) / 1000; }

}  // namespace

Result<RefreshReport> refresh(archive::Archive& archive, search::Searcher& searcher, const RefreshOptions& options, const Act& act) {
  SILLOK_ASSIGN(RefreshSettings settings, load_refresh_settings(archive.home()));
  return Round(archive, searcher, options, act, std::move(settings)).run();
}

std::string to_json(const RefreshReport& r) {
  nlohmann::ordered_json json;
  json["sources"] = r.sources;
  json["missing"] = r.missing;
  json["added"] = r.added.added;
  json["updated"] = r.added.updated;
  json["unchanged"] = r.added.unchanged;
  json["moved"] = r.added.moved;
  json["ended"] = r.added.ended;
  json["failed"] = nlohmann::ordered_json::array();
  for (const auto& failure : r.added.failed) json["failed"].push_back({{"path", failure.path}, {"reason", failure.reason}});
  json["superseded"] = nlohmann::ordered_json::array();
  for (const Mark& m : r.superseded) {
    json["superseded"].push_back({{"id", m.id}, {"question", m.question}, {"record", m.record}, {"version_before", m.version_before}, {"version_now", m.version_now},
                                  {"answers", m.answers}, {"proposed", m.proposed}, {"proposed_from", m.proposed_from}, {"anchor", m.anchor}});
  }
  json["questions"] = r.questions;
  json["answer_rate"] = r.measured ? nlohmann::ordered_json(rounded(r.answer_rate.mean)) : nlohmann::ordered_json();
  if (r.measured) {
    json["answer_rate_95"] = {rounded(r.answer_rate.low), rounded(r.answer_rate.high)};
    json["answer_rate_superseded_missed"] = rounded(r.answer_rate_all);
  }
  json["retrained"] = !r.retrained.empty();
  if (!r.retrained.empty()) json["retrained_because"] = r.retrained;
  if (!r.not_retrained.empty()) json["not_retrained_because"] = r.not_retrained;
  json["release"] = r.release.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json{{"id", r.release}, {"status", r.status}, {"promoted", r.status == "promoted"}};
  json["refused"] = nlohmann::ordered_json::array();
  for (const Refusal& refusal : r.refusals) {
    json["refused"].push_back({{"bound", refusal.bound}, {"figure", refusal.figure}, {"limit", refusal.limit}, {"why", refusal.why}});
  }
  json["seconds"] = rounded(r.seconds);
  json["cpu_s"] = rounded(r.cpu_s);
  json["watt_hours"] = r.watt_hours;
  json["energy"] = r.energy_estimated ? "estimated" : "measured";
  json["notes"] = r.notes;
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace sillok::release
