// The regular expressions by which byte-level tokenizers cut text into words before they merge.
//
// They use a small part of the language, and that part is all there is here: alternatives (at the top, first match
// wins), classes and categories (\p{L}, \s, [^...]), characters, greedy ? * + {m,n}, a group of literal
// alternatives ((?:...), (?i:...)), the look-ahead (?!\S) and the anchor $. Nothing repeated nests, and in the patterns
// of the table a failed try never reads further than what a later alternative takes: time linear in the text.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/base.h"

namespace sillok::model {

// The classes of up to 32 sets that a code point belongs to, as bits.
using ClassBits = uint32_t;

// A set of code points: general categories (ICU's numbers, as bits) and ranges, possibly inverted.
struct CodePointSet {
  uint32_t categories = 0;
  bool white_space = false;
  bool negated = false;
  std::vector<std::pair<char32_t, char32_t>> ranges;
  bool holds(char32_t code_point) const;
  bool holds(char32_t code_point, int category, bool is_white_space) const;  // the same, the look-ups done
  bool operator==(const CodePointSet&) const = default;
};

// Patterns of one tokenizer, applied one after the other: each cuts every piece the one before left, into its
// matches and what lies between them.
class Splitter {
 public:
  // kUnsupported if a pattern uses more of the language than there is here.
  static Result<Splitter> compile(std::span<const std::string_view> patterns);

  // The words of `text` in order, by their ends (byte offsets); together they are the text. A malformed byte counts
  // as one character of no category and keeps its value.
  void split(std::string_view text, std::vector<uint32_t>& ends) const;

 private:
  friend class PatternCompiler;
  enum class Kind : uint8_t { kClass, kLiterals, kNotBeforeNonSpace, kEnd };
  struct Element {
    Kind kind = Kind::kClass;
    ClassBits bit = 0;  // kClass
    uint32_t least = 1, most = 1;
    std::vector<std::vector<ClassBits>> literals;  // kLiterals: each a sequence of sets; optional if least == 0
  };
  using Alternative = std::vector<Element>;
  using Pattern = std::vector<Alternative>;
  static constexpr size_t kNoMatch = SIZE_MAX;

  ClassBits classify(char32_t code_point) const;
  void fill_basic_plane();
  void decode(std::string_view text, std::vector<ClassBits>& bits, std::vector<uint32_t>& offsets) const;
  size_t match(const Alternative& alternative, size_t element, std::span<const ClassBits> text, size_t at) const;
  void cut(const Pattern& pattern, std::span<const ClassBits> text, size_t base, std::vector<uint32_t>& ends) const;

  std::vector<CodePointSet> sets_;
  ClassBits space_bit_ = 0;                // \s
  std::vector<Pattern> patterns_;
  std::vector<ClassBits> basic_plane_;     // classify() of U+0000..U+FFFF
};

}  // namespace sillok::model
