// Erasing for good. The order matters: rewritten blobs are durable before the rows that name them; the rows and
// tombstones go in one transaction; then blobs that nothing names any more are removed and the database's free pages
// are overwritten. A kill in between leaves home/unfinished, and the next writer does the rest.
#include "archive/erasure.h"

#include <algorithm>
#include <map>

#include "archive/link_store.h"
#include "archive/tidy.h"

namespace sillok::archive {
namespace {

struct Target {
  int64_t id = 0;
  int64_t record = 0;
  std::string key, format, source_path, blob, content_hash;
  bool is_member() const { return source_path.find("::") != std::string::npos; }
  std::string file() const { return source_path.substr(0, source_path.find("::")); }
};

class Erasure {
 public:
  Erasure(Archive::State& state, Database& db)
      : state_(state), db_(db), blobs_(state.blob_path(), state.environment),
        committer_(db, state.settings, state.environment) {}
  ~Erasure() { blobs_.forget_kept(); }

  Result<EraseReport> run(const std::string& name) {
    SILLOK_TRY(find_targets(name));
    SILLOK_TRY(refuse_shared());
    SILLOK_TRY(rewrite_lines());
    SILLOK_TRY(mark_unfinished(state_, Writing::kErase));
    SILLOK_TRY(blobs_.publish());
    Transaction transaction(db_);
    SILLOK_TRY(transaction.begin());
    SILLOK_TRY(committer_.load_change());
    SILLOK_TRY(point_to_rewritten());
    SILLOK_TRY(bury());
    if (state_.environment.before_step) SILLOK_TRY(state_.environment.before_step("commit erasure"));
    SILLOK_TRY(transaction.commit());
    if (state_.environment.before_step) SILLOK_TRY(state_.environment.before_step("committed erasure"));
    EraseReport report;
    report.versions = targets_.size();
    SILLOK_ASSIGN(report.blobs, sweep_blobs(state_, db_));
    SILLOK_TRY(scrub_database(db_));
    SILLOK_TRY(clear_unfinished(state_));
    return report;
  }

 private:
  // A record by its key, or all records of a container by its name.
  Status find_targets(const std::string& name) {
    constexpr std::string_view kSelect =
        "SELECT v.id, v.record_id, r.key, v.format, v.source_path, v.blob, v.content_hash, v.erased "
        "FROM versions v JOIN records r ON r.id = v.record_id ";
    bool known = false;
    SILLOK_TRY(collect(std::string(kSelect) + "WHERE r.key = ?1 ORDER BY v.id", name, known));
    if (!known) {
      SILLOK_TRY(collect(std::string(kSelect) +
                             "WHERE v.record_id IN (SELECT m.record_id FROM versions m JOIN sources s ON "
                             "substr(m.source_path, 1, length(s.path) + 2) = s.path || '::' WHERE s.name = ?1) "
                             "ORDER BY v.id",
                         name, known));
    }
    if (!known) return fail(ErrorCode::kNotFound, "there is no record '" + name + "'");
    if (targets_.empty()) return fail(ErrorCode::kNotFound, "record '" + name + "' is erased already");
    return {};
  }

  Status collect(const std::string& sql, const std::string& name, bool& known) {
    SILLOK_ASSIGN(Cursor rows, db_.query(sql, name));
    for (;;) {
      SILLOK_ASSIGN(const bool more, rows.next());
      if (!more) return {};
      known = true;
      if (rows.integer(7) != 0) continue;
      targets_.push_back({rows.integer(0), rows.integer(1), rows.text(2), rows.text(3), rows.text(4), rows.text(5),
                          rows.text(6)});
      records_.insert(rows.integer(1));
    }
  }

  // Other records whose content is in a file that holds the target's, too: only lines can be taken out of a file.
  Status refuse_shared() {
    std::set<std::string> others;
    for (const Target& target : targets_) {
      if (target.format == "jsonl") continue;
      const std::string prefix = target.is_member() ? target.file() + "::" : std::string("\x01");
      SILLOK_ASSIGN(Cursor rows, db_.query("SELECT v.record_id, r.key FROM versions v JOIN records r ON "
                                           "r.id = v.record_id WHERE v.erased = 0 AND "
                                           "(v.blob = ?1 OR substr(v.source_path, 1, length(?2)) = ?2)",
                                           target.blob, prefix));
      for (;;) {
        SILLOK_ASSIGN(const bool more, rows.next());
        if (!more) break;
        if (!records_.contains(rows.integer(0))) others.insert(rows.text(1));
      }
    }
    if (others.empty()) return {};
    const std::string file = targets_.front().file();
    SILLOK_ASSIGN(const std::string name, db_.text_or(file, "SELECT name FROM sources WHERE path = ?", file));
    return fail(ErrorCode::kConflict,
                "'" + targets_.front().key + "' is kept inside " + file + " together with '" + *others.begin() + "'" +
                    (others.size() > 1 ? " and " + std::to_string(others.size() - 1) + " more" : "") +
                    ", and cannot be taken out of it alone; erase '" + name + "' to remove all of them");
  }

  // Any JSONL blob may hold a line of the record, not only those its versions name: a line that did not change is
  // in every later state of its file.
  Status rewrite_lines() {
    std::set<std::string> keys, contents;
    for (const Target& target : targets_) {
      if (target.format != "jsonl") continue;
      keys.insert(target.key);
      contents.insert(target.content_hash);
    }
    if (keys.empty()) return {};
    std::vector<std::string> blobs;
    {
      SILLOK_ASSIGN(Cursor rows,
                    db_.query("SELECT DISTINCT blob FROM versions WHERE format = 'jsonl' AND erased = 0 ORDER BY blob"));
      for (;;) {
        SILLOK_ASSIGN(const bool more, rows.next());
        if (!more) break;
        blobs.push_back(rows.text(0));
      }
    }
    SILLOK_ASSIGN(const FileReader reader, state_.environment.start_reader(documents::ReadLimits{}));
    for (const std::string& blob : blobs) {
      std::set<uint32_t> lines;
      SILLOK_TRY(find_lines(reader, blob, keys, contents, lines));
      if (lines.empty()) continue;
      SILLOK_ASSIGN(const std::string bytes, blobs_.read(blob));
      SILLOK_ASSIGN(const Staged staged, blobs_.stage_bytes(blank_lines(bytes, lines)));
      blobs_.keep(staged);
      rewritten_[blob] = staged.hash;
    }
    for (const Target& target : targets_) {
      if (target.format == "jsonl" && !rewritten_.contains(target.blob)) {
        return fail(ErrorCode::kInternal, "the line of '" + target.key + "' is not found in its original");
      }
    }
    return {};
  }

  Status find_lines(const FileReader& reader, const std::string& blob, const std::set<std::string>& keys,
                    const std::set<std::string>& contents, std::set<uint32_t>& lines) {
    // Under a name that tells what it is, as when it was first read.
    SILLOK_ASSIGN(const std::string bytes, blobs_.read(blob));
    SILLOK_ASSIGN(const Staged copy, blobs_.stage_bytes(bytes));
    const fs::path named = copy.temporary.parent_path() / "records.jsonl";
    std::error_code error;
    fs::rename(copy.temporary, named, error);
    bool without_line = false;
    const Status read = reader(named, [&](documents::Item&& item) {
      if (!item.document) return;
      const bool ours = keys.contains(item.document->meta.identity) ||
                        contents.contains(hash_content(*item.document, documents::encode(*item.document)));
      if (!ours) return;
      const uint32_t line = line_of(*item.document);
      if (line == 0) without_line = true;
      lines.insert(line);
    });
    fs::remove_all(named.parent_path(), error);
    if (!read) return fail(read.error().in("cannot look for the record in its original"));
    if (without_line) return fail(ErrorCode::kInternal, "a line to be erased has no known place");
    return {};
  }

  Status point_to_rewritten() {
    for (const auto& [before, after] : rewritten_) {
      std::vector<int64_t> ids;
      {
        SILLOK_ASSIGN(Cursor rows, db_.query("SELECT id FROM versions WHERE blob = ?", before));
        for (;;) {
          SILLOK_ASSIGN(const bool more, rows.next());
          if (!more) break;
          ids.push_back(rows.integer(0));
        }
      }
      for (const int64_t id : ids) {
        SILLOK_TRY(db_.run("UPDATE versions SET blob = ?, change = ? WHERE id = ?", after, committer_.take_change(), id));
      }
    }
    return {};
  }

  Status bury() {
    const Micros now = state_.environment.now();
    const std::string reason = "erased on " + format_micros(now).substr(0, 10) + "; it is not kept again";
    for (const Target& target : targets_) {
      const std::string file_hash = target.format == "jsonl" ? "" : target.blob;
      SILLOK_TRY(bury_key(target, file_hash, now));
      // Files that show it now may differ from the blob kept in bytes that do not count.
      SILLOK_TRY(db_.run("INSERT OR IGNORE INTO tombstones(key, content_hash, file_hash, erased_at) "
                         "SELECT ?1, ?2, s.file_hash, ?3 FROM items i JOIN sources s ON s.id = i.source_id "
                         "WHERE i.version_id = ?4 AND ?5 <> 'jsonl'",
                         target.key, target.content_hash, now, target.id, target.format));
      SILLOK_TRY(db_.run("INSERT OR REPLACE INTO failures(path, part, reason, label) SELECT s.path, i.part, ?1, v.label "
                         "FROM items i JOIN sources s ON s.id = i.source_id JOIN versions v ON v.id = i.version_id "
                         "WHERE i.version_id = ?2",
                         reason, target.id));
      SILLOK_TRY(db_.run("UPDATE sources SET item_count = item_count - 1 WHERE id IN "
                         "(SELECT source_id FROM items WHERE version_id = ?)",
                         target.id));
      SILLOK_TRY(db_.run("DELETE FROM items WHERE version_id = ?", target.id));
      SILLOK_TRY(erase_links(db_, target.id));
      SILLOK_TRY(db_.run("DELETE FROM contents WHERE version_id = ?", target.id));
      SILLOK_TRY(db_.run("DELETE FROM personal WHERE version_id = ?", target.id));
      SILLOK_TRY(db_.run("DELETE FROM question_proposals WHERE version_id = ?", target.id));
      SILLOK_TRY(db_.run("DELETE FROM asked_passages WHERE version_id = ?", target.id));
      SILLOK_TRY(db_.run("UPDATE versions SET title = '', format = '', url = '', source_path = '', blob = '', "
                         "content_hash = '', document_number = '', message_id = '', erased = 1, change = ? "
                         "WHERE id = ?",
                         committer_.take_change(), target.id));
    }
    return {};
  }

  Status bury_key(const Target& target, const std::string& file_hash, Micros now) {
    return db_.run("INSERT OR IGNORE INTO tombstones(key, content_hash, file_hash, erased_at) VALUES(?, ?, ?, ?)",
                   target.key, target.content_hash, file_hash, now);
  }

  Archive::State& state_;
  Database& db_;
  BlobStore blobs_;
  Committer committer_;
  std::vector<Target> targets_;
  std::set<int64_t> records_;
  std::map<std::string, std::string> rewritten_;  // blob before -> after
};

}  // namespace

std::string blank_lines(std::string_view text, const std::set<uint32_t>& lines) {
  std::string out;
  out.reserve(text.size());
  uint32_t line = 1;
  for (size_t at = 0; at < text.size(); ++line) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const size_t next = std::min(end + 1, text.size());
    const size_t from = lines.contains(line) ? end : at;
    out += text.substr(from, next - from);
    at = next;
  }
  return out;
}

uint32_t line_of(const documents::Document& document) {
  return document.blocks.empty() ? 0 : document.blocks.front().anchor.line;
}

Result<EraseReport> Archive::erase(std::string_view record) {
  SILLOK_ASSIGN(const FileLock lock, state_->lock());
  SILLOK_ASSIGN(Database db, Database::open(state_->database_path(), Database::Mode::kExisting));
  SILLOK_TRY(finish_interrupted(*state_, db));
  return Erasure(*state_, db).run(std::string(record));
}

}  // namespace sillok::archive
