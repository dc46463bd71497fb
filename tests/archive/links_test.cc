#include "archive/links.h"

#include <cstdlib>
#include <iostream>
#include <map>

#include "archive/references.h"
#include "test_home.h"

namespace sillok::archive {
namespace {

using documents::Block;
using documents::BlockKind;
using documents::Document;

// Files hold no text here: the reader gives the document that the test put under the file's name.
class LinksTest : public HomeTest {
 protected:
  LinksTest() {
    environment.start_reader = [this](const documents::ReadLimits&) -> Result<FileReader> {
      return FileReader([this](const fs::path& path, const documents::ItemSink& sink) -> Status {
        const auto found = items_.find(path.filename().string());
        if (found == items_.end()) return fail(ErrorCode::kInvalid, "no such test document");
        for (const auto& [part, document] : found->second) sink({part, "", document});
        return {};
      });
    };
  }
  void put(const std::string& name, Document document, const std::string& part = "") {
    items_[name].emplace_back(part, std::move(document));
    write(name, name + std::to_string(++writes_));
  }
  void replace(const std::string& name, Document document) {
    items_[name].clear();
    put(name, std::move(document));
  }
  std::vector<Link> of(const Archive& archive, std::string_view record, LinkKind kind,
                       std::string_view day = "2026-03-01") {
    std::vector<Link> out;
    for (Link& link : archive.links(record, *parse_day(day))) {
      if (link.kind == kind) out.push_back(std::move(link));
    }
    return out;
  }

 private:
  std::map<std::string, std::vector<std::pair<std::string, Document>>> items_;
  int writes_ = 0;
};

Document text(std::string title, const std::vector<std::string>& paragraphs) {
  Document document;
  document.meta.title = std::move(title);
  document.meta.format = "text";
  for (const std::string& words : paragraphs) {
    Block block;
    block.text = words;
    document.blocks.push_back(block);
  }
  return document;
}

Document statute(std::string title, const std::vector<std::string>& articles, const std::vector<std::string>& texts) {
  Document document = text(std::move(title), {});
  for (size_t i = 0; i < articles.size(); ++i) {
    Block heading;
    heading.kind = BlockKind::kHeading;
    heading.level = 5;
    heading.text = articles[i];
    document.blocks.push_back(heading);
    Block block;
    block.text = texts[i];
    block.anchor.path = articles[i];
    document.blocks.push_back(block);
  }
  return document;
}

TEST_F(LinksTest, ArticlesAcrossRecords) {
  Archive archive = make();
  put("law.md", statute("개인정보 보호법", {"제1조(목적)", "제15조(수집)"}, {"제15조에 따른다.", "제1조와 제99조."}));
  put("memo.txt", text("검토 의견", {"「개인정보보호법」 제15조제1항에 따라 수집한다. 「형법」 제1조도 본다."}));
  add(archive);
  const auto memo = of(archive, "memo.txt", LinkKind::kReference);
  ASSERT_EQ(memo.size(), 2u);
  EXPECT_EQ(memo[0].to_record, "law.md");
  EXPECT_EQ(memo[0].to_anchor, "제15조(수집)");
  EXPECT_EQ(memo[0].words, "「개인정보보호법」 제15조제1항");
  EXPECT_EQ(memo[1].to_record, "");
  EXPECT_EQ(memo[1].target, "「형법」 제1조");
  const auto law = of(archive, "law.md", LinkKind::kReference);
  ASSERT_EQ(law.size(), 4u);
  EXPECT_EQ(law[0].to_record, "law.md");
  EXPECT_EQ(law[0].from_anchor, "제1조(목적)");
  EXPECT_EQ(law[0].to_anchor, "제15조(수집)");
  EXPECT_EQ(law[2].target, "제99조");
  EXPECT_EQ(law[2].to_record, "");
  EXPECT_EQ(law[3].from_record, "memo.txt");  // to it
  EXPECT_EQ(law[3].to_anchor, "제15조(수집)");
}

TEST_F(LinksTest, NumbersResolveEvenIfTheTargetComesLater) {
  Archive archive = make();
  put("report.txt", text("보고", {"WS-102 4.2항 참조. 품번 BYH-3210."}));
  add(archive);
  auto found = of(archive, "report.txt", LinkKind::kReference);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].to_record, "");
  Document standard = statute("연삭 작업표준", {"4.2 절입량"}, {"WS-101을 대체한다. 문서번호: WS-102"});
  standard.meta.document_number = "WS-102";
  put("standard.md", standard);
  put("WS-101_옛표준.md", text("옛 표준", {"내용"}));
  add(archive);
  found = of(archive, "report.txt", LinkKind::kReference);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].to_record, "standard.md");
  EXPECT_EQ(found[0].to_anchor, "4.2 절입량");
  EXPECT_EQ(found[0].words, "WS-102 4.2항 참조");
  const auto replaced = of(archive, "standard.md", LinkKind::kSupersedes);
  ASSERT_EQ(replaced.size(), 1u);
  EXPECT_EQ(replaced[0].to_record, "WS-101_옛표준.md");
  EXPECT_EQ(replaced[0].words, "WS-101을 대체");
  EXPECT_TRUE(of(archive, "standard.md", LinkKind::kReference).size() == 1);  // only the report's
}

TEST_F(LinksTest, MailHyperlinksAndMembers) {
  Archive archive = make();
  Document first = text("질의", {"문의드립니다"});
  first.meta.format = "eml";
  first.meta.message_id = "<a@x.kr>";
  Document reply = text("RE: 질의", {"답변드립니다"});
  reply.meta.format = "eml";
  reply.meta.message_id = "b@x.kr";
  reply.meta.in_reply_to = "<a@x.kr>";
  reply.meta.references = {"<z@x.kr>", "<a@x.kr>"};
  put("1.eml", first);
  put("2.eml", reply);
  put("2.eml", text("견적서", {"금액"}), "견적.txt");
  Document page = text("안내", {"양식과 사이트"});
  page.links = {{"양식", "../서식/%EC%96%91%EC%8B%9D.txt", 0}, {"사이트", "https://a.kr/x", 0}, {"위로", "#top", 0}};
  put("page.html", page);
  put("양식.txt", text("신청 양식", {"성명"}));
  add(archive);
  const auto replies = of(archive, "2.eml", LinkKind::kReply);
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(replies[0].to_record, "1.eml");
  EXPECT_EQ(replies[0].words, "<a@x.kr>");
  EXPECT_EQ(of(archive, "1.eml", LinkKind::kReply).size(), 1u);
  const auto parts = of(archive, "2.eml", LinkKind::kAttachment);
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_EQ(parts[0].from_record, "2.eml/견적.txt");
  EXPECT_EQ(parts[0].to_record, "2.eml");
  const auto links = of(archive, "page.html", LinkKind::kHyperlink);
  ASSERT_EQ(links.size(), 2u);
  EXPECT_EQ(links[0].to_record, "양식.txt");
  EXPECT_EQ(links[1].to_record, "");
  EXPECT_EQ(links[1].target, "https://a.kr/x");
}

TEST_F(LinksTest, EachVersionHasItsOwn) {
  Archive archive = make();
  Document first = statute("내규", {"제1조", "제2조"}, {"제2조에 따른다", "가"});
  first.meta.identity = "R";
  first.meta.effective_from = "2020-01-01";
  Document second = statute("내규", {"제1조"}, {"제2조에 따른다"});
  second.meta.identity = "R";
  second.meta.effective_from = "2024-01-01";
  put("1.md", first);
  put("2.md", second);
  add(archive);
  auto then = archive.links("R", *parse_day("2021-01-01"));
  ASSERT_EQ(then.size(), 1u);
  EXPECT_EQ(then[0].to_anchor, "제2조");
  const auto now = archive.links("R", *parse_day("2025-01-01"));
  ASSERT_EQ(now.size(), 2u);
  EXPECT_EQ(now[0].to_record, "");  // repealed
  EXPECT_EQ(now[1].kind, LinkKind::kSupersedes);
  EXPECT_EQ(now[1].target, "version 1 (2020-01-01)");
}

TEST_F(LinksTest, NearDuplicatesOfOtherRecordsOnly) {
  Archive archive = make();
  std::string common;
  for (int i = 0; i < 60; ++i) common += "점검 항목 " + std::to_string(i * 7919) + "번은 매주 확인한다. ";
  put("a.txt", text("갑", {common + "갑 부서용."}));
  put("b.txt", text("을", {common + "을 부서용."}));
  put("c.txt", text("병", {"전혀 다른 문서입니다. 다른 내용을 담고 있으며 위의 두 문서와는 아무런 관계가 없고 겹치는 문장도 없습니다. 끝까지 그렇습니다."}));
  add(archive);
  const auto found = of(archive, "a.txt", LinkKind::kNearDuplicate);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].to_record, "b.txt");
  EXPECT_GE(found[0].weight, 0.8);
  EXPECT_NE(common.find(found[0].words), std::string::npos);
  EXPECT_FALSE(found[0].words.empty());
  EXPECT_EQ(of(archive, "b.txt", LinkKind::kNearDuplicate).size(), 1u);
  EXPECT_TRUE(of(archive, "c.txt", LinkKind::kNearDuplicate).empty());
}

TEST_F(LinksTest, ErasingForgetsThem) {
  Archive archive = make();
  put("law.md", statute("비밀 보호법", {"제1조"}, {"제1조"}));
  put("memo.txt", text("메모", {"「비밀 보호법」 제1조"}));
  add(archive);
  ASSERT_TRUE(archive.erase("law.md").has_value());
  const auto left = of(archive, "memo.txt", LinkKind::kReference);
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].to_record, "");
  EXPECT_TRUE(archive.links("law.md", *parse_day("2026-03-01")).empty());
}

TEST(LinkCodec, RoundTripAndDamage) {
  Version version;
  const auto links = extract_links(version, statute("법", {"제1조"}, {"제1조, 「형법」 제2조, WS-1 참조"}), {"parent"});
  ASSERT_GE(links.size(), 4u);
  const std::string bytes = encode_links(links);
  const auto back = decode_links(bytes);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(encode_links(*back), bytes);
  for (size_t cut = 0; cut < bytes.size(); ++cut) EXPECT_FALSE(decode_links(bytes.substr(0, cut)).has_value());
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string flipped = bytes;
    flipped[i] = static_cast<char>(0xFF);
    decode_links(flipped);
  }
}

// The statutes in SILLOK_DATA as one archive: size and speed, and links between statute and decree.
TEST_F(LinksTest, RealStatutes) {
  const char* data = std::getenv("SILLOK_DATA");
  if (data == nullptr || !fs::exists(fs::path(data) / "law/text")) GTEST_SKIP() << "SILLOK_DATA has no law/text";
  environment.start_reader = [](const documents::ReadLimits& limits) -> Result<FileReader> {
    return FileReader([limits](const fs::path& path, const documents::ItemSink& sink) -> Status {
      SILLOK_ASSIGN(const std::string bytes, read_file(path));
      return documents::read_in_process(bytes, path.filename().string(), limits, sink);
    });
  };
  Archive archive = make();
  Micros start = now_micros();
  const auto report = archive.add({fs::path(data) / "law/text"}, {});
  ASSERT_TRUE(report.has_value());
  std::cout << "added " << report->added << "+" << report->updated << " in " << (now_micros() - start) / 1000 << " ms; archive.db "
            << fs::file_size(home() / "archive.db") / 1'000'000 << " MB\n";
  for (const std::string& key : archive.records("", 100)) {
    start = now_micros();
    const auto links = archive.links(key, *parse_day("2026-03-01"));
    const Micros spent = now_micros() - start;
    size_t own = 0, other = 0, incoming = 0, unresolved = 0;
    for (const Link& link : links) {
      if (link.from_record != key) ++incoming;
      else if (link.to_record == key) ++own;
      else if (link.to_record.empty()) ++unresolved;
      else ++other;
    }
    std::cout << key << " (" << (archive.versions(key).empty() ? "" : archive.versions(key).back().title) << "): own " << own
              << ", to others " << other << ", from others " << incoming << ", unresolved " << unresolved << "; "
              << spent / 1000 << " ms\n";
    EXPECT_LT(spent, 1'000'000);
  }
}

}  // namespace
}  // namespace sillok::archive
