// Private to documents: mending what the Korean model made of Latin codes and words, from a second
// reading of the same line by the English model.
//
// The Korean model reads "HSG-2025-0417" as "1506-2025-0417" and "BYG-5502" as "8\"(-5502"; the English
// one reads the codes right and the Korean around them as rubbish; both in one engine do badly at
// either. So each word is taken from the model that is surer of it, where the digits they agree on prove
// that they speak of the same thing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sillok::documents {

struct OcrWord {
  std::string text;
  int left = 0, right = 0;  // pixels
  float confidence = 0;     // per cent
};

// True if a line of the Korean model holds something that may be Latin misread; a second reading is
// only worth its time then.
bool may_hide_latin(const std::vector<OcrWord>& korean);
// `line` as the Korean model wrote it, its words in order, and the same line by the English model.
std::string with_latin_words(std::string_view line, const std::vector<OcrWord>& korean,
                             const std::vector<OcrWord>& english);

}  // namespace sillok::documents
