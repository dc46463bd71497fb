// Any charset to clean UTF-8. What cannot be told by a mark or by validity is told by frequency:
// each candidate decodes a sample, and the one whose result looks most like writing wins. uchardet
// errs on the short Korean texts that file names, CSV headers and mail subjects are, so it is asked
// only when no candidate is convincing.
#include <simdjson.h>
#include <uchardet/uchardet.h>
#include <unicode/ucnv.h>

#include <algorithm>
#include <unordered_map>

#include "documents/detect.h"
#include "documents/reader.h"

namespace sillok::documents {
namespace {

constexpr size_t kSampleBytes = 32u << 10;  // enough characters for their frequencies to be stable

}  // namespace

// UTF-16 without a mark: spaces, line ends, digits and Latin letters have one zero byte, always on
// the same side.
const char* wide_charset(std::string_view bytes) {
  const std::string_view sample = bytes.substr(0, kSampleBytes);
  size_t even = 0, odd = 0;
  for (size_t i = 0; i < sample.size(); ++i) {
    if (sample[i] == '\0') ++(i % 2 == 0 ? even : odd);
  }
  const size_t few =
      sample.size() / 50 + 1;  // Korean prose has a space every four characters or so
  if (odd >= few && even * 20 < odd) return "UTF-16LE";
  if (even >= few && odd * 20 < even) return "UTF-16BE";
  return nullptr;
}

namespace {

constexpr double kConvincing =
    0.25;  // mean score of a text with common letters; noise stays below 0

// The most frequent syllables and characters of running text.
constexpr std::u32string_view kHangul =
    U"이다의는에을가하고지은기한로를사인어도시대리자과해정나서아수스일부라전원그장으제것여주보상들"
    U"있공신구성동조적및안관위"
    U"유비세진계선연국회면생경용행당소게문법업단년월학방무호천물산분실내발교개모거만우니까요할등오"
    U"화중재합바러되통품설";
constexpr std::u32string_view kChinese =
    U"的一是不了在人有我他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对"
    U"可她里后小么心多天而能"
    U"好都然没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长知民样"
    U"现分将外但身些与高意"
    U"這來個們為說時會過學對裡後麼發當開經頭長樣現將與進種國電話請關於業務資料";

double score_character(char32_t c, char32_t before, char32_t after) {
  static const std::unordered_map<char32_t, bool> common = [] {
    std::unordered_map<char32_t, bool> map;
    for (const char32_t h : kHangul) map[h] = true;
    for (const char32_t h : kChinese) map[h] = true;
    return map;
  }();
  const auto ascii_letter = [](char32_t x) { return (x | 32) >= 'a' && (x | 32) <= 'z'; };
  const auto cyrillic = [](char32_t x) { return x >= 0x400 && x < 0x460; };
  if (c == kReplacement || (c >= 0x80 && c < 0xA0) || (c >= 0xE000 && c < 0xF900)) return -4;
  if (common.contains(c)) return 1;
  if (c >= 0xAC00 && c < 0xD7A4) return 0.3;
  if (c >= 0x3041 && c < 0x3100) return 0.9;   // kana
  if (c >= 0xFF61 && c < 0xFFA0) return -0.6;  // half-width kana: rare, and what noise gives
  if (c >= 0x4E00 && c < 0xA000) return -0.1;  // other Han
  if (c >= 0x3000 && c < 0x3020) return 0.5;   // CJK punctuation
  if (c >= 0xFF01 && c < 0xFF5F) return 0.1;   // full-width forms
  if (cyrillic(c)) {
    if (ascii_letter(before) || ascii_letter(after))
      return -0.8;  // scripts do not mix within a word
    const bool lower = c >= 0x430;
    const bool in_word = cyrillic(before);
    if (in_word && !lower && before >= 0x430) return -0.8;  // "приВЕТ"
    return lower ? 0.8 : 0.3;
  }
  if (c >= 0xC0 && c < 0x250 && c != 0xD7 &&
      c != 0xF7) {  // accented Latin stands among plain letters
    return ascii_letter(before) || ascii_letter(after) ? 0.7 : -0.7;
  }
  if (c >= 0xA0 && c < 0xC0) return ascii_letter(before) && ascii_letter(after) ? -0.8 : -0.2;
  if (c >= 0x2010 && c < 0x2040) return 0.4;  // dashes, quotes, bullets
  if (c >= 0x2000 && c < 0x3000) return -0.1;
  return -0.4;
}

struct Decoded {
  std::string text;
  size_t errors = 0;
};

// `charset` as ICU knows it. Nothing if ICU does not.
std::optional<Decoded> convert(std::string_view bytes, const char* charset) {
  UErrorCode status = U_ZERO_ERROR;
  UConverter* converter = ucnv_open(charset, &status);
  if (U_FAILURE(status)) return std::nullopt;
  Decoded result;
  result.text.reserve(bytes.size() + bytes.size() / 2);
  std::vector<UChar> buffer(16u << 10);
  const char* source = bytes.data();
  const char* const end = source + bytes.size();
  char16_t high = 0;
  do {
    status = U_ZERO_ERROR;
    UChar* target = buffer.data();
    ucnv_toUnicode(converter, &target, buffer.data() + buffer.size(), &source, end, nullptr, true,
                   &status);
    for (const UChar* p = buffer.data(); p != target; ++p) {
      char32_t c = *p;
      if (c >= 0xD800 && c < 0xDC00) {
        high = *p;
        continue;
      }
      if (c >= 0xDC00 && c < 0xE000)
        c = high != 0 ? 0x10000 + ((static_cast<char32_t>(high) - 0xD800) << 10) + (c - 0xDC00)
                      : kReplacement;
      high = 0;
      result.errors += c == kReplacement;
      append_utf8(result.text, c);
    }
  } while (status == U_BUFFER_OVERFLOW_ERROR);
  ucnv_close(converter);
  return result;
}

double score(std::string_view sample, const char* charset) {
  const auto decoded = convert(sample, charset);
  if (!decoded) return -100;
  const std::u32string text = to_utf32(decoded->text);
  double sum = 0;
  size_t count = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] < 0x80) continue;
    // Every character weighs by the bytes it stands for, so that one- and two-byte charsets
    // compare.
    sum += score_character(text[i], i > 0 ? text[i - 1] : U' ',
                           i + 1 < text.size() ? text[i + 1] : U' ');
    ++count;
  }
  return count == 0 ? 0 : sum / static_cast<double>(count);
}

// In order of likelihood here: the first of equals wins.
constexpr const char* kCandidates[] = {"windows-949",  "windows-1252", "windows-31j",
                                       "gb18030",      "EUC-JP",       "Big5",
                                       "windows-1251", "KOI8-R",       "windows-1250"};

std::string guess(std::string_view bytes) {
  std::string_view sample = bytes.substr(0, kSampleBytes);
  // Never cut a character in two: end the sample after its last plain byte.
  if (sample.size() < bytes.size()) {
    const size_t plain = sample.find_last_of("\n ");
    if (plain != std::string_view::npos && plain > 0) sample = sample.substr(0, plain);
  }
  std::string best = "windows-1252";
  double best_score = -50;
  for (const char* candidate : kCandidates) {
    const double value = score(sample, candidate);
    if (value > best_score + 1e-9) {
      best_score = value;
      best = candidate;
    }
  }
  if (best_score >= kConvincing) return best;
  uchardet_t detector = uchardet_new();
  uchardet_handle_data(detector, sample.data(), sample.size());
  uchardet_data_end(detector);
  const std::string other = uchardet_get_charset(detector);
  uchardet_delete(detector);
  if (other.empty()) return best;
  const auto decoded = convert(sample, other.c_str());
  return decoded && decoded->errors == 0 ? other : best;
}

// Names in use that mean more than they say: mail and web pages declare the national standard and
// use Microsoft's superset of it.
std::string icu_name(std::string_view declared) {
  const std::string name = ascii_lower(trim(declared));
  for (const std::string_view korean :
       {"euc-kr", "euckr", "ks_c_5601-1987", "ks_c_5601", "ksc5601", "cp949", "ms949", "uhc",
        "korean", "x-windows-949", "euc_kr"}) {
    if (name == korean) return "windows-949";
  }
  if (name == "shift_jis" || name == "shift-jis" || name == "sjis" || name == "ms932" ||
      name == "cp932")
    return "windows-31j";
  if (name == "gb2312" || name == "gbk") return "gb18030";
  if (name == "iso-8859-1" || name == "latin1") return "windows-1252";
  return name;
}

bool valid_utf8(std::string_view bytes) {
  return simdjson::validate_utf8(bytes.data(), bytes.size());
}

// UTF-8 with few wrong bytes, as of a file cut off or damaged: far more good sequences than bad
// ones.
bool mostly_utf8(std::string_view bytes) {
  const std::string_view sample = bytes.substr(0, kSampleBytes);
  size_t good = 0, bad = 0;
  for (size_t i = 0; i < sample.size();) {
    const size_t start = i;
    const char32_t c = decode_utf8(sample, i);
    if (c < 0x80) continue;
    ++(c == kReplacement && i - start == 1 ? bad : good);
  }
  return good > bad * 10;
}

std::optional<std::string> by_declaration(std::string_view bytes, std::string_view declared) {
  const std::string name = icu_name(declared);
  if (name.empty() || name == "us-ascii" || name == "ascii" || name == "utf-8" || name == "utf8")
    return std::nullopt;
  // The word for 16 bits is only true where there are zero bytes or a mark.
  if (name.starts_with("utf-16") && wide_charset(bytes) == nullptr) return std::nullopt;
  auto decoded = convert(bytes, name.c_str());
  if (!decoded || decoded->errors * 100 > decoded->text.size()) return std::nullopt;
  return std::move(decoded->text);
}

std::string decode_any(std::string_view bytes, std::string_view declared) {
  if (bytes.starts_with("\xEF\xBB\xBF")) return std::string(bytes.substr(3));
  const auto as = [&](const char* charset) {
    auto decoded = convert(bytes, charset);
    return decoded ? std::move(decoded->text) : std::string(bytes);
  };
  if (bytes.starts_with(std::string_view("\xFF\xFE\0\0", 4))) return as("UTF-32");
  if (bytes.starts_with("\xFF\xFE") || bytes.starts_with("\xFE\xFF")) return as("UTF-16");
  if (const char* wide = wide_charset(bytes)) return as(wide);
  const bool seven_bits =
      std::none_of(bytes.begin(), bytes.end(), [](char c) { return (c & 0x80) != 0; });
  if (seven_bits) {
    // ISO-2022 and its like hide their characters in escape sequences.
    if (bytes.find("\x1B$)C") != std::string_view::npos) return as("ISO-2022-KR");
    if (bytes.find("\x1B$B") != std::string_view::npos ||
        bytes.find("\x1B$@") != std::string_view::npos)
      return as("ISO-2022-JP");
    if (ascii_lower(declared) == "utf-7") return as("UTF-7");
    return std::string(bytes);
  }
  // What is valid UTF-8 beyond ASCII is UTF-8, whatever was declared: no other writing comes out so
  // by chance.
  if (valid_utf8(bytes)) return std::string(bytes);
  if (auto text = by_declaration(bytes, declared)) return std::move(*text);
  if (mostly_utf8(bytes)) return std::string(bytes);
  return as(guess(bytes).c_str());
}

}  // namespace

std::string decode_text(std::string_view bytes, std::string_view declared) {
  return clean_utf8(decode_any(bytes, declared));
}

}  // namespace sillok::documents
