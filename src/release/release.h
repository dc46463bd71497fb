// release: what answers are made with, put down by hash, measured, and changed only where the measure holds.
//
// Contents: releases | what is in force | evaluating | promoting and rolling back | how a release stands | superseded gold questions |
//           refreshing
//
// Main path: propose (snapshot of the home's settings; its files kept by hash) -> evaluate (gold questions, with exactly
// those) -> promote (judge: the report against that of the release in force) -> every process takes it on its next request.
// A model, an adapter, a retriever, the threshold, prompts and ranking change together or not at all.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "answer/answer.h"
#include "archive/archive.h"
#include "base/base.h"
#include "evaluate/evaluate.h"
#include "search/search.h"

namespace sillok::release {

// ---------------------------------------------------------------------------------------------
// Releases: home/releases/ID/release.json, canonical JSON (keys sorted, no white space) with the home's signature. Their
// files are kept in home/releases/objects/SHA256/NAME: linked where the file system allows, else copied.

enum class Role : uint8_t { kGenerator, kAdapter, kRetriever, kEncoder };
std::string_view to_string(Role role);

struct Artefact {
  Role role = Role::kGenerator;
  std::string name;          // the file's
  std::string sha256;
  uint64_t bytes = 0;
  std::string label;         // the join of what it was learned from
  std::string label_reason;
  std::string canaries;      // of an adapter with canaries.jsonl beside it: that file's SHA-256; "" = none were planted
};

struct Settings {
  std::string ranking;       // search::ranking_settings()
  std::string prompts;       // answer::prompts_hash()
  double threshold = 0;
  answer::WriterSettings writer;  // model and adapter are the names; which files is said by the artefacts
  std::vector<Artefact> artefacts;
};

struct Release {
  std::string id;            // "r0007-3fa94c21": a number and the first digits of the hash
  std::string person, note, program;
  Micros made = 0;
  int64_t archive_change = 0;  // the archive's change counter when it was proposed
  std::string label;         // everything in it is dominated by this
  Settings settings;
  std::string sha256;        // of the signed bytes
};

// Who acts.
struct Act {
  std::string person = "command line";
  std::string how = "command line";
  std::string reason;
};

struct Proposal {
  std::string label;         // "": the join of the artefacts' labels
  std::string note;
};
// Keeps the home's present settings as a release. kNotFound names a file that is configured and missing.
Result<Release> propose(const archive::Archive& archive, const Act& act, const Proposal& proposal);
// By id or its beginning. kNotFound; kInvalid where the file is not as it was signed.
Result<Release> load(const fs::path& home, std::string_view id);
// Oldest first; those that cannot be read as well, with `problem`.
struct Listed {
  Release release;
  std::string problem;
  std::string status;        // "current", "former" (was in force), "evaluated", "proposed"
  std::optional<evaluate::Interval> answer_rate;
  size_t questions = 0;
  std::string report_problem;  // of a report that is there and is not as it was signed
};
Result<std::vector<Listed>> list(const fs::path& home);
std::string to_json(const Release& release);
// The report kept with it, as JSON; kNotFound if there is none, kInvalid if it is not as it was signed.
Result<std::string> load_report(const fs::path& home, const Release& release);
fs::path report_path(const fs::path& home, const Release& release);
// What differs, setting by setting: before, after.
struct Changed { std::string setting, before, after; };
std::vector<Changed> diff(const Release& before, const Release& after);

// ---------------------------------------------------------------------------------------------
// What is in force

// What questions are answered with now: the current release's settings, or the home's own where no release was promoted.
struct InForce {
  std::string id;            // "": no release; the home's own settings
  std::string label;
  double threshold = 0;
  answer::WriterSettings writer;  // model and adapter as paths into the release's objects
  fs::path retriever;        // "" = none
};
// kInvalid where the current release or one of its files is not what was promoted: nothing is answered with other settings
// than those proved. Cheap: hashes are taken as read where size, time and inode are those that were hashed.
Result<InForce> in_force(const fs::path& home);
// Changes whenever another release comes into force; costs one stat.
std::string stamp(const fs::path& home);
// For an audit entry: the program, and the release in force.
std::string audit_name(const InForce& now, std::string_view program);

// ---------------------------------------------------------------------------------------------
// Evaluating

struct EvaluateOptions {
  fs::path gold;
  std::vector<std::string> left_out;  // ids of questions whose answer is superseded and not confirmed yet
  uint64_t seed = 0;
  evaluate::Progress progress;
  // What the tuned model tells of the lines it was tuned on (train::probe_leakage); JSONL files, each may be left out.
  fs::path canaries, members, held_out;
};
// Asks the gold questions with the release's settings and keeps the report with it, signed. The searcher, of the same home, is
// given the release's retriever, and keeps it.
Result<evaluate::Report> evaluate(const archive::Archive& archive, search::Searcher& searcher, const Release& release,
                                  const EvaluateOptions& options, const Act& act);

// ---------------------------------------------------------------------------------------------
// Promoting and rolling back

// How much a figure may fall and still count as holding: it may seem to fall at all only where its paired 95 % interval
// shows that it did not by more than this many points, and McNemar's test does not show that it did.
inline constexpr double kMargin = 1.0;

// Bounds of leakage. No planted canary may be had word for word; on the mean they may rank no higher among random alternatives than
// three standard errors above chance (exposure of chance: mean and deviation are both 1 / ln 2 bits); and by what the adapter makes
// likelier, lines it was tuned on may be told from others in at most so many of 100 pairs (50: not at all).
inline constexpr size_t kMostDrawn = 0;
inline constexpr double kChanceExposure = 1.4427;
inline constexpr double kMostAuc = 60;

struct Refusal {
  std::string bound;         // "answer_rate", "abstention_recall", "citation_support", "label", "hash", "signature", ...
  double figure = 0, limit = 0;
  bool forceable = false;    // two people may decide otherwise
  std::string why;           // one line: bound, figure, limit, remedy
};
struct Judgement {
  std::vector<Refusal> refusals;   // none: it may be promoted
  std::optional<evaluate::Comparison> comparison;  // with the release in force; none for the first
};
// Whether a release's files are read through, or found by size, time and inode to be those that were hashed.
enum class Check : uint8_t { kSeen, kBytes };
Result<Judgement> judge(const archive::Archive& archive, const Release& release, Check check = Check::kBytes);

struct Promotion {
  bool promoted = false;
  bool waits_for_second = false;   // forced by one person
  std::string previous;            // "" = none
  std::string first_person;        // of a forced one
  Judgement judgement;
};
// Judges, and if nothing stands against it replaces home/releases/current atomically. `force` with a reason by one person
// keeps the wish; by a second person it promotes. kDenied for the same person twice; kInvalid without a reason.
Result<Promotion> promote(const archive::Archive& archive, const Release& release, bool force, const Act& act);
struct RolledBack { std::string from, to; };
// Back to the release in force before. kNotFound if there was none.
Result<RolledBack> roll_back(const fs::path& home, const Act& act);

// ---------------------------------------------------------------------------------------------
// How a release stands (standing.cc)

// Which one its report is held against: the one in force; of that one, the one that was in force before. "" = there is none.
Result<std::string> held_against(const fs::path& home, const Release& release);
// One person's wish to promote it although it does not hold, which waits for a second.
struct Wish { std::string person, reason, made; };
std::optional<Wish> wish_for(const fs::path& home, const Release& release);
// The release in force and the one that a rollback goes to: signatures, hashes, reports. What does not hold, a line each.
struct Standing {
  std::string id;                      // in force; "" = none
  std::vector<std::string> problems;
};
Standing check_standing(const fs::path& home, Check check);

// ---------------------------------------------------------------------------------------------
// Gold questions whose answer is superseded: the record that held it has a newer version in force that does not

enum class MarkState : uint8_t { kOpen, kAccepted, kRejected };
std::string_view to_string(MarkState state);

struct Mark {
  std::string id, question;
  std::vector<std::string> answers;      // as the gold file has them
  std::string record;
  uint32_t version_before = 0, version_now = 0;
  std::string proposed;                  // the new answer; "" = the records no longer answer this, as far as found
  std::string proposed_from;             // the sentence or row of the new version around it
  std::string anchor;                    // where that stands
  MarkState state = MarkState::kOpen;
  std::string person;                    // who decided
  Micros found = 0;
};
// Looks through the gold questions that are asked of today, and keeps what it finds in home/releases/superseded.json. Marks that
// no longer hold (the answer is back, the gold file changed) go. Questions are looked at again only where their record changed.
Result<std::vector<Mark>> mark_superseded(const archive::Archive& archive, const search::Searcher& searcher, const fs::path& gold);
std::vector<Mark> marks(const fs::path& home);
// The old answer's place in the new text, or "": what stands now between the words that stood around it.
std::string moved_answer(std::string_view before, std::string_view answer, std::string_view after);
// A person takes the proposed answer, or `answer`, into the gold file; an empty one makes the question unanswerable.
// kNotFound for an id without an open mark.
Result<Mark> accept(const archive::Archive& archive, const fs::path& gold, std::string_view id, const std::optional<std::string>& answer, const Act& act);
// The old answer stays; the question is not marked again for this version.
Result<Mark> reject(const archive::Archive& archive, std::string_view id, const Act& act);

// ---------------------------------------------------------------------------------------------
// Refreshing

// [refresh] of home/sillok.toml; a file without that section gives the defaults.
struct RefreshSettings {
  std::vector<std::string> sources;      // none: all that was ever named to add
  std::string gold = "gold.jsonl";       // relative to the home; see gold_file
  bool promote = true;                   // false: a release is proposed and measured, and a person promotes it
  uint32_t every_s = 30;                 // of watching: how often the sources are looked through
  // A retriever that is in use is trained again when one of these is reached; 0: never for that reason.
  double retrain_days = 30;              // its age
  double retrain_changed = 20;           // percent of the versions in force recorded since
  double retrain_drift = 2;              // points that the answer rate fell below that of the release in force
  double budget_minutes = 30;            // of one training; it is not begun where the last one took longer
  double budget_wh = 50;                 // likewise, watt-hours
  double watts = 20;                     // of the processor at work, where there is no meter: then energy is an estimate
};
Result<RefreshSettings> load_refresh_settings(const fs::path& home);
// Where the home's gold questions lie: what the console, `train confirm --measure`, refresh and evaluating without --gold read and change.
// It need not be there.
Result<fs::path> gold_file(const fs::path& home);

struct RefreshOptions {
  fs::path gold;                         // instead of the settings'
  std::vector<fs::path> sources;         // instead of the settings'
  std::function<void(std::string_view what, uint64_t done, uint64_t total)> progress;  // may be empty
};
struct RefreshReport {
  archive::AddReport added;
  std::vector<std::string> sources, missing;  // missing: not there now; their records stay
  std::vector<Mark> superseded;          // open ones
  bool measured = false;                 // there are gold questions
  size_t questions = 0;
  evaluate::Interval answer_rate;        // over questions that are not superseded
  double answer_rate_all = 0;            // those counted as missed
  std::string retrained;                 // why a retriever was trained; "" = it was not
  std::string not_retrained;             // why not
  std::string release, status;           // id; "unchanged", "promoted", "proposed", "refused"
  std::vector<Refusal> refusals;
  double seconds = 0, cpu_s = 0, watt_hours = 0;
  bool energy_estimated = true;
  std::vector<std::string> notes;
};
// One round: adds what changed in the sources, marks what is superseded, measures, trains by policy, proposes, promotes what
// holds. Killed anywhere, the next round does what is left.
Result<RefreshReport> refresh(archive::Archive& archive, search::Searcher& searcher, const RefreshOptions& options, const Act& act);
std::string to_json(const RefreshReport& report);

}  // namespace sillok::release
