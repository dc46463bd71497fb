#include <algorithm>

#include "answer/span.h"
#include "text/text.h"

namespace sillok::answer {

std::string_view to_string(Asked asked) {
  constexpr std::array<std::string_view, kAskedKinds> kNames = {"any",    "year",  "date",  "number",
                                                                "person", "place", "title", "which"};
  return kNames[static_cast<size_t>(asked)];
}

namespace {

bool has_any(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view w) { return text.find(w) != text.npos; });
}

// The words of a folded text: runs of what is not white space or punctuation.
std::vector<std::u32string> folded_words(std::string_view folded) {
  std::vector<std::u32string> words(1);
  for (size_t i = 0; i < folded.size();) {
    const char32_t c = decode_utf8(folded, i);
    if (text::script_of(c) != text::Script::kNone) words.back().push_back(c);
    else if (!words.back().empty()) words.emplace_back();
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

std::u32string stem(const std::u32string& word) { return word.substr(0, text::stem_length(word)); }

bool starts_any(const std::u32string& word, std::initializer_list<std::u32string_view> heads) {
  return std::any_of(heads.begin(), heads.end(), [&](std::u32string_view h) { return word.starts_with(h); });
}

bool is_one_of(const std::u32string& word, std::initializer_list<std::u32string_view> list) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

struct Head {
  std::u32string word;
  size_t at = 0;      // its index, or of the question word without one; words.size() if neither is there
  bool leads = false; // the question goes on behind it: "Which city …", "어느 나라가 …"
};

// "어느 나라" and "which city" name the head after the question word; "…한 나라는?" and "…의 이름은 무엇인가" at the end.
Head head_of(const std::vector<std::u32string>& words) {
  for (size_t i = 0; i < words.size(); ++i) {
    if (is_one_of(words[i], {U"who", U"whom", U"whose", U"where", U"when", U"wer", U"wem", U"wen", U"wo", U"wann", U"was", U"кто", U"где",
                             U"когда", U"что", U"how", U"누가", U"누구를", U"누구에게", U"무엇을", U"무엇이", U"어디에서", U"어디에", U"어디서", U"어디로", U"언제", U"언제부터", U"언제까지", U"누구한테", U"누구와", U"뭐라고", U"얼마까지", U"kim", U"ne", U"nerede"})) {
      return {U"", i, true};
    }
    if (!is_one_of(words[i], {U"어느", U"어떤", U"무슨", U"몇", U"which", U"what", U"welche", U"welcher", U"welches", U"welchen", U"welchem",
                              U"какой", U"какая", U"какое", U"какие", U"какую", U"каком", U"какого", U"hangi", U"kaç", U"wie"})) continue;
    if (i + 1 == words.size()) return {U"", i, true};
    if (is_one_of(words[i + 1], {U"is", U"was", U"are", U"were", U"did", U"does", U"do", U"has", U"had", U"can", U"것을", U"것이", U"것인가",
                                 U"것으로"})) return {U"", i + 1, true};
    return {stem(words[i + 1]), i + 1, true};
  }
  size_t last = words.size();
  while (last > 0 && starts_any(words[last - 1], {U"무엇", U"누구", U"어디", U"언제", U"얼마", U"뭐", U"뭔", U"인가", U"입니까"})) --last;
  while (last > 0) {
    const std::u32string& word = words[last - 1];
    if (word.empty() || text::script_of(word.back()) != text::Script::kHangul) break;
    const std::u32string head = stem(word);
    // "…의 이름은": a name of what?
    if (!is_one_of(head, {U"이름", U"명칭", U"것", U"것은", U"이는", U"제목", U"이름은"}) || last < 2) return {head, last - 1, false};
    --last;
  }
  return {U"", words.size(), false};
}

// In Han the question word stands where the answer would: what is before and after it.
std::array<std::u32string, 2> keys_in_han(const std::u32string& folded) {
  constexpr size_t kReach = 6;
  for (std::u32string_view cue : {U"什么", U"哪", U"谁", U"多少", U"几", U"何", U"誰", U"どの", U"どこ"}) {
    const size_t at = folded.find(cue);
    if (at == folded.npos) continue;
    const size_t from = at > kReach ? at - kReach : 0;
    return {folded.substr(from, at - from), folded.substr(at + cue.size(), kReach)};
  }
  return {};
}

std::array<std::u32string, 2> keys_of(const std::vector<std::u32string>& words, const Head& head, const std::u32string& folded) {
  for (char32_t c : folded) {
    if (text::script_of(c) == text::Script::kHan) return keys_in_han(folded);
    if (text::script_of(c) == text::Script::kHangul) break;
  }
  std::array<std::u32string, 2> keys;
  const auto content = [](const std::u32string& word) { return word.size() > 3 || text::script_of(word[0]) == text::Script::kHangul; };
  if (!head.leads) {
    if (head.at >= 1 && head.at <= words.size()) keys[0] = stem(words[head.at - 1]);
    if (head.at >= 2 && head.at <= words.size()) keys[1] = stem(words[head.at - 2]);
    return keys;
  }
  for (size_t i = head.at + 1; i < words.size() && keys[0].empty(); ++i) {
    if (content(words[i])) keys[0] = stem(words[i]);
  }
  for (size_t i = words.size(); i > head.at + 1 && keys[1].empty(); --i) {
    if (content(words[i - 1])) keys[1] = stem(words[i - 1]);
  }
  return keys;
}

// What is measured or counted, in the ways it may be written.
struct Measure {
  std::string_view cues;   // of the question, folded; separated by |
  std::string_view units;
};
constexpr Measure kMeasures[] = {
    {"며칠|몇 일", "일|day"},
    {"몇 달|몇 개월|몇달|몇개월", "개월|달|month"},
    {"몇 시간|몇시간", "시간|hour"},
    {"몇 시|몇시", "시|:"},
    {"몇 퍼센트|몇 %|몇 프로|몇%|몇퍼센트|what percent", "%|퍼센트|프로|percent|％"},
    {"몇 도|몇도", "도|°|℃"},
    {"몇 번|몇 회|몇번|몇회|how often", "번|회|차례|times|every"},
    {"몇 명|몇 사람|몇명", "명|사람|인"},
    {"몇 살|몇 세|몇살", "살|세"},
    {"몇 년|몇년", "년|year"},
    {"몇 킬로그램|몇 kg", "kg|킬로"},
    {"몇 마이크로미터", "마이크로|µm|μm|㎛"},
    {"몇 밀리|몇 mm", "mm|밀리|㎜"},
    {"how long|how soon", "day|week|month|year|hour|minute|second"},
    {"how heavy", "kg|ton|lb|pound|gram"},
    {"how tall|how high|how deep|how wide|how thick|how far", "feet|foot|inch|mile|metre|meter|km|cm|mm"},
    {"wie lange", "Tag|Woche|Monat|Jahr|Stunde|Minute|Sekunde"},
};

std::vector<std::string> counters_of(std::string_view question, std::string_view folded) {
  for (const Measure& measure : kMeasures) {
    for (std::string_view cue : split(measure.cues, '|')) {
      if (folded.find(cue) == folded.npos) continue;
      std::vector<std::string> units;
      for (std::string_view unit : split(measure.units, '|')) units.emplace_back(unit);
      return units;
    }
  }
  // The word after 몇: its first syllable, or all of a unit in Latin letters.
  const size_t at = question.find("몇");
  if (at == question.npos) return {};
  size_t begin = at + std::string_view("몇").size();
  while (begin < question.size() && question[begin] == ' ') ++begin;
  size_t end = begin;
  while (end < question.size()) {
    size_t next = end;
    const char32_t c = decode_utf8(question, next);
    const text::Script script = text::script_of(c);
    if (script == text::Script::kHangul && end == begin) return {std::string(question.substr(begin, next - begin))};
    if (script != text::Script::kAlphabet && c != '%' && c != 0xB7 && c != 0xB0 && c != '/') break;
    end = next;
  }
  if (end == begin) return {};
  return {std::string(question.substr(begin, end - begin))};
}

Asked asked_for(std::string_view folded, Kind kind, const std::u32string& head) {
  const std::string plain_head = to_utf8(head);
  if (kind == Kind::kDate) {
    return has_any(folded, {"몇 년", "몇년", "년도", "연도", "해는", "어느 해", "what year", "which year", "哪一年", "哪年", "welchem jahr",
                            "каком году", "hangi yıl", "hangi yil", "kaç yılında"})
               ? Asked::kYear
               : Asked::kDate;
  }
  if (kind == Kind::kNumber) return Asked::kNumber;
  if (kind == Kind::kPerson) return Asked::kPerson;
  if (kind == Kind::kPlace) return Asked::kPlace;
  if (has_any(plain_head, {"작품", "제목", "소설", "영화", "앨범", "노래", "드라마", "저서", "논문", "곡", "잡지", "신문", "책", "프로그램", "게임",
                           "song", "album", "film", "movie", "book", "novel", "title"})) {
    return Asked::kTitle;
  }
  if (has_any(folded, {"제목은", "제목이"})) return Asked::kTitle;
  if (has_any(plain_head, {"사람", "인물", "감독", "작가", "선수", "배우", "대통령", "왕", "아들", "딸", "아내", "부인", "남편", "아버지", "어머니",
                           "후계자", "스승", "제자", "장수", "주인공", "범인", "주자", "후보", "동생", "친구", "사령관", "장군", "의원", "학자", "교수", "가수", "저자", "멤버", "황제", "총리", "장관", "담당자", "책임자"})) {
    return Asked::kPerson;
  }
  if (has_any(plain_head, {"나라", "국가", "도시", "지역", "장소", "곳", "지방", "섬", "마을", "city", "country", "state", "region", "place"})) {
    return Asked::kPlace;
  }
  if (has_any(plain_head, {"횟수", "숫자", "개수", "비율", "금액", "나이", "인구", "점수", "가격", "면적", "길이", "높이", "용량", "규모", "성적", "수량", "크기", "시간", "거리",
                           "무게", "속도", "온도", "기간", "두께", "깊이", "압력", "요금", "비용", "한도", "연봉", "득표율", "확률", "순위", "관객수", "주기"}) ||
      plain_head == "수") return Asked::kNumber;
  if (kind == Kind::kWhich || !head.empty()) return Asked::kWhich;
  return Asked::kAny;
}

}  // namespace

QuestionForm question_form(std::string_view question, Kind kind) {
  QuestionForm form;
  form.text = question;
  form.folded = text::fold(question);
  const std::vector<std::u32string> words = folded_words(form.folded);
  const Head head = head_of(words);
  form.head = head.word;
  form.keys = keys_of(words, head, to_utf32(form.folded));
  form.counters = counters_of(question, form.folded);
  form.asked = asked_for(form.folded, kind, form.head);
  for (const std::u32string& word : words) {
    form.stems.insert(stem(word));
    for (size_t i = 0; i + 1 < word.size(); ++i) form.bigrams.insert(uint64_t{word[i]} << 32 | word[i + 1]);
  }
  return form;
}

}  // namespace sillok::answer
