#include "model/trie.h"

#include <algorithm>

namespace sillok::model {

Trie::Trie(std::vector<std::pair<std::string_view, Token>> keys) {
  std::sort(keys.begin(), keys.end());
  // A node's keys are a run of the sorted list; its children are made together, so that they lie side by side.
  struct Pending {
    uint32_t node;
    size_t begin, end, depth;
  };
  nodes_.push_back({});
  std::vector<Pending> pending = {{0, 0, keys.size(), 0}};
  while (!pending.empty()) {
    Pending run = pending.back();
    pending.pop_back();
    if (run.begin < run.end && keys[run.begin].first.size() == run.depth) {
      nodes_[run.node].token = keys[run.begin].second;
      ++run.begin;
    }
    nodes_[run.node].first = static_cast<uint32_t>(nodes_.size());
    for (size_t i = run.begin; i < run.end;) {
      const char byte = keys[i].first[run.depth];
      size_t end = i + 1;
      while (end < run.end && keys[end].first[run.depth] == byte) ++end;
      pending.push_back({static_cast<uint32_t>(nodes_.size()), i, end, run.depth + 1});
      Node node;
      node.byte = static_cast<uint8_t>(byte);
      nodes_.push_back(node);
      ++nodes_[run.node].count;
      i = end;
    }
  }
}

uint32_t Trie::child(uint32_t node, uint8_t byte) const {
  const Node& parent = nodes_[node];
  uint32_t low = parent.first, high = parent.first + parent.count;
  while (low < high) {
    const uint32_t middle = (low + high) / 2;
    if (nodes_[middle].byte < byte) low = middle + 1;
    else high = middle;
  }
  return low < parent.first + parent.count && nodes_[low].byte == byte ? low : 0;
}

}  // namespace sillok::model
