// The forward pass against golden values of a reference engine (tests/model/golden/README.md), and against itself.
#include <cmath>
#include <cstdlib>
#include <map>
#include <numeric>
#include <sstream>

#include "files.h"
#include "plain_backend.h"
#include "small_models.h"

namespace sillok::model {
namespace {

using tensor::Type;

// A model written, opened, and room for its keys and values.
struct Opened {
  Folder folder;
  std::unique_ptr<tensor::Backend> backend;
  std::unique_ptr<Model> model;
  std::unique_ptr<tensor::KvStore> store;

  Opened(std::string_view name, std::unique_ptr<tensor::Backend> on, uint32_t pages = 16) : backend(std::move(on)) {
    const fs::path path = folder.path / "model.gguf";
    const auto written = write_small_model(small_model(name), path);
    EXPECT_TRUE(written) << written.error().message;
    auto opened = Model::open(path, *backend);
    EXPECT_TRUE(opened) << opened.error().message;
    if (!opened) return;
    model = std::move(*opened);
    store = std::move(*backend->make_kv(model->kv_shape(Type::kF16, pages)));
  }
};

[[maybe_unused]] std::unique_ptr<tensor::Backend> cpu(uint32_t threads = 2) {
  auto backend = tensor::make_cpu_backend({.threads = threads, .isa = std::nullopt});
  EXPECT_TRUE(backend);
  return std::move(*backend);
}

// Values of the reference, by row and column.
struct Golden {
  std::vector<Token> tokens;
  std::map<std::pair<size_t, size_t>, float> values;
};
Golden read_golden(std::string_view name) {
  Golden golden;
  const fs::path path = fs::path(SILLOK_SOURCE_DIR) / "tests/model/golden" / (std::string(name) + ".txt");
  std::ifstream in(path);
  EXPECT_TRUE(in) << path;
  std::string line, word;
  while (std::getline(in, line)) {
    std::istringstream words(line);
    words >> word;
    if (word == "tokens") {
      for (Token token = 0; words >> token;) golden.tokens.push_back(token);
      continue;
    }
    size_t row = 0;
    words >> row;
    while (words >> word) {
      const size_t colon = word.find(':');
      golden.values[{row, std::stoul(word.substr(0, colon))}] = std::strtof(word.c_str() + colon + 1, nullptr);
    }
  }
  return golden;
}

Batch whole(const std::vector<Token>& tokens, std::span<const uint32_t> pages, bool all_outputs) {
  Batch batch;
  batch.tables.push_back(pages);
  for (uint32_t i = 0; i < tokens.size(); ++i) {
    batch.rows.push_back({tokens[i], i, 0, 0, all_outputs || i + 1 == tokens.size()});
  }
  return batch;
}

const std::vector<uint32_t> kPages = {3, 1, 4, 0, 5};  // in no order

Model::Output output_of(const Model& model) {
  const Hyperparameters& shape = model.hyperparameters();
  return shape.causal || shape.pooling == Pooling::kRank ? Model::Output::kLogits : Model::Output::kHidden;
}

std::vector<float> run(const Opened& opened, const Batch& batch) {
  auto out = opened.model->forward(batch, *opened.store, output_of(*opened.model));
  EXPECT_TRUE(out) << out.error().message;
  return out.value_or(std::vector<float>{});
}

// Root mean square of the difference over that of the golden values.
double relative_error(const Golden& golden, const std::vector<float>& values) {
  const size_t columns = values.size() / golden.tokens.size();
  double difference = 0, size = 0;
  for (const auto& [at, expected] : golden.values) {
    const double got = values.at(at.first * columns + at.second);
    difference += (got - expected) * (got - expected);
    size += static_cast<double>(expected) * expected;
  }
  return std::sqrt(difference / size);
}

// ---------------------------------------------------------------------------------------------
// Against the reference

class GoldenTest : public testing::TestWithParam<std::string> {};

bool quantised(const std::string& name) { return name.starts_with("llama-Q") || name.ends_with("NL") || name.ends_with("FP4"); }

// In plain arithmetic. The reference rounds activations to 8 bits before it multiplies by a quantised weight (half a
// step of 1/127 of a block's largest: about 0.3 % of a product, some four of them in a row a layer), to the weight's own 16
// bits for F16 (2^-12) and BF16 (2^-9), and takes GELU from a table of float16 (2^-11).
double plain_tolerance(const std::string& name) {
  if (quantised(name)) return 0.015;
  if (name == "llama-BF16") return 6e-3;
  if (name == "llama-F16") return 8e-4;
  if (name.starts_with("gemma") || name.starts_with("bert")) return 1e-3;
  return 2e-5;
}

TEST_P(GoldenTest, PlainArithmetic) {
  const Opened opened(GetParam(), make_plain_backend());
  ASSERT_TRUE(opened.model);
  const Golden golden = read_golden(GetParam());
  const double error = relative_error(golden, run(opened, whole(golden.tokens, kPages, true)));
  RecordProperty("error", std::to_string(error));
  if (std::getenv("SILLOK_SHOW_ERRORS") != nullptr) std::printf("%-20s plain %.2e\n", GetParam().c_str(), error);
  EXPECT_LT(error, plain_tolerance(GetParam()));
}

std::vector<std::string> names() {
  std::vector<std::string> names;
  for (const SmallModel& small : small_models()) names.push_back(small.name);
  return names;
}
INSTANTIATE_TEST_SUITE_P(All, GoldenTest, testing::ValuesIn(names()), [](const auto& parameter) {
  std::string name = parameter.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace sillok::model
