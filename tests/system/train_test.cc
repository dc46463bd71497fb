// `sillok train` as a person uses it: what it learns, whom it serves, what it forgets.
#include "program.h"

namespace sillok::system_test {
namespace {

class TrainTest : public SystemTest {
 protected:
  // Sixty records, asked for by words that several of them have; every other one in English, which none of them has: only
  // who learned from the questions finds it. A secret one beside them.
  void add_records() {
    const std::vector<std::string> parts = {"밸브", "펌프", "베어링", "게이지", "필터", "모터"};
    const std::vector<std::string> deeds = {"교정", "교체", "점검", "세척", "윤활"};
    const std::vector<std::string> parts_asked = {"valve", "pump", "bearing", "gauge", "filter", "motor"};
    const std::vector<std::string> deeds_asked = {"calibration", "replacement", "inspection", "cleaning", "lubrication"};
    std::string lines, gold;
    for (size_t i = 0; i < 60; ++i) {
      const std::string part = parts[i % 6], deed = deeds[i / 6 % 5], where = i < 30 ? "제1공장" : "제2공장", id = "R" + std::to_string(100 + i);
      const Json line = {{"id", id}, {"title", part + " " + deed + " 절차서 " + std::to_string(i)},
                         {"text", where + "의 " + part + "는 " + std::to_string(i + 2) + "개월마다 " + deed + "한다. 담당자는 설비 일지에 " + deed +
                                      " 결과를 적고 서명한 뒤 관리 부서에 알린다."},
                         {"label", "O"}};
      lines += line.dump() + "\n";
      gold += Json{{"id", id}, {"question", i % 2 == 0 ? where + " " + part + " " + deed + " 주기는 몇 개월인가?" : parts_asked[i % 6] + " " + deeds_asked[i / 6 % 5] + " interval at plant " + (i < 30 ? "one" : "two")}, {"answers", {std::to_string(i + 2) + "개월"}}, {"records", {id}}, {"category", "g" + std::to_string(i / 2 % 10)}}.dump() + "\n";
    }
    lines += Json{{"id", "S1"}, {"text", "비밀 금고의 열쇠는 교정 담당자의 책상 서랍 안에 있으며 매월 점검하고 그 결과를 비밀 대장에 적은 뒤 책임자에게 알린다."}, {"label", "S"}}.dump() + "\n";
    json({"add", write("records.jsonl", lines).string()});
    gold_ = write("gold.jsonl", gold);
  }
  fs::path retriever() const { return home() / "models" / "retriever.sillok"; }

  fs::path gold_;
};

TEST_F(TrainTest, RetrieverIsTheSameEachTimeAndAdoptedOnlyWhereItFindsNoLess) {
  add_records();
  const Json first = json({"train", "retriever", "--gold", gold_.string()});
  ASSERT_TRUE(first.contains("adopted")) << first.dump();
  EXPECT_EQ(first["questions"], 60);
  EXPECT_EQ(first["labels"], Json::array({"O"}));
  EXPECT_EQ(first["adopted"].get<bool>(), fs::exists(retriever()));
  if (first["adopted"].get<bool>()) {
    EXPECT_GE(first["trained"]["mrr_10"].get<double>(), first["lexical"]["mrr_10"].get<double>());
    EXPECT_GE(first["trained"]["recall_at_1"].get<double>(), first["lexical"]["recall_at_1"].get<double>());
  }
  const Json again = json({"train", "retriever", "--gold", gold_.string(), "--threads", "1"});
  EXPECT_EQ(first["sha256"], again["sha256"]);
  EXPECT_NE(json({"train", "retriever", "--gold", gold_.string(), "--seed", "2"})["sha256"], first["sha256"]);
}

TEST_F(TrainTest, MeasuringOnlyAdoptsNothing) {
  add_records();
  const Json report = json({"train", "retriever", "--gold", gold_.string(), "--measure-only"});
  EXPECT_FALSE(report["adopted"].get<bool>());
  EXPECT_FALSE(fs::exists(retriever()));
}

TEST_F(TrainTest, CeilingsAreLabelsOfTheHome) {
  add_records();
  const Ran refused = run({"train", "retriever", "--labels-up-to", "TOP"});
  EXPECT_EQ(refused.status, 1);
  EXPECT_NE(refused.err.find("'TOP'"), std::string::npos);
  const Json data = json({"train", "data", "--out", (folder() / "all").string(), "--labels-up-to", "S"});
  EXPECT_EQ(data["labels"], Json::array({"O", "S"}));
  const Json open = json({"train", "data", "--out", (folder() / "open").string()});
  EXPECT_EQ(open["labels"], Json::array({"O"}));
  for (const char* name : {"train.jsonl", "validation.jsonl", "test.jsonl"}) {
    EXPECT_EQ(read_file(folder() / "open" / name)->find("금고"), std::string::npos) << name;
  }
}

TEST_F(TrainTest, DatasetsSayWhatEachStepLeftAndKeepGoldOut) {
  add_records();
  std::string more;
  for (int i = 0; i < 3; ++i) more += Json{{"id", "D" + std::to_string(i)}, {"text", "안전 교육은 해마다 두 번 열며 모든 직원이 참석하고 참석부에 서명한 다음 수료증을 받는다. 불참한 사람은 따로 배운다." + std::string(i == 2 ? " 끝." : "")}}.dump() + "\n";
  more += Json{{"id", "Q"}, {"text", "시험 문제: 제1공장 밸브 교정 주기는 몇 개월인가? 다음 가운데에서 맞는 것을 고르고 그 까닭을 두 줄로 적으시오."}}.dump() + "\n";
  more += Json{{"id", "N"}, {"text", "12 34 56 78 90 12 34 56 78 90 12 34 56 78 90 12 34 56 78 90 12 34 56 78 90 12 34 56 78 90"}}.dump() + "\n";
  more += Json{{"id", "short"}, {"text", "짧다."}}.dump() + "\n";
  json({"add", write("more.jsonl", more).string()});
  const fs::path out = folder() / "data";
  const Json report = json({"train", "data", "--out", out.string(), "--gold", gold_.string()});
  const Json manifest = Json::parse(*read_file(out / "manifest.json"));
  EXPECT_EQ(sha256_hex(*read_file(out / "manifest.json")), report["sha256"].get<std::string>());
  EXPECT_EQ(report["yield"].front()["passages"], 66);
  EXPECT_EQ(report["yield"].back()["passages"], 1) << report.dump(1);
  uint64_t rows = 0;
  for (const auto& [name, file] : manifest["files"].items()) {
    const std::string bytes = *read_file(out / name);
    EXPECT_EQ(sha256_hex(bytes), file["sha256"].get<std::string>());
    rows += file["passages"].get<uint64_t>();
  }
  EXPECT_EQ(rows, 1u);
  const Json again = json({"train", "data", "--out", (folder() / "again").string(), "--gold", gold_.string()});
  EXPECT_EQ(again["sha256"], report["sha256"]);
}

TEST_F(TrainTest, ErasingARecordPutsWhatWasLearnedFromItOutOfUse) {
  add_records();
  json({"train", "data", "--out", (folder() / "data").string(), "--near-duplicate", "1"});
  const Json report = json({"train", "retriever", "--gold", gold_.string()});
  ASSERT_TRUE(report["adopted"].get<bool>()) << report.dump();
  EXPECT_EQ(run({"train", "check", retriever().string()}).status, 0);
  EXPECT_TRUE(json({"search", "밸브 교정"})["notes"].empty());
  ASSERT_EQ(run({"add", "--erase", "R107"}).status, 0);
  const Json found = json({"search", "밸브 교정"});
  ASSERT_FALSE(found["notes"].empty());
  EXPECT_NE(found["notes"][0].get<std::string>().find("erased"), std::string::npos);
  const Ran check = run({"train", "check", (folder() / "data" / "manifest.json").string()});
  EXPECT_EQ(check.status, 1);
  EXPECT_NE(check.out.find("R107"), std::string::npos);
}

TEST_F(TrainTest, TokenizersAreTrainedAndCompared) {
  add_records();
  const fs::path out = folder() / "pieces";
  const Json report = json({"train", "tokenizer", "--out", out.string(), "--vocabulary", "500"});
  ASSERT_TRUE(report.contains("bytes_per_token")) << report.dump();
  EXPECT_GT(report["bytes_per_token"].get<double>(), 1.0);
  EXPECT_TRUE(fs::exists(out.string() + ".model"));
  const Json compared = json({"train", "tokenizer", "--out", (folder() / "bpe").string(), "--kind", "bpe", "--vocabulary", "400", "--compare", out.string() + ".model"});
  EXPECT_DOUBLE_EQ(compared["compared_bytes_per_token"].get<double>(), report["bytes_per_token"].get<double>());
  const Ran refused = run({"train", "tokenizer", "--kind", "words", "--out", out.string()});
  EXPECT_EQ(refused.status, 1);
  EXPECT_NE(refused.err.find("unigram or bpe"), std::string::npos);
}

}  // namespace
}  // namespace sillok::system_test
