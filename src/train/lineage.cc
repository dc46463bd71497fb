#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "train/train.h"

namespace sillok::train {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kLockWaitMs = 10'000;
constexpr uint64_t kMaxBytes = 1ull << 31;

fs::path list_path(const fs::path& home) { return home / "models" / "made.jsonl"; }

// Versions come in long runs: [[first, last], ...].
Json runs_of(const std::vector<int64_t>& versions) {
  Json runs = Json::array();
  for (size_t i = 0; i < versions.size();) {
    size_t last = i;
    while (last + 1 < versions.size() && versions[last + 1] == versions[last] + 1) ++last;
    runs.push_back({versions[i], versions[last]});
    i = last + 1;
  }
  return runs;
}

Json line_of(const Made& made) {
  return {{"kind", made.kind}, {"path", made.path.string()}, {"sha256", made.hash}, {"labels", made.labels},
          {"versions", runs_of(made.versions)}, {"time", made.time}};
}

Made read_line(const Json& line) {
  Made made;
  made.kind = line.at("kind").get<std::string>();
  made.path = line.at("path").get<std::string>();
  made.hash = line.at("sha256").get<std::string>();
  made.labels = line.at("labels").get<std::vector<std::string>>();
  made.time = line.at("time").get<int64_t>();
  for (const Json& run : line.at("versions")) {
    for (auto v = run.at(0).get<int64_t>(); v <= run.at(1).get<int64_t>(); ++v) made.versions.push_back(v);
  }
  return made;
}

// What the manifest at `path` says, if `bytes` are those of one.
std::optional<Made> read_manifest(const fs::path& path, const std::string& bytes) {
  const Json manifest = Json::parse(bytes, nullptr, false);
  if (!manifest.is_object() || !manifest.contains("versions") || !manifest.contains("labels")) return std::nullopt;
  try {
    return Made{"dataset", path, sha256_hex(bytes), manifest["labels"].get<std::vector<std::string>>(),
                manifest["versions"].get<std::vector<int64_t>>(), 0, manifest.value("label", "")};
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

}  // namespace

Result<std::vector<Made>> all_made(const fs::path& home) {
  std::vector<Made> all;
  const auto bytes = read_file(list_path(home), kMaxBytes);
  if (!bytes) {
    if (bytes.error().code == ErrorCode::kNotFound) return all;
    return fail(bytes.error());
  }
  size_t number = 0;
  for (const std::string_view line : split(*bytes, '\n')) {
    ++number;
    if (line.empty()) continue;
    try {
      all.push_back(read_line(Json::parse(line)));
    } catch (const Json::exception&) {
      return fail(ErrorCode::kInvalid, list_path(home).string() + ", line " + std::to_string(number) + " is damaged: restore the file, it says what was learned from which records");
    }
  }
  return all;
}

Status keep_made(const fs::path& home, const Made& made) {
  std::error_code ignored;  // What cannot be made is told by the lock.
  fs::create_directories(home / "models", ignored);
  SILLOK_ASSIGN(const FileLock lock, FileLock::acquire(home / "models" / "made.lock", kLockWaitMs));
  SILLOK_ASSIGN(std::vector<Made> all, all_made(home));
  std::erase_if(all, [&](const Made& each) { return each.hash == made.hash; });
  all.push_back(made);
  all.back().path = fs::absolute(made.path);
  std::string bytes;
  for (const Made& each : all) bytes += line_of(each).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  return write_file_atomic(list_path(home), bytes);
}

Status keep_trained(const fs::path& home, std::string_view kind, const fs::path& file, Made learned_from) {
  SILLOK_ASSIGN(const MappedFile bytes, MappedFile::open(file));
  learned_from.kind = kind, learned_from.path = file, learned_from.hash = sha256_hex(bytes.bytes()), learned_from.time = now_micros();
  return keep_made(home, learned_from);
}

Result<std::vector<Made>> made_from(const archive::Archive& archive, std::string_view record) {
  SILLOK_ASSIGN(std::vector<Made> all, all_made(archive.home()));
  const std::vector<archive::Version> versions = archive.versions(record);
  std::erase_if(all, [&](const Made& made) {
    return std::none_of(versions.begin(), versions.end(), [&](const archive::Version& version) {
      return std::binary_search(made.versions.begin(), made.versions.end(), version.id);
    });
  });
  return all;
}

std::vector<std::string> stale_versions(const archive::Archive& archive, const Made& made) {
  const govern::Lattice& lattice = archive.settings().lattice;
  std::vector<std::string> stale;
  for (const int64_t id : made.versions) {
    const auto version = archive.version(id);
    if (!version) {
      stale.push_back("version " + std::to_string(id) + " is not in this archive");
      continue;
    }
    const std::string name = version->record + ", version " + std::to_string(version->number);
    if (version->erased) stale.push_back(name + ": erased");
    else if (!lattice.covers(made.labels, version->label)) stale.push_back(name + ": has the label " + version->label + " now");
    else if (version->valid_to <= today()) stale.push_back(name + ": no longer in force");
  }
  return stale;
}

Result<std::vector<std::string>> stale_records(const archive::Archive& archive, const fs::path& manifest_or_model) {
  SILLOK_ASSIGN(const std::string bytes, read_file(manifest_or_model, search::kMaxRetrieverBytes));
  if (const auto dataset = read_manifest(manifest_or_model, bytes)) return stale_versions(archive, *dataset);
  auto model = search::decode_retriever(bytes);
  if (!model) return fail(ErrorCode::kInvalid, manifest_or_model.string() + " is neither the manifest of a dataset nor a retriever");
  return stale_versions(archive, {"retriever", manifest_or_model, "", std::move(model->labels), std::move(model->versions), 0, {}});
}

Result<std::optional<Made>> dataset_of(const fs::path& file) {
  const fs::path manifest = file.parent_path() / "manifest.json";
  const auto bytes = read_file(manifest, kMaxBytes);
  if (!bytes) return std::optional<Made>();
  auto dataset = read_manifest(manifest, *bytes);
  const Json json = Json::parse(*bytes, nullptr, false);
  const std::string name = file.filename();
  if (!dataset || !json.contains("files") || !json["files"].contains(name)) return std::optional<Made>();
  SILLOK_ASSIGN(const std::string data, read_file(file, kMaxBytes));
  if (json["files"][name].value("sha256", "") != sha256_hex(data)) {
    return fail(ErrorCode::kInvalid, file.string() + " was changed since " + manifest.string() + " was written: make the dataset anew, or move the file to another folder");
  }
  return dataset;
}

}  // namespace sillok::train
