// Byte-pair encoding: words of the pre-tokeniser, merged pair by pair in the order of the merge list.
//
// Tokens are kept as the bytes they stand for. A file writes each byte as a character of GPT-2's alphabet (printable
// Latin-1 as itself, the others from U+0100 on); "raw" models (Gemma 4) write UTF-8 with U+2581 for a space.
#include <algorithm>
#include <queue>

#include "model/pattern.h"
#include "model/pretokenize.h"
#include "model/vocabulary.h"

namespace sillok::model {
namespace {

bool is_printed(uint32_t byte) { return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE; }

// The byte a character of GPT-2's alphabet stands for, -1 for other characters.
struct Alphabet {
  std::array<int16_t, 0x144> byte_of_character;
  Alphabet() {
    byte_of_character.fill(-1);
    uint32_t next = 0x100;
    for (uint32_t byte = 0; byte < 256; ++byte) {
      byte_of_character[is_printed(byte) ? byte : next++] = static_cast<int16_t>(byte);
    }
  }
  // False if a character is not of the alphabet.
  bool decode(std::string_view text, std::string& out) const {
    for (size_t at = 0; at < text.size();) {
      const char32_t c = decode_utf8(text, at);
      if (c >= byte_of_character.size() || byte_of_character[c] < 0) return false;
      out += static_cast<char>(byte_of_character[c]);
    }
    return true;
  }
};
const Alphabet& alphabet() {
  static const Alphabet instance;
  return instance;
}

// (left, right) -> rank and merged symbol.
class MergeTable {
 public:
  struct Merge {
    uint32_t rank = UINT32_MAX;
    uint32_t symbol = 0;
  };
  void reserve(size_t count) {
    size_t size = 16;
    while (size < count * 2) size *= 2;
    slots_.assign(size, {});
    mask_ = size - 1;
  }
  void insert(uint32_t left, uint32_t right, Merge merge) {
    const uint64_t key = key_of(left, right);
    size_t at = place(key);
    for (; slots_[at].key != kEmpty; at = (at + 1) & mask_) {
      if (slots_[at].key == key) return;  // the earlier one counts
    }
    slots_[at] = {key, merge};
  }
  // Asks for the place of a pair that is about to be inserted.
  void expect(uint32_t left, uint32_t right) const { __builtin_prefetch(&slots_[place(key_of(left, right))]); }
  Merge find(uint32_t left, uint32_t right) const {
    const uint64_t key = key_of(left, right);
    for (size_t at = place(key); slots_[at].key != kEmpty; at = (at + 1) & mask_) {
      if (slots_[at].key == key) return slots_[at].merge;
    }
    return {};
  }

 private:
  static constexpr uint64_t kEmpty = UINT64_MAX;
  struct Slot {
    uint64_t key = kEmpty;
    Merge merge;
  };
  static uint64_t key_of(uint32_t left, uint32_t right) { return uint64_t{left} << 32 | right; }
  size_t place(uint64_t key) const {
    const uint64_t h = key * 0x9E3779B97F4A7C15u;
    return (h ^ (h >> 29)) & mask_;
  }
  std::vector<Slot> slots_;
  size_t mask_ = 0;
};

// Symbols are tokens; numbers from V on are strings that merges make but the vocabulary lacks.
class Bpe final : public TokenizerBase {
 public:
  Bpe(Vocabulary vocabulary, const Gguf& file, const PreTokenizer& pre, Splitter splitter)
      : TokenizerBase(std::move(vocabulary), file), pre_(pre), splitter_(std::move(splitter)) {}

  Status load(const GgufArray& merges);

 protected:
  void encode_text(std::string_view text, bool first, std::vector<Token>& out) const override;
  std::string normal_piece(Token token) const override;

 private:
  // A word's tokens seen before in the same text: where they are in `out`.
  struct Seen {
    std::string_view word;
    size_t begin = 0, count = 0;
  };
  struct Work {  // reused from word to word
    std::vector<Seen> seen;
    std::vector<uint32_t> symbols;
    std::vector<MergeTable::Merge> merges;
    std::vector<uint32_t> next, previous;
  };

  uint32_t intern(std::string_view bytes);
  void load_bytes();
  // A merge as the bytes of its two halves.
  struct Halves {
    std::string left, right;
  };
  Status read_merge(size_t index, std::string_view merge, Halves& out) const;
  void add_merges(size_t first, std::span<Halves> merges, uint32_t& next);
  void first_symbols(std::string_view word, std::vector<uint32_t>& symbols) const;
  void merge_short(Work& work) const;
  void merge_long(Work& work) const;
  void put_symbol(uint32_t symbol, std::string_view bytes, std::vector<Token>& out) const;
  void encode_word(std::string_view word, Work& work, std::vector<Token>& out) const;

  const PreTokenizer& pre_;
  const Splitter splitter_;
  std::vector<std::string> bytes_;     // by symbol: of tokens first, then of strings that are none
  TokenMap by_bytes_;
  std::vector<Token> token_of_;        // by symbol, -1 where the vocabulary has none
  std::array<Token, 256> byte_tokens_{};
  std::array<uint32_t, 256> byte_symbols_{};
  MergeTable merges_;
};

uint32_t Bpe::intern(std::string_view bytes) {
  const Token found = by_bytes_.find(bytes);
  if (found >= 0) return static_cast<uint32_t>(found);
  SILLOK_CHECK(bytes_.size() < bytes_.capacity());  // views into it must stay
  bytes_.emplace_back(bytes);
  token_of_.push_back(-1);
  by_bytes_.insert(bytes_.back(), static_cast<Token>(bytes_.size() - 1));
  return static_cast<uint32_t>(bytes_.size() - 1);
}

Status Bpe::load(const GgufArray& merges) {
  const size_t count = vocabulary_.texts.size();
  const size_t most = count + 256 + 3 * merges.strings.size();
  bytes_.reserve(most);
  by_bytes_.reserve(count + 256);
  token_of_.reserve(most);
  for (size_t i = 0; i < count; ++i) {
    std::string bytes;
    const bool plain = pre_.raw || alphabet().decode(vocabulary_.texts[i], bytes);
    bytes_.push_back(pre_.raw ? vocabulary_.texts[i] : plain ? std::move(bytes) : std::string());
    token_of_.push_back(static_cast<Token>(i));
  }
  for (size_t i = 0; i < count; ++i) {
    if (i + TokenMap::kAhead < count) by_bytes_.expect(bytes_[i + TokenMap::kAhead]);
    if (!bytes_[i].empty()) by_bytes_.insert(bytes_[i], static_cast<Token>(i));
  }
  load_bytes();
  merges_.reserve(merges.strings.size());
  std::array<Halves, TokenMap::kAhead> halves;
  uint32_t next = 0;
  for (size_t first = 0; first < merges.strings.size(); first += halves.size()) {
    const size_t many = std::min(halves.size(), merges.strings.size() - first);
    for (size_t i = 0; i < many; ++i) SILLOK_TRY(read_merge(first + i, merges.strings[first + i], halves[i]));
    add_merges(first, std::span(halves).first(many), next);
  }
  return {};
}

Status Bpe::read_merge(size_t index, std::string_view merge, Halves& out) const {
  const auto named = [&] { return "merge " + std::to_string(index) + " ('" + shorten(clean_utf8(merge), 40) + "')"; };
  const size_t space = merge.find(' ', 1);
  if (space == std::string_view::npos || space + 1 == merge.size()) {
    return tl::unexpected<Error>(Error{ErrorCode::kInvalid, named() + " is no pair"});
  }
  if (pre_.raw) {
    out.left = merge.substr(0, space);
    out.right = merge.substr(space + 1);
    return {};
  }
  out.left.clear();
  out.right.clear();
  if (alphabet().decode(merge.substr(0, space), out.left) && alphabet().decode(merge.substr(space + 1), out.right)) return {};
  return tl::unexpected<Error>(Error{ErrorCode::kInvalid, named() + " has a character outside the byte alphabet"});
}

// Each merge looks at four places of two large tables, none of them in the cache: all are asked for before the first is looked at.
// `next`: most vocabularies number what merges make in the order of the merges; that token is tried first.
void Bpe::add_merges(size_t first, std::span<Halves> merges, uint32_t& next) {
  for (const Halves& halves : merges) by_bytes_.expect(halves.left), by_bytes_.expect(halves.right);
  std::array<std::pair<uint32_t, uint32_t>, TokenMap::kAhead> pairs;
  for (size_t i = 0; i < merges.size(); ++i) {
    pairs[i] = {intern(merges[i].left), intern(merges[i].right)};
    merges_.expect(pairs[i].first, pairs[i].second);
  }
  for (size_t i = 0; i < merges.size(); ++i) {
    const std::string& both = merges[i].left += merges[i].right;
    const uint32_t merged = next < vocabulary_.texts.size() && bytes_[next] == both ? next : intern(both);
    next = merged + 1;
    merges_.insert(pairs[i].first, pairs[i].second, {static_cast<uint32_t>(first + i), merged});
  }
}

// Tokens of single bytes, for what no token covers.
void Bpe::load_bytes() {
  for (uint32_t byte = 0; byte < 256; ++byte) {
    const std::string one(1, static_cast<char>(byte));
    byte_symbols_[byte] = intern(one);
    if (pre_.raw) {
      static constexpr char kHex[] = "0123456789ABCDEF";
      const char text[] = {'<', '0', 'x', kHex[byte >> 4], kHex[byte & 15], '>'};
      byte_tokens_[byte] = vocabulary_.by_text.find(std::string_view(text, sizeof text));
    } else {
      byte_tokens_[byte] = token_of_[byte_symbols_[byte]];
    }
  }
}

void Bpe::first_symbols(std::string_view word, std::vector<uint32_t>& symbols) const {
  symbols.clear();
  if (!pre_.raw) {
    for (const char c : word) symbols.push_back(byte_symbols_[static_cast<uint8_t>(c)]);
    return;
  }
  for (size_t at = 0; at < word.size();) {
    const size_t start = at;
    decode_utf8(word, at);
    const Token token = by_bytes_.find(word.substr(start, at - start));
    if (token >= 0) {
      symbols.push_back(static_cast<uint32_t>(token));
      continue;
    }
    // No token and no merge has this character: its bytes stand side by side, and none of them merges either.
    for (size_t i = start; i < at; ++i) symbols.push_back(byte_symbols_[static_cast<uint8_t>(word[i])]);
  }
}

// Few symbols: the pair to merge is looked for from the left each time.
void Bpe::merge_short(Work& work) const {
  auto& symbols = work.symbols;
  auto& merges = work.merges;
  merges.clear();
  for (size_t i = 0; i + 1 < symbols.size(); ++i) merges.push_back(merges_.find(symbols[i], symbols[i + 1]));
  while (!merges.empty()) {
    size_t best = 0;
    for (size_t i = 1; i < merges.size(); ++i) {
      if (merges[i].rank < merges[best].rank) best = i;
    }
    if (merges[best].rank == UINT32_MAX) return;
    symbols[best] = merges[best].symbol;
    symbols.erase(symbols.begin() + static_cast<ptrdiff_t>(best) + 1);
    merges.erase(merges.begin() + static_cast<ptrdiff_t>(best));
    if (best < merges.size()) merges[best] = merges_.find(symbols[best], symbols[best + 1]);
    if (best > 0) merges[best - 1] = merges_.find(symbols[best - 1], symbols[best]);
  }
}

// Many symbols: pairs wait in a heap, the lowest rank first and of equals the leftmost; n log n.
void Bpe::merge_long(Work& work) const {
  struct Pair {
    uint32_t rank, at, left, right, symbol;
    bool operator<(const Pair& other) const { return rank != other.rank ? rank > other.rank : at > other.at; }
  };
  auto& symbols = work.symbols;
  const auto count = static_cast<uint32_t>(symbols.size());
  constexpr uint32_t kGone = UINT32_MAX;
  work.next.resize(count + 1);
  work.previous.resize(count + 1);
  for (uint32_t i = 0; i <= count; ++i) {
    work.next[i] = i + 1;
    work.previous[i] = i - 1;  // wraps for the first; never followed there
  }
  std::vector<Pair> storage;
  storage.reserve(count);
  std::priority_queue<Pair> queue(std::less<Pair>(), std::move(storage));
  const auto offer = [&](uint32_t left, uint32_t right) {
    if (right >= count) return;
    const MergeTable::Merge merge = merges_.find(symbols[left], symbols[right]);
    if (merge.rank != UINT32_MAX) queue.push({merge.rank, left, symbols[left], symbols[right], merge.symbol});
  };
  for (uint32_t i = 0; i + 1 < count; ++i) offer(i, i + 1);
  while (!queue.empty()) {
    const Pair pair = queue.top();
    queue.pop();
    const uint32_t right = symbols[pair.at] == pair.left ? work.next[pair.at] : count;
    if (right >= count || symbols[right] != pair.right) continue;  // one of them was merged since
    symbols[pair.at] = pair.symbol;
    symbols[right] = kGone;
    work.next[pair.at] = work.next[right];
    if (work.next[right] < count) work.previous[work.next[right]] = pair.at;
    if (pair.at > 0) offer(work.previous[pair.at], pair.at);
    offer(pair.at, work.next[pair.at]);
  }
  std::erase(symbols, kGone);
}

void Bpe::put_symbol(uint32_t symbol, std::string_view bytes, std::vector<Token>& out) const {
  if (token_of_[symbol] >= 0) {
    out.push_back(token_of_[symbol]);
    return;
  }
  for (const char c : bytes) {
    const Token token = byte_tokens_[static_cast<uint8_t>(c)];
    if (token >= 0) out.push_back(token);
    else if (vocabulary_.unknown) out.push_back(*vocabulary_.unknown);
  }
}

void Bpe::encode_word(std::string_view word, Work& work, std::vector<Token>& out) const {
  // Gemma 4 takes runs of line ends whole, like the models whose words are looked up first.
  if (pre_.whole_words || (pre_.raw && word.find_first_not_of('\n') == std::string_view::npos)) {
    const Token token = by_bytes_.find(word);
    if (token >= 0 && token_of_[static_cast<size_t>(token)] >= 0) {
      out.push_back(token_of_[static_cast<size_t>(token)]);
      return;
    }
  }
  first_symbols(word, work.symbols);
  // Up to here the search from the left is faster than the heap (measured on Korean and English text).
  constexpr size_t kShort = 40;
  work.symbols.size() <= kShort ? merge_short(work) : merge_long(work);
  for (const uint32_t symbol : work.symbols) put_symbol(symbol, bytes_[symbol], out);
}

void Bpe::encode_text(std::string_view text, bool, std::vector<Token>& out) const {
  constexpr size_t kSeen = 4096;  // words remembered; a power of two
  const std::string escaped = pre_.raw ? escape_spaces(text) : std::string();
  const std::string_view source = pre_.raw ? std::string_view(escaped) : text;
  std::vector<uint32_t> ends;
  splitter_.split(source, ends);
  Work work;
  if (ends.size() > 64) work.seen.resize(kSeen);
  uint32_t start = 0;
  for (const uint32_t end : ends) {
    const std::string_view word = source.substr(start, end - start);
    start = end;
    Seen* seen = work.seen.empty() || word.size() > 64 ? nullptr : &work.seen[quick_hash(word) & (kSeen - 1)];
    if (seen != nullptr && seen->count > 0 && seen->word == word) {
      for (size_t i = 0; i < seen->count; ++i) out.push_back(out[seen->begin + i]);
      continue;
    }
    const size_t begin = out.size();
    encode_word(word, work, out);
    if (seen != nullptr) *seen = {word, begin, out.size() - begin};
  }
}

std::string Bpe::normal_piece(Token token) const {
  const auto index = static_cast<size_t>(token);
  if (pre_.raw) return unescape_spaces(vocabulary_.texts[index]);
  return bytes_[index].empty() ? vocabulary_.texts[index] : bytes_[index];
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> make_bpe(Vocabulary vocabulary, const Gguf& file) {
  const std::string name = vocabulary.model == "gemma4" ? "gemma4" : vocabulary.pre;
  const PreTokenizer* pre = find_pre_tokenizer(name);
  if (pre == nullptr) {
    return fail(ErrorCode::kUnsupported, "the pre-tokenisation '" + shorten(clean_utf8(name), 40) +
                                             "' (tokenizer.ggml.pre) is not known to this build");
  }
  vocabulary.add_bos = pre->add_bos;
  vocabulary.add_space_prefix = false;
  // Gemma 4 needs its BOS even where the file says otherwise: early conversions were wrong.
  if (file.has("tokenizer.ggml.add_bos_token") && !(pre->raw && pre->add_bos)) {
    SILLOK_ASSIGN(vocabulary.add_bos, file.boolean("tokenizer.ggml.add_bos_token"));
  }
  SILLOK_ASSIGN(const auto merges, file.array("tokenizer.ggml.merges"));
  SILLOK_ASSIGN(Splitter splitter, Splitter::compile(pre->patterns));
  auto tokenizer = std::make_shared<Bpe>(std::move(vocabulary), file, *pre, std::move(splitter));
  SILLOK_TRY(tokenizer->load(*merges));
  return std::shared_ptr<const Tokenizer>(std::move(tokenizer));
}

}  // namespace sillok::model
