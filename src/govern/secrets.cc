#include "govern/secrets.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <semaphore>

namespace sillok::govern {
namespace {

// RFC 9106, second recommended option: 64 MiB, three passes.
constexpr unsigned long long kPasses = 3;
constexpr size_t kMemoryBytes = 64u << 20;
constexpr std::ptrdiff_t kAtOnce = 2;

constexpr size_t kShortest = 8;      // code points (NIST SP 800-63B, 5.1.1.2)
constexpr size_t kLongest = 1024;    // bytes; longer ones only cost time

// What attackers try first: prefixes of passwords, compared in lower case.
constexpr std::array<std::string_view, 24> kTriedFirst = {
    "password", "12345678", "87654321", "qwertyui", "asdfghjk", "1q2w3e4r", "1qaz2wsx", "qwer1234",
    "q1w2e3r4", "abcd1234", "abcdefgh", "admin123", "administrator", "letmein1", "welcome1", "iloveyou",
    "00000000", "11111111", "passw0rd", "p@ssw0rd", "changeme", "korea123", "dkssudgktpdy", "zxcvbnm1"};

std::counting_semaphore<kAtOnce> g_turns(kAtOnce);

struct Turn {
  Turn() { g_turns.acquire(); }
  ~Turn() { g_turns.release(); }
};

void ready() {
  static const int initialised = sodium_init();
  SILLOK_CHECK(initialised >= 0);
}

}  // namespace

std::string to_hex(std::string_view bytes) {
  std::string out(bytes.size() * 2 + 1, '\0');
  sodium_bin2hex(out.data(), out.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  out.pop_back();
  return out;
}

std::string from_hex(std::string_view digits) {
  std::string out(digits.size() / 2, '\0');
  size_t size = 0;
  const char* end = nullptr;
  const int done = sodium_hex2bin(reinterpret_cast<unsigned char*>(out.data()), out.size(), digits.data(), digits.size(),
                                  nullptr, &size, &end);
  if (done != 0 || size * 2 != digits.size()) return {};
  return out;
}

std::string random_hex(size_t bytes) {
  ready();
  std::string raw(bytes, '\0');
  randombytes_buf(raw.data(), raw.size());
  return to_hex(raw);
}

bool equal_in_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

Status check_password(std::string_view name, std::string_view password) {
  const auto weak = [](const std::string& why) { return fail(ErrorCode::kInvalid, "the password " + why + "; choose another"); };
  if (!is_valid_utf8(password)) return weak("is not valid UTF-8");
  const std::u32string points = to_utf32(password);
  if (points.size() < kShortest) return weak("has fewer than " + std::to_string(kShortest) + " characters");
  if (password.size() > kLongest) return weak("has more than " + std::to_string(kLongest) + " bytes");
  if (std::count(points.begin(), points.end(), points[0]) == static_cast<std::ptrdiff_t>(points.size())) {
    return weak("repeats one character");
  }
  const std::string lower = ascii_lower(password), own = ascii_lower(name);
  for (const std::string_view tried : kTriedFirst) {
    // "password1" is as easily guessed as "password"; "password of three more words" is not.
    if (lower.starts_with(tried) && lower.size() <= tried.size() + 2) return weak("is among those that are tried first");
  }
  if (!own.empty() && lower.starts_with(own) && lower.size() <= own.size() + 4) return weak("is made of the name");
  return {};
}

Result<std::string> hash_password(std::string_view password) {
  ready();
  const Turn turn;
  std::array<char, crypto_pwhash_STRBYTES> out{};
  if (crypto_pwhash_str_alg(out.data(), password.data(), password.size(), kPasses, kMemoryBytes, crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return fail(ErrorCode::kLimit, "there is no memory to hash a password (64 MiB); try again later");
  }
  return std::string(out.data());
}

bool verify_password(std::string_view hash, std::string_view password) {
  // Of nobody: made once, with the same parameters, so that checking against it takes the same time.
  static const std::string nobody = hash_password(random_hex(16)).value_or("");
  const std::string against(hash.empty() ? nobody : hash);
  const Turn turn;
  const bool right = crypto_pwhash_str_verify(against.c_str(), password.data(), password.size()) == 0;
  return right && !hash.empty();
}

}  // namespace sillok::govern
