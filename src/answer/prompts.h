// Private to answer (but for prompts_hash): all that is said to a generating model, in one place.
#pragma once

#include <string>
#include <string_view>

#include "answer/answer.h"

namespace sillok::answer {

// The rules: evidence is quoted material, each sentence cites, nothing is added.
std::string_view system_prompt(Tongue tongue);
// One piece of evidence between its fences. `head` and `text` are escaped (escape_evidence).
std::string fenced(Tongue tongue, uint32_t n, std::string_view head, std::string_view text);
// The turn after which the model answers.
std::string question_prompt(Tongue tongue, std::string_view evidence, std::string_view question);
// Asks for a follow-up made whole.
std::string follow_up_system(Tongue tongue);
std::string follow_up_prompt(Tongue tongue, std::string_view conversation, std::string_view question);
// Asks for a question that a passage answers, and its answer, as JSON (draft.cc). Not among prompts_hash: no answer rests on it.
std::string_view draft_system(Tongue tongue);
std::string draft_prompt(Tongue tongue, std::string_view evidence);
// What is put behind a sentence that nothing supports, where such are shown.
std::string_view unsupported_mark(Tongue tongue);

// Text of records or of people, such that it can be no fence, no citation and no mark of a chat template: brackets of
// those kinds become their full-width forms, characters that do not show are left out.
std::string escape_evidence(std::string_view text);
// The way back for what is shown; bracketed numbers that a record brought along are left out.
std::string unescape_shown(std::string_view text);

}  // namespace sillok::answer
