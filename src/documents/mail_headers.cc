#include "documents/mail_headers.h"

#include <glib.h>

#include <optional>

#include "documents/reader.h"

namespace sillok::documents {
namespace {

int hex_digit(char c) { return g_ascii_xdigit_value(c); }

// "=41=42" or "%41%42" to bytes; `underscore` for RFC 2047's Q, where it is a space.
std::string unescape(std::string_view text, char mark, bool underscore) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == mark && i + 2 < text.size() + 0 && hex_digit(text[i + 1]) >= 0 &&
        hex_digit(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else {
      out += underscore && text[i] == '_' ? ' ' : text[i];
    }
  }
  return out;
}

std::string from_base64(std::string_view text) {
  std::string copy(text);
  gsize size = 0;
  guchar* bytes = g_base64_decode(copy.c_str(), &size);
  std::string out(reinterpret_cast<const char*>(bytes), bytes == nullptr ? 0 : size);
  g_free(bytes);
  return out;
}

struct EncodedWord {
  std::string charset, bytes;
  size_t length = 0;  // of the whole "=?...?="
};

std::optional<EncodedWord> encoded_word(std::string_view text) {
  if (!text.starts_with("=?")) return std::nullopt;
  const size_t charset_end = text.find('?', 2);
  if (charset_end == std::string_view::npos || charset_end + 2 >= text.size() ||
      text[charset_end + 2] != '?')
    return std::nullopt;
  const char encoding = g_ascii_tolower(text[charset_end + 1]);
  const size_t begin = charset_end + 3, end = text.find("?=", begin);
  if (end == std::string_view::npos || (encoding != 'b' && encoding != 'q')) return std::nullopt;
  const std::string_view payload = text.substr(begin, end - begin);
  EncodedWord word;
  word.charset = text.substr(2, charset_end - 2);
  word.charset = word.charset.substr(0, word.charset.find('*'));  // RFC 2231: a language after it
  word.bytes = encoding == 'b' ? from_base64(payload) : unescape(payload, '=', true);
  word.length = end + 2;
  return word;
}

std::string unfold(std::string_view raw) {
  std::string out;
  for (const char c : raw) {
    if (c == '\r') continue;
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

}  // namespace

std::string decode_header(std::string_view raw) {
  const std::string unfolded = unfold(raw);
  std::string_view rest = unfolded;
  std::string out, bytes, charset;  // bytes: of neighbouring words of one charset, decoded together
  const auto flush = [&] {
    if (!bytes.empty()) out += decode_text(bytes, charset);
    bytes.clear();
  };
  while (!rest.empty()) {
    if (const auto word = encoded_word(rest)) {
      if (!bytes.empty() && ascii_lower(charset) != ascii_lower(word->charset)) flush();
      charset = word->charset;
      bytes += word->bytes;
      rest.remove_prefix(word->length);
      // White space between two encoded words is not part of the text.
      const size_t next = rest.find_first_not_of(" \t");
      if (next != std::string_view::npos && next > 0 && encoded_word(rest.substr(next)))
        rest.remove_prefix(next);
      continue;
    }
    flush();
    const size_t next = std::min(rest.find("=?", 1), rest.size());
    out += decode_text(rest.substr(0, next));
    rest.remove_prefix(next);
  }
  flush();
  return collapse_spaces(out);
}

std::string HeaderValue::get(const std::string& name) const {
  const auto found = parameters.find(name);
  return found == parameters.end() ? "" : found->second;
}

HeaderValue parse_header_value(std::string_view raw) {
  const std::string unfolded = unfold(raw);
  HeaderValue result;
  std::map<std::string, std::map<unsigned, std::pair<std::string, bool>>>
      pieces;  // name -> index -> text, escaped
  bool first = true;
  for (size_t at = 0; at < unfolded.size();) {
    // One piece up to the next ';' outside quotes.
    std::string piece;
    bool quoted = false;
    for (; at < unfolded.size() && (quoted || unfolded[at] != ';'); ++at) {
      if (unfolded[at] == '"') {
        quoted = !quoted;
        continue;
      }
      if (quoted && unfolded[at] == '\\' && at + 1 < unfolded.size() &&
          (unfolded[at + 1] == '"' || unfolded[at + 1] == '\\'))
        ++at;
      piece += unfolded[at];
    }
    ++at;
    if (std::exchange(first, false)) {
      result.value = ascii_lower(trim(piece));
      continue;
    }
    const size_t equals = piece.find('=');
    if (equals == std::string::npos) continue;
    std::string name = ascii_lower(trim(std::string_view(piece).substr(0, equals)));
    std::string value(trim(std::string_view(piece).substr(equals + 1)));
    const bool escaped = name.ends_with('*');
    if (escaped) name.pop_back();
    unsigned index = 0;
    if (const size_t star = name.find('*'); star != std::string::npos) {
      index = static_cast<unsigned>(std::strtoul(name.c_str() + star + 1, nullptr, 10));
      name.resize(star);
      pieces[name][index] = {std::move(value), escaped};
    } else if (escaped) {
      pieces[name][0] = {std::move(value), true};
    } else {
      result.parameters.emplace(name, decode_header(value));
    }
  }
  for (const auto& [name, parts] : pieces) {
    std::string charset, bytes;
    for (const auto& [index, part] : parts) {
      std::string text = part.first;
      if (index == 0 && part.second) {
        const size_t quote = text.find('\''),
                     second = quote == std::string::npos ? quote : text.find('\'', quote + 1);
        if (second != std::string::npos) {
          charset = text.substr(0, quote);
          text.erase(0, second + 1);
        }
      }
      bytes += part.second ? unescape(text, '%', false) : text;
    }
    result.parameters[name] = decode_text(bytes, charset);
  }
  return result;
}

}  // namespace sillok::documents
