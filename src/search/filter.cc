#include <algorithm>
#include <bit>

#include "search/snapshot.h"

namespace sillok::search {
namespace {

constexpr size_t kMaxFilters = 16;       // per segment: clearances times days that are in use at once
constexpr size_t kMaxCounted = 1 << 16;  // document frequencies remembered per filter, segment and field
// A list this many times longer than the few visible (or hidden) passages is not walked: they are looked up in it.
constexpr uint64_t kLookUpBelow = 16;

void set_range(std::vector<uint64_t>& bits, uint32_t first, uint32_t count) {
  for (uint32_t p = first, end = first + count; p < end;) {
    const uint32_t shift = p % 64, take = std::min(64 - shift, end - p);
    bits[p / 64] |= (take == 64 ? ~uint64_t{0} : (uint64_t{1} << take) - 1) << shift;
    p += take;
  }
}

// "Still is" holds on every day, the last included.
bool in_force(Day from, Day to, Day day) { return from <= day && (to > day || to == kDayMax); }

// "S" stands for every label of that level, "S:finance" for itself.
bool is_one_of(std::string_view label, const std::vector<std::string>& wanted) {
  return std::any_of(wanted.begin(), wanted.end(), [&](std::string_view w) {
    if (label == w) return true;
    return w.find(':') == w.npos && label.size() > w.size() && label.starts_with(w) && label[w.size()] == ':';
  });
}

std::string filter_key(const Filter& filter) {
  std::string key = filter.all_versions ? "*" : std::to_string(filter.as_of);
  if (filter.clearance) key += " " + filter.lattice->text(*filter.clearance);
  if (!filter.labels) return key;
  std::vector<std::string> labels = *filter.labels;
  std::sort(labels.begin(), labels.end());
  key += '/';
  for (const std::string& label : labels) key += std::to_string(label.size()) + ':' + label;
  return key;
}

bool any_format(const std::vector<std::string>& formats, std::string_view format) {
  return formats.empty() || std::find(formats.begin(), formats.end(), format) != formats.end();
}

void keep_holders(const Segment& segment, Field field, TermId term, std::vector<uint64_t>& bits) {
  std::vector<uint64_t> holders(bits.size());
  if (const TermEntry entry = segment.find(field, term); entry.df > 0) {
    PostingCursor cursor = segment.cursor(field, entry);
    while (cursor.next_block()) {
      for (uint32_t k = 0; k < cursor.size(); ++k) {
        holders[cursor.passages()[k] / 64] |= uint64_t{1} << (cursor.passages()[k] % 64);
      }
    }
  }
  for (size_t i = 0; i < bits.size(); ++i) bits[i] &= holders[i];
}

// How many of the list's passages have a bit, where bits are few: `inverted` for few zeros, and then how many have none.
uint32_t count_holders(PostingCursor cursor, const std::vector<uint64_t>& bits, bool inverted) {
  uint32_t holders = 0;
  for (size_t w = 0; w < bits.size(); ++w) {
    for (uint64_t word = inverted ? ~bits[w] : bits[w]; word != 0; word &= word - 1) {
      const auto passage = static_cast<uint32_t>(64 * w) + static_cast<uint32_t>(std::countr_zero(word));
      holders += cursor.tf_of(passage) > 0 ? 1 : 0;  // 0 beyond the segment's last passage, too
    }
  }
  return holders;
}

}  // namespace

uint32_t Visible::document_frequency(const Segment& segment, Field field, const TermEntry& entry) const {
  if (all || entry.df == 0) return entry.df;
  if (count == 0) return 0;
  auto& counted = counted_[static_cast<size_t>(field)];
  if (entry.df > 1) {
    const std::lock_guard lock(mutex_);
    if (const auto at = counted.find(entry.term); at != counted.end()) return at->second;
  }
  uint32_t df = 0;
  PostingCursor cursor = segment.cursor(field, entry);
  const uint32_t hidden = segment.passage_count() - count;
  if (kLookUpBelow * std::min(count, hidden) < entry.df) {
    df = hidden < count ? entry.df - count_holders(cursor, bits, true) : count_holders(cursor, bits, false);
  } else {
    while (cursor.next_block()) {
      const uint32_t* const passages = cursor.passages();
      for (uint32_t k = 0; k < cursor.size(); ++k) {
        df += static_cast<uint32_t>(bits[passages[k] / 64] >> (passages[k] % 64) & 1);
      }
    }
  }
  if (entry.df > 1) {
    const std::lock_guard lock(mutex_);
    if (counted.size() >= kMaxCounted) counted.clear();
    counted[entry.term] = df;
  }
  return df;
}

std::shared_ptr<const Visible> SegmentView::visible(const Filter& filter) const {
  std::string key = filter_key(filter);
  {
    const std::lock_guard lock(mutex_);
    for (Cached& cached : cache_) {
      if (cached.key == key) {
        cached.used = ++clock_;
        return cached.visible;
      }
    }
  }
  // Outside the lock: two threads may both compute it, which costs time but no harm.
  std::shared_ptr<const Visible> visible = compute(filter);
  const std::lock_guard lock(mutex_);
  if (cache_.size() >= kMaxFilters) {
    cache_.erase(std::min_element(cache_.begin(), cache_.end(),
                                  [](const Cached& a, const Cached& b) { return a.used < b.used; }));
  }
  cache_.push_back({std::move(key), ++clock_, visible});
  return visible;
}

std::shared_ptr<const Visible> SegmentView::compute(const Filter& filter) const {
  auto visible = std::make_shared<Visible>();
  const std::vector<bool> seen = seen_labels(*sidecar_, filter);
  std::vector<bool> label_passes = seen;
  for (size_t i = 0; filter.labels && i < label_passes.size(); ++i) {
    label_passes[i] = label_passes[i] && is_one_of(sidecar_->labels[i], *filter.labels);
  }
  const uint32_t n = segment_->passage_count();
  visible->bits.resize((n + 63) / 64);
  for (uint32_t r = 0; r < segment_->row_count(); ++r) {
    const RowState& state = sidecar_->rows[r];
    if (!label_passes[state.label]) continue;
    const Day to = filter.clearance ? end_seen(*sidecar_, r, seen) : state.to;
    if (!filter.all_versions && !in_force(state.from, to, filter.as_of)) continue;
    const VersionRow& row = segment_->row(r);
    set_range(visible->bits, row.first, row.count);
    visible->count += row.count;
    for (uint32_t p = row.first; p < row.first + row.count; ++p) visible->length_sum += segment_->lengths()[p];
  }
  visible->all = visible->count == n;
  if (visible->all || visible->count == 0) visible->bits = {};
  return visible;
}

std::vector<bool> seen_labels(const Sidecar& sidecar, const Filter& filter) {
  std::vector<bool> seen(sidecar.labels.size(), true);
  for (size_t i = 0; filter.clearance && i < seen.size(); ++i) {
    seen[i] = filter.lattice->dominates(*filter.clearance, sidecar.labels[i]);
  }
  return seen;
}

// As archive::View has it: the earliest of its own end and the beginnings of later versions that are seen.
Day end_seen(const Sidecar& sidecar, uint32_t row, const std::vector<bool>& seen) {
  const RowState& state = sidecar.rows[row];
  const auto history = sidecar.histories.find(row);
  if (history == sidecar.histories.end()) return state.to;
  Day to = history->second.own_to;
  for (const auto& [label, from] : history->second.later) {
    if (seen[label]) to = std::min(to, from);
  }
  return std::max(state.from, to);
}

bool has_restrictions(const Filter& filter) {
  return !filter.formats.empty() || !filter.record_prefix.empty() || !filter.required.empty() ||
         !filter.title_required.empty() || filter.after != kDayMin || filter.before != kDayMax;
}

std::vector<uint64_t> restricted(const SegmentView& view, const Visible& visible, const Filter& filter) {
  const Segment& segment = view.segment();
  std::vector<uint64_t> bits((segment.passage_count() + 63) / 64);
  if (visible.count == 0) return bits;
  for (uint32_t r = 0; r < segment.row_count(); ++r) {
    const VersionRow& row = segment.row(r);
    const RowState& state = view.sidecar().rows[r];
    // A row passes labels and dates as a whole.
    if (!visible.has(row.first) || state.from < filter.after) continue;
    if (filter.before != kDayMax && state.from >= filter.before) continue;
    if (!segment.record(row).starts_with(filter.record_prefix)) continue;
    if (any_format(filter.formats, segment.format(row))) set_range(bits, row.first, row.count);
  }
  for (TermId term : filter.required) keep_holders(segment, Field::kBody, term, bits);
  for (TermId term : filter.title_required) keep_holders(segment, Field::kTitle, term, bits);
  return bits;
}

}  // namespace sillok::search
