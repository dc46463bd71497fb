#include <gtest/gtest.h>

#include <cstdlib>

#include "documents/finish.h"

namespace sillok::documents {
namespace {

Result<Document> read(const std::string& bytes) {
  const ReadLimits limits;
  Budget budget(limits);
  const Source source{bytes, "note.md", "", "", 0};
  auto document = read_markdown(source, budget);
  if (document) finish(*document, source);
  return document;
}

std::string outline(const Document& document) {
  std::string out;
  for (const Block& block : document.blocks) {
    out += std::string(to_string(block.kind)) + std::to_string(block.level) + "@" + std::to_string(block.anchor.line) + " ";
    for (size_t r = 0; r < block.table.rows.size(); ++r) out += (r > 0 ? " / " : "") + row_text(block.table, r);
    out += block.text + "\n";
  }
  return out;
}

TEST(Markdown, StructureWithLines) {
  const auto document = read(
      "# 제목\n\n첫 **문단**의\n둘째 줄 &amp; `코드`\n\n3. 셋\n5. 다섯\n   - 안쪽\n   - [x] 한 일\n\n> 인용\n\n```\na  b\n c\n```\n\n"
      "| 품번 | 수량 |\n|---|---|\n| A-1 | 3 |\n");
  ASSERT_TRUE(document);
  EXPECT_EQ(outline(*document),
            "heading1@1 제목\nparagraph0@3 첫 문단의 둘째 줄 & 코드\nlist_item1@6 3. 셋\nlist_item1@7 5. 다섯\n"
            "list_item2@8 안쪽\nlist_item2@9 [x] 한 일\nparagraph0@11 인용\nparagraph0@14 a  b\n c\n"
            "table0@18 품번 | 수량 / 품번: A-1 | 수량: 3\n");
  EXPECT_EQ(document->blocks.back().table.header_rows, 1u);
  EXPECT_EQ(document->blocks.back().table.rows[1].line, 20u);
}

TEST(Markdown, StatutesKeepItemsAndPaths) {
  const auto document = read(
      "---\n제목: 시험법\n법령ID: '001234'\n시행일자: 2024-07-01\n소관부처:\n- 가부\n- 나부\n공포번호: '00042'\n"
      "출처: https://example.org/law\n---\n\n# 시험법\n\n## 제1장 총칙\n\n##### 제2조 (정의)\n\n뜻은 다음과 같다. <개정 2020.2.4>\n\n"
      "  1\\. \"가\"란 가를 말한다.\n    가\\. 하나\n    나\\. 둘\n  1의2\\. 나를 말한다.\n\n**①** 항이다.\n");
  ASSERT_TRUE(document);
  EXPECT_EQ(document->meta.title, "시험법");
  EXPECT_EQ(document->meta.identity, "법령ID:001234");
  EXPECT_EQ(document->meta.effective_from, "2024-07-01");
  EXPECT_EQ(document->meta.url, "https://example.org/law");
  EXPECT_EQ(document->meta.other.at("소관부처"), "가부, 나부");
  EXPECT_EQ(document->meta.other.at("공포번호"), "00042");
  EXPECT_EQ(outline(*document),
            "heading1@12 시험법\nheading2@14 제1장 총칙\nheading5@16 제2조 (정의)\n"
            "paragraph0@18 뜻은 다음과 같다. <개정 2020.2.4>\nlist_item1@20 1. \"가\"란 가를 말한다.\nlist_item2@21 가. 하나\n"
            "list_item2@22 나. 둘\nlist_item1@23 1의2. 나를 말한다.\nparagraph0@25 ① 항이다.\n");
  EXPECT_EQ(to_string(document->blocks[3].anchor), "line 18 › 제1장 총칙 › 제2조 (정의)");
}

TEST(Markdown, FrontMatterNamesAndDates) {
  const auto document = read("---\nid: WS-102\ntitle: \"A \\\"b\\\"\"\ndate: 2024. 3. 1.\nlabel: internal\ntags: [x, 'y z']\n"
                             "effective_to: someday\n---\ntext\n");
  ASSERT_TRUE(document);
  EXPECT_EQ(document->meta.identity, "WS-102");
  EXPECT_EQ(document->meta.title, "A \"b\"");
  EXPECT_EQ(document->meta.effective_from, "2024-03-01");
  EXPECT_EQ(document->meta.effective_to, "");
  EXPECT_EQ(document->meta.other.at("effective_to"), "someday");
  EXPECT_EQ(document->meta.other.at("tags"), "x, y z");
  EXPECT_EQ(document->meta.label, "internal");
  EXPECT_EQ(document->blocks[0].anchor.line, 9u);
  const auto rule = read("---\n글\n---\n");
  ASSERT_TRUE(rule);
  EXPECT_EQ(to_text(*rule), "글\n") << "two rules with text between are no front matter";
}

TEST(Markdown, FootnotesLinksAndHtml) {
  const auto document = read(
      "값은 3이다.[^a] [보기](https://example.org/x?a=1&amp;b=2)와 <https://example.net>.\n\n다음 문단\n\n[^a]: 출처는\n    장부다.\n"
      "[^b]: 홀로 선 주석\n\n<table border=1><tr><td>가<td>나</table>\n\n줄<br>바꿈 ![그림 글](a.png)\n");
  ASSERT_TRUE(document);
  EXPECT_EQ(outline(*document),
            "paragraph0@1 값은 3이다.[^a] 보기와 https://example.net.\nfootnote0@5 [^a]: 출처는 장부다.\nparagraph0@3 다음 문단\n"
            "table0@9 가 | 나\nparagraph0@11 줄 바꿈 그림 글\nfootnote0@7 [^b]: 홀로 선 주석\n");
  ASSERT_EQ(document->links.size(), 2u);
  EXPECT_EQ(document->links[0].target, "https://example.org/x?a=1&b=2");
  EXPECT_EQ(document->links[0].text, "보기");
  EXPECT_EQ(document->links[1].target, "https://example.net");
}

TEST(Markdown, TruncationsAndFlipsNeverCrash) {
  const std::string bytes =
      "---\na: b\n- c\n---\n# h\n\n1. a\n   - b\n\n| a | b |\n|---|---|\n| [x](y) | z |\n\n[^1]: n\n\n<div>x</div>\n\n    가\\. c\n";
  for (size_t i = 0; i <= bytes.size(); ++i) (void)read(bytes.substr(0, i));
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (const int bit : {1, 8, 128}) {
      std::string flipped = bytes;
      flipped[i] = static_cast<char>(flipped[i] ^ bit);
      (void)read(flipped);
    }
  }
}

// Every revision of the statutes: each heading of the source is a heading of the document, in the same order.
TEST(Markdown, RealStatutes) {
  const char* const data = std::getenv("SILLOK_DATA");
  if (data == nullptr) GTEST_SKIP() << "SILLOK_DATA is not set: the statutes are not at hand";
  size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(data) / "law" / "text")) {
    if (entry.path().extension() != ".md") continue;
    ++files;
    const auto bytes = read_file(entry.path());
    ASSERT_TRUE(bytes);
    const auto document = read(*bytes);
    ASSERT_TRUE(document) << entry.path();
    size_t next = 0;
    for (const std::string_view line : split(*bytes, '\n')) {
      if (!line.starts_with("#")) continue;
      const std::string title = collapse_spaces(line.substr(line.find(' ')));
      const auto matches = [&](const Block& b) { return b.kind == BlockKind::kHeading && collapse_spaces(b.text) == title; };
      while (next < document->blocks.size() && !matches(document->blocks[next])) ++next;
      ASSERT_LT(next, document->blocks.size()) << entry.path() << ": " << line;
      ++next;
    }
    EXPECT_TRUE(document->meta.identity.starts_with("법령ID:")) << entry.path();
    EXPECT_FALSE(document->meta.effective_from.empty()) << entry.path();
  }
  EXPECT_GE(files, 275u);
}

}  // namespace
}  // namespace sillok::documents
