// Merging joins lists term by term: passages are renumbered, nothing is tokenised again.
#include <algorithm>
#include <queue>

#include "search/segment_file.h"

namespace sillok::search {
namespace {

// New passage numbers of one source, kNoPassage where dropped.
struct Renumbering {
  std::vector<uint32_t> to;
};

// Calls sink(term, postings) for each term of the field over all sources, ascending.
template <typename Sink>
void merge_field(const std::vector<MergeSource>& sources, const std::vector<Renumbering>& numbers, Field field,
                 Sink&& sink) {
  struct Head {
    TermId term;
    size_t source;
    uint64_t index;
    bool operator<(const Head& o) const { return term != o.term ? term > o.term : source > o.source; }
  };
  std::priority_queue<Head> heads;
  const auto push = [&](size_t source, uint64_t index) {
    const Segment& segment = *sources[source].segment;
    if (index < segment.term_count(field)) heads.push({segment.term_at(field, index).term, source, index});
  };
  for (size_t i = 0; i < sources.size(); ++i) push(i, 0);
  std::vector<Posting> postings;
  while (!heads.empty()) {
    const TermId term = heads.top().term;
    postings.clear();
    while (!heads.empty() && heads.top().term == term) {
      const Head head = heads.top();
      heads.pop();
      const Segment& segment = *sources[head.source].segment;
      PostingCursor cursor = segment.cursor(field, segment.term_at(field, head.index));
      while (cursor.next_block()) {
        for (uint32_t k = 0; k < cursor.size(); ++k) {
          const uint32_t passage = numbers[head.source].to[cursor.passages()[k]];
          if (passage != kNoPassage) postings.push_back({passage, cursor.tfs()[k]});
        }
      }
      push(head.source, head.index + 1);
    }
    sink(term, postings);
  }
}

// The rows that stay, with new places; texts are copied when the text section is written.
struct Facts {
  std::vector<VersionRow> rows;
  std::vector<VersionPlace> places;
  std::vector<PassageRow> passages;
  std::vector<uint32_t> lengths;
  std::vector<Renumbering> numbers;
  Sidecar sidecar;
};

Facts gather(const std::vector<MergeSource>& sources) {
  Facts f;
  uint64_t text = 0;
  for (const MergeSource& source : sources) {
    const Segment& segment = *source.segment;
    Renumbering& numbers = f.numbers.emplace_back();
    numbers.to.assign(segment.passage_count(), kNoPassage);
    std::vector<uint32_t> labels;
    for (const std::string& label : source.sidecar->labels) labels.push_back(f.sidecar.label_index(label));
    for (uint32_t r = 0; r < segment.row_count(); ++r) {
      if (!source.dropped.empty() && source.dropped[r]) continue;
      VersionRow row = segment.row(r);
      const uint32_t first = row.first;
      row.first = static_cast<uint32_t>(f.passages.size());
      row.text = text;
      text += uint64_t{row.record_size} + row.title_size + row.format_size;
      RowState state = source.sidecar->rows[r];
      state.label = labels[state.label];
      if (const auto history = source.sidecar->histories.find(r); history != source.sidecar->histories.end()) {
        RowHistory& kept = f.sidecar.histories[static_cast<uint32_t>(f.sidecar.rows.size())] = history->second;
        for (auto& later : kept.later) later.first = labels[later.first];
        for (auto& before : kept.before) before.first = labels[before.first];
      }
      f.sidecar.rows.push_back(state);
      f.places.push_back({row.version, static_cast<uint32_t>(f.rows.size()), 0});
      for (uint32_t p = first; p < first + row.count; ++p) {
        PassageRow passage = segment.passage(p);
        numbers.to[p] = static_cast<uint32_t>(f.passages.size());
        passage.row = static_cast<uint32_t>(f.rows.size());
        passage.text = text;
        text += uint64_t{passage.anchor_size} + passage.context_size + passage.text_size;
        f.passages.push_back(passage);
        f.lengths.push_back(segment.lengths()[p]);
      }
      f.rows.push_back(row);
    }
  }
  std::stable_sort(f.places.begin(), f.places.end(),
                   [](const VersionPlace& a, const VersionPlace& b) { return a.version < b.version; });
  return f;
}

void write_text(const std::vector<MergeSource>& sources, SegmentWriter& out) {
  for (const MergeSource& source : sources) {
    const Segment& segment = *source.segment;
    for (uint32_t r = 0; r < segment.row_count(); ++r) {
      if (!source.dropped.empty() && source.dropped[r]) continue;
      const VersionRow& row = segment.row(r);
      for (std::string_view part : {segment.record(row), segment.title(row), segment.format(row)}) out.append(part);
      for (uint32_t p = row.first; p < row.first + row.count; ++p) {
        const PassageRow& passage = segment.passage(p);
        for (std::string_view part : {segment.anchor(passage), segment.context(passage), segment.body(passage)}) {
          out.append(part);
        }
      }
    }
  }
}

}  // namespace

Result<Sidecar> merge_segments(const std::vector<MergeSource>& sources, const fs::path& path, uint64_t id) {
  uint64_t terms[2] = {0, 0};
  for (const MergeSource& source : sources) {
    // A damaged source must not be laundered into a new file with good checksums.
    if (const std::string wrong = source.segment->verify_checksums(); !wrong.empty()) {
      return fail(ErrorCode::kInvalid, "index segment " + std::to_string(source.segment->id()) + ": " + wrong +
                                           "; the next refresh rebuilds the index");
    }
    terms[0] = std::max(terms[0], source.segment->term_count(Field::kBody));
    terms[1] = std::max(terms[1], source.segment->term_count(Field::kTitle));
  }
  Facts facts = gather(sources);
  SILLOK_ASSIGN(SegmentWriter out, SegmentWriter::create(path, id));
  const std::vector<uint32_t> no_lengths;
  for (Field field : {Field::kBody, Field::kTitle}) {
    FieldWriter writer(out, field, terms[static_cast<size_t>(field)],
                       field == Field::kBody ? facts.lengths : no_lengths);
    merge_field(sources, facts.numbers, field,
                [&](TermId term, const std::vector<Posting>& postings) { writer.add(term, postings); });
    writer.finish();
  }
  out.begin(Section::kRows);
  out.append_array(facts.rows);
  out.begin(Section::kVersions);
  out.append_array(facts.places);
  out.begin(Section::kPassages);
  out.append_array(facts.passages);
  out.begin(Section::kLengths);
  out.append_array(facts.lengths);
  out.begin(Section::kText);
  write_text(sources, out);
  SILLOK_TRY(out.finish(static_cast<uint32_t>(facts.passages.size())));
  return std::move(facts.sidecar);
}

}  // namespace sillok::search
