#include "cli/release.h"

#include "cli/actor.h"
#include "cli/refresh.h"
#include "release/release.h"

namespace sillok::cli {
namespace {

struct ReleaseArguments {
  std::string id, other, as, reason, label, note, gold, canaries, members, held_out;
  bool force = false;
  uint64_t seed = 0;
};

// Whoever may change models may change what answers are made with.
Result<release::Act> act_of(const Common& common, const ReleaseArguments& a) {
  SILLOK_ASSIGN(const Actor actor, open_actor(common.home, a.as));
  if (actor.person && !govern::allows(actor.person->role, govern::Scope::kModels)) {
    return fail(ErrorCode::kDenied, "--as: '" + actor.name + "' may not change releases; an administrator may");
  }
  return release::Act{actor.name, "command line", a.reason};
}

std::string percent(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.1f", value);
  return buffer;
}

void print_release(const Common& common, const release::Release& r) {
  if (common.json) {
    std::printf("%s\n", release::to_json(r).c_str());
    return;
  }
  std::printf("%s  proposed by %s on %s, label %s\n", r.id.c_str(), r.person.c_str(), format_micros(r.made).c_str(), r.label.c_str());
  if (!r.note.empty()) std::printf("  %s\n", r.note.c_str());
  std::printf("  threshold %.4g, answers %s\n", r.settings.threshold, r.settings.writer.model.empty() ? "are quotes" : ("are written by " + r.settings.writer.model).c_str());
  for (const release::Artefact& a : r.settings.artefacts) {
    std::printf("  %-10s %s  %s  label %s (%s)\n", std::string(release::to_string(a.role)).c_str(), a.name.c_str(), a.sha256.substr(0, 16).c_str(),
                a.label.c_str(), a.label_reason.c_str());
  }
}

int run_propose(const Common& common, const ReleaseArguments& a) {
  const auto act = act_of(common, a);
  if (!act) return report_error(act.error());
  const auto archive = archive::Archive::open(common.home);
  if (!archive) return report_error(archive.error());
  const auto made = release::propose(*archive, *act, {a.label, a.note});
  if (!made) return report_error(made.error());
  print_release(common, *made);
  return 0;
}

int run_evaluate_release(const Common& common, const ReleaseArguments& a) {
  const auto act = act_of(common, a);
  if (!act) return report_error(act.error());
  auto home = open_home(common.home);
  if (!home) return report_error(home.error());
  const auto found = release::load(common.home, a.id);
  if (!found) return report_error(found.error());
  const auto gold = a.gold.empty() ? release::gold_file(common.home) : Result<fs::path>(a.gold);
  if (!gold) return report_error(gold.error());
  const auto report = [&] {
    ProgressLine progress("asking");
    release::EvaluateOptions options;
    options.gold = *gold;
    options.seed = a.seed;
    options.canaries = a.canaries;
    options.members = a.members;
    options.held_out = a.held_out;
    options.progress = [&](size_t done, size_t total) { progress.show(done, total); };
    return release::evaluate(home->archive, home->searcher, *found, options, *act);
  }();
  if (!report) return report_error(report.error());
  if (common.json) {
    std::printf("%s\n", evaluate::to_json(*report, evaluate::Outcomes::kNone).c_str());
  } else {
    std::printf("%s%s: the report is kept with the release.\n", evaluate::to_text(*report).c_str(), found->id.c_str());
  }
  return 0;
}

Json refusals_json(const std::vector<release::Refusal>& refusals) {
  Json list = Json::array();
  for (const auto& r : refusals) {
    list.push_back({{"bound", r.bound}, {"figure", r.figure}, {"limit", r.limit}, {"forceable", r.forceable}, {"why", r.why}});
  }
  return list;
}

int run_promote(const Common& common, const ReleaseArguments& a) {
  const auto act = act_of(common, a);
  if (!act) return report_error(act.error());
  const auto archive = archive::Archive::open(common.home);
  if (!archive) return report_error(archive.error());
  const auto found = release::load(common.home, a.id);
  if (!found) return report_error(found.error());
  const auto done = release::promote(*archive, *found, a.force, *act);
  if (!done) return report_error(done.error());
  const auto& refusals = done->judgement.refusals;
  if (common.json) {
    Json json = {{"id", found->id}, {"promoted", done->promoted}, {"previous", done->previous.empty() ? Json() : Json(done->previous)}};
    json["refused"] = refusals_json(refusals);
    if (!done->first_person.empty()) json["forced_by"] = done->first_person;
    if (done->waits_for_second) json["waits_for"] = "a second person";
    if (done->judgement.comparison) json["comparison"] = Json::parse(evaluate::to_json(*done->judgement.comparison));
    print_json(json, 2);
  } else if (done->promoted) {
    std::printf("%s is in force%s%s.\n", found->id.c_str(), done->previous.empty() ? "" : " instead of ", done->previous.c_str());
  }
  if (done->promoted) return 0;
  for (const auto& r : refusals) std::fprintf(stderr, "sillok: %s is not promoted: %s: %s\n", found->id.c_str(), r.bound.c_str(), r.why.c_str());
  if (done->waits_for_second) {
    std::fprintf(stderr, "sillok: %s asks for it all the same; another person confirms with: sillok release promote %s --force --as PERSON\n",
                 done->first_person.c_str(), found->id.c_str());
  } else if (a.force) {
    std::fprintf(stderr, "sillok: what does not hold here cannot be forced\n");
  }
  return 1;
}

int run_rollback(const Common& common, const ReleaseArguments& a) {
  const auto act = act_of(common, a);
  if (!act) return report_error(act.error());
  const auto done = release::roll_back(common.home, *act);
  if (!done) return report_error(done.error());
  if (common.json) print_json({{"from", done->from}, {"current", done->to}});
  else std::printf("%s is in force again instead of %s.\n", done->to.c_str(), done->from.c_str());
  return 0;
}

int run_list(const Common& common) {
  const auto all = release::list(common.home);
  if (!all) return report_error(all.error());
  Json json = {{"current", Json()}, {"releases", Json::array()}};
  for (const auto& each : *all) {
    const auto& r = each.release;
    Json one = {{"id", r.id}, {"status", each.status}};
    if (each.status == "current") json["current"] = r.id;
    if (each.problem.empty()) {
      one.update({{"sha256", r.sha256}, {"label", r.label}, {"person", r.person}, {"made", format_micros(r.made)}, {"note", r.note}, {"program", r.program}});
      if (each.answer_rate) {
        one["answer_rate"] = each.answer_rate->mean;
        one["answer_rate_95"] = {each.answer_rate->low, each.answer_rate->high};
        one["questions"] = each.questions;
      }
      if (!each.report_problem.empty()) one["report_problem"] = each.report_problem;
    } else {
      one["problem"] = each.problem;
    }
    json["releases"].push_back(std::move(one));
    if (common.json) continue;
    std::printf("%-16s %-10s %-20s %-12s %s\n", r.id.c_str(), each.status.c_str(), each.problem.empty() ? format_micros(r.made).c_str() : "", r.label.c_str(),
                !each.problem.empty()  ? each.problem.c_str()
                : !each.report_problem.empty() ? each.report_problem.c_str()
                : each.answer_rate     ? (percent(each.answer_rate->mean) + " % of " + std::to_string(each.questions) + " questions").c_str()
                                       : "not measured");
  }
  if (common.json) print_json(json);
  else if (all->empty()) std::printf("No release yet: the home's own settings hold. `sillok release propose` makes one of them.\n");
  return 0;
}

int run_show_release(const Common& common, const ReleaseArguments& a) {
  const auto found = release::load(common.home, a.id);
  if (!found) return report_error(found.error());
  const auto report = release::load_report(common.home, *found);
  if (!report && report.error().code != ErrorCode::kNotFound) return report_error(report.error());
  if (!common.json) {
    print_release(common, *found);
    if (report) {
      const Json json = Json::parse(*report);
      std::printf("  answer rate %s %% (95 %%: %s to %s) of %zu questions, refusing %s %%, citations %s %%\n", percent(json["answer_rate"].get<double>()).c_str(),
                  percent(json["answer_rate_95"][0].get<double>()).c_str(), percent(json["answer_rate_95"][1].get<double>()).c_str(),
                  json["questions"].get<size_t>(), percent(json["abstention_recall"].get<double>()).c_str(), percent(json["citation_support"].get<double>()).c_str());
    } else {
      std::printf("  not measured yet\n");
    }
    return 0;
  }
  Json json = Json::parse(release::to_json(*found));
  json["report"] = report ? Json::parse(*report) : Json();
  print_json(json, 2);
  return 0;
}

int run_diff(const Common& common, const ReleaseArguments& a) {
  const auto before = release::load(common.home, a.id), after = release::load(common.home, a.other);
  if (!before) return report_error(before.error());
  if (!after) return report_error(after.error());
  Json json = {{"before", before->id}, {"after", after->id}, {"changed", Json::array()}};
  for (const auto& c : release::diff(*before, *after)) {
    json["changed"].push_back({{"setting", c.setting}, {"before", c.before}, {"after", c.after}});
    if (!common.json) std::printf("%-24s %s -> %s\n", c.setting.c_str(), c.before.empty() ? "(none)" : c.before.c_str(), c.after.empty() ? "(none)" : c.after.c_str());
  }
  const bool measured = release::load_report(common.home, *before).has_value() && release::load_report(common.home, *after).has_value();
  json["comparison"] = nullptr;
  if (measured) {
    const auto comparison = evaluate::compare(release::report_path(common.home, *before), release::report_path(common.home, *after));
    if (!comparison) return report_error(comparison.error());
    json["comparison"] = Json::parse(evaluate::to_json(*comparison));
    if (!common.json) std::fputs(evaluate::to_text(*comparison).c_str(), stdout);
  } else if (!common.json) {
    std::printf("Not both are measured: how answers differ is not known.\n");
  }
  if (common.json) print_json(json, 2);
  return 0;
}

void define_refresh(CLI::App& app, Common& common, std::function<int()>& verb) {
  static RefreshArguments r;
  auto* refresh = app.add_subcommand("refresh", "Take in what changed, measure, and release what holds: once, or for ever");
  refresh->add_option("--home", common.home, "The home folder (default: $SILLOK_HOME or ./sillok-home)");
  refresh->add_flag("--json", common.json, "Print JSON");
  refresh->add_option("sources", r.sources, "Files and folders to look through (default: sillok.toml, [refresh], or all that was ever added)");
  auto* once = refresh->add_flag("--once", r.once, "One round (the default)");
  auto* watch = refresh->add_flag("--watch", r.watch, "Rounds until SIGTERM or Ctrl-C")->excludes(once);
  refresh->add_option("--every", r.every_s, "Seconds from round to round")->needs(watch)->check(CLI::Range(1, 86'400));
  refresh->add_option("--gold", r.gold, "Gold questions (default: sillok.toml, [refresh])");
  auto* pending = refresh->add_flag("--pending", r.pending, "List gold questions whose answer is superseded");
  auto* accept = refresh->add_option("--accept", r.accept, "Take the proposed answer of this question into the gold file");
  auto* reject = refresh->add_option("--reject", r.reject, "Leave this question's answer as it is");
  accept->excludes(reject)->excludes(pending)->excludes(once)->excludes(watch);
  reject->excludes(pending)->excludes(once)->excludes(watch);
  refresh->add_option_function<std::string>("--answer", [](const std::string& answer) {
    r.has_answer = true;
    r.answer = answer;
  }, "Another answer than the proposed one; \"\" for none")->needs(accept);
  refresh->add_option("--as", r.as, "Who does it (default: the command line itself)");
  refresh->callback([&common, &verb] { verb = [&common] { return run_refresh(common, r); }; });
}

}  // namespace

void define_release(CLI::App& app, Common& common, std::function<int()>& verb) {
  // One run of the program is one verb: the arguments live as long as it does.
  static ReleaseArguments a;
  auto* releases = app.add_subcommand("release", "What answers are made with: proposed, measured, and in force only if the answer rate holds");
  releases->require_subcommand(1);
  const auto add = [&](const char* name, const char* what, std::function<int()> run) {
    CLI::App* made = releases->add_subcommand(name, what);
    made->add_option("--home", common.home, "The home folder (default: $SILLOK_HOME or ./sillok-home)");
    made->add_flag("--json", common.json, "Print JSON");
    made->callback([&verb, run = std::move(run)] { verb = run; });
    return made;
  };
  const auto as = [](CLI::App* of) { of->add_option("--as", a.as, "Who does it (default: the command line itself)"); };
  const auto id = [](CLI::App* of) { of->add_option("id", a.id, "The release, or the beginning of its id")->required(); };

  auto* propose = add("propose", "Keep the home's present settings, models and prompts as a release", [&common] { return run_propose(common, a); });
  propose->add_option("--label", a.label, "Label of the release (default: the join of what its models were learned from)");
  propose->add_option("--note", a.note, "What it is for");
  as(propose);
  auto* evaluating = add("evaluate", "Ask the gold questions with exactly the release's settings, and keep the report", [&common] { return run_evaluate_release(common, a); });
  id(evaluating);
  evaluating->add_option("--gold", a.gold, "JSONL of gold questions (default: those of the home, as sillok.toml says in [refresh])");
  evaluating->add_option("--seed", a.seed, "Another seed, another wording");
  evaluating->add_option("--canaries", a.canaries, "JSONL of canaries planted when the adapter was tuned: can they be drawn?");
  evaluating->add_option("--members", a.members, "JSONL of lines that the adapter was tuned on, and");
  evaluating->add_option("--held-out", a.held_out, "of lines like them that it was not: can they be told apart?");
  as(evaluating);
  auto* promote = add("promote", "Put the release in force, if it holds against the one that is", [&common] { return run_promote(common, a); });
  id(promote);
  auto* force = promote->add_flag("--force", a.force, "Although figures fall: asked for by one person with --reason, confirmed by another");
  promote->add_option("--reason", a.reason, "Why")->needs(force);
  as(promote);
  auto* rollback = add("rollback", "Back to the release that was in force before", [&common] { return run_rollback(common, a); });
  rollback->add_option("--reason", a.reason, "Why");
  as(rollback);
  add("list", "All releases, with their answer rates", [&common] { return run_list(common); });
  id(add("show", "One release and its report", [&common] { return run_show_release(common, a); }));
  auto* diff = add("diff", "What differs between two releases, in settings and in answers", [&common] { return run_diff(common, a); });
  id(diff);
  diff->add_option("other", a.other, "The other release")->required();
  define_refresh(app, common, verb);
}

}  // namespace sillok::cli
