#include "model/vocabulary.h"

#include <algorithm>

namespace sillok::model {
namespace {

constexpr size_t kMaxTokenBytes = 4096;  // the longest known (runs of spaces) has a few hundred
constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  // U+2581

// Tokens that are special whatever kind the file gives them: many converters left them ordinary. `ends`: generation
// stops at it.
struct KnownText {
  std::string_view text;
  bool ends;
};
constexpr std::array<KnownText, 58> kKnownTexts = {{
    {"<|eot_id|>", true}, {"<|im_end|>", true}, {"<|end|>", true}, {"<|return|>", true}, {"<|call|>", true},
    {"<|flush|>", true}, {"<|calls|>", true}, {"<end_of_turn>", true}, {"<|endoftext|>", true}, {"</s>", true},
    {"<|eom_id|>", true}, {"<EOT>", true}, {"_<EOT>", true}, {"[EOT]", true}, {"[EOS]", true},
    {"<|end_of_text|>", true}, {"<end_of_utterance>", true}, {"<eos>", true}, {"<turn|>", true},
    {"<|tool_response>", true}, {"<｜end▁of▁sentence｜>", true}, {"[e~[", true},
    // Filling in the middle: padding, repository and file marks end a completion.
    {"<|fim_pad|>", true}, {"<fim-pad>", true}, {"<fim_pad>", true}, {"<PAD>", true}, {"[PAD]", true},
    {"<|fim_repo|>", true}, {"<|repo_name|>", true}, {"<fim-repo>", true}, {"<REPO>", true}, {"<reponame>", true},
    {"<|file_sep|>", true},
    {"<|fim_prefix|>", false}, {"<fim-prefix>", false}, {"<fim_prefix>", false}, {"<｜fim▁begin｜>", false},
    {"<PRE>", false}, {"▁<PRE>", false}, {"<|code_prefix|>", false}, {"<|prefix|>", false},
    {"<|fim_suffix|>", false}, {"<fim-suffix>", false}, {"<fim_suffix>", false}, {"<｜fim▁hole｜>", false},
    {"<SUF>", false}, {"▁<SUF>", false}, {"<|code_suffix|>", false}, {"<|suffix|>", false},
    {"<|fim_middle|>", false}, {"<fim-middle>", false}, {"<fim_middle>", false}, {"<｜fim▁end｜>", false},
    {"<MID>", false}, {"▁<MID>", false}, {"<|code_middle|>", false}, {"<|middle|>", false}, {"", false},
}};

Status read_tokens(const Gguf& file, Vocabulary& out) {
  SILLOK_ASSIGN(const auto tokens, file.array("tokenizer.ggml.tokens"));
  if (tokens->strings.empty()) return tl::unexpected<Error>(Error{ErrorCode::kInvalid, "tokenizer.ggml.tokens holds no texts"});
  out.texts = tokens->strings;
  const size_t count = out.texts.size();
  out.by_text.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    if (i + TokenMap::kAhead < count) out.by_text.expect(out.texts[i + TokenMap::kAhead]);
    if (out.texts[i].size() > kMaxTokenBytes) {
      return tl::unexpected<Error>(Error{ErrorCode::kLimit, "token " + std::to_string(i) + " has " + std::to_string(out.texts[i].size()) +
                                                                " bytes, more than " + std::to_string(kMaxTokenBytes)});
    }
    if (out.texts[i].empty()) continue;  // a gap in the numbering: matches nothing
    if (!out.by_text.insert(out.texts[i], static_cast<Token>(i))) {
      return tl::unexpected<Error>(Error{ErrorCode::kInvalid, "the token '" + shorten(clean_utf8(out.texts[i]), 40) + "' is in the vocabulary twice"});
    }
  }
  out.kinds.assign(count, TokenKind::kNormal);
  if (file.has("tokenizer.ggml.token_type")) {
    SILLOK_ASSIGN(const auto kinds, file.array("tokenizer.ggml.token_type"));
    if (kinds->integers.size() < count) {
      return tl::unexpected<Error>(Error{ErrorCode::kInvalid, "tokenizer.ggml.token_type has fewer entries than there are tokens"});
    }
    for (size_t i = 0; i < count; ++i) {
      const int64_t kind = kinds->integers[i];
      out.kinds[i] = kind >= 1 && kind <= 6 ? static_cast<TokenKind>(kind) : TokenKind::kUndefined;
    }
  }
  if (file.has("tokenizer.ggml.scores")) {
    SILLOK_ASSIGN(const auto scores, file.array("tokenizer.ggml.scores"));
    if (scores->size() < count || !scores->strings.empty()) {
      return tl::unexpected<Error>(Error{ErrorCode::kInvalid, "tokenizer.ggml.scores has fewer numbers than there are tokens"});
    }
    out.scores.resize(count);
    for (size_t i = 0; i < count; ++i) {
      out.scores[i] = scores->reals.empty() ? static_cast<float>(scores->integers[i]) : static_cast<float>(scores->reals[i]);
      if (!(out.scores[i] == out.scores[i])) {
        return tl::unexpected<Error>(Error{ErrorCode::kInvalid, "the score of token " + std::to_string(i) + " is no number"});
      }
    }
  }
  return {};
}

// The token a key names. An id that no token has is an error, except -1, which means none.
Result<std::optional<Token>> token_key(const Gguf& file, const Vocabulary& vocabulary, const std::string& key) {
  const auto found = file.metadata().find(key);
  if (found == file.metadata().end()) return std::optional<Token>();
  const auto* negative = std::get_if<int64_t>(&found->second);
  if (negative != nullptr && *negative == -1) return std::optional<Token>();
  SILLOK_ASSIGN(const uint64_t id, file.integer(key));
  if (id == UINT32_MAX) return std::optional<Token>();
  if (id >= vocabulary.texts.size()) {
    return fail(ErrorCode::kInvalid, key + " is " + std::to_string(id) + ", but the vocabulary has " +
                                         std::to_string(vocabulary.texts.size()) + " tokens");
  }
  return std::optional<Token>(static_cast<Token>(id));
}

Status read_flag(const Gguf& file, std::string_view key, bool& flag) {
  if (!file.has(key)) return {};
  SILLOK_ASSIGN(flag, file.boolean(key));
  return {};
}

Status read_special_tokens(const Gguf& file, Vocabulary& v) {
  const auto read = [&](const char* name, std::optional<Token>& into, int fallback) -> Status {
    const std::string key = std::string("tokenizer.ggml.") + name + "_token_id";
    SILLOK_ASSIGN(const auto found, token_key(file, v, key));
    if (found) into = found;
    else if (!into && fallback >= 0 && v.holds(fallback) && !file.has(key)) into = fallback;
    return {};
  };
  const bool sentencepiece = v.model == "llama", wordpiece = v.model == "bert", unigram = v.model == "t5";
  if (wordpiece) SILLOK_TRY(read("cls", v.bos, -1));
  SILLOK_TRY(read("bos", v.bos, sentencepiece ? 1 : wordpiece ? 101 : -1));
  SILLOK_TRY(read("eos", v.eos, sentencepiece ? 2 : unigram ? 1 : -1));
  SILLOK_TRY(read("unknown", v.unknown, sentencepiece ? 0 : wordpiece ? 100 : unigram ? 2 : -1));
  SILLOK_TRY(read("seperator", v.separator, wordpiece ? 102 : -1));  // so spelt in the format
  v.ends.assign(v.texts.size(), false);
  for (const KnownText& known : kKnownTexts) {
    const Token token = known.text.empty() ? -1 : v.by_text.find(known.text);
    if (token < 0) continue;
    v.kinds[static_cast<size_t>(token)] = TokenKind::kControl;
    if (known.ends) v.ends[static_cast<size_t>(token)] = true;
  }
  // Harmony's marks carry meaning inside a message: they are shown.
  for (const std::string_view text : {"<|channel|>", "<|message|>", "<|start|>", "<|constrain|>"}) {
    const Token token = v.by_text.find(text);
    if (token >= 0) v.kinds[static_cast<size_t>(token)] = TokenKind::kUserDefined;
  }
  for (const char* name : {"eos", "eot", "eom", "fim_pad", "fim_rep", "fim_sep"}) {
    SILLOK_ASSIGN(const auto token, token_key(file, v, std::string("tokenizer.ggml.") + name + "_token_id"));
    if (token) v.ends[static_cast<size_t>(*token)] = true;
  }
  if (v.eos) v.ends[static_cast<size_t>(*v.eos)] = true;
  // Where a message has several parts, <|end|> closes a part only; Gemma 4's </s> is an ordinary text.
  const auto has = [&v](std::string_view text) { return v.by_text.find(text) >= 0; };
  if (has("<|end|>") && ((has("<|return|>") && (has("<|call|>") || has("<|calls|>"))) ||
                         ((has("<|call|>") || has("<|calls|>")) && has("<|flush|>")))) {
    const auto end = static_cast<size_t>(v.by_text.find("<|end|>"));
    v.ends[end] = false;
    v.kinds[end] = TokenKind::kUserDefined;
  }
  if (has("<|tool_response>") && has("</s>")) {
    const auto end = static_cast<size_t>(v.by_text.find("</s>"));
    v.ends[end] = false;
    v.kinds[end] = TokenKind::kNormal;
  }
  return {};
}

Result<Vocabulary> read_vocabulary(const Gguf& file) {
  Vocabulary v;
  SILLOK_ASSIGN(v.model, file.text("tokenizer.ggml.model"));
  if (file.has("tokenizer.ggml.pre")) {
    SILLOK_ASSIGN(v.pre, file.text("tokenizer.ggml.pre"));
  }
  SILLOK_TRY(read_tokens(file, v));
  SILLOK_TRY(read_special_tokens(file, v));
  v.add_bos = v.model == "llama" || v.model == "bert";
  v.add_eos = v.model == "t5";
  v.add_separator = v.model == "bert";
  v.add_space_prefix = v.model == "llama";
  SILLOK_TRY(read_flag(file, "tokenizer.ggml.add_space_prefix", v.add_space_prefix));
  SILLOK_TRY(read_flag(file, "tokenizer.ggml.remove_extra_whitespaces", v.remove_extra_spaces));
  SILLOK_TRY(read_flag(file, "tokenizer.ggml.add_eos_token", v.add_eos));
  v.pair_separator = v.add_separator || v.pre == "jina-v1-en" || v.pre == "jina-v2-code" || v.pre == "roberta-bpe";
  SILLOK_TRY(read_flag(file, "tokenizer.ggml.add_sep_token", v.pair_separator));
  if (!v.pair_separator) v.add_separator = false;
  SILLOK_TRY(read_flag(file, "tokenizer.ggml.normalizer.lowercase", v.lowercase));
  v.strip_accents = v.lowercase;
  SILLOK_TRY(read_flag(file, "tokenizer.ggml.normalizer.strip_accents", v.strip_accents));
  return v;
}

}  // namespace

void TokenMap::reserve(size_t count) {
  size_t size = 16;
  while (size < count * 2) size *= 2;
  slots_.assign(size, {});
  mask_ = size - 1;
  keys_.reserve(count);
}

bool TokenMap::insert(std::string_view key, Token token) {
  if (count_ * 2 >= slots_.size()) grow();
  const uint64_t hash = quick_hash(key);
  const auto tag = static_cast<uint32_t>(hash >> 32);
  size_t at = hash & mask_;
  for (; slots_[at].token >= 0; at = (at + 1) & mask_) {
    if (slots_[at].tag == tag && keys_[static_cast<size_t>(slots_[at].token)] == key) return false;
  }
  slots_[at] = {tag, token};
  if (keys_.size() <= static_cast<size_t>(token)) keys_.resize(static_cast<size_t>(token) + 1);
  keys_[static_cast<size_t>(token)] = key;
  ++count_;
  return true;
}

void TokenMap::grow() {
  std::vector<Slot> old = std::move(slots_);
  reserve(std::max<size_t>(old.size(), 16));
  for (const Slot& slot : old) {
    if (slot.token < 0) continue;
    size_t at = quick_hash(keys_[static_cast<size_t>(slot.token)]) & mask_;
    while (slots_[at].token >= 0) at = (at + 1) & mask_;
    slots_[at] = slot;
  }
}

Token TokenMap::find(std::string_view key) const {
  if (slots_.empty()) return -1;
  const uint64_t hash = quick_hash(key);
  const auto tag = static_cast<uint32_t>(hash >> 32);
  for (size_t at = hash & mask_; slots_[at].token >= 0; at = (at + 1) & mask_) {
    if (slots_[at].tag == tag && keys_[static_cast<size_t>(slots_[at].token)] == key) return slots_[at].token;
  }
  return -1;
}

Result<Vocabulary> Vocabulary::from(const Gguf& file) { return read_vocabulary(file); }

int byte_of(std::string_view text) {
  if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return -1;
  int value = 0;
  for (const char c : text.substr(3, 2)) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

std::string escape_spaces(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 4);
  for (const char c : text) {
    if (c == ' ') out += kSpaceMark;
    else out += c;
  }
  return out;
}

std::string unescape_spaces(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    if (text.substr(i).starts_with(kSpaceMark)) {
      out += ' ';
      i += kSpaceMark.size();
    } else {
      out += text[i++];
    }
  }
  return out;
}

}  // namespace sillok::model
