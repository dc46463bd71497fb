#include "model/jinja_text.h"

#include <unicode/locid.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <algorithm>

namespace sillok::model::jinja {

bool is_space(char32_t c) {
  if (c < 0x80) return (c >= 9 && c <= 13) || (c >= 28 && c <= 32);
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
         c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_printable(char32_t c) {
  if (c < 0x7F) return c >= 0x20;
  switch (u_charType(static_cast<UChar32>(c))) {
    case U_UNASSIGNED:
    case U_CONTROL_CHAR:
    case U_FORMAT_CHAR:
    case U_PRIVATE_USE_CHAR:
    case U_SURROGATE:
    case U_SPACE_SEPARATOR:
    case U_LINE_SEPARATOR:
    case U_PARAGRAPH_SEPARATOR: return false;
    default: return true;
  }
}

size_t code_points(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

namespace {

bool stripped(char32_t c, std::u32string_view set) {
  return set.empty() ? is_space(c) : set.find(c) != std::u32string_view::npos;
}

}  // namespace

std::string_view strip_left(std::string_view text, std::string_view set) {
  const std::u32string wanted = to_utf32(set);
  for (size_t at = 0; at < text.size();) {
    size_t next = at;
    if (!stripped(decode_utf8(text, next), wanted)) return text.substr(at);
    at = next;
  }
  return {};
}

std::string_view strip_right(std::string_view text, std::string_view set) {
  const std::u32string wanted = to_utf32(set);
  while (!text.empty()) {
    size_t start = text.size() - 1;
    while (start > 0 && (text[start] & 0xC0) == 0x80) --start;
    size_t at = start;
    if (!stripped(decode_utf8(text, at), wanted)) break;
    text = text.substr(0, start);
  }
  return text;
}

namespace {

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::string cased(std::string_view text, bool to_upper) {
  if (is_ascii(text)) {
    std::string out(text);
    for (char& c : out) {
      if (to_upper ? (c >= 'a' && c <= 'z') : (c >= 'A' && c <= 'Z')) c = static_cast<char>(c ^ 0x20);
    }
    return out;
  }
  icu::UnicodeString u = icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), static_cast<int32_t>(text.size())));
  to_upper ? u.toUpper(icu::Locale::getRoot()) : u.toLower(icu::Locale::getRoot());
  std::string out;
  u.toUTF8String(out);
  return out;
}

void append_title(std::string& out, std::string_view character) {
  size_t at = 0;
  const char32_t c = decode_utf8(character, at);
  if (c == 0xDF) {  // ß: the one letter of everyday text whose title form is two letters
    out += "Ss";
  } else {
    append_utf8(out, static_cast<char32_t>(u_totitle(static_cast<UChar32>(c))));
  }
}

}  // namespace

std::string upper(std::string_view text) { return cased(text, true); }
std::string lower(std::string_view text) { return cased(text, false); }

std::string capitalize(std::string_view text) {
  if (text.empty()) return {};
  size_t at = 0;
  decode_utf8(text, at);
  std::string out;
  append_title(out, text.substr(0, at));
  return out + lower(text.substr(at));
}

std::string title(std::string_view text) {
  std::string out;
  bool in_word = false;
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    const char32_t c = decode_utf8(text, at);
    const std::string_view character = text.substr(start, at - start);
    if (in_word) out += lower(character);
    else append_title(out, character);
    // "Cased" in Python's sense: letters that have case; a digit or a Hangul syllable starts anew.
    in_word = u_isULowercase(static_cast<UChar32>(c)) || u_isUUppercase(static_cast<UChar32>(c)) ||
              u_charType(static_cast<UChar32>(c)) == U_TITLECASE_LETTER;
  }
  return out;
}

std::vector<std::string> characters(std::string_view text) {
  std::vector<std::string> out;
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    decode_utf8(text, at);
    out.emplace_back(text.substr(start, at - start));
  }
  return out;
}

std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends) {
  std::vector<std::string_view> lines;
  size_t start = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t before = at;
    const char32_t c = decode_utf8(text, at);
    const bool ends = (c >= 10 && c <= 13) || (c >= 28 && c <= 30) || c == 0x85 || c == 0x2028 || c == 0x2029;
    if (!ends) continue;
    if (c == '\r' && at < text.size() && text[at] == '\n') ++at;
    lines.push_back(text.substr(start, (keep_ends ? at : before) - start));
    start = at;
  }
  if (start < text.size()) lines.push_back(text.substr(start));
  return lines;
}

std::string replace_all(std::string_view text, std::string_view from, std::string_view to, int64_t count) {
  std::string out;
  if (from.empty()) {  // Between all characters, as Python does.
    for (size_t at = 0; at <= text.size();) {
      if (count != 0) {
        out += to;
        --count;
      }
      if (at == text.size()) break;
      const size_t start = at;
      decode_utf8(text, at);
      out += text.substr(start, at - start);
    }
    return out;
  }
  size_t at = 0;
  for (size_t hit; count != 0 && (hit = text.find(from, at)) != std::string_view::npos; --count) {
    out += text.substr(at, hit - at);
    out += to;
    at = hit + from.size();
  }
  out += text.substr(at);
  return out;
}

}  // namespace sillok::model::jinja
