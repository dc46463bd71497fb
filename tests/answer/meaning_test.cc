// What the check lets through by meaning, and that an encoder which knows only what a sentence is about cannot make it say anything else.
#include <gtest/gtest.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "tests/answer/concepts.h"

namespace sillok::answer {
namespace {

constexpr const char* kDressing =
    "4.1 드레싱은 샤프트 20개를 가공할 때마다 한다.\n4.2 드레싱 절입량은 0.010 mm, 이송은 0.10 mm/rev로 한다.\n4.3 드레싱을 건너뛴 로트는 전수 검사한다.";
constexpr const char* kWrench = "2.1 토크렌치는 6개월마다 교정한다(NCR-2025-012 시정조치).\n2.2 교정 기한이 7일 안에 오는 토크렌치는 공구실에서 불출하지 않는다.";
constexpr const char* kForklift = "① 공장 안에서 지게차는 시속 8 km를 넘지 않는다.\n② 적재물이 앞을 가리면 후진으로 운행하거나 유도자를 둔다.";
constexpr const char* kShift = "야간조를 6명에서 8명으로 늘린다. 늘어난 2명은 7월 1일부터 근무한다.";
constexpr const char* kNoise = "연삭실 83 dB, 주물 손질장 91 dB, 압축기실 88 dB.\n주물 손질장과 압축기실은 귀마개 착용 구역으로 표시한다.";
constexpr const char* kCrate = "Put four 500 g desiccant bags in each crate.\nThe gross weight of one crate must not exceed 650 kg.";
constexpr const char* kOil = "방청유는 RP-9를 쓴다. 스템너트에는 방청유를 바르지 않고 기화성 방청지로 싼다.";
constexpr const char* kSpeeds = "항목: 공작물 회전수 | 황삭: 110 rpm | 정삭: 80 rpm\n항목: 숫돌 | 황삭: WA80J";
constexpr const char* kNotebooks = "내 공책 11권을 품질보증팀 책장 셋째 칸에 두고 간다. 연삭은 서민아, 드레서 기계 쪽은 조영배.";
constexpr const char* kMinutes = "지체상금은 하루에 계약금액의 0.075 %이다.\n하자보증 기간은 납품일부터 3년이다.";

SentenceCheck check(const char* text, std::string_view sentence, Encoder* encoder) {
  auto done = check_sentence("", "작업표준 WS-102", text, sentence, encoder);
  EXPECT_TRUE(done) << done.error().message;
  return done ? *done : SentenceCheck{};
}

TEST(Meaning, SaysInAnotherLanguageWhatTheRecordSays) {
  Concepts encoder;
  for (const auto& [text, sentence] : std::vector<std::pair<const char*, const char*>>{
           {kDressing, "Dressing is due after every 20 shafts machined."},
           {kDressing, "According to WS-102, dressing is due after every 20 shafts machined."},
           {kDressing, "A lot whose dressing was skipped is fully inspected."},
           {kDressing, "The dressing infeed is 0.010 mm and the dressing feed rate is 0.10 mm/rev."},
           {kWrench, "Torque wrenches are calibrated every 6 months."},
           {kWrench, "Torque wrenches due for calibration within 7 days are not issued by the tool room."},
           {kForklift, "Forklifts must not exceed 8 km per hour inside the plant."},
           {kShift, "The night shift grows from 6 to 8 people."},
           {kCrate, "상자 하나의 총중량은 650 kg을 넘지 않아야 합니다."},
           {kCrate, "상자마다 500 g짜리 건조제를 넣습니다."},
           {kOil, "No rust preventive is applied to stem nuts; they are wrapped in paper."},
           {kNotebooks, "He leaves 11 notebooks on the third shelf of the quality assurance team."},
           {kMinutes, "The warranty runs for 3 years from delivery."},
           {kMinutes, "Each day of delay costs 0.075 % of the contract price."}}) {
    const SentenceCheck words = check(text, sentence, nullptr), meant = check(text, sentence, &encoder);
    EXPECT_FALSE(words.supported) << sentence;
    EXPECT_TRUE(meant.supported && meant.by_meaning) << sentence << ": " << meant.why << " " << meant.support;
  }
}

TEST(Meaning, WhatIsExactMustStandThere) {
  Concepts encoder;
  for (const auto& [text, sentence] : std::vector<std::pair<const char*, const char*>>{
           {kDressing, "Dressing is due after every 30 shafts machined."},
           {kDressing, "According to WS-105, dressing is due after every 20 shafts machined."},
           {kDressing, "A lot whose dressing was skipped is not fully inspected."},
           {kDressing, "The dressing infeed is 0.010 cm and the dressing feed rate is 0.10 mm/rev."},
           {kDressing, "The dressing infeed is 0.10 mm and the dressing feed rate is 0.010 mm/rev."},
           {kWrench, "Torque wrenches are calibrated every 6 weeks."},
           {kWrench, "Torque wrenches are never calibrated."},
           {kWrench, "Torque wrenches due for calibration within 7 days are issued by the tool room."},
           {kForklift, "Forklifts may go at least 8 km per hour inside the plant."},
           {kShift, "The night shift grows to 9 people."},
           {kCrate, "상자 하나의 총중량은 750 kg을 넘지 않아야 합니다."},
           {kCrate, "상자 하나의 총중량은 650 g을 넘지 않아야 합니다."},
           {kOil, "Rust preventive is applied to stem nuts; they are wrapped in paper."},
           {kMinutes, "The warranty runs for 3 months from delivery."},
           {kMinutes, "Each day of delay costs 0.75 % of the contract price."}}) {
    const SentenceCheck meant = check(text, sentence, &encoder);
    EXPECT_FALSE(meant.supported) << sentence << " " << meant.support;
  }
}

TEST(Meaning, AValueThatCouldBeAnothersIsLeftToTheQuotes) {
  Concepts encoder(0.3);
  // Right or wrong: whose it is the encoder does not know.
  for (const char* sentence : {"The grinding room has a noise of 91 dB.", "The casting shop has a noise of 91 dB."}) EXPECT_FALSE(check(kNoise, sentence, &encoder).supported) << sentence;
  for (const char* sentence : {"The rough speed is 80 rpm.", "The finish speed is 80 rpm."}) EXPECT_FALSE(check(kSpeeds, sentence, &encoder).supported) << sentence;
}

TEST(Meaning, InOneLanguageNamesAndOppositesAreToldByTheirWords) {
  Concepts encoder(0.3);
  EXPECT_FALSE(check("드레싱 검사는 서민아 과장이 샤프트 로트마다 한다.", "샤프트 로트의 드레싱을 검사하는 사람은 조영배 과장입니다.", &encoder).supported);
  EXPECT_FALSE(check("Freja Lindqvist inspects each lot of shafts.", "Every shaft lot gets inspected by Marta Keller.", &encoder).supported);
  EXPECT_TRUE(check("Freja Lindqvist inspects each lot of shafts.", "Every shaft lot gets an inspection from Freja Lindqvist.", &encoder).supported);
}

TEST(Meaning, EveryClauseMustBeMeant) {
  Concepts encoder;
  EXPECT_FALSE(check(kDressing, "Dressing is due after every 20 shafts machined, and customers complain about cracks.", &encoder).supported);
  EXPECT_FALSE(check(kDressing, "Customers complain about cracks.", &encoder).supported);
}

TEST(Meaning, TheEncoderIsAskedOnlyWhereWordsAreTooFew) {
  Concepts encoder;
  EXPECT_TRUE(check(kDressing, "드레싱은 샤프트 20개를 가공할 때마다 해야 합니다.", &encoder).supported);
  EXPECT_EQ(encoder.encoded, 0U);
  EXPECT_FALSE(check(kDressing, "드레싱은 샤프트 30개를 가공할 때마다 해야 합니다.", &encoder).supported);
  EXPECT_EQ(encoder.encoded, 0U) << "in one language an exact fault needs no encoder";
  encoder.error = "the engine stopped";
  const auto failed = check_sentence("", "", kDressing, "Dressing is due after every 20 shafts machined.", &encoder);
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message.find("the engine stopped"), std::string::npos);
}

// Takes the first clause it is asked about to mean the first[0]-th text after it, the second the first[1]-th, whatever they say.
class Fooled final : public Encoder {
 public:
  std::string name() const override { return "fooled"; }
  double support() const override { return 0.9; }
  Result<std::vector<std::vector<float>>> encode(const std::vector<std::string>& texts) override {
    if (clauses.empty() || (clauses.size() == 1 && clauses[0] != texts[0])) clauses.push_back(texts[0]);
    const size_t nth = meant[clauses.back() == texts[0] && clauses.size() == 2 ? 1 : 0];
    std::vector<std::vector<float>> vectors(texts.size(), {0, 1});
    vectors[0] = {1, 0};
    if (nth < texts.size()) vectors[nth] = {1, 0};
    most = std::max(most, texts.size());
    return vectors;
  }
  size_t meant[2] = {1, 1}, most = 2;
  std::vector<std::string> clauses;
};

bool can_be_kept(const nlohmann::json& entry, const std::string& sentence, std::string* why = nullptr) {
  Fooled encoder;
  for (encoder.meant[0] = 1; encoder.meant[0] < encoder.most; ++encoder.meant[0]) {
    for (encoder.meant[1] = 1; encoder.meant[1] < encoder.most; ++encoder.meant[1]) {
      encoder.clauses.clear();
      const auto done = check_sentence(entry["question"].get<std::string>(), entry["context"].get<std::string>(), entry["text"].get<std::string>(), sentence, &encoder);
      if (done && done->supported) return true;
      if (done && why != nullptr) *why = done->why;
      if (encoder.clauses.size() < 2) break;
    }
  }
  return false;
}

// The worst an encoder can do: every clause is said to mean whichever unit, or clause of one, helps it. What the exact rules stop even so.
TEST(Meaning, AFooledEncoderCannotChangeNumbersDatesOrNegations) {
  const std::string text = read_file(fs::path(SILLOK_SOURCE_DIR) / "examples/claims.jsonl").value_or("");
  size_t right = 0, kept = 0, changed = 0, through = 0;
  for (std::string_view line : split(text, '\n')) {
    if (line.empty()) continue;
    const auto entry = nlohmann::json::parse(line);
    for (const std::string sentence : entry["right"]) {
      ++right;
      std::string why;
      const bool good = can_be_kept(entry, sentence, &why);
      kept += good ? 1 : 0;
      if (!good) std::printf("  never kept: %s (%s)\n", sentence.c_str(), why.c_str());
    }
    for (const auto& wrong : entry["wrong"]) {
      if (wrong[0] == "invented" || wrong[0] == "row") continue;  // only meaning tells
      ++changed;
      const bool bad = can_be_kept(entry, wrong[1].get<std::string>());
      through += bad ? 1 : 0;
      if (bad) std::printf("  can be let through (%s): %s\n", wrong[0].get<std::string>().c_str(), wrong[1].get<std::string>().c_str());
    }
  }
  std::printf("  %zu of %zu right ones can be kept, %zu of %zu changed ones let through\n", kept, right, through, changed);
  ASSERT_GE(right, 30U);
  EXPECT_GE(kept * 10, right * 9);
  EXPECT_LE(through * 15, changed);
}

}  // namespace
}  // namespace sillok::answer
