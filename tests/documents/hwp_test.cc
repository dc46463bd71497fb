// HWP 5 and HWPX from documents made here: what one says, the other says.
#include <gsf/gsf-outfile-msole.h>
#include <gsf/gsf-outfile.h>
#include <gsf/gsf-output-memory.h>
#include <gsf/gsf-utils.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "documents/hangul.h"
#include "documents/reader.h"
#include "zip_writer.h"

namespace sillok::documents {
namespace {

std::string le(uint64_t value, size_t width) {
  std::string out;
  for (size_t i = 0; i < width; ++i) out += static_cast<char>(value >> (8 * i) & 0xFF);
  return out;
}
std::string units(std::string_view text) {
  std::string out;
  for (char32_t c : to_utf32(text)) out += le(c, 2);
  return out;
}
std::string record(uint32_t tag, uint32_t level, const std::string& data) {
  return le(tag | level << 10 | static_cast<uint32_t>(data.size()) << 20, 4) + data;
}
std::string control_char(uint16_t code) { return le(code, 2) + std::string(12, '\0') + le(code, 2); }
std::string paragraph(uint32_t level, const std::string& text, uint16_t shape = 0) {
  std::string head = le(text.size() / 2 + 1, 4) + le(0, 4) + le(shape, 2) + std::string(12, '\0');
  return record(66, level, head) + record(67, level + 1, text + le(13, 2));
}
std::string control(uint32_t level, const std::string& name, const std::string& rest = "") {
  return record(71, level, std::string(name.rbegin(), name.rend()) + rest);
}
std::string cell(uint32_t column, uint32_t row, uint32_t columns, uint32_t rows, const std::string& text) {
  return record(72, 2, le(1, 4) + le(row == 0 ? 1u << 18 : 0, 4) + le(column, 2) + le(row, 2) + le(columns, 2) + le(rows, 2)) +
         paragraph(2, units(text));
}

void add_stream(GsfOutfile* at, const char* name, const std::string& bytes) {
  GsfOutput* out = gsf_outfile_new_child(at, name, FALSE);
  gsf_output_write(out, bytes.size(), reinterpret_cast<const guint8*>(bytes.data()));
  gsf_output_close(out);
  g_object_unref(out);
}

using Streams = std::vector<std::pair<std::string, std::string>>;

// Closes what was written and gives it; frees both.
std::string finish_ole(GsfOutfile* ole, GsfOutput* memory) {
  gsf_output_close(GSF_OUTPUT(ole));
  std::string bytes(reinterpret_cast<const char*>(gsf_output_memory_get_bytes(GSF_OUTPUT_MEMORY(memory))),
                    static_cast<size_t>(gsf_output_size(memory)));
  g_object_unref(ole);
  g_object_unref(memory);
  return bytes;
}

// An OLE object as Hangul stores it, its size before it.
std::string make_object(const Streams& streams) {
  gsf_init();
  GsfOutput* memory = gsf_output_memory_new();
  GsfOutfile* ole = gsf_outfile_msole_new(memory);
  for (const auto& [name, bytes] : streams) add_stream(ole, name.c_str(), bytes);
  const std::string object = finish_ole(ole, memory);
  return le(object.size(), 4) + object;
}

// `objects`: OLE objects, numbered from 1.
std::string make_hwp(const std::string& section, uint32_t flags = 0, const std::vector<std::string>& objects = {}) {
  gsf_init();
  GsfOutput* memory = gsf_output_memory_new();
  GsfOutfile* ole = gsf_outfile_msole_new(memory);
  std::string header = "HWP Document File";
  header.resize(32, '\0');
  header += le(0x05000300, 4) + le(flags, 4);
  header.resize(256, '\0');
  add_stream(ole, "FileHeader", header);
  std::string outline = le(1u << 23, 4) + std::string(38, '\0');
  std::string numbering;
  for (std::string pattern : {"제^1조", "^2.", "^3)", "^4)", "^5)", "^6)", "^7)"}) {
    numbering += le(pattern == "^2." ? 8u << 5 : 0, 4) + std::string(8, '\0') + le(units(pattern).size() / 2, 2) + units(pattern);
  }
  std::string second = le(1u << 23 | 1u << 25, 4) + std::string(38, '\0');
  std::string object_records;
  for (size_t n = 1; n <= objects.size(); ++n) object_records += record(18, 0, le(2, 2) + le(n, 2));
  add_stream(ole, "DocInfo", object_records + record(23, 0, numbering + le(0, 2)) + record(25, 0, std::string(42, '\0')) +
                                 record(25, 0, outline) + record(25, 0, second));
  GsfOutput* body = gsf_outfile_new_child(ole, "BodyText", TRUE);
  add_stream(GSF_OUTFILE(body), "Section0", section);
  gsf_output_close(body);
  g_object_unref(body);
  GsfOutput* data = gsf_outfile_new_child(ole, "BinData", TRUE);
  for (size_t n = 1; n <= objects.size(); ++n) {
    add_stream(GSF_OUTFILE(data), ("BIN000" + std::to_string(n) + ".OLE").c_str(), objects[n - 1]);
  }
  gsf_output_close(data);
  g_object_unref(data);
  return finish_ole(ole, memory);
}

std::string sample_section() {
  return paragraph(0, units("목적"), 1) + paragraph(0, units("범위"), 2) + paragraph(0, units("정의"), 1) +
         paragraph(0, units("가") + control_char(9) + units("나")) +
         paragraph(0, control_char(11)) + control(1, "tbl ") + record(77, 2, std::string(8, '\0')) +
         cell(0, 0, 2, 1, "머리") + cell(0, 1, 1, 2, "갑") + cell(1, 1, 1, 1, "을") + cell(1, 2, 1, 1, "병") +
         paragraph(0, units("본문") + control_char(17) + units(" 끝")) + control(1, "fn  ") +
         record(72, 2, std::string(8, '\0')) + paragraph(2, units("각주"));
}

Result<Document> read(const std::string& bytes, bool hwpx = false) {
  Budget budget({});
  Source source;
  source.bytes = bytes;
  return hwpx ? read_hwpx(source, budget) : read_hwp(source, budget);
}

void expect_sample(const Document& document) {
  ASSERT_EQ(document.blocks.size(), 7u);
  EXPECT_EQ(document.blocks[0].text, "제1조 목적");
  EXPECT_EQ(document.blocks[0].kind, BlockKind::kHeading);
  EXPECT_EQ(document.blocks[1].text, "가. 범위");
  EXPECT_EQ(document.blocks[1].level, 2);
  EXPECT_EQ(document.blocks[2].text, "제2조 정의");
  EXPECT_EQ(document.blocks[3].text, "가\t나");
  const Table& table = document.blocks[4].table;
  ASSERT_EQ(table.rows.size(), 3u);
  EXPECT_EQ(table.header_rows, 1u);
  EXPECT_EQ(table.rows[0].cells.at(0).col_span, 2);
  EXPECT_EQ(table.rows[1].cells.at(0).row_span, 2);
  EXPECT_EQ(table.rows[2].cells.at(0).column, 1u);
  EXPECT_EQ(table.rows[2].cells.at(0).text, "병");
  EXPECT_EQ(document.blocks[5].text, "본문 끝");
  EXPECT_EQ(document.blocks[6].kind, BlockKind::kFootnote);
  EXPECT_EQ(document.blocks[6].text, "각주");
}

TEST(Hwp, HeadsTableAndNote) {
  auto document = read(make_hwp(sample_section()));
  ASSERT_TRUE(document) << document.error().message;
  expect_sample(*document);
}

std::string p(const std::string& content, int shape = 0) {
  return "<hp:p paraPrIDRef=\"" + std::to_string(shape) + "\"><hp:run>" + content + "</hp:run></hp:p>";
}
std::string tc(int column, int row, int columns, int rows, const std::string& text) {
  auto n = [](int i) { return std::to_string(i); };
  return "<hp:tc header=\"" + n(row == 0) + "\"><hp:subList>" + p("<hp:t>" + text + "</hp:t>") +
         "</hp:subList><hp:cellAddr colAddr=\"" + n(column) + "\" rowAddr=\"" + n(row) +
         "\"/><hp:cellSpan colSpan=\"" + n(columns) + "\" rowSpan=\"" + n(rows) + "\"/></hp:tc>";
}

TEST(Hwpx, SameDocumentSameBlocks) {
  std::string head =
      "<hh:head><hh:refList><hh:numberings><hh:numbering id=\"1\"><hh:paraHead level=\"1\" start=\"1\">제^1조</hh:paraHead>"
      "<hh:paraHead level=\"2\" start=\"1\" numFormat=\"HANGUL_SYLLABLE\">^2.</hh:paraHead></hh:numbering></hh:numberings>"
      "<hh:paraProperties><hh:paraPr id=\"1\"><hh:heading type=\"OUTLINE\" level=\"0\"/></hh:paraPr>"
      "<hh:paraPr id=\"2\"><hh:heading type=\"OUTLINE\" level=\"1\"/></hh:paraPr></hh:paraProperties></hh:refList></hh:head>";
  std::string section =
      "<hs:sec>" + p("<hp:t>목적</hp:t>", 1) + p("<hp:t>범위</hp:t>", 2) + p("<hp:t>정의</hp:t>", 1) +
      p("<hp:t>가<hp:tab/><hp:deleteBegin/>옛<hp:deleteEnd/>나</hp:t>") +
      p("<hp:tbl><hp:tr>" + tc(0, 0, 2, 1, "머리") + "</hp:tr><hp:tr>" + tc(0, 1, 1, 2, "갑") + tc(1, 1, 1, 1, "을") +
        "</hp:tr><hp:tr>" + tc(1, 2, 1, 1, "병") + "</hp:tr></hp:tbl>") +
      p("<hp:t>본문</hp:t><hp:ctrl><hp:footNote><hp:subList>" + p("<hp:t>각주</hp:t>") +
        "</hp:subList></hp:footNote></hp:ctrl><hp:t> 끝</hp:t>") + "</hs:sec>";
  testing::ZipWriter zip;
  zip.add("mimetype", "application/hwp+zip").add("Contents/header.xml", head).add("Contents/section0.xml", section);
  auto document = read(zip.finish(), true);
  ASSERT_TRUE(document) << document.error().message;
  expect_sample(*document);
}

constexpr std::string_view kChart =
    R"(<c:chartSpace xmlns:c="c" xmlns:a="a"><c:chart><c:title><c:tx><c:rich><a:p><a:r><a:t>월별 수주</a:t></a:r></a:p></c:rich></c:tx></c:title>
    <c:plotArea><c:barChart><c:ser><c:tx><c:strRef><c:strCache><c:pt idx="0"><c:v>2024</c:v></c:pt></c:strCache></c:strRef></c:tx>
    <c:cat><c:strRef><c:strCache><c:pt idx="0"><c:v>1월</c:v></c:pt></c:strCache></c:strRef></c:cat>
    <c:val><c:numRef><c:numCache><c:pt idx="0"><c:v>37</c:v></c:pt></c:numCache></c:numRef></c:val></c:ser></c:barChart></c:plotArea></c:chart></c:chartSpace>)";

// Charts and embedded files stand after the text, the same in both formats; what holds no document is noted.
TEST(Hwp, ChartsAndEmbeddedFilesAreRead) {
  const std::string chart = make_object({{"OOXMLChartContents", std::string(kChart)}, {"Contents", "VtChart"}});
  const std::string file = make_object({{"CONTENTS", "품번 A-1 재고 12개"}});
  const std::string picture = make_object({{"\1CompObj", "PBrush"}, {"\1Ole10Native", std::string(40, '\7')}});
  const std::string old_chart = make_object({{"Contents", std::string("\0\0\1\0\7\0VtChart", 13)}});
  const std::string text = "본문\n월별 수주\n | 2024\n1월 | 37\n품번 A-1 재고 12개\n";

  const auto hwp = read(make_hwp(paragraph(0, units("본문")), 0, {chart, file, picture, old_chart}));
  ASSERT_TRUE(hwp) << hwp.error().message;
  EXPECT_EQ(to_text(*hwp), text);
  EXPECT_NE(hwp->meta.other.at("not read").find("BIN0003.OLE"), std::string::npos);
  EXPECT_NE(hwp->meta.other.at("not read").find("BIN0004.OLE: a chart"), std::string::npos);

  testing::ZipWriter zip;
  zip.add("mimetype", "application/hwp+zip").add("Contents/header.xml", "<hh:head/>");
  zip.add("Contents/section0.xml", "<hs:sec>" + p("<hp:t>본문</hp:t>") + "</hs:sec>").add("Chart/chart1.xml", kChart);
  zip.add("BinData/ole1.ole", chart).add("BinData/ole2.ole", file);
  const auto hwpx = read(zip.finish(), true);
  ASSERT_TRUE(hwpx) << hwpx.error().message;
  EXPECT_EQ(to_text(*hwpx), text);
}

TEST(Hwp, ProtectedFilesSayWhy) {
  for (uint32_t flags : {2u, 4u, 16u, 256u}) {
    auto document = read(make_hwp(sample_section(), flags));
    ASSERT_FALSE(document);
    EXPECT_EQ(document.error().code, ErrorCode::kProtected);
  }
}

TEST(Hwp, OldFormatsAreNamed) {
  auto document = read("HWP Document File V3.00 \x1a\1\2\3\4\5");
  ASSERT_FALSE(document);
  EXPECT_EQ(document.error().code, ErrorCode::kUnsupported);
}

TEST(Hwp, TruncationIsAnAnswer) {
  std::string section = sample_section();
  for (size_t cut = 1; cut < section.size(); ++cut) (void)read(make_hwp(section.substr(0, cut)));
  EXPECT_FALSE(read(make_hwp(section.substr(0, section.size() - 1))));
  std::string whole = make_hwp(section);
  for (size_t cut = 0; cut < whole.size(); cut += 97) (void)read(whole.substr(0, cut));
}

TEST(Hwp, NumbersAsWritten) {
  using hangul::NumberFormat;
  EXPECT_EQ(hangul::format_number(3, NumberFormat::kCircledDigit), "③");
  EXPECT_EQ(hangul::format_number(14, NumberFormat::kRomanCapital), "XIV");
  EXPECT_EQ(hangul::format_number(15, NumberFormat::kHangulSyllable), "거");
  EXPECT_EQ(hangul::format_number(21, NumberFormat::kHangulPhonetic), "이십일");
  EXPECT_EQ(hangul::format_number(2, NumberFormat::kDecagonHanja), "乙");
}

// The same document in both formats gives the same blocks; pairs NAME.hwp, NAME.hwpx below SILLOK_DATA/hwp.
TEST(Hwp, PairsAgree) {
  const char* data = std::getenv("SILLOK_DATA");
  if (!data || !fs::exists(fs::path(data) / "hwp")) GTEST_SKIP() << "set SILLOK_DATA to compare real pairs";
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(data) / "hwp")) {
    fs::path other = entry.path();
    other.replace_extension(".hwp");
    if (entry.path().extension() != ".hwpx" || !fs::exists(other)) continue;
    auto hwpx = read(*read_file(entry.path()), true), hwp = read(*read_file(other));
    ASSERT_TRUE(hwpx && hwp) << entry.path();
    hwpx->meta = hwp->meta;  // the two were saved at different times
    ASSERT_EQ(hwpx->blocks.size(), hwp->blocks.size()) << entry.path();
    for (size_t i = 0; i < hwp->blocks.size(); ++i) {
      const Block &a = hwpx->blocks[i], &b = hwp->blocks[i];
      EXPECT_EQ(a.kind, b.kind) << entry.path();
      EXPECT_EQ(a.level, b.level) << entry.path();
      EXPECT_EQ(a.text, b.text) << entry.path();
      ASSERT_EQ(a.table.rows.size(), b.table.rows.size()) << entry.path();
      for (size_t row = 0; row < a.table.rows.size(); ++row) {
        EXPECT_EQ(row_text(a.table, row), row_text(b.table, row)) << entry.path();
      }
    }
  }
}

}  // namespace
}  // namespace sillok::documents
