#include "archive/commit.h"

#include <algorithm>

#include "archive/link_store.h"

namespace sillok::archive {
namespace {

constexpr size_t kMaxKeyBytes = 1024;

// "mail/3.eml" and "첨부.xlsx" to "mail/3.eml/첨부.xlsx".
std::string member_key(const std::string& name, std::string_view part) {
  if (part.empty()) return name;
  while (part.starts_with('/')) part.remove_prefix(1);
  return name + "/" + std::string(part);
}

std::string part_path(const std::string& path, const std::string& part) {
  return part.empty() ? path : path + "::" + part;
}

std::string fallback_title(const Source& source, const ReadItem& item) {
  return item.part.empty() ? fs::path(source.path).filename().string()
                           : fs::path(item.part).filename().string();
}

}  // namespace

std::string hash_content(const documents::Document& document, std::string_view encoded) {
  if (document.meta.format != "jsonl" && document.meta.format != "mbox") return sha256_hex(encoded);
  documents::Document anywhere = document;
  for (documents::Block& block : anywhere.blocks) {
    block.anchor.line = 0;
    for (documents::Row& row : block.table.rows) row.line = 0;
  }
  return sha256_hex(documents::encode(anywhere));
}

Status Committer::load_change() {
  SILLOK_ASSIGN(change_, db_.integer_or(0, "SELECT max(change) FROM versions"));
  return {};
}

// ---------------------------------------------------------------------------------------------
// One item

Result<std::string> Committer::record_key(const Source& source, const ReadItem& item) {
  const documents::Metadata& meta = item.document.meta;
  if (!source.record.empty()) return source.record;
  const bool mail = meta.format == "eml" || meta.format == "mbox" || !meta.message_id.empty();
  if (!mail && !meta.identity.empty()) return meta.identity;
  if (!mail && !meta.document_number.empty() &&
      (!meta.revision.empty() || !meta.effective_from.empty())) {
    return meta.document_number;
  }
  std::string key = member_key(source.name, item.part);
  const auto parent = parent_keys_.find(item.parent);
  if (parent != parent_keys_.end() && item.part.size() > item.parent.size() &&
      item.part.starts_with(item.parent)) {
    key = member_key(parent->second, item.part.substr(item.parent.size()));
  }
  if (mail && !meta.message_id.empty()) {
    SILLOK_ASSIGN(const std::string known,
                  db_.text_or("",
                              "SELECT key FROM versions JOIN records ON records.id = record_id "
                              "WHERE message_id = ? AND message_id <> '' ORDER BY versions.id LIMIT 1",
                              meta.message_id));
    if (!known.empty() && known != key) parent_keys_[item.part] = known;
    if (!known.empty()) return known;
  }
  return key;
}

Result<Committer::Stated> Committer::stated_dates(const Source& source,
                                                  const documents::Metadata& meta) const {
  Stated stated{source.effective_from, source.effective_to};
  if (stated.from == kDayMin && !meta.effective_from.empty()) {
    auto day = parse_day(meta.effective_from);
    if (!day) return fail(day.error().in("effective date"));
    stated.from = *day;
  }
  if (stated.to == kDayMax && !meta.effective_to.empty()) {
    auto day = parse_day(meta.effective_to);
    if (!day) return fail(day.error().in("last effective date"));
    stated.to = *day;
  }
  if (stated.to != kDayMax) ++stated.to;  // Stated as the last day; kept as the day after.
  if (stated.to <= stated.from) {
    return fail(ErrorCode::kInvalid, "its last effective day " + format_day(stated.to - 1) +
                                         " is before its first, " + format_day(stated.from));
  }
  return stated;
}

Result<std::string> Committer::tombstone(const std::string& key, const std::string& content_hash) {
  SILLOK_ASSIGN(const int64_t at,
                db_.integer_or(0, "SELECT erased_at FROM tombstones WHERE key = ? AND content_hash = ?",
                               key, content_hash));
  if (at == 0) return std::string();
  return "erased on " + format_micros(at).substr(0, 10) + "; it is not kept again";
}

Result<std::string> Committer::erased_file(const std::string& file_hash) {
  SILLOK_ASSIGN(const int64_t at,
                db_.integer_or(0,
                               "SELECT erased_at FROM tombstones WHERE file_hash = ? AND file_hash <> ''",
                               file_hash));
  if (at == 0) return std::string();
  return "erased on " + format_micros(at).substr(0, 10) + "; it is not kept again";
}

Result<int64_t> Committer::record_id(const std::string& key, bool& created) {
  SILLOK_ASSIGN(const int64_t id, db_.integer_or(0, "SELECT id FROM records WHERE key = ?", key));
  created = id == 0;
  if (id != 0) return id;
  SILLOK_TRY(db_.run("INSERT INTO records(key) VALUES(?)", key));
  return db_.last_insert_id();
}

// An item is an existing version again if content and stated dates are equal and that version is what
// this file shows, or the record's newest, or has a stated date under which it is in force. Otherwise equal
// content is a return to an earlier state, and a version of its own.
Result<Committer::Match> Committer::find_match(int64_t record_id, const Source& source,
                                               const ReadItem& item, const Stated& stated) {
  SILLOK_ASSIGN(Cursor rows,
                db_.query("SELECT v.id, v.ended, v.valid_from, v.valid_to, "
                          "v.number = (SELECT max(number) FROM versions WHERE record_id = v.record_id), "
                          "EXISTS(SELECT 1 FROM items WHERE source_id = ?1 AND version_id = v.id) "
                          "FROM versions v WHERE v.record_id = ?2 AND v.content_hash = ?3 "
                          "AND v.stated_from = ?4 AND v.stated_to = ?5 "
                          "AND v.erased = 0 ORDER BY v.number DESC",
                          source.id, record_id, item.content_hash, stated.from, stated.to));
  for (;;) {
    SILLOK_ASSIGN(const bool more, rows.next());
    if (!more) return Match{};
    const Day ended = rows.day(1), from = rows.day(2), to = rows.day(3);
    const bool newest = rows.integer(4) != 0, shown = rows.integer(5) != 0;
    if (!newest && !shown && (stated.from == kDayMin || to <= from)) continue;
    Match match{rows.integer(0)};
    if (ended != kDayMax) {
      match.from_today = to == ended && ended < environment_.today();
      match.reopen = !match.from_today;
    }
    return match;
  }
}

Result<ItemResult> Committer::item(Source& source, const std::string& blob, const ReadItem& item) {
  const auto refused = [](std::string reason) {
    return ItemResult{Outcome::kRefused, false, false, std::move(reason)};
  };
  const documents::Metadata& meta = item.document.meta;
  if (!source.record.empty() && items_of_source_ > 0) {
    return refused("the file holds more than one record, so it cannot be given the key '" +
                   source.record + "'");
  }
  SILLOK_ASSIGN(const std::string key, record_key(source, item));
  if (key.size() > kMaxKeyBytes) return refused("its key is longer than 1024 bytes");
  const auto stated = stated_dates(source, meta);
  if (!stated) return refused(stated.error().message);
  SILLOK_ASSIGN(const int64_t known, db_.integer_or(0, "SELECT id FROM records WHERE key = ?", key));
  const auto label = label_of(source, item, known);
  if (!label) return refused(label.error().message);
  SILLOK_ASSIGN(std::string gone, tombstone(key, item.content_hash));
  if (!gone.empty()) return ItemResult{Outcome::kRefused, false, true, std::move(gone)};

  bool created = false;
  SILLOK_ASSIGN(const int64_t record, record_id(key, created));
  ++items_of_source_;
  Match match;
  if (!created) {
    SILLOK_ASSIGN(match, find_match(record, source, item, *stated));
  }
  if (match.id != 0 && !match.from_today) {
    if (match.reopen) {
      SILLOK_TRY(db_.run("UPDATE versions SET ended = ?, source_path = ?, change = ? WHERE id = ?", kDayMax,
                         part_path(source.path, item.part), ++change_, match.id));
      SILLOK_TRY(refresh_interval(match.id));
    }
    SILLOK_TRY(show(source, match.id, item.part));
    SILLOK_TRY(raise_version(match.id, *label));
    SILLOK_TRY(remember_label(item, match.id));
    return ItemResult{match.reopen ? Outcome::kUpdated : Outcome::kUnchanged, false, false, ""};
  }
  Version version;
  version.record = key;
  version.label = settings_.govern.lattice.text(label->label);
  version.label_reason = label->reason;
  version.blob = blob;
  version.valid_from = stated->from;
  if (!created && (stated->from == kDayMin || match.from_today)) {
    version.valid_from = std::max(stated->from, environment_.today());
  }
  SILLOK_TRY(insert_version(version, record, *stated, item, source));
  return ItemResult{created ? Outcome::kAdded : Outcome::kUpdated, true, false, ""};
}

Status Committer::insert_version(const Version& version, int64_t record_id, const Stated& stated,
                                 const ReadItem& item, const Source& source) {
  const documents::Metadata& meta = item.document.meta;
  const std::string title = meta.title.empty() ? fallback_title(source, item) : meta.title;
  SILLOK_ASSIGN(
      const int64_t number,
      db_.integer_or(1, "SELECT ifnull(max(number), 0) + 1 FROM versions WHERE record_id = ?", record_id));
  SILLOK_TRY(db_.run(
      "INSERT INTO versions(record_id, number, title, format, label, label_reason, url, source_path, blob, content_hash, "
      "document_number, message_id, stated_from, stated_to, ended, valid_from, valid_to, recorded, change) "
      "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      record_id, number, title, meta.format, version.label, version.label_reason, meta.url, part_path(source.path, item.part),
      version.blob, item.content_hash, meta.document_number, meta.message_id, stated.from, stated.to, kDayMax,
      version.valid_from, stated.to, environment_.now(), ++change_));
  const int64_t id = db_.last_insert_id();
  SILLOK_TRY(db_.run("INSERT INTO contents(version_id, document) VALUES(?, ?)", id, Bytes{item.encoded}));
  SILLOK_TRY(show(source, id, item.part));
  if (number > 1) {
    SILLOK_TRY(refresh_interval(id));
    SILLOK_ASSIGN(const int64_t previous,
                  db_.integer_or(0,
                                 "SELECT id FROM versions WHERE record_id = ?1 AND "
                                 "(valid_from, number) < (?2, ?3) "
                                 "ORDER BY valid_from DESC, number DESC LIMIT 1",
                                 record_id, version.valid_from, number));
    if (previous != 0) SILLOK_TRY(refresh_interval(previous));
    SILLOK_ASSIGN(const int64_t mixed, db_.integer_or(0, "SELECT EXISTS(SELECT 1 FROM versions WHERE record_id = ? AND label <> ?)",
                                                      record_id, version.label));
    if (mixed != 0) SILLOK_TRY(touch_record(record_id));
  }
  for (const PersonalPlace& place : item.personal) {
    SILLOK_TRY(db_.run("INSERT INTO personal(version_id, kind, anchor, count) VALUES(?, ?, ?, ?) "
                       "ON CONFLICT DO UPDATE SET count = count + excluded.count",
                       id, static_cast<int64_t>(place.kind), place.anchor, place.count));
  }
  SILLOK_TRY(remember_label(item, id));
  Version stored = version;
  stored.id = id;
  stored.number = static_cast<uint32_t>(number);
  stored.title = title;
  stored.format = meta.format;
  stored.url = meta.url;
  LinkContext context;
  if (!item.part.empty()) {
    const auto parent = parent_keys_.find(item.parent);
    context.parent_record = parent != parent_keys_.end() ? parent->second
                                                         : member_key(source.name, item.parent);
  }
  stored.source_path = part_path(source.path, item.part);
  return store_links(db_, stored, item.document, context);
}

Status Committer::show(const Source& source, int64_t version_id, const std::string& part) {
  return db_.run(
      "INSERT INTO items(source_id, version_id, part, generation) VALUES(?, ?, ?, ?) "
      "ON CONFLICT DO UPDATE SET part = excluded.part, generation = excluded.generation",
      source.id, version_id, part, source.generation);
}

// valid_to = the earliest of: the next version's valid_from, the stated end, the day its last source
// vanished; never before valid_from. The next version is that with the next (valid_from, number).
Status Committer::refresh_interval(int64_t version_id) {
  int64_t record = 0, number = 0;
  Day from = 0, to = 0, stated_to = 0, ended = 0;
  {
    SILLOK_ASSIGN(Cursor row, db_.query("SELECT record_id, number, valid_from, valid_to, stated_to, ended "
                                        "FROM versions WHERE id = ?",
                                        version_id));
    SILLOK_ASSIGN(const bool found, row.next());
    if (!found) return fail(ErrorCode::kInternal, "version " + std::to_string(version_id) + " is gone");
    record = row.integer(0);
    number = row.integer(1);
    from = row.day(2);
    to = row.day(3);
    stated_to = row.day(4);
    ended = row.day(5);
  }
  SILLOK_ASSIGN(const int64_t next,
                db_.integer_or(kDayMax,
                               "SELECT valid_from FROM versions WHERE record_id = ?1 AND "
                               "(valid_from, number) > (?2, ?3) ORDER BY valid_from, number LIMIT 1",
                               record, from, number));
  const Day wanted = std::max(from, std::min({static_cast<Day>(next), stated_to, ended}));
  if (wanted == to) return {};
  return db_.run("UPDATE versions SET valid_to = ?, change = ? WHERE id = ?", wanted, ++change_, version_id);
}

}  // namespace sillok::archive
