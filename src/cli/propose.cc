#include "cli/propose.h"

#include <atomic>
#include <csignal>
#include <memory>

#include "cli/actor.h"
#include "cli/writer.h"
#include "release/release.h"
#include "train/train.h"

namespace sillok::cli {
namespace {

struct ProposeArguments {
  std::string labels_up_to, as, id, state = "pending", after, question, answer;
  std::vector<std::string> sources;
  WriterArguments writer;
  uint32_t count = 50;
  uint64_t seed = 1;
  size_t limit = 20;
  bool has_question = false, has_answer = false, measure = false;
};

std::atomic<bool> g_stop_proposing{false};

Json report_json(const train::ProposeReport& r) {
  Json json{{"model", r.model}, {"ceiling", r.ceiling}, {"yield", Json::array()}};
  for (const train::ProposeStep& step : r.steps) json["yield"].push_back({{"step", step.name}, {"passages", step.passages}});
  json["too_long"] = r.too_long;
  json["asked"] = r.asked;
  json["malformed"] = r.malformed;
  json["badly_put"] = r.badly_put;
  json["gives_away"] = r.gives_away;
  json["not_supported"] = r.not_supported;
  json["near_copies"] = r.near_copies;
  json["not_found_again"] = r.not_found_again;
  json["kept"] = r.kept;
  json["waiting"] = r.waiting;
  if (!r.stopped.empty()) json["stopped"] = r.stopped;
  return json;
}

void print_report(const train::ProposeReport& r) {
  const auto line = [](uint64_t count, const std::string& what) { std::printf("%10llu  %s\n", static_cast<unsigned long long>(count), what.c_str()); };
  for (const train::ProposeStep& step : r.steps) line(step.passages, &step == &r.steps.front() ? step.name : "left without those " + step.name);
  line(r.asked, "asked of " + r.model);
  if (r.too_long > 0) line(r.too_long, "not asked: too long for the model");
  uint64_t left = r.asked;
  for (const auto& [count, what] : {std::pair{r.malformed, "no question with an answer"},
                                    {r.badly_put, "badly put: too short or long, in another language, copied, or about \"this document\""},
                                    {r.gives_away, "the question holds its answer"},
                                    {r.not_supported, "the passage does not say the answer"},
                                    {r.near_copies, "near-copies of a gold question or an earlier proposal"},
                                    {r.not_found_again, "searching for the question does not lead back"}}) {
    left -= count;
    line(left, std::string("left without (-") + std::to_string(count) + ") " + what);
  }
  std::printf("%llu kept; %llu wait for a person, in the console under Answer rate or here: sillok train proposals\n", static_cast<unsigned long long>(r.kept),
              static_cast<unsigned long long>(r.waiting));
}

// Why a run that kept nothing was none, in a line; "" where it has its reason.
std::string nothing_kept(const train::ProposeReport& r) {
  if (!r.stopped.empty()) return "stopped after " + std::to_string(r.asked) + " passages, " + std::to_string(r.kept) + " kept: " + r.stopped;
  if (r.kept > 0) return {};
  if (r.asked == 0 && r.too_long > 0) return "every passage left is too long for the model's context; raise [answer] context or choose another model";
  if (r.asked == 0) return {};
  return "nothing that " + r.model + " wrote holds; choose a model that follows instructions, or ask about more passages (--count)";
}

int run_propose(const Common& common, const ProposeArguments& a) {
  auto home = open_home(common.home);
  if (!home) return report_error(home.error());
  auto writer = open_writer(common, a.writer);
  if (!writer) return report_error(writer.error());
  if (!writer->generator) {
    return report_error({ErrorCode::kNotFound, "no model writes here: name one with -m, or in sillok.toml, [answer] model"});
  }
  train::ProposeOptions options;
  options.ceiling = a.labels_up_to;
  options.sources = a.sources;
  options.count = a.count;
  options.seed = a.seed;
  const auto gold = release::gold_file(common.home);
  if (!gold) return report_error(gold.error());
  options.gold = *gold;
  std::signal(SIGINT, [](int) { g_stop_proposing = true; });
  std::signal(SIGTERM, [](int) { g_stop_proposing = true; });
  options.cancelled = [] { return g_stop_proposing.load(); };
  const auto report = [&] {
    ProgressLine progress("asking");
    return train::propose(home->archive, home->searcher, *writer->generator, options,
                          [&](const train::ProposeReport& so_far, uint64_t of) { progress.show(so_far.asked, of, std::to_string(so_far.kept) + " kept"); });
  }();
  if (!report) return report_error(report.error());
  const Status noted = audit_act(common.home, Actor{}, "proposal", "", {{"act", "propose"}, {"model", report->model}, {"asked", report->asked}, {"kept", report->kept}}, report->ceiling);
  if (!noted) return report_error(noted.error());
  if (common.json) print_json(report_json(*report));
  else print_report(*report);
  const std::string why = nothing_kept(*report);
  if (why.empty()) {
    if (report->asked == 0 && !common.json) std::fprintf(stderr, "note: no passage is left that this model was not asked about\n");
    return 0;
  }
  // A run that was cut off by whoever started it has done what it could.
  return g_stop_proposing && report->kept > 0 ? 0 : report_error({ErrorCode::kInvalid, why});
}

Json proposal_json(const train::Proposal& p) {
  Json json{{"id", p.id}, {"question", p.question}, {"answer", p.answer}, {"quote", p.quote}, {"record", p.version.record}, {"title", p.version.title},
            {"version", p.version.number}, {"anchor", p.anchor}, {"label", p.version.label}, {"rank", p.rank}, {"model", p.model}, {"made", format_micros(p.made)},
            {"state", train::to_string(p.state)}};
  if (p.state == train::ProposalState::kConfirmed) json["use"] = train::to_string(p.use);
  if (!p.person.empty()) json["person"] = p.person, json["decided"] = format_micros(p.decided), json["edited"] = p.edited;
  return json;
}

void print_proposal(const train::Proposal& p) {
  std::printf("%s  %s\n    %s\n    \"%s\"\n    %s, version %u%s%s, found again at %u\n", p.id.c_str(), p.question.c_str(), p.answer.c_str(), shorten(p.quote, 160).c_str(),
              p.version.record.c_str(), p.version.number, p.anchor.empty() ? "" : ", ", p.anchor.c_str(), p.rank);
}

int run_proposals(const Common& common, const ProposeArguments& a) {
  const auto state = train::proposal_state(a.state);
  if (!state) return report_usage(state.error());
  const auto actor = open_actor(common.home, a.as);
  if (!actor) return report_error(actor.error());
  const auto archive = archive::Archive::open(common.home);
  if (!archive) return report_error(archive.error());
  const auto page = train::proposals(archive::View(*archive, actor->clearance()), {*state, a.after, a.limit});
  if (!page) return report_error(page.error());
  if (common.json) {
    Json json{{"proposals", Json::array()}, {"total", page->total}};
    for (const train::Proposal& p : page->proposals) json["proposals"].push_back(proposal_json(p));
    if (!page->next.empty()) json["next"] = page->next;
    print_json(json);
    return 0;
  }
  for (const train::Proposal& p : page->proposals) print_proposal(p);
  std::printf("%llu %s%s\n", static_cast<unsigned long long>(page->total), a.state.c_str(), page->next.empty() ? "" : ("; more: --after " + page->next).c_str());
  return 0;
}

int decide(const Common& common, const ProposeArguments& a, bool confirm) {
  const auto actor = open_actor(common.home, a.as);
  if (!actor) return report_error(actor.error());
  if (actor->person && !govern::allows(actor->person->role, govern::Scope::kEvaluate)) {
    return report_error({ErrorCode::kDenied, "--as: '" + actor->name + "' may not do this; a curator, a service or an administrator may"});
  }
  const auto archive = archive::Archive::open(common.home);
  if (!archive) return report_error(archive.error());
  const auto gold = release::gold_file(common.home);
  if (!gold) return report_error(gold.error());
  train::ProposalDecision decision;
  decision.confirm = confirm;
  if (a.has_question) decision.question = a.question;
  if (a.has_answer) decision.answer = a.answer;
  decision.use = a.measure ? train::ProposalUse::kMeasuring : train::ProposalUse::kTeaching;
  decision.person = actor->name;
  const auto decided = train::decide_proposal(archive::View(*archive, actor->clearance()), *gold, a.id, decision);
  if (!decided) return report_error(decided.error());
  if (decided->refused != train::ProposalFault::kNone) return report_error({ErrorCode::kInvalid, decided->why});
  const train::Proposal* const done = &decided->proposal;
  Json details{{"act", confirm ? "confirm" : "reject"}, {"record", done->version.record}};
  if (confirm) details["use"] = train::to_string(done->use), details["edited"] = done->edited;
  const Status noted = audit_act(common.home, *actor, "proposal", done->id, details, done->version.label);
  if (!noted) return report_error(noted.error());
  if (common.json) print_json(proposal_json(*done));
  else std::printf("%s: %s\n", done->id.c_str(), !confirm ? "rejected" : a.measure ? "confirmed, a gold question now" : "confirmed, taught by train data --instructions");
  return 0;
}

int run_confirm(const Common& common, const ProposeArguments& a) { return decide(common, a, true); }
int run_reject(const Common& common, const ProposeArguments& a) { return decide(common, a, false); }

}  // namespace

void define_propose(CLI::App& train, Common& common, std::function<int()>& verb) {
  const auto a = std::make_shared<ProposeArguments>();  // Shared by the verbs' callbacks, which outlive this function.
  const auto add = [&](const char* name, const char* what, int (*run)(const Common&, const ProposeArguments&)) {
    CLI::App* sub = train.add_subcommand(name, what);
    sub->add_option("--home", common.home, "The home folder (default: $SILLOK_HOME or ./sillok-home)");
    sub->add_flag("--json", common.json, "Print JSON");
    sub->callback([&common, &verb, a, run] { verb = [&common, a, run] { return run(common, *a); }; });
    return sub;
  };
  auto* propose = add("propose", "Let a model propose questions with answers, for a person to confirm", run_propose);
  propose->add_option("-m,--model", a->writer.model, "A GGUF file, or its name in the home's models/ (default: sillok.toml, [answer])");
  propose->add_option("--threads", a->writer.threads, "Threads of the model")->check(CLI::Range(1, 1024));
  propose->add_option("--count", a->count, "Ask about at most so many passages")->check(CLI::Range(1, 1'000'000));
  propose->add_option("--labels-up-to,--ceiling", a->labels_up_to, "Ask about records up to this label (default: the least sensitive alone)");
  propose->add_option("--source", a->sources, "Only about records read from this file or below this folder; may be repeated");
  propose->add_option("--seed", a->seed, "Of which passages are asked about");

  auto* list = add("proposals", "Proposed questions: those that wait, or --state", run_proposals);
  list->add_option("--state", a->state, "pending, confirmed, rejected or withdrawn");
  list->add_option("--after", a->after, "Go on after this one");
  list->add_option("--limit", a->limit, "At most so many")->check(CLI::Range(1, 10'000));
  list->add_option("--as", a->as, "What this person would see");

  auto* confirm = add("confirm", "Take a proposed question, to teach with", run_confirm);
  auto* reject = add("reject", "Turn a proposed question down", run_reject);
  for (CLI::App* sub : {confirm, reject}) {
    sub->add_option("id", a->id, "The proposal")->required();
    sub->add_option("--as", a->as, "Who decides");
  }
  confirm->add_option_function<std::string>("--question", [a](const std::string& text) { a->question = text, a->has_question = true; }, "In other words");
  confirm->add_option_function<std::string>("--answer", [a](const std::string& text) { a->answer = text, a->has_answer = true; }, "Another answer, which the passage says");
  confirm->add_flag("--measure", a->measure, "As a gold question, to measure with; it is then not taught");
}

}  // namespace sillok::cli
