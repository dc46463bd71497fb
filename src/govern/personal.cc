#include "govern/personal.h"

#include <algorithm>
#include <array>

namespace sillok::govern {
namespace {

constexpr std::array<std::string_view, 8> kKinds = {"resident_number", "phone", "account", "card",
                                                    "passport",        "email", "address", "driver_licence"};

char32_t plain(char32_t c) {
  if (c >= 0xFF01 && c <= 0xFF5E) c -= 0xFEE0;  // full-width forms
  if (c == 0x2010 || c == 0x2011 || c == 0x2012 || c == 0x2013 || c == 0x2014 || c == 0x2212 || c == 0x00AD) return U'-';
  if (c == 0x00A0 || c == 0x3000) return U' ';
  return c;
}

// What stands for a masked code point: as many bytes as it has.
std::string_view mask_of(size_t bytes) {
  constexpr std::array<std::string_view, 5> kMasks = {"", "*", "\u00D7", "\uFF0A", "\U0001F7B0"};
  return kMasks[std::min<size_t>(bytes, 4)];
}

bool is_masked(const PlainText& text, const Found& found, size_t i) {
  const char32_t c = text.at(i);
  const size_t from_start = i - found.begin, left = found.end - i;
  switch (found.kind) {
    case PersonalKind::kResidentNumber: {
      // Birth date and the digit after it stay: 900101-1******.
      size_t digits = 0;
      for (size_t k = found.begin; k < i; ++k) digits += text.digit(k) ? 1 : 0;
      return text.digit(i) && digits >= 7;
    }
    case PersonalKind::kPhone: {
      // The last four digits stay, and what stands before the first dash.
      size_t before = 0, after = 0;
      for (size_t k = found.begin; k < i; ++k) before += text.digit(k) ? 1 : 0;
      for (size_t k = i + 1; k < found.end; ++k) after += text.digit(k) ? 1 : 0;
      return text.digit(i) && before >= 3 && after >= 4;
    }
    case PersonalKind::kCard: {
      size_t after = 0;
      for (size_t k = i + 1; k < found.end; ++k) after += text.digit(k) ? 1 : 0;
      return text.digit(i) && after >= 4;
    }
    case PersonalKind::kAccount: {
      size_t before = 0;
      for (size_t k = found.begin; k < i; ++k) before += text.digit(k) ? 1 : 0;
      return (text.digit(i) || is_letter_or_digit(c)) && before >= 3;
    }
    case PersonalKind::kPassport:
      return from_start >= 1;
    case PersonalKind::kDriverLicence: {
      size_t before = 0;
      for (size_t k = found.begin; k < i; ++k) before += text.digit(k) ? 1 : 0;
      return text.digit(i) && before >= 2;
    }
    case PersonalKind::kEmail: {
      // The first character and the domain stay.
      const size_t sign = text.points.find(U'@', found.begin);
      return from_start >= 1 && i < sign;
    }
    case PersonalKind::kAddress:
      // Up to the road or quarter; the number and what follows go.
      for (size_t k = found.begin; k <= i; ++k) {
        if (text.digit(k) && k > found.begin && (text.at(k - 1) == U' ' || text.at(k - 1) == U'-')) return left > 0 && c != U' ' && c != U',';
      }
      return false;
  }
  return true;
}

std::vector<Found> find(const PlainText& text) {
  std::vector<Found> all;
  find_numbers(text, all);
  find_words(text, all);
  std::sort(all.begin(), all.end(), [](const Found& a, const Found& b) {
    return std::tuple(a.rank, a.begin, b.end) < std::tuple(b.rank, b.begin, a.end);
  });
  std::vector<Found> kept;
  for (const Found& found : all) {
    // `kept` is in order of begin and free of overlaps.
    const auto at = std::lower_bound(kept.begin(), kept.end(), found, [](const Found& a, const Found& b) { return a.begin < b.begin; });
    if (at != kept.end() && at->begin < found.end) continue;
    if (at != kept.begin() && std::prev(at)->end > found.begin) continue;
    kept.insert(at, found);
  }
  return kept;
}

}  // namespace

PlainText::PlainText(std::string_view text) {
  points.reserve(text.size());
  offset.reserve(text.size() + 1);
  for (size_t at = 0; at < text.size();) {
    offset.push_back(static_cast<uint32_t>(at));
    points.push_back(plain(decode_utf8(text, at)));
  }
  offset.push_back(static_cast<uint32_t>(text.size()));
}

bool is_hangul(char32_t c) { return c >= 0xAC00 && c <= 0xD7A3; }

bool is_letter_or_digit(char32_t c) {
  return (c >= U'0' && c <= U'9') || (c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z') || c >= 0x00C0;
}

bool stands_before(const PlainText& text, size_t begin, size_t reach, const std::vector<std::u32string_view>& words) {
  size_t from = begin > reach ? begin - reach : 0;
  const std::u32string_view whole(text.points);
  const size_t line = begin == 0 ? whole.npos : whole.rfind(U'\n', begin - 1);
  if (line != whole.npos) from = std::max(from, line + 1);
  std::u32string window(whole.substr(from, begin - from));
  for (char32_t& c : window) {
    if (c >= U'A' && c <= U'Z') c += 32;
  }
  return std::any_of(words.begin(), words.end(), [&](std::u32string_view word) { return window.find(word) != window.npos; });
}

std::string_view to_string(PersonalKind kind) { return kKinds[static_cast<size_t>(kind)]; }

std::vector<Personal> find_personal(std::string_view text) {
  const PlainText plain_text(text);
  std::vector<Personal> out;
  for (const Found& found : find(plain_text)) {
    out.push_back({found.kind, plain_text.offset[found.begin], plain_text.offset[found.end]});
  }
  return out;
}

std::string mask_personal(std::string_view text) {
  const PlainText plain_text(text);
  std::string out(text);
  for (const Found& found : find(plain_text)) {
    for (size_t i = found.begin; i < found.end; ++i) {
      const size_t begin = plain_text.offset[i], size = plain_text.offset[i + 1] - begin;
      if (is_masked(plain_text, found, i)) out.replace(begin, size, mask_of(size));
    }
  }
  return out;
}

}  // namespace sillok::govern
