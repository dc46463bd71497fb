#include <array>
#include <string>

#include "answer/answer.h"
#include "text/text.h"

namespace sillok::answer {

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::kAny: return "any";
    case Kind::kDate: return "date";
    case Kind::kNumber: return "number";
    case Kind::kPerson: return "person";
    case Kind::kPlace: return "place";
    case Kind::kWhich: return "which";
  }
  return "any";
}

namespace {

struct Cue {
  Kind kind;
  std::string_view words;  // separated by |, as text::fold leaves them; "^" at the front: a whole word
};
// In order: the first kind with a cue in the question wins.
constexpr std::array<Cue, 5> kCues = {{
    {Kind::kDate,
     "언제|몇 년도|몇년도|몇 년에|몇년에|몇 월|몇월|며칠|날짜|년도는|연도는|년도인|연도인|해는|날은|시기는|일자는|일은 언제|^when|what year|which "
     "year|what date|what day|what month|which month|what decade|what century|^wann|welchem jahr|когда|каком году|ne "
     "zaman|hangi yil|kac yilinda|hangi tarihte|в каком году|哪一年|哪年|什么时候|何时|幾時|いつ"},
    {Kind::kNumber,
     "몇|얼마|how many|how much|how old|how long|how far|how tall|how high|how often|how soon|how heavy|how large|how big|how wide|how deep|how thick|how fast|how few|what percent|what number|what "
     "amount|wie viel|wie viele|wie lange|wie hoch|wie groß|wie weit|wie alt|wie oft|сколько|скольк|насколько|^kac|^kacinci|^kactir|ne kadar|多少|几|いくつ|いくら"},
    {Kind::kPerson, "누구|누가|인물은|사람은|작가는|감독은|저자는|담당자는|책임자는|^who|^whom|^whose|^wer|^wem|^wen|^кто|^кем|^кого|^кому|^чей|^чья|^kim|^kimdir|^kimler|^kimin|^kime|^kimi|^wessen|谁|誰|だれ"},
    {Kind::kPlace, "어디|장소는|곳은|^where|^wo|^wohin|^где|^куда|^откуда|nerede|nereye|neresi|nereden|^worin|^woher|哪里|哪儿|どこ"},
    {Kind::kWhich, "어느|어떤|무슨|무엇|이름은|명칭은|^which|^what|^welche|^welcher|^welches|^was|^какой|^какая|^какое|^какие|^какую|^какого|^каком|^каких|^какими|^каким|^какому|^что|^чего|^чем|^чему|^как|^hangi|^hangisi|^ne|^nedir|^neyi|^neye|^neyin|^nelerdir|^neler|^nasil|^adi|^welchem|^welchen|^welcher|^wie|^woraus|^womit|^wodurch|^wofur|哪|什么|何|なに|どの"},
}};

bool has_cue(std::string_view question, std::string_view cues) {
  for (std::string_view cue : split(cues, '|')) {
    const bool word = cue.starts_with('^');
    if (word) cue.remove_prefix(1);
    const std::string pattern = word ? " " + std::string(cue) + " " : std::string(cue);
    if (question.find(pattern) != question.npos) return true;
  }
  return false;
}

}  // namespace

Kind kind_of(std::string_view question) {
  // Punctuation becomes space so that whole words can be told.
  std::string folded = " ";
  const std::string lower = text::fold(question);
  for (size_t i = 0; i < lower.size();) {
    const char32_t c = decode_utf8(lower, i);
    append_utf8(folded, text::script_of(c) == text::Script::kNone ? U' ' : c);
  }
  folded = " " + collapse_spaces(folded) + " ";
  for (const Cue& cue : kCues) {
    if (has_cue(folded, cue.words)) return cue.kind;
  }
  return Kind::kAny;
}

}  // namespace sillok::answer
