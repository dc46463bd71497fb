#include "documents/items.h"

#include <algorithm>

namespace sillok::documents {
namespace {

}  // namespace

size_t count_code_points(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<uint8_t>(c) & 0xC0) != 0x80;
  }));
}

size_t item_marker_size(std::string_view text) {
  for (const std::string_view bullet : {"•", "·", "●", "○", "■", "□", "▪", "▫", "◦", "◇", "◆", "▶", "▷", "※", "ㅇ", "–",
                                        "-", "*", "\xEF\x82\xB7", "✓", "☐", "☑"}) {
    if (text.starts_with(bullet) && text.size() > bullet.size() && text[bullet.size()] == ' ') return bullet.size() + 1;
  }
  size_t offset = 0;
  const char32_t first = text.empty() ? 0 : decode_utf8(text, offset);
  if ((first >= 0x2460 && first <= 0x2473) || (first >= 0x3260 && first <= 0x327B)) return 3;  // ①, ㉠
  size_t i = 0;
  const bool bracket = text.starts_with('(');
  if (bracket) i = 1;
  const size_t start = i;
  while (i < text.size() && i - start < 2 && is_digit(text[i])) ++i;
  if (i == start) {
    for (const std::string_view letter : {"가", "나", "다", "라", "마", "바", "사", "아", "자", "차", "카", "타", "파", "하"}) {
      if (text.substr(i).starts_with(letter)) {
        i += letter.size();
        break;
      }
    }
  }
  if (i == start || i + 1 >= text.size() || text[i + 1] != ' ') return 0;
  if (text[i] == ')' || (text[i] == '.' && !bracket)) {
    const bool date = text[i] == '.' && i + 2 < text.size() && is_digit(text[i + 2]);
    return date ? 0 : i + 2;
  }
  return 0;
}

}  // namespace sillok::documents
