// A tokenizer's vocabulary as a trie, made once and shared.
#include <algorithm>
#include <mutex>
#include <numeric>

#include "engine/grammar_program.h"

namespace sillok::engine {
namespace {

constexpr size_t kMaxPieceBytes = 60'000;  // depth is 16 bits; no vocabulary comes near

// The pieces of all tokens that text is made of; control tokens and those without text have none.
void collect_pieces(const model::Tokenizer& tokenizer, TokenTrie& trie) {
  trie.vocabulary = tokenizer.size();
  trie.offsets.reserve(trie.vocabulary + 1);
  trie.offsets.push_back(0);
  for (size_t t = 0; t < trie.vocabulary; ++t) {
    const auto token = static_cast<Token>(t);
    const bool end = tokenizer.is_end(token);
    if (end) trie.ends.push_back(token);
    if (!end && !tokenizer.is_special(token)) {
      const std::string piece = tokenizer.piece(token, false);
      if (piece.size() <= kMaxPieceBytes) {
        trie.bytes += piece;
        trie.longest = std::max(trie.longest, piece.size());
      }
    }
    trie.offsets.push_back(static_cast<uint32_t>(trie.bytes.size()));
  }
}

void build_nodes(TokenTrie& trie) {
  std::vector<Token> order;
  for (size_t t = 0; t < trie.vocabulary; ++t) {
    if (!trie.piece(static_cast<Token>(t)).empty()) order.push_back(static_cast<Token>(t));
  }
  std::stable_sort(order.begin(), order.end(), [&trie](Token a, Token b) { return trie.piece(a) < trie.piece(b); });
  trie.nodes.push_back({});
  std::vector<uint32_t> path = {0};  // the nodes from the root to the last one
  std::string_view last;
  const auto close = [&](size_t depth) {
    for (; path.size() > depth + 1; path.pop_back()) trie.nodes[path.back()].skip = static_cast<uint32_t>(trie.nodes.size());
  };
  for (const Token token : order) {
    const std::string_view piece = trie.piece(token);
    const auto differ = std::mismatch(piece.begin(), piece.end(), last.begin(), last.end()).first;
    size_t depth = static_cast<size_t>(differ - piece.begin());
    close(depth);
    for (; depth < piece.size(); ++depth) {
      path.push_back(static_cast<uint32_t>(trie.nodes.size()));
      trie.nodes.push_back({0, static_cast<uint32_t>(trie.tokens.size()), static_cast<uint16_t>(depth + 1),
                            static_cast<uint8_t>(piece[depth])});
    }
    trie.tokens.push_back(token);
    last = piece;
  }
  close(0);
  trie.nodes[0].skip = static_cast<uint32_t>(trie.nodes.size());
  trie.nodes.push_back({static_cast<uint32_t>(trie.nodes.size() + 1), static_cast<uint32_t>(trie.tokens.size()), 0, 0});
}

}  // namespace

bool TokenTrie::is_end(Token token) const { return std::binary_search(ends.begin(), ends.end(), token); }

std::shared_ptr<const TokenTrie> token_trie(const model::Tokenizer& tokenizer) {
  // Vocabularies are told apart by what they hold: an address could be another tokenizer's tomorrow.
  static std::mutex mutex;
  static std::vector<std::weak_ptr<const TokenTrie>> known;
  auto made = std::make_shared<TokenTrie>();
  collect_pieces(tokenizer, *made);
  const std::lock_guard lock(mutex);
  std::erase_if(known, [](const auto& one) { return one.expired(); });
  for (const auto& one : known) {
    const auto held = one.lock();
    if (held && held->ends == made->ends && held->offsets == made->offsets && held->bytes == made->bytes) return held;
  }
  build_nodes(*made);
  known.push_back(made);
  return made;
}

}  // namespace sillok::engine
