// From rules to states. Each form is compiled backwards: given the state to go on with, to the state to start from.
#include <algorithm>
#include <map>

#include "engine/grammar_program.h"

namespace sillok::engine {
namespace {

constexpr size_t kMaxRules = 5'000;         // the fixpoints below are quadratic at worst
constexpr size_t kMaxStates = 1'000'000;    // about 100 MB
constexpr size_t kInlineSize = 200;         // a rule of this many states or fewer is copied to where it is called
constexpr size_t kCopiesSize = 65'536;      // beyond it, what is repeated becomes a rule that is called

using Kind = Form::Kind;

// The strongly connected components of the graph of calls, callees first; and which rules are on a cycle.
struct Components {
  std::vector<uint32_t> order;
  std::vector<bool> cyclic;
};
Components components(const std::vector<std::vector<uint32_t>>& calls) {  // Tarjan, without recursion
  const size_t n = calls.size();
  Components out;
  out.cyclic.assign(n, false);
  std::vector<uint32_t> index(n, kNone), low(n, 0), stack;
  std::vector<bool> on_stack(n, false);
  uint32_t next = 0;
  struct Frame {
    uint32_t rule;
    size_t edge;
  };
  for (uint32_t root = 0; root < n; ++root) {
    if (index[root] != kNone) continue;
    std::vector<Frame> frames = {{root, 0}};
    while (!frames.empty()) {
      auto& [rule, edge] = frames.back();
      if (edge == 0) {
        index[rule] = low[rule] = next++;
        stack.push_back(rule);
        on_stack[rule] = true;
      }
      if (edge < calls[rule].size()) {
        const uint32_t callee = calls[rule][edge++];
        if (callee == rule) out.cyclic[rule] = true;
        if (index[callee] == kNone) frames.push_back({callee, 0});
        else if (on_stack[callee]) low[rule] = std::min(low[rule], index[callee]);
        continue;
      }
      const uint32_t done = rule, done_low = low[rule];
      if (done_low == index[done]) {
        const bool several = stack.back() != done;
        uint32_t member = kNone;
        while (member != done) {
          member = stack.back();
          stack.pop_back();
          on_stack[member] = false;
          if (several) out.cyclic[member] = true;
          out.order.push_back(member);
        }
      }
      frames.pop_back();
      if (!frames.empty()) low[frames.back().rule] = std::min(low[frames.back().rule], done_low);
    }
  }
  return out;
}

class Compiler {
 public:
  Compiler(const RuleSet& set, size_t longest) : set_(set), longest_(longest), starts_(set.rules.size(), kNone) {}

  Result<Program> run() {
    if (set_.rules.size() > kMaxRules) {
      return fail(ErrorCode::kLimit, "grammar: more than " + std::to_string(kMaxRules) + " rules");
    }
    SILLOK_TRY(check());
    end_ = add_state();
    program_.states[end_].ends = true;
    program_.start = start_of(set_.root);
    while (!waiting_.empty() && !full_) {
      const uint32_t rule = waiting_.back();
      waiting_.pop_back();
      const uint32_t first = compile(*set_.rules[rule].form, end_);
      program_.states[starts_[rule]].free.push_back(first);
    }
    if (full_) {
      return fail(ErrorCode::kLimit, "grammar: its repetitions unfold to more than " + std::to_string(kMaxStates) +
                                         " states; lower the counts");
    }
    return std::move(program_);
  }

 private:
  // ---- What must hold before: rules can end, and none begins with itself.

  void collect_calls(const Form& form, std::vector<uint32_t>& out) const {
    if (form.kind == Kind::kRule) out.push_back(form.rule);
    for (const FormPtr& part : form.parts) collect_calls(*part, out);
  }
  bool nullable(const Form& form) const {
    switch (form.kind) {
      case Kind::kEmpty: return true;
      case Kind::kSequence:
        return std::all_of(form.parts.begin(), form.parts.end(), [this](const FormPtr& p) { return nullable(*p); });
      case Kind::kChoice:
        return std::any_of(form.parts.begin(), form.parts.end(), [this](const FormPtr& p) { return nullable(*p); });
      case Kind::kRepeat: return form.low == 0 || nullable(*form.parts[0]);
      case Kind::kRule: return nullable_[form.rule];
      default: return false;
    }
  }
  bool can_end(const Form& form) const {
    switch (form.kind) {
      case Kind::kNever: return false;
      case Kind::kSequence:
        return std::all_of(form.parts.begin(), form.parts.end(), [this](const FormPtr& p) { return can_end(*p); });
      case Kind::kChoice:
        return std::any_of(form.parts.begin(), form.parts.end(), [this](const FormPtr& p) { return can_end(*p); });
      case Kind::kRepeat: return form.low == 0 || can_end(*form.parts[0]);
      case Kind::kRule: return can_end_[form.rule];
      default: return true;
    }
  }
  // The rules that may be called before a byte is read.
  void first_calls(const Form& form, std::vector<uint32_t>& out) const {
    switch (form.kind) {
      case Kind::kRule: out.push_back(form.rule); break;
      case Kind::kChoice:
        for (const FormPtr& part : form.parts) first_calls(*part, out);
        break;
      case Kind::kRepeat: first_calls(*form.parts[0], out); break;
      case Kind::kSequence:
        for (const FormPtr& part : form.parts) {
          first_calls(*part, out);
          if (!nullable(*part)) break;
        }
        break;
      default: break;
    }
  }
  // A part that can be entered but never left.
  bool traps(const Form& form) const {
    if (form.kind == Kind::kNever || (form.kind == Kind::kRule && !can_end_[form.rule])) return true;
    return std::any_of(form.parts.begin(), form.parts.end(), [this](const FormPtr& p) { return traps(*p); });
  }

  template <typename Holds>
  void fixpoint(std::vector<bool>& of, Holds holds) {
    of.assign(set_.rules.size(), false);
    for (bool changed = true, forward = true; changed; forward = !forward) {
      changed = false;
      for (size_t i = 0; i < of.size(); ++i) {
        const size_t rule = forward ? i : of.size() - 1 - i;
        if (of[rule] || !holds(*set_.rules[rule].form)) continue;
        of[rule] = changed = true;
      }
    }
  }

  Status check() {
    fixpoint(nullable_, [this](const Form& f) { return nullable(f); });
    fixpoint(can_end_, [this](const Form& f) { return can_end(f); });
    const size_t n = set_.rules.size();
    std::vector<std::vector<uint32_t>> calls(n), firsts(n);
    for (size_t i = 0; i < n; ++i) {
      const Form& form = *set_.rules[i].form;
      if (!can_end_[i]) {
        return fail(ErrorCode::kInvalid, "grammar: rule '" + set_.rules[i].name + "' matches no text that ever ends");
      }
      if (traps(form)) {
        return fail(ErrorCode::kInvalid, "grammar: rule '" + set_.rules[i].name + "' has a part that matches nothing");
      }
      collect_calls(form, calls[i]);
      first_calls(form, firsts[i]);
    }
    const Components first = components(firsts);
    for (size_t i = 0; i < n; ++i) {
      if (first.cyclic[i]) {
        return fail(ErrorCode::kInvalid, "grammar: rule '" + set_.rules[i].name +
                                             "' begins with itself (left recursion); write it as a repetition");
      }
    }
    const Components all = components(calls);
    recursive_ = all.cyclic;
    sizes_.assign(n, 0);
    for (const uint32_t rule : all.order) {
      sizes_[rule] = recursive_[rule] ? kMaxStates : 1 + size_of(*set_.rules[rule].form);
    }
    return {};
  }

  bool is_inlined(uint32_t rule) const { return !recursive_[rule] && sizes_[rule] <= kInlineSize; }

  // About how many states a form becomes.
  size_t size_of(const Form& form) const {
    size_t size = 0;
    for (const FormPtr& part : form.parts) size = std::min(kMaxStates, size + size_of(*part));
    switch (form.kind) {
      case Kind::kLiteral: return form.text.size();
      case Kind::kClass: return 1 + 3 * static_cast<size_t>(form.ranges.back().high >= 0x80);
      case Kind::kRule: return is_inlined(form.rule) ? sizes_[form.rule] : 1;
      case Kind::kRepeat: {
        const size_t copies = form.high == kUnbounded ? form.low + 1 : form.high;
        return std::min(kMaxStates, 1 + copies * (size + 1));
      }
      default: return size + 1;
    }
  }

  // ---- States

  uint32_t add_state() {
    if (program_.states.size() >= kMaxStates) {
      full_ = true;
      return 0;
    }
    program_.states.emplace_back();
    return static_cast<uint32_t>(program_.states.size() - 1);
  }

  uint32_t start_of(uint32_t rule) {
    if (starts_[rule] == kNone) {
      starts_[rule] = add_state();
      waiting_.push_back(rule);
    }
    return starts_[rule];
  }

  uint32_t compile(const Form& form, uint32_t next) {
    if (full_) return next;
    switch (form.kind) {
      case Kind::kEmpty: return next;
      case Kind::kNever: return add_state();  // check() lets none through
      case Kind::kLiteral: return compile_literal(form.text, next);
      case Kind::kClass: return compile_class(form.ranges, next);
      case Kind::kSequence:
        for (size_t i = form.parts.size(); i-- > 0;) next = compile(*form.parts[i], next);
        return next;
      case Kind::kChoice: return compile_choice(form, next);
      case Kind::kRepeat: return compile_repeat(form, next);
      case Kind::kRule:
        if (is_inlined(form.rule)) return compile(*set_.rules[form.rule].form, next);
        return add_call(start_of(form.rule), next);
    }
    return next;
  }

  uint32_t add_call(uint32_t start, uint32_t next) {
    const uint32_t state = add_state();
    program_.states[state].call = start;
    program_.states[state].after = next;
    return state;
  }

  uint32_t compile_literal(std::string_view text, uint32_t next) {
    for (size_t i = text.size(); i-- > 0;) {
      const uint32_t state = add_state();
      const auto byte = static_cast<uint8_t>(text[i]);
      program_.states[state].edges.push_back({byte, byte, next});
      next = state;
    }
    return next;
  }

  // ---- Classes: a range of code points is a few sequences of byte ranges (as in Ken Thompson's grep, and RE2).

  using ByteRanges = std::vector<std::pair<uint8_t, uint8_t>>;

  static void byte_sequences(char32_t low, char32_t high, std::vector<ByteRanges>& out) {
    for (const char32_t last : {char32_t{0x7F}, char32_t{0x7FF}, char32_t{0xFFFF}}) {
      if (low <= last && last < high) {
        byte_sequences(low, last, out);
        byte_sequences(last + 1, high, out);
        return;
      }
    }
    for (int i = 1; high > 0x7F && i < 4; ++i) {
      const char32_t mask = (char32_t{1} << (6 * i)) - 1;
      if ((low & ~mask) == (high & ~mask)) continue;
      if ((low & mask) != 0) {
        byte_sequences(low, low | mask, out);
        byte_sequences((low | mask) + 1, high, out);
        return;
      }
      if ((high & mask) != mask) {
        byte_sequences(low, (high & ~mask) - 1, out);
        byte_sequences(high & ~mask, high, out);
        return;
      }
    }
    std::string first, last;
    append_utf8(first, low);
    append_utf8(last, high);
    ByteRanges ranges;
    for (size_t i = 0; i < first.size(); ++i) {
      ranges.emplace_back(static_cast<uint8_t>(first[i]), static_cast<uint8_t>(last[i]));
    }
    out.push_back(std::move(ranges));
  }

  uint32_t compile_class(const std::vector<CodePointRange>& ranges, uint32_t next) {
    std::vector<ByteRanges> sequences;
    for (const CodePointRange& r : ranges) byte_sequences(r.low, r.high, sequences);
    std::map<ByteRanges, uint32_t> tails;  // what is left of a sequence, to its state
    tails[{}] = next;
    const uint32_t start = add_state();
    for (const ByteRanges& bytes : sequences) {
      uint32_t target = next;
      for (size_t i = bytes.size(); i-- > 1 && !full_;) {
        const ByteRanges tail(bytes.begin() + static_cast<ptrdiff_t>(i), bytes.end());
        const auto [known, added] = tails.emplace(tail, 0);
        if (added) {
          known->second = add_state();
          program_.states[known->second].edges.push_back({bytes[i].first, bytes[i].second, target});
        }
        target = known->second;
      }
      program_.states[start].edges.push_back({bytes[0].first, bytes[0].second, target});
    }
    return start;
  }

  // ---- Choices and repetitions

  uint32_t compile_choice(const Form& form, uint32_t next) {
    if (std::all_of(form.parts.begin(), form.parts.end(), [](const FormPtr& p) { return p->kind == Kind::kLiteral; })) {
      std::vector<std::string_view> words;
      for (const FormPtr& part : form.parts) words.emplace_back(part->text);
      std::sort(words.begin(), words.end());
      return compile_words(words, 0, next);
    }
    const uint32_t state = add_state();
    for (const FormPtr& part : form.parts) {
      const uint32_t start = compile(*part, next);
      program_.states[state].free.push_back(start);
    }
    return state;
  }

  // Sorted words that agree in their first `depth` bytes, as a trie: one reading, however many words.
  uint32_t compile_words(std::span<const std::string_view> words, size_t depth, uint32_t next) {
    if (words.size() == 1) return compile_literal(words[0].substr(depth), next);
    const uint32_t state = add_state();
    for (size_t i = 0; i < words.size() && !full_;) {
      if (words[i].size() == depth) {
        if (program_.states[state].free.empty()) program_.states[state].free.push_back(next);
        ++i;
        continue;
      }
      const char byte = words[i][depth];
      size_t end = i;
      while (end < words.size() && words[end].size() > depth && words[end][depth] == byte) ++end;
      // A run that all words share is one chain: depth grows by words, not by bytes.
      const std::string_view head = words[i], tail = words[end - 1];
      size_t shared = depth + 1;
      while (shared < head.size() && shared < tail.size() && head[shared] == tail[shared]) ++shared;
      uint32_t target = compile_words(words.subspan(i, end - i), shared, next);
      target = compile_literal(head.substr(depth + 1, shared - depth - 1), target);
      program_.states[state].edges.push_back({static_cast<uint8_t>(byte), static_cast<uint8_t>(byte), target});
      i = end;
    }
    return state;
  }

  uint32_t compile_repeat(const Form& form, uint32_t next) {
    const Form& body = *form.parts[0];
    const size_t copies = form.high == kUnbounded ? form.low + 1 : form.high, size = size_of(body);
    uint32_t called = kNone;
    if (copies > 1 && size > 2 && copies * size > kCopiesSize) {
      called = add_state();
      const uint32_t start = compile(body, end_);
      program_.states[called].free.push_back(start);
    }
    const auto one = [&](uint32_t after) { return called == kNone ? compile(body, after) : add_call(called, after); };
    // A copy takes a byte at least, so from one with more copies ahead than a token has bytes, no token sees the end:
    // such copies are alike. They are made the same way, so their states correspond by position.
    const bool consumes = !nullable(body);
    struct Run {
      size_t count = 0, begin = 0, size = 0;
    } run;
    const auto copied = [&](size_t begin) {
      const size_t made = program_.states.size() - begin;
      const bool same = run.count > 0 && made == run.size;
      if (consumes && same && run.count > longest_ + 1) {
        for (size_t i = 0; i < made; ++i) {
          const ProgramState& earlier = program_.states[run.begin + i];
          program_.states[begin + i].like = earlier.like != kNone ? earlier.like : static_cast<uint32_t>(run.begin + i);
        }
      }
      run = {same || run.count == 0 ? run.count + 1 : 1, begin, made};
    };
    if (form.high == kUnbounded) {
      const uint32_t loop = add_state();
      const uint32_t start = one(loop);
      program_.states[loop].free = {start, next};
      next = loop;
    } else {
      const uint32_t after = next;
      for (uint32_t i = form.low; i < form.high && !full_; ++i) {  // each leads on to one fewer
        const size_t begin = program_.states.size();
        const uint32_t start = one(next);
        const uint32_t state = add_state();
        program_.states[state].free = {start, after};
        next = state;
        copied(begin);
      }
    }
    run = {};
    for (uint32_t i = 0; i < form.low && !full_; ++i) {
      const size_t begin = program_.states.size();
      next = one(next);
      copied(begin);
    }
    return next;
  }

  const RuleSet& set_;
  size_t longest_;
  Program program_;
  std::vector<uint32_t> starts_, waiting_;
  std::vector<bool> nullable_, can_end_, recursive_;
  std::vector<size_t> sizes_;
  uint32_t end_ = 0;
  bool full_ = false;
};

}  // namespace

Result<Program> compile(const RuleSet& set, size_t longest_token) { return Compiler(set, longest_token).run(); }

}  // namespace sillok::engine
