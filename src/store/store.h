// store: SQLite with errors as values, prepared statements kept for the next use. Nothing here knows what is stored.
//
// Contents: Cursor (the rows of a statement) | Database (one connection) | Transaction
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/base.h"

struct sqlite3;
struct sqlite3_stmt;

namespace sillok::store {

// A blob parameter; a string_view is bound as text.
struct Bytes {
  std::string_view bytes;
};

// The rows of one running statement. Resets the statement when it ends, so that the next query can use it.
// Must not outlive its Database; the same SQL must not be run again while a Cursor over it is open.
class Cursor {
 public:
  Cursor(sqlite3* db, sqlite3_stmt* statement) : db_(db), statement_(statement) {}
  Cursor(Cursor&& other) noexcept;
  Cursor& operator=(Cursor&&) = delete;
  ~Cursor();

  Result<bool> next();  // false after the last row
  int64_t integer(int column) const;
  Day day(int column) const { return static_cast<Day>(integer(column)); }
  double real(int column) const;
  bool is_null(int column) const;
  std::string text(int column) const { return std::string(view(column)); }
  std::string_view view(int column) const;  // text or blob; valid until next()

 private:
  friend class Database;
  void bind(int index, int64_t value);
  void bind(int index, double value);
  void bind(int index, std::string_view value);
  void bind(int index, Bytes value);
  template <typename T>
  void bind_any(int index, const T& value) {
    if constexpr (std::is_same_v<T, bool> || std::is_integral_v<T>) {
      bind(index, static_cast<int64_t>(value));
    } else if constexpr (std::is_floating_point_v<T>) {
      bind(index, static_cast<double>(value));
    } else if constexpr (std::is_same_v<T, Bytes>) {
      bind(index, value);
    } else {
      bind(index, std::string_view(value));
    }
  }
  sqlite3* db_;
  sqlite3_stmt* statement_;
};

// One connection; for one thread at a time.
class Database {
 public:
  enum class Mode { kExisting, kCreate };
  static Result<Database> open(const fs::path& path, Mode mode);
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();

  // Runs one or more statements without parameters.
  Status execute(const std::string& sql);

  // Starts a statement. The parameters must live until the cursor ends.
  template <typename... Args>
  Result<Cursor> query(std::string_view sql, const Args&... args) {
    SILLOK_ASSIGN(sqlite3_stmt * statement, prepare(sql));
    Cursor cursor(db_, statement);
    int index = 0;
    (cursor.bind_any(++index, args), ...);
    return cursor;
  }
  // Runs a statement to its end, ignoring rows.
  template <typename... Args>
  Status run(std::string_view sql, const Args&... args) {
    SILLOK_ASSIGN(Cursor cursor, query(sql, args...));
    for (;;) {
      SILLOK_ASSIGN(const bool more, cursor.next());
      if (!more) return {};
    }
  }
  // The first column of the first row, or `otherwise` if there is no row (or it is NULL).
  template <typename... Args>
  Result<int64_t> integer_or(int64_t otherwise, std::string_view sql, const Args&... args) {
    SILLOK_ASSIGN(Cursor cursor, query(sql, args...));
    SILLOK_ASSIGN(const bool found, cursor.next());
    return found ? cursor.integer(0) : otherwise;
  }
  template <typename... Args>
  Result<std::string> text_or(std::string otherwise, std::string_view sql, const Args&... args) {
    SILLOK_ASSIGN(Cursor cursor, query(sql, args...));
    SILLOK_ASSIGN(const bool found, cursor.next());
    return found ? cursor.text(0) : std::move(otherwise);
  }
  int64_t last_insert_id() const;
  int64_t rows_changed() const;

 private:
  Database() = default;
  Result<sqlite3_stmt*> prepare(std::string_view sql);
  void close();

  sqlite3* db_ = nullptr;
  std::unordered_map<std::string, sqlite3_stmt*> statements_;
};

// BEGIN IMMEDIATE at construction's begin(), ROLLBACK at destruction unless committed.
class Transaction {
 public:
  explicit Transaction(Database& db) : db_(db) {}
  ~Transaction();
  Status begin();
  Status commit();
  bool open() const { return open_; }

 private:
  Database& db_;
  bool open_ = false;
};

}  // namespace sillok::store
