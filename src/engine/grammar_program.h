// A grammar compiled: states over bytes that call each other, and the machine of stacks that runs them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "engine/engine.h"
#include "engine/grammar_form.h"

namespace sillok::engine {

// ---- The program. Characters are bytes here: a class becomes the byte sequences of its UTF-8, so that tokens may end
// inside a character.

inline constexpr uint32_t kNone = UINT32_MAX;

struct ByteEdge {
  uint8_t low = 0, high = 0;
  uint32_t next = 0;
};
struct ProgramState {
  std::vector<ByteEdge> edges;   // sorted by byte? no order is relied on
  std::vector<uint32_t> free;    // states entered without a byte
  uint32_t call = kNone;         // the start state of a rule, after which `after` is entered
  uint32_t after = kNone;
  bool ends = false;             // the rule may end here
  uint32_t like = kNone;         // a state that reads every text as long as a token in the same way; kNone: only itself
};
struct Program {
  std::vector<ProgramState> states;
  uint32_t start = 0;
};

// kInvalid for left recursion and for rules that can never end; kLimit for what unfolds to too many states.
// `longest_token`: in bytes; copies of a repetition that are further than that from its end are alike.
Result<Program> compile(const RuleSet& set, size_t longest_token);

// ---- Stacks. A stack is a state and the stack to go on with when its rule ends; equal stacks have one number.

using StackId = uint32_t;
inline constexpr StackId kUnknownRest = 0;  // whatever called this rule, which is not known
inline constexpr StackId kEndOfText = 1;

// All the ways the text so far can be read: sorted numbers of stacks whose state awaits a byte, and kEndOfText or
// kUnknownRest if the text, or the rule, may end here.
using Readings = std::vector<StackId>;

class StackMachine {
 public:
  // More parallel readings than this are dropped: an ambiguous grammar then allows less, never more.
  static constexpr size_t kMaxReadings = 4096;

  explicit StackMachine(const Program& program);
  // Adds what can be read from `state` with `rest` below it.
  void enter(uint32_t state, StackId rest, Readings& out);
  // Where `rest` goes on after the rule above it has ended.
  void resume(StackId rest, Readings& out);
  Readings step(const Readings& from, uint8_t byte);
  uint32_t state_of(StackId stack) const { return cells_[stack].state; }
  StackId rest_of(StackId stack) const { return cells_[stack].rest; }
  size_t size() const { return cells_.size(); }
  // The same readings in a machine that holds nothing else.
  Readings copy_to(StackMachine& other, const Readings& readings) const;

 private:
  struct Cell {
    uint32_t state, rest;
  };
  StackId intern(uint32_t state, StackId rest);
  void visit(Readings& out);

  const Program& program_;
  std::vector<Cell> cells_;
  std::unordered_map<uint64_t, StackId> numbers_;
  std::vector<uint32_t> seen_;  // by stack: the visit that saw it last
  uint32_t visit_ = 0;
  std::vector<StackId> pending_;
};

// ---- The vocabulary as a trie of bytes, in depth-first order: a subtree is a run of nodes.

struct TokenTrie {
  struct Node {
    uint32_t skip = 0;         // the first node after this one's subtree
    uint32_t first_token = 0;  // its tokens are tokens[first_token .. next node's first_token)
    uint16_t depth = 0;        // bytes from the root
    uint8_t byte = 0;
  };
  std::vector<Node> nodes;       // nodes[0] is the root; one more at the end
  std::vector<Token> tokens;
  std::vector<uint32_t> offsets; // of each token's bytes; V + 1
  std::string bytes;
  std::vector<Token> ends;       // the end tokens
  size_t vocabulary = 0, longest = 0;  // tokens; bytes of the longest

  std::string_view piece(Token token) const {
    const auto t = static_cast<size_t>(token);
    return std::string_view(bytes).substr(offsets[t], offsets[t + 1] - offsets[t]);
  }
  bool is_end(Token token) const;
};
// One trie per vocabulary: built at first use, shared while anyone holds it.
std::shared_ptr<const TokenTrie> token_trie(const model::Tokenizer& tokenizer);

// ---- What a grammar holds

// The tokens that may come next where a stack's state is `state`, as far as the state alone decides.
struct StateTokens {
  std::vector<uint64_t> bits;    // dense, or
  std::vector<Token> few;        // sparse
  std::vector<uint32_t> open;    // trie nodes with a subtree at which the rule may have ended: the rest decides
};

struct Grammar::Rules {
  Program program;
  std::shared_ptr<const TokenTrie> trie;

  std::shared_ptr<const StateTokens> tokens_of(uint32_t state) const;

 private:
  mutable std::mutex mutex_;
  mutable std::unordered_map<uint32_t, std::shared_ptr<const StateTokens>> known_;
};

// Remembers the steps of one machine while subtrees of the trie are walked.
class Walker {
 public:
  Walker(StackMachine& machine, const TokenTrie& trie) : machine_(machine), trie_(trie) {}
  // Sets the bits of the tokens below `node` that `from` can read. Nodes where a reading ends in kUnknownRest and that
  // have a subtree are appended to `open` (null: there is no such reading).
  void walk(uint32_t node, const Readings& from, std::span<uint64_t> bits, std::vector<uint32_t>* open);

 private:
  struct Known {
    Readings readings;          // without kUnknownRest
    bool left = false;          // it had kUnknownRest
    std::array<int32_t, 256> next;
  };
  static constexpr int32_t kNotYet = -2, kDead = -1;
  int32_t number(Readings readings);
  int32_t next(int32_t from, uint8_t byte);

  StackMachine& machine_;
  const TokenTrie& trie_;
  std::vector<std::unique_ptr<Known>> known_;
  std::unordered_map<std::string, int32_t> numbers_;
  std::vector<int32_t> path_;
};

}  // namespace sillok::engine
