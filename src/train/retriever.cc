#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "evaluate/evaluate.h"
#include "train/ceiling.h"
#include "train/rerank.h"
#include "train/retriever_pairs.h"
#include "train/retriever_work.h"

namespace sillok::train {
namespace {

constexpr uint32_t kSelfPasses = 1, kGoldPasses = 2;  // over the made-up and the gold pairs; more of the first forget rare terms
constexpr size_t kMeasuredQuestions = 2000;           // made-up questions measured at most
constexpr size_t kFewRows = 25;                       // candidates of a question that the network learns from, right ones besides
// What the fitted scalars are chosen from: of the network's gain; of the cosine without a network.
constexpr double kShares[] = {0, 0.25, 0.5, 0.75, 1};
constexpr double kClear = 0.01;  // chance of such a gain on made-up questions if there were none
constexpr double kCosineWeights[] = {0, 0.02, 0.05, 0.1, 0.2};

// A question with what the searcher found for it.
struct Asked {
  std::string text;
  std::vector<std::string> records;
  uint32_t fold = 0;
  std::vector<std::string> found;  // record of each candidate
  RankedQuestion ranked;
  Pair pair;                       // for the encoder
  bool has_pair = false;
};

// Runs body(i) for i < count on some threads; each i by itself, so the result does not depend on how many.
void parallel(size_t count, uint32_t threads, const std::function<void(size_t)>& body) {
  std::atomic<size_t> next{0};
  std::vector<std::thread> team;
  const auto work = [&] {
    for (size_t i = next++; i < count; i = next++) body(i);
  };
  for (uint32_t t = 1; t < threads; ++t) team.emplace_back(work);
  work();
  for (std::thread& thread : team) thread.join();
}

bool is_right(const Asked& q, const std::string& record) {
  return std::find(q.records.begin(), q.records.end(), record) != q.records.end();
}

// Candidates of the questions `which` says, as the searcher finds them now.
Status look_up(const search::Searcher& searcher, const govern::Clearance& ceiling, std::vector<Asked>& asked, uint32_t threads,
               const std::function<bool(const Asked&)>& which, RetrieverWork& work, const Progress& progress) {
  std::vector<Status> failed(asked.size());
  std::atomic<uint64_t> done{0};
  std::atomic<bool> stopped{false};
  Status over;  // written by the thread that stops the others
  parallel(asked.size(), threads, [&](size_t i) {
    Asked& q = asked[i];
    if (stopped || !which(q)) return;
    search::Request request;
    request.query = q.text;
    request.clearance = ceiling;
    auto candidates = searcher.candidates(request);
    if (!candidates) {
      failed[i] = fail(candidates.error());
      return;
    }
    q.found.clear();
    q.ranked = {};
    for (search::LearningCandidate& c : *candidates) {
      q.ranked.right.push_back(is_right(q, c.record));
      q.ranked.base.push_back(c.base);
      q.ranked.features.push_back(std::move(c.features));
      q.found.push_back(std::move(c.record));
    }
    if (const uint64_t n = ++done; progress && n % 256 == 0) progress("asking", n, asked.size());
    if (Status within = work.did(RetrieverPart::kAsking, 1); !within && !stopped.exchange(true)) over = std::move(within);
  });
  SILLOK_TRY(over);
  for (size_t i = 0; i < asked.size(); ++i) {
    if (!failed[i]) return fail(failed[i].error().in("the question \"" + shorten(asked[i].text, 40) + "\""));
  }
  return {};
}

// ---- Figures

// Rank, from 1, of the first right record by score; 0 if it is none of the candidates. Passages of a record count once.
size_t rank_of(const Asked& q, const std::vector<double>& scores) {
  std::vector<size_t> order(scores.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  std::vector<std::string_view> seen;
  for (size_t i : order) {
    if (std::find(seen.begin(), seen.end(), q.found[i]) != seen.end()) continue;
    seen.push_back(q.found[i]);
    if (q.ranked.right[i]) return seen.size();
  }
  return 0;
}

// Is a rank (0: not found) before another?
bool precedes(size_t a, size_t b) { return a != 0 && (b == 0 || a < b); }

struct Counted {
  double first = 0, five = 0, reciprocal = 0;
  size_t questions = 0;
  void add(size_t rank) {
    ++questions;
    if (rank == 1) ++first;
    if (rank >= 1 && rank <= 5) ++five;
    if (rank >= 1 && rank <= 10) reciprocal += 1.0 / static_cast<double>(rank);
  }
  RetrieverFigures figures() const {
    const double n = 0.01 * static_cast<double>(std::max<size_t>(1, questions));
    return {first / n, five / n, reciprocal / n};
  }
};

std::vector<double> base_scores(const Asked& q) { return {q.ranked.base.begin(), q.ranked.base.end()}; }

std::vector<double> scores_with(const Asked& q, const std::vector<float>& gains, double share) {
  std::vector<double> scores = base_scores(q);
  for (size_t i = 0; i < scores.size(); ++i) scores[i] += share * static_cast<double>(gains[i]);
  return scores;
}

bool not_worse(const RetrieverFigures& trained, const RetrieverFigures& lexical) {
  return trained.recall_at_1 >= lexical.recall_at_1 && trained.mrr_10 >= lexical.mrr_10;
}

// ---- Gold questions

// Folds of groups: shuffled by the seed, then dealt out to the fold that has fewest questions.
void deal_folds(std::vector<Asked>& asked, const std::vector<std::string>& groups, const RetrieverOptions& options) {
  std::map<std::pair<uint64_t, std::string>, std::vector<size_t>> by_group;
  for (size_t i = 0; i < asked.size(); ++i) by_group[{hash64(groups[i], options.seed), groups[i]}].push_back(i);
  std::vector<size_t> sizes(options.folds, 0);
  for (const auto& [key, members] : by_group) {
    const auto fold = std::min_element(sizes.begin(), sizes.end()) - sizes.begin();
    sizes[static_cast<size_t>(fold)] += members.size();
    for (size_t i : members) asked[i].fold = static_cast<uint32_t>(fold);
  }
}

// From candidates without training: the passage that answers and the first that does not.
void choose_pairs(const Corpus& corpus, std::vector<Asked>& asked, uint32_t buckets) {
  for (Asked& q : asked) {
    const auto passage_of = [&](const std::string& record) -> const std::vector<uint32_t>* {
      const auto at = corpus.by_record.find(record);
      return at == corpus.by_record.end() ? nullptr : &at->second;
    };
    const std::vector<uint32_t>* right = nullptr;
    for (const std::string& record : q.records) {
      if (right == nullptr) right = passage_of(record);
    }
    if (right == nullptr) continue;
    q.pair.question = question_bag(q.text, buckets);
    // Of a record with several passages the one that shares most weighted terms with the question.
    float best = -1;
    for (uint32_t p : *right) {
      float shared = 0;
      const Bag &a = q.pair.question, &b = corpus.bags[p];
      for (size_t i = 0, k = 0; i < a.buckets.size() && k < b.buckets.size();) {
        if (a.buckets[i] == b.buckets[k]) shared += 1, ++i, ++k;
        else if (a.buckets[i] < b.buckets[k]) ++i;
        else ++k;
      }
      if (shared > best) best = shared, q.pair.passage = p;
    }
    q.has_pair = true;
    for (size_t i = 0; i < q.found.size() && q.pair.hard_negative < 0; ++i) {
      const auto* const wrong = q.ranked.right[i] ? nullptr : passage_of(q.found[i]);
      if (wrong != nullptr) q.pair.hard_negative = wrong->front();
    }
  }
}

using AfterBatch = std::function<Status(const EncoderTrainer::Batch&)>;

Status tune_on_gold(EncoderTrainer& trainer, const std::vector<Asked>& asked, std::optional<uint32_t> without_fold, const AfterBatch& after) {
  std::vector<Pair> pairs;
  for (const Asked& q : asked) {
    if (q.has_pair && q.fold != without_fold) pairs.push_back(q.pair);
  }
  for (uint32_t pass = 0; pass < kGoldPasses; ++pass) SILLOK_TRY(trainer.pass(pairs, after));
  return {};
}

// Only the first candidates and the right ones: those far behind teach little and cost as much.
RankedQuestion few_rows(const RankedQuestion& q) {
  std::vector<size_t> order(q.base.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return q.base[a] > q.base[b]; });
  RankedQuestion few;
  for (size_t k = 0; k < order.size(); ++k) {
    const size_t i = order[k];
    if (k >= kFewRows && !q.right[i]) continue;
    few.base.push_back(q.base[i]);
    few.features.push_back(q.features[i]);
    few.right.push_back(q.right[i]);
  }
  return few;
}

search::RerankNetwork fit_network(const std::vector<Asked>& asked, const std::vector<RankedQuestion>& rows, std::optional<uint32_t> without_fold,
                                  uint64_t seed) {
  std::vector<const RankedQuestion*> questions;
  for (size_t i = 0; i < asked.size(); ++i) {
    if (asked[i].fold != without_fold) questions.push_back(&rows[i]);
  }
  RerankOptions options;
  options.seed = seed;
  return train_network(questions, options);
}

// The share with the best MRR@10 over the questions outside a fold; the smaller of equals.
double choose_share(const std::vector<Asked>& asked, const std::vector<std::vector<float>>& gains, std::optional<uint32_t> without_fold) {
  double best = -1, chosen = 0;
  for (double share : kShares) {
    Counted counted;
    for (size_t i = 0; i < asked.size(); ++i) {
      if (asked[i].fold != without_fold) counted.add(rank_of(asked[i], scores_with(asked[i], gains[i], share)));
    }
    if (counted.figures().mrr_10 > best + 1e-9) best = counted.figures().mrr_10, chosen = share;
  }
  return chosen;
}

// What each question's candidates gain by the network that has not seen the question's fold.
Result<std::vector<std::vector<float>>> held_out_gains(const std::vector<Asked>& asked, const std::vector<RankedQuestion>& rows, const RetrieverOptions& options,
                                                       RetrieverWork& work) {
  std::vector<std::vector<float>> gains(asked.size());
  std::vector<search::RerankNetwork> networks(options.folds);
  std::vector<Status> within(options.folds);
  parallel(options.folds, options.threads, [&](size_t fold) {
    networks[fold] = fit_network(asked, rows, static_cast<uint32_t>(fold), options.seed);
    const auto learned = std::count_if(asked.begin(), asked.end(), [&](const Asked& q) { return q.fold != fold; });
    within[fold] = work.did(RetrieverPart::kFitting, static_cast<uint64_t>(learned));
  });
  for (const Status& each : within) SILLOK_TRY(each);
  for (size_t i = 0; i < asked.size(); ++i) {
    for (const auto& features : asked[i].ranked.features) gains[i].push_back(network_gain(networks[asked[i].fold], features));
  }
  return gains;
}

// ---- The run

class Run {
 public:
  Run(const archive::Archive& archive, search::Searcher& searcher, const RetrieverOptions& options, const Progress& progress)
      : archive_(archive), searcher_(searcher), options_(options), progress_(progress), work_(options) {}

  Result<RetrieverReport> run() {
    auto report = learn();
    work_.end(report ? nullptr : &report.error());
    if (!report || !report->adopted) use_home();
    if (report) report->run = work_.id(), report->note = work_.problem();
    return report;
  }

 private:
  Result<RetrieverReport> learn() {
    const Micros start = now_micros();
    SILLOK_ASSIGN(ceiling_, label_ceiling(archive_, options_.ceiling));
    model_.change = archive_.last_change();
    searcher_.use(std::nullopt);
    encoder_options_.seed = options_.seed;
    SILLOK_ASSIGN(corpus_, read_corpus(searcher_, ceiling_, encoder_options_.buckets));
    report_.labels = in_order(archive_.settings().lattice, corpus_.labels);
    report_.passages = corpus_.passages.size();
    if (corpus_.passages.size() < 2) return fail(ErrorCode::kInvalid, "there are fewer than two passages to learn from under this label ceiling");
    SILLOK_TRY(take_gold());
    SILLOK_TRY(train_on_made_up());
    SILLOK_TRY(asked_.empty() ? measure_made_up() : measure_gold());
    report_.seconds = static_cast<double>(now_micros() - start) / 1e6;
    SILLOK_TRY(finish());
    return report_;
  }

  // Under the labels of all that is learned from.
  Status enter_list(uint64_t made_up_pairs) {
    TrainingRun run;
    run.kind = "retriever";
    run.data = archive_.home();
    run.out = search::retriever_path(archive_.home());
    run.labels = report_.labels;
    SILLOK_ASSIGN(const govern::Label join, archive_.settings().lattice.join(report_.labels));
    run.label = archive_.settings().lattice.text(join);
    const uint64_t gold = asked_.size(), folds = options_.folds;
    const auto held_out = static_cast<uint64_t>(std::count_if(made_.begin(), made_.end(), [](const MadeQuestion& m) { return m.held_out; }));
    work_.plan(archive_.home(), std::move(run),
               gold == 0 ? std::array<uint64_t, kRetrieverParts>{kSelfPasses * made_up_pairs, std::min<uint64_t>(held_out, kMeasuredQuestions), 0}
                         : std::array<uint64_t, kRetrieverParts>{kSelfPasses * made_up_pairs + gold * folds * kGoldPasses, 2 * gold, gold * folds});
    return {};
  }

  Status take_gold() {
    std::vector<std::string> groups;
    for (const TrainingQuestion& q : options_.gold) {
      std::vector<std::string> known;
      std::copy_if(q.records.begin(), q.records.end(), std::back_inserter(known), [&](const std::string& r) { return corpus_.by_record.contains(r); });
      if (known.empty()) {
        ++report_.left_out;
        continue;
      }
      groups.push_back(q.group.empty() ? known.front() : q.group);
      Asked asked;
      asked.text = q.question;
      asked.records = std::move(known);
      asked_.push_back(std::move(asked));
    }
    if (!options_.gold.empty() && asked_.size() < 2 * options_.folds) {
      return fail(ErrorCode::kInvalid, "of " + std::to_string(options_.gold.size()) + " gold questions " + std::to_string(asked_.size()) +
                                           " name records in force under the label ceiling; " + std::to_string(2 * options_.folds) + " are needed");
    }
    deal_folds(asked_, groups, options_);
    return {};
  }

  Status train_on_made_up() {
    const Micros start = now_micros();
    made_ = make_questions(corpus_, options_.seed);
    std::vector<Pair> pairs;
    for (const MadeQuestion& m : made_) {
      // Held out only where they are measured on.
      if (asked_.empty() && m.held_out) continue;
      pairs.push_back({question_bag(m.text, encoder_options_.buckets), m.passage, -1});
    }
    report_.pairs = pairs.size();
    SILLOK_TRY(enter_list(pairs.size()));
    trainer_.emplace(corpus_.bags, encoder_options_);
    for (uint32_t pass = 0; pass < kSelfPasses; ++pass) {
      if (progress_) progress_("training the encoder", pass, kSelfPasses);
      SILLOK_TRY(trainer_->pass(pairs, after_batch_));
    }
    report_.encoder_seconds = static_cast<double>(now_micros() - start) / 1e6;
    return {};
  }

  // Without gold: the cosine's weight is chosen on half of the held-out questions and measured on the other.
  Status measure_made_up() {
    report_.measured_on = "held-out titles and sentences with words left out";
    std::vector<Asked> asked;
    for (const MadeQuestion& m : made_) {
      if (!m.held_out || asked.size() >= kMeasuredQuestions) continue;
      Asked q;
      q.text = plain(m.text);
      q.records = {corpus_.passages[m.passage].record};
      q.fold = static_cast<uint32_t>(asked.size() % 2);
      asked.push_back(std::move(q));
    }
    if (asked.size() < 4) return fail(ErrorCode::kInvalid, "there are too few passages to hold some out and measure on; add records or gold questions");
    model_.encoder = trainer_->table();
    searcher_.use(model_);
    SILLOK_TRY(look_up(searcher_, ceiling_, asked, options_.threads, [](const Asked&) { return true; }, work_, progress_));
    const size_t cosine = cosine_feature();
    double best = -1;
    for (double weight : kCosineWeights) {
      Counted counted;
      for (const Asked& q : asked) {
        if (q.fold == 0) counted.add(rank_of(q, scores_with(q, column(q, cosine), weight)));
      }
      if (counted.figures().mrr_10 > best + 1e-9) best = counted.figures().mrr_10, report_.cosine_weight = weight;
    }
    Counted lexical, trained;
    size_t worse = 0, better = 0;
    for (const Asked& q : asked) {
      if (q.fold == 0) continue;
      const size_t before = rank_of(q, base_scores(q)), after = rank_of(q, scores_with(q, column(q, cosine), report_.cosine_weight));
      lexical.add(before);
      trained.add(after);
      worse += precedes(before, after) ? 1 : 0;
      better += precedes(after, before) ? 1 : 0;
    }
    // Made-up questions are not those that people ask: only a clear gain on them is taken for one.
    clear_ = better > worse && evaluate::mcnemar(worse, better) < kClear;
    model_.cosine_weight = static_cast<float>(report_.cosine_weight);
    report_.questions = trained.questions;
    report_.lexical = lexical.figures();
    report_.trained = trained.figures();
    return {};
  }

  Status measure_gold() {
    report_.measured_on = "gold questions, " + std::to_string(options_.folds) + "-fold cross-validation by group";
    report_.pairs += asked_.size();
    SILLOK_TRY(look_up(searcher_, ceiling_, asked_, options_.threads, [](const Asked&) { return true; }, work_, progress_));
    Counted lexical;
    for (const Asked& q : asked_) lexical.add(rank_of(q, base_scores(q)));
    choose_pairs(corpus_, asked_, encoder_options_.buckets);
    // Each question's features come from an encoder that has not seen its group: else the network would trust the cosine
    // more than new questions bear out.
    for (uint32_t fold = 0; fold < options_.folds; ++fold) {
      const Micros start = now_micros();
      EncoderTrainer tuned = *trainer_;
      SILLOK_TRY(tune_on_gold(tuned, asked_, fold, after_batch_));
      report_.encoder_seconds += static_cast<double>(now_micros() - start) / 1e6;
      search::RetrieverModel model;
      model.encoder = tuned.table();
      searcher_.use(std::move(model));
      SILLOK_TRY(look_up(searcher_, ceiling_, asked_, options_.threads, [fold](const Asked& q) { return q.fold == fold; }, work_, progress_));
    }
    std::vector<RankedQuestion> rows;
    for (const Asked& q : asked_) rows.push_back(few_rows(q.ranked));
    SILLOK_ASSIGN(const std::vector<std::vector<float>> gains, held_out_gains(asked_, rows, options_, work_));
    std::vector<double> shares;
    for (uint32_t fold = 0; fold < options_.folds; ++fold) shares.push_back(choose_share(asked_, gains, fold));
    Counted trained;
    for (size_t i = 0; i < asked_.size(); ++i) trained.add(rank_of(asked_[i], scores_with(asked_[i], gains[i], shares[asked_[i].fold])));
    report_.questions = asked_.size();
    report_.lexical = lexical.figures();
    report_.trained = trained.figures();

    SILLOK_TRY(tune_on_gold(*trainer_, asked_, std::nullopt, after_batch_));
    model_.encoder = trainer_->table();
    model_.network = fit_network(asked_, rows, std::nullopt, options_.seed);
    SILLOK_TRY(work_.did(RetrieverPart::kFitting, asked_.size()));
    report_.share = choose_share(asked_, gains, std::nullopt);
    model_.network.share = static_cast<float>(report_.share);
    return {};
  }

  Status finish() {
    model_.labels = report_.labels;
    model_.versions = corpus_.versions;
    nlohmann::ordered_json about;
    about["passages"] = report_.passages;
    about["pairs"] = report_.pairs;
    about["seed"] = options_.seed;
    about["measured_on"] = report_.measured_on;
    about["recall_at_1"] = {{"lexical", report_.lexical.recall_at_1}, {"trained", report_.trained.recall_at_1}};
    about["mrr_10"] = {{"lexical", report_.lexical.mrr_10}, {"trained", report_.trained.mrr_10}};
    const bool learned = asked_.empty() ? report_.cosine_weight > 0 : report_.share > 0;
    const bool no_worse = learned && not_worse(report_.trained, report_.lexical);
    const bool better = no_worse && (clear_ || !asked_.empty());
    report_.reason = !learned    ? "nothing that was learned finds more than words alone"
                     : better    ? "no worse than words alone on the questions measured"
                     : no_worse  ? "not clearly better than words alone on made-up questions (sign test, 1 in 100)"
                                 : "worse than words alone on the questions measured";
    report_.adopted = better && options_.adopt;
    if (better && !options_.adopt) report_.reason += "; only measured, as asked";
    model_.trained_on = about.dump();
    const std::string bytes = search::encode_retriever(model_);
    report_.hash = sha256_hex(bytes);
    if (!report_.adopted) return {};
    const fs::path path = search::retriever_path(archive_.home());
    std::error_code made;
    fs::create_directories(path.parent_path(), made);
    // Before the file: what is in use is on the list, whenever this is killed.
    SILLOK_TRY(keep_made(archive_.home(), {"retriever", path, report_.hash, model_.labels, model_.versions, now_micros(), {}}));
    SILLOK_TRY(write_file_atomic(path, bytes));
    searcher_.use(model_);
    return {};
  }

  void use_home() {
    const auto bytes = read_file(search::retriever_path(archive_.home()), search::kMaxRetrieverBytes);
    std::optional<search::RetrieverModel> kept;
    if (bytes) {
      if (auto decoded = search::decode_retriever(*bytes)) kept = std::move(*decoded);
    }
    searcher_.use(std::move(kept));
  }

  // A made-up question must not be read as a filter or a phrase.
  static std::string plain(std::string text) {
    std::replace_if(text.begin(), text.end(), [](char c) { return c == '"' || c == ':'; }, ' ');
    return text;
  }
  static size_t cosine_feature() {
    const auto names = search::feature_names();
    const auto at = std::find(names.begin(), names.end(), "cosine of the vectors");
    SILLOK_CHECK(at != names.end());
    return static_cast<size_t>(at - names.begin());
  }
  static std::vector<float> column(const Asked& q, size_t feature) {
    std::vector<float> values;
    for (const auto& row : q.ranked.features) values.push_back(row[feature]);
    return values;
  }

  const archive::Archive& archive_;
  search::Searcher& searcher_;
  const RetrieverOptions& options_;
  const Progress& progress_;
  RetrieverWork work_;
  EncoderOptions encoder_options_;
  const AfterBatch after_batch_ = [this](const EncoderTrainer::Batch& b) { return work_.learned(b.pairs, b.loss, b.terms, encoder_options_.rate); };
  govern::Clearance ceiling_;
  Corpus corpus_;
  std::vector<MadeQuestion> made_;
  std::vector<Asked> asked_;
  std::optional<EncoderTrainer> trainer_;
  search::RetrieverModel model_;
  RetrieverReport report_;
  bool clear_ = false;  // without gold questions: was what was learned clearly better?
};

}  // namespace

Result<RetrieverReport> train_retriever(const archive::Archive& archive, search::Searcher& searcher, const RetrieverOptions& options,
                                        const Progress& progress) {
  if (options.folds < 2 || options.folds > 100) return fail(ErrorCode::kInvalid, "folds must be 2 to 100");
  return Run(archive, searcher, options, progress).run();
}

}  // namespace sillok::train
