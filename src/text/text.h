// text: language and script, normalisation, sentences, search terms.
//
// Contents: scripts | normalisation | sentences | search terms
// Knows nothing of documents or indexes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"

namespace sillok::text {

// ---------------------------------------------------------------------------------------------
// Scripts, as far as the choice of terms depends on them

enum class Script : uint8_t {
  kNone,      // spaces, punctuation, symbols
  kDigit,     // decimal digits of any script
  kAlphabet,  // scripts written with spaces between words: Latin, Cyrillic, Greek, Arabic, Devanagari, ...
  kHangul,
  kHan,       // Han and kana
  kBare,      // scripts without spaces between words other than Han: Thai, Lao, Khmer, Burmese
};
Script script_of(char32_t code_point);

// ---------------------------------------------------------------------------------------------
// Normalisation for matching: NFKC, case folded, marks that readers ignore removed (Latin and Greek accents,
// Arabic harakat), jamo composed. Never shown to a person.
std::string fold(std::string_view text);
// The folded form of a character that folds to one by itself, whatever follows it among its like: ASCII, Hangul
// syllables, unified ideographs, kana, common quotation marks. 0 for all others, which need fold().
char32_t fold_simple(char32_t code_point);
// NFC: what is stored and shown.
std::string nfc(std::string_view text);

// How many code points of a folded word are left when Korean particles and endings are cut off; at least two, or
// all of a shorter word. Other languages' words are left whole.
size_t stem_length(std::u32string_view word);

// ---------------------------------------------------------------------------------------------
// Sentences: byte ranges of text in order, trimmed, covering all that is not white space. Line breaks end a
// sentence; abbreviations, decimals, numbering ("1.", "가.") and quotations do not.
struct Span {
  size_t begin = 0, end = 0;
};
std::vector<Span> sentences(std::string_view text);

}  // namespace sillok::text
