// Written answers through the program, with a model of random weights: it speaks nonsense, none of which may be shown.
#include "program.h"

namespace sillok::system_test {
namespace {

class AskingTest : public SystemTest {
 protected:
  void SetUp() override {
    SystemTest::SetUp();
    write("구매규정.md", "# 구매규정\n\n건당 2천만원 이하의 구매는 수의계약으로 할 수 있다.\n\n같은 업체와 한 해에 5회를 넘게 계약하려면 감사담당의 사전 검토를 받는다.\n");
    json({"add", files().string()});
    add_others();
    fs::create_directories(home() / "models");
    const std::string command = (fs::path(SILLOK_PROGRAM).parent_path() / "make_models").string() + " '" + (home() / "models").string() + "' llama llama-chat bert > /dev/null";
    ASSERT_EQ(std::system(command.c_str()), 0);
    set("max_tokens = 512", "max_tokens = 32");
  }
  void set(const std::string& from, const std::string& to) {
    std::string text = read_file(home() / "sillok.toml").value_or("");
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    ASSERT_TRUE(write_file_atomic(home() / "sillok.toml", text.replace(at, from.size(), to)));
  }
  const std::string question_ = "수의계약으로 할 수 있는 구매는 건당 얼마 이하인가?";
};

TEST_F(AskingTest, NonsenseIsDroppedAndTheRecordQuoted) {
  const Json quoted = json({"ask", question_, "--quote"});
  ASSERT_TRUE(quoted["answerable"]) << quoted;
  EXPECT_FALSE(quoted.contains("written"));
  const Json answer = json({"ask", question_, "--model", "llama-chat"});
  EXPECT_FALSE(answer["written"]) << answer;
  EXPECT_FALSE(answer["why"].get<std::string>().empty());
  EXPECT_EQ(answer["quotes"], quoted["quotes"]);
  EXPECT_EQ(answer["answer"], quoted["answer"]);
  EXPECT_TRUE(answer["model"].get<std::string>().starts_with("llama-chat sha256:")) << answer["model"];
  for (const Json& sentence : answer["sentences"]) EXPECT_FALSE(sentence["supported"]) << sentence;
  // Draws with one seed are the same, whatever the number of threads.
  const Json drawn = json({"ask", question_, "--model", "llama-chat", "--seed", "7", "--threads", "1"});
  const Json again = json({"ask", question_, "--model", "llama-chat", "--seed", "7", "--threads", "2"});
  EXPECT_EQ(drawn["sentences"], again["sentences"]);
  // In words: the quote, and why on standard error.
  const Ran ran = run({"ask", question_, "--model", "llama-chat"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_NE(ran.out.find("2천만원"), std::string::npos) << ran.out;
  EXPECT_NE(ran.err.find("quoted, not written"), std::string::npos) << ran.err;
}

TEST_F(AskingTest, SettingsNameTheModel) {
  set("model = \"\"", "model = \"llama-chat\"");
  EXPECT_TRUE(json({"ask", question_}).contains("written"));
  EXPECT_FALSE(json({"ask", question_, "--quote"}).contains("written"));
  set("model = \"llama-chat\"", "model = \"absent\"");
  refused({"ask", question_}, 1, "there is no model 'absent'");
  set("unsupported = \"drop\"", "unsupported = \"keep\"");
  refused({"ask", question_}, 1, "answer.unsupported");
  set("unsupported = \"keep\"", "unsupportted = \"drop\"");
  refused({"ask", question_}, 1, "answer.unsupportted is no setting");
}

TEST_F(AskingTest, AHomeWithoutTheSectionTakesTheDefaults) {
  std::string text = read_file(home() / "sillok.toml").value_or("");
  text.erase(text.find("[answer]"));
  ASSERT_TRUE(write_file_atomic(home() / "sillok.toml", text));
  EXPECT_TRUE(json({"ask", question_})["answerable"]);
}

TEST_F(AskingTest, WhatCannotWriteIsRefusedInOneLine) {
  refused({"ask", question_, "--model", "absent"}, 1, "absent");
  refused({"ask", question_, "--model", "llama"}, 1, "no chat template");
  refused({"ask", question_, "--model", "llama-chat", "--quote"}, 2, "--quote");
  refused({"ask", question_, "--conversation", write("bad.jsonl", "{\"answer\":\"x\"}\n").string()}, 1, "line 1");
}

TEST_F(AskingTest, AFollowUpLeansOnTheConversation) {
  const std::string talk = write("talk.jsonl", "{\"question\":\"" + question_ + "\",\"answer\":\"2천만원입니다.\"}\n").string();
  const Ran ran = run({"ask", "그럼 2022년에는?", "--quote", "--conversation", talk});
  EXPECT_EQ(ran.status, 0);
  EXPECT_NE(ran.err.find("understood as: 2022년에 " + question_), std::string::npos) << ran.err;
}

TEST_F(AskingTest, WrittenAnswersAreMeasured) {
  const std::string gold = write("gold.jsonl", "{\"question\":\"" + question_ + "\",\"answers\":[\"2천만원\"],\"records\":[\"구매규정.md\"]}\n").string();
  const Json report = json({"evaluate", gold, "--model", "llama-chat"});
  EXPECT_EQ(report["writing"]["questions"], 1);
  EXPECT_EQ(report["writing"]["written"], 0.0);
  EXPECT_EQ(report["writing"]["supported_sentences"], 0.0);
  EXPECT_FALSE(json({"evaluate", gold, "--quote"}).contains("writing"));
}

TEST_F(AskingTest, AnEncoderStandsBy) {
  set("model = \"\"", "model = \"llama-chat\"");
  set("encoder = \"\"", "encoder = \"bert\"");
  refused({"ask", question_}, 1, "answer.encoder_support");
  set("encoder = \"bert\"", "encoder = \"bert\"\nencoder_support = 1.5");
  refused({"ask", question_}, 1, "answer.encoder_support has a value that makes no sense");
  set("encoder_support = 1.5", "encoder_support = 0.9");
  const Json answer = json({"ask", question_});
  EXPECT_NE(answer["model"].get<std::string>().find(", checked by bert sha256:"), std::string::npos) << answer["model"];
  for (const Json& sentence : answer["sentences"]) EXPECT_TRUE(sentence.contains("by_meaning")) << sentence;
  set("encoder = \"bert\"", "encoder = \"absent\"");
  refused({"ask", question_}, 1, "there is no encoder 'absent'");
  const Ran doctor = run({"doctor", "--quick"});
  EXPECT_EQ(doctor.status, 1);
  EXPECT_NE(doctor.out.find("there is no encoder 'absent'"), std::string::npos) << doctor.out;
  set("encoder = \"absent\"", "encoder = \"llama\"");
  refused({"ask", question_}, 1, "makes no vectors");
  EXPECT_TRUE(json({"ask", question_, "--quote"})["answerable"]) << "quoting needs none";
}

TEST_F(AskingTest, TheCheckOfSentencesIsMeasured) {
  const std::string claims = (fs::path(SILLOK_SOURCE_DIR) / "examples/claims.jsonl").string();
  const Json words = json({"evaluate", "--suite", "support", claims});
  EXPECT_EQ(words["words"]["wrong_kept"], 0);
  EXPECT_FALSE(words.contains("encoder"));
  EXPECT_EQ(words["dropped"].size() + words["words"]["right_kept"].get<size_t>(), words["words"]["right"].get<size_t>());
  // Random weights tell nothing: no threshold is proposed, and one that is given shows what it lets through.
  refused({"evaluate", "--suite", "support", claims, "-m", "bert"}, 1, "no threshold");
  const Json given = json({"evaluate", "--suite", "support", claims, "-m", "bert", "--encoder-support", "0.9"});
  EXPECT_EQ(given["encoder_support"], 0.9);
  EXPECT_FALSE(given["proposed"]);
  EXPECT_EQ(given["let_through"].size(), given["encoder"]["wrong_kept"].get<size_t>());
  EXPECT_GT(given["encoder"]["right_kept"].get<size_t>(), words["words"]["right_kept"].get<size_t>());
  // The configured one is what is measured without -m.
  set("encoder = \"\"", "encoder = \"bert\"\nencoder_support = 0.9");
  EXPECT_EQ(json({"evaluate", "--suite", "support", claims}), given);
  refused({"evaluate", "--suite", "support", write("bad.jsonl", "{\"text\":\"a b\",\"right\":[1]}\n").string()}, 1, "line 1");
  refused({"evaluate", "--suite", "support", claims, "-m", "llama-chat"}, 1, "makes no vectors");
}

}  // namespace
}  // namespace sillok::system_test
