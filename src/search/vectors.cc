#include "search/vectors.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstring>
#include <unordered_set>

namespace sillok::search {
namespace {

constexpr std::string_view kMagic = "SILLOKVC";
constexpr size_t kHeader = 16;

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

std::vector<Neighbour> nearest(const Snapshot& snapshot, const SnapshotVectors& vectors, const TextVector& query, const Filter& filter,
                               size_t limit) {
  std::vector<Neighbour> best;
  if (limit == 0 || query.scale == 0) return best;
  const Snapshot::State& state = snapshot.state();
  SILLOK_CHECK(vectors.size() == state.segments.size());
  const auto precedes = [&](const Neighbour& a, const Neighbour& b) {
    if (a.cosine != b.cosine) return a.cosine > b.cosine;
    return tie_precedes(state, a.hit, b.hit);
  };
  // A heap whose front is the last of the best.
  const auto offer = [&](uint32_t s, uint32_t p) {
    const Neighbour n{{s, p, 0, 0}, vectors[s]->cosine(query, p)};
    if (best.size() == limit && n.cosine < best.front().cosine) return;
    best.push_back(n);
    std::push_heap(best.begin(), best.end(), precedes);
    if (best.size() <= limit) return;
    std::pop_heap(best.begin(), best.end(), precedes);
    best.pop_back();
  };
  for (uint32_t s = 0; s < state.segments.size(); ++s) {
    const SegmentView& view = *state.segments[s];
    const Allowed a = allowed(view, filter);
    if (a.visible->count == 0) continue;
    if (a.all) {
      for (uint32_t p = 0; p < view.segment().passage_count(); ++p) offer(s, p);
      continue;
    }
    const std::vector<uint64_t>& bits = a.bits.empty() ? a.visible->bits : a.bits;
    for (size_t w = 0; w < bits.size(); ++w) {
      for (uint64_t word = bits[w]; word != 0; word &= word - 1) {
        const auto p = static_cast<uint32_t>(64 * w) + static_cast<uint32_t>(std::countr_zero(word));
        if (p < view.segment().passage_count()) offer(s, p);
      }
    }
  }
  std::sort_heap(best.begin(), best.end(), precedes);
  return best;
}

}  // namespace sillok::search
