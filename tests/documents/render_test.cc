#include <gtest/gtest.h>

#include "documents/documents.h"

namespace sillok::documents {
namespace {

Block text_block(BlockKind kind, std::string text, uint8_t level = 0) {
  Block block;
  block.kind = kind;
  block.level = level;
  block.text = std::move(text);
  return block;
}

Cell cell(std::string text, uint32_t column, uint16_t row_span = 1, uint16_t col_span = 1) {
  return Cell{std::move(text), row_span, col_span, column};
}

// 품번 | 수량(계획, 실적) under two rows of header; A-1 spans two rows.
Block merged_table() {
  Block block;
  block.kind = BlockKind::kTable;
  block.table.header_rows = 2;
  block.table.rows = {{{cell("품번", 0, 2), cell("수량", 1, 1, 2)}, 1},
                      {{cell("계획", 1), cell("실적", 2)}, 2},
                      {{cell("A-1", 0, 2), cell("10", 1), cell("9", 2)}, 3},
                      {{cell("20", 1), cell("", 2)}, 4}};
  return block;
}

TEST(Render, TextPutsRunningHeadsLast) {
  Document document;
  document.blocks = {text_block(BlockKind::kHeader, "사내 비밀"), text_block(BlockKind::kHeading, "목적", 1),
                     text_block(BlockKind::kParagraph, "본문"), merged_table(),
                     text_block(BlockKind::kFooter, "1쪽")};
  EXPECT_EQ(to_text(document),
            "목적\n본문\n품번 | 수량\n계획 | 실적\nA-1 | 10 | 9\n20 | \n[header]\n사내 비밀\n[footer]\n1쪽\n");
}

TEST(Render, RowTextNamesColumnsAndCarriesSpansDown) {
  const Block block = merged_table();
  EXPECT_EQ(row_text(block.table, 0), "품번 | 수량");
  EXPECT_EQ(row_text(block.table, 2), "품번: A-1 | 수량 계획: 10 | 수량 실적: 9");
  EXPECT_EQ(row_text(block.table, 3), "품번: A-1 | 수량 계획: 20");
  EXPECT_EQ(row_text(block.table, 4), "");
  Table plain;
  plain.rows = {{{cell("A-1", 0), cell("3\n개", 1)}, 1}};
  EXPECT_EQ(row_text(plain, 0), "A-1 | 3 개");
}

TEST(Render, GridRepeatsMergedCells) {
  const auto cells = grid(merged_table().table);
  ASSERT_EQ(cells.size(), 4u);
  EXPECT_EQ(cells[0], (std::vector<std::string>{"품번", "수량", "수량"}));
  EXPECT_EQ(cells[1], (std::vector<std::string>{"품번", "계획", "실적"}));
  EXPECT_EQ(cells[3], (std::vector<std::string>{"A-1", "20", ""}));
}

TEST(Render, GridOfAbsurdSpansStaysSmall) {
  Table table;
  for (uint32_t r = 0; r < 2000; ++r) table.rows.push_back({{cell("x", r % 3, 65535, 65535)}, 0});
  table.rows.push_back({{cell("far", 4'000'000'000u)}, 0});
  const auto cells = grid(table);
  ASSERT_EQ(cells.size(), 2001u);
  EXPECT_LE(cells[0].size() * cells.size(), 4'000'000u);
}

TEST(Render, HtmlEscapesAndLinksOnlySafeTargets) {
  Document document;
  document.meta.title = "<b>";
  document.blocks = {text_block(BlockKind::kParagraph, "보기 <script>alert(1)</script> 나쁜"), merged_table(),
                     text_block(BlockKind::kListItem, "항목", 2)};
  document.links = {{"보기", "https://example.org/?a=1&b=\"", 0}, {"나쁜", "javascript:alert(1)", 0},
                    {"", "mailto:a@example.org", 1}, {"x", "https://example.org", 99}};
  const std::string html = to_html(document);
  EXPECT_TRUE(html.starts_with("<!DOCTYPE html>\n<html lang=\"ko\">"));
  EXPECT_NE(html.find("<meta charset=\"utf-8\">"), std::string::npos);
  EXPECT_NE(html.find("<title>&lt;b&gt;</title>"), std::string::npos);
  EXPECT_EQ(html.find("<script"), std::string::npos);
  EXPECT_EQ(html.find("javascript:"), std::string::npos);
  EXPECT_NE(html.find("<p id=\"b0\"><a href=\"https://example.org/?a=1&amp;b=&quot;\" rel=\"noreferrer\">보기</a>"),
            std::string::npos);
  EXPECT_NE(html.find("<tr id=\"b1r0\"><th rowspan=\"2\">품번</th><th colspan=\"2\">수량</th>"), std::string::npos);
  EXPECT_NE(html.find("<li id=\"b2\">항목</li>"), std::string::npos);
  EXPECT_NE(html.find("mailto:a@example.org"), std::string::npos);
}

TEST(Render, JsonHoldsEveryField) {
  Document document;
  document.meta.title = "제목 \"하나\"";
  document.meta.references = {"<a@b>"};
  document.meta.other["부서"] = "생산";
  document.blocks = {text_block(BlockKind::kHeading, "목적", 1), merged_table()};
  document.blocks[0].anchor.page = 3;
  document.blocks[0].anchor.path = "제1장";
  document.links = {{"보기", "https://example.org", 1}};
  const std::string json = to_json(document);
  EXPECT_NE(json.find("\"title\":\"제목 \\\"하나\\\"\""), std::string::npos);
  EXPECT_NE(json.find("\"references\":[\"<a@b>\"],\"other\":{\"부서\":\"생산\"}}"), std::string::npos);
  EXPECT_NE(json.find("{\"kind\":\"heading\",\"level\":1,\"text\":\"목적\",\"anchor\":{\"page\":3,\"path\":\"제1장\","
                      "\"text\":\"p. 3 › 제1장\"}}"),
            std::string::npos);
  EXPECT_NE(json.find("\"rows\":[[\"품번\",\"수량\"],[\"\",\"계획\",\"실적\"],[\"A-1\",\"10\",\"9\"],[\"\",\"20\",\"\"]]"),
            std::string::npos);
  EXPECT_NE(json.find("\"merged\":[{\"row\":0,\"column\":0,\"row_span\":2,\"col_span\":1}"), std::string::npos);
  EXPECT_TRUE(json.ends_with("\"links\":[{\"text\":\"보기\",\"target\":\"https://example.org\",\"block\":1}]}"));
  EXPECT_TRUE(to_json(Document{}).ends_with("\"blocks\":[],\"links\":[]}"));
}

}  // namespace
}  // namespace sillok::documents
