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

std::unique_ptr<tensor::Backend> cpu(uint32_t threads = 2) {
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

// In plain arithmetic. What separates the reference from it: activations rounded to 8 bits before a product with a quantised
// weight (by blocks of 32, largest value 127: 0.5 % of a product for normal values; by blocks of 256 for the K types:
// 0.65 %), to the weight's own bits for F16 (2^-12) and BF16 (2^-9), and GELU from a table of float16 (2^-11). Fifteen
// products in a row, and the softmax, carry it on: four to five times that at the end.
double plain_tolerance(const std::string& name) {
  if (name.ends_with("_K")) return 0.04;
  if (quantised(name)) return 0.025;
  if (name == "llama-BF16") return 8e-3;
  if (name == "llama-F16") return 1e-3;
  if (name.starts_with("gemma") || name.starts_with("bert")) return 5e-4;
  return 1e-5;
}
// The CPU backend keeps keys and values in float16 (2^-12 of each; a sharp softmax makes some 1e-3 of it a layer, in random
// directions), and rounds activations for quantised weights as the reference does, independently of it.
double cpu_tolerance(const std::string& name, uint32_t layers) {
  return std::hypot(1e-3 * std::sqrt(layers), plain_tolerance(name) * (quantised(name) ? 1.5 : 1));
}

void show(const std::string& name, std::string_view backend, double error) {
  if (std::getenv("SILLOK_SHOW_ERRORS") != nullptr) std::printf("%-20s %-10s %.2e\n", name.c_str(), backend.data(), error);
}

TEST_P(GoldenTest, PlainArithmetic) {
  const Opened opened(GetParam(), make_plain_backend());
  ASSERT_TRUE(opened.model);
  const Golden golden = read_golden(GetParam());
  const double error = relative_error(golden, run(opened, whole(golden.tokens, kPages, true)));
  show(GetParam(), "plain", error);
  EXPECT_LT(error, plain_tolerance(GetParam()));
}

TEST_P(GoldenTest, CpuBackend) {
  const Golden golden = read_golden(GetParam());
  for (const tensor::Isa isa : tensor::available_isas()) {
    auto backend = tensor::make_cpu_backend({.threads = 2, .isa = isa});
    ASSERT_TRUE(backend);
    const Opened opened(GetParam(), std::move(*backend));
    ASSERT_TRUE(opened.model);
    const double error = relative_error(golden, run(opened, whole(golden.tokens, kPages, true)));
    show(GetParam(), to_string(isa), error);
    EXPECT_LT(error, cpu_tolerance(GetParam(), opened.model->hyperparameters().layers)) << to_string(isa);
  }
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


// ---------------------------------------------------------------------------------------------
// Against itself: bit for bit

// Logits of the rows with output, run in batches of the given sizes.
std::vector<float> run_in_parts(const Opened& opened, const std::vector<Token>& tokens, std::span<const size_t> parts) {
  std::vector<float> all;
  uint32_t position = 0;
  for (const size_t part : parts) {
    Batch batch;
    batch.tables.push_back(kPages);
    for (size_t i = 0; i < part; ++i, ++position) batch.rows.push_back({tokens[position], position, 0, 0, true});
    const std::vector<float> out = run(opened, batch);
    all.insert(all.end(), out.begin(), out.end());
  }
  return all;
}

class SameBits : public testing::TestWithParam<std::string> {};

TEST_P(SameBits, HoweverAPromptIsCut) {
  const Opened opened(GetParam(), cpu());
  ASSERT_TRUE(opened.model);
  const std::vector<Token> tokens = read_golden(GetParam()).tokens;
  const std::vector<float> at_once = run_in_parts(opened, tokens, std::array<size_t, 1>{40});
  EXPECT_EQ(at_once, run_in_parts(opened, tokens, std::array<size_t, 2>{17, 23}));
  EXPECT_EQ(at_once, run_in_parts(opened, tokens, std::array<size_t, 5>{1, 31, 1, 3, 4}));
  EXPECT_EQ(at_once, run_in_parts(opened, tokens, std::vector<size_t>(40, 1)));
}

TEST_P(SameBits, OnOneThreadAndThree) {
  const std::vector<Token> tokens = read_golden(GetParam()).tokens;
  const Opened one(GetParam(), cpu(1)), three(GetParam(), cpu(3));
  EXPECT_EQ(run(one, whole(tokens, kPages, true)), run(three, whole(tokens, kPages, true)));
}

TEST_P(SameBits, WhetherOtherRowsGiveOutput) {
  const Opened opened(GetParam(), cpu());
  const std::vector<Token> tokens = read_golden(GetParam()).tokens;
  const std::vector<float> all = run(opened, whole(tokens, kPages, true)), last = run(opened, whole(tokens, kPages, false));
  EXPECT_EQ(std::vector<float>(all.end() - static_cast<std::ptrdiff_t>(last.size()), all.end()), last);
}

// Eight sequences of different lengths in one batch: prompts of some beside single next tokens of others.
TEST_P(SameBits, AloneAndAmongEight) {
  const Opened opened(GetParam(), cpu(), 32);
  const std::vector<Token> tokens = read_golden(GetParam()).tokens;
  const size_t vocabulary = opened.model->hyperparameters().vocabulary;
  const auto sequence = [&](size_t s) {  // its own order of the tokens
    std::vector<Token> own(8 + 4 * s);
    for (size_t i = 0; i < own.size(); ++i) own[i] = tokens[(i * (s + 1) + s) % tokens.size()];
    return own;
  };
  std::vector<std::vector<float>> alone;
  for (size_t s = 0; s < 8; ++s) alone.push_back(run(opened, whole(sequence(s), kPages, false)));

  std::vector<std::vector<uint32_t>> pages;
  for (uint32_t s = 0; s < 8; ++s) pages.push_back({31 - s, 2 * s, 2 * s + 1});
  Batch prompts, mixed;
  for (const auto& table : pages) prompts.tables.push_back(table), mixed.tables.push_back(table);
  for (uint32_t s = 0; s < 8; ++s) {
    const std::vector<Token> own = sequence(s);
    for (uint32_t i = 0; i < own.size(); ++i) {
      // Odd sequences have all but the last token run before; even ones come whole.
      Batch& batch = s % 2 == 1 && i + 1 < own.size() ? prompts : mixed;
      batch.rows.push_back({own[i], i, s, 0, i + 1 == own.size()});
    }
  }
  EXPECT_TRUE(run(opened, prompts).empty());
  const std::vector<float> among = run(opened, mixed);
  ASSERT_EQ(among.size(), 8 * vocabulary);
  for (size_t s = 0; s < 8; ++s) {
    EXPECT_EQ(alone[s], std::vector<float>(among.begin() + static_cast<std::ptrdiff_t>(s * vocabulary),
                                           among.begin() + static_cast<std::ptrdiff_t>((s + 1) * vocabulary))) << "sequence " << s;
  }
}

INSTANTIATE_TEST_SUITE_P(Some, SameBits, testing::Values("llama", "qwen3moe", "gemma3", "phi3-long", "exaone4-windows", "llama-Q4_K",
                                                         "llama-Q8_0", "llama-F16", "llama-Q4_0"), [](const auto& parameter) {
  std::string name = parameter.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

// ---------------------------------------------------------------------------------------------
// Perplexity

struct KnownPerplexity {
  const char* model;
  double value;
  double tolerance;  // of the mean of -log p
};
// Of llama.cpp b10573: head -c 3000 LICENSE > text; llama-perplexity -m MODEL -f text -c 64 -b 64 -t 1
const KnownPerplexity kKnown[] = {
    {"llama", 634.0109, 1e-3},     {"qwen3moe", 411.1321, 1e-3},   {"gemma3", 8726.3463, 1e-3},   {"olmo2-windows", 456.6719, 1e-3},
    {"llama-F16", 449.8993, 1e-3}, {"llama-Q8_0", 685.3500, 5e-3}, {"llama-Q4_K", 599.3704, 5e-3}, {"llama-MXFP4", 508.3558, 5e-3},
};

TEST(PerplexityTest, AgreesWithTheReference) {
  const auto text = read_file(fs::path(SILLOK_SOURCE_DIR) / "LICENSE");
  ASSERT_TRUE(text);
  for (const KnownPerplexity& known : kKnown) {
    const Opened opened(known.model, cpu());
    ASSERT_TRUE(opened.model);
    size_t calls = 0;
    const auto measured = measure_perplexity(*opened.model, *opened.backend, std::string_view(*text).substr(0, 3000), 64,
                                             [&calls](size_t, size_t, double) { ++calls; });
    ASSERT_TRUE(measured) << measured.error().message;
    EXPECT_EQ(calls, measured->chunks);
    EXPECT_EQ(measured->scored, measured->chunks * 31);
    EXPECT_NEAR(measured->mean, std::log(known.value), known.tolerance) << known.model << " " << measured->value();
    show(known.model, "perplexity", measured->mean - std::log(known.value));
  }
}

TEST(PerplexityTest, RefusesWhatHasNone) {
  const Opened decoder("llama", make_plain_backend()), encoder("bert", make_plain_backend());
  const auto code = [](const Opened& opened, std::string_view text, uint32_t context) {
    return measure_perplexity(*opened.model, *opened.backend, text, context).error().code;
  };
  EXPECT_EQ(code(decoder, "short", 64), ErrorCode::kInvalid);
  EXPECT_EQ(code(decoder, "short", 1), ErrorCode::kInvalid);
  EXPECT_EQ(code(encoder, "short", 2), ErrorCode::kUnsupported);
}

// ---------------------------------------------------------------------------------------------
// A trained model

// llama2.c documents what its stories260K writes at temperature 0 in 200 steps; this is that text's SHA-256.
TEST(StoriesTest, WritesItsDocumentedText) {
  const fs::path checkpoint = data_path("models/stories260K/stories260K.bin");
  if (checkpoint.empty()) GTEST_SKIP() << "SILLOK_DATA does not hold models/stories260K";
  const Folder folder;
  const auto imported = import_llama2c(checkpoint, checkpoint.parent_path() / "tok512.bin", folder.path / "stories.gguf");
  ASSERT_TRUE(imported) << imported.error().message;
  const auto backend = cpu();
  const auto opened = Model::open(folder.path / "stories.gguf", *backend);
  ASSERT_TRUE(opened) << opened.error().message;
  Model& model = **opened;
  const auto store = *backend->make_kv(model.kv_shape(Type::kF16, 16));
  std::vector<uint32_t> pages(16);
  std::iota(pages.begin(), pages.end(), 0U);
  std::vector<Token> tokens = {*model.tokenizer().bos()};
  while (tokens.size() <= 200) {  // BOS and a token a step
    Batch batch;
    batch.tables.push_back(pages);
    batch.rows.push_back({tokens.back(), static_cast<uint32_t>(tokens.size() - 1), 0, 0, true});
    const auto logits = model.forward(batch, *store, Model::Output::kLogits);
    ASSERT_TRUE(logits) << logits.error().message;
    tokens.push_back(static_cast<Token>(std::max_element(logits->begin(), logits->end()) - logits->begin()));
  }
  std::string text = model.tokenizer().decode(tokens);
  if (text.starts_with(" ")) text.erase(0, 1);
  EXPECT_EQ(sha256_hex(text), "beeb5cb46785efee81a8545300b31e396b595e5ce6f3b77db201545501981d14") << text;
}

// ---------------------------------------------------------------------------------------------
// Adapters

struct WithAdapters : Opened {
  std::unique_ptr<Adapter> one, two;
  explicit WithAdapters(std::unique_ptr<tensor::Backend> on) : Opened("llama", std::move(on), 32) {
    for (const SmallModel& small : small_adapters()) {
      const fs::path path = folder.path / (small.name + ".gguf");
      EXPECT_TRUE(write_small_model(small, path));
      auto adapter = Adapter::open(path, *model, *backend);
      EXPECT_TRUE(adapter) << adapter.error().message;
      (small.name == "lora-one" ? one : two) = std::move(*adapter);
    }
  }
};

TEST(AdapterTest, AgreesWithTheReference) {
  const WithAdapters opened(make_plain_backend());
  for (const std::string name : {"lora-one", "lora-two"}) {
    const Golden golden = read_golden(name);
    Batch batch = whole(golden.tokens, kPages, true);
    batch.adapters = {{name == "lora-one" ? opened.one.get() : opened.two.get(), 0.75F}};
    for (Row& row : batch.rows) row.adapter = 1;
    EXPECT_LT(relative_error(golden, run(opened, batch)), 1e-5) << name;
    EXPECT_GT(relative_error(read_golden("llama"), run(opened, batch)), 0.05) << "the adapter changes nothing";
  }
}

TEST(AdapterTest, RowsOfOneBatchHaveTheirOwn) {
  const WithAdapters opened(cpu());
  const std::vector<Token> tokens = read_golden("llama").tokens;
  const std::vector<std::pair<const Adapter*, float>> adapters = {{opened.one.get(), 1.0F}, {opened.two.get(), 0.5F}, {opened.one.get(), 0.3F}};
  const std::vector<std::vector<uint32_t>> pages = {{9, 8}, {7, 6}, {5, 4}, {3, 2}};
  Batch together;
  together.adapters = adapters;
  std::vector<float> alone;
  for (uint32_t s = 0; s < 4; ++s) {
    Batch single = whole(tokens, pages[s], false);
    single.adapters = adapters;
    for (Row& row : single.rows) row.adapter = s;
    const std::vector<float> out = run(opened, single);
    alone.insert(alone.end(), out.begin(), out.end());
    together.tables.push_back(pages[s]);
    for (Row row : single.rows) {
      row.table = s;
      together.rows.push_back(row);
    }
  }
  EXPECT_EQ(run(opened, together), alone);
}

// The same adapter as PEFT saves it, q's rows in halves: bit for bit what the GGUF file gives.
TEST(AdapterTest, PeftFoldersAreTheSame) {
  const WithAdapters opened(cpu());
  const fs::path folder = opened.folder.path / "peft";
  fs::create_directory(folder);
  const auto file = Gguf::open(opened.folder.path / "lora-one.gguf");
  ASSERT_TRUE(file);
  const std::map<std::string, std::string> modules = {
      {"blk.0.attn_q.weight", "model.layers.0.self_attn.q_proj"}, {"blk.0.attn_v.weight", "model.layers.0.self_attn.v_proj"},
      {"blk.1.attn_output.weight", "model.layers.1.self_attn.o_proj"}, {"blk.1.ffn_gate.weight", "model.layers.1.mlp.gate_proj"},
      {"blk.2.ffn_down.weight", "model.layers.2.mlp.down_proj"}, {"output.weight", "lm_head"}};
  std::string header, data;
  for (const GgufTensor& tensor : (*file)->tensors()) {
    const bool is_a = tensor.name.ends_with("_a");
    const std::string target = tensor.name.substr(0, tensor.name.size() - 7);
    std::string bytes(tensor.bytes);
    if (target == "blk.0.attn_q.weight" && !is_a) {  // four heads of 16 rows of 4 floats
      for (size_t row = 0; row < 64; ++row) {
        const size_t half_order = row / 16 * 16 + row % 2 * 8 + row % 16 / 2;
        bytes.replace(half_order * 16, 16, tensor.bytes.substr(row * 16, 16));
      }
    }
    header += (header.empty() ? "{" : ",") + json_quote("base_model.model." + modules.at(target) + (is_a ? ".lora_A.weight" : ".lora_B.weight")) +
              ":{\"dtype\":\"F32\",\"shape\":[" + std::to_string(tensor.shape[1]) + "," + std::to_string(tensor.shape[0]) +
              "],\"data_offsets\":[" + std::to_string(data.size()) + "," + std::to_string(data.size() + bytes.size()) + "]}";
    data += bytes;
  }
  header += "}";
  std::string size(8, '\0');
  for (size_t i = 0; i < 8; ++i) size[i] = static_cast<char>(header.size() >> (8 * i) & 0xFF);
  ASSERT_TRUE(write_file_atomic(folder / "adapter_model.safetensors", size + header + data));
  const auto config = [&](const std::string& more) {
    ASSERT_TRUE(write_file_atomic(folder / "adapter_config.json", "{\"peft_type\":\"LORA\",\"lora_alpha\":8" + more + "}"));
  };
  const auto logits = [&](const Adapter& adapter, float scale) {
    Batch batch = whole(read_golden("llama").tokens, kPages, true);
    batch.adapters = {{&adapter, scale}};
    for (Row& row : batch.rows) row.adapter = 1;
    return run(opened, batch);
  };
  config("");
  for (const fs::path& path : {folder, folder / "adapter_model.safetensors"}) {
    const auto adapter = Adapter::open(path, *opened.model, *opened.backend);
    ASSERT_TRUE(adapter) << adapter.error().message;
    EXPECT_EQ(logits(**adapter, 0.75F), logits(*opened.one, 0.75F));
  }
  config(",\"use_rslora\":true");  // alpha / sqrt(rank): another scale
  EXPECT_NE(logits(**Adapter::open(folder, *opened.model, *opened.backend), 0.75F), logits(*opened.one, 0.75F));
  config(",\"use_dora\":true");
  EXPECT_EQ(Adapter::open(folder, *opened.model, *opened.backend).error().code, ErrorCode::kUnsupported);
  fs::remove(folder / "adapter_config.json");
  EXPECT_EQ(Adapter::open(folder, *opened.model, *opened.backend).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace sillok::model
