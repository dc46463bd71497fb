// Questions that a model proposed (train/proposals.h), and a person's word on them.
#include "server/access.h"
#include "train/train.h"

namespace sillok::server {
namespace {

constexpr uint64_t kMostListed = 200;

Json proposal_json(const train::Proposal& p) {
  Json json = {{"id", p.id},
               {"question", p.question},
               {"answer", p.answer},
               {"passage", p.passage},
               {"quote", p.quote},
               {"record", p.version.record},
               {"title", p.version.title},
               {"version", p.version.number},
               {"anchor", p.anchor},
               {"label", p.version.label},
               {"rank", p.rank},
               {"model", p.model},
               {"created", format_micros(p.made)},
               {"state", train::to_string(p.state)}};
  if (p.state == train::ProposalState::kConfirmed) json["use"] = train::to_string(p.use);
  if (!p.person.empty()) json["person"] = p.person, json["decided"] = format_micros(p.decided), json["edited"] = p.edited;
  return json;
}

// The error's code, which the console has words for.
const char* code_of(train::ProposalFault fault) {
  switch (fault) {
    case train::ProposalFault::kGivesAway: return "gives_away";
    case train::ProposalFault::kNotSaid: return "not_said";
    case train::ProposalFault::kNearGold: return "near_gold";
    case train::ProposalFault::kBadlyPut:
    case train::ProposalFault::kNone: break;
  }
  return "badly_put";
}

// "use": what a confirmed pair is for.
Result<train::ProposalUse> use_of(const Json& body) {
  SILLOK_ASSIGN(const std::optional<std::string> use, text_field(body, "use"));
  if (!use || *use == train::to_string(train::ProposalUse::kTeaching)) return train::ProposalUse::kTeaching;
  if (*use == train::to_string(train::ProposalUse::kMeasuring)) return train::ProposalUse::kMeasuring;
  return fail(ErrorCode::kInvalid, R"("use" must be "teaching" or "measuring")");
}

}  // namespace

Response list_questions(App& app, Request& request) {
  train::ProposalQuery query;
  if (const std::string_view state = request.argument("state"); !state.empty()) {
    const auto known = train::proposal_state(state);
    if (!known) return native(known.error());
    query.state = *known;
  }
  const auto limit = integer_argument(request, "limit", 50, kMostListed);
  if (!limit) return native(limit.error());
  query.limit = static_cast<size_t>(*limit);
  query.after = request.argument("after");
  const Access access(app, request.identity);
  const auto page = train::proposals(access.view(), query);
  if (!page) return native(page.error());
  Json list = Json::array();
  for (const train::Proposal& p : page->proposals) list.push_back(proposal_json(p));
  Json json = {{"questions", std::move(list)}, {"total", page->total}};
  if (!page->next.empty()) json["next"] = page->next;
  return json_response(std::move(json));
}

Response decide_question(App& app, Request& request) {
  const auto body = parse_json(request.body);
  if (!body) return native(body.error());
  const auto confirm = flag_field(*body, "confirm");
  if (!confirm) return native(confirm.error());
  if (!*confirm) return error_response(Surface::kNative, 400, "invalid", "\"confirm\" is missing");
  const auto use = use_of(*body);
  if (!use) return native(use.error());
  train::ProposalDecision decision;
  decision.confirm = **confirm;
  decision.use = *use;
  decision.person = request.identity.person.name;
  for (const auto& [name, text] : {std::pair{"question", &decision.question}, std::pair{"answer", &decision.answer}}) {
    auto given = text_field(*body, name);
    if (!given) return native(given.error());
    *text = std::move(*given);
  }
  const Access access(app, request.identity);
  if (decision.confirm && decision.use == train::ProposalUse::kMeasuring) {
    if (const Status writable = gold_writable(app); !writable) return native(writable.error());
  }
  const auto decided = train::decide_proposal(access.view(), app.gold, request.captures[0], decision);
  if (!decided) return native(decided.error());
  if (decided->refused != train::ProposalFault::kNone) return error_response(Surface::kNative, 400, code_of(decided->refused), decided->why);
  const train::Proposal* const done = &decided->proposal;
  Json details = {{"act", decision.confirm ? "confirm" : "reject"}, {"record", done->version.record}};
  if (decision.confirm) details["use"] = train::to_string(done->use), details["edited"] = done->edited;
  if (const auto kept = app.record(request.identity, "proposal", done->id, done->version.label, details); !kept) return native(kept.error());
  return json_response(proposal_json(*done));
}

}  // namespace sillok::server
