// The words of a unit, each with what ties it to its neighbours.
#include <algorithm>
#include <memory>
#include <unicode/ubrk.h>
#include <unordered_map>

#include "answer/span.h"
#include "text/text.h"

namespace sillok::answer {
namespace {

constexpr size_t kMaxWords = 160;  // of a unit; what follows is not looked at

struct TieWords {
  Tie tie;
  std::string_view words;
};
// Endings of Korean words, by what they tie the word to. Longer ones are tried first.
constexpr std::array<TieWords, 12> kParticles = {{
    {Tie::kTopic, "은 는 께서는"},
    {Tie::kSubject, "이 가 께서 들이"},
    {Tie::kObject, "을 를 만을 까지를"},
    {Tie::kOf, "의 에서의 와의 과의 으로의 로의 까지의 부터의 에의"},
    {Tie::kTo, "에 에게 에는 에게는 에도 에만 한테 께 에까지 에게서 엔"},
    {Tie::kIn, "에서 에서는 에서도 에서만 서"},
    {Tie::kBy, "으로 로 으로써 로써 으로서 로서 으로는 로는 으로도 로도 로부터 으로부터"},
    {Tie::kAnd, "와 과 랑 이랑 나 이나 하고 및 와는 과는 와도 과도"},
    {Tie::kAlso, "도 만 까지 부터 까지는 부터는 보다 보다는 처럼 마다 조차 마저 뿐 밖에 들 등 등을 등의 등이 만이 쯤 씩 대로 같은"},
    {Tie::kCopula, "이다 다 였다 이었다 이며 며 이고 고 인 이자 자 이었으며 였으며 였던 이었던 입니다 인데 이지만 였고 이었고 임 이어서 "
                   "여서 이므로 이니 이요 이에요 예요 일 였는데 이었는데 이지 라서 이라서 여야 이어야"},
    {Tie::kNamed, "라는 이라는 라고 이라고 란 이란 라 이라 라며 이라며 라고도 이라고도 라고는 라던 이라던 이라고만"},
    {Tie::kVerb, "한 하는 했다 하였다 하여 해 했던 하던 하며 했으며 하였으며 하기 할 된 되는 되었다 됐다 되어 되고 되며 되던 되었던 되었으며 "
                 "시킨 시켰다 했고 하였고 되었고 한다 된다 하지 했지만 하였던 하려고 하자 하게 하면서 하면 되면 돼 함 됨 합니다 됩니다 했습니다"},
}};
// Small words of languages that put them before or after instead.
constexpr std::array<TieWords, 9> kSmallWords = {{
    {Tie::kTopic, "is was are were be been ist war sind waren wurde wurden 是 为 был была было были это"},
    {Tie::kOf, "of des 的"},
    {Tie::kTo, "to zu zum zur nach 给 到 向 к ко для için"},
    {Tie::kIn, "in at on im am an auf bei 在 于 于 里 в во на при during within"},
    {Tie::kBy, "by with von vom mit durch 由 被 以 用 с со by through using via ile tarafından"},
    {Tie::kAnd, "and or und oder 和 与 及 或 以及 и или ve veya but nor"},
    {Tie::kAlso, "from until since than about over seit bis aus über 从 至 至少 约 超过 от из до с around between for as"},
    {Tie::kNamed, "called named known genannt 称为 叫 称 叫做 называется называют adlı denir denilen termed"},
    {Tie::kVerb, "has have had did does do can could would will may hat haben hatte kann 了 将 有 有着 会"},
}};
constexpr std::string_view kArticles = "the a an this that these those its his her their which who it he she they "
                                       "der die das den dem ein eine einen einem einer eines sich es er sie bir bu o "
                                       "этот эта его её их который которая которые что 一 一个 这 该 其 他 她 它 not 不 也 还 而";
constexpr std::string_view kNumberWords = "one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty hundred "
                                          "thousand million billion half zwei drei vier fünf sechs sieben acht neun zehn zwölf millionen "
                                          "два три четыре пять шесть семь восемь девять десять тысяч миллионов iki üç dört beş altı yedi "
                                          "sekiz dokuz yüz bin milyon 两 三 四 五 六 七 八 九 十 百 千 万 亿 한 두 세 네 다섯 여섯 일곱 여덟 아홉 열 수십";

// Korean words that name nothing by themselves.
constexpr std::string_view kFunctionWords =
    "이후 이전 하필 때 때문 이것 그것 저것 이 그 저 이튿날 반면 다시 한번 또한 또 및 등 약 총 그리고 그러나 하지만 그런데 따라서 이때 당시 "
    "그때 이날 그날 그해 이듬해 동안 가장 매우 아주 바로 이미 아직 역시 모두 각각 서로 함께 나란히 직접 결국 계속 처음 마지막 현재 오늘날 "
    "특히 주로 대부분 대략 거의 약간 더 덜 잘 못 안 것 수 바 데 점 중 뒤 후 전 위해 위하여 통해 통하여 대해 대하여 관해 관하여 의해 의하여 "
    "따라 따르면 인해 인하여 비해 있어 없이 이런 그런 저런 이러한 그러한 어떤 모든 여러 다른 새로운 자신 자기 그녀 그들 우리 나 너 저희 "
    "여기 거기 곳 경우 정도 이상 이하 이외 외 내 간 즉 혹은 또는 만약 비록 오히려 다만 단지 원래 본래 실제 사실 일반적 성공적 물론 "
    "이어 이어서 하여 하며 하고 한 두 된 될 할 있는 있던 없는 같은 많은 큰 작은 이렇게 그렇게 하지 않은 않고 않는 않았다 있다 없다";

using TieMap = std::unordered_map<std::u32string, Tie>;

template <size_t N>
TieMap map_of(const std::array<TieWords, N>& table) {
  TieMap map;
  for (const TieWords& row : table) {
    for (std::string_view word : split(row.words, ' ')) {
      if (!word.empty()) map.emplace(to_utf32(word), row.tie);
    }
  }
  return map;
}
std::unordered_set<std::u32string> set_of(std::string_view words) {
  std::unordered_set<std::u32string> set;
  for (std::string_view word : split(words, ' ')) set.insert(to_utf32(word));
  return set;
}

const TieMap& particles() {
  static const TieMap map = map_of(kParticles);
  return map;
}
const TieMap& small_words() {
  static const TieMap map = map_of(kSmallWords);
  return map;
}

bool is_hangul(char32_t c) { return text::script_of(c) == text::Script::kHangul; }
bool is_open_bracket(char32_t c) { return c == '(' || c == '[' || c == U'（' || c == U'［' || c == U'〔' || c == U'{'; }
bool is_close_bracket(char32_t c) { return c == ')' || c == ']' || c == U'）' || c == U'］' || c == U'〕' || c == U'}'; }
bool is_open_quote(char32_t c) { return c == U'《' || c == U'〈' || c == U'「' || c == U'『' || c == U'‘' || c == U'“' || c == U'<' || c == U'«' || c == U'„'; }
bool is_close_quote(char32_t c) { return c == U'》' || c == U'〉' || c == U'」' || c == U'』' || c == U'’' || c == U'”' || c == U'>' || c == U'»'; }
bool is_quote(char32_t c) { return c == '"' || c == '\'' || is_open_quote(c) || is_close_quote(c); }
// Belongs to a word when letters or digits stand on both sides.
bool joins(char32_t c) {
  return c == '-' || c == '.' || c == '\'' || c == U'’' || c == '&' || c == '/' || c == '~' || c == '+' || c == '@' || c == '_' ||
         c == U'·' || c == U'∼' || c == U'–' || c == U'×' || c == '#';
}
bool is_unit_sign(char32_t c) { return c == '%' || c == U'°' || c == U'℃' || c == U'％' || c == U'㎡' || c == U'㎞' || c == U'‰'; }
bool is_currency(char32_t c) { return c == '$' || c == U'€' || c == U'£' || c == U'₩' || c == U'¥'; }

struct Character {
  char32_t value;
  size_t begin;
  text::Script script;
};

std::vector<Character> characters_of(std::string_view unit) {
  std::vector<Character> all;
  for (size_t i = 0; i < unit.size();) {
    const size_t begin = i;
    const char32_t c = decode_utf8(unit, i);
    all.push_back({c, begin, text::script_of(c)});
  }
  return all;
}

bool is_word_character(const std::vector<Character>& all, size_t i, size_t begin) {
  const Character& c = all[i];
  if (c.script != text::Script::kNone || is_unit_sign(c.value) || is_currency(c.value)) return true;
  const bool left = i > begin && all[i - 1].script != text::Script::kNone;
  const bool right = i + 1 < all.size() && all[i + 1].script != text::Script::kNone;
  if (c.value == ',') return left && right && all[i - 1].script == text::Script::kDigit && all[i + 1].script == text::Script::kDigit;
  if (c.value == '-' || c.value == '+' || c.value == U'±') return right && (left || all[i + 1].script == text::Script::kDigit);
  return left && right && joins(c.value);
}

// Where words end inside a run of Han or of a script without spaces: offsets into the run, from ICU's dictionary.
std::vector<size_t> word_ends(const std::vector<Character>& all, size_t begin, size_t end) {
  struct Closer {
    void operator()(UBreakIterator* b) const { ubrk_close(b); }
  };
  // One per thread: opening reads the dictionary's header, and iterators are not thread-safe.
  thread_local std::unique_ptr<UBreakIterator, Closer> iterator;
  std::vector<size_t> ends;
  std::vector<UChar> run;
  std::vector<size_t> at;  // UTF-16 offset to character
  for (size_t i = begin; i < end; ++i) {
    const char32_t c = all[i].value;
    if (c > 0xFFFF) {
      run.push_back(static_cast<UChar>(0xD7C0 + (c >> 10)));
      at.push_back(i);
      run.push_back(static_cast<UChar>(0xDC00 + (c & 0x3FF)));
    } else {
      run.push_back(static_cast<UChar>(c));
    }
    at.push_back(i);
  }
  at.push_back(end);
  UErrorCode status = U_ZERO_ERROR;
  if (!iterator) iterator.reset(ubrk_open(UBRK_WORD, "zh", nullptr, 0, &status));
  if (iterator && U_SUCCESS(status)) ubrk_setText(iterator.get(), run.data(), static_cast<int32_t>(run.size()), &status);
  if (!iterator || U_FAILURE(status)) {
    for (size_t i = begin; i < end; ++i) ends.push_back(i + 1);
    return ends;
  }
  ubrk_first(iterator.get());
  for (int32_t b = ubrk_next(iterator.get()); b != UBRK_DONE; b = ubrk_next(iterator.get())) ends.push_back(at[static_cast<size_t>(b)]);
  return ends;
}

// 있었던, 했으며, 나타났고: syllables that verbs are built with, past the first.
bool is_verbal(const std::u32string& word) {
  constexpr std::u32string_view kSyllables = U"았었였했됐겠있없렸냈났졌렀꼈켰쳤뒀왔봤갔셨";
  for (size_t i = word[0] == U'있' || word[0] == U'없' ? 0 : 1; i < word.size(); ++i) {
    if (kSyllables.find(word[i]) != kSyllables.npos) return true;
  }
  return word.ends_with(U"면서") || word.ends_with(U"하게") || word.ends_with(U"하고") || word.ends_with(U"되어") || word.ends_with(U"하여") ||
         word.ends_with(U"려고") || word.ends_with(U"하는") || word.ends_with(U"되는") || word.ends_with(U"하던");
}

bool matches_key(const std::u32string& word, const std::u32string& key) {
  if (key.empty() || word.empty()) return false;
  const text::Script script = text::script_of(word[0]);
  if (script == text::Script::kHan) return key.find(word) != key.npos;
  const size_t shortest = std::min(word.size(), key.size());
  const size_t needed = script == text::Script::kHangul ? std::min<size_t>(2, shortest) : std::min<size_t>(shortest, 4);
  const auto common = static_cast<size_t>(std::mismatch(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(shortest), key.begin()).first - word.begin());
  return common >= needed && (script == text::Script::kHangul || 10 * common >= 6 * std::max(word.size(), key.size()));
}

float known_in(const QuestionForm& form, const std::u32string& word, const std::u32string& stem) {
  if (form.stems.contains(stem) || form.stems.contains(word)) return 1;
  const auto pairs = [&](const std::u32string& of) {
    size_t hits = 0;
    for (size_t i = 0; i + 1 < of.size(); ++i) hits += form.bigrams.contains(uint64_t{of[i]} << 32 | of[i + 1]) ? 1 : 0;
    return of.size() < 2 ? 0.0f : static_cast<float>(hits) / static_cast<float>(of.size() - 1);
  };
  if (stem.empty()) return 0;
  const text::Script script = text::script_of(stem[0]);
  if (script == text::Script::kHangul || script == text::Script::kHan) return pairs(stem) >= 0.5f ? 0.9f * pairs(stem) : 0;
  if (stem.size() < 4) return 0;
  // Inflected: the same beginning.
  for (const std::u32string& other : form.stems) {
    const auto [a, b] = std::mismatch(stem.begin(), stem.end(), other.begin(), other.end());
    const auto common = static_cast<size_t>(a - stem.begin());
    if (common >= 4 && 10 * common >= 7 * std::max(stem.size(), other.size())) return 0.8f;
  }
  return 0;
}

// Where a candidate may end in the word: before a particle, shortest and longest, and at its own end.
void find_ends(const std::vector<Character>& all, size_t begin, size_t end, std::string_view unit, Word& word) {
  if (!is_hangul(all[end - 1].value)) return;
  constexpr size_t kLongestParticle = 5;
  std::u32string tail;
  size_t longest = 0;
  Tie longest_tie = Tie::kNothing;
  size_t shortest = 0;
  Tie shortest_tie = Tie::kNothing;
  for (size_t n = 1; n <= kLongestParticle && n < end - begin; ++n) {
    tail.insert(tail.begin(), all[end - n].value);
    const auto found = particles().find(tail);
    if (found == particles().end()) continue;
    if (shortest == 0) {
      shortest = n;
      shortest_tie = found->second;
    }
    longest = n;
    longest_tie = found->second;
  }
  const auto offset = [&](size_t cut) { return end - cut < all.size() ? all[end - cut].begin : unit.size(); };
  if (longest > 0) word.ends.emplace_back(offset(longest), longest_tie);
  if (shortest > 0 && shortest != longest && end - shortest - begin >= 2) word.ends.emplace_back(offset(shortest), shortest_tie);
}

// What stands between two words, or at the ends of the unit.
Tie between(const std::vector<Character>& all, size_t from, size_t to, bool forwards) {
  if (forwards ? to >= all.size() && from == to : from == to && from == 0) return Tie::kEnd;
  const auto tie = [&](char32_t c) {
    if (is_quote(c)) return Tie::kQuote;
    if (forwards ? is_open_bracket(c) : is_close_bracket(c)) return Tie::kBracket;
    if (c == ' ' || c == '\t') return Tie::kNothing;
    return Tie::kStop;
  };
  if (forwards) {
    for (size_t i = from; i < to; ++i) {
      if (tie(all[i].value) != Tie::kNothing) return tie(all[i].value);
    }
    return to >= all.size() ? Tie::kEnd : Tie::kNothing;
  }
  for (size_t i = to; i > from; --i) {
    if (tie(all[i - 1].value) != Tie::kNothing) return tie(all[i - 1].value);
  }
  return from == 0 ? Tie::kEnd : Tie::kNothing;
}

struct Range {
  size_t begin, end;
};

// text::fold of the characters, without going through ICU where each folds by itself.
std::u32string fold_characters(const std::vector<Character>& all, size_t begin, size_t end) {
  std::u32string folded;
  for (size_t i = begin; i < end; ++i) {
    const char32_t simple = text::fold_simple(all[i].value);
    if (simple == 0) {
      std::string written;
      for (size_t k = begin; k < end; ++k) append_utf8(written, all[k].value);
      return to_utf32(text::fold(written));
    }
    folded.push_back(simple);
  }
  return folded;
}

// Runs of word characters; those of Han cut further by dictionary.
std::vector<Range> ranges_of(const std::vector<Character>& all) {
  std::vector<Range> ranges;
  for (size_t i = 0; i < all.size() && ranges.size() < kMaxWords;) {
    if (!is_word_character(all, i, i)) {
      ++i;
      continue;
    }
    size_t end = i + 1;
    while (end < all.size() && is_word_character(all, end, i)) ++end;
    const bool dictionary = std::any_of(all.begin() + static_cast<std::ptrdiff_t>(i), all.begin() + static_cast<std::ptrdiff_t>(end),
                                        [](const Character& c) { return c.script == text::Script::kHan || c.script == text::Script::kBare; });
    if (dictionary) {
      size_t begin = i;
      for (const size_t stop : word_ends(all, i, end)) {
        if (stop > begin && ranges.size() < kMaxWords) ranges.push_back({begin, stop});
        begin = stop;
      }
    } else {
      ranges.push_back({i, end});
    }
    i = end;
  }
  return ranges;
}

}  // namespace

std::vector<Word> words_in(const QuestionForm& form, std::string_view unit) {
  static const std::unordered_set<std::u32string> articles = set_of(kArticles), numerals = set_of(kNumberWords),
                                                     functions = set_of(kFunctionWords);
  const std::vector<Character> all = characters_of(unit);
  const std::vector<Range> ranges = ranges_of(all);
  std::vector<Word> words;
  words.reserve(ranges.size());
  std::vector<std::u32string> wholes;
  wholes.reserve(ranges.size());
  for (size_t r = 0; r < ranges.size(); ++r) {
    const auto [begin, end] = ranges[r];
    Word word;
    word.begin = all[begin].begin;
    word.end = end < all.size() ? all[end].begin : unit.size();
    for (size_t i = begin; i < end; ++i) {
      word.digits |= all[i].script == text::Script::kDigit;
      word.hangul |= all[i].script == text::Script::kHangul;
      word.han |= all[i].script == text::Script::kHan;
      word.latin |= all[i].script == text::Script::kAlphabet;
    }
    const char32_t first = all[begin].value;
    word.capital = (first >= 'A' && first <= 'Z') || (first >= 0x410 && first <= 0x42F) || (first >= 0xC0 && first <= 0xDE) ||
                   first == U'İ' || first == U'Ş' || first == U'Ğ';
    word.glued = begin > 0 && all[begin - 1].value != ' ';
    word.opened = begin > 0 && is_quote(all[begin - 1].value) && !is_close_quote(all[begin - 1].value);
    word.closed = end < all.size() && is_quote(all[end].value) && !is_open_quote(all[end].value);
    find_ends(all, begin, end, unit, word);
    const size_t next = r + 1 < ranges.size() ? ranges[r + 1].begin : all.size();
    const size_t previous = r > 0 ? ranges[r - 1].end : 0;
    word.after = between(all, end, next, true);
    word.before = between(all, previous, begin, false);
    wholes.push_back(fold_characters(all, begin, end));
    const std::u32string& whole = wholes.back();
    size_t first_end = end;  // characters
    while (!word.ends.empty() && first_end > begin && all[first_end - 1].begin >= word.ends[0].first) --first_end;
    word.folded = first_end == end ? whole : fold_characters(all, begin, first_end);
    word.ends.emplace_back(word.end, word.after);
    word.small = articles.contains(whole) || small_words().contains(whole);
    word.numeral = numerals.contains(whole);
    word.known = word.small ? 0 : known_in(form, whole, word.folded);
    for (size_t k = 0; k < form.keys.size(); ++k) word.key[k] = !word.small && matches_key(word.folded, form.keys[k]);
    word.function = word.hangul && (functions.contains(whole) || functions.contains(word.folded));
    word.verbal = word.hangul && is_verbal(whole);
    words.push_back(std::move(word));
  }
  // A particle behind a closing mark ("《…》는") and a small word tie what stands beside them.
  for (size_t i = 0; i < words.size(); ++i) {
    const std::u32string& whole = wholes[i];
    const auto particle = words[i].glued && words[i].hangul && words[i].before != Tie::kStop ? particles().find(whole) : particles().end();
    if (particle != particles().end()) {
      words[i].small = true;
      if (i > 0) words[i - 1].ends.back().second = words[i - 1].after = particle->second;
      if (i + 1 < words.size() && words[i + 1].before == Tie::kNothing) words[i + 1].before = particle->second;
      continue;
    }
    const auto found = small_words().find(whole);
    if (found != small_words().end()) {
      if (i > 0 && words[i - 1].after == Tie::kNothing) words[i - 1].ends.back().second = words[i - 1].after = found->second;
      if (i + 1 < words.size() && words[i + 1].before == Tie::kNothing) words[i + 1].before = found->second;
    } else if (words[i].hangul && words[i].ends.size() > 1 && i + 1 < words.size() && words[i + 1].before == Tie::kNothing) {
      words[i + 1].before = words[i].ends[0].second;
    }
  }
  return words;
}

}  // namespace sillok::answer
