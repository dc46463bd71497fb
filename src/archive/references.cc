// References to articles of statutes and regulations, in one pass over each text.
//
// A reference belongs to the law named before it ("「형법」 제10조", "법 제3조", "같은 법 제5조"), or to that of the
// reference it is joined to ("「형법」 제127조 및 제129조부터 제132조까지"), or else to the document itself; in a supplement
// (부칙) that amends another law, to the law being amended.
#include "archive/references.h"

#include <algorithm>
#include <array>

namespace sillok::archive {
namespace {

using documents::Block;
using documents::BlockKind;

constexpr size_t kMaxLawName = 240;      // bytes; the longest title of a Korean statute has about 200
constexpr size_t kMaxWords = 200;        // bytes of proof kept; a longer chain shows its last part only
constexpr size_t kMaxDepth = 8;          // nested brackets told apart
constexpr size_t kMaxNameWords = 6;      // words before "제3조" that may belong to a law's unbracketed title

bool is_space(char c) { return c == ' ' || c == '\n'; }

size_t after_space(std::string_view text, size_t at) {
  return at < text.size() && text[at] == ' ' ? at + 1 : at;
}

// The longest of the words that text has at `at`, as a size; 0 if none.
size_t match(std::string_view text, size_t at, std::initializer_list<std::string_view> words) {
  const std::string_view rest = text.substr(std::min(at, text.size()));
  size_t best = 0;
  for (const std::string_view word : words) {
    if (word.size() > best && rest.starts_with(word)) best = word.size();
  }
  return best;
}

bool hangul_at(std::string_view text, size_t at) {
  if (at >= text.size()) return false;
  const char32_t c = decode_utf8(text, at);
  return c >= 0xAC00 && c <= 0xD7A3;
}
bool hangul_before(std::string_view text, size_t at) { return at >= 3 && hangul_at(text, at - 3); }

// End of "제2항", "제3호의2", "第2項" or "가목" at `at`; `at` itself if there is none.
size_t read_unit(std::string_view text, size_t at) {
  size_t i = at + match(text, at, {"제", "第"});
  if (i > at) {
    i = after_space(text, i);
    const size_t digits = i;
    while (i < text.size() && is_digit(text[i])) ++i;
    if (i == digits) return at;
    i = after_space(text, i);
    const size_t unit = match(text, i, {"항", "호", "목", "項", "號", "장", "절", "관", "편"});
    if (unit == 0) return at;
    i += unit;
    const size_t branch = i + match(text, i, {"의"});
    size_t end = branch;
    while (branch > i && end < text.size() && is_digit(text[end])) ++end;
    return end > branch ? end : i;
  }
  if (hangul_at(text, at) && text.substr(std::min(at + 3, text.size())).starts_with("목")) return at + 6;
  return at;
}

// End of the paragraphs and items that follow an article: "제1항제2호가목", " 제2항".
size_t read_units(std::string_view text, size_t at) {
  for (;;) {
    const size_t end = read_unit(text, at);
    const size_t spaced = end > at ? end : read_unit(text, after_space(text, at));
    const bool item = hangul_at(text, after_space(text, at)) && match(text, after_space(text, at), {"제"}) == 0;
    if (spaced <= after_space(text, at)) return at;
    if (item && end == at) return at;  // "제3조 가목" with a space is prose as often as not
    at = spaced;
  }
}

// End of what may stand between two references of one enumeration; `at` itself if something else stands there.
size_t read_joint(std::string_view text, size_t at) {
  const size_t word = match(text, at, {" ", ",", "ㆍ", "·", "・", "‧", "및", "또는", "내지", "부터", "까지", "와 ", "과 ", "이나 ",
                                       "나 ", "본문", "단서", "전단", "후단", "각 호", "각호", "각 목", "외의 부분", "부분"});
  return word > 0 ? at + word : read_unit(text, at);
}

bool one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Words that end like a law's name and are none.
bool no_law(std::string_view word) {
  for (const std::string_view end : {"방법", "불법", "위법", "적법", "기법", "용법", "편법", "합법", "해법", "문법", "개정규정", "대통령령",
                                     "법령", "총리령", "부령"}) {
    if (word.ends_with(end)) return true;
  }
  return false;
}

bool law_like(std::string_view word) {
  if (no_law(word)) return false;
  for (const std::string_view end : {"법", "법률", "시행령", "시행규칙", "규칙", "규정", "조례", "지침", "훈령", "예규", "고시", "내규", "세칙",
                                     "정관", "요령", "직제"}) {
    if (word.size() > end.size() && word.ends_with(end)) return true;
  }
  return one_of(word, {"법률", "시행령", "시행규칙"});
}

std::string without_suffix(std::string_view title, std::initializer_list<std::string_view> suffixes) {
  for (const std::string_view suffix : suffixes) {
    if (title.ends_with(suffix)) return std::string(trim(title.substr(0, title.size() - suffix.size())));
  }
  return std::string(title);
}

// Whose article it is.
struct Owner {
  Reference::To to = Reference::To::kOwn;
  std::string name;         // kNamed
  bool tail = false;        // the name may begin too early
  bool supplement = false;  // an article of a supplement
  bool earlier = false;     // of an earlier wording ("종전의 제5조")
};

struct Chain {
  bool joined = false;  // nothing but joints since the last reference
  Owner owner;
  size_t begin = 0;     // of the words that name the owner
  bool named = false;   // there are such words
  std::string from;     // label before "부터" or "내지"
  size_t from_begin = 0;
};

class LawScanner {
 public:
  LawScanner(const documents::Document& document, const Outline& outline, std::string_view title,
             std::vector<Reference>& out)
      : document_(document), outline_(outline), title_(title), own_key_(name_key(title)), out_(out) {}

  void run() {
    for (size_t i = 0; i < document_.blocks.size() && out_.size() < kMaxReferences; ++i) {
      const Block& block = document_.blocks[i];
      if (block.kind == BlockKind::kHeader || block.kind == BlockKind::kFooter) continue;
      block_ = static_cast<uint32_t>(i);
      group_ = outline_.group(i);
      const size_t own = own_heading_size(block);
      if (enter(block, own)) continue;
      for_each_text(block, [&](std::string_view text) { scan(text, own); });
    }
  }

 private:
  bool enter(const Block& block, size_t own_heading);
  void scan(std::string_view text, size_t begin);
  size_t step(std::string_view text, size_t at);
  size_t on_article(std::string_view text, size_t at);
  size_t on_same_article(std::string_view text, size_t at);
  size_t on_annex(std::string_view text, size_t at);
  size_t on_law_name(std::string_view text, size_t at);
  void read_alias(std::string_view text, size_t at, const std::string& name);
  Chain& owner_of(std::string_view text, size_t at);
  Owner look_back(std::string_view text, size_t at, size_t& begin);
  bool look_back_word(std::string_view text, size_t& begin, Owner& owner);
  bool short_name(std::string_view word, std::string_view before, Owner& owner);
  Owner default_owner() const;
  Owner named(std::string name, bool tail = false) const;
  void emit(std::string_view text, const Owner& owner, std::string label, size_t words, size_t target, size_t end);
  void emit_between(std::string_view text, Chain& chain, const std::string& last, size_t end);
  bool quotes_old_wording(std::string_view text, size_t at) const;

  const documents::Document& document_;
  const Outline& outline_;
  const std::string title_;
  const std::string own_key_;
  std::vector<Reference>& out_;
  std::unordered_map<std::string, std::string> aliases_;  // "법" to "근로기준법"
  std::string amended_;        // in a supplement: the law being amended here
  bool amending_ = false;      // in a supplement's article on amending other laws
  Owner last_law_{Reference::To::kUnknown, "", false, false, false};
  Owner last_owner_;
  std::string last_article_;   // "" = none yet in this article
  uint32_t block_ = 0, group_ = 0, last_group_ = 0;
  std::array<Chain, kMaxDepth + 1> chains_;
  size_t depth_ = 0;
};

// Keeps track of what the block is part of. True if it holds nothing but its own number.
bool LawScanner::enter(const Block& block, size_t own_heading) {
  const std::string_view text = block.text;
  if (group_ != last_group_ || own_heading > 0) {
    last_law_ = {Reference::To::kUnknown, "", false, false, false};
    last_article_.clear();
    amended_.clear();
    amending_ = false;
    last_group_ = group_;
  }
  if (group_ == 0) return false;
  if (own_heading > 0) {
    amending_ = text.find("다른 법") != std::string_view::npos && text.find("개정") != std::string_view::npos;
  }
  const size_t opens = text.find("다음과 같이 개정한다");
  if (opens != std::string_view::npos) {
    std::string_view law = text.substr(0, opens);
    const size_t title_end = law.rfind("개정) ");
    if (own_heading > 0 && title_end != std::string_view::npos) law = law.substr(title_end + std::string_view("개정) ").size());
    for (const std::string_view cut : {"일부를", "중 일부", "중일부"}) {
      const size_t end = law.find(cut);
      if (end != std::string_view::npos) law = trim(law.substr(0, end));
    }
    if (law.ends_with("중")) law = trim(law.substr(0, law.size() - 3));
    // The item's own number: "①", "<43>", "2.", "가."
    while (!law.empty() && !hangul_at(law, 0) && !law.starts_with("「")) {
      size_t i = 0;
      decode_utf8(law, i);
      law = law.substr(i);
    }
    if (law.starts_with("「")) law = law.substr(3, law.find("」") == std::string_view::npos ? law.size() : law.find("」") - 3);
    // "법률 제123호 전자정부법 일부를 ..." amends an amendment; "제3조를 다음과 같이 개정한다" names no law.
    if (!law.empty() && law.size() < kMaxLawName && law_like(law)) amended_ = std::string(law);
  }
  // "제2조부터 제5조까지 생략": the numbers of the supplement's own articles, left out.
  return text.starts_with("제") && trim(text).ends_with("생략");
}

void LawScanner::scan(std::string_view text, size_t begin) {
  depth_ = 0;
  chains_[0] = Chain();
  for (size_t at = begin; at < text.size() && out_.size() < kMaxReferences;) {
    const auto c = static_cast<uint8_t>(text[at]);
    if (c >= 0x80) {
      at = step(text, at);
      continue;
    }
    if (c == '(') {
      if (depth_ < kMaxDepth) chains_[depth_ + 1] = chains_[depth_];
      depth_ = std::min(depth_ + 1, kMaxDepth);
    } else if (c == ')') {
      if (depth_ > 0) --depth_;
    } else if (c != ' ' && c != ',') {
      chains_[depth_].joined = false;
    }
    ++at;
  }
}

// Reads what stands at a non-ASCII character and returns where it ends.
size_t LawScanner::step(std::string_view text, size_t at) {
  size_t next = at;
  const char32_t c = decode_utf8(text, next);
  size_t end = at;
  switch (c) {
    case U'제':
    case U'第': end = on_article(text, at); break;
    case U'같':
    case U'동': end = on_same_article(text, at); break;
    case U'별': end = on_annex(text, at); break;
    case U'「':
    case U'『': end = on_law_name(text, at); break;
    default: break;
  }
  if (end > at) return end;
  Chain& chain = chains_[depth_];
  if (!chain.joined) return next;
  end = read_joint(text, at);
  if (end > at) {
    if (c == U'제') chain.from.clear();  // "제3조제1항부터 제3항까지" is no range of articles
    return end;
  }
  chain.joined = false;
  return next;
}

size_t LawScanner::on_article(std::string_view text, size_t at) {
  ArticleWords article;
  if (!read_article(text, at, article)) return at;
  const size_t end = read_units(text, article.end);
  Chain& chain = owner_of(text, at);
  const size_t until = end + match(text, end, {"까지"});
  if (!chain.from.empty()) emit_between(text, chain, article.label, until);
  emit(text, chain.owner, article.label, chain.named ? chain.begin : at, at, end);
  last_owner_ = chain.owner;
  last_article_ = article.label;
  chain.from.clear();
  if (match(text, after_space(text, end), {"부터", "내지"}) > 0) {
    chain.from = article.label;
    chain.from_begin = at;
  }
  return end;
}

// "같은 조 제2항", "동조제2항", "같은 조에": not "같은 조건", "같은 조치".
size_t LawScanner::on_same_article(std::string_view text, size_t at) {
  const size_t words = match(text, at, {"같은 조", "같은조", "동조", "동 조"});
  if (words == 0 || last_article_.empty()) return at;
  if (text[at] == '\xEB' && hangul_before(text, at) && text.substr(at).starts_with("동")) return at;
  const size_t after = at + words;
  const size_t end = read_units(text, after);
  if (end == after && hangul_at(text, after) &&
      match(text, after, {"에 ", "에서 ", "의 ", "를 ", "와 ", "및 ", "에도 "}) == 0) {
    return at;
  }
  emit(text, last_owner_, last_article_, at, at, end);
  Chain& chain = chains_[depth_];
  chain = Chain{true, last_owner_, at, false, "", 0};
  return end;
}

// "별표 2", "별표 1의2", "별지 제3호의2서식", "별표에 따른".
size_t LawScanner::on_annex(std::string_view text, size_t at) {
  if (match(text, at, {"별표", "별지"}) == 0 || hangul_before(text, at)) return at;
  const bool form = text.substr(at).starts_with("별지");
  size_t i = after_space(text, at + 6);
  i += match(text, i, {"제"});
  size_t digits = i;
  while (digits < text.size() && is_digit(text[digits])) ++digits;
  if (digits == i && (form || match(text, at + 6, {"에", "의 ", "와 ", "과 ", "를 ", "로 ", "은 ", " "}) == 0)) return at;
  std::string label = (form ? "별지" : "별표") + std::string(text.substr(i, digits - i));
  size_t end = digits == i ? at + 6 : digits;
  end += match(text, end, {"호"});
  const size_t branch = end + match(text, end, {"의"});
  size_t branch_end = branch;
  while (branch > end && branch_end < text.size() && is_digit(text[branch_end])) ++branch_end;
  if (branch_end > branch) {
    label += "의" + std::string(text.substr(branch, branch_end - branch));
    end = branch_end;
  }
  end += match(text, end, {"서식"});
  // "[별표 2]" at the very front is the annex's own heading.
  if (at <= 1 && document_.blocks[block_].kind == BlockKind::kHeading) return end;
  Chain& chain = owner_of(text, at);
  emit(text, chain.owner, std::move(label), chain.named ? chain.begin : at, at, end);
  chain.from.clear();
  return end;
}

size_t LawScanner::on_law_name(std::string_view text, size_t at) {
  const size_t open = at + std::string_view("「").size();
  const size_t close = text.substr(open, kMaxLawName).find(text.substr(at).starts_with("「") ? "」" : "』");
  if (close == std::string_view::npos) return at;
  const std::string name(trim(text.substr(open, close)));
  const size_t end = open + close + std::string_view("」").size();
  chains_[depth_].joined = false;
  if (name.empty()) return end;
  last_law_ = named(name);
  if (!amending_) read_alias(text, end, name);
  // With an article behind it, the article's own link says it all; alone, it is a link to the whole.
  ArticleWords article;
  size_t next = after_space(text, end);
  if (next < text.size() && text[next] == '(') {  // "「형법」(이하 "법"이라 한다) 제3조"
    const size_t note = text.substr(next, kMaxLawName).find(')');
    if (note != std::string_view::npos) next = after_space(text, next + note + 1);
  }
  if (!read_article(text, next, article) && last_law_.to == Reference::To::kNamed) {
    emit(text, last_law_, "", at, at, end);
    out_.back().certain = false;  // 「」 holds names of forms and programmes, too
  }
  return end;
}

// "「근로기준법」(이하 "법"이라 한다)": the first such definition stands.
void LawScanner::read_alias(std::string_view text, size_t at, const std::string& name) {
  at = after_space(text, at);
  if (at >= text.size() || text[at] != '(') return;
  const std::string_view note = text.substr(at, 120);
  if (!note.substr(1).starts_with("이하")) return;
  for (const auto& [open, close] : {std::pair<std::string_view, std::string_view>{"\"", "\""}, {"“", "”"}, {"'", "'"}, {"‘", "’"}}) {
    const size_t begin = note.find(open);
    if (begin == std::string_view::npos) continue;
    const size_t end = note.find(close, begin + open.size());
    if (end == std::string_view::npos) return;
    aliases_.emplace(note.substr(begin + open.size(), end - begin - open.size()), name);
    return;
  }
}

// The chain that the reference at `at` continues or begins.
Chain& LawScanner::owner_of(std::string_view text, size_t at) {
  Chain& chain = chains_[depth_];
  if (chain.joined) return chain;
  size_t begin = at;
  chain = Chain{true, look_back(text, at, begin), at, false, "", 0};
  chain.begin = begin;
  chain.named = begin < at;
  if (quotes_old_wording(text, at)) chain.owner.earlier = true;
  return chain;
}

Owner LawScanner::default_owner() const {
  if (group_ > 0) {
    if (!amended_.empty()) return named(amended_);
    if (amending_) return {Reference::To::kUnknown, "", false, false, false};
    if (!outline_.group_law(group_).empty()) return named(outline_.group_law(group_));
  }
  if (!outline_.has_articles() && last_law_.to == Reference::To::kUnknown) {
    return {Reference::To::kUnknown, "", false, false, false};
  }
  return {};
}

Owner LawScanner::named(std::string name, bool tail) const {
  if (!own_key_.empty() && name_key(name) == own_key_) return {};
  return {Reference::To::kNamed, std::move(name), tail, false, false};
}

Owner LawScanner::look_back(std::string_view text, size_t at, size_t& begin) {
  size_t i = at;
  for (int brackets = 0; brackets < 3; ++brackets) {
    while (i > 0 && is_space(text[i - 1])) --i;
    if (i == 0 || text[i - 1] != ')') break;
    int depth = 0;  // "「형법」(이하 "법"이라 한다) 제3조": the note is not the name
    size_t open = i;
    while (open > 0) {
      --open;
      if (text[open] == ')') ++depth;
      if (text[open] == '(' && --depth == 0) break;
    }
    i = open;
  }
  const std::string_view before = text.substr(0, i);
  for (const auto& [open, close] : {std::pair<std::string_view, std::string_view>{"「", "」"}, {"『", "』"}}) {
    if (!before.ends_with(close)) continue;
    const size_t from = before.rfind(open);
    if (from == std::string_view::npos || i - from > kMaxLawName) break;
    begin = from;
    last_law_ = named(std::string(trim(before.substr(from + open.size(), i - from - open.size() - close.size()))));
    return last_law_;
  }
  if (i < at && text[i] == '(') return default_owner();
  size_t word_begin = i;
  Owner owner;
  if (look_back_word(before, word_begin, owner)) {
    begin = word_begin;
    return owner;
  }
  return default_owner();
}

size_t word_start(std::string_view text, size_t end) {
  size_t i = end;
  while (i > 0) {
    size_t previous = i - 1;
    while (previous > 0 && (static_cast<uint8_t>(text[previous]) & 0xC0) == 0x80) --previous;
    const std::string_view character = text.substr(previous, i - previous);
    const bool letter = hangul_at(text, previous) || one_of(character, {"ㆍ", "·", "・"}) ||
                        (static_cast<uint8_t>(text[previous]) < 0x80 && isalnum(static_cast<uint8_t>(text[previous])));
    if (!letter) break;
    i = previous;
  }
  return i;
}

// Whether the words before text's end name a law; sets begin to where they start.
bool LawScanner::look_back_word(std::string_view text, size_t& begin, Owner& owner) {
  size_t start = word_start(text, text.size());
  std::string_view word = text.substr(start);
  for (const std::string_view particle : {"의", "상"}) {
    const std::string_view stem = word.substr(0, word.size() - std::min(word.size(), particle.size()));
    if (word.ends_with(particle) && (law_like(stem) || one_of(stem, {"법", "영"}))) word = stem;
  }
  if (word.empty()) return false;
  size_t previous_end = start;
  while (previous_end > 0 && text[previous_end - 1] == ' ') --previous_end;
  const bool adjacent = previous_end < start;
  const size_t previous_start = adjacent ? word_start(text, previous_end) : start;
  const std::string_view previous = text.substr(previous_start, previous_end - previous_start);
  begin = start;
  if (short_name(word, previous, owner)) {
    if (one_of(previous, {"이", "같은", "본", "동", "당해", "종전의", "종전", "법", "구"})) begin = previous_start;
    for (const std::string_view first : {"같은 ", "이 "}) {  // "같은 법 시행령"
      if (previous == "법" && text.substr(0, begin).ends_with(first)) begin -= first.size();
    }
    return true;
  }
  if (const auto alias = aliases_.find(std::string(word)); alias != aliases_.end()) {
    owner = last_law_ = named(alias->second);
    return true;
  }
  if (!law_like(word)) return false;
  // The title's own beginning is unknown: up to six words that no punctuation interrupts.
  size_t from = start;
  for (size_t words = 1; words < kMaxNameWords; ++words) {
    size_t gap = from;
    while (gap > 0 && text[gap - 1] == ' ') --gap;
    if (gap == from || gap == 0) break;
    const size_t earlier = word_start(text, gap);
    if (earlier == gap) break;
    from = earlier;
  }
  std::string_view name = text.substr(from, start + word.size() - from);
  if (one_of(word, {"법률", "시행령", "시행규칙"})) begin = from;  // the last word alone proves nothing
  owner = named(std::string(name), from != start);
  // A title that ends the span is the document's own: "종전 근로기준법 제5조".
  if (!own_key_.empty() && owner.to == Reference::To::kNamed && name_key(name).ends_with(own_key_)) owner = Owner();
  last_law_ = owner;
  return true;
}

// "법", "이 법", "같은 법 시행령", "영", "부칙", "종전의".
bool LawScanner::short_name(std::string_view word, std::string_view before, Owner& owner) {
  const bool generic = one_of(word, {"법", "법률", "영", "규칙", "규정", "시행령", "시행규칙", "헌법", "조례", "지침", "훈령", "고시", "예규",
                                     "내규", "세칙", "정관", "기준", "표준", "요령"});
  if (one_of(word, {"이법", "본법", "이영"}) || (generic && one_of(before, {"이", "본"}))) {
    owner = last_law_ = Owner();
    return true;
  }
  if (one_of(word, {"같은법", "동법"}) ||
      (one_of(word, {"법", "법률", "영", "규칙", "규정", "조례", "지침"}) && one_of(before, {"같은", "동", "당해"}))) {
    owner = last_law_;
    return true;
  }
  if (one_of(word, {"종전의", "종전", "개정전의"})) {
    owner = default_owner();
    owner.earlier = true;
    return true;
  }
  if (word == "부칙") {
    owner = Owner();
    owner.supplement = true;
    // "근로기준법 부칙 제5조", "개정법률 부칙 제5조": another's supplement, or an earlier one of this law.
    if (law_like(before)) owner = {Reference::To::kNamed, std::string(before), false, true, false};
    return true;
  }
  if (one_of(word, {"시행령", "시행규칙"}) && one_of(before, {"법", "같은법", "동법"})) {
    std::string base = last_law_.to == Reference::To::kNamed ? last_law_.name : "";
    if (base.empty()) base = last_law_.to == Reference::To::kOwn ? title_ : "";
    base = without_suffix(base, {"시행규칙", "시행령"});
    owner = base.empty() ? Owner{Reference::To::kUnknown, "", false, false, false}
                         : named(base + " " + std::string(word));
    last_law_ = owner;
    return true;
  }
  if (!one_of(word, {"법", "영", "규칙", "시행령", "시행규칙"})) return false;
  // "전자문서 및 전자거래 기본법 시행령": the end of another's full title, not "the decree" of this one.
  if (one_of(word, {"시행령", "시행규칙"}) && law_like(before)) return false;
  const bool earlier = one_of(before, {"종전의", "종전", "구"});
  if (const auto alias = aliases_.find(std::string(word)); alias != aliases_.end()) {
    owner = named(alias->second);
  } else {
    const std::string base = without_suffix(title_, {"시행규칙", "시행령"});
    if (base.empty() || (base == title_ && word != "법")) return false;
    owner = word == "법" ? named(base) : named(base + (word == "영" || word == "시행령" ? " 시행령" : " 시행규칙"));
  }
  owner.earlier = earlier;
  last_law_ = owner;
  return true;
}

// In "제2조 중 "제14조"를 "제2조"로 한다" the first quotation is the wording that goes.
bool LawScanner::quotes_old_wording(std::string_view text, size_t at) const {
  if (group_ == 0 || !(amending_ || !amended_.empty())) return false;
  const size_t close = text.find('"', at);
  if (close == std::string_view::npos) return false;
  const auto quotes = std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '"');
  return quotes % 2 == 1 && match(text, close + 1, {"를 ", "을 ", "를 각각", "을 각각", "ㆍ\"", ", \""}) > 0;
}

void LawScanner::emit(std::string_view text, const Owner& owner, std::string label, size_t words, size_t target,
                      size_t end) {
  Reference reference;
  reference.block = block_;
  reference.to = owner.to;
  reference.name = owner.name;
  reference.tail = owner.tail;
  reference.earlier = owner.earlier;
  reference.section = (owner.supplement ? "부칙" : "") + label;
  const size_t from = end - words <= kMaxWords ? words : target;
  reference.words = std::string(text.substr(from, end - from));
  // The name belongs to the target where it stands right before it, not where an enumeration lies between.
  const std::string_view between = text.substr(words, target - words);
  ArticleWords article;
  bool joined = false;
  for (size_t i = between.find("제"); i != std::string_view::npos && !joined; i = between.find("제", i + 3)) {
    joined = read_article(between, i, article);
  }
  const size_t target_from = joined ? target : from;
  reference.target = std::string(text.substr(target_from, end - target_from));
  if (owner.to == Reference::To::kOwn && !owner.earlier) {
    const Outline::Section* section =
        owner.supplement ? outline_.find_supplementary(std::max(group_, 1u), label) : outline_.find(label);
    if (section == nullptr) {
      reference.to = Reference::To::kUnknown;
    } else {
      reference.anchor = section->anchor;
    }
  }
  out_.push_back(std::move(reference));
}

// "제3조부터 제6조까지" also refers to 제4조 and 제5조, where they are this document's and known.
void LawScanner::emit_between(std::string_view text, Chain& chain, const std::string& last, size_t end) {
  if (chain.owner.to != Reference::To::kOwn || chain.owner.supplement || chain.owner.earlier) return;
  for (const Outline::Section* section : outline_.between(chain.from, last)) {
    if (out_.size() >= kMaxReferences) return;
    Reference reference;
    reference.to = Reference::To::kOwn;
    reference.implied = true;
    reference.block = block_;
    reference.section = reference.target = section->label;
    reference.anchor = section->anchor;
    reference.words = std::string(text.substr(chain.from_begin, end - chain.from_begin));
    out_.push_back(std::move(reference));
  }
}

}  // namespace

void find_law_references(const documents::Document& document, const Outline& outline, std::string_view title,
                         std::vector<Reference>& out) {
  LawScanner(document, outline, title, out).run();
}

std::vector<Reference> find_references(const documents::Document& document, const Outline& outline,
                                       std::string_view title, std::string_view number) {
  std::vector<Reference> out;
  find_law_references(document, outline, title, out);
  find_number_references(document, number, out);
  std::stable_sort(out.begin(), out.end(),
                   [](const Reference& a, const Reference& b) { return a.block < b.block; });
  return out;
}

}  // namespace sillok::archive
