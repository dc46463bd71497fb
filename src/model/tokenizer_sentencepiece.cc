// SentencePiece BPE ("llama"): characters, joined pair by pair, the pair whose joined text has the best score first;
// what is left over and no token goes out byte by byte.
#include <algorithm>
#include <queue>

#include "model/vocabulary.h"

namespace sillok::model {
namespace {

constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  // U+2581 stands for a space

class SentencePiece final : public TokenizerBase {
 public:
  SentencePiece(Vocabulary vocabulary, const Gguf& file);

 protected:
  void encode_text(std::string_view text, bool first, std::vector<Token>& out) const override;
  std::string normal_piece(Token token) const override {
    return unescape_spaces(vocabulary_.texts[static_cast<size_t>(token)]);
  }

 private:
  struct Symbol {
    uint32_t begin = 0, size = 0;  // bytes of the text; size 0: joined to the one before
    uint32_t next = 0, previous = 0;
  };
  struct Pair {
    float score;
    uint32_t at, size;  // the left symbol, and the bytes of both
    bool operator<(const Pair& other) const { return score != other.score ? score < other.score : at > other.at; }
  };
  struct Seen {
    std::string_view run;
    size_t begin = 0, count = 0;
  };

  void encode_run(std::string_view run, std::vector<Symbol>& symbols, std::vector<Token>& out) const;
  void put(std::string_view bytes, std::vector<Token>& out) const;
  size_t run_end(std::string_view text, size_t from) const;

  size_t longest_ = 0;                       // bytes of the longest token
  std::array<bool, 256> before_mark_{};      // the bytes that stand before a space mark inside some token
  std::array<Token, 256> byte_tokens_{};
};

SentencePiece::SentencePiece(Vocabulary vocabulary, const Gguf& file) : TokenizerBase(std::move(vocabulary), file) {
  for (const std::string& text : vocabulary_.texts) {
    longest_ = std::max(longest_, text.size());
    for (size_t at = text.find(kSpaceMark, 1); at != std::string::npos; at = text.find(kSpaceMark, at + 1)) {
      before_mark_[static_cast<uint8_t>(text[at - 1])] = true;
    }
  }
  for (size_t byte = 0; byte < 256; ++byte) {
    static constexpr char kHex[] = "0123456789ABCDEF";
    const char text[] = {'<', '0', 'x', kHex[byte >> 4], kHex[byte & 15], '>'};
    byte_tokens_[byte] = vocabulary_.by_text.find(std::string_view(text, sizeof text));
    const char one = static_cast<char>(byte);
    if (byte_tokens_[byte] < 0) byte_tokens_[byte] = vocabulary_.by_text.find(std::string_view(&one, 1));
    if (byte_tokens_[byte] < 0 && vocabulary_.unknown) byte_tokens_[byte] = *vocabulary_.unknown;
  }
}

void SentencePiece::put(std::string_view bytes, std::vector<Token>& out) const {
  const Token token = vocabulary_.by_text.find(bytes);
  if (token >= 0) {
    out.push_back(token);
    return;
  }
  for (const char c : bytes) {
    const Token byte = byte_tokens_[static_cast<uint8_t>(c)];
    if (byte >= 0) out.push_back(byte);
  }
}

void SentencePiece::encode_run(std::string_view run, std::vector<Symbol>& symbols, std::vector<Token>& out) const {
  symbols.clear();
  for (size_t at = 0; at < run.size();) {
    const auto begin = static_cast<uint32_t>(at);
    decode_utf8(run, at);
    const auto index = static_cast<uint32_t>(symbols.size());
    symbols.push_back({begin, static_cast<uint32_t>(at) - begin, index + 1, index - 1});
  }
  const auto count = static_cast<uint32_t>(symbols.size());
  std::vector<Pair> storage;
  storage.reserve(count);
  std::priority_queue<Pair> queue(std::less<Pair>(), std::move(storage));
  const auto offer = [&](uint32_t left, uint32_t right) {
    const uint32_t size = symbols[left].size + symbols[right].size;
    if (size > longest_) return;
    const Token token = vocabulary_.by_text.find(run.substr(symbols[left].begin, size));
    if (token < 0) return;
    queue.push({vocabulary_.scores.empty() ? 0 : vocabulary_.scores[static_cast<size_t>(token)], left, size});
  };
  for (uint32_t i = 0; i + 1 < count; ++i) offer(i, i + 1);
  while (!queue.empty()) {
    const Pair pair = queue.top();
    queue.pop();
    Symbol& left = symbols[pair.at];
    if (left.size == 0 || left.next >= count || left.size + symbols[left.next].size != pair.size) continue;
    Symbol& right = symbols[left.next];
    left.size = pair.size;
    right.size = 0;
    left.next = right.next;
    if (left.next < count) symbols[left.next].previous = pair.at;
    if (pair.at > 0) offer(left.previous, pair.at);
    if (left.next < count) offer(pair.at, left.next);
  }
  for (uint32_t i = 0; i < count; i = symbols[i].next) put(run.substr(symbols[i].begin, symbols[i].size), out);
}

// The end of the run that begins at `from`: where a space mark follows a byte that no token has before one, so that
// nothing can join across. Runs are then the same wherever they stand, and short.
size_t SentencePiece::run_end(std::string_view text, size_t from) const {
  for (size_t at = text.find(kSpaceMark, from + 1); at != std::string_view::npos; at = text.find(kSpaceMark, at + 1)) {
    if (!before_mark_[static_cast<uint8_t>(text[at - 1])]) return at;
  }
  return text.size();
}

void SentencePiece::encode_text(std::string_view text, bool first, std::vector<Token>& out) const {
  std::string escaped = first && vocabulary_.add_space_prefix ? std::string(kSpaceMark) : std::string();
  escaped += escape_spaces(text);
  const std::string_view source = escaped;
  constexpr size_t kSeen = 4096;  // runs remembered; a power of two
  std::vector<Seen> seen(source.size() > 1024 ? kSeen : 0);
  std::vector<Symbol> symbols;
  for (size_t at = 0; at < source.size();) {
    const std::string_view run = source.substr(at, run_end(source, at) - at);
    at += run.size();
    Seen* memory = seen.empty() || run.size() > 64 ? nullptr : &seen[quick_hash(run) & (kSeen - 1)];
    if (memory != nullptr && memory->count > 0 && memory->run == run) {
      for (size_t i = 0; i < memory->count; ++i) out.push_back(out[memory->begin + i]);
      continue;
    }
    const size_t begin = out.size();
    encode_run(run, symbols, out);
    if (memory != nullptr) *memory = {run, begin, out.size() - begin};
  }
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> make_sentencepiece(Vocabulary vocabulary, const Gguf& file) {
  if (file.has("tokenizer.ggml.add_bos_token")) {
    SILLOK_ASSIGN(vocabulary.add_bos, file.boolean("tokenizer.ggml.add_bos_token"));
  }
  return std::shared_ptr<const Tokenizer>(std::make_shared<SentencePiece>(std::move(vocabulary), file));
}

}  // namespace sillok::model
