// Passages come one at a time; each term keeps its passages as a chain of byte slices in one arena, so that memory
// per posting is two to three bytes and nothing is sorted but the dictionary.
#include <algorithm>
#include <array>
#include <cstring>

#include "search/segment_file.h"

namespace sillok::search {
namespace {

// Slices grow: most terms occur once or twice, a few in every passage.
constexpr uint32_t kSliceSizes[] = {12, 20, 36, 68, 132, 260, 516, 1028};
constexpr uint32_t kLargestSlice = 7;

// One field's lists under construction.
class FieldBuilder {
 public:
  FieldBuilder() { slots_.resize(1 << 12); }

  // Adds a passage's terms. A term costs two reads of memory that no cache holds, its slot and its list: they are
  // asked for a few terms ahead.
  void add(const std::vector<TermId>& terms, uint32_t passage) {
    constexpr size_t kAhead = 16;
    std::array<uint32_t, kAhead> ids;
    for (size_t begin = 0; begin < terms.size(); begin += kAhead) {
      const size_t count = std::min(kAhead, terms.size() - begin);
      for (size_t i = 0; i < count; ++i) __builtin_prefetch(&slots_[slot_of(terms[begin + i], slots_.size() - 1)]);
      for (size_t i = 0; i < count; ++i) {
        ids[i] = find(terms[begin + i]);
        __builtin_prefetch(&lists_[ids[i]], 1);
      }
      for (size_t i = 0; i < count; ++i) count_one(lists_[ids[i]], passage);
    }
  }

  size_t memory_bytes() const {
    return arena_.size() + lists_.size() * sizeof(List) + slots_.size() * sizeof(Slot);
  }

  void write(SegmentWriter& out, Field field, const std::vector<uint32_t>& lengths) {
    for (List& list : lists_) close(list);
    std::vector<uint32_t> order(lists_.size());
    for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(),
              [this](uint32_t a, uint32_t b) { return lists_[a].term < lists_[b].term; });
    FieldWriter writer(out, field, lists_.size(), lengths);
    std::vector<Posting> postings;
    for (uint32_t i : order) {
      read(lists_[i], postings);
      writer.add(lists_[i].term, postings);
    }
    writer.finish();
  }

 private:
  struct List {
    TermId term = 0;
    uint32_t passage = 0, tf = 0;  // the open posting; tf 0: none
    uint32_t previous = UINT32_MAX;  // last closed passage
    uint32_t df = 0;
    uint32_t head = 0;             // first slice; 0: none
    uint32_t at = 0, end = 0;      // write position and end of the last slice (before its link)
    uint32_t slice = 0;            // its size class
  };

  // A slot holds the upper half of the term beside the list's number, so that a miss seldom touches a list.
  struct Slot {
    uint32_t list = 0;  // index into lists_ plus one; 0: free
    uint32_t tag = 0;
  };
  static size_t slot_of(TermId term, size_t mask) { return (term ^ term >> 32) & mask; }
  static uint32_t tag_of(TermId term) { return static_cast<uint32_t>(term >> 32); }

  void count_one(List& list, uint32_t passage) {
    if (list.passage == passage && list.tf > 0) {
      ++list.tf;
      return;
    }
    close(list);
    list.passage = passage;
    list.tf = 1;
  }

  // The index of the term's list, made if new.
  uint32_t find(TermId term) {
    if (2 * (lists_.size() + 1) > slots_.size()) grow();
    const size_t mask = slots_.size() - 1;
    for (size_t i = slot_of(term, mask);; i = (i + 1) & mask) {
      Slot& slot = slots_[i];
      if (slot.list == 0) {
        lists_.push_back({});
        lists_.back().term = term;
        slot = {static_cast<uint32_t>(lists_.size()), tag_of(term)};
        return slot.list - 1;
      }
      if (slot.tag == tag_of(term) && lists_[slot.list - 1].term == term) return slot.list - 1;
    }
  }

  void grow() {
    std::vector<Slot> bigger(slots_.size() * 2);
    const size_t mask = bigger.size() - 1;
    for (uint32_t id = 1; id <= lists_.size(); ++id) {
      const TermId term = lists_[id - 1].term;
      size_t i = slot_of(term, mask);
      while (bigger[i].list != 0) i = (i + 1) & mask;
      bigger[i] = {id, tag_of(term)};
    }
    slots_.swap(bigger);
  }

  void put(List& list, uint8_t byte) {
    if (list.at == list.end) {
      const uint32_t size = kSliceSizes[list.slice];
      const auto start = static_cast<uint32_t>(arena_.size());
      arena_.resize(arena_.size() + size);
      if (list.head == 0) list.head = start;
      else std::memcpy(arena_.data() + list.end, &start, sizeof start);  // The full slice links to the new one.
      list.at = start;
      list.end = start + size - 4;
      list.slice = std::min(list.slice + 1, kLargestSlice);
    }
    arena_[list.at++] = byte;
  }
  void put_number(List& list, uint64_t value) {
    for (; value >= 128; value >>= 7) put(list, static_cast<uint8_t>(value | 128));
    put(list, static_cast<uint8_t>(value));
  }
  // A gap doubled, plus one where a tf above 1 follows.
  void close(List& list) {
    if (list.tf == 0) return;
    const uint64_t gap = list.passage - list.previous - 1;
    put_number(list, gap << 1 | (list.tf > 1 ? 1u : 0u));
    if (list.tf > 1) put_number(list, list.tf);
    list.previous = list.passage;
    list.tf = 0;
    ++list.df;
  }

  void read(const List& list, std::vector<Posting>& out) const {
    out.clear();
    uint32_t at = list.head, slice = 0, end = at + kSliceSizes[0] - 4;
    const auto byte = [&] {
      if (at == end) {
        std::memcpy(&at, arena_.data() + end, sizeof at);
        slice = std::min(slice + 1, kLargestSlice);
        end = at + kSliceSizes[slice] - 4;
      }
      return arena_[at++];
    };
    const auto number = [&] {
      uint64_t value = 0;
      for (int shift = 0;; shift += 7) {
        const uint8_t b = byte();
        value |= uint64_t{b & 127u} << shift;
        if (b < 128) return value;
      }
    };
    uint32_t passage = UINT32_MAX;
    for (uint32_t i = 0; i < list.df; ++i) {
      const uint64_t gap = number();
      passage += static_cast<uint32_t>(gap >> 1) + 1;
      out.push_back({passage, (gap & 1) != 0 ? static_cast<uint32_t>(number()) : 1});
    }
  }

  std::vector<Slot> slots_;  // size a power of two
  std::vector<List> lists_;
  std::vector<uint8_t> arena_ = std::vector<uint8_t>(1);  // offset 0 means none
};

}  // namespace

struct SegmentBuilder::State {
  FieldBuilder body, title;
  std::vector<VersionRow> rows;
  std::vector<PassageRow> passages;
  std::vector<uint32_t> lengths;
  std::string text;
  Sidecar sidecar;

  bool same_row(const PassageEntry& e) const {
    if (rows.empty()) return false;
    const VersionRow& r = rows.back();
    const RowState& s = sidecar.rows.back();
    const std::string_view all(text);
    return r.version == e.version && r.number == e.number && s.from == e.valid_from && s.to == e.valid_to &&
           sidecar.labels[s.label] == e.label && all.substr(r.text, r.record_size) == e.record &&
           all.substr(r.text + r.record_size, r.title_size) == e.title &&
           all.substr(r.text + r.record_size + r.title_size, r.format_size) == e.format;
  }
};

SegmentBuilder::SegmentBuilder() : state_(std::make_unique<State>()) {}
SegmentBuilder::~SegmentBuilder() = default;

void SegmentBuilder::add(const PassageEntry& e) {
  State& s = *state_;
  const auto passage = static_cast<uint32_t>(s.passages.size());
  const auto size32 = [](std::string_view text) { return static_cast<uint32_t>(text.size()); };
  if (!s.same_row(e)) {
    s.rows.push_back({e.version, s.text.size(), size32(e.record), size32(e.title), size32(e.format), e.number, passage, 0});
    s.text.append(e.record).append(e.title).append(e.format);
    s.sidecar.rows.push_back({e.valid_from, e.valid_to, s.sidecar.label_index(e.label)});
    if (e.history != nullptr) {
      RowHistory history = s.sidecar.history_of(*e.history, e.own_to);
      s.sidecar.histories[static_cast<uint32_t>(s.sidecar.rows.size() - 1)] = std::move(history);
    }
  }
  ++s.rows.back().count;
  s.passages.push_back({s.text.size(), size32(e.anchor), size32(e.context), size32(e.text), e.ordinal,
                        static_cast<uint32_t>(s.rows.size() - 1), 0});
  s.text.append(e.anchor).append(e.context).append(e.text);
  s.lengths.push_back(e.length);
  s.body.add(e.terms, passage);
  s.title.add(e.title_terms, passage);
}

uint32_t SegmentBuilder::passage_count() const { return static_cast<uint32_t>(state_->passages.size()); }

size_t SegmentBuilder::memory_bytes() const {
  const State& s = *state_;
  return s.body.memory_bytes() + s.title.memory_bytes() + s.text.size() +
         s.passages.size() * (sizeof(PassageRow) + 4) + s.rows.size() * (sizeof(VersionRow) + sizeof(RowState));
}

Result<Sidecar> SegmentBuilder::write(const fs::path& path, uint64_t id) {
  const std::unique_ptr<State> s = std::exchange(state_, std::make_unique<State>());
  SILLOK_ASSIGN(SegmentWriter out, SegmentWriter::create(path, id));
  s->body.write(out, Field::kBody, s->lengths);
  s->title.write(out, Field::kTitle, {});
  std::vector<VersionPlace> places;
  for (uint32_t r = 0; r < s->rows.size(); ++r) places.push_back({s->rows[r].version, r, 0});
  std::stable_sort(places.begin(), places.end(),
                   [](const VersionPlace& a, const VersionPlace& b) { return a.version < b.version; });
  out.begin(Section::kRows);
  out.append_array(s->rows);
  out.begin(Section::kVersions);
  out.append_array(places);
  out.begin(Section::kPassages);
  out.append_array(s->passages);
  out.begin(Section::kLengths);
  out.append_array(s->lengths);
  out.begin(Section::kText);
  out.append(s->text);
  SILLOK_TRY(out.finish(static_cast<uint32_t>(s->passages.size())));
  return std::move(s->sidecar);
}

}  // namespace sillok::search
