// Hugging Face folders: config.json and safetensors to GGUF, tensors by their GGUF names.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>

#include "model/gguf.h"
#include "model/import.h"
#include "model/rows.h"
#include "model/safetensors.h"

namespace sillok::model {
namespace {

using Json = nlohmann::json;
using tensor::Type;

constexpr uint64_t kMaxConfig = 16 << 20;

// How an architecture's files differ from the common pattern.
struct Architecture {
  std::string_view hugging_face;  // config.json "architectures"
  std::string_view gguf;
  bool interleaves = false;       // q and k rows go from halves to neighbouring pairs
  bool norm_plus_one = false;     // norms are stored less one
  bool post_norms = false;        // post_attention_layernorm follows attention, it is not the feed-forward's norm
};
constexpr std::array<Architecture, 16> kArchitectures = {{
    {"LlamaForCausalLM", "llama", true},
    {"MistralForCausalLM", "llama", true},
    {"Qwen2ForCausalLM", "qwen2"},
    {"Qwen3ForCausalLM", "qwen3"},
    {"Qwen3MoeForCausalLM", "qwen3moe"},
    {"ExaoneForCausalLM", "exaone"},
    {"Exaone4ForCausalLM", "exaone4", false, false, true},
    {"Gemma2ForCausalLM", "gemma2", false, true, true},
    {"Gemma3ForCausalLM", "gemma3", false, true, true},
    {"Gemma3ForConditionalGeneration", "gemma3", false, true, true},
    {"Phi3ForCausalLM", "phi3"},
    {"Olmo2ForCausalLM", "olmo2", false, false, true},
    {"Olmo3ForCausalLM", "olmo2", false, false, true},
    {"", ""}, {"", ""}, {"", ""},
}};

struct Name {
  std::string_view hugging_face, gguf;
};
constexpr std::array<Name, 26> kLayerNames = {{
    {"self_attn.q_proj", "attn_q"}, {"self_attn.k_proj", "attn_k"}, {"self_attn.v_proj", "attn_v"},
    {"self_attn.o_proj", "attn_output"}, {"self_attn.qkv_proj", "attn_qkv"}, {"self_attn.q_norm", "attn_q_norm"},
    {"self_attn.k_norm", "attn_k_norm"}, {"mlp.gate_proj", "ffn_gate"}, {"mlp.up_proj", "ffn_up"},
    {"mlp.gate_up_proj", "ffn_up"}, {"mlp.down_proj", "ffn_down"}, {"mlp.gate", "ffn_gate_inp"},
    {"input_layernorm", "attn_norm"}, {"pre_feedforward_layernorm", "ffn_norm"},
    {"post_feedforward_layernorm", "post_ffw_norm"},
    // EXAONE 3
    {"attn.attention.q_proj", "attn_q"}, {"attn.attention.k_proj", "attn_k"}, {"attn.attention.v_proj", "attn_v"},
    {"attn.attention.out_proj", "attn_output"}, {"mlp.c_fc_0", "ffn_gate"}, {"mlp.c_fc_1", "ffn_up"},
    {"mlp.c_proj", "ffn_down"}, {"ln_1", "attn_norm"}, {"ln_2", "ffn_norm"}, {"", ""}, {"", ""},
}};

struct Config {
  Json json;
  const Architecture* architecture = nullptr;

  // The first of these keys that is there and no null.
  const Json* find(std::initializer_list<const char*> keys) const {
    for (const char* key : keys) {
      const auto found = json.find(key);
      if (found != json.end() && !found->is_null()) return &*found;
    }
    return nullptr;
  }
  Result<uint64_t> number(std::initializer_list<const char*> keys) const {
    const Json* value = find(keys);
    if (value == nullptr) return fail(ErrorCode::kInvalid, std::string("config.json has no ") + *keys.begin());
    if (!value->is_number_unsigned() || value->get<uint64_t>() > (1u << 30)) {
      return fail(ErrorCode::kInvalid, std::string("config.json: ") + *keys.begin() + " is no whole number in range");
    }
    return value->get<uint64_t>();
  }
  double real(std::initializer_list<const char*> keys, double fallback) const {
    const Json* value = find(keys);
    return value != nullptr && value->is_number() ? value->get<double>() : fallback;
  }
};

Result<Config> read_config(const fs::path& folder) {
  SILLOK_ASSIGN(const std::string text, read_file(folder / "config.json", kMaxConfig));
  Config config;
  config.json = Json::parse(text, nullptr, false);
  if (!config.json.is_object()) return fail(ErrorCode::kInvalid, (folder / "config.json").string() + " is no JSON object");
  const Json names = config.json.value("architectures", Json::array());
  const std::string name = names.is_array() && !names.empty() && names[0].is_string() ? names[0].get<std::string>() : "";
  std::string known;
  for (const Architecture& row : kArchitectures) {
    if (row.hugging_face.empty()) continue;
    if (row.hugging_face == name) config.architecture = &row;
    known += (known.empty() ? "" : ", ") + std::string(row.hugging_face);
  }
  if (config.architecture == nullptr) {
    return fail(ErrorCode::kUnsupported, "the architecture '" + shown(name) + "' is not imported; known are " + known);
  }
  // A model that sees too keeps its language part apart.
  if (const auto inner = config.json.find("text_config"); inner != config.json.end() && inner->is_object()) {
    const Json text_config = *inner;
    config.json.update(text_config);
  }
  return config;
}

struct Dimensions {
  uint64_t layers, width, feed_forward, heads, kv_heads, head, context, vocabulary;
};

Result<Dimensions> read_dimensions(const Config& config) {
  Dimensions d{};
  SILLOK_ASSIGN(d.layers, config.number({"num_hidden_layers", "num_layers"}));
  SILLOK_ASSIGN(d.width, config.number({"hidden_size"}));
  SILLOK_ASSIGN(d.feed_forward, config.number({"intermediate_size"}));
  SILLOK_ASSIGN(d.heads, config.number({"num_attention_heads"}));
  d.kv_heads = d.heads;
  if (config.find({"num_key_value_heads"}) != nullptr) {
    SILLOK_ASSIGN(d.kv_heads, config.number({"num_key_value_heads"}));
  }
  SILLOK_ASSIGN(d.context, config.number({"max_position_embeddings"}));
  SILLOK_ASSIGN(d.vocabulary, config.number({"vocab_size"}));
  if (d.layers == 0 || d.heads == 0 || d.kv_heads == 0 || d.heads % d.kv_heads != 0 || d.vocabulary == 0) {
    return fail(ErrorCode::kInvalid, "config.json: layers, heads or vocabulary do not make sense");
  }
  d.head = d.width / d.heads;
  if (config.find({"head_dim"}) != nullptr) {
    SILLOK_ASSIGN(d.head, config.number({"head_dim"}));
  }
  if (d.head == 0 || d.head % 2 != 0) return fail(ErrorCode::kInvalid, "config.json: the size of a head is not even");
  return d;
}

// RoPE scaling lives under rope_scaling, or rope_parameters in newer files.
Json rope_of(const Config& config) {
  for (const char* key : {"rope_parameters", "rope_scaling"}) {
    const Json* value = config.find({key});
    if (value == nullptr || !value->is_object()) continue;
    if (value->contains("full_attention")) return (*value)["full_attention"];
    return *value;
  }
  return Json::object();
}

std::string rope_type(const Json& rope) {
  for (const char* key : {"rope_type", "type"}) {
    const auto found = rope.find(key);
    if (found != rope.end() && found->is_string()) return found->get<std::string>();
  }
  return "default";
}

double number_in(const Json& object, const char* key, double fallback) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<double>() : fallback;
}

// A tensor of the output: parts of the input one behind the other, or values made here.
struct Planned {
  GgufOut::Tensor out;
  std::vector<const SafeTensor*> parts;
  std::vector<float> values;
  uint64_t permute_heads = 0;  // rows of this many heads go from halves to pairs
  bool plus_one = false;
};

// Llama 3's slowing of low frequencies, as factors that divide them (the model's own description in config.json).
std::vector<float> llama3_factors(const Json& rope, double theta, uint64_t head) {
  const double factor = number_in(rope, "factor", 8), low = number_in(rope, "low_freq_factor", 1),
               high = number_in(rope, "high_freq_factor", 4), old = number_in(rope, "original_max_position_embeddings", 8192);
  std::vector<float> factors;
  for (uint64_t i = 0; i < head; i += 2) {
    const double length = 2 * std::numbers::pi * std::pow(theta, static_cast<double>(i) / static_cast<double>(head));
    double value = 1;
    if (length > old / low) {
      value = factor;
    } else if (length >= old / high) {
      const double smooth = (old / length - low) / (high - low);
      value = 1 / ((1 - smooth) / factor + smooth);
    }
    factors.push_back(static_cast<float>(value));
  }
  return factors;
}

Status plan_rope(const Config& config, const Dimensions& d, GgufOut& out, std::vector<Planned>& plan) {
  const std::string a(config.architecture->gguf);
  const Json rope = rope_of(config);
  const bool gemma3 = a == "gemma3";
  const double theta = number_in(rope, "rope_theta", config.real({"rope_theta"}, gemma3 ? 1e6 : 10000.0));
  out.metadata.emplace_back(a + ".rope.freq_base", theta);
  const double part = number_in(rope, "partial_rotary_factor", config.real({"partial_rotary_factor"}, 1.0));
  const auto rotated = static_cast<uint64_t>(part * static_cast<double>(d.head));
  out.metadata.emplace_back(a + ".rope.dimension_count", rotated);
  const std::string type = rope_type(rope);
  const auto add_values = [&plan](const char* name, std::vector<float> values) {
    Planned planned;
    planned.out = {name, Type::kF32, {values.size()}};
    planned.values = std::move(values);
    plan.push_back(std::move(planned));
  };
  const auto scaling = [&](const char* name) {
    out.metadata.emplace_back(a + ".rope.scaling.type", std::string(name));
    if (rope.contains("factor")) out.metadata.emplace_back(a + ".rope.scaling.factor", number_in(rope, "factor", 1));
  };
  const auto original = static_cast<uint64_t>(
      number_in(rope, "original_max_position_embeddings", config.real({"original_max_position_embeddings"}, 0)));
  if (type == "default" || type == "dynamic") return {};
  if (type == "linear") {
    scaling("linear");
  } else if (type == "yarn") {
    scaling("yarn");
    if (original > 0) out.metadata.emplace_back(a + ".rope.scaling.original_context_length", original);
    if (rope.contains("attention_factor")) {
      out.metadata.emplace_back(a + ".rope.scaling.yarn_attn_factor", number_in(rope, "attention_factor", 1));
    }
    if (rope.contains("beta_fast")) out.metadata.emplace_back(a + ".rope.scaling.yarn_beta_fast", number_in(rope, "beta_fast", 32));
    if (rope.contains("beta_slow")) out.metadata.emplace_back(a + ".rope.scaling.yarn_beta_slow", number_in(rope, "beta_slow", 1));
  } else if (type == "llama3") {
    add_values("rope_freqs.weight", llama3_factors(rope, theta, rotated));
  } else if (type == "longrope" || type == "su") {
    if (original == 0) return tl::unexpected<Error>(Error{ErrorCode::kInvalid, "config.json: longrope without original_max_position_embeddings"});
    for (const auto& [key, name] : {std::pair("long_factor", "rope_factors_long.weight"), {"short_factor", "rope_factors_short.weight"}}) {
      const auto found = rope.find(key);
      if (found == rope.end() || !found->is_array() || found->size() != rotated / 2 ||
          !std::all_of(found->begin(), found->end(), [](const Json& v) { return v.is_number(); })) {
        return tl::unexpected<Error>(Error{ErrorCode::kInvalid, std::string("config.json: ") + key + " is no list of " + std::to_string(rotated / 2) + " numbers"});
      }
      add_values(name, found->get<std::vector<float>>());
    }
    const double scale = static_cast<double>(d.context) / static_cast<double>(original);
    const double magnitude = scale > 1 ? std::sqrt(1 + std::log(scale) / std::log(static_cast<double>(original))) : 1;
    scaling("longrope");
    out.metadata.emplace_back(a + ".rope.scaling.original_context_length", original);
    out.metadata.emplace_back(a + ".rope.scaling.attn_factor", magnitude);
  } else {
    return tl::unexpected<Error>(Error{ErrorCode::kUnsupported, "the RoPE scaling '" + shown(type) + "' is not imported"});
  }
  return {};
}

// Which layers see a window only; empty if the file does not say.
std::vector<int64_t> window_pattern(const Config& config, uint64_t layers) {
  std::vector<int64_t> pattern;
  if (const Json* types = config.find({"layer_types"}); types != nullptr && types->is_array()) {
    for (const Json& type : *types) pattern.push_back(type == "sliding_attention" ? 1 : 0);
  } else if (const Json* period = config.find({"sliding_window_pattern"})) {
    for (uint64_t i = 0; i < layers; ++i) {
      if (period->is_string() && !period->get<std::string>().empty()) {
        const auto text = period->get<std::string>();
        pattern.push_back(text[i % text.size()] == 'L' ? 1 : 0);
      } else if (period->is_number_unsigned() && period->get<uint64_t>() > 0) {
        pattern.push_back((i + 1) % period->get<uint64_t>() != 0 ? 1 : 0);
      }
    }
  }
  return pattern.size() == layers ? pattern : std::vector<int64_t>{};
}

Status describe(const Config& config, const Dimensions& d, const fs::path& folder, GgufOut& out) {
  const std::string a(config.architecture->gguf);
  const auto add = [&](const char* key, GgufValue value) { out.metadata.emplace_back(a + key, std::move(value)); };
  const Json* name = config.find({"_name_or_path"});
  const std::string called = name != nullptr && name->is_string() ? name->get<std::string>() : "";
  out.metadata.emplace_back("general.architecture", a);
  out.metadata.emplace_back("general.name", called.empty() ? fs::absolute(folder).lexically_normal().filename().string()
                                                           : fs::path(called).filename().string());
  add(".block_count", d.layers);
  add(".context_length", d.context);
  add(".embedding_length", d.width);
  add(".feed_forward_length", d.feed_forward);
  add(".attention.head_count", d.heads);
  add(".attention.head_count_kv", d.kv_heads);
  add(".attention.key_length", d.head);
  add(".attention.value_length", d.head);
  add(".attention.layer_norm_rms_epsilon", config.real({"rms_norm_eps", "layer_norm_epsilon"}, 1e-6));
  add(".vocab_size", d.vocabulary);
  const bool gemma2 = a == "gemma2", gemma3 = a == "gemma3";
  const bool windows = gemma2 || gemma3 || a == "phi3" || a == "exaone4" || a == "olmo2";
  if (windows && config.find({"sliding_window"}) != nullptr) {
    SILLOK_ASSIGN(const uint64_t window, config.number({"sliding_window"}));
    add(".attention.sliding_window", window);
    if (a == "exaone4" || a == "olmo2") {
      if (auto pattern = window_pattern(config, d.layers); !pattern.empty()) {
        auto array = std::make_shared<GgufArray>();
        array->integers = std::move(pattern);
        array->kind = static_cast<uint32_t>(GgufKind::kBool);
        add(".attention.sliding_window_pattern", std::shared_ptr<const GgufArray>(std::move(array)));
      }
    }
  } else if (a == "phi3") {
    add(".attention.sliding_window", uint64_t{0});  // tells Phi 4 from its elders
  }
  if (gemma2) {
    add(".attn_logit_softcapping", config.real({"attn_logit_softcapping"}, 50));
    add(".final_logit_softcapping", config.real({"final_logit_softcapping"}, 30));
  }
  if (a == "qwen3moe") {
    SILLOK_ASSIGN(const uint64_t experts, config.number({"num_experts"}));
    SILLOK_ASSIGN(const uint64_t used, config.number({"num_experts_per_tok"}));
    SILLOK_ASSIGN(const uint64_t hidden, config.number({"moe_intermediate_size"}));
    add(".expert_count", experts);
    add(".expert_used_count", used);
    add(".expert_feed_forward_length", hidden);
  }
  return {};
}

Result<std::vector<Safetensors>> open_weights(const fs::path& folder) {
  std::vector<fs::path> paths;
  std::error_code error;
  for (auto it = fs::directory_iterator(folder, error); !error && it != fs::directory_iterator(); it.increment(error)) {
    const std::string name = it->path().filename().string();
    // "consolidated" files hold the same weights under other names.
    if (it->path().extension() == ".safetensors" && name.starts_with("model")) paths.push_back(it->path());
  }
  if (error) return fail(ErrorCode::kIo, "cannot read the folder " + folder.string() + ": " + error.message());
  if (paths.empty()) return fail(ErrorCode::kNotFound, folder.string() + " has no model*.safetensors");
  std::sort(paths.begin(), paths.end());
  std::vector<Safetensors> files;
  for (const fs::path& path : paths) {
    SILLOK_ASSIGN(Safetensors file, Safetensors::open(path));
    files.push_back(std::move(file));
  }
  return files;
}

// "12.rest" -> 12 and "rest".
bool take_number(std::string_view& text, uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end == text.data() + text.size() || *end != '.') return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()) + 1);
  return true;
}

struct Renamed {
  std::string name;      // "" : not needed
  uint64_t expert = 0;   // place among the parts
};

Result<Renamed> rename(std::string_view original, const Architecture& architecture, bool tied) {
  std::string_view name = original;
  const auto take = [&name](std::string_view prefix) {
    if (!name.starts_with(prefix)) return false;
    name.remove_prefix(prefix.size());
    return true;
  };
  for (const std::string_view other : {"vision_tower.", "multi_modal_projector.", "model.vision_tower.", "model.multi_modal_projector."}) {
    if (name.starts_with(other)) return Renamed{};
  }
  if (take("language_model.")) {}
  if (name == "lm_head.weight") return Renamed{tied || architecture.gguf == "gemma2" || architecture.gguf == "gemma3" ? "" : "output.weight"};
  if (!take("model.language_model.") && !take("model.")) take("transformer.");
  if (name == "embed_tokens.weight" || name == "wte.weight") return Renamed{"token_embd.weight"};
  if (name == "norm.weight" || name == "ln_f.weight") return Renamed{"output_norm.weight"};
  if (name.ends_with("rotary_emb.inv_freq") || name.ends_with("rotary.inv_freq")) return Renamed{};
  uint64_t layer = 0, expert = 0;
  const auto unknown = [&] {
    return fail(ErrorCode::kUnsupported, "tensor '" + shown(original) + "' has no known place in " + std::string(architecture.gguf));
  };
  if ((!take("layers.") && !take("h.")) || !take_number(name, layer)) return unknown();
  const std::string block = "blk." + std::to_string(layer) + ".";
  const size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return unknown();
  const std::string_view what = name.substr(0, dot), suffix = name.substr(dot);
  if (suffix != ".weight" && suffix != ".bias") return unknown();
  std::string_view rest = name;
  if (rest.starts_with("mlp.experts.")) {
    rest.remove_prefix(12);
    if (!take_number(rest, expert)) return unknown();
    for (const Name& row : {Name{"gate_proj.weight", "ffn_gate_exps"}, {"up_proj.weight", "ffn_up_exps"}, {"down_proj.weight", "ffn_down_exps"}}) {
      if (rest == row.hugging_face) return Renamed{block + std::string(row.gguf) + ".weight", expert};
    }
    return unknown();
  }
  if (what == "post_attention_layernorm") {
    return Renamed{block + (architecture.post_norms ? "post_attention_norm" : "ffn_norm") + std::string(suffix)};
  }
  for (const Name& row : kLayerNames) {
    if (!row.hugging_face.empty() && row.hugging_face == what) return Renamed{block + std::string(row.gguf) + std::string(suffix)};
  }
  return unknown();
}

bool is_expert(std::string_view name) { return name.ends_with("_exps.weight"); }

Status plan_tensors(const std::vector<Safetensors>& files, const Config& config, const Dimensions& d, std::optional<Type> wanted,
                    std::vector<Planned>& plan) {
  const Json* tie = config.find({"tie_word_embeddings"});
  const bool tied = tie != nullptr && tie->is_boolean() && tie->get<bool>();
  std::map<std::string, std::map<uint64_t, const SafeTensor*>> found;
  for (const Safetensors& file : files) {
    for (const auto& [name, tensor] : file.tensors()) {
      SILLOK_ASSIGN(const Renamed renamed, rename(name, *config.architecture, tied));
      if (renamed.name.empty()) continue;
      if (tensor.type != Type::kF32 && tensor.type != Type::kF16 && tensor.type != Type::kBF16) {
        return tl::unexpected<Error>(Error{ErrorCode::kUnsupported, "tensor '" + shown(name) + "' is of type " + std::string(tensor::info(tensor.type).name) +
                                                                        "; weights of F32, F16 and BF16 are imported"});
      }
      if (!found[renamed.name].emplace(renamed.expert, &tensor).second) {
        return tl::unexpected<Error>(Error{ErrorCode::kInvalid, "tensor '" + shown(name) + "' is there twice"});
      }
    }
  }
  for (const auto& [name, parts] : found) {
    const SafeTensor& first = *parts.begin()->second;
    Planned planned;
    for (const auto& [index, part] : parts) {
      if (index != planned.parts.size() || part->shape != first.shape || part->type != first.type) {
        return tl::unexpected<Error>(Error{ErrorCode::kInvalid, "'" + shown(part->name) + "': an expert before it is missing or of another shape"});
      }
      planned.parts.push_back(part);
    }
    if (first.shape.empty() || first.shape.size() > 2) {
      return tl::unexpected<Error>(Error{ErrorCode::kInvalid, "tensor '" + shown(first.name) + "' has " + std::to_string(first.shape.size()) + " dimensions"});
    }
    std::vector<uint64_t> shape(first.shape.rbegin(), first.shape.rend());
    const bool matrix = shape.size() == 2;
    if (is_expert(name)) shape.push_back(parts.size());
    Type type = matrix ? wanted.value_or(first.type) : Type::kF32;
    if (shape[0] % tensor::info(type).block_elements != 0) type = Type::kF16;
    if (matrix && name.ends_with("ffn_gate_inp.weight")) type = Type::kF32;
    planned.out = {name, type, shape};
    const bool query = name.ends_with(".attn_q.weight") || name.ends_with(".attn_q.bias");
    const bool key = name.ends_with(".attn_k.weight") || name.ends_with(".attn_k.bias");
    if (config.architecture->interleaves && (query || key)) {
      planned.permute_heads = query ? d.heads : d.kv_heads;
      if (first.shape[0] % (planned.permute_heads * 2) != 0) {
        return tl::unexpected<Error>(Error{ErrorCode::kInvalid, "tensor '" + shown(first.name) + "' does not divide into its heads"});
      }
    }
    planned.plus_one = config.architecture->norm_plus_one && name.ends_with("norm.weight");
    plan.push_back(std::move(planned));
  }
  return {};
}

// Row r of the output is this row of the input: of a head's rows, i and i + half become neighbours.
uint64_t permuted_row(uint64_t row, uint64_t rows, uint64_t heads) {
  const uint64_t size = rows / heads, head = row / size, within = row % size;
  return head * size + (within % 2) * (size / 2) + within / 2;
}

Status write_tensor(const Planned& planned, const std::function<Status(std::string_view)>& append) {
  if (!planned.values.empty()) {
    return append({reinterpret_cast<const char*>(planned.values.data()), planned.values.size() * sizeof(float)});
  }
  for (const SafeTensor* part : planned.parts) {
    // A vector is a column for the permutation, so that its elements move as rows do.
    const bool vector = part->shape.size() == 1 && planned.permute_heads > 0;
    const uint64_t rows = part->shape.size() == 1 && !vector ? 1 : part->shape[0];
    const uint64_t columns = part->shape.size() == 1 ? (vector ? 1 : part->shape[0]) : part->shape[1];
    if (rows == 0 || columns == 0) return tl::unexpected<Error>(Error{ErrorCode::kInvalid, "tensor '" + shown(part->name) + "' is empty"});
    const size_t row_bytes = tensor::row_bytes(part->type, static_cast<size_t>(columns));
    const auto source = [&](size_t row) {
      const uint64_t from = planned.permute_heads > 0 ? permuted_row(row, rows, planned.permute_heads) : row;
      return part->bytes.data() + from * row_bytes;
    };
    std::function<void(std::span<float>)> edit;
    if (planned.plus_one) {
      edit = [](std::span<float> values) {
        for (float& value : values) value += 1;
      };
    }
    SILLOK_TRY(convert_rows(part->type, planned.out.type, static_cast<size_t>(rows), static_cast<size_t>(columns), source, edit, append));
  }
  return {};
}

}  // namespace

Status import_hugging_face(const fs::path& folder, const fs::path& out, std::optional<Type> type, const ModelProgress& progress) {
  if (type && !tensor::can_quantize(*type)) {
    return fail(ErrorCode::kUnsupported, "this build does not write " + std::string(tensor::info(*type).name));
  }
  SILLOK_ASSIGN(const Config config, read_config(folder));
  SILLOK_ASSIGN(const Dimensions d, read_dimensions(config));
  SILLOK_ASSIGN(const auto files, open_weights(folder));
  GgufOut what;
  std::vector<Planned> plan;
  SILLOK_TRY(describe(config, d, folder, what));
  SILLOK_TRY(plan_rope(config, d, what, plan));
  SILLOK_TRY(import_tokenizer(folder, static_cast<size_t>(d.vocabulary), what.metadata));
  SILLOK_TRY(plan_tensors(files, config, d, type, plan));
  uint64_t total = 0, done = 0;
  for (const Planned& planned : plan) {
    what.tensors.push_back(planned.out);
    for (const SafeTensor* part : planned.parts) total += part->bytes.size();
  }
  return write_gguf(out, what, [&](size_t i, const std::function<Status(std::string_view)>& append) -> Status {
    SILLOK_TRY(write_tensor(plan[i], append));
    for (const SafeTensor* part : plan[i].parts) done += part->bytes.size();
    if (progress) progress(done, total);
    return {};
  });
}

Result<std::string> gguf_name(std::string_view hugging_face, std::string_view gguf_architecture) {
  for (const Architecture& row : kArchitectures) {
    if (row.hugging_face.empty() || row.gguf != gguf_architecture) continue;
    SILLOK_ASSIGN(Renamed renamed, rename(hugging_face, row, false));
    if (!renamed.name.empty() && !is_expert(renamed.name)) return std::move(renamed.name);
    break;
  }
  return fail(ErrorCode::kUnsupported, "tensor '" + shown(hugging_face) + "' has no matrix of its own in " + std::string(gguf_architecture));
}

uint64_t interleaved_row(uint64_t row, uint64_t rows, uint64_t heads) { return permuted_row(row, rows, heads); }

}  // namespace sillok::model
