#include <unistd.h>

#include <nlohmann/json.hpp>

#include "answer/answer.h"

namespace sillok::answer {
namespace {

using Json = nlohmann::ordered_json;

const std::vector<Quote>& shown(const Answer& answer) { return answer.answerable ? answer.quotes : answer.closest; }

Json evidence_of(const Answer& answer) {
  Json json = Json::array();
  for (const Quote& quote : shown(answer)) {
    json.push_back({{"record", quote.record}, {"version", quote.version}, {"version_id", quote.version_id},
                    {"anchor", quote.anchor}, {"hash", sha256_hex(quote.text)}});
  }
  return json;
}

// A folder that is gone with the object.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (fs::temp_directory_path() / "sillok-replay-XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

Result<AskRequest> read_request(const archive::Archive& archive, const Json& then) {
  AskRequest request;
  try {
    request.question = then.at("question").get<std::string>();
    SILLOK_ASSIGN(request.as_of, parse_day(then.at("as_of").get<std::string>()));
    request.quotes = then.at("quotes").get<size_t>();
    request.threshold = then.at("threshold").get<double>();
    request.up_to = then.at("versions").get<int64_t>();
    if (!then.at("clearance").is_null()) {
      SILLOK_ASSIGN(request.clearance, archive.settings().lattice.parse(then.at("clearance").get<std::string>()));
    }
    if (then.contains("labels")) request.labels = then.at("labels").get<std::vector<std::string>>();
  } catch (const Json::exception&) {
    return fail(ErrorCode::kInvalid, "the audit entry is no answer that can be asked for again, or its content was dropped");
  }
  return request;
}

}  // namespace

std::string audit_details(const archive::Archive& archive, const AskRequest& request, const Answer& answer, double threshold,
                          std::string_view model, std::string_view release) {
  Json details;
  details["question"] = request.question;
  details["as_of"] = format_day(request.as_of == kDayMax ? today() : request.as_of);
  details["clearance"] = request.clearance ? Json(archive.settings().lattice.text(*request.clearance)) : Json();
  if (request.labels) details["labels"] = *request.labels;
  details["quotes"] = request.quotes;
  details["threshold"] = threshold;
  details["versions"] = archive.last_version();
  details["model"] = model.empty() ? Json() : Json(model);
  details["release"] = release;
  details["answerable"] = answer.answerable;
  details["confidence"] = answer.confidence;
  details["evidence"] = evidence_of(answer);
  details["answer_hash"] = sha256_hex(answer.text);
  return details.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string audit_label(const archive::Archive& archive, const Answer& answer) {
  const govern::Lattice& lattice = archive.settings().lattice;
  govern::Label all;
  for (const Quote& quote : shown(answer)) {
    const auto label = lattice.parse(quote.label);
    // One that is no longer known counts as the highest.
    all = govern::join(all, label ? *label : govern::Label{static_cast<uint32_t>(lattice.levels().size() - 1), {}});
  }
  return lattice.text(all);
}

Result<Replay> replay(const archive::Archive& archive, std::string_view details) {
  const Json then = Json::parse(details, nullptr, false);
  SILLOK_ASSIGN(const AskRequest request, read_request(archive, then));
  const TemporaryFolder folder;
  if (folder.path().empty()) return fail_errno("cannot create a folder in " + fs::temp_directory_path().string());
  SILLOK_ASSIGN(const search::Searcher searcher,
                search::Searcher::of_view(archive::View(archive, request.clearance, request.up_to), folder.path()));
  Replay replay;
  SILLOK_ASSIGN(replay.now, Answerer(archive, searcher).ask(request));
  replay.written = then.contains("model") && !then["model"].is_null();
  replay.same_evidence = then.value("answerable", false) == replay.now.answerable && then.value("evidence", Json()) == evidence_of(replay.now);
  replay.same = replay.same_evidence && (replay.written || then.value("answer_hash", "") == sha256_hex(replay.now.text));
  return replay;
}

}  // namespace sillok::answer
