#include "archive/references.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <regex>
#include <set>

namespace sillok::archive {
namespace {

using documents::Block;
using documents::BlockKind;
using documents::Document;

Block heading(std::string text, std::string path = "") {
  Block block;
  block.kind = BlockKind::kHeading;
  block.level = 5;
  block.text = std::move(text);
  block.anchor.path = std::move(path);
  return block;
}
Block paragraph(std::string text) {
  Block block;
  block.text = std::move(text);
  return block;
}

// A statute of articles 1, 2, 2의2, 3, 5 and 12의3, with the text given in article 5.
Document statute(const std::vector<std::string>& texts) {
  Document document;
  document.meta.title = "기록 관리법";
  for (const char* article : {"제1조 (목적)", "제2조 (정의)", "제2조의2 (원칙)", "제3조 (범위)", "제12조의3 (벌칙)"}) {
    document.blocks.push_back(heading(article, "제1장 총칙"));
    document.blocks.push_back(paragraph("내용."));
  }
  document.blocks.push_back(heading("제5조 (준용)", "제1장 총칙"));
  for (const std::string& text : texts) document.blocks.push_back(paragraph(text));
  return document;
}

std::vector<Reference> find(const Document& document, std::string_view number = "") {
  return find_references(document, Outline(document), document.meta.title, number);
}

// "own:제3조", "형법:제10조", "?:제9조", with "*" where a supersession and "~" where uncertain.
std::vector<std::string> shown(const std::vector<Reference>& references) {
  std::vector<std::string> out;
  for (const Reference& r : references) {
    std::string line = r.to == Reference::To::kOwn ? "own" : r.to == Reference::To::kNamed ? r.name : "?";
    line += ":" + r.section;
    if (r.kind == LinkKind::kSupersedes) line += "*";
    if (!r.certain) line += "~";
    out.push_back(line);
  }
  return out;
}
std::vector<std::string> in_statute(std::string text) { return shown(find(statute({std::move(text)}))); }
std::vector<std::string> in_memo(std::string text) {
  Document document;
  document.meta.title = "메모";
  document.blocks.push_back(paragraph(std::move(text)));
  return shown(find(document));
}
using Lines = std::vector<std::string>;

TEST(References, BranchBehindASpace) {
  EXPECT_EQ(in_statute("단, 제2조의 2의 경우에는 그러하지 아니하다."), Lines{"own:제2조의2"});
  EXPECT_EQ(in_statute("제2조의 2배에 해당하는 금액"), Lines{"own:제2조"});
  EXPECT_EQ(in_statute("제2조의 2분의 1을 넘는 금액"), Lines{"own:제2조"});
}

TEST(References, ArticlesOfTheSameStatute) {
  const auto found = find(statute({"기관은 제3조제2항에 따라 정한다."}));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].to, Reference::To::kOwn);
  EXPECT_EQ(found[0].anchor, "제1장 총칙 › 제3조 (범위)");
  EXPECT_EQ(found[0].target, "제3조제2항");
  EXPECT_EQ(found[0].words, "제3조제2항");
  EXPECT_EQ(find(statute({"제12조의3제1항제2호를 위반한 자"}))[0].target, "제12조의3제1항제2호");
  EXPECT_EQ(in_statute("제2조의2를 준용한다. 제2조의 규정"), (Lines{"own:제2조의2", "own:제2조"}));
  EXPECT_EQ(in_statute("제 3 조 제 2 항"), Lines{"own:제3조"});
  EXPECT_EQ(in_statute("第3條의 規定"), Lines{"own:제3조"});
}

TEST(References, MissingArticlesAreListedUnresolved) {
  EXPECT_EQ(in_statute("제9조에 따라"), Lines{"?:제9조"});
  EXPECT_EQ(in_statute("제3조의2에 따라"), Lines{"?:제3조의2"});
}

TEST(References, AHeadingIsNoReferenceToItself) {
  EXPECT_TRUE(find(statute({})).empty());
  EXPECT_TRUE(in_statute("제1조(시행일) 이 법은 공포한 날부터 시행한다.").empty());
  // A reference with its scope in brackets is none.
  EXPECT_EQ(in_statute("제3조(제2조에서 준용하는 경우를 포함한다)에 따른"), (Lines{"own:제3조", "own:제2조"}));
}

TEST(References, OtherLaws) {
  EXPECT_EQ(in_statute("「형법」 제3조에 따른"), Lines{"형법:제3조"});
  EXPECT_EQ(in_statute("「형법」 제3조 및 제1조부터 제2조까지의 죄"), (Lines{"형법:제3조", "형법:제1조", "형법:제2조"}));
  EXPECT_EQ(in_statute("「형법」 제3조제1항ㆍ제2항, 제5조 단서 또는 제1조"), (Lines{"형법:제3조", "형법:제5조", "형법:제1조"}));
  // Something else in between ends the enumeration.
  EXPECT_EQ(in_statute("「형법」 제3조에 따른 죄와 제1조의 목적"), (Lines{"형법:제3조", "own:제1조"}));
  EXPECT_EQ(in_statute("형법 제3조에 따라"), Lines{"형법:제3조"});
  EXPECT_EQ(in_statute("「형법」(법률 제293호를 말한다) 제3조"), Lines{"형법:제3조"});
  EXPECT_EQ(in_statute("「형법」 제3조(제5조에 따른 경우를 포함한다) 및 제2조"),
            (Lines{"형법:제3조", "형법:제5조", "형법:제2조"}));
  EXPECT_EQ(in_statute("다음 방법 제3조"), Lines{"own:제3조"});
}

TEST(References, WordsAreVerbatimWithTheName) {
  const auto found = find(statute({"다만, 「개인정보 보호법」 제15조제1항 및 제17조에 따른다."}));
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].words, "「개인정보 보호법」 제15조제1항");
  EXPECT_EQ(found[0].target, "「개인정보 보호법」 제15조제1항");
  EXPECT_EQ(found[1].words, "「개인정보 보호법」 제15조제1항 및 제17조");
  EXPECT_EQ(found[1].target, "제17조");
}

TEST(References, SameLawAndThisLaw) {
  EXPECT_EQ(in_statute("「형법」 제3조 및 같은 법 제5조에 따르되 이 법 제2조는"),
            (Lines{"형법:제3조", "형법:제5조", "own:제2조"}));
  EXPECT_EQ(in_statute("「형법」 제3조에 따라 동법 제5조"), (Lines{"형법:제3조", "형법:제5조"}));
  EXPECT_EQ(in_statute("「형법」에 따라 같은 법 시행령 제5조"), (Lines{"형법:~", "형법 시행령:제5조"}));
  EXPECT_EQ(in_statute("같은 법 제3조"), Lines{"?:제3조"});
  EXPECT_EQ(in_statute("「기록관리법」 제3조"), Lines{"own:제3조"});
}

TEST(References, SameArticle) {
  EXPECT_EQ(in_statute("제3조제1항 및 같은 조 제2항"), (Lines{"own:제3조", "own:제3조"}));
  EXPECT_EQ(in_statute("「형법」 제3조와 같은 조 제2항, 동조제3항"), (Lines{"형법:제3조", "형법:제3조", "형법:제3조"}));
  EXPECT_EQ(in_statute("제3조와 같은 조건으로, 같은 조치를, 노동조합은"), Lines{"own:제3조"});
  EXPECT_TRUE(in_statute("같은 조 제2항").empty());
}

TEST(References, Ranges) {
  const auto found = find(statute({"제1조부터 제3조까지의 규정"}));
  EXPECT_EQ(shown(found), (Lines{"own:제1조", "own:제2조", "own:제2조의2", "own:제3조"}));
  EXPECT_EQ(found[1].words, "제1조부터 제3조까지");
  EXPECT_EQ(in_statute("제1조 내지 제3조"), (Lines{"own:제1조", "own:제2조", "own:제2조의2", "own:제3조"}));
  EXPECT_EQ(in_statute("제1조제1항부터 제3항까지 및 제3조"), (Lines{"own:제1조", "own:제3조"}));
}

TEST(References, ShortNamesOfADecree) {
  Document document = statute({"「기록 관리법」(이하 \"법\"이라 한다) 제9조제2항과 영 제3조, 이 영 제2조, 제1조"});
  document.meta.title = "기록 관리법 시행령";
  EXPECT_EQ(shown(find(document)),
            (Lines{"기록 관리법:제9조", "own:제3조", "own:제2조", "own:제1조"}));
  document = statute({"법 제3조 및 제4조에 따른"});
  document.meta.title = "기록 관리법 시행령";
  EXPECT_EQ(shown(find(document)), (Lines{"기록 관리법:제3조", "기록 관리법:제4조"}));
  document.meta.title = "기록 관리법 시행규칙";
  document.blocks.back().text = "법 제3조, 영 제4조 및 제5조";
  EXPECT_EQ(shown(find(document)),
            (Lines{"기록 관리법:제3조", "기록 관리법 시행령:제4조", "기록 관리법 시행령:제5조"}));
}

TEST(References, FullTitlesWithoutBrackets) {
  Document document = statute({"공공기관의 정보공개에 관한 법률 시행령 제3조와 전자서명법 시행령 제2조"});
  document.meta.title = "기록 관리법 시행령";
  const auto found = find(document);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].name, "공공기관의 정보공개에 관한 법률 시행령");
  EXPECT_EQ(found[0].words, "공공기관의 정보공개에 관한 법률 시행령 제3조");
  EXPECT_TRUE(found[0].tail);
  EXPECT_TRUE(found[1].name.ends_with("전자서명법 시행령"));
  EXPECT_EQ(in_statute("종전 기록 관리법 제3조"), Lines{"own:제3조"});
}

TEST(References, Supplements) {
  Document document = statute({"제2조를 본다."});
  const auto add = [&](Block block) { document.blocks.push_back(std::move(block)); };
  add(paragraph("부칙 <제1호,2020.1.1>"));
  add(heading("제1조(시행일)", "부칙"));
  add(paragraph("공포한 날. 다만, 제3조의 개정규정은 부칙 제2조에 따른다."));
  add(heading("제2조(다른 법률의 개정)", "부칙"));
  add(paragraph("① 전자문서법 일부를 다음과 같이 개정한다."));
  add(paragraph("제3조 중 \"기록 관리법 제1조\"를 \"「기록 관리법」 제2조\"로 한다."));
  add(heading("제3조(경과조치)", "부칙"));
  add(paragraph("종전의 제5조에 따른다."));
  add(paragraph("부칙(정부조직법) <제2호,2021.1.1>"));
  add(paragraph("제2조부터 제5조까지 생략"));
  add(heading("제6조(시행일)", "부칙"));
  add(paragraph("제3조의 개정규정"));
  const auto found = find(document);
  EXPECT_EQ(shown(found), (Lines{"own:제2조", "own:제3조", "own:부칙제2조", "전자문서법:제3조", "own:제1조", "own:제2조", "own:제5조",
                                 "정부조직법:제3조"}));
  EXPECT_EQ(found[2].anchor, "부칙 › 제2조(다른 법률의 개정)");
  EXPECT_EQ(found[4].anchor, "");  // the wording that goes
  EXPECT_EQ(found[5].anchor, "제1장 총칙 › 제2조 (정의)");
  EXPECT_EQ(found[6].anchor, "");
}

TEST(References, Annexes) {
  Document document = statute({"별표 2에 따르고 「형법」 별표 1은 보지 않으며 별지 제3호의2서식, 특별표 1"});
  EXPECT_EQ(shown(find(document)), (Lines{"?:별표2", "형법:~", "형법:별표1", "?:별지3의2"}));
  document.blocks.push_back(heading("[별표 2] 수수료"));
  const auto found = find(document);
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found[0].anchor, "[별표 2] 수수료");
  EXPECT_EQ(in_statute("특별표 1").size(), 0u);
}

TEST(References, DocumentNumbers) {
  EXPECT_EQ(in_memo("WS-102 4.2항 참조"), Lines{"WS-102:4.2"});
  EXPECT_EQ(in_memo("see SOP-12 4.1 for torque."), Lines{"SOP-12:4.1"});
  EXPECT_EQ(in_memo("See SOP-12, section 4."), Lines{"SOP-12:4"});
  EXPECT_EQ(in_memo("부적합 QM-2024-031에 따라"), Lines{"QM-2024-031:"});
  EXPECT_EQ(in_memo("총무과-123(2024. 3. 1.)"), Lines{"총무과-123:~"});
  EXPECT_EQ(in_memo("행정안전부고시 제2024-31호에 따른"), Lines{"행정안전부고시 제2024-31호:"});
  EXPECT_EQ(in_memo("품번 BYH-3210 3개"), Lines{"BYH-3210:~"});
  EXPECT_EQ(in_memo("WS-118 Rev.3을 본다"), Lines{"WS-118:~"});
  EXPECT_TRUE(in_memo("02-123-4567, 2024-03-01, a-1, user@ab-1.kr, x/WS-102.pdf, http://A-1.com, A-B").empty());
}

TEST(References, NumberWordsAndTargets) {
  Document document;
  document.blocks.push_back(paragraph("자세한 것은 WS-102 4.2항 참조."));
  const auto found = find(document);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].words, "WS-102 4.2항 참조");
  EXPECT_EQ(found[0].target, "WS-102 4.2항");
  EXPECT_TRUE(find(document, "WS-102").size() == 1);  // a section of its own
  document.blocks[0].text = "문서번호: WS-102";
  EXPECT_TRUE(find(document, "WS-102").empty());
}

TEST(References, Supersession) {
  EXPECT_EQ(in_memo("이 표준은 WS-101을 대체한다."), Lines{"WS-101:*"});
  EXPECT_EQ(in_memo("This standard supersedes WS-101."), Lines{"WS-101:*"});
  EXPECT_EQ(in_memo("WS-101은 폐지한다"), Lines{"WS-101:*"});
  EXPECT_EQ(in_memo("superseded by WS-105"), Lines{"WS-105:"});
  EXPECT_EQ(in_memo("WS-101을 WS-105로 대체"), (Lines{"WS-101:~", "WS-105:~"}));
  EXPECT_EQ(in_memo("WS-101을 폐지하지 아니한다"), Lines{"WS-101:~"});
  EXPECT_EQ(in_memo("GR-02 대체 연삭기"), Lines{"GR-02:~"});
}

TEST(References, SectionsByNumber) {
  Document document;
  document.blocks = {heading("4. 작업"), heading("4.2 조립", "4. 작업"), paragraph("4.2.1 볼트를 조인다.")};
  document.blocks[2].anchor.path = "4. 작업 › 4.2 조립";
  const Outline outline(document);
  ASSERT_NE(outline.find("4.2"), nullptr);
  EXPECT_EQ(outline.find("4.2")->anchor, "4. 작업 › 4.2 조립");
  EXPECT_EQ(outline.find("4")->anchor, "4. 작업");
  EXPECT_NE(outline.find("4.2.1"), nullptr);
  EXPECT_EQ(outline.find("4.3"), nullptr);
}

TEST(References, NameKeysIgnoreSpacesAndDots) {
  EXPECT_EQ(name_key("개인정보 보호법"), name_key("개인정보보호법"));
  EXPECT_EQ(name_key("남녀고용ㆍ평등법"), name_key("남녀고용·평등법"));
  EXPECT_EQ(name_key("ws-102"), name_key("WS-102"));
  EXPECT_NE(name_key("WS-102"), name_key("WS-1O2"));
}

TEST(References, CutAndBrokenTextsDoNotMisreadMemory) {
  const std::string text = "「형법」(이하 \"법\"이라 한다) 제3조의2제1항, 같은 조 별표 2와 WS-102 4.2항 참조, 제2024-31호";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    find(statute({text.substr(0, cut), text.substr(cut)}));
    std::string flipped = text;
    if (cut < text.size()) flipped[cut] = static_cast<char>(0xFF);
    find(statute({flipped}));
  }
}

// Every "제N조" of the statutes in SILLOK_DATA against a plain regular expression.
TEST(References, EveryArticleReferenceOfRealStatutes) {
  const char* data = std::getenv("SILLOK_DATA");
  if (data == nullptr || !fs::exists(fs::path(data) / "law/text")) GTEST_SKIP() << "SILLOK_DATA has no law/text";
  const std::regex plain("(제|第) ?[0-9]+ ?(조|條)(의[0-9]+)?");
  size_t files = 0, expected = 0, found = 0, own = 0, named = 0, unknown = 0, bytes = 0, wrong = 0;
  Micros spent = 0;
  const char* dump = std::getenv("SILLOK_DUMP");
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(data) / "law/text")) {
    if (entry.path().extension() != ".md") continue;
    const auto text = read_file(entry.path());
    ASSERT_TRUE(text.has_value());
    Document document;
    ASSERT_TRUE(documents::read_in_process(*text, entry.path().filename().string(), {}, [&](documents::Item&& item) {
                  ASSERT_TRUE(item.document.has_value());
                  document = std::move(*item.document);
                }).has_value());
    ++files;
    bytes += text->size();
    const Micros start = now_micros();
    const Outline outline(document);
    const auto references = find_references(document, outline, document.meta.title, "");
    spent += now_micros() - start;
    std::vector<size_t> by_block(document.blocks.size());
    for (const Reference& r : references) {
      ArticleWords article;
      const Block& block = document.blocks[r.block];
      EXPECT_NE(block.text.find(r.words), std::string::npos);
      own += r.to == Reference::To::kOwn;
      named += r.to == Reference::To::kNamed;
      unknown += r.to == Reference::To::kUnknown;
      if (r.to == Reference::To::kOwn && !r.anchor.empty() && r.section.starts_with("제")) {
        const size_t at = r.anchor.rfind(" › ");
        const std::string last = at == std::string::npos ? r.anchor : r.anchor.substr(at + 5);
        wrong += !(read_article(last, 0, article) && article.label == r.section);
      }
      if (dump != nullptr) {
        std::cout << "REF\t" << entry.path().filename().string() << "\t" << r.block << "\t" << static_cast<int>(r.to) << "\t" << r.name << "\t"
                  << r.section << "\t" << r.words << "\t" << r.earlier << r.implied << "\t" << block.text.substr(0, 300) << "\n";
      }
    }
    for (size_t i = 0; i < document.blocks.size(); ++i) {
      const Block& block = document.blocks[i];
      std::string body = block.text.substr(own_heading_size(block));
      if (outline.group(i) > 0 && body.ends_with("생략") && body.starts_with("제")) body.clear();
      const size_t count = static_cast<size_t>(std::distance(std::sregex_iterator(body.begin(), body.end(), plain), std::sregex_iterator()));
      expected += count;
      size_t mine = 0;
      for (const Reference& r : references) {
        if (r.block != i || r.section.find("조") == std::string::npos) continue;
        const bool same = r.target.starts_with("같은 조") || r.target.starts_with("동조");
        if (!same && !r.implied) ++mine;
      }
      found += mine;
      if (dump != nullptr && mine != count) std::cout << "DIFF\t" << entry.path().filename().string() << "\t" << count << "\t" << mine << "\t" << body.substr(0, 400) << "\n";
    }
  }
  std::cout << files << " files, " << expected << " by expression, " << found << " found; own " << own << ", other laws " << named
            << ", unresolved " << unknown << ", wrong anchors " << wrong << "; "
            << static_cast<double>(bytes) / static_cast<double>(spent) << " MB/s\n";
  EXPECT_EQ(wrong, 0u);
  EXPECT_GE(static_cast<double>(found), 0.999 * static_cast<double>(expected));
}

}  // namespace
}  // namespace sillok::archive
