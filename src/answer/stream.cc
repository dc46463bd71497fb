#include "answer/stream.h"

#include <algorithm>
#include <optional>

#include "base/base.h"
#include "text/text.h"

namespace sillok::answer {
namespace {

constexpr std::string_view kThink = "<think>", kThought = "</think>";
constexpr size_t kLongest = 4000;  // bytes of a sentence; one that goes on is cut there

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }

// The end of a mark "[3]" or "[1, 2]" at `at`, its numbers appended; none if there is no mark.
std::optional<size_t> mark_at(std::string_view text, size_t at, std::vector<uint32_t>* numbers) {
  if (at >= text.size() || text[at] != '[') return std::nullopt;
  std::vector<uint32_t> found;
  size_t i = at + 1;
  for (;;) {
    while (i < text.size() && is_space(text[i])) ++i;
    uint32_t number = 0;
    const size_t begin = i;
    while (i < text.size() && is_digit(text[i]) && i - begin < 4) number = number * 10 + static_cast<uint32_t>(text[i++] - '0');
    if (i == begin) return std::nullopt;
    found.push_back(number);
    while (i < text.size() && is_space(text[i])) ++i;
    if (i < text.size() && (text[i] == ',' || text[i] == ';')) {
      ++i;
      continue;
    }
    break;
  }
  if (i >= text.size() || text[i] != ']') return std::nullopt;
  if (numbers != nullptr) {
    for (const uint32_t n : found) {
      if (std::find(numbers->begin(), numbers->end(), n) == numbers->end()) numbers->push_back(n);
    }
  }
  return i + 1;
}

// The text with its marks blanked out, byte for byte.
std::string without_marks(std::string_view text, std::vector<uint32_t>* numbers) {
  std::string plain(text);
  for (size_t i = 0; i < text.size();) {
    if (const auto end = mark_at(text, i, numbers)) {
      std::fill(plain.begin() + static_cast<std::ptrdiff_t>(i), plain.begin() + static_cast<std::ptrdiff_t>(*end), ' ');
      i = *end;
    } else {
      ++i;
    }
  }
  return plain;
}

// Emphasis and headings off; a bullet stays.
std::string without_markdown(std::string_view text) {
  std::string out;
  text = trim(text);
  while (!text.empty() && text[0] == '#') text.remove_prefix(1);
  text = trim(text);
  if (text.starts_with("* ")) {
    out = "- ";
    text.remove_prefix(2);
  }
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i).starts_with("**") || text.substr(i).starts_with("__")) {
      ++i;
    } else if (text[i] != '`') {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

void SentenceStream::feed(std::string_view text) {
  for (const char c : text) take(c);
}

void SentenceStream::take(char c) {
  buffer_ += c;
  if (thinking_ != Thinking::kOver) {
    const std::string_view seen = trim(buffer_);
    if (thinking_ == Thinking::kUnknown) {
      if (kThink.starts_with(seen)) {
        if (seen == kThink) thinking_ = Thinking::kInside;
        return;
      }
      thinking_ = Thinking::kOver;
    } else {
      if (buffer_.ends_with(kThought)) {
        buffer_.clear();
        thinking_ = Thinking::kOver;
      } else if (buffer_.size() > 2 * kLongest) {
        buffer_.erase(0, kLongest);  // only the end of it is waited for
      }
      return;
    }
  }
  if (c == ' ' || c == '\n') {
    while (give_first(false)) {}
  } else if (buffer_.size() > kLongest && (static_cast<uint8_t>(c) & 0xC0) != 0x80) {
    const std::string rest(1, c);
    buffer_.pop_back();
    give(buffer_);
    buffer_ = rest;
  }
}

void SentenceStream::finish() {
  if (thinking_ == Thinking::kInside) buffer_.clear();
  while (give_first(true)) {}
  buffer_.clear();
}

// Gives the first sentence in the buffer if its end is certain.
bool SentenceStream::give_first(bool last) {
  const std::string plain = without_marks(buffer_, nullptr);
  const auto spans = text::sentences(plain);
  if (spans.empty()) {
    // A line of marks alone: nothing to cite them.
    const size_t line = buffer_.find('\n');
    if (line == std::string::npos) return false;
    buffer_.erase(0, line + 1);
    new_line_ = true;
    return !buffer_.empty();
  }
  // Marks behind it, on its line.
  size_t end = spans[0].end;
  for (size_t i = end; i < buffer_.size();) {
    if (is_space(buffer_[i])) {
      ++i;
    } else if (const auto mark = mark_at(buffer_, i, nullptr)) {
      end = i = *mark;
    } else {
      break;
    }
  }
  size_t rest = end;
  while (rest < buffer_.size() && is_space(buffer_[rest])) ++rest;
  // A mark may still be on its way.
  if (!last && rest >= buffer_.size()) return false;
  give(std::string_view(buffer_).substr(0, end));
  new_line_ = rest < buffer_.size() && buffer_[rest] == '\n';
  while (rest < buffer_.size() && (buffer_[rest] == '\n' || is_space(buffer_[rest]))) ++rest;
  buffer_.erase(0, rest);
  return !buffer_.empty();
}

void SentenceStream::give(std::string_view piece) {
  DraftSentence sentence;
  const std::string plain = without_marks(piece, &sentence.cites);
  std::string text = collapse_spaces(without_markdown(clean_utf8(plain)));
  // The space that a mark leaves before a full stop.
  for (std::string_view stop : {" .", " ,", " 。"}) {
    if (text.ends_with(stop)) text.erase(text.size() - stop.size(), 1);
  }
  sentence.text = std::move(text);
  sentence.new_line = new_line_ || (!piece.empty() && piece[0] == '\n');
  if (!trim(sentence.text).empty()) sink_(std::move(sentence));
}

}  // namespace sillok::answer
