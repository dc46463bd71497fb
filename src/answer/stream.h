// Private to answer: a model's text as it comes, cut into sentences with the marks they carry.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace sillok::answer {

struct DraftSentence {
  std::string text;             // without marks and without Markdown's emphasis
  std::vector<uint32_t> cites;  // as written, in order, each once
  bool new_line = false;        // begins a line
};

// Cuts as text::sentences does; marks behind the full stop belong to the sentence before it, those at the front of a line
// to the one that follows. What a model thinks aloud (<think>...</think>) is left out. The cut does not depend on how
// the text is handed over.
class SentenceStream {
 public:
  explicit SentenceStream(std::function<void(DraftSentence)> sink) : sink_(std::move(sink)) {}
  void feed(std::string_view text);
  void finish();

 private:
  enum class Thinking : uint8_t { kUnknown, kInside, kOver };
  void take(char c);
  bool give_first(bool last);
  void give(std::string_view piece);

  std::function<void(DraftSentence)> sink_;
  std::string buffer_;
  Thinking thinking_ = Thinking::kUnknown;
  bool new_line_ = true;
};

}  // namespace sillok::answer
