// Searching as a person does it: the whole path from the words typed to the snippets shown.
#include "search/search.h"

#include <gtest/gtest.h>

#include "index_corpus.h"
#include "search/query.h"
#include "search/rerank.h"

namespace sillok::search {
namespace {

struct Text {
  std::string record, text;
  std::string title = "", label = "O", format = "text";
  Day from = kDayMin, to = kDayMax;
};

// A home that holds nothing but an index of the texts, one passage each.
class Home {
 public:
  explicit Home(const std::vector<Text>& texts) {
    auto index = Index::open(folder_.path() / "index");
    EXPECT_TRUE(index);
    std::vector<PassageEntry> entries;
    for (const Text& t : texts) {
      PassageEntry e;
      e.version = static_cast<int64_t>(entries.size() + 1);
      e.number = 1;
      e.record = t.record, e.text = t.text, e.title = t.title, e.context = t.title, e.label = t.label, e.format = t.format;
      e.valid_from = t.from, e.valid_to = t.to;
      e.length = append_terms(t.text, e.terms);
      append_terms(t.title, e.title_terms);
      entries.push_back(std::move(e));
    }
    EXPECT_TRUE(index->add_passages(entries));
    auto searcher = Searcher::open(folder_.path());
    EXPECT_TRUE(searcher);
    searcher_.emplace(std::move(*searcher));
  }
  Response ask(Request request) const {
    auto response = searcher_->search(request);
    EXPECT_TRUE(response) << response.error().message;
    return response ? *response : Response{};
  }
  // Keys of the records found, best first, joined by spaces.
  std::string find(const std::string& query, size_t limit = 10) const {
    Request request;
    request.query = query;
    request.limit = limit;
    std::vector<std::string> records;
    for (const PassageResult& r : ask(request).results) records.push_back(r.record);
    return join(records, " ");
  }
  std::string first(const std::string& query) const { return find(query, 1); }
  const Searcher& searcher() const { return *searcher_; }

 private:
  testing::Folder folder_;
  std::optional<Searcher> searcher_;
};

std::vector<Text> plant() {
  return {{"WS-102", "토크 렌치는 여섯 달마다 교정한다. 교정 주기는 설비 담당자가 정한다.", "작업표준 토크 관리"},
          {"WS-103", "압력 게이지는 매월 점검한다. 눈금은 0.5 MPa 이하여야 한다.", "작업표준 압력"},
          {"LAW-1", "제12조의3에 따라 이천만원 이하의 물품은 수의계약으로 구매할 수 있다.", "구매 규정", "O", "hwp", 19000},
          {"LAW-2", "제12조에 따라 구매 담당자는 견적을 둘 이상 받는다.", "구매 규정", "S", "hwp", 18000, 19000},
          {"MAIL-1", "문의는 kim.minsu@example.kr 로 보내 주십시오. 세척액 교체는 월요일에 한다.", "메일", "O", "eml"},
          {"EN-1", "The torque wrench is calibrated every six months by the maintenance department.", "manual", "O", "pdf"}};
}

TEST(Search, FindsThroughParticlesSpacingTyposAndIdentifiers) {
  const Home home(plant());
  EXPECT_EQ(home.first("토크렌치의 교정주기는?"), "WS-102");
  EXPECT_EQ(home.first("압력 개이지 점검"), "WS-103");  // typing error in Korean
  EXPECT_EQ(home.first("세척액교체"), "MAIL-1");
  EXPECT_EQ(home.first("calibrated torqe wrenches"), "EN-1");
  EXPECT_EQ(home.first("제12조의3"), "LAW-1");
  EXPECT_EQ(home.first("kim.minsu@example.kr"), "MAIL-1");
  EXPECT_EQ(home.first("ws-102 교정"), "WS-102");
}

TEST(Search, FiltersAreAppliedBeforeRanking) {
  const Home home(plant());
  EXPECT_EQ(home.find("구매 type:hwp"), "LAW-1");
  EXPECT_EQ(home.find("구매 type:pdf"), "");
  EXPECT_EQ(home.find("title:압력 점검"), "WS-103");
  EXPECT_EQ(home.find("label:S 구매"), "");
  EXPECT_EQ(home.find("record:WS- 교정 점검 구매 torque").find("LAW"), std::string::npos);
  Request request;
  request.query = "구매 담당자";
  request.as_of = 18500;
  ASSERT_EQ(home.ask(request).results.size(), 2u);  // LAW-1 is not in force yet; WS-102 has a 담당자
  EXPECT_EQ(home.ask(request).results[0].record, "LAW-2");
  request.labels = {{"O"}};
  ASSERT_EQ(home.ask(request).results.size(), 1u);
  EXPECT_EQ(home.ask(request).results[0].record, "WS-102");
  request.query = "구매 after:2022-01-01";
  request.as_of = kDayMax;
  EXPECT_EQ(home.ask(request).results.size(), 1u);
  request.query = "구매 before:2022-01-01";
  EXPECT_TRUE(home.ask(request).results.empty());
  request.query = "구매 after:sometime";
  EXPECT_FALSE(home.searcher().search(request));
}

TEST(Search, PhraseMustOccurAsWritten) {
  const Home home(plant());
  EXPECT_EQ(home.find("\"여섯 달마다\""), "WS-102");
  EXPECT_EQ(home.find("\"Six   Months\""), "EN-1");
  EXPECT_EQ(home.find("\"달마다 여섯\""), "");
  EXPECT_EQ(home.find("\"토크 렌치는\" \"압력 게이지는\""), "");
}

// Asked for in a whole question, words in quotes that nobody wrote must not hide the answer.
TEST(Search, QuestionWithAPhraseThatIsNowhereIsAnsweredLooselyAndSaysSo) {
  const Home home(plant());
  Request request;
  request.query = "\"토오크 렌치\"의 교정 주기는 얼마인가?";
  const Response response = home.ask(request);
  ASSERT_FALSE(response.results.empty());
  EXPECT_EQ(response.results[0].record, "WS-102");
  ASSERT_EQ(response.notes.size(), 1u);
  EXPECT_NE(response.notes[0].find("quotes"), std::string::npos);
  request.query = "\"토크 렌치\"의 교정 주기는 얼마인가?";
  EXPECT_TRUE(home.ask(request).notes.empty());
  // A query that does not ask keeps to its phrases while anything holds them.
  EXPECT_EQ(home.find("\"압력 게이지\" 교정 주기"), "WS-103");
  EXPECT_EQ(home.first("\"압력 게이지\" 담당자는 토크 렌치 교정 주기를 어떻게 정하는가?"), "WS-102");
  EXPECT_EQ(home.first("\"토오크 렌치\" 교정 주기"), "WS-102");
  // Other filters still hold.
  request.query = "\"토오크 렌치\"의 교정 주기는 얼마인가? type:pdf";
  for (const PassageResult& r : home.ask(request).results) EXPECT_EQ(r.format, "pdf");
}

TEST(Search, SnippetMarksWhatMatched) {
  std::string filler;
  for (int i = 0; i < 60; ++i) filler += "이 문장은 아무 상관이 없는 글이다. ";
  const Home home({{"A", filler + "토크 렌치는 여섯 달마다 교정한다. " + filler, "제목"},
                   {"B", "긴 문장 " + std::string(900, 'x') + " 토크 렌치 " + std::string(900, 'y'), "제목"}});
  Request request;
  request.query = "토크 렌치 교정은?";
  for (const PassageResult& r : home.ask(request).results) {
    EXPECT_LE(to_utf32(r.snippet).size(), 202u);
    ASSERT_FALSE(r.matches.empty()) << r.snippet;
    bool marked = false;
    size_t end = 0;
    for (const Match& m : r.matches) {
      ASSERT_LE(end, m.begin);
      ASSERT_LT(m.begin, m.end);
      ASSERT_LE(m.end, r.snippet.size());
      EXPECT_TRUE(is_valid_utf8(r.snippet.substr(m.begin, m.end - m.begin)));
      marked |= r.snippet.substr(m.begin, m.end - m.begin).starts_with("토크");
      end = m.end;
    }
    EXPECT_TRUE(marked) << r.snippet;
  }
}

TEST(Search, RubbishIsAnsweredWithNothingAndAReason) {
  const Home home(plant());
  std::string noise;
  for (int i = 0; i < 100'000; ++i) noise.push_back(static_cast<char>(i * 131 % 256));
  for (const std::string& query : {std::string(), std::string("   "), std::string("?!.,;()[]"), std::string("\"\""),
                                   std::string("\xFF\xFE\x80"), std::string("\"\"\"")}) {
    Request request;
    request.query = query;
    const Response response = home.ask(request);
    EXPECT_TRUE(response.results.empty()) << query;
    EXPECT_FALSE(response.notes.empty()) << query;
  }
  Request request;
  request.query = "토크 렌치 " + noise;
  EXPECT_FALSE(home.ask(request).notes.empty());  // cut, and says so
  request.query = std::string(100'000, 'a') + " 토크";
  EXPECT_FALSE(home.ask(request).notes.empty());
  request.query = "토크";
  request.limit = 0;
  EXPECT_TRUE(home.ask(request).results.empty());
}

// Random texts of few words in several scripts, so that words, parts of words and identifiers all meet.
std::string random_text(std::mt19937_64& random, size_t words) {
  static const std::vector<std::string> kWords = {
      "토크", "토크렌치는", "렌치의", "교정", "교정한다", "jtbc가", "JTBC", "10,000원", "10000", "ws-102", "WS102를", "압력게이지",
      "게이지", "매월", "valve", "valves", "pressure", "漢字", "漢文學", "무엇인가", "얼마나", "2014년", "2014년에", "제12조의3"};
  std::string text;
  for (size_t i = 0; i < words; ++i) text += kWords[random() % kWords.size()] + (random() % 6 == 0 ? ". " : " ");
  return text;
}

// Candidates that cannot be among the results are not looked at closely: that must not show.
TEST(Search, FewResultsAreTheFirstOfMany) {
  std::mt19937_64 random(20240301);
  std::vector<Text> texts;
  for (int i = 0; i < 150; ++i) texts.push_back({"R" + std::to_string(random() % 100), random_text(random, 2 + random() % 40)});
  const Home home(texts);
  for (int q = 0; q < 200; ++q) {
    Request request;
    request.query = random_text(random, 1 + random() % 8);
    request.per_record = random() % 2 == 0;
    request.limit = 50;
    const Response all = home.ask(request);
    request.limit = 1 + random() % 12;
    const Response some = home.ask(request);
    ASSERT_EQ(some.results.size(), std::min(request.limit, all.results.size()));
    for (size_t i = 0; i < some.results.size(); ++i) {
      ASSERT_EQ(some.results[i].version_id, all.results[i].version_id) << request.query << ", result " << i;
      ASSERT_EQ(some.results[i].score, all.results[i].score) << request.query << ", result " << i;
    }
  }
}

Question make_question(const std::string& text) {
  const std::u32string folded = fold_with_offsets(text).text;
  std::vector<QuestionTerm> terms = question_terms(folded);
  std::vector<float> weights, rarity(terms.size(), 2.0f);
  for (const QuestionTerm& term : terms) weights.push_back(term.weight);
  return Question(folded, std::move(terms), std::move(weights), rarity);
}

TEST(Rerank, SharesOfWordsAreBoundedByTheirTerms) {
  std::mt19937_64 random(11);
  for (int i = 0; i < 500; ++i) {
    const Question question = make_question(random_text(random, 1 + random() % 8));
    const std::vector<float> bounds = question.words_share_bounds();
    Bits matched(question.terms().size());
    float bound = 0;
    for (const Term& term : extract_terms(fold_with_offsets(random_text(random, 10)).text)) {
      const int index = question.find(term.id);
      if (index < 0 || matched.test(static_cast<size_t>(index))) continue;
      matched.set(static_cast<size_t>(index));
      bound += bounds[static_cast<size_t>(index)];
    }
    EXPECT_LE(question.words_share(matched), bound + 1e-5f) << to_utf8(question.folded());
  }
}

// A long word has many terms; that must not make it count for more than the other words together.
TEST(Rerank, SentencesAreComparedByWords) {
  const Question question = make_question("국제올림픽위원회 위원 중 최초 여성은?");
  const Evidence many = match_passage(question, "국제올림픽위원회는 로잔에 있다.", "", false);
  const Evidence few = match_passage(question, "그는 최초의 여성 위원이다.", "", false);
  EXPECT_GT(many.best_unit, few.best_unit);
  EXPECT_GT(few.best_unit_words, many.best_unit_words);
  const Evidence apart = match_passage(question, "그는 최초이다. 여성 위원이다.", "", false);
  EXPECT_LT(apart.best_unit_words, few.best_unit_words);
  EXPECT_NEAR(apart.best_pair_words, few.best_unit_words, 1e-5f);
}

}  // namespace
}  // namespace sillok::search
