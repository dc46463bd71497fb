// What an asker may not see leaves no trace: asked with --labels O, a home with secret records answers to the byte as
// one that never had them. Scores, order, snippets, confidence and messages included.
#include <random>

#include "program.h"

namespace sillok::system_test {
namespace {

using LabelsTest = SystemTest;

const std::vector<std::string> kWords = {
    "교정", "주기", "압력", "게이지", "밸브", "한도", "수의계약", "구매", "담당자", "보고", "토크", "렌치", "온도",
    "세척액", "교체", "월요일", "점검", "WS-102", "이천만원", "육개월", "valve", "torque", "gauge", "manager", "report"};

class Corpus {
 public:
  std::string text() {
    std::string out;
    const size_t sentences = 1 + random_() % 6;
    for (size_t s = 0; s < sentences; ++s) {
      const size_t words = 3 + random_() % 8;
      for (size_t w = 0; w < words; ++w) out += kWords[random_() % kWords.size()] + (random_() % 4 == 0 ? "은 " : " ");
      out += std::to_string(random_() % 50) + "개이다. ";
    }
    return out;
  }
  std::string words(size_t count) {
    std::string out;
    for (size_t i = 0; i < count; ++i) out += (i > 0 ? " " : "") + kWords[random_() % kWords.size()];
    return out;
  }
  size_t next(size_t below) { return random_() % below; }

 private:
  std::mt19937 random_{20};
};

TEST_F(LabelsTest, SecretRecordsChangeNothingThatIsSaid) {
  Corpus corpus;
  std::string all, open;
  for (int i = 0; i < 400; ++i) {
    const size_t kind = corpus.next(3);
    Json line = {{"id", "R" + std::to_string(corpus.next(300))}, {"title", corpus.words(2)}, {"text", corpus.text()}};
    // Which record has which label follows from its id, so that secret records are absent as a whole.
    const std::string id = line["id"].get<std::string>();
    line["id"] = (kind == 0 ? "S-" : kind == 1 ? "C-" : "O-") + id;
    line["label"] = kind == 0 ? "S" : kind == 1 ? "C" : "O";
    line["date"] = "20" + std::to_string(15 + corpus.next(10)) + "-03-01";
    all += line.dump() + "\n";
    if (kind == 2) open += line.dump() + "\n";
  }
  const fs::path other = folder() / "other";
  ASSERT_EQ(run({"init", "--home", other.string()}).status, 0);
  json({"add", write("all.jsonl", all).string()});
  json({"add", write("open/all.jsonl", open).string(), "--home", other.string()});

  const auto without_lines = [](const std::string& text) {
    // A record's line in its file is where the file has it: the two files differ in that by construction.
    std::string out;
    for (size_t at = 0; at < text.size();) {
      if (text.compare(at, 15, "\"anchor\":\"line ") == 0) {
        out += "\"anchor\":\"";
        at += 15;
        while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
      } else {
        out += text[at++];
      }
    }
    return out;
  };
  size_t answered = 0;
  for (int i = 0; i < 40; ++i) {
    std::vector<std::string> arguments;
    const std::string words = corpus.words(1 + corpus.next(5));
    switch (i % 4) {
      case 0: arguments = {"search", words, "--limit", "20", "--passages"}; break;
      case 1: arguments = {"search", words, "--as-of", "2019-06-01"}; break;
      case 2: arguments = {"search", "\"" + corpus.words(1) + "\" " + words, "--all-versions"}; break;
      default: arguments = {"ask", words + " 몇 개인가?"}; break;
    }
    arguments.insert(arguments.end(), {"--labels", "O", "--json"});
    const Ran with = run(arguments);
    arguments.insert(arguments.end(), {"--home", other.string()});
    const Ran without = run(arguments);
    ASSERT_EQ(with.status, 0) << with.err;
    EXPECT_EQ(with.err, without.err);
    EXPECT_EQ(without_lines(with.out), without_lines(without.out)) << arguments[0] << " " << arguments[1];
    if (with.out.find("\"record\":\"O-") != std::string::npos) ++answered;
    EXPECT_EQ(with.out.find("\"S-R"), std::string::npos);
    EXPECT_EQ(with.out.find("\"C-R"), std::string::npos);
  }
  EXPECT_GT(answered, 20u);
}

}  // namespace
}  // namespace sillok::system_test
