// Training on several processes: the same losses as on one, the same bits every time, resuming with another number of them, and
// failures that stop all.
#include "program.h"

namespace sillok::system_test {
namespace {

class RanksTest : public SystemTest {
 protected:
  void SetUp() override {
    SystemTest::SetUp();
    const std::string command = fs::path(SILLOK_PROGRAM).parent_path() / "make_models";
    ASSERT_EQ(std::system((command + " '" + folder().string() + "' llama > /dev/null").c_str()), 0);
    std::string lines;
    for (const char* text : {"one two three", "four five six seven", "eight nine", "ten eleven twelve", "the pump in hall two", "ask the leader"}) {
      lines += std::string("{\"text\":\"") + text + "\"}\n";
    }
    data_ = write("data.jsonl", lines).string();
  }
  static std::string quoted(const std::string& text) { return "'" + text + "'"; }
  // Without --oversubscribe a machine of one core refuses.
  static std::string launcher(int ranks) { return "mpirun --allow-run-as-root --oversubscribe -n " + std::to_string(ranks) + " "; }
  std::string tune(const std::string& out, const std::string& more = "", int batch = 4) const {
    return quoted(SILLOK_PROGRAM) + " tune --home " + quoted(home().string()) + " -m " + quoted((folder() / "llama.gguf").string()) +
           " --data " + quoted(data_) + " --out " + quoted((folder() / out).string()) +
           " --steps " + std::to_string(steps_) + " --batch " + std::to_string(batch) + " --context 20 --rank 4 --threads 1 --lr 0.01 --save-every 1 --json " + more;
  }
  Ran shell(const std::string& command) const {
    const fs::path out = folder() / "out", err = folder() / "err";
    const int status = std::system((command + " > " + quoted(out.string()) + " 2> " + quoted(err.string())).c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128, read_file(out).value_or(""), read_file(err).value_or("")};
  }
  std::vector<double> losses(const std::string& out) const {
    std::vector<double> all;
    const std::string log = read_file(folder() / out / "log.jsonl").value_or("");
    for (const std::string_view line : split(log, '\n')) {
      if (!line.empty()) all.push_back(Json::parse(line)["loss"]);
    }
    return all;
  }
  // What differs is the order in which a step's sequences are added up, a few units of 6e-8 in a gradient.
  void expect_same_losses(const std::string& a, const std::string& b) const {
    const std::vector<double> one = losses(a), other = losses(b);
    ASSERT_EQ(one.size(), steps_);
    ASSERT_EQ(other.size(), steps_);
    for (size_t i = 0; i < steps_; ++i) EXPECT_NEAR(one[i], other[i], 2e-6 * static_cast<double>(i + 1) * one[i]) << b << ", step " << i + 1;
  }
  std::string adapter(const std::string& out) const { return read_file(folder() / out / "adapter.gguf").value_or(""); }

  std::string data_;
  size_t steps_ = 8;
};

TEST_F(RanksTest, TuneGivesTheLossesOfOneProcessAndTheSameBitsEveryTime) {
  ASSERT_EQ(shell(tune("one")).status, 0);
  for (const int ranks : {2, 4}) {
    const std::string out = std::to_string(ranks);
    const Ran ran = shell(launcher(ranks) + tune(out));
    ASSERT_EQ(ran.status, 0) << ran.err;
    ASSERT_FALSE(ran.json().is_discarded()) << ran.out;  // rank 0 alone prints
    EXPECT_EQ(ran.json()["ranks"], ranks);
    EXPECT_GT(ran.json()["joules"], 0);
    EXPECT_TRUE(ran.json()["energy"] == "estimated" || ran.json()["energy"] == "measured");
    const Json progress = Json::parse(ran.err.substr(ran.err.rfind("{\"")), nullptr, false);  // a line a step on standard error
    EXPECT_EQ(progress["step"], 8) << ran.err;
    const std::string log = read_file(folder() / out / "log.jsonl").value_or("");
    EXPECT_NEAR(progress["joules"].get<double>(), Json::parse(split(log, '\n')[7])["joules"].get<double>(), 1e-6);
    expect_same_losses("one", out);
    const Json run = json({"train", "runs"})["runs"][0];  // one for all ranks
    EXPECT_EQ(run["ranks"], ranks);
    EXPECT_EQ(run["id"], ran.json()["run"]);
    EXPECT_EQ(run["state"], "finished");
  }
  EXPECT_EQ(json({"train", "runs"})["runs"].size(), 3U);
  ASSERT_EQ(shell(launcher(2) + tune("again")).status, 0);
  EXPECT_EQ(adapter("2"), adapter("again"));
  EXPECT_EQ(losses("2"), losses("again"));
}

TEST_F(RanksTest, PreferencesAndPretrainingToo) {
  data_ = write("pairs.jsonl", "{\"prompt\":\"a \",\"chosen\":\"b\",\"rejected\":\"c\"}\n{\"prompt\":\"d \",\"chosen\":\"e\",\"rejected\":\"f\"}\n"
                               "{\"prompt\":\"g \",\"chosen\":\"h\",\"rejected\":\"i\"}\n").string();
  ASSERT_EQ(shell(tune("one", "--method dpo")).status, 0);
  ASSERT_EQ(shell(launcher(2) + tune("two", "--method dpo")).status, 0);
  expect_same_losses("one", "two");
  const std::string config = write("small.toml", "[model]\nlayers = 1\nwidth = 32\nheads = 2\nfeed_forward = 64\n"
                                                 "[training]\nsteps = 8\nbatch = 4\ncontext = 20\n").string();
  const std::string text = write("text.jsonl", "{\"text\":\"one two three\"}\n{\"text\":\"four five six\"}\n").string();
  const auto pretrain = [&](const std::string& out) {
    return quoted(SILLOK_PROGRAM) + " pretrain --home " + quoted(home().string()) + " --config " + quoted(config) + " --data " + quoted(text) +
           " --tokenizer " + quoted((folder() / "llama.gguf").string()) + " --threads 1 --out " + quoted((folder() / out).string());
  };
  ASSERT_EQ(shell(pretrain("base1")).status, 0);
  ASSERT_EQ(shell(launcher(2) + pretrain("base2")).status, 0);
  expect_same_losses("base1", "base2");
  EXPECT_TRUE(fs::exists(folder() / "base2" / "model.gguf"));
}

TEST_F(RanksTest, GoesOnWithAnotherNumberOfProcesses) {
  constexpr int kBatch = 200;  // with so many steps, seconds are left to cut it off
  steps_ = 14;
  ASSERT_EQ(shell(tune("one", "", kBatch)).status, 0);
  // Its own shell kills each rank: the launcher passes a signal on when it gets to it, and the run may be through by then.
  const fs::path script = write("cut.sh", tune("cut", "", kBatch) + " & p=$!\nuntil grep -qs '\"step\":3,' " +
                                              quoted((folder() / "cut" / "log.jsonl").string()) + "; do sleep 0.02; done\nkill -9 $p\nwait $p\n");
  EXPECT_NE(shell(launcher(2) + "sh " + quoted(script.string())).status, 0);
  const Ran two = shell(launcher(2) + tune("cut", "--resume", kBatch / 2));  // another batch: one line, of rank 0
  EXPECT_NE(two.status, 0);
  EXPECT_NE(two.err.find("'batch = 200', now it is 'batch = 100'"), std::string::npos) << two.err;
  EXPECT_EQ(two.err.find("sillok: "), two.err.rfind("sillok: ")) << two.err;
  const Ran four = shell(launcher(4) + tune("cut", "--resume", kBatch));
  ASSERT_EQ(four.status, 0) << four.err;
  EXPECT_GE(four.json()["resumed_from"], 2);
  EXPECT_LT(four.json()["resumed_from"], steps_);
  expect_same_losses("one", "cut");
}

TEST_F(RanksTest, AFailedRankStopsAllWithOneLine) {
  const std::string bad = write("bad.jsonl", "{\"text\":\"abc\"}\nno json\n").string(), good = data_;
  const std::string fine = tune("run");
  data_ = bad;
  const std::string broken = tune("run");
  data_ = write("other.jsonl", "{\"text\":\"abc\"}\n").string();
  const std::string other = tune("run");
  const auto mixed = [&](const std::string& second) {
    return launcher(2) + "sh -c " + "\"if [ \\$OMPI_COMM_WORLD_RANK = 1 ]; then exec " + second + "; else exec " + fine +
           "; fi\"";
  };
  for (const auto& [command, words] : {std::pair(mixed(broken), "sillok: rank 1: "), std::pair(mixed(other), "rank 1 has other data")}) {
    const Ran ran = shell(command);
    EXPECT_NE(ran.status, 0);
    EXPECT_NE(ran.err.find(words), std::string::npos) << ran.err;
    EXPECT_EQ(ran.err.find("sillok: "), ran.err.rfind("sillok: ")) << ran.err;
    EXPECT_FALSE(fs::exists(folder() / "run" / "adapter.gguf"));
  }
}

}  // namespace
}  // namespace sillok::system_test
