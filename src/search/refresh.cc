// The index follows the archive's change feed.
#include <algorithm>

#include "search/index_state.h"
#include "search/passages.h"

namespace sillok::search {
namespace {

// Versions taken from the feed at a time: few enough to hold, many enough that a commit is rare.
constexpr size_t kBatch = 512;

// The next versions of the feed after `change`; whole changes only. Empty at the end.
Result<std::vector<archive::Version>> next_batch(const archive::Archive& archive, int64_t change) {
  std::vector<archive::Version> batch;
  bool full = false;
  // Documents are read outside the feed, so that it is not held open for long.
  const Status fed = archive.changes_after(change, [&](const archive::Version& version) -> Status {
    if (batch.size() >= kBatch && version.change != batch.back().change) {
      full = true;
      return fail(ErrorCode::kLimit, "batch is full");
    }
    batch.push_back(version);
    return {};
  });
  if (!fed && !full) return fail(fed.error().in("reading the archive's changes"));
  return batch;
}

template <typename Sink>
Status add_version(const documents::Document& document, const archive::Version& version, const Sink& sink) {
  PassageEntry entry;
  entry.version = version.id;
  entry.number = version.number;
  entry.record = version.record;
  entry.title = version.title;
  entry.format = version.format;
  entry.label = version.label;
  entry.valid_from = version.valid_from;
  entry.valid_to = version.valid_to;
  entry.own_to = version.own_to;
  entry.history = version.history ? &*version.history : nullptr;
  for (const Passage& passage : split_passages(document)) {
    entry.anchor = passage.anchor;
    entry.context = passage.context;
    entry.text = passage.text;
    entry.terms.clear();
    entry.title_terms.clear();
    entry.length = append_terms(passage.text, entry.terms);
    append_terms(passage.context, entry.title_terms);
    SILLOK_TRY(sink(entry));
    ++entry.ordinal;
  }
  return {};
}

// Takes one version over; a document that cannot be read is no reason to leave the others out.
Status take(const archive::Archive& archive, const archive::Version& version, IndexChange& change, Status& unread) {
  if (version.erased) {
    change.erase(version.id);
  } else if (change.knows(version.id)) {
    change.set_facts(version.id, {version.valid_from, version.valid_to, version.label, version.own_to, version.history});
  } else {
    const auto document = archive.document(version.id);
    if (document) return add_version(*document, version, [&](const PassageEntry& entry) { return change.add(entry); });
    // Not found: erased since; the feed will say so.
    if (document.error().code != ErrorCode::kNotFound && unread) unread = fail(document.error().in("indexing " + version.record));
  }
  return {};
}

// Everything after the base's change. Committed now and then, so that a long first indexing goes on where it was
// interrupted. unread: the first document that could not be read.
Status follow(const archive::Archive& archive, IndexChange& change, int64_t at, Status& unread) {
  constexpr uint64_t kCommitEvery = 20'000;  // versions
  uint64_t uncommitted = 0;
  for (;;) {
    SILLOK_ASSIGN(const auto batch, next_batch(archive, at));
    if (batch.empty()) break;
    for (const archive::Version& version : batch) SILLOK_TRY(take(archive, version, change, unread));
    at = batch.back().change;
    uncommitted += batch.size();
    if (uncommitted >= kCommitEvery) {
      SILLOK_TRY(change.commit(at));
      uncommitted = 0;
    }
  }
  return change.commit(at);
}

// A row of the index beside what the archive says of its version.
void compare(const SegmentView& view, uint32_t r, const archive::Version& version, std::vector<std::string>& problems) {
  const VersionRow& row = view.segment().row(r);
  const RowState& state = view.sidecar().rows[r];
  const std::string where = "index: version " + std::to_string(version.number) + " of " + version.record;
  if (view.segment().record(row) != version.record || row.number != version.number) {
    problems.push_back(where + " is indexed under another name; delete the index folder to rebuild it");
  }
  if (state.from != version.valid_from || state.to != version.valid_to) {
    problems.push_back(where + " has other dates than the archive; delete the index folder to rebuild it");
  }
  Sidecar named = view.sidecar();
  const auto history = named.histories.find(r);
  const std::optional<RowHistory> expected = version.history ? std::optional(named.history_of(*version.history, version.own_to)) : std::nullopt;
  if (history == named.histories.end() ? expected.has_value() : expected != history->second) {
    problems.push_back(where + " has another history than the archive; delete the index folder to rebuild it");
  }
  if (view.sidecar().labels[state.label] != version.label) {
    problems.push_back(where + " has another label than the archive; delete the index folder to rebuild it");
  }
}

std::string name_of(const archive::Version& version) {
  return "index: version " + std::to_string(version.number) + " of " + version.record;
}

// Compares what is indexed of one version; true if it is indexed.
bool check_version(const Snapshot::State& state, const archive::Version& version, std::vector<std::string>& problems) {
  bool found = false;
  for (const auto& view : state.segments) {
    for (uint32_t r : view->segment().rows_of(version.id)) {
      found = true;
      if (!version.erased) compare(*view, r, version, problems);
    }
  }
  if (found && version.erased) problems.push_back(name_of(version) + " was erased but is indexed; delete the index folder to rebuild it");
  return found;
}

void check_agreement(const archive::Archive& archive, const Snapshot::State& state, std::vector<std::string>& problems) {
  std::unordered_set<int64_t> known;
  std::vector<archive::Version> missing;
  const Status fed = archive.changes_after(0, [&](const archive::Version& version) -> Status {
    known.insert(version.id);
    if (version.change > state.change) return {};  // Not yet due.
    if (!check_version(state, version, problems) && !version.erased) missing.push_back(version);
    return {};
  });
  if (!fed) problems.push_back("index: cannot be compared with the archive: " + fed.error().message);
  for (const archive::Version& version : missing) {
    // Some documents have nothing to index.
    const auto document = archive.document(version.id);
    if (!document || split_passages(*document).empty()) continue;
    problems.push_back(name_of(version) + " is missing; delete the index folder to rebuild it");
  }
  for (const auto& view : state.segments) {
    for (uint32_t r = 0; fed && r < view->segment().row_count(); ++r) {
      if (known.contains(view->segment().row(r).version)) continue;
      problems.push_back("index: holds a version that the archive does not know; delete the index folder to rebuild it");
      break;
    }
  }
}

}  // namespace

Status Index::refresh(const archive::Archive& archive) {
  // Nothing to do is the usual case, and must not need a lock: a home may be on a read-only disk.
  if (state_->get()->change == archive.last_change() && state_->damage.empty()) return {};
  SILLOK_ASSIGN(const FileLock lock, FileLock::acquire(state_->folder / "lock", kLockWaitMs));
  StatePointer base = state_->get();
  const int64_t last = archive.last_change();
  if (base->change == last && state_->damage.empty()) return {};
  state_->remove_leftovers(*base);
  const auto nothing = std::make_shared<const Snapshot::State>();
  // An archive that is behind the index is another archive, or was put back from a copy.
  if (base->change > last) base = nothing;
  Status unread;
  IndexChange change(*state_, base);
  Status followed = follow(archive, change, base->change, unread);
  if (!followed && change.damaged()) {
    IndexChange anew(*state_, nothing);
    unread = {};
    followed = follow(archive, anew, 0, unread);
  }
  return followed ? unread : followed;
}

Status Index::add_view(const archive::View& view) {
  SILLOK_ASSIGN(const FileLock lock, FileLock::acquire(state_->folder / "lock", kLockWaitMs));
  IndexChange change(*state_, std::make_shared<const Snapshot::State>());
  constexpr size_t kKeysAtOnce = 1000;
  std::string after;
  for (;;) {
    const std::vector<std::string> keys = view.records(after, kKeysAtOnce);
    for (const std::string& key : keys) {
      std::vector<archive::Version> versions = view.versions(key);
      // In order of recording, as the change feed has them: ties are broken so.
      std::sort(versions.begin(), versions.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
      for (const archive::Version& version : versions) {
        if (version.erased) continue;
        SILLOK_ASSIGN(const documents::Document document, view.archive().document(version.id));
        SILLOK_TRY(add_version(document, version, [&](const PassageEntry& entry) { return change.add(entry); }));
      }
    }
    if (keys.size() < kKeysAtOnce) break;
    after = keys.back();
  }
  return change.commit(0);
}

std::vector<std::string> Index::check(const archive::Archive& archive) const {
  const StatePointer state = state_->get();
  std::vector<std::string> problems;
  if (!state_->damage.empty()) problems.push_back("index: " + state_->damage);
  for (const auto& view : state->segments) {
    if (std::string wrong = view->segment().verify(); !wrong.empty()) {
      problems.push_back("index segment " + state_->segment_path(view->segment().id()).string() + ": " + wrong +
                         "; delete the index folder to rebuild it");
    }
  }
  check_agreement(archive, *state, problems);
  return problems;
}

}  // namespace sillok::search
