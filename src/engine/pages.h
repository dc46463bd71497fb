// Private to engine: who holds which page of the KV store, and which pages hold a prefix that somebody may ask for again.
//
// A page is free, or held by one or more sequences, or kept by the prefix tree, or both. Only whole pages are shared,
// and a page in the tree is never written again. One thread.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/engine.h"

namespace sillok::engine {

using Page = uint32_t;

// A radix tree over prompts cut into whole pages: each node is one page with the kPageTokens tokens whose keys and
// values it holds, given all the pages above it. `salt` keeps apart what other adapters computed.
class PrefixTree {
 public:
  explicit PrefixTree(uint32_t pages);
  ~PrefixTree();

  // Takes a page from the free ones, or from the least recently used prefix that no sequence holds. none: all are held.
  std::optional<Page> take();
  void hold(Page page);     // one more sequence reads it
  void release(Page page);  // free again, unless held by others or kept by the tree

  // The pages of the longest known prefix of `tokens`, held for the caller. At most `most` pages.
  std::vector<Page> match(uint64_t salt, std::span<const Token> tokens, size_t most);
  // Among the pages below the first `whole` of `tokens`, the one that begins with most of what follows, held for the caller; in
  // how many tokens (fewer than a page, at most `most`). It must be copied to be written on.
  struct Beginning {
    Page page = 0;
    size_t tokens = 0;
  };
  std::optional<Beginning> match_part(uint64_t salt, std::span<const Token> tokens, size_t whole, size_t most);
  // Keeps tokens' whole pages (the first pages.size() * kPageTokens tokens), all held by the caller. Where the tree
  // knows the tokens already, the caller's page is given back and the tree's, of equal content, put in its place.
  void keep(uint64_t salt, std::span<const Token> tokens, std::span<Page> pages);
  // Forgets every prefix of the salts first to last (an adapter was unloaded).
  void forget(uint64_t first, uint64_t last);

  uint32_t free_pages() const { return static_cast<uint32_t>(free_.size()); }
  uint32_t kept_pages() const { return kept_; }
  // Pages that take() could still give.
  uint32_t available() const;

 private:
  struct Node;
  struct PageState {
    uint32_t holders = 0;
    Node* node = nullptr;  // in the tree
  };
  Node* find_child(Node& parent, std::span<const Token> tokens) const;
  void touch(Node& node);
  void remove(Node& node);  // a leaf
  void forget_below(Node& node);

  std::vector<PageState> pages_;
  std::vector<Page> free_;
  std::map<uint64_t, std::unique_ptr<Node>> roots_;
  std::list<Node*> used_;  // least recently used first
  uint32_t kept_ = 0, kept_unheld_ = 0;
};

}  // namespace sillok::engine
