// Statutes over their revisions: each article as it stood on any day, references linked, questions answered in the
// wording in force. One statute of our own always runs; with SILLOK_DATA set, the real ones are compared with their files.
#include <map>

#include "archive/archive.h"
#include "program.h"
#include "text/text.h"

namespace sillok::system_test {
namespace {

using StatutesTest = SystemTest;

// ---------------------------------------------------------------------------------------------
// A statute's text read without Sillok: headings and what stands below each, white space and Markdown's marks aside.

struct Section {
  std::string heading, body;
  bool operator==(const Section&) const = default;
};

std::string plain(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = text.substr(i);
    if (rest.starts_with("&nbsp;")) {
      i += 5;
    } else if (rest.starts_with("\xC2\xA0")) {
      ++i;
    } else if (rest.starts_with("\u3000")) {
      i += 2;
    } else if (std::string_view(" \t\r\n\\*|").find(text[i]) == std::string_view::npos) {
      out += text[i];
    }
  }
  return text::nfc(out);  // what is stored is NFC
}

std::vector<Section> sections_of_markdown(const std::string& text) {
  std::vector<Section> sections;
  const size_t end = text.find("\n---\n", 3);
  for (const std::string_view line : split(std::string_view(text).substr(end + 5), '\n')) {
    const size_t level = line.find_first_not_of('#');
    if (level != 0 && level != line.npos && line[level] == ' ') {
      sections.push_back({plain(line.substr(level)), ""});
    } else if (!sections.empty()) {
      sections.back().body += plain(line);
    }
  }
  return sections;
}

// `known`: the headings of the file. What Sillok takes for a heading and the file writes as text counts as text.
std::vector<Section> sections_of(const documents::Document& document, const std::vector<Section>& known) {
  std::vector<Section> sections;
  for (const documents::Block& block : document.blocks) {
    const bool next = sections.size() < known.size() && plain(block.text) == known[sections.size()].heading;
    if (block.kind == documents::BlockKind::kHeading && next) {
      sections.push_back({plain(block.text), ""});
      continue;
    }
    if (sections.empty()) continue;
    documents::Document one;
    one.blocks.push_back(block);
    sections.back().body += plain(documents::to_text(one));
  }
  return sections;
}

// ---------------------------------------------------------------------------------------------
// Our own

std::string own_markdown(const std::string& effective, const std::string& promulgated, const std::string& limit,
                         const std::string& extra) {
  return "---\n제목: 부품 구매법\n법령ID: '900001'\n공포일자: " + promulgated + "\n시행일자: " + effective +
         "\n---\n\n# 부품 구매법\n\n## 제1장 총칙\n\n##### 제1조 (목적)\n\n이 법은 부품의 구매에 관한 사항을 정한다.\n\n"
         "##### 제2조 (수의계약)\n\n① 구매 담당자는 추정가격이 " + limit +
         " 이하인 부품을 수의계약으로 구매할 수 있다.\n\n② 제1항에 따른 구매는 제3조제1항에 따라 보고한다.\n\n" + extra +
         "##### 제3조 (보고)\n\n① 구매 담당자는 매월 말일까지 구매 실적을 보고한다.\n\n② 제2조의2가 있는 경우 그에 따른다.\n";
}

TEST_F(StatutesTest, OwnStatuteInThreeRevisions) {
  const std::string extra = "##### 제2조의2 (전자구매)\n\n전자구매는 나라구매 체계를 쓴다.\n\n";
  write("law/1.md", own_markdown("2019-03-01", "2019-01-01", "1천만원", ""));
  write("law/2.md", own_markdown("2021-07-01", "2021-01-05", "2천만원", ""));
  // In force on the same day as the second, promulgated later: this one holds.
  write("law/3.md", own_markdown("2021-07-01", "2021-06-10", "3천만원", extra));
  json({"add", (files() / "law").string()});
  add_others();
  const std::string record = "법령ID:900001";
  const auto text = [&](const std::string& day) { return run({"show", record, "--text", "--as-of", day}).out; };
  refused({"show", record, "--as-of", "2019-02-28"}, 1, "in force only from 2019-03-01");
  EXPECT_NE(text("2019-03-01").find("추정가격이 1천만원"), std::string::npos);
  EXPECT_NE(text("2021-06-30").find("추정가격이 1천만원"), std::string::npos);
  for (const char* day : {"2021-07-01", "2021-07-02", "2035-01-01"}) {
    EXPECT_NE(text(day).find("추정가격이 3천만원"), std::string::npos) << day;
    EXPECT_NE(text(day).find("제2조의2 (전자구매)"), std::string::npos) << day;
  }
  const auto said = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"ask", "추정가격이 얼마 이하인 부품을 수의계약으로 구매할 수 있는가?"});
    return json(more)["quotes"][0]["text"].dump();
  };
  EXPECT_NE(said({}).find("3천만원"), std::string::npos) << said({});
  EXPECT_NE(said({"--as-of", "2020-01-01"}).find("1천만원"), std::string::npos);

  const auto linked = [&](const std::string& day) {
    std::map<std::string, std::string> targets;
    const Json shown = json({"links", record, "--as-of", day});
    for (const Json& link : shown["links"]) {
      if (link["kind"] == "reference" && link["direction"] == "out") targets[link["target"]] = link["anchor"];
    }
    return targets;
  };
  EXPECT_NE(linked("2022-01-01")["제3조제1항"].find("제3조 (보고)"), std::string::npos);
  EXPECT_NE(linked("2022-01-01")["제2조의2"].find("제2조의2 (전자구매)"), std::string::npos);
  EXPECT_EQ(linked("2020-01-01")["제2조의2"], "");  // not there yet
}

TEST_F(StatutesTest, AsJsonLines) {
  std::string lines;
  const auto line = [&](const std::string& id, const std::string& date, const std::string& text) {
    lines += Json{{"id", id}, {"title", id}, {"date", date}, {"text", text}}.dump() + "\n";
  };
  line("부품 구매법", "2019-03-01", own_markdown("2019-03-01", "2019-01-01", "1천만원", ""));
  line("부품 구매법", "2021-07-01", own_markdown("2021-07-01", "2021-01-05", "2천만원", ""));
  line("부품 관리법 제1조", "2019-03-01", "제1조(목적) 이 법은 부품의 관리를 정한다.");
  line("부품 관리법 제2조", "2019-03-01", "제2조(보관) 제1조에 따른 부품은 제3조에 따라 보관한다.");
  line("부품 관리법 제3조", "2019-03-01", "제3조(창고) 창고는 건조하게 유지한다.");
  json({"add", write("law.jsonl", lines).string()});
  const Json shown = json({"show", "부품 구매법"});
  size_t headings = 0;
  for (const Json& block : shown["document"]["blocks"]) {
    if (block["kind"] == "heading" && block["text"].get<std::string>().starts_with("제")) ++headings;
  }
  EXPECT_EQ(headings, 4u) << shown["document"];  // a chapter, three articles
  std::map<std::string, std::string> targets;
  for (const std::string record : {"부품 구매법", "부품 관리법 제2조"}) {
    const Json links = json({"links", record});
    for (const Json& link : links["links"]) {
      if (link["kind"] != "reference" || link["direction"] != "out") continue;
      targets[link["target"]] = link["record"].get<std::string>() + " @ " + link["anchor"].get<std::string>();
    }
  }
  EXPECT_NE(targets["제3조제1항"].find("제3조 (보고)"), std::string::npos) << targets["제3조제1항"];
  EXPECT_TRUE(targets["제1조"].starts_with("부품 관리법 제1조")) << targets["제1조"];
  EXPECT_NE(targets["제3조"].find("제3조(창고)"), std::string::npos) << targets["제3조"];
  EXPECT_TRUE(targets["제3조"].starts_with("부품 관리법 제3조")) << targets["제3조"];
}

// ---------------------------------------------------------------------------------------------
// The real ones

struct Revision {
  fs::path file;
  std::string promulgated;
  int64_t sequence = 0;
};

TEST_F(StatutesTest, EveryArticleOfEveryRevisionOnEveryDay) {
  const char* data = std::getenv("SILLOK_DATA");
  if (data == nullptr || !fs::exists(fs::path(data) / "law/manifest.jsonl")) {
    GTEST_SKIP() << "set SILLOK_DATA to the folder with law/manifest.jsonl to compare real statutes";
  }
  const fs::path law = fs::path(data) / "law";
  // By record and effective day, the revision that holds: the one promulgated last.
  std::map<std::string, std::map<Day, Revision>> revisions;
  size_t count = 0;
  std::ifstream manifest(law / "manifest.jsonl");
  for (std::string line; std::getline(manifest, line); ++count) {
    const Json m = Json::parse(line);
    const Revision revision{law / m["path"].get<std::string>(), m["promulgated"], m["seq"]};
    Revision& holds = revisions["법령ID:" + m["law_id"].get<std::string>()][*parse_day(m["effective"].get<std::string>())];
    if (std::tie(holds.promulgated, holds.sequence) < std::tie(revision.promulgated, revision.sequence)) holds = revision;
  }
  const Json report = json({"add", (law / "text").string()});
  EXPECT_EQ(report["added"], revisions.size());
  EXPECT_EQ(report["added"].get<size_t>() + report["updated"].get<size_t>(), count);
  EXPECT_EQ(report["failed"], Json::array());

  const auto archive = archive::Archive::open(home());
  ASSERT_TRUE(archive) << archive.error().message;
  size_t compared = 0, days = 0;
  for (const auto& [record, by_day] : revisions) {
    EXPECT_FALSE(archive->version_as_of(record, by_day.begin()->first - 1)) << record;
    for (auto it = by_day.begin(); it != by_day.end(); ++it) {
      const auto next = std::next(it);
      const Day last = next == by_day.end() ? it->first + 40000 : next->first - 1;
      for (const Day day : {it->first, it->first + (last - it->first) / 2, last}) {
        const auto version = archive->version_as_of(record, day);
        ASSERT_TRUE(version) << record << " " << format_day(day);
        ASSERT_EQ(version->source_path, fs::canonical(it->second.file).string()) << record << " " << format_day(day);
        ++days;
      }
      const auto version = archive->version_as_of(record, it->first);
      const auto document = archive->document(version->id);
      ASSERT_TRUE(document);
      const auto want = sections_of_markdown(*read_file(it->second.file)), got = sections_of(*document, want);
      ASSERT_EQ(want.size(), got.size()) << it->second.file;
      for (size_t i = 0; i < want.size(); ++i) {
        ++compared;
        EXPECT_EQ(want[i].heading, got[i].heading) << it->second.file;
        EXPECT_EQ(want[i].body, got[i].body) << it->second.file << " " << want[i].heading;
      }
    }
  }
  std::printf("%zu statutes, %zu revisions, %zu days, %zu sections compared\n", revisions.size(), count, days, compared);
  EXPECT_GT(compared, 1000u);
}

}  // namespace
}  // namespace sillok::system_test
