// Releases as they lie in the home: proposing, reading, listing.
#include <algorithm>
#include <charconv>

#include "model/model.h"
#include "release/parts.h"

namespace sillok::release {
namespace {

constexpr int kLockWaitMs = 60'000;
constexpr uint64_t kMostBytes = 1ull << 30;  // of a report: a hundred bytes or so a question
constexpr std::string_view kLabelKey = "sillok.label";

struct Labelled { std::string label, reason; };

// What a model or adapter was learned from: its own word, or a person's beside it ("FILE.label"). A model without either comes
// from outside and has nothing of the records in it; an adapter without one was trained here on nobody knows what.
Result<Labelled> label_of(const govern::Lattice& lattice, Role role, const fs::path& file) {
  const auto parse = [&](const std::string& text, const std::string& where) -> Result<Labelled> {
    const auto label = lattice.parse(trim(text));
    if (!label) return fail(label.error().in(where));
    return Labelled{lattice.text(*label), "written in " + where};
  };
  const fs::path beside = file.string() + ".label";
  if (const auto text = read_file(beside, 4096)) return parse(*text, beside.filename().string());
  if (const auto gguf = model::Gguf::open(file)) {
    if (const auto text = (*gguf)->text(kLabelKey)) return parse(*text, file.filename().string());
  }
  if (role == Role::kAdapter) {
    return Labelled{lattice.text({static_cast<uint32_t>(lattice.levels().size() - 1), {}}),
                    "it does not say what it was trained on: counted as the highest; write its label to " + beside.filename().string()};
  }
  return Labelled{lattice.text(lattice.bottom()), "a foundation model"};
}

// What it was learned from stands in the retriever's own file.
Result<Labelled> label_of_retriever(const govern::Lattice& lattice, const fs::path& file) {
  SILLOK_ASSIGN(const std::string bytes, read_file(file, search::kMaxRetrieverBytes));
  const auto model = search::decode_retriever(bytes);
  if (!model) return fail(model.error().in(file.string()));
  SILLOK_ASSIGN(const govern::Label all, lattice.join(model->labels));
  return Labelled{lattice.text(all), "of the records it was trained on"};
}

Json json_of(const Artefact& a) {
  return {{"role", to_string(a.role)}, {"name", a.name}, {"sha256", a.sha256}, {"bytes", a.bytes}, {"label", a.label}, {"label_reason", a.label_reason}, {"canaries", a.canaries}};
}

Result<Role> role_from(const std::string& text) {
  for (const Role role : {Role::kGenerator, Role::kAdapter, Role::kRetriever, Role::kEncoder}) {
    if (to_string(role) == text) return role;
  }
  return fail(ErrorCode::kInvalid, "'" + shorten(text, 40) + "' is no role of a file");
}

Json json_of(const Settings& s) {
  Json files = Json::array();
  for (const Artefact& a : s.artefacts) files.push_back(json_of(a));
  const answer::WriterSettings& w = s.writer;
  Json answer = {{"model", w.model}, {"adapter", w.adapter}, {"remote", w.remote}, {"key_file", w.key_file}, {"context", w.context},
                 {"max_tokens", w.max_tokens}, {"threads", w.threads},
                 {"unsupported", w.unsupported == answer::Unsupported::kDrop ? "drop" : "mark"}};
  // Left out where there is none: releases from before there were encoders stay equal to those that have none.
  if (!w.encoder.empty()) answer.update({{"encoder", w.encoder}, {"encoder_prefix", w.encoder_use.prefix}, {"encoder_support", w.encoder_use.support}});
  return {{"ranking", Json::parse(s.ranking, nullptr, false)},
          {"prompts", s.prompts},
          {"threshold", s.threshold},
          {"answer", std::move(answer)},
          {"artefacts", std::move(files)}};
}

Settings settings_from(const Json& json) {
  Settings s;
  s.ranking = canonical(json.at("ranking"));
  s.prompts = json.at("prompts").get<std::string>();
  s.threshold = json.at("threshold").get<double>();
  const Json& w = json.at("answer");
  s.writer.model = w.at("model").get<std::string>();
  s.writer.adapter = w.at("adapter").get<std::string>();
  s.writer.remote = w.at("remote").get<std::string>();
  s.writer.key_file = w.at("key_file").get<std::string>();
  s.writer.context = w.at("context").get<uint32_t>();
  s.writer.max_tokens = w.at("max_tokens").get<uint32_t>();
  s.writer.threads = w.at("threads").get<uint32_t>();
  s.writer.unsupported = w.at("unsupported").get<std::string>() == "mark" ? answer::Unsupported::kMark : answer::Unsupported::kDrop;
  if (w.contains("encoder")) {
    s.writer.encoder = w.at("encoder").get<std::string>();
    s.writer.encoder_use = {w.at("encoder_prefix").get<std::string>(), w.at("encoder_support").get<double>()};
  }
  for (const Json& file : json.at("artefacts")) {
    Artefact a;
    a.role = role_from(file.at("role").get<std::string>()).value();
    a.name = file.at("name").get<std::string>();
    a.sha256 = file.at("sha256").get<std::string>();
    a.bytes = file.at("bytes").get<uint64_t>();
    a.label = file.at("label").get<std::string>();
    a.label_reason = file.at("label_reason").get<std::string>();
    a.canaries = file.at("canaries").get<std::string>();
    s.artefacts.push_back(std::move(a));
  }
  return s;
}

Result<Settings> present_settings(const archive::Archive& archive) {
  const fs::path& home = archive.home();
  const govern::Lattice& lattice = archive.settings().lattice;
  Settings s;
  s.ranking = canonical(Json::parse(search::ranking_settings()));
  s.prompts = answer::prompts_hash();
  s.threshold = answer::load_threshold(home);
  SILLOK_ASSIGN(s.writer, answer::load_writer_settings(home));
  SILLOK_ASSIGN(const answer::WriterFiles files, answer::find_writer_files(home, s.writer));
  std::error_code error;
  const fs::path own = search::retriever_path(home), retriever = fs::exists(own, error) ? own : fs::path();
  for (const auto& [role, file] : {std::pair{Role::kGenerator, files.model}, {Role::kAdapter, files.adapter}, {Role::kRetriever, retriever}, {Role::kEncoder, files.encoder}}) {
    if (file.empty()) continue;
    SILLOK_ASSIGN(Artefact kept, keep_object(home, role, file));
    SILLOK_ASSIGN(Labelled labelled, role == Role::kRetriever ? label_of_retriever(lattice, file) : label_of(lattice, role, file));
    kept.label = std::move(labelled.label);
    kept.label_reason = std::move(labelled.reason);
    if (role == Role::kAdapter) {
      if (const auto planted = read_file(file.parent_path() / "canaries.jsonl")) kept.canaries = sha256_hex(*planted);
    }
    s.artefacts.push_back(std::move(kept));
  }
  return s;
}

std::vector<std::string> folder_names(const fs::path& home) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(folder_of(home), error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.starts_with('r') && fs::exists(it->path() / "release.json", error)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<Release> load_signed(const fs::path& home, const std::string& id, const govern::Audit& audit) {
  SILLOK_ASSIGN(const Json json, read_signed(folder_of(home) / id / "release.json", &audit, kReleasePurpose));
  SILLOK_ASSIGN(Release release, release_from(json, id));
  if (!id.ends_with(release.sha256.substr(0, 8))) return fail(ErrorCode::kInvalid, "release " + id + " is another's file under this name");
  return release;
}

Result<Json> report_of(const fs::path& home, const Release& release, const govern::Audit& audit) {
  SILLOK_ASSIGN(Json json, read_signed(report_path(home, release), &audit, kReportPurpose));
  if (json.value("release_sha256", "") != release.sha256) {
    return fail(ErrorCode::kInvalid, report_path(home, release).string() + " is another release's report");
  }
  return json;
}

size_t number_of(const std::string& id) {
  size_t number = 0;
  std::from_chars(id.data() + 1, id.data() + id.size(), number);
  return number;
}

}  // namespace

std::string_view to_string(Role role) {
  switch (role) {
    case Role::kGenerator: return "generator";
    case Role::kAdapter: return "adapter";
    case Role::kRetriever: return "retriever";
    case Role::kEncoder: return "encoder";
  }
  return "unknown";
}

std::string canonical(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Result<FileLock> lock(const fs::path& home) {
  std::error_code error;
  fs::create_directories(folder_of(home), error);
  if (error) return fail(ErrorCode::kIo, "cannot create " + folder_of(home).string() + ": " + error.message());
  return FileLock::acquire(folder_of(home) / "lock", kLockWaitMs);
}

Status write_signed(const fs::path& path, Json json, const govern::Audit& audit, std::string_view purpose) {
  json.erase("signature");
  const std::string signature = audit.sign(purpose, canonical(json));
  json["signature"] = signature;
  return write_file_atomic(path, canonical(json) + "\n");
}

Result<Json> read_signed(const fs::path& path, const govern::Audit* audit, std::string_view purpose) {
  SILLOK_ASSIGN(const std::string text, read_file(path, kMostBytes));
  Json json = Json::parse(text, nullptr, false);
  const auto wrong = [&](const std::string& what) { return fail(ErrorCode::kInvalid, path.string() + " " + what); };
  if (!json.is_object() || canonical(json) + "\n" != text) return wrong("is damaged: not the canonical JSON that was written");
  const auto signature = json.find("signature");
  if (signature == json.end() || !signature->is_string()) return wrong("has no signature");
  const std::string signed_with = signature->get<std::string>();
  json.erase("signature");
  if (audit != nullptr && !audit->is_signed(purpose, canonical(json), signed_with)) {
    return wrong("is not signed by this home's key: it was changed, or comes from another home");
  }
  return json;
}

Json json_of(const Release& r) {
  return {{"person", r.person}, {"note", r.note}, {"program", r.program}, {"made", r.made}, {"archive_change", r.archive_change},
          {"label", r.label}, {"settings", json_of(r.settings)}};
}

Result<Release> release_from(const Json& json, const std::string& id) {
  Release r;
  r.id = id;
  try {
    r.person = json.at("person").get<std::string>();
    r.note = json.at("note").get<std::string>();
    r.program = json.at("program").get<std::string>();
    r.made = json.at("made").get<Micros>();
    r.archive_change = json.at("archive_change").get<int64_t>();
    r.label = json.at("label").get<std::string>();
    r.settings = settings_from(json.at("settings"));
  } catch (const std::exception& error) {
    return fail(ErrorCode::kInvalid, "release " + id + " cannot be read: " + error.what());
  }
  r.sha256 = sha256_hex(canonical(json));
  return r;
}

Status note(const fs::path& home, const Act& act, const std::string& subject, const std::string& label, const Json& details) {
  SILLOK_ASSIGN(govern::Audit audit, govern::Audit::open(home));
  SILLOK_TRY(audit.append({"release", act.person, act.how, label, subject, canonical(details)}));
  return {};
}

Result<Release> propose(const archive::Archive& archive, const Act& act, const Proposal& proposal) {
  const fs::path& home = archive.home();
  const govern::Lattice& lattice = archive.settings().lattice;
  SILLOK_ASSIGN(const FileLock held, lock(home));
  Release r;
  SILLOK_ASSIGN(r.settings, present_settings(archive));
  r.person = act.person;
  r.note = proposal.note;
  r.program = SILLOK_VERSION;
  r.made = now_micros();
  r.archive_change = archive.last_change();
  govern::Label label;
  for (const Artefact& a : r.settings.artefacts) {
    SILLOK_ASSIGN(const govern::Label of, lattice.parse(a.label));
    label = govern::join(label, of);
  }
  if (!proposal.label.empty()) {
    SILLOK_ASSIGN(label, lattice.parse(proposal.label));
  }
  r.label = lattice.text(label);
  const Json json = json_of(r);
  r.sha256 = sha256_hex(canonical(json));
  const std::vector<std::string> known = folder_names(home);
  char number[16];
  std::snprintf(number, sizeof number, "r%04zu", known.empty() ? size_t{1} : number_of(known.back()) + 1);
  r.id = std::string(number) + "-" + r.sha256.substr(0, 8);
  std::error_code error;
  fs::create_directories(folder_of(home) / r.id, error);
  if (error) return fail(ErrorCode::kIo, "cannot create " + (folder_of(home) / r.id).string() + ": " + error.message());
  SILLOK_ASSIGN(const govern::Audit audit, govern::Audit::open(home));
  SILLOK_TRY(write_signed(folder_of(home) / r.id / "release.json", json, audit, kReleasePurpose));
  SILLOK_TRY(sync_directory(folder_of(home)));
  SILLOK_TRY(note(home, act, r.id, r.label, {{"act", "propose"}, {"sha256", r.sha256}}));
  return r;
}

bool same_settings(const Release& a, const Release& b) { return json_of(a.settings) == json_of(b.settings) && a.label == b.label; }

Result<bool> has_present_settings(const archive::Archive& archive, const Release& release) {
  SILLOK_ASSIGN(const Settings now, present_settings(archive));
  return json_of(now) == json_of(release.settings);
}

Status prune_rounds(const fs::path& home, size_t kept) {
  SILLOK_ASSIGN(const FileLock held, lock(home));
  SILLOK_ASSIGN(const Current current, read_current(home));
  std::vector<std::string> names = folder_names(home);
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    const bool needed = *name == current.id || std::any_of(current.history.begin(), current.history.end(), [&](const auto& h) { return h.first == *name; });
    const Result<Json> json = needed ? fail(ErrorCode::kInvalid, "") : read_signed(folder_of(home) / *name / "release.json", nullptr, kReleasePurpose);
    if (!json || json->value("note", "") != kRoundHow) continue;
    if (kept > 0) {
      --kept;
      continue;
    }
    std::error_code error;
    fs::remove_all(folder_of(home) / *name, error);
    if (error) return fail(ErrorCode::kIo, "cannot remove " + (folder_of(home) / *name).string() + ": " + error.message());
  }
  return {};
}

Result<Release> load(const fs::path& home, std::string_view id) {
  std::string found;
  for (const std::string& name : folder_names(home)) {
    if (!name.starts_with(id) || id.empty()) continue;
    if (name == id) {
      found = name;
      break;
    }
    if (!found.empty()) return fail(ErrorCode::kInvalid, "several releases begin with '" + std::string(id) + "'; write more of the id");
    found = name;
  }
  if (found.empty()) {
    return fail(ErrorCode::kNotFound, "there is no release '" + shorten(clean_utf8(id), 40) + "'; `sillok release list` shows those there are");
  }
  SILLOK_ASSIGN(const govern::Audit audit, govern::Audit::open(home));
  return load_signed(home, found, audit);
}

Result<Release> load_by_hash(const fs::path& home, const std::string& id, const std::string& sha256) {
  SILLOK_ASSIGN(const Json json, read_signed(folder_of(home) / id / "release.json", nullptr, kReleasePurpose));
  SILLOK_ASSIGN(Release release, release_from(json, id));
  if (release.sha256 != sha256) return fail(ErrorCode::kInvalid, "release " + id + " is not what was promoted: its file has changed");
  return release;
}

fs::path report_path(const fs::path& home, const Release& release) { return folder_of(home) / release.id / "report.json"; }

Result<std::string> load_report(const fs::path& home, const Release& release) {
  SILLOK_ASSIGN(const govern::Audit audit, govern::Audit::open(home));
  SILLOK_ASSIGN(const Json json, report_of(home, release, audit));
  return canonical(json);
}

std::string to_json(const Release& release) {
  nlohmann::ordered_json json;
  json["id"] = release.id;
  json["sha256"] = release.sha256;
  const Json rest = json_of(release);
  for (const auto& [key, value] : rest.items()) json[key] = key == "made" ? Json(format_micros(release.made)) : value;
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

namespace {

void add_report(const fs::path& home, const govern::Audit& audit, Listed& listed) {
  const auto json = report_of(home, listed.release, audit);
  if (!json) {
    if (json.error().code != ErrorCode::kNotFound) listed.report_problem = json.error().message;
    return;
  }
  listed.questions = json->value("questions", size_t{0});
  const auto interval = json->find("answer_rate_95");
  if (interval == json->end() || interval->size() != 2) return;
  listed.answer_rate = evaluate::Interval{json->value("answer_rate", 0.0), interval->at(0).get<double>(), interval->at(1).get<double>()};
}

}  // namespace

Result<std::vector<Listed>> list(const fs::path& home) {
  SILLOK_ASSIGN(const Current current, read_current(home));
  std::vector<Listed> out;
  const std::vector<std::string> names = folder_names(home);
  if (names.empty()) return out;
  SILLOK_ASSIGN(const govern::Audit audit, govern::Audit::open(home));
  for (const std::string& id : names) {
    Listed listed;
    if (auto release = load_signed(home, id, audit)) {
      listed.release = std::move(*release);
      add_report(home, audit, listed);
    } else {
      listed.release.id = id;
      listed.problem = release.error().message;
    }
    const bool former = std::any_of(current.history.begin(), current.history.end(), [&](const auto& h) { return h.first == id; });
    listed.status = id == current.id ? "current" : former ? "former" : listed.answer_rate ? "evaluated" : "proposed";
    out.push_back(std::move(listed));
  }
  return out;
}

std::vector<Changed> diff(const Release& before, const Release& after) {
  std::vector<Changed> out;
  const auto flat_of = [](const Release& r) {
    Json json = json_of(r.settings);
    // By role and name, so that a file in another place of the list is no change.
    Json files = Json::object();
    for (const Json& file : json["artefacts"]) files[file["role"].get<std::string>()] = file["name"].get<std::string>() + " " + file["sha256"].get<std::string>();
    json["artefacts"] = std::move(files);
    json["label"] = r.label;
    json["program"] = r.program;
    json["archive_change"] = r.archive_change;
    return json.flatten();
  };
  const Json a = flat_of(before), b = flat_of(after);
  const auto text = [](const Json& of, const std::string& key) {
    const auto found = of.find(key);
    return found == of.end() ? std::string() : found->is_string() ? found->get<std::string>() : canonical(*found);
  };
  Json keys = a;
  keys.update(b);
  for (const auto& [key, unused] : keys.items()) {
    if (text(a, key) == text(b, key)) continue;
    std::string name = key.substr(1);
    std::replace(name.begin(), name.end(), '/', '.');
    out.push_back({std::move(name), text(a, key), text(b, key)});
  }
  return out;
}

}  // namespace sillok::release
