// search: the right passages, exactly those the asker may see, in force on the day asked about.
//
// Contents: questions | results | the searcher
//
// Main path: Searcher::search -> parse_query -> terms, weighted by what the question is about -> index rank
// (filtered before ranking) -> re-rank the first candidates -> snippets. A vector index joins as a second source
// of candidates for the re-ranker (candidates.h).
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

class Searcher {
 public:
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

  struct State;

 private:
  explicit Searcher(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// How well each text answers to the query, by the same terms and weights as search, rarity taken from the texts
// themselves: BM25, comparable within one call alone. Thread-safe.
std::vector<double> score_texts(std::string_view query, const std::vector<std::string>& texts);

}  // namespace sillok::search
