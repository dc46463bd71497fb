// Private to train: what makes a text worth learning from, and which texts are near-copies of each other.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/base.h"

namespace sillok::train {

// ---- Quality and language

struct TextQuality {
  uint32_t characters = 0;   // code points that are not white space
  double letters = 0;        // share of them that are letters of any script
  double repeated_lines = 0;  // share of lines (of 8 characters or more) that are copies of an earlier one
  std::string script;        // of most letters: "hangul", "latin", "cyrillic", "han", "other"; "" without letters
};
TextQuality judge(std::string_view text);

// ---- Near-duplicates: MinHash over shingles of 5 characters, white space and case aside
// Broder 1997. 128 hashes in 32 bands of 4: pairs at Jaccard 0.8 share a band with probability 1 - (1 - 0.8^4)^32, all but
// one in ten million; those at 0.4 with 0.56 are compared and turned away.

inline constexpr size_t kMinHashes = 128, kBands = 32;
struct Signature {
  std::vector<uint32_t> values;  // kMinHashes; empty for a text too short for a shingle
};
Signature sign(std::string_view text);
// Share of equal values: the estimate of the Jaccard similarity, with a standard deviation of at most 0.045.
double similarity(const Signature& a, const Signature& b);

// Texts seen so far. Not thread-safe.
class NearCopies {
 public:
  explicit NearCopies(double threshold) : threshold_(threshold) {}
  // Is a text with this signature a near-copy of one that was added?
  bool has(const Signature& signature) const;
  void add(Signature signature);

 private:
  double threshold_;
  std::vector<Signature> texts_;
  std::unordered_map<uint64_t, std::vector<uint32_t>> bands_;
};

// ---- Gold questions kept out

// Tells texts that hold a gold question nearly as written: half of its shingles or more, in one text. One too short for a shingle is told
// in a text that is nothing else.
class GoldCopies {
 public:
  void add(std::string_view question);
  bool in(std::string_view text) const;

 private:
  struct Question {
    std::vector<uint64_t> shingles;  // different ones
  };
  std::vector<Question> questions_;
  std::unordered_map<uint64_t, std::vector<uint32_t>> by_shingle_;
  std::set<std::u32string> short_;
};

}  // namespace sillok::train
