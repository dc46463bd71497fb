// Private to answer: a question that leans on the conversation, made whole.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "answer/answer.h"

namespace sillok::answer {

// By rules: "그럼 2022년에는?" takes the last question with its year changed; "who signed it?" takes along what was spoken of.
// A question that stands by itself stays as it is. Several follow-ups in a row are resolved from the first on.
std::string whole_question(std::string_view question, const std::vector<Exchange>& conversation);

// The same by the model, where the rules say that it is a follow-up; the rules' reading if the model brings in a word that
// neither question nor conversation has, or loses a number, date or identifier of the question. Errors of the model are
// left to the answer that follows.
std::string whole_question(std::string_view question, const std::vector<Exchange>& conversation, Generator& generator,
                           const WriteRequest& request);

// Whether every word of `text` is a word of `source`, particles and endings aside.
bool only_words_of(std::string_view text, std::string_view source);

}  // namespace sillok::answer
