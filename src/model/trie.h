// A static trie over byte strings: longest and all matches at the front of a text, in time linear in the match.
#pragma once

#include <string_view>
#include <vector>

#include "model/model.h"

namespace sillok::model {

class Trie {
 public:
  // Distinct, non-empty keys.
  explicit Trie(std::vector<std::pair<std::string_view, Token>> keys);
  Trie() : Trie(std::vector<std::pair<std::string_view, Token>>{}) {}

  // Calls each(token, length) for every key that `text` begins with, shortest first.
  template <typename Each>
  void matches(std::string_view text, Each&& each) const {
    uint32_t node = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      node = child(node, static_cast<uint8_t>(text[i]));
      if (node == 0) return;
      if (nodes_[node].token >= 0) each(nodes_[node].token, i + 1);
    }
  }

 private:
  struct Node {
    uint32_t first = 0;   // of its children, which lie side by side in the order of their bytes
    uint16_t count = 0;
    uint8_t byte = 0;
    Token token = -1;
  };
  uint32_t child(uint32_t node, uint8_t byte) const;  // 0 if there is none
  std::vector<Node> nodes_;
};

}  // namespace sillok::model
