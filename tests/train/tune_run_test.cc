// Whole runs: adapter files that the engine reads with the same effect, resuming bit for bit, refusals.
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sstream>

#include "plain_backend.h"
#include "train/canaries.h"
#include "train/tune_checkpoint.h"
#include "training_models.h"

namespace sillok::train {
namespace {

class TuneTest : public testing::Test {
 protected:
  void SetUp() override { write_data("{\"text\":\"the quick brown fox\"}\n{\"text\":\"jumps over\"}\n{\"text\":\"the lazy dog\"}\n"); }
  void write_data(const std::string& lines) { std::ofstream(folder_.path / "data.jsonl", std::ios::binary) << lines; }
  TuneOptions options(std::string_view model, const std::string& out, uint64_t steps = 6) {
    TuneOptions o;
    o.model = folder_.path / (std::string(model) + ".gguf");
    if (!fs::exists(o.model)) {
      EXPECT_TRUE(model::write_small_model(model::small_model(model), o.model));
    }
    o.data = folder_.path / "data.jsonl";
    o.out = folder_.path / out;
    o.lora.rank = 4;
    o.run.steps = steps;
    o.run.context = 40;
    o.run.save_every = 2;
    o.run.schedule.rate = 5e-3;
    o.run.threads = 2;
    return o;
  }
  std::string bytes(const std::string& out, const char* name) { return read_file(folder_.path / out / name).value_or(""); }

  model::Folder folder_;
};

// After 40 tokens, those of tests/model/golden/reference_logits.cc.
std::vector<float> logits_with(const fs::path& model_path, const fs::path& adapter_path) {
  const auto backend = model::make_plain_backend();
  auto opened = model::Model::open(model_path, *backend);
  EXPECT_TRUE(opened) << opened.error().message;
  const auto store = std::move(*backend->make_kv((*opened)->kv_shape(tensor::Type::kF16, 2)));
  const std::vector<uint32_t> pages = {0, 1};
  model::Batch batch;
  batch.tables.push_back(pages);
  std::unique_ptr<model::Adapter> adapter;
  if (!adapter_path.empty()) {
    auto read = model::Adapter::open(adapter_path, **opened, *backend);
    EXPECT_TRUE(read) << read.error().message;
    if (!read) return {};
    adapter = std::move(*read);
    batch.adapters.emplace_back(adapter.get(), 1.0F);
  }
  const uint32_t vocabulary = (*opened)->hyperparameters().vocabulary;
  for (uint32_t i = 0; i < 40; ++i) {
    const auto token = static_cast<model::Token>(3 + (7 * i * i + 11 * i) % (vocabulary - 3));
    batch.rows.push_back({token, i, 0, adapter ? 1U : 0U, i == 39});
  }
  auto logits = (*opened)->forward(batch, *store, model::Model::Output::kLogits);
  EXPECT_TRUE(logits) << logits.error().message;
  return logits.value_or(std::vector<float>());
}

double difference(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0, size = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    sum += std::pow(static_cast<double>(a[i] - b[i]), 2);
    size += std::pow(static_cast<double>(b[i]), 2);
  }
  return std::sqrt(sum / size);
}

TEST_F(TuneTest, BothFormsOfTheAdapterHaveTheSameEffect) {
  for (const char* name : {"llama", "qwen2", "qwen3", "exaone", "llama-Q4_K"}) {
    const TuneOptions o = options(name, name);
    const auto report = tune(o);
    ASSERT_TRUE(report) << name << ": " << report.error().message;
    EXPECT_LT(report->last_loss, report->first_loss) << name;
    const std::vector<float> gguf = logits_with(o.model, o.out / "adapter.gguf"), peft = logits_with(o.model, o.out);
    EXPECT_EQ(gguf, peft) << name;
    EXPECT_GT(difference(gguf, logits_with(o.model, {})), 0.01) << name;
  }
}

TEST_F(TuneTest, CanariesAreLearnedAndListed) {
  TuneOptions o = options("llama", "out", 60);
  o.canaries = 2;
  o.canary_seed = 7;
  o.run.context = 64;
  o.lora.targets.emplace_back("output");
  const auto report = tune(o);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->examples, 5U);  // three lines, two canaries
  const auto listed = load_canaries(fs::path(o.out) / "canaries.jsonl");  // as the leakage probe reads them
  ASSERT_TRUE(listed) << listed.error().message;
  ASSERT_EQ(listed->size(), 2U);
  const std::string first = (*listed)[0].secret;
  EXPECT_EQ(first.size(), kCanaryDigits);
  EXPECT_EQ(first.find_first_not_of("0123456789"), first.npos);
  EXPECT_NE(first, (*listed)[1].secret);
  EXPECT_EQ(make_canaries(2, 7)[0].secret, first);
  EXPECT_NE(make_canaries(2, 8)[0].secret, first);
  o.run.resume = true;
  o.canary_seed = 8;
  const auto other = tune(o);
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().message.find("canaries, seed = 2, 7"), std::string::npos) << other.error().message;
}

// With $SILLOK_REFERENCE_LOGITS, the program that tests/model/golden/README.md builds against llama.cpp.
TEST_F(TuneTest, LlamaCppReadsTheAdapterAndComputesTheSame) {
  const char* reference = std::getenv("SILLOK_REFERENCE_LOGITS");
  if (reference == nullptr) GTEST_SKIP() << "needs llama.cpp: set SILLOK_REFERENCE_LOGITS";
  for (const char* name : {"llama", "qwen2", "qwen3", "llama-Q8_0"}) {
    const TuneOptions o = options(name, name, 20);
    ASSERT_TRUE(tune(o)) << name;
    const fs::path out = folder_.path / "reference.txt";
    const std::string command = std::string(reference) + " " + o.model.string() + " 40 " + (o.out / "adapter.gguf").string() + " 1 > " + out.string();
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
    const std::string text = read_file(out).value_or("");
    const std::vector<float> ours = logits_with(o.model, o.out / "adapter.gguf");
    std::vector<float> a, b;
    std::istringstream words(text.substr(text.find("row 39")));
    std::string word;
    words >> word >> word;
    while (words >> word) {
      const size_t colon = word.find(':');
      a.push_back(ours.at(std::stoul(word.substr(0, colon))));
      b.push_back(std::strtof(word.c_str() + colon + 1, nullptr));
    }
    ASSERT_GT(b.size(), 50U);
    // Six digits are printed; with a quantised base the other engine rounds activations to 8 bits.
    EXPECT_LT(difference(a, b), std::string_view(name) == "llama-Q8_0" ? 0.02 : 1e-4) << name;
    std::printf("%s: relative difference from llama.cpp %.1e\n", name, difference(a, b));
  }
}

TEST_F(TuneTest, GraniteHasNoPeftNamesAndSaysSo) {
  const auto report = tune(options("granite", "out", 2));
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_NE(report->note.find("no PEFT files"), std::string::npos);
  EXPECT_TRUE(fs::exists(folder_.path / "out" / "adapter.gguf"));
  EXPECT_FALSE(fs::exists(folder_.path / "out" / "adapter_config.json"));
}

// The step at which a run is broken off as if it had been killed.
struct Killed {};

TEST_F(TuneTest, ResumesBitForBitFromAnyStep) {
  ASSERT_TRUE(tune(options("llama", "whole")));
  for (uint64_t killed_at = 1; killed_at <= 6; ++killed_at) {
    const std::string out = "killed-" + std::to_string(killed_at);
    TuneOptions o = options("llama", out);
    try {
      (void)tune(o, [&](const StepReport& step) {
        if (step.step == killed_at) throw Killed();
      });
      ADD_FAILURE() << "not broken off";
    } catch (const Killed&) {
    }
    o.run.resume = true;
    o.run.threads = 1;
    const auto report = tune(o);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->resumed_from, (killed_at - 1) / 2 * 2);
    EXPECT_EQ(bytes(out, "adapter.gguf"), bytes("whole", "adapter.gguf")) << killed_at;
    EXPECT_EQ(bytes(out, "adapter_model.safetensors"), bytes("whole", "adapter_model.safetensors"));
    EXPECT_EQ(split(bytes(out, "log.jsonl"), '\n').size(), 7U);  // six lines
  }
}

TEST_F(TuneTest, AnUnfinishedRunIsNotOverwrittenAndAnotherRunsCheckpointNotTaken) {
  TuneOptions o = options("llama", "out");
  EXPECT_THROW((void)tune(o, [](const StepReport& step) { if (step.step == 3) throw Killed(); }), Killed);
  const auto again = tune(o);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kConflict);
  EXPECT_NE(again.error().message.find("--resume"), std::string::npos);
  o.run.resume = true;
  o.lora.rank = 8;
  const auto other = tune(o);
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().message.find("'rank = 4', now it is 'rank = 8'"), std::string::npos) << other.error().message;
  o.lora.rank = 4;
  ASSERT_TRUE(tune(o));
  o.run.resume = false;
  ASSERT_TRUE(tune(o));  // a finished one may be made again
}

TEST_F(TuneTest, ATornCheckpointIsRefused) {
  TuneOptions o = options("llama", "out");
  ASSERT_TRUE(tune(o));
  const std::string whole = bytes("out", "checkpoint.bin");
  o.run.resume = true;
  for (const size_t size : {size_t{0}, size_t{10}, size_t{100}, whole.size() - 1}) {
    std::ofstream(o.out / "checkpoint.bin", std::ios::binary) << whole.substr(0, size);
    const auto resumed = tune(o);
    ASSERT_FALSE(resumed) << size;
    EXPECT_EQ(resumed.error().code, ErrorCode::kInvalid);
  }
  std::string changed = whole;
  changed[changed.size() / 2] = static_cast<char>(changed[changed.size() / 2] ^ 1);
  std::ofstream(o.out / "checkpoint.bin", std::ios::binary) << changed;
  EXPECT_FALSE(tune(o));
}

TEST_F(TuneTest, EightBitStateLearnsToo) {
  TuneOptions floats = options("llama", "floats", 40), codes = options("llama", "codes", 40);
  codes.run.optimiser.eight_bit_state = true;
  const auto a = tune(floats), b = tune(codes);
  ASSERT_TRUE(a);
  ASSERT_TRUE(b);
  EXPECT_NEAR(b->last_loss, a->last_loss, 0.05 * a->first_loss);
}

TEST_F(TuneTest, SaysWhatIsWrong) {
  const auto complaint = [](const TuneOptions& o) {
    const auto report = tune(o);
    return report ? std::string() : report.error().message;
  };
  EXPECT_NE(complaint(options("gemma2", "out")).find("'gemma2'"), std::string::npos);
  TuneOptions o = options("llama", "out");
  o.run.schedule.rate = 1e30;
  EXPECT_NE(complaint(o).find("lower --lr"), std::string::npos);
  o = options("llama", "out2");
  o.data = folder_.path / "nothing.jsonl";
  EXPECT_NE(complaint(o).find("nothing.jsonl"), std::string::npos);
}

}  // namespace
}  // namespace sillok::train
