// What stands against a release, and putting it in force.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "release/parts.h"

namespace sillok::release {
namespace {

std::string fixed(double value) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%.2f", value);
  return buffer;
}

class Judge {
 public:
  Judge(const archive::Archive& archive, const Release& release, Check check) : archive_(archive), home_(archive.home()), release_(release), check_(check) {}

  Result<Judgement> run() {
    SILLOK_ASSIGN(current_, read_current(home_));
    check_files();
    if (const Status same = check_program(release_); !same) refuse("program", same.error().message);
    SILLOK_TRY(check_labels());
    SILLOK_TRY(check_learned());
    if (check_report()) {
      check_leakage();
      SILLOK_TRY(check_figures());
    }
    return std::move(out_);
  }

 private:
  void refuse(std::string bound, std::string why, double figure = 0, double limit = 0, bool forceable = false) {
    out_.refusals.push_back({std::move(bound), figure, limit, forceable, std::move(why)});
  }

  void check_files() {
    // The caller may hold a release that was read before its file changed: what is there now counts.
    const auto now = load(home_, release_.id);
    if (!now) refuse("signature", now.error().message);
    else if (now->sha256 != release_.sha256) refuse("hash", "release " + release_.id + " changed while it was looked at");
    for (const Artefact& a : release_.settings.artefacts) {
      if (const Status good = check_object(home_, a, check_); !good) refuse("hash", good.error().message);
    }
  }

  // A label rule: what is in the release is dominated by its label; who may ask dominates the label of what writes for all
  // alike. (A retriever that somebody may not see is left out of his searches: search/search.h.)
  Status check_labels() {
    const govern::Lattice& lattice = archive_.settings().lattice;
    const auto of_release = lattice.parse(release_.label);
    if (!of_release) {
      refuse("label", "the release's label is none of the home's: " + of_release.error().message);
      return {};
    }
    govern::Label writes;
    for (const Artefact& a : release_.settings.artefacts) {
      const auto label = lattice.parse(a.label);
      if (!label || !govern::dominates(*of_release, *label)) {
        refuse("label", "the " + std::string(to_string(a.role)) + " " + a.name + " was learned from " + a.label + ", above the release's label " +
                            release_.label + "; propose it with a label that covers it, or with another file");
      } else if (a.role != Role::kRetriever) {
        writes = govern::join(writes, *label);
      }
    }
    SILLOK_ASSIGN(const govern::Registry registry, govern::Registry::open(home_));
    size_t below = 0;
    for (const govern::Person& person : registry.people()) {
      below += !person.disabled && govern::allows(person.role, govern::Scope::kAsk) && !govern::dominates(person.clearance, writes) ? 1 : 0;
    }
    if (below > 0) {
      refuse("label", std::to_string(below) + (below == 1 ? " person who may ask is" : " people who may ask are") + " not cleared for " + lattice.text(writes) +
                          ", from which the model that writes was trained (limit: 0)", static_cast<double>(below), 0);
    }
    return {};
  }

  // The records that the retriever was learned from, as they are labelled today.
  Status check_learned() {
    const govern::Lattice& lattice = archive_.settings().lattice;
    const auto of_release = lattice.parse(release_.label);
    for (const Artefact& a : release_.settings.artefacts) {
      if (a.role != Role::kRetriever || !of_release) continue;
      const auto bytes = read_file(object_path(home_, a), search::kMaxRetrieverBytes);
      const Result<search::RetrieverModel> model = bytes ? search::decode_retriever(*bytes) : fail(bytes.error());
      if (!model) continue;  // check_files has said so
      size_t above = 0, erased = 0;
      for (const int64_t id : model->versions) {
        const auto version = archive_.version(id);
        if (!version || version->erased) ++erased;
        else if (!lattice.dominates(*of_release, version->label)) ++above;
      }
      if (erased > 0) refuse("label", std::to_string(erased) + " of the records that the retriever was trained on have been erased since (limit: 0); train it again", static_cast<double>(erased), 0);
      if (above > 0) {
        refuse("label", std::to_string(above) + " of the records that the retriever was trained on are above the release's label " + release_.label + " now (limit: 0); train it again",
               static_cast<double>(above), 0);
      }
    }
    return {};
  }

  bool check_report() {
    const auto text = load_report(home_, release_);
    if (!text) {
      refuse("report", text.error().code == ErrorCode::kNotFound
                           ? "release " + release_.id + " has no report; run `sillok release evaluate " + release_.id + " --gold FILE`"
                           : text.error().message);
      return false;
    }
    report_ = Json::parse(*text, nullptr, false);
    const auto change = report_.value("archive_change", int64_t{0});
    if (change != archive_.last_change()) {
      refuse("report", "the report is stale: the records changed since it was made (change " + std::to_string(change) + ", now " +
                           std::to_string(archive_.last_change()) + "); evaluate the release again",
             static_cast<double>(change), static_cast<double>(archive_.last_change()));
      return false;
    }
    return true;
  }

  // Whether what the model was tuned on can be had from it.
  void check_leakage() {
    const Json leakage = report_.value("leakage", Json::object());
    for (const Artefact& a : release_.settings.artefacts) {
      if (!a.canaries.empty() && leakage.value("canaries_sha256", "") != a.canaries) {
        refuse("canaries", "canaries were planted when " + a.name + " was tuned, and the report does not say whether they can be drawn; evaluate with --canaries", 0, 0, true);
      }
    }
    if (const auto count = leakage.value("canaries", size_t{0}); count > 0) {
      const auto drawn = leakage.value("drawn", size_t{0});
      if (drawn > kMostDrawn) {
        refuse("canaries", std::to_string(drawn) + " of " + std::to_string(count) + " planted canaries can be drawn from the model word for word (limit: " + std::to_string(kMostDrawn) + ")",
               static_cast<double>(drawn), static_cast<double>(kMostDrawn), true);
      }
      const double exposure = leakage.value("mean_exposure", 0.0), limit = kChanceExposure * (1 + 3 / std::sqrt(static_cast<double>(count)));
      if (exposure > limit) {
        refuse("canaries", "the planted canaries are exposed by " + fixed(exposure) + " bits on the mean (limit: " + fixed(limit) + "; chance: " + fixed(kChanceExposure) + ")", exposure, limit, true);
      }
    }
    if (const double auc = leakage.value("auc", 0.0); auc > kMostAuc) {
      refuse("leakage", "lines that the model was tuned on are told from others in " + fixed(auc) + " of 100 pairs (limit: " + fixed(kMostAuc) + "; chance: 50)", auc, kMostAuc, true);
    }
  }

  // Against the release in force, on the same questions.
  Status check_figures() {
    if (current_.id.empty()) return {};
    const auto before = load(home_, current_.id);
    if (!before) {
      refuse("current", "the release in force cannot be compared with: " + before.error().message);
      return {};
    }
    const auto text = load_report(home_, *before);
    if (!text) {
      refuse("current", "the release in force, " + current_.id + ", has no report to compare with: " + text.error().message + "; evaluate it");
      return {};
    }
    auto comparison = evaluate::compare(report_path(home_, *before), report_path(home_, release_));
    if (!comparison) {
      refuse("questions", comparison.error().message + "; evaluate " + current_.id + " on the same gold questions", 0, 0, true);
      return {};
    }
    check_questions(Json::parse(*text, nullptr, false));
    for (const evaluate::Difference& d : comparison->figures) check_figure(d);
    out_.comparison = std::move(*comparison);
    return {};
  }

  // All that the release in force was measured on, but for what is superseded: no easier set.
  void check_questions(const Json& before) {
    const auto key = [](const Json& outcome) { return outcome.value("id", "") + "\n" + outcome.value("question", ""); };
    std::vector<std::string> asked;
    for (const Json& outcome : report_["outcomes"]) asked.push_back(key(outcome));
    for (const Json& id : report_["left_out"]) superseded_.push_back(id.get<std::string>());
    std::sort(asked.begin(), asked.end());
    size_t missing = 0;
    for (const Json& outcome : before["outcomes"]) {
      const bool is_superseded = std::find(superseded_.begin(), superseded_.end(), outcome.value("id", "")) != superseded_.end();
      missing += !is_superseded && !std::binary_search(asked.begin(), asked.end(), key(outcome)) ? 1 : 0;
    }
    if (missing == 0) return;
    refuse("questions", std::to_string(missing) + " of the questions that " + current_.id + " was measured on are not in the report (limit: 0); evaluate both on one gold file",
           static_cast<double>(missing), 0, true);
  }

  void check_figure(const evaluate::Difference& d) {
    if (d.figure != "answer_rate" && d.figure != "abstention_recall" && d.figure != "citation_support") return;
    if (d.change.mean >= 0) return;
    const bool shown = d.p < evaluate::kSignificance && d.worse > d.better;
    if (!shown && d.change.low >= -kMargin) return;
    char p[32];
    std::snprintf(p, sizeof p, "%.4f", d.p);
    refuse(d.figure,
           d.figure + " falls from " + fixed(d.before) + " to " + fixed(d.after) + " on " + std::to_string(d.questions) + " questions (" +
               std::to_string(d.worse) + " worse, " + std::to_string(d.better) + " better, McNemar p " + p + ", 95 % interval of the change " +
               fixed(d.change.low) + " to " + fixed(d.change.high) + "); the limit is a fall of " + fixed(kMargin) + " that the interval excludes",
           d.change.low, -kMargin, true);
  }

  const archive::Archive& archive_;
  const fs::path& home_;
  const Release& release_;
  Check check_;
  Current current_;
  Json report_;
  std::vector<std::string> superseded_;
  Judgement out_;
};

Json json_of(const std::vector<Refusal>& refusals) {
  Json list = Json::array();
  for (const Refusal& r : refusals) list.push_back({{"bound", r.bound}, {"figure", r.figure}, {"limit", r.limit}});
  return list;
}

// The audit entry comes first: what cannot be recorded does not happen.
Status put_in_force(const fs::path& home, const Release& release, Current current, const Act& act, const Json& forced) {
  Json details = {{"act", "promote"}, {"sha256", release.sha256}, {"previous", current.id}};
  if (!forced.is_null()) details["forced"] = forced;
  if (!act.reason.empty()) details["reason"] = act.reason;
  SILLOK_TRY(note(home, act, release.id, release.label, details));
  const Result<Release> replaced = current.id.empty() ? fail(ErrorCode::kNotFound, "") : load_by_hash(home, current.id, current.sha256);
  const bool in_place = act.how == kRoundHow && replaced && replaced->note == kRoundHow && same_settings(*replaced, release);
  if (!current.id.empty() && !in_place) current.history.emplace_back(current.id, current.sha256);
  current.id = release.id;
  current.sha256 = release.sha256;
  return write_current(home, current, act, forced);
}

}  // namespace

Status check_program(const Release& release) {
  if (release.settings.ranking == canonical(Json::parse(search::ranking_settings())) && release.settings.prompts == answer::prompts_hash()) return {};
  return fail(ErrorCode::kUnsupported, "release " + release.id + " was made by program " + release.program + ", which ranks or prompts otherwise than this one (" SILLOK_VERSION
                                       "); propose the settings again with this program");
}

Result<Judgement> judge(const archive::Archive& archive, const Release& release, Check check) { return Judge(archive, release, check).run(); }

Result<Promotion> promote(const archive::Archive& archive, const Release& release, bool force, const Act& act) {
  const fs::path& home = archive.home();
  SILLOK_ASSIGN(const FileLock held, lock(home));
  SILLOK_ASSIGN(const Current current, read_current(home));
  Promotion out;
  out.previous = current.id;
  if (current.id == release.id) return fail(ErrorCode::kConflict, "release " + release.id + " is in force already");
  SILLOK_ASSIGN(out.judgement, judge(archive, release));
  const auto& refusals = out.judgement.refusals;
  if (refusals.empty()) {
    SILLOK_TRY(put_in_force(home, release, current, act, Json()));
    out.promoted = true;
    return out;
  }
  const bool may_force = std::all_of(refusals.begin(), refusals.end(), [](const Refusal& r) { return r.forceable; });
  if (!force || !may_force) {
    SILLOK_TRY(note(home, act, release.id, release.label, {{"act", "refused"}, {"refusals", json_of(refusals)}, {"force", force}}));
    return out;
  }
  SILLOK_ASSIGN(const govern::Audit audit, govern::Audit::open(home));
  const auto wish = read_signed(wish_path(home, release), &audit, kForcePurpose);
  const bool stands = wish && wish->value("release_sha256", "") == release.sha256 && wish->value("refusals", Json()) == json_of(refusals);
  if (!stands) {
    if (trim(act.reason).empty()) return fail(ErrorCode::kInvalid, "--force needs --reason: why the release is wanted although it does not hold");
    Json json = {{"release_sha256", release.sha256}, {"person", act.person}, {"reason", act.reason}, {"made", format_micros(now_micros())}, {"refusals", json_of(refusals)}};
    SILLOK_TRY(note(home, act, release.id, release.label, {{"act", "force"}, {"reason", act.reason}, {"refusals", json_of(refusals)}}));
    SILLOK_TRY(write_signed(wish_path(home, release), std::move(json), audit, kForcePurpose));
    out.waits_for_second = true;
    out.first_person = act.person;
    return out;
  }
  out.first_person = wish->value("person", "");
  if (out.first_person == act.person) {
    return fail(ErrorCode::kDenied, "'" + act.person + "' asked for " + release.id + " by force; another person has to confirm it");
  }
  const Json forced = {{"asked_by", out.first_person}, {"confirmed_by", act.person}, {"reason", wish->value("reason", "")}, {"refusals", json_of(refusals)}};
  SILLOK_TRY(put_in_force(home, release, current, act, forced));
  out.promoted = true;
  return out;
}

Result<RolledBack> roll_back(const fs::path& home, const Act& act) {
  SILLOK_ASSIGN(const FileLock held, lock(home));
  SILLOK_ASSIGN(Current current, read_current(home));
  if (current.history.empty()) {
    return fail(ErrorCode::kNotFound, current.id.empty() ? "no release is in force" : "there was no release in force before " + current.id);
  }
  const auto [id, sha256] = current.history.back();
  SILLOK_ASSIGN(const Release before, load_by_hash(home, id, sha256));
  for (const Artefact& a : before.settings.artefacts) SILLOK_TRY(check_object(home, a, Check::kSeen));
  RolledBack out{current.id, id};
  Json details = {{"act", "rollback"}, {"from", current.id}, {"sha256", sha256}};
  if (!act.reason.empty()) details["reason"] = act.reason;
  SILLOK_TRY(note(home, act, id, before.label, details));
  current.history.pop_back();
  current.id = id;
  current.sha256 = sha256;
  SILLOK_TRY(write_current(home, current, act, Json()));
  return out;
}

}  // namespace sillok::release
