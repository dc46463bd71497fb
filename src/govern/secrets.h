// Private to govern: random secrets, their hashes, passwords.
#pragma once

#include <string>
#include <string_view>

#include "base/base.h"

namespace sillok::govern {

// `bytes` random bytes as lower-case hexadecimal digits.
std::string random_hex(size_t bytes);
std::string to_hex(std::string_view bytes);
std::string from_hex(std::string_view digits);  // "" if they are none
// Whether two strings are equal, in time that depends on their sizes only.
bool equal_in_time(std::string_view a, std::string_view b);

// kInvalid says what is wrong: under 8 characters, among those tried first, made of the name.
Status check_password(std::string_view name, std::string_view password);
// Argon2id (RFC 9106) with salt and parameters in the text. Takes about a tenth of a second and 64 MiB; no more than two
// run at a time, so that many who sign in at once take turns and not all memory. kLimit if there is no memory.
Result<std::string> hash_password(std::string_view password);
// "" as hash: nobody's; takes the same time and is false.
bool verify_password(std::string_view hash, std::string_view password);

}  // namespace sillok::govern
