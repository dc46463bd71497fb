// Ranking: BM25 over windows of passages, by MaxScore.
//
//   score(p) = sum over query terms t, in query order, of
//              weight_t x idf(t) x (k1 + 1) x tf / (tf + k1 x (1 - b + b x length / mean length))
//            + title_weight_t x idf_title(t) x (k1 + 1) x tf_title / (tf_title + k1)
//   idf(t) = ln(1 + (N - df + 0.5) / (df + 0.5)), df in bodies and in titles apart.
//
// Two steps. The first finds candidates with single-precision scores, in any order of summation and with lists that
// cannot decide left for last; whatever may belong to the best within the rounding error (kSlack) is kept. The
// second computes the candidates' scores in double precision in query order. Only the second decides, so pruning,
// segments and passages that are not visible cannot change a bit of the result.
//
// Long questions (60 terms are usual) make document-at-a-time pruning spend its time on choosing the next passage;
// accumulating over a window of passages that stays in the cache does not choose at all.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "search/snapshot.h"

namespace sillok::search {
namespace {

constexpr uint32_t kWindow = 1 << 13;       // passages; their sums and length factors stay in the L1 and L2 caches
constexpr uint32_t kFirstWindow = 1 << 11;  // the first gives a threshold, so it is short
// Relative error allowed between a single-precision sum of 2 x kMaxRankTerms parts and the exact one (512 x 2^-24 is
// 3e-5), both ways, with a margin.
constexpr double kSlack = 1 - 4e-4;

// One term of the query in one field, over all segments.
struct QueryPart {
  size_t term = 0;  // index into the query's terms
  Field field = Field::kBody;
  double factor = 0;  // weight x idf x (k1 + 1)
};

struct Norm {
  double base = 0, per_length = 0;  // tf / (tf + base + per_length x length)
};

struct Candidate {
  uint32_t segment = 0, passage = 0;
  float approximate = 0;
  double exact = 0;
  float covered = 0;
};

// A list of one segment being scored.
struct List {
  PostingCursor cursor;
  float factor = 0;
  double bound = 0;  // of its contribution to any passage
  bool title = false;
};

// The k best approximate scores so far; its smallest is what a passage has to reach.
class Threshold {
 public:
  explicit Threshold(size_t k) : k_(k) { heap_.reserve(k + 1); }
  double cut() const { return heap_.size() < k_ ? 0 : static_cast<double>(heap_.front()) * kSlack; }
  void add(float score) {
    if (heap_.size() == k_ && score <= heap_.front()) return;
    heap_.push_back(score);
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
    if (heap_.size() <= k_) return;
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    heap_.pop_back();
  }

 private:
  size_t k_;
  std::vector<float> heap_;
};

// Reused by all queries of a thread.
struct Scratch {
  std::vector<List> lists;
  std::vector<double> bounds;  // bounds[i]: sum of the bounds of lists 0..i-1
  std::vector<Candidate> found;
  std::vector<uint32_t> open;  // passages of the window still in the running
  float sums[kWindow], norms[kWindow];
};

Scratch& scratch() {
  thread_local auto instance = std::make_unique<Scratch>();
  return *instance;
}

double idf(uint64_t passages, uint64_t df) {
  const auto n = static_cast<double>(passages), d = static_cast<double>(df);
  return std::log(1 + (n - d + 0.5) / (d + 0.5));
}

double tf_part(double tf, const Norm& norm, double length) { return tf / (tf + (norm.base + norm.per_length * length)); }

// What the filter lets through, in every segment, and the numbers that follow from it.
struct Scope {
  std::vector<std::shared_ptr<const Visible>> visible;
  uint64_t passages = 0, length_sum = 0;

  Scope(const Snapshot::State& state, const Filter& filter) {
    for (const auto& view : state.segments) {
      visible.push_back(view->visible(filter));
      passages += visible.back()->count;
      length_sum += visible.back()->length_sum;
    }
  }
  double mean_length() const {
    return passages == 0 ? 0 : static_cast<double>(length_sum) / static_cast<double>(passages);
  }
  uint64_t document_frequency(const Snapshot::State& state, Field field, TermId term) const {
    uint64_t df = 0;
    for (size_t s = 0; s < visible.size(); ++s) {
      if (visible[s]->count == 0) continue;
      const Segment& segment = state.segments[s]->segment();
      if (const TermEntry entry = segment.find(field, term); entry.df > 0) {
        df += visible[s]->document_frequency(segment, field, entry);
      }
    }
    return df;
  }
};

// One query over one snapshot.
class Ranking {
 public:
  Ranking(const Snapshot::State& state, const RankQuery& query)
      : state_(state), query_(query), scope_(state, query.filter), threshold_(query.limit), s_(scratch()) {
    const double k1 = query.k1, b = query.b, mean = scope_.mean_length();
    body_norm_ = {k1 * (1 - b), mean > 0 ? k1 * b / mean : 0};
    title_norm_ = {k1, 0};
    s_.found.clear();
  }

  std::vector<Hit> run() {
    if (query_.limit == 0 || scope_.passages == 0) return {};
    choose_parts();
    for (uint32_t i = 0; i < state_.segments.size(); ++i) search_segment(i);
    return finish();
  }

 private:
  // The parts that count, in query order; of too many terms those that can add most.
  void choose_parts() {
    struct Weighed {
      double key;
      size_t term;
      double factor[2];
    };
    std::vector<Weighed> weighed;
    for (size_t t = 0; t < query_.terms.size(); ++t) {
      const RankTerm& term = query_.terms[t];
      Weighed w{0, t, {0, 0}};
      const float weights[2] = {term.weight, term.title_weight};
      if (!(term.weight > 0)) uncounted_ += term.cover;
      for (Field field : {Field::kBody, Field::kTitle}) {
        const auto f = static_cast<size_t>(field);
        if (!(weights[f] > 0)) continue;
        const uint64_t df = scope_.document_frequency(state_, field, term.term);
        if (df > 0) w.factor[f] = static_cast<double>(weights[f]) * idf(scope_.passages, df);
        w.key = std::max(w.key, w.factor[f]);
      }
      if (w.key > 0) weighed.push_back(w);
    }
    if (weighed.size() > kMaxRankTerms) {
      std::stable_sort(weighed.begin(), weighed.end(), [](const Weighed& a, const Weighed& b) { return a.key > b.key; });
      for (size_t i = kMaxRankTerms; i < weighed.size(); ++i) uncounted_ += query_.terms[weighed[i].term].cover;
      weighed.resize(kMaxRankTerms);
      std::sort(weighed.begin(), weighed.end(), [](const Weighed& a, const Weighed& b) { return a.term < b.term; });
    }
    const double k1_plus = static_cast<double>(query_.k1) + 1;
    for (const Weighed& w : weighed) {
      if (w.factor[0] > 0) parts_.push_back({w.term, Field::kBody, w.factor[0] * k1_plus});
      if (w.factor[1] > 0) parts_.push_back({w.term, Field::kTitle, w.factor[1] * k1_plus});
    }
  }

  const Norm& norm(Field field) const { return field == Field::kBody ? body_norm_ : title_norm_; }

  double upper_bound(const QueryPart& part, const TermEntry& entry) const {
    if (entry.max_tf == kSaturated) return part.factor;
    return part.factor * tf_part(entry.max_tf, norm(part.field), entry.min_length);
  }

  void search_segment(uint32_t index) {
    const SegmentView& view = *state_.segments[index];
    const Visible& visible = *scope_.visible[index];
    if (visible.count == 0) return;
    const Segment& segment = view.segment();
    s_.lists.clear();
    for (const QueryPart& part : parts_) {
      const TermEntry entry = segment.find(part.field, query_.terms[part.term].term);
      if (entry.df == 0) continue;
      s_.lists.push_back({segment.cursor(part.field, entry), static_cast<float>(part.factor),
                          upper_bound(part, entry), part.field == Field::kTitle});
    }
    if (s_.lists.empty()) return;
    std::sort(s_.lists.begin(), s_.lists.end(), [](const List& a, const List& b) { return a.bound < b.bound; });
    s_.bounds.assign(1, 0);
    for (const List& list : s_.lists) s_.bounds.push_back(s_.bounds.back() + list.bound);
    if (s_.bounds.back() < threshold_.cut()) return;

    std::vector<uint64_t> allowed;
    if (has_restrictions(query_.filter)) allowed = restricted(view, visible, query_.filter);
    const std::vector<uint64_t>* filter = !allowed.empty() ? &allowed : visible.all ? nullptr : &visible.bits;
    for (uint32_t begin = 0, size = kFirstWindow; begin < segment.passage_count(); begin += size, size = kWindow) {
      search_window(index, segment, filter, begin, std::min(segment.passage_count(), begin + size));
    }
  }

  // How many of the lists, weakest first, cannot lift a passage over the threshold by themselves.
  size_t weak_lists(double cut) const {
    size_t weak = 0;
    while (weak < s_.lists.size() && s_.bounds[weak + 1] < cut) ++weak;
    return weak;
  }

  void search_window(uint32_t segment_index, const Segment& segment, const std::vector<uint64_t>* filter,
                     uint32_t begin, uint32_t end) {
    const size_t weak = weak_lists(threshold_.cut());
    if (weak == s_.lists.size()) return;
    const uint32_t size = end - begin;
    const auto base = static_cast<float>(body_norm_.base), per_length = static_cast<float>(body_norm_.per_length);
    const uint32_t* const lengths = segment.lengths() + begin;
    for (uint32_t i = 0; i < size; ++i) s_.norms[i] = base + per_length * static_cast<float>(static_cast<int32_t>(lengths[i]));
    std::memset(s_.sums, 0, size * sizeof(float));
    for (size_t l = weak; l < s_.lists.size(); ++l) accumulate(s_.lists[l], begin, end);

    const auto needed = static_cast<float>(std::max(0.0, threshold_.cut() - s_.bounds[weak]) * kSlack);
    s_.open.clear();
    for (uint32_t i = 0; i < size; ++i) {
      if (s_.sums[i] < needed || s_.sums[i] <= 0) continue;
      const uint32_t p = begin + i;
      if (filter != nullptr && ((*filter)[p / 64] >> (p % 64) & 1) == 0) continue;
      s_.open.push_back(i);
    }
    for (size_t l = weak; l-- > 0 && !s_.open.empty();) complete(l, begin);
    for (uint32_t i : s_.open) {
      if (s_.sums[i] < threshold_.cut()) continue;
      threshold_.add(s_.sums[i]);
      s_.found.push_back({segment_index, begin + i, s_.sums[i], 0, 0});
    }
    if (s_.found.size() > 16 * query_.limit + kWindow) drop_hopeless();
  }

  // Adds a list's contributions to the window's sums.
  void accumulate(List& list, uint32_t begin, uint32_t end) {
    PostingCursor& c = list.cursor;
    if (!c.seek_block(begin)) return;
    const auto constant = static_cast<float>(title_norm_.base);
    for (;;) {
      const uint32_t n = c.size();
      const uint32_t* const passages = c.passages();
      const uint32_t* const tfs = c.tfs();
      uint32_t k = c.position;
      while (k < n && passages[k] < begin) ++k;
      // Damaged lists may hold passages in any order: none outside the window is touched.
      for (; k < n && passages[k] < end; ++k) {
        const uint32_t i = passages[k] - begin;
        const auto tf = static_cast<float>(static_cast<int32_t>(tfs[k]));
        s_.sums[i] += list.factor * tf / (tf + (list.title ? constant : s_.norms[i]));
      }
      c.position = k;
      if (k < n || !c.next_block()) return;
    }
  }

  // Adds list l to the passages still open, and closes those that cannot reach the threshold with what is left.
  void complete(size_t l, uint32_t begin) {
    List& list = s_.lists[l];
    const auto constant = static_cast<float>(title_norm_.base);
    const auto needed = static_cast<float>(std::max(0.0, threshold_.cut() - s_.bounds[l]) * kSlack);
    size_t kept = 0;
    for (uint32_t i : s_.open) {
      if (const uint32_t count = list.cursor.tf_of(begin + i); count > 0) {
        const auto tf = static_cast<float>(static_cast<int32_t>(count));
        s_.sums[i] += list.factor * tf / (tf + (list.title ? constant : s_.norms[i]));
      }
      if (s_.sums[i] >= needed) s_.open[kept++] = i;
    }
    s_.open.resize(kept);
  }

  void drop_hopeless() {
    const double cut = threshold_.cut();
    std::erase_if(s_.found, [cut](const Candidate& c) { return static_cast<double>(c.approximate) < cut; });
  }

  // The exact score of every candidate: found is in order of segment and passage, so each list is walked once.
  void score_exactly() {
    for (size_t from = 0; from < s_.found.size();) {
      size_t to = from;
      while (to < s_.found.size() && s_.found[to].segment == s_.found[from].segment) ++to;
      const Segment& segment = state_.segments[s_.found[from].segment]->segment();
      for (const QueryPart& part : parts_) {
        const TermEntry entry = segment.find(part.field, query_.terms[part.term].term);
        if (entry.df == 0) continue;
        PostingCursor cursor = segment.cursor(part.field, entry);
        for (size_t i = from; i < to; ++i) {
          const uint32_t tf = cursor.tf_of(s_.found[i].passage);
          if (tf == 0) continue;
          s_.found[i].exact +=
              part.factor * tf_part(tf, norm(part.field), segment.lengths()[s_.found[i].passage]);
          if (part.field == Field::kBody) s_.found[i].covered += query_.terms[part.term].cover;
        }
      }
      from = to;
    }
  }

  std::vector<Hit> finish() {
    drop_hopeless();
    score_exactly();
    const auto precedes = [this](const Candidate& a, const Candidate& b) {
      const auto x = static_cast<float>(a.exact), y = static_cast<float>(b.exact);
      if (x != y) return x > y;
      return tie_precedes(a, b);
    };
    const size_t count = std::min(query_.limit, s_.found.size());
    std::partial_sort(s_.found.begin(), s_.found.begin() + static_cast<std::ptrdiff_t>(count), s_.found.end(), precedes);
    std::vector<Hit> hits;
    hits.reserve(count);
    for (size_t i = 0; i < count; ++i) {
      hits.push_back({s_.found[i].segment, s_.found[i].passage, static_cast<float>(s_.found[i].exact),
                      s_.found[i].covered + uncounted_});
    }
    return hits;
  }

  bool tie_precedes(const Candidate& a, const Candidate& b) const {
    const Segment& sa = state_.segments[a.segment]->segment();
    const Segment& sb = state_.segments[b.segment]->segment();
    const PassageRow &pa = sa.passage(a.passage), &pb = sb.passage(b.passage);
    if (pa.row >= sa.row_count() || pb.row >= sb.row_count()) return pa.row < pb.row;  // Damaged.
    const VersionRow &ra = sa.row(pa.row), &rb = sb.row(pb.row);
    if (const int order = sa.record(ra).compare(sb.record(rb)); order != 0) return order < 0;
    if (ra.number != rb.number) return ra.number < rb.number;
    return pa.ordinal < pb.ordinal;
  }

  const Snapshot::State& state_;
  const RankQuery& query_;
  const Scope scope_;
  Threshold threshold_;
  Scratch& s_;
  std::vector<QueryPart> parts_;
  Norm body_norm_, title_norm_;
  float uncounted_ = 0;  // RankTerm::cover of the terms that no part stands for: not looked up, so not known absent
};

}  // namespace

Snapshot::Snapshot(std::shared_ptr<const State> state) : state_(std::move(state)) {}

std::vector<Hit> Snapshot::rank(const RankQuery& query) const { return Ranking(*state_, query).run(); }

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

Snapshot::Statistics Snapshot::statistics(const std::vector<TermId>& terms, const Filter& filter) const {
  const Scope scope(*state_, filter);
  Statistics statistics;
  statistics.passages = scope.passages;
  statistics.mean_length = scope.mean_length();
  for (TermId term : terms) {
    statistics.document_frequency.push_back(scope.document_frequency(*state_, Field::kBody, term));
  }
  return statistics;
}

std::vector<Hit> Snapshot::passages_of(int64_t version) const {
  std::vector<Hit> hits;
  for (uint32_t s = 0; s < state_->segments.size(); ++s) {
    const Segment& segment = state_->segments[s]->segment();
    for (uint32_t r : segment.rows_of(version)) {
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

uint64_t Snapshot::passage_count() const {
  uint64_t count = 0;
  for (const auto& view : state_->segments) count += view->segment().passage_count();
  return count;
}

int64_t Snapshot::change() const { return state_->change; }

}  // namespace sillok::search
