#include "model/pattern.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <array>

namespace sillok::model {

bool CodePointSet::holds(char32_t code_point) const {
  const auto c = static_cast<UChar32>(code_point);
  return holds(code_point, u_charType(c), u_isUWhiteSpace(c));
}

bool CodePointSet::holds(char32_t code_point, int category, bool is_white_space) const {
  bool in = ((categories >> category) & 1) != 0 || (white_space && is_white_space);
  for (const auto& [first, last] : ranges) in = in || (code_point >= first && code_point <= last);
  return in != negated;
}

namespace {

struct Category {
  std::string_view name;
  uint32_t bits;
};
constexpr std::array<Category, 12> kCategories = {{
    {"L", U_GC_L_MASK}, {"Lu", U_GC_LU_MASK}, {"Ll", U_GC_LL_MASK}, {"Lt", U_GC_LT_MASK}, {"Lm", U_GC_LM_MASK},
    {"Lo", U_GC_LO_MASK}, {"M", U_GC_M_MASK}, {"Mn", U_GC_MN_MASK}, {"N", U_GC_N_MASK}, {"Nd", U_GC_ND_MASK},
    {"P", U_GC_P_MASK}, {"S", U_GC_S_MASK},
}};

}  // namespace

// Reads patterns by descent: alternatives of elements.
class PatternCompiler {
 public:
  PatternCompiler(Splitter& out, std::u32string source) : out_(out), source_(std::move(source)) {}

  Result<Splitter::Pattern> compile() {
    Splitter::Pattern pattern;
    for (;;) {
      SILLOK_ASSIGN(auto alternative, read_alternative());
      pattern.push_back(std::move(alternative));
      if (done()) return pattern;
      ++at_;  // '|'
    }
  }

 private:
  using Element = Splitter::Element;
  using Kind = Splitter::Kind;

  bool done() const { return at_ >= source_.size(); }
  bool next_is(std::u32string_view text) const { return std::u32string_view(source_).substr(at_).starts_with(text); }
  bool take(std::u32string_view text) {
    if (!next_is(text)) return false;
    at_ += text.size();
    return true;
  }
  tl::unexpected<Error> unsupported(std::string_view what) const {
    return fail(ErrorCode::kUnsupported, "the pre-tokeniser's pattern " + to_utf8(source_) + " uses " + std::string(what) +
                                             " at character " + std::to_string(at_ + 1) + ", which is not read here");
  }

  Result<ClassBits> bit_of(CodePointSet set) {
    const auto found = std::find(out_.sets_.begin(), out_.sets_.end(), set);
    const auto index = static_cast<size_t>(found - out_.sets_.begin());
    if (found == out_.sets_.end()) {
      if (out_.sets_.size() == 32) return unsupported("more than 32 different classes");
      out_.sets_.push_back(std::move(set));
    }
    return ClassBits{1} << index;
  }

  // \x inside or outside a class, added to `set`.
  Status read_escape(CodePointSet& set) {
    if (take(U"\\p{")) {
      const size_t close = source_.find(U'}', at_);
      if (close == std::u32string::npos) return unsupported("an unfinished category");
      const std::string name = to_utf8(source_.substr(at_, close - at_));
      const auto found = std::find_if(kCategories.begin(), kCategories.end(), [&](const Category& c) { return c.name == name; });
      if (found == kCategories.end()) return unsupported("the category " + name);
      set.categories |= found->bits;
      at_ = close + 1;
      return {};
    }
    ++at_;
    if (done()) return unsupported("a lone backslash");
    const char32_t c = source_[at_++];
    const auto add = [&set](char32_t one) { set.ranges.emplace_back(one, one); };
    switch (c) {
      case U's': set.white_space = true; return {};
      case U'S': set.white_space = true; set.negated = true; return {};
      case U'd': set.categories |= U_GC_ND_MASK; return {};
      case U'r': add(U'\r'); return {};
      case U'n': add(U'\n'); return {};
      case U't': add(U'\t'); return {};
      default: break;
    }
    if ((c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z') || (c >= U'0' && c <= U'9')) {
      --at_;
      return unsupported("an escape");
    }
    add(c);
    return {};
  }

  Result<CodePointSet> read_class() {
    CodePointSet set;
    ++at_;  // '['
    const bool negated = take(U"^");
    while (!done() && source_[at_] != U']') {
      if (next_is(U"\\S")) return unsupported("\\S in a class");
      if (next_is(U"&&") || source_[at_] == U'[') return unsupported("a class in a class");
      if (source_[at_] == U'\\') {
        SILLOK_TRY(read_escape(set));
        continue;
      }
      const char32_t first = source_[at_++];
      char32_t last = first;
      if (at_ + 1 < source_.size() && source_[at_] == U'-' && source_[at_ + 1] != U']') {
        last = source_[at_ + 1];
        if (last == U'\\' || last < first) return unsupported("a range");
        at_ += 2;
      }
      set.ranges.emplace_back(first, last);
    }
    if (!take(U"]")) return unsupported("an unfinished class");
    set.negated = negated;
    return set;
  }

  // After (?: or (?i: : literals up to the bracket, '|' between them. A class of characters counts as one.
  Result<Element> read_literals(bool any_case) {
    Element group;
    group.kind = Kind::kLiterals;
    group.literals.emplace_back();
    while (!done() && source_[at_] != U')') {
      if (take(U"|")) {
        group.literals.emplace_back();
        continue;
      }
      CodePointSet set;
      if (source_[at_] == U'[') {
        SILLOK_ASSIGN(set, read_class());
      } else if (source_[at_] == U'\\') {
        SILLOK_TRY(read_escape(set));
      } else {
        const char32_t c = source_[at_++];
        if (std::u32string_view(U"(?*+{").find(c) != std::u32string_view::npos) return unsupported("a nested group");
        set.ranges.emplace_back(c, c);
      }
      if (any_case && set.ranges.size() == 1) {
        const auto c = static_cast<UChar32>(set.ranges[0].first);
        set.ranges = {{static_cast<char32_t>(u_tolower(c)), static_cast<char32_t>(u_tolower(c))}};
        if (u_toupper(c) != u_tolower(c)) {
          set.ranges.emplace_back(static_cast<char32_t>(u_toupper(c)), static_cast<char32_t>(u_toupper(c)));
        }
      }
      SILLOK_ASSIGN(const ClassBits bit, bit_of(std::move(set)));
      group.literals.back().push_back(bit);
    }
    if (!take(U")")) return unsupported("an unfinished group");
    return group;
  }

  Result<uint32_t> read_number() {
    uint32_t value = 0;
    const size_t start = at_;
    while (!done() && source_[at_] >= U'0' && source_[at_] <= U'9' && at_ - start < 4) {
      value = value * 10 + static_cast<uint32_t>(source_[at_++] - U'0');
    }
    if (at_ == start) return unsupported("a repetition");
    return value;
  }

  Status read_repetition(Element& element) {
    if (take(U"?")) {
      element.least = 0;
    } else if (take(U"*")) {
      element.least = 0;
      element.most = UINT32_MAX;
    } else if (take(U"+")) {
      element.most = UINT32_MAX;
    } else if (take(U"{")) {
      SILLOK_ASSIGN(element.least, read_number());
      element.most = element.least;
      if (take(U",")) {
        SILLOK_ASSIGN(element.most, read_number());
      }
      if (!take(U"}") || element.most < element.least || element.most == 0) return unsupported("a repetition");
    } else {
      return {};
    }
    // Possessive forms match the same in the patterns that use them: what follows never overlaps what they take.
    if (take(U"+")) return {};
    if (element.kind == Kind::kLiterals && element.most > 1) return unsupported("a repeated group");
    return {};
  }

  Result<Splitter::Alternative> read_alternative() {
    Splitter::Alternative alternative;
    while (!done() && source_[at_] != U'|') {
      Element element;
      if (take(U"(?!\\S)")) {
        element.kind = Kind::kNotBeforeNonSpace;
      } else if (take(U"$")) {
        element.kind = Kind::kEnd;
      } else if (next_is(U"(?i:") || next_is(U"(?:")) {
        const bool any_case = next_is(U"(?i:");
        at_ += any_case ? 4 : 3;
        SILLOK_ASSIGN(element, read_literals(any_case));
        SILLOK_TRY(read_repetition(element));
      } else {
        CodePointSet set;
        const char32_t c = source_[at_];
        if (c == U'[') {
          SILLOK_ASSIGN(set, read_class());
        } else if (c == U'\\') {
          SILLOK_TRY(read_escape(set));
        } else if (std::u32string_view(U"().^*+?{}").find(c) != std::u32string_view::npos) {
          return unsupported("a construct");
        } else {
          set.ranges.emplace_back(c, c);
          ++at_;
        }
        SILLOK_ASSIGN(element.bit, bit_of(std::move(set)));
        SILLOK_TRY(read_repetition(element));
      }
      alternative.push_back(std::move(element));
    }
    if (alternative.empty()) return unsupported("an empty alternative");
    return alternative;
  }

  Splitter& out_;
  std::u32string source_;
  size_t at_ = 0;
};

Result<Splitter> Splitter::compile(std::span<const std::string_view> patterns) {
  Splitter splitter;
  CodePointSet space;
  space.white_space = true;
  splitter.sets_.push_back(space);
  splitter.space_bit_ = 1;
  for (const std::string_view pattern : patterns) {
    SILLOK_ASSIGN(Pattern compiled, PatternCompiler(splitter, to_utf32(pattern)).compile());
    splitter.patterns_.push_back(std::move(compiled));
  }
  splitter.fill_basic_plane();
  return splitter;
}

// classify() of the first 65,536 code points, set by set: ranges are filled, not asked for each code point.
void Splitter::fill_basic_plane() {
  constexpr size_t kSize = 0x10000;
  std::vector<uint32_t> category(kSize);
  for (size_t c = 0; c < kSize; ++c) {
    category[c] = U_MASK(u_charType(static_cast<UChar32>(c)));
  }
  basic_plane_.assign(kSize, 0);
  std::vector<uint8_t> in(kSize);
  for (size_t i = 0; i < sets_.size(); ++i) {
    const CodePointSet& set = sets_[i];
    for (size_t c = 0; c < kSize; ++c) in[c] = (category[c] & set.categories) != 0;
    for (size_t c = 0; set.white_space && c < kSize; ++c) in[c] |= static_cast<uint8_t>(u_isUWhiteSpace(static_cast<UChar32>(c)));
    for (const auto& [first, last] : set.ranges) {
      for (size_t c = first; c <= last && c < kSize; ++c) in[c] = 1;
    }
    for (size_t c = 0; c < kSize; ++c) basic_plane_[c] |= static_cast<ClassBits>(in[c] != set.negated) << i;
  }
}

ClassBits Splitter::classify(char32_t code_point) const {
  const auto c = static_cast<UChar32>(code_point);
  const int category = u_charType(c);
  const bool white_space = u_isUWhiteSpace(c);
  ClassBits bits = 0;
  for (size_t i = 0; i < sets_.size(); ++i) {
    bits |= static_cast<ClassBits>(sets_[i].holds(code_point, category, white_space)) << i;
  }
  return bits;
}

void Splitter::decode(std::string_view text, std::vector<ClassBits>& bits, std::vector<uint32_t>& offsets) const {
  bits.reserve(text.size());
  offsets.reserve(text.size() + 1);
  for (size_t at = 0; at < text.size();) {
    offsets.push_back(static_cast<uint32_t>(at));
    const auto byte = static_cast<uint8_t>(text[at]);
    if (byte < 0x80) {
      bits.push_back(basic_plane_[byte]);
      ++at;
      continue;
    }
    const char32_t c = decode_utf8(text, at);
    bits.push_back(c < basic_plane_.size() ? basic_plane_[c] : classify(c));
  }
  offsets.push_back(static_cast<uint32_t>(text.size()));
}

// Where the alternative's elements from `element` on end if they match at `at`.
size_t Splitter::match(const Alternative& alternative, size_t element, std::span<const ClassBits> text, size_t at) const {
  if (element == alternative.size()) return at;
  const Element& here = alternative[element];
  switch (here.kind) {
    case Kind::kNotBeforeNonSpace:
      return at < text.size() && (text[at] & space_bit_) == 0 ? kNoMatch : match(alternative, element + 1, text, at);
    case Kind::kEnd:
      return at < text.size() ? kNoMatch : match(alternative, element + 1, text, at);
    case Kind::kLiterals:
      for (const std::vector<ClassBits>& literal : here.literals) {
        if (literal.size() > text.size() - at) continue;
        size_t same = 0;
        while (same < literal.size() && (text[at + same] & literal[same]) != 0) ++same;
        if (same < literal.size()) continue;
        const size_t end = match(alternative, element + 1, text, at + same);
        if (end != kNoMatch) return end;
      }
      return here.least == 0 ? match(alternative, element + 1, text, at) : kNoMatch;
    case Kind::kClass: break;
  }
  const size_t room = text.size() - at;
  const size_t most = std::min<size_t>(here.most, room);
  size_t count = 0;
  while (count < most && (text[at + count] & here.bit) != 0) ++count;
  if (count < here.least) return kNoMatch;
  if (element + 1 == alternative.size()) return at + count;
  for (;; --count) {
    const size_t end = match(alternative, element + 1, text, at + count);
    if (end != kNoMatch) return end;
    if (count == here.least) return kNoMatch;
  }
}

void Splitter::cut(const Pattern& pattern, std::span<const ClassBits> text, size_t base, std::vector<uint32_t>& ends) const {
  // "X+$" can only match inside the last run of X: looked up once, or a text of many inner runs would take
  // quadratic time.
  size_t tail = 0;
  for (const Alternative& alternative : pattern) {
    if (alternative.size() == 2 && alternative[1].kind == Kind::kEnd && alternative[0].kind == Kind::kClass) {
      tail = text.size();
      while (tail > 0 && (text[tail - 1] & alternative[0].bit) != 0) --tail;
    }
  }
  size_t start = 0;  // of what no match covers yet
  for (size_t at = 0; at < text.size();) {
    size_t end = kNoMatch;
    for (size_t i = 0; i < pattern.size() && end == kNoMatch; ++i) {
      if (at < tail && pattern[i].back().kind == Kind::kEnd) continue;
      end = match(pattern[i], 0, text, at);
      if (end == at) end = kNoMatch;
    }
    if (end == kNoMatch) {
      ++at;
      continue;
    }
    if (start < at) ends.push_back(static_cast<uint32_t>(base + at));
    ends.push_back(static_cast<uint32_t>(base + end));
    start = at = end;
  }
  if (start < text.size()) ends.push_back(static_cast<uint32_t>(base + text.size()));
}

void Splitter::split(std::string_view text, std::vector<uint32_t>& ends) const {
  SILLOK_CHECK(text.size() < UINT32_MAX);
  std::vector<ClassBits> bits;
  std::vector<uint32_t> offsets;
  decode(text, bits, offsets);
  ends.clear();
  if (bits.empty()) return;
  ends.push_back(static_cast<uint32_t>(bits.size()));
  std::vector<uint32_t> finer;
  for (const Pattern& pattern : patterns_) {
    finer.clear();
    uint32_t start = 0;
    for (const uint32_t end : ends) {
      cut(pattern, std::span(bits).subspan(start, end - start), start, finer);
      start = end;
    }
    ends.swap(finer);
  }
  for (uint32_t& end : ends) end = offsets[end];
}

}  // namespace sillok::model
