#include "search/terms.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "search/passages.h"
#include "search/query.h"
#include "search/rerank.h"
#include "text/text.h"

namespace sillok::search {
namespace {

std::vector<TermId> terms_of(std::string_view text) {
  std::vector<TermId> ids;
  append_terms(text, ids);
  std::sort(ids.begin(), ids.end());
  return ids;
}

size_t common(std::string_view a, std::string_view b) {
  const auto x = terms_of(a), y = terms_of(b);
  std::vector<TermId> both;
  std::set_intersection(x.begin(), x.end(), y.begin(), y.end(), std::back_inserter(both));
  return both.size();
}

bool share_word(std::string_view a, std::string_view b) {
  const auto words = [](std::string_view text) {
    std::vector<TermId> ids;
    for (const Term& term : extract_terms(to_utf32(text::fold(text)))) {
      if (term.term_class == TermClass::kWord) ids.push_back(term.id);
    }
    std::sort(ids.begin(), ids.end());
    return ids;
  };
  const auto x = words(a), y = words(b);
  std::vector<TermId> both;
  std::set_intersection(x.begin(), x.end(), y.begin(), y.end(), std::back_inserter(both));
  return !both.empty();
}

TEST(Terms, ParticlesSpacingAndCompounds) {
  EXPECT_TRUE(share_word("학교에서는", "학교가"));
  EXPECT_TRUE(share_word("WS-102에", "ws102"));           // identifiers join over punctuation
  EXPECT_TRUE(share_word("제12조의3에", "제12조의3"));
  EXPECT_TRUE(share_word("10,000원을", "10000원"));
  EXPECT_TRUE(share_word("hong.gildong@example.kr", "hong.gildong@example.kr로 보낼 것"));
  EXPECT_GE(common("작업 표준서", "작업표준서"), 4u);       // spacing errors keep the bigrams
  EXPECT_GT(common("인쇄회로기판", "회로기판"), 2u);        // parts of compounds
}

TEST(Terms, ScriptsWithoutSpacesAndAlphabets) {
  EXPECT_GT(common("東京都の人口", "人口は東京"), 2u);
  EXPECT_GT(common("ประเทศไทย", "ในประเทศไทย"), 5u);
  EXPECT_GT(common("international", "internationally"), 5u);
  EXPECT_TRUE(share_word("Café", "CAFE"));
}

TEST(Terms, ExtractAndAppendAgree) {
  const std::string text = "제3조(정의) WS-102의 torque는 35 N·m, 東京 ประเทศ 1,234.5㎜ a@b.kr";
  std::vector<TermId> appended;
  append_terms(text, appended);
  const auto extracted = extract_terms(to_utf32(text::fold(text)));
  ASSERT_EQ(appended.size(), extracted.size());
  for (size_t i = 0; i < appended.size(); ++i) EXPECT_EQ(appended[i], extracted[i].id);
  EXPECT_EQ(fold_with_offsets(text).text, to_utf32(text::fold(text)));
}

TEST(Terms, SieveKeepsAllThatItWasGiven) {
  const std::string text = "제3조(정의) WS-102의 torque는 35 N·m, 東京 ประเทศไทย 1,234.5㎜ a@b.kr jtbc가 Straße";
  const std::u32string folded = fold_with_offsets(text).text;
  const std::vector<Term> all = extract_terms(folded);
  for (const Term& wanted : all) {
    TermSieve sieve;
    sieve.add(wanted.term_class, folded[wanted.begin], folded[wanted.end - 1]);
    std::vector<Term> some;
    extract_terms(folded, sieve, some);
    EXPECT_LT(some.size(), all.size() / 2);
    EXPECT_TRUE(std::any_of(some.begin(), some.end(), [&](const Term& t) { return t.id == wanted.id && t.begin == wanted.begin; }))
        << to_utf8(folded.substr(wanted.begin, wanted.end - wanted.begin));
  }
}

TEST(Terms, OffsetsPointIntoTheOriginal) {
  const std::string text = "ＡＢ 가나 Café";
  const Folded folded = fold_with_offsets(text);
  ASSERT_EQ(folded.offset.size(), folded.text.size() + 1);
  const size_t at = folded.text.find(U'가');
  EXPECT_EQ(text.substr(folded.offset[at], 3), "가");
  for (size_t i = 1; i < folded.offset.size(); ++i) EXPECT_LE(folded.offset[i - 1], folded.offset[i]);
}

TEST(Terms, AnyBytesAreSafe) {
  for (std::string text : {std::string(), std::string("\xFF\xFE\x80"), std::string(3, '\0'), std::string("-"), std::string("a-"),
                           std::string("\xEA\xB0"), std::string("@@@---///")}) {
    std::vector<TermId> ids;
    append_terms(text, ids);
    fold_with_offsets(text);
  }
}

TEST(Query, FiltersPhrasesAndText) {
  const auto q = parse_query("title:구매규정 type:HWPX after:2024-01-01 label:S \"수의 계약\" 한도 http://x 12\" 파이프");
  ASSERT_TRUE(q);
  EXPECT_EQ(q->titles, std::vector<std::string>{"구매규정"});
  EXPECT_EQ(q->formats, std::vector<std::string>{"hwpx"});
  EXPECT_EQ(q->labels, std::vector<std::string>{"S"});
  EXPECT_EQ(q->phrases, std::vector<std::string>{"수의 계약"});
  EXPECT_EQ(format_day(q->after), "2024-01-01");
  EXPECT_NE(q->text.find("http://x"), std::string::npos);
  EXPECT_NE(q->text.find("12\""), std::string::npos);
  EXPECT_EQ(parse_query("after:yesterday x").error().code, ErrorCode::kInvalid);
  EXPECT_EQ(parse_query("비고: 없음")->text, "비고: 없음");
}

TEST(Query, QuestionWordsAndParticlesCountLess) {
  const auto weight_of = [](std::string_view question, std::string_view word) {
    const std::u32string f = to_utf32(text::fold(question));
    const size_t at = f.find(to_utf32(text::fold(word)));
    for (const QuestionTerm& term : question_terms(f)) {
      if (term.term_class == TermClass::kWord && term.begin == at) return term.weight;
    }
    return -1.0f;
  };
  EXPECT_LT(weight_of("훈민정음을 만든 사람은 누구인가?", "누구"), 0.5f * weight_of("훈민정음을 만든 사람은 누구인가?", "훈민정음"));
  EXPECT_LT(weight_of("متى بني البرج؟", "متى"), 0.5f * weight_of("متى بني البرج؟", "البرج"));
  EXPECT_LT(weight_of("Who built the tower?", "who"), 0.5f * weight_of("Who built the tower?", "tower"));
}

TEST(Passages, GatherUnderHeadingsAndKeepRowsWhole) {
  documents::Document d;
  d.meta.title = "작업표준";
  const auto block = [&](documents::BlockKind kind, std::string text, std::string path) {
    documents::Block b;
    b.kind = kind;
    b.text = std::move(text);
    b.anchor.path = std::move(path);
    d.blocks.push_back(b);
  };
  block(documents::BlockKind::kHeading, "1. 목적", "");
  block(documents::BlockKind::kParagraph, "첫 문단.", "1. 목적");
  block(documents::BlockKind::kParagraph, "둘째 문단.", "1. 목적");
  block(documents::BlockKind::kHeading, "2. 범위", "");
  std::string longest;
  for (int i = 0; i < 600; ++i) longest += "이 문장은 길다. ";
  block(documents::BlockKind::kParagraph, longest, "2. 범위");
  const auto passages = split_passages(d);
  ASSERT_GT(passages.size(), 3u);
  EXPECT_EQ(passages[0].text, "첫 문단.\n둘째 문단.");
  EXPECT_EQ(passages[0].context, "작업표준 › 1. 목적");
  for (const Passage& p : passages) EXPECT_LT(p.text.size(), 5500u);
}

Question question_of(std::string_view text) {
  const std::u32string folded = to_utf32(text::fold(text));
  auto terms = question_terms(folded);
  std::vector<float> weights;
  for (const auto& term : terms) weights.push_back(term.weight);
  const std::vector<float> rarity(terms.size(), 1.0f);
  return Question(folded, std::move(terms), std::move(weights), rarity);
}

TEST(Rerank, FindsTheUnitAndMarksTheSnippet) {
  const std::string text = "날씨가 맑았다. 토크 렌치의 교정 주기는 6개월이다. 점심은 국수였다.";
  const Question q = question_of("토크 렌치 교정 주기");
  const Evidence e = match_passage(q, text, "", true);
  ASSERT_EQ(e.units.size(), 3u);
  EXPECT_GT(e.units[1].own, e.units[0].own);
  EXPECT_GT(e.units[1].own, 0.8f);
  EXPECT_GT(e.units[0].next, 0.8f);
  EXPECT_FLOAT_EQ(e.found[0], 1.0f);
  const Snippet s = make_snippet(q, text, e.units, 60);
  EXPECT_NE(s.text.find("교정"), std::string::npos);
  ASSERT_FALSE(s.matches.empty());
  for (const Match& m : s.matches) EXPECT_LE(m.end, s.text.size());
}

TEST(Rerank, RowsAreUnits) {
  const Question q = question_of("A-1 수량");
  const Evidence e = match_passage(q, "품번: A-1 | 수량: 3. 완료 | 비고: 없음\n품번: A-2 | 수량: 5", "", false);
  EXPECT_EQ(e.units.size(), 2u);
}

}  // namespace
}  // namespace sillok::search
