#include "archive/link_store.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <set>

#include "archive/near_duplicates.h"
#include "archive/references.h"
#include "text/text.h"

namespace sillok::archive {
namespace {

using documents::Document;

constexpr size_t kMaxSameName = 4;          // a name that more records answer to is a form's, not a record's
constexpr int64_t kMaxIncoming = 10'000;    // versions whose links are looked through for one record
constexpr int64_t kMaxCandidates = 2'000;   // versions that share a band with one
constexpr size_t kMaxNearDuplicates = 50;   // listed, the most similar ones
constexpr size_t kMaxSentences = 60;        // compared for the words that prove a near-duplicate
constexpr size_t kMaxProof = 300;           // code points of such a sentence

// Of a version `v`: in force on a day among the versions that are seen. ?9: their labels, ?8: the day, ?7: their highest id.
constexpr std::string_view kInForce =
    "v.id <= ?7 AND v.label IN (SELECT value FROM json_each(?9)) AND v.valid_from <= ?8 AND ?8 < min(v.stated_to, v.ended) AND NOT EXISTS("
    "SELECT 1 FROM versions w WHERE w.record_id = v.record_id AND w.valid_from <= ?8 AND "
    "(w.valid_from, w.number) > (v.valid_from, v.number) AND w.id <= ?7 AND w.label IN (SELECT value FROM json_each(?9)))";

std::string sql_with(std::string text) {
  const auto replace = [&](std::string_view name, std::string_view by) {
    for (size_t at; (at = text.find(name)) != text.npos;) text.replace(at, name.size(), by);
  };
  replace("$IN_FORCE", kInForce);
  return text;
}

std::string_view bytes_of(const Sketch& sketch) {
  return {reinterpret_cast<const char*>(sketch.data()), sizeof(Sketch)};
}

std::optional<Sketch> sketch_from(std::string_view bytes) {
  if (bytes.size() != sizeof(Sketch)) return std::nullopt;
  Sketch out;
  std::memcpy(out.data(), bytes.data(), sizeof(Sketch));
  return out;
}

Status store_sketch(Database& db, int64_t version_id, const Document& document) {
  const auto found = sketch(document);
  if (!found) return {};
  SILLOK_TRY(db.run("INSERT OR REPLACE INTO sketches(version_id, sketch) VALUES(?, ?)", version_id,
                    Bytes{bytes_of(*found)}));
  for (const uint64_t key : band_keys(*found)) {
    SILLOK_TRY(db.run("INSERT OR IGNORE INTO sketch_bands(band, version_id) VALUES(?, ?)",
                      static_cast<int64_t>(key), version_id));
  }
  return {};
}

Status store_names(Database& db, const Version& version, const Document& document) {
  for (const std::string& name : names_of(version, document)) {
    SILLOK_TRY(db.run("INSERT OR IGNORE INTO link_names(name, version_id) VALUES(?, ?)", name, version.id));
  }
  return {};
}

// One call of load_links: what it has looked up already.
class Loader {
 public:
  Loader(Database& db, const Version& version, Day day, const Seen& seen)
      : db_(db), version_(version), day_(day), seen_(seen) {}

  Result<std::vector<Link>> run() {
    SILLOK_TRY(outgoing());
    SILLOK_TRY(supersedes());
    SILLOK_TRY(near_duplicates());
    SILLOK_TRY(incoming());
    return std::move(out_);
  }

 private:
  Status outgoing();
  Status supersedes();
  Status near_duplicates();
  Status incoming();
  Result<std::vector<std::string>> records_called(const std::string& name);
  Result<std::vector<std::string>> targets(const FoundLink& link);
  Result<std::string> section_anchor(const std::string& record, const std::string& section);
  // The version of the record that he sees in force; 0 if there is none.
  Result<int64_t> in_force(const std::string& record);
  Result<std::optional<Document>> document(int64_t version_id);
  Result<std::vector<FoundLink>> stored(int64_t version_id);
  Result<std::string> shared_words(const std::vector<std::string>& sentences, int64_t other);
  static Link plain(const FoundLink& found, const std::string& record, int64_t version_id);

  Database& db_;
  const Version& version_;
  const Day day_;
  const Seen& seen_;
  std::vector<Link> out_;
  std::map<std::string, std::vector<std::string>> called_;
  std::map<std::string, std::optional<Outline>> outlines_;
};

Link Loader::plain(const FoundLink& found, const std::string& record, int64_t version_id) {
  Link link;
  link.kind = found.kind;
  link.from_record = record;
  link.from_version = version_id;
  link.from_anchor = documents::to_string(found.from);
  link.target = found.target;
  link.words = found.words;
  return link;
}

Result<std::vector<std::string>> Loader::records_called(const std::string& name) {
  if (const auto known = called_.find(name); known != called_.end()) return known->second;
  std::vector<std::string> keys;
  if (name.starts_with('=')) {
    static const std::string sql = sql_with(
        "SELECT r.key FROM records r WHERE r.key = ?1 AND EXISTS(SELECT 1 FROM versions v WHERE v.record_id = r.id AND "
        "v.id <= ?3 AND v.label IN (SELECT value FROM json_each(?2)))");
    SILLOK_ASSIGN(const std::string key, db_.text_or("", sql, std::string_view(name).substr(1), seen_.allowed, seen_.up_to));
    if (!key.empty()) keys.push_back(key);
  } else {
    SILLOK_ASSIGN(Cursor rows, db_.query("SELECT DISTINCT r.key FROM link_names n JOIN versions v ON v.id = n.version_id "
                                         "JOIN records r ON r.id = v.record_id WHERE n.name = ?1 AND "
                                         "v.id <= ?4 AND v.label IN (SELECT value FROM json_each(?3)) ORDER BY r.key LIMIT ?2",
                                         name, kMaxSameName + 1, seen_.allowed, seen_.up_to));
    for (;;) {
      SILLOK_ASSIGN(const bool more, rows.next());
      if (!more) break;
      keys.push_back(rows.text(0));
    }
    if (keys.size() > kMaxSameName) keys.clear();
  }
  called_[name] = keys;
  return keys;
}

// The records that answer to the first of the link's names that any answers to.
Result<std::vector<std::string>> Loader::targets(const FoundLink& link) {
  for (const std::string& name : names_of(link)) {
    SILLOK_ASSIGN(std::vector<std::string> keys, records_called(name));
    if (!keys.empty()) return keys;
  }
  return std::vector<std::string>();
}

Result<std::optional<Document>> Loader::document(int64_t version_id) {
  SILLOK_ASSIGN(const std::string bytes,
                db_.text_or("", "SELECT document FROM contents WHERE version_id = ?", version_id));
  if (bytes.empty()) return std::optional<Document>();
  SILLOK_ASSIGN(Document decoded, documents::decode(bytes));
  return std::optional<Document>(std::move(decoded));
}

// Where the section stands in the record's version in force; "" if there is none.
Result<std::string> Loader::section_anchor(const std::string& record, const std::string& section) {
  if (section.empty()) return std::string();
  auto known = outlines_.find(record);
  if (known == outlines_.end()) {
    known = outlines_.emplace(record, std::nullopt).first;
    SILLOK_ASSIGN(const int64_t version, in_force(record));
    SILLOK_ASSIGN(const std::optional<Document> text, document(version));
    if (text) known->second.emplace(*text);
  }
  if (!known->second) return std::string();
  const Outline::Section* found = known->second->find(section);
  return found == nullptr ? std::string() : found->anchor;
}

Result<int64_t> Loader::in_force(const std::string& record) {
  static const std::string sql = sql_with(
      "SELECT v.id FROM versions v JOIN records r ON r.id = v.record_id WHERE r.key = ?1 AND $IN_FORCE "
      "ORDER BY v.valid_from DESC, v.number DESC LIMIT 1");
  // ?8 and ?9 by their number; what lies between is not used.
  return db_.integer_or(0, sql, record, 0, 0, 0, 0, 0, seen_.up_to, day_, seen_.allowed);
}

Result<std::vector<FoundLink>> Loader::stored(int64_t version_id) {
  SILLOK_ASSIGN(const std::string bytes,
                db_.text_or("", "SELECT data FROM link_sets WHERE version_id = ?", version_id));
  if (bytes.empty()) return std::vector<FoundLink>();
  return decode_links(bytes);
}

Status Loader::outgoing() {
  SILLOK_ASSIGN(const std::vector<FoundLink> links, stored(version_.id));
  for (const FoundLink& found : links) {
    Link link = plain(found, version_.record, version_.id);
    if (found.own) {
      link.to_record = version_.record;
      link.to_anchor = found.to_anchor;
      out_.push_back(std::move(link));
      continue;
    }
    SILLOK_ASSIGN(const std::vector<std::string> keys, targets(found));
    if (keys.empty() && found.certain) out_.push_back(link);
    for (const std::string& key : keys) {
      // Its own number, title or file name is no link, unless a section of it is meant.
      if (key == version_.record && (found.section.empty() || !found.certain)) continue;
      link.to_record = key;
      link.to_anchor.clear();
      if (!found.earlier) {
        SILLOK_ASSIGN(link.to_anchor, section_anchor(key, found.section));
      }
      out_.push_back(link);
    }
  }
  return {};
}

Status Loader::supersedes() {
  // In order of valid_from, then number: the one before it.
  const Version* before = nullptr;
  for (const Version& other : *seen_.versions) {
    if (std::tie(other.valid_from, other.number) < std::tie(version_.valid_from, version_.number)) before = &other;
  }
  if (before == nullptr) return {};
  Link link;
  link.kind = LinkKind::kSupersedes;
  link.from_record = link.to_record = version_.record;
  link.from_version = version_.id;
  const std::string day = format_day(before->valid_from);
  link.target = "version " + std::to_string(before->number) + (day.empty() ? "" : " (" + day + ")");
  link.words = version_.title;
  out_.push_back(std::move(link));
  return {};
}

// The first of the sentences, longest first, that the other document has, too.
Result<std::string> Loader::shared_words(const std::vector<std::string>& sentences, int64_t other) {
  SILLOK_ASSIGN(const std::optional<Document> text, document(other));
  if (!text) return std::string();
  const std::string whole = documents::to_text(*text);
  for (const std::string& sentence : sentences) {
    if (whole.find(sentence) != std::string::npos) return shorten(sentence, kMaxProof);
  }
  return std::string();
}

Status Loader::near_duplicates() {
  SILLOK_ASSIGN(const std::string bytes,
                db_.text_or("", "SELECT sketch FROM sketches WHERE version_id = ?", version_.id));
  const auto own = sketch_from(bytes);
  if (!own) return {};
  std::set<int64_t> candidates;
  for (const uint64_t key : band_keys(*own)) {
    static const std::string sql = sql_with(
        "SELECT b.version_id FROM sketch_bands b JOIN versions v ON v.id = b.version_id WHERE b.band = ?1 AND $IN_FORCE "
        "ORDER BY b.version_id LIMIT ?2");
    SILLOK_ASSIGN(Cursor rows, db_.query(sql, static_cast<int64_t>(key), kMaxCandidates, 0, 0, 0, 0, seen_.up_to, day_, seen_.allowed));
    for (;;) {
      SILLOK_ASSIGN(const bool more, rows.next());
      if (!more) break;
      candidates.insert(rows.integer(0));
    }
  }
  std::vector<std::pair<Link, int64_t>> found;
  for (const int64_t id : candidates) {
    SILLOK_ASSIGN(Cursor row, db_.query("SELECT r.key, s.sketch FROM sketches s JOIN versions v ON v.id = s.version_id "
                                        "JOIN records r ON r.id = v.record_id WHERE s.version_id = ?",
                                        id));
    SILLOK_ASSIGN(const bool there, row.next());
    const auto other = there ? sketch_from(row.view(1)) : std::nullopt;
    if (!other || row.text(0) == version_.record) continue;
    Link link;
    link.kind = LinkKind::kNearDuplicate;
    link.from_record = version_.record;
    link.from_version = version_.id;
    link.to_record = row.text(0);
    link.target = link.to_record;
    link.weight = similarity(*own, *other);
    if (link.weight >= kNearDuplicateSimilarity) found.emplace_back(std::move(link), id);
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return std::tie(b.first.weight, a.first.to_record, a.second) < std::tie(a.first.weight, b.first.to_record, b.second);
  });
  if (found.size() > kMaxNearDuplicates) found.resize(kMaxNearDuplicates);
  if (found.empty()) return {};
  SILLOK_ASSIGN(const std::optional<Document> text, document(version_.id));
  if (!text) return {};
  std::vector<std::string> sentences;
  const std::string whole = documents::to_text(*text);
  for (const text::Span span : text::sentences(whole)) {
    if (sentences.size() >= kMaxSentences) break;
    sentences.push_back(whole.substr(span.begin, span.end - span.begin));
  }
  std::stable_sort(sentences.begin(), sentences.end(),
                   [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
  for (auto& [link, id] : found) {
    SILLOK_ASSIGN(link.words, shared_words(sentences, id));
    out_.push_back(std::move(link));
  }
  return {};
}

Status Loader::incoming() {
  struct Source {
    std::string record;
    int64_t version = 0;
  };
  std::vector<Source> sources;
  {
    const std::string key = key_name(version_.record);
    static const std::string sql = sql_with(
        "SELECT DISTINCT r.key, v.id FROM (SELECT n.name FROM link_names n JOIN versions o ON o.id = n.version_id "
        "JOIN records p ON p.id = o.record_id WHERE p.key = ?1 AND o.id <= ?7 AND o.label IN (SELECT value FROM json_each(?9)) "
        "UNION SELECT ?2) m JOIN link_targets t ON t.name = m.name "
        "JOIN versions v ON v.id = t.version_id JOIN records r ON r.id = v.record_id "
        "WHERE r.key <> ?1 AND v.erased = 0 AND $IN_FORCE ORDER BY r.key, v.id LIMIT ?3");
    SILLOK_ASSIGN(Cursor rows,
                  db_.query(sql, version_.record, key, kMaxIncoming, 0, 0, 0, seen_.up_to, day_, seen_.allowed));
    for (;;) {
      SILLOK_ASSIGN(const bool more, rows.next());
      if (!more) break;
      sources.push_back({rows.text(0), rows.integer(1)});
    }
  }
  for (const Source& source : sources) {
    SILLOK_ASSIGN(const std::vector<FoundLink> links, stored(source.version));
    for (const FoundLink& found : links) {
      if (found.name.empty()) continue;
      SILLOK_ASSIGN(const std::vector<std::string> keys, targets(found));
      if (std::find(keys.begin(), keys.end(), version_.record) == keys.end()) continue;
      Link link = plain(found, source.record, source.version);
      link.to_record = version_.record;
      if (!found.earlier) {
        SILLOK_ASSIGN(link.to_anchor, section_anchor(version_.record, found.section));
      }
      out_.push_back(std::move(link));
    }
  }
  return {};
}

}  // namespace

std::string_view to_string(LinkKind kind) {
  switch (kind) {
    case LinkKind::kReference: return "reference";
    case LinkKind::kHyperlink: return "hyperlink";
    case LinkKind::kReply: return "reply";
    case LinkKind::kAttachment: return "attachment";
    case LinkKind::kSupersedes: return "supersedes";
    case LinkKind::kNearDuplicate: return "near-duplicate";
  }
  return "unknown";
}

Status rebuild_names(Database& db) {
  SILLOK_ASSIGN(Cursor rows, db.query("SELECT v.id, r.key, v.title, v.format, v.url, v.source_path, c.document FROM versions v "
                                      "JOIN records r ON r.id = v.record_id JOIN contents c ON c.version_id = v.id"));
  for (;;) {
    SILLOK_ASSIGN(const bool more, rows.next());
    if (!more) return {};
    Version version;
    version.id = rows.integer(0);
    version.record = rows.text(1);
    version.title = rows.text(2);
    version.format = rows.text(3);
    version.url = rows.text(4);
    version.source_path = rows.text(5);
    const auto document = documents::decode(rows.view(6));
    // A damaged document has no names; `doctor` tells of it.
    if (document) SILLOK_TRY(store_names(db, version, *document));
  }
}

Status store_links(Database& db, const Version& version, const Document& document, const LinkContext& context) {
  const std::vector<FoundLink> links = extract_links(version, document, context);
  if (!links.empty()) {
    const std::string data = encode_links(links);
    SILLOK_TRY(db.run("INSERT INTO link_sets(version_id, data) VALUES(?, ?)", version.id, Bytes{data}));
  }
  std::set<std::string> names, seen;
  for (const FoundLink& link : links) {
    if (!link.name.empty() && seen.insert((link.tail ? "+" : "-") + link.name).second) {
      for (std::string& name : names_of(link)) names.insert(std::move(name));
    }
  }
  for (const std::string& name : names) {
    SILLOK_TRY(db.run("INSERT OR IGNORE INTO link_targets(name, version_id) VALUES(?, ?)", name, version.id));
  }
  SILLOK_TRY(store_names(db, version, document));
  return store_sketch(db, version.id, document);
}

Status erase_links(Database& db, int64_t version_id) {
  {
    SILLOK_ASSIGN(const std::string bytes,
                  db.text_or("", "SELECT sketch FROM sketches WHERE version_id = ?", version_id));
    if (const auto own = sketch_from(bytes)) {
      for (const uint64_t key : band_keys(*own)) {
        SILLOK_TRY(db.run("DELETE FROM sketch_bands WHERE band = ? AND version_id = ?", static_cast<int64_t>(key),
                          version_id));
      }
    }
  }
  SILLOK_TRY(db.run("DELETE FROM sketches WHERE version_id = ?", version_id));
  SILLOK_TRY(db.run("DELETE FROM link_targets WHERE version_id = ?", version_id));
  SILLOK_TRY(db.run("DELETE FROM link_sets WHERE version_id = ?", version_id));
  return db.run("DELETE FROM link_names WHERE version_id = ?", version_id);
}

Result<std::vector<Link>> load_links(Database& db, const Version& version, Day day, const Seen& seen) {
  return Loader(db, version, day, seen).run();
}

}  // namespace sillok::archive
