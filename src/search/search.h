// search: the right passages, exactly those the asker may see, in force on the day asked about.
//
// Contents: questions | results | what is learned | the searcher
//
// Main path: Searcher::search -> parse_query -> terms, weighted by what the question is about -> index rank
// (filtered before ranking) -> re-rank the first candidates -> snippets. With a trained retriever the nearest vectors
// are candidates as well, and a small network orders them (learned.cc).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "archive/archive.h"
#include "base/base.h"

namespace sillok::search {

struct Request {
  std::string query;       // free text; "quoted phrases"; title: type: label: record: after: before: filters
  size_t limit = 10;
  bool per_record = true;  // at most one passage of a record
  Day as_of = kDayMax;     // kDayMax: today
  bool all_versions = false;  // true: superseded versions too; as_of is not applied
  std::optional<govern::Clearance> clearance;      // what the asker may see; none = everything
  std::optional<std::vector<std::string>> labels;  // only records with these labels, or levels ("S"); none = all
  int64_t up_to = INT64_MAX;  // for who follows links from the results: archive::View's
  bool evidence = false;   // fill in PassageResult::units and found, Response::words
};

// A byte range.
struct Match {
  size_t begin = 0, end = 0;
};

// A sentence, list item or table row of a passage, and how much of the question it holds.
struct Unit {
  size_t begin = 0, end = 0;  // bytes of PassageResult::text
  float own = 0;              // share of the question's weight matched in it, 0..1
  float previous = 0, next = 0;  // what its neighbours add to that
  float context = 0;          // what title and headings add to that
  std::vector<float> found;   // of each Response::words, 0..1, title and headings included
};

struct PassageResult {
  int64_t version_id = 0;
  std::string record, title, anchor, format, label;
  uint32_t version = 0;        // number within the record
  uint32_t ordinal = 0;        // position of the passage in its version
  Day valid_from = kDayMin, valid_to = kDayMax;
  double score = 0;
  std::string context;         // title and heading path
  std::string text;            // the whole passage
  std::string snippet;         // the part around the matches, shortened with "…"
  std::vector<Match> matches;  // in snippet
  double share = 0;            // score as a share of the highest the question could give, about 0..1
  std::vector<Unit> units;     // with Request::evidence, in order
  std::vector<float> found;    // with Request::evidence: of each Response::words, in the whole passage and its context
};

// A word of the question.
struct QuestionWord {
  size_t begin = 0, end = 0;  // bytes of Request::query's free text (Response::text)
  float rarity = 0;           // idf among what the asker may see
  bool content = true;        // false for question words
};

struct Response {
  std::string text;                // the query without its filters
  std::vector<PassageResult> results;
  std::vector<QuestionWord> words;  // with Request::evidence
  std::vector<std::string> notes;  // what was understood of the query where it may surprise
};

// Personal data in what the results show, masked. Offsets stay good.
void mask_personal(Response& response);

// ---------------------------------------------------------------------------------------------
// What is learned from the records: module train fills these, search uses them

// Vectors of texts: a row for each bucket of term hashes.
struct EncoderTable {
  uint32_t buckets = 0, dimension = 0;  // 0: none
  std::vector<float> scales;            // of each row
  std::vector<int8_t> rows;             // buckets x dimension
};
// What a candidate's features (feature_names) add to its score: share x (linear . x + outer . max(0, inner x + bias)), x
// being the features less their means, in deviations.
struct RerankNetwork {
  uint32_t hidden = 0;  // 0: none
  std::vector<float> mean, deviation, linear, inner, bias, outer;  // inner: features x hidden
  float share = 0;
};
struct RetrieverModel {
  std::vector<std::string> labels;  // that occur among the records it was learned from: whose clearance lacks one searches without it
  std::vector<int64_t> versions;    // those records' versions, ascending
  int64_t change = 0;               // the archive's change counter when they were read
  std::string trained_on;           // JSON for people: how, with which seed and figures
  EncoderTable encoder;
  float cosine_weight = 0;          // of the cosine where there is no network
  RerankNetwork network;
};
std::string encode_retriever(const RetrieverModel& model);
Result<RetrieverModel> decode_retriever(std::string_view bytes);  // kInvalid, or kUnsupported from another release
inline constexpr uint64_t kMaxRetrieverBytes = 1ull << 31;
fs::path retriever_path(const fs::path& home);  // home/models/retriever.sillok

std::vector<std::string_view> feature_names();
// The terms of a text that the encoder knows, as the index has them.
std::vector<uint64_t> encoder_terms(std::string_view text);

// A candidate of a question, for learning.
struct LearningCandidate {
  std::string record;
  uint32_t ordinal = 0;
  float base = 0;               // score without training, as a share of what the question's terms weigh
  std::vector<float> features;  // by feature_names
};
// A passage of a version in force, for learning.
struct LearningPassage {
  int64_t version_id = 0;
  std::string_view record, title, context, text, label;
  uint32_t ordinal = 0;
};

class Searcher {
 public:
  // With home/models/retriever.sillok if there is one. It is left out, and every Response and check() say so, where it is
  // damaged, of another release, or, from the next refresh on, learned from a version that has since been erased or
  // whose label has risen above its own (not told under a clearance).
  static Result<Searcher> open(const fs::path& home);
  // Over what the view sees, as it sees it, in a new folder: to ask again as the archive was, or as somebody sees it. Costs
  // indexing all of it. The view's home names the labels.
  static Result<Searcher> of_view(const archive::View& view, const fs::path& folder);
  Searcher(Searcher&&) noexcept;
  Searcher& operator=(Searcher&&) noexcept;
  ~Searcher();

  // Brings the index up to date with the archive; called by whoever changed it.
  Status refresh(const archive::Archive& archive);
  // Thread-safe. kInvalid for a query that cannot be understood (an unclosed date, say).
  Result<Response> search(const Request& request) const;
  // The neighbours of a passage in its version: before and after it, in order, itself included.
  std::vector<PassageResult> around(int64_t version_id, uint32_t ordinal, uint32_t radius,
                                    const std::optional<govern::Clearance>& clearance) const;
  std::vector<std::string> check(const archive::Archive& archive) const;
  uint64_t passage_count() const;  // all of them, whoever may see them
  // Has home/models/retriever.sillok been replaced since it was read? The next refresh takes it up.
  bool retriever_replaced() const;
  std::string retriever_hash() const;  // SHA-256 of the retriever in use; "" = none

  // ---- for training
  // This model, or none, until the home's file is replaced, and the vectors made that it needs.
  void use(std::optional<RetrieverModel> model);
  // The first 50 candidates by the index and the nearest vectors; empty for a query without words.
  Result<std::vector<LearningCandidate>> candidates(const Request& request) const;
  // Every passage in force today as this clearance sees it, by record, version and ordinal.
  Status passages(const govern::Clearance& ceiling, const std::function<void(const LearningPassage&)>& sink) const;

  struct State;

 private:
  explicit Searcher(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// How well each text answers to the query, by the same terms and weights as search, rarity taken from the texts
// themselves: BM25, comparable within one call alone. Thread-safe.
std::vector<double> score_texts(std::string_view query, const std::vector<std::string>& texts);

}  // namespace sillok::search
