// Text to tokens and back: special tokens first, then what each kind of tokenizer makes of the text between.
#include <algorithm>

#include "model/vocabulary.h"

namespace sillok::model {
namespace {

// Text is encoded in pieces of at most this: offsets inside have 32 bits. Only a gigabyte of text without a special
// token meets it, and then a word may be cut at the seam.
constexpr size_t kMaxPiece = size_t{1} << 30;

bool is_ascii_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

}  // namespace

Result<std::shared_ptr<const Tokenizer>> Tokenizer::from(const Gguf& file) {
  SILLOK_ASSIGN(const std::string model, file.text("tokenizer.ggml.model"));
  using Maker = Result<std::shared_ptr<const Tokenizer>> (*)(Vocabulary, const Gguf&);
  const Maker maker = model == "gpt2" || model == "gemma4" ? make_bpe
                      : model == "llama"                   ? make_sentencepiece
                      : model == "t5"                      ? make_unigram
                      : model == "bert"                    ? make_wordpiece
                                                           : nullptr;
  if (maker == nullptr) {
    return fail(ErrorCode::kUnsupported, "the tokenizer model '" + shorten(clean_utf8(model), 40) +
                                             "' is not known; gpt2, gemma4, llama, t5 and bert are");
  }
  SILLOK_ASSIGN(Vocabulary vocabulary, Vocabulary::from(file));
  return maker(std::move(vocabulary), file);
}

std::string Tokenizer::decode(std::span<const Token> tokens, bool special) const {
  const auto* base = dynamic_cast<const TokenizerBase*>(this);
  const bool strip = base != nullptr && base->strips_space_prefix();
  std::string out;
  // encode() puts a space in front of the text and after each special token: it is taken off again.
  bool first = true;
  for (const Token token : tokens) {
    const std::string text = piece(token, special);
    if (is_special(token)) {
      out += text;
      first = true;
      continue;
    }
    out.append(text, strip && first && text.starts_with(' ') ? 1 : 0);
    first = false;
  }
  return out;
}

SpecialFinder::SpecialFinder(const Vocabulary& vocabulary, const std::string& model_name, const std::string& architecture) {
  // Phi-3's special tokens swallow the white space after them, and a few encoders' mask that before it: the models
  // were trained so, and no key of the format says it.
  const std::string name = ascii_lower(model_name);
  const bool phi3 = name.find("phi-3") != std::string::npos || name.find("phi3") != std::string::npos;
  const bool mask = architecture == "nomic-bert-moe" || architecture == "jina-bert-v3" || vocabulary.pre == "jina-v2-de" ||
                    vocabulary.pre == "jina-v2-es" || vocabulary.pre == "jina-v2-code";
  const bool square_mask = name.find("modern-bert") != std::string::npos;
  for (size_t i = 0; i < vocabulary.texts.size(); ++i) {
    const TokenKind kind = vocabulary.kinds[i];
    const bool control = kind == TokenKind::kControl || kind == TokenKind::kUnknown;
    if (!control && kind != TokenKind::kUserDefined) continue;
    const std::string_view text = vocabulary.texts[i];
    if (text.empty()) continue;
    const bool keeps = text == "<unk>" || text == "<s>" || text == "<|endoftext|>";
    entries_.push_back({text, static_cast<Token>(i), control, (mask && text == "<mask>") || (square_mask && text == "[MASK]"),
                        phi3 && !keeps});
  }
  std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
    if (a.text[0] != b.text[0]) return static_cast<uint8_t>(a.text[0]) < static_cast<uint8_t>(b.text[0]);
    if (a.text.size() != b.text.size()) return a.text.size() > b.text.size();
    return a.text < b.text;
  });
  for (uint32_t i = 0; i < entries_.size(); ++i) {
    auto& [begin, end] = by_first_[static_cast<uint8_t>(entries_[i].text[0])];
    if (end == 0) begin = i;
    end = i + 1;
  }
}

SpecialFinder::Found SpecialFinder::find(std::string_view text, size_t from, bool parse_special) const {
  for (size_t at = from; at < text.size(); ++at) {
    const auto& [begin, end] = by_first_[static_cast<uint8_t>(text[at])];
    for (uint32_t i = begin; i < end; ++i) {
      const Entry& entry = entries_[i];
      if ((entry.control && !parse_special) || !text.substr(at).starts_with(entry.text)) continue;
      Found found{at, at + entry.text.size(), entry.token};
      while (entry.strip_left && found.begin > from && is_ascii_space(text[found.begin - 1])) --found.begin;
      while (entry.strip_right && found.end < text.size() && is_ascii_space(text[found.end])) ++found.end;
      return found;
    }
  }
  return {text.size(), text.size(), -1};
}

TokenizerBase::TokenizerBase(Vocabulary vocabulary, const Gguf& file)
    : vocabulary_(std::move(vocabulary)),
      specials_(vocabulary_, file.text("general.name").value_or(""), file.text("general.architecture").value_or("")) {}

std::vector<Token> TokenizerBase::encode(std::string_view text, Encode how) const {
  std::vector<Token> out;
  out.reserve(text.size() / 3 + 8);
  if (how.special && vocabulary_.add_bos && vocabulary_.bos) out.push_back(*vocabulary_.bos);
  bool first = true;
  for (size_t at = 0; at < text.size();) {
    const SpecialFinder::Found found = specials_.find(text, at, how.parse_special);
    while (found.begin > at) {
      const std::string_view piece = text.substr(at, std::min(found.begin - at, kMaxPiece));
      encode_text(piece, first, out);
      first = false;
      at += piece.size();
    }
    if (found.token >= 0) {
      out.push_back(found.token);
      first = true;
    }
    at = found.end;
  }
  if (how.special && vocabulary_.add_separator && vocabulary_.separator) out.push_back(*vocabulary_.separator);
  if (how.special && vocabulary_.add_eos && vocabulary_.eos) out.push_back(*vocabulary_.eos);
  return out;
}

// BERT: [CLS] first [SEP] second [SEP]. XLM-RoBERTa, with an end token: <s> first </s> </s> second </s>.
std::vector<Token> TokenizerBase::encode_pair(std::string_view first, std::string_view second) const {
  const bool ends = vocabulary_.add_eos && vocabulary_.eos;
  const bool separates = vocabulary_.pair_separator && vocabulary_.separator;
  std::vector<Token> out;
  const auto add = [&](std::string_view text) {
    const std::vector<Token> tokens = encode(text, {.special = false, .parse_special = false});
    out.insert(out.end(), tokens.begin(), tokens.end());
    if (ends) out.push_back(*vocabulary_.eos);
  };
  if (vocabulary_.add_bos && vocabulary_.bos) out.push_back(*vocabulary_.bos);
  add(first);
  if (separates) out.push_back(*vocabulary_.separator);
  add(second);
  if (separates && !ends) out.push_back(*vocabulary_.separator);
  return out;
}

std::string TokenizerBase::piece(Token token, bool special) const {
  if (!vocabulary_.holds(token)) return {};
  const auto index = static_cast<size_t>(token);
  switch (vocabulary_.kinds[index]) {
    case TokenKind::kControl:
    case TokenKind::kUnknown: return special ? vocabulary_.texts[index] : std::string();
    case TokenKind::kUserDefined: return vocabulary_.texts[index];
    case TokenKind::kByte: {
      const int byte = byte_of(vocabulary_.texts[index]);
      return byte < 0 ? vocabulary_.texts[index] : std::string(1, static_cast<char>(byte));
    }
    case TokenKind::kNormal: return normal_piece(token);
    case TokenKind::kUnused:
    case TokenKind::kUndefined: break;
  }
  return {};
}

std::optional<Token> TokenizerBase::find(std::string_view piece) const {
  const Token token = vocabulary_.by_text.find(piece);
  return token < 0 ? std::nullopt : std::optional<Token>(token);
}

bool TokenizerBase::is_special(Token token) const { return vocabulary_.holds(token) && vocabulary_.is_special(token); }
bool TokenizerBase::is_end(Token token) const { return vocabulary_.holds(token) && vocabulary_.ends[static_cast<size_t>(token)]; }

}  // namespace sillok::model
