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
// accumulating over a window of passages that stays in the cache does not choose at all. A weak list is looked up
// passage by passage only where few passages of the window are left; else it is accumulated too, which costs less for
// each posting. Knowing the final threshold from the start was tried: it saves a sixth of the time, without counting
// what finding it out costs.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "search/snapshot.h"
#include "search/window.h"

namespace sillok::search {
namespace {

constexpr uint32_t kFirstWindow = 1 << 11;  // passages; the first gives a threshold, so it is short
// Relative error allowed between a single-precision sum of 2 x kMaxRankTerms parts and the exact one (512 x 2^-24 is
// 3e-5), both ways, with a margin.
constexpr double kSlack = 1 - 4e-4;
// Where a filter passes fewer than one in this many passages of a window, only those are looked at.
constexpr uint32_t kSparse = 16;

// One term of the query in one field, over all segments.
struct QueryPart {
  size_t term = 0;  // index into the query's terms
  Field field = Field::kBody;
  double factor = 0;  // weight x idf x (k1 + 1)
  size_t entries = 0;  // of its dictionary entries, one per segment, in Ranking::entries_
};

struct Candidate {
  uint32_t segment = 0, passage = 0;
  float approximate = 0;
  double exact = 0;
  float covered = 0;
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
  Window window;
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
  // Also appends the term's entry in each segment; df 0 where it has none or nothing is visible.
  uint64_t document_frequency(const Snapshot::State& state, Field field, TermId term,
                              std::vector<TermEntry>& entries) const {
    uint64_t df = 0;
    for (size_t s = 0; s < visible.size(); ++s) {
      entries.emplace_back();
      if (visible[s]->count == 0) continue;
      const Segment& segment = state.segments[s]->segment();
      entries.back() = segment.find(field, term);
      if (entries.back().df > 0) df += visible[s]->document_frequency(segment, field, entries.back());
    }
    return df;
  }
};

// One query over one snapshot.
class Ranking {
 public:
  Ranking(const Snapshot::State& state, const RankQuery& query)
      : state_(state), query_(query), scope_(state, query.filter), threshold_(query.limit), s_(scratch()),
        found_limit_(16 * query.limit + Window::kSize) {
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
      size_t entries[2];
    };
    std::vector<Weighed> weighed;
    for (size_t t = 0; t < query_.terms.size(); ++t) {
      const RankTerm& term = query_.terms[t];
      Weighed w{0, t, {0, 0}, {0, 0}};
      const float weights[2] = {term.weight, term.title_weight};
      if (!(term.weight > 0)) uncounted_ += term.cover;
      for (Field field : {Field::kBody, Field::kTitle}) {
        const auto f = static_cast<size_t>(field);
        if (!(weights[f] > 0)) continue;
        w.entries[f] = entries_.size();
        const uint64_t df = scope_.document_frequency(state_, field, term.term, entries_);
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
      if (w.factor[0] > 0) parts_.push_back({w.term, Field::kBody, w.factor[0] * k1_plus, w.entries[0]});
      if (w.factor[1] > 0) parts_.push_back({w.term, Field::kTitle, w.factor[1] * k1_plus, w.entries[1]});
    }
  }

  const Norm& norm(Field field) const { return field == Field::kBody ? body_norm_ : title_norm_; }

  const TermEntry& entry(const QueryPart& part, size_t segment) const { return entries_[part.entries + segment]; }

  double upper_bound(const QueryPart& part, const TermEntry& entry) const {
    if (entry.max_tf == kSaturated) return part.factor;
    return part.factor * tf_part(entry.max_tf, norm(part.field), entry.min_length);
  }

  void search_segment(uint32_t index) {
    const SegmentView& view = *state_.segments[index];
    const Visible& visible = *scope_.visible[index];
    if (visible.count == 0) return;
    open_lists(index, view.segment());
    if (s_.lists.empty() || s_.bounds.back() < threshold_.cut()) return;

    const Segment& segment = view.segment();
    std::vector<uint64_t> allowed;
    if (has_restrictions(query_.filter)) allowed = restricted(view, visible, query_.filter);
    if (query_.only != nullptr) keep_only(index, visible, allowed);
    const std::vector<uint64_t>* filter = !allowed.empty() ? &allowed : visible.all ? nullptr : &visible.bits;
    for (uint32_t begin = 0, size = kFirstWindow; begin < segment.passage_count(); begin += size, size = Window::kSize) {
      search_window(index, segment, filter, begin, std::min(segment.passage_count(), begin + size));
    }
  }

  // Of the allowed (empty: the visible) passages those that are asked for.
  void keep_only(uint32_t index, const Visible& visible, std::vector<uint64_t>& allowed) const {
    const std::vector<uint64_t> before = std::move(allowed);
    allowed.assign((state_.segments[index]->segment().passage_count() + 63) / 64, 0);
    for (const Hit& hit : *query_.only) {
      if (hit.segment != index) continue;
      const uint64_t bit = uint64_t{1} << (hit.passage % 64);
      const bool passes = before.empty() ? visible.has(hit.passage) : (before[hit.passage / 64] & bit) != 0;
      if (passes) allowed[hit.passage / 64] |= bit;
    }
  }

  // The query's lists in the segment, weakest first, and their bounds.
  void open_lists(uint32_t index, const Segment& segment) {
    std::vector<std::pair<double, const QueryPart*>> ordered;  // Not List: a cursor is too large to be moved about.
    for (const QueryPart& part : parts_) {
      if (entry(part, index).df > 0) ordered.emplace_back(upper_bound(part, entry(part, index)), &part);
    }
    std::sort(ordered.begin(), ordered.end());
    s_.lists.clear();
    s_.bounds.assign(1, 0);
    for (const auto& [bound, part] : ordered) {
      const TermEntry& e = entry(*part, index);
      s_.lists.push_back({segment.cursor(part->field, e), static_cast<float>(part->factor),
                          part->field == Field::kTitle, e.df});
      s_.bounds.push_back(s_.bounds.back() + bound);
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
    Window& window = s_.window;
    window.move(begin, end);
    if (filter != nullptr) {
      window.open_allowed(*filter);
      if (window.open().empty()) return;
    }
    window.reset(segment, body_norm_, title_norm_);
    size_t left = s_.lists.size();  // lists that are not in the sums of all open passages
    if (filter == nullptr || window.open().size() >= (end - begin) / kSparse) {
      while (left > weak) window.accumulate(s_.lists[--left]);
      if (filter == nullptr) window.open_reaching(needed(left));
      else window.close_below(needed(left));
    }
    while (left > 0 && !window.open().empty()) {
      window.add(s_.lists[--left]);
      window.close_below(needed(left));
    }
    for (uint32_t i : window.open()) {
      const float sum = window.sum(i);
      if (sum < threshold_.cut()) continue;
      threshold_.add(sum);
      s_.found.push_back({segment_index, begin + i, sum, 0, 0});
    }
    if (s_.found.size() > found_limit_) {
      drop_hopeless();
      // Ties are never hopeless: they are looked at a few times, not at each window.
      found_limit_ += 2 * s_.found.size();
    }
  }

  // What a passage must have when the weakest `left` lists are still to come. Above 0 unless these suffice alone: some
  // term must be in it.
  float needed(size_t left) const {
    const double rest = (threshold_.cut() - s_.bounds[left]) * kSlack;
    if (left > 0 && rest <= 0) return 0;
    return std::max(static_cast<float>(rest), std::numeric_limits<float>::denorm_min());
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
        const TermEntry& e = entry(part, s_.found[from].segment);
        if (e.df == 0) continue;
        PostingCursor cursor = segment.cursor(part.field, e);
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
      return tie_precedes(state_, {a.segment, a.passage, 0, 0}, {b.segment, b.passage, 0, 0});
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

  const Snapshot::State& state_;
  const RankQuery& query_;
  const Scope scope_;
  Threshold threshold_;
  Scratch& s_;
  std::vector<QueryPart> parts_;
  std::vector<TermEntry> entries_;  // what choose_parts looked up; see QueryPart::entries
  size_t found_limit_;  // found is thinned out beyond this
  Norm body_norm_, title_norm_;
  float uncounted_ = 0;  // RankTerm::cover of the terms that no part stands for: not looked up, so not known absent
};

}  // namespace

std::vector<Hit> Snapshot::rank(const RankQuery& query) const { return Ranking(*state_, query).run(); }

Snapshot::Statistics Snapshot::statistics(const std::vector<TermId>& terms, const Filter& filter) const {
  const Scope scope(*state_, filter);
  Statistics statistics;
  statistics.passages = scope.passages;
  statistics.mean_length = scope.mean_length();
  std::vector<TermEntry> entries;
  for (TermId term : terms) {
    entries.clear();
    statistics.document_frequency.push_back(scope.document_frequency(*state_, Field::kBody, term, entries));
  }
  return statistics;
}

}  // namespace sillok::search
