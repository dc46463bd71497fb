// DOCX, XLSX, PPTX and OpenDocument from small packages made in memory.
#include <gtest/gtest.h>

#include <algorithm>

#include "../../src/documents/convert.h"
#include "documents/number_format.h"
#include "documents/ordinals.h"
#include "documents/reader.h"
#include "zip_writer.h"

namespace sillok::documents {
namespace {

using testing::ZipWriter;
using Reader = Result<Document> (*)(const Source&, Budget&);

constexpr std::string_view kDoc =
    R"(<?xml version="1.0"?><w:document xmlns:w="w" xmlns:r="r" xmlns:mc="mc" xmlns:wps="wps" xmlns:v="v"><w:body>)";
constexpr std::string_view kDocEnd = "</w:body></w:document>";

std::string relation(std::string_view id, std::string_view type, std::string_view target,
                     bool external = false) {
  return "<Relationship Id=\"" + std::string(id) + "\" Type=\"http://x/" + std::string(type) +
         "\" Target=\"" + std::string(target) + "\"" +
         (external ? " TargetMode=\"External\"" : "") + "/>";
}
std::string relations(const std::string& inside) {
  return "<Relationships>" + inside + "</Relationships>";
}
std::string paragraph(std::string_view text, std::string_view properties = "") {
  return "<w:p><w:pPr>" + std::string(properties) + "</w:pPr><w:r><w:t>" + std::string(text) +
         "</w:t></w:r></w:p>";
}

Result<Document> read_with(Reader reader, const std::string& bytes, ReadLimits limits = {}) {
  Budget budget(limits);
  const Source source{bytes, "test", "", "", 0};
  return reader(source, budget);
}

// One line for each block: kind, level, part and text, for comparing whole documents.
std::string outline(const Result<Document>& document) {
  if (!document) return "error: " + document.error().message;
  std::string out;
  for (const Block& block : document->blocks) {
    out += std::string(to_string(block.kind));
    if (block.level > 0) out += std::to_string(block.level);
    if (!block.anchor.part.empty()) out += "(" + block.anchor.part + ")";
    out += ": " + block.text;
    for (const Row& row : block.table.rows) {
      out += "/";
      for (const Cell& cell : row.cells) {
        out += "[" + cell.text;
        if (cell.col_span > 1) out += ";c" + std::to_string(cell.col_span);
        if (cell.row_span > 1) out += ";r" + std::to_string(cell.row_span);
        out += "@" + std::to_string(cell.column) + "]";
      }
    }
    out += "\n";
  }
  return out;
}

std::string docx(const std::string& body, const std::string& rels = "",
                 const ZipWriter& more = {}) {
  ZipWriter writer = more;
  writer.add("word/document.xml", std::string(kDoc) + body + std::string(kDocEnd));
  writer.add("word/_rels/document.xml.rels", relations(rels));
  return writer.finish();
}

TEST(Docx, FindsHeadingsByStyleAncestorsAndOutlineLevel) {
  ZipWriter writer;
  writer.add("word/styles.xml", R"(<w:styles>
    <w:style w:type="paragraph" w:styleId="1"><w:name w:val="heading 2"/></w:style>
    <w:style w:type="paragraph" w:styleId="a"><w:name w:val="우리 제목"/><w:basedOn w:val="1"/></w:style>
    <w:style w:type="paragraph" w:styleId="loop"><w:name w:val="x"/><w:basedOn w:val="loop"/></w:style>
    <w:style w:type="paragraph" w:styleId="k"><w:name w:val="제목 3"/></w:style>
    </w:styles>)");
  const std::string body = paragraph("하나", R"(<w:pStyle w:val="1"/>)") +
                           paragraph("둘", R"(<w:pStyle w:val="a"/>)") +
                           paragraph("셋", R"(<w:outlineLvl w:val="0"/>)") +
                           paragraph("넷", R"(<w:pStyle w:val="loop"/>)") +
                           paragraph("다섯", R"(<w:pStyle w:val="k"/>)");
  EXPECT_EQ(
      outline(read_with(read_docx, docx(body, relation("s", "styles", "styles.xml"), writer))),
      "heading2: 하나\nheading2: 둘\nheading1: 셋\nparagraph: 넷\nheading3: 다섯\n");
}

TEST(Docx, NumbersListsAsWordShowsThem) {
  ZipWriter writer;
  writer.add("word/numbering.xml", R"(<w:numbering><w:abstractNum w:abstractNumId="0">
    <w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="제%1조"/></w:lvl>
    <w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="ganada"/><w:lvlText w:val="%1.%2"/></w:lvl></w:abstractNum>
    <w:abstractNum w:abstractNumId="1"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/><w:lvlText w:val="&#xF0B7;"/></w:lvl></w:abstractNum>
    <w:num w:numId="5"><w:abstractNumId w:val="0"/></w:num><w:num w:numId="6"><w:abstractNumId w:val="1"/></w:num>
    <w:num w:numId="7"><w:abstractNumId w:val="0"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="9"/></w:lvlOverride></w:num></w:numbering>)");
  const auto item = [](std::string_view text, int level, int list) {
    return paragraph(text, "<w:numPr><w:ilvl w:val=\"" + std::to_string(level) +
                               "\"/><w:numId w:val=\"" + std::to_string(list) + "\"/></w:numPr>");
  };
  const std::string body = item("목적", 0, 5) + item("가항", 1, 5) + item("나항", 1, 5) +
                           item("정의", 0, 5) + item("다시", 1, 5) + item("점", 0, 6) +
                           item("새로", 0, 7) + item("아님", 0, 0);
  EXPECT_EQ(outline(read_with(read_docx,
                              docx(body, relation("n", "numbering", "numbering.xml"), writer))),
            "list_item1: 제1조 목적\nlist_item2: 1.가 가항\nlist_item2: 1.나 나항\nlist_item1: "
            "제2조 정의\nlist_item2: 2.가 다시\n"
            "list_item1: • 점\nlist_item1: 제9조 새로\nparagraph: 아님\n");
}

TEST(Docx, KeepsMergedAndNestedTables) {
  const std::string body = R"(<w:tbl>
    <w:tr><w:trPr><w:tblHeader/></w:trPr><w:tc><w:tcPr><w:gridSpan w:val="2"/></w:tcPr>)" +
                           paragraph("머리") + R"(</w:tc></w:tr>
    <w:tr><w:tc><w:tcPr><w:vMerge w:val="restart"/></w:tcPr>)" +
                           paragraph("병합") + "</w:tc><w:tc>" + paragraph("1") + R"(</w:tc></w:tr>
    <w:tr><w:tc><w:tcPr><w:vMerge/></w:tcPr><w:p/></w:tc><w:tc><w:tbl><w:tr><w:tc>)" +
                           paragraph("안") + "</w:tc><w:tc>" + paragraph("쪽") +
                           "</w:tc></w:tr></w:tbl></w:tc></w:tr></w:tbl>";
  const auto document = read_with(read_docx, docx(body));
  EXPECT_EQ(outline(document), "table: /[머리;c2@0]/[병합;r2@0][1@1]/[안 | 쪽@1]\n");
  EXPECT_EQ(document->blocks[0].table.header_rows, 1u);
}

TEST(Docx, GivesTextBoxesOnceAndNotesAfterTheirParagraph) {
  ZipWriter writer;
  writer.add(
      "word/footnotes.xml",
      R"(<w:footnotes><w:footnote w:id="-1" w:type="separator"><w:p/></w:footnote><w:footnote w:id="2">)" +
          paragraph("각주 글") + "</w:footnote></w:footnotes>");
  writer.add("word/comments.xml", R"(<w:comments><w:comment w:id="0" w:author="김">)" +
                                      paragraph("의견") + "</w:comment></w:comments>");
  writer.add("word/header1.xml", "<w:hdr>" + paragraph("대외비") + "</w:hdr>");
  const std::string box = "<w:txbxContent>" + paragraph("글상자") + "</w:txbxContent>";
  const std::string body =
      R"(<w:p><w:r><w:t>본문</w:t></w:r><w:r><w:footnoteReference w:id="2"/></w:r>
    <w:del><w:r><w:delText>지운</w:delText></w:r></w:del><w:ins><w:r><w:t> 넣은</w:t></w:r></w:ins>
    <w:r><mc:AlternateContent><mc:Choice><w:drawing><wps:txbx>)" +
      box + R"(</wps:txbx></w:drawing></mc:Choice>
    <mc:Fallback><w:pict><v:textbox>)" +
      box + R"(</v:textbox></w:pict></mc:Fallback></mc:AlternateContent></w:r>
    <w:r><w:commentReference w:id="0"/></w:r></w:p>)" +
      paragraph("다음") + R"(<w:sectPr><w:headerReference r:id="h"/></w:sectPr>)";
  const std::string rels = relation("f", "footnotes", "footnotes.xml") +
                           relation("c", "comments", "comments.xml") +
                           relation("h", "header", "header1.xml");
  EXPECT_EQ(outline(read_with(read_docx, docx(body, rels, writer))),
            "paragraph: 본문 넣은\nfootnote(footnote 1): 각주 글\nparagraph(text box 1): "
            "글상자\ncomment(comment by 김): 의견\n"
            "paragraph: 다음\nheader(header): 대외비\n");
}

TEST(Docx, ShowsFieldResultsAndKeepsTheirTargets) {
  const std::string body =
      R"(<w:p><w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>HYPERLINK "http://a.kr"</w:instrText></w:r>
    <w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>누리집</w:t></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r>
    <w:hyperlink r:id="l"><w:r><w:t> 둘째</w:t></w:r></w:hyperlink></w:p>)";
  const auto document =
      read_with(read_docx, docx(body, relation("l", "hyperlink", "http://b.kr", true)));
  EXPECT_EQ(outline(document), "paragraph: 누리집 둘째\n");
  ASSERT_EQ(document->links.size(), 2u);
  EXPECT_EQ(document->links[0].target, "http://a.kr");
  EXPECT_EQ(document->links[0].text, "누리집");
  EXPECT_EQ(document->links[1].target, "http://b.kr");
}

TEST(Docx, ReadsTheSingleFileForm) {
  const std::string bytes =
      R"(<pkg:package xmlns:pkg="p"><pkg:part pkg:name="/word/document.xml"><pkg:xmlData>)" +
      std::string(kDoc.substr(21)) + paragraph("한 파일") + std::string(kDocEnd) +
      "</pkg:xmlData></pkg:part></pkg:package>";
  EXPECT_EQ(outline(read_with(read_docx, bytes)), "paragraph: 한 파일\n");
}

TEST(Docx, RefusesXmlThatIsTooDeepOrCutOff) {
  std::string deep;
  for (int i = 0; i < 600; ++i) deep += "<w:sdt>";
  for (int i = 0; i < 600; ++i) deep += "</w:sdt>";
  const auto too_deep = read_with(read_docx, docx(deep));
  ASSERT_FALSE(too_deep);
  EXPECT_EQ(too_deep.error().code, ErrorCode::kLimit);
  const auto cut = read_with(
      read_docx, ZipWriter().add("word/document.xml", std::string(kDoc) + "<w:p>").finish());
  ASSERT_FALSE(cut);
  EXPECT_NE(cut.error().message.find("word/document.xml"), std::string::npos);
}

TEST(Docx, DoesNotExpandEntities) {
  const std::string bytes =
      ZipWriter()
          .add(
              "word/document.xml",
              R"(<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;">]><w:document><w:body>)" +
                  paragraph("&b;") + "</w:body></w:document>")
          .finish();
  EXPECT_EQ(outline(read_with(read_docx, bytes)), "paragraph: &b;\n");
}

std::string xlsx(const std::string& sheet, const std::string& workbook = "",
                 const std::string& styles = "<styleSheet/>") {
  return ZipWriter()
      .add("xl/workbook.xml", "<workbook xmlns:r=\"r\">" + workbook +
                                  R"(<sheets><sheet name="재고" r:id="s1"/></sheets></workbook>)")
      .add("xl/_rels/workbook.xml.rels",
           relations(relation("s1", "worksheet", "worksheets/sheet1.xml") +
                     relation("s2", "styles", "styles.xml") +
                     relation("s3", "sharedStrings", "sharedStrings.xml")))
      .add("xl/styles.xml", styles)
      .add("xl/sharedStrings.xml",
           "<sst><si><t>품번</t></si><si><r><t>수</t></r><r><t>량</t></r><rPh><t>스우</t></rPh></"
           "si></sst>")
      .add("xl/worksheets/sheet1.xml", "<worksheet>" + sheet + "</worksheet>")
      .finish();
}

TEST(Xlsx, ReadsCellsAsShownInRegions) {
  const std::string sheet = R"(<dimension ref="A1:XFD1048576"/><sheetData>
    <row r="1"><c r="A1" t="inlineStr"><is><t>현황</t></is></c></row>
    <row r="3"><c r="B3" t="s"><v>0</v></c><c r="C3" t="s"><v>1</v></c></row>
    <row r="4"><c r="B4" t="str"><v>A-1</v></c><c r="C4" s="1"><v>1234.5</v></c></row>
    <row r="5"><c r="B5" t="b"><v>1</v></c><c r="C5" s="2"><v>45352</v></c></row>
    <row r="1048576"><c r="XFD1048576" t="e"><v>#DIV/0!</v></c></row></sheetData>
    <autoFilter ref="B3:C5"/>)";
  const auto document = read_with(
      read_xlsx,
      xlsx(
          sheet, "",
          R"(<styleSheet><cellXfs><xf/><xf numFmtId="4"/><xf numFmtId="14"/></cellXfs></styleSheet>)"));
  EXPECT_EQ(outline(document),
            "heading1: 재고\nparagraph: 현황\ntable: "
            "/[품번@0][수량@1]/[A-1@0][1,234.50@1]/[TRUE@0][2024-03-01@1]\nparagraph: #DIV/0!\n");
  EXPECT_EQ(document->blocks[2].anchor.cell, "B3");
  EXPECT_EQ(document->blocks[2].anchor.sheet, "재고");
  EXPECT_EQ(document->blocks[2].table.header_rows, 1u);
  EXPECT_EQ(document->blocks[2].table.rows[1].line, 4u);
  EXPECT_EQ(document->blocks[3].anchor.cell, "XFD1048576");
}

TEST(Xlsx, MergesCellsAndCountsFrom1904) {
  const std::string sheet =
      R"(<sheetData><row r="1"><c r="A1"><v>1</v></c><c r="C1" s="1"><v>0</v></c></row><row r="2"><c r="C2"><f>A1*2</f></c></row></sheetData>
    <mergeCells><mergeCell ref="A1:B2"/></mergeCells>)";
  EXPECT_EQ(outline(read_with(
                read_xlsx,
                xlsx(sheet, R"(<workbookPr date1904="1"/>)",
                     R"(<styleSheet><cellXfs><xf/><xf numFmtId="14"/></cellXfs></styleSheet>)"))),
            "heading1: 재고\ntable: /[1;c2;r2@0][1904-01-01@2]/[=A1*2@2]\n");
}

TEST(NumberFormat, ShowsNumbersAsTheSheetDoes) {
  const std::tuple<double, const char*, const char*> cases[] = {
      {1234567.891, "#,##0.00", "1,234,567.89"},
      {0.256, "0.0%", "25.6%"},
      {-5, "0;(0)", "(5)"},
      {0, "0;-0;\"-\"", "-"},
      {1208147521, "000\\-00\\-00000", "120-81-47521"},
      {45352.75, "yyyy\"년\" m\"월\" d\"일\" h:mm", "2024년 3월 1일 18:00"},
      {45352, "[$-412]aaaa", "금요일"},
      {1.5, "[h]:mm", "36:00"},
      {0.5, "AM/PM h:mm", "PM 12:00"},
      {1500, "[$₩-412]#,##0", "₩1,500"},
      {12345678, "#,##0,", "12,346"},
      {1.25, "# ?/?", "1 1/4"},
      {12345, "0.00E+00", "1.23E+04"},
      {0.1 + 0.2, "General", "0.3"},
      {-3, "0", "-3"},
      {0, "#,##0", "0"},
      {5, "[<10]\"few\";\"many\"", "few"},
      {7, "\"No. \"0", "No. 7"},
      {0.5, "#.##", ".5"},
      {61, "yyyy-mm-dd", "1900-03-01"},
      {1, "yyyy-mm-dd", "1900-01-01"},
      {1e300, "0", nullptr},
      {45352.999999999, "yyyy-mm-dd", "2024-03-02"},
      {3.14159, "0.0##", "3.142"},
      {2, "0.0##", "2.0"},
      {20240301, "0000-00-00", "2024-03-01"}};
  for (const auto& [value, code, shown] : cases) {
    if (shown != nullptr)
      EXPECT_EQ(format_number(value, code, false), shown) << code;
    else
      EXPECT_FALSE(format_number(value, code, false).empty());
  }
  EXPECT_EQ(format_text("12", "\"제\"@\"호\""), "제12호");
}

TEST(NumberFormat, SurvivesAnyCode) {
  const std::string pieces = "0#?.,%E+-/@;[]\"\\_*ymdhsa<>=$1 ";
  uint32_t seed = 1;
  for (int i = 0; i < 20000; ++i) {
    std::string code;
    for (int k = 0; k < 12; ++k)
      code += pieces[(seed = seed * 1664525 + 1013904223) / 7 % pieces.size()];
    for (const double value : {0.0, -1.5, 45352.7, 1e18, -1e-300, 2958465.9})
      (void)format_number(value, code, false);
    (void)format_text("글", code);
  }
}

TEST(Ordinals, FollowTheirScript) {
  EXPECT_EQ(ordinal(3, "ganada"), "다");
  EXPECT_EQ(ordinal(4, "upperRoman"), "IV");
  EXPECT_EQ(ordinal(28, "lowerLetter"), "bb");
  EXPECT_EQ(ordinal(21, "decimalEnclosedCircle"), "㉑");
  EXPECT_EQ(ordinal(15, "japaneseCounting"), "十五");
  EXPECT_EQ(ordinal(2, "koreanLegal"), "둘");
  EXPECT_EQ(ordinal(13, "ordinal"), "13th");
  EXPECT_EQ(ordinal(-1, "ganada"), "-1");
}

TEST(Pptx, ReadsSlidesInOrderWithNotesAndTables) {
  const auto shape = [](std::string_view type, std::string_view text, int y) {
    const std::string placeholder =
        type.empty() ? "" : "<p:ph type=\"" + std::string(type) + "\"/>";
    return "<p:sp><p:nvSpPr><p:nvPr>" + placeholder +
           "</p:nvPr></p:nvSpPr><p:spPr><a:xfrm><a:off x=\"0\" y=\"" + std::to_string(y) +
           "\"/></a:xfrm></p:spPr><p:txBody>" + std::string(text) + "</p:txBody></p:sp>";
  };
  const auto slide = [](const std::string& inside) {
    return "<p:sld xmlns:p=\"p\" xmlns:a=\"a\" xmlns:r=\"r\"><p:cSld><p:spTree>" + inside +
           "</p:spTree></p:cSld></p:sld>";
  };
  const auto text = [](std::string_view words, std::string_view properties = "") {
    return "<a:p><a:pPr>" + std::string(properties) + "</a:pPr><a:r><a:t>" + std::string(words) +
           "</a:t></a:r></a:p>";
  };
  const std::string table =
      R"(<p:graphicFrame><a:graphic><a:graphicData><a:tbl><a:tblPr firstRow="1"/><a:tr><a:tc gridSpan="2"><a:txBody>)" +
      text("머리") + R"(</a:txBody></a:tc><a:tc hMerge="1"/></a:tr><a:tr><a:tc><a:txBody>)" +
      text("값") + "</a:txBody></a:tc></a:tr></a:tbl></a:graphicData></a:graphic></p:graphicFrame>";
  const std::string bytes =
      ZipWriter()
          .add(
              "ppt/presentation.xml",
              R"(<p:presentation xmlns:r="r"><p:sldIdLst><p:sldId id="1" r:id="b"/><p:sldId id="2" r:id="a"/></p:sldIdLst></p:presentation>)")
          .add("ppt/_rels/presentation.xml.rels",
               relations(relation("a", "slide", "slides/slide1.xml") +
                         relation("b", "slide", "slides/slide2.xml")))
          .add("ppt/slides/slide1.xml", slide(table))
          .add("ppt/slides/slide2.xml",
               slide(shape("", text("아래"), 900) + shape("", text("위"), 100) +
                     shape("body",
                           text("첫째", "<a:buAutoNum type=\"arabicPeriod\"/>") +
                               text("둘째", "<a:buAutoNum type=\"arabicPeriod\"/>"),
                           0) +
                     shape("title", text("제목"), 0)))
          .add("ppt/slides/_rels/slide2.xml.rels",
               relations(relation("n", "notesSlide", "../notesSlides/n.xml")))
          .add("ppt/notesSlides/n.xml", slide(shape("body", text("발표 메모"), 0)))
          .finish();
  const auto document = read_with(read_pptx, bytes);
  EXPECT_EQ(outline(document),
            "heading1: 제목\nlist_item1: 1. 첫째\nlist_item1: 2. 둘째\nparagraph: 위\nparagraph: "
            "아래\nparagraph(notes): 발표 메모\ntable: /[머리;c2@0]/[값@0]\n");
  EXPECT_EQ(document->blocks.back().anchor.slide, 2u);
}

constexpr std::string_view kOdf =
    R"(<office:document-content xmlns:office="o" xmlns:text="t" xmlns:table="b" xmlns:draw="d" xmlns:style="s">)";

TEST(Odf, ReadsTextListsNotesAndTrackedChanges) {
  const std::string content =
      std::string(kOdf) +
      R"(<office:automatic-styles><text:list-style style:name="L"><text:list-level-style-number text:level="1" style:num-format="1" style:num-suffix="."/>
    <text:list-level-style-number text:level="2" style:num-format="가, 나" text:display-levels="2"/></text:list-style></office:automatic-styles><office:body><office:text>
    <text:tracked-changes><text:changed-region><text:deletion><text:p>지운 글</text:p></text:deletion></text:changed-region></text:tracked-changes>
    <text:h text:outline-level="2">총  칙</text:h>
    <text:p>본문<text:s text:c="2"/>글<text:note text:note-class="footnote"><text:note-citation>1</text:note-citation><text:note-body><text:p>각주</text:p></text:note-body></text:note>
    <draw:frame><draw:text-box><text:p>상자</text:p></draw:text-box></draw:frame></text:p>
    <text:list text:style-name="L"><text:list-item><text:p>하나</text:p><text:list><text:list-item><text:p>속</text:p></text:list-item></text:list></text:list-item><text:list-item><text:p>둘</text:p></text:list-item></text:list>
    </office:text></office:body></office:document-content>)";
  EXPECT_EQ(outline(read_with(read_odf, ZipWriter().add("content.xml", content).finish())),
            "heading2: 총 칙\nparagraph: 본문  글 \nfootnote(footnote 1): 각주\nparagraph(text box "
            "1): 상자\nlist_item1: 1. 하나\nlist_item2: 1.가 속\nlist_item1: 2. 둘\n");
}

TEST(Odf, BoundsRepeatedCellsAndRows) {
  const auto sheet = [](std::string_view rows) {
    return ZipWriter()
        .add("content.xml",
             std::string(kOdf) + "<office:body><office:spreadsheet><table:table table:name=\"S\">" +
                 std::string(rows) +
                 "</table:table></office:spreadsheet></office:body></office:document-content>")
        .finish();
  };
  EXPECT_EQ(
      outline(read_with(
          read_odf,
          sheet(
              R"(<table:table-row><table:table-cell table:number-columns-repeated="2"><text:p>x</text:p></table:table-cell></table:table-row>
      <table:table-row table:number-rows-repeated="1048570"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>)"))),
      "heading1: S\ntable: /[x@0][x@1]\n");
  const auto bomb = read_with(
      read_odf,
      sheet(
          R"(<table:table-row table:number-rows-repeated="1000000"><table:table-cell table:number-columns-repeated="16000"><text:p>x</text:p></table:table-cell></table:table-row>)"),
      [] {
        ReadLimits limits;
        limits.expanded_bytes = 16 << 20;
        return limits;
      }());
  ASSERT_FALSE(bomb);
  EXPECT_EQ(bomb.error().code, ErrorCode::kLimit);
}

// As an item of its own it comes after a conversion; with the document's own part it would be taken for its next version.
TEST(Docx, AnOldDocumentInsideHasAPartOfItsOwn) {
  std::vector<std::pair<std::string, std::string>> handed_over;
  set_conversion_hook([&](const Source& source, std::string_view format) {
    EXPECT_EQ(format, "rtf");
    handed_over.emplace_back(source.part, source.parent);
  });
  const std::string bytes =
      ZipWriter()
          .add("word/document.xml", std::string(kDoc) + paragraph("본문") + std::string(kDocEnd))
          .add("word/_rels/document.xml.rels", relations(relation("r1", "package", "embeddings/old.rtf")))
          .add("word/embeddings/old.rtf", "{\\rtf1 inside}")
          .finish();
  EXPECT_EQ(outline(read_with(read_docx, bytes)), "paragraph: 본문\n");
  Budget budget(ReadLimits{});
  ASSERT_TRUE(read_docx(Source{bytes, "report.docx", "mail.zip/report.docx", "mail.zip", 1}, budget));
  set_conversion_hook({});
  ASSERT_EQ(handed_over.size(), 2u);
  EXPECT_EQ(handed_over[0], std::pair(std::string("old.rtf"), std::string("")));
  EXPECT_EQ(handed_over[1],
            std::pair(std::string("mail.zip/report.docx/old.rtf"), std::string("mail.zip/report.docx")));
}

TEST(Odf, RefusesEncryptedPackages) {
  const auto document = read_with(
      read_odf,
      ZipWriter()
          .add("META-INF/manifest.xml",
               "<m:manifest><m:file-entry><m:encryption-data/></m:file-entry></m:manifest>")
          .add("content.xml", "junk")
          .finish());
  ASSERT_FALSE(document);
  EXPECT_EQ(document.error().code, ErrorCode::kProtected);
}

}  // namespace
}  // namespace sillok::documents
