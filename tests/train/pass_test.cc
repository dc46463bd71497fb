// The pass against the model's own forward pass, and against itself: threads, recomputation, packing, refusals.
#include "plain_backend.h"
#include "training_models.h"

namespace sillok::train {
namespace {

// -log p of the targets by Model::forward in plain arithmetic, document by document.
double loss_of_model(const fs::path& path, const Sequence& s) {
  const auto backend = model::make_plain_backend();
  auto opened = model::Model::open(path, *backend);
  EXPECT_TRUE(opened) << opened.error().message;
  const std::vector<uint32_t> pages = {2, 0, 1, 3};
  const auto store = std::move(*backend->make_kv((*opened)->kv_shape(tensor::Type::kF16, 4)));
  const size_t vocabulary = (*opened)->hyperparameters().vocabulary;
  double sum = 0;
  for (size_t d = 0; d < s.begins.size(); ++d) {
    const size_t end = d + 1 < s.begins.size() ? s.begins[d + 1] : s.tokens.size();
    model::Batch batch;
    batch.tables.push_back(pages);
    for (size_t i = s.begins[d]; i < end; ++i) batch.rows.push_back({s.tokens[i], static_cast<uint32_t>(s.positions[i]), 0, 0, true});
    const auto logits = (*opened)->forward(batch, *store, model::Model::Output::kLogits);
    EXPECT_TRUE(logits) << logits.error().message;
    for (size_t i = s.begins[d]; i < end; ++i) {
      if (s.targets[i] == kNoTarget) continue;
      const float* row = logits->data() + (i - s.begins[d]) * vocabulary;
      double whole = 0;
      for (size_t j = 0; j < vocabulary; ++j) whole += std::exp(static_cast<double>(row[j]));
      sum += std::log(whole) - static_cast<double>(row[static_cast<size_t>(s.targets[i])]);
    }
  }
  return sum;
}

class SameLossTest : public testing::TestWithParam<const char*> {};

TEST_P(SameLossTest, AsTheModelsForwardPass) {
  const model::Folder folder;
  const fs::path path = write_model(folder, GetParam());
  Network<float> net = open_network<float>(path);
  Workers workers(2);
  DecoderPass<float> pass(net, workers);
  const Sequence sequence = make_sequence({33, 1, 40}, net.decoder.shape.vocabulary);
  const double expected = loss_of_model(path, sequence);
  // Both round to float32 once an operation: 1e-5 of the loss is some hundred of those.
  EXPECT_NEAR(pass.loss(sequence), expected, 1e-5 * expected);
}

INSTANTIATE_TEST_SUITE_P(Models, SameLossTest,
                         testing::Values("llama", "llama-rope-freqs", "llama-bias", "llama-linear", "llama-yarn", "granite", "qwen2",
                                         "qwen3", "exaone", "llama-F16", "llama-Q8_0", "llama-Q4_K", "llama-Q6_K", "llama-IQ4_NL"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

struct Bits {
  double loss = 0;
  std::vector<std::vector<float>> gradients;
  bool operator==(const Bits&) const = default;
};
Bits gradients_with(const fs::path& path, uint32_t threads, size_t kept_bytes) {
  Network<float> net = open_network<float>(path);
  EXPECT_TRUE(add_adapters(net, {}, 1));
  for (size_t i = 0; i < net.parameters.size(); ++i) fill(net.parameters[i]->value, i, 0.1);
  Workers workers(threads);
  DecoderPass<float> pass(net, workers, {kept_bytes});
  Bits bits;
  bits.loss = pass.loss_and_gradient(make_sequence({100, 60, 140}, net.decoder.shape.vocabulary), 0.01F);
  for (const auto& parameter : net.parameters) bits.gradients.push_back(parameter->gradient);
  return bits;
}

TEST(PassTest, HasTheSameBitsForAnyThreadsAndAnyRecomputation) {
  const model::Folder folder;
  for (const char* name : {"llama", "llama-Q4_K", "qwen3"}) {
    const fs::path path = write_model(folder, name);
    const Bits one = gradients_with(path, 1, size_t{1} << 30);
    EXPECT_EQ(one, gradients_with(path, 2, size_t{1} << 30)) << name;
    EXPECT_EQ(one, gradients_with(path, 3, 0)) << name;             // everything again
    EXPECT_EQ(one, gradients_with(path, 2, size_t{1} << 20)) << name;  // some layers
  }
}

TEST(PassTest, RefusesOtherArchitecturesByName) {
  for (const char* name : {"gemma", "gemma2", "gemma3", "phi3-short", "olmo2", "exaone4", "qwen3moe", "llama-experts", "bert"}) {
    const model::Folder folder;
    const auto file = model::Gguf::open(write_model(folder, name));
    ASSERT_TRUE(file);
    const auto network = read_network<float>(*file, 0);
    ASSERT_FALSE(network) << name;
    EXPECT_EQ(network.error().code, ErrorCode::kUnsupported);
    const std::string architecture = (*file)->text("general.architecture").value();
    EXPECT_NE(network.error().message.find("'" + architecture + "'"), std::string::npos) << network.error().message;
  }
}

TEST(PassTest, RefusesTargetsThatThereAreNot) {
  const model::Folder folder;
  Network<float> net = open_network<float>(write_model(folder, "qwen2"));
  LoraSettings settings;
  settings.targets = {"q", "heads"};
  const auto added = add_adapters(net, settings, 1);
  ASSERT_FALSE(added);
  EXPECT_NE(added.error().message.find("'heads'"), std::string::npos);
  settings.targets = {"output"};  // tied to the embedding
  EXPECT_FALSE(add_adapters(net, settings, 1));
}

}  // namespace
}  // namespace sillok::train
