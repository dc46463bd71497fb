#include "archive/archive.h"

#include "archive/link_store.h"
#include "archive/schema.h"
#include "archive/state.h"

namespace sillok::archive {
namespace {

constexpr std::string_view kVersionColumns =
    "v.id, r.key, v.number, v.title, v.format, v.label, v.url, v.source_path, v.blob, v.content_hash, "
    "v.valid_from, v.valid_to, v.recorded, v.erased, v.change, v.label_reason, min(v.stated_to, v.ended), v.record_id "
    "FROM versions v JOIN records r ON r.id = v.record_id";

Version read_version(const Cursor& row) {
  Version version;
  version.id = row.integer(0);
  version.record = row.text(1);
  version.number = static_cast<uint32_t>(row.integer(2));
  version.title = row.text(3);
  version.format = row.text(4);
  version.label = row.text(5);
  version.url = row.text(6);
  version.source_path = row.text(7);
  version.blob = row.text(8);
  version.content_hash = row.text(9);
  version.valid_from = row.day(10);
  version.valid_to = row.day(11);
  version.recorded = row.integer(12);
  version.erased = row.integer(13) != 0;
  version.change = row.integer(14);
  version.label_reason = row.text(15);
  version.own_to = row.day(16);
  return version;
}

// The history around a version, if its record's versions have different labels.
Result<std::optional<History>> read_history(Database& db, int64_t record_id, const Version& version) {
  History history;
  SILLOK_ASSIGN(const int64_t mixed,
                db.integer_or(0, "SELECT EXISTS(SELECT 1 FROM versions WHERE record_id = ? AND label <> ?)", record_id, version.label));
  if (mixed == 0) return std::optional<History>();
  SILLOK_ASSIGN(Cursor rows, db.query("SELECT label, min(iif((valid_from, number) > (?2, ?3), valid_from, NULL)), sum(number < ?3) "
                                      "FROM versions WHERE record_id = ?1 GROUP BY label ORDER BY label",
                                      record_id, version.valid_from, version.number));
  for (;;) {
    SILLOK_ASSIGN(const bool more, rows.next());
    if (!more) return std::optional<History>(std::move(history));
    if (!rows.is_null(1)) history.later.push_back({rows.text(0), rows.day(1)});
    if (rows.integer(2) > 0) history.before.push_back({rows.text(0), static_cast<uint32_t>(rows.integer(2))});
  }
}

std::string select_versions(std::string_view rest) {
  return "SELECT " + std::string(kVersionColumns) + " " + std::string(rest);
}

tl::unexpected<Error> no_record(std::string_view record) {
  return fail(ErrorCode::kNotFound, "there is no record '" + std::string(record) + "'");
}

// Originals without an archive that names them: not a folder for a new home, nor none at all.
bool has_lost_archive(const fs::path& home) {
  std::vector<fs::path> others;
  const auto kept = BlobStore(home / "blobs", real_environment()).list(others);
  return kept && !kept->empty() && !fs::exists(home / "archive.db");
}

tl::unexpected<Error> lost_archive(const fs::path& home) {
  return fail(ErrorCode::kInvalid, (home / "archive.db").string() +
                                       " is missing, while blobs/ holds originals; restore it from a backup");
}

Result<int64_t> count(Archive::State& state, std::string_view sql) {
  Reading db(state);
  SILLOK_TRY(db.open());
  return db->integer_or(0, sql);
}

}  // namespace

Result<std::unique_ptr<Database>> Archive::State::take() {
  {
    const std::lock_guard guard(mutex);
    if (!idle.empty()) {
      auto db = std::move(idle.back());
      idle.pop_back();
      return db;
    }
  }
  SILLOK_ASSIGN(Database opened, Database::open(database_path(), Database::Mode::kExisting));
  return std::make_unique<Database>(std::move(opened));
}

void Archive::State::give(std::unique_ptr<Database> db) {
  if (db == nullptr) return;
  const std::lock_guard guard(mutex);
  idle.push_back(std::move(db));
}

// archive.db comes last, by its final name only once its tables stand: a folder with it is a home.
Status Archive::create(const fs::path& home) {
  std::error_code error;
  if (fs::exists(home / "archive.db", error)) {
    return fail(ErrorCode::kConflict, home.string() + " is a Sillok home already");
  }
  fs::create_directories(home, error);
  if (error) return fail(ErrorCode::kIo, "cannot create " + home.string() + ": " + error.message());
  if (has_lost_archive(home)) return lost_archive(home);
  for (const auto& entry : fs::directory_iterator(home, error)) {
    const std::string name = entry.path().filename().string();
    // What an interrupted init leaves behind is no obstacle to the next.
    if (name == "sillok.toml" || name == "blobs" || name == "index" || name == "log" || name == "lock" ||
        name.starts_with("sillok.toml.tmp") || name.starts_with("archive.db.new")) {
      continue;
    }
    return fail(ErrorCode::kInvalid,
                home.string() + " holds other files (" + name + "); choose an empty folder for the home");
  }
  if (error) return fail(ErrorCode::kIo, "cannot list " + home.string() + ": " + error.message());
  SILLOK_ASSIGN(const FileLock lock, FileLock::acquire(home / "lock", kLockWaitMs));
  if (!fs::exists(home / "sillok.toml", error)) {
    SILLOK_TRY(write_file_atomic(home / "sillok.toml", default_settings()));
  }
  SILLOK_TRY(BlobStore::create(home / "blobs"));
  for (const char* folder : {"index", "log"}) fs::create_directories(home / folder, error);
  const fs::path fresh = home / "archive.db.new";
  for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(fresh.string() + suffix, error);
  {
    SILLOK_ASSIGN(Database db, Database::open(fresh, Database::Mode::kCreate));
    SILLOK_TRY(migrate(db));
  }  // Closing the last connection moves the log into the file.
  fs::rename(fresh, home / "archive.db", error);
  if (error) return fail(ErrorCode::kIo, "cannot create archive.db: " + error.message());
  return sync_directory(home);
}

Result<Archive> Archive::open(const fs::path& home) { return open(home, real_environment()); }

Result<Archive> Archive::open(const fs::path& home, Environment environment) {
  std::error_code error;
  if (!fs::is_regular_file(home / "archive.db", error)) {
    if (has_lost_archive(home)) return lost_archive(home);
    return fail(ErrorCode::kNotFound,
                home.string() + " is not a Sillok home; run 'sillok init --home " + home.string() + "'");
  }
  auto state = std::make_unique<State>();
  state->home = fs::canonical(home, error);
  if (error) return fail(ErrorCode::kIo, "cannot open " + home.string() + ": " + error.message());
  state->environment = std::move(environment);
  const fs::path settings = state->home / "sillok.toml";
  if (!fs::exists(settings, error)) {
    return fail(ErrorCode::kInvalid, settings.string() +
                                          " is missing, which names the labels; restore it, or copy that of a new home");
  }
  SILLOK_ASSIGN(const std::string text, read_file(settings));
  SILLOK_ASSIGN(state->settings, parse_settings(text, settings));
  Reading db(*state);
  SILLOK_TRY(db.open());
  SILLOK_ASSIGN(const bool older, needs_migration(*db));
  if (older) {
    SILLOK_ASSIGN(const FileLock lock, state->lock());
    SILLOK_TRY(migrate(*db));
  }
  return Archive(std::move(state));
}

Archive::Archive(std::unique_ptr<State> state) : state_(std::move(state)) {}
Archive::Archive(Archive&&) noexcept = default;
Archive& Archive::operator=(Archive&&) noexcept = default;
Archive::~Archive() = default;

const fs::path& Archive::home() const { return state_->home; }

const std::vector<LabelName>& Archive::labels() const { return state_->settings.labels; }

std::vector<Root> Archive::roots() const {
  std::vector<Root> out;
  Reading db(*state_);
  if (!db.open()) return out;
  auto rows = db->query("SELECT path, label FROM roots ORDER BY length(path) DESC, path");
  while (rows) {
    const auto more = rows->next();
    if (!more || !*more) break;
    out.push_back({rows->text(0), rows->text(1)});
  }
  return out;
}

const govern::Settings& Archive::settings() const { return state_->settings.govern; }

int64_t Archive::last_change() const {
  return count(*state_, "SELECT max(change) FROM versions").value_or(0);
}

int64_t Archive::last_version() const { return count(*state_, "SELECT max(id) FROM versions").value_or(0); }

Status Archive::changes_after(int64_t change, const std::function<Status(const Version&)>& sink) const {
  Reading db(*state_);
  SILLOK_TRY(db.open());
  static const std::string sql = select_versions("WHERE v.change > ? ORDER BY v.change");
  SILLOK_ASSIGN(Cursor rows, db->query(sql, change));
  for (;;) {
    SILLOK_ASSIGN(const bool more, rows.next());
    if (!more) return {};
    Version version = read_version(rows);
    SILLOK_ASSIGN(version.history, read_history(*db, rows.integer(17), version));
    SILLOK_TRY(sink(version));
  }
}

Result<documents::Document> Archive::document(int64_t version_id) const {
  Reading db(*state_);
  SILLOK_TRY(db.open());
  SILLOK_ASSIGN(Cursor row, db->query("SELECT document FROM contents WHERE version_id = ?", version_id));
  SILLOK_ASSIGN(const bool found, row.next());
  if (!found) {
    return fail(ErrorCode::kNotFound,
                "version " + std::to_string(version_id) + " has no content: it was erased, or never existed");
  }
  return documents::decode(row.view(0));
}

Result<Version> Archive::version(int64_t version_id) const {
  Reading db(*state_);
  SILLOK_TRY(db.open());
  static const std::string sql = select_versions("WHERE v.id = ?");
  SILLOK_ASSIGN(Cursor row, db->query(sql, version_id));
  SILLOK_ASSIGN(const bool found, row.next());
  if (!found) return fail(ErrorCode::kNotFound, "there is no version " + std::to_string(version_id));
  return read_version(row);
}

std::vector<Version> Archive::versions(std::string_view record) const {
  std::vector<Version> out;
  Reading db(*state_);
  if (!db.open()) return out;
  static const std::string sql = select_versions("WHERE r.key = ? ORDER BY v.valid_from, v.number");
  auto rows = db->query(sql, record);
  while (rows) {
    const auto more = rows->next();
    if (!more || !*more) break;
    Version version = read_version(*rows);
    auto history = read_history(*db, rows->integer(17), version);
    if (!history) break;
    version.history = std::move(*history);
    out.push_back(std::move(version));
  }
  return out;
}

Result<Version> Archive::version_as_of(std::string_view record, Day day) const {
  Reading db(*state_);
  SILLOK_TRY(db.open());
  static const std::string sql =
      select_versions("WHERE r.key = ? AND v.valid_from <= ? ORDER BY v.valid_from DESC, v.number DESC LIMIT 1");
  SILLOK_ASSIGN(Cursor row, db->query(sql, record, day));
  SILLOK_ASSIGN(const bool found, row.next());
  if (!found) {
    SILLOK_ASSIGN(const int64_t first,
                  db->integer_or(kDayMax,
                                 "SELECT valid_from FROM versions v JOIN records r ON r.id = v.record_id "
                                 "WHERE r.key = ? ORDER BY valid_from LIMIT 1",
                                 record));
    if (first == kDayMax) return no_record(record);
    return fail(ErrorCode::kNotFound, "record '" + std::string(record) + "' is in force only from " +
                                          format_day(static_cast<Day>(first)));
  }
  Version version = read_version(row);
  if (version.valid_to <= day && day != kDayMax) {
    return fail(ErrorCode::kNotFound, "record '" + std::string(record) + "' is in force only until " +
                                          format_day(version.valid_to - 1));
  }
  return version;
}

std::vector<std::string> Archive::records(std::string_view after, size_t limit) const {
  std::vector<std::string> keys;
  Reading db(*state_);
  if (!db.open()) return keys;
  auto rows = db->query("SELECT key FROM records WHERE key > ? ORDER BY key LIMIT ?", after, limit);
  while (rows) {
    const auto more = rows->next();
    if (!more || !*more) break;
    keys.push_back(rows->text(0));
  }
  return keys;
}

uint64_t Archive::record_count() const {
  return static_cast<uint64_t>(count(*state_, "SELECT count(*) FROM records").value_or(0));
}

uint64_t Archive::version_count() const {
  return static_cast<uint64_t>(count(*state_, "SELECT count(*) FROM versions").value_or(0));
}

Result<std::string> Archive::original(int64_t version_id) const {
  SILLOK_ASSIGN(const Version found, version(version_id));
  if (found.erased) return fail(ErrorCode::kNotFound, "version " + std::to_string(version_id) + " was erased");
  return BlobStore(state_->blob_path(), state_->environment).read(found.blob);
}

Result<std::string> Archive::part(int64_t version_id) const {
  SILLOK_ASSIGN(const Version found, version(version_id));
  if (found.erased) return fail(ErrorCode::kNotFound, "version " + std::to_string(version_id) + " was erased");
  const size_t inside = found.source_path.find("::");
  if (inside == std::string::npos) return fail(ErrorCode::kNotFound, "'" + found.record + "' is a file by itself");
  if (!state_->environment.read_part) return fail(ErrorCode::kUnsupported, "parts are not taken out here");
  const fs::path blob = BlobStore(state_->blob_path(), state_->environment).path(found.blob);
  return state_->environment.read_part(blob, fs::path(found.source_path.substr(0, inside)).filename().string(), std::string_view(found.source_path).substr(inside + 2));
}

std::vector<Link> Archive::links(std::string_view record, Day day) const { return View(*this, std::nullopt).links(record, day); }

std::vector<Failure> Archive::failures() const {
  std::vector<Failure> out;
  Reading db(*state_);
  if (!db.open()) return out;
  auto rows = db->query("SELECT path, part, reason FROM failures ORDER BY path, part");
  while (rows) {
    const auto more = rows->next();
    if (!more || !*more) break;
    const std::string part = rows->text(1);
    out.push_back({part.empty() ? rows->text(0) : rows->text(0) + "::" + part, rows->text(2)});
  }
  return out;
}

std::vector<PersonalPlace> Archive::personal(int64_t version_id) const {
  std::vector<PersonalPlace> out;
  Reading db(*state_);
  if (!db.open()) return out;
  auto rows = db->query("SELECT kind, anchor, count FROM personal WHERE version_id = ? ORDER BY kind, anchor", version_id);
  while (rows) {
    const auto more = rows->next();
    if (!more || !*more) break;
    out.push_back({static_cast<govern::PersonalKind>(rows->integer(0)), rows->text(1), static_cast<uint32_t>(rows->integer(2))});
  }
  return out;
}

Result<AddReport> Archive::add(const std::vector<fs::path>& paths, const AddOptions& options) {
  return run_add(*state_, paths, options, true);
}

}  // namespace sillok::archive
