// Private to engine: from the bytes of tokens to whole characters of text, up to a stop string.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sillok::engine {

class TextStream {
 public:
  // Empty stop strings are left out.
  explicit TextStream(const std::vector<std::string>& stops);

  // Adds a token's bytes. Gives what can be shown now: whole characters that cannot be the beginning of a stop
  // string. Nothing more is given once stopped().
  std::string add(std::string_view bytes);
  // What was held back: at the end of the tokens it is text after all. A character cut off becomes U+FFFD.
  std::string finish();
  bool stopped() const { return stopped_; }

 private:
  size_t held(std::string_view text) const;  // bytes at the end that may begin a stop string or a character

  std::vector<std::string> stops_;
  std::string pending_;
  bool stopped_ = false;
};

}  // namespace sillok::engine
