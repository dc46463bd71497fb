#include <algorithm>

#include "answer/answer.h"
#include "cli/actor.h"
#include "cli/writer.h"

namespace sillok::cli {
namespace {

Json quote_json(const answer::Quote& q) {
  Json json;
  json["n"] = q.n;
  json["text"] = q.text;
  json["record"] = q.record;
  json["version"] = q.version;
  json["anchor"] = q.anchor;
  json["title"] = q.title;
  json["label"] = q.label;
  if (q.valid_from != kDayMin) json["valid_from"] = format_day(q.valid_from);
  if (q.valid_to != kDayMax) json["valid_to"] = format_day(q.valid_to);
  if (q.span) json["span"] = q.text.substr(q.span->begin, q.span->end - q.span->begin);
  return json;
}

Json answer_json(const answer::Answer& a) {
  Json json;
  json["answerable"] = a.answerable;
  json["confidence"] = a.confidence;
  json["answer"] = a.text;
  json["kind"] = std::string(answer::to_string(a.kind));
  json["quotes"] = Json::array();
  for (const auto& quote : a.quotes) json["quotes"].push_back(quote_json(quote));
  json["conflicts"] = Json::array();
  for (const auto& c : a.conflicts) {
    json["conflicts"].push_back({{"newer", a.quotes[c.newer].n}, {"newer_says", c.newer_span},
                                 {"older", a.quotes[c.older].n}, {"older_says", c.older_span}});
  }
  if (!a.answerable) {
    json["closest"] = Json::array();
    for (const auto& quote : a.closest) json["closest"].push_back(quote_json(quote));
  }
  if (!a.notes.empty()) json["notes"] = a.notes;
  return json;
}

Json written_json(const answer::Written& w) {
  Json json = answer_json(w.answer);
  json["written"] = w.written;
  if (!w.why.empty()) json["why"] = w.why;
  if (w.written) json["answer"] = w.text;
  json["question"] = w.question;
  json["model"] = w.model;
  json["sentences"] = Json::array();
  for (const auto& sentence : w.sentences) {
    json["sentences"].push_back({{"text", sentence.text}, {"cites", sentence.cites}, {"support", sentence.support}, {"supported", sentence.supported}, {"by_meaning", sentence.by_meaning}});
  }
  return json;
}

void print_quote(const answer::Quote& q) {
  const bool terminal = on_terminal(stdout);
  std::string text = q.text;
  if (q.span) {
    text.insert(q.span->end, terminal ? "\033[0m" : "**");
    text.insert(q.span->begin, terminal ? "\033[1m" : "**");
  }
  std::printf("  \"%s\" [%u]\n", text.c_str(), q.n);
}

void print_sources(const std::vector<answer::Quote>& quotes) {
  uint32_t last = 0;
  for (const auto& q : quotes) {
    if (q.n <= last) continue;
    last = q.n;
    std::string when = q.valid_from == kDayMin ? "" : ", in force from " + format_day(q.valid_from);
    if (q.valid_to != kDayMax) when += " to " + format_day(q.valid_to - 1);
    std::printf("  [%u] %s (%s, version %u%s)%s%s\n", q.n, q.title.empty() ? q.record.c_str() : q.title.c_str(),
                q.record.c_str(), q.version, when.c_str(), q.anchor.empty() ? "" : "  ", q.anchor.c_str());
  }
}

void print_conflicts(const answer::Answer& a) {
  for (const auto& c : a.conflicts) {
    std::printf("  The records differ: [%u] says %s, [%u] says %s; [%u] is the later.\n", a.quotes[c.newer].n,
                c.newer_span.c_str(), a.quotes[c.older].n, c.older_span.c_str(), a.quotes[c.newer].n);
  }
}

void print_answer(const answer::Answer& a) {
  for (const std::string& note : a.notes) std::fprintf(stderr, "note: %s\n", note.c_str());
  if (!a.answerable) {
    std::printf("The records do not answer this. (기록에서 답을 찾지 못했습니다.)  confidence %.2f\n", a.confidence);
    if (!a.closest.empty()) std::printf("Closest:\n");
    for (const auto& quote : a.closest) print_quote(quote);
    print_sources(a.closest);
    return;
  }
  for (const auto& quote : a.quotes) print_quote(quote);
  print_conflicts(a);
  std::printf("\n");
  print_sources(a.quotes);
  std::printf("  confidence %.2f\n", a.confidence);
}

// {"question","answer"} a line, oldest first.
Result<std::vector<answer::Exchange>> load_conversation(const std::string& file) {
  constexpr uint64_t kLongest = 16ull << 20;
  std::vector<answer::Exchange> conversation;
  if (file.empty()) return conversation;
  SILLOK_ASSIGN(const std::string text, read_file(file, kLongest));
  size_t number = 0;
  for (std::string_view line : split(text, '\n')) {
    ++number;
    if (trim(line).empty()) continue;
    const Json json = Json::parse(line, nullptr, false);
    const auto words = [&](const char* name) { return json.is_object() && json.contains(name) && json[name].is_string(); };
    if (!words("question") || (json.contains("answer") && !words("answer"))) {
      return fail(ErrorCode::kInvalid, file + ", line " + std::to_string(number) + ": not {\"question\":\"...\",\"answer\":\"...\"}");
    }
    conversation.push_back({json["question"].get<std::string>(), words("answer") ? json["answer"].get<std::string>() : std::string()});
  }
  return conversation;
}

// The sources that the shown sentences cite, each once, with the words that say it.
void print_citations(const answer::Written& written) {
  std::vector<answer::Quote> cited;
  for (const auto& quote : written.answer.quotes) {
    const bool shown = std::any_of(written.sentences.begin(), written.sentences.end(), [&](const auto& s) {
      return s.supported && std::find(s.cites.begin(), s.cites.end(), quote.n) != s.cites.end();
    });
    if (shown) cited.push_back(quote);
  }
  std::stable_sort(cited.begin(), cited.end(), [](const auto& a, const auto& b) { return a.n < b.n; });
  for (const auto& quote : cited) print_quote(quote);
  print_sources(cited);
}

// The audit entry of an answer. `model`: what wrote it; "": it is quoted.
Status note_answer(const Common& common, const Home& home, const Actor& actor, const answer::AskRequest& request,
                   const answer::Answer& answer, const Writer& writer, const std::string& model) {
  const std::string details = answer::audit_details(home.archive, request, answer, request.threshold.value_or(writer.threshold), model, writer.program);
  return audit_act(common.home, actor, "ask", "", Json::parse(details, nullptr, false), answer::audit_label(home.archive, answer));
}

int run_written_ask(const Common& common, const AskArguments& arguments, const Home& home, const Actor& actor,
                    const answer::Answerer& answerer, Writer& writer, answer::WriteRequest request) {
  request.unsupported = arguments.unsupported.empty() ? writer.settings.unsupported
                        : arguments.unsupported == "mark" ? answer::Unsupported::kMark : answer::Unsupported::kDrop;
  request.max_tokens = writer.settings.max_tokens;
  request.seed = arguments.writer.seed;
  request.client = "command line";
  request.encoder = writer.encoder.get();
  if (!common.json) {
    request.on_text = [](std::string_view text) {
      std::fwrite(text.data(), 1, text.size(), stdout);
      std::fflush(stdout);
    };
  }
  const bool masks = actor.masks(home.archive.settings());
  if (masks) request.mask = govern::mask_personal;
  auto written = answer::write(answerer, *writer.generator, request);
  if (!written) return report_error(written.error());
  // The question as it was understood, without the conversation: replay asks it again.
  answer::AskRequest asked = request.ask;
  asked.question = written->question;
  const Status noted = note_answer(common, home, actor, asked, written->answer, writer, written->written ? written->model : "");
  if (!noted) return report_error(noted.error());
  if (masks) answer::mask_personal(written->answer);
  if (common.json) {
    print_json(written_json(*written));
    return 0;
  }
  for (const std::string& note : written->answer.notes) std::fprintf(stderr, "note: %s\n", note.c_str());
  if (written->question != arguments.question) std::fprintf(stderr, "note: understood as: %s\n", written->question.c_str());
  if (!written->why.empty()) std::fprintf(stderr, "note: %s%s\n", written->written ? "" : "quoted, not written: ", written->why.c_str());
  if (!written->written) {
    print_answer(written->answer);
    return 0;
  }
  std::printf("\n\n");
  print_citations(*written);
  print_conflicts(written->answer);
  std::printf("  confidence %.2f, written by %s\n", written->answer.confidence, written->model.c_str());
  return 0;
}

}  // namespace

int run_ask(const Common& common, const AskArguments& arguments) {
  const auto as_of = day_option(arguments.as_of, "--as-of");
  if (!as_of) return report_usage(as_of.error());
  if (trim(arguments.question).empty()) return report_usage({ErrorCode::kInvalid, "ask: the question is empty"});
  const auto actor = open_actor(common.home, arguments.as);
  if (!actor) return report_error(actor.error());
  auto home = open_home(common.home);
  if (!home) return report_error(home.error());
  auto writer = open_writer(common, arguments.writer);
  if (!writer) return report_error(writer.error());
  const answer::Answerer answerer(home->archive, home->searcher, writer->threshold);
  answer::AskRequest request;
  request.question = arguments.question;
  request.as_of = *as_of;
  request.clearance = actor->clearance();
  request.quotes = arguments.quotes;
  if (!arguments.labels.empty()) {
    auto labels = label_options(home->archive, arguments.labels);
    if (!labels) return report_error(labels.error());
    request.labels = std::move(*labels);
  }
  if (arguments.threshold >= 0) request.threshold = arguments.threshold;
  auto conversation = load_conversation(arguments.conversation);
  if (!conversation) return report_error(conversation.error());
  if (writer->generator) {
    answer::WriteRequest write;
    write.ask = std::move(request);
    write.conversation = std::move(*conversation);
    return run_written_ask(common, arguments, *home, *actor, answerer, *writer, std::move(write));
  }
  request.question = answer::whole_question(request.question, *conversation);
  if (request.question != arguments.question && !common.json) std::fprintf(stderr, "note: understood as: %s\n", request.question.c_str());
  auto answer = answerer.ask(request);
  if (!answer) return report_error(answer.error());
  const Status noted = note_answer(common, *home, *actor, request, *answer, *writer, "");
  if (!noted) return report_error(noted.error());
  if (actor->masks(home->archive.settings())) answer::mask_personal(*answer);
  if (common.json) {
    print_json(answer_json(*answer));
  } else {
    print_answer(*answer);
  }
  return 0;
}

int run_replay(const Common& common, uint64_t id) {
  const auto audit = govern::Audit::open(common.home);
  if (!audit) return report_error(audit.error());
  const auto entry = audit->entry(id);
  if (!entry) return report_error(entry.error());
  if (entry->event.kind != "ask") {
    return report_error({ErrorCode::kInvalid, "audit entry " + std::to_string(id) + " is no answer but of kind '" + entry->event.kind + "'"});
  }
  const auto archive = archive::Archive::open(common.home);
  if (!archive) return report_error(archive.error());
  const auto replay = answer::replay(*archive, entry->event.details);
  if (!replay) return report_error(replay.error());
  if (common.json) {
    Json json = {{"id", id}, {"same", replay->same}, {"same_evidence", replay->same_evidence}, {"written", replay->written}};
    json["then"] = Json::parse(entry->event.details, nullptr, false);
    json["now"] = answer_json(replay->now);
    json["release"] = SILLOK_VERSION;
    print_json(json);
  } else {
    if (replay->written) std::fprintf(stderr, "note: a model wrote that answer; its evidence is compared, not its words\n");
    std::printf("%s\n", replay->same ? "The same answer." : "NOT the same answer: a record was erased or relabelled since, or the program has changed.");
    print_answer(replay->now);
  }
  return replay->same ? 0 : 1;
}

}  // namespace sillok::cli
