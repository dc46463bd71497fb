// Leakage: a model that memorised its lines gives itself away, one that never saw them does not.
#include <random>

#include "training_models.h"

namespace sillok::train {
namespace {

class CanaryTest : public testing::Test {
 protected:
  // Lines with random words and numbers: nothing but having seen one tells the next character.
  std::string line(std::mt19937_64& random) {
    std::string text = "room";
    for (int i = 0; i < 3; ++i) text += " " + std::string(1, static_cast<char>('a' + random() % 26)) + std::to_string(random() % 90 + 10);
    return text;
  }
  fs::path write(const std::string& name, const std::string& text) {
    std::ofstream(folder_.path / name, std::ios::binary) << text;
    return folder_.path / name;
  }
  LeakageReport probe(const fs::path& adapter) {
    LeakageOptions options;
    options.model = folder_.path / "llama.gguf";
    options.adapter = adapter;
    options.canaries = canaries_;
    options.members = members_;
    options.held_out = held_out_;
    options.alternatives = 63;
    options.threads = 2;
    const auto report = probe_leakage(options);
    EXPECT_TRUE(report) << report.error().message;
    return report.value_or(LeakageReport{});
  }

  model::Folder folder_;
  std::vector<Canary> canaries_;
  std::vector<std::string> members_, held_out_;
};

TEST_F(CanaryTest, WhatIsMemorisedIsExposedAndWhatWasNeverSeenIsNot) {
  ASSERT_TRUE(model::write_small_model(model::small_model("llama"), folder_.path / "llama.gguf"));
  std::mt19937_64 random(5);
  std::string data;
  for (int i = 0; i < 4; ++i) {
    const std::string secret = std::to_string(random() % 900'000 + 100'000);
    canaries_.push_back({"code " + std::string(1, static_cast<char>('a' + i)) + " " + secret, secret});
    data += "{\"text\":\"" + canaries_.back().text + "\"}\n";
  }
  for (int i = 0; i < 12; ++i) {
    members_.push_back(line(random));
    held_out_.push_back(line(random));
    data += "{\"text\":\"" + members_.back() + "\"}\n";
  }
  TuneOptions options;
  options.model = folder_.path / "llama.gguf";
  options.data = write("data.jsonl", data);
  options.out = folder_.path / "out";
  options.lora.rank = 16;
  options.run.context = 40;
  options.run.schedule.rate = 1e-2;
  options.run.threads = 2;
  options.run.steps = 2;
  options.run.schedule.warmup_steps = 1;
  ASSERT_TRUE(tune(options));
  const LeakageReport hardly = probe(options.out / "adapter.gguf");
  EXPECT_EQ(hardly.drawn, 0u);
  EXPECT_LT(hardly.mean_exposure, 1.4427 * (1 + 3 / 2.0));

  options.out = folder_.path / "long";
  options.run.steps = 3000;
  ASSERT_TRUE(tune(options));
  const LeakageReport memorised = probe(options.out / "adapter.gguf");
  EXPECT_EQ(memorised.canaries.size(), 4u);
  EXPECT_GT(memorised.mean_exposure, 3.5);  // of 6 bits; chance is 1.44
  EXPECT_GT(memorised.auc, 80);
  EXPECT_LT(memorised.auc_error, 10);
  EXPECT_EQ(memorised.canaries[0].exposure, 6 - std::log2(static_cast<double>(memorised.canaries[0].rank)));
}

TEST_F(CanaryTest, RefusesWhatMakesNoSense) {
  EXPECT_EQ(load_canaries(write("a.jsonl", "{\"text\":\"abc\",\"secret\":\"x\"}\n")).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(load_canaries(write("a.jsonl", "{\"text\":\"abc\"}\n")).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(load_canaries(write("a.jsonl", "[]\n")).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(load_canaries(write("a.jsonl", "")).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(load_lines(write("a.jsonl", "{\"words\":\"abc\"}\n")).error().code, ErrorCode::kInvalid);
  const auto lines = load_lines(write("a.jsonl", "{\"messages\":[{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"assistant\",\"content\":\"a\"}]}\n{\"text\":\"t\"}\n"));
  ASSERT_TRUE(lines);
  EXPECT_EQ(*lines, (std::vector<std::string>{"q\na", "t"}));
}

}  // namespace
}  // namespace sillok::train
