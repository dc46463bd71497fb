// Searching and asking, over what the asker may see.
#include "server/ask.h"

#include "server/access.h"  // day_argument
#include "server/models.h"

namespace sillok::server {
namespace {

constexpr size_t kMaxConversation = 32;  // exchanges; older ones are left out

using SteadyClock = std::chrono::steady_clock;
double seconds_since(SteadyClock::time_point start) { return std::chrono::duration<double>(SteadyClock::now() - start).count(); }

void put_days(Json& json, Day from, Day to) {
  if (from != kDayMin) json["valid_from"] = format_day(from);
  if (to != kDayMax) json["valid_to"] = format_day(to);
}

Json citation_json(const answer::Quote& q) {
  Json json = {{"n", q.n}, {"record", q.record}, {"version", q.version}, {"anchor", q.anchor}, {"title", q.title}, {"text", q.text}, {"label", q.label}};
  put_days(json, q.valid_from, q.valid_to);
  if (q.span) json["span"] = {utf16_offset(q.text, q.span->begin), utf16_offset(q.text, q.span->end)};
  return json;
}

Json searched_json(const std::vector<search::PassageResult>& passages) {
  Json list = Json::array();
  std::vector<std::string_view> seen;
  for (const auto& passage : passages) {
    if (std::find(seen.begin(), seen.end(), passage.record) != seen.end()) continue;
    seen.push_back(passage.record);
    list.push_back({{"record", passage.record}, {"title", passage.title}});
  }
  return list;
}

}  // namespace

Json passage_json(const search::PassageResult& r) {
  Json json = {{"record", r.record}, {"version", r.version}, {"anchor", r.anchor}, {"title", r.title}, {"label", r.label}};
  put_days(json, r.valid_from, r.valid_to);
  json["score"] = r.score;
  json["context"] = r.context;
  json["text"] = r.text;
  json["snippet"] = r.snippet;
  json["format"] = r.format;
  Json matches = Json::array();
  for (const auto& m : r.matches) matches.push_back({utf16_offset(r.snippet, m.begin), utf16_offset(r.snippet, m.end)});
  json["matches"] = std::move(matches);
  return json;
}

Result<Json> search_for(App& app, const govern::Identity& who, search::Request request) {
  request.clearance = who.person.clearance;
  SILLOK_TRY(app.serving.get());  // another release's retriever
  const auto start = SteadyClock::now();
  auto found = app.searcher.search(request);
  const double seconds = seconds_since(start);
  app.metrics.search.add(seconds);
  if (!found) return fail(found.error());
  Json results = Json::array();
  govern::Label label;
  Json evidence = Json::array();
  for (const auto& result : found->results) {
    results.push_back(passage_json(result));
    evidence.push_back({{"record", result.record}, {"version", result.version}});
    if (const auto parsed = app.settings.lattice.parse(result.label)) label = govern::join(label, *parsed);
  }
  SILLOK_TRY(app.record(who, "search", "", app.settings.lattice.text(label), {{"query", request.query}, {"results", std::move(evidence)}}));
  return Json{{"query", request.query}, {"results", std::move(results)}, {"notes", found->notes}, {"ms", seconds * 1000}};
}

Response search(App& app, Request& request) {
  search::Request wanted;
  wanted.query = std::string(request.argument("q"));
  if (trim(wanted.query).empty()) return error_response(Surface::kNative, 400, "invalid", "q is missing: the words to look for");
  const auto limit = integer_argument(request, "limit", 10, 100);
  if (!limit) return error_response(Surface::kNative, limit.error());
  wanted.limit = std::max<uint64_t>(1, *limit);
  const auto day = day_argument(request);
  if (!day) return error_response(Surface::kNative, day.error());
  wanted.as_of = *day;
  wanted.per_record = request.argument("passages") != "1";
  auto found = search_for(app, request.identity, std::move(wanted));
  if (!found) return error_response(Surface::kNative, found.error());
  return json_response(std::move(*found));
}

// ---------------------------------------------------------------------------------------------
// Asking

namespace {

bool masks(const App& app, const govern::Identity& who) {
  const bool may_see = who.person.role == govern::Role::kCurator || who.person.role == govern::Role::kAdministrator;
  return app.settings.personal == govern::PersonalPolicy::kMask && !may_see;
}

Json citations_json(const answer::Answer& a) {
  Json list = Json::array();
  for (const auto& quote : a.quotes) list.push_back(citation_json(quote));
  return list;
}

Json written_json(const answer::Written& w) {
  const answer::Answer& a = w.answer;
  Json json = {{"answerable", a.answerable}, {"confidence", a.confidence}, {"answer", w.written ? w.text : a.text},
               {"kind", answer::to_string(a.kind)}, {"written", w.written}};
  if (w.written) {
    json["model"] = w.model;
    Json sentences = Json::array();
    for (const auto& s : w.sentences) sentences.push_back({{"text", s.text}, {"cites", s.cites}, {"supported", s.supported}, {"by_meaning", s.by_meaning}});
    json["sentences"] = std::move(sentences);
  }
  if (!w.why.empty()) json["why"] = w.why;
  if (!w.question.empty()) json["question"] = w.question;
  json["citations"] = citations_json(a);
  if (!a.answerable) {
    Json closest = Json::array();
    for (const auto& quote : a.closest) closest.push_back(citation_json(quote));
    json["closest"] = std::move(closest);
  }
  Json conflicts = Json::array();
  for (const auto& c : a.conflicts) {
    conflicts.push_back({{"newer", a.quotes[c.newer].n}, {"newer_says", c.newer_span}, {"older", a.quotes[c.older].n}, {"older_says", c.older_span}});
  }
  json["conflicts"] = std::move(conflicts);
  json["notes"] = a.notes;
  json["searched"] = searched_json(a.passages);
  json["ai_notice"] = w.written ? "인공지능이 인용한 기록을 바탕으로 작성한 답변입니다. 원문을 확인하십시오. · Written by an AI from the records cited; check them."
                                : "인공지능이 기록에서 찾아 그대로 인용했습니다. · Found by an AI and quoted verbatim from the records.";
  return json;
}

}  // namespace

Result<AskInput> ask_input(const Json& body) {
  AskInput input;
  SILLOK_ASSIGN(input.question, required_text(body, "question"));
  SILLOK_ASSIGN(const auto as_of, text_field(body, "as_of"));
  if (as_of && !as_of->empty()) {
    SILLOK_ASSIGN(input.as_of, parse_day(*as_of));
  }
  SILLOK_ASSIGN(const auto quotes, integer_field(body, "quotes", 1, 20));
  if (quotes) input.quotes = static_cast<size_t>(*quotes);
  SILLOK_ASSIGN(const auto model, text_field(body, "model"));
  input.quote_only = model && *model == "quote";
  SILLOK_ASSIGN(const auto seed, integer_field(body, "seed", 0, INT64_MAX));
  if (seed) input.seed = static_cast<uint64_t>(*seed);
  if (const auto found = body.find("conversation"); found != body.end() && !found->is_null()) {
    if (!found->is_array()) return fail(ErrorCode::kInvalid, "\"conversation\" must be a list of {\"question\",\"answer\"}");
    for (const Json& turn : *found) {
      if (!turn.is_object()) return fail(ErrorCode::kInvalid, "\"conversation\" must be a list of {\"question\",\"answer\"}");
      SILLOK_ASSIGN(std::string question, required_text(turn, "question"));
      SILLOK_ASSIGN(auto answer, text_field(turn, "answer"));
      input.conversation.push_back({std::move(question), answer.value_or("")});
    }
    if (input.conversation.size() > kMaxConversation) {
      input.conversation.erase(input.conversation.begin(), input.conversation.end() - static_cast<std::ptrdiff_t>(kMaxConversation));
    }
  }
  return input;
}

Result<Json> answer_question(App& app, const govern::Identity& who, const AskInput& input, const AskEvents& events) {
  const auto start = SteadyClock::now();
  SILLOK_ASSIGN(const std::shared_ptr<const Serving> serving, app.serving.get());
  const answer::WriterSettings& writer = serving->settings.writer;
  const answer::Answerer answerer(app.archive, app.searcher, serving->settings.threshold);
  answer::WriteRequest request;
  request.ask.question = input.question;
  request.ask.as_of = input.as_of;
  request.ask.quotes = input.quotes;
  request.ask.clearance = who.person.clearance;
  const bool masked = masks(app, who);
  const auto tell_evidence = [&](answer::Answer a) {
    if (masked) answer::mask_personal(a);
    if (events.on_evidence) events.on_evidence({{"citations", citations_json(a)}, {"searched", searched_json(a.passages)}});
  };
  answer::Written written;
  answer::Generator* generator = input.quote_only ? nullptr : serving->models->generator();
  if (generator != nullptr) {
    request.conversation = input.conversation;
    request.unsupported = writer.unsupported;
    request.max_tokens = writer.max_tokens;
    request.client = who.person.name;
    request.encoder = serving->models->checker();
    request.seed = input.seed;
    if (masked) request.mask = [](std::string_view text) { return govern::mask_personal(text); };
    request.on_evidence = tell_evidence;
    request.on_text = events.on_text;
    request.cancelled = events.cancelled;
    auto done = answer::write(answerer, *generator, request);
    if (!done) return fail(done.error());
    written = std::move(*done);
    if (written.cancelled) return fail(ErrorCode::kConflict, app.stopping ? "the server is stopping; ask again in a moment" : "the answer was cancelled");
  } else {
    auto done = answerer.ask(request.ask);
    if (!done) return fail(done.error());
    written.answer = std::move(*done);
    tell_evidence(written.answer);
  }
  Json details = Json::parse(answer::audit_details(app.archive, request.ask, written.answer, answerer.threshold(),
                                                   written.written ? written.model : std::string(), serving->name));
  if (written.written) details["text_hash"] = sha256_hex(written.text);
  details["policy"] = {{"unsupported", writer.unsupported == answer::Unsupported::kDrop ? "drop" : "mark"}, {"masked", masked}};
  const std::string label = answer::audit_label(app.archive, written.answer);
  if (masked) answer::mask_personal(written.answer);
  SILLOK_ASSIGN(const uint64_t id, app.record(who, "ask", "", label, details));
  Json json = {{"id", id}};
  json.update(written_json(written));
  const double seconds = seconds_since(start);
  app.metrics.ask.add(seconds);
  json["ms"] = {{"search", written.answer.search_ms}, {"total", seconds * 1000}};
  if (events.on_text && events.tell_quoted && !written.written) events.on_text(written.answer.answerable ? written.answer.text : std::string());
  return json;
}

std::string error_event(Surface surface, const Error& error) {
  return sse_event(surface == Surface::kNative ? "error" : "", error_response(surface, error).body);
}

Response event_stream(std::shared_ptr<Stream> stream) {
  Response response;
  response.headers.emplace_back("Content-Type", "text/event-stream; charset=utf-8");
  response.headers.emplace_back("X-Accel-Buffering", "no");  // proxies pass every event on at once
  response.stream = std::move(stream);
  return response;
}

bool start_slow(App& app, const std::shared_ptr<Stream>& stream, std::function<void()> work, std::function<void(const std::exception&)> failed) {
  return app.slow->submit([stream, work = std::move(work), failed = std::move(failed)] {
    try {
      if (!stream->gone()) work();
    } catch (const std::exception& error) {
      failed(error);
    }
    stream->close();
  });
}

Response ask(App& app, Request& request) {
  const auto body = parse_json(request.body);
  if (!body) return error_response(Surface::kNative, body.error());
  auto input = ask_input(*body);
  if (!input) return error_response(Surface::kNative, input.error());
  const auto wants_stream = flag_field(*body, "stream");
  if (!wants_stream) return error_response(Surface::kNative, wants_stream.error());
  const govern::Identity who = request.identity;
  if (!wants_stream->value_or(false)) {
    Response response;
    response.later = [&app, who, input = std::move(*input), gone = request.gone] {
      AskEvents events;
      events.cancelled = [&app, gone] { return gone->load() || app.stopping.load(); };
      auto answered = answer_question(app, who, input, events);
      if (!answered && app.stopping) return error_response(Surface::kNative, 503, "unavailable", answered.error().message);
      if (!answered) return error_response(Surface::kNative, answered.error());
      return json_response(std::move(*answered));
    };
    return response;
  }
  const auto stream = std::make_shared<Stream>();
  const auto work = [&app, who, input = std::move(*input), stream] {
    AskEvents events;
    events.cancelled = [&app, stream] { return stream->gone() || app.stopping.load(); };
    events.on_evidence = [stream](const Json& json) { stream->write(sse_event("evidence", dump(json))); };
    events.on_text = [stream](std::string_view text) {
      if (!text.empty()) stream->write(sse_event("text", dump({{"text", text}})));
    };
    const auto answered = answer_question(app, who, input, events);
    stream->write(answered ? sse_event("answer", dump(*answered)) : error_event(Surface::kNative, answered.error()));
  };
  const auto failed = [stream](const std::exception& error) { stream->write(error_event(Surface::kNative, {ErrorCode::kInternal, error.what()})); };
  if (!start_slow(app, stream, work, failed)) {
    return error_response(Surface::kNative, 503, "unavailable", "too many answers are waiting to be written; try again in a moment");
  }
  return event_stream(stream);
}

}  // namespace sillok::server
