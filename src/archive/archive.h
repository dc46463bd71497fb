// archive: the source of truth. Records and their versions, labels, original bytes, links.
//
// Contents: versions and links | labels and personal data | reading the archive | adding | erasing | checking |
//           a view of the archive for somebody
//
// A record is one thing an organisation keeps, known by its key. A version is one state of it; versions are
// never edited, only superseded. Content is acknowledged once committed to SQLite (WAL, synchronous FULL)
// after its blob is synced. Nothing here knows of passages or indexes: whoever derives from the archive
// follows its change feed.
//
// A record's key is, in this order: the key given with add; the identity its source names (JSONL id, front matter id,
// 법령ID); the document number, where a revision or effective date stands with it; the path relative to the folder
// added (a single file: its name), with "/part" for members and attachments, and with folders above in front if
// another file has that key already. A mail's key is its path, but a message (Message-ID) known already is that record.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/base.h"
#include "documents/documents.h"
#include "govern/govern.h"

namespace sillok::archive {

struct Environment;

// ---------------------------------------------------------------------------------------------
// Versions and links

// What somebody who may not see all of a record's versions needs to know of the others to find his own history in it.
// Only where the versions' labels differ.
struct History {
  struct Later { std::string label; Day from = kDayMin; };
  struct Before { std::string label; uint32_t versions = 0; };
  std::vector<Later> later;    // by label of the later versions: the first day that one of them is in force
  std::vector<Before> before;  // by label: versions recorded before this one
};

struct Version {
  int64_t id = 0;             // unique in this archive, ascending in order of recording
  std::string record;         // the record's key
  uint32_t number = 0;        // 1-based within the record, in order of recording
  std::string title;
  std::string format;         // as documents::Metadata::format
  std::string label;          // sensitivity label, "LEVEL" or "LEVEL:group,group"; never empty
  std::string label_reason;   // why it has this one: "given with add", "marking '대외비' in the header", ...
  std::string url;
  std::string source_path;    // where it was read from, absolute; with "::part" for a member or a JSONL line
  std::string blob;           // SHA-256 of the original file's bytes
  std::string content_hash;   // SHA-256 of the encoded document: equal content = the same version (the line
                              // of a JSONL record or mbox message in its file does not count)
  Day valid_from = kDayMin;   // first day in force; kDayMin where no date is known
  Day valid_to = kDayMax;     // day after the last in force: the next version's valid_from, the stated end,
                              // or the day the file vanished
  Day own_to = kDayMax;       // the same as far as no later version ends it
  Micros recorded = 0;        // when it was acknowledged
  bool erased = false;        // tombstone: content gone for good, metadata reduced to key, number, dates
  int64_t change = 0;         // value of the change counter when this row last changed
  std::optional<History> history;  // from changes_after and versions only
};

enum class LinkKind : uint8_t { kReference, kHyperlink, kReply, kAttachment, kSupersedes, kNearDuplicate };
std::string_view to_string(LinkKind kind);

struct Link {
  LinkKind kind = LinkKind::kReference;
  std::string from_record;
  int64_t from_version = 0;
  std::string from_anchor;  // where in the source the words stand
  std::string to_record;    // "" if the target is not in the archive
  std::string to_anchor;    // e.g. the target article's heading path; "" = the whole record
  std::string target;       // the target as written: "제3조제2항", "SOP-12 4.1", a URL
  std::string words;        // the words that prove it, verbatim from the source
  double weight = 1.0;      // near-duplicates: estimated Jaccard similarity
};

// ---------------------------------------------------------------------------------------------
// A home and its archive

struct AddOptions {
  std::string label;                    // label for everything added; "" = the source's own, else the home's default
  Day effective_from = kDayMin;         // first day in force; overrides the documents' own unless kDayMin
  Day effective_to = kDayMax;           // last day in force, likewise
  std::string record;                   // key for the record; only with a single file that gives a single item
  unsigned jobs = 0;                    // reader processes; 0 = one per core
  bool read_only_changed = true;        // false: read every file again though size, time and inode are unchanged
  documents::ReadLimits limits;
  std::function<void(uint64_t files_done, uint64_t files_total, uint64_t records)> progress;  // may be empty
};

struct Failure {
  std::string path;    // absolute; with "::part" for a member
  std::string reason;  // one line
};

struct AddReport {
  uint64_t added = 0, updated = 0, unchanged = 0;  // records (items of files), not files
  uint64_t moved = 0;                              // files found at a new path; their records stay
  uint64_t ended = 0;                              // records no longer in force because their file vanished
  uint64_t skipped = 0;   // left out by rule: hidden, "~$...", Thumbs.db, desktop.ini, links, devices, the home itself
  std::vector<Failure> failed;
};

struct EraseReport {
  uint64_t versions = 0, blobs = 0;
};

// A sensitivity label that the home knows (sillok.toml), e.g. {"O", "공개"}.
struct LabelName {
  std::string name;
  std::string title;
};

// A file or folder that was named to add, as it was named last: what a later refresh looks through again.
struct Root {
  std::string path;    // absolute
  std::string label;   // given with add; "" if none
};

// Personal data in a version: what and where, not the words.
struct PersonalPlace {
  govern::PersonalKind kind{};
  std::string anchor;
  uint32_t count = 0;
};

// A change of a record's label. One that does not lower any of its versions' labels holds at once; any other is a
// proposal, which a second person has to confirm.
struct LabelChange {
  int64_t proposal = 0;      // 0: it holds
  std::string record, from;  // `from`: the join of its versions' labels before
  std::string label, reason;
  std::string person;        // who proposed it
  Micros made = 0;
};

struct Problem {
  std::string what;    // one line: thing, place, remedy
};

// A file's name or a key as someone wrote it, in the form that keys of files have: valid UTF-8 without control
// characters, composed (NFC), as other systems write what macOS decomposes.
std::string key_from(std::string_view written);

class Archive {
 public:
  // Makes home/ with sillok.toml, archive.db, blobs/, index/, log/. kConflict if it is a home already;
  // kInvalid if the folder holds other things.
  static Status create(const fs::path& home);
  // kNotFound if home is none (says: run sillok init); kUnsupported if made by a newer program.
  static Result<Archive> open(const fs::path& home);
  // With readers and clocks of the caller's choice (archive/environment.h): for tests.
  static Result<Archive> open(const fs::path& home, Environment environment);
  Archive(Archive&&) noexcept;
  Archive& operator=(Archive&&) noexcept;
  ~Archive();

  const fs::path& home() const;
  const std::vector<LabelName>& labels() const;  // least sensitive first
  const govern::Settings& settings() const;

  // ---- reading; each call sees one consistent state
  int64_t last_change() const;
  int64_t last_version() const;                                      // id of the version recorded last; 0 if there is none
  // Versions whose row changed after `change`, in change order, each as it is now. Stops at the sink's error.
  Status changes_after(int64_t change, const std::function<Status(const Version&)>& sink) const;
  Result<documents::Document> document(int64_t version_id) const;   // kNotFound if erased
  Result<Version> version(int64_t version_id) const;
  std::vector<Version> versions(std::string_view record) const;     // by valid_from, then number; empty if unknown
  // The version in force on that day: the latest valid_from not after it, the later number among equals.
  Result<Version> version_as_of(std::string_view record, Day day) const;
  // Keys in byte order after `after`, at most `limit`: for listing.
  std::vector<std::string> records(std::string_view after, size_t limit) const;
  uint64_t record_count() const;
  uint64_t version_count() const;
  Result<std::string> original(int64_t version_id) const;           // bytes of the file it was read from
  // Of a version read from a container, the bytes of its own part: the attachment, not the mail. kNotFound where it has none (a record
  // of a JSON file), or is no part.
  Result<std::string> part(int64_t version_id) const;
  // Links from and to the record's version in force on `day`. Those that a clearance hides are View::links' to leave out.
  std::vector<Link> links(std::string_view record, Day day) const;
  std::vector<Failure> failures() const;                            // files that could not be read, still present
  std::vector<PersonalPlace> personal(int64_t version_id) const;    // found when it was added
  std::vector<LabelChange> proposals() const;                       // of lower labels, not decided, oldest first
  std::vector<Root> roots() const;                                  // outside the home; the deepest first

  // ---- writing; one writer per home (kConflict for a second)
  // Adds files and folders. What one call acknowledged survives kill -9; calling again goes on where it was.
  Result<AddReport> add(const std::vector<fs::path>& paths, const AddOptions& options);
  // Keeps calling add on the paths whenever something below them changes, until stop() is true.
  Status watch(const std::vector<fs::path>& paths, const AddOptions& options,
               const std::function<void(const AddReport&)>& after_each, const std::function<bool()>& stop);
  // Content of all versions of the record gone from archive and blobs; tombstones stay. Blobs shared with
  // other records (a JSONL line, a ZIP member) are rewritten without it or refused with the reason.
  Result<EraseReport> erase(std::string_view record);

  // Gives all versions of the record, and those to come at least, this label. See LabelChange.
  Result<LabelChange> label(std::string_view record, std::string_view label, std::string_view reason, std::string_view person);
  // Decides a proposal. kDenied for the person who made it; kConflict if the labels have risen since.
  Result<LabelChange> decide(int64_t proposal, bool confirm, std::string_view person);

  // ---- checking
  // SQLite's integrity, each blob against its hash (deep), orphans, half-done files. Empty = clean.
  std::vector<Problem> check(bool deep) const;

  struct State;  // private to the module (archive/state.h)

 private:
  friend class View;
  explicit Archive(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// ---------------------------------------------------------------------------------------------
// The archive as somebody may see it. Everything that reads for a person goes through one: what the clearance does not
// dominate is not there, in versions, intervals, numbers, lists, counts, links and error texts alike, exactly as in an
// archive from which it was deleted.

class View {
 public:
  // The archive must outlive the view. Without a clearance: everything. Thread-safe.
  // `up_to`: as if no version with a higher id had been recorded: an answer given earlier is asked for again so. Labels
  // and what was erased are those of today.
  View(const Archive& archive, std::optional<govern::Clearance> clearance, int64_t up_to = INT64_MAX)
      : archive_(&archive), clearance_(std::move(clearance)), up_to_(up_to) {}

  bool sees(std::string_view label) const;
  bool sees(const Version& version) const { return version.id <= up_to_ && sees(version.label); }
  const std::optional<govern::Clearance>& clearance() const { return clearance_; }
  const Archive& archive() const { return *archive_; }

  // As those of Archive.
  Result<documents::Document> document(int64_t version_id) const;
  Result<Version> version(int64_t version_id) const;
  std::vector<Version> versions(std::string_view record) const;
  Result<Version> version_as_of(std::string_view record, Day day) const;
  std::vector<std::string> records(std::string_view after, size_t limit) const;
  uint64_t record_count() const;
  uint64_t version_count() const;
  // Of a file with several records its own part (Archive::part). With a clearance never the whole, which holds what belongs to other
  // records, too: kNotFound where a record has no bytes of its own.
  Result<std::string> original(int64_t version_id) const;
  std::vector<Link> links(std::string_view record, Day day) const;
  std::vector<Failure> failures() const;
  std::vector<PersonalPlace> personal(int64_t version_id) const;

 private:
  std::string allowed() const;  // JSON list of the labels in the archive that it sees
  bool sees_all() const { return !clearance_ && up_to_ == INT64_MAX; }
  const Archive* archive_;
  std::optional<govern::Clearance> clearance_;
  int64_t up_to_;
};

}  // namespace sillok::archive
