#include "search/vectors.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdio>
#include <cstring>
#include <deque>
#include <system_error>
#include <thread>
#include <unordered_set>

namespace sillok::search {
namespace {

constexpr std::string_view kMagic = "SILLOKVC";
constexpr size_t kHeader = 16;
constexpr unsigned kMostThreads = 4;     // for one question
constexpr size_t kMostStretch = 64 * 128, kLeastStretch = 64;  // passages

std::string file_name(const Segment& segment, const Retriever& retriever) {
  char checksum[9];
  std::snprintf(checksum, sizeof checksum, "%08x", segment.checksum());
  return std::to_string(segment.id()) + "-" + checksum + "-" + retriever.hash.substr(0, 16) + ".vectors";
}

// The whole file's bytes.
std::string make(const Segment& segment, const EncoderTable& table) {
  const uint32_t passages = segment.passage_count(), dimension = table.dimension;
  std::string out(kMagic);
  out.append(reinterpret_cast<const char*>(&passages), 4);
  out.append(reinterpret_cast<const char*>(&dimension), 4);
  std::vector<float> scales(passages, 0);
  std::vector<int8_t> values(size_t{passages} * dimension, 0);
  std::vector<TermId> terms;
  for (uint32_t p = 0; p < passages; ++p) {
    const PassageRow& row = segment.passage(p);
    terms.clear();
    append_terms(segment.body(row), terms);
    append_terms(segment.context(row), terms);
    const TextVector vector = encode(table, terms);
    scales[p] = vector.scale;
    std::copy(vector.values.begin(), vector.values.end(), values.begin() + static_cast<std::ptrdiff_t>(size_t{p} * dimension));
  }
  out.append(reinterpret_cast<const char*>(scales.data()), scales.size() * 4);
  out.append(reinterpret_cast<const char*>(values.data()), values.size());
  const uint32_t crc = crc32c(out);
  out.append(reinterpret_cast<const char*>(&crc), 4);
  return out;
}

bool whole(std::string_view bytes, uint32_t passages, uint32_t dimension) {
  const size_t size = kHeader + size_t{passages} * (4 + size_t{dimension}) + 4;
  if (bytes.size() != size || !bytes.starts_with(kMagic)) return false;
  uint32_t stored[2], crc = 0;
  std::memcpy(stored, bytes.data() + 8, 8);
  std::memcpy(&crc, bytes.data() + size - 4, 4);
  return stored[0] == passages && stored[1] == dimension && crc == crc32c(bytes.substr(0, size - 4));
}

// Passages to look at: all visible, or those of them that the filter's other fields let through.
struct Allowed {
  std::shared_ptr<const Visible> visible;
  std::vector<uint64_t> bits;
  bool all = false;
};
Allowed allowed(const SegmentView& view, const Filter& filter) {
  Allowed a;
  a.visible = view.visible(filter);
  if (has_restrictions(filter)) a.bits = restricted(view, *a.visible, filter);
  else a.all = a.visible->all;
  return a;
}

}  // namespace

struct SegmentVectors::Content {
  std::optional<MappedFile> file;
  std::string bytes;  // where there is no file
};

std::shared_ptr<const SegmentVectors> SegmentVectors::open_or_make(const Segment& segment, const Retriever& retriever, const fs::path& folder) {
  const EncoderTable& table = retriever.model.encoder;
  const fs::path path = folder / file_name(segment, retriever);
  auto content = std::make_shared<Content>();
  const auto open = [&] {
    auto file = MappedFile::open(path);
    if (!file || !whole(file->bytes(), segment.passage_count(), table.dimension)) return false;
    content->file = std::move(*file);
    return true;
  };
  if (!open()) {
    content->bytes = make(segment, table);
    std::error_code ignored;
    fs::create_directories(folder, ignored);
    // A home on a read-only disk keeps them in memory.
    if (write_file_atomic(path, content->bytes) && open()) content->bytes.clear();
  }
  const char* const bytes = content->file ? content->file->bytes().data() : content->bytes.data();
  auto vectors = std::make_shared<SegmentVectors>();
  vectors->scales_ = {reinterpret_cast<const float*>(bytes + kHeader), segment.passage_count()};
  vectors->values_ = reinterpret_cast<const int8_t*>(bytes + kHeader + size_t{segment.passage_count()} * 4);
  vectors->dimension_ = table.dimension;
  vectors->content_ = std::move(content);
  return vectors;
}

SnapshotVectors VectorCache::of(const Snapshot& snapshot) {
  const std::lock_guard lock(mutex_);
  SnapshotVectors vectors;
  decltype(by_segment_) used;
  for (const auto& view : snapshot.state().segments) {
    const Segment& segment = view->segment();
    const std::pair key(segment.id(), segment.checksum());  // Ids begin anew when an index is rebuilt.
    const auto known = by_segment_.find(key);
    auto found = known != by_segment_.end() ? known->second : SegmentVectors::open_or_make(segment, *retriever_, folder_);
    used[key] = found;
    vectors.push_back(std::move(found));
  }
  by_segment_ = std::move(used);
  return vectors;
}

void tidy_vectors(const fs::path& folder, const Snapshot& snapshot, const Retriever* retriever) {
  std::unordered_set<std::string> named;
  for (const auto& view : snapshot.state().segments) {
    if (retriever != nullptr) named.insert(file_name(view->segment(), *retriever));
  }
  std::error_code ignored;  // What cannot be removed now is removed next time.
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename();
    if (name.ends_with(".vectors") && !named.contains(name)) fs::remove(entry.path(), ignored);
  }
}

namespace {

// A stretch of one segment's passages; whole words of the bits that say which count.
struct Stretch {
  uint32_t segment, first, last;                      // passages first .. last - 1
  std::shared_ptr<const std::vector<uint64_t>> bits;  // null: all count
};

// Keeps the `limit` first of what it is offered. The order is total, so that it does not depend on who is offered when.
class Best {
  // The front of the heap is the last of the best.
  struct Order {
    const Snapshot::State& state;
    bool operator()(const Neighbour& a, const Neighbour& b) const { return a.cosine != b.cosine ? a.cosine > b.cosine : tie_precedes(state, a.hit, b.hit); }
  };

 public:
  Best(const Snapshot::State& state, size_t limit) : order_{state}, limit_(limit) {}
  void offer(const Neighbour& n) {
    if (all_.size() == limit_ && n.cosine < all_.front().cosine) return;
    all_.push_back(n);
    std::push_heap(all_.begin(), all_.end(), order_);
    if (all_.size() <= limit_) return;
    std::pop_heap(all_.begin(), all_.end(), order_);
    all_.pop_back();
  }
  void look_at(const SegmentVectors& vectors, const TextVector& query, const Stretch& stretch) {
    const auto look = [&](uint32_t p) { offer({{stretch.segment, p, 0, 0}, vectors.cosine(query, p)}); };
    if (!stretch.bits) {
      for (uint32_t p = stretch.first; p < stretch.last; ++p) look(p);
      return;
    }
    for (uint32_t w = stretch.first / 64; w * 64 < stretch.last; ++w) {
      for (uint64_t word = (*stretch.bits)[w]; word != 0; word &= word - 1) {
        const uint32_t p = 64 * w + static_cast<uint32_t>(std::countr_zero(word));
        if (p < stretch.last) look(p);
      }
    }
  }
  const std::vector<Neighbour>& all() const { return all_; }
  std::vector<Neighbour> sorted() && {
    std::sort_heap(all_.begin(), all_.end(), order_);
    return std::move(all_);
  }

 private:
  Order order_;
  size_t limit_;
  std::vector<Neighbour> all_;
};

// Cut so that each thread can take the next; in stretches of whole words.
std::vector<Stretch> stretches_of(const Snapshot::State& state, const Filter& filter, size_t for_threads, size_t& count) {
  const auto length = static_cast<uint32_t>(std::clamp(for_threads / kLeastStretch * kLeastStretch, kLeastStretch, kMostStretch));
  std::vector<Stretch> out;
  for (uint32_t s = 0; s < state.segments.size(); ++s) {
    const SegmentView& view = *state.segments[s];
    Allowed a = allowed(view, filter);
    count += a.visible->count;
    if (a.visible->count == 0) continue;
    std::shared_ptr<const std::vector<uint64_t>> bits;
    if (!a.all) bits = a.bits.empty() ? std::shared_ptr<const std::vector<uint64_t>>(a.visible, &a.visible->bits) : std::make_shared<const std::vector<uint64_t>>(std::move(a.bits));
    const uint32_t end = view.segment().passage_count();
    for (uint32_t first = 0; first < end; first += length) out.push_back({s, first, std::min(end, first + length), bits});
  }
  return out;
}

}  // namespace

std::vector<Neighbour> nearest(const Snapshot& snapshot, const SnapshotVectors& vectors, const TextVector& query, const Filter& filter,
                               size_t limit, size_t for_threads) {
  if (limit == 0 || query.scale == 0) return {};
  const Snapshot::State& state = snapshot.state();
  SILLOK_CHECK(vectors.size() == state.segments.size());
  size_t count = 0;
  const std::vector<Stretch> stretches = stretches_of(state, filter, for_threads, count);
  std::atomic<size_t> next{0};
  const auto work = [&](Best& best) {
    for (size_t i = next++; i < stretches.size(); i = next++) best.look_at(*vectors[stretches[i].segment], query, stretches[i]);
  };
  Best best(state, limit);
  if (count < for_threads) {
    work(best);
    return std::move(best).sorted();
  }
  // Reading is what takes time, and each core waits for its own.
  std::deque<Best> others;
  {
    std::vector<std::jthread> threads;
    for (unsigned t = 1; t < std::min(kMostThreads, std::thread::hardware_concurrency()); ++t) {
      Best& other = others.emplace_back(state, limit);
      try {
        threads.emplace_back([&work, &other] { work(other); });
      } catch (const std::system_error&) {
        break;  // none to be had: those that run do it all
      }
    }
    work(best);
  }
  for (const Best& other : others) {
    for (const Neighbour& n : other.all()) best.offer(n);
  }
  return std::move(best).sorted();
}

}  // namespace sillok::search
