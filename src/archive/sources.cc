// The Committer's part that deals with files: which are known, which moved, vanished or are twice there.
#include <algorithm>

#include "archive/commit.h"

namespace sillok::archive {
namespace {

constexpr std::string_view kColumns =
    "id, path, name, size, mtime_ns, inode, file_hash, label, effective_from, effective_to, record, state, present, "
    "generation, item_count";

Source read_source(const Cursor& row) {
  Source source;
  source.id = row.integer(0);
  source.path = row.text(1);
  source.name = row.text(2);
  source.size = row.integer(3);
  source.mtime_ns = row.integer(4);
  source.inode = row.integer(5);
  source.file_hash = row.text(6);
  source.label = row.text(7);
  source.effective_from = row.day(8);
  source.effective_to = row.day(9);
  source.record = row.text(10);
  source.state = static_cast<SourceState>(row.integer(11));
  source.present = row.integer(12) != 0;
  source.generation = row.integer(13);
  source.item_count = row.integer(14);
  return source;
}

Result<std::optional<Source>> first_source(Result<Cursor> rows) {
  if (!rows) return fail(rows.error());
  SILLOK_ASSIGN(const bool found, rows->next());
  if (!found) return std::nullopt;
  return read_source(*rows);
}

}  // namespace

Result<std::optional<Source>> Committer::find_source(const std::string& path) {
  static const std::string sql = "SELECT " + std::string(kColumns) + " FROM sources WHERE path = ?";
  return first_source(db_.query(sql, path));
}

Result<std::optional<Source>> Committer::find_duplicate(const Source& like) {
  static const std::string sql =
      "SELECT " + std::string(kColumns) +
      " FROM sources WHERE file_hash = ? AND label = ? AND effective_from = ? AND effective_to = ? AND record = '' "
      "AND state = 1 AND present = 1 AND item_count > 0 AND path <> ? ORDER BY id LIMIT 1";
  if (!like.record.empty()) return std::nullopt;
  return first_source(
      db_.query(sql, like.file_hash, like.label, like.effective_from, like.effective_to, like.path));
}

Result<std::vector<Source>> Committer::gone_with_hash(const std::string& file_hash) {
  static const std::string sql =
      "SELECT " + std::string(kColumns) + " FROM sources WHERE file_hash = ? AND state = 1 ORDER BY present DESC, id";
  SILLOK_ASSIGN(Cursor rows, db_.query(sql, file_hash));
  std::vector<Source> sources;
  for (;;) {
    SILLOK_ASSIGN(const bool more, rows.next());
    if (!more) break;
    Source source = read_source(rows);
    std::error_code error;
    const auto status = fs::symlink_status(source.path, error);
    if (status.type() == fs::file_type::not_found) sources.push_back(std::move(source));
  }
  return sources;
}

Status Committer::present_sources(const std::function<void(Source&&)>& sink) {
  static const std::string sql = "SELECT " + std::string(kColumns) + " FROM sources WHERE present = 1 ORDER BY path";
  SILLOK_ASSIGN(Cursor rows, db_.query(sql));
  for (;;) {
    SILLOK_ASSIGN(const bool more, rows.next());
    if (!more) return {};
    sink(read_source(rows));
  }
}

Result<std::string> Committer::free_name(const std::string& name, const fs::path& path) {
  const auto taken = [&](const std::string& candidate) {
    return db_.integer_or(0,
                          "SELECT EXISTS(SELECT 1 FROM sources WHERE name = ?1 AND path <> ?2) OR "
                          "EXISTS(SELECT 1 FROM records WHERE key = ?1)",
                          candidate, path.string());
  };
  // The folders above the name's own first part, innermost first: "b.txt", "plant/b.txt", "seoul/plant/b.txt".
  std::string candidate = name;
  fs::path above = path;
  for (auto depth = std::count(name.begin(), name.end(), '/'); depth >= 0; --depth) above = above.parent_path();
  for (;;) {
    SILLOK_ASSIGN(const int64_t is_taken, taken(candidate));
    if (is_taken == 0) return candidate;
    const std::string folder = clean_utf8(above.filename().string());
    if (folder.empty()) break;
    candidate = folder + "/" + candidate;
    above = above.parent_path();
  }
  for (int n = 2;; ++n) {
    const std::string numbered = candidate + " (" + std::to_string(n) + ")";
    SILLOK_ASSIGN(const int64_t is_taken, taken(numbered));
    if (is_taken == 0) return numbered;
  }
}

Status Committer::write_source(Source& source) {
  if (source.id == 0) {
    SILLOK_TRY(db_.run("INSERT INTO sources(path, name, size, mtime_ns, inode, file_hash, label, effective_from, "
                       "effective_to, record, state, present, generation, item_count) "
                       "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                       source.path, source.name, source.size, source.mtime_ns, source.inode, source.file_hash,
                       source.label, source.effective_from, source.effective_to, source.record,
                       static_cast<int64_t>(source.state), source.present, source.generation, source.item_count));
    source.id = db_.last_insert_id();
    return {};
  }
  return db_.run("UPDATE sources SET path = ?, size = ?, mtime_ns = ?, inode = ?, file_hash = ?, label = ?, "
                 "effective_from = ?, effective_to = ?, record = ?, state = ?, present = ?, generation = ?, "
                 "item_count = ? WHERE id = ?",
                 source.path, source.size, source.mtime_ns, source.inode, source.file_hash, source.label,
                 source.effective_from, source.effective_to, source.record, static_cast<int64_t>(source.state),
                 source.present, source.generation, source.item_count, source.id);
}

Status Committer::begin_source(Source& source) {
  parent_keys_.clear();
  part_labels_.clear();
  part_index_.clear();
  failed_parts_.clear();
  settled_ = settled_failed_ = 0;
  items_of_source_ = 0;
  if (source.id == 0 && source.name.empty()) return fail(ErrorCode::kInternal, "a source without a name");
  ++source.generation;
  source.state = SourceState::kReading;
  source.present = true;
  SILLOK_TRY(db_.run("DELETE FROM failures WHERE path = ?", source.path));
  return write_source(source);
}

// The label of what could not be read is that of the file it stands in, as far as that is known.
Status Committer::part_failed(const Source& source, const std::string& part, const std::string& parent,
                              const std::string& reason) {
  const govern::Lattice& lattice = settings_.govern.lattice;
  Labelled labelled{settings_.govern.default_label, ""};
  if (!source.label.empty()) {
    SILLOK_ASSIGN(labelled.label, lattice.parse(source.label));
  }
  raise_by_rules(source.path, labelled);
  if (!part.empty()) failed_parts_.emplace_back(part, parent);
  return db_.run("INSERT INTO failures(path, part, reason, label) VALUES(?, ?, ?, ?) "
                 "ON CONFLICT DO UPDATE SET reason = excluded.reason, label = excluded.label",
                 source.path, part, reason, lattice.text(labelled.label));
}

Status Committer::finish_source(Source& source, AddReport& report) {
  SILLOK_TRY(settle_parts(source, 0, 0));  // all: what was converted first came after the family it belongs to
  SILLOK_TRY(drop_items(source, report, false));
  source.state = SourceState::kRead;
  SILLOK_ASSIGN(source.item_count,
                db_.integer_or(0, "SELECT count(*) FROM items WHERE source_id = ?", source.id));
  return write_source(source);
}

Status Committer::source_failed(Source& source, const std::string& reason) {
  SILLOK_TRY(part_failed(source, "", "", reason));
  source.state = SourceState::kFailed;
  return write_source(source);
}

Status Committer::duplicate(const Source& original, Source& copy) {
  copy.generation = 1;
  copy.state = SourceState::kRead;
  copy.present = true;
  copy.item_count = original.item_count;
  SILLOK_TRY(write_source(copy));
  SILLOK_TRY(db_.run("INSERT OR IGNORE INTO failures(path, part, reason, label) "
                     "SELECT ?, part, reason, label FROM failures WHERE path = ?",
                     copy.path, original.path));
  SILLOK_TRY(db_.run("INSERT INTO items(source_id, version_id, part, generation) "
                     "SELECT ?, version_id, part, 1 FROM items WHERE source_id = ?",
                     copy.id, original.id));
  return raise_shown(copy);
}

// The rules for the path where a file's versions are shown now.
Status Committer::raise_shown(const Source& source) {
  Labelled least;
  raise_by_rules(source.path, least);
  if (least.label == govern::Label{}) return {};
  std::vector<int64_t> shown;
  {
    SILLOK_ASSIGN(Cursor rows, db_.query("SELECT version_id FROM items WHERE source_id = ? ORDER BY version_id", source.id));
    for (;;) {
      SILLOK_ASSIGN(const bool more, rows.next());
      if (!more) break;
      shown.push_back(rows.integer(0));
    }
  }
  for (const int64_t version : shown) SILLOK_TRY(raise_version(version, least));
  return {};
}

Status Committer::move(Source& source, const std::string& new_path) {
  // A row of a file that stood at the new path earlier and vanished gives way.
  SILLOK_TRY(db_.run("DELETE FROM sources WHERE path = ? AND present = 0 AND id <> ?", new_path, source.id));
  SILLOK_TRY(db_.run("UPDATE OR REPLACE failures SET path = ? WHERE path = ?", new_path, source.path));
  std::vector<std::pair<int64_t, std::string>> shown;
  {
    SILLOK_ASSIGN(Cursor rows, db_.query("SELECT version_id, part FROM items WHERE source_id = ?", source.id));
    for (;;) {
      SILLOK_ASSIGN(const bool more, rows.next());
      if (!more) break;
      shown.emplace_back(rows.integer(0), rows.text(1));
    }
  }
  for (const auto& [version, part] : shown) {
    SILLOK_TRY(db_.run("UPDATE versions SET source_path = ?, change = ? WHERE id = ?",
                       part.empty() ? new_path : new_path + "::" + part, ++change_, version));
  }
  source.path = new_path;
  SILLOK_TRY(write_source(source));
  return raise_shown(source);
}

Status Committer::vanish(Source& source, AddReport& report) {
  SILLOK_TRY(drop_items(source, report, true));
  SILLOK_TRY(db_.run("DELETE FROM failures WHERE path = ?", source.path));
  source.present = false;
  return write_source(source);
}

// Takes back what the file showed in an earlier reading (or all of it).
Status Committer::drop_items(Source& source, AddReport& report, bool all) {
  const int64_t keep = all ? -1 : source.generation;
  std::vector<int64_t> dropped;
  {
    SILLOK_ASSIGN(Cursor rows, db_.query("SELECT version_id FROM items WHERE source_id = ? AND generation <> ? "
                                         "ORDER BY version_id",
                                         source.id, keep));
    for (;;) {
      SILLOK_ASSIGN(const bool more, rows.next());
      if (!more) break;
      dropped.push_back(rows.integer(0));
    }
  }
  SILLOK_TRY(db_.run("DELETE FROM items WHERE source_id = ? AND generation <> ?", source.id, keep));
  for (const int64_t version : dropped) SILLOK_TRY(drop_version(version, report));
  return {};
}

// A version lost one of the files that show it. If another shows it too, that one is its source now, and is read
// again should the record have moved on: then it deserves a record of its own. If none does and no later version of
// the record is shown either, it has ended today.
Status Committer::drop_version(int64_t version_id, AddReport& report) {
  SILLOK_ASSIGN(const int64_t moved_on,
                db_.integer_or(0,
                               "SELECT EXISTS(SELECT 1 FROM versions v JOIN versions later ON "
                               "later.record_id = v.record_id AND later.number > v.number "
                               "JOIN items ON items.version_id = later.id WHERE v.id = ?)",
                               version_id));
  std::string other_path, part;
  {
    SILLOK_ASSIGN(Cursor rows, db_.query("SELECT path, part FROM items JOIN sources ON sources.id = source_id "
                                         "WHERE version_id = ? ORDER BY source_id LIMIT 1",
                                         version_id));
    SILLOK_ASSIGN(const bool shown, rows.next());
    if (shown) {
      other_path = rows.text(0);
      part = rows.text(1);
    }
  }
  if (!other_path.empty()) {
    if (moved_on != 0) reread_.push_back(other_path);
    return db_.run("UPDATE versions SET source_path = ?1, change = ?2 WHERE id = ?3 AND source_path <> ?1",
                   part.empty() ? other_path : other_path + "::" + part, ++change_, version_id);
  }
  if (moved_on != 0) return {};
  const Day today = environment_.today();
  SILLOK_ASSIGN(const int64_t in_force,
                db_.integer_or(0, "SELECT valid_to > ? FROM versions WHERE id = ? AND erased = 0", today, version_id));
  if (in_force != 0) ++report.ended;
  SILLOK_TRY(db_.run("UPDATE versions SET ended = ?, change = ? WHERE id = ? AND erased = 0", today, ++change_,
                     version_id));
  return refresh_interval(version_id);
}

Status Committer::failures_of(const std::string& path, std::vector<Failure>& out) {
  SILLOK_ASSIGN(Cursor rows, db_.query("SELECT part, reason FROM failures WHERE path = ? ORDER BY part", path));
  for (;;) {
    SILLOK_ASSIGN(const bool more, rows.next());
    if (!more) return {};
    const std::string part = rows.text(0);
    out.push_back({part.empty() ? path : path + "::" + part, rows.text(1)});
  }
}

}  // namespace sillok::archive
