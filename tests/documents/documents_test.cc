#include "documents/documents.h"

#include <gtest/gtest.h>

namespace sillok::documents {
namespace {

Document sample() {
  Document document;
  document.meta.title = "작업표준";
  document.meta.other["부서"] = "생산";
  Block table;
  table.kind = BlockKind::kTable;
  table.table.header_rows = 1;
  table.table.rows = {{{{"품번", 1, 1, 0}, {"수량", 1, 1, 1}}, 1}, {{{"A-1", 1, 1, 0}, {"3", 1, 1, 1}}, 2}};
  document.blocks = {Block{BlockKind::kHeading, 1, "목적", {}, {}}, table};
  document.links = {{"보기", "https://example.org", 1}};
  return document;
}

TEST(Encode, RoundTrips) {
  const std::string bytes = encode(sample());
  const auto back = decode(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(encode(*back), bytes);
}

TEST(Encode, RefusesEveryTruncationAndSurvivesEveryFlip) {
  const std::string bytes = encode(sample());
  for (size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(decode(bytes.substr(0, n))) << n;
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string flipped = bytes;
    flipped[i] = static_cast<char>(flipped[i] ^ 0xFF);
    (void)decode(flipped);  // Must neither crash nor allocate without bound.
  }
}

}  // namespace
}  // namespace sillok::documents
