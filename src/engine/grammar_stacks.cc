// The machine of stacks: all readings of the text so far, side by side.
#include <algorithm>

#include "engine/grammar_program.h"

namespace sillok::engine {

StackMachine::StackMachine(const Program& program) : program_(program), cells_(2, Cell{kNone, kNone}), seen_(2, 0) {}

StackId StackMachine::intern(uint32_t state, StackId rest) {
  const auto [found, added] = numbers_.emplace(uint64_t{state} << 32 | rest, static_cast<StackId>(cells_.size()));
  if (added) {
    cells_.push_back({state, rest});
    seen_.push_back(0);
  }
  return found->second;
}

void StackMachine::enter(uint32_t state, StackId rest, Readings& out) {
  ++visit_;
  pending_ = {intern(state, rest)};
  visit(out);
}

void StackMachine::resume(StackId rest, Readings& out) {
  ++visit_;
  pending_ = {rest};
  visit(out);
}

// Follows what takes no byte. It ends: no rule begins with itself, so calls nest at most once a rule.
void StackMachine::visit(Readings& out) {
  while (!pending_.empty()) {
    const StackId stack = pending_.back();
    pending_.pop_back();
    if (seen_[stack] == visit_) continue;
    seen_[stack] = visit_;
    if (stack == kEndOfText || stack == kUnknownRest) {
      out.push_back(stack);
      continue;
    }
    const auto [number, rest] = cells_[stack];
    const ProgramState& state = program_.states[number];
    if (!state.edges.empty() && out.size() < kMaxReadings) out.push_back(stack);
    if (state.ends) pending_.push_back(rest);
    for (const uint32_t next : state.free) pending_.push_back(intern(next, rest));
    if (state.call != kNone) {
      const ProgramState& after = program_.states[state.after];
      // A call at the very end of a rule leaves nothing to come back to: recursion at the end does not grow the stack.
      const bool last = after.ends && after.edges.empty() && after.free.empty() && after.call == kNone;
      pending_.push_back(intern(state.call, last ? rest : intern(state.after, rest)));
    }
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
}

Readings StackMachine::step(const Readings& from, uint8_t byte) {
  Readings out;
  ++visit_;
  pending_.clear();
  for (const StackId stack : from) {
    if (stack <= kEndOfText) continue;
    const auto [state, rest] = cells_[stack];
    for (const ByteEdge& edge : program_.states[state].edges) {
      if (edge.low <= byte && byte <= edge.high) pending_.push_back(intern(edge.next, rest));
    }
  }
  visit(out);
  return out;
}

Readings StackMachine::copy_to(StackMachine& other, const Readings& readings) const {
  Readings out;
  for (const StackId stack : readings) {
    std::vector<StackId> chain;
    StackId at = stack;
    for (; at > kEndOfText; at = cells_[at].rest) chain.push_back(at);
    for (size_t i = chain.size(); i-- > 0;) at = other.intern(cells_[chain[i]].state, at);
    out.push_back(at);
  }
  std::sort(out.begin(), out.end());
  return out;
}

// ---- Walking the trie

int32_t Walker::number(Readings readings) {
  const bool left = !readings.empty() && readings[0] == kUnknownRest;
  if (readings.empty()) return kDead;
  const std::string key(reinterpret_cast<const char*>(readings.data()), readings.size() * sizeof(StackId));
  const auto [found, added] = numbers_.emplace(key, static_cast<int32_t>(known_.size()));
  if (added) {
    auto known = std::make_unique<Known>();
    if (left) readings.erase(readings.begin());
    known->readings = std::move(readings);
    known->left = left;
    known->next.fill(kNotYet);
    known_.push_back(std::move(known));
  }
  return found->second;
}

int32_t Walker::next(int32_t from, uint8_t byte) {
  const int32_t seen = known_[static_cast<size_t>(from)]->next[byte];
  if (seen != kNotYet) return seen;
  const int32_t to = number(machine_.step(known_[static_cast<size_t>(from)]->readings, byte));
  known_[static_cast<size_t>(from)]->next[byte] = to;
  return to;
}

void Walker::walk(uint32_t node, const Readings& from, std::span<uint64_t> bits, std::vector<uint32_t>* open) {
  const int32_t first = number(from);
  if (first == kDead) return;
  const TokenTrie::Node* const nodes = trie_.nodes.data();
  const uint32_t end = nodes[node].skip;
  const size_t base = nodes[node].depth;
  if (path_.empty()) path_.resize(trie_.longest + 2);
  path_[0] = first;
  for (uint32_t i = node + 1; i < end;) {
    const TokenTrie::Node& at = nodes[i];
    const size_t depth = at.depth - base;
    const int32_t to = next(path_[depth - 1], at.byte);
    if (to == kDead) {
      i = at.skip;
      continue;
    }
    for (uint32_t t = at.first_token; t < nodes[i + 1].first_token; ++t) {
      const auto token = static_cast<size_t>(trie_.tokens[t]);
      bits[token / 64] |= uint64_t{1} << (token % 64);
    }
    path_[depth] = to;
    const Known& known = *known_[static_cast<size_t>(to)];
    if (known.left && open && at.skip > i + 1) open->push_back(i);
    i = known.readings.empty() ? at.skip : i + 1;
  }
}

}  // namespace sillok::engine
