#include "search/search.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "search/in_use.h"
#include "search/index.h"
#include "search/learned.h"
#include "search/query.h"
#include "search/rerank.h"
#include "text/text.h"

namespace sillok::search {
namespace {

constexpr size_t kReranked = 50;            // candidates looked at closely; more moves recall@1 by under 0.05
constexpr size_t kPhraseCandidates = 1000;  // candidates checked for quoted phrases
constexpr size_t kSnippetLength = 200;      // code points
constexpr size_t kMaxQuery = 4096;          // bytes of a query; longer ones are cut, with a note
constexpr float kTitleShare = 0.6f;         // weight of a term in title or headings against the body

// Terms that any passage holding the phrase must have, whatever stands around it.
void append_required(std::string_view phrase, std::vector<TermId>& required) {
  const std::u32string folded = to_utf32(text::fold(phrase));
  const std::vector<Term> terms = extract_terms(folded);
  bool certain = false;
  for (const Term& term : terms) {
    if (term.term_class == TermClass::kWord || term.term_class == TermClass::kPrefix) continue;
    required.push_back(term.id);
    certain = true;
  }
  // Short alphabetic words have no parts; then the phrase must hold them as whole words.
  for (const Term& term : terms) {
    if (!certain && term.term_class == TermClass::kWord) required.push_back(term.id);
  }
}

std::string fold_for_phrase(std::string_view text) { return collapse_spaces(text::fold(text)); }

struct Prepared {
  ParsedQuery parsed;
  std::vector<std::string> folded_phrases;
  Folded folded;
  RankQuery rank;
};

Result<Prepared> prepare(const Request& request, const Result<govern::Lattice>& lattice, std::vector<std::string>& notes) {
  if (request.clearance && !lattice) return fail(lattice.error());
  std::string_view query = request.query;
  if (query.size() > kMaxQuery) {
    query = query.substr(0, kMaxQuery);
    notes.push_back("the question was cut to its first " + std::to_string(kMaxQuery) + " bytes");
  }
  Prepared p;
  SILLOK_ASSIGN(p.parsed, parse_query(clean_utf8(query)));
  if (trim(p.parsed.text).empty()) {
    // "title:구매규정" alone: the words that the title must have are what is looked for.
    for (const std::string& title : p.parsed.titles) p.parsed.text += (p.parsed.text.empty() ? "" : " ") + title;
  }
  p.folded = fold_with_offsets(p.parsed.text);
  Filter& filter = p.rank.filter;
  filter.as_of = request.as_of == kDayMax ? today() : request.as_of;
  filter.all_versions = request.all_versions;
  filter.clearance = request.clearance;
  filter.lattice = lattice ? &*lattice : nullptr;
  filter.labels = request.labels;
  if (!p.parsed.labels.empty()) {
    std::vector<std::string> both;
    for (const std::string& label : p.parsed.labels) {
      const bool allowed = !request.labels || std::find(request.labels->begin(), request.labels->end(), label) !=
                                                  request.labels->end();
      if (allowed) both.push_back(label);
    }
    filter.labels = std::move(both);
  }
  filter.formats = p.parsed.formats;
  filter.record_prefix = p.parsed.record_prefix;
  filter.after = p.parsed.after;
  filter.before = p.parsed.before;
  for (const std::string& phrase : p.parsed.phrases) {
    append_required(phrase, filter.required);
    p.folded_phrases.push_back(fold_for_phrase(phrase));
  }
  for (const std::string& title : p.parsed.titles) append_required(title, filter.title_required);
  return p;
}

float idf(uint64_t passages, uint64_t df) {
  const auto n = static_cast<float>(passages), d = static_cast<float>(df);
  return std::log(1.0f + (n - d + 0.5f) / (d + 0.5f));
}

// The question with its terms weighted by rarity among what the asker may see.
Question weigh(Prepared& p, const Snapshot& snapshot, std::vector<float>& rarity) {
  std::vector<QuestionTerm> terms = question_terms(p.folded.text);
  std::vector<TermId> ids;
  for (const QuestionTerm& term : terms) ids.push_back(term.id);
  const Snapshot::Statistics statistics = snapshot.statistics(ids, p.rank.filter);
  const RankProfile& profile = rank_profile(p.folded.text);
  p.rank.k1 = profile.k1;
  p.rank.b = profile.b;
  std::vector<float> weights;
  for (size_t i = 0; i < terms.size(); ++i) {
    const float r = idf(statistics.passages, statistics.document_frequency[i]);
    rarity.push_back(r);
    weights.push_back(terms[i].weight * std::pow(r, profile.idf_power));
    const float weight = terms[i].weight * std::pow(r, profile.idf_power - 1);
    p.rank.terms.push_back({ids[i], weight, kTitleShare * weight, 0});
  }
  Question question(p.folded.text, std::move(terms), std::move(weights), rarity);
  // What a term in a passage lets the closer look add at most.
  const float by_terms = profile.sentence + profile.neighbours + profile.coverage;
  const float by_words = (profile.sentence_words + profile.neighbours_words) * question.total();
  const std::vector<float> bounds = question.words_share_bounds();
  for (size_t i = 0; i < ids.size(); ++i) p.rank.terms[i].cover = by_terms * question.weight(i) + by_words * bounds[i];
  return question;
}

PassageResult make_result(const StoredPassage& stored) {
  PassageResult result;
  result.version_id = stored.version;
  result.record = stored.record;
  result.title = stored.title;
  result.anchor = stored.anchor;
  result.format = stored.format;
  result.label = stored.label;
  result.version = stored.number;
  result.ordinal = stored.ordinal;
  result.valid_from = stored.valid_from;
  result.valid_to = stored.valid_to;
  result.context = stored.context;
  result.text = stored.text;
  return result;
}

struct Candidate {
  Hit hit;
  double score = 0;
  double base = 0;      // the score without a trained retriever, where one is used
  double most = 0;      // that the score can become when looked at closely
  bool looked = false;  // score and evidence are those of the closer look
  std::string_view record;
  Evidence evidence;
};

// The score that the last of `limit` results has by what was looked at so far.
class LastScore {
 public:
  LastScore(size_t limit, bool per_record) : limit_(limit), per_record_(per_record) {}

  void add(std::string_view record, double score) {
    if (per_record_) {
      const auto same = std::find(records_.begin(), records_.end(), record);
      if (same != records_.end()) {
        double& best = scores_[static_cast<size_t>(same - records_.begin())];
        best = std::max(best, score);
        return;
      }
      records_.push_back(record);
    }
    scores_.push_back(score);
  }
  // None while there are fewer.
  std::optional<double> get() const {
    if (limit_ == 0 || scores_.size() < limit_) return std::nullopt;
    std::vector<double> order = scores_;
    const auto last = order.begin() + static_cast<std::ptrdiff_t>(limit_) - 1;
    std::nth_element(order.begin(), last, order.end(), std::greater<>());
    return *last;
  }

 private:
  size_t limit_;
  bool per_record_;
  std::vector<std::string_view> records_;  // with per_record_, of each score
  std::vector<double> scores_;
};

// Looks closely at the candidates that can be among the results, most promising first: what a passage can gain is
// bounded by the weight of the terms it holds, which the index knows. The others keep their score, which is lower
// than any result's: the results are those of looking at all.
void look_closely(const Question& question, const RankProfile& profile, const Snapshot& snapshot,
                  const Request& request, std::vector<Candidate>& candidates) {
  constexpr double kRounding = 1e-4;  // of single-precision sums of a few hundred weights, with a margin
  const auto total = static_cast<double>(question.total());
  const double gain = static_cast<double>(profile.gain()) * total;
  std::vector<Candidate*> order;
  for (Candidate& c : candidates) {
    c.record = snapshot.passage(c.hit).record;
    c.most = c.score + std::min(gain, static_cast<double>(c.hit.covered)) * (1 + kRounding) + kRounding * total;
    order.push_back(&c);
  }
  std::stable_sort(order.begin(), order.end(), [](const Candidate* a, const Candidate* b) { return a->most > b->most; });
  LastScore last(request.limit, request.per_record);
  for (Candidate* candidate : order) {
    Candidate& c = *candidate;
    if (const auto score = last.get(); score && c.most < *score) break;
    const StoredPassage stored = snapshot.passage(c.hit);
    c.evidence = match_passage(question, stored.text, stored.context, false);
    c.score += total * static_cast<double>(profile.gain_of(c.evidence.best_unit, c.evidence.best_pair, c.evidence.best_unit_words,
                                                           c.evidence.best_pair_words, c.evidence.coverage));
    c.looked = true;
    last.add(c.record, c.score);
  }
}

// The first kReranked candidates scored again; order: score, then as the index had them.
std::vector<Candidate> rerank(const Question& question, const RankProfile& profile, const Snapshot& snapshot,
                              const Request& request, const std::vector<Hit>& hits) {
  std::vector<Candidate> candidates;
  const size_t closely = std::min(kReranked, hits.size());
  candidates.reserve(hits.size());
  for (size_t i = 0; i < closely; ++i) candidates.push_back({hits[i], hits[i].score, 0, 0, false, {}, {}});
  look_closely(question, profile, snapshot, request, candidates);
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
  for (size_t i = closely; i < hits.size(); ++i) candidates.push_back({hits[i], hits[i].score, 0, 0, false, {}, {}});
  return candidates;
}

// The same with a trained retriever: what it orders first, then the rest as the index had them.
std::vector<Candidate> rerank_learned(std::vector<LearnedCandidate> learned, const std::vector<Hit>& hits) {
  std::vector<Candidate> candidates;
  candidates.reserve(learned.size() + hits.size());
  for (LearnedCandidate& c : learned) candidates.push_back({c.hit, c.score, c.base, 0, true, {}, std::move(c.evidence)});
  for (size_t i = std::min(kReranked, hits.size()); i < hits.size(); ++i) {
    const bool known = std::any_of(learned.begin(), learned.end(), [&](const LearnedCandidate& c) {
      return c.hit.segment == hits[i].segment && c.hit.passage == hits[i].passage;
    });
    if (!known) candidates.push_back({hits[i], hits[i].score, hits[i].score, 0, false, {}, {}});
  }
  return candidates;
}

std::vector<QuestionWord> words_of(const Question& question, const Folded& folded, const std::vector<float>& rarity) {
  std::vector<QuestionWord> words;
  for (const Question::Word& word : question.words()) {
    QuestionWord w;
    w.begin = folded.offset[word.begin];
    w.end = folded.offset[word.end];
    w.rarity = rarity[word.term];
    const QuestionTerm& term = question.terms()[word.term];
    w.content = term.weight > 0.5f * class_weight(term.term_class);
    words.push_back(w);
  }
  return words;
}

bool holds_phrases(const std::vector<std::string>& phrases, std::string_view text) {
  if (phrases.empty()) return true;
  const std::string folded = fold_for_phrase(text);
  return std::all_of(phrases.begin(), phrases.end(),
                     [&](const std::string& phrase) { return folded.find(phrase) != folded.npos; });
}

// Passages that hold the phrases. A question that quotes ("fers"라 불린 기물은?), and one whose phrases nobody wrote,
// is better answered loosely than not at all; a phrase alone is not.
std::vector<Hit> find_candidates(Prepared& p, const Snapshot& snapshot) {
  std::vector<Hit> hits;
  if (!p.parsed.quotes_in_question) {
    hits = snapshot.rank(p.rank);
    std::erase_if(hits, [&](const Hit& hit) { return !holds_phrases(p.folded_phrases, snapshot.passage(hit).text); });
    if (!hits.empty() || !p.parsed.words_beside_phrases || p.folded_phrases.empty()) return hits;
  }
  p.rank.filter.required.clear();
  return snapshot.rank(p.rank);
}

}  // namespace

void mask_personal(Response& response) {
  for (PassageResult& result : response.results) {
    result.title = govern::mask_personal(result.title);
    result.text = govern::mask_personal(result.text);
    result.snippet = govern::mask_personal(result.snippet);
    result.context = govern::mask_personal(result.context);
  }
}

struct Searcher::State {
  State(Index the_index, Result<govern::Lattice> the_lattice, const fs::path& home, const std::optional<fs::path>& retriever = std::nullopt)
      : index(std::move(the_index)), lattice(std::move(the_lattice)), learned(home, retriever) {}

  Index index;
  Result<govern::Lattice> lattice;  // an index alone, without a home, has none; then nobody can ask under a clearance
  RetrieverInUse learned;
};

namespace {

std::vector<LearnedCandidate> look(const Prepared& p, const Question& question, const Snapshot& snapshot, const std::vector<Hit>& hits,
                                   const Retriever& retriever, const SnapshotVectors& vectors) {
  const std::vector<Hit> first(hits.begin(), hits.begin() + static_cast<std::ptrdiff_t>(std::min(kReranked, hits.size())));
  return look_learned(question, rank_profile(p.folded.text), snapshot, p.rank, first, retriever, vectors, p.folded_phrases.empty());
}

}  // namespace

Searcher::Searcher(std::unique_ptr<State> state) : state_(std::move(state)) {}
Searcher::Searcher(Searcher&&) noexcept = default;
Searcher& Searcher::operator=(Searcher&&) noexcept = default;
Searcher::~Searcher() = default;

Result<Searcher> Searcher::open(const fs::path& home, const std::optional<fs::path>& retriever) {
  SILLOK_ASSIGN(Index index, Index::open(home / "index"));
  return Searcher(std::make_unique<State>(std::move(index), govern::Lattice::of_home(home), home, retriever));
}

Result<Searcher> Searcher::of_view(const archive::View& view, const fs::path& folder) {
  SILLOK_ASSIGN(Index index, Index::open(folder));
  SILLOK_TRY(index.add_view(view));
  return Searcher(std::make_unique<State>(std::move(index), view.archive().settings().lattice, fs::path()));
}

Status Searcher::refresh(const archive::Archive& archive) {
  const int64_t before = state_->index.snapshot().change();
  SILLOK_TRY(state_->index.refresh(archive));
  SILLOK_TRY(state_->learned.follow(archive, state_->lattice));
  const Snapshot snapshot = state_->index.snapshot();
  const InUse learned = state_->learned.get();
  learned.vectors_of(snapshot);
  // Vectors of what was erased go with it, whether or not a retriever is in use now.
  if (snapshot.change() != before) tidy_vectors(state_->learned.folder(), snapshot, learned.vectors ? learned.retriever.get() : nullptr);
  return {};
}

void Searcher::use_file(const std::optional<fs::path>& retriever) {
  state_->learned.use_file(retriever);
  state_->learned.get().vectors_of(state_->index.snapshot());
}

bool Searcher::retriever_replaced() const { return state_->learned.replaced(); }

std::string Searcher::retriever_hash() const {
  const InUse learned = state_->learned.get();
  return learned.retriever ? learned.retriever->hash : "";
}

std::vector<std::string> Searcher::check(const archive::Archive& archive) const {
  std::vector<std::string> problems = state_->index.check(archive);
  if (const InUse learned = state_->learned.get(); !learned.problem.empty()) problems.push_back(learned.problem);
  return problems;
}

void Searcher::use(std::optional<RetrieverModel> model) {
  state_->learned.use(std::move(model));
  const Snapshot snapshot = state_->index.snapshot();
  const InUse learned = state_->learned.get();
  learned.vectors_of(snapshot);
  tidy_vectors(state_->learned.folder(), snapshot, learned.vectors ? learned.retriever.get() : nullptr);
}

Result<std::vector<LearningCandidate>> Searcher::candidates(const Request& request) const {
  std::vector<std::string> notes;
  SILLOK_ASSIGN(Prepared p, prepare(request, state_->lattice, notes));
  const Snapshot snapshot = state_->index.snapshot();
  std::vector<float> rarity;
  const Question question = weigh(p, snapshot, rarity);
  std::vector<LearningCandidate> candidates;
  if (question.terms().empty()) return candidates;
  p.rank.limit = p.folded_phrases.empty() ? kReranked : kPhraseCandidates;
  const std::vector<Hit> hits = find_candidates(p, snapshot);
  static const Retriever kNone;
  const InUse learned = state_->learned.get();
  const Retriever& retriever = learned.retriever ? *learned.retriever : kNone;
  for (const LearnedCandidate& c : look(p, question, snapshot, hits, retriever, learned.vectors_of(snapshot))) {
    const StoredPassage stored = snapshot.passage(c.hit);
    candidates.push_back({std::string(stored.record), stored.ordinal, static_cast<float>(c.base / std::max(1e-6, static_cast<double>(question.total()))),
                          {c.features.begin(), c.features.end()}});
  }
  return candidates;
}

Status Searcher::passages(const govern::Clearance& ceiling, const std::function<void(const LearningPassage&)>& sink) const {
  if (!state_->lattice) return fail(state_->lattice.error());
  const Snapshot snapshot = state_->index.snapshot();
  Filter filter;
  filter.as_of = today();
  filter.clearance = ceiling;
  filter.lattice = &*state_->lattice;
  std::vector<Hit> hits;
  for (uint32_t s = 0; s < snapshot.state().segments.size(); ++s) {
    const SegmentView& view = *snapshot.state().segments[s];
    const auto visible = view.visible(filter);
    for (uint32_t p = 0; p < view.segment().passage_count(); ++p) {
      if (visible->has(p)) hits.push_back({s, p, 0, 0});
    }
  }
  std::sort(hits.begin(), hits.end(), [&](const Hit& a, const Hit& b) { return tie_precedes(snapshot.state(), a, b); });
  for (const Hit& hit : hits) {
    const StoredPassage stored = snapshot.passage(hit);
    sink({stored.version, stored.record, stored.title, stored.context, stored.text, stored.label, stored.ordinal});
  }
  return {};
}

std::vector<std::string_view> feature_names() {
  std::vector<std::string_view> names;
  for (size_t f = 0; f < kFeatures; ++f) names.push_back(feature_name(f));
  return names;
}

std::vector<uint64_t> encoder_terms(std::string_view text) {
  std::vector<TermId> terms;
  append_terms(text, terms);
  return terms;
}

uint64_t Searcher::passage_count() const { return state_->index.snapshot().passage_count(); }

Result<Response> Searcher::search(const Request& request) const {
  Response response;
  SILLOK_ASSIGN(Prepared p, prepare(request, state_->lattice, response.notes));
  response.text = p.parsed.text;
  const Snapshot snapshot = state_->index.snapshot();
  std::vector<float> rarity;
  const Question question = weigh(p, snapshot, rarity);
  if (question.terms().empty()) {
    response.notes.push_back("the query has no words to look for");
    return response;
  }
  // Several passages of one record may come first; three times the limit leaves enough records in practice.
  p.rank.limit = std::max(kReranked, request.per_record ? 3 * request.limit : request.limit);
  if (!p.folded_phrases.empty()) p.rank.limit = std::max(p.rank.limit, kPhraseCandidates);
  const std::vector<Hit> hits = find_candidates(p, snapshot);

  const RankProfile& profile = rank_profile(p.folded.text);
  const double most = static_cast<double>(question.total() * (profile.k1 + 1 + profile.gain()));
  const InUse in_use = state_->learned.get();
  const bool learned = in_use.retriever && (!request.clearance || may_use(in_use.retriever->model, *state_->lattice, *request.clearance));
  // Not told under a clearance: why it is not used may be a matter of what the asker may not see.
  if (!in_use.problem.empty() && !request.clearance) response.notes.push_back(in_use.problem);
  std::vector<Candidate> candidates =
      learned ? rerank_learned(look(p, question, snapshot, hits, *in_use.retriever, in_use.vectors_of(snapshot)), hits)
              : rerank(question, profile, snapshot, request, hits);
  std::unordered_set<std::string> seen;
  for (Candidate& candidate : candidates) {
    if (response.results.size() >= request.limit) break;
    const StoredPassage stored = snapshot.passage(candidate.hit, p.rank.filter);
    if (request.per_record && !seen.emplace(stored.record).second) continue;
    PassageResult result = make_result(stored);
    result.score = candidate.score;
    // Confidence was fitted on scores without training: it goes on to rest on them.
    result.share = most > 0 ? (learned ? candidate.base : candidate.score) / most : 0;
    if (!candidate.looked || request.evidence) {
      candidate.evidence = match_passage(question, stored.text, stored.context, request.evidence);
    }
    Snippet snippet = make_snippet(question, stored.text, candidate.evidence.units, kSnippetLength);
    result.snippet = std::move(snippet.text);
    result.matches = std::move(snippet.matches);
    if (request.evidence) {
      result.units = std::move(candidate.evidence.units);
      result.found = std::move(candidate.evidence.found);
    }
    response.results.push_back(std::move(result));
  }
  if (!response.results.empty() && !holds_phrases(p.folded_phrases, response.results[0].text)) {
    response.notes.push_back("the closest passage does not hold the words in quotes as written");
  }
  if (request.evidence) response.words = words_of(question, p.folded, rarity);
  return response;
}

std::vector<PassageResult> Searcher::around(int64_t version_id, uint32_t ordinal, uint32_t radius,
                                            const std::optional<govern::Clearance>& clearance) const {
  const Snapshot snapshot = state_->index.snapshot();
  std::vector<PassageResult> results;
  if (clearance && !state_->lattice) return results;
  Filter filter;
  filter.clearance = clearance;
  filter.lattice = state_->lattice ? &*state_->lattice : nullptr;
  for (const Hit& hit : snapshot.passages_of(version_id, filter)) {
    const StoredPassage stored = snapshot.passage(hit, filter);
    if (stored.ordinal + radius < ordinal || stored.ordinal > ordinal + radius) continue;
    results.push_back(make_result(stored));
  }
  return results;
}

}  // namespace sillok::search
