// Strings as Python sees them: by code point, with Unicode's white space and case.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/base.h"

namespace sillok::model::jinja {

bool is_space(char32_t c);                   // str.isspace of one character
bool is_printable(char32_t c);               // str.isprintable of one character
size_t code_points(std::string_view text);   // len(text)
// `set` empty: white space.
std::string_view strip_left(std::string_view text, std::string_view set = {});
std::string_view strip_right(std::string_view text, std::string_view set = {});
std::string upper(std::string_view text);
std::string lower(std::string_view text);
std::string capitalize(std::string_view text);
std::string title(std::string_view text);    // str.title: a capital after every character that is not a letter
std::vector<std::string> characters(std::string_view text);  // each code point
// str.splitlines
std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends);
std::string replace_all(std::string_view text, std::string_view from, std::string_view to, int64_t count);

}  // namespace sillok::model::jinja
