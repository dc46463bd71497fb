// Personal numbers: each kind by its own form, and by its check digit or the words before it where the form alone is
// too common.
#include <algorithm>
#include <array>

#include "govern/personal.h"

namespace sillok::govern {
namespace {

using Words = std::vector<std::u32string_view>;

// A run of digits with single separators between them: "010-1234-5678", "1234 5678 9012 3456".
struct Run {
  size_t begin = 0, end = 0;
  std::string digits;
  std::vector<size_t> groups;  // sizes
  std::vector<size_t> places;  // code point of each digit
  bool dashes_only = true;     // separators, if any
};

constexpr size_t kLongestRun = 40;  // digits; longer ones are tables of numbers

bool is_separator(char32_t c) { return c == U'-' || c == U' ' || c == U'.' || c == U')'; }

Run read_run(const PlainText& text, size_t begin) {
  Run run;
  run.begin = begin;
  size_t i = begin;
  while (text.digit(i)) {
    size_t group = 0;
    for (; text.digit(i); ++i, ++group) {
      run.digits += static_cast<char>(text.at(i));
      run.places.push_back(i);
    }
    run.groups.push_back(group);
    run.end = i;
    if (!is_separator(text.at(i))) break;
    // "02) 123-4567" and "031. 123. 4567" have a space after the sign.
    const size_t skip = text.at(i) != U'-' && text.at(i) != U' ' && text.at(i + 1) == U' ' ? 2 : 1;
    if (!text.digit(i + skip)) break;
    if (text.at(i) != U'-') run.dashes_only = false;
    i += skip;
  }
  return run;
}

// The part of a run from group `first` on, `count` groups.
Run part_of(const Run& run, size_t first, size_t count) {
  Run out;
  size_t skip = 0, size = 0;
  for (size_t g = 0; g < first; ++g) skip += run.groups[g];
  for (size_t g = first; g < first + count; ++g) size += run.groups[g];
  out.digits = run.digits.substr(skip, size);
  out.groups.assign(run.groups.begin() + static_cast<std::ptrdiff_t>(first), run.groups.begin() + static_cast<std::ptrdiff_t>(first + count));
  out.places.assign(run.places.begin() + static_cast<std::ptrdiff_t>(skip), run.places.begin() + static_cast<std::ptrdiff_t>(skip + size));
  out.begin = out.places.front();
  out.end = out.places.back() + 1;
  out.dashes_only = run.dashes_only;
  return out;
}

bool is_whole(const PlainText& text, const Run& run) {
  const char32_t before = run.begin == 0 ? 0 : text.at(run.begin - 1), after = text.at(run.end);
  const auto latin = [](char32_t c) { return (c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z') || c == U'_'; };
  return !latin(before) && !latin(after) && before != U'-' && after != U'-' && !(before == U'.' && run.begin > 1 && text.digit(run.begin - 2));
}

int number(std::string_view digits) { return std::stoi(std::string(digits)); }

// ---------------------------------------------------------------------------------------------

// The check digit of resident and foreigner registration numbers (주민등록법 시행규칙; the numbers of foreigners count
// two more). Numbers given from October 2020 on end in random digits.
bool has_check_digit(std::string_view d, bool foreigner) {
  constexpr std::array<int, 12> kWeights = {2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5};
  int sum = 0;
  for (size_t i = 0; i < kWeights.size(); ++i) sum += kWeights[i] * (d[i] - '0');
  const int check = (11 - sum % 11 + (foreigner ? 2 : 0)) % 10;
  return check == d[12] - '0';
}

bool is_resident_number(const PlainText& text, const Run& run) {
  static const Words kNamed = {U"주민", U"등록번호", U"외국인", U"생년월일", U"resident", U"rrn", U"registration"};
  if (run.digits.size() != 13 || run.groups.size() > 2 || (run.groups.size() == 2 && run.groups[0] != 6)) return false;
  const std::string_view d = run.digits;
  const int sex = d[6] - '0';
  constexpr std::array<int, 10> kCentury = {1800, 1900, 1900, 2000, 2000, 1900, 1900, 2000, 2000, 1800};
  const int year = kCentury[static_cast<size_t>(sex)] + number(d.substr(0, 2));
  const int month = number(d.substr(2, 2)), day = number(d.substr(4, 2));
  if (month < 1 || month > 12 || day < 1 || !parse_day(std::to_string(year) + "-" + std::to_string(month) + "-" + std::to_string(day))) {
    return false;
  }
  if (has_check_digit(d, sex >= 5 && sex <= 8)) return true;
  // Random since October 2020: for those born since then, and for those whose number was changed.
  const bool born_since = year > 2020 || (year == 2020 && month >= 10);
  return run.groups.size() == 2 && (born_since || stands_before(text, run.begin, 30, kNamed));
}

bool is_phone(const PlainText& text, const Run& run) {
  std::string d = run.digits;
  const bool plus = run.begin > 0 && text.at(run.begin - 1) == U'+';
  if (plus && d.starts_with("82")) {
    d = (d.size() > 2 && d[2] == '0' ? "" : "0") + d.substr(2);
  } else if (plus) {
    return d.size() >= 9 && d.size() <= 15;
  }
  const bool grouped = run.groups.size() == 3 && run.groups.back() == 4;
  if (d.size() < 9 || d.size() > 11 || d[0] != '0') return false;
  if (d[1] == '1') return (d.size() == 10 || d.size() == 11) && std::string_view("016789").find(d[2]) != std::string_view::npos;
  // Landlines and internet numbers are too short to be told by their digits alone.
  if (!grouped && !plus) {
    static const Words kNamed = {U"전화", U"연락처", U"tel", U"phone", U"팩스", U"fax", U"휴대"};
    if (!stands_before(text, run.begin, 15, kNamed)) return false;
  }
  if (d.starts_with("02")) return d.size() <= 10;
  if (d[1] >= '3' && d[1] <= '6') return d[2] >= '1' && d[2] <= '5' && d.size() >= 10;
  return d.starts_with("070") || d.starts_with("050");
}

bool has_luhn(std::string_view digits) {
  int sum = 0;
  for (size_t i = 0; i < digits.size(); ++i) {
    int value = digits[digits.size() - 1 - i] - '0';
    if (i % 2 == 1) value = value * 2 > 9 ? value * 2 - 9 : value * 2;
    sum += value;
  }
  return sum % 10 == 0;
}

bool is_card(const Run& run) {
  const std::string_view d = run.digits;
  if (d.size() < 14 || d.size() > 19 || run.groups.size() > 5 || !has_luhn(d)) return false;
  if (run.groups.size() > 1) {
    const bool fours = std::all_of(run.groups.begin(), run.groups.end() - 1, [](size_t g) { return g == 4; });
    const bool amex = run.groups == std::vector<size_t>{4, 6, 5} || run.groups == std::vector<size_t>{4, 6, 4};
    if (!fours && !amex) return false;
  }
  // Issuers: Visa, Mastercard, American Express, Diners, JCB, Discover, UnionPay, cards for Korea only.
  const int two = number(d.substr(0, 2)), four = number(d.substr(0, 4));
  if (d.size() == 15) return two == 34 || two == 37;
  if (d.size() == 14) return two == 36 || two == 38 || two == 30;
  return d[0] == '4' || (two >= 51 && two <= 55) || (four >= 2221 && four <= 2720) || two == 35 || two == 60 || two == 62 ||
         two == 64 || two == 65 || (d[0] == '9' && d.size() == 16);
}

bool is_account(const PlainText& text, const Run& run) {
  static const Words kBanks = {U"계좌",     U"은행",     U"입금",   U"송금",   U"예금주", U"국민",     U"신한",   U"우리은",
                               U"하나은",   U"농협",     U"기업은", U"카카오뱅크", U"토스", U"케이뱅크", U"새마을금고", U"신협",
                               U"우체국",   U"수협",     U"제일은", U"산업은", U"부산은", U"대구은",   U"광주은", U"전북은",
                               U"경남은",   U"제주은",   U"씨티",   U"account", U"bank"};
  if (run.digits.size() < 10 || run.digits.size() > 16 || run.groups.size() > 5 || !run.dashes_only) return false;
  return stands_before(text, run.begin, 30, kBanks);
}

bool is_licence(const PlainText& text, const Run& run) {
  static const Words kRegions = {U"서울", U"부산", U"경기", U"강원", U"충북", U"충남", U"전북", U"전남", U"경북",
                                 U"경남", U"제주", U"대구", U"인천", U"광주", U"대전", U"울산"};
  static const Words kNamed = {U"면허", U"licen"};
  if (!run.dashes_only) return false;
  if (run.groups == std::vector<size_t>{2, 2, 6, 2}) {
    const int region = number(run.digits.substr(0, 2));
    return region >= 11 && region <= 28;
  }
  if (run.groups == std::vector<size_t>{2, 6, 2}) return stands_before(text, run.begin, 5, kRegions);
  return run.digits.size() == 12 && run.groups.size() == 1 && stands_before(text, run.begin, 20, kNamed);
}

// M12345678 and M123A4567, after a word that says what it is: part numbers look the same.
void find_passport(const PlainText& text, size_t i, std::vector<Found>& out) {
  static const Words kNamed = {U"여권", U"passport", U"護照", U"旅券"};
  const char32_t c = text.at(i);
  if (c < U'A' || c > U'Z' || (i > 0 && is_letter_or_digit(text.at(i - 1)))) return;
  size_t digits = 0, letters = 0, end = i + 1;
  for (; end < i + 10; ++end) {
    const char32_t d = text.at(end);
    if (text.digit(end)) {
      ++digits;
    } else if (d >= U'A' && d <= U'Z' && end <= i + 4) {
      ++letters;
    } else {
      break;
    }
  }
  const bool shaped = (end - i == 9 && digits >= 7 && letters <= 1) || (end - i == 8 && digits == 7 && letters == 0);
  if (!shaped || (is_letter_or_digit(text.at(end)) && !is_hangul(text.at(end))) || !stands_before(text, i, 30, kNamed)) return;
  out.push_back({PersonalKind::kPassport, i, end, 1});
}

// International bank account numbers (ISO 13616).
bool find_iban(const PlainText& text, size_t i, std::vector<Found>& out) {
  const auto upper = [&](size_t k) { return text.at(k) >= U'A' && text.at(k) <= U'Z'; };
  if (!upper(i) || !upper(i + 1) || !text.digit(i + 2) || !text.digit(i + 3) || (i > 0 && is_letter_or_digit(text.at(i - 1)))) return false;
  std::string compact;
  size_t end = i;
  for (size_t k = i; compact.size() < 34; ++k) {
    if (text.digit(k) || upper(k)) {
      compact += static_cast<char>(text.at(k));
      end = k + 1;
    } else if (text.at(k) != U' ' || compact.size() % 4 != 0) {
      break;
    }
  }
  if (compact.size() < 15) return false;
  int rest = 0;
  for (const char c : compact.substr(4) + compact.substr(0, 4)) {
    rest = c >= 'A' ? (rest * 100 + (c - 'A' + 10)) % 97 : (rest * 10 + (c - '0')) % 97;
  }
  if (rest != 1) return false;
  out.push_back({PersonalKind::kAccount, i, end, 0});
  return true;
}

bool classify(const PlainText& text, const Run& run, std::vector<Found>& out) {
  if (run.digits.size() < 9 || run.digits.size() > 19 || !is_whole(text, run)) return false;
  const auto add = [&](PersonalKind kind, int rank) {
    const bool plus = kind == PersonalKind::kPhone && run.begin > 0 && text.at(run.begin - 1) == U'+';
    out.push_back({kind, run.begin - (plus ? 1 : 0), run.end, rank});
    return true;
  };
  if (is_resident_number(text, run)) return add(PersonalKind::kResidentNumber, 0);
  if (is_card(run)) return add(PersonalKind::kCard, 1);
  if (is_licence(text, run)) return add(PersonalKind::kDriverLicence, 1);
  if (is_phone(text, run)) return add(PersonalKind::kPhone, 2);
  if (is_account(text, run)) return add(PersonalKind::kAccount, 3);
  return false;
}

}  // namespace

void find_numbers(const PlainText& text, std::vector<Found>& out) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (!text.digit(i)) {
      if (text.at(i) >= U'A' && text.at(i) <= U'Z') {
        find_passport(text, i, out);
        find_iban(text, i, out);
      }
      continue;
    }
    const Run run = read_run(text, i);
    if (run.digits.size() >= 9 && !classify(text, run, out) && run.digits.size() <= kLongestRun) {
      // "김 010-1234-5678 2024": a neighbour that a space joins hides it. Try the stretches of whole groups.
      for (size_t first = 0; first < run.groups.size(); ++first) {
        for (size_t count = std::min<size_t>(run.groups.size() - first, 5); count > 0; --count) {
          if (first == 0 && count == run.groups.size()) continue;
          const Run part = part_of(run, first, count);
          if (part.digits.size() < 9) break;
          if (classify(text, part, out)) {
            first += count - 1;
            break;
          }
        }
      }
    }
    i = run.end - 1;
  }
}

}  // namespace sillok::govern
