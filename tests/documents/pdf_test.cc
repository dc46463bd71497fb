#include <gtest/gtest.h>

#include <cstdlib>

#include "documents/finish.h"

namespace sillok::documents {
namespace {

// A PDF from its objects, numbered from 1; the first is the catalog.
std::string pdf_of(const std::vector<std::string>& objects, const std::string& trailer_more = "") {
  std::string out = "%PDF-1.4\n";
  std::vector<size_t> offsets;
  for (size_t i = 0; i < objects.size(); ++i) {
    offsets.push_back(out.size());
    out += std::to_string(i + 1) + " 0 obj\n" + objects[i] + "\nendobj\n";
  }
  const size_t table = out.size();
  out += "xref\n0 " + std::to_string(objects.size() + 1) + "\n0000000000 65535 f \n";
  for (const size_t offset : offsets) {
    char line[32];
    std::snprintf(line, sizeof line, "%010zu 00000 n \n", offset);
    out += line;
  }
  return out + "trailer<</Size " + std::to_string(objects.size() + 1) + "/Root 1 0 R" + trailer_more +
         ">>\nstartxref\n" + std::to_string(table) + "\n%%EOF";
}

std::string stream_of(const std::string& content, const std::string& more = "") {
  return "<</Length " + std::to_string(content.size()) + more + ">>stream\n" + content + "\nendstream";
}

// A4 pages with Helvetica as F1 and Helvetica-Bold as F2; `page_more` goes into every page's dictionary, objects
// from number 5 + 2 * pages on are `extra`.
std::string pages_pdf(const std::vector<std::string>& contents, const std::string& page_more = "",
                      const std::vector<std::string>& extra = {}, const std::string& catalog_more = "",
                      const std::string& trailer_more = "") {
  std::string kids;
  for (size_t i = 0; i < contents.size(); ++i) kids += std::to_string(5 + 2 * i) + " 0 R ";
  std::vector<std::string> objects = {
      "<</Type/Catalog/Pages 2 0 R" + catalog_more + ">>",
      "<</Type/Pages/Count " + std::to_string(contents.size()) + "/Kids[" + kids + "]>>",
      "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>", "<</Type/Font/Subtype/Type1/BaseFont/Helvetica-Bold>>"};
  for (size_t i = 0; i < contents.size(); ++i) {
    objects.push_back("<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 3 0 R/F2 4 0 R>>>>"
                      "/Contents " + std::to_string(6 + 2 * i) + " 0 R" + page_more + ">>");
    objects.push_back(stream_of(contents[i]));
  }
  objects.insert(objects.end(), extra.begin(), extra.end());
  return pdf_of(objects, trailer_more);
}

std::string text_at(double x, double y, const std::string& text, double size = 10, const char* font = "F1") {
  char place[96];
  std::snprintf(place, sizeof place, "BT /%s %g Tf %g %g Td (", font, size, x, y);
  return place + text + ") Tj ET\n";
}

Result<Document> read(const std::string& bytes) {
  const ReadLimits limits;
  Budget budget(limits);
  const Source source{bytes, "file.pdf", "", "", 0};
  auto document = read_pdf(source, budget);
  if (document) finish(*document, source);
  return document;
}

const Block* find(const Document& document, BlockKind kind) {
  for (const Block& block : document.blocks) {
    if (block.kind == kind) return &block;
  }
  return nullptr;
}

const char* const kProse[] = {"The grinding wheel is balanced before each shift and again", "whenever it was taken off its flange. A balance above the limit",
                              "stops the machine. The operator writes the reading into the", "log and signs it."};

TEST(Pdf, LinesBecomeParagraphsAndHeadings) {
  std::string page = text_at(60, 760, "Work standard", 20);
  double y = 720;
  for (const char* line : kProse) page += text_at(60, y -= 13, line);
  page += text_at(60, y -= 30, "Scope", 10, "F2");
  page += text_at(60, y -= 16, "This standard holds for inter-");
  page += text_at(60, y -= 13, "national sites.");
  const auto document = read(pages_pdf({page}));
  ASSERT_TRUE(document);
  ASSERT_EQ(document->blocks.size(), 4u) << to_text(*document);
  EXPECT_EQ(document->meta.title, "Work standard");
  EXPECT_EQ(document->blocks[0].kind, BlockKind::kHeading);
  EXPECT_EQ(document->blocks[1].text, std::string(kProse[0]) + " " + kProse[1] + " " + kProse[2] + " " + kProse[3]);
  EXPECT_EQ(document->blocks[2].kind, BlockKind::kHeading);
  EXPECT_EQ(document->blocks[3].text, "This standard holds for international sites.");
  EXPECT_EQ(to_string(document->blocks[3].anchor), "p. 1 › Scope");
}

TEST(Pdf, ColumnsAreReadOneAfterTheOther) {
  std::string page;
  for (int i = 0; i < 12; ++i) {
    page += text_at(60, 700 - 13 * i, "left column line number " + std::to_string(i));
    page += text_at(320, 700 - 13 * i, "right column line number " + std::to_string(i));
  }
  const auto document = read(pages_pdf({page}));
  ASSERT_TRUE(document);
  const std::string text = to_text(*document);
  EXPECT_LT(text.find("left column line number 11"), text.find("right column line number 0")) << text;
}

TEST(Pdf, RuledTablesKeepCellsAndSpans) {
  // Three columns, three rows; the first row's last two cells are one.
  std::string page = "0.5 w\n";
  for (const double y : {700.0, 680.0, 660.0, 640.0}) page += "60 " + std::to_string(y) + " m 360 " + std::to_string(y) + " l S\n";
  page += "60 640 m 60 700 l S 160 640 m 160 700 l S 260 640 m 260 680 l S 360 640 m 360 700 l S\n";
  page += text_at(65, 686, "Part") + text_at(165, 686, "Quantity") + text_at(65, 666, "") + text_at(165, 666, "planned") +
          text_at(265, 666, "made") + text_at(65, 646, "A-1") + text_at(165, 646, "10") + text_at(265, 646, "9");
  const auto document = read(pages_pdf({page}));
  ASSERT_TRUE(document);
  const Block* table = find(*document, BlockKind::kTable);
  ASSERT_NE(table, nullptr) << to_text(*document);
  ASSERT_EQ(table->table.rows.size(), 3u);
  ASSERT_EQ(table->table.rows[0].cells.size(), 2u);
  EXPECT_EQ(table->table.rows[0].cells[1].col_span, 2);
  EXPECT_EQ(table->table.rows[2].cells[2].text, "9");
  EXPECT_EQ(document->blocks.size(), 1u) << "words of the table must not stand outside it as well";
}

TEST(Pdf, AlignedTablesOnlyWhereClear) {
  std::string page = text_at(60, 740, "Stock of parts on the last day of the month, counted by hand:");
  const char* rows[][3] = {{"Part", "Store", "Count"}, {"A-1", "North", "12"}, {"A-2", "South", "7"}, {"B-9", "North", "340"}};
  double y = 720;
  for (const auto& row : rows) {
    y -= 14;
    for (int c = 0; c < 3; ++c) page += text_at(60 + 130 * c, y, row[c]);
  }
  const auto document = read(pages_pdf({page}));
  ASSERT_TRUE(document);
  const Block* table = find(*document, BlockKind::kTable);
  ASSERT_NE(table, nullptr) << to_text(*document);
  EXPECT_EQ(table->table.header_rows, 1u);
  EXPECT_EQ(row_text(table->table, 3), "Part: B-9 | Store: North | Count: 340");
}

TEST(Pdf, TablesGoOnOverPages) {
  const auto grid_page = [](const std::vector<std::pair<std::string, std::string>>& rows) {
    std::string page;
    double y = 700;
    for (const auto& [left, right] : rows) {
      page += "60 " + std::to_string(y - 20) + " 100 20 re S 160 " + std::to_string(y - 20) + " 100 20 re S\n";
      page += text_at(65, y - 14, left) + text_at(165, y - 14, right);
      y -= 20;
    }
    return page;
  };
  const auto document = read(pages_pdf({grid_page({{"Part", "Count"}, {"A-1", "3"}, {"A-2", "4"}}),
                                        grid_page({{"Part", "Count"}, {"A-3", "5"}, {"A-4", "6"}})}));
  ASSERT_TRUE(document);
  ASSERT_EQ(document->blocks.size(), 1u) << to_text(*document);
  ASSERT_EQ(document->blocks[0].table.rows.size(), 5u);
  EXPECT_EQ(row_text(document->blocks[0].table, 4), "Part: A-4 | Count: 6");
}

TEST(Pdf, RunningHeadsAndPageNumbersStandApart) {
  std::vector<std::string> pages;
  for (int i = 1; i <= 4; ++i) {
    pages.push_back(text_at(60, 815, "Company confidential WS-102") + text_at(60, 600, "Body of page " + std::string(static_cast<size_t>(i), 'x') + " goes here.") +
                    text_at(290, 30, "- " + std::to_string(i) + " -"));
  }
  const auto document = read(pages_pdf(pages));
  ASSERT_TRUE(document);
  size_t heads = 0, feet = 0, body = 0;
  for (const Block& block : document->blocks) {
    heads += block.kind == BlockKind::kHeader;
    feet += block.kind == BlockKind::kFooter;
    body += block.kind == BlockKind::kParagraph;
  }
  EXPECT_EQ(heads, 4u);
  EXPECT_EQ(feet, 4u);
  EXPECT_EQ(body, 4u);
}

// Hangul through a font that is not embedded but says which characters its codes mean.
std::string korean_pdf(const std::string& content) {
  const std::string cmap =
      "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def 1 begincodespacerange <0000> <FFFF> "
      "endcodespacerange 1 beginbfrange <AC00> <D7A3> <AC00> endbfrange 1 beginbfchar <0020> <0020> endbfchar endcmap end end";
  return pdf_of({"<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Count 1/Kids[3 0 R]>>",
                 "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 5 0 R>>>>/Contents 4 0 R>>",
                 stream_of(content),
                 "<</Type/Font/Subtype/Type0/BaseFont/X/Encoding/Identity-H/DescendantFonts[6 0 R]/ToUnicode 7 0 R>>",
                 "<</Type/Font/Subtype/CIDFontType2/BaseFont/X/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>"
                 "/DW 1000/W[32[300]]/FontDescriptor 8 0 R>>",
                 stream_of(cmap),
                 "<</Type/FontDescriptor/FontName/X/Flags 4/FontBBox[0 -200 1000 900]/ItalicAngle 0/Ascent 900/Descent -200"
                 "/CapHeight 700/StemV 80>>"});
}

std::string hangul_at(double x, double y, std::string_view text) {
  char place[96];
  std::snprintf(place, sizeof place, "BT /F1 10 Tf %g %g Td <", x, y);
  std::string out = place;
  for (const char32_t c : to_utf32(text)) {
    char hex[8];
    std::snprintf(hex, sizeof hex, "%04X", static_cast<unsigned>(c));
    out += hex;
  }
  return out + "> Tj ET\n";
}

TEST(Pdf, KoreanLinesCutInsideWordsAreJoined) {
  // This producer draws the space where a line ends between words, and none where it cuts a word.
  const std::string page = hangul_at(60, 700, "연삭 작업을 시작하기 전에 숫돌의 균형을 확 ") +
                           hangul_at(60, 686, "인하고 기록한다 그리고 나서 설비의 덮개를 ") + hangul_at(60, 672, "닫는다 이상이 있으면 반장에게 알린 뒤에 조") +
                           hangul_at(60, 658, "치한다");
  std::string cut = page;
  // The first line is cut inside 확인: its trailing space goes.
  const size_t space = cut.find("0020> Tj");
  ASSERT_NE(space, std::string::npos);
  cut.erase(space, 4);
  const auto document = read(korean_pdf(cut));
  ASSERT_TRUE(document);
  const std::string text = to_text(*document);
  EXPECT_NE(text.find("균형을 확인하고 기록한다"), std::string::npos) << text;
  EXPECT_NE(text.find("덮개를 닫는다"), std::string::npos) << text;
  EXPECT_NE(text.find("뒤에 조치한다"), std::string::npos) << text;
}

TEST(Pdf, CommentsLinksFormsAndMetadata) {
  const std::string page = text_at(60, 700, "See the manual for details.");
  // Objects from 7 on: two annotations and a form field.
  const auto document = read(pages_pdf(
      {page}, "/Annots[7 0 R 8 0 R 9 0 R]",
      {"<</Type/Annot/Subtype/Text/Rect[100 100 120 120]/Contents(Check the torque)/T(Kim)>>",
       "<</Type/Annot/Subtype/Link/Rect[60 690 300 715]/A<</S/URI/URI(https://example.org/m)>>>>",
       "<</Type/Annot/Subtype/Widget/FT/Tx/T(inspector)/V(Hong)/Rect[60 500 160 520]>>",
       "<</Title(Lathe manual)/Author(Lee)/CreationDate(D:20240301093000+09'00')>>"},
      "/AcroForm<</Fields[9 0 R]>>", "/Info 10 0 R"));
  ASSERT_TRUE(document);
  const Block* comment = find(*document, BlockKind::kComment);
  ASSERT_NE(comment, nullptr);
  EXPECT_EQ(comment->text, "Kim: Check the torque");
  ASSERT_EQ(document->links.size(), 1u);
  EXPECT_EQ(document->links[0].target, "https://example.org/m");
  EXPECT_EQ(document->links[0].text, "See the manual for details.");
  EXPECT_EQ(document->links[0].block, 0u);
  EXPECT_NE(to_text(*document).find("inspector: Hong"), std::string::npos) << to_text(*document);
  EXPECT_EQ(document->meta.title, "Lathe manual");
  EXPECT_EQ(document->meta.author, "Lee");
  EXPECT_EQ(document->meta.created, "2024-03-01T09:30:00+09:00");
}

TEST(Pdf, EmbeddedFilesAreNamed) {
  const auto document = read(pages_pdf({text_at(60, 700, "With a file.")}, "",
                                       {"<</Names[(note.txt)8 0 R]>>", "<</Type/Filespec/F(note.txt)/EF<</F 9 0 R>>>>",
                                        stream_of("The spare key hangs in room 12.", "/Type/EmbeddedFile")},
                                       "/Names<</EmbeddedFiles 7 0 R>>"));
  ASSERT_TRUE(document);
  bool named = false;
  for (const Block& block : document->blocks) {
    named |= block.anchor.part == "attachment: note.txt" && block.text.starts_with("note.txt");
  }
  EXPECT_TRUE(named) << to_text(*document);
}

TEST(Pdf, DamageIsReportedNotFatal) {
  EXPECT_EQ(read("%PDF-1.4\nnothing").error().code, ErrorCode::kInvalid);
  EXPECT_EQ(read("").error().code, ErrorCode::kInvalid);
  // A page that does not exist leaves the others readable and is named.
  std::string bytes = pages_pdf({text_at(60, 700, "First page."), text_at(60, 700, "Second page.")});
  const size_t at = bytes.find("7 0 obj\n<</Type/Page/");
  ASSERT_NE(at, std::string::npos);
  bytes.replace(at, 21, "7 0 obj\n<</Type/Junk/");
  const auto document = read(bytes);
  ASSERT_TRUE(document);
  EXPECT_NE(to_text(*document).find("First page."), std::string::npos) << to_text(*document);
}

TEST(Pdf, ProtectedFilesSaySo) {
  // Standard security handler with an owner and user key that no empty password fits.
  const std::string key(32, 'x');
  const auto document = read(pages_pdf({text_at(60, 700, "secret")}, "",
                                       {"<</Filter/Standard/V 1/R 2/Length 40/P -4/O(" + key + ")/U(" + key + ")>>"}, "",
                                       "/Encrypt 7 0 R/ID[(0123456789abcdef)(0123456789abcdef)]"));
  ASSERT_FALSE(document);
  EXPECT_EQ(document.error().code, ErrorCode::kProtected);
}

TEST(Pdf, TruncationsAndFlipsNeverCrash) {
  const std::string bytes = pages_pdf(
      {"60 640 100 40 re S 160 640 100 40 re S 60 600 100 40 re S 160 600 100 40 re S\n" + text_at(65, 650, "a") +
       text_at(165, 650, "b") + text_at(65, 610, "c") + text_at(165, 610, "d")},
      "/Annots[7 0 R]", {"<</Type/Annot/Subtype/Text/Rect[1 1 2 2]/Contents(x)>>"});
  for (size_t i = 0; i < 50; ++i) (void)read(bytes.substr(0, bytes.size() * i / 50));
  uint32_t seed = 12345;
  for (int i = 0; i < 200; ++i) {
    std::string flipped = bytes;
    seed = seed * 1664525 + 1013904223;
    const size_t place = seed % flipped.size();
    flipped[place] = static_cast<char>(flipped[place] ^ (1 << (seed >> 29)));
    (void)read(flipped);
  }
}

}  // namespace
}  // namespace sillok::documents
