// The vocabulary of a tokenizer: texts, kinds, special tokens, look-up. What every kind of tokenizer shares.
#pragma once

#include <array>
#include <cstring>

#include "model/model.h"

namespace sillok::model {

enum class TokenKind : uint8_t { kUndefined = 0, kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };

// From bytes to a token: open addressing, keys kept elsewhere.
class TokenMap {
 public:
  void reserve(size_t count);  // of an empty map; it grows beyond
  // False, and nothing changed, if the key is there. `tokens` ascend; the bytes must outlive the map.
  bool insert(std::string_view key, Token token);
  Token find(std::string_view key) const;  // -1 if absent
  // Asks for the place that insert() or find() of the key will look at. A large vocabulary's places are not in the cache: who has many
  // keys names each a few ahead.
  void expect(std::string_view key) const;
  static constexpr size_t kAhead = 16;  // keys, that is: one takes ten nanoseconds, a place up to a hundred to arrive

 private:
  struct Slot {
    uint32_t tag = 0;  // of the hash, so that few keys are compared
    Token token = -1;
  };
  void grow();
  std::vector<Slot> slots_;
  std::vector<std::string_view> keys_;  // by token
  size_t mask_ = 0, count_ = 0;
};
// Fast, for tables in memory alone.
inline uint64_t quick_hash(std::string_view key) {
  uint64_t h = 0x9E3779B97F4A7C15u ^ key.size();
  const char* p = key.data();
  size_t left = key.size();
  const auto mix = [&h](uint64_t word) {
    h = (h ^ word) * 0xD6E8FEB86659FD93u;
    h ^= h >> 32;
  };
  for (; left >= 8; left -= 8, p += 8) {
    uint64_t word;
    std::memcpy(&word, p, 8);
    mix(word);
  }
  if (left > 0) {
    uint64_t word = 0;
    std::memcpy(&word, p, left);
    mix(word);
  }
  h *= 0xD6E8FEB86659FD93u;
  return h ^ (h >> 32);
}

inline void TokenMap::expect(std::string_view key) const {
  if (!slots_.empty()) __builtin_prefetch(&slots_[quick_hash(key) & mask_]);
}

struct Vocabulary {
  std::string model;  // "gpt2", "llama", "t5", "bert", "gemma4"
  std::string pre;
  std::vector<std::string> texts;  // as the file has them
  std::vector<float> scores;       // empty, or one a token
  std::vector<TokenKind> kinds;
  TokenMap by_text;
  std::vector<bool> ends;          // end of text, of turn, of message
  std::optional<Token> bos, eos, unknown, separator;
  bool add_bos = false, add_eos = false, add_separator = false;
  bool pair_separator = false;  // between the two texts of a pair
  bool add_space_prefix = false;
  bool remove_extra_spaces = false;
  bool lowercase = true, strip_accents = true;  // WordPiece

  bool is_special(Token token) const {
    const TokenKind kind = kinds[static_cast<size_t>(token)];
    return kind == TokenKind::kControl || kind == TokenKind::kUnknown;
  }
  bool holds(Token token) const { return token >= 0 && static_cast<size_t>(token) < texts.size(); }

  // Reads and checks everything but merges and character maps.
  static Result<Vocabulary> from(const Gguf& file);
};

// Finds special tokens in text: the leftmost, and of those the longest.
class SpecialFinder {
 public:
  explicit SpecialFinder(const Vocabulary& vocabulary, const std::string& model_name, const std::string& architecture);
  struct Found {
    size_t begin = 0, end = 0;  // what it takes of the text, spaces stripped along with it included
    Token token = -1;
  };
  // The first one at or after `from`; token -1 if there is none. Without `parse_special` only user-defined tokens count.
  Found find(std::string_view text, size_t from, bool parse_special) const;

 private:
  struct Entry {
    std::string_view text;
    Token token;
    bool control, strip_left, strip_right;
  };
  std::vector<Entry> entries_;                            // by first byte, then longest first
  std::array<std::pair<uint32_t, uint32_t>, 256> by_first_{};
};

// "<0x41>" -> 0x41; -1 for any other text.
int byte_of(std::string_view text);
// Text with every space as U+2581, and back.
std::string escape_spaces(std::string_view text);
std::string unescape_spaces(std::string_view text);

// The tokenizer kinds. Each shares Vocabulary and the way of encode().
class TokenizerBase : public Tokenizer {
 public:
  TokenizerBase(Vocabulary vocabulary, const Gguf& file);
  std::vector<Token> encode(std::string_view text, Encode how) const override;
  std::vector<Token> encode_pair(std::string_view first, std::string_view second) const override;
  std::string piece(Token token, bool special) const override;
  size_t size() const override { return vocabulary_.texts.size(); }
  std::optional<Token> find(std::string_view piece) const override;
  bool is_special(Token token) const override;
  bool is_end(Token token) const override;
  std::optional<Token> bos() const override { return vocabulary_.bos; }
  std::optional<Token> eos() const override { return vocabulary_.eos; }
  bool strips_space_prefix() const { return vocabulary_.add_space_prefix; }

 protected:
  // Tokens of text without special tokens; `first`: it begins the text or follows a special token.
  virtual void encode_text(std::string_view text, bool first, std::vector<Token>& out) const = 0;
  virtual std::string normal_piece(Token token) const = 0;
  const Vocabulary vocabulary_;

 private:
  SpecialFinder specials_;
};

Result<std::shared_ptr<const Tokenizer>> make_bpe(Vocabulary vocabulary, const Gguf& file);
Result<std::shared_ptr<const Tokenizer>> make_sentencepiece(Vocabulary vocabulary, const Gguf& file);
Result<std::shared_ptr<const Tokenizer>> make_unigram(Vocabulary vocabulary, const Gguf& file);
Result<std::shared_ptr<const Tokenizer>> make_wordpiece(Vocabulary vocabulary, const Gguf& file);

}  // namespace sillok::model
