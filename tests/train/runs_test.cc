// The home's list of training runs: what a run tells of itself, what is left of it after a kill, who is told.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <thread>

#include "files.h"
#include "small_models.h"
#include "train/train.h"

namespace sillok::train {
namespace {

class RunsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(home() / "archive.db") << "";  // what makes a folder a home
    std::ofstream(folder_.path / "data.jsonl") << "{\"text\":\"the quick brown fox\"}\n{\"text\":\"jumps over\"}\n{\"text\":\"the lazy dog\"}\n";
  }
  const fs::path& home() const { return folder_.path; }
  TrainingRun described(const std::string& out) const {
    fs::create_directories(folder_.path / out);
    TrainingRun run;
    run.kind = "tune", run.base = "base.gguf", run.data = folder_.path / "data.jsonl", run.out = folder_.path / out;
    return run;
  }
  static RunPoint point(uint64_t step, double loss) { return {step, loss, 1e-3, 100, static_cast<double>(step), 10.0 * static_cast<double>(step), 5, true}; }
  TrainingRun only() const {
    const TrainingRuns list = list_runs(home());
    EXPECT_EQ(list.problems, std::vector<std::string>());
    EXPECT_EQ(list.runs.size(), 1U);
    return list.runs.empty() ? TrainingRun() : list.runs.front();
  }
  TuneOptions options(uint64_t steps) {
    TuneOptions o;
    o.home = home();
    o.model = folder_.path / "llama.gguf";
    EXPECT_TRUE(model::write_small_model(model::small_model("llama"), o.model));
    o.data = folder_.path / "data.jsonl";
    o.out = folder_.path / "out";
    o.lora.rank = 2;
    o.run.steps = steps;
    o.run.context = 40;
    o.run.save_every = 2;
    o.run.threads = 1;
    return o;
  }

  model::Folder folder_;
};

TEST_F(RunsTest, ThinningKeepsTheLastAndTheMean) {
  std::vector<RunPoint> points;
  double sum = 0;
  for (uint64_t step = 1; step <= 1003; ++step) {
    points.push_back(point(step, static_cast<double>(step % 7)));
    sum += points.back().loss;
  }
  for (const size_t most : {size_t{1}, size_t{10}, size_t{500}, size_t{1002}}) {
    const std::vector<RunPoint> fewer = thinned(points, most);
    EXPECT_LE(fewer.size(), most);
    EXPECT_EQ(fewer.back().step, 1003U);
    double of_fewer = 0;
    uint64_t before = 0;
    for (const RunPoint& p : fewer) {
      of_fewer += p.loss * static_cast<double>(p.step - before);
      before = p.step;
    }
    EXPECT_NEAR(of_fewer, sum, 1e-9 * sum) << most;
  }
  EXPECT_EQ(thinned(points, 1003).size(), 1003U);
}

TEST_F(RunsTest, TellsHowItStandsWhileItRunsAndHowItEnded) {
  TuneOptions o = options(5);
  uint64_t told = 0;
  const auto report = tune(o, [&](const StepReport& step) {
    const TrainingRun now = only();
    EXPECT_EQ(now.state, RunState::kRunning);
    EXPECT_EQ(now.steps, 5U);
    if (now.last) told = std::max(told, now.last->step);
    if (step.step == 3) std::this_thread::sleep_for(std::chrono::milliseconds(600));  // step 4 comes late enough to be written at once
  });
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(told, 4U);
  const auto run = load_run(home(), report->run, 500);
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_EQ(run->state, RunState::kFinished);
  EXPECT_EQ(run->kind, "tune");
  EXPECT_EQ(run->base, "llama.gguf");
  EXPECT_EQ(run->out, o.out);
  EXPECT_GE(run->ended, run->started);
  ASSERT_EQ(run->curve.size(), 5U);
  EXPECT_NEAR(run->curve.front().loss, report->first_loss, 1e-9);
  EXPECT_NEAR(run->last->loss, report->last_loss, 1e-9);
  EXPECT_NEAR(run->last->joules, report->joules, 1e-6 * report->joules);
}

TEST_F(RunsTest, AFailureIsTold) {
  TuneOptions o = options(5);
  o.run.schedule.rate = 1e30;
  ASSERT_FALSE(tune(o));
  const TrainingRun run = only();
  EXPECT_EQ(run.state, RunState::kFailed);
  EXPECT_NE(run.error.find("lower --lr"), std::string::npos);
  EXPECT_GT(run.ended, 0);
}

TEST_F(RunsTest, WithoutAHomeNothingIsKept) {
  TuneOptions o = options(2);
  fs::remove(home() / "archive.db");
  const auto report = tune(o);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->run, "");
  EXPECT_FALSE(fs::exists(home() / "models"));
  EXPECT_FALSE(fs::exists(o.out / "run"));
}

TEST_F(RunsTest, AHomeThatCannotBeWrittenDoesNotStopARun) {
  std::ofstream(home() / "models") << "a file, where a folder should be";
  const auto report = tune(options(2));
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->run, "");
  EXPECT_NE(report->note.find("list of training runs"), std::string::npos) << report->note;
}

// A child that has done `steps` steps and is killed.
void run_and_kill(const fs::path& home, const TrainingRun& run, bool resume, uint64_t done, uint64_t steps) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    RunAccount account;
    account.describe(home, run, resume);
    account.begin(done, 100);
    for (uint64_t step = done + 1; step <= done + steps; ++step) {
      if (step == done + steps) ::usleep(600'000);  // so that all are written
      account.add({step, 1.0 / static_cast<double>(step), 1e-3, 100, static_cast<double>(step - done), 10.0 * static_cast<double>(step - done), 5, true});
    }
    (void)!::write(ready[1], "x", 1);
    ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_EQ(list_runs(home).runs.front().state, RunState::kRunning);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(ready[0]), ::close(ready[1]);
}

TEST_F(RunsTest, AKilledRunIsInterruptedAndTheSameRunGoesOn) {
  run_and_kill(home(), described("out"), false, 0, 7);
  const TrainingRun killed = only();
  EXPECT_EQ(killed.state, RunState::kInterrupted);
  EXPECT_EQ(killed.last->step, 7U);
  // A machine that stops leaves half a line.
  std::ofstream(home() / "models" / "training" / killed.id / "curve.jsonl", std::ios::app) << "{\"step\":8,\"lo";
  EXPECT_EQ(only().last->step, 7U);
  {
    RunAccount account;
    account.describe(home(), described("out"), true);
    account.begin(4, 100);  // the checkpoint was of step 4
    EXPECT_EQ(account.problem(), "");
    EXPECT_EQ(account.id(), killed.id);
    EXPECT_EQ(only().state, RunState::kRunning);
    account.add(point(5, 2));
    account.end(nullptr);
  }
  const auto run = load_run(home(), killed.id, 500);
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_EQ(run->state, RunState::kFinished);
  EXPECT_EQ(run->started, killed.started);
  ASSERT_EQ(run->curve.size(), 5U);
  EXPECT_EQ(run->curve[3].step, 4U);
  EXPECT_EQ(run->curve[4].step, 5U);
  EXPECT_DOUBLE_EQ(run->curve[4].joules, 70 + 50);  // the steps that were lost took energy too
  EXPECT_DOUBLE_EQ(run->curve[4].seconds, 7 + 5);
  // Without --resume it is another run.
  RunAccount again;
  again.describe(home(), described("out"), false);
  again.begin(0, 100);
  EXPECT_NE(again.id(), killed.id);
  EXPECT_EQ(list_runs(home()).runs.size(), 2U);
}

TEST_F(RunsTest, ACopyOfTheFolderIsAnotherRunAndAMovedOneTheSame) {
  run_and_kill(home(), described("out"), false, 0, 2);
  const std::string id = only().id;
  fs::copy(folder_.path / "out", folder_.path / "copy");
  RunAccount copy;
  copy.describe(home(), described("copy"), true);
  copy.begin(2, 100);
  EXPECT_NE(copy.id(), id);
  copy.end(nullptr);
  fs::rename(folder_.path / "out", folder_.path / "moved");
  RunAccount moved;
  moved.describe(home(), described("moved"), true);
  moved.begin(2, 100);
  EXPECT_EQ(moved.id(), id);
}

TEST_F(RunsTest, ALongCurveStaysShortAndItsLastStepIsTrue) {
  RunAccount account;
  account.describe(home(), described("out"), false);
  account.begin(0, 10'000);
  for (uint64_t step = 1; step <= 9'999; ++step) account.add(point(step, step % 2 == 0 ? 1 : 3));
  account.end(nullptr);
  const fs::path file = home() / "models" / "training" / account.id() / "curve.jsonl";
  EXPECT_LT(fs::file_size(file), 400'000U);
  const auto run = load_run(home(), account.id(), 500);
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_LE(run->curve.size(), 500U);
  EXPECT_GT(run->curve.size(), 250U);
  EXPECT_EQ(run->curve.back().step, 9'999U);
  EXPECT_EQ(run->last->loss, 3);
  for (size_t i = 0; i + 1 < run->curve.size(); ++i) EXPECT_NEAR(run->curve[i].loss, 2, 0.5) << i;
}

TEST_F(RunsTest, TheOldestAreForgottenUnlessTheyRun) {
  RunAccount first;
  first.describe(home(), described("first"), false);
  first.begin(0, 10);
  const fs::path list = home() / "models" / "training";
  const std::string account = *read_file(list / first.id() / "run.json");
  for (int i = 0; i < 120; ++i) {
    const fs::path folder = list / ("t2020" + std::to_string(1000 + i));
    fs::create_directories(folder);
    std::ofstream(folder / "run.json") << account;
    std::ofstream(folder / "lock") << "";
  }
  const FileLock held = *FileLock::acquire(list / "t20201000" / "lock", 0);  // the oldest of all runs
  RunAccount second;
  second.describe(home(), described("second"), false);
  second.begin(0, 10);
  const TrainingRuns left = list_runs(home());
  EXPECT_EQ(left.runs.size(), RunAccount::kMostRuns + 1);
  EXPECT_EQ(left.runs.front().id.substr(0, 9), second.id().substr(0, 9));
  EXPECT_EQ(left.runs.back().id, "t20201000");
  EXPECT_EQ(left.runs.back().state, RunState::kRunning);
}

TEST_F(RunsTest, ADamagedAccountHidesNoOther) {
  RunAccount account;
  account.describe(home(), described("out"), false);
  account.begin(0, 10);
  const fs::path folder = home() / "models" / "training" / "t20200101-000000-0000";
  fs::create_directories(folder);
  std::ofstream(folder / "run.json") << "{\"kind\":\"tune\"";
  const TrainingRuns list = list_runs(home());
  EXPECT_EQ(list.runs.size(), 1U);
  ASSERT_EQ(list.problems.size(), 1U);
  EXPECT_NE(list.problems[0].find("run.json is damaged"), std::string::npos) << list.problems[0];
  EXPECT_EQ(load_run(home(), "t20200101-000000-0000", 10).error().code, ErrorCode::kInvalid);
  for (const char* id : {"", "..", "t/../x", "T1", "lock"}) EXPECT_EQ(load_run(home(), id, 10).error().code, ErrorCode::kNotFound) << id;
}

TEST_F(RunsTest, OnlyWhoSeesAllThatItLearnsFromIsTold) {
  const govern::Lattice lattice({"O", "S", "C"});
  TrainingRun run;
  EXPECT_TRUE(may_see(lattice, {0, {}}, run));  // of a dataset that has no label
  run.labels = {"O", "S:finance"};
  EXPECT_FALSE(may_see(lattice, {2, {}}, run));
  EXPECT_TRUE(may_see(lattice, {1, {"finance"}}, run));
  run.label = "S:finance,personnel";
  EXPECT_FALSE(may_see(lattice, {1, {"finance"}}, run));
  run.label = "no longer a label";
  EXPECT_FALSE(may_see(lattice, {2, {"finance"}}, run));
}

}  // namespace
}  // namespace sillok::train
