#include "small_models.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "files.h"

namespace sillok::model {
namespace {

using tensor::Type;

// SplitMix64 (Steele, Lea, Flood 2014): the same numbers everywhere.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t bits() {
    uint64_t z = state_ += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }
  float uniform(float low, float high) {  // 24 bits: exact in float32
    return low + (high - low) * (static_cast<float>(bits() >> 40) / 16777216.0F);
  }

 private:
  uint64_t state_;
};

// Where a block keeps float16 scales, and by how much a weight exceeds them on average: the root mean square of
// q * sub-scale over random bits.
struct BlockForm {
  Type type;
  struct Scale {
    size_t offset;
    float share;  // of the block's scale
  };
  std::vector<Scale> scales;
  float spread;
};
const BlockForm* block_form(Type type) {
  static const std::vector<BlockForm> kForms = {
      {Type::kQ4_0, {{0, 1}}, 4.6F},
      {Type::kQ4_1, {{0, 1}, {2, -7.5F}}, 4.6F},
      {Type::kQ5_0, {{0, 1}}, 9.2F},
      {Type::kQ5_1, {{0, 1}, {2, -15.5F}}, 9.2F},
      {Type::kQ8_0, {{0, 1}}, 73},
      {Type::kQ2_K, {{80, 1}, {82, 1.5F}}, 14},
      {Type::kQ3_K, {{108, 1}}, 43},
      {Type::kQ4_K, {{0, 1}, {2, 7.5F}}, 260},
      {Type::kQ5_K, {{0, 1}, {2, 15.5F}}, 540},
      {Type::kQ6_K, {{208, 1}}, 330},
      {Type::kIQ4_NL, {{0, 1}}, 69},
      {Type::kMXFP4, {}, 0},
  };
  const auto found = std::find_if(kForms.begin(), kForms.end(), [type](const BlockForm& f) { return f.type == type; });
  return found == kForms.end() ? nullptr : &*found;
}

// A row of random blocks: every bit of the format is exercised, whatever a quantiser would choose. Scales are such that
// weights have the root mean square `size`.
std::string random_blocks(Random& random, Type type, size_t columns, float size) {
  const tensor::TypeInfo& info = tensor::info(type);
  const BlockForm& form = *block_form(type);
  std::string row;
  for (size_t b = 0; b < columns / info.block_elements; ++b) {
    std::string block(info.block_bytes, '\0');
    for (char& byte : block) byte = static_cast<char>(random.bits() >> 56);
    if (type == Type::kQ8_0) {  // -128 is in no quantised file
      for (char& byte : block) byte = static_cast<signed char>(byte) == -128 ? '\1' : byte;
    }
    if (type == Type::kQ6_K) {  // signed sub-scales at 192, kept to 6 bits
      for (size_t i = 192; i < 208; ++i) block[i] = static_cast<char>(static_cast<signed char>(block[i]) / 4);
    }
    if (type == Type::kMXFP4) block[0] = static_cast<char>(127 + std::ilogb(size) - 2 + static_cast<int>(random.bits() >> 63));
    float scale = form.spread > 0 ? size / form.spread * random.uniform(0.6F, 1.3F) : 0;
    if (form.scales.size() == 1 && random.bits() >> 63 != 0) scale = -scale;
    for (const auto& [offset, share] : form.scales) {
      const uint16_t half = tensor::float_to_half(scale * share);
      std::memcpy(block.data() + offset, &half, sizeof(half));
    }
    row += block;
  }
  return row;
}

std::string random_row(Random& random, Type type, size_t columns, float middle, float size) {
  if (block_form(type) != nullptr) return random_blocks(random, type, columns, size);
  std::vector<float> values(columns);
  const float half_width = size * std::sqrt(3.0F);  // of a uniform distribution with that root mean square
  for (float& value : values) value = middle + random.uniform(-half_width, half_width);
  std::string row(tensor::row_bytes(type, columns), '\0');
  tensor::quantize(type, values.data(), row.data(), columns);
  return row;
}

// ---------------------------------------------------------------------------------------------
// What is in a file

struct Sizes {
  uint64_t layers = 3, width = 64, heads = 4, kv_heads = 2, head_size = 16, feed_forward = 96, context = 128, vocabulary = 288;
};

class Maker {
 public:
  Maker(std::string architecture, const Sizes& sizes, Type type = Type::kF32)
      : architecture_(std::move(architecture)), s_(sizes), type_(type) {
    add_text("general.architecture", architecture_);
    add_text("general.name", "random weights");
    set("block_count", s_.layers);
    set("context_length", s_.context);
    set("embedding_length", s_.width);
    set("attention.head_count", s_.heads);
    set("attention.head_count_kv", s_.kv_heads);
    set("feed_forward_length", s_.feed_forward);
  }
  Maker& set(const std::string& key, GgufValue value) {
    file_.metadata.emplace_back(architecture_ + "." + key, std::move(value));
    return *this;
  }
  // Epsilons are large, so that one read from the wrong place shows.
  Maker& rms() { return set("attention.layer_norm_rms_epsilon", 0.05); }
  Maker& head_size() { return set("attention.key_length", s_.head_size).set("attention.value_length", s_.head_size); }
  Maker& rope(double base = 100) { return set("rope.freq_base", base); }  // low: positions differ much

  Maker& tensor(const std::string& name, std::vector<uint64_t> shape) {
    file_.tensors.push_back({name, shape.size() > 1 ? type_ : Type::kF32, std::move(shape)});
    return *this;
  }
  template <typename F>
  Maker& each_layer(F f) {
    for (uint64_t l = 0; l < s_.layers; ++l) f("blk." + std::to_string(l) + ".");
    return *this;
  }
  Maker& embedding() { return tensor("token_embd.weight", {s_.width, s_.vocabulary}); }
  Maker& final_norm() { return tensor("output_norm.weight", {s_.width}); }
  Maker& output() { return tensor("output.weight", {s_.width, s_.vocabulary}); }
  Maker& norms(std::initializer_list<const char*> names) {
    return each_layer([&](const std::string& blk) {
      for (const char* name : names) tensor(blk + name + ".weight", {s_.width});
    });
  }
  Maker& head_norms() {
    return each_layer([&](const std::string& blk) {
      tensor(blk + "attn_q_norm.weight", {s_.head_size}).tensor(blk + "attn_k_norm.weight", {s_.head_size});
    });
  }
  uint64_t q_size() const { return s_.heads * s_.head_size; }
  uint64_t kv_size() const { return s_.kv_heads * s_.head_size; }
  Maker& attention() {
    return each_layer([&](const std::string& blk) {
      tensor(blk + "attn_q.weight", {s_.width, q_size()}).tensor(blk + "attn_k.weight", {s_.width, kv_size()});
      tensor(blk + "attn_v.weight", {s_.width, kv_size()}).tensor(blk + "attn_output.weight", {q_size(), s_.width});
    });
  }
  Maker& attention_biases() {
    return each_layer([&](const std::string& blk) {
      tensor(blk + "attn_q.bias", {q_size()}).tensor(blk + "attn_k.bias", {kv_size()}).tensor(blk + "attn_v.bias", {kv_size()});
    });
  }
  Maker& feed_forward(bool gated = true) {
    return each_layer([&](const std::string& blk) {
      if (gated) tensor(blk + "ffn_gate.weight", {s_.width, s_.feed_forward});
      tensor(blk + "ffn_up.weight", {s_.width, s_.feed_forward}).tensor(blk + "ffn_down.weight", {s_.feed_forward, s_.width});
    });
  }
  Maker& llama_like() {
    return rms().rope().sentencepiece().embedding().norms({"attn_norm", "ffn_norm"}).attention().feed_forward().final_norm();
  }

  // <unk> <s> </s>, the 256 bytes, and letters.
  Maker& sentencepiece() {
    std::vector<std::string> tokens = {"<unk>", "<s>", "</s>"};
    std::vector<int64_t> types = {2, 3, 3};
    for (int byte = 0; byte < 256; ++byte) {
      char text[8];
      std::snprintf(text, sizeof(text), "<0x%02X>", static_cast<unsigned>(byte));
      tokens.emplace_back(text);
      types.push_back(6);
    }
    for (char letter = 'a'; tokens.size() < s_.vocabulary && letter <= 'z'; ++letter) {
      tokens.emplace_back(1, letter);
      types.push_back(1);
    }
    while (tokens.size() < s_.vocabulary) {
      tokens.push_back("t" + std::to_string(tokens.size()));
      types.push_back(1);
    }
    std::vector<double> scores;
    for (size_t i = 0; i < tokens.size(); ++i) scores.push_back(-static_cast<double>(i));
    add_text("tokenizer.ggml.model", "llama");
    add("tokenizer.ggml.tokens", strings(std::move(tokens)));
    add("tokenizer.ggml.scores", reals(std::move(scores)));
    add("tokenizer.ggml.token_type", integers(std::move(types)));
    add("tokenizer.ggml.bos_token_id", uint64_t{1});
    add("tokenizer.ggml.eos_token_id", uint64_t{2});
    return *this;
  }
  Maker& wordpiece() {
    std::vector<std::string> tokens = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
    std::vector<int64_t> types = {3, 2, 3, 3, 3};
    while (tokens.size() < s_.vocabulary) {
      tokens.push_back("\xE2\x96\x81w" + std::to_string(tokens.size()));
      types.push_back(1);
    }
    add_text("tokenizer.ggml.model", "bert");
    add("tokenizer.ggml.tokens", strings(std::move(tokens)));
    add("tokenizer.ggml.token_type", integers(std::move(types)));
    add("tokenizer.ggml.token_type_count", uint64_t{2});
    add("tokenizer.ggml.bos_token_id", uint64_t{2});
    add("tokenizer.ggml.eos_token_id", uint64_t{3});
    add("tokenizer.ggml.unknown_token_id", uint64_t{1});
    add("tokenizer.ggml.padding_token_id", uint64_t{0});
    add("tokenizer.ggml.seperator_token_id", uint64_t{3});  // so spelt in the format
    add("tokenizer.ggml.cls_token_id", uint64_t{2});
    add("tokenizer.ggml.mask_token_id", uint64_t{4});
    return *this;
  }
  SmallModel done(const std::string& name) { return {name, std::move(file_)}; }

 private:
  void add(const std::string& key, GgufValue value) { file_.metadata.emplace_back(key, std::move(value)); }
  void add_text(const std::string& key, std::string value) { add(key, std::move(value)); }

  std::string architecture_;
  Sizes s_;
  Type type_;
  GgufOut file_;
};

void add_llamas(std::vector<SmallModel>& out) {
  const Sizes plain;
  out.push_back(Maker("llama", plain).llama_like().output().done("llama"));
  out.push_back(Maker("llama", plain).llama_like().tensor("rope_freqs.weight", {plain.head_size / 2}).done("llama-rope-freqs"));
  out.push_back(Maker("llama", plain).llama_like().output().attention_biases()
                    .done("llama-bias"));
  out.push_back(Maker("llama", plain).llama_like().output().set("rope.scaling.type", std::string("linear"))
                    .set("rope.scaling.factor", 4.0).done("llama-linear"));
  out.push_back(Maker("llama", plain).llama_like().output().set("rope.scaling.type", std::string("yarn"))
                    .set("rope.scaling.factor", 4.0).set("rope.scaling.original_context_length", uint64_t{32}).done("llama-yarn"));
  Sizes experts = plain;
  experts.feed_forward = 48;
  Maker mixtral("llama", experts);
  mixtral.rms().rope().sentencepiece().set("expert_count", uint64_t{4}).set("expert_used_count", uint64_t{2});
  mixtral.embedding().norms({"attn_norm", "ffn_norm"}).attention().final_norm().output();
  mixtral.each_layer([&](const std::string& blk) {
    mixtral.tensor(blk + "ffn_gate_inp.weight", {experts.width, 4});
    mixtral.tensor(blk + "ffn_gate_exps.weight", {experts.width, 48, 4}).tensor(blk + "ffn_up_exps.weight", {experts.width, 48, 4});
    mixtral.tensor(blk + "ffn_down_exps.weight", {48, experts.width, 4});
  });
  out.push_back(mixtral.done("llama-experts"));
  out.push_back(Maker("granite", plain).llama_like().set("embedding_scale", 3.0).set("residual_scale", 0.5)
                    .set("logit_scale", 2.0).set("attention.scale", 0.4).done("granite"));
}

void add_qwens(std::vector<SmallModel>& out) {
  const Sizes plain;
  out.push_back(Maker("qwen2", plain).llama_like().attention_biases().done("qwen2"));
  Sizes wide_heads = plain;
  wide_heads.head_size = 24;  // not width / heads
  out.push_back(Maker("qwen3", wide_heads).llama_like().head_size().head_norms().done("qwen3"));
  Maker experts("qwen3moe", wide_heads);
  experts.rms().rope().head_size().sentencepiece();
  experts.set("expert_count", uint64_t{8}).set("expert_used_count", uint64_t{3}).set("expert_feed_forward_length", uint64_t{32});
  experts.embedding().norms({"attn_norm", "ffn_norm"}).attention().head_norms().final_norm().output();
  experts.each_layer([&](const std::string& blk) {
    experts.tensor(blk + "ffn_gate_inp.weight", {64, 8}).tensor(blk + "ffn_gate_exps.weight", {64, 32, 8});
    experts.tensor(blk + "ffn_up_exps.weight", {64, 32, 8}).tensor(blk + "ffn_down_exps.weight", {32, 64, 8});
  });
  out.push_back(experts.done("qwen3moe"));
}

void add_exaones(std::vector<SmallModel>& out) {
  const Sizes plain;
  out.push_back(Maker("exaone", plain).llama_like().output().tensor("rope_freqs.weight", {plain.head_size / 2}).done("exaone"));
  const auto exaone4 = [&out](const Sizes& sizes, uint64_t window, const std::string& name) {
    Maker maker("exaone4", sizes);
    maker.rms().rope().sentencepiece();
    if (window > 0) maker.set("attention.sliding_window", window);
    maker.embedding().norms({"post_attention_norm", "post_ffw_norm"}).attention().head_norms().feed_forward().final_norm();
    out.push_back(maker.done(name));
  };
  exaone4(plain, 0, "exaone4");
  // With 64 layers the reference makes three of four slide and only those rotate.
  Sizes deep = {.layers = 64, .width = 32, .heads = 2, .kv_heads = 1, .head_size = 16, .feed_forward = 48};
  exaone4(deep, 8, "exaone4-windows");
}

void add_gemmas(std::vector<SmallModel>& out) {
  Sizes sizes;
  sizes.layers = 4;
  sizes.head_size = 24;
  out.push_back(Maker("gemma", sizes).llama_like().head_size().done("gemma"));
  Maker two("gemma2", sizes);
  two.rms().rope().head_size().sentencepiece().set("attention.sliding_window", uint64_t{8});
  two.set("attn_logit_softcapping", 1.5).set("final_logit_softcapping", 2.0);
  two.embedding().norms({"attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"}).attention().feed_forward().final_norm();
  out.push_back(two.done("gemma2"));
  sizes.layers = 7;  // the sixth sees everything
  Maker three("gemma3", sizes);
  three.rms().rope(1000).head_size().sentencepiece().set("attention.sliding_window", uint64_t{8});
  three.set("rope.freq_base_swa", 50.0).set("rope.scaling.type", std::string("linear")).set("rope.scaling.factor", 8.0);
  three.embedding().norms({"attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"}).attention().head_norms();
  three.feed_forward().final_norm();
  out.push_back(three.done("gemma3"));
}

void add_phi(std::vector<SmallModel>& out) {
  const auto phi = [&out](uint64_t original_context, const std::string& name) {
    const Sizes sizes;
    const uint64_t rotated = 12;  // of 16
    Maker maker("phi3", sizes);
    maker.rms().rope().sentencepiece().set("rope.dimension_count", rotated);
    maker.set("rope.scaling.attn_factor", 1.19).set("rope.scaling.original_context_length", original_context);
    maker.embedding().norms({"attn_norm", "ffn_norm"}).final_norm().output();
    maker.each_layer([&](const std::string& blk) {
      maker.tensor(blk + "attn_qkv.weight", {sizes.width, 64 + 2 * 32}).tensor(blk + "attn_output.weight", {64, sizes.width});
      maker.tensor(blk + "ffn_up.weight", {sizes.width, 2 * sizes.feed_forward});
      maker.tensor(blk + "ffn_down.weight", {sizes.feed_forward, sizes.width});
    });
    maker.tensor("rope_factors_long.weight", {rotated / 2}).tensor("rope_factors_short.weight", {rotated / 2});
    out.push_back(maker.done(name));
  };
  phi(512, "phi3-short");
  phi(64, "phi3-long");
}

void add_olmos(std::vector<SmallModel>& out) {
  const auto olmo = [&out](bool windows, const std::string& name) {
    Sizes sizes;
    sizes.layers = 4;
    Maker maker("olmo2", sizes);
    maker.rms().rope().sentencepiece();
    if (windows) {
      maker.set("attention.sliding_window", uint64_t{8}).set("rope.scaling.type", std::string("yarn"));
      maker.set("rope.scaling.factor", 8.0).set("rope.scaling.original_context_length", uint64_t{16});
    }
    maker.embedding().norms({"post_attention_norm", "post_ffw_norm"}).attention().feed_forward().final_norm().output();
    maker.each_layer([&](const std::string& blk) {
      maker.tensor(blk + "attn_q_norm.weight", {64}).tensor(blk + "attn_k_norm.weight", {32});
    });
    out.push_back(maker.done(name));
  };
  olmo(false, "olmo2");
  olmo(true, "olmo2-windows");
}

void add_encoders(std::vector<SmallModel>& out) {
  Sizes sizes;
  sizes.kv_heads = 4;
  sizes.vocabulary = 80;
  const auto encoder = [&sizes](const std::string& architecture, uint64_t pooling) {
    Maker maker(architecture, sizes);
    maker.set("attention.layer_norm_epsilon", 0.05).set("attention.causal", false).set("pooling_type", pooling).wordpiece();
    maker.embedding().tensor("token_types.weight", {sizes.width, 2});
    maker.tensor("token_embd_norm.weight", {sizes.width}).tensor("token_embd_norm.bias", {sizes.width});
    maker.each_layer([&](const std::string& blk) {
      for (const char* norm : {"attn_output_norm", "layer_output_norm"}) {
        maker.tensor(blk + norm + ".weight", {sizes.width}).tensor(blk + norm + ".bias", {sizes.width});
      }
    });
    return maker;
  };
  const auto bert = [&](uint64_t pooling) {
    Maker maker = encoder("bert", pooling);
    maker.tensor("position_embd.weight", {sizes.width, sizes.context}).attention().attention_biases().feed_forward(false);
    maker.each_layer([&](const std::string& blk) {
      maker.tensor(blk + "attn_output.bias", {sizes.width}).tensor(blk + "ffn_up.bias", {sizes.feed_forward});
      maker.tensor(blk + "ffn_down.bias", {sizes.width});
    });
    return maker;
  };
  out.push_back(bert(2).done("bert"));
  Maker reranker = bert(4);
  reranker.tensor("cls.weight", {sizes.width, sizes.width}).tensor("cls.bias", {sizes.width});
  reranker.tensor("cls.output.weight", {sizes.width, 1}).tensor("cls.output.bias", {1});
  out.push_back(reranker.done("bert-rank"));
  Maker nomic = encoder("nomic-bert", 1);
  nomic.rope();
  nomic.each_layer([&](const std::string& blk) {
    nomic.tensor(blk + "attn_qkv.weight", {sizes.width, 3 * sizes.width}).tensor(blk + "attn_output.weight", {sizes.width, sizes.width});
  });
  out.push_back(nomic.feed_forward().done("nomic-bert"));
}

void add_types(std::vector<SmallModel>& out) {
  const Sizes sizes = {.layers = 2, .width = 256, .heads = 4, .kv_heads = 2, .head_size = 64, .feed_forward = 512};
  for (const Type type : {Type::kF16, Type::kBF16, Type::kQ8_0, Type::kQ4_0, Type::kQ4_1, Type::kQ5_0, Type::kQ5_1, Type::kQ2_K,
                          Type::kQ3_K, Type::kQ4_K, Type::kQ5_K, Type::kQ6_K, Type::kIQ4_NL, Type::kMXFP4}) {
    out.push_back(Maker("llama", sizes, type).llama_like().output().done("llama-" + std::string(tensor::info(type).name)));
    out.back().query_gain = 0.7F;  // mild: the rounding of a type is not blown up by a softmax
  }
}

}  // namespace

std::vector<SmallModel> small_adapters() {
  const auto adapter = [](const std::string& name, double alpha) {
    SmallModel made;
    made.name = name;
    made.file.metadata = {{"general.type", std::string("adapter")},
                          {"general.architecture", std::string("llama")},
                          {"adapter.type", std::string("lora")},
                          {"adapter.lora.alpha", alpha}};
    return made;
  };
  const auto pair = [](SmallModel& to, const std::string& matrix, uint64_t columns, uint64_t rank, uint64_t rows) {
    to.file.tensors.push_back({matrix + ".weight.lora_a", Type::kF32, {columns, rank}});
    to.file.tensors.push_back({matrix + ".weight.lora_b", Type::kF32, {rank, rows}});
  };
  SmallModel one = adapter("lora-one", 8), two = adapter("lora-two", 3);
  pair(one, "blk.0.attn_q", 64, 4, 64);
  pair(one, "blk.0.attn_v", 64, 4, 32);
  pair(one, "blk.1.attn_output", 64, 4, 64);
  pair(one, "blk.1.ffn_gate", 64, 6, 96);
  pair(one, "blk.2.ffn_down", 96, 6, 64);
  pair(one, "output", 64, 4, 288);
  pair(two, "blk.2.attn_k", 64, 2, 32);
  pair(two, "blk.2.ffn_up", 64, 2, 96);
  return {one, two};
}

std::vector<SmallModel> small_models() {
  std::vector<SmallModel> all;
  add_llamas(all);
  add_qwens(all);
  add_exaones(all);
  add_gemmas(all);
  add_phi(all);
  add_olmos(all);
  add_encoders(all);
  add_types(all);
  return all;
}

const SmallModel& small_model(std::string_view name) {
  static const std::vector<SmallModel> kAll = small_models();
  const auto found = std::find_if(kAll.begin(), kAll.end(), [name](const SmallModel& m) { return m.name == name; });
  SILLOK_CHECK(found != kAll.end());
  return *found;
}

Status write_small_model(const SmallModel& model, const fs::path& path) {
  const auto fill = [&model](size_t i, const std::function<Status(std::string_view)>& append) -> Status {
    const GgufOut::Tensor& tensor = model.file.tensors[i];
    Random random(hash64(tensor.name, 20241));  // of the name alone: a tensor added elsewhere changes no other
    const std::string_view name = tensor.name;
    // Activations stay near 1: matrices keep the norm of what they multiply; queries and keys are larger, so that
    // attention has peaks; routers too, so that choices are clear.
    const bool vector = tensor.shape.size() == 1;
    float middle = 0, size = 1 / std::sqrt(static_cast<float>(tensor.shape[0]));
    if (name.find("embd.weight") != name.npos || name.starts_with("token_types")) size = 2 / std::sqrt(static_cast<float>(tensor.shape[0]));
    if (name.ends_with("attn_q.weight") || name.ends_with("attn_k.weight")) size *= model.query_gain;
    if (name.ends_with("gate_inp.weight")) size *= 1.7F;
    if (vector && name.ends_with("norm.weight")) middle = 1, size = 0.25F;
    if (vector && name.ends_with("bias")) size = 0.3F;
    if (name.starts_with("rope_f")) middle = 2.5F, size = 0.8F;
    size_t rows = 1;
    for (size_t d = 1; d < tensor.shape.size(); ++d) rows *= tensor.shape[d];
    const size_t distinct = std::min(rows, model.distinct_rows);
    std::vector<std::string> kept;
    for (size_t r = 0; r < rows; ++r) {
      if (r < distinct) kept.push_back(random_row(random, tensor.type, tensor.shape[0], middle, size));
      SILLOK_TRY(append(kept[r % distinct]));
    }
    return {};
  };
  return write_gguf(path, model.file, fill);
}

SmallModel chatting_model() {
  SmallModel model = small_model("llama");
  model.name = "llama-chat";
  for (auto& [key, value] : model.file.metadata) {
    if (key == "llama.context_length") value = uint64_t{16384};
  }
  model.file.metadata.emplace_back("tokenizer.chat_template",
                                   std::string("{% for m in messages %}<s>{{ m.role }}\n{{ m.content }}</s>{% endfor %}{% if add_generation_prompt %}<s>assistant\n{% endif %}"));
  return model;
}

SmallModel measured_model(Type type) {
  const Sizes sizes = {.layers = 16, .width = 2048, .heads = 32, .kv_heads = 8, .head_size = 64, .feed_forward = 8192,
                       .context = 8192, .vocabulary = 128256};
  SmallModel model = Maker("llama", sizes, type).llama_like().done("llama-1b-" + std::string(tensor::info(type).name));
  model.distinct_rows = 256;
  return model;
}

}  // namespace sillok::model
