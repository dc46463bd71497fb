// The archive's tables. A migration, once released, is never edited: a change is a new one at the end.
//
//   records       one row per key
//   versions      one row per version; never deleted. `change` is unique and rises with every change of a row
//   contents      the encoded document of a version; gone when the record is erased
//   sources       one row per file ever read; `present` = 0 once it vanished
//   items         which versions a present file shows now; a version whose last item goes is ended
//   failures      what could not be read, by file and part ('' = the whole file)
//   tombstones    what was erased and must not come back
//   link_sets     what links.cc found in a version's document, encoded (link_codec.cc)
//   link_targets  names by which a version's links call their targets
//   link_names    names that a record answers to since a version: title, document number, file name, Message-ID, URL
//   sketches      MinHash of a version's text; sketch_bands finds those alike
//   personal      personal data found in a version: kind and place, not the words
//   roots         files and folders that add was given, with the label given for them
//   label_proposals  lower labels that one person proposed and another has to confirm
//   question_proposals  questions with answers that a model drew from a passage, for a person to confirm (train/proposals.cc)
//   asked_passages   passages that a model was asked for a question about, kept or not
#include "archive/schema.h"

#include "archive/link_store.h"

namespace sillok::archive {
namespace {

// "SLLK": tells an archive from any other SQLite file.
constexpr int64_t kApplicationId = 0x534C4C4B;

constexpr const char* kMigrations[] = {
    // 1
    R"sql(
CREATE TABLE records(
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE);

CREATE TABLE versions(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  record_id INTEGER NOT NULL REFERENCES records(id),
  number INTEGER NOT NULL,
  title TEXT NOT NULL,
  format TEXT NOT NULL,
  label TEXT NOT NULL,
  url TEXT NOT NULL,
  source_path TEXT NOT NULL,
  blob TEXT NOT NULL,
  content_hash TEXT NOT NULL,
  document_number TEXT NOT NULL,
  message_id TEXT NOT NULL,
  stated_from INTEGER NOT NULL,   -- the first day as the option or the document says, else kDayMin
  stated_to INTEGER NOT NULL,     -- the day after the last, likewise, else kDayMax
  ended INTEGER NOT NULL,         -- the day its last source vanished, else kDayMax
  valid_from INTEGER NOT NULL,
  valid_to INTEGER NOT NULL,      -- derived: see Committer::refresh_interval
  recorded INTEGER NOT NULL,
  erased INTEGER NOT NULL DEFAULT 0,
  change INTEGER NOT NULL,
  UNIQUE(record_id, number));
CREATE UNIQUE INDEX versions_by_change ON versions(change);
CREATE INDEX versions_by_date ON versions(record_id, valid_from, number);
CREATE INDEX versions_by_content ON versions(record_id, content_hash);
CREATE INDEX versions_by_blob ON versions(blob);
CREATE INDEX versions_by_message ON versions(message_id) WHERE message_id <> '';
CREATE INDEX versions_by_document_number ON versions(document_number) WHERE document_number <> '';

CREATE TABLE contents(
  version_id INTEGER PRIMARY KEY REFERENCES versions(id),
  document BLOB NOT NULL);

CREATE TABLE sources(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  path TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,             -- the record key of the file itself; members append "/part"
  size INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL,      -- -1: changed too recently for the time to prove anything
  inode INTEGER NOT NULL,
  file_hash TEXT NOT NULL,        -- SHA-256 of the file as last read
  label TEXT NOT NULL,            -- given with add, '' if none; stays with the file
  effective_from INTEGER NOT NULL,
  effective_to INTEGER NOT NULL,
  record TEXT NOT NULL,           -- the key given with add, '' if none
  state INTEGER NOT NULL,         -- SourceState: 0 half read, 1 read, 2 could not be read
  present INTEGER NOT NULL,
  generation INTEGER NOT NULL,    -- how often it was read
  item_count INTEGER NOT NULL);
CREATE INDEX sources_by_hash ON sources(file_hash);
CREATE INDEX sources_by_name ON sources(name);

CREATE TABLE items(
  source_id INTEGER NOT NULL REFERENCES sources(id),
  version_id INTEGER NOT NULL REFERENCES versions(id),
  part TEXT NOT NULL,
  generation INTEGER NOT NULL,
  PRIMARY KEY(source_id, version_id)) WITHOUT ROWID;
CREATE INDEX items_by_version ON items(version_id);

CREATE TABLE failures(
  path TEXT NOT NULL,
  part TEXT NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY(path, part)) WITHOUT ROWID;

CREATE TABLE tombstones(
  key TEXT NOT NULL,
  content_hash TEXT NOT NULL,     -- '' if only the file is known
  file_hash TEXT NOT NULL,        -- of the whole file where all of it was erased, else ''
  erased_at INTEGER NOT NULL,
  PRIMARY KEY(key, content_hash, file_hash)) WITHOUT ROWID;
CREATE INDEX tombstones_by_file ON tombstones(file_hash) WHERE file_hash <> '';

CREATE TABLE links(
  from_version INTEGER NOT NULL REFERENCES versions(id),
  kind INTEGER NOT NULL,
  from_anchor TEXT NOT NULL,
  to_record TEXT NOT NULL,
  to_anchor TEXT NOT NULL,
  target TEXT NOT NULL,
  words TEXT NOT NULL,
  weight REAL NOT NULL);
CREATE INDEX links_by_source ON links(from_version);
CREATE INDEX links_by_target ON links(to_record) WHERE to_record <> '';
CREATE INDEX links_by_words ON links(target);
)sql",
    // 2: links as one value per version, resolved when they are read
    R"sql(
DROP TABLE links;
CREATE TABLE link_sets(
  version_id INTEGER PRIMARY KEY REFERENCES versions(id),
  data BLOB NOT NULL);
CREATE TABLE link_targets(
  name TEXT NOT NULL,
  version_id INTEGER NOT NULL REFERENCES versions(id),
  PRIMARY KEY(name, version_id)) WITHOUT ROWID;
CREATE INDEX link_targets_by_version ON link_targets(version_id);
CREATE TABLE link_names(
  name TEXT NOT NULL,
  record_id INTEGER NOT NULL REFERENCES records(id),
  PRIMARY KEY(name, record_id)) WITHOUT ROWID;
CREATE INDEX link_names_by_record ON link_names(record_id);
CREATE TABLE sketches(
  version_id INTEGER PRIMARY KEY REFERENCES versions(id),
  sketch BLOB NOT NULL);
CREATE TABLE sketch_bands(
  band INTEGER NOT NULL,
  version_id INTEGER NOT NULL REFERENCES versions(id),
  PRIMARY KEY(band, version_id)) WITHOUT ROWID;
)sql",
    // 3: labels with groups, why a version has its label, personal data; names by version, since labels are by version.
    // After it the names are found anew (rebuild_names).
    R"sql(
ALTER TABLE versions ADD COLUMN label_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE versions ADD COLUMN label_decided INTEGER NOT NULL DEFAULT 0;  -- by people: adding again leaves it
ALTER TABLE records ADD COLUMN label_floor TEXT NOT NULL DEFAULT '';       -- the least label of versions to come
ALTER TABLE failures ADD COLUMN label TEXT NOT NULL DEFAULT '';            -- '' = not known: seen by nobody with a clearance
CREATE INDEX versions_by_label ON versions(label, record_id);
CREATE TABLE personal(
  version_id INTEGER NOT NULL REFERENCES versions(id),
  kind INTEGER NOT NULL,
  anchor TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY(version_id, kind, anchor)) WITHOUT ROWID;
CREATE TABLE label_proposals(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  record_id INTEGER NOT NULL REFERENCES records(id),
  before TEXT NOT NULL,
  label TEXT NOT NULL,
  reason TEXT NOT NULL,
  person TEXT NOT NULL,
  made INTEGER NOT NULL,
  state INTEGER NOT NULL,         -- 0 open, 1 confirmed, 2 refused
  decided_by TEXT NOT NULL,
  decided INTEGER NOT NULL);
DROP TABLE link_names;
CREATE TABLE link_names(
  name TEXT NOT NULL,
  version_id INTEGER NOT NULL REFERENCES versions(id),
  PRIMARY KEY(name, version_id)) WITHOUT ROWID;
CREATE INDEX link_names_by_version ON link_names(version_id);
)sql",
    // 4: what was named to add
    R"sql(
CREATE TABLE roots(
  path TEXT PRIMARY KEY,
  label TEXT NOT NULL) WITHOUT ROWID;
)sql",
    // 5: questions that a model proposes. Here because erasing a record must take them along in its own transaction.
    R"sql(
CREATE TABLE question_proposals(
  id TEXT PRIMARY KEY,            -- of record and passage: tells nothing of other proposals
  version_id INTEGER NOT NULL REFERENCES versions(id),
  passage TEXT NOT NULL,
  question TEXT NOT NULL,
  answer TEXT NOT NULL,
  quote TEXT NOT NULL,            -- the sentence or row of the passage that says the answer
  anchor TEXT NOT NULL,           -- where that stands
  rank INTEGER NOT NULL,          -- of the record when the question is searched for
  model TEXT NOT NULL,            -- name and hash
  made INTEGER NOT NULL,
  state INTEGER NOT NULL,         -- 0 pending, 1 confirmed, 2 rejected
  measuring INTEGER NOT NULL,     -- confirmed as a gold question; else to teach with
  edited INTEGER NOT NULL,
  person TEXT NOT NULL,           -- who decided
  decided INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX question_proposals_by_version ON question_proposals(version_id);
CREATE INDEX question_proposals_by_state ON question_proposals(state, made, id);
CREATE TABLE asked_passages(
  passage TEXT NOT NULL,          -- as question_proposals.id
  model TEXT NOT NULL,
  version_id INTEGER NOT NULL REFERENCES versions(id),
  PRIMARY KEY(passage, model)) WITHOUT ROWID;
CREATE INDEX asked_passages_by_version ON asked_passages(version_id);
)sql",
};
constexpr int64_t kSchema = static_cast<int64_t>(std::size(kMigrations));

}  // namespace

Result<bool> needs_migration(Database& db) {
  SILLOK_ASSIGN(const int64_t schema, db.integer_or(0, "PRAGMA user_version"));
  if (schema > kSchema) {
    return fail(ErrorCode::kUnsupported,
                "this home was written by a newer sillok (archive format " + std::to_string(schema) +
                    ", this program knows " + std::to_string(kSchema) + "); use that or a later one");
  }
  SILLOK_ASSIGN(const int64_t application, db.integer_or(0, "PRAGMA application_id"));
  if (application == 0 && schema == 0) {
    // An archive has its tables before it has its name: this one has lost them.
    return fail(ErrorCode::kInvalid, "archive.db is damaged (it is empty); restore it from a backup");
  }
  if (application != kApplicationId) {
    return fail(ErrorCode::kInvalid, "archive.db is a database of another program; restore it from a backup");
  }
  return schema < kSchema;
}

Status migrate(Database& db) {
  Transaction transaction(db);
  SILLOK_TRY(transaction.begin());
  SILLOK_ASSIGN(const int64_t schema, db.integer_or(0, "PRAGMA user_version"));
  for (int64_t i = schema; i < kSchema; ++i) SILLOK_TRY(db.execute(kMigrations[i]));
  if (schema < 3) SILLOK_TRY(rebuild_names(db));
  SILLOK_TRY(db.execute("PRAGMA application_id = " + std::to_string(kApplicationId)));
  SILLOK_TRY(db.execute("PRAGMA user_version = " + std::to_string(kSchema)));
  return transaction.commit();
}

}  // namespace sillok::archive
