// Safetensors, importers, quantisation.
#include <cstring>

#include "files.h"
#include "model/safetensors.h"

namespace sillok::model {
namespace {

std::string safetensors(const std::string& header, const std::string& data) {
  std::string out(8, '\0');
  const uint64_t size = header.size();
  std::memcpy(out.data(), &size, 8);
  return out + header + data;
}
void write(const fs::path& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

TEST(Safetensors, ReadsAndRefuses) {
  const std::string good = safetensors(R"({"__metadata__":{"a":"b"},"t":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}})", std::string(8, 'x'));
  const auto file = Safetensors::parse(good);
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_NE(file->tensor("t"), nullptr);
  EXPECT_EQ(file->tensor("t")->shape, (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(file->metadata().at("a"), "b");
  for (size_t size = 0; size < good.size(); ++size) EXPECT_FALSE(Safetensors::parse(std::string_view(good).substr(0, size))) << size;
  const std::pair<const char*, size_t> bad[] = {
      {R"({"t":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8},       // size
      {R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", 8},       // order
      {R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 12},      // bytes left
      {R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})", 12},     // hole
      {R"({"t":{"dtype":"F8","shape":[8],"data_offsets":[0,8]}})", 8},        // type
      {R"({"t":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", 8},
      {R"({"t":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,0]}})", 0},
      {R"({"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"t":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8},  // twice
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4},  // overlap
      {R"({"t":{"dtype":"F32","shape":[[[[1]]]],"data_offsets":[0,4]}})", 4},
      {R"([])", 0}, {R"({)", 0}, {R"({"t":3})", 0}, {R"({"__metadata__":{"a":1}})", 0}};
  for (const auto& [header, size] : bad) {
    EXPECT_FALSE(Safetensors::parse(safetensors(header, std::string(size, '\0')))) << header;
  }
}

// A llama of one layer, two heads of 4, with a byte-level tokenizer.json.
struct HuggingFace {
  Folder folder;
  std::string header = "{", data;
  void add(const std::string& name, std::vector<size_t> shape, float first, float step) {
    size_t count = 1;
    std::string dimensions;
    for (const size_t d : shape) {
      count *= d;
      dimensions += (dimensions.empty() ? "" : ",") + std::to_string(d);
    }
    const size_t begin = data.size();
    for (size_t i = 0; i < count; ++i) {
      const float value = first + step * static_cast<float>(i);
      data.append(reinterpret_cast<const char*>(&value), 4);
    }
    header += (header.size() > 1 ? "," : "") + json_quote(name) + R"(:{"dtype":"F32","shape":[)" + dimensions + R"(],"data_offsets":[)" +
              std::to_string(begin) + "," + std::to_string(data.size()) + "]}";
  }
  void finish(const std::string& architecture) {
    write(folder.path / "model.safetensors", safetensors(header + "}", data));
    write(folder.path / "config.json", R"({"architectures":[")" + architecture + R"("],"hidden_size":8,"intermediate_size":16,
      "num_hidden_layers":1,"num_attention_heads":2,"num_key_value_heads":1,"max_position_embeddings":64,"vocab_size":6,
      "rms_norm_eps":1e-5,"rope_theta":500000.0,"head_dim":4,"sliding_window":32,
      "rope_scaling":{"rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":16}})");
    write(folder.path / "tokenizer_config.json", R"({"bos_token":"<s>","eos_token":{"content":"</s>"},"chat_template":"{{ bos_token }}"})");
    write(folder.path / "tokenizer.json", R"({"model":{"type":"BPE","ignore_merges":true,"vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]},
      "added_tokens":[{"id":3,"content":"<s>","special":true},{"id":4,"content":"</s>","special":true}],
      "pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split","behavior":"Isolated","pattern":{"Regex":
      "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}},
      {"type":"ByteLevel","use_regex":false}]},
      "post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>"}},{"Sequence":{"id":"A"}}]}})");
  }
  void add_layer() {
    add("model.embed_tokens.weight", {6, 8}, 0, 1);
    add("model.norm.weight", {8}, 1, 0);
    add("model.layers.0.self_attn.q_proj.weight", {8, 8}, 0, 1);
    add("model.layers.0.self_attn.k_proj.weight", {4, 8}, 0, 1);
    add("model.layers.0.input_layernorm.weight", {8}, 2, 0);
    add("model.layers.0.post_attention_layernorm.weight", {8}, 3, 0);
    add("model.layers.0.mlp.down_proj.weight", {8, 16}, 0, 1);
  }
};

std::vector<float> values(const Gguf& file, const std::string& name) {
  const GgufTensor* tensor = file.tensor(name);
  EXPECT_NE(tensor, nullptr) << name;
  if (tensor == nullptr) return {};
  std::vector<float> out(tensor->bytes.size() / 4);
  std::memcpy(out.data(), tensor->bytes.data(), tensor->bytes.size());
  return out;
}

TEST(ImportHuggingFace, ALlama) {
  HuggingFace source;
  source.add_layer();
  source.finish("LlamaForCausalLM");
  const fs::path out = source.folder.path / "out.gguf";
  const auto done = import_hugging_face(source.folder.path, out);
  ASSERT_TRUE(done) << done.error().message;
  const auto file = *Gguf::open(out);
  EXPECT_EQ(*file->text("general.architecture"), "llama");
  EXPECT_EQ(*file->integer("llama.attention.head_count_kv"), 1u);
  EXPECT_EQ(*file->text("tokenizer.ggml.pre"), "llama-bpe");
  EXPECT_EQ(*file->integer("tokenizer.ggml.bos_token_id"), 3u);
  EXPECT_EQ(*file->integer("tokenizer.ggml.eos_token_id"), 4u);
  EXPECT_TRUE(*file->boolean("tokenizer.ggml.add_bos_token"));
  EXPECT_EQ(*file->text("tokenizer.chat_template"), "{{ bos_token }}");
  EXPECT_EQ((*file->array("tokenizer.ggml.tokens"))->strings[5], "[PAD5]");
  // Rows of a head of 4: 0 1 2 3 become 0 2 1 3.
  const auto q = values(*file, "blk.0.attn_q.weight");
  EXPECT_EQ((std::vector<float>{q[0], q[8], q[16], q[24], q[32], q[40], q[48], q[56]}), (std::vector<float>{0, 16, 8, 24, 32, 48, 40, 56}));
  EXPECT_EQ(values(*file, "blk.0.ffn_norm.weight")[0], 3);
  EXPECT_EQ(values(*file, "rope_freqs.weight").size(), 2u);
  const auto tokenizer = Tokenizer::from(*file);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ((*tokenizer)->encode("ab", {}), (std::vector<Token>{3, 2}));
}

TEST(ImportHuggingFace, GemmaNormsAndPlacesOfNorms) {
  HuggingFace source;
  source.add_layer();
  source.finish("Gemma2ForCausalLM");
  const fs::path out = source.folder.path / "out.gguf";
  const auto done = import_hugging_face(source.folder.path, out, tensor::Type::kF16);
  ASSERT_TRUE(done) << done.error().message;
  const auto file = *Gguf::open(out);
  EXPECT_EQ(values(*file, "output_norm.weight")[0], 2);
  EXPECT_EQ(values(*file, "blk.0.post_attention_norm.weight")[0], 4);
  EXPECT_EQ(file->tensor("blk.0.attn_q.weight")->type, tensor::Type::kF16);
  EXPECT_EQ(*file->integer("gemma2.attention.sliding_window"), 32u);
}

TEST(ImportHuggingFace, RefusesWhatHasNoPlace) {
  HuggingFace source;
  source.add_layer();
  source.add("model.layers.0.self_attn.strange.weight", {2}, 0, 0);
  source.finish("LlamaForCausalLM");
  const auto strange = import_hugging_face(source.folder.path, source.folder.path / "out.gguf");
  ASSERT_FALSE(strange);
  EXPECT_NE(strange.error().message.find("strange"), std::string::npos);
  source.finish("MambaForCausalLM");
  const auto mamba = import_hugging_face(source.folder.path, source.folder.path / "out.gguf");
  ASSERT_FALSE(mamba);
  EXPECT_NE(mamba.error().message.find("MambaForCausalLM"), std::string::npos);
  EXPECT_FALSE(fs::exists(source.folder.path / "out.gguf"));
}

TEST(Quantize, MixesSpendBitsWhereTheyCount) {
  const Folder folder;
  GgufOut out;
  out.metadata = {{"general.architecture", std::string("llama")}, {"llama.block_count", uint64_t{8}}, {"a.flags", integers({1, 0})}};
  for (int layer = 0; layer < 8; ++layer) {
    const std::string block = "blk." + std::to_string(layer) + ".";
    out.tensors.push_back({block + "attn_v.weight", tensor::Type::kF32, {256, 2}});
    out.tensors.push_back({block + "attn_q.weight", tensor::Type::kF32, {256, 2}});
    out.tensors.push_back({block + "attn_norm.weight", tensor::Type::kF32, {256}});
  }
  out.tensors.push_back({"odd.weight", tensor::Type::kF32, {96, 2}});
  out.tensors.push_back({"output.weight", tensor::Type::kF32, {256, 2}});
  ASSERT_TRUE(write_gguf(folder.path / "in.gguf", out, filled(out, 0)));
  const auto done = quantize_model(folder.path / "in.gguf", folder.path / "out.gguf", "q4_k_m");
  ASSERT_TRUE(done) << done.error().message;
  const auto file = *Gguf::open(folder.path / "out.gguf");
  EXPECT_EQ(file->tensor("output.weight")->type, tensor::Type::kQ6_K);
  EXPECT_EQ(file->tensor("blk.0.attn_v.weight")->type, tensor::Type::kQ6_K);
  EXPECT_EQ(file->tensor("blk.1.attn_v.weight")->type, tensor::Type::kQ4_K);
  EXPECT_EQ(file->tensor("blk.0.attn_q.weight")->type, tensor::Type::kQ4_K);
  EXPECT_EQ(file->tensor("blk.0.attn_norm.weight")->type, tensor::Type::kF32);
  EXPECT_EQ(file->tensor("odd.weight")->type, tensor::Type::kQ5_0);
  EXPECT_EQ(*file->integer("general.file_type"), 15u);
  EXPECT_FALSE(quantize_model(folder.path / "in.gguf", folder.path / "out.gguf", "Q9"));
  EXPECT_FALSE(quantize_model(folder.path / "in.gguf", folder.path / "in.gguf", "Q8_0"));
}

TEST(ImportLlama2c, Stories) {
  const fs::path data = data_path("models/stories260K");
  if (data.empty()) GTEST_SKIP() << "SILLOK_DATA has no models/stories260K";
  const Folder folder;
  const auto done = import_llama2c(data / "stories260K.bin", data / "tok512.bin", folder.path / "out.gguf");
  ASSERT_TRUE(done) << done.error().message;
  const auto file = *Gguf::open(folder.path / "out.gguf");
  EXPECT_EQ(*file->integer("llama.embedding_length"), 64u);
  const auto tokenizer = Tokenizer::from(*file);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  const std::string text = "Once upon a time, 한글 was new.";
  EXPECT_EQ((*tokenizer)->decode((*tokenizer)->encode(text, {})), text);
}

}  // namespace
}  // namespace sillok::model
