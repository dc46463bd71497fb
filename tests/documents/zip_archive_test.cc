#include <gtest/gtest.h>
#include <zlib.h>

#include "documents/reader.h"
#include "zip_writer.h"

namespace sillok::documents {
namespace {

using testing::ZipWriter;

std::string deflated(std::string_view plain) {
  std::string out(compressBound(plain.size()) + 64, '\0');
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

TEST(ZipArchive, ReadsStoredAndDeflatedMembers) {
  const std::string plain(100000, 'x');
  const std::string bytes = ZipWriter()
                                .add("a.txt", "하나")
                                .add("d/b.txt", deflated(plain), 0x800, 8, plain)
                                .add("d/", "")
                                .finish();
  Budget budget{ReadLimits{}};
  const auto zip = ZipArchive::open(bytes, budget);
  ASSERT_TRUE(zip) << zip.error().message;
  EXPECT_EQ(zip->names(), (std::vector<std::string>{"a.txt", "d/b.txt"}));
  EXPECT_EQ(zip->read("a.txt").value_or(""), "하나");
  EXPECT_EQ(zip->read("d/b.txt").value_or(""), plain);
  EXPECT_FALSE(zip->has("d"));
  EXPECT_EQ(zip->read("missing").error().code, ErrorCode::kNotFound);
}

TEST(ZipArchive, ReadsBehindSomethingPutInFront) {
  const std::string bytes = "#!/bin/sh self-extracting" + ZipWriter().add("a", "text").finish();
  Budget budget{ReadLimits{}};
  const auto zip = ZipArchive::open(bytes, budget);
  ASSERT_TRUE(zip) << zip.error().message;
  EXPECT_EQ(zip->read("a").value_or(""), "text");
}

TEST(ZipArchive, StopsABombEarly) {
  const std::string plain(8 << 20, '\0');
  const std::string bytes = ZipWriter().add("bomb", deflated(plain), 0, 8, plain).finish();
  ReadLimits limits;
  limits.expanded_bytes = 1 << 20;
  Budget budget{limits};
  const auto zip = ZipArchive::open(bytes, budget);
  ASSERT_TRUE(zip);
  EXPECT_EQ(zip->read("bomb").error().code, ErrorCode::kLimit);
}

TEST(ZipArchive, RefusesEncryptedAndUnknownMethods) {
  const std::string bytes =
      ZipWriter().add("secret", "xxxx", 1).add("odd", "xxxx", 0, 99, "yyyy").finish();
  Budget budget{ReadLimits{}};
  const auto zip = ZipArchive::open(bytes, budget);
  ASSERT_TRUE(zip);
  EXPECT_EQ(zip->read("secret").error().code, ErrorCode::kProtected);
  EXPECT_EQ(zip->read("odd").error().code, ErrorCode::kUnsupported);
}

TEST(ZipArchive, SaysThatATruncatedFileIsTruncated) {
  const std::string bytes = ZipWriter().add("a", "first").add("b", "second").finish(false);
  Budget budget{ReadLimits{}};
  const auto zip = ZipArchive::open(bytes, budget);
  ASSERT_FALSE(zip);
  EXPECT_NE(zip.error().message.find("truncated"), std::string::npos);
  EXPECT_EQ(ZipArchive::open("plain text", budget).error().code, ErrorCode::kInvalid);
}

TEST(ZipArchive, ReadsMembersWhoseDirectoryIsDamagedBehindTheLast) {
  std::string bytes = ZipWriter().add("a", "first").add("b", "second").finish();
  bytes.resize(bytes.size() -
               30);  // The directory begins, so every member is there; its end is lost.
  Budget budget{ReadLimits{}};
  const auto zip = ZipArchive::open(bytes, budget);
  ASSERT_TRUE(zip) << zip.error().message;
  EXPECT_EQ(zip->read("b").value_or(""), "second");
  EXPECT_TRUE(zip->repaired());
}

TEST(ZipArchive, NoticesEveryFlippedByteOfTheData) {
  const std::string bytes = ZipWriter().add("a", "some text to keep").finish();
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string flipped = bytes;
    flipped[i] = static_cast<char>(flipped[i] ^ 0x55);
    Budget budget{ReadLimits{}};
    const auto zip = ZipArchive::open(flipped, budget);
    if (!zip || !zip->has("a")) continue;
    const auto text = zip->read("a");
    if (text) {
      EXPECT_EQ(*text, "some text to keep") << i;
    }
  }
}

TEST(ZipArchive, SurvivesEveryTruncation) {
  const std::string plain(5000, 'q');
  const std::string bytes =
      ZipWriter().add("a", "text").add("b", deflated(plain), 0, 8, plain).finish();
  for (size_t n = 0; n < bytes.size(); ++n) {
    Budget budget{ReadLimits{}};
    const auto zip = ZipArchive::open(std::string_view(bytes).substr(0, n), budget);
    if (!zip) continue;
    for (const std::string& name : zip->names()) (void)zip->read(name);
  }
}

}  // namespace
}  // namespace sillok::documents
