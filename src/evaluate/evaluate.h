// evaluate: gold questions in, the answer rate and what stands behind it out.
//
// Contents: gold questions | report | running | calibration | comparing two reports | multiple choice | the check of sentences
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "answer/answer.h"
#include "base/base.h"
#include "model/model.h"
#include "search/search.h"

namespace sillok::evaluate {

// One line of a gold file: {"id","question","answers":[...],"records":[...]?,"as_of"?,"answerable"?,"category"?,"label"?}
struct GoldQuestion {
  std::string id, question, category;
  std::vector<std::string> answers;  // any of them is right
  std::vector<std::string> records;  // keys of the records that hold the answer
  std::string label;                 // who may see it, where no record tells; "" = everybody who may see gold questions
  Day as_of = kDayMax;
  bool answerable = true;            // default: true if there are answers
};
// kInvalid names the line and what is wrong with it.
Result<std::vector<GoldQuestion>> load_gold(const fs::path& path);

// True if any answer occurs in text, white space and case aside.
bool contains_answer(std::string_view text, const std::vector<std::string>& answers);

// Where an answer stands.
struct Place {
  std::string record;         // "" if nothing was quoted
  uint32_t version = 0;
  std::string anchor;
};

// How one question went.
struct Outcome {
  std::string id, question, category;
  bool answerable = true;       // as the gold file says
  bool answered = false;        // as the program decided
  bool in_first = false;        // an accepted answer inside the first quote
  bool in_quotes = false;       // ... inside the quotes shown
  bool cited_right = false;     // answered, and the first quote is of a gold record; without gold records, holds an answer
  double exact = 0, f1 = 0;     // of the marked span
  double confidence = 0;
  std::vector<size_t> ranks;    // 1-based rank of each gold record among the first 20; 0 = not there
  double ask_ms = 0, search_ms = 0;  // search_ms: the part of ask_ms that searching took
  std::string given;            // the marked span or first quote
  Place given_at;               // where the first quote stands
  // What figures are told by beside the category: "language" (as far as the script of the question tells), and of the first gold
  // record's version in force: "label", "age" (since it came into force, or was recorded where that is not known).
  std::map<std::string, std::string> kinds;
  struct Writing {
    bool asked = false;         // a model was to write
    bool written = false;       // false: quoted or abstained, the other figures are then 0
    bool holds = false;         // the text shown holds an accepted answer
    double exact = 0, f1 = 0;   // of the text shown, marks taken off
    size_t cites = 0, cites_right = 0;      // citations shown; of them, of gold records
    size_t records_cited = 0;               // gold records that are cited
    size_t sentences = 0, supported = 0;    // that the model wrote; of them, supported
    double ms = 0;
    std::string text, why;
  } writing;
};

// Of written answers; percent.
struct WritingMetrics {
  size_t questions = 0;                        // a model was asked; 0: none was, the rest says nothing
  double written = 0;                          // over answerable questions: an answer was written
  double answer_rate = 0, em = 0, f1 = 0;      // over answerable questions: of the text; what is not written counts as missed
  double citation_precision = 0;               // citations shown that are of gold records, over questions with such
  double citation_recall = 0;                  // gold records cited, over written answers to questions with such
  double supported_sentences = 0;              // of all sentences that the model wrote
  double abstention_precision = 0, abstention_recall = 0;  // not written: because it is not answerable
  double latency_ms_p50 = 0, latency_ms_p99 = 0;
};

struct Metrics {
  WritingMetrics writing;
  size_t questions = 0, answerable = 0;
  // Over answerable questions: a quote shown holds an accepted answer. Abstaining counts as not.
  double answer_rate = 0, answer_rate_1 = 0;
  double citation_support = 0;                 // over answerable questions that were answered: cited_right
  double em = 0, f1 = 0;                       // of the marked span, SQuAD normalisation, F1 over characters for Hangul and Han
  // Over questions with gold records: share of them within the first k, capped at k.
  double recall_at_1 = 0, recall_at_5 = 0, recall_at_20 = 0, mrr_10 = 0;
  double abstention_precision = 0, abstention_recall = 0;
  double auroc_answerable = 0;                 // of the confidence; NaN without both kinds of question
  double latency_ms_p50 = 0, latency_ms_p99 = 0;               // of asking
  double search_latency_ms_p50 = 0, search_latency_ms_p99 = 0;  // of the searching in it
};

// A mean and its 95 % interval.
struct Interval {
  double mean = 0, low = 0, high = 0;
};

struct Report {
  Metrics all;
  Interval answer_rate;         // percent, over answerable questions
  std::map<std::string, Metrics> by_category;
  std::map<std::string, std::map<std::string, Metrics>> by_kind;  // Outcome::kinds: kind, value
  std::vector<Outcome> outcomes;
  double threshold = 0;
  int64_t archive_change = 0;   // the archive's change counter when it was measured
  std::string home, gold, model;  // model: what wrote; "" = nothing did
  std::string as;                 // the person as whom the questions were asked; "" = as one who sees everything
  std::string release;          // id of the release whose settings were measured; "": the home's present ones
  Micros finished = 0;
};
// All figures in percent as the field reports them except mrr_10, AUROC (0..1 times 100 as well) and milliseconds.
// kPlaces names where an answer stands and not its words: for what is kept in the home, which erasing a record must not
// leave words in, nor a label be lowered by.
enum class Outcomes : uint8_t { kNone, kPlaces, kWords };
std::string to_json(const Report& report, Outcomes outcomes);
std::string to_text(const Report& report);

using Progress = std::function<void(size_t done, size_t total)>;
// With a generator each question is answered in writing as well; it must outlive the run.
struct Writer {
  answer::Generator* generator = nullptr;
  answer::Encoder* encoder = nullptr;  // stands by when sentences are checked; null: words alone
  uint32_t max_tokens = 512;
  uint64_t seed = 0;
};
struct Asking {
  Progress progress = {};
  std::optional<govern::Clearance> clearance = {};  // as one who may see so much; none = everything
  std::optional<double> threshold = {};  // in place of the home's; with 0 nothing is abstained from, as choose_threshold needs
  Writer writer = {};
};
// Asks every question.
Result<Report> run(const archive::Archive& archive, const answer::Answerer& answerer, const search::Searcher& searcher,
                   const std::vector<GoldQuestion>& gold, const Asking& asking);

// From outcomes of a run with threshold 0: the confidence below which abstaining loses fewest points, a wrong answer counted as much as a missed one.
// kInvalid if the gold questions are all answerable or none is.
Result<double> choose_threshold(const std::vector<Outcome>& outcomes);

// ---------------------------------------------------------------------------------------------
// Comparing two reports

// Exact two-sided McNemar test: `worse` and `better` are the discordant pairs. The probability of a split at least so uneven if
// neither side were the better; 1 without discordant pairs.
double mcnemar(size_t worse, size_t better);

// Figures in percent. `change`: of the figure, question by question, with its paired bootstrap interval. Where a model writes in
// either report, "answer_rate" is of what was shown: the text if one was written, else the quotes. "citation_support" is over
// questions that both answered: the share of written sentences that are supported, of quoting Outcome::cited_right.
struct Difference {
  std::string figure;
  size_t questions = 0, better = 0, worse = 0;
  double before = 0, after = 0;
  Interval change;
  double p = 1;                 // exact McNemar test over the questions that changed
};
struct Change {
  std::string id, question, category;
  std::string before, after;    // where the first quote stood
  std::string cause;            // as far as the reports tell
};
enum class Verdict : uint8_t { kBetter, kWorse, kNoDifference };
std::string_view to_string(Verdict verdict);
inline constexpr double kSignificance = 0.05;  // a difference less likely than this by chance counts
struct Comparison {
  Verdict verdict = Verdict::kNoDifference;    // of the first figure: the answer rate if any question is answerable
  size_t questions = 0, only_before = 0, only_after = 0;  // paired by id and wording; others are left out
  std::vector<Difference> figures;
  std::map<std::string, Difference> by_category;  // of the answer rate
  std::vector<std::string> settings;           // threshold, records, program: what else changed
  std::vector<Change> regressed, improved;
};
// kInvalid for what is no report with outcomes, or two that share no question.
Result<Comparison> compare(const fs::path& before, const fs::path& after);
std::string to_json(const Comparison& comparison);
std::string to_text(const Comparison& comparison);

// ---------------------------------------------------------------------------------------------
// Multiple choice by likelihood: what a model knows, without it writing anything

struct ChoiceQuestion {
  std::string id, category;
  std::string context;               // a passage to read first; may be empty
  std::string question;
  std::vector<std::string> choices;  // 2 to 26
  size_t answer = 0;                 // index into choices
};
// Reads the files of KMMLU (columns question, A to D, answer 1 to 4, Category), CLIcK (paragraph, question, choices, answer as text) and
// HAE-RAE (query that lists the choices itself, options, answer "(A)"), as CSV, a JSON array or JSON lines, told apart by content.
// kInvalid names the row and what it lacks.
Result<std::vector<ChoiceQuestion>> load_choices(const fs::path& path);

enum class ChoiceScoring : uint8_t {
  kLetter,  // the choices stand in the prompt under letters; the letter the model finds likeliest counts
  kText,    // the choices do not stand there; the likeliest text counts, by its mean log-probability a byte
};
struct ChoiceOutcome {
  std::string id, category;
  size_t given = 0, answer = 0;
  double margin = 0;                 // log-probability of what was given over that of the next
};
struct ChoiceReport {
  Interval accuracy;                 // percent
  std::map<std::string, Interval> by_category;
  std::vector<ChoiceOutcome> outcomes;
  std::string model;
};
// kLimit names a question that is longer than the model's context. Prompts are Korean for questions in Hangul, else English.
Result<ChoiceReport> run_choices(model::Model& model, tensor::Backend& backend, const std::vector<ChoiceQuestion>& questions,
                                 ChoiceScoring scoring, const Progress& progress);
std::string to_json(const ChoiceReport& report, bool outcomes);
std::string to_text(const ChoiceReport& report);

// ---------------------------------------------------------------------------------------------
// The check of sentences: what a written answer's check keeps and stops, by words and with an encoder

// One line of a claims file: {"question","context"?,"text","right":["..."],"wrong":[["kind","..."]]}. `text` is a passage of a record,
// `context` its title and headings; the right sentences are said by it, the wrong ones are not, and `kind` says what is wrong with them.
struct ClaimSet {
  std::string question, context, text;
  std::vector<std::string> right;
  std::vector<std::pair<std::string, std::string>> wrong;  // kind, sentence
};
// kInvalid names the line and what is wrong with it.
Result<std::vector<ClaimSet>> load_claims(const fs::path& path);

struct SupportFigures {
  size_t right = 0, right_kept = 0, wrong = 0, wrong_kept = 0;
  double precision() const;     // percent, of what was kept; 100 if nothing was
  double recall() const;        // percent, of the right ones
};
struct SupportReport {
  SupportFigures words, encoder;         // `encoder`: words and encoder together, at `threshold`
  SupportFigures held_out;               // the same, each half of the sets at the threshold chosen on the other
  std::map<std::string, SupportFigures> by_kind;  // of the wrong ones, with the encoder if there is one
  std::string model;                     // the encoder's name; "": none, the figures of `encoder` say nothing
  double threshold = 0;                  // answer.encoder_support as it was given, or as these sets propose it
  bool proposed = false;
  std::vector<std::string> dropped;      // right sentences that were not kept, with the reason
  std::vector<std::string> let_through;  // wrong ones that were
};
// `encoder` may be null. `threshold`: measure with it; none: one is chosen, the lowest at which the encoder keeps no wrong sentence that
// words alone stop, halfway to the right one nearest above. kInvalid where no threshold lets a right sentence through and stops the wrong.
Result<SupportReport> run_support(const std::vector<ClaimSet>& sets, answer::Encoder* encoder, std::optional<double> threshold, const Progress& progress);
std::string to_json(const SupportReport& report);
std::string to_text(const SupportReport& report);

}  // namespace sillok::evaluate
