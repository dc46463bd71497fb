// answer: from a question to the words of the records that answer it, or to saying that they do not.
//
// Contents: question and answer | asking | answers that write | drafted questions | calibration
//
// Main path: ask -> search (filtered by clearance and date) -> select units -> mark the span -> conflicts ->
// confidence -> quotes with citations. Quotes are verbatim; nothing is written that no record says.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "archive/archive.h"
#include "base/base.h"
#include "search/search.h"

namespace sillok::engine {
class Engine;
}

namespace sillok::answer {

// What a question asks for, as far as its words tell.
enum class Kind : uint8_t { kAny, kDate, kNumber, kPerson, kPlace, kWhich };
std::string_view to_string(Kind kind);
Kind kind_of(std::string_view question);

struct AskRequest {
  std::string question;                            // search filters (title:, type:, ...) are understood
  Day as_of = kDayMax;                             // kDayMax: today
  std::optional<govern::Clearance> clearance;      // what the asker may see; none = everything
  std::optional<std::vector<std::string>> labels;  // only from records with these labels, or levels; none = all
  size_t quotes = 3;                               // at most so many
  int64_t up_to = INT64_MAX;                       // versions recorded later are not there: with a searcher of that state
  std::optional<double> threshold;                 // confidence below which the records do not answer; none: the home's
  bool further = false;                            // fill in Answer::further
};

struct Quote {
  uint32_t n = 0;       // citation number, from 1; quotes from one place of one version share it, in a written answer those of one passage
  std::string text;     // verbatim: a sentence, list item or table row
  std::string record, title, anchor, label, format;
  uint32_t version = 0;
  int64_t version_id = 0;
  Day valid_from = kDayMin, valid_to = kDayMax;
  double score = 0;     // of this unit, for ordering
  std::optional<search::Match> span;  // the answer itself, bytes of text
};

// Two records that answer differently. `newer` took effect later; each is an index into Answer::quotes.
struct Conflict {
  size_t newer = 0, older = 0;
  std::string newer_span, older_span;
};

struct Answer {
  bool answerable = false;
  double confidence = 0;           // calibrated probability that the quotes answer, 0..1
  Kind kind = Kind::kAny;
  std::string text;                // the marked span, or the first quote; "" if not answerable
  std::vector<Quote> quotes;       // best first; empty if not answerable
  std::vector<Quote> closest;      // if not answerable: where one might look
  std::vector<Conflict> conflicts;
  std::vector<Quote> further;      // if asked for: what else was looked into, best first; not numbered
  std::vector<search::PassageResult> passages;  // what was searched, best first; then what was found behind a name in it
  std::vector<std::string> notes;
  double search_ms = 0;            // of the time taken, what searching took
};

class Answerer {
 public:
  // Both must outlive the answerer. Thread-safe as far as they are.
  // The threshold comes from home/answer.json if `evaluate --calibrate` wrote one, else kDefaultThreshold.
  Answerer(const archive::Archive& archive, const search::Searcher& searcher);
  // With this threshold, whatever the home says.
  Answerer(const archive::Archive& archive, const search::Searcher& searcher, double threshold)
      : archive_(archive), searcher_(searcher), threshold_(threshold) {}
  Result<Answer> ask(const AskRequest& request) const;
  double threshold() const { return threshold_; }
  // One unit of a passage as a quote with the anchor of its block; none if the version has been erased since.
  std::optional<Quote> quote(const search::PassageResult& passage, size_t unit, double score) const;

 private:
  const archive::Archive& archive_;
  const search::Searcher& searcher_;
  double threshold_;
};

// ---------------------------------------------------------------------------------------------
// Answers that write: a generating model words the answer, every sentence is checked against what it cites.

struct ChatTurn { std::string role, content; };  // "system", "user", "assistant"

// A generating model: a local one over engine::Engine, or the organisation's own OpenAI-compatible server. Thread-safe.
class Generator {
 public:
  struct Request {
    std::vector<ChatTurn> turns;
    uint32_t max_tokens = 512;
    uint64_t seed = 0;
    std::string client;                                  // whose turn it is in the engine's queue
    std::string schema;                                  // JSON Schema that the reply must hold to; "" = free text. A peer may not keep to it
    std::function<void(std::string_view)> on_text;       // may be empty; whole characters
    std::function<bool()> cancelled;                     // may be empty; asked often
  };
  struct Reply { std::string text; uint32_t prompt_tokens = 0, tokens = 0; bool cancelled = false; bool cut = false; };
  virtual ~Generator() = default;
  virtual std::string name() const = 0;                  // for the audit: name and hash of file and adapter
  virtual size_t budget() const = 0;                     // tokens of prompt and answer together
  virtual size_t count(std::string_view text) const = 0; // tokens of a text, or a careful estimate
  virtual Result<Reply> chat(const Request& request) = 0;
};
// The model file with its own engine. kUnsupported if the file has no chat template. `adapter`: a LoRA file, or "".
Result<std::unique_ptr<Generator>> open_local_generator(const fs::path& model, uint32_t threads, uint32_t context, const std::string& adapter);
// The same over an engine that serves others too and outlives the generator; `file` is the model's, `context` the tokens
// that a request may have, `adapter` one that the engine has loaded under that path, or "".
Result<std::unique_ptr<Generator>> open_local_generator(engine::Engine& engine, const fs::path& file, uint32_t context, const std::string& adapter);
// base_url as "https://llm.agency.example/v1"; the key is read from a file ("": none), which others may not read. Only
// that host is ever contacted: no proxy, no redirect. The context is what the peer's model holds.
Result<std::unique_ptr<Generator>> open_remote_generator(const std::string& base_url, const std::string& model, const fs::path& key_file,
                                                         uint32_t context = 8192);

// Texts as vectors of length 1: what says the same in other words, or in another language, lies close. Thread-safe.
class Encoder {
 public:
  virtual ~Encoder() = default;
  virtual std::string name() const = 0;                  // for the audit: name and hash of the file
  virtual double support() const = 0;                    // the cosine from which on one text says what another says; each encoder has its own
  virtual Result<std::vector<std::vector<float>>> encode(const std::vector<std::string>& texts) = 0;
};
// How an encoder is used: what it wants before each text ("query: "), and its Encoder::support.
struct EncoderUse { std::string prefix; double support = 1; };
// Over an engine that serves others too and outlives the encoder; `file` is the model's. kUnsupported for a model that makes no
// vectors. What was encoded lately is remembered.
Result<std::unique_ptr<Encoder>> open_encoder(engine::Engine& engine, const fs::path& file, EncoderUse use);
// The same with an engine of its own.
Result<std::unique_ptr<Encoder>> open_encoder(const fs::path& file, uint32_t threads, EncoderUse use);

// [answer] of home/sillok.toml; a file without that section gives the defaults.
enum class Unsupported : uint8_t { kDrop, kMark };       // what becomes of sentences nothing supports
struct WriterSettings {
  std::string model;      // a GGUF file, or its name in models/; with `remote`, its name there; "" = answers are quotes
  std::string adapter;    // a LoRA file, or its name in models/adapters/
  std::string remote;     // base URL of an OpenAI-compatible server
  std::string key_file;
  uint32_t context = 8192, max_tokens = 512, threads = 0;  // threads 0: one per core
  Unsupported unsupported = Unsupported::kDrop;
  std::string encoder;    // a GGUF encoder, or its name in models/, for sentences in other words than the record's; "" = words alone
  EncoderUse encoder_use;
};
Result<WriterSettings> load_writer_settings(const fs::path& home);
// The files that the settings name, found; empty for what runs elsewhere or is not set. kNotFound names what is missing.
struct WriterFiles { fs::path model, adapter, encoder; };
Result<WriterFiles> find_writer_files(const fs::path& home, const WriterSettings& settings);
// SHA-256 of all that is said to a generating model beside question and evidence.
std::string prompts_hash();
// The language a question is answered and prompted in: Korean if there is Hangul in the text.
enum class Tongue : uint8_t { kKorean, kOther };
Tongue tongue_of(std::string_view text);
// The turns in which a model is asked to write an answer from these passages, whole: what teaches a model says the same.
struct WritingPrompt {
  std::string system, user;
};
WritingPrompt writing_prompt(std::string_view question, const std::vector<search::PassageResult>& passages);
inline constexpr std::string_view kNoAnswer = "NO_ANSWER";  // what the model writes if the evidence does not answer
// The configured generator; null if none is.
Result<std::unique_ptr<Generator>> open_generator(const fs::path& home, const WriterSettings& settings);
// The configured encoder; null if none is, or nothing is written.
Result<std::unique_ptr<Encoder>> open_encoder(const fs::path& home, const WriterSettings& settings);

struct Exchange { std::string question, answer; };       // an earlier turn of the conversation
// A question that leans on the conversation made whole by rules: "그럼 2022년에는?" takes the last question with its year
// changed, "who signed it?" takes along what was spoken of. One that stands by itself stays as it is. Several in a row are
// resolved from the first on.
std::string whole_question(std::string_view question, const std::vector<Exchange>& conversation);
struct WriteRequest {
  AskRequest ask;
  std::vector<Exchange> conversation;                    // oldest first
  Unsupported unsupported = Unsupported::kDrop;
  uint32_t max_tokens = 512;                             // of the answer
  std::string client;
  uint64_t seed = 0;                                     // 0: the likeliest words; another seed, another draw
  Encoder* encoder = nullptr;                            // asked about sentences whose words alone do not support them; null: none is
  std::function<std::string(std::string_view)> mask;     // what is shown goes through it (personal data); may be empty
  // Before writing starts, its quotes numbered as a written answer cites them; if none comes of it, Written::answer has
  // the numbers of quoting alone.
  std::function<void(const Answer& evidence)> on_evidence;
  std::function<void(std::string_view text)> on_text;          // checked sentences as they are ready
  std::function<bool()> cancelled;
};
struct WrittenSentence {
  std::string text;                // with its [n]
  std::vector<uint32_t> cites;     // Quote::n of Written::answer.quotes
  double support = 0;              // 0..1
  bool supported = false;
  bool by_meaning = false;         // by the encoder: in other words than the record's. Numbers, dates, identifiers stand there exactly all the same
};
struct Written {
  Answer answer;                   // evidence, citations; as quoting alone gives it
  bool written = false;            // false: quoted or abstained, `why` says so
  std::string why;
  std::string text;                // the sentences shown
  std::vector<WrittenSentence> sentences;  // all, dropped ones too
  std::string question;            // as understood: a follow-up made whole
  std::string model;               // and the encoder, if one stood by
  bool cancelled = false;
};
Result<Written> write(const Answerer& answerer, Generator& generator, const WriteRequest& request);

// One sentence checked as those of written answers are, for measuring the check. `text`: a passage, its rows and sentences told apart
// by line; `context`: its title, headings, record. The error is the encoder's, which may be null.
struct SentenceCheck {
  bool supported = false, by_meaning = false;
  double support = 0;              // 0..1; by meaning the least cosine
  std::string why;                 // what is missing
};
Result<SentenceCheck> check_sentence(std::string_view question, std::string_view context, std::string_view text, std::string_view sentence, Encoder* encoder);

// ---------------------------------------------------------------------------------------------
// Questions that a model draws from a passage, for a person to confirm (draft.cc)

struct Draft {
  enum class State : uint8_t { kDrafted, kMalformed, kTooLong, kCancelled };  // malformed: no {"question","answer"}; too long for the model
  State state = State::kDrafted;
  std::string question, answer;    // one line each, not checked
};
// Korean where Hangul prevails in the text: a Korean name in an English one makes no Korean of it.
Tongue main_tongue(std::string_view text);
// Asks for one question that the passage (its record, title, context and text) answers, and the answer, both in its language. Always
// the likeliest words. The errors are those of a model that does not answer.
Result<Draft> draft_question(Generator& generator, const search::PassageResult& passage, const std::function<bool()>& cancelled = {});
// The sentence or row of the passage's text that says the answer: one that holds it word for word, white space and case aside, the likest to the
// question among several; else the one that supports it by the rules for written answers. None: the passage does not say it.
std::optional<search::Match> saying_unit(const search::PassageResult& passage, std::string_view question, std::string_view answer);

// Chosen on public question sets: 2.4 of 100 answerable KorQuAD questions are refused (docs/ANSWERS.md).
inline constexpr double kDefaultThreshold = 0.22;
// For an audit entry of kind "ask": the question, who might see what, the state of the archive, and of the answer its
// evidence by version and the hash of its words. A JSON object; `model`: name and hash of what wrote it, "" = quoted.
std::string audit_details(const archive::Archive& archive, const AskRequest& request, const Answer& answer, double threshold,
                          std::string_view model, std::string_view release);
// The join of the labels of what the answer shows: the entry's own label.
std::string audit_label(const archive::Archive& archive, const Answer& answer);
// Asks again, of the archive as it was and as the asker saw it. An answer that a model wrote is compared by its evidence.
// kInvalid if the details are none of audit_details. Costs indexing all that the asker saw.
struct Replay {
  bool same = false, same_evidence = false, written = false;
  Answer now;
};
Result<Replay> replay(const archive::Archive& archive, std::string_view details);

// Personal data in all that the answer shows, masked. Offsets stay good.
void mask_personal(Answer& answer);

// The home's threshold: of home/answer.json, or kDefaultThreshold.
double load_threshold(const fs::path& home);
// Writes the threshold for this home, with what it was chosen on.
Status save_threshold(const fs::path& home, double threshold, std::string_view chosen_on);

}  // namespace sillok::answer
