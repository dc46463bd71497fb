// WordPiece ("bert"): words and punctuation apart, lower-cased and without accents if the model wants it; each word
// from its longest known beginnings, or unknown. In the file U+2581 marks the piece that begins a word.
#include <unicode/uchar.h>
#include <unicode/unorm2.h>

#include <algorithm>

#include "model/trie.h"
#include "model/vocabulary.h"

namespace sillok::model {
namespace {

constexpr std::string_view kWordMark = "\xE2\x96\x81";

// Ideographs stand alone, as BERT's own list has it (with its 2B920 for 2B820).
bool is_ideograph(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
         (c >= 0x2A700 && c <= 0x2B73F) || (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}
bool is_punctuation(char32_t c) {
  const auto category = U_MASK(u_charType(static_cast<UChar32>(c)));
  return (category & U_GC_P_MASK) != 0 || (c < 0x7F && (category & U_GC_S_MASK) != 0);
}
bool is_dropped(char32_t c) {
  const auto category = U_MASK(u_charType(static_cast<UChar32>(c)));
  return c == 0 || c == kReplacement || (category & (U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CO_MASK)) != 0;
}

// Canonical decomposition of one code point.
std::u32string decompose(char32_t c) {
  std::u32string out;
  UErrorCode status = U_ZERO_ERROR;
  const UNormalizer2* nfd = unorm2_getNFDInstance(&status);
  UChar buffer[32];  // the longest decomposition has 4 code points
  const int32_t length = U_SUCCESS(status)
                             ? unorm2_getDecomposition(nfd, static_cast<UChar32>(c), buffer, std::size(buffer), &status)
                             : -1;
  if (length < 0 || U_FAILURE(status)) return {c};
  for (int32_t i = 0; i < length;) {
    UChar32 one;
    U16_NEXT(buffer, i, length, one);
    out += static_cast<char32_t>(one);
  }
  return out;
}

class WordPiece final : public TokenizerBase {
 public:
  WordPiece(Vocabulary vocabulary, const Gguf& file) : TokenizerBase(std::move(vocabulary), file) {
    std::vector<std::pair<std::string_view, Token>> keys;
    for (size_t i = 0; i < vocabulary_.texts.size(); ++i) {
      if (!vocabulary_.texts[i].empty()) keys.emplace_back(vocabulary_.texts[i], static_cast<Token>(i));
    }
    trie_ = Trie(std::move(keys));
  }

 protected:
  void encode_text(std::string_view text, bool, std::vector<Token>& out) const override {
    std::string word(kWordMark);
    const auto finish = [&] {
      if (word.size() > kWordMark.size()) encode_word(word, out);
      word.resize(kWordMark.size());
    };
    const auto add = [&](char32_t c) {
      if (is_dropped(c) && !u_isUWhiteSpace(static_cast<UChar32>(c))) return;
      if (u_isUWhiteSpace(static_cast<UChar32>(c))) return finish();
      if (vocabulary_.strip_accents && u_charType(static_cast<UChar32>(c)) == U_NON_SPACING_MARK) return;
      const char32_t written = vocabulary_.lowercase ? static_cast<char32_t>(u_tolower(static_cast<UChar32>(c))) : c;
      const bool alone = is_punctuation(c) || is_ideograph(c);
      if (alone) finish();
      append_utf8(word, written);
      if (alone) finish();
    };
    for (size_t at = 0; at < text.size();) {
      const char32_t c = decode_utf8(text, at);
      // Accents come off by decomposing; Hangul syllables come apart into jamo with it, as BERT was trained.
      if (vocabulary_.strip_accents && c >= 0x80) {
        for (const char32_t part : decompose(c)) add(part);
      } else {
        add(c);
      }
    }
    finish();
  }

  std::string normal_piece(Token token) const override {
    return unescape_spaces(vocabulary_.texts[static_cast<size_t>(token)]);
  }

 private:
  void encode_word(std::string_view word, std::vector<Token>& out) const {
    const size_t before = out.size();
    for (size_t at = 0; at < word.size();) {
      Token best = -1;
      size_t length = 0;
      trie_.matches(word.substr(at), [&](Token token, size_t size) {
        best = token;
        length = size;
      });
      if (best < 0) {
        out.resize(before);
        if (vocabulary_.unknown) out.push_back(*vocabulary_.unknown);
        return;
      }
      out.push_back(best);
      at += length;
    }
  }

  Trie trie_;
};

}  // namespace

Result<std::shared_ptr<const Tokenizer>> make_wordpiece(Vocabulary vocabulary, const Gguf& file) {
  return std::shared_ptr<const Tokenizer>(std::make_shared<WordPiece>(std::move(vocabulary), file));
}

}  // namespace sillok::model
