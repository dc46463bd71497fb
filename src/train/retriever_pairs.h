// Private to train: what a retriever is trained and measured on.
#pragma once

#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "train/encoder.h"
#include "train/train.h"

namespace sillok::train {

// The passages that may be learned from, in order of record, version and ordinal.
struct Corpus {
  struct Passage {
    int64_t version = 0;
    uint32_t ordinal = 0;
    std::string record, context, text;
  };
  std::vector<Passage> passages;
  std::vector<Bag> bags;  // of text and context, as search encodes them
  std::unordered_map<std::string, std::vector<uint32_t>> by_record;
  std::vector<int64_t> versions;  // ascending
  std::set<std::string> labels;
};
Result<Corpus> read_corpus(const search::Searcher& searcher, const govern::Clearance& ceiling, uint32_t buckets);

// Made-up questions: a sentence with some of its words left out, or the title and headings, ask for their passage.
struct MadeQuestion {
  std::string text;
  uint32_t passage = 0;
  bool held_out = false;  // its record is one of the tenth that is only measured on
};
std::vector<MadeQuestion> make_questions(const Corpus& corpus, uint64_t seed);

Bag question_bag(std::string_view question, uint32_t buckets);

}  // namespace sillok::train
