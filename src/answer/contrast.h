// Private to answer: words that turn a statement round.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace sillok::answer {

// Folded words of text, in order.
std::vector<std::string> folded_words(std::string_view text);
// Whether any of the words negates; `count_negations` counts them ("않으면 안 된다" has two).
bool negates(const std::vector<std::string>& words);
size_t count_negations(std::string_view text);
// Pairs of opposites: `asked` has one, `said` only the other.
bool opposes(const std::vector<std::string>& asked, const std::unordered_set<std::string>& said);

}  // namespace sillok::answer
