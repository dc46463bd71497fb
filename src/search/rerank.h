// Private to search: looks closely at the first candidates. The index ranks by how often terms occur in a passage;
// the re-ranker adds how well the best sentence, and the best two together, hold the question.
#pragma once

#include <bit>
#include <string>
#include <string_view>
#include <vector>

#include "search/query.h"
#include "search/search.h"

namespace sillok::search {

// A small set of term indices.
class Bits {
 public:
  Bits() = default;
  explicit Bits(size_t size) : words_((size + 63) / 64, 0) {}
  void set(size_t i) { words_[i / 64] |= uint64_t{1} << (i % 64); }
  size_t count_common(const Bits& other) const {
    size_t count = 0;
    for (size_t w = 0; w < words_.size(); ++w) count += static_cast<size_t>(std::popcount(words_[w] & other.words_[w]));
    return count;
  }
  bool test(size_t i) const { return (words_[i / 64] >> (i % 64)) & 1; }
  void add(const Bits& other) {
    for (size_t w = 0; w < words_.size(); ++w) words_[w] |= other.words_[w];
  }
  template <typename Each>
  void for_each(Each each) const {
    for (size_t w = 0; w < words_.size(); ++w) {
      for (uint64_t rest = words_[w]; rest != 0; rest &= rest - 1) {
        each(64 * w + static_cast<size_t>(std::countr_zero(rest)));
      }
    }
  }

 private:
  std::vector<uint64_t> words_;
};

// A question ready to be matched against passages: its terms with their final weights.
class Question {
 public:
  // `weights`: final weight (class, position and rarity) of each of `terms`; `rarity`: idf of each.
  Question(std::u32string folded, std::vector<QuestionTerm> terms, std::vector<float> weights, const std::vector<float>& rarity);

  const std::u32string& folded() const { return folded_; }
  const std::vector<QuestionTerm>& terms() const { return terms_; }
  float total() const { return total_; }  // sum of all weights: the most that can match once
  float weight(size_t term) const { return weights_[term]; }
  // Index of the term, or -1.
  int find(TermId id) const;
  const TermSieve& sieve() const { return sieve_; }
  // Ranges [first, last) of terms() that make up word w; see words().
  struct Word {
    uint32_t begin = 0, end = 0;  // code points of folded()
    size_t term = 0;              // its kWord term, or its first bigram where the script has no words
    float share = 0;              // of the weight of all words; they sum to 1
    Bits parts;                   // terms within it
    size_t part_count = 0;
  };
  const std::vector<Word>& words() const { return words_; }
  // How much of each word is among `matched` (by term index), 0..1: the word itself, or nine tenths of the share
  // of its parts.
  std::vector<float> words_found(const Bits& matched) const;
  // The same weighed by each word's share and added up, 0..1.
  float words_share(const Bits& matched) const;
  // Per term numbers whose sum over the matched terms is at least words_share: what the index can tell beforehand.
  std::vector<float> words_share_bounds() const;
  // Sum of the weights of the matched terms; of those that `other` matches and `own` does not.
  float weight_of(const Bits& matched) const;
  float added_weight(const Bits& own, const Bits& other) const;

 private:
  void find_words(const std::vector<float>& rarity);
  float word_found(const Word& word, const Bits& matched) const;

  std::u32string folded_;
  std::vector<QuestionTerm> terms_;
  std::vector<float> weights_;
  float total_ = 0;
  std::vector<Word> words_;
  TermSieve sieve_;
  std::vector<uint32_t> slots_;  // open addressing: term index + 1, or 0
};

struct Evidence {
  std::vector<Unit> units;
  std::vector<float> found;
  float best_unit = 0, best_pair = 0, coverage = 0;  // shares of Question::total()
  float best_unit_words = 0, best_pair_words = 0;    // Question::words_share
};

// Splits text into units (sentences, rows) and matches each. `details`: also fill Unit::context, Unit::found and
// Evidence::found, for which alone `context` (title, headings) counts.
Evidence match_passage(const Question& question, std::string_view text, std::string_view context, bool details);

// The stretch of text that shows most of the question, at most max_code_points long, and the matches in it.
struct Snippet {
  std::string text;
  std::vector<Match> matches;
};
Snippet make_snippet(const Question& question, std::string_view text, const std::vector<Unit>& units,
                     size_t max_code_points);

}  // namespace sillok::search
