// Adding, top to bottom: scan the paths, leave out what is known, copy and hash the rest, read it with a team of
// confined readers, commit the items in path order in batches, end what vanished.
#include <chrono>
#include <unordered_map>
#include <unordered_set>

#include "archive/erasure.h"
#include "archive/scan.h"
#include "archive/state.h"
#include "archive/team.h"

namespace sillok::archive {
namespace {

using Clock = std::chrono::steady_clock;

// A batch is committed, with one sync, at whichever comes first.
constexpr uint64_t kBatchItems = 1000;
constexpr int kBatchMs = 200;
// Parts of one mail or document that wait for each other in memory.
constexpr size_t kMaxFamily = 1000;
constexpr uint64_t kMaxFamilyBytes = 64u << 20;
// Files copied ahead of the one being committed: enough to keep readers busy over small files.
constexpr size_t kAheadPerReader = 8;
// A file changed less than this before it was looked at may change again within one tick of its clock (FAT: 2 s)
// without showing it; its time proves nothing.
constexpr int64_t kTimeProvesNs = 2'000'000'000;

// One file on its way through.
struct Work {
  enum class Kind { kRead, kMoved, kDuplicate, kTouched, kFailed };
  Kind kind = Kind::kRead;
  FoundFile file;
  Source source;
  Staged staged;
  std::shared_ptr<ReadJob> job;
  std::string reason;  // kFailed
};

class AddRun {
 public:
  AddRun(Archive::State& state, const AddOptions& options, Database& db, bool retry_failed)
      : state_(state),
        options_(options),
        db_(db),
        environment_(state.environment),
        committer_(db, state.settings, state.environment),
        blobs_(state.blob_path(), state.environment),
        transaction_(db),
        team_(reader_count(options), state.environment, options.limits),
        retry_failed_(retry_failed) {}
  ~AddRun() {
    for (const auto& work : window_) blobs_.discard(work->staged);
    blobs_.forget_kept();
  }

  Result<AddReport> run(const Scan& found, const std::string& label);

 private:
  static unsigned reader_count(const AddOptions& options) {
    return options.jobs != 0 ? options.jobs : std::max(1u, std::thread::hardware_concurrency());
  }
  Status pass(const std::vector<FoundFile>& files, bool force);
  Status take_in(const FoundFile& file, bool force);
  bool known(const FoundFile& file, const Source& source, bool force) const;
  void apply_options(Source& source) const;
  Status choose(Work& work, const std::optional<Source>& before, bool force);
  Status finish_front();
  Status fail_file(Work& work);
  Status restore_original(const Work& work);
  Status read(Work& work);
  Status read_items(Work& work, bool& refused);
  Status take_item(Work& work, const QueuedItem& queued, bool& refused);
  Status settle_erased(Work& work);
  Status end_vanished(const Scan& found);
  Status remember_roots(const Scan& found);
  Status begin();
  Status commit();
  Status commit_if_due();
  void tell();

  Archive::State& state_;
  const AddOptions& options_;
  Database& db_;
  const Environment& environment_;
  Committer committer_;
  BlobStore blobs_;
  Transaction transaction_;
  ReaderTeam team_;
  const bool retry_failed_;
  std::string label_;
  AddReport report_;
  std::deque<std::unique_ptr<Work>> window_;
  std::unordered_set<std::string> found_paths_, hashes_ahead_;
  std::unordered_set<int64_t> claimed_;  // vanished sources that moved
  bool careful_ = false;                 // something was erased once: see settle_erased
  std::set<uint32_t> erased_lines_;      // of the file being read
  uint64_t erased_items_ = 0, inserted_items_ = 0;
  bool keep_uncommitted_ = false;
  bool marked_ = false;
  uint64_t batch_items_ = 0, files_done_ = 0, files_total_ = 0, records_ = 0;
  Clock::time_point batch_began_;
};

Result<AddReport> AddRun::run(const Scan& found, const std::string& label) {
  label_ = label;
  report_.failed = found.failed;
  report_.skipped = found.skipped;
  files_total_ = found.files.size();
  for (const FoundFile& file : found.files) found_paths_.insert(file.path.native());
  SILLOK_ASSIGN(const int64_t tombstones, db_.integer_or(0, "SELECT EXISTS(SELECT 1 FROM tombstones)"));
  careful_ = tombstones != 0;
  blobs_.clean_temporary();
  SILLOK_TRY(pass(found.files, false));
  std::vector<FoundFile> again;
  for (const std::string& path : committer_.take_reread()) {
    for (const FoundFile& file : found.files) {
      if (file.path == path) again.push_back(file);
    }
  }
  files_total_ += again.size();
  SILLOK_TRY(pass(again, true));
  SILLOK_TRY(end_vanished(found));
  SILLOK_TRY(remember_roots(found));
  SILLOK_TRY(commit());
  if (marked_) SILLOK_TRY(clear_unfinished(state_));
  return std::move(report_);
}

Status AddRun::pass(const std::vector<FoundFile>& files, bool force) {
  const size_t ahead = kAheadPerReader * reader_count(options_);
  for (const FoundFile& file : files) {
    while (window_.size() >= ahead) SILLOK_TRY(finish_front());
    SILLOK_TRY(take_in(file, force));
  }
  while (!window_.empty()) SILLOK_TRY(finish_front());
  return {};
}

// Options given now replace those given before; those not given stay. A file once added as secret does not become
// public because a later add forgot to say so.
void AddRun::apply_options(Source& source) const {
  if (!label_.empty()) source.label = label_;
  if (options_.effective_from != kDayMin) source.effective_from = options_.effective_from;
  if (options_.effective_to != kDayMax) source.effective_to = options_.effective_to;
  if (!options_.record.empty()) source.record = options_.record;
}

bool AddRun::known(const FoundFile& file, const Source& source, bool force) const {
  if (force || !options_.read_only_changed || !source.present || source.state == SourceState::kReading) return false;
  if (source.state == SourceState::kFailed && retry_failed_) return false;
  Source wanted = source;
  apply_options(wanted);
  return file.size == source.size && file.mtime_ns == source.mtime_ns && file.inode == source.inode &&
         wanted.label == source.label && wanted.effective_from == source.effective_from &&
         wanted.effective_to == source.effective_to && wanted.record == source.record;
}

Status AddRun::take_in(const FoundFile& found, bool force) {
  SILLOK_ASSIGN(const std::optional<Source> before, committer_.find_source(found.path.string()));
  if (before && known(found, *before, force)) {
    report_.unchanged += static_cast<uint64_t>(before->item_count);
    ++files_done_;
    tell();
    return committer_.failures_of(before->path, report_.failed);
  }
  auto work = std::make_unique<Work>();
  work->file = found;
  if (!stat_file(work->file)) return {};  // It vanished since the scan; the next add sees that.
  const int64_t age_ns = environment_.now() * 1000 - work->file.mtime_ns;
  if (before) work->source = *before;
  auto staged = blobs_.stage(work->file.path, options_.limits.file_bytes);
  if (!staged && !staged.error().source_at_fault) return fail(staged.error().error);
  Source& source = work->source;
  source.path = work->file.path.string();
  source.size = work->file.size;
  source.mtime_ns = age_ns < kTimeProvesNs ? -1 : work->file.mtime_ns;
  source.inode = work->file.inode;
  apply_options(source);
  if (staged) {
    work->staged = std::move(*staged);
    source.file_hash = work->staged.hash;
    SILLOK_TRY(choose(*work, before, force));
    hashes_ahead_.insert(source.file_hash);
  } else {
    work->kind = Work::Kind::kFailed;
    work->reason = staged.error().error.message;
  }
  if (work->kind == Work::Kind::kRead) {
    work->job = std::make_shared<ReadJob>();
    work->job->path = work->staged.temporary;
    team_.submit(work->job);
  }
  window_.push_back(std::move(work));
  return {};
}

// What is to be done with a file whose bytes are known now.
Status AddRun::choose(Work& work, const std::optional<Source>& before, bool force) {
  SILLOK_ASSIGN(work.reason, committer_.erased_file(work.source.file_hash));
  if (!work.reason.empty()) {
    work.kind = Work::Kind::kFailed;
    return {};
  }
  if (before && before->present && before->state == SourceState::kRead && options_.read_only_changed && !force &&
      before->file_hash == work.source.file_hash && before->label == work.source.label &&
      before->effective_from == work.source.effective_from && before->effective_to == work.source.effective_to &&
      before->record == work.source.record) {
    work.kind = Work::Kind::kTouched;
    return {};
  }
  if (before) return {};
  SILLOK_ASSIGN(const std::vector<Source> gone, committer_.gone_with_hash(work.source.file_hash));
  for (const Source& candidate : gone) {
    if (!claimed_.insert(candidate.id).second) continue;
    Source moved = candidate;
    apply_options(moved);
    const bool same = moved.label == candidate.label && moved.effective_from == candidate.effective_from &&
                      moved.effective_to == candidate.effective_to && moved.record == candidate.record;
    // A file that vanished in an earlier add showed nothing since, and is read again, under its name.
    if (candidate.present && same) work.kind = Work::Kind::kMoved;
    moved.size = work.source.size;
    moved.mtime_ns = work.source.mtime_ns;
    moved.inode = work.source.inode;
    work.source = std::move(moved);
    return {};
  }
  if (hashes_ahead_.contains(work.source.file_hash)) {
    work.kind = Work::Kind::kDuplicate;
    return {};
  }
  SILLOK_ASSIGN(const std::optional<Source> twin, committer_.find_duplicate(work.source));
  if (twin) work.kind = Work::Kind::kDuplicate;
  return {};
}

Status AddRun::finish_front() {
  const std::unique_ptr<Work> work = std::move(window_.front());
  window_.pop_front();
  SILLOK_TRY(begin());
  Source& source = work->source;
  const std::string path = work->file.path.string();
  if (source.id == 0) {
    SILLOK_ASSIGN(source.name, committer_.free_name(work->file.name, work->file.path));
  }
  keep_uncommitted_ = false;
  Status done;
  if (work->kind == Work::Kind::kDuplicate) {
    auto twin = committer_.find_duplicate(source);
    if (!twin) return fail(twin.error());
    if (*twin) {
      done = committer_.duplicate(**twin, source);
      report_.unchanged += static_cast<uint64_t>(source.item_count);
    } else {
      // Its twin could not be read, or is no longer the same; this one has to speak for itself.
      work->job = std::make_shared<ReadJob>();
      work->job->path = work->staged.temporary;
      team_.submit_at_once(work->job);
      done = read(*work);
    }
  } else if (work->kind == Work::Kind::kFailed) {
    done = fail_file(*work);
  } else if (work->kind == Work::Kind::kTouched) {
    done = committer_.write_source(source);
    report_.unchanged += static_cast<uint64_t>(source.item_count);
    if (done) done = committer_.failures_of(path, report_.failed);
  } else if (work->kind == Work::Kind::kMoved) {
    done = committer_.move(source, path);
    ++report_.moved;
    report_.unchanged += static_cast<uint64_t>(source.item_count);
  } else {
    if (source.path != path) done = committer_.move(source, path);
    if (done) done = read(*work);
  }
  if (done && !keep_uncommitted_) done = restore_original(*work);
  if (!keep_uncommitted_) blobs_.discard(work->staged);
  if (!done) return done;
  ++files_done_;
  ++batch_items_;
  tell();
  return commit_if_due();
}

// The bytes of a known version that are no longer in blobs/ come back with their file.
Status AddRun::restore_original(const Work& work) {
  if (work.kind == Work::Kind::kFailed || blobs_.has(work.staged.hash)) return {};
  SILLOK_ASSIGN(const int64_t wanted,
                db_.integer_or(0, "SELECT EXISTS(SELECT 1 FROM versions WHERE blob = ? AND erased = 0)", work.staged.hash));
  if (wanted == 0) return {};
  blobs_.keep(work.staged);
  keep_uncommitted_ = true;
  return {};
}

Status AddRun::fail_file(Work& work) {
  SILLOK_TRY(committer_.begin_source(work.source));
  report_.failed.push_back({clean_utf8(work.source.path), work.reason});
  return committer_.source_failed(work.source, work.reason);
}

Status AddRun::read(Work& work) {
  erased_lines_.clear();
  erased_items_ = inserted_items_ = 0;
  const AddReport before = report_;
  if (careful_) SILLOK_TRY(db_.run("SAVEPOINT one_file"));
  SILLOK_TRY(committer_.begin_source(work.source));
  bool refused = false;
  SILLOK_TRY(read_items(work, refused));
  if (!work.job->status) {
    const Error& error = work.job->status.error();
    if (error.code == ErrorCode::kInternal) return fail(error);
    report_.failed.push_back({clean_utf8(work.source.path), error.message});
    SILLOK_TRY(committer_.source_failed(work.source, error.message));
  } else {
    SILLOK_TRY(committer_.finish_source(work.source, report_));
    if (refused) {
      // What was refused may be accepted once the settings know its label: read it again next time.
      work.source.state = SourceState::kFailed;
      SILLOK_TRY(committer_.write_source(work.source));
    }
  }
  if (careful_ && erased_items_ > 0 && inserted_items_ > 0 && erased_lines_.empty()) {
    SILLOK_TRY(db_.run("ROLLBACK TO one_file"));
    report_ = before;
    blobs_.drop_kept(work.staged.hash);
    keep_uncommitted_ = false;
    SILLOK_TRY(committer_.load_change());
    SILLOK_TRY(db_.run("RELEASE one_file"));
    work.reason = "it holds content that was erased, among other content; take that out of the file";
    return fail_file(work);
  }
  if (careful_) {
    SILLOK_TRY(settle_erased(work));
    SILLOK_TRY(db_.run("RELEASE one_file"));
  }
  return {};
}

// A mail and its attachments, a document and what is in it, are committed together: before its last part is read nobody knows the
// label of the whole, whose original holds them all.
Status AddRun::read_items(Work& work, bool& refused) {
  std::vector<QueuedItem> family;
  uint64_t family_bytes = 0;
  bool too_large = false;  // to be kept in memory: then in the transaction, until the file is read
  const auto take_family = [&]() -> Status {
    for (const QueuedItem& each : family) SILLOK_TRY(take_item(work, each, refused));
    if (!family.empty() && !too_large) SILLOK_TRY(committer_.settle_family(work.source));
    family.clear();
    family_bytes = 0;
    return {};
  };
  const auto belongs = [&](const ReadItem& item) {
    return std::any_of(family.begin(), family.end(), [&](const QueuedItem& each) { return each.item.part == item.parent && each.item.part != item.part; });
  };
  for (;;) {
    QueuedItem queued;
    switch (team_.next(*work.job, queued, kBatchMs)) {
      case ReaderTeam::Next::kDone:
        return take_family();
      case ReaderTeam::Next::kItem:
        if (!family.empty() && !belongs(queued.item)) SILLOK_TRY(take_family());
        family_bytes += queued.cost;
        family.push_back(std::move(queued));
        if (family.size() >= kMaxFamily || family_bytes >= kMaxFamilyBytes) {
          too_large = true;
          SILLOK_TRY(take_family());
        }
        break;
      case ReaderTeam::Next::kTimeout:
        break;
    }
    if (!careful_ && !too_large) SILLOK_TRY(commit_if_due());
    SILLOK_TRY(begin());
  }
}

Status AddRun::take_item(Work& work, const QueuedItem& queued, bool& refused) {
  const std::string& part = queued.item.part;
  const auto report_failed = [&](const std::string& reason) {
    report_.failed.push_back({clean_utf8(part.empty() ? work.source.path : work.source.path + "::" + part), reason});
    return committer_.part_failed(work.source, part, queued.item.parent, reason);
  };
  ++batch_items_;
  if (queued.error) return report_failed(queued.error->message);
  SILLOK_ASSIGN(const ItemResult result, committer_.item(work.source, work.staged.hash, queued.item));
  if (result.inserted) {
    ++inserted_items_;
    // Kept with the first version that needs it: a file that gives none leaves nothing behind.
    if (!keep_uncommitted_) blobs_.keep(work.staged);
    keep_uncommitted_ = true;
  }
  ++records_;
  switch (result.outcome) {
    case Outcome::kAdded: ++report_.added; break;
    case Outcome::kUpdated: ++report_.updated; break;
    case Outcome::kUnchanged: ++report_.unchanged; break;
    case Outcome::kRefused:
      if (result.erased) {
        ++erased_items_;
        const uint32_t line = line_of(queued.item.document);
        if (line != 0 && queued.item.document.meta.format == "jsonl") erased_lines_.insert(line);
      } else {
        refused = true;
      }
      return report_failed(result.reason);
  }
  if (records_ % 256 == 0) tell();
  return {};
}

// A JSONL file that still holds lines whose records were erased is kept without them.
Status AddRun::settle_erased(Work& work) {
  if (erased_lines_.empty() || inserted_items_ == 0) return {};
  SILLOK_ASSIGN(const std::string bytes, read_file(work.staged.temporary));
  SILLOK_ASSIGN(const Staged rewritten, blobs_.stage_bytes(blank_lines(bytes, erased_lines_)));
  blobs_.drop_kept(work.staged.hash);
  blobs_.discard(work.staged);
  blobs_.keep(rewritten);
  return db_.run("UPDATE versions SET blob = ?1 WHERE blob = ?2", rewritten.hash, work.staged.hash);
}

Status AddRun::end_vanished(const Scan& found) {
  std::vector<Source> gone;
  SILLOK_TRY(committer_.present_sources([&](Source&& source) {
    if (!found_paths_.contains(source.path) && found.covers(source.path)) gone.push_back(std::move(source));
  }));
  for (Source& source : gone) {
    FoundFile now{source.path, ""};
    if (stat_file(now) && !skipped_by_name(now.path.filename().native())) continue;  // It appeared since the scan.
    SILLOK_TRY(begin());
    SILLOK_TRY(committer_.vanish(source, report_));
    ++batch_items_;
    SILLOK_TRY(commit_if_due());
  }
  return {};
}

// As for files, a label given before stays where none is given now. Uploads, which lie in the home, are no sources.
Status AddRun::remember_roots(const Scan& found) {
  const std::string home = fs::weakly_canonical(state_.home).native() + "/";
  for (const fs::path& root : found.roots) {
    if ((root.native() + "/").starts_with(home)) continue;
    SILLOK_ASSIGN(const int64_t kept, db_.integer_or(0, "SELECT EXISTS(SELECT 1 FROM roots WHERE path = ?1 AND (?2 = '' OR label = ?2))",
                                                     root.native(), label_));
    if (kept != 0) continue;
    SILLOK_TRY(begin());
    SILLOK_TRY(db_.run("INSERT OR REPLACE INTO roots(path, label) VALUES(?, ?)", root.native(), label_));
  }
  return {};
}

Status AddRun::begin() {
  if (transaction_.open()) return {};
  if (!marked_) SILLOK_TRY(mark_unfinished(state_, Writing::kAdd));
  marked_ = true;
  SILLOK_TRY(transaction_.begin());
  batch_began_ = Clock::now();
  batch_items_ = 0;
  return committer_.load_change();
}

Status AddRun::commit() {
  if (!transaction_.open()) return {};
  SILLOK_TRY(blobs_.publish());
  if (environment_.before_step) SILLOK_TRY(environment_.before_step("commit"));
  SILLOK_TRY(transaction_.commit());
  if (environment_.before_step) SILLOK_TRY(environment_.before_step("committed"));
  return {};
}

Status AddRun::commit_if_due() {
  if (!transaction_.open()) return {};
  if (batch_items_ < kBatchItems && Clock::now() - batch_began_ < std::chrono::milliseconds(kBatchMs)) return {};
  return commit();
}

void AddRun::tell() {
  if (options_.progress) options_.progress(files_done_, files_total_, records_);
}

Status check_options(const std::vector<fs::path>& paths, const AddOptions& options) {
  std::error_code error;
  if (!options.record.empty() && (paths.size() != 1 || fs::is_directory(paths[0], error))) {
    return fail(ErrorCode::kInvalid, "a record's key can be given for a single file only");
  }
  if (options.effective_to < options.effective_from) {
    return fail(ErrorCode::kInvalid, "the last effective day, " + format_day(options.effective_to) +
                                         ", is before the first, " + format_day(options.effective_from));
  }
  return {};
}

}  // namespace

Result<AddReport> run_add(Archive::State& state, const std::vector<fs::path>& paths, const AddOptions& options,
                          bool retry_failed) {
  SILLOK_TRY(check_options(paths, options));
  std::string label;
  if (!options.label.empty()) {
    SILLOK_ASSIGN(label, find_label(state.settings, options.label));
  }
  SILLOK_ASSIGN(const FileLock lock, state.lock());
  SILLOK_ASSIGN(Database db, Database::open(state.database_path(), Database::Mode::kExisting));
  SILLOK_TRY(finish_interrupted(state, db));
  const Scan found = scan(paths, state.home);
  AddRun run(state, options, db, retry_failed);
  return run.run(found, label);
}

}  // namespace sillok::archive
