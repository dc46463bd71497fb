// Releases, to look at: promoting and rolling back are the command line's, where a second person confirms what does not hold.
//
// A release is shown to those who dominate its label. Its report was measured on all records: figures are shown to those who see all.
#include "release/release.h"

#include "server/access.h"

namespace sillok::server {
namespace {

// Of a report, what a person decides by; no question and no record is in it.
constexpr const char* kFigures[] = {"answer_rate", "answer_rate_1", "abstention_precision", "abstention_recall", "citation_support", "recall_at_1", "recall_at_5"};

bool sees_everything(App& app, const Request& request) {
  return Access(app, request.identity).view().version_count() == app.archive.version_count();
}
bool sees(const App& app, const Request& request, const release::Release& r) {
  return app.settings.lattice.dominates(request.identity.person.clearance, r.label);
}
Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

Json listed_json(const release::Listed& each, bool figures) {
  const release::Release& r = each.release;
  const bool known = each.problem.empty();
  const std::string& problem = known ? each.report_problem : each.problem;
  Json json = {{"id", r.id}, {"status", each.status}, {"sound", problem.empty()}, {"problem", text_or_null(problem)}};
  json["label"] = known ? Json(r.label) : Json();
  json["person"] = known ? Json(r.person) : Json();
  json["made"] = known ? Json(format_micros(r.made)) : Json();
  json["note"] = r.note;
  json["program"] = known ? Json(r.program) : Json();
  json["measured"] = each.answer_rate.has_value();
  const bool told = each.answer_rate && figures;
  json["answer_rate"] = told ? Json(each.answer_rate->mean) : Json();
  json["answer_rate_95"] = told ? Json({each.answer_rate->low, each.answer_rate->high}) : Json();
  json["questions"] = told ? Json(each.questions) : Json();
  return json;
}

Json artefacts_json(const release::Release& r) {
  Json list = Json::array();
  for (const release::Artefact& a : r.settings.artefacts) {
    list.push_back({{"role", release::to_string(a.role)}, {"name", a.name}, {"sha256", a.sha256}, {"bytes", a.bytes}, {"label", a.label}, {"label_reason", a.label_reason}});
  }
  return list;
}

// Settings that differ, and figures that do, on the questions of both.
Json against_json(App& app, const Request& request, const release::Release& r, bool figures, bool measured) {
  const fs::path& home = app.archive.home();
  const auto id = release::held_against(home, r);
  if (!id || id->empty()) return nullptr;
  const auto other = release::load(home, *id);
  if (!other || !sees(app, request, *other)) return nullptr;
  Json json = {{"id", other->id}, {"changed", Json::array()}, {"comparison", Json()}};
  for (const auto& c : release::diff(*other, r)) {
    if (c.setting == "archive_change" && !figures) continue;  // counts changes of what he does not see
    json["changed"].push_back({{"setting", c.setting}, {"before", c.before}, {"after", c.after}});
  }
  if (!figures || !measured || !release::load_report(home, *other)) return json;
  const auto compared = evaluate::compare(release::report_path(home, *other), release::report_path(home, r));
  if (!compared) return json;
  json["comparison"] = {{"verdict", evaluate::to_string(compared->verdict)}, {"questions", compared->questions}, {"figures", Json::array()}};
  for (const evaluate::Difference& d : compared->figures) {
    json["comparison"]["figures"].push_back({{"figure", d.figure}, {"before", d.before}, {"after", d.after}, {"change_95", {d.change.low, d.change.high}},
                                             {"better", d.better}, {"worse", d.worse}, {"questions", d.questions}, {"p", d.p}});
  }
  return json;
}

// What stands against it now; null of one in force, and for who may not see what it is judged by.
Result<Json> refusals_json(App& app, const release::Release& r) {
  SILLOK_ASSIGN(const release::Judgement judged, release::judge(app.archive, r, release::Check::kSeen));
  Json list = Json::array();
  for (const release::Refusal& each : judged.refusals) {
    list.push_back({{"bound", each.bound}, {"figure", each.figure}, {"limit", each.limit}, {"forceable", each.forceable}, {"why", each.why}});
  }
  return list;
}

}  // namespace

Response list_releases(App& app, Request& request) {
  const auto all = release::list(app.archive.home());
  if (!all) return native(all.error());
  const bool figures = sees_everything(app, request);
  Json json = {{"current", Json()}, {"releases", Json::array()}};
  for (auto each = all->rbegin(); each != all->rend(); ++each) {
    // One that does not hold says nothing of its label, and nothing of it is told but that.
    if (each->problem.empty() && !sees(app, request, each->release)) continue;
    if (each->status == "current") json["current"] = each->release.id;
    json["releases"].push_back(listed_json(*each, figures));
  }
  return json_response(std::move(json));
}

Response show_release(App& app, Request& request) {
  const fs::path& home = app.archive.home();
  const auto all = release::list(home);
  if (!all) return native(all.error());
  const auto each = std::find_if(all->begin(), all->end(), [&](const release::Listed& l) { return l.release.id == request.captures[0]; });
  const bool known = each != all->end() && each->problem.empty();
  if (each == all->end() || (known && !sees(app, request, each->release))) {
    return error_response(Surface::kNative, 404, "not_found", "there is no such release");
  }
  const bool figures = sees_everything(app, request);
  const release::Release& r = each->release;
  Json json = listed_json(*each, figures);
  json["sha256"] = text_or_null(r.sha256);
  json["artefacts"] = artefacts_json(r);
  json["model"] = text_or_null(r.settings.writer.model);
  json["threshold"] = r.settings.threshold;
  json["figures"] = nullptr;
  json["against"] = nullptr;
  json["refusals"] = nullptr;
  json["wish"] = nullptr;
  if (!known) return json_response(std::move(json));
  const auto text = release::load_report(home, r);
  if (text && figures) {
    const Json report = Json::parse(*text, nullptr, false);
    json["figures"] = Json::object();
    for (const char* name : kFigures) {
      if (report.contains(name) && report[name].is_number()) json["figures"][name] = report[name];
    }
  }
  json["against"] = against_json(app, request, r, figures, text.has_value());
  if (figures && each->status != "current") {
    auto refusals = refusals_json(app, r);
    if (!refusals) return native(refusals.error());
    json["refusals"] = std::move(*refusals);
  }
  if (const auto wish = release::wish_for(home, r); wish && each->status != "current") {
    json["wish"] = {{"person", wish->person}, {"reason", wish->reason}, {"made", wish->made}};
  }
  return json_response(std::move(json));
}

}  // namespace sillok::server
