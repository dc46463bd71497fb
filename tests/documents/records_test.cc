// Text, CSV, JSON, JSONL, mail and containers.
#include <zlib.h>

#include "reading.h"
#include "zip_writer.h"

namespace sillok::documents {
namespace {

TEST(Text, StatuteStructure) {
  const auto blocks = blocks_of_text(
      "제1장 총칙\n제1조(목적) 이 규정은 기준을 정한다.\n제3조의2(정의)\n① 용어\n1. 가나\n2. "
      "다라\n가. 마바\n② 둘째\n\n제3조제2항에 따라 한다.\n",
      1);
  ASSERT_EQ(blocks.size(), 10u);
  EXPECT_EQ(blocks[0].kind, BlockKind::kHeading);
  EXPECT_EQ(blocks[0].level, 2);
  EXPECT_EQ(blocks[1].text, "제1조(목적)");
  EXPECT_EQ(blocks[1].level, 5);
  EXPECT_EQ(blocks[2].text, "이 규정은 기준을 정한다.");
  EXPECT_EQ(blocks[2].anchor.line, 2u);
  EXPECT_EQ(blocks[3].text, "제3조의2(정의)");
  EXPECT_EQ(blocks[4].level, 1);
  EXPECT_EQ(blocks[5].level, 2);
  EXPECT_EQ(blocks[6].level, 2);
  EXPECT_EQ(blocks[7].level, 3);
  EXPECT_EQ(blocks[8].level, 1);
  EXPECT_EQ(blocks[9].kind, BlockKind::kParagraph);
  EXPECT_EQ(blocks[9].anchor.line, 10u);
}

TEST(Csv, QuotesLinesAndHeader) {
  const auto reading = read_bytes("품번;비고\nA-1;\"둘;\n줄 \"\"인용\"\"\"\nA-2;끝\n", "a.csv");
  ASSERT_TRUE(reading.status);
  const Table& table = reading.items.at(0).document->blocks.at(0).table;
  ASSERT_EQ(table.rows.size(), 3u);
  EXPECT_EQ(table.header_rows, 1u);
  EXPECT_EQ(table.rows[1].cells[1].text, "둘;\n줄 \"인용\"");
  EXPECT_EQ(table.rows[2].line, 4u);
}

TEST(Csv, LongTablesRepeatTheirHeader) {
  std::string text = "name,value\n";
  for (int i = 0; i < 500; ++i) text += "a" + std::to_string(i) + ",1\n";
  const auto reading = read_bytes(text, "a.csv");
  size_t rows = 0;
  for (const Block& block : reading.items.at(0).document->blocks) {
    EXPECT_EQ(block.table.rows.at(0).cells.at(0).text, "name");
    rows += block.table.rows.size() - 1;
  }
  EXPECT_EQ(rows, 500u);
}

TEST(Jsonl, AsManyLinesAsTheLimit) {
  ReadLimits limits;
  limits.items = 3;
  std::string lines;
  for (const char* id : {"a", "b", "c"}) lines += std::string("{\"id\":\"") + id + "\",\"text\":\"t\"}\n";
  EXPECT_TRUE(read_bytes(lines, "a.jsonl", limits).status);
  EXPECT_FALSE(read_bytes(lines + "{\"id\":\"d\",\"text\":\"t\"}\n", "a.jsonl", limits).status);
}

TEST(Jsonl, RecordsAndBadLines) {
  const auto reading = read_bytes(
      "{\"id\":7,\"title\":\"제목\",\"text\":\"본문\",\"date\":\"2024-03-01\",\"label\":\"내부\","
      "\"x\":{\"y\":1}}\n"
      "not json\n{\"id\":\"b\",\"text\":\"t\",\"date\":\"2024-02-31\"}\n{\"text\":\"no "
      "id\"}\n\n{\"id\":\"c\",\"text\":\"t\"}\n",
      "a.jsonl");
  ASSERT_TRUE(reading.status);
  ASSERT_EQ(reading.items.size(), 5u);
  ASSERT_TRUE(reading.items[0].document);
  const Metadata& meta = reading.items[0].document->meta;
  EXPECT_EQ(reading.items[0].part, "7");
  EXPECT_EQ(meta.identity, "7");
  EXPECT_EQ(meta.title, "제목");
  EXPECT_EQ(meta.effective_from, "2024-03-01");
  EXPECT_EQ(meta.label, "내부");
  EXPECT_EQ(meta.other.at("x"), "{\"y\":1}");
  EXPECT_EQ(reading.items[0].document->blocks.at(0).anchor.line, 1u);
  ASSERT_FALSE(reading.items[1].document);
  EXPECT_NE(reading.items[1].document.error().message.find("line 2"), std::string::npos);
  ASSERT_FALSE(reading.items[2].document);
  EXPECT_EQ(reading.items[2].part, "b");
  ASSERT_FALSE(reading.items[3].document);
  EXPECT_TRUE(reading.items[4].document);
}

TEST(Jsonl, RefusesLinesThatAreNoRecords) {
  EXPECT_FALSE(read_bytes("{\"a\":1}\n{\"a\":2}\n", "a.jsonl").status);
}

TEST(Json, ObjectsAndRecords) {
  const auto reading = read_bytes(
      "{\"title\":\"T\",\"items\":[{\"a\":1,\"b\":\"x\"},{\"a\":2}],\"deep\":{\"key\":\"value\"}}",
      "a.json");
  ASSERT_TRUE(reading.status);
  const std::string text = to_text(*reading.items.at(0).document);
  EXPECT_NE(text.find("key: value"), std::string::npos);
  EXPECT_EQ(reading.items[0].document->meta.title, "T");
  const auto records =
      read_bytes("[{\"id\":\"a\",\"text\":\"x\"},{\"id\":\"b\",\"text\":\"y\"}]", "a.json");
  ASSERT_EQ(records.items.size(), 2u);
  EXPECT_EQ(records.items[1].document->meta.identity, "b");
  EXPECT_FALSE(read_bytes("{\"a\": [1, 2", "a.json").status);
}

// Subject and file name in raw CP949, as old Korean programs send them; body declared as
// ks_c_5601-1987.
TEST(Mail, KoreanWithAttachment) {
  const std::string mail =
      "From: =?euc-kr?B?sei6uLDt?= <kim@example.org>\nTo: lee@example.org\nSubject: "
      "\xBA\xB8\xB0\xED\xBC\xAD\n"
      "Date: Fri, 1 Mar 2024 00:30:00 +0900\nMessage-ID: <m1@example.org>\nIn-Reply-To: "
      "<m0@example.org>\n"
      "References: <m00@example.org>\n <m0@example.org>\nMIME-Version: 1.0\nContent-Type: "
      "multipart/mixed; boundary=b\n\n"
      "--b\nContent-Type: text/plain; charset=ks_c_5601-1987\n\n\xB0\xCB\xBB\xE7 \xB1\xE2\xB7\xCF\n"
      "--b\nContent-Type: text/csv; charset=euc-kr; "
      "name=\"\xC7\xB0\xB9\xF8.csv\"\nContent-Disposition: attachment\n\n"
      "\xC7\xB0\xB9\xF8,\xBC\xF6\xB7\xAE\nA-1,3\n--b--\n";
  const auto reading = read_bytes(mail, "a.eml");
  ASSERT_TRUE(reading.status);
  ASSERT_EQ(reading.items.size(), 2u);
  const Document& message = *reading.items[0].document;
  EXPECT_EQ(message.meta.title, "보고서");
  EXPECT_EQ(message.meta.message_id, "m1@example.org");
  EXPECT_EQ(message.meta.in_reply_to, "m0@example.org");
  EXPECT_EQ(message.meta.references.size(), 2u);
  EXPECT_EQ(message.meta.effective_from, "2024-03-01");
  EXPECT_NE(to_text(message).find("검사 기록"), std::string::npos);
  EXPECT_EQ(reading.items[1].part, "품번.csv");
  EXPECT_EQ(reading.items[1].document->meta.format, "csv");
}

TEST(Mail, EncryptedPartsAreNamed) {
  const auto reading = read_bytes(
      "From: a@b\nTo: c@d\nSubject: s\nMIME-Version: 1.0\nContent-Type: multipart/encrypted; "
      "boundary=b\n\n--b\n\nx\n--b--\n",
      "a.eml");
  ASSERT_EQ(reading.items.size(), 2u);
  ASSERT_FALSE(reading.items[1].document);
  EXPECT_EQ(reading.items[1].document.error().code, ErrorCode::kProtected);
}

TEST(Mail, EncodedWordsCutWithinACharacterAndContinuedNames) {
  // "가나" in UTF-8, cut after the fourth byte.
  const auto reading = read_bytes(
      "From: a@b\nTo: c@d\nSubject: =?utf-8?B?6rCA6w==?= =?utf-8?B?gpg=?=\nMIME-Version: "
      "1.0\nContent-Type: text/plain;\n"
      " name*0*=utf-8''%EA%B0;\n name*1*=%80.txt\nContent-Disposition: attachment\n\nbody\n",
      "a.eml");
  ASSERT_EQ(reading.items.size(), 2u);
  EXPECT_EQ(reading.items[0].document->meta.title, "가나");
  EXPECT_EQ(reading.items[1].part, "가.txt");
}

TEST(Mbox, MessagesAndQuotedFrom) {
  const auto reading = read_bytes(
      "From a@b Mon Jun 01 10:00:00 2009\nSubject: one\nMessage-ID: <1@x>\n\nbody\n>From "
      "here\nFrom now on\n\n"
      "From a@b Mon Jun 01 11:00:00 2009\nSubject: two\n\nbody\n",
      "a");
  ASSERT_EQ(reading.items.size(), 2u);
  EXPECT_EQ(reading.items[0].part, "1@x");
  const std::string text = to_text(*reading.items[0].document);
  EXPECT_NE(text.find("\nFrom here"), std::string::npos);
  EXPECT_NE(text.find("From now on"), std::string::npos);
  EXPECT_EQ(reading.items[1].part, "message 2");
}

TEST(Zip, ReadsMembersAndNamesTheUnreadable) {
  const std::string inner = testing::ZipWriter().add("in.txt", "inner").finish();
  const std::string zip = testing::ZipWriter()
                              .add("\xBA\xB8\xB0\xED\xBC\xAD.txt", "body", 0)
                              .add("program", std::string_view("\x7F"
                                                               "ELF\2\1\1\0\0",
                                                               9))
                              .add("__MACOSX/._x", "junk")
                              .add("dir/nested.zip", inner)
                              .finish();
  const auto reading = read_bytes(zip, "a.zip");
  ASSERT_TRUE(reading.status);
  ASSERT_EQ(reading.items.size(), 3u);
  EXPECT_EQ(reading.items[0].part, "보고서.txt");
  EXPECT_FALSE(reading.items[1].document);
  EXPECT_EQ(reading.items[2].part, "dir/nested.zip/in.txt");
  EXPECT_EQ(reading.items[2].parent, "dir/nested.zip");
}

TEST(Zip, StopsAtItsLimits) {
  std::string zip = testing::ZipWriter().add("in.txt", "inner").finish();
  for (int i = 0; i < 12; ++i) zip = testing::ZipWriter().add("in.zip", zip).finish();
  const auto deep = read_bytes(zip, "a.zip");
  ASSERT_EQ(deep.items.size(), 1u);
  ASSERT_FALSE(deep.items[0].document);
  EXPECT_EQ(deep.items[0].document.error().code, ErrorCode::kLimit);
  ReadLimits limits;
  limits.expanded_bytes = 100;
  EXPECT_FALSE(read_bytes(testing::ZipWriter()
                              .add("a.txt", std::string(90, 'a'))
                              .add("b.txt", std::string(90, 'b'))
                              .finish(),
                          "a.zip", limits)
                   .status);
}

std::string gzipped(std::string_view bytes) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(bytes.size() + 100, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

TEST(Gzip, Unpacks) {
  const std::string packed = gzipped("a");
  const auto reading = read_bytes(packed, "a.txt.gz");
  ASSERT_TRUE(reading.status);
  ASSERT_TRUE(reading.items.at(0).document);
  EXPECT_EQ(reading.items[0].document->meta.format, "text");
}

// Each self-made input cut at 50 points and with 200 bytes changed: no crash, and always an answer.
TEST(Rubbish, NeverCrashes) {
  const std::pair<std::string, std::string> inputs[] = {
      {"a.txt", "제1장 총칙\n제1조(목적) 가\n\n1. 나\n- 다\n"},
      {"a.csv", "a,b\n\"x\ny\",2\n3,4\n"},
      {"a.jsonl", "{\"id\":\"a\",\"text\":\"b\"}\n{\"id\":2,\"text\":\"c\",\"date\":\"2024\"}\n"},
      {"a.json", "{\"a\":[1,2,{\"b\":[{\"c\":1},{\"c\":2}]}]}"},
      {"a.html", "<html><body><h1>a</h1><table><tr><td>b</td></tr></table></body></html>"},
      {"a.md", "---\ntitle: a\n---\n# b\n\n| c | d |\n|---|---|\n| 1 | 2 |\n"},
      {"a.eml",
       "From: a@b\nSubject: =?utf-8?Q?=EA=B0=80?=\nMIME-Version: 1.0\nContent-Type: "
       "multipart/mixed; boundary=x\n\n--x\nContent-Type: text/html\n\n<p>a\n--x\nContent-Type: "
       "message/rfc822\n\nSubject: in\n\nbody\n--x--\n"},
      {"a.mbox",
       "From a@b Mon Jun 01 10:00:00 2009\nSubject: one\n\nbody\n\nFrom a@b Mon Jun 01 11:00:00 "
       "2009\nSubject: two\n\nbody\n"},
      {"a.gz", gzipped("a text that is packed")},
      {"a.ole", "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1" + std::string(2000, '\1')}};
  uint64_t seed = 42;
  const auto next = [&] {
    return seed = seed * 6364136223846793005ull + 1442695040888963407ull,
           static_cast<size_t>(seed >> 33);
  };
  for (const auto& [name, whole] : inputs) {
    for (size_t i = 0; i < 50; ++i)
      (void)read_bytes(std::string_view(whole).substr(0, whole.size() * i / 50), name);
    for (size_t i = 0; i < 200; ++i) {
      std::string damaged = whole;
      for (size_t flips = 0; flips < 1 + i / 20; ++flips)
        damaged[next() % damaged.size()] = static_cast<char>(next());
      const auto reading = read_bytes(damaged, name);
      EXPECT_TRUE(reading.status || !reading.status.error().message.empty());
    }
  }
}

}  // namespace
}  // namespace sillok::documents
