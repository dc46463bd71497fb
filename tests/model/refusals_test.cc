// Files and batches that make no sense are refused with a line that names the thing.
#include <algorithm>
#include <cmath>

#include "files.h"
#include "plain_backend.h"
#include "small_models.h"

namespace sillok::model {
namespace {

void set(SmallModel& model, const std::string& key, GgufValue value) {
  for (auto& [name, old] : model.file.metadata) {
    if (name == key) {
      old = std::move(value);
      return;
    }
  }
  model.file.metadata.emplace_back(key, std::move(value));
}
void remove(SmallModel& model, const std::string& key) {
  const size_t removed = std::erase_if(model.file.metadata, [&](const auto& entry) { return entry.first == key; }) +
                         std::erase_if(model.file.tensors, [&](const auto& tensor) { return tensor.name == key; });
  ASSERT_EQ(removed, 1U) << key;
}
GgufOut::Tensor& tensor(SmallModel& model, const std::string& name) {
  return *std::find_if(model.file.tensors.begin(), model.file.tensors.end(), [&](const auto& t) { return t.name == name; });
}

void expect_refused(const SmallModel& model, ErrorCode code, const std::string& part) {
  const Folder folder;
  const fs::path path = folder.path / "broken.gguf";
  const auto written = write_small_model(model, path);
  ASSERT_TRUE(written) << written.error().message;
  const auto backend = make_plain_backend();
  const auto opened = Model::open(path, *backend);
  ASSERT_FALSE(opened) << "expected: " << part;
  EXPECT_EQ(opened.error().code, code) << opened.error().message;
  EXPECT_NE(opened.error().message.find(part), std::string::npos) << opened.error().message;
  EXPECT_NE(opened.error().message.find("broken.gguf"), std::string::npos) << opened.error().message;
  EXPECT_EQ(opened.error().message.find('\n'), std::string::npos);
}
void expect_metadata_refused(std::string_view name, const std::string& key, GgufValue value, ErrorCode code, const std::string& part) {
  SmallModel model = small_model(name);
  set(model, key, std::move(value));
  expect_refused(model, code, part);
}

TEST(Refusal, MetadataThatMakesNoSense) {
  using U = uint64_t;
  constexpr ErrorCode kInvalid = ErrorCode::kInvalid, kUnsupported = ErrorCode::kUnsupported;
  expect_metadata_refused("llama", "general.architecture", std::string("mamba"), kUnsupported, "'mamba' is not one this build runs (llama, ");
  expect_metadata_refused("llama", "llama.block_count", U{0}, kInvalid, "'llama.block_count' is 0, not within 1 and");
  expect_metadata_refused("llama", "llama.block_count", U{4'000'000'000}, kInvalid, "block_count");
  expect_metadata_refused("llama", "llama.embedding_length", U{1} << 40, kInvalid, "embedding_length");
  expect_metadata_refused("llama", "llama.embedding_length", std::string("wide"), kInvalid, "embedding_length");
  expect_metadata_refused("llama", "llama.attention.head_count", U{0}, kInvalid, "head_count");
  expect_metadata_refused("llama", "llama.attention.head_count_kv", U{3}, kInvalid, "cannot share 3 key/value heads");
  expect_metadata_refused("llama", "llama.attention.head_count_kv", integers({2, 2, 1}), kUnsupported, "differs from layer to layer");
  expect_metadata_refused("llama", "llama.attention.head_count", U{128}, kInvalid, "too few for 128 heads");
  expect_metadata_refused("llama", "llama.attention.layer_norm_rms_epsilon", -1.0, kInvalid, "layer_norm_rms_epsilon");
  expect_metadata_refused("llama", "llama.attention.layer_norm_rms_epsilon", std::nan(""), kInvalid, "layer_norm_rms_epsilon");
  expect_metadata_refused("llama", "llama.rope.dimension_count", U{15}, kInvalid, "dimension_count' is odd");
  expect_metadata_refused("llama", "llama.rope.dimension_count", U{18}, kInvalid, "dimension_count' is 18");
  expect_metadata_refused("llama", "llama.rope.freq_base", 0.0, kInvalid, "rope.freq_base");
  expect_metadata_refused("llama", "llama.rope.scaling.type", std::string("spiral"), kUnsupported, "RoPE scaling 'spiral'");
  expect_metadata_refused("llama", "llama.pooling_type", U{9}, kInvalid, "pooling_type");
  expect_metadata_refused("qwen2", "qwen2.expert_count", U{4}, kUnsupported, "a mixture of experts in architecture 'qwen2'");
  expect_metadata_refused("qwen3moe", "qwen3moe.expert_used_count", U{9}, kInvalid, "expert_used_count");
  expect_metadata_refused("qwen3moe", "qwen3moe.expert_group_count", U{2}, kUnsupported, "experts in groups");
  expect_metadata_refused("qwen3moe", "qwen3moe.expert_gating_func", U{2}, kUnsupported, "gating function 2");
  expect_metadata_refused("qwen3moe", "qwen3moe.expert_shared_count", U{1}, kUnsupported, "every token shares");
  expect_metadata_refused("gemma3", "gemma3.attention.sliding_window_pattern", integers({1, 1}), kInvalid, "2 values for 7 layers");
}

TEST(Refusal, MetadataThatIsMissing) {
  for (const char* key : {"general.architecture", "llama.block_count", "llama.embedding_length", "llama.attention.head_count",
                          "llama.context_length", "llama.feed_forward_length", "llama.attention.layer_norm_rms_epsilon"}) {
    SmallModel model = small_model("llama");
    remove(model, key);
    const Folder folder;
    ASSERT_TRUE(write_small_model(model, folder.path / "m.gguf"));
    const auto opened = Model::open(folder.path / "m.gguf", *make_plain_backend());
    ASSERT_FALSE(opened) << key;
    EXPECT_NE(opened.error().message.find(key), std::string::npos) << opened.error().message;
  }
}

TEST(Refusal, TensorsThatAreMissingOrMisshapen) {
  for (const char* name : {"token_embd.weight", "output_norm.weight", "blk.1.attn_k.weight", "blk.2.ffn_down.weight", "blk.0.ffn_norm.weight"}) {
    SmallModel model = small_model("llama");
    remove(model, name);
    expect_refused(model, ErrorCode::kInvalid, "tensor '" + std::string(name) + "' is missing");
  }
  SmallModel narrow = small_model("llama");
  tensor(narrow, "blk.1.ffn_up.weight").shape = {64, 95};
  expect_refused(narrow, ErrorCode::kInvalid, "tensor 'blk.1.ffn_up.weight' is 64 x 95, but the metadata asks for 64 x 96");
  SmallModel flat = small_model("llama");
  tensor(flat, "blk.0.attn_norm.weight").shape = {32};
  expect_refused(flat, ErrorCode::kInvalid, "'blk.0.attn_norm.weight' is 32,");
  SmallModel experts = small_model("qwen3moe");
  tensor(experts, "blk.0.ffn_up_exps.weight").shape = {64, 32, 7};
  expect_refused(experts, ErrorCode::kInvalid, "64 x 32 x 7, but the metadata asks for 64 x 32 x 8");
  SmallModel half = small_model("phi3-long");
  remove(half, "rope_factors_short.weight");
  expect_refused(half, ErrorCode::kInvalid, "only one is there");
  SmallModel vocabulary = small_model("llama");
  tensor(vocabulary, "token_embd.weight").shape = {64, 287};
  tensor(vocabulary, "output.weight").shape = {64, 287};
  expect_refused(vocabulary, ErrorCode::kInvalid, "the tokenizer has 288 tokens, tensor 'token_embd.weight' has 287");
}

// A tensor that the pass would not read means another model than the one described.
TEST(Refusal, TensorsThatWouldBeLeftOut) {
  SmallModel model = small_model("llama");
  model.file.tensors.push_back({"blk.0.attn_q_norm.weight", tensor::Type::kF32, {16}});
  expect_refused(model, ErrorCode::kUnsupported, "'blk.0.attn_q_norm.weight' is not part of architecture 'llama'");
  SmallModel more = small_model("llama");
  more.file.tensors.push_back({"blk.3.attn_norm.weight", tensor::Type::kF32, {64}});
  expect_refused(more, ErrorCode::kUnsupported, "'blk.3.attn_norm.weight'");
}

TEST(Refusal, TypesThatHoldNoWeights) {
  SmallModel model = small_model("llama");
  tensor(model, "blk.0.attn_q.weight").type = tensor::Type::kF32;
  const Folder folder;
  const fs::path path = folder.path / "broken.gguf";
  GgufOut file = model.file;
  std::find_if(file.tensors.begin(), file.tensors.end(), [](const auto& t) { return t.name == "blk.0.attn_q.weight"; })->type =
      tensor::Type::kI32;
  ASSERT_TRUE(write_gguf(path, file, filled(file, 0)));
  const auto opened = Model::open(path, *make_plain_backend());
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("'blk.0.attn_q.weight' has type I32"), std::string::npos) << opened.error().message;
}

// ---------------------------------------------------------------------------------------------
// Batches

class BatchRefusal : public testing::Test {
 protected:
  void open(std::string_view name) {
    ASSERT_TRUE(write_small_model(small_model(name), folder_.path / "m.gguf"));
    auto opened = Model::open(folder_.path / "m.gguf", *backend_);
    ASSERT_TRUE(opened) << opened.error().message;
    model_ = std::move(*opened);
    store_ = std::move(*backend_->make_kv(model_->kv_shape(tensor::Type::kF16, 8)));
  }
  void expect(const Batch& batch, ErrorCode code, const std::string& part, Model::Output what = Model::Output::kLogits) {
    const auto out = model_->forward(batch, *store_, what);
    ASSERT_FALSE(out) << "expected: " << part;
    EXPECT_EQ(out.error().code, code);
    EXPECT_NE(out.error().message.find(part), std::string::npos) << out.error().message;
  }
  static Batch one(Row row, const std::vector<uint32_t>& pages) {
    Batch batch;
    batch.tables.push_back(pages);
    batch.rows.push_back(row);
    return batch;
  }

  Folder folder_;
  std::unique_ptr<tensor::Backend> backend_ = make_plain_backend();
  std::unique_ptr<Model> model_;
  std::unique_ptr<tensor::KvStore> store_;
  const std::vector<uint32_t> pages_ = {0, 1}, beyond_ = {8};
};

TEST_F(BatchRefusal, RowsThatPointNowhere) {
  open("llama");
  expect(one({288, 0, 0, 0, true}, pages_), ErrorCode::kInvalid, "token 288 is not below 288");
  expect(one({-1, 0, 0, 0, true}, pages_), ErrorCode::kInvalid, "token -1");
  expect(one({5, 64, 0, 0, true}, pages_), ErrorCode::kInvalid, "position 64 has no page");
  expect(one({5, 0, 0, 0, true}, beyond_), ErrorCode::kInvalid, "position 0 has no page");
  expect(one({5, 0, 1, 0, true}, pages_), ErrorCode::kInvalid, "page table or an adapter");
  expect(one({5, 0, 0, 1, true}, pages_), ErrorCode::kInvalid, "page table or an adapter");
  Batch large = one({5, 0, 0, 0, true}, pages_);
  large.rows.resize(model_->max_rows() + 1, large.rows.front());
  expect(large, ErrorCode::kLimit, "a batch of 513 rows; this model takes 512");
  const Batch empty;
  EXPECT_TRUE(model_->forward(empty, *store_, Model::Output::kLogits)->empty());
}

TEST_F(BatchRefusal, ThingsOfAnotherModel) {
  open("llama");
  tensor::KvShape shape = model_->kv_shape(tensor::Type::kF16, 8);
  shape.layers.pop_back();
  store_ = std::move(*backend_->make_kv(shape));
  expect(one({5, 0, 0, 0, true}, pages_), ErrorCode::kInvalid, "made for another model");

  open("llama");
  const SmallModel adapter_file = small_adapters().front();
  ASSERT_TRUE(write_small_model(adapter_file, folder_.path / "a.gguf"));
  const auto adapter = Adapter::open(folder_.path / "a.gguf", *model_, *backend_);
  ASSERT_TRUE(adapter);
  const std::unique_ptr<Model> first = std::move(model_);
  open("llama-bias");
  Batch batch = one({5, 0, 0, 1, true}, pages_);
  batch.adapters.emplace_back(adapter->get(), 1.0F);
  expect(batch, ErrorCode::kInvalid, "opened for another model");
}

TEST_F(BatchRefusal, EncodersNeedWholeSequences) {
  open("bert");
  expect(one({5, 0, 0, 0, true}, pages_), ErrorCode::kUnsupported, "give vectors, not logits");
  expect(one({5, 1, 0, 0, true}, pages_), ErrorCode::kInvalid, "all tokens of a sequence must be in one batch", Model::Output::kHidden);
  EXPECT_TRUE(model_->forward(one({5, 0, 0, 0, true}, pages_), *store_, Model::Output::kHidden));
}

TEST_F(BatchRefusal, AdaptersThatDoNotFit) {
  open("llama");
  const auto expect_adapter = [&](const SmallModel& file, ErrorCode code, const std::string& part) {
    const fs::path path = folder_.path / "adapter.gguf";
    ASSERT_TRUE(write_small_model(file, path));
    const auto adapter = Adapter::open(path, *model_, *backend_);
    ASSERT_FALSE(adapter) << part;
    EXPECT_EQ(adapter.error().code, code) << adapter.error().message;
    EXPECT_NE(adapter.error().message.find(part), std::string::npos) << adapter.error().message;
  };
  const SmallModel good = small_adapters().front();
  SmallModel bad = good;
  set(bad, "general.architecture", std::string("qwen2"));
  expect_adapter(bad, ErrorCode::kInvalid, "an adapter for architecture 'qwen2'; the model is 'llama'");
  bad = good;
  set(bad, "adapter.type", std::string("prefix"));
  expect_adapter(bad, ErrorCode::kUnsupported, "type 'prefix', not lora");
  bad = good;
  set(bad, "general.type", std::string("model"));
  expect_adapter(bad, ErrorCode::kInvalid, "not an adapter");
  bad = good;
  remove(bad, "blk.0.attn_q.weight.lora_b");
  expect_adapter(bad, ErrorCode::kInvalid, "'blk.0.attn_q.weight' has only one matrix of its pair, blk.0.attn_q.weight.lora_a");
  bad = good;
  tensor(bad, "blk.0.attn_v.weight.lora_b").shape = {4, 64};
  expect_adapter(bad, ErrorCode::kInvalid, "does not fit a matrix of 64 x 32");
  bad = good;
  bad.file.tensors.push_back({"blk.9.attn_q.weight.lora_a", tensor::Type::kF32, {64, 4}});
  expect_adapter(bad, ErrorCode::kUnsupported, "'blk.9.attn_q.weight.lora_a'");
  bad = good;
  bad.file.tensors.clear();
  bad.file.tensors.push_back({"output.weight", tensor::Type::kF32, {64, 4}});
  expect_adapter(bad, ErrorCode::kUnsupported, "neither .lora_a nor .lora_b");
}

}  // namespace
}  // namespace sillok::model
