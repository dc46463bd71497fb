// Private to archive: what one file's items become in the tables. All of it runs inside the caller's
// transaction, on the thread that owns the connection.
#pragma once

#include <map>
#include <unordered_map>

#include "archive/archive.h"
#include "archive/database.h"
#include "archive/environment.h"
#include "archive/settings.h"

namespace sillok::archive {

enum class SourceState : int64_t { kReading = 0, kRead = 1, kFailed = 2 };

// A row of `sources`: one file on disk.
struct Source {
  int64_t id = 0;  // 0 = not in the table yet
  std::string path, name;
  int64_t size = -1, mtime_ns = -1, inode = 0;
  std::string file_hash;
  std::string label;  // given with add, by its name; "" if none
  Day effective_from = kDayMin, effective_to = kDayMax;
  std::string record;
  SourceState state = SourceState::kReading;
  bool present = true;
  int64_t generation = 0;
  int64_t item_count = 0;
};

// An item that a reader gave, made ready off the committing thread.
struct ReadItem {
  std::string part, parent;
  documents::Document document;
  std::string encoded;
  std::string content_hash;
  std::vector<PersonalPlace> personal;
};

// Version::content_hash of a document. A line of a JSONL file or a message of an mbox is the same content wherever
// in its file it stands, so the line numbers of those do not count.
std::string hash_content(const documents::Document& document, std::string_view encoded);

enum class Outcome { kAdded, kUpdated, kUnchanged, kRefused };
struct ItemResult {
  Outcome outcome = Outcome::kRefused;
  bool inserted = false;   // a version was inserted: the file's bytes must be kept
  bool erased = false;     // refused because it was erased before
  std::string reason;      // for kRefused
};

class Committer {
 public:
  Committer(Database& db, const Settings& settings, const Environment& environment)
      : db_(db), settings_(settings), environment_(environment) {}

  // Call after each BEGIN: another process may have written in between.
  Status load_change();

  Result<std::optional<Source>> find_source(const std::string& path);
  // A present, fully read file with the same bytes, read under the same options; for a file never seen.
  Result<std::optional<Source>> find_duplicate(const Source& like);
  // Fully read files with these bytes of which nothing is left at their path: candidates for a move.
  Result<std::vector<Source>> gone_with_hash(const std::string& file_hash);
  Status present_sources(const std::function<void(Source&&)>& sink);
  // Chooses the name of a new source: `name`, or with more of the path in front if another file has it.
  Result<std::string> free_name(const std::string& name, const fs::path& path);

  // A file is about to be read (again): writes its row with state kReading.
  Status begin_source(Source& source);
  Result<ItemResult> item(Source& source, const std::string& blob, const ReadItem& item);
  Status part_failed(const Source& source, const std::string& part, const std::string& parent, const std::string& reason);
  // A mail or document and its parts have been given as items: nobody may see one of them before they have the label of all.
  Status settle_family(const Source& source);
  // The file was read to its end: what it no longer shows is ended.
  Status finish_source(Source& source, AddReport& report);
  // The file as a whole could not be read; what it showed before stands.
  Status source_failed(Source& source, const std::string& reason);
  Status write_source(Source& source);  // inserts or updates its row as it is
  Status duplicate(const Source& original, Source& copy);
  Status move(Source& source, const std::string& new_path);
  Status vanish(Source& source, AddReport& report);
  Result<std::string> erased_file(const std::string& file_hash);  // "erased on ...", "" if it was not
  Status failures_of(const std::string& path, std::vector<Failure>& out);
  // Files that showed a version which another file has moved on from; they want a record of their own.
  std::vector<std::string> take_reread() { return std::move(reread_); }

  int64_t take_change() { return ++change_; }
  // Every version of the record is new to those who follow the changes: where labels differ, what one of them is to
  // somebody depends on the others.
  Status touch_record(int64_t record_id);
  Status refresh_interval(int64_t version_id);

 private:
  struct Stated {
    Day from, to;
  };
  struct Match {
    int64_t id = 0;
    bool reopen = false;     // ended today or without effect: simply no longer ended
    bool from_today = false; // ended before today: a new version keeps the gap
  };
  Result<std::string> record_key(const Source& source, const ReadItem& item);
  Result<Stated> stated_dates(const Source& source, const documents::Metadata& meta) const;
  // A label and why. Private to labels.cc but for its result.
  struct Labelled {
    govern::Label label;
    std::string reason;
    void raise(const govern::Label& least, const std::string& why);
  };
  Result<Labelled> label_of(const Source& source, const ReadItem& item, int64_t record_id);
  void raise_by_rules(const std::string& path, Labelled& labelled) const;
  // Labels only rise; one that people decided on stays.
  Status raise_version(int64_t version_id, const Labelled& least);
  // A mail and its attachments, a document and what is embedded in it: the whole takes the join of its parts' labels,
  // since its original holds them, and the parts that of the whole.
  Status settle_parts(const Source& source, size_t first, size_t first_failed);
  Status raise_shown(const Source& source);
  Status remember_label(const ReadItem& item, int64_t version_id);
  Result<std::string> tombstone(const std::string& key, const std::string& content_hash);
  Result<Match> find_match(int64_t record_id, const Source& source, const ReadItem& item, const Stated& stated);
  Status insert_version(const Version& version, int64_t record_id, const Stated& stated,
                        const ReadItem& item, const Source& source);
  Status show(const Source& source, int64_t version_id, const std::string& part);
  Status drop_items(Source& source, AddReport& report, bool all);
  Status drop_version(int64_t version_id, AddReport& report);
  Result<int64_t> record_id(const std::string& key, bool& created);

  Database& db_;
  const Settings& settings_;
  const Environment& environment_;
  int64_t change_ = 0;
  std::map<std::string, std::string> parent_keys_;  // of the file being read: mail kept under another key
  struct PartLabel {
    std::string part, parent;
    int64_t version = 0;
    govern::Label label;
  };
  std::vector<PartLabel> part_labels_;                               // of the file being read
  std::unordered_map<std::string, size_t> part_index_;               // of part_labels_, by part
  std::vector<std::pair<std::string, std::string>> failed_parts_;    // part, parent
  size_t settled_ = 0, settled_failed_ = 0;                          // of part_labels_ and failed_parts_, those of families before
  uint64_t items_of_source_ = 0;
  std::vector<std::string> reread_;
};

}  // namespace sillok::archive
