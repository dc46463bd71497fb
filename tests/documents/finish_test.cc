#include <gtest/gtest.h>

#include "documents/finish.h"

namespace sillok::documents {
namespace {

Block block(BlockKind kind, std::string text, uint8_t level = 0, uint32_t page = 0) {
  Block out;
  out.kind = kind;
  out.level = level;
  out.text = std::move(text);
  out.anchor.page = page;
  return out;
}

Block paragraph(std::string text) { return block(BlockKind::kParagraph, std::move(text)); }

Block table(const std::vector<std::vector<std::string>>& rows, uint32_t page = 0) {
  Block out;
  out.kind = BlockKind::kTable;
  out.anchor.page = page;
  for (const auto& texts : rows) {
    Row row;
    for (const std::string& text : texts) {
      row.cells.push_back(Cell{text, 1, 1, static_cast<uint32_t>(row.cells.size())});
    }
    out.table.rows.push_back(std::move(row));
  }
  return out;
}

Document finished(std::vector<Block> blocks, std::string name = "파일.txt") {
  Document document;
  document.blocks = std::move(blocks);
  finish(document, Source{"", std::move(name), "", "", 0});
  return document;
}

TEST(Finish, CleansText) {
  EXPECT_EQ(clean_text("  가\xC2\xA0나\xE2\x80\x8B다  \n\n"), "가 나다");
  EXPECT_EQ(clean_text("\xE1\x84\x80\xE1\x85\xA1"), "가");  // conjoining jamo are composed
  EXPECT_EQ(clean_text("inter\xC2\xADnational\x01\r\nx\t1"), "international\nx 1");
  EXPECT_EQ(clean_text("a  \nb"), "a\nb");
}

TEST(Finish, DropsEmptyBlocksAndMovesTheirLinks) {
  Document document;
  document.blocks = {paragraph("가"), paragraph(" \n"), paragraph("나"), table({{"", ""}})};
  document.links = {{"x", "https://example.org", 1}, {"y", "https://example.org", 2}, {"z", "u", 77}};
  finish(document, Source{"", "a.txt", "", "", 0});
  ASSERT_EQ(document.blocks.size(), 2u);
  EXPECT_EQ(document.links[0].block, 0u);
  EXPECT_EQ(document.links[1].block, 1u);
  EXPECT_EQ(document.links[2].block, 1u);
}

TEST(Finish, PathsFollowHeadingsWithoutTheTitle) {
  const Document document =
      finished({block(BlockKind::kHeading, "근로기준법", 1), block(BlockKind::kHeading, "제1장 총칙", 2),
                block(BlockKind::kHeading, "제1조 (목적)", 5), paragraph("이 법은"),
                block(BlockKind::kHeading, "제2장 계약", 2), paragraph("계약은")});
  EXPECT_EQ(document.meta.title, "근로기준법");
  EXPECT_EQ(document.blocks[2].anchor.path, "제1장 총칙");
  EXPECT_EQ(document.blocks[3].anchor.path, "제1장 총칙 › 제1조 (목적)");
  EXPECT_EQ(document.blocks[5].anchor.path, "제2장 계약");
}

TEST(Finish, SeveralTopHeadingsAreAllInThePath) {
  const Document document = finished({block(BlockKind::kHeading, "개요", 1), paragraph("가"),
                                      block(BlockKind::kHeading, "절차", 1), paragraph("나")});
  EXPECT_EQ(document.blocks[1].anchor.path, "개요");
  EXPECT_EQ(document.blocks[3].anchor.path, "절차");
}

TEST(Finish, ArticlesInParagraphsBecomeHeadings) {
  const Document document = finished(
      {paragraph("구매 규정"), paragraph("제1장 총칙"), paragraph("제1조(목적) 이 규정은 구매를 정한다."),
       paragraph("제12조의3(계약의 해지(解止)) ① 다음과 같다."), paragraph("제13조(목적)이 규칙은 붙여 쓴다."),
       paragraph("제14조 삭제 <2010. 1. 1.>")});
  std::vector<std::string> headings;
  for (const Block& b : document.blocks) {
    if (b.kind == BlockKind::kHeading) headings.push_back(b.text);
  }
  EXPECT_EQ(headings, (std::vector<std::string>{"제1장 총칙", "제1조(목적)", "제12조의3(계약의 해지(解止))", "제13조(목적)",
                                                "제14조"}));
  EXPECT_EQ(document.blocks[3].text, "이 규정은 구매를 정한다.");
  EXPECT_EQ(document.blocks[3].anchor.path, "제1장 총칙 › 제1조(목적)");
  EXPECT_EQ(document.meta.title, "구매 규정");
}

TEST(Finish, SupplementaryProvisionsAreHeadings) {
  const Document document = finished(
      {block(BlockKind::kHeading, "시험법", 1), block(BlockKind::kHeading, "부칙", 2),
       paragraph("부칙 <제1호, 2020. 1. 1.>"), paragraph("제1조(시행일) 이 법은 공포한 날부터 시행한다."),
       paragraph("부칙(정부조직법) <제2호, 2021. 1. 1.>"), paragraph("제1조 생략"), paragraph("부칙에 따라 시행한다.")});
  EXPECT_EQ(document.blocks[4].anchor.path, "부칙 › 부칙 <제1호, 2020. 1. 1.> › 제1조(시행일)");
  EXPECT_EQ(document.blocks[7].text, "생략");
  EXPECT_EQ(document.blocks[7].anchor.path, "부칙 › 부칙(정부조직법) <제2호, 2021. 1. 1.> › 제1조");
  EXPECT_EQ(document.blocks[8].kind, BlockKind::kParagraph);
}

TEST(Finish, TitlesWithoutBracketsAndOnLinesOfTheirOwn) {
  const Document document = finished({paragraph("제1관"), paragraph("목적 및 용어"), paragraph("제22조 경기시간 제한"),
                                      paragraph("시간을 넘기지 않는다."), paragraph("제5조 제1항 관련"),
                                      paragraph("제6조 위원장은 회의를 연다.")});
  EXPECT_EQ(document.blocks[0].text, "제1관 목적 및 용어");
  EXPECT_EQ(document.blocks[2].anchor.path, "제1관 목적 및 용어 › 제22조 경기시간 제한");
  EXPECT_EQ(document.blocks[3].kind, BlockKind::kParagraph);
  EXPECT_EQ(document.blocks[4].kind, BlockKind::kParagraph);
}

TEST(Finish, MentionsOfArticlesStayParagraphs) {
  for (const char* text :
       {"제12조(정의)에 따른 계약은 무효로 한다.", "제5조(휴일) 제1항에 따라 쉰다.", "제3조(2019. 1. 1. 개정) 참조", "제3조에 따른다.",
        "제1조(목적) ........ 3", "제1장에서 정한 바에 따른다.", "제1장 총칙 12", "제3조(정의), 제4조(범위)"}) {
    const Document document = finished({paragraph("머리"), paragraph(text)});
    ASSERT_EQ(document.blocks.size(), 2u) << text;
    EXPECT_EQ(document.blocks[1].kind, BlockKind::kParagraph) << text;
  }
}

TEST(Finish, TablesGoOnOverThePageBreak) {
  const Document document = finished({paragraph("점검표"), table({{"품번", "수량"}, {"A-1", "3"}}, 1),
                                      block(BlockKind::kFooter, "1", 0, 1), block(BlockKind::kHeader, "회사", 0, 2),
                                      table({{"품번", "수량"}, {"A-2", "4"}}, 2), table({{"A-3", "5"}}, 3)});
  ASSERT_EQ(document.blocks.size(), 4u);
  const Table& joined = document.blocks[1].table;
  ASSERT_EQ(joined.rows.size(), 4u);
  EXPECT_EQ(joined.header_rows, 1u);
  EXPECT_EQ(row_text(joined, 3), "품번: A-3 | 수량: 5");
}

TEST(Finish, DifferentTablesStayApart) {
  const Document widths = finished({table({{"가", "1"}}, 1), table({{"나", "2", "3"}}, 2)});
  EXPECT_EQ(widths.blocks.size(), 2u);
  const Document between = finished({table({{"가", "1"}}, 1), paragraph("사이"), table({{"나", "2"}}, 2)});
  EXPECT_EQ(between.blocks.size(), 3u);
  const Document headers = finished({table({{"품번", "수량"}, {"A-1", "3"}}, 1), table({{"성명", "부서"}, {"홍길동", "생산"}}, 2)});
  EXPECT_EQ(headers.blocks.size(), 2u);
  const Document far = finished({table({{"가", "1"}}, 1), table({{"나", "2"}}, 4)});
  EXPECT_EQ(far.blocks.size(), 2u);
}

TEST(Finish, HeaderRowsAreGuessedOnlyWhereClear) {
  const auto header_rows = [](const std::vector<std::vector<std::string>>& rows) {
    Table guessed = table(rows).table;
    guess_header_rows(guessed);
    return guessed.header_rows;
  };
  EXPECT_EQ(header_rows({{"품번", "규격", "보유량"}, {"A-1", "M8", "3"}, {"A-2", "M10", "4"}}), 1u);
  EXPECT_EQ(header_rows({{"구분", "내용", "비고"}, {"가", "나", "다"}}), 1u);
  EXPECT_EQ(header_rows({{"작성자", "홍길동"}, {"작성부서", "생산팀"}}), 0u);
  EXPECT_EQ(header_rows({{"문서번호", "WS-102"}, {"시행일", "2024. 3. 1."}}), 0u);
  EXPECT_EQ(header_rows({{"A-1", "3", "4"}, {"A-2", "4", "5"}}), 0u);
}

TEST(Finish, FieldsFromLines) {
  const Document document = finished({paragraph("연삭 작업표준"), paragraph("문서번호: WS-102 | 개정번호: 3"),
                                      paragraph("시 행 일 : 2024년 3월 1일"), paragraph("유효기간: 2024.3.1 ~ 2026.2.28")});
  EXPECT_EQ(document.meta.title, "연삭 작업표준");
  EXPECT_EQ(document.meta.document_number, "WS-102");
  EXPECT_EQ(document.meta.revision, "3");
  EXPECT_EQ(document.meta.effective_from, "2024-03-01");
  EXPECT_EQ(document.meta.effective_to, "2026-02-28");
}

TEST(Finish, FieldsFromHeaderTable) {
  const Document across = finished(
      {table({{"문서번호", "WS-7", "개정번호", "Rev. C"}, {"제목", "세척 절차", "시행일자", "2023-05-02"}})});
  EXPECT_EQ(across.meta.document_number, "WS-7");
  EXPECT_EQ(across.meta.revision, "Rev. C");
  EXPECT_EQ(across.meta.title, "세척 절차");
  EXPECT_EQ(across.meta.effective_from, "2023-05-02");
  const Document below = finished({table({{"Doc. No.", "Rev.", "Effective date"}, {"QP-1", "2", "2022/01/31"}})});
  EXPECT_EQ(below.meta.document_number, "QP-1");
  EXPECT_EQ(below.meta.revision, "2");
  EXPECT_EQ(below.meta.effective_from, "2022-01-31");
}

TEST(Finish, FieldsOfOfficialLettersAndStatutes) {
  const Document letter = finished({paragraph("제목  예산 알림"), block(BlockKind::kFooter, "시행 총무과-123 (2024. 3. 1.)")});
  EXPECT_EQ(letter.meta.title, "예산 알림");
  EXPECT_EQ(letter.meta.document_number, "총무과-123");
  EXPECT_EQ(letter.meta.effective_from, "2024-03-01");
  const Document statute = finished({paragraph("[시행 2024. 7. 1.] [법률 제1호, 2023. 6. 1., 일부개정]")});
  EXPECT_EQ(statute.meta.effective_from, "2024-07-01");
  EXPECT_EQ(finished({paragraph("개정일자: 2021-02-03")}).meta.effective_from, "2021-02-03");
  EXPECT_EQ(finished({paragraph("개정일자: 2021-02-03"), paragraph("시행일: 2021-03-01")}).meta.effective_from,
            "2021-03-01");
  EXPECT_EQ(finished({paragraph("개정 3판")}).meta.revision, "3");
  EXPECT_EQ(finished({paragraph("Rev. C")}).meta.revision, "Rev. C");
}

TEST(Finish, RunningTextGivesNoFields) {
  const Document document =
      finished({paragraph("이 규정은 2024년 3월 1일부터 시행한다."), paragraph("시행일 2024. 3. 1.부터 30일 이내에 문서번호를 적는다."),
                paragraph("문서번호 WS-102를 참고하여 작성한다."), paragraph("시행일: 추후 통보"), paragraph("시행일: 2024-02-31"),
                paragraph("시행 전에 부서-과장의 확인을 받는다"), paragraph("Review of the revised plan")});
  EXPECT_EQ(document.meta.effective_from, "");
  EXPECT_EQ(document.meta.document_number, "");
  EXPECT_EQ(document.meta.revision, "");
}

TEST(Finish, TitleFallsBackToTheFileName) {
  EXPECT_EQ(finished({paragraph("이것은 그냥 문장이다. 제목이 아니다.")}, "회의록 3월.txt").meta.title, "회의록 3월");
  Document made_up;
  made_up.meta.title = "Microsoft Word - a.doc";
  made_up.blocks = {block(BlockKind::kHeading, "진짜 제목", 1)};
  finish(made_up, Source{"", "a.pdf", "", "", 0});
  EXPECT_EQ(made_up.meta.title, "진짜 제목");
}

TEST(Finish, TitledListsInOneGridBecomeTablesWithHeaders) {
  const auto row = [](std::vector<std::string> cells, uint32_t line) {
    Row r;
    r.line = line;
    for (size_t i = 0; i < cells.size(); ++i) r.cells.push_back({cells[i], 1, 1, static_cast<uint32_t>(i)});
    return r;
  };
  Document d;
  Block block;
  block.kind = BlockKind::kTable;
  block.anchor.sheet = "Sheet1";
  block.anchor.cell = "A1";
  block.table.rows = {row({"정비 이력", "", ""}, 1), row({"일자", "내용", "담당"}, 2),
                      row({"2024-01-02", "오일 교환", "김"}, 3), row({"2024-02-03", "벨트 교환", "이"}, 4),
                      row({"다음 교환은 2025년.", "", ""}, 5)};
  d.blocks = {block};
  finish(d, Source{"", "a.xlsx", "", "", 0});
  ASSERT_EQ(d.blocks.size(), 3u);
  EXPECT_EQ(d.blocks[0].kind, BlockKind::kCaption);
  EXPECT_EQ(d.blocks[1].kind, BlockKind::kTable);
  EXPECT_EQ(d.blocks[1].table.header_rows, 1u);
  EXPECT_EQ(d.blocks[1].anchor.cell, "A2");
  EXPECT_EQ(row_text(d.blocks[1].table, 1), "일자: 2024-01-02 | 내용: 오일 교환 | 담당: 김");
  EXPECT_EQ(d.blocks[2].kind, BlockKind::kParagraph);
  EXPECT_EQ(d.blocks[2].anchor.cell, "A5");
}

TEST(Finish, GridsWithoutTitlesStayWhole) {
  Document d;
  Block block;
  block.kind = BlockKind::kTable;
  Cell wide{"가", 2, 1, 0};
  Row first, second, third;
  first.cells = {wide, {"나", 1, 1, 1}, {"다", 1, 1, 2}};
  second.cells = {{"라", 1, 1, 1}};
  third.cells = {{"마", 1, 1, 0}, {"바", 1, 1, 1}, {"사", 1, 1, 2}};
  block.table.rows = {first, second, third};
  d.blocks = {block};
  finish(d, Source{"", "a.docx", "", "", 0});
  ASSERT_EQ(d.blocks.size(), 1u);
  EXPECT_EQ(d.blocks[0].table.rows.size(), 3u);
}

}  // namespace
}  // namespace sillok::documents
