// train: an organisation's own models, from its own records.
//
// Contents: label ceiling | datasets | tokenizers | retrievers
//
// Whatever is learned from records carries the join of their labels, and is learned only from labels up to a ceiling that
// its maker names: the lowest label of the home unless told otherwise.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "archive/archive.h"
#include "base/base.h"
#include "search/search.h"

namespace sillok::train {

// ---------------------------------------------------------------------------------------------
// Label ceiling

// The home's labels up to and including `ceiling`, least sensitive first; "" = the lowest alone. kInvalid for a label the
// home does not know.
Result<std::vector<std::string>> labels_up_to(const archive::Archive& archive, std::string_view ceiling);

using Progress = std::function<void(std::string_view what, uint64_t done, uint64_t total)>;  // may be empty

// ---------------------------------------------------------------------------------------------
// Datasets: curated text of the records in force (data.cc)

struct DataOptions {
  std::string ceiling;         // see labels_up_to
  fs::path gold;               // JSONL of gold questions whose evidence and near-copies are left out; empty: none
  fs::path out;                // folder, made; its files are replaced
  uint64_t seed = 1;
  double near_duplicate = 0.8;  // passages whose estimated Jaccard similarity of 5-character shingles is this or more
  uint32_t min_characters = 40;  // shorter passages say too little to learn from
  double min_letters = 0.5;      // share of letters among what is not white space: tables of numbers, OCR noise
  double max_repeated = 0.5;     // share of lines that occur more than once: page furniture
  std::vector<std::string> scripts;  // "hangul", "latin" ...: most letters must be of one of them; empty: any
  double validation = 0.05, test = 0.05;  // shares of records, not passages: a record is never in two splits
};
struct DataStep {
  std::string name;      // what the step leaves out
  uint64_t passages = 0;  // left after it
  uint64_t bytes = 0;
};
struct DataReport {
  std::vector<DataStep> steps;  // in order; the first is all passages in force
  std::map<std::string, uint64_t> splits;  // passages of train, validation, test
  std::vector<std::string> labels;  // of the passages in it
  std::string hash;      // SHA-256 of the manifest
  fs::path manifest;
};
// Writes train.jsonl, validation.jsonl and test.jsonl of {"text","title","record","version","label"}, and manifest.json with
// options, yields, the hash of each file and the records with their versions: what erasing a record has to look through.
// The same archive, options and seed give the same bytes.
Result<DataReport> make_dataset(const archive::Archive& archive, const search::Searcher& searcher, const DataOptions& options,
                                const Progress& progress);
// Records of the dataset's manifest that the archive no longer has in that version and label, or has erased: reasons to make
// it anew. Of a trained retriever, likewise.
Result<std::vector<std::string>> stale_records(const archive::Archive& archive, const fs::path& manifest_or_model);

// ---------------------------------------------------------------------------------------------
// Tokenizers (tokenizer.cc)

struct TokenizerOptions {
  std::string ceiling;
  fs::path out;               // "PATH/NAME": NAME.model, NAME.vocab and NAME.json are written
  std::string kind = "unigram";  // or "bpe"
  uint32_t vocabulary = 8000;
  fs::path compared;          // a SentencePiece model to compare with; empty: none
  uint64_t max_bytes = 256ull << 20;  // of text that is learned from
};
struct TokenizerReport {
  uint64_t sentences = 0, bytes = 0, held_out_bytes = 0;
  uint32_t vocabulary = 0;
  double bytes_per_token = 0;           // of held-out text
  double compared_bytes_per_token = 0;  // 0: not compared
  std::vector<std::string> labels;
  std::string hash;
};
Result<TokenizerReport> train_tokenizer(const archive::Archive& archive, const search::Searcher& searcher, const TokenizerOptions& options);

// ---------------------------------------------------------------------------------------------
// Retrievers (retriever.cc)

// A question and the records that answer it.
struct TrainingQuestion {
  std::string question;
  std::vector<std::string> records;
  std::string group;  // questions of a group stay together when figures are cross-validated; "" = its first record
};

struct RetrieverOptions {
  std::string ceiling;
  std::vector<TrainingQuestion> gold;  // none: self-supervised pairs only
  uint32_t folds = 5;
  uint64_t seed = 1;
  uint32_t threads = 2;
  bool adopt = true;   // false: measure only
};
struct RetrieverFigures {
  double recall_at_1 = 0, recall_at_5 = 0, mrr_10 = 0;  // percent, over the questions measured
};
struct RetrieverReport {
  uint64_t passages = 0, pairs = 0;
  uint64_t questions = 0;    // measured: gold ones by a model that has not seen their group, else made-up held-out ones
  uint64_t left_out = 0;     // gold questions whose records are above the ceiling, not in force or unknown
  std::string measured_on;   // "gold questions, 5-fold cross-validation by group" or "held-out titles and sentences"
  RetrieverFigures lexical, trained;
  double share = 0, cosine_weight = 0;  // as fitted
  double encoder_seconds = 0, seconds = 0;
  std::vector<std::string> labels;
  std::string hash, reason;  // reason: why it was adopted or not
  bool adopted = false;
};
// Trains on what is in force under the ceiling; adopted, by replacing home/models/retriever.sillok, only where the questions
// measured are found no worse than without it. The searcher goes on with the model if it was adopted, else with what it had.
// Deterministic by seed.
Result<RetrieverReport> train_retriever(const archive::Archive& archive, search::Searcher& searcher, const RetrieverOptions& options,
                                        const Progress& progress);

}  // namespace sillok::train
