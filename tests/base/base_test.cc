#include "base/base.h"

#include <gtest/gtest.h>

namespace sillok {
namespace {

TEST(Dates, ReadsTheFormsOfficesWrite) {
  for (const char* text : {"2024-03-01", "2024-3-1", "20240301", "2024.3.1.", "2024. 3. 1.", "2024/03/01",
                           "2024년 3월 1일", "2024-03-01T09:30:00+09:00", "2024-03-01 09:30"}) {
    const auto day = parse_day(text);
    ASSERT_TRUE(day) << text;
    EXPECT_EQ(format_day(*day), "2024-03-01") << text;
  }
  EXPECT_EQ(format_day(*parse_day("1987")), "1987-01-01");
  EXPECT_EQ(format_day(*parse_day("1600-02-29")), "1600-02-29");
}

TEST(Dates, RefusesWhatIsNoDay) {
  for (const char* text : {"", "abc", "2023-02-29", "2024-13-01", "24-03-01", "2024-03-01x", "123456"}) {
    EXPECT_FALSE(parse_day(text)) << text;
  }
}

TEST(Utf8, RoundTripsAndRefusesMalformed) {
  const std::string text = "가나다 abc é 漢字 😀";
  EXPECT_EQ(to_utf8(to_utf32(text)), text);
  EXPECT_TRUE(is_valid_utf8(text));
  for (const std::string bad : {"\xC0\x80", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\xE0\x80\x80", "a\xFF", "\xEA\xB0"}) {
    EXPECT_FALSE(is_valid_utf8(bad));
    EXPECT_TRUE(is_valid_utf8(clean_utf8(bad)));
  }
}

TEST(Hash, KnownValues) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);  // RFC 3720, appendix B.4
  EXPECT_NE(hash64("a"), hash64(std::string_view("a\0", 2)));
}

// Whatever instructions compute it, a bit at a time gives the same, at every length and alignment and in pieces.
TEST(Hash, Crc32cAgreesWithTheDefinition) {
  std::string bytes;
  for (size_t i = 0; i < 100; ++i) bytes.push_back(static_cast<char>(i * 167 + 13));
  const auto defined = [](std::string_view text, uint32_t seed) {
    uint32_t crc = ~seed;
    for (char c : text) {
      crc ^= static_cast<uint8_t>(c);
      for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? 0x82F63B78u ^ (crc >> 1) : crc >> 1;
    }
    return ~crc;
  };
  for (size_t offset = 0; offset < 9; ++offset) {
    for (size_t size = 0; size <= 80; ++size) {
      const std::string_view text = std::string_view(bytes).substr(offset, size);
      EXPECT_EQ(crc32c(text), defined(text, 0)) << offset << ' ' << size;
      EXPECT_EQ(crc32c(text.substr(size / 3), crc32c(text.substr(0, size / 3))), defined(text, 0)) << offset << ' ' << size;
    }
  }
}

TEST(Strings, CollapseAndTrim) {
  EXPECT_EQ(collapse_spaces("  a \t\n b\xE3\x80\x80 c "), "a b c");
  EXPECT_EQ(trim("\xC2\xA0 x "), "x");
  EXPECT_EQ(json_quote("a\"\\\n\x01"), "\"a\\\"\\\\\\n\\u0001\"");
}

TEST(Files, WriteIsWholeAndLockIsExclusive) {
  const fs::path folder = fs::temp_directory_path() / ("sillok_base_" + std::to_string(::getpid()));
  fs::create_directories(folder);
  ASSERT_TRUE(write_file_atomic(folder / "a", "hello"));
  EXPECT_EQ(*read_file(folder / "a"), "hello");
  EXPECT_EQ(read_file(folder / "a", 3).error().code, ErrorCode::kLimit);
  EXPECT_EQ(read_file(folder / "b").error().code, ErrorCode::kNotFound);
  {
    const auto lock = FileLock::acquire(folder / "lock", 0);
    ASSERT_TRUE(lock);
    EXPECT_EQ(FileLock::acquire(folder / "lock", 0).error().code, ErrorCode::kConflict);
  }
  EXPECT_TRUE(FileLock::acquire(folder / "lock", 0));
  fs::remove_all(folder);
}

}  // namespace
}  // namespace sillok
