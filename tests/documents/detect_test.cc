#include <gtest/gtest.h>

#include "documents/reader.h"
#include "zip_writer.h"

namespace sillok::documents {
namespace {

using namespace std::string_literals;

TEST(Detect, ByContent) {
  EXPECT_EQ(detect_format("%PDF-1.4\n", "a.txt"), "pdf");
  EXPECT_EQ(detect_format("junk\n%PDF-1.4\n", "a"), "pdf");
  EXPECT_EQ(detect_format("{\\rtf1 x}", "a.doc"), "rtf");
  EXPECT_EQ(detect_format("\x89PNG\r\n\x1A\n", "a.jpg"), "png");
  EXPECT_EQ(detect_format("<!DOCTYPE html><p>a", "a.txt"), "html");
  EXPECT_EQ(detect_format("From a@b Mon Jun 01 10:00:00 2009\nSubject: x\n\nbody\n", "a"), "mbox");
  EXPECT_EQ(detect_format("From: a@b\nTo: c@d\nSubject: x\n\nbody\n", "a.txt"), "eml");
  EXPECT_EQ(detect_format("118\nFrom: a@b\nTo: c@d\nSubject: x\n\nbody\n", "a.emlx"), "eml");
  EXPECT_EQ(detect_format("\x7F"
                          "ELF\2\1\1\0\0\0"s,
                          "a.txt"),
            "elf");
}

TEST(Detect, AnyLength) {
  for (const std::string_view whole :
       {"PK\3\4mimetypemimetypemimetypemimetypemimetype", "ftypftypftypheic", "a", "{\"a\":1}",
        "BM12345678901234567890123456"}) {
    for (size_t n = 0; n <= whole.size(); ++n) (void)detect_format(whole.substr(0, n), "x");
  }
}

TEST(Detect, AZipWithADamagedDirectoryIsWhatItsMembersSay) {
  std::string bytes = testing::ZipWriter().add("[Content_Types].xml", "x").add("xl/workbook.xml", "x").finish();
  EXPECT_EQ(detect_format(bytes, "a"), "xlsx");
  bytes[bytes.rfind("PK\1\2")] = 'X';
  EXPECT_EQ(detect_format(bytes, "a"), "xlsx");
  // A package stored inside an archive is not what the archive is.
  EXPECT_EQ(detect_format(testing::ZipWriter().add("a.xlsx", bytes).finish(), "a"), "zip");
}

TEST(Detect, JsonKinds) {
  EXPECT_EQ(detect_format("{\"id\":1,\"text\":\"a\"}\n{\"id\":2,\"text\":\"b\"}\n", "a"), "jsonl");
  EXPECT_EQ(detect_format("{\"id\":1,\"text\":\"a\"}\n", "a.jsonl"), "jsonl");
  EXPECT_EQ(detect_format("{\n \"a\": 1\n}\n", "a"), "json");
  EXPECT_EQ(detect_format("[{\"a\": 1}]", "a"), "json");
  EXPECT_EQ(detect_format("{\"id\":1}\nnot json\n", "a.jsonl"), "jsonl");
  EXPECT_EQ(detect_format("[공고] 제3호\n본문", "a"), "text");
}

TEST(Detect, NameOnlyWhereContentCannotTell) {
  EXPECT_EQ(detect_format("a,b\n1,2\n", "x.csv"), "csv");
  EXPECT_EQ(detect_format("a,b\n1,2\n", "x.txt"), "text");
  EXPECT_EQ(detect_format("plain words\n", "x.md"), "markdown");
  EXPECT_EQ(detect_format("plain words\n", "x.pdf"), "text");
}

TEST(Detect, TextInWideCharsets) {
  EXPECT_EQ(detect_format("\xFF\xFE"
                          "a\0b\0 \0c\0"s,
                          "x"),
            "text");
  std::string random;
  for (int i = 0; i < 4000; ++i) random += static_cast<char>((i * 7919 + i * i * 31) >> 3);
  EXPECT_EQ(detect_format(random, "x"), "");
}

// "가나다라 보고서" and the like in CP949; uchardet takes such short texts for anything.
TEST(Charset, ShortKorean) {
  EXPECT_EQ(decode_text("\xB0\xA1"), "가");
  EXPECT_EQ(decode_text("\xBA\xB8\xB0\xED\xBC\xAD"), "보고서");
  EXPECT_EQ(decode_text("\xB0\xCB\xBB\xE7 \xB1\xE2\xB7\xCF"), "검사 기록");
  EXPECT_EQ(decode_text("\xC7\xB0\xB9\xF8,\xBC\xF6\xB7\xAE\nA-1,3\n"), "품번,수량\nA-1,3\n");
}

TEST(Charset, OtherCharsets) {
  EXPECT_EQ(decode_text("Caf\xE9 M\xFCller"), "Café Müller");
  EXPECT_EQ(decode_text("\x82\xB1\x82\xEA\x82\xCD\x83\x65\x83\x58\x83\x67\x82\xC5\x82\xB7"),
            "これはテストです");
  EXPECT_EQ(decode_text("\xEF\xF0\xE8\xE2\xE5\xF2 \xEC\xE8\xF0"), "привет мир");
  EXPECT_EQ(decode_text("\xD0\xD2\xC9\xD7\xC5\xD4 \xCD\xC9\xD2"), "привет мир");
  EXPECT_EQ(decode_text("\xFE\xFF\xAC\0"s), "가");
  EXPECT_EQ(decode_text("a\0b\0 \0c\0\n\0d\0"s), "ab c\nd");
  EXPECT_EQ(decode_text("\xEF\xBB\xBF가"), "가");
  EXPECT_EQ(decode_text("\xC4\xE3\xBA\xC3\xA3\xAC\xD5\xE2\xCA\xC7\xD6\xD0\xB9\xFA\xB5\xC4"),
            "你好，这是中国的");
}

TEST(Charset, DeclaredIsTriedFirstButUtf8Wins) {
  EXPECT_EQ(decode_text("\xB0\xA1", "euc-kr"), "가");
  EXPECT_EQ(decode_text("가", "euc-kr"), "가");
  EXPECT_EQ(decode_text("\xE9", "iso-8859-1"), "é");
  EXPECT_EQ(decode_text("\x1B$)C\x0E\x30\x21\x0F", "iso-2022-kr"), "가");
}

}  // namespace
}  // namespace sillok::documents
