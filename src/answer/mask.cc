#include "answer/answer.h"

namespace sillok::answer {
namespace {

// As it stands in its passage: what tells personal data ("계좌번호:") may stand before the quote.
std::string masked(const Quote& quote, const std::vector<search::PassageResult>& passages) {
  for (const search::PassageResult& passage : passages) {
    if (passage.version_id != quote.version_id) continue;
    const size_t at = passage.text.find(quote.text);
    if (at != passage.text.npos) return govern::mask_personal(passage.text).substr(at, quote.text.size());
  }
  return govern::mask_personal(quote.text);
}

void replace(std::string& said, const std::string& before, const std::string& after) {
  const size_t at = before.find(said);
  said = at == before.npos ? govern::mask_personal(said) : after.substr(at, said.size());
}

}  // namespace

void mask_personal(Answer& answer) {
  for (std::vector<Quote>* quotes : {&answer.quotes, &answer.closest}) {
    for (size_t i = 0; i < quotes->size(); ++i) {
      Quote& quote = (*quotes)[i];
      const std::string before = quote.text;
      quote.text = masked(quote, answer.passages);
      if (quotes != &answer.quotes) continue;
      if (before.find(answer.text) != before.npos) replace(answer.text, before, quote.text);
      for (Conflict& conflict : answer.conflicts) {
        if (conflict.newer == i) replace(conflict.newer_span, before, quote.text);
        if (conflict.older == i) replace(conflict.older_span, before, quote.text);
      }
    }
  }
  answer.text = govern::mask_personal(answer.text);
  for (search::PassageResult& passage : answer.passages) {
    passage.text = govern::mask_personal(passage.text);
    passage.snippet = govern::mask_personal(passage.snippet);
    passage.context = govern::mask_personal(passage.context);
  }
}

}  // namespace sillok::answer
