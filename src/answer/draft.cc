// A question that a passage answers, drawn from it by a model: asked for as JSON, and looked up in the passage.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "answer/check.h"
#include "answer/evidence.h"
#include "answer/prompts.h"
#include "text/text.h"

namespace sillok::answer {
namespace {

using Json = nlohmann::json;

constexpr size_t kMargin = 32;             // tokens that a chat template puts around the turns
constexpr uint32_t kReplyTokens = 384;     // 200 and 300 characters with their frame, at a token and a half a syllable at worst
// Lengths are checked again by whoever keeps the question; here they end a model that goes on for ever.
constexpr std::string_view kSchema =
    R"({"type":"object","properties":{"question":{"type":"string","minLength":1,"maxLength":200},"answer":{"type":"string","minLength":1,"maxLength":300}},)"
    R"("required":["question","answer"],"additionalProperties":false})";

// The object in what the model wrote: some put a fence or a word around it.
Json object_in(std::string_view text) {
  const size_t begin = text.find('{'), end = text.rfind('}');
  if (begin == text.npos || end == text.npos || end < begin) return {};
  return Json::parse(text.substr(begin, end - begin + 1), nullptr, false);
}

std::string line_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() || !found->is_string() ? std::string() : collapse_spaces(unescape_shown(clean_utf8(found->get<std::string>())));
}

std::string folded(std::string_view text) { return text::fold(collapse_spaces(text)); }

bool has_word(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    if (text::script_of(decode_utf8(text, i)) != text::Script::kNone) return true;
  }
  return false;
}

}  // namespace

Tongue main_tongue(std::string_view text) {
  size_t hangul = 0, alphabet = 0;
  for (size_t i = 0; i < text.size();) {
    const text::Script script = text::script_of(decode_utf8(text, i));
    hangul += script == text::Script::kHangul ? 1 : 0;
    alphabet += script == text::Script::kAlphabet ? 1 : 0;
  }
  // A syllable is about two letters and a half.
  return 5 * hangul > 2 * alphabet ? Tongue::kKorean : Tongue::kOther;
}

Result<Draft> draft_question(Generator& generator, const search::PassageResult& passage, const std::function<bool()>& cancelled) {
  const Tongue tongue = main_tongue(passage.text);
  Generator::Request request;
  request.turns = {{"system", std::string(draft_system(tongue))},
                   {"user", draft_prompt(tongue, fenced(tongue, 1, head_of(passage, tongue), escape_evidence(passage.text)))}};
  request.max_tokens = kReplyTokens;
  request.schema = kSchema;
  request.client = "proposing";
  request.cancelled = cancelled;
  Draft draft;
  if (generator.count(request.turns[0].content) + generator.count(request.turns[1].content) + kReplyTokens + kMargin > generator.budget()) {
    draft.state = Draft::State::kTooLong;
    return draft;
  }
  SILLOK_ASSIGN(const Generator::Reply reply, generator.chat(request));
  if (reply.cancelled) {
    draft.state = Draft::State::kCancelled;
    return draft;
  }
  const Json object = object_in(reply.text);
  if (object.is_object()) {
    draft.question = line_of(object, "question");
    draft.answer = line_of(object, "answer");
  }
  if (!has_word(draft.question) || !has_word(draft.answer)) draft.state = Draft::State::kMalformed;
  return draft;
}

std::optional<search::Match> saying_unit(const search::PassageResult& passage, std::string_view question, std::string_view answer) {
  if (!has_word(answer)) return std::nullopt;
  Piece piece;
  piece.n = 1;
  piece.context = context_of(passage);
  piece.text = passage.text;
  std::vector<search::Match> holding;
  std::vector<std::string> texts;
  const std::string wanted = folded(answer);
  for (const text::Span span : text::sentences(passage.text)) {
    piece.units.push_back({span.begin, span.end});
    std::string unit = passage.text.substr(span.begin, span.end - span.begin);
    if (folded(unit).find(wanted) == std::string::npos) continue;
    holding.push_back(piece.units.back());
    texts.push_back(std::move(unit));
  }
  if (!holding.empty()) {
    const std::vector<double> scores = search::score_texts(question, texts);
    return holding[static_cast<size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin())];
  }
  const std::vector<search::Match> units = piece.units;
  const Verdict verdict = Checker(question, {std::move(piece)}).check(answer, {1});
  if (!verdict.supported || verdict.places.empty()) return std::nullopt;
  return units[verdict.places.front().unit];
}

}  // namespace sillok::answer
