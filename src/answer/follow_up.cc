#include "answer/follow_up.h"

#include <algorithm>
#include <optional>

#include "answer/contrast.h"
#include "answer/facts.h"
#include "answer/prompts.h"
#include "answer/span.h"
#include "text/text.h"

namespace sillok::answer {
namespace {

constexpr size_t kShort = 3;          // content words; a question with so few may lean on the last one
constexpr size_t kCarried = 8;        // words taken along from a question
constexpr size_t kCarriedAnswer = 6;  // and from an answer
constexpr size_t kRemembered = 6;     // exchanges looked back on
constexpr size_t kLongestRewrite = 400;  // bytes

// What begins a follow-up and is dropped: "그럼 2022년에는?".
constexpr auto kOpeners = std::to_array<std::string_view>({"그러면", "그럼", "그렇다면", "그리고", "그런데", "근데", "아니", "then", "and", "so", "but", "what about", "how about", "und"});
// Words that stand for something said before.
constexpr auto kPronouns = std::to_array<std::string_view>({"그", "그건", "그것", "그것은", "그게", "그거", "그걸", "그것을", "그때", "그날", "그곳", "거기", "거긴", "거기서", "거기는", "거기에", "그분", "그분은", "그는",
                                                            "그녀", "그들", "이건", "이것", "이것은", "이게", "이거", "여기", "여기는", "이때", "해당", "it", "its", "they", "them", "their", "he", "him", "his", "she",
                                                            "her", "that", "this", "those", "these", "there", "then", "es", "sie", "er"});

// Without the words that open a follow-up; whether there were any.
bool drop_openers(std::string& question) {
  bool dropped = false;
  for (bool more = true; more;) {
    more = false;
    for (std::string_view opener : kOpeners) {
      if (!starts_with_nocase(question, opener)) continue;
      const std::string_view rest = std::string_view(question).substr(opener.size());
      if (rest.empty() || (rest[0] != ' ' && rest[0] != ',' && rest[0] != '?')) continue;
      std::string_view kept = rest;
      while (!kept.empty() && (kept[0] == ' ' || kept[0] == ',')) kept.remove_prefix(1);
      question = std::string(kept);
      dropped = more = true;
      break;
    }
  }
  return dropped;
}

bool has_pronoun(std::string_view question) {
  for (const std::string& word : folded_words(question)) {
    if (std::find(kPronouns.begin(), kPronouns.end(), word) != kPronouns.end()) return true;
  }
  return false;
}

// The words that carry what is spoken of, in order, as written without their particles.
std::vector<std::string> content_words(std::string_view text, std::string_view without, size_t most) {
  const QuestionForm form = question_form(without, kind_of(without));
  std::vector<std::string> words;
  static const std::vector<std::string> kAsking = {"누가", "누구", "언제", "어디", "무엇", "뭐", "몇", "얼마", "얼마나", "어떤", "어느", "무슨", "왜", "어떻게", "who", "whom", "whose", "when", "where", "what",
                                                   "which", "why", "how", "many", "much", "long", "often", "답변", "the"};
  for (const Word& word : words_in(form, text)) {
    const std::string folded = to_utf8(word.folded);
    if (word.small || word.function || word.known >= 0.5f || words.size() == most) continue;
    if (std::find(kAsking.begin(), kAsking.end(), folded) != kAsking.end()) continue;
    if (std::any_of(kAsking.begin(), kAsking.begin() + 14, [&](const std::string& asking) { return folded.starts_with(asking) && word.hangul; })) continue;
    const std::string_view written = text.substr(word.begin, word.ends.front().first - word.begin);
    if (std::find(words.begin(), words.end(), written) == words.end()) words.emplace_back(written);
  }
  return words;
}

size_t content_count(std::string_view question) { return content_words(question, "", 100).size(); }

// "그럼 2022년에는?", "MC-07은?": a piece of the last question said anew. Puts each date, amount or identifier in the place of
// its like; what has none there goes in front.
std::string replaced(std::string_view last, std::string_view fragment) {
  std::string whole(last);
  std::string front;
  bool put = false;
  for (const Fact& fact : facts_in(fragment)) {
    const std::string said(fragment.substr(fact.span.begin, fact.span.end - fact.span.begin));
    const auto shape = [](const Fact& f) {
      std::string letters;  // ws- of ws-102
      for (const char c : f.text) letters += c >= '0' && c <= '9' ? '0' : c;
      letters.erase(std::unique(letters.begin(), letters.end(), [](char a, char b) { return a == '0' && b == '0'; }), letters.end());
      return letters;
    };
    const auto year_like = [](const Fact& f) { return f.type == Fact::Type::kDate || (f.type == Fact::Type::kNumber && f.unit.empty() && f.value >= 1900 && f.value < 2100); };
    const std::vector<Fact> there = facts_in(whole);
    const auto like = std::find_if(there.begin(), there.end(), [&](const Fact& f) {
      if (year_like(fact) && year_like(f)) return true;
      return f.type == fact.type && (f.type == Fact::Type::kIdentifier ? shape(f).substr(0, 3) == shape(fact).substr(0, 3) : f.type == Fact::Type::kTime || f.unit == fact.unit);
    });
    put = true;
    if (like != there.end()) {
      whole.replace(like->span.begin, like->span.end - like->span.begin, said);
    } else {
      front += said + (year_like(fact) && tongue_of(last) == Tongue::kKorean ? "에 " : " ");
    }
  }
  // What else the fragment says ("부산 지사는?") goes in front, whole.
  std::string_view words = trim(fragment);
  while (!words.empty() && (words.back() == '?' || words.back() == '.')) words.remove_suffix(1);
  if (!put || content_count(fragment) > facts_in(fragment).size()) front = std::string(words) + " ";
  return front + whole;
}

std::string resolve(std::string_view question, std::string_view last, std::string_view last_answer) {
  std::string rest(trim(question));
  const bool opened = drop_openers(rest);
  if (last.empty() || rest.empty()) return std::string(question);
  const size_t own = content_count(rest);
  const bool pronoun = has_pronoun(rest);
  // With enough to say and nothing that points back it stands by itself: "그럼" alone proves nothing.
  if (!pronoun && own >= kShort) return std::string(question);
  if (!pronoun && !opened && own >= 2) {
    // "숙박비는?": no verb, no question word.
    const bool asks = kind_of(rest) != Kind::kAny;
    if (asks) return std::string(question);
  }
  if (pronoun) {
    std::vector<std::string> carried = content_words(last_answer, rest + " " + std::string(last), kCarriedAnswer);
    std::vector<std::string> topic = content_words(last, rest, kCarried);
    topic.insert(topic.end(), carried.begin(), carried.end());
    return topic.empty() ? std::string(question) : rest + " (" + join(topic, " ") + ")";
  }
  return replaced(last, rest);
}

// The words of a text, each as folded_words gives them and cut to their stems.
std::vector<std::u32string> stems_of(std::string_view text) {
  std::vector<std::u32string> stems;
  for (const std::string& word : folded_words(text)) {
    std::u32string stem = to_utf32(word);
    if (stem.size() > 2 && text::script_of(stem[0]) == text::Script::kHangul) stem.resize(text::stem_length(stem));
    stems.push_back(std::move(stem));
  }
  return stems;
}

}  // namespace

bool only_words_of(std::string_view text, std::string_view source) {
  // What makes a question of words, and says nothing.
  static const std::vector<std::u32string> kForm = {U"is", U"are", U"was", U"were", U"do", U"does", U"did", U"the", U"a", U"an", U"of", U"in", U"on", U"at", U"for", U"to", U"by", U"and",
                                                    U"무엇", U"인가", U"입니까", U"인가요", U"입니다", U"얼마", U"무엇인가", U"무엇입니까", U"있나", U"있습니까", U"하나", U"합니까", U"되나", U"됩니까"};
  const std::vector<std::u32string> known = stems_of(source);
  const std::u32string all = to_utf32(text::fold(source));
  for (const std::u32string& word : stems_of(text)) {
    if (std::find(kForm.begin(), kForm.end(), word) != kForm.end()) continue;
    const bool there = std::any_of(known.begin(), known.end(), [&](const std::u32string& other) {
      const size_t shorter = std::min(word.size(), other.size());
      const auto common = static_cast<size_t>(std::mismatch(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(shorter), other.begin()).first - word.begin());
      const bool hangul = text::script_of(word[0]) == text::Script::kHangul;
      const bool digits = text::script_of(word[0]) == text::Script::kDigit;
      if (digits) return word == other;
      return word == other || (common >= (hangul ? 2U : 4U) && common + 2 >= std::max(word.size(), other.size()));
    });
    if (!there && (word.size() < 2 || all.find(word) == all.npos)) return false;
  }
  return true;
}

std::string whole_question(std::string_view question, const std::vector<Exchange>& conversation) {
  const size_t first = conversation.size() - std::min(conversation.size(), kRemembered);
  std::string last, answer;
  for (size_t i = first; i < conversation.size(); ++i) {
    last = resolve(conversation[i].question, last, answer);
    answer = conversation[i].answer;
  }
  return resolve(question, last, answer);
}

std::string whole_question(std::string_view question, const std::vector<Exchange>& conversation, Generator& generator,
                           const WriteRequest& request) {
  const std::string ruled = whole_question(question, conversation);
  if (ruled == question) return ruled;
  const Tongue tongue = tongue_of(question);
  std::string talk, source(question);
  const size_t first = conversation.size() - std::min(conversation.size(), kRemembered);
  for (size_t i = first; i < conversation.size(); ++i) {
    talk += "Q: " + escape_evidence(conversation[i].question) + "\nA: " + escape_evidence(shorten(conversation[i].answer, 300)) + "\n";
    source += " " + conversation[i].question + " " + conversation[i].answer;
  }
  Generator::Request ask;
  ask.turns = {{"system", follow_up_system(tongue)}, {"user", follow_up_prompt(tongue, talk, escape_evidence(question))}};
  ask.max_tokens = 96;
  ask.seed = request.seed;
  ask.client = request.client;
  ask.cancelled = request.cancelled;
  const auto reply = generator.chat(ask);
  if (!reply || reply->cancelled || reply->cut) return ruled;
  std::string text = clean_utf8(reply->text);
  if (const size_t thought = text.rfind("</think>"); thought != std::string::npos) text.erase(0, thought + std::string_view("</think>").size());
  text = collapse_spaces(trim(text));
  if (text.empty() || text.size() > kLongestRewrite || !only_words_of(text, source)) return ruled;
  // What the question names exactly must stay.
  const std::vector<Fact> kept = facts_in(text);
  for (const Fact& fact : facts_in(question)) {
    if (std::none_of(kept.begin(), kept.end(), [&](const Fact& f) { return says(f, fact); })) return ruled;
  }
  if (content_count(text) <= content_count(question)) return ruled;  // it took nothing along
  return text;
}

}  // namespace sillok::answer
