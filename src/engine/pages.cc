#include "engine/pages.h"

#include <algorithm>

namespace sillok::engine {

using tensor::kPageTokens;

struct PrefixTree::Node {
  Node* parent = nullptr;
  std::vector<Token> tokens;  // kPageTokens; empty for a root
  Page page = 0;
  // By hash of their tokens; equal hashes are told apart by comparing.
  std::unordered_multimap<uint64_t, std::unique_ptr<Node>> children;
  std::list<Node*>::iterator used;
};

namespace {
uint64_t hash_of(std::span<const Token> tokens) {
  return hash64({reinterpret_cast<const char*>(tokens.data()), tokens.size_bytes()});
}
}  // namespace

PrefixTree::PrefixTree(uint32_t pages) : pages_(pages) {
  free_.reserve(pages);
  for (uint32_t page = pages; page > 0; --page) free_.push_back(page - 1);
}

PrefixTree::~PrefixTree() = default;

std::optional<Page> PrefixTree::take() {
  if (free_.empty()) {
    // A node's pages are used with every page below it, so the least recently used unheld one is a leaf or above
    // leaves that are as old; only leaves go.
    const auto victim = std::find_if(used_.begin(), used_.end(), [&](const Node* node) {
      return pages_[node->page].holders == 0 && node->children.empty();
    });
    if (victim == used_.end()) return std::nullopt;
    remove(**victim);
  }
  const Page page = free_.back();
  free_.pop_back();
  pages_[page].holders = 1;
  return page;
}

void PrefixTree::hold(Page page) {
  PageState& state = pages_[page];
  if (state.holders++ == 0 && state.node != nullptr) --kept_unheld_;
}

void PrefixTree::release(Page page) {
  PageState& state = pages_[page];
  SILLOK_CHECK(state.holders > 0);
  if (--state.holders > 0) return;
  if (state.node != nullptr) {
    ++kept_unheld_;
  } else {
    free_.push_back(page);
  }
}

PrefixTree::Node* PrefixTree::find_child(Node& parent, std::span<const Token> tokens) const {
  const auto [begin, end] = parent.children.equal_range(hash_of(tokens));
  for (auto at = begin; at != end; ++at) {
    if (std::equal(tokens.begin(), tokens.end(), at->second->tokens.begin(), at->second->tokens.end())) {
      return at->second.get();
    }
  }
  return nullptr;
}

void PrefixTree::touch(Node& node) { used_.splice(used_.end(), used_, node.used); }

std::vector<Page> PrefixTree::match(uint64_t salt, std::span<const Token> tokens, size_t most) {
  std::vector<Page> pages;
  std::vector<Node*> path;
  const auto root = roots_.find(salt);
  Node* node = root == roots_.end() ? nullptr : root->second.get();
  while (node != nullptr && pages.size() < most && tokens.size() >= (pages.size() + 1) * kPageTokens) {
    node = find_child(*node, tokens.subspan(pages.size() * kPageTokens, kPageTokens));
    if (node == nullptr) break;
    path.push_back(node);
    pages.push_back(node->page);
    hold(node->page);
  }
  // Deepest first, so that a leaf is always older than what it stands on.
  for (auto at = path.rbegin(); at != path.rend(); ++at) touch(**at);
  return pages;
}

std::optional<PrefixTree::Beginning> PrefixTree::match_part(uint64_t salt, std::span<const Token> tokens, size_t whole, size_t most) {
  constexpr size_t kMaxLooked = 256;  // who asks about much-asked evidence shall not search longer than the tokens would take
  const auto root = roots_.find(salt);
  Node* node = root == roots_.end() ? nullptr : root->second.get();
  for (size_t i = 0; node != nullptr && i < whole; ++i) node = find_child(*node, tokens.subspan(i * kPageTokens, kPageTokens));
  if (node == nullptr) return std::nullopt;
  std::span<const Token> rest = tokens.subspan(whole * kPageTokens);
  rest = rest.first(std::min({rest.size(), most, size_t{kPageTokens} - 1}));
  Beginning best;
  Node* of_best = nullptr;
  size_t looked = 0;
  for (const auto& [hash, child] : node->children) {
    if (++looked > kMaxLooked || best.tokens == rest.size()) break;
    const auto same = static_cast<size_t>(std::mismatch(rest.begin(), rest.end(), child->tokens.begin()).first - rest.begin());
    if (same > best.tokens) {
      best = {child->page, same};
      of_best = child.get();
    }
  }
  if (of_best == nullptr) return std::nullopt;
  hold(best.page);
  return best;
}

void PrefixTree::keep(uint64_t salt, std::span<const Token> tokens, std::span<Page> pages) {
  auto& root = roots_[salt];
  if (root == nullptr) root = std::make_unique<Node>();
  Node* node = root.get();
  std::vector<Node*> path;
  for (size_t i = 0; i < pages.size(); ++i) {
    const auto of_page = tokens.subspan(i * kPageTokens, kPageTokens);
    Node* child = find_child(*node, of_page);
    if (child == nullptr) {
      auto made = std::make_unique<Node>();
      made->parent = node;
      made->tokens.assign(of_page.begin(), of_page.end());
      made->page = pages[i];
      child = made.get();
      child->used = used_.insert(used_.end(), child);
      pages_[child->page].node = child;
      ++kept_;
      node->children.emplace(hash_of(of_page), std::move(made));
    } else if (child->page != pages[i]) {
      hold(child->page);
      release(pages[i]);
      pages[i] = child->page;
    }
    path.push_back(child);
    node = child;
  }
  for (auto at = path.rbegin(); at != path.rend(); ++at) touch(**at);
}

void PrefixTree::remove(Node& node) {
  PageState& state = pages_[node.page];
  state.node = nullptr;
  --kept_;
  if (state.holders == 0) {
    --kept_unheld_;
    free_.push_back(node.page);
  }
  used_.erase(node.used);
  const auto [begin, end] = node.parent->children.equal_range(hash_of(node.tokens));
  node.parent->children.erase(std::find_if(begin, end, [&](const auto& entry) { return entry.second.get() == &node; }));
}

void PrefixTree::forget_below(Node& node) {
  while (!node.children.empty()) {
    Node& child = *node.children.begin()->second;
    forget_below(child);
    remove(child);
  }
}

void PrefixTree::forget(uint64_t first, uint64_t last) {
  for (auto root = roots_.lower_bound(first); root != roots_.end() && root->first <= last; root = roots_.erase(root)) {
    forget_below(*root->second);
  }
}

uint32_t PrefixTree::available() const { return free_pages() + kept_unheld_; }

}  // namespace sillok::engine
