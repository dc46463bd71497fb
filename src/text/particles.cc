#include <unordered_map>

#include "text/text.h"

namespace sillok::text {
namespace {

// Particles and endings that may close a Korean word, longest first for each last syllable. Cutting a little too
// much is harmless: questions and passages are cut alike.
constexpr std::string_view kEndings =
    "은 는 이 가 을 를 의 에 에서 에게 에게서 께 께서 으로 로 으로써 로써 으로서 로서 와 과 랑 이랑 도 만 까지 부터 "
    "마저 조차 이나 나 이란 란 이라는 라는 이라고 라고 이라 라 이며 며 이고 고 인 이다 다 였다 이었다 했다 하였다 한다 "
    "하는 한 할 하여 해 하고 하며 하기 함 된 되는 되었다 됐다 된다 되어 되고 될 적 적인 적으로 들 들이 들은 들을 들의 "
    "에는 에도 에서는 에서도 에만 으로는 으로도 로는 로도 와의 과의 에의 으로의 로의 까지의 부터의 에서의 처럼 같은 "
    "같이 보다 마다 대로 밖에 뿐 요 인가 인가요 일까 는가 은가 였는가 했는가 하는가 되는가 된가 이었는가 였나 이었나 했나 "
    "하나 되나 인지 던 았던 었던 했던 하던 됐던 되던 으며 면 으면 하면 되면 지만 하지만 였지만 했으며 하였으며 했고 "
    "하였고 되었고 되었으며 였으며 였고 이었으며 이었고 려고 하려고 기 기가 기를 기에 음 임 았다 었다 았으며 었으며 "
    "았고 었고 는데 한데 은데 인데 했는데 였는데 시 씨 님 등 등의 등을 등이 등은 등에 합니다 입니다 습니다 합니까 입니까 "
    "습니까 나요 되나요 하나요 인가요 했습니다 하십시오 하시오 해야 하도록 되도록 한다는 했다는 된다는";

// Endings by their last syllable, each list longest first.
const std::unordered_map<char32_t, std::vector<std::u32string>>& endings() {
  static const auto table = [] {
    std::unordered_map<char32_t, std::vector<std::u32string>> by_last;
    for (std::string_view ending : split(kEndings, ' ')) {
      if (ending.empty()) continue;
      std::u32string folded = to_utf32(ending);
      auto& list = by_last[folded.back()];
      size_t at = 0;
      while (at < list.size() && list[at].size() >= folded.size()) ++at;
      list.insert(list.begin() + static_cast<std::ptrdiff_t>(at), std::move(folded));
    }
    return by_last;
  }();
  return table;
}

}  // namespace

size_t stem_length(std::u32string_view word) {
  constexpr size_t kShortestStem = 2;
  constexpr int kRounds = 2;  // 학교 + 에서 + 는
  size_t length = word.size();
  for (int round = 0; round < kRounds && length > kShortestStem; ++round) {
    const auto found = endings().find(word[length - 1]);
    if (found == endings().end()) break;
    size_t cut = 0;
    for (const std::u32string& ending : found->second) {
      if (length < ending.size() + kShortestStem) continue;
      if (word.substr(length - ending.size(), ending.size()) == ending) {
        cut = ending.size();
        break;
      }
    }
    if (cut == 0) break;
    length -= cut;
  }
  return length;
}

}  // namespace sillok::text
