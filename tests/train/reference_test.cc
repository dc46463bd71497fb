// The losses of the first twenty steps against training written in double over a tape (reference_training.h).
#include <numbers>

#include "reference_training.h"
#include "train/tune_loop.h"
#include "training_models.h"

namespace sillok::train {
namespace {

constexpr uint64_t kSteps = 20;

Dataset small_dataset(size_t vocabulary) {
  Dataset dataset;
  Random random(5);
  for (const size_t length : {9, 5, 7, 12}) {
    Example example;
    for (size_t i = 0; i < length; ++i) {
      example.tokens.push_back(static_cast<model::Token>(3 + random.below(vocabulary - 3)));
      example.asked.push_back(i == 0 || i % 4 != 3 ? 1 : 0);
    }
    dataset.examples.push_back(std::move(example));
  }
  return dataset;
}

RunSettings settings_of_test() {
  RunSettings run;
  run.steps = kSteps;
  run.context = 16;
  run.batch = 2;
  run.schedule = {.kind = Schedule::kCosine, .rate = 0.01, .warmup_steps = 3, .final_share = 0.1, .decay_share = 0.2};
  run.optimiser.weight_decay = 0.1;
  run.clip = 0.5;
  return run;
}

// Written out again, not taken from optimiser.cc.
double rate_of(uint64_t step, const RunSettings& run) {
  if (step < 3) return 0.01 * static_cast<double>(step + 1) / 4;
  const double along = static_cast<double>(step - 3) / static_cast<double>(run.steps - 3);
  return 0.001 + 0.009 * (1 + std::cos(std::numbers::pi * along)) / 2;
}

std::vector<double> reference_losses(reference::Llama& llama, SequenceStream stream, const RunSettings& run) {
  reference::Adam adam{run.optimiser.beta1, run.optimiser.beta2, run.optimiser.epsilon, run.optimiser.weight_decay, run.clip, {}, {}};
  std::vector<double> losses;
  for (uint64_t step = 0; step < run.steps; ++step) {
    reference::Tape tape;
    llama.place(tape);
    std::vector<int> sums;
    double asked = 0;
    for (uint32_t b = 0; b < run.batch; ++b) {
      const Sequence s = stream.next();
      for (size_t d = 0; d < s.begins.size(); ++d) {  // each document on its own
        const long begin = s.begins[d], end = d + 1 < s.begins.size() ? s.begins[d + 1] : static_cast<long>(s.tokens.size());
        const std::vector<int> targets(s.targets.begin() + begin, s.targets.begin() + end);
        for (const int target : targets) asked += target >= 0 ? 1 : 0;
        sums.push_back(llama.loss(tape, {s.tokens.begin() + begin, s.tokens.begin() + end}, targets));
      }
    }
    const int mean = tape.times(tape.sum(sums), 1 / asked);
    losses.push_back(tape.value(mean));
    const std::vector<double> slopes = tape.slopes(mean);
    std::vector<double*> values;
    std::vector<double> gradient;
    for (auto& [name, pair] : llama.pairs) {
      for (size_t i = 0; i < pair.a.size(); ++i) values.push_back(&pair.a[i]), gradient.push_back(slopes[static_cast<size_t>(pair.a_nodes[i])]);
      for (size_t i = 0; i < pair.b.size(); ++i) values.push_back(&pair.b[i]), gradient.push_back(slopes[static_cast<size_t>(pair.b_nodes[i])]);
    }
    adam.step(values, gradient, rate_of(step, run));
  }
  return losses;
}

TEST(ReferenceTest, FirstTwentyLossesAreThoseOfDoublePrecision) {
  const model::Folder folder;
  Network<float> net = open_network<float>(write_model(folder, "llama"));
  LoraSettings lora;
  lora.rank = 2;
  lora.alpha = 6;
  lora.targets = {"q", "v", "o", "down", "output"};
  ASSERT_TRUE(add_adapters(net, lora, 4));

  reference::Llama llama(*net.file);
  llama.scale = 3;
  for (size_t i = 0; i < net.parameters.size(); i += 2) {
    const Parameter<float>&a = *net.parameters[i], &b = *net.parameters[i + 1];
    reference::Pair pair;
    pair.rank = 2, pair.rows = b.rows, pair.columns = a.columns;
    pair.a.assign(a.value.begin(), a.value.end());
    pair.b.assign(b.value.begin(), b.value.end());
    llama.pairs[a.name.substr(0, a.name.find(".lora_a"))] = pair;
  }

  const Dataset dataset = small_dataset(net.decoder.shape.vocabulary);
  const RunSettings run = settings_of_test();
  SequenceStream stream(dataset, run.context, run.seed);
  const std::vector<double> expected = reference_losses(llama, stream, run);

  std::vector<double> losses;
  Workers workers(2);
  const Fingerprint fingerprint;
  const auto alone = Ranks::join();
  ASSERT_TRUE(alone);
  const auto report = run_steps({**alone, net, workers, stream, run, folder.path, fingerprint},
                                [&losses](const StepReport& step) { losses.push_back(step.loss); });
  ASSERT_TRUE(report) << report.error().message;
  ASSERT_EQ(losses.size(), expected.size());
  // float32 rounds to u = 2^-24 an operation. The two layers' some forty operations in a row, rounded either way, add up to
  // sqrt(40) u, and no sum here is long enough to be worse; each step adds the error of its gradient to the weights, and so on to the
  // losses behind it: (step + 1) * 16 u is twice that.
  for (size_t i = 0; i < losses.size(); ++i) {
    EXPECT_NEAR(losses[i], expected[i], static_cast<double>(i + 1) * 16 * 0x1p-24 * expected[i]) << "step " << i + 1;
  }
  EXPECT_LT(losses.back(), 0.8 * losses.front());  // it did learn
}

}  // namespace
}  // namespace sillok::train
