// Training through the program: a model from nothing, an adapter that has learned a page, a run that is killed and goes on.
#include "program.h"

namespace sillok::system_test {
namespace {

// Written for this test.
constexpr const char* kPage = "the seal of the pump in hall two was replaced on the third of may; ask the shift leader";

class TuneTest : public SystemTest {
 protected:
  std::string model(const std::string& name) {
    fs::create_directories(home() / "models");
    const std::string command = fs::path(SILLOK_PROGRAM).parent_path() / "make_models";
    EXPECT_EQ(std::system((command + " '" + (home() / "models").string() + "' " + name + " > /dev/null").c_str()), 0);
    return (home() / "models" / (name + ".gguf")).string();
  }
};

TEST_F(TuneTest, AModelFromNothingLearnsAndRuns) {
  const std::string config = write("small.toml", "[model]\nlayers = 2\nwidth = 64\nheads = 4\nkv_heads = 2\nfeed_forward = 128\nname = \"small\"\n"
                                                 "[training]\nsteps = 30\nbatch = 2\ncontext = 512\nrate = 0.003\nwarmup = 3\n").string();
  const std::string data = write("text.txt", "A gardener keeps a list of what was sown and when, and of the weather. ").string();
  const std::string out = (folder() / "base").string();
  const Json report = json({"pretrain", "--config", config, "--data", data, "--tokenizer", model("llama"), "--out", out});
  EXPECT_EQ(report["steps"], 30);
  EXPECT_LT(report["last_loss"], report["first_loss"].get<double>() / 1.5);
  const Json shown = json({"model", "show", out + "/model.gguf"});
  EXPECT_EQ(shown["architecture"], "llama");
  EXPECT_EQ(json({"generate", "-m", out + "/model.gguf", "-p", "A", "-n", "8", "--ignore-end"})["tokens"].size(), 8U);
}

TEST_F(TuneTest, ATokenizerIsTrainedWhereNoneIsGiven) {
  const std::string config = write("small.toml", "[model]\nlayers = 1\nwidth = 32\nheads = 2\nvocabulary = 360\n[training]\nsteps = 5\ncontext = 64\n").string();
  std::string text;
  for (int i = 0; i < 60; ++i) text += "밸브 " + std::to_string(i) + "호는 매월 점검하고 결과를 일지에 적는다. The gardener sows in March.\n";
  const std::string data = write("text.txt", text).string(), out = (folder() / "base").string();
  EXPECT_EQ(json({"pretrain", "--config", config, "--data", data, "--out", out})["steps"], 5);
  EXPECT_TRUE(fs::exists(out + "/tokenizer.gguf"));
  EXPECT_EQ(json({"generate", "-m", out + "/model.gguf", "-p", "밸브", "-n", "4", "--ignore-end"})["tokens"].size(), 4U);
}

TEST_F(TuneTest, WhatIsLearnedFromADatasetCarriesItsLabel) {
  const std::string base = model("llama");
  json({"add", write("rule.txt", "The seal of the pump is replaced every six months and the result is logged by the shift leader.\n").string(), "--record", "RULE", "--label", "S"});
  const fs::path data = folder() / "data", out = folder() / "adapter";
  json({"train", "data", "--out", data.string(), "--labels-up-to", "S", "--validation", "0", "--test", "0"});
  const Json report = json({"tune", "-m", base, "--data", (data / "train.jsonl").string(), "--out", out.string(), "--steps", "2", "--context", "127"});
  EXPECT_EQ(report["label"], "S");
  EXPECT_EQ(*read_file(out / "adapter.gguf.label"), "S\n");
  const Json erased = json({"add", "--erase", "RULE"});
  ASSERT_EQ(erased["retrain"].size(), 2u) << erased.dump();
  EXPECT_EQ(erased["retrain"][1]["kind"], "adapter");
  // A file that was changed since belongs to no dataset any more, and is not taken for one.
  ASSERT_TRUE(write_file_atomic(data / "train.jsonl", "{\"text\":\"other words\"}\n"));
  refused({"tune", "-m", base, "--data", (data / "train.jsonl").string(), "--out", (folder() / "b").string(), "--steps", "1"}, 1, "was changed since");
}

TEST_F(TuneTest, AnAdapterLearnsATextAndSaysIt) {
  const std::string base = model("llama"), out = (folder() / "adapter").string();
  const std::string page = write("page.jsonl", "{\"text\":\"" + std::string(kPage) + "\"}\n").string();
  const Json report = json({"tune", "-m", base, "--data", page, "--out", out, "--rank", "16", "--steps", "60", "--lr", "0.01", "--targets",
                            "q,k,v,o,gate,up,down,output", "--context", "127"});
  EXPECT_LT(report["last_loss"], 0.01);
  EXPECT_EQ(report["examples"], 1);
  EXPECT_EQ(report["files"].size(), 3U);

  const std::string beginning = "the seal of the pump", rest = std::string(kPage).substr(beginning.size());
  const auto said = [&](const std::string& adapter) {
    std::vector<std::string> arguments = {"generate", "-m", base, "-p", beginning, "-n", "100"};
    if (!adapter.empty()) arguments.insert(arguments.end(), {"--lora", adapter});
    Json answer = json(arguments);
    std::string text = answer["text"];  // the small vocabulary has no space, only the bytes of SentencePiece's sign for it
    for (size_t at = 0; (at = text.find("\xE2\x96\x81", at)) != text.npos;) text.replace(at, 3, " ");
    answer["text"] = text;
    return answer;
  };
  EXPECT_EQ(said(out + "/adapter.gguf")["text"], rest);
  EXPECT_EQ(said(out + "/adapter.gguf")["finish"], "end");  // it has learned where the text ends
  EXPECT_EQ(said(out)["text"], rest);                        // the PEFT folder
  EXPECT_NE(said("")["text"], rest);
}

TEST_F(TuneTest, SurvivesKillAndEndsAsIfItHadNot) {
  const std::string base = model("llama");
  std::string lines;
  for (const char* text : {"one two three", "four five six seven", "eight nine", "ten eleven twelve"}) lines += std::string("{\"text\":\"") + text + "\"}\n";
  const std::string data = write("data.jsonl", lines).string();
  const auto arguments = [&](const std::string& out) {
    return std::vector<std::string>{"tune", "-m", base, "--data", data, "--out", (folder() / out).string(), "--steps", "120", "--context", "64",
                                    "--rank", "4", "--save-every", "5", "--seed", "9"};
  };
  ASSERT_EQ(run(arguments("whole")).status, 0);
  std::vector<std::string> again = arguments("killed");
  again.emplace_back("--resume");
  size_t lines_before = 0;
  std::string id;
  for (int kill = 0; kill < 3; ++kill) {  // each time some steps on
    const pid_t child = start(again);
    const fs::path log = folder() / "killed" / "log.jsonl";
    for (int waited = 0; waited < 20000; ++waited) {
      const std::string text = read_file(log).value_or("");
      const auto steps = static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
      if (steps >= lines_before + 12) {
        lines_before = steps;
        break;
      }
      ::usleep(500);
    }
    ::kill(child, SIGKILL);
    const int status = wait(child);
    EXPECT_TRUE(status == 128 + SIGKILL || status == 0);
    const Json runs = json({"train", "runs"})["runs"];
    ASSERT_EQ(runs.size(), 2U) << runs.dump();  // "whole", and one for all attempts at "killed"
    EXPECT_EQ(runs[0]["state"], status == 0 ? "finished" : "interrupted");
    if (kill > 0) {
      EXPECT_EQ(runs[0]["id"], id);
    }
    id = runs[0]["id"];
  }
  const Json report = json(again);
  EXPECT_GT(report["resumed_from"], 0);
  EXPECT_EQ(report["run"], id);
  const Json shown = json({"train", "runs", id});
  EXPECT_EQ(shown["state"], "finished");
  EXPECT_EQ(shown["step"], 120);
  EXPECT_EQ(shown["curve"].back()["step"], 120);
  EXPECT_GE(shown["joules"], report["joules"]);
  refused({"train", "runs", "t20000101-000000-0000"}, 1, "no training run");
  for (const char* file : {"adapter.gguf", "adapter_model.safetensors", "adapter_config.json"}) {
    EXPECT_EQ(read_file(folder() / "killed" / file).value_or("none"), read_file(folder() / "whole" / file).value_or("")) << file;
  }
}

TEST_F(TuneTest, RefusesWithOneLine) {
  const std::string base = model("llama"), data = write("data.jsonl", "{\"text\":\"abc\"}\nno json\n").string(), out = (folder() / "out").string();
  refused({"tune", "-m", base, "--data", data, "--out", out}, 1, "data.jsonl, line 2");
  refused({"tune", "-m", base, "--data", data}, 2, "--out");
  refused({"tune", "-m", base, "--data", data, "--out", out, "--targets", "q,x"}, 1, "'x'");
  refused({"tune", "-m", model("gemma3"), "--data", data, "--out", out}, 1, "gemma3");
  const std::string config = write("bad.toml", "[model]\nlayers = 0\n").string();
  refused({"pretrain", "--config", config, "--data", data, "--tokenizer", base, "--out", out}, 1, "[model] layers");
  const std::string unknown = write("unknown.toml", "[training]\nrates = 1\n").string();
  refused({"pretrain", "--config", unknown, "--data", data, "--tokenizer", base, "--out", out}, 1, "rates");
}

}  // namespace
}  // namespace sillok::system_test
