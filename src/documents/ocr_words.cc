#include "documents/ocr_words.h"

#include <algorithm>

#include "base/base.h"

namespace sillok::documents {
namespace {

// Per cent, from both models' words on printed Korean sheets: right words score 90 and more, misread
// codes between 0 and 82.
constexpr float kSure = 90;
constexpr float kDoubtful = 60;    // below: even what looks like Korean may be misread Latin
constexpr float kLatinDoubt = 80;  // a sign or number the Korean model doubts may be a Latin word
constexpr float kLatinSure = 85;   // the English model's own confidence in a word without digits
constexpr size_t kMinCore = 3;     // signs both models agree on, two of them digits: "-02"
constexpr size_t kMinCoreDigits = 2;
constexpr std::string_view kSectionSign = "§";  // what the English model makes of an S before a digit
constexpr size_t kMaxAffix = 8;  // letters before or after the digits of a code

bool is_capital(char c) { return c >= 'A' && c <= 'Z'; }
bool is_latin(char c) { return is_capital(c) || (c >= 'a' && c <= 'z'); }

struct Letters {
  bool syllables = false, jamo = false, latin = false, digits = false;
};

Letters letters_of(std::string_view text) {
  Letters out;
  for (size_t i = 0; i < text.size();) {
    const char32_t c = decode_utf8(text, i);
    out.syllables |= c >= 0xAC00 && c <= 0xD7A3;
    out.jamo |= c >= 0x3131 && c <= 0x318E;
    out.latin |= c < 0x80 && is_latin(static_cast<char>(c));
    out.digits |= c < 0x80 && is_digit(static_cast<char>(c));
  }
  return out;
}

// The engine cuts Korean into more words than there are; a token is what stands between two spaces.
struct Token {
  std::string text;
  size_t spaces = 0;  // before it
  std::vector<OcrWord> pieces;
  int left = 0, right = 0;
};

// Nothing if the words do not make up the line.
std::vector<Token> tokens_of(std::string_view line, const std::vector<OcrWord>& words) {
  std::vector<Token> tokens;
  for (const OcrWord& word : words) {
    const size_t spaces = std::min(line.find_first_not_of(" \n\t"), line.size());
    line.remove_prefix(spaces);
    if (word.text.empty() || !line.starts_with(word.text)) return {};
    line.remove_prefix(word.text.size());
    if (tokens.empty() || spaces > 0) tokens.push_back({"", spaces, {}, word.left, word.right});
    Token& token = tokens.back();
    token.text += word.text;
    token.pieces.push_back(word);
    token.left = std::min(token.left, word.left);
    token.right = std::max(token.right, word.right);
  }
  if (line.find_first_not_of(" \n\t") != std::string_view::npos) return {};
  return tokens;
}

// The longest run both have that holds digits, as offsets.
struct Core {
  size_t mine = 0, theirs = 0, size = 0;
};

Core common_core(std::string_view mine, std::string_view theirs) {
  Core best;
  for (size_t i = 0; i < mine.size(); ++i) {
    for (size_t j = 0; j < theirs.size(); ++j) {
      size_t size = 0, digits = 0;
      while (i + size < mine.size() && j + size < theirs.size() &&
             mine[i + size] == theirs[j + size] && static_cast<signed char>(mine[i + size]) > 0) {
        digits += is_digit(mine[i + size]);
        ++size;
      }
      if (size >= kMinCore && digits >= kMinCoreDigits && size > best.size) best = {i, j, size};
    }
  }
  return best;
}

// What stands before or after the digits of a code: "HSG-", "BYG", "(G".
bool is_code_affix(std::string_view text) {
  if (text.empty() || text.size() > kMaxAffix) return false;
  return std::any_of(text.begin(), text.end(), is_capital) &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return is_capital(c) || is_digit(c) || c == '-' || c == '(' || c == ')' || c == ',' ||
                  c == '.' || c == '/' || c == ':';
         });
}

// Whether the bytes [from, to) of a token are in doubt: beside a reading of that confidence.
bool in_doubt(const Token& token, size_t from, size_t to, float confidence) {
  const std::string_view part = std::string_view(token.text).substr(from, to - from);
  float lowest = 100;
  size_t at = 0;
  for (const OcrWord& piece : token.pieces) {
    const size_t end = at + piece.text.size();
    if (at < to && end > from) {
      lowest = std::min(lowest, piece.confidence);
      if (letters_of(piece.text).syllables && piece.confidence >= kDoubtful) return false;
    }
    at = end;
  }
  // No printed code begins with these: they are parts of letters.
  if (part.find_first_of("[]{}|\"") != std::string_view::npos) return true;
  return lowest < kSure && (lowest < confidence || letters_of(part).jamo);
}

// The token with its code's letters from the English word, if that is the better reading.
std::string mended_code(const Token& token, const OcrWord& english) {
  const Core core = common_core(token.text, english.text);
  if (core.size == 0) return token.text;
  const std::string_view mine(token.text), theirs(english.text);
  std::string before(mine.substr(0, core.mine)), after(mine.substr(core.mine + core.size));
  const std::string_view their_before = theirs.substr(0, core.theirs);
  const std::string_view their_after = theirs.substr(core.theirs + core.size);
  if (!before.empty() && is_code_affix(their_before) &&
      in_doubt(token, 0, core.mine, english.confidence)) {
    before = their_before;
  }
  if (!after.empty() && is_code_affix(their_after) &&
      in_doubt(token, core.mine + core.size, mine.size(), english.confidence)) {
    after = their_after;
  }
  return before + std::string(mine.substr(core.mine, core.size)) + after;
}

bool is_latin_word(const OcrWord& english, const Token& token) {
  const auto letters = std::count_if(english.text.begin(), english.text.end(), is_latin);
  if (letters < 2 || english.confidence < kLatinSure) return false;
  const bool plain = std::all_of(english.text.begin(), english.text.end(),
                                 [](char c) { return is_latin(c) || c == '.' || c == ','; });
  float highest = 0;
  for (const OcrWord& piece : token.pieces) highest = std::max(highest, piece.confidence);
  const Letters mine = letters_of(token.text);
  return plain && highest < (mine.syllables ? kDoubtful : kLatinDoubt);
}

bool same_place(const Token& token, const OcrWord& word) {
  const int shared = std::min(token.right, word.right) - std::max(token.left, word.left);
  return shared * 10 >= (token.right - token.left) * 7 && shared * 10 >= (word.right - word.left) * 7;
}

}  // namespace

bool may_hide_latin(const std::vector<OcrWord>& korean) {
  return std::any_of(korean.begin(), korean.end(), [](const OcrWord& word) {
    const Letters letters = letters_of(word.text);
    if (letters.jamo) return true;
    if (word.confidence < kDoubtful) return true;
    return word.confidence < kSure && !letters.syllables;
  });
}

std::string with_latin_words(std::string_view line, const std::vector<OcrWord>& korean,
                             const std::vector<OcrWord>& english) {
  const std::vector<Token> tokens = tokens_of(line, korean);
  if (tokens.empty()) return std::string(line);
  std::string out;
  for (const Token& token : tokens) {
    std::string text = token.text;
    for (OcrWord word : english) {
      if (word.text.starts_with(kSectionSign)) word.text.replace(0, kSectionSign.size(), "S");
      if (!same_place(token, word)) continue;
      text = is_latin_word(word, token) ? word.text : mended_code(token, word);
    }
    out.append(token.spaces, ' ');  // wide gaps part the cells of a table
    out += text;
  }
  return out;
}

}  // namespace sillok::documents
