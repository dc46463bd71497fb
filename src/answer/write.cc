// Answers that write: evidence -> prompt -> sentences as they come -> each checked -> shown.
#include <algorithm>

#include "answer/answer.h"
#include "answer/check.h"
#include "answer/evidence.h"
#include "answer/follow_up.h"
#include "answer/prompts.h"
#include "answer/stream.h"

namespace sillok::answer {
namespace {

constexpr size_t kMargin = 32;       // tokens that a chat template puts around the turns
constexpr size_t kLeastEvidence = 128;  // tokens; with less a model has nothing to write from

// What is quoted when nothing is written: without what was only for writing.
Written quoted(Written written, Answer answer, std::string why) {
  answer.further.clear();
  written.answer = std::move(answer);
  written.why = std::move(why);
  return written;
}

// The quotes numbered by the piece of evidence that each stands in; of passages that were not shown, after those.
void number_by_piece(const Evidence& evidence, std::vector<Quote>& quotes) {
  auto next = static_cast<uint32_t>(evidence.pieces.size() + 1);
  for (Quote& quote : quotes) {
    quote.n = 0;
    for (size_t p = 0; p < evidence.pieces.size() && quote.n == 0; ++p) {
      if (evidence.passages[p].version_id == quote.version_id && evidence.passages[p].text.find(quote.text) != std::string::npos) quote.n = evidence.pieces[p].n;
    }
    if (quote.n == 0) quote.n = next++;
  }
}

void mask_quotes(const WriteRequest& request, std::vector<Quote>& quotes) {
  if (!request.mask) return;
  for (Quote& quote : quotes) {
    std::string masked = request.mask(quote.text);
    // Masking keeps the shape; where it does not, the mark has lost its place.
    if (masked.size() != quote.text.size()) quote.span.reset();
    quote.text = std::move(masked);
  }
}

void mask_answer(const WriteRequest& request, Answer& answer) {
  if (!request.mask) return;
  mask_quotes(request, answer.quotes);
  mask_quotes(request, answer.closest);
  answer.text = request.mask(answer.text);
  for (Conflict& conflict : answer.conflicts) {
    conflict.newer_span = request.mask(conflict.newer_span);
    conflict.older_span = request.mask(conflict.older_span);
  }
}

// Takes the model's sentences one by one, keeps and shows what the policy lets through.
class Writer {
 public:
  Writer(const Answerer& answerer, const WriteRequest& request, const Evidence& evidence, Tongue tongue, Written& written)
      : answerer_(answerer), request_(request), evidence_(evidence), tongue_(tongue), written_(written),
        checker_(written.question, evidence.pieces, request.encoder) {}

  void take(const DraftSentence& draft) {
    const std::string said = unescape_shown(draft.text);
    if (said.find(kNoAnswer) != said.npos) {
      declined_ = true;
      return;
    }
    const Verdict verdict = checker_.check(said, draft.cites);
    WrittenSentence sentence;
    sentence.support = verdict.support;
    sentence.supported = verdict.supported;
    sentence.by_meaning = verdict.by_meaning;
    if (!verdict.trouble.empty() && !troubled_) {
      troubled_ = true;
      written_.answer.notes.push_back("the encoder could not be asked, sentences are checked by their words alone: " + verdict.trouble);
    }
    if (verdict.supported) {
      sentence.cites = verdict.cites;
      prove(verdict);
    }
    sentence.text = request_.mask ? request_.mask(said) : said;
    if (!verdict.supported && request_.unsupported == Unsupported::kMark) {
      sentence.text.append(" ").append(unsupported_mark(tongue_));
    }
    for (const uint32_t n : sentence.cites) sentence.text += (n == sentence.cites.front() ? " [" : "[") + std::to_string(n) + "]";
    written_.sentences.push_back(sentence);
    if (!verdict.supported && request_.unsupported == Unsupported::kDrop) return;
    // A marked sentence waits for the first that is supported: without one there is no written answer.
    waiting_.push_back({sentence.text, draft.new_line});
    supported_ |= verdict.supported;
    if (supported_) show();
  }
  bool supported() const { return supported_; }
  bool declined() const { return declined_; }

 private:
  struct Line {
    std::string text;
    bool new_line = false;
  };

  void show() {
    for (const Line& line : waiting_) {
      const std::string piece = (written_.text.empty() ? "" : line.new_line ? "\n" : " ") + line.text;
      written_.text += piece;
      if (request_.on_text) request_.on_text(piece);
    }
    waiting_.clear();
  }

  // The unit that says it becomes a quote, unless it is one already.
  void prove(const Verdict& verdict) {
    std::vector<Quote>& quotes = written_.answer.quotes;
    for (const Verdict::Place& place : verdict.places) {
      const Piece& piece = evidence_.pieces[place.piece];
      const search::Match& unit = piece.units[place.unit];
      std::string text = piece.text.substr(unit.begin, unit.end - unit.begin);
      if (request_.mask) text = request_.mask(text);
      if (std::any_of(quotes.begin(), quotes.end(), [&](const Quote& q) { return q.n == piece.n && q.text.find(text) != std::string::npos; })) continue;
      auto quote = answerer_.quote(evidence_.passages[place.piece], place.unit, 0);
      if (!quote) continue;
      quote->n = piece.n;
      quote->text = std::move(text);
      quotes.push_back(std::move(*quote));
    }
  }

  const Answerer& answerer_;
  const WriteRequest& request_;
  const Evidence& evidence_;
  Tongue tongue_;
  Written& written_;
  Checker checker_;
  std::vector<Line> waiting_;
  bool supported_ = false, declined_ = false, troubled_ = false;
};

Result<Written> write_with(const Answerer& answerer, Generator& generator, const WriteRequest& request) {
  Written written;
  written.question = request.conversation.empty() ? request.ask.question : whole_question(request.ask.question, request.conversation, generator, request);
  AskRequest ask = request.ask;
  ask.question = written.question;
  ask.further = true;
  SILLOK_ASSIGN(Answer answer, answerer.ask(ask));
  if (!answer.answerable) {
    mask_answer(request, answer);
    if (request.on_evidence) request.on_evidence(answer);
    return quoted(std::move(written), std::move(answer), "the evidence is too weak to answer from");
  }

  const Tongue tongue = tongue_of(request.ask.question);
  const auto count = [&](std::string_view text) { return generator.count(text); };
  const std::string asked = escape_evidence(collapse_spaces(written.question));
  const size_t fixed = count(system_prompt(tongue)) + count(question_prompt(tongue, "", asked)) + request.max_tokens + kMargin;
  if (generator.budget() < fixed + kLeastEvidence) {
    return fail(ErrorCode::kLimit, "the model holds " + std::to_string(generator.budget()) + " tokens, too few for the rules, an answer of " +
                                       std::to_string(request.max_tokens) + " and any evidence; give it a larger context or ask for fewer tokens");
  }
  const Evidence evidence = pack_evidence(answer, tongue, generator.budget() - fixed, count);

  Answer plain = answer;
  mask_answer(request, plain);
  number_by_piece(evidence, answer.quotes);
  answer.further.clear();
  mask_answer(request, answer);
  written.answer = std::move(answer);
  if (request.on_evidence) request.on_evidence(written.answer);
  if (evidence.pieces.empty()) return quoted(std::move(written), std::move(plain), "no passage fits into what the model holds");

  Writer writer(answerer, request, evidence, tongue, written);
  SentenceStream stream([&](const DraftSentence& draft) { writer.take(draft); });
  Generator::Request chat;
  chat.turns = {{"system", std::string(system_prompt(tongue))}, {"user", question_prompt(tongue, evidence.prompt, asked)}};
  chat.max_tokens = request.max_tokens;
  chat.seed = request.seed;
  chat.client = request.client;
  chat.cancelled = request.cancelled;
  chat.on_text = [&](std::string_view text) { stream.feed(text); };
  const auto reply = generator.chat(chat);
  written.cancelled = reply && reply->cancelled;
  // What was broken off in the middle of a sentence is none.
  if (reply && !reply->cancelled && !reply->cut) stream.finish();

  if (!writer.supported()) {
    std::string why = !reply              ? "the model could not answer: " + reply.error().message
                      : written.cancelled ? "cancelled"
                      : writer.declined() ? "the model found no answer in the evidence"
                      : written.sentences.empty() ? "the model wrote nothing"
                                                  : "nothing the model wrote is said by the evidence";
    return quoted(std::move(written), std::move(plain), std::move(why));
  }
  written.written = true;
  if (!reply) written.why = "the model broke off: " + reply.error().message;
  else if (reply->cut) written.why = "the answer reached its longest and was cut";
  return written;
}

}  // namespace

Result<Written> write(const Answerer& answerer, Generator& generator, const WriteRequest& request) {
  auto written = write_with(answerer, generator, request);
  // Last: the hash of a large model's file may still be on its way while the first answer is written.
  if (written) written->model = generator.name() + (request.encoder == nullptr ? "" : ", checked by " + request.encoder->name());
  return written;
}

}  // namespace sillok::answer
