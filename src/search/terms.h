// Private to search: what text is indexed and looked up by.
//
// A term is a 64-bit hash of its class and characters: no dictionary of strings is kept, nothing is learned from
// the corpus (a learned vocabulary would betray hidden records), and with ten million distinct terms the chance of
// any collision is 3 in a million. Terms by script, as measured in docs/SEARCH.md:
//   Hangul    bigrams of syllables, digits and Han across spaces; words with particles cut off; trigrams in words
//   alphabets words; their first five letters; 4-grams inside words
//   Han, kana single characters and bigrams
//   Thai ...  bigrams, trigrams and 4-grams of characters
//   all       identifiers joined over punctuation: WS-102, a.b@c.kr, 10,000
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "base/base.h"

namespace sillok::search {

using TermId = uint64_t;

enum class TermClass : uint8_t {
  kWord,        // a word; with Hangul in it, without its particles
  kPrefix,      // first five letters of an alphabetic word, accents removed
  kGram,        // four characters inside an alphabetic word, or of a script without spaces
  kBigram,      // two characters
  kTrigram,     // three syllables inside a Hangul word, or three characters of a script without spaces
  kCharacter,   // one Han or kana character
  kCount,
};
// How much a match of each class counts, relative to a bigram; fitted on public question sets (docs/SEARCH.md).
float class_weight(TermClass term_class);

struct Term {
  TermId id = 0;
  TermClass term_class = TermClass::kWord;
  uint32_t begin = 0, end = 0;  // code points of the folded text
};

// The folded form of text, in code points, with where each came from.
struct Folded {
  std::u32string text;
  std::vector<uint32_t> offset;  // byte offset in the original of each code point; one more for the end
};
Folded fold_with_offsets(std::string_view text);
void fold_with_offsets(std::string_view text, Folded& folded);  // the same into reused memory

// The terms of folded text, in order of position within each kind of term, repeated as often as they occur.
std::vector<Term> extract_terms(const std::u32string& folded);

// Which terms are looked for: turns most others away by their characters, before they are hashed.
class TermSieve {
 public:
  // The term of class `c` that begins with `first` and, unless a word, ends with `last`.
  void add(TermClass c, char32_t first, char32_t last) {
    bits_[slot(c, first, last) / 64] |= bit(slot(c, first, last));
    firsts_[first_slot(first) / 64] |= bit(first_slot(first));
  }
  // Whether any term that was added may begin with the character: turns nine of ten away at the least cost.
  bool begins(char32_t first) const { return (firsts_[first_slot(first) / 64] & bit(first_slot(first))) != 0; }
  bool lets(TermClass c, char32_t first, char32_t last) const {
    const uint32_t s = slot(c, first, last);
    return (bits_[s / 64] & bit(s)) != 0;
  }

 private:
  static constexpr uint32_t kBits = 14;  // 2 KiB stay in the first cache; 60 terms let under 1 of 200 others through
  static uint32_t slot(TermClass c, char32_t first, char32_t last) {
    // The end of a word is not known before its particles are cut off.
    const uint32_t end = c == TermClass::kWord ? 0 : static_cast<uint32_t>(last);
    const uint32_t key = static_cast<uint32_t>(first) * 0x9E3779B1u ^ (end * 8 + static_cast<uint32_t>(c)) * 0x85EBCA6Bu;
    return (key * 0xC2B2AE35u) >> (32 - kBits);
  }
  static constexpr uint32_t kFirstBits = 12;
  static uint32_t first_slot(char32_t first) { return (static_cast<uint32_t>(first) * 0x9E3779B1u) >> (32 - kFirstBits); }
  static uint64_t bit(uint32_t slot) { return uint64_t{1} << (slot % 64); }
  std::array<uint64_t, (1u << kBits) / 64> bits_{};
  std::array<uint64_t, (1u << kFirstBits) / 64> firsts_{};
};

// Of extract_terms' terms all that the sieve was given, and a few others, into reused memory.
void extract_terms(const std::u32string& folded, const TermSieve& sieve, std::vector<Term>& terms);

// Appends the term ids of text; returns its length in words (Han characters count as words, characters of scripts
// without spaces as a third): the length that ranking normalises by. The same terms as extract_terms gives.
uint32_t append_terms(std::string_view text, std::vector<TermId>& out);

}  // namespace sillok::search
