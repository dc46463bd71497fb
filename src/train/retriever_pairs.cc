#include "train/retriever_pairs.h"

#include <algorithm>
#include <random>

#include "text/text.h"

namespace sillok::train {
namespace {

constexpr uint64_t kHeldOutOf = 10;      // one record in so many is only measured on
constexpr size_t kMinWords = 4;          // of a sentence to make a question of
constexpr double kKept = 0.6;            // share of its words kept: questions repeat part of what they ask about

// The sentence without four of ten words, chosen by the seed.
std::string thin_out(std::string_view sentence, std::mt19937_64& random) {
  std::string kept;
  for (std::string_view word : split(sentence, ' ')) {
    if (word.empty() || static_cast<double>(random() >> 11) / static_cast<double>(1ull << 53) >= kKept) continue;
    if (!kept.empty()) kept += ' ';
    kept += word;
  }
  return kept;
}

}  // namespace

Bag question_bag(std::string_view question, uint32_t buckets) { return make_bag(search::encoder_terms(question), buckets); }

Result<Corpus> read_corpus(const search::Searcher& searcher, const govern::Clearance& ceiling, uint32_t buckets) {
  Corpus corpus;
  SILLOK_TRY(searcher.passages(ceiling, [&](const search::LearningPassage& p) {
    corpus.by_record[std::string(p.record)].push_back(static_cast<uint32_t>(corpus.passages.size()));
    corpus.passages.push_back({p.version_id, p.ordinal, std::string(p.record), std::string(p.context), std::string(p.text)});
    std::vector<uint64_t> terms = search::encoder_terms(p.text);
    const std::vector<uint64_t> around = search::encoder_terms(p.context);
    terms.insert(terms.end(), around.begin(), around.end());
    corpus.bags.push_back(make_bag(std::move(terms), buckets));
    corpus.versions.push_back(p.version_id);
    corpus.labels.emplace(p.label);
  }));
  std::sort(corpus.versions.begin(), corpus.versions.end());
  corpus.versions.erase(std::unique(corpus.versions.begin(), corpus.versions.end()), corpus.versions.end());
  return corpus;
}

std::vector<MadeQuestion> make_questions(const Corpus& corpus, uint64_t seed) {
  std::vector<MadeQuestion> questions;
  for (uint32_t i = 0; i < corpus.passages.size(); ++i) {
    const Corpus::Passage& p = corpus.passages[i];
    const bool held_out = hash64(p.record, seed) % kHeldOutOf == 0;
    // Drawn for each passage by itself: one record more or less changes no other's question.
    std::mt19937_64 random(hash64(p.record, seed + p.ordinal + 1));
    std::vector<std::string_view> sentences;
    for (const text::Span span : text::sentences(p.text)) {
      const std::string_view sentence = std::string_view(p.text).substr(span.begin, span.end - span.begin);
      if (split(sentence, ' ').size() >= kMinWords) sentences.push_back(sentence);
    }
    if (!sentences.empty()) {
      std::string question = thin_out(sentences[random() % sentences.size()], random);
      if (!question.empty()) questions.push_back({std::move(question), i, held_out});
    }
    if (!trim(p.context).empty()) questions.push_back({p.context, i, held_out});
  }
  return questions;
}

}  // namespace sillok::train
