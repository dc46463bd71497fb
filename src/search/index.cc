#include "search/index_state.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstring>

namespace sillok::search {
namespace {

std::string hex(uint64_t value) {
  std::string digits(16, '0');
  for (size_t i = 16; i-- > 0; value >>= 4) digits[i] = "0123456789abcdef"[value & 15];
  return digits;
}

struct Manifest {
  int64_t change = 0;
  uint64_t next_id = 1;
  struct Entry {
    uint64_t id, generation;
  };
  std::vector<Entry> entries;
};

std::string encode(const Snapshot::State& state) {
  std::string out("SILLOKIX");
  const auto put = [&out](auto value) { out.append(reinterpret_cast<const char*>(&value), sizeof value); };
  put(kSegmentFormat);
  put(kIndexVersion);
  put(state.change);
  put(state.next_id);
  put(static_cast<uint32_t>(state.segments.size()));
  put(uint32_t{0});
  for (const auto& view : state.segments) {
    put(view->segment().id());
    put(view->generation());
  }
  put(crc32c(out));
  return out;
}

Result<Manifest> decode(std::string_view bytes) {
  constexpr size_t kFixed = 40;
  const auto get = [&bytes](auto& value, size_t at) { std::memcpy(&value, bytes.data() + at, sizeof value); };
  const auto refuse = [](std::string_view what) { return fail(ErrorCode::kInvalid, "the index manifest " + std::string(what)); };
  if (bytes.size() < kFixed + 4 || bytes.substr(0, 8) != "SILLOKIX") return refuse("is damaged");
  uint32_t crc = 0, format = 0, version = 0, count = 0;
  get(crc, bytes.size() - 4);
  if (crc != crc32c(bytes.substr(0, bytes.size() - 4))) return refuse("is damaged");
  get(format, 8);
  get(version, 12);
  if (format != kSegmentFormat || version != kIndexVersion) return refuse("is of another version of this program");
  Manifest manifest;
  get(manifest.change, 16);
  get(manifest.next_id, 24);
  get(count, 32);
  if (bytes.size() != kFixed + size_t{count} * 16 + 4) return refuse("is damaged");
  manifest.entries.resize(count);
  for (size_t i = 0; i < count; ++i) get(manifest.entries[i], kFixed + 16 * i);
  return manifest;
}

// Changes whenever the file is replaced.
std::string identity(const fs::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return {};
  return std::to_string(info.st_ino) + '/' + std::to_string(info.st_size) + '/' + std::to_string(info.st_mtim.tv_sec) +
         '.' + std::to_string(info.st_mtim.tv_nsec);
}

Result<std::shared_ptr<const SegmentView>> open_view(const Index::State& index, uint64_t id, uint64_t generation) {
  SILLOK_ASSIGN(auto segment, Segment::open(index.segment_path(id), id));
  SILLOK_ASSIGN(const std::string bytes, read_file(index.facts_path(id, generation)));
  SILLOK_ASSIGN(Sidecar sidecar, Sidecar::decode(bytes, id, segment->row_count()));
  return std::make_shared<const SegmentView>(std::move(segment), std::make_shared<const Sidecar>(std::move(sidecar)),
                                             generation);
}

// What the manifest names, with views taken over from `loaded` where they are the same.
Result<StatePointer> load(const Index::State& index, const Snapshot::State& loaded) {
  auto bytes = read_file(index.manifest_path());
  auto state = std::make_shared<Snapshot::State>();
  if (!bytes && bytes.error().code == ErrorCode::kNotFound) return StatePointer(state);
  if (!bytes) return fail(bytes.error());
  SILLOK_ASSIGN(const Manifest manifest, decode(*bytes));
  state->change = manifest.change;
  state->next_id = manifest.next_id;
  for (const Manifest::Entry& entry : manifest.entries) {
    std::shared_ptr<const SegmentView> view;
    for (const auto& old : loaded.segments) {
      if (old->segment().id() == entry.id && old->generation() == entry.generation) view = old;
    }
    if (view == nullptr) {
      SILLOK_ASSIGN(view, open_view(index, entry.id, entry.generation));
    }
    state->segments.push_back(std::move(view));
  }
  return StatePointer(state);
}

uint64_t tier_of(uint64_t passages) {
  uint64_t tier = 0;
  for (uint64_t size = 64; size < passages; size *= kTierFactor) ++tier;
  return tier;
}

}  // namespace

// ---------------------------------------------------------------------------------------------
// The folder

fs::path Index::State::segment_path(uint64_t id) const { return folder / (hex(id) + ".segment"); }

fs::path Index::State::facts_path(uint64_t id, uint64_t generation) const {
  return folder / (hex(id) + '.' + std::to_string(generation) + ".facts");
}

void Index::State::reload() {
  constexpr int kTries = 5;  // another process may replace the manifest between our reading it and its segments
  for (int i = 0; i < kTries; ++i) {
    const std::string now = identity(manifest_path());
    if (now == manifest && damage.empty()) return;
    auto loaded = load(*this, *current);
    if (loaded) {
      current = std::move(*loaded);
      manifest = now;
      damage.clear();
      return;
    }
    if (now != identity(manifest_path())) continue;
    current = std::make_shared<Snapshot::State>();
    manifest = now;
    damage = loaded.error().message;
    return;
  }
}

StatePointer Index::State::get() {
  const std::lock_guard lock(mutex);
  if (identity(manifest_path()) != manifest) reload();
  return current;
}

void Index::State::publish(StatePointer state) {
  const std::lock_guard lock(mutex);
  current = std::move(state);
  manifest = identity(manifest_path());
  damage.clear();
}

void Index::State::remove_leftovers(const Snapshot::State& state) const {
  std::unordered_set<std::string> named;
  for (const auto& view : state.segments) {
    named.insert(segment_path(view->segment().id()).filename());
    named.insert(facts_path(view->segment().id(), view->generation()).filename());
  }
  std::error_code ignored;  // What cannot be removed now is removed by the next change.
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename();
    const bool ours = name.ends_with(".segment") || name.ends_with(".facts") || name.find(".tmp") != name.npos;
    if (ours && !named.contains(name)) fs::remove(entry.path(), ignored);
  }
}

Index::Index(std::unique_ptr<State> state) : state_(std::move(state)) {}
Index::Index(Index&&) noexcept = default;
Index& Index::operator=(Index&&) noexcept = default;
Index::~Index() = default;

Result<Index> Index::open(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return fail(ErrorCode::kIo, "cannot make the index folder " + folder.string() + ": " + error.message());
  auto state = std::make_unique<State>();
  state->folder = folder;
  state->current = std::make_shared<Snapshot::State>();
  state->reload();
  return Index(std::move(state));
}

Snapshot Index::snapshot() const { return Snapshot(state_->get()); }

Status Index::add_passages(const std::vector<PassageEntry>& entries) {
  SILLOK_ASSIGN(const FileLock lock, FileLock::acquire(state_->folder / "lock", kLockWaitMs));
  const StatePointer base = state_->get();
  IndexChange change(*state_, base);
  for (const PassageEntry& entry : entries) SILLOK_TRY(change.add(entry));
  return change.commit(base->change);
}

// ---------------------------------------------------------------------------------------------
// One change

IndexChange::IndexChange(Index::State& index, StatePointer base) : index_(index), next_(*base) {
  // Never a name that a file has: a damaged index left some behind that readers may still be opening.
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(index_.folder, ignored)) {
    const std::string name = entry.path().filename();
    if (name.ends_with(".segment")) next_.next_id = std::max<uint64_t>(next_.next_id, std::strtoull(name.c_str(), nullptr, 16) + 1);
  }
}

bool IndexChange::knows(int64_t version) const {
  if (building_.contains(version)) return true;
  return std::any_of(next_.segments.begin(), next_.segments.end(),
                     [version](const auto& view) { return !view->segment().rows_of(version).empty(); });
}

Status IndexChange::add(const PassageEntry& entry) {
  if (builder_.memory_bytes() >= kBuilderBytes) SILLOK_TRY(flush());
  builder_.add(entry);
  building_.insert(entry.version);
  ++added_;
  return {};
}

void IndexChange::set_facts(int64_t version, Facts facts) { facts_[version] = std::move(facts); }

void IndexChange::erase(int64_t version) { erased_.insert(version); }

Result<std::shared_ptr<const SegmentView>> IndexChange::open_new(uint64_t id, Sidecar sidecar) {
  SILLOK_TRY(write_file_atomic(index_.facts_path(id, 0), sidecar.encode(id)));
  SILLOK_ASSIGN(auto segment, Segment::open(index_.segment_path(id), id));
  return std::make_shared<const SegmentView>(std::move(segment), std::make_shared<const Sidecar>(std::move(sidecar)), 0);
}

Status IndexChange::flush() {
  if (builder_.passage_count() == 0) return {};
  const uint64_t id = next_.next_id++;
  SILLOK_ASSIGN(Sidecar sidecar, builder_.write(index_.segment_path(id), id));
  SILLOK_ASSIGN(auto view, open_new(id, std::move(sidecar)));
  next_.segments.push_back(std::move(view));
  building_.clear();
  return {};
}

Status IndexChange::apply_facts() {
  for (auto& view : next_.segments) {
    std::shared_ptr<Sidecar> changed;
    bool differs = false;
    for (const auto& [version, facts] : facts_) {
      for (uint32_t r : view->segment().rows_of(version)) {
        if (changed == nullptr) changed = std::make_shared<Sidecar>(view->sidecar());
        const RowState state = {facts.from, facts.to, changed->label_index(facts.label)};
        std::optional<RowHistory> history;
        if (facts.history) history = changed->history_of(*facts.history, facts.own_to);
        const auto old = changed->histories.find(r);
        const bool same_history = old == changed->histories.end() ? !history : history == old->second;
        if (changed->rows[r] == state && same_history) continue;
        differs = true;
        changed->rows[r] = state;
        if (history) changed->histories[r] = std::move(*history);
        else changed->histories.erase(r);
      }
    }
    if (!differs) continue;
    const uint64_t id = view->segment().id(), generation = view->generation() + 1;
    SILLOK_TRY(write_file_atomic(index_.facts_path(id, generation), changed->encode(id)));
    view = std::make_shared<const SegmentView>(view->shared_segment(), std::move(changed), generation);
  }
  facts_.clear();
  return {};
}

Status IndexChange::apply_erasures() {
  for (size_t i = next_.segments.size(); i-- > 0;) {
    const Segment& segment = next_.segments[i]->segment();
    std::vector<bool> dropped;
    for (int64_t version : erased_) {
      for (uint32_t r : segment.rows_of(version)) {
        dropped.resize(segment.row_count());
        dropped[r] = true;
      }
    }
    if (!dropped.empty()) SILLOK_TRY(replace({i}, {dropped}));
  }
  erased_.clear();
  return {};
}

Status IndexChange::replace(const std::vector<size_t>& which, const std::vector<std::vector<bool>>& dropped) {
  std::vector<MergeSource> sources;
  bool anything_left = false;
  for (size_t i = 0; i < which.size(); ++i) {
    const SegmentView& view = *next_.segments[which[i]];
    sources.push_back({&view.segment(), &view.sidecar(), dropped.empty() ? std::vector<bool>() : dropped[i]});
    const auto& d = sources.back().dropped;
    anything_left |= d.empty() || std::find(d.begin(), d.end(), false) != d.end();
  }
  std::shared_ptr<const SegmentView> merged;
  if (anything_left) {
    const uint64_t id = next_.next_id++;
    auto sidecar = merge_segments(sources, index_.segment_path(id), id);
    damaged_ = damaged_ || (!sidecar && sidecar.error().code == ErrorCode::kInvalid);
    if (!sidecar) return fail(sidecar.error());
    SILLOK_ASSIGN(merged, open_new(id, std::move(*sidecar)));
  }
  for (size_t i = which.size(); i-- > 0;) {
    next_.segments.erase(next_.segments.begin() + static_cast<std::ptrdiff_t>(which[i]));
  }
  if (merged != nullptr) next_.segments.push_back(std::move(merged));
  return {};
}

Status IndexChange::merge_where_due() {
  const uint64_t allowance = std::max(kMergeAtOnce, kMergePerAdded * added_);
  for (bool merged = true; merged;) {
    merged = false;
    std::vector<std::vector<size_t>> tiers;
    for (size_t i = 0; i < next_.segments.size(); ++i) {
      const uint64_t tier = tier_of(next_.segments[i]->segment().passage_count());
      if (tiers.size() <= tier) tiers.resize(tier + 1);
      tiers[tier].push_back(i);
    }
    for (const std::vector<size_t>& tier : tiers) {
      if (tier.size() < kMergeFanIn) continue;
      uint64_t passages = 0;
      for (size_t i : tier) passages += next_.segments[i]->segment().passage_count();
      if (passages > UINT32_MAX / 2) continue;  // Passages are numbered in 32 bits.
      if (passages > allowance && next_.segments.size() <= kMaxSegments) continue;
      SILLOK_TRY(replace(tier, {}));
      merged = true;
      break;
    }
  }
  return {};
}

Status IndexChange::commit(int64_t change) {
  SILLOK_TRY(flush());
  SILLOK_TRY(apply_facts());
  SILLOK_TRY(apply_erasures());
  SILLOK_TRY(merge_where_due());
  next_.change = change;
  // Segments are in the folder for good before the manifest names them.
  SILLOK_TRY(sync_directory(index_.folder));
  SILLOK_TRY(write_file_atomic(index_.manifest_path(), encode(next_)));
  index_.publish(std::make_shared<Snapshot::State>(next_));
  index_.remove_leftovers(next_);
  added_ = 0;
  return {};
}

}  // namespace sillok::search
