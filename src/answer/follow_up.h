// Private to answer: a question that leans on the conversation, made whole.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "answer/answer.h"

namespace sillok::answer {

// As whole_question (answer.h) by the model, where the rules say that it is a follow-up; the rules' reading if the model brings in a word that
// neither question nor conversation has, or loses a number, date or identifier of the question. Errors of the model are
// left to the answer that follows.
std::string whole_question(std::string_view question, const std::vector<Exchange>& conversation, Generator& generator,
                           const WriteRequest& request);

// Whether every word of `text` is a word of `source`, particles and endings aside.
bool only_words_of(std::string_view text, std::string_view source);

}  // namespace sillok::answer
