// Unigram ("t5"): of all ways to cut the normalised text into tokens, the one whose scores add up highest (Viterbi).
//
// Normalisation: the file's character map (SentencePiece's precompiled one), spaces as the model wants them.
#include <algorithm>
#include <cfloat>
#include <cstring>

#include "model/trie.h"
#include "model/vocabulary.h"

namespace sillok::model {
namespace {

constexpr std::string_view kSpaceMark = "\xE2\x96\x81";
constexpr double kUnknownPenalty = 10;  // SentencePiece's kUnkPenalty, below the lowest score

// SentencePiece's precompiled map: u32 size of a double array, its units (u32 each), then the replacements, each
// ended by a NUL. A unit holds in bits 0-7 its label, bit 8 whether a value hangs on it, bits 10-30 the offset of its
// children, shifted left by 8 if bit 9 is set; a value unit is an offset into the replacements (Yata's Darts-clone).
class CharacterMap {
 public:
  CharacterMap() = default;
  static Result<CharacterMap> parse(std::string bytes) {
    CharacterMap map;
    uint32_t size = 0;
    if (bytes.size() < sizeof size) return fail(ErrorCode::kInvalid, "the character map is too short");
    std::memcpy(&size, bytes.data(), sizeof size);
    if (size == 0 || size % sizeof(uint32_t) != 0 || size >= bytes.size() - sizeof size) {
      return fail(ErrorCode::kInvalid, "the character map's size is " + std::to_string(size) + ", which does not fit it");
    }
    map.units_.resize(size / sizeof(uint32_t));
    std::memcpy(map.units_.data(), bytes.data() + sizeof size, size);
    map.replacements_ = bytes.substr(sizeof size + size);
    if (map.replacements_.back() != '\0') return fail(ErrorCode::kInvalid, "the character map's last text has no end");
    return map;
  }

  // The replacement of the longest known beginning of `text`, and its length; length 0 if there is none.
  std::pair<std::string_view, size_t> longest(std::string_view text) const {
    std::pair<std::string_view, size_t> best{{}, 0};
    if (units_.empty()) return best;
    size_t node = offset_of(units_[0]);
    for (size_t i = 0; i < text.size(); ++i) {
      const auto byte = static_cast<uint8_t>(text[i]);
      if (byte == 0) break;
      node ^= byte;
      if (node >= units_.size() || (units_[node] & (0x80000000u | 0xFF)) != byte) break;
      const bool has_value = (units_[node] >> 8) & 1;
      node ^= offset_of(units_[node]);
      if (!has_value) continue;
      if (node >= units_.size()) break;
      const size_t value = units_[node] & 0x7FFFFFFFu;
      if (value >= replacements_.size()) break;
      best = {std::string_view(replacements_.c_str() + value), i + 1};
    }
    return best;
  }

 private:
  static size_t offset_of(uint32_t unit) { return size_t{unit >> 10} << ((unit & (1u << 9)) >> 6); }
  std::vector<uint32_t> units_;
  std::string replacements_;
};

class Unigram final : public TokenizerBase {
 public:
  Unigram(Vocabulary vocabulary, const Gguf& file, CharacterMap characters)
      : TokenizerBase(std::move(vocabulary), file), characters_(std::move(characters)) {
    std::vector<std::pair<std::string_view, Token>> keys, own;
    float lowest = FLT_MAX;
    for (size_t i = 0; i < vocabulary_.texts.size(); ++i) {
      const TokenKind kind = vocabulary_.kinds[i];
      if (kind == TokenKind::kNormal) lowest = std::min(lowest, vocabulary_.scores[i]);
      if (vocabulary_.texts[i].empty()) continue;
      if (kind == TokenKind::kNormal || kind == TokenKind::kUserDefined || kind == TokenKind::kUnused) {
        keys.emplace_back(vocabulary_.texts[i], static_cast<Token>(i));
      }
      if (kind == TokenKind::kUserDefined) own.emplace_back(vocabulary_.texts[i], static_cast<Token>(i));
    }
    trie_ = Trie(std::move(keys));
    user_defined_ = Trie(std::move(own));
    unknown_score_ = (lowest == FLT_MAX ? 0 : static_cast<double>(lowest)) - kUnknownPenalty;
    std::vector<Token> bytes;
    for (size_t byte = 0; byte < 256; ++byte) {
      constexpr std::string_view kHex = "0123456789ABCDEF";
      const char text[] = {'<', '0', 'x', kHex[byte >> 4], kHex[byte & 15], '>'};
      const Token token = vocabulary_.by_text.find(std::string_view(text, sizeof text));
      if (token >= 0 && vocabulary_.kinds[static_cast<size_t>(token)] == TokenKind::kByte) bytes.push_back(token);
    }
    if (bytes.size() == 256) byte_tokens_ = std::move(bytes);
  }

 protected:
  void encode_text(std::string_view text, bool, std::vector<Token>& out) const override;
  std::string normal_piece(Token token) const override {
    return unescape_spaces(vocabulary_.texts[static_cast<size_t>(token)]);
  }

 private:
  std::string normalise(std::string_view text) const;

  CharacterMap characters_;
  Trie trie_, user_defined_;
  std::vector<Token> byte_tokens_;  // of a model with byte fallback; else empty
  double unknown_score_ = 0;
};

std::string Unigram::normalise(std::string_view text) const {
  std::string out;
  out.reserve(text.size() + text.size() / 2);
  bool in_word = false, prefixed = false;
  const auto add = [&](std::string_view part) {
    for (const char c : part) {
      if (c == ' ') {
        in_word = false;
        if (!vocabulary_.remove_extra_spaces) out += kSpaceMark;
        continue;
      }
      if (!in_word) {
        in_word = true;
        if ((vocabulary_.add_space_prefix && !prefixed) || vocabulary_.remove_extra_spaces) {
          out += kSpaceMark;
          prefixed = true;
        }
      }
      out += c;
    }
  };
  for (size_t at = 0; at < text.size();) {
    const std::string_view rest = text.substr(at);
    size_t own = 0;
    user_defined_.matches(rest, [&own](Token, size_t length) { own = length; });
    if (own > 0) {
      add(rest.substr(0, own));
      at += own;
      continue;
    }
    if (const auto [replacement, length] = characters_.longest(rest); length > 0) {
      add(replacement);
      at += length;
      continue;
    }
    const size_t start = at;
    const bool malformed = decode_utf8(text, at) == kReplacement && at - start == 1;
    add(malformed ? std::string_view("\xEF\xBF\xBD") : text.substr(start, at - start));
  }
  return out;
}

void Unigram::encode_text(std::string_view text, bool, std::vector<Token>& out) const {
  const std::string normalised = normalise(text);
  struct Best {
    double score = -DBL_MAX;
    uint32_t from = 0;
    Token token = -1;  // -1: unknown
  };
  std::vector<Best> best(normalised.size() + 1);
  best[0].score = 0;
  const std::string_view source = normalised;
  for (size_t at = 0; at < source.size();) {
    size_t next = at;
    decode_utf8(source, next);
    const double here = best[at].score;
    bool whole = false;  // some token is exactly this character
    const auto offer = [&](size_t end, Token token, double score) {
      if (here + score > best[end].score) best[end] = {here + score, static_cast<uint32_t>(at), token};
    };
    trie_.matches(source.substr(at), [&](Token token, size_t length) {
      whole = whole || at + length == next;
      const auto index = static_cast<size_t>(token);
      const bool own = vocabulary_.kinds[index] == TokenKind::kUserDefined;
      offer(at + length, token, own ? 0.0 : static_cast<double>(vocabulary_.scores[index]));
    });
    if (!whole) offer(next, -1, unknown_score_);
    at = next;
  }
  const size_t before = out.size();
  bool unknown = false;  // neighbours that are unknown count as one
  for (size_t end = source.size(); end > 0; end = best[end].from) {
    const Token token = best[end].token;
    if (token >= 0) out.push_back(token);
    else if (!byte_tokens_.empty()) {
      for (size_t at = end; at > best[end].from; --at) out.push_back(byte_tokens_[static_cast<uint8_t>(source[at - 1])]);
    } else if (!unknown && vocabulary_.unknown) out.push_back(*vocabulary_.unknown);
    unknown = token < 0;
  }
  std::reverse(out.begin() + static_cast<ptrdiff_t>(before), out.end());
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> make_unigram(Vocabulary vocabulary, const Gguf& file) {
  if (vocabulary.scores.empty()) return fail(ErrorCode::kInvalid, "a unigram tokenizer needs tokenizer.ggml.scores");
  if (file.has("tokenizer.ggml.add_bos_token")) {
    SILLOK_ASSIGN(vocabulary.add_bos, file.boolean("tokenizer.ggml.add_bos_token"));
  }
  CharacterMap characters;
  if (file.has("tokenizer.ggml.precompiled_charsmap")) {
    SILLOK_ASSIGN(const auto array, file.array("tokenizer.ggml.precompiled_charsmap"));
    std::string bytes;
    for (const int64_t byte : array->integers) bytes += static_cast<char>(byte);
    if (!bytes.empty()) {
      SILLOK_ASSIGN(characters, CharacterMap::parse(std::move(bytes)));
    }
  }
  return std::shared_ptr<const Tokenizer>(std::make_shared<Unigram>(std::move(vocabulary), file, std::move(characters)));
}

}  // namespace sillok::model
