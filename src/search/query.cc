#include "search/query.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>

#include "text/text.h"

namespace sillok::search {
namespace {

using text::Script;

// ---- Filters

// The value after "field:", quoted or up to the next space; moves `at` past it.
std::string take_value(std::string_view query, size_t& at) {
  const bool quoted = at < query.size() && query[at] == '"';
  if (quoted) ++at;
  const size_t end = std::min(query.find(quoted ? '"' : ' ', at), query.size());
  std::string value(query.substr(at, end - at));
  at = std::min(end + (quoted ? 1 : 0), query.size());
  return value;
}

using Setter = Status (*)(ParsedQuery&, std::string);

Status set_day(Day& day, std::string_view field, const std::string& value) {
  auto parsed = parse_day(value);
  if (!parsed) return fail(parsed.error().in(field));
  day = *parsed;
  return {};
}

struct Field {
  std::string_view name;
  Setter set;
};
constexpr std::array<Field, 6> kFields = {{
    {"title", [](ParsedQuery& q, std::string v) -> Status { q.titles.push_back(std::move(v)); return {}; }},
    {"type", [](ParsedQuery& q, std::string v) -> Status { q.formats.push_back(ascii_lower(v)); return {}; }},
    {"label", [](ParsedQuery& q, std::string v) -> Status { q.labels.push_back(std::move(v)); return {}; }},
    {"record", [](ParsedQuery& q, std::string v) -> Status { q.record_prefix = std::move(v); return {}; }},
    {"after", [](ParsedQuery& q, std::string v) -> Status { return set_day(q.after, "after", v); }},
    {"before", [](ParsedQuery& q, std::string v) -> Status { return set_day(q.before, "before", v); }},
}};

const Field* field_at(std::string_view query, size_t at, size_t& value_at) {
  for (const Field& field : kFields) {
    if (!starts_with_nocase(query.substr(at), field.name)) continue;
    const size_t colon = at + field.name.size();
    if (colon + 1 < query.size() && query[colon] == ':' && query[colon + 1] != ' ') {
      value_at = colon + 1;
      return &field;
    }
  }
  return nullptr;
}

// ---- Question words: what asks, and so is not in the answer's passage. Weighted down, never dropped.

// Hangul: a word that begins so. Particles and endings follow them in any number.
constexpr std::string_view kHangulQuestionWords =
    "무엇 누구 누가 언제 어디 어느 어떤 어떻게 몇 얼마 무슨 왜 이름 명칭 인물 사람 것은 곳은 날은 해는 때는 년도 연도 "
    "시기는 장소 작품 제목 뭐 뭔 알려 말해 인가 있나 있는가 하나요 되나요";
// Han, kana and the scripts without spaces: anywhere.
constexpr std::string_view kUnspacedQuestionWords =
    "什么 甚么 什麼 哪 谁 誰 何 多少 几 怎么 怎麼 如何 为什么 為什麼 是 的 了 吗 嗎 呢 どこ だれ いつ なに なぜ どの いくつ いくら どんな "
    "ใคร อะไร ที่ไหน เมื่อใด เมื่อไหร่ เมื่อไร กี่ เท่าไร เท่าใด อย่างไร ทำไม ใด";
// Alphabets: the whole word.
constexpr std::string_view kAlphabetQuestionWords =
    "what who when where which whom whose why how did does do was is were are many much name kind type called the of a "
    "an in to for on by with at "
    "что кто когда где какой какая какое какие каком какую каких каким сколько почему как кого кому чем чего который "
    "которая кем куда название назовите был была было были в на и с по из "
    "ne kim nerede hangi kac nasil neden nicin nedir kimdir zaman hangisi hangisidir kimin neydi olarak bir ve kactir "
    "nereye nereden adi ismi kime "
    "was wer wann wo welche welcher welches welchem welchen wie viele warum wieso wem wen wessen woher wohin wurde hat "
    "ist die der das in von war waren sind haben hatte heisst viel worin womit wofur den dem des ein eine "
    "que qui quoi quand ou quel quelle quels quelles combien comment pourquoi le la les de du des et est "
    "quien quienes cual cuales cuando donde como cuanto cuantos cuantas por el los las en y es son fue "
    "ai gi nao dau khi bao nhieu sao tai la cua "
    "क्या कौन कब कहाँ कितने कितना कितनी किस किसने किसे कैसे क्यों था थे थी है हैं में के की का को से ने पर "
    "ما من متى أين كم كيف لماذا أي ماذا هو هي في على إلى هل كان كانت "
    "τι ποιος ποια ποιο ποιοι πότε πού πόσα πόσο πόσες πώς γιατί ο η το του της των την τον στην στο είναι ήταν";

struct QuestionWords {
  std::vector<std::u32string> hangul, unspaced;
  std::unordered_set<std::string> alphabet;
};
const QuestionWords& question_words() {
  static const QuestionWords words = [] {
    QuestionWords w;
    for (std::string_view word : split(kHangulQuestionWords, ' ')) w.hangul.push_back(to_utf32(word));
    for (std::string_view word : split(kUnspacedQuestionWords, ' ')) w.unspaced.push_back(to_utf32(text::fold(word)));
    for (std::string_view word : split(kAlphabetQuestionWords, ' ')) w.alphabet.insert(text::fold(word));
    return w;
  }();
  return words;
}

constexpr float kQuestionWordWeight = 0.2f;  // fitted; 0.1 to 0.3 do within 0.1 of recall@1
constexpr float kParticleWeight = 0.3f;      // of the cut-off end of a Korean word, in bigrams over it

// A weight for each code point of the question.
std::vector<float> character_weights(const std::u32string& f) {
  std::vector<float> weights(f.size(), 1.0f);
  const QuestionWords& known = question_words();
  const std::u32string_view view(f);
  for (size_t i = 0; i < f.size();) {
    if (text::script_of(f[i]) == Script::kNone) {
      ++i;
      continue;
    }
    size_t end = i;
    bool hangul = false, unspaced = false;
    for (; end < f.size() && text::script_of(f[end]) != Script::kNone; ++end) {
      hangul |= text::script_of(f[end]) == Script::kHangul;
      const Script script = text::script_of(f[end]);
      unspaced |= script == Script::kHan || script == Script::kBare;
    }
    const std::u32string_view word = view.substr(i, end - i);
    const auto lower = [&](size_t begin, size_t stop, float weight) {
      for (size_t k = begin; k < stop; ++k) weights[i + k] = std::min(weights[i + k], weight);
    };
    if (hangul) {
      lower(text::stem_length(word), word.size(), kParticleWeight);
      for (const auto& q : known.hangul) {
        if (word.starts_with(q)) lower(0, word.size(), kQuestionWordWeight);
      }
    } else if (unspaced) {
      for (const auto& q : known.unspaced) {
        for (size_t k = word.find(q); k != word.npos; k = word.find(q, k + q.size())) {
          lower(k, k + q.size(), kQuestionWordWeight);
        }
      }
    } else if (known.alphabet.contains(to_utf8(word))) {
      lower(0, word.size(), kQuestionWordWeight);
    }
    i = end;
  }
  return weights;
}

// An alphabetic word says more than its n-grams: it stands for the whole.
constexpr float kAlphabetWordFactor = 1.5f;

}  // namespace

Result<ParsedQuery> parse_query(std::string_view query) {
  ParsedQuery parsed;
  for (size_t i = 0; i < query.size();) {
    size_t value_at = 0;
    const bool word_start = i == 0 || query[i - 1] == ' ';
    if (const Field* field = word_start ? field_at(query, i, value_at) : nullptr) {
      i = value_at;
      SILLOK_TRY(field->set(parsed, take_value(query, i)));
      continue;
    }
    // A quotation mark opens a phrase only where another closes it; inches and seconds stay text.
    if (query[i] == '"' && word_start && query.find('"', i + 1) != query.npos) {
      std::string phrase = take_value(query, i);
      if (!trim(phrase).empty()) {
        parsed.text += phrase;
        parsed.phrases.push_back(std::move(phrase));
      }
      continue;
    }
    const size_t at = i;
    const char32_t c = decode_utf8(query, i);
    parsed.words_beside_phrases |= text::script_of(c) != Script::kNone;
    parsed.text += query.substr(at, i - at);
  }
  parsed.text = std::string(trim(parsed.text));
  const bool asks = parsed.text.ends_with('?') || parsed.text.ends_with("？");
  parsed.quotes_in_question = asks && parsed.words_beside_phrases && !parsed.phrases.empty();
  return parsed;
}

std::vector<QuestionTerm> question_terms(const std::u32string& folded) {
  const std::vector<float> weights = character_weights(folded);
  std::vector<QuestionTerm> terms;
  std::unordered_map<TermId, size_t> index;
  for (const Term& term : extract_terms(folded)) {
    float sum = 0;
    for (uint32_t k = term.begin; k < term.end; ++k) sum += weights[k];
    float weight = class_weight(term.term_class) * sum / static_cast<float>(term.end - term.begin);
    if (term.term_class == TermClass::kWord && text::script_of(folded[term.begin]) == Script::kAlphabet) {
      weight *= kAlphabetWordFactor;
    }
    const auto [at, is_new] = index.try_emplace(term.id, terms.size());
    if (is_new) terms.push_back({term.id, term.term_class, weight, term.begin, term.end});
    else terms[at->second].weight = std::max(terms[at->second].weight, weight);
  }
  return terms;
}

const RankProfile& rank_profile(const std::u32string& folded) {
  static constexpr RankProfile kHangul{0.24f, 0.2f, 0.8f, 0, 0, 0.46f, 0.3f, 0.3f};
  static constexpr RankProfile kAlphabet{1.2f, 0.41f, 1.25f, 0, 0, 0.46f, 0.3f, 0.3f};
  static constexpr RankProfile kHan{0.8f, 0.6f, 0.75f, 0.15f, 0.17f, 0.3f, 0.15f, 0.2f};
  static constexpr RankProfile kBare{1.0f, 0.6f, 1.25f, 0.35f, 0.45f, 0, 0, 0};
  std::array<size_t, 6> count{};
  for (char32_t c : folded) ++count[static_cast<size_t>(text::script_of(c))];
  const auto of = [&](Script script) { return count[static_cast<size_t>(script)]; };
  // A Korean question often names things in Latin letters; three letters weigh as one syllable.
  const size_t hangul = 3 * of(Script::kHangul), han = 3 * of(Script::kHan), alphabet = of(Script::kAlphabet),
               bare = of(Script::kBare);
  if (hangul >= std::max({han, alphabet, bare})) return kHangul;
  if (han >= std::max(alphabet, bare)) return kHan;
  return alphabet >= bare ? kAlphabet : kBare;
}

}  // namespace sillok::search
