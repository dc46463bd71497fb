// Gold questions (release::gold_file, as `sillok evaluate` reads it) and evaluations (home/log/evaluations/ID.json), which
// keep places, not words: erasing a record must not leave its words there, nor a label be lowered by them.
#include "evaluate/evaluate.h"

#include "server/access.h"
#include "server/jobs.h"
#include "train/train.h"

namespace sillok::server {
namespace {

constexpr size_t kMaxGold = 100'000;
constexpr const char* kNoGold = "there are no gold questions yet; POST /api/gold adds one";

fs::path evaluation_folder(const App& app) { return app.archive.home() / "log" / "evaluations"; }

// The question that a line holds, under the id that evaluating gives it; null for what is none.
Json question_of(const train::GoldLine& line) {
  Json json = trim(line.text).empty() ? Json() : Json::parse(line.text, nullptr, false);
  if (!json.is_object()) return Json();
  json["id"] = line.id;
  return json;
}

Result<std::vector<Json>> load_gold(const App& app) {
  SILLOK_ASSIGN(const std::vector<train::GoldLine> lines, train::gold_lines(app.gold));
  std::vector<Json> gold;
  for (const train::GoldLine& line : lines) {
    if (Json json = question_of(line); json.is_object()) gold.push_back(std::move(json));
  }
  return gold;
}

std::string text_of(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}
std::string first_of(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_array() && !found->empty() && found->front().is_string() ? found->front().get<std::string>() : std::string();
}

// The title of the record that a gold question speaks of, "" where it speaks of none. None at all where the asker may not see that
// record, or where somebody who sees more asked without one.
std::optional<std::string> title_for(const Access& access, const std::string& label, const std::string& record) {
  if (!label.empty() && !access.sees(label)) return std::nullopt;
  if (record.empty()) return std::string();
  auto version = access.version(record, 0, kDayMax);
  if (!version) return std::nullopt;
  return std::move(version->title);
}

// As the API shows it; none if it is not for the asker.
std::optional<Json> shown(const Access& access, const Json& gold) {
  const std::string record = first_of(gold, "records");
  const std::optional<std::string> title = title_for(access, text_of(gold, "label"), record);
  if (!title) return std::nullopt;
  Json json = {{"id", text_of(gold, "id")}, {"question", text_of(gold, "question")}, {"answer", first_of(gold, "answers")}, {"record", record}, {"title", *title}};
  for (const char* name : {"anchor", "as_of", "origin"}) {
    if (const std::string value = text_of(gold, name); !value.empty()) json[name] = value;
  }
  json["person"] = text_of(gold, "person");
  json["created"] = text_of(gold, "created");
  return json;
}

}  // namespace

Status gold_writable(const App& app) {
  std::error_code error;
  const fs::path within = fs::weakly_canonical(app.gold, error).lexically_relative(fs::weakly_canonical(app.archive.home(), error));
  if (!app.options.confine || (!within.empty() && *within.begin() != "..")) return {};
  return fail(ErrorCode::kConflict, "the gold questions lie outside the home (" + app.gold.string() +
                                        "), where a server changes nothing; change them there, or have [refresh] gold name a file in the home");
}

Response list_gold(App& app, Request& request) {
  const auto gold = load_gold(app);
  if (!gold) return native(gold.error());
  const Access access(app, request.identity);
  Json list = Json::array();
  for (const Json& each : *gold) {
    if (auto json = shown(access, each)) list.push_back(std::move(*json));
  }
  return json_response({{"gold", std::move(list)}});
}

Response add_gold(App& app, Request& request) {
  const auto body = parse_json(request.body);
  if (!body) return native(body.error());
  const auto question = required_text(*body, "question");
  if (!question) return native(question.error());
  Json gold = {{"id", Jobs::new_id()}, {"question", *question}};
  const Access access(app, request.identity);
  for (const auto& [name, list] : {std::pair{"answer", "answers"}, std::pair{"record", "records"}}) {
    const auto value = text_field(*body, name);
    if (!value) return native(value.error());
    gold[list] = Json::array();
    if (*value && !(*value)->empty()) gold[list].push_back(**value);
  }
  if (gold["answers"].empty() && gold["records"].empty()) {
    return error_response(Surface::kNative, 400, "invalid", "a gold question needs its right answer, or the record that holds it");
  }
  if (const std::string record = first_of(gold, "records"); record.empty()) {
    gold["label"] = app.settings.lattice.text(request.identity.person.clearance);  // nothing else tells what its words are about
  } else if (const auto version = access.version(record, 0, kDayMax); !version) {
    return native(version.error());
  }
  for (const char* name : {"anchor", "as_of"}) {
    const auto value = text_field(*body, name);
    if (!value) return native(value.error());
    if (!*value || (*value)->empty()) continue;
    if (std::string_view(name) == "as_of") {
      if (const auto day = parse_day(**value); !day) return native(day.error().in("as_of"));
    }
    gold[name] = **value;
  }
  gold["person"] = request.identity.person.name;
  gold["created"] = format_micros(now_micros());
  if (const Status writable = gold_writable(app); !writable) return native(writable.error());
  const Status added = train::change_gold(app.gold, [&](std::vector<train::GoldLine>& lines) -> Status {
    if (lines.size() >= kMaxGold) return fail(ErrorCode::kConflict, "there are 100,000 gold questions already");
    lines.push_back({dump(gold), text_of(gold, "id"), false});
    return {};
  });
  if (!added) return native(added.error());
  if (const auto kept = app.record(request.identity, "gold", gold["id"].get<std::string>(), "", {{"act", "add"}}); !kept) return native(kept.error());
  return json_response(shown(access, gold).value_or(Json::object()), 201);
}

Response remove_gold(App& app, Request& request) {
  const Access access(app, request.identity);
  if (const Status writable = gold_writable(app); !writable) return native(writable.error());
  const Status removed = train::change_gold(app.gold, [&](std::vector<train::GoldLine>& lines) -> Status {
    bool found = false;
    for (train::GoldLine& line : lines) {
      if (line.id != request.captures[0]) continue;
      const Json question = question_of(line);
      if (!question.is_object() || !shown(access, question)) continue;
      line.text.clear();
      found = true;
    }
    if (!found) return fail(ErrorCode::kNotFound, "there is no such gold question");
    return {};
  });
  if (!removed) return native(removed.error());
  if (const auto kept = app.record(request.identity, "gold", request.captures[0], "", {{"act", "remove"}}); !kept) return native(kept.error());
  Response response;
  response.status = 204;
  return response;
}

// ---------------------------------------------------------------------------------------------
// Evaluations: asked as their asker sees the records, of the questions that he sees, and shown to those who see as much.

Result<std::string> run_evaluation(App& app, const govern::Clearance& clearance, const std::function<void(size_t, size_t)>& progress) {
  SILLOK_ASSIGN(std::vector<evaluate::GoldQuestion> questions, evaluate::load_gold(app.gold));
  const Access access(app, clearance);
  std::erase_if(questions, [&](const evaluate::GoldQuestion& q) { return !title_for(access, q.label, q.records.empty() ? "" : q.records.front()); });
  if (questions.empty()) return fail(ErrorCode::kNotFound, kNoGold);
  SILLOK_ASSIGN(const std::shared_ptr<const Serving> serving, app.serving.get());
  const answer::Answerer answerer(app.archive, app.searcher, serving->settings.threshold);
  SILLOK_ASSIGN(const evaluate::Report report, evaluate::run(app.archive, answerer, app.searcher, questions, {.progress = progress, .clearance = clearance}));
  Json failures = Json::array();
  for (const auto& outcome : report.outcomes) {
    if (!outcome.answerable || outcome.in_quotes) continue;
    failures.push_back({{"gold", outcome.id}, {"answered", outcome.answered}, {"record", outcome.given_at.record},
                        {"version", outcome.given_at.version}, {"anchor", outcome.given_at.anchor}});
  }
  std::string id = Jobs::new_id();
  const Json figures = Json::parse(evaluate::to_json(report, evaluate::Outcomes::kNone), nullptr, false);
  const Json json = {{"id", id}, {"created", format_micros(report.finished)}, {"clearance", app.settings.lattice.text(clearance)}, {"questions", report.all.questions},
                     {"answer_rate", report.all.answer_rate}, {"figures", figures}, {"failures", failures}};
  std::error_code error;
  fs::create_directories(evaluation_folder(app), error);
  SILLOK_TRY(write_file_atomic(evaluation_folder(app) / (id + ".json"), dump(json)));
  return id;
}

Response start_evaluation(App& app, Request& request) {
  const auto gold = load_gold(app);
  if (!gold) return native(gold.error());
  const Access access(app, request.identity);
  if (std::none_of(gold->begin(), gold->end(), [&](const Json& each) { return shown(access, each).has_value(); })) {
    return error_response(Surface::kNative, 409, "conflict", kNoGold);
  }
  const auto job = app.jobs->evaluate(request.identity);
  if (!job) return native(job.error());
  if (const auto kept = app.record(request.identity, "evaluate", *job, "", Json::object()); !kept) return native(kept.error());
  return json_response({{"job", *job}}, 202);
}

Response list_evaluations(App& app, Request& request) {
  const Access access(app, request.identity);
  Json list = Json::array();
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator it(evaluation_folder(app), error), end; !error && it != end; it.increment(error)) files.push_back(it->path());
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    if (file.extension() != ".json") continue;
    const auto text = read_file(file, 64 << 20);
    Json json = text ? Json::parse(*text, nullptr, false) : Json();
    if (!json.is_object() || !access.sees(text_of(json, "clearance"))) continue;
    json.erase("failures");
    list.push_back(std::move(json));
  }
  return json_response({{"evaluations", std::move(list)}});
}

Response show_evaluation(App& app, Request& request) {
  const std::string& id = request.captures[0];
  const bool plain = std::all_of(id.begin(), id.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'); });
  const auto text = plain ? read_file(evaluation_folder(app) / (id + ".json"), 64 << 20) : fail(ErrorCode::kNotFound, "");
  Json json = text ? Json::parse(*text, nullptr, false) : Json();
  const Access access(app, request.identity);
  if (!json.is_object() || !access.sees(text_of(json, "clearance"))) return error_response(Surface::kNative, 404, "not_found", "there is no such evaluation");
  const std::vector<Json> gold = load_gold(app).value_or(std::vector<Json>());
  Json failures = Json::array();
  for (const Json& failure : json["failures"]) {
    // The words come from where they are kept: the gold question, and the record as it is now.
    const auto question = std::find_if(gold.begin(), gold.end(), [&](const Json& each) { return text_of(each, "id") == text_of(failure, "gold"); });
    if (question == gold.end()) continue;
    const auto seen = shown(access, *question);
    if (!seen) continue;
    std::string got;
    const std::string anchor = text_of(failure, "anchor");
    const auto version = access.version(text_of(failure, "record"), failure.value("version", 0U), kDayMax);
    if (version) {
      if (const auto document = access.document(*version)) {
        for (const auto& block : document->blocks) {
          if (documents::to_string(block.anchor) != anchor) continue;
          got = shorten(block.kind == documents::BlockKind::kTable ? documents::row_text(block.table, 0) : block.text, 300);
          break;
        }
      }
      if (got.empty()) got = anchor;
    }
    failures.push_back({{"gold", text_of(failure, "gold")}, {"question", (*seen)["question"]}, {"expected", (*seen)["answer"]}, {"got", got},
                        {"record", version ? Json(version->record) : Json()}, {"expected_record", (*seen)["record"]}, {"answered", failure.value("answered", false)}});
  }
  json["failures"] = std::move(failures);
  return json_response(std::move(json));
}

}  // namespace sillok::server
