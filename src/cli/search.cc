#include <fstream>

#include "cli/actor.h"

namespace sillok::cli {
namespace {

Json result_json(const search::PassageResult& r) {
  Json json;
  json["record"] = r.record;
  json["title"] = r.title;
  json["version"] = r.version;
  json["anchor"] = r.anchor;
  json["score"] = r.score;
  json["text"] = r.text;
  json["snippet"] = r.snippet;
  json["matches"] = Json::array();
  for (const search::Match& m : r.matches) json["matches"].push_back({m.begin, m.end});
  json["format"] = r.format;
  json["label"] = r.label;
  if (r.valid_from != kDayMin) json["valid_from"] = format_day(r.valid_from);
  if (r.valid_to != kDayMax) json["valid_to"] = format_day(r.valid_to);
  return json;
}

Json response_json(const search::Response& response) {
  Json json;
  json["results"] = Json::array();
  for (const auto& result : response.results) json["results"].push_back(result_json(result));
  if (!response.notes.empty()) json["notes"] = response.notes;
  return json;
}

// The snippet with its matches bold on a terminal, in brackets elsewhere.
std::string marked(const search::PassageResult& r) {
  const bool terminal = on_terminal(stdout);
  std::string out;
  size_t at = 0;
  for (const search::Match& m : r.matches) {
    out += r.snippet.substr(at, m.begin - at);
    out += terminal ? "\033[1m" : "[";
    out += r.snippet.substr(m.begin, m.end - m.begin);
    out += terminal ? "\033[0m" : "]";
    at = m.end;
  }
  out += r.snippet.substr(at);
  for (char& c : out) c = c == '\n' ? ' ' : c;
  return out;
}

void print_response(const search::Response& response) {
  for (const std::string& note : response.notes) std::fprintf(stderr, "note: %s\n", note.c_str());
  if (response.results.empty()) std::printf("Nothing found.\n");
  for (size_t i = 0; i < response.results.size(); ++i) {
    const auto& r = response.results[i];
    std::printf("%2zu. %s  (%s, version %u%s%s)\n    %s\n", i + 1, r.title.empty() ? r.record.c_str() : r.title.c_str(),
                r.record.c_str(), r.version, r.anchor.empty() ? "" : ", ", r.anchor.c_str(), marked(r).c_str());
  }
}

int run_batch(const search::Searcher& searcher, search::Request request, const std::string& path, bool masks) {
  std::error_code error;
  std::ifstream file(path);
  if (!file || fs::is_directory(path, error)) {
    return report_error({ErrorCode::kNotFound, "--batch: " + path + " is no file that can be read"});
  }
  int status = 0;  // A line that is no question is told and does not stop the others.
  std::string line;
  for (size_t number = 1; std::getline(file, line); ++number) {
    if (trim(line).empty()) continue;
    const Json question = Json::parse(line, nullptr, false);
    const auto where = path + ", line " + std::to_string(number);
    if (!question.is_object() || !question.contains("question") || !question["question"].is_string()) {
      status = report_error({ErrorCode::kInvalid, where + ": not a JSON object with a \"question\""});
      continue;
    }
    request.query = question["question"].get<std::string>();
    auto response = searcher.search(request);
    if (response && masks) search::mask_personal(*response);
    if (!response) {
      status = report_error(response.error().in(where));
      continue;
    }
    Json json;
    if (question.contains("id")) json["id"] = question["id"];
    json.update(response_json(*response));
    print_json(json);
  }
  return status;
}

}  // namespace

int run_search(const Common& common, const SearchArguments& arguments) {
  if (arguments.has_query == !arguments.batch.empty()) {
    return report_usage({ErrorCode::kInvalid, "search: give a query, or a file of them with --batch"});
  }
  const auto as_of = day_option(arguments.as_of, "--as-of");
  if (!as_of) return report_usage(as_of.error());
  const auto actor = open_actor(common.home, arguments.as);
  if (!actor) return report_error(actor.error());
  auto home = open_home(common.home);
  if (!home) return report_error(home.error());
  const bool masks = actor->masks(home->archive.settings());
  search::Request request;
  request.clearance = actor->clearance();
  request.query = arguments.query;
  request.limit = arguments.limit;
  request.per_record = !arguments.passages;
  request.as_of = *as_of;
  request.all_versions = arguments.all_versions;
  if (!arguments.labels.empty()) {
    auto labels = label_options(home->archive, arguments.labels);
    if (!labels) return report_error(labels.error());
    request.labels = std::move(*labels);
  }
  if (!arguments.batch.empty()) {
    const Status noted = audit_act(common.home, *actor, "search", "", {{"batch", arguments.batch}});
    return noted ? run_batch(home->searcher, request, arguments.batch, masks) : report_error(noted.error());
  }
  auto response = home->searcher.search(request);
  if (!response) return report_error(response.error());
  std::vector<std::string> labels;
  Json found = Json::array();
  for (const auto& result : response->results) {
    labels.push_back(result.label);
    found.push_back({{"record", result.record}, {"version", result.version}});
  }
  const Status noted = audit_act(common.home, *actor, "search", "", {{"query", arguments.query}, {"as_of", arguments.as_of}, {"found", found}},
                                 join_labels(home->archive.settings().lattice, labels));
  if (!noted) return report_error(noted.error());
  if (masks) search::mask_personal(*response);
  if (common.json) {
    print_json(response_json(*response));
  } else {
    print_response(*response);
  }
  return 0;
}

}  // namespace sillok::cli
