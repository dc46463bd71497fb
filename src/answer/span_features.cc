// What can be the answer in a unit, and the marks that speak for or against each.
#include <algorithm>
#include <cmath>

#include "answer/span.h"
#include "text/text.h"

namespace sillok::answer {
namespace {

using search::Match;

constexpr size_t kMaxSpanWords = 9;

// Marks in blocks; a block's name is followed by what it counts.
enum Block : uint16_t {
  kAfter = 0,
  kBefore = kAfter + kTies,
  kAfterKnown = kBefore + kTies,     // the next word is in the question
  kBeforeKnown = kAfterKnown + kTies,
  kValue = kBeforeKnown + kTies,     // 8 types
  kWords = kValue + 9,               // 1..6
  kLength = kWords + 6,              // 8
  kNearLeft = kLength + 8,           // 5
  kNearRight = kNearLeft + 5,        // 5
  kKeyRight = kNearRight + 5,        // the first key on the right
  kKeyLeft = kKeyRight + 5,
  kKey2Right = kKeyLeft + 5,
  kKey2Left = kKey2Right + 5,
  kRest = kKey2Left + 5,
};
enum Single : uint16_t {
  kQuoted = kRest, kHalfQuoted, kSomeKnown, kAllKnown, kFirstKnown, kLastKnown, kEndsWithHead, kHeadFollows, kHeadPrecedes, kHeadInside,
  kThreeSyllables, kSurname, kPlaceEnding, kOrganisationEnding, kCapitalFirst, kAllCapital, kLatinInHangul, kNumeral, kDigitsOdd, kCloseness,
  kClosenessLeft, kClosenessRight, kAtStart, kMoreLeft, kMoreRight, kCutPossible, kSecondCut, kInnerStop, kInnerBracket, kInnerTie,
  kInnerSmall, kInnerQuote, kOneSyllable, kCapitalLeft, kCapitalRight, kBracketed, kHanOnly, kGlued, kInnerOf, kHeadShared, kLowerOnly, kRepeats, kKnownAround,
  kFirstFunction, kLastFunction, kInnerFunction, kFirstVerbal, kLastVerbal, kInnerVerbal, kInClause, kEndsWithCounter, kVerbalLeft, kFunctionLeft,
  kMarks
};

constexpr std::array<std::string_view, kTies> kTieNames = {"nothing", "end", "stop", "bracket", "quote", "topic", "subject", "object", "of",
                                                           "to", "in", "by", "and", "also", "copula", "named", "verb"};
constexpr std::array<std::string_view, 9> kValueNames = {"none", "year", "day", "full date", "amount", "bare number", "label", "counted", "part of one"};
constexpr std::array<std::string_view, 8> kLengthNames = {"1", "2", "3", "4", "5 or 6", "7 to 9", "10 to 14", "15 and more"};
constexpr std::array<std::string_view, 5> kNearNames = {"1", "2", "3 or 4", "5 to 8", "none"};
constexpr std::array<std::string_view, size_t{kMarks} - size_t{kRest}> kSingleNames = {
    "in quotation marks", "one quotation mark", "some words of the question", "all words of the question", "first word of the question", "last word of the question",
    "ends with the head", "head follows", "head precedes", "head inside", "three syllables", "surname", "place ending", "organisation ending",
    "capital first", "all capitals", "Latin in Hangul", "numeral in words", "digits, no value", "closeness", "closeness left", "closeness right",
    "at the start", "goes on to the left", "goes on to the right", "particle left on", "shorter cut", "stop inside", "bracket inside", "particle inside",
    "small word inside", "quotation mark inside", "one syllable", "capital on the left", "capital on the right", "in brackets", "Han only", "glued", "of inside", "shares the head's last syllable",
    "lower case only", "stands twice in the unit", "question around it", "first word names nothing", "last word names nothing", "word inside names nothing", "first word verbal", "last word verbal", "word inside verbal",
    "question in the clause", "ends with what is counted", "verb on the left", "word that names nothing on the left"};

bool ends_with_any(const std::u32string& word, std::u32string_view list) { return !word.empty() && list.find(word.back()) != list.npos; }

size_t near_bucket(size_t distance) { return distance == 0 ? 4 : distance == 1 ? 0 : distance == 2 ? 1 : distance <= 4 ? 2 : distance <= 8 ? 3 : 4; }
size_t length_bucket(size_t n) { return n <= 4 ? (n == 0 ? 0 : n - 1) : n <= 6 ? 4 : n <= 9 ? 5 : n <= 14 ? 6 : 7; }

struct Unit {
  std::string_view text;
  std::vector<Word> words;
  std::vector<Value> values;
};

size_t value_mark(const Unit& unit, const Match& span) {
  for (const Value& value : unit.values) {
    if (value.span.begin >= span.end || value.span.end <= span.begin) continue;
    if (value.span.begin == span.begin && value.span.end == span.end) {
      if (value.counts) return 7;
      return 1 + static_cast<size_t>(value.type);
    }
    if (span.begin >= value.span.begin && span.end <= value.span.end) {
      return value.year.begin == span.begin && value.year.end == span.end && value.year.end > value.year.begin ? 1 : 8;
    }
  }
  return 0;
}

// A stop between two words that ends something: not one inside a date or an amount ("2024. 7. 1.").
bool stops_after(const Unit& unit, size_t word) {
  if (unit.words[word].after != Tie::kStop || word + 1 >= unit.words.size()) return false;
  return std::none_of(unit.values.begin(), unit.values.end(), [&](const Value& v) {
    return v.span.begin < unit.words[word].end && unit.words[word + 1].begin < v.span.end;
  });
}

class Marker {
 public:
  Marker(const QuestionForm& form, const Unit& unit) : form_(form), unit_(unit) {}

  // Valid until the next call.
  const SpanCandidate& mark(size_t first, size_t last, size_t end_index) {
    out_.marks.clear();
    const Word& a = unit_.words[first];
    const Word& z = unit_.words[last];
    out_.span = {a.begin, z.ends[end_index].first};
    place(first, last, z.ends[end_index].second);
    nearness(first, last);
    shape(first, last, end_index);
    inside(first, last);
    head(first, last);
    return out_;
  }

 private:
  void add(size_t id, double value = 1) { out_.marks.push_back({static_cast<uint16_t>(id), static_cast<float>(value)}); }
  void add_if(bool condition, size_t id) {
    if (condition) add(id);
  }

  void place(size_t first, size_t last, Tie after) {
    const std::vector<Word>& words = unit_.words;
    const bool next_known = last + 1 < words.size() && words[last + 1].known > 0;
    const bool before_known = first > 0 && words[first - 1].known > 0;
    add(kAfter + static_cast<size_t>(after));
    add(kBefore + static_cast<size_t>(words[first].before));
    if (next_known) add(kAfterKnown + static_cast<size_t>(after));
    if (before_known) add(kBeforeKnown + static_cast<size_t>(words[first].before));
    add_if(first == 0, kAtStart);
    const bool bare_left = first > 0 && words[first].before == Tie::kNothing && !words[first - 1].small;
    add_if(bare_left && !before_known, kMoreLeft);
    const bool bare_right = last + 1 < words.size() && after == Tie::kNothing && !words[last + 1].small;
    add_if(bare_right && !next_known, kMoreRight);
    add_if(bare_left && words[first - 1].capital, kCapitalLeft);
    add_if(bare_right && words[last + 1].capital, kCapitalRight);
    const bool left = words[first].opened, right = words[last].closed;
    add_if(left && right, kQuoted);
    add_if(left != right, kHalfQuoted);
    add_if(words[first].before == Tie::kBracket || (first > 0 && out_.span.begin > 0 && unit_.text[out_.span.begin - 1] == '('), kBracketed);
    add_if(words[first].glued && !left && words[first].before == Tie::kNothing, kGlued);
  }

  void nearness(size_t first, size_t last) {
    const std::vector<Word>& words = unit_.words;
    double left = 0, right = 0, around = 0, clause = 0;
    size_t from = first, to = last;  // up to the next comma
    while (from > 0 && words[from - 1].after != Tie::kStop) --from;
    while (to + 1 < words.size() && words[to].after != Tie::kStop) ++to;
    std::array<size_t, 2> key_left = {}, key_right = {};
    size_t nearest_left = 0, nearest_right = 0;
    for (size_t k = 0; k < words.size(); ++k) {
      if (k >= first && k <= last) continue;
      for (size_t n = 0; n < 2; ++n) {
        if (!words[k].key[n]) continue;
        size_t& nearest_key = k < first ? key_left[n] : key_right[n];
        const size_t apart = k < first ? first - k : k - last;
        if (nearest_key == 0 || apart < nearest_key) nearest_key = apart;
      }
      if (words[k].known <= 0) continue;
      if (k >= from && k <= to) clause += static_cast<double>(words[k].known);
      const size_t distance = k < first ? first - k : k - last;
      const double weight = static_cast<double>(words[k].known) / (1.0 + static_cast<double>(distance));
      (k < first ? left : right) += weight;
      if (distance <= 4) around += static_cast<double>(words[k].known);
      size_t& nearest = k < first ? nearest_left : nearest_right;
      if (nearest == 0 || distance < nearest) nearest = distance;
    }
    add(kCloseness, left + right);
    add(kClosenessLeft, left);
    add(kClosenessRight, right);
    add(kKeyRight + near_bucket(key_right[0]));
    add(kKeyLeft + near_bucket(key_left[0]));
    add(kKey2Right + near_bucket(key_right[1]));
    add(kKey2Left + near_bucket(key_left[1]));
    add(kInClause, clause / 5);
    add(kKnownAround, around / 8);
    add(kNearLeft + near_bucket(nearest_left));
    add(kNearRight + near_bucket(nearest_right));
  }

  void shape(size_t first, size_t last, size_t end_index) {
    const std::vector<Word>& words = unit_.words;
    const Word& a = words[first];
    const Word& z = words[last];
    const size_t count = last - first + 1;
    const std::u32string letters = to_utf32(unit_.text.substr(out_.span.begin, out_.span.end - out_.span.begin));
    add(kWords + std::min<size_t>(count, 6) - 1);
    add(kLength + length_bucket(letters.size()));
    const size_t value = value_mark(unit_, out_.span);
    add(kValue + value);
    bool digits = false, latin = false, capitals = true, han = true, numeral = false;
    for (size_t k = first; k <= last; ++k) {
      digits |= words[k].digits;
      latin |= words[k].latin;
      capitals &= words[k].capital || words[k].small;
      han &= words[k].han && !words[k].hangul && !words[k].latin;
      numeral |= words[k].numeral;
    }
    add_if(value == 0 && digits, kDigitsOdd);
    add_if(a.capital, kCapitalFirst);
    add_if(capitals && count > 1, kAllCapital);
    add_if(!capitals && !a.capital && !digits && latin, kLowerOnly);
    add_if(latin && a.latin && (z.hangul || a.hangul), kLatinInHangul);
    add_if(numeral, kNumeral);
    add_if(han, kHanOnly);
    add_if(end_index + 1 == z.ends.size() && z.ends.size() > 1, kCutPossible);
    add_if(end_index == 1 && z.ends.size() == 3, kSecondCut);
    if (!z.hangul) return;
    constexpr std::u32string_view kSurnames = U"김이박최정강조윤장임한오서신권황안송류유홍전고문손양배백허남심노하곽성차주우구민진나엄채원천방공현함변염여추도소석선설마길연표명";
    const bool three = letters.size() == 3 && count == 1 && !digits && !latin;
    add_if(three, kThreeSyllables);
    add_if(three && kSurnames.find(letters[0]) != kSurnames.npos, kSurname);
    add_if(letters.size() == 1, kOneSyllable);
    add_if(ends_with_any(letters, U"시도군구국현주섬산강역동읍면리성궁항만아"), kPlaceEnding);
    add_if(ends_with_any(letters, U"사교당회팀원부청단소학관처국군"), kOrganisationEnding);
    add_if(unit_.text.find(unit_.text.substr(out_.span.begin, out_.span.end - out_.span.begin), out_.span.end) != std::string_view::npos && count == 1, kRepeats);
  }

  void inside(size_t first, size_t last) {
    const std::vector<Word>& words = unit_.words;
    double known = 0;
    size_t stops = 0, brackets = 0, ties = 0, small = 0, quotes = 0, of = 0;
    for (size_t k = first; k <= last; ++k) {
      known += words[k].known > 0 ? 1 : 0;
      if (words[k].small) ++small;
      if (k > first && k < last) {
        add_if(words[k].function, kInnerFunction);
        add_if(words[k].verbal, kInnerVerbal);
      }
      if (k == last) continue;
      const Tie after = words[k].after;
      stops += stops_after(unit_, k) ? 1 : 0;
      brackets += after == Tie::kBracket || words[k + 1].before == Tie::kBracket ? 1 : 0;
      quotes += after == Tie::kQuote || words[k + 1].before == Tie::kQuote ? 1 : 0;
      if (words[k].hangul && words[k].ends.size() > 1) (words[k].ends[0].second == Tie::kOf ? of : ties) += 1;
      if (!words[k].hangul && after == Tie::kOf) ++of;
    }
    add_if(words[first].function, kFirstFunction);
    add_if(last > first && words[last].function, kLastFunction);
    add_if(words[first].verbal, kFirstVerbal);
    add_if(last > first && words[last].verbal, kLastVerbal);
    if (first > 0) {
      add_if(words[first - 1].verbal, kVerbalLeft);
      add_if(words[first - 1].function, kFunctionLeft);
    }
    const std::string_view last_word = unit_.text.substr(words[last].begin, out_.span.end - words[last].begin);
    add_if(holds_any(last_word, form_.counters), kEndsWithCounter);
    add_if(known > 0, kSomeKnown);
    add_if(known > 0 && known + 0.5 > static_cast<double>(last - first + 1), kAllKnown);
    add_if(words[first].known > 0, kFirstKnown);
    add_if(words[last].known > 0, kLastKnown);
    if (stops > 0) add(kInnerStop, static_cast<double>(stops));
    if (brackets > 0) add(kInnerBracket, 1);
    if (quotes > 0) add(kInnerQuote, 1);
    if (ties > 0) add(kInnerTie, static_cast<double>(ties));
    if (small > 0) add(kInnerSmall, static_cast<double>(small));
    if (of > 0) add(kInnerOf, static_cast<double>(of));
  }

  void head(size_t first, size_t last) {
    if (form_.head.empty()) return;
    const std::vector<Word>& words = unit_.words;
    const auto is_head = [&](const Word& word) { return word.folded.starts_with(form_.head) && word.folded.size() <= form_.head.size() + 1; };
    add_if(words[last].folded.ends_with(form_.head) && (last > first || words[last].folded != form_.head), kEndsWithHead);
    add_if(last + 1 < words.size() && is_head(words[last + 1]), kHeadFollows);
    add_if(first > 0 && is_head(words[first - 1]), kHeadPrecedes);
    for (size_t k = first; k < last; ++k) {
      if (is_head(words[k])) {
        add(kHeadInside);
        break;
      }
    }
    const std::u32string& z = words[last].folded;
    add_if(words[last].hangul && !z.empty() && z.back() == form_.head.back() && z != form_.head, kHeadShared);
  }

  const QuestionForm& form_;
  const Unit& unit_;
  SpanCandidate out_;
};

}  // namespace

const std::vector<std::string>& mark_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    const auto block = [&](std::string_view name, const auto& values) {
      for (const auto& value : values) all.push_back(std::string(name) + std::string(value));
    };
    block("after: ", kTieNames);
    block("before: ", kTieNames);
    block("question's word after: ", kTieNames);
    block("question's word before: ", kTieNames);
    block("value: ", kValueNames);
    block("words: ", std::array<std::string_view, 6>{"1", "2", "3", "4", "5", "6 and more"});
    block("letters: ", kLengthNames);
    block("nearest on the left: ", kNearNames);
    block("nearest on the right: ", kNearNames);
    block("key on the right: ", kNearNames);
    block("key on the left: ", kNearNames);
    block("second key on the right: ", kNearNames);
    block("second key on the left: ", kNearNames);
    block("", kSingleNames);
    SILLOK_CHECK(all.size() == kMarks);
    return all;
  }();
  return names;
}

void each_span(const QuestionForm& form, std::string_view text, const std::function<void(const SpanCandidate&)>& sink) {
  Unit unit;
  unit.text = text;
  unit.words = words_in(form, text);
  unit.values = values_in(text, form.counters);
  Marker marker(form, unit);
  const std::vector<Word>& words = unit.words;
  for (size_t first = 0; first < words.size(); ++first) {
    if (words[first].small && !words[first].numeral) continue;
    size_t stops = 0;
    for (size_t last = first; last < words.size() && last < first + kMaxSpanWords; ++last) {
      if (last > first && stops_after(unit, last - 1) && ++stops > 1) break;
      if (words[last].small && !words[last].numeral) continue;
      for (size_t e = 0; e < words[last].ends.size(); ++e) {
        if (words[last].ends[e].first > words[first].begin) sink(marker.mark(first, last, e));
      }
    }
  }
}

std::vector<SpanCandidate> span_candidates(const QuestionForm& form, std::string_view unit) {
  std::vector<SpanCandidate> candidates;
  each_span(form, unit, [&](const SpanCandidate& candidate) { candidates.push_back(candidate); });
  return candidates;
}

}  // namespace sillok::answer
