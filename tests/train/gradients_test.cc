// Every operation's gradient against finite differences, in double; then whole networks.
#include <numeric>

#include "train/autograd_head.h"
#include "training_models.h"

namespace sillok::train {
namespace {

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

class GradientTest : public testing::Test {
 protected:
  Workers workers_{1};  // differences need thousands of tiny passes; that threads change no bit is tested in pass_test.cc
};

TEST_F(GradientTest, RmsNorm) {
  constexpr size_t kRows = 70, kColumns = 9;  // more than a task's rows
  std::vector<double> x = random_values<double>(kRows * kColumns, 1), w = random_values<double>(kColumns, 2, 2);
  const std::vector<double> dy = random_values<double>(x.size(), 3);
  std::vector<double> y(x.size()), dx(x.size()), dw(kColumns);
  const auto f = [&] {
    rms_norm(workers_, x.data(), kRows, kColumns, w.data(), 0.05, y.data());
    return dot(y, dy);
  };
  rms_norm_gradient(workers_, x.data(), kRows, kColumns, w.data(), 0.05, dy.data(), dx.data(), dw.data());
  expect_gradient(x, dx, f, "dx");
  expect_gradient(w, dw, f, "dw");
}

TEST_F(GradientTest, RotationOfEitherOrderAndInPart) {
  for (const bool halves : {false, true}) {
    tensor::Rope rope;
    rope.head_size = 10;
    rope.rotated = 6;
    rope.halves = halves;
    rope.frequency = {1, 0.3F, 0.01F};
    rope.magnitude = 1.2F;
    const std::vector<int32_t> positions = {0, 1, 2, 0, 1};
    const RopeTable<double> table(rope, positions);
    std::vector<double> x = random_values<double>(5 * 2 * 10, 1), dx = random_values<double>(x.size(), 2);
    const std::vector<double> dy = dx;
    const auto f = [&] {
      std::vector<double> y = x;
      rotate(workers_, table, y.data(), 2, Turn::kForward);
      return dot(y, dy);
    };
    rotate(workers_, table, dx.data(), 2, Turn::kBackward);
    expect_gradient(x, dx, f, halves ? "halves" : "neighbours");
  }
}

TEST_F(GradientTest, SwiGlu) {
  std::vector<double> gate = random_values<double>(300, 1, 6), up = random_values<double>(300, 2);
  const std::vector<double> dy = random_values<double>(300, 3);
  std::vector<double> y(300), dgate = dy, dup(300);
  const auto f = [&] {
    swiglu(workers_, gate.data(), up.data(), 300, y.data());
    return dot(y, dy);
  };
  swiglu_gradient(workers_, gate.data(), up.data(), dgate.data(), 300, dgate.data(), dup.data());
  expect_gradient(gate, dgate, f, "gate");
  expect_gradient(up, dup, f, "up");
}

TEST_F(GradientTest, AttentionOverPackedDocuments) {
  const AttentionShape<double> shape{4, 2, 6, 5, 0.4};
  const std::vector<uint32_t> begins = {0, 3, 4};
  constexpr size_t kRows = 137;  // the last document is longer than a block of queries
  std::vector<double> q = random_values<double>(kRows * 24, 1, 2), k = random_values<double>(kRows * 12, 2, 2),
                      v = random_values<double>(kRows * 10, 3);
  const std::vector<double> dy = random_values<double>(kRows * 20, 4);
  std::vector<double> out(dy.size()), dq(q.size()), dk(k.size()), dv(v.size());
  const auto f = [&] {
    attend(workers_, shape, begins, kRows, q.data(), k.data(), v.data(), out.data());
    return dot(out, dy);
  };
  f();
  attend_gradient(workers_, shape, begins, kRows, q.data(), k.data(), v.data(), out.data(), dy.data(), dq.data(), dk.data(), dv.data());
  expect_gradient(q, dq, f, "q", 150);
  expect_gradient(k, dk, f, "k", 150);
  expect_gradient(v, dv, f, "v", 150);
}

TEST_F(GradientTest, DocumentsDoNotSeeEachOther) {
  const AttentionShape<double> shape{2, 1, 4, 4, 0.5};
  const std::vector<double> q = random_values<double>(9 * 8, 1), k = random_values<double>(9 * 4, 2), v = random_values<double>(9 * 4, 3);
  std::vector<double> packed(9 * 8), alone(5 * 8);
  const std::vector<uint32_t> two = {0, 4}, one = {0};
  attend(workers_, shape, two, 9, q.data(), k.data(), v.data(), packed.data());
  attend(workers_, shape, one, 5, q.data() + 4 * 8, k.data() + 4 * 4, v.data() + 4 * 4, alone.data());
  EXPECT_TRUE(std::equal(alone.begin(), alone.end(), packed.begin() + 4 * 8));
}

TEST_F(GradientTest, LinearWithPairAndBias) {
  constexpr size_t kRows = 66, kIn = 7, kOut = 5, kRank = 3;
  Parameter<double> w{"w", kOut, kIn, true, random_values<double>(kOut * kIn, 1), std::vector<double>(kOut * kIn)};
  Parameter<double> a{"a", kRank, kIn, true, random_values<double>(kRank * kIn, 2), std::vector<double>(kRank * kIn)};
  Parameter<double> b{"b", kOut, kRank, true, random_values<double>(kOut * kRank, 3), std::vector<double>(kOut * kRank)};
  Linear<double> linear;
  linear.weight = {kOut, kIn, tensor::Type::kF32, nullptr, w.value.data()};
  linear.bias = random_values<double>(kOut, 4);
  linear.trained = &w;
  linear.a = &a;
  linear.b = &b;
  linear.scale = 0.7;
  std::vector<double> x = random_values<double>(kRows * kIn, 5), y(kRows * kOut), dx(x.size());
  const std::vector<double> dy = random_values<double>(y.size(), 6);
  const auto f = [&] {
    forward(workers_, linear, x.data(), kRows, y.data());
    return dot(y, dy);
  };
  backward(workers_, linear, x.data(), kRows, dy.data(), dx.data(), Into::kSet);
  expect_gradient(x, dx, f, "x");
  expect_gradient(w.value, w.gradient, f, "w");
  expect_gradient(a.value, a.gradient, f, "a");
  expect_gradient(b.value, b.gradient, f, "b");
}

TEST_F(GradientTest, CrossEntropy) {
  constexpr size_t kRows = 6, kWidth = 4, kVocabulary = 700;  // more than a run of the sum
  Parameter<double> w{"w", kVocabulary, kWidth, true, random_values<double>(kVocabulary * kWidth, 1), std::vector<double>(kVocabulary * kWidth)};
  Linear<double> output;
  output.weight = {kVocabulary, kWidth, tensor::Type::kF32, nullptr, w.value.data()};
  output.trained = &w;
  std::vector<double> x = random_values<double>(kRows * kWidth, 2, 3), dx(x.size()), room;
  const std::vector<model::Token> targets = {0, 699, 5, 5, 300, 511};
  const std::vector<double> weights = {0.3, -0.2, 0.3, 1, 0.1, 0.3};
  const auto f = [&] {
    const std::vector<double> losses = cross_entropy<double>(workers_, output, 0.6, x.data(), targets, {}, room, nullptr);
    double sum = 0;
    for (size_t i = 0; i < kRows; ++i) sum += weights[i] * losses[i];
    return sum;
  };
  cross_entropy<double>(workers_, output, 0.6, x.data(), targets, weights, room, dx.data());
  expect_gradient(x, dx, f, "x");
  expect_gradient(w.value, w.gradient, f, "w", 300);
}

// Whole networks: every architecture that can be trained, pairs beside all its matrices.
class NetworkGradientTest : public testing::TestWithParam<const char*> {};

TEST_P(NetworkGradientTest, AgreesWithDifferences) {
  const model::Folder folder;
  Network<double> net = open_network<double>(write_model(folder, GetParam()));
  LoraSettings settings;
  settings.rank = 3;
  settings.alpha = 5;
  if (net.output.name == "output.weight") settings.targets.push_back("output");
  ASSERT_TRUE(add_adapters(net, settings, 1));
  for (size_t i = 0; i < net.parameters.size(); ++i) fill(net.parameters[i]->value, i + 10, 0.2);
  Workers workers(1);
  DecoderPass<double> pass(net, workers);
  const Sequence sequence = make_sequence({7, 5}, net.decoder.shape.vocabulary);
  net.zero_gradients();
  const double loss = pass.loss_and_gradient(sequence, 0.25);
  EXPECT_EQ(loss, pass.loss(sequence));
  for (const auto& parameter : net.parameters) {
    expect_gradient(parameter->value, parameter->gradient, [&] { return 0.25 * pass.loss(sequence); }, parameter->name, 6);
  }
}

INSTANTIATE_TEST_SUITE_P(Architectures, NetworkGradientTest,
                         testing::Values("llama", "llama-rope-freqs", "granite", "qwen2", "qwen3", "exaone", "llama-Q4_K"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace sillok::train
