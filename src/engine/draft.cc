#include "engine/draft.h"

#include <algorithm>

namespace sillok::engine {

std::vector<Token> look_up(std::span<const Token> history, size_t most, size_t shortest) {
  constexpr size_t kLongest = 5;
  if (most == 0 || history.size() < shortest + 1) return {};
  // One pass from the end: the latest place where the longest suffix stood.
  size_t best_length = 0, best_next = 0;
  for (size_t next = history.size() - 1; next >= shortest && best_length < kLongest; --next) {
    size_t length = 0;
    while (length < kLongest && length < next && history[next - 1 - length] == history[history.size() - 1 - length]) {
      ++length;
    }
    if (length >= shortest && length > best_length) {
      best_length = length;
      best_next = next;
    }
  }
  if (best_length == 0) return {};
  const size_t count = std::min(most, history.size() - best_next);
  return {history.begin() + static_cast<std::ptrdiff_t>(best_next),
          history.begin() + static_cast<std::ptrdiff_t>(best_next + count)};
}

}  // namespace sillok::engine
