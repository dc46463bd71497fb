// base: what every other module stands on. Errors as values, UTF-8, hashing, dates, files.
//
// Contents: Error, Result | UTF-8 | strings | hashing | dates | files
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace sillok {

// ---------------------------------------------------------------------------------------------
// Errors

enum class ErrorCode : uint8_t {
  kInvalid,       // the input is malformed or not what was asked for
  kNotFound,      // the named thing does not exist
  kUnsupported,   // a known format or option that this build does not handle
  kProtected,     // encrypted, or protected by a password or by distribution rules
  kLimit,         // a named limit was exceeded (size, depth, time, memory)
  kConflict,      // another process holds the home, or the state changed underneath
  kDenied,        // whoever asks may not do this, or is not who he says
  kIo,            // the operating system refused: disk full, permission, ...
  kInternal,      // our own bug; never caused by input
};

// What went wrong, for a program (code) and for a person (message: what, where, what to do).
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;

  // The same error with "context: " put in front, for callers who know where it happened.
  Error in(std::string_view context) const;
};

template <typename T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

inline tl::unexpected<Error> fail(ErrorCode code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message)});
}
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }
// kIo with strerror(errno) appended.
tl::unexpected<Error> fail_errno(std::string message);

std::string_view to_string(ErrorCode code);

// Aborts with file and line. For our own bugs only: no input may reach one.
#define SILLOK_CHECK(condition) \
  ((condition) ? (void)0 : ::sillok::check_failed(#condition, __FILE__, __LINE__))
[[noreturn]] void check_failed(const char* condition, const char* file, int line);

// Leaves the enclosing function with the error if `expression` (a Result) holds one.
#define SILLOK_TRY(expression)                                                 \
  do {                                                                         \
    if (auto sillok_try_ = (expression); !sillok_try_)                         \
      return ::tl::unexpected<::sillok::Error>(std::move(sillok_try_).error()); \
  } while (false)
// SILLOK_ASSIGN(auto x, f()) : x = *f(), or leaves with f's error.
#define SILLOK_CONCAT_(a, b) a##b
#define SILLOK_CONCAT(a, b) SILLOK_CONCAT_(a, b)
#define SILLOK_ASSIGN(target, expression) \
  SILLOK_ASSIGN_(SILLOK_CONCAT(sillok_result_, __LINE__), target, expression)
#define SILLOK_ASSIGN_(temporary, target, expression)                                \
  auto temporary = (expression);                                                     \
  if (!temporary) return ::tl::unexpected<::sillok::Error>(std::move(temporary).error()); \
  target = std::move(*temporary)

// ---------------------------------------------------------------------------------------------
// UTF-8

inline constexpr char32_t kReplacement = 0xFFFD;

// Decodes the code point at text[offset] and moves offset past it. Malformed bytes give
// kReplacement and advance by one. Requires offset < text.size().
char32_t decode_utf8(std::string_view text, size_t& offset);
void append_utf8(std::string& out, char32_t code_point);
std::u32string to_utf32(std::string_view text);
std::string to_utf8(std::u32string_view text);
bool is_valid_utf8(std::string_view text);
// Replaces malformed sequences by U+FFFD and removes NUL and other C0 controls except \t and \n.
std::string clean_utf8(std::string_view text);
// Little- or big-endian UTF-16 without BOM; unpaired surrogates become U+FFFD.
std::string utf16le_to_utf8(std::span<const uint8_t> bytes);
// At most max_code_points from the front, with "…" appended if anything was cut.
std::string shorten(std::string_view text, size_t max_code_points);

// ---------------------------------------------------------------------------------------------
// Strings

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }  // ASCII
std::string_view trim(std::string_view text);            // ASCII white space and U+3000, U+00A0
std::string collapse_spaces(std::string_view text);      // runs of white space to one space, trimmed
std::vector<std::string_view> split(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::string ascii_lower(std::string_view text);
bool starts_with_nocase(std::string_view text, std::string_view prefix);  // ASCII case only
std::string escape_html(std::string_view text);
// Quoted JSON string, control characters escaped, malformed UTF-8 replaced.
std::string json_quote(std::string_view text);

// ---------------------------------------------------------------------------------------------
// Hashing

// SHA-256 as 64 lower-case hexadecimal digits: the name of a blob.
std::string sha256_hex(std::string_view bytes);
// 64-bit hash, stable across machines and releases (BLAKE2b-free, unkeyed; not for adversaries).
uint64_t hash64(std::string_view bytes, uint64_t seed = 0);
// 32-bit CRC-32C, for torn-write detection in our own files.
uint32_t crc32c(std::string_view bytes, uint32_t seed = 0);

// ---------------------------------------------------------------------------------------------
// Dates. Records are dated by day; acts of the program by microsecond (UTC).

using Day = int32_t;  // days since 1970-01-01, proleptic Gregorian
inline constexpr Day kDayMin = INT32_MIN;  // "always was": before every date
inline constexpr Day kDayMax = INT32_MAX;  // "still is": after every date

// Reads 2024-03-01, 2024-3-1, 20240301, 2024.3.1(.), 2024/03/01, 2024. 3. 1., "2024년 3월 1일", a
// bare year or year-month (first day), and ISO 8601 date-times (date part). kInvalid otherwise,
// also for days that do not exist.
Result<Day> parse_day(std::string_view text);
std::string format_day(Day day);  // "2024-03-01"; "" for kDayMin and kDayMax
Day day_from_civil(int year, unsigned month, unsigned day);
Day today();

using Micros = int64_t;  // microseconds since 1970-01-01T00:00:00Z
Micros now_micros();
std::string format_micros(Micros time);  // "2024-03-01T09:30:00Z"

// ---------------------------------------------------------------------------------------------
// Files

namespace fs = std::filesystem;

// Closes the descriptor when the scope ends.
struct Descriptor {
  int fd = -1;
  ~Descriptor();
};
// All of the bytes, however many writes that takes; kIo names `path`.
Status write_all(int fd, std::string_view bytes, const fs::path& path);

// Whole file; kLimit above max_bytes, kNotFound or kIo otherwise.
Result<std::string> read_file(const fs::path& path, uint64_t max_bytes = UINT64_MAX);
// Written beside the target, synced, renamed over it, directory synced: all or nothing.
Status write_file_atomic(const fs::path& path, std::string_view bytes);
// The same for bytes that come piece by piece. Without commit() nothing of it stays. Movable, not copyable.
class AtomicFile {
 public:
  static Result<AtomicFile> create(const fs::path& path);
  Status append(std::string_view bytes);
  Status commit();  // once; nothing may be appended after it
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&& other) noexcept;
  ~AtomicFile();

 private:
  AtomicFile() = default;
  fs::path path_, temporary_;
  int fd_ = -1;
};
Status sync_directory(const fs::path& path);

// A read-only memory map of a whole file; unmapped at destruction. Movable, not copyable.
class MappedFile {
 public:
  MappedFile() = default;
  static Result<MappedFile> open(const fs::path& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();
  std::string_view bytes() const { return {data_, size_}; }

 private:
  const char* data_ = nullptr;
  size_t size_ = 0;
};

// Exclusive advisory lock on a file (created if absent), released at destruction or process death.
class FileLock {
 public:
  FileLock() = default;
  // kConflict if another process holds it and wait_ms passes.
  static Result<FileLock> acquire(const fs::path& path, int wait_ms);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();

 private:
  int fd_ = -1;
};

}  // namespace sillok
