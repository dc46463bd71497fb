// Which tokens may come next. What a state allows on its own is worked out once per grammar and state; only tokens that
// run past the end of a rule are looked at with the stack below.
#include <algorithm>
#include <map>

#include "engine/grammar_program.h"

namespace sillok::engine {
namespace {

constexpr size_t kMaxKnownStates = 8'192;     // of a grammar; a dense one takes V/8 bytes
constexpr size_t kMaxCells = 200'000;         // of a request's machine, before it is built anew from what is live
constexpr size_t kFewShare = 64;              // a mask that allows fewer than V/64 tokens is kept as a list

Result<std::shared_ptr<const Grammar>> make_grammar(Result<RuleSet> set, const model::Tokenizer& tokenizer) {
  if (!set) return fail(std::move(set).error());
  auto rules = std::make_shared<Grammar::Rules>();
  rules->trie = token_trie(tokenizer);
  SILLOK_ASSIGN(rules->program, compile(*set, rules->trie->longest));
  return std::make_shared<const Grammar>(std::move(rules));
}

}  // namespace

Grammar::Grammar(std::shared_ptr<const Rules> rules) : rules_(std::move(rules)) {}

Result<std::shared_ptr<const Grammar>> Grammar::from_gbnf(std::string_view text, const model::Tokenizer& tokenizer) {
  return make_grammar(read_gbnf(text), tokenizer);
}

Result<std::shared_ptr<const Grammar>> Grammar::from_json_schema(std::string_view schema,
                                                                 const model::Tokenizer& tokenizer) {
  return make_grammar(read_json_schema(schema), tokenizer);
}

std::shared_ptr<const StateTokens> Grammar::Rules::tokens_of(uint32_t state) const {
  if (program.states[state].like != kNone) state = program.states[state].like;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = known_.find(state); found != known_.end()) return found->second;
  }
  auto made = std::make_shared<StateTokens>();
  made->bits.assign((trie->vocabulary + 63) / 64, 0);
  StackMachine machine(program);
  Readings from;
  machine.enter(state, kUnknownRest, from);
  // Only what awaits a byte in `state` itself: what it enters freely are readings of their own.
  std::erase_if(from, [&](StackId stack) { return stack <= kEndOfText || machine.state_of(stack) != state; });
  Walker(machine, *trie).walk(0, from, made->bits, &made->open);
  size_t count = 0;
  for (const uint64_t word : made->bits) count += static_cast<size_t>(__builtin_popcountll(word));
  if (count < trie->vocabulary / kFewShare) {
    for (size_t t = 0; t < trie->vocabulary; ++t) {
      if (made->bits[t / 64] >> (t % 64) & 1) made->few.push_back(static_cast<Token>(t));
    }
    made->bits = {};
  }
  const std::lock_guard lock(mutex_);
  if (known_.size() >= kMaxKnownStates) known_.clear();
  known_.emplace(state, made);
  return made;
}

struct Constraint::State {
  explicit State(std::shared_ptr<const Grammar> g)
      : grammar(std::move(g)), machine(std::make_unique<StackMachine>(grammar->rules().program)) {
    machine->enter(grammar->rules().program.start, kEndOfText, readings);
  }
  std::shared_ptr<const Grammar> grammar;
  std::unique_ptr<StackMachine> machine;
  Readings readings;
  size_t most_cells = kMaxCells;
};

Constraint::Constraint(std::shared_ptr<const Grammar> grammar) : state_(std::make_unique<State>(std::move(grammar))) {}
Constraint::Constraint(Constraint&&) noexcept = default;
Constraint& Constraint::operator=(Constraint&&) noexcept = default;
Constraint::~Constraint() = default;

Constraint Constraint::copy() const {
  Constraint other(state_->grammar);
  other.state_->machine = std::make_unique<StackMachine>(state_->grammar->rules().program);
  other.state_->readings = state_->machine->copy_to(*other.state_->machine, state_->readings);
  return other;
}

bool Constraint::complete() const {
  return std::binary_search(state_->readings.begin(), state_->readings.end(), kEndOfText);
}

void Constraint::allowed(std::span<uint64_t> bits) const {
  const Grammar::Rules& rules = state_->grammar->rules();
  StackMachine& machine = *state_->machine;
  std::fill(bits.begin(), bits.end(), 0);
  if (complete()) {
    for (const Token token : rules.trie->ends) bits[static_cast<size_t>(token) / 64] |= uint64_t{1} << (token % 64);
  }
  Walker walker(machine, *rules.trie);
  std::map<StackId, Readings> resumed;
  for (const StackId stack : state_->readings) {
    if (stack <= kEndOfText) continue;
    const auto known = rules.tokens_of(machine.state_of(stack));
    for (size_t i = 0; i < known->bits.size(); ++i) bits[i] |= known->bits[i];
    for (const Token token : known->few) bits[static_cast<size_t>(token) / 64] |= uint64_t{1} << (token % 64);
    const StackId rest = machine.rest_of(stack);
    if (known->open.empty() || rest == kEndOfText) continue;
    const auto [found, added] = resumed.emplace(rest, Readings());
    if (added) machine.resume(rest, found->second);
    for (const uint32_t node : known->open) walker.walk(node, found->second, bits, nullptr);
  }
}

bool Constraint::accept(Token token) {
  const TokenTrie& trie = *state_->grammar->rules().trie;
  if (token < 0 || static_cast<size_t>(token) >= trie.vocabulary) return false;
  if (trie.is_end(token)) return complete();
  const std::string_view piece = trie.piece(token);
  if (piece.empty()) return false;
  Readings readings = state_->readings;
  for (const char byte : piece) {
    readings = state_->machine->step(readings, static_cast<uint8_t>(byte));
    if (readings.empty()) return false;
  }
  state_->readings = std::move(readings);
  if (state_->machine->size() > state_->most_cells) {
    auto fresh = std::make_unique<StackMachine>(state_->grammar->rules().program);
    state_->readings = state_->machine->copy_to(*fresh, state_->readings);
    state_->machine = std::move(fresh);
    state_->most_cells = std::max(kMaxCells, 2 * state_->machine->size());  // deep nesting is live: no use in copying
  }
  return true;
}

}  // namespace sillok::engine
