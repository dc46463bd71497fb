#include "documents/number_format.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace sillok::documents {
namespace {

constexpr int kMaxDecimals = 30;      // as many as Excel accepts in a format
constexpr double kMaxDate = 2958466;  // 9999-12-31, the last date Excel shows
constexpr uint32_t kKorean = 0x412;   // LCID of [$-412]

// One piece of a section: a placeholder, a date part, or literal text.
struct Token {
  enum Kind : uint8_t {
    kLiteral,
    kDigit,
    kPoint,
    kComma,
    kPercent,
    kExponent,
    kSlash,
    kText,
    kGeneral,
    kDate,
    kElapsed,
    kHalfDay
  };
  Kind kind = kLiteral;
  std::string text;  // literal, or letters of the date part ("yyyy"), or the placeholder
};

struct Section {
  std::vector<Token> tokens;
  uint32_t locale = 0;
  char condition = 0;  // '<', '>', '=', 'l' (<=), 'g' (>=), '!' (<>)
  double bound = 0;
  bool is_date = false;
};

bool is_date_letter(char c) {
  switch (c | 0x20) {
    case 'y':
    case 'm':
    case 'd':
    case 'h':
    case 's':
    case 'e':
    case 'a':
    case 'b':
      return true;
    default:
      return false;
  }
}

// What stands in brackets: a condition, a currency with locale, elapsed time, or a colour.
void read_bracket(std::string_view inside, Section& section) {
  if (inside.empty()) return;
  const char first = inside.front();
  if (first == '$') {
    const size_t dash = inside.find('-');
    section.tokens.push_back(
        {Token::kLiteral,
         std::string(inside.substr(1, dash == std::string_view::npos ? dash : dash - 1))});
    if (dash != std::string_view::npos) {
      std::from_chars(inside.data() + dash + 1, inside.data() + inside.size(), section.locale, 16);
    }
  } else if (first == '<' || first == '>' || first == '=') {
    const bool two = inside.size() > 1 && (inside[1] == '=' || inside[1] == '>');
    section.condition = !two ? first : inside[1] == '>' ? '!' : first == '<' ? 'l' : 'g';
    section.bound = std::strtod(std::string(inside.substr(two ? 2 : 1)).c_str(), nullptr);
  } else if (inside.find_first_not_of(
                 ascii_lower(inside).find_first_not_of('h') == std::string::npos ? "hH"
                 : ascii_lower(inside).find_first_not_of('m') == std::string::npos
                     ? "mM"
                     : "sS") == std::string_view::npos) {
    section.tokens.push_back({Token::kElapsed, ascii_lower(inside)});
    section.is_date = true;
  }
}

size_t half_day_length(std::string_view rest) {
  for (const std::string_view word : {"AM/PM", "A/P", "오전/오후", "上午/下午", "午前/午後"}) {
    if (starts_with_nocase(rest, word)) return word.size();
  }
  return 0;
}

// Reads one token at code[at] and returns where the next begins.
size_t read_token(std::string_view code, size_t at, Section& section) {
  const char c = code[at];
  const auto add = [&](Token::Kind kind, std::string_view text) {
    section.tokens.push_back({kind, std::string(text)});
  };
  if (c == '"') {
    const size_t end = std::min(code.find('"', at + 1), code.size());
    add(Token::kLiteral, code.substr(at + 1, end - at - 1));
    return end + 1;
  }
  if (c == '[') {
    const size_t end = std::min(code.find(']', at), code.size());
    read_bracket(code.substr(at + 1, end - at - 1), section);
    return end + 1;
  }
  if (c == '\\' || c == '_' || c == '*') {
    size_t next = at + 1;
    if (next < code.size()) (void)decode_utf8(code, next);
    if (c == '\\') add(Token::kLiteral, code.substr(at + 1, next - at - 1));
    if (c == '_') add(Token::kLiteral, " ");  // a gap as wide as the character
    return next;
  }
  if (const size_t half = half_day_length(code.substr(at)); half > 0) {
    add(Token::kHalfDay, code.substr(at, half));
    section.is_date = true;
    return at + half;
  }
  if (starts_with_nocase(code.substr(at), "general")) {
    add(Token::kGeneral, "");
    return at + 7;
  }
  if ((c == 'E' || c == 'e') && at + 1 < code.size() &&
      (code[at + 1] == '+' || code[at + 1] == '-')) {
    add(Token::kExponent, code.substr(at + 1, 1));
    return at + 2;
  }
  if (is_date_letter(c)) {
    size_t end = at;
    while (end < code.size() && (code[end] | 0x20) == (c | 0x20)) ++end;
    add(Token::kDate, ascii_lower(code.substr(at, end - at)));
    section.is_date = true;
    return end;
  }
  switch (c) {
    case '0':
    case '#':
    case '?':
      add(Token::kDigit, code.substr(at, 1));
      return at + 1;
    case '.':
      add(Token::kPoint, ".");
      return at + 1;
    case ',':
      add(Token::kComma, ",");
      return at + 1;
    case '%':
      add(Token::kPercent, "%");
      return at + 1;
    case '/':
      add(Token::kSlash, "/");
      return at + 1;
    case '@':
      add(Token::kText, "");
      return at + 1;
    default:
      break;
  }
  size_t next = at;
  (void)decode_utf8(code, next);
  add(Token::kLiteral, code.substr(at, next - at));
  return next;
}

std::vector<Section> parse(std::string_view code) {
  std::vector<Section> sections(1);
  for (size_t at = 0; at < code.size();) {
    if (code[at] == ';') {
      sections.emplace_back();
      ++at;
    } else {
      at = read_token(code, at, sections.back());
    }
  }
  return sections;
}

bool meets(const Section& section, double value) {
  switch (section.condition) {
    case '<':
      return value < section.bound;
    case '>':
      return value > section.bound;
    case '=':
      return value == section.bound;
    case 'l':
      return value <= section.bound;
    case 'g':
      return value >= section.bound;
    case '!':
      return value != section.bound;
    default:
      return true;
  }
}

// The section that applies; `value` loses its sign where the section itself says "negative".
const Section& choose(const std::vector<Section>& sections, double& value) {
  if (sections[0].condition != 0) {
    for (const Section& section : sections) {
      if (section.condition == 0 || meets(section, value)) return section;
    }
    return sections.back();
  }
  if (sections.size() >= 2 && value < 0) {
    value = -value;
    return sections[1];
  }
  return sections.size() >= 3 && value == 0 ? sections[2] : sections[0];
}

// ------------------------------------------------------------------------------------------------
// dates

struct Moment {
  int year = 0;
  unsigned month = 0, day = 0, weekday = 0;  // weekday: 0 = Sunday
  int64_t seconds = 0;                       // of the day
  double fraction = 0;                       // of a second
  double total = 0;                          // days, for elapsed time
};

Moment moment_of(double value, bool date1904, int second_decimals) {
  Moment moment;
  moment.total = value;
  // Rounded to what is shown, or 11:59:59.9999999 of a stored half day would show.
  const double scale = std::pow(10.0, second_decimals);
  const double ticks = std::round(value * 86400.0 * scale) / scale;
  const double days = std::floor(ticks / 86400.0);
  const double rest = ticks - days * 86400.0;
  moment.seconds = static_cast<int64_t>(rest);
  moment.fraction = rest - static_cast<double>(moment.seconds);
  // Excel's 1900 is wrongly a leap year: days before 1900-03-01 are one off.
  const auto serial = static_cast<int64_t>(days);
  const Day epoch =
      date1904 ? day_from_civil(1904, 1, 1) : day_from_civil(1899, 12, serial < 60 ? 31 : 30);
  const int64_t day = epoch + serial;
  const std::string text = format_day(static_cast<Day>(day));
  if (text.size() == 10) {
    moment.year = std::stoi(text.substr(0, 4));
    moment.month = static_cast<unsigned>(std::stoi(text.substr(5, 2)));
    moment.day = static_cast<unsigned>(std::stoi(text.substr(8, 2)));
  }
  moment.weekday = static_cast<unsigned>(((day + 4) % 7 + 7) % 7);
  return moment;
}

std::string padded(int64_t value, size_t width) {
  std::string digits = std::to_string(value);
  if (digits.size() < width) digits.insert(0, width - digits.size(), '0');
  return digits;
}

constexpr std::array<std::string_view, 12> kMonths{"January",   "February", "March",    "April",
                                                   "May",       "June",     "July",     "August",
                                                   "September", "October",  "November", "December"};
constexpr std::array<std::string_view, 7> kDays{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 7> kKoreanDays{"일", "월", "화", "수", "목", "금", "토"};

std::string date_part(const std::string& letters, const Moment& moment, const Section& section,
                      bool minutes, bool half_day) {
  const size_t width = letters.size();
  const bool korean = (section.locale & 0xFFF) == kKorean;
  switch (letters[0]) {
    case 'y':
      return width <= 2 ? padded(moment.year % 100, 2) : padded(moment.year, 4);
    case 'e':
      return padded(moment.year, 4);
    case 'b':
      return padded((moment.year + 543) % (width <= 2 ? 100 : 10000),
                    width <= 2 ? 2 : 4);  // Buddhist era
    case 'm': {
      if (minutes) return padded(moment.seconds / 60 % 60, std::min<size_t>(width, 2));
      if (width <= 2 || moment.month == 0) return padded(moment.month, std::min<size_t>(width, 2));
      if (korean) return std::to_string(moment.month) + (width == 3 ? "" : "월");
      const std::string_view name = kMonths[moment.month - 1];
      return std::string(width == 3 ? name.substr(0, 3) : width == 5 ? name.substr(0, 1) : name);
    }
    case 'd': {
      if (width <= 2) return padded(moment.day, width);
      if (korean) return std::string(kKoreanDays[moment.weekday]) + (width == 3 ? "" : "요일");
      const std::string_view name = kDays[moment.weekday];
      return std::string(width == 3 ? name.substr(0, 3) : name);
    }
    case 'a':
      return std::string(kKoreanDays[moment.weekday]) + (width <= 3 ? "" : "요일");
    case 'h': {
      int64_t hour = moment.seconds / 3600;
      if (half_day) hour = hour % 12 == 0 ? 12 : hour % 12;
      return padded(hour, std::min<size_t>(width, 2));
    }
    default:
      return padded(moment.seconds % 60, std::min<size_t>(width, 2));
  }
}

std::string elapsed(const std::string& letters, const Moment& moment) {
  const double unit = letters[0] == 'h' ? 24.0 : letters[0] == 'm' ? 1440.0 : 86400.0;
  // Half a millisecond's grace for sums of times that are not exact in binary.
  return padded(static_cast<int64_t>(std::floor(moment.total * unit + 1e-6)), letters.size());
}

// "m" means minutes next to hours or seconds.
bool means_minutes(const std::vector<Token>& tokens, size_t at) {
  for (size_t i = at; i-- > 0;) {
    if (tokens[i].kind == Token::kDate || tokens[i].kind == Token::kElapsed) {
      if (tokens[i].text[0] == 'h') return true;
      break;
    }
  }
  for (size_t i = at + 1; i < tokens.size(); ++i) {
    if (tokens[i].kind == Token::kDate || tokens[i].kind == Token::kElapsed)
      return tokens[i].text[0] == 's';
  }
  return false;
}

std::string half_day_text(const std::string& choice, const Moment& moment) {
  const size_t slash = choice.find('/');
  return moment.seconds < 43200 ? choice.substr(0, slash) : choice.substr(slash + 1);
}

std::string format_date(double value, const Section& section, bool date1904) {
  const std::vector<Token>& tokens = section.tokens;
  int decimals = 0;
  bool half_day = false;
  for (size_t i = 0; i < tokens.size(); ++i) {
    half_day = half_day || tokens[i].kind == Token::kHalfDay;
    if (tokens[i].kind == Token::kDigit) ++decimals;
  }
  decimals = std::min(decimals, 6);
  const Moment moment = moment_of(value, date1904, decimals);
  std::string out;
  for (size_t i = 0; i < tokens.size(); ++i) {
    const Token& token = tokens[i];
    switch (token.kind) {
      case Token::kDate:
        out += date_part(token.text, moment, section,
                         token.text[0] == 'm' && means_minutes(tokens, i), half_day);
        break;
      case Token::kElapsed:
        out += elapsed(token.text, moment);
        break;
      case Token::kHalfDay:
        out += half_day_text(token.text, moment);
        break;
      case Token::kDigit: {
        const auto power = static_cast<int>(std::pow(10, decimals));
        if (i > 0 && tokens[i - 1].kind == Token::kPoint)
          out += padded(static_cast<int64_t>(std::lround(moment.fraction * power)) % power,
                        static_cast<size_t>(decimals));
        break;
      }
      case Token::kPoint:
        if (decimals > 0 || i + 1 < tokens.size()) out += '.';
        break;
      case Token::kText:
      case Token::kGeneral:
      case Token::kExponent:
        break;
      default:
        out += token.text;
    }
  }
  return out;
}

// ------------------------------------------------------------------------------------------------
// numbers

// How the placeholders of a section lie: indexes into tokens.
struct Layout {
  std::vector<size_t> whole, decimals, exponent;
  size_t first = SIZE_MAX, last = 0;  // first and last placeholder or point
  double scale = 1;
  bool grouped = false;
  bool has_point = false;
  bool has_exponent = false;
  size_t slash = SIZE_MAX;
};

Layout lay_out(const std::vector<Token>& tokens) {
  Layout layout;
  for (size_t i = 0; i < tokens.size(); ++i) {
    const Token::Kind kind = tokens[i].kind;
    if (kind == Token::kPercent) layout.scale *= 100;
    if (kind == Token::kExponent) layout.has_exponent = true;
    if (kind == Token::kPoint) layout.has_point = true;
    if (kind == Token::kSlash && !layout.whole.empty()) layout.slash = i;
    if (kind == Token::kDigit) {
      (layout.has_exponent ? layout.exponent
       : layout.has_point  ? layout.decimals
                           : layout.whole)
          .push_back(i);
    }
    if (kind == Token::kDigit || kind == Token::kPoint) {
      layout.first = std::min(layout.first, i);
      layout.last = std::max(layout.last, i);
    }
  }
  // A comma between digits groups; behind the last digit it divides by a thousand.
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].kind != Token::kComma || layout.whole.empty()) continue;
    if (i > layout.whole.front() && i < layout.whole.back())
      layout.grouped = true;
    else if (i > layout.whole.back())
      layout.scale /= 1000;
  }
  return layout;
}

// The whole part placed on its placeholders from the right, literals between them kept
// ("000-00-00000").
std::string place_whole(const std::vector<Token>& tokens, const Layout& layout,
                        std::string digits) {
  if (digits == "0") digits.clear();  // "#" shows no zero, "0" pads anyway
  std::string out;
  size_t left = digits.size();
  size_t placed = 0;
  const auto put = [&](std::string_view piece, bool is_digit) {
    if (is_digit && layout.grouped && placed > 0 && placed % 3 == 0) out.insert(0, ",");
    out.insert(0, piece);
    if (is_digit) ++placed;
  };
  for (size_t i = layout.whole.back() + 1; i-- > layout.whole.front();) {
    const Token& token = tokens[i];
    if (token.kind == Token::kLiteral) {
      if (left > 0 || out.empty() || token.text != " ") put(token.text, false);
    } else if (token.kind == Token::kDigit) {
      if (left > 0)
        put(std::string_view(digits).substr(--left, 1), true);
      else if (token.text == "0")
        put("0", true);
    }
  }
  while (left > 0) put(std::string_view(digits).substr(--left, 1), true);
  return out;
}

std::string fixed(double value, int decimals) {
  std::array<char, 400> buffer{};
  const int size = std::snprintf(buffer.data(), buffer.size(), "%.*f", decimals, value);
  return std::string(buffer.data(), static_cast<size_t>(std::clamp(size, 0, 399)));
}

// value ≈ whole + numerator / denominator, denominator of at most `digits` digits.
std::string fraction_text(double value, const std::vector<Token>& tokens, const Layout& layout) {
  const bool mixed = std::any_of(tokens.begin() + static_cast<ptrdiff_t>(layout.first),
                                 tokens.begin() + static_cast<ptrdiff_t>(layout.slash),
                                 [](const Token& token) { return token.kind == Token::kLiteral; });
  int64_t limit = 1;
  for (size_t i = layout.slash + 1;
       i < tokens.size() && tokens[i].kind == Token::kDigit && limit < 10000; ++i)
    limit *= 10;
  const double whole = mixed ? std::floor(value) : 0;
  const double rest = value - whole;
  int64_t best = 1;
  double best_error = 2;
  for (int64_t candidate = 1; candidate < std::max<int64_t>(limit, 2); ++candidate) {
    const double error = std::fabs(
        std::round(rest * static_cast<double>(candidate)) / static_cast<double>(candidate) - rest);
    if (error + 1e-12 < best_error) best_error = error, best = candidate;
  }
  const auto numerator = static_cast<int64_t>(std::round(rest * static_cast<double>(best)));
  if (mixed && (numerator == 0 || numerator == best))
    return fixed(whole + (numerator == best ? 1 : 0), 0);
  const std::string part = std::to_string(numerator) + "/" + std::to_string(best);
  return whole != 0 ? fixed(whole, 0) + " " + part : part;
}

std::string number_body(double value, const std::vector<Token>& tokens, const Layout& layout) {
  if (layout.slash != SIZE_MAX && value < 1e9) return fraction_text(value, tokens, layout);
  int64_t exponent = 0;
  if (layout.has_exponent && value > 0) {
    const auto step = static_cast<int64_t>(std::max<size_t>(layout.whole.size(), 1));
    exponent = static_cast<int64_t>(std::floor(std::log10(value)));
    exponent -= ((exponent % step) + step) % step;
    value /= std::pow(10.0, static_cast<double>(exponent));
  }
  const auto places = static_cast<int>(std::min<size_t>(layout.decimals.size(), kMaxDecimals));
  const std::string text = fixed(value, places);
  const size_t point = std::min(text.find('.'), text.size());
  std::string out = layout.whole.empty()
                        ? (point == 1 && text[0] == '0' ? "" : text.substr(0, point))
                        : place_whole(tokens, layout, text.substr(0, point));
  std::string decimals = point < text.size() ? text.substr(point + 1) : "";
  for (size_t i = layout.decimals.size(); i-- > 0 && !decimals.empty();) {
    if (tokens[layout.decimals[i]].text == "0" || decimals.back() != '0' ||
        i + 1 != decimals.size())
      break;
    decimals.pop_back();
  }
  if (layout.has_point && (!decimals.empty() || places == 0)) out += "." + decimals;
  if (layout.has_exponent) {
    out += "E" + std::string(exponent < 0 ? "-" : "+") +
           padded(std::abs(exponent), layout.exponent.size());
  }
  return out;
}

std::string format_plain(double value, const Section& section) {
  const std::vector<Token>& tokens = section.tokens;
  const Layout layout = lay_out(tokens);
  const bool negative = value < 0;
  const double size = std::fabs(value) * layout.scale;
  std::string out;
  bool done = false;
  for (size_t i = 0; i < tokens.size(); ++i) {
    const Token& token = tokens[i];
    const bool inside =
        layout.first != SIZE_MAX && i >= layout.first &&
        i <= std::max(layout.last, layout.exponent.empty() ? 0 : layout.exponent.back());
    if (inside && !done) {
      out += number_body(size, tokens, layout);
      done = true;
    }
    if (token.kind == Token::kGeneral) out += general_number(std::fabs(value));
    if (token.kind == Token::kText) out += general_number(std::fabs(value));
    // Literals among decimals or digits of a fraction have been placed or are gaps.
    if (inside) continue;
    if (token.kind == Token::kLiteral || token.kind == Token::kPercent ||
        token.kind == Token::kSlash)
      out += token.text;
  }
  out = collapse_spaces(out);
  const bool zero = out.find_first_of("123456789") == std::string::npos;
  return negative && !zero ? "-" + out : out;
}

}  // namespace

std::string_view builtin_number_format(int64_t id) {
  switch (id) {
    case 1:
      return "0";
    case 2:
      return "0.00";
    case 3:
      return "#,##0";
    case 4:
      return "#,##0.00";
    case 5:
    case 6:
    case 42:
      return "₩#,##0;-₩#,##0";
    case 7:
    case 8:
    case 44:
      return "₩#,##0.00;-₩#,##0.00";
    case 9:
      return "0%";
    case 10:
      return "0.00%";
    case 11:
      return "0.00E+00";
    case 12:
      return "# ?/?";
    case 13:
      return "# ?\?/?\?";
    case 14:
    case 27:
    case 30:
    case 34:
    case 35:
    case 36:
    case 50:
    case 52:
    case 53:
    case 57:
      return "yyyy-mm-dd";
    case 15:
      return "d-mmm-yy";
    case 16:
      return "d-mmm";
    case 17:
      return "mmm-yy";
    case 18:
      return "h:mm AM/PM";
    case 19:
      return "h:mm:ss AM/PM";
    case 20:
      return "h:mm";
    case 21:
      return "h:mm:ss";
    case 22:
      return "yyyy-mm-dd h:mm";
    case 28:
    case 29:
    case 51:
    case 54:
    case 58:
      return "mm-dd";
    case 31:
      return "yyyy\"년\" mm\"월\" dd\"일\"";
    case 32:
    case 55:
      return "h\"시\" mm\"분\"";
    case 33:
    case 56:
      return "h\"시\" mm\"분\" ss\"초\"";
    case 37:
    case 38:
      return "#,##0;(#,##0)";
    case 39:
    case 40:
      return "#,##0.00;(#,##0.00)";
    case 41:
      return "#,##0;-#,##0;\"-\"";
    case 43:
      return "#,##0.00;-#,##0.00;\"-\"";
    case 45:
      return "mm:ss";
    case 46:
      return "[h]:mm:ss";
    case 47:
      return "mm:ss.0";
    case 48:
      return "##0.0E+0";
    case 49:
      return "@";
    default:
      return "General";
  }
}

std::string general_number(double value) {
  if (!std::isfinite(value)) return "";
  if (value == 0) return "0";
  std::array<char, 64> buffer{};
  const double size = std::fabs(value);
  int length = 0;
  if (size >= 1e-6 && size < 1e15) {
    // 15 significant digits are all a cell keeps; more would show binary noise.
    const int whole_digits = std::max(1, static_cast<int>(std::floor(std::log10(size))) + 1);
    const int decimals =
        std::clamp(size < 1 ? 15 - whole_digits + static_cast<int>(-std::floor(std::log10(size)))
                            : 15 - whole_digits,
                   0, 21);
    length = std::snprintf(buffer.data(), buffer.size(), "%.*f", decimals, value);
    std::string text(buffer.data(), static_cast<size_t>(length));
    if (text.find('.') != std::string::npos) {
      while (text.back() == '0') text.pop_back();
      if (text.back() == '.') text.pop_back();
    }
    return text;
  }
  length = std::snprintf(buffer.data(), buffer.size(), "%.15G", value);
  return std::string(buffer.data(), static_cast<size_t>(length));
}

std::string format_number(double value, std::string_view code, bool date1904) {
  if (code.empty() || code == "General" || !std::isfinite(value)) return general_number(value);
  const std::vector<Section> sections = parse(code);
  double shown = value;
  const Section& section = choose(sections, shown);
  if (!section.is_date) {
    std::string text = format_plain(shown, section);
    // ";;;" hides a value on the sheet; it is still what the cell holds.
    return text.empty() ? general_number(value) : text;
  }
  if (value < 0 || value >= kMaxDate) return general_number(value);
  return std::string(trim(format_date(value, section, date1904)));
}

std::string format_text(std::string_view text, std::string_view code) {
  if (code.find('@') == std::string_view::npos || code == "@") return std::string(text);
  for (const Section& section : parse(code)) {
    std::string out;
    bool has_text = false;
    for (const Token& token : section.tokens) {
      if (token.kind == Token::kText) {
        out += text;
        has_text = true;
      } else if (token.kind == Token::kLiteral) {
        out += token.text;
      }
    }
    if (has_text) return std::string(trim(out));
  }
  return std::string(text);
}

}  // namespace sillok::documents
