// `sillok refresh`: one round, or rounds until it is stopped; and a person's word on superseded answers.
#include "cli/refresh.h"

#include <poll.h>

#include <atomic>
#include <csignal>

#include "cli/actor.h"

namespace sillok::cli {
namespace {

std::atomic<bool> g_stop_refreshing{false};

Result<release::Act> act_of(const Common& common, const RefreshArguments& a, govern::Scope scope) {
  SILLOK_ASSIGN(const Actor actor, open_actor(common.home, a.as));
  if (actor.person && !govern::allows(actor.person->role, scope)) {
    return fail(ErrorCode::kDenied, "--as: '" + actor.name + "' may not do this; a curator or an administrator may");
  }
  return release::Act{actor.name, "command line", ""};
}

Json mark_json(const release::Mark& m) {
  return {{"id", m.id}, {"question", m.question}, {"state", release::to_string(m.state)}, {"record", m.record}, {"version_before", m.version_before},
          {"version_now", m.version_now}, {"answers", m.answers}, {"proposed", m.proposed}, {"proposed_from", m.proposed_from}, {"anchor", m.anchor}, {"person", m.person}};
}

void print_mark(const release::Mark& m) {
  std::string old;
  for (const std::string& answer : m.answers) old += (old.empty() ? "" : " / ") + answer;
  std::printf("%s  %s\n    %s (%s, version %u) -> %s (version %u)\n", m.id.c_str(), m.question.c_str(), old.c_str(), m.record.c_str(), m.version_before,
              m.proposed.empty() ? "no answer any more" : m.proposed.c_str(), m.version_now);
  if (!m.proposed_from.empty()) std::printf("    \"%s\"\n", shorten(m.proposed_from, 160).c_str());
}

int list_pending(const Common& common) {
  Json json = Json::array();
  for (const release::Mark& m : release::marks(common.home)) {
    if (m.state != release::MarkState::kOpen) continue;
    if (common.json) json.push_back(mark_json(m));
    else print_mark(m);
  }
  if (common.json) print_json({{"superseded", json}});
  return 0;
}

int decide(const Common& common, const RefreshArguments& a) {
  const auto act = act_of(common, a, govern::Scope::kEvaluate);
  if (!act) return report_error(act.error());
  const auto archive = archive::Archive::open(common.home);
  if (!archive) return report_error(archive.error());
  const auto gold = a.gold.empty() ? release::gold_file(common.home) : Result<fs::path>(a.gold);
  if (!gold) return report_error(gold.error());
  const auto done = a.reject.empty() ? release::accept(*archive, *gold, a.accept, a.has_answer ? std::optional(a.answer) : std::nullopt, *act)
                                     : release::reject(*archive, a.reject, *act);
  if (!done) return report_error(done.error());
  if (common.json) print_json(mark_json(*done));
  else std::printf("%s: %s%s\n", done->id.c_str(), a.reject.empty() ? "the answer is now " : "the old answer stays", a.reject.empty() ? (done->proposed.empty() ? "that the records do not say" : done->proposed.c_str()) : "");
  return 0;
}

void print_report(const Common& common, const release::RefreshReport& r) {
  if (common.json) {
    std::printf("%s\n", release::to_json(r).c_str());
    std::fflush(stdout);
    return;
  }
  std::printf("%llu added, %llu updated, %llu unchanged, %llu ended, %zu failed\n", static_cast<unsigned long long>(r.added.added),
              static_cast<unsigned long long>(r.added.updated), static_cast<unsigned long long>(r.added.unchanged),
              static_cast<unsigned long long>(r.added.ended), r.added.failed.size());
  for (const archive::Failure& failure : r.added.failed) std::printf("  not read: %s: %s\n", failure.path.c_str(), failure.reason.c_str());
  for (const std::string& note : r.notes) std::fprintf(stderr, "note: %s\n", note.c_str());
  if (!r.superseded.empty()) std::printf("superseded answers (sillok refresh --accept ID, or --reject ID):\n");
  for (const release::Mark& m : r.superseded) print_mark(m);
  if (!r.retrained.empty()) std::printf("retriever trained: %s\n", r.retrained.c_str());
  if (!r.not_retrained.empty()) std::printf("retriever not trained: %s\n", r.not_retrained.c_str());
  if (r.measured) {
    std::printf("answer rate %.1f %% (95 %%: %.1f to %.1f) of %zu questions; release %s %s\n", r.answer_rate.mean, r.answer_rate.low, r.answer_rate.high,
                r.questions, r.release.c_str(), r.status.c_str());
  }
  for (const release::Refusal& refusal : r.refusals) std::printf("  %s: %s\n", refusal.bound.c_str(), refusal.why.c_str());
  std::printf("%.1f s, %.3f Wh (%s)\n", r.seconds, r.watt_hours, r.energy_estimated ? "estimated" : "measured");
  std::fflush(stdout);
}

Result<release::RefreshReport> one_round(const Common& common, const RefreshArguments& a, const release::Act& act) {
  SILLOK_ASSIGN(Home home, open_home(common.home));
  ProgressLine progress("refreshing");
  release::RefreshOptions options;
  options.gold = a.gold;
  options.sources.assign(a.sources.begin(), a.sources.end());
  options.progress = [&](std::string_view what, uint64_t done, uint64_t total) { progress.show(done, total, std::string(what)); };
  return release::refresh(home.archive, home.searcher, options, act);
}

bool is_news(const release::RefreshReport& r) {
  return r.status != "unchanged" || r.added.added + r.added.updated + r.added.moved + r.added.ended > 0;
}

int watch(const Common& common, const RefreshArguments& a, const release::Act& act) {
  std::signal(SIGINT, [](int) { g_stop_refreshing = true; });
  std::signal(SIGTERM, [](int) { g_stop_refreshing = true; });
  const auto settings = release::load_refresh_settings(common.home);
  if (!settings) return report_error(settings.error());
  const uint32_t every_ms = 1000 * (a.every_s > 0 ? a.every_s : settings->every_s);
  bool first = true;
  while (!g_stop_refreshing) {
    const auto report = one_round(common, a, act);
    // Another writer at work, a disk that is full: the next round does what is left.
    if (!report) report_error(report.error());
    else if (first || is_news(*report)) print_report(common, *report);
    if (first && !report && report.error().code != ErrorCode::kConflict) return 1;
    first = false;
    constexpr uint32_t kStopPollMs = 100;
    for (uint32_t waited = 0; waited < every_ms && !g_stop_refreshing; waited += kStopPollMs) ::poll(nullptr, 0, kStopPollMs);
  }
  return 0;
}

}  // namespace

int run_refresh(const Common& common, const RefreshArguments& a) {
  if (a.pending) return list_pending(common);
  if (!a.accept.empty() || !a.reject.empty()) return decide(common, a);
  const auto act = act_of(common, a, govern::Scope::kModels);
  if (!act) return report_error(act.error());
  if (a.watch) return watch(common, a, *act);
  const auto report = one_round(common, a, *act);
  if (!report) return report_error(report.error());
  print_report(common, *report);
  return 0;
}

}  // namespace sillok::cli
