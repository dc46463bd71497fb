// archive: the source of truth. Records and their versions, labels, original bytes, links.
//
// Contents: versions and links | reading the archive | adding | erasing | checking
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
#include <string>
#include <vector>

#include "base/base.h"
#include "documents/documents.h"

namespace sillok::archive {

struct Environment;

// ---------------------------------------------------------------------------------------------
// Versions and links

struct Version {
  int64_t id = 0;             // unique in this archive, ascending in order of recording
  std::string record;         // the record's key
  uint32_t number = 0;        // 1-based within the record, in order of recording
  std::string title;
  std::string format;         // as documents::Metadata::format
  std::string label;          // sensitivity label; never empty
  std::string url;
  std::string source_path;    // where it was read from, absolute; with "::part" for a member or a JSONL line
  std::string blob;           // SHA-256 of the original file's bytes
  std::string content_hash;   // SHA-256 of the encoded document: equal content = the same version (the line
                              // of a JSONL record or mbox message in its file does not count)
  Day valid_from = kDayMin;   // first day in force; kDayMin where no date is known
  Day valid_to = kDayMax;     // day after the last in force: the next version's valid_from, the stated end,
                              // or the day the file vanished
  Micros recorded = 0;        // when it was acknowledged
  bool erased = false;        // tombstone: content gone for good, metadata reduced to key, number, dates
  int64_t change = 0;         // value of the change counter when this row last changed
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

  // ---- reading; each call sees one consistent state
  int64_t last_change() const;
  // Versions whose row changed after `change`, in change order, each as it is now. Stops at the sink's error.
  Status changes_after(int64_t change, const std::function<Status(const Version&)>& sink) const;
  Result<documents::Document> document(int64_t version_id) const;   // kNotFound if erased
  Result<Version> version(int64_t version_id) const;
  std::vector<Version> versions(std::string_view record) const;     // by valid_from, then number; empty if unknown
  // Versions read from the same bytes, of all records: copies, and members of one container.
  std::vector<Version> versions_of_blob(std::string_view blob) const;
  // The version in force on that day: the latest valid_from not after it, the later number among equals.
  Result<Version> version_as_of(std::string_view record, Day day) const;
  // Keys in byte order after `after`, at most `limit`: for listing.
  std::vector<std::string> records(std::string_view after, size_t limit) const;
  uint64_t record_count() const;
  uint64_t version_count() const;
  Result<std::string> original(int64_t version_id) const;           // bytes of the file it was read from
  // Links from and to the record's version in force on `day`.
  std::vector<Link> links(std::string_view record, Day day) const;
  std::vector<Failure> failures() const;                            // files that could not be read, still present

  // ---- writing; one writer per home (kConflict for a second)
  // Adds files and folders. What one call acknowledged survives kill -9; calling again goes on where it was.
  Result<AddReport> add(const std::vector<fs::path>& paths, const AddOptions& options);
  // Keeps calling add on the paths whenever something below them changes, until stop() is true.
  Status watch(const std::vector<fs::path>& paths, const AddOptions& options,
               const std::function<void(const AddReport&)>& after_each, const std::function<bool()>& stop);
  // Content of all versions of the record gone from archive and blobs; tombstones stay. Blobs shared with
  // other records (a JSONL line, a ZIP member) are rewritten without it or refused with the reason.
  Result<EraseReport> erase(std::string_view record);

  // ---- checking
  // SQLite's integrity, each blob against its hash (deep), orphans, half-done files. Empty = clean.
  std::vector<Problem> check(bool deep) const;

  struct State;  // private to the module (archive/state.h)

 private:
  explicit Archive(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sillok::archive
