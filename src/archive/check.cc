// Is what is kept whole? Nothing here changes anything.
#include <algorithm>

#include "archive/state.h"

namespace sillok::archive {
namespace {

// Problems beyond this many of one kind are counted, not listed.
constexpr size_t kMaxListed = 50;

class Checker {
 public:
  explicit Checker(Archive::State& state) : state_(state), db_(state) {}

  std::vector<Problem> run(bool deep) {
    Status done = db_.open();
    if (done) done = database(deep);
    if (done) done = rows();
    if (done && deep) done = contents();
    if (done) done = blobs(deep);
    if (!done) problems_.push_back({"the check could not finish: " + done.error().message});
    return std::move(problems_);
  }

 private:
  void report(std::string what) { problems_.push_back({std::move(what)}); }

  Status database(bool deep) {
    SILLOK_ASSIGN(Cursor rows, db_->query(deep ? "PRAGMA integrity_check(20)" : "PRAGMA quick_check(20)"));
    for (;;) {
      SILLOK_ASSIGN(const bool more, rows.next());
      if (!more) break;
      if (rows.view(0) != "ok") report("archive.db: " + collapse_spaces(rows.text(0)) + "; restore it from a backup");
    }
    SILLOK_ASSIGN(Cursor keys, db_->query("PRAGMA foreign_key_check"));
    for (;;) {
      SILLOK_ASSIGN(const bool more, keys.next());
      if (!more) return {};
      report("archive.db: table " + keys.text(0) + " refers to a missing row of " + keys.text(2) +
             "; restore it from a backup");
    }
  }

  // Every row that `sql` gives is a problem, described by its first column.
  Status each(const std::string& what, std::string_view sql) {
    SILLOK_ASSIGN(Cursor rows, db_->query(sql));
    for (size_t n = 0;; ++n) {
      SILLOK_ASSIGN(const bool more, rows.next());
      if (!more && n > kMaxListed) report("and " + std::to_string(n - kMaxListed) + " more: " + what);
      if (!more) return {};
      if (n < kMaxListed) report(what + ": " + rows.text(0));
    }
  }

  Status rows() {
    const auto unfinished = read_file(state_.home / "unfinished");
    if (unfinished && unfinished->starts_with("erase")) {
      report("an erasure was interrupted and its content may still be on disk; run any add or erase to finish it");
    }
    SILLOK_TRY(each("a record without versions",
                    "SELECT key FROM records r WHERE NOT EXISTS(SELECT 1 FROM versions WHERE record_id = r.id)"));
    SILLOK_TRY(each("a version without content",
                    "SELECT r.key || ' version ' || v.number FROM versions v JOIN records r ON r.id = v.record_id "
                    "LEFT JOIN contents c ON c.version_id = v.id WHERE v.erased = 0 AND c.version_id IS NULL"));
    SILLOK_TRY(each("content of an erased version is still there; erase it again",
                    "SELECT r.key || ' version ' || v.number FROM versions v JOIN records r ON r.id = v.record_id "
                    "JOIN contents c ON c.version_id = v.id WHERE v.erased <> 0"));
    return each("a version's dates do not follow from its record's",
                "SELECT key || ' version ' || number FROM ("
                "SELECT r.key AS key, v.number AS number, v.valid_from AS valid_from, v.valid_to AS valid_to, "
                "v.stated_to AS stated_to, v.ended AS ended, lead(v.valid_from, 1, 2147483647) "
                "OVER (PARTITION BY v.record_id ORDER BY v.valid_from, v.number) AS next "
                "FROM versions v JOIN records r ON r.id = v.record_id) "
                "WHERE valid_to <> max(valid_from, min(next, stated_to, ended))");
  }

  // Each kept text against its hash. SQLite's own check looks at structure, not at what the cells hold.
  Status contents() {
    SILLOK_ASSIGN(Cursor rows, db_->query("SELECT r.key, v.number, v.content_hash, c.document FROM contents c JOIN versions v "
                                          "ON v.id = c.version_id JOIN records r ON r.id = v.record_id WHERE v.erased = 0"));
    for (;;) {
      SILLOK_ASSIGN(const bool more, rows.next());
      if (!more) return {};
      const auto document = documents::decode(rows.view(3));
      if (document && hash_content(*document, rows.view(3)) == rows.text(2)) continue;
      report("archive.db: the text of '" + rows.text(0) + "' version " + std::to_string(rows.integer(1)) +
             " is damaged; restore archive.db from a backup");
    }
  }

  // A blob without a row is what a killed add leaves; the next add that keeps these bytes uses it. Not a problem.
  Status blobs(bool deep) {
    const BlobStore store(state_.blob_path(), state_.environment);
    SILLOK_ASSIGN(Cursor rows, db_->query("SELECT v.blob, min(r.key) FROM versions v JOIN records r ON r.id = v.record_id "
                                          "WHERE v.erased = 0 GROUP BY v.blob"));
    for (;;) {
      SILLOK_ASSIGN(const bool more, rows.next());
      if (!more) return {};
      const std::string hash = rows.text(0);
      const std::string what = store.path(hash).string() + ", the original of '" + rows.text(1) + "', ";
      if (!store.has(hash)) {
        report(what + "is missing; restore it from a backup, or add its file again with --reread");
      } else if (deep) {
        const auto bytes = store.read(hash);
        if (!bytes) {
          report(what + "cannot be read: " + bytes.error().message);
        } else if (sha256_hex(*bytes) != hash) {
          report(what + "is damaged; restore it from a backup, or remove it and add its file again with --reread");
        }
      }
    }
  }

  Archive::State& state_;
  Reading db_;
  std::vector<Problem> problems_;
};

}  // namespace

std::vector<Problem> Archive::check(bool deep) const { return Checker(*state_).run(deep); }

}  // namespace sillok::archive
