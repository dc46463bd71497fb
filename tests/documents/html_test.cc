#include <gtest/gtest.h>

#include "documents/finish.h"

namespace sillok::documents {
namespace {

Result<Document> read(const std::string& bytes) {
  const ReadLimits limits;
  Budget budget(limits);
  const Source source{bytes, "page.html", "", "", 0};
  auto document = read_html(source, budget);
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

TEST(Html, StructureWithLines) {
  const auto document = read(
      "<html lang=ko><head><title>설비 안내</title><meta name=author content='김 철수'><meta name=date content=2024-03-01>\n"
      "<style>p{}</style></head><body>\n<h1>설비</h1>\n<p>첫 <b>문단</b>과\n둘째 줄.<br>새 줄</p>\n"
      "<ol start=3><li>셋<ul><li>안쪽</ul></li><li>넷</ol>\n<dl><dt>용어<dd>뜻</dl>\n<pre>a  b\n c</pre>\n"
      "<blockquote>인용</blockquote><script>alert('x')</script><template>틀</template>"
      "<p style='display: none'>숨김</p><p hidden>숨김</p><img alt='배치도'></body></html>");
  ASSERT_TRUE(document);
  EXPECT_EQ(document->meta.title, "설비 안내");
  EXPECT_EQ(document->meta.author, "김 철수");
  EXPECT_EQ(document->meta.created, "2024-03-01");
  EXPECT_EQ(outline(*document),
            "heading1@3 설비\nparagraph0@4 첫 문단과 둘째 줄.\n새 줄\nlist_item1@6 3. 셋\nlist_item2@6 안쪽\n"
            "list_item1@6 4. 넷\nlist_item1@7 용어\nlist_item2@7 뜻\nparagraph0@8 a  b\n c\nparagraph0@10 인용\n"
            "paragraph0@10 배치도\n");
}

TEST(Html, TablesWithSpansHeadersAndNesting) {
  const auto document = read(
      "<table border=1><caption>수량</caption><tr><th rowspan=2>품번<th colspan=2>수량<tr><th>계획<th>실적"
      "<tr><td rowspan=2>A-1<td>10<td>9<tr><td>20<td><table border=1><tr><td>가<td>나</table></table>");
  ASSERT_TRUE(document);
  ASSERT_EQ(document->blocks.size(), 2u);
  EXPECT_EQ(document->blocks[0].kind, BlockKind::kCaption);
  const Table& table = document->blocks[1].table;
  EXPECT_EQ(table.header_rows, 2u);
  EXPECT_EQ(row_text(table, 2), "품번: A-1 | 수량 계획: 10 | 수량 실적: 9");
  EXPECT_EQ(row_text(table, 3), "품번: A-1 | 수량 계획: 20 | 수량 실적: 가 | 나");
  EXPECT_EQ(table.rows[1].cells[0].column, 1u);
}

TEST(Html, LayoutTablesAreOnlyLayout) {
  const auto document = read("<table><tr><td><h2>왼쪽</h2><p>글</p></td></tr><tr><td>아래</td></tr></table>");
  ASSERT_TRUE(document);
  EXPECT_EQ(outline(*document), "heading2@1 왼쪽\nparagraph0@1 글\nparagraph0@1 아래\n");
}

TEST(Html, LinksPointToTheirBlocks) {
  const auto document = read("<p>앞</p><p>보기 <a href='https://example.org/a?b=1'>지침 <b>전문</b></a> 끝</p>"
                             "<table border=1><tr><td>x<td><a href=b.pdf>도면</a></table>");
  ASSERT_TRUE(document);
  ASSERT_EQ(document->links.size(), 2u);
  EXPECT_EQ(document->links[0].text, "지침 전문");
  EXPECT_EQ(document->links[0].target, "https://example.org/a?b=1");
  EXPECT_EQ(document->links[0].block, 1u);
  EXPECT_EQ(document->links[1].target, "b.pdf");
  EXPECT_EQ(document->links[1].block, 2u);
}

TEST(Html, DeepNestingKeepsTextOrIsRefused) {
  std::string deep;
  for (int i = 0; i < 5000; ++i) deep += "<div>";
  const auto kept = read(deep + "깊은 글" + "</div>");
  ASSERT_TRUE(kept);
  EXPECT_EQ(to_text(*kept), "깊은 글\n");
  std::string tables;
  for (int i = 0; i < 3000; ++i) tables += "<table border=1><tr><td>a<td>";
  EXPECT_TRUE(read(tables));
  std::string absurd;
  for (int i = 0; i < 60'000; ++i) absurd += "<div>";
  const auto refused = read(absurd);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kLimit);
}

TEST(Html, AbsurdSpansStaySmall) {
  const auto document = read("<table border=1><tr><td colspan=99999999 rowspan=99999999>a<td colspan=-3>b</table>");
  ASSERT_TRUE(document);
  EXPECT_LE(document->blocks[0].table.rows[0].cells[0].col_span, 1000);
}

TEST(Html, TruncationsAndFlipsNeverCrash) {
  const std::string bytes =
      "<html><head><title>t</title></head><body><table border=1><tr><th>a</th><td rowspan=2>b</td></tr></table>"
      "<ol type=i><li value=3>x<p>y</ol><a href=x>z</a><!-- c --><svg><path/></svg><select><option>o</select></body></html>";
  for (size_t i = 0; i <= bytes.size(); ++i) (void)read(bytes.substr(0, i));
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (const int bit : {1, 16, 128}) {
      std::string flipped = bytes;
      flipped[i] = static_cast<char>(flipped[i] ^ bit);
      (void)read(flipped);
    }
  }
}

}  // namespace
}  // namespace sillok::documents
