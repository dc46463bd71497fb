// References by document number: "WS-102 4.2항 참조", "QM-2024-031", "총무과-123", "행정안전부고시 제2024-31호".
#include <algorithm>
#include <unordered_set>

#include "archive/references.h"

namespace sillok::archive {
namespace {

using documents::Block;
using documents::BlockKind;

constexpr size_t kMaxNumberBytes = 40;    // longer runs are keys and hashes
constexpr size_t kMaxSegments = 4;        // "QM-2024-03-1"
constexpr size_t kCueDistance = 40;       // bytes between a number and the words that say what it is for

bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_alnum(char c) { return is_digit(c) || is_upper(c) || (c >= 'a' && c <= 'z'); }

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view w) { return text.starts_with(w); });
}
bool ends_with_any(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view w) { return text.ends_with(w); });
}

bool hangul_before(std::string_view text, size_t at) {
  if (at < 3) return false;
  size_t i = at - 3;
  const char32_t c = decode_utf8(text, i);
  return i == at && c >= 0xAC00 && c <= 0xD7A3;
}

struct Number {
  size_t begin = 0, end = 0;
};

// The number around the hyphen at `dash`: letters or Hangul before it, a digit somewhere behind it.
bool read_number(std::string_view text, size_t dash, Number& out) {
  size_t begin = dash;
  while (begin > 0 && is_alnum(text[begin - 1])) --begin;
  const bool latin = begin < dash;
  if (latin && !is_upper(text[begin])) return false;
  if (!latin) {
    while (hangul_before(text, begin)) begin -= 3;
    if (dash - begin < 6) return false;  // two syllables at least
  } else if (hangul_before(text, begin)) {
    // "기준WS-102": the Latin part is the number.
  }
  if (begin > 0 && latin && (static_cast<uint8_t>(text[begin - 1]) < 0x80) &&
      std::string_view("-_/.@#\\").find(text[begin - 1]) != std::string_view::npos) {
    return false;  // part of an address, a path, or a longer number
  }
  size_t end = dash, segments = 0;
  bool digits = false;
  while (end < text.size() && text[end] == '-' && segments < kMaxSegments) {
    size_t i = end + 1;
    while (i < text.size() && (is_digit(text[i]) || is_upper(text[i]))) digits |= is_digit(text[i++]);
    if (i == end + 1) break;
    end = i;
    ++segments;
  }
  if (!digits || end - begin > kMaxNumberBytes) return false;
  if (!latin && text.substr(dash + 1, end - dash - 1).find_first_not_of("0123456789-") != std::string_view::npos) {
    return false;
  }
  if (end < text.size() && (is_alnum(text[end]) || text[end] == '-' || text[end] == '_' || text[end] == '@')) return false;
  // "WS-102.pdf" is a file's name, "WS-102." ends a sentence.
  if (end + 1 < text.size() && text[end] == '.' && is_alnum(text[end + 1])) return false;
  out = {begin, end};
  return true;
}

// "4.2", "4.2항", "제3조", "section 4.1", "§ 4" behind a number; sets end behind it.
std::string read_section(std::string_view text, size_t& end) {
  size_t at = end;
  if (text.substr(at).starts_with("의")) at += 3;
  if (at < text.size() && text[at] == ',') ++at;
  while (at < text.size() && text[at] == ' ') ++at;
  ArticleWords article;
  if (read_article(text, at, article)) {
    end = article.end;
    return article.label;
  }
  bool named = false;
  for (const std::string_view word : {"section ", "Section ", "clause ", "Clause ", "sec. ", "§ ", "§"}) {
    if (text.substr(at).starts_with(word)) {
      at += word.size();
      named = true;
      break;
    }
  }
  const size_t begin = at;
  size_t dots = 0;
  while (at < text.size() && (is_digit(text[at]) || (text[at] == '.' && at + 1 < text.size() && is_digit(text[at + 1])))) {
    dots += text[at++] == '.';
  }
  if (at == begin || at - begin > 16 || dots > 4) return "";
  size_t unit = at < text.size() && text[at] == ' ' ? at + 1 : at;
  const bool korean = starts_with_any(text.substr(std::min(unit, text.size())), {"항", "절", "장"});
  // "WS-102 3개": a count. "WS-102 4.2": a section only if nothing else is glued to it.
  if (!named && !korean && (dots == 0 || at != unit || (at < text.size() && is_alnum(text[at])))) {
    if (dots == 0) return "";
    if (at < text.size() && (is_alnum(text[at]) || text[at] == '-' || text[at] == '%')) return "";
    static constexpr std::string_view kMeasures[] = {"mm", "MPa", "kg", "°", "℃", "kW", "V", "A"};
    for (const std::string_view measure : kMeasures) {
      if (text.substr(std::min(unit, text.size())).starts_with(measure)) return "";
    }
  }
  std::string label(text.substr(begin, at - begin));
  end = korean ? unit + 3 : at;
  return label;
}

size_t skip_revision(std::string_view text, size_t end) {
  size_t at = end < text.size() && text[end] == ' ' ? end + 1 : end;
  for (const std::string_view word : {"Rev.", "Rev ", "rev.", "R"}) {
    if (!text.substr(at).starts_with(word)) continue;
    size_t i = at + word.size();
    if (i < text.size() && text[i] == ' ') ++i;
    const size_t digits = i;
    while (i < text.size() && is_alnum(text[i]) && i - digits < 3) ++i;
    if (i > digits) return i;
  }
  return end;
}

enum class Cue { kNone, kReference, kSupersedes };

// Up to the end of the sentence or of the reach of a cue.
std::string_view reach(std::string_view text, size_t end) {
  size_t size = std::min(kCueDistance, text.size() - end);
  while (size < text.size() - end && (static_cast<uint8_t>(text[end + size]) & 0xC0) == 0x80) ++size;
  std::string_view after = text.substr(end, size);
  return after.substr(0, after.find_first_of(".\n;"));
}

Cue supersession(std::string_view before, std::string_view after, size_t& taken_after, size_t& taken_before) {
  for (const std::string_view word : {"supersedes ", "Supersedes ", "supersedes: ", "Supersedes: ", "replaces ", "Replaces ", "Replaces: ",
                                      "대체 문서: ", "대체문서: ", "폐지 문서: ", "폐지문서: ", "대체: "}) {
    if (before.ends_with(word)) {
      taken_before = word.size();
      return Cue::kSupersedes;
    }
  }
  const std::string_view rest = trim(after);
  if (starts_with_any(rest, {"을 ", "를 ", "은 ", "는 ", "폐지"})) {
    const bool object = starts_with_any(rest, {"을 ", "를 "});
    const size_t replaced = object ? after.find("대체") : std::string_view::npos;
    const size_t repealed = after.find("폐지");
    const size_t verb = std::min(replaced, repealed);
    // "WS-101을 WS-105로 대체": someone else does it. "폐지하지", "폐지 여부" is no repeal.
    if (verb != std::string_view::npos && after.substr(0, verb).find('-') == std::string_view::npos &&
        !starts_with_any(after.substr(verb + 6), {"하지", "되지", " 여부", "할 ", "하려"})) {
      taken_after = verb + 6;
      return Cue::kSupersedes;
    }
  }
  return Cue::kNone;
}

Cue cue(std::string_view text, const Number& number, size_t end, size_t& words_begin, size_t& words_end) {
  const std::string_view before = text.substr(0, number.begin);
  const std::string_view after = reach(text, end);
  size_t taken_after = 0, taken_before = 0;
  if (supersession(before, after, taken_after, taken_before) == Cue::kSupersedes) {
    words_begin = number.begin - taken_before;
    words_end = end + taken_after;
    return Cue::kSupersedes;
  }
  for (const std::string_view word : {"see ", "See ", "see also ", "See also ", "refer to ", "Refer to ", "per ", "according to ",
                                      "According to ", "in accordance with ", "superseded by ", "replaced by ", "참조: ",
                                      "참고: ", "관련 문서: ", "관련문서: ", "관련: ", "근거: "}) {
    if (!before.ends_with(word)) continue;
    words_begin = number.begin - word.size();
    return Cue::kReference;
  }
  for (const std::string_view word : {"참조", "참고", "에 따라", "에 따른", "에 따르", "에 의하여", "에 의한", "에서 정한", "에서 정하는", "에 정한",
                                      "의 규정", "을 준용", "를 준용", "을 개정", "를 개정", "호와 관련"}) {
    const size_t at = after.find(word);
    // The words must follow the number itself: only particles and a bracket may stand between.
    if (at == std::string_view::npos || at > 7) continue;
    words_end = end + at + word.size();
    return Cue::kReference;
  }
  return Cue::kNone;
}

class NumberScanner {
 public:
  NumberScanner(std::string_view own, std::vector<Reference>& out) : own_key_(name_key(own)), out_(out) {}

  void scan(std::string_view text, uint32_t block, const std::string& place) {
    for (size_t dash = text.find('-'); dash != std::string_view::npos && out_.size() < kMaxReferences;) {
      Number number;
      size_t next = dash + 1;
      if (read_number(text, dash, number)) {
        add(text, number, block, place);
        next = std::max(next, number.end);
      } else if (read_notice(text, dash, number)) {
        add(text, number, block, place);
        next = std::max(next, number.end);
      }
      dash = text.find('-', next);
    }
  }

 private:
  // "행정안전부고시 제2024-31호", with the word before it.
  static bool read_notice(std::string_view text, size_t dash, Number& out) {
    size_t begin = dash;
    while (begin > 0 && is_digit(text[begin - 1])) --begin;
    if (dash - begin != 4 || !text.substr(0, begin).ends_with("제")) return false;
    begin -= 3;
    size_t end = dash + 1;
    while (end < text.size() && is_digit(text[end])) ++end;
    if (end == dash + 1 || !text.substr(end).starts_with("호")) return false;
    size_t word = begin > 0 && text[begin - 1] == ' ' ? begin - 1 : begin;
    const size_t word_end = word;
    while (hangul_before(text, word)) word -= 3;
    if (word == word_end || !ends_with_any(text.substr(0, word_end), {"고시", "훈령", "예규", "공고", "지침"})) return false;
    out = {word, end + 3};
    return out.end - out.begin <= 2 * kMaxNumberBytes;
  }

  void add(std::string_view text, const Number& number, uint32_t block, const std::string& place) {
    Reference reference;
    reference.to = Reference::To::kNamed;
    reference.block = block;
    reference.name = std::string(text.substr(number.begin, number.end - number.begin));
    size_t end = skip_revision(text, number.end);
    reference.section = read_section(text, end);
    if (reference.section.empty() && name_key(reference.name) == own_key_) return;
    size_t words_begin = number.begin, words_end = end;
    const Cue found = cue(text, number, end, words_begin, words_end);
    reference.certain = found != Cue::kNone;
    if (found == Cue::kSupersedes) reference.kind = LinkKind::kSupersedes;
    reference.target = std::string(text.substr(number.begin, end - number.begin));
    reference.words = std::string(text.substr(words_begin, words_end - words_begin));
    // A part number in every row of a table is one link, not a thousand.
    if (!reference.certain && !seen_.insert(place + "\n" + reference.target).second) return;
    out_.push_back(std::move(reference));
  }

  const std::string own_key_;
  std::vector<Reference>& out_;
  std::unordered_set<std::string> seen_;
};

}  // namespace

void find_number_references(const documents::Document& document, std::string_view number,
                            std::vector<Reference>& out) {
  NumberScanner scanner(number, out);
  for (size_t i = 0; i < document.blocks.size(); ++i) {
    const Block& block = document.blocks[i];
    if (block.kind == BlockKind::kHeader || block.kind == BlockKind::kFooter) continue;
    const std::string place = block.anchor.sheet + "\n" + block.anchor.path;
    for_each_text(block, [&](std::string_view text) { scanner.scan(text, static_cast<uint32_t>(i), place); });
  }
}

}  // namespace sillok::archive
