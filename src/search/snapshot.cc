#include "search/snapshot.h"

#include <algorithm>

namespace sillok::search {

Snapshot::Snapshot(std::shared_ptr<const State> state) : state_(std::move(state)) {}

StoredPassage Snapshot::passage(Hit hit) const {
  SILLOK_CHECK(hit.segment < state_->segments.size());
  const SegmentView& view = *state_->segments[hit.segment];
  const Segment& segment = view.segment();
  SILLOK_CHECK(hit.passage < segment.passage_count());
  const PassageRow& p = segment.passage(hit.passage);
  StoredPassage out;
  out.ordinal = p.ordinal;
  out.length = segment.lengths()[hit.passage];
  out.anchor = segment.anchor(p);
  out.context = segment.context(p);
  out.text = segment.body(p);
  if (p.row >= segment.row_count()) return out;  // Damaged; check() says so.
  const VersionRow& row = segment.row(p.row);
  const RowState& state = view.sidecar().rows[p.row];
  out.version = row.version;
  out.number = row.number;
  out.record = segment.record(row);
  out.title = segment.title(row);
  out.format = segment.format(row);
  out.label = view.sidecar().labels[state.label];
  out.valid_from = state.from;
  out.valid_to = state.to;
  return out;
}

StoredPassage Snapshot::passage(Hit hit, const Filter& filter) const {
  StoredPassage out = passage(hit);
  const SegmentView& view = *state_->segments[hit.segment];
  const uint32_t row = view.segment().passage(hit.passage).row;
  const auto history = view.sidecar().histories.find(row);
  if (!filter.clearance || history == view.sidecar().histories.end()) return out;
  const std::vector<bool> seen = seen_labels(view.sidecar(), filter);
  out.valid_to = end_seen(view.sidecar(), row, seen);
  out.number = 1;
  for (const auto& [label, versions] : history->second.before) out.number += seen[label] ? versions : 0;
  return out;
}

std::vector<Hit> Snapshot::passages_of(int64_t version, const Filter& filter) const {
  std::vector<Hit> hits;
  for (uint32_t s = 0; s < state_->segments.size(); ++s) {
    const Segment& segment = state_->segments[s]->segment();
    const Sidecar& sidecar = state_->segments[s]->sidecar();
    for (uint32_t r : segment.rows_of(version)) {
      if (filter.clearance && !seen_labels(sidecar, filter)[sidecar.rows[r].label]) continue;
      const VersionRow& row = segment.row(r);
      for (uint32_t p = row.first; p < row.first + row.count; ++p) hits.push_back({s, p, 0, 0});
    }
  }
  std::sort(hits.begin(), hits.end(), [this](const Hit& a, const Hit& b) {
    return state_->segments[a.segment]->segment().passage(a.passage).ordinal <
           state_->segments[b.segment]->segment().passage(b.passage).ordinal;
  });
  return hits;
}

bool tie_precedes(const Snapshot::State& state, const Hit& a, const Hit& b) {
  const Segment& sa = state.segments[a.segment]->segment();
  const Segment& sb = state.segments[b.segment]->segment();
  const PassageRow &pa = sa.passage(a.passage), &pb = sb.passage(b.passage);
  if (pa.row >= sa.row_count() || pb.row >= sb.row_count()) return pa.row < pb.row;  // Damaged.
  const VersionRow &ra = sa.row(pa.row), &rb = sb.row(pb.row);
  if (const int order = sa.record(ra).compare(sb.record(rb)); order != 0) return order < 0;
  if (ra.number != rb.number) return ra.number < rb.number;
  return pa.ordinal < pb.ordinal;
}

uint64_t Snapshot::passage_count() const {
  uint64_t count = 0;
  for (const auto& view : state_->segments) count += view->segment().passage_count();
  return count;
}

int64_t Snapshot::change() const { return state_->change; }

}  // namespace sillok::search
