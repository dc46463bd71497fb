#include "store/store.h"

#include <sqlite3.h>
#include <unistd.h>

#include <cctype>
#include <utility>

namespace sillok::store {
namespace {

// How long a statement waits for another connection's lock. The archive's writers exclude each other by the
// home's file lock; for them this covers checkpoints and recovery after a crash only.
constexpr int kBusyTimeoutMs = 10'000;
// Pages a connection may keep in memory (negative: KiB), for reading and for one batch of writes.
constexpr std::string_view kCacheKib = "-16384";

// "archive.db", for messages.
std::string name_of(sqlite3* db) {
  const char* path = db == nullptr ? nullptr : sqlite3_db_filename(db, "main");
  return path == nullptr || *path == '\0' ? "the database" : fs::path(path).filename().string();
}

tl::unexpected<Error> database_error(sqlite3* db, std::string_view doing) {
  const std::string name = name_of(db);
  const int code = db == nullptr ? SQLITE_NOMEM : sqlite3_errcode(db);
  const std::string message = std::string(doing) + ": " +
                              (db == nullptr ? "out of memory" : sqlite3_errmsg(db));
  switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return fail(ErrorCode::kConflict, name + " is busy (" + message + "); try again");
    case SQLITE_FULL:
      return fail(ErrorCode::kIo, "no space left for " + name + "; free some and run again");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return fail(ErrorCode::kInvalid,
                  name + " is damaged (" + message + "); restore it from a backup");
    default:
      return fail(ErrorCode::kIo, name + ": " + message);
  }
}

// "file:/a%20b/archive.db?immutable=1" (https://www.sqlite.org/uri.html).
std::string immutable_uri(const fs::path& path) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string uri = "file:";
  for (const char c : fs::absolute(path).string()) {
    const auto byte = static_cast<uint8_t>(c);
    if (std::isalnum(byte) != 0 || c == '/' || c == '.' || c == '-' || c == '_') {
      uri += c;
    } else {
      uri += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return uri + "?immutable=1";
}

// Where nothing can be written (a read-only disk, another's home), the log cannot be shared with a writer. Without a
// log the file is the whole state and is read as it is; with one, SQLite needs the writer's -shm file.
bool can_write(const fs::path& path) {
  return ::access(path.c_str(), W_OK) == 0 && ::access(path.parent_path().c_str(), W_OK) == 0;
}

}  // namespace

Cursor::Cursor(Cursor&& other) noexcept
    : db_(other.db_), statement_(std::exchange(other.statement_, nullptr)) {}

Cursor::~Cursor() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

Result<bool> Cursor::next() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return database_error(db_, "running a statement");
}

int64_t Cursor::integer(int column) const { return sqlite3_column_int64(statement_, column); }

bool Cursor::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

double Cursor::real(int column) const { return sqlite3_column_double(statement_, column); }

std::string_view Cursor::view(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  const int size = sqlite3_column_bytes(statement_, column);
  return data == nullptr ? std::string_view() : std::string_view(data, static_cast<size_t>(size));
}

void Cursor::bind(int index, int64_t value) { sqlite3_bind_int64(statement_, index, value); }

void Cursor::bind(int index, double value) { sqlite3_bind_double(statement_, index, value); }

void Cursor::bind(int index, std::string_view value) {
  // A null pointer would bind NULL; the empty string is a value.
  sqlite3_bind_text64(statement_, index, value.data() == nullptr ? "" : value.data(), value.size(),
                      SQLITE_STATIC, SQLITE_UTF8);
}

void Cursor::bind(int index, Bytes value) {
  sqlite3_bind_blob64(statement_, index, value.bytes.data() == nullptr ? "" : value.bytes.data(),
                      value.bytes.size(), SQLITE_STATIC);
}

Result<Database> Database::open(const fs::path& path, Mode mode) {
  Database database;
  const bool read_only = mode == Mode::kExisting && !can_write(path);
  std::error_code error;
  const auto log_size = fs::file_size(path.string() + "-wal", error);
  const bool immutable = read_only && (error || log_size == 0);
  const int flags = (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) | SQLITE_OPEN_NOMUTEX |
                    SQLITE_OPEN_EXRESCODE | (mode == Mode::kCreate ? SQLITE_OPEN_CREATE : 0) |
                    (immutable ? SQLITE_OPEN_URI : 0);
  const std::string name = immutable ? immutable_uri(path) : path.string();
  if (sqlite3_open_v2(name.c_str(), &database.db_, flags, nullptr) != SQLITE_OK) {
    return database_error(database.db_, "opening " + path.string());
  }
  sqlite3_busy_timeout(database.db_, kBusyTimeoutMs);
  // auto_vacuum is set before the first table, or it has no effect. secure_delete overwrites what is
  // deleted, which erasing for good relies on. The directory is synced by SQLite itself.
  std::string setup;
  if (mode == Mode::kCreate) setup = "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL;";
  setup += "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;"
           "PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; PRAGMA cache_size = ";
  setup += kCacheKib;
  if (Status done = database.execute(setup); !done) {
    if (!read_only || immutable) return fail(done.error());
    return fail(ErrorCode::kIo, path.string() + " has a log (-wal) to be taken in, which needs write access; run "
                                                "'sillok doctor' once where it can be written");
  }
  return database;
}

Database::Database(Database&& other) noexcept
    : db_(std::exchange(other.db_, nullptr)), statements_(std::move(other.statements_)) {
  other.statements_.clear();
}

Database& Database::operator=(Database&& other) noexcept {
  std::swap(db_, other.db_);
  std::swap(statements_, other.statements_);
  return *this;
}

Database::~Database() { close(); }

void Database::close() {
  for (auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  statements_.clear();
  if (db_ != nullptr) sqlite3_close_v2(db_);
  db_ = nullptr;
}

Status Database::execute(const std::string& sql) {
  if (sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return database_error(db_, "running '" + shorten(sql, 60) + "'");
}

Result<sqlite3_stmt*> Database::prepare(std::string_view sql) {
  auto found = statements_.find(std::string(sql));
  if (found != statements_.end()) return found->second;
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(db_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) {
    return database_error(db_, "preparing '" + shorten(collapse_spaces(sql), 80) + "'");
  }
  statements_.emplace(std::string(sql), statement);
  return statement;
}

int64_t Database::last_insert_id() const { return sqlite3_last_insert_rowid(db_); }

int64_t Database::rows_changed() const { return sqlite3_changes64(db_); }

Transaction::~Transaction() {
  // Nothing can be done about a failed rollback here; SQLite discards the transaction at the next open.
  if (open_) (void)db_.run("ROLLBACK");
}

Status Transaction::begin() {
  SILLOK_TRY(db_.run("BEGIN IMMEDIATE"));
  open_ = true;
  return {};
}

Status Transaction::commit() {
  SILLOK_TRY(db_.run("COMMIT"));
  open_ = false;
  return {};
}

}  // namespace sillok::store
