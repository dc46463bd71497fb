// What somebody may see of the archive. The versions that he does not see are left out first; then intervals and numbers are
// those of what is left, and every question is answered from that.
#include <algorithm>
#include <set>

#include "archive/link_store.h"
#include "archive/state.h"

namespace sillok::archive {
namespace {

constexpr uint64_t kListed = 100'000;  // failures

tl::unexpected<Error> no_version(int64_t version_id) {
  return fail(ErrorCode::kNotFound, "there is no version " + std::to_string(version_id));
}

// Leaves out what is not seen; `versions` are all of a record, by valid_from, then number.
std::vector<Version> left_to(const View& view, std::vector<Version> versions) {
  std::erase_if(versions, [&](const Version& version) { return !view.sees(version); });
  std::vector<uint32_t> numbers;
  for (const Version& version : versions) numbers.push_back(version.number);
  std::sort(numbers.begin(), numbers.end());
  for (size_t i = 0; i < versions.size(); ++i) {
    Version& version = versions[i];
    version.number = static_cast<uint32_t>(std::lower_bound(numbers.begin(), numbers.end(), version.number) - numbers.begin()) + 1;
    // The file's hash depends on the records beside it.
    if (version.source_path.find("::") != std::string::npos) version.blob.clear();
    const Day next = i + 1 < versions.size() ? versions[i + 1].valid_from : kDayMax;
    version.valid_to = std::max(version.valid_from, std::min(version.own_to, next));
    version.history.reset();
  }
  return versions;
}

}  // namespace

bool View::sees(std::string_view label) const {
  return !clearance_ || archive_->settings().lattice.dominates(*clearance_, label);
}

std::string View::allowed() const {
  std::string out;
  Reading db(*archive_->state_);
  if (!db.open()) return "[]";
  // Jumps from label to label in the index: as many steps as there are labels.
  auto rows = db->query("WITH RECURSIVE t(label) AS (SELECT min(label) FROM versions UNION ALL "
                        "SELECT (SELECT min(label) FROM versions WHERE label > t.label) FROM t WHERE t.label IS NOT NULL) "
                        "SELECT label FROM t WHERE label IS NOT NULL");
  while (rows) {
    const auto more = rows->next();
    if (!more || !*more) break;
    if (sees(rows->view(0))) out += (out.empty() ? "" : ",") + json_quote(rows->view(0));
  }
  return "[" + out + "]";
}

Result<Version> View::version(int64_t version_id) const {
  SILLOK_ASSIGN(Version found, archive_->version(version_id));
  if (sees_all()) return found;
  if (!sees(found)) return no_version(version_id);
  for (Version& version : versions(found.record)) {
    if (version.id == version_id) return std::move(version);
  }
  return no_version(version_id);
}

Result<documents::Document> View::document(int64_t version_id) const {
  if (!sees_all()) SILLOK_TRY(version(version_id));
  return archive_->document(version_id);
}

std::vector<Version> View::versions(std::string_view record) const {
  std::vector<Version> all = archive_->versions(record);
  return sees_all() ? all : left_to(*this, std::move(all));
}

Result<Version> View::version_as_of(std::string_view record, Day day) const {
  if (sees_all()) return archive_->version_as_of(record, day);
  std::vector<Version> seen = versions(record);
  // In the words of Archive::version_as_of.
  if (seen.empty()) return fail(ErrorCode::kNotFound, "there is no record '" + std::string(record) + "'");
  const auto after = std::partition_point(seen.begin(), seen.end(), [&](const Version& v) { return v.valid_from <= day; });
  if (after == seen.begin()) {
    return fail(ErrorCode::kNotFound,
                "record '" + std::string(record) + "' is in force only from " + format_day(seen.front().valid_from));
  }
  Version& version = *std::prev(after);
  if (version.valid_to <= day && day != kDayMax) {
    return fail(ErrorCode::kNotFound,
                "record '" + std::string(record) + "' is in force only until " + format_day(version.valid_to - 1));
  }
  return std::move(version);
}

std::vector<std::string> View::records(std::string_view after, size_t limit) const {
  if (sees_all()) return archive_->records(after, limit);
  std::vector<std::string> keys;
  const std::string labels = allowed();
  Reading db(*archive_->state_);
  if (!db.open()) return keys;
  auto rows = db->query("SELECT r.key FROM records r WHERE r.key > ?1 AND EXISTS(SELECT 1 FROM versions v WHERE "
                        "v.record_id = r.id AND v.id <= ?4 AND v.label IN (SELECT value FROM json_each(?3))) "
                        "ORDER BY r.key LIMIT ?2",
                        after, limit, labels, up_to_);
  while (rows) {
    const auto more = rows->next();
    if (!more || !*more) break;
    keys.push_back(rows->text(0));
  }
  return keys;
}

uint64_t View::record_count() const {
  if (sees_all()) return archive_->record_count();
  const std::string labels = allowed();
  Reading db(*archive_->state_);
  if (!db.open()) return 0;
  return static_cast<uint64_t>(
      db->integer_or(0, "SELECT count(DISTINCT record_id) FROM versions WHERE label IN (SELECT value FROM json_each(?)) AND id <= ?",
                     labels, up_to_)
          .value_or(0));
}

uint64_t View::version_count() const {
  if (sees_all()) return archive_->version_count();
  const std::string labels = allowed();
  Reading db(*archive_->state_);
  if (!db.open()) return 0;
  return static_cast<uint64_t>(
      db->integer_or(0, "SELECT count(*) FROM versions WHERE label IN (SELECT value FROM json_each(?)) AND id <= ?", labels, up_to_)
          .value_or(0));
}

Result<std::string> View::original(int64_t version_id) const {
  SILLOK_ASSIGN(const Version found, version(version_id));
  const size_t inside = found.source_path.find("::");
  if (inside == std::string::npos) return archive_->original(version_id);
  // Of a file with several records, this one's part: the others have labels of their own.
  auto part = archive_->part(version_id);
  if (part || (part.error().code != ErrorCode::kNotFound && part.error().code != ErrorCode::kUnsupported)) return part;
  if (!clearance_) return archive_->original(version_id);  // whoever sees all may have the whole
  return fail(ErrorCode::kNotFound, "'" + found.record + "' is part of a file with other records, of which no copy is given out");
}

std::vector<Link> View::links(std::string_view record, Day day) const {
  const std::vector<Version> seen = versions(record);
  const auto found = version_as_of(record, day);
  if (!found) return {};
  const Seen whose{allowed(), up_to_, &seen};
  Reading db(*archive_->state_);
  if (!db.open()) return {};
  return load_links(*db, *found, day, whose).value_or(std::vector<Link>());
}

std::vector<Failure> View::failures() const {
  if (sees_all()) return archive_->failures();
  std::vector<Failure> out;
  Reading db(*archive_->state_);
  if (!db.open()) return out;
  auto rows = db->query("SELECT path, part, reason, label FROM failures ORDER BY path, part LIMIT ?", kListed);
  while (rows) {
    const auto more = rows->next();
    if (!more || !*more) break;
    if (!sees(rows->view(3))) continue;
    const std::string part = rows->text(1);
    out.push_back({part.empty() ? rows->text(0) : rows->text(0) + "::" + part, rows->text(2)});
  }
  return out;
}

std::vector<PersonalPlace> View::personal(int64_t version_id) const {
  if (!sees_all() && !version(version_id)) return {};
  return archive_->personal(version_id);
}

}  // namespace sillok::archive
