#include <gtest/gtest.h>

#include <zlib.h>

#include <array>

#include "documents/reader.h"

namespace sillok::documents {
namespace {

void append_u32(std::string& out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
}

void append_chunk(std::string& out, const std::string& type, const std::string& data) {
  append_u32(out, static_cast<uint32_t>(data.size()));
  const std::string body = type + data;
  out += body;
  append_u32(out, static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()))));
}

// An 8-bit grey PNG; declared dimensions may differ from the pixels given.
std::string png(uint32_t width, uint32_t height, const std::string& rows) {
  std::string out = "\x89PNG\r\n\x1A\n";
  std::string header;
  append_u32(header, width);
  append_u32(header, height);
  header += std::string("\x08\x00\x00\x00\x00", 5);
  append_chunk(out, "IHDR", header);
  uLongf size = compressBound(static_cast<uLong>(rows.size()));
  std::string packed(size, '\0');
  compress(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(rows.data()),
           static_cast<uLong>(rows.size()));
  packed.resize(size);
  append_chunk(out, "IDAT", packed);
  append_chunk(out, "IEND", "");
  return out;
}

// Capital letters on a grid of 5 x 7, as on dot-matrix displays.
const std::map<char, std::array<const char*, 7>> kFont = {
    {'E', {"11111", "10000", "10000", "11110", "10000", "10000", "11111"}},
    {'H', {"10001", "10001", "10001", "11111", "10001", "10001", "10001"}},
    {'L', {"10000", "10000", "10000", "10000", "10000", "10000", "11111"}},
    {'T', {"11111", "00100", "00100", "00100", "00100", "00100", "00100"}},
    {'F', {"11111", "10000", "10000", "11110", "10000", "10000", "10000"}},
    {'I', {"01110", "00100", "00100", "00100", "00100", "00100", "01110"}},
};

// Grey rows of white paper with the words in black, `dot` pixels a dot; no filter byte.
std::vector<uint8_t> page(const std::string& text, int dot, int width, int height) {
  std::vector<uint8_t> grey(static_cast<size_t>(width) * static_cast<size_t>(height), 255);
  int left = 20 * dot / 4;
  for (const char c : text) {
    const auto glyph = kFont.find(c);
    if (glyph != kFont.end()) {
      for (int y = 0; y < 7 * dot; ++y) {
        for (int x = 0; x < 5 * dot; ++x) {
          if (glyph->second[static_cast<size_t>(y / dot)][x / dot] != '1') continue;
          grey[static_cast<size_t>(height / 3 + y) * static_cast<size_t>(width) + static_cast<size_t>(left + x)] = 0;
        }
      }
    }
    left += 7 * dot;
  }
  return grey;
}

std::string png_of(const std::vector<uint8_t>& grey, int width, int height) {
  std::string rows;
  for (int y = 0; y < height; ++y) {
    rows += '\0';
    rows.append(reinterpret_cast<const char*>(grey.data()) + static_cast<ptrdiff_t>(y) * width, static_cast<size_t>(width));
  }
  return png(static_cast<uint32_t>(width), static_cast<uint32_t>(height), rows);
}

Result<Document> read(const std::string& bytes) {
  const ReadLimits limits;
  Budget budget(limits);
  return read_image(Source{bytes, "scan.png", "", "", 0}, budget);
}

bool models_absent(const Result<Document>& document) {
  return !document && document.error().code == ErrorCode::kUnsupported;
}

TEST(Ocr, ReadsAWord) {
  constexpr int kWidth = 1400, kHeight = 300;
  const auto document = read(png_of(page("THE FELT LIFT", 8, kWidth, kHeight), kWidth, kHeight));
  if (models_absent(document)) GTEST_SKIP() << "tesseract-ocr-kor and tesseract-ocr-eng are not installed";
  ASSERT_TRUE(document);
  EXPECT_EQ(document->meta.format, "png");
  EXPECT_NE(to_text(*document).find("LIFT"), std::string::npos) << to_text(*document);
  ASSERT_FALSE(document->blocks.empty());
  EXPECT_EQ(document->blocks[0].anchor.page, 1u);
}

TEST(Ocr, AnEmptyPageIsNoError) {
  const auto document = read(png_of(std::vector<uint8_t>(300 * 300, 255), 300, 300));
  if (models_absent(document)) GTEST_SKIP() << "tesseract-ocr-kor and tesseract-ocr-eng are not installed";
  ASSERT_TRUE(document);
  EXPECT_TRUE(document->blocks.empty());
  EXPECT_EQ(document->meta.other.at("note"), "no text was recognised in the image");
}

TEST(Ocr, HugeDimensionsAreRefusedBeforeDecoding) {
  const auto document = read(png(30'000, 30'000, std::string(100, '\0')));
  ASSERT_FALSE(document);
  EXPECT_EQ(document.error().code, ErrorCode::kLimit);
  std::string gif("GIF89a\xFF\xFF\xFF\xFF\0\0\0", 13);
  const auto wide = read(gif);
  ASSERT_FALSE(wide);
  EXPECT_EQ(wide.error().code, ErrorCode::kLimit);
}

TEST(Ocr, DamagedImagesGiveErrors) {
  const std::string bytes = png_of(std::vector<uint8_t>(40 * 40, 255), 40, 40);
  for (const size_t size : {size_t{8}, size_t{20}, size_t{30}}) {
    const auto document = read(bytes.substr(0, size));
    ASSERT_FALSE(document) << size;
    EXPECT_EQ(document.error().code, ErrorCode::kInvalid) << size;
  }
  for (const char* const junk : {"\xFF\xD8\xFF\xE0", "II*\0\x08", "BM123456", "GIF8", "RIFF1234WEBPVP8 ", "junk"}) {
    EXPECT_FALSE(read(junk)) << junk;
  }
}

TEST(Ocr, PageImagesOfAnyChannelCount) {
  constexpr int kWidth = 700, kHeight = 200;
  const std::vector<uint8_t> grey = page("THE FELT LIFT", 5, kWidth, kHeight);
  std::vector<uint8_t> rgb;
  for (const uint8_t value : grey) rgb.insert(rgb.end(), {value, value, value});
  const auto one = ocr_image(grey.data(), kWidth, kHeight, 1, kWidth, 300);
  const auto three = ocr_image(rgb.data(), kWidth, kHeight, 3, kWidth * 3, 300);
  if (!one && one.error().code == ErrorCode::kUnsupported) GTEST_SKIP() << "no models installed";
  ASSERT_TRUE(one);
  ASSERT_TRUE(three);
  ASSERT_EQ(one->size(), three->size());
  for (size_t i = 0; i < one->size(); ++i) EXPECT_EQ((*one)[i].text, (*three)[i].text);
  EXPECT_FALSE(ocr_image(grey.data(), 0, 10, 1, 0, 300));
}

}  // namespace
}  // namespace sillok::documents
