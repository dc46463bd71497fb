#include <chrono>
#include <cstdio>

#include "base/base.h"

namespace sillok {
namespace {

// Up to max_digits digits at the front of text, consumed; -1 if there are none.
int take_number(std::string_view& text, int max_digits) {
  int value = 0, digits = 0;
  while (!text.empty() && digits < max_digits && is_digit(text[0])) {
    value = value * 10 + (text[0] - '0');
    text.remove_prefix(1);
    ++digits;
  }
  return digits == 0 ? -1 : value;
}

// Spaces and one separator (-, ., /, or the given Hangul unit) between two parts of a date.
void skip_separator(std::string_view& text, std::string_view unit) {
  while (!text.empty() && text[0] == ' ') text.remove_prefix(1);
  if (text.starts_with(unit)) {
    text.remove_prefix(unit.size());
  } else if (!text.empty() && (text[0] == '-' || text[0] == '.' || text[0] == '/')) {
    text.remove_prefix(1);
  }
  while (!text.empty() && text[0] == ' ') text.remove_prefix(1);
}

}  // namespace

Day day_from_civil(int year, unsigned month, unsigned day) {
  using namespace std::chrono;
  const sys_days days = std::chrono::year{year} / std::chrono::month{month} / std::chrono::day{day};
  return static_cast<Day>(days.time_since_epoch().count());
}

Result<Day> parse_day(std::string_view text) {
  const std::string_view original = text;
  const auto bad = [&] {
    return fail(ErrorCode::kInvalid,
                "'" + std::string(original) + "' is not a date; write it as 2024-03-01");
  };
  text = trim(text);
  size_t leading_digits = 0;
  while (leading_digits < text.size() && is_digit(text[leading_digits])) ++leading_digits;
  if (leading_digits != 4 && leading_digits != 8 && leading_digits != 14) return bad();
  const int year = take_number(text, 4);
  int month = 1, day = 1;
  if (leading_digits >= 8) {
    month = take_number(text, 2);
    day = take_number(text, 2);
    text = {};
  } else {
    skip_separator(text, "년");
    if (!text.empty()) {
      month = take_number(text, 2);
      if (month < 0) return bad();
      skip_separator(text, "월");
      if (!text.empty()) {
        day = take_number(text, 2);
        if (day < 0) return bad();
        skip_separator(text, "일");
        // What may follow: a time (T or space, digits) or a bracketed weekday.
        if (!text.empty() && text[0] != 'T' && text[0] != '(' && !is_digit(text[0])) return bad();
      }
    }
  }
  const std::chrono::year_month_day civil{std::chrono::year{year},
                                          std::chrono::month{static_cast<unsigned>(month)},
                                          std::chrono::day{static_cast<unsigned>(day)}};
  if (!civil.ok() || year < 1) return bad();
  return static_cast<Day>(std::chrono::sys_days{civil}.time_since_epoch().count());
}

std::string format_day(Day day) {
  if (day == kDayMin || day == kDayMax) return "";
  const std::chrono::year_month_day civil{std::chrono::sys_days{std::chrono::days{day}}};
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%04d-%02u-%02u", static_cast<int>(civil.year()),
                static_cast<unsigned>(civil.month()), static_cast<unsigned>(civil.day()));
  return buffer;
}

Day today() {
  using namespace std::chrono;
  // The organisation's day is the local day, not UTC's.
  const std::time_t now = system_clock::to_time_t(system_clock::now());
  std::tm local{};
  localtime_r(&now, &local);
  return day_from_civil(local.tm_year + 1900, static_cast<unsigned>(local.tm_mon + 1),
                        static_cast<unsigned>(local.tm_mday));
}

Micros now_micros() {
  using namespace std::chrono;
  return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
}

std::string format_micros(Micros time) {
  const std::time_t seconds = static_cast<std::time_t>(time / 1'000'000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char buffer[32];
  std::strftime(buffer, sizeof buffer, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return buffer;
}

}  // namespace sillok
