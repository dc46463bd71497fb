// `sillok label`.
#include "cli/actor.h"
#include "cli/govern_verbs.h"

namespace sillok::cli {
namespace {

Json change_json(const archive::LabelChange& change) {
  Json json;
  json["record"] = change.record;
  json["before"] = change.from;
  json["label"] = change.label;
  json["reason"] = change.reason;
  json["person"] = change.person;
  json["made"] = format_micros(change.made);
  return json;
}

// Neither from nor to a label beyond the person's own clearance; and only who may label at all.
Status may_label(const Actor& actor, const archive::View& view, std::string_view record, std::string_view label) {
  if (!actor.person) return {};
  if (!govern::allows(actor.person->role, govern::Scope::kLabel)) {
    return fail(ErrorCode::kDenied, "'" + actor.name + "' may not change labels: the role " +
                                        std::string(govern::to_string(actor.person->role)) + " does not allow it");
  }
  const auto all = view.archive().versions(record);
  const bool sees_all = std::all_of(all.begin(), all.end(), [&](const archive::Version& v) { return view.sees(v.label); });
  if (view.versions(record).empty() || !sees_all) {
    return fail(ErrorCode::kNotFound, "there is no record '" + shorten(clean_utf8(record), 200) + "'");
  }
  SILLOK_ASSIGN(const govern::Label wanted, view.archive().settings().lattice.parse(label));
  if (!govern::dominates(actor.person->clearance, wanted)) {
    return fail(ErrorCode::kDenied, "'" + actor.name + "' is not cleared for " + std::string(label));
  }
  return {};
}

int finish_label(const Common& common, const Actor& actor, Home& home, const archive::LabelChange& change, const std::string& act, bool holds) {
  if (auto done = home.searcher.refresh(home.archive); !done) return report_error(done.error());
  Json json = change_json(change);
  json["act"] = act;
  if (change.proposal != 0) json["proposal"] = change.proposal;
  const std::string label = join_labels(home.archive.settings().lattice, {change.from, change.label});
  if (const Status done = audit_act(common.home, actor, "label", change.record, json, label); !done) return report_error(done.error());
  json["applied"] = holds;
  if (common.json) {
    print_json(json);
  } else if (holds) {
    std::printf("%s: %s, before %s.\n", change.record.c_str(), change.label.c_str(), change.from.c_str());
  } else if (act == "propose") {
    std::printf("Proposal %lld: %s from %s to %s. A second person confirms it: sillok label --confirm %lld --as NAME\n",
                static_cast<long long>(change.proposal), change.record.c_str(), change.from.c_str(), change.label.c_str(),
                static_cast<long long>(change.proposal));
  } else {
    std::printf("Proposal %lld is refused.\n", static_cast<long long>(change.proposal));
  }
  return 0;
}

}  // namespace

int run_label(const Common& common, const LabelArguments& a) {
  const bool deciding = a.confirm != 0 || a.refuse != 0;
  if (a.proposals + deciding + !a.record.empty() != 1 || (!a.record.empty() && a.label.empty())) {
    return report_usage({ErrorCode::kInvalid, "label: give RECORD and LABEL (and --reason where that lowers it), or --confirm N, --refuse N, or --proposals"});
  }
  const auto actor = open_actor(common.home, a.as);
  if (!actor) return report_error(actor.error());
  auto home = open_home(common.home);
  if (!home) return report_error(home.error());
  const archive::View view(home->archive, actor->clearance());
  if (a.proposals) {
    Json json = Json::array();
    for (const auto& change : home->archive.proposals()) {
      if (!view.sees(change.from)) continue;
      Json one = change_json(change);
      one["proposal"] = change.proposal;
      json.push_back(one);
      if (!common.json) {
        std::printf("%lld  %s from %s to %s: %s (%s)\n", static_cast<long long>(change.proposal), change.record.c_str(),
                    change.from.c_str(), change.label.c_str(), change.reason.c_str(), change.person.c_str());
      }
    }
    if (common.json) print_json({{"proposals", json}});
    return 0;
  }
  if (deciding) {
    const int64_t id = a.confirm != 0 ? a.confirm : a.refuse;
    const auto open = home->archive.proposals();
    const auto known = std::find_if(open.begin(), open.end(), [&](const archive::LabelChange& c) { return c.proposal == id; });
    if (known != open.end()) {
      if (const Status may = may_label(*actor, view, known->record, known->label); !may) return report_error(may.error());
    }
    const auto change = home->archive.decide(id, a.confirm != 0, actor->name);
    if (!change) return report_error(change.error());
    return finish_label(common, *actor, *home, *change, a.confirm != 0 ? "confirm" : "refuse", a.confirm != 0);
  }
  const std::string record = archive::key_from(a.record);
  if (const Status may = may_label(*actor, view, record, a.label); !may) return report_error(may.error());
  const auto change = home->archive.label(record, a.label, a.reason, actor->name);
  if (!change) return report_error(change.error());
  return finish_label(common, *actor, *home, *change, change->proposal == 0 ? "raise" : "propose", change->proposal == 0);
}

}  // namespace sillok::cli
